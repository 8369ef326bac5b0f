//! Models of one column each, eight at a time: what all of them share is done once.

use crate::Ties;
use crate::derivatives::difference;
use crate::risk_sets::RiskSets;
use crate::risks::NEAR;
use nalgebra::{DMatrix, DVector};
use numerics::compact::Window;
use numerics::elementary::{exp8, ln8};
use numerics::lanes::{F64x8, Kernel, LANES, Lanes, run};
use numerics::newton::{Derivatives, Maximum, Newton, NewtonOptions, Step};
use numerics::rows::Rows;
use numerics::wanted;
use std::ops::Range;

/// The maximum of the likelihood of each column alone, of at most eight columns.
///
/// A column is left out (`None`) when its risks come too far from each other to be summed in one unit,
/// as on the way to an infinite coefficient.
pub(crate) fn maxima(sets: &RiskSets, ties: Ties, options: NewtonOptions) -> Vec<Option<Maximum>> {
    let mut searches: Vec<Search> = (0..sets.p()).map(|_| Search::new(options)).collect();
    let mut window = sets.window();
    while searches.iter().any(|search| search.beta().is_some()) {
        wanted::check();
        let mut beta = [0.0; LANES];
        for (beta, search) in beta.iter_mut().zip(&searches) {
            *beta = search.beta().unwrap_or_default();
        }
        let sums = run(EachAlone { sets, ties, beta, window: &mut window });
        for (lane, search) in searches.iter_mut().enumerate() {
            search.answer(&sums, lane);
        }
    }
    searches.into_iter().map(Search::maximum).collect()
}

/// The search of one column.
struct Search {
    newton: Newton,
    /// What it needs next; nothing when it is given up.
    step: Option<Step>,
}

impl Search {
    fn new(options: NewtonOptions) -> Self {
        let newton = Newton::new(1, options);
        Self { step: Some(newton.first()), newton }
    }

    /// Where it wants the likelihood evaluated, if it is not at its end.
    fn beta(&self) -> Option<f64> {
        match &self.step {
            Some(Step::Evaluate(beta)) => Some(beta[0]),
            Some(Step::Done(_)) | None => None,
        }
    }

    fn answer(&mut self, sums: &Evaluated, lane: usize) {
        if self.beta().is_some() {
            let is_near = sums.furthest[lane] <= NEAR;
            self.step = is_near.then(|| self.newton.answer(sums.derivatives(lane)));
        }
    }

    fn maximum(self) -> Option<Maximum> {
        match self.step {
            Some(Step::Done(maximum)) => Some(*maximum),
            Some(Step::Evaluate(_)) | None => None,
        }
    }
}

/// The likelihoods of eight columns.
struct Evaluated {
    value: [f64; LANES],
    gradient: [f64; LANES],
    /// The two parts of the information: `Σ S2/S0` and the sum of the squared means.
    squares: [f64; LANES],
    squared_means: [f64; LANES],
    /// Largest `x'beta`, without its sign.
    furthest: [f64; LANES],
}

impl Evaluated {
    fn derivatives(&self, lane: usize) -> Derivatives {
        let squares = DMatrix::from_element(1, 1, self.squares[lane]);
        let squared_means = DMatrix::from_element(1, 1, self.squared_means[lane]);
        Derivatives {
            value: self.value[lane],
            gradient: DVector::from_element(1, self.gradient[lane]),
            information: difference(squares, &squared_means),
        }
    }
}

/// Evaluates the likelihood of each column at its own coefficient.
///
/// Every death is a term of its own, with the sums over risk set and deaths as
/// [`crate::derivatives::PartialLikelihood`] has them:
///
/// ```text
/// w η - w̄ ln φ_l,     w x - w̄ m_l,     w̄ (E x² - m_l²)
/// ```
struct EachAlone<'a> {
    sets: &'a RiskSets<'a>,
    ties: Ties,
    beta: [f64; LANES],
    window: &'a mut Window,
}

