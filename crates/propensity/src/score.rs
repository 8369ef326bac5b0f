//! From the columns of a cohort to a fitted model, its propensity scores, and the performance of
//! predictions.

use crate::discrimination::c_statistic;
use crate::fit::{FittedLogistic, LogisticData, fit};
use crate::inference::INTERCEPT;
use crate::likelihood::Likelihood;
use crate::overlap::{Discard, levels_of_one_arm, outside_support, overlap, scores_near_limits};
use crate::{
    Level, LogisticFit, LogisticQuery, Performance, PerformanceOptions, PropensityError,
    PropensityScores, check, performance,
};
use cohort::{
    Caveat, CaveatCode, Cohort, CohortError, Design, NotEstimable, Selection, Variance, Weighted,
};
use numerics::sum::variance;

/// Fits the logistic model of a query to the selected subjects; see [`fit()`] for the estimator.
///
/// Fails when a column is missing or has missing cells, when no row is selected or has a weight, when
/// all or none of the subjects have the outcome, and on options that make no sense.
pub fn logistic(
    cohort: &Cohort,
    selection: &Selection,
    query: &LogisticQuery,
) -> Result<LogisticFit, PropensityError> {
    let subjects = Subjects::read(cohort, selection, query)?;
    let mut fit = subjects.fit()?.fit;
    fit.caveats.extend(few_outcomes(&fit));
    fit.caveats.extend(subjects.weighted.caveat());
    Ok(fit)
}

/// Estimates the propensity score: the probability of exposure given the covariates.
///
/// A factor of sites among the terms gives every site its own intercept; scores are then compared
/// within sites when the pairs are matched exactly on the site.
///
/// Rosenbaum and Rubin (1983), Biometrika 70:41-55. Same as `glm(..., binomial)` with
/// `predict(fit, type = "link")` in R. Scores exist also when a coefficient is infinite. Fails as
/// [`logistic`] does.
pub fn propensity(
    cohort: &Cohort,
    selection: &Selection,
    query: &LogisticQuery,
) -> Result<PropensityScores, PropensityError> {
    scores(&Subjects::read(cohort, selection, query)?)
}

/// The propensity score of those in the common support of both arms: a first fit tells who lies outside
/// of it, a second one, which is the answer, leaves them out.
///
/// Ranges are those of the linear predictor, and are looked at once: the second scores may have other
/// ranges. Without anybody outside, and with [`Discard::None`], the first fit is the answer.
///
/// Same scores as `matchit(discard = ..., reestimate = TRUE)` in R. Fails as [`logistic`] does, also
/// when nobody of an arm is left.
pub fn propensity_in_support(
    cohort: &Cohort,
    selection: &Selection,
    query: &LogisticQuery,
    discard: Discard,
) -> Result<PropensityScores, PropensityError> {
    let subjects = Subjects::read(cohort, selection, query)?;
    let first = scores(&subjects)?;
    let is_outside = outside_support(&subjects.outcome, &first.linear_predictor, discard);
    let rows = first.rows.iter().zip(&is_outside);
    let mut discarded: Vec<usize> =
        rows.filter(|&(_, &outside)| outside).map(|(&row, _)| row).collect();
    discarded.dedup();
    if discarded.is_empty() {
        return Ok(first);
    }
    let staying = selection.filter(|row| discarded.binary_search(&row).is_err());
    Ok(PropensityScores { discarded, ..propensity(cohort, &staying, query)? })
}

fn scores(subjects: &Subjects) -> Result<PropensityScores, PropensityError> {
    let FittedLogistic { mut fit, linear_predictor } = subjects.fit()?;
    fit.caveats.extend(subjects.weighted.caveat());
    let probability: Vec<f64> =
        linear_predictor.iter().map(|&eta| subjects.query.options.link.probability(eta)).collect();
    let mut caveats: Vec<Caveat> = extreme_scores(&probability).into_iter().collect();
    caveats.extend(scores_near_limits(&probability));
    caveats.extend(subjects.levels_of_one_arm()?);
    Ok(PropensityScores {
        rows: subjects.weighted.selection.rows().to_vec(),
        linear_predictor_sd: variance(&linear_predictor)
            .map(f64::sqrt)
            .ok_or(NotEstimable::TooFewValues),
        c_statistic: c_statistic(&subjects.outcome, &linear_predictor),
        overlap: overlap(&subjects.outcome, &probability),
        discarded: Vec::new(),
        caveats,
        probability,
        linear_predictor,
        fit,
    })
}

/// Predicted probabilities to be held against outcomes.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationQuery {
    /// The outcome.
    pub outcome: Level,
    /// Numeric column of the predicted probabilities, from 0 to 1.
    pub prediction: String,
    /// Settings.
    pub options: PerformanceOptions,
}

/// Describes the predictions of a column for the selected subjects; see [`performance()`].
///
/// Fails when a column is missing or has missing cells, when no row is selected, when all or none of
/// the subjects have the outcome, on a prediction that is no probability and on options that make no
/// sense.
pub fn validate(
    cohort: &Cohort,
    selection: &Selection,
    query: &ValidationQuery,
) -> Result<Performance, PropensityError> {
    let PerformanceOptions { groups, confidence, .. } = query.options;
    check::confidence(confidence)?;
    check::groups(groups)?;
    let outcome = outcome(cohort, selection, &query.outcome)?;
    let probability = cohort.numeric(&query.prediction, selection)?;
    match probability.iter().position(|p| !(0.0..=1.0).contains(p)) {
        None => performance(&outcome, &probability, &query.options),
        Some(index) => Err(PropensityError::NotAProbability {
            column: query.prediction.clone(),
            row: cohort.caller_row(selection.rows()[index]),
        }),
    }
}

