//! Residuals, curves and hazard ratios by interval that can be worked out by hand.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, CohortError, Column, EndpointColumns, Estimate, NotEstimable, Selection, Term,
};
use cox::{
    CoxError, CoxOptions, CoxQuery, DiagnosticsQuery, InfluenceOptions, LinearityOptions, Penalty,
    PiecewiseQuery, Prediction, PredictionQuery, ProfileLimits, ResidualKind, Residuals,
    SmoothOptions, TestResult, Ties, diagnose, piecewise, predict,
};

/// Six subjects and one covariate of Therneau and Grambsch (2000), appendix E.
fn test_data_1() -> Cohort {
    let column = |name: &str, values: [f64; 6]| Column::numeric(name, values.to_vec());
    let columns = vec![
        column("time", [1.0, 1.0, 6.0, 6.0, 8.0, 9.0]),
        column("event", [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]),
        column("x", [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
    ];
    Cohort::new(None, columns).unwrap()
}

fn model(ties: Ties) -> CoxQuery {
    CoxQuery {
        options: CoxOptions { ties, ..CoxOptions::default() },
        ..CoxQuery::new(EndpointColumns::new("time", "event"), vec![Term::linear("x")])
    }
}

fn residuals(ties: Ties, kinds: &[ResidualKind]) -> Residuals {
    let cohort = test_data_1();
    let query =
        DiagnosticsQuery { residuals: kinds.to_vec(), ..DiagnosticsQuery::new(model(ties)) };
    diagnose(&cohort, &Selection::all(&cohort), &query).unwrap().residuals.unwrap().unwrap()
}

fn prediction(query: PredictionQuery, x: Vec<f64>) -> Prediction {
    let cohort = test_data_1();
    let profiles = Cohort::new(None, vec![Column::numeric("x", x)]).unwrap();
    predict(&cohort, &Selection::all(&cohort), &profiles, &query).unwrap()
}

fn assert_close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() < 1e-10, "{got} instead of {want}");
    }
}

/// Hazard ratio of test data 1 by Breslow's rule: `r² - 3 r - 6 = 0`.
fn breslow_ratio() -> f64 {
    (3.0 + 33f64.sqrt()) / 2.0
}

/// Steps of the hazard are `1/(3r + 3)` at 1, `2/(r + 3)` at 6 and 1 at 9; the mean of `x` there is
/// `r/(r + 1)`, `r/(r + 3)` and 0.
#[test]
fn breslow_residuals_of_test_data_1() {
    let r = breslow_ratio();
    let [first, second] = [1.0 / (3.0 * r + 3.0), 2.0 / (r + 3.0)];
    let kinds = [ResidualKind::Martingale, ResidualKind::Score, ResidualKind::Schoenfeld];
    let got = residuals(Ties::Breslow, &kinds);
    assert_eq!(got.rows, [0, 1, 2, 3, 4, 5]);
    let martingale = [
        1.0 - r * first,
        -r * first,
        1.0 - r * (first + second),
        1.0 - first - second,
        -first - second,
        -first - second,
    ];
    assert_close(&got.by_subject[0].values, &martingale);
    let (mean, late_mean) = (r / (r + 1.0), r / (r + 3.0));
    let score = [
        (1.0 - mean) * (1.0 - r * first),
        -(1.0 - mean) * r * first,
        -(1.0 - mean) * r * first + (1.0 - late_mean) * (1.0 - r * second),
        mean * first - late_mean * (1.0 - second),
        mean * first + late_mean * second,
        mean * first + late_mean * second,
    ];
    assert_close(&got.by_subject[1].values, &score);
    assert_eq!(got.event_rows, [0, 2, 3, 5]);
    assert_eq!(got.event_times, [1.0, 6.0, 6.0, 9.0]);
    assert_close(&got.by_event[0].values, &[1.0 - mean, 1.0 - late_mean, -late_mean, 0.0]);
}