impl Kernel for EachAlone<'_> {
    type Output = Evaluated;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Evaluated {
        let zero = F64x8::splat(lanes, 0.0);
        let beta = F64x8::from_array(lanes, &self.beta);
        // A search begins at zero, where nobody's risk differs from another's.
        let is_level = self.beta == [0.0; LANES] && self.sets.offsets().is_none();
        let mut walk = Walk {
            sets: self.sets,
            ties: self.ties,
            total: Totals::new(zero),
            at_risk: Moments::none(zero),
            n_at_risk: 0,
        };
        for batch in self.sets.batches() {
            let positions = self.sets.positions(batch);
            self.sets.widen(&positions, self.window);
            let rows = self.sets.rows(self.window);
            let (start, first) = (self.window.start(), positions.start);
            let subjects = Subjects { lanes, sets: self.sets, beta, is_level, rows, start, first };
            for index in batch.clone().rev() {
                walk.add(subjects, index);
            }
        }
        walk.total.end()
    }
}

/// The walk over tie groups, backwards.
struct Walk<'a, L: Lanes> {
    sets: &'a RiskSets<'a>,
    ties: Ties,
    total: Totals<L>,
    at_risk: Moments<L>,
    n_at_risk: usize,
}

impl<L: Lanes> Walk<'_, L> {
    /// Goes on to a group, which is in the window of `subjects`.
    #[inline(always)]
    fn add(&mut self, subjects: Subjects<L>, index: usize) {
        let Self { sets, total, at_risk, .. } = self;
        let none = Moments::none(subjects.beta.like(0.0));
        let span = sets.span(index);
        let leaving = sets.not_yet_entered(index);
        self.n_at_risk = if span.is_last { 0 } else { self.n_at_risk - leaving.len() };
        if self.n_at_risk == 0 {
            // What subtraction would leave behind is rounding error.
            *at_risk = none;
        } else {
            for (position, _) in leaving {
                subjects.take_away(at_risk, position, total);
            }
        }
        self.n_at_risk += span.all().len();
        subjects.add(at_risk, span.censored(), total);
        let events = span.events();
        if !events.is_empty() {
            let mut deaths = none;
            subjects.add_deaths(&mut deaths, events.clone(), total);
            at_risk.add(&deaths);
            let weight = sets.total_weight(events.clone());
            total.take_turns(self.ties, events.len(), weight, at_risk, &deaths);
        }
    }
}

/// Sums of `r`, `r x` and `r x²`.
#[derive(Clone, Copy)]
struct Moments<L: Lanes> {
    s0: F64x8<L>,
    s1: F64x8<L>,
    s2: F64x8<L>,
}

impl<L: Lanes> Moments<L> {
    #[inline(always)]
    fn none(zero: F64x8<L>) -> Self {
        Self { s0: zero, s1: zero, s2: zero }
    }

    #[inline(always)]
    fn add(&mut self, other: &Self) {
        self.s0 += other.s0;
        self.s1 += other.s1;
        self.s2 += other.s2;
    }

    #[inline(always)]
    fn join(&mut self, r: F64x8<L>, x: F64x8<L>) {
        let rx = r * x;
        self.s0 += r;
        self.s1 += rx;
        self.s2 = rx.mul_add(x, self.s2);
    }
}

/// The subjects with their eight columns.
#[derive(Clone, Copy)]
struct Subjects<'a, L: Lanes> {
    lanes: L,
    sets: &'a RiskSets<'a>,
    beta: F64x8<L>,
    /// Whether every linear predictor is 0.
    is_level: bool,
    /// The position `first` has the row `start`, those after it in a batch the rows that follow.
    rows: &'a Rows,
    start: usize,
    first: usize,
}

