//! The exact likelihood of tied deaths: that just these of those at risk have died.

use crate::derivatives::PartialLikelihood;
use crate::risk_sets::RiskSets;
use crate::{CoxError, Ties};
use nalgebra::{DMatrix, DVector};
use numerics::elementary::{exp, ln};
use numerics::newton::Derivatives;
use numerics::wanted;
use std::ops::Range;

/// Evaluates the conditional logistic likelihood, in which time is discrete.
///
/// ```text
/// log L = Σ_t [ Σ_deaths η  -  ln B(d, n) ]       B(k, m) = B(k, m-1) + r_m B(k-1, m-1)
/// ```
///
/// `B(d, n)` sums the product of the risks `r = exp(η)` over all ways to choose the `d` deaths among
/// the `n` at risk. The recursion over the subjects, of Howard for the value and of Gail, Lubin and
/// Rubinstein for its derivatives, is carried here by the ratios `B(k, m) / B(k-1, m)` and by mean
/// and covariance of the summed columns of the chosen, which stay in the range of a number for any
/// `n` and `d` and add up from positive parts alone. A time with one death is the same for every rule
/// of ties and is left to the sweep.
///
/// Howard (1972), discussion of Cox, J. R. Stat. Soc. B 34:210-211; Gail, Lubin and Rubinstein (1981),
/// Biometrika 68:703-707. Same likelihood as `coxph(..., ties = "exact")` in R.
pub(crate) struct ExactLikelihood<'a> {
    sets: &'a RiskSets<'a>,
    untied: PartialLikelihood<'a>,
    eta: Vec<f64>,
    at_risk: Vec<usize>,
    choice: Choice,
}

/// Subjects whose risk is `exp` of this times that of the last who must be chosen are chosen for
/// certain: what is neglected is below `n exp(-100)`.
const CERTAIN: f64 = 100.0;

impl<'a> ExactLikelihood<'a> {
    /// Most multiplications of one evaluation, `Σ d (n - d + 1) (p + 1) (p + 2) / 2` over the times
    /// with more than one death: some ten seconds. Lung has 3e5 with six columns.
    const MOST_WORK: f64 = 1e10;

    /// Fails when one evaluation would take too long.
    pub fn new(sets: &'a RiskSets<'a>) -> Result<Self, CoxError> {
        let mut likelihood = Self {
            sets,
            untied: PartialLikelihood::new(sets, Ties::Breslow),
            eta: vec![0.0; sets.n()],
            at_risk: Vec::new(),
            choice: Choice::default(),
        };
        match likelihood.work() {
            work if work > Self::MOST_WORK => {
                Err(CoxError::TooLarge { what: "the exact likelihood of tied events" })
            }
            _ => Ok(likelihood),
        }
    }

    /// Number of multiplications of one evaluation, without the times of one death.
    fn work(&mut self) -> f64 {
        let p = self.sets.p() as f64;
        let mut cells = 0.0;
        for stratum in self.sets.strata() {
            for index in tied(self.sets, stratum) {
                gather_at_risk(self.sets, stratum, index, &mut self.at_risk);
                let d = self.sets.groups()[index].events.len();
                cells += d as f64 * (self.at_risk.len() - d + 1) as f64;
            }
        }
        cells * (p + 1.0) * (p + 2.0) / 2.0
    }

    /// Value, gradient and information at `beta`.
    pub fn derivatives(&mut self, beta: &[f64]) -> Derivatives {
        let groups = self.sets.groups();
        let is_alone = |index: usize| if groups[index].events.len() == 1 { 1.0 } else { 0.0 };
        let mut total = self.untied.derivatives(beta, is_alone);
        self.sets.linear_predictor(beta, &mut self.eta);
        for stratum in self.sets.strata() {
            for index in tied(self.sets, stratum) {
                wanted::check();
                gather_at_risk(self.sets, stratum, index, &mut self.at_risk);
                self.add_deaths(groups[index].events.clone(), &mut total);
            }
        }
        let n_events: usize = groups.iter().map(|group| group.events.len()).sum();
        clear_rounding(&mut total.information, n_events);
        total
    }

