//! Newton's method over some of the coordinates, the others held where they are.

use crate::newton::{Derivatives, Maximum, Newton, NewtonOptions, Step};
use crate::wanted;
use nalgebra::{DMatrix, DVector};

/// The machine of [`crate::newton`] on a plane through a point.
///
/// It asks for the derivatives in all coordinates, so that whoever answers need not know what is
/// held, and picks those that it needs. The search begins at the point itself.
#[derive(Clone, Debug)]
pub struct Restricted {
    newton: Newton,
    origin: DVector<f64>,
    free: Vec<usize>,
}

/// The largest log-likelihood on a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct RestrictedMaximum {
    /// Where it lies, in all coordinates.
    pub point: DVector<f64>,
    /// The maximum in the free coordinates, counted from the origin.
    pub maximum: Maximum,
}

/// What the machine needs next.
#[derive(Clone, Debug, PartialEq)]
pub enum RestrictedStep {
    /// The derivatives at this point, in all coordinates.
    Evaluate(DVector<f64>),
    /// Nothing: this is the answer.
    Done(Box<RestrictedMaximum>),
}

impl Restricted {
    /// A search from `origin` that moves the `free` coordinates alone.
    #[must_use]
    pub fn new(origin: DVector<f64>, free: Vec<usize>, options: NewtonOptions) -> Self {
        Self { newton: Newton::new(free.len(), options), origin, free }
    }

    /// The first request: the derivatives at the origin.
    #[must_use]
    pub fn first(&self) -> RestrictedStep {
        self.step(self.newton.first())
    }

    /// Takes the derivatives at the point last asked for and says what comes next.
    ///
    /// # Panics
    /// When the answer is not in all coordinates.
    pub fn answer(&mut self, derivatives: &Derivatives) -> RestrictedStep {
        assert_eq!(
            derivatives.gradient.len(),
            self.origin.len(),
            "an answer has as many coordinates as asked"
        );
        let step = self.newton.answer(Derivatives {
            value: derivatives.value,
            gradient: derivatives.gradient.select_rows(&self.free),
            information: block(&derivatives.information, &self.free),
        });
        self.step(step)
    }

    fn step(&self, step: Step) -> RestrictedStep {
        match step {
            Step::Evaluate(moved) => RestrictedStep::Evaluate(self.point(&moved)),
            Step::Done(maximum) => {
                let (point, maximum) = (self.point(&maximum.estimate), *maximum);
                RestrictedStep::Done(Box::new(RestrictedMaximum { point, maximum }))
            }
        }
    }

    fn point(&self, moved: &DVector<f64>) -> DVector<f64> {
        let mut point = self.origin.clone();
        for (&j, moved) in self.free.iter().zip(moved.iter()) {
            point[j] += moved;
        }
        point
    }
}

/// The rows and columns of a symmetric matrix that are listed.
#[must_use]
pub fn block(matrix: &DMatrix<f64>, listed: &[usize]) -> DMatrix<f64> {
    DMatrix::from_fn(listed.len(), listed.len(), |row, column| {
        matrix[(listed[row], listed[column])]
    })
}

/// Runs the machine against one function that evaluates all the data.
pub fn maximise_over(
    origin: DVector<f64>,
    free: Vec<usize>,
    options: NewtonOptions,
    mut evaluate: impl FnMut(&DVector<f64>) -> Derivatives,
) -> RestrictedMaximum {
    let mut machine = Restricted::new(origin, free, options);
    let mut step = machine.first();
    loop {
        wanted::check();
        match step {
            RestrictedStep::Evaluate(point) => step = machine.answer(&evaluate(&point)),
            RestrictedStep::Done(maximum) => return *maximum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-(x² + x y + y²) + 3 x` at `y = 2`: the slope `3 - 2 x - 2` vanishes at 1/2.
    #[test]
    fn what_is_held_stays() {
        let evaluate = |at: &DVector<f64>| Derivatives {
            value: 3.0 * at[0] - at[0] * at[0] - at[0] * at[1] - at[1] * at[1],
            gradient: DVector::from_vec(vec![3.0 - 2.0 * at[0] - at[1], -at[0] - 2.0 * at[1]]),
            information: DMatrix::from_row_slice(2, 2, &[2.0, 1.0, 1.0, 2.0]),
        };
        let options = NewtonOptions { max_iterations: 20, tolerance: 1e-9 };
        let held = DVector::from_vec(vec![0.0, 2.0]);
        let found = maximise_over(held, vec![0], options, evaluate);
        assert!((found.point[0] - 0.5).abs() < 1e-15 && found.point[1] == 2.0);
        assert_eq!(found.maximum.value, -3.75);
        assert!((found.maximum.covariance[(0, 0)] - 0.5).abs() < 1e-15);
    }
}
