//! From the columns of a cohort to weights.

use crate::entropy::{Constraints, NoBalance};
use crate::formula::Score;
use crate::summary::{arm_weights, caveats, without_weight};
use crate::truncate::truncate;
use crate::{
    ArmWeights, BalancedMean, Entropy, Estimand, InverseProbability, ScoreScale, Target,
    WeightMethod, WeightingError, Weights, WeightsAlone, WeightsQuery,
};
use cohort::{Arms, Caveat, Cohort, Design, LARGEST_NUMBER, Selection};
use numerics::standard::Scale;
use numerics::sum::sum;
use propensity::{levels_of_one_arm, overlap, scores_near_limits};

/// Weighs the selected subjects so that two arms become comparable.
///
/// From a score by the formula of the estimand, or by entropy balancing; then cut at quantiles, if
/// that is asked for. A row that is selected twice is two subjects with a weight each. The weights are
/// sampling weights: a model or curve that takes them as [`cohort::WeightKind::Sampling`] has the
/// robust variance that treats them as known, which is conservative for [`Estimand::Ate`].
///
/// Fails when the exposure does not make two groups, on columns that are missing or have missing
/// cells, on a score that is no probability, on one that makes a weight infinite, when an arm is left
/// without weight, when no weights have the balance asked for, and on options that make no sense.
///
/// Same weights as `weightit(method = "ps")` of WeightIt in R, and up to a factor for each arm as
/// `weightit(method = "ebal")`. Entropy weights of an arm add up to the number of subjects whose means
/// it is given, as `ebalance` has it.
pub fn weigh(
    cohort: &Cohort,
    selection: &Selection,
    query: &WeightsQuery,
) -> Result<Weights, WeightingError> {
    let subjects = Subjects::read(cohort, selection, query)?;
    let score = match &query.method {
        WeightMethod::InverseProbability(asked) => cohort.numeric(&asked.score, selection)?,
        WeightMethod::EntropyBalancing(_) => Vec::new(),
    };
    let Raw { mut weights, probability, design } = subjects.raw(&query.method, &score)?;
    let mut caveats = subjects.early_caveats(&query.method, &probability)?;
    let truncated = query.truncation.map(|truncation| truncate(&mut weights, truncation));
    let [exposed, comparators] = subjects.of_arms(&weights)?;
    caveats.extend(without_weight(&weights));
    caveats.extend(self::caveats(EXPOSED, &exposed));
    caveats.extend(self::caveats(COMPARATORS, &comparators));
    let is_exposed = subjects.arms.is_exposed();
    Ok(Weights {
        rows: selection.rows().to_vec(),
        limits: truncated.map(|(limits, _)| limits),
        n_truncated: truncated.map_or(0, |(_, n)| n),
        means: design.map_or_else(Vec::new, |design| subjects.means(&design, &weights)),
        weights,
        exposed,
        comparators,
        overlap: (!probability.is_empty()).then(|| overlap(is_exposed, &probability)),
        caveats,
    })
}

/// The weights of subjects whose scores are no column, and what they leave of each arm, for those who weigh
/// again and again.
///
/// They are those of [`weigh`] with the scores in the column and on the scale that the query names. Entropy
/// balancing has no scores, and is given none.
///
/// # Errors
///
/// Those of [`weigh`].
///
/// # Panics
///
/// When weights from a score are not given one per subject.
pub fn weights_alone(
    cohort: &Cohort,
    selection: &Selection,
    query: &WeightsQuery,
    score: &[f64],
) -> Result<WeightsAlone, WeightingError> {
    let subjects = Subjects::read(cohort, selection, query)?;
    let Raw { mut weights, .. } = subjects.raw(&query.method, score)?;
    if let Some(truncation) = query.truncation {
        truncate(&mut weights, truncation);
    }
    let effective_sample_sizes =
        subjects.of_arms(&weights)?.map(|arm: ArmWeights| arm.effective_sample_size);
    Ok(WeightsAlone { weights, effective_sample_sizes })
}

/// How messages call the arms.
const EXPOSED: &str = "the exposed";
const COMPARATORS: &str = "the comparators";

