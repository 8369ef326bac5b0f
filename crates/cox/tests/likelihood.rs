//! The exact likelihood of ties, penalties, profile limits and selection: closed forms, then laws that
//! hold for any data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    CaveatCode, Cohort, Column, EndpointColumns, Estimate, NotEstimable, Selection, Term,
    WeightColumn, WeightKind,
};
use cox::{
    CoxError, CoxFit, CoxOptions, CoxQuery, CoxScreenQuery, CoxSelection, CoxSelectionQuery,
    DiagnosticsQuery, OnMonotone, Penalty, PiecewiseQuery, PredictionQuery, ProfileLimits,
    SelectionRule, SelectionTest, Ties, cox, diagnose, piecewise, predict, screen, select,
};
use proptest::prelude::*;

/// Time, event, `x` and `z` of one subject.
type Subject = (f64, bool, f64, f64);

fn cohort(subjects: &[Subject]) -> Cohort {
    let column = |name: &str, value: fn(&Subject) -> f64| {
        Column::numeric(name, subjects.iter().map(value).collect())
    };
    let columns = vec![
        column("time", |subject| subject.0),
        column("event", |subject| f64::from(u8::from(subject.1))),
        column("x", |subject| subject.2),
        column("z", |subject| subject.3),
        column("half x", |subject| 0.5 * subject.2),
        column("u", |subject| (subject.0 * 7.0 + subject.2 * 3.0).sin()),
    ];
    Cohort::new(None, columns).unwrap()
}

fn query(terms: &[&str], options: CoxOptions) -> CoxQuery {
    let terms = terms.iter().map(|term| Term::linear(*term)).collect();
    CoxQuery { options, ..CoxQuery::new(EndpointColumns::new("time", "event"), terms) }
}

fn with_limits(query: CoxQuery) -> CoxQuery {
    CoxQuery { profile_limits: ProfileLimits::All, ..query }
}

fn ties(ties: Ties) -> CoxOptions {
    CoxOptions { ties, ..CoxOptions::default() }
}

fn penalty(penalty: Penalty) -> CoxOptions {
    CoxOptions { penalty, ..CoxOptions::default() }
}

fn fit(subjects: &[Subject], query: &CoxQuery) -> CoxFit {
    let cohort = cohort(subjects);
    cox(&cohort, &Selection::all(&cohort), query).unwrap()
}

fn assert_close(got: Estimate, want: f64) {
    assert!(
        got.is_ok_and(|got| (got - want).abs() <= 1e-9 * (1.0 + want.abs())),
        "{got:?}, {want}"
    );
}

/// The exposed one dies before the other.
const TWO: [Subject; 2] = [(1.0, true, 1.0, 0.0), (2.0, true, 0.0, 1.0)];

/// Of five at risk, three of them exposed, one exposed and one other die at once. With the odds
/// ratio `r` two exposed are chosen in 3 ways, one in 6, none in 1: the likelihood
/// `r / (3 r² + 6 r + 1)` is largest at `r = 1/√3`. The three outcomes have the weights 1, 2√3 and 1
/// there, so that the number of exposed among the dead has the variance `1 / (1 + √3)`.
#[test]
fn the_exact_likelihood_of_two_deaths_is_a_quotient() {
    let subject = |time, event, x| (time, event, x, 0.0);
    let subjects = [
        subject(1.0, true, 1.0),
        subject(1.0, true, 0.0),
        subject(2.0, false, 1.0),
        subject(2.0, false, 1.0),
        subject(2.0, false, 0.0),
    ];
    let fit = fit(&subjects, &query(&["x"], ties(Ties::Exact)));
    let root = 3f64.sqrt();
    assert_close(fit.coefficients[0].estimate, -root.ln());
    assert_close(fit.coefficients[0].standard_error, (1.0 + root).sqrt());
    assert_close(Ok(fit.log_likelihood_null), -10f64.ln());
    assert_close(Ok(fit.log_likelihood), -(6.0 + 2.0 * root).ln());
}

