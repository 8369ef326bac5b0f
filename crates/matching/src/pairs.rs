//! From a cohort and a question to a matched sample.

use crate::certificate::certify;
use crate::nearest::{Choices, Subjects, nearest_neighbours};
use crate::{Caliper, CaliperScale, MatchQuery, MatchedSample, MatchingError, Pair};
use cohort::{Arms, Caveat, CaveatCode, Cohort, Selection};
use numerics::sum::variance;

/// Forms pairs of an exposed subject and a comparator by nearest neighbour, without replacement.
///
/// The exposed choose one after the other, in the order asked for, the free comparator with the
/// smallest `|score difference|` that does not exceed the caliper. With exact keys they choose
/// within their own class; the caliper's standard deviation is that of all selected subjects.
///
/// Ties: equal scores choose in id order. Of two comparators equally near, one below and one above,
/// the one below wins; on the same side the one nearer in the order by score, then id. A
/// comparator with the very score of the exposed counts as below when its id comes first.
///
/// A selected row that occurs twice is two subjects. When the caliper or a lack of comparators
/// leaves exposed subjects without a partner, a caveat says how many and for whom the result
/// still speaks; no pair at all is an answer too.
///
/// Rubin (1973), Biometrics 29:159-183; the caliper of 0.2 SD is that of Austin (2011), Pharm.
/// Stat. 10:150-161. Same pairs as `matchit(method = "nearest", distance = score)` of MatchIt 4.7
/// in R with `m.order` and `caliper` set, for rows in id order.
pub fn match_pairs(
    cohort: &Cohort,
    selection: &Selection,
    query: &MatchQuery,
) -> Result<MatchedSample, MatchingError> {
    let arms = Arms::new(cohort, selection, &query.exposure, &query.exposed)?;
    let score = cohort.numeric(&query.distance, selection)?;
    let stratum = cohort.strata(&query.exact, selection)?;
    let score_sd = score_sd(&score, &query.distance)?;
    let caliper = query.caliper.map(|caliper| width(caliper, score_sd)).transpose()?;

    let subjects = Subjects { is_exposed: arms.is_exposed(), score: &score, stratum: &stratum };
    let Choices { mut pairs, n_ties } =
        nearest_neighbours(&subjects, query.order, caliper.unwrap_or(f64::INFINITY));
    pairs.sort_unstable();
    let unmatched = unmatched(&subjects, &pairs);
    let certificate = certify(&subjects, &pairs, unmatched.len(), caliper, Ok(score_sd), n_ties)?;

    let row = |subject: usize| selection.rows()[subject];
    let pair = |&(exposed, comparator): &(usize, usize)| Pair {
        exposed: row(exposed),
        comparator: row(comparator),
        distance: (score[exposed] - score[comparator]).abs(),
    };
    Ok(MatchedSample {
        pairs: pairs.iter().map(pair).collect(),
        caveats: unmatched_caveat(pairs.len(), unmatched.len()).into_iter().collect(),
        unmatched_exposed: unmatched.into_iter().map(row).collect(),
        certificate,
    })
}

/// Two groups hold two subjects at least, so the variance exists; it may overflow.
fn score_sd(score: &[f64], column: &str) -> Result<f64, MatchingError> {
    variance(score)
        .map(f64::sqrt)
        .filter(|sd| sd.is_finite())
        .ok_or_else(|| MatchingError::ScoreTooWide { column: column.into() })
}

fn width(caliper: Caliper, score_sd: f64) -> Result<f64, MatchingError> {
    let width = match caliper.scale {
        CaliperScale::StandardDeviations => caliper.width * score_sd,
        CaliperScale::Raw => caliper.width,
    };
    if width.is_finite() && caliper.width >= 0.0 {
        Ok(width)
    } else {
        Err(MatchingError::InvalidCaliper)
    }
}

/// The exposed without a pair, ascending; `pairs` ascend by their exposed member.
fn unmatched(subjects: &Subjects, pairs: &[(usize, usize)]) -> Vec<usize> {
    let is_matched =
        |subject: &usize| pairs.binary_search_by_key(subject, |&(exposed, _)| exposed).is_ok();
    (0..subjects.is_exposed.len())
        .filter(|&subject| subjects.is_exposed[subject])
        .filter(|subject| !is_matched(subject))
        .collect()
}

