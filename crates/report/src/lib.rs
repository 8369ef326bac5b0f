//! The report of a study from a [`StudyResult`]: a [`Document`] that belongs to no format, the HTML
//! page that is one way to print it, tables as CSV and figures as SVG.
//!
//! Nothing is computed here but the rounding of what is printed; every number is looked up by its
//! id, so that text, tables and figures cannot disagree. The same result gives the same bytes.

pub mod document;
mod glossary;
mod html;
mod layout;
mod methods;
mod number;
mod numbers;
pub mod paper;
mod plots;
mod table;
mod tables;
mod words;

pub use document::Document;
pub use html::html;

use std::collections::BTreeSet;
use study::StudyResult;
use table::Table;
use tables::Source;

/// A file of the report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReportFile {
    /// Path within the folder of the report, with `/`: `tables/baseline.csv`.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Renders a result: `report.html`, `tables/*.csv` and `figures/*.svg`. A figure is two columns
/// wide; one whose words leave room has a second file, `figures/*-one-column.svg`.
///
/// `report.html` needs no other file. A table without rows and a figure without data are left out;
/// `tables/quantities.csv` holds every number unrounded. Rounding is half away from zero on the
/// decimal digits of the shortest representation of a number.
#[must_use]
pub fn render(result: &StudyResult) -> Vec<ReportFile> {
    let mut files = vec![page(&document(result))];
    files.extend(tables(result));
    files.extend(figures(result));
    files
}

/// The report as a document that belongs to no format, for renderers.
#[must_use]
pub fn document(result: &StudyResult) -> Document {
    layout::document(&Source::of(result))
}

/// `report.html` of a document.
#[must_use]
pub fn page(document: &Document) -> ReportFile {
    file("report.html", html(document).into_bytes())
}

/// `tables/*.csv`: every table with every key in a column of its own, and `tables/quantities.csv`.
#[must_use]
pub fn tables(result: &StudyResult) -> Vec<ReportFile> {
    let mut files = table_files(&Source::of(result));
    files.push(file("tables/quantities.csv", tables::quantities(result)));
    files
}

/// `figures/*.svg`.
#[must_use]
pub fn figures(result: &StudyResult) -> Vec<ReportFile> {
    figure_files(&Source::of(result))
}

/// Ids of quantities that the report prints by its outline and that the result does not have, ascending:
/// none, if nothing was taken out of it. A report printed all the same has a dash for each number and
/// leaves out the sentences that need it.
#[must_use]
pub fn missing(result: &StudyResult) -> Vec<String> {
    let source = Source::of(result);
    // What text and figures print, tables print too.
    let printed = all_tables(&source);
    let ids: BTreeSet<&String> = printed.iter().flat_map(Table::ids).collect();
    ids.into_iter().filter(|id| !source.numbers.has(id)).cloned().collect()
}

/// The canonical bytes of `report.json`: indented by two spaces, fields in the order of the types,
/// numbers in their shortest representation, a line feed at the end.
#[must_use]
pub fn json(result: &StudyResult) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec_pretty(result).expect("a result has string keys and finite numbers");
    bytes.push(b'\n');
    bytes
}

fn table_files(source: &Source) -> Vec<ReportFile> {
    let named = |table: &Table| (format!("tables/{}", plots::file_name(&table.name)), table.csv());
    distinct(all_tables(source).iter().map(named).collect(), "csv")
}

/// Every table that has rows, in the order of the report.
fn all_tables(source: &Source) -> Vec<Table> {
    let mut tables = vec![
        tables::summary(source),
        tables::target_trial(source),
        tables::flow(source),
        tables::flow_counts(source),
        tables::missing(source),
        tables::baseline(source),
        tables::balance_measures(source),
        tables::balance_tests(source),
        tables::balance_within(source),
        tables::balance_unmatched(source),
        tables::propensity(source),
        tables::overlap(source),
        tables::matching(source),
        tables::weighting(source),
        tables::medians(source),
        tables::rates(source),
        tables::restricted_means(source),
        tables::differences(source),
        tables::comparison_tests(source),
        tables::follow_up(source),
        tables::person_time(source),
    ];
    tables.extend(tables::hazard_ratios(source));
    tables.extend(tables::proportional_hazards(source));
    tables.extend([tables::firth(source), tables::selection(source), tables::variances(source)]);
    tables.push(tables::reuse(source));
    tables.extend([tables::piecewise(source), tables::sites(source)]);
    tables.push(tables::without_sites(source));
    tables.extend([tables::models(source), tables::sensitivity(source)]);
    tables.push(tables::hidden_bias(source));
    tables.push(tables::bootstrap(source));
    tables.extend(tables::subgroups(source));
    tables.push(tables::comparisons(source));
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn figure_files(source: &Source) -> Vec<ReportFile> {
    let mut plots = vec![plots::flow(source)];
    plots.extend(plots::love(source));
    plots.extend(plots::overlap(source));
    plots.extend(plots::all_main_curves(source));
    plots.extend(plots::residuals(source));
    plots.extend(plots::log_log(source));
    plots.extend(plots::forests(source));
    plots.extend(plots::subgroup_curves(source));
    plots.extend(plots::compared_curves(source));
    plots.extend(plots::replicates(source));
    let notice = layout::notice(source);
    let profile = source.result.protocol.report.figures;
    let drawn = plots.into_iter().flat_map(|plot| plot.files(notice.clone(), profile));
    let named = drawn.map(|(name, svg)| (format!("figures/{name}"), svg.into_bytes()));
    distinct(named.collect(), "svg")
}

/// Files of one ending; names that would be equal on any file system get a number.
fn distinct(files: Vec<(String, Vec<u8>)>, ending: &str) -> Vec<ReportFile> {
    let mut taken = BTreeSet::new();
    let mut named = Vec::new();
    for (stem, bytes) in files {
        let mut path = format!("{stem}.{ending}");
        let mut number = 2;
        while !taken.insert(path.to_lowercase()) {
            path = format!("{stem}-{number}.{ending}");
            number += 1;
        }
        named.push(ReportFile { path, bytes });
    }
    named
}

fn file(path: &str, bytes: Vec<u8>) -> ReportFile {
    ReportFile { path: path.into(), bytes }
}
