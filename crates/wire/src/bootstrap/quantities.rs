//! What is computed of each replicate, and what is done again before.

use crate::common::{
    endpoint_columns, endpoint_from, endpoint_to, optional_column, optional_number,
    required_column, required_name, selection_from, selection_to,
};
use crate::matching::{
    PropensityQuestion, match_query_from, match_query_to, propensity_from, propensity_to,
    scale_from, scale_to, variable_to, variables_from, weights_query_from, weights_query_to,
};
use crate::pb::{bootstrap as pb, matching, regression};
use crate::regression::{logistic_columns, model_columns, model_from, model_to};
use crate::violation::Violations;
use ::bootstrap::{Plan, Resampling};
use ::matching::MatchQuery;
use balance::SmdQuery;
use cohort::{Cohort, Selection};
use cox::CoxQuery;
use pipeline::{BootstrapQuery, DesignQuery, RedesignQuery, Scope, ScoreQuery};
use survival::{Measure, SurvivalQuantity, SurvivalStatisticQuery};
use weighting::{ScoreScale, WeightsQuery};

/// Name of the score of a replicate, which no cohort holds.
pub(super) const SCORE: &str = "score";

/// The columns that quantities and scope read.
pub(super) fn quantities_columns(query: &BootstrapQuery) -> impl Iterator<Item = &str> {
    let survival = query
        .survival
        .iter()
        .flat_map(|survival| endpoint_columns(&survival.endpoint).chain(survival.group.as_deref()));
    let smd = query.smd.iter().flat_map(|smd| {
        let variables = smd.variables.iter().map(|variable| variable.column());
        variables.chain([smd.exposure.as_str()])
    });
    let redesign = match &query.scope {
        Scope::Outcome => None,
        Scope::Pipeline(redesign) => Some(redesign),
    };
    let score = redesign.and_then(|redesign| redesign.score.as_ref());
    let score = score.into_iter().flat_map(|score| logistic_columns(&score.model));
    let design = redesign.into_iter().flat_map(|redesign| redesign.design.columns());
    survival
        .chain(query.cox.iter().flat_map(model_columns))
        .chain(smd)
        .chain(query.weights.as_deref())
        .chain(score)
        .chain(design)
}

pub(super) fn quantities_to(query: &BootstrapQuery) -> pb::BootstrapQuantities {
    pb::BootstrapQuantities {
        survival: query.survival.as_ref().map(survival_to),
        cox: query.cox.iter().map(model_to).collect(),
        smd: query.smd.as_ref().map(|smd| smd_to(smd, query.smd_reference.as_ref())),
        weight_column: query.weights.clone().unwrap_or_default(),
        pipeline: match &query.scope {
            Scope::Outcome => None,
            Scope::Pipeline(redesign) => Some(pipeline_to(redesign)),
        },
    }
}

/// A bootstrap whose plan is still to be filled in.
pub(super) fn quantities_from(
    violations: &mut Violations,
    quantities: pb::BootstrapQuantities,
    cohort: &Cohort,
) -> Option<BootstrapQuery> {
    is_something(violations, &quantities);
    if quantities.pipeline.is_some() {
        fits_pipeline(violations, &quantities);
    }
    let pb::BootstrapQuantities { survival, cox, smd, weight_column, pipeline } = quantities;
    let weights = optional_number(violations, "quantities.weight_column", weight_column, cohort);
    let survival = survival.map(|survival| survival_from(violations, survival, cohort));
    let cox = models_from(violations, cox, cohort);
    let smd = smd.map(|smd| smd_from(violations, smd, cohort));
    let scope = match pipeline {
        None => Some(Scope::Outcome),
        Some(pipeline) => violations
            .within(("", "quantities.pipeline."), |violations| {
                pipeline_from(violations, pipeline, cohort)
            })
            .map(|redesign| Scope::Pipeline(Box::new(redesign))),
    };
    let (smd, smd_reference) = smd.map_or(Some(None), |smd| smd.map(Some))?.unzip();
    let plan = Plan::new(0, 1, Resampling::default()).ok()?;
    let query = BootstrapQuery {
        survival: survival.map_or(Some(None), |survival| survival.map(Some))?,
        cox: cox?,
        smd,
        smd_reference: smd_reference.flatten(),
        weights,
        scope: scope?,
        ..BootstrapQuery::new(plan)
    };
    log_rank_fits(violations, &query);
    Some(query)
}

