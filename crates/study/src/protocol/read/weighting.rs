//! The section that says how patients are weighted.

use super::analyses::Declared;
use super::section::Section;
use super::value::{at_least_1, flag, share, word};
use crate::protocol::{
    PropensitySection, TruncationSection, WeightEstimand, WeightMethod, WeightingSection,
};

pub(super) fn weighting(
    file: &Section,
    declared: &Declared,
    propensity: Option<&PropensitySection>,
) -> Option<WeightingSection> {
    if file.has("weighting") && file.has("matching") {
        let message = "a study has one design: leave out `[weighting]` or `[matching]`";
        file.refuse("weighting", message);
    }
    file.table("weighting", |section| {
        let covariates = section.filled_list("covariates", |value| declared.confounder(value));
        let read = WeightingSection {
            method: section.optional("method", word).unwrap_or_default(),
            estimand: section.optional("estimand", word).unwrap_or_default(),
            stabilised: section.optional("stabilised", flag).unwrap_or(false),
            truncate: section.table("truncate", truncation),
            covariates: covariates.unwrap_or_default(),
            moments: section.optional("moments", at_least_1).unwrap_or(1),
        };
        match read.method {
            WeightMethod::InverseProbability => by_score(file, section),
            WeightMethod::EntropyBalancing => by_entropy(section, &read, propensity),
        }
        if read.stabilised && read.estimand != WeightEstimand::Ate {
            section.refuse("stabilised", "only weights for `ate` are stabilised; leave it out");
        }
        with_covariates(read, propensity)
    })
}

/// Entropy balancing takes the variables of the score unless it has its own.
fn with_covariates(
    read: WeightingSection,
    propensity: Option<&PropensitySection>,
) -> WeightingSection {
    let is_entropy = read.method == WeightMethod::EntropyBalancing;
    let of_score = propensity.filter(|_| is_entropy && read.covariates.is_empty());
    match of_score {
        Some(section) => WeightingSection { covariates: section.covariates.clone(), ..read },
        None => read,
    }
}

fn truncation(section: &Section) -> TruncationSection {
    let read = TruncationSection {
        lower: section.optional("lower", share).unwrap_or(0.0),
        upper: section.optional("upper", share).unwrap_or(1.0),
    };
    if read.upper <= read.lower {
        section.refuse("upper", "must be above `lower`, such as 0.99");
    }
    read
}

fn by_score(file: &Section, section: &Section) {
    if !file.has("propensity") {
        file.refuse("weighting", "these weights need `[propensity]`, the model of their score");
    }
    for key in ["covariates", "moments"] {
        if section.has(key) {
            let message = "has no effect unless `method` is \"entropy_balancing\"; leave it out";
            section.refuse(key, message);
        }
    }
}

fn by_entropy(section: &Section, read: &WeightingSection, propensity: Option<&PropensitySection>) {
    if matches!(read.estimand, WeightEstimand::Overlap | WeightEstimand::Matching) {
        let message = "entropy balancing is for `ate`, `att` or `atc`";
        section.refuse("estimand", message);
    }
    if read.covariates.is_empty() && propensity.is_none() {
        section.refuse("covariates", "entropy balancing needs `covariates` or `[propensity]`");
    }
    if read.moments > 2 {
        section.refuse("moments", "must be 1 (means) or 2 (means and variances)");
    }
}
