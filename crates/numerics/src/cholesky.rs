//! Rank-revealing Cholesky factor of a symmetric matrix, in column order.
//!
//! It answers the three questions that models ask of an information matrix: which columns depend on
//! those before them, what solves a system, and what is the inverse. The matrices are small (`p` by
//! `p`), and their columns must be of comparable size: models standardise them first.

use crate::elementary::ln;
use nalgebra::{DMatrix, DVector};

/// Triangle `L` with `L L' = M` on the columns that are kept, in the order in which they are kept.
#[derive(Clone, Debug)]
pub struct Cholesky {
    lower: DMatrix<f64>,
    kept: Vec<usize>,
}

/// A column is dependent when what the columns before it leave unexplained is less than this share
/// of the largest diagonal element: the machine epsilon to the power 3/4, as `toler.chol` in R's
/// `coxph`.
const DEPENDENT: f64 = 1.818_989_403_545_856_5e-12;

/// Below this share of a diagonal element a pivot may be nothing but rounding error; less than
/// `DEPENDENT`, so that what is independent in a matrix is kept beside that matrix.
const ROUNDING: f64 = 1e-12;

impl Cholesky {
    /// Factors what is independent: of a dependent set the first columns stay.
    #[must_use]
    pub fn rank_revealing(matrix: &DMatrix<f64>) -> Self {
        let largest = matrix.diagonal().iter().copied().fold(0.0, f64::max);
        let is_independent = |_: usize, pivot: f64| pivot > DEPENDENT * largest;
        let candidates: Vec<usize> = (0..matrix.nrows()).collect();
        Self::factor(matrix, &candidates, is_independent)
    }

    /// Factors the columns in `order`, without those of which nothing is left but rounding error
    /// beside the diagonal of `reference`, which tells how large the matrix has been.
    #[must_use]
    pub fn in_order(matrix: &DMatrix<f64>, order: &[usize], reference: &DMatrix<f64>) -> Self {
        Self::factor(matrix, order, |j, pivot| pivot > ROUNDING * reference[(j, j)])
    }

    fn factor(
        matrix: &DMatrix<f64>,
        candidates: &[usize],
        is_independent: impl Fn(usize, f64) -> bool,
    ) -> Self {
        let mut lower = DMatrix::zeros(matrix.nrows(), matrix.nrows());
        let mut kept: Vec<usize> = Vec::new();
        for &j in candidates {
            for (position, &k) in kept.iter().enumerate() {
                let known: f64 =
                    kept[..position].iter().map(|&m| lower[(j, m)] * lower[(k, m)]).sum();
                lower[(j, k)] = (matrix[(j, k)] - known) / lower[(k, k)];
            }
            let explained: f64 = kept.iter().map(|&k| lower[(j, k)] * lower[(j, k)]).sum();
            let pivot = matrix[(j, j)] - explained;
            if is_independent(j, pivot) {
                lower[(j, j)] = pivot.sqrt();
                kept.push(j);
            }
        }
        Self { lower, kept }
    }

    /// The columns that are kept, in the order of the factor.
    #[must_use]
    pub fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// Number of independent columns.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.kept.len()
    }

    /// Solves `M x = b` on the kept columns; `x` is 0 elsewhere.
    #[must_use]
    pub fn solve(&self, b: &DVector<f64>) -> DVector<f64> {
        let (lower, kept) = (&self.lower, &self.kept);
        let mut x = DVector::zeros(b.len());
        for (position, &j) in kept.iter().enumerate() {
            let known: f64 = kept[..position].iter().map(|&k| lower[(j, k)] * x[k]).sum();
            x[j] = (b[j] - known) / lower[(j, j)];
        }
        for (position, &j) in kept.iter().enumerate().rev() {
            let known: f64 = kept[position + 1..].iter().map(|&k| lower[(k, j)] * x[k]).sum();
            x[j] = (x[j] - known) / lower[(j, j)];
        }
        x
    }

    /// The inverse on the kept columns; rows and columns of the others are 0.
    #[must_use]
    pub fn inverse(&self) -> DMatrix<f64> {
        let p = self.lower.nrows();
        let mut inverse = DMatrix::zeros(p, p);
        let mut unit = DVector::zeros(p);
        for &j in &self.kept {
            unit[j] = 1.0;
            inverse.set_column(j, &self.solve(&unit));
            unit[j] = 0.0;
        }
        // The two triangles differ by rounding; a covariance is symmetric to the last bit.
        for row in 0..p {
            for column in 0..row {
                inverse[(column, row)] = inverse[(row, column)];
            }
        }
        inverse
    }

    /// Logarithm of the determinant of the kept columns; 0 without any.
    #[must_use]
    pub fn ln_determinant(&self) -> f64 {
        self.kept.iter().map(|&j| 2.0 * ln(self.lower[(j, j)])).sum()
    }

    /// `b' M⁻¹ b` on the kept columns: a chi-squared statistic with [`Cholesky::rank`] degrees of
    /// freedom when `b` is a score and `M` its variance.
    #[must_use]
    pub fn quadratic_form(&self, b: &DVector<f64>) -> f64 {
        self.solve(b).dot(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_dependent_set_stays() {
        // The third column is the sum of the first two.
        let x = DMatrix::from_row_slice(3, 3, &[1.0, 0.0, 1.0, 0.0, 2.0, 2.0, 1.0, 1.0, 2.0]);
        let factor = Cholesky::rank_revealing(&(x.transpose() * &x));
        assert_eq!(factor.kept(), [0, 1]);
        assert_eq!(factor.inverse()[(2, 2)], 0.0);
    }

    #[test]
    fn solves_and_inverts() {
        let matrix = DMatrix::from_row_slice(2, 2, &[4.0, 2.0, 2.0, 3.0]);
        let factor = Cholesky::rank_revealing(&matrix);
        let b = DVector::from_vec(vec![2.0, 5.0]);
        assert!((&matrix * factor.solve(&b) - &b).amax() < 1e-15);
        assert!((&matrix * factor.inverse() - DMatrix::identity(2, 2)).amax() < 1e-15);
        // (2, 5) M⁻¹ (2, 5)' with M⁻¹ = (3 -2; -2 4) / 8.
        assert!((factor.quadratic_form(&b) - 72.0 / 8.0).abs() < 1e-14);
        assert!((factor.ln_determinant() - 8f64.ln()).abs() < 1e-14);
    }

    #[test]
    fn the_order_decides_what_is_left_out() {
        let matrix = DMatrix::from_row_slice(2, 2, &[1.0, 1.0, 1.0, 1.0]);
        assert_eq!(Cholesky::in_order(&matrix, &[0, 1], &matrix).kept(), [0]);
        assert_eq!(Cholesky::in_order(&matrix, &[1, 0], &matrix).kept(), [1]);
    }

    #[test]
    fn the_order_does_not_change_the_inverse() {
        let matrix = DMatrix::from_row_slice(2, 2, &[4.0, 2.0, 2.0, 3.0]);
        let inverse = Cholesky::in_order(&matrix, &[1, 0], &matrix).inverse();
        assert!((&matrix * inverse - DMatrix::identity(2, 2)).amax() < 1e-15);
    }
}
