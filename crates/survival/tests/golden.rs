//! Every golden case of curves and comparisons without case weights, at its own tolerance.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, Column, EndpointColumns, Estimate, Interval, NotEstimable, Selection, Values,
};
use serde_json::Value;
use std::path::Path;
use survival::{
    Comparison, ComparisonOptions, ComparisonQuery, CurvesQuery, GroupCurve, IntervalRule,
    QuantileRule, SurvivalError, TestWeights, compare, curves,
};

const RULES: [(&str, IntervalRule); 5] = [
    ("plain", IntervalRule::Plain),
    ("log", IntervalRule::Log),
    ("log-log", IntervalRule::LogLog),
    ("logit", IntervalRule::Logit),
    ("arcsin", IntervalRule::Arcsin),
];

const TESTS: [(&str, TestWeights); 9] = [
    ("logrank", TestWeights::LogRank),
    ("gehan_breslow", TestWeights::GehanBreslow),
    ("tarone_ware", TestWeights::TaroneWare),
    ("peto_peto", TestWeights::PetoPeto),
    ("modified_peto_peto", TestWeights::ModifiedPetoPeto),
    ("peto_km_left", TestWeights::FlemingHarrington { p: 1.0, q: 0.0 }),
    ("fleming_harrington_0_1", TestWeights::FlemingHarrington { p: 0.0, q: 1.0 }),
    ("fleming_harrington_1_1", TestWeights::FlemingHarrington { p: 1.0, q: 1.0 }),
    ("fleming_harrington_0.5_0.5", TestWeights::FlemingHarrington { p: 0.5, q: 0.5 }),
];

/// Same estimates under the names and in the layout of `survdiff`.
const SURVDIFF: [(&str, TestWeights); 3] = [
    ("survdiff_rho_0", TestWeights::LogRank),
    ("survdiff_rho_1", TestWeights::FlemingHarrington { p: 1.0, q: 0.0 }),
    ("survdiff_rho_0.5", TestWeights::FlemingHarrington { p: 0.5, q: 0.0 }),
];

#[test]
fn curves_agree_with_r() {
    let cases =
        Case::all("km", |input| input["weights"].is_null() && input["start_time"].is_null());
    assert_eq!(cases.len(), 23);
    for case in &cases {
        for (name, rule) in RULES {
            check_curves(case, name, rule);
        }
    }
}

#[test]
fn comparisons_agree_with_r() {
    let cases = Case::all("logrank", |_| true);
    assert_eq!(cases.len(), 18);
    for case in &cases {
        let (cohort, selection) = case.cohort();
        let estimate = |weights| compare(&cohort, &selection, &case.comparison(weights)).unwrap();
        for (name, weights) in TESTS {
            case.check_test(&estimate(weights), &case.expect["tests"][name], "weighted_");
        }
        for (name, weights) in SURVDIFF {
            case.check_test(&estimate(weights), &case.expect[name], "");
        }
    }
}

#[test]
fn awkward_comparisons_are_judged() {
    let compared = |name: &str, group: &str| {
        let mut case =
            Case::read(&Path::new(GOLDEN).join(format!("expected/adversarial/{name}.json")));
        case.input["time"] = "time".into();
        case.input["event"] = "event".into();
        case.input["group"] = group.into();
        case.input["group_levels"] = serde_json::json!(["0", "1", "A", "B", "C"]);
        let (cohort, selection) = case.cohort();
        (compare(&cohort, &selection, &case.comparison(TestWeights::LogRank)), case)
    };
    let (censored, _) = compared("logrank_all_censored", "g");
    assert_eq!(censored.unwrap().chi_squared, Err(NotEstimable::NoEvents));
    let (one_group, _) = compared("logrank_one_group", "treat");
    let error = SurvivalError::TooFewGroups { column: "treat".into(), levels: 1 };
    assert_eq!(one_group, Err(error));
    let (empty_level, case) = compared("logrank_empty_level", "g");
    let (empty_level, r) = (empty_level.unwrap(), &case.expect["r"]["value"]);
    case.check(empty_level.chi_squared, &r["chisq"], "chisq");
    assert_eq!(empty_level.degrees_of_freedom, 1);
    assert_eq!(empty_level.groups.iter().map(|group| group.n).collect::<Vec<_>>(), [0, 0, 4, 4, 0]);
}

