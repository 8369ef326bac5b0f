//! Baseline tables, before and after matching.

use super::{Assembly, Place, STUDY, WHOLE};
use crate::plan::key;
use crate::question::Answer;
use crate::terms::{AUTO, balance_tests, test_name, variable_outline};
use ::balance::{
    Assessment, BalanceRow, BalanceTable, BalanceTest, Measured, NumericSummary, Summary,
    TestChoice, TestOutcome, Within,
};
use cohort::{Brief, Caveat, CaveatCode, Estimate, NotEstimable};
use study::protocol::{Population, Variable, VariableKind};
use study::result::{Quantity, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    let tests = balance_tests(&assembly.pipeline.protocol().balance.tests);
    let outlines = assembly
        .pipeline
        .protocol()
        .baseline_variables()
        .map(|variable| variable_outline(variable, printed_test(variable, &tests)));
    assembly.outline.variables = outlines.collect();
    for population in assembly.pipeline.main_populations() {
        match assembly.answer(&key::balance(population)) {
            Ok(Answer::Balance(answer)) => {
                let answer = answer.clone();
                assessment(assembly, population, &answer);
            }
            Ok(_) => without_table(assembly, population, NotEstimable::NotDefined),
            Err(reason) => without_table(assembly, population, reason),
        }
    }
}

fn assessment(assembly: &mut Assembly, population: Population, answer: &Assessment) {
    table(assembly, population, &answer.table);
    for within in &answer.within {
        within_level(assembly, population, within);
    }
    if let Some(Ok(table)) = &answer.unmatched {
        unmatched(assembly, population, table);
    }
}

/// Balance within one level of a variable.
fn within_level(assembly: &mut Assembly, population: Population, within: &Within) {
    let place = Place::new(STUDY, population.id(), "balance_within");
    let term = id::level(&within.column, &within.level);
    let threshold = assembly.pipeline.protocol().balance.threshold;
    match &within.table {
        Ok(table) => {
            assembly.push(place.count(&term, "n_exposed", table.n_exposed));
            assembly.push(place.count(&term, "n_comparators", table.n_comparators));
            let method = "largest absolute standardised mean difference, pooled SD of the unmatched \
                          patients of the level";
            assembly.push(place.quantity(&term, "largest_smd", table.largest_smd, method));
            let n_unbalanced =
                table.rows.iter().filter(|row| is_unbalanced(row, threshold)).count();
            assembly.push(place.count(&term, "n_unbalanced", n_unbalanced));
        }
        Err(reason) => {
            assembly.push(place.quantity(&term, "largest_smd", Err(*reason), LARGEST_SMD));
        }
    }
}

/// Whom the matched sample speaks for: its exposed against those that found no partner.
fn unmatched(assembly: &mut Assembly, population: Population, table: &BalanceTable) {
    let place = Place::new(STUDY, population.id(), "balance_unmatched");
    assembly.push(place.count(WHOLE, "n_matched", table.n_exposed));
    assembly.push(place.count(WHOLE, "n_unmatched", table.n_comparators));
    let method = "standardised mean difference of matched and unmatched exposed patients, pooled SD \
                  of both";
    for row in &table.rows {
        let term = id::part(&row.baseline.variable);
        let smd = row.differences.standardised.pooled;
        assembly.push(place.quantity(&term, "smd", smd, method));
    }
    assembly.push(place.quantity(WHOLE, "largest_smd", table.largest_smd, method));
}

fn is_unbalanced(row: &BalanceRow, threshold: f64) -> bool {
    row.differences.standardised.pooled.map_or(true, |smd| smd.abs() > threshold)
}

/// A population that cannot be compared at all, such as a matched sample without pairs.
fn without_table(assembly: &mut Assembly, population: Population, reason: NotEstimable) {
    let place = Place::new(STUDY, population.id(), "balance");
    let variables = assembly.outline.variables.iter().map(|variable| variable.id.clone());
    for variable in variables.collect::<Vec<_>>() {
        assembly.push(place.quantity(&variable, "smd", Err(reason), SMD));
    }
    assembly.push(place.quantity(WHOLE, "largest_smd", Err(reason), LARGEST_SMD));
    let place = Place::new(STUDY, population.id(), "balance_within");
    let protocol = assembly.pipeline.protocol();
    let variables = protocol.balance.within.iter().filter_map(|name| protocol.variable(name));
    let levels = variables
        .flat_map(|variable| variable.levels.iter().map(|level| id::level(&variable.name, level)));
    for term in levels.collect::<Vec<_>>() {
        assembly.push(place.quantity(&term, "largest_smd", Err(reason), LARGEST_SMD));
    }
}

const SMD: &str = "standardised mean difference, pooled SD of the unmatched patients";
const LARGEST_SMD: &str = "largest absolute standardised mean difference";

/// The test that the table prints: the first that applies to the variable, or the one chosen.
fn printed_test(variable: &Variable, tests: &TestChoice) -> Option<String> {
    let is_number = variable.kind == VariableKind::Continuous;
    let measured = if is_number { Measured::Numbers } else { Measured::Counts };
    match tests {
        TestChoice::Auto => Some(AUTO.into()),
        TestChoice::Listed(tests) => {
            let first = tests.iter().copied().find(|test| test.measured() == measured);
            first.map(|test: BalanceTest| test_name(test).0.into())
        }
    }
}

