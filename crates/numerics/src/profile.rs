//! Likelihood-ratio limits of one coordinate: where the profile of a log-likelihood falls to a level.

use crate::cholesky::Cholesky;
use crate::newton::{Derivatives, NewtonOptions};
use crate::restricted::{Restricted, RestrictedStep, block};
use crate::wanted;
use nalgebra::DVector;

/// Which limit is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileQuestion {
    /// The coordinate.
    pub coordinate: usize,
    /// The others, without those that are held where they are, such as aliased ones.
    pub others: Vec<usize>,
    /// Where the log-likelihood is largest. Where it has no maximum, the coordinate at the end of the
    /// climb, and the others where their search is to begin for every value of it.
    pub maximum: DVector<f64>,
    /// The log-likelihood there.
    pub value: f64,
    /// How far below it the limit lies: half a quantile of chi-squared with one degree of freedom.
    pub depth: f64,
    /// The first step from the maximum in all coordinates; that of `coordinate` is not 0, and its
    /// sign says on which side the limit is looked for. A good one is the multiplier of the Wald
    /// interval times `V_j / sqrt(V_jj)`, with `V_j` the column of the coordinate in the covariance.
    pub step: DVector<f64>,
    /// How many first steps away a profile that has not reached the level is held not to reach it.
    pub reach: f64,
    /// When each search over the other coordinates stops.
    pub options: NewtonOptions,
}

/// Why there is no limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoLimit {
    /// The profile does not fall to the level.
    Infinite,
    /// A search over the other coordinates has not settled.
    NotConverged,
}

/// What the machine needs next.
#[derive(Clone, Debug, PartialEq)]
pub enum ProfileStep {
    /// The derivatives at this point.
    Evaluate(DVector<f64>),
    /// Nothing: this is the limit, or why there is none.
    Done(Result<f64, NoLimit>),
}

/// Follows the profile `l(b) = max over the others of log L` away from its top until
/// `l(b) = value - depth`.
///
/// The signed root `r(b) = sqrt(2 (value - l(b)))` is nearly a straight line, on which Newton's
/// method needs few steps; its slope comes for nothing, since the derivative of a profile is that of
/// the log-likelihood where the others are at their best. Each point is kept within what is known to
/// lie on either side of the limit. The others begin where the last search predicts them.
///
/// Venzon and Moolgavkar (1988), Applied Statistics 37:87-94, define the limits.
#[derive(Clone, Debug)]
pub struct Profile {
    question: ProfileQuestion,
    phase: Phase,
    /// The point at which the profile is being evaluated.
    at: f64,
    /// The furthest point above the level.
    above: f64,
    /// The nearest point below the level.
    below: Option<f64>,
    n_points: usize,
}

#[derive(Clone, Debug)]
enum Phase {
    /// The others climb.
    Climb(Box<Restricted>),
    /// They have arrived; the derivatives at this very point are asked for.
    Measure(Arrival),
}

#[derive(Clone, Debug)]
struct Arrival {
    point: DVector<f64>,
    /// Whether the others are at a maximum, and not on their way to infinity.
    is_maximum: bool,
}

/// A limit is found when it moves by less than this share of the first step: the next step of
/// Newton's method would move it by the square of that.
const FOUND: f64 = 1e-8;

/// Two points on either side of the limit that are nearer than this share of the first step leave
/// nothing to be found.
const ENCLOSED: f64 = 1e-13;

/// Without a point below the level the next one is at most so many times as far from the maximum.
const GROWTH: f64 = 4.0;

/// Bisection alone would have enclosed the limit after so many points.
const MOST_POINTS: usize = 100;

impl Profile {
    /// A search for the limit.
    #[must_use]
    pub fn new(question: ProfileQuestion) -> Self {
        let j = question.coordinate;
        let first = &question.maximum + &question.step;
        let others = question.others.clone();
        Self {
            at: first[j],
            phase: Phase::Climb(Box::new(Restricted::new(first, others, question.options))),
            above: question.maximum[j],
            below: None,
            n_points: 0,
            question,
        }
    }

    /// The first request.
    #[must_use]
    pub fn first(&self) -> ProfileStep {
        match &self.phase {
            Phase::Climb(machine) => match machine.first() {
                RestrictedStep::Evaluate(point) => ProfileStep::Evaluate(point),
                RestrictedStep::Done(end) => ProfileStep::Evaluate(end.point),
            },
            Phase::Measure(arrival) => ProfileStep::Evaluate(arrival.point.clone()),
        }
    }

