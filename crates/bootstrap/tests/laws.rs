//! What must hold for any plan and any statistic.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use bootstrap::{
    BootstrapError, Method, Plan, Resampling, Units, acceleration, influence, limits, replicate,
    without_each,
};
use cohort::{CaveatCode, Drawn, Estimate, NotEstimable, Replicated, Statistic};
use proptest::prelude::*;

/// Mean of some numbers, with its variance, and how many subjects it counts.
struct Mean(Vec<f64>);

impl Statistic for Mean {
    type Scratch = ();

    fn n_subjects(&self) -> usize {
        self.0.len()
    }

    fn n_quantities(&self) -> usize {
        2
    }

    fn scratch(&self) {}

    fn evaluate(&self, drawn: &Drawn, (): &mut (), answers: &mut [Replicated]) {
        for (replicate, answers) in answers.chunks_mut(2).enumerate() {
            let sum = |f: &dyn Fn(f64) -> f64| -> f64 {
                drawn.replicate(replicate).zip(&self.0).map(|(count, &x)| count * f(x)).sum()
            };
            let n = sum(&|_| 1.0);
            let mean = sum(&|x| x) / n;
            let variance = sum(&|x| (x - mean) * (x - mean)) / (n * n);
            answers[0] = Replicated { value: Ok(mean), variance: Some(variance) };
            answers[1] = Replicated::value(Ok(n));
        }
    }
}

/// Influences of all units, which are left out in two parts.
fn influences(mean: &Mean, units: &Units) -> Vec<Estimate<Vec<f64>>> {
    let mut whole = [Replicated::value(Ok(0.0)); 2];
    mean.evaluate(&Drawn::sample(mean.n_subjects()), &mut (), &mut whole);
    let middle = units.n_units() / 2;
    let mut without = without_each(mean, units, 0..middle);
    without.extend(without_each(mean, units, middle..units.n_units()));
    influence(&whole, &without, units)
}

fn plan(seed: u64, n: u64, resampling: Resampling) -> Plan {
    Plan::new(seed, n, resampling).unwrap()
}

fn resamplings() -> impl Strategy<Value = Resampling> {
    prop_oneof![Just(Resampling::WithReplacement), Just(Resampling::Bayesian)]
}

