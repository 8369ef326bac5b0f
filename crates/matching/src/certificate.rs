//! The proof: what was promised is checked once more on the finished sets.

use crate::BrokenPromise;
use crate::sets::Link;
use crate::subjects::Subjects;
use cohort::{Estimate, NotEstimable};
use numerics::sum::sum;
use std::collections::BTreeSet;

/// What a method promises beyond classes and calipers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Promise {
    /// Whether a partner may be in several pairs.
    pub reuse: bool,
    /// Largest number of partners of one focal subject; absent = any.
    pub most_partners: Option<usize>,
    /// Whether sets are made of pairs; otherwise they are classes.
    pub is_paired: bool,
}

/// What is found on pairs that keep their promise.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Findings {
    pub largest_distance: Estimate,
    pub total_distance: f64,
    pub largest_over_caliper: Estimate,
}

/// Checks finished sets without trust in how they were found.
///
/// Every pair joins a focal subject and a partner of one class, neither of them discarded, who differ
/// by no more than the calipers and on every anti-exact key; nobody is used more often, and nobody
/// has more partners, than promised. Every set holds both arms, those of classes have equal keys, and
/// the weights of each arm that has them add up to its subjects.
pub(crate) fn certify(
    subjects: &Subjects,
    pairs: &[Link],
    set: &[u32],
    weights: &[f64],
    promise: Promise,
) -> Result<Findings, BrokenPromise> {
    let mut largest_difference: Option<f64> = None;
    for link in pairs {
        let difference = check_pair(subjects, link)?;
        largest_difference = Some(largest_difference.map_or(difference, |d| d.max(difference)));
    }
    check_use(subjects, pairs, promise)?;
    check_sets(subjects, set)?;
    check_weights(subjects, weights)?;
    let distances = pairs.iter().map(|link| link.distance);
    let largest_over_caliper = match subjects.caliper {
        Some(caliper) if caliper > 0.0 => {
            largest_difference.map(|largest| largest / caliper).ok_or(NotEstimable::NoSubjects)
        }
        _ => Err(NotEstimable::NotDefined),
    };
    Ok(Findings {
        largest_distance: if promise.is_paired {
            distances.clone().reduce(f64::max).ok_or(NotEstimable::NoSubjects)
        } else {
            Err(NotEstimable::NotDefined)
        },
        total_distance: sum(distances),
        largest_over_caliper,
    })
}

/// The difference of a pair on the scale of the caliper; 0 without a score.
fn check_pair(subjects: &Subjects, link: &Link) -> Result<f64, BrokenPromise> {
    let (focal, partner) = (link.focal as usize, link.partner as usize);
    let difference = subjects.difference(focal, partner);
    let is_within = subjects.caliper.is_none_or(|caliper| difference <= caliper);
    if !subjects.is_focal[focal] || subjects.is_focal[partner] {
        Err(BrokenPromise::SameArm)
    } else if subjects.is_discarded[focal] || subjects.is_discarded[partner] {
        Err(BrokenPromise::Discarded)
    } else if subjects.class[focal] != subjects.class[partner] {
        Err(BrokenPromise::ExactKey)
    } else if !subjects.differ_on_keys(focal, partner) {
        Err(BrokenPromise::AntiExactKey)
    } else if !subjects.is_within_covariates(focal, partner) {
        Err(BrokenPromise::CovariateCaliper)
    } else if !(is_within && link.distance.is_finite() && link.distance >= 0.0) {
        Err(BrokenPromise::Caliper)
    } else {
        Ok(difference)
    }
}

fn check_use(subjects: &Subjects, pairs: &[Link], promise: Promise) -> Result<(), BrokenPromise> {
    let mut n_partners = vec![0u32; subjects.len()];
    let mut n_uses = vec![0u32; subjects.len()];
    for link in pairs {
        n_partners[link.focal as usize] += 1;
        n_uses[link.partner as usize] += 1;
    }
    if promise.most_partners.is_some_and(|most| n_partners.iter().any(|&n| n as usize > most)) {
        return Err(BrokenPromise::Ratio);
    }
    let is_star =
        |link: &Link| n_partners[link.focal as usize] == 1 || n_uses[link.partner as usize] == 1;
    if !promise.reuse && !pairs.iter().all(is_star) {
        return Err(BrokenPromise::Reuse);
    }
    if !promise.reuse && promise.most_partners.is_some() && n_uses.iter().any(|&n| n > 1) {
        return Err(BrokenPromise::Reuse);
    }
    // Without reuse a repeated pair is a reuse, which is found above.
    let mut seen = BTreeSet::new();
    let is_new = |link: &Link| !promise.reuse || seen.insert((link.focal, link.partner));
    if pairs.iter().all(is_new) { Ok(()) } else { Err(BrokenPromise::Repeated) }
}

fn check_sets(subjects: &Subjects, set: &[u32]) -> Result<(), BrokenPromise> {
    let n_sets = set.iter().max().map_or(0, |&last| last as usize);
    let mut key: Vec<Option<u32>> = vec![None; n_sets + 1];
    let mut has_arm = vec![[false; 2]; n_sets + 1];
    for (subject, &set) in set.iter().enumerate().filter(|&(_, &set)| set > 0) {
        if subjects.is_discarded[subject] {
            return Err(BrokenPromise::Discarded);
        }
        let set = set as usize;
        has_arm[set][usize::from(subjects.is_exposed[subject])] = true;
        if *key[set].get_or_insert(subjects.class[subject]) != subjects.class[subject] {
            return Err(BrokenPromise::ExactKey);
        }
    }
    let is_whole = has_arm.iter().skip(1).all(|arms| *arms == [true, true]);
    if is_whole { Ok(()) } else { Err(BrokenPromise::OneArm) }
}

