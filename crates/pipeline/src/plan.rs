//! What a study asks, in which order.
//!
//! The order is that of the paper: propensity and matching, then everything that looks at one
//! population. A [`Pipeline`] knows which questions can be asked now; who answers them, and how many
//! at a time, is not its business.

mod checks;
mod sites;

pub(crate) use checks::NON_PROPORTIONAL_BELOW;

use crate::assemble;
use crate::pairing::{match_query, reestimated_without, weights_query};
use crate::question::{Answer, Question, Task};
use crate::reuse::{self, Uses};
use crate::terms::{
    self, DAYS_PER_YEAR, LOGIT, PAIR, POTENTIAL, PROBABILITY, WEIGHT, balance_tests,
    baseline_variable, endpoint_columns, exposure_term, interval_rule, quantile_rule,
};
use crate::{PipelineError, Prepared};
use balance::{BalanceQuery, Pairing};
use cohort::{
    Caveat, Cohort, CohortError, Column, Estimate, Selection, Term, WeightColumn, WeightKind,
};
use cox::{CoxOptions, CoxQuery, CoxScreenQuery, CoxSelectionQuery, TimeTransform};
use hypothesis::{HiddenBiasQuery, PairOutcome};
use propensity::{Level, LogisticOptions, LogisticQuery, OnSeparation};
use std::collections::BTreeMap;
use std::sync::Arc;
use study::StudyResult;
use study::protocol::{
    BootstrapScope, ComparisonTest, CoxSection, EndpointSection, MatchEstimand, MatchingSection,
    MultivariableModel, Population, Protocol, SelectionRule, Subgroup,
};
use study::result::id;
use survival::{
    ComparisonOptions, ComparisonQuery, ContrastsQuery, CurvesQuery, FollowUpQuery, IntervalRule,
    PotentialFollowUp, QuantileRule,
};

/// A study on its way from the prepared patients to the result.
///
/// Ask [`Pipeline::ready`] for questions, give every answer to [`Pipeline::answer`], and repeat until
/// nothing is ready; then [`Pipeline::finish`]. The order of answers does not matter.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) study: Prepared,
    stage: Stage,
    n_open: usize,
    pub(crate) answers: BTreeMap<String, Estimate<Answer>>,
}

/// A patient of a design with weights.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedId {
    /// Id of the patient.
    pub id: String,
    /// Number of the set or class, from 1; absent where there are none.
    pub set: Option<usize>,
    /// The weight.
    pub weight: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Propensity,
    Design,
    Analyses,
    Checks,
    Done,
}

impl Pipeline {
    /// A study of which nothing has been asked yet.
    #[must_use]
    pub fn new(study: Prepared) -> Self {
        Self { study, stage: Stage::Propensity, n_open: 0, answers: BTreeMap::new() }
    }

    /// Questions that can be asked now and have not been asked; empty while answers are awaited
    /// that the next questions need, and at the end.
    pub fn ready(&mut self) -> Vec<Task> {
        while self.n_open == 0 && self.stage != Stage::Done {
            let (tasks, next) = match self.stage {
                Stage::Propensity => (self.propensity().into_iter().collect(), Stage::Design),
                Stage::Design => (self.design().into_iter().collect(), Stage::Analyses),
                Stage::Analyses => (self.analyses(), Stage::Checks),
                Stage::Checks | Stage::Done => (self.checks(), Stage::Done),
            };
            self.stage = next;
            self.n_open = tasks.len();
            if !tasks.is_empty() {
                return tasks;
            }
        }
        Vec::new()
    }

