//! Tables: rules above, below the header and at the end, as journals print them.

use crate::anchors::Anchors;
use crate::{style, text};
use docx_rs::{
    AlignmentType, BorderType, BreakType, Paragraph, Run, TableBorder, TableBorderPosition,
    TableBorders, TableCell, TableCellBorder, TableCellBorderPosition, TableCellBorders,
    TableCellMargins, TableLayoutType, TableRow, VAlignType, VMergeType, WidthType,
};
use report::document::{Cell, ColumnGroup, Row, Table};
use report::paper::{self, CELL_MARGIN, INDENT, Layout, Side, is_wider};

/// Eighths of a point.
const THICK: usize = 8;
const THIN: usize = 4;
const INK: &str = "1F2328";

/// How many rows of a table are its header, which Word repeats on each page.
pub(crate) fn n_header_rows(table: &Table) -> usize {
    if table.groups.is_empty() { 1 } else { 2 }
}

/// The table itself, without caption and notes.
pub(crate) fn table(table: &Table, layout: &Layout, anchors: &Anchors) -> docx_rs::Table {
    let writer = Writer { table, layout, anchors };
    let mut rows = Vec::new();
    if !table.groups.is_empty() {
        rows.push(writer.group_row());
    }
    rows.push(writer.title_row());
    rows.extend((0..table.rows.len()).map(|index| writer.row(index)));
    let rule = |position| {
        TableBorder::new(position).border_type(BorderType::Single).size(THICK).color(INK)
    };
    let borders = TableBorders::with_empty()
        .set(rule(TableBorderPosition::Top))
        .set(rule(TableBorderPosition::Bottom));
    let margin = CELL_MARGIN as usize;
    let widths: Vec<usize> = layout.columns.iter().map(|&width| width as usize).collect();
    docx_rs::Table::new(rows)
        .width(widths.iter().sum(), WidthType::Dxa)
        .set_grid(widths)
        .layout(TableLayoutType::Fixed)
        .margins(TableCellMargins::new().margin(20, margin, 20, margin))
        .set_borders(borders)
}

struct Writer<'a> {
    table: &'a Table,
    layout: &'a Layout,
    anchors: &'a Anchors,
}

