//! Tables and figures as the document prints them: numbered, key columns without repetition, nested
//! names in one column.

use super::notice;
use crate::document::{self, Column, ColumnGroup, Figure};
use crate::plots::{Plot, file_name};
use crate::table::Table;
use crate::tables::{ENDPOINT, Source};
use crate::words;

/// Counts tables and figures.
pub(crate) struct Numbering {
    n_further_tables: usize,
    n_figures: usize,
    /// Name of the table of hazard models that is Table 2.
    second: Option<String>,
    notice: Option<String>,
}

impl Numbering {
    pub(crate) fn of(source: &Source) -> Self {
        let second = crate::tables::main_hazard_ratios(source);
        Self { n_further_tables: 0, n_figures: 0, second, notice: notice(source) }
    }

    /// A table; without rows it is left out and takes no number.
    pub(crate) fn table(&mut self, mut table: Table) -> Option<document::Table> {
        if table.rows.is_empty() {
            return None;
        }
        if table.is_nested {
            nest(&mut table);
        }
        drop_single_endpoint(&mut table);
        mark_repeated_keys(&mut table);
        Some(document::Table {
            id: format!("table-{}", file_name(&table.name)),
            number: self.number(&table.name),
            groups: groups(&table.columns),
            name: file_name(&table.name),
            caption: table.title,
            columns: table.columns,
            rows: table.rows,
            notes: table.notes,
        })
    }

    fn number(&mut self, name: &str) -> Option<String> {
        match name {
            "summary" => return None,
            "baseline" => return Some("1".into()),
            name if self.second.as_deref() == Some(name) => return Some("2".into()),
            _ => self.n_further_tables += 1,
        }
        Some(format!("S{}", self.n_further_tables))
    }

    pub(crate) fn figure(&mut self, plot: &Plot) -> Figure {
        self.n_figures += 1;
        Figure {
            id: format!("figure-{}", plot.name),
            number: self.n_figures,
            name: plot.name.clone(),
            svg: plot.inline(),
            legend: plot.legend.as_str().into(),
            alternative: plot.legend.clone(),
            notice: self.notice.clone(),
        }
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
    let is_first = table.columns.first().is_some_and(|column| column.title == *ENDPOINT);
    let mut texts = table.rows.iter().map(|row| row.cells[0].text.as_str());
    let first = texts.next();
    if let Some(endpoint) = first.filter(|first| is_first && texts.all(|text| text == *first)) {
        table.title = format!("{}: {}", table.title, words::within(endpoint));
        table.columns.remove(0);
        table.rows.iter_mut().for_each(|row| drop(row.cells.remove(0)));
    }
}

/// Marks a key cell when it and all keys before it repeat the row above.
fn mark_repeated_keys(table: &mut Table) {
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
            table.rows[row].cells[key].is_repeated = true;
        }
    }
}

/// Shared headings over adjacent columns.
fn groups(columns: &[Column]) -> Vec<ColumnGroup> {
    if columns.iter().all(|column| column.group.is_empty()) {
        return Vec::new();
    }
    let mut groups: Vec<ColumnGroup> = Vec::new();
    for column in columns {
        match groups.last_mut() {
            Some(group) if group.title == column.group => group.span += 1,
            _ => groups.push(ColumnGroup { title: column.group.clone(), span: 1 }),
        }
    }
    groups
}
