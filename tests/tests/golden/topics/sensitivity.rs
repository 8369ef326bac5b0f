//! E-values; the bounds of Rosenbaum are not built.

use super::nothing;
use crate::case::Case;
use cox::{Outcome, e_value};
use serde_json::{Value, json};

pub fn answer(case: &Case) -> Result<Value, String> {
    if case.id != "sensitivity/evalue" {
        return Ok(nothing());
    }
    let rows = case.input["rows"].as_array().ok_or("the case has no rows")?;
    Ok(json!({"results": rows.iter().map(row).collect::<Vec<_>>()}))
}

/// A hazard ratio of a rare outcome, and so any ratio that stands for a risk ratio, is taken as it
/// is; the square root that a common outcome makes of an odds ratio is the caller's business.
fn row(row: &Value) -> Value {
    let measure = row["measure"].as_str().unwrap_or_default();
    let outcome = if measure == "hr_common" { Outcome::Common } else { Outcome::Rare };
    let ratio = |name: &str| {
        let ratio = row[name].as_f64();
        if measure == "or_common" { ratio.map(f64::sqrt) } else { ratio }
    };
    let estimate = ratio("estimate").unwrap_or(f64::NAN);
    let value = e_value(estimate, ratio("lower"), ratio("upper"), outcome);
    json!({"e_value": value.estimate, "e_value_limit": value.limit})
}
