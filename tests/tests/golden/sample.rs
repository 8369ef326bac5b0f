//! The cohort of a case: its data set with typed columns, and the complete rows.

use crate::case::Case;
use crate::json::{text, texts};
use crate::table::Table;
use cohort::{
    Cohort, Column, EndpointColumns, Selection, Term, Transform, WeightColumn, WeightKind,
};
use serde_json::Value;

/// A cohort whose rows are those of the filtered data set, in file order, which is also the order of
/// their ids: golden cases break ties by file row.
pub struct Sample {
    /// The filtered data set.
    pub table: Table,
    /// The columns that were added.
    pub cohort: Cohort,
}

/// How to read a column.
pub enum Reading {
    /// Numbers when every cell is one, else categories in sorted order.
    Plain,
    /// Numbers divided by a constant.
    Divided(f64),
    /// Categories in a given order.
    Levels(Vec<String>),
}

impl Sample {
    /// The data set of a case after its filter, still without columns.
    pub fn new(case: &Case) -> Self {
        let table = Table::read(&text(&case.input["data"])).filtered(&case.input["filter"]);
        Self::of(table)
    }

    /// A cohort without columns over the rows of a table.
    pub fn of(table: Table) -> Self {
        let ids = (1..=table.len()).map(|row| row.to_string()).collect();
        let cohort = Cohort::new(Some(ids), Vec::new()).expect("a cohort may have no columns");
        Self { table, cohort }
    }

    /// Adds a column of the data set; one that is there already is left as it is.
    pub fn add(&mut self, name: &str, reading: &Reading) {
        if self.cohort.names().any(|known| known == name) {
            return;
        }
        let cells = self.table.column(name);
        let missing = (0..cells.len()).filter(|&row| cells[row].is_empty()).collect();
        let column = match (reading, numbers(&cells)) {
            (Reading::Plain, Some(numbers)) => Column::numeric(name, numbers),
            (Reading::Divided(by), Some(numbers)) => {
                Column::numeric(name, numbers.into_iter().map(|number| number / by).collect())
            }
            (Reading::Divided(_), None) => panic!("{name} is not numeric"),
            (Reading::Levels(levels), _) => categories(name, &cells, levels.clone()),
            (Reading::Plain, None) => categories(name, &cells, sorted_levels(&cells)),
        };
        self.cohort.push(column.with_missing(missing)).expect("the column fits the cohort");
    }

    /// Adds the columns of follow-up as the input names them.
    pub fn add_endpoint(&mut self, input: &Value) -> EndpointColumns {
        let reading = match input["time_divisor"].as_f64() {
            Some(by) => Reading::Divided(by),
            None => Reading::Plain,
        };
        let entry = input["start"].as_str().map(String::from);
        let (time, event) = (text(&input["time"]), text(&input["event"]));
        for name in entry.iter().chain([&time]) {
            self.add(name, &reading);
        }
        self.add(&event, &Reading::Plain);
        let is_event = input.get("event_value").map_or_else(|| "1".to_string(), text);
        let mut censored: Vec<String> =
            self.table.column(&event).into_iter().map(String::from).collect();
        censored.sort();
        censored.dedup();
        censored.retain(|code| *code != is_event && !code.is_empty());
        EndpointColumns {
            entry,
            time,
            event,
            event_codes: vec![is_event],
            censored_codes: censored,
        }
    }

    /// Adds the column of case weights, if there is one; those of R have robust variances here.
    pub fn add_weights(&mut self, input: &Value) -> Option<WeightColumn> {
        let column = input["weights"].as_str()?.to_string();
        self.add(&column, &Reading::Plain);
        Some(WeightColumn { column, kind: WeightKind::Sampling })
    }

    /// Adds the group column, if there is one.
    pub fn add_group(&mut self, input: &Value) -> Option<String> {
        let group = input["group"].as_str()?.to_string();
        let levels = texts(&input["group_levels"]);
        let reading = if levels.is_empty() { Reading::Plain } else { Reading::Levels(levels) };
        self.add(&group, &reading);
        Some(group)
    }

    /// Adds columns read plainly, named by one entry of the input.
    pub fn add_all(&mut self, names: &Value) -> Vec<String> {
        let names = texts(names);
        for name in &names {
            self.add(name, &Reading::Plain);
        }
        names
    }

    /// Adds the columns of the covariates and gives their terms, interactions last as R has them.
    pub fn add_covariates(&mut self, covariates: &Value) -> Vec<Term> {
        let mut terms: Vec<Term> = Vec::new();
        for covariate in covariates.as_array().into_iter().flatten() {
            let term = match covariate["interaction"].as_array() {
                Some(parts) => {
                    let find = |part: &Value| {
                        let name = text(part);
                        let term = terms.iter().find(|term| term.name() == name).cloned();
                        term.unwrap_or_else(|| panic!("{name} is not a term of its own"))
                    };
                    Term::interaction(find(&parts[0]), find(&parts[1]))
                }
                None => self.add_covariate(covariate),
            };
            terms.push(term);
        }
        terms.sort_by_key(|term| matches!(term, Term::Interaction(..)));
        terms
    }

    fn add_covariate(&mut self, covariate: &Value) -> Term {
        let column = text(&covariate["column"]);
        match covariate["kind"].as_str() {
            Some("numeric") => {
                self.add(&column, &Reading::Plain);
                Term::Linear { column, transform: transform(covariate) }
            }
            Some("factor") => {
                self.add(&column, &Reading::Levels(texts(&covariate["levels"])));
                Term::Factor {
                    column,
                    reference: covariate["reference"].as_str().map(String::from),
                }
            }
            other => panic!("unknown kind of covariate {other:?}"),
        }
    }

    /// The rows without a missing value in any column that was added.
    pub fn complete(&self) -> Selection {
        let names: Vec<&str> = self.cohort.names().collect();
        self.complete_in(&names)
    }

    /// The rows without a missing value in these columns.
    pub fn complete_in(&self, names: &[&str]) -> Selection {
        let missing: Vec<&[bool]> = names
            .iter()
            .map(|name| self.cohort.is_missing(name).expect("the column was added"))
            .collect();
        Selection::all(&self.cohort).filter(|row| missing.iter().all(|column| !column[row]))
    }
}

fn transform(covariate: &Value) -> Transform {
    let by = || covariate["by"].as_f64().expect("the transform has a constant");
    match covariate["transform"].as_str() {
        None => Transform::Identity,
        Some("divide") => Transform::Divide(by()),
        Some("center") => Transform::Center(by()),
        Some("log") => Transform::Log,
        Some("log1p") => Transform::Log1p,
        Some("sqrt") => Transform::Sqrt,
        Some(other) => panic!("unknown transform {other}"),
    }
}

/// Every cell as a number, 0 where it is missing, or nothing when some cell is a word.
fn numbers(cells: &[&str]) -> Option<Vec<f64>> {
    cells.iter().map(|cell| if cell.is_empty() { Some(0.0) } else { cell.parse().ok() }).collect()
}

fn sorted_levels(cells: &[&str]) -> Vec<String> {
    let mut levels: Vec<String> =
        cells.iter().filter(|cell| !cell.is_empty()).map(ToString::to_string).collect();
    levels.sort();
    levels.dedup();
    levels
}

fn categories(name: &str, cells: &[&str], levels: Vec<String>) -> Column {
    let code = |cell: &&str| match levels.iter().position(|level| level == cell) {
        Some(code) => code as u32,
        None if cell.is_empty() => 0,
        None => panic!("{name} has the undeclared level {cell}"),
    };
    let codes = cells.iter().map(code).collect();
    Column::categorical(name, levels, codes)
}
