//! The baseline table of two arms.

use crate::differences::{Arms as ArmsOf, of_categories, of_numbers};
use crate::groups::{category_row, check, number_row, strata};
use crate::pairing::matched_sets;
use crate::run::Plan;
use crate::sample::{Levels, Sample, weights};
use crate::{
    Assessment, BalanceError, BalanceQuery, BalanceRow, BalanceTable, Design, TestChoice, Variable,
    Within,
};
use cohort::{Arms, Cohort, CohortError, Estimate, NotEstimable, Selection};

/// Compares two arms variable by variable: summaries, tests and standardised differences.
///
/// `reference` holds the rows whose standard deviations are the denominators of the differences that
/// do not move with the sample: for a matched sample the unmatched data, before matching the selection
/// itself. Levels are those of both together, so that a level lost by matching stays in the table with
/// counts of 0; tests leave it out, as R does on a table of existing levels. Subjects without a value
/// of a variable are counted and left out of it; a missing arm, weight or stratum is an error.
///
/// Tests for numbers are left out for categories and the other way round. Unless tests of pairs are
/// asked for, rows are treated as independent, those of pairs too, as published baseline tables do. A
/// weighted sample is not tested. A caveat tells of expected counts below 5, of levels that occur in
/// nobody, of ties in an exact test and of p-values from random tables.
///
/// The differences are those of `summary(matchit(..))` in R: `exposed_sd` its standardised difference
/// for the effect on the treated, `comparator_sd` for the controls, `pooled` for all.
pub fn balance(
    cohort: &Cohort,
    selection: &Selection,
    reference: &Selection,
    query: &BalanceQuery,
) -> Result<BalanceTable, BalanceError> {
    check(query.options)?;
    let sample = sample(cohort, selection, query)?;
    let reference = Sample::unweighted(cohort, arms(cohort, reference, query)?);
    let plan = Plan {
        tests: &query.tests,
        options: query.options,
        sets: query.pairing.as_ref().map(|pairing| matched_sets(&sample, pairing)).transpose()?,
        strata: strata(cohort, selection, &query.strata)?,
        is_weighted: sample.is_weighted(),
    };
    Ok(table(&sample, &reference, &query.variables, &plan)?)
}

/// Compares two arms as [`balance`] does; if asked for, also within the levels of some columns and the
/// exposed of the sample with those that it lacks.
///
/// Within a level both sample and reference are those of the level. Subjects without a value of such a
/// column are in no level.
pub fn assess(
    cohort: &Cohort,
    selection: &Selection,
    reference: &Selection,
    query: &BalanceQuery,
) -> Result<Assessment, BalanceError> {
    let mut within = Vec::new();
    for column in &query.within {
        within.extend(within_levels(cohort, selection, reference, query, column)?);
    }
    let unmatched = query
        .compare_unmatched
        .then(|| unmatched(cohort, selection, reference, query))
        .transpose()?;
    Ok(Assessment { table: balance(cohort, selection, reference, query)?, within, unmatched })
}

fn within_levels(
    cohort: &Cohort,
    selection: &Selection,
    reference: &Selection,
    query: &BalanceQuery,
    column: &str,
) -> Result<Vec<Within>, BalanceError> {
    let is_missing = cohort.is_missing(column)?;
    let present = reference.filter(|row| !is_missing[row]);
    let categories = cohort.categories(column, &present)?;
    let mut codes = vec![None; cohort.len()];
    for (&row, &code) in present.rows().iter().zip(categories.codes.iter()) {
        codes[row] = Some(code);
    }
    let level = |(code, label): (u32, &String)| {
        let of_level = |rows: &Selection| rows.filter(|row| codes[row] == Some(code));
        let table = balance(cohort, &of_level(selection), &of_level(reference), query);
        let (column, level) = (column.to_string(), label.clone());
        Ok(Within { column, level, table: possible(table)? })
    };
    (0..).zip(&categories.levels).map(level).collect()
}

/// Subjects that cannot be compared are an answer; a fault of the question stays an error.
fn possible(
    table: Result<BalanceTable, BalanceError>,
) -> Result<Estimate<BalanceTable>, BalanceError> {
    match table {
        Ok(table) => Ok(Ok(table)),
        Err(error) => match error.impossibility() {
            Some(reason) => Ok(Err(reason)),
            None => Err(error),
        },
    }
}

