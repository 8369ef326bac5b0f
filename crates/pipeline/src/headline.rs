//! The headline numbers that replicates give intervals: what is asked of a replicate, and which answer belongs
//! to which number of the result.

use crate::pairing::{match_query, reestimated_without, weights_query};
use crate::plan::Pipeline;
use crate::terms::{self, PAIR, PROBABILITY, WEIGHT, endpoint_columns, exposure_term};
use crate::{
    BootstrapQuery, DesignQuery, IntervalMethod, IntervalsQuery, RedesignQuery, Scope, ScoreQuery,
};
use ::bootstrap::{BootstrapError, Plan, Resampling, UnitColumns};
use cohort::Term;
use cox::CoxQuery;
use study::protocol::{
    BootstrapMethod, BootstrapScope, BootstrapSection, EndpointSection, Population, SelectionRule,
    SiteRule,
};
use study::result::{BootstrapKind, BootstrapRow, id};
use survival::{Measure, SurvivalQuantity, SurvivalStatisticQuery};
use weighting::{ScoreScale, WeightMethod};

/// A number of the result and the name of its answer.
pub(crate) struct Headline {
    pub row: BootstrapRow,
    pub answer: String,
}

/// What is asked for one endpoint in one scope.
pub(crate) struct Headlines {
    pub headlines: Vec<Headline>,
    survival: Vec<SurvivalQuantity>,
    models: Vec<Vec<Term>>,
}

impl Headlines {
    /// The hazard ratios of the exposure, then medians, survival at the times and restricted means of the arms
    /// and their differences.
    pub fn of(pipeline: &Pipeline, endpoint: &EndpointSection, scope: BootstrapScope) -> Self {
        let mut found = Self { headlines: Vec::new(), survival: Vec::new(), models: Vec::new() };
        found.ratios(pipeline, scope);
        let section = &pipeline.protocol().survival;
        found.measured(pipeline, scope, Measure::Quantile { probability: 0.5 });
        for &time in &endpoint.times {
            found.measured(pipeline, scope, Measure::SurvivalAt { time });
        }
        for &tau in &section.restricted_mean {
            found.measured(pipeline, scope, Measure::RestrictedMean { tau });
        }
        found
    }

    /// The marginal ratio, and that of each model whose terms are listed.
    fn ratios(&mut self, pipeline: &Pipeline, scope: BootstrapScope) {
        let protocol = pipeline.protocol();
        let population = pipeline.main_population();
        let exposure = exposure_term(&protocol.exposure);
        self.models.push(vec![exposure]);
        let mut labels = vec![(String::new(), "Hazard ratio".to_string())];
        let listed = protocol.cox.iter().flat_map(|section| &section.multivariable);
        for model in listed.filter(|model| {
            model.rule == SelectionRule::Listed && model.populations.contains(&population)
        }) {
            self.models.push(terms::of_model(protocol, model, &model.terms));
            labels.push((format!("_{}", model.id), format!("Hazard ratio, {}", model.label)));
        }
        let column = &protocol.exposure.column;
        let coefficient = format!("{column}={}", protocol.exposure.exposed.value);
        let n_models = labels.len();
        for (index, (ending, label)) in labels.into_iter().enumerate() {
            let row = BootstrapRow {
                analysis: format!("bootstrap_{}{ending}", scope.name()),
                term: id::level(column, &protocol.exposure.exposed.value),
                name: "hazard_ratio".into(),
                time: None,
                label,
                kind: BootstrapKind::HazardRatio,
                methods: methods(pipeline, scope, |methods| &methods.hazard_ratio),
            };
            let answer = match n_models {
                1 => coefficient.clone(),
                _ => format!("{coefficient} in model {}", index + 1),
            };
            self.headlines.push(Headline { row, answer });
        }
    }

    /// A measure of each arm, and that of the exposed less that of the comparators.
    fn measured(&mut self, pipeline: &Pipeline, scope: BootstrapScope, measure: Measure) {
        let exposure = &pipeline.protocol().exposure;
        let (name, time, kind) = match measure {
            Measure::Quantile { .. } => ("median", None, BootstrapKind::Time),
            Measure::SurvivalAt { time } => ("survival", Some(time), BootstrapKind::Probability),
            Measure::RestrictedMean { tau } => ("restricted_mean", Some(tau), BootstrapKind::Time),
        };
        let methods = methods(pipeline, scope, |methods| match measure {
            Measure::Quantile { .. } => &methods.median,
            Measure::SurvivalAt { .. } => &methods.survival,
            Measure::RestrictedMean { .. } => &methods.restricted_mean,
        });
        let words = words(pipeline, measure);
        let mut push = |term: String, name: String, label: String, quantity: SurvivalQuantity| {
            let analysis = format!("bootstrap_{}", scope.name());
            let methods = methods.clone();
            let row = BootstrapRow { analysis, term, name, time, label, kind, methods };
            self.headlines.push(Headline { row, answer: quantity.name() });
            self.survival.push(quantity);
        };
        for arm in exposure.arms() {
            let quantity = SurvivalQuantity::Of { measure, group: Some(arm.value.clone()) };
            let term = id::level(&exposure.column, &arm.value);
            push(term, name.into(), format!("{words}, {}", arm.label), quantity);
        }
        let quantity = SurvivalQuantity::Difference {
            measure,
            group: exposure.exposed.value.clone(),
            reference: exposure.comparator.value.clone(),
        };
        let name = format!("{name}_difference");
        push(id::part(&exposure.column), name, format!("{words}, difference"), quantity);
    }
}

