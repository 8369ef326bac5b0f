//! Mean time lost to a cause up to a horizon.

use super::influence::{AreaInfluence, Influence, Steps};
use super::query::TimeLost;
use super::table::CauseTable;
use crate::Confidence;
use cohort::{Interval, NotEstimable};
use numerics::sum::Sum;

/// Estimates the mean time lost to `cause` up to each of `horizons`, which are finite and not
/// negative.
///
/// ```text
/// mean = ∫ F_k(t) dt    from 0 to tau
/// ```
///
/// The standard error is that of the infinitesimal jackknife. The times lost to all causes and the
/// restricted mean of the event-free time add up to tau. Beyond the last observation there is no
/// mean unless nobody is event-free; R carries the curve on instead.
///
/// Andersen (2013), Stat. Med. 32:5278-5285. Same as `print(fit, rmean = tau)` for a fit of `survfit`
/// with several states and `influence = TRUE` in R.
pub(super) fn time_lost(
    table: &CauseTable,
    cause: usize,
    horizons: &[f64],
    confidence: Confidence,
) -> Vec<TimeLost> {
    if horizons.is_empty() {
        return Vec::new();
    }
    let steps = Steps::of(table);
    let influence = Influence::new(table, &steps, cause);
    let lost = |&tau: &f64| match table.times().last() {
        None => none(tau, NotEstimable::NoSubjects),
        Some(&last) if tau > last && steps.event_free.last() > Some(&0.0) => {
            none(tau, NotEstimable::BeyondFollowUp)
        }
        Some(_) => {
            let mean = area(table.times(), &steps.incidence[cause], tau);
            // Before the first event of the cause rounding would leave a little of nothing.
            let variance =
                if mean > 0.0 { AreaInfluence::new(&influence, tau).variance() } else { 0.0 };
            let standard_error = variance.sqrt();
            let distance = confidence.multiplier() * standard_error;
            TimeLost {
                tau,
                mean: Ok(mean),
                standard_error: Ok(standard_error),
                interval: Interval { lower: Ok(mean - distance), upper: Ok(mean + distance) },
            }
        }
    };
    horizons.iter().map(lost).collect()
}

fn none(tau: f64, reason: NotEstimable) -> TimeLost {
    let interval = Interval::none(reason);
    TimeLost { tau, mean: Err(reason), standard_error: Err(reason), interval }
}

fn area(times: &[f64], heights: &[f64], tau: f64) -> f64 {
    let n_rows = times.partition_point(|&time| time <= tau);
    let ends = times[..n_rows].iter().skip(1).chain([&tau]);
    let widths = times[..n_rows].iter().zip(ends).map(|(start, end)| end - start);
    widths.zip(heights).map(|(width, height)| width * height).collect::<Sum>().value()
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{table, tallied};
    use super::*;
    use cohort::Endpoint;

    fn lost(table: &CauseTable, cause: usize, tau: f64) -> TimeLost {
        time_lost(table, cause, &[tau], Confidence::new(0.95).unwrap())[0].clone()
    }

    /// Two subjects: cause 1 at 1, cause 2 at 3. F1 is 1/2 from 1 on; each subject moves it by 1/4
    /// in either direction, and so the area up to 3 by 1/2.
    #[test]
    fn two_subjects_by_hand() {
        let table = table(&[1.0, 3.0], &[1, 2], 2);
        let first = lost(&table, 0, 3.0);
        assert_eq!((first.mean, first.standard_error), (Ok(1.0), Ok(0.5f64.sqrt())));
        assert_eq!(lost(&table, 1, 3.0).mean, Ok(0.0));
        assert_eq!(lost(&table, 1, 4.0).mean, Ok(0.5));
        assert_eq!(lost(&table, 0, 0.5).mean, Ok(0.0));
        assert_eq!(lost(&table, 0, 0.5).standard_error, Ok(0.0));
    }

    /// `print(survfit(Surv(time, factor(code)) ~ 1, influence = TRUE), rmean = 7.5)` in R.
    #[test]
    fn ties_and_censoring_agree_with_r() {
        let time =
            [1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 5.0, 5.0, 6.0, 6.0, 7.0, 8.0, 8.0, 9.0, 10.0];
        let codes = [1, 2, 1, 0, 1, 1, 2, 1, 2, 0, 1, 2, 1, 1, 0, 1];
        let table = table(&time, &codes, 2);
        for (cause, mean, error) in
            [(0, 1.5875, 0.568_669_293_724_393), (1, 0.7975, 0.406_974_450_211_558)]
        {
            let lost = lost(&table, cause, 7.5);
            assert!((lost.mean.unwrap() - mean).abs() < 1e-14);
            assert!((lost.standard_error.unwrap() - error).abs() < 1e-14);
        }
    }

    /// Against the derivative by differences: the area with one subject counted 1 + h times.
    #[test]
    fn late_entry_agrees_with_differences() {
        let entry = [0.0, 0.0, 1.0, 0.5, 2.0, 3.0, 2.5];
        let time = [1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 3.0];
        let codes = [1, 2, 1, 0, 1, 2, 2];
        const COPIES: usize = 4000;
        let counted = |more: Option<usize>| {
            let repeats = |at: usize| COPIES + usize::from(more == Some(at));
            let all: Vec<usize> = (0..codes.len()).flat_map(|at| vec![at; repeats(at)]).collect();
            let of = |values: &[f64]| all.iter().map(|&at| values[at]).collect::<Vec<_>>();
            let event = all.iter().map(|&at| codes[at] > 0).collect();
            let endpoint = Endpoint::with_entry(of(&entry), of(&time), event).unwrap();
            let codes: Vec<u32> = all.iter().map(|&at| codes[at]).collect();
            lost(&tallied(&endpoint, &codes, 2), 0, 4.5)
        };
        let base = counted(None).mean.unwrap();
        let derivative = |at| (counted(Some(at)).mean.unwrap() - base) * COPIES as f64;
        let squares: f64 = (0..codes.len()).map(|at| derivative(at) * derivative(at)).sum();
        let event = codes.iter().map(|&code| code > 0).collect();
        let endpoint = Endpoint::with_entry(entry.to_vec(), time.to_vec(), event).unwrap();
        let standard_error = lost(&tallied(&endpoint, &codes, 2), 0, 4.5).standard_error.unwrap();
        assert!((standard_error - squares.sqrt()).abs() < 1e-3 * standard_error);
    }

    #[test]
    fn beyond_the_last_observation_only_a_finished_curve_has_a_mean() {
        let open = table(&[1.0, 3.0], &[1, 0], 1);
        assert_eq!(lost(&open, 0, 3.0).mean, Ok(1.0));
        assert_eq!(lost(&open, 0, 3.1).mean, Err(NotEstimable::BeyondFollowUp));
        assert_eq!(lost(&table(&[1.0], &[1], 1), 0, 3.0).mean, Ok(2.0));
        assert_eq!(lost(&table(&[], &[], 1), 0, 3.0).mean, Err(NotEstimable::NoSubjects));
    }
}
