//! The tables of the report, in its order.

mod balance;
mod baseline;
mod bootstrap;
mod cox;
mod differences;
mod flow;
mod flow_counts;
mod person_time;
mod piecewise;
mod propensity;
mod quality;
mod quantities;
mod selection;
mod sites;
mod subgroups;
mod summary;
mod survival;
mod target_trial;

pub(crate) use balance::{balance_measures, balance_tests, balance_unmatched, balance_within};
pub(crate) use baseline::baseline;
pub(crate) use bootstrap::bootstrap;
pub(crate) use cox::{
    firth, hazard_ratios, hidden_bias, main_hazard_ratios, model_id, models, proportional_hazards,
    proportional_hazards_term, reuse, sensitivity, variance_in, variances,
};
pub(crate) use differences::differences;
pub(crate) use flow::{flow, missing, step_id};
pub(crate) use flow_counts::flow_counts;
pub(crate) use person_time::person_time;
pub(crate) use piecewise::piecewise;
pub(crate) use propensity::{matching, overlap, propensity, weighting};
pub(crate) use quality::quality;
pub(crate) use quantities::quantities;
pub(crate) use selection::selection;
pub(crate) use sites::{sites, without_sites};
pub(crate) use subgroups::{comparisons, events, interaction, is_unadjusted, methods, subgroups};
pub(crate) use summary::{sentences, summary};
pub(crate) use survival::{comparison_tests, follow_up, medians, rates, restricted_means};
pub(crate) use target_trial::{late_confounders, target_trial};

use crate::document::Text;
use crate::numbers::Numbers;
use crate::table::Cell;
use study::StudyResult;
use study::result::{EndpointOutline, Label, TermOutline, id};

/// First part of the ids of numbers that belong to no endpoint.
pub(crate) const STUDY: &str = "study";

/// Heading of the column of endpoints.
pub(crate) const ENDPOINT: &str = "Endpoint";

/// Term of the ids of numbers that speak of everyone, or of a model as a whole.
pub(crate) const WHOLE: &str = "all";

/// A result and its numbers by id.
pub(crate) struct Source<'a> {
    /// The result.
    pub result: &'a StudyResult,
    /// Its numbers.
    pub numbers: Numbers<'a>,
}

impl<'a> Source<'a> {
    /// The result, ready to be looked up.
    pub fn of(result: &'a StudyResult) -> Self {
        Self { result, numbers: Numbers::of(result) }
    }

    /// The arms, the exposed first.
    pub fn arms(&self) -> &'a [Label] {
        &self.result.outline.arms
    }

    /// Populations in which the arms are compared.
    pub fn populations(&self) -> &'a [Label] {
        &self.result.outline.populations
    }

    /// Endpoints.
    pub fn endpoints(&self) -> &'a [EndpointOutline] {
        &self.result.outline.endpoints
    }

    /// What readers call an endpoint.
    pub fn endpoint_label(&self, endpoint: &str) -> String {
        let known = self.endpoints().iter().find(|known| known.id == endpoint);
        known.map_or_else(|| endpoint.to_owned(), |known| known.label.clone())
    }

    /// What readers call a population.
    pub fn population_label(&self, population: &str) -> String {
        crate::words::population(&self.result.outline, population)
    }

    /// Unit of every time.
    pub fn unit(&self) -> &'static str {
        self.result.protocol.study.time_unit.name()
    }

    /// What readers call a level of a variable.
    pub fn level_label<'b>(&self, variable: &str, level: &'b Label) -> &'b str {
        crate::words::level(&self.result.protocol, variable, &level.label)
    }

    /// What a term of a model is compared with; empty for a number.
    pub fn reference_cell(&self, term: &TermOutline) -> Cell {
        let reference = term.reference.as_deref().unwrap_or("");
        Cell::new(crate::words::level(&self.result.protocol, &term.variable, reference))
    }

    /// Whether the patients of a population have weights.
    pub fn has_weights(&self, population: &str) -> bool {
        crate::words::has_weights(&self.result.protocol, population)
    }

    /// The analysis of the ids of the comparison of curves in a population.
    pub fn comparison(&self, population: &str) -> &'static str {
        if self.has_weights(population) { "robust_score" } else { "log_rank" }
    }

    /// Heading of the p-value of the comparison of curves where populations stand side by side.
    pub fn comparison_heading<'b>(
        &self,
        populations: impl Iterator<Item = &'b str>,
    ) -> &'static str {
        let (mut any, mut all) = (false, true);
        for population in populations {
            let has_weights = self.has_weights(population);
            any |= has_weights;
            all &= has_weights;
        }
        match (any, all) {
            (true, true) => "Robust score P",
            (true, false) => "Log-rank or robust score P",
            (false, _) => "Log-rank P",
        }
    }

    /// Patients of an arm.
    pub fn arm_size(&self, population: &str, arm: &Label) -> Text {
        let id = id::quantity(STUDY, population, "flow", &arm.id, "n");
        self.numbers.cell(&id, crate::number::count).into()
    }
}
