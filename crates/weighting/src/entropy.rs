//! Entropy balancing: the weights nearest to equal ones that give an arm the means asked for.

use nalgebra::{DMatrix, DVector};
use numerics::elementary::{exp, ln};
use numerics::newton::{Derivatives, Maximum, Newton, NewtonOptions, Step};
use numerics::wanted;

/// Columns of one arm, each less the mean asked for, in standard deviations of all subjects.
pub(crate) struct Constraints {
    columns: Vec<Vec<f64>>,
    n: usize,
}

/// Why an arm has no weights.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoBalance {
    /// No weights give these means; this column is furthest away where the search ended.
    Unreachable { column: usize },
    /// The search has ended early.
    NotConverged { iterations: usize },
}

/// Means that differ by less than this many standard deviations are equal.
///
/// A finite search ends far below; one for weights of which some are 0 ends at some 1e-10.
const BALANCED: f64 = 1e-8;

/// Relative change of the objective at which full steps begin; the answer does not depend on it.
const TOLERANCE: f64 = 1e-10;

impl Constraints {
    /// `columns` has an entry per subject of the arm, `n` of them.
    pub fn new(columns: Vec<Vec<f64>>, n: usize) -> Self {
        Self { columns, n }
    }

    /// Weights that add up to 1.
    ///
    /// ```text
    /// w_i = exp(λ'z_i) / Σ exp(λ'z_k)      λ maximises  -ln Σ exp(λ'z_i)
    /// ```
    ///
    /// `z_i` is what subject `i` has more than the mean asked for. Among all weights with `Σ w z = 0`
    /// these have the least `Σ w ln w`, the dual of which is the objective: its gradient is the
    /// imbalance that is left, its information the weighted covariance of the columns. Where a mean
    /// can only be had with weights of 0, as when a level is to vanish, the search ends near them.
    ///
    /// The objective stays at or below 0 wherever there are such weights, so a value above 0 proves
    /// that there are none: then `λ'z_i < 0` for every subject.
    ///
    /// Hainmueller (2012), Polit. Anal. 20:25-46. Same as `ebalance` of the package ebal in R, which
    /// stops earlier.
    pub fn weights(&self, max_iterations: usize) -> Result<Vec<f64>, NoBalance> {
        let options = NewtonOptions { max_iterations, tolerance: TOLERANCE };
        let mut newton = Newton::new(self.columns.len(), options);
        let mut step = newton.first();
        let maximum = loop {
            wanted::check();
            match step {
                Step::Done(maximum) => break maximum,
                Step::Evaluate(lambda) => {
                    let at = self.at(&lambda);
                    if at.value > 0.0 {
                        return Err(self.unreachable(&at.weights));
                    }
                    step = newton.answer(self.derivatives(&at));
                }
            }
        };
        self.finish(&maximum)
    }

    fn finish(&self, maximum: &Maximum) -> Result<Vec<f64>, NoBalance> {
        let at = self.at(&maximum.estimate);
        let imbalance = self.imbalance(&at.weights);
        let is_balanced = |j: usize| imbalance[j].abs() <= BALANCED;
        let p = imbalance.len();
        if (0..p).all(is_balanced) {
            return Ok(at.weights);
        }
        // Within the arm an aliased column follows from the others, and so does its mean.
        let follows = (0..p).any(|j| maximum.aliased[j] && !is_balanced(j));
        let others_are_balanced = (0..p).all(|j| maximum.aliased[j] || is_balanced(j));
        if at.is_beyond || (follows && others_are_balanced) {
            Err(self.unreachable(&at.weights))
        } else {
            Err(NoBalance::NotConverged { iterations: maximum.iterations })
        }
    }

    fn unreachable(&self, weights: &[f64]) -> NoBalance {
        let imbalance = self.imbalance(weights);
        let further = |&a: &usize, &b: &usize| imbalance[a].abs().total_cmp(&imbalance[b].abs());
        // Of equals the first one.
        let column = (0..imbalance.len()).rev().max_by(further).unwrap_or(0);
        NoBalance::Unreachable { column }
    }

    fn at(&self, lambda: &DVector<f64>) -> Point {
        let mut eta = vec![0.0; self.n];
        for (column, lambda) in self.columns.iter().zip(lambda.iter()) {
            eta.iter_mut().zip(column).for_each(|(eta, z)| *eta += lambda * z);
        }
        let largest = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut weights: Vec<f64> = eta.iter().map(|eta| exp(eta - largest)).collect();
        let total: f64 = numerics::sum::sum(weights.iter().copied());
        weights.iter_mut().for_each(|weight| *weight /= total);
        Point { value: -(largest + ln(total)), is_beyond: largest < 0.0, weights }
    }

