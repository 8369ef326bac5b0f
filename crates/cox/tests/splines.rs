//! Natural splines as terms of Cox models: agreement with R, then laws that hold for any data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, CohortError, Column, EndpointColumns, Estimate, NotEstimable, Selection, SplineKnots,
    Term, WeightColumn, WeightKind,
};
use cox::{CoxError, CoxFit, CoxQuery, OnMonotone, PredictionQuery, TimeTransform, cox, predict};
use proptest::prelude::*;

fn gbsg() -> Cohort {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/data/gbsg.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |index: usize| records.iter().map(|row| row[index].parse().unwrap()).collect();
    let columns = names.iter().enumerate().map(|(k, name)| Column::numeric(name, column(k)));
    Cohort::new(None, columns.collect()).unwrap()
}

fn gbsg_query() -> CoxQuery {
    CoxQuery {
        term_likelihood_ratios: true,
        proportional_hazards: Some(TimeTransform::KaplanMeier),
        ..CoxQuery::new(
            EndpointColumns::new("rfstime", "status"),
            vec![Term::spline("age", 4), Term::linear("hormon")],
        )
    }
}

#[track_caller]
fn assert_close(got: Estimate, want: f64) {
    let is_close = got.is_ok_and(|got| (got - want).abs() <= 1e-8 * want.abs().max(1e-2));
    assert!(is_close, "{got:?} instead of {want}");
}

/// `f <- coxph(Surv(rfstime, status) ~ ns(age, df = 4) + hormon, gbsg)`, `drop1(f)`, `cox.zph(f)`.
#[test]
fn gbsg_agrees_with_r() {
    let cohort = gbsg();
    let fit = cox(&cohort, &Selection::all(&cohort), &gbsg_query()).unwrap();
    let names: Vec<&str> = fit.coefficients.iter().map(|own| own.name.as_str()).collect();
    assert_eq!(names, ["ns(age)1", "ns(age)2", "ns(age)3", "ns(age)4", "hormon"]);
    let want = [
        (-2.510_159_975_836_495, 0.449_242_371_206_571),
        (-1.213_658_066_960_993, 0.380_374_090_305_821),
        (-5.908_698_642_224_561, 1.116_324_564_147_126),
        (-0.843_582_800_237_577, 0.617_761_851_058_237),
        (-0.418_154_317_257_704, 0.128_490_676_491_197),
    ];
    for (own, (coefficient, error)) in fit.coefficients.iter().zip(want) {
        assert_close(own.estimate, coefficient);
        assert_close(own.standard_error, error);
    }
    assert_close(Ok(fit.log_likelihood), -1_771.135_297_305_99);
    let [age, hormon] = &fit.term_likelihood_ratio_tests[..] else { unreachable!("two terms") };
    assert_eq!((age.term.as_str(), age.test.degrees_of_freedom), ("ns(age)", 4));
    assert_close(age.test.chi_squared, 25.117_284_578_960_2);
    assert_close(hormon.test.chi_squared, 11.020_445_151_878_9);
    let hazards = fit.proportional_hazards.unwrap();
    assert_close(hazards.terms[0].test.chi_squared, 4.903_158_733_222_883);
    assert_eq!(hazards.terms[0].test.degrees_of_freedom, 4);
}

/// `survfit(f, newdata = data.frame(age = c(15, 50, 90), hormon = 0))` at 1000 days: the youngest
/// patient is 21, the oldest 80.
#[test]
fn profiles_beyond_the_boundary_agree_with_r() {
    let cohort = gbsg();
    let columns = vec![
        Column::numeric("age", vec![15.0, 50.0, 90.0]),
        Column::numeric("hormon", vec![0.0; 3]),
    ];
    let profiles = Cohort::new(None, columns).unwrap();
    let query = PredictionQuery { times: vec![1000.0], ..PredictionQuery::new(gbsg_query()) };
    let curves = predict(&cohort, &Selection::all(&cohort), &profiles, &query).unwrap().curves;
    let want = [3.465_122_262_963_48e-10, 0.659_470_812_610_553, 0.678_200_248_936_185];
    for (curve, want) in curves.iter().zip(want) {
        let survival = curve.prediction.as_ref().unwrap().at_times[0].survival;
        assert!((survival.unwrap() - want).abs() <= 1e-8 * want, "{survival:?} instead of {want}");
    }
}

/// Time, event, `x` and frequency of one subject.
type Subject = (u8, bool, f64, u8);

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    let subject = (1..12u8, any::<bool>(), (-30..30i32).prop_map(f64::from), 1..4u8);
    proptest::collection::vec(subject, 12..40)
        .prop_filter("an event is needed", |subjects| subjects.iter().any(|subject| subject.1))
}

