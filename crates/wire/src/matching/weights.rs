//! Weights that make two arms comparable.

use super::overlap::{overlap_from, overlap_to};
use crate::common::{
    caveats_from, caveats_to, count, count_from, counts_from, enum_conversion, estimate_from,
    estimate_to, required_column, required_name, required_number, term_to, terms_from,
};
use crate::pb::matching as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{Cohort, Selection};
use weighting::{
    ArmWeights, BalancedMean, Entropy, Estimand, InverseProbability, ScoreScale, Target,
    Truncation, WeightMethod, Weights, WeightsQuery,
};

enum_conversion!(
    scale_to,
    scale_from,
    ScoreScale,
    pb::ScoreScale,
    Some(ScoreScale::default()),
    [Probability, Logit]
);

fn estimand_to(estimand: Estimand) -> pb::WeightEstimand {
    match estimand {
        Estimand::Ate => pb::WeightEstimand::Average,
        Estimand::Att => pb::WeightEstimand::Exposed,
        Estimand::Atc => pb::WeightEstimand::Comparators,
        Estimand::Overlap => pb::WeightEstimand::Overlap,
        Estimand::Matching => pb::WeightEstimand::Matching,
    }
}

fn estimand_from(number: i32) -> Option<Estimand> {
    Some(match pb::WeightEstimand::try_from(number).ok()? {
        pb::WeightEstimand::Unspecified | pb::WeightEstimand::Average => Estimand::Ate,
        pb::WeightEstimand::Exposed => Estimand::Att,
        pb::WeightEstimand::Comparators => Estimand::Atc,
        pb::WeightEstimand::Overlap => Estimand::Overlap,
        pb::WeightEstimand::Matching => Estimand::Matching,
    })
}

fn target_to(target: Target) -> pb::WeightEstimand {
    match target {
        Target::Everybody => pb::WeightEstimand::Average,
        Target::Exposed => pb::WeightEstimand::Exposed,
        Target::Comparators => pb::WeightEstimand::Comparators,
    }
}

/// Asks for weights.
#[must_use]
pub fn weights_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &WeightsQuery,
) -> pb::EstimateWeightsRequest {
    let (cohort, selection) = Asked::<()>::written(cohort, selection, query.columns());
    pb::EstimateWeightsRequest { cohort, selection, ..query_to(query) }
}

/// How patients are weighed: a request without patients.
pub(crate) fn query_to(query: &WeightsQuery) -> pb::EstimateWeightsRequest {
    let (score, terms) = match &query.method {
        WeightMethod::InverseProbability(asked) => (asked.score.as_str(), &[][..]),
        WeightMethod::EntropyBalancing(asked) => ("", asked.terms.as_slice()),
    };
    pb::EstimateWeightsRequest {
        cohort: None,
        selection: None,
        exposure_column: query.exposure.clone(),
        exposed_level: query.exposed.clone(),
        score_column: score.into(),
        terms: terms.iter().map(term_to).collect(),
        options: Some(options_to(query)),
    }
}

fn options_to(query: &WeightsQuery) -> pb::WeightOptions {
    let options = match &query.method {
        WeightMethod::InverseProbability(asked) => pb::WeightOptions {
            method: pb::WeightMethod::InverseProbability as i32,
            estimand: estimand_to(asked.estimand) as i32,
            score_scale: scale_to(asked.scale),
            stabilised: asked.stabilised,
            ..pb::WeightOptions::default()
        },
        WeightMethod::EntropyBalancing(asked) => pb::WeightOptions {
            method: pb::WeightMethod::EntropyBalancing as i32,
            estimand: target_to(asked.target) as i32,
            stabilised: asked.stabilised,
            max_iterations: Some(count(asked.max_iterations)),
            ..pb::WeightOptions::default()
        },
    };
    pb::WeightOptions {
        truncation_lower: query.truncation.map(|truncation| truncation.lower),
        truncation_upper: query.truncation.map(|truncation| truncation.upper),
        ..options
    }
}

impl CohortRequest for pb::EstimateWeightsRequest {
    type Query = WeightsQuery;

    fn asked(mut self, cohorts: &dyn Cohorts) -> Result<Asked<WeightsQuery>, Unreadable> {
        let (cohort, selection) = (self.cohort.take(), self.selection.take());
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            query_from(violations, self, None, cohort)
        })
    }
}