/// The log-rank test knows no weights.
fn log_rank_fits(violations: &mut Violations, query: &BootstrapQuery) {
    let has_weights = match &query.scope {
        Scope::Outcome => query.weights.is_some(),
        Scope::Pipeline(redesign) => redesign.design.has_weights(),
    };
    let asked = query.survival.iter().flat_map(|survival| survival.quantities.iter().enumerate());
    for (at, _) in asked.filter(|(_, quantity)| **quantity == SurvivalQuantity::LogRank) {
        if has_weights {
            let path = format!("quantities.survival.quantities[{at}].measure");
            violations.add(path, "LOG_RANK knows no weights");
        }
    }
}

fn is_something(violations: &mut Violations, quantities: &pb::BootstrapQuantities) {
    let pb::BootstrapQuantities { survival, cox, smd, pipeline, .. } = quantities;
    if survival.is_none() && cox.is_empty() && smd.is_none() && pipeline.is_none() {
        violations.add("quantities", "asks for nothing: set survival, cox, smd or pipeline");
    }
}

/// Scope pipeline has the weights of its own design, and the units of its own patients.
fn fits_pipeline(violations: &mut Violations, quantities: &pb::BootstrapQuantities) {
    let own_weights = "stays empty: patients have the weights of their design";
    if !quantities.weight_column.is_empty() {
        violations.add("quantities.weight_column", own_weights);
    }
    for (at, model) in quantities.cox.iter().enumerate() {
        if model.case_weights.is_some() {
            violations.add(format!("quantities.cox[{at}].case_weights"), own_weights);
        }
    }
    if quantities.smd.as_ref().is_some_and(|smd| smd.reference_selection.is_some()) {
        let message = "stays empty: the units are those of all patients of the replicate";
        violations.add("quantities.smd.reference_selection", message);
    }
}

fn models_from(
    violations: &mut Violations,
    models: Vec<regression::CoxModel>,
    cohort: &Cohort,
) -> Option<Vec<CoxQuery>> {
    let mut read = Vec::with_capacity(models.len());
    for (at, model) in models.into_iter().enumerate() {
        let outer = format!("quantities.cox[{at}]");
        read.push(
            violations.within(("model", &outer), |violations| {
                model_from(violations, Some(model), cohort)
            }),
        );
    }
    read.into_iter().collect()
}

fn smd_to(smd: &SmdQuery, reference: Option<&Selection>) -> pb::SmdQuantities {
    pb::SmdQuantities {
        exposure_column: smd.exposure.clone(),
        exposed_level: smd.exposed.clone(),
        variables: smd.variables.iter().map(variable_to).collect(),
        reference_selection: reference.map(selection_to),
    }
}

fn smd_from(
    violations: &mut Violations,
    smd: pb::SmdQuantities,
    cohort: &Cohort,
) -> Option<(SmdQuery, Option<Selection>)> {
    violations.within(("", "quantities.smd."), |violations| {
        let exposure = required_column(violations, "exposure_column", smd.exposure_column, cohort);
        let exposed = required_name(violations, "exposed_level", smd.exposed_level);
        if smd.variables.is_empty() {
            violations.add("variables", "has no entry: ask for at least one");
        }
        let variables = variables_from(violations, smd.variables, cohort);
        let reference = match smd.reference_selection {
            None => Some(None),
            rows => selection_from(violations, "reference_selection", rows, cohort).map(Some),
        };
        Some((SmdQuery { exposure: exposure?, exposed: exposed?, variables }, reference?))
    })
}

fn pipeline_to(redesign: &RedesignQuery) -> pb::Pipeline {
    let score = redesign.score.as_ref();
    let (matching, weighting) = match &redesign.design {
        DesignQuery::Matching(query) => (Some(match_query_to(query)), None),
        DesignQuery::Weighting(query) => (None, Some(weighting_to(query))),
    };
    pb::Pipeline {
        propensity: score.map(|score| propensity_to(&score.model, score.discard)),
        score_scale: score.map_or(0, |score| scale_to(score.scale)),
        matching,
        weighting,
    }
}

/// How patients are weighed, without the score, which is that of the replicate.
fn weighting_to(query: &WeightsQuery) -> matching::EstimateWeightsRequest {
    let mut request = weights_query_to(query);
    request.score_column.clear();
    if let Some(options) = &mut request.options {
        options.score_scale = matching::ScoreScale::Unspecified as i32;
    }
    request
}

