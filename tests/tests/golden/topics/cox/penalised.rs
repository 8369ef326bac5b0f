//! Models with Firth's penalty.

use crate::json::{estimate, list};
use crate::topics::words;
use cohort::{Cohort, Estimate, Selection};
use cox::{Coefficient, CoxFit, CoxOptions, CoxQuery, Penalty, ProfileLimits, cox};
use serde_json::{Value, json};

pub fn answer(cohort: &Cohort, selection: &Selection, query: CoxQuery) -> Result<Value, String> {
    let query = CoxQuery {
        options: CoxOptions { penalty: Penalty::Firth, ..query.options },
        profile_limits: ProfileLimits::All,
        ..query
    };
    let fit = cox(cohort, selection, &query).map_err(words)?;
    model(&fit)
}

/// A penalised model as the golden files lay it out.
pub fn model(fit: &CoxFit) -> Result<Value, String> {
    let penalised = fit.penalised.ok_or("the fit has no penalty")?;
    Ok(json!({
        "terms": list(&fit.coefficients, |coefficient| json!(coefficient.name)),
        "coef": list(&fit.coefficients, |coefficient| estimate(&coefficient.estimate)),
        "se": list(&fit.coefficients, |coefficient| estimate(&coefficient.standard_error)),
        "penalised_loglik": penalised.log_likelihood,
        "penalised_loglik_null": penalised.log_likelihood_null,
        "lr_chisq": estimate(&penalised.chi_squared),
        "profile": list(&fit.coefficients, profile),
    }))
}

/// Test and limits, these on the scale of log hazards.
fn profile(coefficient: &Coefficient) -> Value {
    let Some(profile) = &coefficient.profile else { return Value::Null };
    let ln = |limit: Estimate| estimate(&limit.map(f64::ln));
    json!({
        "chisq": estimate(&profile.test.chi_squared),
        "p": estimate(&profile.test.p_value),
        "lower": ln(profile.interval.lower),
        "upper": ln(profile.interval.upper),
    })
}
