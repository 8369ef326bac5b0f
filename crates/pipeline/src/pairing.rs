//! How the arms are made comparable, as the protocol asks for it.

use crate::terms::{LOGIT, PROBABILITY, term};
use cohort::Term;
use matching::{
    Caliper, CaliperScale, Coarsening, CovariateCaliper, Discard, Distance, Estimand, FullOptions,
    MatchOption, MatchOrder, MatchQuery, MatchingError, Method, NearestOptions, OptimalOptions,
    Ratio, Site, SiteRule, SpssOptions, SubclassOptions,
};
use study::protocol::{
    self, CaliperSection, CoarseningRule, CovariateCaliperSection, Emulation, Exposure,
    MatchDistance, MatchEstimand, MatchMethod, MatchRatio, MatchSite, MatchingSection, Protocol,
    VariableKind, VariableScale, Violation, WeightEstimand, WeightMethod, WeightingSection,
};
use weighting::{Entropy, InverseProbability, ScoreScale, Target, Truncation, WeightsQuery};

/// The question for matched sets, on the columns of the scores where there are any.
pub(crate) fn match_query(protocol: &Protocol, section: &MatchingSection) -> MatchQuery {
    let exposure = &protocol.exposure;
    // Classes are cut at quantiles, and one between two patients is another on the logit.
    let on_probability =
        section.distance == MatchDistance::Probability || section.method == MatchMethod::Subclass;
    let score = if on_probability { PROBABILITY } else { LOGIT };
    let estimand = match section.estimand {
        MatchEstimand::Att => Estimand::Att,
        MatchEstimand::Atc => Estimand::Atc,
        MatchEstimand::Ate => Estimand::Ate,
    };
    MatchQuery {
        method: method(section),
        estimand,
        score: protocol.propensity.as_ref().map(|_| score.into()),
        covariates: section.covariates.clone(),
        caliper: section.caliper.map(|limit| caliper(limit, on_probability)),
        covariate_calipers: section.covariate_calipers.iter().map(covariate_caliper).collect(),
        exact: section.exact.clone(),
        anti_exact: section.anti_exact.clone(),
        site: section.site.as_ref().map(site),
        // Who has been set aside before the score was estimated again is not asked about any more.
        discard: if section.reestimate { Discard::None } else { discard(section.discard) },
        ..MatchQuery::nearest(&exposure.column, &exposure.exposed.value, score)
    }
}

/// Who is set aside before the score is estimated again.
pub(crate) fn reestimated_without(protocol: &Protocol) -> Discard {
    let section = protocol.matching.as_ref().filter(|section| section.reestimate);
    section.map_or(Discard::None, |section| discard(section.discard))
}

fn discard(rule: protocol::Discard) -> Discard {
    match rule {
        protocol::Discard::None => Discard::None,
        protocol::Discard::Both => Discard::Both,
        protocol::Discard::Comparators => Discard::Comparators,
        protocol::Discard::Exposed => Discard::Exposed,
    }
}

/// What the service would refuse of the settings of matching, at the key that is at fault.
pub(crate) fn fault(protocol: &Protocol) -> Option<Violation> {
    let section = protocol.matching.as_ref()?;
    let error = matching::check(&match_query(protocol, section)).err()?;
    let key = match &error {
        MatchingError::Option { option: MatchOption::MinSetRatio, .. } => "matching.min_ratio",
        MatchingError::Option { option: MatchOption::MaxSetRatio, .. } => "matching.max_ratio",
        MatchingError::Option { option: MatchOption::OmittedShare, .. } => "matching.omitted_share",
        _ => "matching",
    };
    Some(Violation { path: key.into(), message: error.to_string() })
}

