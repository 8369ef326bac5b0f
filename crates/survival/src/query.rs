//! What may be asked of this crate and what it answers, in terms of a cohort's columns.

use crate::{Band, ConfidenceBand, CumulativeHazard, HazardEstimator, HazardIntervalRule};
use cohort::{Caveat, EndpointColumns, Estimate, Interval, WeightColumn};

/// How the limits of a survival curve are computed. The default is that of `survfit` in R.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IntervalRule {
    /// On the scale of `S`, cut to [0, 1].
    Plain,
    /// On the scale of `log S`, cut at 1.
    #[default]
    Log,
    /// On the scale of `log(-log S)`.
    LogLog,
    /// On the scale of `log(S / (1 - S))`.
    Logit,
    /// On the scale of `asin(sqrt S)`.
    Arcsin,
}

/// How the limits of a quantile are computed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QuantileRule {
    /// Where the limits of the curve cross the level (Brookmeyer and Crowley).
    Curve(IntervalRule),
    /// Quantile ± z · SE with a density estimate, as SPSS prints it.
    Spss,
}

/// How the variance of a curve is computed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Variance {
    /// Greenwood's, for subjects who are independent and count once each.
    #[default]
    Greenwood,
    /// The infinitesimal jackknife: the sum over the clusters, or over the subjects without
    /// clusters, of the squared influence on the estimate.
    InfinitesimalJackknife,
}

/// What to estimate for each group.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvesQuery {
    /// Follow-up.
    pub endpoint: EndpointColumns,
    /// Column whose levels have a curve each; absent = one curve for all.
    pub group: Option<String>,
    /// Time from which on the curve describes those who survive to it: it is 1 there, and who is
    /// followed to this time or beyond counts. Absent = the whole curve.
    pub start_time: Option<f64>,
    /// Case weights; absent = everybody counts once.
    pub weights: Option<WeightColumn>,
    /// Column of clusters, such as matched pairs, whose members are not independent. A cluster may
    /// have members in several groups; the curve of each group uses its own.
    pub cluster: Option<String>,
    /// How variances are computed; absent = [`Variance::Greenwood`], but the infinitesimal
    /// jackknife with sampling weights or clusters, for which Greenwood's is refused.
    pub variance: Option<Variance>,
    /// Censoring is what is waited for (reverse Kaplan-Meier).
    pub reverse: bool,
    /// Rule for the limits of the curve and of survival at chosen times.
    pub interval: IntervalRule,
    /// Confidence of every interval; 0.95 unless asked otherwise.
    pub confidence: f64,
    /// Probabilities of the quantiles, 0.5 for the median.
    pub quantiles: Vec<f64>,
    /// Rules for the limits of the quantiles; each quantile is reported once per rule.
    pub quantile_rules: Vec<QuantileRule>,
    /// Times at which survival is reported, in the unit of the endpoint.
    pub times: Vec<f64>,
    /// Times up to which the restricted mean is reported.
    pub restricted_mean_times: Vec<f64>,
    /// Simultaneous confidence bands, on the scale of `interval`. They rest on Greenwood's variance.
    pub bands: Vec<Band>,
    /// Cumulative hazards reported beside the curve.
    pub hazards: Vec<HazardEstimator>,
    /// Rule for the limits of the cumulative hazards.
    pub hazard_interval: HazardIntervalRule,
}

impl CurvesQuery {
    /// One curve for all without anything read off it; the settings are the defaults of R.
    #[must_use]
    pub fn new(endpoint: EndpointColumns) -> Self {
        Self {
            endpoint,
            group: None,
            start_time: None,
            weights: None,
            cluster: None,
            variance: None,
            reverse: false,
            interval: IntervalRule::default(),
            confidence: 0.95,
            quantiles: Vec::new(),
            quantile_rules: Vec::new(),
            times: Vec::new(),
            restricted_mean_times: Vec::new(),
            bands: Vec::new(),
            hazards: Vec::new(),
            hazard_interval: HazardIntervalRule::default(),
        }
    }
}

/// Curves, one per group, in the order of the levels; a level without subjects has n = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// One entry per group.
    pub groups: Vec<GroupCurve>,
    /// What a reader must know besides the doubts about single groups.
    pub caveats: Vec<Caveat>,
}

