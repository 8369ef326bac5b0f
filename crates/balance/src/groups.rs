//! The baseline table of any number of groups.

use crate::choice::{SMALL_EXPECTED_COUNT, location};
use crate::differences::shares;
use crate::pairing::matched_sets;
use crate::run::{self, Plan};
use crate::sample::{Group, Levels, Sample};
use crate::summary::summarise;
use crate::{
    BalanceError, BalanceTest, BaselineRow, GroupTable, GroupsQuery, Measure, NumericSummary,
    Summary, TestOptions, TestOutcome, Variable,
};
use cohort::{Caveat, CaveatCode, Cohort, CohortError, Selection};
use hypothesis::ContingencyTable;

/// Compares groups variable by variable: summaries and tests.
///
/// Groups are the levels of the group column that occur, in the order of the levels. Subjects
/// without a value of a variable are counted and left out of it; a missing group or stratum is an
/// error. Tests of two groups are not defined for more; tests for numbers are left out for
/// categories and the other way round. A test that needs pairs or strata is not defined without.
pub fn compare_groups(
    cohort: &Cohort,
    selection: &Selection,
    query: &GroupsQuery,
) -> Result<GroupTable, BalanceError> {
    check(query.options)?;
    let categories = cohort.categories(&query.group, selection)?;
    let mut groups = vec![Vec::new(); categories.levels.len()];
    for (&row, &code) in selection.rows().iter().zip(categories.codes.iter()) {
        groups[code as usize].push(row);
    }
    let (labels, groups): (Vec<String>, Vec<Vec<usize>>) =
        categories.levels.into_iter().zip(groups).filter(|(_, rows)| !rows.is_empty()).unzip();
    if groups.len() < 2 {
        let (column, groups) = (query.group.clone(), groups.len());
        return Err(BalanceError::TooFewGroups { column, groups });
    }
    let sample = Sample::unweighted(cohort, groups);
    let plan = Plan {
        tests: &query.tests,
        options: query.options,
        sets: query.pairing.as_ref().map(|pairing| matched_sets(&sample, pairing)).transpose()?,
        strata: strata(cohort, selection, &query.strata)?,
        is_weighted: false,
    };
    let row = |variable: &Variable| match variable {
        Variable::Numeric(name) => Ok(number_row(name, &sample.numbers(name)?, &plan)),
        Variable::Categorical(name) => {
            let levels = Levels::of(name, &[&sample])?;
            Ok(category_row(name, &levels.labels, &sample.codes(&levels), &plan))
        }
    };
    Ok(GroupTable {
        groups: labels,
        n: sample.groups.iter().map(Vec::len).collect(),
        rows: query.variables.iter().map(row).collect::<Result<Vec<_>, CohortError>>()?,
    })
}

pub(crate) fn check(options: TestOptions) -> Result<(), BalanceError> {
    let is_valid = 0.0 < options.confidence && options.confidence < 1.0;
    if is_valid { Ok(()) } else { Err(BalanceError::InvalidConfidence) }
}

/// Stratum of each row of the cohort.
pub(crate) fn strata(
    cohort: &Cohort,
    selection: &Selection,
    columns: &[String],
) -> Result<Option<Vec<u32>>, CohortError> {
    if columns.is_empty() {
        return Ok(None);
    }
    let mut strata = vec![0; cohort.len()];
    for (&row, stratum) in selection.rows().iter().zip(cohort.strata(columns, selection)?) {
        strata[row] = stratum;
    }
    Ok(Some(strata))
}

/// Summaries and tests of a number.
pub(crate) fn number_row(name: &str, groups: &[Group<f64>], plan: &Plan) -> BaselineRow {
    let summaries: Vec<NumericSummary> = groups.iter().map(summarise).collect();
    let location = location(&summaries);
    let tests = run::of_numbers(plan, groups, location);
    BaselineRow {
        variable: name.into(),
        caveats: ties(name, groups, &tests, plan),
        n_missing: groups.iter().map(|group| group.n_missing).collect(),
        summary: Summary::Numeric { groups: summaries, location },
        tests,
    }
}

