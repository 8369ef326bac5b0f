//! A weighted curve with late entry, ties and clusters, and cumulative hazards with their limits, as
//! R has them.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, EndpointColumns, Estimate, Selection, WeightColumn, WeightKind};
use survival::{
    CumulativeHazard, CurvesQuery, GroupCurve, HazardEstimator, HazardIntervalRule, QuantileRule,
    curves,
};

/// Twelve subjects in six clusters.
fn cohort() -> Cohort {
    let columns = [
        ("entry", [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 0.0, 3.0, 2.0, 4.0, 0.0, 5.0]),
        ("time", [2.0, 3.0, 3.0, 4.0, 6.0, 5.0, 6.0, 6.0, 8.0, 9.0, 7.0, 8.0]),
        ("event", [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0]),
        ("w", [0.5, 1.25, 2.0, 0.75, 1.5, 1.0, 2.5, 0.25, 1.0, 3.0, 0.6, 1.1]),
        ("cluster", [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0, 5.0, 4.0, 5.0, 6.0, 6.0]),
    ];
    let columns = columns.map(|(name, values)| Column::numeric(name, values.to_vec()));
    Cohort::new(None, columns.to_vec()).unwrap()
}

fn estimated(query: CurvesQuery) -> GroupCurve {
    let cohort = cohort();
    let query = CurvesQuery {
        hazards: vec![HazardEstimator::NelsonAalen, HazardEstimator::FlemingHarrington],
        ..query
    };
    curves(&cohort, &Selection::all(&cohort), &query).unwrap().groups.swap_remove(0)
}

fn assert_close(got: impl IntoIterator<Item = Estimate>, want: &[f64]) {
    let got: Vec<f64> = got.into_iter().map(Result::unwrap).collect();
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 1e-13 * want.abs(), "{got} instead of {want}");
    }
}

fn last(hazard: &CumulativeHazard) -> [Estimate; 2] {
    [Ok(hazard.hazard[7]), hazard.standard_error[7]]
}

/// `survfit(Surv(entry, time, event) ~ 1, weights = w, cluster = cluster, robust = TRUE)`; the
/// restricted mean by `influence = TRUE`, the hazards with `stype = 2`.
#[test]
fn late_entry_with_weights_and_clusters() {
    let endpoint =
        EndpointColumns { entry: Some("entry".into()), ..EndpointColumns::new("time", "event") };
    let query = CurvesQuery::new(endpoint);
    let group = estimated(CurvesQuery {
        weights: Some(WeightColumn { column: "w".into(), kind: WeightKind::Sampling }),
        cluster: Some("cluster".into()),
        quantiles: vec![0.5],
        quantile_rules: vec![QuantileRule::Curve(query.interval)],
        restricted_mean_times: vec![7.0],
        ..query
    });
    let curve = &group.curve;
    let survival = [
        0.945_054_945_054_945,
        0.833_609_786_439_975_1,
        0.751_345_662_778_135_4,
        0.675_066_915_287_969_4,
        0.556_336_553_302_648_1,
        0.497_774_810_849_737_74,
        0.390_411_616_352_735_47,
        0.0,
    ];
    assert_close(curve.survival.iter().map(|&survival| Ok(survival)), &survival);
    let errors = [
        0.053_935_543_477_404_64,
        0.100_703_328_164_373_07,
        0.150_018_536_285_784_13,
        0.147_403_822_306_971_7,
        0.192_362_134_580_327_97,
        0.185_852_355_191_395_37,
        0.212_331_043_565_410_24,
        0.0,
    ];
    assert_close(curve.standard_error.clone(), &errors);
    assert_close([curve.interval[6].lower], &[0.134_457_296_555_936_4]);
    let median = &group.quantiles[0];
    assert_eq!((median.value, median.interval.lower), (Ok(7.0), Ok(5.0)));
    let mean = &group.restricted_means[0];
    let expected = [5.761_413_862_863_673, 0.582_014_349_263_611];
    assert_close([mean.mean, mean.standard_error], &expected);
    let expected = [1.869_905_465_802_316_9, 0.456_627_664_516_000_4];
    assert_close(last(&group.hazards[0]), &expected);
    let expected = [1.878_384_500_092_223_7, 0.465_262_071_728_947_8];
    assert_close(last(&group.hazards[1]), &expected);
}

/// `survfit(Surv(time, event) ~ 1, stype = 2, ctype = 2)`, and the limits that
/// `plot(fit, cumhaz = TRUE, conf.type = "plain")` and `"log"` draw.
#[test]
fn hazards_of_tied_events_with_limits() {
    let query = CurvesQuery::new(EndpointColumns::new("time", "event"));
    let plain = estimated(query.clone()).hazards.swap_remove(1);
    let at_6 = [Ok(plain.hazard[4]), plain.standard_error[4], Ok(plain.survival[4])];
    let expected = [0.719_877_344_877_344_9, 0.302_267_311_017_568_3, 0.486_811_962_279_197_15];
    assert_close(at_6, &expected);
    let survival = plain.survival_interval[4];
    let expected = [0.269_197_386_897_978_84, 0.880_342_448_152_871_7];
    assert_close([survival.lower, survival.upper], &expected);
    let expected = [0.127_444_301_579_144, 1.312_310_388_175_545_8];
    assert_close([plain.interval[4].lower, plain.interval[4].upper], &expected);
    let log = estimated(CurvesQuery { hazard_interval: HazardIntervalRule::Log, ..query });
    let interval = log.hazards[1].interval[4];
    let expected = [0.316_118_447_258_079_3, 1.639_332_965_736_662_2];
    assert_close([interval.lower, interval.upper], &expected);
}
