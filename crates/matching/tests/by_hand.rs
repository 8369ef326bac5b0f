//! Small matches that can be followed by hand.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{CaveatCode, Cohort, CohortError, Column, Selection};
use matching::{
    Caliper, CaliperScale, Coarsening, CovariateCaliper, Discard, Distance, Estimand, FullOptions,
    MatchOption, MatchOrder, MatchQuery, MatchedSample, MatchingError, Method, NearestOptions,
    OptimalOptions, Ratio, Site, SiteRule, SpssOptions, SubclassOptions, match_pairs,
};

/// Exposure and score of each subject, `e` for the exposed; further columns hold numbers.
fn cohort(subjects: &[(char, f64)], further: &[(&str, &[f64])]) -> Cohort {
    let exposed = subjects.iter().map(|&(arm, _)| f64::from(u8::from(arm == 'e'))).collect();
    let score = subjects.iter().map(|&(_, score)| score).collect();
    let mut columns = vec![Column::numeric("rt", exposed), Column::numeric("score", score)];
    columns.extend(further.iter().map(|(name, values)| Column::numeric(*name, values.to_vec())));
    Cohort::new(None, columns).unwrap()
}

fn base() -> MatchQuery {
    MatchQuery::nearest("rt", "1", "score")
}

fn nearest(options: NearestOptions) -> MatchQuery {
    MatchQuery { method: Method::Nearest(options), ..base() }
}

fn ordered(order: MatchOrder) -> MatchQuery {
    nearest(NearestOptions { order: Some(order), ..NearestOptions::default() })
}

fn raw(width: f64) -> Option<Caliper> {
    Some(Caliper { width, scale: CaliperScale::Raw })
}

fn sample(cohort: &Cohort, query: &MatchQuery) -> MatchedSample {
    match_pairs(cohort, &Selection::all(cohort), query).unwrap()
}

fn pairs(cohort: &Cohort, query: &MatchQuery) -> Vec<(usize, usize)> {
    let sample = sample(cohort, query);
    sample.pairs.iter().map(|pair| (pair.exposed, pair.comparator)).collect()
}

#[test]
fn the_order_decides_who_gets_the_best_partner() {
    let cohort = cohort(&[('e', 2.0), ('e', 3.0), ('c', 2.25), ('c', 9.0)], &[]);
    let chosen = |order| pairs(&cohort, &ordered(order));
    let second_first = [(0, 3), (1, 2)];
    let first_first = [(0, 2), (1, 3)];
    assert_eq!(chosen(MatchOrder::Largest), second_first);
    assert_eq!(chosen(MatchOrder::Smallest), first_first);
    assert_eq!(chosen(MatchOrder::Data), first_first);
    // 0.25 from the first, 0.75 from the second.
    assert_eq!(chosen(MatchOrder::Closest), first_first);
    assert_eq!(chosen(MatchOrder::Farthest), second_first);
}

#[test]
fn between_equally_near_ones_the_lower_wins() {
    let cohort = cohort(&[('e', 2.0), ('c', 3.0), ('c', 1.0)], &[]);
    assert_eq!(pairs(&cohort, &base()), [(0, 2)]);
    assert_eq!(sample(&cohort, &base()).certificate.n_ties, 1);
}

/// A comparator with the score of the exposed is below when its id comes first.
#[test]
fn among_equal_scores_the_nearest_in_line_wins() {
    let below = cohort(&[('c', 1.0), ('c', 1.0), ('e', 1.0), ('c', 1.0)], &[]);
    assert_eq!(pairs(&below, &base()), [(2, 1)]);
    let above = cohort(&[('e', 1.0), ('c', 1.0), ('c', 1.0)], &[]);
    assert_eq!(pairs(&above, &base()), [(0, 1)]);
    let zeros = cohort(&[('c', 0.0), ('c', -0.0), ('e', 0.0)], &[]);
    assert_eq!(pairs(&zeros, &base()), [(2, 1)]);
}