/// With `p = r / (r + 1)` the likelihood of [`TWO`] is `p` and its information `p (1 - p)`, so that
/// `p √(p (1 - p))` is largest at `p = 3/4`, the hazard ratio 3.
#[test]
fn firth_of_two_deaths_has_the_hazard_ratio_three() {
    let fit = fit(&TWO, &with_limits(query(&["x"], penalty(Penalty::Firth))));
    let coefficient = &fit.coefficients[0];
    assert_close(coefficient.hazard_ratio, 3.0);
    assert_close(coefficient.standard_error, 4.0 / 3f64.sqrt());
    assert_close(Ok(fit.log_likelihood), 0.75f64.ln());
    let penalised = fit.penalised.unwrap();
    let value = |p: f64| 1.5 * p.ln() + 0.5 * (1.0 - p).ln();
    assert_close(Ok(penalised.log_likelihood), value(0.75));
    assert_close(Ok(penalised.log_likelihood_null), value(0.5));
    assert_close(penalised.chi_squared, 2.0 * (value(0.75) - value(0.5)));
    assert_close(fit.likelihood_ratio_test.chi_squared, 2.0 * (value(0.75) - value(0.5)));
    let profile = coefficient.profile.unwrap();
    assert_close(profile.test.chi_squared, 2.0 * (value(0.75) - value(0.5)));
    for limit in [profile.interval.lower, profile.interval.upper] {
        let ratio = limit.unwrap();
        let drop = value(0.75) - value(ratio / (1.0 + ratio));
        assert!((2.0 * drop - 3.841_458_820_694_124).abs() < 1e-8, "{ratio} drops by {drop}");
    }
}

/// The likelihood `p` of [`TWO`] rises to 1 with the hazard ratio: the limit at which its logarithm
/// is half a quantile of chi-squared below that is `p = exp(-χ²/2)`.
#[test]
fn an_infinite_hazard_ratio_has_a_lower_limit() {
    let fit = fit(&TWO, &with_limits(query(&["x"], CoxOptions::default())));
    let coefficient = &fit.coefficients[0];
    assert_eq!(coefficient.estimate, Err(NotEstimable::Monotone));
    let profile = coefficient.profile.unwrap();
    let p = (-0.5 * 3.841_458_820_694_124f64).exp();
    let lower = profile.interval.lower.unwrap();
    assert!((lower / (p / (1.0 - p)) - 1.0).abs() < 1e-6, "{lower}");
    assert_eq!(profile.interval.upper, Err(NotEstimable::Monotone));
    assert!((profile.test.chi_squared.unwrap() - 2.0 * 2f64.ln()).abs() < 1e-6);
    let caveat = fit.caveats.iter().find(|c| c.code == CaveatCode::PenalisedLikelihood).unwrap();
    assert!(caveat.message.contains("monotone in x"), "{}", caveat.message);
    assert_close(fit.firth.unwrap().coefficients[0].hazard_ratio, 3.0);
    let options = CoxOptions { on_monotone: OnMonotone::Report, ..CoxOptions::default() };
    assert_eq!(self::fit(&TWO, &query(&["x"], options)).firth, None);
}

/// The coefficient of `z` tends to minus infinity, since the first death alone has `z = 0`. What is
/// left is the likelihood of the other two deaths in `x`, `1 / (1 + exp(-1.5 b) + exp(-1.3 b))` and
/// `1 / (1 + exp(0.2 b))`, whose limits are the same far beyond the reach of the first death.
#[test]
fn a_finite_coefficient_beside_an_infinite_one_has_both_limits() {
    let subjects = [
        (6.0, true, -1.2, 1.0),
        (1.0, false, -0.5, 0.0),
        (1.0, false, 0.5, 1.0),
        (6.0, false, -1.0, 1.0),
        (2.0, true, -2.0, 0.0),
        (3.0, true, 0.3, 1.0),
    ];
    let value = |b: f64| -((-1.5 * b).exp() + (-1.3 * b).exp()).ln_1p() - (0.2 * b).exp().ln_1p();
    for rule in [Ties::Efron, Ties::Exact] {
        let fit = fit(&subjects, &with_limits(query(&["x", "z"], ties(rule))));
        let [x, z] = &fit.coefficients[..] else { panic!("two columns") };
        assert_eq!(z.estimate, Err(NotEstimable::Monotone));
        let top = value(x.estimate.unwrap());
        let interval = x.profile.unwrap().interval;
        for limit in [interval.lower, interval.upper] {
            let drop = top - value(limit.unwrap().ln());
            assert!((2.0 * drop - 3.841_458_820_694_124).abs() < 1e-8, "{limit:?} drops by {drop}");
        }
    }
}