/// The exposed of the sample against those that are in the reference alone.
fn unmatched(
    cohort: &Cohort,
    selection: &Selection,
    reference: &Selection,
    query: &BalanceQuery,
) -> Result<Estimate<BalanceTable>, BalanceError> {
    let matched = sample(cohort, selection, query)?.groups.swap_remove(0);
    let mut is_matched = vec![false; cohort.len()];
    matched.iter().for_each(|&row| is_matched[row] = true);
    let [exposed, _] = &arms(cohort, reference, query)?[..] else {
        return Ok(Err(NotEstimable::TooFewGroups));
    };
    let unmatched: Vec<usize> = exposed.iter().copied().filter(|&row| !is_matched[row]).collect();
    if matched.is_empty() || unmatched.is_empty() {
        return Ok(Err(NotEstimable::TooFewGroups));
    }
    // Nobody is paired here, and a row counts once, however often it was used.
    let mut matched = matched;
    matched.dedup();
    let tests = independent_tests(&query.tests);
    let plan = Plan {
        tests: &tests,
        options: query.options,
        sets: None,
        strata: None,
        is_weighted: false,
    };
    let groups = Sample::unweighted(cohort, vec![matched, unmatched]);
    Ok(Ok(table(&groups, &groups, &query.variables, &plan)?))
}

fn independent_tests(tests: &TestChoice) -> TestChoice {
    match tests {
        TestChoice::Auto => TestChoice::Auto,
        TestChoice::Listed(tests) => TestChoice::Listed(
            tests.iter().copied().filter(|test| test.design() == Design::Independent).collect(),
        ),
    }
}

/// Rows of the exposed and of the comparators.
fn arms(
    cohort: &Cohort,
    selection: &Selection,
    query: &BalanceQuery,
) -> Result<Vec<Vec<usize>>, BalanceError> {
    let arms = Arms::new(cohort, selection, &query.exposure, &query.exposed)?;
    let (exposed, comparators) = arms.split(selection.rows());
    Ok(vec![exposed, comparators])
}

/// The arms of the selected rows whose weight is not 0.
fn sample<'a>(
    cohort: &'a Cohort,
    selection: &Selection,
    query: &BalanceQuery,
) -> Result<Sample<'a>, BalanceError> {
    let Some(column) = &query.weights else {
        return Ok(Sample::unweighted(cohort, arms(cohort, selection, query)?));
    };
    let weights = weights(cohort, selection, column)?;
    let counted = selection.filter(|row| weights[row] > 0.0);
    Ok(Sample::weighted(cohort, arms(cohort, &counted, query)?, weights))
}

fn table(
    sample: &Sample,
    reference: &Sample,
    variables: &[Variable],
    plan: &Plan,
) -> Result<BalanceTable, CohortError> {
    let row = |variable: &Variable| match variable {
        Variable::Numeric(name) => {
            let (own, fixed) = (sample.numbers(name)?, reference.numbers(name)?);
            let sets = plan.sets.as_deref();
            Ok(BalanceRow {
                baseline: number_row(name, &own, plan),
                differences: of_numbers(&ArmsOf::of(&own), &ArmsOf::of(&fixed), sets),
            })
        }
        Variable::Categorical(name) => {
            let levels = Levels::of(name, &[sample, reference])?;
            let (own, fixed) = (sample.codes(&levels), reference.codes(&levels));
            let (own_arms, fixed_arms) = (ArmsOf::of(&own), ArmsOf::of(&fixed));
            let sets = plan.sets.as_deref();
            Ok(BalanceRow {
                baseline: category_row(name, &levels.labels, &own, plan),
                differences: of_categories(&levels.labels, &own_arms, &fixed_arms, sets),
            })
        }
    };
    let rows = variables.iter().map(row).collect::<Result<Vec<_>, CohortError>>()?;
    Ok(BalanceTable {
        n_exposed: sample.groups[0].len(),
        n_comparators: sample.groups[1].len(),
        effective_exposed: sample.effective_size(0),
        effective_comparators: sample.effective_size(1),
        largest_smd: largest(&rows),
        rows,
    })
}

