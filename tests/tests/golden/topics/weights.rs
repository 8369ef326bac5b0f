//! Inverse-probability weights: the scores, the weights, and what is estimated with those of the
//! file.

use super::words;
use crate::case::Case;
use crate::json::{estimate, list, numbers, text, texts};
use crate::sample::{Reading, Sample};
use cohort::{Column, EndpointColumns, Estimate, Selection, Term, WeightColumn, WeightKind};
use cox::{CoxQuery, cox};
use propensity::{Level, LogisticQuery, PropensityScores, propensity};
use serde_json::{Map, Value, json};
use survival::{
    Comparison, ComparisonOptions, ComparisonQuery, CurvesQuery, GroupCurve, IntervalRule,
    QuantileRule, TestVariance, TrendQuery, compare, curves,
};
use weighting::{
    Estimand, InverseProbability, ScoreScale, Truncation, WeightMethod, WeightsQuery, weigh,
};

/// Column of the logits of the scores.
const SCORE: &str = "logit of the score";

/// A weighted sample: the weights of one kind stand in a column of its name.
struct Weighted {
    sample: Sample,
    selection: Selection,
    endpoint: EndpointColumns,
    exposure: String,
}

pub fn answer(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let endpoint = sample.add_endpoint(&case.input);
    let exposure = text(&case.input["treatment"]);
    sample.add(&exposure, &Reading::Plain);
    let terms = sample.add_covariates(&case.input["covariates"]);
    let selection = sample.complete();
    let scores = scores(&sample, &selection, &exposure, terms)?;
    let mut weighted = Weighted { sample, selection, endpoint, exposure };
    weighted.add_scores(&scores);
    let kinds = case.expect["weights"].as_object().into_iter().flatten();
    let mut answers = Map::new();
    for (kind, golden) in kinds {
        weighted.add(kind, &numbers(&case.expect["row"]), &numbers(&golden["weights"]));
        let answer = json!({
            "cox": weighted.cox(kind)?,
            "km": weighted.curves(case, kind)?,
            "logrank_xie_liu": xie_liu(&weighted.log_rank(kind, TestVariance::Hypergeometric)?),
            "logrank_survey": survey(&weighted.log_rank(kind, TestVariance::Design)?),
            "balance": weighted.balance(case, kind)?,
        });
        let mut fields = weighted.weigh(kind)?;
        fields.extend(answer.as_object().cloned().unwrap_or_default());
        answers.insert(kind.clone(), fields.into());
    }
    let rows = weighted.selection.rows().iter().map(|row| row + 1);
    Ok(json!({
        "n": weighted.selection.len(),
        "n_dropped_missing": weighted.sample.table.len() - weighted.selection.len(),
        "row": rows.collect::<Vec<_>>(),
        "propensity": scores.probability,
        "weights": answers,
    }))
}

fn scores(
    sample: &Sample,
    selection: &Selection,
    exposure: &str,
    terms: Vec<Term>,
) -> Result<PropensityScores, String> {
    let outcome = Level { column: exposure.into(), level: "1".into() };
    let query = LogisticQuery::new(outcome, terms);
    propensity(&sample.cohort, selection, &query).map_err(words)
}

impl Weighted {
    /// Adds the weights of some rows, which count from 1; the others have none.
    fn add(&mut self, kind: &str, rows: &[f64], weights: &[f64]) {
        let mut values = vec![0.0; self.sample.table.len()];
        for (row, weight) in rows.iter().zip(weights) {
            values[*row as usize - 1] = *weight;
        }
        let column = Column::numeric(kind, values);
        self.sample.cohort.push(column).expect("the column fits the cohort");
    }

    /// Adds the logits of the scores; rows without a score are not selected.
    fn add_scores(&mut self, scores: &PropensityScores) {
        let mut logits = vec![0.0; self.sample.table.len()];
        for (&row, &logit) in scores.rows.iter().zip(&scores.linear_predictor) {
            logits[row] = logit;
        }
        let column = Column::numeric(SCORE, logits);
        self.sample.cohort.push(column).expect("the column fits the cohort");
    }

    /// The weights of one kind, from the scores.
    fn weigh(&self, kind: &str) -> Result<Map<String, Value>, String> {
        let estimand = match kind {
            "att" => Estimand::Att,
            "overlap" => Estimand::Overlap,
            "matching_weight" => Estimand::Matching,
            _ => Estimand::Ate,
        };
        let query = WeightsQuery {
            exposure: self.exposure.clone(),
            exposed: "1".into(),
            method: WeightMethod::InverseProbability(InverseProbability {
                score: SCORE.into(),
                scale: ScoreScale::Logit,
                estimand,
                stabilised: kind.starts_with("ate_stabilised"),
            }),
            truncation: kind
                .ends_with("truncated_1_99")
                .then_some(Truncation { lower: 0.01, upper: 0.99 }),
        };
        let found = weigh(&self.sample.cohort, &self.selection, &query).map_err(words)?;
        let (treated, control) = (&found.exposed, &found.comparators);
        let fields = json!({
            "weights": found.weights,
            "sum_treated": treated.sum,
            "sum_control": control.sum,
            "ess_treated": treated.effective_sample_size,
            "ess_control": control.effective_sample_size,
            "min": treated.minimum.min(control.minimum),
            "max": treated.maximum.max(control.maximum),
        });
        Ok(fields.as_object().cloned().unwrap_or_default())
    }

