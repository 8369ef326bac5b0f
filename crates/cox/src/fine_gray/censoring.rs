//! How long subjects remain uncensored.

use super::CensoringTies;
use crate::risk_sets::RiskSets;

/// How the follow-up of a subject ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Exit {
    /// With the event that is modelled.
    Event,
    /// With another cause, after which that event can no longer happen.
    Competing,
    /// Before any event.
    Censored,
}

/// The Kaplan-Meier estimate of the time to censoring, stratum by stratum.
#[derive(Clone, Debug)]
pub(super) struct Censoring {
    /// `G(t-)`, the probability to be uncensored just before the time of each group; positive.
    pub before: Vec<f64>,
    /// Number at risk of being censored at the time of each group.
    pub at_risk: Vec<f64>,
    /// Number censored at the time of each group.
    pub n_censored: Vec<f64>,
    /// Whether those with an event are at risk of being censored at its time.
    pub ties: CensoringTies,
}

impl Censoring {
    pub fn new(sets: &RiskSets, exits: &[Exit], ties: CensoringTies) -> Self {
        let groups = sets.groups();
        let mut censoring = Self {
            before: Vec::with_capacity(groups.len()),
            at_risk: Vec::with_capacity(groups.len()),
            n_censored: Vec::with_capacity(groups.len()),
            ties,
        };
        for stratum in sets.strata() {
            let end = sets.positions(stratum).end;
            let mut uncensored = 1.0;
            for group in &groups[stratum.clone()] {
                let all = group.all();
                let n_censored =
                    exits[all.clone()].iter().filter(|&&exit| exit == Exit::Censored).count();
                let n_gone = match ties {
                    CensoringTies::AfterEvents => all.len() - n_censored,
                    CensoringTies::WithEvents => 0,
                };
                let at_risk = (end - all.start - n_gone) as f64;
                censoring.before.push(uncensored);
                censoring.at_risk.push(at_risk);
                censoring.n_censored.push(n_censored as f64);
                if n_censored > 0 {
                    uncensored *= (at_risk - n_censored as f64) / at_risk;
                }
            }
        }
        censoring
    }
}
