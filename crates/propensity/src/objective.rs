//! What a fit maximises: the log-likelihood, with a penalty or without.

use crate::PropensityError;
use crate::likelihood::Likelihood;
use cohort::Penalty;
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::elementary::ln;
use numerics::firth::Firth;
use numerics::newton::{Derivatives, Maximum};

/// A log-likelihood and its penalty, in the coordinates of the search.
pub(crate) struct Objective<'a> {
    likelihood: &'a Likelihood,
    penalty: Penalised,
}

enum Penalised {
    Nothing,
    Firth(Box<Firth>),
    /// `λ / scale²` of each column, and 0 of the intercept.
    Ridge(DVector<f64>),
}

/// The penalty of a column whose unit is too small to compute with.
const LARGEST_PENALTY: f64 = 1e290;

/// Most multiplications of one evaluation with Firth's penalty, `n p (p + 1)²`: some ten seconds.
const MOST_WORK: f64 = 1e10;

impl<'a> Objective<'a> {
    /// Fails when one evaluation would take too long.
    pub fn new(likelihood: &'a Likelihood, penalty: Penalty) -> Result<Self, PropensityError> {
        let penalty = match penalty {
            Penalty::None => Penalised::Nothing,
            Penalty::Firth if firth_work(likelihood) > MOST_WORK => {
                return Err(PropensityError::TooLarge);
            }
            Penalty::Firth => {
                let start = likelihood.derivatives(&vec![0.0; likelihood.p()]);
                Penalised::Firth(Box::new(Firth::new(start.information)))
            }
            Penalty::Ridge(lambda) => Penalised::Ridge(curvatures(likelihood, lambda)),
        };
        Ok(Self { likelihood, penalty })
    }

    /// The log-likelihood without its penalty.
    pub fn likelihood(&self) -> &'a Likelihood {
        self.likelihood
    }

    /// The derivatives at a point; without a value where the information has been lost and with it
    /// Firth's penalty.
    pub fn derivatives(&self, beta: &DVector<f64>) -> Derivatives {
        let plain = self.likelihood.derivatives(beta.as_slice());
        match &self.penalty {
            Penalised::Nothing => plain,
            Penalised::Firth(firth) => match firth.variance(&plain.information) {
                Some(variance) => {
                    let change =
                        self.likelihood.information_derivatives(beta.as_slice(), &variance);
                    firth.penalised(plain, &variance, &change)
                }
                None => Derivatives { value: f64::NEG_INFINITY, ..plain },
            },
            Penalised::Ridge(curvatures) => {
                let slope = curvatures.component_mul(beta);
                Derivatives {
                    value: plain.value - 0.5 * slope.dot(beta),
                    gradient: plain.gradient - slope,
                    information: plain.information + DMatrix::from_diagonal(curvatures),
                }
            }
        }
    }

    /// The model covariance at a finite maximum with this expected information: its inverse, also
    /// with Firth's penalty, as `logistf` in R has it; with a ridge the inverse of the penalised one.
    pub fn covariance(&self, information: &DMatrix<f64>, maximum: &Maximum) -> DMatrix<f64> {
        match &self.penalty {
            Penalised::Ridge(curvatures) => {
                inverse(&(information + DMatrix::from_diagonal(curvatures)), maximum)
            }
            Penalised::Nothing | Penalised::Firth(_) => inverse(information, maximum),
        }
    }

    /// What the penalised log-likelihood has more in the caller's units: the determinant of the
    /// information depends on the units of the columns.
    pub fn ln_unit(&self, aliased: &[bool]) -> f64 {
        match self.penalty {
            Penalised::Firth(_) => {
                let kept = (1..aliased.len()).filter(|&j| !aliased[j]);
                kept.map(|j| ln(self.likelihood.scale(j))).sum()
            }
            Penalised::Nothing | Penalised::Ridge(_) => 0.0,
        }
    }
}

/// Multiplications of one evaluation of the derivatives with Firth's penalty.
pub(crate) fn firth_work(likelihood: &Likelihood) -> f64 {
    let p = likelihood.p() as f64;
    likelihood.n() as f64 * p * (p + 1.0) * (p + 1.0)
}

/// The inverse of an information at a maximum; 0 for aliased columns.
pub(crate) fn inverse(information: &DMatrix<f64>, maximum: &Maximum) -> DMatrix<f64> {
    let kept: Vec<usize> = (0..information.nrows()).filter(|&j| !maximum.aliased[j]).collect();
    Cholesky::in_order(information, &kept, &maximum.start.information).inverse()
}

fn curvatures(likelihood: &Likelihood, lambda: f64) -> DVector<f64> {
    DVector::from_fn(likelihood.p(), |j, _| match j {
        0 => 0.0,
        _ => (lambda / likelihood.scale(j) / likelihood.scale(j)).min(LARGEST_PENALTY),
    })
}
