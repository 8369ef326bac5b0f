//! What is true of the population from which a scenario draws.

use crate::integral::integral;
use crate::{Arm, Cause, Distribution, Scenario, Steps};
use numerics::elementary::exp;
use numerics::sum::{Sum, sum};

/// The truth of a scenario: averages over the whole population, as if all were in the arm asked for.
///
/// These are what randomisation, or an adjustment for all confounders, estimates with the whole
/// population as target. Times are exact ones; a grid of recorded times is not considered.
#[derive(Clone, Debug)]
pub struct Truth {
    causes: Vec<Cause>,
    levels: Vec<Level>,
}

/// Patients of one score.
#[derive(Clone, Debug)]
struct Level {
    share: f64,
    /// Hazard relative to score 0, for each cause.
    relative: Vec<f64>,
}

/// Distance of the nodes that stand for a standard normal variable. The trapezoidal rule is exact to
/// rounding with them for scores with a standard deviation up to 3.
const NODE_STEP: f64 = 1.0 / 16.0;

/// Beyond this many standard deviations there is nobody: 2e-17 of the population.
const LAST_NODE: f64 = 8.5;

impl Truth {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let level = |(share, score): (f64, f64)| {
            let relative = |cause: &Cause| exp(cause.score_weight * score);
            Level { share, relative: scenario.causes.iter().map(relative).collect() }
        };
        let levels = scores(scenario).into_iter().map(level).collect();
        Self { causes: scenario.causes.clone(), levels }
    }

    /// Probability that the event of interest comes after `time` if no other cause existed.
    ///
    /// Where causes share no score, or there is only one, this is what Kaplan and Meier's estimate
    /// of the event of interest, with competing events censored, aims at.
    #[must_use]
    pub fn survival(&self, arm: Arm, time: f64) -> f64 {
        let cumulative = self.causes[0].cumulative(arm, time);
        self.mean(|level| exp(-level.relative[0] * cumulative))
    }

    /// Probability that no event of any cause comes until `time`.
    #[must_use]
    pub fn event_free(&self, arm: Arm, time: f64) -> f64 {
        let cumulative: Vec<f64> =
            self.causes.iter().map(|cause| cause.cumulative(arm, time)).collect();
        self.mean(|level| level.event_free(&cumulative))
    }

    /// Probability that an event of this cause (1 for the event of interest) comes first and until
    /// `time`; 0 for a cause that does not exist.
    #[must_use]
    pub fn cumulative_incidence(&self, arm: Arm, cause: usize, time: f64) -> f64 {
        let Some(index) = cause.checked_sub(1).filter(|&index| index < self.causes.len()) else {
            return 0.0;
        };
        let density = |time: f64| {
            let hazard = self.causes[index].hazard(arm, time);
            let cumulative: Vec<f64> =
                self.causes.iter().map(|cause| cause.cumulative(arm, time)).collect();
            hazard * self.mean(|level| level.relative[index] * level.event_free(&cumulative))
        };
        self.integral(density, time)
    }

    /// The first time by which this share has had the event of interest; none when it never does.
    /// The share lies strictly between 0 and 1.
    #[must_use]
    pub fn quantile(&self, arm: Arm, probability: f64) -> Option<f64> {
        let is_reached = |time: f64| self.survival(arm, time) <= 1.0 - probability;
        let doubled = std::iter::successors(Some(1.0), |time| Some(2.0 * time));
        let mut above =
            doubled.take_while(|time: &f64| time.is_finite()).find(|&t| is_reached(t))?;
        let mut below = 0.0;
        loop {
            let middle = 0.5 * (below + above);
            if middle <= below || above <= middle {
                return Some(above);
            }
            if is_reached(middle) {
                above = middle;
            } else {
                below = middle;
            }
        }
    }

    /// Mean of the time to the event of interest, cut at `tau`: the area under [`Truth::survival`].
    #[must_use]
    pub fn restricted_mean(&self, arm: Arm, tau: f64) -> f64 {
        self.integral(|time| self.survival(arm, time), tau)
    }

    /// Hazard ratio of the exposed for the event of interest, given the score.
    #[must_use]
    pub fn hazard_ratio(&self) -> &Steps {
        &self.causes[0].hazard_ratio
    }

    /// Ratio of the hazards of the event of interest in the two arms, scores unknown.
    ///
    /// It moves towards 1 with time even if the ratio given the score does not: high scores have
    /// their event early, and earlier in the arm with more events.
    #[must_use]
    pub fn marginal_hazard_ratio(&self, time: f64) -> f64 {
        let relative = |arm: Arm| {
            let cumulative = self.causes[0].cumulative(arm, time);
            let survival = |level: &Level| exp(-level.relative[0] * cumulative);
            self.mean(|level| level.relative[0] * survival(level)) / self.mean(survival)
        };
        self.hazard_ratio().at(time) * relative(Arm::Exposed) / relative(Arm::Comparator)
    }

    fn mean(&self, of: impl Fn(&Level) -> f64) -> f64 {
        sum(self.levels.iter().map(|level| level.share * of(level)))
    }

    /// Integral from 0, piece by piece between the steps of the hazards.
    fn integral(&self, function: impl Fn(f64) -> f64, to: f64) -> f64 {
        let mut bounds: Vec<f64> = self.causes.iter().flat_map(Cause::starts).collect();
        bounds.retain(|&bound| bound < to);
        bounds.push(to);
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let pieces = bounds.windows(2).map(|ends| integral(&function, ends[0], ends[1]));
        pieces.collect::<Sum>().value()
    }
}

