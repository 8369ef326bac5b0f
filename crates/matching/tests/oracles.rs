//! Optimal and full matching against every possible match of a few subjects, and what all methods
//! promise.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, Selection};
use matching::{
    Caliper, CaliperScale, Coarsening, CovariateCaliper, Discard, Distance, Estimand, FullOptions,
    MatchOrder, MatchQuery, MatchedSample, Method, NearestOptions, OptimalOptions, Ratio, Site,
    SiteRule, SpssOptions, SubclassOptions, match_pairs,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Exposed or not, score on a grid of quarters, another number, exact key, anti-exact key.
type Subject = (bool, i32, i32, u8, u8);

fn subjects(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Subject>> {
    let subject = (any::<bool>(), -8..8, 0..5, 0..2u8, 0..3u8);
    prop::collection::vec(subject, n).prop_map(|mut subjects| {
        subjects.push((true, 0, 1, 0, 0));
        subjects.push((false, 1, 2, 0, 1));
        subjects
    })
}

fn score(subject: &Subject) -> f64 {
    f64::from(subject.1) * 0.25
}

/// The subjects in an order of rows, each with its index as id.
fn cohort_of(subjects: &[Subject], order: &[usize]) -> Cohort {
    let rows = || order.iter().map(|&index| &subjects[index]);
    let levels = ["no", "yes"].map(String::from).to_vec();
    let numbers = |name: &str, of: &dyn Fn(&Subject) -> f64| {
        Column::numeric(name, rows().map(of).collect::<Vec<f64>>())
    };
    Cohort::new(
        Some(order.iter().map(ToString::to_string).collect()),
        vec![
            Column::categorical("rt", levels, rows().map(|s| u32::from(s.0)).collect()),
            numbers("score", &score),
            numbers("probability", &|s| (f64::from(s.1) + 9.0) / 20.0),
            numbers("age", &|s| f64::from(s.2)),
            numbers("site", &|s| f64::from(s.3)),
            numbers("period", &|s| f64::from(s.4)),
        ],
    )
    .unwrap()
}

fn matched(subjects: &[Subject], query: &MatchQuery) -> MatchedSample {
    let cohort = cohort_of(subjects, &(0..subjects.len()).collect::<Vec<_>>());
    match_pairs(&cohort, &Selection::all(&cohort), query).unwrap()
}

fn base() -> MatchQuery {
    MatchQuery::nearest("rt", "yes", "score")
}

/// Restrictions that pairs must keep.
fn restricted() -> impl Strategy<Value = MatchQuery> {
    let caliper = prop::option::of(
        (0..7u8).prop_map(|k| Caliper { width: f64::from(k) * 0.25, scale: CaliperScale::Raw }),
    );
    let age = prop::option::of((0..3u8).prop_map(|k| CovariateCaliper {
        column: "age".into(),
        caliper: Caliper { width: f64::from(k), scale: CaliperScale::Raw },
    }));
    (caliper, age, any::<bool>(), any::<bool>()).prop_map(|(caliper, age, exact, anti)| {
        MatchQuery {
            caliper,
            covariate_calipers: age.into_iter().collect(),
            exact: if exact { vec!["site".into()] } else { Vec::new() },
            anti_exact: if anti { vec!["period".into()] } else { Vec::new() },
            ..base()
        }
    })
}

/// Whether two subjects may be a pair, from the question read literally.
fn may_pair(query: &MatchQuery, a: &Subject, b: &Subject) -> bool {
    let caliper = query.caliper.map_or(f64::INFINITY, |caliper| caliper.width);
    let of_age = query.covariate_calipers.first().map_or(f64::INFINITY, |age| age.caliper.width);
    (score(a) - score(b)).abs() <= caliper
        && f64::from((a.2 - b.2).abs()) <= of_age
        && (query.exact.is_empty() || a.3 == b.3)
        && (query.anti_exact.is_empty() || a.4 != b.4)
}

/// Most exposed in pairs, then most pairs, then the smallest total, over all ways to give each of the
/// exposed some of the comparators that are left.
fn best_pairs(subjects: &[Subject], query: &MatchQuery, ratio: usize) -> (i64, i64, f64) {
    let of_arm = |arm: bool| -> Vec<Subject> {
        subjects.iter().copied().filter(|subject| subject.0 == arm).collect()
    };
    let (exposed, comparators) = (of_arm(true), of_arm(false));
    let n_states = 1usize << comparators.len();
    let worst = (i64::MIN, 0, 0.0);
    let mut best = vec![worst; n_states];
    best[0] = (0, 0, 0.0);
    let is_better = |a: (i64, i64, f64), b: (i64, i64, f64)| {
        (a.0, a.1) > (b.0, b.1) || (a.0, a.1) == (b.0, b.1) && a.2 < b.2
    };
    for one in &exposed {
        let mut next = best.clone();
        for used in 0..n_states {
            if best[used].0 == i64::MIN {
                continue;
            }
            for set in 1..n_states {
                let fits = set & used == 0 && set.count_ones() as usize <= ratio;
                let members = || (0..comparators.len()).filter(|k| set >> k & 1 == 1);
                if fits && members().all(|k| may_pair(query, one, &comparators[k])) {
                    let total: f64 =
                        members().map(|k| (score(one) - score(&comparators[k])).abs()).sum();
                    let from = best[used];
                    let n = i64::from(set.count_ones());
                    let value = (from.0 + 1, from.1 + n, from.2 + total);
                    if is_better(value, next[used | set]) {
                        next[used | set] = value;
                    }
                }
            }
        }
        best = next;
    }
    best.into_iter().fold(worst, |a, b| if is_better(b, a) { b } else { a })
}

/// The smallest total of pairs that leave out nobody who has an allowed partner.
fn cheapest_cover(subjects: &[Subject], query: &MatchQuery) -> f64 {
    let index = |arm: bool| -> Vec<usize> {
        (0..subjects.len()).filter(|&k| subjects[k].0 == arm).collect()
    };
    let (exposed, comparators) = (index(true), index(false));
    let allowed = |a: usize, b: usize| may_pair(query, &subjects[a], &subjects[b]);
    let wanted = (0..comparators.len())
        .filter(|&k| exposed.iter().any(|&a| allowed(a, comparators[k])))
        .fold(0usize, |wanted, k| wanted | 1 << k);
    let n_states = 1usize << comparators.len();
    let mut best = vec![f64::INFINITY; n_states];
    best[0] = 0.0;
    for &one in &exposed {
        let partners: Vec<usize> =
            (0..comparators.len()).filter(|&k| allowed(one, comparators[k])).collect();
        if partners.is_empty() {
            continue;
        }
        let mut next = vec![f64::INFINITY; n_states];
        for covered in (0..n_states).filter(|&covered| best[covered].is_finite()) {
            for choice in 1usize..1 << partners.len() {
                let chosen = || partners.iter().enumerate().filter(|(k, _)| choice >> k & 1 == 1);
                let total: f64 = chosen()
                    .map(|(_, &k)| (score(&subjects[one]) - score(&subjects[comparators[k]])).abs())
                    .sum();
                let now = chosen().fold(covered, |now, (_, &k)| now | 1 << k);
                next[now] = next[now].min(best[covered] + total);
            }
        }
        best = next;
    }
    best.iter()
        .enumerate()
        .filter(|(covered, _)| covered & wanted == wanted)
        .map(|(_, &total)| total)
        .fold(f64::INFINITY, f64::min)
}

/// Most exposed, then most comparators but for those who may be left out, then the smallest total, over
/// all ways to form sets within bounds: the least and the largest number of comparators of one of the
/// exposed, and the largest of exposed of a comparator.
fn best_sets(
    subjects: &[Subject],
    query: &MatchQuery,
    (least, most): (u32, u32),
    most_exposed: usize,
    n_omitted: usize,
) -> (i64, i64, f64) {
    let index = |arm: bool| -> Vec<usize> {
        (0..subjects.len()).filter(|&k| subjects[k].0 == arm).collect()
    };
    let (exposed, comparators) = (index(true), index(false));
    let allowed = |a: usize, b: usize| may_pair(query, &subjects[a], &subjects[b]);
    let of = |k: usize| exposed.iter().any(|&a| allowed(a, comparators[k]));
    let n_wanted = (0..comparators.len()).filter(|&k| of(k)).count() - n_omitted;
    // How many exposed each comparator has, to how many exposed in sets and what total.
    let mut best: BTreeMap<Vec<usize>, (i64, f64)> = BTreeMap::new();
    best.insert(vec![0; comparators.len()], (0, 0.0));
    for &one in &exposed {
        let mut next = best.clone();
        for (used, (n, total)) in &best {
            for set in 1usize..1 << comparators.len() {
                let members = || (0..comparators.len()).filter(|k| set >> k & 1 == 1);
                let fits = (least..=most).contains(&set.count_ones())
                    && members().all(|k| allowed(one, comparators[k]) && used[k] < most_exposed);
                if fits {
                    let mut now = used.clone();
                    members().for_each(|k| now[k] += 1);
                    let added: f64 = members()
                        .map(|k| (score(&subjects[one]) - score(&subjects[comparators[k]])).abs())
                        .sum();
                    let value = (n + 1, total + added);
                    let known = next.entry(now).or_insert((-1, 0.0));
                    if value.0 > known.0 || value.0 == known.0 && value.1 < known.1 {
                        *known = value;
                    }
                }
            }
        }
        best = next;
    }
    let value = |(used, &(n, total)): (&Vec<usize>, &(i64, f64))| {
        let n_used = used.iter().filter(|&&n| n > 0).count();
        (n, n_used.min(n_wanted) as i64, total)
    };
    let is_better = |a: &(i64, i64, f64), b: &(i64, i64, f64)| {
        (a.0, a.1) > (b.0, b.1) || (a.0, a.1) == (b.0, b.1) && a.2 < b.2
    };
    let worst = (-1, 0, 0.0);
    best.iter().map(value).fold(worst, |a, b| if is_better(&b, &a) { b } else { a })
}

/// Optimal pairs in a caliper, on the line and as an assignment: a key that must differ, and always does,
/// makes the matcher forget the line.
fn on_line_and_by_rules(subjects: &[Subject], width: f64) -> [(i64, i64, f64); 2] {
    let query = MatchQuery {
        method: Method::Optimal(OptimalOptions::default()),
        caliper: Some(Caliper { width, scale: CaliperScale::Raw }),
        ..base()
    };
    let by_rules = MatchQuery { anti_exact: vec!["rt".into()], ..query.clone() };
    [query, by_rules].map(|query| summary(&matched(subjects, &query)))
}

fn summary(sample: &MatchedSample) -> (i64, i64, f64) {
    let mut exposed: Vec<usize> = sample.pairs.iter().map(|pair| pair.exposed).collect();
    exposed.dedup();
    (exposed.len() as i64, sample.pairs.len() as i64, sample.certificate.total_distance)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn optimal_pairs_are_the_best_of_all(
        subjects in subjects(0..12),
        query in restricted(),
        ratio in 1..4usize,
    ) {
        let options = OptimalOptions { ratio, ..OptimalOptions::default() };
        let sample = matched(&subjects, &MatchQuery { method: Method::Optimal(options), ..query.clone() });
        prop_assert_eq!(summary(&sample), best_pairs(&subjects, &query, ratio));
    }

    /// On a line and by the assignment that knows nothing of lines: an anti-exact key that
    /// separates nobody switches to the latter.
    #[test]
    fn the_line_and_the_assignment_agree(subjects in subjects(0..60), query in restricted()) {
        let query = MatchQuery {
            method: Method::Optimal(OptimalOptions::default()),
            covariate_calipers: Vec::new(),
            anti_exact: Vec::new(),
            ..query
        };
        let by_rules = MatchQuery { anti_exact: vec!["rt".into()], ..query.clone() };
        let (line, rules) = (matched(&subjects, &query), matched(&subjects, &by_rules));
        prop_assert_eq!(summary(&line), summary(&rules));
    }

    /// Calipers of all widths among scores so dense that chains of partners form, on both scales.
    #[test]
    fn the_walk_within_a_caliper_is_the_best(
        subjects in prop::collection::vec((any::<bool>(), -60..60i32, Just(0), 0..2u8, Just(0u8)), 2..60),
        width in 0..30,
        spread in 1..8,
    ) {
        let mut subjects = subjects;
        subjects.iter_mut().for_each(|subject| subject.1 /= spread);
        subjects[0].0 = true;
        subjects[1].0 = false;
        let [line, rules] = on_line_and_by_rules(&subjects, f64::from(width) * 0.25);
        prop_assert_eq!(line, rules);
    }

    /// Many comparators on one side and many exposed on the other: the caliper is broken in the
    /// tail alone, so that stretches are matched anew between free offers.
    #[test]
    fn stretches_that_are_matched_anew_are_the_best(
        mut subjects in prop::collection::vec((any::<bool>(), -400..400i32, Just(0), Just(0u8), Just(0u8)), 0..400),
        width in 1..40,
    ) {
        for subject in &mut subjects {
            subject.0 = if subject.1 > 250 { subject.0 } else { subject.0 && subject.1 % 3 == 0 };
        }
        subjects.push((true, 399, 0, 0, 0));
        subjects.push((false, 0, 0, 0, 0));
        let [line, rules] = on_line_and_by_rules(&subjects, f64::from(width) * 0.25);
        prop_assert_eq!(line, rules);
    }

    #[test]
    fn full_matching_is_the_cheapest_cover(subjects in subjects(0..9), query in restricted()) {
        let full = MatchQuery { method: Method::Full(FullOptions::default()), ..query.clone() };
        let sample = matched(&subjects, &full);
        prop_assert_eq!(sample.certificate.total_distance, cheapest_cover(&subjects, &query));
        // Whoever may be paired is in a set.
        for (k, one) in subjects.iter().enumerate() {
            let has_partner =
                subjects.iter().any(|other| other.0 != one.0 && may_pair(&query, one, other));
            prop_assert_eq!(sample.subclass[k] > 0, has_partner);
        }
    }

    #[test]
    fn bounded_sets_are_the_best_of_all(
        subjects in subjects(0..8),
        query in restricted(),
        most in prop::option::of(1..4u32),
        most_exposed in prop::option::of(1..4usize),
        may_omit in any::<bool>(),
    ) {
        // Of one class, so that the share is that of all.
        let query = MatchQuery { exact: Vec::new(), ..query };
        let full = FullOptions {
            min_ratio: most_exposed.map_or(0.0, |most| 1.0 / most as f64),
            max_ratio: most.map(f64::from),
            omitted_share: if may_omit { 0.4 } else { 0.0 },
            ..FullOptions::default()
        };
        let sample = matched(&subjects, &MatchQuery { method: Method::Full(full), ..query.clone() });
        let has_partner = |one: &Subject| {
            subjects.iter().any(|other| other.0 != one.0 && may_pair(&query, one, other))
        };
        let n = subjects.iter().filter(|one| !one.0 && has_partner(one)).count();
        let n_omitted = if may_omit { n - (0.6 * n as f64).round_ties_even() as usize } else { 0 };
        let most_exposed = most_exposed.unwrap_or(subjects.len());
        let bounds = (1, most.unwrap_or(20));
        let best = best_sets(&subjects, &query, bounds, most_exposed, n_omitted);
        let certificate = &sample.certificate;
        let n_comparators = certificate.n_matched_comparators.min(n - n_omitted) as i64;
        let found = (certificate.n_matched_exposed as i64, n_comparators, certificate.total_distance);
        prop_assert_eq!(found, best);
        for (row, subject) in subjects.iter().enumerate() {
            let of = |pair: &&matching::Pair| pair.exposed == row || pair.comparator == row;
            let n_pairs = sample.pairs.iter().filter(of).count();
            let largest = if subject.0 { bounds.1 as usize } else { most_exposed };
            prop_assert!(n_pairs <= largest);
        }
    }

    /// Two comparators at least for each of the exposed, or two exposed for each comparator; where no
    /// sets keep that, some subject would have fewer.
    #[test]
    fn least_numbers_are_kept_or_refused(
        subjects in subjects(0..8),
        query in restricted(),
        more in prop::option::of(0..2u32),
        is_turned in any::<bool>(),
    ) {
        let query = MatchQuery { exact: Vec::new(), ..query };
        let ratio = |n: u32| if is_turned { 1.0 / f64::from(n) } else { f64::from(n) };
        let (least, most) = (ratio(2), more.map(|more| ratio(2 + more)));
        let full = if is_turned {
            FullOptions { min_ratio: most.unwrap_or(0.0), max_ratio: Some(least), ..FullOptions::default() }
        } else {
            FullOptions { min_ratio: least, max_ratio: most, ..FullOptions::default() }
        };
        let cohort = cohort_of(&subjects, &(0..subjects.len()).collect::<Vec<_>>());
        let asked = MatchQuery { method: Method::Full(full), ..query.clone() };
        let found = match_pairs(&cohort, &Selection::all(&cohort), &asked);
        // The arm that chooses is that of the exposed.
        let choosing: Vec<Subject> =
            subjects.iter().map(|&(arm, score, age, site, period)| (arm != is_turned, score, age, site, period)).collect();
        let may = |one: &Subject| choosing.iter().any(|other| other.0 != one.0 && may_pair(&query, one, other));
        let n_choosing = choosing.iter().filter(|one| one.0 && may(one)).count() as i64;
        let best = best_sets(&choosing, &query, (2, more.map_or(20, |more| 2 + more)), 1, 0);
        match found {
            Ok(sample) => {
                prop_assert_eq!(best.0, n_choosing);
                let certificate = &sample.certificate;
                prop_assert_eq!(sample.pairs.len() as i64, best.1);
                prop_assert_eq!(certificate.total_distance, best.2);
            }
            Err(_) => prop_assert!(best.0 < n_choosing),
        }
    }

    /// Whatever the order of choice, the distance and the number of partners.
    #[test]
    fn optimal_is_never_worse_than_greedy(
        subjects in subjects(0..60),
        query in restricted(),
        order in prop::sample::select(ORDERS.to_vec()),
        distance in prop::sample::select(DISTANCES.to_vec()),
        ratio in 1..4usize,
    ) {
        let covariates = match distance {
            Distance::Score => Vec::new(),
            _ => vec!["age".into(), "period".into()],
        };
        let query = MatchQuery { covariates, ..query };
        let optimal = Method::Optimal(OptimalOptions { distance, ratio });
        let greedy = Method::Nearest(NearestOptions {
            distance,
            order: Some(order),
            ratio: Ratio::Fixed(ratio),
            ..NearestOptions::default()
        });
        let by = |method| summary(&matched(&subjects, &MatchQuery { method, ..query.clone() }));
        let (greedy, optimal) = (by(greedy), by(optimal));
        prop_assert!((optimal.0, optimal.1) >= (greedy.0, greedy.1));
        if (optimal.0, optimal.1) == (greedy.0, greedy.1) {
            // Distances of covariates are rounded.
            prop_assert!(optimal.2 <= greedy.2 + 1e-12);
        }
    }
}

const ORDERS: [MatchOrder; 6] = [
    MatchOrder::Largest,
    MatchOrder::Smallest,
    MatchOrder::Closest,
    MatchOrder::Farthest,
    MatchOrder::Random,
    MatchOrder::Data,
];

const DISTANCES: [Distance; 3] =
    [Distance::Score, Distance::Mahalanobis, Distance::RobustMahalanobis];

/// Every method with settings that fit it.
fn questions() -> impl Strategy<Value = MatchQuery> {
    let orders: Vec<Option<MatchOrder>> = ORDERS.map(Some).into_iter().chain([None]).collect();
    let distances = DISTANCES.to_vec();
    let ratios =
        vec![Ratio::Fixed(1), Ratio::Fixed(3), Ratio::Variable { mean: 1.5, min: 1, max: 4 }];
    let nearest = (
        prop::sample::select(orders),
        prop::sample::select(distances.clone()),
        prop::sample::select(ratios),
        any::<bool>(),
        0..5u64,
    )
        .prop_map(|(order, distance, ratio, replacement, seed)| {
            Method::Nearest(NearestOptions { distance, order, seed, ratio, replacement })
        });
    let optimal = (prop::sample::select(distances.clone()), 1..3usize)
        .prop_map(|(distance, ratio)| Method::Optimal(OptimalOptions { distance, ratio }));
    let bounds = vec![(0.0, None), (0.5, Some(2.0)), (0.0, Some(1.0)), (0.25, None)];
    let full = (prop::sample::select(distances), prop::sample::select(bounds), 0..2).prop_map(
        |(distance, (min_ratio, max_ratio), quarters)| {
            let omitted_share = f64::from(quarters) * 0.25;
            Method::Full(FullOptions { distance, min_ratio, max_ratio, omitted_share })
        },
    );
    let spss = (any::<bool>(), any::<bool>(), any::<bool>(), 0..5u64).prop_map(
        |(exact_first, random_order, replacement, seed)| {
            Method::Spss(SpssOptions { seed, exact_first, random_order, replacement })
        },
    );
    let subclass = (1..5usize, 0..3usize).prop_map(|(n_subclasses, min_n)| {
        Method::Subclass(SubclassOptions { n_subclasses, min_n })
    });
    let coarsened = prop::sample::select(vec![
        Coarsening::Sturges,
        Coarsening::Bins(3),
        Coarsening::Quantiles(2),
        Coarsening::Cuts(vec![2.0, 1.0]),
        Coarsening::Values,
    ])
    .prop_map(|rule| Method::Coarsened(vec![rule]));
    let method = prop_oneof![
        4 => nearest, 2 => optimal, 2 => full, 2 => spss, 1 => subclass, 1 => coarsened,
        1 => Just(Method::Exact),
    ];
    let discard = prop::sample::select(vec![
        Discard::None,
        Discard::Both,
        Discard::Comparators,
        Discard::Exposed,
    ]);
    let site = prop::option::of(prop::sample::select(vec![SiteRule::Exact, SiteRule::Prefer]));
    (method, restricted(), discard, site, any::<bool>(), any::<bool>()).prop_map(
        |(method, query, discard, site, is_atc, on_logit)| {
            fitting(MatchQuery { method, discard, ..query }, site, is_atc, on_logit)
        },
    )
}

/// Leaves out what a method refuses.
fn fitting(
    mut query: MatchQuery,
    site: Option<SiteRule>,
    is_atc: bool,
    on_logit: bool,
) -> MatchQuery {
    let on_covariates = match &query.method {
        Method::Nearest(options) => options.distance != Distance::Score,
        Method::Optimal(options) => options.distance != Distance::Score,
        Method::Full(options) => options.distance != Distance::Score,
        Method::Coarsened(_) => true,
        _ => false,
    };
    if on_covariates {
        query.covariates = match query.method {
            Method::Coarsened(_) => vec!["age".into()],
            _ => vec!["age".into(), "period".into()],
        };
    }
    if is_atc {
        query.estimand = Estimand::Atc;
    }
    let is_nearest = matches!(query.method, Method::Nearest(_));
    let rule = site.filter(|rule| is_nearest || *rule == SiteRule::Exact);
    query.site = rule.map(|rule| Site { column: "site".into(), rule });
    match query.method {
        Method::Subclass(_) => {
            query.site = None;
            query.exact.clear();
        }
        Method::Exact => query.exact = vec!["site".into()],
        Method::Spss(_) if query.caliper.is_none() => {
            query.caliper = Some(Caliper { width: 0.5, scale: CaliperScale::StandardDeviations });
        }
        _ => {}
    }
    if matches!(query.method, Method::Subclass(_) | Method::Coarsened(_) | Method::Exact) {
        query.caliper = None;
        query.covariate_calipers.clear();
        query.anti_exact.clear();
    }
    if on_logit {
        query.score = Some("probability".into());
        if let Some(caliper) = &mut query.caliper {
            caliper.scale = CaliperScale::LogitStandardDeviations;
        }
    }
    query
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// An answer has been certified, or it would have been an error. The rules are read here once more.
    #[test]
    fn every_method_keeps_its_promise_whatever_the_order_of_rows(
        (subjects, order) in subjects(0..40).prop_flat_map(|subjects| {
            let order: Vec<usize> = (0..subjects.len()).collect();
            (Just(subjects), Just(order).prop_shuffle())
        }),
        query in questions(),
    ) {
        let sample = matched(&subjects, &query);
        let shuffled = cohort_of(&subjects, &order);
        let again = match_pairs(&shuffled, &Selection::all(&shuffled), &query).unwrap();
        prop_assert_eq!(&again, &sample);
        let literal = MatchQuery {
            caliper: sample.certificate.caliper.map(|width| Caliper { width, scale: CaliperScale::Raw }),
            ..query.clone()
        };
        let on_logit = query.score.as_deref() == Some("probability");
        for pair in &sample.pairs {
            let (a, b) = (&subjects[pair.exposed], &subjects[pair.comparator]);
            prop_assert!(a.0 && !b.0);
            prop_assert!(on_logit || may_pair(&literal, a, b));
        }
        if let Ok(over) = sample.certificate.largest_over_caliper {
            prop_assert!(over <= 1.0);
        }
        prop_assert!(sample.weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0));
        let n_exposed = (0..subjects.len()).filter(|&k| subjects[k].0 && sample.weights[k] > 0.0);
        prop_assert_eq!(n_exposed.count(), sample.certificate.n_matched_exposed);
    }

    /// New ids change nothing where no two distances are equal, in whatever order that does not go by
    /// ids; an optimal total they never change.
    #[test]
    fn new_ids_change_no_pair_without_ties(
        (subjects, order) in subjects(0..24).prop_flat_map(|subjects| {
            let order: Vec<usize> = (0..subjects.len()).collect();
            (Just(subjects), Just(order).prop_shuffle())
        }),
        scores in prop::collection::btree_set(-1_000_000..1_000_000i32, 26),
        query in restricted(),
        turns in prop::sample::select(ORDERS[..4].to_vec()),
        ratio in 1..4usize,
        replacement in any::<bool>(),
        is_atc in any::<bool>(),
        share in 0..20i32,
    ) {
        let mut subjects = subjects;
        let scores: Vec<i32> = scores.into_iter().collect();
        // The order of rows is not that of the scores.
        subjects.iter_mut().enumerate().for_each(|(k, subject)| subject.1 = scores[k * 11 % 26]);
        let mut distances = Vec::new();
        for a in subjects.iter().filter(|subject| subject.0) {
            distances.extend(subjects.iter().filter(|other| !other.0).map(|b| (a.1 - b.1).abs()));
        }
        distances.sort_unstable();
        prop_assume!(distances.windows(2).all(|two| two[0] != two[1]));
        let width = f64::from(share) * 25_000.0;
        let query = MatchQuery {
            caliper: query.caliper.map(|caliper| Caliper { width, ..caliper }),
            estimand: if is_atc { Estimand::Atc } else { Estimand::Att },
            ..query
        };
        let nearest = Method::Nearest(NearestOptions {
            order: Some(turns),
            ratio: Ratio::Fixed(ratio),
            replacement,
            ..NearestOptions::default()
        });
        let relabelled: Vec<Subject> = order.iter().map(|&k| subjects[k]).collect();
        let both = |method: Method| {
            let query = MatchQuery { method, ..query.clone() };
            (matched(&subjects, &query), matched(&relabelled, &query))
        };
        let (sample, other) = both(nearest);
        let mut pairs: Vec<_> =
            other.pairs.iter().map(|pair| (order[pair.exposed], order[pair.comparator])).collect();
        pairs.sort_unstable();
        let mut expected: Vec<_> =
            sample.pairs.iter().map(|pair| (pair.exposed, pair.comparator)).collect();
        expected.sort_unstable();
        prop_assert_eq!(pairs, expected);
        for method in [
            Method::Optimal(OptimalOptions { ratio, ..OptimalOptions::default() }),
            Method::Full(FullOptions::default()),
        ] {
            let (sample, other) = both(method);
            prop_assert_eq!(sample.pairs.len(), other.pairs.len());
            prop_assert_eq!(sample.certificate.total_distance, other.certificate.total_distance);
        }
    }

    /// Where scores tie, new ids change who is taken, but not which scores are paired.
    #[test]
    fn new_ids_change_pairs_within_ties_alone(
        (subjects, order) in subjects(0..40).prop_flat_map(|subjects| {
            let order: Vec<usize> = (0..subjects.len()).collect();
            (Just(subjects), Just(order).prop_shuffle())
        }),
        query in restricted(),
        turns in prop::sample::select(ORDERS[..2].to_vec()),
        ratio in 1..4usize,
        replacement in any::<bool>(),
    ) {
        let query = MatchQuery {
            method: Method::Nearest(NearestOptions {
                order: Some(turns),
                ratio: Ratio::Fixed(ratio),
                replacement,
                ..NearestOptions::default()
            }),
            // Subjects of equal scores differ in nothing else.
            covariate_calipers: Vec::new(),
            anti_exact: Vec::new(),
            ..query
        };
        let relabelled: Vec<Subject> = order.iter().map(|&k| subjects[k]).collect();
        let scores = |subjects: &[Subject]| {
            let of = |pair: &matching::Pair| [pair.exposed, pair.comparator].map(|k| subjects[k].1);
            let mut scores: Vec<_> = matched(subjects, &query).pairs.iter().map(of).collect();
            scores.sort_unstable();
            scores
        };
        prop_assert_eq!(scores(&subjects), scores(&relabelled));
    }
}
