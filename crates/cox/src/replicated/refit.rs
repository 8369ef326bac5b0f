//! A model that is fitted to one replicate after the other, from the maximum of the sample on.

use crate::Ties;
use crate::derivatives::LikelihoodSums;
use crate::fit::Model;
use crate::monotone::{DARK, FAINT};
use crate::robust::cluster_scores;
use crate::subjects::{Recounted, Subjects};
use cohort::{Counting, Drawn, Replicated, finite};
use numerics::newton::Derivatives;
use numerics::refinement::{Progress, Refinement};
use numerics::rows::Rows;
use numerics::wanted;

/// A sample that is sorted and standardised once, with its maximum.
///
/// A replicate begins where the influence of each subject takes the maximum when it counts more or less
/// (the one-step or infinitesimal jackknife), which is nearer to its own maximum by an order than the
/// sample's. Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 21.
pub struct Refit {
    sample: Subjects,
    /// The subject of each position.
    order: Vec<u32>,
    ties: Ties,
    /// The maximum of the sample in standardised units.
    estimate: Vec<f64>,
    /// By how much the maximum moves when a position counts once more.
    influence: Rows,
    /// What everybody once gives.
    all_once: Vec<Replicated>,
}

/// Memory of a [`Refit`].
pub struct Scratch {
    replicate: Recounted,
    sums: LikelihoodSums,
    derivatives: Derivatives,
    search: Refinement,
    /// How often each position counts.
    counts: Vec<f64>,
}

/// A column that is this much fainter than what the search from afar doubts is left to it: the columns of
/// a replicate vary less or more than those of the sample, in whose units they stand.
const FAINTER: f64 = 10.0;

impl Refit {
    /// Prepares the replicates of a model at its maximum; absent when it has none, or a column without a
    /// coefficient.
    pub fn new(model: &Model, order: &[u32], all_once: Vec<Replicated>) -> Option<Self> {
        let (sets, maximum) = (model.sets, model.maximum);
        let has_maximum = maximum.converged && maximum.ascents.is_empty();
        if !has_maximum || maximum.aliased.contains(&true) || sets.p() == 0 {
            return None;
        }
        let estimate = maximum.estimate.as_slice();
        let everybody: Vec<u32> = (0..sets.n() as u32).collect();
        let scores = cluster_scores(sets, model.options.ties, estimate, &everybody);
        let by_position = scores * &maximum.covariance;
        let mut influence = Rows::zeros(sets.n(), sets.p());
        for (position, moved) in by_position.row_iter().enumerate() {
            influence.row_mut(position).iter_mut().zip(&moved).for_each(|(to, moved)| *to = *moved);
        }
        Some(Self {
            sample: Subjects::clone(sets),
            order: order.to_vec(),
            ties: model.options.ties,
            estimate: estimate.to_vec(),
            influence,
            all_once,
        })
    }

    pub fn scratch(&self) -> Scratch {
        let p = self.sample.p();
        Scratch {
            replicate: Recounted::new(&self.sample),
            sums: LikelihoodSums::new(&self.sample, self.ties),
            derivatives: Derivatives::zeros(p),
            search: Refinement::new(p),
            counts: vec![0.0; self.sample.n()],
        }
    }

    /// The coefficients of a replicate, if it has a maximum that is soon found and beyond doubt; else
    /// nothing is answered.
    pub fn evaluate(
        &self,
        drawn: &Drawn,
        replicate: usize,
        scratch: &mut Scratch,
        answers: &mut [Replicated],
    ) -> bool {
        let counts = &mut scratch.counts;
        for (count, &subject) in counts.iter_mut().zip(&self.order) {
            *count = drawn.counts[subject as usize][replicate];
        }
        if counts.iter().all(|&count| count == 1.0) {
            answers.copy_from_slice(&self.all_once);
            return true;
        }
        if drawn.counting == Counting::Weights && counts.contains(&0.0) {
            return false;
        }
        scratch.replicate.count(&self.sample, counts, drawn.counting);
        self.begin(scratch);
        if !self.refine(scratch) || self.is_doubtful(scratch) {
            return false;
        }
        for (j, (answer, scale)) in answers.iter_mut().zip(self.sample.scales()).enumerate() {
            let error = finite(scratch.search.variance(j).sqrt() / scale);
            *answer = Replicated {
                value: finite(scratch.search.at()[j] / scale),
                variance: error.ok().map(|error| error * error),
            };
        }
        true
    }

    /// Where the influences say that the maximum is.
    fn begin(&self, scratch: &mut Scratch) {
        let Scratch { search, counts, .. } = scratch;
        counts.iter_mut().for_each(|count| *count -= 1.0);
        let start = search.begin();
        start.copy_from_slice(&self.estimate);
        self.influence.add_sum(0..counts.len(), counts, start);
    }

    fn refine(&self, scratch: &mut Scratch) -> bool {
        let Scratch { replicate, sums, derivatives, search, .. } = scratch;
        let subjects = replicate.subjects();
        sums.forget();
        loop {
            wanted::check();
            sums.derivatives(subjects, search.at(), |_| 1.0, derivatives);
            match search.answer(derivatives) {
                Progress::Evaluate => {}
                Progress::Done => return true,
                Progress::GivenUp => return false,
            }
        }
    }

    /// Whether rounding errors may have looked like a maximum, as [`crate::monotone::settled`] asks.
    fn is_doubtful(&self, scratch: &mut Scratch) -> bool {
        let Scratch { replicate, sums, search, .. } = scratch;
        let subjects = replicate.subjects();
        let limit = 1.0 / (FAINT * FAINTER * subjects.total_weight_of_events());
        let is_faint = |j: usize| search.variance(j) > limit;
        let is_in_the_dark = || !subjects.is_closed() && sums.risks().range(subjects.n()) > DARK;
        !sums.risks().is_uniform() || (0..subjects.p()).any(is_faint) || is_in_the_dark()
    }
}
