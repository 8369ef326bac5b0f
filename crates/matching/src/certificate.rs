//! The proof: what was promised is checked once more on the finished sets.

use crate::BrokenPromise;
use crate::sets::Link;
use crate::subjects::{Role, Subjects};
use cohort::{Estimate, NotEstimable};
use numerics::sum::sum;
use std::borrow::Cow;

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
    pub n_matched_exposed: usize,
    pub n_matched_comparators: usize,
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
    if promise.is_paired {
        check_sets_of_pairs(pairs, set)?;
    } else {
        check_sets(subjects, set)?;
    }
    let [n_matched_comparators, n_matched_exposed] = check_weights(subjects, weights)?;
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
        n_matched_exposed,
        n_matched_comparators,
    })
}

/// The difference of a pair on the scale of the caliper; 0 without a score.
fn check_pair(subjects: &Subjects, link: &Link) -> Result<f64, BrokenPromise> {
    let (focal, partner) = (link.focal as usize, link.partner as usize);
    let difference = subjects.difference(focal, partner);
    let is_within = subjects.caliper.is_none_or(|caliper| difference <= caliper);
    let [of_focal, of_partner] = [focal, partner].map(|subject| subjects.roles[subject]);
    if !of_focal.is_focal() || of_partner.is_focal() {
        Err(BrokenPromise::SameArm)
    } else if of_focal.is_discarded() || of_partner.is_discarded() {
        Err(BrokenPromise::Discarded)
    } else if subjects.class_of(focal) != subjects.class_of(partner) {
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
    let pairs = by_focal(pairs);
    let of_each = || pairs.chunk_by(|a, b| a.focal == b.focal);
    if promise.most_partners.is_some_and(|most| of_each().any(|of_one| of_one.len() > most)) {
        return Err(BrokenPromise::Ratio);
    }
    if promise.reuse {
        let is_once = of_each().all(|of_one| {
            let mut partners: Vec<u32> = of_one.iter().map(|link| link.partner).collect();
            partners.sort_unstable();
            partners.is_sorted_by(|a, b| a < b)
        });
        return if is_once { Ok(()) } else { Err(BrokenPromise::Repeated) };
    }
    // Of each partner: 0, 1 or several pairs.
    let mut n_uses = vec![0u8; subjects.len()];
    let mut is_shared = false;
    for link in &*pairs {
        let n_uses = &mut n_uses[link.partner as usize];
        is_shared |= *n_uses > 0;
        *n_uses = n_uses.saturating_add(1);
    }
    let is_single = |link: &Link| n_uses[link.partner as usize] == 1;
    let is_star = |of_one: &[Link]| of_one.len() == 1 || of_one.iter().all(is_single);
    let may_share = promise.most_partners.is_none();
    if !is_shared || may_share && of_each().all(is_star) {
        Ok(())
    } else {
        Err(BrokenPromise::Reuse)
    }
}

/// Pairs by focal subject, as they stand as a rule.
fn by_focal(pairs: &[Link]) -> Cow<'_, [Link]> {
    let mut pairs = Cow::Borrowed(pairs);
    if !pairs.is_sorted_by_key(|link| link.focal) {
        pairs.to_mut().sort_by_key(|link| link.focal);
    }
    pairs
}

/// Sets of pairs, if there are any: the members of each pair share one, and nobody else is in one. Arms,
/// keys and discarded subjects are those of the pairs.
fn check_sets_of_pairs(pairs: &[Link], set: &[u32]) -> Result<(), BrokenPromise> {
    if set.is_empty() {
        return Ok(());
    }
    let mut is_member = vec![false; set.len()];
    let mut is_shared = true;
    for link in pairs {
        let (focal, partner) = (link.focal as usize, link.partner as usize);
        is_shared &= set[focal] == set[partner];
        is_member[focal] = true;
        is_member[partner] = true;
    }
    let is_sound = set.iter().zip(&is_member).all(|(&set, &member)| (set > 0) == member);
    if is_shared && is_sound { Ok(()) } else { Err(BrokenPromise::OneArm) }
}

