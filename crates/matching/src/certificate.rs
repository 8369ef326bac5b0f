//! The proof: what was promised is checked once more on the finished pairs.

use crate::nearest::Subjects;
use crate::{BrokenPromise, Certificate};
use cohort::{Estimate, NotEstimable};
use numerics::sum::sum;

/// Checks the pairs of subjects without trust in how they were found.
///
/// Every pair joins an exposed subject and a comparator of one class, no wider than the caliper,
/// and nobody is in two pairs. `n_unmatched` exposed subjects have no partner.
pub(crate) fn certify(
    subjects: &Subjects,
    pairs: &[(usize, usize)],
    n_unmatched: usize,
    caliper: Option<f64>,
    score_sd: Estimate,
    n_ties: usize,
) -> Result<Certificate, BrokenPromise> {
    let mut is_used = vec![false; subjects.score.len()];
    let mut distances = Vec::with_capacity(pairs.len());
    for &(exposed, comparator) in pairs {
        if !subjects.is_exposed[exposed] || subjects.is_exposed[comparator] {
            return Err(BrokenPromise::SameArm);
        }
        if is_used[exposed] || is_used[comparator] {
            return Err(BrokenPromise::Reuse);
        }
        if subjects.stratum[exposed] != subjects.stratum[comparator] {
            return Err(BrokenPromise::ExactKey);
        }
        let distance = (subjects.score[exposed] - subjects.score[comparator]).abs();
        if caliper.is_some_and(|caliper| distance > caliper) {
            return Err(BrokenPromise::Caliper);
        }
        is_used[exposed] = true;
        is_used[comparator] = true;
        distances.push(distance);
    }
    let n_exposed = subjects.is_exposed.iter().filter(|&&exposed| exposed).count();
    if pairs.len() + n_unmatched != n_exposed {
        return Err(BrokenPromise::Reuse);
    }
    Ok(Certificate {
        n_exposed,
        n_comparators: subjects.score.len() - n_exposed,
        caliper,
        score_sd,
        largest_distance: distances
            .iter()
            .copied()
            .reduce(f64::max)
            .ok_or(NotEstimable::NoSubjects),
        total_distance: sum(distances),
        n_ties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(usize, usize)], n_unmatched: usize) -> Result<Certificate, BrokenPromise> {
        let subjects = Subjects {
            is_exposed: &[true, true, false, false, false],
            score: &[1.0, 2.0, 1.5, 2.25, 1.0],
            stratum: &[0, 0, 0, 0, 1],
        };
        certify(&subjects, pairs, n_unmatched, Some(0.5), Ok(0.5), 0)
    }

    #[test]
    fn sound_pairs_are_certified() {
        let certificate = check(&[(0, 2), (1, 3)], 0).unwrap();
        assert_eq!((certificate.n_exposed, certificate.n_comparators), (2, 3));
        assert_eq!(certificate.largest_distance, Ok(0.5));
        assert_eq!(certificate.total_distance, 0.75);
        assert_eq!(check(&[], 2).unwrap().largest_distance, Err(NotEstimable::NoSubjects));
    }

    #[test]
    fn each_broken_promise_is_found() {
        assert_eq!(check(&[(0, 1)], 1), Err(BrokenPromise::SameArm));
        assert_eq!(check(&[(0, 2), (1, 2)], 0), Err(BrokenPromise::Reuse));
        assert_eq!(check(&[(0, 2)], 0), Err(BrokenPromise::Reuse));
        assert_eq!(check(&[(0, 3)], 1), Err(BrokenPromise::Caliper));
        assert_eq!(check(&[(0, 4)], 1), Err(BrokenPromise::ExactKey));
    }
}
