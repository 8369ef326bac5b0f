//! A sample whose subjects count several times is the sample of repeated rows.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, Column, Counting, Drawn, EndpointColumns, Estimate, NotEstimable, REPLICATES_AT_ONCE,
    Replicated, Selection, Statistic,
};
use proptest::prelude::*;
use survival::{
    ComparisonOptions, ComparisonQuery, CurvesQuery, IntervalRule, Measure, QuantileRule,
    SurvivalQuantity, SurvivalStatistic, SurvivalStatisticQuery, compare, curves,
};

const TIME: f64 = 4.0;
const TAU: f64 = 5.0;

const MEASURES: [Measure; 3] = [
    Measure::Quantile { probability: 0.5 },
    Measure::SurvivalAt { time: TIME },
    Measure::RestrictedMean { tau: TAU },
];

/// Entry, follow-up after entry, event, arm, and how often the subject counts in each replicate.
type Subject = (u8, u8, bool, u32, [u8; REPLICATES_AT_ONCE]);

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    let counts = prop::array::uniform8(0u8..4);
    prop::collection::vec((0u8..4, 1u8..9, any::<bool>(), 0u32..2, counts), 2..30).prop_filter(
        "both arms occur",
        |subjects| {
            subjects.iter().any(|subject| subject.3 == 0)
                && subjects.iter().any(|subject| subject.3 == 1)
        },
    )
}

fn cohort(subjects: &[Subject]) -> Cohort {
    let numeric =
        |name, of: fn(&Subject) -> f64| Column::numeric(name, subjects.iter().map(of).collect());
    let arm = subjects.iter().map(|subject| subject.3).collect();
    let columns = vec![
        numeric("entry", |subject| f64::from(subject.0) * 0.7),
        numeric("time", |subject| f64::from(subject.0) * 0.7 + f64::from(subject.1)),
        numeric("event", |subject| f64::from(u8::from(subject.2))),
        Column::categorical("arm", ["a", "b"].map(String::from).to_vec(), arm),
    ];
    Cohort::new(None, columns).unwrap()
}

fn endpoint(late_entry: bool) -> EndpointColumns {
    let entry = late_entry.then(|| "entry".to_string());
    EndpointColumns { entry, ..EndpointColumns::new("time", "event") }
}

fn statistic(cohort: &Cohort, late_entry: bool) -> SurvivalStatistic {
    let mut quantities = vec![SurvivalQuantity::LogRank];
    for measure in MEASURES {
        for group in ["a", "b"] {
            quantities.push(SurvivalQuantity::Of { measure, group: Some(group.into()) });
        }
        let (group, reference) = ("b".into(), "a".into());
        quantities.push(SurvivalQuantity::Difference { measure, group, reference });
    }
    let query = SurvivalStatisticQuery {
        endpoint: endpoint(late_entry),
        group: Some("arm".into()),
        quantities,
    };
    SurvivalStatistic::read(cohort, &Selection::all(cohort), &query).unwrap()
}

fn evaluated(statistic: &SurvivalStatistic, drawn: &Drawn) -> Vec<Vec<Replicated>> {
    let n_quantities = statistic.n_quantities();
    let nothing = Replicated::value(Err(NotEstimable::NotDefined));
    let mut answers = vec![nothing; drawn.n_replicates * n_quantities];
    statistic.evaluate(drawn, &mut statistic.scratch(), &mut answers);
    answers.chunks(n_quantities).map(<[Replicated]>::to_vec).collect()
}

