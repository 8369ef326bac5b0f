//! Cumulative incidence at chosen times.

use super::incidence::{event_free_limits, incidence_limits};
use super::query::{CauseAt, IncidenceAt, IncidenceCurve, StateAt, StateCurve};
use crate::{Confidence, IntervalRule};
use cohort::{Estimate, Interval, NotEstimable};

/// Reads a curve at `time`, which is finite and not negative.
///
/// Before the first time everybody is event-free. Beyond the last time nothing is known, even if
/// nobody is event-free. With late entry the number at risk is that of the next time in the curve,
/// as in R. Same as `summary(fit, times = time)` for a fit of `survfit` in R and, for Aalen's
/// variance, as `timepoints` of `cmprsk`.
pub(super) fn incidence_at(
    curve: &IncidenceCurve,
    time: f64,
    rule: IntervalRule,
    confidence: Confidence,
) -> IncidenceAt {
    let n_before = curve.time.partition_point(|&other| other < time);
    let n_reached = curve.time.partition_point(|&other| other <= time);
    let row = if curve.time.is_empty() {
        Err(NotEstimable::NoSubjects)
    } else if n_before == curve.time.len() {
        Err(NotEstimable::BeyondFollowUp)
    } else {
        Ok(n_reached.checked_sub(1))
    };
    let z = confidence.multiplier();
    let at_start = |probability: f64, interval| StateAt {
        probability: Ok(probability),
        standard_error: Ok(0.0),
        interval,
    };
    let event_free = at_start(1.0, event_free_limits(rule, z)(1.0, 0.0));
    let no_incidence = at_start(0.0, incidence_limits(rule, z)(0.0, 0.0));
    let causes = curve.causes.iter().map(|cause| CauseAt {
        n_events: cause.n_events[..n_reached].iter().sum(),
        incidence: state_at(&cause.incidence, row, no_incidence),
        aalen_variance: row.map(|row| row.map_or(0.0, |row| cause.aalen_variance[row])),
    });
    IncidenceAt {
        time,
        n_at_risk: curve.n_at_risk.get(n_before).copied().unwrap_or(0),
        n_censored: curve.n_censored[..n_reached].iter().sum(),
        event_free: state_at(&curve.event_free, row, event_free),
        causes: causes.collect(),
    }
}

/// The state after a row, `at_start` before the first one, or the reason why there is none.
fn state_at(state: &StateCurve, row: Estimate<Option<usize>>, at_start: StateAt) -> StateAt {
    match row {
        Ok(None) => at_start,
        Ok(Some(row)) => StateAt {
            probability: Ok(state.probability[row]),
            standard_error: Ok(state.standard_error[row]),
            interval: state.interval[row],
        },
        Err(reason) => StateAt {
            probability: Err(reason),
            standard_error: Err(reason),
            interval: Interval::none(reason),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::incidence::tests::curve_of;
    use super::super::table::tests::table;
    use super::*;

    #[test]
    fn a_curve_is_read_between_its_times() {
        let rule = IntervalRule::Log;
        let curve = curve_of(&table(&[1.0, 2.0, 4.0, 6.0], &[1, 0, 2, 0], 2), rule);
        let read = |time| incidence_at(&curve, time, rule, Confidence::new(0.95).unwrap());
        let at = read(0.5);
        assert_eq!((at.n_at_risk, at.event_free.probability), (4, Ok(1.0)));
        assert_eq!(at.event_free.interval.lower, Ok(1.0));
        assert_eq!(at.causes[0].incidence.interval, Interval::none(NotEstimable::NoEvents));
        let at = read(5.0);
        assert_eq!((at.n_at_risk, at.n_censored, at.causes[0].n_events), (1, 1, 1));
        assert_eq!(at.causes[0].incidence.probability, Ok(0.25));
        assert_eq!(at.causes[1].incidence.probability, Ok(0.375));
        assert_eq!(at.event_free.probability, Ok(0.375));
        let at = read(6.1);
        assert_eq!(at.n_at_risk, 0);
        assert_eq!(at.causes[1].aalen_variance, Err(NotEstimable::BeyondFollowUp));
    }
}
