//! By how much the arms differ in time and in probability.

use super::{ENDPOINT, Source};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::result::{EndpointOutline, Label, id};

/// One row per endpoint, population and measure: difference and ratio of the arms.
pub(crate) fn differences(source: &Source) -> Table {
    let protocol = &source.result.protocol;
    let ci = words::confidence_interval(protocol);
    let mut columns = [ENDPOINT, "Population", "Measure"].map(Column::key).to_vec();
    columns.extend(
        [format!("Difference ({ci})"), format!("Ratio ({ci})"), "P".into()].map(Column::value),
    );
    let (exposed, comparator) =
        (&protocol.exposure.exposed.label, &protocol.exposure.comparator.label);
    let title = format!("Differences of the arms, {exposed} against {comparator}");
    let mut table = Table::new("differences", title, columns);
    for endpoint in source.endpoints() {
        for population in source.populations() {
            let known = measures(source, endpoint)
                .into_iter()
                .filter_map(|measure| row(source, endpoint, population, &measure));
            table.rows.extend(known);
        }
    }
    table.note(format!(
        "Differences: {exposed} minus {comparator}; those of survival are percentage points. P is that \
         of the difference. Limits of differences of medians come from the limits of both, which gives \
         no P; by rule SPSS from their standard errors.{}",
        of_design(source)
    ));
    table
}

/// What the members of pairs or sets do to the limits.
fn of_design(source: &Source) -> String {
    let protocol = &source.result.protocol;
    let has_clusters = protocol.matching.as_ref().is_some_and(|section| section.has_clusters());
    match (protocol.adjusted(), has_clusters) {
        (None, _) => String::new(),
        (Some(_), true) => {
            " In matched patients the limits allow for pairs or sets, whose members are \
                            not independent."
                .into()
        }
        (Some(_), false) => {
            format!(" In {} the variance is robust.", words::adjusted(protocol))
        }
    }
}

/// A measure: what it is called, and its part of the ids before and behind the kind of contrast.
struct Measure {
    label: String,
    name: &'static str,
    ending: String,
    write: number::Write,
}

fn measures(source: &Source, endpoint: &EndpointOutline) -> Vec<Measure> {
    let protocol = &source.result.protocol;
    let unit = source.unit();
    let of_time = |time: f64| format!("{} {}", words::plain(time), words::unit_of(protocol, time));
    let median = |rule: &study::protocol::QuantileRule| Measure {
        label: format!("Median, {unit} ({} rule)", words::quantile(*rule)),
        name: "median",
        ending: format!("_{}", words::quantile_id(*rule)),
        write: number::time,
    };
    let survival = |&time: &f64| Measure {
        label: format!("Survival at {}, %", of_time(time)),
        name: "survival",
        ending: format!("@{time}"),
        write: number::percent,
    };
    let mean = |&tau: &f64| Measure {
        label: format!("Restricted mean to {}, {unit}", of_time(tau)),
        name: "restricted_mean",
        ending: format!("@{tau}"),
        write: number::time,
    };
    let section = &protocol.survival;
    let medians = section.median_ci.iter().map(median);
    let rates = endpoint.times.iter().map(survival);
    medians.chain(rates).chain(section.restricted_mean.iter().map(mean)).collect()
}

/// The row of a measure; none where it was not asked.
fn row(
    source: &Source,
    endpoint: &EndpointOutline,
    population: &Label,
    measure: &Measure,
) -> Option<Row> {
    let exposure = id::part(&source.result.protocol.exposure.column);
    let id = |kind: &str| {
        let name = format!("{}_{kind}{}", measure.name, measure.ending);
        id::quantity(&endpoint.id, &population.id, "differences", &exposure, &name)
    };
    let (difference, p_value) = (id("difference"), id("difference_p_value"));
    if !source.numbers.has(&difference) {
        return None;
    }
    let p_value = match source.numbers.has(&p_value) {
        true => source.numbers.cell(&p_value, number::p_value),
        false => Cell::new(""),
    };
    Some(Row::new(vec![
        Cell::from(&endpoint.label),
        Cell::from(&population.label),
        Cell::new(&measure.label),
        source.numbers.with_limits(&difference, measure.write),
        source.numbers.ratio(&id("ratio")),
        p_value,
    ]))
}