/// What was estimated for one group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupCurve {
    /// Level of the group column; absent without one.
    pub group: Option<String>,
    /// Number of subjects.
    pub n: usize,
    /// Number of events.
    pub n_events: usize,
    /// The curve at every distinct time; empty when there are no subjects.
    pub curve: SurvivalCurve,
    /// Cumulative hazards at the times of the curve, one per estimator asked for.
    pub hazards: Vec<CumulativeHazard>,
    /// Quantiles by each rule: for each probability all rules.
    pub quantiles: Vec<Quantile>,
    /// Survival at the times asked for.
    pub at_times: Vec<SurvivalAt>,
    /// Restricted means up to the times asked for.
    pub restricted_means: Vec<RestrictedMean>,
    /// The bands asked for.
    pub bands: Vec<ConfidenceBand>,
    /// What a reader must know, the doubts of single numbers among it.
    pub caveats: Vec<Caveat>,
}

/// A step function with one entry per distinct time, also those with censorings alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SurvivalCurve {
    /// Distinct times, ascending.
    pub time: Vec<f64>,
    /// Number at risk just before each time.
    pub n_at_risk: Vec<usize>,
    /// Number of events at each time.
    pub n_events: Vec<usize>,
    /// Number censored at each time.
    pub n_censored: Vec<usize>,
    /// The same as sums of sampling weights; absent without such weights.
    pub weighted: Option<WeightedSums>,
    /// Survival just after each time.
    pub survival: Vec<f64>,
    /// How the standard errors were computed.
    pub variance: Variance,
    /// Standard error of the survival. Greenwood's is undefined once the curve has reached 0, the
    /// robust one is 0 there and undefined for a single cluster.
    pub standard_error: Vec<Estimate>,
    /// Limits of the survival by the rule asked for.
    pub interval: Vec<Interval>,
}

/// Sums of sampling weights, one per time of a curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightedSums {
    /// Of those at risk just before each time.
    pub at_risk: Vec<f64>,
    /// Of those with an event at each time.
    pub events: Vec<f64>,
    /// Of those censored at each time.
    pub censored: Vec<f64>,
}

/// Sums of sampling weights at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedCounts {
    /// Of those at risk just before it.
    pub at_risk: f64,
    /// Of those with an event up to and including it.
    pub events: f64,
    /// Of those censored up to and including it.
    pub censored: f64,
}

/// A quantile of the survival time.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantile {
    /// Share of subjects who have had the event by then.
    pub probability: f64,
    /// How the limits were computed.
    pub rule: QuantileRule,
    /// The quantile, or why there is none.
    pub value: Estimate,
    /// Standard error; only the SPSS rule has one.
    pub standard_error: Option<Estimate>,
    /// Its limits.
    pub interval: Interval,
    /// What a reader must know of a median; nothing of other quantiles, nor where a curve is read
    /// that stands alone.
    pub caveats: Vec<Caveat>,
}

/// Survival at a chosen time.
#[derive(Clone, Debug, PartialEq)]
pub struct SurvivalAt {
    /// The time asked for.
    pub time: f64,
    /// Number at risk just before it: those followed to this time or beyond.
    pub n_at_risk: usize,
    /// Number of events up to and including it.
    pub n_events: usize,
    /// Number censored up to and including it.
    pub n_censored: usize,
    /// The same as sums of sampling weights; absent without such weights.
    pub weighted: Option<WeightedCounts>,
    /// Survival just after it; beyond the last observation there is none.
    pub survival: Estimate,
    /// Its standard error.
    pub standard_error: Estimate,
    /// Its limits.
    pub interval: Interval,
    /// What a reader must know of this time; nothing where a curve is read that stands alone.
    pub caveats: Vec<Caveat>,
}

/// Mean survival time up to a horizon: the area under the curve.
#[derive(Clone, Debug, PartialEq)]
pub struct RestrictedMean {
    /// The horizon.
    pub tau: f64,
    /// The mean; beyond the last observation there is none unless the curve has reached 0.
    pub mean: Estimate,
    /// Its standard error.
    pub standard_error: Estimate,
    /// Its limits, mean ± z · SE.
    pub interval: Interval,
    /// What a reader must know of this horizon; nothing where a curve is read that stands alone.
    pub caveats: Vec<Caveat>,
}
