//! The section that says how patients are matched.

use super::analyses::Declared;
use super::section::Section;
use super::value::{at_least_1, flag, not_negative, number, positive, seed, share, word};
use crate::protocol::{
    CaliperScale, CaliperSection, CoarseningRule, CoarseningSection, CovariateCaliperSection,
    Discard, Emulation, MatchDistance, MatchEstimand, MatchMethod, MatchOrder, MatchRatio,
    MatchSite, MatchingSection, SiteRule, VariableKind,
};
use toml::de::DeValue;

pub(super) fn matching(file: &Section, declared: &Declared) -> Option<MatchingSection> {
    let read = file.table("matching", |section| {
        let read = matching_section(section, declared);
        settings_fit(section, &read);
        read
    });
    let has_no_score = |read: &MatchingSection| {
        let is_on_values = matches!(read.method, MatchMethod::Coarsened | MatchMethod::Exact);
        is_on_values && read.discard == Discard::None
    };
    let needs_score = read.as_ref().is_some_and(|read| !has_no_score(read));
    if needs_score && !file.has("propensity") {
        file.refuse("matching", "matching needs `[propensity]`, the model whose score it compares");
    }
    read
}

fn matching_section(section: &Section, declared: &Declared) -> MatchingSection {
    let emulate: Option<Emulation> = section.optional("emulate", word);
    let estimand = section.optional("estimand", word).unwrap_or_default();
    let replacement = section.optional("replacement", flag).unwrap_or(false);
    let by_score = match (emulate, estimand) {
        (Some(Emulation::Spss), _) => MatchOrder::Random,
        (None, _) if replacement => MatchOrder::Data,
        (None, MatchEstimand::Atc) => MatchOrder::Smallest,
        (None, MatchEstimand::Att | MatchEstimand::Ate) => MatchOrder::Largest,
    };
    let (scale, distance) = match emulate {
        None => (CaliperScale::SdLogit, MatchDistance::Logit),
        Some(Emulation::Spss) => (CaliperScale::Raw, MatchDistance::Probability),
    };
    let confounder = |value: &DeValue| declared.confounder(value);
    let covariates = section.filled_list("covariates", confounder).unwrap_or_default();
    MatchingSection {
        method: section.optional("method", word).unwrap_or_default(),
        estimand,
        distance: section.optional("distance", word).unwrap_or(distance),
        coarsening: section
            .entries("coarsening", |name, section| coarsening(name, section, &covariates)),
        covariates,
        ratio: ratio(section),
        replacement,
        min_ratio: section.optional("min_ratio", not_negative).unwrap_or(0.0),
        max_ratio: section.optional("max_ratio", positive),
        omitted_share: section.optional("omitted_share", share).unwrap_or(0.0),
        subclasses: section.optional("subclasses", at_least_1).unwrap_or(6),
        least_per_arm: section.optional("least_per_arm", at_least_1).unwrap_or(1),
        caliper: section.table("caliper", |section| CaliperSection {
            width: section.needed("width", positive).unwrap_or_default(),
            scale: section.optional("scale", word).unwrap_or(scale),
        }),
        covariate_calipers: section
            .tables("covariate_calipers", |section| covariate_caliper(section, declared)),
        order: section.optional("order", word).unwrap_or(by_score),
        seed: section.optional("seed", seed).unwrap_or(0),
        exact: section.list("exact", confounder).unwrap_or_default(),
        anti_exact: section.list("anti_exact", confounder).unwrap_or_default(),
        site: section.table("site", |section| site(section, declared)),
        discard: section.optional("discard", word).unwrap_or(Discard::None),
        reestimate: section.optional("reestimate", flag).unwrap_or(false),
        emulate,
        exact_first: section.optional("exact_first", flag).unwrap_or(true),
    }
}

/// A number, or a table of three.
fn ratio(section: &Section) -> MatchRatio {
    if !section.is_table("ratio") {
        return MatchRatio::Fixed(section.optional("ratio", at_least_1).unwrap_or(1));
    }
    let variable = section.table("ratio", |section| {
        let mean = section.needed("mean", positive);
        let min = section.optional("min", at_least_1).unwrap_or(1);
        let max = section.needed("max", at_least_1);
        let (mean, max) = (mean?, max?);
        if max <= min {
            section.refuse("max", "the largest ratio must be above the smallest");
        } else if !(min as f64 <= mean && mean < max as f64) {
            section.refuse("mean", "the mean must be below the largest and not below the smallest");
        }
        Some(MatchRatio::Variable { mean, min, max })
    });
    variable.flatten().unwrap_or_default()
}

fn coarsening(name: &str, section: &Section, covariates: &[String]) -> CoarseningSection {
    if !covariates.iter().any(|known| known == name) {
        section.refuse_self(format!("`{name}` is not among the covariates"));
    }
    let bins = section.optional("bins", at_least_1).map(CoarseningRule::Bins);
    let quantiles = section.optional("quantiles", at_least_1).map(CoarseningRule::Quantiles);
    let cuts = section.filled_list("cuts", number).map(CoarseningRule::Cuts);
    let rules: Vec<CoarseningRule> = [bins, quantiles, cuts].into_iter().flatten().collect();
    let n_keys = ["bins", "quantiles", "cuts"].iter().filter(|key| section.has(key)).count();
    if n_keys != 1 {
        section.refuse_self("give one of `bins`, `quantiles` and `cuts`");
    }
    let rule = rules.into_iter().next().unwrap_or(CoarseningRule::Bins(1));
    CoarseningSection { variable: name.into(), rule }
}

