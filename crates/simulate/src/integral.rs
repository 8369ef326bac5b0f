//! Integrals of smooth functions whose ends may be singular.

use numerics::elementary::exp;
use numerics::sum::Sum;
use std::f64::consts::PI;

/// Distance of the nodes before they are transformed; half of it changes no digit here.
const STEP: f64 = 1.0 / 16.0;

/// Nodes on either side of the middle: the last ones are `e^-633` of the range from its ends.
const NODES: u32 = 96;

/// Integral of a function from `from` to `to`, which it may not be evaluated at but for rounding.
///
/// The double exponential rule: `x` is `to` less the range over `1 + exp(π sinh u)`, with equal
/// steps in `u`. A power of the distance from `from = 0` is no hindrance. Takahasi and Mori (1974),
/// Publ. Res. Inst. Math. Sci. 9:721-741.
pub(crate) fn integral(function: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let range = to - from;
    let mut total = Sum::default();
    for node in 0..=NODES {
        let u = f64::from(node) * STEP;
        let (grows, falls) = (exp(u), exp(-u));
        let distance = 1.0 / (1.0 + exp(PI * 0.5 * (grows - falls)));
        let weight = PI * 0.5 * (grows + falls) * distance * (1.0 - distance);
        total += weight * function(to - range * distance);
        if node > 0 {
            total += weight * function(from + range * distance);
        }
    }
    total.value() * STEP * range
}

#[cfg(test)]
mod tests {
    use super::*;
    use numerics::elementary::{ln, pow};

    #[test]
    fn closed_forms_are_met() {
        let is_close = |got: f64, want: f64| assert!((got - want).abs() < 1e-13 * want, "{got}");
        is_close(integral(|x| exp(-x), 0.0, 3.0), 1.0 - exp(-3.0));
        is_close(integral(|x| 1.0 / x, 2.0, 5.0), ln(2.5));
        is_close(integral(|x| pow(x, -0.9), 0.0, 1.0), 10.0);
    }
}
