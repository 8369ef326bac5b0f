//! Awkward input. Only the judgement of a case binds; it is in words, so that each has a check of its
//! own, which repeats R's numbers where they are right.

use super::words;
use crate::case::Case;
use crate::json::numbers;
use crate::sample::{Reading, Sample};
use balance::{
    BalanceError, BalanceQuery, BalanceTest, TestChoice, Variable, balance, numeric_smd,
};
use cohort::{
    ArmsError, Caveat, CaveatCode, Cohort, CohortError, Column, EndpointColumns, EndpointError,
    Estimate, NotEstimable, Selection, Term, WeightColumn, WeightKind,
};
use cox::{CoxError, CoxFit, CoxOptions, CoxQuery, Penalty, ProfileLimits, Ties, cox};
use hypothesis::{ContingencyTable, Continuity, mann_whitney};
use matching::{MatchQuery, MatchingError, match_pairs};
use propensity::{
    Level, LogisticExtras, LogisticOptions, LogisticQuery, PropensityScores, logistic, propensity,
};
use serde_json::{Value, json};
use survival::{
    Comparison, ComparisonOptions, ComparisonQuery, Curves, CurvesQuery, IntervalRule,
    QuantileRule, SurvivalError, compare, curves,
};

pub fn answer(case: &Case) -> Result<Value, String> {
    let name = case.id.trim_start_matches("adversarial/");
    let held = match name.split('_').next() {
        Some("km") | Some("event") => of_curves(name, case),
        Some("logrank") => of_comparisons(name, case),
        Some("cox") | Some("adv") | Some("startstop") | Some("survcheck") => of_cox(name, case),
        Some("logistic") => of_logistic(name, case),
        _ => of_arms(name, case),
    };
    match held? {
        true => Ok(json!({"judgement": case.expect["judgement"]})),
        false => Ok(super::nothing()),
    }
}

/// Whether there is a check for the case, which then holds.
type Check = Result<bool, String>;

