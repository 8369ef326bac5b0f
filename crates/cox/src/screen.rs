//! Many models of one column each, fitted together.

use crate::cohort_fit::FollowUp;
use crate::fit::{CoxExtras, Model, check};
use crate::one_column;
use crate::risk_sets::RiskSets;
use crate::{CoxFit, Penalty, Ties};
use cohort::{Design, Term};
use numerics::newton::Maximum;

/// A model of a screen.
pub(crate) struct Candidate {
    pub terms: Vec<Term>,
    pub design: Design,
}

/// The fits of at most eight candidates. There is none for a candidate that needs a fit of its own: one
/// of several columns, with an infinite coefficient, or of which more is asked than the model.
pub(crate) fn fit_alone(follow_up: &FollowUp, candidates: &[&Candidate]) -> Vec<Option<CoxFit>> {
    let has_one_column = |candidate: &Candidate| candidate.design.p() == 1;
    let alone = candidates.iter().copied().filter(|candidate| has_one_column(candidate));
    let alone: Vec<&Candidate> = alone.collect();
    let are_valid = |candidate: &&Candidate| {
        let data = follow_up.data(&candidate.terms, &candidate.design);
        check(&data, &follow_up.query.options).is_ok()
    };
    if alone.is_empty() || !is_plain(follow_up) || !alone.iter().all(are_valid) {
        return candidates.iter().map(|_| None).collect();
    }
    let mut fits = fit_columns(follow_up, &alone).into_iter();
    let fit = |candidate: &&Candidate| {
        if has_one_column(candidate) { fits.next().flatten() } else { None }
    };
    candidates.iter().map(fit).collect()
}

/// Whether a fit is a maximum and nothing else.
fn is_plain(follow_up: &FollowUp) -> bool {
    let options = &follow_up.query.options;
    follow_up.extras() == CoxExtras::default()
        && follow_up.clusters.is_none()
        && options.penalty == Penalty::None
        && options.ties != Ties::Exact
}

fn fit_columns(follow_up: &FollowUp, candidates: &[&Candidate]) -> Vec<Option<CoxFit>> {
    let columns = candidates.iter().map(|candidate| candidate.design.columns[0].values.as_slice());
    let columns: Vec<&[f64]> = columns.collect();
    let sets = RiskSets::of_columns(&follow_up.endpoint, &follow_up.order, &columns)
        .with(follow_up.weighted.weights.as_deref(), follow_up.offset.as_deref());
    let options = &follow_up.query.options;
    let maxima = one_column::maxima(&sets, options.ties, options.newton());
    let columns = candidates.iter().zip(sets.scales());
    let fit = |((candidate, scale), maximum): ((&&Candidate, &f64), Option<Maximum>)| {
        let maximum = maximum.filter(|found| found.converged && found.ascents.is_empty())?;
        let data = follow_up.data(&candidate.terms, &candidate.design);
        let model = Model {
            data: &data,
            options,
            sets: &sets,
            centres: &data.centres(),
            scales: std::slice::from_ref(scale),
            maximum: &maximum,
            penalised: None,
            scores: None,
        };
        let mut fit = model.report(None);
        fit.caveats.extend(follow_up.left_out());
        Some(fit)
    };
    columns.zip(maxima).map(fit).collect()
}
