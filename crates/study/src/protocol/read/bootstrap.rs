//! The section that asks for intervals from resampled patients.

use super::analyses::Declared;
use super::section::Section;
use super::value::{Parsed, at_least_1, confidence, seed, word};
use crate::protocol::{BootstrapMethod, BootstrapMethods, BootstrapScope, BootstrapSection};
use toml::de::DeValue;

/// Replicates unless asked otherwise: enough for the limits of a 95 % interval.
const DEFAULT_REPLICATES: usize = 2000;

/// Most replicates: of a single quantity. Of several there are fewer, since all values are kept until the
/// limits are known; how many quantities there are shows with the data.
const MOST_REPLICATES: usize = 5_000_000;

pub(super) fn bootstrap(
    section: &Section,
    declared: &Declared,
    default_confidence: f64,
) -> BootstrapSection {
    let scopes = section.filled_list("scopes", |value| scope(value, declared));
    let strata = section.list("strata", |value| declared.stratum(value));
    let pipeline_methods = section.filled_list("pipeline_methods", pipeline_method);
    let scopes = scopes.unwrap_or_else(|| vec![BootstrapScope::Outcome]);
    let unused =
        [("methods", BootstrapScope::Outcome), ("pipeline_methods", BootstrapScope::Pipeline)];
    for (key, scope) in unused {
        if section.has(key) && !scopes.contains(&scope) {
            let message = format!("has no effect unless `scopes` has \"{}\"", scope.name());
            section.refuse(key, message);
        }
    }
    BootstrapSection {
        seed: section.optional("seed", seed).unwrap_or(0),
        replicates: section.optional("replicates", replicates).unwrap_or(DEFAULT_REPLICATES),
        scopes,
        strata: strata.unwrap_or_default(),
        methods: section.defaulted_table("methods", methods),
        pipeline_methods: pipeline_methods.unwrap_or_else(|| vec![BootstrapMethod::Percentile]),
        confidence: section.optional("confidence", confidence).unwrap_or(default_confidence),
    }
}

fn scope(value: &DeValue, declared: &Declared) -> Parsed<BootstrapScope> {
    match word(value)? {
        BootstrapScope::Pipeline if !declared.has_matching && !declared.has_weighting => {
            let message = "there is no design to make again without `[matching]` or `[weighting]`; choose \
                           `outcome`";
            Err(message.into())
        }
        scope => Ok(scope),
    }
}

fn replicates(value: &DeValue) -> Parsed<usize> {
    match at_least_1(value)? {
        replicates if replicates <= MOST_REPLICATES => Ok(replicates),
        _ => Err(format!("there are at most {MOST_REPLICATES} replicates")),
    }
}

fn methods(section: &Section) -> BootstrapMethods {
    let of = |key: &'static str, parse: fn(&DeValue) -> Parsed<BootstrapMethod>, default| {
        section.filled_list(key, parse).unwrap_or_else(|| vec![default])
    };
    BootstrapMethods {
        hazard_ratio: of("hazard_ratio", word, BootstrapMethod::Bca),
        median: of("median", median_method, BootstrapMethod::Percentile),
        survival: of("survival", word, BootstrapMethod::Bca),
        restricted_mean: of("restricted_mean", word, BootstrapMethod::Bca),
    }
}

fn median_method(value: &DeValue) -> Parsed<BootstrapMethod> {
    match word(value)? {
        BootstrapMethod::Studentized => {
            Err("a replicate gives its median no standard error; choose `percentile`".into())
        }
        method => Ok(method),
    }
}

fn pipeline_method(value: &DeValue) -> Parsed<BootstrapMethod> {
    match word(value)? {
        BootstrapMethod::Normal | BootstrapMethod::Studentized => {
            let message = "scope `pipeline` has `percentile`, `basic` and `bca`: standard errors of a \
                           replicate do not know of its design";
            Err(message.into())
        }
        method => Ok(method),
    }
}