#[test]
fn the_caliper_itself_is_allowed() {
    let cohort = cohort(&[('e', 1.0), ('c', 1.5)], &[]);
    assert_eq!(pairs(&cohort, &MatchQuery { caliper: raw(0.5), ..base() }), [(0, 1)]);
    let sample = sample(&cohort, &MatchQuery { caliper: raw(0.499), ..base() });
    assert!(sample.pairs.is_empty());
    assert_eq!(sample.weights, [0.0, 0.0]);
    assert_eq!(sample.caveats[0].code, CaveatCode::UnmatchedExposed);
}

/// Probabilities 1/5 and 1/2: logits −ln 4 and 0, whose standard deviation is ln 4 / √2.
#[test]
fn a_caliper_on_the_logit_is_measured_between_logits() {
    let cohort = cohort(&[('e', 0.5), ('c', 0.2)], &[]);
    let within = |width| {
        let caliper = Some(Caliper { width, scale: CaliperScale::LogitStandardDeviations });
        sample(&cohort, &MatchQuery { caliper, ..base() })
    };
    let sd = within(1.5).certificate.score_sd.unwrap();
    assert!((sd - 4f64.ln() / 2f64.sqrt()).abs() < 1e-15);
    assert_eq!(within(1.5).pairs[0].distance, 0.3);
    assert!(within(1.4).pairs.is_empty());
}

/// First everybody chooses one, then everybody a second. Weights: a set of two and one of one.
#[test]
fn a_ratio_is_filled_in_rounds() {
    let cohort = cohort(&[('e', 5.0), ('e', 4.0), ('c', 4.5), ('c', 3.0), ('c', 6.0)], &[]);
    let ratio = Ratio::Fixed(2);
    let query = nearest(NearestOptions { ratio, ..NearestOptions::default() });
    let sample = sample(&cohort, &query);
    assert_eq!(pairs(&cohort, &query), [(0, 2), (0, 4), (1, 3)]);
    assert_eq!(sample.subclass, [1, 2, 1, 2, 1]);
    assert_eq!(sample.weights, [1.0, 1.0, 0.75, 1.5, 0.75]);
}

/// Three exposed with a mean of two partners between one and four: six in all, so that one takes
/// four, and two one each; the one lowest of those whose arm is high.
#[test]
fn a_variable_ratio_gives_most_to_those_who_resemble_comparators() {
    let scores = [9.0, 8.0, 7.0, 6.5, 6.0, 5.5, 5.0, 4.5, 4.0];
    let subjects: Vec<(char, f64)> =
        scores.iter().enumerate().map(|(k, &s)| (if k < 3 { 'e' } else { 'c' }, s)).collect();
    let ratio = Ratio::Variable { mean: 2.0, min: 1, max: 4 };
    let query = nearest(NearestOptions { ratio, ..NearestOptions::default() });
    let pairs = pairs(&cohort(&subjects, &[]), &query);
    assert_eq!(pairs, [(0, 3), (1, 4), (2, 5), (2, 6), (2, 7), (2, 8)]);
}

#[test]
fn with_replacement_a_comparator_serves_several() {
    let cohort = cohort(&[('e', 1.0), ('e', 2.0), ('c', 1.5), ('c', 9.0)], &[]);
    let query = nearest(NearestOptions { replacement: true, ..NearestOptions::default() });
    let sample = sample(&cohort, &query);
    assert_eq!(pairs(&cohort, &query), [(0, 2), (1, 2)]);
    assert!(sample.subclass.is_empty());
    assert_eq!(sample.weights, [1.0, 1.0, 1.0, 0.0]);
    assert_eq!(sample.certificate.n_matched_comparators, 1);
}

#[test]
fn comparators_are_given_partners_for_the_effect_in_them() {
    let cohort = cohort(&[('c', 1.0), ('e', 1.25), ('e', 7.0)], &[]);
    let sample = sample(&cohort, &MatchQuery { estimand: Estimand::Atc, ..base() });
    assert_eq!((sample.pairs[0].exposed, sample.pairs[0].comparator), (1, 0));
    assert_eq!(sample.certificate.estimand, "average effect in all 1 comparators (ATC)");
    assert_eq!(sample.unmatched_exposed, [2]);
    assert!(sample.caveats.is_empty());
}

