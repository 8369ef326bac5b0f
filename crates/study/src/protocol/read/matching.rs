//! The section that says how pairs are formed.

use super::analyses::Declared;
use super::section::Section;
use super::value::{positive, seed, word};
use crate::protocol::{
    CaliperScale, CaliperSection, CovariateCaliperSection, Discard, Emulation, MatchDistance,
    MatchMethod, MatchOrder, MatchSite, MatchingSection, VariableKind,
};

pub(super) fn matching(file: &Section, declared: &Declared) -> Option<MatchingSection> {
    if declared.has_matching && !file.has("propensity") {
        file.refuse("matching", "matching needs `[propensity]`, the model whose score it compares");
    }
    file.table("matching", |section| {
        let emulate: Option<Emulation> = section.optional("emulate", word);
        let by_default = match emulate {
            None => (MatchOrder::Largest, CaliperScale::SdLogit, MatchDistance::Logit),
            Some(Emulation::Spss) => {
                (MatchOrder::Random, CaliperScale::Raw, MatchDistance::Probability)
            }
        };
        let section_read = MatchingSection {
            method: section.optional("method", word).unwrap_or_default(),
            distance: section.optional("distance", word).unwrap_or(by_default.2),
            covariates: section
                .filled_list("covariates", |value| declared.confounder(value))
                .unwrap_or_default(),
            caliper: section.table("caliper", |section| CaliperSection {
                width: section.needed("width", positive).unwrap_or_default(),
                scale: section.optional("scale", word).unwrap_or(by_default.1),
            }),
            covariate_calipers: section
                .tables("covariate_calipers", |section| covariate_caliper(section, declared)),
            order: section.optional("order", word).unwrap_or(by_default.0),
            seed: section.optional("seed", seed).unwrap_or(0),
            exact: section.list("exact", |value| declared.confounder(value)).unwrap_or_default(),
            anti_exact: section
                .list("anti_exact", |value| declared.confounder(value))
                .unwrap_or_default(),
            site: section.table("site", |section| site(section, declared)),
            discard: section.optional("discard", word).unwrap_or(Discard::None),
            emulate,
        };
        settings_fit(section, &section_read);
        section_read
    })
}

fn covariate_caliper(section: &Section, declared: &Declared) -> CovariateCaliperSection {
    let numeric = |value: &toml::de::DeValue| {
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

/// Refuses settings that another one makes meaningless.
fn settings_fit(section: &Section, read: &MatchingSection) {
    let on_covariates =
        matches!(read.distance, MatchDistance::Mahalanobis | MatchDistance::RobustMahalanobis);
    if on_covariates && !section.has("covariates") {
        section.refuse("covariates", "a Mahalanobis distance needs `covariates`");
    }
    if !on_covariates && section.has("covariates") {
        section.refuse("covariates", "`covariates` belong to a Mahalanobis distance");
    }
    let is_optimal = read.method == MatchMethod::Optimal;
    if is_optimal && section.has("order") {
        section.refuse("order", "optimal pairs have no order of choice; leave it out");
    }
    let prefers =
        read.site.as_ref().is_some_and(|site| site.rule == crate::protocol::SiteRule::Prefer);
    if prefers && (is_optimal || read.emulate.is_some()) {
        section.refuse("site", "only nearest neighbours can prefer a site; make it `exact`");
    }
    if read.emulate.is_some() {
        for key in ["method", "distance"] {
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
}
