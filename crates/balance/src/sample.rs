//! Some subjects in groups: their rows, their weights, and the values of a column.

use crate::BalanceError;
use cohort::{Cohort, CohortError, Selection, Values};

/// Some subjects in groups.
pub(crate) struct Sample<'a> {
    pub(crate) cohort: &'a Cohort,
    /// Rows of each group, ascending.
    pub(crate) groups: Vec<Vec<usize>>,
    /// Weight of each row of the cohort; absent when all count alike.
    weights: Option<Vec<f64>>,
}

/// The subjects of one group that have a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group<T> {
    pub rows: Vec<usize>,
    pub values: Vec<T>,
    /// One per value; absent when all count alike.
    pub weights: Option<Vec<f64>>,
    /// Number of subjects without a value.
    pub n_missing: usize,
}

/// The categories of a column.
pub(crate) struct Levels {
    pub labels: Vec<String>,
    /// Code of each row of the cohort that was looked at and has a value.
    codes: Vec<Option<u32>>,
}

impl<'a> Sample<'a> {
    /// Subjects that all count alike.
    pub(crate) fn unweighted(cohort: &'a Cohort, groups: Vec<Vec<usize>>) -> Self {
        Self { cohort, groups, weights: None }
    }

    /// Subjects with the weights of all rows of the cohort. Equal weights are none.
    pub(crate) fn weighted(cohort: &'a Cohort, groups: Vec<Vec<usize>>, weights: Vec<f64>) -> Self {
        let mut of_subjects = groups.iter().flatten().map(|&row| weights[row]);
        let first = of_subjects.next();
        let are_equal = of_subjects.all(|weight| Some(weight) == first);
        Self { cohort, groups, weights: (!are_equal).then_some(weights) }
    }

    pub(crate) fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    /// Effective number of subjects of a group, `(Σ w)² / Σ w²`.
    pub(crate) fn effective_size(&self, group: usize) -> f64 {
        let rows = &self.groups[group];
        match &self.weights {
            None => rows.len() as f64,
            Some(weights) => {
                let total = numerics::sum::sum(rows.iter().map(|&row| weights[row]));
                let squares =
                    numerics::sum::sum(rows.iter().map(|&row| weights[row] * weights[row]));
                total * total / squares
            }
        }
    }

    /// The numbers of each group.
    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<Group<f64>>, CohortError> {
        let is_missing = self.cohort.is_missing(name)?;
        match self.cohort.values(name)? {
            Values::Numeric(values) => {
                Ok(self.present(|row| (!is_missing[row]).then(|| values[row])))
            }
            Values::Categorical { .. } => Err(CohortError::NotNumeric { column: name.into() }),
        }
    }

    /// The categories of each group.
    pub(crate) fn codes(&self, levels: &Levels) -> Vec<Group<u32>> {
        self.present(|row| levels.codes[row])
    }

    fn present<T>(&self, value: impl Fn(usize) -> Option<T>) -> Vec<Group<T>> {
        let group = |rows: &Vec<usize>| {
            let present: Vec<(usize, T)> =
                rows.iter().filter_map(|&row| Some((row, value(row)?))).collect();
            let n_missing = rows.len() - present.len();
            let (rows, values): (Vec<usize>, Vec<T>) = present.into_iter().unzip();
            let weights = self.weights.as_ref();
            let weights = weights.map(|weights| rows.iter().map(|&row| weights[row]).collect());
            Group { rows, values, weights, n_missing }
        };
        self.groups.iter().map(group).collect()
    }
}

impl Levels {
    /// The levels of a column over the rows of some samples together; numbers are read as `factor`
    /// in R does.
    pub(crate) fn of(name: &str, samples: &[&Sample]) -> Result<Self, CohortError> {
        let cohort = samples[0].cohort;
        let is_missing = cohort.is_missing(name)?;
        let rows = samples.iter().flat_map(|sample| sample.groups.iter().flatten().copied());
        let present = Selection::of(cohort, rows.filter(|&row| !is_missing[row]))?;
        let categories = cohort.categories(name, &present)?;
        let mut codes = vec![None; cohort.len()];
        for (&row, &code) in present.rows().iter().zip(categories.codes.iter()) {
            codes[row] = Some(code);
        }
        Ok(Self { labels: categories.levels, codes })
    }
}

/// Weights of all rows of the cohort from a column; those of the selected rows are checked.
pub(crate) fn weights(
    cohort: &Cohort,
    selection: &Selection,
    column: &str,
) -> Result<Vec<f64>, BalanceError> {
    let selected = cohort.numeric(column, selection)?;
    let mut weights = vec![0.0; cohort.len()];
    for (&row, &weight) in selection.rows().iter().zip(&selected) {
        if weight < 0.0 {
            return Err(BalanceError::NegativeWeight {
                column: column.into(),
                row: cohort.caller_row(row),
            });
        }
        weights[row] = weight;
    }
    Ok(weights)
}
