//! What is asked of each cohort.

use crate::validate::Settings;
use crate::validate::population::{Comparison, Curve, Population};
use crate::validate::tally::{Tally, tally};
use cohort::{Endpoint, Groups, Interval, NotEstimable, Values};
use numerics::tails::chi_squared_sf;
use simulate::{Arm, Sample, Truth};
use survival::{
    Confidence, IntervalRule, LogRank, QuantileRule, RiskTable, SurvivalCurve, TestWeights,
    kaplan_meier, log_rank, quantile, restricted_mean, survival_at,
};

/// Values of the true survival at whose times the curve is read.
pub(crate) const LEVELS: [f64; 4] = [0.9, 0.75, 0.5, 0.25];

/// Values of the true survival at whose times the restricted mean ends.
pub(crate) const HORIZONS: [f64; 2] = [0.5, 0.25];

/// The interval rules with their names.
pub(crate) const RULES: [(&str, IntervalRule); 5] = [
    ("plain", IntervalRule::Plain),
    ("log", IntervalRule::Log),
    ("log-log", IntervalRule::LogLog),
    ("logit", IntervalRule::Logit),
    ("arcsin", IntervalRule::Arcsin),
];

/// The weights of the tests with their names.
pub(crate) const WEIGHTS: [(&str, TestWeights); 6] = [
    ("log-rank", TestWeights::LogRank),
    ("Gehan-Breslow", TestWeights::GehanBreslow),
    ("Tarone-Ware", TestWeights::TaroneWare),
    ("Peto-Peto", TestWeights::PetoPeto),
    ("Fleming-Harrington (1, 0)", TestWeights::FlemingHarrington { p: 1.0, q: 0.0 }),
    ("Fleming-Harrington (0, 1)", TestWeights::FlemingHarrington { p: 0.0, q: 1.0 }),
];

/// Number of questions to a curve: survival by rule, median by rule and SPSS, restricted means.
const QUESTIONS: usize = LEVELS.len() * RULES.len() + RULES.len() + 1 + HORIZONS.len();

const CONFIDENCE: f64 = 0.95;

/// How often the intervals of a curve hold the truth.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Coverage {
    /// For each of [`LEVELS`] the [`RULES`].
    pub(crate) survival: Vec<Vec<Tally>>,
    /// The [`RULES`], then that of SPSS.
    pub(crate) median: Vec<Tally>,
    /// One for each of [`HORIZONS`].
    pub(crate) restricted_mean: Vec<Tally>,
}

/// The true values of what is estimated.
struct Target {
    /// Time and survival.
    survival: [(f64, f64); LEVELS.len()],
    median: f64,
    /// Horizon and mean.
    restricted_mean: [(f64, f64); HORIZONS.len()],
}

impl Curve {
    pub(crate) fn tally(self, settings: &Settings) -> Coverage {
        let simulation = self.simulation(settings.seed);
        let target = Target::of(&simulation.truth());
        let confidence = Confidence::new(CONFIDENCE).expect("0.95 is a confidence");
        let tallies = tally(settings, |cohort| {
            let sample = simulation.draw(self.n, self.replicate(cohort));
            target.is_covered(&sample.endpoint(), confidence)
        });
        let (survival, others) = tallies.split_at(LEVELS.len() * RULES.len());
        let (median, restricted_mean) = others.split_at(RULES.len() + 1);
        Coverage {
            survival: survival.chunks(RULES.len()).map(<[Tally]>::to_vec).collect(),
            median: median.to_vec(),
            restricted_mean: restricted_mean.to_vec(),
        }
    }
}

impl Comparison {
    /// How often a true hypothesis is rejected at 5 %, for each of [`WEIGHTS`].
    pub(crate) fn tally(self, settings: &Settings) -> Vec<Tally> {
        let simulation = self.simulation(settings.seed);
        let is_rejected = |cohort| {
            let sample = simulation.draw(self.n, self.replicate(cohort));
            let tables = tables(&sample, self.population);
            WEIGHTS.map(|(_, weights)| {
                let sums: LogRank = tables.iter().map(|table| log_rank(table, weights)).sum();
                let (chi_squared, degrees_of_freedom) = sums.chi_squared();
                Some(chi_squared_sf(chi_squared.ok()?, degrees_of_freedom) < 1.0 - CONFIDENCE)
            })
        };
        tally(settings, is_rejected).to_vec()
    }
}

impl Target {
    fn of(truth: &Truth) -> Self {
        let arm = Arm::Comparator;
        let time_of = |survival: f64| {
            truth.quantile(arm, 1.0 - survival).expect("everybody has the event at last")
        };
        Self {
            survival: LEVELS.map(|survival| (time_of(survival), survival)),
            median: time_of(0.5),
            restricted_mean: HORIZONS
                .map(time_of)
                .map(|tau| (tau, truth.restricted_mean(arm, tau))),
        }
    }

    /// The answers in the order of [`Coverage`].
    fn is_covered(&self, endpoint: &Endpoint, confidence: Confidence) -> [Option<bool>; QUESTIONS] {
        let table = RiskTable::of(endpoint, &Groups::one());
        let curves = RULES.map(|(_, rule)| kaplan_meier(&table, rule, confidence));
        let curve = &curves[0];
        let survival = self.survival.iter().flat_map(|&(time, survival)| {
            curves.iter().map(move |curve| holds(survival_at(curve, time).interval, survival))
        });
        let by_rule = RULES.map(|(_, rule)| QuantileRule::Curve(rule));
        let median = by_rule.into_iter().chain([QuantileRule::Spss]);
        let median = median.map(|rule| self.holds_median(curve, rule, confidence));
        let means = self.restricted_mean.iter();
        let means =
            means.map(|&(tau, mean)| holds(restricted_mean(curve, tau, confidence).interval, mean));
        let mut answers = survival.chain(median).chain(means);
        std::array::from_fn(|_| answers.next().expect("there are as many answers as questions"))
    }

    fn holds_median(
        &self,
        curve: &SurvivalCurve,
        rule: QuantileRule,
        confidence: Confidence,
    ) -> Option<bool> {
        holds(quantile(curve, 0.5, rule, confidence).interval, self.median)
    }
}

/// Whether an interval holds the truth, if there is an interval.
pub(crate) fn holds(interval: Interval, truth: f64) -> Option<bool> {
    let is_below = match interval.upper {
        Ok(upper) => truth <= upper,
        Err(NotEstimable::NotReached) => true,
        Err(_) => return None,
    };
    Some(interval.lower.ok()? <= truth && is_below)
}

/// One table for each stratum: the sites of the mixed population, else one for all.
fn tables(sample: &Sample, population: Population) -> Vec<RiskTable> {
    let strata = match &sample.site {
        Some(site) if population == Population::Mixed => match &site.values {
            Values::Categorical { codes, .. } => Groups::numbered(codes.clone()),
            Values::Numeric(_) => unreachable!("sites are categories"),
        },
        _ => Groups::one(),
    };
    RiskTable::by_stratum(&sample.endpoint(), &strata, &Groups::new(sample.exposed(), 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upper_limit_that_is_not_reached_is_infinite() {
        let not_reached = Err(NotEstimable::NotReached);
        let open = Interval { lower: Ok(3.0), upper: not_reached };
        assert_eq!([2.0, 3.0, 1e9].map(|truth| holds(open, truth)), [false, true, true].map(Some));
        assert_eq!(holds(Interval::none(NotEstimable::NotReached), 1.0), None);
        let undefined = Interval { upper: Err(NotEstimable::VarianceUndefined), ..open };
        assert_eq!(holds(undefined, 5.0), None);
    }
}
