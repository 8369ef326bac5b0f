//! What may be asked of this crate and what it answers, in terms of a cohort's columns.

use cohort::{Caveat, Estimate};

/// Who is matched to whom, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchQuery {
    /// Column that tells the exposed from their comparators; it has exactly two levels.
    pub exposure: String,
    /// Level of the exposed.
    pub exposed: String,
    /// Numeric column of the score on whose scale distances are measured.
    pub distance: String,
    /// Largest distance allowed; absent = any.
    pub caliper: Option<Caliper>,
    /// In which order the exposed choose.
    pub order: MatchOrder,
    /// Columns on whose values both members of a pair agree.
    pub exact: Vec<String>,
}

/// Largest distance allowed within a pair; the limit itself is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caliper {
    /// Width in units of the scale.
    pub width: f64,
    /// The scale.
    pub scale: CaliperScale,
}

/// Unit of a caliper.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CaliperScale {
    /// Standard deviation (n - 1) of the score over all selected subjects.
    #[default]
    StandardDeviations,
    /// The score itself.
    Raw,
}

/// In which order the exposed choose their partners; equal scores choose in id order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MatchOrder {
    /// Largest score first.
    #[default]
    Largest,
    /// Smallest score first.
    Smallest,
    /// Id order.
    Data,
}

/// A matched sample.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedSample {
    /// Pairs in the id order of their exposed member.
    pub pairs: Vec<Pair>,
    /// Rows of the exposed without a partner, ascending.
    pub unmatched_exposed: Vec<usize>,
    /// What was promised and checked.
    pub certificate: Certificate,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// An exposed subject and its comparator, as rows of the cohort.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Row of the exposed subject.
    pub exposed: usize,
    /// Row of its comparator.
    pub comparator: usize,
    /// Absolute difference of their scores.
    pub distance: f64,
}

/// Conditions that were checked on the finished pairs, and their extremes.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Number of exposed subjects.
    pub n_exposed: usize,
    /// Number of comparators to choose from.
    pub n_comparators: usize,
    /// Caliper on the scale of the score; absent without one.
    pub caliper: Option<f64>,
    /// Standard deviation (n - 1) of the score over all selected subjects.
    pub score_sd: Estimate,
    /// Largest distance within a pair.
    pub largest_distance: Estimate,
    /// Sum of the distances.
    pub total_distance: f64,
    /// Choices at which two comparators were equally near.
    pub n_ties: usize,
}
