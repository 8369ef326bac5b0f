//! A quantile of the survival time against that of another group.

use crate::contrast::{Normal, difference, finite, ratio};
use crate::{Confidence, Contrast, Quantile, QuantileContrast};
use cohort::{Estimate, Interval, NotEstimable};
use numerics::elementary::{exp, ln};

/// Contrasts a quantile with that of the reference, computed with the same probability and rule.
///
/// With a standard error Wald limits and tests; without, the limits of both are combined:
///
/// ```text
/// lower = d - √((a - l_a)² + (u_b - b)²)      upper = d + √((u_a - a)² + (b - l_b)²)
/// ```
///
/// with `d = a - b` and limits `l`, `u` of each quantile; for the ratio the same of the logarithms.
/// Where the quantiles have the correlation `r`, twice `r` times the product of the two distances
/// comes off each root.
/// This method of variance estimates recovery leaves each group the shape of its own interval and
/// gives no p-value. A limit needs those of the quantiles that stand in its root.
///
/// Zou and Donner (2008), Stat. Med. 27:1693-1702; Zou (2007), Psychol. Methods 12:399-413.
pub(crate) fn quantile_contrast(
    group: &Quantile,
    reference: &Quantile,
    r: f64,
    confidence: Confidence,
) -> QuantileContrast {
    let (difference, ratio) = match (group.standard_error, reference.standard_error) {
        (Some(error), Some(reference_error)) => {
            let a = Normal { value: group.value, standard_error: error };
            let b = Normal { value: reference.value, standard_error: reference_error };
            (difference(a, b, r, confidence), ratio(a, b, r, confidence))
        }
        _ => {
            let (a, b) = (Limits::of(group), Limits::of(reference));
            let ratio = recovered(a.logarithms(), b.logarithms(), r);
            (recovered(a, b, r), ratio.back_from_logarithms())
        }
    };
    let Quantile { probability, rule, .. } = *group;
    QuantileContrast { probability, rule, difference, ratio }
}

/// An estimate between its limits.
#[derive(Clone, Copy)]
struct Limits {
    value: Estimate,
    lower: Estimate,
    upper: Estimate,
}

impl Limits {
    fn of(quantile: &Quantile) -> Self {
        let Interval { lower, upper } = quantile.interval;
        Self { value: quantile.value, lower, upper }
    }

    /// A time of 0 has none.
    fn logarithms(self) -> Self {
        let logarithm = |time: Estimate| match time? {
            time if time > 0.0 => Ok(ln(time)),
            _ => Err(NotEstimable::NotDefined),
        };
        Self {
            value: logarithm(self.value),
            lower: logarithm(self.lower),
            upper: logarithm(self.upper),
        }
    }
}

fn recovered(a: Limits, b: Limits, r: f64) -> Contrast {
    let distance = |value: Estimate, limit: Estimate| Ok(value? - limit?);
    let joint = |one: Estimate, other: Estimate| {
        let (one, other): (f64, f64) = (one?, other?);
        let square = one * one + other * other - 2.0 * r * one.abs() * other.abs();
        Ok(square.max(0.0).sqrt())
    };
    let estimate = distance(a.value, b.value);
    let below = joint(distance(a.value, a.lower), distance(b.value, b.upper));
    let above = joint(distance(a.value, a.upper), distance(b.value, b.lower));
    let limit = |side: f64, length: Estimate| Ok(estimate? + side * length?);
    Contrast {
        estimate,
        standard_error: None,
        interval: Interval { lower: limit(-1.0, below), upper: limit(1.0, above) },
        p_value: None,
    }
}

impl Contrast {
    fn back_from_logarithms(self) -> Self {
        let Interval { lower, upper } = self.interval;
        let back = |logarithm: Estimate| finite(exp(logarithm?));
        Self {
            estimate: back(self.estimate),
            interval: Interval { lower: back(lower), upper: back(upper) },
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::INDEPENDENT;
    use crate::contrast::tests::confidence;
    use crate::{IntervalRule, QuantileRule};

    fn quantile(value: f64, lower: f64, upper: Estimate) -> Quantile {
        Quantile {
            probability: 0.5,
            rule: QuantileRule::Curve(IntervalRule::Log),
            value: Ok(value),
            standard_error: None,
            interval: Interval { lower: Ok(lower), upper },
            caveats: Vec::new(),
        }
    }

    /// 20 (17 to 32) less 10 (5 to 14): 10 - √(3² + 4²) = 5 and 10 + √(12² + 5²) = 23.
    #[test]
    fn limits_are_combined_by_hand() {
        let (a, b) = (quantile(20.0, 17.0, Ok(32.0)), quantile(10.0, 5.0, Ok(14.0)));
        let contrast = quantile_contrast(&a, &b, INDEPENDENT, confidence());
        assert_eq!(contrast.difference.estimate, Ok(10.0));
        assert_eq!(contrast.difference.interval, Interval { lower: Ok(5.0), upper: Ok(23.0) });
        let root = ((20f64 / 17.0).ln().powi(2) + (14f64 / 10.0).ln().powi(2)).sqrt();
        assert!((contrast.ratio.estimate.unwrap() - 2.0).abs() < 1e-14);
        assert!((contrast.ratio.interval.lower.unwrap() - 2.0 * (-root).exp()).abs() < 1e-14);
        assert_eq!((contrast.ratio.standard_error, contrast.ratio.p_value), (None, None));
    }

    /// As above, less twice half the product of the distances: 10 - √(25 - 12), 10 + √(169 - 60).
    #[test]
    fn correlated_quantiles_differ_less() {
        let (a, b) = (quantile(20.0, 17.0, Ok(32.0)), quantile(10.0, 5.0, Ok(14.0)));
        let interval = quantile_contrast(&a, &b, 0.5, confidence()).difference.interval;
        assert!((interval.lower.unwrap() - (10.0 - 13f64.sqrt())).abs() < 1e-14);
        assert!((interval.upper.unwrap() - (10.0 + 109f64.sqrt())).abs() < 1e-14);
    }

    /// Only the lower limit of the difference needs the upper limit of the reference.
    #[test]
    fn a_limit_that_is_not_reached_leaves_one_side_open() {
        let not_reached = Err(NotEstimable::NotReached);
        let (a, b) = (quantile(20.0, 17.0, Ok(32.0)), quantile(10.0, 5.0, not_reached));
        let interval = quantile_contrast(&a, &b, INDEPENDENT, confidence()).difference.interval;
        assert_eq!(interval, Interval { lower: not_reached, upper: Ok(23.0) });
    }

    /// 20 (SE 3) less 10 (SE 4), as SPSS would have it.
    #[test]
    fn standard_errors_give_wald_limits() {
        let spss = |value: f64, error: f64| Quantile {
            rule: QuantileRule::Spss,
            standard_error: Some(Ok(error)),
            ..quantile(value, 0.0, Ok(0.0))
        };
        let contrast =
            quantile_contrast(&spss(20.0, 3.0), &spss(10.0, 4.0), INDEPENDENT, confidence());
        assert_eq!(contrast.difference.standard_error, Some(Ok(5.0)));
        assert!(
            (contrast.difference.p_value.unwrap().unwrap() - 0.045_500_263_896_358).abs() < 1e-14
        );
    }
}
