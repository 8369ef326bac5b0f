//! From answers to the result: every number gets its id, and the outline says where it stands.
//!
//! What has no answer gives a quantity with the reason, never a gap.

mod balance;
mod bootstrap;
mod cox;
mod differences;
mod flow;
mod follow_up;
mod hidden_bias;
mod levels;
mod marks;
mod matching;
mod overlap;
mod proportionality;
mod reuse;
mod selection;
mod sites;
mod subgroup;
mod survival;
mod unlike;
mod weighting;
mod worded;

use crate::plan::{Pipeline, population_of};
use crate::question::Answer;
use ::cohort::{Caveat, Estimate, NotEstimable};
use study::StudyResult;
use study::protocol::Population;
use study::result::{
    self, CoefficientOverTime, Curve, EndpointOutline, Label, Outline, Quantity,
    ReplicateHistogram, id,
};

/// Part of an id that stands for everyone, or for a table as a whole.
const WHOLE: &str = "all";

/// First part of the ids of numbers that belong to no endpoint.
const STUDY: &str = "study";

/// Collects the result in the order of the report.
struct Assembly<'a> {
    pipeline: &'a Pipeline,
    outline: Outline,
    quantities: Vec<Quantity>,
    curves: Vec<Curve>,
    over_time: Vec<CoefficientOverTime>,
    histograms: Vec<ReplicateHistogram>,
    caveats: Vec<Caveat>,
}

pub(crate) fn result(pipeline: &Pipeline) -> StudyResult {
    let mut assembly = Assembly {
        pipeline,
        outline: outline(pipeline),
        quantities: Vec::new(),
        curves: Vec::new(),
        over_time: Vec::new(),
        histograms: Vec::new(),
        caveats: pipeline.early_caveats().to_vec(),
    };
    flow::assemble(&mut assembly);
    balance::assemble(&mut assembly);
    matching::assemble(&mut assembly);
    weighting::assemble(&mut assembly);
    overlap::adjusted(&mut assembly);
    survival::assemble(&mut assembly);
    differences::assemble(&mut assembly);
    follow_up::assemble(&mut assembly);
    cox::assemble(&mut assembly);
    proportionality::assemble(&mut assembly);
    levels::assemble(&mut assembly);
    sites::assemble(&mut assembly);
    reuse::assemble(&mut assembly);
    hidden_bias::assemble(&mut assembly);
    subgroup::assemble(&mut assembly);
    bootstrap::assemble(&mut assembly);
    marks::assemble(&mut assembly);
    assembly.word_caveats();
    StudyResult {
        schema: result::SCHEMA.into(),
        data_sha256: pipeline.study.data_sha256.clone(),
        protocol_sha256: pipeline.study.protocol_sha256.clone(),
        protocol: pipeline.protocol().clone(),
        outline: assembly.outline,
        quantities: assembly.quantities,
        curves: assembly.curves,
        over_time: assembly.over_time,
        histograms: assembly.histograms,
        caveats: assembly.caveats,
    }
}

fn outline(pipeline: &Pipeline) -> Outline {
    let protocol = pipeline.protocol();
    let exposure = &protocol.exposure;
    let arm = |arm: &study::protocol::Arm| Label {
        id: id::level(&exposure.column, &arm.value),
        label: arm.label.clone(),
    };
    let endpoint = |endpoint: &study::protocol::EndpointSection| EndpointOutline {
        id: endpoint.id.clone(),
        label: endpoint.label.clone(),
        times: endpoint.times.clone(),
    };
    let population = |population: study::protocol::Population| Label {
        id: population.id().into(),
        label: population_label(population).into(),
    };
    Outline {
        site: protocol.site().map(|site| crate::terms::variable_outline(site, None)),
        arms: exposure.arms().map(arm).to_vec(),
        populations: pipeline.main_populations().into_iter().map(population).collect(),
        endpoints: protocol.endpoints.iter().map(endpoint).collect(),
        ..Outline::default()
    }
}

fn population_label(population: study::protocol::Population) -> &'static str {
    use study::protocol::Population::{All, Comparator, Exposed, Matched, Weighted};
    match population {
        All => "All patients",
        Matched => "Matched patients",
        Weighted => "Weighted patients",
        Exposed => "Exposed patients",
        Comparator => "Comparators",
    }
}

impl Assembly<'_> {
    /// Every caveat in the words of the protocol, the same wherever it stands.
    fn word_caveats(&mut self) {
        let protocol = self.pipeline.protocol();
        let of_numbers = self.quantities.iter_mut().flat_map(|quantity| &mut quantity.caveats);
        for caveat in self.caveats.iter_mut().chain(of_numbers) {
            worded::worded(protocol, caveat);
        }
    }

    /// Gives the number of this id, where there is one, a caveat.
    fn mark(&mut self, id: &str, caveat: &Caveat) {
        let mut quantities = self.quantities.iter_mut();
        if let Some(known) = quantities.find(|quantity| quantity.id == id) {
            known.caveats.push(caveat.clone());
        }
    }

    fn push(&mut self, quantity: Quantity) {
        self.quantities.push(quantity);
    }

    /// The answer to a question; a question that was never asked has none.
    fn answer(&self, key: &str) -> Result<&Answer, NotEstimable> {
        match self.pipeline.answers.get(key) {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(reason)) => Err(*reason),
            None => Err(NotEstimable::NotDefined),
        }
    }

    /// Whether the patients of a population, by the part of an id that names it, have weights.
    fn has_weights(&self, population: &str) -> bool {
        self.pipeline.protocol().has_weights(population_of(population))
    }

    /// The robust variance of a population in a word, which says what is independent.
    fn robust(&self, population: &str) -> &'static str {
        let protocol = self.pipeline.protocol();
        let section = protocol.matching.as_ref();
        match (population_of(population), section) {
            (Population::Matched, Some(section)) if section.is_one_to_one() => "pair-robust",
            (Population::Matched, Some(section)) if section.has_clusters() => "set-robust",
            _ => "robust",
        }
    }

    /// Unit of every time.
    fn time_unit(&self) -> &'static str {
        self.pipeline.protocol().study.time_unit.name()
    }
}

/// Spells the ids of one endpoint, population and analysis.
#[derive(Clone, Debug)]
struct Place {
    endpoint: String,
    population: String,
    analysis: String,
}

impl Place {
    fn new(
        endpoint: impl Into<String>,
        population: impl Into<String>,
        analysis: impl Into<String>,
    ) -> Self {
        let (endpoint, population) = (endpoint.into(), population.into());
        Self { endpoint, population, analysis: analysis.into() }
    }

    fn id(&self, term: &str, name: &str) -> String {
        id::quantity(&self.endpoint, &self.population, &self.analysis, term, name)
    }

    fn id_at(&self, term: &str, name: &str, time: f64) -> String {
        id::quantity_at(&self.endpoint, &self.population, &self.analysis, term, name, time)
    }

    fn quantity(&self, term: &str, name: &str, estimate: Estimate, method: &str) -> Quantity {
        Quantity::new(self.id(term, name), estimate, method)
    }

    fn count(&self, term: &str, name: &str, count: usize) -> Quantity {
        Quantity::count(self.id(term, name), count)
    }
}
