//! A data set as text, filtered by the rules of the input grammar.

use crate::case::folder;
use crate::json::text;
use serde_json::Value;

/// Rows of text cells under named columns; an empty cell is a missing value.
#[derive(Clone)]
pub struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads `data/<name>.csv`.
    pub fn read(name: &str) -> Self {
        let path = folder().join(format!("data/{name}.csv"));
        let mut reader = csv::Reader::from_path(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let cells = |record: &csv::StringRecord| record.iter().map(String::from).collect();
        let names = cells(reader.headers().expect("a data set has a header"));
        let rows = reader.records().map(|row| cells(&row.expect("a data set is valid CSV")));
        Self { rows: rows.collect(), names }
    }

    /// The rows that pass every condition; a missing value fails every test.
    pub fn filtered(mut self, conditions: &Value) -> Self {
        for condition in conditions.as_array().into_iter().flatten() {
            let column = self.position(&text(&condition["column"]));
            self.rows.retain(|row| holds(&row[column], condition));
        }
        self
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The cells of a column.
    pub fn column(&self, name: &str) -> Vec<&str> {
        let position = self.position(name);
        self.rows.iter().map(|row| row[position].as_str()).collect()
    }

    fn position(&self, name: &str) -> usize {
        self.names
            .iter()
            .position(|known| known == name)
            .unwrap_or_else(|| panic!("the data set has no column {name}"))
    }
}

fn holds(cell: &str, condition: &Value) -> bool {
    let value = &condition["value"];
    let order = || match value.as_f64() {
        Some(number) => cell.parse::<f64>().ok().and_then(|cell| cell.partial_cmp(&number)),
        None => value.as_str().map(|text| cell.cmp(text)),
    };
    !cell.is_empty()
        && match condition["op"].as_str() {
            Some("not_missing") => true,
            Some("==") => order().is_some_and(|order| order.is_eq()),
            Some("!=") => order().is_some_and(|order| order.is_ne()),
            Some("<") => order().is_some_and(|order| order.is_lt()),
            Some("<=") => order().is_some_and(|order| order.is_le()),
            Some(">") => order().is_some_and(|order| order.is_gt()),
            Some(">=") => order().is_some_and(|order| order.is_ge()),
            Some("in") => {
                value.as_array().is_some_and(|items| items.iter().any(|item| text(item) == cell))
            }
            other => panic!("unknown condition {other:?}"),
        }
}
