//! Survival of those who have survived for a while.

use crate::interval::limits;
use crate::{
    Confidence, CurvesQuery, IntervalRule, SurvivalCurve, SurvivalError, Variance, curves,
};
use cohort::{Caveat, Cohort, EndpointColumns, Estimate, Interval, NotEstimable, Selection};
use numerics::sum::sum;

/// Whose survival to estimate, given how long they have survived.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionalQuery {
    /// Follow-up.
    pub endpoint: EndpointColumns,
    /// Column whose levels have a curve each; absent = one curve for all.
    pub group: Option<String>,
    /// Rule for the limits.
    pub interval: IntervalRule,
    /// Confidence of every interval.
    pub confidence: f64,
    /// Times already survived, in the unit of the endpoint.
    pub survived: Vec<f64>,
    /// Further times to survive; each is answered for each time survived.
    pub further: Vec<f64>,
}

/// Conditional survival of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupConditional {
    /// Level of the group column; absent without one.
    pub group: Option<String>,
    /// Number of subjects.
    pub n: usize,
    /// Number of events.
    pub n_events: usize,
    /// For each time survived all further times.
    pub survival: Vec<ConditionalSurvival>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// The probability to survive further, given survival so far.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionalSurvival {
    /// Time already survived.
    pub survived: f64,
    /// Further time.
    pub further: f64,
    /// Number still at risk beyond the time survived.
    pub n_at_risk: usize,
    /// Number of events among them within the further time.
    pub n_events: usize,
    /// The probability; there is none beyond the last observation.
    pub survival: Estimate,
    /// Its standard error.
    pub standard_error: Estimate,
    /// Its limits.
    pub interval: Interval,
}

/// Estimates conditional survival for each level of a group; see [`conditional_survival`].
///
/// A level without subjects has `n = 0` and the reason in every estimate. Fails when columns cannot
/// be read, when no row is selected, and on a confidence or time that makes no sense.
pub fn conditional(
    cohort: &Cohort,
    selection: &Selection,
    query: &ConditionalQuery,
) -> Result<Vec<GroupConditional>, SurvivalError> {
    let confidence = Confidence::new(query.confidence)?;
    let pairs = query
        .survived
        .iter()
        .flat_map(|&survived| query.further.iter().map(move |&further| (survived, further)));
    let pairs: Vec<(f64, f64)> = pairs.collect();
    if let Some(&time) = query.further.iter().find(|time| !(time.is_finite() && **time >= 0.0)) {
        return Err(SurvivalError::Time { time });
    }
    let ends = pairs.iter().map(|(survived, further)| survived + further);
    let times = query.survived.iter().copied().chain(ends).collect();
    let groups = curves(cohort, selection, &curves_query(query, times))?.groups;
    let estimated = groups.into_iter().map(|group| {
        let survival = pairs.iter().map(|&(survived, further)| {
            conditional_survival(&group.curve, survived, further, query.interval, confidence)
        });
        GroupConditional {
            survival: survival.collect(),
            group: group.group,
            n: group.n,
            n_events: group.n_events,
            caveats: group.caveats,
        }
    });
    Ok(estimated.collect())
}

