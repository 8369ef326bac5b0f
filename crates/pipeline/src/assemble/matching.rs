//! The propensity model and the matched sample.

use super::{Assembly, Place, STUDY, WHOLE, overlap};
use crate::plan::{MATCHING, PROPENSITY, WeightedId};
use crate::question::Answer;
use crate::terms::{WEIGHT, spline_outlines, term_outlines};
use ::matching::{Certificate, MatchedSample, digest_of_lines};
use ::weighting::doubts_about_weights;
use cohort::{Caveat, CaveatCode};
use propensity::PropensityScores;
use study::protocol::{CaliperScale, MatchDistance, Population};
use study::result::{MatchingOutline, TermOutline, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    if let Ok(Answer::Propensity(scores)) = assembly.answer(PROPENSITY) {
        let scores = scores.clone();
        propensity(assembly, &scores);
    }
    if let Ok(Answer::Match(sample)) = assembly.answer(MATCHING) {
        let sample = sample.clone();
        matched(assembly, &sample);
    }
}

fn propensity(assembly: &mut Assembly, scores: &PropensityScores) {
    let place = Place::new(STUDY, Population::All.id(), "propensity");
    let confidence = assembly.pipeline.confidence();
    assembly.outline.propensity = outlines(assembly);
    for coefficient in &scores.fit.coefficients {
        let term = id::part(&coefficient.name);
        let method = "logistic regression, maximum likelihood";
        assembly.push(place.quantity(&term, "coefficient", coefficient.estimate, method));
        assembly.push(place.quantity(&term, "standard_error", coefficient.standard_error, method));
        let odds_ratio = place.quantity(&term, "odds_ratio", coefficient.odds_ratio, method);
        assembly.push(odds_ratio.with_interval(coefficient.interval, confidence));
        let method = "Wald test of a logistic regression";
        assembly.push(place.quantity(&term, "p_value", coefficient.p_value, method));
    }
    let c_statistic = place.quantity(
        WHOLE,
        "c_statistic",
        scores.c_statistic,
        "area under the receiver operating characteristic of the score",
    );
    let mut caveats = scores.fit.caveats.clone();
    caveats.extend(scores.caveats.iter().cloned());
    caveats.extend(told_apart(scores));
    caveats.dedup();
    assembly.caveats.extend(caveats.iter().cloned());
    assembly.push(c_statistic.with_caveats(caveats));
    let method = "standard deviation of the linear predictor, denominator n - 1";
    let sd = scores.linear_predictor_sd;
    assembly.push(place.quantity(WHOLE, "linear_predictor_sd", sd, method));
    overlap::assemble(assembly, &scores.overlap);
}

/// Above this c-statistic the score tells the arms apart so well that few patients are comparable.
const TELLS_APART: f64 = 0.9;

fn told_apart(scores: &PropensityScores) -> Option<Caveat> {
    let found = scores.c_statistic.ok().filter(|&found| found > TELLS_APART)?;
    let message = format!(
        "The c-statistic of the score is {found:.2}: above {TELLS_APART} the score tells the arms apart so \
         well that few patients have a counterpart in the other arm."
    );
    Some(Caveat::new(CaveatCode::Positivity, message))
}

/// The intercept and the columns of the covariates.
fn outlines(assembly: &Assembly) -> Vec<TermOutline> {
    let protocol = assembly.pipeline.protocol();
    let intercept = TermOutline {
        id: "intercept".into(),
        variable: "intercept".into(),
        label: "Intercept".into(),
        reference: None,
        curve_columns: None,
    };
    let columns = protocol.propensity.iter().flat_map(|section| {
        section.covariates.iter().flat_map(|name| match section.spline(name) {
            Some(spline) => spline_outlines(protocol, spline),
            None => term_outlines(protocol, name),
        })
    });
    [intercept].into_iter().chain(columns).collect()
}

fn matched(assembly: &mut Assembly, sample: &MatchedSample) {
    let place = Place::new(STUDY, Population::Matched.id(), "matching");
    let forms_classes =
        assembly.pipeline.protocol().matching.as_ref().is_some_and(|known| known.forms_classes());
    assembly.caveats.extend(sample.caveats.iter().cloned());
    if !forms_classes {
        let n_pairs = place.count(WHOLE, "n_pairs", sample.pairs.len());
        assembly.push(n_pairs.with_caveats(sample.caveats.clone()));
    }
    counts(assembly, &place, sample);
    weights(assembly, &sample.certificate);
    if !forms_classes {
        distances(assembly, &place, &sample.certificate);
    }
    let certificate = &sample.certificate;
    assembly.outline.matching = Some(MatchingOutline {
        algorithm: certificate.algorithm.clone(),
        estimand: certificate.estimand.clone(),
        // The services know rows alone; whoever holds the pairs checks the digest of their ids.
        digest: if forms_classes {
            let members = assembly.pipeline.weighted_ids();
            let member = |one: WeightedId| (one.id, one.set.unwrap_or(0).to_string());
            digest_of_lines(members.into_iter().map(member))
        } else {
            digest_of_lines(assembly.pipeline.matched_ids())
        },
    });
}

