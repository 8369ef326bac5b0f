//! How well predicted probabilities agree with what happened.

use crate::discrimination::{Discrimination, discrimination};
use crate::fit::{LogisticData, fit};
use crate::query::{LogisticExtras, OnSeparation};
use crate::{LogisticCoefficient, LogisticFit, LogisticOptions, PropensityError};
use cohort::{
    Design, DesignColumn, Estimate, Interval, NotEstimable, Term, TestResult, chi_squared_test,
};
use numerics::elementary::{ln, ln_1p};
use numerics::sum::{mean, sum};
use numerics::tails::two_sided_multiplier;

/// Where predictions come from, which decides the degrees of freedom of the test of Hosmer and
/// Lemeshow.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Predictions {
    /// From elsewhere: as many degrees of freedom as groups.
    #[default]
    Foreign,
    /// From a model fitted to the very outcomes: two fewer.
    Fitted,
}

/// Settings of a description of predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerformanceOptions {
    /// Number of groups of predicted risk, at least [`PerformanceOptions::FEWEST_GROUPS`].
    pub groups: usize,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// Where the predictions come from.
    pub predictions: Predictions,
}

impl PerformanceOptions {
    /// With fewer groups the test of a fitted model has no degree of freedom.
    pub const FEWEST_GROUPS: usize = 3;
}

impl Default for PerformanceOptions {
    /// Ten groups, as Hosmer and Lemeshow have them.
    fn default() -> Self {
        Self { groups: 10, confidence: 0.95, predictions: Predictions::default() }
    }
}

/// Discrimination and calibration of predicted probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Performance {
    /// Number of subjects.
    pub n: usize,
    /// Number with the outcome.
    pub n_outcomes: usize,
    /// Number that the predictions expect: their sum.
    pub expected_outcomes: f64,
    /// The c-statistic.
    pub discrimination: Discrimination,
    /// Mean squared difference of outcome and prediction. Brier (1950), Mon. Weather Rev. 78:1-3.
    pub brier_score: f64,
    /// One minus the ratio of that to the score of the share of outcomes as everyone's prediction; 0
    /// for predictions that are no better.
    pub scaled_brier_score: Estimate,
    /// Calibration.
    pub calibration: Calibration,
    /// The test of Hosmer and Lemeshow.
    pub hosmer_lemeshow: TestResult,
    /// The groups of predicted risk, from the lowest.
    pub groups: Vec<RiskGroup>,
}

/// How the log odds of the outcome depend on those of the predictions.
///
/// ```text
/// logit P(y) = a + b logit(p)
/// ```
///
/// Cox (1958), Biometrika 45:562-565; Miller, Langefeld, Tierney, Hui and McDonald (1993), Med.
/// Decis. Making 13:49-58. Predictions of 0 or 1 have no log odds and no calibration (`NotDefined`).
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// `a` at `b = 1`, calibration in the large: above 0 when more had the outcome than predicted.
    pub in_the_large: CalibrationCoefficient,
    /// `a` beside `b`.
    pub intercept: CalibrationCoefficient,
    /// `b`: below 1 when predictions are too extreme, as those of an overfitted model.
    pub slope: CalibrationCoefficient,
    /// Likelihood-ratio test that `a = 0` and `b = 1`. Of predictions fitted to the same outcomes it
    /// means nothing.
    pub test: TestResult,
}

/// One coefficient of a calibration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationCoefficient {
    /// The coefficient on the scale of log odds.
    pub estimate: Estimate,
    /// Its standard error.
    pub standard_error: Estimate,
    /// Its Wald limits.
    pub interval: Interval,
}

/// Subjects of similar predicted risk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RiskGroup {
    /// Predictions lie above this, those of the first group at or above it.
    pub lower: f64,
    /// Predictions lie at or below this.
    pub upper: f64,
    /// Number of subjects.
    pub n: usize,
    /// Number with the outcome.
    pub observed: usize,
    /// Number expected: the sum of the predictions.
    pub expected: f64,
    /// Wilson's limits of the share with the outcome, for a calibration plot. Wilson (1927), J. Am.
    /// Stat. Assoc. 22:209-212; `prop.test(observed, n, correct = FALSE)` in R.
    pub interval: Interval,
}

