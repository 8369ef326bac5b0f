//! Events over person-time, how complete follow-up is, and why it ended.

use super::{ENDPOINT, Source, WHOLE};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::result::{EndpointOutline, Label, id};

/// A column of the table: heading, name of the number, how it is written, whether it has limits.
type Measure = (String, String, number::Write, bool);

/// One row per endpoint, population and arm; what the data do not answer is left out.
pub(crate) fn person_time(source: &Source) -> Table {
    let everyone = Label { id: WHOLE.into(), label: "Both arms".into() };
    let has = |measure: &Measure| {
        source.endpoints().iter().any(|endpoint| {
            source.populations().iter().any(|population| {
                std::iter::once(&everyone).chain(source.arms()).any(|group| {
                    source.numbers.has(&place(endpoint, population, &group.id, &measure.1))
                })
            })
        })
    };
    let measures: Vec<Measure> = measures(source).into_iter().filter(has).collect();
    let mut columns = [ENDPOINT, "Population", "Group"].map(Column::key).to_vec();
    columns.extend(measures.iter().map(|measure| Column::value(measure.0.clone())));
    let mut table = Table::new("person_time", "Events, person-time and censoring", columns);
    if measures.is_empty() {
        return table;
    }
    for endpoint in source.endpoints() {
        for population in source.populations() {
            for group in std::iter::once(&everyone).chain(source.arms()) {
                let names = [&endpoint.label, &population.label, &group.label].map(Cell::from);
                let cells = measures.iter().map(|(_, name, write, has_limits)| {
                    let id = place(endpoint, population, &group.id, name);
                    match (source.numbers.has(&id), has_limits) {
                        (false, _) => Cell::new(""),
                        (true, true) => source.numbers.with_limits(&id, *write),
                        (true, false) => source.numbers.cell(&id, *write),
                    }
                });
                table.rows.push(Row::new(names.into_iter().chain(cells).collect()));
            }
        }
    }
    table.note("Event rates with exact Poisson limits.");
    if measures.iter().any(|(_, name, ..)| name.ends_with("completeness")) {
        table.note(
            "Completeness: observed over potential person-time to the data lock (Clark's index).",
        );
    }
    if words::any_weights(&source.result.protocol) {
        table.note(
            "Weighted: sums in which each patient counts with the weight of the design; limits of \
             weighted rates are robust and take the weights as known. All other columns count patients.",
        );
    }
    table
}

fn place(endpoint: &EndpointOutline, population: &Label, group: &str, name: &str) -> String {
    // What belongs to a reason stands under the group.
    id::quantity(&endpoint.id, &population.id, "followup", group, name)
}

fn measures(source: &Source) -> Vec<Measure> {
    let ci = words::confidence_interval(&source.result.protocol);
    let unit = source.unit();
    let plain = |title: &str, name: &str, write: number::Write| {
        (title.to_owned(), name.to_owned(), write, false)
    };
    let rate = format!("Events per 100 person-years ({ci})");
    let ratio = format!("Rate ratio ({ci})");
    let mut measures = vec![
        plain("Patients", "n", number::count),
        plain("Events", "n_events", number::count),
        plain("Person-years", "person_years", number::time),
        (rate.clone(), "event_rate".to_owned(), number::time, true),
        (ratio.clone(), "rate_ratio".to_owned(), number::ratio, true),
        plain("Weighted events", "weighted_n_events", number::time),
        plain("Weighted person-years", "weighted_person_years", number::time),
        (
            format!("Weighted: {}", words::within(&rate)),
            "weighted_event_rate".to_owned(),
            number::time,
            true,
        ),
        (
            format!("Weighted: {}", words::within(&ratio)),
            "weighted_rate_ratio".to_owned(),
            number::ratio,
            true,
        ),
        plain(&format!("Follow-up, first quartile ({unit})"), "q1", number::time),
        plain(&format!("Follow-up, third quartile ({unit})"), "q3", number::time),
        plain("Completeness (%)", "completeness", number::percent),
        plain("Weighted completeness (%)", "weighted_completeness", number::percent),
        plain("Censored", "n_censored", number::count),
        plain("Censored at the data lock", "n_censored_at_lock", number::count),
        plain("Censored before it", "n_censored_before_lock", number::count),
    ];
    for endpoint in &source.result.protocol.endpoints {
        let Some(censoring) = &endpoint.censoring else { continue };
        for (level, label) in censoring.levels.iter().zip(&censoring.labels) {
            let name = format!("{}/n_censored", id::level(&censoring.column, level));
            measures.push(plain(&format!("Censored: {label}"), &name, number::count));
        }
        measures.push(plain("Censored: not stated", "n_censored_unknown", number::count));
    }
    measures.dedup_by(|a, b| a.1 == b.1);
    measures
}