    /// The model of the treatment alone.
    fn cox(&self, kind: &str) -> Result<Value, String> {
        let terms = vec![Term::linear(self.exposure.as_str())];
        let query = CoxQuery {
            weights: Some(WeightColumn { column: kind.into(), kind: WeightKind::Sampling }),
            ..CoxQuery::new(self.endpoint.clone(), terms)
        };
        let fit = cox(&self.sample.cohort, &self.selection, &query).map_err(words)?;
        let treatment = &fit.coefficients[0];
        let robust = |part: Option<Estimate>| part.as_ref().map_or(Value::Null, estimate);
        let interval = treatment.robust_interval;
        let score = fit.robust_score_test;
        Ok(json!({
            "coef": estimate(&treatment.estimate),
            "se_model": estimate(&treatment.standard_error),
            "se_robust": robust(treatment.robust_standard_error),
            "hr": estimate(&treatment.hazard_ratio),
            "hr_lower": robust(interval.map(|interval| interval.lower)),
            "hr_upper": robust(interval.map(|interval| interval.upper)),
            "robust_score_chisq": robust(score.map(|test| test.chi_squared)),
            "robust_score_p": robust(score.map(|test| test.p_value)),
        }))
    }

    /// The curve of each treatment at some times, and its median.
    fn curves(&self, case: &Case, kind: &str) -> Result<Value, String> {
        let query = CurvesQuery {
            group: Some(self.exposure.clone()),
            weights: Some(WeightColumn { column: kind.into(), kind: WeightKind::Sampling }),
            interval: IntervalRule::LogLog,
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::LogLog)],
            times: numbers(&case.input["at_times"]),
            ..CurvesQuery::new(self.endpoint.clone())
        };
        let answer = curves(&self.sample.cohort, &self.selection, &query).map_err(words)?;
        Ok(list(&answer.groups, curve))
    }

    /// How alike the arms are under the weights, with indicators for the levels of factors.
    fn balance(&mut self, case: &Case, kind: &str) -> Result<Value, String> {
        let terms = texts(&case.expect["weights"][kind]["balance"]["terms"]);
        for term in &terms {
            self.add_indicator(term);
        }
        super::balance::of_weights(&self.sample, &self.selection, &self.exposure, kind, &terms)
    }

    /// A term such as `size=20-50` as a number of 0 and 1; other terms are columns already.
    fn add_indicator(&mut self, term: &str) {
        let is_known = self.sample.cohort.names().any(|known| known == term);
        let Some((column, level)) = term.split_once('=').filter(|_| !is_known) else { return };
        let cells = self.sample.table.column(column);
        let indicator = cells.iter().map(|cell| f64::from(u8::from(*cell == level))).collect();
        let column = Column::numeric(term, indicator);
        self.sample.cohort.push(column).expect("the column fits the cohort");
    }

    /// The log-rank test of the treatment, with a trend for its sign.
    fn log_rank(&self, kind: &str, variance: TestVariance) -> Result<Comparison, String> {
        let query = ComparisonQuery {
            endpoint: self.endpoint.clone(),
            group: self.exposure.clone(),
            strata: Vec::new(),
            weights: Some(WeightColumn { column: kind.into(), kind: WeightKind::Sampling }),
            options: ComparisonOptions {
                variance,
                trend: Some(TrendQuery::default()),
                ..ComparisonOptions::default()
            },
        };
        compare(&self.sample.cohort, &self.selection, &query).map_err(words)
    }
}

fn curve(group: &GroupCurve) -> Value {
    let at_times = &group.at_times;
    let median = &group.quantiles[0];
    json!({
        "group": group.group.as_deref().and_then(|level| level.parse::<f64>().ok()),
        "times": list(at_times, |at| json!(at.time)),
        "n_risk_weighted": list(at_times, |at| json!(at.weighted.map(|sums| sums.at_risk))),
        "surv": list(at_times, |at| estimate(&at.survival)),
        "se_robust": list(at_times, |at| estimate(&at.standard_error)),
        "lower_loglog": list(at_times, |at| estimate(&at.interval.lower)),
        "upper_loglog": list(at_times, |at| estimate(&at.interval.upper)),
        "median": estimate(&median.value),
        "median_lower_loglog": estimate(&median.interval.lower),
        "median_upper_loglog": estimate(&median.interval.upper),
    })
}

fn xie_liu(comparison: &Comparison) -> Value {
    let treated = &comparison.groups[1];
    let mut fields = survey(comparison);
    fields["numerator"] = json!(treated.observed - treated.expected);
    fields["variance"] = json!(comparison.variance[1][1]);
    fields
}

fn survey(comparison: &Comparison) -> Value {
    json!({
        "z": comparison.trend.as_ref().map(|trend| estimate(&trend.test.z)),
        "chisq": estimate(&comparison.chi_squared),
        "p": estimate(&comparison.p_value),
    })
}