/// The site of the exposed has a comparator, a far one; anybody else's is nearer.
#[test]
fn a_site_is_exact_or_preferred() {
    let subjects = [('e', 1.0), ('e', 2.0), ('c', 1.25), ('c', 3.0)];
    let cohort = cohort(&subjects, &[("site", &[1.0, 2.0, 2.0, 1.0])]);
    let at = |rule| MatchQuery {
        site: Some(Site { column: "site".into(), rule }),
        ..ordered(MatchOrder::Data)
    };
    assert_eq!(pairs(&cohort, &ordered(MatchOrder::Data)), [(0, 2), (1, 3)]);
    assert_eq!(pairs(&cohort, &at(SiteRule::Exact)), [(0, 3), (1, 2)]);
    assert_eq!(pairs(&cohort, &at(SiteRule::Prefer)), [(0, 3), (1, 2)]);
    let near = |rule| MatchQuery { caliper: raw(1.0), ..at(rule) };
    assert_eq!(pairs(&cohort, &near(SiteRule::Exact)), [(1, 2)]);
    assert_eq!(pairs(&cohort, &near(SiteRule::Prefer)), [(0, 2), (1, 3)]);
}

#[test]
fn keys_and_calipers_of_covariates_are_kept() {
    let subjects = [('e', 1.0), ('c', 1.0), ('c', 2.0), ('c', 3.0)];
    let further: [(&str, &[f64]); 2] =
        [("age", &[50.0, 61.0, 60.0, 50.0]), ("ward", &[1.0, 2.0, 2.0, 1.0])];
    let cohort = cohort(&subjects, &further);
    let age = CovariateCaliper { column: "age".into(), caliper: raw(10.0).unwrap() };
    let query = MatchQuery { covariate_calipers: vec![age], ..base() };
    assert_eq!(pairs(&cohort, &query), [(0, 2)]);
    let query = MatchQuery { exact: vec!["ward".into()], ..base() };
    assert_eq!(pairs(&cohort, &query), [(0, 3)]);
    let query = MatchQuery { anti_exact: vec!["ward".into()], exact: vec!["age".into()], ..base() };
    assert!(pairs(&cohort, &query).is_empty());
}

/// The ranges overlap from 2 to 3; scores at the edge stay.
#[test]
fn whoever_lies_outside_the_common_support_is_set_aside() {
    let subjects = [('e', 2.0), ('e', 4.0), ('c', 1.0), ('c', 3.0)];
    let cohort = cohort(&subjects, &[]);
    let discarded = |discard| sample(&cohort, &MatchQuery { discard, ..base() }).discarded;
    assert_eq!(discarded(Discard::Both), [1, 2]);
    assert_eq!(discarded(Discard::Comparators), [2]);
    assert_eq!(discarded(Discard::Exposed), [1]);
    let sample = sample(&cohort, &MatchQuery { discard: Discard::Both, ..base() });
    assert_eq!(sample.unmatched_exposed, [1]);
    // Of 2 and 3 alone.
    assert_eq!(sample.certificate.score_sd, Ok(0.5f64.sqrt()));
}

/// Greedy: 3 takes 2.5 and 2 is left with 9, in all 7.5. The best: 2 takes 2.5 and 3 takes 9, 6.5.
/// Within a caliper of 6 both pairs stay; within 5 there is one, of 2.5 and either of the exposed.
#[test]
fn optimal_pairs_have_the_smallest_total() {
    let cohort = cohort(&[('e', 2.0), ('e', 3.0), ('c', 2.5), ('c', 9.0)], &[]);
    let optimal = MatchQuery { method: Method::Optimal(OptimalOptions::default()), ..base() };
    assert_eq!(sample(&cohort, &base()).certificate.total_distance, 7.5);
    assert_eq!(sample(&cohort, &optimal).certificate.total_distance, 6.5);
    let within = |width| MatchQuery { caliper: raw(width), ..optimal.clone() };
    assert_eq!(sample(&cohort, &within(6.0)).pairs.len(), 2);
    let one = sample(&cohort, &within(5.0));
    assert_eq!((one.pairs.len(), one.certificate.total_distance), (1, 0.5));
}

