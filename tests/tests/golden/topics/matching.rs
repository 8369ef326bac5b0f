//! Nearest-neighbour pairs without replacement.

use super::{nothing, words};
use crate::case::Case;
use crate::json::{estimate, list, numbers, texts};
use crate::sample::Sample;
use cohort::{Column, NotEstimable, Selection, Term};
use matching::{Caliper, CaliperScale, MatchOrder, MatchQuery, MatchedSample, match_pairs};
use propensity::{Level, LogisticQuery, PropensityScores, propensity};
use serde_json::{Value, json};

/// Name of the column that takes the score.
const SCORE: &str = "score";

pub fn answer(case: &Case) -> Result<Value, String> {
    let input = &case.input;
    let has_query = input["method"] == "nearest"
        && input["replace"] == false
        && input["ratio"] == 1
        && input["distance"] != "mahalanobis"
        && input["estimand"] != "ATC"
        && !case.has("discard")
        && !case.has("mahvars");
    if !has_query {
        return Ok(nothing());
    }
    let mut sample = Sample::new(case);
    let treatment = sample.add_all(&input["treatment"]).remove(0);
    let exact = sample.add_all(&input["exact"]);
    let terms = sample.add_covariates(&input["covariates"]);
    let score_column = sample.add_all(&input["distance_column"]);
    let selection = sample.complete();
    let model = match score_column.first() {
        Some(_) => None,
        None => Some(model(&sample, &selection, &treatment, terms)?),
    };
    let scores = match (&model, input["distance"].as_str()) {
        (Some(model), Some("logit")) => model.linear_predictor.clone(),
        (Some(model), Some("probability")) => model.probability.clone(),
        (None, _) => sample.cohort.numeric(&score_column[0], &selection).map_err(words)?,
        (_, other) => return Err(format!("unknown scale of the score {other:?}")),
    };
    let query = MatchQuery {
        exposure: treatment,
        exposed: "1".into(),
        distance: SCORE.into(),
        caliper: caliper(input),
        order: match input["m_order"].as_str() {
            Some("largest") => MatchOrder::Largest,
            Some("smallest") => MatchOrder::Smallest,
            Some("data") => MatchOrder::Data,
            other => return Err(format!("unknown order {other:?}")),
        },
        exact,
    };
    let matched = matched(&sample, &selection, &scores, &query)?;
    // The same pairs must come from the scores of the file, whatever the model made of them.
    let fed = self::matched(&sample, &selection, &numbers(&case.expect["distance"]), &query)?;
    let pairs = |matched: &MatchedSample| -> Vec<(usize, usize)> {
        matched.pairs.iter().map(|pair| (pair.exposed, pair.comparator)).collect()
    };
    if pairs(&fed) != pairs(&matched) {
        return Err("the scores of the file give other pairs than those of the model".into());
    }
    let mut fields = lay_out(case, &sample, &selection, &scores, &matched);
    if let Some(model) = model {
        fields["propensity"] = json!(model.probability);
    }
    Ok(fields)
}

fn model(
    sample: &Sample,
    selection: &Selection,
    treatment: &str,
    terms: Vec<Term>,
) -> Result<PropensityScores, String> {
    let outcome = Level { column: treatment.into(), level: "1".into() };
    let query = LogisticQuery::new(outcome, terms);
    propensity(&sample.cohort, selection, &query).map_err(words)
}

fn caliper(input: &Value) -> Option<Caliper> {
    let width = input["caliper"].as_f64()?;
    let is_standard = input["std_caliper"] == true;
    let scale = if is_standard { CaliperScale::StandardDeviations } else { CaliperScale::Raw };
    Some(Caliper { width, scale })
}

fn matched(
    sample: &Sample,
    selection: &Selection,
    scores: &[f64],
    query: &MatchQuery,
) -> Result<MatchedSample, String> {
    let mut cohort = sample.cohort.clone();
    let mut column = vec![0.0; cohort.len()];
    for (&row, &score) in selection.rows().iter().zip(scores) {
        column[row] = score;
    }
    cohort.push(Column::numeric(SCORE, column)).map_err(words)?;
    match_pairs(&cohort, selection, query).map_err(words)
}

fn lay_out(
    case: &Case,
    sample: &Sample,
    selection: &Selection,
    scores: &[f64],
    matched: &MatchedSample,
) -> Value {
    let ids = sample.table.column(case.input["id"].as_str().unwrap_or("id"));
    let id = |row: usize| json!(ids[row]);
    let selected = list(selection.rows(), |&row| id(row));
    let is_paired =
        |row: usize| matched.pairs.iter().any(|pair| pair.exposed == row || pair.comparator == row);
    let certificate = &matched.certificate;
    let (n_treated, n_control) = (certificate.n_exposed, certificate.n_comparators);
    let n_pairs = matched.pairs.len();
    json!({
        "n_treated": n_treated,
        "n_control": n_control,
        "n_dropped_missing": sample.table.len() - selection.len(),
        "distance_ids": selected,
        "distance": scores,
        "distance_sd": estimate(&certificate.score_sd),
        "caliper_absolute": {"distance": estimate(&certificate.caliper.ok_or(NotEstimable::NotDefined))},
        "discarded": [],
        "n_pairs": n_pairs,
        "pairs": list(&matched.pairs, |pair| json!([id(pair.exposed), id(pair.comparator)])),
        "unmatched_treated": list(&matched.unmatched_exposed, |&row| id(row)),
        "total_absolute_distance": certificate.total_distance,
        "max_absolute_distance": estimate(&certificate.largest_distance),
        "weights_ids": selected,
        "weights": list(selection.rows(), |&row| json!(u8::from(is_paired(row)))),
        "counts": {
            "rows": texts(&case.expect["counts"]["rows"]),
            "columns": ["Control", "Treated"],
            "values": [
                [n_control, n_treated],
                [n_control, n_treated],
                [n_pairs, n_pairs],
                [n_pairs, n_pairs],
                [n_control - n_pairs, matched.unmatched_exposed.len()],
                [0, 0],
            ],
        },
    })
}
