//! What must hold for models of the cumulative incidence, whatever the data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cause, CauseColumns, CausesError, CaveatCode, Cohort, Column, EndpointColumns, NotEstimable,
    Selection, Term,
};
use cox::{
    CensoringTies, CensoringVariance, CoxError, CoxFit, CoxOptions, CoxQuery, FineGrayQuery, Ties,
    Variance, cox, fine_gray,
};
use proptest::prelude::*;

/// Time, cause (0 is censored), `x` and stratum of one subject.
type Subject = (u8, u8, i8, u8);

/// Later than anybody's time.
const NEVER: f64 = 1000.0;

fn subjects(most_cause: u8) -> impl Strategy<Value = Vec<Subject>> {
    let subject = (1..9u8, 0..=most_cause, -20..20i8, 0..2u8);
    proptest::collection::vec(subject, 8..40)
        .prop_filter("an event is needed", |all| all.iter().any(|subject| subject.1 == 1))
}

fn cohort(subjects: &[Subject], time: impl Fn(&Subject) -> f64) -> Cohort {
    let column = |name: &str, value: &dyn Fn(&Subject) -> f64| {
        Column::numeric(name, subjects.iter().map(value).collect())
    };
    let columns = vec![
        column("time", &time),
        column("cause", &|subject| f64::from(subject.1)),
        column("x", &|subject| f64::from(subject.2) / 10.0),
        column("stratum", &|subject| f64::from(subject.3)),
    ];
    Cohort::new(None, columns).unwrap()
}

fn endpoint() -> CauseColumns {
    let cause = |label: &str| Cause { label: label.into(), codes: vec![label.into()] };
    CauseColumns {
        entry: None,
        time: "time".into(),
        cause: "cause".into(),
        causes: vec![cause("1"), cause("2")],
        censored_codes: vec!["0".into()],
    }
}

fn query(ties: Ties) -> FineGrayQuery {
    FineGrayQuery {
        options: CoxOptions { ties, ..CoxOptions::default() },
        ..FineGrayQuery::new(endpoint(), "1", vec![Term::linear("x")])
    }
}

fn fit(cohort: &Cohort, query: &FineGrayQuery) -> CoxFit {
    fine_gray(cohort, &Selection::all(cohort), query).unwrap()
}

/// The model of the hazard of cause 1, with the others censored and a robust variance.
fn of_the_hazard(cohort: &Cohort, ties: Ties) -> CoxFit {
    let endpoint = EndpointColumns {
        censored_codes: vec!["0".into(), "2".into()],
        ..EndpointColumns::new("time", "cause")
    };
    let query = CoxQuery {
        options: CoxOptions { ties, ..CoxOptions::default() },
        variance: Variance::Robust,
        ..CoxQuery::new(endpoint, vec![Term::linear("x")])
    };
    cox(cohort, &Selection::all(cohort), &query).unwrap()
}