/// Exposed at 0, 2, 4 and comparators at 2, 4, 6, all within 2 of a partner: three pairs at distance 2
/// come before two at distance 0.
#[test]
fn more_pairs_in_the_caliper_come_before_nearer_ones() {
    let subjects = [('e', 0.0), ('c', 2.0), ('e', 2.0), ('c', 4.0), ('e', 4.0), ('c', 6.0)];
    let optimal = MatchQuery { method: Method::Optimal(OptimalOptions::default()), ..base() };
    let within = |width| MatchQuery { caliper: raw(width), ..optimal.clone() };
    let cohort = cohort(&subjects, &[]);
    assert_eq!(pairs(&cohort, &within(2.0)), [(0, 1), (2, 3), (4, 5)]);
    assert_eq!(pairs(&cohort, &within(1.75)), [(2, 1), (4, 3)]);
}

/// The comparator at 5 is nearest to nobody else, and shares the exposed at 4; the one at 1 has both of
/// the exposed near it.
#[test]
fn full_matching_leaves_nobody_out() {
    let cohort = cohort(&[('e', 1.0), ('e', 2.0), ('e', 4.0), ('c', 1.0), ('c', 5.0)], &[]);
    let query = MatchQuery {
        method: Method::Full(FullOptions::default()),
        estimand: Estimand::Ate,
        ..base()
    };
    let sample = sample(&cohort, &query);
    assert_eq!(sample.subclass, [1, 1, 2, 1, 2]);
    assert_eq!(sample.certificate.total_distance, 2.0);
    // Sets of three and two: the exposed count 3/2, 3/2 and 2, in sum 5, and are three.
    for (weight, expected) in sample.weights.iter().zip([0.9, 0.9, 1.2, 1.2, 0.8]) {
        assert!((weight - expected).abs() < 1e-15);
    }
}

/// One of the exposed among four comparators, another far away. With at most two comparators each the
/// far one takes two of them; when half of them may be left out, both take the nearest one alone.
#[test]
fn sets_of_full_matching_are_bounded() {
    let subjects = [('e', 1.0), ('e', 9.0), ('c', 1.0), ('c', 2.0), ('c', 3.0), ('c', 4.0)];
    let cohort = cohort(&subjects, &[]);
    let full = |options| MatchQuery { method: Method::Full(options), ..base() };
    let chosen = |options| pairs(&cohort, &full(options));
    let at_most = |max| FullOptions { max_ratio: Some(max), ..FullOptions::default() };
    assert_eq!(chosen(FullOptions::default()), [(0, 2), (0, 3), (0, 4), (1, 5)]);
    assert_eq!(chosen(at_most(2.0)), [(0, 2), (0, 3), (1, 4), (1, 5)]);
    // No more than two find a place.
    assert_eq!(chosen(at_most(1.0)), [(0, 2), (1, 5)]);
    assert_eq!(chosen(FullOptions { omitted_share: 0.5, ..at_most(2.0) }), [(0, 2), (1, 5)]);
    let at_least = |min_ratio| FullOptions { min_ratio, ..FullOptions::default() };
    assert_eq!(chosen(at_least(2.0)), [(0, 2), (0, 3), (1, 4), (1, 5)]);
    let refused = |options| {
        let query = full(options);
        let error = match_pairs(&cohort, &Selection::all(&cohort), &query).unwrap_err();
        match error {
            MatchingError::Option { option, .. } => option,
            error => unreachable!("{error}"),
        }
    };
    assert_eq!(refused(at_least(3.0)), MatchOption::MinSetRatio);
    assert_eq!(refused(at_least(0.4)), MatchOption::MinSetRatio);
    assert_eq!(refused(at_least(-1.0)), MatchOption::MinSetRatio);
    assert_eq!(refused(FullOptions { min_ratio: 3.0, ..at_most(2.0) }), MatchOption::MaxSetRatio);
    assert_eq!(refused(at_most(1.5)), MatchOption::MaxSetRatio);
    // Four comparators cannot have two of the exposed each.
    assert_eq!(refused(at_most(0.5)), MatchOption::MaxSetRatio);
    assert_eq!(
        refused(FullOptions { omitted_share: 1.0, ..at_most(2.0) }),
        MatchOption::OmittedShare
    );
    assert_eq!(
        refused(FullOptions { omitted_share: 0.5, ..at_most(0.5) }),
        MatchOption::OmittedShare
    );
}

