//! A cohort on its way in.

use crate::CohortStore;
use crate::store::{Known, Reservation};
use cohort::{Cohort, CohortDigest, Column, ColumnDigest, ColumnHasher, IdsDigest, Values};
use service_kit::{Failure, Violation};
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::Unreadable;
use wire::cohort::{Announcement, ColumnHeader};
use wire::failure::invalid;
use wire::pb::cohort as pb;

/// What has come of a cohort so far.
pub(crate) struct Upload {
    announcement: Announcement,
    base: Option<Known>,
    ids: Vec<String>,
    columns: BTreeMap<String, Incoming>,
    reservation: Reservation,
}

/// What has come of a column.
struct Incoming {
    /// Its place in the announcement.
    index: usize,
    name: String,
    /// Labels of categories; absent of numbers.
    levels: Option<Vec<String>>,
    /// Number of labels once all have come.
    n_levels: usize,
    cells: Cells,
    missing: Vec<usize>,
    /// From when all labels have come.
    hasher: Option<ColumnHasher>,
}

enum Cells {
    Numbers(Vec<f64>),
    Codes(Vec<u32>),
}

impl Upload {
    /// Reserves room for the cells and labels that were announced.
    ///
    /// Fails if they do not fit, and if the cohort that they extend is not held or does not fit them.
    pub(crate) fn begin(
        store: &CohortStore,
        mut announcement: Announcement,
    ) -> Result<Self, Failure> {
        let base = match announcement.base {
            Some(base) => Some(store.known(base).ok_or(Unreadable::NotHeld(base))?),
            None => None,
        };
        if let Some(base) = &base {
            fits_base(&announcement, base)?;
        }
        let n_rows = announcement.n_rows;
        let mut columns = BTreeMap::new();
        let mut bytes = n_rows;
        for (index, header) in std::mem::take(&mut announcement.columns).into_iter().enumerate() {
            bytes = bytes
                .saturating_add(n_rows.saturating_mul(cell_bytes(&header)))
                .saturating_add(header.levels.as_deref().map_or(0, text_bytes));
            columns.insert(header.name.clone(), Incoming::new(index, header, n_rows));
        }
        let mut reservation = store.reservation();
        reservation.grow(bytes)?;
        Ok(Self { announcement, base, ids: Vec::new(), columns, reservation })
    }

    /// Takes the next ids.
    pub(crate) fn ids(&mut self, chunk: pb::IdChunk) -> Result<(), Failure> {
        if !self.announcement.has_ids {
            return Err(invalid("ids", "come, but none were announced"));
        }
        let (n, n_rows) = (self.ids.len(), self.announcement.n_rows);
        follows("ids.first_row", chunk.first_row, n)?;
        if chunk.ids.len() > n_rows - n {
            return Err(invalid("ids.ids", format!("go beyond the {n_rows} rows announced")));
        }
        self.reservation.grow(text_bytes(&chunk.ids))?;
        self.ids.extend(chunk.ids);
        Ok(())
    }

    /// Takes the next labels of a column.
    pub(crate) fn levels(&mut self, chunk: pb::LevelChunk) -> Result<(), Failure> {
        let n_rows = self.announcement.n_rows;
        let column = self
            .columns
            .get_mut(&chunk.name)
            .ok_or_else(|| invalid("levels.name", "was not announced"))?;
        let (n_levels, known) = (column.n_levels, column.levels.get_or_insert_default());
        follows("levels.first_level", chunk.first_level, known.len())?;
        if chunk.levels.len() > n_levels - known.len() {
            return Err(invalid("levels.levels", format!("go beyond the {n_levels} announced")));
        }
        self.reservation.grow(text_bytes(&chunk.levels))?;
        known.extend(chunk.levels);
        column.begin_cells(n_rows);
        Ok(())
    }

    /// Takes the next cells of a column.
    pub(crate) fn column(&mut self, chunk: pb::ColumnChunk) -> Result<(), Failure> {
        let n_rows = self.announcement.n_rows;
        let column = self
            .columns
            .get_mut(&chunk.name)
            .ok_or_else(|| invalid("column.name", "was not announced"))?;
        follows("column.first_row", chunk.first_row, column.len())?;
        if column.hasher.is_none() {
            return Err(early(column.n_levels));
        }
        let is_first_missing = column.missing.is_empty() && !chunk.missing_rows.is_empty();
        let flags = if is_first_missing { n_rows } else { 0 };
        self.reservation.grow(chunk.missing_rows.len() * size_of::<usize>() + flags)?;
        let n_levels = column.levels.as_ref().map(Vec::len);
        let cells = wire::cohort::cells_from(chunk, n_levels)?;
        column.add(cells, n_rows)
    }

    /// Checks that everything came and is what the digest says, and holds the cohort.
    pub(crate) fn finish(
        mut self,
        store: &CohortStore,
    ) -> Result<pb::UploadCohortResponse, Failure> {
        self.is_complete()?;
        let ids = self.announcement.has_ids.then(|| std::mem::take(&mut self.ids));
        let ids_digest = match &self.base {
            Some(base) => base.ids,
            None => ids.as_deref().map(IdsDigest::new),
        };
        let mut digests = self.base.as_ref().map(|base| base.columns.clone()).unwrap_or_default();
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in std::mem::take(&mut self.columns).into_values() {
            let (column, digest) = column.finish().ok_or_else(differs)?;
            digests.insert(column.name.clone(), digest);
            columns.push(column);
        }
        let digest = CohortDigest::new(self.announcement.n_rows, ids_digest, &digests);
        if digest != self.announcement.digest {
            return Err(differs());
        }
        let cohort = match self.base.take() {
            None => Cohort::new(ids, columns),
            Some(base) => extended(&base.cohort, columns),
        };
        // Cells, levels and names were checked when they came.
        let cohort = cohort.map_err(|error| invalid("column", error))?;
        let known = Known { cohort: Arc::new(cohort), ids: ids_digest, columns: digests };
        store.insert(known, &mut self.reservation)
    }

