//! Cumulative hazards and the survival that follows from them.

use crate::interval::limits;
use crate::jackknife::{Jackknife, Move};
use crate::{Confidence, IntervalRule, SurvivalCurve};
use cohort::{Estimate, Interval, NotEstimable};
use numerics::elementary::exp;
use numerics::sum::Sum;

/// How a cumulative hazard is estimated; the two differ where events are tied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HazardEstimator {
    /// Events of one time face one risk set.
    NelsonAalen,
    /// Events of one time face risk sets that shrink from one to the next, as if they had been
    /// observed one after the other.
    FlemingHarrington,
}

/// How the limits of a cumulative hazard are computed. The default is that of R's plots.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HazardIntervalRule {
    /// On the scale of the hazard, cut at 0.
    #[default]
    Plain,
    /// On the scale of its logarithm.
    Log,
}

/// A cumulative hazard with one entry per time of its curve.
#[derive(Clone, Debug, PartialEq)]
pub struct CumulativeHazard {
    /// How it was estimated.
    pub estimator: HazardEstimator,
    /// Cumulative hazard up to and including each time.
    pub hazard: Vec<f64>,
    /// Its standard error; a robust one is undefined for a single cluster.
    pub standard_error: Vec<Estimate>,
    /// Its limits; on the scale of the logarithm there are none before the first event.
    pub interval: Vec<Interval>,
    /// The survival that follows, `exp(-hazard)`.
    pub survival: Vec<f64>,
    /// Limits of that survival by the rule of the curve.
    pub survival_interval: Vec<Interval>,
}

/// Rules for the limits of a cumulative hazard and of the survival that follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HazardRules {
    pub(crate) hazard: HazardIntervalRule,
    pub(crate) survival: IntervalRule,
    pub(crate) confidence: Confidence,
}

/// Estimates the cumulative hazard of everyone whom the curve counts.
///
/// ```text
/// Nelson-Aalen       H(t) = Σ d_j / n_j                     SE² = Σ d_j / n_j²
/// Fleming-Harrington H(t) = Σ Σ 1 / (n_j - k)               SE² = Σ Σ 1 / (n_j - k)²
///                           k = 0 to d_j - 1
/// ```
///
/// over the event times `t_j <= t`, with `d_j` events among `n_j` at risk. With sampling weights
/// `d_j` and `n_j` are their sums, and each of the events that are tied has their mean weight. The
/// variance is then that of the infinitesimal jackknife, as it is whenever the curve has a robust
/// variance: that of the curve's subjects, which `jackknife` holds.
///
/// ```text
/// plain  H ∓ z SE          log  H exp(∓ z SE / H)
/// ```
///
/// The limits of `exp(-H)` are those of a survival whose logarithm has the standard error of `H`.
/// The hazard grows on where the Kaplan-Meier curve has reached 0 and others enter late.
///
/// Nelson (1972), Technometrics 14:945-966; Aalen (1978), Ann. Stat. 6:701-726; Fleming and
/// Harrington (1984), Commun. Stat. Theory Methods 13:2469-2486. Same as `cumhaz`, `std.chaz` and
/// `surv` of `survfit(Surv(time, event) ~ 1, stype = 2, ctype = 1)` in R, `ctype = 2` for
/// [`HazardEstimator::FlemingHarrington`]; limits of the hazard as in `plot(fit, cumhaz = TRUE)`.
/// The limits of `surv` agree for curves without weights: with a robust variance R 4.2 divides the
/// standard error of the logarithm by the survival once more.
pub(crate) fn cumulative_hazard(
    curve: &SurvivalCurve,
    jackknife: Option<&Jackknife>,
    estimator: HazardEstimator,
    rules: HazardRules,
) -> CumulativeHazard {
    let (mut hazard, mut model) = (Sum::default(), Sum::default());
    let (mut heights, mut variances, mut moves) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..curve.time.len() {
        let step = Step::of(curve, row, estimator);
        hazard += step.hazard;
        model += step.variance;
        heights.push(hazard.value());
        variances.push(Ok(model.value()));
        moves.push(step.moves);
    }
    if let Some(jackknife) = jackknife {
        variances = jackknife.variances(&moves);
    }
    let standard_error: Vec<Estimate> =
        variances.into_iter().map(|variance| variance.map(f64::sqrt)).collect();
    let survival: Vec<f64> = heights.iter().map(|&height| exp(-height)).collect();
    let z = rules.confidence.multiplier();
    let interval = heights.iter().zip(&standard_error);
    let interval = interval.map(|(&h, &error)| hazard_limits(rules.hazard, h, error, z));
    let survival_interval = survival.iter().zip(&standard_error).map(|(&survival, &error)| {
        error.map_or_else(Interval::none, |error| limits(rules.survival, survival, error, z))
    });
    CumulativeHazard {
        estimator,
        interval: interval.collect(),
        survival_interval: survival_interval.collect(),
        hazard: heights,
        standard_error,
        survival,
    }
}

