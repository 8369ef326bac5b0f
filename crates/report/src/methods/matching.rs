//! How pairs were formed, in words.

use super::label;
use crate::words;
use study::protocol::{
    CoarseningRule, Discard, Emulation, MatchDistance, MatchEstimand, MatchMethod, MatchOrder,
    MatchRatio, MatchingSection, Protocol, SiteRule, VariableKind, VariableScale,
};

/// The paragraph on matching.
pub(super) fn matching(protocol: &Protocol, section: &MatchingSection) -> String {
    let agree = match section.is_one_to_one() {
        true => "Both members of a pair agree on",
        false => "All members of a set agree on",
    };
    let sentences = [
        Some(sets(protocol, section)),
        choice(section),
        names(protocol, &section.exact, agree),
        names(protocol, &section.anti_exact, "The members of a pair differ on"),
        covariate_calipers(protocol, section),
        site(protocol, section),
        discard(section),
        estimand(section.estimand),
        weights(section),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn sets(protocol: &Protocol, section: &MatchingSection) -> String {
    match (section.emulate, section.method) {
        (Some(Emulation::Spss), _) => pairs(protocol, section, "random matching as in SPSS"),
        (None, MatchMethod::Nearest) => pairs(protocol, section, "nearest neighbour"),
        (None, MatchMethod::Optimal) => {
            let method = "optimal matching (the most pairs, the smallest total distance)";
            pairs(protocol, section, method)
        }
        (None, MatchMethod::Full) => format!(
            "Full matching on {}, {}: sets of one and many for everybody with an allowed partner{}, \
             with the smallest total distance{}.",
            distance(protocol, section),
            caliper(section),
            match section.omitted_share {
                0.0 => String::new(),
                share => format!(" but a share of {} of the partners", words::plain(share)),
            },
            set_bounds(section)
        ),
        (None, MatchMethod::Subclass) => format!(
            "{} classes of similar propensity score, cut at its quantiles {}; at least {} of each arm \
             in each.",
            section.subclasses,
            match section.estimand {
                MatchEstimand::Att => "in the exposed",
                MatchEstimand::Atc => "in the comparators",
                MatchEstimand::Ate => "in all patients",
            },
            section.least_per_arm
        ),
        (None, MatchMethod::Coarsened) => coarsened(protocol, section),
        (None, MatchMethod::Exact) => "Exact matching: classes of equal values.".into(),
    }
}

fn pairs(protocol: &Protocol, section: &MatchingSection, method: &str) -> String {
    let ratio = match section.ratio {
        MatchRatio::Fixed(1) => "One to one".to_owned(),
        MatchRatio::Fixed(ratio) => format!("One to {ratio}"),
        MatchRatio::Variable { mean, min, max } => {
            format!("One to {min} up to {max}, {} on average", words::plain(mean))
        }
    };
    let ratio = words::marked(ratio, section.ratio == MatchRatio::Fixed(1));
    let replacement = if section.replacement { "with" } else { "without" };
    let replacement = words::marked(format!("{replacement} replacement"), !section.replacement);
    format!(
        "{ratio}, {method} on {}, {replacement}, {}.",
        distance(protocol, section),
        caliper(section)
    )
}

fn distance(protocol: &Protocol, section: &MatchingSection) -> String {
    let covariates = names_of(protocol, &section.covariates);
    match section.distance {
        MatchDistance::Logit => words::marked("the logit of the propensity score", true),
        MatchDistance::Probability => "the propensity score".into(),
        MatchDistance::Mahalanobis => format!("the Mahalanobis distance of {covariates}"),
        MatchDistance::RobustMahalanobis => {
            format!("the rank-based Mahalanobis distance of {covariates}")
        }
    }
}

/// Partners per focal patient in a set of full matching.
fn set_bounds(section: &MatchingSection) -> String {
    let least = Some(section.min_ratio).filter(|ratio| *ratio > 0.0);
    let bound = |what: &str, ratio: f64| format!("at {what} {}", words::plain(ratio));
    let bounds = [
        least.map(|ratio| bound("least", ratio)),
        section.max_ratio.map(|ratio| bound("most", ratio)),
    ];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    match bounds.as_slice() {
        [] => String::new(),
        bounds => format!("; {} partners to each", words::list(bounds)),
    }
}

fn caliper(section: &MatchingSection) -> String {
    match section.caliper {
        Some(caliper) => format!(
            "within a caliper of {} {} (the limit included)",
            words::plain(caliper.width),
            words::caliper_scale(caliper.scale, section.distance)
        ),
        None => "without a caliper".to_owned(),
    }
}

fn coarsened(protocol: &Protocol, section: &MatchingSection) -> String {
    let one = |covariate: &String| {
        let name = label(protocol, covariate);
        let own = section.coarsening.iter().find(|own| own.variable == *covariate);
        let is_number = protocol
            .variable(covariate)
            .is_some_and(|known| known.kind == VariableKind::Continuous);
        match own.map(|own| &own.rule) {
            None if !is_number => name,
            None => format!("{name} in bins of equal width (Sturges)"),
            Some(CoarseningRule::Bins(bins)) => format!("{name} in {bins} bins of equal width"),
            Some(CoarseningRule::Quantiles(bins)) => {
                format!("{name} in {bins} bins between quantiles")
            }
            Some(CoarseningRule::Cuts(cuts)) => {
                let cuts: Vec<String> = cuts.iter().map(|cut| words::plain(*cut)).collect();
                format!("{name} cut at {}", words::list(&cuts))
            }
        }
    };
    let covariates: Vec<String> = section.covariates.iter().map(one).collect();
    format!("Coarsened exact matching: classes of equal {}.", words::list(&covariates))
}

fn choice(section: &MatchingSection) -> Option<String> {
    let default = match section.estimand {
        MatchEstimand::Atc => MatchOrder::Smallest,
        MatchEstimand::Att | MatchEstimand::Ate => MatchOrder::Largest,
    };
    let order = words::match_order(section.order);
    let order = words::marked(order, section.emulate.is_none() && section.order == default);
    let seed = match section.order {
        MatchOrder::Random => format!(" (seed {})", section.seed),
        _ => String::new(),
    };
    let focal = match section.estimand {
        MatchEstimand::Atc => "comparators",
        MatchEstimand::Att | MatchEstimand::Ate => "exposed",
    };
    match (section.emulate, section.method) {
        (Some(Emulation::Spss), _) => Some(format!(
            "The {focal} choose {order}; each takes a random partner within the caliper{} (seed {}).",
            if section.exact_first { ", those of the very same score first" } else { "" },
            section.seed
        )),
        (None, MatchMethod::Nearest) if section.replacement => {
            Some(format!("The {focal} take their nearest partners; ties by id."))
        }
        (None, MatchMethod::Nearest) => {
            Some(format!("The {focal} choose {order}{seed}; ties by id."))
        }
        (None, _) => None,
    }
}

fn estimand(estimand: MatchEstimand) -> Option<String> {
    match estimand {
        MatchEstimand::Att => None,
        MatchEstimand::Atc => Some("The effect is that in the comparators (ATC).".into()),
        MatchEstimand::Ate => Some("The effect is that in all patients (ATE).".into()),
    }
}

/// What weights patients have, and what is taken as independent.
fn weights(section: &MatchingSection) -> Option<String> {
    if section.is_one_to_one() {
        return None;
    }
    let variance = if section.replacement {
        "Variances are robust with one cluster per patient, so that who is taken again counts once; \
         that pairs belong together is not part of them"
    } else if section.forms_classes() {
        "Variances are robust with one cluster per patient, since classes are too few to be clusters"
    } else {
        "Variances are robust with the matched sets as clusters"
    };
    Some(format!(
        "Patients have the weights of their sets, scaled so that those of an arm add up to its \
         patients; patients without a weight are left out. {variance}."
    ))
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
        SiteRule::Exact => format!("Sets are formed within {name}."),
        SiteRule::Prefer => format!(
            "A comparator of the same {name} is preferred; one of another is taken where none is left."
        ),
    })
}

fn discard(section: &MatchingSection) -> Option<String> {
    let again = match section.reestimate {
        true => ", and the score is estimated again without them",
        false => "",
    };
    let who = match section.discard {
        Discard::None => return None,
        Discard::Both => "Patients whose score lies outside the range that both arms share",
        Discard::Comparators => "Comparators whose score lies outside the range of the exposed",
        Discard::Exposed => {
            "Exposed patients whose score lies outside the range of the comparators"
        }
    };
    Some(format!("{who} are set aside before matching{again}."))
}