/// The same quantities by the estimators of this crate on repeated rows.
fn by_estimators(cohort: &Cohort, rows: &[usize], late_entry: bool) -> Vec<Estimate> {
    let selection = Selection::of(cohort, rows.iter().copied()).unwrap();
    let query = CurvesQuery {
        group: Some("arm".into()),
        quantiles: vec![0.5],
        quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
        times: vec![TIME],
        restricted_mean_times: vec![TAU],
        ..CurvesQuery::new(endpoint(late_entry))
    };
    let found = curves(cohort, &selection, &query);
    let of = |level: &str| -> [Estimate; 3] {
        let Ok(found) = &found else { return [Err(NotEstimable::NoSubjects); 3] };
        let group =
            found.groups.iter().find(|group| group.group.as_deref() == Some(level)).unwrap();
        let median = match group.quantiles[0].value {
            Err(NotEstimable::NotReached) => Ok(f64::INFINITY),
            value => value,
        };
        [median, group.at_times[0].survival, group.restricted_means[0].mean]
    };
    let (a, b) = (of("a"), of("b"));
    let query = ComparisonQuery {
        endpoint: endpoint(late_entry),
        group: "arm".into(),
        strata: vec![],
        weights: None,
        options: ComparisonOptions::default(),
    };
    let log_rank = match compare(cohort, &selection, &query) {
        Ok(found) => found.chi_squared,
        Err(_) => Err(NotEstimable::TooFewGroups),
    };
    let mut values = vec![log_rank];
    for (a, b) in a.into_iter().zip(b) {
        let difference = b.and_then(|b| {
            let difference = b - a?;
            if difference.is_nan() { Err(NotEstimable::NotReached) } else { Ok(difference) }
        });
        values.extend([a, b, difference]);
    }
    values
}

fn same(got: Estimate, want: Estimate) -> bool {
    match (got, want) {
        (Ok(got), Ok(want)) => got == want || (got - want).abs() <= 1e-11 * want.abs().max(1.0),
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_repeated_rows(subjects in subjects(), late_entry: bool) {
        let cohort = cohort(&subjects);
        let statistic = statistic(&cohort, late_entry);
        let drawn = Drawn {
            counts: subjects.iter().map(|subject| subject.4.map(f64::from)).collect(),
            n_replicates: REPLICATES_AT_ONCE,
            counting: Counting::Subjects,
        };
        for (replicate, found) in evaluated(&statistic, &drawn).into_iter().enumerate() {
            let repeated = subjects.iter().enumerate().flat_map(|(row, subject)| {
                std::iter::repeat_n(row, usize::from(subject.4[replicate]))
            });
            let want = by_estimators(&cohort, &repeated.collect::<Vec<_>>(), late_entry);
            for (got, want) in found.iter().zip(&want) {
                prop_assert!(same(got.value, *want), "{:?} instead of {want:?}", got.value);
            }
        }
    }

    /// Bit for bit the estimates of the sample.
    #[test]
    fn everybody_once_is_the_sample(subjects in subjects(), late_entry: bool) {
        let cohort = cohort(&subjects);
        let found = evaluated(&statistic(&cohort, late_entry), &Drawn::sample(subjects.len()));
        let rows: Vec<usize> = (0..subjects.len()).collect();
        for (got, want) in found[0].iter().zip(by_estimators(&cohort, &rows, late_entry)) {
            match (got.value, want) {
                (Ok(got), Ok(want)) => prop_assert_eq!(got.to_bits(), want.to_bits()),
                (got, want) => prop_assert_eq!(got.is_err(), want.is_err()),
            }
        }
    }
}

/// Four subjects at 1, 2, 3 and 4 who all die; the first twice and the last not at all: S falls to 1/2 at 1
/// and to 1/4 at 2, so that the median lies half way.
#[test]
fn a_median_by_hand() {
    let columns = vec![
        Column::numeric("time", vec![1.0, 2.0, 3.0, 4.0]),
        Column::numeric("event", vec![1.0; 4]),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let query = SurvivalStatisticQuery {
        endpoint: endpoint(false),
        group: None,
        quantities: vec![SurvivalQuantity::Of { measure: MEASURES[0], group: None }],
    };
    let statistic = SurvivalStatistic::read(&cohort, &Selection::all(&cohort), &query).unwrap();
    let mut drawn = Drawn::sample(4);
    (drawn.counts[0][0], drawn.counts[3][0]) = (2.0, 0.0);
    assert_eq!(evaluated(&statistic, &drawn)[0][0].value, Ok(1.5));
}
