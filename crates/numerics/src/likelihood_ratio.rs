//! Likelihood ratios about a maximum, or about a supremum that lies at infinity: limits of one
//! coordinate on both sides, and what is lost where coordinates are held at 0.

use crate::newton::{Derivatives, Maximum, NewtonOptions};
use crate::profile::{NoLimit, ProfileQuestion, profile_limit};
use crate::restricted::maximise_over;
use nalgebra::{DMatrix, DVector};

/// A maximum and how its surroundings are explored.
#[derive(Clone, Copy, Debug)]
pub struct Summit<'a> {
    /// The maximum. Coordinates are expected at standard deviation 1 or so, as Newton's method has
    /// them.
    pub maximum: &'a Maximum,
    /// Covariance of the finite coordinates: how far away a limit is first looked for.
    pub covariance: &'a DMatrix<f64>,
    /// Normal quantile of the limits; its square is that of chi-squared.
    pub multiplier: f64,
    /// When a search over the other coordinates stops.
    pub options: NewtonOptions,
}

/// What the profile of a log-likelihood says of one coordinate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoordinateProfile {
    /// Lower limit.
    pub lower: Result<f64, NoLimit>,
    /// Upper limit.
    pub upper: Result<f64, NoLimit>,
    /// What is lost where the coordinate is 0.
    pub at_0: Loss,
}

/// What a log-likelihood loses where some coordinates are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Twice the difference to the maximum; absent when a search has not settled.
    pub statistic: Option<f64>,
    /// How many fewer coordinates are independent.
    pub rank: usize,
}

/// Whoever evaluates a log-likelihood, in all coordinates.
pub type Evaluate<'a> = dyn FnMut(&DVector<f64>) -> Derivatives + 'a;

/// A finite coordinate has limits, which a million times the way to those of Wald contains.
const FAR: f64 = 1e6;

/// Beside an infinite coordinate, so many standard errors at 0 are as good as any distance.
const NEAR: f64 = 64.0;

/// So many times as far as the climb to infinity has gone, nothing that it decides is left open by
/// what the other coordinates may say.
const OUT: f64 = 4.0;

/// A supremum is known to about this.
const LEVEL: f64 = 1e-6;

