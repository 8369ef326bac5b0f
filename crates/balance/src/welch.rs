//! Welch's t test.

use crate::summary::Moments;
use crate::{BalanceTest, TestOutcome};
use cohort::{Estimate, NotEstimable};
use numerics::tails::student_t_two_sided;

/// Welch's t test of two means whose variances may differ.
///
/// ```text
/// t = (m₁ - m₂) / √(a₁ + a₂)    with a = s²/n
/// ν = (a₁ + a₂)² / (a₁²/(n₁ - 1) + a₂²/(n₂ - 1))
/// ```
///
/// Undefined for fewer than two values in a group, and when neither group varies. Welch (1947),
/// Biometrika 34:28-35. Same as `t.test(first, second)` in R.
pub fn welch_t(first: &[f64], second: &[f64]) -> Estimate<TestOutcome> {
    let (m1, a1) = mean_and_its_variance(first)?;
    let (m2, a2) = mean_and_its_variance(second)?;
    let a = a1 + a2;
    if a == 0.0 {
        let is_one_value = m1 == m2;
        return Err(if is_one_value {
            NotEstimable::AllValuesEqual
        } else {
            NotEstimable::NoVariation
        });
    }
    let statistic = (m1 - m2) / a.sqrt();
    let share = |a: f64, n: usize| a * a / (n - 1) as f64;
    let degrees_of_freedom = a * a / (share(a1, first.len()) + share(a2, second.len()));
    if !statistic.is_finite() || !degrees_of_freedom.is_finite() {
        // The spread is so small, or so large, that its square leaves the range of numbers.
        return Err(NotEstimable::VarianceUndefined);
    }
    Ok(TestOutcome {
        test: BalanceTest::WelchT,
        statistic: Some(Ok(statistic)),
        degrees_of_freedom: Some(degrees_of_freedom),
        p_value: Ok(student_t_two_sided(statistic, degrees_of_freedom)),
    })
}

fn mean_and_its_variance(values: &[f64]) -> Estimate<(f64, f64)> {
    let moments = Moments::of(values).ok_or(NotEstimable::TooFewValues)?;
    Ok((moments.mean, moments.variance? / values.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both groups have variance 1 and n = 3: t = -2/√(2/3), ν = 4.
    #[test]
    fn equal_groups_have_students_degrees_of_freedom() {
        let outcome = welch_t(&[1.0, 2.0, 3.0], &[3.0, 4.0, 5.0]).unwrap();
        let statistic = outcome.statistic.unwrap().unwrap();
        assert!((statistic + 6f64.sqrt()).abs() < 1e-15);
        assert!((outcome.degrees_of_freedom.unwrap() - 4.0).abs() < 1e-14);
    }

    #[test]
    fn without_spread_there_is_no_test() {
        let none = |first: &[f64], second: &[f64]| welch_t(first, second).unwrap_err();
        assert_eq!(none(&[1.0], &[1.0, 2.0]), NotEstimable::TooFewValues);
        assert_eq!(none(&[1.0, 2.0], &[]), NotEstimable::TooFewValues);
        assert_eq!(none(&[0.1; 3], &[0.1; 7]), NotEstimable::AllValuesEqual);
        assert_eq!(none(&[0.1; 3], &[0.2; 7]), NotEstimable::NoVariation);
    }
}
