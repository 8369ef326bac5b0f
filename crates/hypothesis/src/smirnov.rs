//! The two-sample test of Kolmogorov and Smirnov.

use cohort::{Estimate, NotEstimable};
use numerics::elementary::exp;
use numerics::sum::Sum;
use std::f64::consts::PI;

/// The largest distance of two distribution functions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smirnov {
    /// The distance, from 0 to 1.
    pub d: f64,
    /// Two-sided p-value.
    pub p_value: f64,
    /// Whether it was counted; else it is the limit for large groups.
    pub is_exact: bool,
}

/// Kolmogorov-Smirnov test of two groups.
///
/// ```text
/// D = max |F₁(x) - F₂(x)|
/// exact:  share of all orders of the groups, ties kept, with a distance of D or more
/// large:  2 Σ (-1)^(k-1) exp(-2 k² z²)    with z = D √(n₁n₂ / (n₁ + n₂))
/// ```
///
/// Exact where `n₁n₂` is below 10,000, as in R. Undefined for an empty group. Smirnov (1948), Ann.
/// Math. Stat. 19:279-281; Schröer and Trenkler (1995), Comput. Stat. Data Anal. 20:185-202. Same as
/// `ks.test(first, second)` in R from 4.2 on.
pub fn kolmogorov_smirnov(first: &[f64], second: &[f64]) -> Estimate<Smirnov> {
    if first.is_empty() || second.is_empty() {
        return Err(NotEstimable::NoSubjects);
    }
    let (n1, n2) = (first.len(), second.len());
    let ends = tie_ends(first, second);
    let apart = |&(i, j): &(usize, usize)| (i * n2).abs_diff(j * n1);
    // A whole number: nothing is lost when distances are compared.
    let distance = ends.iter().map(apart).max().unwrap_or(0);
    let (size1, size2) = (n1 as f64, n2 as f64);
    let d = distance as f64 / (size1 * size2);
    let is_exact = n1.saturating_mul(n2) < EXACT_BELOW;
    let p_value = if is_exact {
        share_of_orders(n1, n2, &ends, distance)
    } else {
        limit_tail(d * (size1 * size2 / (size1 + size2)).sqrt())
    };
    Ok(Smirnov { d, p_value, is_exact })
}

/// Below this product of the sizes R counts too.
const EXACT_BELOW: usize = 10_000;

/// How many of both groups lie at or below each distinct value, ascending.
fn tie_ends(first: &[f64], second: &[f64]) -> Vec<(usize, usize)> {
    let members =
        |values: &[f64], group| values.iter().map(move |&v| (v, group)).collect::<Vec<_>>();
    let mut pooled = members(first, false);
    pooled.extend(members(second, true));
    pooled.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (mut i, mut j) = (0, 0);
    let mut ends = Vec::new();
    // Zero and minus zero are one value, though total_cmp tells them apart.
    for tied in pooled.chunk_by(|(a, _), (b, _)| a == b) {
        let of_second = tied.iter().filter(|&&(_, second)| second).count();
        i += tied.len() - of_second;
        j += of_second;
        ends.push((i, j));
    }
    ends
}

/// Probability that a random order of the groups is `distance` apart at the end of some tie.
fn share_of_orders(n1: usize, n2: usize, ends: &[(usize, usize)], distance: usize) -> f64 {
    let mut is_end = vec![false; n1 + n2 + 1];
    ends.iter().for_each(|&(i, j)| is_end[i + j] = true);
    // Probability of each number of the first group among those seen, without having been far apart.
    let mut near = vec![0.0; n1 + 1];
    near[0] = 1.0;
    let mut far = Sum::default();
    for (seen, &is_end) in is_end.iter().enumerate().skip(1) {
        let left = (n1 + n2 - seen + 1) as f64;
        for i in (seen.saturating_sub(n2)..=seen.min(n1)).rev() {
            let j = seen - i;
            let from_first = if i > 0 { near[i - 1] * (n1 - i + 1) as f64 / left } else { 0.0 };
            let from_second = if j > 0 { near[i] * (n2 - j + 1) as f64 / left } else { 0.0 };
            near[i] = from_first + from_second;
            if is_end && (i * n2).abs_diff(j * n1) >= distance {
                far += near[i];
                near[i] = 0.0;
            }
        }
        // Those who have seen fewer of the first group than there must be by now are gone.
        if let Some(gone) = seen.checked_sub(n2 + 1) {
            near[gone] = 0.0;
        }
    }
    far.value().min(1.0)
}

/// Upper tail of the limiting distribution of Kolmogorov.
fn limit_tail(z: f64) -> f64 {
    if z < 1.0 {
        // The other form of the same function converges where z is small.
        let term = |k: f64| exp(-(2.0 * k - 1.0) * (2.0 * k - 1.0) * PI * PI / (8.0 * z * z));
        let below = [1.0, 2.0, 3.0, 4.0].map(term).iter().sum::<f64>();
        return if z > 0.0 { 1.0 - (2.0 * PI).sqrt() / z * below } else { 1.0 };
    }
    let term = |k: f64| exp(-2.0 * k * k * z * z);
    2.0 * (term(1.0) - term(2.0) + term(3.0) - term(4.0) + term(5.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Separate groups of 2 and 3 have D = 1; two of the ten orders are separate.
    #[test]
    fn small_groups_are_counted() {
        let outcome = kolmogorov_smirnov(&[1.0, 2.0], &[3.0, 4.0, 5.0]).unwrap();
        assert!(outcome.is_exact && outcome.d == 1.0);
        assert!((outcome.p_value - 0.2).abs() < 1e-15);
    }

    /// 1 | 1, 2: within the tie the order means nothing. Of {1, 1, 2} the single one is 1 twice, with
    /// D = 1/2, and 2 once, with D = 1.
    #[test]
    fn ties_are_kept() {
        let p = |single: f64, pair: [f64; 2]| kolmogorov_smirnov(&[single], &pair).unwrap().p_value;
        assert!((p(1.0, [1.0, 2.0]) - 1.0).abs() < 1e-15);
        assert!((p(2.0, [1.0, 1.0]) - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn both_forms_of_the_limit_meet() {
        assert!((limit_tail(1.0) - limit_tail(1.0 - 1e-12)).abs() < 1e-11);
        assert_eq!(kolmogorov_smirnov(&[], &[1.0]), Err(NotEstimable::NoSubjects));
    }
}
