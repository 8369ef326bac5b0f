//! Quantiles of replicates, as `boot` in R takes them.

use numerics::tails::normal_quantile;

/// The quantile at a level of sorted replicates, which may be infinite.
///
/// The rank is `(B + 1) level`. A whole rank is that replicate; between two ranks values are
/// interpolated on the scale of normal quantiles. Ranks outside 1 to B take the outermost replicate, and
/// beside an infinite replicate the answer is infinite. Davison and Hinkley (1997), equation 5.8. Same as
/// `norm.inter` of `boot` in R where all replicates are finite; there must be one.
pub fn quantile(sorted: &[f64], level: f64) -> f64 {
    let n = sorted.len();
    let rank = (n + 1) as f64 * level;
    let k = rank as usize;
    if k == 0 || k >= n {
        return sorted[k.clamp(1, n) - 1];
    }
    let (below, above) = (sorted[k - 1], sorted[k]);
    if k as f64 == rank || below == above || below.is_infinite() {
        return below;
    }
    if above.is_infinite() {
        return above;
    }
    let normal = |k: usize| normal_quantile(k as f64 / (n + 1) as f64);
    let share = (normal_quantile(level) - normal(k)) / (normal(k + 1) - normal(k));
    below + share * (above - below)
}

/// Whether a level has a rank beside which there are replicates on both sides.
pub fn is_inside(n: usize, level: f64) -> bool {
    let rank = (n + 1) as f64 * level;
    1.0 < rank && rank < n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rank 4 · 0.5 = 2 is the second; rank 4 · 0.25 = 1 the first; rank 1.5 lies between the levels 1/4
    /// and 1/2, whose normal quantiles are -0.6745 and 0, at -0.3186.
    #[test]
    fn three_replicates_by_hand() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!(quantile(&sorted, 0.5), 2.0);
        assert_eq!(quantile(&sorted, 0.25), 1.0);
        let share = 1.0 - 0.318_639_363_964_375_2 / 0.674_489_750_196_081_7;
        assert!((quantile(&sorted, 0.375) - (1.0 + share)).abs() < 1e-14);
        assert_eq!(quantile(&sorted, 0.01), 1.0);
        assert_eq!(quantile(&sorted, 0.99), 4.0);
    }

    #[test]
    fn what_is_not_reached_keeps_its_place() {
        let sorted = [1.0, 2.0, f64::INFINITY];
        assert_eq!(quantile(&sorted, 0.5), 2.0);
        assert_eq!(quantile(&sorted, 0.6), f64::INFINITY);
        assert_eq!(quantile(&[f64::INFINITY; 2], 0.5), f64::INFINITY);
        assert_eq!(quantile(&[f64::NEG_INFINITY, 0.0, 1.0], 0.3), f64::NEG_INFINITY);
    }
}