    /// Whether everything has been asked and answered.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.n_open == 0 && self.stage == Stage::Done
    }

    /// Takes the answer to the question of this key, or the reason why there is none.
    ///
    /// Fails when scores or pairs, on which the rest of the study stands, have no answer.
    pub fn answer(&mut self, key: &str, answer: Estimate<Answer>) -> Result<(), PipelineError> {
        match &answer {
            Ok(Answer::Propensity(scores)) => {
                let rows = &scores.rows;
                self.push_of_rows(LOGIT, rows, scores.linear_predictor.iter().copied())?;
                self.push_of_rows(PROBABILITY, rows, scores.probability.iter().copied())?;
            }
            Ok(Answer::Match(sample)) => {
                // With replacement a patient may be in several sets, and there is no such column.
                let rows = self.scored();
                if !sample.subclass.is_empty() {
                    self.push_design(PAIR, &rows, sample.subclass.iter().copied().map(f64::from))?;
                }
                self.push_design(WEIGHT, &rows, sample.weights.iter().copied())?;
            }
            Ok(Answer::Weigh(weights)) => {
                let rows = self.everyone();
                self.push_design(WEIGHT, &rows, weights.weights.iter().copied())?;
            }
            Err(reason) if [PROPENSITY, MATCHING, WEIGHTING].contains(&key) => {
                return Err(PipelineError::Unanswered { step: key.into(), reason: *reason });
            }
            _ => {}
        }
        self.n_open = self.n_open.saturating_sub(1);
        self.answers.insert(key.into(), answer);
        Ok(())
    }

    /// Adds a column that the design gives to some patients; who has 0 there has no value.
    fn push_design(
        &mut self,
        name: &str,
        rows: &Selection,
        values: impl Iterator<Item = f64>,
    ) -> Result<(), CohortError> {
        let given = rows.rows().iter().copied().zip(values).filter(|(_, value)| *value != 0.0);
        let (rows, values): (Vec<usize>, Vec<f64>) = given.unzip();
        self.push_of_rows(name, &rows, values.into_iter())
    }

    /// Adds a column in which other rows than these have no value.
    fn push_of_rows(
        &mut self,
        name: &str,
        rows: &[usize],
        given: impl Iterator<Item = f64>,
    ) -> Result<(), CohortError> {
        let n = self.study.cohort.len();
        let (mut values, mut is_missing) = (vec![0.0; n], vec![true; n]);
        for (&row, value) in rows.iter().zip(given) {
            *values.get_mut(row).ok_or(CohortError::RowOutOfRange { row, rows: n })? = value;
            is_missing[row] = false;
        }
        let missing = (0..n).filter(|&row| is_missing[row]).collect();
        let column = Column::numeric(name, values).with_missing(missing);
        Arc::make_mut(&mut self.study.cohort).push(column)
    }

    /// Who can be matched: everyone, or those with a score that was estimated again.
    fn scored(&self) -> Selection {
        let section = self.protocol().matching.as_ref();
        match section.is_some_and(|section| section.reestimate) {
            true => self.with_value(&self.everyone(), LOGIT),
            false => self.everyone(),
        }
    }

    /// The result of a study of which every question has been answered.
    #[must_use]
    pub fn finish(self) -> StudyResult {
        assemble::result(&self)
    }

    /// Ids of the matched pairs, the exposed first, in the id order of who was given a partner.
    #[must_use]
    pub fn matched_ids(&self) -> Vec<(String, String)> {
        let cohort = &self.study.cohort;
        let Some(Ok(Answer::Match(sample))) = self.answers.get(MATCHING) else { return Vec::new() };
        sample
            .pairs
            .iter()
            .map(|pair| (cohort.id(pair.exposed).into(), cohort.id(pair.comparator).into()))
            .collect()
    }

    /// The patients of a design with weights, in id order.
    #[must_use]
    pub fn weighted_ids(&self) -> Vec<WeightedId> {
        let is_weighted = |&population: &Population| self.protocol().has_weights(population);
        let Some(population) = self.protocol().adjusted().filter(is_weighted) else {
            return Vec::new();
        };
        let cohort = &self.study.cohort;
        let rows = self.rows(population);
        let Ok(weights) = cohort.numeric(WEIGHT, &rows) else { return Vec::new() };
        let sets = cohort.numeric(PAIR, &rows).ok();
        let member = |(index, &row): (usize, &usize)| WeightedId {
            id: cohort.id(row).into(),
            set: sets.as_ref().map(|sets| sets[index] as usize),
            weight: weights[index],
        };
        rows.rows().iter().enumerate().map(member).collect()
    }

    pub(crate) fn protocol(&self) -> &Protocol {
        &self.study.protocol
    }

    fn task(&self, key: impl Into<String>, selection: Selection, question: Question) -> Task {
        let cohort = Arc::clone(&self.study.cohort);
        Task { key: key.into(), cohort, selection, question }
    }

    fn propensity(&self) -> Option<Task> {
        let discard = reestimated_without(self.protocol());
        let question = Question::Propensity { model: self.propensity_query()?, discard };
        Some(self.task(PROPENSITY, self.everyone(), question))
    }

    /// The model of the scores.
    pub(crate) fn propensity_query(&self) -> Option<LogisticQuery> {
        let section = self.protocol().propensity.as_ref()?;
        let exposure = &self.protocol().exposure;
        let exposed =
            Level { column: exposure.column.clone(), level: exposure.exposed.value.clone() };
        let terms = terms::of_propensity(self.protocol(), section);
        Some(LogisticQuery {
            options: LogisticOptions {
                confidence: self.confidence(),
                // A report shows the model of the scores alone.
                on_separation: OnSeparation::Report,
                ..LogisticOptions::default()
            },
            ..LogisticQuery::new(exposed, terms)
        })
    }

    /// Sets or weights.
    fn design(&self) -> Option<Task> {
        let protocol = self.protocol();
        match (&protocol.matching, &protocol.weighting) {
            (Some(section), _) => {
                let question = Question::Match(match_query(protocol, section));
                Some(self.task(MATCHING, self.scored(), question))
            }
            (None, Some(section)) => {
                let question = Question::Weigh(weights_query(protocol, section));
                Some(self.task(WEIGHTING, self.everyone(), question))
            }
            (None, None) => None,
        }
    }

    /// Everything that needs no other answer than the design.
    fn analyses(&self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for population in self.main_populations() {
            tasks.push(self.balance(population));
        }
        for endpoint in &self.protocol().endpoints {
            for population in self.main_populations() {
                let rows = self.rows(population);
                self.survival(&mut tasks, endpoint, population.id(), &rows);
                tasks.push(self.differences(endpoint, population, rows.clone()));
                self.follow_up(&mut tasks, endpoint, population, &rows);
                if population == Population::Matched {
                    self.stratified_comparison(&mut tasks, endpoint);
                    self.hidden_bias(&mut tasks, endpoint);
                }
            }
            self.cox(&mut tasks, endpoint);
            self.sites(&mut tasks, endpoint);
            for subgroup in &self.protocol().subgroups {
                self.subgroup(&mut tasks, endpoint, subgroup);
            }
            self.bootstrap(&mut tasks, endpoint);
        }
        tasks
    }

    fn balance(&self, population: Population) -> Task {
        let exposure = &self.protocol().exposure;
        let section = &self.protocol().balance;
        let variables = self.protocol().baseline_variables().map(baseline_variable).collect();
        let is_matched = population == Population::Matched;
        let query = BalanceQuery {
            weights: self.weights(population).map(|weights| weights.column),
            tests: balance_tests(&section.tests),
            pairing: is_matched.then(|| self.pairing()).flatten(),
            within: section.within.clone(),
            strata: section.strata.clone(),
            compare_unmatched: is_matched && self.speaks_for_exposed(),
            ..BalanceQuery::new(&exposure.column, &exposure.exposed.value, variables)
        };
        let question = Question::Balance { reference: self.everyone(), query };
        self.task(key::balance(population), self.rows(population), question)
    }

    /// Curves of the arms and their comparison in one population.
    fn survival(
        &self,
        tasks: &mut Vec<Task>,
        endpoint: &EndpointSection,
        population: &str,
        rows: &Selection,
    ) {
        let exposure = &self.protocol().exposure.column;
        self.curves(tasks, endpoint, population, rows, exposure);
        tasks.push(self.comparison(endpoint, population, rows.clone(), exposure));
    }

    /// The log-rank test of the levels of a column or, where patients have weights, the Cox model
    /// whose robust score test stands in its place.
    fn comparison(
        &self,
        endpoint: &EndpointSection,
        population: &str,
        rows: Selection,
        group: &str,
    ) -> Task {
        let whole = population_of(population);
        if self.protocol().has_weights(whole) {
            let terms = vec![terms::term(self.protocol(), group)];
            let query = CoxQuery {
                proportional_hazards: None,
                concordance: false,
                ..self.cox_query(endpoint, whole, terms)
            };
            let key = key::comparison(&endpoint.id, population, ROBUST_SCORE);
            return self.task(key, rows, Question::Cox(query));
        }
        let query = self.comparison_query(endpoint, group);
        let key = key::comparison(&endpoint.id, population, LOG_RANK);
        self.task(key, rows, Question::Compare(query))
    }

    /// Curves by the levels of a column, once per rule for the limits of the curve; what does not
    /// depend on that rule is asked with the first.
    fn curves(
        &self,
        tasks: &mut Vec<Task>,
        endpoint: &EndpointSection,
        population: &str,
        rows: &Selection,
        group: &str,
    ) {
        let section = &self.protocol().survival;
        let whole = population_of(population);
        for (index, &rule) in section.interval.iter().enumerate() {
            let rule = interval_rule(rule);
            let is_first = index == 0;
            let query = CurvesQuery {
                group: Some(group.into()),
                weights: self.weights(whole),
                cluster: self.curve_cluster(whole),
                interval: rule,
                confidence: section.confidence,
                quantiles: if is_first { vec![MEDIAN] } else { Vec::new() },
                quantile_rules: section.median_ci.iter().copied().map(quantile_rule).collect(),
                times: endpoint.times.clone(),
                restricted_mean_times: if is_first {
                    section.restricted_mean.clone()
                } else {
                    Vec::new()
                },
                ..CurvesQuery::new(endpoint_columns(endpoint))
            };
            let key = key::curves(&endpoint.id, population, terms::interval_name(rule));
            tasks.push(self.task(key, rows.clone(), Question::Curves(query)));
        }
    }

    /// What the arms differ by: medians, survival at the times and restricted means. Pairs and sets
    /// are not independent between the arms.
    fn differences(
        &self,
        endpoint: &EndpointSection,
        population: Population,
        rows: Selection,
    ) -> Task {
        let (section, exposure) = (&self.protocol().survival, &self.protocol().exposure);
        let query = ContrastsQuery {
            reference: Some(exposure.comparator.value.clone()),
            weights: self.weights(population),
            cluster: self.cluster(population),
            confidence: section.confidence,
            restricted_mean_times: section.restricted_mean.clone(),
            times: endpoint.times.clone(),
            quantiles: vec![MEDIAN],
            quantile_rules: section.median_ci.iter().copied().map(quantile_rule).collect(),
            ..ContrastsQuery::new(endpoint_columns(endpoint), &exposure.column)
        };
        let key = key::differences(&endpoint.id, population.id());
        self.task(key, rows, Question::Contrast(query))
    }

    /// Median follow-up of everyone and of each arm.
    fn follow_up(
        &self,
        tasks: &mut Vec<Task>,
        endpoint: &EndpointSection,
        population: Population,
        rows: &Selection,
    ) {
        let section = &self.protocol().survival;
        for group in [None, Some(self.protocol().exposure.column.clone())] {
            let key = key::follow_up(&endpoint.id, population.id(), group.is_some());
            let query = CurvesQuery {
                group,
                weights: self.weights(population),
                cluster: self.curve_cluster(population),
                reverse: true,
                confidence: section.confidence,
                quantiles: vec![0.25, MEDIAN, 0.75],
                quantile_rules: section.followup_ci.iter().copied().map(quantile_rule).collect(),
                ..CurvesQuery::new(endpoint_columns(endpoint))
            };
            tasks.push(self.task(key, rows.clone(), Question::Curves(query)));
        }
        let key = key::person_time(&endpoint.id, population.id());
        let question = Question::FollowUp(self.person_time(endpoint, population));
        tasks.push(self.task(key, rows.clone(), question));
    }

    /// Events and person-time of the arms, and how complete the follow-up is.
    fn person_time(&self, endpoint: &EndpointSection, population: Population) -> FollowUpQuery {
        let exposure = &self.protocol().exposure;
        let has_potential = self.cohort().is_missing(POTENTIAL).is_ok();
        FollowUpQuery {
            endpoint: endpoint_columns(endpoint),
            group: Some(exposure.column.clone()),
            reference: Some(exposure.comparator.value.clone()),
            confidence: self.confidence(),
            rate_unit: 100.0 * DAYS_PER_YEAR / self.protocol().study.time_unit.days(),
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
            potential: has_potential.then(|| PotentialFollowUp::Column(POTENTIAL.into())),
            weights: self.weights(population),
            cluster: self.curve_cluster(population),
        }
    }

    fn comparison_query(&self, endpoint: &EndpointSection, group: &str) -> ComparisonQuery {
        ComparisonQuery {
            endpoint: endpoint_columns(endpoint),
            group: group.into(),
            strata: Vec::new(),
            weights: None,
            options: ComparisonOptions::default(),
        }
    }

    fn stratified_comparison(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection) {
        if !self.protocol().survival.tests.contains(&ComparisonTest::LogRankStratifiedByPair) {
            return;
        }
        let query = ComparisonQuery {
            strata: vec![PAIR.into()],
            ..self.comparison_query(endpoint, &self.protocol().exposure.column)
        };
        let key = key::comparison(&endpoint.id, Population::Matched.id(), LOG_RANK_BY_PAIR);
        tasks.push(self.task(key, self.rows(Population::Matched), Question::Compare(query)));
    }

    /// Bounds of both findings, that the exposed fail first and that they fail later; the pairs
    /// say which one is theirs.
    fn hidden_bias(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection) {
        let Some(section) = &self.protocol().sensitivity.hidden_bias else { return };
        let exposure = &self.protocol().exposure;
        for exposed_fare_less in [false, true] {
            let query = HiddenBiasQuery {
                exposure: exposure.column.clone(),
                exposed: exposure.exposed.value.clone(),
                pair: PAIR.into(),
                outcome: PairOutcome::FollowUp(endpoint_columns(endpoint)),
                exposed_fare_less,
                gammas: section.gammas.clone(),
                level: section.level,
            };
            let key = key::hidden_bias(&endpoint.id, exposed_fare_less);
            let rows = self.rows(Population::Matched);
            tasks.push(self.task(key, rows, Question::HiddenBias(query)));
        }
    }

    /// The screens, and the models of several terms.
    fn cox(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection) {
        let Some(section) = &self.protocol().cox else { return };
        for &population in &section.populations {
            let query = CoxScreenQuery {
                model: CoxQuery {
                    proportional_hazards: self.tested_on(population),
                    ..self.cox_query(endpoint, population, Vec::new())
                },
                candidates: terms::terms(self.protocol(), &section.univariable),
            };
            let key = key::cox(&endpoint.id, population.id(), UNIVARIABLE);
            tasks.push(self.task(key, self.rows(population), Question::Screen(query)));
        }
        if self.counts_reuse() {
            self.reuse(tasks, endpoint);
        }
        for model in &section.multivariable {
            for &population in &model.populations {
                tasks.push(self.model(endpoint, population, model));
            }
        }
    }

    /// Whether the hazard ratio of the exposure after matching with replacement is asked for, whose
    /// variance can count pairs and patients.
    pub(crate) fn counts_reuse(&self) -> bool {
        let protocol = self.protocol();
        let is_reused = protocol.matching.as_ref().is_some_and(|section| section.replacement);
        let is_asked = |section: &CoxSection| {
            section.populations.contains(&Population::Matched)
                && section.univariable.contains(&protocol.exposure.column)
        };
        is_reused && protocol.cox.as_ref().is_some_and(is_asked)
    }

    /// The sets of matching with replacement, a row for each patient of each; none without pairs.
    pub(crate) fn uses(&self) -> Option<Uses> {
        let Some(Ok(Answer::Match(sample))) = self.answers.get(MATCHING) else { return None };
        let uses = reuse::uses(self.cohort(), self.protocol(), sample).ok()?;
        (uses.n_rows > 0).then_some(uses)
    }

    /// The model of the exposure with sets, with patients and with rows as the clusters.
    fn reuse(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection) {
        let Some(uses) = self.uses() else { return };
        for unit in [Some(reuse::SET), Some(reuse::PATIENT), None] {
            let terms = vec![exposure_term(&self.protocol().exposure)];
            let query = CoxQuery {
                cluster: unit.map(str::to_owned),
                concordance: false,
                ..self.cox_query(endpoint, Population::Matched, terms)
            };
            let (key, cohort) = (key::reuse(&endpoint.id, unit), Arc::clone(&uses.cohort));
            let selection = Selection::all(&cohort);
            tasks.push(Task { key, cohort, selection, question: Question::Cox(query) });
        }
    }

    /// A model of several terms, listed or chosen; the exposure is in every one.
    fn model(
        &self,
        endpoint: &EndpointSection,
        population: Population,
        model: &MultivariableModel,
    ) -> Task {
        let with = |names: &[String]| CoxQuery {
            proportional_hazards: self.tested_on(population),
            ..self.cox_query(endpoint, population, terms::of_model(self.protocol(), model, names))
        };
        let is_exposure = |name: &String| *name == self.protocol().exposure.column;
        let question = if model.rule == SelectionRule::Listed {
            Question::Cox(with(&model.terms))
        } else {
            let (exposure, others): (Vec<_>, Vec<_>) =
                model.terms.iter().cloned().partition(is_exposure);
            Question::Select(CoxSelectionQuery {
                model: with(&exposure),
                candidates: terms::of_model(self.protocol(), model, &others),
                rule: terms::selection_rule(model),
            })
        };
        let key = key::cox(&endpoint.id, population.id(), &model.id);
        self.task(key, self.rows(population), question)
    }

    /// The scale of time on which hazards are tested for proportionality; the test has no variance
    /// that is robust to weights.
    fn tested_on(&self, population: Population) -> Option<TimeTransform> {
        let transform = self.protocol().cox.as_ref().map(|section| section.ph_test);
        let transform = transform.filter(|_| !self.protocol().has_weights(population));
        transform.map(terms::time_transform)
    }

    pub(crate) fn cox_query(
        &self,
        endpoint: &EndpointSection,
        population: Population,
        terms: Vec<Term>,
    ) -> CoxQuery {
        let ties = self.protocol().cox.as_ref().map(|section| section.ties).unwrap_or_default();
        CoxQuery {
            weights: self.weights(population),
            cluster: self.cluster(population),
            options: CoxOptions {
                ties: terms::ties(ties),
                confidence: self.confidence(),
                ..CoxOptions::default()
            },
            concordance: true,
            ..CoxQuery::new(endpoint_columns(endpoint), terms)
        }
    }

    /// Replicates of the headline numbers, a question per scope.
    fn bootstrap(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection) {
        let Some(section) = &self.protocol().bootstrap else { return };
        for &scope in &section.scopes {
            // The reader of the study file has bounded the number of replicates.
            let Ok((query, intervals)) = self.bootstrap_query(endpoint, section, scope) else {
                continue;
            };
            let rows = match scope {
                BootstrapScope::Outcome => self.rows(self.main_population()),
                BootstrapScope::Pipeline => self.everyone(),
            };
            let query = Box::new(query);
            let key = key::bootstrap(&endpoint.id, scope.name());
            tasks.push(self.task(key, rows, Question::Bootstrap { query, intervals }));
        }
    }

    fn subgroup(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection, subgroup: &Subgroup) {
        let rows = self.rows(subgroup.population);
        if let Some(variable) = &subgroup.compare {
            let levels = self.analysed_levels(subgroup, variable);
            let rows = self.at_levels(&self.with_value(&rows, variable), variable, &levels);
            let population = key::compared(subgroup.population.id(), variable);
            self.curves(tasks, endpoint, &population, &rows, variable);
            tasks.push(self.comparison(endpoint, &population, rows, variable));
        }
        for variable in &subgroup.variables {
            let complete = self.with_value(&rows, variable);
            for level in self.analysed_levels(subgroup, variable) {
                let population = id::within(subgroup.population.id(), variable, &level);
                let rows = self.at_level(&complete, variable, &level);
                self.survival(tasks, endpoint, &population, &rows);
                let terms = vec![exposure_term(&self.protocol().exposure)];
                let query = self.subgroup_query(endpoint, subgroup, terms);
                let key = key::cox(&endpoint.id, &population, SUBGROUP);
                tasks.push(self.task(key, rows, Question::Cox(query)));
            }
            self.interaction(tasks, endpoint, subgroup, variable, complete);
        }
    }

    /// The model of main effects and the one with the product of exposure and variable.
    fn interaction(
        &self,
        tasks: &mut Vec<Task>,
        endpoint: &EndpointSection,
        subgroup: &Subgroup,
        variable: &str,
        rows: Selection,
    ) {
        let exposure = exposure_term(&self.protocol().exposure);
        let modifier = terms::term(self.protocol(), variable);
        let main = vec![exposure.clone(), modifier.clone()];
        let mut full = main.clone();
        full.push(Term::interaction(exposure, modifier));
        for (terms, part) in [(main, MAIN_EFFECTS), (full, WITH_INTERACTION)] {
            let query = self.subgroup_query(endpoint, subgroup, terms);
            let key = key::interaction(&endpoint.id, subgroup.population.id(), variable, part);
            tasks.push(self.task(key, rows.clone(), Question::Cox(query)));
        }
    }

    fn subgroup_query(
        &self,
        endpoint: &EndpointSection,
        subgroup: &Subgroup,
        terms: Vec<Term>,
    ) -> CoxQuery {
        let query = self.cox_query(endpoint, subgroup.population, terms);
        // Pairs are broken within a subgroup, so their variance is not robust to anything there.
        let is_weighted = self.protocol().has_weights(subgroup.population);
        CoxQuery {
            cluster: query.cluster.filter(|_| is_weighted),
            concordance: false,
            options: CoxOptions { ties: terms::ties(subgroup.ties), ..query.options },
            ..query
        }
    }

    /// The levels of a variable within which, or between which, a subgroup analysis looks.
    pub(crate) fn analysed_levels(&self, subgroup: &Subgroup, variable: &str) -> Vec<String> {
        let levels = self.protocol().variable(variable).map_or(&[][..], |known| &known.levels);
        levels
            .iter()
            .filter(|level| subgroup.levels.is_empty() || subgroup.levels.contains(level))
            .cloned()
            .collect()
    }

    /// Populations of the baseline table and of the survival analyses.
    pub(crate) fn main_populations(&self) -> Vec<Population> {
        [Population::All].into_iter().chain(self.protocol().adjusted()).collect()
    }

    /// The weights of a population.
    fn weights(&self, population: Population) -> Option<WeightColumn> {
        let is_weighted = self.protocol().has_weights(population);
        is_weighted.then(|| WeightColumn { column: WEIGHT.into(), kind: WeightKind::Sampling })
    }

    /// The clusters of the robust variance of a population: its pairs or sets. Classes are too few
    /// and too large for that, and with replacement there are none.
    fn cluster(&self, population: Population) -> Option<String> {
        let section = self.protocol().matching.as_ref();
        let has_clusters = section.is_some_and(MatchingSection::has_clusters);
        (population == Population::Matched && has_clusters).then(|| PAIR.into())
    }

    /// The clusters of curves: those of one-to-one pairs are not used, as in published studies.
    fn curve_cluster(&self, population: Population) -> Option<String> {
        self.cluster(population).filter(|_| self.protocol().has_weights(population))
    }

    /// Who is paired with whom; members of a class are not.
    fn pairing(&self) -> Option<Pairing> {
        let section = self.protocol().matching.as_ref()?;
        if section.has_clusters() {
            return Some(Pairing::Column(PAIR.into()));
        }
        let Some(Ok(Answer::Match(sample))) = self.answers.get(MATCHING) else { return None };
        let pairs = sample.pairs.iter().map(|pair| (pair.exposed, pair.comparator));
        (!section.forms_classes()).then(|| Pairing::Rows(pairs.collect()))
    }

    /// Whether matching is to speak for exposed patients, so that those it leaves out matter.
    fn speaks_for_exposed(&self) -> bool {
        let section = self.protocol().matching.as_ref();
        section.is_some_and(|section| section.estimand != MatchEstimand::Atc)
    }

    fn everyone(&self) -> Selection {
        Selection::all(&self.study.cohort)
    }

    /// The rows of a population.
    pub(crate) fn rows(&self, population: Population) -> Selection {
        let exposure = &self.protocol().exposure;
        let everyone = self.everyone();
        match population {
            Population::All => everyone,
            Population::Matched | Population::Weighted => self.with_value(&everyone, WEIGHT),
            Population::Exposed => {
                self.at_level(&everyone, &exposure.column, &exposure.exposed.value)
            }
            Population::Comparator => {
                self.at_level(&everyone, &exposure.column, &exposure.comparator.value)
            }
        }
    }

    /// The rows of a population at a level of a column.
    pub(crate) fn rows_at(&self, population: Population, column: &str, level: &str) -> Selection {
        self.at_level(&self.rows(population), column, level)
    }

    /// The rows of a selection that have a value in a column.
    fn with_value(&self, rows: &Selection, column: &str) -> Selection {
        match self.study.cohort.is_missing(column) {
            Ok(is_missing) => rows.filter(|row| !is_missing[row]),
            Err(_) => rows.filter(|_| false),
        }
    }

    /// The rows of a selection at a level of a column; all of them have a value there.
    fn at_level(&self, rows: &Selection, column: &str, level: &str) -> Selection {
        self.at_levels(rows, column, &[level.to_string()])
    }

    /// The rows of a selection at some levels of a column; all of them have a value there.
    fn at_levels(&self, rows: &Selection, column: &str, levels: &[String]) -> Selection {
        let Ok(categories) = self.study.cohort.categories(column, rows) else {
            return rows.filter(|_| false);
        };
        let wanted: Vec<u32> =
            levels.iter().filter_map(|level| categories.position(level)).collect();
        let mut codes = categories.codes.iter();
        rows.filter(|_| codes.next().is_some_and(|code| wanted.contains(code)))
    }

    pub(crate) fn confidence(&self) -> f64 {
        self.protocol().survival.confidence
    }

    /// The cohort with every derived column.
    pub(crate) fn cohort(&self) -> &Cohort {
        &self.study.cohort
    }

    /// Doubts that were found before anything was computed.
    pub(crate) fn early_caveats(&self) -> &[Caveat] {
        &self.study.caveats
    }
}

