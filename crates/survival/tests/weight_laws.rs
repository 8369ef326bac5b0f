//! Laws of case weights, clusters and cumulative hazards that hold for any cohort.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, Column, EndpointColumns, Estimate, NotEstimable, Selection, WeightColumn, WeightKind,
};
use proptest::prelude::*;
use survival::{
    Contrasts, ContrastsQuery, Curves, CurvesQuery, FollowUp, FollowUpQuery, GroupCurve,
    GroupFollowUp, HazardEstimator, IntervalRule, PotentialFollowUp, QuantileRule, Variance,
    contrasts, curves, summarise_follow_up,
};

/// Entry, follow-up after entry, event, arm, weight in quarters, cluster.
type Subject = (u8, u8, bool, u32, u8, u8);

/// Few distinct times, so that ties and empty risk sets are common; some have no weight.
fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    prop::collection::vec((0u8..6, 1u8..12, any::<bool>(), 0u32..2, 0u8..9, 0u8..6), 2..40)
        .prop_filter("two arms with weight", |subjects| {
            (0..2).all(|arm| subjects.iter().any(|one| one.3 == arm && one.4 > 0))
        })
}

/// Weights are in `w`, whole numbers in `frequency`; `renamed` has the clusters under other names.
fn cohort(subjects: &[Subject], scale: f64) -> Cohort {
    let numbers = |of: &dyn Fn(&Subject) -> f64| subjects.iter().map(of).collect::<Vec<f64>>();
    let arm = subjects.iter().map(|subject| subject.3).collect();
    let columns = vec![
        Column::numeric("entry", numbers(&|subject| f64::from(subject.0))),
        Column::numeric("time", numbers(&|subject| f64::from(subject.0 + subject.1))),
        Column::numeric("event", numbers(&|subject| f64::from(u8::from(subject.2)))),
        Column::numeric("potential", numbers(&|subject| f64::from(subject.0 + subject.1) + 2.0)),
        Column::numeric("w", numbers(&|subject| f64::from(subject.4) / 4.0 * scale)),
        Column::numeric("frequency", numbers(&|subject| f64::from(subject.4 % 4))),
        Column::numeric("one", numbers(&|_| 1.0)),
        Column::numeric("cluster", numbers(&|subject| f64::from(subject.5))),
        Column::numeric("renamed", numbers(&|subject| f64::from(subject.5 * 5 % 7))),
        Column::numeric("row", (0..subjects.len()).map(|row| row as f64).collect()),
        Column::categorical("arm", ["a", "b"].map(String::from).to_vec(), arm),
    ];
    Cohort::new(None, columns).unwrap()
}

fn endpoint(late: bool) -> EndpointColumns {
    let entry = late.then(|| "entry".to_string());
    EndpointColumns { entry, ..EndpointColumns::new("time", "event") }
}

fn query(late: bool) -> CurvesQuery {
    CurvesQuery {
        group: Some("arm".into()),
        interval: IntervalRule::LogLog,
        quantiles: vec![0.25, 0.5],
        quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log), QuantileRule::Spss],
        times: vec![4.0],
        restricted_mean_times: vec![5.0],
        hazards: vec![HazardEstimator::NelsonAalen, HazardEstimator::FlemingHarrington],
        ..CurvesQuery::new(endpoint(late))
    }
}

fn weighted(column: &str, kind: WeightKind, late: bool) -> CurvesQuery {
    let weights = Some(WeightColumn { column: column.into(), kind });
    CurvesQuery { weights, ..query(late) }
}

fn sampling(late: bool) -> CurvesQuery {
    weighted("w", WeightKind::Sampling, late)
}

fn clustered(column: &str, query: CurvesQuery) -> CurvesQuery {
    CurvesQuery { cluster: Some(column.into()), ..query }
}

fn estimated(cohort: &Cohort, query: &CurvesQuery) -> Curves {
    curves(cohort, &Selection::all(cohort), query).unwrap()
}

fn contrasted(cohort: &Cohort, cluster: Option<&str>, late: bool) -> Option<Contrasts> {
    let query = ContrastsQuery {
        weights: sampling(late).weights,
        cluster: cluster.map(String::from),
        times: vec![4.0],
        quantiles: vec![0.5],
        quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log), QuantileRule::Spss],
        ..ContrastsQuery::new(endpoint(late), "arm")
    };
    contrasts(cohort, &Selection::all(cohort), &query).ok()
}

