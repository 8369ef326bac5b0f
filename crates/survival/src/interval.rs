//! Limits of a survival estimate.

use crate::IntervalRule;
use cohort::{Estimate, Interval, NotEstimable};
use numerics::elementary::{asin, exp, ln, sin};
use std::f64::consts::FRAC_PI_2;

/// Limits of the survival `S` whose logarithm has the standard error `s`, with multiplier `z`.
///
/// ```text
/// plain     S (1 ∓ z s)                            cut to [0, 1]
/// log       S exp(∓ z s)                           cut at 1
/// log-log   exp(-exp(ln(-ln S) ∓ z s / ln S))
/// logit     1 / (1 + exp(-x))                      x = ln(S / (1 - S)) ∓ z s / (1 - S)
/// arcsin    sin²(asin √S ∓ z s/2 √(S / (1 - S)))   angle cut to [0, π/2]
/// ```
///
/// There are none at `S = 0`, where the variance is undefined. Before the first event, at `S = 1`,
/// plain and log give (1, 1) and the others nothing. Same as `conf.type` of `survfit` in R.
/// Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data;
/// Borgan and Liestøl (1990), Scand. J. Stat. 17:35-41.
#[must_use]
pub fn limits(rule: IntervalRule, survival: f64, s: f64, z: f64) -> Interval {
    let limit = |side| limit(rule, survival, s, z, side);
    Interval { lower: limit(LOWER), upper: limit(UPPER) }
}

/// The side of a lower limit.
pub(crate) const LOWER: f64 = -1.0;

/// The side of an upper limit.
pub(crate) const UPPER: f64 = 1.0;

/// One of the limits, or why there is none.
pub(crate) fn limit(rule: IntervalRule, survival: f64, s: f64, z: f64, side: f64) -> Estimate {
    let distance = side * z * s;
    if survival <= 0.0 {
        return Err(NotEstimable::VarianceUndefined);
    }
    let is_linear = matches!(rule, IntervalRule::Plain | IntervalRule::Log);
    if survival >= 1.0 && !is_linear {
        return Err(NotEstimable::NoEvents);
    }
    let odds = survival / (1.0 - survival);
    Ok(match rule {
        IntervalRule::Plain => (survival * (1.0 + distance)).clamp(0.0, 1.0),
        IntervalRule::Log => (survival * exp(distance)).min(1.0),
        IntervalRule::LogLog => {
            let ln_survival = ln(survival);
            exp(-exp(ln(-ln_survival) + distance / ln_survival))
        }
        IntervalRule::Logit => 1.0 / (1.0 + exp(-(ln(odds) + distance / (1.0 - survival)))),
        IntervalRule::Arcsin => {
            let angle = asin(survival.sqrt()) + 0.5 * distance * odds.sqrt();
            let sine = sin(angle.clamp(0.0, FRAC_PI_2));
            sine * sine
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [IntervalRule; 5] = [
        IntervalRule::Plain,
        IntervalRule::Log,
        IntervalRule::LogLog,
        IntervalRule::Logit,
        IntervalRule::Arcsin,
    ];

    /// S = 1/2 of two subjects: s = 1/√2, limits of `survfit` with each `conf.type`.
    #[test]
    fn one_death_of_two() {
        let z = 1.959_963_984_540_054;
        let expected = [
            (0.0, 1.0),
            (0.125_048_826_629_953_26, 1.0),
            (0.005_983_087_639_145_759, 0.910_410_084_836_737_4),
            (0.058_866_787_141_569_01, 0.941_133_212_858_431),
            (0.008_521_990_623_256_051, 0.991_478_009_376_743_9),
        ];
        for (rule, (lower, upper)) in RULES.into_iter().zip(expected) {
            let interval = limits(rule, 0.5, 0.5f64.sqrt(), z);
            assert!((interval.lower.unwrap() - lower).abs() < 1e-14, "{rule:?}");
            assert!((interval.upper.unwrap() - upper).abs() < 1e-14, "{rule:?}");
        }
    }

    #[test]
    fn nothing_is_known_where_the_curve_is_0() {
        for rule in RULES {
            let none = Interval::none(NotEstimable::VarianceUndefined);
            assert_eq!(limits(rule, 0.0, 0.0, 1.96), none);
        }
    }
}