fn method(section: &MatchingSection) -> Method {
    let distance = match section.distance {
        MatchDistance::Logit | MatchDistance::Probability => Distance::Score,
        MatchDistance::Mahalanobis => Distance::Mahalanobis,
        MatchDistance::RobustMahalanobis => Distance::RobustMahalanobis,
    };
    if section.emulate == Some(Emulation::Spss) {
        return Method::Spss(SpssOptions {
            seed: section.seed,
            random_order: section.order == protocol::MatchOrder::Random,
            replacement: section.replacement,
            exact_first: section.exact_first,
        });
    }
    match section.method {
        MatchMethod::Nearest => Method::Nearest(NearestOptions {
            distance,
            order: Some(order(section.order)),
            seed: section.seed,
            ratio: ratio(section.ratio),
            replacement: section.replacement,
        }),
        MatchMethod::Optimal => {
            let ratio = match section.ratio {
                MatchRatio::Fixed(ratio) => ratio,
                MatchRatio::Variable { max, .. } => max,
            };
            Method::Optimal(OptimalOptions { distance, ratio })
        }
        MatchMethod::Full => Method::Full(FullOptions {
            distance,
            min_ratio: section.min_ratio,
            max_ratio: section.max_ratio,
            omitted_share: section.omitted_share,
        }),
        MatchMethod::Subclass => Method::Subclass(SubclassOptions {
            n_subclasses: section.subclasses,
            min_n: section.least_per_arm,
        }),
        MatchMethod::Coarsened => Method::Coarsened(coarsening(section)),
        MatchMethod::Exact => Method::Exact,
    }
}

fn ratio(ratio: MatchRatio) -> Ratio {
    match ratio {
        MatchRatio::Fixed(ratio) => Ratio::Fixed(ratio),
        MatchRatio::Variable { mean, min, max } => Ratio::Variable { mean, min, max },
    }
}

/// One rule per covariate.
fn coarsening(section: &MatchingSection) -> Vec<Coarsening> {
    let rule = |covariate: &String| {
        let own = section.coarsening.iter().find(|own| own.variable == *covariate);
        match own.map(|own| &own.rule) {
            None => Coarsening::Sturges,
            Some(CoarseningRule::Bins(bins)) => Coarsening::Bins(*bins),
            Some(CoarseningRule::Quantiles(bins)) => Coarsening::Quantiles(*bins),
            Some(CoarseningRule::Cuts(cuts)) => Coarsening::Cuts(cuts.clone()),
        }
    };
    section.covariates.iter().map(rule).collect()
}

fn order(order: protocol::MatchOrder) -> MatchOrder {
    match order {
        protocol::MatchOrder::Largest => MatchOrder::Largest,
        protocol::MatchOrder::Smallest => MatchOrder::Smallest,
        protocol::MatchOrder::Closest => MatchOrder::Closest,
        protocol::MatchOrder::Farthest => MatchOrder::Farthest,
        protocol::MatchOrder::Random => MatchOrder::Random,
        protocol::MatchOrder::Data => MatchOrder::Data,
    }
}

fn caliper(limit: CaliperSection, on_probability: bool) -> Caliper {
    let scale = match limit.scale {
        protocol::CaliperScale::SdLogit if on_probability => CaliperScale::LogitStandardDeviations,
        protocol::CaliperScale::SdLogit | protocol::CaliperScale::SdScore => {
            CaliperScale::StandardDeviations
        }
        protocol::CaliperScale::Raw => CaliperScale::Raw,
    };
    Caliper { width: limit.width, scale }
}

fn covariate_caliper(limit: &CovariateCaliperSection) -> CovariateCaliper {
    let scale = match limit.scale {
        VariableScale::Raw => CaliperScale::Raw,
        VariableScale::Sd => CaliperScale::StandardDeviations,
    };
    let caliper = Caliper { width: limit.width, scale };
    CovariateCaliper { column: limit.variable.clone(), caliper }
}

fn site(site: &MatchSite) -> Site {
    let rule = match site.rule {
        protocol::SiteRule::Exact => SiteRule::Exact,
        protocol::SiteRule::Prefer => SiteRule::Prefer,
    };
    Site { column: site.variable.clone(), rule }
}

/// The question for weights.
pub(crate) fn weights_query(protocol: &Protocol, section: &WeightingSection) -> WeightsQuery {
    let Exposure { column, exposed, .. } = &protocol.exposure;
    let method = match section.method {
        WeightMethod::InverseProbability => {
            weighting::WeightMethod::InverseProbability(InverseProbability {
                score: LOGIT.into(),
                scale: ScoreScale::Logit,
                estimand: weight_estimand(section.estimand),
                stabilised: section.stabilised,
            })
        }
        WeightMethod::EntropyBalancing => weighting::WeightMethod::EntropyBalancing(Entropy {
            stabilised: section.stabilised,
            ..Entropy::new(balanced_terms(protocol, section), target(section.estimand))
        }),
    };
    let truncation =
        section.truncate.map(|limits| Truncation { lower: limits.lower, upper: limits.upper });
    WeightsQuery { exposure: column.clone(), exposed: exposed.value.clone(), method, truncation }
}

