//! Numbers that are computed again and again from the same subjects, counted anew each time.

use crate::Estimate;
use numerics::lanes::LANES;

/// Number of replicates that are evaluated together.
pub const REPLICATES_AT_ONCE: usize = LANES;

/// How often a subject counts in each of up to eight replicates; 0 in those that are not there.
pub type Counts = [f64; REPLICATES_AT_ONCE];

/// What a count of a subject means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counting {
    /// That many subjects who are alike: a whole number. Equal to the same analysis of repeated rows,
    /// in which tied events are tied with their own copies.
    Subjects,
    /// A case weight: any number that is not negative.
    Weights,
}

/// Up to eight replicates of one sample.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// How often each subject of the sample counts, in the order of the selection.
    pub counts: Vec<Counts>,
    /// Number of replicates, the first so many of the eight.
    pub n_replicates: usize,
    /// What the counts mean.
    pub counting: Counting,
}

impl Drawn {
    /// Every subject once, in one replicate: the sample itself.
    #[must_use]
    pub fn sample(n_subjects: usize) -> Self {
        let mut once = [0.0; REPLICATES_AT_ONCE];
        once[0] = 1.0;
        Self { counts: vec![once; n_subjects], n_replicates: 1, counting: Counting::Subjects }
    }

    /// The counts of one replicate.
    pub fn replicate(&self, replicate: usize) -> impl Iterator<Item = f64> + '_ {
        self.counts.iter().map(move |counts| counts[replicate])
    }
}

/// What one replicate gives for one quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replicated {
    /// The quantity, or why this replicate has none. A time that is not reached is infinite, which
    /// is an answer and takes its place among the others.
    pub value: Estimate,
    /// The variance that the replicate itself gives the quantity, where it has one.
    pub variance: Option<f64>,
}

impl Replicated {
    /// A quantity without a variance.
    #[must_use]
    pub fn value(value: Estimate) -> Self {
        Self { value, variance: None }
    }
}

/// One or more quantities of a sample, computed from how often each subject counts.
///
/// The sample is prepared once; a replicate copies and sorts nothing. A replicate depends on its own
/// counts alone, not on those evaluated with it, and one that counts everybody once equals the
/// estimate of the sample bit for bit.
pub trait Statistic: Sync {
    /// Memory that is used again from replicate to replicate.
    type Scratch: Send;

    /// Number of subjects of the sample.
    fn n_subjects(&self) -> usize;

    /// Number of quantities.
    fn n_quantities(&self) -> usize;

    /// Memory for [`Self::evaluate`].
    fn scratch(&self) -> Self::Scratch;

    /// Evaluates each replicate of `drawn`. `answers` holds the quantities of the first replicate,
    /// then those of the second, and so on.
    fn evaluate(&self, drawn: &Drawn, scratch: &mut Self::Scratch, answers: &mut [Replicated]);
}