/// Two columns that differ in their unit alone give the same pairs, at the same distances.
#[test]
fn the_mahalanobis_distance_knows_no_units() {
    let subjects = [('e', 0.0), ('e', 1.0), ('c', 0.0), ('c', 1.0)];
    let further: [(&str, &[f64]); 2] =
        [("small", &[0.0, 1.0, 1.0, 0.0]), ("large", &[0.0, 1e6, 1e6, 0.0])];
    let cohort = cohort(&subjects, &further);
    let by = |column: &str| {
        let distance = Distance::Mahalanobis;
        let options = NearestOptions { distance, ..NearestOptions::default() };
        sample(&cohort, &MatchQuery { covariates: vec![column.into()], ..nearest(options) })
    };
    let (small, large) = (by("small"), by("large"));
    assert_eq!(small.pairs, large.pairs);
    assert_eq!((small.pairs[0].comparator, small.pairs[0].distance), (3, 0.0));
}

/// Scores 1 to 4 of the exposed, cut at 2.5: a class up to there and one from there on. The first lacks
/// a comparator and takes the lowest of the second.
#[test]
fn a_class_that_lacks_an_arm_takes_the_nearest() {
    let subjects =
        [('e', 1.0), ('e', 2.0), ('e', 3.0), ('e', 4.0), ('c', 3.0), ('c', 2.75), ('c', 9.0)];
    let cohort = cohort(&subjects, &[]);
    let by = |min_n| {
        let method = Method::Subclass(SubclassOptions { n_subclasses: 2, min_n });
        sample(&cohort, &MatchQuery { method, ..base() })
    };
    assert_eq!(by(1).subclass, [1, 1, 2, 2, 2, 1, 2]);
    assert_eq!(by(0).subclass, [0, 0, 1, 1, 1, 1, 1]);
}

/// Six partners for four exposed, the discarded one at 9 among them: one each and three for the
/// lowest. For the other three alone there would be four, two of them for the lowest.
#[test]
fn the_discarded_have_a_part_in_a_variable_ratio() {
    let subjects = [
        ('e', 1.0),
        ('e', 2.0),
        ('e', 3.0),
        ('e', 9.0),
        ('c', 0.5),
        ('c', 0.75),
        ('c', 1.125),
        ('c', 2.125),
        ('c', 3.125),
        ('c', 5.0),
    ];
    let cohort = cohort(&subjects, &[]);
    let ratio = Ratio::Variable { mean: 1.5, min: 1, max: 3 };
    let options = NearestOptions { ratio, ..NearestOptions::default() };
    let query = MatchQuery { discard: Discard::Exposed, ..nearest(options) };
    let sample = sample(&cohort, &query);
    let pairs: Vec<(usize, usize)> =
        sample.pairs.iter().map(|pair| (pair.exposed, pair.comparator)).collect();
    assert_eq!(pairs, [(0, 6), (0, 5), (0, 4), (1, 7), (2, 8)]);
}

/// The exposed at 9 is discarded, yet the cut at 2.5 is the median of 1, 2, 3 and 9:
/// `matchit(method = "subclass", subclass = 2, discard = "treated")`.
#[test]
fn the_discarded_have_a_part_in_the_cuts_of_classes() {
    let subjects =
        [('e', 1.0), ('e', 2.0), ('e', 3.0), ('e', 9.0), ('c', 0.5), ('c', 2.25), ('c', 3.5)];
    let cohort = cohort(&subjects, &[]);
    let method = Method::Subclass(SubclassOptions { n_subclasses: 2, min_n: 1 });
    let sample = sample(&cohort, &MatchQuery { method, discard: Discard::Exposed, ..base() });
    assert_eq!(sample.subclass, [1, 1, 2, 0, 1, 1, 2]);
}