/// At the hazard ratio 3 the score of [`TWO`] is 1/4, which a ridge of `1 / (4 ln 3)` holds back; its
/// information is `3/16 + λ`.
#[test]
fn a_ridge_pulls_with_its_force() {
    let lambda = 0.25 / 3f64.ln();
    let fit = fit(&TWO, &query(&["x"], penalty(Penalty::Ridge(lambda))));
    assert_close(fit.coefficients[0].estimate, 3f64.ln());
    assert_close(fit.coefficients[0].standard_error, (3.0 / 16.0 + lambda).sqrt().recip());
    let df = 3.0 / 16.0 / (3.0 / 16.0 + lambda);
    assert_close(Ok(fit.penalised.unwrap().degrees_of_freedom), df);
    assert_close(fit.events_per_parameter, 2.0 / df);
    assert_eq!(fit.likelihood_ratio_test.chi_squared, Err(NotEstimable::NotDefined));
}

/// Its drop from a ridge is no chi-squared.
#[test]
fn a_ridge_has_no_likelihood_ratios() {
    let mut asked = with_limits(query(&["x"], penalty(Penalty::Ridge(0.5))));
    asked.term_likelihood_ratios = true;
    let fit = fit(&TWO, &asked);
    let none = Err(NotEstimable::NotDefined);
    let profile = fit.coefficients[0].profile.unwrap();
    assert_eq!((profile.interval.lower, profile.interval.upper), (none, none));
    assert_eq!(
        (profile.test.p_value, fit.term_likelihood_ratio_tests[0].test.p_value),
        (none, none)
    );
    assert!(fit.coefficients[0].p_value.is_ok());
}

#[test]
fn what_does_not_go_together_is_refused() {
    let cohort = cohort(&TWO);
    let all = Selection::all(&cohort);
    let refused = |query: &CoxQuery| cox(&cohort, &all, query).unwrap_err();
    let exact = query(&["x"], ties(Ties::Exact));
    let weights = Some(WeightColumn { column: "time".into(), kind: WeightKind::Sampling });
    let with = |with| CoxError::ExactTies { with };
    let weighted = CoxQuery { weights: weights.clone(), ..exact.clone() };
    assert_eq!(refused(&weighted), with("sampling weights"));
    let clustered = CoxQuery { cluster: Some("x".into()), ..exact.clone() };
    assert_eq!(refused(&clustered), with("a robust variance"));
    let options = CoxOptions { penalty: Penalty::Firth, ..exact.options.clone() };
    assert_eq!(refused(&CoxQuery { options, ..exact }), with("Firth's penalty"));
    assert_eq!(refused(&query(&["x"], penalty(Penalty::Ridge(0.0)))), CoxError::InvalidRidge);
    let limits = ProfileLimits::Of(vec!["y".into()]);
    let unknown = CoxQuery { profile_limits: limits, ..query(&["x"], CoxOptions::default()) };
    assert_eq!(refused(&unknown), CoxError::UnknownCoefficient { index: 0, name: "y".into() });
    let by_ratio = CoxSelectionQuery {
        model: CoxQuery { weights, ..query(&[], CoxOptions::default()) },
        candidates: vec![Term::linear("x")],
        rule: SelectionRule::BACKWARD,
    };
    assert_eq!(select(&cohort, &all, &by_ratio), Err(CoxError::LikelihoodRatioOfWeights));
}

/// A climb cut short says how far it still had to go.
#[test]
fn a_fit_that_has_not_converged_tells_its_next_step() {
    let subjects: Vec<Subject> =
        (0..9).map(|i| (f64::from(i), i != 4, f64::from(i * 5 % 7), 0.0)).collect();
    let options = CoxOptions { max_iterations: 1, tolerance: 1e-15, ..CoxOptions::default() };
    let fit = fit(&subjects, &query(&["x"], options));
    let caveat = fit.caveats.iter().find(|c| c.code == CaveatCode::NotConverged).unwrap();
    assert!(caveat.message.contains("standard errors"), "{}", caveat.message);
    assert!(caveat.message.contains("within the iterations allowed (1)"), "{}", caveat.message);
    assert_eq!(fit.iterations, 1);
}

