//! What a reader must know of cumulative incidence besides its numbers.

use super::query::{CauseSummary, GrayTest, GroupIncidence, IncidenceQuery};
use crate::SurvivalCurve;
use crate::caveats::{FEW, shown, zero_times};
use cohort::{Brief, Caveat, CaveatCode, Endpoint};

/// Doubts about the curves of one group and what is read off them.
pub(super) fn of_incidence(group: &GroupIncidence, query: &IncidenceQuery) -> Vec<Caveat> {
    let level = query.group.as_ref().zip(group.group.as_ref());
    let place =
        level.map_or_else(String::new, |(column, level)| format!(" with {column} = {level}"));
    let (Some(&first), Some(&last)) = (group.curve.time.first(), group.curve.time.last()) else {
        let message = format!("There are no selected subjects{place}.");
        return vec![Caveat::new(CaveatCode::EmptyLevel, message)];
    };
    let n_first =
        group.curve.n_censored[0] + group.curve.causes.iter().map(|c| c.n_events[0]).sum::<usize>();
    let n_zero = if first == 0.0 { n_first } else { 0 };
    let mut caveats = Vec::new();
    caveats.extend(zero_times(n_zero, group.n, &place));
    caveats.extend(quoted_times(group, query, last, &place));
    caveats.extend(end_on_event(group, last, &place));
    caveats.extend(empty_risk_set(group, last, &place));
    let causes = group.causes.iter().enumerate();
    caveats.extend(causes.filter_map(|(index, cause)| overstated(group, index, cause, &place)));
    caveats
}

/// Doubts about a comparison.
pub(super) fn of_comparison(column: &str, causes: &[GrayTest], endpoint: &Endpoint) -> Vec<Caveat> {
    let groups = causes.first().map_or(&[][..], |cause| &cause.groups);
    let empty = groups.iter().filter(|group| group.n == 0).map(|group| {
        let message = format!(
            "Level {} of {column} occurs in no selected subject and is left out of the test.",
            group.group
        );
        Caveat::new(CaveatCode::EmptyLevel, message)
    });
    let has_no_events = |cause: &&GrayTest| cause.groups.iter().all(|group| group.n_events == 0);
    let without_events = causes.iter().filter(has_no_events).map(|cause| {
        let message = format!("Cause {} occurs in no selected subject.", cause.cause);
        Caveat::new(CaveatCode::EmptyLevel, message)
    });
    empty
        .chain(without_events)
        .chain(zero_times(endpoint.n_zero_times(), endpoint.len(), ""))
        .collect()
}

/// Doubts about the times at which something is quoted, each time once.
fn quoted_times(
    group: &GroupIncidence,
    query: &IncidenceQuery,
    last: f64,
    place: &str,
) -> Vec<Caveat> {
    // Where nobody is event-free the time lost is known however far the horizon lies.
    let is_open = group.curve.event_free.probability.last() > Some(&0.0);
    let horizons = query.time_lost_horizons.iter().filter(|&&tau| tau <= last || is_open);
    let mut times: Vec<f64> = query.times.iter().chain(horizons).copied().collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let doubt = |time: f64| {
        let row = group.curve.time.partition_point(|&other| other < time);
        let n_at_risk = group.curve.n_at_risk.get(row).copied().unwrap_or(0);
        if time > last {
            let message = format!(
                "Time {} lies beyond the last observation{place}, at time {}.",
                Brief(time),
                shown(last)
            );
            Some(Caveat::new(CaveatCode::BeyondFollowUp, message))
        } else if n_at_risk < FEW {
            let verb = if n_at_risk == 1 { "is" } else { "are" };
            let message = format!(
                "{n_at_risk} of {} subjects{place} {verb} at risk at time {}.",
                group.n,
                Brief(time)
            );
            Some(Caveat::new(CaveatCode::FewAtRisk, message))
        } else {
            None
        }
    };
    times.into_iter().filter_map(doubt).collect()
}

/// Nobody is left event-free where the last observation is an event, however few there were.
fn end_on_event(group: &GroupIncidence, last: f64, place: &str) -> Option<Caveat> {
    let probability = &group.curve.event_free.probability;
    let time = group.curve.time[probability.iter().position(|&event_free| event_free == 0.0)?];
    let message = format!(
        "The probability of no event{place} falls to 0 at time {} because the last observation is an \
         event.",
        shown(last)
    );
    (time == last).then(|| Caveat::new(CaveatCode::CurveEndsOnEvent, message))
}

/// With late entry everybody at risk may have left before others enter.
fn empty_risk_set(group: &GroupIncidence, last: f64, place: &str) -> Option<Caveat> {
    let curve = &group.curve;
    let n_leaving = |row: usize| {
        curve.n_censored[row] + curve.causes.iter().map(|cause| cause.n_events[row]).sum::<usize>()
    };
    let row = (0..curve.time.len()).find(|&row| n_leaving(row) == curve.n_at_risk[row])?;
    let time = curve.time[row];
    let consequence = if curve.event_free.probability[row] == 0.0 {
        "the curves stay as they are from there on"
    } else {
        "the curves join subjects who were never at risk together"
    };
    let message = format!(
        "Everybody at risk{place} has left by time {} though others enter later: {consequence}.",
        shown(time)
    );
    (time < last).then(|| Caveat::new(CaveatCode::EmptyRiskSet, message))
}

/// That one minus the Kaplan-Meier curve of a cause overstates its incidence, and by how much.
fn overstated(
    group: &GroupIncidence,
    index: usize,
    cause: &CauseSummary,
    place: &str,
) -> Option<Caveat> {
    let view = cause.cause_specific.as_ref()?;
    let has_others =
        group.causes.iter().any(|other| other.cause != cause.cause && other.n_events > 0);
    let message = format!(
        "One minus the Kaplan-Meier curve of {}{place} counts other causes as censored and \
         overstates the incidence{}.",
        cause.cause,
        amount(group, index, view)
    );
    has_others.then(|| Caveat::new(CaveatCode::CompetingRisksIgnored, message))
}

/// Both numbers at the last quoted time that is observed, or at the end without one.
fn amount(group: &GroupIncidence, index: usize, view: &SurvivalCurve) -> String {
    let times = &group.curve.time;
    let last = times.last().copied().unwrap_or(0.0);
    let quoted = group.at_times.iter().map(|at| at.time).filter(|&time| time <= last);
    let time = quoted.reduce(f64::max).unwrap_or(last);
    let row = times.partition_point(|&other| other <= time).checked_sub(1);
    let naive = row.map_or(0.0, |row| 1.0 - view.survival[row]);
    let incidence = row.map_or(0.0, |row| group.curve.causes[index].incidence.probability[row]);
    let (naive, incidence) = (format!("{naive:.3}"), format!("{incidence:.3}"));
    if naive == incidence {
        " where they come first".to_string()
    } else {
        format!(": {naive} against {incidence} at time {}", shown(time))
    }
}
