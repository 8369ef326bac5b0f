//! How far two distribution functions are apart.

use crate::sample::Group;
use cohort::{Estimate, NotEstimable};
use numerics::sum::sum;

/// Distances of two distribution functions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Distances {
    pub mean: Estimate,
    pub largest: Estimate,
}

/// Mean and largest distance of the weighted distribution functions of two groups over the distinct
/// values of `grid`.
///
/// The grid holds the values of sample and reference, so that the mean does not move with the sample
/// alone. Same as `eCDF Mean` and `eCDF Max` of `summary(matchit(..))` in R.
pub(crate) fn distances(exposed: &Group<f64>, comparators: &Group<f64>, grid: &[f64]) -> Distances {
    if exposed.values.is_empty() || comparators.values.is_empty() {
        return Distances {
            mean: Err(NotEstimable::NoSubjects),
            largest: Err(NotEstimable::NoSubjects),
        };
    }
    let mut points = grid.to_vec();
    points.sort_by(f64::total_cmp);
    points.dedup();
    let functions = [exposed, comparators].map(|group| shares_up_to(group, &points));
    let apart: Vec<f64> =
        functions[0].iter().zip(&functions[1]).map(|(one, other)| (one - other).abs()).collect();
    Distances {
        mean: Ok(sum(apart.iter().copied()) / apart.len() as f64),
        largest: Ok(apart.iter().copied().fold(0.0, f64::max)),
    }
}

/// Share of a group at or below each of some ascending points.
fn shares_up_to(group: &Group<f64>, points: &[f64]) -> Vec<f64> {
    let weight = |index: usize| group.weights.as_ref().map_or(1.0, |weights| weights[index]);
    let mut order: Vec<usize> = (0..group.values.len()).collect();
    order.sort_by(|&a, &b| group.values[a].total_cmp(&group.values[b]));
    let total = sum((0..group.values.len()).map(weight));
    let mut next = 0;
    let mut reached = numerics::sum::Sum::default();
    let share = |&point: &f64| {
        while next < order.len() && group.values[order[next]] <= point {
            reached += weight(order[next]);
            next += 1;
        }
        // At the end of the group the share is 1, whatever the rounding.
        if next == order.len() { 1.0 } else { reached.value() / total }
    };
    points.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(values: &[f64], weights: Option<&[f64]>) -> Group<f64> {
        Group {
            rows: Vec::new(),
            values: values.to_vec(),
            weights: weights.map(<[f64]>::to_vec),
            n_missing: 0,
        }
    }

    /// 1, 3 against 2, 3 over 1, 2, 3, 4: distances 1/2, 0, 0, 0. With weights 3 and 1 of the first the
    /// distances are 3/4, 1/4, 0, 0.
    #[test]
    fn distances_over_the_grid() {
        let (grid, other) = ([4.0, 1.0, 2.0, 3.0, 3.0], group(&[2.0, 3.0], None));
        let plain = distances(&group(&[3.0, 1.0], None), &other, &grid);
        assert_eq!((plain.mean, plain.largest), (Ok(0.125), Ok(0.5)));
        let weighted = distances(&group(&[3.0, 1.0], Some(&[1.0, 3.0])), &other, &grid);
        assert_eq!((weighted.mean, weighted.largest), (Ok(0.25), Ok(0.75)));
    }
}
