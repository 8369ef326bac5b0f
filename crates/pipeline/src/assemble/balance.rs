//! Baseline tables, before and after matching.

use super::{Assembly, Place, STUDY, WHOLE, unlike};
use crate::plan::{key, population_of};
use crate::question::Answer;
use crate::terms::{AUTO, WEIGHT, balance_tests, test_name, variable_outline};
use ::balance::{
    Assessment, BalanceRow, BalanceTable, BalanceTest, Design, Measured, NumericSummary, Summary,
    TestChoice, TestOutcome, Within,
};
use cohort::{Brief, Caveat, CaveatCode, Estimate, NotEstimable};
use numerics::sum::sum;
use study::protocol::{Population, QuartileType, Variable, VariableKind};
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
        summaries(assembly, &place, row);
        let term = id::part(&row.baseline.variable);
        let smd = row.differences.standardised.pooled;
        assembly.push(place.quantity(&term, "smd", smd, method));
    }
    assembly.push(place.quantity(WHOLE, "largest_smd", table.largest_smd, method));
}

/// A variable in the exposed who found a partner and in those who did not, without weights.
fn summaries(assembly: &mut Assembly, place: &Place, row: &BalanceRow) {
    let variable = &row.baseline.variable;
    let groups = ["matched", "unmatched"];
    match &row.baseline.summary {
        Summary::Numeric { groups: summaries, .. } => {
            for (group, summary) in groups.iter().zip(summaries) {
                numbers(assembly, place, variable, group, summary);
            }
        }
        Summary::Categorical { levels, counts, shares } => {
            for ((group, counts), shares) in groups.iter().zip(counts).zip(shares) {
                let group = ArmCounts { arm: group, counts, shares, sum: None };
                for (index, level) in levels.iter().enumerate() {
                    level_counts(assembly, place, &id::level(variable, level), &group, index);
                }
            }
        }
    }
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
    let has_weights = assembly.has_weights(&place.population);
    if has_weights {
        sizes(assembly, &place, population, table);
    }
    for row in &table.rows {
        let variable = &row.baseline.variable;
        match &row.baseline.summary {
            Summary::Numeric { groups, .. } => {
                for (arm, summary) in arms.iter().zip(groups) {
                    numbers(assembly, &place, variable, &arm.id, summary);
                }
            }
            Summary::Categorical { levels, counts, shares } => {
                let sums = weight_sums(assembly, population, Some(variable));
                let of_arms = counts.iter().zip(shares).zip(sums);
                for (arm, ((counts, shares), sum)) in arms.iter().zip(of_arms) {
                    let arm = ArmCounts { arm: &arm.id, counts, shares, sum };
                    for (index, level) in levels.iter().enumerate() {
                        level_counts(assembly, &place, &id::level(variable, level), &arm, index);
                    }
                }
            }
        }
        for (arm, &n) in arms.iter().zip(&row.baseline.n_missing) {
            let term = format!("{}/{}", id::part(variable), arm.id);
            assembly.push(place.count(&term, "n_missing", n));
        }
        if !has_weights {
            tests(assembly, &place, row);
        }
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
    let protocol = assembly.pipeline.protocol();
    let unit = protocol.variable(variable).and_then(|known| known.unit.clone());
    let kind = protocol.balance.quartiles;
    let quartile = |which: &str| format!("{which} quartile, type {}", kind.number());
    let quartiles = [quartile("first"), quartile("third")];
    let methods = match assembly.has_weights(&place.population) && place.analysis == "balance" {
        false => [
            "arithmetic mean",
            "standard deviation, denominator n - 1",
            "median",
            &quartiles[0],
            &quartiles[1],
        ],
        true => [
            "weighted mean",
            "weighted standard deviation, denominator sum w - sum w^2 / sum w",
            "weighted median",
            "weighted first quartile",
            "weighted third quartile",
        ],
    };
    let [q1, q3] = match (kind, summary.q1_type_2.is_ok()) {
        (QuartileType::Type2, true) => [summary.q1_type_2, summary.q3_type_2],
        (QuartileType::Type6, true) => [summary.q1_type_6, summary.q3_type_6],
        _ => [summary.q1, summary.q3],
    };
    let values = [summary.mean, summary.sd, summary.median, q1, q3];
    let names = ["mean", "sd", "median", "q1", "q3"];
    for ((name, estimate), method) in names.into_iter().zip(values).zip(methods) {
        let quantity = arm_quantity(place, &id::part(variable), arm, name, estimate, method);
        assembly.push(match &unit {
            Some(unit) => quantity.in_unit(unit),
            None => quantity,
        });
    }
}

/// Levels of a category in one arm.
struct ArmCounts<'a> {
    arm: &'a str,
    counts: &'a [usize],
    shares: &'a [Estimate],
    /// Sum of the weights of those who have a value; absent without weights.
    sum: Option<f64>,
}

