//! Quantiles of the survival time.

use crate::interval::{LOWER, UPPER, limit};
use crate::{Confidence, IntervalRule, Quantile, QuantileRule, SurvivalCurve};
use cohort::{Estimate, Interval, NotEstimable};

/// A step of the curve this close to a level lies on it: the square root of the machine epsilon, as
/// in `quantile.survfit` of R.
pub(crate) const ON_LEVEL: f64 = 1.490_116_119_384_765_6e-8;

/// How far above and below the level SPSS looks for the slope of the curve.
const SPSS_HALF_WIDTH: f64 = 0.05;

/// Estimates the time by which the share `probability`, between 0 and 1, has had the event.
///
/// With [`QuantileRule::Curve`] it is the first time at which `S <= 1 - probability`; where the
/// curve runs on that level, the midpoint of the flat step; where it does so to its end, the
/// beginning of the step. Its limits are found in the same way on the limits of the curve.
/// Brookmeyer and Crowley (1982), Biometrics 38:29-41. Same as `quantile(fit, probability)` in R,
/// but as `print(fit)` where R disagrees with itself: at a flat end, and where the limits rise for a
/// while, as after the tiny first risk sets of late entry, so that they cross the level repeatedly.
///
/// With [`QuantileRule::Spss`] it is always the first such event time `t`, and
///
/// ```text
/// SE(t) = SE(S(t)) / f      f = (S(u) - S(l)) / (l - u)
/// ```
///
/// `u` is the last event time with `S(u) >= 1 - probability + 0.05` and `l` the first one with
/// `S(l) <= 1 - probability - 0.05`; the limits are `t ∓ z SE`, not cut at 0. Without `u`, or when
/// the curve is 0 at `t`, the variance is undefined; without `l` the curve does not reach the level
/// needed. Collett (2015), Modelling Survival Data in Medical Research, section 2.5.
#[must_use]
pub fn quantile(
    curve: &SurvivalCurve,
    probability: f64,
    rule: QuantileRule,
    confidence: Confidence,
) -> Quantile {
    let none = |reason| Quantile {
        probability,
        rule,
        value: Err(reason),
        standard_error: (rule == QuantileRule::Spss).then_some(Err(reason)),
        interval: Interval::none(reason),
        caveats: Vec::new(),
    };
    if curve.time.is_empty() {
        return none(NotEstimable::NoSubjects);
    }
    let level = 1.0 - probability;
    match rule {
        QuantileRule::Curve(interval_rule) => Quantile {
            value: crossing(steps(curve).map(|step| (step.time, step.survival)), level),
            interval: curve_limits(curve, level, interval_rule, confidence),
            ..none(NotEstimable::NotReached)
        },
        QuantileRule::Spss => match steps(curve).find(|step| step.survival <= level + ON_LEVEL) {
            Some(at) => Quantile { value: Ok(at.time), ..none(NotEstimable::NotReached) }
                .with_error(spss_standard_error(curve, &at, level), confidence),
            None => none(NotEstimable::NotReached),
        },
    }
}

impl Quantile {
    fn with_error(self, standard_error: Estimate, confidence: Confidence) -> Self {
        let limit = |side: f64| Ok(self.value? + side * confidence.multiplier() * standard_error?);
        let interval = Interval { lower: limit(-1.0), upper: limit(1.0) };
        Self { standard_error: Some(standard_error), interval, ..self }
    }
}

/// A step down of the curve.
struct Step {
    time: f64,
    survival: f64,
    standard_error: Estimate,
}

/// The curve at its event times.
fn steps(curve: &SurvivalCurve) -> impl Iterator<Item = Step> {
    (0..curve.time.len()).filter(|&row| curve.n_events[row] > 0).map(|row| Step {
        time: curve.time[row],
        survival: curve.survival[row],
        standard_error: curve.standard_error[row],
    })
}

/// Where a step function falls to the level.
pub(crate) fn crossing(steps: impl Iterator<Item = (f64, f64)>, level: f64) -> Estimate {
    let mut flat_from = None;
    for (time, value) in steps {
        if value < level - ON_LEVEL {
            return Ok(flat_from.map_or(time, |first| (first + time) / 2.0));
        }
        if value <= level + ON_LEVEL {
            flat_from = flat_from.or(Some(time));
        }
    }
    flat_from.ok_or(NotEstimable::NotReached)
}

