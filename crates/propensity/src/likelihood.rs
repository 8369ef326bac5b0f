//! The binomial log-likelihood and its derivatives.

use crate::link::{Information, Terms};
use crate::{Link, LogisticData};
use nalgebra::{DMatrix, DVector};
use numerics::firth::InformationDerivatives;
use numerics::gram::{CHUNK, Gram};
use numerics::lanes::LANES;
use numerics::newton::Derivatives;
use numerics::rows::{Padded, Rows};
use numerics::standard::{Scale, standardised_rows};
use numerics::sum::{Sum, mean, sum, total};
use std::ops::Range;

/// An outcome and the standardised columns that are to explain it. Coordinate 0 is the intercept at
/// the mean of all columns and of the offset, coordinate `j + 1` belongs to column `j`.
#[derive(Clone, Debug)]
pub(crate) struct Likelihood {
    link: Link,
    /// The case weight of each subject with the outcome, and minus that of each without.
    sides: Vec<f64>,
    /// The offset less its mean; absent = 0.
    offset: Option<Vec<f64>>,
    mean_offset: f64,
    scales: Vec<Scale>,
    /// The standardised columns of each subject, without the intercept.
    rows: Rows,
}

impl Likelihood {
    pub fn new(data: &LogisticData, link: Link) -> Self {
        let columns: Vec<&[f64]> =
            data.design.columns.iter().map(|column| column.values.as_slice()).collect();
        let (rows, scales) = standardised_rows(&columns, data.outcome.len(), |subject| subject);
        let side = |(i, &outcome): (usize, &bool)| {
            let weight = data.weights.map_or(1.0, |weights| weights[i]);
            if outcome { weight } else { -weight }
        };
        let mean_offset = data.offset.and_then(mean).unwrap_or(0.0);
        let centred = |offset: &[f64]| offset.iter().map(|offset| offset - mean_offset).collect();
        Self {
            link,
            sides: data.outcome.iter().enumerate().map(side).collect(),
            offset: data.offset.map(centred),
            mean_offset,
            scales,
            rows,
        }
    }

    /// The model with the intercept alone. Without an offset its subjects differ in the outcome only,
    /// so that one stands for all that have it and one for the others.
    pub fn without_columns(&self) -> Self {
        let sides = match self.offset {
            Some(_) => self.sides.clone(),
            None => [1.0, -1.0]
                .map(|sign| sum(self.sides.iter().copied().filter(|side| side * sign > 0.0)))
                .to_vec(),
        };
        let rows = Rows::zeros(sides.len(), 0);
        Self { sides, offset: self.offset.clone(), scales: Vec::new(), rows, ..*self }
    }

    /// Moves the origin of the coordinates to where the subjects have these linear predictors.
    pub fn start_at(&mut self, linear_predictor: Vec<f64>) {
        self.mean_offset = 0.0;
        self.offset = Some(linear_predictor);
    }

    /// Gives the subjects other sides and takes theirs: a case weight with the outcome, minus one without.
    pub fn swap_sides(&mut self, sides: &mut Vec<f64>) {
        std::mem::swap(&mut self.sides, sides);
    }

    /// The linear predictor of each subject at a point; equal covariate rows have equal bits.
    pub fn linear_predictor(&self, beta: &[f64]) -> Vec<f64> {
        let (intercept, slopes) = split(beta);
        let mut eta = vec![0.0; self.n()];
        for subjects in chunks(self.n()) {
            self.predict(subjects.clone(), intercept, &slopes, &mut eta[subjects]);
        }
        eta
    }

    /// Number of coordinates, the intercept included.
    pub fn p(&self) -> usize {
        self.rows.p() + 1
    }

    /// How the probability follows from the linear predictor.
    pub fn link(&self) -> Link {
        self.link
    }

    /// Number of subjects.
    pub fn n(&self) -> usize {
        self.sides.len()
    }

    fn predict(&self, subjects: Range<usize>, intercept: f64, slopes: &Padded, eta: &mut [f64]) {
        match &self.offset {
            None => eta.fill(intercept),
            Some(offset) => {
                let offsets = &offset[subjects.clone()];
                eta.iter_mut().zip(offsets).for_each(|(eta, offset)| *eta = intercept + offset);
            }
        }
        self.rows.add_products(subjects, slopes, eta);
    }

    /// ```text
    /// log L = Σ w ln F(±η)    U = X' w s    I = X' diag(w i) X
    /// ```
    ///
    /// with the upper sign for subjects with the outcome; `s` and `i` are first and second derivative
    /// of `ln F(±η)` in `η`, the second with its sign turned.
    pub fn derivatives(&self, beta: &[f64]) -> Derivatives {
        let (intercept, slopes) = split(beta);
        self.sums(Information::Observed, |subjects, eta| {
            self.predict(subjects, intercept, &slopes, eta);
        })
    }

