//! What a reader must know of curves and comparisons besides their numbers.

use crate::bands::of_bands;
use crate::compare::Sample;
use crate::{ComparedGroup, ComparisonQuery, CurvesQuery, GroupCurve, RiskTable, SurvivalCurve};
use cohort::{Brief, Caveat, CaveatCode, Estimate, NotEstimable};

/// A survival estimate from fewer subjects than this is shaky, and so is a robust variance from fewer
/// clusters.
pub(crate) const FEW: usize = 10;

/// With fewer events in a group the chi-squared approximation of a test is in doubt: the bound of
/// Cochran (1954), Biometrics 10:417-451, for the counts of a table.
const FEW_EVENTS: usize = 5;

/// Gives the numbers that are read off a curve their doubts.
pub(crate) fn of_numbers(group: &mut GroupCurve, query: &CurvesQuery) {
    let Some(&last) = group.curve.time.last() else { return };
    let place = place(group, query);
    let (curve, n) = (&group.curve, group.n);
    for at in &mut group.at_times {
        at.caveats.extend(of_time((curve, n), at.time, last, &place));
    }
    for mean in &mut group.restricted_means {
        // A finished curve has its mean however far the horizon lies.
        if mean.tau <= last || mean.mean.is_err() {
            mean.caveats.extend(of_time((curve, n), mean.tau, last, &place));
        }
    }
    for quantile in group.quantiles.iter_mut().filter(|known| known.probability == 0.5) {
        quantile.caveats.extend(of_median((curve, n), quantile.value, query.reverse, &place));
    }
}

/// Doubts about one curve and, once [`of_numbers`] has found them, what is read off it.
pub(crate) fn of_curve(group: &GroupCurve, table: &RiskTable, query: &CurvesQuery) -> Vec<Caveat> {
    let place = place(group, query);
    let (Some(&first), Some(&last)) = (group.curve.time.first(), group.curve.time.last()) else {
        let message = format!("There are no selected subjects{place}.");
        return vec![Caveat::new(CaveatCode::EmptyLevel, message)];
    };
    let n_first = group.curve.n_events[0] + group.curve.n_censored[0];
    let n_zero = if first == 0.0 { n_first } else { 0 };
    let mut caveats = Vec::new();
    caveats.extend(zero_times(n_zero, group.n, &place));
    caveats.extend(quoted_times(group));
    caveats.extend(of_bands(group, query, &place));
    caveats.extend(medians(group));
    caveats.extend(end_at_zero(group, last, query.reverse, &place));
    caveats.extend(empty_risk_set(table, &place));
    caveats
}

/// Doubts about one comparison.
pub(crate) fn of_comparison(
    query: &ComparisonQuery,
    groups: &[ComparedGroup],
    p_value: Estimate,
    sample: &Sample,
) -> Vec<Caveat> {
    let column = &query.group;
    let empty = groups.iter().filter(|group| group.n == 0).map(|group| {
        let message = format!(
            "Level {} of {column} occurs in no selected subject and is left out of the test.",
            group.group
        );
        Caveat::new(CaveatCode::EmptyLevel, message)
    });
    let few = |group: &&ComparedGroup| group.n > 0 && group.n_events < FEW_EVENTS;
    let few = groups.iter().filter(few).filter(|_| p_value.is_ok()).map(|group| {
        let message = format!(
            "{} of {} subjects with {column} = {} {} an event: below {FEW_EVENTS} the p-value is a \
             rough approximation.",
            group.n_events,
            group.n,
            group.group,
            if group.n_events == 1 { "has" } else { "have" },
        );
        Caveat::new(CaveatCode::FewEvents, message)
    });
    let endpoint = &sample.endpoint;
    let n_zero = endpoint.n_zero_times();
    let zero_weights = query.weights.iter().filter_map(|weights| {
        let (n_zero, n, column) = (sample.n_without_weight, sample.n_selected, &weights.column);
        let (has, is) = if n_zero == 1 { ("has", "is") } else { ("have", "are") };
        let message = format!(
            "{n_zero} of {n} selected rows {has} the weight 0 in {column} and {is} left out."
        );
        (n_zero > 0).then(|| Caveat::new(CaveatCode::ZeroWeights, message))
    });
    empty.chain(few).chain(zero_times(n_zero, endpoint.len(), "")).chain(zero_weights).collect()
}

/// That the robust variance of a curve rests on few clusters, or on few subjects without clusters.
pub(crate) fn few_clusters(
    group: &GroupCurve,
    n_clusters: usize,
    query: &CurvesQuery,
) -> Option<Caveat> {
    let place = place(group, query);
    let unit = match (&query.cluster, n_clusters) {
        (Some(column), 1) => format!("cluster of {column}"),
        (Some(column), _) => format!("clusters of {column}"),
        (None, 1) => "subject".to_string(),
        (None, _) => "subjects".to_string(),
    };
    let message = format!("The robust variance{place} rests on {n_clusters} {unit}.");
    let is_few = (1..FEW).contains(&n_clusters);
    is_few.then(|| Caveat::new(CaveatCode::FewClusters, message))
}

