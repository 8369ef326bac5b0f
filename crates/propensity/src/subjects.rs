//! Fitted values, residuals and influence of every subject.

use crate::likelihood::Likelihood;
use crate::{FittedSubjects, Influence, LogisticData};
use cohort::{Estimate, NotEstimable};
use nalgebra::DMatrix;

/// What a fit says of its subjects; influence needs the covariance of a maximum.
///
/// Pregibon (1981), Ann. Stat. 9:705-724. Rows count those of the data.
pub(crate) fn fitted_subjects(
    data: &LogisticData,
    likelihood: &Likelihood,
    linear_predictor: &[f64],
    covariance: Estimate<&DMatrix<f64>>,
    degrees_of_freedom: f64,
) -> FittedSubjects {
    let link = likelihood.link();
    let weight = |i: usize| data.weights.map_or(1.0, |weights| weights[i]);
    let sign = |i: usize| if data.outcome[i] { 1.0 } else { -1.0 };
    let z = |i: usize| sign(i) * linear_predictor[i];
    let deviance = |i: usize| sign(i) * (-2.0 * weight(i) * link.log_likelihood(z(i))).sqrt();
    // With the outcome (1 - π)² / (π (1 - π)) is the odds against what happened; so it is without.
    let odds_against = |i: usize| {
        let odds = link.probability(-z(i)) / link.probability(z(i));
        odds.min(f64::MAX)
    };
    let pearson = |i: usize| sign(i) * weight(i).sqrt() * odds_against(i).sqrt();
    let n = linear_predictor.len();
    let pearson_residual: Vec<f64> = (0..n).map(pearson).collect();
    let influence = covariance.map(|covariance| {
        let weights = likelihood.expected_weights(linear_predictor);
        let forms = likelihood.quadratic_forms(covariance);
        let leverage: Vec<f64> = weights.iter().zip(forms).map(|(w, q)| (w * q).min(1.0)).collect();
        let distance = |(r, h): (&f64, &f64)| cooks_distance(*r, *h, degrees_of_freedom);
        let cooks_distance = pearson_residual.iter().zip(&leverage).map(distance).collect();
        Influence { leverage, cooks_distance }
    });
    FittedSubjects {
        rows: (0..n).collect(),
        linear_predictor: linear_predictor.to_vec(),
        probability: linear_predictor.iter().map(|&eta| link.probability(eta)).collect(),
        deviance_residual: (0..n).map(deviance).collect(),
        pearson_residual,
        influence,
    }
}

/// A leverage nearer to 1 than this is 1 but for rounding: without the subject its fitted value is
/// anything.
const WHOLE: f64 = 1e-10;

fn cooks_distance(residual: f64, leverage: f64, degrees_of_freedom: f64) -> Estimate {
    let rest = 1.0 - leverage;
    let distance = (residual / rest) * (residual / rest) * leverage / degrees_of_freedom;
    if rest > WHOLE && distance.is_finite() { Ok(distance) } else { Err(NotEstimable::NotDefined) }
}