#[test]
fn awkward_curves_are_judged() {
    let curve_of = |time: Vec<f64>, event: Vec<f64>| {
        let columns = vec![Column::numeric("time", time), Column::numeric("event", event)];
        let cohort = Cohort::new(None, columns).unwrap();
        let query = CurvesQuery {
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
            ..CurvesQuery::new(EndpointColumns::new("time", "event"))
        };
        curves(&cohort, &Selection::all(&cohort), &query).map(|mut curves| curves.groups.remove(0))
    };
    let event = curve_of(vec![5.0], vec![1.0]).unwrap();
    assert_eq!(event.curve.survival, [0.0]);
    assert_eq!(event.curve.standard_error, [Err(NotEstimable::VarianceUndefined)]);
    let censored = curve_of(vec![5.0], vec![0.0]).unwrap();
    assert_eq!(censored.curve.survival, [1.0]);
    assert_eq!(censored.quantiles[0].value, Err(NotEstimable::NotReached));
    assert_eq!(curve_of(vec![], vec![]).unwrap_err(), SurvivalError::NoRows);
    let error = curve_of(vec![-1.0, 2.0, 3.0], vec![1.0, 1.0, 0.0]).unwrap_err();
    assert_eq!(error.to_string(), "column time: row 1: the time is negative or not finite");
}

fn check_curves(case: &Case, rule_name: &str, rule: IntervalRule) {
    let (cohort, selection) = case.cohort();
    let estimated = curves(&cohort, &selection, &case.curves(rule)).unwrap();
    let expected = case.expect["groups"].as_array().unwrap();
    assert_eq!(estimated.groups.len(), expected.len(), "{}", case.id);
    for (group, expected) in estimated.groups.iter().zip(expected) {
        assert_eq!(group.group.as_deref().unwrap_or("all"), expected["label"], "{}", case.id);
        assert_eq!((group.n, group.n_events), (count(&expected["n"]), count(&expected["events"])));
        if !expected["surv"].is_null() {
            case.check_steps(group, expected, rule_name);
        }
        case.check_quantiles(group, expected, rule_name);
        if !expected["at_times"].is_null() {
            case.check_times(group, &expected["at_times"], rule_name);
        }
        for (mean, expected) in group.restricted_means.iter().zip(list(&expected["rmst"])) {
            case.check(mean.mean, &expected["rmst"], "rmst");
            case.check(mean.standard_error, &expected["se"], "se of rmst");
        }
    }
}

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");

/// One golden file.
struct Case {
    id: String,
    input: Value,
    expect: Value,
    rel: f64,
    abs: f64,
}