/// Describes predictions, one per subject and between 0 and 1, against the outcomes.
///
/// Rows count once each. Subjects are grouped at the quantiles (type 7) of their predictions, as
/// `cut(p, unique(quantile(p, seq(0, 1, 1/g))), include.lowest = TRUE)` in R: subjects of equal
/// prediction share a group, and quantiles that coincide leave fewer groups than asked for. The
/// statistic of Hosmer and Lemeshow is
///
/// ```text
/// χ² = Σ_groups (O - E)² / E + (O - E)² / (n - E)
/// ```
///
/// with as many degrees of freedom as there are groups, two fewer for predictions that were fitted to
/// these outcomes. Hosmer and Lemeshow (1980), Commun. Stat. Theory Methods 9:1043-1069; Hosmer,
/// Lemeshow and Sturdivant (2013), Applied Logistic Regression, section 5.2.2. Same as
/// `ResourceSelection::hoslem.test(y, p, g)` in R for a fitted model whose predictions make `g`
/// groups; with fewer groups that keeps `g - 2` degrees of freedom, which are too many. Fails when
/// there are not as many predictions as outcomes.
pub fn performance(
    outcome: &[bool],
    probability: &[f64],
    options: &PerformanceOptions,
) -> Result<Performance, PropensityError> {
    if probability.len() != outcome.len() {
        let (what, got, subjects) = ("the predictions", probability.len(), outcome.len());
        return Err(PropensityError::LengthMismatch { what, got, subjects });
    }
    let groups = risk_groups(outcome, probability, options);
    let errors = outcome.iter().zip(probability).map(|(&outcome, p)| number(outcome) - p);
    let squares: Vec<f64> = errors.map(|error| error * error).collect();
    let n_outcomes = outcome.iter().filter(|&&outcome| outcome).count();
    let brier_score = mean(&squares).unwrap_or(0.0);
    Ok(Performance {
        n: outcome.len(),
        n_outcomes,
        expected_outcomes: sum(probability.iter().copied()),
        discrimination: discrimination(outcome, probability, options.confidence),
        brier_score,
        scaled_brier_score: scaled(brier_score, n_outcomes, outcome.len()),
        calibration: calibration(outcome, probability, options.confidence)?,
        hosmer_lemeshow: hosmer_lemeshow(&groups, options.predictions),
        groups,
    })
}

fn number(outcome: bool) -> f64 {
    f64::from(u8::from(outcome))
}

fn scaled(brier_score: f64, n_outcomes: usize, n: usize) -> Estimate {
    let share = n_outcomes as f64 / n as f64;
    let of_share = share * (1.0 - share);
    if of_share > 0.0 { Ok(1.0 - brier_score / of_share) } else { Err(NotEstimable::TooFewGroups) }
}

fn risk_groups(
    outcome: &[bool],
    probability: &[f64],
    options: &PerformanceOptions,
) -> Vec<RiskGroup> {
    let groups = options.groups;
    let mut sorted = probability.to_vec();
    sorted.sort_by(f64::total_cmp);
    let step = 1.0 / groups as f64;
    let mut breaks: Vec<f64> =
        (0..=groups).filter_map(|k| quantile(&sorted, (k as f64 * step).min(1.0))).collect();
    breaks.dedup();
    let group = |pair: &[f64]| RiskGroup {
        lower: pair[0],
        upper: pair[1],
        n: 0,
        observed: 0,
        expected: 0.0,
        interval: Interval::none(NotEstimable::NoSubjects),
    };
    let mut found: Vec<RiskGroup> = breaks.windows(2).map(group).collect();
    if found.is_empty() {
        return found;
    }
    for (&outcome, &p) in outcome.iter().zip(probability) {
        let index = breaks.partition_point(|limit| *limit < p).max(1) - 1;
        let group = &mut found[index];
        group.n += 1;
        group.observed += usize::from(outcome);
        group.expected += p;
    }
    // More groups than subjects leave some without any.
    found.retain(|group| group.n > 0);
    let multiplier = two_sided_multiplier(options.confidence);
    for group in &mut found {
        group.interval = wilson(group.observed as f64, group.n as f64, multiplier);
    }
    found
}

/// Where the score test of a share is as large as the multiplier; `n` is not 0.
fn wilson(observed: f64, n: f64, multiplier: f64) -> Interval {
    let square = multiplier * multiplier;
    let middle = (observed + 0.5 * square) / (n + square);
    let spread = observed * (n - observed) / n + 0.25 * square;
    let half = multiplier * spread.sqrt() / (n + square);
    let limit = |limit: f64| Ok(limit.clamp(0.0, 1.0));
    Interval { lower: limit(middle - half), upper: limit(middle + half) }
}

