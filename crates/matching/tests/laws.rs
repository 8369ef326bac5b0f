//! What must hold for any data, with the plain double loop as the reference.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, Selection};
use matching::{
    Caliper, CaliperScale, MatchOrder, MatchQuery, MatchedSample, Method, NearestOptions,
    match_pairs,
};
use proptest::prelude::*;

/// One subject: exposed, score on a coarse grid so that ties abound, exact key.
type Subject = (bool, i32, u8);

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    prop::collection::vec((any::<bool>(), -6..6, 0..3u8), 0..40).prop_map(|mut subjects| {
        // Both arms hold somebody.
        subjects.push((true, 0, 0));
        subjects.push((false, 1, 0));
        subjects
    })
}

fn queries() -> impl Strategy<Value = MatchQuery> {
    let caliper = prop_oneof![
        Just(None),
        (0..5u8).prop_map(|k| Some((f64::from(k) * 0.25, CaliperScale::Raw))),
        (0..5u8).prop_map(|k| Some((f64::from(k) * 0.1, CaliperScale::StandardDeviations))),
    ];
    let order =
        prop::sample::select(vec![MatchOrder::Largest, MatchOrder::Smallest, MatchOrder::Data]);
    (caliper, order, any::<bool>()).prop_map(|(caliper, order, exact)| MatchQuery {
        method: nearest(order),
        caliper: caliper.map(|(width, scale)| Caliper { width, scale }),
        exact: if exact { vec!["site".into()] } else { Vec::new() },
        ..MatchQuery::nearest("rt", "yes", "score")
    })
}

fn nearest(order: MatchOrder) -> Method {
    Method::Nearest(NearestOptions { order: Some(order), ..NearestOptions::default() })
}

fn order_of(query: &MatchQuery) -> MatchOrder {
    match query.method {
        Method::Nearest(ref options) => options.order.unwrap(),
        _ => unreachable!("these questions are for nearest neighbours"),
    }
}

/// The subjects in this order of rows, each with its index as id; scores are quarters of `unit`.
fn cohort_of(subjects: &[Subject], order: &[usize], unit: f64) -> Cohort {
    let rows = || order.iter().map(|&index| subjects[index]);
    let levels = ["no", "yes"].map(String::from).to_vec();
    Cohort::new(
        Some(order.iter().map(ToString::to_string).collect()),
        vec![
            Column::categorical("rt", levels, rows().map(|(e, ..)| u32::from(e)).collect()),
            Column::numeric("score", rows().map(|(_, s, _)| f64::from(s) * 0.25 * unit).collect()),
            Column::numeric("site", rows().map(|(.., site)| f64::from(site)).collect()),
        ],
    )
    .unwrap()
}

fn in_order(subjects: &[Subject]) -> Cohort {
    cohort_of(subjects, &(0..subjects.len()).collect::<Vec<_>>(), 1.0)
}

fn rows_of(sample: &MatchedSample) -> Vec<(usize, usize)> {
    let mut rows: Vec<_> =
        sample.pairs.iter().map(|pair| (pair.exposed, pair.comparator)).collect();
    // A row that is selected twice may list its pairs in either order.
    rows.sort_unstable();
    rows
}

/// The rule read literally: each of the exposed looks at every comparator.
fn naive(
    subjects: &[Subject],
    selected: &[usize],
    query: &MatchQuery,
    caliper: f64,
) -> Vec<(usize, usize)> {
    let score = |k: usize| f64::from(subjects[selected[k]].1) * 0.25;
    let class = |k: usize| if query.exact.is_empty() { 0 } else { subjects[selected[k]].2 };
    let exposed = |k: &usize| subjects[selected[*k]].0;
    let mut line: Vec<usize> = (0..selected.len()).collect();
    line.sort_by(|&a, &b| score(a).total_cmp(&score(b)).then(a.cmp(&b)));
    let mut position = vec![0isize; line.len()];
    for (place, &k) in line.iter().enumerate() {
        position[k] = place as isize;
    }
    let mut turns: Vec<usize> = (0..selected.len()).filter(exposed).collect();
    match order_of(query) {
        MatchOrder::Largest => turns.sort_by(|&a, &b| score(b).total_cmp(&score(a))),
        MatchOrder::Smallest => turns.sort_by(|&a, &b| score(a).total_cmp(&score(b))),
        _ => {}
    }
    let mut free: Vec<usize> = (0..selected.len()).filter(|k| !exposed(k)).collect();
    let mut pairs = Vec::new();
    for turn in turns {
        let steps = |other: usize| position[other] - position[turn];
        let distance = |other: usize| (score(turn) - score(other)).abs();
        let nearest = free
            .iter()
            .copied()
            .filter(|&other| class(other) == class(turn) && distance(other) <= caliper)
            .min_by(|&a, &b| {
                let tie = |other| (steps(other) > 0, steps(other).abs());
                distance(a).total_cmp(&distance(b)).then_with(|| tie(a).cmp(&tie(b)))
            });
        if let Some(chosen) = nearest {
            free.retain(|&other| other != chosen);
            pairs.push((selected[turn], selected[chosen]));
        }
    }
    pairs.sort_unstable();
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fast_walk_finds_what_the_double_loop_finds(
        subjects in subjects(),
        query in queries(),
        repeats in prop::collection::vec(0..3usize, 60),
    ) {
        let cohort = in_order(&subjects);
        // The last two, one of each arm, stay in.
        let times = |row: usize| repeats[row].max(usize::from(row + 2 >= subjects.len()));
        let selected: Vec<usize> = (0..subjects.len())
            .flat_map(|row| std::iter::repeat_n(row, times(row)))
            .collect();
        let selection = Selection::of(&cohort, selected.iter().copied()).unwrap();
        let sample = match_pairs(&cohort, &selection, &query).unwrap();
        let caliper = sample.certificate.caliper.unwrap_or(f64::INFINITY);
        prop_assert_eq!(rows_of(&sample), naive(&subjects, &selected, &query, caliper));
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        (subjects, order) in subjects().prop_flat_map(|subjects| {
            let order: Vec<usize> = (0..subjects.len()).collect();
            (Just(subjects), Just(order).prop_shuffle())
        }),
        query in queries(),
    ) {
        let (sorted, shuffled) = (in_order(&subjects), cohort_of(&subjects, &order, 1.0));
        let matched = |cohort| match_pairs(cohort, &Selection::all(cohort), &query).unwrap();
        prop_assert_eq!(matched(&sorted), matched(&shuffled));
    }

    /// A power of two changes no rounding.
    #[test]
    fn the_unit_of_the_score_does_not_matter(subjects in subjects(), query in queries()) {
        let order: Vec<usize> = (0..subjects.len()).collect();
        let matched = |unit: f64| {
            let cohort = cohort_of(&subjects, &order, unit);
            let caliper = query.caliper.map(|caliper| match caliper.scale {
                CaliperScale::Raw => Caliper { width: caliper.width * unit, ..caliper },
                _ => caliper,
            });
            let query = MatchQuery { caliper, ..query.clone() };
            match_pairs(&cohort, &Selection::all(&cohort), &query).unwrap()
        };
        let (plain, scaled) = (matched(1.0), matched(8.0));
        prop_assert_eq!(rows_of(&plain), rows_of(&scaled));
        prop_assert_eq!(plain.certificate.total_distance * 8.0, scaled.certificate.total_distance);
    }
}
