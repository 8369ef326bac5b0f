//! Greedy choice of the nearest comparator along a line of scores.

use crate::MatchOrder;
use crate::free::FreePositions;

/// What is known of the subjects before they are matched; one entry per subject each.
pub(crate) struct Subjects<'a> {
    pub is_exposed: &'a [bool],
    pub score: &'a [f64],
    /// Class within which partners are sought.
    pub stratum: &'a [u32],
}

/// Chosen pairs as indexes of subjects.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Choices {
    /// Exposed and comparator, in the order in which they were chosen.
    pub pairs: Vec<(usize, usize)>,
    /// Choices at which another free comparator was equally near.
    pub n_ties: usize,
}

/// Lets the exposed choose, one after the other, the nearest comparator still free.
///
/// Subjects of a class stand in a line by score, then index. Between comparators equally near the
/// one below wins, and on one side the one that stands nearest. `largest_distance` itself is
/// allowed.
pub(crate) fn nearest_neighbours(
    subjects: &Subjects,
    order: MatchOrder,
    largest_distance: f64,
) -> Choices {
    let mut line: Vec<usize> = (0..subjects.score.len()).collect();
    // The sort is stable, so equal scores stay in the order of their indexes.
    line.sort_by(|&a, &b| {
        let by_score = || compare(subjects.score[a], subjects.score[b]);
        subjects.stratum[a].cmp(&subjects.stratum[b]).then_with(by_score)
    });
    let mut choices = Choices::default();
    for class in line.chunk_by(|&a, &b| subjects.stratum[a] == subjects.stratum[b]) {
        choose_within(class, subjects, order, largest_distance, &mut choices);
    }
    choices
}

fn choose_within(
    line: &[usize],
    subjects: &Subjects,
    order: MatchOrder,
    largest_distance: f64,
    choices: &mut Choices,
) {
    let mut free = FreePositions::new(line.iter().map(|&subject| !subjects.is_exposed[subject]));
    for position in turns(line, subjects, order) {
        let distance =
            |other: usize| (subjects.score[line[position]] - subjects.score[line[other]]).abs();
        let below = free.below(position);
        let above = free.at_or_above(position);
        let chosen = match (below, above) {
            (Some(below), Some(above)) if distance(above) < distance(below) => above,
            (Some(below), _) => below,
            (None, Some(above)) => above,
            (None, None) => break,
        };
        let nearest = distance(chosen);
        if nearest > largest_distance {
            continue;
        }
        free.take(chosen);
        choices.pairs.push((line[position], line[chosen]));
        // Once the chosen one is taken, the nearest on both sides tell whether there was a tie.
        let others = [free.below(position), free.at_or_above(position)];
        choices.n_ties +=
            usize::from(others.into_iter().flatten().any(|other| distance(other) == nearest));
    }
}

/// Positions of the exposed in the order in which they choose; equal scores by index.
fn turns(line: &[usize], subjects: &Subjects, order: MatchOrder) -> Vec<usize> {
    let mut turns: Vec<usize> =
        (0..line.len()).filter(|&position| subjects.is_exposed[line[position]]).collect();
    let score = |position: usize| subjects.score[line[position]];
    match order {
        MatchOrder::Smallest => {}
        // Stable: subjects of one score keep the order of their indexes.
        MatchOrder::Largest => turns.sort_by(|&a, &b| compare(score(b), score(a))),
        MatchOrder::Data => turns.sort_by_key(|&position| line[position]),
    }
    turns
}

/// Order of two scores, which are finite; zero and minus zero are one score.
fn compare(a: f64, b: f64) -> std::cmp::Ordering {
    (a + 0.0).total_cmp(&(b + 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of subjects whose scores are written in the order of their indexes; `e` = exposed.
    fn pairs(subjects: &[(char, f64)], order: MatchOrder, caliper: f64) -> Choices {
        let is_exposed: Vec<bool> = subjects.iter().map(|&(arm, _)| arm == 'e').collect();
        let score: Vec<f64> = subjects.iter().map(|&(_, score)| score).collect();
        let stratum = vec![0; score.len()];
        let subjects = Subjects { is_exposed: &is_exposed, score: &score, stratum: &stratum };
        nearest_neighbours(&subjects, order, caliper)
    }

    #[test]
    fn the_order_decides_who_gets_the_best_partner() {
        let subjects = [('e', 2.0), ('e', 3.0), ('c', 2.5), ('c', 9.0)];
        let chosen = |order| pairs(&subjects, order, f64::INFINITY).pairs;
        assert_eq!(chosen(MatchOrder::Largest), [(1, 2), (0, 3)]);
        assert_eq!(chosen(MatchOrder::Smallest), [(0, 2), (1, 3)]);
        assert_eq!(chosen(MatchOrder::Data), [(0, 2), (1, 3)]);
    }

    #[test]
    fn between_equally_near_ones_the_lower_wins() {
        let choices = pairs(&[('e', 2.0), ('c', 3.0), ('c', 1.0)], MatchOrder::Largest, 1.0);
        assert_eq!(choices, Choices { pairs: vec![(0, 2)], n_ties: 1 });
    }

    /// A comparator with the score of the exposed is below when its index is smaller.
    #[test]
    fn among_equal_scores_the_nearest_in_the_line_wins() {
        let below = [('c', 1.0), ('c', 1.0), ('e', 1.0), ('c', 1.0)];
        assert_eq!(pairs(&below, MatchOrder::Largest, 0.0).pairs, [(2, 1)]);
        let above = [('e', 1.0), ('c', 1.0), ('c', 1.0)];
        let choices = pairs(&above, MatchOrder::Largest, 0.0);
        assert_eq!(choices, Choices { pairs: vec![(0, 1)], n_ties: 1 });
    }

    #[test]
    fn the_caliper_itself_is_allowed() {
        let subjects = [('e', 1.0), ('c', 1.5)];
        assert_eq!(pairs(&subjects, MatchOrder::Largest, 0.5).pairs.len(), 1);
        assert_eq!(pairs(&subjects, MatchOrder::Largest, 0.499).pairs.len(), 0);
    }

    #[test]
    fn signed_zeros_are_one_score() {
        let subjects = [('c', 0.0), ('c', -0.0), ('e', 0.0)];
        assert_eq!(pairs(&subjects, MatchOrder::Largest, 0.0).pairs, [(2, 1)]);
    }
}
