//! Propensity scores of samples whose subjects count several times or not at all.

use crate::likelihood::Likelihood;
use crate::objective::Objective;
use crate::overlap::{Discard, outside_support};
use crate::query::LogisticExtras;
use crate::score::{Subjects, propensity_in_support};
use crate::{LogisticOptions, LogisticQuery, OnSeparation, PropensityError};
use cohort::{Cohort, Estimate, NotEstimable, Penalty, Selection, SplineKnots, Term};
use numerics::newton::maximise;

/// A model of the propensity score, prepared so that it is fitted again and again.
///
/// The scores are those of the same model on repeated rows, as [`propensity_in_support`] has them. A spline
/// that does not name its knots has them at the quantiles of those who count, and where the outcome is
/// separated or the search does not end, the scores are those of the last point of the climb: such a model is
/// fitted to the repeated rows from the start, since where a climb ends depends on where it begins. All others
/// have the columns of the whole sample, of which a level that nobody has takes no part.
#[derive(Clone, Debug)]
pub struct ScoreModel<'a> {
    cohort: &'a Cohort,
    selection: &'a Selection,
    query: LogisticQuery,
    outcome: Vec<bool>,
    discard: Discard,
    /// The likelihood of the columns of the sample; absent when a sample has its own.
    likelihood: Option<Likelihood>,
}

/// Memory of a [`ScoreModel`]: its subjects counted anew.
#[derive(Clone, Debug)]
pub struct CountedScores {
    likelihood: Option<Likelihood>,
    sides: Vec<f64>,
}

impl<'a> ScoreModel<'a> {
    /// Reads the columns for the selected rows. What the query asks for besides scores is left aside, and so
    /// are its case weights: subjects count what they are drawn.
    ///
    /// # Errors
    ///
    /// Those of [`crate::propensity`].
    pub fn read(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &LogisticQuery,
        discard: Discard,
    ) -> Result<Self, PropensityError> {
        let options =
            LogisticOptions { on_separation: OnSeparation::Report, ..query.options.clone() };
        let extras = LogisticExtras::default();
        let query = LogisticQuery { weights: None, options, extras, ..query.clone() };
        let subjects = Subjects::read(cohort, selection, &query)?;
        let likelihood = subjects.likelihood()?;
        let outcome = subjects.outcome;
        let likelihood = keeps_its_columns(&query).then_some(likelihood);
        let mut model = Self { cohort, selection, query, outcome, discard, likelihood };
        // Samples of its subjects have their maximum near that of the sample. A ridge pulls to the origin,
        // which stays where it is.
        if model.query.options.penalty == Penalty::None {
            let everybody = vec![1.0; model.outcome.len()];
            let mut scratch = model.scratch();
            let sample = scratch
                .likelihood
                .as_mut()
                .map(|likelihood| model.fit(&everybody, likelihood, &mut scratch.sides));
            if let (Some(Ok(Some(scores))), Some(likelihood)) = (sample, &mut model.likelihood) {
                likelihood.start_at(scores);
            }
        }
        Ok(model)
    }

    /// Memory for [`Self::linear_predictor`].
    #[must_use]
    pub fn scratch(&self) -> CountedScores {
        CountedScores { likelihood: self.likelihood.clone(), sides: vec![0.0; self.outcome.len()] }
    }

    /// The linear predictor of every subject when each counts so often; of subjects that do not count it may
    /// be any number.
    ///
    /// Who is set aside before the model is fitted a second time counts 0 afterwards. There is no score
    /// where an arm is empty, nor where the model cannot be set up, as with knots at tied quantiles.
    ///
    /// # Errors
    ///
    /// Why the sample has no scores.
    pub fn linear_predictor(
        &self,
        counts: &mut [f64],
        scratch: &mut CountedScores,
    ) -> Estimate<Vec<f64>> {
        match self.prepared(counts, scratch)? {
            Some(scores) => Ok(scores),
            None => self.anew(counts),
        }
    }

