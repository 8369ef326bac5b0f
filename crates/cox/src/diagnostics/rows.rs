//! The rows that residuals belong to, each by itself or summed over a patient.

use crate::CoxError;
use crate::cohort_fit::FollowUp;

/// Rows of the cohort by subject, and the patients they are summed over.
pub(crate) struct Rows {
    by_subject: Vec<usize>,
    /// Patient of each subject, numbered by their first subject, and the first rows of all.
    patients: Option<(Vec<usize>, Vec<usize>)>,
}

impl Rows {
    /// Reads the column to collapse by, if there is one.
    pub fn read(follow_up: &FollowUp, collapse: Option<&String>) -> Result<Self, CoxError> {
        let selection = &follow_up.weighted.selection;
        let by_subject = selection.rows().to_vec();
        let Some(column) = collapse else { return Ok(Self { by_subject, patients: None }) };
        let levels = follow_up.cohort.strata(std::slice::from_ref(column), selection)?;
        let mut number = vec![None; by_subject.len()];
        let mut first_rows = Vec::new();
        let patient_of = |(subject, &level): (usize, &u32)| {
            *number[level as usize].get_or_insert_with(|| {
                first_rows.push(by_subject[subject]);
                first_rows.len() - 1
            })
        };
        let patients = levels.iter().enumerate().map(patient_of).collect();
        Ok(Self { by_subject, patients: Some((patients, first_rows)) })
    }

    /// Row of a subject.
    pub fn of_subject(&self, subject: usize) -> usize {
        self.by_subject[subject]
    }

    /// The row of every entry of [`Rows::sums`]: of patients their first row.
    pub fn listed(&self) -> &[usize] {
        self.patients.as_ref().map_or(&self.by_subject, |(_, first_rows)| first_rows)
    }

    /// One number per listed row from one number per subject.
    pub fn sums(&self, by_subject: Vec<f64>) -> Vec<f64> {
        let Some((patients, first_rows)) = &self.patients else { return by_subject };
        let mut sums = vec![0.0; first_rows.len()];
        for (&patient, value) in patients.iter().zip(by_subject) {
            sums[patient] += value;
        }
        sums
    }
}
