//! Tests of two means, and of two variances.

use crate::groups::Moments;
use cohort::{Estimate, Interval, NotEstimable};
use numerics::tails::{Tail, f_quantile, f_sf, student_t_multiplier, student_t_two_sided};

/// The difference of two means and its test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanDifference {
    /// First mean minus second.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The difference over its standard error.
    pub t: f64,
    /// Degrees of freedom, which need not be whole.
    pub degrees_of_freedom: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Confidence limits of the difference.
    pub interval: Interval,
}

impl MeanDifference {
    /// Fails where the square of the spread leaves the range of numbers.
    pub(crate) fn new(
        difference: f64,
        standard_error: f64,
        degrees_of_freedom: f64,
        confidence: f64,
    ) -> Estimate<Self> {
        let t = difference / standard_error;
        if !t.is_finite() || !degrees_of_freedom.is_finite() {
            return Err(NotEstimable::VarianceUndefined);
        }
        let reach = student_t_multiplier(confidence, degrees_of_freedom) * standard_error;
        Ok(Self {
            difference,
            standard_error,
            t,
            degrees_of_freedom,
            p_value: student_t_two_sided(t, degrees_of_freedom),
            interval: Interval { lower: Ok(difference - reach), upper: Ok(difference + reach) },
        })
    }
}

/// Welch's t test of two means whose variances may differ.
///
/// ```text
/// t = (m₁ - m₂) / √(a₁ + a₂)    with a = s²/n
/// ν = (a₁ + a₂)² / (a₁²/(n₁ - 1) + a₂²/(n₂ - 1))
/// ```
///
/// Undefined for fewer than two values in a group, and when neither group varies. `confidence` lies
/// strictly between 0 and 1. Welch (1947), Biometrika 34:28-35. Same as `t.test(first, second)` in R.
pub fn welch_t(first: &[f64], second: &[f64], confidence: f64) -> Estimate<MeanDifference> {
    let (m1, v1) = mean_and_variance(first)?;
    let (m2, v2) = mean_and_variance(second)?;
    let (a1, a2) = (v1 / first.len() as f64, v2 / second.len() as f64);
    let a = a1 + a2;
    refuse_without_spread(a, m1 == m2)?;
    let share = |a: f64, n: usize| a * a / (n - 1) as f64;
    let degrees_of_freedom = a * a / (share(a1, first.len()) + share(a2, second.len()));
    MeanDifference::new(m1 - m2, a.sqrt(), degrees_of_freedom, confidence)
}

/// Student's t test of two means with one variance.
///
/// ```text
/// t = (m₁ - m₂) / √(s² (1/n₁ + 1/n₂))    s² = ((n₁ - 1) s₁² + (n₂ - 1) s₂²) / (n₁ + n₂ - 2)
/// ```
///
/// One group may consist of a single value. Undefined otherwise as [`welch_t`] is. Student (1908),
/// Biometrika 6:1-25. Same as `t.test(first, second, var.equal = TRUE)` in R.
pub fn student_t(first: &[f64], second: &[f64], confidence: f64) -> Estimate<MeanDifference> {
    let of = |values| Moments::of(values).ok_or(NotEstimable::TooFewValues);
    let (one, other) = (of(first)?, of(second)?);
    let (n1, n2) = (first.len() as f64, second.len() as f64);
    let degrees_of_freedom = n1 + n2 - 2.0;
    if degrees_of_freedom < 1.0 {
        return Err(NotEstimable::TooFewValues);
    }
    let variance = (one.squares + other.squares) / degrees_of_freedom;
    refuse_without_spread(variance, one.mean == other.mean)?;
    let standard_error = (variance * (1.0 / n1 + 1.0 / n2)).sqrt();
    MeanDifference::new(one.mean - other.mean, standard_error, degrees_of_freedom, confidence)
}

/// Without spread equal means leave nothing to test, and different ones are infinitely apart.
pub(crate) fn refuse_without_spread(variance: f64, means_are_equal: bool) -> Estimate<()> {
    match (variance == 0.0, means_are_equal) {
        (false, _) => Ok(()),
        (true, true) => Err(NotEstimable::AllValuesEqual),
        (true, false) => Err(NotEstimable::NoVariation),
    }
}

