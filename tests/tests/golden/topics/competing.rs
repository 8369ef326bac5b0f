//! Competing risks.

use super::words;
use crate::case::Case;
use crate::json::{estimate, list, numbers, text};
use crate::sample::{Reading, Sample};
use cohort::{Cause, CauseColumns, Interval, Selection};
use cox::{
    CensoringTies, CensoringVariance, CoxFit, CoxOptions, CoxQuery, FineGrayQuery, Ties, cox,
    fine_gray,
};
use serde_json::{Map, Value, json};
use survival::{
    GroupIncidence, IncidenceComparisonQuery, IncidenceCurve, IncidenceQuery, IntervalRule,
    StateCurve, compare_incidence, incidence,
};

pub fn answer(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let endpoint = add_causes(&mut sample, &case.input);
    let group = sample.add_group(&case.input);
    let selection = sample.complete();
    let query = IncidenceQuery {
        endpoint: endpoint.clone(),
        group: group.clone(),
        interval: IntervalRule::Log,
        confidence: 0.95,
        times: numbers(&case.input["at_times"]),
        time_lost_horizons: Vec::new(),
        cause_specific: false,
    };
    let by_rule = |interval| {
        let query = IncidenceQuery { interval, ..query.clone() };
        incidence(&sample.cohort, &selection, &query).map(|all| all.groups).map_err(words)
    };
    let (log, log_log) = (by_rule(IntervalRule::Log)?, by_rule(IntervalRule::LogLog)?);
    let mut fields = Map::new();
    fields.insert("n_used".into(), json!(selection.len()));
    fields.insert("n_dropped_missing".into(), json!(sample.table.len() - selection.len()));
    let groups = log.iter().zip(&log_log);
    let groups = groups.map(|(log, log_log)| aalen_johansen(log, &log_log.curve));
    fields.insert("aalen_johansen".into(), Value::Array(groups.collect()));
    fields.insert("cuminc".into(), cuminc(&log, &query));
    if let Some(group) = group {
        for (name, rho) in [("gray", 0.0), ("gray_rho1", 1.0)] {
            let gray = gray(&sample, &selection, &endpoint, &group, rho)?;
            fields.insert(name.into(), gray);
        }
    }
    if case.expect.get("regression").is_some() {
        fields.insert("regression".into(), regression(&mut sample, case, &endpoint)?);
    }
    Ok(Value::Object(fields))
}

/// Adds the columns of follow-up; a cause is called by its code, as in the states of the files.
fn add_causes(sample: &mut Sample, input: &Value) -> CauseColumns {
    let (time, column) = (text(&input["time"]), text(&input["cause"]));
    for name in [&time, &column] {
        sample.add(name, &Reading::Plain);
    }
    let causes = input["causes"].as_array().expect("the input lists its causes").iter().map(text);
    let causes = causes.map(|code| Cause { label: format!("cause{code}"), codes: vec![code] });
    CauseColumns {
        entry: None,
        time,
        cause: column,
        causes: causes.collect(),
        censored_codes: vec!["0".into()],
    }
}

/// One group, estimated with limits on two scales.
fn aalen_johansen(group: &GroupIncidence, log_log: &IncidenceCurve) -> Value {
    let curve = &group.curve;
    let mut states = vec!["event-free"];
    states.extend(group.causes.iter().map(|cause| cause.cause.as_str()));
    let limits = |curve: &IncidenceCurve, of: fn(&Interval) -> cohort::Estimate| {
        by_row(curve, |state, row| estimate(&of(&state.interval[row])))
    };
    let n_events = (0..curve.time.len()).map(|row| {
        Value::Array(curve.causes.iter().map(|cause| json!(cause.n_events[row])).collect())
    });
    json!({
        "label": group.group.as_deref().unwrap_or("all"),
        "states": states,
        "time": curve.time,
        "n_risk_event_free": curve.n_at_risk,
        "n_event": n_events.collect::<Vec<_>>(),
        "n_censor": curve.n_censored,
        "prob": by_row(curve, |state, row| json!(state.probability[row])),
        "se": by_row(curve, |state, row| json!(state.standard_error[row])),
        "lower_log": limits(curve, |interval| interval.lower),
        "upper_log": limits(curve, |interval| interval.upper),
        "lower_loglog": limits(log_log, |interval| interval.lower),
        "upper_loglog": limits(log_log, |interval| interval.upper),
    })
}

/// All states at each time.
fn by_row(curve: &IncidenceCurve, entry: impl Fn(&StateCurve, usize) -> Value) -> Value {
    let row = |row: usize| {
        let causes = curve.causes.iter().map(|cause| &cause.incidence);
        let states = [&curve.event_free].into_iter().chain(causes);
        Value::Array(states.map(|state| entry(state, row)).collect())
    };
    Value::Array((0..curve.time.len()).map(row).collect())
}