fn pipeline_from(
    violations: &mut Violations,
    pipeline: pb::Pipeline,
    cohort: &Cohort,
) -> Option<RedesignQuery> {
    let scale = violations.require_known("score_scale", scale_from(pipeline.score_scale));
    let has_score = pipeline.propensity.is_some();
    let question = pipeline.propensity.map(|propensity| {
        violations
            .within(("", "propensity."), |violations| score_from(violations, propensity, cohort))
    });
    let design = match (pipeline.matching, pipeline.weighting) {
        (Some(_), Some(_)) => {
            violations.add("weighting", "stays empty with `matching`: there is one design");
            None
        }
        (matching, None) => {
            let matching = violations.require("matching", matching)?;
            let query = violations.within(("", "matching."), |violations| {
                matching_from(violations, matching, has_score, cohort)
            });
            query.map(DesignQuery::Matching)
        }
        (None, Some(weighting)) => {
            fits_weights(violations, has_score, &weighting);
            let query = violations.within(("", "weighting."), |violations| {
                weighting_from(violations, weighting, scale.unwrap_or_default(), cohort)
            });
            query.map(DesignQuery::Weighting)
        }
    };
    let score = match question {
        None => None,
        Some(question) => {
            let (PropensityQuestion { model, discard }, scale) = (question?, scale?);
            Some(ScoreQuery { model, discard, scale })
        }
    };
    Some(RedesignQuery { score, design: design? })
}

fn matching_from(
    violations: &mut Violations,
    matching: matching::MatchPairsRequest,
    has_score: bool,
    cohort: &Cohort,
) -> Option<MatchQuery> {
    refuse_patients(violations, matching.cohort.is_some(), matching.selection.is_some());
    if !matching.distance_column.is_empty() {
        violations.add("distance_column", OF_REPLICATE);
    }
    let score = has_score.then(|| SCORE.to_string());
    match_query_from(violations, matching, score, cohort)
}

/// Weights by a score need its model, others have none.
fn fits_weights(
    violations: &mut Violations,
    has_score: bool,
    weighting: &matching::EstimateWeightsRequest,
) {
    let method = weighting.options.as_ref().map_or(0, |options| options.method);
    match (method == matching::WeightMethod::EntropyBalancing as i32, has_score) {
        (true, true) => violations.add("propensity", "belongs to INVERSE_PROBABILITY"),
        (false, false) => violations.add("propensity", "is required of INVERSE_PROBABILITY"),
        _ => {}
    }
}

fn weighting_from(
    violations: &mut Violations,
    weighting: matching::EstimateWeightsRequest,
    scale: ScoreScale,
    cohort: &Cohort,
) -> Option<WeightsQuery> {
    refuse_patients(violations, weighting.cohort.is_some(), weighting.selection.is_some());
    if !weighting.score_column.is_empty() {
        violations.add("score_column", OF_REPLICATE);
    }
    let options = weighting.options.as_ref();
    if options.is_some_and(|options| options.score_scale != 0) {
        violations.add("options.score_scale", "stays empty: set that of `pipeline`");
    }
    weights_query_from(violations, weighting, Some((SCORE, scale)), cohort)
}

/// Why a score has no column.
const OF_REPLICATE: &str = "stays empty: the score is that of the replicate";

fn score_from(
    violations: &mut Violations,
    propensity: matching::EstimatePropensityRequest,
    cohort: &Cohort,
) -> Option<PropensityQuestion> {
    refuse_patients(violations, propensity.cohort.is_some(), propensity.selection.is_some());
    if propensity.model.as_ref().is_some_and(|model| model.case_weights.is_some()) {
        let message = "stays empty: patients count as often as they are drawn";
        violations.add("model.case_weights", message);
    }
    propensity_from(violations, propensity.model, propensity.discard, cohort)
}

/// Patients are those of the request.
fn refuse_patients(violations: &mut Violations, has_cohort: bool, has_selection: bool) {
    for (field, is_there) in [("cohort", has_cohort), ("selection", has_selection)] {
        if is_there {
            violations.add(field, "stays empty: patients are those of the request");
        }
    }
}

