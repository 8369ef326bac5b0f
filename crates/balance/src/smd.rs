//! Standardised mean differences.

use crate::summary::Moments;
use cohort::{Estimate, NotEstimable};
use nalgebra::{DMatrix, DVector};

/// Standardised difference of two means.
///
/// ```text
/// d = (m₁ - m₀) / √((s₁² + s₀²)/2)
/// ```
///
/// The means are those of `exposed` and `comparators`, the variances (n - 1) those of the two
/// `reference` arms, exposed first: for a matched sample the unmatched data, so that the scale
/// does not move with the sample; or the sample itself.
///
/// Equal means differ by 0 whatever the spread; different ones without spread are infinitely
/// apart: [`NotEstimable::NoVariation`]. An arm of fewer than two reference values has no variance.
/// Austin (2009), Stat. Med. 28:3083-3107.
pub fn numeric_smd(exposed: &[f64], comparators: &[f64], reference: (&[f64], &[f64])) -> Estimate {
    let mean = |values| Moments::of(values).map(|m| m.mean).ok_or(NotEstimable::NoSubjects);
    let variance =
        |values| Moments::of(values).map_or(Err(NotEstimable::TooFewValues), |m| m.variance);
    let difference = mean(exposed)? - mean(comparators)?;
    let (s1, s0) = (variance(reference.0)?, variance(reference.1)?);
    standardised(difference, (s1 + s0) / 2.0)
}

/// Standardised difference of two distributions over categories, from the counts of each level.
///
/// ```text
/// two levels:   d = (p₁ - p₀) / √((p₁(1 - p₁) + p₀(1 - p₀))/2)    p = share of the second level
/// k levels:     d = √(t' S⁻¹ t)
/// ```
///
/// `t` holds the differences of the shares of all levels but the first, `S` the mean of the two
/// multinomial covariance matrices. The shares in `t` are those of `exposed` and `comparators`, the
/// variances and `S` those of the two `reference` arms, exposed first. Levels that occur in nobody
/// do not count; the sign, which only two levels have, is that of the second level that occurs.
///
/// Equal shares differ by 0; without spread, or where the arms share no level, the difference is
/// infinite: [`NotEstimable::NoVariation`]. Beyond 500 levels `S` is too large to invert. Yang and Dalton (2012), SAS Global Forum, paper 335;
/// same as `tableone::ExtractSmd` in R but for the sign.
pub fn categorical_smd(
    exposed: &[usize],
    comparators: &[usize],
    reference: (&[usize], &[usize]),
) -> Estimate {
    let occurs = |level: &usize| {
        [exposed, comparators, reference.0, reference.1].iter().any(|arm| arm[*level] > 0)
    };
    let levels: Vec<usize> = (0..exposed.len()).filter(occurs).collect();
    let (p1, p0) = (shares(exposed, &levels)?, shares(comparators, &levels)?);
    let (q1, q0) = (shares(reference.0, &levels)?, shares(reference.1, &levels)?);
    let difference: Vec<f64> = p1.iter().zip(&p0).map(|(p1, p0)| p1 - p0).collect();
    if difference.iter().all(|&difference| difference == 0.0) {
        return Ok(0.0);
    }
    if let [_, difference] = difference[..] {
        let variance = |q: &[f64]| q[0] * q[1];
        return standardised(difference, (variance(&q1) + variance(&q0)) / 2.0);
    }
    mahalanobis(&difference, &q1, &q0)
}

/// Share of each of the levels in an arm.
fn shares(counts: &[usize], levels: &[usize]) -> Estimate<Vec<f64>> {
    match counts.iter().sum::<usize>() {
        0 => Err(NotEstimable::NoSubjects),
        n => Ok(levels.iter().map(|&level| counts[level] as f64 / n as f64).collect()),
    }
}

fn standardised(difference: f64, variance: f64) -> Estimate {
    let smd = difference / variance.sqrt();
    if difference == 0.0 {
        Ok(0.0)
    } else if smd.is_finite() {
        Ok(smd)
    } else {
        Err(NotEstimable::NoVariation)
    }
}

/// Most levels of a category. The work grows with their cube; a column with more is no category.
const MOST_LEVELS: usize = 500;

