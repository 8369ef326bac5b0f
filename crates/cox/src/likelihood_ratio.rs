//! Inference from the likelihood itself: profile limits of coefficients and tests of terms.

use crate::inference::finite;
use crate::objective::Objective;
use crate::{ProfileLikelihood, TermTest, TestResult};
use cohort::{Estimate, Interval, NotEstimable, chi_squared_test};
use nalgebra::{DMatrix, DVector};
use numerics::elementary::exp;
use numerics::newton::{Maximum, NewtonOptions};
use numerics::profile::{NoLimit, ProfileQuestion, profile_limit};
use numerics::restricted::maximise_over;

/// A maximum and what is compared with it.
pub(crate) struct LikelihoodRatios<'a, 'b> {
    /// What is maximised.
    pub objective: &'a mut Objective<'b>,
    /// Its maximum.
    pub optimum: &'a Maximum,
    /// Covariance of the estimates: how far away a limit is first looked for.
    pub covariance: &'a DMatrix<f64>,
    /// Standard deviation of each column.
    pub scales: &'a [f64],
    /// Why a column has no coefficient.
    pub reasons: &'a [Option<NotEstimable>],
    /// Normal quantile of the intervals; its square is that of chi-squared.
    pub multiplier: f64,
    /// When a search stops.
    pub newton: NewtonOptions,
}

/// A finite coefficient has limits, which a million times the way to those of Wald contains.
const FAR: f64 = 1e6;

/// Beside an infinite coefficient, so many standard errors at 0 are as good as any distance.
const NEAR: f64 = 64.0;

/// So many times as far as the climb to infinity has gone, nothing that it decides is left open by
/// what the other coefficients may say.
const OUT: f64 = 4.0;

/// A supremum is known to about this.
const LEVEL: f64 = 1e-6;

impl LikelihoodRatios<'_, '_> {
    /// Limits and test of one coefficient.
    ///
    /// ```text
    /// 2 (log L at the maximum  -  largest log L with the coefficient held) = z²
    /// ```
    ///
    /// holds at the limits, with `z` the normal quantile of the confidence. Where the likelihood is
    /// monotone its supremum takes the place of the maximum: on one side the limit is infinite, on
    /// the other it is as good as any. Same as the `PL` limits of PROC PHREG in SAS, and with
    /// Firth's penalty those of `coxphf` in R.
    pub fn of_coefficient(&mut self, j: usize) -> ProfileLikelihood {
        match self.reasons[j] {
            None => {
                let interval = Interval { lower: self.limit(j, -1.0), upper: self.limit(j, 1.0) };
                ProfileLikelihood { interval, test: self.at_0(j) }
            }
            Some(NotEstimable::Monotone) => self.of_infinite(j),
            Some(reason) => ProfileLikelihood {
                interval: Interval::none(reason),
                test: TestResult::none(reason, 0),
            },
        }
    }

    /// A profile that is as high at 0 as at its end does not fall anywhere: other coefficients are
    /// infinite, and beside them nothing can be learnt of this one.
    fn of_infinite(&mut self, j: usize) -> ProfileLikelihood {
        let test = self.at_0(j);
        if test.chi_squared.is_ok_and(|chi_squared| chi_squared < LEVEL) {
            return ProfileLikelihood { interval: Interval::none(NotEstimable::Monotone), test };
        }
        let depth = self.multiplier * self.multiplier;
        let is_above = test.chi_squared.is_ok_and(|chi_squared| chi_squared < depth);
        let mut limit = |side: f64| self.limit_of_infinite(j, side, is_above);
        ProfileLikelihood { interval: Interval { lower: limit(-1.0), upper: limit(1.0) }, test }
    }

    /// The first step leads to the limit of Wald.
    fn limit(&mut self, j: usize, side: f64) -> Estimate {
        let variance = self.covariance[(j, j)];
        let step = self.covariance.column(j) * (side * self.multiplier / variance.sqrt());
        self.search(j, self.optimum.estimate[j], step, FAR)
    }

    /// On the side to which the coefficient has climbed there is no limit; on the other it lies
    /// before 0 or behind it, as the level is reached there or not.
    fn limit_of_infinite(&mut self, j: usize, side: f64, is_above_at_0: bool) -> Estimate {
        let end = self.optimum.estimate[j];
        let unit = self.optimum.start.information[(j, j)].sqrt().recip();
        if end * side >= unit {
            return Err(NotEstimable::Monotone);
        }
        let (outset, way) = match is_above_at_0 {
            true => (0.0, side * unit),
            false if end * side < 0.0 => (end, -end),
            false => (end, side * unit),
        };
        let mut step = DVector::zeros(self.scales.len());
        step[j] = way;
        self.search(j, outset, step, NEAR)
    }

