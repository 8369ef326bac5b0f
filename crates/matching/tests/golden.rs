//! Pairs that the golden files name, from the scores that they hold.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, Selection};
use matching::{
    Caliper, CaliperScale, Estimand, MatchOrder, MatchQuery, Method, NearestOptions, match_pairs,
};
use serde_json::Value;
use std::collections::BTreeMap;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");

/// The 1:1 nearest neighbour matchings without replacement.
const CASES: [&str; 17] = [
    "adv_more_treated",
    "adv_ps_ties_caliper_raw_0.1",
    "adv_ps_ties_data",
    "adv_ps_ties_largest",
    "adv_ps_ties_smallest",
    "lalonde_atc",
    "lalonde_caliper_logit",
    "lalonde_caliper_probability",
    "lalonde_caliper_raw",
    "lalonde_exact_race",
    "lalonde_exact_race_married_caliper",
    "lalonde_nearest_logit",
    "lalonde_nearest_probability_default",
    "lalonde_order_data",
    "lalonde_order_smallest",
    "rotterdam_exact_site",
    "rotterdam_flagship",
];

#[test]
fn pairs_are_those_of_the_golden_files() {
    for case in CASES {
        let text = std::fs::read_to_string(format!("{GOLDEN}/expected/matching/{case}.json"));
        check(case, &serde_json::from_str(&text.unwrap()).unwrap());
    }
}

fn check(case: &str, golden: &Value) {
    let (input, expect) = (&golden["input"], &golden["expect"]);
    let query = query(input);
    let columns = read_csv(input["data"].as_str().unwrap());
    let ids = &columns[input["id"].as_str().unwrap()];
    let score = expect["distance"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap());
    let mut cohort = Cohort::new(None, vec![Column::numeric("score", score.collect())]).unwrap();
    for name in query.exact.iter().chain([&query.exposure]) {
        let mut levels = columns[name].clone();
        levels.sort();
        levels.dedup();
        let code = |cell| levels.iter().position(|level| level == cell).unwrap() as u32;
        let codes = columns[name].iter().map(code).collect();
        cohort.push(Column::categorical(name, levels, codes)).unwrap();
    }

    let sample = match_pairs(&cohort, &Selection::all(&cohort), &query).unwrap();
    let id = |row: usize| Value::from(ids[row].as_str());
    let pairs: Vec<Value> = sample
        .pairs
        .iter()
        .map(|pair| match query.estimand {
            Estimand::Atc => Value::from(vec![id(pair.comparator), id(pair.exposed)]),
            _ => Value::from(vec![id(pair.exposed), id(pair.comparator)]),
        })
        .collect();
    assert_eq!(Value::from(pairs), expect["pairs"], "{case}");
    if query.estimand == Estimand::Att {
        let unmatched: Vec<Value> = sample.unmatched_exposed.iter().map(|&row| id(row)).collect();
        assert_eq!(Value::from(unmatched), expect["unmatched_treated"], "{case}");
    }

    let certificate = sample.certificate;
    let close = |got: f64, name: &str| {
        let want = expect[name].as_f64().unwrap();
        assert!((got - want).abs() <= 1e-12 * want, "{case} {name}: {got} instead of {want}");
    };
    close(certificate.score_sd.unwrap(), "distance_sd");
    close(certificate.total_distance, "total_absolute_distance");
    close(certificate.largest_distance.unwrap(), "max_absolute_distance");
}

fn query(input: &Value) -> MatchQuery {
    let caliper = input["caliper"].as_f64().map(|width| Caliper {
        width,
        scale: match input["std_caliper"].as_bool() {
            Some(false) => CaliperScale::Raw,
            _ => CaliperScale::StandardDeviations,
        },
    });
    let order = match input["m_order"].as_str() {
        Some("data") => Some(MatchOrder::Data),
        Some("smallest") => Some(MatchOrder::Smallest),
        _ => None,
    };
    let is_atc = input["estimand"] == "ATC";
    let exact = input["exact"].as_array().into_iter().flatten();
    MatchQuery {
        estimand: if is_atc { Estimand::Atc } else { Estimand::Att },
        method: Method::Nearest(NearestOptions { order, ..NearestOptions::default() }),
        caliper,
        exact: exact.map(|name| name.as_str().unwrap().into()).collect(),
        ..MatchQuery::nearest(input["treatment"].as_str().unwrap(), "1", "score")
    }
}

fn read_csv(dataset: &str) -> BTreeMap<String, Vec<String>> {
    let mut reader = csv::Reader::from_path(format!("{GOLDEN}/data/{dataset}.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let cells = |k: usize| records.iter().map(|record| record[k].to_string()).collect();
    header.iter().enumerate().map(|(k, name)| (name.to_string(), cells(k))).collect()
}
