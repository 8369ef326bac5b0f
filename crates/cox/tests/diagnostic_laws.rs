//! What must hold of residuals and curves for any data.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, EndpointColumns, Selection, Term, WeightColumn, WeightKind};
use cox::{
    CoxOptions, CoxQuery, Diagnostics, DiagnosticsQuery, PiecewiseQuery, PredictionQuery,
    ResidualKind, Residuals, Ties, diagnose, piecewise, predict,
};
use proptest::prelude::*;

/// One row: entry, time after entry, event, stratum, `x`, `z`, case weight and patient.
#[derive(Clone, Copy, Debug)]
struct Row {
    entry: f64,
    length: f64,
    event: bool,
    stratum: u8,
    x: f64,
    z: f64,
    weight: f64,
    patient: usize,
}

/// Times on a grid, so that most events are tied.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (0..4u8, 1..6u8, any::<bool>(), 0..2u8, -30..30i32, 0..2u8, 1..9u8);
    let row = row.prop_map(|(entry, length, event, stratum, x, z, weight)| Row {
        entry: f64::from(entry),
        length: f64::from(length),
        event,
        stratum,
        x: f64::from(x) / 10.0,
        z: f64::from(z),
        weight: f64::from(weight) / 4.0,
        patient: 0,
    });
    proptest::collection::vec(row, 8..40)
        .prop_map(|mut rows| {
            rows.iter_mut().enumerate().for_each(|(index, row)| row.patient = index);
            rows
        })
        .prop_filter("an event is needed", |rows| rows.iter().any(|row| row.event))
}

fn cohort(rows: &[Row]) -> Cohort {
    let column = |name: &str, value: fn(&Row) -> f64| {
        Column::numeric(name, rows.iter().map(value).collect())
    };
    let columns = vec![
        column("entry", |row| row.entry),
        column("time", |row| row.entry + row.length),
        column("event", |row| f64::from(u8::from(row.event))),
        column("stratum", |row| f64::from(row.stratum)),
        column("x", |row| row.x),
        column("z", |row| row.z),
        column("weight", |row| row.weight),
        column("patient", |row| row.patient as f64),
    ];
    Cohort::new(None, columns).unwrap()
}

/// Late entry, strata and case weights at once.
fn model(ties: Ties) -> CoxQuery {
    let endpoint =
        EndpointColumns { entry: Some("entry".into()), ..EndpointColumns::new("time", "event") };
    CoxQuery {
        strata: vec!["stratum".into()],
        weights: Some(WeightColumn { column: "weight".into(), kind: WeightKind::Sampling }),
        options: CoxOptions { ties, ..CoxOptions::default() },
        ..CoxQuery::new(endpoint, vec![Term::linear("x"), Term::linear("z")])
    }
}

const KINDS: [ResidualKind; 7] = [
    ResidualKind::LinearPredictor,
    ResidualKind::Martingale,
    ResidualKind::Score,
    ResidualKind::Dfbeta,
    ResidualKind::Dfbetas,
    ResidualKind::Schoenfeld,
    ResidualKind::ScaledSchoenfeld,
];

fn found(rows: &[Row], ties: Ties) -> Diagnostics {
    let cohort = cohort(rows);
    let query = DiagnosticsQuery {
        residuals: KINDS.to_vec(),
        collapse: Some("patient".into()),
        ..DiagnosticsQuery::new(model(ties))
    };
    diagnose(&cohort, &Selection::all(&cohort), &query).unwrap()
}

/// Residuals, unless a coefficient is infinite, or risks are so far apart that rounding rules: what
/// a late entry has not lived through is taken from what everybody has.
fn residuals(rows: &[Row], ties: Ties) -> Option<Residuals> {
    let residuals = found(rows, ties).residuals?.ok()?;
    let predictor = values(&residuals, ResidualKind::LinearPredictor)[0].to_vec();
    let lowest = predictor.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = predictor.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (highest - lowest < 10.0).then_some(residuals)
}

/// Values of a kind, column by column.
fn values(residuals: &Residuals, kind: ResidualKind) -> Vec<&[f64]> {
    let all = residuals.by_subject.iter().chain(&residuals.by_event);
    all.filter(|series| series.kind == kind).map(|series| series.values.as_slice()).collect()
}

/// Checks a weighted sum against 0, beside the size of its terms.
fn assert_none(values: &[f64], weights: impl Iterator<Item = f64>) -> Result<(), TestCaseError> {
    let terms: Vec<f64> = values.iter().zip(weights).map(|(value, w)| w * value).collect();
    let size: f64 = terms.iter().map(|term| term.abs()).sum();
    let sum: f64 = terms.iter().sum();
    prop_assert!(sum.abs() <= 1e-8 * (1.0 + size), "{sum} of terms that have the size {size}");
    Ok(())
}

