//! What is drawn: subjects, matched pairs or clusters, within strata.

use crate::BootstrapError;
use cohort::{Cohort, CohortError, Selection};

/// The columns that say what is drawn.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UnitColumns {
    /// Column of the units, such as matched pairs or clusters; absent = every subject is one.
    pub unit: Option<String>,
    /// Columns in whose crossings, such as arms and sites, as many units are drawn as there are.
    pub strata: Vec<String>,
}

/// To which unit each subject belongs, and which units are drawn together.
#[derive(Clone, Debug, PartialEq)]
pub struct Units {
    /// The unit of each subject; units are numbered as they first occur.
    of_subject: Vec<u32>,
    /// The units of each stratum, ascending.
    strata: Vec<Vec<u32>>,
}

/// The units of the selected subjects.
///
/// Subjects stand in the order of their ids, and with them the units and the strata's units, so that no draw
/// depends on the order of the rows.
///
/// # Errors
///
/// A column that is absent or has missing cells, nobody selected, or a unit with subjects in two strata.
pub fn units(
    cohort: &Cohort,
    selection: &Selection,
    columns: &UnitColumns,
) -> Result<Units, BootstrapError> {
    if selection.is_empty() {
        return Err(CohortError::NoRows.into());
    }
    let unit = match &columns.unit {
        Some(column) => cohort.strata(std::slice::from_ref(column), selection)?,
        None => (0..selection.len() as u32).collect(),
    };
    let strata = cohort.strata(&columns.strata, selection)?;
    Units::new(&unit, &strata).map_err(|subject| BootstrapError::UnitAcrossStrata {
        unit: columns.unit.clone().unwrap_or_default(),
        row: cohort.caller_row(selection.row(subject)),
    })
}

impl Units {
    /// Every subject is a unit, and all are drawn together.
    #[must_use]
    pub fn subjects(n_subjects: usize) -> Self {
        let of_subject: Vec<u32> = (0..n_subjects as u32).collect();
        Self { strata: vec![of_subject.clone()], of_subject }
    }

    /// Units and strata by any code of each subject.
    ///
    /// # Errors
    ///
    /// The first subject whose unit has begun in another stratum.
    pub fn new(unit: &[u32], stratum: &[u32]) -> Result<Self, usize> {
        let n_codes = unit.iter().max().map_or(0, |&code| code as usize + 1);
        let n_strata = stratum.iter().max().map_or(0, |&code| code as usize + 1);
        let mut numbers: Vec<Option<(u32, u32)>> = vec![None; n_codes];
        let mut strata = vec![Vec::new(); n_strata];
        let mut of_subject = Vec::with_capacity(unit.len());
        let mut n_units = 0;
        for (subject, (&code, &stratum)) in unit.iter().zip(stratum).enumerate() {
            let (number, home) = *numbers[code as usize].get_or_insert_with(|| {
                strata[stratum as usize].push(n_units);
                n_units += 1;
                (n_units - 1, stratum)
            });
            if home != stratum {
                return Err(subject);
            }
            of_subject.push(number);
        }
        strata.retain(|units| !units.is_empty());
        Ok(Self { of_subject, strata })
    }

    /// Number of subjects.
    #[must_use]
    pub fn n_subjects(&self) -> usize {
        self.of_subject.len()
    }

    /// Number of units.
    #[must_use]
    pub fn n_units(&self) -> usize {
        self.strata.iter().map(Vec::len).sum()
    }

    /// The unit of each subject.
    #[must_use]
    pub fn of_subject(&self) -> &[u32] {
        &self.of_subject
    }

    /// The units of each stratum, ascending.
    #[must_use]
    pub fn strata(&self) -> &[Vec<u32>] {
        &self.strata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_numbered_as_they_occur() {
        let units = Units::new(&[7, 3, 7, 9], &[1, 0, 1, 1]).unwrap();
        assert_eq!(units.of_subject(), [0, 1, 0, 2]);
        assert_eq!(units.strata(), [vec![1], vec![0, 2]]);
    }

    #[test]
    fn a_unit_lies_in_one_stratum() {
        assert_eq!(Units::new(&[0, 1, 0], &[0, 0, 1]), Err(2));
    }
}
