//! Random samples and what R makes of them; `r/cases.R` wrote `r/cases.json`.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Estimate, NotEstimable};
use hypothesis::*;
use serde_json::Value;

fn cases(kind: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/r/cases.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    cases[kind].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn table(value: &Value) -> Vec<Vec<usize>> {
    serde_json::from_value(value.clone()).unwrap()
}

fn two_by_two(value: &Value) -> Vec<[[usize; 2]; 2]> {
    serde_json::from_value(value.clone()).unwrap()
}

/// R's fifteen printed digits.
fn close(got: f64, want: &Value, case: &Value) {
    near(got, want, 1e-11, case);
}

fn near(got: f64, want: &Value, relative: f64, case: &Value) {
    let want = want.as_f64().unwrap_or_else(|| panic!("R has no value for {case}"));
    let allowed = relative * want.abs() + 1e-13;
    assert!((got - want).abs() <= allowed, "{got} instead of {want} for {case}");
}

/// R solves for odds ratios, above 1 for their reciprocals, to about 1e-4.
fn as_r_solves(got: Estimate, want: &Value, case: &Value) {
    let reciprocal = |x: f64| if x > 1.0 { 2.0 - 1.0 / x } else { x };
    match (got, want.as_f64()) {
        (Ok(got), Some(want)) => {
            let apart = (reciprocal(got) - reciprocal(want)).abs();
            assert!(apart < 2e-4, "{got} instead of {want} for {case}");
        }
        // The file has no infinite numbers.
        (got, None) => assert_eq!(got, Err(NotEstimable::Separation), "{case}"),
        (got, want) => panic!("{got:?} instead of {want:?} for {case}"),
    }
}

#[test]
fn tables_of_counts() {
    for case in cases("counts") {
        let table = ContingencyTable::new(&table(&case["table"])).unwrap();
        let test = chi_squared(&table);
        close(test.statistic, &case["chisq"], &case);
        close(test.p_value, &case["chisq_p"], &case);
        for (got, want) in
            residuals(&table).standardised.iter().zip(case["stdres"].as_array().unwrap())
        {
            got.iter()
                .zip(numbers(want))
                .for_each(|(got, want)| assert!((got - want).abs() < 1e-9));
        }
        if let Ok(yates) = chi_squared_yates(&table) {
            close(yates.p_value, &case["yates_p"], &case);
        }
        // R's network keeps fewer digits.
        if !case["fisher"].is_null() {
            near(fisher_exact(&table).unwrap(), &case["fisher"], 1e-6, &case);
        }
    }
}

#[test]
fn tables_of_two_by_two() {
    for case in cases("two_by_two") {
        let counts = table(&case["table"]);
        let test = fisher_two_by_two(&ContingencyTable::new(&counts).unwrap(), 0.95).unwrap();
        near(test.p_value, &case["p"], 1e-9, &case);
        near(test.p_less, &case["less"], 1e-9, &case);
        near(test.p_greater, &case["greater"], 1e-9, &case);
        as_r_solves(test.odds_ratio, &case["or"], &case);
        as_r_solves(test.interval.lower, &case["lower"], &case);
        as_r_solves(test.interval.upper, &case["upper"], &case);
        if let Ok(plain) = mcnemar(&counts, Continuity::Uncorrected) {
            close(plain.statistic, &case["mcnemar_plain"], &case);
            let corrected = mcnemar(&counts, Continuity::Corrected).unwrap();
            close(corrected.statistic, &case["mcnemar"], &case);
        }
    }
}

#[test]
fn two_samples() {
    for case in cases("two") {
        let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
        let plain = mann_whitney(&x, &y, Continuity::Uncorrected).unwrap();
        close(plain.w, &case["w"], &case);
        close(plain.p_value, &case["p_plain"], &case);
        let corrected = mann_whitney(&x, &y, Continuity::Corrected).unwrap();
        close(corrected.p_value, &case["p_continuity"], &case);
        close(mann_whitney_exact(&x, &y).unwrap(), &case["p_exact"], &case);
        for (test, wanted) in
            [(welch_t(&x, &y, 0.95), "welch"), (student_t(&x, &y, 0.95), "student")]
        {
            let test = test.unwrap();
            let (lower, upper) = (test.interval.lower.unwrap(), test.interval.upper.unwrap());
            let got = [test.t, test.degrees_of_freedom, test.p_value, lower, upper];
            for (index, got) in got.into_iter().enumerate() {
                near(got, &case[wanted][index], 1e-9, &case);
            }
        }
        if let Some(wanted) = case["variance"].as_array().filter(|wanted| wanted.len() == 4) {
            let test = variance_ratio(&x, &y, 0.95).unwrap();
            let (lower, upper) = (test.interval.lower.unwrap(), test.interval.upper.unwrap());
            for (got, want) in [test.ratio, test.p_value, lower, upper].into_iter().zip(wanted) {
                near(got, want, 1e-9, &case);
            }
        }
        let smirnov = kolmogorov_smirnov(&x, &y).unwrap();
        close(smirnov.d, &case["ks"][0], &case);
        close(smirnov.p_value, &case["ks"][1], &case);
        if let Some(wanted) = case["shapiro"].as_array().filter(|wanted| wanted.len() == 2) {
            let test = shapiro_wilk(&x).unwrap();
            close(test.w, &wanted[0], &case);
            near(test.p_value, &wanted[1], 1e-9, &case);
        }
    }
}

#[test]
fn several_samples() {
    for case in cases("k") {
        let codes = numbers(&case["group"]);
        let mut groups = vec![Vec::new(); codes.iter().fold(0.0, |a: f64, &b| a.max(b)) as usize];
        for (value, code) in numbers(&case["value"]).into_iter().zip(codes) {
            groups[code as usize - 1].push(value);
        }
        let test = kruskal_wallis(&groups).unwrap();
        close(test.statistic, &case["kruskal"][0], &case);
        close(test.p_value, &case["kruskal"][1], &case);
        let test = anova(&groups).unwrap();
        close(test.f, &case["anova"][0], &case);
        near(test.p_value, &case["anova"][1], 1e-9, &case);
        if case["welch"].as_array().is_some_and(|wanted| wanted.len() == 3) {
            let test = welch_anova(&groups).unwrap();
            close(test.f, &case["welch"][0], &case);
            close(test.df2, &case["welch"][1], &case);
            near(test.p_value, &case["welch"][2], 1e-9, &case);
            let test = bartlett(&groups).unwrap();
            near(test.statistic, &case["bartlett"][0], 1e-9, &case);
        }
    }
}

#[test]
fn pairs() {
    for case in cases("pairs") {
        let pairs: Vec<(f64, f64)> =
            numbers(&case["x"]).into_iter().zip(numbers(&case["y"])).collect();
        let corrected = signed_rank(&pairs, Continuity::Corrected).unwrap();
        close(corrected.v, &case["v"], &case);
        close(corrected.p_value, &case["p_continuity"], &case);
        let plain = signed_rank(&pairs, Continuity::Uncorrected).unwrap();
        close(plain.p_value, &case["p_plain"], &case);
        close(signed_rank_exact(&pairs).unwrap(), &case["p_exact"], &case);
        close(sign_test(&pairs).unwrap().p_value, &case["sign"], &case);
        if let (Ok(test), true) = (paired_t(&pairs, 0.95), case["t"][0].is_number()) {
            close(test.t, &case["t"][0], &case);
            near(test.p_value, &case["t"][1], 1e-9, &case);
        }
    }
}

#[test]
fn strata() {
    for case in cases("strata") {
        let tables = two_by_two(&case["tables"]);
        let test = mantel_haenszel(&tables, Continuity::Corrected, 0.95).unwrap();
        close(test.test.statistic, &case["mh"][0], &case);
        close(test.test.p_value, &case["mh"][1], &case);
        let limits = [test.odds_ratio, test.interval.lower, test.interval.upper];
        for (index, got) in limits.into_iter().enumerate() {
            close(got.unwrap(), &case["or"][index], &case);
        }
        let plain = mantel_haenszel(&tables, Continuity::Uncorrected, 0.95).unwrap();
        close(plain.test.statistic, &case["plain"], &case);
        let exact = mantel_haenszel_exact(&tables, 0.95).unwrap();
        near(exact.p_value, &case["exact"], 1e-9, &case);
        let limits = [exact.odds_ratio, exact.interval.lower, exact.interval.upper];
        for (index, got) in limits.into_iter().enumerate() {
            as_r_solves(got, &case["exact_or"][index], &case);
        }
        near(breslow_day(&tables).unwrap().statistic, &case["breslow_day"], 1e-7, &case);
    }
    for case in cases("general") {
        let tables: Vec<Vec<Vec<usize>>> = serde_json::from_value(case["tables"].clone()).unwrap();
        let test = cochran_mantel_haenszel(&tables).unwrap();
        close(test.statistic, &case["chisq"][0], &case);
        close(test.p_value, &case["chisq"][1], &case);
    }
}

#[test]
fn ranks_within_strata() {
    for case in cases("van_elteren") {
        let codes = |name: &str| -> Vec<usize> {
            numbers(&case[name]).into_iter().map(|code| code as usize - 1).collect()
        };
        let (groups, of) = (codes("group"), codes("stratum"));
        let mut strata = vec![StratumOfNumbers::default(); of.iter().max().unwrap() + 1];
        for ((value, group), stratum) in numbers(&case["value"]).into_iter().zip(groups).zip(of) {
            let stratum = &mut strata[stratum];
            if group == 0 { stratum.first.push(value) } else { stratum.second.push(value) }
        }
        close(van_elteren(&strata).unwrap().z, &case["van_elteren"], &case);
        close(stratified_rank_sum(&strata).unwrap().z, &case["stratified"], &case);
    }
}