    fn is_complete(&self) -> Result<(), Failure> {
        let n_rows = self.announcement.n_rows;
        let ended = |path: String, n: usize| Violation {
            field: path,
            description: format!("ended after {n} of {n_rows} rows"),
        };
        let mut violations = Vec::new();
        if self.announcement.has_ids && self.ids.len() < n_rows {
            violations.push(ended("announcement.has_ids".into(), self.ids.len()));
        }
        let short = self.columns.values().filter(|column| column.len() < n_rows);
        violations.extend(
            short.map(|column| {
                ended(format!("announcement.columns[{}]", column.index), column.len())
            }),
        );
        violations.sort_by(|a, b| a.field.cmp(&b.field));
        if violations.is_empty() { Ok(()) } else { Err(Failure::invalid(violations)) }
    }
}

/// An extension has the rows of what it extends, and other columns.
fn fits_base(announcement: &Announcement, base: &Known) -> Result<(), Failure> {
    let n_rows = base.cohort.len();
    if announcement.n_rows != n_rows {
        let message = format!("must be that of the extended cohort, {n_rows}");
        return Err(invalid("announcement.row_count", message));
    }
    let is_known = |header: &ColumnHeader| base.columns.contains_key(&header.name);
    match announcement.columns.iter().position(is_known) {
        Some(index) => {
            let field = format!("announcement.columns[{index}].name");
            Err(invalid(field, "names a column of the extended cohort"))
        }
        None => Ok(()),
    }
}

fn extended(base: &Cohort, columns: Vec<Column>) -> Result<Cohort, cohort::CohortError> {
    let mut cohort = base.clone();
    for column in columns {
        cohort.push(column)?;
    }
    Ok(cohort.by_name())
}

/// Checks that a chunk begins where the one before ended.
fn follows(path: &str, first_row: i32, n: usize) -> Result<(), Failure> {
    match usize::try_from(first_row) {
        Ok(first) if first == n => Ok(()),
        _ => Err(invalid(path, format!("must be {n}, where the chunk before ended"))),
    }
}

fn early(n_levels: usize) -> Failure {
    invalid("column", format!("comes before all of its {n_levels} labels"))
}

fn differs() -> Failure {
    let message = "is not the digest of what came";
    let failure = invalid("announcement.digest", message);
    Failure { reason: "DIGEST_MISMATCH".into(), ..failure }
}

fn text_bytes(texts: &[String]) -> usize {
    texts.iter().map(|text| text.len() + size_of::<String>()).sum()
}

fn cell_bytes(header: &ColumnHeader) -> usize {
    if header.levels.is_some() { size_of::<u32>() } else { size_of::<f64>() }
}

impl Incoming {
    fn new(index: usize, header: ColumnHeader, n_rows: usize) -> Self {
        let cells = match header.levels {
            None => Cells::Numbers(Vec::new()),
            Some(_) => Cells::Codes(Vec::new()),
        };
        let n_levels = header.levels.as_ref().map_or(0, Vec::len) + header.n_later_levels;
        let (name, levels) = (header.name, header.levels);
        let mut column =
            Self { index, name, levels, n_levels, cells, missing: Vec::new(), hasher: None };
        column.begin_cells(n_rows);
        column
    }

    /// Lets cells come once all labels have.
    fn begin_cells(&mut self, n_rows: usize) {
        let levels = self.levels.as_deref();
        if self.hasher.is_none() && levels.map_or(0, <[String]>::len) == self.n_levels {
            self.hasher = Some(ColumnHasher::new(&self.name, levels, n_rows));
        }
    }

    fn len(&self) -> usize {
        match &self.cells {
            Cells::Numbers(cells) => cells.len(),
            Cells::Codes(cells) => cells.len(),
        }
    }

    /// Appends cells, whose missing rows are counted from the first of them.
    fn add(&mut self, chunk: Column, n_rows: usize) -> Result<(), Failure> {
        let first = self.len();
        if chunk.values.len() > n_rows - first {
            return Err(invalid("column", format!("goes beyond the {n_rows} rows announced")));
        }
        let hasher = self.hasher.as_mut().ok_or_else(|| early(self.n_levels))?;
        let mut is_missing = vec![false; chunk.values.len()];
        chunk.missing.iter().for_each(|&row| is_missing[row] = true);
        hasher.add(&chunk.values, |row| is_missing[row]);
        self.missing.extend(chunk.missing.iter().map(|row| first + row));
        match (&mut self.cells, &chunk.values) {
            (Cells::Numbers(cells), Values::Numeric(values)) => {
                cells.reserve_exact(n_rows - first);
                cells.extend_from_slice(values);
            }
            (Cells::Codes(cells), Values::Categorical { codes, .. }) => {
                cells.reserve_exact(n_rows - first);
                cells.extend_from_slice(codes);
            }
            _ => return Err(invalid("column", "holds cells of another kind than announced")),
        }
        Ok(())
    }

    /// The column with its digest; none while labels are to come.
    fn finish(self) -> Option<(Column, ColumnDigest)> {
        let digest = self.hasher?.finish();
        let values = match self.cells {
            Cells::Numbers(cells) => Values::Numeric(cells.into()),
            Cells::Codes(cells) => {
                let levels = self.levels.unwrap_or_default();
                Values::Categorical { levels, codes: cells.into() }
            }
        };
        Some((Column { name: self.name, values, missing: self.missing }, digest))
    }
}