impl<L: Lanes> Subjects<'_, L> {
    /// Columns and linear predictors of a position in the window.
    #[inline(always)]
    fn read(&self, position: usize) -> (F64x8<L>, F64x8<L>) {
        let x = self.rows.block(self.lanes, self.start + (position - self.first), 0);
        (x, self.predict(position, x))
    }

    #[inline(always)]
    fn predict(&self, position: usize, x: F64x8<L>) -> F64x8<L> {
        x.mul_add(self.beta, x.like(self.sets.offset(position)))
    }

    #[inline(always)]
    fn risk(&self, eta: F64x8<L>) -> F64x8<L> {
        if self.is_level { eta.like(1.0) } else { exp8(eta) }
    }

    /// Adds the risks of positions in the window.
    #[inline(always)]
    fn add(&self, to: &mut Moments<L>, positions: Range<usize>, total: &mut Totals<L>) {
        for position in positions {
            let (x, eta) = self.read(position);
            total.furthest = total.furthest.max(eta.abs());
            to.join(self.risk(eta) * x.like(self.sets.weight(position)), x);
        }
    }

    /// Takes the risk of any position away.
    #[inline(always)]
    fn take_away(&self, from: &mut Moments<L>, position: usize, total: &mut Totals<L>) {
        let x = self.sets.block(self.lanes, position, 0);
        let eta = self.predict(position, x);
        total.furthest = total.furthest.max(eta.abs());
        from.join(self.risk(eta) * x.like(-self.sets.weight(position)), x);
    }

    /// Adds the risks of deaths in the window, with what they add by themselves.
    #[inline(always)]
    fn add_deaths(&self, to: &mut Moments<L>, positions: Range<usize>, total: &mut Totals<L>) {
        for position in positions {
            let (x, eta) = self.read(position);
            let weight = x.like(self.sets.weight(position));
            total.furthest = total.furthest.max(eta.abs());
            total.value = weight.mul_add(eta, total.value);
            total.gradient = weight.mul_add(x, total.gradient);
            to.join(self.risk(eta) * weight, x);
        }
    }
}

struct Totals<L: Lanes> {
    value: F64x8<L>,
    gradient: F64x8<L>,
    squares: F64x8<L>,
    squared_means: F64x8<L>,
    furthest: F64x8<L>,
}

/// So many risk sets multiplied are in the range of a number: each is below `n exp(64)`.
const MOST_FACTORS: usize = 8;

/// So many risk sets share a division, which takes as long as a dozen products.
const TOGETHER: usize = 4;

/// The deaths of one time.
struct Turn<'a, L: Lanes> {
    mean_weight: F64x8<L>,
    at_risk: &'a Moments<L>,
    deaths: &'a Moments<L>,
}

impl<L: Lanes> Turn<'_, L> {
    /// `φ` of a death that sees this share of the deaths gone.
    #[inline(always)]
    fn phi(&self, share: F64x8<L>) -> F64x8<L> {
        share.neg_mul_add(self.deaths.s0, self.at_risk.s0)
    }

    /// `1/φ` of some deaths, and the product of their `φ`.
    #[inline(always)]
    fn inverses(&self, shares: [F64x8<L>; TOGETHER]) -> ([F64x8<L>; TOGETHER], F64x8<L>) {
        let [a, b, c, d] = shares.map(|share| self.phi(share));
        let (ab, cd) = (a * b, c * d);
        let inverse = ab.like(1.0) / (ab * cd);
        let (per_ab, per_cd) = (inverse * cd, inverse * ab);
        ([per_ab * b, per_ab * a, per_cd * d, per_cd * c], ab * cd)
    }
}

impl<L: Lanes> Totals<L> {
    fn new(zero: F64x8<L>) -> Self {
        Self { value: zero, gradient: zero, squares: zero, squared_means: zero, furthest: zero }
    }

    /// Takes what the risk sets of `d` deaths expect from what is observed.
    #[inline(always)]
    fn take_turns(
        &mut self,
        ties: Ties,
        d: usize,
        weight: f64,
        at_risk: &Moments<L>,
        deaths: &Moments<L>,
    ) {
        let one = at_risk.s0.like(1.0);
        let turn = Turn { mean_weight: one.like(weight / d as f64), at_risk, deaths };
        let step = if ties == Ties::Efron { 1.0 / d as f64 } else { 0.0 };
        let share = |l: usize| one.like(l as f64 * step);
        let mut product = one;
        for first in (0..d).step_by(TOGETHER) {
            if first + TOGETHER <= d {
                let shares = std::array::from_fn(|k| share(first + k));
                let (inverses, phi) = turn.inverses(shares);
                for (share, inverse) in shares.into_iter().zip(inverses) {
                    self.take_turn(&turn, share, inverse);
                }
                product = product * phi;
            } else {
                for share in (first..d).map(share) {
                    let phi = turn.phi(share);
                    self.take_turn(&turn, share, one / phi);
                    product = product * phi;
                }
            }
            let n_factors = first % MOST_FACTORS + TOGETHER;
            if n_factors == MOST_FACTORS || d <= first + TOGETHER {
                self.value = turn.mean_weight.neg_mul_add(ln8(product), self.value);
                product = one;
            }
        }
    }