/// The population of the first part of an id such as `matched[bone=1]`.
pub(crate) fn population_of(id: &str) -> Population {
    let whole = id.split('[').next().unwrap_or(id);
    let known = [Population::Matched, Population::Weighted, Population::Exposed];
    let known = known.into_iter().chain([Population::Comparator]);
    known.into_iter().find(|population| population.id() == whole).unwrap_or_default()
}

/// Probability of the median.
const MEDIAN: f64 = 0.5;

pub(crate) const PROPENSITY: &str = "propensity score";
pub(crate) const MATCHING: &str = "matching";
pub(crate) const WEIGHTING: &str = "weighting";
pub(crate) const UNIVARIABLE: &str = "univariable";
pub(crate) const SUBGROUP: &str = "subgroup";
pub(crate) const SITE: &str = "site";
pub(crate) const MATCHING_LEFT: &str = "residual_imbalance";
pub(crate) const LOG_RANK: &str = "log_rank";
pub(crate) const ROBUST_SCORE: &str = "robust_score";
pub(crate) const LOG_RANK_BY_PAIR: &str = "log_rank_stratified_by_pair";
pub(crate) const MAIN_EFFECTS: &str = "main effects";
pub(crate) const WITH_INTERACTION: &str = "interaction";

/// Names of questions, under which their answers are found again.
pub(crate) mod key {
    use study::protocol::Population;
    use study::result::id;

