//! Laws of comparisons that hold for any cohort.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, Column, EndpointColumns, Estimate, NotEstimable, Selection, WeightColumn, WeightKind,
};
use numerics::multiplicity::Correction;
use proptest::prelude::*;
use survival::{
    Alternative, Comparison, ComparisonOptions, ComparisonQuery, FlemingHarrington, MaxComboQuery,
    PairTest, PairsWithin, PairwiseQuery, TestVariance, TestWeights, TrendQuery, compare,
};

/// Entry, follow-up after entry, event, arm, stratum, weight.
type Subject = (u8, u8, bool, u32, u8, u8);

/// Time and event of the two members of a pair.
type Pair = (u8, bool, u8, bool);

fn subjects(arms: u32) -> impl Strategy<Value = Vec<Subject>> {
    // Few distinct times, so that ties and empty risk sets are common.
    let subject = (0u8..6, 1u8..12, any::<bool>(), 0..arms, 0u8..3, 1u8..6);
    prop::collection::vec(subject, 2..40)
}

const LEVELS: [&str; 4] = ["a", "b", "c", "d"];

/// Levels in reverse order are other codes for the same arms.
fn cohort(subjects: &[Subject], reverse: bool) -> Cohort {
    let column = |name: &str, value: &dyn Fn(&Subject) -> f64| {
        Column::numeric(name, subjects.iter().map(value).collect())
    };
    let mut levels: Vec<String> = LEVELS.map(String::from).to_vec();
    let last = levels.len() as u32 - 1;
    let code = |subject: &Subject| if reverse { last - subject.3 } else { subject.3 };
    if reverse {
        levels.reverse();
    }
    let columns = vec![
        column("entry", &|subject| f64::from(subject.0)),
        column("time", &|subject| f64::from(subject.0 + subject.1)),
        column("event", &|subject| f64::from(u8::from(subject.2))),
        Column::categorical("arm", levels, subjects.iter().map(code).collect()),
        column("stratum", &|subject| f64::from(subject.4)),
        column("weight", &|subject| f64::from(subject.5)),
        column("scaled", &|subject| f64::from(subject.5) * 0.37),
        column("one", &|_| 1.0),
    ];
    Cohort::new(None, columns).unwrap()
}

fn query(late: bool, options: ComparisonOptions) -> ComparisonQuery {
    let entry = late.then(|| "entry".to_string());
    ComparisonQuery {
        endpoint: EndpointColumns { entry, ..EndpointColumns::new("time", "event") },
        group: "arm".into(),
        strata: Vec::new(),
        weights: None,
        options,
    }
}

fn sampling(column: &str) -> Option<WeightColumn> {
    Some(WeightColumn { column: column.into(), kind: WeightKind::Sampling })
}

fn answer(cohort: &Cohort, query: &ComparisonQuery) -> Option<Comparison> {
    compare(cohort, &Selection::all(cohort), query).ok()
}

/// Trend and pairs beside a test with these weights.
fn all_tests(weights: TestWeights, variance: TestVariance) -> ComparisonOptions {
    ComparisonOptions {
        weights,
        variance,
        trend: Some(TrendQuery::default()),
        pairwise: Some(PairwiseQuery::default()),
        max_combo: None,
    }
}

fn weights() -> impl Strategy<Value = TestWeights> {
    prop::sample::select(vec![
        TestWeights::LogRank,
        TestWeights::GehanBreslow,
        TestWeights::TaroneWare,
        TestWeights::PetoPeto,
        TestWeights::ModifiedPetoPeto,
        TestWeights::FlemingHarrington { p: 1.0, q: 0.5 },
    ])
}

/// Weights that go with sampling weights.
fn shapes() -> impl Strategy<Value = TestWeights> {
    let late = TestWeights::FlemingHarrington { p: 0.0, q: 1.0 };
    prop::sample::select(vec![TestWeights::LogRank, late])
}

fn variances() -> impl Strategy<Value = TestVariance> {
    prop::sample::select(vec![TestVariance::Hypergeometric, TestVariance::Design])
}

fn is_near(x: Estimate, y: Estimate) -> bool {
    match (x, y) {
        (Ok(x), Ok(y)) => (x - y).abs() <= 1e-8 * (1.0 + y.abs()),
        (x, y) => x == y,
    }
}

fn are_near(x: &[f64], y: &[f64]) -> bool {
    x.len() == y.len() && x.iter().zip(y).all(|(&x, &y)| is_near(Ok(x), Ok(y)))
}

fn observed(comparison: &Comparison) -> Vec<f64> {
    comparison.groups.iter().map(|group| group.observed).collect()
}

fn expected(comparison: &Comparison) -> Vec<f64> {
    comparison.groups.iter().map(|group| group.expected).collect()
}

