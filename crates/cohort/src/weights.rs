//! Case weights: how often or how much each subject counts.

use crate::{Caveat, CaveatCode, Cohort, CohortError, Selection};
use serde::{Deserialize, Serialize};

/// What a case weight means; it is declared, never guessed from the numbers.
///
/// R takes weights that are all whole numbers for frequencies and any others for sampling weights,
/// so that one more patient can change the kind of the variance.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightKind {
    /// A row stands for so many identical subjects; the analysis is that of the repeated rows.
    Frequency,
    /// A subject represents others, as after inverse probability weighting: the sums are weighted,
    /// there are no more subjects than rows, and variances are robust.
    Sampling,
}

/// The column of case weights and what they mean.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WeightColumn {
    /// Numeric column: not negative, and whole numbers when they are frequencies.
    pub column: String,
    /// What the weights mean.
    pub kind: WeightKind,
}

/// Whether coefficients have a robust variance beside that of the model.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Variance {
    /// A robust one where there are clusters or sampling weights.
    #[default]
    Automatic,
    /// A robust one in any case; without clusters every row is one.
    Robust,
}

/// Selected subjects with their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    /// The subjects: those without weight are left out, and frequencies are repeated rows.
    pub selection: Selection,
    /// Sampling weights, one per subject, positive; absent when every subject counts once.
    pub weights: Option<Vec<f64>>,
    /// Number of selected subjects that were left out because their weight is 0.
    pub n_without_weight: usize,
}

impl Weighted {
    /// That subjects were left out, when some were.
    #[must_use]
    pub fn caveat(&self) -> Option<Caveat> {
        let n = self.n_without_weight;
        let message = format!("rows with the weight 0 are left out (rows: {n})");
        (n > 0).then(|| Caveat::new(CaveatCode::ZeroWeights, message))
    }
}

impl Cohort {
    /// The selected subjects with their weights; without a column each counts once.
    ///
    /// Fails on a column that is missing, not numeric or lacks a value, on a negative weight, on a
    /// frequency that is no whole number, on frequencies of more than
    /// [`Selection::MOST_SUBJECTS`], and when rows are selected but none has a weight.
    pub fn weighted(
        &self,
        selection: &Selection,
        weights: Option<&WeightColumn>,
    ) -> Result<Weighted, CohortError> {
        let Some(WeightColumn { column, kind }) = weights else {
            let selection = selection.clone();
            return Ok(Weighted { selection, weights: None, n_without_weight: 0 });
        };
        let weights = self.numeric(column, selection)?;
        let column = || column.clone();
        let row = |index: usize| self.caller_row(selection.rows()[index]);
        if let Some(index) = weights.iter().position(|&weight| weight < 0.0) {
            return Err(CohortError::NegativeWeight { column: column(), row: row(index) });
        }
        let n_without_weight = weights.iter().filter(|&&weight| weight == 0.0).count();
        if !weights.is_empty() && n_without_weight == weights.len() {
            return Err(CohortError::NoWeight { column: column(), rows: weights.len() });
        }
        let rows = selection.rows().iter().copied().zip(weights.iter().copied());
        match kind {
            WeightKind::Frequency => {
                if let Some(index) = weights.iter().position(|weight| weight.fract() != 0.0) {
                    return Err(CohortError::FractionalFrequency {
                        column: column(),
                        row: row(index),
                    });
                }
                let most = Selection::MOST_SUBJECTS;
                if weights.iter().sum::<f64>() > most as f64 {
                    return Err(CohortError::TooManySubjects { column: column(), most });
                }
                let repeated =
                    rows.flat_map(|(row, weight)| std::iter::repeat_n(row, weight as usize));
                let selection = Selection::of(self, repeated)?;
                Ok(Weighted { selection, weights: None, n_without_weight })
            }
            WeightKind::Sampling => {
                let (rows, weights): (Vec<usize>, Vec<f64>) =
                    rows.filter(|&(_, weight)| weight > 0.0).unzip();
                let selection = Selection::of(self, rows)?;
                Ok(Weighted { selection, weights: Some(weights), n_without_weight })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    fn weighted(weights: Vec<f64>, kind: WeightKind) -> Result<Weighted, CohortError> {
        let cohort = Cohort::new(None, vec![Column::numeric("w", weights)]).unwrap();
        let weights = WeightColumn { column: "w".into(), kind };
        cohort.weighted(&Selection::all(&cohort), Some(&weights))
    }

    #[test]
    fn frequencies_are_repeated_rows() {
        let weighted = weighted(vec![2.0, 0.0, 1.0], WeightKind::Frequency).unwrap();
        assert_eq!(weighted.selection.rows(), [0, 0, 2]);
        assert_eq!((weighted.weights, weighted.n_without_weight), (None, 1));
    }

    #[test]
    fn sampling_weights_leave_out_rows_without_weight() {
        let weighted = weighted(vec![0.5, 0.0, 1.5], WeightKind::Sampling).unwrap();
        assert_eq!(weighted.selection.rows(), [0, 2]);
        assert_eq!(weighted.weights, Some(vec![0.5, 1.5]));
        assert_eq!(weighted.n_without_weight, 1);
    }

    #[test]
    fn weights_that_make_no_sense_are_refused() {
        let column = || "w".to_string();
        let negative = weighted(vec![1.0, -1.0], WeightKind::Sampling);
        assert_eq!(negative, Err(CohortError::NegativeWeight { column: column(), row: 1 }));
        let fraction = weighted(vec![1.0, 0.5], WeightKind::Frequency);
        assert_eq!(fraction, Err(CohortError::FractionalFrequency { column: column(), row: 1 }));
        let most = Selection::MOST_SUBJECTS;
        let endless = weighted(vec![1.0, most as f64], WeightKind::Frequency);
        assert_eq!(endless, Err(CohortError::TooManySubjects { column: column(), most }));
        let none = weighted(vec![0.0, 0.0], WeightKind::Sampling);
        assert_eq!(none, Err(CohortError::NoWeight { column: column(), rows: 2 }));
    }
}