    pub(crate) fn balance(population: Population) -> String {
        format!("{} balance", population.id())
    }

    pub(crate) fn curves(endpoint: &str, population: &str, rule: &str) -> String {
        format!("{endpoint} {population} curves {rule}")
    }

    pub(crate) fn differences(endpoint: &str, population: &str) -> String {
        format!("{endpoint} {population} differences of the arms")
    }

    pub(crate) fn follow_up(endpoint: &str, population: &str, by_arm: bool) -> String {
        let whom = if by_arm { "by arm" } else { "of all" };
        format!("{endpoint} {population} follow-up {whom}")
    }

    pub(crate) fn person_time(endpoint: &str, population: &str) -> String {
        format!("{endpoint} {population} person-time")
    }

    pub(crate) fn over_time(endpoint: &str, population: &str, model: &str) -> String {
        format!("{endpoint} {population} cox {model} over time")
    }

    pub(crate) fn piecewise(endpoint: &str, population: &str, model: &str) -> String {
        format!("{endpoint} {population} cox {model} by intervals")
    }

    pub(crate) fn reuse(endpoint: &str, unit: Option<&str>) -> String {
        format!("{endpoint} matched cox by {}", unit.unwrap_or("row"))
    }

    pub(crate) fn hidden_bias(endpoint: &str, exposed_fare_less: bool) -> String {
        let finding = if exposed_fare_less { "later" } else { "earlier" };
        format!("{endpoint} hidden bias, {finding} events of the exposed")
    }

    pub(crate) fn bootstrap(endpoint: &str, scope: &str) -> String {
        format!("{endpoint} bootstrap, scope {scope}")
    }

    pub(crate) fn comparison(endpoint: &str, population: &str, test: &str) -> String {
        format!("{endpoint} {population} {test}")
    }

    pub(crate) fn cox(endpoint: &str, population: &str, model: &str) -> String {
        format!("{endpoint} {population} cox {model}")
    }

    pub(crate) fn without_site(endpoint: &str, population: &str, site: &str) -> String {
        format!("{endpoint} {population} primary model without site {site}")
    }

    pub(crate) fn interaction(
        endpoint: &str,
        population: &str,
        variable: &str,
        part: &str,
    ) -> String {
        format!("{endpoint} {population} {variable} {part}")
    }

    /// The population within which the levels of a variable are compared.
    pub(crate) fn compared(population: &str, variable: &str) -> String {
        format!("{population}[{}]", id::part(variable))
    }
}