/// Doubts about the weights of the sets, which one-to-one pairs do not have.
fn weights(assembly: &mut Assembly, certificate: &Certificate) {
    let pipeline = assembly.pipeline;
    let protocol = pipeline.protocol();
    if !protocol.has_weights(Population::Matched) {
        return;
    }
    let exposure = &protocol.exposure;
    let mut doubts = Vec::new();
    for (arm, words) in exposure.arms().into_iter().zip(["the exposed", "the comparators"]) {
        let rows = pipeline.rows_at(Population::Matched, &exposure.column, &arm.value);
        if let Ok(weights) = pipeline.cohort().numeric(WEIGHT, &rows) {
            doubts.extend(doubts_about_weights(words, &weights));
        }
    }
    let is_reused = protocol.matching.as_ref().is_some_and(|section| section.replacement);
    let beside = if pipeline.counts_reuse() {
        "; the hazard ratio of the exposure stands beside with a variance that counts both"
    } else {
        ""
    };
    doubts.extend(is_reused.then(|| pairs_left_out(certificate, beside)).flatten());
    assembly.caveats.extend(doubts);
}

/// Below this share of exposed patients the pairs hardly matter to a variance with replacement:
/// Austin and Cafri (2020), Stat. Med. 39:1623-1640.
const FEW_EXPOSED: f64 = 0.3;

/// That a variance by patient leaves out the pairs.
fn pairs_left_out(certificate: &Certificate, beside: &str) -> Option<Caveat> {
    let n = certificate.n_exposed + certificate.n_comparators;
    let share = certificate.n_exposed as f64 / n as f64;
    let message = format!(
        "With replacement the robust variance counts a patient who is taken again once, and leaves out \
         that the members of a pair belong together. Where many are exposed, here {:.0} %, it may be \
         too small (Austin and Cafri 2020){beside}.",
        100.0 * share
    );
    (share >= FEW_EXPOSED).then(|| Caveat::new(CaveatCode::PairsIgnored, message))
}

/// How many patients and sets there are.
fn counts(assembly: &mut Assembly, place: &Place, sample: &MatchedSample) {
    let certificate = &sample.certificate;
    if let Some(&n_sets) = sample.subclass.iter().max() {
        assembly.push(place.count(WHOLE, "n_sets", n_sets as usize));
    }
    let n_exposed = certificate.n_matched_exposed;
    assembly.push(place.count(WHOLE, "n_matched_exposed", n_exposed));
    let n_comparators = certificate.n_matched_comparators;
    assembly.push(place.count(WHOLE, "n_matched_comparators", n_comparators));
    // Who was set aside before the score was estimated again is unknown to the matching.
    let aside = set_aside(assembly);
    let exposure = &assembly.pipeline.protocol().exposure;
    let exposed =
        assembly.pipeline.rows_at(Population::All, &exposure.column, &exposure.exposed.value);
    let n_unmatched = exposed.len() - n_exposed;
    assembly.push(place.count(WHOLE, "n_unmatched_exposed", n_unmatched));
    assembly.push(place.count(WHOLE, "n_discarded", sample.discarded.len() + aside));
    let method = "share of the exposed who have a partner";
    let share = Ok(n_exposed as f64 / exposed.len() as f64);
    let unmatched = |caveat: &&Caveat| caveat.code == CaveatCode::UnmatchedExposed;
    let caveats = sample.caveats.iter().filter(unmatched).cloned().collect();
    let share = place.quantity(WHOLE, "share_matched", share, method);
    assembly.push(share.with_caveats(caveats));
}

/// Number of patients without a score that was estimated again.
fn set_aside(assembly: &Assembly) -> usize {
    match assembly.answer(PROPENSITY) {
        Ok(Answer::Propensity(scores)) => scores.discarded.len(),
        _ => 0,
    }
}

/// How far apart the members of pairs are.
fn distances(assembly: &mut Assembly, place: &Place, certificate: &Certificate) {
    let (caliper_scale, distance) = scales(assembly);
    if let Some(caliper) = certificate.caliper {
        let method = format!("largest difference allowed, on the {caliper_scale}");
        assembly.push(place.quantity(WHOLE, "caliper", Ok(caliper), &method));
        let method =
            format!("largest difference of the {caliper_scale} within a pair, over the caliper");
        let share = certificate.largest_over_caliper;
        assembly.push(place.quantity(WHOLE, "largest_over_caliper", share, &method));
    }
    let method = format!("largest {distance} within a pair");
    let largest = certificate.largest_distance;
    assembly.push(place.quantity(WHOLE, "largest_distance", largest, &method));
    let method = format!("sum of the {distance} over the pairs");
    let total = Ok(certificate.total_distance);
    assembly.push(place.quantity(WHOLE, "total_distance", total, &method));
    assembly.push(place.count(WHOLE, "n_ties", certificate.n_ties));
}

/// On which scale the caliper is measured, and what the distance is.
fn scales(assembly: &Assembly) -> (&'static str, &'static str) {
    let section = assembly.pipeline.protocol().matching.as_ref();
    let distance = section.map_or(MatchDistance::Logit, |section| section.distance);
    let scale = section.and_then(|section| section.caliper).map(|caliper| caliper.scale);
    let probability = "propensity score";
    let logit = "logit of the propensity score";
    match distance {
        MatchDistance::Logit => (logit, "difference of the logits"),
        MatchDistance::Probability if scale == Some(CaliperScale::SdLogit) => {
            (logit, "difference of the propensity scores")
        }
        MatchDistance::Probability => (probability, "difference of the propensity scores"),
        MatchDistance::Mahalanobis => (logit, "Mahalanobis distance"),
        MatchDistance::RobustMahalanobis => (logit, "rank-based Mahalanobis distance"),
    }
}
