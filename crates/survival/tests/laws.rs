//! Laws that hold for any cohort.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, EndpointColumns, Estimate, Selection};
use proptest::prelude::*;
use survival::{
    Comparison, ComparisonOptions, ComparisonQuery, CurvesQuery, GroupCurve, IntervalRule,
    QuantileRule, TestWeights, compare, curves,
};

/// Entry, follow-up after entry, event, arm.
type Subject = (u8, u8, bool, u32);

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    // Few distinct times, so that ties and empty risk sets are common.
    prop::collection::vec((0u8..6, 1u8..12, any::<bool>(), 0u32..3), 1..40)
}

fn cohort(subjects: &[Subject], unit: f64) -> Cohort {
    let entry = subjects.iter().map(|subject| f64::from(subject.0) * unit).collect();
    let time = subjects.iter().map(|subject| f64::from(subject.0 + subject.1) * unit).collect();
    let event = subjects.iter().map(|subject| f64::from(u8::from(subject.2))).collect();
    let arm = subjects.iter().map(|subject| subject.3).collect();
    let columns = vec![
        Column::numeric("entry", entry),
        Column::numeric("time", time),
        Column::numeric("event", event),
        Column::categorical("arm", ["a", "b", "c"].map(String::from).to_vec(), arm),
    ];
    Cohort::new(None, columns).unwrap()
}

fn endpoint(late_entry: bool) -> EndpointColumns {
    let entry = late_entry.then(|| "entry".to_string());
    EndpointColumns {
        entry,
        event_codes: vec!["1".into()],
        censored_codes: vec!["0".into()],
        ..EndpointColumns::new("time", "event")
    }
}

fn estimated(cohort: &Cohort, rows: &[usize], late_entry: bool, unit: f64) -> Vec<GroupCurve> {
    let query = CurvesQuery {
        group: Some("arm".into()),
        interval: IntervalRule::LogLog,
        quantiles: vec![0.25, 0.5],
        quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log), QuantileRule::Spss],
        times: vec![3.0 * unit],
        restricted_mean_times: vec![5.0 * unit],
        ..CurvesQuery::new(endpoint(late_entry))
    };
    let selection = Selection::of(cohort, rows.iter().copied()).unwrap();
    curves(cohort, &selection, &query).unwrap().groups
}

fn compared(cohort: &Cohort, late_entry: bool, weights: TestWeights) -> Option<Comparison> {
    let query = ComparisonQuery {
        endpoint: endpoint(late_entry),
        group: "arm".into(),
        strata: vec![],
        weights: None,
        options: ComparisonOptions { weights, ..Default::default() },
    };
    compare(cohort, &Selection::all(cohort), &query).ok()
}

fn all(subjects: &[Subject]) -> Vec<usize> {
    (0..subjects.len()).collect()
}

fn is_near(x: Estimate, y: Estimate) -> bool {
    match (x, y) {
        (Ok(x), Ok(y)) => (x - y).abs() <= 1e-12 * (1.0 + y.abs()),
        (x, y) => x == y,
    }
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(subjects in subjects(), late in any::<bool>()) {
        let mut turned = subjects.clone();
        turned.reverse();
        let (one, other) = (cohort(&subjects, 1.0), cohort(&turned, 1.0));
        let rows = all(&subjects);
        prop_assert_eq!(estimated(&one, &rows, late, 1.0), estimated(&other, &rows, late, 1.0));
        let weights = TestWeights::FlemingHarrington { p: 1.0, q: 0.5 };
        prop_assert_eq!(compared(&one, late, weights), compared(&other, late, weights));
    }

    #[test]
    fn doubling_every_subject_keeps_the_curve(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        let once = estimated(&cohort, &all(&subjects), late, 1.0);
        let twice = estimated(&cohort, &all(&subjects).repeat(2), late, 1.0);
        for (once, twice) in once.iter().zip(&twice) {
            prop_assert_eq!(&once.curve.survival, &twice.curve.survival);
            prop_assert_eq!(2 * once.n_events, twice.n_events);
            prop_assert_eq!(once.quantiles[2].value, twice.quantiles[2].value);
            for (one, two) in once.curve.standard_error.iter().zip(&twice.curve.standard_error) {
                prop_assert!(is_near(one.map(|error| error / 2f64.sqrt()), *two));
            }
        }
    }

    #[test]
    fn times_scale_with_their_unit(
        subjects in subjects(),
        late in any::<bool>(),
        unit in 0.01f64..1e3,
    ) {
        let one = estimated(&cohort(&subjects, 1.0), &all(&subjects), late, 1.0);
        let other = estimated(&cohort(&subjects, unit), &all(&subjects), late, unit);
        let scaled = |x: Estimate| x.map(|time| time * unit);
        for (one, other) in one.iter().zip(&other) {
            prop_assert_eq!(&one.curve.survival, &other.curve.survival);
            for (one, other) in one.quantiles.iter().zip(&other.quantiles) {
                prop_assert!(is_near(scaled(one.value), other.value));
                prop_assert!(is_near(scaled(one.interval.upper), other.interval.upper));
            }
            let (one, other) = (&one.restricted_means[0], &other.restricted_means[0]);
            prop_assert!(is_near(scaled(one.mean), other.mean));
            prop_assert!(is_near(scaled(one.standard_error), other.standard_error));
        }
    }

    #[test]
    fn curves_fall_from_1_to_0_within_their_limits(subjects in subjects(), late in any::<bool>()) {
        for group in estimated(&cohort(&subjects, 1.0), &all(&subjects), late, 1.0) {
            let curve = &group.curve;
            prop_assert!(curve.survival.iter().all(|survival| (0.0..=1.0).contains(survival)));
            prop_assert!(curve.survival.windows(2).all(|pair| pair[1] <= pair[0]));
            for (survival, interval) in curve.survival.iter().zip(&curve.interval) {
                if let (Ok(lower), Ok(upper)) = (interval.lower, interval.upper) {
                    prop_assert!(0.0 <= lower && lower <= *survival);
                    prop_assert!(*survival <= upper && upper <= 1.0);
                }
            }
        }
    }

    #[test]
    fn nothing_is_gained_or_lost_between_groups(
        subjects in subjects(),
        late in any::<bool>(),
        weights in prop::sample::select(vec![
            TestWeights::LogRank,
            TestWeights::GehanBreslow,
            TestWeights::TaroneWare,
            TestWeights::PetoPeto,
            TestWeights::ModifiedPetoPeto,
            TestWeights::FlemingHarrington { p: 0.5, q: 2.0 },
        ]),
    ) {
        let Some(comparison) = compared(&cohort(&subjects, 1.0), late, weights) else {
            return Ok(());
        };
        let observed: f64 = comparison.groups.iter().map(|group| group.observed).sum();
        let expected: f64 = comparison.groups.iter().map(|group| group.expected).sum();
        prop_assert!(is_near(Ok(observed), Ok(expected)));
        for row in &comparison.variance {
            prop_assert!(row.iter().sum::<f64>().abs() <= 1e-12 * (1.0 + row[0].abs()));
        }
        prop_assert!(comparison.chi_squared.is_err() || comparison.chi_squared >= Ok(0.0));
        prop_assert_eq!(comparison.p_value.is_ok(), comparison.chi_squared.is_ok());
    }
}
