//! A sample whose subjects count several times is the sample of repeated rows.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, Column, Counting, Drawn, EndpointColumns, Estimate, NotEstimable, REPLICATES_AT_ONCE,
    Replicated, Selection, Statistic, Term, WeightColumn, WeightKind,
};
use cox::{CoxError, CoxOptions, CoxQuery, CoxStatistic, OnMonotone, Ties, cox};
use numerics::lanes::{Instructions, restricted_to};
use proptest::prelude::*;

/// Entry, follow-up after entry, event, arm, stratum, a measurement, and how often the subject counts in
/// each replicate.
type Subject = (u8, u8, bool, u32, u32, i8, [u8; REPLICATES_AT_ONCE]);

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    let counts = prop::array::uniform8(0u8..4);
    let subject = (0u8..4, 1u8..9, prop::bool::weighted(0.7), 0u32..2, 0u32..2, -4i8..5, counts);
    prop::collection::vec(subject, 4..40)
        .prop_filter("there is an event", |subjects| subjects.iter().any(|subject| subject.2))
}

fn cohort(subjects: &[Subject]) -> Cohort {
    let numeric =
        |name, of: fn(&Subject) -> f64| Column::numeric(name, subjects.iter().map(of).collect());
    let words = |name, of: fn(&Subject) -> u32| {
        let levels = ["a", "b"].map(String::from).to_vec();
        Column::categorical(name, levels, subjects.iter().map(of).collect())
    };
    let columns = vec![
        numeric("entry", |subject| f64::from(subject.0) * 0.7),
        numeric("time", |subject| f64::from(subject.0) * 0.7 + f64::from(subject.1)),
        numeric("event", |subject| f64::from(u8::from(subject.2))),
        words("arm", |subject| subject.3),
        words("site", |subject| subject.4),
        numeric("score", |subject| f64::from(subject.5)),
        // Anything positive that differs between subjects.
        numeric("weight", |subject| 0.3 + f64::from(subject.6[0]) + 0.1 * f64::from(subject.1)),
    ];
    Cohort::new(None, columns).unwrap()
}

/// Which of the possible models.
type Kind = (bool, bool, bool, bool);

fn query((late_entry, by_site, breslow, adjusted): Kind) -> CoxQuery {
    let entry = late_entry.then(|| "entry".to_string());
    let endpoint = EndpointColumns { entry, ..EndpointColumns::new("time", "event") };
    let mut terms = vec![Term::factor("arm")];
    terms.extend(adjusted.then(|| Term::linear("score")));
    CoxQuery {
        strata: by_site.then(|| "site".to_string()).into_iter().collect(),
        options: CoxOptions {
            ties: if breslow { Ties::Breslow } else { Ties::Efron },
            on_monotone: OnMonotone::Report,
            ..CoxOptions::default()
        },
        ..CoxQuery::new(endpoint, terms)
    }
}

fn evaluated(statistic: &CoxStatistic, drawn: &Drawn) -> Vec<Vec<Replicated>> {
    let n_quantities = statistic.n_quantities();
    let nothing = Replicated::value(Err(NotEstimable::NotDefined));
    let mut answers = vec![nothing; drawn.n_replicates * n_quantities];
    statistic.evaluate(drawn, &mut statistic.scratch(), &mut answers);
    answers.chunks(n_quantities).map(<[Replicated]>::to_vec).collect()
}

/// Estimates and variances of a model on some rows.
fn fitted(
    cohort: &Cohort,
    rows: impl Iterator<Item = usize>,
    query: &CoxQuery,
) -> Vec<(Estimate, Estimate)> {
    let selection = Selection::of(cohort, rows).unwrap();
    match cox(cohort, &selection, query) {
        Ok(fit) => (fit.coefficients.iter())
            .map(|coefficient| {
                let variance = coefficient.standard_error.map(|error| error * error);
                (coefficient.estimate, variance)
            })
            .collect(),
        Err(CoxError::NoEvents { .. } | CoxError::Cohort(_)) => {
            vec![(Err(NotEstimable::NoEvents), Err(NotEstimable::NoEvents)); query.terms.len()]
        }
        Err(error) => panic!("{error}"),
    }
}

fn close(got: f64, want: f64) -> bool {
    (got - want).abs() <= 1e-8 * want.abs().max(1.0)
}

