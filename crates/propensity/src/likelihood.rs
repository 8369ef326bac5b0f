//! The binomial log-likelihood and its derivatives.

use crate::{Link, LogisticData};
use nalgebra::{DMatrix, DVector};
use numerics::firth::InformationDerivatives;
use numerics::gram::Gram;
use numerics::newton::Derivatives;
use numerics::rows::{Padded, Rows};
use numerics::standard::{Standardised, standardise};
use numerics::sum::{mean, sum};

/// An outcome and the standardised columns that are to explain it. Coordinate 0 is the intercept at
/// the mean of all columns and of the offset, coordinate `j + 1` belongs to column `j`.
#[derive(Clone, Debug)]
pub(crate) struct Likelihood<'a> {
    outcome: &'a [bool],
    weights: Option<&'a [f64]>,
    link: Link,
    /// The offset less its mean; absent = 0.
    offset: Option<Vec<f64>>,
    mean_offset: f64,
    columns: Vec<Standardised>,
    /// The intercept and the standardised columns of each subject.
    rows: Rows,
}

impl<'a> Likelihood<'a> {
    pub fn new(data: &LogisticData<'a>, link: Link) -> Self {
        let standard = |column: &cohort::DesignColumn| standardise(&column.values);
        let columns: Vec<Standardised> = data.design.columns.iter().map(standard).collect();
        let rows = rows(data.outcome.len(), &columns);
        Self { columns, rows, ..Self::without_columns(data, link) }
    }

    /// The model with the intercept alone.
    pub fn without_columns(data: &LogisticData<'a>, link: Link) -> Self {
        let mean_offset = data.offset.and_then(mean).unwrap_or(0.0);
        let centred = |offset: &[f64]| offset.iter().map(|offset| offset - mean_offset).collect();
        Self {
            outcome: data.outcome,
            weights: data.weights,
            link,
            offset: data.offset.map(centred),
            mean_offset,
            columns: Vec::new(),
            rows: rows(data.outcome.len(), &[]),
        }
    }

    /// Number of coordinates, the intercept included.
    pub fn p(&self) -> usize {
        self.columns.len() + 1
    }

    /// How the probability follows from the linear predictor.
    pub fn link(&self) -> Link {
        self.link
    }

    /// Number of subjects.
    pub fn n(&self) -> usize {
        self.outcome.len()
    }

    /// Log odds of each subject, or normal deviates for the probit.
    ///
    /// Equal covariate rows have equal bits: every subject is summed in one order.
    pub fn linear_predictor(&self, beta: &[f64]) -> Vec<f64> {
        let mut eta = self.offset.clone().unwrap_or_else(|| vec![0.0; self.n()]);
        let mut padded = Padded::zeros(self.p());
        padded.set(beta);
        self.rows.add_products(0..self.n(), &padded, &mut eta);
        eta
    }

    /// ```text
    /// log L = Σ w ln F(±η)    U = X' w s    I = X' diag(w i) X
    /// ```
    ///
    /// with the upper sign for subjects with the outcome; `s` and `i` are first and second derivative
    /// of `ln F(±η)` in `η`, the second with its sign turned.
    pub fn derivatives(&self, beta: &[f64]) -> Derivatives {
        let eta = self.linear_predictor(beta);
        let value = self.log_likelihood(&eta);
        let residuals = self.score_residuals(&eta);
        let observed = |(i, z)| self.weight(i) * self.link.observed_information(z);
        let weights: Vec<f64> = self.signed(&eta).enumerate().map(observed).collect();
        let gradient = self.gradient(&residuals);
        Derivatives { value, gradient, information: self.cross_product(&weights) }
    }

    /// The log-likelihood at a linear predictor.
    pub fn log_likelihood(&self, eta: &[f64]) -> f64 {
        let terms = self.signed(eta).enumerate();
        sum(terms.map(|(i, z)| self.weight(i) * self.link.log_likelihood(z)))
    }

    /// `X' r` of one residual per subject, per unit of a column.
    pub fn gradient(&self, residuals: &[f64]) -> DVector<f64> {
        let mut gradient = DVector::zeros(self.p());
        self.rows.add_sum(0..self.n(), residuals, gradient.as_mut_slice());
        gradient
    }