impl Summit<'_> {
    /// Limits of one coordinate that is not aliased, and what is lost where it is 0.
    ///
    /// ```text
    /// 2 (log L at the maximum  -  largest log L with the coordinate held) = z²
    /// ```
    ///
    /// holds at the limits, with `z` the normal quantile. Where the maximum lies at infinity its
    /// supremum takes its place: on one side the limit is infinite, on the other it is as good as any.
    /// A profile that is as high at 0 as at its end does not fall anywhere: other coordinates are
    /// infinite, and beside them nothing can be learnt of this one.
    pub fn profile(&self, j: usize, evaluate: &mut Evaluate) -> CoordinateProfile {
        let at_0 = self.loss_over(&self.others_estimated(j), evaluate);
        let mut limit = |side: f64| match at_0.statistic {
            _ if !self.maximum.infinite[j] => self.limit(j, side, evaluate),
            Some(statistic) if statistic < LEVEL => Err(NoLimit::Infinite),
            statistic => {
                let depth = self.multiplier * self.multiplier;
                let is_above = statistic.is_some_and(|statistic| statistic < depth);
                self.limit_of_infinite(j, side, is_above, evaluate)
            }
        };
        CoordinateProfile { lower: limit(-1.0), upper: limit(1.0), at_0 }
    }

    /// What is lost where these coordinates are 0, of which others may take the place that were
    /// aliased with them.
    pub fn loss(&self, held: &[usize], evaluate: &mut Evaluate) -> Loss {
        let p = self.maximum.aliased.len();
        let others: Vec<usize> = (0..p).filter(|j| !held.contains(j)).collect();
        self.loss_over(&others, evaluate)
    }

    fn loss_over(&self, free: &[usize], evaluate: &mut Evaluate) -> Loss {
        let origin = DVector::zeros(self.maximum.aliased.len());
        let reduced = maximise_over(origin, free.to_vec(), self.options, evaluate).maximum;
        let rank = |maximum: &Maximum| maximum.aliased.iter().filter(|&&aliased| !aliased).count();
        let is_known = self.maximum.converged && reduced.converged;
        // Offsets can put the likelihood of the others out of the range of a number.
        let statistic = is_known.then_some(2.0 * (self.maximum.value - reduced.value));
        let statistic = statistic.filter(|statistic| statistic.is_finite());
        Loss { statistic, rank: rank(self.maximum).saturating_sub(rank(&reduced)) }
    }

    /// The first step leads to the limit of Wald.
    fn limit(&self, j: usize, side: f64, evaluate: &mut Evaluate) -> Result<f64, NoLimit> {
        let variance = self.covariance[(j, j)];
        let step = self.covariance.column(j) * (side * self.multiplier / variance.sqrt());
        self.search(j, self.maximum.estimate[j], &step, FAR, evaluate)
    }

    /// On the side to which the coordinate has climbed there is no limit; on the other it lies before
    /// 0 or behind it, as the level is reached there or not.
    fn limit_of_infinite(
        &self,
        j: usize,
        side: f64,
        is_above_at_0: bool,
        evaluate: &mut Evaluate,
    ) -> Result<f64, NoLimit> {
        let end = self.maximum.estimate[j];
        let unit = self.maximum.start.information[(j, j)].sqrt().recip();
        if end * side >= unit {
            return Err(NoLimit::Infinite);
        }
        let (outset, way) = match is_above_at_0 {
            true => (0.0, side * unit),
            false if end * side < 0.0 => (end, -end),
            false => (end, side * unit),
        };
        let mut step = DVector::zeros(self.maximum.estimate.len());
        step[j] = way;
        self.search(j, outset, &step, NEAR, evaluate)
    }

    /// Where a search over the other coordinates may begin: at the maximum, and without one far on
    /// the way to infinity.
    ///
    /// Beside an infinite coordinate that is held, others may come back from infinity, which is seen
    /// from 0 alone. What is found from either place is never too high.
    fn outsets(&self, j: usize) -> Vec<DVector<f64>> {
        let Maximum { estimate, infinite, ascents, .. } = self.maximum;
        if ascents.is_empty() {
            return vec![estimate.clone()];
        }
        let out = |k: usize| if infinite[k] { OUT * estimate[k] } else { estimate[k] };
        let far = DVector::from_fn(estimate.len(), |k, _| out(k));
        if infinite[j] { vec![DVector::zeros(estimate.len()), far] } else { vec![far] }
    }

    /// The limit that is furthest from `from`, over the outsets.
    fn search(
        &self,
        j: usize,
        from: f64,
        step: &DVector<f64>,
        reach: f64,
        evaluate: &mut Evaluate,
    ) -> Result<f64, NoLimit> {
        let side = step[j].signum();
        let mut furthest = None;
        for mut outset in self.outsets(j) {
            outset[j] = from;
            let limit = self.search_from(j, outset, step.clone(), reach, evaluate);
            furthest = Some(match (furthest, limit) {
                (Some(Ok(known)), Ok(limit)) => Ok(side * f64::max(side * known, side * limit)),
                (_, Err(NoLimit::Infinite)) | (Some(Err(NoLimit::Infinite)), _) => {
                    Err(NoLimit::Infinite)
                }
                (Some(Ok(known)), Err(NoLimit::NotConverged)) => Ok(known),
                (None | Some(Err(NoLimit::NotConverged)), limit) => limit,
            });
        }
        furthest.unwrap_or(Err(NoLimit::NotConverged))
    }

    fn search_from(
        &self,
        j: usize,
        maximum: DVector<f64>,
        step: DVector<f64>,
        reach: f64,
        evaluate: &mut Evaluate,
    ) -> Result<f64, NoLimit> {
        let question = ProfileQuestion {
            coordinate: j,
            others: self.others_estimated(j),
            maximum,
            value: self.maximum.value,
            depth: 0.5 * self.multiplier * self.multiplier,
            step,
            reach,
            options: self.options,
        };
        profile_limit(question, evaluate)
    }

    /// The coordinates that are estimated beside this one. An aliased one is not, though it could be
    /// where this one is held.
    fn others_estimated(&self, j: usize) -> Vec<usize> {
        let aliased = &self.maximum.aliased;
        (0..aliased.len()).filter(|&other| other != j && !aliased[other]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementary::{exp, ln, ln_1p};
    use crate::newton::maximise;

    const OPTIONS: NewtonOptions = NewtonOptions { max_iterations: 20, tolerance: 1e-9 };

    /// Successes and failures of two groups: the logit of the first is coordinate 0, what the second
    /// has more is coordinate 1.
    fn two_groups(counts: [[f64; 2]; 2], at: &DVector<f64>) -> Derivatives {
        let mut sums = Derivatives::zeros(2);
        for (x, [successes, failures]) in [0.0, 1.0].into_iter().zip(counts) {
            let (row, logit) = (DVector::from_vec(vec![1.0, x]), at[0] + x * at[1]);
            let n = successes + failures;
            let share = 1.0 / (1.0 + exp(-logit));
            sums = sums
                + Derivatives {
                    value: -successes * ln_1p(exp(-logit)) - failures * ln_1p(exp(logit)),
                    gradient: &row * (successes - n * share),
                    information: &row * row.transpose() * (n * share * (1.0 - share)),
                };
        }
        sums
    }

    fn profile(counts: [[f64; 2]; 2], j: usize) -> CoordinateProfile {
        let maximum = maximise(2, OPTIONS, |at| two_groups(counts, at));
        let covariance = &maximum.covariance;
        let summit = Summit { maximum: &maximum, covariance, multiplier: 1.96, options: OPTIONS };
        summit.profile(j, &mut |at| two_groups(counts, at))
    }

    /// Three of ten in the first group: its logit has the limits at which the log-likelihood of that
    /// group alone has fallen by half of the squared quantile.
    #[test]
    fn limits_lie_where_the_profile_has_fallen() {
        let found = profile([[3.0, 7.0], [5.0, 5.0]], 0);
        let alone = |logit: f64| -3.0 * ln_1p(exp(-logit)) - 7.0 * ln_1p(exp(logit));
        let top = alone(ln(3.0 / 7.0));
        for limit in [found.lower, found.upper] {
            assert!((2.0 * (top - alone(limit.unwrap())) - 1.96 * 1.96).abs() < 1e-9);
        }
        assert!((found.at_0.statistic.unwrap() - 2.0 * (top - alone(0.0))).abs() < 1e-12);
        assert_eq!(found.at_0.rank, 1);
    }

    /// Nobody fails in the second group. Beside that the first keeps the limits it has alone, and the
    /// difference has a lower limit only.
    #[test]
    fn beside_an_infinite_coordinate_limits_are_what_they_were() {
        let counts = [[3.0, 7.0], [6.0, 0.0]];
        let found = profile(counts, 0);
        let alone = |logit: f64| -3.0 * ln_1p(exp(-logit)) - 7.0 * ln_1p(exp(logit));
        let top = alone(ln(3.0 / 7.0));
        for limit in [found.lower, found.upper] {
            assert!((2.0 * (top - alone(limit.unwrap())) - 1.96 * 1.96).abs() < 1e-5);
        }
        let difference = profile(counts, 1);
        assert!(difference.lower.unwrap() > 0.0);
        assert_eq!(difference.upper, Err(NoLimit::Infinite));
    }
}
