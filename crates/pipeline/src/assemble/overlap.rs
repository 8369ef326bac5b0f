//! Where the scores of the two arms overlap.

use super::{Assembly, Place, STUDY, WHOLE};
use cohort::NotEstimable;
use propensity::{ArmScores, Overlap};
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

const EQUIPOISE: &str = "share of the patients whose preference score lies between 0.3 and 0.7";

fn arm_scores(assembly: &mut Assembly, place: &Place, arm: &str, scores: &ArmScores) {
    assembly.push(place.count(arm, "n", scores.n));
    for (probability, &score) in Overlap::PROBABILITIES.into_iter().zip(&scores.quantiles) {
        let name = format!("score_quantile_{}", (100.0 * probability).round());
        let method = "quantile of the propensity score, type 7";
        assembly.push(place.quantity(arm, &name, Ok(score), method));
    }
    for (bin, &n) in scores.histogram.iter().enumerate() {
        let [lower, upper] = [bin, bin + 1].map(|edge| edge as f64 / Overlap::BINS as f64);
        let n_all = scores.n as f64;
        let share = if scores.n > 0 { Ok(n as f64 / n_all) } else { Err(NotEstimable::NoSubjects) };
        let method = format!("share of the arm with a score from {lower} to {upper}");
        assembly.push(place.quantity(arm, &format!("score_share_{lower}"), share, &method));
    }
    assembly.push(place.count(arm, "n_in_common_support", scores.n_in_common_support));
    assembly.push(place.count(arm, "n_in_equipoise", scores.n_in_equipoise));
    let share = scores.share_in_equipoise();
    assembly.push(place.quantity(arm, "share_in_equipoise", share, EQUIPOISE));
}