fn assert_same(got: &CoxFit, want: &CoxFit) -> Result<(), TestCaseError> {
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (1.0 + b.abs());
    prop_assert!(close(got.log_likelihood, want.log_likelihood));
    let parts = |fit: &CoxFit| {
        let x = &fit.coefficients[0];
        [x.estimate, x.standard_error, x.robust_standard_error.unwrap()]
    };
    for (got, want) in parts(got).into_iter().zip(parts(want)) {
        match (got, want) {
            (Ok(got), Ok(want)) => prop_assert!(close(got, want), "{got} {want}"),
            (got, want) => prop_assert_eq!(got, want),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Where nothing competes, incidence and hazard say the same.
    #[test]
    fn without_other_causes_it_is_the_model_of_the_hazard(subjects in subjects(1)) {
        let cohort = cohort(&subjects, |subject| f64::from(subject.0));
        for ties in [Ties::Efron, Ties::Breslow] {
            for censoring_variance in [CensoringVariance::Known, CensoringVariance::Estimated] {
                let query = FineGrayQuery { censoring_variance, ..query(ties) };
                assert_same(&fit(&cohort, &query), &of_the_hazard(&cohort, ties))?;
            }
        }
    }

    /// Where nobody is censored, whoever has had another event is at risk for ever.
    #[test]
    fn without_censoring_those_with_other_causes_stay(subjects in subjects(2)) {
        let complete: Vec<Subject> =
            subjects.iter().map(|&(time, cause, x, s)| (time, cause.max(1), x, s)).collect();
        let observed = cohort(&complete, |subject| f64::from(subject.0));
        let for_ever =
            cohort(&complete, |subject| if subject.1 == 2 { NEVER } else { f64::from(subject.0) });
        for ties in [Ties::Efron, Ties::Breslow] {
            assert_same(&fit(&observed, &query(ties)), &of_the_hazard(&for_ever, ties))?;
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(subjects in subjects(2)) {
        let reversed: Vec<Subject> = subjects.iter().rev().copied().collect();
        let [one, other] =
            [&subjects, &reversed].map(|all| cohort(all, |subject| f64::from(subject.0)));
        let query = FineGrayQuery {
            strata: vec!["stratum".into()],
            censoring_ties: CensoringTies::WithEvents,
            censoring_variance: CensoringVariance::Estimated,
            ..query(Ties::Efron)
        };
        assert_same(&fit(&one, &query), &fit(&other, &query))?;
    }
}

/// An event with `x = 1`, another cause with `x = 1`, then an event with `x = 0`, nobody censored. The
/// second event still sees the subject that is gone: the likelihood `r / (2 r + 1) · 1 / (r + 1)` has
/// its maximum at `r² = 1/2`.
#[test]
fn three_subjects_by_hand() {
    let cohort =
        cohort(&[(1, 1, 10, 0), (2, 2, 10, 0), (3, 1, 0, 0)], |subject| f64::from(subject.0));
    let fit = fit(&cohort, &query(Ties::Efron));
    let r = 0.5f64.sqrt();
    assert!((fit.coefficients[0].hazard_ratio.unwrap() - r).abs() < 1e-11);
    let log_likelihood = r.ln() - (2.0 * r + 1.0).ln() - (r + 1.0).ln();
    assert!((fit.log_likelihood - log_likelihood).abs() < 1e-14);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let cohort = cohort(&[(1, 1, 10, 0), (2, 0, 0, 0)], |subject| f64::from(subject.0));
    let refused = |query: FineGrayQuery| {
        fine_gray(&cohort, &Selection::all(&cohort), &query).expect_err("it makes no sense")
    };
    let base = || query(Ties::Efron);
    let unknown = FineGrayQuery { cause: "3".into(), ..base() };
    assert_eq!(refused(unknown), CoxError::UnknownCause { cause: "3".into() });
    let nobody = FineGrayQuery { cause: "2".into(), ..base() };
    assert_eq!(refused(nobody), CoxError::NoEvents { subjects: 2 });
    let late = CauseColumns { entry: Some("x".into()), ..endpoint() };
    assert_eq!(refused(FineGrayQuery { endpoint: late, ..base() }), CoxError::LateEntry);
    let none = CauseColumns { causes: Vec::new(), ..endpoint() };
    let error = CoxError::Causes(CausesError::NoCauses);
    assert_eq!(refused(FineGrayQuery { endpoint: none, ..base() }), error);
}

/// Who has the event has a higher `x` than all who outlive it: the coefficient is infinite unless
/// somebody with a higher one stays at risk after an event of the other cause.
#[test]
fn an_infinite_coefficient_says_that_firth_is_missing() {
    let of = |competing: i8| -> CoxFit {
        let subjects = [(1, 2, competing, 0), (2, 1, 50, 0), (3, 1, 40, 0), (4, 0, 10, 0)];
        let cohort = cohort(&subjects, |subject| f64::from(subject.0));
        fit(&cohort, &query(Ties::Breslow))
    };
    let codes = |fit: &CoxFit| -> Vec<CaveatCode> {
        fit.caveats.iter().map(|caveat| caveat.code).collect()
    };
    let infinite = of(0);
    assert_eq!(infinite.coefficients[0].estimate, Err(NotEstimable::Monotone));
    let mut monotone = infinite.caveats.iter().filter(|caveat| caveat.code == CaveatCode::Monotone);
    assert!(monotone.next_back().unwrap().message.contains("Firth"));
    let held = of(100);
    assert!(held.coefficients[0].estimate.is_ok());
    assert!(!codes(&held).contains(&CaveatCode::Monotone));
}
