//! Inference from the likelihood itself: profile limits of coefficients, tests of terms and of models.

use crate::objective::Objective;
use crate::{CoxFit, ProfileLikelihood, TestResult};
use cohort::{
    Interval, NotEstimable, chi_squared_test, loss_test, profile_interval, ratio_interval,
};
use nalgebra::DVector;
use numerics::likelihood_ratio::{Loss, Summit};

/// A maximum and what is compared with it.
pub(crate) struct LikelihoodRatios<'a, 'b> {
    /// What is maximised.
    pub objective: &'a mut Objective<'b>,
    /// Its maximum, and how its surroundings are explored.
    pub summit: Summit<'a>,
    /// Standard deviation of each column.
    pub scales: &'a [f64],
    /// Why a column has no coefficient.
    pub reasons: &'a [Option<NotEstimable>],
}

impl LikelihoodRatios<'_, '_> {
    /// Limits and test of one coefficient; see [`Summit::profile`].
    ///
    /// Where the likelihood is monotone one limit is infinite. Same as the `PL` limits of PROC PHREG
    /// in SAS, and with Firth's penalty those of `coxphf` in R.
    pub fn of_coefficient(&mut self, j: usize) -> ProfileLikelihood {
        if let Some(reason) = self.reasons[j]
            && reason != NotEstimable::Monotone
        {
            return ProfileLikelihood::none(reason);
        }
        let (summit, objective) = (self.summit, &mut *self.objective);
        let found = summit.profile(j, &mut |beta: &DVector<f64>| objective.evaluate(beta));
        let limits = profile_interval(&found, self.scales[j], NotEstimable::Monotone);
        ProfileLikelihood { interval: ratio_interval(limits), test: loss_test(found.at_0) }
    }

    /// What the likelihood loses without some columns, of which those may get a coefficient that were
    /// aliased with them.
    pub fn loss(&mut self, columns: &[usize]) -> Loss {
        let (summit, objective) = (self.summit, &mut *self.objective);
        summit.loss(columns, &mut |beta: &DVector<f64>| objective.evaluate(beta))
    }
}

impl ProfileLikelihood {
    /// Of a coefficient without a profile.
    pub(crate) fn none(reason: NotEstimable) -> Self {
        Self { interval: Interval::none(reason), test: TestResult::none(reason, 0) }
    }
}

/// The test of what a model has more than another one of the same subjects.
///
/// With a penalty the models are not at the maxima of their likelihoods, and the difference of these
/// is no chi-squared.
pub(crate) fn likelihood_ratio(larger: &CoxFit, smaller: &CoxFit) -> TestResult {
    let (with, without) = (larger.likelihood_ratio_test, smaller.likelihood_ratio_test);
    let df = with.degrees_of_freedom.saturating_sub(without.degrees_of_freedom);
    if [with, without].iter().any(|test| test.chi_squared == Err(NotEstimable::NotConverged)) {
        return TestResult::none(NotEstimable::NotConverged, df);
    }
    if larger.penalised.is_some() || smaller.penalised.is_some() {
        return TestResult::none(NotEstimable::NotDefined, df);
    }
    chi_squared_test(2.0 * (larger.log_likelihood - smaller.log_likelihood), df)
}