fn table(assembly: &mut Assembly, population: Population, table: &BalanceTable) {
    let place = Place::new(STUDY, population.id(), "balance");
    let arms = assembly.outline.arms.clone();
    let n_of_arms = [table.n_exposed, table.n_comparators];
    for (arm, n) in arms.iter().zip(n_of_arms) {
        assembly.push(place.count(&arm.id, "n", n));
    }
    for row in &table.rows {
        let variable = &row.baseline.variable;
        match &row.baseline.summary {
            Summary::Numeric { groups, .. } => {
                for (arm, summary) in arms.iter().zip(groups) {
                    numbers(assembly, &place, variable, &arm.id, summary);
                }
            }
            Summary::Categorical { levels, counts, .. } => {
                for (index, level) in levels.iter().enumerate() {
                    for (arm, counts) in arms.iter().zip(counts) {
                        level_counts(assembly, &place, variable, level, &arm.id, counts, index);
                    }
                }
            }
        }
        for (arm, &n) in arms.iter().zip(&row.baseline.n_missing) {
            let term = format!("{}/{}", id::part(variable), arm.id);
            assembly.push(place.count(&term, "n_missing", n));
        }
        tests(assembly, &place, row);
        differences(assembly, &place, row, population);
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

fn tests(assembly: &mut Assembly, place: &Place, row: &BalanceRow) {
    let term = id::part(&row.baseline.variable);
    let is_auto =
        matches!(balance_tests(&assembly.pipeline.protocol().balance.tests), TestChoice::Auto);
    for outcome in &row.baseline.tests {
        let (name, method) = test_name(outcome.test);
        let name = if is_auto { AUTO } else { name };
        let p_value = place.quantity(&term, &format!("{name}_p_value"), outcome.p_value, method);
        assembly.push(p_value.with_caveats(row.baseline.caveats.clone()));
        parts_of_test(assembly, place, &term, name, outcome);
    }
}

fn parts_of_test(
    assembly: &mut Assembly,
    place: &Place,
    term: &str,
    name: &str,
    outcome: &TestOutcome,
) {
    let method = test_name(outcome.test).1;
    if let Some(statistic) = outcome.statistic {
        assembly.push(place.quantity(term, &format!("{name}_statistic"), statistic, method));
    }
    if let Some(df) = outcome.degrees_of_freedom {
        assembly.push(place.quantity(term, &format!("{name}_df"), Ok(df), method));
    }
}

fn differences(assembly: &mut Assembly, place: &Place, row: &BalanceRow, population: Population) {
    let term = id::part(&row.baseline.variable);
    let (differences, by) = (&row.differences, &row.differences.standardised);
    let quantities = [
        ("smd", by.pooled, SMD),
        (
            "smd_own_sample",
            by.own_pooled,
            "standardised mean difference, pooled SD of these patients",
        ),
        (
            "smd_exposed_sd",
            by.exposed_sd,
            "standardised mean difference, SD of the unmatched exposed patients",
        ),
        (
            "smd_comparator_sd",
            by.comparator_sd,
            "standardised mean difference, SD of the unmatched comparators",
        ),
        ("ecdf_mean", differences.ecdf_mean, "mean distance of the distribution functions"),
        ("ecdf_max", differences.ecdf_max, "largest distance of the distribution functions"),
    ];
    for (name, estimate, method) in quantities {
        assembly.push(place.quantity(&term, name, estimate, method));
    }
    if differences.levels.is_empty() {
        let method = "variance of the exposed over that of the comparators";
        assembly.push(place.quantity(&term, "variance_ratio", differences.variance_ratio, method));
    }
    if population == Population::Matched {
        let method = "mean absolute difference within pairs, SD of the unmatched exposed patients";
        assembly.push(place.quantity(&term, "pair_distance", differences.pair_distance, method));
    }
    for level in &differences.levels {
        let term = id::level(&row.baseline.variable, &level.level);
        assembly.push(place.quantity(&term, "smd", level.standardised.pooled, SMD));
    }
}

fn summary(assembly: &mut Assembly, place: &Place, population: Population, table: &BalanceTable) {
    assembly.push(place.quantity(WHOLE, "largest_smd", table.largest_smd, LARGEST_SMD));
    let threshold = assembly.pipeline.protocol().balance.threshold;
    let label = |row: &BalanceRow| {
        let variable = &row.baseline.variable;
        let known = assembly.pipeline.protocol().variable(variable);
        known.map_or_else(|| variable.clone(), |variable| variable.label.clone())
    };
    let unbalanced = table.rows.iter().filter(|row| is_unbalanced(row, threshold));
    let unbalanced: Vec<String> = unbalanced.map(label).collect();
    assembly.push(place.count(WHOLE, "n_unbalanced", unbalanced.len()));
    if population == Population::Matched && !unbalanced.is_empty() {
        let message = format!(
            "After matching the standardised difference is above {} or undefined for {}.",
            Brief(threshold),
            unbalanced.join(", ")
        );
        assembly.caveats.push(Caveat::new(CaveatCode::Imbalance, message));
    }
}