/// How patients are weighed, by a column of scores unless a score of some name and scale is at hand.
pub(crate) fn query_from(
    violations: &mut Violations,
    request: pb::EstimateWeightsRequest,
    score: Option<(&str, ScoreScale)>,
    cohort: &Cohort,
) -> Option<WeightsQuery> {
    let pb::EstimateWeightsRequest { score_column, terms, .. } = request;
    let exposure = request.exposure_column;
    let exposure = required_column(violations, "exposure_column", exposure, cohort);
    let exposed = required_name(violations, "exposed_level", request.exposed_level);
    let options = request.options.unwrap_or_default();
    let truncation = truncation_from(violations, &options);
    let method = match pb::WeightMethod::try_from(options.method) {
        Ok(pb::WeightMethod::EntropyBalancing) => {
            if !score_column.is_empty() {
                violations.add("score_column", "belongs to INVERSE_PROBABILITY");
            }
            if terms.is_empty() {
                violations.add("terms", "are required");
            }
            let terms = terms_from(violations, "terms", terms, cohort);
            entropy_from(violations, terms, &options).map(WeightMethod::EntropyBalancing)
        }
        Ok(_) => {
            if !terms.is_empty() {
                violations.add("terms", "belong to ENTROPY_BALANCING");
            }
            let score = match score {
                Some((score, scale)) => Some((score.to_owned(), scale)),
                None => column_from(violations, score_column, &options, cohort),
            };
            let asked = by_score_from(violations, score, &options);
            asked.map(WeightMethod::InverseProbability)
        }
        Err(_) => violations.require_known("options.method", None),
    };
    Some(WeightsQuery {
        exposure: exposure?,
        exposed: exposed?,
        method: method?,
        truncation: truncation?,
    })
}

/// A column of scores and what it holds.
fn column_from(
    violations: &mut Violations,
    score: String,
    options: &pb::WeightOptions,
    cohort: &Cohort,
) -> Option<(String, ScoreScale)> {
    let score = required_number(violations, "score_column", score, cohort);
    let scale = scale_from(options.score_scale);
    let scale = violations.require_known("options.score_scale", scale);
    score.zip(scale)
}

fn by_score_from(
    violations: &mut Violations,
    score: Option<(String, ScoreScale)>,
    options: &pb::WeightOptions,
) -> Option<InverseProbability> {
    let estimand = estimand_from(options.estimand);
    let estimand = violations.require_known("options.estimand", estimand);
    if options.max_iterations.is_some() {
        violations.add("options.max_iterations", "belongs to ENTROPY_BALANCING");
    }
    let stabilised = options.stabilised;
    let (score, scale) = score?;
    Some(InverseProbability { score, scale, estimand: estimand?, stabilised })
}

fn entropy_from(
    violations: &mut Violations,
    terms: Option<Vec<cohort::Term>>,
    options: &pb::WeightOptions,
) -> Option<Entropy> {
    if options.score_scale != pb::ScoreScale::Unspecified as i32 {
        violations.add("options.score_scale", "belongs to INVERSE_PROBABILITY");
    }
    let target = match violations.require_known("options.estimand", estimand_from(options.estimand))
    {
        Some(Estimand::Ate) => Some(Target::Everybody),
        Some(Estimand::Att) => Some(Target::Exposed),
        Some(Estimand::Atc) => Some(Target::Comparators),
        Some(Estimand::Overlap | Estimand::Matching) => {
            violations.add("options.estimand", "belongs to INVERSE_PROBABILITY");
            None
        }
        None => None,
    };
    let max_iterations = match options.max_iterations {
        None => Some(Entropy::MAX_ITERATIONS),
        Some(number) => {
            let number = usize::try_from(number).ok().filter(|&number| number > 0);
            violations.check("options.max_iterations", number.ok_or("must be at least 1"))
        }
    };
    Some(Entropy {
        terms: terms?,
        target: target?,
        stabilised: options.stabilised,
        max_iterations: max_iterations?,
    })
}

/// What cuts nothing at either end is no truncation.
fn truncation_from(
    violations: &mut Violations,
    options: &pb::WeightOptions,
) -> Option<Option<Truncation>> {
    let (lower, upper) = (options.truncation_lower, options.truncation_upper);
    if lower.is_none() && upper.is_none() {
        return Some(None);
    }
    let (lower, upper) = (lower.unwrap_or(0.0), upper.unwrap_or(1.0));
    let mut check = |field, number: f64| {
        let is_share = (0.0..=1.0).contains(&number);
        violations.check(field, is_share.then_some(number).ok_or("must lie between 0 and 1"))
    };
    let lower = check("options.truncation_lower", lower);
    let (lower, upper) = (lower, check("options.truncation_upper", upper)?);
    if lower? >= upper {
        violations.add("options.truncation_lower", "must be below truncation_upper");
    }
    Some(Some(Truncation { lower: lower?, upper }))
}