/// Where the limits of the curve fall to the level; they end where the curve becomes 0.
fn curve_limits(
    curve: &SurvivalCurve,
    level: f64,
    rule: IntervalRule,
    confidence: Confidence,
) -> Interval {
    let z = confidence.multiplier();
    let limits = |steps: &mut dyn Iterator<Item = Step>, side: f64| {
        let limits = steps.filter_map(|step| {
            let log_error = step.standard_error.ok()? / step.survival;
            Some((step.time, limit(rule, step.survival, log_error, z, side).ok()?))
        });
        crossing(limits, level)
    };
    // The upper limit lies on no level that the curve itself is still above, by more than rounding.
    let mut late_steps = steps(curve).skip_while(|step| step.survival > level + 2.0 * ON_LEVEL);
    Interval { lower: limits(&mut steps(curve), LOWER), upper: limits(&mut late_steps, UPPER) }
}

/// Standard error of the quantile at a step by the slope of the curve around it.
fn spss_standard_error(curve: &SurvivalCurve, at: &Step, level: f64) -> Estimate {
    let (above, below) = (level + SPSS_HALF_WIDTH, level - SPSS_HALF_WIDTH);
    let upper = steps(curve).take_while(|step| step.survival >= above - ON_LEVEL).last();
    let upper = upper.ok_or(NotEstimable::VarianceUndefined)?;
    let lower = steps(curve).find(|step| step.survival <= below + ON_LEVEL);
    let lower = lower.ok_or(NotEstimable::NotReached)?;
    let density = (upper.survival - lower.survival) / (lower.time - upper.time);
    Ok(at.standard_error? / density)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kaplan_meier::tests::{curve_of, women};
    use cohort::Endpoint;

    const LOG: QuantileRule = QuantileRule::Curve(IntervalRule::Log);

    fn median(time: &[f64], event: &[bool], rule: QuantileRule) -> Quantile {
        let curve = curve_of(&Endpoint::new(time.to_vec(), event.to_vec()).unwrap());
        quantile(&curve, 0.5, rule, Confidence::new(0.95).unwrap())
    }

    /// The textbook prints a median of 93 weeks, SE 17.13, interval 59 to 127.
    #[test]
    fn median_of_the_textbook() {
        let confidence = Confidence::new(0.95).unwrap();
        let median = quantile(&curve_of(&women()), 0.5, QuantileRule::Spss, confidence);
        assert_eq!(median.value, Ok(93.0));
        assert!((median.standard_error.unwrap().unwrap() - 17.13).abs() < 5e-3);
        assert!((median.interval.lower.unwrap() - 59.42).abs() < 5e-3);
        assert!((median.interval.upper.unwrap() - 126.58).abs() < 5e-3);
    }

    #[test]
    fn a_flat_step_gives_its_midpoint_and_a_flat_end_its_beginning() {
        assert_eq!(median(&[1.0, 4.0], &[true, true], LOG).value, Ok(2.5));
        assert_eq!(median(&[1.0, 4.0], &[true, true], QuantileRule::Spss).value, Ok(1.0));
        assert_eq!(median(&[2.0, 7.0], &[true, false], LOG).value, Ok(2.0));
        let not_reached = median(&[2.0, 7.0, 8.0], &[true, false, false], LOG);
        assert_eq!(not_reached.value, Err(NotEstimable::NotReached));
    }

    #[test]
    fn the_slope_needs_the_curve_on_both_sides() {
        let without_l =
            median(&[1.0, 2.0, 3.0, 4.0], &[true, true, false, false], QuantileRule::Spss);
        assert_eq!(without_l.value, Ok(2.0));
        assert_eq!(without_l.standard_error, Some(Err(NotEstimable::NotReached)));
        let without_u = median(&[1.0, 2.0], &[true, true], QuantileRule::Spss);
        assert_eq!(without_u.interval, Interval::none(NotEstimable::VarianceUndefined));
    }
}
