//! What may be asked of this crate and what it answers, in terms of a cohort's columns.

use crate::{CoxError, CurveTest};
use cohort::{Caveat, EndpointColumns, Estimate, Interval, Term, WeightColumn};
pub use cohort::{PenalisedLikelihood, Penalty, ProfileLimits, TermTest, TestResult, Variance};

/// How tied events enter the partial likelihood. The default is that of `coxph` in R.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ties {
    /// Efron (1977), J. Am. Stat. Assoc. 72:557-565.
    #[default]
    Efron,
    /// Breslow (1974), Biometrics 30:89-99; the default of SAS and SPSS.
    Breslow,
    /// The conditional logistic likelihood: that just these of those at risk have died at a time.
    /// Time is discrete and the ratio is one of odds. It has no sampling weights, no robust variance
    /// and no penalty, and takes time in proportion to the product of deaths and subjects at risk.
    Exact,
}

/// The scale of time on which hazards are tested for proportionality.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TimeTransform {
    /// One minus the pooled Kaplan-Meier curve just before the time.
    #[default]
    KaplanMeier,
    /// Rank of the time among all rows.
    Rank,
    /// Time itself.
    Identity,
    /// Logarithm of time.
    Log,
}

/// What a model without penalty does when its likelihood rises for ever with a coefficient.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnMonotone {
    /// It says so.
    Report,
    /// It says so, and has the model with Firth's penalty beside it.
    #[default]
    Firth,
}

/// Settings of a Cox fit; the defaults are those of `coxph` in R.
#[derive(Clone, Debug, PartialEq)]
pub struct CoxOptions {
    /// Rule for ties.
    pub ties: Ties,
    /// Largest number of Newton steps.
    pub max_iterations: usize,
    /// Relative change of the log-likelihood at which the iteration ends.
    pub tolerance: f64,
    /// Confidence of all intervals.
    pub confidence: f64,
    /// What is added to the log-likelihood.
    pub penalty: Penalty,
    /// What happens when the likelihood is monotone; without effect when there is a penalty.
    pub on_monotone: OnMonotone,
}

impl CoxOptions {
    /// Refuses a confidence outside 0 to 1.
    pub(crate) fn check(&self) -> Result<(), CoxError> {
        let confidence = self.confidence;
        let is_share = 0.0 < confidence && confidence < 1.0;
        if is_share { Ok(()) } else { Err(CoxError::InvalidConfidence { confidence }) }
    }
}

impl Default for CoxOptions {
    fn default() -> Self {
        Self {
            ties: Ties::Efron,
            max_iterations: 20,
            tolerance: 1e-9,
            confidence: 0.95,
            penalty: Penalty::None,
            on_monotone: OnMonotone::Firth,
        }
    }
}

/// A model to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct CoxQuery {
    /// Follow-up.
    pub endpoint: EndpointColumns,
    /// Terms in the order of the table.
    pub terms: Vec<Term>,
    /// Columns whose crossing has a baseline hazard each.
    pub strata: Vec<String>,
    /// Column of clusters, such as matched pairs, for the robust variance.
    pub cluster: Option<String>,
    /// Case weights; absent = everyone counts once.
    pub weights: Option<WeightColumn>,
    /// Numeric column that enters the linear predictor with a coefficient of 1.
    pub offset: Option<String>,
    /// Whether there is a robust variance.
    pub variance: Variance,
    /// Settings.
    pub options: CoxOptions,
    /// Scale of time for the test of proportional hazards; absent = no test.
    pub proportional_hazards: Option<TimeTransform>,
    /// Whether to compute the concordance.
    pub concordance: bool,
    /// Which coefficients have likelihood-ratio limits; a ridge has none.
    pub profile_limits: ProfileLimits,
    /// Whether each term is tested by the likelihood ratio of the models with and without it; with a
    /// ridge that is not defined.
    pub term_likelihood_ratios: bool,
    /// Column of the id of the patients, when one patient may have several rows. Rows of one id whose
    /// intervals overlap are refused; those of an id with several events are a cluster unless there
    /// is a column of clusters.
    pub id: Option<String>,
}

impl CoxQuery {
    /// A model with everything else at its default: no strata, clusters, weights or offset, Efron's
    /// ties, and nothing beside the model.
    #[must_use]
    pub fn new(endpoint: EndpointColumns, terms: Vec<Term>) -> Self {
        Self {
            endpoint,
            terms,
            strata: Vec::new(),
            cluster: None,
            weights: None,
            offset: None,
            variance: Variance::default(),
            options: CoxOptions::default(),
            proportional_hazards: None,
            concordance: false,
            profile_limits: ProfileLimits::None,
            term_likelihood_ratios: false,
            id: None,
        }
    }
}