fn weight_estimand(estimand: WeightEstimand) -> weighting::Estimand {
    match estimand {
        WeightEstimand::Ate => weighting::Estimand::Ate,
        WeightEstimand::Att => weighting::Estimand::Att,
        WeightEstimand::Atc => weighting::Estimand::Atc,
        WeightEstimand::Overlap => weighting::Estimand::Overlap,
        WeightEstimand::Matching => weighting::Estimand::Matching,
    }
}

/// Entropy balancing knows the estimands of a target; the reader has refused the others.
fn target(estimand: WeightEstimand) -> Target {
    match estimand {
        WeightEstimand::Att => Target::Exposed,
        WeightEstimand::Atc => Target::Comparators,
        WeightEstimand::Ate | WeightEstimand::Overlap | WeightEstimand::Matching => {
            Target::Everybody
        }
    }
}

/// The variables and, for two moments, the squares of the numbers among them.
fn balanced_terms(protocol: &Protocol, section: &WeightingSection) -> Vec<Term> {
    let is_number = |name: &&String| {
        protocol.variable(name).is_some_and(|known| known.kind == VariableKind::Continuous)
    };
    let mut terms: Vec<Term> = section.covariates.iter().map(|name| term(protocol, name)).collect();
    if section.moments == 2 {
        let numbers = section.covariates.iter().filter(is_number);
        terms.extend(numbers.map(|name| Term::interaction(Term::linear(name), Term::linear(name))));
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUDY: &str = include_str!("../../../tests/studies/rotterdam/overlap.toml");

    fn read(matching: &str) -> Protocol {
        let design = "[weighting]\nestimand = \"overlap\"";
        let study = STUDY.replace(design, &format!("[matching]\n{matching}"));
        protocol::read(&study.replace("\"weighted\"", "\"matched\"")).expect(matching)
    }

    /// What the reader of a study file accepts, the service answers.
    #[test]
    fn settings_that_are_read_fit_together() {
        let rest = [
            "",
            "estimand = \"atc\"\nratio = 2\ncaliper = { width = 0.2, scale = \"raw\" }",
            "replacement = true\nratio = { mean = 2.5, min = 2, max = 3 }",
            "distance = \"mahalanobis\"\ncovariates = [\"age\"]\ncaliper = { width = 0.2 }",
            "distance = \"probability\"\ncaliper = { width = 0.2 }\norder = \"random\"\nseed = 4",
            "site = { variable = \"grade\", rule = \"prefer\" }\nanti_exact = [\"grade\"]",
            "method = \"optimal\"\nratio = 3\nexact = [\"grade\"]\ndiscard = \"both\"",
            "method = \"full\"\nestimand = \"ate\"\ndistance = \"robust_mahalanobis\"\ncovariates = [\"age\"]",
            "method = \"full\"\nmin_ratio = 0.5\nmax_ratio = 4\nomitted_share = 0.1",
            "discard = \"both\"\nreestimate = true",
            "method = \"subclass\"\nestimand = \"ate\"\nleast_per_arm = 2\ndiscard = \"exposed\"",
            "method = \"coarsened\"\ncovariates = [\"age\", \"grade\"]\ncoarsening.age.quantiles = 4",
            "method = \"coarsened\"\ncovariates = [\"age\"]\nestimand = \"atc\"\nexact = [\"grade\"]",
            "method = \"exact\"\nexact = [\"grade\"]\nestimand = \"ate\"\ndiscard = \"comparators\"",
            "emulate = \"spss\"\ncaliper = { width = 0.1 }\nreplacement = true\nexact_first = false",
            "emulate = \"spss\"\ncaliper = { width = 0.1 }\norder = \"data\"\nexact = [\"grade\"]",
        ];
        for rest in rest {
            let protocol = read(rest);
            let section = protocol.matching.as_ref().expect("it has a section");
            assert_eq!(matching::check(&match_query(&protocol, section)), Ok(()), "{rest}");
        }
        let odd = read("method = \"full\"\nmin_ratio = 1.5");
        assert_eq!(fault(&odd).map(|fault| fault.path), Some("matching.min_ratio".into()));
    }
}
