//! A cohort: named columns over the same patients, in the order of their ids.

use crate::{
    CohortError, Column, Endpoint, EndpointColumns, EndpointError, LARGEST_NUMBER, Selection,
    Values, id_order,
};
use std::collections::{BTreeMap, BTreeSet};

/// Columns over the same subjects.
///
/// Rows stand in the order of their ids (see [`id_order`]), so that no result depends on the order
/// of the file; [`Cohort::caller_row`] leads back. Numbers are finite and codes have a level
/// wherever a cell is not missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Cohort {
    ids: Vec<String>,
    caller_rows: Vec<usize>,
    columns: Vec<StoredColumn>,
    positions: BTreeMap<String, usize>,
}

#[derive(Clone, Debug, PartialEq)]
struct StoredColumn {
    column: Column,
    is_missing: Vec<bool>,
}

/// The categories of some subjects.
#[derive(Clone, Debug, PartialEq)]
pub struct Categories {
    /// Labels in display order; a level may occur in nobody.
    pub levels: Vec<String>,
    /// One index into `levels` per subject.
    pub codes: Vec<u32>,
}

impl Categories {
    /// Number of subjects with each level.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.levels.len()];
        for &code in &self.codes {
            counts[code as usize] += 1;
        }
        counts
    }

    /// Index of a level.
    #[must_use]
    pub fn position(&self, level: &str) -> Option<u32> {
        self.levels.iter().position(|known| known == level).map(|index| index as u32)
    }
}

impl Cohort {
    /// Checks the columns and puts their rows in id order.
    ///
    /// Without ids the row number, from 1, is the id. Fails on a name that occurs twice, a column
    /// of the wrong length, a number that is not finite or beyond [`LARGEST_NUMBER`], a level that
    /// occurs twice, a code without level and a missing row that does not exist.
    pub fn new(ids: Option<Vec<String>>, columns: Vec<Column>) -> Result<Self, CohortError> {
        let n = match (&ids, columns.first()) {
            (Some(ids), _) => ids.len(),
            (None, Some(column)) => column.values.len(),
            (None, None) => 0,
        };
        let (ids, caller_rows) = match ids {
            Some(ids) => {
                let order = id_order(&ids);
                (order.iter().map(|&row| ids[row].clone()).collect(), order)
            }
            None => ((1..=n).map(|row| row.to_string()).collect(), (0..n).collect()),
        };
        let mut cohort = Self { ids, caller_rows, columns: Vec::new(), positions: BTreeMap::new() };
        for column in columns {
            cohort.push(column)?;
        }
        Ok(cohort)
    }

    /// Adds a column whose cells stand in the caller's order of rows.
    pub fn push(&mut self, column: Column) -> Result<(), CohortError> {
        let is_missing = check(&column, self.len())?;
        let stored = StoredColumn {
            is_missing: self.caller_rows.iter().map(|&row| is_missing[row]).collect(),
            column: Column { values: reorder(column.values, &self.caller_rows), ..column },
        };
        let name = stored.column.name.clone();
        if self.positions.insert(name.clone(), self.columns.len()).is_some() {
            return Err(CohortError::DuplicateColumn { column: name });
        }
        self.columns.push(stored);
        Ok(())
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Id of a row.
    #[must_use]
    pub fn id(&self, row: usize) -> &str {
        &self.ids[row]
    }

    /// Where a row of the cohort stood in the caller's order, from 0.
    #[must_use]
    pub fn caller_row(&self, row: usize) -> usize {
        self.caller_rows[row]
    }

    /// For each row of the caller, its row in the cohort.
    #[must_use]
    pub fn rows_by_caller(&self) -> Vec<usize> {
        let mut rows = vec![0; self.len()];
        for (row, &caller_row) in self.caller_rows.iter().enumerate() {
            rows[caller_row] = row;
        }
        rows
    }

    /// Names of the columns in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|stored| stored.column.name.as_str())
    }

    /// The cells of a column in the cohort's order; those of [`Cohort::is_missing`] mean nothing.
    pub fn values(&self, name: &str) -> Result<&Values, CohortError> {
        Ok(&self.stored(name)?.column.values)
    }

    /// Which rows of a column have no value.
    pub fn is_missing(&self, name: &str) -> Result<&[bool], CohortError> {
        Ok(&self.stored(name)?.is_missing)
    }

    /// The numbers of a column for the selected subjects; refuses missing cells.
    pub fn numeric(&self, name: &str, selection: &Selection) -> Result<Vec<f64>, CohortError> {
        let stored = self.complete(name, selection)?;
        match &stored.column.values {
            Values::Numeric(values) => {
                Ok(selection.rows().iter().map(|&row| values[row]).collect())
            }
            Values::Categorical { .. } => Err(CohortError::NotNumeric { column: name.into() }),
        }
    }

