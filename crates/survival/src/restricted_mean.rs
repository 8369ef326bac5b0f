//! Mean survival time up to a horizon.

use crate::jackknife::Jackknife;
use crate::robust::RobustCurve;
use crate::{Confidence, RestrictedMean, SurvivalCurve, Variance};
use cohort::{Estimate, Interval, NotEstimable};
use numerics::sum::Sum;

/// Estimates the mean of the survival time cut at `tau`, which is finite and not negative.
///
/// ```text
/// mean = ∫ S(t) dt                                 from 0 to tau
/// SE²  = Σ A(t_j)² d_j / (n_j (n_j - d_j))         over the event times t_j <= tau
/// ```
///
/// `A(t_j)` is the area under the curve from `t_j` to `tau`; the term of a risk set in which
/// everybody has the event is 0, and there is no small-sample factor. Beyond the last observation
/// there is no mean unless the curve has reached 0; R carries the curve on instead.
///
/// The standard error of a curve with a robust variance rests on its subjects, whom the curve does
/// not hold: it is undefined here, and that of [`crate::curves`] is the one of the infinitesimal
/// jackknife.
///
/// Irwin (1949), J. Hyg. 47:188-189; Klein and Moeschberger (2003), Survival Analysis, section 4.5.
/// Same as `print(fit, rmean = tau)` for a fit of `survfit` in R.
#[must_use]
pub fn restricted_mean(curve: &SurvivalCurve, tau: f64, confidence: Confidence) -> RestrictedMean {
    restricted_mean_of(curve, None, tau, confidence)
}

/// The same for a curve beside its subjects, who give it a robust standard error.
pub(crate) fn restricted_mean_of(
    curve: &SurvivalCurve,
    jackknife: Option<&Jackknife>,
    tau: f64,
    confidence: Confidence,
) -> RestrictedMean {
    let none = |reason| RestrictedMean {
        tau,
        mean: Err(reason),
        standard_error: Err(reason),
        interval: Interval::none(reason),
        caveats: Vec::new(),
    };
    match (curve.time.last(), curve.survival.last()) {
        (Some(&last), Some(&survival)) if tau > last && survival > 0.0 => {
            return none(NotEstimable::BeyondFollowUp);
        }
        (Some(_), _) => {}
        (None, _) => return none(NotEstimable::NoSubjects),
    }
    restricted_mean_carried_forward(curve, jackknife, tau, confidence)
}

/// The same for a curve that holds a subject, with its last value carried forward to `tau` where it
/// ends before, as R has it.
pub(crate) fn restricted_mean_carried_forward(
    curve: &SurvivalCurve,
    jackknife: Option<&Jackknife>,
    tau: f64,
    confidence: Confidence,
) -> RestrictedMean {
    let (mean, greenwood) = area(curve, tau);
    let standard_error: Estimate = match (curve.variance, jackknife) {
        (Variance::Greenwood, _) => Ok(greenwood),
        (Variance::InfinitesimalJackknife, Some(jackknife)) => {
            let influence = RobustCurve { curve, jackknife }.on_restricted_mean(tau);
            influence.variance().map(f64::sqrt)
        }
        (Variance::InfinitesimalJackknife, None) => Err(NotEstimable::VarianceUndefined),
    };
    let limit = |side: f64| Ok(mean + side * confidence.multiplier() * standard_error?);
    RestrictedMean {
        tau,
        mean: Ok(mean),
        standard_error,
        interval: Interval { lower: limit(-1.0), upper: limit(1.0) },
        caveats: Vec::new(),
    }
}

/// Area under the curve up to `tau` and its standard error, summed from the right so that the area
/// to the right of each event is at hand.
fn area(curve: &SurvivalCurve, tau: f64) -> (f64, f64) {
    let (mut area, mut variance, mut end) = (Sum::default(), Sum::default(), tau);
    for row in (0..curve.time.partition_point(|&time| time <= tau)).rev() {
        area += curve.survival[row] * (end - curve.time[row]);
        end = curve.time[row];
        let (n, d) = (curve.n_at_risk[row] as f64, curve.n_events[row] as f64);
        if 0.0 < d && d < n {
            variance += area.value() * area.value() * d / (n * (n - d));
        }
    }
    area += end;
    (area.value(), variance.value().sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kaplan_meier::tests::curve_of;
    use cohort::Endpoint;

    fn mean_of(event: [bool; 2], tau: f64) -> RestrictedMean {
        let curve = curve_of(&Endpoint::new(vec![1.0, 3.0], event.to_vec()).unwrap());
        restricted_mean(&curve, tau, Confidence::new(0.95).unwrap())
    }

    /// Area 1 up to the death at 1, then 1/2 a unit; variance (1/2)² · 1/2.
    #[test]
    fn two_subjects_by_hand() {
        let mean = mean_of([true, false], 2.0);
        assert_eq!(mean.mean, Ok(1.5));
        assert_eq!(mean.standard_error, Ok(0.125f64.sqrt()));
        assert_eq!(mean_of([true, false], 0.5).mean, Ok(0.5));
    }

    #[test]
    fn beyond_the_last_observation_only_a_finished_curve_has_a_mean() {
        assert_eq!(mean_of([true, false], 3.0).mean, Ok(2.0));
        assert_eq!(mean_of([true, false], 3.1).mean, Err(NotEstimable::BeyondFollowUp));
        assert_eq!(mean_of([true, true], 9.0).mean, Ok(2.0));
    }
}
