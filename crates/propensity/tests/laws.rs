//! What must hold for any data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, Column, Estimate, Interval, NotEstimable, Penalty, ProfileLimits, Selection, Term,
    Variance, WeightColumn, WeightKind,
};
use propensity::{
    Discard, Level, Link, LogisticExtras, LogisticFit, LogisticOptions, LogisticQuery,
    PropensityScores, ScoreModel, logistic, propensity,
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

fn cohort(subjects: &[Subject], weights: Option<Vec<f64>>) -> Cohort {
    let column = |name: &str, value: fn(&Subject) -> f64| {
        Column::numeric(name, subjects.iter().map(value).collect())
    };
    let columns = vec![
        column("y", |subject| f64::from(u8::from(subject.0))),
        column("x", |subject| subject.1),
        column("z", |subject| subject.2),
        column("twice x", |subject| 2.0 * subject.1 + 3.0),
        Column::numeric("w", weights.unwrap_or_else(|| vec![1.0; subjects.len()])),
    ];
    Cohort::new(None, columns).unwrap()
}

fn scores(subjects: &[Subject], terms: &[&str]) -> PropensityScores {
    let cohort = cohort(subjects, None);
    let outcome = Level { column: "y".into(), level: "1".into() };
    let query = LogisticQuery::new(outcome, terms.iter().map(|term| Term::linear(*term)).collect());
    propensity(&cohort, &Selection::all(&cohort), &query).unwrap()
}

/// A model of `y` on `x` and `z` with robust errors and likelihood-ratio limits.
fn query() -> LogisticQuery {
    let outcome = Level { column: "y".into(), level: "1".into() };
    LogisticQuery {
        variance: Variance::Robust,
        extras: LogisticExtras { profile_limits: ProfileLimits::All, ..LogisticExtras::default() },
        ..LogisticQuery::new(outcome, vec![Term::linear("x"), Term::linear("z")])
    }
}

fn fit(subjects: &[Subject], weights: Option<Vec<f64>>, query: &LogisticQuery) -> LogisticFit {
    let cohort = cohort(subjects, weights);
    logistic(&cohort, &Selection::all(&cohort), query).unwrap()
}

fn weighted(kind: WeightKind, query: LogisticQuery) -> LogisticQuery {
    LogisticQuery { weights: Some(WeightColumn { column: "w".into(), kind }), ..query }
}

fn assert_alike(got: &LogisticFit, want: &LogisticFit) -> Result<(), TestCaseError> {
    for (got, want) in got.coefficients.iter().zip(&want.coefficients) {
        assert_same(got.estimate, want.estimate)?;
        assert_same(got.standard_error, want.standard_error)?;
        let (got, want) = (got.profile.unwrap().interval, want.profile.unwrap().interval);
        assert_same(got.lower, want.lower)?;
        assert_same(got.upper, want.upper)?;
    }
    assert_same(Ok(got.deviance), Ok(want.deviance))?;
    assert_same(Ok(got.null_deviance), Ok(want.null_deviance))?;
    assert_same(got.score_test.chi_squared, want.score_test.chi_squared)
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
    #[test]
    fn the_order_of_rows_does_not_matter(subjects in subjects(), turn in 0usize..40) {
        let mut turned = subjects.clone();
        turned.rotate_left(turn % subjects.len());
        turned.reverse();
        let (a, b) = (fit(&subjects, None, &query()), fit(&turned, None, &query()));
        assert_alike(&a, &b)?;
    }

    /// Frequencies are repeated rows, in every number.
    #[test]
    fn frequencies_are_repeated_rows(subjects in subjects(), seed in any::<u64>()) {
        let counts: Vec<usize> = (0..subjects.len()).map(|i| 1 + (seed >> (i % 60)) as usize % 3).collect();
        let repeated: Vec<Subject> = subjects
            .iter()
            .zip(&counts)
            .flat_map(|(subject, &count)| vec![*subject; count])
            .collect();
        let weights = counts.iter().map(|&count| count as f64).collect();
        let by_weight = weighted(WeightKind::Frequency, query());
        let (a, b) = (fit(&subjects, Some(weights), &by_weight), fit(&repeated, None, &query()));
        prop_assert_eq!(a, b);
    }

    /// Everyone twice is everyone with the weight 2, up to the number of subjects.
    #[test]
    fn doubling_is_a_weight_of_2(subjects in subjects()) {
        let doubled: Vec<Subject> = subjects.iter().chain(&subjects).copied().collect();
        let weights = vec![2.0; subjects.len()];
        let by_weight = weighted(WeightKind::Sampling, query());
        let (a, b) = (fit(&subjects, Some(weights), &by_weight), fit(&doubled, None, &query()));
        assert_alike(&a, &b)?;
    }

    /// The scale of sampling weights changes neither estimates nor their robust errors.
    #[test]
    fn the_scale_of_sampling_weights_cancels(subjects in subjects()) {
        let weights: Vec<f64> = (0..subjects.len()).map(|i| 0.5 + (i % 4) as f64).collect();
        let larger = weights.iter().map(|weight| 7.0 * weight).collect();
        let query = weighted(WeightKind::Sampling, query());
        let (a, b) = (fit(&subjects, Some(weights), &query), fit(&subjects, Some(larger), &query));
        for (a, b) in a.coefficients.iter().zip(&b.coefficients) {
            assert_same(a.estimate, b.estimate)?;
            assert_same(a.robust_standard_error.unwrap(), b.robust_standard_error.unwrap())?;
        }
    }

    /// An offset of `2 x + 3` takes 2 off the coefficient of `x` and 3 off the intercept.
    #[test]
    fn an_offset_takes_its_share_of_a_coefficient(subjects in subjects()) {
        let plain = fit(&subjects, None, &query());
        let query = LogisticQuery { offset: Some("twice x".into()), ..query() };
        let moved = fit(&subjects, None, &query);
        if !is_estimable(&plain) || !is_estimable(&moved) {
            return Ok(());
        }
        let less = |j: usize, by: f64| plain.coefficients[j].estimate.map(|beta| beta - by);
        assert_same(moved.coefficients[0].estimate, less(0, 3.0))?;
        assert_same(moved.coefficients[1].estimate, less(1, 2.0))?;
        assert_same(moved.coefficients[2].estimate, less(2, 0.0))?;
        let lower = |fit: &LogisticFit, j: usize| fit.coefficients[j].profile.unwrap().interval.lower;
        assert_same(lower(&moved, 0), lower(&plain, 0).map(|limit| limit - 3.0))?;
        assert_same(lower(&moved, 1), lower(&plain, 1).map(|limit| limit - 2.0))?;
    }

    /// Firth's penalty leaves nothing infinite, whatever the unit, and its limits hold the estimate.
    /// With hardly more subjects than coefficients a profile has several tops, and may have no limit.
    #[test]
    fn firths_estimates_are_finite_in_any_unit(subjects in subjects()) {
        let options = LogisticOptions { penalty: Penalty::Firth, ..LogisticOptions::default() };
        let query = LogisticQuery { options, ..query() };
        let moved: Vec<Subject> =
            subjects.iter().map(|&(y, x, z)| (y, 1e3 * x - 1e4, z)).collect();
        let (a, b) = (fit(&subjects, None, &query), fit(&moved, None, &query));
        for (j, (a, b)) in a.coefficients.iter().zip(&b.coefficients).enumerate() {
            if a.estimate == Err(NotEstimable::Aliased) {
                continue;
            }
            let estimate = a.estimate.unwrap();
            if subjects.len() >= 8 {
                let Interval { lower, upper } = a.profile.unwrap().interval;
                prop_assert!(lower.unwrap() < estimate && estimate < upper.unwrap());
            }
            if j > 0 {
                let unit = if j == 1 { 1e3 } else { 1.0 };
                assert_same(b.estimate.map(|beta| unit * beta), a.estimate)?;
            }
        }
    }

    /// A probit is as symmetric as a logit: with outcomes turned round all signs turn.
    #[test]
    fn outcomes_turned_round_turn_the_signs(subjects in subjects()) {
        let turned: Vec<Subject> = subjects.iter().map(|&(y, x, z)| (!y, x, z)).collect();
        for link in [Link::Logit, Link::Probit] {
            let options = LogisticOptions { link, ..LogisticOptions::default() };
            let query = LogisticQuery { options, ..query() };
            let (a, b) = (fit(&subjects, None, &query), fit(&turned, None, &query));
            for (a, b) in a.coefficients.iter().zip(&b.coefficients) {
                assert_same(a.estimate, b.estimate.map(|beta| -beta))?;
                assert_same(a.standard_error, b.standard_error)?;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Subjects that count several times or not at all are repeated rows, also where they are separated.
    #[test]
    fn counts_are_repeated_rows(subjects in subjects(), first in 0..4usize) {
        let cohort = cohort(&subjects, None);
        let everyone = Selection::all(&cohort);
        let outcome = Level { column: "y".into(), level: "1".into() };
        let query = LogisticQuery::new(outcome, vec![Term::linear("x"), Term::linear("z")]);
        let model = ScoreModel::read(&cohort, &everyone, &query, Discard::None).unwrap();
        let mut counts: Vec<f64> =
            (0..subjects.len()).map(|subject| ((subject * 7 + first) % 4) as f64).collect();
        let scores = model.linear_predictor(&mut counts, &mut model.scratch());
        let rows: Vec<usize> = (counts.iter().enumerate())
            .flat_map(|(row, &count)| std::iter::repeat_n(row, count as usize))
            .collect();
        let repeated = Selection::of(&cohort, rows.iter().copied()).unwrap();
        match (scores, propensity(&cohort, &repeated, &query)) {
            (Ok(scores), Ok(fitted)) => {
                for (row, want) in rows.into_iter().zip(fitted.linear_predictor) {
                    let is_close = (scores[row] - want).abs() <= 1e-7 * want.abs().max(1.0);
                    prop_assert!(is_close, "{} instead of {want}", scores[row]);
                }
            }
            (Err(NotEstimable::TooFewGroups), fitted) => prop_assert!(fitted.is_err()),
            (scores, fitted) => prop_assert!(false, "{scores:?} and {fitted:?}"),
        }
    }
}