/// `√(t' S⁻¹ t)` over the levels that occur in the reference arms, all but the first of them.
fn mahalanobis(difference: &[f64], q1: &[f64], q0: &[f64]) -> Estimate {
    let occurs = |&level: &usize| q1[level] > 0.0 || q0[level] > 0.0;
    let (within, outside): (Vec<usize>, Vec<usize>) = (0..difference.len()).partition(occurs);
    // S is singular when the arms share no level; rounding must not hide it.
    let share_a_level = within.iter().any(|&level| q1[level] > 0.0 && q0[level] > 0.0);
    if !share_a_level || outside.iter().any(|&level| difference[level] != 0.0) {
        return Err(NotEstimable::NoVariation);
    }
    let levels = &within[1..];
    if levels.len() >= MOST_LEVELS {
        return Err(NotEstimable::TooLarge);
    }
    let covariance = |q: &[f64], a: usize, b: usize| {
        if a == b { q[a] * (1.0 - q[a]) } else { -q[a] * q[b] }
    };
    let s = DMatrix::from_fn(levels.len(), levels.len(), |row, column| {
        let (a, b) = (levels[row], levels[column]);
        (covariance(q1, a, b) + covariance(q0, a, b)) / 2.0
    });
    let t = DVector::from_iterator(levels.len(), levels.iter().map(|&level| difference[level]));
    let root = s.cholesky().ok_or(NotEstimable::NoVariation)?;
    Ok(t.dot(&root.solve(&t)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(exposed: &[usize], comparators: &[usize]) -> Estimate {
        categorical_smd(exposed, comparators, (exposed, comparators))
    }

    /// Means 2 and 4, both variances 1.
    #[test]
    fn the_difference_is_in_standard_deviations() {
        let (exposed, comparators) = ([1.0, 2.0, 3.0], [3.0, 4.0, 5.0]);
        assert_eq!(numeric_smd(&exposed, &comparators, (&exposed, &comparators)), Ok(-2.0));
        let wide = [0.0, 10.0, 20.0];
        assert_eq!(numeric_smd(&exposed, &comparators, (&wide, &wide)), Ok(-0.2));
    }

    #[test]
    fn without_spread_only_equal_means_have_a_difference() {
        let smd = |x1: &[f64], x0: &[f64]| numeric_smd(x1, x0, (x1, x0));
        assert_eq!(smd(&[1.0; 3], &[2.0; 2]), Err(NotEstimable::NoVariation));
        assert_eq!(smd(&[0.1; 3], &[0.1; 7]), Ok(0.0));
        assert_eq!(smd(&[1.0], &[1.0, 2.0]), Err(NotEstimable::TooFewValues));
    }

    /// Shares 3/4 and 1/4 of the second level: 0.5 / √(3/16).
    #[test]
    fn two_levels_have_the_sign_of_the_second() {
        let smd = own(&[1, 3], &[3, 1]).unwrap();
        assert!((smd - 2.0 / 3f64.sqrt()).abs() < 1e-15);
        assert_eq!(own(&[3, 1], &[1, 3]), Ok(-smd));
        assert_eq!(own(&[1, 0, 3], &[3, 0, 1]), Ok(smd));
    }

    /// Equal shares against (1/2, 1/2, 0): t = (1/3 - 1/2, 1/3), S inverted by Cramer's rule.
    #[test]
    fn three_levels_have_a_distance() {
        let smd = own(&[2, 2, 2], &[3, 3, 0]).unwrap();
        // S = mean of ((2/9, -1/9), (-1/9, 2/9)) and ((1/4, 0), (0, 0)).
        let (a, b, c) = (17.0 / 72.0, -1.0 / 18.0, 1.0 / 9.0);
        let (t1, t2) = (-1.0 / 6.0, 1.0 / 3.0);
        let square = (c * t1 * t1 - 2.0 * b * t1 * t2 + a * t2 * t2) / (a * c - b * b);
        assert!((smd - f64::sqrt(square)).abs() < 1e-14);
        assert_eq!(own(&[2, 2, 2], &[3, 3, 3]), Ok(0.0));
    }

    #[test]
    fn endless_levels_have_no_distance() {
        let (exposed, comparators) = (vec![1; 501], [vec![2], vec![1; 500]].concat());
        assert_eq!(own(&exposed, &comparators), Err(NotEstimable::TooLarge));
        assert!(own(&exposed[1..], &comparators[..500]).is_ok());
    }

    #[test]
    fn arms_without_a_common_level_are_infinitely_apart() {
        assert_eq!(own(&[5, 0], &[0, 5]), Err(NotEstimable::NoVariation));
        assert_eq!(own(&[5, 1, 0], &[0, 0, 5]), Err(NotEstimable::NoVariation));
        let constant = categorical_smd(&[1, 1, 1], &[2, 1, 1], (&[1, 1, 0], &[1, 2, 0]));
        assert_eq!(constant, Err(NotEstimable::NoVariation));
        assert_eq!(own(&[5], &[3]), Ok(0.0));
    }

    #[test]
    fn a_level_that_is_lost_by_matching_keeps_the_reference_scale() {
        let smd = categorical_smd(&[2, 2, 0], &[1, 3, 0], (&[4, 4, 4], &[4, 4, 4])).unwrap();
        // S = ((2/9, -1/9), (-1/9, 2/9)), t = (-1/4, 0): t'S⁻¹t = (1/16)(2/9)/(1/27) = 3/8.
        assert!((smd - 0.375f64.sqrt()).abs() < 1e-14);
    }
}
