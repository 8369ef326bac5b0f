//! What must hold for any data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use balance::*;
use cohort::{Cohort, Column, Drawn, Estimate, NotEstimable, Replicated, Selection, Statistic};
use hypothesis::{ContingencyTable, fisher_exact};
use proptest::prelude::*;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() }
}

fn tables() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (2..4usize, 2..5usize).prop_flat_map(|(rows, columns)| {
        prop::collection::vec(prop::collection::vec(0..4usize, columns), rows)
    })
}

/// One subject: exposed, number, category, all on coarse grids.
type Subject = (bool, i32, u8);

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    prop::collection::vec((any::<bool>(), -5..5, 0..4u8), 0..30).prop_map(|mut subjects| {
        // Both arms hold somebody.
        subjects.push((true, 0, 0));
        subjects.push((false, 1, 0));
        subjects
    })
}

fn baseline(subjects: &[Subject], order: &[usize], exposed: &str) -> BalanceTable {
    let rows = || order.iter().map(|&index| subjects[index]);
    let column = |name: &str, values: Vec<f64>| Column::numeric(name, values);
    let cohort = Cohort::new(
        Some(order.iter().map(ToString::to_string).collect()),
        vec![
            column("rt", rows().map(|(exposed, ..)| f64::from(u8::from(exposed))).collect()),
            column("age", rows().map(|(_, age, _)| f64::from(age) * 0.1).collect()),
            column("stage", rows().map(|(.., stage)| f64::from(stage)).collect()),
            column("bone", rows().map(|(.., stage)| f64::from(stage % 2)).collect()),
        ],
    );
    let cohort = cohort.unwrap();
    let variables = vec![
        Variable::Numeric("age".into()),
        Variable::Categorical("stage".into()),
        Variable::Categorical("bone".into()),
    ];
    let tests = vec![
        BalanceTest::ChiSquared,
        BalanceTest::Fisher,
        BalanceTest::MannWhitney,
        BalanceTest::WelchT,
    ];
    let query = BalanceQuery {
        tests: TestChoice::Listed(tests),
        ..BalanceQuery::new("rt", exposed, variables)
    };
    let all = Selection::all(&cohort);
    balance(&cohort, &all, &all, &query).unwrap()
}

/// Every way to fill the table, its weight built from factorials.
fn fisher_by_counting(table: &ContingencyTable) -> f64 {
    fn ways(total: usize, room: &[usize]) -> Vec<Vec<usize>> {
        match room {
            [] => {
                if total == 0 {
                    vec![vec![]]
                } else {
                    vec![]
                }
            }
            [first, others @ ..] => (0..=total.min(*first))
                .flat_map(|count| {
                    let prefixed = move |mut way: Vec<usize>| {
                        way.insert(0, count);
                        way
                    };
                    ways(total - count, others).into_iter().map(prefixed)
                })
                .collect(),
        }
    }
    fn weight(row: &[usize]) -> f64 {
        row.iter().map(|&cell| 1.0 / (1..=cell).map(|k| k as f64).product::<f64>()).product()
    }
    fn all_weights(rows: &[usize], room: &[usize], past: f64, weights: &mut Vec<f64>) {
        let Some((&first, others)) = rows.split_first() else {
            return weights.push(past);
        };
        for way in ways(first, room) {
            let room: Vec<usize> = room.iter().zip(&way).map(|(room, cell)| room - cell).collect();
            all_weights(others, &room, past * weight(&way), weights);
        }
    }
    let mut weights = Vec::new();
    all_weights(&table.row_totals(), &table.column_totals(), 1.0, &mut weights);
    let observed: f64 = table.counts().iter().map(|row| weight(row)).product();
    let no_more_probable = weights.iter().filter(|&&weight| weight <= observed * (1.0 + 1e-7));
    no_more_probable.sum::<f64>() / weights.iter().sum::<f64>()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (a.abs() + b.abs())
}

