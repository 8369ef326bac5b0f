//! The Aalen-Johansen estimate of cumulative incidence.

use super::influence::{Influence, Steps};
use super::query::{CauseCurve, IncidenceCurve, StateCurve};
use super::table::CauseTable;
use crate::interval::limits;
use crate::{Confidence, IntervalRule};
use cohort::{Interval, NotEstimable};

/// Estimates the cumulative incidence of each cause for everyone in the table, its groups taken
/// together.
///
/// ```text
/// S(t)   = Π (1 - d_j / n_j)            over the event times t_j <= t
/// F_k(t) = Σ S(t_j-) d_kj / n_j
/// ```
///
/// `d_kj` counts the events of cause `k` at `t_j`, `d_j` those of all causes, `n_j` the risk set
/// just before it. A subject censored at `t_j` belongs to that risk set. The probabilities of all
/// causes and of being event-free add up to 1; with one cause, `F = 1 - S`. Once `S` is 0 nothing
/// changes any more, whoever enters later. An empty table gives an empty curve.
///
/// Standard errors are those of the infinitesimal jackknife, the root of the sum over subjects of
/// the squared derivatives of the estimate by the subject's weight, every subject by itself. The
/// limits are those of a survival curve with the probability in the place of `S`; at 0 the plain
/// rule gives (0, 0) and the others nothing. Aalen's variance is a field of its own.
///
/// Aalen and Johansen (1978), Scand. J. Stat. 5:141-150; Therneau and Grambsch (2000), Modeling
/// Survival Data; Aalen (1978), Ann. Stat. 6:534-545. Same estimates, standard errors and limits as
/// `survfit(Surv(time, factor(cause)) ~ 1)` in R, and the same variance as `cuminc` of `cmprsk`.
#[must_use]
pub fn aalen_johansen(
    table: &CauseTable,
    rule: IntervalRule,
    confidence: Confidence,
) -> IncidenceCurve {
    let z = confidence.multiplier();
    let steps = Steps::of(table);
    let mut curve = IncidenceCurve {
        time: table.times().to_vec(),
        n_at_risk: table.rows().map(|row| row.n_at_risk()).collect(),
        n_censored: table.rows().map(|row| row.n_censored()).collect(),
        ..IncidenceCurve::default()
    };
    for cause in 0..table.n_causes() {
        let influence = Influence::new(table, &steps, cause);
        let (event_free, variances) = influence.variances();
        if cause == 0 {
            let survival = steps.event_free[1..].to_vec();
            curve.event_free = state(survival, &event_free, &event_free_limits(rule, z));
        }
        let incidence = steps.incidence[cause].clone();
        curve.causes.push(CauseCurve {
            n_events: table.rows().map(|row| row.events_of_cause(cause)).collect(),
            incidence: state(incidence, &variances, &incidence_limits(rule, z)),
            aalen_variance: influence.aalen_variances(),
        });
    }
    curve
}

fn state(
    probability: Vec<f64>,
    variances: &[f64],
    limits: &impl Fn(f64, f64) -> Interval,
) -> StateCurve {
    let standard_error: Vec<f64> = variances.iter().map(|variance| variance.sqrt()).collect();
    let interval = probability.iter().zip(&standard_error).map(|(&p, &se)| limits(p, se)).collect();
    StateCurve { probability, standard_error, interval }
}

/// Limits of an event-free probability from its standard error.
pub(super) fn event_free_limits(rule: IntervalRule, z: f64) -> impl Fn(f64, f64) -> Interval {
    move |survival, standard_error| probability_limits(rule, survival, standard_error, z, 1.0)
}

/// Limits of an incidence from its standard error.
pub(super) fn incidence_limits(rule: IntervalRule, z: f64) -> impl Fn(f64, f64) -> Interval {
    move |incidence, standard_error| probability_limits(rule, incidence, standard_error, z, 0.0)
}

