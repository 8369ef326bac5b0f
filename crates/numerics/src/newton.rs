//! Newton's method as a state machine: it asks for derivatives at a point and is answered.
//!
//! It reads no data and does no I/O, so a fit on one table, on shards and on the sums of several
//! hospitals is the same fit. It owns what all of them need: which columns are aliased, when to
//! halve a step, when to stop, and whether the maximum lies at infinity.

use crate::cholesky::Cholesky;
use crate::wanted;
use nalgebra::{DMatrix, DVector};
use std::iter::Sum;
use std::ops::Add;

/// A log-likelihood and its derivatives at one point; those of disjoint data add up.
#[derive(Clone, Debug, PartialEq)]
pub struct Derivatives {
    /// Log-likelihood; not finite where it cannot be computed.
    pub value: f64,
    /// First derivatives, `p`.
    pub gradient: DVector<f64>,
    /// Second derivatives with the sign turned, `p` by `p`, symmetric.
    pub information: DMatrix<f64>,
}

/// When to stop; the columns are expected at standard deviation 1 or so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewtonOptions {
    /// Largest number of steps until the log-likelihood settles.
    pub max_iterations: usize,
    /// Relative change of the log-likelihood at which it counts as settled.
    pub tolerance: f64,
}

/// What the machine needs next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The derivatives at this point.
    Evaluate(DVector<f64>),
    /// Nothing: this is the answer.
    Done(Box<Maximum>),
}

/// Where the log-likelihood is largest.
#[derive(Clone, Debug, PartialEq)]
pub struct Maximum {
    /// The point, accurate to about 1e-11; 0 for aliased columns, the last point of the climb where
    /// the maximum lies at infinity.
    pub estimate: DVector<f64>,
    /// Derivatives at the start, 0: what a score test needs.
    pub start: Derivatives,
    /// Log-likelihood at the maximum; where that lies at infinity its supremum, to about 1e-6.
    pub value: f64,
    /// Inverse information at the maximum; 0 for aliased and infinite coordinates.
    pub covariance: DMatrix<f64>,
    /// Columns that depend on those before them.
    pub aliased: Vec<bool>,
    /// Directions in which the log-likelihood rises for ever, 0 in coordinates that they leave
    /// alone; none when there is a maximum.
    pub ascents: Vec<DVector<f64>>,
    /// Coordinates without a finite value: those of the ascents, and those of which nothing is left
    /// to be known at their end, as when every subject is told apart without them.
    pub infinite: Vec<bool>,
    /// Steps taken until the log-likelihood settled, no more than [`NewtonOptions::max_iterations`];
    /// those that settle the point itself are not counted.
    pub iterations: usize,
    /// Whether the log-likelihood settled within the iterations allowed.
    pub converged: bool,
    /// Longest coordinate of the step that would come next, in standard errors at the start: how far
    /// from the maximum the search has ended.
    pub last_step: f64,
}

/// Newton's method with step halving, from the point 0.
///
/// ```text
/// step = I⁻¹ U          U the gradient, I the information, U'step the decrement
/// ```
///
/// The stop rule of R ends the search: the log-likelihood has changed by less than the tolerance,
/// relatively. Full steps are then taken until what is left is too short to change the information, and
/// the last step on top, so the answer does not depend on the tolerance.
///
/// Near a maximum the decrement falls quadratically. Where a log-likelihood approaches its supremum
/// as a coefficient grows without bound, its excess falls like `exp(-β)`, and the decrement only by
/// `e` per step while the step keeps its length: this linear fall is how an infinite maximum is told
/// from a finite one. Albert and Anderson (1984), Biometrika 71:1-10, describe the configurations.
#[derive(Clone, Debug)]
pub struct Newton {
    p: usize,
    options: NewtonOptions,
    phase: Phase,
    iterations: usize,
    start: Option<Start>,
    best: Point,
}

/// What the first evaluation settles for good.
#[derive(Clone, Debug)]
struct Start {
    derivatives: Derivatives,
    kept: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Until the log-likelihood settles.
    Search,
    /// Until the decrement vanishes; counts its steps.
    Settle(usize),
}

