//! How the information of a partial likelihood changes with the coefficients, for Firth's penalty.

use crate::risk_sets::{RiskSets, RunningSums};
use crate::risks::Risks;
use crate::{CoxError, Ties};
use nalgebra::{DMatrix, DVector};
use numerics::firth::InformationDerivatives;
use numerics::wanted;
use std::ops::Range;

/// Most multiplications of one evaluation, `(subjects + deaths) p (p + 1)²`: some ten seconds.
const MOST_WORK: f64 = 1e10;

/// Fails when one evaluation of [`information_derivatives`] would take too long.
pub(crate) fn check_work(sets: &RiskSets) -> Result<(), CoxError> {
    let deaths: usize = sets.groups().iter().map(|group| group.events.len()).sum();
    let p = sets.p() as f64;
    let work = (sets.n() + deaths) as f64 * p * (p + 1.0) * (p + 1.0);
    if work > MOST_WORK { Err(CoxError::TooLarge { what: "Firth's penalty" }) } else { Ok(()) }
}

/// The derivatives of the information at `beta`, the second ones contracted with `variance`.
///
/// The information sums the covariance of `x` over the deaths, each with the subjects at risk weighted
/// by `r/φ` (see [`crate::derivatives::PartialLikelihood`]); its derivatives are the further cumulants
/// of the same distributions. With the deviation `c = x - m` from the mean and `q = c'Vc`
///
/// ```text
/// ∂I/∂β_j                = Σ_l E[c c' c_j]
/// tr(V ∂²I/∂β_j∂β_k)     = Σ_l E[q c_j c_k] - tr(V S) S_jk - 2 (S V S)_jk          S = E[c c']
/// ```
///
/// in which every death counts with the mean weight of those it is tied with. They are summed from
/// raw moments, in time `O(n p³)`. Heinze and Schemper (2001), Biometrics 57:114-119, give the first.
pub(crate) fn information_derivatives(
    sets: &RiskSets,
    ties: Ties,
    beta: &[f64],
    variance: &DMatrix<f64>,
) -> InformationDerivatives {
    let mut risks = Risks::new(sets);
    sets.evaluate(beta, &mut risks);
    let mut sums = MomentSums::new(sets.p(), variance);
    let mut total = InformationDerivatives::zeros(sets.p());
    sets.walk(&risks, &mut sums, |index, sums| {
        wanted::check();
        let d = sets.groups()[index].events.len();
        for l in 0..d {
            let share = match ties {
                Ties::Efron => l as f64 / d as f64,
                Ties::Breslow | Ties::Exact => 0.0,
            };
            let weight = sums.death_weight / d as f64;
            sums.expected(share).add_cumulants(&mut total, variance, weight);
        }
    });
    total
}

/// Where the moments of each order stand among the sums.
#[derive(Clone, Copy, Debug)]
struct Layout {
    p: usize,
}

impl Layout {
    fn first(self) -> Range<usize> {
        1..1 + self.p
    }

    /// `x x'`, column after column.
    fn second(self) -> Range<usize> {
        let start = self.first().end;
        start..start + self.p * self.p
    }

    /// `x x' x_j`, one matrix after the other.
    fn third(self) -> Range<usize> {
        let start = self.second().end;
        start..start + self.p * self.p * self.p
    }

    /// `x'Vx x x'`.
    fn fourth(self) -> Range<usize> {
        let start = self.third().end;
        start..start + self.p * self.p
    }
}

/// Sums of `r` times the moments over the risk set and over the deaths.
struct MomentSums<'a> {
    layout: Layout,
    variance: &'a DMatrix<f64>,
    at_risk: Vec<f64>,
    deaths: Vec<f64>,
    death_weight: f64,
    moments: Vec<f64>,
}

impl<'a> MomentSums<'a> {
    fn new(p: usize, variance: &'a DMatrix<f64>) -> Self {
        let layout = Layout { p };
        let zeros = vec![0.0; layout.fourth().end];
        Self {
            layout,
            variance,
            at_risk: zeros.clone(),
            deaths: zeros.clone(),
            death_weight: 0.0,
            moments: zeros,
        }
    }

    /// The moments of one subject.
    fn read(&mut self, sets: &RiskSets, position: usize) {
        let Self { layout, variance, moments, .. } = self;
        let p = layout.p;
        moments[0] = 1.0;
        for j in 0..p {
            moments[1 + j] = sets.column(j)[position];
        }
        let (lower, third_on) = moments.split_at_mut(layout.third().start);
        let (x, products) = lower[1..].split_at_mut(p);
        for j in 0..p {
            for k in 0..p {
                products[j * p + k] = x[j] * x[k];
            }
        }
        let length: f64 =
            variance.iter().zip(products.iter()).map(|(v, product)| v * product).sum();
        let factors = x.iter().copied().chain([length]);
        for (block, factor) in third_on.chunks_exact_mut(p * p).zip(factors) {
            block
                .iter_mut()
                .zip(products.iter())
                .for_each(|(cell, product)| *cell = factor * product);
        }
    }

    /// Moments of the weighted risk set of a death that sees this share of the deaths gone.
    fn expected(&self, share: f64) -> Moments {
        let phi = self.at_risk[0] - share * self.deaths[0];
        let cells = self.at_risk.iter().zip(&self.deaths);
        let values: Vec<f64> = cells.map(|(all, deaths)| (all - share * deaths) / phi).collect();
        let square = |range: Range<usize>| {
            DMatrix::from_column_slice(self.layout.p, self.layout.p, &values[range])
        };
        let block = self.layout.p * self.layout.p;
        let third = self.layout.third();
        Moments {
            mean: DVector::from_column_slice(&values[self.layout.first()]),
            second: square(self.layout.second()),
            third: third.clone().step_by(block.max(1)).map(|at| square(at..at + block)).collect(),
            fourth: square(self.layout.fourth()),
        }
    }
}

