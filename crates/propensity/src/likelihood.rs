//! The binomial log-likelihood and its derivatives.

use cohort::Design;
use nalgebra::{DMatrix, DVector};
use numerics::elementary::{exp, ln_1p};
use numerics::newton::Derivatives;
use numerics::standard::{Standardised, standardise};
use numerics::sum::Sum;

/// An outcome and the standardised columns that are to explain it. Coordinate 0 is the intercept at
/// the mean of all columns, coordinate `j + 1` belongs to column `j`.
#[derive(Clone, Debug)]
pub(crate) struct Likelihood<'a> {
    outcome: &'a [bool],
    columns: Vec<Standardised>,
}

impl<'a> Likelihood<'a> {
    pub fn new(outcome: &'a [bool], design: &Design) -> Self {
        let standard = |column: &cohort::DesignColumn| standardise(&column.values);
        Self { outcome, columns: design.columns.iter().map(standard).collect() }
    }

    /// Number of coordinates, the intercept included.
    pub fn p(&self) -> usize {
        self.columns.len() + 1
    }

    /// Log odds of each subject.
    ///
    /// Equal covariate rows have equal bits: every subject is summed column by column in one order.
    pub fn linear_predictor(&self, beta: &[f64]) -> Vec<f64> {
        let mut eta = vec![beta[0]; self.outcome.len()];
        for (column, beta) in self.columns.iter().zip(&beta[1..]) {
            for (eta, x) in eta.iter_mut().zip(&column.values) {
                *eta += beta * x;
            }
        }
        eta
    }

    /// ```text
    /// log L = -Σ ln(1 + exp(∓η))    U = X'(y - π)    I = X' diag(π (1 - π)) X
    /// ```
    ///
    /// with the upper sign for subjects with the outcome and `π = 1 / (1 + exp(-η))`. The residual
    /// of a subject with the outcome is taken as `1 / (1 + exp(η))`, so that it keeps its digits when
    /// `π` is nearly 1.
    pub fn derivatives(&self, beta: &[f64]) -> Derivatives {
        let eta = self.linear_predictor(beta);
        let signed = |(&eta, &outcome): (&f64, &bool)| if outcome { -eta } else { eta };
        let value: Sum = eta.iter().zip(self.outcome).map(signed).map(|z| -softplus(z)).collect();
        let residual = |(eta, outcome)| {
            let z = signed((eta, outcome));
            if *outcome { expit(z) } else { -expit(z) }
        };
        let residuals: Vec<f64> = eta.iter().zip(self.outcome).map(residual).collect();
        let weights: Vec<f64> = eta.iter().map(|&eta| expit(eta) * expit(-eta)).collect();
        let p = self.p();
        let gradient = DVector::from_fn(p, |j, _| self.sum_of_products(&residuals, j));
        let mut information = DMatrix::zeros(p, p);
        for j in 0..p {
            let weighted = self.weighted(&weights, j);
            for k in 0..=j {
                information[(j, k)] = self.sum_of_products(&weighted, k);
                information[(k, j)] = information[(j, k)];
            }
        }
        Derivatives { value: value.value(), gradient, information }
    }

    fn weighted(&self, weights: &[f64], j: usize) -> Vec<f64> {
        match j.checked_sub(1) {
            None => weights.to_vec(),
            Some(j) => weights.iter().zip(&self.columns[j].values).map(|(w, x)| w * x).collect(),
        }
    }

    fn sum_of_products(&self, factors: &[f64], j: usize) -> f64 {
        match j.checked_sub(1) {
            None => factors.iter().sum(),
            Some(j) => factors.iter().zip(&self.columns[j].values).map(|(f, x)| f * x).sum(),
        }
    }

    /// The matrix that takes coordinates to the caller's units and the intercept to 0 in all columns.
    pub fn to_callers_units(&self) -> DMatrix<f64> {
        let mut units = DMatrix::identity(self.p(), self.p());
        for (j, column) in self.columns.iter().enumerate() {
            units[(j + 1, j + 1)] = 1.0 / column.scale;
            units[(0, j + 1)] = -column.centre / column.scale;
        }
        units
    }
}

/// `1 / (1 + exp(-x))`.
pub(crate) fn expit(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// `ln(1 + exp(x))` without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + ln_1p(exp(-x.abs()))
}