/// Sets of classes: each holds both arms and one key, and nobody who is discarded.
fn check_sets(subjects: &Subjects, set: &[u32]) -> Result<(), BrokenPromise> {
    let n_sets = set.iter().max().map_or(0, |&last| last as usize);
    // Without a branch, since neither sets nor arms can be foretold; nobody's set is 0.
    let mut arms = vec![0u8; n_sets + 1];
    let mut is_any_discarded = false;
    for (&role, &set) in subjects.roles.iter().zip(set) {
        arms[set as usize] |= 1 << u8::from(role.is_exposed());
        is_any_discarded |= role.is_discarded() & (set > 0);
    }
    if is_any_discarded {
        return Err(BrokenPromise::Discarded);
    }
    let mut key: Vec<Option<u32>> = vec![None; n_sets + 1];
    for (&class, &set) in subjects.class.iter().zip(set).filter(|&(_, &set)| set > 0) {
        if *key[set as usize].get_or_insert(class) != class {
            return Err(BrokenPromise::ExactKey);
        }
    }
    let is_whole = arms.iter().skip(1).all(|&arms| arms == 0b11);
    if is_whole { Ok(()) } else { Err(BrokenPromise::OneArm) }
}

/// Allows for rounding: a weight is a ratio of counts.
const WEIGHT_TOLERANCE: f64 = 1e-9;

/// How many comparators and exposed have a weight.
fn check_weights(subjects: &Subjects, weights: &[f64]) -> Result<[usize; 2], BrokenPromise> {
    // Without a branch, since who is exposed cannot be foretold, and in columns that do not wait for
    // each other.
    const COLUMNS: usize = 8;
    let mut totals = [[0.0; COLUMNS]; 2];
    let mut n_used = [[0usize; COLUMNS]; 2];
    let mut is_negative = false;
    let mut add = |column: usize, role: &Role, weight: f64| {
        let of_exposed = if role.is_exposed() { weight } else { 0.0 };
        let of_comparator = weight - of_exposed;
        totals[0][column] += of_comparator;
        totals[1][column] += of_exposed;
        n_used[0][column] += usize::from(of_comparator != 0.0);
        n_used[1][column] += usize::from(of_exposed != 0.0);
        is_negative |= weight < 0.0;
    };
    let (roles, rest_of_roles) = subjects.roles.as_chunks::<COLUMNS>();
    let (weights, rest_of_weights) = weights.as_chunks::<COLUMNS>();
    for (roles, weights) in roles.iter().zip(weights) {
        (0..COLUMNS).for_each(|column| add(column, &roles[column], weights[column]));
    }
    rest_of_roles.iter().zip(rest_of_weights).for_each(|(role, &weight)| add(0, role, weight));
    let total = totals.map(|columns| columns.iter().sum::<f64>());
    let n_used = n_used.map(|columns| columns.iter().sum());
    let adds_up = |arm: usize| {
        let n = n_used[arm] as f64;
        (total[arm] - n).abs() <= WEIGHT_TOLERANCE * n
    };
    if adds_up(0) && adds_up(1) && !is_negative { Ok(n_used) } else { Err(BrokenPromise::Weights) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Caliper, CaliperScale, CovariateCaliper, MatchQuery};
    use cohort::{Cohort, Column, Selection};
    use propensity::Discard;

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
        certify(&subjects(), &pairs, &[], &[0.0; 7], promise)
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
        let of_pair = |set: [u32; 7]| {
            let link = Link { focal: 0, partner: 3, distance: 0.25 };
            let promise = Promise { reuse: false, most_partners: Some(1), is_paired: true };
            certify(&subjects(), &[link], &set, &none, promise).err()
        };
        assert_eq!(of_pair([1, 0, 0, 1, 0, 0, 0]), None);
        assert_eq!(of_pair([1, 0, 0, 2, 0, 0, 0]), Some(BrokenPromise::OneArm));
        assert_eq!(of_pair([1, 1, 0, 1, 0, 0, 0]), Some(BrokenPromise::OneArm));
        let uneven = [1.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0];
        assert_eq!(check([0; 7], uneven), Some(BrokenPromise::Weights));
    }
}
