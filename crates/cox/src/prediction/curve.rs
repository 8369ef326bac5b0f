//! Survival curves of profiles.

use super::PredictionQuery;
use super::baseline::{Hazards, Position};
use super::profiles::Profile;
use super::strata::Strata;
use cohort::{Estimate, Interval, NotEstimable};
use numerics::elementary::exp;
use numerics::tails::two_sided_multiplier;
use survival::{Confidence, IntervalRule, Quantile, QuantileRule, SurvivalCurve, limits, quantile};

/// The curve of one profile in one stratum.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictedCurve {
    /// Row of the profile; absent for the average subject.
    pub profile: Option<usize>,
    /// Levels of the columns of the strata; empty without strata, and where a profile names a
    /// stratum that does not occur.
    pub stratum: Vec<String>,
    /// What is predicted, or why nothing is.
    pub prediction: Estimate<PredictedSurvival>,
}

/// What is predicted for one profile.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictedSurvival {
    /// `x'beta` and the offset, counted from where all columns are 0.
    pub linear_predictor: f64,
    /// The whole curve, when asked for.
    pub curve: Option<PredictedSteps>,
    /// Survival at the times asked for.
    pub at_times: Vec<PredictedAt>,
    /// Quantiles of the survival time, found on the curve and on its limits.
    pub quantiles: Vec<Quantile>,
}

/// A predicted curve with one entry per distinct time of its stratum, also those with censorings
/// alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PredictedSteps {
    /// Distinct times, ascending.
    pub time: Vec<f64>,
    /// Number of events of the stratum at each time.
    pub n_events: Vec<usize>,
    /// Survival just after each time, the exponential of minus the cumulative hazard.
    pub survival: Vec<f64>,
    /// Cumulative hazard up to and including each time.
    pub cumulative_hazard: Vec<f64>,
    /// Its standard error, with that of the coefficients.
    pub standard_error: Vec<f64>,
    /// Limits of the survival.
    pub interval: Vec<Interval>,
}

/// Survival at a chosen time; beyond the last time of the stratum there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictedAt {
    /// The time asked for.
    pub time: f64,
    /// Survival just after it.
    pub survival: Estimate,
    /// Cumulative hazard up to and including it.
    pub cumulative_hazard: Estimate,
    /// Standard error of the cumulative hazard.
    pub standard_error: Estimate,
    /// Limits of the survival.
    pub interval: Interval,
}

/// The curves of all profiles.
pub(crate) fn all(
    hazards: &Estimate<Hazards>,
    strata: &Strata,
    profiles: &[Profile],
    query: &PredictionQuery,
    times: &[f64],
) -> Vec<PredictedCurve> {
    let mut curves = Vec::new();
    for profile in profiles {
        let wanted: Vec<Estimate<usize>> = match profile.stratum {
            Some(stratum) => vec![stratum],
            None => (0..strata.len()).map(Ok).collect(),
        };
        for stratum in wanted {
            let prediction = hazards.as_ref().map_err(|&reason| reason).and_then(|hazards| {
                let position = hazards.locate(&profile.x, profile.offset)?;
                let curve = Curve { hazards, stratum: stratum?, position };
                let linear_predictor = hazards.linear_predictor(&profile.x, profile.offset);
                curve.read(linear_predictor, query, times)
            });
            let levels = stratum.map_or(&[][..], |stratum| strata.levels(stratum));
            curves.push(PredictedCurve {
                profile: profile.row,
                stratum: levels.to_vec(),
                prediction,
            });
        }
    }
    curves
}

/// The curve of one profile in one stratum.
struct Curve<'a> {
    hazards: &'a Hazards<'a>,
    stratum: usize,
    position: Position,
}

impl Curve<'_> {
    fn read(
        &self,
        linear_predictor: f64,
        query: &PredictionQuery,
        times: &[f64],
    ) -> Estimate<PredictedSurvival> {
        let multiplier = two_sided_multiplier(query.model.options.confidence);
        let has_steps = query.whole_curves || !query.quantiles.is_empty();
        let steps = has_steps.then(|| self.steps(query.interval, multiplier)).transpose()?;
        let quantiles = steps.as_ref().map_or(Vec::new(), |steps| quantiles(steps, query));
        let at_times = times.iter().zip(&query.times).map(|(&time, &asked)| {
            let at = self.at(time, query.interval, multiplier);
            PredictedAt { time: asked, ..at.unwrap_or_else(PredictedAt::none) }
        });
        Ok(PredictedSurvival {
            linear_predictor,
            at_times: at_times.collect(),
            quantiles,
            curve: steps.filter(|_| query.whole_curves),
        })
    }

    fn steps(&self, rule: IntervalRule, multiplier: f64) -> Estimate<PredictedSteps> {
        let mut steps = PredictedSteps::default();
        for (index, (time, n_events)) in self.hazards.times(self.stratum).enumerate() {
            let at = self.hazards.at(self.stratum, &self.position, index + 1)?;
            let survival = exp(-at.cumulative);
            steps.time.push(time);
            steps.n_events.push(n_events);
            steps.survival.push(survival);
            steps.cumulative_hazard.push(at.cumulative);
            steps.standard_error.push(at.standard_error);
            steps.interval.push(limits(rule, survival, at.standard_error, multiplier));
        }
        Ok(steps)
    }

    fn at(&self, time: f64, rule: IntervalRule, multiplier: f64) -> Estimate<PredictedAt> {
        let steps = self.hazards.steps_until(self.stratum, time)?;
        let at = self.hazards.at(self.stratum, &self.position, steps)?;
        let survival = exp(-at.cumulative);
        Ok(PredictedAt {
            time,
            survival: Ok(survival),
            cumulative_hazard: Ok(at.cumulative),
            standard_error: Ok(at.standard_error),
            interval: limits(rule, survival, at.standard_error, multiplier),
        })
    }
}

impl PredictedAt {
    /// Nothing is known at this time.
    fn none(reason: NotEstimable) -> Self {
        Self {
            time: 0.0,
            survival: Err(reason),
            cumulative_hazard: Err(reason),
            standard_error: Err(reason),
            interval: Interval::none(reason),
        }
    }
}

fn quantiles(steps: &PredictedSteps, query: &PredictionQuery) -> Vec<Quantile> {
    // The standard error of a survival function is that of its logarithm times the function.
    let error = |(survival, error): (&f64, &f64)| {
        if *survival > 0.0 { Ok(survival * error) } else { Err(NotEstimable::VarianceUndefined) }
    };
    let curve = SurvivalCurve {
        time: steps.time.clone(),
        n_events: steps.n_events.clone(),
        survival: steps.survival.clone(),
        standard_error: steps.survival.iter().zip(&steps.standard_error).map(error).collect(),
        ..SurvivalCurve::default()
    };
    let Ok(confidence) = Confidence::new(query.model.options.confidence) else {
        return Vec::new();
    };
    let rule = QuantileRule::Curve(query.interval);
    let probabilities = query.quantiles.iter();
    probabilities.map(|&probability| quantile(&curve, probability, rule, confidence)).collect()
}
