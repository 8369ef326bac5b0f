//! Drawing patients.

use crate::scenario::RESERVED;
use crate::{Arm, Distribution, Sample, Scenario, ScenarioError, Truth};
use cohort::Column;
use numerics::elementary::exp;
use numerics::streams::{Stream, Streams};

/// A scenario that was found in order, with a seed.
#[derive(Clone, Debug)]
pub struct Simulation {
    scenario: Scenario,
    streams: Streams,
}

impl Simulation {
    /// Checks the scenario.
    pub fn new(scenario: Scenario, seed: u64) -> Result<Self, ScenarioError> {
        scenario.check()?;
        Ok(Self { scenario, streams: Streams::new(seed, "simulate") })
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// What estimators should find in it.
    #[must_use]
    pub fn truth(&self) -> Truth {
        Truth::of(&self.scenario)
    }

    /// Draws the cohort of a replicate.
    ///
    /// Replicates are independent. Within one, every patient takes the same number of draws, so
    /// that a larger cohort begins with the patients of a smaller one.
    #[must_use]
    pub fn draw(&self, n: usize, replicate: u64) -> Sample {
        let mut stream = self.streams.stream(replicate);
        let mut cohort = Sample {
            time: Vec::with_capacity(n),
            cause: Vec::with_capacity(n),
            arm: Vec::with_capacity(n),
            propensity: Vec::with_capacity(n),
            covariates: Vec::new(),
            site: None,
        };
        let mut covariates = vec![Vec::with_capacity(n); self.scenario.covariates.len()];
        let mut sites = Vec::with_capacity(n);
        for _ in 0..n {
            let (site, propensity, score) = self.draw_patient(&mut covariates, &mut stream);
            let arm = if stream.happens(propensity) { Arm::Exposed } else { Arm::Comparator };
            let (time, cause) = self.draw_follow_up(arm, score, &mut stream);
            cohort.time.push(time);
            cohort.cause.push(cause);
            cohort.arm.push(arm);
            cohort.propensity.push(propensity);
            sites.push(site);
        }
        let named = self.scenario.covariates.iter().zip(covariates);
        cohort.covariates =
            named.map(|(covariate, values)| Column::numeric(&covariate.name, values)).collect();
        cohort.site = self.site_column(sites);
        cohort
    }

    /// Site, propensity score and prognostic score of the next patient, whose covariates are added.
    fn draw_patient(&self, covariates: &mut [Vec<f64>], stream: &mut Stream) -> (u32, f64, f64) {
        let (mut score, mut ln_odds) = (0.0, 0.0);
        for (covariate, values) in self.scenario.covariates.iter().zip(covariates) {
            let (value, mean) = covariate.distribution.draw(stream);
            score += covariate.ln_hazard_ratio * (value - mean);
            ln_odds += covariate.ln_odds_ratio * (value - mean);
            values.push(value);
        }
        let site = self.draw_site(stream);
        if let Some(site) = self.scenario.sites.get(site) {
            score += site.ln_hazard_ratio;
            ln_odds += site.ln_odds_ratio;
        }
        let share = self.scenario.exposed_share;
        let propensity = share / (share + (1.0 - share) * exp(-ln_odds));
        (site as u32, propensity, score)
    }

    fn draw_site(&self, stream: &mut Stream) -> usize {
        let sites = &self.scenario.sites;
        let mut left = stream.uniform() * sites.iter().map(|site| site.size).sum::<f64>();
        let found = sites.iter().position(|site| {
            left -= site.size;
            left < 0.0
        });
        // Rounding may pass the last site.
        found.unwrap_or(sites.len().saturating_sub(1))
    }

    /// Time and cause of the end of follow-up.
    fn draw_follow_up(&self, arm: Arm, score: f64, stream: &mut Stream) -> (f64, u32) {
        let (mut time, mut cause) = (f64::INFINITY, 0);
        for (code, of_cause) in (1..).zip(&self.scenario.causes) {
            let cumulative = stream.exponential() / exp(of_cause.score_weight * score);
            let event = of_cause.time_of(arm, cumulative);
            if event < time {
                (time, cause) = (event, code);
            }
        }
        let censoring = &self.scenario.censoring;
        let (entry, patience) = (stream.uniform() * censoring.accrual, stream.exponential());
        let end = censoring.study_end.map_or(f64::INFINITY, |end| end - entry);
        // Without dropout the rate is 0 and the time of dropout infinite.
        let censored = end.min(patience / censoring.dropout_rate);
        if censored < time {
            (time, cause) = (censored, 0);
        }
        let recorded = match self.scenario.time_grid {
            Some(grid) => (time / grid).ceil() * grid,
            None => time,
        };
        (recorded, cause)
    }

    fn site_column(&self, codes: Vec<u32>) -> Option<Column> {
        let [.., name] = RESERVED;
        let levels: Vec<String> =
            self.scenario.sites.iter().map(|site| site.name.clone()).collect();
        (!levels.is_empty()).then(|| Column::categorical(name, levels, codes))
    }
}

impl Distribution {
    /// The next value, and the mean of the distribution.
    fn draw(self, stream: &mut Stream) -> (f64, f64) {
        match self {
            Self::Normal { mean, standard_deviation } => {
                (mean + standard_deviation * stream.normal(), mean)
            }
            Self::Binary { share } => (f64::from(u8::from(stream.happens(share))), share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Baseline, Censoring, Covariate, Site, Steps};

    /// Everything that a scenario may have.
    fn everything() -> Scenario {
        let sites = [("east", 1.0, 0.5), ("west", 3.0, -0.5)].map(|(name, size, effect)| Site {
            name: name.into(),
            size,
            ln_hazard_ratio: effect,
            ln_odds_ratio: effect,
        });
        let age = Covariate {
            name: "age".into(),
            distribution: Distribution::Normal { mean: 60.0, standard_deviation: 10.0 },
            ln_hazard_ratio: 0.05,
            ln_odds_ratio: -0.05,
        };
        let distribution = Distribution::Binary { share: 0.3 };
        let marker = Covariate { name: "marker".into(), distribution, ..age.clone() };
        let mut scenario = Scenario {
            covariates: vec![age, marker],
            sites: sites.to_vec(),
            exposed_share: 0.4,
            censoring: Censoring { study_end: Some(48.0), accrual: 24.0, dropout_rate: 0.01 },
            ..Scenario::of(Baseline::Weibull { shape: 1.5, scale: 20.0 }).unwrap()
        };
        scenario.causes.push(crate::Cause {
            baseline: Baseline::Exponential { rate: 0.01 },
            hazard_ratio: Steps::new(&[(0.0, 2.0), (6.0, 0.5)]).unwrap(),
            score_weight: 0.0,
        });
        scenario
    }

    /// An independent program in Python gets the same numbers from the words of the stream, but for
    /// the last digit of the second time.
    #[test]
    fn the_first_patients_are_pinned() {
        let sample = Simulation::new(everything(), 7).unwrap().draw(3, 8);
        let times = [41.046_156_914_787_91, 12.283_122_623_281_749, 0.036_127_063_179_276_525];
        assert_eq!(sample.time, times);
        assert_eq!(sample.cause, [0, 1, 2]);
        assert_eq!(sample.exposed(), [1, 0, 1]);
        let scores = [0.686_154_416_886_089_5, 0.339_700_155_341_891_63, 0.689_273_083_118_735_5];
        assert_eq!(sample.propensity, scores);
    }

    #[test]
    fn a_larger_cohort_begins_with_the_smaller_one() {
        let simulation = Simulation::new(everything(), 7).unwrap();
        let (small, large) = (simulation.draw(20, 5), simulation.draw(50, 5));
        assert_eq!(small.time, large.time[..20]);
        assert_eq!(small.propensity, large.propensity[..20]);
        assert_ne!(small.time, simulation.draw(20, 6).time);
    }

    /// Scores at the middle of each covariate and an exposure of 0 or 1 leave no choice.
    #[test]
    fn nobody_or_everybody_may_be_exposed() {
        for (exposed_share, arm) in [(0.0, Arm::Comparator), (1.0, Arm::Exposed)] {
            let simulation = Simulation::new(Scenario { exposed_share, ..everything() }, 7);
            let sample = simulation.unwrap().draw(30, 0);
            assert_eq!(sample.arm, [arm; 30]);
            assert_eq!(sample.propensity, [exposed_share; 30]);
        }
    }

    #[test]
    fn a_grid_rounds_times_up() {
        let simulation = |time_grid| {
            Simulation::new(Scenario { time_grid, ..everything() }, 7).unwrap().draw(30, 0)
        };
        let (exact, grid) = (simulation(None), simulation(Some(0.5)));
        for (exact, recorded) in exact.time.iter().zip(&grid.time) {
            assert!((0.0..0.5).contains(&(recorded - exact)), "{exact} became {recorded}");
            assert_eq!((recorded * 2.0).fract(), 0.0);
        }
        assert_eq!(exact.cause, grid.cause);
    }

    #[test]
    fn columns_make_a_cohort() {
        let sample = Simulation::new(everything(), 7).unwrap().draw(30, 0);
        let cohort = cohort::Cohort::new(None, sample.columns()).unwrap();
        let names: Vec<&str> = cohort.names().collect();
        assert_eq!(names, ["time", "event", "exposed", "age", "marker", "site"]);
        assert_eq!(sample.endpoint().n_events(), sample.cause.iter().filter(|&&c| c == 1).count());
    }
}
