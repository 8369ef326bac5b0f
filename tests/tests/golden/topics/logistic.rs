//! Logistic models and what they say of their subjects.

use super::words;
use crate::case::Case;
use crate::json::{estimate, list, text};
use crate::sample::{Reading, Sample};
use cohort::{Estimate, NotEstimable, ratio};
use propensity::{
    FittedSubjects, Level, Link, LogisticCoefficient, LogisticExtras, LogisticFit, LogisticOptions,
    LogisticQuery, Penalty, PerformanceOptions, ProfileLimits, ProfiledCoefficient, logistic,
};
use serde_json::{Value, json};

pub fn answer(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let column = text(&case.input["outcome"]);
    sample.add(&column, &Reading::Plain);
    let is_penalised = case.expect.get("penalised_loglik").is_some();
    let outcome = Level { column, level: "1".into() };
    let terms = sample.add_covariates(&case.input["covariates"]);
    let query = LogisticQuery {
        weights: sample.add_weights(&case.input),
        options: LogisticOptions {
            link: if case.input["link"] == "probit" { Link::Probit } else { Link::Logit },
            penalty: if is_penalised { Penalty::Firth } else { Penalty::None },
            ..LogisticOptions::default()
        },
        extras: LogisticExtras {
            profile_limits: match is_penalised {
                true => ProfileLimits::All,
                false => ProfileLimits::None,
            },
            term_likelihood_ratios: true,
            subjects: true,
            performance_groups: Some(PerformanceOptions::default().groups),
        },
        ..LogisticQuery::new(outcome, terms)
    };
    let selection = sample.complete();
    let fit = logistic(&sample.cohort, &selection, &query).map_err(words)?;
    let mut fields = model(&fit);
    fields["n_dropped_missing"] = json!(sample.table.len() - selection.len());
    if let Some(subjects) = &fit.subjects {
        subject_fields(&mut fields, subjects);
    }
    Ok(fields)
}

/// The model; with single outcomes its likelihood follows from the deviance.
fn model(fit: &LogisticFit) -> Value {
    let part = |part: &dyn Fn(&LogisticCoefficient) -> Estimate| {
        list(&fit.coefficients, |coefficient| estimate(&part(coefficient)))
    };
    let augmented = |coefficient: &LogisticCoefficient| {
        coefficient.augmented_standard_error.unwrap_or(Err(NotEstimable::NotDefined))
    };
    let auc = fit.performance.as_ref().map(|found| estimate(&found.discrimination.c_statistic));
    // The golden files take the exponential of a coefficient whatever the link.
    json!({
        "n": fit.n,
        "n_events": fit.n_outcomes,
        "terms": list(&fit.coefficients, |coefficient| json!(coefficient.name)),
        "coef": part(&|coefficient| coefficient.estimate),
        "se": part(&|coefficient| coefficient.standard_error),
        "se_augmented": part(&augmented),
        "z": part(&|coefficient| coefficient.z),
        "p": part(&|coefficient| coefficient.p_value),
        "odds_ratio": part(&|coefficient| ratio(coefficient.estimate)),
        "or_lower": part(&|coefficient| ratio(coefficient.estimate_interval.lower)),
        "or_upper": part(&|coefficient| ratio(coefficient.estimate_interval.upper)),
        "var": fit.covariance,
        "deviance": fit.deviance,
        "null_deviance": fit.null_deviance,
        "loglik": -fit.deviance / 2.0,
        "loglik_null": -fit.null_deviance / 2.0,
        "penalised_loglik": fit.penalised.map(|part| part.log_likelihood),
        "profile": list(&fit.coefficients, |coefficient| profile(coefficient.profile.as_ref())),
        "df_residual": fit.n as f64 - fit.degrees_of_freedom,
        "aic": fit.aic,
        "auc": auc,
    })
}

fn profile(profile: Option<&ProfiledCoefficient>) -> Value {
    profile.map_or(Value::Null, |profile| {
        json!({
            "chisq": estimate(&profile.test.chi_squared),
            "p": estimate(&profile.test.p_value),
            "lower": estimate(&profile.interval.lower),
            "upper": estimate(&profile.interval.upper),
        })
    })
}

fn subject_fields(fields: &mut Value, subjects: &FittedSubjects) {
    fields["row"] = list(&subjects.rows, |row| json!(row + 1));
    fields["fitted"] = json!(subjects.probability);
    fields["linear_predictor"] = json!(subjects.linear_predictor);
    if let Ok(influence) = &subjects.influence {
        fields["leverage"] = json!(influence.leverage);
    }
}
