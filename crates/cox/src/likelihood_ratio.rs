//! Inference from the likelihood itself: profile limits of coefficients, tests of terms and of models.

use crate::inference::finite;
use crate::objective::Objective;
use crate::{CoxFit, ProfileLikelihood, TermTest, TestResult};
use cohort::{Estimate, Interval, NotEstimable, chi_squared_test};
use nalgebra::DVector;
use numerics::elementary::exp;
use numerics::likelihood_ratio::{Loss, Summit};
use numerics::profile::NoLimit;

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
        let limit = |limit: Result<f64, NoLimit>| -> Estimate {
            match limit {
                Ok(limit) => finite(exp(limit / self.scales[j])),
                Err(NoLimit::Infinite) => Err(NotEstimable::Monotone),
                Err(NoLimit::NotConverged) => Err(NotEstimable::NotConverged),
            }
        };
        let interval = Interval { lower: limit(found.lower), upper: limit(found.upper) };
        ProfileLikelihood { interval, test: test_of(found.at_0) }
    }

    /// Likelihood-ratio test of the columns of a term in the presence of all others, of which those
    /// may get a coefficient that were aliased with it.
    fn without(&mut self, columns: &[usize]) -> TestResult {
        let (summit, objective) = (self.summit, &mut *self.objective);
        test_of(summit.loss(columns, &mut |beta: &DVector<f64>| objective.evaluate(beta)))
    }

    /// Likelihood-ratio test of each term in the presence of the others, as `drop1` in R makes it.
    ///
    /// A term that is part of a product in the model has none: without it the product would mean
    /// something else.
    pub fn of_terms(&mut self, terms: &[(String, Vec<usize>)], is_part: &[bool]) -> Vec<TermTest> {
        let mut tests = Vec::with_capacity(terms.len());
        for ((term, columns), &is_part) in terms.iter().zip(is_part) {
            let test = match is_part {
                true => TestResult::none(NotEstimable::NotDefined, columns.len()),
                false => self.without(columns),
            };
            tests.push(TermTest { term: term.clone(), test });
        }
        tests
    }
}

impl ProfileLikelihood {
    /// Of a coefficient without a profile.
    pub(crate) fn none(reason: NotEstimable) -> Self {
        Self { interval: Interval::none(reason), test: TestResult::none(reason, 0) }
    }
}

fn test_of(loss: Loss) -> TestResult {
    match loss.statistic {
        Some(statistic) => chi_squared_test(statistic, loss.rank),
        None => TestResult::none(NotEstimable::NotConverged, loss.rank),
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
