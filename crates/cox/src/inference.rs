//! The coefficients of a table.

use crate::Coefficient;
use cohort::{WaldTable, ratio};
use nalgebra::DMatrix;

/// Estimates on the standardised scale with their covariances.
pub(crate) struct Estimates<'a> {
    pub table: WaldTable<'a>,
    pub covariance: &'a DMatrix<f64>,
    pub robust_covariance: Option<&'a DMatrix<f64>>,
}

impl Estimates<'_> {
    /// Column `j`, which R centres at `centre`, as a line of a table.
    pub fn coefficient(&self, j: usize, name: &str, term: &str, centre: f64) -> Coefficient {
        let model = self.table.coefficient(j, self.covariance);
        let robust = self.robust_covariance.map(|matrix| self.table.coefficient(j, matrix));
        Coefficient {
            name: name.into(),
            term: term.into(),
            centre,
            estimate: model.estimate,
            standard_error: model.standard_error,
            robust_standard_error: robust.map(|robust| robust.standard_error),
            hazard_ratio: ratio(model.estimate),
            interval: model.ratio_interval(),
            z: model.z(),
            p_value: model.p_value(),
            robust_interval: robust.map(|robust| robust.ratio_interval()),
            robust_p_value: robust.map(|robust| robust.p_value()),
            profile: None,
        }
    }
}