    /// Takes the derivatives at the point last asked for and says what comes next.
    ///
    /// # Panics
    /// When the answer is not in all coordinates.
    pub fn answer(&mut self, derivatives: &Derivatives) -> ProfileStep {
        match &mut self.phase {
            Phase::Climb(machine) => match machine.answer(derivatives) {
                RestrictedStep::Evaluate(point) => ProfileStep::Evaluate(point),
                RestrictedStep::Done(end) if end.maximum.converged => {
                    let is_maximum = end.maximum.ascents.is_empty();
                    self.phase = Phase::Measure(Arrival { point: end.point.clone(), is_maximum });
                    ProfileStep::Evaluate(end.point)
                }
                RestrictedStep::Done(_) => ProfileStep::Done(Err(NoLimit::NotConverged)),
            },
            Phase::Measure(arrival) => {
                let arrival = arrival.clone();
                self.measured(&arrival, derivatives)
            }
        }
    }

    fn climb_from(&mut self, origin: DVector<f64>) {
        self.at = origin[self.question.coordinate];
        let options = self.question.options;
        let machine = Restricted::new(origin, self.question.others.clone(), options);
        self.phase = Phase::Climb(Box::new(machine));
    }

    /// Uses the value and slope of the profile at one point to find the next.
    fn measured(&mut self, arrival: &Arrival, derivatives: &Derivatives) -> ProfileStep {
        self.n_points += 1;
        let drop = self.question.value - derivatives.value;
        if drop < self.question.depth {
            self.above = self.at;
        } else {
            self.below = Some(self.at);
        }
        let slope = derivatives.gradient[self.question.coordinate];
        let newton = self.newton(drop, slope);
        match self.found(newton) {
            Some(limit) => ProfileStep::Done(limit),
            None => {
                let next = self.within(newton);
                self.climb_from(self.predicted(arrival, derivatives, next));
                self.first()
            }
        }
    }

    /// The limit, or that there is none, as soon as it is known.
    fn found(&self, newton: Option<f64>) -> Option<Result<f64, NoLimit>> {
        let unit = self.question.step[self.question.coordinate].abs();
        if let Some(next) = newton.filter(|next| (next - self.at).abs() <= FOUND * unit) {
            return Some(Ok(next));
        }
        match self.below {
            Some(below) if (below - self.above).abs() <= ENCLOSED * (unit + below.abs()) => {
                Some(Ok(0.5 * (below + self.above)))
            }
            None if self.at == self.furthest() => Some(Err(NoLimit::Infinite)),
            _ if self.n_points >= MOST_POINTS => Some(Err(NoLimit::NotConverged)),
            _ => None,
        }
    }

    /// Newton's next point on the signed root of the profile, if it leads the right way.
    fn newton(&self, drop: f64, slope: f64) -> Option<f64> {
        let side = self.question.step[self.question.coordinate].signum();
        let (root, wanted) = ((2.0 * drop).sqrt(), (2.0 * self.question.depth).sqrt());
        let rise = -slope / root;
        let next = self.at + (wanted - root) / rise;
        (rise * side > 0.0 && next.is_finite()).then_some(next)
    }

    /// A point between those on either side of the limit, or not too far beyond the last one.
    fn within(&self, newton: Option<f64>) -> f64 {
        let is_between = |next: &f64, end: f64| {
            let (low, high) = (self.above.min(end), self.above.max(end));
            low < *next && *next < high
        };
        match self.below {
            Some(below) => {
                newton.filter(|next| is_between(next, below)).unwrap_or(0.5 * (self.above + below))
            }
            None => {
                let start = self.question.maximum[self.question.coordinate];
                let grown = start + GROWTH * (self.above - start);
                let furthest = self.furthest();
                let end = if is_between(&grown, furthest) { grown } else { furthest };
                newton.filter(|next| is_between(next, end)).unwrap_or(end)
            }
        }
    }

    /// The end of the reach.
    fn furthest(&self) -> f64 {
        let j = self.question.coordinate;
        self.question.maximum[j] + self.question.reach * self.question.step[j]
    }

