//! Matched sets: nearest neighbours, optimal pairs, classes.

use super::words;
use crate::case::Case;
use crate::json::{estimate, list, numbers, text, texts};
use crate::sample::Sample;
use cohort::{Column, NotEstimable, Selection, Term};
use matching::{
    Caliper, CaliperScale, Coarsening, Discard, Distance, Estimand, MatchOrder, MatchQuery,
    MatchedSample, Method, NearestOptions, OptimalOptions, Ratio, SubclassOptions, match_pairs,
};
use propensity::{Level, LogisticQuery, PropensityScores, propensity};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Name of the column that takes the score.
const SCORE: &str = "score";

pub fn answer(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let treatment = sample.add_all(&case.input["treatment"]).remove(0);
    sample.add_all(&case.input["exact"]);
    sample.add_all(&case.input["mahvars"]);
    let terms = sample.add_covariates(&case.input["covariates"]);
    sample.add_all(&case.input["distance_column"]);
    let everybody = sample.complete();
    let query = query(case, treatment, &terms)?;
    let scored = scored(case, &sample, &everybody, &query, terms)?;
    let of = |score: Option<&[f64]>| matched(&sample, &scored.selection, score, &scored.query);
    let mut matched = of(scored.score.as_deref())?;
    if let (Some(_), true) = (&scored.score, case.expect.get("pairs").is_some()) {
        // The scores of the file must give its pairs, and those of the model the same: only the
        // order of one's partners may turn where two distances differ in their last bit.
        let fed = of(Some(&numbers(&case.expect["distance"])))?;
        if sorted_pairs(&fed) != sorted_pairs(&matched) {
            return Err("the scores of the file give other pairs than those of the model".into());
        }
        matched = fed;
    }
    let mut fields = lay_out(case, &sample, &everybody, &scored, &matched);
    if case.expect.get("balance_all").is_some() {
        (fields["balance_all"], fields["balance_matched"]) = super::balance::tables(case)?;
    }
    Ok(fields)
}

/// Who is matched on which score.
struct Scored {
    query: MatchQuery,
    selection: Selection,
    /// Rows that are set aside before the score is estimated anew.
    discarded: Vec<usize>,
    /// One per row of the cohort, where distances or classes go by a score.
    score: Option<Vec<f64>>,
    probability: Option<Vec<f64>>,
}

fn scored(
    case: &Case,
    sample: &Sample,
    everybody: &Selection,
    query: &MatchQuery,
    terms: Vec<Term>,
) -> Result<Scored, String> {
    let mut scored = Scored {
        query: query.clone(),
        selection: everybody.clone(),
        discarded: Vec::new(),
        score: None,
        probability: None,
    };
    if query.score.is_none() {
        return Ok(scored);
    }
    if let Some(source) = case.input["score_from"].as_str() {
        let source = Case::read(source.trim_start_matches("expect.distance of "));
        scored.score = Some(numbers(&source.expect["distance"]));
        return Ok(scored);
    }
    if case.has("distance_column") {
        let column = text(&case.input["distance_column"]);
        scored.score = Some(sample.cohort.numeric(&column, everybody).map_err(words)?);
        return Ok(scored);
    }
    let on_logit = case.input["distance"] == "logit";
    let of_model = |model: &PropensityScores| {
        if on_logit { model.linear_predictor.clone() } else { model.probability.clone() }
    };
    let model = fit(sample, everybody, query, terms.clone())?;
    let mut score = of_model(&model);
    let mut probability = model.probability.clone();
    if case.input["reestimate"] == true {
        let first = matched(sample, everybody, Some(&score), query)?;
        scored.selection = everybody.filter(|row| !first.discarded.contains(&row));
        scored.query.discard = Discard::None;
        scored.discarded = first.discarded;
        let model = fit(sample, &scored.selection, query, terms)?;
        for ((&row, anew), p) in
            scored.selection.rows().iter().zip(of_model(&model)).zip(&model.probability)
        {
            score[row] = anew;
            probability[row] = *p;
        }
    }
    scored.score = Some(score);
    scored.probability = Some(probability);
    Ok(scored)
}

