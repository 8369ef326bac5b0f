//! Laws that hold for any cohort.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, EndpointColumns, Estimate, NotEstimable, Selection};
use proptest::prelude::*;
use survival::{
    Band, BandKind, Comparison, ComparisonOptions, ComparisonQuery, CurvesQuery, GroupCurve,
    GroupHazard, HazardQuery, IntervalRule, QuantileRule, TestWeights, compare, curves,
    smoothed_hazard,
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

/// Curves with all that can be read off them, times in a unit.
fn estimated_by(cohort: &Cohort, query: &CurvesQuery) -> Vec<GroupCurve> {
    curves(cohort, &Selection::all(cohort), query).unwrap().groups
}

/// Hazards with a bandwidth of 3 at the times 1 to 9, in a unit and from a beginning.
fn hazards(cohort: &Cohort, late_entry: bool, unit: f64, beginning: f64) -> Vec<GroupHazard> {
    let query = HazardQuery {
        group: Some("arm".into()),
        bandwidth: Some(3.0 * unit),
        times: (1..10).map(|time| beginning + f64::from(time) * unit).collect(),
        fewest_at_risk: 2,
        ..HazardQuery::new(endpoint(late_entry))
    };
    smoothed_hazard(cohort, &Selection::all(cohort), &query).unwrap()
}

fn band(kind: BandKind) -> Band {
    Band { kind, from: None, to: None }
}

/// The subjects with all times later, entries too.
fn later(subjects: &[Subject], by: u8) -> Vec<Subject> {
    subjects.iter().map(|&(entry, time, event, arm)| (entry + by, time, event, arm)).collect()
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

    /// Observed less expected and its covariance are sums over the strata; here all who enter
    /// together are one. A stratum of one group adds nothing.
    #[test]
    fn strata_add_up(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        let query = |strata: &[&str]| ComparisonQuery {
            endpoint: endpoint(late),
            group: "arm".into(),
            strata: strata.iter().map(ToString::to_string).collect(),
            weights: None,
            options: ComparisonOptions {
                weights: TestWeights::TaroneWare,
                ..ComparisonOptions::default()
            },
        };
        let of = |rows: Selection, strata: &[&str]| compare(&cohort, &rows, &query(strata)).ok();
        let Some(whole) = of(Selection::all(&cohort), &["entry"]) else { return Ok(()) };
        let parts: Vec<Comparison> = (0..6)
            .filter_map(|entry| {
                let stratum = Selection::all(&cohort).filter(|row| subjects[row].0 == entry);
                if stratum.is_empty() { None } else { of(stratum, &[]) }
            })
            .collect();
        for group in 0..3 {
            let excess = |one: &Comparison| one.groups[group].observed - one.groups[group].expected;
            prop_assert!(is_near(Ok(excess(&whole)), Ok(parts.iter().map(excess).sum())));
            for other in 0..3 {
                let total = parts.iter().map(|part| part.variance[group][other]).sum();
                prop_assert!(is_near(Ok(whole.variance[group][other]), Ok(total)));
            }
        }
    }

    #[test]
    fn without_events_there_is_certainty(subjects in subjects(), late in any::<bool>()) {
        let censored: Vec<Subject> = subjects.iter().map(|s| (s.0, s.1, false, s.3)).collect();
        let cohort = cohort(&censored, 1.0);
        let query = CurvesQuery {
            bands: vec![band(BandKind::HallWellner), band(BandKind::EqualPrecision)],
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log), QuantileRule::Spss],
            times: vec![1.0],
            restricted_mean_times: vec![1.0],
            ..CurvesQuery::new(endpoint(late))
        };
        let group = &estimated_by(&cohort, &query)[0];
        prop_assert!(group.curve.survival.iter().all(|&survival| survival == 1.0));
        prop_assert!(group.curve.standard_error.iter().all(|&error| error == Ok(0.0)));
        prop_assert_eq!(group.at_times[0].survival, Ok(1.0));
        prop_assert_eq!(group.restricted_means[0].mean, Ok(1.0));
        for quantile in &group.quantiles {
            prop_assert_eq!(quantile.value, Err(NotEstimable::NotReached));
        }
        for band in &group.bands {
            prop_assert_eq!(band.limits.as_ref().err(), Some(&NotEstimable::NoEvents));
        }
        for group in hazards(&cohort, late, 1.0, 0.0).iter().filter(|group| group.n > 0) {
            prop_assert_eq!(group.smoothing, Err(NotEstimable::NoEvents));
        }
        if let Some(comparison) = compared(&cohort, late, TestWeights::LogRank) {
            prop_assert_eq!(comparison.chi_squared, Err(NotEstimable::NoEvents));
        }
    }

    /// Whoever enters by `c` at the earliest might as well have been counted from there.
    #[test]
    fn a_later_beginning_moves_all_times(subjects in subjects(), by in 1u8..50) {
        let (early, late) = (cohort(&subjects, 1.0), cohort(&later(&subjects, by), 1.0));
        let by = f64::from(by);
        let query = |beginning: f64| CurvesQuery {
            group: Some("arm".into()),
            bands: vec![band(BandKind::HallWellner)],
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log), QuantileRule::Spss],
            restricted_mean_times: vec![beginning + 4.0],
            ..CurvesQuery::new(endpoint(true))
        };
        let moved = |x: Estimate| x.map(|time| time + by);
        let pairs = estimated_by(&early, &query(0.0)).into_iter().zip(estimated_by(&late, &query(by)));
        for (one, other) in pairs {
            prop_assert_eq!(&one.curve.survival, &other.curve.survival);
            prop_assert_eq!(&one.curve.n_at_risk, &other.curve.n_at_risk);
            for (one, other) in one.quantiles.iter().zip(&other.quantiles) {
                prop_assert!(is_near(moved(one.value), other.value));
                prop_assert!(is_near(moved(one.interval.upper), other.interval.upper));
            }
            prop_assert!(is_near(
                moved(one.restricted_means[0].mean),
                other.restricted_means[0].mean
            ));
            match (&one.bands[0].limits, &other.bands[0].limits) {
                (Ok(one), Ok(other)) => prop_assert_eq!(&one.interval, &other.interval),
                (one, other) => prop_assert_eq!(one.as_ref().err(), other.as_ref().err()),
            }
        }
        let pairs = hazards(&early, true, 1.0, 0.0).into_iter().zip(hazards(&late, true, 1.0, by));
        for (one, other) in pairs {
            for (one, other) in one.at_times.iter().zip(&other.at_times) {
                prop_assert!(is_near(one.hazard, other.hazard));
                prop_assert!(is_near(one.standard_error, other.standard_error));
            }
        }
    }

    /// A band lies around the pointwise limits, within [0, 1], and a wider one around a narrower.
    #[test]
    fn bands_contain_pointwise_limits(
        subjects in subjects(),
        late in any::<bool>(),
        rule in prop::sample::select(vec![
            IntervalRule::Plain,
            IntervalRule::Log,
            IntervalRule::LogLog,
            IntervalRule::Logit,
            IntervalRule::Arcsin,
        ]),
    ) {
        let kinds = [BandKind::HallWellner, BandKind::EqualPrecision];
        let short = |kind| Band { from: Some(2.0), to: Some(6.0), ..band(kind) };
        let bands: Vec<Band> = kinds.iter().flat_map(|&kind| [band(kind), short(kind)]).collect();
        let query =
            CurvesQuery { bands, interval: rule, ..CurvesQuery::new(endpoint(late)) };
        let group = &estimated_by(&cohort(&subjects, 1.0), &query)[0];
        for band in group.bands.iter().filter_map(|band| band.limits.as_ref().ok()) {
            prop_assert!(0.0 <= band.share_from && band.share_from <= band.share_to);
            prop_assert!(band.share_to < 1.0 && band.critical_value > 0.0);
            prop_assert!(band.from <= band.to && band.time.windows(2).all(|pair| pair[0] < pair[1]));
            for (&time, limits) in band.time.iter().zip(&band.interval) {
                let at = survival::survival_at(&group.curve, time).interval;
                let known = (at.lower, at.upper, limits.lower, limits.upper);
                // Before the first event only two rules have limits.
                if let (Ok(lower), Ok(upper), Ok(low), Ok(high)) = known {
                    prop_assert!(0.0 <= low && low <= lower + 1e-12);
                    prop_assert!(upper - 1e-12 <= high && high <= 1.0);
                }
            }
        }
        for pair in group.bands.chunks(2) {
            if let [Ok(whole), Ok(short)] = [&pair[0].limits, &pair[1].limits] {
                let is_within = whole.share_from <= short.share_from;
                prop_assert!(!is_within || short.critical_value <= whole.critical_value + 1e-9);
            }
        }
    }

    /// Given survival to the start, survival is that of the whole curve over what it was before.
    #[test]
    fn a_start_time_divides_the_curve(subjects in subjects(), late in any::<bool>(), start in 0u8..12) {
        let start = f64::from(start);
        let cohort = cohort(&subjects, 1.0);
        let query = CurvesQuery {
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
            ..CurvesQuery::new(endpoint(late))
        };
        let whole = &estimated_by(&cohort, &query)[0];
        let query = CurvesQuery { start_time: Some(start), ..query };
        let Ok(from_start) = curves(&cohort, &Selection::all(&cohort), &query) else {
            prop_assert!(subjects.iter().all(|one| f64::from(one.0 + one.1) < start));
            return Ok(());
        };
        let curve = &from_start.groups[0].curve;
        let skipped = whole.curve.time.partition_point(|&time| time < start);
        let before = if skipped == 0 { 1.0 } else { whole.curve.survival[skipped - 1] };
        prop_assert_eq!(&curve.time[..], &whole.curve.time[skipped..]);
        prop_assert_eq!(&curve.n_at_risk[..], &whole.curve.n_at_risk[skipped..]);
        if before > 0.0 {
            for (given, all) in curve.survival.iter().zip(&whole.curve.survival[skipped..]) {
                prop_assert!(is_near(Ok(*given), Ok(all / before)));
            }
        }
        prop_assert!(!from_start.groups[0].quantiles[0].value.is_ok_and(|time| time < start));
    }

    #[test]
    fn hazards_follow_rows_units_and_sizes(
        subjects in subjects(),
        late in any::<bool>(),
        unit in 0.01f64..1e3,
    ) {
        let one = hazards(&cohort(&subjects, 1.0), late, 1.0, 0.0);
        let mut turned = subjects.clone();
        turned.reverse();
        prop_assert_eq!(&one, &hazards(&cohort(&turned, 1.0), late, 1.0, 0.0));
        let scaled = hazards(&cohort(&subjects, unit), late, unit, 0.0);
        let twice = HazardQuery {
            group: Some("arm".into()),
            bandwidth: Some(3.0),
            times: (1..10).map(f64::from).collect(),
            fewest_at_risk: 4,
            ..HazardQuery::new(endpoint(late))
        };
        let cohort = cohort(&subjects, 1.0);
        let doubled = Selection::of(&cohort, all(&subjects).repeat(2)).unwrap();
        let twice = smoothed_hazard(&cohort, &doubled, &twice).unwrap();
        for ((one, scaled), twice) in one.iter().zip(&scaled).zip(&twice) {
            for ((one, scaled), twice) in one.at_times.iter().zip(&scaled.at_times).zip(&twice.at_times) {
                prop_assert!(!one.hazard.is_ok_and(|hazard| !(0.0..=1e6).contains(&hazard)));
                prop_assert!(is_near(one.hazard, scaled.hazard.map(|hazard| hazard * unit)));
                prop_assert!(is_near(one.hazard, twice.hazard));
                let smaller = one.standard_error.map(|error| error / 2f64.sqrt());
                prop_assert!(is_near(smaller, twice.standard_error));
            }
        }
    }
}
