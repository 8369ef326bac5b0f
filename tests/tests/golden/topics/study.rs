//! The statistics of one whole study, asked of the crates one by one; the study through the command
//! line is tested elsewhere.

use super::{cox as models, hypothesis, km, words};
use crate::case::Case;
use crate::json::{estimate, list, numbers, text, with_limits};
use crate::sample::{Reading, Sample};
use balance::{
    BalanceQuery, BalanceRow, BalanceTest, NumericSummary, Summary, TestChoice, Variable, balance,
};
use cohort::{Column, EndpointColumns, Selection, Term};
use cox::{CoxFit, CoxQuery, Outcome, TimeTransform, cox, e_value};
use matching::{Caliper, CaliperScale, MatchQuery, MatchedSample, match_pairs};
use numerics::tails::chi_squared_sf;
use propensity::{Level, LogisticQuery, PropensityScores, propensity};
use serde_json::{Map, Value, json};
use survival::{
    ComparisonOptions, ComparisonQuery, Curves, CurvesQuery, IntervalRule, QuantileRule, compare,
    curves,
};

/// The treatment as the golden file calls it: 1 is treated.
const TREATMENT: &str = ".t";
const SCORE: &str = "score";
const PAIR: &str = "pair";

/// The interval rules of the tables.
const RULES: [(&str, IntervalRule); 3] =
    [("plain", IntervalRule::Plain), ("log", IntervalRule::Log), ("log-log", IntervalRule::LogLog)];

pub fn answer(case: &Case) -> Result<Value, String> {
    let mut study = Study::new(case)?;
    let all = study.sample.complete();
    let scores = study.scores(&all)?;
    let matched = study.matched(&all, &scores)?;
    let pairs = matched.pairs.iter().flat_map(|pair| [pair.exposed, pair.comparator]);
    let paired = Selection::of(&study.sample.cohort, pairs).map_err(words)?;
    let ids = study.sample.table.column("pid");
    let id = |row: usize| json!(ids[row]);
    Ok(json!({
        "flow": {
            "rows_in_file": study.sample.table.len(),
            "after_filter": study.sample.table.len(),
            "dropped_missing": study.sample.table.len() - all.len(),
            "analysed": all.len(),
        },
        "before": study.before(&all)?,
        "propensity": {
            "terms": list(&scores.fit.coefficients, |c| json!(c.name)),
            "coef": list(&scores.fit.coefficients, |c| estimate(&c.estimate)),
            "linear_predictor_sd": estimate(&scores.linear_predictor_sd),
            "caliper_absolute": matched.certificate.caliper,
            "auc": estimate(&scores.c_statistic),
        },
        "matched_pairs": list(&matched.pairs, |pair| json!([id(pair.exposed), id(pair.comparator)])),
        "unmatched_treated": list(&matched.unmatched_exposed, |&row| id(row)),
        "after": study.after(&paired)?,
    }))
}

struct Study<'a> {
    case: &'a Case,
    sample: Sample,
    endpoint: EndpointColumns,
    terms: Vec<Term>,
}

impl<'a> Study<'a> {
    fn new(case: &'a Case) -> Result<Self, String> {
        let mut sample = Sample::new(case);
        let endpoint = sample.add_endpoint(&case.input);
        let terms = sample.add_covariates(&case.input["covariates"]);
        for subgroup in case.input["subgroups"].as_array().into_iter().flatten() {
            sample.add(&text(&subgroup["column"]), &Reading::Plain);
        }
        let treated = text(&case.input["treatment_value"]);
        let cells = sample.table.column(case.input["treatment"].as_str().unwrap_or_default());
        let treatment = cells.iter().map(|cell| f64::from(u8::from(*cell == treated))).collect();
        sample.cohort.push(Column::numeric(TREATMENT, treatment)).map_err(words)?;
        Ok(Self { case, sample, endpoint, terms })
    }

    fn scores(&self, all: &Selection) -> Result<PropensityScores, String> {
        let treated = Level { column: TREATMENT.into(), level: "1".into() };
        let query = LogisticQuery::new(treated, self.terms.clone());
        propensity(&self.sample.cohort, all, &query).map_err(words)
    }

    /// Matches, and numbers the pairs in a column.
    fn matched(
        &mut self,
        all: &Selection,
        scores: &PropensityScores,
    ) -> Result<MatchedSample, String> {
        let cohort = &mut self.sample.cohort;
        let mut score = vec![0.0; cohort.len()];
        for (&row, &value) in all.rows().iter().zip(&scores.linear_predictor) {
            score[row] = value;
        }
        cohort.push(Column::numeric(SCORE, score)).map_err(words)?;
        let width = self.case.input["matching"]["caliper_sd"].as_f64().ok_or("no caliper")?;
        let query = MatchQuery {
            caliper: Some(Caliper { width, scale: CaliperScale::StandardDeviations }),
            ..MatchQuery::nearest(TREATMENT, "1", SCORE)
        };
        let matched = match_pairs(cohort, all, &query).map_err(words)?;
        let mut pair = vec![0.0; cohort.len()];
        for (number, members) in matched.pairs.iter().enumerate() {
            pair[members.exposed] = number as f64;
            pair[members.comparator] = number as f64;
        }
        cohort.push(Column::numeric(PAIR, pair)).map_err(words)?;
        Ok(matched)
    }