proptest! {
    #[test]
    fn the_order_of_levels_turns_the_trend_alone(
        subjects in subjects(4),
        late in any::<bool>(),
        weights in weights(),
        variance in variances(),
    ) {
        let query = query(late, all_tests(weights, variance));
        let Some(one) = answer(&cohort(&subjects, false), &query) else { return Ok(()) };
        let other = answer(&cohort(&subjects, true), &query).unwrap();
        prop_assert!(is_near(one.chi_squared, other.chi_squared));
        prop_assert_eq!(one.degrees_of_freedom, other.degrees_of_freedom);
        let z = |comparison: &Comparison| comparison.trend.as_ref().unwrap().test.z;
        prop_assert!(is_near(z(&one).map(|z| -z), z(&other)));
        for pair in &one.pairwise {
            let names = (&pair.second.group, &pair.first.group);
            let same = |other: &&PairTest| {
                (&other.first.group, &other.second.group) == names
            };
            let turned = other.pairwise.iter().find(same).unwrap();
            prop_assert!(is_near(pair.test.z.map(|z| -z), turned.test.z));
        }
    }

    #[test]
    fn scores_have_neither_origin_nor_unit(
        subjects in subjects(3),
        scores in prop::collection::vec(-9i32..9, 4),
        origin in -1e3f64..1e3,
        unit in 0.01f64..1e3,
        weights in weights(),
    ) {
        let of = |scores: Vec<f64>| {
            let trend = Some(TrendQuery { scores });
            let options = ComparisonOptions { weights, trend, ..ComparisonOptions::default() };
            let one = answer(&cohort(&subjects, false), &query(false, options));
            one.map(|one| one.trend.unwrap().test.z)
        };
        let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
        let moved = scores.iter().map(|score| origin + unit * score).collect();
        let turned = scores.iter().map(|score| -score).collect();
        if let Some(z) = of(scores) {
            prop_assert!(is_near(z, of(moved).unwrap()));
            prop_assert_eq!(z.map(|z| -z), of(turned).unwrap());
        }
    }

    #[test]
    fn two_groups_have_one_test(
        subjects in subjects(2),
        late in any::<bool>(),
        weights in weights(),
        variance in variances(),
        within in prop::sample::select(vec![PairsWithin::Pair, PairsWithin::AllGroups]),
    ) {
        let pairwise = Some(PairwiseQuery { within, corrections: Vec::new() });
        let options = ComparisonOptions { pairwise, ..all_tests(weights, variance) };
        let one = answer(&cohort(&subjects, false), &query(late, options));
        let Some(one) = one else { return Ok(()) };
        let square = |z: Estimate| z.map(|z| z * z);
        let trend = one.trend.unwrap();
        prop_assert!(is_near(square(trend.test.z), one.chi_squared));
        prop_assert!(is_near(trend.test.p_value, one.p_value));
        prop_assert_eq!(one.pairwise.len(), 1);
        prop_assert!(is_near(one.pairwise[0].test.z, trend.test.z));
    }

    #[test]
    fn adjusted_p_values_are_larger_and_keep_the_order(
        subjects in subjects(4),
        within in prop::sample::select(vec![PairsWithin::Pair, PairsWithin::AllGroups]),
        correction in prop::sample::select(vec![
            Correction::Bonferroni,
            Correction::Holm,
            Correction::Hochberg,
            Correction::BenjaminiHochberg,
        ]),
    ) {
        let pairwise = Some(PairwiseQuery { within, corrections: vec![correction] });
        let options = ComparisonOptions { pairwise, ..ComparisonOptions::default() };
        let one = answer(&cohort(&subjects, false), &query(false, options));
        let Some(one) = one else { return Ok(()) };
        let raw = |pair: &PairTest| pair.test.p_value;
        let adjusted = |pair: &PairTest| pair.adjusted[0].p_value;
        for pair in &one.pairwise {
            prop_assert_eq!(raw(pair).is_ok(), adjusted(pair).is_ok());
            prop_assert!(raw(pair) <= adjusted(pair) && adjusted(pair).unwrap_or(1.0) <= 1.0);
            for other in &one.pairwise {
                let (Ok(p), Ok(other_p)) = (raw(pair), raw(other)) else { continue };
                prop_assert!(p > other_p || adjusted(pair) <= adjusted(other));
            }
        }
    }

    #[test]
    fn weights_of_1_change_nothing(
        subjects in subjects(4),
        late in any::<bool>(),
        weights in shapes(),
        variance in variances(),
    ) {
        let plain = query(late, all_tests(weights, variance));
        let weighted = ComparisonQuery { weights: sampling("one"), ..plain.clone() };
        let cohort = cohort(&subjects, false);
        let Some(plain) = answer(&cohort, &plain) else { return Ok(()) };
        let weighted = answer(&cohort, &weighted).unwrap();
        prop_assert!(are_near(&observed(&plain), &observed(&weighted)));
        prop_assert!(are_near(&expected(&plain), &expected(&weighted)));
        prop_assert!(are_near(&plain.variance.concat(), &weighted.variance.concat()));
        prop_assert!(is_near(plain.p_value, weighted.p_value));
        for (plain, weighted) in plain.pairwise.iter().zip(&weighted.pairwise) {
            prop_assert!(is_near(plain.test.z, weighted.test.z));
        }
    }

    #[test]
    fn sampling_weights_have_no_unit(
        subjects in subjects(4),
        late in any::<bool>(),
        weights in shapes(),
        variance in variances(),
    ) {
        let of = |column: &str| {
            let query = query(late, all_tests(weights, variance));
            let query = ComparisonQuery { weights: sampling(column), ..query };
            answer(&cohort(&subjects, false), &query)
        };
        let Some(one) = of("weight") else { return Ok(()) };
        let scaled = of("scaled").unwrap();
        prop_assert!(is_near(one.chi_squared, scaled.chi_squared));
        prop_assert!(is_near(one.trend.unwrap().test.z, scaled.trend.unwrap().test.z));
        for (one, scaled) in one.pairwise.iter().zip(&scaled.pairwise) {
            prop_assert!(is_near(one.test.z, scaled.test.z));
        }
    }

    #[test]
    fn frequencies_are_repeated_rows(subjects in subjects(3), weights in weights()) {
        let kind = WeightKind::Frequency;
        let case_weights = Some(WeightColumn { column: "weight".into(), kind });
        let plain = query(false, all_tests(weights, TestVariance::default()));
        let weighted = ComparisonQuery { weights: case_weights, ..plain.clone() };
        let cohort = cohort(&subjects, false);
        let rows = subjects.iter().enumerate();
        let rows = rows.flat_map(|(row, subject)| std::iter::repeat_n(row, subject.5.into()));
        let repeated = Selection::of(&cohort, rows).unwrap();
        prop_assert_eq!(compare(&cohort, &repeated, &plain).ok(), answer(&cohort, &weighted));
    }

    #[test]
    fn strata_add_up(
        subjects in subjects(3),
        late in any::<bool>(),
        weights in shapes(),
        case_weights in prop::sample::select(vec![None, sampling("weight")]),
    ) {
        let cohort = cohort(&subjects, false);
        let plain = query(late, all_tests(weights, TestVariance::default()));
        let plain = ComparisonQuery { weights: case_weights, ..plain };
        let stratified = ComparisonQuery { strata: vec!["stratum".into()], ..plain.clone() };
        let Some(whole) = answer(&cohort, &stratified) else { return Ok(()) };
        let mut parts = Vec::new();
        for stratum in 0..3 {
            let rows = Selection::all(&cohort).filter(|row| subjects[row].4 == stratum);
            match compare(&cohort, &rows, &plain) {
                Ok(part) => parts.push(part),
                // A stratum of one group alone counts as much as is expected.
                Err(_) if rows.is_empty() => {}
                Err(_) => return Ok(()),
            }
        }
        let total = |of: &dyn Fn(&Comparison) -> Vec<f64>| {
            let mut total = vec![0.0; of(&whole).len()];
            for part in &parts {
                total.iter_mut().zip(of(part)).for_each(|(total, part)| *total += part);
            }
            total
        };
        prop_assert!(are_near(&observed(&whole), &total(&observed)));
        prop_assert!(are_near(&expected(&whole), &total(&expected)));
        let variance = |comparison: &Comparison| comparison.variance.concat();
        prop_assert!(are_near(&variance(&whole), &total(&variance)));
    }

    /// Each pair is a stratum: a member dies first or the other does, or both at once or neither.
    #[test]
    fn matched_pairs_are_a_sign_test(
        pairs in prop::collection::vec((1u8..9, any::<bool>(), 1u8..9, any::<bool>()), 1..30),
        weights in weights(),
    ) {
        let column = |name: &str, values: Vec<f64>| Column::numeric(name, values);
        let both = |of: &dyn Fn(&Pair) -> [f64; 2]| pairs.iter().flat_map(of).collect();
        let columns = vec![
            column("time", both(&|pair| [f64::from(pair.0), f64::from(pair.2)])),
            column("event", both(&|pair| [pair.1, pair.3].map(|event| f64::from(u8::from(event))))),
            column("arm", pairs.iter().flat_map(|_| [0.0, 1.0]).collect()),
            column("pair", (0..2 * pairs.len()).map(|row| (row / 2) as f64).collect()),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let options = ComparisonOptions { weights, ..ComparisonOptions::default() };
        let query = ComparisonQuery { strata: vec!["pair".into()], ..query(false, options) };
        let chi_squared = answer(&cohort, &query).unwrap().chi_squared;
        let first = |mine: (u8, bool), other: (u8, bool)| {
            mine.1 && (mine.0 < other.0 || (mine.0 == other.0 && !other.1))
        };
        let count = |is_first: &dyn Fn(&Pair) -> bool| {
            pairs.iter().filter(|pair| is_first(pair)).count() as f64
        };
        let b = count(&|pair| first((pair.0, pair.1), (pair.2, pair.3)));
        let c = count(&|pair| first((pair.2, pair.3), (pair.0, pair.1)));
        let is_late = matches!(weights, TestWeights::FlemingHarrington { q, .. } if q > 0.0);
        if b + c > 0.0 && !is_late {
            prop_assert!(is_near(chi_squared, Ok((b - c) * (b - c) / (b + c))));
        } else {
            let reasons = [
                NotEstimable::VarianceUndefined,
                NotEstimable::NoEvents,
                NotEstimable::TooFewGroups,
            ];
            prop_assert!(reasons.contains(&chi_squared.unwrap_err()));
        }
    }

    /// A row may be cut in two at any time: the first part ends there without an event, and the
    /// second enters there.
    #[test]
    fn rows_cut_in_two_count_alike(
        subjects in subjects(3),
        cut in 1u8..10,
        weights in shapes(),
        case_weights in prop::sample::select(vec![None, sampling("weight")]),
    ) {
        let parts: Vec<Subject> = subjects
            .iter()
            .flat_map(|&(entry, follow_up, event, arm, stratum, weight)| {
                if entry < cut && cut < entry + follow_up {
                    let first = (entry, cut - entry, false, arm, stratum, weight);
                    vec![first, (cut, entry + follow_up - cut, event, arm, stratum, weight)]
                } else {
                    vec![(entry, follow_up, event, arm, stratum, weight)]
                }
            })
            .collect();
        let query = query(true, all_tests(weights, TestVariance::default()));
        let query = ComparisonQuery { weights: case_weights, ..query };
        let Some(whole) = answer(&cohort(&subjects, false), &query) else { return Ok(()) };
        let cut = answer(&cohort(&parts, false), &query).unwrap();
        prop_assert!(are_near(&observed(&whole), &observed(&cut)));
        prop_assert!(are_near(&expected(&whole), &expected(&cut)));
        prop_assert!(are_near(&whole.variance.concat(), &cut.variance.concat()));
        prop_assert!(is_near(whole.trend.unwrap().test.z, cut.trend.unwrap().test.z));
    }
}

proptest! {
    // The joint distribution of three and more takes time without optimisation.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_largest_test_lies_between_the_smallest_p_and_bonferroni(
        subjects in subjects(2),
        late in any::<bool>(),
        variance in variances(),
        case_weights in prop::sample::select(vec![None, sampling("weight")]),
    ) {
        let options = ComparisonOptions {
            variance,
            max_combo: Some(MaxComboQuery::default()),
            ..ComparisonOptions::default()
        };
        let query = ComparisonQuery { weights: case_weights, ..query(late, options) };
        let Some(one) = answer(&cohort(&subjects, false), &query) else { return Ok(()) };
        let combo = one.max_combo.unwrap();
        // The first of the default weights are those of the log-rank test.
        prop_assert!(is_near(combo.components[0].test.p_value, one.p_value));
        let p_values: Vec<f64> =
            combo.components.iter().filter_map(|one| one.test.p_value.ok()).collect();
        let smallest = p_values.iter().copied().reduce(f64::min);
        prop_assert_eq!(combo.p_value.is_ok(), smallest.is_some());
        if let (Ok(p_value), Some(smallest)) = (combo.p_value, smallest) {
            let slack = 1e-9;
            prop_assert!(smallest <= p_value + slack);
            prop_assert!(p_value <= (smallest * p_values.len() as f64).min(1.0) + slack);
            prop_assert!(combo.p_value_error.unwrap() < 1e-7);
        }
    }

    #[test]
    fn one_direction_is_the_other_of_the_other_order(subjects in subjects(2)) {
        let of = |alternative, reverse| {
            let weights = [(0.0, 0.0), (0.0, 1.0)].map(|(p, q)| FlemingHarrington { p, q });
            let max_combo = Some(MaxComboQuery { weights: weights.to_vec(), alternative });
            let options = ComparisonOptions { max_combo, ..ComparisonOptions::default() };
            let one = answer(&cohort(&subjects, reverse), &query(false, options));
            one.map(|one| one.max_combo.unwrap())
        };
        if let Some(one) = of(Alternative::HigherHazard, false) {
            let other = of(Alternative::LowerHazard, true).unwrap();
            prop_assert!(is_near(one.statistic, other.statistic));
            prop_assert!(is_near(one.p_value, other.p_value));
        }
    }
}