/// Limits of a probability that is `at_start` before the first event.
fn probability_limits(
    rule: IntervalRule,
    probability: f64,
    standard_error: f64,
    z: f64,
    at_start: f64,
) -> Interval {
    if probability == 0.0 && rule == IntervalRule::Plain {
        return Interval { lower: Ok(0.0), upper: Ok(0.0) };
    }
    let interval = limits(rule, probability, standard_error / probability, z);
    if interval.lower.is_ok() {
        return interval;
    }
    Interval::none(if probability == at_start {
        NotEstimable::NoEvents
    } else {
        NotEstimable::VarianceUndefined
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::table::tests::{table, tallied};
    use super::*;
    use cohort::Endpoint;

    pub(crate) fn curve_of(table: &CauseTable, rule: IntervalRule) -> IncidenceCurve {
        aalen_johansen(table, rule, Confidence::new(0.95).unwrap())
    }

    fn assert_close(got: &[f64], want: &[f64]) {
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-14, "{got} instead of {want}");
        }
    }

    /// Two subjects: one has cause 1 at 1, the other cause 2 at 2. F1 = F2 = 1/2 at the end. Adding
    /// weight w to the first makes F1 (1 + w) / (2 + w), whose derivative at 0 is 1/4; the second
    /// moves it by -1/4: the variance is 1/8.
    #[test]
    fn two_subjects_by_hand() {
        let curve = curve_of(&table(&[1.0, 2.0], &[1, 2], 2), IntervalRule::Plain);
        assert_eq!(curve.event_free.probability, [0.5, 0.0]);
        let root = 0.125f64.sqrt();
        assert_close(&curve.event_free.standard_error, &[root, 0.0]);
        let [first, second] = &curve.causes[..] else { panic!("two causes") };
        assert_eq!(first.incidence.probability, [0.5, 0.5]);
        assert_close(&first.incidence.standard_error, &[root, root]);
        assert_eq!(second.incidence.probability, [0.0, 0.5]);
        assert_close(&second.incidence.standard_error, &[0.0, root]);
        assert_eq!(second.incidence.interval[0], Interval { lower: Ok(0.0), upper: Ok(0.0) });
        // Aalen: either event has variance 1/4 and counts in full.
        assert_close(&first.aalen_variance, &[0.25, 0.25]);
        assert_close(&second.aalen_variance, &[0.0, 0.5]);
    }

    /// `survfit(Surv(c(1, 2, 2, 3, 4, 5), factor(c(1, 2, 1, 0, 1, 2))) ~ 1)` in R.
    #[test]
    fn ties_and_censoring_agree_with_r() {
        let table = table(&[1.0, 2.0, 2.0, 3.0, 4.0, 5.0], &[1, 2, 1, 0, 1, 2], 2);
        let curve = curve_of(&table, IntervalRule::LogLog);
        assert_close(&curve.event_free.probability, &[5.0 / 6.0, 0.5, 0.5, 0.25, 0.0]);
        let third = 1.0 / 3.0;
        let first = &curve.causes[0].incidence;
        assert_close(&first.probability, &[0.5 * third, third, third, 7.0 / 12.0, 7.0 / 12.0]);
        let r = [0.152_145_2, 0.192_450_1, 0.192_450_1, 0.225_667_7, 0.225_667_7];
        for (got, want) in first.standard_error.iter().zip(r) {
            assert!((got - want).abs() < 5e-8, "{got} instead of {want}");
        }
        let Interval { lower: Ok(lower), upper: Ok(upper) } = first.interval[4] else {
            panic!("there are limits")
        };
        assert!((lower - 0.110_744_755).abs() < 5e-9 && (upper - 0.876_322_0).abs() < 5e-8);
        let none = Interval::none(NotEstimable::VarianceUndefined);
        assert_eq!(curve.event_free.interval[4], none);
        let no_events = Interval::none(NotEstimable::NoEvents);
        assert_eq!(curve.causes[1].incidence.interval[0], no_events);
    }

    /// The same with entries at 0, 0, 1, 0, 2 and 3: `survfit(Surv(entry, time, ...) ~ 1, id = 1:6)`.
    #[test]
    fn late_entry_agrees_with_r() {
        let entry = vec![0.0, 0.0, 1.0, 0.0, 2.0, 3.0];
        let time = vec![1.0, 2.0, 2.0, 3.0, 4.0, 5.0];
        let codes = [1, 2, 1, 0, 1, 2];
        let event = codes.iter().map(|&code| code > 0).collect();
        let endpoint = Endpoint::with_entry(entry, time, event).unwrap();
        let curve = curve_of(&tallied(&endpoint, &codes, 2), IntervalRule::Log);
        assert_eq!(curve.n_at_risk, [3, 3, 2, 2, 1]);
        let errors = |state: &StateCurve, want: [f64; 5]| {
            for (got, want) in state.standard_error.iter().zip(want) {
                assert!((got - want).abs() < 5e-8, "{got} instead of {want}");
            }
        };
        let s = [0.272_165_5, 0.215_961_2, 0.215_961_2, 0.133_538_9, 0.0];
        errors(&curve.event_free, s);
        let first = [0.272_165_5, 0.296_296_3, 0.296_296_3, 0.248_452_0, 0.248_452_0];
        errors(&curve.causes[0].incidence, first);
        let second = [0.0, 0.215_961_2, 0.215_961_2, 0.215_961_2, 0.248_452_0];
        errors(&curve.causes[1].incidence, second);
    }

    #[test]
    fn nobody_gives_an_empty_curve() {
        let curve = curve_of(&table(&[], &[], 2), IntervalRule::Log);
        assert!(curve.time.is_empty() && curve.event_free.probability.is_empty());
        assert_eq!(curve.causes.len(), 2);
    }
}
