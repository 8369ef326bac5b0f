//! What a study asks, in which order.
//!
//! The order is that of the paper: propensity and matching, then everything that looks at one
//! population. A [`Pipeline`] knows which questions can be asked now; who answers them, and how many
//! at a time, is not its business.

use crate::assemble;
use crate::pairing::match_query;
use crate::question::{Answer, Question, Task};
use crate::terms::{
    self, LOGIT, PAIR, PROBABILITY, balance_tests, baseline_variable, endpoint_columns,
    exposure_term, interval_rule, quantile_rule,
};
use crate::{PipelineError, Prepared};
use balance::{BalanceQuery, Pairing};
use cohort::{Caveat, Cohort, CohortError, Column, Estimate, Selection, Term};
use cox::{CoxOptions, CoxQuery, CoxScreenQuery, CoxSelectionQuery};
use propensity::{Level, LogisticOptions, LogisticQuery, OnSeparation};
use std::collections::BTreeMap;
use std::sync::Arc;
use study::StudyResult;
use study::protocol::{
    ComparisonTest, EndpointSection, MultivariableModel, Population, Protocol, SelectionRule,
    Subgroup,
};
use study::result::id;
use survival::{ComparisonOptions, ComparisonQuery, CurvesQuery};

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

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Propensity,
    Matching,
    Analyses,
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
                Stage::Propensity => (self.propensity().into_iter().collect(), Stage::Matching),
                Stage::Matching => (self.matching().into_iter().collect(), Stage::Analyses),
                Stage::Analyses | Stage::Done => (self.analyses(), Stage::Done),
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
                let logit = Column::numeric(LOGIT, scores.linear_predictor.clone());
                let probability = Column::numeric(PROBABILITY, scores.probability.clone());
                let cohort = Arc::make_mut(&mut self.study.cohort);
                cohort.push(logit)?;
                cohort.push(probability)?;
            }
            Ok(Answer::Match(sample)) => {
                let rows = self.study.cohort.len();
                let mut pair = vec![0.0; rows];
                for (number, matched) in sample.pairs.iter().enumerate() {
                    for row in [matched.exposed, matched.comparator] {
                        let member = pair.get_mut(row);
                        *member.ok_or(CohortError::RowOutOfRange { row, rows })? =
                            (number + 1) as f64;
                    }
                }
                let unmatched = (0..pair.len()).filter(|&row| pair[row] == 0.0).collect();
                let column = Column::numeric(PAIR, pair).with_missing(unmatched);
                Arc::make_mut(&mut self.study.cohort).push(column)?;
            }
            Err(reason) if key == PROPENSITY || key == MATCHING => {
                return Err(PipelineError::Unanswered { step: key.into(), reason: *reason });
            }
            _ => {}
        }
        self.n_open = self.n_open.saturating_sub(1);
        self.answers.insert(key.into(), answer);
        Ok(())
    }

    /// The result of a study of which every question has been answered.
    #[must_use]
    pub fn finish(self) -> StudyResult {
        assemble::result(&self)
    }

    /// Ids of the matched pairs, the exposed first, in the id order of the exposed.
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

    pub(crate) fn protocol(&self) -> &Protocol {
        &self.study.protocol
    }

    fn task(&self, key: impl Into<String>, selection: Selection, question: Question) -> Task {
        let cohort = Arc::clone(&self.study.cohort);
        Task { key: key.into(), cohort, selection, question }
    }

    fn propensity(&self) -> Option<Task> {
        let section = self.protocol().propensity.as_ref()?;
        let exposure = &self.protocol().exposure;
        let exposed =
            Level { column: exposure.column.clone(), level: exposure.exposed.value.clone() };
        let terms = terms::of_propensity(self.protocol(), section);
        let query = LogisticQuery {
            options: LogisticOptions {
                confidence: self.confidence(),
                // A report shows the model of the scores alone.
                on_separation: OnSeparation::Report,
                ..LogisticOptions::default()
            },
            ..LogisticQuery::new(exposed, terms)
        };
        Some(self.task(PROPENSITY, self.everyone(), Question::Propensity(query)))
    }

    fn matching(&self) -> Option<Task> {
        let section = self.protocol().matching.as_ref()?;
        let query = match_query(&self.protocol().exposure, section);
        Some(self.task(MATCHING, self.everyone(), Question::Match(query)))
    }

    /// Everything that needs no other answer than the pairs.
    fn analyses(&self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for population in self.main_populations() {
            tasks.push(self.balance(population));
        }
        for endpoint in &self.protocol().endpoints {
            for population in self.main_populations() {
                let rows = self.rows(population);
                self.survival(&mut tasks, endpoint, population.id(), &rows);
                self.follow_up(&mut tasks, endpoint, population.id(), &rows);
                if population == Population::Matched {
                    self.stratified_comparison(&mut tasks, endpoint);
                }
            }
            self.cox(&mut tasks, endpoint);
            for subgroup in &self.protocol().subgroups {
                self.subgroup(&mut tasks, endpoint, subgroup);
            }
        }
        tasks
    }

    fn balance(&self, population: Population) -> Task {
        let exposure = &self.protocol().exposure;
        let section = &self.protocol().balance;
        let variables = self.protocol().baseline_variables().map(baseline_variable).collect();
        let is_matched = population == Population::Matched;
        let query = BalanceQuery {
            tests: balance_tests(&section.tests),
            pairing: is_matched.then(|| Pairing::Column(PAIR.into())),
            within: section.within.clone(),
            compare_unmatched: is_matched,
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
        let query = self.comparison_query(endpoint, exposure);
        let key = key::comparison(&endpoint.id, population, LOG_RANK);
        tasks.push(self.task(key, rows.clone(), Question::Compare(query)));
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
        for (index, &rule) in section.interval.iter().enumerate() {
            let rule = interval_rule(rule);
            let is_first = index == 0;
            let query = CurvesQuery {
                group: Some(group.into()),
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

    /// Median follow-up of everyone and of each arm.
    fn follow_up(
        &self,
        tasks: &mut Vec<Task>,
        endpoint: &EndpointSection,
        population: &str,
        rows: &Selection,
    ) {
        let section = &self.protocol().survival;
        for group in [None, Some(self.protocol().exposure.column.clone())] {
            let key = key::follow_up(&endpoint.id, population, group.is_some());
            let query = CurvesQuery {
                group,
                reverse: true,
                confidence: section.confidence,
                quantiles: vec![MEDIAN],
                quantile_rules: section.followup_ci.iter().copied().map(quantile_rule).collect(),
                ..CurvesQuery::new(endpoint_columns(endpoint))
            };
            tasks.push(self.task(key, rows.clone(), Question::Curves(query)));
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

    /// The screens, and the models of several terms.
    fn cox(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection) {
        let Some(section) = &self.protocol().cox else { return };
        for &population in &section.populations {
            let query = CoxScreenQuery {
                model: self.cox_query(endpoint, population, Vec::new()),
                candidates: terms::terms(self.protocol(), &section.univariable),
            };
            let key = key::cox(&endpoint.id, population.id(), UNIVARIABLE);
            tasks.push(self.task(key, self.rows(population), Question::Screen(query)));
        }
        for model in &section.multivariable {
            for &population in &model.populations {
                tasks.push(self.model(endpoint, population, model));
            }
        }
    }

    /// A model of several terms, listed or chosen; the exposure is in every one.
    fn model(
        &self,
        endpoint: &EndpointSection,
        population: Population,
        model: &MultivariableModel,
    ) -> Task {
        let transform = self.protocol().cox.as_ref().map(|section| section.ph_test);
        let with = |names: &[String]| CoxQuery {
            proportional_hazards: transform.map(terms::time_transform),
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

    fn cox_query(
        &self,
        endpoint: &EndpointSection,
        population: Population,
        terms: Vec<Term>,
    ) -> CoxQuery {
        let ties = self.protocol().cox.as_ref().map(|section| section.ties).unwrap_or_default();
        CoxQuery {
            cluster: (population == Population::Matched).then(|| PAIR.into()),
            options: CoxOptions {
                ties: terms::ties(ties),
                confidence: self.confidence(),
                ..CoxOptions::default()
            },
            concordance: true,
            ..CoxQuery::new(endpoint_columns(endpoint), terms)
        }
    }

    fn subgroup(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection, subgroup: &Subgroup) {
        let rows = self.rows(subgroup.population);
        if let Some(variable) = &subgroup.compare {
            let levels = self.analysed_levels(subgroup, variable);
            let rows = self.at_levels(&self.with_value(&rows, variable), variable, &levels);
            let population = key::compared(subgroup.population.id(), variable);
            self.curves(tasks, endpoint, &population, &rows, variable);
            let query = self.comparison_query(endpoint, variable);
            let key = key::comparison(&endpoint.id, &population, LOG_RANK);
            tasks.push(self.task(key, rows, Question::Compare(query)));
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
        CoxQuery {
            cluster: None,
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
        let matched = self.protocol().matching.as_ref().map(|_| Population::Matched);
        [Population::All].into_iter().chain(matched).collect()
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
            Population::Matched => self.with_value(&everyone, PAIR),
            Population::Exposed => {
                self.at_level(&everyone, &exposure.column, &exposure.exposed.value)
            }
            Population::Comparator => {
                self.at_level(&everyone, &exposure.column, &exposure.comparator.value)
            }
        }
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

/// Probability of the median.
const MEDIAN: f64 = 0.5;

pub(crate) const PROPENSITY: &str = "propensity score";
pub(crate) const MATCHING: &str = "matching";
pub(crate) const UNIVARIABLE: &str = "univariable";
pub(crate) const SUBGROUP: &str = "subgroup";
pub(crate) const LOG_RANK: &str = "log_rank";
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

    pub(crate) fn follow_up(endpoint: &str, population: &str, by_arm: bool) -> String {
        let whom = if by_arm { "by arm" } else { "of all" };
        format!("{endpoint} {population} follow-up {whom}")
    }

    pub(crate) fn comparison(endpoint: &str, population: &str, test: &str) -> String {
        format!("{endpoint} {population} {test}")
    }

    pub(crate) fn cox(endpoint: &str, population: &str, model: &str) -> String {
        format!("{endpoint} {population} cox {model}")
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