/// Of two tied deaths each sees half of the second step: `1/φ + (1/2)/φ'` with `φ = r + 3` and
/// `φ' = (r + 5)/2`; whoever lives on sees both. `r³ - 23 r - 30 = 0`.
#[test]
fn efron_residuals_of_test_data_1() {
    let got = residuals(Ties::Efron, &[ResidualKind::Martingale, ResidualKind::Deviance]);
    let r = bisect(|r| r * r * r - 23.0 * r - 30.0, 1.0, 10.0);
    let first = 1.0 / (3.0 * r + 3.0);
    let (own, whole) = (1.0 / (r + 3.0) + 1.0 / (r + 5.0), 1.0 / (r + 3.0) + 2.0 / (r + 5.0));
    let martingale = [
        1.0 - r * first,
        -r * first,
        1.0 - r * (first + own),
        1.0 - first - own,
        -first - whole,
        -first - whole,
    ];
    assert_close(&got.by_subject[0].values, &martingale);
    // Of a censored subject the deviance residual is -√(2 Λ).
    assert_close(&got.by_subject[1].values[1..2], &[-(2.0 * r * first).sqrt()]);
}

fn bisect(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if f(middle) < 0.0 { low = middle } else { high = middle }
    }
    low
}

/// With one coefficient `dfbeta = U / I`, `dfbetas = U / √I`, the displacement is `U² / I`, and a
/// scaled Schoenfeld residual is `4 s / I + beta` with 4 events.
#[test]
fn one_coefficient_scales_everything() {
    use ResidualKind::{Dfbeta, Dfbetas, ScaledSchoenfeld, Schoenfeld, Score};
    let r = breslow_ratio();
    let information = r / ((r + 1.0) * (r + 1.0)) + 6.0 * r / ((r + 3.0) * (r + 3.0));
    let got = residuals(Ties::Breslow, &[Score, Dfbeta, Dfbetas, Schoenfeld, ScaledSchoenfeld]);
    let score = &got.by_subject[0].values;
    let scaled = |by: f64| score.iter().map(|score| score / by).collect::<Vec<_>>();
    assert_close(&got.by_subject[1].values, &scaled(information));
    assert_close(&got.by_subject[2].values, &scaled(information.sqrt()));
    let schoenfeld = got.by_event[0].values.iter();
    let wanted: Vec<f64> = schoenfeld.map(|s| 4.0 * s / information + r.ln()).collect();
    assert_close(&got.by_event[1].values, &wanted);
    let cohort = test_data_1();
    let options = InfluenceOptions { most_rows: 2, threshold: None };
    let query = DiagnosticsQuery {
        influence: Some(options),
        ..DiagnosticsQuery::new(model(Ties::Breslow))
    };
    let found = diagnose(&cohort, &Selection::all(&cohort), &query).unwrap();
    let influence = found.influence.unwrap().unwrap();
    assert_close(&[influence.threshold], &[2.0 / 6f64.sqrt()]);
    let largest = &influence.coefficients[0].rows;
    assert_eq!(largest.len(), 2);
    assert!(largest[0].dfbetas.abs() >= largest[1].dfbetas.abs());
    let (row, displacement) = influence.displacement[0];
    assert_eq!(row, largest[0].row);
    assert_close(&[displacement], &[score[row] * score[row] / information]);
}

/// Rows of one patient add up, the patient named by its first row.
#[test]
fn residuals_are_summed_over_patients() {
    let mut cohort = test_data_1();
    cohort.push(Column::numeric("patient", vec![7.0, 5.0, 5.0, 7.0, 6.0, 6.0])).unwrap();
    let query = DiagnosticsQuery {
        residuals: vec![ResidualKind::Martingale],
        collapse: Some("patient".into()),
        ..DiagnosticsQuery::new(model(Ties::Breslow))
    };
    let found = diagnose(&cohort, &Selection::all(&cohort), &query).unwrap();
    let sums = found.residuals.unwrap().unwrap();
    assert_eq!(sums.rows, [0, 1, 4]);
    let single = residuals(Ties::Breslow, &[ResidualKind::Martingale]);
    let m = &single.by_subject[0].values;
    assert_close(&sums.by_subject[0].values, &[m[0] + m[3], m[1] + m[2], m[4] + m[5]]);
}

