//! Reads a CSV file against its specification.

use crate::error::{CellProblem, IntakeError, Lines};
use crate::file::{File, Row};
use crate::levels::Words;
use crate::table::{Cells, StoredColumn, Table};
use crate::{ColumnKind, ColumnSpec, TableSpec, day};
use cohort::{LARGEST_NUMBER, id_order};
use std::collections::{BTreeMap, BTreeSet};
use strsim::damerau_levenshtein;

/// Reads a table, or says everything that is wrong with it.
///
/// The first line holds the column names. Text is UTF-8, with or without a byte order mark; blanks
/// around a cell do not count. Numbers have a decimal point and are rounded correctly; a cell `1.0`
/// has the level `1`. Columns that are not asked for are not looked at. Each error stands for one
/// problem of one column and lists the first lines that have it.
pub fn read(bytes: &[u8], spec: &TableSpec) -> Result<Table, Vec<IntakeError>> {
    let file = File::parse(bytes, spec.separator).map_err(|error| vec![error])?;
    let mut errors = header_errors(&file.names, spec);
    errors.extend(file.ragged_rows());
    let ids = file.place(&spec.id).map(|place| ids(&file, place));
    let order = match &ids {
        Some(ids) => id_order(ids),
        None => (0..file.rows.len()).collect(),
    };
    if let Some(ids) = &ids {
        errors.extend(id_errors(ids, &order, &file.rows, spec));
    }
    let rows: Vec<&Row> = order.iter().map(|&row| &file.rows[row]).collect();
    let mut columns = Vec::new();
    for column in &spec.columns {
        let Some(place) = file.place(&column.name) else { continue };
        let (cells, problems) = read_column(&file, &rows, place, column, &spec.missing);
        errors.extend(problems);
        columns.push(StoredColumn { name: column.name.clone(), kind: column.kind.clone(), cells });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut ids = ids.unwrap_or_default();
    let ids = order.iter().map(|&row| std::mem::take(&mut ids[row])).collect();
    Ok(Table::new(ids, rows.iter().map(|row| row.line).collect(), columns))
}

fn header_errors(names: &[String], spec: &TableSpec) -> Vec<IntakeError> {
    let mut wanted = vec![&spec.id];
    wanted.extend(spec.columns.iter().map(|column| &column.name));
    if !wanted.iter().any(|name| names.contains(name)) {
        return vec![IntakeError::NoHeader { separator: char::from(spec.separator) }];
    }
    let mut seen = BTreeSet::new();
    let error = |column: &String| match names.iter().filter(|name| *name == column).count() {
        0 => Some(IntakeError::MissingColumn {
            column: column.clone(),
            suggested: nearest(column, names),
            columns: names.to_vec(),
        }),
        1 => None,
        count => Some(IntakeError::DuplicateColumn { column: column.clone(), count }),
    };
    wanted.into_iter().filter(|name| seen.insert(*name)).filter_map(error).collect()
}

/// The name that is nearest to `word`, when at most a third of its letters differ.
fn nearest(word: &str, names: &[String]) -> Option<String> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    names
        .iter()
        .map(|name| (damerau_levenshtein(&word, &name.to_lowercase()), name))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= limit)
        .map(|(_, name)| name.clone())
}

fn ids(file: &File, place: usize) -> Vec<String> {
    file.rows.iter().map(|row| file.cell(row, place).to_string()).collect()
}

