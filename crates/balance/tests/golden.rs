//! Tables, tests and differences that the golden files name.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use balance::*;
use cohort::{Cohort, Column, Estimate, Selection};
use serde_json::Value;
use std::collections::BTreeMap;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");

fn read(case: &str) -> Value {
    let text = std::fs::read_to_string(format!("{GOLDEN}/expected/{case}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The file's own tolerance, which is the same for all these cases.
fn assert_close(got: Estimate, want: &Value, what: &str) {
    let (got, want) = (got.unwrap(), want.as_f64().unwrap());
    let allowed = 1e-12 + 1e-8 * want.abs();
    assert!((got - want).abs() <= allowed, "{what}: {got} instead of {want}");
}

fn read_csv(dataset: &str) -> BTreeMap<String, Vec<String>> {
    let mut reader = csv::Reader::from_path(format!("{GOLDEN}/data/{dataset}.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let cells = |k: usize| records.iter().map(|record| record[k].to_string()).collect();
    header.iter().enumerate().map(|(k, name)| (name.to_string(), cells(k))).collect()
}

fn numbers(cells: &[String]) -> Vec<f64> {
    cells.iter().map(|cell| cell.parse().unwrap()).collect()
}

#[test]
fn tables_of_counts() {
    let cases = "3x4_sparse lung_sex_ecog rotterdam_hormon_grade rotterdam_hormon_meno \
                 rotterdam_hormon_size small_zero tea yates_small_difference";
    for case in cases.split_whitespace() {
        let golden = read(&format!("hypothesis/table_{case}"));
        let counts: Vec<Vec<usize>> =
            serde_json::from_value(golden["input"]["table"].clone()).unwrap();
        let table = ContingencyTable::new(&counts).unwrap();
        let expect = &golden["expect"];
        let compare = |outcome: TestOutcome, want: &Value| {
            assert_close(outcome.statistic.unwrap(), &want["statistic"], case);
            assert_close(Ok(outcome.degrees_of_freedom.unwrap()), &want["df"], case);
            assert_close(outcome.p_value, &want["p"], case);
        };
        compare(chi_squared(&table), &expect["chisq"]);
        if let Ok(outcome) = chi_squared_yates(&table) {
            compare(outcome, &expect["chisq_yates"]);
        }
        assert_close(Ok(table.smallest_expected()), &expect["chisq"]["min_expected"], case);
        assert_close(fisher_exact(&table), &expect["fisher"]["p_two_sided"], case);
    }
}

#[test]
fn two_samples_of_numbers() {
    let cases = "adv_heavy_ties adv_small_exact adv_small_exact_no_ties lung_age_sex \
                 lung_wtloss_sex rotterdam_age rotterdam_er rotterdam_nodes rotterdam_pgr";
    for case in cases.split_whitespace() {
        let golden = read(&format!("hypothesis/two_{case}"));
        let (input, expect) = (&golden["input"], &golden["expect"]);
        let name = |field: &str| input[field].as_str().unwrap();
        let columns = read_csv(name("data"));
        let group = |index: usize| -> Vec<f64> {
            let level = expect["groups"][index].as_str().unwrap();
            let cells = columns[name("group")].iter().zip(&columns[name("value")]);
            let of_group = cells.filter(|(group, value)| *group == level && !value.is_empty());
            of_group.map(|(_, value)| value.parse().unwrap()).collect()
        };
        let (first, second) = (group(0), group(1));
        let rank_sum = &expect["mann_whitney"];
        let plain = mann_whitney(&first, &second, Continuity::Uncorrected).unwrap();
        assert_close(plain.statistic.unwrap(), &rank_sum["w_r"], case);
        assert_close(plain.p_value, &rank_sum["p_no_continuity"], case);
        let corrected = mann_whitney(&first, &second, Continuity::Corrected).unwrap();
        assert_close(corrected.p_value, &rank_sum["p_continuity"], case);
        let welch = welch_t(&first, &second).unwrap();
        assert_close(welch.statistic.unwrap(), &expect["welch"]["statistic"], case);
        assert_close(Ok(welch.degrees_of_freedom.unwrap()), &expect["welch"]["df"], case);
        assert_close(welch.p_value, &expect["welch"]["p"], case);
    }
}

#[test]
fn differences_before_matching() {
    for case in ["lalonde_treat", "rotterdam_hormon"] {
        let golden = read(&format!("hypothesis/smd_{case}"));
        let (input, expect) = (&golden["input"], &golden["expect"]);
        let exposure = input["exposure"].as_str().unwrap();
        let cohort = cohort(input["data"].as_str().unwrap(), expect, exposure);
        let all = Selection::all(&cohort);
        let table = balance(&cohort, &all, &all, &query(&cohort, exposure)).unwrap();
        for row in &table.rows {
            let (variable, numeric) = (row.variable.as_str(), &expect["numeric"]);
            let want = match numeric.get(variable) {
                Some(numbers) => &numbers["smd_pooled"],
                None => &expect["categorical"][variable]["smd"],
            };
            assert_close(row.smd, want, variable);
            assert_close(row.smd_own_sample, want, variable);
        }
    }
}

#[test]
fn rotterdam_study_before_and_after_matching() {
    let differences = read("hypothesis/smd_rotterdam_hormon");
    let cohort = cohort("rotterdam", &differences["expect"], "hormon");
    let pid = &read_csv("rotterdam")["pid"];
    let golden = read("study/rotterdam_hormon");
    let expect = &golden["expect"];
    let pairs: Vec<Vec<String>> = serde_json::from_value(expect["matched_pairs"].clone()).unwrap();
    let row_of = |id: &String| pid.iter().position(|known| known == id).unwrap();
    let matched = Selection::of(&cohort, pairs.iter().flatten().map(row_of)).unwrap();
    let all = Selection::all(&cohort);
    for (when, selection) in [("before", &all), ("after", &matched)] {
        let table = balance(&cohort, selection, &all, &query(&cohort, "hormon")).unwrap();
        for want in expect[when]["table1"].as_array().unwrap() {
            let variable = want["covariate"].as_str().unwrap();
            let row = table.rows.iter().find(|row| row.variable == variable).unwrap();
            check_row(row, want, &format!("{variable} {when}"));
        }
    }
}

fn check_row(row: &BalanceRow, want: &Value, what: &str) {
    assert_close(row.smd_own_sample, &want["smd"], what);
    for outcome in &row.tests {
        let p = match outcome.test {
            BalanceTest::ChiSquared => "chisq_p",
            BalanceTest::ChiSquaredYates => "chisq_yates_p",
            BalanceTest::Fisher => "fisher_p",
            BalanceTest::MannWhitney => "mann_whitney_p",
            BalanceTest::MannWhitneyContinuity => "mann_whitney_p_continuity",
            BalanceTest::WelchT => "welch_t_p",
        };
        match &want[p] {
            Value::Null => assert!(outcome.p_value.is_err(), "{what} {p}"),
            want => assert_close(outcome.p_value, want, &format!("{what} {p}")),
        }
    }
    match &row.summary {
        Summary::Numeric { exposed, comparators } => {
            for (arm, got) in [("treated", exposed), ("control", comparators)] {
                assert_eq!(got.n as u64, want[arm]["n"]);
                assert_close(got.mean, &want[arm]["mean"], what);
                assert_close(got.sd, &want[arm]["sd"], what);
                assert_close(got.median, &want[arm]["median"], what);
                assert_close(got.q1, &want[arm]["q1"], what);
                assert_close(got.q3, &want[arm]["q3"], what);
            }
        }
        Summary::Categorical { levels, exposed, comparators } => {
            assert_eq!(Value::from(levels.clone()), want["levels"], "{what}");
            assert_eq!(Value::from(exposed.clone()), want["treated"], "{what}");
            assert_eq!(Value::from(comparators.clone()), want["control"], "{what}");
        }
    }
}

/// The variables of a file of differences; a level of numbers is left to the cohort to find.
fn cohort(dataset: &str, expect: &Value, exposure: &str) -> Cohort {
    let columns = read_csv(dataset);
    let mut cohort =
        Cohort::new(None, vec![Column::numeric(exposure, numbers(&columns[exposure]))]).unwrap();
    for name in expect["numeric"].as_object().unwrap().keys() {
        cohort.push(Column::numeric(name, numbers(&columns[name]))).unwrap();
    }
    for (name, wanted) in expect["categorical"].as_object().unwrap() {
        let levels: Vec<String> = serde_json::from_value(wanted["levels"].clone()).unwrap();
        let code = |cell| levels.iter().position(|level| level == cell).unwrap() as u32;
        let codes = columns[name].iter().map(code).collect();
        cohort.push(Column::categorical(name, levels.clone(), codes)).unwrap();
    }
    cohort
}

/// All variables of the cohort by their kind, with all tests.
fn query(cohort: &Cohort, exposure: &str) -> BalanceQuery {
    let variable = |name: &str| match cohort.values(name).unwrap() {
        cohort::Values::Numeric(_) => Variable::Numeric(name.into()),
        cohort::Values::Categorical { .. } => Variable::Categorical(name.into()),
    };
    BalanceQuery {
        exposure: exposure.into(),
        exposed: "1".into(),
        variables: cohort.names().filter(|&name| name != exposure).map(variable).collect(),
        tests: vec![
            BalanceTest::ChiSquared,
            BalanceTest::ChiSquaredYates,
            BalanceTest::Fisher,
            BalanceTest::MannWhitney,
            BalanceTest::MannWhitneyContinuity,
            BalanceTest::WelchT,
        ],
    }
}
