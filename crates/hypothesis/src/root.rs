//! The root of a function that rises.

/// The `x` at which a function that rises from below 0 to above 0 is 0.
///
/// `at` gives the value and the slope. Newton's steps are kept within a bracket, which grows until
/// it holds the root and is halved where a step would leave it.
pub(crate) fn rising_root(start: f64, at: impl Fn(f64) -> (f64, f64)) -> f64 {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    let (mut x, mut stride) = (start, 1.0);
    for _ in 0..MOST_STEPS {
        let (value, slope) = at(x);
        if value == 0.0 {
            return x;
        }
        if value < 0.0 {
            low = x
        } else {
            high = x
        }
        let newton = x - value / slope;
        let next = if low < newton && newton < high && (newton - x).abs() <= FARTHEST_STEP {
            newton
        } else if high.is_infinite() || low.is_infinite() {
            stride *= 2.0;
            if value < 0.0 { x + stride } else { x - stride }
        } else {
            low + 0.5 * (high - low)
        };
        if (next - x).abs() <= SETTLED * x.abs().max(1.0) {
            return next;
        }
        x = next;
    }
    x
}

/// A root is found when a step moves it by less than this share.
const SETTLED: f64 = 4.0 * f64::EPSILON;

/// Roots are logarithms of odds ratios; a step beyond this many units is no better than a bracket.
const FARTHEST_STEP: f64 = 20.0;

/// Far more steps than halving alone needs.
const MOST_STEPS: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stay_within_the_bracket() {
        let root = rising_root(-30.0, |x: f64| (x.atan() - 1.0, 1.0 / (1.0 + x * x)));
        assert!((root - 1f64.tan()).abs() < 1e-14);
    }
}
