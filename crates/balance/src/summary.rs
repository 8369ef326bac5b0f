//! Moments and quantiles of one group.

use crate::NumericSummary;
use crate::choice::skewness;
use crate::sample::Group;
use cohort::{Estimate, NotEstimable};
use hypothesis::shapiro_wilk;
use numerics::sum::{Sum, mean, quantile_type_2, quantile_type_6, quantile_type_7, sum, variance};

/// Mean and variance of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    pub mean: f64,
    /// With denominator `n - 1`; with weights `Σ w - Σ w² / Σ w`.
    pub variance: Estimate,
}

impl Moments {
    /// `None` when there are no values. Equal values have exactly their own mean and variance 0.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let first = *values.first()?;
        let is_constant = values.iter().all(|&value| value == first);
        let mean = if is_constant { first } else { mean(values)? };
        let variance = match variance(values) {
            None => Err(NotEstimable::TooFewValues),
            Some(_) if is_constant => Ok(0.0),
            Some(variance) => Ok(variance),
        };
        Some(Self { mean, variance })
    }

    /// Of a group, by its weights if it has any; those are positive. Same as `cov.wt` in R.
    pub(crate) fn of_group(group: &Group<f64>) -> Option<Self> {
        let values = &group.values;
        let Some(weights) = &group.weights else { return Self::of(values) };
        let first = *values.first()?;
        let total = sum(weights.iter().copied());
        if values.iter().all(|&value| value == first) {
            let variance = if values.len() < 2 { Err(NotEstimable::TooFewValues) } else { Ok(0.0) };
            return Some(Self { mean: first, variance });
        }
        let weighted = || values.iter().zip(weights);
        let mean = sum(weighted().map(|(value, weight)| weight * value)) / total;
        let squares =
            sum(weighted().map(|(value, weight)| weight * (value - mean) * (value - mean)));
        let squared_weights = sum(weights.iter().map(|weight| weight * weight));
        let variance = squares / (total - squared_weights / total);
        let variance =
            if variance.is_finite() { Ok(variance) } else { Err(NotEstimable::VarianceUndefined) };
        Some(Self { mean, variance })
    }
}

/// Summary of the values of one group; every entry says why it is undefined.
pub(crate) fn summarise(group: &Group<f64>) -> NumericSummary {
    let moments = Moments::of_group(group).ok_or(NotEstimable::NoSubjects);
    let sorted = Sorted::of(group);
    NumericSummary {
        n: group.values.len(),
        mean: moments.map(|moments| moments.mean),
        sd: moments.and_then(|moments| moments.variance).map(f64::sqrt),
        median: sorted.quantile(0.5),
        q1: sorted.quantile(0.25),
        q3: sorted.quantile(0.75),
        q1_type_6: sorted.unweighted(quantile_type_6, 0.25),
        q3_type_6: sorted.unweighted(quantile_type_6, 0.75),
        q1_type_2: sorted.unweighted(quantile_type_2, 0.25),
        q3_type_2: sorted.unweighted(quantile_type_2, 0.75),
        min: sorted.values.first().copied().ok_or(NotEstimable::NoSubjects),
        max: sorted.values.last().copied().ok_or(NotEstimable::NoSubjects),
        skewness: skewness(&group.values),
        shapiro_wilk: shapiro_wilk(&group.values),
    }
}

/// Ascending values, with their weights.
struct Sorted {
    values: Vec<f64>,
    weights: Option<Vec<f64>>,
}

impl Sorted {
    fn of(group: &Group<f64>) -> Self {
        let values = &group.values;
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let weights = group.weights.as_ref();
        Self {
            values: order.iter().map(|&index| values[index]).collect(),
            weights: weights.map(|weights| order.iter().map(|&index| weights[index]).collect()),
        }
    }

    fn quantile(&self, probability: f64) -> Estimate {
        let quantile = match &self.weights {
            None => quantile_type_7(&self.values, probability),
            Some(weights) => weighted_quantile(&self.values, weights, probability),
        };
        quantile.ok_or(NotEstimable::NoSubjects)
    }

    /// A quantile of a type that has no weighted form.
    fn unweighted(&self, of: fn(&[f64], f64) -> Option<f64>, probability: f64) -> Estimate {
        match self.weights {
            None => of(&self.values, probability).ok_or(NotEstimable::NoSubjects),
            Some(_) => Err(NotEstimable::NotDefined),
        }
    }
}

/// Weights that reach the probability within this share of all count as reaching it: sums of weights
/// are not exact.
const ON_A_STEP: f64 = 1e-12;

/// Where the weighted distribution function passes the probability, the midpoint where it rests on
/// it. Same as `survey::svyquantile(.., qrule = "school")` in R.
fn weighted_quantile(sorted: &[f64], weights: &[f64], probability: f64) -> Option<f64> {
    let total = sum(weights.iter().copied());
    let mut reached = Sum::default();
    for (index, (&value, &weight)) in sorted.iter().zip(weights).enumerate() {
        reached += weight;
        let excess = reached.value() / total - probability;
        if excess.abs() <= ON_A_STEP {
            let next = sorted.get(index + 1).copied().unwrap_or(value);
            return Some(value + (next - value) / 2.0);
        }
        if excess > 0.0 {
            return Some(value);
        }
    }
    sorted.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(values: &[f64], weights: Option<&[f64]>) -> Group<f64> {
        Group {
            rows: (0..values.len()).collect(),
            values: values.to_vec(),
            weights: weights.map(<[f64]>::to_vec),
            n_missing: 0,
        }
    }

    #[test]
    fn one_value_has_a_mean_but_no_spread() {
        let summary = summarise(&group(&[3.0], None));
        assert_eq!(summary.mean, Ok(3.0));
        assert_eq!(summary.sd, Err(NotEstimable::TooFewValues));
        assert_eq!(summary.q3, Ok(3.0));
    }

    /// 0.1 is no binary fraction: the mean of many of them is off by a bit.
    #[test]
    fn equal_values_do_not_vary() {
        let moments = Moments::of(&[0.1; 7]).unwrap();
        assert_eq!(moments, Moments { mean: 0.1, variance: Ok(0.0) });
    }

    #[test]
    fn nobody_has_no_summary() {
        let summary = summarise(&group(&[], None));
        assert_eq!((summary.n, summary.median), (0, Err(NotEstimable::NoSubjects)));
    }

    /// Weights 1, 1, 2 of 1, 2, 4: mean 11/4, squares (49 + 9 + 2 · 25)/16 = 6.75 over 4 - 6/4. Half of
    /// the weight is reached at 2 and rests until 4.
    #[test]
    fn weights_act_on_moments_and_quantiles() {
        let summary = summarise(&group(&[4.0, 1.0, 2.0], Some(&[2.0, 1.0, 1.0])));
        assert_eq!(summary.mean, Ok(2.75));
        assert!((summary.sd.unwrap() - 2.7f64.sqrt()).abs() < 1e-15);
        assert_eq!((summary.median, summary.q3), (Ok(3.0), Ok(4.0)));
        assert_eq!(summary.q1_type_6, Err(NotEstimable::NotDefined));
    }

    /// The scale of the weights does not matter.
    #[test]
    fn equal_weights_have_the_plain_mean_and_variance() {
        let weighted = Moments::of_group(&group(&[1.0, 2.0, 4.0], Some(&[0.5, 0.5, 0.5]))).unwrap();
        assert!((weighted.variance.unwrap() - 7.0 / 3.0).abs() < 1e-15);
    }
}
