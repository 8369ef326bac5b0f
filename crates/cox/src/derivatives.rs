//! The log partial likelihood and its derivatives, in time `O(n p²)` for both rules of ties.

use crate::Ties;
use crate::risk_sets::{RiskSets, RiskSums};
use nalgebra::{DMatrix, DVector};
use numerics::elementary::{exp, ln};
use numerics::newton::Derivatives;
use numerics::sum::Sum;

/// Evaluates the log partial likelihood; holds its scratch so that no sweep allocates.
///
/// ```text
/// log L = Σ_t g(t) [ Σ_deaths η  -  Σ_{l<d} ln φ_l ]     φ_l = S0 - (l/d) D0   (Efron)
///                                                       φ_l = S0              (Breslow)
/// ```
///
/// `S0` and `D0` sum `r = exp(η)` over the risk set and over the `d` deaths at `t`; `S1`, `D1`, `S2`
/// and `D2` carry a factor `x` and `x x'`. Written out in powers of `1/φ`, the information is
///
/// ```text
/// Σ_t g(t) [ A S2 - B D2  -  (a S1 S1' - b (S1 D1' + D1 S1') + c D1 D1') ]
/// ```
///
/// in which the first two terms of all times together are one weighted Gram matrix `X' W X`: no
/// `p` by `p` matrix is touched per subject or per death. The weight `w_i` is what subject `i` was
/// expected to contribute to the deaths, so that `δ_i - w_i` is its martingale residual and
/// `X'(δ - w)` the gradient.
///
/// The factor `g(t)` is 1 in a fit and a power of transformed time in the test of proportional
/// hazards. Cox (1972), J. R. Stat. Soc. B 34:187-220; Efron (1977), J. Am. Stat. Assoc. 72:557-565.
pub(crate) struct PartialLikelihood<'a> {
    sets: &'a RiskSets<'a>,
    ties: Ties,
    eta: Vec<f64>,
    risk: Vec<f64>,
    /// `w` of each position, then `δ g - w`.
    weight: Vec<f64>,
    weighted_column: Vec<f64>,
    sums: RiskSums,
    /// `A` and `B` of each group.
    terms: Vec<[f64; 2]>,
    /// Sum of `A` over the groups of the stratum before each group.
    before: Vec<f64>,
}

/// Sums over the `d` deaths of one time, which stand for the powers of `1/φ`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TieSums {
    /// `Σ ln φ`.
    pub ln_phi: f64,
    /// `A = Σ 1/φ`.
    pub one: f64,
    /// `B = Σ (l/d)/φ`.
    pub share: f64,
    /// `a = Σ 1/φ²`.
    pub square: f64,
    /// `b = Σ (l/d)/φ²`.
    pub share_square: f64,
    /// `c = Σ (l/d)²/φ²`.
    pub square_square: f64,
}

impl TieSums {
    /// The sums for `d` deaths in a risk set with `s0`, of which the deaths make up `d0`.
    pub fn new(ties: Ties, d: usize, s0: f64, d0: f64) -> Self {
        let mut sums = Self::default();
        for l in 0..d {
            let share = match ties {
                Ties::Efron => l as f64 / d as f64,
                Ties::Breslow => 0.0,
            };
            let phi = s0 - share * d0;
            let inverse = 1.0 / phi;
            sums.ln_phi += ln(phi);
            sums.one += inverse;
            sums.share += share * inverse;
            sums.square += inverse * inverse;
            sums.share_square += share * inverse * inverse;
            sums.square_square += share * share * inverse * inverse;
        }
        sums
    }
}

impl<'a> PartialLikelihood<'a> {
    pub fn new(sets: &'a RiskSets<'a>, ties: Ties) -> Self {
        let (n, groups) = (sets.n(), sets.groups().len());
        Self {
            sets,
            ties,
            eta: vec![0.0; n],
            risk: vec![0.0; n],
            weight: vec![0.0; n],
            weighted_column: vec![0.0; n],
            sums: RiskSums::new(sets.p()),
            terms: vec![[0.0; 2]; groups],
            before: vec![0.0; groups],
        }
    }

