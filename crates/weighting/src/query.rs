//! What may be asked of this crate and what it answers, in terms of a cohort's columns.

use cohort::{Caveat, Estimate, Term};
use propensity::Overlap;

/// Weights of two arms.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightsQuery {
    /// Column that tells the arms apart; it has exactly two levels.
    pub exposure: String,
    /// Level of the exposed.
    pub exposed: String,
    /// Where the weights come from.
    pub method: WeightMethod,
    /// Where extreme weights are cut; absent = nowhere.
    pub truncation: Option<Truncation>,
}

impl WeightsQuery {
    /// The column of the scores, where there are scores.
    #[must_use]
    pub fn score(&self) -> Option<&str> {
        match &self.method {
            WeightMethod::InverseProbability(asked) => Some(&asked.score),
            WeightMethod::EntropyBalancing(_) => None,
        }
    }

    /// The columns that are read.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let terms = match &self.method {
            WeightMethod::InverseProbability(_) => &[][..],
            WeightMethod::EntropyBalancing(asked) => asked.terms.as_slice(),
        };
        let exposure = [self.exposure.as_str()].into_iter();
        exposure.chain(self.score()).chain(terms.iter().flat_map(Term::columns))
    }
}

/// Where weights come from.
#[derive(Clone, Debug, PartialEq)]
pub enum WeightMethod {
    /// From a propensity score.
    InverseProbability(InverseProbability),
    /// From the balance that they are to bring.
    EntropyBalancing(Entropy),
}

/// Weights from a propensity score.
#[derive(Clone, Debug, PartialEq)]
pub struct InverseProbability {
    /// Numeric column of the scores.
    pub score: String,
    /// What the column holds.
    pub scale: ScoreScale,
    /// For whom the weighted arms speak.
    pub estimand: Estimand,
    /// Whether each weight is multiplied by the share of its arm among all subjects, so that the
    /// weights of an arm add up to about its own number of subjects; [`Estimand::Ate`] alone has such.
    pub stabilised: bool,
}

/// What a column of scores holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ScoreScale {
    /// Probabilities of exposure, from 0 to 1.
    #[default]
    Probability,
    /// Their logits, which keep their digits where a probability is nearly 1.
    Logit,
}

/// For whom weighted arms speak.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Estimand {
    /// For all subjects: the average effect of the exposure.
    #[default]
    Ate,
    /// For subjects like the exposed: the average effect in the exposed.
    Att,
    /// For subjects like the comparators.
    Atc,
    /// For subjects of whom it is uncertain to which arm they belong, the more uncertain the more.
    Overlap,
    /// For subjects such as pairs without replacement hold.
    Matching,
}

/// Weights by entropy balancing.
#[derive(Clone, Debug, PartialEq)]
pub struct Entropy {
    /// Terms whose columns have equal means in the weighted arms; products balance products, and a
    /// term times itself the second moment.
    pub terms: Vec<Term>,
    /// Whose means both arms have.
    pub target: Target,
    /// Whether weights add up to the number of subjects of their arm, rather than to that of all;
    /// [`Target::Everybody`] alone has such.
    pub stabilised: bool,
    /// Largest number of Newton steps.
    pub max_iterations: usize,
}

impl Entropy {
    /// The arms get the means of the target; nothing else is asked for.
    #[must_use]
    pub fn new(terms: Vec<Term>, target: Target) -> Self {
        Self { terms, target, stabilised: false, max_iterations: Self::MAX_ITERATIONS }
    }

    /// Newton steps unless asked otherwise: that many has `ebalance` in R.
    pub const MAX_ITERATIONS: usize = 200;
}

/// Whose means entropy balancing gives to the arms.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Target {
    /// Those of all subjects, [`Estimand::Ate`].
    #[default]
    Everybody,
    /// Those of the exposed, whose own weights stay 1, [`Estimand::Att`].
    Exposed,
    /// Those of the comparators, whose own weights stay 1, [`Estimand::Atc`].
    Comparators,
}

/// Weights beyond two quantiles become these quantiles: type 7, of all weights of both arms together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truncation {
    /// Probability of the lower quantile, from 0 (nothing is cut) to below that of the upper one.
    pub lower: f64,
    /// Probability of the upper quantile, up to 1 (nothing is cut).
    pub upper: f64,
}

/// Weights of the selected subjects and what they do to the arms.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Rows of the cohort, ascending, repeated as often as they are selected.
    pub rows: Vec<usize>,
    /// One weight per row, not negative: a column of sampling weights.
    pub weights: Vec<f64>,
    /// Weights of the exposed.
    pub exposed: ArmWeights,
    /// Weights of the comparators.
    pub comparators: ArmWeights,
    /// Quantiles at which weights were cut, when that was asked for.
    pub limits: Option<[f64; 2]>,
    /// Number of weights that were cut.
    pub n_truncated: usize,
    /// The scores of the two arms beside each other; absent where no score is read.
    pub overlap: Option<Overlap>,
    /// What entropy balancing was to bring, column by column, and has; empty for other weights.
    pub means: Vec<BalancedMean>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// Weights and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightsAlone {
    /// One weight per selected row, not negative.
    pub weights: Vec<f64>,
    /// Effective sample sizes of the exposed and of the comparators; see
    /// [`ArmWeights::effective_sample_size`].
    pub effective_sample_sizes: [f64; 2],
}

/// The weights of one arm.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmWeights {
    /// Number of subjects.
    pub n: usize,
    /// Sum of the weights, above 0.
    pub sum: f64,
    /// Smallest weight.
    pub minimum: f64,
    /// Largest weight.
    pub maximum: f64,
    /// `(Σ w)² / Σ w²`: how many subjects of equal weight would tell as much. Kish (1965), Survey
    /// Sampling.
    pub effective_sample_size: f64,
    /// Standard deviation of the weights over their mean, denominator `n - 1`.
    pub coefficient_of_variation: Estimate,
}

/// A mean that weights were to bring about.
#[derive(Clone, Debug, PartialEq)]
pub struct BalancedMean {
    /// Name of the design column.
    pub name: String,
    /// The mean asked for.
    pub target: f64,
    /// Weighted mean of the exposed, with the final weights.
    pub exposed: f64,
    /// Weighted mean of the comparators.
    pub comparators: f64,
}
