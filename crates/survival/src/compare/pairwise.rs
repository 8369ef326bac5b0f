//! Pairs of groups, with p-values that allow for their number.

use super::strata::Strata;
use super::{ComparedGroup, ScoreTest, TestWeights};
use crate::LogRank;
use cohort::{Estimate, NotEstimable};
use numerics::multiplicity::{Correction, adjusted};

/// Tests of all pairs of levels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairwiseQuery {
    /// What each pair is compared within.
    pub within: PairsWithin,
    /// Corrections of the p-values, each answered; empty = raw p-values alone.
    pub corrections: Vec<Correction>,
}

/// What each pair is compared within.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PairsWithin {
    /// The two groups alone, as if there were no others: weights, expected events and variance are
    /// those of the pair.
    #[default]
    Pair,
    /// The test of all groups: the difference of their observed minus expected events, with the
    /// common covariance.
    AllGroups,
}

/// The test of one pair.
#[derive(Clone, Debug, PartialEq)]
pub struct PairTest {
    /// The level that comes first, with the events of the test that the pair is compared within.
    pub first: ComparedGroup,
    /// The level that comes second.
    pub second: ComparedGroup,
    /// Within the pair observed minus expected of the second, within all groups that of the second
    /// less that of the first; `z` is positive when the second has the higher hazard.
    pub test: ScoreTest,
    /// The p-value by each correction asked for.
    pub adjusted: Vec<AdjustedPValue>,
}

/// A p-value that allows for the number of pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdjustedPValue {
    /// The correction.
    pub correction: Correction,
    /// The p-value.
    pub p_value: Estimate,
}

/// Tests all pairs of levels that hold subjects.
///
/// Within the pair a test is the log-rank test of the two groups, as if there were no others. Within
/// all groups it is that of a contrast of them:
///
/// ```text
/// z = ((O_b - E_b) - (O_a - E_a)) / √(V_aa + V_bb - 2 V_ab)
/// ```
///
/// The second kind uses the common covariance, but where a third group is far away it says little of
/// the two: it compares how far each is from all.
///
/// Within the pair same as `survdiff` in R on the rows of two levels, and `pairwise_survdiff` of
/// survminer.
pub(crate) fn pairwise(
    strata: &Strata,
    overall: &LogRank,
    groups: &[ComparedGroup],
    weights: TestWeights,
    query: &PairwiseQuery,
) -> Vec<PairTest> {
    let levels: Vec<usize> = (0..groups.len()).filter(|&group| groups[group].n > 0).collect();
    let pairs = pairs(&levels);
    let mut tests: Vec<PairTest> = match query.within {
        PairsWithin::Pair => {
            let sums = strata.log_ranks_of_pairs(&pairs, weights);
            sums.iter().zip(pairs).map(|(sums, pair)| alone(sums, groups, pair)).collect()
        }
        PairsWithin::AllGroups => {
            pairs.into_iter().map(|pair| among_all(overall, groups, pair)).collect()
        }
    };
    adjust(&mut tests, &query.corrections);
    tests
}

/// First with second, first with third and so on.
fn pairs(levels: &[usize]) -> Vec<[usize; 2]> {
    let of = |at: usize| levels[at + 1..].iter().map(move |&second| [levels[at], second]);
    (0..levels.len()).flat_map(of).collect()
}

/// The test of a pair by its own sums.
fn alone(sums: &LogRank, groups: &[ComparedGroup], pair: [usize; 2]) -> PairTest {
    let (observed, expected) = (sums.observed(), sums.expected());
    let [first, second] = [0, 1].map(|at| ComparedGroup {
        observed: observed[at],
        expected: expected[at],
        ..groups[pair[at]].clone()
    });
    PairTest { first, second, test: sums.score_test(&[0.0, 1.0]), adjusted: Vec::new() }
}

