//! Questions that rest on the answers of the analyses: models adjusted for what matching has left
//! unbalanced, the primary model without each site, coefficients over time, and hazard ratios by
//! intervals where hazards are in doubt.

use super::{MATCHING_LEFT, Pipeline, UNIVARIABLE, key};
use crate::question::{Answer, Question, Task};
use crate::terms::{self, endpoint_names, exposure_term};
use cohort::{Estimate, Selection, Term};
use cox::{CoxFit, CoxQuery, DiagnosticsQuery, PiecewiseQuery, ProportionalHazards, SmoothOptions};
use study::protocol::{EndpointSection, MultivariableModel, Population, SelectionRule};

/// The p-value below which proportional hazards are in doubt.
pub(crate) const NON_PROPORTIONAL_BELOW: f64 = 0.05;

/// A model that was tested for proportional hazards.
pub(crate) struct Tested<'a> {
    /// Its endpoint.
    pub endpoint: &'a EndpointSection,
    /// Who is analysed.
    pub population: Population,
    /// The part of its key and of its ids that names it.
    pub name: String,
    /// What readers call it.
    pub label: String,
    /// The model.
    query: CoxQuery,
    /// The tests.
    tests: ProportionalHazards,
}

impl Tested<'_> {
    /// Whether hazards are in doubt, in all terms together or in the exposure.
    pub(crate) fn is_in_doubt(&self, exposure: &str) -> bool {
        let below = |p_value: Estimate| p_value.is_ok_and(|p| p < NON_PROPORTIONAL_BELOW);
        let of_exposure = self.tests.terms.iter().filter(|test| test.term == exposure);
        below(self.tests.global.p_value)
            || of_exposure.into_iter().any(|test| below(test.test.p_value))
    }

    /// The terms whose ratios may change: the exposure, and those in doubt that have ratios.
    fn changing(&self, exposure: &str) -> Vec<String> {
        let has_ratio = |term: &str| {
            let own = self.query.terms.iter().find(|known| known.name() == term);
            own.is_some_and(|known| !matches!(known, Term::Spline { .. }))
        };
        let is_changing = |term: &str, p_value: Estimate| {
            term == exposure || p_value.is_ok_and(|p| p < NON_PROPORTIONAL_BELOW)
        };
        let tests = self.tests.terms.iter();
        tests
            .filter(|test| is_changing(&test.term, test.test.p_value) && has_ratio(&test.term))
            .map(|test| test.term.clone())
            .collect()
    }
}

impl Pipeline {
    /// Everything that rests on the analyses.
    pub(super) fn checks(&self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for endpoint in &self.protocol().endpoints {
            tasks.extend(self.residual_imbalance(endpoint));
            self.without_sites(&mut tasks, endpoint);
        }
        for tested in self.tested() {
            let rows = self.rows(tested.population);
            let place = (&tested.endpoint.id, tested.population.id(), &tested.name);
            let diagnostics = DiagnosticsQuery {
                over_time: Some(SmoothOptions::default()),
                ..DiagnosticsQuery::new(tested.query.clone())
            };
            let key = key::over_time(place.0, place.1, place.2);
            tasks.push(self.task(key, rows.clone(), Question::OverTime(diagnostics)));
            let exposure = exposure_term(&self.protocol().exposure).name();
            if !tested.is_in_doubt(&exposure) {
                continue;
            }
            let cuts = self.piecewise_cuts(tested.endpoint, &rows);
            let terms = tested.changing(&exposure);
            if !cuts.is_empty() && !terms.is_empty() {
                let model =
                    CoxQuery { proportional_hazards: None, concordance: false, ..tested.query };
                let query = PiecewiseQuery { model, cuts, terms };
                let key = key::piecewise(place.0, place.1, place.2);
                tasks.push(self.task(key, rows, Question::Piecewise(query)));
            }
        }
        tasks
    }

    /// The covariates that the design has left unbalanced; absent without a design.
    pub(crate) fn left_unbalanced(&self) -> Option<Vec<String>> {
        let population = self.protocol().adjusted()?;
        let Some(Ok(Answer::Balance(answer))) = self.answers.get(&key::balance(population)) else {
            return None;
        };
        let threshold = self.protocol().balance.threshold;
        let is_unbalanced = |row: &&balance::BalanceRow| {
            row.differences.standardised.pooled.is_ok_and(|smd| smd.abs() > threshold)
        };
        let rows = answer.table.rows.iter().filter(is_unbalanced);
        Some(rows.map(|row| row.baseline.variable.clone()).collect())
    }