    /// Takes what the risk set of one death expects, `1/φ` the inverse of its sum.
    #[inline(always)]
    fn take_turn(&mut self, turn: &Turn<L>, share: F64x8<L>, inverse: F64x8<L>) {
        let Turn { mean_weight, at_risk, deaths } = turn;
        let mean = share.neg_mul_add(deaths.s1, at_risk.s1) * inverse;
        let square = share.neg_mul_add(deaths.s2, at_risk.s2) * inverse;
        self.gradient = mean_weight.neg_mul_add(mean, self.gradient);
        self.squares = mean_weight.mul_add(square, self.squares);
        self.squared_means = (*mean_weight * mean).mul_add(mean, self.squared_means);
    }

    #[inline(always)]
    fn end(self) -> Evaluated {
        Evaluated {
            value: self.value.to_array(),
            gradient: self.gradient.to_array(),
            squares: self.squares.to_array(),
            squared_means: self.squared_means.to_array(),
            furthest: self.furthest.to_array(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derivatives::PartialLikelihood;
    use crate::monotone::{DARK, risk_range};
    use crate::testing::{Sample, sample};
    use cohort::Design;
    use numerics::newton::maximise;
    use proptest::prelude::*;

    const OPTIONS: NewtonOptions = NewtonOptions { max_iterations: 20, tolerance: 1e-9 };

    /// Each column has the maximum of the model that it makes by itself.
    fn assert_alone(data: &Sample, ties: Ties) -> Result<(), TestCaseError> {
        let order = data.order();
        let weights: Vec<f64> = (0..data.strata.len()).map(|i| 1.0 + (i % 3) as f64).collect();
        let offset: Vec<f64> = (0..data.strata.len()).map(|i| 0.1 * (i % 4) as f64).collect();
        let sets = |design: &Design| {
            RiskSets::new(&data.endpoint, &order, design).with(Some(&weights), Some(&offset))
        };
        let together = maxima(&sets(&data.design), ties, OPTIONS);
        for (got, column) in together.into_iter().zip(&data.design.columns) {
            let alone = Design { terms: Vec::new(), columns: vec![column.clone()] };
            let sets = sets(&alone);
            let mut likelihood = PartialLikelihood::new(&sets, ties);
            let want =
                maximise(1, OPTIONS, |beta| likelihood.derivatives(beta.as_slice(), |_| 1.0));
            let Some(got) = got else { continue };
            prop_assert_eq!(&got.aliased, &want.aliased);
            let is_finite = |found: &Maximum| found.converged && found.ascents.is_empty();
            // Far out late entry costs the sums over subjects their digits.
            if data.endpoint.entry().is_some() && risk_range(&want, &sets) > DARK {
                continue;
            }
            if want.converged {
                prop_assert_eq!(is_finite(&got), is_finite(&want));
            }
            if is_finite(&got) && is_finite(&want) {
                prop_assert!((got.estimate[0] - want.estimate[0]).abs() < 1e-9);
                prop_assert!((got.value - want.value).abs() < 1e-9 * (1.0 + want.value.abs()));
                let (got, want) = (got.covariance[(0, 0)], want.covariance[(0, 0)]);
                prop_assert!((got - want).abs() <= 1e-9 * want);
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn eight_at_a_time_are_as_one_by_one(data in sample(false), late in sample(true)) {
            for ties in [Ties::Efron, Ties::Breslow] {
                assert_alone(&data, ties)?;
                assert_alone(&late, ties)?;
            }
        }
    }
}
