//! Laws of contrasts, follow-up, conditional survival and landmarks that hold for any cohort.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, EndpointColumns, Estimate, Selection};
use proptest::prelude::*;
use survival::{
    ComparisonOptions, ComparisonQuery, ConditionalQuery, Contrast, Contrasts, ContrastsQuery,
    CurvesQuery, FollowUp, FollowUpQuery, IntervalRule, LandmarkQuery, PotentialFollowUp,
    QuantileRule, compare, conditional, contrasts, curves, landmark_analysis, summarise_follow_up,
};

/// Entry, follow-up after entry, event, arm.
type Subject = (u8, u8, bool, u32);

/// Few distinct times, so that ties are common; both arms hold somebody.
fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    prop::collection::vec((0u8..6, 1u8..12, any::<bool>(), 0u32..2), 2..40)
        .prop_filter("two arms", |subjects| (0..2).all(|arm| subjects.iter().any(|s| s.3 == arm)))
}

fn cohort(subjects: &[Subject], unit: f64) -> Cohort {
    let numbers = |of: &dyn Fn(&Subject) -> u8| -> Vec<f64> {
        subjects.iter().map(|subject| f64::from(of(subject)) * unit).collect()
    };
    let event = subjects.iter().map(|subject| f64::from(u8::from(subject.2))).collect();
    let arm = subjects.iter().map(|subject| subject.3).collect();
    let columns = vec![
        Column::numeric("entry", numbers(&|subject| subject.0)),
        Column::numeric("time", numbers(&|subject| subject.0 + subject.1)),
        Column::numeric("event", event),
        Column::numeric("potential", numbers(&|subject| subject.0 + 12)),
        Column::categorical("arm", ["a", "b"].map(String::from).to_vec(), arm),
    ];
    Cohort::new(None, columns).unwrap()
}

fn endpoint(late_entry: bool) -> EndpointColumns {
    let entry = late_entry.then(|| "entry".to_string());
    EndpointColumns { entry, ..EndpointColumns::new("time", "event") }
}

fn contrasted(cohort: &Cohort, late: bool, reference: &str, unit: f64) -> Contrasts {
    let query = ContrastsQuery {
        reference: Some(reference.into()),
        times: vec![4.0 * unit],
        quantiles: vec![0.5],
        quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log), QuantileRule::Spss],
        ..ContrastsQuery::new(endpoint(late), "arm")
    };
    contrasts(cohort, &Selection::all(cohort), &query).unwrap()
}

fn followed(cohort: &Cohort, late: bool) -> FollowUp {
    let query = FollowUpQuery {
        endpoint: endpoint(late),
        group: Some("arm".into()),
        reference: None,
        confidence: 0.9,
        rate_unit: 1.0,
        quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
        potential: Some(PotentialFollowUp::Column("potential".into())),
        weights: None,
        cluster: None,
    };
    summarise_follow_up(cohort, &Selection::all(cohort), &query).unwrap()
}

fn curves_query(late: bool, times: Vec<f64>) -> CurvesQuery {
    CurvesQuery {
        group: Some("arm".into()),
        interval: IntervalRule::LogLog,
        times,
        ..CurvesQuery::new(endpoint(late))
    }
}

/// Differences and ratios of one answer, in a fixed order.
fn all(answer: &Contrasts) -> (Vec<Contrast>, Vec<Contrast>) {
    let contrasts = &answer.contrasts[0];
    let (mean, at) = (&contrasts.restricted_means[0], &contrasts.at_times[0]);
    let quantiles = &contrasts.quantiles;
    let differences = [mean.difference, at.difference].into_iter();
    let ratios = [mean.ratio, mean.lost_ratio, at.ratio].into_iter();
    (
        differences.chain(quantiles.iter().map(|quantile| quantile.difference)).collect(),
        ratios.chain(quantiles.iter().map(|quantile| quantile.ratio)).collect(),
    )
}

fn is_near(x: Estimate, y: Estimate) -> bool {
    match (x, y) {
        (Ok(x), Ok(y)) => (x - y).abs() <= 1e-11 * (1.0 + y.abs()),
        (x, y) => x.is_err() == y.is_err(),
    }
}

