//! The propensity model and the matched sample.

use super::{Assembly, Place, STUDY, WHOLE};
use crate::plan::{MATCHING, PROPENSITY};
use crate::question::Answer;
use crate::terms::{spline_outlines, term_outlines};
use ::matching::MatchedSample;
use propensity::PropensityScores;
use study::protocol::Population;
use study::result::{TermOutline, id};

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
    caveats.dedup();
    assembly.caveats.extend(caveats.iter().cloned());
    assembly.push(c_statistic.with_caveats(caveats));
    let method = "standard deviation of the linear predictor, denominator n - 1";
    let sd = scores.linear_predictor_sd;
    assembly.push(place.quantity(WHOLE, "linear_predictor_sd", sd, method));
}

/// The intercept and the columns of the covariates.
fn outlines(assembly: &Assembly) -> Vec<TermOutline> {
    let protocol = assembly.pipeline.protocol();
    let intercept = TermOutline {
        id: "intercept".into(),
        variable: "intercept".into(),
        label: "Intercept".into(),
        reference: None,
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
    let certificate = &sample.certificate;
    let n_pairs = place.count(WHOLE, "n_pairs", sample.pairs.len());
    assembly.push(n_pairs.with_caveats(sample.caveats.clone()));
    assembly.caveats.extend(sample.caveats.iter().cloned());
    let n_unmatched = sample.unmatched_exposed.len();
    assembly.push(place.count(WHOLE, "n_unmatched_exposed", n_unmatched));
    let share = sample.pairs.len() as f64 / certificate.n_exposed as f64;
    let method = "share of the exposed who have a partner";
    assembly.push(place.quantity(WHOLE, "share_matched", Ok(share), method));
    if let Some(caliper) = certificate.caliper {
        let method = "largest distance allowed, on the logit of the propensity score";
        assembly.push(place.quantity(WHOLE, "caliper", Ok(caliper), method));
    }
    let method = "largest difference of the logits within a pair";
    let largest = certificate.largest_distance;
    assembly.push(place.quantity(WHOLE, "largest_distance", largest, method));
    let method = "sum of the differences of the logits over the pairs";
    let total = Ok(certificate.total_distance);
    assembly.push(place.quantity(WHOLE, "total_distance", total, method));
    assembly.push(place.count(WHOLE, "n_ties", certificate.n_ties));
}
