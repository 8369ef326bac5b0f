//! The kinds of calls that a load test can make, and where each of them goes.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;

/// A kind of call. Those up to `piecewise` are the questions that the study asks, as the coordinator sends
/// them.
#[derive(
    Clone, Copy, Debug, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Propensity scores (`EstimatePropensity`).
    Propensity,
    /// Matched pairs (`MatchPairs`).
    Match,
    /// Weights (`EstimateWeights`).
    Weigh,
    /// Baseline tables (`AssessBalance`).
    Balance,
    /// Bounds under hidden bias (`BoundHiddenBias`).
    HiddenBias,
    /// Survival curves (`EstimateCurves`).
    Curves,
    /// Comparisons of curves (`CompareCurves`).
    Compare,
    /// Cox models (`FitCox`).
    Cox,
    /// Screens of Cox models (`ScreenCox`).
    Screen,
    /// Selections of terms (`SelectCox`).
    Select,
    /// Differences between curves (`ContrastCurves`).
    Contrast,
    /// Events, person-time and completeness of follow-up (`SummariseFollowUp`).
    FollowUp,
    /// Coefficients of Cox models over time (`DiagnoseCox`).
    OverTime,
    /// Hazard ratios by intervals of time (`FitPiecewiseCox`).
    Piecewise,
    /// Replicates of the hazard ratio of the arms (`RunReplicates`).
    ReplicatesRatio,
    /// Replicates of the difference of the medians (`RunReplicates`).
    ReplicatesMedian,
    /// Replicates of the study's largest Cox model (`RunReplicates`).
    ReplicatesModel,
    /// The study's own bootstrap of scope `outcome` (`RunReplicates`).
    ReplicatesOutcome,
    /// The study's own bootstrap of scope `pipeline`, which makes the design again (`RunReplicates`).
    ReplicatesPipeline,
    /// Percentile intervals of both, ratio and medians (`EstimateIntervals`).
    Intervals,
    /// The whole study (`RunStudy`).
    Study,
}

/// Who answers a call.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub enum Service {
    /// Whole studies.
    Coordinator,
    /// Propensity scores, matching, weights and baseline tables.
    Matching,
    /// Curves and their comparison.
    Survival,
    /// Cox models.
    Regression,
    /// Replicates and intervals.
    Bootstrap,
}

impl Kind {
    /// Its name on the command line and in results.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Who answers it.
    #[must_use]
    pub fn service(self) -> Service {
        match self {
            Self::Propensity | Self::Match | Self::Weigh | Self::Balance | Self::HiddenBias => {
                Service::Matching
            }
            Self::Curves | Self::Compare | Self::Contrast | Self::FollowUp => Service::Survival,
            Self::Cox | Self::Screen | Self::Select | Self::OverTime | Self::Piecewise => {
                Service::Regression
            }
            Self::ReplicatesRatio
            | Self::ReplicatesMedian
            | Self::ReplicatesModel
            | Self::ReplicatesOutcome
            | Self::ReplicatesPipeline
            | Self::Intervals => Service::Bootstrap,
            Self::Study => Service::Coordinator,
        }
    }

    /// The method, as HTTP/2 spells it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Propensity => "/equipoise.matching.v1.MatchingService/EstimatePropensity",
            Self::Match => "/equipoise.matching.v1.MatchingService/MatchPairs",
            Self::Weigh => "/equipoise.matching.v1.MatchingService/EstimateWeights",
            Self::Balance => "/equipoise.matching.v1.MatchingService/AssessBalance",
            Self::HiddenBias => "/equipoise.matching.v1.MatchingService/BoundHiddenBias",
            Self::Curves => "/equipoise.survival.v1.SurvivalService/EstimateCurves",
            Self::Compare => "/equipoise.survival.v1.SurvivalService/CompareCurves",
            Self::Cox => "/equipoise.regression.v1.RegressionService/FitCox",
            Self::Screen => "/equipoise.regression.v1.RegressionService/ScreenCox",
            Self::Select => "/equipoise.regression.v1.RegressionService/SelectCox",
            Self::Contrast => "/equipoise.survival.v1.SurvivalService/ContrastCurves",
            Self::FollowUp => "/equipoise.survival.v1.SurvivalService/SummariseFollowUp",
            Self::OverTime => "/equipoise.regression.v1.RegressionService/DiagnoseCox",
            Self::Piecewise => "/equipoise.regression.v1.RegressionService/FitPiecewiseCox",
            Self::ReplicatesRatio
            | Self::ReplicatesMedian
            | Self::ReplicatesModel
            | Self::ReplicatesOutcome
            | Self::ReplicatesPipeline => "/equipoise.bootstrap.v1.BootstrapService/RunReplicates",
            Self::Intervals => "/equipoise.bootstrap.v1.BootstrapService/EstimateIntervals",
            Self::Study => "/equipoise.study.v1.StudyService/RunStudy",
        }
    }
}