    /// The same with the information that is expected, and the linear predictor: log odds of each
    /// subject, or normal deviates for the probit.
    ///
    /// Equal covariate rows have equal bits: every subject is summed in one order.
    pub fn expected(&self, beta: &[f64]) -> (Vec<f64>, Derivatives) {
        let (intercept, slopes) = split(beta);
        let mut linear_predictor = vec![0.0; self.n()];
        let sums = self.sums(Information::Expected, |subjects, eta| {
            self.predict(subjects.clone(), intercept, &slopes, eta);
            linear_predictor[subjects].copy_from_slice(eta);
        });
        (linear_predictor, sums)
    }

    /// What [`Likelihood::expected`] has at an intercept alone where there is no offset, from the
    /// derivatives at 0: all subjects with the outcome add one score there, and all without another.
    pub fn expected_from_start(&self, intercept: f64, start: &Derivatives) -> Option<Derivatives> {
        if self.offset.is_some() {
            return None;
        }
        let products = &start.information / self.link.expected_information(0.0);
        let (all, difference) = (products.column(0), &start.gradient / self.link.score(0.0));
        let (with, without) = ((all + &difference) * 0.5, (all - &difference) * 0.5);
        let value = with[0] * self.link.log_likelihood(intercept)
            + without[0] * self.link.log_likelihood(-intercept);
        Some(Derivatives {
            value,
            gradient: with * self.link.score(intercept) - without * self.link.score(-intercept),
            information: products * self.link.expected_information(intercept),
        })
    }

    /// All sums in one walk: a chunk of rows is read while it is in the first cache.
    fn sums(
        &self,
        information: Information,
        mut predict: impl FnMut(Range<usize>, &mut [f64]),
    ) -> Derivatives {
        let (mut value, mut score) = (Sum::default(), Sum::default());
        let mut slopes = vec![0.0; self.rows.p().next_multiple_of(LANES)];
        let mut products = Products::new(self);
        let (mut eta, mut terms) = ([0.0; CHUNK], Terms::none());
        for subjects in chunks(self.n()) {
            let eta = &mut eta[..subjects.len()];
            predict(subjects.clone(), eta);
            terms.set(self.link, information, eta, &self.sides[subjects.clone()]);
            value += terms.log_likelihood;
            let scores = &terms.scores[..subjects.len()];
            score += total(scores);
            self.rows.add_sum(subjects.clone(), scores, &mut slopes);
            products.add(subjects.clone(), &terms.weights[..subjects.len()]);
        }
        let slopes = slopes.into_iter().take(self.rows.p());
        Derivatives {
            value: value.value(),
            gradient: DVector::from_iterator(
                self.p(),
                std::iter::once(score.value()).chain(slopes),
            ),
            information: products.matrix(),
        }
    }

    /// What each subject adds to the gradient per unit of a column, and its expected information.
    pub fn terms(&self, eta: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut scores, mut weights) = (Vec::new(), Vec::new());
        let mut terms = Terms::none();
        for subjects in chunks(self.n()) {
            let (eta, sides) = (&eta[subjects.clone()], &self.sides[subjects.clone()]);
            terms.set(self.link, Information::Expected, eta, sides);
            scores.extend_from_slice(&terms.scores[..subjects.len()]);
            weights.extend_from_slice(&terms.weights[..subjects.len()]);
        }
        (scores, weights)
    }

    /// The weights of the expected information, `w F'² / (F (1 - F))`.
    pub fn expected_weights(&self, eta: &[f64]) -> Vec<f64> {
        self.terms(eta).1
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
        let mut eta = vec![0.0; self.n()];
        let (intercept, slopes) = split(beta);
        self.predict(0..self.n(), intercept, &slopes, &mut eta);
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
        let mut products = Products::new(self);
        for subjects in chunks(self.n()) {
            products.add(subjects.clone(), &weights[subjects]);
        }
        products.matrix()
    }

    /// `x' V x` of every subject.
    pub fn quadratic_forms(&self, variance: &DMatrix<f64>) -> Vec<f64> {
        let mut forms = vec![0.0; self.n()];
        for j in 0..self.p() {
            let (intercept, slopes) = split(variance.column(j).as_slice());
            let mut product = vec![intercept; self.n()];
            self.rows.add_products(0..self.n(), &slopes, &mut product);
            let product = self.weighted(&product, j);
            forms.iter_mut().zip(product).for_each(|(form, part)| *form += part);
        }
        forms
    }

    /// One column of the standardised design times a number per subject.
    pub fn weighted(&self, weights: &[f64], j: usize) -> Vec<f64> {
        match j.checked_sub(1) {
            None => weights.to_vec(),
            Some(j) => weights.iter().zip(self.rows.column(j)).map(|(w, x)| w * x).collect(),
        }
    }

    /// Standard deviation (denominator `n`) of the column of a coordinate; 1 of a constant one and of
    /// the intercept.
    pub fn scale(&self, j: usize) -> f64 {
        j.checked_sub(1).map_or(1.0, |j| self.scales[j].scale)
    }

    /// Mean of the column of a coordinate, in its standard deviations; 0 of the intercept.
    pub fn relative_centre(&self, j: usize) -> f64 {
        j.checked_sub(1).map_or(0.0, |j| self.scales[j].centre / self.scales[j].scale)
    }

    /// The offset of a subject whose intercept is that of the search.
    pub fn mean_offset(&self) -> f64 {
        self.mean_offset
    }
}