struct Subjects<'a> {
    cohort: &'a Cohort,
    selection: &'a Selection,
    arms: Arms,
}

/// Weights before anything is cut.
struct Raw {
    weights: Vec<f64>,
    /// Probabilities of exposure; empty where no score is read.
    probability: Vec<f64>,
    design: Option<Targets>,
}

/// The columns of entropy balancing and the means that they are to have.
struct Targets {
    design: Design,
    means: Vec<f64>,
}

impl<'a> Subjects<'a> {
    fn read(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &WeightsQuery,
    ) -> Result<Self, WeightingError> {
        query.truncation.map_or(Ok(()), |truncation| truncation.check())?;
        let arms = Arms::new(cohort, selection, &query.exposure, &query.exposed)?;
        Ok(Self { cohort, selection, arms })
    }

    fn raw(&self, method: &WeightMethod, score: &[f64]) -> Result<Raw, WeightingError> {
        match method {
            WeightMethod::InverseProbability(asked) => self.by_score(asked, score),
            WeightMethod::EntropyBalancing(asked) => self.by_entropy(asked),
        }
    }

    /// What a reader must know whatever the weights.
    fn early_caveats(
        &self,
        method: &WeightMethod,
        probability: &[f64],
    ) -> Result<Vec<Caveat>, WeightingError> {
        Ok(match method {
            WeightMethod::InverseProbability(_) => {
                scores_near_limits(probability).into_iter().collect()
            }
            WeightMethod::EntropyBalancing(asked) => {
                let is_exposed = self.arms.is_exposed();
                levels_of_one_arm(self.cohort, self.selection, &asked.terms, is_exposed)?
            }
        })
    }

    /// The weights of the exposed and those of the comparators.
    fn of_arms(&self, weights: &[f64]) -> Result<[ArmWeights; 2], WeightingError> {
        let (exposed, comparators) = self.arms.split(weights);
        Ok([arm_weights(&exposed)?, arm_weights(&comparators)?])
    }

    fn by_score(&self, asked: &InverseProbability, score: &[f64]) -> Result<Raw, WeightingError> {
        if asked.stabilised && asked.estimand != Estimand::Ate {
            return Err(WeightingError::StabilisedSubgroup);
        }
        assert_eq!(score.len(), self.selection.len(), "a score per subject");
        let scores = self.scores(asked, score)?;
        let factors = self.stabilising_factors(asked.stabilised);
        let members = scores.iter().zip(self.arms.is_exposed());
        let weight = |(&score, &is_exposed): (&Score, &bool)| {
            factors[usize::from(is_exposed)] * asked.estimand.weight(score, is_exposed)
        };
        let weights: Vec<f64> = members.map(weight).collect();
        self.check_finite(&weights, &asked.score)?;
        let probability = scores.iter().map(|score| score.exposed).collect();
        Ok(Raw { weights, probability, design: None })
    }

    fn scores(
        &self,
        asked: &InverseProbability,
        values: &[f64],
    ) -> Result<Vec<Score>, WeightingError> {
        let is_score =
            |value: &f64| asked.scale == ScoreScale::Logit || (0.0..=1.0).contains(value);
        match values.iter().position(|value| !is_score(value)) {
            None => Ok(values.iter().map(|&value| Score::new(value, asked.scale)).collect()),
            Some(subject) => Err(WeightingError::NotAProbability {
                column: asked.score.clone(),
                row: self.cohort.caller_row(self.selection.row(subject)),
            }),
        }
    }

    /// What the weights of comparators and exposed are multiplied by.
    fn stabilising_factors(&self, stabilised: bool) -> [f64; 2] {
        let n = self.selection.len() as f64;
        match stabilised {
            true => [self.arms.n_comparators() as f64 / n, self.arms.n_exposed() as f64 / n],
            false => [1.0; 2],
        }
    }