fn is_near(x: Estimate, y: Estimate) -> bool {
    match (x, y) {
        (Ok(x), Ok(y)) => (x - y).abs() <= 1e-11 * (1.0 + y.abs()),
        (x, y) => x == y,
    }
}

fn all_near(xs: &[Estimate], ys: &[Estimate]) -> bool {
    xs.len() == ys.len() && xs.iter().zip(ys).all(|(&x, &y)| is_near(x, y))
}

/// All that was estimated of a group but the counts and sums, in a fixed order.
fn numbers(group: &GroupCurve) -> Vec<Estimate> {
    let curve = &group.curve;
    let mut numbers: Vec<Estimate> = curve.survival.iter().map(|&survival| Ok(survival)).collect();
    numbers.extend(&curve.standard_error);
    numbers.extend(curve.interval.iter().flat_map(|interval| [interval.lower, interval.upper]));
    for quantile in &group.quantiles {
        numbers.extend([quantile.value, quantile.interval.lower, quantile.interval.upper]);
    }
    for at in &group.at_times {
        numbers.extend([at.survival, at.standard_error, at.interval.lower]);
    }
    for mean in &group.restricted_means {
        numbers.extend([mean.mean, mean.standard_error, mean.interval.upper]);
    }
    for hazard in &group.hazards {
        numbers.extend(hazard.hazard.iter().map(|&hazard| Ok(hazard)));
        numbers.extend(&hazard.standard_error);
        numbers.extend(hazard.survival_interval.iter().map(|interval| interval.lower));
    }
    numbers
}

fn followed(cohort: &Cohort, query: CurvesQuery) -> FollowUp {
    let query = FollowUpQuery {
        endpoint: query.endpoint,
        group: query.group,
        reference: None,
        confidence: 0.95,
        rate_unit: 10.0,
        quantile_rules: vec![],
        potential: Some(PotentialFollowUp::Column("potential".into())),
        weights: query.weights,
        cluster: query.cluster,
    };
    summarise_follow_up(cohort, &Selection::all(cohort), &query).unwrap()
}

fn same(one: Estimate, other: Estimate) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => (one - other).abs() <= 1e-9 * one.abs().max(1e-9),
        (one, other) => one.err() == other.err(),
    }
}

