//! Logistic regression and the propensity score.
//!
//! [`logistic`] and [`propensity`] read the columns of a cohort, [`fit()`] is the estimator beneath;
//! it runs on the Newton machine of `numerics` with the derivatives in `likelihood`.

mod error;
mod fit;
mod likelihood;
mod query;
mod score;

pub use error::PropensityError;
pub use fit::{FittedLogistic, LogisticData, fit};
pub use query::{
    Level, LogisticCoefficient, LogisticFit, LogisticOptions, LogisticQuery, PropensityScores,
};
pub use score::{c_statistic, logistic, propensity};