/// Steps that settle the point behind the stop rule count for nothing: the limit is the caller's.
#[test]
fn no_more_iterations_are_counted_than_allowed() {
    let subjects: Vec<Subject> =
        (0..9).map(|i| (f64::from(i), i != 4, f64::from(i * 5 % 7), 0.0)).collect();
    for max_iterations in 1..9 {
        let options = CoxOptions { max_iterations, ..CoxOptions::default() };
        for terms in [&["x"][..], &["x", "u"]] {
            assert!(fit(&subjects, &query(terms, options.clone())).iterations <= max_iterations);
        }
    }
}

/// `coxph(Surv(time, event) ~ z + x + strata(z))` in R has NA for `z`: it tells nobody at risk from
/// another. Here `z` is the stratum; with late follow-up `u` varies among those alone who have left
/// before the first event.
#[test]
fn a_column_that_is_constant_at_risk_says_so() {
    let subjects: Vec<Subject> = (0..12)
        .map(|i| (f64::from(i + 1), i > 1, f64::from(i * 5 % 7), f64::from(i % 2)))
        .collect();
    let stratified =
        CoxQuery { strata: vec!["z".into()], ..query(&["z", "x"], CoxOptions::default()) };
    let early = |i: usize| if i < 2 { i as f64 } else { 9.0 };
    let early: Vec<Subject> = subjects
        .iter()
        .enumerate()
        .map(|(i, &(time, event, x, _))| (time, event, x, early(i)))
        .collect();
    let early_leavers = query(&["z", "x"], CoxOptions::default());
    for fit in [fit(&subjects, &stratified), fit(&early, &early_leavers)] {
        assert_eq!(fit.coefficients[0].estimate, Err(NotEstimable::NoVariation));
        assert!(fit.coefficients[1].estimate.is_ok());
        let caveat = fit.caveats.iter().find(|caveat| caveat.code == CaveatCode::Aliased).unwrap();
        assert!(caveat.message.starts_with("z does not vary within any risk set"));
        assert_eq!(fit.likelihood_ratio_test.degrees_of_freedom, 1);
    }
    let copy = fit(&subjects, &query(&["x", "half x"], CoxOptions::default()));
    assert_eq!(copy.coefficients[1].estimate, Err(NotEstimable::Aliased));
}

/// Numbers in caveats are short, however large.
#[test]
fn a_caveat_of_a_strong_ridge_is_short() {
    let subjects: Vec<Subject> =
        (0..9).map(|i| (f64::from(i), i != 4, f64::from(i * 5 % 7), 0.0)).collect();
    let fit = fit(&subjects, &query(&["x"], penalty(Penalty::Ridge(1e300))));
    let messages = fit.caveats.iter().map(|caveat| caveat.message.as_str());
    let ridge = messages.into_iter().find(|message| message.contains("ridge")).unwrap();
    assert!(ridge.ends_with("a ridge of 1e300"), "{ridge}");
}

/// Every call that takes names of coefficients refuses one that its models do not have.
#[test]
fn limits_of_an_unknown_coefficient_are_refused_by_all_calls() {
    let subjects: Vec<Subject> = (0..9)
        .map(|i| (f64::from(i + 1), i != 4, f64::from(i * 5 % 7), f64::from(i * 4 % 5)))
        .collect();
    let cohort = cohort(&subjects);
    let all = Selection::all(&cohort);
    let of = |names: &[&str], terms: &[&str]| CoxQuery {
        profile_limits: ProfileLimits::Of(names.iter().map(ToString::to_string).collect()),
        ..query(terms, CoxOptions::default())
    };
    let ask = |model: CoxQuery| {
        let candidates: Vec<Term> = ["x", "z"].map(Term::linear).to_vec();
        let alone = CoxQuery { terms: Vec::new(), ..model.clone() };
        let screened = CoxScreenQuery { model: alone.clone(), candidates: candidates.clone() };
        let rule = SelectionRule::BACKWARD;
        let selected = CoxSelectionQuery { model: alone, candidates, rule };
        let diagnosed = DiagnosticsQuery::new(model.clone());
        let predicted = PredictionQuery::new(model.clone());
        let split = PiecewiseQuery { model, cuts: vec![4.0], terms: Vec::new() };
        [
            screen(&cohort, &all, &screened).err(),
            select(&cohort, &all, &selected).err(),
            diagnose(&cohort, &all, &diagnosed).err(),
            predict(&cohort, &all, &cohort, &predicted).err(),
            piecewise(&cohort, &all, &split).err(),
        ]
    };
    assert_eq!(ask(of(&["x", "z"], &["x", "z"])), [const { None }; 5]);
    let unknown = CoxError::UnknownCoefficient { index: 1, name: "y".into() };
    assert_eq!(
        ask(of(&["x", "y"], &["x", "z"])),
        [const { Some(()) }; 5].map(|_| Some(unknown.clone()))
    );
}

