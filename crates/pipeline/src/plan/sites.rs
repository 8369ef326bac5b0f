//! The exposure at each site, and the primary model without each site.

use super::{Pipeline, SITE, UNIVARIABLE, key};
use crate::question::{Answer, Question, Task};
use crate::terms::{self, exposure_term};
use cohort::Term;
use cox::CoxQuery;
use study::protocol::{EndpointSection, SiteRule};
use study::result::id;

impl Pipeline {
    /// The hazard ratio of the exposure at each site, in the population that the design makes.
    pub(super) fn sites(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection) {
        let (Some(site), Some(_)) = (self.protocol().site(), &self.protocol().cox) else { return };
        let population = self.main_population();
        let query = CoxQuery {
            cluster: self.cluster(population).filter(|_| self.has_robust_sites()),
            concordance: false,
            ..self.cox_query(endpoint, population, vec![exposure_term(&self.protocol().exposure)])
        };
        for level in &site.levels {
            let rows = self.rows_at(population, &site.name, level);
            let within = id::within(population.id(), &site.name, level);
            let key = key::cox(&endpoint.id, &within, SITE);
            tasks.push(self.task(key, rows, Question::Cox(query.clone())));
        }
    }

    /// Whether the variance at a site can be that of whole sets: they lie within it, or patients have
    /// weights.
    pub(crate) fn has_robust_sites(&self) -> bool {
        let protocol = self.protocol();
        let Some(site) = protocol.site() else { return false };
        let is_exact = protocol.matching.as_ref().is_some_and(|section| {
            let own = section
                .site
                .as_ref()
                .is_some_and(|own| own.variable == site.name && own.rule == SiteRule::Exact);
            own || section.exact.contains(&site.name)
        });
        is_exact || protocol.has_weights(self.main_population())
    }

    /// The primary model on the patients of all sites but one, for each site.
    pub(super) fn without_sites(&self, tasks: &mut Vec<Task>, endpoint: &EndpointSection) {
        let (Some(site), Some(terms)) = (self.protocol().site(), self.primary_terms(endpoint))
        else {
            return;
        };
        let population = self.protocol().report.primary.population;
        let query = CoxQuery { concordance: false, ..self.cox_query(endpoint, population, terms) };
        for level in &site.levels {
            let others: Vec<String> =
                site.levels.iter().filter(|other| *other != level).cloned().collect();
            let rows = self.at_levels(&self.rows(population), &site.name, &others);
            let key = key::without_site(&endpoint.id, population.id(), level);
            tasks.push(self.task(key, rows, Question::Cox(query.clone())));
        }
    }

    /// The terms of the primary model, the chosen ones where they were chosen; none where the primary
    /// analysis is no model.
    fn primary_terms(&self, endpoint: &EndpointSection) -> Option<Vec<Term>> {
        let (protocol, primary) = (self.protocol(), &self.protocol().report.primary);
        let name = primary.model.as_deref()?;
        if name == UNIVARIABLE {
            return Some(vec![exposure_term(&protocol.exposure)]);
        }
        let model = protocol.cox.as_ref()?.multivariable.iter().find(|known| known.id == name)?;
        let names = match self.answers.get(&key::cox(&endpoint.id, primary.population.id(), name)) {
            Some(Ok(Answer::Select(chosen))) => &chosen.steps.last()?.terms,
            Some(Ok(Answer::Cox(_))) => &model.terms,
            _ => return None,
        };
        Some(terms::of_model(protocol, model, names))
    }
}
