//! Cumulative hazards and the survival that follows from them.

use crate::interval::limits;
use crate::jackknife::{Jackknife, Moves};
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
    let (mut heights, mut variances) = (Vec::new(), Vec::new());
    for row in 0..curve.time.len() {
        let step = Step::of(curve, row, estimator);
        hazard += step.hazard;
        model += step.variance;
        heights.push(hazard.value());
        variances.push(Ok(model.value()));
    }
    if let Some(jackknife) = jackknife {
        variances = jackknife.variances(&moves(curve, estimator));
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
struct Step {
    hazard: f64,
    /// Variance when everybody counts once.
    variance: f64,
    /// Derivative of the hazard by the weight of somebody at risk, and of somebody with the event.
    of_staying: f64,
    of_event: f64,
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
            return Self { hazard: 0.0, variance: 0.0, of_staying: 0.0, of_event: 0.0 };
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
            of_staying: -each * squares,
            of_event: risk_set.staying / d * squares,
        }
    }
}

/// How each subject moves the hazard at each time.
fn moves(curve: &SurvivalCurve, estimator: HazardEstimator) -> Moves {
    let steps = (0..curve.time.len()).map(|row| Step::of(curve, row, estimator));
    steps.map(|step| (step.of_staying, step.of_event)).collect()
}
