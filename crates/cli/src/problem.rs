//! What a person sees when a command does not succeed: one message, and for each fault of the study
//! file its place with a caret.

use miette::{Diagnostic, LabeledSpan, NamedSource, Report, Severity, SourceCode};
use service_kit::{Failure, Violation};
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use tonic::Code;

/// Exit code when something failed that is not the user's input.
const FAILED: u8 = 1;

/// Exit code when the input is wrong.
const WRONG_INPUT: u8 = 2;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The study file or the patient table is wrong.
    Study {
        /// Path of the study file, as the user wrote it.
        path: String,
        /// Its text.
        text: String,
        /// What is wrong, by field of the study file.
        violations: Vec<Violation>,
        /// Faults that the service had no room to list.
        n_omitted: usize,
    },
    /// Some other input is wrong.
    Input(String),
    /// Something failed that is not the input.
    Failed(String),
}

impl Problem {
    /// A file that cannot be used.
    pub(crate) fn file(action: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::Input(format!("could not {action} {}: {error}", path.display()))
    }

    /// What a service answered: faults of the study, or a failure of its own.
    pub(crate) fn of_call(failure: Failure, path: &str, text: &str) -> Self {
        match failure.code {
            Code::InvalidArgument if !failure.violations.is_empty() => Self::Study {
                path: path.into(),
                text: text.into(),
                n_omitted: failure.n_omitted(),
                violations: failure.violations,
            },
            Code::InvalidArgument | Code::FailedPrecondition => Self::Input(failure.message),
            Code::Unavailable => Self::Failed(format!(
                "a service could not be reached: {}; check that it runs and that the address is right",
                failure.message
            )),
            _ => Self::Failed(failure.message),
        }
    }

    /// Tells the user, and says with which code to exit.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Study { path, text, violations, n_omitted } => {
                for violation in &violations {
                    eprintln!("{:?}", Report::new(Fault::new(&path, &text, violation)));
                }
                let count = violations.len() + n_omitted;
                let noun = if count == 1 { "problem" } else { "problems" };
                eprintln!("{count} {noun} found; nothing was written");
                ExitCode::from(WRONG_INPUT)
            }
            Self::Input(message) => {
                eprintln!("error: {message}");
                ExitCode::from(WRONG_INPUT)
            }
            Self::Failed(message) => {
                eprintln!("error: {message}");
                ExitCode::from(FAILED)
            }
        }
    }
}

/// One fault at its place in the study file.
#[derive(Debug)]
struct Fault {
    source: NamedSource<String>,
    place: Option<Range<usize>>,
    field: String,
    message: String,
}

impl Fault {
    fn new(path: &str, text: &str, violation: &Violation) -> Self {
        Self {
            source: NamedSource::new(path, text.to_string()).with_language("TOML"),
            place: study::protocol::locate(text, &violation.field),
            field: violation.field.clone(),
            message: violation.description.clone(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Diagnostic for Fault {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|_| &self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.clone()?;
        let label = LabeledSpan::new_with_span(Some(self.field.clone()), place);
        Some(Box::new(std::iter::once(label)))
    }
}