fn fit(
    sample: &Sample,
    selection: &Selection,
    query: &MatchQuery,
    terms: Vec<Term>,
) -> Result<PropensityScores, String> {
    let outcome = Level { column: query.exposure.clone(), level: "1".into() };
    let query = LogisticQuery::new(outcome, terms);
    propensity(&sample.cohort, selection, &query).map_err(words)
}

fn query(case: &Case, treatment: String, terms: &[Term]) -> Result<MatchQuery, String> {
    let input = &case.input;
    let on_covariates = input["distance"] == "mahalanobis";
    let method = method(input)?;
    let has_score = !on_covariates && !matches!(method, Method::Exact | Method::Coarsened(_));
    let exact = match method {
        Method::Exact => columns(terms),
        _ => texts(&input["exact"]),
    };
    Ok(MatchQuery {
        estimand: match input["estimand"].as_str() {
            Some("ATC") => Estimand::Atc,
            Some("ATE") => Estimand::Ate,
            _ => Estimand::Att,
        },
        covariates: match &method {
            Method::Coarsened(_) => columns(terms),
            Method::Nearest(options) if options.distance == Distance::Mahalanobis => {
                let named = texts(&input["mahvars"]);
                if named.is_empty() { columns(terms) } else { named }
            }
            _ => Vec::new(),
        },
        method,
        score: has_score.then(|| SCORE.to_string()),
        caliper: caliper(input),
        exact,
        discard: match input["discard"].as_str() {
            Some("both") => Discard::Both,
            Some("control") => Discard::Comparators,
            Some("treated") => Discard::Exposed,
            _ => Discard::None,
        },
        ..MatchQuery::nearest(treatment, "1", SCORE)
    })
}

fn columns(terms: &[Term]) -> Vec<String> {
    terms.iter().flat_map(Term::columns).map(String::from).collect()
}

fn method(input: &Value) -> Result<Method, String> {
    let by_covariates = input["distance"] == "mahalanobis" || input.get("mahvars").is_some();
    let ratio = input["ratio"].as_u64().unwrap_or(1) as usize;
    Ok(match input["method"].as_str() {
        Some("nearest") => Method::Nearest(NearestOptions {
            distance: if by_covariates { Distance::Mahalanobis } else { Distance::Score },
            order: match input["m_order"].as_str() {
                Some("largest") => Some(MatchOrder::Largest),
                Some("smallest") => Some(MatchOrder::Smallest),
                Some("data") => Some(MatchOrder::Data),
                _ => None,
            },
            ratio: Ratio::Fixed(ratio),
            replacement: input["replace"] == true,
            ..NearestOptions::default()
        }),
        Some("optimal") => Method::Optimal(OptimalOptions { ratio, ..OptimalOptions::default() }),
        Some("subclass") => Method::Subclass(SubclassOptions {
            n_subclasses: input["n_subclass"].as_u64().unwrap_or(6) as usize,
            ..SubclassOptions::default()
        }),
        Some("cem") => Method::Coarsened(coarsening(input)),
        Some("exact") => Method::Exact,
        other => return Err(format!("unknown method {other:?}")),
    })
}

fn coarsening(input: &Value) -> Vec<Coarsening> {
    let rule = |covariate: &Value| match &input["cutpoints"][text(&covariate["column"])] {
        Value::Array(_) => {
            Coarsening::Cuts(numbers(&input["cutpoints"][text(&covariate["column"])]))
        }
        Value::Number(bins) => Coarsening::Bins(bins.as_u64().unwrap_or(0) as usize),
        Value::String(name) => {
            Coarsening::Quantiles(name.trim_start_matches('q').parse().unwrap_or(0))
        }
        _ => Coarsening::Sturges,
    };
    input["covariates"].as_array().into_iter().flatten().map(rule).collect()
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
    scores: Option<&[f64]>,
    query: &MatchQuery,
) -> Result<MatchedSample, String> {
    let mut cohort = sample.cohort.clone();
    if let Some(scores) = scores {
        cohort.push(Column::numeric(SCORE, scores.to_vec())).map_err(words)?;
    }
    match_pairs(&cohort, selection, query).map_err(words)
}

