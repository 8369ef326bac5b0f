//! What must hold for any data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    CaveatCode, Cohort, Column, EndpointColumns, Estimate, NotEstimable, Selection, Term,
    WeightColumn, WeightKind,
};
use cox::{CoxFit, CoxOptions, CoxQuery, Ties, TimeTransform, cox};
use proptest::prelude::*;

/// Time, event, stratum, `x` and `z` of one subject.
type Subject = (u8, bool, u8, f64, f64);

/// Values on a grid, so that some are tied, and now and then one that is `near` to its place on the
/// grid or an outlier, `far` times as far from zero.
fn subjects(least: usize, near: f64, far: f64) -> impl Strategy<Value = Vec<Subject>> {
    let x = (-30..30i32, 0..40i32).prop_map(move |(x, odd)| {
        let x = f64::from(x) / 10.0;
        match odd {
            0 => x + near,
            1 => far * x,
            _ => x,
        }
    });
    let subject = (1..12u8, any::<bool>(), 0..2u8, x.clone(), x);
    proptest::collection::vec(subject, least..40)
        .prop_filter("an event is needed", |subjects| subjects.iter().any(|subject| subject.1))
}

fn cohort(subjects: &[Subject]) -> Cohort {
    let column = |name: &str, value: fn(&Subject) -> f64| {
        Column::numeric(name, subjects.iter().map(value).collect())
    };
    let columns = vec![
        column("time", |subject| f64::from(subject.0)),
        column("event", |subject| f64::from(u8::from(subject.1))),
        column("stratum", |subject| f64::from(subject.2)),
        column("x", |subject| subject.3),
        column("z", |subject| subject.4),
        column("x in 0", |subject| if subject.2 == 0 { subject.3 } else { 0.0 }),
        column("x in 1", |subject| if subject.2 == 1 { subject.3 } else { 0.0 }),
        column("one or two", |subject| 1.0 + f64::from(subject.2)),
        column("half x", |subject| 0.5 * subject.3),
    ];
    Cohort::new(None, columns).unwrap()
}

fn query(terms: &[&str], ties: Ties) -> CoxQuery {
    let terms = terms.iter().map(|term| Term::linear(*term)).collect();
    CoxQuery {
        options: CoxOptions { ties, ..CoxOptions::default() },
        concordance: true,
        ..CoxQuery::new(EndpointColumns::new("time", "event"), terms)
    }
}

