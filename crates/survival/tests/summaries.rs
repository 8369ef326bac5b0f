//! Contrasts, rates and conditional survival of the lung cancer data, as R has them: `survfit` and
//! `poisson.test`, and the formulas of `rmst2` of survRM2 on `survfit`.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, Column, EndpointColumns, Estimate, Interval, Selection, WeightColumn, WeightKind,
};
use std::fs;
use survival::{
    Band, BandKind, ConditionalQuery, Contrast, ContrastsQuery, CurvesQuery, FollowUp,
    FollowUpQuery, IntervalRule, QuantileRule, conditional, contrasts, curves, summarise_follow_up,
};

/// Time in days, status 2 for a death, sex 1 for men and 2 for women.
fn lung() -> (Cohort, Selection, EndpointColumns) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/data/lung.csv");
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(|cell| cell.trim_matches('"')));
    let names: Vec<&str> = lines.next().unwrap().collect();
    let rows: Vec<Vec<&str>> = lines.map(Iterator::collect).collect();
    let column = |name: &str| {
        let position = names.iter().position(|known| *known == name).unwrap();
        Column::numeric(name, rows.iter().map(|row| row[position].parse().unwrap()).collect())
    };
    let cohort = Cohort::new(None, ["time", "status", "sex"].map(column).to_vec()).unwrap();
    let endpoint = EndpointColumns {
        event_codes: vec!["2".into()],
        censored_codes: vec!["1".into()],
        ..EndpointColumns::new("time", "status")
    };
    let all = Selection::all(&cohort);
    (cohort, all, endpoint)
}

fn assert_close(got: Estimate, want: f64) {
    let got = got.unwrap();
    assert!((got - want).abs() <= 1e-10 * want.abs(), "{got} instead of {want}");
}

/// Estimate, limits and p-value.
fn assert_contrast(got: &Contrast, want: [f64; 4]) {
    let Interval { lower, upper } = got.interval;
    for (got, want) in [got.estimate, lower, upper, got.p_value.unwrap()].into_iter().zip(want) {
        assert_close(got, want);
    }
}

#[test]
fn women_are_contrasted_with_men() {
    let (cohort, all, endpoint) = lung();
    let query = ContrastsQuery {
        restricted_mean_times: vec![700.0],
        times: vec![365.0],
        ..ContrastsQuery::new(endpoint, "sex")
    };
    let answer = contrasts(&cohort, &all, &query).unwrap();
    let women = &answer.contrasts[0];
    assert_eq!((answer.reference.as_str(), women.group.as_str()), ("1", "2"));
    let mean = &women.restricted_means[0];
    assert_contrast(
        &mean.difference,
        [
            119.362_535_281_286_45,
            56.298_847_298_082_03,
            182.426_223_264_490_9,
            0.000_207_519_187_910_684_06,
        ],
    );
    assert_contrast(
        &mean.ratio,
        [
            1.386_667_033_503_362_8,
            1.171_022_308_690_660_8,
            1.642_022_912_402_908_2,
            0.000_150_253_125_824_614_2,
        ],
    );
    assert_contrast(
        &mean.lost_ratio,
        [
            0.694_962_201_780_470_1,
            0.563_126_470_947_802_7,
            0.857_662_508_904_374_6,
            0.000_697_361_743_676_099_5,
        ],
    );
    let at = &women.at_times[0];
    assert_contrast(
        &at.difference,
        [
            0.190_375_195_546_526_93,
            0.045_628_175_690_707_98,
            0.335_122_215_402_345_9,
            0.009_943_220_690_681_24,
        ],
    );
    assert_close(at.log_log_p_value, 0.012_727_672_667_573_96);
}