fn covariate_caliper(section: &Section, declared: &Declared) -> CovariateCaliperSection {
    let numeric = |value: &DeValue| {
        let name = declared.confounder(value)?;
        match declared.kind(&name) {
            Some(VariableKind::Continuous) => Ok(name),
            _ => Err(format!("`{name}` is not numeric, so it has no caliper; use `exact`")),
        }
    };
    CovariateCaliperSection {
        variable: section.needed("variable", numeric).unwrap_or_default(),
        width: section.needed("width", positive).unwrap_or_default(),
        scale: section.optional("scale", word).unwrap_or_default(),
    }
}

fn site(section: &Section, declared: &Declared) -> MatchSite {
    MatchSite {
        variable: section
            .needed("variable", |value| declared.confounder(value))
            .unwrap_or_default(),
        rule: section.optional("rule", word).unwrap_or_default(),
    }
}

/// Methods of pairs.
const PAIRS: &[MatchMethod] = &[MatchMethod::Nearest, MatchMethod::Optimal, MatchMethod::Full];

/// Keys that not every method knows, with those that do. Which of them exclude each other otherwise is
/// said by [`settings_fit`].
const KNOWN_TO: [(&str, &[MatchMethod]); 14] = [
    ("distance", PAIRS),
    ("caliper", PAIRS),
    ("covariate_calipers", PAIRS),
    ("anti_exact", PAIRS),
    ("order", &[MatchMethod::Nearest]),
    ("ratio", &[MatchMethod::Nearest, MatchMethod::Optimal]),
    ("replacement", &[MatchMethod::Nearest]),
    ("min_ratio", &[MatchMethod::Full]),
    ("max_ratio", &[MatchMethod::Full]),
    ("omitted_share", &[MatchMethod::Full]),
    ("subclasses", &[MatchMethod::Subclass]),
    ("least_per_arm", &[MatchMethod::Subclass]),
    ("coarsening", &[MatchMethod::Coarsened]),
    (
        "exact",
        &[
            MatchMethod::Nearest,
            MatchMethod::Optimal,
            MatchMethod::Full,
            MatchMethod::Coarsened,
            MatchMethod::Exact,
        ],
    ),
];

/// Refuses settings that another one makes meaningless.
fn settings_fit(section: &Section, read: &MatchingSection) {
    for (key, methods) in KNOWN_TO {
        if section.has(key) && !methods.contains(&read.method) {
            let message =
                format!("has no effect on the method \"{}\"; leave it out", read.method.name());
            section.refuse(key, message);
        }
    }
    covariates_fit(section, read);
    site_fits(section, read);
    estimand_fits(section, read);
    if read.method == MatchMethod::Exact && read.exact.is_empty() {
        section.refuse("exact", "exact matching needs the variables to agree on");
    }
    if matches!(read.ratio, MatchRatio::Variable { .. }) && read.method == MatchMethod::Optimal {
        section.refuse("ratio", "optimal matching has a fixed ratio; write a number");
    }
    if read.reestimate && read.discard == Discard::None {
        section.refuse("reestimate", "has no effect unless `discard` sets somebody aside");
    }
    if section.has("exact_first") && read.emulate.is_none() {
        section.refuse("exact_first", "has no effect unless a program is emulated; leave it out");
    }
    if section.has("seed") && read.emulate.is_none() && read.order != MatchOrder::Random {
        section.refuse("seed", "has no effect unless `order` is \"random\"; leave it out");
    }
    if read.emulate.is_some() {
        as_spss_does(section, read);
    } else if read.replacement && section.has("order") {
        section
            .refuse("order", "nobody takes a partner away with replacement; leave the order out");
    }
}

fn covariates_fit(section: &Section, read: &MatchingSection) {
    let is_mahalanobis =
        matches!(read.distance, MatchDistance::Mahalanobis | MatchDistance::RobustMahalanobis);
    let is_coarsened = read.method == MatchMethod::Coarsened;
    if is_mahalanobis && !section.has("covariates") {
        section.refuse("covariates", "a Mahalanobis distance needs `covariates`");
    }
    if is_coarsened && !section.has("covariates") {
        section.refuse("covariates", "coarsened exact matching needs `covariates`");
    }
    if !is_mahalanobis && !is_coarsened && section.has("covariates") {
        section
            .refuse("covariates", "`covariates` belong to a Mahalanobis distance or to coarsening");
    }
}

fn site_fits(section: &Section, read: &MatchingSection) {
    let Some(site) = &read.site else { return };
    let is_nearest = read.method == MatchMethod::Nearest && read.emulate.is_none();
    if site.rule == SiteRule::Prefer && !is_nearest {
        section.refuse("site", "only nearest neighbours can prefer a site; make it `exact`");
    } else if read.method == MatchMethod::Subclass {
        section.refuse("site", "subclasses of a score know no sites; leave it out");
    }
}

fn estimand_fits(section: &Section, read: &MatchingSection) {
    let has_focus = matches!(read.method, MatchMethod::Nearest | MatchMethod::Optimal);
    if read.estimand == MatchEstimand::Ate && has_focus {
        let message = "pairs speak for the arm that is given partners: choose `att` or `atc`, or the \
                       method `full`, `subclass`, `coarsened` or `exact`";
        section.refuse("estimand", message);
    }
}

fn as_spss_does(section: &Section, read: &MatchingSection) {
    for key in ["method", "distance", "ratio"] {
        if section.has(key) {
            section.refuse(key, "the program that is emulated decides this; leave it out");
        }
    }
    if read.caliper.is_none() {
        section.refuse("caliper", "SPSS needs a caliper: it is its match tolerance");
    }
    if !matches!(read.order, MatchOrder::Random | MatchOrder::Data) {
        section.refuse("order", "SPSS knows `random` and `data`");
    }
}