fn of_curves(name: &str, case: &Case) -> Check {
    match name {
        "km_empty_level" => km_empty_level(case)?,
        "km_infinite_time" => not_finite(f64::INFINITY)?,
        "km_nan_time" => km_nan_time(case)?,
        "km_near_ties" => km_near_ties(case)?,
        "km_negative_time" => km_negative_time(case)?,
        "km_no_rows" => km_no_rows()?,
        "km_single_subject_censored" => km_single_subject_censored(case)?,
        "km_single_subject_event" => km_single_subject_event(case)?,
        "event_codes_1_2" => event_codes_1_2(case)?,
        "event_codes_all_1" => event_codes_all_1(case)?,
        "event_codes_invalid" => event_codes_invalid(case)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn of_comparisons(name: &str, case: &Case) -> Check {
    match name {
        "logrank_all_censored" => logrank_all_censored(case)?,
        "logrank_empty_level" => logrank_empty_level(case)?,
        "logrank_one_group" => logrank_one_group(case)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn of_cox(name: &str, case: &Case) -> Check {
    match name {
        "cox_all_censored" => cox_all_censored(case)?,
        "cox_collinear" => cox_aliased(case, &["a", "b", "c"], "b")?,
        "cox_constant" => cox_aliased(case, &["x", "z"], "x")?,
        "cox_empty_level" => cox_empty_level(case)?,
        "cox_extreme_scale" => cox_extreme_scale(case)?,
        "cox_missing" => cox_missing(case)?,
        "cox_more_columns_than_events" => cox_more_columns_than_events()?,
        "cox_single_event" => cox_single_event(case)?,
        "cox_tiny_group" => cox_tiny_group(case)?,
        "cox_negative_weight" => cox_negative_weight(case)?,
        "cox_zero_times" => cox_zero_times(case)?,
        "cox_zero_weight" => cox_zero_weight(case)?,
        "startstop_zero_length" => startstop_zero_length(case)?,
        "adv_heavy_ties_exact_vs_others" => ties_differ(case)?,
        "cox_duplicate_ids" => cox_duplicate_ids(case)?,
        "survcheck_duplicate_ids" => survcheck_duplicate_ids(case)?,
        "cox_monotone" => cox_monotone(case, &["x"])?,
        "cox_monotone_two" => cox_monotone(case, &["x", "z"])?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn of_logistic(name: &str, case: &Case) -> Check {
    match name {
        "logistic_collinear" => logistic_aliased(case, &["a", "b", "c"], "b")?,
        "logistic_constant" => logistic_aliased(case, &["x", "z"], "x")?,
        "logistic_extreme_scale" => logistic_extreme_scale(case)?,
        "logistic_separation" | "logistic_quasi_separation" => logistic_separation(case)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn of_arms(name: &str, case: &Case) -> Check {
    match name {
        "chisq_zero_margin" | "fisher_zero_margin" => empty_margin(case)?,
        "mann_whitney_one_group" => mann_whitney_one_group(case)?,
        "matching_missing" => matching_missing(case)?,
        "matching_one_group" => matching_one_group(case)?,
        "smd_tiny_group" => smd_tiny_group(case)?,
        "smd_zero_variance" => smd_zero_variance()?,
        "welch_tiny_group" => welch_tiny_group(case)?,
        "wilcox_all_equal" => wilcox_all_equal()?,
        _ => return Ok(false),
    }
    Ok(true)
}

// Curves

fn km_empty_level(case: &Case) -> Result<(), String> {
    let (sample, group) = three_levels(case);
    let all = sample.complete();
    let curves = curves(&sample.cohort, &all, &curves_query(Some(group))).map_err(words)?;
    let sizes: Vec<usize> = curves.groups.iter().map(|group| group.n).collect();
    same(&sizes, &vec![4, 4, 0])?;
    let empty = &curves.groups[2];
    same(&empty.curve.time, &Vec::new())?;
    same(&empty.quantiles[0].value, &Err(NotEstimable::NoSubjects))
}

fn km_nan_time(case: &Case) -> Result<(), String> {
    not_finite(f64::NAN)?;
    let mut cohort = inline(case, &["event"])?;
    let time = Column::numeric("time", vec![1.0, 0.0, 3.0]).with_missing(vec![1]);
    cohort.push(time).map_err(words)?;
    let query = curves_query(None);
    let all = Selection::all(&cohort);
    let counted = CohortError::Missing { column: "time".into(), count: 1, row: 1 };
    same(&curves(&cohort, &all, &query).err(), &Some(SurvivalError::Cohort(counted)))?;
    let known = curves(&cohort, &all.filter(|row| row != 1), &query).map_err(words)?;
    near(case, "surv", &known.groups[0].curve.survival)
}

fn not_finite(time: f64) -> Result<(), String> {
    let column = Column::numeric("time", vec![1.0, time, 3.0]);
    let refused = CohortError::NotFinite { column: "time".into(), row: 1 };
    same(&Cohort::new(None, vec![column]).err(), &Some(refused))
}

fn km_near_ties(case: &Case) -> Result<(), String> {
    let curve = &all_curves(case)?.groups[0].curve;
    let merged = &case.expect["r"]["value"]["timefix_true"];
    close(case, "time", &numbers(&merged["time"]), &curve.time)?;
    close(case, "surv", &numbers(&merged["surv"]), &curve.survival)?;
    let counts = |counts: &[usize]| counts.iter().map(|&n| n as f64).collect::<Vec<f64>>();
    close(case, "n_risk", &numbers(&merged["n_risk"]), &counts(&curve.n_at_risk))
}

fn km_negative_time(case: &Case) -> Result<(), String> {
    let cohort = inline(case, &["time", "event"])?;
    let refused = curves(&cohort, &Selection::all(&cohort), &curves_query(None)).err();
    let source = EndpointError::InvalidTime { row: 0 };
    let endpoint = CohortError::Endpoint { column: "time".into(), source };
    same(&refused, &Some(SurvivalError::Cohort(endpoint)))
}

fn km_no_rows() -> Result<(), String> {
    let columns = ["time", "event"].map(|name| Column::numeric(name, Vec::new()));
    let cohort = Cohort::new(None, columns.to_vec()).map_err(words)?;
    let refused = curves(&cohort, &Selection::all(&cohort), &curves_query(None)).err();
    same(&refused, &Some(SurvivalError::NoRows))
}

fn km_single_subject_censored(case: &Case) -> Result<(), String> {
    let group = &inline_curves(case)?.groups[0];
    same(&group.curve.survival, &vec![1.0])?;
    same(&group.quantiles[0].value, &Err(NotEstimable::NotReached))
}

fn km_single_subject_event(case: &Case) -> Result<(), String> {
    let group = &inline_curves(case)?.groups[0];
    same(&group.curve.time, &vec![5.0])?;
    same(&group.curve.survival, &vec![0.0])?;
    same(&group.curve.standard_error, &vec![Err(NotEstimable::VarianceUndefined)])
}

fn event_codes_1_2(case: &Case) -> Result<(), String> {
    same(&n_events(case, "2", "1")?, &2)?;
    same(&n_events(case, "1", "0"), &Err(undeclared(1)))
}

fn event_codes_all_1(case: &Case) -> Result<(), String> {
    same(&n_events(case, "2", "1")?, &0)?;
    same(&n_events(case, "1", "2")?, &3)
}

fn event_codes_invalid(case: &Case) -> Result<(), String> {
    same(&n_events(case, "1", "0"), &Err(undeclared(1)))
}

fn undeclared(row: usize) -> String {
    CohortError::UndeclaredEventCode { column: "event".into(), row }.to_string()
}

fn n_events(case: &Case, event: &str, censored: &str) -> Result<usize, String> {
    let cohort = inline(case, &["time", "event"])?;
    let endpoint = EndpointColumns {
        event_codes: vec![event.into()],
        censored_codes: vec![censored.into()],
        ..EndpointColumns::new("time", "event")
    };
    let endpoint = cohort.endpoint(&endpoint, &Selection::all(&cohort)).map_err(words)?;
    Ok(endpoint.n_events())
}

// Comparisons

fn logrank_all_censored(case: &Case) -> Result<(), String> {
    let comparison = comparison(case, "g")?.map_err(words)?;
    same(&comparison.chi_squared, &Err(NotEstimable::NoEvents))?;
    same(&comparison.p_value, &Err(NotEstimable::NoEvents))
}

fn logrank_empty_level(case: &Case) -> Result<(), String> {
    let (sample, group) = three_levels(case);
    let query = comparison_query(group);
    let comparison = compare(&sample.cohort, &sample.complete(), &query).map_err(words)?;
    let sizes: Vec<usize> = comparison.groups.iter().map(|group| group.n).collect();
    same(&sizes, &vec![4, 4, 0])?;
    same(&comparison.degrees_of_freedom, &1)?;
    near(case, "chisq", &[comparison.chi_squared.map_err(words)?])
}

fn logrank_one_group(case: &Case) -> Result<(), String> {
    let refused = SurvivalError::TooFewGroups { column: "treat".into(), levels: 1 };
    same(&comparison(case, "treat")?.err(), &Some(refused))
}

// Cox models

fn cox_all_censored(case: &Case) -> Result<(), String> {
    same(&model(case, &["x"], Ties::Efron).err(), &Some(CoxError::NoEvents { subjects: 6 }))?;
    let curve = &all_curves(case)?.groups[0].curve;
    same(&curve.n_at_risk[0], &6)?;
    same(&curve.survival.iter().all(|&survival| survival == 1.0), &true)
}

fn cox_aliased(case: &Case, columns: &[&str], aliased: &str) -> Result<(), String> {
    let fit = model(case, columns, Ties::Efron).map_err(words)?;
    warned(&fit.caveats, CaveatCode::Aliased, aliased)?;
    let rest: Vec<&str> = columns.iter().copied().filter(|name| *name != aliased).collect();
    let alone = model(case, &rest, Ties::Efron).map_err(words)?;
    same(&fit.log_likelihood, &alone.log_likelihood)?;
    let expected = case.expect["r"]["value"]["coef"].as_array().ok_or("no coefficients")?;
    for (coefficient, expected) in fit.coefficients.iter().zip(expected) {
        if coefficient.name == aliased {
            same(&coefficient.estimate, &Err(NotEstimable::Aliased))?;
        } else {
            let estimate = coefficient.estimate.map_err(words)?;
            close(case, &coefficient.name, &numbers(&json!([expected])), &[estimate])?;
        }
    }
    Ok(())
}

fn cox_empty_level(case: &Case) -> Result<(), String> {
    let (mut sample, _) = three_levels(case);
    let query = cox_query(&mut sample, vec![Term::factor("g")], Ties::Efron);
    let fit = cox(&sample.cohort, &sample.complete(), &query).map_err(words)?;
    let r = numbers(&case.expect["r"]["value"]["coef"]);
    close(case, "g=B", &r, &[fit.coefficients[0].estimate.map_err(words)?])?;
    same(&fit.coefficients[1].estimate, &Err(NotEstimable::EmptyLevel))?;
    same(&fit.likelihood_ratio_test.degrees_of_freedom, &1)
}

/// The versions of one column and what their coefficients are multiplied by.
const SCALES: [(&str, f64); 4] = [("x", 1.0), ("x_big", 1e8), ("x_small", 1e-8), ("x_shift", 1.0)];

/// As the judgement asks.
const SCALE_TOLERANCE: f64 = 1e-8;

fn cox_extreme_scale(case: &Case) -> Result<(), String> {
    let fits = SCALES
        .iter()
        .map(|(name, scale)| {
            let fit = model(case, &[name], Ties::Efron).map_err(words)?;
            let coefficient = &fit.coefficients[0];
            let parts = [coefficient.z, coefficient.p_value, Ok(fit.log_likelihood)];
            let scaled = coefficient.estimate.map(|estimate| estimate * scale);
            parts.into_iter().chain([scaled]).collect::<Estimate<Vec<f64>>>().map_err(words)
        })
        .collect::<Result<Vec<_>, String>>()?;
    all_alike(&fits)
}

fn cox_missing(case: &Case) -> Result<(), String> {
    let mut sample = Sample::new(case);
    sample.add("g", &Reading::Levels(vec!["a".into(), "b".into()]));
    let terms = vec![plain(&mut sample, "x"), Term::factor("g")];
    let query = cox_query(&mut sample, terms, Ties::Efron);
    let refused = cox(&sample.cohort, &Selection::all(&sample.cohort), &query).err();
    same(&matches!(refused, Some(CoxError::Cohort(CohortError::Missing { .. }))), &true)?;
    let fit = cox(&sample.cohort, &sample.complete(), &query).map_err(words)?;
    same(&(fit.n, fit.n_events), &(8, 5))?;
    near(case, "coef", &estimates(&fit)?)
}

fn cox_monotone(case: &Case, columns: &[&str]) -> Result<(), String> {
    let mut sample = Sample::new(case);
    let terms = columns.iter().map(|name| plain(&mut sample, name)).collect();
    let query = cox_query(&mut sample, terms, Ties::Efron);
    let query = CoxQuery { profile_limits: ProfileLimits::All, ..query };
    let fit = cox(&sample.cohort, &sample.complete(), &query).map_err(words)?;
    warned(&fit.caveats, CaveatCode::Monotone, "x")?;
    let x = &fit.coefficients[0];
    same(&x.estimate, &Err(NotEstimable::Monotone))?;
    same(&x.standard_error.is_err(), &true)?;
    let r = numbers(&case.expect["r"]["value"]["loglik"]);
    close(case, "loglik", &r, &[fit.log_likelihood_null, fit.log_likelihood])?;
    let ratio = fit.likelihood_ratio_test.chi_squared.map_err(words)?;
    close(case, "likelihood ratio", &[2.0 * (r[1] - r[0])], &[ratio])?;
    let limits = x.profile.ok_or("the coefficient has no profile limits")?.interval;
    same(&limits.upper, &Err(NotEstimable::Monotone))?;
    same(&limits.lower.is_ok_and(|lower| lower > 1.0), &true)?;
    warned(&fit.caveats, CaveatCode::PenalisedLikelihood, "x")?;
    let firth = fit.firth.as_ref().ok_or("there is no fit with Firth's penalty")?;
    let asked = CoxOptions { penalty: Penalty::Firth, ..query.options.clone() };
    let asked = CoxQuery { options: asked, ..query };
    let asked = cox(&sample.cohort, &sample.complete(), &asked).map_err(words)?;
    same(&firth.coefficients, &asked.coefficients)?;
    same(&estimates(firth)?.len(), &columns.len())
}

fn duplicate_ids(case: &Case) -> (Sample, EndpointColumns) {
    let mut sample = Sample::new(case);
    sample.add_all(&json!(["id", "x"]));
    let endpoint =
        sample.add_endpoint(&json!({"start": "start", "time": "time", "event": "event"}));
    (sample, endpoint)
}

/// In a study with one row per patient the same id twice is refused as well: that is checked where
/// studies are run.
fn cox_duplicate_ids(case: &Case) -> Result<(), String> {
    let (sample, endpoint) = duplicate_ids(case);
    let all = sample.complete();
    let query = CoxQuery {
        id: Some("id".into()),
        ..cox_query_on(endpoint, vec![Term::linear("x")], Ties::Efron)
    };
    let rows = vec![1, 4];
    let refused = CohortError::OverlappingIntervals { column: "id".into(), rows };
    same(&cox(&sample.cohort, &all, &query).err(), &Some(refused.into()))?;
    // Without the first row of either id nothing overlaps, and without ids nobody asks.
    let apart = all.filter(|row| row != 0 && row != 3);
    same(&cox(&sample.cohort, &apart, &query).is_ok(), &true)?;
    let unasked = cox(&sample.cohort, &all, &CoxQuery { id: None, ..query }).map_err(words)?;
    near(case, "coef", &estimates(&unasked)?)
}

fn survcheck_duplicate_ids(case: &Case) -> Result<(), String> {
    let (sample, endpoint) = duplicate_ids(case);
    let check =
        sample.cohort.check_intervals(&endpoint, "id", &sample.complete()).map_err(words)?;
    let flag = &case.expect["r"]["value"]["flag"];
    let counts = [check.overlapping_rows.len(), check.rows_after_gap.len(), check.n_duplicates];
    let expected = ["overlap", "gap", "duplicate"].map(|name| flag[name].as_u64().unwrap_or(99));
    same(&counts.map(|count| count as u64), &expected)
}

/// The judgement's four events in five subjects with four columns.
fn cox_more_columns_than_events() -> Result<(), String> {
    let columns = [
        ("time", vec![1.0, 2.0, 3.0, 4.0, 5.0]),
        ("event", vec![1.0, 1.0, 0.0, 1.0, 1.0]),
        ("a", vec![1.0, 2.0, 1.0, 4.0, 3.0]),
        ("b", vec![0.0, 1.0, 1.0, 0.0, 1.0]),
        ("c", vec![5.0, 1.0, 3.0, 2.0, 2.0]),
        ("d", vec![1.0, 0.0, 0.0, 1.0, 1.0]),
    ];
    let columns = columns.map(|(name, values)| Column::numeric(name, values));
    let cohort = Cohort::new(None, columns.to_vec()).map_err(words)?;
    let terms = ["a", "b", "c", "d"].map(Term::linear).to_vec();
    let query = cox_query_on(EndpointColumns::new("time", "event"), terms, Ties::Efron);
    let fit = cox(&cohort, &Selection::all(&cohort), &query).map_err(words)?;
    warned(&fit.caveats, CaveatCode::FewEvents, "")?;
    let is_marked = fit.coefficients.iter().any(|coefficient| coefficient.estimate.is_err());
    same(&is_marked, &true)
}

fn cox_single_event(case: &Case) -> Result<(), String> {
    let fit = model(case, &["x"], Ties::Efron).map_err(words)?;
    same(&fit.coefficients[0].estimate, &Err(NotEstimable::Monotone))?;
    warned(&fit.caveats, CaveatCode::FewEvents, "")
}

fn cox_tiny_group(case: &Case) -> Result<(), String> {
    let fit = model(case, &["g"], Ties::Efron).map_err(words)?;
    near(case, "coef", &estimates(&fit)?)?;
    warned(&fit.caveats, CaveatCode::FewEvents, "")
}

fn cox_zero_times(case: &Case) -> Result<(), String> {
    let fit = model(case, &["g"], Ties::Efron).map_err(words)?;
    near(case, "coef", &estimates(&fit)?)?;
    let group = &all_curves(case)?.groups[0];
    same(&group.curve.time[0], &0.0)?;
    same(&(group.curve.survival[0] < 1.0), &true)?;
    warned(&group.caveats, CaveatCode::ZeroTimes, "3")
}

/// A model of `x` with the sampling weights `w`.
fn weighted_model(case: &Case) -> Result<Result<CoxFit, CoxError>, String> {
    let cohort = inline(case, &["time", "event", "x", "w"])?;
    let query =
        cox_query_on(EndpointColumns::new("time", "event"), vec![Term::linear("x")], Ties::Efron);
    let weights = WeightColumn { column: "w".into(), kind: WeightKind::Sampling };
    let query = CoxQuery { weights: Some(weights), ..query };
    Ok(cox(&cohort, &Selection::all(&cohort), &query))
}

fn cox_negative_weight(case: &Case) -> Result<(), String> {
    let refused = CohortError::NegativeWeight { column: "w".into(), row: 1 };
    same(&weighted_model(case)?.err(), &Some(refused.into()))
}

fn cox_zero_weight(case: &Case) -> Result<(), String> {
    let fit = weighted_model(case)?.map_err(words)?;
    same(&(fit.n, fit.n_events), &(3, 2))?;
    warned(&fit.caveats, CaveatCode::ZeroWeights, "1")
}

fn startstop_zero_length(case: &Case) -> Result<(), String> {
    let mut sample = Sample::new(case);
    let start = Column::numeric("start", vec![0.0; sample.table.len()]);
    sample.cohort.push(start).map_err(words)?;
    sample.add_endpoint(&json!({"time": "time", "event": "event"}));
    let query =
        EndpointColumns { entry: Some("start".into()), ..EndpointColumns::new("time", "event") };
    let source = EndpointError::EmptyInterval { row: 0 };
    let refused = CohortError::Endpoint { column: "time".into(), source };
    same(&sample.cohort.endpoint(&query, &sample.complete()).err(), &Some(refused))
}

fn ties_differ(case: &Case) -> Result<(), String> {
    let rules = [("efron", Ties::Efron), ("breslow", Ties::Breslow), ("exact", Ties::Exact)];
    for (name, ties) in rules {
        let fit = model(case, &["g", "x"], ties).map_err(words)?;
        let r = &case.expect["r"]["value"][name];
        close(case, name, &numbers(&r["coef"]), &estimates(&fit)?)?;
        let likelihoods = [fit.log_likelihood_null, fit.log_likelihood];
        close(case, name, &numbers(&r["loglik"]), &likelihoods)?;
    }
    Ok(())
}

// Logistic models

fn logistic_aliased(case: &Case, columns: &[&str], aliased: &str) -> Result<(), String> {
    let scores = scores(case, columns)?;
    warned(&scores.fit.caveats, CaveatCode::Aliased, aliased)?;
    near(case, "deviance", &[scores.fit.deviance])?;
    near(case, "fitted", &scores.probability)?;
    let expected = case.expect["r"]["value"]["coef"].as_array().ok_or("no coefficients")?;
    for (coefficient, expected) in scores.fit.coefficients.iter().zip(expected) {
        if coefficient.name == aliased {
            same(&coefficient.estimate, &Err(NotEstimable::Aliased))?;
        } else {
            let estimate = coefficient.estimate.map_err(words)?;
            close(case, &coefficient.name, &numbers(&json!([expected])), &[estimate])?;
        }
    }
    Ok(())
}

fn logistic_extreme_scale(case: &Case) -> Result<(), String> {
    let fits = SCALES
        .iter()
        .map(|(name, scale)| {
            let fit = scores(case, &[name])?.fit;
            let slope = &fit.coefficients[1];
            let parts = [slope.z, slope.p_value, Ok(fit.deviance)];
            let scaled = slope.estimate.map(|estimate| estimate * scale);
            parts.into_iter().chain([scaled]).collect::<Estimate<Vec<f64>>>().map_err(words)
        })
        .collect::<Result<Vec<_>, String>>()?;
    all_alike(&fits)
}

fn logistic_separation(case: &Case) -> Result<(), String> {
    let (sample, query) = logistic_query(case, &["x"]);
    let scores = propensity(&sample.cohort, &sample.complete(), &query).map_err(words)?;
    warned(&scores.fit.caveats, CaveatCode::Separation, "x")?;
    let slope = &scores.fit.coefficients[1];
    same(&slope.estimate, &Err(NotEstimable::Separation))?;
    same(&(slope.standard_error.is_err() && slope.p_value.is_err()), &true)?;
    same(&scores.linear_predictor.iter().all(|score| score.is_finite()), &true)?;
    warned(&scores.fit.caveats, CaveatCode::PenalisedLikelihood, "x")?;
    let firth = scores.fit.firth.as_ref().ok_or("there is no fit with Firth's penalty")?;
    let options = LogisticOptions { penalty: Penalty::Firth, ..LogisticOptions::default() };
    let extras = LogisticExtras { profile_limits: ProfileLimits::All, ..LogisticExtras::default() };
    let asked = LogisticQuery { options, extras, ..query };
    let asked = logistic(&sample.cohort, &sample.complete(), &asked).map_err(words)?;
    same(&firth.coefficients, &asked.coefficients)?;
    same(&firth.coefficients.iter().all(|part| part.standard_error.is_ok()), &true)
}

// Arms

fn empty_margin(case: &Case) -> Result<(), String> {
    let counts: Vec<Vec<usize>> =
        serde_json::from_value(case.input["inline"]["table"].clone()).map_err(words)?;
    same(&ContingencyTable::new(&counts).err(), &Some(NotEstimable::EmptyMargin))
}

fn mann_whitney_one_group(case: &Case) -> Result<(), String> {
    let mut sample = Sample::new(case);
    sample.add_all(&json!(["treat", "x"]));
    let query = balance_query("treat", vec![BalanceTest::MannWhitney]);
    let all = sample.complete();
    let refused = balance(&sample.cohort, &all, &all, &query).err();
    same(&matches!(refused, Some(BalanceError::Arms(ArmsError::NotTwoGroups { .. }))), &true)
}

fn matching_missing(case: &Case) -> Result<(), String> {
    let mut sample = Sample::new(case);
    sample.add_all(&json!(["y", "x"]));
    let all = Selection::all(&sample.cohort);
    let refused = match_pairs(&sample.cohort, &all, &match_query("y", "x")).err();
    let names = |column: &str| CohortError::Missing {
        column: column.into(),
        count: 1,
        row: if column == "y" { 6 } else { 4 },
    };
    same(&refused, &Some(MatchingError::Cohort(names("y"))))?;
    let known = all.filter(|row| row != 6);
    let refused = match_pairs(&sample.cohort, &known, &match_query("y", "x")).err();
    same(&refused, &Some(MatchingError::Cohort(names("x"))))
}

fn matching_one_group(case: &Case) -> Result<(), String> {
    let mut sample = Sample::new(case);
    sample.add_all(&json!(["treat", "x"]));
    let query = match_query("treat", "x");
    let refused = match_pairs(&sample.cohort, &sample.complete(), &query).err();
    same(&matches!(refused, Some(MatchingError::Arms(ArmsError::NotTwoGroups { .. }))), &true)
}

fn smd_tiny_group(case: &Case) -> Result<(), String> {
    let (one, four) = tiny_groups(case)?;
    same(&numeric_smd(&four, &one, (&four, &one)), &Err(NotEstimable::TooFewValues))
}

fn smd_zero_variance() -> Result<(), String> {
    let (ones, twos) = ([1.0, 1.0, 1.0], [2.0, 2.0]);
    same(&numeric_smd(&ones, &twos, (&ones, &twos)), &Err(NotEstimable::NoVariation))?;
    same(&numeric_smd(&ones, &ones, (&ones, &ones)), &Ok(0.0))
}

fn welch_tiny_group(case: &Case) -> Result<(), String> {
    let mut sample = Sample::new(case);
    sample.add_all(&json!(["g", "x"]));
    let all = sample.complete();
    let query = balance_query("g", vec![BalanceTest::WelchT, BalanceTest::MannWhitney]);
    let table = balance(&sample.cohort, &all, &all, &query).map_err(words)?;
    let p_value = |test| super::hypothesis::find(&table.rows[0], test).map(|test| test.p_value);
    same(&p_value(BalanceTest::WelchT)?, &Err(NotEstimable::TooFewValues))?;
    same(&p_value(BalanceTest::MannWhitney)?.is_ok(), &true)
}

fn wilcox_all_equal() -> Result<(), String> {
    let test = mann_whitney(&[2.0, 2.0, 2.0], &[2.0, 2.0], Continuity::Corrected);
    same(&test.err(), &Some(NotEstimable::AllValuesEqual))
}

// Questions

fn plain(sample: &mut Sample, name: &str) -> Term {
    sample.add(name, &Reading::Plain);
    Term::linear(name)
}

fn model(case: &Case, columns: &[&str], ties: Ties) -> Result<CoxFit, CoxError> {
    let mut sample = Sample::new(case);
    let terms = columns.iter().map(|name| plain(&mut sample, name)).collect();
    let query = cox_query(&mut sample, terms, ties);
    cox(&sample.cohort, &sample.complete(), &query)
}

fn cox_query(sample: &mut Sample, terms: Vec<Term>, ties: Ties) -> CoxQuery {
    let endpoint = sample.add_endpoint(&json!({"time": "time", "event": "event"}));
    cox_query_on(endpoint, terms, ties)
}

fn cox_query_on(endpoint: EndpointColumns, terms: Vec<Term>, ties: Ties) -> CoxQuery {
    let options = CoxOptions { ties, ..CoxOptions::default() };
    CoxQuery { options, ..CoxQuery::new(endpoint, terms) }
}

fn estimates(fit: &CoxFit) -> Result<Vec<f64>, String> {
    fit.coefficients.iter().map(|coefficient| coefficient.estimate.map_err(words)).collect()
}

fn scores(case: &Case, columns: &[&str]) -> Result<PropensityScores, String> {
    let (sample, query) = logistic_query(case, columns);
    propensity(&sample.cohort, &sample.complete(), &query).map_err(words)
}

fn logistic_query(case: &Case, columns: &[&str]) -> (Sample, LogisticQuery) {
    let mut sample = Sample::new(case);
    sample.add("y", &Reading::Plain);
    let terms = columns.iter().map(|name| plain(&mut sample, name)).collect();
    let outcome = Level { column: "y".into(), level: "1".into() };
    (sample, LogisticQuery::new(outcome, terms))
}

fn curves_query(group: Option<String>) -> CurvesQuery {
    CurvesQuery {
        group,
        quantiles: vec![0.5],
        quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
        ..CurvesQuery::new(EndpointColumns::new("time", "event"))
    }
}

fn all_curves(case: &Case) -> Result<Curves, String> {
    let mut sample = Sample::new(case);
    sample.add_all(&json!(["time", "event"]));
    curves(&sample.cohort, &sample.complete(), &curves_query(None)).map_err(words)
}

fn inline_curves(case: &Case) -> Result<Curves, String> {
    let cohort = inline(case, &["time", "event"])?;
    curves(&cohort, &Selection::all(&cohort), &curves_query(None)).map_err(words)
}

fn comparison(case: &Case, group: &str) -> Result<Result<Comparison, SurvivalError>, String> {
    let mut sample = Sample::new(case);
    sample.add_all(&json!(["time", "event", group]));
    Ok(compare(&sample.cohort, &sample.complete(), &comparison_query(group.into())))
}

fn comparison_query(group: String) -> ComparisonQuery {
    ComparisonQuery {
        endpoint: EndpointColumns::new("time", "event"),
        group,
        strata: Vec::new(),
        weights: None,
        options: ComparisonOptions::default(),
    }
}

fn balance_query(exposure: &str, tests: Vec<BalanceTest>) -> BalanceQuery {
    let variables = vec![Variable::Numeric("x".into())];
    let tests = TestChoice::Listed(tests);
    BalanceQuery { tests, ..BalanceQuery::new(exposure, "1", variables) }
}

fn match_query(exposure: &str, distance: &str) -> MatchQuery {
    MatchQuery::nearest(exposure, "1", distance)
}

/// The data set whose groups A, B and C hold four, four and no subjects.
fn three_levels(case: &Case) -> (Sample, String) {
    let mut sample = Sample::new(case);
    sample.add_all(&json!(["time", "event"]));
    sample.add("g", &Reading::Levels(["A", "B", "C"].map(String::from).to_vec()));
    (sample, "g".into())
}

fn tiny_groups(case: &Case) -> Result<(Vec<f64>, Vec<f64>), String> {
    let mut sample = Sample::new(case);
    sample.add_all(&json!(["g", "x"]));
    let all = sample.complete();
    let read = |name: &str| sample.cohort.numeric(name, &all).map_err(words);
    let (group, x) = (read("g")?, read("x")?);
    let of = |level: f64| {
        group.iter().zip(&x).filter(|(group, _)| **group == level).map(|(_, &x)| x).collect()
    };
    Ok((of(0.0), of(1.0)))
}

fn inline(case: &Case, columns: &[&str]) -> Result<Cohort, String> {
    let column = |name: &&str| Column::numeric(*name, numbers(&case.input["inline"][*name]));
    Cohort::new(None, columns.iter().map(column).collect()).map_err(words)
}

// Findings

fn same<T: PartialEq + std::fmt::Debug>(answer: &T, expect: &T) -> Result<(), String> {
    if answer == expect { Ok(()) } else { Err(format!("{answer:?} where {expect:?} is expected")) }
}

fn warned(caveats: &[Caveat], code: CaveatCode, word: &str) -> Result<(), String> {
    let found = caveats.iter().any(|caveat| caveat.code == code && caveat.message.contains(word));
    if found { Ok(()) } else { Err(format!("no caveat {code:?} speaks of {word:?}: {caveats:?}")) }
}

/// Compares with a number or list of R's answer.
fn near(case: &Case, name: &str, answer: &[f64]) -> Result<(), String> {
    let expect = match &case.expect["r"]["value"][name] {
        Value::Array(items) => numbers(&json!(items)),
        one => numbers(&json!([one])),
    };
    close(case, name, &expect, answer)
}

fn close(case: &Case, name: &str, expect: &[f64], answer: &[f64]) -> Result<(), String> {
    let tolerance = case.tolerance;
    let is_close =
        |(x, y): (&f64, &f64)| (x - y).abs() <= tolerance.absolute + tolerance.relative * y.abs();
    if answer.len() == expect.len() && answer.iter().zip(expect).all(is_close) {
        Ok(())
    } else {
        Err(format!("{name} is {answer:?} where {expect:?} is expected"))
    }
}

fn all_alike(fits: &[Vec<f64>]) -> Result<(), String> {
    let alike = |fit: &Vec<f64>| {
        fit.iter().zip(&fits[0]).all(|(x, y)| (x - y).abs() <= SCALE_TOLERANCE * y.abs())
    };
    if fits.iter().all(alike) { Ok(()) } else { Err(format!("the scale matters: {fits:?}")) }
}