fn level_counts(
    assembly: &mut Assembly,
    place: &Place,
    term: &str,
    of_arm: &ArmCounts,
    index: usize,
) {
    let (n, share) = (of_arm.counts[index] as f64, of_arm.shares[index]);
    assembly.push(arm_quantity(place, term, of_arm.arm, "n", Ok(n), "count"));
    let method =
        if of_arm.sum.is_some() { "weighted share of the arm" } else { "share of the arm" };
    if let Some(sum) = of_arm.sum {
        let n = share.map(|share| share * sum);
        let method = "sum of the weights";
        assembly.push(arm_quantity(place, term, of_arm.arm, "weighted_n", n, method));
    }
    assembly.push(arm_quantity(place, term, of_arm.arm, "share", share, method));
}

/// How many patients the weights make of each arm, and how many they are worth.
fn sizes(assembly: &mut Assembly, place: &Place, population: Population, table: &BalanceTable) {
    let arms = assembly.outline.arms.clone();
    let sums = weight_sums(assembly, population, None);
    let effective = [table.effective_exposed, table.effective_comparators];
    for ((arm, sum), effective) in arms.iter().zip(sums).zip(effective) {
        if let Some(sum) = sum {
            assembly.push(place.quantity(&arm.id, "weighted_n", Ok(sum), "sum of the weights"));
        }
        let method =
            "effective sample size, squared sum of the weights over the sum of their squares";
        assembly.push(place.quantity(&arm.id, "effective_n", Ok(effective), method));
    }
}

/// Sums of the weights of the exposed and the comparators, of those who have a value of a variable;
/// absent where there are no weights.
fn weight_sums(
    assembly: &Assembly,
    population: Population,
    variable: Option<&str>,
) -> [Option<f64>; 2] {
    let pipeline = assembly.pipeline;
    if !pipeline.protocol().has_weights(population) {
        return [None; 2];
    }
    let (cohort, exposure) = (pipeline.cohort(), &pipeline.protocol().exposure);
    exposure.arms().map(|arm| {
        let mut rows = pipeline.rows_at(population, &exposure.column, &arm.value);
        if let Some(is_missing) = variable.and_then(|name| cohort.is_missing(name).ok()) {
            rows = rows.filter(|row| !is_missing[row]);
        }
        cohort.numeric(WEIGHT, &rows).ok().map(sum)
    })
}

fn tests(assembly: &mut Assembly, place: &Place, row: &BalanceRow) {
    let strata = &assembly.pipeline.protocol().balance.strata;
    // A stratum does not vary within itself.
    let is_stratum = strata.contains(&row.baseline.variable);
    let applies = |outcome: &&TestOutcome| !(is_stratum && outcome.test.design() == Design::Strata);
    let term = id::part(&row.baseline.variable);
    let is_auto =
        matches!(balance_tests(&assembly.pipeline.protocol().balance.tests), TestChoice::Auto);
    for outcome in row.baseline.tests.iter().filter(applies) {
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
    let doubts = doubts(assembly, row, population);
    for (name, estimate, method) in quantities {
        let caveats = match name {
            "smd" => [doubts.of_distance.as_slice(), &doubts.of_spread].concat(),
            "ecdf_max" => doubts.of_distance.clone(),
            _ => Vec::new(),
        };
        assembly.push(place.quantity(&term, name, estimate, method).with_caveats(caveats));
    }
    if differences.levels.is_empty() {
        let method = "variance of the exposed over that of the comparators";
        let ratio = place.quantity(&term, "variance_ratio", differences.variance_ratio, method);
        assembly.push(ratio.with_caveats(doubts.of_spread));
    }
    let matching = assembly.pipeline.protocol().matching.as_ref();
    let has_pairs = matching.is_some_and(|section| !section.forms_classes());
    if population == Population::Matched && has_pairs {
        let method = "mean absolute difference within pairs, SD of the unmatched exposed patients";
        assembly.push(place.quantity(&term, "pair_distance", differences.pair_distance, method));
    }
    for level in &differences.levels {
        let term = id::level(&row.baseline.variable, &level.level);
        assembly.push(place.quantity(&term, "smd", level.standardised.pooled, SMD));
    }
}

/// Doubts about one variable, by the measure that shows them.
#[derive(Default)]
struct Doubts {
    of_distance: Vec<Caveat>,
    of_spread: Vec<Caveat>,
}

/// Before the design values that only one arm has, after it distributions that stay unlike.
fn doubts(assembly: &mut Assembly, row: &BalanceRow, population: Population) -> Doubts {
    let protocol = assembly.pipeline.protocol();
    let Some(variable) = protocol.variable(&row.baseline.variable) else {
        return Doubts::default();
    };
    if population == Population::All {
        let of_distance = unlike::one_sided_value(assembly, variable);
        assembly.caveats.extend(of_distance.iter().cloned());
        return Doubts { of_distance, of_spread: Vec::new() };
    }
    let design = design(population);
    Doubts {
        of_distance: unlike::distance(row, &variable.label, design).into_iter().collect(),
        of_spread: unlike::spread(row, &variable.label, design).into_iter().collect(),
    }
}

/// What made the arms of a population comparable.
pub(super) fn design(population: Population) -> &'static str {
    match population {
        Population::Weighted => "weighting",
        _ => "matching",
    }
}

