//! Survival at chosen times.

use crate::{SurvivalAt, SurvivalCurve, WeightedCounts};
use cohort::{Interval, NotEstimable};
use numerics::sum::sum;

/// Reads a curve at `time`, which is finite and not negative; the limits are those of the curve.
///
/// Before the first time survival is 1 with limits (1, 1). Beyond the last time nothing is known,
/// even if the curve has reached 0. With late entry the number at risk is that of the next time in
/// the curve, as in R, and so includes those who enter in between.
///
/// Same as `summary(fit, times = time, extend = TRUE)` in R, which repeats the last value beyond
/// the last time.
#[must_use]
pub fn survival_at(curve: &SurvivalCurve, time: f64) -> SurvivalAt {
    let n_before = curve.time.partition_point(|&other| other < time);
    let n_reached = curve.time.partition_point(|&other| other <= time);
    let counted = SurvivalAt {
        time,
        n_at_risk: curve.n_at_risk.get(n_before).copied().unwrap_or(0),
        n_events: curve.n_events[..n_reached].iter().sum(),
        n_censored: curve.n_censored[..n_reached].iter().sum(),
        weighted: curve.weighted.as_ref().map(|sums| WeightedCounts {
            at_risk: sums.at_risk.get(n_before).copied().unwrap_or(0.0),
            events: sum(sums.events[..n_reached].iter().copied()),
            censored: sum(sums.censored[..n_reached].iter().copied()),
        }),
        survival: Ok(1.0),
        standard_error: Ok(0.0),
        interval: Interval { lower: Ok(1.0), upper: Ok(1.0) },
        caveats: Vec::new(),
    };
    let reason = match (curve.time.is_empty(), n_before == curve.time.len(), n_reached) {
        (true, ..) => NotEstimable::NoSubjects,
        (_, true, _) => NotEstimable::BeyondFollowUp,
        (.., 0) => return counted,
        (.., n) => {
            return SurvivalAt {
                survival: Ok(curve.survival[n - 1]),
                standard_error: curve.standard_error[n - 1],
                interval: curve.interval[n - 1],
                ..counted
            };
        }
    };
    SurvivalAt {
        survival: Err(reason),
        standard_error: Err(reason),
        interval: Interval::none(reason),
        ..counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kaplan_meier::tests::curve_of;
    use cohort::Endpoint;

    #[test]
    fn a_curve_is_read_between_its_times() {
        let endpoint = Endpoint::new(vec![1.0, 2.0, 4.0, 6.0], vec![true, false, true, false]);
        let curve = curve_of(&endpoint.unwrap());
        let read = |time| {
            let at = survival_at(&curve, time);
            (at.n_at_risk, at.n_events, at.n_censored, at.survival)
        };
        assert_eq!(read(0.5), (4, 0, 0, Ok(1.0)));
        assert_eq!(read(1.0), (4, 1, 0, Ok(0.75)));
        assert_eq!(read(3.0), (2, 1, 1, Ok(0.75)));
        assert_eq!(read(6.0), (1, 2, 2, Ok(0.375)));
        assert_eq!(read(6.1), (0, 2, 2, Err(NotEstimable::BeyondFollowUp)));
    }
}
