//! Balance tables of the kind of MatchIt, from the weights and pairs of the file.

use super::words;
use crate::case::Case;
use crate::json::{estimate, text, texts};
use crate::sample::{Reading, Sample};
use balance::{
    BalanceQuery, BalanceRow, BalanceTable, LevelDifference, Pairing, Standardised, Summary,
    TestChoice, Variable, balance,
};
use cohort::{Column, Estimate, NotEstimable};
use serde_json::{Value, json};

/// Names of the columns that take scores, weights and subclasses.
const DISTANCE: &str = "distance";
const WEIGHTS: &str = "weights of the file";
const SUBCLASS: &str = "subclass";

/// `balance_all` and `balance_matched` of a case.
pub fn tables(case: &Case) -> Result<(Value, Value), String> {
    let input = &case.input;
    let mut sample = Sample::new(case);
    let treatment = sample.add_all(&input["treatment"]).remove(0);
    let mut variables = Vec::new();
    if case.expect.get("distance").is_some() {
        add(&mut sample, case, DISTANCE, &["distance_ids", "distance"])?;
        variables.push(Variable::Numeric(DISTANCE.into()));
    }
    for covariate in input["covariates"].as_array().into_iter().flatten() {
        variables.push(variable(&mut sample, covariate));
    }
    // MatchIt shows columns of exact agreement too.
    for column in texts(&input["exact"]) {
        if variables.iter().all(|known| known.column() != column) {
            sample.add(&column, &Reading::Plain);
            variables.push(Variable::Numeric(column));
        }
    }
    add(&mut sample, case, WEIGHTS, &["weights_ids", "weights"])?;
    let plain = BalanceQuery {
        tests: TestChoice::Listed(Vec::new()),
        ..BalanceQuery::new(&treatment, "1", variables)
    };
    let matched = BalanceQuery {
        weights: Some(WEIGHTS.into()),
        pairing: pairing(&mut sample, case)?,
        ..plain.clone()
    };
    let all = sample.complete_in(&[&treatment, WEIGHTS]);
    let estimand = input["estimand"].as_str().unwrap_or("ATT");
    let table = |query: &BalanceQuery| balance(&sample.cohort, &all, &all, query).map_err(words);
    let plain = table(&plain)?;
    let view = View { case, estimand, reference: &plain };
    Ok((view.lay_out(&plain), view.lay_out(&table(&matched)?)))
}

/// MatchIt takes numbers of two values for categories.
fn variable(sample: &mut Sample, covariate: &Value) -> Variable {
    let column = text(&covariate["column"]);
    if covariate["kind"] == "factor" {
        sample.add(&column, &Reading::Levels(texts(&covariate["levels"])));
        return Variable::Categorical(column);
    }
    sample.add(&column, &Reading::Plain);
    let is_indicator = sample.table.column(&column).iter().all(|cell| ["0", "1"].contains(cell));
    if is_indicator { Variable::Categorical(column) } else { Variable::Numeric(column) }
}

/// Adds a column of the file, whose rows are named by their ids; the others are missing.
fn add(sample: &mut Sample, case: &Case, name: &str, fields: &[&str; 2]) -> Result<(), String> {
    let (ids, values) = (texts(&case.expect[fields[0]]), &case.expect[fields[1]]);
    let values = values.as_array().ok_or_else(|| format!("the case has no {name}"))?;
    let mut cells = vec![None; sample.table.len()];
    for (id, value) in ids.iter().zip(values) {
        cells[row_of(sample, case, id)?] = value.as_f64();
    }
    let missing = (0..cells.len()).filter(|&row| cells[row].is_none()).collect();
    let numbers = cells.iter().map(|cell| cell.unwrap_or(0.0)).collect();
    let column = Column::numeric(name, numbers).with_missing(missing);
    sample.cohort.push(column).map_err(words)
}

fn row_of(sample: &Sample, case: &Case, id: &str) -> Result<usize, String> {
    let ids = sample.table.column(case.input["id"].as_str().unwrap_or("id"));
    ids.iter().position(|known| *known == id).ok_or_else(|| format!("nobody is called {id}"))
}

/// The pairs of the file, or its sets; MatchIt gives subclasses no distances.
fn pairing(sample: &mut Sample, case: &Case) -> Result<Option<Pairing>, String> {
    if let Some(pairs) = case.expect["pairs"].as_array() {
        let is_control_first = case.input["estimand"] == "ATC";
        let pair = |pair: &Value| -> Result<(usize, usize), String> {
            let (one, other) = (text(&pair[0]), text(&pair[1]));
            let (one, other) = (row_of(sample, case, &one)?, row_of(sample, case, &other)?);
            Ok(if is_control_first { (other, one) } else { (one, other) })
        };
        return Ok(Some(Pairing::Rows(pairs.iter().map(pair).collect::<Result<_, _>>()?)));
    }
    if case.input["method"] == "subclass" || case.expect.get("subclass").is_none() {
        return Ok(None);
    }
    add(sample, case, SUBCLASS, &["subclass_ids", "subclass"])?;
    Ok(Some(Pairing::Column(SUBCLASS.into())))
}

/// How MatchIt shows a table.
struct View<'a> {
    case: &'a Case,
    estimand: &'a str,
    /// The unmatched sample, whose SDs are the units.
    reference: &'a BalanceTable,
}

