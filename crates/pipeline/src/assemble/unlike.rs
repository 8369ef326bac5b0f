//! Doubts about balance that no difference of means shows: distributions of another shape, and values
//! that one arm has often and the other never.

use super::Assembly;
use ::balance::BalanceRow;
use cohort::{Brief, Caveat, CaveatCode};
use study::protocol::{Population, Variable, VariableKind};
use study::result::{LARGEST_ECDF, VARIANCE_RATIOS};

/// Whether the arms differ in the distribution of a variable, whatever its means do.
pub(super) fn is_unlike(row: &BalanceRow) -> bool {
    is_apart(row) || has_other_spread(row)
}

fn is_apart(row: &BalanceRow) -> bool {
    row.differences.ecdf_max.is_ok_and(|largest| largest > LARGEST_ECDF)
}

fn has_other_spread(row: &BalanceRow) -> bool {
    let [low, high] = VARIANCE_RATIOS;
    row.differences.variance_ratio.is_ok_and(|ratio| !(low..=high).contains(&ratio))
}

/// What a design has left of the difference of two distribution functions.
pub(super) fn distance(row: &BalanceRow, label: &str, design: &str) -> Option<Caveat> {
    let largest = row.differences.ecdf_max.ok().filter(|_| is_apart(row))?;
    let what = match row.differences.levels.is_empty() {
        true => "distribution functions",
        false => "shares",
    };
    let message = format!(
        "{label}: after {design} the largest distance of the {what} of the arms is {largest:.3}, above \
         {LARGEST_ECDF}. Arms with about the same mean may still be unlike."
    );
    Some(Caveat::new(CaveatCode::Imbalance, message))
}

/// What a design has left of the difference of two variances.
pub(super) fn spread(row: &BalanceRow, label: &str, design: &str) -> Option<Caveat> {
    let ratio = row.differences.variance_ratio.ok().filter(|_| has_other_spread(row))?;
    let [low, high] = VARIANCE_RATIOS;
    let message = format!(
        "{label}: after {design} the variance in the exposed is {ratio:.3} times that in the comparators, \
         outside {low} to {high} (Rubin 2001)."
    );
    Some(Caveat::new(CaveatCode::Imbalance, message))
}

/// A value is frequent from this share of an arm on.
const FREQUENT: f64 = 0.05;

/// So many would have the value in the other arm if it were as frequent there; with fewer its absence
/// may be chance.
const FEWEST_EXPECTED: f64 = 5.0;

/// The doubt that a number has a value in one arm which nobody of the other arm has, before any design:
/// for those patients there is no counterpart. Each arm is asked for its most frequent value.
pub(super) fn one_sided_value(assembly: &Assembly, variable: &Variable) -> Vec<Caveat> {
    if variable.kind != VariableKind::Continuous {
        return Vec::new();
    }
    let [exposed, comparator] = assembly.pipeline.protocol().exposure.arms();
    let doubt = |[arm, other]: [&study::protocol::Arm; 2]| {
        let values = numbers(assembly, Population::All, variable, &arm.value);
        let others = numbers(assembly, Population::All, variable, &other.value);
        let (value, n) = most_frequent(&values)?;
        let share = n as f64 / values.len() as f64;
        let is_expected = share * others.len() as f64 >= FEWEST_EXPECTED;
        if share < FREQUENT || !is_expected || others.contains(&value) {
            return None;
        }
        let message = format!(
            "{}: {n} of {} patients of the arm \"{}\" have the value {}, and nobody of the {} of the arm \
             \"{}\" has it{}. For them there is no counterpart: what is said of them rests on a model.",
            variable.label,
            values.len(),
            arm.label,
            Brief(value),
            others.len(),
            other.label,
            still_there(assembly, variable, &arm.value, value)
        );
        Some(Caveat::new(CaveatCode::Positivity, message))
    };
    [[exposed, comparator], [comparator, exposed]].into_iter().filter_map(doubt).collect()
}

/// How many of the arm have the value after the design.
fn still_there(assembly: &Assembly, variable: &Variable, arm: &str, value: f64) -> String {
    let Some(population) = assembly.pipeline.protocol().adjusted() else { return String::new() };
    let values = numbers(assembly, population, variable, arm);
    let n = values.iter().filter(|&&known| known == value).count();
    let design = super::balance::design(population);
    format!("; after {design} {n} of {} still have it", values.len())
}

/// The values of the patients of an arm who have one.
fn numbers(
    assembly: &Assembly,
    population: Population,
    variable: &Variable,
    arm: &str,
) -> Vec<f64> {
    let pipeline = assembly.pipeline;
    let mut rows = pipeline.rows_at(population, &pipeline.protocol().exposure.column, arm);
    if let Ok(is_missing) = pipeline.cohort().is_missing(&variable.name) {
        rows = rows.filter(|row| !is_missing[row]);
    }
    pipeline.cohort().numeric(&variable.name, &rows).unwrap_or_default()
}

/// The most frequent value and how many have it; the smallest of several.
fn most_frequent(values: &[f64]) -> Option<(f64, usize)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let runs = sorted.chunk_by(|one, next| one == next).map(|run| (run[0], run.len()));
    runs.reduce(|most, run| if run.1 > most.1 { run } else { most })
}

#[cfg(test)]
mod tests {
    use super::most_frequent;

    #[test]
    fn the_most_frequent_value_is_the_smallest_of_several() {
        assert_eq!(most_frequent(&[3.0, 0.0, 3.0, 0.0, 2.0]), Some((0.0, 2)));
        assert_eq!(most_frequent(&[]), None);
    }
}
