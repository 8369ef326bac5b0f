//! The log-rank family.

use super::words;
use crate::case::Case;
use crate::json::{estimate, list};
use crate::sample::Sample;
use cohort::{Estimate, Selection};
use numerics::multiplicity::Correction;
use serde_json::{Map, Value, json};
use survival::{
    Comparison, ComparisonOptions, ComparisonQuery, PairTest, PairsWithin, PairwiseQuery,
    TestWeights, TrendQuery, compare,
};

pub fn answer(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let query = ComparisonQuery {
        endpoint: sample.add_endpoint(&case.input),
        group: sample.add_group(&case.input).expect("a comparison has groups"),
        strata: sample.add_all(&case.input["strata"]),
        weights: None,
        options: ComparisonOptions::default(),
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
    if case.expect.get("trend").is_some() {
        fields.insert("trend".into(), trends(case, run)?);
    }
    for (name, within) in
        [("pairwise", PairsWithin::Pair), ("pairwise_pooled_variance", PairsWithin::AllGroups)]
    {
        if case.expect.get(name).is_some() {
            fields.insert(name.into(), pairwise(&sample, &selection, &query, within)?);
        }
    }
    Ok(Value::Object(fields))
}

/// The test for trend by each of the weights that the file has.
fn trends(
    case: &Case,
    run: impl Fn(TestWeights) -> Result<Comparison, String>,
) -> Result<Value, String> {
    let mut trends = Map::new();
    for name in case.expect["trend"].as_object().into_iter().flat_map(Map::keys) {
        let weights = weights(name).ok_or("a trend by unknown weights")?;
        let trend = run(weights)?.trend.ok_or("the trend is not answered")?;
        let (z, p_value) = (trend.test.z, trend.test.p_value);
        let fields = json!({
            "scores": trend.scores,
            "z": estimate(&z),
            "chisq": estimate(&square(z)),
            "p": estimate(&p_value),
        });
        trends.insert(name.clone(), fields);
    }
    Ok(Value::Object(trends))
}

/// The names of the corrections in the files.
const CORRECTIONS: [(&str, Correction); 4] = [
    ("p_holm", Correction::Holm),
    ("p_bh", Correction::BenjaminiHochberg),
    ("p_bonferroni", Correction::Bonferroni),
    ("p_hochberg", Correction::Hochberg),
];

/// All pairs by the log-rank test.
fn pairwise(
    sample: &Sample,
    selection: &Selection,
    query: &ComparisonQuery,
    within: PairsWithin,
) -> Result<Value, String> {
    let corrections = CORRECTIONS.map(|(_, correction)| correction).to_vec();
    let pairwise = Some(PairwiseQuery { within, corrections });
    let options = ComparisonOptions { pairwise, ..ComparisonOptions::default() };
    let query = ComparisonQuery { options, ..query.clone() };
    let pairs = compare(&sample.cohort, selection, &query).map_err(words)?.pairwise;
    let mut fields = json!({
        "pairs": list(&pairs, |pair| json!([pair.first.group, pair.second.group])),
        "chisq": list(&pairs, |pair| estimate(&square(pair.test.z))),
        "p_raw": list(&pairs, |pair| estimate(&pair.test.p_value)),
    });
    for (at, (name, _)) in CORRECTIONS.iter().enumerate() {
        let adjusted = |pair: &PairTest| estimate(&pair.adjusted[at].p_value);
        fields[*name] = list(&pairs, adjusted);
    }
    Ok(fields)
}

fn square(z: Estimate) -> Estimate {
    z.map(|z| z * z)
}

fn compare_by(
    sample: &Sample,
    selection: &Selection,
    query: &ComparisonQuery,
    weights: TestWeights,
) -> Result<Comparison, String> {
    let trend = Some(TrendQuery::default());
    let options = ComparisonOptions { weights, trend, ..ComparisonOptions::default() };
    let query = ComparisonQuery { options, ..query.clone() };
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
