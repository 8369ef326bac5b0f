//! A cohort: named columns over the same patients, in the order of their ids.

use crate::column::label_bytes;
use crate::factor::{crossed, factor, few_distinct};
use crate::{
    Cells, CohortError, Column, ColumnDigest, ColumnHasher, Endpoint, EndpointColumns,
    EndpointError, LARGEST_NUMBER, Selection, Values, id_order,
};
use numerics::parallel;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Columns over the same subjects.
///
/// Rows stand in the order of their ids (see [`id_order`]), so that no result depends on the order
/// of the file; [`Cohort::caller_row`] leads back. Numbers are finite and codes have a level
/// wherever a cell is not missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Cohort {
    n: usize,
    /// Absent when the row numbers are the ids.
    ids: Option<Cells<String>>,
    /// Absent when the rows stand as the caller had them.
    caller_rows: Option<Cells<usize>>,
    columns: Vec<StoredColumn>,
    positions: BTreeMap<String, usize>,
    /// What columns without missing cells share.
    none_missing: Cells<bool>,
}

#[derive(Clone, Debug)]
struct StoredColumn {
    name: String,
    values: Values,
    is_missing: Cells<bool>,
    has_missing: bool,
    /// Of the cells as they stand here, once somebody has asked.
    digest: OnceLock<ColumnDigest>,
}

/// Columns are equal whether or not their digests have been asked for.
impl PartialEq for StoredColumn {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.values, &self.is_missing)
            == (&other.name, &other.values, &other.is_missing)
    }
}

impl StoredColumn {
    fn digest(&self) -> ColumnDigest {
        *self.digest.get_or_init(|| {
            let levels = match &self.values {
                Values::Numeric(_) => None,
                Values::Categorical { levels, .. } => Some(levels.as_slice()),
            };
            let mut hasher = ColumnHasher::new(&self.name, levels, self.values.len());
            hasher.add(&self.values, |row| self.has_missing && self.is_missing[row]);
            hasher.finish()
        })
    }
}

/// The categories of some subjects.
#[derive(Clone, Debug, PartialEq)]
pub struct Categories {
    /// Labels in display order; a level may occur in nobody.
    pub levels: Vec<String>,
    /// One index into `levels` per subject.
    pub codes: Cells<u32>,
}