    /// Adds one time with its deaths, once those at risk are gathered.
    fn add_deaths(&mut self, deaths: Range<usize>, total: &mut Derivatives) {
        let Self { sets, eta, at_risk, choice, .. } = self;
        let (d, p) = (deaths.len(), sets.p());
        if d == at_risk.len() {
            // All of them had to die.
            return;
        }
        let unit = largest_but(d - 1, at_risk.iter().map(|&position| eta[position]).collect());
        let is_certain = |position: usize| eta[position] - unit > CERTAIN;
        let n_certain = at_risk.iter().filter(|&&position| is_certain(position)).count();
        choice.begin(d - n_certain, p);
        let mut certain = Expected { ln_ways: 0.0, mean: vec![0.0; p] };
        let mut left = at_risk.len() - n_certain;
        let mut row = vec![0.0; p];
        for &position in at_risk.iter() {
            row.iter_mut().enumerate().for_each(|(j, x)| *x = sets.column(j)[position]);
            if is_certain(position) {
                certain.add(eta[position], &row);
            } else {
                choice.offer(exp(eta[position] - unit), &row, left);
                left -= 1;
            }
        }
        let ln_ways = certain.ln_ways + (d - n_certain) as f64 * unit + choice.ln_ways();
        total.value += deaths.clone().map(|death| eta[death]).sum::<f64>() - ln_ways;
        let observed = |j: usize| sets.column(j)[deaths.clone()].iter().sum::<f64>();
        let mean = choice.mean();
        total.gradient += DVector::from_fn(p, |j, _| observed(j) - certain.mean[j] - mean[j]);
        total.information += choice.covariance();
    }
}

/// Of a column at standard deviation 1 an event knows about 1; less than this share of that is beyond
/// what the gradient can be computed to.
const ROUNDING: f64 = 1e-13;

/// Makes the information exactly 0 of columns of which next to nothing is known.
fn clear_rounding(information: &mut DMatrix<f64>, n_events: usize) {
    for j in 0..information.nrows() {
        if information[(j, j)] <= ROUNDING * n_events as f64 {
            information.row_mut(j).fill(0.0);
            information.column_mut(j).fill(0.0);
        }
    }
}

/// What those who are chosen for certain contribute.
struct Expected {
    ln_ways: f64,
    mean: Vec<f64>,
}

impl Expected {
    fn add(&mut self, eta: f64, row: &[f64]) {
        self.ln_ways += eta;
        self.mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x);
    }
}

/// The groups of a stratum with more than one death.
fn tied(sets: &RiskSets, stratum: &Range<usize>) -> impl Iterator<Item = usize> {
    stratum.clone().filter(|&index| sets.groups()[index].events.len() > 1)
}

/// The positions at risk at a group.
fn gather_at_risk(sets: &RiskSets, stratum: &Range<usize>, index: usize, at_risk: &mut Vec<usize>) {
    let positions = sets.groups()[index].all().start..sets.positions(stratum).end;
    at_risk.clear();
    match sets.first_groups() {
        None => at_risk.extend(positions),
        Some(first) => {
            at_risk.extend(positions.filter(|&position| first[position] as usize <= index))
        }
    }
}

/// The value that so many others exceed or equal.
fn largest_but(others: usize, mut values: Vec<f64>) -> f64 {
    *values.select_nth_unstable_by(others, |a, b| b.total_cmp(a)).1
}

/// A choice of `d` among the subjects offered so far, each with its odds, for every number up to `d`.
#[derive(Clone, Debug, Default)]
struct Choice {
    d: usize,
    p: usize,
    n_offered: usize,
    /// `B(k) / B(k-1)` for `k` from 1.
    ratio: Vec<f64>,
    /// Mean of the summed rows of `k` chosen ones, for `k` from 0.
    mean: Vec<f64>,
    /// Lower triangle of their covariance, row by row.
    covariance: Vec<f64>,
    difference: Vec<f64>,
}

