//! Which rows of a cohort an analysis looks at.

use crate::{Cohort, CohortError};

/// Rows of one cohort, ascending; a row may occur more than once.
///
/// Matched sets, subgroups, sites and bootstrap replicates are selections of one cohort. A row that
/// occurs twice counts as two subjects, so a replicate equals the same analysis of duplicated rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    rows: Vec<usize>,
}

impl Selection {
    /// Every row once.
    #[must_use]
    pub fn all(cohort: &Cohort) -> Self {
        Self { rows: (0..cohort.len()).collect() }
    }

    /// These rows of the cohort, in its own order of rows, each as often as it occurs.
    pub fn of(cohort: &Cohort, rows: impl IntoIterator<Item = usize>) -> Result<Self, CohortError> {
        let mut rows: Vec<usize> = rows.into_iter().collect();
        rows.sort_unstable();
        match rows.last() {
            Some(&row) if row >= cohort.len() => {
                Err(CohortError::RowOutOfRange { row, rows: cohort.len() })
            }
            _ => Ok(Self { rows }),
        }
    }

    /// The rows of this selection for which `keep` holds.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(usize) -> bool) -> Self {
        Self { rows: self.rows.iter().copied().filter(|&row| keep(row)).collect() }
    }

    /// The rows, ascending, repeated as often as they count.
    #[must_use]
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Number of subjects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nobody is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
