//! The weights of the arms.

use super::{Assembly, Place, STUDY, WHOLE};
use crate::plan::WEIGHTING;
use crate::question::Answer;
use ::weighting::{ArmWeights, BalancedMean, Weights};
use study::protocol::Population;
use study::result::id;

pub(super) fn assemble(assembly: &mut Assembly) {
    if let Ok(Answer::Weigh(weights)) = assembly.answer(WEIGHTING) {
        let weights = weights.clone();
        weighted(assembly, &weights);
    }
}

fn weighted(assembly: &mut Assembly, weights: &Weights) {
    let place = Place::new(STUDY, Population::Weighted.id(), "weighting");
    let known = assembly.caveats.clone();
    let new = weights.caveats.iter().filter(|caveat| !known.contains(caveat)).cloned();
    assembly.caveats.extend(new.collect::<Vec<_>>());
    let arms = assembly.outline.arms.clone();
    for (arm, own) in arms.iter().zip([&weights.exposed, &weights.comparators]) {
        arm_weights(assembly, &place, &arm.id, own);
    }
    if let Some([lower, upper]) = weights.limits {
        let method = "quantile at which weights are cut, type 7, both arms together";
        assembly.push(place.quantity(WHOLE, "truncation_lower", Ok(lower), method));
        assembly.push(place.quantity(WHOLE, "truncation_upper", Ok(upper), method));
        assembly.push(place.count(WHOLE, "n_truncated", weights.n_truncated));
    }
    for mean in &weights.means {
        balanced(assembly, &place, mean);
    }
}

fn arm_weights(assembly: &mut Assembly, place: &Place, arm: &str, own: &ArmWeights) {
    assembly.push(place.count(arm, "n", own.n));
    let effective =
        "effective sample size, squared sum of the weights over the sum of their squares";
    let quantities = [
        ("weighted_n", Ok(own.sum), "sum of the weights"),
        ("weight_minimum", Ok(own.minimum), "smallest weight"),
        ("weight_maximum", Ok(own.maximum), "largest weight"),
        ("effective_n", Ok(own.effective_sample_size), effective),
        (
            "weight_variation",
            own.coefficient_of_variation,
            "standard deviation of the weights over their mean, denominator n - 1",
        ),
    ];
    for (name, estimate, method) in quantities {
        assembly.push(place.quantity(arm, name, estimate, method));
    }
}

/// A mean that entropy balancing was to bring about, and has.
fn balanced(assembly: &mut Assembly, place: &Place, mean: &BalancedMean) {
    let term = id::part(&mean.name);
    for (name, value, method) in [
        ("target_mean", mean.target, "mean that both arms are to have"),
        ("mean_exposed", mean.exposed, "weighted mean of the exposed"),
        ("mean_comparators", mean.comparators, "weighted mean of the comparators"),
    ] {
        assembly.push(place.quantity(&term, name, Ok(value), method));
    }
}