fn accumulate(total: &mut [f64], moments: &[f64], r: f64) {
    total.iter_mut().zip(moments).for_each(|(total, moment)| *total += r * moment);
}

impl RunningSums for MomentSums<'_> {
    fn clear(&mut self) {
        self.at_risk.fill(0.0);
    }

    fn scale(&mut self, factor: f64) {
        if factor != 1.0 {
            self.at_risk.iter_mut().for_each(|cell| *cell *= factor);
        }
    }

    fn clear_deaths(&mut self) {
        self.deaths.fill(0.0);
        self.death_weight = 0.0;
    }

    fn join(&mut self, sets: &RiskSets, position: usize, r: f64) {
        self.read(sets, position);
        accumulate(&mut self.at_risk, &self.moments, r);
    }

    fn die(&mut self, sets: &RiskSets, position: usize, r: f64) {
        self.read(sets, position);
        accumulate(&mut self.deaths, &self.moments, r);
        self.death_weight += sets.weight(position);
    }

    fn add_deaths(&mut self) {
        accumulate(&mut self.at_risk, &self.deaths, 1.0);
    }
}

/// Raw moments of one distribution over a risk set.
struct Moments {
    /// `m = E[x]`.
    mean: DVector<f64>,
    /// `E[x x']`.
    second: DMatrix<f64>,
    /// `E[x x' x_j]`.
    third: Vec<DMatrix<f64>>,
    /// `E[x'Vx x x']`.
    fourth: DMatrix<f64>,
}

impl Moments {
    /// Adds `weight` times the third cumulants and the contracted fourth ones.
    fn add_cumulants(
        &self,
        total: &mut InformationDerivatives,
        variance: &DMatrix<f64>,
        weight: f64,
    ) {
        let Self { mean, second, third, .. } = self;
        let mean_square = mean * mean.transpose();
        for (j, total) in total.first.iter_mut().enumerate() {
            let crossed = second.column(j) * mean.transpose();
            let cumulant = &third[j]
                - (second - &mean_square * 2.0) * mean[j]
                - &crossed
                - crossed.transpose();
            *total += cumulant * weight;
        }
        let spread = second - &mean_square;
        let explained = &spread * variance.dot(&spread) + &spread * variance * &spread * 2.0;
        total.second += (self.fourth_about_mean(variance, &mean_square) - explained) * weight;
    }

    /// `E[q c c']`, written out in raw moments.
    fn fourth_about_mean(
        &self,
        variance: &DMatrix<f64>,
        mean_square: &DMatrix<f64>,
    ) -> DMatrix<f64> {
        let Self { mean, second, third, fourth } = self;
        let to_mean = variance * mean;
        let length = mean.dot(&to_mean);
        let symmetric = |part: DVector<f64>| {
            let crossed = part * mean.transpose();
            &crossed + crossed.transpose()
        };
        let lengths =
            DVector::from_iterator(third.len(), third.iter().map(|third| variance.dot(third)));
        let along_mean = third
            .iter()
            .zip(to_mean.iter())
            .fold(DMatrix::zeros(mean.len(), mean.len()), |sum, (third, share)| {
                sum + third * *share
            });
        fourth - symmetric(lengths) - along_mean * 2.0
            + symmetric(second * &to_mean) * 2.0
            + second * length
            + mean_square * (variance.dot(second) - 3.0 * length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derivatives::PartialLikelihood;
    use crate::testing::{Sample, sample};
    use proptest::prelude::*;

    /// The information moves as its derivatives say, by differences over a short way.
    fn assert_derivatives(data: &Sample, ties: Ties, beta: [f64; 2]) -> Result<(), TestCaseError> {
        let order = data.order();
        let weights: Vec<f64> = (0..data.strata.len()).map(|i| 1.0 + (i % 3) as f64).collect();
        let sets = RiskSets::new(&data.endpoint, &order, &data.design).with(Some(&weights), None);
        let variance = DMatrix::from_row_slice(2, 2, &[2.0, 0.5, 0.5, 1.0]);
        let mut likelihood = PartialLikelihood::new(&sets, ties);
        let at = |beta: [f64; 2]| information_derivatives(&sets, ties, &beta, &variance);
        let got = at(beta);
        const WAY: f64 = 1e-5;
        for j in 0..2 {
            let mut moved = |by: f64| {
                let mut there = beta;
                there[j] += by;
                (likelihood.derivatives(&there, |_| 1.0).information, at(there))
            };
            let ((up, up_change), (down, down_change)) = (moved(WAY), moved(-WAY));
            let slope = (up - down) / (2.0 * WAY);
            prop_assert!((&slope - &got.first[j]).amax() < 1e-6 * (1.0 + slope.amax()));
            for k in 0..2 {
                let change = &up_change.first[k] - &down_change.first[k];
                let slope = variance.dot(&change) / (2.0 * WAY);
                let second = got.second[(j, k)];
                prop_assert!(
                    (slope - second).abs() < 1e-6 * (1.0 + slope.abs()),
                    "{slope} {second}"
                );
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn the_information_moves_as_its_derivatives_say(
            data in sample(false), late in sample(true), x in -1.0..1.0f64, z in -1.0..1.0f64
        ) {
            for ties in [Ties::Efron, Ties::Breslow] {
                assert_derivatives(&data, ties, [x, z])?;
                assert_derivatives(&late, ties, [x, z])?;
            }
        }
    }
}
