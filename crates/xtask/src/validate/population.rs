//! Which cohorts are drawn.

use numerics::elementary::pow;
use simulate::{Baseline, Censoring, Covariate, Distribution, Scenario, Simulation, Site};
use std::f64::consts::LN_2;

/// Sizes of the cohorts.
const SIZES: [usize; 3] = [50, 200, 1000];

/// Median survival of the comparators of average score, in months.
const MEDIAN: f64 = 12.0;

/// How patients are made and lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Population {
    /// Constant hazard, everybody followed to the event.
    Complete,
    /// Constant hazard and constant loss of 3/7 of it.
    SomeLost,
    /// Constant hazard and constant loss of 3/2 of it.
    ManyLost,
    /// Constant hazard, entry over 18 months, end of the study after 20.
    EndedEarly,
    /// Rising hazards that differ between patients and sites, with loss.
    Mixed,
}

/// A curve of one group: the population and the size of its cohorts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Curve {
    pub(crate) population: Population,
    pub(crate) n: usize,
}

/// A comparison of two groups that do not differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) population: Population,
    pub(crate) n: usize,
    /// Share of the first group in the cohort, in percent.
    pub(crate) first_group: u32,
}

/// What the populations are, for readers.
pub(crate) fn description() -> String {
    let line = |population: Population| {
        format!("- **{}**: {}\n", population.name(), population.in_words())
    };
    let lines: String = Population::ALL.into_iter().map(line).collect();
    format!("Time is in months. The populations:\n\n{lines}")
}

impl Population {
    const ALL: [Self; 5] =
        [Self::Complete, Self::SomeLost, Self::ManyLost, Self::EndedEarly, Self::Mixed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::SomeLost => "30 % lost",
            Self::ManyLost => "60 % lost",
            Self::EndedEarly => "ended early",
            Self::Mixed => "mixed",
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Complete => "exponential survival with a median of 12, nobody is censored;",
            Self::SomeLost => "the same, and 30 % leave before their event, at a constant rate;",
            Self::ManyLost => "the same, and 60 % leave;",
            Self::EndedEarly => {
                "the same with entry spread evenly over 18 months and the end of the study after \
                 20, which censors 55 %;"
            }
            Self::Mixed => {
                "Weibull survival (shape 1.5) that depends on a normal and a binary covariate and \
                 on five sites; some leave at a constant rate. In comparisons exposure depends on \
                 the site, and the test is stratified by site."
            }
        }
    }

    /// Two groups without difference; all in the group of comparators when nobody is exposed.
    fn scenario(self, exposed_share: f64) -> Scenario {
        let rate = LN_2 / MEDIAN;
        let baseline = match self {
            // (t / scale)^1.5 = ln 2 at the median.
            Self::Mixed => Baseline::Weibull { shape: 1.5, scale: MEDIAN / pow(LN_2, 1.0 / 1.5) },
            _ => Baseline::Exponential { rate },
        };
        let lost = |dropout_rate: f64| Censoring { dropout_rate, ..Censoring::default() };
        let censoring = match self {
            Self::Complete => Censoring::default(),
            Self::SomeLost => lost(rate * 3.0 / 7.0),
            Self::ManyLost => lost(rate * 1.5),
            Self::EndedEarly => {
                Censoring { study_end: Some(20.0), accrual: 18.0, dropout_rate: 0.0 }
            }
            Self::Mixed => lost(0.02),
        };
        let (covariates, sites) = match self {
            Self::Mixed => (covariates(), sites()),
            _ => (Vec::new(), Vec::new()),
        };
        let plain = Scenario::of(baseline).expect("1 is a hazard ratio");
        Scenario { covariates, sites, exposed_share, censoring, ..plain }
    }
}

impl Curve {
    pub(crate) fn all() -> Vec<Self> {
        let of = |population| SIZES.map(|n| Self { population, n });
        Population::ALL.into_iter().flat_map(of).collect()
    }

    /// Whether the quick check computes it anew.
    pub(crate) fn is_checked(&self) -> bool {
        self.population == Population::SomeLost && self.n == SIZES[0]
    }

    pub(crate) fn simulation(self, seed: u64) -> Simulation {
        simulation(self.population.scenario(0.0), seed)
    }

    /// Number of the replicate that is this cohort: no other row draws the same patients.
    pub(crate) fn replicate(self, cohort: u32) -> u64 {
        replicate(self.population, self.n, 0, cohort)
    }
}

impl Comparison {
    pub(crate) fn all() -> Vec<Self> {
        let of = |population, first_group| {
            SIZES.map(|n| Self { population, n, first_group }).into_iter()
        };
        let balanced = Population::ALL.into_iter().flat_map(|population| of(population, 50));
        balanced.chain(of(Population::SomeLost, 20)).collect()
    }

    /// Whether the quick check computes it anew.
    pub(crate) fn is_checked(&self) -> bool {
        self.population == Population::SomeLost && self.n == SIZES[0]
    }

    pub(crate) fn simulation(self, seed: u64) -> Simulation {
        simulation(self.population.scenario(f64::from(self.first_group) / 100.0), seed)
    }

    /// Number of the replicate that is this cohort: no other row draws the same patients.
    pub(crate) fn replicate(self, cohort: u32) -> u64 {
        replicate(self.population, self.n, self.first_group, cohort)
    }
}

fn simulation(scenario: Scenario, seed: u64) -> Simulation {
    Simulation::new(scenario, seed).expect("the numbers above are a valid scenario")
}

/// Rows are told apart in the upper half of the number, cohorts in the lower.
fn replicate(population: Population, n: usize, first_group: u32, cohort: u32) -> u64 {
    let row = (population as u64 * 10_000 + n as u64) * 100 + u64::from(first_group);
    row << 32 | u64::from(cohort)
}

fn covariates() -> Vec<Covariate> {
    let covariate = |name: &str, distribution, ln_hazard_ratio| Covariate {
        name: name.into(),
        distribution,
        ln_hazard_ratio,
        ln_odds_ratio: 0.0,
    };
    let age = Distribution::Normal { mean: 60.0, standard_deviation: 10.0 };
    vec![covariate("age", age, 0.04), covariate("stage", Distribution::Binary { share: 0.3 }, 0.8)]
}

/// Sites with many deaths expose many patients.
fn sites() -> Vec<Site> {
    let site = |(number, effect): (usize, f64)| Site {
        name: number.to_string(),
        size: 1.0,
        ln_hazard_ratio: effect,
        ln_odds_ratio: effect,
    };
    (1..).zip([-0.8, -0.4, 0.0, 0.4, 0.8]).map(site).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 55 %: the mean of `exp(-rate F)` over `F` uniform from 2 to 20; the loss by its definition.
    #[test]
    fn as_many_are_censored_as_is_said() {
        let percent = [0.0, 30.0, 60.0, 55.4];
        for (population, percent) in Population::ALL.into_iter().zip(percent) {
            let sample = simulation(population.scenario(0.0), 1).draw(20_000, 0);
            let censored = sample.cause.iter().filter(|&&cause| cause == 0).count() as f64 / 200.0;
            assert!((censored - percent).abs() < 1.8, "{censored} in {population:?}");
        }
    }
}
