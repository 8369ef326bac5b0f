//! How well a score tells those with the outcome from those without it.

use cohort::{Estimate, Interval, NotEstimable};
use numerics::rank::midranks;
use numerics::sum::{sum, variance};
use numerics::tails::two_sided_multiplier;

/// The c-statistic, or area under the ROC curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discrimination {
    /// Chance that a subject with the outcome has a higher score than one without it; ties count one
    /// half.
    pub c_statistic: Estimate,
    /// Its standard error.
    pub standard_error: Estimate,
    /// Its limits, kept within 0 and 1.
    pub interval: Interval,
}

/// The chance that a subject with the outcome has a higher score than one without it.
///
/// ```text
/// c = (R1 - n1 (n1 + 1) / 2) / (n1 n0)
/// ```
///
/// `R1` is the sum of the midranks of those with the outcome, so that ties count one half. Hanley
/// and McNeil (1982), Radiology 143:29-36. `NoSubjects` when either side is empty.
pub fn c_statistic(outcome: &[bool], score: &[f64]) -> Estimate {
    let ranks = midranks(score).ranks;
    let with_outcome = || ranks.iter().zip(outcome).filter(|(_, outcome)| **outcome);
    let n1 = with_outcome().count() as f64;
    let n0 = outcome.len() as f64 - n1;
    if n1 == 0.0 || n0 == 0.0 {
        return Err(NotEstimable::NoSubjects);
    }
    let rank_sum = sum(with_outcome().map(|(rank, _)| *rank));
    Ok((rank_sum - n1 * (n1 + 1.0) / 2.0) / (n1 * n0))
}

/// The c-statistic with its standard error and limits.
///
/// ```text
/// var(c) = S1 / n1 + S0 / n0
/// ```
///
/// `S1` is the variance (denominator `n1 - 1`) over the subjects with the outcome of the share of the
/// others whom each of them exceeds, `S0` that over the others of the share by whom each of them is
/// exceeded. DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837-845; from ranks as by Sun
/// and Xu (2014), IEEE Signal Process. Lett. 21:1389-1393. Same as `pROC::ci.auc(method = "delong")`
/// in R with the direction that is given. There is no variance (`VarianceUndefined`) when the score
/// tells all of them apart, and none (`TooFewValues`) with a single subject on either side.
#[must_use]
pub fn discrimination(outcome: &[bool], score: &[f64], confidence: f64) -> Discrimination {
    let c_statistic = c_statistic(outcome, score);
    let standard_error = c_statistic.and_then(|_| standard_error(outcome, score));
    let multiplier = two_sided_multiplier(confidence);
    let limit = |multiplier: f64| Ok((c_statistic? + multiplier * standard_error?).clamp(0.0, 1.0));
    let interval = Interval { lower: limit(-multiplier), upper: limit(multiplier) };
    Discrimination { c_statistic, standard_error, interval }
}

fn standard_error(outcome: &[bool], score: &[f64]) -> Estimate {
    let ranks = midranks(score).ranks;
    let mean_variance = |kind: bool| -> Estimate {
        let of_kind: Vec<usize> = (0..outcome.len()).filter(|&i| outcome[i] == kind).collect();
        let scores: Vec<f64> = of_kind.iter().map(|&i| score[i]).collect();
        let within = midranks(&scores).ranks;
        let n_others = (outcome.len() - of_kind.len()) as f64;
        let exceeds = |(&i, within): (&usize, f64)| (ranks[i] - within) / n_others;
        let shares: Vec<f64> = of_kind.iter().zip(within).map(exceeds).collect();
        let variance = variance(&shares).ok_or(NotEstimable::TooFewValues)?;
        Ok(variance / shares.len() as f64)
    };
    let variance = mean_variance(true)? + mean_variance(false)?;
    if variance > 0.0 { Ok(variance.sqrt()) } else { Err(NotEstimable::VarianceUndefined) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_statistic_counts_pairs() {
        // Of four pairs two are right, one is tied, one is wrong.
        let outcome = [true, true, false, false];
        assert_eq!(c_statistic(&outcome, &[0.9, 0.3, 0.3, 0.5]), Ok(2.5 / 4.0));
        assert_eq!(c_statistic(&[true], &[0.9]), Err(NotEstimable::NoSubjects));
    }

    /// Of the two with the outcome one exceeds both others, one is tied with the first and below the
    /// second: shares 1 and 1/4 with variance 9/32. The others are exceeded by 3/4 and 1/2 of those
    /// with the outcome, with variance 1/32. So var(c) = 9/64 + 1/64.
    #[test]
    fn the_standard_error_is_that_of_delong() {
        let outcome = [true, true, false, false];
        let found = discrimination(&outcome, &[0.9, 0.3, 0.3, 0.5], 0.95);
        let error = (10.0f64 / 64.0).sqrt();
        assert!((found.standard_error.unwrap() - error).abs() < 1e-15);
        let lower = 0.625 - 1.959_963_984_540_054 * error;
        assert_eq!(found.interval.lower, Ok(lower.max(0.0)));
        assert_eq!(found.interval.upper, Ok(1.0));
    }

    #[test]
    fn what_is_told_apart_has_no_variance() {
        let apart = discrimination(&[true, true, false, false], &[4.0, 3.0, 2.0, 1.0], 0.95);
        assert_eq!(apart.c_statistic, Ok(1.0));
        assert_eq!(apart.standard_error, Err(NotEstimable::VarianceUndefined));
        let one = discrimination(&[true, false, false], &[4.0, 5.0, 2.0], 0.95);
        assert_eq!(one.standard_error, Err(NotEstimable::TooFewValues));
    }
}
