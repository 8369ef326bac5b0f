//! Where the scores of the two arms overlap, and where they do not: what weights and pairs rest on.

use cohort::{Caveat, CaveatCode, Cohort, CohortError, Estimate, NotEstimable, Selection, Term};
use numerics::sum::quantile_type_7;

/// The scores of the two arms beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlap {
    /// Scores of the exposed.
    pub exposed: ArmScores,
    /// Scores of the comparators.
    pub comparators: ArmScores,
    /// Common support, the scores between the larger of the two minima and the smaller of the two
    /// maxima; none when the ranges do not meet.
    pub common_support: Option<[f64; 2]>,
}

/// The scores of one arm.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmScores {
    /// Number of subjects.
    pub n: usize,
    /// Quantiles of type 7 at [`Overlap::PROBABILITIES`]; empty when there are no subjects.
    pub quantiles: Vec<f64>,
    /// Number of scores in each of [`Overlap::BINS`] bins of equal width from 0 to 1. A bin holds its
    /// lower bound, the last one holds 1 as well.
    pub histogram: Vec<usize>,
    /// Number of scores within the common support, its bounds included.
    pub n_in_common_support: usize,
    /// Number of preference scores from 0.3 to 0.7.
    pub n_in_equipoise: usize,
}

impl Overlap {
    /// Where the quantiles lie that are given of each arm.
    pub const PROBABILITIES: [f64; 9] = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];

    /// Number of bins of the histograms.
    pub const BINS: usize = 20;

    /// Preference scores between these speak of no strong preference for either arm.
    pub const EQUIPOISE: [f64; 2] = [0.3, 0.7];

    /// Share of the subjects of both arms that are in equipoise.
    ///
    /// Walker et al. take one half in each arm as a sign that the arms can be compared.
    pub fn share_in_equipoise(&self) -> Estimate {
        let n = self.exposed.n + self.comparators.n;
        let n_in_equipoise = self.exposed.n_in_equipoise + self.comparators.n_in_equipoise;
        share(n_in_equipoise, n)
    }
}

impl ArmScores {
    /// Share of the subjects of this arm that are in equipoise.
    pub fn share_in_equipoise(&self) -> Estimate {
        share(self.n_in_equipoise, self.n)
    }
}

fn share(part: usize, n: usize) -> Estimate {
    if n > 0 { Ok(part as f64 / n as f64) } else { Err(NotEstimable::NoSubjects) }
}

/// Who is set aside because the other arm has no score like theirs; scores at the edge of its range
/// stay. `discard` of `matchit` in R.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Discard {
    /// Nobody.
    #[default]
    None,
    /// Whoever lies outside the range that both arms share.
    Both,
    /// Comparators outside the range of the exposed.
    Comparators,
    /// Exposed outside the range of the comparators.
    Exposed,
}

/// Whether each subject is set aside, by the range of the scores of the other arm. Any scale of the score
/// that ascends will do.
#[must_use]
pub fn outside_support(is_exposed: &[bool], score: &[f64], rule: Discard) -> Vec<bool> {
    let range = |arm: bool| {
        let of_arm = is_exposed.iter().zip(score).filter(move |&(&exposed, _)| exposed == arm);
        of_arm.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, &score)| {
            (low.min(score), high.max(score))
        })
    };
    let (of_exposed, of_comparators) = (range(true), range(false));
    let is_outside = |score: f64, (low, high): (f64, f64)| score < low || high < score;
    let shared = (of_exposed.0.max(of_comparators.0), of_exposed.1.min(of_comparators.1));
    let is_discarded = |(&exposed, &score): (&bool, &f64)| match rule {
        Discard::None => false,
        Discard::Both => is_outside(score, shared),
        Discard::Comparators => !exposed && is_outside(score, of_exposed),
        Discard::Exposed => exposed && is_outside(score, of_comparators),
    };
    is_exposed.iter().zip(score).map(is_discarded).collect()
}