/// Quantile of type 7, with the very roundings of R: a limit that differs in its last bit puts the
/// subject that stands on it into the next group.
fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let index = 1.0 + last as f64 * probability;
    let whole = index.floor();
    let (low, high) = (sorted[whole as usize - 1], sorted[(index.ceil() as usize - 1).min(last)]);
    let share = index - whole;
    if share > 0.0 && low != high { Some((1.0 - share) * low + share * high) } else { Some(low) }
}

fn hosmer_lemeshow(groups: &[RiskGroup], predictions: Predictions) -> TestResult {
    if groups.is_empty() {
        return TestResult::none(NotEstimable::AllValuesEqual, 0);
    }
    let df = match predictions {
        Predictions::Foreign => groups.len(),
        Predictions::Fitted => groups.len().saturating_sub(2),
    };
    if df == 0 {
        return TestResult::none(NotEstimable::TooFewGroups, 0);
    }
    let term = |group: &RiskGroup| {
        let difference = group.observed as f64 - group.expected;
        let square = difference * difference;
        square / group.expected + square / (group.n as f64 - group.expected)
    };
    let statistic = sum(groups.iter().map(term));
    // A group in which an outcome is impossible or certain expects nothing.
    if statistic.is_finite() {
        chi_squared_test(statistic, df)
    } else {
        TestResult::none(NotEstimable::NotDefined, df)
    }
}

/// Fits the outcome to the log odds of the predictions, with both coefficients and with the slope
/// held at 1.
fn calibration(
    outcome: &[bool],
    probability: &[f64],
    confidence: f64,
) -> Result<Calibration, PropensityError> {
    let log_odds: Vec<f64> = probability.iter().map(|&p| ln(p) - ln_1p(-p)).collect();
    let has_both = outcome.contains(&true) && outcome.contains(&false);
    if !has_both || log_odds.iter().any(|value| !value.is_finite()) {
        let reason = match has_both {
            true => NotEstimable::NotDefined,
            false => NotEstimable::TooFewGroups,
        };
        return Ok(no_calibration(reason));
    }
    let column = DesignColumn { name: "log odds".into(), term: 0, values: log_odds.clone() };
    let terms = [Term::linear("log odds")];
    let design = Design { terms: vec!["log odds".into()], columns: vec![column] };
    let both = fitted(outcome, None, &terms, &design)?;
    let nothing = Design { terms: Vec::new(), columns: Vec::new() };
    let in_the_large = fitted(outcome, Some(&log_odds), &[], &nothing)?;
    let multiplier = two_sided_multiplier(confidence);
    let part = |coefficient: &LogisticCoefficient| part(coefficient, multiplier);
    Ok(Calibration {
        in_the_large: part(&in_the_large.coefficients[0]),
        intercept: part(&both.coefficients[0]),
        slope: part(&both.coefficients[1]),
        test: test(outcome, probability, &both),
    })
}

fn fitted(
    outcome: &[bool],
    offset: Option<&[f64]>,
    terms: &[Term],
    design: &Design,
) -> Result<LogisticFit, PropensityError> {
    let data = LogisticData { outcome, weights: None, offset, clusters: None, terms, design };
    let options =
        LogisticOptions { on_separation: OnSeparation::Report, ..LogisticOptions::default() };
    Ok(fit(&data, &options, &LogisticExtras::default())?.fit)
}

fn part(coefficient: &LogisticCoefficient, multiplier: f64) -> CalibrationCoefficient {
    let LogisticCoefficient { estimate, standard_error, .. } = *coefficient;
    let limit = |multiplier: f64| Ok(estimate? + multiplier * standard_error?);
    let interval = Interval { lower: limit(-multiplier), upper: limit(multiplier) };
    CalibrationCoefficient { estimate, standard_error, interval }
}

fn test(outcome: &[bool], probability: &[f64], both: &LogisticFit) -> TestResult {
    if let Some(reason) = both.coefficients.iter().find_map(|part| part.estimate.err()) {
        return TestResult::none(reason, 2);
    }
    let ln_of_what_happened =
        |(&outcome, &p): (&bool, &f64)| if outcome { ln(p) } else { ln_1p(-p) };
    let log_likelihood = sum(outcome.iter().zip(probability).map(ln_of_what_happened));
    chi_squared_test(-both.deviance - 2.0 * log_likelihood, 2)
}

