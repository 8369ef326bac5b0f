//! Which rows of a cohort an analysis looks at.

use crate::{Cells, Cohort, CohortError};
use std::sync::OnceLock;

/// Rows of one cohort, ascending; a row may occur more than once.
///
/// Matched sets, subgroups, sites and bootstrap replicates are selections of one cohort. A row that
/// occurs twice counts as two subjects, so a replicate equals the same analysis of duplicated rows.
#[derive(Clone, Debug)]
pub struct Selection {
    len: usize,
    is_everybody: bool,
    /// The rows; of everybody they are listed when somebody asks for them.
    rows: OnceLock<Vec<usize>>,
}

impl Selection {
    /// How many subjects rows that count several times may add up to, by their multiplicities or by
    /// frequencies: a few numbers could otherwise ask for any amount of memory.
    pub const MOST_SUBJECTS: usize = 10_000_000;

    /// Every row once.
    #[must_use]
    pub fn all(cohort: &Cohort) -> Self {
        Self { len: cohort.len(), is_everybody: true, rows: OnceLock::new() }
    }

    /// These rows of the cohort, in its own order of rows, each as often as it occurs.
    pub fn of(cohort: &Cohort, rows: impl IntoIterator<Item = usize>) -> Result<Self, CohortError> {
        let mut rows: Vec<usize> = rows.into_iter().collect();
        rows.sort_unstable();
        match rows.last() {
            Some(&row) if row >= cohort.len() => {
                Err(CohortError::RowOutOfRange { row, rows: cohort.len() })
            }
            _ => Ok(Self::listed(rows)),
        }
    }

    fn listed(rows: Vec<usize>) -> Self {
        Self { len: rows.len(), is_everybody: false, rows: rows.into() }
    }

    /// The rows of this selection for which `keep` holds.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(usize) -> bool) -> Self {
        Self::listed(match self.rows.get() {
            Some(rows) => rows.iter().copied().filter(|&row| keep(row)).collect(),
            None => (0..self.len).filter(|&row| keep(row)).collect(),
        })
    }

    /// The rows, ascending, repeated as often as they count.
    #[must_use]
    pub fn rows(&self) -> &[usize] {
        self.rows.get_or_init(|| (0..self.len).collect())
    }

    /// The row of a subject, which counts from 0 among the selected ones.
    #[must_use]
    pub fn row(&self, subject: usize) -> usize {
        if self.is_everybody { subject } else { self.rows()[subject] }
    }

    /// The cells of the selected subjects; of everybody they are the column itself.
    pub(crate) fn cells<T: Copy>(&self, column: &Cells<T>) -> Cells<T> {
        if self.is_everybody {
            column.clone()
        } else {
            self.rows().iter().map(|&row| column[row]).collect()
        }
    }

    /// Whether this was made as every row once; rows that were listed may be everybody too.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.is_everybody
    }

    /// Number of subjects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Two selections are equal when they hold the same rows, whether or not those are listed.
impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        let are_both_everybody = self.is_everybody && other.is_everybody;
        self.len == other.len && (are_both_everybody || self.rows() == other.rows())
    }
}
