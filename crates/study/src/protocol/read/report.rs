//! The section that says what the report adds to the numbers.

use super::section::Section;
use super::suggest::known_names;
use super::value::{text, word};
use crate::protocol::{
    CoxSection, EndpointSection, Population, PrimarySection, ReportSection, TrialComponent,
    TrialSection,
};

/// What the primary result can be.
pub(super) struct Analysed<'a> {
    pub(super) endpoints: &'a [EndpointSection],
    pub(super) cox: Option<&'a CoxSection>,
    pub(super) exposure: &'a str,
    /// The population in which the design makes the arms comparable, or everyone.
    pub(super) main_population: Population,
}

pub(super) fn report(section: &Section, analysed: &Analysed) -> ReportSection {
    let given = section.table("primary", |section| primary(section, analysed));
    ReportSection {
        background: section.optional("background", text),
        primary: given.unwrap_or_else(|| analysed.default(None, None)),
        figures: section.optional("figures", word).unwrap_or_default(),
        target_trial: section.table("target_trial", target_trial).unwrap_or_default(),
    }
}

fn primary(section: &Section, analysed: &Analysed) -> PrimarySection {
    let endpoint = section.optional("endpoint", |value| {
        let id = text(value)?;
        let known: Vec<&str> = analysed.endpoints.iter().map(|known| known.id.as_str()).collect();
        match known.contains(&id.as_str()) {
            true => Ok(id),
            false => {
                Err(format!("there is no endpoint `{id}`; there are {}", known_names(&id, &known)))
            }
        }
    });
    let population = section.optional("population", |value| match word::<Population>(value)? {
        population if population == Population::All || population == analysed.main_population => {
            Ok(population)
        }
        population => Err(format!("the arms are not compared in `{}`", population.id())),
    });
    let mut primary = analysed.default(endpoint, population);
    let model = section.optional("model", |value| {
        let id = text(value)?;
        let known = analysed.models(primary.population);
        match known.contains(&id.as_str()) {
            true => Ok(id),
            false => Err(format!(
                "`{}` has no model `{id}` with the exposure; it has {}",
                primary.population.id(),
                known_names(&id, &known)
            )),
        }
    });
    primary.model = model.or(primary.model);
    primary
}

impl Analysed<'_> {
    fn default(&self, endpoint: Option<String>, population: Option<Population>) -> PrimarySection {
        let first = || self.endpoints.first().map(|known| known.id.clone()).unwrap_or_default();
        let population = population.unwrap_or(self.main_population);
        let models = self.models(population);
        let is_adjusted = population != Population::All;
        // Without a design the univariable ratio is that of arms that differ at baseline.
        let model = if is_adjusted { models.first() } else { models.get(1).or(models.first()) };
        PrimarySection {
            endpoint: endpoint.unwrap_or_else(first),
            population,
            model: model.map(|&model| model.to_owned()),
        }
    }

    /// The models of a population that have the exposure, the univariable one first.
    fn models(&self, population: Population) -> Vec<&str> {
        let Some(cox) = self.cox else { return Vec::new() };
        let mut models = Vec::new();
        let has_exposure = cox.univariable.iter().any(|term| term == self.exposure);
        if has_exposure && cox.populations.contains(&population) {
            models.push("univariable");
        }
        let of_population =
            |model: &&crate::protocol::MultivariableModel| model.populations.contains(&population);
        models.extend(cox.multivariable.iter().filter(of_population).map(|one| one.id.as_str()));
        models
    }
}

fn target_trial(section: &Section) -> Vec<TrialSection> {
    let row = |component: TrialComponent| {
        section.table(component.key(), |section| TrialSection {
            component,
            target: section.optional("target", text),
            emulation: section.optional("emulation", text),
            gap: section.optional("gap", text),
        })
    };
    TrialComponent::ALL.into_iter().filter_map(row).collect()
}
