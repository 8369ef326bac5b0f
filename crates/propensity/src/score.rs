//! From the columns of a cohort to a fitted model and its propensity scores.

use crate::fit::{FittedLogistic, LogisticData, check, fit};
use crate::likelihood::expit;
use crate::{LogisticFit, LogisticQuery, PropensityError, PropensityScores};
use cohort::{Caveat, CaveatCode, Cohort, CohortError, Design, Estimate, NotEstimable, Selection};
use numerics::rank::midranks;
use numerics::sum::{sum, variance};

/// Fits the logistic model of a query to the selected subjects; see [`fit()`] for the estimator.
///
/// Fails when a column is missing or has missing cells, when no row is selected and when all or none
/// of the subjects have the outcome.
pub fn logistic(
    cohort: &Cohort,
    selection: &Selection,
    query: &LogisticQuery,
) -> Result<LogisticFit, PropensityError> {
    let outcome = outcome(cohort, selection, query)?;
    Ok(fitted(cohort, selection, query, &outcome)?.fit)
}

/// Estimates the propensity score: the probability of exposure given the covariates.
///
/// Rosenbaum and Rubin (1983), Biometrika 70:41-55. Same as `glm(..., binomial)` with
/// `predict(fit, type = "link")` in R. Scores exist also when a coefficient is infinite. Fails as
/// [`logistic`] does.
pub fn propensity(
    cohort: &Cohort,
    selection: &Selection,
    query: &LogisticQuery,
) -> Result<PropensityScores, PropensityError> {
    let outcome = outcome(cohort, selection, query)?;
    let FittedLogistic { fit, linear_predictor } = fitted(cohort, selection, query, &outcome)?;
    let probability: Vec<f64> = linear_predictor.iter().map(|&eta| expit(eta)).collect();
    Ok(PropensityScores {
        linear_predictor_sd: variance(&linear_predictor)
            .map(f64::sqrt)
            .ok_or(NotEstimable::TooFewValues),
        c_statistic: c_statistic(&outcome, &linear_predictor),
        caveats: extreme_scores(&probability).into_iter().collect(),
        probability,
        linear_predictor,
        fit,
    })
}

/// Nearer to 0 or 1 than this a score comes from a coefficient that is, or might as well be, infinite.
const EXTREME: f64 = 1e-6;

fn extreme_scores(probability: &[f64]) -> Option<Caveat> {
    let is_extreme = |&&score: &&f64| score.min(1.0 - score) < EXTREME;
    let n_extreme = probability.iter().filter(is_extreme).count();
    (n_extreme > 0).then(|| {
        let message = format!("scores are practically 0 or 1 (subjects: {n_extreme})");
        Caveat::new(CaveatCode::Separation, message)
    })
}

/// The chance that a subject with the outcome has a higher score than one without it.
///
/// ```text
/// c = (R1 - n1 (n1 + 1) / 2) / (n1 n0)
/// ```
///
/// `R1` is the sum of the midranks of those with the outcome, so that ties count one half. Hanley
/// and McNeil (1982), Radiology 143:29-36. `NoSubjects` when either side is empty.
pub fn c_statistic(outcome: &[bool], score: &[f64]) -> Estimate {
    let ranks = midranks(score).ranks;
    let with_outcome = || ranks.iter().zip(outcome).filter(|(_, outcome)| **outcome);
    let n1 = with_outcome().count() as f64;
    let n0 = outcome.len() as f64 - n1;
    if n1 == 0.0 || n0 == 0.0 {
        return Err(NotEstimable::NoSubjects);
    }
    let rank_sum = sum(with_outcome().map(|(rank, _)| *rank));
    Ok((rank_sum - n1 * (n1 + 1.0) / 2.0) / (n1 * n0))
}

fn fitted(
    cohort: &Cohort,
    selection: &Selection,
    query: &LogisticQuery,
    outcome: &[bool],
) -> Result<FittedLogistic, PropensityError> {
    check(&query.options)?;
    let design = Design::new(cohort, selection, &query.terms)?;
    Ok(fit(&LogisticData { outcome, terms: &query.terms, design: &design }, &query.options))
}

/// Who has the outcome; both kinds of subjects are there.
fn outcome(
    cohort: &Cohort,
    selection: &Selection,
    query: &LogisticQuery,
) -> Result<Vec<bool>, PropensityError> {
    if selection.is_empty() {
        return Err(CohortError::NoRows.into());
    }
    let (column, level) = (&query.outcome.column, &query.outcome.level);
    let categories = cohort.categories(column, selection)?;
    let unknown = || CohortError::UnknownLevel { column: column.clone(), level: level.clone() };
    let code = categories.position(level).ok_or_else(unknown)?;
    let outcome: Vec<bool> = categories.codes.iter().map(|&other| other == code).collect();
    let n_outcomes = outcome.iter().filter(|&&outcome| outcome).count();
    if n_outcomes == 0 || n_outcomes == outcome.len() {
        let (column, level) = (column.clone(), level.clone());
        let subjects = outcome.len();
        return Err(PropensityError::OneLevel { column, level, n_outcomes, subjects });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, LogisticOptions};
    use cohort::Column;

    #[test]
    fn the_c_statistic_counts_pairs() {
        // Of four pairs two are right, one is tied, one is wrong.
        let outcome = [true, true, false, false];
        assert_eq!(c_statistic(&outcome, &[0.9, 0.3, 0.3, 0.5]), Ok(2.5 / 4.0));
        assert_eq!(c_statistic(&[true], &[0.9]), Err(NotEstimable::NoSubjects));
    }

    #[test]
    fn one_arm_alone_is_an_error() {
        let cohort = Cohort::new(None, vec![Column::numeric("rt", vec![1.0; 3])]).unwrap();
        let query = LogisticQuery {
            outcome: Level { column: "rt".into(), level: "1".into() },
            terms: Vec::new(),
            options: LogisticOptions::default(),
        };
        let error = logistic(&cohort, &Selection::all(&cohort), &query);
        let (column, level) = ("rt".to_string(), "1".to_string());
        let expected = PropensityError::OneLevel { column, level, n_outcomes: 3, subjects: 3 };
        assert_eq!(error, Err(expected));
    }
}
