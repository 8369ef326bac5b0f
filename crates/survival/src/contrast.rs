//! A difference or a ratio of two estimates, with its limits and its test.

use crate::Confidence;
use cohort::{Estimate, Interval, NotEstimable};
use numerics::elementary::{exp, ln};
use numerics::tails::normal_two_sided;

/// A difference or ratio between two groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrast {
    /// The difference or the ratio, or why there is none.
    pub estimate: Estimate,
    /// Its standard error, that of the logarithm for a ratio; absent where the method has none.
    pub standard_error: Option<Estimate>,
    /// Its limits.
    pub interval: Interval,
    /// Two-sided p-value of a difference of 0 or a ratio of 1; absent where the method has none.
    pub p_value: Option<Estimate>,
}

/// An estimate that is normal in large samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Normal {
    pub value: Estimate,
    pub standard_error: Estimate,
}

/// The correlation of estimates from different subjects.
pub(crate) const INDEPENDENT: f64 = 0.0;

/// The first less the second, which have the correlation `r`.
///
/// ```text
/// d = a - b      SE² = SE(a)² + SE(b)² - 2 r SE(a) SE(b)
/// limits d ∓ z SE      p = P(|Z| > |d| / SE)
/// ```
///
/// A standard error of 0 says that no variance could be estimated: there are no limits then.
pub(crate) fn difference(a: Normal, b: Normal, r: f64, confidence: Confidence) -> Contrast {
    let estimate = both(a.value, b.value).map(|(a, b)| a - b);
    let standard_error = estimate.and_then(|_| joint(a.standard_error, b.standard_error, r));
    on_scale(estimate, estimate, standard_error, confidence, |limit| limit)
}

/// The first over the second, which have the correlation `r`; neither is negative.
///
/// ```text
/// q = a / b      SE² = A² + B² - 2 r A B      A = SE(a) / a, B = SE(b) / b
/// limits exp(ln q ∓ z SE)
/// ```
///
/// Not defined over 0. A ratio of 0 has no limits, nor has one without any estimated variance.
pub(crate) fn ratio(a: Normal, b: Normal, r: f64, confidence: Confidence) -> Contrast {
    let estimate = both(a.value, b.value)
        .and_then(|(a, b)| if b > 0.0 { finite(a / b) } else { Err(NotEstimable::NotDefined) });
    let relative = |one: Normal| Ok(one.standard_error? / one.value?);
    let standard_error = estimate.and_then(|ratio| {
        if ratio > 0.0 {
            joint(relative(a), relative(b), r)
        } else {
            Err(NotEstimable::VarianceUndefined)
        }
    });
    on_scale(estimate, estimate.map(ln), standard_error, confidence, exp)
}

/// The number, unless it is beyond the range of numbers.
pub(crate) fn finite(number: f64) -> Estimate {
    if number.is_finite() { Ok(number) } else { Err(NotEstimable::NotDefined) }
}

fn both(a: Estimate, b: Estimate) -> Estimate<(f64, f64)> {
    Ok((a?, b?))
}

/// What rounding may leave of a variance that is 0, as a share of those it comes from.
const ROUNDING: f64 = 1e-14;

/// Standard error of the difference of two estimates with the correlation `r`.
pub(crate) fn joint(a: Estimate, b: Estimate, r: f64) -> Estimate {
    let (a, b) = both(a, b)?;
    let apart = finite(a * a + b * b)?;
    let variance = apart - 2.0 * r * a * b;
    (variance > ROUNDING * apart).then(|| variance.sqrt()).ok_or(NotEstimable::VarianceUndefined)
}

/// Limits and test on the scale on which `centre` is normal; `back` leads from it to the estimate.
fn on_scale(
    estimate: Estimate,
    centre: Estimate,
    standard_error: Estimate,
    confidence: Confidence,
    back: fn(f64) -> f64,
) -> Contrast {
    let limit =
        |side: f64| finite(back(centre? + side * confidence.multiplier() * standard_error?));
    Contrast {
        estimate,
        standard_error: Some(standard_error),
        interval: Interval { lower: limit(-1.0), upper: limit(1.0) },
        p_value: Some(standard_error.and_then(|error| Ok(normal_two_sided(centre? / error)))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn confidence() -> Confidence {
        Confidence::new(0.95).unwrap()
    }

    fn normal(value: f64, standard_error: f64) -> Normal {
        Normal { value: Ok(value), standard_error: Ok(standard_error) }
    }

    /// 7 - 2 with SE √(3² + 4²) = 5: one standard error, p = 0.3173.
    #[test]
    fn a_difference_by_hand() {
        let contrast = difference(normal(7.0, 3.0), normal(2.0, 4.0), INDEPENDENT, confidence());
        assert_eq!(contrast.estimate, Ok(5.0));
        assert_eq!(contrast.standard_error, Some(Ok(5.0)));
        assert!(
            (contrast.interval.lower.unwrap() - 5.0 * (1.0 - 1.959_963_984_540_054)).abs() < 1e-13
        );
        assert!((contrast.p_value.unwrap().unwrap() - 0.317_310_507_862_914).abs() < 1e-14);
    }

    /// 8 / 2 with relative errors 0.3 and 0.4: SE of the logarithm 0.5.
    #[test]
    fn a_ratio_by_hand() {
        let contrast = ratio(normal(8.0, 2.4), normal(2.0, 0.8), INDEPENDENT, confidence());
        assert_eq!(contrast.estimate, Ok(4.0));
        assert!((contrast.standard_error.unwrap().unwrap() - 0.5).abs() < 1e-15);
        let upper = 4.0 * (0.5 * 1.959_963_984_540_054f64).exp();
        assert!((contrast.interval.upper.unwrap() - upper).abs() < 1e-13);
    }

    /// 4² + 3² - 2 · 1/2 · 4 · 3 = 13; with relative errors 0.4 and 0.3 likewise.
    #[test]
    fn what_goes_together_differs_less() {
        let contrast = difference(normal(7.0, 4.0), normal(2.0, 3.0), 0.5, confidence());
        assert_eq!(contrast.standard_error, Some(Ok(13f64.sqrt())));
        let contrast = ratio(normal(10.0, 4.0), normal(10.0, 3.0), 0.5, confidence());
        assert!((contrast.standard_error.unwrap().unwrap() - 0.13f64.sqrt()).abs() < 1e-15);
        let same = difference(normal(7.0, 0.1), normal(7.0, 0.1), 1.0 - 1e-16, confidence());
        assert_eq!(same.standard_error, Some(Err(NotEstimable::VarianceUndefined)));
    }

    #[test]
    fn without_variance_there_are_no_limits() {
        let certain = difference(normal(1.0, 0.0), normal(1.0, 0.0), INDEPENDENT, confidence());
        assert_eq!(certain.estimate, Ok(0.0));
        assert_eq!(certain.interval, Interval::none(NotEstimable::VarianceUndefined));
        assert_eq!(certain.p_value, Some(Err(NotEstimable::VarianceUndefined)));
        let over_0 = ratio(normal(1.0, 0.1), normal(0.0, 0.1), INDEPENDENT, confidence());
        assert_eq!(over_0.estimate, Err(NotEstimable::NotDefined));
        assert_eq!(over_0.interval, Interval::none(NotEstimable::NotDefined));
        let of_0 = ratio(normal(0.0, 0.0), normal(0.5, 0.1), INDEPENDENT, confidence());
        assert_eq!(of_0.estimate, Ok(0.0));
        assert_eq!(of_0.interval, Interval::none(NotEstimable::VarianceUndefined));
    }
}
