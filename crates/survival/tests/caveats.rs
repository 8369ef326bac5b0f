//! What a reader must know rides on every answer that quotes a time or a curve.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use CaveatCode::{BeyondFollowUp, CurveEndsOnEvent, EmptyRiskSet, FewAtRisk, MedianNotReached};
use cohort::{Cause, CauseColumns, Caveat, CaveatCode, Cohort, Column, EndpointColumns, Selection};
use survival::{
    BeyondLastTime, ComparisonOptions, ConditionalQuery, ContrastsQuery, CurvesQuery,
    FollowUpQuery, HazardQuery, IncidenceQuery, IntervalRule, LandmarkQuery, QuantileRule,
    conditional, contrasts, curves, incidence, landmark_analysis, smoothed_hazard,
    summarise_follow_up,
};

const LOG: QuantileRule = QuantileRule::Curve(IntervalRule::Log);

/// In the gap nobody is at risk between 3 and 5, and the last of four dies at 9. Of the twelve others
/// one dies at 1, and the rest is censored at 2 to 12.
fn cohort() -> (Cohort, Selection) {
    let others: Vec<f64> = (1..=12).map(f64::from).collect();
    let with = |gap: [f64; 4], others: Vec<f64>| [gap.to_vec(), others].concat();
    let mut event = vec![0.0; 12];
    event[0] = 1.0;
    let arms = ["gap", "others"].map(String::from).to_vec();
    let codes = [vec![0; 4], vec![1; 12]].concat();
    let columns = vec![
        Column::numeric("entry", with([0.0, 0.0, 5.0, 5.0], vec![0.0; 12])),
        Column::numeric("time", with([2.0, 3.0, 7.0, 9.0], others)),
        Column::numeric("event", with([1.0, 0.0, 1.0, 1.0], event)),
        Column::categorical("arm", arms, codes),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let all = Selection::all(&cohort);
    (cohort, all)
}

fn endpoint() -> EndpointColumns {
    EndpointColumns { entry: Some("entry".into()), ..EndpointColumns::new("time", "event") }
}

fn query() -> CurvesQuery {
    CurvesQuery {
        group: Some("arm".into()),
        quantiles: vec![0.5],
        quantile_rules: vec![LOG],
        times: vec![4.0, 20.0],
        ..CurvesQuery::new(endpoint())
    }
}

fn codes(caveats: &[Caveat]) -> Vec<CaveatCode> {
    let mut codes: Vec<CaveatCode> = caveats.iter().map(|caveat| caveat.code).collect();
    codes.sort();
    codes.dedup();
    codes
}

/// What the times 4 and 20, a median and the end of the curve give rise to.
const GAP: [CaveatCode; 4] = [FewAtRisk, BeyondFollowUp, CurveEndsOnEvent, EmptyRiskSet];
const OTHERS: [CaveatCode; 3] = [FewAtRisk, BeyondFollowUp, MedianNotReached];

#[test]
fn curves_and_contrasts() {
    let (cohort, all) = cohort();
    let curves = curves(&cohort, &all, &query()).unwrap().groups;
    let contrasts_query = ContrastsQuery {
        restricted_mean_times: vec![20.0],
        beyond_last_time: BeyondLastTime::CarryForward,
        times: vec![4.0],
        quantiles: vec![0.5],
        quantile_rules: vec![LOG],
        ..ContrastsQuery::new(endpoint(), "arm")
    };
    let contrasts = contrasts(&cohort, &all, &contrasts_query).unwrap().groups;
    assert_eq!(codes(&curves[0].caveats), GAP);
    assert_eq!(codes(&curves[1].caveats), OTHERS);
    // A finished curve has a mean up to any horizon; the other is carried forward, and says so.
    assert_eq!(codes(&contrasts[0].caveats), [FewAtRisk, CurveEndsOnEvent, EmptyRiskSet]);
    assert_eq!(codes(&contrasts[1].caveats), OTHERS);
}

/// Survived 4 and further 16.
#[test]
fn conditional_survival() {
    let (cohort, all) = cohort();
    let query = ConditionalQuery {
        endpoint: endpoint(),
        group: Some("arm".into()),
        interval: IntervalRule::Log,
        confidence: 0.95,
        survived: vec![4.0],
        further: vec![16.0],
    };
    let groups = conditional(&cohort, &all, &query).unwrap();
    assert_eq!(codes(&groups[0].caveats), GAP);
    assert_eq!(codes(&groups[1].caveats), [FewAtRisk, BeyondFollowUp]);
}

/// Of the twelve others ten are followed to 3 or beyond, nine to 4; the last leaves at 12, and one event
/// brings the curve nowhere near one half.
#[test]
fn numbers_carry_their_own() {
    let (cohort, all) = cohort();
    let asked = CurvesQuery {
        times: vec![3.0, 4.0, 20.0],
        restricted_mean_times: vec![3.0, 12.0, 20.0],
        ..query()
    };
    let group = &curves(&cohort, &all, &asked).unwrap().groups[1];
    let times: Vec<_> = group.at_times.iter().map(|at| codes(&at.caveats)).collect();
    assert_eq!(times, [vec![], vec![FewAtRisk], vec![BeyondFollowUp]]);
    let means: Vec<_> = group.restricted_means.iter().map(|mean| codes(&mean.caveats)).collect();
    assert_eq!(means, [vec![], vec![FewAtRisk], vec![BeyondFollowUp]]);
    assert_eq!(codes(&group.quantiles[0].caveats), [MedianNotReached]);
    let of_numbers = group.at_times.iter().flat_map(|at| &at.caveats);
    let of_numbers = of_numbers.chain(group.restricted_means.iter().flat_map(|one| &one.caveats));
    assert!(of_numbers.into_iter().all(|caveat| group.caveats.contains(caveat)));
    let message = "9 of 12 subjects with arm = others are at risk at time 4.";
    assert_eq!(group.at_times[1].caveats[0].message, message);
}

/// One is censored, then the curve is 4/5, 3/5, 2/5: three of six are left at the median, time 4.
#[test]
fn medians_of_few() {
    let times = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let columns = vec![
        Column::numeric("time", times.to_vec()),
        Column::numeric("event", vec![0.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let all = Selection::all(&cohort);
    let asked = CurvesQuery {
        quantiles: vec![0.25, 0.5],
        quantile_rules: vec![LOG],
        ..CurvesQuery::new(EndpointColumns::new("time", "event"))
    };
    let group = &curves(&cohort, &all, &asked).unwrap().groups[0];
    assert_eq!(group.quantiles[0].caveats, []);
    let message = "3 of 6 subjects are at risk at the median, time 4.";
    assert_eq!(group.quantiles[1].caveats[0].message, message);
    assert_eq!(group.quantiles[1].value, Ok(4.0));
}

/// From 1 on only one of the gap is left when it has begun, and nobody enters any more.
#[test]
fn landmark() {
    let (cohort, all) = cohort();
    let query = LandmarkQuery {
        landmark: 1.0,
        exposure: None,
        curves: query(),
        comparison: ComparisonOptions::default(),
    };
    let groups = landmark_analysis(&cohort, &all, &query).unwrap().curves.groups;
    assert_eq!(codes(&groups[0].caveats), [FewAtRisk, BeyondFollowUp]);
    assert_eq!(codes(&groups[1].caveats), OTHERS);
}

#[test]
fn incidence_of_one_cause() {
    let (cohort, all) = cohort();
    let query = IncidenceQuery {
        endpoint: CauseColumns {
            entry: Some("entry".into()),
            time: "time".into(),
            cause: "event".into(),
            causes: vec![Cause { label: "death".into(), codes: vec!["1".into()] }],
            censored_codes: vec!["0".into()],
        },
        group: Some("arm".into()),
        interval: IntervalRule::Log,
        confidence: 0.95,
        times: vec![4.0, 20.0],
        time_lost_horizons: vec![],
        cause_specific: false,
    };
    let groups = incidence(&cohort, &all, &query).unwrap().groups;
    assert_eq!(codes(&groups[0].caveats), GAP);
    assert_eq!(codes(&groups[1].caveats), [FewAtRisk, BeyondFollowUp]);
}

/// Of the gap the one censored at 3 is the last at risk before others enter: the reverse curve is 0
/// from there on, whoever enters later.
#[test]
fn follow_up() {
    let (cohort, all) = cohort();
    let query = FollowUpQuery {
        endpoint: endpoint(),
        group: Some("arm".into()),
        reference: None,
        confidence: 0.95,
        rate_unit: 1.0,
        quantile_rules: vec![LOG],
        potential: None,
        weights: None,
        cluster: None,
    };
    let groups = summarise_follow_up(&cohort, &all, &query).unwrap().groups;
    assert_eq!(codes(&groups[0].caveats), [FewAtRisk, EmptyRiskSet]);
    assert_eq!(codes(&groups[1].caveats), [FewAtRisk]);
}

#[test]
fn smoothed_hazards() {
    let (cohort, all) = cohort();
    let query = HazardQuery {
        group: Some("arm".into()),
        times: vec![20.0],
        ..HazardQuery::new(endpoint())
    };
    let groups = smoothed_hazard(&cohort, &all, &query).unwrap();
    let few_events = CaveatCode::FewEvents;
    assert_eq!(codes(&groups[0].caveats), [FewAtRisk, BeyondFollowUp, EmptyRiskSet, few_events]);
    assert_eq!(codes(&groups[1].caveats), [BeyondFollowUp, few_events]);
}
