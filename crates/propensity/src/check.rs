//! What a fit may be asked, and of what data.

use crate::{Link, LogisticData, LogisticOptions, Penalty, PerformanceOptions, PropensityError};

/// Refuses options that make no sense.
pub(crate) fn options(options: &LogisticOptions) -> Result<(), PropensityError> {
    confidence(options.confidence)?;
    match options.penalty {
        Penalty::Ridge(lambda) if !(lambda > 0.0 && lambda.is_finite()) => {
            Err(PropensityError::InvalidRidge)
        }
        Penalty::Firth if options.link != Link::Logit => Err(PropensityError::FirthWithoutLogit),
        _ => Ok(()),
    }
}

/// Refuses data that do not speak of the same subjects.
pub(crate) fn data(data: &LogisticData) -> Result<(), PropensityError> {
    let subjects = data.outcome.len();
    let columns = data.design.columns.iter();
    let lengths = columns
        .map(|column| ("the columns of the design", column.values.len()))
        .chain(data.weights.map(|weights| ("the case weights", weights.len())))
        .chain(data.offset.map(|offset| ("the offsets", offset.len())))
        .chain(data.clusters.map(|clusters| ("the clusters", clusters.len())));
    for (what, got) in lengths {
        if got != subjects {
            return Err(PropensityError::LengthMismatch { what, got, subjects });
        }
    }
    Ok(())
}

/// Refuses a confidence outside 0 to 1.
pub(crate) fn confidence(confidence: f64) -> Result<(), PropensityError> {
    let is_valid = 0.0 < confidence && confidence < 1.0;
    if is_valid { Ok(()) } else { Err(PropensityError::InvalidConfidence { confidence }) }
}

/// Refuses a number of groups that leaves no degree of freedom.
pub(crate) fn groups(groups: usize) -> Result<(), PropensityError> {
    let is_enough = groups >= PerformanceOptions::FEWEST_GROUPS;
    if is_enough { Ok(()) } else { Err(PropensityError::TooFewGroups { groups }) }
}