/// The best point so far and where it leads.
#[derive(Clone, Debug)]
struct Point {
    beta: DVector<f64>,
    value: f64,
    information: DMatrix<f64>,
    step: DVector<f64>,
    decrement: f64,
    /// Decrement here over decrement at the point before.
    fall: f64,
    /// Relative change of the information since the point before, in the direction in which it is
    /// largest or more; only looked at near the maximum, and infinite elsewhere.
    change: f64,
    /// Directions in which the information has vanished.
    flat: Vec<DVector<f64>>,
    /// Whether the log-likelihood slopes in one of them: this is no climb to infinity, but a plain
    /// beyond the maximum.
    is_plain: bool,
    halvings: u32,
}

/// A decrement at which the next step ends within rounding error of the maximum.
pub(crate) const SETTLED: f64 = 1e-18;

/// The information is that at the maximum when the step to it changes less than this share of it.
pub(crate) const SAME_INFORMATION: f64 = 4e-9;

/// A decrement that has come down to this linearly belongs to a maximum at infinity: what is still
/// to be gained is no more than that, and below it rounding error takes over.
const ENDLESS: f64 = 1e-10;

/// Once settled, a quadratic fall needs at most three steps and a linear one 23 from a decrement of
/// 1; more than this is rounding noise.
const MOST_SETTLING_STEPS: usize = 60;

/// A step that is still too long after this many halvings is shorter than rounding error.
const MOST_HALVINGS: u32 = 40;

/// A quadratic fall is far below this ratio, a linear one at `1/e` above it.
const LINEAR_FALL: f64 = 0.1;

/// Below this decrement a regular log-likelihood is well within its quadratic region.
const NEAR: f64 = 1e-2;

/// An infinite coordinate moves by its whole length while a finite one has stopped: a coordinate that
/// is below this share of the longest has no part in a direction.
const FINITE_SHARE: f64 = 1e-6;

/// At the end of an ascent, a coordinate about which less than this share of the information at the
/// start is left has nothing more to tell.
const FORGOTTEN: f64 = 1e-6;

/// A log-likelihood that changes by less than this per standard error has come to its supremum.
const LEVEL: f64 = 1e-6;

/// Steps shorter than this, in standard errors at the start, are rounding noise, not an ascent.
const SHORTEST_ASCENT: f64 = 1e-4;

impl Newton {
    /// A search over `p` coordinates.
    #[must_use]
    pub fn new(p: usize, options: NewtonOptions) -> Self {
        let best = Point {
            beta: DVector::zeros(p),
            value: f64::NEG_INFINITY,
            information: DMatrix::zeros(p, p),
            step: DVector::zeros(p),
            decrement: f64::INFINITY,
            fall: 0.0,
            change: f64::INFINITY,
            flat: Vec::new(),
            is_plain: false,
            halvings: 0,
        };
        Self { p, options, phase: Phase::Search, iterations: 0, start: None, best }
    }

    /// The first request: the derivatives at 0.
    #[must_use]
    pub fn first(&self) -> Step {
        Step::Evaluate(DVector::zeros(self.p))
    }

    /// Takes the derivatives at the point last asked for and says what comes next.
    ///
    /// # Panics
    /// When the answer is not of `p` coordinates.
    pub fn answer(&mut self, derivatives: Derivatives) -> Step {
        assert_eq!(
            derivatives.gradient.len(),
            self.p,
            "an answer has as many coordinates as asked"
        );
        let Some(start) = &self.start else {
            return self.begin(derivatives);
        };
        let change = derivatives.value - self.best.value;
        let is_small = change.abs() <= self.options.tolerance * (self.best.value.abs() + 0.1);
        if !derivatives.is_finite() || (change < 0.0 && !is_small) {
            return self.halve();
        }
        let was_full_step = self.best.halvings == 0;
        let reached = self.best.followed_by(self.trial(), derivatives, start);
        if reached.is_plain {
            return self.halve();
        }
        self.best = reached;
        match &mut self.phase {
            Phase::Settle(steps) => *steps += 1,
            Phase::Search => {
                self.iterations += 1;
                if is_small && was_full_step {
                    self.phase = Phase::Settle(0);
                }
            }
        }
        self.next()
    }