    /// Value, gradient and information at `beta`, each event time counted `g(group)` times.
    pub fn derivatives(&mut self, beta: &[f64], g: impl Fn(usize) -> f64) -> Derivatives {
        self.evaluate_risks(beta);
        let mut mean_products = DMatrix::zeros(beta.len(), beta.len());
        let value = self.sum_over_times(&g, &mut mean_products);
        self.spread_over_subjects();
        let information = self.gram() - mean_products;
        self.subtract_from_deaths(&g);
        let gradient = (0..beta.len()).map(|j| dot(&self.weight, self.sets.column(j)));
        let gradient = DVector::from_iterator(beta.len(), gradient);
        Derivatives { value, gradient, information: mirrored(information) }
    }

    /// `r = exp(η - max η)`: the shift cancels everywhere and keeps the exponential in range.
    fn evaluate_risks(&mut self, beta: &[f64]) {
        self.sets.linear_predictor(beta, &mut self.eta);
        let highest = self.eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (eta, risk) in self.eta.iter_mut().zip(&mut self.risk) {
            *eta -= highest;
            *risk = exp(*eta);
        }
    }

    fn sum_over_times(&mut self, g: &impl Fn(usize) -> f64, products: &mut DMatrix<f64>) -> f64 {
        let Self { sets, ties, eta, risk, sums, terms, .. } = self;
        let mut value = Sum::default();
        terms.fill([0.0; 2]);
        sets.sweep(risk, sums, |index, sums| {
            let events = sets.groups()[index].events.clone();
            let factor = g(index);
            let tied = TieSums::new(*ties, events.len(), sums.s0, sums.d0);
            value += factor * (eta[events].iter().sum::<f64>() - tied.ln_phi);
            terms[index] = [factor * tied.one, factor * tied.share];
            add_mean_products(products, sums, &tied, factor);
        });
        value.value()
    }

    /// `w_i = r_i (Σ A over the times at which i is at risk  -  δ_i B(t_i))`.
    fn spread_over_subjects(&mut self) {
        let Self { sets, risk, weight, terms, before, .. } = self;
        for stratum in sets.strata() {
            let mut hazard = 0.0;
            for index in stratum.clone() {
                before[index] = hazard;
                let group = &sets.groups()[index];
                let [one, share] = terms[index];
                hazard += one;
                for position in group.all() {
                    let entered = sets.first_groups().map_or(0.0, |first| before[first[position]]);
                    let died = if group.events.contains(&position) { share } else { 0.0 };
                    weight[position] = risk[position] * (hazard - entered - died);
                }
            }
        }
    }

    /// Turns `w` into `δ g - w`.
    fn subtract_from_deaths(&mut self, g: &impl Fn(usize) -> f64) {
        for weight in &mut self.weight {
            *weight = -*weight;
        }
        for (index, group) in self.sets.groups().iter().enumerate() {
            for position in group.events.clone() {
                self.weight[position] += g(index);
            }
        }
    }

    /// Lower triangle of `X' W X`.
    fn gram(&mut self) -> DMatrix<f64> {
        let p = self.sets.p();
        let mut gram = DMatrix::zeros(p, p);
        for j in 0..p {
            let products = self.weight.iter().zip(self.sets.column(j)).map(|(w, x)| w * x);
            self.weighted_column.iter_mut().zip(products).for_each(|(cell, value)| *cell = value);
            for k in 0..=j {
                gram[(j, k)] = dot(&self.weighted_column, self.sets.column(k));
            }
        }
        gram
    }
}

/// Adds `g (a S1 S1' - b (S1 D1' + D1 S1') + c D1 D1')` to the lower triangle.
fn add_mean_products(products: &mut DMatrix<f64>, sums: &RiskSums, tied: &TieSums, g: f64) {
    let (s1, d1) = (&sums.s1, &sums.d1);
    for k in 0..s1.len() {
        // Column k of the product is `left S1 + right D1`.
        let left = g * (tied.square * s1[k] - tied.share_square * d1[k]);
        let right = g * (tied.square_square * d1[k] - tied.share_square * s1[k]);
        for j in k..s1.len() {
            products[(j, k)] += left * s1[j] + right * d1[j];
        }
    }
}

fn mirrored(mut lower: DMatrix<f64>) -> DMatrix<f64> {
    lower.fill_upper_triangle_with_lower_triangle();
    lower
}

/// Number of running totals in a sum of products; its order is the same on every machine.
const LANES: usize = 8;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut totals = [0.0; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_blocks.zip(b_blocks) {
        for lane in 0..LANES {
            totals[lane] += a[lane] * b[lane];
        }
    }
    totals.iter().sum::<f64>() + rest
}
