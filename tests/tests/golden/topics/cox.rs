//! Cox models.

mod diagnostics;
mod penalised;
mod prediction;
mod selection;

use super::{nothing, words};
use crate::case::Case;
use crate::json::{estimate, list, texts};
use crate::sample::{Reading, Sample};
use cohort::{Selection, Term};
use cox::{
    Coefficient, Concordance, CoxFit, CoxOptions, CoxQuery, CoxScreenQuery, ProportionalHazards,
    TestResult, Ties, TimeTransform, Variance, cox, screen,
};
use serde_json::{Map, Value, json};

const TRANSFORMS: [(&str, TimeTransform); 4] = [
    ("km", TimeTransform::KaplanMeier),
    ("rank", TimeTransform::Rank),
    ("identity", TimeTransform::Identity),
    ("log", TimeTransform::Log),
];

pub fn answer(case: &Case) -> Result<Value, String> {
    let Some(ties) = ties(&case.input["ties"]) else {
        return Ok(nothing());
    };
    let mut sample = Sample::new(case);
    let query = query(&mut sample, &case.input, ties);
    if let Some(alpha) = case.input["alpha_stay"].as_f64() {
        return selection::answer(&sample, query, alpha);
    }
    if case.expect.get("penalised_loglik").is_some() {
        return penalised::answer(&sample.cohort, &sample.complete(), query);
    }
    if case.expect.get("univariate").is_some() {
        return univariate(&sample, query);
    }
    let selection = sample.complete();
    let fit = cox(&sample.cohort, &selection, &query).map_err(words)?;
    let mut fields = model(&fit);
    fields.insert("n_dropped_missing".into(), json!(sample.table.len() - selection.len()));
    if case.expect.get("zph").is_some() {
        fields.insert("zph".into(), zph(&sample, &selection, &query)?);
    }
    if case.expect.get("residuals").is_some() {
        fields.insert("residuals".into(), diagnostics::residuals(&sample, &selection, &query)?);
    }
    if prediction::FIELDS.iter().any(|field| case.expect.get(field).is_some()) {
        fields.extend(prediction::fields(&sample, &selection, &query, &case.input)?);
    }
    Ok(Value::Object(fields))
}

fn ties(name: &Value) -> Option<Ties> {
    match name.as_str() {
        Some("efron") => Some(Ties::Efron),
        Some("breslow") => Some(Ties::Breslow),
        Some("exact") => Some(Ties::Exact),
        _ => None,
    }
}

fn query(sample: &mut Sample, input: &Value, ties: Ties) -> CoxQuery {
    let strata = texts(&input["strata"]);
    for column in &strata {
        sample.add(column, &Reading::Plain);
    }
    let cluster = input["cluster"].as_str().map(String::from);
    if let Some(column) = &cluster {
        sample.add(column, &Reading::Plain);
    }
    let offset = input["offset"].as_str().map(String::from);
    if let Some(column) = &offset {
        sample.add(column, &Reading::Plain);
    }
    let confidence = input["conf_level"].as_f64().unwrap_or(0.95);
    let endpoint = sample.add_endpoint(input);
    CoxQuery {
        strata,
        cluster,
        weights: sample.add_weights(input),
        offset,
        variance: if input["robust"] == true { Variance::Robust } else { Variance::Automatic },
        options: CoxOptions { ties, confidence, ..CoxOptions::default() },
        concordance: true,
        ..CoxQuery::new(endpoint, sample.add_covariates(&input["covariates"]))
    }
}

/// The golden files call a covariate by its column, whatever is done to its values.
fn untransformed(name: &str) -> &str {
    let inner = ["log(", "log1p(", "sqrt("].iter().find_map(|start| name.strip_prefix(start));
    inner.and_then(|inner| inner.strip_suffix(')')).unwrap_or(name)
}

/// A fitted model as the golden files lay it out, with the robust variance where there is one.
pub fn model(fit: &CoxFit) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut insert = |name: &str, value: Value| fields.insert(name.to_string(), value);
    insert("n", json!(fit.n));
    insert("n_event", json!(fit.n_events));
    insert("terms", list(&fit.coefficients, |coefficient| json!(untransformed(&coefficient.name))));
    insert("coef", list(&fit.coefficients, |coefficient| estimate(&coefficient.estimate)));
    insert("se", list(&fit.coefficients, |coefficient| estimate(&coefficient.standard_error)));
    insert("r_means", list(&fit.coefficients, |coefficient| json!(coefficient.centre)));
    insert("hr", list(&fit.coefficients, |coefficient| estimate(&coefficient.hazard_ratio)));
    insert("var", json!(fit.covariance));
    insert("loglik_null", json!(fit.log_likelihood_null));
    insert("loglik", json!(fit.log_likelihood));
    insert("test_lr", test(&fit.likelihood_ratio_test));
    insert("test_score", test(&fit.score_test));
    insert("aic", json!(fit.aic));
    insert("bic_events", json!(fit.bic));
    if let Some(concordance) = &fit.concordance {
        insert("concordance", self::concordance(concordance));
    }
    match &fit.robust_covariance {
        None => {
            insert("z", list(&fit.coefficients, |coefficient| estimate(&coefficient.z)));
            insert("p", list(&fit.coefficients, |coefficient| estimate(&coefficient.p_value)));
            insert("hr_lower", list(&fit.coefficients, |c| estimate(&c.interval.lower)));
            insert("hr_upper", list(&fit.coefficients, |c| estimate(&c.interval.upper)));
            insert("test_wald", test(&fit.wald_test));
        }
        Some(covariance) => {
            insert("robust_var", json!(covariance));
            fields.extend(robust(&fit.coefficients));
            let robust = [
                ("test_wald", &fit.robust_wald_test),
                ("test_robust_score", &fit.robust_score_test),
            ];
            for (name, robust) in robust {
                fields.extend(robust.as_ref().map(|robust| (name.to_string(), test(robust))));
            }
        }
    }
    fields
}

