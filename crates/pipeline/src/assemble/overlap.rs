//! Where the scores of the two arms overlap, before and after matching or weighting.

use super::{Assembly, Place, STUDY, WHOLE};
use crate::terms::{PROBABILITY, WEIGHT};
use cohort::{Caveat, CaveatCode, Estimate, NotEstimable};
use propensity::{ArmScores, Overlap, weighted_shares};
use study::protocol::Population;

pub(super) fn assemble(assembly: &mut Assembly, overlap: &Overlap) {
    let place = Place::new(STUDY, Population::All.id(), "overlap");
    let arms = assembly.outline.arms.clone();
    for (arm, scores) in arms.iter().zip([&overlap.exposed, &overlap.comparators]) {
        arm_scores(assembly, &place, &arm.id, scores);
    }
    if let Some(support) = overlap.common_support {
        let names = ["common_support_lower", "common_support_upper"];
        for (name, bound) in names.into_iter().zip(support) {
            let method = "bound of the scores that both arms have";
            assembly.push(place.quantity(WHOLE, name, Ok(bound), method));
        }
    }
    let share = overlap.share_in_equipoise();
    assembly.push(place.quantity(WHOLE, "share_in_equipoise", share, EQUIPOISE));
}

/// The histograms of the arms of the population that the design makes, which has them where there are
/// scores: by the weights of its patients, one each in matched pairs.
pub(super) fn adjusted(assembly: &mut Assembly) {
    let pipeline = assembly.pipeline;
    let Some(population) = pipeline.protocol().adjusted() else { return };
    let place = Place::new(STUDY, population.id(), "overlap");
    let exposure = &pipeline.protocol().exposure;
    for (arm, known) in assembly.outline.arms.clone().iter().zip(exposure.arms()) {
        let rows = pipeline.rows_at(population, &exposure.column, &known.value);
        let column = |name: &str| pipeline.cohort().numeric(name, &rows);
        let (Ok(scores), Ok(weights)) = (column(PROBABILITY), column(WEIGHT)) else { return };
        assembly.push(place.count(&arm.id, "n", rows.len()));
        for (bin, share) in weighted_shares(&scores, &weights).into_iter().enumerate() {
            push_share(assembly, &place, &arm.id, bin, Ok(share));
        }
    }
}

/// Share of an arm in a bin of the scores.
fn push_share(assembly: &mut Assembly, place: &Place, arm: &str, bin: usize, share: Estimate) {
    let [lower, upper] = [bin, bin + 1].map(|edge| edge as f64 / Overlap::BINS as f64);
    let method = format!("share of the arm with a score from {lower} to {upper}");
    assembly.push(place.quantity(arm, &format!("score_share_{lower}"), share, &method));
}

const EQUIPOISE: &str = "share of the patients whose preference score lies between 0.3 and 0.7";

fn arm_scores(assembly: &mut Assembly, place: &Place, arm: &str, scores: &ArmScores) {
    assembly.push(place.count(arm, "n", scores.n));
    for (probability, &score) in Overlap::PROBABILITIES.into_iter().zip(&scores.quantiles) {
        let name = format!("score_quantile_{}", (100.0 * probability).round());
        let method = "quantile of the propensity score, type 7";
        assembly.push(place.quantity(arm, &name, Ok(score), method));
    }
    for (bin, &n) in scores.histogram.iter().enumerate() {
        let n_all = scores.n as f64;
        let share = if scores.n > 0 { Ok(n as f64 / n_all) } else { Err(NotEstimable::NoSubjects) };
        push_share(assembly, place, arm, bin, share);
    }
    assembly.push(place.count(arm, "n_in_common_support", scores.n_in_common_support));
    assembly.push(place.count(arm, "n_in_equipoise", scores.n_in_equipoise));
    let share = scores.share_in_equipoise();
    let caveat = share.ok().filter(|&share| share < HALF).map(|share| {
        let message = format!(
            "{:.1} % of the patients with {arm} have a preference score from 0.3 to 0.7: below one half of an \
             arm it is in doubt whether the arms can be compared (Walker 2013).",
            100.0 * share
        );
        Caveat::new(CaveatCode::Positivity, message)
    });
    let share = place.quantity(arm, "share_in_equipoise", share, EQUIPOISE);
    assembly.push(share.with_caveats(caveat.into_iter().collect()));
}

/// The share of an arm in equipoise below which the arms are hardly comparable: Walker et al. (2013),
/// Comp. Eff. Res. 3:11-20.
const HALF: f64 = 0.5;