/// Curve by curve at the times asked for: for each cause all groups.
fn cuminc(groups: &[GroupIncidence], query: &IncidenceQuery) -> Value {
    let (mut labels, mut estimates, mut variances) = (Vec::new(), Vec::new(), Vec::new());
    for (index, cause) in query.endpoint.causes.iter().enumerate() {
        for group in groups {
            let level = group.group.as_deref().unwrap_or("1");
            labels.push(format!("{level} {}", cause.codes[0]));
            let at = |at: &survival::IncidenceAt| at.causes[index];
            estimates.push(list(&group.at_times, |time| estimate(&at(time).incidence.probability)));
            variances.push(list(&group.at_times, |time| estimate(&at(time).aalen_variance)));
        }
    }
    json!({"curves": labels, "times": query.times, "est": estimates, "var": variances})
}

fn gray(
    sample: &Sample,
    selection: &Selection,
    endpoint: &CauseColumns,
    group: &str,
    rho: f64,
) -> Result<Value, String> {
    let query = IncidenceComparisonQuery {
        endpoint: endpoint.clone(),
        group: group.into(),
        strata: Vec::new(),
        rho,
        cause_specific: false,
    };
    let tests = compare_incidence(&sample.cohort, selection, &query).map_err(words)?.causes;
    let codes = endpoint.causes.iter().map(|cause| cause.codes[0].parse::<f64>().ok());
    Ok(json!({
        "causes": codes.collect::<Vec<_>>(),
        "statistic": list(&tests, |test| estimate(&test.chi_squared)),
        "df": list(&tests, |test| json!(test.degrees_of_freedom)),
        "p": list(&tests, |test| estimate(&test.p_value)),
    }))
}

/// Models of each cause on the rows that have all covariates: of its hazard, with the others
/// censored, and of its incidence by both programs of R.
fn regression(sample: &mut Sample, case: &Case, endpoint: &CauseColumns) -> Result<Value, String> {
    let terms = sample.add_covariates(&case.input["covariates"]);
    let selection = sample.complete();
    let model = |(index, cause): (usize, &Cause)| {
        let query = CoxQuery::new(endpoint.cause_specific(index), terms.clone());
        let fit = cox(&sample.cohort, &selection, &query).map_err(words)?;
        let incidence = |ties, censoring_ties, censoring_variance| {
            let query = FineGrayQuery {
                censoring_ties,
                censoring_variance,
                options: CoxOptions { ties, ..CoxOptions::default() },
                ..FineGrayQuery::new(endpoint.clone(), cause.label.as_str(), terms.clone())
            };
            fine_gray(&sample.cohort, &selection, &query).map_err(words)
        };
        let finegray = |ties| incidence(ties, CensoringTies::AfterEvents, CensoringVariance::Known);
        let (efron, breslow) = (finegray(Ties::Efron)?, finegray(Ties::Breslow)?);
        let crr =
            incidence(Ties::Breslow, CensoringTies::WithEvents, CensoringVariance::Estimated)?;
        Ok(json!({
            "crr": {
                "coef": coefficients(&crr),
                "se": robust_errors(&crr),
                "var": crr.robust_covariance,
                "loglik": crr.log_likelihood,
                "loglik_null": crr.log_likelihood_null,
                "converged": crr.coefficients.iter().all(|c| c.estimate.is_ok()),
            },
            "finegray_breslow": {
                "coef": coefficients(&breslow),
                "se_robust": robust_errors(&breslow),
                "se_model": list(&breslow.coefficients, |c| estimate(&c.standard_error)),
                "loglik": breslow.log_likelihood,
            },
            "finegray_efron": {
                "coef": coefficients(&efron),
                "se_robust": robust_errors(&efron),
            },
            "cause": cause.codes[0].parse::<f64>().ok(),
            "n": selection.len(),
            "terms": list(&fit.coefficients, |coefficient| json!(coefficient.name)),
            "cause_specific_efron": {
                "coef": coefficients(&fit),
                "se": list(&fit.coefficients, |c| estimate(&c.standard_error)),
                "loglik": fit.log_likelihood,
            },
        }))
    };
    let models = endpoint.causes.iter().enumerate().map(model);
    Ok(Value::Array(models.collect::<Result<_, String>>()?))
}

fn coefficients(fit: &CoxFit) -> Value {
    list(&fit.coefficients, |coefficient| estimate(&coefficient.estimate))
}

fn robust_errors(fit: &CoxFit) -> Value {
    list(&fit.coefficients, |c| c.robust_standard_error.as_ref().map_or(Value::Null, estimate))
}
