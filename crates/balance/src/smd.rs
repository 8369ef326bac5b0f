//! Standardised mean differences.

use crate::summary::Moments;
use cohort::{Estimate, NotEstimable};
use nalgebra::{DMatrix, DVector};

/// Whose spread is the unit of a standardised difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unit {
    /// The mean of both variances.
    Pooled,
    /// The variance of the exposed.
    Exposed,
    /// The variance of the comparators.
    Comparators,
}

impl Unit {
    /// Of the variances, or covariances, of exposed and comparators.
    fn of(self, exposed: f64, comparators: f64) -> f64 {
        match self {
            Self::Pooled => (exposed + comparators) / 2.0,
            Self::Exposed => exposed,
            Self::Comparators => comparators,
        }
    }
}

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
    let of = |values: &[f64]| Moments::of(values);
    let means = (of(exposed), of(comparators));
    smd_of_moments(means, (of(reference.0), of(reference.1)), Unit::Pooled)
}

/// The same of moments that may be weighted, in any unit.
pub(crate) fn smd_of_moments(
    sample: (Option<Moments>, Option<Moments>),
    reference: (Option<Moments>, Option<Moments>),
    unit: Unit,
) -> Estimate {
    let mean = |moments: Option<Moments>| moments.map(|m| m.mean).ok_or(NotEstimable::NoSubjects);
    let variance = |moments: Option<Moments>| {
        moments.map_or(Err(NotEstimable::TooFewValues), |moments| moments.variance)
    };
    let difference = mean(sample.0)? - mean(sample.1)?;
    let variance = match unit {
        Unit::Pooled => unit.of(variance(reference.0)?, variance(reference.1)?),
        Unit::Exposed => variance(reference.0)?,
        Unit::Comparators => variance(reference.1)?,
    };
    standardised(difference, variance)
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
    let of = |counts: &[usize]| Shares::of(&counts.iter().map(|&n| n as f64).collect::<Vec<_>>());
    let reference = (&of(reference.0), &of(reference.1));
    smd_of_shares((&of(exposed), &of(comparators)), reference, Unit::Pooled)
}

/// Share of each level of an arm; an arm of nobody has none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shares(pub Vec<f64>);

impl Shares {
    /// From the count, or the sum of the weights, of each level.
    pub(crate) fn of(totals: &[f64]) -> Self {
        let all = numerics::sum::sum(totals.iter().copied());
        Self(if all > 0.0 { totals.iter().map(|total| total / all).collect() } else { Vec::new() })
    }

    /// As estimates, for `levels` levels.
    pub(crate) fn estimates(&self, levels: usize) -> Vec<Estimate> {
        let share = |level| self.0.get(level).copied().ok_or(NotEstimable::NoSubjects);
        (0..levels).map(share).collect()
    }

    /// One level against all others.
    pub(crate) fn only(&self, level: usize) -> Self {
        Self(self.0.get(level).map_or(Vec::new(), |share| vec![1.0 - share, *share]))
    }

    fn at(&self, levels: &[usize]) -> Estimate<Vec<f64>> {
        if self.0.is_empty() {
            return Err(NotEstimable::NoSubjects);
        }
        Ok(levels.iter().map(|&level| self.0[level]).collect())
    }
}

/// The same of shares that may be weighted, in any unit.
pub(crate) fn smd_of_shares(
    sample: (&Shares, &Shares),
    reference: (&Shares, &Shares),
    unit: Unit,
) -> Estimate {
    let arms = [sample.0, sample.1, reference.0, reference.1];
    let n_levels = arms.iter().map(|arm| arm.0.len()).max().unwrap_or(0);
    let occurs = |level: &usize| arms.iter().any(|arm| arm.0.get(*level).is_some_and(|&p| p > 0.0));
    let levels: Vec<usize> = (0..n_levels).filter(occurs).collect();
    let (p1, p0) = (sample.0.at(&levels)?, sample.1.at(&levels)?);
    let (q1, q0) = (reference.0.at(&levels)?, reference.1.at(&levels)?);
    let difference: Vec<f64> = p1.iter().zip(&p0).map(|(p1, p0)| p1 - p0).collect();
    if difference.iter().all(|&difference| difference == 0.0) {
        return Ok(0.0);
    }
    if let [_, difference] = difference[..] {
        let variance = |q: &[f64]| q[0] * q[1];
        return standardised(difference, unit.of(variance(&q1), variance(&q0)));
    }
    mahalanobis(&difference, &q1, &q0, unit)
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
fn mahalanobis(difference: &[f64], q1: &[f64], q0: &[f64], unit: Unit) -> Estimate {
    let occurs = |&level: &usize| unit.of(q1[level], q0[level]) > 0.0;
    let (within, outside): (Vec<usize>, Vec<usize>) = (0..difference.len()).partition(occurs);
    // S is singular when the arms share no level; rounding must not hide it.
    let is_shared = |&level: &usize| q1[level] > 0.0 && q0[level] > 0.0;
    let share_a_level = unit != Unit::Pooled || within.iter().any(is_shared);
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
        unit.of(covariance(q1, a, b), covariance(q0, a, b))
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