fn fit(subjects: &[Subject], query: &CoxQuery) -> CoxFit {
    let cohort = cohort(subjects);
    cox(&cohort, &Selection::all(&cohort), query).unwrap()
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

/// Of a log-likelihood: a maximum is reached, a supremum only approached.
fn tolerance(fit: &CoxFit) -> f64 {
    let is_infinite = fit.caveats.iter().any(|caveat| caveat.code == CaveatCode::Monotone);
    if is_infinite { 1e-6 } else { 1e-9 }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rows_does_not_matter(subjects in subjects(5, 0.05, 1.0)) {
        let reversed: Vec<Subject> = subjects.iter().rev().copied().collect();
        let query = query(&["x", "z"], Ties::Efron);
        let (a, b) = (fit(&subjects, &query), fit(&reversed, &query));
        prop_assert!((a.log_likelihood - b.log_likelihood).abs() < tolerance(&a));
        for (a, b) in a.coefficients.iter().zip(&b.coefficients) {
            assert_same(a.estimate, b.estimate)?;
            assert_same(a.standard_error, b.standard_error)?;
        }
    }

    #[test]
    fn the_unit_of_a_covariate_cancels(subjects in subjects(5, 0.05, 1.0)) {
        let moved: Vec<Subject> =
            subjects.iter().map(|&(t, e, s, x, z)| (t, e, s, 1e6 * x + 1e5, z)).collect();
        let query = query(&["x", "z"], Ties::Efron);
        let (a, b) = (fit(&subjects, &query), fit(&moved, &query));
        assert_same(a.coefficients[0].estimate, b.coefficients[0].estimate.map(|beta| 1e6 * beta))?;
        assert_same(a.coefficients[0].z, b.coefficients[0].z)?;
        assert_same(a.coefficients[1].estimate, b.coefficients[1].estimate)?;
    }

    /// Breslow's likelihood of doubled rows is that of the rows squared, but for a constant.
    #[test]
    fn doubled_rows_halve_the_variance(subjects in subjects(5, 0.05, 1.0)) {
        let doubled: Vec<Subject> = subjects.iter().chain(&subjects).copied().collect();
        let query = query(&["x"], Ties::Breslow);
        let (a, b) = (fit(&subjects, &query), fit(&doubled, &query));
        assert_same(a.coefficients[0].estimate, b.coefficients[0].estimate)?;
        let halved = a.coefficients[0].standard_error.map(|error| error / 2f64.sqrt());
        assert_same(b.coefficients[0].standard_error, halved)?;
        // Without any effect, rounding decides which way the linear predictor points.
        if a.coefficients[0].estimate.is_ok_and(|beta| beta.abs() > 1e-9) {
            assert_same(a.concordance.unwrap().value, b.concordance.unwrap().value)?;
        }
    }

    /// A frequency is so many rows for every rule of ties; a sampling weight is only for Breslow's,
    /// whose tied deaths all see the same risk set.
    #[test]
    fn weights_are_repeated_rows(subjects in subjects(5, 0.05, 1.0)) {
        let twice = subjects.iter().filter(|subject| subject.2 == 1);
        let repeated: Vec<Subject> = subjects.iter().chain(twice).copied().collect();
        let cases = [
            (Ties::Efron, WeightKind::Frequency),
            (Ties::Breslow, WeightKind::Frequency),
            (Ties::Breslow, WeightKind::Sampling),
        ];
        for (ties, kind) in cases {
            let query = query(&["x", "z"], ties);
            let weights = Some(WeightColumn { column: "one or two".into(), kind });
            let want = fit(&repeated, &query);
            let got = fit(&subjects, &CoxQuery { weights, ..query });
            prop_assert!((got.log_likelihood - want.log_likelihood).abs() < tolerance(&want));
            for (got, want) in got.coefficients.iter().zip(&want.coefficients) {
                assert_same(got.estimate, want.estimate)?;
                assert_same(got.standard_error, want.standard_error)?;
                prop_assert_eq!(got.robust_p_value.is_some(), kind == WeightKind::Sampling);
            }
            // Whether their risks are equal too can be a matter of rounding.
            let tied = |fit: &CoxFit| {
                let pairs = fit.concordance.as_ref().unwrap();
                pairs.tied_time + pairs.tied_both
            };
            if kind == WeightKind::Frequency {
                prop_assert_eq!(tied(&got), tied(&want));
            }
        }
    }

    /// What is known of an effect is missing from its coefficient.
    #[test]
    fn an_offset_is_taken_from_the_coefficient(subjects in subjects(5, 0.05, 1.0)) {
        let query = query(&["x", "z"], Ties::Efron);
        let alone = fit(&subjects, &query);
        let known = fit(&subjects, &CoxQuery { offset: Some("half x".into()), ..query });
        prop_assert!((alone.log_likelihood - known.log_likelihood).abs() < tolerance(&alone));
        let [x, z] = &alone.coefficients[..] else { panic!("two columns") };
        assert_same(known.coefficients[0].estimate, x.estimate.map(|beta| beta - 0.5))?;
        assert_same(known.coefficients[1].estimate, z.estimate)?;
        assert_same(known.coefficients[1].standard_error, z.standard_error)?;
    }

    /// With an effect of its own in each stratum, a stratified model is the models of its strata.
    #[test]
    fn strata_add_up(subjects in subjects(10, 0.05, 1.0)) {
        let stratum = |wanted: u8| -> Vec<Subject> {
            subjects.iter().filter(|subject| subject.2 == wanted).copied().collect()
        };
        let has_events = |part: &[Subject]| part.iter().any(|subject| subject.1);
        let parts = [stratum(0), stratum(1)];
        if !parts.iter().all(|part| has_events(part)) {
            return Ok(());
        }
        let strata = vec!["stratum".to_string()];
        let whole = CoxQuery { strata, ..query(&["x in 0", "x in 1"], Ties::Efron) };
        let whole = fit(&subjects, &whole);
        let single = query(&["x"], Ties::Efron);
        let parts = parts.map(|part| fit(&part, &single));
        let sum = parts[0].log_likelihood + parts[1].log_likelihood;
        prop_assert!((whole.log_likelihood - sum).abs() < tolerance(&whole));
        // What is constant in its stratum is so in the risk sets of the whole.
        let in_whole = |part: Estimate| part.map_err(|reason| match reason {
            NotEstimable::Aliased => NotEstimable::NoVariation,
            reason => reason,
        });
        for (part, coefficient) in parts.iter().zip(&whole.coefficients) {
            let (whole, part) = (coefficient, &part.coefficients[0]);
            assert_same(in_whole(whole.estimate), in_whole(part.estimate))?;
            assert_same(in_whole(whole.standard_error), in_whole(part.standard_error))?;
        }
    }

    /// One coefficient is infinite exactly when every death has the highest value of its risk set,
    /// or every death the lowest; when no risk set has two values there is no variation, and a column
    /// with one value is aliased.
    #[test]
    fn one_coefficient_is_infinite_when_deaths_are_extreme(subjects in subjects(1, 1e-3, 1e2)) {
        let deaths = || subjects.iter().filter(|subject| subject.1);
        let no_lower = deaths().all(|d| subjects.iter().all(|s| s.0 < d.0 || s.3 <= d.3));
        let no_higher = deaths().all(|d| subjects.iter().all(|s| s.0 < d.0 || d.3 <= s.3));
        let expected = match (no_lower, no_higher) {
            (true, true) if subjects.iter().all(|s| s.3 == subjects[0].3) => {
                Some(NotEstimable::Aliased)
            }
            (true, true) => Some(NotEstimable::NoVariation),
            (false, false) => None,
            _ => Some(NotEstimable::Monotone),
        };
        for ties in [Ties::Efron, Ties::Breslow] {
            let fit = fit(&subjects, &query(&["x"], ties));
            prop_assert_eq!(fit.coefficients[0].estimate.err(), expected);
        }
    }
}

/// The test of all terms depends on what their columns span alone, also where they nearly coincide.
#[test]
fn nearly_equal_columns_have_the_global_test_of_their_span() {
    let global = |near: bool| {
        let subject = |i: u8| {
            let (x, z) = (f64::from(i * 13 % 17) / 4.0, f64::from(i * 5 % 7) / 2.0);
            (1 + i * 7 % 11, !i.is_multiple_of(3), 0, x, if near { x + z / 16384.0 } else { z })
        };
        let subjects: Vec<Subject> = (0..19).map(subject).collect();
        let hazards = Some(TimeTransform::KaplanMeier);
        let query = CoxQuery { proportional_hazards: hazards, ..query(&["x", "z"], Ties::Efron) };
        fit(&subjects, &query).proportional_hazards.unwrap().global.chi_squared.unwrap()
    };
    let (near, apart) = (global(true), global(false));
    assert!((near - apart).abs() <= 1e-5 * apart, "{near} instead of {apart}");
}

/// The scores of everyone add up to 0, and rounding error is no variance.
#[test]
fn a_single_cluster_has_no_variance() {
    let subject = |i: u8| (1 + i, i != 4, 0, f64::from(i * 5 % 7), 0.0);
    let subjects: Vec<Subject> = (0..9).map(subject).collect();
    let query = CoxQuery { cluster: Some("stratum".into()), ..query(&["x"], Ties::Efron) };
    let fit = fit(&subjects, &query);
    let undefined = Err(NotEstimable::VarianceUndefined);
    assert!(fit.coefficients[0].standard_error.is_ok());
    assert_eq!(fit.coefficients[0].robust_standard_error, Some(undefined));
    assert_eq!(fit.coefficients[0].robust_p_value, Some(undefined));
    assert_eq!(fit.term_tests[0].test.p_value, undefined);
    assert_eq!(fit.concordance.unwrap().robust_standard_error, Some(undefined));
}
