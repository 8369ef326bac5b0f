//! The HTML document: sections of text, tables and figures, laid out by the template.

use crate::methods::{Paragraph, methods};
use crate::numbers::CollectedCaveat;
use crate::plots::{self, Plot};
use crate::table::{Cell, Column, Row, Table};
use crate::tables::{self, ENDPOINT, Source};
use crate::words;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

const TEMPLATE: &str = include_str!("../templates/report.html");

/// What the template is given.
#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    id: &'a str,
    version: &'static str,
    data_lock: Option<&'a str>,
    notice: Option<&'a str>,
    sentences: Vec<String>,
    summary: Option<PrintedTable>,
    methods: Vec<Paragraph>,
    sections: Vec<Section>,
    caveats: Vec<CollectedCaveat>,
    protocol: String,
    schema: &'a str,
    data_sha256: &'a str,
    protocol_sha256: &'a str,
}

/// A section with a heading; the template leaves out what is empty.
#[derive(Serialize)]
struct Section {
    id: &'static str,
    heading: &'static str,
    parts: Vec<Part>,
}

/// A table or a figure.
#[derive(Serialize)]
struct Part {
    table: Option<PrintedTable>,
    figure: Option<PrintedFigure>,
}

/// A numbered figure.
#[derive(Serialize)]
struct PrintedFigure {
    number: usize,
    svg: String,
    legend: String,
    notice: Option<String>,
}

/// A table as the document prints it: key columns without repetition, nested names in one column.
#[derive(Serialize)]
struct PrintedTable {
    /// Absent for the box of the main results.
    number: Option<usize>,
    name: String,
    title: String,
    /// Shared headings with the number of their columns; empty when there are none.
    groups: Vec<(String, usize)>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// The document of a result.
pub(crate) fn html(source: &Source) -> String {
    let result = source.result;
    let mut numbering = Numbering { notice: notice(source), ..Numbering::default() };
    let notice = numbering.notice.clone();
    let summary = tables::summary(source);
    let document = Document {
        title: &result.protocol.study.title,
        id: &result.protocol.study.id,
        version: env!("CARGO_PKG_VERSION"),
        data_lock: result.protocol.study.data_lock.as_deref(),
        notice: notice.as_deref(),
        sentences: tables::sentences(source),
        summary: (!summary.rows.is_empty()).then(|| printed(summary, None)),
        methods: methods(&result.protocol, &result.outline),
        sections: sections(source, &mut numbering),
        caveats: source.numbers.collected_caveats(result),
        protocol: serde_json::to_string_pretty(&result.protocol)
            .expect("a protocol has string keys alone"),
        schema: &result.schema,
        data_sha256: &result.data_sha256,
        protocol_sha256: &result.protocol_sha256,
    };
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let mut syntax = SyntaxConfig::builder();
    let syntax = syntax.trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the delimiters are those of the library"));
    environment
        .render_str(TEMPLATE, Serde(&document))
        .expect("the template is part of the program and rendered by its tests")
}

/// The notice of the study; synthetic patients always have one.
pub(crate) fn notice(source: &Source) -> Option<String> {
    let study = &source.result.protocol.study;
    let default =
        || "The patients of this study are synthetic; its results are no evidence.".into();
    study.notice.clone().or_else(|| study.synthetic.then(default))
}

fn sections(source: &Source, numbering: &mut Numbering) -> Vec<Section> {
    let mut section = |id, heading, tables: Vec<Table>, plots: Vec<Plot>| {
        let tables = tables.into_iter().map(|table| numbering.table(table)).collect::<Vec<_>>();
        let figures = plots.into_iter().map(|plot| numbering.figure(&plot));
        Section { id, heading, parts: tables.into_iter().chain(figures).collect() }
    };
    let baseline = vec![
        tables::baseline(source),
        tables::balance_measures(source),
        tables::balance_tests(source),
        tables::balance_within(source),
        tables::balance_unmatched(source),
        tables::missing(source),
    ];
    let love = plots::love(source).into_iter().collect();
    let survival = vec![
        tables::medians(source),
        tables::rates(source),
        tables::restricted_means(source),
        tables::comparison_tests(source),
        tables::follow_up(source),
    ];
    let mut cox = tables::hazard_ratios(source);
    cox.extend([tables::firth(source), tables::selection(source)]);
    cox.extend([tables::variances(source), tables::reuse(source), tables::models(source)]);
    cox.extend(tables::proportional_hazards(source));
    cox.extend([tables::sensitivity(source), tables::hidden_bias(source)]);
    let mut subgroup_tables = tables::subgroups(source);
    subgroup_tables.push(tables::comparisons(source));
    let mut subgroup_plots = plots::forests(source);
    subgroup_plots.extend(plots::subgroup_curves(source));
    subgroup_plots.extend(plots::compared_curves(source));
    vec![
        section("flow", "Patients", Vec::new(), vec![plots::flow(source)]),
        section("baseline", "Baseline", baseline, love),
        section(
            "propensity",
            match source.result.protocol.weighting {
                Some(_) => "Propensity score and weights",
                None => "Propensity score and matching",
            },
            vec![
                tables::propensity(source),
                tables::overlap(source),
                tables::matching(source),
                tables::weighting(source),
            ],
            plots::overlap(source).into_iter().collect(),
        ),
        section("survival", "Survival", survival, plots::all_main_curves(source)),
        section("hazard", "Hazard models", cox, Vec::new()),
        section("bootstrap", "Bootstrap", vec![tables::bootstrap(source)], Vec::new()),
        section("subgroups", "Subgroups", subgroup_tables, subgroup_plots),
    ]
}

/// Counts tables and figures from 1.
#[derive(Default)]
struct Numbering {
    n_tables: usize,
    n_figures: usize,
    notice: Option<String>,
}

impl Numbering {
    /// A table; without rows it is left out and takes no number.
    fn table(&mut self, table: Table) -> Part {
        if table.rows.is_empty() {
            return Part { table: None, figure: None };
        }
        self.n_tables += 1;
        Part { table: Some(printed(table, Some(self.n_tables))), figure: None }
    }

