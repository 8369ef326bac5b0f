//! The subjects of a model, prepared once for several fits.

use crate::fit::{CoxData, CoxExtras, Model, check_lengths, fit_prepared};
use crate::risk_sets::RiskSets;
use crate::{CoxError, CoxFit, CoxOptions};

/// Subjects whose columns are standardised and in risk order: half of the work of a fit to a million of
/// them, which other options, another rule of ties or a penalty need not do again.
#[derive(Clone, Debug)]
pub struct PreparedCox<'a> {
    pub(crate) data: CoxData<'a>,
    pub(crate) sets: RiskSets<'a>,
    /// Where each column is centred.
    pub(crate) centres: Vec<f64>,
}

impl<'a> PreparedCox<'a> {
    /// Standardises the columns and puts them in risk order.
    ///
    /// # Errors
    ///
    /// When the lengths of what belongs to the subjects differ.
    pub fn new(data: CoxData<'a>) -> Result<Self, CoxError> {
        check_lengths(&data)?;
        let sets = RiskSets::new(data.endpoint, data.order, data.design);
        Ok(Self { sets: sets.with(data.weights, data.offset), centres: data.centres(), data })
    }

    /// Fits the model as [`crate::fit()`] does.
    ///
    /// # Errors
    ///
    /// Those of [`crate::fit()`].
    pub fn fit(&self, options: &CoxOptions, extras: CoxExtras) -> Result<CoxFit, CoxError> {
        self.fit_and(options, extras, |_| ()).map(|(fit, ())| fit)
    }

    /// The same, and lets `look` see the model at its maximum.
    pub(crate) fn fit_and<T>(
        &self,
        options: &CoxOptions,
        extras: CoxExtras,
        look: impl FnOnce(&Model) -> T,
    ) -> Result<(CoxFit, T), CoxError> {
        fit_prepared(self, options, extras, look)
    }
}
