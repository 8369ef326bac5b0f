//! Logistic models and the scores they give.

use super::{nothing, words};
use crate::case::Case;
use crate::json::{estimate, list, text};
use crate::sample::{Reading, Sample};
use cohort::Estimate;
use propensity::{
    Level, LogisticCoefficient, LogisticOptions, LogisticQuery, PropensityScores, propensity,
};
use serde_json::{Value, json};

pub fn answer(case: &Case) -> Result<Value, String> {
    let is_penalised = case.expect.get("penalised_loglik").is_some();
    if is_penalised || case.has("weights") || case.has("link") {
        return Ok(nothing());
    }
    let mut sample = Sample::new(case);
    let column = text(&case.input["outcome"]);
    sample.add(&column, &Reading::Plain);
    let query = LogisticQuery {
        outcome: Level { column, level: "1".into() },
        terms: sample.add_covariates(&case.input["covariates"]),
        options: LogisticOptions::default(),
    };
    let selection = sample.complete();
    let scores = propensity(&sample.cohort, &selection, &query).map_err(words)?;
    let mut fields = model(&scores);
    fields["n_dropped_missing"] = json!(sample.table.len() - selection.len());
    fields["row"] = list(selection.rows(), |row| json!(row + 1));
    fields["fitted"] = json!(scores.probability);
    fields["linear_predictor"] = json!(scores.linear_predictor);
    Ok(fields)
}

/// The model; with single outcomes its likelihood follows from the deviance.
fn model(scores: &PropensityScores) -> Value {
    let fit = &scores.fit;
    let part = |part: fn(&LogisticCoefficient) -> Estimate| {
        list(&fit.coefficients, |coefficient| estimate(&part(coefficient)))
    };
    let rank = fit.coefficients.iter().filter(|coefficient| coefficient.estimate.is_ok()).count();
    json!({
        "n": fit.n,
        "n_events": fit.n_outcomes,
        "terms": list(&fit.coefficients, |coefficient| json!(coefficient.name)),
        "coef": part(|coefficient| coefficient.estimate),
        "se": part(|coefficient| coefficient.standard_error),
        "z": part(|coefficient| coefficient.z),
        "p": part(|coefficient| coefficient.p_value),
        "odds_ratio": part(|coefficient| coefficient.odds_ratio),
        "or_lower": part(|coefficient| coefficient.interval.lower),
        "or_upper": part(|coefficient| coefficient.interval.upper),
        "var": fit.covariance,
        "deviance": fit.deviance,
        "null_deviance": fit.null_deviance,
        "loglik": -fit.deviance / 2.0,
        "loglik_null": -fit.null_deviance / 2.0,
        "df_residual": fit.n - rank,
        "aic": fit.deviance + 2.0 * rank as f64,
        "auc": estimate(&scores.c_statistic),
    })
}