    /// The categories of a column for the selected subjects; refuses missing cells.
    ///
    /// A numeric column is read as `factor` in R does: its distinct selected values, ascending,
    /// are the levels.
    pub fn categories(&self, name: &str, selection: &Selection) -> Result<Categories, CohortError> {
        let stored = self.complete(name, selection)?;
        Ok(match &stored.column.values {
            Values::Categorical { levels, codes } => Categories {
                levels: levels.clone(),
                codes: selection.rows().iter().map(|&row| codes[row]).collect(),
            },
            Values::Numeric(values) => {
                factor(&selection.rows().iter().map(|&row| values[row]).collect::<Vec<_>>())
            }
        })
    }

    /// One stratum index per selected subject: the crossing of the columns, or 0 without columns.
    ///
    /// Strata are numbered in the order of the levels of the first column, then the second, and
    /// so on; only those that occur have a number.
    pub fn strata(&self, names: &[String], selection: &Selection) -> Result<Vec<u32>, CohortError> {
        let columns = names
            .iter()
            .map(|name| Ok(self.categories(name, selection)?.codes))
            .collect::<Result<Vec<_>, CohortError>>()?;
        let keys: Vec<Vec<u32>> = (0..selection.len())
            .map(|index| columns.iter().map(|codes| codes[index]).collect())
            .collect();
        let mut distinct = keys.clone();
        distinct.sort_unstable();
        distinct.dedup();
        Ok(keys.iter().map(|key| distinct.partition_point(|other| other < key) as u32).collect())
    }

    /// Follow-up of the selected subjects; refuses missing cells and undeclared event codes.
    ///
    /// Ties are settled over the selected subjects, as R settles them over the rows of a call.
    pub fn endpoint(
        &self,
        columns: &EndpointColumns,
        selection: &Selection,
    ) -> Result<Endpoint, CohortError> {
        let time = self.numeric(&columns.time, selection)?;
        let event = self.events(columns, selection)?;
        let endpoint = match &columns.entry {
            Some(entry) => Endpoint::with_entry(self.numeric(entry, selection)?, time, event),
            None => Endpoint::new(time, event),
        };
        endpoint.map_err(|source| CohortError::Endpoint {
            column: self.column_at_fault(columns, selection, source).clone(),
            source: source.at(|index| self.caller_rows[selection.rows()[index]]),
        })
    }

    /// Of the columns of entry and exit the one in which the cell at fault lies: where the exit is a
    /// time, the entry is none.
    fn column_at_fault<'a>(
        &self,
        columns: &'a EndpointColumns,
        selection: &Selection,
        source: EndpointError,
    ) -> &'a String {
        match (source, &columns.entry, self.values(&columns.time)) {
            (EndpointError::InvalidTime { row }, Some(entry), Ok(Values::Numeric(times)))
                if times[selection.rows()[row]] >= 0.0 =>
            {
                entry
            }
            _ => &columns.time,
        }
    }

    fn events(
        &self,
        columns: &EndpointColumns,
        selection: &Selection,
    ) -> Result<Vec<bool>, CohortError> {
        let categories = self.categories(&columns.event, selection)?;
        let is_event: Vec<Option<bool>> =
            categories.levels.iter().map(|level| columns.is_event(level)).collect();
        let decide = |(&code, &row): (&u32, &usize)| {
            is_event[code as usize].ok_or_else(|| CohortError::UndeclaredEventCode {
                column: columns.event.clone(),
                row: self.caller_rows[row],
            })
        };
        categories.codes.iter().zip(selection.rows()).map(decide).collect()
    }

    fn stored(&self, name: &str) -> Result<&StoredColumn, CohortError> {
        self.positions
            .get(name)
            .map(|&index| &self.columns[index])
            .ok_or_else(|| CohortError::UnknownColumn { column: name.into() })
    }

    fn complete(&self, name: &str, selection: &Selection) -> Result<&StoredColumn, CohortError> {
        let stored = self.stored(name)?;
        let mut missing = selection.rows().iter().filter(|&&row| stored.is_missing[row]).copied();
        match missing.next() {
            None => Ok(stored),
            Some(row) => Err(CohortError::Missing {
                column: name.into(),
                count: 1 + missing.count(),
                row: self.caller_rows[row],
            }),
        }
    }
}

/// Reads numbers as `factor` does: distinct values ascending, labelled by their shortest digits.
fn factor(values: &[f64]) -> Categories {
    // Minus zero becomes zero: it is the same level and has no label of its own.
    let mut distinct: Vec<f64> = values.iter().map(|value| value + 0.0).collect();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    Categories {
        levels: distinct.iter().map(ToString::to_string).collect(),
        codes: values
            .iter()
            .map(|value| distinct.partition_point(|other| other < value) as u32)
            .collect(),
    }
}