/// At `x = 0` the hazard is the sum of its steps, at `x = 1` it is `r` times as large.
#[test]
fn breslow_curves_of_test_data_1() {
    let r = breslow_ratio();
    let hazard = [0.0, 1.0, 1.0].map(|last| 1.0 / (3.0 * r + 3.0) + 2.0 / (r + 3.0) + last);
    let query = PredictionQuery {
        times: vec![0.5, 7.0, 9.0, 9.5],
        whole_curves: false,
        ..PredictionQuery::new(model(Ties::Breslow))
    };
    let found = prediction(query, vec![0.0, 1.0]);
    let baseline = &found.baseline.unwrap()[0];
    assert_eq!(baseline.time, [1.0, 6.0, 8.0, 9.0]);
    assert_eq!(baseline.n_at_risk, [6, 4, 2, 1]);
    assert_eq!(baseline.n_events, [1, 2, 0, 1]);
    let first = 1.0 / (3.0 * r + 3.0);
    assert_close(&baseline.cumulative_hazard, &[first, hazard[0], hazard[0], hazard[1]]);
    let exposed = found.curves[1].prediction.as_ref().unwrap();
    assert_close(&[exposed.linear_predictor], &[r.ln()]);
    let survival: Vec<Estimate> = exposed.at_times.iter().map(|at| at.survival).collect();
    assert_eq!(survival[0], Ok(1.0));
    assert_close(&[survival[1].unwrap()], &[(-r * hazard[0]).exp()]);
    assert_close(&[survival[2].unwrap()], &[(-r * hazard[2]).exp()]);
    assert_eq!(survival[3], Err(NotEstimable::BeyondFollowUp));
}

/// Variance of the first step at `x = 0`: `Δ²` of the hazard, and `(0 - mean)² Δ² / I` of the
/// coefficient.
#[test]
fn both_hazard_and_coefficient_are_uncertain() {
    let r = breslow_ratio();
    let step = 1.0 / (3.0 * r + 3.0);
    let information = r / ((r + 1.0) * (r + 1.0)) + 6.0 * r / ((r + 3.0) * (r + 3.0));
    let distance = r / (r + 1.0) * step;
    let found = prediction(PredictionQuery::new(model(Ties::Breslow)), vec![0.0]);
    let curve = found.curves[0].prediction.as_ref().unwrap().curve.as_ref().unwrap();
    let variance = step * step + distance * distance / information;
    assert_close(&curve.standard_error[..1], &[variance.sqrt()]);
}

/// The average over three exposed and three others, all of them with the level `1`, is the curve of
/// the level.
#[test]
fn the_average_of_equal_subjects_is_their_curve() {
    let factor = CoxQuery { terms: vec![Term::factor("x")], ..model(Ties::Efron) };
    let query = PredictionQuery {
        times: vec![6.0],
        average_over: Some("x".into()),
        ..PredictionQuery::new(factor)
    };
    let found = prediction(query, vec![0.0, 1.0]);
    let averages = found.averages.unwrap().unwrap();
    assert_eq!(averages.iter().map(|curve| curve.level.as_str()).collect::<Vec<_>>(), ["0", "1"]);
    for (average, curve) in averages.iter().zip(&found.curves) {
        let at = curve.prediction.as_ref().unwrap().at_times[0];
        let (survival, error) = (at.survival.unwrap(), at.standard_error.unwrap());
        let average = &average.at_times[0];
        let got = [average.survival.unwrap(), average.standard_error.unwrap()];
        assert_close(&got, &[survival, survival * error]);
        let limits = [average.interval.lower.unwrap(), average.interval.upper.unwrap()];
        assert_close(&limits, &[at.interval.lower.unwrap(), at.interval.upper.unwrap()]);
    }
    let difference = averages[1].at_times[0].difference.unwrap();
    let [none, exposed] = [0, 1].map(|level: usize| averages[level].at_times[0].survival.unwrap());
    assert_close(&[difference], &[exposed - none]);
    assert_eq!(averages[0].at_times[0].difference, Ok(0.0));
}

#[test]
fn profiles_that_do_not_fit_are_named() {
    let cohort = test_data_1();
    let factor = CoxQuery { terms: vec![Term::factor("x")], ..model(Ties::Efron) };
    let refused = |query: &CoxQuery, columns: Vec<Column>| {
        let profiles = Cohort::new(None, columns).unwrap();
        let query = PredictionQuery::new(query.clone());
        predict(&cohort, &Selection::all(&cohort), &profiles, &query).unwrap_err()
    };
    let without = refused(&factor, vec![Column::numeric("y", vec![1.0])]);
    let unknown = CohortError::UnknownColumn { column: "x".into() };
    assert_eq!(without, CoxError::Profiles(unknown));
    let foreign = refused(&factor, vec![Column::numeric("x", vec![1.0, 3.0])]);
    let level = CohortError::ForeignLevel { column: "x".into(), row: 1 };
    assert_eq!(foreign, CoxError::Profiles(level));
    let missing = Column::numeric("x", vec![1.0]).with_missing(vec![0]);
    let cell = CohortError::Missing { column: "x".into(), count: 1, row: 0 };
    assert_eq!(refused(&model(Ties::Efron), vec![missing]), CoxError::Profiles(cell));
}