/// Estimates the probability to survive the time `further` beyond the time `survived`; both are
/// finite and not negative.
///
/// ```text
/// S(t | s) = S(s + t) / S(s) = Π (1 - d_j / n_j)      over the event times s < t_j <= s + t
/// SE²      = S(t | s)² Σ d_j / (n_j (n_j - d_j))      over the same times
/// ```
///
/// `s` is the time survived, `t` the further time. An event at `s` itself is past. Beyond the last
/// observation nothing is known, and nobody is left to ask about where the curve has reached 0 by
/// `s`. Where it falls to 0 later, the variance is undefined, and so it is for a curve with a robust
/// variance, which does not hold its subjects.
///
/// Hieke et al. (2015), Clin. Cancer Res. 21:1530-1536. Same estimate as
/// `survfit(Surv(time, event) ~ 1, subset = time > s)` in R at the time `s + t`.
#[must_use]
pub fn conditional_survival(
    curve: &SurvivalCurve,
    survived: f64,
    further: f64,
    rule: IntervalRule,
    confidence: Confidence,
) -> ConditionalSurvival {
    let end = survived + further;
    let rows = |time: f64| curve.time.partition_point(|&other| other <= time);
    let window = rows(survived)..rows(end);
    let counted = ConditionalSurvival {
        survived,
        further,
        n_at_risk: curve.n_at_risk.get(window.start).copied().unwrap_or(0),
        n_events: curve.n_events[window.clone()].iter().sum(),
        survival: Err(NotEstimable::BeyondFollowUp),
        standard_error: Err(NotEstimable::BeyondFollowUp),
        interval: Interval::none(NotEstimable::BeyondFollowUp),
    };
    let none = |reason| ConditionalSurvival {
        survival: Err(reason),
        standard_error: Err(reason),
        interval: Interval::none(reason),
        ..counted.clone()
    };
    let survival_after = |rows: usize| if rows == 0 { 1.0 } else { curve.survival[rows - 1] };
    let Some(&last) = curve.time.last() else { return none(NotEstimable::NoSubjects) };
    if survival_after(window.start) == 0.0 {
        return none(NotEstimable::NoSubjects);
    }
    if end > last {
        return none(NotEstimable::BeyondFollowUp);
    }
    let survival = survival_after(window.end) / survival_after(window.start);
    let terms = window.map(|row| {
        let (n, d) = (curve.n_at_risk[row] as f64, curve.n_events[row] as f64);
        if 0.0 < d && d < n { d / (n * (n - d)) } else { 0.0 }
    });
    let log_error = sum(terms).sqrt();
    if curve.variance != Variance::Greenwood {
        let interval = Interval::none(NotEstimable::VarianceUndefined);
        let standard_error = Err(NotEstimable::VarianceUndefined);
        return ConditionalSurvival { survival: Ok(survival), standard_error, interval, ..counted };
    }
    let standard_error =
        (survival > 0.0).then_some(survival * log_error).ok_or(NotEstimable::VarianceUndefined);
    let interval = limits(rule, survival, log_error, confidence.multiplier());
    ConditionalSurvival { survival: Ok(survival), standard_error, interval, ..counted }
}

fn curves_query(query: &ConditionalQuery, times: Vec<f64>) -> CurvesQuery {
    CurvesQuery {
        group: query.group.clone(),
        interval: query.interval,
        confidence: query.confidence,
        times,
        ..CurvesQuery::new(query.endpoint.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::tests::confidence;
    use crate::kaplan_meier::tests::{curve_of, women};
    use cohort::Endpoint;

    fn given(curve: &SurvivalCurve, survived: f64, further: f64) -> ConditionalSurvival {
        conditional_survival(curve, survived, further, IntervalRule::Log, confidence())
    }

    /// Deaths at 1 and 3, censored at 2 and 4: beyond 1 two of three and then one of two are left.
    #[test]
    fn four_subjects_by_hand() {
        let event = vec![true, false, true, false];
        let curve = curve_of(&Endpoint::new(vec![1.0, 2.0, 3.0, 4.0], event).unwrap());
        let at = given(&curve, 1.0, 2.0);
        assert_eq!((at.n_at_risk, at.n_events, at.survival), (3, 1, Ok(0.5)));
        assert_eq!(at.standard_error, Ok(0.5 * 0.5f64.sqrt()));
        assert_eq!(given(&curve, 1.0, 1.9).survival, Ok(1.0));
        assert_eq!(given(&curve, 1.0, 3.1).survival, Err(NotEstimable::BeyondFollowUp));
    }

    #[test]
    fn given_nothing_it_is_the_curve() {
        let curve = curve_of(&women());
        let at = crate::survival_at(&curve, 93.0);
        let from_0 = given(&curve, 0.0, 93.0);
        assert_eq!((from_0.survival, from_0.interval), (at.survival, at.interval));
        assert_eq!(from_0.standard_error, at.standard_error);
    }

    #[test]
    fn nobody_is_left_where_the_curve_has_reached_0() {
        let curve = curve_of(&Endpoint::new(vec![1.0, 2.0], vec![true; 2]).unwrap());
        assert_eq!(given(&curve, 2.0, 0.0).survival, Err(NotEstimable::NoSubjects));
        let last = given(&curve, 1.0, 1.0);
        assert_eq!((last.survival, last.n_at_risk), (Ok(0.0), 1));
        assert_eq!(last.standard_error, Err(NotEstimable::VarianceUndefined));
    }
}
