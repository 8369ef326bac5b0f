//! What may be asked of this crate and what it answers, in terms of a cohort's columns.

use cohort::{Caveat, Estimate, Interval, Term};

/// A level of a column: who counts as exposed, or as having the outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Column of categories, or a numeric column read as a factor.
    pub column: String,
    /// The level.
    pub level: String,
}

/// Settings of a logistic fit; the defaults are those of `glm` in R, run to tighter convergence.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticOptions {
    /// Largest number of Newton steps.
    pub max_iterations: usize,
    /// Relative change of the log-likelihood at which the iteration ends.
    pub tolerance: f64,
    /// Confidence of the Wald intervals.
    pub confidence: f64,
}

impl Default for LogisticOptions {
    fn default() -> Self {
        Self { max_iterations: 25, tolerance: 1e-10, confidence: 0.95 }
    }
}

/// A logistic model to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticQuery {
    /// The outcome; for a propensity score, the exposure.
    pub outcome: Level,
    /// Terms beside the intercept.
    pub terms: Vec<Term>,
    /// Settings.
    pub options: LogisticOptions,
}

/// A fitted logistic model.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticFit {
    /// Number of subjects.
    pub n: usize,
    /// Number with the outcome.
    pub n_outcomes: usize,
    /// The intercept, named `intercept`, then one entry per column of the design.
    pub coefficients: Vec<LogisticCoefficient>,
    /// Covariance of the coefficients, row by row; rows of aliased columns are 0.
    pub covariance: Vec<Vec<f64>>,
    /// Minus twice the log-likelihood of the model with the intercept alone.
    pub null_deviance: f64,
    /// Minus twice the log-likelihood at the maximum.
    pub deviance: f64,
    /// Newton steps taken.
    pub iterations: usize,
    /// What a reader must know: separation, aliased columns, convergence.
    pub caveats: Vec<Caveat>,
}

/// One coefficient of a logistic model.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticCoefficient {
    /// `intercept` or the name of the design column.
    pub name: String,
    /// `intercept` or the name of the term it belongs to.
    pub term: String,
    /// Log odds ratio per unit of the column.
    pub estimate: Estimate,
    /// Its standard error.
    pub standard_error: Estimate,
    /// `exp` of the estimate.
    pub odds_ratio: Estimate,
    /// Wald limits of the odds ratio.
    pub interval: Interval,
    /// Wald statistic.
    pub z: Estimate,
    /// Its two-sided p-value.
    pub p_value: Estimate,
}

/// Propensity scores of the selected subjects and the model behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct PropensityScores {
    /// The model.
    pub fit: LogisticFit,
    /// Logit of the score, one per selected subject in the order of the selection.
    ///
    /// Equal covariate rows have equal bits.
    pub linear_predictor: Vec<f64>,
    /// Probability of exposure, one per selected subject.
    pub probability: Vec<f64>,
    /// Standard deviation of the linear predictor, denominator `n - 1`.
    pub linear_predictor_sd: Estimate,
    /// Chance that an exposed subject has a higher score than one not exposed; ties count one half.
    pub c_statistic: Estimate,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}
