//! Weights that make two arms comparable: from the propensity score, or by entropy balancing.
//!
//! [`weigh`] reads the columns of a cohort. Within, `formula` says what a score weighs, `entropy`
//! finds the weights nearest to equal ones that give an arm the means asked for, `truncate` cuts what
//! is extreme, and `summary` says what the weights leave of each arm. Weights are sampling weights:
//! whoever analyses them takes them as known and gives a robust variance.

mod entropy;
mod error;
mod formula;
mod query;
mod summary;
mod truncate;
mod weigh;

pub use error::WeightingError;
pub use query::{
    ArmWeights, BalancedMean, Entropy, Estimand, InverseProbability, ScoreScale, Target,
    Truncation, WeightMethod, Weights, WeightsAlone, WeightsQuery,
};
pub use summary::doubts_about_weights;
pub use weigh::{weigh, weights_alone};