impl Case {
    fn all(topic: &str, keep: impl Fn(&Value) -> bool) -> Vec<Self> {
        let files = std::fs::read_dir(Path::new(GOLDEN).join("expected").join(topic)).unwrap();
        let cases = files.map(|file| Self::read(&file.unwrap().path()));
        cases.filter(|case| keep(&case.input)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut file: Value = serde_json::from_str(&text).unwrap();
        let tolerance = |kind: &str| file["tolerance"][kind].as_f64().unwrap();
        let (rel, abs) = (tolerance("rel"), tolerance("abs"));
        let id = file["id"].as_str().unwrap().to_string();
        Self { id, input: file["input"].take(), expect: file["expect"].take(), rel, abs }
    }

    /// The columns of the analysis and the rows that it uses.
    fn cohort(&self) -> (Cohort, Selection) {
        let path = format!("{GOLDEN}/data/{}.csv", self.input["data"].as_str().unwrap());
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let header = lines.next().unwrap();
        let rows: Vec<Vec<&str>> = lines.collect();
        let cells = |name: &str| -> Vec<&str> {
            let column = header.iter().position(|&other| other == name).unwrap();
            rows.iter().map(|row| row[column]).collect()
        };
        let used: Vec<String> = ["start", "time", "event", "group"]
            .iter()
            .filter_map(|role| self.input[role].as_str())
            .chain(list(&self.input["strata"]).iter().filter_map(Value::as_str))
            .map(String::from)
            .collect();
        let columns = used.iter().map(|name| self.column(name, &cells(name))).collect();
        let mut keep = vec![true; rows.len()];
        for name in &used {
            keep.iter_mut().zip(cells(name)).for_each(|(keep, cell)| *keep &= !is_missing(cell));
        }
        for filter in list(&self.input["filter"]) {
            let (op, value) = (filter["op"].as_str().unwrap(), &filter["value"]);
            for (keep, cell) in keep.iter_mut().zip(cells(filter["column"].as_str().unwrap())) {
                *keep &= passes(cell, op, value);
            }
        }
        let cohort = Cohort::new(None, columns).unwrap();
        let selection = Selection::all(&cohort).filter(|row| keep[row]);
        (cohort, selection)
    }

    fn column(&self, name: &str, cells: &[&str]) -> Column {
        let is = |role: &str| self.input[role] == name;
        let missing = (0..cells.len()).filter(|&row| is_missing(cells[row])).collect();
        let values = if is("time") || is("start") {
            let divisor = self.input["time_divisor"].as_f64().unwrap_or(1.0);
            let time = |cell: &&str| cell.parse::<f64>().unwrap_or(0.0) / divisor;
            Values::Numeric(cells.iter().map(time).collect())
        } else {
            let mut levels: Vec<String> = match &self.input["group_levels"] {
                Value::Array(levels) if is("group") => levels.iter().map(label).collect(),
                _ => cells.iter().filter(|cell| !is_missing(cell)).map(|s| s.to_string()).collect(),
            };
            if !is("group") || self.input["group_levels"].is_null() {
                levels.sort();
                levels.dedup();
            }
            let code = |cell: &&str| levels.iter().position(|level| level == cell).unwrap_or(0);
            let codes = cells.iter().map(|cell| code(cell) as u32).collect();
            Values::Categorical { levels, codes }
        };
        Column { name: name.into(), values, missing }
    }

    fn endpoint(&self) -> EndpointColumns {
        let text = |role: &str| self.input[role].as_str().map(String::from);
        let event = self.input["event_value"].as_i64().unwrap_or(1);
        EndpointColumns {
            entry: text("start"),
            event_codes: vec![event.to_string()],
            censored_codes: vec![(event - 1).to_string()],
            ..EndpointColumns::new(text("time").unwrap(), text("event").unwrap())
        }
    }

    fn curves(&self, rule: IntervalRule) -> CurvesQuery {
        let numbers = |role| list(&self.input[role]).iter().filter_map(Value::as_f64).collect();
        CurvesQuery {
            group: self.input["group"].as_str().map(String::from),
            reverse: self.input["reverse"] == true,
            interval: rule,
            confidence: self.input["conf_level"].as_f64().unwrap(),
            quantiles: vec![0.25, 0.5, 0.75],
            quantile_rules: vec![QuantileRule::Curve(rule), QuantileRule::Spss],
            times: numbers("at_times"),
            restricted_mean_times: numbers("tau"),
            ..CurvesQuery::new(self.endpoint())
        }
    }

    fn comparison(&self, weights: TestWeights) -> ComparisonQuery {
        ComparisonQuery {
            endpoint: self.endpoint(),
            group: self.input["group"].as_str().unwrap().into(),
            strata: list(&self.input["strata"]).iter().map(label).collect(),
            weights: None,
            options: ComparisonOptions { weights, ..Default::default() },
        }
    }

    fn check_steps(&self, group: &GroupCurve, expected: &Value, rule: &str) {
        let curve = &group.curve;
        assert_eq!(curve.time.len(), list(&expected["time"]).len(), "{}", self.id);
        let counts = [
            ("n_risk", &curve.n_at_risk),
            ("n_event", &curve.n_events),
            ("n_censor", &curve.n_censored),
        ];
        for (name, counts) in counts {
            let expected: Vec<usize> = list(&expected[name]).iter().map(count).collect();
            assert_eq!(*counts, expected, "{}: {name}", self.id);
        }
        for row in 0..curve.time.len() {
            self.check(Ok(curve.time[row]), &expected["time"][row], "time");
            self.check(Ok(curve.survival[row]), &expected["surv"][row], "survival");
            self.check(curve.standard_error[row], &expected["se"][row], "se");
            self.check_interval(curve.interval[row], &expected["ci"][rule], row, rule);
        }
    }

    fn check_quantiles(&self, group: &GroupCurve, expected: &Value, rule: &str) {
        let quantiles = &expected["quantiles"][rule];
        for (at, pair) in group.quantiles.chunks(2).enumerate() {
            // The median's own limits are those printed; R disagrees with itself at a flat end.
            let printed = &expected["median_print"][rule];
            if at == 1 {
                self.check(pair[0].value, &printed[0], rule);
                self.check(pair[0].interval.lower, &printed[1], rule);
                self.check(pair[0].interval.upper, &printed[2], rule);
            } else {
                let estimate = at_flat_end(group, pair[0].probability, &quantiles["estimate"][at]);
                self.check(pair[0].value, &estimate, rule);
                let lower = where_limits_rise(expected, pair[0].probability, rule)
                    .unwrap_or_else(|| quantiles["lower"][at].clone());
                self.check(pair[0].interval.lower, &lower, rule);
                self.check(pair[0].interval.upper, &quantiles["upper"][at], rule);
            }
            if let Some(spss) = expected["spss_quantiles"].get(at) {
                self.check(pair[1].value, &spss["estimate"], "spss");
                self.check(pair[1].standard_error.unwrap(), &spss["se"], "se of spss");
                self.check(pair[1].interval.lower, &spss["lower"], "spss");
                self.check(pair[1].interval.upper, &spss["upper"], "spss");
            }
        }
    }

    fn check_times(&self, group: &GroupCurve, expected: &Value, rule: &str) {
        for (row, at) in group.at_times.iter().enumerate() {
            assert_eq!(at.n_at_risk, count(&expected["n_risk"][row]), "{}", self.id);
            assert_eq!(at.n_events, count(&expected["cum_event"][row]), "{}", self.id);
            if expected["beyond_last_time"][row] == true {
                assert_eq!(at.survival, Err(NotEstimable::BeyondFollowUp), "{}", self.id);
            } else {
                self.check(at.survival, &expected["surv"][row], "survival at time");
                self.check(at.standard_error, &expected["se"][row], "se at time");
                self.check_interval(at.interval, &expected["ci"][rule], row, rule);
            }
        }
    }

    fn check_test(&self, got: &Comparison, expected: &Value, prefix: &str) {
        let sum = |name: &str, group: usize| expected[format!("{prefix}{name}")][group].clone();
        for (i, group) in got.groups.iter().enumerate() {
            assert_eq!(group.n, count(&expected["n"][i]), "{}", self.id);
            self.check(Ok(group.observed), &sum("observed", i), "observed");
            self.check(Ok(group.expected), &sum("expected", i), "expected");
            for k in 0..got.groups.len() {
                self.check(Ok(got.variance[i][k]), &expected["variance"][i][k], "variance");
            }
        }
        assert_eq!(got.degrees_of_freedom, count(&expected["df"]), "{}", self.id);
        self.check(got.chi_squared, &expected["chisq"], "chisq");
        self.check(got.p_value, &expected["p"], "p");
        self.check(got.ln_p_value, &expected["log_p"], "log p");
    }

    fn check_interval(&self, got: Interval, expected: &Value, row: usize, name: &str) {
        self.check(got.lower, &expected["lower"][row], name);
        self.check(got.upper, &expected["upper"][row], name);
    }

    fn check(&self, got: Estimate, expected: &Value, name: &str) {
        let is_right = match (got, expected.as_f64()) {
            (Ok(x), Some(y)) => (x - y).abs() <= self.abs + self.rel * y.abs(),
            (Err(_), None) => true,
            _ => false,
        };
        assert!(is_right, "{}: {name} is {got:?} instead of {expected}", self.id);
    }
}

/// The rule of `print` from the answer of `quantile` in R: where a curve runs on the level to its
/// end, `print` gives the beginning of the step and `quantile` its middle.
fn at_flat_end(group: &GroupCurve, probability: f64, middle: &Value) -> Value {
    match (group.curve.survival.last(), group.curve.time.last(), middle.as_f64()) {
        (Some(survival), Some(last), Some(middle))
            if (survival - (1.0 - probability)).abs() < 1e-8 =>
        {
            (2.0 * middle - last).into()
        }
        _ => middle.clone(),
    }
}

/// The first crossing of the level by the lower limits of R's curve, if those limits ever rise, as
/// they do after the tiny first risk sets of late entry. `quantile` in R sorts the limits by value
/// and so gives lower limits up to 832 for a quantile of 361; `print` takes the first crossing.
fn where_limits_rise(expected: &Value, probability: f64, rule: &str) -> Option<Value> {
    let limits = list(&expected["ci"][rule]["lower"]);
    let limits: Vec<(usize, f64)> =
        limits.iter().map(Value::as_f64).enumerate().filter_map(|(i, x)| Some((i, x?))).collect();
    let rises = limits.windows(2).any(|pair| pair[1].1 > pair[0].1 + 1e-8);
    let first = limits.iter().find(|limit| limit.1 <= 1.0 - probability + 1e-8);
    first.filter(|_| rises).map(|&(row, _)| expected["time"][row].clone())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn count(value: &Value) -> usize {
    value.as_f64().unwrap() as usize
}

fn label(value: &Value) -> String {
    value.as_str().unwrap().to_string()
}

fn is_missing(cell: &str) -> bool {
    cell.is_empty() || cell == "NA"
}

fn passes(cell: &str, op: &str, value: &Value) -> bool {
    match (op, cell.parse::<f64>(), value.as_f64()) {
        ("not_missing", ..) => !is_missing(cell),
        ("==", Ok(x), Some(y)) => x == y,
        (">", Ok(x), Some(y)) => x > y,
        other => panic!("no filter like {other:?}"),
    }
}
