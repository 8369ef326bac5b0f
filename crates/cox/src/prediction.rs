//! Baseline hazards and survival curves of a fitted model.
//!
//! [`predict`] fits the model of a query and reads curves off it.

mod average;
mod baseline;
mod curve;
mod profiles;
mod strata;

pub use average::{AverageAt, AverageCurve};
pub use baseline::BaselineHazard;
pub use curve::{PredictedAt, PredictedCurve, PredictedSteps, PredictedSurvival};

use crate::centring::weighted_mean;
use crate::cohort_fit::FollowUp;
use crate::fit::Model;
use crate::{CoxError, CoxFit, CoxQuery};
use baseline::Hazards;
use cohort::{Cohort, Estimate, LARGEST_NUMBER, Selection};
use profiles::Profile;
use strata::Strata;
use survival::IntervalRule;

/// Which curves of a model are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionQuery {
    /// The model; its confidence is that of the limits.
    pub model: CoxQuery,
    /// How the limits of survival are computed.
    pub interval: IntervalRule,
    /// Whether to give the curves at every distinct time.
    pub whole_curves: bool,
    /// Times at which survival is reported, in the unit of the endpoint.
    pub times: Vec<f64>,
    /// Probabilities of the quantiles, 0.5 for the median.
    pub quantiles: Vec<f64>,
    /// Whether to give the curve of an average subject as well: every column where R centres it and
    /// the offset at its mean, as `survfit(fit)` in R.
    pub of_average_subject: bool,
    /// Factor of the model for whose levels survival at `times` is averaged over the cohort; absent
    /// = none.
    pub average_over: Option<String>,
}

impl PredictionQuery {
    /// Whole curves of the profiles alone, with the limits of `survfit` in R.
    #[must_use]
    pub fn new(model: CoxQuery) -> Self {
        Self {
            model,
            interval: IntervalRule::default(),
            whole_curves: true,
            times: Vec::new(),
            quantiles: Vec::new(),
            of_average_subject: false,
            average_over: None,
        }
    }
}

/// What a model predicts.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The model.
    pub fit: CoxFit,
    /// Mean of the offset, weighted by the case weights; 0 without one. R's uncentred baseline
    /// hazard is larger than the baseline here by its exponential.
    pub mean_offset: f64,
    /// Cumulative hazard of each stratum where all columns and the offset are 0.
    pub baseline: Estimate<Vec<BaselineHazard>>,
    /// Curves, those of the average subject first, then profile by profile in the order of their
    /// rows: one per stratum, or one where the profile names its stratum.
    pub curves: Vec<PredictedCurve>,
    /// Survival averaged over the cohort, level by level, when asked for.
    pub averages: Option<Estimate<Vec<AverageCurve>>>,
}

/// Fits the model of a query to the selected subjects and predicts the survival of profiles.
///
/// Every row of `profiles` is a subject to predict, with a value in each column that the terms
/// read. It may also name its stratum, by the columns of the strata, and have an offset, which is 0
/// otherwise. A column without a coefficient counts as 0, as in R, but the level of a factor that
/// occurs in nobody has no curve. With time-dependent covariates a curve is that of a subject whose
/// covariates never change.
///
/// Fails as [`crate::cox`] does, on a profile that lacks a column or a value or has a level that
/// the model does not know, and on times and probabilities that make no sense.
pub fn predict(
    cohort: &Cohort,
    selection: &Selection,
    profiles: &Cohort,
    query: &PredictionQuery,
) -> Result<Prediction, CoxError> {
    check(query)?;
    let follow_up = FollowUp::read(cohort, selection, &query.model)?;
    let terms = &query.model.terms;
    let design = follow_up.model_design()?;
    let strata = Strata::read(&follow_up)?;
    let mut wanted = profiles::read(&follow_up, &strata, profiles)?;
    if query.of_average_subject {
        wanted.insert(0, Profile::average(&follow_up, &design));
    }
    let times = follow_up.endpoint.settled(&query.times);
    let look = |model: &Model| {
        let hazards = Hazards::new(model);
        let averages = query.average_over.as_ref().map(|factor| match &hazards {
            Ok(hazards) => average::curves(hazards, &follow_up, factor, query, &times).map(Ok),
            Err(reason) => Ok(Err(*reason)),
        });
        let baseline = match &hazards {
            Ok(hazards) => hazards.baseline(&strata),
            Err(reason) => Err(*reason),
        };
        (baseline, curve::all(&hazards, &strata, &wanted, query, &times), averages)
    };
    let (fit, (baseline, curves, averages)) =
        follow_up.fit_and(terms, &design, follow_up.extras(), look)?;
    let mean_offset = mean_offset(&follow_up);
    Ok(Prediction { fit, mean_offset, baseline, curves, averages: averages.transpose()? })
}

fn mean_offset(follow_up: &FollowUp) -> f64 {
    let weights = follow_up.weighted.weights.as_deref();
    follow_up.offset.as_deref().map_or(0.0, |offset| weighted_mean(offset, weights))
}

fn check(query: &PredictionQuery) -> Result<(), CoxError> {
    let is_time = |time: &&f64| !(0.0..=LARGEST_NUMBER).contains(*time);
    if let Some(&time) = query.times.iter().find(is_time) {
        return Err(CoxError::InvalidTime { time });
    }
    let is_share = |share: &&f64| !(0.0 < **share && **share < 1.0);
    if let Some(&probability) = query.quantiles.iter().find(is_share) {
        return Err(CoxError::InvalidProbability { probability });
    }
    average::check(query)
}