#[test]
fn bins_are_for_numbers_and_not_without_end() {
    let levels = ["a", "b"].map(String::from).to_vec();
    let stage = Column::categorical("stage", levels, vec![0, 1, 0, 1]);
    let mut cohort = cohort(&[('e', 1.0), ('e', 2.0), ('c', 1.0), ('c', 2.0)], &[]);
    cohort.push(stage).unwrap();
    let fault = |rule: Coarsening| {
        let method = Method::Coarsened(vec![rule]);
        let covariates = vec!["stage".into()];
        let query = MatchQuery { method, score: None, covariates, ..base() };
        match match_pairs(&cohort, &Selection::all(&cohort), &query) {
            Err(MatchingError::Option { option, .. }) => Some(option),
            _ => None,
        }
    };
    assert_eq!(fault(Coarsening::Bins(3)), Some(MatchOption::Coarsening(0)));
    assert_eq!(fault(Coarsening::Quantiles(1_000_000)), Some(MatchOption::Coarsening(0)));
    assert_eq!(fault(Coarsening::Sturges), None);
}

#[test]
fn covariates_are_coarsened_into_bins_that_hold_their_lower_end() {
    let subjects = [('e', 0.0), ('c', 0.0), ('e', 0.0), ('c', 0.0), ('c', 0.0)];
    let cohort = cohort(&subjects, &[("age", &[10.0, 14.9, 15.0, 20.0, 30.0])]);
    let by = |rule| {
        let method = Method::Coarsened(vec![rule]);
        let query = MatchQuery { method, score: None, covariates: vec!["age".into()], ..base() };
        sample(&cohort, &query).subclass
    };
    assert_eq!(by(Coarsening::Cuts(vec![15.0])), [1, 1, 2, 2, 2]);
    assert_eq!(by(Coarsening::Bins(2)), [1, 1, 1, 0, 0]);
    assert_eq!(by(Coarsening::Values), [0, 0, 0, 0, 0]);
}

#[test]
fn spss_draws_from_those_within_the_tolerance() {
    let subjects: Vec<(char, f64)> =
        (0..40).map(|k| (if k % 4 == 0 { 'e' } else { 'c' }, f64::from(k / 4))).collect();
    let cohort = cohort(&subjects, &[]);
    let by = |seed, exact_first| {
        let method = Method::Spss(SpssOptions { seed, exact_first, ..SpssOptions::default() });
        sample(&cohort, &MatchQuery { method, caliper: raw(1.0), ..base() })
    };
    assert_eq!(by(1, true), by(1, true));
    assert_eq!(by(1, true).certificate.total_distance, 0.0);
    assert_ne!(by(1, false).pairs, by(2, false).pairs);
    assert!(by(1, false).pairs.iter().all(|pair| pair.distance <= 1.0));
}

/// SHA-256 of "1,3\n", as any tool computes it.
#[test]
fn the_digest_is_that_of_the_ids() {
    let cohort = cohort(&[('e', 1.0), ('c', 5.0), ('c', 1.0)], &[]);
    let certificate = sample(&cohort, &base()).certificate;
    assert_eq!(certificate.digest, DIGEST_OF_1_3);
    assert_eq!(certificate.algorithm, "greedy nearest neighbour matching, version 1");
    assert_eq!(certificate.largest_over_caliper, Err(cohort::NotEstimable::NotDefined));
}

const DIGEST_OF_1_3: &str = "162d69039f6064d8beb1f8b30ba11212bbded1029e6d951fc9f0f20f456bcea9";

