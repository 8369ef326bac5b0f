//! Matched samples: who is compared with whom, and the proof that the pairs keep their promise.
//!
//! The score on which subjects are near comes from elsewhere, as does the judgement of balance.

mod certificate;
mod error;
mod free;
mod nearest;
mod pairs;
mod query;

pub use error::{BrokenPromise, MatchingError};
pub use pairs::match_pairs;
pub use query::{Caliper, CaliperScale, Certificate, MatchOrder, MatchQuery, MatchedSample, Pair};