impl Choice {
    fn begin(&mut self, d: usize, p: usize) {
        let refill = |values: &mut Vec<f64>, length: usize| {
            values.clear();
            values.resize(length, 0.0);
        };
        (self.d, self.p, self.n_offered) = (d, p, 0);
        refill(&mut self.ratio, d + 1);
        refill(&mut self.mean, (d + 1) * p);
        refill(&mut self.covariance, (d + 1) * p * (p + 1) / 2);
        refill(&mut self.difference, p);
    }

    /// Offers one more subject, when `left` are still to be offered with it.
    ///
    /// Of `k` chosen ones it is one with the probability `θ = r B(k-1) / B'(k)`, where `B'` counts
    /// it and `B` does not.
    fn offer(&mut self, odds: f64, row: &[f64], left: usize) {
        if odds == 0.0 {
            return;
        }
        self.n_offered += 1;
        // With fewer the number d can no longer be reached.
        let fewest = (self.d + 1).saturating_sub(left).max(1);
        for k in (1..=self.d.min(self.n_offered)).rev() {
            let with = self.ratio[k] + odds;
            if k >= fewest {
                self.mix(k, odds / with, row);
            }
            self.ratio[k] = match k {
                1 => with,
                _ => self.ratio[k - 1] * (with / (self.ratio[k - 1] + odds)),
            };
        }
    }

    /// Mean and covariance of `k` chosen ones: with probability `θ` the row joins `k - 1` others.
    fn mix(&mut self, k: usize, theta: f64, row: &[f64]) {
        let (p, pairs) = (self.p, self.p * (self.p + 1) / 2);
        let (fewer, same) = self.mean.split_at_mut(k * p);
        let fewer = &fewer[(k - 1) * p..];
        for j in 0..p {
            self.difference[j] = fewer[j] + row[j] - same[j];
            same[j] += theta * self.difference[j];
        }
        let (fewer, same) = self.covariance.split_at_mut(k * pairs);
        let mut fewer = fewer[(k - 1) * pairs..].iter();
        let mut same = same.iter_mut();
        let spread = theta * (1.0 - theta);
        for (j, difference) in self.difference.iter().enumerate() {
            let scaled = spread * difference;
            for ((other, cell), fewer) in
                self.difference[..=j].iter().zip(&mut same).zip(&mut fewer)
            {
                *cell += theta * (fewer - *cell) + scaled * other;
            }
        }
    }

    /// Logarithm of the summed products over all ways to choose `d`.
    fn ln_ways(&self) -> f64 {
        self.ratio[1..].iter().map(|&ratio| ln(ratio)).sum()
    }

    fn mean(&self) -> &[f64] {
        &self.mean[self.d * self.p..]
    }

