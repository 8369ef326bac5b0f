//! The model of exposure and the matched sample.

use super::{STUDY, Source, WHOLE};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use study::result::id;

/// Odds ratios of the propensity model.
pub(crate) fn propensity(source: &Source) -> Table {
    let ci = words::confidence_interval(&source.result.protocol);
    let columns = vec![
        Column::key("Term"),
        Column::key("Compared with"),
        Column::value("Coefficient (SE)"),
        Column::value(format!("Odds ratio ({ci})")),
        Column::value("P"),
    ];
    let mut table =
        Table::new("propensity", "Propensity score: logistic model of exposure", columns);
    for term in &source.result.outline.propensity {
        let id = |name| id::quantity(STUDY, WHOLE, "propensity", &term.id, name);
        let numbers = &source.numbers;
        let (coefficient, error) = (id("coefficient"), id("standard_error"));
        table.rows.push(Row::new(vec![
            Cell::from(&term.label),
            source.reference_cell(term),
            numbers.coefficient(&coefficient, &error),
            numbers.ratio(&id("odds_ratio")),
            numbers.cell(&id("p_value"), number::p_value),
        ]));
    }
    let propensity = source.result.protocol.propensity.as_ref();
    if propensity.is_some_and(|section| !section.splines.is_empty()) {
        let note = "The columns of a spline make one curve; none of them has a meaning of its own.";
        table.notes.push(note.into());
    }
    let id = |name| id::quantity(STUDY, WHOLE, "propensity", WHOLE, name);
    table.notes.push(format!(
        "c-statistic {}; standard deviation of the logit of the score {} (denominator n - 1).",
        source.numbers.cell(&id("c_statistic"), number::ratio).text,
        source.numbers.cell(&id("linear_predictor_sd"), number::ratio).text,
    ));
    table
}

/// What the matched sample promises and keeps.
pub(crate) fn matching(source: &Source) -> Table {
    let columns = vec![Column::key("Matching"), Column::value("Value")];
    let mut table = Table::new("matching", "Matched sample", columns);
    let protocol = &source.result.protocol;
    let scales = protocol.matching.as_ref().map_or(("", ""), words::match_scales);
    let (caliper, distance) = scales;
    let rows: [(String, &str, number::Write); 9] = [
        ("Pairs".into(), "n_pairs", number::count),
        ("Exposed patients without a partner".into(), "n_unmatched_exposed", number::count),
        ("Exposed patients with a partner (%)".into(), "share_matched", number::percent),
        ("Patients outside the common support".into(), "n_discarded", number::count),
        (format!("Caliper ({caliper})"), "caliper", number::ratio),
        ("Largest difference over the caliper (%)".into(), "largest_over_caliper", number::percent),
        (format!("Largest distance within a pair ({distance})"), "largest_distance", number::ratio),
        (format!("Sum of the distances ({distance})"), "total_distance", number::ratio),
        ("Choices between equally near comparators".into(), "n_ties", number::count),
    ];
    for (label, name, write) in rows {
        let id = id::quantity(STUDY, "matched", "matching", WHOLE, name);
        if source.numbers.has(&id) {
            let cells = vec![label.as_str().into(), source.numbers.cell(&id, write)];
            table.rows.push(Row::new(cells));
        }
    }
    if let Some(certificate) = &source.result.outline.matching {
        table.notes.push(format!(
            "Certificate: {}. Every pair was checked once more when all were found: arms, keys, \
             calipers, nobody twice. Estimand: {}. SHA-256 of the pairs of \
             ids: {}.",
            certificate.algorithm, certificate.estimand, certificate.digest,
        ));
    }
    table
}
