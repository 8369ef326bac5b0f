//! Matching with replacement, laid out so that a patient has a row in each of its sets: what a
//! variance needs that counts both pairs and patients.

use crate::terms::{WEIGHT, endpoint_names};
use cohort::{Cohort, CohortError, Column, Selection};
use matching::{MatchedSample, Pair};
use std::sync::Arc;
use study::protocol::{MatchEstimand, Protocol};

/// Column of the number of the set.
pub(crate) const SET: &str = "reuse/set";

/// Column of the number of the patient.
pub(crate) const PATIENT: &str = "reuse/patient";

/// A row for each patient of each set.
#[derive(Clone, Debug)]
pub(crate) struct Uses {
    /// Exposure, endpoints, weights, sets and patients.
    pub cohort: Arc<Cohort>,
    /// Number of sets.
    pub n_sets: usize,
    /// Number of patients.
    pub n_patients: usize,
    /// Number of rows.
    pub n_rows: usize,
}

/// Lays out the sets of a sample. The weights of a patient's rows add up to its weight in the sample,
/// so that the same equations are solved.
pub(crate) fn uses(
    cohort: &Cohort,
    protocol: &Protocol,
    sample: &MatchedSample,
) -> Result<Uses, CohortError> {
    let is_atc =
        protocol.matching.as_ref().is_some_and(|section| section.estimand == MatchEstimand::Atc);
    let members = |pair: &Pair| match is_atc {
        true => (pair.comparator, pair.exposed),
        false => (pair.exposed, pair.comparator),
    };
    let sets: Vec<&[Pair]> = sample.pairs.chunk_by(|a, b| members(a).0 == members(b).0).collect();
    let mut is_partner = vec![false; cohort.len()];
    sample.pairs.iter().for_each(|pair| is_partner[members(pair).1] = true);
    let n_partners = is_partner.iter().filter(|&&is| is).count();
    // Partners share the weight of their set, and together weigh what they number.
    let scale = n_partners as f64 / sets.len() as f64;
    let (mut rows, mut weights, mut set_of) = (Vec::new(), Vec::new(), Vec::new());
    for (number, &set) in sets.iter().enumerate() {
        let focal = set.first().map(|pair| (members(pair).0, 1.0));
        let share = scale / set.len() as f64;
        let partners = set.iter().map(|pair| (members(pair).1, share));
        for (row, weight) in focal.into_iter().chain(partners) {
            rows.push(row);
            weights.push(weight);
            set_of.push((number + 1) as f64);
        }
    }
    let columns = columns(cohort, protocol, &rows)?;
    let patients = rows.iter().map(|&row| (row + 1) as f64).collect();
    let added = [
        Column::numeric(WEIGHT, weights),
        Column::numeric(SET, set_of),
        Column::numeric(PATIENT, patients),
    ];
    Ok(Uses {
        cohort: Arc::new(Cohort::new(None, columns.into_iter().chain(added).collect())?),
        n_sets: sets.len(),
        n_patients: n_partners + sets.len(),
        n_rows: rows.len(),
    })
}

/// Exposure and endpoints of some rows, which may occur again and again.
fn columns(
    cohort: &Cohort,
    protocol: &Protocol,
    rows: &[usize],
) -> Result<Vec<Column>, CohortError> {
    let everyone = Selection::all(cohort);
    let exposure = &protocol.exposure.column;
    let arms = cohort.categories(exposure, &everyone)?;
    let codes = rows.iter().map(|&row| arms.codes[row]).collect();
    let mut columns = vec![Column::categorical(exposure, arms.levels.clone(), codes)];
    for endpoint in &protocol.endpoints {
        let (time, event) = endpoint_names(&endpoint.id);
        for name in [time, event] {
            let values = cohort.numeric(&name, &everyone)?;
            columns.push(Column::numeric(name, rows.iter().map(|&row| values[row]).collect()));
        }
    }
    Ok(columns)
}