/// Ids that are missing or stand in two rows. Integers are the same id when their values are equal,
/// because they are ordered by value.
fn id_errors(ids: &[String], order: &[usize], rows: &[Row], spec: &TableSpec) -> Vec<IntakeError> {
    let column = || spec.id.clone();
    let missing = Words::new(&spec.missing);
    let is_missing = |id: &str| id.is_empty() || missing.contains(id);
    let without = (0..ids.len()).filter(|&row| is_missing(&ids[row])).map(|row| rows[row].line);
    let lines = Lines::of(without.collect());
    let mut errors: Vec<_> =
        lines.map(|lines| IntakeError::MissingId { column: column(), lines }).into_iter().collect();

    let are_integers = ids.iter().all(|id| id.parse::<i128>().is_ok());
    let is_same = |a: &str, b: &str| match are_integers {
        true => a.parse::<i128>() == b.parse::<i128>(),
        false => a == b,
    };
    let repeats: Vec<(u64, u64)> = order
        .windows(2)
        .filter(|pair| is_same(&ids[pair[0]], &ids[pair[1]]) && !is_missing(&ids[pair[0]]))
        .map(|pair| (rows[pair[0]].line, rows[pair[1]].line))
        .collect();
    if let Some(&first) = repeats.iter().min() {
        let count = repeats.len();
        errors.push(IntakeError::DuplicateId { column: column(), first, count });
    }
    errors
}

fn read_column(
    file: &File,
    rows: &[&Row],
    place: usize,
    column: &ColumnSpec,
    missing: &[String],
) -> (Cells, Vec<IntakeError>) {
    let cells = Column {
        file,
        rows,
        place,
        name: &column.name,
        missing: Words::new(missing.iter().chain(&column.missing)),
    };
    match &column.kind {
        ColumnKind::Number => cells.read_with(number, Cells::Number),
        ColumnKind::Date => {
            cells.read_with(|cell| day(cell).ok_or(CellProblem::NotADate), Cells::Date)
        }
        ColumnKind::Category { levels } => cells.read_levels(levels.clone()),
        ColumnKind::Text => cells.read_levels(cells.distinct()),
    }
}

/// The cells of one column.
struct Column<'a> {
    file: &'a File,
    rows: &'a [&'a Row],
    place: usize,
    name: &'a str,
    missing: Words<'a>,
}

impl Column<'_> {
    fn read_with<T>(
        &self,
        parse: impl Fn(&str) -> Result<T, CellProblem>,
        cells: impl FnOnce(Vec<Option<T>>) -> Cells,
    ) -> (Cells, Vec<IntakeError>) {
        let mut problems: BTreeMap<CellProblem, Vec<u64>> = BTreeMap::new();
        let mut values = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let value = match self.file.cell(row, self.place) {
                cell if self.missing.contains(cell) => Ok(None),
                "" => Err(CellProblem::Empty),
                cell => parse(cell).map(Some),
            };
            values.push(value.unwrap_or_else(|problem| {
                problems.entry(problem).or_default().push(row.line);
                None
            }));
        }
        let error = |(problem, lines)| {
            let lines = Lines::of(lines)?;
            Some(IntakeError::Cells { column: self.name.into(), problem, lines })
        };
        (cells(values), problems.into_iter().filter_map(error).collect())
    }

    fn read_levels(&self, levels: Vec<String>) -> (Cells, Vec<IntakeError>) {
        let words = Words::new(&levels);
        let unknown = || CellProblem::UnknownLevel { levels: levels.clone() };
        let code = |cell: &str| words.position(cell).map(|code| code as u32).ok_or_else(unknown);
        self.read_with(code, |codes| Cells::Category { levels: levels.clone(), codes })
    }

    /// What stands in the cells that are not missing, in bytewise order.
    fn distinct(&self) -> Vec<String> {
        let cells = self.rows.iter().map(|row| self.file.cell(row, self.place));
        let cells: BTreeSet<&str> =
            cells.filter(|cell| !cell.is_empty() && !self.missing.contains(cell)).collect();
        cells.into_iter().map(String::from).collect()
    }
}

/// A number that can be computed with; minus zero is zero.
fn number(cell: &str) -> Result<f64, CellProblem> {
    match cell.parse::<f64>() {
        Ok(number) if number.abs() <= LARGEST_NUMBER => Ok(number + 0.0),
        Ok(_) => Err(CellProblem::NotFinite),
        Err(_) if is_decimal_comma(cell) => Err(CellProblem::DecimalComma),
        Err(_) => Err(CellProblem::NotANumber),
    }
}

fn is_decimal_comma(cell: &str) -> bool {
    cell.matches(',').count() == 1 && cell.replace(',', ".").parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests;
