//! `equipoise.matching.v1`: propensity scores, weights, matched samples and baseline tables.

mod balance;
mod groups;
mod hidden_bias;
mod match_options;
mod overlap;
mod pairs;
mod propensity;
mod tables;
mod weights;

pub use balance::{BalanceQuestion, balance_request, balance_response};
pub use groups::{groups_request, groups_response};
pub use hidden_bias::{hidden_bias_request, hidden_bias_response};
pub use match_options::match_option_path;
pub use pairs::{match_request, match_response};
pub use propensity::{PropensityQuestion, propensity_request, propensity_response};
pub use weights::{weights_request, weights_response};