fn survival_from(
    violations: &mut Violations,
    survival: pb::SurvivalQuantities,
    cohort: &Cohort,
) -> Option<SurvivalStatisticQuery> {
    violations.within(("", "quantities.survival."), |violations| {
        let endpoint = endpoint_from(violations, survival.endpoint, cohort);
        if survival.quantities.is_empty() {
            violations.add("quantities", "has no entry: ask for at least one");
        }
        let has_groups = !survival.group_column.is_empty();
        let group = optional_column(violations, "group_column", survival.group_column, cohort);
        let quantities: Vec<Option<SurvivalQuantity>> = (survival.quantities.into_iter())
            .enumerate()
            .map(|(at, quantity)| {
                let outer = format!("quantities[{at}].");
                violations.within(("", &outer), |violations| {
                    quantity_from(violations, quantity, has_groups)
                })
            })
            .collect();
        Some(SurvivalStatisticQuery {
            endpoint: endpoint?,
            group,
            quantities: quantities.into_iter().collect::<Option<_>>()?,
        })
    })
}

fn survival_to(query: &SurvivalStatisticQuery) -> pb::SurvivalQuantities {
    pb::SurvivalQuantities {
        endpoint: Some(endpoint_to(&query.endpoint)),
        group_column: query.group.clone().unwrap_or_default(),
        quantities: query.quantities.iter().map(quantity_to).collect(),
    }
}

fn quantity_to(quantity: &SurvivalQuantity) -> pb::SurvivalQuantity {
    let (measure, group, reference) = match quantity {
        SurvivalQuantity::Of { measure, group } => (measure, group.clone(), None),
        SurvivalQuantity::Difference { measure, group, reference } => {
            (measure, Some(group.clone()), Some(reference.clone()))
        }
        SurvivalQuantity::LogRank => {
            let measure = pb::SurvivalMeasure::LogRank.into();
            return pb::SurvivalQuantity { measure, ..pb::SurvivalQuantity::default() };
        }
    };
    let (measure, at) = match *measure {
        Measure::Quantile { probability } => (pb::SurvivalMeasure::Quantile, probability),
        Measure::SurvivalAt { time } => (pb::SurvivalMeasure::SurvivalAt, time),
        Measure::RestrictedMean { tau } => (pb::SurvivalMeasure::RestrictedMean, tau),
    };
    pb::SurvivalQuantity { measure: measure.into(), at: Some(at), group, reference }
}

fn quantity_from(
    violations: &mut Violations,
    quantity: pb::SurvivalQuantity,
    has_groups: bool,
) -> Option<SurvivalQuantity> {
    let at = |violations: &mut Violations, measure: fn(f64) -> Measure| {
        let measure = measure(violations.require("at", quantity.at)?);
        violations.check("at", measure.check().map(|()| measure))
    };
    let measure = match pb::SurvivalMeasure::try_from(quantity.measure) {
        Ok(pb::SurvivalMeasure::Quantile) => {
            at(violations, |probability| Measure::Quantile { probability })?
        }
        Ok(pb::SurvivalMeasure::SurvivalAt) => at(violations, |time| Measure::SurvivalAt { time })?,
        Ok(pb::SurvivalMeasure::RestrictedMean) => {
            at(violations, |tau| Measure::RestrictedMean { tau })?
        }
        Ok(pb::SurvivalMeasure::LogRank) => {
            if quantity.at.is_some() || quantity.group.is_some() || quantity.reference.is_some() {
                violations
                    .add("measure", "LOG_RANK compares all groups: leave out the other fields");
            }
            if !has_groups {
                violations.add("measure", "LOG_RANK needs group_column");
            }
            return Some(SurvivalQuantity::LogRank);
        }
        Ok(pb::SurvivalMeasure::Unspecified) => {
            violations.add("measure", "is required");
            return None;
        }
        Err(_) => {
            violations.add("measure", "is no value of this enum");
            return None;
        }
    };
    if quantity.group.is_some() != has_groups {
        let what = if has_groups { "is required" } else { "needs group_column" };
        violations.add("group", what);
    }
    match (quantity.group, quantity.reference) {
        (Some(group), Some(reference)) => {
            Some(SurvivalQuantity::Difference { measure, group, reference })
        }
        (None, Some(_)) => {
            violations.add("reference", "needs group");
            None
        }
        (group, None) => Some(SurvivalQuantity::Of { measure, group }),
    }
}
