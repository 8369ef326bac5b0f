//! What must hold for any data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, Estimate, NotEstimable, Selection, Term};
use propensity::{
    Level, LogisticFit, LogisticOptions, LogisticQuery, PropensityScores, propensity,
};
use proptest::prelude::*;

/// Outcome and two covariates of one subject.
type Subject = (bool, f64, f64);

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    let x = (-20..20i32).prop_map(|x| f64::from(x) / 10.0);
    let both = |subjects: &Vec<Subject>| {
        subjects.iter().any(|subject| subject.0) && !subjects.iter().all(|subject| subject.0)
    };
    proptest::collection::vec((any::<bool>(), x.clone(), x), 4..40)
        .prop_filter("both outcomes are needed", both)
}

fn scores(subjects: &[Subject], terms: &[&str]) -> PropensityScores {
    let column = |name: &str, value: fn(&Subject) -> f64| {
        Column::numeric(name, subjects.iter().map(value).collect())
    };
    let columns = vec![
        column("y", |subject| f64::from(u8::from(subject.0))),
        column("x", |subject| subject.1),
        column("z", |subject| subject.2),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let query = LogisticQuery {
        outcome: Level { column: "y".into(), level: "1".into() },
        terms: terms.iter().map(|term| Term::linear(*term)).collect(),
        options: LogisticOptions::default(),
    };
    propensity(&cohort, &Selection::all(&cohort), &query).unwrap()
}

fn is_estimable(fit: &LogisticFit) -> bool {
    fit.coefficients.iter().all(|coefficient| coefficient.estimate.is_ok())
}

fn assert_same(got: Estimate, want: Estimate) -> Result<(), TestCaseError> {
    match (got, want) {
        (Ok(got), Ok(want)) => {
            prop_assert!((got - want).abs() <= 1e-7 * (1.0 + want.abs()), "{got} {want}");
        }
        (got, want) => prop_assert_eq!(got, want),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The score equations: as many outcomes are expected as there are, at the mean of every
    /// covariate of those who have it.
    #[test]
    fn residuals_balance_every_covariate(subjects in subjects()) {
        let scores = scores(&subjects, &["x", "z"]);
        if !is_estimable(&scores.fit) {
            return Ok(());
        }
        let weigh = |value: fn(&Subject) -> f64| -> f64 {
            let residual = |(subject, score): (&Subject, &f64)| {
                value(subject) * (f64::from(u8::from(subject.0)) - score)
            };
            subjects.iter().zip(&scores.probability).map(residual).sum()
        };
        prop_assert!(weigh(|_| 1.0).abs() < 1e-9);
        prop_assert!(weigh(|subject| subject.1).abs() < 1e-9);
        prop_assert!(weigh(|subject| subject.2).abs() < 1e-9);
    }

    #[test]
    fn the_unit_of_a_covariate_cancels(subjects in subjects()) {
        let moved: Vec<Subject> =
            subjects.iter().map(|&(y, x, z)| (y, 1e6 * x - 1e5, z)).collect();
        let (a, b) = (scores(&subjects, &["x", "z"]), scores(&moved, &["x", "z"]));
        let [_, x, z] = &a.fit.coefficients[..] else { panic!("three coefficients") };
        assert_same(x.estimate, b.fit.coefficients[1].estimate.map(|beta| 1e6 * beta))?;
        assert_same(z.estimate, b.fit.coefficients[2].estimate)?;
        assert_same(z.standard_error, b.fit.coefficients[2].standard_error)?;
    }

    #[test]
    fn equal_rows_have_equal_scores(subjects in subjects()) {
        let doubled: Vec<Subject> = subjects.iter().chain(&subjects).copied().collect();
        let scores = scores(&doubled, &["x", "z"]);
        let (first, second) = scores.linear_predictor.split_at(subjects.len());
        prop_assert_eq!(first, second);
    }

    /// One covariate separates exactly when the values of one outcome do not overlap with those of
    /// the other, but for a shared end.
    #[test]
    fn separation_is_told(subjects in subjects()) {
        let values = |outcome: bool| subjects.iter().filter(move |s| s.0 == outcome).map(|s| s.1);
        let low = |outcome| values(outcome).fold(f64::INFINITY, f64::min);
        let high = |outcome| values(outcome).fold(f64::NEG_INFINITY, f64::max);
        let is_constant = low(true).min(low(false)) == high(true).max(high(false));
        let is_apart = high(true) <= low(false) || high(false) <= low(true);
        let expected = match (is_constant, is_apart) {
            (true, _) => Some(NotEstimable::Aliased),
            (false, true) => Some(NotEstimable::Separation),
            (false, false) => None,
        };
        let scores = scores(&subjects, &["x"]);
        prop_assert_eq!(scores.fit.coefficients[1].estimate.err(), expected);
        prop_assert!(scores.linear_predictor.iter().all(|eta| eta.is_finite()));
    }
}