fn no_calibration(reason: NotEstimable) -> Calibration {
    let none = CalibrationCoefficient {
        estimate: Err(reason),
        standard_error: Err(reason),
        interval: Interval::none(reason),
    };
    Calibration {
        in_the_large: none,
        intercept: none,
        slope: none,
        test: TestResult::none(reason, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight subjects in groups of two, with the predictions 0.1, 0.2 | 0.3, 0.4 | 0.6, 0.7 |
    /// 0.8, 0.9 and one, one, one and two outcomes.
    fn eight(predictions: Predictions) -> Performance {
        let probability = [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9];
        let outcome = [true, false, false, true, true, false, true, true];
        let options =
            PerformanceOptions { groups: 4, predictions, ..PerformanceOptions::default() };
        performance(&outcome, &probability, &options).unwrap()
    }

    fn assert_close(got: Estimate, want: f64) {
        assert!(got.is_ok_and(|got| (got - want).abs() <= 1e-10), "{got:?} instead of {want}");
    }

    /// Expected are 0.3, 0.7, 1.3 and 1.7 of two each.
    #[test]
    fn groups_are_compared_with_what_they_expect() {
        let found = eight(Predictions::Foreign);
        let observed: Vec<usize> = found.groups.iter().map(|group| group.observed).collect();
        assert_eq!(observed, [1, 1, 1, 2]);
        let outer = 0.49 / 0.3 + 0.49 / 1.7 + 0.09 / 1.7 + 0.09 / 0.3;
        let inner = 2.0 * (0.09 / 0.7 + 0.09 / 1.3);
        assert_close(found.hosmer_lemeshow.chi_squared, outer + inner);
        assert_eq!(found.hosmer_lemeshow.degrees_of_freedom, 4);
        let fitted = eight(Predictions::Fitted).hosmer_lemeshow;
        assert_eq!(fitted.degrees_of_freedom, 2);
        // With two degrees of freedom the upper tail is exp(-x/2).
        assert_close(fitted.p_value, (-0.5 * (outer + inner)).exp());
    }

    /// Of squares 0.81, 0.04, 0.09, 0.36, 0.16, 0.49, 0.04 and 0.01; five of eight score 15/64.
    #[test]
    fn the_brier_score_is_a_mean_of_squares() {
        let found = eight(Predictions::Foreign);
        assert_close(Ok(found.brier_score), 0.25);
        assert_close(found.scaled_brier_score, 1.0 - 0.25 * 64.0 / 15.0);
        assert_close(Ok(found.expected_outcomes), 4.0);
    }

    /// `prop.test(1, 2, correct = FALSE)`: the middle is 1/2, the half width `z / (2 sqrt(2 + z²))`.
    #[test]
    fn limits_of_a_group_are_those_of_wilson() {
        let interval = eight(Predictions::Foreign).groups[0].interval;
        let z = 1.959_963_984_540_054f64;
        let half = z / (2.0 * (2.0 + z * z).sqrt());
        assert_close(interval.lower, 0.5 - half);
        assert_close(interval.upper, 0.5 + half);
    }

    /// Predictions of 1/4 and 3/4 for outcomes in 1/3 and 2/3: log odds of ±ln 3 become ±ln 2.
    #[test]
    fn a_slope_below_1_tells_of_extreme_predictions() {
        let outcome = [true, false, false, true, true, false];
        let probability = [0.25, 0.25, 0.25, 0.75, 0.75, 0.75];
        let found = performance(&outcome, &probability, &PerformanceOptions::default()).unwrap();
        assert_close(found.calibration.slope.estimate, 2f64.ln() / 3f64.ln());
        assert_close(found.calibration.intercept.estimate, 0.0);
        assert_close(found.calibration.in_the_large.estimate, 0.0);
        let fitted = 2.0 * (2.0 * (2f64 / 3.0).ln() + (1f64 / 3.0).ln());
        let predicted = 2.0 * (2.0 * 0.75f64.ln() + 0.25f64.ln());
        assert_close(found.calibration.test.chi_squared, 2.0 * (fitted - predicted));
        // Ten groups are asked for where two values make two.
        assert_eq!(found.groups.len(), 2);
    }

    #[test]
    fn one_prediction_for_all_is_one_group() {
        let options = PerformanceOptions::default();
        let found = performance(&[true, false], &[0.5, 0.5], &options).unwrap();
        assert_eq!(found.hosmer_lemeshow.chi_squared, Err(NotEstimable::AllValuesEqual));
        assert_eq!(found.calibration.slope.estimate, Err(NotEstimable::Aliased));
        assert!(performance(&[true], &[0.5, 0.5], &options).is_err());
    }

    #[test]
    fn certain_predictions_have_no_calibration() {
        let options = PerformanceOptions::default();
        let found = performance(&[true, false], &[1.0, 0.5], &options).unwrap();
        assert_eq!(found.calibration.slope.estimate, Err(NotEstimable::NotDefined));
        assert_close(Ok(found.brier_score), 0.125);
    }
}
