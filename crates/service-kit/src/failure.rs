//! How a call fails: one type that is written into a gRPC status with details and read back
//! from it. Messages name fields, counts and reasons, never a value of a patient.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use thiserror::Error;
use tonic::{Code, Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// The domain in the error information of every status of ours.
pub const DOMAIN: &str = "equipoise";

/// Bytes of violations that a status carries. It travels in headers, of which many clients
/// refuse more than 8 KiB, and base64 makes it a third longer.
const VIOLATION_BUDGET: usize = 4096;

/// Bytes of the message that a status carries, for the same reason.
const MESSAGE_BUDGET: usize = 1024;

/// Name of the entry that counts the violations for which there was no room.
const OMITTED: &str = "omitted_violations";

/// Header by which a gRPC server tells its clients how long to stay away.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// One field of a request that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Path of the field in the request, such as `columns[3].values[17]`.
    pub field: String,
    /// What is wrong, as a fragment such as `must be finite`.
    pub description: String,
}

/// Why a call failed, as its caller sees it.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{message}")]
pub struct Failure {
    /// The class of failure, on which a program decides.
    pub code: Code,
    /// The reason within that class, in upper snake case (`ARM_IS_EMPTY`); empty if the
    /// status came from elsewhere.
    pub reason: String,
    /// What happened, for people.
    pub message: String,
    /// Names and counts that belong to the reason.
    pub metadata: BTreeMap<String, String>,
    /// The fields at fault; only with INVALID_ARGUMENT.
    pub violations: Vec<Violation>,
    /// How long to wait before the same call may succeed; absent if repeating is of no use.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A request with these fields at fault: INVALID_ARGUMENT.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [] => "the request is not valid".to_owned(),
            [only] => format!("{}: {}", only.field, only.description),
            [first, rest @ ..] => {
                format!("{}: {} (and {} more)", first.field, first.description, rest.len())
            }
        };
        Self { violations, ..Self::new(Code::InvalidArgument, "INVALID_FIELDS", message) }
    }

    /// A valid request on a subject that cannot be analysed: FAILED_PRECONDITION.
    pub fn precondition(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, reason, message)
    }

    /// Too much work is waiting already: RESOURCE_EXHAUSTED, to be repeated after a while.
    pub fn busy(retry_after: Duration) -> Self {
        let message = "the service is busy";
        Self {
            retry_after: Some(retry_after),
            ..Self::new(Code::ResourceExhausted, "BUSY", message)
        }
    }

    /// A request over the limit of the server that received it: INVALID_ARGUMENT, with what to do.
    pub fn request_too_large(bytes: usize, limit: usize) -> Self {
        let description = format!(
            "has {bytes} bytes, {limit} are allowed: send fewer rows or only the columns that the \
             question names, or have the service started with a larger message limit"
        );
        let field = "request".to_owned();
        let reason = "MESSAGE_TOO_LARGE".to_owned();
        Self { reason, ..Self::invalid(vec![Violation { field, description }]) }
            .with("bytes", bytes)
            .with("limit", limit)
    }

    /// An answer over the limit of the server that gives it: RESOURCE_EXHAUSTED, of no use to repeat,
    /// with what to do.
    pub fn answer_too_large(bytes: usize, limit: usize) -> Self {
        let message = format!(
            "the answer has {bytes} bytes, {limit} are allowed: ask for less of it, such as values \
             at chosen times instead of whole curves, fewer rows, groups, profiles or residuals, or \
             have the service started with a larger message limit"
        );
        Self::new(Code::ResourceExhausted, "ANSWER_TOO_LARGE", message)
            .with("bytes", bytes)
            .with("limit", limit)
    }

    /// A message over the limit, or more than a receiver holds: RESOURCE_EXHAUSTED, of no use to
    /// repeat.
    pub fn too_large(bytes: usize, limit: usize) -> Self {
        let message = format!("the message has {bytes} bytes, {limit} are allowed");
        Self::new(Code::ResourceExhausted, "MESSAGE_TOO_LARGE", message)
            .with("bytes", bytes)
            .with("limit", limit)
    }

    /// The caller's time is up: DEADLINE_EXCEEDED.
    pub fn deadline_exceeded() -> Self {
        Self::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "the deadline has passed")
    }

    /// The caller has gone: CANCELLED.
    pub fn cancelled() -> Self {
        Self::new(Code::Cancelled, "CANCELLED", "the caller has gone")
    }

    /// A fault of ours: INTERNAL. The message must not quote data.
    pub fn internal(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::Internal, reason, message)
    }

    /// A failure of any class, without details.
    pub fn new(code: Code, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            retry_after: None,
        }
    }

    /// The same failure with one more name or count in its metadata.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.metadata.insert(key.into(), value.to_string());
        self
    }

    /// Violations that did not fit into the status from which this failure was read.
    pub fn n_omitted(&self) -> usize {
        self.metadata.get(OMITTED).and_then(|count| count.parse().ok()).unwrap_or(0)
    }
}