/// The subjects of a query.
pub(crate) struct Subjects<'a> {
    cohort: &'a Cohort,
    query: &'a LogisticQuery,
    weighted: Weighted,
    pub outcome: Vec<bool>,
    offset: Option<Vec<f64>>,
    clusters: Option<Vec<u32>>,
}

impl<'a> Subjects<'a> {
    pub fn read(
        cohort: &'a Cohort,
        selection: &Selection,
        query: &'a LogisticQuery,
    ) -> Result<Self, PropensityError> {
        check::options(&query.options)?;
        query.extras.performance_groups.map_or(Ok(()), check::groups)?;
        if selection.is_empty() {
            return Err(CohortError::NoRows.into());
        }
        let weighted = cohort.weighted(selection, query.weights.as_ref())?;
        let selection = &weighted.selection;
        let outcome = outcome(cohort, selection, &query.outcome)?;
        let offset =
            query.offset.as_ref().map(|column| cohort.numeric(column, selection)).transpose()?;
        let is_robust = query.variance == Variance::Robust || weighted.weights.is_some();
        let clusters = match &query.cluster {
            Some(column) => Some(cohort.strata(std::slice::from_ref(column), selection)?),
            None => is_robust.then(|| (0..selection.len() as u32).collect()),
        };
        Ok(Self { cohort, query, outcome, offset, clusters, weighted })
    }

    fn levels_of_one_arm(&self) -> Result<Vec<Caveat>, CohortError> {
        let selection = &self.weighted.selection;
        levels_of_one_arm(self.cohort, selection, &self.query.terms, &self.outcome)
    }

    fn design(&self) -> Result<Design, CohortError> {
        Design::new(self.cohort, &self.weighted.selection, &self.query.terms)
    }

    fn data<'b>(&'b self, design: &'b Design) -> LogisticData<'b> {
        LogisticData {
            outcome: &self.outcome,
            weights: self.weighted.weights.as_deref(),
            offset: self.offset.as_deref(),
            clusters: self.clusters.as_deref(),
            terms: &self.query.terms,
            design,
        }
    }

    /// The log-likelihood of the model.
    pub fn likelihood(&self) -> Result<Likelihood, PropensityError> {
        let design = self.design()?;
        let data = self.data(&design);
        check::data(&data)?;
        Ok(Likelihood::new(&data, self.query.options.link))
    }

    fn fit(&self) -> Result<FittedLogistic, PropensityError> {
        let design = self.design()?;
        let data = self.data(&design);
        let LogisticQuery { options, extras, .. } = self.query;
        let columns = data.design.columns.iter().map(|column| column.name.as_str());
        if let Some((index, name)) = extras.profile_limits.unknown(columns.chain([INTERCEPT])) {
            return Err(PropensityError::UnknownCoefficient { index, name: name.into() });
        }
        let mut fitted = fit(&data, options, extras)?;
        if let Some(subjects) = &mut fitted.fit.subjects {
            subjects.rows = self.weighted.selection.rows().to_vec();
        }
        Ok(fitted)
    }
}

/// Fewer subjects of the rarer kind per coefficient than this deserve a caveat.
///
/// Peduzzi et al. (1996), J. Clin. Epidemiol. 49:1373-1379.
const OUTCOMES_PER_COEFFICIENT: usize = 10;

fn few_outcomes(fit: &LogisticFit) -> Option<Caveat> {
    let rarer = fit.n_outcomes.min(fit.n - fit.n_outcomes);
    let slopes = fit.likelihood_ratio_test.degrees_of_freedom;
    (rarer < OUTCOMES_PER_COEFFICIENT * slopes).then(|| {
        let message = format!(
            "fewer than ten subjects of the rarer outcome per coefficient (subjects: {rarer}, \
             coefficients: {slopes})"
        );
        Caveat::new(CaveatCode::FewEvents, message)
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

/// Who has the outcome; both kinds of subjects are there.
fn outcome(
    cohort: &Cohort,
    selection: &Selection,
    level: &Level,
) -> Result<Vec<bool>, PropensityError> {
    if selection.is_empty() {
        return Err(CohortError::NoRows.into());
    }
    let Level { column, level } = level;
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
    use cohort::Column;

    #[test]
    fn one_arm_alone_is_an_error() {
        let cohort = Cohort::new(None, vec![Column::numeric("rt", vec![1.0; 3])]).unwrap();
        let outcome = Level { column: "rt".into(), level: "1".into() };
        let query = LogisticQuery::new(outcome, Vec::new());
        let error = logistic(&cohort, &Selection::all(&cohort), &query);
        let (column, level) = ("rt".to_string(), "1".to_string());
        let expected = PropensityError::OneLevel { column, level, n_outcomes: 3, subjects: 3 };
        assert_eq!(error, Err(expected));
    }
}
