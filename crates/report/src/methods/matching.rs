//! How pairs were formed, in words.

use super::label;
use crate::words;
use study::protocol::{
    Discard, Emulation, MatchDistance, MatchMethod, MatchingSection, Protocol, SiteRule,
    VariableScale,
};

/// The paragraph on matching.
pub(super) fn matching(protocol: &Protocol, section: &MatchingSection) -> String {
    let sentences = [
        Some(pairs(protocol, section)),
        choice(section),
        names(protocol, &section.exact, "Both members of a pair agree on"),
        names(protocol, &section.anti_exact, "The members of a pair differ on"),
        covariate_calipers(protocol, section),
        site(protocol, section),
        discard(section.discard),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn pairs(protocol: &Protocol, section: &MatchingSection) -> String {
    let method = match (section.emulate, section.method) {
        (Some(Emulation::Spss), _) => "random matching as in SPSS",
        (None, MatchMethod::Nearest) => "nearest neighbour",
        (None, MatchMethod::Optimal) => {
            "optimal pairs (the most pairs, the smallest total distance)"
        }
    };
    let covariates = names_of(protocol, &section.covariates);
    let distance = match section.distance {
        MatchDistance::Logit => "the logit of the propensity score".into(),
        MatchDistance::Probability => "the propensity score".into(),
        MatchDistance::Mahalanobis => format!("the Mahalanobis distance of {covariates}"),
        MatchDistance::RobustMahalanobis => {
            format!("the rank-based Mahalanobis distance of {covariates}")
        }
    };
    let caliper = match section.caliper {
        Some(caliper) => format!(
            "within a caliper of {} {} (the limit included)",
            words::plain(caliper.width),
            words::caliper_scale(caliper.scale, section.distance)
        ),
        None => "without a caliper".to_owned(),
    };
    format!("One to one, {method} on {distance}, without replacement, {caliper}.")
}

fn choice(section: &MatchingSection) -> Option<String> {
    let order = words::match_order(section.order);
    let seed = match section.order {
        study::protocol::MatchOrder::Random => format!(" (seed {})", section.seed),
        _ => String::new(),
    };
    match (section.emulate, section.method) {
        (Some(Emulation::Spss), _) => Some(format!(
            "The exposed choose {order}; each takes a random comparator within the caliper, those of \
             the very same score first (seed {}).",
            section.seed
        )),
        (None, MatchMethod::Nearest) => {
            Some(format!("The exposed choose {order}{seed}; ties by id."))
        }
        (None, MatchMethod::Optimal) => None,
    }
}

fn names_of(protocol: &Protocol, columns: &[String]) -> String {
    words::list(&columns.iter().map(|column| label(protocol, column)).collect::<Vec<_>>())
}

fn names(protocol: &Protocol, columns: &[String], what: &str) -> Option<String> {
    (!columns.is_empty()).then(|| format!("{what} {}.", names_of(protocol, columns)))
}

fn covariate_calipers(protocol: &Protocol, section: &MatchingSection) -> Option<String> {
    let limit = |limit: &study::protocol::CovariateCaliperSection| {
        let (name, width) = (label(protocol, &limit.variable), words::plain(limit.width));
        match limit.scale {
            VariableScale::Raw => format!("{name} by at most {width}"),
            VariableScale::Sd => format!("{name} by at most {width} standard deviations"),
        }
    };
    let limits: Vec<String> = section.covariate_calipers.iter().map(limit).collect();
    (!limits.is_empty())
        .then(|| format!("The members of a pair differ in {}.", limits.join(", in ")))
}

fn site(protocol: &Protocol, section: &MatchingSection) -> Option<String> {
    let site = section.site.as_ref()?;
    let name = label(protocol, &site.variable);
    Some(match site.rule {
        SiteRule::Exact => format!("Pairs are formed within {name}."),
        SiteRule::Prefer => format!(
            "A comparator of the same {name} is preferred; one of another is taken where none is left."
        ),
    })
}

fn discard(rule: Discard) -> Option<String> {
    let who = match rule {
        Discard::None => return None,
        Discard::Both => "Patients whose score lies outside the range that both arms share",
        Discard::Comparators => "Comparators whose score lies outside the range of the exposed",
        Discard::Exposed => {
            "Exposed patients whose score lies outside the range of the comparators"
        }
    };
    Some(format!("{who} are set aside before matching."))
}