    /// `w s`: what each subject adds to the gradient, per unit of a column.
    pub fn score_residuals(&self, eta: &[f64]) -> Vec<f64> {
        let signed = self.signed(eta).zip(self.outcome).enumerate();
        let residual = |(i, (z, &outcome)): (usize, (f64, &bool))| {
            let score = self.weight(i) * self.link.score(z);
            if outcome { score } else { -score }
        };
        signed.map(residual).collect()
    }

    /// The weights of the expected information, `w F'² / (F (1 - F))`.
    pub fn expected_weights(&self, eta: &[f64]) -> Vec<f64> {
        let expected = |(i, &eta)| self.weight(i) * self.link.expected_information(eta);
        eta.iter().enumerate().map(expected).collect()
    }

    /// How the information of a logit changes with the coordinates, for Firth's penalty.
    ///
    /// ```text
    /// ∂I/∂β_j = X' diag(w π' (1 - 2π) x_j) X    ∂²I/∂β_j∂β_k = X' diag(w π' (1 - 6π') x_j x_k) X
    /// ```
    ///
    /// with `π' = π (1 - π)`.
    pub fn information_derivatives(
        &self,
        beta: &[f64],
        variance: &DMatrix<f64>,
    ) -> InformationDerivatives {
        let eta = self.linear_predictor(beta);
        let information = self.expected_weights(&eta);
        let skewed: Vec<f64> = eta
            .iter()
            .zip(&information)
            .map(|(&eta, w)| w * (self.link.probability(-eta) - self.link.probability(eta)))
            .collect();
        let first = |j| self.cross_product(&self.weighted(&skewed, j));
        let bent: Vec<f64> = eta
            .iter()
            .zip(information.iter().zip(self.quadratic_forms(variance)))
            .map(|(&eta, (w, q))| q * w * (1.0 - 6.0 * self.link.expected_information(eta)))
            .collect();
        InformationDerivatives {
            first: (0..self.p()).map(first).collect(),
            second: self.cross_product(&bent),
        }
    }

    /// `X' diag(weights) X`.
    pub fn cross_product(&self, weights: &[f64]) -> DMatrix<f64> {
        let mut gram = Gram::new(self.p());
        gram.add(&self.rows, 0..self.n(), weights);
        gram.matrix()
    }

    /// `x' V x` of every subject.
    pub fn quadratic_forms(&self, variance: &DMatrix<f64>) -> Vec<f64> {
        let mut forms = vec![0.0; self.n()];
        for j in 0..self.p() {
            let mut product = vec![variance[(j, 0)]; self.n()];
            for (k, column) in self.columns.iter().enumerate() {
                let factor = variance[(j, k + 1)];
                product.iter_mut().zip(&column.values).for_each(|(sum, x)| *sum += factor * x);
            }
            let product = self.weighted(&product, j);
            forms.iter_mut().zip(product).for_each(|(form, part)| *form += part);
        }
        forms
    }

    /// One column of the standardised design times a number per subject.
    pub fn weighted(&self, weights: &[f64], j: usize) -> Vec<f64> {
        match j.checked_sub(1) {
            None => weights.to_vec(),
            Some(j) => weights.iter().zip(&self.columns[j].values).map(|(w, x)| w * x).collect(),
        }
    }

    /// The linear predictor with the sign of the outcome.
    fn signed(&self, eta: &[f64]) -> impl Iterator<Item = f64> {
        eta.iter().zip(self.outcome).map(|(&eta, &outcome)| if outcome { eta } else { -eta })
    }

    fn weight(&self, subject: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[subject])
    }

    /// Standard deviation (denominator `n`) of the column of a coordinate; 1 of a constant one and of
    /// the intercept.
    pub fn scale(&self, j: usize) -> f64 {
        j.checked_sub(1).map_or(1.0, |j| self.columns[j].scale)
    }

    /// Mean of the column of a coordinate, in its standard deviations; 0 of the intercept.
    pub fn relative_centre(&self, j: usize) -> f64 {
        j.checked_sub(1).map_or(0.0, |j| self.columns[j].centre / self.columns[j].scale)
    }

    /// The offset of a subject whose intercept is that of the search.
    pub fn mean_offset(&self) -> f64 {
        self.mean_offset
    }
}

/// The intercept and some columns, subject by subject.
fn rows(n: usize, columns: &[Standardised]) -> Rows {
    let mut rows = Rows::zeros(n, columns.len() + 1);
    for i in 0..n {
        let row = rows.row_mut(i);
        row[0] = 1.0;
        row[1..].iter_mut().zip(columns).for_each(|(cell, column)| *cell = column.values[i]);
    }
    rows
}
