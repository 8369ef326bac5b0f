//! What a simulated cohort is made of.

use crate::{ScenarioError, Steps};
use std::collections::BTreeSet;

/// How patients are made.
///
/// The score of a patient is the sum of the covariates, each less its mean, times their log hazard
/// ratios, plus the log hazard ratio of the site. A cause with score weight `w` has, for patients
/// with score `x` and exposure `a`, the hazard
///
/// ```text
/// h(t) = h0(t) exp(w x) HR(t)^a
/// ```
///
/// Given score and exposure the times to the causes are independent; the first of them is observed
/// unless censoring, which depends on nothing, comes before.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Covariates, independent of each other.
    pub covariates: Vec<Covariate>,
    /// Sites, drawn independently of the covariates; without any there is no site column.
    pub sites: Vec<Site>,
    /// Probability of exposure of a patient whose covariates are average and whose site has no
    /// effect on it: between 0 and 1, both included.
    pub exposed_share: f64,
    /// Causes of events; the first one is the event of interest, the others compete with it.
    pub causes: Vec<Cause>,
    /// What ends follow-up before an event.
    pub censoring: Censoring,
    /// Recorded times are rounded up to multiples of this, as days are; absent = exact times.
    pub time_grid: Option<f64>,
}

/// A covariate and what depends on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariate {
    /// Name of its column.
    pub name: String,
    /// How its values are distributed.
    pub distribution: Distribution,
    /// What one unit adds to the score.
    pub ln_hazard_ratio: f64,
    /// What one unit adds to the log odds of exposure: with the former it makes a confounder.
    pub ln_odds_ratio: f64,
}

/// The distribution of a covariate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// A normal variable.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation, positive.
        standard_deviation: f64,
    },
    /// A variable that is 1 or 0.
    Binary {
        /// Probability of 1.
        share: f64,
    },
}

/// A site and what differs there.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Its level in the site column.
    pub name: String,
    /// Its number of patients in proportion to that of the other sites, positive.
    pub size: f64,
    /// What it adds to the score of its patients.
    pub ln_hazard_ratio: f64,
    /// What it adds to the log odds of exposure.
    pub ln_odds_ratio: f64,
}

/// A cause of events.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Hazard of the comparators with score 0.
    pub baseline: Baseline,
    /// Hazard ratio of the exposed: constant when hazards are proportional, 1 for a while when the
    /// effect is delayed, on both sides of 1 when hazards cross.
    pub hazard_ratio: Steps,
    /// How strongly the score acts on this cause: 1 in full, 0 not at all.
    pub score_weight: f64,
}

/// A baseline hazard.
#[derive(Clone, Debug, PartialEq)]
pub enum Baseline {
    /// Constant.
    Exponential {
        /// Events per unit of time, positive.
        rate: f64,
    },
    /// Cumulative hazard `(t / scale)^shape`.
    Weibull {
        /// Above 1 the hazard rises, below 1 it falls; from 0.1 to 10.
        shape: f64,
        /// Time at which the cumulative hazard is 1.
        scale: f64,
    },
    /// Constant between steps; a last value of 0 means that some never have the event.
    Piecewise(Steps),
}

/// What ends follow-up before an event: whichever comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Censoring {
    /// Time from the first possible entry to the end of the study; absent = it never ends.
    pub study_end: Option<f64>,
    /// Patients enter at times spread evenly over this period, so that they are followed for
    /// `study_end` less their time of entry; at most `study_end`. Needs an end of the study.
    pub accrual: f64,
    /// Patients lost per unit of time.
    pub dropout_rate: f64,
}

/// An arm of the comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arm {
    /// Not exposed.
    Comparator,
    /// Exposed.
    Exposed,
}

/// Names of the columns that every sample has.
pub(crate) const RESERVED: [&str; 4] = ["time", "event", "exposed", "site"];

/// All log ratios per standard deviation together stay below this, so that no hazard overflows.
const LARGEST_LOG_RATIO: f64 = 10.0;