impl Level {
    fn event_free(&self, cumulative: &[f64]) -> f64 {
        exp(-self.relative.iter().zip(cumulative).map(|(r, h)| r * h).sum::<f64>())
    }
}

/// The distribution of the score: shares with their score.
///
/// Binary covariates and sites are enumerated; the normal ones add up to one normal variable.
fn scores(scenario: &Scenario) -> Vec<(f64, f64)> {
    let mut scores = vec![(1.0, 0.0)];
    let mut variance = 0.0;
    for covariate in &scenario.covariates {
        let effect = covariate.ln_hazard_ratio;
        match covariate.distribution {
            Distribution::Normal { standard_deviation, .. } => {
                variance += effect * standard_deviation * effect * standard_deviation;
            }
            Distribution::Binary { share } if effect != 0.0 => {
                let values = [(1.0 - share, -share * effect), (share, (1.0 - share) * effect)];
                scores = sums(&scores, &values);
            }
            Distribution::Binary { .. } => {}
        }
    }
    let size: f64 = scenario.sites.iter().map(|site| site.size).sum();
    let sites: Vec<(f64, f64)> =
        scenario.sites.iter().map(|site| (site.size / size, site.ln_hazard_ratio)).collect();
    if !sites.is_empty() {
        scores = sums(&scores, &sites);
    }
    if variance > 0.0 { sums(&scores, &normal(variance.sqrt())) } else { scores }
}

/// The distribution of the sum of two independent variables.
fn sums(some: &[(f64, f64)], others: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let with = |&(share, score): &(f64, f64)| {
        others.iter().map(move |&(other_share, other)| (share * other_share, score + other))
    };
    some.iter().flat_map(with).collect()
}

