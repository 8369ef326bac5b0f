//! The level that the others are contrasted with.

use crate::SurvivalError;
use cohort::CohortError;

/// Position of the level asked for, or of the first that holds a subject.
///
/// `sizes` has the number of subjects of each level. Fails on a level that does not exist or that
/// holds nobody.
pub(crate) fn reference_level(
    column: &str,
    sizes: &[(&str, usize)],
    asked: Option<&str>,
) -> Result<usize, SurvivalError> {
    let Some(level) = asked else {
        let first = sizes.iter().position(|size| size.1 > 0);
        return first.ok_or(SurvivalError::NoRows);
    };
    let (column, level) = (column.to_string(), level.to_string());
    match sizes.iter().position(|size| size.0 == level) {
        Some(position) if sizes[position].1 > 0 => Ok(position),
        Some(_) => Err(SurvivalError::EmptyReference { column, level }),
        None => Err(CohortError::UnknownLevel { column, level }.into()),
    }
}
