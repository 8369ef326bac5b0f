//! Who is exposed and who is compared with them.

use crate::{Cohort, CohortError, NotEstimable, Selection, Values};
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
    /// The column has no such level, not even among those who are not selected.
    #[error("{column} has no level {level}{}", known_levels(known))]
    UnknownLevel {
        /// Column that should tell the arms apart.
        column: String,
        /// Level of the exposed.
        level: String,
        /// The levels that are declared; empty for a column of numbers, which declares none.
        known: Vec<String>,
    },
}

impl ArmsError {
    /// Why the data cannot answer, when that is what the error says; other errors are faults of the
    /// question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            Self::NotTwoGroups { .. } => Some(NotEstimable::TooFewGroups),
            Self::Cohort(_) | Self::UnknownLevel { .. } => None,
        }
    }
}

/// The end of a sentence with the levels that there are.
fn known_levels(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; its levels are {}", known.join(", ")) }
}

impl Arms {
    /// Splits the selected subjects by whether `column` has the level `exposed`.
    ///
    /// Levels that occur in nobody do not count. Fails unless exactly two levels occur, one of them
    /// `exposed`, on missing cells, with [`CohortError::NoRows`] when nobody is selected, and with
    /// [`ArmsError::UnknownLevel`] when the column does not know the level `exposed`.
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
        // A numeric column has only the levels that occur among the selected.
        let level = categories.position(exposed);
        if level.is_none() {
            check_level(cohort, column, exposed)?;
        }
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

/// Refuses a level that a column does not know, whoever is selected. Numbers declare no levels: where all are
/// one number there is no second group, and else a level is known that somebody has.
fn check_level(cohort: &Cohort, column: &str, level: &str) -> Result<(), ArmsError> {
    let (is_known, known) = match cohort.values(column)? {
        Values::Categorical { levels, .. } => {
            (levels.iter().any(|known| known == level), levels.clone())
        }
        Values::Numeric(values) => {
            let is_missing = cohort.is_missing(column)?;
            let cells = values.iter().zip(is_missing).filter(|&(_, &missing)| !missing);
            let mut present = cells.map(|(&value, _)| value);
            let number = level.parse::<f64>();
            let first = present.next();
            let is_one_group = present.clone().all(|value| Some(value) == first);
            let has = |value: f64| number.as_ref().is_ok_and(|number| *number == value);
            let occurs = first.is_some_and(has) || present.any(has);
            (occurs || (is_one_group && number.is_ok()), Vec::new())
        }
    };
    if is_known {
        return Ok(());
    }
    let (column, level) = (column.into(), level.into());
    Err(ArmsError::UnknownLevel { column, level, known })
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
        let nobody = Arms::new(&cohort, &all.filter(|_| false), "rt", "yes");
        assert_eq!(nobody, Err(CohortError::NoRows.into()));
    }

    /// Of numbers the level counts as known when somebody has it, selected or not, and when all are one
    /// number.
    #[test]
    fn a_level_that_nobody_knows_is_a_fault_of_the_question() {
        let cohort = cohort();
        let refused = |column: &str, level: &str, row: usize| {
            let selection = Selection::all(&cohort).filter(|one| one == row);
            Arms::new(&cohort, &selection, column, level).unwrap_err()
        };
        let misspelt = refused("rt", "Yes", 0);
        assert_eq!(misspelt.to_string(), "rt has no level Yes; its levels are no, unknown, yes");
        assert_eq!(misspelt.impossibility(), None);
        assert_eq!(refused("treat", "2", 0).to_string(), "treat has no level 2");
        assert_eq!(refused("treat", "yes", 0).to_string(), "treat has no level yes");
        let empty = refused("treat", "0", 0).impossibility();
        assert_eq!(empty, Some(NotEstimable::TooFewGroups));
        let one = Cohort::new(None, vec![Column::numeric("treat", vec![0.0, 0.0])]).unwrap();
        let error = Arms::new(&one, &Selection::all(&one), "treat", "1").unwrap_err();
        assert!(matches!(error, ArmsError::NotTwoGroups { levels: 1, exposed: 0, .. }), "{error}");
    }
}
