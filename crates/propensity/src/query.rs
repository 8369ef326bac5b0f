//! What may be asked of this crate and what it answers, in terms of a cohort's columns.

use crate::{Overlap, Performance};
use cohort::{Caveat, Estimate, Interval, Term, WeightColumn};
pub use cohort::{PenalisedLikelihood, Penalty, ProfileLimits, TermTest, TestResult, Variance};
use numerics::newton::NewtonOptions;

/// A level of a column: who counts as exposed, or as having the outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Column of categories, or a numeric column read as a factor.
    pub column: String,
    /// The level.
    pub level: String,
}

/// How the probability of the outcome follows from the linear predictor. The default is that of
/// `binomial` in R.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Link {
    /// Its log odds are the linear predictor.
    #[default]
    Logit,
    /// Its normal quantile is the linear predictor.
    Probit,
}

/// What happens where the covariates separate the outcome, so that coefficients are infinite.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnSeparation {
    /// The fit with Firth's penalty stands beside the plain one, which says what is infinite.
    #[default]
    Firth,
    /// The plain fit stands alone.
    Report,
}

/// Settings of a logistic fit; the defaults are those of `glm` in R, run to tighter convergence.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticOptions {
    /// Link of the outcome.
    pub link: Link,
    /// What is added to the log-likelihood; Firth's penalty belongs to the logit.
    pub penalty: Penalty,
    /// What happens where the outcome is separated; without effect when there is a penalty.
    pub on_separation: OnSeparation,
    /// Largest number of Newton steps.
    pub max_iterations: usize,
    /// Relative change of the log-likelihood at which the iteration ends.
    pub tolerance: f64,
    /// Confidence of the intervals.
    pub confidence: f64,
}

impl LogisticOptions {
    /// How far Newton's method runs.
    pub(crate) fn newton(&self) -> NewtonOptions {
        NewtonOptions { max_iterations: self.max_iterations, tolerance: self.tolerance }
    }
}

impl Default for LogisticOptions {
    fn default() -> Self {
        Self {
            link: Link::default(),
            penalty: Penalty::default(),
            on_separation: OnSeparation::default(),
            max_iterations: 25,
            tolerance: 1e-10,
            confidence: 0.95,
        }
    }
}

/// What to give besides the model itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogisticExtras {
    /// Which coefficients have likelihood-ratio limits; a ridge has none.
    pub profile_limits: ProfileLimits,
    /// Whether each term is tested by the likelihood ratio of the models with and without it.
    pub term_likelihood_ratios: bool,
    /// Whether to give fitted values, residuals and influence of every subject.
    pub subjects: bool,
    /// Number of groups of predicted risk in which discrimination and calibration are described;
    /// absent = they are not.
    pub performance_groups: Option<usize>,
}

/// A logistic model to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticQuery {
    /// The outcome; for a propensity score, the exposure.
    pub outcome: Level,
    /// Terms beside the intercept. A factor of sites gives each site an intercept of its own.
    pub terms: Vec<Term>,
    /// Case weights; absent = everyone counts once.
    pub weights: Option<WeightColumn>,
    /// Numeric column that enters the linear predictor with a coefficient of 1.
    pub offset: Option<String>,
    /// Column of clusters, such as patients seen repeatedly, for the robust variance.
    pub cluster: Option<String>,
    /// Whether there is a robust variance.
    pub variance: Variance,
    /// Settings.
    pub options: LogisticOptions,
    /// What to give besides.
    pub extras: LogisticExtras,
}

impl LogisticQuery {
    /// A model with everything else at its default: no weights, offset or clusters, and nothing
    /// beside the model.
    #[must_use]
    pub fn new(outcome: Level, terms: Vec<Term>) -> Self {
        Self {
            outcome,
            terms,
            weights: None,
            offset: None,
            cluster: None,
            variance: Variance::default(),
            options: LogisticOptions::default(),
            extras: LogisticExtras::default(),
        }
    }
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
    /// Model covariance of the coefficients, row by row; rows of aliased columns are 0.
    pub covariance: Vec<Vec<f64>>,
    /// Robust covariance when there are clusters or sampling weights, or it was asked for.
    pub robust_covariance: Option<Vec<Vec<f64>>>,
    /// Minus twice the log-likelihood of the model with the intercept (and offset) alone.
    pub null_deviance: f64,
    /// Minus twice the log-likelihood of the model, without penalty.
    pub deviance: f64,
    /// Coefficients that are estimated, the intercept included; with a ridge the trace of the
    /// information times the covariance.
    pub degrees_of_freedom: f64,
    /// Akaike's criterion, deviance plus twice the degrees of freedom.
    pub aic: f64,
    /// Schwarz's criterion with the number of subjects.
    pub bic: f64,
    /// `1 - deviance / null deviance`. McFadden (1974), in Frontiers in Econometrics, 105-142.
    pub mcfadden_r_squared: f64,
    /// `(1 - exp((D - D₀)/n)) / (1 - exp(-D₀/n))` of the deviances `D` and `D₀`, `n` being the sum of
    /// the weights. Nagelkerke (1991), Biometrika 78:691-692.
    pub nagelkerke_r_squared: f64,
    /// Likelihood-ratio test of all coefficients but the intercept, of the penalised likelihood when
    /// it is Firth's; a ridge has none. It takes weights for counts, as R does.
    pub likelihood_ratio_test: TestResult,
    /// Wald test of all coefficients but the intercept, model variance.
    pub wald_test: TestResult,
    /// Rao's score test of the same with the expected information of the null model, without penalty:
    /// `anova(null, fit, test = "Rao")` in R.
    pub score_test: TestResult,
    /// The Wald test with the robust variance, when there is one.
    pub robust_wald_test: Option<TestResult>,
    /// Wald test of each term, with the robust variance when there is one.
    pub term_tests: Vec<TermTest>,
    /// Likelihood-ratio test of each term in the presence of the others, as `drop1` in R makes it;
    /// empty unless asked for. A term that is part of a product in the model has none.
    pub term_likelihood_ratio_tests: Vec<TermTest>,
    /// Newton steps taken.
    pub iterations: usize,
    /// What a penalty has done, when there is one. The coefficients are then the penalised ones, and
    /// the deviance is taken at them, without the penalty.
    pub penalised: Option<PenalisedLikelihood>,
    /// Fitted values, residuals and influence, when asked for.
    pub subjects: Option<FittedSubjects>,
    /// Discrimination and calibration in the data of the fit, when asked for.
    pub performance: Option<Performance>,
    /// The same model with Firth's penalty, when this one has an infinite coefficient and
    /// [`OnSeparation::Firth`] is asked for.
    pub firth: Option<Box<LogisticFit>>,
    /// What a reader must know: separation, aliased columns, convergence, penalties.
    pub caveats: Vec<Caveat>,
}