/// `X' diag(weights) X` over the subjects added so far, in which the intercept has no column.
struct Products<'a> {
    rows: &'a Rows,
    gram: Gram,
    /// The row of the intercept, in whole blocks.
    beside: Vec<f64>,
    total: Sum,
}

impl<'a> Products<'a> {
    fn new(likelihood: &'a Likelihood) -> Self {
        let rows = &likelihood.rows;
        let beside = vec![0.0; rows.p().next_multiple_of(LANES)];
        Self { rows, gram: Gram::new(rows.p()), beside, total: Sum::default() }
    }

    /// Adds no more than a chunk of subjects.
    fn add(&mut self, subjects: Range<usize>, weights: &[f64]) {
        self.total += total(weights);
        self.gram.add_with_sum(self.rows, subjects, weights, &mut self.beside);
    }

    fn matrix(&self) -> DMatrix<f64> {
        let p = self.rows.p() + 1;
        DMatrix::from_fn(p, p, |i, j| match (i.checked_sub(1), j.checked_sub(1)) {
            (None, None) => self.total.value(),
            (None, Some(k)) | (Some(k), None) => self.beside[k],
            (Some(i), Some(j)) => self.gram.at(i, j),
        })
    }
}

/// The subjects, a chunk at a time.
fn chunks(n: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(CHUNK).map(move |first| first..n.min(first + CHUNK))
}

/// The intercept and the slopes.
fn split(beta: &[f64]) -> (f64, Padded) {
    let mut slopes = Padded::zeros(beta.len() - 1);
    slopes.set(&beta[1..]);
    (beta[0], slopes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Design, DesignColumn};
    use numerics::lanes::{Instructions, restricted_to};

    /// Some subjects with two columns.
    fn design(n: u32) -> Design {
        let column = |j: u32| DesignColumn {
            name: format!("x{j}"),
            term: j as usize,
            values: (0..n).map(|i| f64::from(i * i % (7 + 4 * j))).collect(),
        };
        Design { terms: vec!["x0".into(), "x1".into()], columns: vec![column(0), column(1)] }
    }

    fn likelihood(design: &Design, link: Link, is_weighted: bool) -> Likelihood {
        let n = design.columns[0].values.len();
        let outcome: Vec<bool> = (0..n).map(|i| i % 3 == 1 || i % 7 == 2).collect();
        let weights: Vec<f64> = (0..n).map(|i| 0.5 + (i % 5) as f64).collect();
        let data = LogisticData {
            outcome: &outcome,
            weights: is_weighted.then_some(&weights),
            offset: None,
            clusters: None,
            terms: &[],
            design,
        };
        Likelihood::new(&data, link)
    }

    fn assert_close(got: &Derivatives, want: &Derivatives) {
        let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-11 * (1.0 + b.abs());
        assert!(is_close(got.value, want.value), "{} instead of {}", got.value, want.value);
        assert!(got.gradient.iter().zip(&want.gradient).all(|(a, b)| is_close(*a, *b)));
        assert!(got.information.iter().zip(&want.information).all(|(a, b)| is_close(*a, *b)));
    }

    /// The definition, subject by subject.
    #[test]
    fn sums_are_those_of_the_definition() {
        let (design, beta) = (design(150), [-0.4, 0.7, -1.1]);
        for link in [Link::Logit, Link::Probit] {
            let likelihood = likelihood(&design, link, true);
            let mut want = Derivatives::zeros(3);
            for (i, side) in likelihood.sides.iter().enumerate() {
                let x = [1.0, likelihood.rows.row(i)[0], likelihood.rows.row(i)[1]];
                let x = DVector::from_column_slice(&x);
                let z = side.signum() * x.dot(&DVector::from_column_slice(&beta));
                want.value += side.abs() * link.log_likelihood(z);
                want.gradient += &x * (side * link.score(z));
                want.information +=
                    &x * x.transpose() * (side.abs() * link.observed_information(z));
            }
            assert_close(&likelihood.derivatives(&beta), &want);
        }
    }

    #[test]
    fn an_intercept_alone_is_known_from_the_start() {
        let design = design(150);
        for (link, is_weighted) in [(Link::Logit, false), (Link::Logit, true), (Link::Probit, true)]
        {
            let likelihood = likelihood(&design, link, is_weighted);
            let start = likelihood.derivatives(&[0.0; 3]);
            let (_, want) = likelihood.expected(&[-0.6, 0.0, 0.0]);
            assert_close(&likelihood.expected_from_start(-0.6, &start).unwrap(), &want);
        }
    }

    #[test]
    fn all_instructions_give_the_same_sums() {
        let design = design(150);
        let likelihood = likelihood(&design, Link::Logit, true);
        let sums = |set| restricted_to(set, || likelihood.expected(&[-0.4, 0.7, -1.1]));
        for set in [Instructions::Avx512, Instructions::Avx2, Instructions::Portable] {
            assert_eq!(sums(set), sums(Instructions::Widest), "{set:?}");
        }
    }
}
