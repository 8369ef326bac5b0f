//! Newton's method from a point near a maximum, in memory that is used again and again.
//!
//! It is for the same model on many samples that differ little, as replicates do. What a search from
//! afar may meet, such as a maximum at infinity or columns that tell the same, it leaves to
//! [`crate::newton::Newton`]: a search that does not end soon is given up.

use crate::cholesky::Cholesky;
use crate::newton::{Derivatives, SAME_INFORMATION, SETTLED};
use nalgebra::DMatrix;

/// What a search needs next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The derivatives at [`Refinement::at`].
    Evaluate,
    /// Nothing: that is the maximum.
    Done,
    /// Somebody who starts anew and knows more.
    GivenUp,
}

/// Full steps of Newton's method until one ends at the maximum.
///
/// ```text
/// step = I⁻¹ U          U the gradient, I the information, U'step the decrement
/// ```
///
/// The log-likelihood is concave, so that a point without slope at which the information has full rank is
/// the maximum. The search ends where that of [`crate::newton::Newton`] does, as near to the maximum
/// and with its information as exact.
#[derive(Clone, Debug)]
pub struct Refinement {
    at: Vec<f64>,
    step: Vec<f64>,
    factor: Cholesky,
    decrement: f64,
    n_answers: usize,
    information: DMatrix<f64>,
    scratch: Vec<f64>,
    line: Vec<f64>,
}

/// A search from a good point takes three or four steps.
const MOST_ANSWERS: usize = 8;

impl Refinement {
    /// A search over `p` coordinates.
    #[must_use]
    pub fn new(p: usize) -> Self {
        let (square, line) = (DMatrix::zeros(p, p), vec![0.0; p]);
        Self {
            at: line.clone(),
            step: line.clone(),
            factor: Cholesky::in_order(&square, &[], &square),
            decrement: 0.0,
            n_answers: 0,
            information: square,
            scratch: Vec::with_capacity(p * (p + 1)),
            line,
        }
    }

    /// Begins at a point, which is returned to be filled in; it holds that of the last search.
    pub fn begin(&mut self) -> &mut [f64] {
        self.n_answers = 0;
        &mut self.at
    }

    /// Where the derivatives are asked for; at the end the maximum.
    #[must_use]
    pub fn at(&self) -> &[f64] {
        &self.at
    }

    /// Takes the derivatives at the point asked for, goes on, and says what comes next.
    ///
    /// # Panics
    ///
    /// When they are not of as many coordinates.
    pub fn answer(&mut self, derivatives: &Derivatives) -> Progress {
        let Derivatives { gradient, information, .. } = derivatives;
        self.n_answers += 1;
        self.factor.refactor(information);
        let is_regular = derivatives.is_finite() && self.factor.rank() == self.at.len();
        if !is_regular || self.n_answers > MOST_ANSWERS {
            return Progress::GivenUp;
        }
        self.step.copy_from_slice(gradient.as_slice());
        self.factor.solve_kept(&mut self.step);
        let decrement: f64 = self.step.iter().zip(gradient).map(|(step, slope)| step * slope).sum();
        let fall = if self.n_answers == 1 { f64::INFINITY } else { decrement / self.decrement };
        let may_be_over = decrement * fall <= SETTLED;
        let is_over = decrement <= SETTLED || (may_be_over && self.is_faithful(information, fall));
        self.decrement = decrement;
        self.information.copy_from(information);
        self.at.iter_mut().zip(&self.step).for_each(|(at, step)| *at += step);
        if is_over { Progress::Done } else { Progress::Evaluate }
    }

    /// Variance of a coordinate at the end: its element of the inverse information.
    pub fn variance(&mut self, j: usize) -> f64 {
        self.line.fill(0.0);
        self.line[j] = 1.0;
        self.factor.solve_lower(&mut self.line);
        self.line.iter().map(|x| x * x).sum()
    }

    /// Whether the next step leaves the information as it is.
    fn is_faithful(&mut self, information: &DMatrix<f64>, fall: f64) -> bool {
        let difference = |i, j| information[(i, j)] - self.information[(i, j)];
        let change = self.factor.relative_size(difference, &mut self.scratch);
        change * fall.sqrt() <= SAME_INFORMATION
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementary::exp;
    use crate::newton::{NewtonOptions, maximise};
    use nalgebra::DVector;

    /// `Σ_j (b_j x_j - exp x_j) - (x_0 - x_1)² / 2`
    fn derivatives(x: &[f64], b: &[f64]) -> Derivatives {
        let apart = x[0] - x[1];
        let pull = [-apart, apart];
        let e: Vec<f64> = x.iter().map(|&x| exp(x)).collect();
        Derivatives {
            value: (0..2).map(|j| b[j] * x[j] - e[j]).sum::<f64>() - 0.5 * apart * apart,
            gradient: DVector::from_fn(2, |j, _| b[j] - e[j] + pull[j]),
            information: DMatrix::from_row_slice(2, 2, &[e[0] + 1.0, -1.0, -1.0, e[1] + 1.0]),
        }
    }

    fn refined(search: &mut Refinement, start: [f64; 2], b: &[f64]) -> Progress {
        search.begin().copy_from_slice(&start);
        loop {
            match search.answer(&derivatives(search.at(), b)) {
                Progress::Evaluate => {}
                end => return end,
            }
        }
    }

    #[test]
    fn it_ends_where_the_search_from_afar_does() {
        let mut search = Refinement::new(2);
        let options = NewtonOptions { max_iterations: 50, tolerance: 1e-9 };
        for b in [[2.0, 3.0], [0.5, 1.5], [10.0, 9.0]] {
            let want = maximise(2, options, |x| derivatives(x.as_slice(), &b));
            let start = [want.estimate[0] + 0.2, want.estimate[1] - 0.1];
            assert_eq!(refined(&mut search, start, &b), Progress::Done);
            for j in 0..2 {
                assert!((search.at()[j] - want.estimate[j]).abs() < 1e-12);
                let variance = search.variance(j);
                assert!((variance / want.covariance[(j, j)] - 1.0).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn what_has_no_maximum_is_given_up() {
        let mut search = Refinement::new(2);
        assert_eq!(refined(&mut search, [0.0; 2], &[0.0, -1.0]), Progress::GivenUp);
        let flat = Derivatives::zeros(2);
        search.begin().fill(0.0);
        assert_eq!(search.answer(&flat), Progress::GivenUp);
    }
}