/// Where a doubt about one group lies.
fn place(group: &GroupCurve, query: &CurvesQuery) -> String {
    let level = query.group.as_ref().zip(group.group.as_ref());
    level.map_or_else(String::new, |(column, level)| format!(" with {column} = {level}"))
}

pub(crate) fn zero_times(n_zero: usize, n: usize, place: &str) -> Option<Caveat> {
    let verb = if n_zero == 1 { "is" } else { "are" };
    let message = format!("{n_zero} of {n} subjects{place} {verb} followed for no time at all.");
    (n_zero > 0).then(|| Caveat::new(CaveatCode::ZeroTimes, message))
}

/// Doubts about the times at which survival or a restricted mean is quoted, each time once.
fn quoted_times(group: &GroupCurve) -> Vec<Caveat> {
    let at_times = group.at_times.iter().map(|at| (at.time, &at.caveats));
    let means = group.restricted_means.iter().map(|mean| (mean.tau, &mean.caveats));
    let mut times: Vec<(f64, &Vec<Caveat>)> =
        at_times.chain(means).filter(|(_, caveats)| !caveats.is_empty()).collect();
    times.sort_by(|one, other| one.0.total_cmp(&other.0));
    times.dedup_by_key(|(time, _)| *time);
    times.into_iter().flat_map(|(_, caveats)| caveats).cloned().collect()
}

/// Doubts about the medians by all rules, each once.
fn medians(group: &GroupCurve) -> Vec<Caveat> {
    let mut caveats: Vec<Caveat> =
        group.quantiles.iter().flat_map(|quantile| &quantile.caveats).cloned().collect();
    caveats.dedup();
    caveats
}

/// The doubt about a time at which a curve of so many subjects is read; it ends at the last one.
fn of_time(
    (curve, n): (&SurvivalCurve, usize),
    time: f64,
    last: f64,
    place: &str,
) -> Option<Caveat> {
    if time > last {
        let message = format!(
            "Time {} lies beyond the last observation{place}, at time {}.",
            Brief(time),
            shown(last)
        );
        return Some(Caveat::new(CaveatCode::BeyondFollowUp, message));
    }
    few_at_risk((curve, n), time, place, &format!("time {}", Brief(time)))
}

/// The doubt about a median.
fn of_median(
    (curve, n): (&SurvivalCurve, usize),
    median: Estimate,
    reverse: bool,
    place: &str,
) -> Option<Caveat> {
    let name = if reverse { "median follow-up" } else { "median" };
    match median {
        Ok(time) => {
            few_at_risk((curve, n), time, place, &format!("the {name}, time {}", shown(time)))
        }
        Err(NotEstimable::NotReached) => {
            let message = format!("The {name}{place} is not reached.");
            Some(Caveat::new(CaveatCode::MedianNotReached, message))
        }
        Err(_) => None,
    }
}

fn few_at_risk(
    (curve, n): (&SurvivalCurve, usize),
    time: f64,
    place: &str,
    when: &str,
) -> Option<Caveat> {
    let n_at_risk = crate::survival_at(curve, time).n_at_risk;
    let verb = if n_at_risk == 1 { "is" } else { "are" };
    let message = format!("{n_at_risk} of {n} subjects{place} {verb} at risk at {when}.");
    (n_at_risk < FEW).then(|| Caveat::new(CaveatCode::FewAtRisk, message))
}

/// Doubts about a curve that falls to 0, at its end or, with late entry, before it.
fn end_at_zero(group: &GroupCurve, last: f64, reverse: bool, place: &str) -> Option<Caveat> {
    let curve = &group.curve;
    let time = curve.time[curve.survival.iter().position(|&survival| survival == 0.0)?];
    let (is_early, time) = (time < last, shown(time));
    if is_early {
        let message = format!(
            "The curve{place} falls to 0 at time {time}, where everybody at risk has the event, \
             and stays there though others enter later."
        );
        return Some(Caveat::new(CaveatCode::EmptyRiskSet, message));
    }
    // A reverse curve nearly always ends in a censoring, which is no reason for doubt.
    let message = format!(
        "The curve{place} falls to 0 at time {time} because the last observation is an event."
    );
    (!reverse).then(|| Caveat::new(CaveatCode::CurveEndsOnEvent, message))
}

pub(crate) fn empty_risk_set(table: &RiskTable, place: &str) -> Option<Caveat> {
    let spans = table.empty_spans();
    let (from, to) = spans.first().map(|&(from, to)| (shown(from), shown(to)))?;
    let more = match spans.len() - 1 {
        0 => String::new(),
        1 => ", nor in one later span".into(),
        others => format!(", nor in {others} later spans"),
    };
    let message = format!("Nobody{place} is at risk between times {from} and {to}{more}.");
    Some(Caveat::new(CaveatCode::EmptyRiskSet, message))
}

/// An observed time as a reader wants it: to two decimals from 1 on.
pub(crate) fn shown(time: f64) -> Brief {
    Brief(if time < 1.0 { time } else { (time * 100.0).round() / 100.0 })
}