impl View<'_> {
    fn lay_out(&self, table: &BalanceTable) -> Value {
        let rows = table.rows.iter().zip(&self.reference.rows);
        let (names, values): (Vec<String>, Vec<Value>) =
            rows.flat_map(|(row, reference)| self.lines(row, reference)).unzip();
        json!({
            "rows": names,
            "columns": [
                "Means Treated",
                "Means Control",
                "Std. Mean Diff.",
                "Var. Ratio",
                "eCDF Mean",
                "eCDF Max",
                "Std. Pair Dist.",
            ],
            "values": values,
        })
    }

    /// A number has one line, a factor one per level, an indicator that of its level 1.
    fn lines(&self, row: &BalanceRow, reference: &BalanceRow) -> Vec<(String, Value)> {
        let (name, differences) = (&row.baseline.variable, &row.differences);
        match (&row.baseline.summary, &reference.baseline.summary) {
            (Summary::Numeric { groups, .. }, Summary::Numeric { groups: fixed, .. }) => {
                let by = &differences.standardised;
                let sds = [fixed[0].sd, fixed[1].sd];
                let values = json!([
                    estimate(&groups[0].mean),
                    estimate(&groups[1].mean),
                    estimate(&self.smd(by)),
                    estimate(&differences.variance_ratio),
                    estimate(&differences.ecdf_mean),
                    estimate(&differences.ecdf_max),
                    estimate(&self.pair_distance(differences.pair_distance, by, sds)),
                ]);
                vec![(name.clone(), values)]
            }
            (
                Summary::Categorical { levels, shares, .. },
                Summary::Categorical { shares: fixed, .. },
            ) => {
                let line = |index: usize| {
                    let of = |shares: &[Vec<Estimate>]| [shares[0][index], shares[1][index]];
                    let values = self.of_level(of(shares), of(fixed), &differences.levels[index]);
                    let is_factor = self.is_factor(name);
                    let label =
                        if is_factor { format!("{name}={}", levels[index]) } else { name.clone() };
                    (label, values)
                };
                (if self.is_factor(name) { 0 } else { 1 }..levels.len()).map(line).collect()
            }
            _ => Vec::new(),
        }
    }

    fn is_factor(&self, name: &str) -> bool {
        let covariates = self.case.input["covariates"].as_array().into_iter().flatten();
        covariates.into_iter().any(|known| known["column"] == name && known["kind"] == "factor")
    }

    /// MatchIt gives levels no ratio of variances.
    fn of_level(
        &self,
        shares: [Estimate; 2],
        fixed: [Estimate; 2],
        level: &LevelDifference,
    ) -> Value {
        let apart = estimate(&level.difference.map(f64::abs));
        let by = &level.standardised;
        let sds = fixed.map(|share| share.map(|share| (share * (1.0 - share)).sqrt()));
        json!([
            estimate(&shares[0]),
            estimate(&shares[1]),
            estimate(&self.smd(by)),
            Value::Null,
            apart,
            apart,
            estimate(&self.pair_distance(level.pair_distance, by, sds)),
        ])
    }

    /// By the SD that MatchIt takes for an estimand.
    fn smd(&self, by: &Standardised) -> Estimate {
        match self.estimand {
            "ATC" => by.comparator_sd,
            "ATE" => by.pooled,
            _ => by.exposed_sd,
        }
    }

    /// In the same unit. MatchIt does not standardise the distance where the means are equal.
    fn pair_distance(&self, distance: Estimate, by: &Standardised, sds: [Estimate; 2]) -> Estimate {
        let [exposed, comparators] = sds;
        let raw = distance? * exposed?;
        let sd = match self.estimand {
            _ if self.smd(by)?.abs() < EQUAL_MEANS => 1.0,
            "ATC" => comparators?,
            "ATE" => ((exposed? * exposed? + comparators? * comparators?) / 2.0).sqrt(),
            _ => exposed?,
        };
        Ok(raw / sd)
    }
}

/// Standardised differences this small are rounding.
const EQUAL_MEANS: f64 = 1e-12;

/// `balance` of one kind of weights, which stand in a column of the sample.
pub fn of_weights(
    sample: &Sample,
    selection: &cohort::Selection,
    exposure: &str,
    weights: &str,
    terms: &[String],
) -> Result<Value, String> {
    let query = BalanceQuery {
        tests: TestChoice::Listed(Vec::new()),
        weights: Some(weights.into()),
        ..BalanceQuery::new(exposure, "1", terms.iter().cloned().map(Variable::Numeric).collect())
    };
    let table = balance(&sample.cohort, selection, selection, &query).map_err(words)?;
    let each = |part: &dyn Fn(&BalanceRow) -> Estimate| -> Vec<Value> {
        table.rows.iter().map(|row| estimate(&part(row))).collect()
    };
    let mean = |arm: usize| {
        move |row: &BalanceRow| match &row.baseline.summary {
            Summary::Numeric { groups, .. } => groups[arm].mean,
            Summary::Categorical { .. } => Err(NotEstimable::NotDefined),
        }
    };
    Ok(json!({
        "terms": terms,
        "mean_treated": each(&mean(0)),
        "mean_control": each(&mean(1)),
        "smd_unweighted_pooled_sd": each(&|row| row.differences.standardised.pooled),
        "smd_weighted_pooled_sd": each(&|row| row.differences.standardised.own_pooled),
    }))
}
