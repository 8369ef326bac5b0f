//! How much hidden bias a finding of matched pairs withstands.

use crate::pairs::SignedRanks;
use crate::root::rising_root;
use cohort::{Estimate, NotEstimable};
use numerics::elementary::{exp, ln};
use numerics::sum::sum;
use numerics::tails::{binomial_at_least, normal_sf};

/// Bounds of a one-sided p-value when the odds of treatment within a pair may differ by a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HiddenBias {
    /// The factor Γ, at least 1: a hidden trait may make one member of a pair so many times as likely
    /// to be treated as the other.
    pub gamma: f64,
    /// Largest p-value that such a trait could produce.
    pub p_upper: f64,
    /// Smallest one.
    pub p_lower: f64,
    /// The largest by the normal approximation with continuity correction, as textbooks print it; for
    /// the sign test alone.
    pub p_upper_normal: Option<f64>,
}

/// Rosenbaum's bounds of the sign test, or of McNemar's test, for one factor.
///
/// ```text
/// p_upper = P(T ≥ t)    T binomial of the pairs that differ, with the share Γ / (1 + Γ)
/// p_lower                                          with the share 1 / (1 + Γ)
/// ```
///
/// `successes` of `discordant` pairs that differ do so in the direction of the finding. Undefined
/// without such a pair and for a factor that is below 1 or not finite. Rosenbaum (2002),
/// Observational Studies, 4.3. Same as `pbinom(t - 1, n, Γ / (1 + Γ), lower.tail = FALSE)` in R.
pub fn sign_bounds(successes: usize, discordant: usize, gamma: f64) -> Estimate<HiddenBias> {
    if discordant == 0 || successes > discordant {
        return Err(NotEstimable::NoEvents);
    }
    check(gamma)?;
    let (n, share) = (discordant as f64, gamma / (1.0 + gamma));
    let z = (successes as f64 - n * share - 0.5) / (n * share * (1.0 - share)).sqrt();
    Ok(HiddenBias {
        gamma,
        p_upper: binomial_at_least(successes, discordant, gamma),
        p_lower: binomial_at_least(successes, discordant, 1.0 / gamma),
        p_upper_normal: Some(normal_sf(z)),
    })
}

fn check(gamma: f64) -> Estimate<()> {
    if gamma.is_finite() && 1.0 <= gamma { Ok(()) } else { Err(NotEstimable::NotDefined) }
}

/// The factor at which the upper bound of the sign test reaches `level`, which lies strictly between
/// 0 and 1.
///
/// Undefined without a pair that differs. A finding that is not significant even without hidden bias
/// has none, [`NotEstimable::NotReached`]; a factor beyond a million is [`NotEstimable::TooLarge`].
pub fn largest_sign_bias(successes: usize, discordant: usize, level: f64) -> Estimate {
    largest_bias(level, |gamma| Ok(sign_bounds(successes, discordant, gamma)?.p_upper))
}

/// Rosenbaum's bounds of the signed rank test for one factor, by the normal approximation.
///
/// ```text
/// z = (V - p Σ q) / √(p (1 - p) Σ q²)    p = Γ / (1 + Γ), for the lower bound 1 / (1 + Γ)
/// ```
///
/// `q` are the midranks of the absolute differences, `V` their sum over the pairs whose first member
/// has the larger value, which is the direction of the finding. Undefined when no pair differs and
/// for a factor that is below 1 or not finite. Rosenbaum (2002), Observational Studies, 4.3. Same as
/// `rbounds::psens` in R.
pub fn signed_rank_bounds(pairs: &[(f64, f64)], gamma: f64) -> Estimate<HiddenBias> {
    check(gamma)?;
    let ranked = SignedRanks::of(pairs)?;
    let v = sum(ranked.positive());
    let all = sum(ranked.ranks.iter().copied());
    let squares = sum(ranked.ranks.iter().map(|rank| rank * rank));
    let tail = |share: f64| normal_sf((v - share * all) / (share * (1.0 - share) * squares).sqrt());
    Ok(HiddenBias {
        gamma,
        p_upper: tail(gamma / (1.0 + gamma)),
        p_lower: tail(1.0 / (1.0 + gamma)),
        p_upper_normal: None,
    })
}

/// The factor at which the upper bound of the signed rank test reaches `level`, which lies strictly
/// between 0 and 1. Undefined as [`signed_rank_bounds`] and [`largest_sign_bias`] are.
pub fn largest_signed_rank_bias(pairs: &[(f64, f64)], level: f64) -> Estimate {
    largest_bias(level, |gamma| Ok(signed_rank_bounds(pairs, gamma)?.p_upper))
}

/// The bound rises with the factor, so that there is one root.
fn largest_bias(level: f64, p_upper: impl Fn(f64) -> Estimate) -> Estimate {
    if !(level > 0.0 && level < 1.0) {
        return Err(NotEstimable::NotDefined);
    }
    if p_upper(1.0)? > level {
        return Err(NotEstimable::NotReached);
    }
    if p_upper(LARGEST_GAMMA)? < level {
        return Err(NotEstimable::TooLarge);
    }
    let at = |ln_gamma: f64| {
        let gamma = exp(ln_gamma).clamp(1.0, LARGEST_GAMMA);
        p_upper(gamma).unwrap_or(1.0).max(f64::MIN_POSITIVE)
    };
    let ln_gamma = rising_root(0.0, |ln_gamma| {
        let p = at(ln_gamma);
        // The slope only guides the steps; the bracket keeps them.
        let slope = ln(at(ln_gamma + DIFFERENCE) / p) / DIFFERENCE;
        (ln(p / level), slope.max(f64::MIN_POSITIVE))
    });
    Ok(exp(ln_gamma))
}

/// No study speaks of more; the bounds are still numbers there.
const LARGEST_GAMMA: f64 = 1e6;

/// Step of a difference quotient on the scale of the logarithm.
const DIFFERENCE: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    /// 9 of 11 pairs: C(11,9) + C(11,10) + C(11,11) = 67 of 2048. With Γ = 2 a success has two of
    /// three: 55 · 2⁹ + 11 · 2¹⁰ + 2¹¹ of 3¹¹.
    #[test]
    fn few_pairs_by_hand() {
        let bounds = sign_bounds(9, 11, 1.0).unwrap();
        assert!((bounds.p_upper - 67.0 / 2048.0).abs() < 1e-15);
        assert_eq!(bounds.p_upper, bounds.p_lower);
        let bounds = sign_bounds(9, 11, 2.0).unwrap();
        assert!((bounds.p_upper - 41_472.0 / 177_147.0).abs() < 1e-15);
    }

    #[test]
    fn the_root_has_the_level() {
        let gamma = largest_sign_bias(110, 122, 0.05).unwrap();
        assert!((sign_bounds(110, 122, gamma).unwrap().p_upper - 0.05).abs() < 1e-13);
        assert_eq!(largest_sign_bias(9, 11, 0.025), Err(NotEstimable::NotReached));
    }

    #[test]
    fn without_pairs_that_differ_there_is_no_bound() {
        assert_eq!(sign_bounds(0, 0, 2.0), Err(NotEstimable::NoEvents));
        assert_eq!(sign_bounds(3, 5, 0.5), Err(NotEstimable::NotDefined));
        assert_eq!(signed_rank_bounds(&[(1.0, 1.0)], 2.0), Err(NotEstimable::AllValuesEqual));
    }
}
