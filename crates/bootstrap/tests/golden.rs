//! Interval arithmetic against `boot.ci` of `boot` in R, on the replicates, variances and influences of
//! the golden files. That the same replicates come out of the same rows is tested where estimators and
//! bootstrap meet, in `tests/tests/golden`.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use bootstrap::{BootstrapLimits, Method, acceleration, limits, summary};
use cohort::{Estimate, Replicated};
use serde_json::Value;
use std::path::Path;

const CASES: [&str; 5] = [
    "adv_last_event_median_tiny",
    "gbsg_median_hormon0",
    "lung_log_hr_sex",
    "lung_median",
    "lung_rmst_difference_365_sex",
];

struct Case {
    expect: Value,
    estimate: Replicated,
    replicates: Vec<Replicated>,
    influence: Vec<f64>,
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .map(|list| list.iter().map(|n| n.as_f64().unwrap()).collect())
        .unwrap_or_default()
}

fn case(name: &str) -> Case {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/expected/bootstrap");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    let expect = serde_json::from_str::<Value>(&text).unwrap()["expect"].take();
    let variances = numbers(&expect["t_variance"]);
    let replicates = numbers(&expect["t"]).into_iter().enumerate();
    Case {
        estimate: Replicated {
            value: Ok(expect["t0"].as_f64().unwrap()),
            variance: expect["t0_variance"].as_f64(),
        },
        replicates: replicates
            .map(|(k, value)| Replicated { value: Ok(value), variance: variances.get(k).copied() })
            .collect(),
        influence: numbers(&expect["jackknife_influence"]),
        expect,
    }
}

fn close(got: f64, want: f64) -> bool {
    (got - want).abs() <= 1e-9 + 1e-11 * want.abs()
}

/// The limits are those of the file, or both have none.
fn check(got: &BootstrapLimits, want: &Value, what: &str) {
    let got = [got.interval.lower, got.interval.upper];
    let want = numbers(want);
    if want.is_empty() {
        assert!(got.iter().all(Result::is_err), "{what}: {got:?}");
        return;
    }
    for (got, want) in got.into_iter().zip(want) {
        assert!(close(got.unwrap(), want), "{what}: {got:?} instead of {want}");
    }
}

#[test]
fn intervals_are_those_of_r() {
    for name in CASES {
        let case = case(name);
        let a = acceleration(&case.influence);
        let compare = |n: usize, confidence: f64, want: &Value| {
            let of =
                |method| limits(case.estimate, &case.replicates[..n], method, confidence).unwrap();
            for (field, method) in [
                ("percentile", Method::Percentile),
                ("basic", Method::Basic),
                ("bca_jackknife", Method::Bca { acceleration: a }),
                ("studentized", Method::Studentized),
                ("normal_bootstrap_sd", Method::Normal),
            ] {
                if let Some(want) = want.get(field) {
                    check(&of(method), want, &format!("{name}, {n}, {confidence}, {field}"));
                }
            }
        };
        compare(200, 0.95, &case.expect["full"]["conf_0.95"]);
        compare(200, 0.9, &case.expect["full"]["conf_0.9"]);
        compare(199, 0.95, &case.expect["first_199"]);
    }
}

#[test]
fn bias_and_corrections_are_those_of_r() {
    for name in CASES {
        let case = case(name);
        let full = &case.expect["full"];
        let summary = summary(case.estimate.value, &case.replicates);
        let a = acceleration(&case.influence);
        let same = |got: Estimate, field: &str| {
            let want = full[field].as_f64();
            assert!(
                got.ok()
                    .zip(want)
                    .map_or(got.is_err() && want.is_none(), |(got, want)| close(got, want)),
                "{name}, {field}: {got:?} instead of {want:?}"
            );
        };
        same(summary.bias, "bias");
        same(summary.standard_error, "sd");
        same(a, "acceleration_jackknife");
        same(summary.bias_correction, "z0");
    }
}
