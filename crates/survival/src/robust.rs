//! Curves with a robust variance, and how the clusters move what is read off them.

use crate::interval::limits;
use crate::jackknife::{Influence, Jackknife, Move, moves_of_log_survival};
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
    /// has reached 0 and nobody moves it any more. When everybody counts once, is a cluster of one
    /// and is followed from time 0, this is Greenwood's variance, but 0 rather than undefined where
    /// the curve is 0.
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
        let variances = jackknife.variances(&moves_of_log_survival(&self));
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
        let moves = moves_of_log_survival(self.curve);
        self.jackknife.influence(&moves[..n_rows]).times(survival)
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
        let moves = moves_of_log_survival(self.curve).into_iter().zip(self.curve.areas(tau));
        let moves: Vec<Move> = moves.map(|(one, area)| one.times(area)).collect();
        self.jackknife.influence(&moves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weighted_kaplan_meier;
    use crate::weighted_table::tests::table;
    use cohort::{Endpoint, Estimate, NotEstimable};

    /// Weights 1, 3 and 2: events of the first and the last, the second is censored.
    fn three() -> (SurvivalCurve, Jackknife) {
        let event = vec![true, false, true];
        let (endpoint, weights) =
            (Endpoint::new(vec![1.0, 2.0, 3.0], event).unwrap(), [1.0, 3.0, 2.0]);
        let curve = weighted_kaplan_meier(&table(&endpoint, &weights));
        let jackknife = Jackknife::new(&curve, &endpoint, &[0, 1, 2], Some(&weights), None);
        let confidence = Confidence::new(0.95).unwrap();
        (curve.with_jackknife(&jackknife, IntervalRule::Plain, confidence), jackknife)
    }

    fn assert_close(got: Estimate, want: f64) {
        assert!((got.unwrap() - want).abs() < 1e-15, "{got:?} instead of {want}");
    }

    /// `S(1) = 5 / (w + 5)` moves by -5/36 with the weight `w` of the first and by 1/36 with those of
    /// the others: -5/36, 3/36 and 2/36 times the weights. At 3 nobody moves it any more.
    #[test]
    fn three_weights_by_hand() {
        let (curve, jackknife) = three();
        let error = 38f64.sqrt() / 36.0;
        assert_close(curve.standard_error[0], error);
        assert_close(curve.standard_error[1], error);
        let lower = 5.0 / 6.0 - 1.959_963_984_540_054 * error;
        assert_close(curve.interval[0].lower, lower);
        assert_eq!((curve.survival[2], curve.standard_error[2]), (0.0, Ok(0.0)));
        assert_eq!(curve.interval[2], Interval::none(NotEstimable::VarianceUndefined));
        let robust = RobustCurve { curve: &curve, jackknife: &jackknife };
        assert_close(robust.on_survival(1).variance().map(f64::sqrt), error);
        assert_close(robust.on_survival(0).variance(), 0.0);
        // From 1 to 2.5 the area moves with the curve, 1.5 times as much.
        assert_close(robust.on_restricted_mean(2.5).variance().map(f64::sqrt), 1.5 * error);
        assert_close(robust.on_restricted_mean(0.5).variance(), 0.0);
    }
}
