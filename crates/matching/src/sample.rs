//! What this crate answers: the sets, their weights, and the proof.

use cohort::{Caveat, Estimate};

/// A matched sample.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedSample {
    /// Pairs in the id order of their focal member, then in the order in which its partners were
    /// found. Empty for methods that form classes only.
    pub pairs: Vec<Pair>,
    /// Number of the set of each selected subject, from 1 in the order of its first pair or
    /// class; 0 = in no set. Empty with replacement, where a subject may be in several.
    pub subclass: Vec<u32>,
    /// Weight of each selected subject in the matched sample; 0 = not in it.
    pub weights: Vec<f64>,
    /// Rows that were set aside before matching, ascending.
    pub discarded: Vec<usize>,
    /// Rows of the exposed who are not in the matched sample, ascending, discarded ones included.
    pub unmatched_exposed: Vec<usize>,
    /// What was promised and checked.
    pub certificate: Certificate,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// A matched sample in short.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchWeights {
    /// Weight of each selected subject in the matched sample; 0 = not in it.
    pub weights: Vec<f64>,
    /// Number of pairs, sets or classes; with replacement that of the subjects who have partners.
    pub n_sets: usize,
}

/// An exposed subject and its comparator, as rows of the cohort.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Row of the exposed subject.
    pub exposed: usize,
    /// Row of its comparator.
    pub comparator: usize,
    /// How far apart they are, in the distance of the method.
    pub distance: f64,
}

/// Conditions that were checked on the finished sets, and their extremes.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Method and version of its algorithm; it changes when the same question may get other sets.
    pub algorithm: String,
    /// For whom the matched sample speaks, in words.
    pub estimand: String,
    /// Number of exposed subjects, before anybody is discarded.
    pub n_exposed: usize,
    /// Number of comparators, before anybody is discarded.
    pub n_comparators: usize,
    /// Exposed subjects in the matched sample.
    pub n_matched_exposed: usize,
    /// Different comparators in the matched sample.
    pub n_matched_comparators: usize,
    /// Caliper on the scale on which it is measured; absent without one.
    pub caliper: Option<f64>,
    /// Standard deviation (n - 1) on the scale of the caliper, over the selected subjects that are
    /// not discarded; not defined without a score.
    pub score_sd: Estimate,
    /// Largest distance within a pair; no subjects when there is none.
    pub largest_distance: Estimate,
    /// Sum of the distances.
    pub total_distance: f64,
    /// Largest difference within a pair on the scale of the caliper, over the caliper: at most 1.
    /// Not defined without a caliper or with a caliper of 0.
    pub largest_over_caliper: Estimate,
    /// Choices at which another partner would have done as well; ids decided.
    pub n_ties: usize,
    /// SHA-256 of the sets in hexadecimal digits: of the lines `exposed id,comparator id` of the
    /// pairs in their order or, without pairs, of the lines `id,subclass` of the subjects in sets.
    pub digest: String,
}

impl Certificate {
    /// Share of the exposed who are in the matched sample.
    #[must_use]
    pub fn share_of_exposed(&self) -> f64 {
        self.n_matched_exposed as f64 / self.n_exposed as f64
    }
}