    fn covariance(&self) -> DMatrix<f64> {
        let lower = &self.covariance[self.d * self.p * (self.p + 1) / 2..];
        DMatrix::from_fn(self.p, self.p, |row, column| {
            let (row, column) = (row.max(column), row.min(column));
            lower[row * (row + 1) / 2 + column]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Sample, assert_near, sample};
    use proptest::prelude::*;

    /// The definition: the likelihood over every choice of so many of those at risk.
    fn by_definition(data: &Sample, beta: [f64; 2]) -> Derivatives {
        let columns: Vec<Vec<f64>> = data
            .design
            .columns
            .iter()
            .map(|column| numerics::standard::standardise(&column.values).values)
            .collect();
        let row = |i: usize| DVector::from_fn(2, |j, _| columns[j][i]);
        let beta = DVector::from_column_slice(&beta);
        let (time, event) = (data.endpoint.time(), data.endpoint.event());
        let mut total = Derivatives::zeros(2);
        let dies_with = |i: usize, death: usize| {
            event[i] && time[i] == time[death] && data.strata[i] == data.strata[death]
        };
        for death in (0..time.len()).filter(|&i| event[i]) {
            let deaths: Vec<usize> = (0..time.len()).filter(|&i| dies_with(i, death)).collect();
            if deaths[0] != death {
                continue;
            }
            let at_risk: Vec<usize> =
                (0..time.len()).filter(|&i| data.is_at_risk(i, death)).collect();
            let sums: Vec<DVector<f64>> = choices(&at_risk, deaths.len())
                .iter()
                .map(|chosen| chosen.iter().map(|&i| row(i)).sum())
                .collect();
            let weights: Vec<f64> = sums.iter().map(|sum| exp(sum.dot(&beta))).collect();
            let ways: f64 = weights.iter().sum();
            let mean: DVector<f64> =
                sums.iter().zip(&weights).map(|(sum, w)| sum * (w / ways)).sum();
            let observed: DVector<f64> = deaths.iter().map(|&i| row(i)).sum();
            total.value += observed.dot(&beta) - ln(ways);
            total.gradient += &observed - &mean;
            for (sum, w) in sums.iter().zip(&weights) {
                let deviation = sum - &mean;
                total.information += &deviation * deviation.transpose() * (w / ways);
            }
        }
        total
    }

    fn choices(from: &[usize], d: usize) -> Vec<Vec<usize>> {
        let Some((&first, rest)) = from.split_first().filter(|_| d > 0) else {
            return if d == 0 { vec![Vec::new()] } else { Vec::new() };
        };
        let with = choices(rest, d - 1).into_iter().map(|mut chosen| {
            chosen.push(first);
            chosen
        });
        with.chain(choices(rest, d)).collect()
    }

    fn assert_same(data: &Sample, beta: [f64; 2]) -> Result<(), TestCaseError> {
        let order = data.order();
        let sets = RiskSets::new(&data.endpoint, &order, &data.design);
        let got = ExactLikelihood::new(&sets).unwrap().derivatives(&beta);
        let want = by_definition(data, beta);
        assert_near(&got, &want)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn the_recursion_is_the_definition(
            data in sample(false), late in sample(true), x in -1.0..1.0f64, z in -1.0..1.0f64
        ) {
            assert_same(&data, [x, z])?;
            assert_same(&late, [x, z])?;
        }
    }

    /// Of 3000 subjects of equal risk 1500 die: `ln B` is that of a binomial coefficient, far beyond the
    /// range of a number, and the number of deaths with `x = 1` is hypergeometric.
    #[test]
    fn many_deaths_at_once_do_not_overflow() {
        let mut choice = Choice::default();
        choice.begin(1500, 1);
        for i in 0..3000 {
            choice.offer(1.0, &[f64::from(i % 3 / 2)], 3000 - i as usize);
        }
        let ln_binomial: f64 = (1..=1500).map(|k| ln(f64::from(1500 + k) / f64::from(k))).sum();
        assert!((choice.ln_ways() / ln_binomial - 1.0).abs() < 1e-12);
        assert!((choice.mean()[0] - 500.0).abs() < 1e-9);
        let variance = 1500.0 * (1.0 / 3.0) * (2.0 / 3.0) * 1500.0 / 2999.0;
        assert!((choice.covariance()[(0, 0)] / variance - 1.0).abs() < 1e-12);
    }

    /// Two of three die; the first has odds beyond the range of a number, the others 3 to 1.
    #[test]
    fn a_certain_death_leaves_the_rest_to_chance() {
        let endpoint = cohort::Endpoint::new(vec![1.0, 1.0, 2.0], vec![true, true, false]).unwrap();
        let column = cohort::DesignColumn { name: "x".into(), term: 0, values: vec![0.0; 3] };
        let design = cohort::Design { terms: vec!["x".into()], columns: vec![column] };
        let order = cohort::RiskOrder::new(&endpoint, &[0; 3]);
        let offset = [5000.0, 3f64.ln(), 0.0];
        let sets = RiskSets::new(&endpoint, &order, &design).with(None, Some(&offset));
        let at = ExactLikelihood::new(&sets).unwrap().derivatives(&[0.0]);
        assert!((at.value - 0.75f64.ln()).abs() < 1e-11);
    }
}
