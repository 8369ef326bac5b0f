//! One question to the statistics, and its answer.

use crate::{Bootstrap, BootstrapQuery, BootstrapQueryError, BootstrappedQuantity, IntervalsQuery};
use balance::{Assessment, BalanceError, BalanceQuery};
use cohort::{Cohort, Estimate, NotEstimable, Selection};
use cox::{
    CoefficientOverTime, CoxError, CoxFit, CoxQuery, CoxScreenQuery, CoxSelection,
    CoxSelectionQuery, DiagnosticsQuery, Piecewise, PiecewiseQuery, ScreenedTerm,
};
use hypothesis::{HiddenBiasAnswer, HiddenBiasError, HiddenBiasQuery};
use matching::{MatchQuery, MatchedSample, MatchingError};
use propensity::{Discard, LogisticQuery, PropensityError, PropensityScores};
use std::sync::Arc;
use survival::{
    Comparison, ComparisonQuery, Contrasts, ContrastsQuery, Curves, CurvesQuery, FollowUp,
    FollowUpQuery, SurvivalError,
};
use thiserror::Error;
use weighting::{WeightingError, Weights, WeightsQuery};

/// A question about some patients, ready to be sent to whoever answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Name of the question, unique within the study; also what progress calls it.
    pub key: String,
    /// The patients.
    pub cohort: Arc<Cohort>,
    /// Which of them.
    pub selection: Selection,
    /// What is asked.
    pub question: Question,
}

/// What can be asked, one variant per call of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Propensity scores.
    Propensity {
        /// The model.
        model: LogisticQuery,
        /// Who is set aside before it is estimated again.
        discard: Discard,
    },
    /// Pairs.
    Match(MatchQuery),
    /// Weights.
    Weigh(WeightsQuery),
    /// A baseline table, with differences in units of the reference rows.
    Balance {
        /// The unmatched rows.
        reference: Selection,
        /// The table.
        query: BalanceQuery,
    },
    /// Bounds under hidden bias of what is found within pairs.
    HiddenBias(HiddenBiasQuery),
    /// Survival curves.
    Curves(CurvesQuery),
    /// A comparison of curves.
    Compare(ComparisonQuery),
    /// Differences between curves.
    Contrast(ContrastsQuery),
    /// Events, person-time and completeness of follow-up.
    FollowUp(FollowUpQuery),
    /// A hazard model.
    Cox(CoxQuery),
    /// A screen of hazard models.
    Screen(CoxScreenQuery),
    /// A hazard model whose terms are chosen.
    Select(CoxSelectionQuery),
    /// The coefficients of a hazard model over time.
    OverTime(DiagnosticsQuery),
    /// Hazard ratios by intervals of time.
    Piecewise(PiecewiseQuery),
    /// Intervals from replicates.
    Bootstrap {
        /// The replicates.
        query: Box<BootstrapQuery>,
        /// The intervals.
        intervals: IntervalsQuery,
    },
}

/// What was answered, the variant of the question's name.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Propensity scores.
    Propensity(Box<PropensityScores>),
    /// Pairs.
    Match(MatchedSample),
    /// Weights.
    Weigh(Box<Weights>),
    /// A baseline table.
    Balance(Box<Assessment>),
    /// Bounds under hidden bias.
    HiddenBias(HiddenBiasAnswer),
    /// Survival curves.
    Curves(Curves),
    /// A comparison of curves.
    Compare(Comparison),
    /// Differences between curves.
    Contrast(Box<Contrasts>),
    /// Events, person-time and completeness of follow-up.
    FollowUp(Box<FollowUp>),
    /// A hazard model.
    Cox(Box<CoxFit>),
    /// A screen of hazard models.
    Screen(Vec<ScreenedTerm>),
    /// A hazard model whose terms were chosen.
    Select(Box<CoxSelection>),
    /// The coefficients of a hazard model over time, or why there are none.
    OverTime(Estimate<Vec<CoefficientOverTime>>),
    /// Hazard ratios by intervals of time.
    Piecewise(Box<Piecewise>),
    /// Intervals from replicates.
    Bootstrap(Vec<BootstrappedQuantity>),
}

