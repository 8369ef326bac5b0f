//! Samples against the truth of their scenario. Each bound is five standard errors of what is
//! counted, so that a correct simulation fails for one seed in a million.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use proptest::prelude::*;
use simulate::{
    Arm, Baseline, Cause, Censoring, Covariate, Distribution, Sample, Scenario, Simulation, Site,
    Steps, Truth,
};

const N: usize = 40_000;

fn drawn(scenario: Scenario) -> (Sample, Truth) {
    let simulation = Simulation::new(scenario, 20_261_123).unwrap();
    (simulation.draw(N, 0), simulation.truth())
}

fn weibull() -> Scenario {
    Scenario::of(Baseline::Weibull { shape: 1.4, scale: 15.0 }).unwrap()
}

fn effect(pieces: &[(f64, f64)]) -> Scenario {
    let mut scenario = weibull();
    scenario.causes[0].hazard_ratio = Steps::new(pieces).unwrap();
    scenario
}

/// Two confounders, of which one is normal, and three sites.
fn confounded() -> Scenario {
    let covariate = |name: &str, distribution, ln_hazard_ratio, ln_odds_ratio| Covariate {
        name: name.into(),
        distribution,
        ln_hazard_ratio,
        ln_odds_ratio,
    };
    let age = Distribution::Normal { mean: 60.0, standard_deviation: 10.0 };
    let site = |name: &str, size, ln_ratio| Site {
        name: name.into(),
        size,
        ln_hazard_ratio: ln_ratio,
        ln_odds_ratio: ln_ratio,
    };
    Scenario {
        covariates: vec![
            covariate("age", age, 0.04, 0.05),
            covariate("stage", Distribution::Binary { share: 0.3 }, 0.7, 0.6),
        ],
        sites: vec![site("a", 1.0, 0.0), site("b", 2.0, 0.4), site("c", 1.0, -0.4)],
        ..effect(&[(0.0, 0.6)])
    }
}

/// Mean over an arm with its five standard errors.
fn share(sample: &Sample, arm: Arm, of: impl Fn(usize) -> bool) -> (f64, f64) {
    let rows: Vec<usize> = (0..sample.len()).filter(|&row| sample.arm[row] == arm).collect();
    let hits = rows.iter().filter(|&&row| of(row)).count() as f64;
    let share = hits / rows.len() as f64;
    (share, 5.0 * (share * (1.0 - share) / rows.len() as f64).sqrt())
}

fn assert_near((got, bound): (f64, f64), want: f64) {
    assert!((got - want).abs() <= bound, "{got} is not within {bound} of {want}");
}

#[test]
fn survival_follows_proportional_delayed_and_crossing_hazards() {
    let shapes = [&[(0.0, 0.6)][..], &[(0.0, 1.0), (6.0, 0.4)], &[(0.0, 2.0), (8.0, 0.3)]];
    for pieces in shapes {
        let (sample, truth) = drawn(effect(pieces));
        for arm in [Arm::Comparator, Arm::Exposed] {
            for time in [3.0, 9.0, 20.0] {
                let alive = share(&sample, arm, |row| sample.time[row] > time);
                assert_near(alive, truth.survival(arm, time));
            }
        }
    }
}

#[test]
fn the_first_of_the_causes_is_observed() {
    let mut scenario = confounded();
    scenario.covariates.iter_mut().for_each(|covariate| covariate.ln_odds_ratio = 0.0);
    scenario.sites.iter_mut().for_each(|site| site.ln_odds_ratio = 0.0);
    scenario.causes.push(Cause {
        baseline: Baseline::Exponential { rate: 0.04 },
        hazard_ratio: Steps::constant(1.5).unwrap(),
        score_weight: -0.5,
    });
    let (sample, truth) = drawn(scenario);
    for arm in [Arm::Comparator, Arm::Exposed] {
        for cause in [1, 2] {
            let gone =
                share(&sample, arm, |row| sample.time[row] <= 9.0 && sample.cause[row] == cause);
            assert_near(gone, truth.cumulative_incidence(arm, cause as usize, 9.0));
        }
        let free = share(&sample, arm, |row| sample.time[row] > 9.0);
        assert_near(free, truth.event_free(arm, 9.0));
    }
}

/// Weighting by the true propensity brings back the truth that confounding hides.
#[test]
fn the_propensity_undoes_confounding() {
    let (sample, truth) = drawn(confounded());
    let want = truth.survival(Arm::Exposed, 10.0);
    let naive = share(&sample, Arm::Exposed, |row| sample.time[row] > 10.0);
    assert!((naive.0 - want).abs() > 2.0 * naive.1, "{naive:?} hides nothing of {want}");
    let alive = |row: usize| f64::from(u8::from(sample.time[row] > 10.0));
    let weighted = |row: usize| match sample.arm[row] {
        Arm::Exposed => alive(row) / sample.propensity[row],
        Arm::Comparator => 0.0,
    };
    let mean = (0..N).map(weighted).sum::<f64>() / N as f64;
    let squares = (0..N).map(|row| (weighted(row) - mean).powi(2)).sum::<f64>();
    assert_near((mean, 5.0 * squares.sqrt() / N as f64), want);
}

/// With hazard 0.1, dropout 0.05 and follow-up over `F` uniform from 12 to 36, the probability of
/// seeing the event is `2/3 (1 - mean of exp(-0.15 F))`.
#[test]
fn censoring_takes_its_share() {
    let censoring = Censoring { study_end: Some(36.0), accrual: 24.0, dropout_rate: 0.05 };
    let scenario =
        Scenario { censoring, ..Scenario::of(Baseline::Exponential { rate: 0.1 }).unwrap() };
    let (sample, _) = drawn(scenario);
    let mean = ((-0.15f64 * 12.0).exp() - (-0.15f64 * 36.0).exp()) / (0.15 * 24.0);
    let seen = share(&sample, Arm::Exposed, |row| sample.cause[row] == 1);
    assert_near(seen, 2.0 / 3.0 * (1.0 - mean));
    assert!(sample.time.iter().all(|&time| time <= 36.0));
}

#[test]
fn sites_have_their_sizes() {
    let (sample, _) = drawn(confounded());
    let Some(cohort::Values::Categorical { levels, codes }) = sample.site.map(|site| site.values)
    else {
        panic!("the scenario has sites");
    };
    assert_eq!(levels, ["a", "b", "c"]);
    let of_b = codes.iter().filter(|&&code| code == 1).count() as f64 / N as f64;
    assert_near((of_b, 5.0 * (0.25 / N as f64).sqrt()), 0.5);
}

proptest! {
    /// A unit of time changes the times and nothing else.
    #[test]
    fn the_unit_of_time_does_not_matter(seed in 0u64..1 << 53, shape in 0.5..3.0, unit in 0i32..8) {
        let unit = 2f64.powi(unit);
        let times = |unit: f64| {
            let mut scenario =
                Scenario::of(Baseline::Weibull { shape, scale: 10.0 * unit }).unwrap();
            let end = Some(20.0 * unit);
            scenario.censoring = Censoring { study_end: end, ..Censoring::default() };
            Simulation::new(scenario, seed).unwrap().draw(20, 3)
        };
        let (one, other) = (times(1.0), times(unit));
        prop_assert_eq!(one.cause, other.cause);
        for (time, scaled) in one.time.iter().zip(&other.time) {
            prop_assert_eq!(time * unit, *scaled);
        }
    }
}
