//! Confidence limits from replicates.

use crate::BootstrapError;
use crate::monte_carlo::{Shift, normal_error, quantile_error};
use crate::quantile::{is_inside, quantile};
use crate::summary::{Summary, answers, finite_estimate, summary};
use cohort::{Caveat, CaveatCode, Estimate, Interval, NotEstimable, Replicated};
use numerics::elementary::exp;
use numerics::sum::sum;
use numerics::tails::{normal_quantile, normal_sf, two_sided_multiplier};

/// How replicates make an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// Quantiles of the replicates. Unchanged by a change of scale.
    Percentile,
    /// Quantiles of the replicates, mirrored at the estimate.
    Basic,
    /// The estimate less its bias, and normal quantiles of the standard deviation of the replicates.
    Normal,
    /// Quantiles of the replicates' distances from the estimate in their own standard errors.
    Studentized,
    /// Quantiles at levels that are corrected for bias and for the change of the standard error with the
    /// estimate. Unchanged by a change of scale.
    Bca {
        /// See [`acceleration`].
        acceleration: Estimate,
    },
}

/// An interval, and how sure it is.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapLimits {
    /// The limits; one at infinity is not reached.
    pub interval: Interval,
    /// Standard error of each limit because there are only so many replicates.
    pub monte_carlo_error: Interval,
    /// The levels of the replicates at which the limits lie, lower first; absent for a normal interval.
    pub levels: Option<[f64; 2]>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// Limits of a quantity from its replicates.
///
/// A replicate without an answer takes part in no limit, and is counted in a caveat; one with an infinite
/// answer is above all others and takes part. The scale is that of the replicates: ratios are handed in as
/// logarithms.
///
/// Efron (1987), J. Am. Stat. Assoc. 82:171-185 for corrected levels; Davison and Hinkley (1997),
/// Bootstrap Methods and their Application, chapter 5. Same as `boot.ci` of `boot` in R where all
/// replicates are finite; R leaves out infinite ones.
///
/// # Errors
///
/// A confidence that is not between 0 and 1.
pub fn limits(
    estimate: Replicated,
    replicates: &[Replicated],
    method: Method,
    confidence: f64,
) -> Result<BootstrapLimits, BootstrapError> {
    if !(0.0 < confidence && confidence < 1.0) {
        return Err(BootstrapError::InvalidConfidence { confidence });
    }
    let sample = Sample { estimate, replicates, confidence };
    let found = match method {
        Method::Percentile => sample.percentile(),
        Method::Basic => sample.basic(),
        Method::Normal => sample.normal(),
        Method::Studentized => sample.studentized(),
        Method::Bca { acceleration } => acceleration.and_then(|a| sample.bca(a)),
    };
    let mut limits = found.unwrap_or_else(|reason| BootstrapLimits {
        interval: Interval::none(reason),
        monte_carlo_error: Interval::none(reason),
        levels: None,
        caveats: Vec::new(),
    });
    limits.caveats = sample.caveats(&limits, method);
    Ok(limits)
}

/// A sixth of the skewness of the influences: how fast the standard error changes with the estimate.
///
/// ```text
/// a = Σ L³ / 6 (Σ L²)^(3/2)
/// ```
///
/// None where no unit has an influence, as in a median that no single subject moves.
pub fn acceleration(influence: &[f64]) -> Estimate {
    // Lengths cancel; without them squares of small influences would vanish.
    let largest = influence.iter().fold(0.0, |largest: f64, l| largest.max(l.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return Err(NotEstimable::NotDefined);
    }
    let power = |exponent: i32| sum(influence.iter().map(|l| (l / largest).powi(exponent)));
    let squares = power(2);
    Ok(power(3) / (6.0 * squares * squares.sqrt()))
}

struct Sample<'a> {
    estimate: Replicated,
    replicates: &'a [Replicated],
    confidence: f64,
}