proptest! {
    /// Weights times a number are the same weights, a patient in a cluster of its own is nobody's
    /// fellow, and weights of one change nothing but the limits.
    #[test]
    fn rates_know_what_weights_mean(subjects in subjects(), late in any::<bool>()) {
        let [own, scaled] = [1.0, 3.0].map(|scale| cohort(&subjects, scale));
        let found = followed(&own, sampling(late));
        let alone = followed(&own, clustered("row", sampling(late)));
        let more = followed(&scaled, sampling(late));
        for other in [&alone, &more] {
            for (one, other) in found.groups.iter().zip(&other.groups) {
                prop_assert!(same(one.rate.rate, other.rate.rate));
                prop_assert!(same(one.rate.interval.upper, other.rate.interval.upper));
                let index = |group: &GroupFollowUp| group.completeness.unwrap().index;
                prop_assert!(same(index(one), index(other)));
            }
        }
        let times = |of: &FollowUp| of.total.weighted.unwrap().time;
        prop_assert!((3.0 * times(&found) - times(&more)).abs() <= 1e-9 * times(&more));
        let plain = followed(&own, query(late));
        let ones = followed(&own, weighted("one", WeightKind::Sampling, late));
        for (one, other) in plain.groups.iter().zip(&ones.groups) {
            prop_assert!(same(one.rate.rate, other.rate.rate));
            prop_assert_eq!(one.observed, other.observed);
        }
        prop_assert!(plain.total.weighted.is_none());
    }

    #[test]
    fn frequencies_are_repeated_rows(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        let repeated = (0..subjects.len())
            .flat_map(|row| std::iter::repeat_n(row, usize::from(subjects[row].4 % 4)));
        let selection = Selection::of(&cohort, repeated).unwrap();
        prop_assume!(!selection.is_empty());
        for variance in [None, Some(Variance::InfinitesimalJackknife)] {
            let repeated = CurvesQuery { variance, ..query(late) };
            let counted = weighted("frequency", WeightKind::Frequency, late);
            let counted = CurvesQuery { variance, ..counted };
            let repeated = curves(&cohort, &selection, &repeated).unwrap();
            prop_assert_eq!(estimated(&cohort, &counted).groups, repeated.groups);
        }
    }

    #[test]
    fn doubling_every_subject_is_the_frequency_2(subjects in subjects(), late in any::<bool>()) {
        let mut cohort = cohort(&subjects, 1.0);
        cohort.push(Column::numeric("two", vec![2.0; subjects.len()])).unwrap();
        let doubled: Vec<usize> = (0..subjects.len()).flat_map(|row| [row, row]).collect();
        let selection = Selection::of(&cohort, doubled).unwrap();
        let counted = estimated(&cohort, &weighted("two", WeightKind::Frequency, late));
        prop_assert_eq!(counted, curves(&cohort, &selection, &query(late)).unwrap());
    }

    /// Twice the weight is no second patient.
    #[test]
    fn the_scale_of_sampling_weights_does_not_matter(
        subjects in subjects(),
        late in any::<bool>(),
        scale in 0.01f64..1e3,
        has_clusters in any::<bool>(),
    ) {
        let asked = sampling(late);
        let asked = if has_clusters { clustered("cluster", asked) } else { asked };
        let one = estimated(&cohort(&subjects, 1.0), &asked);
        let other = estimated(&cohort(&subjects, scale), &asked);
        for (one, other) in one.groups.iter().zip(&other.groups) {
            prop_assert!(all_near(&numbers(one), &numbers(other)));
            prop_assert_eq!((one.n, one.n_events), (other.n, other.n_events));
            let sums = [one, other].map(|group| group.curve.weighted.as_ref().unwrap().at_risk[0]);
            prop_assert!(is_near(Ok(sums[0] * scale), Ok(sums[1])));
        }
    }

    #[test]
    fn the_weight_1_is_no_weight(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        let one = weighted("one", WeightKind::Sampling, late);
        let robust =
            CurvesQuery { variance: Some(Variance::InfinitesimalJackknife), ..query(late) };
        let weighted = estimated(&cohort, &one);
        for (weighted, robust) in weighted.groups.iter().zip(&estimated(&cohort, &robust).groups) {
            prop_assert!(all_near(&numbers(weighted), &numbers(robust)));
        }
    }

    /// When everybody counts once and is there from the beginning, the infinitesimal jackknife of the
    /// curve is Greenwood's variance: all who are at risk later have moved it alike before.
    #[test]
    fn without_weights_robust_is_greenwood(subjects in subjects()) {
        let late = false;
        let cohort = cohort(&subjects, 1.0);
        let robust =
            CurvesQuery { variance: Some(Variance::InfinitesimalJackknife), ..query(late) };
        let robust = estimated(&cohort, &robust).groups;
        let greenwood = estimated(&cohort, &query(late)).groups;
        for (robust, greenwood) in robust.iter().zip(&greenwood).filter(|pair| pair.0.n > 1) {
            let errors = robust.curve.standard_error.iter().zip(&greenwood.curve.standard_error);
            for (robust, greenwood) in errors.filter(|(_, greenwood)| greenwood.is_ok()) {
                prop_assert!(is_near(*robust, *greenwood));
            }
            let (one, other) = (&robust.restricted_means[0], &greenwood.restricted_means[0]);
            prop_assert!(is_near(one.standard_error, other.standard_error));
        }
    }

    #[test]
    fn rows_have_no_order_and_clusters_no_name(subjects in subjects(), late in any::<bool>()) {
        let mut turned = subjects.clone();
        turned.reverse();
        let (one, other) = (cohort(&subjects, 1.0), cohort(&turned, 1.0));
        let asked = clustered("cluster", sampling(late));
        let straight = estimated(&one, &asked);
        let renamed = estimated(&one, &clustered("renamed", sampling(late)));
        for others in [estimated(&other, &asked), renamed] {
            for (one, other) in straight.groups.iter().zip(&others.groups) {
                prop_assert!(all_near(&numbers(one), &numbers(other)));
            }
        }
    }

    #[test]
    fn a_cluster_of_one_is_no_cluster(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        let alone = estimated(&cohort, &clustered("row", sampling(late)));
        for (alone, free) in alone.groups.iter().zip(&estimated(&cohort, &sampling(late)).groups) {
            prop_assert_eq!(numbers(alone), numbers(free));
        }
        let alone = contrasted(&cohort, Some("row"), late).map(|answer| answer.contrasts);
        prop_assert_eq!(alone, contrasted(&cohort, None, late).map(|answer| answer.contrasts));
    }

    /// The influences of all subjects add up to 0, so those of two clusters are opposite, and one
    /// has no variance.
    #[test]
    fn a_single_cluster_has_no_variance(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        for group in estimated(&cohort, &clustered("one", sampling(late))).groups {
            let errors = &group.curve.standard_error;
            for (survival, error) in group.curve.survival.iter().zip(errors) {
                let expected = if *survival < 1.0 { Err(NotEstimable::VarianceUndefined) } else { Ok(0.0) };
                prop_assert_eq!(*error, expected);
            }
        }
    }

    #[test]
    fn hazards_grow_and_leave_more_alive(
        subjects in subjects(),
        late in any::<bool>(),
        has_weights in any::<bool>(),
    ) {
        let asked = if has_weights { sampling(late) } else { query(late) };
        for group in estimated(&cohort(&subjects, 1.0), &asked).groups {
            let [nelson_aalen, fleming_harrington] = &group.hazards[..] else { panic!("two") };
            for hazard in [nelson_aalen, fleming_harrington] {
                prop_assert!(hazard.hazard.windows(2).all(|pair| pair[0] <= pair[1]));
                for (alive, survival) in hazard.survival.iter().zip(&group.curve.survival) {
                    prop_assert!(*alive >= survival - 1e-12);
                }
                for (height, interval) in hazard.hazard.iter().zip(&hazard.interval) {
                    prop_assert!(interval.lower.is_err() || interval.lower <= Ok(*height));
                    prop_assert!(interval.upper.is_err() || interval.upper >= Ok(*height));
                }
            }
            for (one, other) in nelson_aalen.hazard.iter().zip(&fleming_harrington.hazard) {
                prop_assert!(*one <= other + 1e-12);
            }
        }
    }

    /// The robust error of a restricted mean is made of its derivatives by the weights.
    #[test]
    fn errors_of_means_are_derivatives(subjects in subjects(), late in any::<bool>()) {
        let asked = CurvesQuery { group: None, ..sampling(late) };
        let mean_with = |changed: Option<usize>| {
            let mut cohort = cohort(&subjects, 1.0);
            let weight = |row: usize| {
                let weight = f64::from(subjects[row].4) / 4.0;
                if changed == Some(row) { weight * (1.0 + 1e-6) } else { weight }
            };
            let weights = (0..subjects.len()).map(weight).collect();
            cohort.push(Column::numeric("changed", weights)).unwrap();
            let kind = WeightKind::Sampling;
            let weights = Some(WeightColumn { column: "changed".into(), kind });
            let asked = CurvesQuery { weights, ..asked.clone() };
            estimated(&cohort, &asked).groups.swap_remove(0).restricted_means.swap_remove(0)
        };
        let mean = mean_with(None);
        prop_assume!(mean.mean.is_ok() && mean.standard_error.is_ok());
        let squares = (0..subjects.len()).map(|row| {
            let change = (mean_with(Some(row)).mean.unwrap() - mean.mean.unwrap()) / 1e-6;
            change * change
        });
        let error = squares.sum::<f64>().sqrt();
        prop_assert!((mean.standard_error.unwrap() - error).abs() < 1e-4 * (1.0 + error));
    }

    /// Contrasts turn round with the reference, whatever the groups have in common.
    #[test]
    fn common_clusters_make_symmetric_contrasts(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        let Some(answer) = contrasted(&cohort, Some("cluster"), late) else { return Ok(()) };
        let Some(free) = contrasted(&cohort, None, late) else { return Ok(()) };
        let (mean, of_free) =
            (&answer.contrasts[0].restricted_means[0], &free.contrasts[0].restricted_means[0]);
        prop_assert_eq!(mean.difference.estimate, of_free.difference.estimate);
        let Some(Ok(error)) = mean.difference.standard_error else { return Ok(()) };
        let errors = [0, 1].map(|group: usize| {
            answer.groups[group].restricted_means[0].mean.standard_error.unwrap()
        });
        prop_assert!(error <= errors[0] + errors[1] + 1e-12);
        prop_assert!(error >= (errors[0] - errors[1]).abs() - 1e-12);
    }
}