/// Why a question has no answer.
#[derive(Debug, Error, PartialEq)]
pub enum QuestionError {
    /// Scores.
    #[error(transparent)]
    Propensity(#[from] PropensityError),
    /// Pairs.
    #[error(transparent)]
    Matching(#[from] MatchingError),
    /// Weights.
    #[error(transparent)]
    Weighting(#[from] WeightingError),
    /// A baseline table.
    #[error(transparent)]
    Balance(#[from] BalanceError),
    /// Bounds under hidden bias.
    #[error(transparent)]
    HiddenBias(#[from] HiddenBiasError),
    /// Curves.
    #[error(transparent)]
    Survival(#[from] SurvivalError),
    /// Hazard models.
    #[error(transparent)]
    Cox(#[from] CoxError),
    /// Replicates.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapQueryError),
}

impl QuestionError {
    /// Why the data cannot answer as a whole, when that is what the error says.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Propensity(error) => error.impossibility(),
            Self::Matching(error) => error.impossibility(),
            Self::Weighting(error) => error.impossibility(),
            Self::Balance(error) => error.impossibility(),
            Self::HiddenBias(error) => error.impossibility(),
            Self::Survival(error) => error.impossibility(),
            Self::Cox(error) => error.impossibility(),
            Self::Bootstrap(error) => error.impossibility(),
        }
    }
}

impl Task {
    /// Answers the question in this process; data that cannot answer give the reason.
    ///
    /// The services answer the same through the wire; this is for those who need no services, such
    /// as a replicate of a bootstrap.
    pub fn evaluate(&self) -> Result<Estimate<Answer>, QuestionError> {
        match self.answer() {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => error.impossibility().map(Err).ok_or(error),
        }
    }

    fn answer(&self) -> Result<Answer, QuestionError> {
        let (cohort, selection) = (self.cohort.as_ref(), &self.selection);
        Ok(match &self.question {
            Question::Propensity { model, discard } => Answer::Propensity(Box::new(
                propensity::propensity_in_support(cohort, selection, model, *discard)?,
            )),
            Question::Match(query) => {
                Answer::Match(matching::match_pairs(cohort, selection, query)?)
            }
            Question::Weigh(query) => {
                Answer::Weigh(Box::new(weighting::weigh(cohort, selection, query)?))
            }
            Question::Balance { reference, query } => {
                Answer::Balance(Box::new(balance::assess(cohort, selection, reference, query)?))
            }
            Question::HiddenBias(query) => {
                Answer::HiddenBias(hypothesis::hidden_bias(cohort, selection, query)?)
            }
            Question::Curves(query) => Answer::Curves(survival::curves(cohort, selection, query)?),
            Question::Compare(query) => {
                Answer::Compare(survival::compare(cohort, selection, query)?)
            }
            Question::Contrast(query) => {
                Answer::Contrast(Box::new(survival::contrasts(cohort, selection, query)?))
            }
            Question::FollowUp(query) => {
                Answer::FollowUp(Box::new(survival::summarise_follow_up(cohort, selection, query)?))
            }
            Question::OverTime(query) => {
                let found = cox::diagnose(cohort, selection, query)?;
                Answer::OverTime(found.over_time.unwrap_or_else(|| Ok(Vec::new())))
            }
            Question::Piecewise(query) => {
                Answer::Piecewise(Box::new(cox::piecewise(cohort, selection, query)?))
            }
            Question::Cox(query) => Answer::Cox(Box::new(cox::cox(cohort, selection, query)?)),
            Question::Screen(query) => Answer::Screen(cox::screen(cohort, selection, query)?),
            Question::Select(query) => {
                Answer::Select(Box::new(cox::select(cohort, selection, query)?))
            }
            Question::Bootstrap { query, intervals } => {
                let bootstrap = Bootstrap::read(cohort, selection, query)?;
                let found = bootstrap.replicates_on_all_threads(0..query.plan.n_replicates());
                let found = found.and_then(|found| bootstrap.intervals(&found, intervals));
                Answer::Bootstrap(found.map_err(BootstrapQueryError::from)?)
            }
        })
    }
}
