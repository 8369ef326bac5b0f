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
pub(crate) use pairs::{query_from as match_query_from, query_to as match_query_to};
pub use propensity::{PropensityQuestion, propensity_request, propensity_response};
pub(crate) use propensity::{question_from as propensity_from, question_to as propensity_to};
pub(crate) use tables::{variable_to, variables_from};
pub(crate) use weights::{
    query_from as weights_query_from, query_to as weights_query_to, scale_from, scale_to,
};
pub use weights::{weights_request, weights_response};