/// Describes the scores of two arms; `probability` holds the probability of exposure of each subject,
/// from 0 to 1.
///
/// The preference score `F` is the score without the share `p` of the exposed in the data,
///
/// ```text
/// logit F = logit e - logit p        F = e (1 - p) / (e (1 - p) + (1 - e) p)
/// ```
///
/// so that one half speaks of no preference however rare the exposure is. An empty arm leaves no
/// common support and nobody in equipoise.
///
/// Walker et al. (2013), Comp. Eff. Res. 3:11-20.
#[must_use]
pub fn overlap(is_exposed: &[bool], probability: &[f64]) -> Overlap {
    let of_arm = |arm: bool| -> Vec<f64> {
        let members = is_exposed.iter().zip(probability).filter(|(exposed, _)| **exposed == arm);
        let mut scores: Vec<f64> = members.map(|(_, &score)| score).collect();
        scores.sort_by(f64::total_cmp);
        scores
    };
    let (exposed, comparators) = (of_arm(true), of_arm(false));
    let common_support = common_support(&exposed, &comparators);
    let share = exposed.len() as f64 / probability.len() as f64;
    let describe = |scores: &[f64]| arm_scores(scores, common_support, share);
    Overlap { exposed: describe(&exposed), comparators: describe(&comparators), common_support }
}

/// Of scores that ascend.
fn common_support(exposed: &[f64], comparators: &[f64]) -> Option<[f64; 2]> {
    let lower = exposed.first()?.max(*comparators.first()?);
    let upper = exposed.last()?.min(*comparators.last()?);
    (lower <= upper).then_some([lower, upper])
}

fn arm_scores(sorted: &[f64], common_support: Option<[f64; 2]>, share: f64) -> ArmScores {
    let mut histogram = vec![0; Overlap::BINS];
    for &score in sorted {
        histogram[bin_of(score)] += 1;
    }
    let lies_in = |[lower, upper]: [f64; 2], value: f64| lower <= value && value <= upper;
    let [lower, upper] = Overlap::EQUIPOISE;
    let equipoise = [lower - ROUNDING, upper + ROUNDING];
    // Of one arm alone this is 0, 1 or nothing that lies anywhere.
    let preference = |score: f64| {
        let (exposed, comparator) = (score * (1.0 - share), (1.0 - score) * share);
        exposed / (exposed + comparator)
    };
    let count = |is_counted: &dyn Fn(f64) -> bool| {
        sorted.iter().filter(|&&score| is_counted(score)).count()
    };
    ArmScores {
        n: sorted.len(),
        quantiles: Overlap::PROBABILITIES
            .iter()
            .filter_map(|&probability| quantile_type_7(sorted, probability))
            .collect(),
        histogram,
        n_in_common_support: common_support
            .map_or(0, |support| count(&|score| lies_in(support, score))),
        n_in_equipoise: count(&|score| lies_in(equipoise, preference(score))),
    }
}

/// The bin that holds a score.
fn bin_of(score: f64) -> usize {
    ((score * Overlap::BINS as f64) as usize).min(Overlap::BINS - 1)
}

/// Share of the weight of some subjects whose scores lie in each of the [`Overlap::BINS`] bins: the
/// histogram of an arm after weighting or, with weights of 1, after matching.
///
/// Scores are from 0 to 1 and weights not negative. Empty without any weight.
#[must_use]
pub fn weighted_shares(scores: &[f64], weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mut shares = vec![0.0; Overlap::BINS];
    for (&score, &weight) in scores.iter().zip(weights) {
        shares[bin_of(score)] += weight;
    }
    match total > 0.0 {
        true => shares.into_iter().map(|weight| weight / total).collect(),
        false => Vec::new(),
    }
}

/// Scores of a few groups can lie on a bound of the equipoise; rounding error, and where a fit has
/// ended, must not decide who is in it.
const ROUNDING: f64 = 1e-9;

/// Nearer to 0 or 1 than this a score makes a weight of 100 or more, and a subject that has hardly a
/// counterpart in the other arm.
///
/// There is no sharp limit; Crump et al. (2009), Biometrika 96:187-199, leave out what is nearer than
/// 0.1.
const NEAR: f64 = 0.01;

/// That exposure is nearly certain, or nearly impossible, for some subjects, when it is.
///
/// Petersen et al. (2012), Stat. Methods Med. Res. 21:31-54.
#[must_use]
pub fn scores_near_limits(probability: &[f64]) -> Option<Caveat> {
    let n_near = probability.iter().filter(|&&score| score.min(1.0 - score) < NEAR).count();
    (n_near > 0).then(|| {
        let message = format!(
            "scores are nearer than {NEAR} to 0 or 1: hardly anybody of the other arm is like these \
             subjects (subjects: {n_near} of {})",
            probability.len()
        );
        Caveat::new(CaveatCode::Positivity, message)
    })
}