    fn figure(&mut self, plot: &Plot) -> Part {
        self.n_figures += 1;
        let figure = PrintedFigure {
            number: self.n_figures,
            svg: plot.inline(),
            legend: plot.legend.clone(),
            notice: self.notice.clone(),
        };
        Part { table: None, figure: Some(figure) }
    }
}

fn printed(mut table: Table, number: Option<usize>) -> PrintedTable {
    if table.is_nested {
        nest(&mut table);
    }
    drop_single_endpoint(&mut table);
    blank_repeated_keys(&mut table);
    for column in &mut table.columns {
        column.title = column.title.replace("n = ", "n\u{a0}=\u{a0}");
    }
    PrintedTable {
        number,
        groups: groups(&table.columns),
        name: table.name,
        title: table.title,
        columns: table.columns,
        rows: table.rows,
        notes: table.notes,
    }
}

/// Moves the names of the second column into the first.
fn nest(table: &mut Table) {
    table.columns.remove(1);
    for row in &mut table.rows {
        let inner = row.cells.remove(1);
        if row.is_indented {
            row.cells[0] = inner;
        }
    }
}

/// Moves the endpoint from its column into the title when there is one endpoint alone.
fn drop_single_endpoint(table: &mut Table) {
    let is_first = table.columns.first().is_some_and(|column| column.title == ENDPOINT);
    let mut texts = table.rows.iter().map(|row| row.cells[0].text.as_str());
    let first = texts.next();
    if let Some(endpoint) = first.filter(|first| is_first && texts.all(|text| text == *first)) {
        table.title = format!("{}: {}", table.title, words::within(endpoint));
        table.columns.remove(0);
        table.rows.iter_mut().for_each(|row| drop(row.cells.remove(0)));
    }
}

/// Blanks a key cell when it and all keys before it repeat the row above.
fn blank_repeated_keys(table: &mut Table) {
    if table.is_nested {
        return;
    }
    let n_keys = table.columns.iter().take_while(|column| column.is_key).count();
    for row in (1..table.rows.len()).rev() {
        for key in 0..n_keys.saturating_sub(1) {
            let [above, here] = [row - 1, row].map(|row| &table.rows[row].cells[key].text);
            if above != here {
                break;
            }
            table.rows[row].cells[key] = Cell::new("");
        }
    }
}

/// Shared headings over adjacent columns.
fn groups(columns: &[Column]) -> Vec<(String, usize)> {
    if columns.iter().all(|column| column.group.is_empty()) {
        return Vec::new();
    }
    let mut groups: Vec<(String, usize)> = Vec::new();
    for column in columns {
        match groups.last_mut() {
            Some((group, n)) if *group == column.group => *n += 1,
            _ => groups.push((column.group.clone(), 1)),
        }
    }
    groups
}