impl Writer<'_> {
    fn group_row(&self) -> TableRow {
        let mut place = 0;
        let one = |group: &ColumnGroup| {
            let title = text::run(&group.title).bold().size(self.layout.size);
            let paragraph = self.paragraph().align(AlignmentType::Center).keep_next(true);
            let cell = self.cell(place, group.span).add_paragraph(paragraph.add_run(title));
            place += group.span;
            if group.title.is_empty() { cell } else { cell.set_borders(rule_below()) }
        };
        TableRow::new(self.table.groups.iter().map(one).collect()).cant_split()
    }

    fn title_row(&self) -> TableRow {
        let one = |(place, column): (usize, &report::document::Column)| {
            let side = paper::title_side(self.table, place);
            let paragraph = self.paragraph().align(aligned(side)).keep_next(true);
            let mut paragraph = text::append(paragraph, &column.title, self.anchors);
            for child in &mut paragraph.children {
                if let docx_rs::ParagraphChild::Run(run) = child {
                    run.run_property = std::mem::take(&mut run.run_property).bold();
                }
            }
            let cell = self.cell(place, 1).vertical_align(VAlignType::Bottom);
            cell.add_paragraph(self.sized(paragraph)).set_borders(rule_below())
        };
        TableRow::new(self.table.columns.iter().enumerate().map(one).collect()).cant_split()
    }

    fn row(&self, index: usize) -> TableRow {
        let row = &self.table.rows[index];
        let mut place = 0;
        let one = |content: &Cell| {
            let cell = self.content(content, place, row.is_indented);
            let cell = match self.merge(index, place, content) {
                Some(merge) => cell.vertical_merge(merge),
                None => cell,
            };
            place += content.span.max(1);
            cell
        };
        TableRow::new(row.cells.iter().map(one).collect()).cant_split()
    }

    /// Cells that say the same of the same rows become one.
    fn merge(&self, index: usize, place: usize, cell: &Cell) -> Option<VMergeType> {
        let below = self.table.rows.get(index + 1).and_then(|row| cell_at(row, place));
        if cell.is_repeated && 0 < index {
            Some(VMergeType::Continue)
        } else if below.is_some_and(|below| below.is_repeated) {
            Some(VMergeType::Restart)
        } else {
            None
        }
    }

    fn content(&self, content: &Cell, place: usize, is_indented: bool) -> TableCell {
        let side = paper::side(self.table, place, content);
        let mut paragraph = self.paragraph().align(aligned(side));
        if is_indented && place == 0 {
            paragraph = paragraph.indent(Some(INDENT as i32), None, None, None);
        }
        if !content.is_repeated {
            paragraph = self.words(paragraph, content, place);
        }
        self.cell(place, content.span.max(1)).add_paragraph(self.sized(paragraph))
    }

    fn words(&self, paragraph: Paragraph, content: &Cell, place: usize) -> Paragraph {
        let mut run = self.unbroken(content, place);
        if content.is_striking {
            run = run.bold();
        }
        let paragraph = match &content.target {
            Some(target) => text::link(paragraph, run, target, self.anchors),
            None => paragraph.add_run(run),
        };
        text::marks(paragraph, &content.caveats, self.anchors)
    }

    /// A number whose line is too short for its limits has them on the next line.
    fn unbroken(&self, content: &Cell, place: usize) -> Run {
        let room: u32 = self.layout.columns.iter().skip(place).take(content.span.max(1)).sum();
        if content.ids.is_empty() || !is_wider(&content.text, self.layout.size, room) {
            return text::run(&content.text);
        }
        let mut pieces = content.text.split(" (");
        let first = text::run(pieces.next().unwrap_or_default());
        pieces.fold(first, |run, piece| {
            run.add_break(BreakType::TextWrapping).add_text(text::clean(&format!("({piece}")))
        })
    }

    fn cell(&self, place: usize, span: usize) -> TableCell {
        let width: u32 = self.layout.columns.iter().skip(place).take(span).sum();
        let cell = TableCell::new().width(width as usize, WidthType::Dxa);
        if 1 < span { cell.grid_span(span) } else { cell }
    }

    fn paragraph(&self) -> Paragraph {
        Paragraph::new().style(style::CELL)
    }

    /// The paragraph with all its text in the size of the table.
    fn sized(&self, mut paragraph: Paragraph) -> Paragraph {
        for child in &mut paragraph.children {
            match child {
                docx_rs::ParagraphChild::Run(run) => resize(run, self.layout.size),
                docx_rs::ParagraphChild::Hyperlink(link) => {
                    for child in &mut link.children {
                        if let docx_rs::ParagraphChild::Run(run) = child {
                            resize(run, self.layout.size);
                        }
                    }
                }
                _ => {}
            }
        }
        paragraph.size(self.layout.size)
    }
}

fn resize(run: &mut Run, size: usize) {
    run.run_property = std::mem::take(&mut run.run_property).size(size);
}

fn aligned(side: Side) -> AlignmentType {
    match side {
        Side::Left => AlignmentType::Left,
        Side::Right => AlignmentType::Right,
        Side::Center => AlignmentType::Center,
    }
}

fn rule_below() -> TableCellBorders {
    let rule = TableCellBorder::new(TableCellBorderPosition::Bottom);
    TableCellBorders::with_empty().set(rule.border_type(BorderType::Single).size(THIN).color(INK))
}

/// The cell that begins at a column.
fn cell_at(row: &Row, column: usize) -> Option<&Cell> {
    let mut place = 0;
    row.cells.iter().find(|cell| {
        let is_here = place == column;
        place += cell.span.max(1);
        is_here
    })
}
