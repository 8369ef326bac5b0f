//! How far a limit may be from that of infinitely many replicates.

use crate::quantile::quantile;
use cohort::{Estimate, NotEstimable};

/// How a level moves with the share of replicates below the estimate, from which it is computed.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    /// The share below the estimate.
    pub share: f64,
    /// Change of the level with the share.
    pub slope: f64,
}

/// Standard error of a quantile of `B` sorted replicates, by the delta method.
///
/// ```text
/// s² [α (1 − α) + c² p (1 − p) − 2 c (min(α, p) − α p)] / B
/// ```
///
/// `s` is the slope of the quantiles at the level `α`, taken between the levels one binomial standard
/// deviation below and above; `c` and `p` are slope and share of the shift, where the level itself is
/// computed from the replicates. None where those levels reach infinite replicates.
/// Serfling (1980), Approximation Theorems of Mathematical Statistics, section 2.5.
pub fn quantile_error(sorted: &[f64], level: f64, shift: Option<Shift>) -> Estimate {
    let n = sorted.len() as f64;
    let spread = level * (1.0 - level);
    let step = (spread / n).sqrt();
    let least = 1.0 / (n + 1.0);
    let [lower, upper] = [level - step, level + step].map(|at| at.clamp(least, 1.0 - least));
    let slope = (quantile(sorted, upper) - quantile(sorted, lower)) / (upper - lower);
    if !slope.is_finite() {
        return Err(NotEstimable::NotReached);
    }
    let moved = shift.map_or(0.0, |Shift { share: p, slope: c }| {
        c * c * p * (1.0 - p) - 2.0 * c * (level.min(p) - level * p)
    });
    Ok(slope * ((spread + moved).max(0.0) / n).sqrt())
}

/// Standard error of `± z` standard deviations minus the mean of `B` replicates.
///
/// ```text
/// [m₂ + z² (m₄ − m₂²) / 4 m₂ ∓ z m₃ / √m₂] / B
/// ```
pub fn normal_error(values: &[f64], z: f64) -> f64 {
    let n = values.len() as f64;
    let mean = numerics::sum::total(values) / n;
    let moment =
        |power: i32| numerics::sum::sum(values.iter().map(|value| (value - mean).powi(power))) / n;
    let [m2, m3, m4] = [2, 3, 4].map(moment);
    if m2 == 0.0 {
        return 0.0;
    }
    let variance = m2 + z * z * (m4 - m2 * m2) / (4.0 * m2) - z * m3 / m2.sqrt();
    (variance.max(0.0) / n).sqrt()
}
