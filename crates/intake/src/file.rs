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
    /// The cells of all rows, one after the other.
    text: String,
    /// Where each cell ends, counted from the beginning of its row. A list for all rows: one for each
    /// of millions would take more memory than the text.
    ends: Vec<u32>,
}

/// One row.
pub(crate) struct Row {
    /// Line of the file at which it begins, from 1.
    pub(crate) line: u64,
    /// Where its cells begin in the text.
    start: usize,
    /// Where the ends of its cells begin.
    first_end: usize,
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
        let mut file = Self {
            names: Vec::new(),
            rows: Vec::new(),
            ragged: Vec::new(),
            text: String::new(),
            ends: Vec::new(),
        };
        let not_csv = |error: csv::Error| IntakeError::NotCsv {
            line: error.position().map_or(1, csv::Position::line),
        };
        let mut cells = StringRecord::new();
        if reader.read_record(&mut cells).map_err(not_csv)? {
            file.names = cells.iter().map(String::from).collect();
        }
        while reader.read_record(&mut cells).map_err(not_csv)? {
            file.push(line_of_row(text, &cells), &cells);
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

    /// A cell of a row; the row has one at each place of a name.
    pub(crate) fn cell(&self, row: &Row, place: usize) -> &str {
        let ends = &self.ends[row.first_end..];
        let start = if place == 0 { 0 } else { ends[place - 1] as usize };
        &self.text[row.start + start..row.start + ends[place] as usize]
    }

    fn push(&mut self, line: u64, cells: &StringRecord) {
        let n_bytes: usize = cells.iter().map(str::len).sum();
        // A row of more than 4 GiB is none of a patient.
        if cells.len() != self.names.len() || u32::try_from(n_bytes).is_err() {
            self.ragged.push(line);
            return;
        }
        let (start, first_end) = (self.text.len(), self.ends.len());
        for cell in cells {
            self.text.push_str(cell);
            self.ends.push((self.text.len() - start) as u32);
        }
        self.rows.push(Row { line, start, first_end });
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