    fn before(&self, all: &Selection) -> Result<Value, String> {
        let mut fields = self.described(all)?;
        fields.insert("cox_crude".into(), model(&self.fit(all, &[], |query| query)?));
        fields.insert("cox_adjusted".into(), model(&self.fit(all, &self.terms, |query| query)?));
        Ok(Value::Object(fields))
    }

    fn after(&self, paired: &Selection) -> Result<Value, String> {
        let crude = self.fit(paired, &[], |query| query)?;
        let by_pair = |query| CoxQuery { cluster: Some(PAIR.into()), ..query };
        let robust = self.fit(paired, &[], by_pair)?;
        let (univariate, kept) = self.univariate(paired)?;
        let tested = self.fit(paired, &self.terms, |query| CoxQuery {
            proportional_hazards: Some(TimeTransform::KaplanMeier),
            ..query
        })?;
        let tests = tested.proportional_hazards.as_ref().ok_or("no test of proportionality")?;
        let mut selected = model(&self.fit(paired, &kept, |query| query)?);
        selected["kept"] = list(&kept, |term| json!(term.name()));

        let mut fields = self.described(paired)?;
        let mut insert = |name: &str, value: Value| fields.insert(name.to_string(), value);
        insert("logrank_stratified_by_pair", self.log_rank(paired, &[PAIR.into()])?);
        insert("cox_treatment_crude", model(&crude));
        insert("cox_treatment_robust_by_pair", model(&robust));
        insert("cox_univariate", Value::Array(univariate));
        insert("cox_multivariate_all", model(&tested));
        insert("cox_multivariate_selected_p05", selected);
        insert("proportional_hazards_km", models::proportionality(tests));
        insert("subgroups", self.subgroups(paired)?);
        insert("e_value", e_values(&crude)?);
        Ok(Value::Object(fields))
    }