    fn begin(&mut self, derivatives: Derivatives) -> Step {
        let kept = Cholesky::rank_revealing(&derivatives.information).kept().to_vec();
        let zero = DVector::zeros(self.p);
        let start = Start { derivatives: derivatives.clone(), kept };
        self.best = self.best.followed_by(zero, derivatives, &start);
        self.start = Some(start);
        self.next()
    }

    fn halve(&mut self) -> Step {
        self.best.halvings += 1;
        if self.best.halvings > MOST_HALVINGS {
            return Step::Done(Box::new(self.finish()));
        }
        Step::Evaluate(self.trial())
    }

    fn trial(&self) -> DVector<f64> {
        &self.best.beta + &self.best.step * 0.5f64.powi(self.best.halvings as i32)
    }

    fn next(&mut self) -> Step {
        let best = &self.best;
        let climbs = best.fall > LINEAR_FALL && best.decrement <= ENDLESS;
        if climbs || best.is_settled() {
            self.phase = Phase::Settle(0);
            return Step::Done(Box::new(self.finish()));
        }
        match self.phase {
            Phase::Search if self.iterations >= self.options.max_iterations => {
                let creeps = best.fall > LINEAR_FALL || !best.flat.is_empty();
                if best.decrement > NEAR || !creeps {
                    return Step::Done(Box::new(self.finish()));
                }
                self.phase = Phase::Settle(0);
            }
            Phase::Settle(steps) if steps >= MOST_SETTLING_STEPS => {
                return Step::Done(Box::new(self.finish()));
            }
            _ => {}
        }
        Step::Evaluate(self.trial())
    }

    fn finish(&self) -> Maximum {
        let start = self.start.as_ref().expect("a search ends no earlier than its first answer");
        let best = &self.best;
        let converged = matches!(self.phase, Phase::Settle(_));
        let ascents = if converged { best.ascents(start) } else { Vec::new() };
        // The last step is known and costs nothing; towards infinity it leads nowhere.
        let has_maximum = converged && ascents.is_empty();
        let mut aliased = vec![true; self.p];
        start.kept.iter().for_each(|&j| aliased[j] = false);
        let (infinite, covariance) = start.finite_part(&best.information, &ascents);
        Maximum {
            estimate: if has_maximum { &best.beta + &best.step } else { best.beta.clone() },
            start: start.derivatives.clone(),
            // A step gains half its decrement.
            value: if has_maximum { best.value + 0.5 * best.decrement } else { best.value },
            covariance,
            aliased,
            ascents,
            infinite,
            iterations: self.iterations,
            converged,
            last_step: start.longest(&best.step),
        }
    }
}

impl Maximum {
    /// The same end of a search, where it is known otherwise that the log-likelihood rises for ever
    /// in these directions; `information` is that at the end.
    #[must_use]
    pub fn climbing(self, ascents: Vec<DVector<f64>>, information: &DMatrix<f64>) -> Self {
        let kept = (0..self.aliased.len()).filter(|&j| !self.aliased[j]).collect();
        let start = Start { derivatives: self.start.clone(), kept };
        let ascents: Vec<_> = ascents.iter().map(|ascent| start.significant(ascent)).collect();
        let (infinite, covariance) = start.finite_part(information, &ascents);
        Self { ascents, infinite, covariance, ..self }
    }
}

impl Start {
    /// Length of a coordinate of a direction, in standard errors at the start.
    fn length(&self, direction: &DVector<f64>, j: usize) -> f64 {
        direction[j].abs() * self.derivatives.information[(j, j)].sqrt()
    }

    fn longest(&self, direction: &DVector<f64>) -> f64 {
        (0..direction.len()).map(|j| self.length(direction, j)).fold(0.0, f64::max)
    }

