//! The log partial likelihood and its derivatives, in time `O(n p²)` for both rules of ties.

use crate::Ties;
use crate::risk_sets::{RiskSets, RiskSums, Risks};
use nalgebra::{DMatrix, DVector};
use numerics::elementary::ln;
use numerics::newton::Derivatives;
use numerics::sum::Sum;

/// Evaluates the log partial likelihood; holds its scratch so that no sweep allocates.
///
/// ```text
/// log L = Σ_t g(t) [ Σ_deaths w η  -  w̄ Σ_{l<d} ln φ_l ]     φ_l = S0 - (l/d) D0   (Efron)
///                                                           φ_l = S0              (Breslow)
/// ```
///
/// `S0` and `D0` sum `r = w exp(η)` over the risk set and over the `d` deaths at `t`, whose weights
/// `w` have the mean `w̄`; without case weights all are 1. `S1`, `D1`, `S2` and `D2` carry a factor
/// `x` and `x x'`. Written out in powers of `1/φ`, the information is
///
/// ```text
/// Σ_t g(t) [ A S2 - B D2  -  (a S1 S1' - b (S1 D1' + D1 S1') + c D1 D1') ]
/// ```
///
/// in which the first two terms of all times together are one weighted Gram matrix `X' W X`: no
/// `p` by `p` matrix is touched per subject or per death. The weight `w_i` is what subject `i` was
/// expected to contribute to the deaths, so that its case weight times `δ_i` less `w_i` is its
/// weighted martingale residual, and these times `X` the gradient.
///
/// The factor `g(t)` is 1 in a fit and a power of transformed time in the test of proportional
/// hazards. Cox (1972), J. R. Stat. Soc. B 34:187-220; Efron (1977), J. Am. Stat. Assoc. 72:557-565.
pub(crate) struct PartialLikelihood<'a> {
    sets: &'a RiskSets<'a>,
    ties: Ties,
    risks: Risks,
    /// `w` of each position, then the residuals that make up the gradient.
    weight: Vec<f64>,
    weighted_column: Vec<f64>,
    sums: RiskSums,
    /// `A` and `B` of each group.
    terms: Vec<[f64; 2]>,
    /// Sum of `A` over the groups of the stratum before each group.
    before: Vec<f64>,
}

