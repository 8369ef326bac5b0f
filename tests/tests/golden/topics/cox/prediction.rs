//! Baseline hazards and predicted curves of Cox models.

use crate::json::{estimate, list};
use crate::sample::Sample;
use crate::topics::words;
use cohort::{Cohort, Column, Selection};
use cox::{
    BaselineHazard, CoxQuery, PredictedAt, PredictedCurve, Prediction, PredictionQuery, predict,
};
use serde_json::{Map, Value, json};

/// The fields of a case that are read off predicted curves.
pub const FIELDS: [&str; 4] =
    ["baseline", "baseline_at_r_means_last", "predicted", "r_basehaz_uncentered_is_larger_by"];

/// These fields, the curves being those of the profiles and times of the input.
pub fn fields(
    sample: &Sample,
    selection: &Selection,
    query: &CoxQuery,
    input: &Value,
) -> Result<Map<String, Value>, String> {
    let times = input["predict_times"].as_array();
    let query = PredictionQuery {
        times: times.into_iter().flatten().filter_map(Value::as_f64).collect(),
        quantiles: vec![0.5],
        of_average_subject: true,
        ..PredictionQuery::new(query.clone())
    };
    let profiles = profiles(&input["predict"])?;
    let found = predict(&sample.cohort, selection, &profiles, &query).map_err(words)?;
    let (averages, predicted): (Vec<_>, Vec<_>) =
        found.curves.iter().partition(|curve| curve.profile.is_none());
    Ok(Map::from_iter([
        ("baseline".to_string(), baseline(&found)?),
        ("baseline_at_r_means_last".into(), last_hazard(averages.last())?),
        (
            "predicted".into(),
            Value::Array(
                predicted
                    .into_iter()
                    .map(|curve| self::predicted(curve, &input["predict"]))
                    .collect::<Result<_, String>>()?,
            ),
        ),
        ("r_basehaz_uncentered_is_larger_by".into(), json!(found.mean_offset.exp())),
    ]))
}

/// One row per entry, its columns as they stand in the file: numbers, or levels in words.
fn profiles(entries: &Value) -> Result<Cohort, String> {
    let Some(entries) = entries.as_array() else {
        return Cohort::new(None, Vec::new()).map_err(words);
    };
    let names = entries[0].as_object().into_iter().flat_map(|entry| entry.keys());
    let column = |name: &String| {
        let cells: Vec<&Value> = entries.iter().map(|entry| &entry[name]).collect();
        match cells.iter().map(|cell| cell.as_f64()).collect::<Option<Vec<f64>>>() {
            Some(numbers) => Column::numeric(name, numbers),
            None => {
                let mut levels: Vec<String> =
                    cells.iter().filter_map(|cell| cell.as_str()).map(String::from).collect();
                levels.sort();
                levels.dedup();
                let code = |cell: &&Value| levels.iter().position(|level| **cell == *level);
                let codes = cells.iter().filter_map(code).map(|code| code as u32).collect();
                Column::categorical(name, levels, codes)
            }
        }
    };
    Cohort::new(None, names.map(column).collect()).map_err(words)
}

fn baseline(found: &Prediction) -> Result<Value, String> {
    let strata = found.baseline.as_ref().map_err(words)?;
    let offset = if strata[0].stratum.is_empty() { ", offset 0" } else { "" };
    let at = format!("all covariates 0 / reference level{offset}");
    if let [one] = &strata[..]
        && one.stratum.is_empty()
    {
        return Ok(json!({"at": at, "time": one.time, "cumhaz": one.cumulative_hazard}));
    }
    let by_level: Map<String, Value> =
        strata.iter().map(|stratum| (stratum.stratum.join(", "), steps(stratum))).collect();
    Ok(json!({"at": at, "strata": by_level}))
}

fn steps(stratum: &BaselineHazard) -> Value {
    json!({"time": stratum.time, "cumhaz": stratum.cumulative_hazard})
}

fn last_hazard(curve: Option<&&PredictedCurve>) -> Result<Value, String> {
    let curve = curve.ok_or("there is no curve of the average subject")?;
    let prediction = curve.prediction.as_ref().map_err(words)?;
    let steps = prediction.curve.as_ref().ok_or("the curve is not given")?;
    Ok(json!(steps.cumulative_hazard.last()))
}

fn predicted(curve: &PredictedCurve, profiles: &Value) -> Result<Value, String> {
    let prediction = curve.prediction.as_ref().map_err(words)?;
    let part = |part: fn(&PredictedAt) -> cohort::Estimate| {
        list(&prediction.at_times, |at| estimate(&part(at)))
    };
    let median = &prediction.quantiles[0];
    Ok(json!({
        "covariates": profiles[curve.profile.unwrap_or_default()],
        "linear_predictor": prediction.linear_predictor,
        "times": list(&prediction.at_times, |at| json!(at.time)),
        "surv": part(|at| at.survival),
        "cumhaz": part(|at| at.cumulative_hazard),
        "se_cumhaz": part(|at| at.standard_error),
        "lower_log": part(|at| at.interval.lower),
        "upper_log": part(|at| at.interval.upper),
        "median": estimate(&median.value),
        "median_lower": estimate(&median.interval.lower),
        "median_upper": estimate(&median.interval.upper),
    }))
}