impl Categories {
    /// Number of subjects with each level.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let counts = parallel::counted(self.codes.len(), self.levels.len(), |range| {
            self.codes[range].iter().map(|&code| code as usize)
        });
        counts.into_iter().map(|count| count as usize).collect()
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
        let order = ids.as_deref().map(id_order).filter(|order| !order.is_sorted());
        let ids = match (ids, &order) {
            (Some(mut ids), Some(order)) => {
                Some(order.iter().map(|&row| std::mem::take(&mut ids[row])).collect())
            }
            (ids, _) => ids.map(Cells::from),
        };
        let mut cohort = Self {
            n,
            ids,
            caller_rows: order.map(Cells::from),
            columns: Vec::new(),
            positions: BTreeMap::new(),
            none_missing: vec![false; n].into(),
        };
        for column in columns {
            cohort.push(column)?;
        }
        Ok(cohort)
    }

    /// Adds a column whose cells stand in the caller's order of rows.
    pub fn push(&mut self, column: Column) -> Result<(), CohortError> {
        let missing = check(&column, self.len())?;
        let has_missing = missing.is_some();
        let is_missing = match missing {
            Some(is_missing) => self.in_id_order(is_missing.into()),
            None => self.none_missing.clone(),
        };
        let values = match column.values {
            Values::Numeric(values) => Values::Numeric(self.in_id_order(with_one_zero(values))),
            Values::Categorical { levels, codes } => {
                Values::Categorical { levels, codes: self.in_id_order(codes) }
            }
        };
        let name = column.name;
        if self.positions.insert(name.clone(), self.columns.len()).is_some() {
            return Err(CohortError::DuplicateColumn { column: name });
        }
        let digest = OnceLock::new();
        self.columns.push(StoredColumn { name, values, is_missing, has_missing, digest });
        Ok(())
    }

    fn in_id_order<T: Copy>(&self, cells: Cells<T>) -> Cells<T> {
        match &self.caller_rows {
            Some(order) => order.iter().map(|&row| cells[row]).collect(),
            None => cells,
        }
    }

    /// The same cohort with its columns in the order of their names. The cells are shared.
    #[must_use]
    pub fn by_name(&self) -> Self {
        let columns = self.positions.values().map(|&index| self.columns[index].clone());
        Self {
            columns: columns.collect(),
            positions: self.positions.keys().cloned().zip(0..).collect(),
            ..self.clone()
        }
    }

    /// The same columns, in the order of their names, over rows whose numbers are their ids: what a
    /// service is given. The cells are shared.
    ///
    /// Rows stand in id order already, so that a row number breaks every tie as the id would.
    #[must_use]
    pub fn numbered(&self) -> Self {
        Self { ids: None, caller_rows: None, ..self.by_name() }
    }

    /// The digest of each column as it stands here, rows in id order. A column is hashed once,
    /// however many columns the cohort gains.
    #[must_use]
    pub fn column_digests(&self) -> BTreeMap<String, ColumnDigest> {
        let digest =
            |(name, &index): (&String, &usize)| (name.clone(), self.columns[index].digest());
        self.positions.iter().map(digest).collect()
    }

    /// What the cohort keeps in memory: the address and the bytes of each list, of which some may be
    /// shared with other cohorts.
    pub fn lists(&self) -> Vec<(usize, usize)> {
        let mut lists = vec![self.none_missing.list()];
        lists.extend(self.ids.as_ref().map(|ids| (ids.list().0, label_bytes(ids))));
        lists.extend(self.caller_rows.as_ref().map(Cells::list));
        for column in &self.columns {
            match &column.values {
                Values::Numeric(values) => lists.push(values.list()),
                Values::Categorical { levels, codes } => {
                    lists.push(codes.list());
                    // No list of labels is shared, and an empty one has no address of its own.
                    if !levels.is_empty() {
                        lists.push((levels.as_ptr().addr(), label_bytes(levels)));
                    }
                }
            }
            if column.has_missing {
                lists.push(column.is_missing.list());
            }
        }
        lists
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Id of a row.
    #[must_use]
    pub fn id(&self, row: usize) -> Cow<'_, str> {
        match &self.ids {
            Some(ids) => ids[row].as_str().into(),
            None => (row + 1).to_string().into(),
        }
    }

    /// Appends the id of a row to a text, for texts of very many ids.
    pub fn write_id(&self, row: usize, into: &mut Vec<u8>) {
        match &self.ids {
            Some(ids) => into.extend_from_slice(ids[row].as_bytes()),
            None => push_decimal(row + 1, into),
        }
    }

    /// The first of some ascending rows that has the id of another row before it; `None` where row
    /// numbers are the ids. A row that is repeated is one row.
    #[must_use]
    pub fn repeated_id(&self, rows: &[usize]) -> Option<usize> {
        let ids = self.ids.as_ref()?;
        let is_repeated = |pair: &&[usize]| pair[0] != pair[1] && ids[pair[0]] == ids[pair[1]];
        rows.windows(2).find(is_repeated).map(|pair| pair[1])
    }

    /// Where a row of the cohort stood in the caller's order, from 0.
    #[must_use]
    pub fn caller_row(&self, row: usize) -> usize {
        self.caller_rows.as_ref().map_or(row, |rows| rows[row])
    }

    /// For each row of the caller, its row in the cohort.
    #[must_use]
    pub fn rows_by_caller(&self) -> Vec<usize> {
        let mut rows = vec![0; self.len()];
        for row in 0..self.len() {
            rows[self.caller_row(row)] = row;
        }
        rows
    }

    /// Names of the columns in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|stored| stored.name.as_str())
    }

    /// The cells of a column in the cohort's order; those of [`Cohort::is_missing`] mean nothing.
    pub fn values(&self, name: &str) -> Result<&Values, CohortError> {
        Ok(&self.stored(name)?.values)
    }

    /// Which rows of a column have no value.
    pub fn is_missing(&self, name: &str) -> Result<&[bool], CohortError> {
        Ok(&self.stored(name)?.is_missing)
    }

    /// The numbers of a column for the selected subjects; refuses missing cells.
    pub fn numeric(&self, name: &str, selection: &Selection) -> Result<Vec<f64>, CohortError> {
        Ok(self.numbers(name, selection)?.to_vec())
    }

    /// The same, shared with the cohort where everybody is selected.
    pub fn numbers(&self, name: &str, selection: &Selection) -> Result<Cells<f64>, CohortError> {
        match &self.complete(name, selection)?.values {
            Values::Numeric(values) => Ok(selection.cells(values)),
            Values::Categorical { .. } => Err(CohortError::NotNumeric { column: name.into() }),
        }
    }

    /// The categories of a column for the selected subjects; refuses missing cells.
    ///
    /// A numeric column is read as `factor` in R does: its distinct selected values, ascending,
    /// are the levels, labelled by their shortest digits.
    pub fn categories(&self, name: &str, selection: &Selection) -> Result<Categories, CohortError> {
        Ok(match &self.complete(name, selection)?.values {
            Values::Categorical { levels, codes } => {
                Categories { levels: levels.clone(), codes: selection.cells(codes) }
            }
            Values::Numeric(values) => {
                let (distinct, codes) = factor(&selection.cells(values));
                Categories {
                    levels: distinct.iter().map(ToString::to_string).collect(),
                    codes: codes.into(),
                }
            }
        })
    }

    /// One stratum index per selected subject: the crossing of the columns, or 0 without columns.
    ///
    /// Strata are numbered in the order of the levels of the first column, then the second, and
    /// so on; only those that occur have a number.
    pub fn strata(&self, names: &[String], selection: &Selection) -> Result<Vec<u32>, CohortError> {
        let mut strata = vec![0; selection.len()];
        for name in names {
            strata = match &self.complete(name, selection)?.values {
                Values::Categorical { codes, .. } => crossed(&strata, &selection.cells(codes)),
                Values::Numeric(values) => crossed(&strata, &factor(&selection.cells(values)).1),
            };
        }
        Ok(strata)
    }

    /// Follow-up of the selected subjects; refuses missing cells and undeclared event codes.
    ///
    /// Ties are settled over the selected subjects, as R settles them over the rows of a call.
    pub fn endpoint(
        &self,
        columns: &EndpointColumns,
        selection: &Selection,
    ) -> Result<Endpoint, CohortError> {
        let time = self.numbers(&columns.time, selection)?;
        let event = self.events(columns, selection)?;
        let entry =
            columns.entry.as_ref().map(|entry| self.numbers(entry, selection)).transpose()?;
        Endpoint::of_cells(entry, time, event).map_err(|source| CohortError::Endpoint {
            column: self.column_at_fault(columns, selection, source).clone(),
            source: source.at(|subject| self.caller_row(selection.row(subject))),
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
                if times[selection.row(row)] >= 0.0 =>
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
    ) -> Result<Cells<bool>, CohortError> {
        let decided = match &self.complete(&columns.event, selection)?.values {
            Values::Numeric(values) => events_of_numbers(columns, &selection.cells(values)),
            Values::Categorical { levels, codes } => {
                events_of_codes(columns, levels, &selection.cells(codes))
            }
        };
        decided.map_err(|subject| CohortError::UndeclaredEventCode {
            column: columns.event.clone(),
            row: self.caller_row(selection.row(subject)),
        })
    }

    fn stored(&self, name: &str) -> Result<&StoredColumn, CohortError> {
        self.positions
            .get(name)
            .map(|&index| &self.columns[index])
            .ok_or_else(|| CohortError::UnknownColumn { column: name.into() })
    }

    fn complete(&self, name: &str, selection: &Selection) -> Result<&StoredColumn, CohortError> {
        let stored = self.stored(name)?;
        if !stored.has_missing {
            return Ok(stored);
        }
        let mut missing = selection.rows().iter().filter(|&&row| stored.is_missing[row]).copied();
        match missing.next() {
            None => Ok(stored),
            Some(row) => Err(CohortError::Missing {
                column: name.into(),
                count: 1 + missing.count(),
                row: self.caller_row(row),
            }),
        }
    }
}

/// Appends the digits of a number.
fn push_decimal(mut number: usize, into: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    into.extend_from_slice(&digits[first..]);
}

/// Numbers that are looked through together, while they are in the cache of the processor.
const BLOCK: usize = 256;

/// Cells of an event column in which all of its codes occur as a rule.
const FIRST_CODES: usize = 1024;

/// Which subjects have the event, or the first whose code is not declared.
fn events_of_codes(
    columns: &EndpointColumns,
    levels: &[String],
    codes: &[u32],
) -> Result<Cells<bool>, usize> {
    let declared: Vec<Option<bool>> = levels.iter().map(|level| columns.is_event(level)).collect();
    let is_event: Vec<bool> = declared.iter().map(|event| event.unwrap_or(false)).collect();
    let (events, undeclared) = parallel::filled(codes, |codes, events| {
        codes.iter().zip(events).for_each(|(&code, event)| *event = is_event[code as usize]);
        codes.iter().any(|&code| declared[code as usize].is_none())
    });
    if undeclared.contains(&true) {
        let first = codes.iter().position(|&code| declared[code as usize].is_none());
        return Err(first.expect("one was found"));
    }
    Ok(events.into())
}

/// The same of codes that are numbers, of which there are few as a rule.
fn events_of_numbers(columns: &EndpointColumns, values: &[f64]) -> Result<Cells<bool>, usize> {
    // Nearly always the codes at the beginning are all there are: then one pass will do.
    let Some(distinct) = few_distinct(&values[..values.len().min(FIRST_CODES)]) else {
        return events_of_many_numbers(columns, values);
    };
    let with_meaning = |meaning: bool| -> Vec<f64> {
        let levels = distinct.iter().copied();
        levels.filter(|level| columns.is_event(&level.to_string()) == Some(meaning)).collect()
    };
    let (events, censored) = (with_meaning(true), with_meaning(false));
    let (is_event, all_known) = parallel::filled(values, |values, is_event| {
        let mut is_known = true;
        for (values, is_event) in values.chunks(BLOCK).zip(is_event.chunks_mut(BLOCK)) {
            for &event in &events {
                let pairs = is_event.iter_mut().zip(values);
                pairs.for_each(|(is_event, &value)| *is_event |= value == event);
            }
            let n_with = |code: &f64| values.iter().filter(|&value| value == code).count();
            let n_events = is_event.iter().filter(|&&is_event| is_event).count();
            is_known &= n_events + censored.iter().map(n_with).sum::<usize>() == values.len();
        }
        is_known
    });
    match all_known.contains(&false) {
        true => events_of_many_numbers(columns, values),
        false => Ok(is_event.into()),
    }
}

fn events_of_many_numbers(columns: &EndpointColumns, values: &[f64]) -> Result<Cells<bool>, usize> {
    let (distinct, codes) = factor(values);
    let levels: Vec<String> = distinct.iter().map(ToString::to_string).collect();
    events_of_codes(columns, &levels, &codes)
}

/// The numbers with -0 as 0, which no analysis tells apart.
fn with_one_zero(mut values: Cells<f64>) -> Cells<f64> {
    let is_negative_zero = |value: &f64| value.to_bits() == (-0.0f64).to_bits();
    if values.iter().any(is_negative_zero) {
        values.make_mut().iter_mut().for_each(|value| *value += 0.0);
    }
    values
}

/// Which rows are missing, if any are, once every other cell has been found in order.
fn check(column: &Column, rows: usize) -> Result<Option<Vec<bool>>, CohortError> {
    let name = || column.name.clone();
    if column.values.len() != rows {
        return Err(CohortError::LengthMismatch { column: name(), got: column.values.len(), rows });
    }
    let mut is_missing = (!column.missing.is_empty()).then(|| vec![false; rows]);
    for &row in &column.missing {
        let cell = is_missing.as_mut().and_then(|is_missing| is_missing.get_mut(row));
        *cell.ok_or(CohortError::RowOutOfRange { row, rows })? = true;
    }
    let is_present = |row: usize| is_missing.as_ref().is_none_or(|is_missing| !is_missing[row]);
    match &column.values {
        Values::Numeric(values) => {
            let is_number = |row: usize| values[row].abs() <= LARGEST_NUMBER;
            if let Some(row) = (0..rows).find(|&row| !is_number(row) && is_present(row)) {
                return Err(CohortError::NotFinite { column: name(), row });
            }
        }
        Values::Categorical { levels, codes } => {
            let mut seen = BTreeSet::new();
            if let Some(level) = levels.iter().find(|&level| !seen.insert(level)) {
                return Err(CohortError::DuplicateLevel { column: name(), level: level.clone() });
            }
            let has_level = |row: usize| (codes[row] as usize) < levels.len();
            if let Some(row) = (0..rows).find(|&row| !has_level(row) && is_present(row)) {
                let levels = levels.len();
                return Err(CohortError::CodeWithoutLevel { column: name(), row, levels });
            }
        }
    }
    Ok(is_missing)
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
        assert_eq!(*cohort.categories("g", &complete).unwrap().codes, [1, 0]);
    }

    #[test]
    fn numbers_become_factors_in_ascending_order() {
        let factor = |values| {
            let cohort = Cohort::new(None, vec![Column::numeric("x", values)]).unwrap();
            cohort.categories("x", &Selection::all(&cohort)).unwrap()
        };
        let categories = factor(vec![2.0, 1.0, 2.0]);
        assert_eq!(categories.levels, ["1", "2"]);
        assert_eq!(*categories.codes, [1, 0, 1]);
        assert_eq!(factor(vec![0.0, -0.0]).levels, ["0"]);
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
    fn row_numbers_are_the_ids_of_a_cohort_without_ids() {
        let cohort = Cohort::new(None, vec![Column::numeric("x", vec![5.0, 6.0])]).unwrap();
        assert_eq!((cohort.id(0), cohort.id(1)), ("1".into(), "2".into()));
        let mut text = Vec::new();
        [0, 9, 98, 1_234_566].iter().for_each(|&row| cohort.write_id(row, &mut text));
        assert_eq!(text, b"110991234567");
        assert_eq!((cohort.caller_row(1), cohort.rows_by_caller()), (1, vec![0, 1]));
        assert_eq!(cohort.is_missing("x").unwrap(), [false; 2]);
    }

    /// The column begins with two codes; others come where only a whole pass finds them.
    #[test]
    fn late_event_codes_are_read_and_refused_as_early_ones_are() {
        let mut codes = [0.0, 1.0].repeat(FIRST_CODES);
        codes.push(3.0);
        let row = codes.len() - 1;
        let columns = [("time", vec![1.0; codes.len()]), ("event", codes)];
        let columns = columns.map(|(name, values)| Column::numeric(name, values)).to_vec();
        let cohort = Cohort::new(None, columns).unwrap();
        let all = Selection::all(&cohort);
        let mut endpoint = EndpointColumns::new("time", "event");
        let error = CohortError::UndeclaredEventCode { column: "event".into(), row };
        assert_eq!(cohort.endpoint(&endpoint, &all), Err(error));
        endpoint.event_codes.push("3".into());
        assert_eq!(cohort.endpoint(&endpoint, &all).unwrap().n_events(), FIRST_CODES + 1);
    }

    #[test]
    fn everybody_shares_the_column() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let listed = Selection::of(&cohort, 0..cohort.len()).unwrap();
        assert_eq!(all, listed);
        assert_ne!(all, all.filter(|row| row > 0));
        let x = |selection| cohort.numbers("x", selection).unwrap();
        assert_eq!(x(&all), x(&listed));
        let Values::Numeric(column) = cohort.values("x").unwrap() else { panic!() };
        assert!(std::ptr::eq(&**column, &*x(&all)));
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
