//! How what goes wrong crosses the wire: which status a fault becomes, and how the reason why data
//! cannot be analysed comes back.

use crate::{Malformed, Unreadable};
use cohort::{Cohort, CohortError, EndpointError, NotEstimable, SplineKnots, Term, Values};
use cox::CoxError;
use propensity::{Level, LogisticQuery, PropensityError, ValidationQuery};
use service_kit::{Failure, Violation};
use tonic::Code;
use weighting::{WeightMethod, WeightingError, WeightsQuery};

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        let violation = |field: crate::FieldViolation| Violation {
            field: field.path,
            description: field.message,
        };
        Self::invalid(malformed.0.into_iter().map(violation).collect())
    }
}

/// The reason of a NOT_FOUND by which a caller knows that it must upload the cohort.
pub const COHORT_NOT_FOUND: &str = "COHORT_NOT_FOUND";

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Self {
        let message = unreadable.to_string();
        match unreadable {
            Unreadable::Malformed(malformed) => malformed.into(),
            Unreadable::NotHeld(digest) => {
                Self::new(Code::NotFound, COHORT_NOT_FOUND, message).with("digest", digest)
            }
        }
    }
}

/// A request that names what does not fit: INVALID_ARGUMENT at one field.
#[must_use]
pub fn invalid(field: impl Into<String>, description: impl std::fmt::Display) -> Failure {
    let (field, description) = (field.into(), description.to_string());
    Failure::invalid(vec![Violation { field, description }])
}

/// A valid question that the data cannot answer as a whole: FAILED_PRECONDITION with the reason in
/// upper snake case, such as `NO_EVENTS`.
#[must_use]
pub fn impossible(reason: NotEstimable, message: impl std::fmt::Display) -> Failure {
    Failure::precondition(reason_name(reason), message.to_string())
}

/// Why the data cannot answer, if that is what the failure says.
#[must_use]
pub fn impossibility(failure: &Failure) -> Option<NotEstimable> {
    NotEstimable::ALL.into_iter().find(|&reason| reason_name(reason) == failure.reason)
}

