//! The intercept counted from the caller's origin.
//!
//! The search takes it at the mean of all columns and of the offset, where it is nearly independent
//! of the slopes. Where these are infinite, one of the two may be finite and the other not.

use crate::likelihood::Likelihood;
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::newton::{Derivatives, Maximum};

/// What an infinite intercept leaves over after the shift to the caller's origin is more than this
/// share of what went in; less is rounding error.
const CANCELLED: f64 = 1e-6;

/// At the end of an ascent, an intercept about which less than this share of what was known at the
/// start is left has nothing more to tell.
const FORGOTTEN: f64 = 1e-6;

/// Coordinates in which the slopes are those of the search and the intercept is that of columns and
/// an offset of 0.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Takes these coordinates to those of the search.
    map: DMatrix<f64>,
    /// Takes those of the search to these.
    back: DMatrix<f64>,
    /// What the intercept of the search takes for an offset of 0.
    mean_offset: f64,
}

impl Origin {
    pub fn of(likelihood: &Likelihood) -> Self {
        let p = likelihood.p();
        let (mut map, mut back) = (DMatrix::identity(p, p), DMatrix::identity(p, p));
        for j in 1..p {
            map[(0, j)] = likelihood.relative_centre(j);
            back[(0, j)] = -likelihood.relative_centre(j);
        }
        Self { map, back, mean_offset: likelihood.mean_offset() }
    }

    /// A point of these coordinates in those of the search.
    pub fn to_search(&self, at: &DVector<f64>) -> DVector<f64> {
        let mut point = &self.map * at;
        point[0] += self.mean_offset;
        point
    }

    /// Derivatives in the coordinates of the search in these.
    pub fn derivatives(&self, at: Derivatives) -> Derivatives {
        Derivatives {
            value: at.value,
            gradient: self.map.tr_mul(&at.gradient),
            information: self.information(&at.information),
        }
    }

    fn information(&self, information: &DMatrix<f64>) -> DMatrix<f64> {
        self.map.tr_mul(&(information * &self.map))
    }

    /// A covariance of the coordinates of the search in these.
    pub fn covariance(&self, covariance: &DMatrix<f64>) -> DMatrix<f64> {
        &self.back * covariance * self.back.transpose()
    }

    /// The scores of clusters, by the coordinates of the search, in these.
    pub fn scores(&self, scores: &DMatrix<f64>) -> DMatrix<f64> {
        scores * &self.map
    }

    /// A maximum of the search in these coordinates; `information` is that at its estimate.
    pub fn maximum(&self, search: &Maximum, information: &DMatrix<f64>) -> Maximum {
        let mut estimate = &self.back * &search.estimate;
        estimate[0] -= self.mean_offset;
        let mut maximum = Maximum {
            estimate,
            start: self.derivatives(search.start.clone()),
            ascents: search.ascents.iter().map(|ascent| self.ascent(ascent)).collect(),
            ..search.clone()
        };
        if search.ascents.is_empty() {
            maximum.covariance = self.covariance(&search.covariance);
        } else {
            self.settle_intercept(&mut maximum, &self.information(information));
        }
        maximum
    }

    fn ascent(&self, ascent: &DVector<f64>) -> DVector<f64> {
        let mut seen = ascent.clone();
        let parts = self.back.row(0).transpose().component_mul(ascent);
        let (total, size) = (parts.sum(), parts.abs().sum());
        seen[0] = if total.abs() > CANCELLED * size { total } else { 0.0 };
        seen
    }

    /// Whether the intercept is infinite where a slope is, and the covariance of what is finite: the
    /// block of the whole inverse, in which the infinite coordinates come last.
    fn settle_intercept(&self, maximum: &mut Maximum, information: &DMatrix<f64>) {
        let climbs = maximum.ascents.iter().any(|ascent| ascent[0] != 0.0);
        let known = &maximum.start.information;
        let kept = (1..known.nrows()).filter(|&j| !maximum.aliased[j]);
        let (infinite, mut order): (Vec<usize>, Vec<usize>) =
            kept.partition(|&j| maximum.infinite[j]);
        order.push(0);
        order.extend(infinite);
        let at_start = Cholesky::in_order(known, &order, known).inverse()[(0, 0)];
        let mut covariance = Cholesky::in_order(information, &order, known).inverse();
        let at_end = covariance[(0, 0)];
        let is_forgotten = at_end == 0.0 || at_end * FORGOTTEN > at_start;
        maximum.infinite[0] = climbs || is_forgotten;
        for j in (0..covariance.nrows()).filter(|&j| maximum.infinite[j]) {
            covariance.row_mut(j).fill(0.0);
            covariance.column_mut(j).fill(0.0);
        }
        maximum.covariance = covariance;
    }

    /// Whether the origin is so far away that the slopes cannot be told apart when the intercept is
    /// held, as with an intercept at the year 0 of covariates that span a minute.
    pub fn is_too_far(&self, maximum: &Maximum) -> bool {
        let slopes: Vec<usize> =
            (1..maximum.aliased.len()).filter(|&j| !maximum.aliased[j]).collect();
        let known = maximum.start.information.select_rows(&slopes).select_columns(&slopes);
        Cholesky::rank_revealing(&known).rank() < slopes.len()
    }
}