fn normal(standard_deviation: f64) -> Vec<(f64, f64)> {
    let last = (LAST_NODE / NODE_STEP) as i32;
    let node = |k: i32| {
        let z = f64::from(k) * NODE_STEP;
        (exp(-0.5 * z * z), standard_deviation * z)
    };
    let nodes: Vec<(f64, f64)> = (-last..=last).map(node).collect();
    let total = sum(nodes.iter().map(|node| node.0));
    nodes.into_iter().map(|(weight, score)| (weight / total, score)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Baseline, Covariate};
    use numerics::elementary::ln;

    fn exponential(rate: f64) -> Scenario {
        Scenario::of(Baseline::Exponential { rate }).unwrap()
    }

    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-12 * want.abs(), "{got} instead of {want}");
    }

    fn with_covariates(mut scenario: Scenario, effects: &[(Distribution, f64)]) -> Scenario {
        let covariate = |(index, &(distribution, ln_hazard_ratio))| Covariate {
            name: format!("x{index}"),
            distribution,
            ln_hazard_ratio,
            ln_odds_ratio: 0.0,
        };
        scenario.covariates = effects.iter().enumerate().map(covariate).collect();
        scenario
    }

    #[test]
    fn constant_hazards_by_hand() {
        let mut scenario = exponential(0.1);
        scenario.causes[0].hazard_ratio = Steps::constant(0.5).unwrap();
        let truth = Truth::of(&scenario);
        assert_close(truth.survival(Arm::Comparator, 5.0), exp(-0.5));
        assert_close(truth.quantile(Arm::Exposed, 0.5).unwrap(), ln(2.0) / 0.05);
        assert_close(truth.restricted_mean(Arm::Comparator, 12.0), 10.0 * (1.0 - exp(-1.2)));
        assert_close(truth.marginal_hazard_ratio(7.0), 0.5);
        assert_eq!(truth.restricted_mean(Arm::Exposed, 0.0), 0.0);
    }

    /// Of two constant hazards 0.1 and 0.3 the first one wins a quarter.
    #[test]
    fn competing_constant_hazards_by_hand() {
        let mut scenario = exponential(0.1);
        scenario.causes.extend(exponential(0.3).causes);
        let truth = Truth::of(&scenario);
        let gone = 1.0 - exp(-0.4 * 6.0);
        assert_close(truth.cumulative_incidence(Arm::Exposed, 1, 6.0), 0.25 * gone);
        assert_close(truth.cumulative_incidence(Arm::Exposed, 2, 6.0), 0.75 * gone);
        assert_close(truth.event_free(Arm::Exposed, 6.0), 1.0 - gone);
        assert_close(truth.survival(Arm::Exposed, 6.0), exp(-0.6));
        assert_eq!(truth.cumulative_incidence(Arm::Exposed, 3, 6.0), 0.0);
    }

    /// A balanced factor of 4 makes hazards of 1/2 and 2: S = (exp(-H/2) + exp(-2H)) / 2.
    #[test]
    fn a_binary_covariate_by_hand() {
        let effect = (Distribution::Binary { share: 0.5 }, ln(4.0));
        let mut scenario = with_covariates(exponential(1.0), &[effect]);
        scenario.causes[0].hazard_ratio = Steps::constant(0.5).unwrap();
        let truth = Truth::of(&scenario);
        assert_close(truth.survival(Arm::Comparator, 1.0), 0.5 * (exp(-0.5) + exp(-2.0)));
        let hazard =
            |h: f64| (0.5 * exp(-0.5 * h) + 2.0 * exp(-2.0 * h)) / (exp(-0.5 * h) + exp(-2.0 * h));
        assert_close(truth.marginal_hazard_ratio(1.0), 0.5 * hazard(0.5) / hazard(1.0));
        assert!(truth.marginal_hazard_ratio(1.0) > 0.5);
    }

    /// E exp(-e^X) for X normal with standard deviations 0.6 and 0.8 together, hence 1, and with 3;
    /// numerical integration in 40 digits (mpmath).
    #[test]
    fn normal_covariates_add_up() {
        let normal = |sd| Distribution::Normal { mean: 5.0, standard_deviation: sd };
        for (effects, want) in [
            (vec![(normal(2.0), 0.3), (normal(0.5), -1.6)], 0.381_756_464_755_483_36),
            (vec![(normal(3.0), 1.0)], 0.433_420_590_080_441_37),
        ] {
            let truth = Truth::of(&with_covariates(exponential(1.0), &effects));
            assert_close(truth.survival(Arm::Comparator, 1.0), want);
        }
    }

    /// Incidences of all causes and freedom from events add up to 1 whatever the hazards are.
    #[test]
    fn probabilities_add_up() {
        let weibull = Baseline::Weibull { shape: 0.4, scale: 5.0 };
        let normal = Distribution::Normal { mean: 0.0, standard_deviation: 1.0 };
        let mut scenario = with_covariates(Scenario::of(weibull).unwrap(), &[(normal, 0.5)]);
        scenario.causes.extend(exponential(0.2).causes);
        scenario.causes[0].hazard_ratio = Steps::new(&[(0.0, 0.5), (2.0, 3.0)]).unwrap();
        let truth = Truth::of(&scenario);
        for arm in [Arm::Comparator, Arm::Exposed] {
            let incidence = |cause| truth.cumulative_incidence(arm, cause, 4.0);
            assert_close(incidence(1) + incidence(2) + truth.event_free(arm, 4.0), 1.0);
        }
    }

    #[test]
    fn the_cured_have_no_quantile() {
        let rates = Steps::new(&[(0.0, 0.1), (5.0, 0.0)]).unwrap();
        let truth = Truth::of(&Scenario::of(Baseline::Piecewise(rates)).unwrap());
        assert_eq!(truth.quantile(Arm::Comparator, 0.5), None);
        assert_close(truth.quantile(Arm::Comparator, 0.25).unwrap(), -ln(0.75) / 0.1);
    }
}
