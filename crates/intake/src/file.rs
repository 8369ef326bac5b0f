//! The lines and cells of a CSV file, before anything is known of their meaning.

use crate::error::{IntakeError, Lines};
use csv::{ReaderBuilder, StringRecord, Trim};

/// The rows of a file that have as many cells as there are column names.
pub(crate) struct File {
    /// The column names.
    pub(crate) names: Vec<String>,
    /// The rows in the order of the file.
    pub(crate) rows: Vec<Row>,
    ragged: Vec<u64>,
}

/// One row.
pub(crate) struct Row {
    /// Line of the file at which it begins, from 1.
    pub(crate) line: u64,
    cells: StringRecord,
}

const BYTE_ORDER_MARK: &str = "\u{feff}";

impl File {
    pub(crate) fn parse(bytes: &[u8], separator: u8) -> Result<Self, IntakeError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| IntakeError::NotUtf8 { line: line_of(bytes, error.valid_up_to()) })?;
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let mut file = Self { names: Vec::new(), rows: Vec::new(), ragged: Vec::new() };
        for (index, record) in reader.records().enumerate() {
            let not_csv = |error: csv::Error| IntakeError::NotCsv {
                line: error.position().map_or(1, csv::Position::line),
            };
            let cells = record.map_err(not_csv)?;
            if index == 0 {
                file.names = cells.iter().map(String::from).collect();
            } else {
                file.push(line_of_row(text, &cells), cells);
            }
        }
        match file {
            File { names, .. } if names.is_empty() => Err(IntakeError::Empty),
            File { rows, ragged, .. } if rows.is_empty() && ragged.is_empty() => {
                Err(IntakeError::NoRows)
            }
            file => Ok(file),
        }
    }

    /// Where a column stands; the first one when the name occurs twice.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The rows that have more or fewer cells than there are names.
    pub(crate) fn ragged_rows(&self) -> Option<IntakeError> {
        let lines = Lines::of(self.ragged.clone())?;
        Some(IntakeError::RaggedRows { lines, expected: self.names.len() })
    }

    fn push(&mut self, line: u64, cells: StringRecord) {
        if cells.len() == self.names.len() {
            self.rows.push(Row { line, cells });
        } else {
            self.ragged.push(line);
        }
    }
}

impl Row {
    pub(crate) fn cell(&self, place: usize) -> &str {
        self.cells.get(place).unwrap_or_default()
    }
}

/// The line at which a row begins. The reader counts from the end of the row before, so that empty
/// lines between them have to be added.
fn line_of_row(text: &str, cells: &StringRecord) -> u64 {
    let Some(position) = cells.position() else { return 0 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(text.len());
    let skipped = text.as_bytes()[start..].iter().take_while(|byte| b"\r\n".contains(byte));
    position.line() + skipped.filter(|&&byte| byte == b'\n').count() as u64
}

fn line_of(bytes: &[u8], position: usize) -> u64 {
    1 + bytes[..position].iter().filter(|&&byte| byte == b'\n').count() as u64
}