/// Answers with weights by the rows of the caller, and the options in force.
#[must_use]
pub fn weights_response(
    weights: Weights,
    asked: &Asked<WeightsQuery>,
) -> pb::EstimateWeightsResponse {
    let rows = weights.rows.iter().map(|&row| count(asked.cohort.caller_row(row)));
    pb::EstimateWeightsResponse {
        rows: rows.collect(),
        weights: weights.weights,
        exposed: Some(arm_to(&weights.exposed)),
        comparator: Some(arm_to(&weights.comparators)),
        lower_limit: weights.limits.map(|[lower, _]| lower),
        upper_limit: weights.limits.map(|[_, upper]| upper),
        truncated_count: count(weights.n_truncated),
        overlap: weights.overlap.as_ref().map(overlap_to),
        means: weights.means.into_iter().map(mean_to).collect(),
        caveats: caveats_to(weights.caveats),
        options: Some(options_to(&asked.query)),
    }
}

fn arm_to(arm: &ArmWeights) -> pb::ArmWeights {
    pb::ArmWeights {
        patient_count: count(arm.n),
        sum: arm.sum,
        minimum: arm.minimum,
        maximum: arm.maximum,
        effective_sample_size: arm.effective_sample_size,
        coefficient_of_variation: Some(estimate_to(arm.coefficient_of_variation)),
    }
}

fn mean_to(mean: BalancedMean) -> pb::BalancedMean {
    pb::BalancedMean {
        column: mean.name,
        target: mean.target,
        exposed_mean: mean.exposed,
        comparator_mean: mean.comparators,
    }
}

impl TryFrom<pb::EstimateWeightsResponse> for Weights {
    type Error = Malformed;

    /// Reads weights in the order of the rows that were asked for, as a sender of rows in id order
    /// gets them back.
    fn try_from(response: pb::EstimateWeightsResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let weights = weights_from(&mut violations, response);
        violations.finish(weights)
    }
}

fn weights_from(
    violations: &mut Violations,
    response: pb::EstimateWeightsResponse,
) -> Option<Weights> {
    if response.rows.len() != response.weights.len() {
        violations.add("weights", "has not as many entries as rows");
    }
    let limits = response.lower_limit.zip(response.upper_limit);
    let overlap = match response.overlap {
        Some(overlap) => Some(overlap_from(violations, "overlap", overlap)?),
        None => None,
    };
    let mean_from = |mean: pb::BalancedMean| BalancedMean {
        name: mean.column,
        target: mean.target,
        exposed: mean.exposed_mean,
        comparators: mean.comparator_mean,
    };
    Some(Weights {
        rows: counts_from(violations, "rows", response.rows)?,
        weights: response.weights,
        exposed: arm_from(violations, "exposed", response.exposed)?,
        comparators: arm_from(violations, "comparator", response.comparator)?,
        limits: limits.map(<[f64; 2]>::from),
        n_truncated: count_from(violations, "truncated_count", response.truncated_count)?,
        overlap,
        means: response.means.into_iter().map(mean_from).collect(),
        caveats: caveats_from(violations, "caveats", response.caveats),
    })
}

fn arm_from(
    violations: &mut Violations,
    path: &str,
    arm: Option<pb::ArmWeights>,
) -> Option<ArmWeights> {
    let arm = violations.require(path, arm)?;
    Some(ArmWeights {
        n: count_from(violations, &format!("{path}.patient_count"), arm.patient_count)?,
        sum: arm.sum,
        minimum: arm.minimum,
        maximum: arm.maximum,
        effective_sample_size: arm.effective_sample_size,
        coefficient_of_variation: estimate_from(arm.coefficient_of_variation),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Column, Term};

    fn cohort() -> Cohort {
        let column = |name: &str| Column::numeric(name, vec![0.0, 0.25, 0.5, 1.0]);
        Cohort::new(None, vec![column("t"), column("score"), column("age")]).unwrap()
    }

    fn query(method: WeightMethod) -> WeightsQuery {
        let truncation = Some(Truncation { lower: 0.0, upper: 0.99 });
        WeightsQuery { exposure: "t".into(), exposed: "1".into(), method, truncation }
    }

    #[test]
    fn questions_come_back() {
        let cohort = cohort();
        let score = |estimand| {
            query(WeightMethod::InverseProbability(InverseProbability {
                score: "score".into(),
                scale: ScoreScale::Logit,
                estimand,
                stabilised: true,
            }))
        };
        let entropy = |target| {
            let asked = Entropy::new(vec![Term::linear("age")], target);
            query(WeightMethod::EntropyBalancing(asked))
        };
        use Estimand::{Atc, Ate, Att, Matching, Overlap};
        let queries = [Ate, Att, Atc, Overlap, Matching]
            .map(score)
            .into_iter()
            .chain([Target::Everybody, Target::Exposed, Target::Comparators].map(entropy));
        for query in queries {
            let request = weights_request(&cohort, &Selection::all(&cohort), &query);
            let asked = request.asked(&()).unwrap();
            assert_eq!(asked.query, query);
        }
    }
}
