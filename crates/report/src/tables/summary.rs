//! The main numbers of the study on one page.

use super::{ENDPOINT, STUDY, Source, WHOLE};
use crate::document::Text;
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::Protocol;
use study::result::{EndpointOutline, FlowKind, Label, id};

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
fn notes(source: &Source) -> Vec<Text> {
    let Some(cox) = &source.result.protocol.cox else { return Vec::new() };
    let protocol = &source.result.protocol;
    let variance = match protocol.adjusted() {
        Some(_) => format!(
            "; in {} the variance is {}",
            words::adjusted(protocol),
            words::variance(protocol, cox.variance)
        ),
        None => String::new(),
    };
    let mut notes = vec![Text::from(format!(
        "Univariable hazard ratio: Cox model of the exposure alone, ties by {}{variance}.",
        words::ties(cox.ties)
    ))];
    if words::any_weights(protocol) {
        notes.push(weighted_note(protocol).into());
    }
    notes
}

/// What the numbers of patients with weights are.
fn weighted_note(protocol: &Protocol) -> String {
    format!(
        "In {} curves, medians and hazard ratios are weighted with robust variances; patients and \
         events are counted without weights. The {} stands in the place of the log-rank test.",
        words::adjusted(protocol),
        words::ROBUST_SCORE
    )
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
        let populations = self.source.populations().iter().map(|known| known.id.as_str());
        let heading = self.source.comparison_heading(populations);
        self.per_population(table, heading, &|population| {
            let (endpoint, analysis) = (&self.endpoint.id, self.source.comparison(&population.id));
            let id = id::quantity(endpoint, &population.id, analysis, &exposure, "p_value");
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
pub(crate) fn sentences(source: &Source) -> Vec<Text> {
    let n = |step: &str| {
        let id = id::quantity(STUDY, WHOLE, "flow", step, "n");
        Text::from(source.numbers.cell(&id, number::count))
    };
    let flow = &source.result.outline.flow;
    let last = flow
        .iter()
        .rev()
        .find(|step| !matches!(step.kind, FlowKind::Arm | FlowKind::Matched | FlowKind::Weighted));
    let (Some(first), Some(last)) = (flow.first(), last) else { return Vec::new() };
    let arm =
        |arm: &Label| Text::fill("{} {}", [source.arm_size(WHOLE, arm), arm.label.as_str().into()]);
    let arms = Text::list(source.arms().iter().map(arm));
    let patients = Text::fill(
        "Of {} patients in the table {} were analysed: {}.",
        [n(&first.id), n(&last.id), arms],
    );
    std::iter::once(patients).chain(design_sentence(source)).collect()
}

/// What matching or weighting has made of the arms.
fn design_sentence(source: &Source) -> Option<Text> {
    let protocol = &source.result.protocol;
    let of_matching = |name: &str| {
        let id = id::quantity(STUDY, "matched", "matching", WHOLE, name);
        source.numbers.has(&id).then(|| Text::from(source.numbers.cell(&id, number::count)))
    };
    if let Some(section) = &protocol.matching {
        if section.is_one_to_one() {
            let pairs = of_matching("n_pairs")?;
            let share = id::quantity(STUDY, "matched", "matching", WHOLE, "share_matched");
            let share = source.numbers.cell(&share, number::percent).into();
            return Some(Text::fill(
                "Matching on the propensity score gave {} pairs; of the exposed {} per cent have a partner.",
                [pairs, share],
            ));
        }
        let (exposed, comparators) =
            (of_matching("n_matched_exposed")?, of_matching("n_matched_comparators")?);
        let word = if section.forms_classes() { "classes" } else { "sets" };
        let sets = of_matching("n_sets");
        let sets = sets.map_or(Text::default(), |n| Text::fill(" in {} {}", [n, word.into()]));
        return Some(Text::fill(
            "Matching kept {} exposed patients and {} comparators{}; they have weights.{}",
            [exposed, comparators, sets, effective_sizes(source, "matched")],
        ));
    }
    let section = protocol.weighting.as_ref()?;
    let estimand = words::weight_estimand(section.estimand).into();
    let sizes = effective_sizes(source, "weighted");
    Some(Text::fill("Weights speak for {}.{}", [estimand, sizes]))
}

/// How many patients the weighted arms are worth.
fn effective_sizes(source: &Source, population: &str) -> Text {
    let id = |arm: &Label| id::quantity(STUDY, population, "balance", &arm.id, "effective_n");
    // An arm without patients has no size.
    if !source.arms().iter().all(|arm| source.numbers.has(&id(arm))) {
        return Text::default();
    }
    let size = |arm: &Label| {
        let size = source.numbers.cell(&id(arm), number::time).into();
        Text::fill("{} {}", [size, arm.label.as_str().into()])
    };
    let sizes = Text::list(source.arms().iter().map(size));
    Text::fill(" The effective sample size is {}.", [sizes])
}
