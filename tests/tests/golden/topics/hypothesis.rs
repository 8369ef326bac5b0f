//! Tests of equality and standardised differences.

use super::{nothing, words};
use crate::case::Case;
use crate::json::{estimate, list, texts};
use crate::sample::{Reading, Sample};
use balance::{
    BalanceQuery, BalanceRow, BalanceTest, ContingencyTable, NumericSummary, Summary, TestOutcome,
    Variable, balance, chi_squared, chi_squared_yates, fisher_exact,
};
use cohort::Estimate;
use serde_json::{Map, Value, json};

pub fn answer(case: &Case) -> Result<Value, String> {
    if case.has("table") {
        counts(case)
    } else if case.has("exposure") {
        standardised_differences(case)
    } else if case.id.starts_with("hypothesis/two_") {
        two_samples(case)
    } else {
        Ok(nothing())
    }
}

/// A table of counts.
fn counts(case: &Case) -> Result<Value, String> {
    let counts: Vec<Vec<usize>> =
        serde_json::from_value(case.input["table"].clone()).map_err(words)?;
    let table = ContingencyTable::new(&counts).map_err(words)?;
    let mut fields = Map::new();
    let mut chisq = test(&chi_squared(&table));
    chisq["expected"] = json!(table.expected());
    chisq["min_expected"] = json!(table.smallest_expected());
    fields.insert("chisq".into(), chisq);
    if let Ok(yates) = chi_squared_yates(&table) {
        fields.insert("chisq_yates".into(), test(&yates));
    }
    fields.insert("fisher".into(), json!({"p_two_sided": estimate(&fisher_exact(&table))}));
    Ok(Value::Object(fields))
}

fn test(outcome: &TestOutcome) -> Value {
    json!({
        "statistic": outcome.statistic.as_ref().map(estimate),
        "df": outcome.degrees_of_freedom,
        "p": estimate(&outcome.p_value),
    })
}

/// Numbers in two groups; the first group is the exposed one, since the statistic counts for it.
fn two_samples(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let value = sample.add_all(&case.input["value"]).remove(0);
    let group = sample.add_group(&case.input).expect("two samples have groups");
    let selection = sample.complete();
    let groups = texts(&case.expect["groups"]);
    let query = BalanceQuery {
        exposure: group,
        exposed: groups[0].clone(),
        variables: vec![Variable::Numeric(value)],
        tests: vec![
            BalanceTest::MannWhitney,
            BalanceTest::MannWhitneyContinuity,
            BalanceTest::WelchT,
        ],
    };
    let table = balance(&sample.cohort, &selection, &selection, &query).map_err(words)?;
    let row = &table.rows[0];
    let Summary::Numeric { exposed, comparators } = &row.summary else {
        return Err("the summary is not one of numbers".into());
    };
    let both = |part: fn(&NumericSummary) -> Estimate| {
        json!([estimate(&part(exposed)), estimate(&part(comparators))])
    };
    let plain = find(row, BalanceTest::MannWhitney)?;
    let w = plain.statistic.and_then(Result::ok).ok_or("the rank sum test has no statistic")?;
    let all_pairs = (exposed.n * comparators.n) as f64;
    Ok(json!({
        "groups": groups,
        "n": [exposed.n, comparators.n],
        "mean": both(|summary| summary.mean),
        "sd": both(|summary| summary.sd),
        "median": both(|summary| summary.median),
        "q1_type7": both(|summary| summary.q1),
        "q3_type7": both(|summary| summary.q3),
        "mann_whitney": {
            "w_r": w,
            "u_smaller": w.min(all_pairs - w),
            "p_no_continuity": estimate(&plain.p_value),
            "p_continuity": estimate(&find(row, BalanceTest::MannWhitneyContinuity)?.p_value),
        },
        "welch": test(find(row, BalanceTest::WelchT)?),
    }))
}

/// The outcome of one test of a variable.
pub fn find(row: &BalanceRow, test: BalanceTest) -> Result<&TestOutcome, String> {
    let mut tests = row.tests.iter();
    tests.find(|outcome| outcome.test == test).ok_or_else(|| format!("{test:?} has no outcome"))
}

/// Standardised differences; `1` is the level of the exposed.
fn standardised_differences(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let exposure = sample.add_all(&case.input["exposure"]).remove(0);
    let numeric = sample.add_all(&case.input["numeric"]);
    let empty = Map::new();
    let categorical = case.input["categorical"].as_object().unwrap_or(&empty);
    for (name, levels) in categorical {
        sample.add(name, &Reading::Levels(texts(levels)));
    }
    let query = BalanceQuery {
        exposure,
        exposed: "1".into(),
        variables: numeric
            .iter()
            .cloned()
            .map(Variable::Numeric)
            .chain(categorical.keys().cloned().map(Variable::Categorical))
            .collect(),
        tests: Vec::new(),
    };
    let selection = sample.complete();
    let table = balance(&sample.cohort, &selection, &selection, &query).map_err(words)?;
    let of_kind = |is_numeric: bool| -> Value {
        let rows = table.rows.iter().filter(|row| is_numeric == numeric.contains(&row.variable));
        Value::Object(rows.map(|row| (row.variable.clone(), difference(row))).collect())
    };
    Ok(json!({"numeric": of_kind(true), "categorical": of_kind(false)}))
}

fn difference(row: &BalanceRow) -> Value {
    match &row.summary {
        Summary::Numeric { exposed, comparators } => {
            let variance = |summary: &NumericSummary| estimate(&summary.sd.map(|sd| sd * sd));
            json!({
                "mean1": estimate(&exposed.mean),
                "mean0": estimate(&comparators.mean),
                "var1": variance(exposed),
                "var0": variance(comparators),
                "smd_pooled": estimate(&row.smd_own_sample),
            })
        }
        Summary::Categorical { levels, exposed, comparators } => {
            let shares = |counts: &[usize]| {
                let n = counts.iter().sum::<usize>() as f64;
                list(counts, |&count| json!(count as f64 / n))
            };
            json!({
                "levels": levels,
                "p1": shares(exposed),
                "p0": shares(comparators),
                "smd": estimate(&row.smd_own_sample),
            })
        }
    }
}
