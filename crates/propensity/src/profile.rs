//! What the likelihood itself says of coefficients and terms.

use crate::ProfiledCoefficient;
use crate::inference::finite;
use crate::objective::Objective;
use crate::origin::Origin;
use cohort::{Estimate, Interval, NotEstimable, TermTest, TestResult, chi_squared_test};
use nalgebra::DVector;
use numerics::elementary::exp;
use numerics::likelihood_ratio::{Loss, Summit};
use numerics::profile::NoLimit;

/// A maximum and what is compared with it.
pub(crate) struct Profiles<'a> {
    pub objective: &'a Objective<'a>,
    /// The maximum in the coordinates of the search.
    pub search: Summit<'a>,
    /// The same with the intercept counted from the caller's origin.
    pub at_origin: Summit<'a>,
    pub origin: &'a Origin,
    /// Why a coefficient has no estimate.
    pub reasons: &'a [Option<NotEstimable>],
}

impl Profiles<'_> {
    /// Limits and test of one coefficient; see [`Summit::profile`].
    pub fn coefficient(&self, j: usize) -> ProfiledCoefficient {
        let reason = match self.reasons[j] {
            None | Some(NotEstimable::Separation) => {
                let is_lost = j == 0 && self.origin.is_too_far(self.at_origin.maximum);
                is_lost.then_some(NotEstimable::NotDefined)
            }
            reason => reason,
        };
        if let Some(reason) = reason {
            return ProfiledCoefficient::none(reason);
        }
        let found = match j {
            0 => self.at_origin.profile(0, &mut |at: &DVector<f64>| {
                self.origin.derivatives(self.objective.derivatives(&self.origin.to_search(at)))
            }),
            _ => self.search.profile(j, &mut |at: &DVector<f64>| self.objective.derivatives(at)),
        };
        let scale = self.objective.likelihood().scale(j);
        let limit = |limit: Result<f64, NoLimit>| -> Estimate {
            match limit {
                Ok(limit) => finite(limit / scale),
                Err(NoLimit::Infinite) => Err(NotEstimable::Separation),
                Err(NoLimit::NotConverged) => Err(NotEstimable::NotConverged),
            }
        };
        let interval = Interval { lower: limit(found.lower), upper: limit(found.upper) };
        let ratio = |limit: Estimate| limit.and_then(|limit| finite(exp(limit)));
        let odds_ratio_interval =
            Interval { lower: ratio(interval.lower), upper: ratio(interval.upper) };
        ProfiledCoefficient { interval, odds_ratio_interval, test: test_of(found.at_0) }
    }

    /// What is lost where these coordinates, without the intercept, are 0.
    pub fn loss(&self, columns: &[usize]) -> Loss {
        self.search.loss(columns, &mut |at: &DVector<f64>| self.objective.derivatives(at))
    }

    /// Likelihood-ratio test of each term in the presence of the others, as `drop1` in R makes it.
    ///
    /// A term that is part of a product in the model has none: without it the product would mean
    /// something else.
    pub fn of_terms(&self, terms: &[(String, Vec<usize>)], is_part: &[bool]) -> Vec<TermTest> {
        let test = |((term, columns), &is_part): (&(String, Vec<usize>), &bool)| {
            let test = match is_part {
                true => TestResult::none(NotEstimable::NotDefined, columns.len()),
                false => test_of(self.loss(columns)),
            };
            TermTest { term: term.clone(), test }
        };
        terms.iter().zip(is_part).map(test).collect()
    }
}

impl ProfiledCoefficient {
    /// Of a coefficient without a profile.
    pub(crate) fn none(reason: NotEstimable) -> Self {
        Self {
            interval: Interval::none(reason),
            odds_ratio_interval: Interval::none(reason),
            test: TestResult::none(reason, 0),
        }
    }
}

fn test_of(loss: Loss) -> TestResult {
    match loss.statistic {
        Some(statistic) => chi_squared_test(statistic, loss.rank),
        None => TestResult::none(NotEstimable::NotConverged, loss.rank),
    }
}
