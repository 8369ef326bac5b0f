//! Matched samples: who is compared with whom, and the proof that the sets keep their promise.
//!
//! Nearest neighbours, optimal pairs, full matching, subclasses, coarsened and exact matching, and the
//! random matching of SPSS; with calipers, exact and anti-exact keys, sites, common support, and the
//! weights that go with the sets. The score on which subjects are near comes from elsewhere, as does
//! the judgement of balance.

mod assignment;
mod caveats;
mod certificate;
mod check;
mod error;
mod free;
mod full;
mod greedy;
mod line;
mod nearest;
mod nearest_point;
mod on_line;
mod optimal;
mod pairs;
mod points;
mod query;
mod sample;
mod sets;
mod spss;
mod strata;
mod subjects;
mod weights;

pub use check::check;
pub use error::{BrokenPromise, MatchOption, MatchingError};
pub use pairs::{digest_of_lines, match_pairs, match_weights};
pub use propensity::Discard;
pub use query::{
    Caliper, CaliperScale, Coarsening, CovariateCaliper, Distance, Estimand, FullOptions,
    MatchOrder, MatchQuery, Method, NearestOptions, OptimalOptions, Ratio, Site, SiteRule,
    SpssOptions, SubclassOptions,
};
pub use sample::{Certificate, MatchWeights, MatchedSample, Pair};
