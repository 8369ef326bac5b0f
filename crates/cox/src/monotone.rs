//! Whether the likelihood is monotone: told from who is at risk, not from how a search has ended.
//!
//! A search sees a likelihood level off and cannot tell its supremum from a maximum far away once
//! what is left of the information is rounding error, as with late entry, whose sums over risk sets are
//! differences, or with weights of very different size. What makes a likelihood monotone is a
//! matter of order alone, so it can be decided exactly.

use crate::Ties;
use crate::risk_sets::RiskSets;
use nalgebra::{DMatrix, DVector};
use numerics::cone::project;
use numerics::elementary::ln;
use numerics::newton::Maximum;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// The end of a search for the maximum, with the coefficients that are truly infinite.
///
/// The log-likelihood rises for ever in the direction `γ` when
///
/// ```text
/// γ'(x_i - x_l) ≥ 0    for every death i and everyone l who is at risk at its time
/// ```
///
/// and not always `=`: nobody who dies is then ever outdone. For the exact likelihood of ties `l`
/// outlives `i`. Who stays at risk after an event of a competing cause is at risk at all later times.
/// Bryson and Johnson (1981), Technometrics 23:381-383, describe the monotone likelihood;
/// weights and offsets have no part in it.
///
/// Only an end that may be at infinity is looked at. What climbs although no such direction exists has
/// not converged.
pub(crate) fn settled(
    end: Maximum,
    sets: &RiskSets,
    ties: Ties,
    information: impl FnOnce(&[f64]) -> DMatrix<f64>,
) -> Maximum {
    if !is_doubtful(&end, sets) {
        return end;
    }
    match Cone::new(sets, ties, &end.aliased).rays() {
        None => end,
        Some(rays) if rays.is_empty() && end.ascents.is_empty() => end,
        Some(rays) if rays.is_empty() => {
            let infinite = vec![false; end.infinite.len()];
            Maximum { ascents: Vec::new(), infinite, converged: false, ..end }
        }
        Some(rays) if is_known(&end, &rays) => end,
        Some(rays) => {
            let information = information(end.estimate.as_slice());
            end.climbing(rays, &information)
        }
    }
}

/// A search that ends where a standardised column is known by less than this share of a death has
/// perhaps seen rounding errors alone.
pub(crate) const FAINT: f64 = 1e-4;

fn is_doubtful(end: &Maximum, sets: &RiskSets) -> bool {
    let n_deaths = sets.total_weight_of_events();
    let is_faint = |j: usize| {
        let variance = end.covariance[(j, j)];
        !end.aliased[j] && (variance == 0.0 || variance * n_deaths * FAINT > 1.0)
    };
    let is_in_the_dark = || sets.first_groups().is_some() && risk_range(end, sets) > DARK;
    !end.converged || !end.ascents.is_empty() || (0..sets.p()).any(is_faint) || is_in_the_dark()
}

/// With late entry the risk of those who leave is subtracted again; where risks differ by more than
/// the exponential of this, what remains may be rounding error that looks like information.
pub(crate) const DARK: f64 = 10.0;

/// How far apart the logarithms of the risks are, offsets and case weights included.
pub(crate) fn risk_range(end: &Maximum, sets: &RiskSets) -> f64 {
    let mut logarithms = vec![0.0; sets.n()];
    sets.linear_predictor(end.estimate.as_slice(), &mut logarithms);
    if sets.weights().is_some() {
        for (position, logarithm) in logarithms.iter_mut().enumerate() {
            *logarithm += ln(sets.weight(position));
        }
    }
    let widen = |(low, high): (f64, f64), risk: f64| (low.min(risk), high.max(risk));
    let (low, high) = logarithms.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), widen);
    high - low
}

/// `γ'x` of each position.
fn scores(sets: &RiskSets, direction: &DVector<f64>) -> Vec<f64> {
    let mut scores = vec![0.0; sets.n()];
    for (j, &share) in direction.iter().enumerate().filter(|(_, share)| **share != 0.0) {
        scores.iter_mut().zip(sets.column(j)).for_each(|(score, x)| *score += share * x);
    }
    scores
}

/// Whether the search has found these directions, and no other.
fn is_known(end: &Maximum, rays: &[DVector<f64>]) -> bool {
    let climbs = |directions: &[DVector<f64>], j: usize| {
        directions.iter().any(|direction| direction[j].abs() > SHARE * direction.amax())
    };
    !end.ascents.is_empty()
        && (0..end.infinite.len()).all(|j| match climbs(rays, j) {
            true => end.infinite[j],
            false => !climbs(&end.ascents, j),
        })
}

/// A coordinate below this share of the largest has no part in a direction.
const SHARE: f64 = 1e-6;

/// `γ'x` of two subjects that differ by less than this share of its size are the same.
const TOUCHING: f64 = 1e-9;

/// Rounds per projection; each adds the inequalities that are most broken.
const MOST_ROUNDS: usize = 1000;

/// Inequalities that one round adds.
const CUTS: usize = 8;

/// Which of some columns have one value for all who are at risk at an event, whatever the event.
pub(crate) fn constant_at_risk(sets: &RiskSets, columns: &[usize]) -> Vec<bool> {
    let aliased = vec![false; sets.p()];
    // Those who die are at risk as well.
    let cone =
        Cone { sets, ties: Ties::Efron, aliased: &aliased, sizes: Vec::new(), normals: Vec::new() };
    let is_level = |j: usize, side: f64| {
        let mut axis = DVector::zeros(sets.p());
        axis[j] = side;
        cone.contrasts(&axis).iter().all(|contrast| contrast.excess == 0.0)
    };
    columns.iter().map(|&j| is_level(j, 1.0) && is_level(j, -1.0)).collect()
}

