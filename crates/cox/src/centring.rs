//! The point from which R counts its linear predictors.

use numerics::sum::sum;

/// Where R centres a column: at its mean, or at 0 when it holds nothing but -1, 0 and 1, so that an
/// indicator keeps its meaning.
///
/// The mean is weighted by the case weights. Same as `fit$means` of `coxph` in R (argument
/// `nocenter`). No hazard ratio depends on it; the linear predictor and the curve of an average
/// subject do.
pub(crate) fn centre(column: &[f64], weights: Option<&[f64]>) -> f64 {
    let is_indicator = column.iter().all(|value| [-1.0, 0.0, 1.0].contains(value));
    if is_indicator { 0.0 } else { weighted_mean(column, weights) }
}

/// Mean of one number per subject, weighted by the case weights; 0 of nobody.
pub(crate) fn weighted_mean(values: &[f64], weights: Option<&[f64]>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    match weights {
        None => sum(values.iter().copied()) / values.len() as f64,
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
        assert_eq!(centre(&[-1.0, 0.0, 1.0, 1.0], None), 0.0);
        assert_eq!(centre(&[0.0, 0.0, 1.0, 2.0], None), 0.75);
        assert_eq!(centre(&[0.0, 3.0], Some(&[1.0, 2.0])), 2.0);
    }
}