impl Scenario {
    /// Two arms of equal size and equal hazards, without covariates, sites and censoring.
    pub fn of(baseline: Baseline) -> Result<Self, ScenarioError> {
        let hazard_ratio = Steps::constant(1.0)?;
        Ok(Self {
            covariates: Vec::new(),
            sites: Vec::new(),
            exposed_share: 0.5,
            causes: vec![Cause { baseline, hazard_ratio, score_weight: 1.0 }],
            censoring: Censoring::default(),
            time_grid: None,
        })
    }

    pub(crate) fn check(&self) -> Result<(), ScenarioError> {
        share("share of exposed", self.exposed_share)?;
        self.covariates.iter().try_for_each(Covariate::check)?;
        self.sites.iter().try_for_each(Site::check)?;
        let total: f64 = self.covariates.iter().map(Covariate::ln_hazard_ratio_per_spread).sum();
        log_ratio("sum of the log hazard ratios", total, 1.0)?;
        self.causes.iter().try_for_each(Cause::check)?;
        self.censoring.check()?;
        if let Some(grid) = self.time_grid {
            positive("grid of times", grid)?;
        }
        self.check_names()?;
        self.check_ends()
    }

    fn check_names(&self) -> Result<(), ScenarioError> {
        let mut names: BTreeSet<&str> = RESERVED.into();
        let taken = self.covariates.iter().find(|covariate| !names.insert(&covariate.name));
        match taken {
            Some(covariate) => Err(ScenarioError::DuplicateName { name: covariate.name.clone() }),
            None => Ok(()),
        }
    }

    /// Everybody has an event at last, or censoring ends the wait.
    fn check_ends(&self) -> Result<(), ScenarioError> {
        if self.causes.is_empty() {
            return Err(ScenarioError::NoCause);
        }
        let is_censored = self.censoring.study_end.is_some() || self.censoring.dropout_rate > 0.0;
        let comes = |cause: &Cause| cause.baseline.comes_at_last();
        let comes_to_exposed = |cause: &Cause| comes(cause) && cause.hazard_ratio.last() > 0.0;
        if is_censored
            || (self.causes.iter().any(comes) && self.causes.iter().any(comes_to_exposed))
        {
            Ok(())
        } else {
            Err(ScenarioError::NeverEnds)
        }
    }
}

impl Covariate {
    fn check(&self) -> Result<(), ScenarioError> {
        match self.distribution {
            Distribution::Normal { mean, standard_deviation } => {
                within(format!("mean of {}", self.name), mean, mean.is_finite(), "finite")?;
                positive(&format!("standard deviation of {}", self.name), standard_deviation)?;
            }
            Distribution::Binary { share: of_one } => {
                share(&format!("share of {}", self.name), of_one)?;
            }
        }
        let spread = self.distribution.spread();
        log_ratio(&format!("log hazard ratio of {}", self.name), self.ln_hazard_ratio, spread)?;
        log_ratio(&format!("log odds ratio of {}", self.name), self.ln_odds_ratio, spread)
    }

    fn ln_hazard_ratio_per_spread(&self) -> f64 {
        self.ln_hazard_ratio.abs() * self.distribution.spread()
    }
}

impl Distribution {
    /// Standard deviation of a normal variable, range of a binary one.
    fn spread(self) -> f64 {
        match self {
            Self::Normal { standard_deviation, .. } => standard_deviation,
            Self::Binary { .. } => 1.0,
        }
    }
}

impl Site {
    fn check(&self) -> Result<(), ScenarioError> {
        positive(&format!("size of site {}", self.name), self.size)?;
        log_ratio(&format!("log hazard ratio of site {}", self.name), self.ln_hazard_ratio, 1.0)?;
        log_ratio(&format!("log odds ratio of site {}", self.name), self.ln_odds_ratio, 1.0)
    }
}