    /// Where a search over the other coefficients may begin: at the maximum, and without one far on
    /// the way to infinity.
    ///
    /// Beside an infinite coefficient that is held, others may come back from infinity, which is seen
    /// from 0 alone. What is found from either place is never too high.
    fn outsets(&self, j: usize) -> Vec<DVector<f64>> {
        let Maximum { estimate, infinite, ascents, .. } = self.optimum;
        if ascents.is_empty() {
            return vec![estimate.clone()];
        }
        let out = |k: usize| if infinite[k] { OUT * estimate[k] } else { estimate[k] };
        let far = DVector::from_fn(estimate.len(), |k, _| out(k));
        if infinite[j] { vec![DVector::zeros(estimate.len()), far] } else { vec![far] }
    }

    /// The limit that is furthest from `from`, over the outsets.
    fn search(&mut self, j: usize, from: f64, step: DVector<f64>, reach: f64) -> Estimate {
        let side = step[j].signum();
        let mut furthest = None;
        for mut maximum in self.outsets(j) {
            maximum[j] = from;
            let limit = self.search_from(j, maximum, step.clone(), reach);
            furthest = Some(match (furthest, limit) {
                (Some(Ok(known)), Ok(limit)) => Ok(side * f64::max(side * known, side * limit)),
                (_, Err(NoLimit::Infinite)) | (Some(Err(NoLimit::Infinite)), _) => {
                    Err(NoLimit::Infinite)
                }
                (Some(Ok(known)), Err(NoLimit::NotConverged)) => Ok(known),
                (None | Some(Err(NoLimit::NotConverged)), limit) => limit,
            });
        }
        match furthest.unwrap_or(Err(NoLimit::NotConverged)) {
            Ok(limit) => finite(exp(limit / self.scales[j])),
            Err(NoLimit::Infinite) => Err(NotEstimable::Monotone),
            Err(NoLimit::NotConverged) => Err(NotEstimable::NotConverged),
        }
    }

    fn search_from(
        &mut self,
        j: usize,
        maximum: DVector<f64>,
        step: DVector<f64>,
        reach: f64,
    ) -> Result<f64, NoLimit> {
        let question = ProfileQuestion {
            coordinate: j,
            others: self.others_estimated(j),
            maximum,
            value: self.optimum.value,
            depth: 0.5 * self.multiplier * self.multiplier,
            step,
            reach,
            options: self.newton,
        };
        let objective = &mut *self.objective;
        profile_limit(question, |beta| objective.evaluate(beta))
    }

    /// The columns that have a coefficient beside this one. An aliased one has none, though it could
    /// have one where this one is held.
    fn others_estimated(&self, j: usize) -> Vec<usize> {
        let aliased = &self.optimum.aliased;
        (0..aliased.len()).filter(|&other| other != j && !aliased[other]).collect()
    }

    /// The test that one coefficient is 0.
    fn at_0(&mut self, j: usize) -> TestResult {
        self.against(&self.others_estimated(j))
    }

    /// Likelihood-ratio test of the columns of a term in the presence of all others, of which those
    /// may get a coefficient that were aliased with it.
    fn without(&mut self, columns: &[usize]) -> TestResult {
        let others: Vec<usize> = (0..self.scales.len()).filter(|j| !columns.contains(j)).collect();
        self.against(&others)
    }

    /// Likelihood-ratio test of the model against the one with these columns.
    fn against(&mut self, others: &[usize]) -> TestResult {
        let objective = &mut *self.objective;
        let origin = DVector::zeros(self.scales.len());
        let evaluate = |beta: &DVector<f64>| objective.evaluate(beta);
        let reduced = maximise_over(origin, others.to_vec(), self.newton, evaluate).maximum;
        let rank = |maximum: &Maximum| maximum.aliased.iter().filter(|&&aliased| !aliased).count();
        let df = rank(self.optimum).saturating_sub(rank(&reduced));
        if !self.optimum.converged || !reduced.converged {
            return TestResult::none(NotEstimable::NotConverged, df);
        }
        chi_squared_test(2.0 * (self.optimum.value - reduced.value), df)
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