impl Sample<'_> {
    /// Levels of a symmetric interval, lower first.
    fn levels(&self) -> [f64; 2] {
        [-self.confidence, self.confidence].map(|signed| (1.0 + signed) / 2.0)
    }

    /// The replicates with an answer, sorted.
    fn sorted(&self) -> Estimate<Vec<f64>> {
        sorted(answers(self.replicates))
    }

    fn percentile(&self) -> Estimate<BootstrapLimits> {
        let sorted = self.sorted()?;
        let levels = self.levels();
        let ends = levels.map(|level| End {
            limit: quantile(&sorted, level),
            error: quantile_error(&sorted, level, None),
        });
        Ok(BootstrapLimits { levels: Some(levels), ..ends_of(ends) })
    }

    fn basic(&self) -> Estimate<BootstrapLimits> {
        let sorted = self.sorted()?;
        let estimate = finite_estimate(self.estimate.value)?;
        let [lower, upper] = self.levels();
        let ends = [upper, lower].map(|level| End {
            limit: 2.0 * estimate - quantile(&sorted, level),
            error: quantile_error(&sorted, level, None),
        });
        Ok(BootstrapLimits { levels: Some([upper, lower]), ..ends_of(ends) })
    }

    fn normal(&self) -> Estimate<BootstrapLimits> {
        let Summary { bias, standard_error, .. } = summary(self.estimate.value, self.replicates);
        let centre = finite_estimate(self.estimate.value)? - bias?;
        let z = two_sided_multiplier(self.confidence);
        let standard_error = standard_error?;
        let values = answers(self.replicates);
        let ends = [-z, z].map(|z| End {
            limit: centre + z * standard_error,
            error: Ok(normal_error(&values, z)),
        });
        Ok(ends_of(ends))
    }

    fn studentized(&self) -> Estimate<BootstrapLimits> {
        let estimate = finite_estimate(self.estimate.value)?;
        let variance = self.estimate.variance.ok_or(NotEstimable::VarianceUndefined)?;
        let distances = self.replicates.iter().filter_map(|replicate| {
            Some((replicate.value.ok()? - estimate) / distance_unit(replicate)?)
        });
        let sorted = sorted(distances.collect()).map_err(|_| NotEstimable::VarianceUndefined)?;
        let standard_error = variance.sqrt();
        let [lower, upper] = self.levels();
        let ends = [upper, lower].map(|level| End {
            limit: estimate - standard_error * quantile(&sorted, level),
            error: quantile_error(&sorted, level, None).map(|error| standard_error * error),
        });
        Ok(BootstrapLimits { levels: Some([upper, lower]), ..ends_of(ends) })
    }

    fn bca(&self, acceleration: f64) -> Estimate<BootstrapLimits> {
        let sorted = self.sorted()?;
        // All replicates on one side: no correction brings the estimate among them.
        let w = summary(self.estimate.value, self.replicates).bias_correction?;
        let share = normal_sf(-w);
        let corrected = self.levels().map(|level| Corrected::new(level, w, acceleration));
        let ends = corrected.map(|Corrected { level, slope }| End {
            limit: quantile(&sorted, level),
            error: quantile_error(
                &sorted,
                level,
                Some(Shift { share, slope: slope / normal_density(w) }),
            ),
        });
        Ok(BootstrapLimits {
            levels: Some(corrected.map(|corrected| corrected.level)),
            ..ends_of(ends)
        })
    }

    fn caveats(&self, limits: &BootstrapLimits, method: Method) -> Vec<Caveat> {
        let summary = summary(self.estimate.value, self.replicates);
        let n = summary.n_replicates;
        let mut caveats = Vec::new();
        let mut say = |code, message| caveats.push(Caveat::new(code, message));
        if let failed @ 1.. = summary.n_failed() {
            let reasons: Vec<String> = (summary.failures.iter())
                .map(|failure| format!("{} in {}", failure.reason, failure.n_replicates))
                .collect();
            let reasons = reasons.join(", ");
            say(
                CaveatCode::FailedReplicates,
                format!(
                    "{failed} of {n} replicates have no answer ({reasons}); the limits leave them out"
                ),
            );
        }
        if let silent @ 1.. = self.n_without_variance(method) {
            say(
                CaveatCode::FailedReplicates,
                format!(
                    "{silent} of {n} replicates have no variance of their own; the limits leave them out"
                ),
            );
        }
        if let infinite @ 1.. = summary.n_infinite {
            say(
                CaveatCode::InfiniteReplicates,
                format!(
                    "{infinite} of {n} replicates do not reach the time; they count as infinite"
                ),
            );
        }
        if self.is_outermost(limits, n - summary.n_failed()) || is_unsure(limits) {
            say(
                CaveatCode::FewReplicates,
                format!(
                    "{n} replicates are few: other random numbers would move the limits noticeably"
                ),
            );
        }
        let n_equal = self.replicates.iter().filter(|r| r.value == self.estimate.value).count();
        if matches!(method, Method::Bca { .. }) && n_equal * 100 >= n && n_equal > 1 {
            say(
                CaveatCode::DiscreteReplicates,
                format!(
                    "{n_equal} of {n} replicates equal the estimate: corrected levels are made for quantities \
                     that vary smoothly, and percentiles are safer here"
                ),
            );
        }
        for side in shared_sides(limits) {
            say(
                CaveatCode::DiscreteReplicates,
                format!(
                    "many replicates share the {side} limit: its Monte-Carlo error of 0 says that more \
                     replicates would hardly move it, not that it is exact"
                ),
            );
        }
        caveats
    }

    /// Replicates that a studentized interval cannot use though they have an answer.
    fn n_without_variance(&self, method: Method) -> usize {
        let silent =
            |replicate: &&Replicated| replicate.value.is_ok() && distance_unit(replicate).is_none();
        match method {
            Method::Studentized => self.replicates.iter().filter(silent).count(),
            _ => 0,
        }
    }

    /// Whether a limit lies on the outermost replicate.
    fn is_outermost(&self, limits: &BootstrapLimits, n: usize) -> bool {
        limits.levels.is_some_and(|levels| levels.iter().any(|&level| !is_inside(n, level)))
    }
}

