//! Laws that hold for competing risks in any cohort.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cause, CauseColumns, Cohort, Column, Selection};
use proptest::prelude::*;
use survival::{
    GroupIncidence, IncidenceComparison, IncidenceComparisonQuery, IncidenceQuery, IntervalRule,
    compare_incidence, incidence,
};

/// Entry, follow-up after entry, code, arm.
type Subject = (u8, u8, u8, u32);

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    // Few distinct times, so that ties and empty risk sets are common.
    prop::collection::vec((0u8..6, 1u8..12, 0u8..3, 0u32..3), 1..40)
}

fn cohort(subjects: &[Subject], unit: f64) -> Cohort {
    let numbers = |of: &dyn Fn(&Subject) -> u8| subjects.iter().map(|s| f64::from(of(s))).collect();
    let scaled = |values: Vec<f64>| values.into_iter().map(|value| value * unit).collect();
    let arm = subjects.iter().map(|subject| subject.3).collect();
    let columns = vec![
        Column::numeric("entry", scaled(numbers(&|subject| subject.0))),
        Column::numeric("time", scaled(numbers(&|subject| subject.0 + subject.1))),
        Column::numeric("code", numbers(&|subject| subject.2)),
        Column::categorical("arm", ["a", "b", "c"].map(String::from).to_vec(), arm),
    ];
    Cohort::new(None, columns).unwrap()
}

fn endpoint(late_entry: bool, causes: &[(&str, &[&str])], censored: &str) -> CauseColumns {
    let cause = |(label, codes): &(&str, &[&str])| Cause {
        label: label.to_string(),
        codes: codes.iter().map(ToString::to_string).collect(),
    };
    CauseColumns {
        entry: late_entry.then(|| "entry".to_string()),
        time: "time".into(),
        cause: "code".into(),
        causes: causes.iter().map(cause).collect(),
        censored_codes: vec![censored.into()],
    }
}

fn two_causes(late_entry: bool) -> CauseColumns {
    endpoint(late_entry, &[("one", &["1"]), ("two", &["2"])], "0")
}

fn estimated(
    cohort: &Cohort,
    selection: &Selection,
    endpoint: CauseColumns,
    unit: f64,
) -> Vec<GroupIncidence> {
    let query = IncidenceQuery {
        endpoint,
        group: Some("arm".into()),
        interval: IntervalRule::LogLog,
        confidence: 0.95,
        times: vec![3.0 * unit],
        time_lost_horizons: vec![5.0 * unit],
        cause_specific: true,
    };
    incidence(cohort, selection, &query).unwrap().groups
}

fn compared(cohort: &Cohort, rho: f64, strata: &[&str]) -> Option<IncidenceComparison> {
    let query = IncidenceComparisonQuery {
        endpoint: two_causes(false),
        group: "arm".into(),
        strata: strata.iter().map(ToString::to_string).collect(),
        rho,
        cause_specific: false,
    };
    compare_incidence(cohort, &Selection::all(cohort), &query).ok()
}

fn close(x: f64, y: f64) -> bool {
    (x - y).abs() <= 1e-9 * (1.0 + y.abs())
}