/// The test of a pair by the sums of all groups; there is none when one of the two is at risk at no
/// event.
fn among_all(sums: &LogRank, groups: &[ComparedGroup], pair: [usize; 2]) -> PairTest {
    let [first, second] = pair;
    let mut scores = vec![0.0; groups.len()];
    (scores[first], scores[second]) = (-1.0, 1.0);
    let test = sums.score_test(&scores);
    let is_apart = sums.compared().is_ok_and(|all| !pair.iter().all(|group| all.contains(group)));
    PairTest {
        first: groups[first].clone(),
        second: groups[second].clone(),
        test: if is_apart { test.without_test(NotEstimable::TooFewGroups) } else { test },
        adjusted: Vec::new(),
    }
}

/// Fills in the adjusted p-values.
///
/// A pair without a p-value has no adjusted one and does not count, as `NA` in `p.adjust` in R.
pub(crate) fn adjust(tests: &mut [PairTest], corrections: &[Correction]) {
    let p_values: Vec<f64> = tests.iter().filter_map(|pair| pair.test.p_value.ok()).collect();
    for &correction in corrections {
        let mut adjusted = adjusted(&p_values, correction).into_iter();
        for pair in tests.iter_mut() {
            let p_value = pair.test.p_value.map(|raw| adjusted.next().unwrap_or(raw));
            pair.adjusted.push(AdjustedPValue { correction, p_value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TestVariance;
    use super::*;
    use crate::compare::strata::tests::levels;
    use cohort::{Endpoint, Groups};

    fn tested(groups: &[u32], query: &PairwiseQuery) -> Vec<PairTest> {
        let endpoint = Endpoint::new(vec![1.0, 2.0, 3.0], vec![true; 3]).unwrap();
        let (one, levels) = (Groups::one(), levels(groups, 3));
        let strata = Strata::new(&endpoint, &one, &levels, None, TestVariance::default());
        let sums = strata.log_rank(TestWeights::LogRank);
        let group = |group: u32| ComparedGroup {
            group: group.to_string(),
            n: groups.iter().filter(|&&own| own == group).count(),
            n_events: 0,
            observed: sums.observed()[group as usize],
            expected: sums.expected()[group as usize],
        };
        let groups: Vec<ComparedGroup> = (0..3).map(group).collect();
        pairwise(&strata, &sums, &groups, TestWeights::LogRank, query)
    }

    /// Deaths at 1, 2 and 3, one in each group. In each pair alone one half is expected of the
    /// second at the first death and one event at the last, with variance 1/4, so that z = -1.
    #[test]
    fn pairs_alone_by_hand() {
        let tests = tested(&[0, 1, 2], &PairwiseQuery::default());
        let names: Vec<_> = tests
            .iter()
            .map(|pair| [pair.first.group.as_str(), pair.second.group.as_str()])
            .collect();
        assert_eq!(names, [["0", "1"], ["0", "2"], ["1", "2"]]);
        for pair in &tests {
            assert_eq!((pair.second.observed, pair.second.expected), (1.0, 1.5));
            assert_eq!((pair.test.variance, pair.test.z), (0.25, Ok(-1.0)));
        }
    }

    /// Within all three, O - E is 2/3, 1/6 and -5/6. Off the diagonal V is -1/9 for each pair, and
    /// -1/4 more for the last two; the variance of a difference between a and b is
    /// -4 V_ab - V_ac - V_bc.
    #[test]
    fn pairs_within_all_groups_by_hand() {
        let query = PairwiseQuery { within: PairsWithin::AllGroups, corrections: Vec::new() };
        let tests = tested(&[0, 1, 2], &query);
        let want = [(-0.5, 0.25 + 6.0 / 9.0), (-1.5, 0.25 + 6.0 / 9.0), (-1.0, 1.0 + 6.0 / 9.0)];
        for (pair, (score, variance)) in tests.iter().zip(want) {
            assert!((pair.test.score - score).abs() < 1e-15);
            assert!((pair.test.variance - variance).abs() < 1e-15);
        }
    }

    #[test]
    fn empty_levels_make_no_pair() {
        let corrections = vec![Correction::Holm, Correction::Bonferroni];
        let query = PairwiseQuery { within: PairsWithin::Pair, corrections };
        let tests = tested(&[0, 2, 2], &query);
        assert_eq!(tests.len(), 1);
        assert_eq!(tests[0].adjusted[1].correction, Correction::Bonferroni);
        assert_eq!(tests[0].adjusted[0].p_value, tests[0].test.p_value);
    }
}