    fn imbalance(&self, weights: &[f64]) -> Vec<f64> {
        let mean = |column: &Vec<f64>| {
            numerics::sum::sum(weights.iter().zip(column).map(|(weight, z)| weight * z))
        };
        self.columns.iter().map(mean).collect()
    }

    fn derivatives(&self, at: &Point) -> Derivatives {
        let p = self.columns.len();
        let means = DVector::from_vec(self.imbalance(&at.weights));
        let mut information = DMatrix::zeros(p, p);
        for j in 0..p {
            let centred: Vec<f64> = self.columns[j]
                .iter()
                .zip(&at.weights)
                .map(|(z, weight)| weight * (z - means[j]))
                .collect();
            for k in 0..=j {
                let products = centred.iter().zip(&self.columns[k]);
                let covariance: f64 = products.map(|(w, z)| w * (z - means[k])).sum();
                information[(j, k)] = covariance;
                information[(k, j)] = covariance;
            }
        }
        Derivatives { value: at.value, gradient: -means, information }
    }
}

/// The objective at a point.
struct Point {
    value: f64,
    /// Whether `λ'z < 0` for everybody, so that no weights are balanced.
    is_beyond: bool,
    weights: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(columns: &[&[f64]]) -> Result<Vec<f64>, NoBalance> {
        let n = columns[0].len();
        Constraints::new(columns.iter().map(|column| column.to_vec()).collect(), n).weights(200)
    }

    fn assert_close(got: &[f64], want: &[f64], tolerance: f64) {
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() <= tolerance, "{got} instead of {want}");
        }
    }

    /// Two subjects at -1 and 3 have the mean 0 with weights 3/4 and 1/4.
    #[test]
    fn two_subjects_have_one_solution() {
        assert_close(&weights(&[&[-1.0, 3.0]]).unwrap(), &[0.75, 0.25], 1e-15);
    }

    /// At -1, 0 and 2 the weights are `a, a b, a b³` with `b³ = 1/2`: `-1 + 2 b³ = 0`.
    #[test]
    fn three_subjects_lie_on_an_exponential() {
        let b = 0.5f64.cbrt();
        let total = 1.0 + b + 0.5;
        let want = [1.0, b, 0.5].map(|weight| weight / total);
        assert_close(&weights(&[&[-1.0, 0.0, 2.0]]).unwrap(), &want, 1e-14);
    }

    #[test]
    fn means_outside_of_the_arm_are_unreachable() {
        for columns in [
            &[&[0.5, 1.0, 2.0][..]][..],
            &[&[-1.0, 1.0, 2.0], &[3.0, 3.0, 3.0]],
            &[&[1e-6, 1.0, 2.0]],
            &[&[-1.0, 1.0, 0.0, 0.5], &[-0.9, 1.1, 0.1, 0.6]],
            &[&[-1.0, 1.0, 0.1, 0.5], &[1.2, -0.8, 0.1, -0.3]],
        ] {
            let found = weights(columns);
            assert!(matches!(found, Err(NoBalance::Unreachable { .. })), "{found:?} {columns:?}");
        }
    }

    /// The second column is 0 or positive and is to be 0: those above 0 must vanish.
    #[test]
    fn a_level_that_is_to_vanish_gets_no_weight() {
        let found = weights(&[&[-1.0, 3.0, 1.0, -2.0], &[0.0, 0.0, 1.0, 1.0]]).unwrap();
        assert_close(&found, &[0.75, 0.25, 0.0, 0.0], 1e-8);
    }

    #[test]
    fn a_second_copy_of_a_column_changes_nothing() {
        let column = [-1.0, 0.0, 2.0];
        let twice = column.map(|z| 2.0 * z);
        let alone = weights(&[&column]).unwrap();
        assert_close(&weights(&[&column, &twice]).unwrap(), &alone, 1e-14);
    }

    #[test]
    fn too_few_steps_are_told() {
        let constraints = Constraints::new(vec![vec![-1e-3, 100.0, 101.0]], 3);
        assert_eq!(constraints.weights(0), Err(NoBalance::NotConverged { iterations: 0 }));
    }
}
