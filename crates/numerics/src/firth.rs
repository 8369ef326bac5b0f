//! Firth's penalty: half the logarithm of the determinant of the information.
//!
//! The penalty of a sum is not the sum of penalties, so it is added where the sums meet. What it
//! asks of the data are the further derivatives of the information, and those do add up.

use crate::cholesky::Cholesky;
use crate::newton::Derivatives;
use nalgebra::{DMatrix, DVector};
use std::ops::Add;

/// How the information changes with the coordinates; the sums of disjoint data add up.
#[derive(Clone, Debug, PartialEq)]
pub struct InformationDerivatives {
    /// `∂I/∂β_j`, one symmetric matrix per coordinate.
    pub first: Vec<DMatrix<f64>>,
    /// `tr(V ∂²I/∂β_j∂β_k)` with the matrix `V` that came with the question.
    pub second: DMatrix<f64>,
}

impl InformationDerivatives {
    /// Those of no data.
    #[must_use]
    pub fn zeros(p: usize) -> Self {
        Self { first: vec![DMatrix::zeros(p, p); p], second: DMatrix::zeros(p, p) }
    }
}

impl Add for InformationDerivatives {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let first = self.first.into_iter().zip(other.first).map(|(a, b)| a + b).collect();
        Self { first, second: self.second + other.second }
    }
}

/// The penalised log-likelihood `log L + ½ log det I`, in two rounds per point.
///
/// ```text
/// gradient     U_j + ½ tr(V ∂I/∂β_j)                                                 V = I⁻¹
/// information  I_jk - ½ [ tr(V ∂²I/∂β_j∂β_k) - tr(V ∂I/∂β_j V ∂I/∂β_k) ]
/// ```
///
/// The first round asks for the derivatives of `log L`, whose information gives [`Firth::variance`];
/// the second asks for the derivatives of the information with that matrix, and
/// [`Firth::penalised`] puts both together. With the exact information Newton's method converges
/// quadratically; far from the maximum, where it need not be positive, that of `log L` takes its
/// place.
///
/// Firth (1993), Biometrika 80:27-38; Heinze and Schemper (2001), Biometrics 57:114-119.
#[derive(Clone, Debug, PartialEq)]
pub struct Firth {
    /// Columns that do not depend on those before them: the determinant is theirs.
    kept: Vec<usize>,
    /// The information at the start, beside which rounding error is told.
    start: DMatrix<f64>,
}

impl Firth {
    /// The penalty of a log-likelihood with this information at the start of the search.
    #[must_use]
    pub fn new(start: DMatrix<f64>) -> Self {
        Self { kept: Cholesky::rank_revealing(&start).kept().to_vec(), start }
    }

    /// `V`, the inverse information; 0 for aliased columns, absent where the information has lost a
    /// column and its determinant is 0.
    #[must_use]
    pub fn variance(&self, information: &DMatrix<f64>) -> Option<DMatrix<f64>> {
        let factor = self.factor(information);
        (factor.rank() == self.kept.len()).then(|| factor.inverse())
    }

    /// The penalised derivatives, of the plain ones and those of the information.
    #[must_use]
    pub fn penalised(
        &self,
        plain: Derivatives,
        variance: &DMatrix<f64>,
        change: &InformationDerivatives,
    ) -> Derivatives {
        let p = plain.gradient.len();
        let relative: Vec<DMatrix<f64>> =
            change.first.iter().map(|first| variance * first).collect();
        let slope = DVector::from_fn(p, |j, _| relative[j].trace());
        let curvature = DMatrix::from_fn(p, p, |j, k| {
            change.second[(j, k)] - relative[j].dot(&relative[k].transpose())
        });
        let exact = &plain.information - curvature * 0.5;
        let is_positive = self.factor(&exact).rank() == self.kept.len();
        let information = if is_positive { exact } else { plain.information.clone() };
        Derivatives {
            value: plain.value + 0.5 * self.factor(&plain.information).ln_determinant(),
            gradient: self.of_kept(plain.gradient + slope * 0.5),
            information: self.among_kept(&information),
        }
    }

    fn factor(&self, information: &DMatrix<f64>) -> Cholesky {
        Cholesky::in_order(information, &self.kept, &self.start)
    }

    fn of_kept(&self, gradient: DVector<f64>) -> DVector<f64> {
        let mut kept = DVector::zeros(gradient.len());
        self.kept.iter().for_each(|&j| kept[j] = gradient[j]);
        kept
    }

    /// Both triangles alike, and aliased columns 0.
    fn among_kept(&self, information: &DMatrix<f64>) -> DMatrix<f64> {
        let mut kept = DMatrix::zeros(information.nrows(), information.nrows());
        for &j in &self.kept {
            for &k in &self.kept {
                kept[(j, k)] = 0.5 * (information[(j, k)] + information[(k, j)]);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementary::{exp, ln_1p};
    use crate::newton::{NewtonOptions, maximise};

    /// Of `successes` and `failures` the penalised logit is that of half a count more on either side.
    #[test]
    fn a_proportion_gets_half_a_count_on_either_side() {
        let (successes, failures) = (5.0, 0.0);
        let n = successes + failures;
        let at = |logit: f64| {
            let share = 1.0 / (1.0 + exp(-logit));
            let variance = n * share * (1.0 - share);
            let plain = Derivatives {
                value: -successes * ln_1p(exp(-logit)) - failures * ln_1p(exp(logit)),
                gradient: DVector::from_element(1, successes - n * share),
                information: DMatrix::from_element(1, 1, variance),
            };
            (plain, share, variance)
        };
        let firth = Firth::new(at(0.0).0.information);
        let options = NewtonOptions { max_iterations: 20, tolerance: 1e-9 };
        let maximum = maximise(1, options, |beta| {
            let (plain, share, variance) = at(beta[0]);
            let v = firth.variance(&plain.information).unwrap();
            let first = variance * (1.0 - 2.0 * share);
            let second = v[(0, 0)] * variance * (1.0 - 6.0 * share * (1.0 - share));
            let change = InformationDerivatives {
                first: vec![DMatrix::from_element(1, 1, first)],
                second: DMatrix::from_element(1, 1, second),
            };
            firth.penalised(plain, &v, &change)
        });
        assert!(maximum.converged && maximum.ascents.is_empty());
        assert!((maximum.estimate[0] - 11f64.ln()).abs() < 1e-12);
    }
}