/// Allows for rounding: a weight is a ratio of counts.
const WEIGHT_TOLERANCE: f64 = 1e-9;

fn check_weights(subjects: &Subjects, weights: &[f64]) -> Result<(), BrokenPromise> {
    let (mut total, mut n_used) = ([0.0; 2], [0usize; 2]);
    let mut is_negative = false;
    for (&is_exposed, &weight) in subjects.is_exposed.iter().zip(weights) {
        let arm = usize::from(is_exposed);
        total[arm] += weight;
        n_used[arm] += usize::from(weight != 0.0);
        is_negative |= weight < 0.0;
    }
    let adds_up = |arm: usize| {
        let n = n_used[arm] as f64;
        (total[arm] - n).abs() <= WEIGHT_TOLERANCE * n
    };
    if adds_up(0) && adds_up(1) && !is_negative { Ok(()) } else { Err(BrokenPromise::Weights) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Caliper, CaliperScale, CovariateCaliper, Discard, MatchQuery};
    use cohort::{Cohort, Column, Selection};

    /// Three exposed and four comparators: the third exposed lies outside the common support, the
    /// comparators differ from the exposed in class, ward or age one by one.
    fn subjects() -> Subjects {
        let columns = vec![
            Column::numeric("rt", vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
            Column::numeric("score", vec![1.0, 2.0, 9.0, 1.5, 2.25, 0.5, 3.0]),
            Column::numeric("class", vec![0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
            Column::numeric("ward", vec![1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 1.0]),
            Column::numeric("age", vec![50.0, 50.0, 50.0, 50.0, 59.0, 50.0, 50.0]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let raw = |width| Caliper { width, scale: CaliperScale::Raw };
        let query = MatchQuery {
            caliper: Some(raw(0.5)),
            exact: vec!["class".into()],
            anti_exact: vec!["ward".into()],
            covariate_calipers: vec![CovariateCaliper { column: "age".into(), caliper: raw(5.0) }],
            discard: Discard::Exposed,
            ..MatchQuery::nearest("rt", "1", "score")
        };
        Subjects::read(&cohort, &Selection::all(&cohort), &query).unwrap()
    }

    fn check(pairs: &[(u32, u32)], most: Option<usize>) -> Result<Findings, BrokenPromise> {
        let promise = Promise { reuse: false, most_partners: most, is_paired: true };
        let link = |&(focal, partner): &(u32, u32)| Link { focal, partner, distance: 0.25 };
        let pairs: Vec<Link> = pairs.iter().map(link).collect();
        certify(&subjects(), &pairs, &[0; 7], &[0.0; 7], promise)
    }

    #[test]
    fn sound_pairs_are_certified() {
        let findings = check(&[(0, 3)], Some(1)).unwrap();
        assert_eq!(findings.largest_over_caliper, Ok(1.0));
        assert_eq!((findings.largest_distance, findings.total_distance), (Ok(0.25), 0.25));
        let nothing = check(&[], Some(1)).unwrap();
        assert_eq!(nothing.largest_distance, Err(NotEstimable::NoSubjects));
    }

    #[test]
    fn each_broken_promise_is_found() {
        let broken = |pairs: &[(u32, u32)]| check(pairs, Some(1)).unwrap_err();
        assert_eq!(broken(&[(0, 1)]), BrokenPromise::SameArm);
        assert_eq!(broken(&[(2, 6)]), BrokenPromise::Discarded);
        assert_eq!(broken(&[(0, 5)]), BrokenPromise::ExactKey);
        assert_eq!(broken(&[(1, 6)]), BrokenPromise::AntiExactKey);
        assert_eq!(broken(&[(1, 4)]), BrokenPromise::CovariateCaliper);
        assert_eq!(broken(&[(0, 3), (1, 3)]), BrokenPromise::Reuse);
        assert_eq!(broken(&[(0, 3), (0, 3)]), BrokenPromise::Ratio);
        assert_eq!(check(&[(0, 3), (0, 3)], Some(2)).unwrap_err(), BrokenPromise::Reuse);
    }

    #[test]
    fn sets_and_weights_are_checked() {
        let check = |set: [u32; 7], weights: [f64; 7]| {
            let promise = Promise { reuse: false, most_partners: None, is_paired: false };
            certify(&subjects(), &[], &set, &weights, promise).err()
        };
        let none = [0.0; 7];
        assert_eq!(check([1, 0, 0, 1, 0, 0, 0], none), None);
        assert_eq!(check([1, 1, 0, 0, 0, 0, 0], none), Some(BrokenPromise::OneArm));
        assert_eq!(check([1, 0, 0, 0, 0, 1, 0], none), Some(BrokenPromise::ExactKey));
        assert_eq!(check([0, 0, 1, 1, 0, 0, 0], none), Some(BrokenPromise::Discarded));
        let uneven = [1.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0];
        assert_eq!(check([0; 7], uneven), Some(BrokenPromise::Weights));
    }
}
