//! The point from which R counts its linear predictors.

use cohort::Endpoint;
use numerics::sum::{sum, total};

/// Where R centres a column: at its mean, or at 0 when it holds nothing but -1, 0 and 1, so that an
/// indicator keeps its meaning.
///
/// The mean is weighted by the case weights, but not with late entry. Same as `fit$means` of
/// `coxph` in R (argument `nocenter`). No hazard ratio depends on it; the linear predictor and the
/// curve of an average subject do.
pub(crate) fn centre(column: &[f64], endpoint: &Endpoint, weights: Option<&[f64]>) -> f64 {
    let is_indicator = |value: &f64| (*value == 0.0) | (value.abs() == 1.0);
    // Whole blocks are told without a branch.
    let is_indicator =
        column.chunks(64).all(|block| block.iter().fold(true, |all, x| all & is_indicator(x)));
    let weights = weights.filter(|_| endpoint.entry().is_none());
    if is_indicator { 0.0 } else { weighted_mean(column, weights) }
}

/// Mean of one number per subject, weighted by the case weights; 0 of nobody.
pub(crate) fn weighted_mean(values: &[f64], weights: Option<&[f64]>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    match weights {
        None => total(values) / values.len() as f64,
        Some(weights) => {
            let products = values.iter().zip(weights).map(|(value, weight)| value * weight);
            sum(products) / sum(weights.iter().copied())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indicators_stay_where_they_are() {
        let (time, event) = (vec![1.0, 2.0], vec![true; 2]);
        let plain = Endpoint::new(time.clone(), event.clone()).unwrap();
        let late = Endpoint::with_entry(vec![0.0, 1.0], time, event).unwrap();
        assert_eq!(centre(&[-1.0, 1.0], &plain, None), 0.0);
        assert_eq!(centre(&[1.0, 2.0], &plain, None), 1.5);
        assert_eq!(centre(&[0.0, 3.0], &plain, Some(&[1.0, 2.0])), 2.0);
        assert_eq!(centre(&[0.0, 3.0], &late, Some(&[1.0, 2.0])), 1.5);
    }
}