fn same(a: Estimate, b: Estimate) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => close(a, b),
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_walk_finds_what_counting_finds(counts in tables()) {
        match ContingencyTable::new(&counts) {
            Ok(table) => {
                let (walked, counted) = (fisher_exact(&table).unwrap(), fisher_by_counting(&table));
                prop_assert!(close(walked, counted), "{walked} instead of {counted}");
            }
            Err(reason) => prop_assert_eq!(reason, NotEstimable::EmptyMargin),
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        (subjects, order) in subjects().prop_flat_map(|subjects| {
            let order: Vec<usize> = (0..subjects.len()).collect();
            (Just(subjects), Just(order).prop_shuffle())
        }),
    ) {
        let sorted: Vec<usize> = (0..subjects.len()).collect();
        prop_assert_eq!(baseline(&subjects, &sorted, "1"), baseline(&subjects, &order, "1"));
    }

    #[test]
    fn swapping_the_arms_turns_the_signs(subjects in subjects()) {
        let order: Vec<usize> = (0..subjects.len()).collect();
        let (one, other) = (baseline(&subjects, &order, "1"), baseline(&subjects, &order, "0"));
        let pairs = (one.n_exposed * one.n_comparators) as f64;
        for (row, mirrored) in one.rows.iter().zip(&other.rows) {
            // More than two levels have a distance, which has no sign.
            let (smd, other) =
                (row.differences.standardised.pooled, mirrored.differences.standardised.pooled);
            let turned = same(smd, other.map(|smd| -smd));
            prop_assert!(turned || same(smd, other));
            prop_assert!(turned || row.baseline.variable == "stage");
            // What one arm's SD divides, the other's divides once they change places.
            let (by, other) = (&row.differences.standardised, &mirrored.differences.standardised);
            let turned = same(by.exposed_sd, other.comparator_sd.map(|smd| -smd));
            prop_assert!(turned || row.baseline.variable == "stage");
            prop_assert_eq!(row.differences.ecdf_max, mirrored.differences.ecdf_max);
            prop_assert_eq!(row.differences.ecdf_mean, mirrored.differences.ecdf_mean);
            let tests = row.baseline.tests.iter().zip(&mirrored.baseline.tests);
            for (outcome, mirrored) in tests {
                prop_assert!(same(outcome.p_value, mirrored.p_value));
                let (Some(got), Some(turned)) = (outcome.statistic, mirrored.statistic) else {
                    continue;
                };
                let expected = match outcome.test {
                    BalanceTest::WelchT => turned.map(|t| -t),
                    BalanceTest::MannWhitney => turned.map(|w| pairs - w),
                    _ => turned,
                };
                prop_assert!(same(got, expected), "{got:?} instead of {expected:?}");
            }
        }
    }
}

/// Differences of a sample whose subjects count several times are those of repeated rows, in the units of rows
/// that stay as they are or of the repeated ones.
#[test]
fn counts_are_repeated_rows() {
    let columns = vec![
        Column::numeric("x", vec![1.0, 4.0, 2.0, 8.0, 5.0, 7.0, 1.0, 3.0]),
        Column::numeric("z", vec![1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 1.0]).with_missing(vec![5]),
        Column::numeric("arm", vec![1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let everyone = Selection::all(&cohort);
    let variables = vec![Variable::Numeric("x".into()), Variable::Categorical("z".into())];
    let query =
        SmdQuery { exposure: "arm".into(), exposed: "1".into(), variables: variables.clone() };
    let counts = [2.0, 0.0, 1.0, 1.0, 0.0, 3.0, 1.0, 2.0];
    let repeated = counts.iter().enumerate();
    let rows = repeated.flat_map(|(row, &count)| std::iter::repeat_n(row, count as usize));
    let rows = Selection::of(&cohort, rows).unwrap();
    let mut drawn = Drawn::sample(8);
    drawn.counts.iter_mut().zip(counts).for_each(|(to, count)| to[0] = count);
    for reference in [None, Some(&everyone)] {
        let statistic = SmdStatistic::read(&cohort, &everyone, reference, &query).unwrap();
        let mut answers = vec![Replicated::value(Ok(0.0)); 2];
        statistic.evaluate(&drawn, &mut statistic.scratch(), &mut answers);
        let units = reference.unwrap_or(&rows);
        let asked = BalanceQuery::new("arm", "1", variables.clone());
        let table = balance(&cohort, &rows, units, &asked).unwrap();
        let want = table.rows.iter().map(|row| row.differences.standardised.pooled);
        for (got, want) in answers.iter().zip(want) {
            assert_eq!(got.value, want);
        }
    }
}