    /// The same from the columns of the sample; nothing, with the counts as they were, where those do not
    /// answer.
    fn prepared(
        &self,
        counts: &mut [f64],
        CountedScores { likelihood, sides }: &mut CountedScores,
    ) -> Estimate<Option<Vec<f64>>> {
        let Some(likelihood) = likelihood else { return Ok(None) };
        let Some(first) = self.fit(counts, likelihood, sides)? else { return Ok(None) };
        if self.discard == Discard::None {
            return Ok(Some(first));
        }
        let drawn: Vec<usize> = (0..counts.len()).filter(|&i| counts[i] > 0.0).collect();
        let outcome: Vec<bool> = drawn.iter().map(|&i| self.outcome[i]).collect();
        let scores: Vec<f64> = drawn.iter().map(|&i| first[i]).collect();
        let is_outside = outside_support(&outcome, &scores, self.discard);
        if is_outside.iter().all(|&outside| !outside) {
            return Ok(Some(first));
        }
        let mut staying = counts.to_vec();
        for (&subject, _) in drawn.iter().zip(&is_outside).filter(|(_, outside)| **outside) {
            staying[subject] = 0.0;
        }
        let second = self.fit(&staying, likelihood, sides)?;
        if second.is_some() {
            counts.copy_from_slice(&staying);
        }
        Ok(second)
    }

    /// The scores of repeated rows, as an analysis has them that knows of no replicates.
    fn anew(&self, counts: &mut [f64]) -> Estimate<Vec<f64>> {
        let rows = counts.iter().enumerate().flat_map(|(subject, &count)| {
            std::iter::repeat_n(self.selection.row(subject), count as usize)
        });
        let found = Selection::of(self.cohort, rows).map_err(PropensityError::from);
        let found = found
            .and_then(|rows| propensity_in_support(self.cohort, &rows, &self.query, self.discard));
        let found =
            found.map_err(|error| error.impossibility().unwrap_or(NotEstimable::NotDefined))?;
        let mut scores = vec![0.0; counts.len()];
        let mut known = found.rows.iter().zip(&found.linear_predictor).peekable();
        for (subject, count) in counts.iter_mut().enumerate() {
            let row = self.selection.row(subject);
            if found.discarded.binary_search(&row).is_ok() {
                *count = 0.0;
            }
            while let Some((_, &score)) = known.next_if(|(known, _)| **known == row) {
                scores[subject] = score;
            }
        }
        Ok(scores)
    }

    /// The probability of exposure of a linear predictor.
    #[must_use]
    pub fn probability(&self, linear_predictor: f64) -> f64 {
        self.query.options.link.probability(linear_predictor)
    }

    /// The linear predictor of all subjects; nothing where there is no maximum.
    fn fit(
        &self,
        counts: &[f64],
        likelihood: &mut Likelihood,
        sides: &mut Vec<f64>,
    ) -> Estimate<Option<Vec<f64>>> {
        let has = |outcome: bool| {
            self.outcome.iter().zip(counts).any(|(&own, &count)| own == outcome && count > 0.0)
        };
        if !has(true) || !has(false) {
            return Err(NotEstimable::TooFewGroups);
        }
        for ((side, &outcome), &count) in sides.iter_mut().zip(&self.outcome).zip(counts) {
            *side = if outcome { count } else { -count };
        }
        likelihood.swap_sides(sides);
        let fitted = self.maximise(likelihood);
        likelihood.swap_sides(sides);
        fitted
    }

    fn maximise(&self, likelihood: &Likelihood) -> Estimate<Option<Vec<f64>>> {
        let options = &self.query.options;
        let objective = Objective::new(likelihood, options.penalty)
            .map_err(|error| error.impossibility().unwrap_or(NotEstimable::NotDefined))?;
        let newton = options.newton();
        let found = maximise(likelihood.p(), newton, |beta| objective.derivatives(beta));
        let has_maximum = found.converged && !found.aliased[0] && found.ascents.is_empty();
        Ok(has_maximum.then(|| likelihood.linear_predictor(found.estimate.as_slice())))
    }
}

/// Whether the model of repeated rows has the columns of the sample: no knot stands where a quantile or an
/// extreme value is.
fn keeps_its_columns(query: &LogisticQuery) -> bool {
    let keeps = |part: &Term| match part {
        Term::Spline { knots, boundary, .. } => {
            matches!(knots, SplineKnots::At(_)) && boundary.is_some()
        }
        _ => true,
    };
    query.terms.iter().flat_map(Term::factors).all(keeps)
}