    /// A direction without the coordinates that are but rounding error of the others.
    fn significant(&self, direction: &DVector<f64>) -> DVector<f64> {
        let longest = self.longest(direction);
        let is_significant = |j: usize| self.length(direction, j) > FINITE_SHARE * longest;
        DVector::from_fn(direction.len(), |j, _| if is_significant(j) { direction[j] } else { 0.0 })
    }

    /// How steeply the log-likelihood changes per standard error in a direction.
    fn slope(&self, direction: &DVector<f64>, gradient: &DVector<f64>) -> f64 {
        direction.dot(gradient).abs() / self.longest(direction)
    }

    /// Which coordinates are infinite, and the inverse information of the others.
    ///
    /// Where a direction is infinite, what is left to be known is known of the others whatever the
    /// place along that direction: the block of the whole inverse, not the inverse of the block.
    fn finite_part(
        &self,
        end: &DMatrix<f64>,
        ascents: &[DVector<f64>],
    ) -> (Vec<bool>, DMatrix<f64>) {
        let p = end.nrows();
        let known = &self.derivatives.information;
        let climbs = |j: usize| ascents.iter().any(|ascent| ascent[j] != 0.0);
        let (climbing, other): (Vec<usize>, Vec<usize>) =
            self.kept.iter().partition(|&&j| climbs(j));
        // The finite coordinates come first, since the last ones are left out when nothing is left.
        let order = [other, climbing].concat();
        let mut covariance = Cholesky::in_order(end, &order, known).inverse();
        let is_forgotten = |j: usize| {
            let variance = covariance[(j, j)];
            variance == 0.0 || 1.0 / variance < FORGOTTEN * known[(j, j)]
        };
        let mut infinite = vec![false; p];
        if !ascents.is_empty() {
            self.kept.iter().for_each(|&j| infinite[j] = climbs(j) || is_forgotten(j));
        }
        for j in (0..p).filter(|&j| infinite[j]) {
            covariance.row_mut(j).fill(0.0);
            covariance.column_mut(j).fill(0.0);
        }
        (infinite, covariance)
    }
}

impl Point {
    /// The next point and the step from it.
    fn followed_by(&self, beta: DVector<f64>, at: Derivatives, start: &Start) -> Self {
        let Derivatives { value, gradient, information } = at;
        let factor = Cholesky::in_order(&information, &start.kept, &start.derivatives.information);
        let step = factor.solve(&gradient);
        let decrement = step.dot(&gradient);
        let is_first = self.decrement == f64::INFINITY || self.decrement == 0.0;
        let fall = if is_first { 0.0 } else { decrement / self.decrement };
        let is_end = !is_first && SETTLED < decrement && decrement * fall <= SETTLED;
        let change = match is_end {
            true => {
                let difference = |i, j| information[(i, j)] - self.information[(i, j)];
                factor.relative_size(difference, &mut Vec::new())
            }
            false => f64::INFINITY,
        };
        let lost = start.kept.iter().filter(|j| !factor.kept().contains(j));
        let flat: Vec<DVector<f64>> = lost
            .map(|&j| {
                let mut direction = -factor.solve(&information.column(j).into_owned());
                direction[j] = 1.0;
                start.significant(&direction)
            })
            .collect();
        let is_plain = flat.iter().any(|direction| start.slope(direction, &gradient) > LEVEL);
        Self {
            beta,
            value,
            information,
            step,
            decrement,
            fall,
            change,
            flat,
            is_plain,
            halvings: 0,
        }
    }

    /// Whether the next step ends at the maximum and leaves the information as it is.
    ///
    /// In the metric of the information the next step is `√fall` times as long as the last one, and
    /// changes it by as much less. It ends at the maximum when even a linear fall would.
    fn is_settled(&self) -> bool {
        let is_faithful = self.change * self.fall.sqrt() <= SAME_INFORMATION;
        let is_last = self.decrement * self.fall <= SETTLED && self.flat.is_empty();
        self.decrement <= SETTLED || (is_faithful && is_last)
    }

    /// The directions that lead to infinity: those of vanished information, and the last step where
    /// it still climbs.
    fn ascents(&self, start: &Start) -> Vec<DVector<f64>> {
        let climbs = self.fall > LINEAR_FALL && start.longest(&self.step) > SHORTEST_ASCENT;
        let last = climbs.then(|| start.significant(&self.step));
        self.flat.iter().cloned().chain(last).collect()
    }
}

