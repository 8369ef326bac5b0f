//! Residuals of Cox models.

use crate::sample::Sample;
use crate::topics::words;
use cohort::Selection;
use cox::{CoxQuery, DiagnosticsQuery, ResidualKind, ResidualSeries, Residuals, diagnose};
use serde_json::{Map, Value, json};

const KINDS: [(&str, ResidualKind); 8] = [
    ("linear_predictor_centered", ResidualKind::LinearPredictor),
    ("martingale", ResidualKind::Martingale),
    ("deviance", ResidualKind::Deviance),
    ("score", ResidualKind::Score),
    ("dfbeta", ResidualKind::Dfbeta),
    ("dfbetas", ResidualKind::Dfbetas),
    ("schoenfeld", ResidualKind::Schoenfeld),
    ("scaled_schoenfeld", ResidualKind::ScaledSchoenfeld),
];

/// Residuals as the golden files lay them out: a row per subject or event where there is one number
/// per column.
pub fn residuals(
    sample: &Sample,
    selection: &Selection,
    query: &CoxQuery,
) -> Result<Value, String> {
    let kinds = KINDS.map(|(_, kind)| kind).to_vec();
    let query = DiagnosticsQuery { residuals: kinds, ..DiagnosticsQuery::new(query.clone()) };
    let found = diagnose(&sample.cohort, selection, &query).map_err(words)?;
    let residuals = found.residuals.ok_or("there are no residuals")?.map_err(words)?;
    let mut fields = Map::new();
    let rows: Vec<usize> = residuals.rows.iter().map(|row| row + 1).collect();
    fields.insert("row".into(), json!(rows));
    fields.insert("schoenfeld_time".into(), json!(residuals.event_times));
    for (name, kind) in KINDS {
        fields.insert(name.into(), values(&residuals, kind));
    }
    Ok(Value::Object(fields))
}

fn values(residuals: &Residuals, kind: ResidualKind) -> Value {
    let all = residuals.by_subject.iter().chain(&residuals.by_event);
    let series: Vec<&ResidualSeries> = all.filter(|series| series.kind == kind).collect();
    match series[..] {
        [one] if one.column.is_none() => json!(one.values),
        _ => {
            let row = |index: usize| series.iter().map(|one| one.values[index]).collect();
            let n = series.first().map_or(0, |one| one.values.len());
            json!((0..n).map(row).collect::<Vec<Vec<f64>>>())
        }
    }
}