/// Two clusters carry no more than two numbers.
#[test]
fn few_clusters_are_told() {
    let subjects: Vec<Subject> = (0..60)
        .map(|i| (f64::from(i * 7 % 31), i % 4 != 0, f64::from(i % 5), f64::from(i / 3)))
        .collect();
    let clusters = |column: &str| {
        let query =
            CoxQuery { cluster: Some(column.into()), ..query(&["x"], CoxOptions::default()) };
        let caveats = fit(&subjects, &query).caveats;
        caveats.iter().any(|caveat| caveat.code == CaveatCode::FewClusters)
    };
    assert!(clusters("x"), "five clusters");
    assert!(!clusters("z"), "twenty clusters");
}

/// Rows of one id are independent as long as none of them dies twice.
#[test]
fn ids_with_several_events_are_clusters() {
    let robust = |events: [bool; 4]| {
        let interval = |start: f64, id: f64, i: usize| [start, start + 1.0 + i as f64 / 8.0, id];
        let rows = [(0.0, 1.0), (1.5, 1.0), (0.5, 2.0), (2.0, 3.0)];
        let rows: Vec<[f64; 3]> =
            rows.iter().enumerate().map(|(i, &(start, id))| interval(start, id, i)).collect();
        let column =
            |name: &str, at: usize| Column::numeric(name, rows.iter().map(|row| row[at]).collect());
        let event = events.iter().map(|&event| f64::from(u8::from(event))).collect();
        let columns = vec![
            column("start", 0),
            column("time", 1),
            column("id", 2),
            Column::numeric("event", event),
            Column::numeric("x", vec![1.0, 0.0, 0.0, 1.0]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let mut query = query(&["x"], CoxOptions::default());
        query.endpoint.entry = Some("start".into());
        query.id = Some("id".into());
        cox(&cohort, &Selection::all(&cohort), &query).unwrap().robust_covariance.is_some()
    };
    assert!(robust([true, true, true, false]));
    assert!(!robust([true, false, true, true]));
}

/// Values on a grid with distinct or tied times.
fn subjects(are_tied: bool) -> impl Strategy<Value = Vec<Subject>> {
    let subject = (1..9u8, any::<bool>(), -30..30i8, 0..2u8);
    let some = proptest::collection::vec(subject, 6..40);
    some.prop_map(move |subjects| {
        let place = |(row, s): (usize, (u8, bool, i8, u8))| {
            let time = if are_tied { f64::from(s.0) } else { f64::from(s.0) + row as f64 / 64.0 };
            (time, s.1, f64::from(s.2) / 10.0, f64::from(s.3))
        };
        subjects.into_iter().enumerate().map(place).collect()
    })
    .prop_filter("an event is needed", |subjects: &Vec<Subject>| {
        subjects.iter().any(|subject| subject.1)
    })
}

fn assert_same(got: Estimate, want: Estimate) -> Result<(), TestCaseError> {
    match (got, want) {
        (Ok(got), Ok(want)) => {
            prop_assert!((got - want).abs() <= 1e-6 * (1.0 + want.abs()), "{got} {want}");
        }
        (got, want) => prop_assert_eq!(got, want),
    }
    Ok(())
}

fn is_monotone(fit: &CoxFit) -> bool {
    fit.caveats.iter().any(|caveat| caveat.code == CaveatCode::Monotone)
}

fn selected(subjects: &[Subject], rule: SelectionRule) -> CoxSelection {
    let cohort = cohort(subjects);
    let candidates = ["x", "z", "u", "half x"].map(Term::linear).to_vec();
    let model = query(&[], CoxOptions::default());
    let query = CoxSelectionQuery { model, candidates, rule };
    select(&cohort, &Selection::all(&cohort), &query).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn without_ties_all_rules_are_one(subjects in subjects(false)) {
        let by = |rule| fit(&subjects, &query(&["x", "z"], ties(rule)));
        let (exact, efron) = (by(Ties::Exact), by(Ties::Efron));
        prop_assert!((exact.log_likelihood - efron.log_likelihood).abs() < 1e-6);
        for (exact, efron) in exact.coefficients.iter().zip(&efron.coefficients) {
            assert_same(exact.estimate, efron.estimate)?;
            assert_same(exact.standard_error, efron.standard_error)?;
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(subjects in subjects(true)) {
        let reversed: Vec<Subject> = subjects.iter().rev().copied().collect();
        let settings = [ties(Ties::Exact), penalty(Penalty::Firth), penalty(Penalty::Ridge(0.5))];
        for options in settings {
            let query = with_limits(query(&["x", "z"], options));
            let (a, b) = (fit(&subjects, &query), fit(&reversed, &query));
            prop_assert!((a.log_likelihood - b.log_likelihood).abs() < 1e-5);
            for (a, b) in a.coefficients.iter().zip(&b.coefficients) {
                assert_same(a.estimate, b.estimate)?;
            }
        }
    }

    /// Firth's estimates exist whatever the data, and their generalised variance is at most that of
    /// the plain ones: only by that can the penalised likelihood be larger than at the maximum of the
    /// plain one.
    #[test]
    fn firth_exists_and_shrinks_the_variance(subjects in subjects(true)) {
        let plain = fit(&subjects, &query(&["x"], CoxOptions::default()));
        let firth = fit(&subjects, &with_limits(query(&["x"], penalty(Penalty::Firth))));
        let coefficient = &firth.coefficients[0];
        let says_nothing = [NotEstimable::Aliased, NotEstimable::NoVariation].map(Err);
        if says_nothing.contains(&plain.coefficients[0].estimate) {
            return Ok(());
        }
        let estimate = coefficient.hazard_ratio.unwrap();
        if let Ok(error) = plain.coefficients[0].standard_error {
            prop_assert!(coefficient.standard_error.unwrap() <= error * (1.0 + 1e-9));
        }
        let profile = coefficient.profile.unwrap().interval;
        prop_assert!(profile.lower.unwrap() < estimate && estimate < profile.upper.unwrap());
        let beside = plain.firth.as_ref().map(|firth| firth.coefficients[0].estimate);
        prop_assert_eq!(beside, is_monotone(&plain).then_some(coefficient.estimate));
    }

    #[test]
    fn profile_limits_enclose_the_estimate_in_any_unit(subjects in subjects(true)) {
        let moved: Vec<Subject> =
            subjects.iter().map(|&(t, e, x, z)| (t, e, 1e3 * x + 7.0, z)).collect();
        for rule in [Ties::Efron, Ties::Exact] {
            let query = with_limits(query(&["x", "z"], ties(rule)));
            let (a, b) = (fit(&subjects, &query), fit(&moved, &query));
            for (j, (a, b)) in a.coefficients.iter().zip(&b.coefficients).enumerate() {
                let limits = |fit: &cox::Coefficient| {
                    let interval = fit.profile.unwrap().interval;
                    [interval.lower.map(f64::ln), interval.upper.map(f64::ln)]
                };
                if let (Ok(estimate), [Ok(lower), Ok(upper)]) = (a.estimate, limits(a)) {
                    prop_assert!(lower < estimate && estimate < upper);
                }
                let unit = if j == 0 { 1e3 } else { 1.0 };
                for (a, b) in limits(a).into_iter().zip(limits(b)) {
                    assert_same(b.map(|limit| unit * limit), a)?;
                }
            }
        }
    }

    /// The test of a term compares the model with the one that lacks it.
    #[test]
    fn terms_are_tested_by_the_model_without_them(subjects in subjects(true)) {
        let query = CoxQuery {
            term_likelihood_ratios: true,
            ..query(&["x", "z"], CoxOptions::default())
        };
        let whole = fit(&subjects, &query);
        let without = fit(&subjects, &self::query(&["z"], CoxOptions::default()));
        let test = &whole.term_likelihood_ratio_tests[0].test;
        let df = whole.likelihood_ratio_test.degrees_of_freedom
            - without.likelihood_ratio_test.degrees_of_freedom;
        prop_assert_eq!(test.degrees_of_freedom, df);
        let statistic = 2.0 * (whole.log_likelihood - without.log_likelihood);
        if df > 0 {
            prop_assert!((test.chi_squared.unwrap() - statistic.max(0.0)).abs() < 1e-5);
        }
    }

    /// Backward, every model is worse than the one before it, and none of its terms is above the
    /// limit at the end; forward, every entry makes it better.
    #[test]
    fn stepwise_paths_go_one_way(subjects in subjects(true)) {
        let backward = selected(&subjects, SelectionRule::BACKWARD);
        for pair in backward.steps.windows(2) {
            prop_assert!(pair[1].log_likelihood <= pair[0].log_likelihood + 1e-6);
            prop_assert_eq!(pair[0].terms.len(), pair[1].terms.len() + 1);
            prop_assert!(pair[0].removed.is_some());
        }
        let last = backward.steps.last().unwrap();
        let is_large = |p: Estimate| p.is_ok_and(|p| p > 0.1);
        prop_assert!(!last.removal_tests.iter().any(|tested| is_large(tested.test.p_value)));
        prop_assert!(backward.fit.caveats.iter().any(|c| c.code == CaveatCode::DataDrivenSelection));
        // Half of `x` is never needed beside it.
        prop_assert!(!(last.terms.contains(&"x".into()) && last.terms.contains(&"half x".into())));
        let forward = selected(&subjects, SelectionRule::FORWARD);
        for pair in forward.steps.windows(2).filter(|pair| !pair[0].entered.is_empty()) {
            prop_assert!(pair[1].log_likelihood > pair[0].log_likelihood);
        }
        let rule = SelectionRule::PThreshold { enter_below: 1.0, test: SelectionTest::Wald };
        let listed = selected(&subjects, SelectionRule::Listed);
        prop_assert_eq!(listed.steps.len(), 1);
        prop_assert!(selected(&subjects, rule).steps[0].entry_tests.len() == 4);
    }
}

/// Product and parts leave in the order that keeps the model sensible.
#[test]
fn a_part_stays_as_long_as_its_product() {
    let subjects: Vec<Subject> = (0..40)
        .map(|i| (f64::from(i * 17 % 41), i % 3 != 0, f64::from(i * 5 % 11), f64::from(i % 2)))
        .collect();
    let cohort = cohort(&subjects);
    let all = Selection::all(&cohort);
    let [x, z, u] = ["x", "z", "u"].map(Term::linear);
    let product = Term::interaction(x.clone(), z.clone());
    let chosen = |keep: Vec<Term>, candidates: Vec<Term>, rule| {
        let model = CoxQuery { terms: keep, ..query(&[], CoxOptions::default()) };
        select(&cohort, &all, &CoxSelectionQuery { model, candidates, rule })
    };
    let everybody_leaves =
        SelectionRule::Backward { remove_above: 0.0, test: SelectionTest::LikelihoodRatio };
    let path =
        chosen(vec![u.clone()], vec![x.clone(), z, product.clone()], everybody_leaves).unwrap();
    assert_eq!(path.steps[0].terms, ["u", "x", "z", "x:z"]);
    assert_eq!(path.steps[0].removed.as_deref(), Some("x:z"));
    let tested: Vec<&str> =
        path.steps[0].removal_tests.iter().map(|tested| tested.term.as_str()).collect();
    assert_eq!(tested, ["x:z"]);
    assert_eq!(path.steps.last().unwrap().terms, ["u"]);
    let missing = chosen(Vec::new(), vec![x.clone(), product.clone()], SelectionRule::FORWARD);
    let part = CoxError::MissingPart { term: "x:z".into(), part: "z".into() };
    assert_eq!(missing, Err(part));
    let twice = chosen(vec![x.clone()], vec![x], SelectionRule::BACKWARD);
    assert_eq!(twice, Err(CoxError::DuplicateTerm { term: "x".into() }));
    let screened = chosen(
        vec![u, Term::linear("x"), Term::linear("z")],
        vec![product],
        SelectionRule::P_THRESHOLD,
    );
    assert_eq!(screened, Err(CoxError::ScreenedProduct { term: "x:z".into() }));
}