fn assert_same(got: &[f64], want: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        prop_assert!((got - want).abs() <= 1e-8 * (1.0 + want.abs()), "{got} instead of {want}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn residuals_add_up_to_0(rows in rows()) {
        for ties in [Ties::Efron, Ties::Breslow] {
            let Some(found) = residuals(&rows, ties) else { return Ok(()) };
            let [martingale] = values(&found, ResidualKind::Martingale)[..] else { panic!() };
            for stratum in 0..2 {
                let own = |row: &Row| if row.stratum == stratum { row.weight } else { 0.0 };
                assert_none(martingale, rows.iter().map(own))?;
            }
            for score in values(&found, ResidualKind::Score) {
                assert_none(score, rows.iter().map(|row| row.weight))?;
            }
            for dfbeta in values(&found, ResidualKind::Dfbeta) {
                assert_none(dfbeta, rows.iter().map(|_| 1.0))?;
            }
            let weights = || found.event_rows.iter().map(|&row| rows[row].weight);
            for schoenfeld in values(&found, ResidualKind::Schoenfeld) {
                assert_none(schoenfeld, weights())?;
            }
        }
    }

    #[test]
    fn scaled_schoenfeld_residuals_average_to_the_coefficients(rows in rows()) {
        let Some(residuals) = residuals(&rows, Ties::Efron) else { return Ok(()) };
        let coefficients = found(&rows, Ties::Efron).fit.coefficients;
        let coefficients = coefficients.iter().filter_map(|c| c.estimate.ok());
        let weights = || residuals.event_rows.iter().map(|&row| rows[row].weight);
        let scaled = values(&residuals, ResidualKind::ScaledSchoenfeld);
        for (scaled, beta) in scaled.into_iter().zip(coefficients) {
            let distances: Vec<f64> = scaled.iter().map(|value| value - beta).collect();
            assert_none(&distances, weights())?;
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(rows in rows()) {
        let reversed: Vec<Row> = rows.iter().rev().copied().collect();
        let (Some(a), Some(b)) = (residuals(&rows, Ties::Efron), residuals(&reversed, Ties::Efron))
        else {
            return Ok(());
        };
        for kind in [ResidualKind::Martingale, ResidualKind::Dfbetas] {
            for (a, b) in values(&a, kind).into_iter().zip(values(&b, kind)) {
                let back: Vec<f64> = b.iter().rev().copied().collect();
                assert_same(a, &back)?;
            }
        }
    }

    #[test]
    fn the_unit_of_a_covariate_cancels(rows in rows()) {
        let moved: Vec<Row> = rows.iter().map(|row| Row { x: 1e6 * row.x + 1e5, ..*row }).collect();
        let (Some(a), Some(b)) = (residuals(&rows, Ties::Efron), residuals(&moved, Ties::Efron))
        else {
            return Ok(());
        };
        for kind in [ResidualKind::Martingale, ResidualKind::Dfbetas] {
            for (a, b) in values(&a, kind).into_iter().zip(values(&b, kind)) {
                assert_same(a, b)?;
            }
        }
        let scores = [&a, &b].map(|found| values(found, ResidualKind::Score));
        if let [[a, _], [b, _]] = scores.each_ref().map(Vec::as_slice) {
            assert_same(&b.iter().map(|score| score / 1e6).collect::<Vec<_>>(), a)?;
        }
    }

    /// A patient who leaves and enters again at once is the same patient.
    #[test]
    fn splitting_a_row_changes_nothing(rows in rows(), at in 0.05..0.95f64) {
        let mut split = Vec::new();
        for row in &rows {
            let first = at * row.length;
            split.push(Row { length: first, event: false, ..*row });
            split.push(Row { entry: row.entry + first, length: row.length - first, ..*row });
        }
        for ties in [Ties::Efron, Ties::Breslow] {
            let (Some(whole), Some(parts)) = (residuals(&rows, ties), residuals(&split, ties)) else {
                return Ok(());
            };
            for kind in KINDS.into_iter().skip(1) {
                for (whole, parts) in values(&whole, kind).into_iter().zip(values(&parts, kind)) {
                    assert_same(parts, whole)?;
                }
            }
        }
    }

    /// What the model expects of a censored subject is its predicted cumulative hazard.
    #[test]
    fn residuals_are_events_less_predicted_hazards(rows in rows()) {
        let cohort = cohort(&rows);
        let from_start = |ties| {
            let model = model(ties);
            CoxQuery { endpoint: EndpointColumns::new("time", "event"), ..model }
        };
        for ties in [Ties::Efron, Ties::Breslow] {
            let all = Selection::all(&cohort);
            let query = DiagnosticsQuery {
                residuals: vec![ResidualKind::Martingale],
                ..DiagnosticsQuery::new(from_start(ties))
            };
            let found = diagnose(&cohort, &all, &query).unwrap();
            let Some(Ok(residuals)) = found.residuals else { return Ok(()) };
            let times = rows.iter().map(|row| row.entry + row.length).collect();
            let query = PredictionQuery { times, ..PredictionQuery::new(from_start(ties)) };
            let curves = predict(&cohort, &all, &cohort, &query).unwrap().curves;
            for (row, curve) in curves.iter().enumerate().filter(|(row, _)| !rows[*row].event) {
                let predicted = curve.prediction.as_ref().unwrap();
                let expected = predicted.at_times[row].cumulative_hazard.unwrap();
                assert_same(&[-residuals.by_subject[0].values[row]], &[expected])?;
                let steps = predicted.curve.as_ref().unwrap();
                prop_assert!(steps.survival.windows(2).all(|pair| pair[0] >= pair[1]));
                prop_assert!(steps.survival.iter().all(|survival| (0.0..=1.0).contains(survival)));
            }
        }
    }

    /// A cut point after everybody has gone cuts nothing.
    #[test]
    fn a_late_cut_point_is_none(rows in rows()) {
        let cohort = cohort(&rows);
        let query =
            PiecewiseQuery { model: model(Ties::Efron), cuts: vec![100.0], terms: Vec::new() };
        let found = piecewise(&cohort, &Selection::all(&cohort), &query).unwrap();
        for (a, b) in found.constant.coefficients.iter().zip(&found.changing.coefficients) {
            match (a.estimate, b.estimate) {
                (Ok(a), Ok(b)) => assert_same(&[b], &[a])?,
                (a, b) => prop_assert_eq!(a.is_err(), b.is_err()),
            }
        }
        let gain = found.changing.log_likelihood - found.constant.log_likelihood;
        prop_assert!(gain.abs() < 1e-5);
    }
}
