//! Why a question about survival has no answer at all.

use cohort::{Brief, CausesError, CohortError, NotEstimable};
use thiserror::Error;

/// Why curves could not be estimated or compared.
///
/// What single items lack is part of the answer instead; see [`cohort::NotEstimable`].
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SurvivalError {
    /// A column cannot be read.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// The confidence is not a share.
    #[error("the confidence {} does not lie between 0 and 1", Brief(*confidence))]
    Confidence {
        /// The confidence asked for.
        confidence: f64,
    },
    /// The probability of a quantile is not a share.
    #[error("the probability {} of a quantile does not lie between 0 and 1", Brief(*probability))]
    Probability {
        /// The probability asked for.
        probability: f64,
    },
    /// Survival or a restricted mean is asked for at an impossible time.
    #[error("the time {} asked for is negative, too large or not finite", Brief(*time))]
    Time {
        /// The time asked for.
        time: f64,
    },
    /// Something is asked for at a time before the curve begins.
    #[error(
        "the time {} asked for lies before the start of the curve at time {}",
        Brief(*time),
        Brief(*start)
    )]
    BeforeStart {
        /// The time asked for.
        time: f64,
        /// Where the curve begins.
        start: f64,
    },
    /// Nobody's follow-up reaches the start of the curve.
    #[error(
        "none of the selected subjects is followed to the start of the curve at time {}",
        Brief(*time)
    )]
    NobodyFollowed {
        /// Where the curve begins.
        time: f64,
    },
    /// A confidence band ends before it begins.
    #[error("the band ends at time {to}, before it begins at time {from}")]
    BandEnds {
        /// Where it should begin.
        from: f64,
        /// Where it should end.
        to: f64,
    },
    /// The bandwidth of a smoothed hazard is no width.
    #[error("the bandwidth {bandwidth} must be positive, neither too small nor too large")]
    Bandwidth {
        /// The bandwidth asked for.
        bandwidth: f64,
    },
    /// The exponents of the Fleming-Harrington weights give no finite weight.
    #[error("the exponents {p} and {q} of the test weights must be finite and not negative")]
    Exponents {
        /// Exponent of the survival.
        p: f64,
        /// Exponent of its complement.
        q: f64,
    },
    /// Weights of events by the size of the risk set go with no sampling weights.
    #[error(
        "weights of events by the number at risk need subjects that count once each: with sampling \
         weights use those of the log-rank test or of Fleming and Harrington"
    )]
    SizeWeights,
    /// There is not one score for each level.
    #[error("there are {scores} scores for {levels} levels")]
    ScoreCount {
        /// Number of scores.
        scores: usize,
        /// Number of levels.
        levels: usize,
    },
    /// The scores order no levels.
    #[error("the scores must be finite, not too large and not all equal")]
    Scores,
    /// The largest of several tests is asked for with more than two groups.
    #[error(
        "the largest of several tests compares two groups: {levels} levels of {column} occur in the \
         selected rows, so select two of them"
    )]
    MaxComboGroups {
        /// Column of the groups.
        column: String,
        /// Number of its levels that occur in somebody.
        levels: usize,
    },
    /// The largest is asked for of too many tests, or of none.
    #[error(
        "the largest of {count} tests is asked for: there must be at least 1 and at most {most}"
    )]
    MaxComboWeights {
        /// Number of tests.
        count: usize,
        /// Number of tests of which the largest can be judged.
        most: usize,
    },
    /// The causes of an endpoint contradict each other.
    #[error(transparent)]
    Causes(#[from] CausesError),
    /// The power of the weights of Gray's test gives no finite weight.
    #[error("the power {rho} of the test weights must be finite and not negative")]
    Rho {
        /// Power of one minus the incidence.
        rho: f64,
    },
    /// Gray's test is asked for with late entry, for which it is not defined.
    #[error("Gray's test needs everyone to be followed from time 0: leave out the entry column")]
    LateEntry,
    /// Greenwood's variance is asked for where subjects are weighted or not independent.
    #[error("Greenwood's variance knows neither sampling weights nor clusters: leave it out")]
    GreenwoodRefused,
    /// A landmark analysis is asked for with case weights or clusters.
    #[error("a landmark analysis takes neither case weights nor clusters")]
    WeightedLandmark,
    /// No row is selected.
    #[error("no rows are selected")]
    NoRows,
    /// Nothing can be compared.
    #[error(
        "the comparison needs two non-empty groups: {levels} of the levels of {column} occur in \
         the selected rows"
    )]
    TooFewGroups {
        /// Column of the groups.
        column: String,
        /// Number of its levels that occur in somebody.
        levels: usize,
    },
    /// The column has more levels than a test can compare.
    #[error("column {column} has {levels} levels; at most {most} can be compared, so group them")]
    TooManyGroups {
        /// Column of the groups.
        column: String,
        /// Number of its levels.
        levels: usize,
        /// Number of levels that can be compared.
        most: usize,
    },
    /// The level that others are contrasted with holds nobody.
    #[error("level {level} of {column} is the reference and occurs in no selected subject")]
    EmptyReference {
        /// Column of the groups.
        column: String,
        /// The level.
        level: String,
    },
    /// A quantity is asked for of a group that there is not.
    #[error("column {column} has no level {level} in the selected rows")]
    UnknownGroup {
        /// Column of the groups.
        column: String,
        /// The level asked for.
        level: String,
    },
    /// The amount of person-time that rates are given for is no amount.
    #[error("rates per {unit} units of time: the amount must be positive and not too large")]
    RateUnit {
        /// The amount asked for.
        unit: f64,
    },
    /// A potential follow-up ends before the subject enters, or before time 0.
    #[error(
        "column {column}, row {}: the potential follow-up is too large or ends before the \
         observation begins",
        row + 1
    )]
    PotentialFollowUp {
        /// Column that the potential follow-up is read from.
        column: String,
        /// Row of the cell, as the caller counts it.
        row: usize,
    },
    /// The landmark is no time.
    #[error("the landmark {} is negative or not finite", Brief(*time))]
    Landmark {
        /// The landmark asked for.
        time: f64,
    },
    /// Nobody is at risk beyond the landmark.
    #[error("none of the selected subjects is at risk beyond the landmark {}", Brief(*time))]
    NobodyAtRisk {
        /// The landmark.
        time: f64,
    },
}

impl SurvivalError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::NoRows | Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            Self::TooFewGroups { .. } => Some(NotEstimable::TooFewGroups),
            Self::EmptyReference { .. } => Some(NotEstimable::EmptyLevel),
            Self::NobodyAtRisk { .. } | Self::NobodyFollowed { .. } => {
                Some(NotEstimable::NoSubjects)
            }
            _ => None,
        }
    }
}
