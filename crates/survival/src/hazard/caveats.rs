//! Doubts about smoothed hazards.

use super::{GroupHazard, HazardQuery, Smoothing};
use crate::caveats::{FEW, empty_risk_set, shown};
use crate::{RiskRow, RiskTable};
use cohort::{Brief, Caveat, CaveatCode};

/// Doubts about the hazard of one group.
pub(super) fn of_hazard(
    group: &GroupHazard,
    table: &RiskTable,
    query: &HazardQuery,
    is_enough: bool,
) -> Vec<Caveat> {
    let level = query.group.as_ref().zip(group.group.as_ref());
    let place =
        level.map_or_else(String::new, |(column, level)| format!(" with {column} = {level}"));
    if group.n == 0 {
        let message = format!("There are no selected subjects{place}.");
        return vec![Caveat::new(CaveatCode::EmptyLevel, message)];
    }
    let mut caveats = Vec::new();
    if !is_enough {
        let message = format!("There are never {} subjects{place} at risk.", query.fewest_at_risk);
        caveats.push(Caveat::new(CaveatCode::FewAtRisk, message));
    }
    if let Ok(smoothing) = &group.smoothing {
        if is_enough {
            caveats.extend(thin(group, smoothing, table, query, &place));
        }
        caveats.extend(beyond(smoothing, query, &place));
        caveats.extend(few_events(smoothing, &place));
        caveats.extend(empty_risk_set(table, &place));
    }
    caveats
}

/// With late entry the risk set can be small within the range, and its steps large.
fn thin(
    group: &GroupHazard,
    smoothing: &Smoothing,
    table: &RiskTable,
    query: &HazardQuery,
    place: &str,
) -> Option<Caveat> {
    let is_inside = |time: f64| smoothing.from < time && time <= smoothing.to;
    let is_thin = |row: &RiskRow| is_inside(row.time) && row.n_at_risk() < query.fewest_at_risk;
    let row = table.rows().find(is_thin)?;
    let n_at_risk = row.n_at_risk();
    let verb = if n_at_risk == 1 { "is" } else { "are" };
    let message = format!(
        "{n_at_risk} of {} subjects{place} {verb} at risk at time {}, within the range of the hazard.",
        group.n,
        shown(row.time)
    );
    Some(Caveat::new(CaveatCode::FewAtRisk, message))
}

/// Times asked for at which there is no estimate any more, each once.
fn beyond(smoothing: &Smoothing, query: &HazardQuery, place: &str) -> Vec<Caveat> {
    let mut times: Vec<f64> =
        query.times.iter().copied().filter(|&time| time > smoothing.to).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let doubt = |time: f64| {
        let message = format!(
            "Time {} lies beyond the range in which the hazard{place} is estimated, which ends at time \
             {}.",
            Brief(time),
            shown(smoothing.to)
        );
        Caveat::new(CaveatCode::BeyondFollowUp, message)
    };
    times.into_iter().map(doubt).collect()
}

fn few_events(smoothing: &Smoothing, place: &str) -> Option<Caveat> {
    let n_events = smoothing.n_events;
    let events = if n_events == 1 { "event" } else { "events" };
    let message = format!("The hazard{place} rests on {n_events} {events}.");
    (n_events < FEW).then(|| Caveat::new(CaveatCode::FewEvents, message))
}
