//! What the template reads: the document in runs of pages that lie one way, with the layout of its
//! tables and without its drawings.

use report::Document;
use report::document::{Block, Cover, Figure, Section, Table, Text};
use report::paper::{self, Layout, Orientation, Side};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Data<'a> {
    cover: &'a Cover,
    page: Page,
    /// What links lead to; the values say nothing.
    targets: BTreeMap<&'a str, ()>,
    runs: Vec<Run<'a>>,
}

/// Twentieths of a point.
#[derive(Serialize)]
struct Page {
    short_side: u32,
    long_side: u32,
    side_margin: u32,
    end_margin: u32,
    cell_margin: u32,
    indent: u32,
    highest_figure: u32,
}

/// What stands on pages that lie one way.
#[derive(Serialize)]
struct Run<'a> {
    is_landscape: bool,
    parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Part<'a> {
    Own(Own<'a>),
    Block(&'a Block),
}

/// What is handed over otherwise than as the document has it.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Own<'a> {
    Heading {
        id: &'a str,
        level: u8,
        number: &'a str,
        heading: &'a str,
    },
    Table {
        printed: Printed<'a>,
    },
    Figure {
        id: &'a str,
        number: usize,
        legend: &'a Text,
        alternative: &'a str,
        notice: &'a Option<String>,
    },
}

/// A table with the sides to which titles and cells are set.
#[derive(Serialize)]
struct Printed<'a> {
    table: &'a Table,
    layout: Layout,
    titles: Vec<Side>,
    rows: Vec<Vec<Side>>,
}

/// The data as the template reads them.
pub(crate) fn json(document: &Document) -> String {
    let page = Page {
        short_side: paper::SHORT_SIDE,
        long_side: paper::LONG_SIDE,
        side_margin: paper::SIDE_MARGIN,
        end_margin: paper::END_MARGIN,
        cell_margin: paper::CELL_MARGIN,
        indent: paper::INDENT,
        highest_figure: paper::highest_figure(),
    };
    let data = Data {
        cover: &document.cover,
        page,
        targets: document.targets().map(|target| (target, ())).collect(),
        runs: runs(document),
    };
    serde_json::to_string(&data)
        .expect("a document has string keys and no numbers that are not finite")
}

fn runs(document: &Document) -> Vec<Run<'_>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut add = |orientation: Orientation, part| {
        let is_landscape = orientation == Orientation::Landscape;
        match runs.last_mut() {
            Some(run) if run.is_landscape == is_landscape => run.parts.push(part),
            _ => runs.push(Run { is_landscape, parts: vec![part] }),
        }
    };
    for section in &document.sections {
        let turns = paper::turns(section);
        add(turns.heading, Part::Own(heading(section)));
        for (block, orientation) in section.blocks.iter().zip(turns.blocks) {
            add(orientation, part(block));
        }
    }
    runs
}

fn heading(section: &Section) -> Own<'_> {
    let Section { id, level, number, heading, .. } = section;
    Own::Heading { id, level: *level, number, heading }
}

fn part(block: &Block) -> Part<'_> {
    match block {
        Block::Table(table) => Part::Own(Own::Table { printed: printed(table) }),
        Block::Figure(figure) => {
            let Figure { id, number, legend, alternative, notice, .. } = figure;
            Part::Own(Own::Figure { id, number: *number, legend, alternative, notice })
        }
        other => Part::Block(other),
    }
}

fn printed(table: &Table) -> Printed<'_> {
    let row = |row: &report::document::Row| {
        let mut place = 0;
        let side = |cell: &report::document::Cell| {
            let side = paper::side(table, place, cell);
            place += cell.span.max(1);
            side
        };
        row.cells.iter().map(side).collect()
    };
    Printed {
        layout: paper::layout(table),
        titles: (0..table.columns.len()).map(|place| paper::title_side(table, place)).collect(),
        rows: table.rows.iter().map(row).collect(),
        table,
    }
}