/// Summaries and tests of a category.
pub(crate) fn category_row(
    name: &str,
    labels: &[String],
    groups: &[Group<u32>],
    plan: &Plan,
) -> BaselineRow {
    let n_levels = labels.len();
    let counts_of = |group: &Group<u32>| {
        let mut counts = vec![0; n_levels];
        group.values.iter().for_each(|&code| counts[code as usize] += 1);
        counts
    };
    let counts: Vec<Vec<usize>> = groups.iter().map(counts_of).collect();
    let tests = run::of_categories(plan, groups, n_levels, &counts);
    BaselineRow {
        variable: name.into(),
        caveats: caveats(name, labels, &counts, &tests),
        n_missing: groups.iter().map(|group| group.n_missing).collect(),
        summary: Summary::Categorical {
            levels: labels.to_vec(),
            shares: groups
                .iter()
                .map(|group| shares(group, n_levels).estimates(n_levels))
                .collect(),
            counts,
        },
        tests,
    }
}

/// Of exact tests of ranks that have ties: of values, or of differences within pairs.
fn ties(name: &str, groups: &[Group<f64>], tests: &[TestOutcome], plan: &Plan) -> Vec<Caveat> {
    let has = |test: BalanceTest| {
        tests.iter().any(|outcome| outcome.test == test && outcome.p_value.is_ok())
    };
    let values = has(BalanceTest::MannWhitneyExact)
        .then(|| groups.iter().flat_map(|group| &group.values).copied().collect());
    let differences = has(BalanceTest::SignedRankExact)
        .then(|| run::absolute_differences(plan, groups).unwrap_or_default());
    let of_values = values.and_then(|values| tied(name, "values", values));
    let of_differences =
        differences.and_then(|values| tied(name, "differences within pairs", values));
    of_values.into_iter().chain(of_differences).collect()
}

/// That some of these numbers are tied, when they are.
fn tied(name: &str, what: &str, mut values: Vec<f64>) -> Option<Caveat> {
    values.sort_by(f64::total_cmp);
    let n_tied: usize =
        values.chunk_by(|a, b| a == b).map(<[f64]>::len).filter(|&size| size > 1).sum();
    (n_tied > 0).then(|| {
        let message = format!(
            "{name}: {n_tied} of {} {what} are tied; the exact p-value counts permutations of their \
             midranks",
            values.len()
        );
        Caveat::new(CaveatCode::Ties, message)
    })
}

fn caveats(
    name: &str,
    labels: &[String],
    counts: &[Vec<usize>],
    tests: &[TestOutcome],
) -> Vec<Caveat> {
    let is_empty = |&level: &usize| counts.iter().all(|group| group[level] == 0);
    let empty = (0..labels.len()).filter(is_empty).map(|level| {
        let message = format!("{name}: level {} occurs in nobody", labels[level]);
        Caveat::new(CaveatCode::EmptyLevel, message)
    });
    let table = ContingencyTable::new(counts);
    let smallest = table.ok().map(|table| table.smallest_expected());
    let sparse = smallest.filter(|&smallest| smallest < SMALL_EXPECTED_COUNT).map(|smallest| {
        let message = format!(
            "{name}: the smallest expected count is {smallest:.1}, below 5; the p-value of a \
             chi-squared test is approximate"
        );
        Caveat::new(CaveatCode::SparseTable, message)
    });
    empty.chain(sparse).chain(tests.iter().find_map(|outcome| drawn(name, outcome))).collect()
}

/// Of a p-value from random tables.
fn drawn(name: &str, outcome: &TestOutcome) -> Option<Caveat> {
    let detail = |measure: Measure| {
        let mut details = outcome.details.iter();
        details.find(|detail| detail.measure == measure).and_then(|detail| detail.value.ok())
    };
    let (error, replicates) = (detail(Measure::MonteCarloError)?, detail(Measure::Replicates)?);
    let message = format!(
        "{name}: P is estimated from {replicates} random tables, standard error {error:.1e}"
    );
    Some(Caveat::new(CaveatCode::MonteCarlo, message))
}
