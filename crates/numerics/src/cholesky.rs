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
    /// Number of columns of the matrix.
    p: usize,
    /// Row after row, each up to its diagonal.
    lower: Vec<f64>,
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
        let p = matrix.nrows();
        let (lower, kept) = (Vec::with_capacity(first_of(p)), Vec::with_capacity(p));
        let mut factor = Self { p, lower, kept };
        factor.take(matrix, candidates.iter().copied(), is_independent);
        factor
    }

    /// Factors another matrix of the same size in the same memory: all of its columns in their order,
    /// up to one that depends on those before it.
    pub fn refactor(&mut self, matrix: &DMatrix<f64>) {
        let is_independent = |j: usize, pivot: f64| pivot > ROUNDING * matrix[(j, j)];
        self.take(matrix, 0..matrix.nrows(), is_independent);
    }

    fn take(
        &mut self,
        matrix: &DMatrix<f64>,
        candidates: impl Iterator<Item = usize>,
        is_independent: impl Fn(usize, f64) -> bool,
    ) {
        let Self { lower, kept, .. } = self;
        lower.clear();
        kept.clear();
        for j in candidates {
            let start = lower.len();
            for (position, &k) in kept.iter().enumerate() {
                let (above, own) = lower.split_at(start);
                let other = row(above, position);
                let rest = matrix[(j, k)] - dot(own, other);
                lower.push(rest / other[position]);
            }
            let own = &lower[start..];
            let pivot = matrix[(j, j)] - dot(own, own);
            if is_independent(j, pivot) {
                lower.push(pivot.sqrt());
                kept.push(j);
            } else {
                lower.truncate(start);
            }
        }
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
        let mut solved: Vec<f64> = self.kept.iter().map(|&j| b[j]).collect();
        self.solve_kept(&mut solved);
        let mut x = DVector::zeros(b.len());
        self.kept.iter().zip(solved).for_each(|(&j, solved)| x[j] = solved);
        x
    }

    /// Replaces `b` by the solution of `M x = b`; both have an element for each kept column alone.
    pub fn solve_kept(&self, b: &mut [f64]) {
        self.solve_lower(b);
        for k in (0..self.rank()).rev() {
            let row = row(&self.lower, k);
            b[k] /= row[k];
            let (before, own) = b.split_at_mut(k);
            add_product(before, -own[0], row);
        }
    }

    /// Replaces `b` by the solution of `L x = b`; both have an element for each kept column alone.
    pub fn solve_lower(&self, b: &mut [f64]) {
        for k in 0..self.rank() {
            let row = row(&self.lower, k);
            b[k] = (b[k] - dot(row, &b[..k])) / row[k];
        }
    }

    /// The root of the sum of the squared eigenvalues of `M⁻¹ D` on the kept columns, `D` symmetric: no
    /// quadratic form of `M` differs by a larger share of it from that of `M + D`.
    ///
    /// They are those of `L⁻¹ D L⁻¹'`, whose squared elements have the same sum. The scratch may hold
    /// anything.
    pub fn relative_size(&self, d: impl Fn(usize, usize) -> f64, scratch: &mut Vec<f64>) -> f64 {
        let rank = self.rank();
        scratch.clear();
        scratch.resize(rank * (rank + 1), 0.0);
        let (half, line) = scratch.split_at_mut(rank * rank);
        for (column, &j) in half.chunks_exact_mut(rank.max(1)).zip(&self.kept) {
            column.iter_mut().zip(&self.kept).for_each(|(to, &i)| *to = d(i, j));
            self.solve_lower(column);
        }
        let mut squares = 0.0;
        for i in 0..rank {
            let row = half.iter().skip(i).step_by(rank);
            line.iter_mut().zip(row).for_each(|(to, x)| *to = *x);
            self.solve_lower(line);
            squares += dot(line, line);
        }
        squares.sqrt()
    }

    /// The inverse on the kept columns, `L⁻¹' L⁻¹`, symmetric to the last bit; rows and columns of the
    /// others are 0.
    #[must_use]
    pub fn inverse(&self) -> DMatrix<f64> {
        let factor = self.inverse_factor();
        let mut products = vec![0.0; factor.len()];
        for m in 0..self.rank() {
            let own = row(&factor, m);
            for i in 0..=m {
                let start = first_of(i);
                add_product(&mut products[start..=start + i], own[i], own);
            }
        }
        let mut inverse = DMatrix::zeros(self.p, self.p);
        for (i, &row_of) in self.kept.iter().enumerate() {
            for (&column_of, product) in self.kept.iter().zip(row(&products, i)) {
                inverse[(row_of, column_of)] = *product;
                inverse[(column_of, row_of)] = *product;
            }
        }
        inverse
    }

    /// `L⁻¹`, row after row.
    fn inverse_factor(&self) -> Vec<f64> {
        let mut inverse = vec![0.0; self.lower.len()];
        for i in 0..self.rank() {
            let (above, own) = inverse.split_at_mut(first_of(i));
            let factor = row(&self.lower, i);
            for (k, l) in factor[..i].iter().enumerate() {
                add_product(&mut own[..=k], -l / factor[i], row(above, k));
            }
            own[i] = 1.0 / factor[i];
        }
        inverse
    }

    /// Logarithm of the determinant of the kept columns; 0 without any.
    #[must_use]
    pub fn ln_determinant(&self) -> f64 {
        (0..self.rank()).map(|k| 2.0 * ln(row(&self.lower, k)[k])).sum()
    }

    /// `b' M⁻¹ b` on the kept columns: a chi-squared statistic with [`Cholesky::rank`] degrees of
    /// freedom when `b` is a score and `M` its variance.
    #[must_use]
    pub fn quadratic_form(&self, b: &DVector<f64>) -> f64 {
        self.solve(b).dot(b)
    }
}

/// Where row `i` of a triangle begins.
fn first_of(i: usize) -> usize {
    i * (i + 1) / 2
}

/// Row `i` of a triangle, its diagonal the last.
fn row(triangle: &[f64], i: usize) -> &[f64] {
    &triangle[first_of(i)..=first_of(i) + i]
}

/// Sum of the products of two rows, as far as the shorter goes.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Adds a multiple of a row to another one, as far as the shorter goes.
fn add_product(to: &mut [f64], factor: f64, row: &[f64]) {
    to.iter_mut().zip(row).for_each(|(to, x)| *to += factor * x);
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

    /// `M⁻¹ D` is diagonal with the shares 1/4 and 2/3.
    #[test]
    fn a_difference_is_as_large_as_its_shares() {
        let d = DMatrix::from_row_slice(2, 2, &[1.0, 0.0, 0.0, 2.0]);
        let matrix = DMatrix::from_row_slice(2, 2, &[4.0, 0.0, 0.0, 3.0]);
        let factor = Cholesky::rank_revealing(&matrix);
        let size = factor.relative_size(|i, j| d[(i, j)], &mut Vec::new());
        assert!((size - (1.0f64 / 16.0 + 4.0 / 9.0).sqrt()).abs() < 1e-15);
        let same = factor.relative_size(|i, j| 0.5 * matrix[(i, j)], &mut vec![7.0; 3]);
        assert!((same - 0.5 * 2f64.sqrt()).abs() < 1e-15);
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
