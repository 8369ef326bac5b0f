//! Propensity scores of samples whose subjects count several times or not at all.

use crate::likelihood::Likelihood;
use crate::objective::Objective;
use crate::overlap::{Discard, outside_support};
use crate::score::Subjects;
use crate::{LogisticOptions, LogisticQuery, PropensityError};
use cohort::{Cohort, Estimate, NotEstimable, Penalty, Selection};
use numerics::newton::maximise;

/// A model of the propensity score, prepared so that it is fitted again and again.
///
/// The scores are those of the same model on repeated rows. Columns are those of the whole sample: knots of
/// a spline stay where they are, and a level that a sample lacks has no part in its fit.
#[derive(Clone, Debug)]
pub struct ScoreModel {
    likelihood: Likelihood,
    options: LogisticOptions,
    outcome: Vec<bool>,
    discard: Discard,
}

/// Memory of a [`ScoreModel`]: its subjects counted anew.
#[derive(Clone, Debug)]
pub struct CountedScores {
    likelihood: Likelihood,
    sides: Vec<f64>,
}

impl ScoreModel {
    /// Reads the columns for the selected rows. What the query asks for besides scores is left aside, and so
    /// are its case weights: subjects count what they are drawn.
    ///
    /// # Errors
    ///
    /// Those of [`crate::propensity`].
    pub fn read(
        cohort: &Cohort,
        selection: &Selection,
        query: &LogisticQuery,
        discard: Discard,
    ) -> Result<Self, PropensityError> {
        let query = LogisticQuery { weights: None, ..query.clone() };
        let subjects = Subjects::read(cohort, selection, &query)?;
        let likelihood = subjects.likelihood()?;
        let mut model =
            Self { likelihood, options: query.options.clone(), outcome: subjects.outcome, discard };
        // Samples of its subjects have their maximum near that of the sample. A ridge pulls to the origin,
        // which stays where it is.
        if model.options.penalty == Penalty::None {
            let everybody = vec![1.0; model.outcome.len()];
            let sample = model.fit(&everybody, &mut model.scratch());
            if let Ok(scores) = sample.and_then(Fitted::finite) {
                model.likelihood.start_at(scores);
            }
        }
        Ok(model)
    }

    /// Memory for [`Self::linear_predictor`].
    #[must_use]
    pub fn scratch(&self) -> CountedScores {
        CountedScores { likelihood: self.likelihood.clone(), sides: vec![0.0; self.outcome.len()] }
    }

    /// The linear predictor of every subject when each counts so often, those that do not count included.
    ///
    /// Who is set aside before the model is fitted a second time counts 0 afterwards. There is no score
    /// where an arm is empty, and none where the outcome of the last fit is separated: it would be infinite.
    ///
    /// # Errors
    ///
    /// Why the sample has no scores.
    pub fn linear_predictor(
        &self,
        counts: &mut [f64],
        scratch: &mut CountedScores,
    ) -> Estimate<Vec<f64>> {
        let first = self.fit(counts, scratch)?;
        if self.discard == Discard::None {
            return first.finite();
        }
        let drawn: Vec<usize> = (0..counts.len()).filter(|&i| counts[i] > 0.0).collect();
        let outcome: Vec<bool> = drawn.iter().map(|&i| self.outcome[i]).collect();
        let scores: Vec<f64> = drawn.iter().map(|&i| first.linear_predictor[i]).collect();
        let is_outside = outside_support(&outcome, &scores, self.discard);
        if is_outside.iter().all(|&outside| !outside) {
            return first.finite();
        }
        for (&subject, _) in drawn.iter().zip(&is_outside).filter(|(_, outside)| **outside) {
            counts[subject] = 0.0;
        }
        self.fit(counts, scratch)?.finite()
    }

    /// The probability of exposure of a linear predictor.
    #[must_use]
    pub fn probability(&self, linear_predictor: f64) -> f64 {
        self.options.link.probability(linear_predictor)
    }

    fn fit(&self, counts: &[f64], scratch: &mut CountedScores) -> Estimate<Fitted> {
        let has = |outcome: bool| {
            self.outcome.iter().zip(counts).any(|(&own, &count)| own == outcome && count > 0.0)
        };
        if !has(true) || !has(false) {
            return Err(NotEstimable::TooFewGroups);
        }
        let CountedScores { likelihood, sides } = scratch;
        for ((side, &outcome), &count) in sides.iter_mut().zip(&self.outcome).zip(counts) {
            *side = if outcome { count } else { -count };
        }
        likelihood.swap_sides(sides);
        let fitted = self.maximise(likelihood);
        likelihood.swap_sides(sides);
        fitted
    }

    fn maximise(&self, likelihood: &Likelihood) -> Estimate<Fitted> {
        let objective = Objective::new(likelihood, self.options.penalty)
            .map_err(|error| error.impossibility().unwrap_or(NotEstimable::NotDefined))?;
        let newton = self.options.newton();
        let found = maximise(likelihood.p(), newton, |beta| objective.derivatives(beta));
        if !found.converged || found.aliased[0] {
            return Err(NotEstimable::NotConverged);
        }
        let linear_predictor = likelihood.linear_predictor(found.estimate.as_slice());
        Ok(Fitted { linear_predictor, is_separated: !found.ascents.is_empty() })
    }
}

/// Scores of one sample.
struct Fitted {
    linear_predictor: Vec<f64>,
    /// Whether some of them would be infinite.
    is_separated: bool,
}

impl Fitted {
    fn finite(self) -> Estimate<Vec<f64>> {
        match self.is_separated {
            true => Err(NotEstimable::Separation),
            false => Ok(self.linear_predictor),
        }
    }
}