proptest! {
    #[test]
    fn the_reference_turns_every_contrast_round(subjects in subjects(), late in any::<bool>()) {
        let cohort = cohort(&subjects, 1.0);
        let (differences, ratios) = all(&contrasted(&cohort, late, "a", 1.0));
        let (turned_differences, turned_ratios) = all(&contrasted(&cohort, late, "b", 1.0));
        for (one, other) in differences.iter().zip(&turned_differences) {
            prop_assert!(is_near(one.estimate, other.estimate.map(|x| -x)));
            prop_assert!(is_near(one.interval.lower, other.interval.upper.map(|x| -x)));
            prop_assert_eq!(one.p_value.is_some(), other.p_value.is_some());
        }
        for (one, other) in ratios.iter().zip(&turned_ratios) {
            if let (Ok(one), Ok(other)) = (one.estimate, other.estimate) {
                prop_assert!(one == 0.0 || is_near(Ok(one), Ok(1.0 / other)));
            }
            if let (Ok(lower), Ok(upper)) = (one.interval.lower, other.interval.upper) {
                prop_assert!((lower * upper - 1.0).abs() < 1e-9, "{lower} and {upper}");
            }
        }
    }

    #[test]
    fn estimates_lie_within_their_limits(subjects in subjects(), late in any::<bool>()) {
        let (differences, ratios) = all(&contrasted(&cohort(&subjects, 1.0), late, "a", 1.0));
        for contrast in differences.iter().chain(&ratios) {
            let Ok(estimate) = contrast.estimate else { continue };
            let slack = 1e-12 * (1.0 + estimate.abs());
            prop_assert!(contrast.interval.lower.is_err() || contrast.interval.lower <= Ok(estimate + slack));
            prop_assert!(contrast.interval.upper.is_err() || contrast.interval.upper >= Ok(estimate - slack));
            if let Some(Ok(p_value)) = contrast.p_value {
                prop_assert!((0.0..=1.0).contains(&p_value));
            }
        }
    }

    #[test]
    fn ratios_have_no_unit(subjects in subjects(), late in any::<bool>(), unit in 0.01f64..1e3) {
        let one = contrasted(&cohort(&subjects, 1.0), late, "a", 1.0);
        let other = contrasted(&cohort(&subjects, unit), late, "a", unit);
        for (one, other) in all(&one).1.iter().zip(&all(&other).1) {
            prop_assert!(is_near(one.estimate, other.estimate));
            prop_assert!(is_near(one.interval.upper, other.interval.upper));
        }
        let one = one.contrasts[0].restricted_means[0].difference.estimate;
        let other = other.contrasts[0].restricted_means[0].difference.estimate;
        prop_assert!(is_near(one, other.map(|difference| difference / unit)));
    }

    #[test]
    fn the_order_of_rows_does_not_matter(subjects in subjects(), late in any::<bool>()) {
        let mut turned = subjects.clone();
        turned.reverse();
        let (one, other) = (cohort(&subjects, 1.0), cohort(&turned, 1.0));
        prop_assert_eq!(contrasted(&one, late, "a", 1.0), contrasted(&other, late, "a", 1.0));
        prop_assert_eq!(followed(&one, late), followed(&other, late));
    }

    #[test]
    fn groups_add_up_to_everybody(subjects in subjects(), late in any::<bool>()) {
        let follow_up = followed(&cohort(&subjects, 1.0), late);
        let time: f64 = follow_up.groups.iter().map(|group| group.observed.time).sum();
        prop_assert_eq!(time, follow_up.total.observed.time);
        let n_events: usize = follow_up.groups.iter().map(|group| group.observed.n_events).sum();
        prop_assert_eq!(n_events, follow_up.total.observed.n_events);
        for group in follow_up.groups.iter().chain([&follow_up.total]) {
            let completeness = group.completeness.unwrap();
            prop_assert!(completeness.index >= Ok(0.0) && completeness.index <= Ok(1.0));
            prop_assert!(group.rate.interval.lower <= group.rate.rate);
            prop_assert!(group.rate.rate <= group.rate.interval.upper);
        }
    }

    #[test]
    fn conditional_survival_is_a_ratio_of_survivals(
        subjects in subjects(),
        late in any::<bool>(),
        survived in 0u8..8,
        further in 0u8..8,
    ) {
        let cohort = cohort(&subjects, 1.0);
        let (survived, further) = (f64::from(survived), f64::from(further));
        let query = ConditionalQuery {
            endpoint: endpoint(late),
            group: Some("arm".into()),
            interval: IntervalRule::LogLog,
            confidence: 0.95,
            survived: vec![survived],
            further: vec![further],
        };
        let all = Selection::all(&cohort);
        let given = conditional(&cohort, &all, &query).unwrap();
        let asked = curves_query(late, vec![survived, survived + further]);
        for (given, curve) in given.iter().zip(curves(&cohort, &all, &asked).unwrap().groups) {
            let product = given.survival[0].survival.and_then(|survival| {
                Ok(survival * curve.at_times[0].survival?)
            });
            let is_dead = curve.at_times[0].survival == Ok(0.0);
            prop_assert!(is_dead || is_near(product, curve.at_times[1].survival));
        }
    }

    /// Everybody is followed beyond time 0, so that the landmark leaves nobody out.
    #[test]
    fn from_the_landmark_0_it_is_the_whole_comparison(subjects in subjects()) {
        let cohort = cohort(&subjects, 1.0);
        let all = Selection::all(&cohort);
        let query = LandmarkQuery {
            landmark: 0.0,
            exposure: None,
            curves: curves_query(false, vec![3.0]),
            comparison: ComparisonOptions::default(),
        };
        let analysis = landmark_analysis(&cohort, &all, &query).unwrap();
        let comparison = ComparisonQuery {
            endpoint: endpoint(false),
            group: "arm".into(),
            strata: vec![],
            weights: None,
            options: ComparisonOptions::default(),
        };
        prop_assert_eq!(analysis.comparison.unwrap(), compare(&cohort, &all, &comparison).unwrap());
        prop_assert_eq!(analysis.curves, curves(&cohort, &all, &query.curves).unwrap());
    }
}