    /// Weights go into a column, which holds no number beyond [`LARGEST_NUMBER`].
    fn check_finite(&self, weights: &[f64], score: &str) -> Result<(), WeightingError> {
        let is_infinite = |weight: &f64| !weight.is_finite() || *weight > LARGEST_NUMBER;
        match weights.iter().position(is_infinite) {
            None => Ok(()),
            Some(subject) => Err(WeightingError::InfiniteWeight {
                column: score.into(),
                row: self.cohort.caller_row(self.selection.row(subject)),
                n: weights.iter().filter(|&weight| is_infinite(weight)).count(),
            }),
        }
    }

    fn by_entropy(&self, asked: &Entropy) -> Result<Raw, WeightingError> {
        if asked.stabilised && asked.target != Target::Everybody {
            return Err(WeightingError::StabilisedSubgroup);
        }
        let design = Design::new(self.cohort, self.selection, &asked.terms)?;
        let is_exposed = self.arms.is_exposed();
        let targets = self.targets(design, asked.target);
        let n = self.selection.len() as f64;
        let factors = self.stabilising_factors(asked.stabilised);
        let mut weights = vec![1.0; is_exposed.len()];
        for arm in [false, true] {
            let total = match asked.target {
                Target::Everybody => n,
                Target::Exposed if !arm => self.arms.n_exposed() as f64,
                Target::Comparators if arm => self.arms.n_comparators() as f64,
                Target::Exposed | Target::Comparators => continue,
            };
            let balanced = self.balanced(&targets, arm, asked.max_iterations)?;
            let members = weights.iter_mut().zip(is_exposed).filter(|(_, own)| **own == arm);
            let factor = factors[usize::from(arm)];
            members.zip(balanced).for_each(|((own, _), share)| *own = share * total * factor);
        }
        Ok(Raw { weights, probability: Vec::new(), design: Some(targets) })
    }

    fn targets(&self, design: Design, target: Target) -> Targets {
        let is_exposed = self.arms.is_exposed();
        let counts = |subject: usize| match target {
            Target::Everybody => true,
            Target::Exposed => is_exposed[subject],
            Target::Comparators => !is_exposed[subject],
        };
        let mean = |values: &Vec<f64>| {
            let own = || (0..values.len()).filter(|&subject| counts(subject));
            sum(own().map(|subject| values[subject])) / own().count() as f64
        };
        let means = design.columns.iter().map(|column| mean(&column.values)).collect();
        Targets { design, means }
    }

    /// Weights of one arm that add up to 1.
    fn balanced(
        &self,
        targets: &Targets,
        arm: bool,
        max_iterations: usize,
    ) -> Result<Vec<f64>, WeightingError> {
        let columns = targets.design.columns.iter().zip(&targets.means).map(|(column, mean)| {
            let scale = Scale::of(&column.values).scale;
            let members = column.values.iter().zip(self.arms.is_exposed());
            let members = members.filter(|(_, own)| **own == arm);
            members.map(|(value, _)| (value - mean) / scale).collect()
        });
        let n = if arm { self.arms.n_exposed() } else { self.arms.n_comparators() };
        let constraints = Constraints::new(columns.collect(), n);
        let arm = if arm { EXPOSED } else { COMPARATORS };
        constraints.weights(max_iterations).map_err(|reason| match reason {
            NoBalance::Unreachable { column } => {
                let column = targets.design.columns[column].name.clone();
                WeightingError::Unreachable { arm, column }
            }
            NoBalance::NotConverged { iterations } => {
                WeightingError::NotConverged { arm, iterations }
            }
        })
    }

    /// The means that were asked for beside those of the final weights.
    fn means(&self, targets: &Targets, weights: &[f64]) -> Vec<BalancedMean> {
        let mean_of = |arm: bool, values: &[f64]| {
            let own = || {
                let members = self.arms.is_exposed().iter().zip(weights.iter().zip(values));
                members.filter(move |(own, _)| **own == arm).map(|(_, member)| member)
            };
            sum(own().map(|(weight, value)| weight * value)) / sum(own().map(|(weight, _)| *weight))
        };
        let columns = targets.design.columns.iter().zip(&targets.means);
        let balanced = columns.map(|(column, &target)| BalancedMean {
            name: column.name.clone(),
            target,
            exposed: mean_of(true, &column.values),
            comparators: mean_of(false, &column.values),
        });
        balanced.collect()
    }
}
