//! How patients are weighted, in words.

use super::label;
use crate::words;
use study::protocol::{Protocol, WeightEstimand, WeightMethod, WeightingSection};

/// The paragraph on weights.
pub(super) fn weighting(protocol: &Protocol, section: &WeightingSection) -> String {
    let sentences = [
        Some(method(protocol, section)),
        Some(format!("They speak for {}.", words::weight_estimand(section.estimand))),
        section.stabilised.then(|| {
            "They are stabilised: multiplied by the share of their arm among all patients."
                .to_owned()
        }),
        truncation(section),
        Some(variance(section).to_owned()),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn method(protocol: &Protocol, section: &WeightingSection) -> String {
    match section.method {
        WeightMethod::InverseProbability => {
            let formula = match section.estimand {
                WeightEstimand::Ate => "1/e for the exposed and 1/(1 - e) for comparators",
                WeightEstimand::Att => "1 for the exposed and e/(1 - e) for comparators",
                WeightEstimand::Atc => "(1 - e)/e for the exposed and 1 for comparators",
                WeightEstimand::Overlap => "1 - e for the exposed and e for comparators",
                WeightEstimand::Matching => {
                    "the smaller of e and 1 - e, over the score of the own arm"
                }
            };
            format!("Weights from the propensity score e: {formula}.")
        }
        WeightMethod::EntropyBalancing => {
            let names: Vec<String> =
                section.covariates.iter().map(|column| label(protocol, column)).collect();
            let moments = match section.moments {
                1 => "means and shares",
                _ => "means, variances and shares",
            };
            format!(
                "Entropy balancing: the weights nearest to equal ones that make {moments} equal, of {}.",
                words::list(&names)
            )
        }
    }
}

fn truncation(section: &WeightingSection) -> Option<String> {
    let limits = section.truncate?;
    Some(format!(
        "Weights beyond their quantiles {} and {} (type 7, both arms together) become these.",
        words::plain(limits.lower),
        words::plain(limits.upper)
    ))
}

/// That the uncertainty of the weights themselves is left out.
fn variance(section: &WeightingSection) -> &'static str {
    match section.estimand {
        WeightEstimand::Ate => {
            "Variances are robust, one cluster per patient, and take the weights as known, which for \
             this estimand tends to make intervals too wide rather than too narrow."
        }
        _ => {
            "Variances are robust, one cluster per patient, and take the weights as known: what comes \
             from the estimation of the score is not part of them."
        }
    }
}