fn unmatched_caveat(n_pairs: usize, n_unmatched: usize) -> Option<Caveat> {
    let n_exposed = n_pairs + n_unmatched;
    let kept = 100.0 * n_pairs as f64 / n_exposed as f64;
    (n_unmatched > 0).then(|| {
        Caveat::new(
            CaveatCode::UnmatchedExposed,
            format!(
                "{n_unmatched} of {n_exposed} exposed patients have no comparator and are left \
                 out ({kept:.1} % kept): the matched result speaks for the exposed who have \
                 comparable patients, not for all exposed"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MatchOrder;
    use cohort::Column;

    fn query() -> MatchQuery {
        MatchQuery {
            exposure: "rt".into(),
            exposed: "1".into(),
            distance: "score".into(),
            caliper: Some(Caliper { width: 0.5, scale: CaliperScale::Raw }),
            order: MatchOrder::Largest,
            exact: Vec::new(),
        }
    }

    fn cohort() -> Cohort {
        Cohort::new(
            None,
            vec![
                Column::numeric("rt", vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
                Column::numeric("score", vec![0.0, 1.0, 5.0, 1.25, 0.25, 3.0]),
                Column::numeric("site", vec![1.0, 1.0, 1.0, 2.0, 1.0, 1.0]),
            ],
        )
        .unwrap()
    }

    #[test]
    fn who_stays_alone_is_named() {
        let cohort = cohort();
        let sample = match_pairs(&cohort, &Selection::all(&cohort), &query()).unwrap();
        let pairs = [(0, 4, 0.25), (1, 3, 0.25)].map(|(exposed, comparator, distance)| Pair {
            exposed,
            comparator,
            distance,
        });
        assert_eq!(sample.pairs, pairs);
        assert_eq!(sample.unmatched_exposed, [2]);
        assert_eq!(sample.caveats[0].code, CaveatCode::UnmatchedExposed);
        assert!(sample.caveats[0].message.contains("1 of 3 exposed patients"));
        assert!(sample.caveats[0].message.contains("66.7 % kept"));
    }

    #[test]
    fn exact_keys_keep_pairs_within_their_class() {
        let cohort = cohort();
        let query = MatchQuery { exact: vec!["site".into()], ..query() };
        let sample = match_pairs(&cohort, &Selection::all(&cohort), &query).unwrap();
        assert_eq!(sample.pairs, [Pair { exposed: 0, comparator: 4, distance: 0.25 }]);
    }

    /// Scores 0 and 2 have the standard deviation √2.
    #[test]
    fn a_caliper_in_standard_deviations_is_that_of_the_selected() {
        let cohort = Cohort::new(
            None,
            vec![
                Column::numeric("rt", vec![1.0, 0.0, 0.0]),
                Column::numeric("score", vec![0.0, 2.0, 50.0]),
            ],
        )
        .unwrap();
        let selection = Selection::all(&cohort).filter(|row| row < 2);
        let caliper = Caliper { width: 0.5, scale: CaliperScale::StandardDeviations };
        let query = MatchQuery { caliper: Some(caliper), ..query() };
        let sample = match_pairs(&cohort, &selection, &query).unwrap();
        assert_eq!(sample.certificate.caliper, Some(0.5 * 2f64.sqrt()));
        assert!(sample.pairs.is_empty());
    }

    #[test]
    fn a_row_selected_twice_is_two_subjects() {
        let cohort = cohort();
        let selection = Selection::of(&cohort, [0, 0, 4, 4]).unwrap();
        let sample = match_pairs(&cohort, &selection, &query()).unwrap();
        let pair = Pair { exposed: 0, comparator: 4, distance: 0.25 };
        assert_eq!(sample.pairs, [pair, pair]);
    }

    #[test]
    fn impossible_requests_are_refused() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let refusal = |selection: &Selection, query: &MatchQuery| {
            match_pairs(&cohort, selection, query).unwrap_err()
        };
        let one_arm = refusal(&all.filter(|row| row < 3), &query());
        assert!(one_arm.to_string().contains("needs two non-empty groups"));
        for width in [-0.1, f64::NAN, f64::INFINITY] {
            let caliper = Some(Caliper { width, scale: CaliperScale::Raw });
            let query = MatchQuery { caliper, ..query() };
            assert_eq!(refusal(&all, &query), MatchingError::InvalidCaliper);
        }
        let query = MatchQuery { distance: "logit".into(), ..query() };
        let unknown = cohort::CohortError::UnknownColumn { column: "logit".into() };
        assert_eq!(refusal(&all, &query), MatchingError::Cohort(unknown));
    }
}
