//! Baseline tables, before and after matching.

use super::{Assembly, Place, STUDY, WHOLE};
use crate::plan::key;
use crate::question::Answer;
use crate::terms::{balance_test, is_for_numbers, test_name, variable_outline};
use ::balance::{BalanceRow, BalanceTable, BalanceTest, NumericSummary, Summary};
use cohort::{Caveat, CaveatCode, Estimate, NotEstimable};
use study::protocol::{Population, Variable, VariableKind};
use study::result::{Quantity, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    let tests: Vec<BalanceTest> =
        assembly.pipeline.protocol().balance.tests.iter().copied().map(balance_test).collect();
    let outlines = assembly.pipeline.protocol().baseline_variables().map(|variable| {
        let test = printed_test(variable, &tests).map(|test| test_name(test).0.to_string());
        variable_outline(variable, test)
    });
    assembly.outline.variables = outlines.collect();
    for population in assembly.pipeline.main_populations() {
        match assembly.answer(&key::balance(population)) {
            Ok(Answer::Balance(table)) => {
                let table = table.clone();
                self::table(assembly, population, &table);
            }
            Ok(_) => without_table(assembly, population, NotEstimable::NotDefined),
            Err(reason) => without_table(assembly, population, reason),
        }
    }
}

/// A population that cannot be compared at all, such as a matched sample without pairs.
fn without_table(assembly: &mut Assembly, population: Population, reason: NotEstimable) {
    let place = Place::new(STUDY, population.id(), "balance");
    let variables = assembly.outline.variables.iter().map(|variable| variable.id.clone());
    for variable in variables.collect::<Vec<_>>() {
        assembly.push(place.quantity(&variable, "smd", Err(reason), SMD));
    }
    assembly.push(place.quantity(WHOLE, "largest_smd", Err(reason), LARGEST_SMD));
}

const SMD: &str = "standardised mean difference, pooled SD of the unmatched patients";
const LARGEST_SMD: &str = "largest absolute standardised mean difference";

/// The test that the table prints: the first that applies to the variable.
fn printed_test(variable: &Variable, tests: &[BalanceTest]) -> Option<BalanceTest> {
    let is_number = variable.kind == VariableKind::Continuous;
    tests.iter().copied().find(|&test| is_for_numbers(test) == is_number)
}

fn table(assembly: &mut Assembly, population: Population, table: &BalanceTable) {
    let place = Place::new(STUDY, population.id(), "balance");
    let arms = assembly.outline.arms.clone();
    let n_of_arms = [table.n_exposed, table.n_comparators];
    for (arm, n) in arms.iter().zip(n_of_arms) {
        assembly.push(place.count(&arm.id, "n", n));
    }
    for row in &table.rows {
        match &row.summary {
            Summary::Numeric { exposed, comparators } => {
                for (arm, summary) in arms.iter().zip([exposed, comparators]) {
                    numbers(assembly, &place, &row.variable, &arm.id, summary);
                }
            }
            Summary::Categorical { levels, exposed, comparators } => {
                for (index, level) in levels.iter().enumerate() {
                    for (arm, counts) in arms.iter().zip([exposed, comparators]) {
                        level_counts(
                            assembly,
                            &place,
                            &row.variable,
                            level,
                            &arm.id,
                            counts,
                            index,
                        );
                    }
                }
            }
        }
        tests_and_differences(assembly, &place, row);
    }
    summary(assembly, &place, population, table);
}

/// An id of the form `.../balance/{variable}/{arm}/{name}`.
fn arm_quantity(
    place: &Place,
    term: &str,
    arm: &str,
    name: &str,
    estimate: Estimate,
    method: &str,
) -> Quantity {
    place.quantity(&format!("{term}/{arm}"), name, estimate, method)
}

fn numbers(
    assembly: &mut Assembly,
    place: &Place,
    variable: &str,
    arm: &str,
    summary: &NumericSummary,
) {
    let unit = assembly.pipeline.protocol().variable(variable).and_then(|known| known.unit.clone());
    let quantities = [
        ("mean", summary.mean, "arithmetic mean"),
        ("sd", summary.sd, "standard deviation, denominator n - 1"),
        ("median", summary.median, "median"),
        ("q1", summary.q1, "first quartile, type 7"),
        ("q3", summary.q3, "third quartile, type 7"),
    ];
    for (name, estimate, method) in quantities {
        let quantity = arm_quantity(place, &id::part(variable), arm, name, estimate, method);
        assembly.push(match &unit {
            Some(unit) => quantity.in_unit(unit),
            None => quantity,
        });
    }
}

fn level_counts(
    assembly: &mut Assembly,
    place: &Place,
    variable: &str,
    level: &str,
    arm: &str,
    counts: &[usize],
    index: usize,
) {
    let term = id::level(variable, level);
    let (n, total) = (counts[index] as f64, counts.iter().sum::<usize>() as f64);
    assembly.push(arm_quantity(place, &term, arm, "n", Ok(n), "count"));
    let share = if total > 0.0 { Ok(n / total) } else { Err(NotEstimable::NoSubjects) };
    assembly.push(arm_quantity(place, &term, arm, "share", share, "share of the arm"));
}

fn tests_and_differences(assembly: &mut Assembly, place: &Place, row: &BalanceRow) {
    let term = id::part(&row.variable);
    for outcome in &row.tests {
        let (name, method) = test_name(outcome.test);
        let p_value = place.quantity(&term, &format!("{name}_p_value"), outcome.p_value, method);
        assembly.push(p_value.with_caveats(row.caveats.clone()));
        if let Some(statistic) = outcome.statistic {
            assembly.push(place.quantity(&term, &format!("{name}_statistic"), statistic, method));
        }
        if let Some(df) = outcome.degrees_of_freedom {
            assembly.push(place.quantity(&term, &format!("{name}_df"), Ok(df), method));
        }
    }
    assembly.push(place.quantity(&term, "smd", row.smd, SMD));
    assembly.push(place.quantity(
        &term,
        "smd_own_sample",
        row.smd_own_sample,
        "standardised mean difference, pooled SD of these patients",
    ));
}

fn summary(assembly: &mut Assembly, place: &Place, population: Population, table: &BalanceTable) {
    assembly.push(place.quantity(WHOLE, "largest_smd", table.largest_smd, LARGEST_SMD));
    let threshold = assembly.pipeline.protocol().balance.threshold;
    let is_unbalanced = |row: &&BalanceRow| row.smd.map_or(true, |smd| smd.abs() > threshold);
    let label = |row: &BalanceRow| {
        let known = assembly.pipeline.protocol().variable(&row.variable);
        known.map_or_else(|| row.variable.clone(), |variable| variable.label.clone())
    };
    let unbalanced: Vec<String> = table.rows.iter().filter(is_unbalanced).map(label).collect();
    assembly.push(place.count(WHOLE, "n_unbalanced", unbalanced.len()));
    if population == Population::Matched && !unbalanced.is_empty() {
        let message = format!(
            "After matching the standardised difference is above {threshold} or undefined for {}.",
            unbalanced.join(", ")
        );
        assembly.caveats.push(Caveat::new(CaveatCode::Imbalance, message));
    }
}
