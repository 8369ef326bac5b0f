//! The log-rank family.

use super::words;
use crate::case::Case;
use crate::json::{estimate, list};
use crate::sample::Sample;
use cohort::Selection;
use serde_json::{Map, Value, json};
use survival::{Comparison, ComparisonQuery, TestWeights, compare};

pub fn answer(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let query = ComparisonQuery {
        endpoint: sample.add_endpoint(&case.input),
        group: sample.add_group(&case.input).expect("a comparison has groups"),
        strata: sample.add_all(&case.input["strata"]),
        weights: TestWeights::LogRank,
    };
    let selection = sample.complete();
    let run = |weights| compare_by(&sample, &selection, &query, weights);
    let plain = run(TestWeights::LogRank)?;

    let mut fields = Map::new();
    fields.insert("n_used".into(), json!(selection.len()));
    fields.insert("n_dropped_missing".into(), json!(sample.table.len() - selection.len()));
    for (name, rho) in [("0", 0.0), ("1", 1.0), ("0.5", 0.5)] {
        let weights = match rho {
            0.0 => TestWeights::LogRank,
            p => TestWeights::FlemingHarrington { p, q: 0.0 },
        };
        fields.insert(format!("survdiff_rho_{name}"), survdiff(rho, &run(weights)?));
    }
    let mut tests = Map::new();
    for name in case.expect["tests"].as_object().into_iter().flat_map(Map::keys) {
        if let Some(weights) = weights(name) {
            tests.insert(name.clone(), weighted(&plain, &run(weights)?));
        }
    }
    fields.insert("tests".into(), Value::Object(tests));
    Ok(Value::Object(fields))
}

fn compare_by(
    sample: &Sample,
    selection: &Selection,
    query: &ComparisonQuery,
    weights: TestWeights,
) -> Result<Comparison, String> {
    let query = ComparisonQuery { weights, ..query.clone() };
    compare(&sample.cohort, selection, &query).map_err(words)
}

/// The weights by the name of the test; none for a test that has no query.
fn weights(name: &str) -> Option<TestWeights> {
    match name {
        "logrank" => Some(TestWeights::LogRank),
        "gehan_breslow" => Some(TestWeights::GehanBreslow),
        "tarone_ware" => Some(TestWeights::TaroneWare),
        "peto_peto" => Some(TestWeights::PetoPeto),
        "modified_peto_peto" => Some(TestWeights::ModifiedPetoPeto),
        "peto_km_left" => Some(TestWeights::FlemingHarrington { p: 1.0, q: 0.0 }),
        _ => {
            let (p, q) = name.strip_prefix("fleming_harrington_")?.split_once('_')?;
            Some(TestWeights::FlemingHarrington { p: p.parse().ok()?, q: q.parse().ok()? })
        }
    }
}

fn survdiff(rho: f64, comparison: &Comparison) -> Value {
    let mut fields = statistic(comparison);
    fields.insert("rho".into(), json!(rho));
    fields.insert("observed".into(), list(&comparison.groups, |group| json!(group.observed)));
    fields.insert("expected".into(), list(&comparison.groups, |group| json!(group.expected)));
    Value::Object(fields)
}

fn weighted(plain: &Comparison, weighted: &Comparison) -> Value {
    let mut fields = statistic(weighted);
    let mut insert = |name: &str, value: Value| fields.insert(name.into(), value);
    insert("groups", list(&weighted.groups, |group| json!(group.group)));
    insert("observed", list(&plain.groups, |group| json!(group.observed)));
    insert("expected", list(&plain.groups, |group| json!(group.expected)));
    insert("weighted_observed", list(&weighted.groups, |group| json!(group.observed)));
    insert("weighted_expected", list(&weighted.groups, |group| json!(group.expected)));
    let difference = list(&weighted.groups, |group| json!(group.observed - group.expected));
    insert("weighted_o_minus_e", difference);
    Value::Object(fields)
}

fn statistic(comparison: &Comparison) -> Map<String, Value> {
    let fields = [
        ("n", list(&comparison.groups, |group| json!(group.n))),
        ("variance", json!(comparison.variance)),
        ("chisq", estimate(&comparison.chi_squared)),
        ("df", json!(comparison.degrees_of_freedom)),
        ("p", estimate(&comparison.p_value)),
        ("log_p", estimate(&comparison.ln_p_value)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}