fn summary(assembly: &mut Assembly, place: &Place, population: Population, table: &BalanceTable) {
    assembly.push(place.quantity(WHOLE, "largest_smd", table.largest_smd, LARGEST_SMD));
    let threshold = assembly.pipeline.protocol().balance.threshold;
    let unbalanced = table.rows.iter().filter(|row| is_unbalanced(row, threshold));
    let unbalanced: Vec<String> =
        unbalanced.map(|row| label(assembly, &row.baseline.variable)).collect();
    let missed = missed_by_tests(assembly, place, table, threshold);
    let n_unbalanced = place.count(WHOLE, "n_unbalanced", unbalanced.len());
    assembly.push(n_unbalanced.with_caveats(missed.into_iter().collect()));
    let n_unlike = table.rows.iter().filter(|row| unlike::is_unlike(row)).count();
    assembly.push(place.count(WHOLE, "n_unlike", n_unlike));
    let design = design(population);
    let is_adjusted = assembly.pipeline.protocol().adjusted() == Some(population);
    if is_adjusted && !unbalanced.is_empty() {
        let message = format!(
            "After {design} the standardised difference is above {} or undefined for {}.",
            Brief(threshold),
            unbalanced.join(", ")
        );
        assembly.caveats.push(Caveat::new(CaveatCode::Imbalance, message));
    }
}

/// A p-value from which a test is said to see no difference.
const NOT_SEEN: f64 = 0.05;

/// That the printed tests see nothing in variables that differ by more than the threshold.
fn missed_by_tests(
    assembly: &Assembly,
    place: &Place,
    table: &BalanceTable,
    threshold: f64,
) -> Option<Caveat> {
    let is_missed = |row: &&BalanceRow| {
        let term = id::part(&row.baseline.variable);
        let outline = assembly.outline.variables.iter().find(|known| known.id == term);
        let test = outline.and_then(|known| known.test.as_ref());
        let id = test.map(|test| place.id(&term, &format!("{test}_p_value")));
        let known = assembly.quantities.iter().find(|known| Some(&known.id) == id.as_ref());
        known.and_then(|known| known.value).is_some_and(|p_value| p_value >= NOT_SEEN)
    };
    let differs = |row: &&BalanceRow| {
        row.differences.standardised.pooled.is_ok_and(|smd| smd.abs() > threshold)
    };
    let missed: Vec<String> = table
        .rows
        .iter()
        .filter(differs)
        .filter(is_missed)
        .map(|row| label(assembly, &row.baseline.variable))
        .collect();
    let message = format!(
        "{}: P is {NOT_SEEN} or more, but the standardised difference is above {}, for {}. P depends on \
         the number of patients and is no evidence of balance.",
        super::population_label(population_of(&place.population)),
        Brief(threshold),
        missed.join(", ")
    );
    (!missed.is_empty()).then(|| Caveat::new(CaveatCode::Imbalance, message))
}

/// What readers call a variable.
fn label(assembly: &Assembly, variable: &str) -> String {
    let known = assembly.pipeline.protocol().variable(variable);
    known.map_or_else(|| variable.to_owned(), |known| known.label.clone())
}