/// The directions in which the log-likelihood never falls.
struct Cone<'a> {
    sets: &'a RiskSets<'a>,
    ties: Ties,
    aliased: &'a [bool],
    /// Largest value of each column.
    sizes: Vec<f64>,
    /// The inequalities that have mattered so far.
    normals: Vec<DVector<f64>>,
}

impl<'a> Cone<'a> {
    fn new(sets: &'a RiskSets<'a>, ties: Ties, aliased: &'a [bool]) -> Self {
        let size = |j| sets.column(j).iter().fold(0.0, |size: f64, x| size.max(x.abs()));
        let sizes = (0..sets.p()).map(size).collect();
        Self { sets, ties, aliased, sizes, normals: Vec::new() }
    }

    /// Directions that together move every coordinate that any direction moves; empty when there is
    /// none, and absent when that cannot be decided.
    fn rays(mut self) -> Option<Vec<DVector<f64>>> {
        let mut rays = Vec::new();
        for j in (0..self.sets.p()).filter(|&j| !self.aliased[j]) {
            for side in [1.0, -1.0] {
                let mut axis = DVector::zeros(self.sets.p());
                axis[j] = side;
                // It makes an acute angle with the axis when one exists that moves to that side.
                rays.extend(self.nearest(&axis)?);
            }
        }
        Some(rays)
    }

    /// The direction of the cone nearest to a target of length 1, `Some(None)` when that is 0.
    fn nearest(&mut self, target: &DVector<f64>) -> Option<Option<DVector<f64>>> {
        for _ in 0..MOST_ROUNDS {
            let mut direction = project(target, &self.normals);
            if direction.norm() <= SHARE {
                return Some(None);
            }
            // Once more from nearby, where rounding is as small as the direction.
            direction.normalize_mut();
            direction = project(&direction, &self.normals);
            let broken = self.broken(&direction);
            if broken.is_empty() {
                return Some(Some(direction));
            }
            let known = self.normals.len();
            for normal in broken {
                if !self.normals.contains(&normal) {
                    self.normals.push(normal);
                }
            }
            if self.normals.len() == known {
                return None;
            }
        }
        None
    }

    /// The inequalities that a direction breaks most, at most one per time.
    fn broken(&self, direction: &DVector<f64>) -> Vec<DVector<f64>> {
        let sizes = direction.iter().zip(&self.sizes);
        let slack = TOUCHING * sizes.map(|(x, size)| x.abs() * size).sum::<f64>();
        let mut contrasts = self.contrasts(direction);
        contrasts.retain(|contrast| contrast.excess > slack);
        contrasts.sort_by(|a, b| b.excess.total_cmp(&a.excess));
        contrasts.truncate(CUTS);
        contrasts.iter().map(|contrast| self.normal(contrast)).collect()
    }

    fn normal(&self, contrast: &Contrast) -> DVector<f64> {
        DVector::from_fn(self.sets.p(), |j, _| match self.aliased[j] {
            true => 0.0,
            false => {
                let column = self.sets.column(j);
                column[contrast.death] - column[contrast.at_risk]
            }
        })
    }

    /// At every time the death with the lowest `γ'x` against the highest at risk.
    fn contrasts(&self, direction: &DVector<f64>) -> Vec<Contrast> {
        let scores = scores(self.sets, direction);
        let ranked = |position: usize| Ranked { score: scores[position], position };
        let mut contrasts = Vec::new();
        let mut at_risk = AtRisk { first_groups: self.sets.first_groups(), top: BinaryHeap::new() };
        for stratum in self.sets.strata() {
            at_risk.top.clear();
            let staying = self.sets.positions(stratum).filter(|&one| self.sets.stays(one));
            staying.map(ranked).for_each(|one| at_risk.join(one));
            for index in stratum.clone().rev() {
                let group = &self.sets.groups()[index];
                let deaths = || group.events.clone().map(ranked);
                group.censored.clone().map(ranked).for_each(|one| at_risk.join(one));
                if self.ties != Ties::Exact {
                    deaths().for_each(|one| at_risk.join(one));
                }
                if let Some((lowest, highest)) = deaths().min().zip(at_risk.highest(index)) {
                    contrasts.push(Contrast {
                        death: lowest.position,
                        at_risk: highest.position,
                        excess: highest.score - lowest.score,
                    });
                }
                if self.ties == Ties::Exact {
                    deaths().for_each(|one| at_risk.join(one));
                }
            }
        }
        contrasts
    }
}

/// Those at risk who may be the highest there, walking backwards in time.
struct AtRisk<'a> {
    /// The group at which each position is first at risk, when entry is late.
    first_groups: Option<&'a [u32]>,
    top: BinaryHeap<Ranked>,
}

impl AtRisk<'_> {
    fn join(&mut self, one: Ranked) {
        // Without late entry nobody leaves, so that only the highest matters.
        if self.first_groups.is_some() || self.top.peek().is_none_or(|top| *top < one) {
            self.top.push(one);
        }
    }

    /// The highest at a group; those who enter later have left.
    fn highest(&mut self, group: usize) -> Option<Ranked> {
        let first_groups = self.first_groups;
        let has_left =
            |top: &Ranked| first_groups.is_some_and(|first| first[top.position] as usize > group);
        while self.top.peek().is_some_and(has_left) {
            self.top.pop();
        }
        self.top.peek().copied()
    }
}

/// A death and somebody at risk at its time.
struct Contrast {
    death: usize,
    at_risk: usize,
    /// By how much the death is outdone.
    excess: f64,
}

/// A position, ordered by its score.
#[derive(Clone, Copy)]
struct Ranked {
    score: f64,
    position: usize,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(self.position.cmp(&other.position))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}