/// A value, a unit and a stratum that the unit has, per subject.
fn subjects() -> impl Strategy<Value = (Vec<f64>, Units)> {
    prop::collection::vec((-9..9i32, 0..6u32), 1..30).prop_map(|rows| {
        let values = rows.iter().map(|row| f64::from(row.0)).collect();
        let unit: Vec<u32> = rows.iter().map(|row| row.1).collect();
        let stratum: Vec<u32> = unit.iter().map(|unit| unit % 2).collect();
        (values, Units::new(&unit, &stratum).unwrap())
    })
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Any cut into ranges gives the bits of the whole.
    #[test]
    fn ranges_in_order_are_the_whole(
        (values, units) in subjects(),
        seed in 0..1000u64,
        resampling in resamplings(),
        mut cuts in prop::collection::vec(0..=50u64, 0..5),
    ) {
        let (mean, plan) = (Mean(values), plan(seed, 50, resampling));
        let whole = replicate(&mean, &units, plan, 0..50).unwrap();
        cuts.extend([0, 50]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).flat_map(|cut| {
            replicate(&mean, &units, plan, cut[0]..cut[1]).unwrap().answers
        });
        prop_assert_eq!(parts.collect::<Vec<_>>(), whole.answers);
    }

    /// Every stratum keeps its number of units, and a unit its subjects: where each unit has one
    /// subject nothing is gained or lost.
    #[test]
    fn strata_keep_their_size(n in 1..40usize, seed in 0..1000u64, resampling in resamplings()) {
        let unit: Vec<u32> = (0..n as u32).collect();
        let stratum: Vec<u32> = unit.iter().map(|unit| unit % 3).collect();
        let units = Units::new(&unit, &stratum).unwrap();
        for counted in 0..3 {
            let member = stratum.iter().map(|&stratum| f64::from(u8::from(stratum == counted)));
            let sums = Mean(member.collect());
            let drawn = replicate(&sums, &units, plan(seed, 20, resampling), 0..20).unwrap();
            let all = drawn.of(1);
            for (mean, n_all) in drawn.of(0).into_iter().zip(all) {
                let members = mean.value.unwrap() * n_all.value.unwrap();
                let want = stratum.iter().filter(|&&stratum| stratum == counted).count() as f64;
                prop_assert!((members - want).abs() < 1e-9);
            }
        }
    }

    /// The influence of a subject on a mean is its distance from the mean.
    #[test]
    fn influence_on_a_mean(values in prop::collection::vec(-9..9i32, 2..30)) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let found = influences(&Mean(values.clone()), &Units::subjects(values.len()));
        for (l, value) in found[0].as_ref().unwrap().iter().zip(&values) {
            prop_assert!((l - (value - mean)).abs() < 1e-12);
        }
    }

    /// Quantile limits move with an increasing change of scale, corrected ones too.
    #[test]
    fn quantiles_move_with_the_scale(
        estimate in -2.0..2.0f64,
        replicates in prop::collection::vec(-4.0..4.0f64, 20..60),
    ) {
        let on = |scale: fn(f64) -> f64, method| {
            let of = |value: f64| Replicated::value(Ok(scale(value)));
            let replicates: Vec<Replicated> = replicates.iter().copied().map(of).collect();
            // A level whose rank is whole, so that nothing is interpolated.
            let confidence = 1.0 - 4.0 / (replicates.len() + 1) as f64;
            limits(of(estimate), &replicates, method, confidence).unwrap()
        };
        let bca = Method::Bca { acceleration: Ok(0.01) };
        for method in [Method::Percentile, bca] {
            let (plain, scaled) = (on(|value| value, method), on(|value| 3.0 * value, method));
            prop_assert_eq!(plain.levels, scaled.levels);
            for (plain, scaled) in [
                (plain.interval.lower, scaled.interval.lower),
                (plain.interval.upper, scaled.interval.upper),
            ] {
                match (plain, scaled) {
                    (Ok(plain), Ok(scaled)) => prop_assert!((3.0 * plain - scaled).abs() < 1e-12),
                    (plain, scaled) => prop_assert_eq!(plain, scaled),
                }
            }
        }
    }
}

/// Replicates 0, 1 and 2 of five subjects, from an independent ChaCha8 written in Python.
#[test]
fn draws_are_pinned() {
    struct Counts;
    impl Statistic for Counts {
        type Scratch = ();
        fn n_subjects(&self) -> usize {
            5
        }
        fn n_quantities(&self) -> usize {
            5
        }
        fn scratch(&self) {}
        fn evaluate(&self, drawn: &Drawn, (): &mut (), answers: &mut [Replicated]) {
            let counts = (0..drawn.n_replicates).flat_map(|replicate| drawn.replicate(replicate));
            answers.iter_mut().zip(counts).for_each(|(answer, count)| answer.value = Ok(count));
        }
    }
    let plan = plan(20_261_128, 3, Resampling::WithReplacement);
    let drawn = replicate(&Counts, &Units::subjects(5), plan, 0..3).unwrap();
    let counts: Vec<f64> = drawn.answers.iter().map(|answer| answer.value.unwrap()).collect();
    let want = [1, 2, 1, 0, 1, 0, 2, 0, 1, 2, 0, 1, 0, 2, 2];
    assert_eq!(counts, want.map(f64::from));
}

#[test]
fn ranges_lie_within_the_plan() {
    let beyond = replicate(
        &Mean(vec![1.0]),
        &Units::subjects(1),
        plan(1, 10, Resampling::WithReplacement),
        5..11,
    );
    assert_eq!(beyond, Err(BootstrapError::BeyondPlan { first: 5, end: 11, n_replicates: 10 }));
}