    /// Where the others are likely to be at their best when the coordinate moves on to `next`.
    fn predicted(&self, arrival: &Arrival, derivatives: &Derivatives, next: f64) -> DVector<f64> {
        let (j, others) = (self.question.coordinate, &self.question.others);
        if !arrival.is_maximum {
            // From out there no way leads back.
            let mut afresh = self.question.maximum.clone();
            afresh[j] = next;
            return afresh;
        }
        let known = Cholesky::rank_revealing(&block(&derivatives.information, others));
        let shared = derivatives.information.column(j).select_rows(others);
        let follow = known.solve(&shared) * (arrival.point[j] - next);
        let mut predicted = arrival.point.clone();
        predicted[j] = next;
        for (&other, moved) in others.iter().zip(follow.iter()) {
            predicted[other] += moved;
        }
        predicted
    }
}

/// Runs the machine against one function that evaluates all the data, as long as the answer is
/// [wanted](crate::wanted).
pub fn profile_limit(
    question: ProfileQuestion,
    mut evaluate: impl FnMut(&DVector<f64>) -> Derivatives,
) -> Result<f64, NoLimit> {
    let mut profile = Profile::new(question);
    let mut step = profile.first();
    loop {
        wanted::check();
        match step {
            ProfileStep::Evaluate(point) => step = profile.answer(&evaluate(&point)),
            ProfileStep::Done(limit) => return limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementary::{exp, ln, ln_1p};
    use nalgebra::DMatrix;

    const OPTIONS: NewtonOptions = NewtonOptions { max_iterations: 20, tolerance: 1e-9 };

    /// Of a Poisson count of 1: `β - exp(β)`, largest at 0. The limits solve `exp(β) - β = 1 + depth`.
    fn count(at: &DVector<f64>) -> Derivatives {
        let mean = exp(at[0]);
        Derivatives {
            value: at[0] - mean,
            gradient: DVector::from_element(1, 1.0 - mean),
            information: DMatrix::from_element(1, 1, mean),
        }
    }

    fn question(step: f64, maximum: f64, value: f64) -> ProfileQuestion {
        ProfileQuestion {
            coordinate: 0,
            others: Vec::new(),
            maximum: DVector::from_element(1, maximum),
            value,
            depth: 1.92,
            step: DVector::from_element(1, step),
            reach: 1e3,
            options: OPTIONS,
        }
    }

    #[test]
    fn the_limits_of_a_count_solve_their_equation() {
        for step in [1.96, -1.96, 0.01, -30.0] {
            let limit = profile_limit(question(step, 0.0, -1.0), count).unwrap();
            assert!((exp(limit) - limit - 2.92).abs() < 1e-11, "{limit}");
            assert_eq!(limit > 0.0, step > 0.0);
        }
    }

    /// Two successes and no failure: `-2 ln(1 + exp(-β))` is 1.92 below its supremum 0 where
    /// `exp(-β) = exp(0.96) - 1`, and rises for ever on the other side.
    #[test]
    fn an_infinite_estimate_has_one_limit() {
        let two = |at: &DVector<f64>| {
            let failure = exp(-at[0]) / (1.0 + exp(-at[0]));
            Derivatives {
                value: -2.0 * ln_1p(exp(-at[0])),
                gradient: DVector::from_element(1, 2.0 * failure),
                information: DMatrix::from_element(1, 1, 2.0 * failure * (1.0 - failure)),
            }
        };
        let lower = profile_limit(question(-25.0, 25.0, 0.0), two).unwrap();
        assert!((lower + ln(exp(0.96) - 1.0)).abs() < 1e-9);
        assert_eq!(profile_limit(question(25.0, 25.0, 0.0), two), Err(NoLimit::Infinite));
    }

    /// Of a quadratic the profile is one: the limits are those of Wald.
    #[test]
    fn a_quadratic_has_the_limits_of_wald() {
        let information = DMatrix::from_row_slice(2, 2, &[2.0, 1.0, 1.0, 2.0]);
        let evaluate = |at: &DVector<f64>| Derivatives {
            value: -0.5 * at.dot(&(&information * at)),
            gradient: -&information * at,
            information: information.clone(),
        };
        let asked = ProfileQuestion {
            others: vec![1],
            maximum: DVector::zeros(2),
            step: DVector::from_vec(vec![1.0, 0.0]),
            ..question(1.0, 0.0, 0.0)
        };
        // The variance of a coordinate is 2/3.
        let limit = profile_limit(asked, evaluate).unwrap();
        assert!((limit - (2.0 * 1.92 * 2.0 / 3.0f64).sqrt()).abs() < 1e-12);
    }
}
