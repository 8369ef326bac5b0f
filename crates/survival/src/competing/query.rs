//! What may be asked about competing risks and what is answered, in terms of a cohort's columns.

use crate::{Comparison, ComparisonOptions, ComparisonQuery, IntervalRule, SurvivalCurve};
use cohort::{CauseColumns, Caveat, Estimate, Interval};

/// What to estimate for each group.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidenceQuery {
    /// Follow-up and its causes.
    pub endpoint: CauseColumns,
    /// Column whose levels have curves each; absent = one set of curves for all.
    pub group: Option<String>,
    /// Rule for the limits of the probabilities.
    pub interval: IntervalRule,
    /// Confidence of every interval; 0.95 unless asked otherwise.
    pub confidence: f64,
    /// Times at which the probabilities are reported, in the unit of the endpoint.
    pub times: Vec<f64>,
    /// Times up to which the time lost to each cause is reported.
    pub time_lost_horizons: Vec<f64>,
    /// Also the Kaplan-Meier curve of each cause with the others censored. It describes the hazard
    /// of the cause; a caveat says by how much one minus it overstates the incidence.
    pub cause_specific: bool,
}

/// Cumulative incidence, one entry per group, in the order of the levels; a level without subjects
/// has n = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Incidences {
    /// One entry per group.
    pub groups: Vec<GroupIncidence>,
}

/// What was estimated for one group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupIncidence {
    /// Level of the group column; absent without one.
    pub group: Option<String>,
    /// Number of subjects.
    pub n: usize,
    /// The probabilities at every distinct time; empty when there are no subjects.
    pub curve: IncidenceCurve,
    /// The probabilities at the times asked for.
    pub at_times: Vec<IncidenceAt>,
    /// One entry per cause, in the order of the endpoint.
    pub causes: Vec<CauseSummary>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// What was estimated for one cause besides its curve.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseSummary {
    /// Name of the cause.
    pub cause: String,
    /// Number of events of the cause.
    pub n_events: usize,
    /// Mean time lost to the cause up to the horizons asked for.
    pub time_lost: Vec<TimeLost>,
    /// Kaplan-Meier curve of the cause with the others censored, when asked for.
    pub cause_specific: Option<SurvivalCurve>,
}

/// Probabilities of being event-free and of each cause, one entry per distinct time, also those
/// with censorings alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidenceCurve {
    /// Distinct times, ascending.
    pub time: Vec<f64>,
    /// Number at risk just before each time.
    pub n_at_risk: Vec<usize>,
    /// Number censored at each time.
    pub n_censored: Vec<usize>,
    /// Probability of no event of any cause: the Kaplan-Meier curve of all causes together.
    pub event_free: StateCurve,
    /// One entry per cause, in the order of the endpoint.
    pub causes: Vec<CauseCurve>,
}

/// Probability of a state just after each time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateCurve {
    /// The probability.
    pub probability: Vec<f64>,
    /// Its standard error by the infinitesimal jackknife; 0 where the probability is 0.
    pub standard_error: Vec<f64>,
    /// Its limits by the rule asked for; undefined where the rule's scale is.
    pub interval: Vec<Interval>,
}

/// Cumulative incidence of one cause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CauseCurve {
    /// Number of events of the cause at each time.
    pub n_events: Vec<usize>,
    /// Probability that the cause has occurred.
    pub incidence: StateCurve,
    /// Aalen's variance of the incidence, another estimator than the square of the standard error:
    /// `var` of `cuminc` in R.
    pub aalen_variance: Vec<f64>,
}

/// Probabilities at a chosen time.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidenceAt {
    /// The time asked for.
    pub time: f64,
    /// Number at risk just before it: those followed to this time or beyond.
    pub n_at_risk: usize,
    /// Number censored up to and including it.
    pub n_censored: usize,
    /// Probability of no event up to and including it.
    pub event_free: StateAt,
    /// One entry per cause, in the order of the endpoint.
    pub causes: Vec<CauseAt>,
}

/// Probability of a state at a chosen time; beyond the last observation there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StateAt {
    /// The probability.
    pub probability: Estimate,
    /// Its standard error by the infinitesimal jackknife.
    pub standard_error: Estimate,
    /// Its limits.
    pub interval: Interval,
}

/// One cause at a chosen time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CauseAt {
    /// Number of events of the cause up to and including the time.
    pub n_events: usize,
    /// Probability that the cause has occurred.
    pub incidence: StateAt,
    /// Aalen's variance of the incidence: `var` of `cuminc` in R.
    pub aalen_variance: Estimate,
}

/// Mean time lost to one cause up to a horizon: the area under its cumulative incidence.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeLost {
    /// The horizon.
    pub tau: f64,
    /// The mean; beyond the last observation there is none unless nobody is event-free.
    pub mean: Estimate,
    /// Its standard error by the infinitesimal jackknife.
    pub standard_error: Estimate,
    /// Its limits, mean ± z · SE.
    pub interval: Interval,
}

/// Which groups to compare and how.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidenceComparisonQuery {
    /// Follow-up and its causes; without late entry.
    pub endpoint: CauseColumns,
    /// Column whose levels are compared.
    pub group: String,
    /// Columns whose crossing stratifies the test; matched pairs are strata too.
    pub strata: Vec<String>,
    /// Power of `1 - F` in the weights; 0 weighs all events equally.
    pub rho: f64,
    /// Also the log-rank test of each cause with the others censored, which compares hazards.
    pub cause_specific: bool,
}

impl IncidenceComparisonQuery {
    /// The log-rank test of one cause with the others censored; `cause` is an index of the endpoint.
    #[must_use]
    pub fn log_rank(&self, cause: usize) -> ComparisonQuery {
        ComparisonQuery {
            endpoint: self.endpoint.cause_specific(cause),
            group: self.group.clone(),
            strata: self.strata.clone(),
            weights: None,
            options: ComparisonOptions::default(),
        }
    }
}

/// A comparison of cumulative incidence, cause by cause.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidenceComparison {
    /// One test per cause, in the order of the endpoint.
    pub causes: Vec<GrayTest>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// Gray's test of one cause.
#[derive(Clone, Debug, PartialEq)]
pub struct GrayTest {
    /// Name of the cause.
    pub cause: String,
    /// One entry per level, in their order.
    pub groups: Vec<GrayGroup>,
    /// Covariance of observed minus expected over all levels, row by row.
    pub variance: Vec<Vec<f64>>,
    /// The statistic, or why there is none.
    pub chi_squared: Estimate,
    /// Number of compared groups less one; fewer where the variance has less rank.
    pub degrees_of_freedom: usize,
    /// Upper tail of the statistic.
    pub p_value: Estimate,
    /// Natural logarithm of the p-value, finite where it underflows.
    pub ln_p_value: Estimate,
    /// The log-rank test of the cause with the others censored, when asked for.
    pub cause_specific: Option<Comparison>,
}

/// One group of Gray's test.
#[derive(Clone, Debug, PartialEq)]
pub struct GrayGroup {
    /// Level of the group column.
    pub group: String,
    /// Number of subjects.
    pub n: usize,
    /// Number of events of the cause.
    pub n_events: usize,
    /// Observed events of the cause; weighted when rho is not 0.
    pub observed: f64,
    /// Expected events under equal incidence; weighted when rho is not 0.
    pub expected: f64,
}