/// Which rows are missing, once every other cell has been found in order.
fn check(column: &Column, rows: usize) -> Result<Vec<bool>, CohortError> {
    let name = || column.name.clone();
    if column.values.len() != rows {
        return Err(CohortError::LengthMismatch { column: name(), got: column.values.len(), rows });
    }
    let mut is_missing = vec![false; rows];
    for &row in &column.missing {
        *is_missing.get_mut(row).ok_or(CohortError::RowOutOfRange { row, rows })? = true;
    }
    match &column.values {
        Values::Numeric(values) => {
            let is_number = |row: usize| values[row].abs() <= LARGEST_NUMBER;
            if let Some(row) = (0..rows).find(|&row| !is_missing[row] && !is_number(row)) {
                return Err(CohortError::NotFinite { column: name(), row });
            }
        }
        Values::Categorical { levels, codes } => {
            let mut seen = BTreeSet::new();
            if let Some(level) = levels.iter().find(|&level| !seen.insert(level)) {
                return Err(CohortError::DuplicateLevel { column: name(), level: level.clone() });
            }
            let has_level = |row: usize| (codes[row] as usize) < levels.len();
            if let Some(row) = (0..rows).find(|&row| !is_missing[row] && !has_level(row)) {
                let levels = levels.len();
                return Err(CohortError::CodeWithoutLevel { column: name(), row, levels });
            }
        }
    }
    Ok(is_missing)
}

fn reorder(values: Values, order: &[usize]) -> Values {
    match values {
        Values::Numeric(values) => Values::Numeric(order.iter().map(|&row| values[row]).collect()),
        Values::Categorical { levels, codes } => {
            Values::Categorical { levels, codes: order.iter().map(|&row| codes[row]).collect() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort() -> Cohort {
        let ids = ["10", "9", "2"].map(String::from).to_vec();
        let levels = vec!["a".to_string(), "b".to_string()];
        Cohort::new(
            Some(ids),
            vec![
                Column::numeric("x", vec![1.0, 2.0, 3.0]),
                Column::categorical("g", levels, vec![0, 1, 9]).with_missing(vec![2]),
            ],
        )
        .unwrap()
    }

    #[test]
    fn rows_stand_in_id_order() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        assert_eq!(cohort.numeric("x", &all).unwrap(), [3.0, 2.0, 1.0]);
        assert_eq!((0..3).map(|row| cohort.caller_row(row)).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(cohort.rows_by_caller(), [2, 1, 0]);
    }

    #[test]
    fn missing_cells_are_refused_only_where_they_are_selected() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let error = CohortError::Missing { column: "g".into(), count: 1, row: 2 };
        assert_eq!(cohort.categories("g", &all), Err(error));
        let complete = all.filter(|row| row > 0);
        assert_eq!(cohort.categories("g", &complete).unwrap().codes, [1, 0]);
    }

    #[test]
    fn numbers_become_factors_in_ascending_order() {
        let categories = factor(&[2.0, 1.0, 2.0]);
        assert_eq!(categories.levels, ["1", "2"]);
        assert_eq!(categories.codes, [1, 0, 1]);
        assert_eq!(factor(&[0.0, -0.0]).levels, ["0"]);
    }

    #[test]
    fn numbers_can_be_computed_with_and_levels_told_apart() {
        for value in [f64::NAN, f64::INFINITY, -1e71] {
            let error = Cohort::new(None, vec![Column::numeric("x", vec![1e70, value])]);
            assert_eq!(error, Err(CohortError::NotFinite { column: "x".into(), row: 1 }));
        }
        let levels = ["a", "b", "a"].map(String::from).to_vec();
        let error = Cohort::new(None, vec![Column::categorical("g", levels, vec![0])]);
        let expected = CohortError::DuplicateLevel { column: "g".into(), level: "a".into() };
        assert_eq!(error, Err(expected));
    }

    #[test]
    fn strata_cross_their_columns() {
        let cohort = Cohort::new(
            None,
            vec![
                Column::numeric("a", vec![1.0, 1.0, 2.0, 2.0]),
                Column::numeric("b", vec![7.0, 8.0, 7.0, 7.0]),
            ],
        )
        .unwrap();
        let names = ["a".to_string(), "b".to_string()];
        assert_eq!(cohort.strata(&names, &Selection::all(&cohort)).unwrap(), [0, 1, 2, 2]);
        assert_eq!(cohort.strata(&[], &Selection::all(&cohort)).unwrap(), [0; 4]);
    }
}
