//! The product-limit estimate.

use crate::interval::limits;
use crate::{Confidence, IntervalRule, RiskTable, SurvivalCurve};
use cohort::NotEstimable;
use numerics::sum::Sum;

/// Estimates the survival function of everyone in the table, its groups taken together.
///
/// ```text
/// S(t)  = Π (1 - d_j / n_j)                        over the event times t_j <= t
/// SE(t) = S(t) √ Σ d_j / (n_j (n_j - d_j))         (Greenwood)
/// ```
///
/// `d_j` counts the events at `t_j`, `n_j` the risk set just before it. A subject censored at `t_j`
/// belongs to that risk set. Once the curve is 0 it stays there, and its standard error and limits
/// do not exist; with late entry this can happen long before the last time. An empty table gives an
/// empty curve.
///
/// Kaplan and Meier (1958), J. Am. Stat. Assoc. 53:457-481; Greenwood (1926), Rep. Public Health
/// Med. Subj. 33:1-26. Same estimate as `survfit(Surv(time, event) ~ 1)` in R.
#[must_use]
pub fn kaplan_meier(
    table: &RiskTable,
    rule: IntervalRule,
    confidence: Confidence,
) -> SurvivalCurve {
    let z = confidence.multiplier();
    let mut curve = with_room_for(table.len());
    let (mut survival, mut greenwood, mut log_error) = (1.0, Sum::default(), 0.0);
    let mut interval = limits(rule, survival, log_error, z);
    for row in table.rows() {
        let (n, d) = (row.n_at_risk() as f64, row.n_events() as f64);
        if d > 0.0 {
            survival *= (n - d) / n;
            if d < n {
                greenwood += d / (n * (n - d));
            }
            log_error = greenwood.value().sqrt();
            interval = limits(rule, survival, log_error, z);
        }
        let standard_error = survival * log_error;
        let is_defined = survival > 0.0;
        curve.time.push(row.time);
        curve.n_at_risk.push(row.n_at_risk());
        curve.n_events.push(row.n_events());
        curve.n_censored.push(row.n_censored());
        curve.survival.push(survival);
        curve
            .standard_error
            .push(is_defined.then_some(standard_error).ok_or(NotEstimable::VarianceUndefined));
        curve.interval.push(interval);
    }
    curve
}

/// An empty curve that need not grow while times are added to it.
fn with_room_for(n_times: usize) -> SurvivalCurve {
    SurvivalCurve {
        time: Vec::with_capacity(n_times),
        n_at_risk: Vec::with_capacity(n_times),
        n_events: Vec::with_capacity(n_times),
        n_censored: Vec::with_capacity(n_times),
        survival: Vec::with_capacity(n_times),
        standard_error: Vec::with_capacity(n_times),
        interval: Vec::with_capacity(n_times),
        ..SurvivalCurve::default()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use cohort::{Endpoint, RiskOrder};

    /// Curve of one group; limits by the log rule with a confidence of 0.95.
    pub(crate) fn curve_of(endpoint: &Endpoint) -> SurvivalCurve {
        let codes = vec![0; endpoint.len()];
        let order = RiskOrder::new(endpoint, &codes);
        let table = RiskTable::tally(endpoint, &order, order.groups(), &codes, 1);
        kaplan_meier(&table, IntervalRule::Log, Confidence::new(0.95).unwrap())
    }

    /// Weeks to discontinuation of an intrauterine device, 18 women, `true` = discontinued
    /// (Collett 2015, Modelling Survival Data in Medical Research, example 1.1).
    pub(crate) fn women() -> Endpoint {
        let weeks = [10, 13, 18, 19, 23, 30, 36, 38, 54, 56, 59, 75, 93, 97, 104, 107, 107, 107];
        let stopped = [10, 19, 30, 36, 59, 75, 93, 97];
        let mut event: Vec<bool> = weeks.iter().map(|week| stopped.contains(week)).collect();
        event[15] = true;
        Endpoint::new(weeks.iter().map(|&week| f64::from(week)).collect(), event).unwrap()
    }

    /// Four subjects, two deaths at 1 and one at 3: S = 1/2 with SE 1/4, then 0.
    #[test]
    fn four_subjects_by_hand() {
        let event = vec![true, true, false, true];
        let curve = curve_of(&Endpoint::new(vec![1.0, 1.0, 2.0, 3.0], event).unwrap());
        assert_eq!(curve.time, [1.0, 2.0, 3.0]);
        assert_eq!(curve.n_at_risk, [4, 2, 1]);
        assert_eq!(curve.survival, [0.5, 0.5, 0.0]);
        assert_eq!(curve.standard_error[..2], [Ok(0.25), Ok(0.25)]);
        assert_eq!(curve.standard_error[2], Err(NotEstimable::VarianceUndefined));
        assert_eq!(curve.interval[2].upper, Err(NotEstimable::VarianceUndefined));
    }

    /// The textbook has S(75) = 0.5594, S(97) = 0.3729.
    #[test]
    fn discontinuation_of_an_intrauterine_device() {
        let curve = curve_of(&women());
        let at = |week: f64| curve.survival[curve.time.iter().position(|&t| t == week).unwrap()];
        assert!((at(75.0) - 0.5594).abs() < 5e-5);
        assert!((at(97.0) - 0.3729).abs() < 5e-5);
    }

    /// The only subject at risk dies at 1; whoever enters later cannot raise the curve again.
    #[test]
    fn a_curve_that_is_0_stays_there() {
        let (entry, time) = (vec![0.0, 2.0, 2.0], vec![1.0, 3.0, 4.0]);
        let curve = curve_of(&Endpoint::with_entry(entry, time, vec![true; 3]).unwrap());
        assert_eq!(curve.survival, [0.0; 3]);
        assert_eq!(curve.n_at_risk, [1, 2, 1]);
    }
}