impl Cause {
    fn check(&self) -> Result<(), ScenarioError> {
        let weight = self.score_weight;
        within("weight of the score", weight, weight.abs() <= 1.0, "between -1 and 1")?;
        match self.baseline {
            Baseline::Exponential { rate } => positive("baseline rate", rate),
            Baseline::Weibull { shape, scale } => {
                let is_moderate = (0.1..=10.0).contains(&shape);
                within("shape of the baseline", shape, is_moderate, "between 0.1 and 10")?;
                positive("scale of the baseline", scale)
            }
            Baseline::Piecewise(_) => Ok(()),
        }
    }
}

impl Censoring {
    fn check(self) -> Result<(), ScenarioError> {
        if let Some(end) = self.study_end {
            positive("end of the study", end)?;
        }
        let (accrual, end) = (self.accrual, self.study_end.unwrap_or(0.0));
        let allowed = "between 0 and the end of the study";
        within("period of accrual", accrual, 0.0 <= accrual && accrual <= end, allowed)?;
        let rate = self.dropout_rate;
        within("dropout rate", rate, rate.is_finite() && rate >= 0.0, "finite and not negative")
    }
}

fn positive(quantity: &str, value: f64) -> Result<(), ScenarioError> {
    within(quantity, value, value.is_finite() && value > 0.0, "finite and positive")
}

fn share(quantity: &str, value: f64) -> Result<(), ScenarioError> {
    within(quantity, value, (0.0..=1.0).contains(&value), "between 0 and 1")
}

fn log_ratio(quantity: &str, value: f64, spread: f64) -> Result<(), ScenarioError> {
    let is_moderate = value.abs() * spread <= LARGEST_LOG_RATIO;
    within(quantity, value, is_moderate, "at most 10 per standard deviation")
}

fn within(
    quantity: impl Into<String>,
    value: f64,
    is_allowed: bool,
    allowed: &'static str,
) -> Result<(), ScenarioError> {
    let error = || ScenarioError::OutOfRange { quantity: quantity.into(), value, allowed };
    is_allowed.then_some(()).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        Scenario::of(Baseline::Exponential { rate: 0.1 }).unwrap()
    }

    fn refused(scenario: &Scenario) -> String {
        scenario.check().unwrap_err().to_string()
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(scenario().check(), Ok(()));
        let share = Scenario { exposed_share: 1.5, ..scenario() };
        assert_eq!(refused(&share), "the share of exposed is 1.5 but must be between 0 and 1");
        let accrual = Censoring { study_end: Some(6.0), accrual: 12.0, dropout_rate: 0.0 };
        let late = Scenario { censoring: accrual, ..scenario() };
        let message = "the period of accrual is 12 but must be between 0 and the end of the study";
        assert_eq!(refused(&late), message);
        let nothing = Scenario { causes: vec![], ..scenario() };
        assert_eq!(nothing.check(), Err(ScenarioError::NoCause));
        let covariate = Covariate {
            name: "site".into(),
            distribution: Distribution::Binary { share: 0.5 },
            ln_hazard_ratio: 0.0,
            ln_odds_ratio: f64::NAN,
        };
        let nan = Scenario { covariates: vec![covariate.clone()], ..scenario() };
        assert!(refused(&nan).starts_with("the log odds ratio of site is NaN"));
        let covariate = Covariate { ln_odds_ratio: 0.0, ..covariate };
        let reserved = Scenario { covariates: vec![covariate], ..scenario() };
        assert_eq!(reserved.check(), Err(ScenarioError::DuplicateName { name: "site".into() }));
    }

    #[test]
    fn the_cured_need_an_end() {
        let rates = Steps::new(&[(0.0, 0.1), (5.0, 0.0)]).unwrap();
        let cured = Scenario::of(Baseline::Piecewise(rates)).unwrap();
        assert_eq!(cured.check(), Err(ScenarioError::NeverEnds));
        let censoring = Censoring { dropout_rate: 0.1, ..Censoring::default() };
        assert_eq!(Scenario { censoring, ..cured }.check(), Ok(()));
    }
}
