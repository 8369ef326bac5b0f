//! Who is exposed and who is compared with them.

use crate::{Cohort, CohortError, Selection};
use thiserror::Error;

/// The two arms of a comparison among some selected subjects; both hold somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Arms {
    is_exposed: Vec<bool>,
    n_exposed: usize,
}

/// Why a column does not split the subjects into two arms.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ArmsError {
    /// The column cannot be read.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// An arm is empty, or there are more than two.
    #[error(
        "the comparison needs two non-empty groups: {levels} levels of {column} occur in the \
         selected rows, and {exposed} rows have level {level}"
    )]
    NotTwoGroups {
        /// Column that should tell the arms apart.
        column: String,
        /// Level of the exposed.
        level: String,
        /// Number of levels that occur in somebody.
        levels: usize,
        /// Number of exposed subjects.
        exposed: usize,
    },
}

impl Arms {
    /// Splits the selected subjects by whether `column` has the level `exposed`.
    ///
    /// Levels that occur in nobody do not count. Fails unless exactly two levels occur, one of them
    /// `exposed`, on missing cells, and with [`CohortError::NoRows`] when nobody is selected.
    pub fn new(
        cohort: &Cohort,
        selection: &Selection,
        column: &str,
        exposed: &str,
    ) -> Result<Self, ArmsError> {
        if selection.is_empty() {
            return Err(CohortError::NoRows.into());
        }
        let categories = cohort.categories(column, selection)?;
        let levels = categories.counts().iter().filter(|&&count| count > 0).count();
        // A numeric column has only the levels that occur, so an unknown level is an empty arm.
        let level = categories.position(exposed);
        let is_exposed: Vec<bool> =
            categories.codes.iter().map(|&code| Some(code) == level).collect();
        let n_exposed = is_exposed.iter().filter(|&&exposed| exposed).count();
        if levels == 2 && n_exposed > 0 {
            Ok(Self { is_exposed, n_exposed })
        } else {
            let (column, level) = (column.into(), exposed.into());
            Err(ArmsError::NotTwoGroups { column, level, levels, exposed: n_exposed })
        }
    }

    /// Whether each selected subject is exposed.
    #[must_use]
    pub fn is_exposed(&self) -> &[bool] {
        &self.is_exposed
    }

    /// Number of exposed subjects, at least 1.
    #[must_use]
    pub fn n_exposed(&self) -> usize {
        self.n_exposed
    }

    /// Number of comparators, at least 1.
    #[must_use]
    pub fn n_comparators(&self) -> usize {
        self.is_exposed.len() - self.n_exposed
    }

    /// The values of the exposed and those of the comparators; one value per selected subject.
    #[must_use]
    pub fn split<T: Copy>(&self, values: &[T]) -> (Vec<T>, Vec<T>) {
        let of_arm = |arm: bool| {
            let members = self.is_exposed.iter().zip(values);
            members.filter(|&(&exposed, _)| exposed == arm).map(|(_, &value)| value).collect()
        };
        (of_arm(true), of_arm(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    fn cohort() -> Cohort {
        let levels = ["no", "unknown", "yes"].map(String::from).to_vec();
        let rt = Column::categorical("rt", levels, vec![2, 0, 2, 1]);
        Cohort::new(None, vec![rt, Column::numeric("treat", vec![1.0, 0.0, 1.0, 1.0])]).unwrap()
    }

    #[test]
    fn levels_of_nobody_do_not_count() {
        let cohort = cohort();
        let known = Selection::all(&cohort).filter(|row| row < 3);
        let arms = Arms::new(&cohort, &known, "rt", "yes").unwrap();
        assert_eq!(arms.is_exposed(), [true, false, true]);
        assert_eq!((arms.n_exposed(), arms.n_comparators()), (2, 1));
        assert_eq!(arms.split(&[1, 2, 3]), (vec![1, 3], vec![2]));
    }

    #[test]
    fn numbers_are_levels() {
        let cohort = cohort();
        let arms = Arms::new(&cohort, &Selection::all(&cohort), "treat", "1").unwrap();
        assert_eq!(arms.n_exposed(), 3);
    }

    #[test]
    fn an_empty_arm_and_a_third_arm_are_refused() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let refused = |selection: &Selection, level: &str| {
            let error = Arms::new(&cohort, selection, "rt", level).unwrap_err();
            assert!(error.to_string().contains("needs two non-empty groups"), "{error}");
        };
        refused(&all, "yes");
        refused(&all.filter(|row| row == 0), "yes");
        refused(&all.filter(|row| row < 2), "unknown");
        refused(&all.filter(|row| row < 2), "other");
        let nobody = Arms::new(&cohort, &all.filter(|_| false), "rt", "yes");
        assert_eq!(nobody, Err(CohortError::NoRows.into()));
    }
}