fn sorted_pairs(matched: &MatchedSample) -> Vec<(usize, usize)> {
    let rows = |pair: &matching::Pair| (pair.exposed, pair.comparator);
    let mut pairs: Vec<_> = matched.pairs.iter().map(rows).collect();
    pairs.sort_unstable();
    pairs
}

/// The pairs by id, the focal member first.
fn pairs(case: &Case, sample: &Sample, matched: &MatchedSample) -> Value {
    let ids = ids(case, sample);
    list(&matched.pairs, |pair| match case.input["estimand"].as_str() {
        Some("ATC") => json!([ids[pair.comparator], ids[pair.exposed]]),
        _ => json!([ids[pair.exposed], ids[pair.comparator]]),
    })
}

fn ids<'a>(case: &Case, sample: &'a Sample) -> Vec<&'a str> {
    sample.table.column(case.input["id"].as_str().unwrap_or("id"))
}

fn lay_out(
    case: &Case,
    sample: &Sample,
    everybody: &Selection,
    scored: &Scored,
    matched: &MatchedSample,
) -> Value {
    let ids = ids(case, sample);
    let by_id = |rows: &[usize]| list(rows, |&row| json!(ids[row]));
    let rows = everybody.rows();
    let outcome = Outcome::new(sample, everybody, scored, matched);
    let certificate = &matched.certificate;
    let caliper = estimate(&certificate.caliper.ok_or(NotEstimable::NotDefined));
    let is_optimal = case.input["method"] == "optimal";
    let distances = distances(scored, matched);
    let mut fields = json!({
        "n_treated": outcome.count(|_| true, true),
        "n_control": outcome.count(|_| true, false),
        "n_dropped_missing": sample.table.len() - everybody.len(),
        "discarded": by_id(&outcome.discarded),
        "n_pairs": matched.pairs.len(),
        "pairs": pairs(case, sample, matched),
        "pair_round": rounds(matched),
        "unmatched_treated": by_id(&outcome.unmatched(case.input["estimand"] != "ATC")),
        "weights_ids": by_id(rows),
        "weights": outcome.weights,
        "subclass_ids": by_id(rows),
        "subclass": partition(&case.expect["subclass"], &matched.subclass),
        "counts": outcome.counts(case),
        "caliper_absolute": if is_optimal { caliper } else { json!({"distance": caliper}) },
    });
    if let Some(score) = &scored.score {
        fields["distance_ids"] = by_id(rows);
        fields["distance"] = json!(score);
        fields["distance_sd"] = estimate(&certificate.score_sd);
        fields["total_absolute_distance"] = json!(distances.iter().sum::<f64>());
        fields["max_absolute_distance"] = json!(distances.iter().copied().fold(f64::NAN, f64::max));
        fields["quantile_cuts"] = cuts(case, &outcome, score);
    }
    if let Some(probability) = &scored.probability {
        fields["propensity"] = json!(probability);
    }
    fields
}

/// Distances between scores; those of the sample itself may be between covariates.
fn distances(scored: &Scored, matched: &MatchedSample) -> Vec<f64> {
    let score = scored.score.as_deref().unwrap_or_default();
    let distance = |pair: &matching::Pair| (score[pair.exposed] - score[pair.comparator]).abs();
    if score.is_empty() { Vec::new() } else { matched.pairs.iter().map(distance).collect() }
}

