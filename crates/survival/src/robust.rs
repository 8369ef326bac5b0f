//! Curves with a robust variance, and how the clusters move what is read off them.

use crate::interval::limits;
use crate::jackknife::{Influence, Jackknife, Moves};
use crate::{Confidence, IntervalRule, SurvivalCurve, Variance};
use cohort::Interval;

/// A curve beside its subjects; Greenwood's variance needs none of them.
#[derive(Clone, Copy)]
pub(crate) struct RobustCurve<'a> {
    pub(crate) curve: &'a SurvivalCurve,
    pub(crate) jackknife: &'a Jackknife,
}

impl SurvivalCurve {
    /// The curve with the variance of the infinitesimal jackknife over its subjects.
    ///
    /// ```text
    /// SE(t)² = S(t)² Σ I_c(t)²          over the clusters c, of one subject each without clusters
    /// I_c(t) = Σ w_i Σ x_ij             over the subjects i of c and the event times t_j <= t
    /// x_ij   = e_j / (n_j (n_j - e_j))  of a subject at risk, -1 / n_j of one with the event
    /// ```
    ///
    /// `e_j` is the weight of the events at `t_j`, `n_j` that of the risk set. Limits are those of
    /// the rule with `SE / S` as the standard error of the logarithm; there are none where the curve
    /// has reached 0 and nobody moves it any more. When everybody counts once and is a cluster of
    /// one, this is Greenwood's variance, but 0 rather than undefined where the curve is 0.
    ///
    /// Same as `survfit(Surv(time, event) ~ 1, weights = w, cluster = c, robust = TRUE)` in R.
    /// Therneau and Grambsch (2000), Modeling Survival Data, section 7.2.
    pub(crate) fn with_jackknife(
        mut self,
        jackknife: &Jackknife,
        rule: IntervalRule,
        confidence: Confidence,
    ) -> Self {
        let z = confidence.multiplier();
        let variances = jackknife.variances(&Moves::of_log_survival(&self));
        self.variance = Variance::InfinitesimalJackknife;
        let errors = self.survival.iter().zip(variances);
        self.standard_error =
            errors.map(|(survival, variance)| Ok(survival * variance?.sqrt())).collect();
        let limits = self.survival.iter().zip(&self.standard_error).map(|(&survival, error)| {
            error.map_or_else(Interval::none, |error| limits(rule, survival, error / survival, z))
        });
        self.interval = limits.collect();
        self
    }

    /// Area under the curve from each of its times up to `tau` to `tau`, the last value carried
    /// forward.
    fn areas(&self, tau: f64) -> Vec<f64> {
        let n_rows = self.time.partition_point(|&time| time <= tau);
        let mut areas = vec![0.0; n_rows];
        let (mut area, mut end) = (numerics::sum::Sum::default(), tau);
        for row in (0..n_rows).rev() {
            area += self.survival[row] * (end - self.time[row]);
            areas[row] = area.value();
            end = self.time[row];
        }
        areas
    }
}

impl RobustCurve<'_> {
    /// Influence on the survival after `n_rows` times of the curve.
    pub(crate) fn on_survival(self, n_rows: usize) -> Influence {
        let survival = n_rows.checked_sub(1).map_or(1.0, |row| self.curve.survival[row]);
        let moves = Moves::of_log_survival(self.curve).times(&vec![1.0; n_rows]);
        self.jackknife.influence(&moves).times(survival)
    }

    /// Influence on the restricted mean up to `tau`.
    ///
    /// ```text
    /// I_c = Σ w_i Σ A(t_j) x_ij      over the event times t_j <= tau
    /// ```
    ///
    /// with the moves `x_ij` of the logarithm of the curve and the area `A(t_j)` under the curve
    /// from `t_j` to `tau`: the integral of the influence on the curve, summed by parts.
    pub(crate) fn on_restricted_mean(self, tau: f64) -> Influence {
        let moves = Moves::of_log_survival(self.curve).times(&self.curve.areas(tau));
        self.jackknife.influence(&moves)
    }
}
