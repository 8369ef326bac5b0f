//! What the likelihood itself says of coefficients and terms.

use crate::objective::Objective;
use crate::origin::Origin;
use crate::{Link, ProfiledCoefficient};
use cohort::{Interval, NotEstimable, TestResult, loss_test, profile_interval};
use nalgebra::DVector;
use numerics::likelihood_ratio::{Loss, Summit};

/// A maximum and what is compared with it.
pub(crate) struct Profiles<'a> {
    pub objective: &'a Objective<'a>,
    pub link: Link,
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
        let interval = profile_interval(&found, scale, NotEstimable::Separation);
        let odds_ratio_interval = self.link.odds_ratios(interval);
        ProfiledCoefficient { interval, odds_ratio_interval, test: loss_test(found.at_0) }
    }

    /// What is lost where these coordinates, without the intercept, are 0.
    pub fn loss(&self, columns: &[usize]) -> Loss {
        self.search.loss(columns, &mut |at: &DVector<f64>| self.objective.derivatives(at))
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