proptest! {
    #[test]
    fn the_probabilities_add_up_to_one(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        for group in estimated(&cohort, &Selection::all(&cohort), two_causes(late), 1.0) {
            let curve = &group.curve;
            for row in 0..curve.time.len() {
                let causes = curve.causes.iter().map(|cause| cause.incidence.probability[row]);
                prop_assert!(close(causes.sum::<f64>() + curve.event_free.probability[row], 1.0));
            }
        }
    }

    #[test]
    fn curves_rise_within_limits_that_lie_between_0_and_1(
        subjects in subjects(),
        late in any::<bool>(),
    ) {
        let cohort = cohort(&subjects, 1.0);
        for group in estimated(&cohort, &Selection::all(&cohort), two_causes(late), 1.0) {
            for cause in &group.curve.causes {
                let incidence = &cause.incidence;
                prop_assert!(incidence.probability.windows(2).all(|pair| pair[0] <= pair[1]));
                for (p, interval) in incidence.probability.iter().zip(&incidence.interval) {
                    if let (Ok(lower), Ok(upper)) = (interval.lower, interval.upper) {
                        prop_assert!(0.0 <= lower && lower <= p + 1e-12);
                        prop_assert!(p - 1e-12 <= upper && upper <= 1.0);
                    }
                }
            }
        }
    }

    /// With one cause the incidence is one minus Kaplan and Meier's curve, and the infinitesimal
    /// jackknife gives Greenwood's standard error.
    #[test]
    fn one_cause_is_one_minus_kaplan_meier(subjects in subjects()) {
        let cohort = cohort(&subjects, 1.0);
        let endpoint = endpoint(false, &[("any", &["1", "2"])], "0");
        for group in estimated(&cohort, &Selection::all(&cohort), endpoint, 1.0) {
            let kaplan_meier = group.causes[0].cause_specific.as_ref().unwrap();
            let curve = &group.curve;
            prop_assert_eq!(&curve.event_free.probability, &kaplan_meier.survival);
            for (row, &survival) in kaplan_meier.survival.iter().enumerate() {
                let incidence = &curve.causes[0].incidence;
                prop_assert!(close(incidence.probability[row], 1.0 - survival));
                let error = incidence.standard_error[row];
                prop_assert!(close(error, curve.event_free.standard_error[row]));
                if let Ok(greenwood) = kaplan_meier.standard_error[row] {
                    prop_assert!(close(error, greenwood));
                }
            }
            prop_assert!(group.caveats.iter().all(|caveat| !caveat.message.contains("Kaplan")));
        }
    }

    /// One minus the cause-specific curve is never below the incidence.
    #[test]
    fn censoring_other_causes_overstates(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        for group in estimated(&cohort, &Selection::all(&cohort), two_causes(late), 1.0) {
            for (summary, cause) in group.causes.iter().zip(&group.curve.causes) {
                let view = summary.cause_specific.as_ref().unwrap();
                for (p, survival) in cause.incidence.probability.iter().zip(&view.survival) {
                    prop_assert!(*p <= 1.0 - survival + 1e-12);
                }
            }
        }
    }

    #[test]
    fn everybody_twice_halves_the_variance(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        let all = Selection::all(&cohort);
        let rows = all.rows().iter().flat_map(|&row| [row, row]);
        let doubled = Selection::of(&cohort, rows).unwrap();
        let once = estimated(&cohort, &all, two_causes(late), 1.0);
        let twice = estimated(&cohort, &doubled, two_causes(late), 1.0);
        for (once, twice) in once.iter().zip(&twice) {
            for (once, twice) in once.curve.causes.iter().zip(&twice.curve.causes) {
                for row in 0..once.n_events.len() {
                    let (one, two) = (&once.incidence, &twice.incidence);
                    prop_assert!(close(one.probability[row], two.probability[row]));
                    let half = two.standard_error[row] * 2f64.sqrt();
                    prop_assert!(close(one.standard_error[row], half));
                }
            }
            for (once, twice) in once.causes.iter().zip(&twice.causes) {
                let (once, twice) = (&once.time_lost[0], &twice.time_lost[0]);
                if let (Ok(one), Ok(two)) = (once.standard_error, twice.standard_error) {
                    prop_assert!(close(one, two * 2f64.sqrt()));
                }
                prop_assert_eq!(once.mean.is_ok(), twice.mean.is_ok());
            }
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(subjects in subjects(), late in any::<bool>()) {
        let mut reversed = subjects.clone();
        reversed.reverse();
        let (forth, back) = (cohort(&subjects, 1.0), cohort(&reversed, 1.0));
        let estimated = |cohort| estimated(cohort, &Selection::all(cohort), two_causes(late), 1.0);
        prop_assert_eq!(estimated(&forth), estimated(&back));
        prop_assert_eq!(compared(&forth, 0.5, &[]), compared(&back, 0.5, &[]));
    }

    #[test]
    fn the_unit_of_time_does_not_matter(subjects in subjects()) {
        let (days, months) = (cohort(&subjects, 1.0), cohort(&subjects, 0.25));
        let of = |cohort, unit| estimated(cohort, &Selection::all(cohort), two_causes(false), unit);
        for (days, months) in of(&days, 1.0).iter().zip(&of(&months, 0.25)) {
            prop_assert_eq!(&days.curve.causes, &months.curve.causes);
            for (days, months) in days.causes.iter().zip(&months.causes) {
                let (days, months) = (&days.time_lost[0], &months.time_lost[0]);
                prop_assert_eq!(days.mean.map(|mean| mean / 4.0), months.mean);
            }
        }
        let (days, months) = (compared(&days, 1.0, &[]), compared(&months, 1.0, &[]));
        prop_assert_eq!(days.map(|test| test.causes), months.map(|test| test.causes));
    }

    /// Scores and their covariances add up to 0 over the groups, and strata add up.
    #[test]
    fn scores_balance(subjects in subjects(), rho in prop::sample::select(vec![0.0, 0.5, 1.0])) {
        let Some(comparison) = compared(&cohort(&subjects, 1.0), rho, &[]) else { return Ok(()) };
        for test in &comparison.causes {
            let score: f64 = test.groups.iter().map(|group| group.observed - group.expected).sum();
            prop_assert!(close(score, 0.0));
            for row in &test.variance {
                prop_assert!(row.iter().all(|cell| cell.is_finite()));
                let size: f64 = row.iter().map(|cell| cell.abs()).sum();
                prop_assert!(row.iter().sum::<f64>().abs() <= 1e-9 * (1.0 + size));
            }
        }
    }
}

/// Two strata of the same subjects, the second a day later, have twice the statistic of one.
#[test]
fn strata_add_up() {
    let of = |day: u8| (0..12u8).map(move |at| (day, 1 + at * 7 % 11, at % 3, u32::from(at % 2)));
    let alone = compared(&cohort(&of(0).collect::<Vec<_>>(), 1.0), 1.0, &[]).unwrap();
    let both: Vec<Subject> = of(0).chain(of(1)).collect();
    let both = compared(&cohort(&both, 1.0), 1.0, &["entry"]).unwrap();
    for (alone, both) in alone.causes.iter().zip(&both.causes) {
        let (alone, both) = (alone.chi_squared.unwrap(), both.chi_squared.unwrap());
        assert!(close(both, 2.0 * alone), "{both} instead of twice {alone}");
    }
}