/// The name of a reason in upper snake case, as gRPC writes reasons.
fn reason_name(reason: NotEstimable) -> String {
    let mut name = String::new();
    for letter in format!("{reason:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

/// A cohort that a question does not fit: the path of the column, and of the cell where one is at
/// fault; a selection of nobody is a precondition that fails.
#[must_use]
pub fn cohort_failure(cohort: &Cohort, error: &CohortError) -> Failure {
    part_failure("cohort", cohort, error)
}

/// Profiles that a model does not fit: as [`cohort_failure`] for the cohort in the field
/// `profiles`.
#[must_use]
pub fn profiles_failure(profiles: &Cohort, error: &CohortError) -> Failure {
    part_failure("profiles", profiles, error)
}

/// A cohort that the terms of a model do not fit: the field of the term where it is at fault, else as
/// [`cohort_failure`]. Each list of terms comes with its field.
#[must_use]
pub fn terms_failure(cohort: &Cohort, terms: &[(String, &[Term])], error: &CohortError) -> Failure {
    let in_list = |(path, terms): &(String, &[Term])| {
        let fields = terms.iter().enumerate();
        fields
            .filter_map(|(index, term)| term_field(&format!("{path}[{index}]"), term, error))
            .next()
    };
    match terms.iter().find_map(in_list) {
        Some(field) => invalid(field, error),
        None => cohort_failure(cohort, error),
    }
}

/// The field of a term that an error is about, if it is about this term.
fn term_field(path: &str, term: &Term, error: &CohortError) -> Option<String> {
    if let CohortError::TooManyColumns { term: name, .. } = error {
        return (term.name() == *name).then(|| path.to_string());
    }
    if let CohortError::FaintColumn { term: name } = error {
        return (term.name() == *name).then(|| path.to_string());
    }
    // A product has no column whose cell could be named; it may be a part of another one.
    if let (Term::Interaction(left, right), CohortError::UndefinedTransform { column, .. }) =
        (term, error)
    {
        let mut parts = [left, right].into_iter().filter_map(|part| term_field(path, part, error));
        return (term.name() == *column).then(|| path.to_string()).or_else(|| parts.next());
    }
    let field = |factor: &Term| match (factor, error) {
        (
            Term::Factor { column, reference: Some(reference) },
            CohortError::UnknownLevel { column: at_fault, level },
        ) => (column == at_fault && reference == level).then_some("reference"),
        (
            Term::Spline { column, knots, boundary },
            CohortError::InvalidKnots { column: at_fault },
        ) => {
            let field = match (knots, boundary) {
                (SplineKnots::At(knots), _) if !knots.is_empty() => "knots",
                (_, Some(_)) => "boundary_knots",
                (_, None) => "degrees_of_freedom",
            };
            (column == at_fault).then_some(field)
        }
        (
            Term::Spline { column, knots: SplineKnots::DegreesOfFreedom(own), .. },
            CohortError::TiedKnots { column: at_fault, degrees_of_freedom, .. },
        ) => (column == at_fault && own == degrees_of_freedom).then_some("degrees_of_freedom"),
        _ => None,
    };
    let parts = term.factors().into_iter().enumerate();
    let found = |(depth, factor): (usize, &Term)| {
        Some(format!("{path}{}.{}", ".interaction_with".repeat(depth), field(factor)?))
    };
    parts.filter_map(found).next()
}

fn part_failure(part: &str, cohort: &Cohort, error: &CohortError) -> Failure {
    let path = |column: &str, row: Option<usize>| path(part, cohort, column, row);
    let field = match error {
        CohortError::NoRows => return impossible(NotEstimable::NoSubjects, error),
        CohortError::RowOutOfRange { .. } => "selection.rows".into(),
        CohortError::UnknownColumn { .. } => format!("{part}.columns"),
        CohortError::NotFinite { column, row }
        | CohortError::CodeWithoutLevel { column, row, .. }
        | CohortError::Missing { column, row, .. }
        | CohortError::UndeclaredEventCode { column, row }
        | CohortError::UndefinedTransform { column, row }
        | CohortError::NegativeWeight { column, row }
        | CohortError::FractionalFrequency { column, row }
        | CohortError::ForeignLevel { column, row } => path(column, Some(*row)),
        CohortError::OverlappingIntervals { column, rows } => path(column, rows.first().copied()),
        CohortError::Endpoint { column, source } => match source {
            EndpointError::InvalidTime { row } | EndpointError::EmptyInterval { row } => {
                path(column, Some(*row))
            }
            EndpointError::LengthMismatch => path(column, None),
        },
        CohortError::TooManyColumns { .. } | CohortError::FaintColumn { .. } => "terms".into(),
        CohortError::DuplicateColumn { column }
        | CohortError::DuplicateLevel { column, .. }
        | CohortError::LengthMismatch { column, .. }
        | CohortError::NotNumeric { column }
        | CohortError::UnknownLevel { column, .. }
        | CohortError::InvalidKnots { column }
        | CohortError::TiedKnots { column, .. }
        | CohortError::NoWeight { column, .. }
        | CohortError::TooManySubjects { column, .. } => path(column, None),
    };
    invalid(field, error)
}

/// The path of a column of a part of the request, or of one of its cells.
fn path(part: &str, cohort: &Cohort, column: &str, row: Option<usize>) -> String {
    let index = cohort.names().position(|name| name == column);
    let field = match cohort.values(column) {
        Ok(Values::Categorical { .. }) => "codes",
        _ => "values",
    };
    let cell = row.map(|row| format!(".{field}[{row}]")).unwrap_or_default();
    index
        .map_or_else(|| format!("{part}.columns"), |index| format!("{part}.columns[{index}]{cell}"))
}

/// A cell of a cohort that a question does not fit.
#[must_use]
pub fn cell_failure(
    cohort: &Cohort,
    column: &str,
    row: usize,
    description: impl std::fmt::Display,
) -> Failure {
    invalid(path("cohort", cohort, column, Some(row)), description)
}

/// The status of each error of a question for weights, whose fields have paths that begin so.
#[must_use]
pub fn weights_failure(
    cohort: &Cohort,
    query: &WeightsQuery,
    error: &WeightingError,
    question: &str,
) -> Failure {
    if let Some(reason) = error.impossibility() {
        return impossible(reason, error);
    }
    let of_question = |field: &str| invalid(format!("{question}{field}"), error);
    match error {
        WeightingError::Cohort(error) => {
            let terms = match &query.method {
                WeightMethod::EntropyBalancing(entropy) => entropy.terms.as_slice(),
                WeightMethod::InverseProbability(_) => &[],
            };
            terms_failure(cohort, &[(format!("{question}terms"), terms)], error)
        }
        WeightingError::Arms(_) => of_question("exposed_level"),
        WeightingError::NotAProbability { column, row } => {
            cell_failure(cohort, column, *row, error)
        }
        WeightingError::InfiniteWeight { .. } | WeightingError::ArmWithoutWeight { .. } => {
            of_question("score_column")
        }
        WeightingError::Unreachable { .. } => of_question("terms"),
        WeightingError::NotConverged { .. } => of_question("options.max_iterations"),
        WeightingError::InvalidTruncation => of_question("options.truncation_lower"),
        WeightingError::StabilisedSubgroup => of_question("options.stabilised"),
    }
}

/// The status of each error of a call on a hazard model, whose fields have paths that begin so. Each list
/// of terms comes with its field.
#[must_use]
pub fn hazard_failure(
    cohort: &Cohort,
    terms: &[(String, &[Term])],
    error: &CoxError,
    model: &str,
) -> Failure {
    if let Some(reason) = error.impossibility() {
        return impossible(reason, error);
    }
    let of_model = |field: &str| invalid(format!("{model}{field}"), error);
    match error {
        CoxError::Cohort(error) => terms_failure(cohort, terms, error),
        CoxError::Profiles(_) => invalid("profiles", error),
        CoxError::UnknownTerm { .. } => invalid("changing_terms", error),
        CoxError::InvalidCuts => invalid("cut_points", error),
        CoxError::NoFactor { .. } => invalid("prediction.average_over", error),
        CoxError::InvalidTime { .. } => invalid("prediction.times", error),
        CoxError::InvalidProbability { .. } => invalid("prediction.quantile_probabilities", error),
        CoxError::NoEvents { .. } => of_model("endpoint"),
        CoxError::Causes(_) => invalid("endpoint.causes", error),
        CoxError::UnknownCause { .. } => invalid("cause", error),
        CoxError::LateEntry => of_model("endpoint.entry_column"),
        CoxError::InvalidConfidence { .. } => of_model("options.confidence"),
        CoxError::ExactTies { .. } | CoxError::TooLarge { .. } => of_model("options.ties"),
        CoxError::InvalidRidge => of_model("options.ridge_lambda"),
        CoxError::UnknownCoefficient { index, .. } => {
            of_model(&format!("options.profile_columns[{index}]"))
        }
        CoxError::PenalisedSelection | CoxError::PenalisedIncidence => of_model("options.penalty"),
        CoxError::InvalidLimit => invalid("rule", error),
        CoxError::LikelihoodRatioOfWeights => invalid("rule.test", error),
        CoxError::DuplicateTerm { term }
        | CoxError::MissingPart { term, .. }
        | CoxError::ScreenedProduct { term } => {
            let of_name = |(path, terms): &(String, &[Term])| {
                let index = terms.iter().rposition(|known| known.name() == *term)?;
                Some(format!("{path}[{index}]"))
            };
            // Candidates come last, and of a name that occurs twice the second is at fault.
            let field = terms.iter().rev().find_map(of_name);
            invalid(field.unwrap_or_else(|| "candidates".into()), error)
        }
        CoxError::LengthMismatch { .. } => Failure::internal("LENGTH_MISMATCH", error.to_string()),
    }
}

/// The status of each error of a call on a logistic model, which is in the field `model`.
#[must_use]
pub fn logistic_failure(
    cohort: &Cohort,
    query: &LogisticQuery,
    error: &PropensityError,
) -> Failure {
    match error {
        PropensityError::Cohort(error) if !is_of_outcome(error, &query.outcome) => {
            terms_failure(cohort, &[("model.terms".into(), query.terms.as_slice())], error)
        }
        error => propensity_failure(cohort, error, "model."),
    }
}

/// The status of each error of a call on predictions.
#[must_use]
pub fn validation_failure(
    cohort: &Cohort,
    query: &ValidationQuery,
    error: &PropensityError,
) -> Failure {
    match error {
        PropensityError::Cohort(error) if !is_of_outcome(error, &query.outcome) => {
            cohort_failure(cohort, error)
        }
        PropensityError::TooFewGroups { .. } => invalid("options.groups", error),
        error => propensity_failure(cohort, error, ""),
    }
}

/// Whether nobody has the level that is the outcome.
fn is_of_outcome(error: &CohortError, outcome: &Level) -> bool {
    let unknown = |column, level| CohortError::UnknownLevel { column, level };
    *error == unknown(outcome.column.clone(), outcome.level.clone())
}

/// The status of each error of a logistic model whose fields have paths that begin so.
fn propensity_failure(cohort: &Cohort, error: &PropensityError, model: &str) -> Failure {
    if let Some(reason) = error.impossibility() {
        return impossible(reason, error);
    }
    let of_model = |field: &str| invalid(format!("{model}{field}"), error);
    match error {
        PropensityError::Cohort(_) | PropensityError::OneLevel { .. } => of_model("outcome_level"),
        PropensityError::InvalidConfidence { .. } => of_model("options.confidence"),
        PropensityError::InvalidRidge => of_model("options.ridge_lambda"),
        PropensityError::UnknownCoefficient { index, .. } => {
            of_model(&format!("options.profile_columns[{index}]"))
        }
        PropensityError::FirthWithoutLogit | PropensityError::TooLarge => {
            of_model("options.penalty")
        }
        PropensityError::TooFewGroups { .. } => of_model("options.performance_groups"),
        PropensityError::NotAProbability { column, row } => {
            cell_failure(cohort, column, *row, error)
        }
        PropensityError::LengthMismatch { .. } => {
            Failure::internal("LENGTH_MISMATCH", error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Column, Selection};

    #[test]
    fn reasons_come_back() {
        for reason in NotEstimable::ALL {
            assert_eq!(impossibility(&impossible(reason, "because")), Some(reason));
        }
        assert_eq!(reason_name(NotEstimable::BeyondFollowUp), "BEYOND_FOLLOW_UP");
        assert_eq!(impossibility(&Failure::internal("PANIC", "")), None);
    }

    #[test]
    fn a_missing_cell_is_named_by_its_path() {
        let columns = vec![
            Column::numeric("id", vec![1.0, 2.0]),
            Column::numeric("age", vec![50.0, 0.0]).with_missing(vec![1]),
            Column::categorical("sex", vec!["f".into()], vec![0, 0]).with_missing(vec![0]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let field_of = |column| {
            let error = cohort.categories(column, &Selection::all(&cohort)).unwrap_err();
            cohort_failure(&cohort, &error).violations[0].field.clone()
        };
        assert_eq!(field_of("age"), "cohort.columns[1].values[1]");
        assert_eq!(field_of("sex"), "cohort.columns[2].codes[0]");
    }
}
