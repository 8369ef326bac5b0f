//! How pairs are formed, as the protocol asks for it.

use crate::terms::{LOGIT, PROBABILITY};
use matching::{
    Caliper, CaliperScale, CovariateCaliper, Discard, Distance, MatchOrder, MatchQuery, Method,
    NearestOptions, OptimalOptions, Site, SiteRule, SpssOptions,
};
use study::protocol::{
    self, CaliperSection, CovariateCaliperSection, Emulation, Exposure, MatchDistance, MatchMethod,
    MatchSite, MatchingSection, VariableScale,
};

/// The question for pairs, on the columns of the scores.
pub(crate) fn match_query(exposure: &Exposure, section: &MatchingSection) -> MatchQuery {
    let on_probability = section.distance == MatchDistance::Probability;
    let score = if on_probability { PROBABILITY } else { LOGIT };
    let discard = match section.discard {
        protocol::Discard::None => Discard::None,
        protocol::Discard::Both => Discard::Both,
        protocol::Discard::Comparators => Discard::Comparators,
        protocol::Discard::Exposed => Discard::Exposed,
    };
    MatchQuery {
        method: method(section),
        covariates: section.covariates.clone(),
        caliper: section.caliper.map(|limit| caliper(limit, on_probability)),
        covariate_calipers: section.covariate_calipers.iter().map(covariate_caliper).collect(),
        exact: section.exact.clone(),
        anti_exact: section.anti_exact.clone(),
        site: section.site.as_ref().map(site),
        discard,
        ..MatchQuery::nearest(&exposure.column, &exposure.exposed.value, score)
    }
}

fn method(section: &MatchingSection) -> Method {
    let distance = match section.distance {
        MatchDistance::Logit | MatchDistance::Probability => Distance::Score,
        MatchDistance::Mahalanobis => Distance::Mahalanobis,
        MatchDistance::RobustMahalanobis => Distance::RobustMahalanobis,
    };
    match (section.emulate, section.method) {
        (Some(Emulation::Spss), _) => Method::Spss(SpssOptions {
            seed: section.seed,
            random_order: section.order == protocol::MatchOrder::Random,
            ..SpssOptions::default()
        }),
        (None, MatchMethod::Nearest) => Method::Nearest(NearestOptions {
            distance,
            order: Some(order(section.order)),
            seed: section.seed,
            ..NearestOptions::default()
        }),
        (None, MatchMethod::Optimal) => {
            Method::Optimal(OptimalOptions { distance, ..OptimalOptions::default() })
        }
    }
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