    /// What is said of the patients both before and after matching.
    fn described(&self, selection: &Selection) -> Result<Map<String, Value>, String> {
        let (table, largest) = self.table1(selection)?;
        let fields = [
            ("counts", self.counts(selection)?),
            ("table1", table),
            ("max_abs_smd", largest),
            ("km", self.km(selection)?),
            ("logrank", self.log_rank(selection, &[])?),
            ("median_follow_up", self.follow_up(selection)?),
        ];
        Ok(fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
    }

    fn counts(&self, selection: &Selection) -> Result<Value, String> {
        let arms = self.curves(selection, Some(TREATMENT), false)?.groups;
        let [control, treated] = arms.as_slice() else {
            return Err("there are not two arms".into());
        };
        Ok(json!({
            "n": selection.len(),
            "treated": treated.n,
            "control": control.n,
            "events": treated.n_events + control.n_events,
            "events_treated": treated.n_events,
            "events_control": control.n_events,
        }))
    }

    /// The table with the differences standardised by the sample at hand, and the largest of them.
    fn table1(&self, selection: &Selection) -> Result<(Value, Value), String> {
        let variable = |term: &Term| match term {
            Term::Factor { column, .. } => Variable::Categorical(column.clone()),
            other => Variable::Numeric(other.name()),
        };
        let tests = vec![
            BalanceTest::ChiSquared,
            BalanceTest::ChiSquaredYates,
            BalanceTest::Fisher,
            BalanceTest::MannWhitney,
            BalanceTest::MannWhitneyContinuity,
            BalanceTest::WelchT,
        ];
        let variables = self.terms.iter().map(variable).collect();
        let query = BalanceQuery {
            tests: TestChoice::Listed(tests),
            ..BalanceQuery::new(TREATMENT, "1", variables)
        };
        let table = balance(&self.sample.cohort, selection, selection, &query).map_err(words)?;
        let rows = table.rows.iter().map(table1_row).collect::<Result<Vec<_>, _>>()?;
        Ok((Value::Array(rows), estimate(&table.largest_smd)))
    }

    fn curves(
        &self,
        selection: &Selection,
        group: Option<&str>,
        reverse: bool,
    ) -> Result<Curves, String> {
        self.curves_by(selection, group, reverse, IntervalRule::Log)
    }

    fn curves_by(
        &self,
        selection: &Selection,
        group: Option<&str>,
        reverse: bool,
        interval: IntervalRule,
    ) -> Result<Curves, String> {
        let input = &self.case.input;
        let rules = RULES.iter().map(|(_, rule)| QuantileRule::Curve(*rule));
        let query = CurvesQuery {
            group: group.map(String::from),
            reverse,
            interval,
            quantiles: vec![0.5],
            quantile_rules: rules.chain([QuantileRule::Spss]).collect(),
            times: numbers(&input["at_times"]),
            restricted_mean_times: numbers(&input["tau"]),
            ..CurvesQuery::new(self.endpoint.clone())
        };
        curves(&self.sample.cohort, selection, &query).map_err(words)
    }

    fn km(&self, selection: &Selection) -> Result<Value, String> {
        let by_rule = RULES
            .iter()
            .map(|(name, rule)| {
                Ok((*name, self.curves_by(selection, Some(TREATMENT), false, *rule)?.groups))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let arm = |arm: usize| {
            let of_arm: Vec<_> = by_rule.iter().map(|(name, arms)| (*name, &arms[arm])).collect();
            let mut curve = km::group_answer(&of_arm);
            let spss = curve["spss_quantiles"][0].take();
            json!({
                "group": arm,
                "n": curve["n"],
                "events": curve["events"],
                "median": km::medians(of_arm[0].1),
                "median_spss": {
                    "median": spss["estimate"],
                    "se": spss["se"],
                    "lower": spss["lower"],
                    "upper": spss["upper"],
                },
                "rates": curve["at_times"].take(),
                "rmst": curve["rmst"].take(),
            })
        };
        Ok(json!([arm(0), arm(1)]))
    }

    fn log_rank(&self, selection: &Selection, strata: &[String]) -> Result<Value, String> {
        let query = ComparisonQuery {
            endpoint: self.endpoint.clone(),
            group: TREATMENT.into(),
            strata: strata.to_vec(),
            weights: None,
            options: ComparisonOptions::default(),
        };
        let comparison = compare(&self.sample.cohort, selection, &query).map_err(words)?;
        Ok(json!({
            "chisq": estimate(&comparison.chi_squared),
            "df": comparison.degrees_of_freedom,
            "p": estimate(&comparison.p_value),
            "observed": list(&comparison.groups, |group| json!(group.observed)),
            "expected": list(&comparison.groups, |group| json!(group.expected)),
        }))
    }

    fn follow_up(&self, selection: &Selection) -> Result<Value, String> {
        let all = self.curves(selection, None, true)?.groups;
        let arms = self.curves(selection, Some(TREATMENT), true)?.groups;
        let median = |curve| km::medians(curve)["log-log"].take();
        Ok(json!({
            "all": median(&all[0]),
            "control": median(&arms[0]),
            "treated": median(&arms[1]),
            "limits": "log-log",
        }))
    }

    /// The model of treatment and some terms.
    fn fit(
        &self,
        selection: &Selection,
        terms: &[Term],
        change: impl Fn(CoxQuery) -> CoxQuery,
    ) -> Result<CoxFit, String> {
        let terms = [Term::linear(TREATMENT)].iter().chain(terms).cloned().collect();
        self.fit_terms(selection, terms, change)
    }

    fn fit_terms(
        &self,
        selection: &Selection,
        terms: Vec<Term>,
        change: impl Fn(CoxQuery) -> CoxQuery,
    ) -> Result<CoxFit, String> {
        let query = CoxQuery::new(self.endpoint.clone(), terms);
        let query = CoxQuery { concordance: true, ..query };
        cox(&self.sample.cohort, selection, &change(query)).map_err(words)
    }

    /// One model per term, and the covariates whose Wald test is below 0.05.
    fn univariate(&self, selection: &Selection) -> Result<(Vec<Value>, Vec<Term>), String> {
        let treatment = self.fit(selection, &[], |query| query)?;
        let mut rows = vec![model(&treatment)];
        rows[0]["covariate"] = json!("treatment");
        let mut kept = Vec::new();
        for term in &self.terms {
            let fit = self.fit_terms(selection, vec![term.clone()], |query| query)?;
            if fit.wald_test.p_value.is_ok_and(|p| p < 0.05) {
                kept.push(term.clone());
            }
            let mut row = model(&fit);
            row["covariate"] = json!(term.name());
            rows.push(row);
        }
        Ok((rows, kept))
    }

    fn subgroups(&self, selection: &Selection) -> Result<Value, String> {
        let one = |term: &Term| self.subgroup(selection, term);
        let names: Vec<String> = self.case.input["subgroups"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|subgroup| text(&subgroup["column"]))
            .collect();
        let terms = names.iter().filter_map(|name| self.terms.iter().find(|t| t.name() == *name));
        Ok(Value::Array(terms.map(one).collect::<Result<Vec<_>, _>>()?))
    }

    fn subgroup(&self, selection: &Selection, term: &Term) -> Result<Value, String> {
        let main = self.fit(selection, std::slice::from_ref(term), |query| query)?;
        let product = Term::interaction(Term::linear(TREATMENT), term.clone());
        let full = self.fit(selection, &[term.clone(), product], |query| query)?;
        let chisq = 2.0 * (full.log_likelihood - main.log_likelihood);
        let df = full.coefficients.len() - main.coefficients.len();
        let wald = full.term_tests.last().ok_or("the interaction has no test")?;
        let column = term.name();
        let categories = self.sample.cohort.categories(&column, selection).map_err(words)?;
        let level = |(code, level): (usize, &String)| {
            let members = selection.rows().iter().zip(&categories.codes);
            let members =
                members.filter(|(_, other)| **other as usize == code).map(|(&row, _)| row);
            let members = Selection::of(&self.sample.cohort, members).map_err(words)?;
            self.level(&members, level)
        };
        let levels = categories.levels.iter().enumerate().map(level);
        Ok(json!({
            "variable": column,
            "interaction_lr": {"chisq": chisq, "df": df, "p": chi_squared_sf(chisq, df)},
            "interaction_wald": models::test(&wald.test),
            "levels": levels.collect::<Result<Vec<_>, String>>()?,
        }))
    }

    fn level(&self, members: &Selection, level: &str) -> Result<Value, String> {
        let arms = self.curves(members, Some(TREATMENT), false)?.groups;
        let median = |arm: usize| km::medians(&arms[arm])["log-log"].take();
        let fit = self.fit(members, &[], |query| query)?;
        let ratio = &fit.coefficients[0];
        let mut hr = with_limits(&ratio.hazard_ratio, &ratio.interval);
        if let Some(parts) = hr.as_array_mut() {
            parts.push(estimate(&ratio.p_value));
        }
        let mut fields = self.counts(members)?;
        fields["level"] = json!(level);
        fields["median_control"] = median(0);
        fields["median_treated"] = median(1);
        fields["logrank"] = self.log_rank(members, &[])?;
        fields["hr"] = hr;
        Ok(fields)
    }
}

fn model(fit: &CoxFit) -> Value {
    Value::Object(models::model(fit))
}

fn table1_row(row: &BalanceRow) -> Result<Value, String> {
    let p = |test| hypothesis::find(row, test).map(|outcome| estimate(&outcome.p_value));
    let (variable, smd) =
        (&row.baseline.variable, estimate(&row.differences.standardised.own_pooled));
    match &row.baseline.summary {
        Summary::Numeric { groups, .. } => Ok(json!({
            "covariate": variable,
            "kind": "numeric",
            "treated": numeric_summary(&groups[0]),
            "control": numeric_summary(&groups[1]),
            "mann_whitney_p": p(BalanceTest::MannWhitney)?,
            "mann_whitney_p_continuity": p(BalanceTest::MannWhitneyContinuity)?,
            "welch_t_p": p(BalanceTest::WelchT)?,
            "smd": smd,
        })),
        Summary::Categorical { levels, counts, .. } => {
            let chi_squared = hypothesis::find(row, BalanceTest::ChiSquared)?;
            Ok(json!({
                "covariate": variable,
                "kind": "factor",
                "levels": levels,
                "treated": counts[0],
                "control": counts[1],
                "chisq": chi_squared.statistic.as_ref().map(estimate),
                "df": chi_squared.degrees_of_freedom,
                "chisq_p": estimate(&chi_squared.p_value),
                // Yates's correction is left out of larger tables.
                "chisq_yates_p": p(BalanceTest::ChiSquaredYates).unwrap_or(Value::Null),
                "fisher_p": p(BalanceTest::Fisher)?,
                "smd": smd,
            }))
        }
    }
}

fn numeric_summary(summary: &NumericSummary) -> Value {
    json!({
        "n": summary.n,
        "mean": estimate(&summary.mean),
        "sd": estimate(&summary.sd),
        "median": estimate(&summary.median),
        "q1": estimate(&summary.q1),
        "q3": estimate(&summary.q3),
    })
}

fn e_values(fit: &CoxFit) -> Result<Value, String> {
    let ratio = &fit.coefficients[0];
    let estimate = ratio.hazard_ratio.map_err(words)?;
    let (lower, upper) = (ratio.interval.lower.ok(), ratio.interval.upper.ok());
    let common = e_value(estimate, lower, upper, Outcome::Common);
    let rare = e_value(estimate, lower, upper, Outcome::Rare);
    Ok(json!({
        "hr_common_estimate": common.estimate,
        "hr_common_limit": common.limit,
        "hr_rare_estimate": rare.estimate,
    }))
}