fn mean_and_variance(values: &[f64]) -> Estimate<(f64, f64)> {
    let moments = Moments::of(values).ok_or(NotEstimable::TooFewValues)?;
    Ok((moments.mean, moments.variance()?))
}

/// The ratio of two variances and its test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarianceRatio {
    /// First variance over second.
    pub ratio: f64,
    /// Degrees of freedom of the first variance, `n₁ - 1`.
    pub df1: f64,
    /// Degrees of freedom of the second.
    pub df2: f64,
    /// Two-sided p-value: twice the smaller tail of the F distribution.
    pub p_value: f64,
    /// Confidence limits of the ratio.
    pub interval: Interval,
}

/// F test of two variances; sensitive to departures from normality.
///
/// Undefined for fewer than two values in a group and where a group does not vary. `confidence` lies
/// strictly between 0 and 1. Snedecor and Cochran (1989), Statistical Methods, 6.12. Same as
/// `var.test(first, second)` in R.
pub fn variance_ratio(first: &[f64], second: &[f64], confidence: f64) -> Estimate<VarianceRatio> {
    let (_, v1) = mean_and_variance(first)?;
    let (_, v2) = mean_and_variance(second)?;
    let ratio = v1 / v2;
    if v1 == 0.0 || !ratio.is_finite() {
        return Err(NotEstimable::NoVariation);
    }
    let (df1, df2) = ((first.len() - 1) as f64, (second.len() - 1) as f64);
    let smaller_tail = f_sf(ratio, df1, df2).min(f_sf(1.0 / ratio, df2, df1));
    let alpha = (1.0 - confidence) / 2.0;
    Ok(VarianceRatio {
        ratio,
        df1,
        df2,
        p_value: (2.0 * smaller_tail).min(1.0),
        interval: Interval {
            lower: Ok(ratio / f_quantile(Tail::Upper(alpha), df1, df2)),
            upper: Ok(ratio / f_quantile(Tail::Lower(alpha), df1, df2)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both groups have variance 1 and n = 3: t = -2/√(2/3), ν = 4.
    #[test]
    fn equal_groups_have_students_degrees_of_freedom() {
        for test in [welch_t, student_t] {
            let outcome = test(&[1.0, 2.0, 3.0], &[3.0, 4.0, 5.0], 0.95).unwrap();
            assert!((outcome.t + 6f64.sqrt()).abs() < 1e-15);
            assert!((outcome.degrees_of_freedom - 4.0).abs() < 1e-14);
            // qt(0.975, 4) = 2.776445.
            let reach = 2.776_445_105_197_793 * (2.0f64 / 3.0).sqrt();
            assert!((outcome.interval.upper.unwrap() - (reach - 2.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn without_spread_there_is_no_test() {
        let none = |first: &[f64], second: &[f64]| welch_t(first, second, 0.95).unwrap_err();
        assert_eq!(none(&[1.0], &[1.0, 2.0]), NotEstimable::TooFewValues);
        assert_eq!(none(&[1.0, 2.0], &[]), NotEstimable::TooFewValues);
        assert_eq!(none(&[0.1; 3], &[0.1; 7]), NotEstimable::AllValuesEqual);
        assert_eq!(none(&[0.1; 3], &[0.2; 7]), NotEstimable::NoVariation);
        assert!(student_t(&[1.0], &[1.0, 2.0], 0.95).is_ok());
        assert_eq!(student_t(&[1.0], &[2.0], 0.95), Err(NotEstimable::TooFewValues));
    }

    /// With 2 and 2 degrees of freedom the upper tail is 1 / (1 + f): f = 4 has 2/5.
    #[test]
    fn a_ratio_of_variances_is_two_sided() {
        let (wide, narrow) = ([1.0, 3.0, 5.0], [1.0, 2.0, 3.0]);
        let outcome = variance_ratio(&wide, &narrow, 0.95).unwrap();
        assert!((outcome.p_value - 0.4).abs() < 1e-14);
        assert!((outcome.interval.lower.unwrap() - 4.0 / 39.0).abs() < 1e-12);
        let turned = variance_ratio(&narrow, &wide, 0.95).unwrap();
        assert!((turned.p_value - 0.4).abs() < 1e-14);
        assert_eq!(variance_ratio(&wide, &[2.0; 3], 0.95), Err(NotEstimable::NoVariation));
    }
}