/// The largest absolute difference; an infinite one is the largest, those undefined do not count.
fn largest(rows: &[BalanceRow]) -> Estimate {
    let pooled = || rows.iter().map(|row| row.differences.standardised.pooled);
    if pooled().any(|smd| smd == Err(NotEstimable::NoVariation)) {
        return Err(NotEstimable::NoVariation);
    }
    pooled().filter_map(Result::ok).map(f64::abs).reduce(f64::max).ok_or(NotEstimable::NotDefined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BalanceTest, Pairing, Summary};
    use cohort::{CaveatCode, Column};

    fn cohort() -> Cohort {
        let levels = ["I", "II", "III"].map(String::from).to_vec();
        Cohort::new(
            None,
            vec![
                Column::numeric("rt", vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
                Column::numeric("age", vec![50.0, 60.0, 70.0, 40.0, 60.0, 80.0]),
                Column::numeric("bone", vec![0.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
                Column::categorical("stage", levels, vec![0, 1, 1, 0, 0, 2]),
            ],
        )
        .unwrap()
    }

    fn query() -> BalanceQuery {
        let variables = vec![
            Variable::Numeric("age".into()),
            Variable::Categorical("bone".into()),
            Variable::Categorical("stage".into()),
        ];
        let tests = vec![BalanceTest::Fisher, BalanceTest::WelchT, BalanceTest::ChiSquaredYates];
        BalanceQuery { tests: TestChoice::Listed(tests), ..BalanceQuery::new("rt", "1", variables) }
    }

    #[test]
    fn each_variable_gets_the_tests_of_its_kind_in_the_order_asked_for() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let table = balance(&cohort, &all, &all, &query()).unwrap();
        assert_eq!((table.n_exposed, table.n_comparators), (3, 3));
        let tests = |row: usize| -> Vec<BalanceTest> {
            table.rows[row].baseline.tests.iter().map(|outcome| outcome.test).collect()
        };
        assert_eq!(tests(0), [BalanceTest::WelchT]);
        assert_eq!(tests(1), [BalanceTest::Fisher, BalanceTest::ChiSquaredYates]);
        let yates = &table.rows[2].baseline.tests[1];
        assert_eq!(yates.p_value, Err(NotEstimable::NotDefined));
        assert_eq!(table.rows[1].baseline.caveats[0].code, CaveatCode::SparseTable);
    }

    /// Without the last pair stage III is lost, bone has one subject in each arm left.
    #[test]
    fn a_matched_sample_keeps_levels_and_scale_of_the_reference() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let matched = all.filter(|row| row != 2 && row != 5);
        let table = balance(&cohort, &matched, &all, &query()).unwrap();
        let age = &table.rows[0].differences.standardised;
        // Means 55 and 50; variances 100 and 400 in all, 50 and 200 in the matched.
        assert_eq!(age.pooled, Ok(5.0 / 250f64.sqrt()));
        assert_eq!(age.own_pooled, Ok(5.0 / 125f64.sqrt()));
        let Summary::Categorical { levels, counts, .. } = &table.rows[2].baseline.summary else {
            panic!("stage is categorical");
        };
        assert_eq!(levels, &["I", "II", "III"]);
        assert_eq!(counts, &[[1, 1, 0], [2, 0, 0]]);
        let codes: Vec<_> =
            table.rows[2].baseline.caveats.iter().map(|caveat| caveat.code).collect();
        assert_eq!(codes, [CaveatCode::EmptyLevel, CaveatCode::SparseTable]);
    }

    #[test]
    fn what_cannot_be_tested_says_why_and_the_table_goes_on() {
        let cohort = cohort();
        let few = Selection::all(&cohort).filter(|row| row == 0 || row == 3);
        let table = balance(&cohort, &few, &few, &query()).unwrap();
        assert_eq!(table.rows[0].baseline.tests[0].p_value, Err(NotEstimable::TooFewValues));
        assert_eq!(table.rows[0].differences.standardised.pooled, Err(NotEstimable::TooFewValues));
        assert_eq!(table.rows[1].baseline.tests[0].p_value, Err(NotEstimable::EmptyMargin));
        assert_eq!(table.largest_smd, Ok(0.0));
    }

    #[test]
    fn one_arm_is_refused() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let exposed = all.filter(|row| row < 3);
        let error = balance(&cohort, &exposed, &all, &query()).unwrap_err();
        assert!(error.to_string().contains("needs two non-empty groups"));
    }

    /// Weights 1, 1, 0 | 2, 1, 1: the last exposed leaves. Means 55 and (2 · 40 + 60 + 80)/4 = 55; the
    /// effective sizes are 2 and 16/6. Bone: 1/2 against 1/4.
    #[test]
    fn weights_act_on_differences_and_not_on_counts() {
        let mut cohort = cohort();
        cohort.push(Column::numeric("w", vec![1.0, 1.0, 0.0, 2.0, 1.0, 1.0])).unwrap();
        let all = Selection::all(&cohort);
        let query = BalanceQuery { weights: Some("w".into()), ..query() };
        let table = balance(&cohort, &all, &all, &query).unwrap();
        assert_eq!((table.n_exposed, table.n_comparators), (2, 3));
        assert_eq!((table.effective_exposed, table.effective_comparators), (2.0, 16.0 / 6.0));
        assert_eq!(table.rows[0].differences.standardised.pooled, Ok(0.0));
        let Summary::Categorical { counts, shares, .. } = &table.rows[1].baseline.summary else {
            panic!("bone is categorical");
        };
        assert_eq!((counts[1][1], shares[1][1]), (1, Ok(0.25)));
        assert_eq!(table.rows[1].differences.levels[1].difference, Ok(0.25));
        assert_eq!(table.rows[1].baseline.tests[0].p_value, Err(NotEstimable::NotDefined));
    }

    #[test]
    fn a_negative_weight_is_refused() {
        let mut cohort = cohort();
        cohort.push(Column::numeric("w", vec![1.0, 1.0, -1.0, 2.0, 1.0, 1.0])).unwrap();
        let all = Selection::all(&cohort);
        let query = BalanceQuery { weights: Some("w".into()), ..query() };
        let error = balance(&cohort, &all, &all, &query).unwrap_err();
        assert_eq!(error, BalanceError::NegativeWeight { column: "w".into(), row: 2 });
    }

    /// Pairs 50-40, 60-60 and 70-80: distances 10, 0, 10 of a SD of 10; bone differs in the second.
    /// The bone of the exposed alone in one pair, never of the comparator alone.
    #[test]
    fn pairs_have_distances_and_tests() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let pairing = Some(Pairing::Rows(vec![(0, 3), (1, 4), (2, 5)]));
        let tests = vec![BalanceTest::McNemarExact, BalanceTest::PairedT];
        let query = BalanceQuery { pairing, tests: TestChoice::Listed(tests), ..query() };
        let table = balance(&cohort, &all, &all, &query).unwrap();
        let distance = table.rows[0].differences.pair_distance.unwrap();
        assert!((distance - 2.0 / 3.0).abs() < 1e-15);
        let distance = table.rows[1].differences.pair_distance.unwrap();
        assert!((distance - 1.0 / 3.0 / (2.0f64 / 9.0).sqrt()).abs() < 1e-15);
        assert_eq!(table.rows[0].baseline.tests[0].statistic, Some(Ok(0.0)));
        assert_eq!(table.rows[1].baseline.tests[0].p_value, Ok(1.0));
    }

    /// Stage III is in no pair, so that McNemar's test is one of two levels: II beside I in one pair,
    /// never the reverse.
    #[test]
    fn levels_of_no_pair_do_not_count() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let pairing = Some(Pairing::Rows(vec![(0, 3), (1, 4)]));
        let tests = vec![BalanceTest::McNemarExact, BalanceTest::McNemarContinuity];
        let variables = vec![Variable::Categorical("stage".into())];
        let listed = TestChoice::Listed(tests);
        let query = BalanceQuery { pairing, tests: listed, variables, ..query() };
        let table = balance(&cohort, &all, &all, &query).unwrap();
        let [exact, corrected] = &table.rows[0].baseline.tests[..] else { panic!("two tests") };
        assert_eq!(exact.p_value, Ok(1.0));
        assert_eq!((corrected.statistic, corrected.degrees_of_freedom), (Some(Ok(0.0)), Some(1.0)));
    }

    /// Differences of 10, 0 and -10 tie where the values 50, 60, 70 | 40, 60, 80 tie in 60 alone.
    #[test]
    fn ties_of_an_exact_test_are_those_of_what_it_ranks() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let variables = vec![Variable::Numeric("age".into())];
        let message = |test: BalanceTest| {
            let pairing = Some(Pairing::Rows(vec![(0, 3), (1, 4), (2, 5)]));
            let (tests, variables) = (TestChoice::Listed(vec![test]), variables.clone());
            let query = BalanceQuery { pairing, tests, variables, ..query() };
            let table = balance(&cohort, &all, &all, &query).unwrap();
            table.rows[0].baseline.caveats[0].message.clone()
        };
        let of_values = message(BalanceTest::MannWhitneyExact);
        assert!(of_values.starts_with("age: 2 of 6 values are tied"), "{of_values}");
        let of_pairs = message(BalanceTest::SignedRankExact);
        assert!(of_pairs.starts_with("age: 2 of 2 differences within pairs"), "{of_pairs}");
    }

    #[test]
    fn a_pair_of_the_wrong_arm_is_refused() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let of = |pair: (usize, usize)| {
            let pairing = Some(Pairing::Rows(vec![(0, 3), pair]));
            balance(&cohort, &all, &all, &BalanceQuery { pairing, ..query() }).unwrap_err()
        };
        let fault = |row, place| BalanceError::PairOfWrongArm { index: 1, row, place };
        assert_eq!(of((4, 5)), fault(4, "exposed"));
        assert_eq!(of((1, 2)), fault(2, "comparator"));
    }

    /// The exposed of the first set has two comparators.
    #[test]
    fn sets_that_are_no_pairs_say_so_by_the_rule_of_choice_too() {
        let mut cohort = cohort();
        cohort.push(Column::numeric("set", vec![1.0, 2.0, 3.0, 1.0, 1.0, 2.0])).unwrap();
        let all = Selection::all(&cohort);
        let pairing = Some(Pairing::Column("set".into()));
        let query = BalanceQuery { pairing, tests: TestChoice::Auto, ..query() };
        for row in balance(&cohort, &all, &all, &query).unwrap().rows {
            assert_eq!(row.baseline.tests[0].p_value, Err(NotEstimable::NotDefined));
        }
    }

    /// Two sites of one exposed and two, the third has no comparator.
    #[test]
    fn levels_are_compared_on_their_own() {
        let mut cohort = cohort();
        let sites = ["A", "B", "C"].map(String::from).to_vec();
        cohort.push(Column::categorical("site", sites, vec![0, 1, 2, 0, 1, 1])).unwrap();
        let all = Selection::all(&cohort);
        let query = BalanceQuery { within: vec!["site".into()], ..query() };
        let within = assess(&cohort, &all, &all, &query).unwrap().within;
        let labels: Vec<&str> = within.iter().map(|within| within.level.as_str()).collect();
        assert_eq!(labels, ["A", "B", "C"]);
        assert_eq!(within[1].table.as_ref().map(|table| table.n_comparators), Ok(2));
        assert_eq!(within[2].table, Err(NotEstimable::TooFewGroups));
    }

    /// 50 and 60 are matched, 70 is not: they differ by 15 in SDs of √50 and of nothing.
    #[test]
    fn whom_the_sample_speaks_for() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let matched = all.filter(|row| row != 2 && row != 5);
        let query = BalanceQuery { compare_unmatched: true, ..query() };
        let table = assess(&cohort, &matched, &all, &query).unwrap().unmatched.unwrap().unwrap();
        assert_eq!((table.n_exposed, table.n_comparators), (2, 1));
        let age = &table.rows[0].differences.standardised;
        assert_eq!(age.exposed_sd, Ok(-15.0 / 50f64.sqrt()));
        assert_eq!(age.pooled, Err(NotEstimable::TooFewValues));
        let everybody = assess(&cohort, &all, &all, &query).unwrap();
        assert_eq!(everybody.unmatched, Some(Err(NotEstimable::TooFewGroups)));
    }

    #[test]
    fn missing_values_are_counted() {
        let mut cohort = cohort();
        let ki67 = Column::numeric("ki67", vec![10.0, 20.0, 0.0, 30.0, 50.0, 40.0]);
        cohort.push(ki67.with_missing(vec![2])).unwrap();
        let variables = vec![Variable::Numeric("ki67".into())];
        let query = BalanceQuery { variables, ..query() };
        let all = Selection::all(&cohort);
        let table = balance(&cohort, &all, &all, &query).unwrap();
        let row = &table.rows[0].baseline;
        assert_eq!(row.n_missing, [1, 0]);
        let Summary::Numeric { groups, .. } = &row.summary else { panic!("ki67 is numeric") };
        assert_eq!((groups[0].n, groups[0].mean), (2, Ok(15.0)));
    }
}
