//! A `report.json` as it comes back: whether it is one, and whether it agrees with itself.

use super::{Quantity, SCHEMA, StudyResult};
use std::collections::BTreeSet;
use thiserror::Error;

/// Rounding may part an estimate from a limit with which it coincides by this share of it.
const ROUNDING: f64 = 1e-9;

/// Why bytes are no result. Messages follow upon the name of the file and hold nothing of its content
/// but ids and names of fields.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ReadResultError {
    /// It is no JSON, or a field is missing or of another kind.
    #[error("is no report: {path}, line {line}, column {column}: {reason}")]
    NotAResult {
        /// The field that could not be read, such as `quantities[3].value`.
        path: String,
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// It is of another format, or of another version of it.
    #[error("is not of the format `{SCHEMA}`")]
    OtherFormat,
    /// Two quantities have one id.
    #[error("has more than one quantity `{id}`")]
    Repeated {
        /// Their id.
        id: String,
    },
    /// A quantity has both a number and a reason for having none, or neither.
    #[error("must give a number or the reason why there is none, but not both, for `{id}`")]
    NeitherOrBoth {
        /// Its id.
        id: String,
    },
    /// The numbers of a group are there and its curve is not.
    #[error("lacks the curve `{id}`, of whose group it has the numbers")]
    NoCurve {
        /// The id of the curve.
        id: String,
    },
    /// An estimate lies outside its own limits, or these are in the wrong order.
    #[error("contradicts itself: the estimate of `{id}` lies outside its limits")]
    OutsideLimits {
        /// Its id.
        id: String,
    },
}

impl StudyResult {
    /// Reads `report.json`.
    ///
    /// Limits of replicates need not hold their estimate, because the replicates may be off centre; all
    /// others must.
    ///
    /// # Errors
    /// Anything but a result of this format, two quantities of one id, a quantity with a number and a
    /// reason for having none, limits in the wrong order or beside their estimate, a group of patients
    /// without its survival curve.
    pub fn read(json: &[u8]) -> Result<Self, ReadResultError> {
        let mut source = serde_json::Deserializer::from_slice(json);
        let result: Self = serde_path_to_error::deserialize(&mut source).map_err(|error| {
            let path = error.path().to_string();
            fault(&path, error.inner())
        })?;
        source.end().map_err(|error| fault("end of the report", &error))?;
        if result.schema != SCHEMA {
            return Err(ReadResultError::OtherFormat);
        }
        result.check()?;
        Ok(result)
    }