/// In which round each pair was found.
fn rounds(matched: &MatchedSample) -> Vec<usize> {
    let mut rounds = Vec::new();
    for of_one in matched.pairs.chunk_by(|a, b| a.exposed == b.exposed) {
        rounds.extend(1..=of_one.len());
    }
    rounds
}

/// The quantiles at which classes of a score are cut.
fn cuts(case: &Case, outcome: &Outcome, score: &[f64]) -> Value {
    let Some(n) = case.input["n_subclass"].as_u64() else { return Value::Null };
    let everybody = case.input["estimand"] == "ATE";
    let mut cut: Vec<f64> = score
        .iter()
        .zip(&outcome.is_treated)
        .filter(|&(_, &treated)| treated || everybody)
        .map(|(&score, _)| score)
        .collect();
    cut.sort_by(f64::total_cmp);
    let quantile = |k| numerics::sum::quantile_type_7(&cut, k as f64 / n as f64);
    json!((0..=n).map(quantile).collect::<Vec<_>>())
}

/// Our classes under the labels of the file: each takes the label of its first member, unless another
/// class has it already.
fn partition(golden: &Value, classes: &[u32]) -> Value {
    let Some(golden) = golden.as_array() else { return Value::Null };
    let mut label_of: BTreeMap<u32, Value> = BTreeMap::new();
    for (class, label) in classes.iter().zip(golden) {
        if *class > 0 && !label_of.contains_key(class) {
            let is_taken = label_of.values().any(|known| known == label);
            let label = if is_taken { json!(-i64::from(*class)) } else { label.clone() };
            label_of.insert(*class, label);
        }
    }
    let label = |class: &u32| label_of.get(class).cloned().unwrap_or(Value::Null);
    list(classes, label)
}

/// What became of each row.
struct Outcome {
    is_treated: Vec<bool>,
    weights: Vec<f64>,
    discarded: Vec<usize>,
}

impl Outcome {
    fn new(
        sample: &Sample,
        everybody: &Selection,
        scored: &Scored,
        matched: &MatchedSample,
    ) -> Self {
        let treatment = &scored.query.exposure;
        let codes = sample.cohort.numeric(treatment, everybody).unwrap_or_default();
        let mut weights = vec![0.0; sample.table.len()];
        for (&row, weight) in scored.selection.rows().iter().zip(&matched.weights) {
            weights[row] = *weight;
        }
        let mut discarded = scored.discarded.clone();
        discarded.extend(&matched.discarded);
        Self { is_treated: codes.iter().map(|&code| code == 1.0).collect(), weights, discarded }
    }

    fn count(&self, of: impl Fn(usize) -> bool, treated: bool) -> usize {
        (0..self.weights.len()).filter(|&row| self.is_treated[row] == treated && of(row)).count()
    }

    /// Rows of an arm that are in no set.
    fn unmatched(&self, treated: bool) -> Vec<usize> {
        let is_out = |&row: &usize| self.is_treated[row] == treated && self.weights[row] == 0.0;
        (0..self.weights.len()).filter(is_out).collect()
    }

    fn counts(&self, case: &Case) -> Value {
        let both = |of: &dyn Fn(usize) -> bool| [self.count(of, false), self.count(of, true)];
        let is_discarded = |row: usize| self.discarded.contains(&row);
        let is_matched = |row: usize| self.weights[row] > 0.0;
        let effective = |treated: bool| {
            let of_arm = || (0..self.weights.len()).filter(|&row| self.is_treated[row] == treated);
            let total: f64 = of_arm().map(|row| self.weights[row]).sum();
            let squares: f64 = of_arm().map(|row| self.weights[row] * self.weights[row]).sum();
            total * total / squares
        };
        let all = both(&|_| true);
        json!({
            "rows": texts(&case.expect["counts"]["rows"]),
            "columns": ["Control", "Treated"],
            "values": [
                all,
                all,
                [effective(false), effective(true)],
                both(&is_matched),
                both(&|row| !is_matched(row) && !is_discarded(row)),
                both(&is_discarded),
            ],
        })
    }
}