/// Sums over the `d` deaths of one time, which stand for the powers of `1/φ`; all carry the factor
/// `w̄`.
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
    /// The sums for `d` deaths in a risk set.
    pub fn new(ties: Ties, d: usize, at_risk: &RiskSums) -> Self {
        let (s0, d0) = (at_risk.s0, at_risk.d0);
        let mean_weight = at_risk.death_weight / d as f64;
        let mut sums = Self::default();
        for l in 0..d {
            let share = match ties {
                Ties::Efron => l as f64 / d as f64,
                // The exact likelihood has no hazard of its own: R gives it Breslow's.
                Ties::Breslow | Ties::Exact => 0.0,
            };
            let phi = s0 - share * d0;
            let one = mean_weight / phi;
            let square = one / phi;
            sums.ln_phi += mean_weight * ln(phi);
            sums.one += one;
            sums.share += share * one;
            sums.square += square;
            sums.share_square += share * square;
            sums.square_square += share * share * square;
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
            risks: Risks::new(sets),
            weight: vec![0.0; n],
            weighted_column: vec![0.0; n],
            sums: RiskSums::new(sets.p()),
            terms: vec![[0.0; 2]; groups],
            before: vec![0.0; groups],
        }
    }

    /// Value, gradient and information at `beta`, each event time counted `g(group)` times.
    pub fn derivatives(&mut self, beta: &[f64], g: impl Fn(usize) -> f64) -> Derivatives {
        self.sets.evaluate(beta, &mut self.risks);
        let mut mean_products = DMatrix::zeros(beta.len(), beta.len());
        let value = self.sum_over_times(&g, &mut mean_products);
        self.spread_over_subjects();
        let information = difference(self.gram(), &mean_products);
        self.subtract_from_deaths(&g);
        let gradient = (0..beta.len()).map(|j| dot(&self.weight, self.sets.column(j)));
        let gradient = DVector::from_iterator(beta.len(), gradient);
        Derivatives { value, gradient, information: mirrored(information) }
    }

    fn sum_over_times(&mut self, g: &impl Fn(usize) -> f64, products: &mut DMatrix<f64>) -> f64 {
        let Self { sets, ties, risks, sums, terms, .. } = self;
        let mut value = Sum::default();
        terms.fill([0.0; 2]);
        sets.sweep(risks, sums, |index, sums| {
            let events = sets.groups()[index].events.clone();
            let factor = g(index);
            let tied = TieSums::new(*ties, events.len(), sums);
            let of_deaths: f64 = events.map(|at| sets.weight(at) * risks.eta[at]).sum();
            value += factor * (of_deaths - tied.ln_phi);
            terms[index] = [factor * tied.one, factor * tied.share];
            add_mean_products(products, sums, &tied, factor);
        });
        value.value()
    }

    /// `w_i = r_i (Σ A over the times at which i is at risk  -  δ_i B(t_i))`.
    fn spread_over_subjects(&mut self) {
        let Self { sets, risks, weight, terms, before, .. } = self;
        for stratum in sets.strata() {
            let (mut hazard, mut earlier) = (0.0, stratum.start);
            for index in stratum.clone() {
                // A hazard is in units of one over the unit of its group.
                hazard *= risks.carry(index, earlier);
                earlier = index;
                before[index] = hazard;
                let group = &sets.groups()[index];
                let [one, share] = terms[index];
                hazard += one;
                for position in group.all() {
                    let entered = sets.first_groups().map_or(0.0, |first| {
                        before[first[position]] * risks.carry(index, first[position])
                    });
                    let died = if group.events.contains(&position) { share } else { 0.0 };
                    weight[position] = risks.risk[position] * (hazard - entered - died);
                }
            }
        }
    }

    /// Turns `w` into `δ g` times the case weight, less `w`.
    fn subtract_from_deaths(&mut self, g: &impl Fn(usize) -> f64) {
        for weight in &mut self.weight {
            *weight = -*weight;
        }
        for (index, group) in self.sets.groups().iter().enumerate() {
            for position in group.events.clone() {
                self.weight[position] += g(index) * self.sets.weight(position);
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
pub(crate) fn add_mean_products(
    products: &mut DMatrix<f64>,
    sums: &RiskSums,
    tied: &TieSums,
    g: f64,
) {
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

/// Below this share of the minuend a difference is nothing but rounding error: some hundred times the
/// machine epsilon.
const ROUNDING: f64 = 1e-13;

/// The information as the difference of its two parts; exactly 0 for a column that does not vary
/// within any risk set.
pub(crate) fn difference(gram: DMatrix<f64>, mean_products: &DMatrix<f64>) -> DMatrix<f64> {
    let mut information = &gram - mean_products;
    for j in 0..gram.nrows() {
        if information[(j, j)].abs() <= ROUNDING * gram[(j, j)].abs() {
            information.row_mut(j).fill(0.0);
            information.column_mut(j).fill(0.0);
        }
    }
    information
}

pub(crate) fn mirrored(mut lower: DMatrix<f64>) -> DMatrix<f64> {
    lower.fill_upper_triangle_with_lower_triangle();
    lower
}

/// Number of running totals in a sum of products; its order is the same on every machine.
const LANES: usize = 8;

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Sample, sample};
    use numerics::elementary::exp;
    use numerics::standard::standardise;
    use proptest::prelude::*;

    /// The definition, row by row: every death has its own weighted mean and variance.
    fn by_definition(
        data: &Sample,
        ties: Ties,
        beta: &[f64],
        g: impl Fn(f64) -> f64,
    ) -> Derivatives {
        let columns: Vec<Vec<f64>> =
            data.design.columns.iter().map(|column| standardise(&column.values).values).collect();
        let row = |i: usize| DVector::from_fn(beta.len(), |j, _| columns[j][i]);
        let eta = |i: usize| row(i).dot(&DVector::from_column_slice(beta));
        let (time, event) = (data.endpoint.time(), data.endpoint.event());
        let mut total = Derivatives::zeros(beta.len());
        for death in (0..time.len()).filter(|&i| event[i]) {
            let dies_too = |i: usize| {
                event[i] && time[i] == time[death] && data.strata[i] == data.strata[death]
            };
            let tied: Vec<usize> = (0..time.len()).filter(|&i| dies_too(i)).collect();
            let rank = tied.iter().position(|&i| i == death).unwrap() as f64;
            let share = if ties == Ties::Efron { rank / tied.len() as f64 } else { 0.0 };
            let weight = |i: usize| {
                let own = if dies_too(i) { 1.0 - share } else { 1.0 };
                if data.is_at_risk(i, death) { own * exp(eta(i)) } else { 0.0 }
            };
            let s0: f64 = (0..time.len()).map(weight).sum();
            let mean = (0..time.len())
                .map(|i| row(i) * weight(i) / s0)
                .fold(DVector::zeros(beta.len()), |sum, part| sum + part);
            for i in 0..time.len() {
                let deviation = row(i) - &mean;
                total.information +=
                    &deviation * deviation.transpose() * (g(time[death]) * weight(i) / s0);
            }
            total.gradient += (row(death) - mean) * g(time[death]);
            total.value += (eta(death) - ln(s0)) * g(time[death]);
        }
        total
    }

    fn assert_same(data: &Sample, ties: Ties, beta: &[f64]) -> Result<(), TestCaseError> {
        let order = data.order();
        let sets = RiskSets::new(&data.endpoint, &order, &data.design);
        let time = |group: usize| sets.groups()[group].time;
        let got = PartialLikelihood::new(&sets, ties).derivatives(beta, |group| time(group) - 2.5);
        let want = by_definition(data, ties, beta, |time| time - 2.5);
        let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-10 * (1.0 + b.abs());
        prop_assert!(is_close(got.value, want.value), "{} {}", got.value, want.value);
        for (a, b) in got.gradient.iter().zip(&want.gradient) {
            prop_assert!(is_close(*a, *b), "{a} {b}");
        }
        for (a, b) in got.information.iter().zip(&want.information) {
            prop_assert!(is_close(*a, *b), "{a} {b}");
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_sweep_is_the_definition(data in sample(false), x in -1.0..1.0f64, z in -1.0..1.0f64) {
            assert_same(&data, Ties::Efron, &[x, z])?;
            assert_same(&data, Ties::Breslow, &[x, z])?;
        }

        #[test]
        fn so_it_is_with_late_entry(data in sample(true), x in -1.0..1.0f64, z in -1.0..1.0f64) {
            assert_same(&data, Ties::Efron, &[x, z])?;
            assert_same(&data, Ties::Breslow, &[x, z])?;
        }
    }

    #[test]
    fn products_are_summed_over_blocks_and_the_rest() {
        let a: Vec<f64> = (1..=11).map(f64::from).collect();
        assert_eq!(dot(&a, &a), 506.0);
    }
}