    /// Whether the result agrees with itself.
    fn check(&self) -> Result<(), ReadResultError> {
        let curves: BTreeSet<&str> = self.curves.iter().map(|curve| curve.id.as_str()).collect();
        let mut ids = BTreeSet::new();
        for quantity in &self.quantities {
            let id = || quantity.id.clone();
            if !ids.insert(&quantity.id) {
                return Err(ReadResultError::Repeated { id: id() });
            }
            if quantity.value.is_some() == quantity.not_estimable.is_some() {
                return Err(ReadResultError::NeitherOrBoth { id: id() });
            }
            if !is_within_limits(quantity) {
                return Err(ReadResultError::OutsideLimits { id: id() });
            }
            match curve_of(quantity) {
                Some(curve) if !curves.contains(curve) => {
                    return Err(ReadResultError::NoCurve { id: curve.into() });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The id of the curve of the group whose patients this number counts.
fn curve_of(quantity: &Quantity) -> Option<&str> {
    let group = quantity.id.strip_suffix("/n").filter(|_| quantity.value.is_some())?;
    (group.split('/').nth(2) == Some("survival")).then_some(group)
}

fn fault(path: &str, error: &serde_json::Error) -> ReadResultError {
    let path = if path == "." { "the whole" } else { path };
    let (line, column) = (error.line(), error.column());
    ReadResultError::NotAResult { path: path.into(), line, column, reason: reason(error) }
}

/// What is wrong, without the place and without what was found, which is content.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => text.to_owned(),
    }
}

fn is_within_limits(quantity: &Quantity) -> bool {
    let limits = quantity.interval.map(|interval| (interval.lower, interval.upper));
    let (lower, upper) = limits.unwrap_or_default();
    let is_in_order = |lower: Option<f64>, upper: Option<f64>| match (lower, upper) {
        (Some(lower), Some(upper)) => {
            lower - upper <= ROUNDING * lower.abs().max(upper.abs()).max(1.0)
        }
        _ => true,
    };
    let is_held = quantity.id.contains("/bootstrap_")
        || is_in_order(lower, quantity.value) && is_in_order(quantity.value, upper);
    is_held && is_in_order(lower, upper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Outline;
    use cohort::{Interval, NotEstimable};
    use serde_json::json;

    const STUDY: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/studies/her2/study.toml"));

    /// A result of one ratio.
    fn result() -> StudyResult {
        let protocol = crate::protocol::read(STUDY).unwrap();
        let interval = Interval { lower: Ok(0.361), upper: Ok(0.65) };
        let ratio = Quantity::new("os/all/cox_univariable/rt=1/hazard_ratio", Ok(0.48), "Cox");
        StudyResult {
            schema: SCHEMA.into(),
            data_sha256: String::new(),
            protocol_sha256: String::new(),
            protocol,
            outline: Outline::default(),
            quantities: vec![ratio.with_interval(interval, 0.95)],
            curves: Vec::new(),
            over_time: Vec::new(),
            histograms: Vec::new(),
            caveats: Vec::new(),
        }
    }

    fn read(result: &StudyResult) -> Result<StudyResult, String> {
        let bytes = serde_json::to_vec(result).unwrap();
        StudyResult::read(&bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn a_result_is_read_back() {
        assert_eq!(read(&result()), Ok(result()));
    }

    #[test]
    fn contradictions_name_their_id() {
        let id = result().quantities[0].id.clone();
        let refused = |change: fn(&mut Quantity)| {
            let mut changed = result();
            change(&mut changed.quantities[0]);
            read(&changed).unwrap_err()
        };
        let outside = refused(|quantity| quantity.value = Some(0.9));
        assert_eq!(
            outside,
            format!("contradicts itself: the estimate of `{id}` lies outside its limits")
        );
        assert!(refused(|quantity| quantity.value = None).contains(&id));
        let both = refused(|quantity| quantity.not_estimable = Some(NotEstimable::NotReached));
        assert!(both.contains(&id));
        let mut twice = result();
        twice.quantities.extend(result().quantities);
        assert!(read(&twice).unwrap_err().contains(&id));
    }

    #[test]
    fn replicates_may_lie_off_centre() {
        let mut known = result();
        known.quantities[0].id = "os/all/bootstrap_outcome/rt=1/hazard_ratio_percentile".into();
        known.quantities[0].value = Some(0.9);
        assert!(read(&known).is_ok());
    }

    #[test]
    fn a_group_has_a_curve() {
        let mut known = result();
        known.quantities.push(Quantity::count("os/all/survival/rt=1/n", 5));
        assert!(read(&known).unwrap_err().contains("the curve `os/all/survival/rt=1`"));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_field_and_not_by_its_content() {
        let mut known = serde_json::to_value(result()).unwrap();
        known["quantities"][0]["value"] = json!("Smith");
        let bytes = serde_json::to_vec_pretty(&known).unwrap();
        let words = StudyResult::read(&bytes).unwrap_err().to_string();
        assert!(words.contains("quantities[0].value, line "), "{words}");
        assert!(words.ends_with("expected f64") && !words.contains("Smith"), "{words}");
        let words = StudyResult::read(b"{\"schema\": 1}").unwrap_err().to_string();
        assert_eq!(words, "is no report: schema, line 1, column 12: expected a string");
        let words = StudyResult::read(b"{}").unwrap_err().to_string();
        assert!(words.contains("the whole, line 1, column 2: missing field `schema`"), "{words}");
    }
}