#[test]
fn rates_of_men_and_women() {
    let (cohort, all, endpoint) = lung();
    let query = FollowUpQuery {
        endpoint,
        group: Some("sex".into()),
        reference: None,
        confidence: 0.95,
        rate_unit: 365.25,
        quantile_rules: vec![QuantileRule::Spss],
        potential: None,
        weights: None,
        cluster: None,
    };
    let answer = summarise_follow_up(&cohort, &all, &query).unwrap();
    let men = &answer.groups[0];
    assert_eq!((men.observed.n_events, men.observed.time), (112, 39_086.0));
    assert_close(men.rate.rate, 1.046_615_156_321_956_8);
    assert_close(men.rate.interval.lower, 0.861_779_682_054_110_3);
    assert_close(men.rate.interval.upper, 1.259_349_996_864_669);
    let ratio = [
        0.606_288_837_690_647,
        0.428_772_523_731_651_64,
        0.847_886_345_270_445_8,
        0.002_759_791_140_950_148_4,
    ];
    assert_contrast(&answer.rate_contrasts[0].contrast.ratio, ratio);
}

/// Sums as `pyears(Surv(time, event) ~ g, weights = w, scale = 1)`; errors of the rates as `svyratio(~event,
/// ~time, svydesign(~cluster, weights = ~w))` and of their ratio as `svyglm(event ~ g + offset(log(time)),
/// family = quasipoisson())` in R, each without its factor `c / (c - 1)` of the variance.
#[test]
fn weighted_rates_agree_with_r() {
    let columns = vec![
        Column::numeric("time", vec![2.0, 5.0, 3.0, 8.0, 1.0, 4.0, 6.0, 7.0, 9.0, 2.5]),
        Column::numeric("event", vec![1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]),
        Column::numeric("g", vec![1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        Column::numeric("w", vec![1.5, 0.5, 2.0, 1.0, 0.25, 1.0, 3.0, 0.75, 1.25, 2.0]),
        Column::numeric("set", vec![1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    ];
    let cohort = Cohort::new(None, columns).unwrap();
    let asked = |cluster: Option<&str>| {
        let query = FollowUpQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: Some("g".into()),
            reference: None,
            confidence: 0.95,
            rate_unit: 1.0,
            quantile_rules: vec![],
            potential: None,
            weights: Some(WeightColumn { column: "w".into(), kind: WeightKind::Sampling }),
            cluster: cluster.map(str::to_owned),
        };
        summarise_follow_up(&cohort, &Selection::all(&cohort), &query).unwrap()
    };
    let answer = asked(None);
    let [others, exposed] = &answer.groups[..] else { panic!("two groups") };
    let sums = exposed.weighted.unwrap();
    assert_eq!((sums.subjects, sums.events, sums.time), (5.25, 4.5, 19.75));
    assert_eq!((exposed.observed.n_events, exposed.observed.time), (3, 19.0));
    assert_close(exposed.rate.rate, 0.227_848_101_265_822_8);
    assert_close(exposed.rate.interval.lower, 0.121_723_658_452_266_35);
    assert_close(exposed.rate.interval.upper, 0.426_496_852_875_966_45);
    assert_close(others.rate.interval.lower, 0.023_150_191_250_745_49);
    assert_close(others.rate.interval.upper, 0.321_018_039_660_486_64);
    let ratio = |answer: &FollowUp| answer.rate_contrasts[0].contrast.ratio;
    let close = |found: Estimate, expected: f64| {
        let found = found.unwrap();
        // R iterates to about this.
        assert!((found - expected).abs() <= 1e-9 * expected, "{found} instead of {expected}");
    };
    close(ratio(&answer).estimate, 2.643_037_974_683_513);
    close(ratio(&answer).standard_error.unwrap(), 0.743_161_586_536_389);
    close(ratio(&answer).interval.upper, 11.341_844_594_588_14);
    close(ratio(&answer).p_value.unwrap(), 0.190_930_982_826_025_16);
    let sets = ratio(&asked(Some("set")));
    close(sets.standard_error.unwrap(), 0.527_108_380_022_668_6);
    close(sets.interval.lower, 0.940_649_732_923_884_8);
    close(sets.p_value.unwrap(), 0.065_199_412_593_234_04);
}

/// As `summary(survfit(..., subset = time > 180, conf.type = "log-log"), times = 365)`.
#[test]
fn survival_to_a_year_of_those_alive_after_half_a_year() {
    let (cohort, all, endpoint) = lung();
    let query = ConditionalQuery {
        endpoint,
        group: Some("sex".into()),
        interval: IntervalRule::LogLog,
        confidence: 0.95,
        survived: vec![180.0],
        further: vec![185.0],
    };
    let expected = [
        (
            88,
            [
                0.521_498_970_208_375_2,
                0.058_742_553_766_464_29,
                0.400_969_384_352_482_25,
                0.628_882_113_954_394_6,
            ],
        ),
        (
            71,
            [
                0.624_954_848_374_348_6,
                0.064_846_815_590_460_39,
                0.484_550_694_881_937_7,
                0.737_134_875_185_137_1,
            ],
        ),
    ];
    let groups = conditional(&cohort, &all, &query).unwrap();
    for (group, (n_at_risk, [survival, error, lower, upper])) in groups.iter().zip(expected) {
        let given = &group.survival[0];
        assert_eq!(given.n_at_risk, n_at_risk);
        assert_close(given.survival, survival);
        assert_close(given.standard_error, error);
        assert_close(given.interval.lower, lower);
        assert_close(given.interval.upper, upper);
    }
}

/// Limits at day 288 of the bands over all deaths, and from day 100 to 600: the formulas on `survfit`
/// with critical values of other rules of integration. `km.ci` has 0.4482629 and 0.6355374 for the
/// first plain and 0.4438376 and 0.6299542 for the first log-log band of Hall and Wellner.
#[test]
fn bands_of_all_patients() {
    use BandKind::{EqualPrecision, HallWellner};
    use IntervalRule::{Arcsin, LogLog, Plain};
    let (cohort, all, endpoint) = lung();
    let between = [(None, None), (Some(100.0), Some(600.0))];
    let expected = [
        (HallWellner, 0, Plain, [0.448_263_008_411_511, 0.635_537_353_985_622]),
        (HallWellner, 0, LogLog, [0.443_837_735_667_875_2, 0.629_954_162_722_886_1]),
        (HallWellner, 0, Arcsin, [0.448_075_466_306_388_4, 0.634_249_344_392_529]),
        (EqualPrecision, 0, Plain, [0.428_530_825_206_223_8, 0.655_269_537_190_909_3]),
        (EqualPrecision, 0, LogLog, [0.422_301_054_170_099_3, 0.646_977_338_083_568_3]),
        (EqualPrecision, 0, Arcsin, [0.428_426_561_762_602_2, 0.653_213_803_025_456_2]),
        (HallWellner, 1, Plain, [0.448_283_105_253_990_5, 0.635_517_257_143_142_6]),
        (HallWellner, 1, LogLog, [0.443_859_558_728_753_2, 0.629_936_541_372_908_1]),
        (EqualPrecision, 1, Plain, [0.439_046_324_413_026_5, 0.644_754_037_984_106_6]),
        (EqualPrecision, 1, Arcsin, [0.438_885_667_130_681_2, 0.643_135_454_117_950_9]),
    ];
    for (kind, index, rule, [lower, upper]) in expected {
        let (from, to) = between[index];
        let query = CurvesQuery {
            interval: rule,
            bands: vec![Band { kind, from, to }],
            ..CurvesQuery::new(endpoint.clone())
        };
        let groups = curves(&cohort, &all, &query).unwrap().groups;
        let limits = groups[0].bands[0].limits.as_ref().unwrap();
        let at = limits.time.iter().position(|&time| time == 288.0).unwrap();
        assert_close(limits.interval[at].lower, lower);
        assert_close(limits.interval[at].upper, upper);
    }
}
