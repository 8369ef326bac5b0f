//! Weights of a matched sample, as MatchIt gives them.

use crate::query::Estimand;
use crate::sets::Link;
use crate::subjects::Role;
use numerics::sum::sum;

/// Weights from pairs: a focal subject with partners counts 1, a partner `1 / (partners of the set)`
/// for each of its sets, rescaled so that the weights of the partners add up to their number.
///
/// Pairs stand by focal subject.
pub(crate) fn of_pairs(pairs: &[Link], n: usize) -> Vec<f64> {
    let mut weights = vec![0.0; n];
    let mut partners = Vec::with_capacity(pairs.len());
    for of_one in pairs.chunk_by(|a, b| a.focal == b.focal) {
        weights[of_one[0].focal as usize] = 1.0;
        for link in of_one {
            let partner = link.partner as usize;
            if weights[partner] == 0.0 {
                partners.push(partner);
            }
            weights[partner] += 1.0 / of_one.len() as f64;
        }
    }
    let total = sum(partners.iter().map(|&partner| weights[partner]));
    for &partner in &partners {
        weights[partner] *= partners.len() as f64 / total;
    }
    weights
}

/// The same when nobody is in two pairs.
pub(crate) fn of_single_pairs(pairs: &[Link], n: usize) -> Vec<f64> {
    let mut weights = vec![0.0; n];
    for link in pairs {
        weights[link.focal as usize] = 1.0;
        weights[link.partner as usize] = 1.0;
    }
    weights
}

/// Weights from classes: in class `s` with `f` focal subjects and `p` partners a focal subject counts
/// 1 and a partner `f / p`, rescaled so that the weights of the partners add up to their number. For
/// both arms together each arm counts `(f + p)` over its own number, and both are rescaled.
pub(crate) fn of_classes(class: &[u32], roles: &[Role], estimand: Estimand) -> Vec<f64> {
    let is_focal = |subject: usize| roles[subject].is_focal();
    let n_classes = class.iter().max().map_or(0, |&last| last as usize + 1);
    let mut sizes = vec![[0.0f64; 2]; n_classes];
    for (&class, role) in class.iter().zip(roles) {
        sizes[class as usize][usize::from(role.is_focal())] += 1.0;
    }
    let weight = |subject: usize| {
        let [partners, focal] = sizes[class[subject] as usize];
        match (class[subject], estimand, is_focal(subject)) {
            (0, ..) => 0.0,
            (_, Estimand::Ate, true) => (partners + focal) / focal,
            (_, Estimand::Ate, false) => (partners + focal) / partners,
            (_, _, true) => 1.0,
            (_, _, false) => focal / partners,
        }
    };
    let mut weights: Vec<f64> = (0..class.len()).map(weight).collect();
    for arm in [false, true] {
        if arm && estimand != Estimand::Ate {
            continue;
        }
        let of_arm: Vec<usize> =
            (0..class.len()).filter(|&k| is_focal(k) == arm && class[k] > 0).collect();
        let total = sum(of_arm.iter().map(|&subject| weights[subject]));
        for &subject in &of_arm {
            weights[subject] *= of_arm.len() as f64 / total;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One set with two partners, one with one: the partners would count 1/2, 1/2 and 1, in sum 2,
    /// and are three.
    #[test]
    fn partners_share_the_weight_of_their_set() {
        let link = |focal, partner| Link { focal, partner, distance: 0.0 };
        let weights = of_pairs(&[link(0, 2), link(0, 3), link(1, 4)], 6);
        assert_eq!(weights, [1.0, 1.0, 0.75, 0.75, 1.5, 0.0]);
    }

    /// A class of one focal subject and two partners, one of two and one. For both arms a member of
    /// the first class counts 3 or 3/2, of the second 3/2 or 3.
    #[test]
    fn classes_weigh_the_arms_to_each_other() {
        let class = [1, 1, 1, 2, 2, 2, 0];
        let roles = [true, false, false, true, true, false, true].map(Role::of_focal_arm);
        let att = of_classes(&class, &roles, Estimand::Att);
        assert_eq!(att, [1.0, 0.5, 0.5, 1.0, 1.0, 2.0, 0.0]);
        let ate = of_classes(&class, &roles, Estimand::Ate);
        assert_eq!(ate, [1.5, 0.75, 0.75, 0.75, 0.75, 1.5, 0.0]);
    }
}
