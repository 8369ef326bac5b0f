//! The main numbers of the study on one page.

use super::{ENDPOINT, STUDY, Source, WHOLE};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::result::{EndpointOutline, Label, id};

/// Numbers down, populations and arms across; what speaks of both arms spans them.
pub(crate) fn summary(source: &Source) -> Table {
    let mut columns = vec![Column::key(ENDPOINT), Column::key("Result")];
    for population in source.populations() {
        for arm in source.arms() {
            columns.push(Column::value(&arm.label).within(&population.label));
        }
    }
    let mut table = Table::new("summary", "Main results", columns);
    for endpoint in source.endpoints() {
        let rows = Rows { source, endpoint };
        rows.counts(&mut table);
        rows.medians(&mut table);
        rows.rates(&mut table);
        rows.follow_up(&mut table);
        rows.comparison(&mut table);
    }
    table.notes = notes(source);
    table
}

/// What the hazard ratios are, where the study has any.
fn notes(source: &Source) -> Vec<String> {
    let Some(cox) = &source.result.protocol.cox else { return Vec::new() };
    let variance = match source.result.protocol.matching {
        Some(_) => {
            format!("; in matched patients the variance is {}", words::variance(cox.variance))
        }
        None => String::new(),
    };
    vec![format!(
        "Univariable hazard ratio: Cox model of the exposure alone, ties by {}{variance}.",
        words::ties(cox.ties)
    )]
}

struct Rows<'a> {
    source: &'a Source<'a>,
    endpoint: &'a EndpointOutline,
}

impl Rows<'_> {
    fn counts(&self, table: &mut Table) {
        let count = |population: &Label, arm: &Label, name| {
            self.source.numbers.cell(&self.id(population, arm, name), number::count)
        };
        let patients = |population: &Label, arm: &Label| count(population, arm, "n");
        let events = |population: &Label, arm: &Label| count(population, arm, "n_events");
        self.per_arm(table, "Patients", &patients);
        self.per_arm(table, "Events", &events);
    }

    fn medians(&self, table: &mut Table) {
        let protocol = &self.source.result.protocol;
        for rule in &protocol.survival.median_ci {
            let label = format!(
                "Median, {} ({}, {} rule)",
                self.source.unit(),
                words::confidence_interval(protocol),
                words::quantile(*rule)
            );
            let name = format!("median_{}", words::quantile_id(*rule));
            self.per_arm(table, &label, &|population, arm| {
                self.source.numbers.with_limits(&self.id(population, arm, &name), number::time)
            });
        }
    }

    fn rates(&self, table: &mut Table) {
        let protocol = &self.source.result.protocol;
        let Some(rule) = protocol.survival.interval.first() else { return };
        for time in &self.endpoint.times {
            let label = format!(
                "Survival at {time} {}, % ({}, {} rule)",
                words::unit_of(protocol, *time),
                words::confidence_interval(protocol),
                words::interval(*rule)
            );
            let name = format!("survival_{}@{time}", words::interval_id(*rule));
            self.per_arm(table, &label, &|population, arm| {
                self.source.numbers.with_limits(&self.id(population, arm, &name), number::percent)
            });
        }
    }

    fn follow_up(&self, table: &mut Table) {
        let protocol = &self.source.result.protocol;
        for rule in &protocol.survival.followup_ci {
            let label = format!(
                "Median follow-up, {} ({}, {} rule)",
                self.source.unit(),
                words::confidence_interval(protocol),
                words::quantile(*rule)
            );
            let name = format!("median_{}", words::quantile_id(*rule));
            self.per_population(table, &label, &|population| {
                let endpoint = &self.endpoint.id;
                let id = id::quantity(endpoint, &population.id, "followup", WHOLE, &name);
                self.source.numbers.with_limits(&id, number::time)
            });
        }
    }

    fn comparison(&self, table: &mut Table) {
        let exposure = id::part(&self.source.result.protocol.exposure.column);
        let numbers = &self.source.numbers;
        self.per_population(table, "Log-rank P", &|population| {
            let endpoint = &self.endpoint.id;
            let id = id::quantity(endpoint, &population.id, "log_rank", &exposure, "p_value");
            numbers.cell(&id, number::p_value)
        });
        let Some([exposed, comparator]) = self.source.arms().get(..2) else { return };
        let ratio = |population: &Label| self.hazard_ratio_id(population, exposed);
        if self.source.populations().iter().any(|population| numbers.has(&ratio(population))) {
            let label = format!(
                "Univariable hazard ratio, {} against {} ({})",
                exposed.label,
                comparator.label,
                words::confidence_interval(&self.source.result.protocol)
            );
            self.per_population(table, &label, &|population| {
                let id = ratio(population);
                if numbers.has(&id) { numbers.ratio(&id) } else { Cell::new("not in the protocol") }
            });
        }
    }

    fn hazard_ratio_id(&self, population: &Label, exposed: &Label) -> String {
        let (endpoint, population) = (&self.endpoint.id, &population.id);
        id::quantity(endpoint, population, "cox_univariable", &exposed.id, "hazard_ratio")
    }

    fn id(&self, population: &Label, arm: &Label, name: &str) -> String {
        id::quantity(&self.endpoint.id, &population.id, "survival", &arm.id, name)
    }

    fn per_arm(&self, table: &mut Table, label: &str, cell: &dyn Fn(&Label, &Label) -> Cell) {
        let mut cells: Vec<Cell> = vec![(&self.endpoint.label).into(), label.into()];
        for population in self.source.populations() {
            cells.extend(self.source.arms().iter().map(|arm| cell(population, arm)));
        }
        table.rows.push(Row::new(cells));
    }

    fn per_population(&self, table: &mut Table, label: &str, cell: &dyn Fn(&Label) -> Cell) {
        let mut cells: Vec<Cell> = vec![(&self.endpoint.label).into(), label.into()];
        let span = self.source.arms().len();
        let populations = self.source.populations();
        cells.extend(populations.iter().map(|population| cell(population).spanning(span)));
        table.rows.push(Row::new(cells));
    }
}

/// Sentences that say the same in words: how many patients, and what became of the arms.
pub(crate) fn sentences(source: &Source) -> Vec<String> {
    let n = |step: &str| {
        let id = id::quantity(STUDY, WHOLE, "flow", step, "n");
        source.numbers.cell(&id, number::count).text
    };
    let flow = &source.result.outline.flow;
    let last = flow.iter().rev().find(|step| {
        !matches!(step.kind, study::result::FlowKind::Arm | study::result::FlowKind::Matched)
    });
    let (Some(first), Some(last)) = (flow.first(), last) else { return Vec::new() };
    let arms: Vec<String> = source
        .arms()
        .iter()
        .map(|arm| format!("{} {}", source.arm_size(WHOLE, arm), arm.label))
        .collect();
    let mut sentences = vec![format!(
        "Of {} patients in the table {} were analysed: {}.",
        n(&first.id),
        n(&last.id),
        words::list(&arms)
    )];
    let pairs = id::quantity(STUDY, "matched", "matching", WHOLE, "n_pairs");
    if source.numbers.has(&pairs) {
        let pairs = source.numbers.cell(&pairs, number::count).text;
        sentences.push(format!("Matching on the propensity score gave {pairs} pairs."));
    }
    sentences
}
