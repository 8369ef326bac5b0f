//! The subjects to predict.

use super::mean_offset;
use super::strata::Strata;
use crate::CoxError;
use crate::centring::centre;
use crate::cohort_fit::FollowUp;
use cohort::{Cohort, Design, DesignColumn, Estimate, Selection};

/// A subject to predict.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// Row of the profiles; absent for the average subject.
    pub row: Option<usize>,
    /// Its columns of the design.
    pub x: Vec<f64>,
    /// Its offset.
    pub offset: f64,
    /// Its stratum, when it names one.
    pub stratum: Option<Estimate<usize>>,
}

impl Profile {
    /// Every column where R centres it, the offset at its mean.
    pub fn average(follow_up: &FollowUp, design: &Design) -> Self {
        let weights = follow_up.weighted.weights.as_deref();
        let centre = |column: &DesignColumn| centre(&column.values, &follow_up.endpoint, weights);
        Self {
            row: None,
            x: design.columns.iter().map(centre).collect(),
            offset: mean_offset(follow_up),
            stratum: None,
        }
    }
}

/// Reads the profiles in the order of their rows; what is wrong with them is told as such.
pub(crate) fn read(
    follow_up: &FollowUp,
    strata: &Strata,
    profiles: &Cohort,
) -> Result<Vec<Profile>, CoxError> {
    if profiles.is_empty() {
        return Ok(Vec::new());
    }
    let (cohort, selection) = (follow_up.cohort, &follow_up.weighted.selection);
    let terms = &follow_up.query.terms;
    let design =
        Design::of_profiles(cohort, selection, terms, profiles).map_err(CoxError::Profiles)?;
    let named = strata.named(profiles).map_err(CoxError::Profiles)?;
    let everyone = Selection::all(profiles);
    let offset = follow_up.query.offset.as_deref().filter(|name| profiles.values(name).is_ok());
    let offset = offset.map(|name| profiles.numeric(name, &everyone)).transpose();
    let offset = offset.map_err(CoxError::Profiles)?;
    let profile = |row: usize| Profile {
        row: Some(row),
        x: design.columns.iter().map(|column| column.values[row]).collect(),
        offset: offset.as_ref().map_or(0.0, |offset| offset[row]),
        stratum: named.as_ref().map(|named| named[row]),
    };
    Ok((0..profiles.len()).map(profile).collect())
}