    /// The exposure with what the design has left unbalanced.
    fn residual_imbalance(&self, endpoint: &EndpointSection) -> Option<Task> {
        let section = self.protocol().cox.as_ref()?;
        let population = self.protocol().adjusted()?;
        if !section.populations.contains(&population) {
            return None;
        }
        let left = self.left_unbalanced().filter(|left| !left.is_empty())?;
        let mut terms = vec![exposure_term(&self.protocol().exposure)];
        terms.extend(left.iter().map(|name| terms::term(self.protocol(), name)));
        let query = CoxQuery {
            proportional_hazards: self.tested_on(population),
            ..self.cox_query(endpoint, population, terms)
        };
        let key = key::cox(&endpoint.id, population.id(), MATCHING_LEFT);
        Some(self.task(key, self.rows(population), Question::Cox(query)))
    }

    /// The models of the exposure alone and of several terms that were tested.
    pub(crate) fn tested(&self) -> Vec<Tested<'_>> {
        let Some(section) = &self.protocol().cox else { return Vec::new() };
        let is_screened = section.univariable.contains(&self.protocol().exposure.column);
        let mut tested = Vec::new();
        for endpoint in &self.protocol().endpoints {
            for &population in section.populations.iter().filter(|_| is_screened) {
                tested.extend(self.tested_alone(endpoint, population));
            }
            for model in &section.multivariable {
                for &population in &model.populations {
                    tested.extend(self.tested_model(endpoint, population, model));
                }
            }
        }
        tested
    }

    fn tested_alone<'a>(
        &'a self,
        endpoint: &'a EndpointSection,
        population: Population,
    ) -> Option<Tested<'a>> {
        let exposure = exposure_term(&self.protocol().exposure);
        let key = key::cox(&endpoint.id, population.id(), UNIVARIABLE);
        let Some(Ok(Answer::Screen(lines))) = self.answers.get(&key) else { return None };
        let line = lines.iter().find(|line| line.term == exposure.name())?;
        Some(Tested {
            endpoint,
            population,
            name: UNIVARIABLE.into(),
            label: "Univariable".into(),
            tests: line.fit.as_ref().ok()?.proportional_hazards.clone()?,
            query: self.cox_query(endpoint, population, vec![exposure]),
        })
        .map(|tested| self.on_scale(tested))
    }

    fn tested_model<'a>(
        &'a self,
        endpoint: &'a EndpointSection,
        population: Population,
        model: &MultivariableModel,
    ) -> Option<Tested<'a>> {
        let key = key::cox(&endpoint.id, population.id(), &model.id);
        let (fit, names): (&CoxFit, &[String]) = match self.answers.get(&key) {
            Some(Ok(Answer::Cox(fit))) => (fit, &model.terms),
            Some(Ok(Answer::Select(chosen))) => (&chosen.fit, &chosen.steps.last()?.terms),
            _ => return None,
        };
        debug_assert!(model.rule != SelectionRule::Listed || names.len() == model.terms.len());
        let terms = terms::of_model(self.protocol(), model, names);
        Some(Tested {
            endpoint,
            population,
            name: model.id.clone(),
            label: model.label.clone(),
            tests: fit.proportional_hazards.clone()?,
            query: self.cox_query(endpoint, population, terms),
        })
        .map(|tested| self.on_scale(tested))
    }

    /// The same with the scale of time of the tests.
    fn on_scale<'a>(&self, tested: Tested<'a>) -> Tested<'a> {
        let query = CoxQuery {
            proportional_hazards: self.tested_on(tested.population),
            concordance: false,
            ..tested.query
        };
        Tested { query, ..tested }
    }

    /// The cuts of the protocol that lie within the events, or the median time of the events.
    fn piecewise_cuts(&self, endpoint: &EndpointSection, rows: &Selection) -> Vec<f64> {
        let section = self.protocol().cox.as_ref();
        let asked = section.map_or(&[][..], |section| &section.piecewise_cuts);
        let (time, event) = endpoint_names(&endpoint.id);
        let (Ok(times), Ok(events)) =
            (self.cohort().numeric(&time, rows), self.cohort().numeric(&event, rows))
        else {
            return Vec::new();
        };
        let has_event = times.iter().zip(&events).filter(|(_, event)| **event == 1.0);
        let mut of_events: Vec<f64> = has_event.map(|(time, _)| *time).collect();
        of_events.sort_by(f64::total_cmp);
        let (Some(&first), Some(&last)) = (of_events.first(), of_events.last()) else {
            return Vec::new();
        };
        let asked = if asked.is_empty() { &endpoint.times[..] } else { asked };
        let is_within = |cut: &f64| 0.0 < *cut && first <= *cut && *cut < last;
        let mut cuts: Vec<f64> = asked.iter().copied().filter(is_within).collect();
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        if cuts.is_empty() {
            cuts.extend(numerics::sum::quantile_type_7(&of_events, 0.5).filter(is_within));
        }
        cuts
    }
}