/// Twenty replicates, of which the upper four do not reach the time: the upper limit is not reached,
/// the lower one stands.
#[test]
fn what_is_not_reached_is_a_limit() {
    let replicates: Vec<Replicated> = (0..20)
        .map(|k| Replicated::value(Ok(if k < 16 { f64::from(k) } else { f64::INFINITY })))
        .collect();
    let found = limits(Replicated::value(Ok(8.0)), &replicates, Method::Percentile, 0.9).unwrap();
    assert_eq!(found.interval.lower.map(f64::round), Ok(0.0));
    assert_eq!(found.interval.upper, Err(NotEstimable::NotReached));
    let codes: Vec<CaveatCode> = found.caveats.iter().map(|caveat| caveat.code).collect();
    assert!(codes.contains(&CaveatCode::InfiniteReplicates), "{codes:?}");
    let normal = limits(Replicated::value(Ok(8.0)), &replicates, Method::Normal, 0.9).unwrap();
    assert_eq!(normal.interval.lower, Err(NotEstimable::NotReached));
}

#[test]
fn failures_are_counted() {
    let replicates: Vec<Replicated> = (0..100)
        .map(|k| {
            let value = if k % 10 == 0 { Err(NotEstimable::NoEvents) } else { Ok(f64::from(k)) };
            Replicated::value(value)
        })
        .collect();
    let found = limits(Replicated::value(Ok(50.0)), &replicates, Method::Percentile, 0.95).unwrap();
    let failed = &found.caveats[0];
    assert_eq!(failed.code, CaveatCode::FailedReplicates);
    assert!(failed.message.starts_with("10 of 100 replicates"), "{}", failed.message);
    assert!(failed.message.contains("no events in 10"), "{}", failed.message);
}

/// The error of a limit is the spread of that limit over plans with other seeds.
#[test]
fn errors_of_limits_are_their_spread() {
    let values: Vec<f64> = (0..40).map(|k| f64::from(k * k % 37)).collect();
    let (mean, units) = (Mean(values), Units::subjects(40));
    let a = acceleration(influences(&mean, &units)[0].as_ref().unwrap());
    let mut whole = [Replicated::value(Ok(0.0)); 2];
    mean.evaluate(&Drawn::sample(40), &mut (), &mut whole);
    for method in [
        Method::Percentile,
        Method::Basic,
        Method::Normal,
        Method::Studentized,
        Method::Bca { acceleration: a },
    ] {
        let found: Vec<_> = (0..400)
            .map(|seed| {
                let plan = plan(seed, 600, Resampling::WithReplacement);
                let replicates = replicate(&mean, &units, plan, 0..600).unwrap().of(0);
                limits(whole[0], &replicates, method, 0.9).unwrap()
            })
            .collect();
        let lower: Vec<f64> = found.iter().map(|f| f.interval.lower.unwrap()).collect();
        let spread = numerics::sum::variance(&lower).unwrap().sqrt();
        let errors: Vec<f64> = found.iter().map(|f| f.monte_carlo_error.lower.unwrap()).collect();
        let error = numerics::sum::mean(&errors).unwrap();
        let ratio = error / spread;
        assert!((0.8..1.25).contains(&ratio), "{method:?}: {error} for {spread}");
    }
}

/// Of 400 replicates 1 to 4, a hundred each, both limits lie amid equal ones; of 400 different ones
/// neither does. Where all are equal the same is said of both limits.
#[test]
fn limits_that_many_replicates_share_are_told() {
    let sides = |value: fn(u32) -> f64| -> Vec<bool> {
        let replicates: Vec<Replicated> =
            (0..400).map(|k| Replicated::value(Ok(value(k)))).collect();
        let estimate = Replicated::value(Ok(2.5));
        let found = limits(estimate, &replicates, Method::Percentile, 0.5).unwrap();
        let about = |side: &str| {
            let said =
                found.caveats.iter().filter(|one| one.code == CaveatCode::DiscreteReplicates);
            said.filter(|one| one.message.contains(side)).count() == 1
        };
        vec![about("lower limit"), about("upper limit")]
    };
    assert_eq!(sides(|k| f64::from(k % 4)), [false, false], "limits lie between two of them");
    assert_eq!(sides(|k| f64::from(k % 3)), [true, true]);
    assert_eq!(sides(f64::from), [false, false]);
    assert_eq!(sides(|_| 1.0), [true, true]);
}