/// Writes the failure with ErrorInfo, and BadRequest or RetryInfo where it has them.
///
/// Violations beyond what headers can carry are left out and counted in the metadata, and a
/// message that is too long is cut.
impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let shown = fitting(&failure.violations);
        let n_omitted = failure.violations.len() - shown.len();
        let mut info: HashMap<String, String> = failure.metadata.into_iter().collect();
        if n_omitted > 0 {
            info.insert(OMITTED.to_owned(), n_omitted.to_string());
        }
        let mut details = ErrorDetails::with_error_info(failure.reason, DOMAIN, info);
        if !shown.is_empty() {
            details.set_bad_request(shown);
        }
        let mut message = failure.message;
        message.truncate(message.floor_char_boundary(MESSAGE_BUDGET));
        let mut headers = MetadataMap::new();
        if let Some(delay) = failure.retry_after {
            details.set_retry_info(Some(delay));
            headers.insert(PUSHBACK, (delay.as_millis() as u64).into());
        }
        Self::with_error_details_and_metadata(failure.code, message, details, headers)
    }
}

/// Reads what a status of ours says. A status from elsewhere gives its code and message.
impl From<&Status> for Failure {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let mut failure = Self::new(status.code(), "", status.message());
        if let Some(info) = details.error_info() {
            failure.reason = info.reason.clone();
            failure.metadata = info.metadata.clone().into_iter().collect();
        }
        if let Some(request) = details.bad_request() {
            failure.violations = request.field_violations.iter().map(read_violation).collect();
        }
        failure.retry_after = details.retry_info().and_then(|info| info.retry_delay);
        failure
    }
}

/// As many of the violations, from the first on, as fit the budget.
fn fitting(violations: &[Violation]) -> Vec<FieldViolation> {
    let mut left = VIOLATION_BUDGET;
    violations
        .iter()
        .map_while(|violation| {
            left = left.checked_sub(violation.field.len() + violation.description.len())?;
            Some(FieldViolation::new(&violation.field, &violation.description))
        })
        .collect()
}

fn read_violation(violation: &FieldViolation) -> Violation {
    Violation { field: violation.field.clone(), description: violation.description.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_status() {
        let failures = [
            Failure::precondition("ARM_IS_EMPTY", "no subject is treated").with("arm", "treated"),
            Failure::busy(Duration::from_millis(250)),
            Failure::too_large(9, 8),
            Failure::answer_too_large(9, 8),
            Failure::deadline_exceeded(),
            Failure::cancelled(),
            Failure::internal("PANIC", "the computation failed"),
        ];
        for failure in failures {
            assert_eq!(Failure::from(&Status::from(failure.clone())), failure);
        }
    }

    fn violation(field: impl Into<String>, description: &str) -> Violation {
        Violation { field: field.into(), description: description.into() }
    }

    #[test]
    fn the_message_tells_the_first_violation() {
        let failure = Failure::invalid(vec![
            violation("columns[3].values[17]", "must be finite"),
            violation("confidence", "must lie between 0 and 1"),
        ]);
        assert_eq!(failure.message, "columns[3].values[17]: must be finite (and 1 more)");
        assert_eq!(Failure::from(&Status::from(failure.clone())), failure);
    }

    #[test]
    fn more_violations_than_headers_can_carry_are_counted() {
        let cell = |row: usize| violation(format!("columns[0].values[{row}]"), "must be finite");
        let status = Status::from(Failure::invalid((0..10_000).map(cell).collect()));
        assert!(status.details().len() < 6144, "{}", status.details().len());
        let read = Failure::from(&status);
        assert!(read.violations.len() > 80);
        assert_eq!(read.violations.len() + read.n_omitted(), 10_000);
    }

    #[test]
    fn a_foreign_status_keeps_code_and_message() {
        let read = Failure::from(&Status::unavailable("no route"));
        assert_eq!(read, Failure::new(Code::Unavailable, "", "no route"));
    }
}