#[test]
fn who_stays_alone_is_named() {
    let subjects = [('e', 0.0), ('e', 1.0), ('e', 5.0), ('c', 1.25), ('c', 0.25), ('c', 3.0)];
    let cohort = cohort(&subjects, &[]);
    let sample = sample(&cohort, &MatchQuery { caliper: raw(0.5), ..base() });
    assert_eq!(sample.unmatched_exposed, [2]);
    assert!(sample.caveats[0].message.contains("1 of 3 exposed patients"));
    assert!(sample.caveats[0].message.contains("66.7 % kept"));
    assert_eq!(sample.certificate.largest_over_caliper, Ok(0.5));
    let words = &sample.certificate.estimand;
    assert!(words.starts_with("average effect in the 2 of 3 exposed patients"), "{words}");
}

#[test]
fn a_row_selected_twice_is_two_subjects() {
    let cohort = cohort(&[('e', 0.0), ('c', 0.25)], &[]);
    let selection = Selection::of(&cohort, [0, 0, 1, 1]).unwrap();
    let sample = match_pairs(&cohort, &selection, &base()).unwrap();
    assert_eq!(sample.pairs.len(), 2);
    assert_eq!(sample.subclass, [1, 2, 1, 2]);
}

fn refusal(query: &MatchQuery) -> MatchingError {
    let cohort = cohort(&[('e', 0.0), ('c', 0.25)], &[("age", &[1.0, 2.0])]);
    match_pairs(&cohort, &Selection::all(&cohort), query).unwrap_err()
}

#[test]
fn settings_that_do_not_fit_are_refused_by_name() {
    let optimal = |ratio| Method::Optimal(OptimalOptions { ratio, ..OptimalOptions::default() });
    let variable = |mean, min, max| {
        let ratio = Ratio::Variable { mean, min, max };
        nearest(NearestOptions { ratio, ..NearestOptions::default() })
    };
    let with = |method| MatchQuery { method, ..base() };
    let robust = NearestOptions { distance: Distance::RobustMahalanobis, ..Default::default() };
    let cases = [
        (MatchQuery { caliper: raw(-0.1), ..base() }, MatchOption::Caliper),
        (MatchQuery { caliper: raw(f64::NAN), ..base() }, MatchOption::Caliper),
        (MatchQuery { score: None, ..base() }, MatchOption::Score),
        (with(optimal(0)), MatchOption::Ratio),
        (variable(2.0, 0, 3), MatchOption::MinRatio),
        (variable(2.0, 2, 2), MatchOption::MaxRatio),
        (variable(3.0, 1, 3), MatchOption::MeanRatio),
        (nearest(robust), MatchOption::Covariates),
        (MatchQuery { covariates: vec!["age".into()], ..base() }, MatchOption::Covariates),
        (MatchQuery { estimand: Estimand::Ate, ..base() }, MatchOption::Estimand),
        (with(Method::Exact), MatchOption::Exact),
        (with(Method::Spss(SpssOptions::default())), MatchOption::Caliper),
        (
            with(Method::Subclass(SubclassOptions { n_subclasses: 0, min_n: 1 })),
            MatchOption::Subclasses,
        ),
        (
            MatchQuery {
                site: Some(Site { column: "age".into(), rule: SiteRule::Prefer }),
                ..with(optimal(1))
            },
            MatchOption::Site,
        ),
        (
            MatchQuery {
                covariates: vec!["age".into()],
                ..with(Method::Coarsened(vec![Coarsening::Bins(0)]))
            },
            MatchOption::Coarsening(0),
        ),
    ];
    for (query, expected) in cases {
        match refusal(&query) {
            MatchingError::Option { option, .. } => assert_eq!(option, expected, "{query:?}"),
            other => panic!("{other} instead of {expected:?}"),
        }
    }
}

#[test]
fn data_that_cannot_be_matched_are_refused() {
    let unknown = CohortError::UnknownColumn { column: "logit".into() };
    let query = MatchQuery::nearest("rt", "1", "logit");
    assert_eq!(refusal(&query), MatchingError::Cohort(unknown));
    let caliper = Some(Caliper { width: 1.0, scale: CaliperScale::LogitStandardDeviations });
    let refused = refusal(&MatchQuery { caliper, ..base() });
    assert_eq!(refused, MatchingError::NotProbabilities { column: "score".into() });
}