/// One coefficient of a logistic model.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticCoefficient {
    /// `intercept` or the name of the design column.
    pub name: String,
    /// `intercept` or the name of the term it belongs to.
    pub term: String,
    /// Log odds ratio per unit of the column; for the probit in units of the normal deviate.
    pub estimate: Estimate,
    /// Its model standard error.
    pub standard_error: Estimate,
    /// With Firth's penalty, the standard error from the weights times one plus the leverage.
    pub augmented_standard_error: Option<Estimate>,
    /// Robust standard error, when there is one; a single cluster leaves it undefined.
    pub robust_standard_error: Option<Estimate>,
    /// Wald limits of the estimate with the model variance.
    pub estimate_interval: Interval,
    /// `exp` of the estimate. Not defined for the probit, whose coefficients are no log odds.
    pub odds_ratio: Estimate,
    /// Wald limits of the odds ratio with the model variance; not defined for the probit.
    pub interval: Interval,
    /// Wald statistic with the model variance.
    pub z: Estimate,
    /// Its two-sided p-value.
    pub p_value: Estimate,
    /// Wald limits of the estimate with the robust variance.
    pub robust_estimate_interval: Option<Interval>,
    /// Wald limits of the odds ratio with the robust variance; not defined for the probit.
    pub robust_interval: Option<Interval>,
    /// Two-sided p-value with the robust variance.
    pub robust_p_value: Option<Estimate>,
    /// Limits and test of the likelihood ratio, when asked for.
    pub profile: Option<ProfiledCoefficient>,
}

/// What the profile of the likelihood, with Firth's penalty of the penalised one, says of a
/// coefficient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfiledCoefficient {
    /// Limits of the coefficient itself: where twice the drop of the profile is the quantile of
    /// chi-squared. An infinite coefficient has one of them.
    pub interval: Interval,
    /// `exp` of these limits; not defined for the probit.
    pub odds_ratio_interval: Interval,
    /// Likelihood-ratio test that the coefficient is 0.
    pub test: TestResult,
}

/// What a model says of the subjects it was fitted to: one number per subject, in the order of their
/// rows, frequencies repeated and those without weight left out.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedSubjects {
    /// Rows of the cohort.
    pub rows: Vec<usize>,
    /// Log odds of the outcome, or normal deviates for the probit, offset included.
    pub linear_predictor: Vec<f64>,
    /// Probability of the outcome.
    pub probability: Vec<f64>,
    /// `± sqrt(-2 w ln P)`, `P` being the probability of what happened; their squares add up to the
    /// deviance. `residuals(fit, "deviance")` in R.
    pub deviance_residual: Vec<f64>,
    /// `(y - π) sqrt(w / (π (1 - π)))`. `residuals(fit, "pearson")` in R.
    pub pearson_residual: Vec<f64>,
    /// Influence on the fit; none where it has no maximum.
    pub influence: Estimate<Influence>,
}

/// How much each subject bears on the fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Influence {
    /// `W x' (X'WX)⁻¹ x`, the diagonal of the hat matrix: between 0 and 1, and in sum the degrees of
    /// freedom of the fit. `hatvalues(fit)` in R.
    pub leverage: Vec<f64>,
    /// Cook's distance `(r / (1 - h))² h / p` of Pearson residual `r` and leverage `h`; not defined
    /// for a subject that determines its own fitted value. `cooks.distance(fit)` in R.
    pub cooks_distance: Vec<Estimate>,
}

/// Propensity scores of the subjects of a model and the model behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct PropensityScores {
    /// The model.
    pub fit: LogisticFit,
    /// Rows of the cohort that have a score: the selected ones, those without weight left out and
    /// frequencies repeated.
    pub rows: Vec<usize>,
    /// Logit of the score, one per row.
    ///
    /// Equal covariate rows have equal bits.
    pub linear_predictor: Vec<f64>,
    /// Probability of exposure, one per row.
    pub probability: Vec<f64>,
    /// Standard deviation of the linear predictor, denominator `n - 1`.
    pub linear_predictor_sd: Estimate,
    /// Chance that an exposed subject has a higher score than one not exposed; ties count one half,
    /// and rows once each whatever their sampling weight.
    pub c_statistic: Estimate,
    /// The scores of the two arms beside each other, rows counted once each.
    pub overlap: Overlap,
    /// Rows that were set aside by a first fit and have no score, ascending, each once.
    pub discarded: Vec<usize>,
    /// What a reader must know: scores near 0 or 1, and levels that occur in one arm alone.
    pub caveats: Vec<Caveat>,
}