/// The subjects, their `x` multiplied and moved.
fn cohort(subjects: &[Subject], times: f64, more: f64) -> Cohort {
    let column = |name: &str, value: &dyn Fn(&Subject) -> f64| {
        Column::numeric(name, subjects.iter().map(value).collect())
    };
    let columns = vec![
        column("time", &|subject| f64::from(subject.0)),
        column("event", &|subject| f64::from(u8::from(subject.1))),
        column("x", &|subject| times * subject.2 + more),
        column("n", &|subject| f64::from(subject.3)),
    ];
    Cohort::new(None, columns).unwrap()
}

fn fit(cohort: &Cohort, term: Term, is_counted: bool) -> Result<CoxFit, CoxError> {
    let mut query = CoxQuery::new(EndpointColumns::new("time", "event"), vec![term]);
    query.options.on_monotone = OnMonotone::Report;
    if is_counted {
        query.weights = Some(WeightColumn { column: "n".into(), kind: WeightKind::Frequency });
    }
    cox(cohort, &Selection::all(cohort), &query)
}

/// The same likelihood and, where there are any, the same coefficients; `None` when a quantile is
/// an extreme value.
fn same(left: Result<CoxFit, CoxError>, right: Result<CoxFit, CoxError>) -> Option<bool> {
    let tied = |error: &CoxError| matches!(error, CoxError::Cohort(CohortError::TiedKnots { .. }));
    match (left, right) {
        (Ok(left), Ok(right)) => {
            let scale = 1.0 + left.log_likelihood.abs();
            Some((left.log_likelihood - right.log_likelihood).abs() < 1e-7 * scale)
        }
        (Err(left), Err(right)) if tied(&left) && tied(&right) => None,
        _ => Some(false),
    }
}

proptest! {
    /// The knots move with the values, so that a spline has no unit.
    #[test]
    fn a_spline_has_no_unit(subjects in subjects(), df in 1..4usize) {
        let plain = fit(&cohort(&subjects, 1.0, 0.0), Term::spline("x", df), false);
        let moved = fit(&cohort(&subjects, 1024.0, 3.0), Term::spline("x", df), false);
        prop_assert_ne!(same(plain, moved), Some(false));
    }

    /// With one degree of freedom it is the line.
    #[test]
    fn one_degree_of_freedom_is_a_line(subjects in subjects()) {
        let cohort = cohort(&subjects, 1.0, 0.0);
        let line = fit(&cohort, Term::linear("x"), false);
        prop_assert_eq!(same(line, fit(&cohort, Term::spline("x", 1), false)), Some(true));
    }

    /// Frequencies are repeated rows, for the knots as for the likelihood.
    #[test]
    fn frequencies_are_repeated_rows(subjects in subjects(), df in 1..4usize) {
        let repeated: Vec<Subject> = subjects
            .iter()
            .flat_map(|subject| std::iter::repeat_n(*subject, usize::from(subject.3)))
            .collect();
        let counted = fit(&cohort(&subjects, 1.0, 0.0), Term::spline("x", df), true);
        let repeated = fit(&cohort(&repeated, 1.0, 0.0), Term::spline("x", df), false);
        prop_assert_ne!(same(counted, repeated), Some(false));
    }
}

/// Seven subjects with values 0 to 6: the tertiles are 2 and 4.
#[test]
fn named_knots_are_those_of_the_quantiles() {
    let subjects: Vec<Subject> =
        [3, 6, 1, 7, 2, 5, 4].iter().zip(0..).map(|(&t, x)| (t, true, f64::from(x), 1)).collect();
    let cohort = cohort(&subjects, 1.0, 0.0);
    let knots = SplineKnots::At(vec![2.0, 4.0]);
    let named = Term::Spline { column: "x".into(), knots, boundary: Some([0.0, 6.0]) };
    let (by_df, named) = (Term::spline("x", 3), fit(&cohort, named, false).unwrap());
    assert_eq!(fit(&cohort, by_df, false).unwrap(), named);
}

/// A constant has no curve; half of the values at an end leave no place for a knot.
#[test]
fn too_few_values_are_told() {
    let subjects: Vec<Subject> = (1..9).map(|time| (time, true, f64::from(time / 6), 1)).collect();
    let refused = fit(&cohort(&subjects, 1.0, 0.0), Term::spline("x", 2), false);
    assert!(matches!(refused, Err(CoxError::Cohort(CohortError::TiedKnots { .. }))));
    let constant = fit(&cohort(&subjects, 0.0, 3.0), Term::spline("x", 2), false).unwrap();
    for coefficient in constant.coefficients {
        assert_eq!(coefficient.estimate, Err(NotEstimable::Aliased));
    }
}
