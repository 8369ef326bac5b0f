//! Logistic regression, the propensity score, and the performance of predictions.
//!
//! [`logistic`], [`propensity`] and [`validate`] read the columns of a cohort, [`fit()`] is the
//! estimator beneath; it runs on the Newton machine of `numerics`. Within, `likelihood` sums over the
//! subjects what `link` says of one, `objective` adds a penalty, `model` is what stands at the maximum
//! with the intercept where `origin` puts it, and `inference`, `profile`, `robust` and `subjects` each
//! turn it into one part of the answer. [`performance()`] and
//! [`discrimination()`] need no model, only predictions, and so does [`overlap()`] of the scores of
//! two arms.

mod check;
mod discrimination;
mod error;
mod fit;
mod inference;
mod likelihood;
mod link;
mod model;
mod objective;
mod origin;
mod overlap;
mod performance;
mod profile;
mod query;
mod refitted;
mod robust;
mod score;
mod subjects;

pub use discrimination::{Discrimination, c_statistic, discrimination};
pub use error::PropensityError;
pub use fit::{FittedLogistic, LogisticData, fit};
pub use overlap::{
    ArmScores, Discard, Overlap, levels_of_one_arm, outside_support, overlap, scores_near_limits,
    weighted_shares,
};
pub use performance::{
    Calibration, CalibrationCoefficient, Performance, PerformanceOptions, Predictions, RiskGroup,
    performance,
};
pub use query::{
    FittedSubjects, Influence, Level, Link, LogisticCoefficient, LogisticExtras, LogisticFit,
    LogisticOptions, LogisticQuery, OnSeparation, PenalisedLikelihood, Penalty, ProfileLimits,
    ProfiledCoefficient, PropensityScores, TermTest, TestResult, Variance,
};
pub use refitted::{CountedScores, ScoreModel};
pub use score::{ValidationQuery, logistic, propensity, propensity_in_support, validate};
