//! Doubts about simultaneous bands.

use super::{BandKind, BandLimits};
use crate::caveats::{FEW, shown};
use crate::{CurvesQuery, GroupCurve, IntervalRule, survival_at};
use cohort::{Caveat, CaveatCode};

/// Doubts about the ends of the bands of one group, each end once.
pub(crate) fn of_bands(group: &GroupCurve, query: &CurvesQuery, place: &str) -> Vec<Caveat> {
    let known =
        group.bands.iter().filter_map(|band| Some((band.band.kind, band.limits.as_ref().ok()?)));
    let begins = known
        .clone()
        .filter(|(kind, _)| {
            *kind == BandKind::EqualPrecision && query.interval != IntervalRule::Arcsin
        })
        .filter_map(|(_, limits)| early(group, limits, place));
    let ends = known.filter_map(|(_, limits)| thin(group, limits, place));
    let mut caveats: Vec<Caveat> = begins.chain(ends).collect();
    caveats.sort();
    caveats.dedup();
    caveats
}

/// The distribution of a curve is far from normal where few events have happened; of all rules only
/// the arcsine takes that into account.
fn early(group: &GroupCurve, limits: &BandLimits, place: &str) -> Option<Caveat> {
    let n_events = survival_at(&group.curve, limits.from).n_events;
    let have = if n_events == 1 { "event has" } else { "events have" };
    let message = format!(
        "{n_events} {have} happened{place} by time {}, where the band of equal precision begins: it \
         is too narrow there.",
        shown(limits.from)
    );
    (n_events < FEW).then(|| Caveat::new(CaveatCode::FewEvents, message))
}

fn thin(group: &GroupCurve, limits: &BandLimits, place: &str) -> Option<Caveat> {
    let n_at_risk = survival_at(&group.curve, limits.to).n_at_risk;
    let verb = if n_at_risk == 1 { "is" } else { "are" };
    let message = format!(
        "{n_at_risk} of {} subjects{place} {verb} at risk at time {}, where a band ends.",
        group.n,
        shown(limits.to)
    );
    (n_at_risk < FEW).then(|| Caveat::new(CaveatCode::FewAtRisk, message))
}
