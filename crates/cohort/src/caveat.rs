//! What a reader must know besides a number.

use serde::{Deserialize, Serialize};

/// A doubt that rides on a result, from the estimator to the printed page.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Caveat {
    /// The kind of doubt, for programs.
    pub code: CaveatCode,
    /// The doubt in words, for readers; it names variables and counts, never a patient.
    pub message: String,
}

impl Caveat {
    /// A doubt in the words of `message`.
    pub fn new(code: CaveatCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The kinds of doubt. The names appear unchanged in the report and on the wire.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CaveatCode {
    /// Fewer than ten subjects are at risk at a quoted time.
    FewAtRisk,
    /// A quoted time lies beyond the last observation.
    BeyondFollowUp,
    /// A median is not reached.
    MedianNotReached,
    /// The curve falls to zero because its last observation is an event.
    CurveEndsOnEvent,
    /// The risk set is empty between two events, because entry is late.
    EmptyRiskSet,
    /// Few events for the number of coefficients, or in a group that is tested.
    FewEvents,
    /// A column is a linear combination of others and has no coefficient.
    Aliased,
    /// The likelihood is monotone: a coefficient is infinite.
    Monotone,
    /// The outcome is separated: a coefficient is infinite and scores come near 0 or 1.
    Separation,
    /// The iteration ended before it had found the maximum.
    NotConverged,
    /// Proportional hazards are in doubt.
    NonProportionalHazards,
    /// Covariates were chosen by their p-values, which invalidates those p-values.
    DataDrivenSelection,
    /// Pairs are analysed as independent patients.
    PairsIgnored,
    /// Exposed patients remain unmatched: the result does not speak for them.
    UnmatchedExposed,
    /// A standardised difference stays above the threshold.
    Imbalance,
    /// Expected counts of a table are small.
    SparseTable,
    /// A level occurs in no subject.
    EmptyLevel,
    /// Follow-up times of zero are counted.
    ZeroTimes,
    /// Rows with missing values were left out.
    MissingData,
    /// Exposure begins after time zero: time before it is counted as exposed.
    ImmortalTime,
    /// The data are synthetic.
    SyntheticData,
    /// Competing causes are counted as censored: one minus the curve overstates the incidence.
    CompetingRisksIgnored,
    /// Rows with the weight 0 were left out.
    ZeroWeights,
    /// A robust variance rests on few clusters.
    FewClusters,
    /// Estimates maximise a likelihood with a penalty.
    PenalisedLikelihood,
    /// Values are tied where an exact test counts permutations.
    Ties,
    /// A p-value is estimated from random draws.
    MonteCarlo,
    /// Some subjects have hardly a counterpart in the other arm: scores near 0 or 1, or a level that
    /// occurs in one arm alone.
    Positivity,
    /// Few subjects carry much of the weight of their arm.
    ExtremeWeights,
    /// Weights leave an arm with the information of far fewer subjects than it has.
    SmallEffectiveSample,
    /// Bootstrap replicates have no answer.
    FailedReplicates,
    /// Bootstrap replicates do not reach a time; they count as infinite.
    InfiniteReplicates,
    /// There are few bootstrap replicates for their interval.
    FewReplicates,
    /// Many bootstrap replicates are equal, where an interval is made for smooth quantities.
    DiscreteReplicates,
    /// Bootstrap replicates are off centre: their bias is large beside their standard error.
    BiasedReplicates,
    /// A setting asks for more than the data have; what there is was used.
    UnmetSetting,
    /// The arms were followed for different times.
    UnequalFollowUp,
    /// A covariate of the score is measured after time zero, so that exposure may have changed it, or a
    /// criterion of eligibility looks at what is known only then.
    MeasuredAfterTimeZero,
    /// What is known to go with exposure and outcome, such as site or calendar time, is not in the
    /// score.
    UnadjustedConfounder,
    /// Sites differ, or one of them drives the result.
    Heterogeneity,
}

impl CaveatCode {
    /// Every kind, for those who translate them.
    pub const ALL: [Self; 40] = [
        Self::FewAtRisk,
        Self::BeyondFollowUp,
        Self::MedianNotReached,
        Self::CurveEndsOnEvent,
        Self::EmptyRiskSet,
        Self::FewEvents,
        Self::Aliased,
        Self::Monotone,
        Self::Separation,
        Self::NotConverged,
        Self::NonProportionalHazards,
        Self::DataDrivenSelection,
        Self::PairsIgnored,
        Self::UnmatchedExposed,
        Self::Imbalance,
        Self::SparseTable,
        Self::EmptyLevel,
        Self::ZeroTimes,
        Self::MissingData,
        Self::ImmortalTime,
        Self::SyntheticData,
        Self::CompetingRisksIgnored,
        Self::ZeroWeights,
        Self::FewClusters,
        Self::PenalisedLikelihood,
        Self::Ties,
        Self::MonteCarlo,
        Self::Positivity,
        Self::ExtremeWeights,
        Self::SmallEffectiveSample,
        Self::FailedReplicates,
        Self::InfiniteReplicates,
        Self::FewReplicates,
        Self::DiscreteReplicates,
        Self::BiasedReplicates,
        Self::UnmetSetting,
        Self::UnequalFollowUp,
        Self::MeasuredAfterTimeZero,
        Self::UnadjustedConfounder,
        Self::Heterogeneity,
    ];
}
