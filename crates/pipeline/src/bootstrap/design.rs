//! What makes patients comparable within a replicate: who takes part, with which weight.

use super::BootstrapQueryError;
use cohort::{Cohort, Selection};
use matching::{MatchQuery, match_weights};
use propensity::{Discard, Link, LogisticQuery};
use weighting::{ScoreScale, WeightMethod, WeightsQuery, weights_alone};

/// What is done again with the patients of a replicate.
#[derive(Clone, Debug, PartialEq)]
pub struct RedesignQuery {
    /// The score; absent = the design needs none, as entropy balancing and matching on covariates do.
    pub score: Option<ScoreQuery>,
    /// What makes the arms comparable.
    pub design: DesignQuery,
}

/// A propensity score that is estimated in each replicate.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreQuery {
    /// The model, without case weights.
    pub model: LogisticQuery,
    /// Who is set aside before it is estimated again.
    pub discard: Discard,
    /// On which scale distances are measured, or from which weights are computed.
    pub scale: ScoreScale,
}

/// What makes the arms comparable. The column of its score is that of no patient, but what the model of the
/// replicate says.
#[derive(Clone, Debug, PartialEq)]
pub enum DesignQuery {
    /// Patients are matched.
    Matching(MatchQuery),
    /// Patients are weighed. Probabilities of a link other than the logit have no logits for a column, and
    /// are weighed as probabilities.
    Weighting(WeightsQuery),
}

/// Subjects of the sample who take part in the design, repeated as often as they were drawn.
pub(super) struct Designed {
    pub subjects: Vec<u32>,
    /// A positive weight for each.
    pub weights: Vec<f64>,
    /// How large the design is; see [`DesignQuery::sizes`].
    pub sizes: Vec<f64>,
}

/// Stands for the column of the score.
const SCORE: &str = "score of the replicate";

impl RedesignQuery {
    /// The design with the score of the replicate.
    pub(super) fn scored_design(&self) -> DesignQuery {
        let mut design = self.design.clone();
        match (&mut design, &self.score) {
            (DesignQuery::Matching(query), score) => {
                query.score = score.as_ref().map(|_| SCORE.into());
            }
            (DesignQuery::Weighting(query), Some(score)) => {
                if let WeightMethod::InverseProbability(asked) = &mut query.method {
                    asked.score = SCORE.into();
                    asked.scale = self.scale_of(score);
                }
            }
            (DesignQuery::Weighting(_), None) => {}
        }
        design
    }

    /// The scale on which a design reads its score.
    pub(super) fn scale_of(&self, score: &ScoreQuery) -> ScoreScale {
        match &self.design {
            DesignQuery::Weighting(_) if score.model.options.link != Link::Logit => {
                ScoreScale::Probability
            }
            _ => score.scale,
        }
    }
}

impl DesignQuery {
    /// Whether those who take part have weights, which may differ: all but pairs do.
    #[must_use]
    pub fn has_weights(&self) -> bool {
        match self {
            Self::Matching(query) => !query.is_one_to_one(),
            Self::Weighting(_) => true,
        }
    }

    /// Whether all copies of a patient have one weight: matching may give each its own.
    pub(super) fn weighs_copies_alike(&self) -> bool {
        matches!(self, Self::Weighting(_))
    }

    /// The columns that are read, but for that of the score.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let (columns, score) = match self {
            Self::Matching(query) => (query.columns(), query.score.as_deref()),
            Self::Weighting(query) => (query.columns().collect(), query.score()),
        };
        columns.into_iter().filter(|&column| Some(column) != score).collect()
    }

    /// What is done, as it reads behind "before" and "after".
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Matching(_) => "matching",
            Self::Weighting(_) => "weighting",
        }
    }

    /// What says how large a design is: its pairs or sets, or what its weights leave of each arm.
    pub(super) fn sizes(&self) -> &'static [&'static str] {
        match self {
            Self::Matching(query) if query.is_one_to_one() => &["number of pairs"],
            Self::Matching(_) => &["number of sets"],
            Self::Weighting(_) => &EFFECTIVE_SAMPLE_SIZES,
        }
    }

    /// Who of some subjects takes part, from their rows, repeated as often as they count, and the score of
    /// each, if there is a score.
    pub(super) fn among(
        &self,
        cohort: &Cohort,
        subjects: &[u32],
        rows: &Selection,
        score: Vec<f64>,
    ) -> Result<Designed, BootstrapQueryError> {
        let (weights, sizes) = match self {
            Self::Matching(query) => {
                let found = match_weights(cohort, rows, query, score)?;
                (found.weights, vec![found.n_sets as f64])
            }
            Self::Weighting(query) => {
                let found = weights_alone(cohort, rows, query, &score)?;
                (found.weights, found.effective_sample_sizes.to_vec())
            }
        };
        let members = subjects.iter().zip(weights).filter(|(_, weight)| *weight > 0.0);
        let (subjects, weights) = members.unzip();
        Ok(Designed { subjects, weights, sizes })
    }
}

/// Names of the quantities that say what weights leave of the exposed and of the comparators.
pub(crate) const EFFECTIVE_SAMPLE_SIZES: [&str; 2] =
    ["effective sample size of the exposed", "effective sample size of the comparators"];
