//! Integrals by a rule that looks closer where the function is rough and says how far it may be off.

use std::ops::Add;

/// A number with a bound of its numerical error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Approximation {
    /// The number.
    pub value: f64,
    /// How far it may be from the true one.
    pub error: f64,
}

impl Approximation {
    /// A number without numerical error but rounding.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// The number times a factor.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, error: self.error * factor.abs() }
    }
}

impl Add for Approximation {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, error: self.error + other.error }
    }
}

/// A piece is halved at most so often: its length is then a millionth of the whole.
const MOST_HALVINGS: u32 = 20;

/// Integral of a function between finite limits, which it is not evaluated at.
///
/// The rule of Gauss and Kronrod with 15 points, whose 7 Gauss points tell its error; a piece whose
/// error exceeds `tolerance` is halved. Values of the function may have errors of their own, which
/// are integrated along. Pieces are added from left to right, so the same function gives the same
/// bits. Kronrod (1965), Nodes and Weights of Quadrature Formulas; the bound of the error is that of
/// Piessens et al. (1983), QUADPACK. Same as `integrate` in R up to the choice of the pieces.
pub fn integral<F>(function: &F, from: f64, to: f64, tolerance: f64) -> Approximation
where
    F: Fn(f64) -> Approximation,
{
    piece(function, (from, to), tolerance, MOST_HALVINGS)
}

fn piece<F>(function: &F, range: (f64, f64), tolerance: f64, halvings: u32) -> Approximation
where
    F: Fn(f64) -> Approximation,
{
    let (whole, own_error) = gauss_kronrod(function, range);
    if own_error <= tolerance || halvings == 0 {
        return Approximation { value: whole.value, error: whole.error + own_error };
    }
    let middle = 0.5 * (range.0 + range.1);
    piece(function, (range.0, middle), tolerance, halvings - 1)
        + piece(function, (middle, range.1), tolerance, halvings - 1)
}

/// The integral with the errors of the values, and the error of the rule itself.
fn gauss_kronrod<F>(function: &F, (from, to): (f64, f64)) -> (Approximation, f64)
where
    F: Fn(f64) -> Approximation,
{
    let (centre, half) = (0.5 * (from + to), 0.5 * (to - from));
    let middle = function(centre);
    let sides = NODES.map(|node| [function(centre - half * node), function(centre + half * node)]);
    let mut kronrod = middle.times(MIDDLE.0);
    let mut gauss = middle.value * MIDDLE.1;
    for ([left, right], (weight, gauss_weight)) in sides.iter().zip(WEIGHTS) {
        kronrod = kronrod + (*left + *right).times(weight);
        gauss += gauss_weight * (left.value + right.value);
    }
    let mean = 0.5 * kronrod.value;
    let mut spread = MIDDLE.0 * (middle.value - mean).abs();
    for ([left, right], (weight, _)) in sides.iter().zip(WEIGHTS) {
        spread += weight * ((left.value - mean).abs() + (right.value - mean).abs());
    }
    let difference = (kronrod.value - gauss).abs();
    let error = if spread > 0.0 {
        let share = 200.0 * difference / spread;
        spread * (share * share.sqrt()).min(1.0)
    } else {
        difference
    };
    (kronrod.times(half), error * half)
}

/// Distances of the outer nodes from the middle of [-1, 1]; every other one is a Gauss node.
const NODES: [f64; 7] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_2,
    0.207_784_955_007_898_47,
];

/// Their weights in both rules.
const WEIGHTS: [(f64, f64); 7] = [
    (0.022_935_322_010_529_224, 0.0),
    (0.063_092_092_629_978_56, 0.129_484_966_168_869_7),
    (0.104_790_010_322_250_18, 0.0),
    (0.140_653_259_715_525_92, 0.279_705_391_489_276_64),
    (0.169_004_726_639_267_9, 0.0),
    (0.190_350_578_064_785_4, 0.381_830_050_505_118_9),
    (0.204_432_940_075_298_9, 0.0),
];

/// Weights of the middle.
const MIDDLE: (f64, f64) = (0.209_482_141_084_727_82, 0.417_959_183_673_469_4);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elementary::exp;

    fn of(function: impl Fn(f64) -> f64, from: f64, to: f64) -> Approximation {
        integral(&|x| Approximation::exact(function(x)), from, to, 1e-13)
    }

    /// The rule is exact for powers up to 22.
    #[test]
    fn polynomials_are_exact() {
        for power in 0..=22 {
            let integral = of(|x| x.powi(power), 0.0, 1.0);
            let want = 1.0 / (f64::from(power) + 1.0);
            assert!((integral.value - want).abs() < 2e-16, "{power}: {}", integral.value);
        }
    }

    #[test]
    fn rough_functions_are_met_within_their_error() {
        let near = |integral: Approximation, want: f64| {
            assert!((integral.value - want).abs() <= integral.error + 1e-15);
            assert!(integral.error < 1e-9, "{}", integral.error);
        };
        near(of(f64::sqrt, 0.0, 1.0), 2.0 / 3.0);
        near(of(|x| (x - 0.3).abs(), 0.0, 1.0), 0.5 * (0.09 + 0.49));
        near(of(|x| exp(-1e4 * x * x), -1.0, 1.0), 1e-2 * std::f64::consts::PI.sqrt());
    }

    #[test]
    fn errors_of_the_values_are_integrated() {
        let noisy = |x: f64| Approximation { value: x, error: 0.25 };
        let integral = integral(&noisy, 0.0, 2.0, 1e-10);
        assert!((integral.value - 2.0).abs() < 1e-15 && (integral.error - 0.5).abs() < 1e-15);
    }
}
