//! Survival without covariates: Kaplan-Meier curves with their quantiles, landmark rates and
//! restricted means, simultaneous bands, the log-rank family of tests, smoothed hazards, and
//! cumulative incidence under competing risks.
//!
//! [`curves`] and [`compare`] answer a query about the columns of a cohort, and so do what stands on
//! them: [`contrasts`] between groups, [`conditional`] survival, [`summarise_follow_up`] and
//! [`landmark_analysis`]; [`smoothed_hazard`] is for plots; [`incidence`] and [`compare_incidence`] answer where causes compete.
//! Beneath them every estimator takes a [`RiskTable`], a summary that adds up over sites, a
//! [`WeightedTable`] with sampling weights, a [`CauseTable`] where there are several causes, or a
//! curve made from one. Robust variances rest on subjects: those of sampling weights and clusters
//! come from [`curves`] and [`contrasts`] alone.
//! [`SurvivalStatistic`] computes again and again from subjects who count several times, for a bootstrap.
//! Models with covariates are the business of `cox`.
//!
//! `VALIDATION.md` beside this crate shows the coverage of its intervals and the size of its tests
//! over simulated cohorts.

mod bands;
mod caveats;
mod compare;
mod competing;
mod conditional;
mod confidence;
mod contrast;
mod contrasts;
mod counts;
mod cumulative_hazard;
mod curves;
mod error;
mod follow_up;
mod hazard;
mod interval;
mod jackknife;
mod kaplan_meier;
mod landmark;
mod landmark_analysis;
mod log_rank;
mod quantile;
mod quantile_contrast;
mod query;
mod rates;
mod recount;
mod reference;
mod replicated;
mod restricted_mean;
mod risk_table;
mod robust;
mod sample;
mod settle;
mod shared_clusters;
mod start_time;
mod weighted_rates;
mod weighted_table;

pub use bands::{Band, BandKind, BandLimits, ConfidenceBand, confidence_band};
pub use compare::{
    AdjustedPValue, Alternative, ComparedGroup, Comparison, ComparisonOptions, ComparisonQuery,
    FlemingHarrington, MaxCombo, MaxComboComponent, MaxComboQuery, PairTest, PairsWithin,
    PairwiseQuery, ScoreTest, TestVariance, TestWeights, Trend, TrendQuery, compare,
};
pub use competing::{
    CauseAt, CauseCurve, CauseRow, CauseSummary, CauseTable, Gray, GrayGroup, GrayTest,
    GroupIncidence, IncidenceAt, IncidenceComparison, IncidenceComparisonQuery, IncidenceCurve,
    IncidenceQuery, Incidences, StateAt, StateCurve, TimeLost, aalen_johansen, compare_incidence,
    gray, incidence,
};
pub use conditional::{
    ConditionalQuery, ConditionalSurvival, GroupConditional, conditional, conditional_survival,
};
pub use confidence::Confidence;
pub use contrast::Contrast;
pub use contrasts::{
    BeyondLastTime, ContrastedGroup, Contrasts, ContrastsQuery, GroupContrasts, GroupMean, Horizon,
    QuantileContrast, RestrictedMeanContrast, SurvivalContrast, contrasts,
};
pub use cumulative_hazard::{CumulativeHazard, HazardEstimator, HazardIntervalRule};
pub use curves::curves;
pub use error::SurvivalError;
pub use follow_up::{
    ComparedRate, Completeness, FollowUp, FollowUpQuery, GroupFollowUp, PotentialFollowUp,
    summarise_follow_up,
};
pub use hazard::{
    BandwidthSource, FEWEST_AT_RISK, GroupHazard, HazardAt, HazardQuery, Smoothing, smoothed_hazard,
};
pub use interval::limits;
pub use kaplan_meier::kaplan_meier;
pub use landmark::survival_at;
pub use landmark_analysis::{
    EXPOSED_BY_LANDMARK, LandmarkAnalysis, LandmarkQuery, LandmarkSample, TIME_FROM_LANDMARK,
    landmark_analysis, landmark_sample,
};
pub use log_rank::{LogRank, log_rank};
pub use quantile::quantile;
pub use query::{
    Curves, CurvesQuery, GroupCurve, IntervalRule, Quantile, QuantileRule, RestrictedMean,
    SurvivalAt, SurvivalCurve, Variance, WeightedCounts, WeightedSums,
};
pub use rates::{PersonTime, Rate, RateContrast, rate, rate_contrast};
pub use recount::{Recount, Recounted};
pub use replicated::{
    CountedArms, Measure, SurvivalQuantity, SurvivalStatistic, SurvivalStatisticQuery,
};
pub use restricted_mean::restricted_mean;
pub use risk_table::{RiskRow, RiskTable};
pub use weighted_rates::WeightedPersonTime;
pub use weighted_table::{WeightedTable, weighted_kaplan_meier};
