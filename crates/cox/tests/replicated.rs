//! A sample whose subjects count several times is the sample of repeated rows.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, Column, Counting, Drawn, EndpointColumns, Estimate, NotEstimable, REPLICATES_AT_ONCE,
    Replicated, Selection, Statistic, Term, WeightColumn, WeightKind,
};
use cox::{CoxError, CoxOptions, CoxQuery, CoxStatistic, OnMonotone, Ties, cox};
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