fn words(pipeline: &Pipeline, measure: Measure) -> String {
    let unit = pipeline.protocol().study.time_unit.name();
    match measure {
        Measure::Quantile { .. } => "Median".into(),
        Measure::SurvivalAt { time } => format!("Survival at {time} {unit}"),
        Measure::RestrictedMean { tau } => format!("Restricted mean to {tau} {unit}"),
    }
}

/// The methods of a kind of number; scope pipeline has one list for all.
fn methods(
    pipeline: &Pipeline,
    scope: BootstrapScope,
    of_kind: impl Fn(&study::protocol::BootstrapMethods) -> &Vec<BootstrapMethod>,
) -> Vec<BootstrapMethod> {
    let Some(section) = &pipeline.protocol().bootstrap else { return Vec::new() };
    match scope {
        BootstrapScope::Outcome => of_kind(&section.methods).clone(),
        BootstrapScope::Pipeline => section.pipeline_methods.clone(),
    }
}

/// The method of an interval.
pub(crate) fn interval_method(method: BootstrapMethod) -> IntervalMethod {
    match method {
        BootstrapMethod::Percentile => IntervalMethod::Percentile,
        BootstrapMethod::Basic => IntervalMethod::Basic,
        BootstrapMethod::Normal => IntervalMethod::Normal,
        BootstrapMethod::Studentized => IntervalMethod::Studentized,
        BootstrapMethod::Bca => IntervalMethod::Bca,
    }
}

/// What is drawn: a column, what it is called, and the columns within which it is drawn.
pub(crate) struct Unit {
    pub column: Option<String>,
    pub words: &'static str,
    pub strata: Vec<String>,
}

impl Pipeline {
    /// The population that the design makes, or everyone.
    pub(crate) fn main_population(&self) -> Population {
        self.protocol().adjusted().unwrap_or_default()
    }

    /// What a scope draws. Pairs and sets lie within strata on which their members agree; others are left out.
    pub(crate) fn unit(&self, section: &BootstrapSection, scope: BootstrapScope) -> Unit {
        let matching = self.protocol().matching.as_ref();
        let sets = matching.filter(|section| section.has_clusters());
        let sets = sets.filter(|_| scope == BootstrapScope::Outcome);
        let Some(sets) = sets else {
            return Unit { column: None, words: "patients", strata: section.strata.clone() };
        };
        let agree = |column: &&String| {
            let is_site = |site: &study::protocol::MatchSite| {
                site.variable == **column && site.rule == SiteRule::Exact
            };
            sets.exact.contains(*column) || sets.site.as_ref().is_some_and(is_site)
        };
        Unit {
            column: Some(PAIR.into()),
            words: if sets.is_one_to_one() { "matched pairs" } else { "matched sets" },
            strata: section.strata.iter().filter(agree).cloned().collect(),
        }
    }

    /// What is asked for one endpoint in one scope.
    pub(crate) fn bootstrap_query(
        &self,
        endpoint: &EndpointSection,
        section: &BootstrapSection,
        scope: BootstrapScope,
    ) -> Result<(BootstrapQuery, IntervalsQuery), BootstrapError> {
        let plan = Plan::new(section.seed, section.replicates as u64, Resampling::WithReplacement)?;
        let Headlines { headlines, survival, models } = Headlines::of(self, endpoint, scope);
        let whole = match scope {
            BootstrapScope::Outcome => self.main_population(),
            // Weights are those of the replicate.
            BootstrapScope::Pipeline => Population::All,
        };
        let unit = self.unit(section, scope);
        let model = |terms| CoxQuery {
            concordance: false,
            cluster: None,
            ..self.cox_query(endpoint, whole, terms)
        };
        let query = BootstrapQuery {
            units: UnitColumns { unit: unit.column, strata: unit.strata },
            survival: Some(SurvivalStatisticQuery {
                endpoint: endpoint_columns(endpoint),
                group: Some(self.protocol().exposure.column.clone()),
                quantities: survival,
            }),
            cox: models.into_iter().map(model).collect(),
            weights: self.protocol().has_weights(whole).then(|| WEIGHT.into()),
            scope: match (scope, self.redesign_query()) {
                (BootstrapScope::Pipeline, Some(redesign)) => Scope::Pipeline(Box::new(redesign)),
                _ => Scope::Outcome,
            },
            ..BootstrapQuery::new(plan)
        };
        let mut methods: Vec<BootstrapMethod> =
            headlines.into_iter().flat_map(|headline| headline.row.methods).collect();
        methods.sort_unstable();
        methods.dedup();
        let methods = methods.into_iter().map(interval_method).collect();
        Ok((query, IntervalsQuery { methods, confidence: section.confidence }))
    }

    /// Score and design of the study, to be done again.
    fn redesign_query(&self) -> Option<RedesignQuery> {
        let protocol = self.protocol();
        let (design, scale) = match (&protocol.matching, &protocol.weighting) {
            (Some(section), _) => {
                let query = match_query(protocol, section);
                let scale = query.score.as_deref().map(scale_of);
                (DesignQuery::Matching(query), scale)
            }
            (None, Some(section)) => {
                let query = weights_query(protocol, section);
                let scale = match &query.method {
                    WeightMethod::InverseProbability(asked) => Some(asked.scale),
                    WeightMethod::EntropyBalancing(_) => None,
                };
                (DesignQuery::Weighting(query), scale)
            }
            (None, None) => return None,
        };
        let score = |(model, scale)| {
            let discard = reestimated_without(protocol);
            ScoreQuery { model, discard, scale }
        };
        Some(RedesignQuery { score: self.propensity_query().zip(scale).map(score), design })
    }
}

/// The scale of a column of scores.
fn scale_of(column: &str) -> ScoreScale {
    if column == PROBABILITY { ScoreScale::Probability } else { ScoreScale::Logit }
}
