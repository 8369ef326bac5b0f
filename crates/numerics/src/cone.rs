//! Projection onto a cone of directions that satisfy linear inequalities.

use crate::cholesky::Cholesky;
use nalgebra::{DMatrix, DVector};

/// The point nearest to `target` among those with `normal · x ≥ 0` for every normal.
///
/// ```text
/// x = target + Σ λ_k n_k,   λ ≥ 0,   λ_k = 0 where n_k · x > 0
/// ```
///
/// It is 0 exactly when no point of the cone makes an acute angle with the target. The normals need
/// not be of one length; those of length 0 have no effect. Nonnegative least squares by active sets:
/// Lawson and Hanson (1974), Solving Least Squares Problems, chapter 23.
#[must_use]
pub fn project(target: &DVector<f64>, normals: &[DVector<f64>]) -> DVector<f64> {
    let units: Vec<DVector<f64>> = normals
        .iter()
        .filter(|normal| normal.norm() > 0.0)
        .map(|normal| normal.normalize())
        .collect();
    let slack = ROUNDING * target.norm();
    let mut active: Vec<(usize, f64)> = Vec::new();
    let mut point = target.clone();
    for _ in 0..MOST_ROUNDS * (units.len() + target.len() + 1) {
        let is_free = |&k: &usize| active.iter().all(|&(known, _)| known != k);
        let depth = |k: usize| units[k].dot(&point);
        let free = (0..units.len()).filter(is_free);
        let Some(worst) = free.min_by(|&a, &b| depth(a).total_cmp(&depth(b))) else { break };
        if depth(worst) >= -slack {
            break;
        }
        active.push((worst, 0.0));
        solve_active(target, &units, &mut active);
        point = active.iter().fold(target.clone(), |sum, &(k, length)| sum + &units[k] * length);
        if active.iter().all(|&(k, _)| k != worst) {
            break;
        }
    }
    point
}

/// Below this share of the target an inequality is broken by rounding alone.
const ROUNDING: f64 = 1e-13;

/// An active set is seldom changed more often than a few times its size.
const MOST_ROUNDS: usize = 10;

/// The lengths of the active normals at which the point lies on all their planes; normals whose
/// length would fall below 0 on the way are dropped, the first to do so first.
fn solve_active(target: &DVector<f64>, units: &[DVector<f64>], active: &mut Vec<(usize, f64)>) {
    while !active.is_empty() {
        let n = active.len();
        let unit = |i: usize| &units[active[i].0];
        let gram = DMatrix::from_fn(n, n, |i, j| unit(i).dot(unit(j)));
        let wanted = DVector::from_fn(n, |i, _| -unit(i).dot(target));
        let solution = Cholesky::rank_revealing(&gram).solve(&wanted);
        if solution.iter().all(|&length| length > 0.0) {
            active.iter_mut().zip(&solution).for_each(|(entry, &length)| entry.1 = length);
            return;
        }
        // How far the lengths may move towards the solution until one of them is 0.
        let reach = |i: usize| active[i].1 / (active[i].1 - solution[i]);
        let falling = (0..n).filter(|&i| solution[i] <= 0.0);
        let Some(first) = falling.min_by(|&a, &b| reach(a).total_cmp(&reach(b))) else { return };
        let share = if active[first].1 > 0.0 { reach(first) } else { 0.0 };
        for (entry, &length) in active.iter_mut().zip(&solution) {
            entry.1 += share * (length - entry.1);
        }
        active.remove(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f64]) -> DVector<f64> {
        DVector::from_column_slice(values)
    }

    /// The quadrant between the two axes: what points away from both lands in the corner.
    #[test]
    fn a_quadrant_keeps_what_it_holds() {
        let axes = [vector(&[2.0, 0.0]), vector(&[0.0, 0.5])];
        assert_eq!(project(&vector(&[3.0, 4.0]), &axes), vector(&[3.0, 4.0]));
        assert_eq!(project(&vector(&[3.0, -4.0]), &axes), vector(&[3.0, 0.0]));
        assert_eq!(project(&vector(&[-3.0, -4.0]), &axes), vector(&[0.0, 0.0]));
    }

    /// Of the half planes `x ≥ 0`, `y ≥ x` and `y ≤ x` the ray along the diagonal is left.
    #[test]
    fn a_ray_is_found() {
        let normals = [vector(&[1.0, 0.0]), vector(&[-1.0, 1.0]), vector(&[1.0, -1.0])];
        let point = project(&vector(&[0.0, 1.0]), &normals);
        assert!((point - vector(&[0.5, 0.5])).amax() < 1e-15);
        assert!(project(&vector(&[0.0, -1.0]), &normals).amax() < 1e-15);
    }

    /// The conditions of Karush, Kuhn and Tucker: the point is in the cone, and the way to it from
    /// the target is at right angles to it.
    #[test]
    fn the_nearest_point_is_found() {
        let mut state = 1_u64;
        let mut whole = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % (most + 1)
        };
        for _ in 0..2000 {
            let n = whole(12);
            let mut next = || DVector::from_fn(3, |_, _| whole(6) as f64 - 3.0);
            let (target, normals) = (next(), (0..n).map(|_| next()).collect::<Vec<_>>());
            let point = project(&target, &normals);
            assert!(normals.iter().all(|normal| normal.dot(&point) >= -1e-11));
            assert!((&target - &point).dot(&point).abs() <= 1e-11);
        }
    }
}