impl Derivatives {
    /// Those of no data.
    #[must_use]
    pub fn zeros(p: usize) -> Self {
        let (gradient, information) = (DVector::zeros(p), DMatrix::zeros(p, p));
        Self { value: 0.0, gradient, information }
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.value.is_finite()
            && self.gradient.iter().all(|value| value.is_finite())
            && self.information.iter().all(|value| value.is_finite())
    }
}

impl Add for Derivatives {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            gradient: self.gradient + other.gradient,
            information: self.information + other.information,
        }
    }
}

impl Sum for Derivatives {
    /// Adds in the order given; without parts, the derivatives of no data and no coordinates.
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.reduce(Add::add).unwrap_or_else(|| Self::zeros(0))
    }
}

/// Runs the machine against one function that evaluates all the data, as long as the answer is
/// [wanted](crate::wanted).
pub fn maximise(
    p: usize,
    options: NewtonOptions,
    mut evaluate: impl FnMut(&DVector<f64>) -> Derivatives,
) -> Maximum {
    let mut newton = Newton::new(p, options);
    let mut step = newton.first();
    loop {
        wanted::check();
        match step {
            Step::Evaluate(beta) => step = newton.answer(evaluate(&beta)),
            Step::Done(maximum) => return *maximum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementary::{exp, ln, ln_1p};

    const OPTIONS: NewtonOptions = NewtonOptions { max_iterations: 20, tolerance: 1e-9 };

    /// Binomial log-likelihood of `successes` and `failures` in the logit.
    fn binomial(successes: f64, failures: f64, logit: f64) -> Derivatives {
        let probability = 1.0 / (1.0 + exp(-logit));
        let n = successes + failures;
        Derivatives {
            value: -successes * ln_1p(exp(-logit)) - failures * ln_1p(exp(logit)),
            gradient: DVector::from_element(1, successes - n * probability),
            information: DMatrix::from_element(1, 1, n * probability * (1.0 - probability)),
        }
    }

    /// 3 successes and 1 failure: the logit is `ln 3`, its variance `1/3 + 1/1`.
    #[test]
    fn the_logit_of_a_proportion_is_its_closed_form() {
        let maximum = maximise(1, OPTIONS, |beta| binomial(3.0, 1.0, beta[0]));
        assert!((maximum.estimate[0] - 3f64.ln()).abs() < 1e-15);
        assert!((maximum.covariance[(0, 0)] - 4.0 / 3.0).abs() < 1e-9);
        assert!(maximum.converged && maximum.ascents.is_empty());
        assert_eq!(maximum.start.gradient[0], 1.0);
    }

    #[test]
    fn the_answer_does_not_depend_on_the_tolerance() {
        let coarse = NewtonOptions { tolerance: 1e-2, ..OPTIONS };
        let maximum = maximise(1, coarse, |beta| binomial(300.0, 2.0, beta[0]));
        assert!((maximum.estimate[0] - 150f64.ln()).abs() < 1e-13);
    }

    /// The last point that is evaluated is near enough for its information, and no nearer than that:
    /// the variance is `1/successes + 1/failures`, and the value that at the maximum.
    #[test]
    fn a_search_ends_when_the_information_is_that_at_the_maximum() {
        for (successes, most) in [(1e5, 5), (2e5, 4), (2.5e5, 1)] {
            let (failures, mut evaluations) = (5e5 - successes, 0);
            let maximum = maximise(1, OPTIONS, |beta| {
                evaluations += 1;
                binomial(successes, failures, beta[0])
            });
            assert!(evaluations <= most, "{evaluations} of {successes}");
            let variance = 1.0 / successes + 1.0 / failures;
            assert!((maximum.covariance[(0, 0)] / variance - 1.0).abs() < SAME_INFORMATION);
            let logit = ln(successes / failures);
            assert!((maximum.estimate[0] - logit).abs() < 1e-13 * (1.0 + logit.abs()));
            let value = binomial(successes, failures, logit).value;
            assert!((maximum.value - value).abs() < 1e-14 * value.abs());
        }
    }

    /// `M⁻¹ D` has the eigenvalues 0.002 and 0.1: what two columns have of their own is a small part
    /// of what either has, and is not lost beside it.
    #[test]
    fn a_change_of_what_little_there_is_counts_in_full() {
        let axes = DMatrix::from_row_slice(2, 2, &[0.6, 0.8, -0.8, 0.6]);
        let of = |a, b| {
            &axes * DMatrix::from_diagonal(&DVector::from_vec(vec![a, b])) * axes.transpose()
        };
        let (matrix, difference) = (of(1.0, 1e-8), of(2e-3, 1e-9));
        let factor = Cholesky::rank_revealing(&matrix);
        let size = factor.relative_size(|i, j| difference[(i, j)], &mut Vec::new());
        assert!((size - (4e-6 + 0.01f64).sqrt()).abs() < 1e-7);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let parts = |logit| [binomial(2.0, 1.0, logit), binomial(1.0, 0.0, logit)];
        let pooled = maximise(1, OPTIONS, |beta| parts(beta[0]).into_iter().sum());
        let whole = maximise(1, OPTIONS, |beta| binomial(3.0, 1.0, beta[0]));
        assert!((pooled.estimate[0] - whole.estimate[0]).abs() < 1e-15);
    }

    /// Five successes and no failure: the logit is infinite and the likelihood reaches 1.
    #[test]
    fn a_maximum_at_infinity_is_told() {
        for max_iterations in [8, 20] {
            let options = NewtonOptions { max_iterations, ..OPTIONS };
            let maximum = maximise(1, options, |beta| binomial(5.0, 0.0, beta[0]));
            assert!(maximum.ascents.iter().any(|ascent| ascent[0] > 0.5));
            assert!(maximum.value > -1e-9 && maximum.estimate[0] < 50.0);
            assert_eq!(maximum.covariance[(0, 0)], 0.0);
        }
    }

    /// A rare failure makes a large logit, not an infinite one.
    #[test]
    fn a_maximum_far_away_is_still_a_maximum() {
        let maximum = maximise(1, OPTIONS, |beta| binomial(1e6, 1.0, beta[0]));
        assert!(maximum.ascents.is_empty() && maximum.converged);
        assert!((maximum.estimate[0] - 1e6f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn too_few_iterations_do_not_converge() {
        let options = NewtonOptions { max_iterations: 2, ..OPTIONS };
        let maximum = maximise(1, options, |beta| binomial(1000.0, 1.0, beta[0]));
        assert!(!maximum.converged && maximum.ascents.is_empty());
        assert!(maximum.last_step > 1.0);
    }

    /// `-(x₀ + x₁ - 1)²` is flat along `x₀ - x₁`: the second coordinate is aliased.
    #[test]
    fn the_second_of_two_equal_columns_is_aliased() {
        let maximum = maximise(2, OPTIONS, |beta| {
            let rest = 1.0 - beta[0] - beta[1];
            Derivatives {
                value: -rest * rest,
                gradient: DVector::from_element(2, 2.0 * rest),
                information: DMatrix::from_element(2, 2, 2.0),
            }
        });
        assert_eq!(maximum.aliased, [false, true]);
        assert_eq!(maximum.estimate.as_slice(), [1.0, 0.0]);
    }

    #[test]
    fn a_search_without_coordinates_reports_the_value() {
        let maximum =
            maximise(0, OPTIONS, |_| Derivatives { value: -7.0, ..Derivatives::zeros(0) });
        assert_eq!((maximum.value, maximum.converged), (-7.0, true));
    }

    #[test]
    fn a_search_that_nobody_waits_for_takes_no_step() {
        let evaluate = |_: &DVector<f64>| -> Derivatives { unreachable!("nobody asks") };
        let search = || maximise(1, OPTIONS, evaluate);
        assert_eq!(wanted::compute_while(|| false, search), Err(wanted::NotWanted));
    }
}