fn hazard_limits(
    rule: HazardIntervalRule,
    hazard: f64,
    standard_error: Estimate,
    z: f64,
) -> Interval {
    let limit = |side: f64| {
        let distance = z * standard_error?;
        match rule {
            HazardIntervalRule::Plain => Ok((hazard + side * distance).max(0.0)),
            HazardIntervalRule::Log if hazard > 0.0 => Ok(hazard * exp(side * distance / hazard)),
            HazardIntervalRule::Log => Err(NotEstimable::NoEvents),
        }
    };
    Interval { lower: limit(-1.0), upper: limit(1.0) }
}

/// What one time adds to a cumulative hazard.
#[derive(Default)]
struct Step {
    hazard: f64,
    /// Variance when everybody counts once.
    variance: f64,
    /// Its derivatives by the weights of the subjects.
    moves: Move,
}

impl Step {
    /// With the sums `n` of those at risk and `e` of the `d` events, and `n_k = n - k e / d`,
    ///
    /// ```text
    /// hazard   Σ (e/d) / n_k     derivatives  -(e/d) Σ 1 / n_k²    (n - e)/d Σ 1 / n_k²
    /// ```
    ///
    /// where `k` goes from 0 to `d - 1`; Nelson and Aalen have the first risk set `d` times.
    fn of(curve: &SurvivalCurve, row: usize, estimator: HazardEstimator) -> Self {
        let risk_set = curve.risk_set(row);
        if risk_set.n_events == 0 {
            return Self::default();
        }
        let (n, d) = (risk_set.at_risk, risk_set.n_events as f64);
        let each = risk_set.events / d;
        let (mut reciprocals, mut squares) = (Sum::default(), Sum::default());
        match estimator {
            HazardEstimator::NelsonAalen => {
                reciprocals += d / n;
                squares += d / (n * n);
            }
            HazardEstimator::FlemingHarrington => {
                for k in 0..risk_set.n_events {
                    let left = risk_set.staying + (risk_set.n_events - k) as f64 * each;
                    reciprocals += 1.0 / left;
                    squares += 1.0 / (left * left);
                }
            }
        }
        let squares = squares.value();
        Self {
            hazard: each * reciprocals.value(),
            variance: squares,
            moves: Move {
                of_staying: -each * squares,
                of_event: risk_set.staying / d * squares,
                has_event: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kaplan_meier::tests::curve_of;
    use crate::weighted_kaplan_meier;
    use crate::weighted_table::tests::table;
    use cohort::Endpoint;

    /// Five subjects, two events at 1, one at 2 where one is censored, one at 3.
    fn endpoint() -> Endpoint {
        let event = vec![true, true, true, false, true];
        Endpoint::new(vec![1.0, 1.0, 2.0, 2.0, 3.0], event).unwrap()
    }

    fn hazard(rule: HazardIntervalRule, estimator: HazardEstimator) -> CumulativeHazard {
        let confidence = Confidence::new(0.95).unwrap();
        let rules = HazardRules { hazard: rule, survival: IntervalRule::Log, confidence };
        cumulative_hazard(&curve_of(&endpoint()), None, estimator, rules)
    }

    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-14, "{got} instead of {want}");
    }

    /// 2/5 + 1/3 + 1, and 1/5 + 1/4 + 1/3 + 1; squares 2/25 + 1/9 + 1, 1/25 + 1/16 + 1/9 + 1.
    #[test]
    fn ties_by_hand() {
        let nelson_aalen = hazard(HazardIntervalRule::Plain, HazardEstimator::NelsonAalen);
        assert_close(nelson_aalen.hazard[2], 26.0 / 15.0);
        let error = (2.0 / 25.0 + 1.0 / 9.0 + 1.0f64).sqrt();
        assert_close(nelson_aalen.standard_error[2].unwrap(), error);
        let fh = hazard(HazardIntervalRule::Plain, HazardEstimator::FlemingHarrington);
        assert_close(fh.hazard[2], 107.0 / 60.0);
        let error = (1.0 / 25.0 + 1.0 / 16.0 + 1.0 / 9.0 + 1.0f64).sqrt();
        assert_close(fh.standard_error[2].unwrap(), error);
        assert_close(fh.survival[0], (-0.45f64).exp());
    }

    /// 0.4 with SE √0.08: 0.4 ∓ 0.5544, and 0.4 times or over 4.
    #[test]
    fn limits_on_either_scale() {
        let estimator = HazardEstimator::NelsonAalen;
        let plain = hazard(HazardIntervalRule::Plain, estimator);
        let distance = 1.959_963_984_540_054 * 0.08f64.sqrt();
        assert_eq!(plain.interval[0].lower, Ok(0.0));
        assert_close(plain.interval[0].upper.unwrap(), 0.4 + distance);
        let log = hazard(HazardIntervalRule::Log, estimator);
        assert_close(log.interval[0].lower.unwrap(), 0.4 * (-distance / 0.4).exp());
        // The log rule of the survival is the plain rule of the hazard.
        let upper = plain.survival_interval[2].lower.unwrap();
        assert_close(-upper.ln(), plain.interval[2].upper.unwrap());
    }

    #[test]
    fn there_is_no_logarithm_before_the_first_event() {
        let endpoint = Endpoint::new(vec![1.0, 2.0], vec![false, true]).unwrap();
        let confidence = Confidence::new(0.95).unwrap();
        let (hazard, survival) = (HazardIntervalRule::Log, IntervalRule::Plain);
        let rules = HazardRules { hazard, survival, confidence };
        let estimator = HazardEstimator::NelsonAalen;
        let hazard = cumulative_hazard(&curve_of(&endpoint), None, estimator, rules);
        assert_eq!(hazard.interval[0], Interval::none(NotEstimable::NoEvents));
        assert_eq!((hazard.hazard[0], hazard.standard_error[0]), (0.0, Ok(0.0)));
    }

    /// Weights 1 and 3 die together among 8: each faces a hazard of its mean weight 2, 2/8 + 2/6.
    #[test]
    fn weighted_ties_have_their_mean_weight() {
        let event = vec![true, true, false];
        let endpoint = Endpoint::new(vec![1.0, 1.0, 2.0], event).unwrap();
        let curve = weighted_kaplan_meier(&table(&endpoint, &[1.0, 3.0, 4.0]));
        let step = Step::of(&curve, 0, HazardEstimator::FlemingHarrington);
        assert_close(step.hazard, 2.0 / 8.0 + 2.0 / 6.0);
        // Weighted by their weights the derivatives cancel.
        assert_close(4.0 * step.moves.of_event + 4.0 * step.moves.of_staying, 0.0);
    }
}
