//! E-values and the bounds of Rosenbaum.

use super::words;
use crate::case::Case;
use crate::json::{estimate, list, numbers, text};
use crate::sample::{Reading, Sample};
use cohort::Estimate;
use cox::{Outcome, e_value};
use hypothesis::{
    HiddenBias, HiddenBiasQuery, PairOutcome, hidden_bias, largest_sign_bias,
    largest_signed_rank_bias, sign_bounds, signed_rank, signed_rank_bounds,
};
use serde_json::{Value, json};
use survival::{ComparisonOptions, ComparisonQuery, compare};

pub fn answer(case: &Case) -> Result<Value, String> {
    match case.id.trim_start_matches("sensitivity/") {
        "evalue" => e_values(case),
        "rosenbaum_pairs_rotterdam" => follow_up(case),
        "rosenbaum_signed_rank_small" => ranks(case),
        _ => counts(case),
    }
}

fn e_values(case: &Case) -> Result<Value, String> {
    let rows = case.input["rows"].as_array().ok_or("the case has no rows")?;
    Ok(json!({"results": rows.iter().map(row).collect::<Vec<_>>()}))
}

/// A hazard ratio of a rare outcome, and so any ratio that stands for a risk ratio, is taken as it
/// is; the square root that a common outcome makes of an odds ratio is the caller's business.
fn row(row: &Value) -> Value {
    let measure = row["measure"].as_str().unwrap_or_default();
    let outcome = if measure == "hr_common" { Outcome::Common } else { Outcome::Rare };
    let ratio = |name: &str| {
        let ratio = row[name].as_f64();
        if measure == "or_common" { ratio.map(f64::sqrt) } else { ratio }
    };
    let risk_ratio = |name: &str| ratio(name).map(|ratio| outcome.risk_ratio(ratio));
    let estimate = ratio("estimate").unwrap_or(f64::NAN);
    let value = e_value(estimate, ratio("lower"), ratio("upper"), outcome);
    json!({
        "rr_estimate": risk_ratio("estimate"),
        "rr_lower": risk_ratio("lower"),
        "rr_upper": risk_ratio("upper"),
        "e_value": value.estimate,
        "e_value_limit": value.limit,
    })
}

fn bounds(bounds: &[Estimate<HiddenBias>]) -> Value {
    list(bounds, |bounds| {
        json!({
            "gamma": bounds.map(|bounds| bounds.gamma).ok(),
            "p_upper": estimate(&bounds.map(|bounds| bounds.p_upper)),
            "p_lower": estimate(&bounds.map(|bounds| bounds.p_lower)),
            "p_upper_normal_continuity": bounds.ok().and_then(|bounds| bounds.p_upper_normal),
        })
    })
}

/// Pairs that differ, and how many of them are successes.
fn counts(case: &Case) -> Result<Value, String> {
    let count = |name: &str| case.input[name].as_u64().map(|n| n as usize).ok_or("no counts");
    let (successes, discordant) = (count("successes")?, count("discordant_pairs")?);
    let gammas = numbers(&case.input["gammas"]);
    let found: Vec<_> =
        gammas.iter().map(|&gamma| sign_bounds(successes, discordant, gamma)).collect();
    let largest = |level| estimate(&largest_sign_bias(successes, discordant, level));
    Ok(json!({
        "bounds": bounds(&found),
        "gamma_at_one_sided_0.05": largest(0.05),
        "gamma_at_one_sided_0.025": largest(0.025),
    }))
}

fn ranks(case: &Case) -> Result<Value, String> {
    let (first, second) = (numbers(&case.input["x"]), numbers(&case.input["y"]));
    let pairs: Vec<(f64, f64)> = first.into_iter().zip(second).collect();
    let gammas = numbers(&case.input["gammas"]);
    let found: Vec<_> = gammas.iter().map(|&gamma| signed_rank_bounds(&pairs, gamma)).collect();
    let ranks = signed_rank(&pairs, hypothesis::Continuity::Uncorrected).map_err(words)?;
    Ok(json!({
        "t_statistic": ranks.v,
        "bounds": bounds(&found),
        "gamma_at_one_sided_0.05": estimate(&largest_signed_rank_bias(&pairs, 0.05)),
    }))
}

/// Pairs with follow-up. The finding is that the treated fail later, as more controls fail first.
fn follow_up(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let endpoint = sample.add_endpoint(&case.input);
    let [pair, treatment] = ["pair", "treatment"].map(|name| text(&case.input[name]));
    for name in [&pair, &treatment] {
        sample.add(name, &Reading::Plain);
    }
    let selection = sample.complete();
    let query = HiddenBiasQuery {
        exposure: treatment.clone(),
        exposed: "1".into(),
        pair: pair.clone(),
        outcome: PairOutcome::FollowUp(endpoint.clone()),
        exposed_fare_less: true,
        gammas: numbers(&case.input["gammas"]),
        level: 0.05,
    };
    let answer = hidden_bias(&sample.cohort, &selection, &query).map_err(words)?;
    let (one, other) = (answer.n_negative as f64, answer.n_positive as f64);
    let log_rank = ComparisonQuery {
        endpoint,
        group: treatment,
        strata: vec![pair],
        weights: None,
        options: ComparisonOptions::default(),
    };
    let log_rank = compare(&sample.cohort, &selection, &log_rank).map_err(words)?;
    Ok(json!({
        "treated_first": answer.n_negative,
        "control_first": answer.n_positive,
        "uninformative": answer.n_pairs - answer.n_negative - answer.n_positive,
        "bounds": bounds(&answer.bounds),
        "gamma_at_one_sided_0.05": estimate(&answer.largest_gamma),
        "stratified_logrank_chisq": estimate(&log_rank.chi_squared),
        "sign_chisq": (one - other) * (one - other) / (one + other),
    }))
}
