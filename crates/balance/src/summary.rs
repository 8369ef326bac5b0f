//! Moments and quartiles of one arm.

use crate::NumericSummary;
use cohort::{Estimate, NotEstimable};
use numerics::sum::{mean, quantile_type_7, variance};

/// Mean and variance (n - 1) of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    pub mean: f64,
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
}

/// Summary of the values of one arm; every entry says why it is undefined.
pub(crate) fn summarise(values: &[f64]) -> NumericSummary {
    let moments = Moments::of(values).ok_or(NotEstimable::NoSubjects);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quantile =
        |probability| quantile_type_7(&sorted, probability).ok_or(NotEstimable::NoSubjects);
    NumericSummary {
        n: values.len(),
        mean: moments.map(|moments| moments.mean),
        sd: moments.and_then(|moments| moments.variance).map(f64::sqrt),
        median: quantile(0.5),
        q1: quantile(0.25),
        q3: quantile(0.75),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_a_mean_but_no_spread() {
        let summary = summarise(&[3.0]);
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
        let summary = summarise(&[]);
        assert_eq!((summary.n, summary.median), (0, Err(NotEstimable::NoSubjects)));
    }
}