/// The standard error that a replicate gives itself, if it has one.
fn distance_unit(replicate: &Replicated) -> Option<f64> {
    replicate.variance.filter(|&variance| variance > 0.0).map(f64::sqrt)
}

/// Share of an interval's width that the error of a limit may have before a reader is told.
const UNSURE: f64 = 0.05;

/// Whether a limit is known less well than a twentieth of the interval's width.
fn is_unsure(limits: &BootstrapLimits) -> bool {
    let (Ok(lower), Ok(upper)) = (limits.interval.lower, limits.interval.upper) else {
        return false;
    };
    let errors = [limits.monte_carlo_error.lower, limits.monte_carlo_error.upper];
    errors.into_iter().flatten().any(|error| error > UNSURE * (upper - lower))
}

/// The limits around which replicates are all equal, as those of a median often are.
fn shared_sides(limits: &BootstrapLimits) -> impl Iterator<Item = &'static str> {
    let (interval, error) = (limits.interval, limits.monte_carlo_error);
    let sides = [("lower", interval.lower, error.lower), ("upper", interval.upper, error.upper)];
    let is_shared = |limit: Estimate, error: Estimate| limit.is_ok() && error == Ok(0.0);
    sides.into_iter().filter(move |(_, limit, error)| is_shared(*limit, *error)).map(|side| side.0)
}

/// A limit and its error.
struct End {
    limit: f64,
    error: Estimate,
}

fn ends_of([lower, upper]: [End; 2]) -> BootstrapLimits {
    BootstrapLimits {
        interval: Interval {
            lower: finite_estimate(Ok(lower.limit)),
            upper: finite_estimate(Ok(upper.limit)),
        },
        monte_carlo_error: Interval { lower: lower.error, upper: upper.error },
        levels: None,
        caveats: Vec::new(),
    }
}

/// A corrected level, and how it moves with the bias correction.
#[derive(Clone, Copy)]
struct Corrected {
    level: f64,
    slope: f64,
}

impl Corrected {
    /// `Φ(w + u / (1 − a u))` with `u = w + z` and the normal quantile `z` of the level.
    fn new(level: f64, w: f64, a: f64) -> Self {
        let u = w + normal_quantile(level);
        let stretch = 1.0 / (1.0 - a * u);
        let z = w + u * stretch;
        Self { level: normal_sf(-z), slope: normal_density(z) * (1.0 + stretch * stretch) }
    }
}

fn normal_density(z: f64) -> f64 {
    exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt()
}

/// Sorts; none is too few.
fn sorted(mut values: Vec<f64>) -> Estimate<Vec<f64>> {
    values.sort_unstable_by(f64::total_cmp);
    if values.is_empty() { Err(NotEstimable::TooFewValues) } else { Ok(values) }
}