/// The levels of the factors among the terms that occur in one arm alone.
///
/// Fails when a column is missing or has missing cells.
pub fn levels_of_one_arm(
    cohort: &Cohort,
    selection: &Selection,
    terms: &[Term],
    is_exposed: &[bool],
) -> Result<Vec<Caveat>, CohortError> {
    let mut caveats = Vec::new();
    for term in terms {
        let Term::Factor { column, .. } = term else { continue };
        let categories = cohort.categories(column, selection)?;
        let mut counts = vec![[0usize; 2]; categories.levels.len()];
        for (&code, &exposed) in categories.codes.iter().zip(is_exposed) {
            counts[code as usize][usize::from(exposed)] += 1;
        }
        for (level, [n_comparators, n_exposed]) in categories.levels.iter().zip(counts) {
            let (arm, n) = match (n_comparators, n_exposed) {
                (n, 0) if n > 0 => ("comparators", n),
                (0, n) if n > 0 => ("the exposed", n),
                _ => continue,
            };
            let message = format!("{column}={level} occurs among {arm} alone (subjects: {n})");
            caveats.push(Caveat::new(CaveatCode::Positivity, message));
        }
    }
    Ok(caveats)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two of six are exposed, so odds of 1/2 are no preference: `F = 2 e / (1 + e)`, which is within
    /// 0.3 to 0.7 for `e` from 0.176 to 0.538.
    #[test]
    fn six_scores_by_hand() {
        let is_exposed = [true, true, false, false, false, false];
        let found = overlap(&is_exposed, &[0.5, 1.0, 0.05, 0.2, 0.5, 0.6]);
        assert_eq!(found.common_support, Some([0.5, 0.6]));
        let Overlap { exposed, comparators, .. } = &found;
        assert_eq!((exposed.n, exposed.n_in_common_support, exposed.n_in_equipoise), (2, 1, 1));
        assert_eq!(
            (comparators.n, comparators.n_in_common_support, comparators.n_in_equipoise),
            (4, 2, 2)
        );
        assert_eq!((exposed.histogram[10], exposed.histogram[19]), (1, 1));
        assert_eq!((comparators.histogram[1], comparators.histogram[4]), (1, 1));
        assert_eq!((exposed.quantiles[4], comparators.quantiles[0]), (0.75, 0.05));
        assert_eq!(found.share_in_equipoise(), Ok(0.5));
        assert_eq!(comparators.share_in_equipoise(), Ok(0.5));
    }

    #[test]
    fn ranges_that_do_not_meet_have_nothing_in_common() {
        let found = overlap(&[true, false], &[0.9, 0.1]);
        assert_eq!(found.common_support, None);
        assert_eq!(found.exposed.n_in_common_support, 0);
        let one_arm = overlap(&[true], &[1.0]);
        assert_eq!(one_arm.share_in_equipoise(), Ok(0.0));
        assert_eq!(one_arm.comparators.share_in_equipoise(), Err(NotEstimable::NoSubjects));
    }

    /// Weights 1, 2 and 1: the bin from 0.5 holds three quarters of them. A score of 1 is in the last.
    #[test]
    fn shares_of_weights_by_hand() {
        let shares = weighted_shares(&[0.5, 0.54, 1.0], &[1.0, 2.0, 1.0]);
        assert_eq!((shares.len(), shares[10], shares[19]), (Overlap::BINS, 0.75, 0.25));
        assert_eq!(shares.iter().sum::<f64>(), 1.0);
        assert!(weighted_shares(&[], &[]).is_empty());
    }

    #[test]
    fn scores_near_the_limits_are_counted() {
        let caveat = scores_near_limits(&[0.5, 0.005, 0.995]).unwrap();
        assert_eq!(caveat.code, CaveatCode::Positivity);
        assert!(caveat.message.contains("2 of 3"), "{}", caveat.message);
        assert_eq!(scores_near_limits(&[0.01, 0.5]), None);
    }

    #[test]
    fn levels_of_one_arm_are_named() {
        let levels = ["I", "II", "III"].map(String::from).to_vec();
        let stage = cohort::Column::categorical("stage", levels, vec![0, 0, 1, 1]);
        let cohort = Cohort::new(None, vec![stage]).unwrap();
        let terms = [Term::factor("stage")];
        let everybody = Selection::all(&cohort);
        let is_exposed = [true, false, true, true];
        let caveats = levels_of_one_arm(&cohort, &everybody, &terms, &is_exposed).unwrap();
        let messages: Vec<&str> = caveats.iter().map(|caveat| caveat.message.as_str()).collect();
        assert_eq!(messages, ["stage=II occurs among the exposed alone (subjects: 2)"]);
    }
}