fn robust(coefficients: &[Coefficient]) -> Map<String, Value> {
    let part = |part: &dyn Fn(&Coefficient) -> Option<cohort::Estimate>| {
        list(coefficients, |coefficient| part(coefficient).as_ref().map_or(Value::Null, estimate))
    };
    let z = |c: &Coefficient| {
        let se = c.robust_standard_error?;
        Some(c.estimate.and_then(|estimate| se.map(|se| estimate / se)))
    };
    let fields = [
        ("robust_se", part(&|c| c.robust_standard_error)),
        ("z", part(&z)),
        ("p", part(&|c| c.robust_p_value)),
        ("hr_lower", part(&|c| c.robust_interval.map(|interval| interval.lower))),
        ("hr_upper", part(&|c| c.robust_interval.map(|interval| interval.upper))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// A chi-squared test.
pub fn test(test: &TestResult) -> Value {
    json!({
        "chisq": estimate(&test.chi_squared),
        "df": test.degrees_of_freedom,
        "p": estimate(&test.p_value),
    })
}

fn concordance(concordance: &Concordance) -> Value {
    json!({
        "c": estimate(&concordance.value),
        // R's is that of clusters when there are some.
        "se": estimate(
            concordance.robust_standard_error.as_ref().unwrap_or(&concordance.standard_error)
        ),
        "concordant": concordance.concordant,
        "discordant": concordance.discordant,
        "tied_risk": concordance.tied_risk,
        "tied_time": concordance.tied_time,
        "tied_both": concordance.tied_both,
    })
}

fn zph(sample: &Sample, selection: &Selection, query: &CoxQuery) -> Result<Value, String> {
    let mut fields = Map::new();
    for (name, transform) in TRANSFORMS {
        let query = CoxQuery { proportional_hazards: Some(transform), ..query.clone() };
        let fit = cox(&sample.cohort, selection, &query).map_err(words)?;
        let tests = fit.proportional_hazards.ok_or("the fit has no test of proportionality")?;
        let tests = json!({
            "by_term": proportionality(&tests),
            "by_coefficient": proportionality_by_coefficient(&tests),
        });
        fields.insert(name.into(), tests);
    }
    Ok(Value::Object(fields))
}

/// Tests of proportional hazards, the one of all terms last.
pub fn proportionality(tests: &ProportionalHazards) -> Value {
    let by_term = tests.terms.iter().map(|term| (term.term.as_str(), &term.test));
    named_tests(&by_term.chain([("GLOBAL", &tests.global)]).collect::<Vec<_>>())
}

fn proportionality_by_coefficient(tests: &ProportionalHazards) -> Value {
    let tested = tests.coefficients.iter().map(|tested| (tested.name.as_str(), &tested.test));
    named_tests(&tested.chain([("GLOBAL", &tests.global)]).collect::<Vec<_>>())
}

fn named_tests(rows: &[(&str, &TestResult)]) -> Value {
    json!({
        "rows": list(rows, |(name, _)| json!(name)),
        "chisq": list(rows, |(_, test)| estimate(&test.chi_squared)),
        "df": list(rows, |(_, test)| json!(test.degrees_of_freedom)),
        "p": list(rows, |(_, test)| estimate(&test.p_value)),
    })
}

/// One model per covariate, each on its own complete cases.
fn univariate(sample: &Sample, model: CoxQuery) -> Result<Value, String> {
    let candidates = model.terms.clone();
    let model = CoxQuery { terms: Vec::new(), ..model };
    let one = |term: &Term| {
        let endpoint = [model.endpoint.time.as_str(), &model.endpoint.event];
        let columns: Vec<&str> = endpoint.into_iter().chain(term.columns()).collect();
        let selection = sample.complete_in(&columns);
        let query = CoxScreenQuery { model: model.clone(), candidates: vec![term.clone()] };
        let screened = screen(&sample.cohort, &selection, &query).map_err(words)?;
        let fit = screened[0].fit.as_ref().map_err(words)?;
        let mut fields = self::model(fit);
        fields.insert("covariate".into(), json!(screened[0].term));
        fields.insert("n_dropped_missing".into(), json!(sample.table.len() - selection.len()));
        Ok(Value::Object(fields))
    };
    Ok(json!({"univariate": candidates.iter().map(one).collect::<Result<Vec<_>, String>>()?}))
}
