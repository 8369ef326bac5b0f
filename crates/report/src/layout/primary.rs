//! The one analysis on which the conclusion of the study rests.

use crate::document::{Cell, Text};
use crate::number;
use crate::tables::Source;
use crate::words;
use study::result::id;

/// The primary analysis of a study.
pub(super) struct Primary<'a> {
    source: &'a Source<'a>,
    /// Endpoint of the ids.
    pub endpoint: &'a str,
    /// Population of the ids.
    pub population: &'a str,
    model: Option<&'a str>,
}

impl<'a> Primary<'a> {
    pub fn of(source: &'a Source<'a>) -> Self {
        let section = &source.result.protocol.report.primary;
        let (endpoint, population) = (section.endpoint.as_str(), section.population.id());
        Self { source, endpoint, population, model: section.model.as_deref() }
    }

    /// What it is, within a sentence.
    pub fn name(&self) -> String {
        let protocol = &self.source.result.protocol;
        let (exposed, comparator) =
            (&protocol.exposure.exposed.label, &protocol.exposure.comparator.label);
        let what = match self.model {
            Some("univariable") if self.population == "all" => {
                "the unadjusted hazard ratio".to_owned()
            }
            Some("univariable") => "the marginal hazard ratio".to_owned(),
            Some(model) => format!("the hazard ratio of the model \"{}\"", self.model_label(model)),
            None => "the comparison of the survival curves".to_owned(),
        };
        format!(
            "{what} of {exposed} against {comparator} for {} in {}",
            self.endpoint_label(),
            self.population_label()
        )
    }

    /// Whether it is this analysis of the ids.
    pub fn is_model(&self, analysis: &str) -> bool {
        self.model.is_some_and(|model| analysis.strip_prefix("cox_") == Some(model))
    }

    /// What readers call the endpoint, within a sentence.
    pub fn endpoint_label(&self) -> String {
        words::within(&self.source.endpoint_label(self.endpoint))
    }

    /// What readers call the population, within a sentence.
    pub fn population_label(&self) -> String {
        words::within(&self.source.population_label(self.population))
    }

    fn model_label(&self, model: &str) -> String {
        let cox = self.source.result.protocol.cox.as_ref();
        let known = cox.and_then(|cox| cox.multivariable.iter().find(|known| known.id == model));
        known.map_or_else(|| model.to_owned(), |known| known.label.clone())
    }

    /// The hazard ratio with its limits, where the primary analysis is one.
    pub fn ratio(&self) -> Option<Cell> {
        let id = self.hazard_id("hazard_ratio")?;
        self.source.numbers.has(&id).then(|| self.source.numbers.ratio(&id))
    }

    /// The hazard ratio without rounding.
    pub fn ratio_value(&self) -> Option<f64> {
        self.source.numbers.value(&self.hazard_id("hazard_ratio")?)
    }

    /// Id of the p-value of the primary analysis.
    pub fn p_value_id(&self) -> String {
        self.hazard_id("p_value").unwrap_or_else(|| self.comparison_id())
    }

    /// Its p-value in a sentence: `P = 0.021`.
    pub fn p_clause(&self) -> Text {
        p_clause(self.source.numbers.cell(&self.p_value_id(), number::p_value))
    }

    /// Whether the p-value lies below what the confidence of the intervals leaves.
    pub fn is_significant(&self) -> Option<bool> {
        let level = 1.0 - self.source.result.protocol.survival.confidence;
        self.source.numbers.value(&self.p_value_id()).map(|p_value| p_value < level)
    }

    /// The p-value of the comparison of the curves.
    pub fn comparison_id(&self) -> String {
        let column = id::part(&self.source.result.protocol.exposure.column);
        let analysis = self.source.comparison(self.population);
        id::quantity(self.endpoint, self.population, analysis, &column, "p_value")
    }

    fn hazard_id(&self, name: &str) -> Option<String> {
        let analysis = format!("cox_{}", self.model?);
        let exposed = &self.source.arms().first()?.id;
        Some(id::quantity(self.endpoint, self.population, &analysis, exposed, name))
    }
}

/// A p-value in a sentence.
pub(super) fn p_clause(cell: Cell) -> Text {
    Cell { text: number::p_clause(&cell.text), ..cell }.into()
}