/// One model for each of several terms, alone.
#[derive(Clone, Debug, PartialEq)]
pub struct CoxScreenQuery {
    /// The model without its terms.
    pub model: CoxQuery,
    /// Terms that are fitted one at a time; those of `model` are in every fit.
    pub candidates: Vec<Term>,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct CoxFit {
    /// Number of subjects.
    pub n: usize,
    /// Number of events.
    pub n_events: usize,
    /// One entry per column of the design.
    pub coefficients: Vec<Coefficient>,
    /// Model covariance of the coefficients, row by row; rows of columns without an
    /// estimate are 0.
    pub covariance: Vec<Vec<f64>>,
    /// Robust covariance when there are clusters or sampling weights, or it was asked for.
    pub robust_covariance: Option<Vec<Vec<f64>>>,
    /// Log partial likelihood without covariates.
    pub log_likelihood_null: f64,
    /// Log partial likelihood at the maximum.
    pub log_likelihood: f64,
    /// Likelihood-ratio test of all coefficients.
    pub likelihood_ratio_test: TestResult,
    /// Wald test of all coefficients, model variance.
    pub wald_test: TestResult,
    /// Score test of all coefficients at 0.
    pub score_test: TestResult,
    /// Wald test of all coefficients with the robust variance, when there is one.
    pub robust_wald_test: Option<TestResult>,
    /// Score test of all coefficients at 0 with the robust variance, when there is one. An offset is
    /// part of it, as of every other number of the fit. `rscore` of `coxph` in R is that of the model
    /// without the offset: R sets the linear predictor to 0 there, offset and all.
    pub robust_score_test: Option<TestResult>,
    /// Wald test of each term, with the robust variance when there is one.
    pub term_tests: Vec<TermTest>,
    /// Akaike's criterion, `-2 log L + 2 df`.
    pub aic: f64,
    /// Schwarz's criterion with the number of events, `-2 log L + df log(events)`.
    pub bic: f64,
    /// Newton steps taken.
    pub iterations: usize,
    /// Share of comparable pairs that the model orders correctly, when asked for.
    pub concordance: Option<Concordance>,
    /// Tests of proportional hazards, one per term and one for all, when asked for.
    pub proportional_hazards: Option<ProportionalHazards>,
    /// Number of events per estimated coefficient.
    pub events_per_parameter: Estimate,
    /// Likelihood-ratio test of each term in the presence of the others; empty unless asked for.
    pub term_likelihood_ratio_tests: Vec<TermTest>,
    /// What a penalty has done, when there is one. The coefficients are then the penalised ones, and
    /// [`CoxFit::log_likelihood`] is taken at them, without the penalty.
    pub penalised: Option<PenalisedLikelihood>,
    /// The same model with Firth's penalty, when this one has an infinite coefficient and
    /// [`OnMonotone::Firth`] is asked for.
    pub firth: Option<Box<CoxFit>>,
    /// One entry per term that is a spline by itself; none in [`CoxFit::firth`], and none in a fit to
    /// columns without their cohort.
    pub curve_tests: Vec<CurveTest>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// Likelihood-ratio limits and test of one coefficient: the others are at their best for each of its
/// values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfileLikelihood {
    /// Limits of the hazard ratio. Where the likelihood is monotone one of them is infinite.
    pub interval: Interval,
    /// The test that the coefficient is 0.
    pub test: TestResult,
}

/// One coefficient of a fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Coefficient {
    /// Name of the design column.
    pub name: String,
    /// Name of the term it belongs to.
    pub term: String,
    /// The value at which R centres the column: its mean, weighted by the case weights unless entry
    /// is late, or 0 when it holds nothing but -1, 0 and 1.
    pub centre: f64,
    /// Log hazard ratio per unit of the column.
    pub estimate: Estimate,
    /// Model standard error.
    pub standard_error: Estimate,
    /// Robust standard error, when there is one; a single cluster leaves it undefined.
    pub robust_standard_error: Option<Estimate>,
    /// `exp` of the estimate.
    pub hazard_ratio: Estimate,
    /// Wald limits of the hazard ratio with the model variance.
    pub interval: Interval,
    /// Wald statistic with the model variance.
    pub z: Estimate,
    /// Its two-sided p-value.
    pub p_value: Estimate,
    /// Wald limits of the hazard ratio with the robust variance.
    pub robust_interval: Option<Interval>,
    /// Two-sided p-value with the robust variance.
    pub robust_p_value: Option<Estimate>,
    /// Likelihood-ratio limits and test, when asked for; with Firth's penalty those of the penalised
    /// likelihood.
    pub profile: Option<ProfileLikelihood>,
}

/// A test of one coefficient.
#[derive(Clone, Debug, PartialEq)]
pub struct CoefficientTest {
    /// Name of the design column.
    pub name: String,
    /// The test.
    pub test: TestResult,
}

/// Harrell's concordance and the pairs it counts, each by the product of its case weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Concordance {
    /// The share; ties in risk count one half.
    pub value: Estimate,
    /// Its infinitesimal-jackknife standard error, as if everyone were independent.
    pub standard_error: Estimate,
    /// The same with clusters as the independent units, when there is a robust variance.
    pub robust_standard_error: Option<Estimate>,
    /// Pairs in which the earlier event has the higher risk.
    pub concordant: f64,
    /// Pairs in which it has the lower risk.
    pub discordant: f64,
    /// Pairs of equal risk.
    pub tied_risk: f64,
    /// Pairs of events at one time and different risk.
    pub tied_time: f64,
    /// Pairs of events at one time and equal risk.
    pub tied_both: f64,
}

/// Score tests of proportional hazards.
#[derive(Clone, Debug, PartialEq)]
pub struct ProportionalHazards {
    /// The scale of time.
    pub transform: TimeTransform,
    /// One test per term.
    pub terms: Vec<TermTest>,
    /// One test per coefficient that exists.
    pub coefficients: Vec<CoefficientTest>,
    /// The test of all terms together.
    pub global: TestResult,
}

/// One line of a screen: the term and its model, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct ScreenedTerm {
    /// Name of the candidate.
    pub term: String,
    /// The model, or why it could not be fitted.
    pub fit: Estimate<CoxFit>,
}
