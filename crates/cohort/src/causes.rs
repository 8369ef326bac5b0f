//! Follow-up that ends with one of several causes.

use crate::EndpointColumns;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which columns hold follow-up that ends with one of several causes, and which codes mean what.
///
/// Codes are declared, never guessed; a code that is declared nowhere is an error.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CauseColumns {
    /// Numeric column of the time at which a subject enters the risk set; absent = time 0.
    pub entry: Option<String>,
    /// Numeric column of the time of event or censoring, in the caller's unit.
    pub time: String,
    /// Column of the codes of causes.
    pub cause: String,
    /// The causes in the order of the answer.
    pub causes: Vec<Cause>,
    /// Codes that count as censored.
    pub censored_codes: Vec<String>,
}

/// One cause for which follow-up may end.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Cause {
    /// Name in the answer.
    pub label: String,
    /// Codes that mean this cause.
    pub codes: Vec<String>,
}

/// Why the declared causes make no endpoint.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CausesError {
    /// There is no cause.
    #[error("no cause is declared")]
    NoCauses,
    /// A cause has no code.
    #[error("cause {label} has no code")]
    NoCodes {
        /// Name of the cause.
        label: String,
    },
    /// Two causes have one name.
    #[error("cause {label} is declared twice")]
    DuplicateLabel {
        /// Name of the causes.
        label: String,
    },
    /// A code would mean two things.
    #[error("code {code} is declared twice")]
    DuplicateCode {
        /// The code.
        code: String,
    },
}

impl CauseColumns {
    /// Checks that there are causes, each with codes and a name of its own, and that no code has
    /// two meanings.
    pub fn check(&self) -> Result<(), CausesError> {
        if self.causes.is_empty() {
            return Err(CausesError::NoCauses);
        }
        if let Some(cause) = self.causes.iter().find(|cause| cause.codes.is_empty()) {
            return Err(CausesError::NoCodes { label: cause.label.clone() });
        }
        if let Some(label) = first_duplicate(self.causes.iter().map(|cause| &cause.label)) {
            return Err(CausesError::DuplicateLabel { label });
        }
        let codes = self.causes.iter().flat_map(|cause| &cause.codes);
        match first_duplicate(codes.chain(&self.censored_codes)) {
            Some(code) => Err(CausesError::DuplicateCode { code }),
            None => Ok(()),
        }
    }

    /// Index of the cause that a code means; absent when it means none.
    #[must_use]
    pub fn position(&self, code: &str) -> Option<usize> {
        self.causes.iter().position(|cause| cause.codes.iter().any(|known| known == code))
    }

    /// The endpoint at which every cause is an event.
    #[must_use]
    pub fn any_cause(&self) -> EndpointColumns {
        let codes = self.causes.iter().flat_map(|cause| &cause.codes).cloned().collect();
        self.endpoint(codes, self.censored_codes.clone())
    }

    /// The endpoint at which one cause is the event and the others are censored.
    ///
    /// It speaks of the hazard of that cause, not of its incidence: one minus its Kaplan-Meier
    /// curve overstates how many ever have the event. `index` is below the number of causes.
    #[must_use]
    pub fn cause_specific(&self, index: usize) -> EndpointColumns {
        let others = self.causes.iter().enumerate().filter(|&(other, _)| other != index);
        let others = others.flat_map(|(_, cause)| &cause.codes);
        let censored = self.censored_codes.iter().chain(others).cloned().collect();
        self.endpoint(self.causes[index].codes.clone(), censored)
    }

    fn endpoint(&self, event_codes: Vec<String>, censored_codes: Vec<String>) -> EndpointColumns {
        let (time, event) = (self.time.clone(), self.cause.clone());
        EndpointColumns { entry: self.entry.clone(), time, event, event_codes, censored_codes }
    }
}

fn first_duplicate<'a>(names: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut names: Vec<&String> = names.collect();
    names.sort();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(label: &str, codes: &[&str]) -> Cause {
        Cause { label: label.into(), codes: codes.iter().map(ToString::to_string).collect() }
    }

    fn columns(causes: Vec<Cause>) -> CauseColumns {
        CauseColumns {
            entry: None,
            time: "time".into(),
            cause: "cause".into(),
            causes,
            censored_codes: vec!["0".into()],
        }
    }

    #[test]
    fn other_causes_are_censored_in_the_view_of_one() {
        let columns = columns(vec![cause("relapse", &["1", "3"]), cause("death", &["2"])]);
        assert_eq!(columns.check(), Ok(()));
        assert_eq!(columns.any_cause().event_codes, ["1", "3", "2"]);
        let relapse = columns.cause_specific(0);
        assert_eq!(relapse.event_codes, ["1", "3"]);
        assert_eq!(relapse.censored_codes, ["0", "2"]);
        assert_eq!((columns.position("3"), columns.position("0")), (Some(0), None));
    }

    #[test]
    fn a_code_means_one_thing() {
        let error = |causes| columns(causes).check().unwrap_err().to_string();
        assert_eq!(error(vec![]), "no cause is declared");
        assert_eq!(error(vec![cause("a", &[])]), "cause a has no code");
        assert_eq!(error(vec![cause("a", &["0"])]), "code 0 is declared twice");
        let twice = vec![cause("a", &["1"]), cause("a", &["2"])];
        assert_eq!(error(twice), "cause a is declared twice");
        let shared = vec![cause("a", &["1"]), cause("b", &["2", "1"])];
        assert_eq!(error(shared), "code 1 is declared twice");
    }
}