fn check(got: &Replicated, want: (Estimate, Estimate)) -> Result<(), TestCaseError> {
    match (got.value, want.0) {
        (Ok(value), Ok(estimate)) => {
            prop_assert!(close(value, estimate), "{value} instead of {estimate}");
            let (variance, own) = (got.variance.unwrap(), want.1.unwrap());
            prop_assert!((variance / own - 1.0).abs() < 1e-7, "variance {variance} for {own}");
        }
        (value, estimate) => {
            prop_assert!(value.is_err() && estimate.is_err(), "{value:?} for {want:?}")
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_repeated_rows(subjects in subjects(), kind: Kind) {
        let (cohort, query) = (cohort(&subjects), query(kind));
        let all = Selection::all(&cohort);
        let statistic = CoxStatistic::read(&cohort, &all, &query).unwrap();
        let drawn = Drawn {
            counts: subjects.iter().map(|subject| subject.6.map(f64::from)).collect(),
            n_replicates: REPLICATES_AT_ONCE,
            counting: Counting::Subjects,
        };
        for (replicate, found) in evaluated(&statistic, &drawn).into_iter().enumerate() {
            let repeated = subjects.iter().enumerate().flat_map(|(row, subject)| {
                std::iter::repeat_n(row, usize::from(subject.6[replicate]))
            });
            for (got, want) in found.iter().zip(fitted(&cohort, repeated, &query)) {
                check(got, want)?;
            }
        }
    }

    #[test]
    fn weights_are_case_weights(subjects in subjects(), kind: Kind) {
        let (cohort, query) = (cohort(&subjects), query(kind));
        let all = Selection::all(&cohort);
        let statistic = CoxStatistic::read(&cohort, &all, &query).unwrap();
        let weights = cohort.numeric("weight", &all).unwrap();
        let counts = weights.iter().map(|&weight| [weight; REPLICATES_AT_ONCE]).collect();
        let drawn = Drawn { counts, n_replicates: 2, counting: Counting::Weights };
        let weights = Some(WeightColumn { column: "weight".into(), kind: WeightKind::Sampling });
        let weighted = fitted(&cohort, 0..subjects.len(), &CoxQuery { weights, ..query });
        for found in evaluated(&statistic, &drawn) {
            for (got, want) in found.iter().zip(&weighted) {
                check(got, *want)?;
            }
        }
    }

    /// Late entry, strata and both rules for ties; a model of more than two arms is not answered.
    #[test]
    fn copies_with_weights_are_repeated_rows_with_weights(subjects in subjects(), kind: Kind) {
        let (cohort, query) = (cohort(&subjects), query(kind));
        let all = Selection::all(&cohort);
        let statistic = CoxStatistic::read(&cohort, &all, &query).unwrap();
        let weights = cohort.numeric("weight", &all).unwrap();
        let counts: Vec<_> = subjects.iter().map(|subject| subject.6.map(f64::from)).collect();
        let drawn = |counts, counting| Drawn { counts, n_replicates: REPLICATES_AT_ONCE, counting };
        let products = counts.iter().zip(&weights).map(|(own, weight)| own.map(|n| n * weight));
        let weighted = drawn(products.collect(), Counting::Weights);
        let copies = drawn(counts, Counting::Subjects);
        let nothing = Replicated::value(Err(NotEstimable::NotDefined));
        let mut found = vec![nothing; REPLICATES_AT_ONCE * statistic.n_quantities()];
        let mut scratch = statistic.scratch();
        if !statistic.evaluate_copies(&copies, &weighted, &mut scratch, &mut found) {
            prop_assert!(kind.3 || subjects.iter().all(|subject| subject.3 == subjects[0].3));
            return Ok(());
        }
        let weights = Some(WeightColumn { column: "weight".into(), kind: WeightKind::Sampling });
        let query = CoxQuery { weights, ..query };
        for (replicate, got) in found.iter().enumerate() {
            let repeated = subjects.iter().enumerate().flat_map(|(row, subject)| {
                std::iter::repeat_n(row, usize::from(subject.6[replicate]))
            });
            match (got.value, fitted(&cohort, repeated, &query)[0].0) {
                (Ok(got), Ok(want)) => prop_assert!(close(got, want), "{got} instead of {want}"),
                (got, want) => prop_assert!(got.is_err() && want.is_err(), "{got:?} for {want:?}"),
            }
        }
    }

    /// Bit for bit the estimates of the sample.
    #[test]
    fn everybody_once_is_the_sample(subjects in subjects(), kind: Kind) {
        let (cohort, query) = (cohort(&subjects), query(kind));
        let all = Selection::all(&cohort);
        let statistic = CoxStatistic::read(&cohort, &all, &query).unwrap();
        let found = evaluated(&statistic, &Drawn::sample(subjects.len()));
        for (got, want) in found[0].iter().zip(fitted(&cohort, 0..subjects.len(), &query)) {
            match (got.value, want.0) {
                (Ok(got), Ok(want)) => prop_assert_eq!(got.to_bits(), want.to_bits()),
                (got, want) => prop_assert_eq!(got.is_err(), want.is_err()),
            }
        }
    }
}

/// So many subjects, of whom each counts up to three times in a replicate.
fn many(n: usize) -> (Cohort, Drawn) {
    let share = |i: usize, k: u32| (i as f64 * 0.618_033_988_749_894_9 * f64::from(k)).fract();
    let numeric = |name: &str, of: &dyn Fn(usize) -> f64| {
        Column::numeric(name, (0..n).map(of).collect::<Vec<f64>>())
    };
    let words = |name: &str, k: u32| {
        let levels = ["a", "b", "c"].map(String::from).to_vec();
        let code = |i: usize| (3.0 * share(i, k)) as u32;
        Column::categorical(name, levels, (0..n).map(code).collect())
    };
    let time = |i: usize| (80.0 * share(i, 3)).ceil() + 2.0 * share(i, 11).round();
    let columns = vec![
        numeric("entry", &|i| (share(i, 5) * (time(i) - 1.0) * 0.5).floor()),
        numeric("time", &|i| time(i) + 1.0),
        numeric("event", &|i| f64::from(u8::from(share(i, 7) + 0.2 * share(i, 11) < 0.6))),
        numeric("age", &|i| (40.0 + 30.0 * share(i, 11)).round()),
        numeric("dose", &|i| share(i, 13).powi(3)),
        numeric("weight", &|i| 0.2 + 2.0 * share(i, 29)),
        numeric("offset", &|i| share(i, 31)),
        words("stage", 17),
        words("site", 19),
    ];
    let count = |i: usize, k: usize| (4.0 * share(i + 1, 23 + k as u32).powi(2)).floor();
    let counts = (0..n).map(|i| std::array::from_fn(|k| count(i, k))).collect();
    let n_replicates = REPLICATES_AT_ONCE;
    let drawn = Drawn { counts, n_replicates, counting: Counting::Subjects };
    (Cohort::new(None, columns).unwrap(), drawn)
}

/// Models of several columns with all that a query may ask for, hardly anyone tied or many.
#[test]
fn replicates_of_many_columns_are_fits_to_repeated_rows() {
    for (n, late_entry, weighted, ties) in [
        (300, false, false, Ties::Efron),
        (300, true, false, Ties::Efron),
        (300, true, true, Ties::Breslow),
        (1200, false, true, Ties::Efron),
        (1200, false, false, Ties::Breslow),
    ] {
        let (cohort, drawn) = many(n);
        let entry = late_entry.then(|| "entry".to_string());
        let terms = vec![
            Term::linear("age"),
            Term::factor("stage"),
            Term::interaction(Term::linear("dose"), Term::factor("stage")),
        ];
        let weights = WeightColumn { column: "weight".into(), kind: WeightKind::Sampling };
        let query = CoxQuery {
            strata: if n < 1000 { vec!["site".into()] } else { Vec::new() },
            weights: weighted.then_some(weights),
            offset: Some("offset".into()),
            options: CoxOptions { ties, ..CoxOptions::default() },
            ..CoxQuery::new(
                EndpointColumns { entry, ..EndpointColumns::new("time", "event") },
                terms,
            )
        };
        let all = Selection::all(&cohort);
        let statistic = CoxStatistic::read(&cohort, &all, &query).unwrap();
        let found = evaluated(&statistic, &drawn);
        for (replicate, found) in found.iter().enumerate() {
            let counts = drawn.replicate(replicate).enumerate();
            let repeated = counts.flat_map(|(row, count)| std::iter::repeat_n(row, count as usize));
            for (got, want) in found.iter().zip(fitted(&cohort, repeated, &query)) {
                let (estimate, variance) = (want.0.unwrap(), want.1.unwrap());
                assert!((got.value.unwrap() - estimate).abs() < 1e-10 * estimate.abs().max(1.0));
                assert!((got.variance.unwrap() / variance - 1.0).abs() < 1e-8);
            }
        }
        for set in [Instructions::Avx2, Instructions::Portable] {
            assert_eq!(restricted_to(set, || evaluated(&statistic, &drawn)), found);
        }
    }
}

/// 120 subjects with the dosages 10 and 20, which are rarer, 40 and 80; the first of four replicates has all
/// of them, the second nobody with 20, the third nobody with 10, the fourth neither. Beside the dosage stand
/// its indicators.
fn dosages() -> (Cohort, Drawn) {
    let dose = |i: usize| match (i % 40, i % 3) {
        (5..=10, _) => 10.0,
        (11..=16, _) => 20.0,
        (_, 0) => 40.0,
        _ => 80.0,
    };
    let numeric = |name: &str, of: &dyn Fn(usize) -> f64| {
        Column::numeric(name, (0..120).map(of).collect::<Vec<f64>>())
    };
    let mut columns = vec![
        numeric("time", &|i| (i * 37 % 101 + 1) as f64),
        numeric("event", &|i| f64::from(u8::from(i * 13 % 5 < 3))),
        numeric("age", &|i| (40 + i * 17 % 29) as f64),
        numeric("dose", &dose),
    ];
    for level in [20.0, 40.0, 80.0] {
        let indicator = |i| f64::from(u8::from(dose(i) == level));
        columns.push(numeric(&format!("is {level}"), &indicator));
    }
    let count = |i: usize, k: usize| match dose(i) {
        20.0 if k % 2 == 1 => 0.0,
        10.0 if k >= 2 => 0.0,
        _ => ((i * (k + 3) + i / 7) % 4) as f64,
    };
    let counts = (0..120).map(|i| std::array::from_fn(|k| count(i, k % 4))).collect();
    let drawn = Drawn { counts, n_replicates: 4, counting: Counting::Subjects };
    (Cohort::new(None, columns).unwrap(), drawn)
}

/// Prepared and fitted anew: a search of fewer steps is not prepared.
fn on_both_ways(query: CoxQuery) -> [CoxQuery; 2] {
    let few = CoxOptions { max_iterations: 14, ..query.options.clone() };
    [query.clone(), CoxQuery { options: few, ..query }]
}

/// A replicate that lacks a level gives the others their own coefficients, and none to what compares with
/// nobody: what indicators of the levels give. Of R is
/// `coxph(Surv(time, event) ~ (dose == 20) + (dose == 40) + (dose == 80) + age)` on the repeated rows.
#[test]
fn numbers_as_a_factor_keep_their_levels() {
    let (cohort, drawn) = dosages();
    let all = Selection::all(&cohort);
    let endpoint = || EndpointColumns::new("time", "event");
    let query = CoxQuery::new(endpoint(), vec![Term::factor("dose"), Term::linear("age")]);
    let indicators = ["is 20", "is 40", "is 80", "age"].map(Term::linear).to_vec();
    let indicators = CoxQuery::new(endpoint(), indicators);
    let of_r = [
        [
            Some(0.426_294_234_659_551),
            Some(-0.096_150_920_515_168_3),
            Some(0.106_445_590_519_944_2),
        ],
        [None, Some(0.223_442_290_165_311_7), Some(0.442_000_491_877_335_6)],
        [None; 3],
        [None; 3],
    ];
    let age_of_r = [
        0.019_047_778_102_213_8,
        0.031_925_022_755_808_1,
        0.031_193_945_130_185_9,
        0.039_238_986_804_671_5,
    ];
    for query in on_both_ways(query) {
        let statistic = CoxStatistic::read(&cohort, &all, &query).unwrap();
        assert_eq!(statistic.names(), ["dose=20", "dose=40", "dose=80", "age"]);
        for (replicate, found) in evaluated(&statistic, &drawn).iter().enumerate() {
            let counts = drawn.replicate(replicate).enumerate();
            let rows = counts.flat_map(|(row, count)| std::iter::repeat_n(row, count as usize));
            let rows = Selection::of(&cohort, rows).unwrap();
            let mut want = fitted(&cohort, rows.rows().iter().copied(), &indicators);
            if replicate >= 2 {
                want[..3].fill((Err(NotEstimable::EmptyLevel), Err(NotEstimable::EmptyLevel)));
            }
            let weighted = statistic.weighted(&rows, vec![1.0; rows.len()]);
            for j in 0..4 {
                let (got, weighted) = (found[j].value, weighted[j]);
                let of_r = of_r[replicate].get(j).copied().unwrap_or(Some(age_of_r[replicate]));
                match (got, want[j].0, of_r) {
                    (Ok(got), Ok(want), Some(of_r)) => {
                        assert!(close(got, want) && close(weighted.unwrap(), want), "{got} {want}");
                        assert!((got - of_r).abs() < 1e-8, "{got} instead of {of_r}");
                    }
                    (got, _, of_r) => {
                        assert_eq!((got, of_r), (Err(NotEstimable::EmptyLevel), None));
                        assert_eq!(weighted, got);
                    }
                }
            }
        }
    }
}

/// A slope within the reference is none where the reference has nobody; that of another term is.
#[test]
fn a_slope_at_a_reference_needs_somebody_there() {
    let (cohort, drawn) = dosages();
    let all = Selection::all(&cohort);
    let product = Term::interaction(Term::linear("age"), Term::factor("dose"));
    let terms = vec![Term::linear("age"), Term::factor("dose"), product, Term::linear("late")];
    let mut cohort_with = cohort.clone();
    let late = (0..120).map(|i| f64::from(i % 7)).collect();
    cohort_with.push(Column::numeric("late", late)).unwrap();
    let query = CoxQuery::new(EndpointColumns::new("time", "event"), terms);
    for query in on_both_ways(query) {
        let statistic = CoxStatistic::read(&cohort_with, &all, &query).unwrap();
        let found = evaluated(&statistic, &drawn);
        assert_eq!(statistic.n_quantities(), 8);
        let estimable = |replicate: usize| -> Vec<bool> {
            found[replicate].iter().map(|found| found.value.is_ok()).collect()
        };
        assert_eq!(estimable(0), [true; 8]);
        assert_eq!(estimable(1), [true, false, true, true, false, true, true, true]);
        for replicate in [2, 3] {
            assert_eq!(estimable(replicate), [[false; 7].as_slice(), &[true]].concat());
        }
    }
}

/// Weights of a Bayesian replicate meet the own weights of the same subjects, whoever has none; with
/// Breslow's ties copies by frequency weigh as much together.
#[test]
fn subjects_without_weight_do_not_move_the_others() {
    let (mut cohort, _) = dosages();
    let all = Selection::all(&cohort);
    let own: Vec<f64> = (0..120).map(|i| f64::from(i % 3)).collect();
    let counts: Vec<f64> = (0..120).map(|i| 0.25 + f64::from(i * 7 % 11)).collect();
    let both = own.iter().zip(&counts).map(|(own, count)| own * count).collect();
    cohort.push(Column::numeric("own", own)).unwrap();
    cohort.push(Column::numeric("both", both)).unwrap();
    let drawn = Drawn {
        counts: counts.iter().map(|&count| [count; REPLICATES_AT_ONCE]).collect(),
        n_replicates: 1,
        counting: Counting::Weights,
    };
    for kind in [WeightKind::Sampling, WeightKind::Frequency] {
        let query = |column: &str, kind| CoxQuery {
            weights: Some(WeightColumn { column: column.into(), kind }),
            options: CoxOptions { ties: Ties::Breslow, ..CoxOptions::default() },
            ..CoxQuery::new(EndpointColumns::new("time", "event"), vec![Term::linear("age")])
        };
        let statistic = CoxStatistic::read(&cohort, &all, &query("own", kind)).unwrap();
        let want = fitted(&cohort, 0..120, &query("both", WeightKind::Sampling));
        let got = evaluated(&statistic, &drawn)[0][0].value.unwrap();
        assert!(close(got, want[0].0.unwrap()), "{kind:?}: {got} instead of {want:?}");
    }
}