/// A level that nobody has cannot be predicted; the others can.
#[test]
fn an_empty_level_has_no_curve() {
    let levels = ["0", "1", "2"].map(String::from).to_vec();
    let codes = vec![1, 1, 1, 0, 0, 0];
    let mut cohort = test_data_1();
    cohort.push(Column::categorical("g", levels.clone(), codes)).unwrap();
    let query = CoxQuery { terms: vec![Term::factor("g")], ..model(Ties::Efron) };
    let column = Column::categorical("g", levels, vec![1, 2]);
    let profiles = Cohort::new(None, vec![column]).unwrap();
    let query = PredictionQuery::new(query);
    let found = predict(&cohort, &Selection::all(&cohort), &profiles, &query).unwrap();
    assert!(found.curves[0].prediction.is_ok());
    assert_eq!(found.curves[1].prediction, Err(NotEstimable::EmptyLevel));
}

/// Penalised models are not at the maxima of their likelihoods.
#[test]
fn penalised_intervals_have_no_likelihood_ratio() {
    let columns = vec![
        Column::numeric("time", (1..=8).map(f64::from).collect()),
        Column::numeric("event", vec![1.0; 8]),
        Column::numeric("x", vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let test = |penalty: Penalty| {
        let mut model = model(Ties::Efron);
        model.options.penalty = penalty;
        let query = PiecewiseQuery { model, cuts: vec![4.0], terms: Vec::new() };
        let found = piecewise(&cohort, &Selection::all(&cohort), &query).unwrap();
        found.likelihood_ratio_test
    };
    assert!(test(Penalty::None).p_value.is_ok());
    for penalty in [Penalty::Firth, Penalty::Ridge(1.0)] {
        assert_eq!(test(penalty), TestResult::none(NotEstimable::NotDefined, 1));
    }
}

/// Whoever outlives a cut point is a cohort of its own after it.
#[test]
fn intervals_are_fitted_by_themselves() {
    let columns = vec![
        Column::numeric("time", (1..=8).map(f64::from).collect()),
        Column::numeric("event", vec![1.0; 8]),
        Column::numeric("x", vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let all = Selection::all(&cohort);
    let query =
        |cuts: Vec<f64>| PiecewiseQuery { model: model(Ties::Efron), cuts, terms: Vec::new() };
    let found = piecewise(&cohort, &all, &query(vec![4.0, 20.0])).unwrap();
    let [early, late, after] = &found.intervals[..] else { panic!("three intervals") };
    assert_eq!((early.n, early.n_events, early.until), (8, 4, Some(4.0)));
    assert_eq!((late.n, late.n_events, late.after), (4, 4, 4.0));
    assert_eq!((after.n, after.until), (0, None));
    assert_eq!(after.coefficients, Err(NotEstimable::NoEvents));
    // After 4 the rest of the subjects are a cohort of their own.
    let rest = all.filter(|row| row >= 4);
    let alone = cox::cox(&cohort, &rest, &model(Ties::Efron)).unwrap();
    let of = |interval: &cox::PiecewiseInterval| interval.coefficients.as_ref().unwrap()[0].clone();
    assert_close(&[of(late).estimate.unwrap()], &[alone.coefficients[0].estimate.unwrap()]);
    // Two coefficients of independent intervals: z² of their difference.
    let (a, b) = (of(early), of(late));
    let difference = a.estimate.unwrap() - b.estimate.unwrap();
    let variance = a.standard_error.unwrap().powi(2) + b.standard_error.unwrap().powi(2);
    let test = &found.equality_tests[0].test;
    assert_eq!(test.degrees_of_freedom, 1);
    assert_close(&[test.chi_squared.unwrap()], &[difference * difference / variance]);
    assert_eq!(of(early).name, "x until 4");
    assert_eq!(of(late).name, "x after 4 until 20");
    let gain = found.changing.log_likelihood - found.constant.log_likelihood;
    assert_close(&[found.likelihood_ratio_test.chi_squared.unwrap()], &[2.0 * gain]);
    let refused = piecewise(&cohort, &all, &query(vec![4.0, 4.0]));
    assert_eq!(refused, Err(CoxError::InvalidCuts));
    let unknown = PiecewiseQuery { terms: vec!["z".into()], ..query(vec![4.0]) };
    let refused = piecewise(&cohort, &all, &unknown);
    assert_eq!(refused, Err(CoxError::UnknownTerm { term: "z".into() }));
}

/// The parts of a coefficient that has profile limits have them as well.
#[test]
fn limits_of_a_changing_coefficient_are_those_of_its_parts() {
    let columns = vec![
        Column::numeric("time", (1..=12).map(f64::from).collect()),
        Column::numeric("event", vec![1.0; 12]),
        Column::numeric("x", [1.0, 0.0, 1.0, 0.0, 0.0, 1.0].repeat(2)),
        Column::numeric("z", (0..12).map(|i| f64::from(i * 5 % 12)).collect()),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let all = Selection::all(&cohort);
    let mut model = model(Ties::Efron);
    model.terms = ["x", "z"].map(Term::linear).to_vec();
    model.profile_limits = ProfileLimits::Of(vec!["x".into()]);
    model.term_likelihood_ratios = true;
    let query = PiecewiseQuery { model, cuts: vec![6.0], terms: vec!["x".into()] };
    let found = piecewise(&cohort, &all, &query).unwrap();
    let with_limits = |fit: &cox::CoxFit| -> Vec<String> {
        let own = fit.coefficients.iter().filter(|coefficient| coefficient.profile.is_some());
        own.map(|coefficient| coefficient.name.clone()).collect()
    };
    assert_eq!(with_limits(&found.constant), ["x"]);
    assert_eq!(with_limits(&found.changing), ["x until 6", "x after 6"]);
    let profile = found.intervals[0].coefficients.as_ref().unwrap()[0].profile.unwrap();
    assert!(profile.interval.lower.unwrap() < profile.interval.upper.unwrap());
    // Both parts of `x` leave together.
    let tests = &found.changing.term_likelihood_ratio_tests;
    let df: Vec<usize> = tests.iter().map(|test| test.test.degrees_of_freedom).collect();
    assert_eq!(df, [2, 1]);
}

/// Nothing is printed where there is no maximum, and a number with two values is a straight line.
#[test]
fn reasons_take_the_place_of_what_cannot_be_said() {
    let columns = vec![
        Column::numeric("time", vec![1.0, 2.0, 3.0, 4.0]),
        Column::numeric("event", vec![1.0, 1.0, 1.0, 0.0]),
        Column::numeric("x", vec![9.0, 5.0, 4.0, 1.0]),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let query = DiagnosticsQuery {
        residuals: vec![ResidualKind::Dfbeta],
        over_time: Some(SmoothOptions::default()),
        influence: Some(InfluenceOptions::default()),
        ..DiagnosticsQuery::new(model(Ties::Efron))
    };
    let found = diagnose(&cohort, &Selection::all(&cohort), &query).unwrap();
    assert_eq!(found.residuals.unwrap().err(), Some(NotEstimable::Monotone));
    assert_eq!(found.over_time.unwrap().err(), Some(NotEstimable::Monotone));
    assert_eq!(found.influence.unwrap().err(), Some(NotEstimable::Monotone));
    let cohort = test_data_1();
    let query = DiagnosticsQuery {
        linearity: Some(LinearityOptions::default()),
        ..DiagnosticsQuery::new(model(Ties::Efron))
    };
    let found = diagnose(&cohort, &Selection::all(&cohort), &query).unwrap();
    let linearity = &found.linearity[0];
    assert_eq!(linearity.likelihood_ratio_test.p_value, Err(NotEstimable::TooFewValues));
    let residuals = linearity.residuals.as_ref().unwrap();
    // Without its only term the model expects the hazard of everybody: 1/6 by the first death.
    let martingale = &residuals.martingale;
    assert_close(&martingale[..2], &[1.0 - 1.0 / 6.0, -1.0 / 6.0]);
    // The curve is the line through the means of both values.
    let curve = &residuals.smooth.as_ref().unwrap().value;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / 3.0;
    assert_close(&[curve[0], curve[39]], &[mean(&martingale[3..]), mean(&martingale[..3])]);
}
