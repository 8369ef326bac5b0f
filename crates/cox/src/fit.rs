//! The estimator: maximum partial likelihood, its tests and what a reader must know about them.

use crate::caveats;
use crate::centring::centre;
use crate::concordance::concordance;
use crate::derivatives::PartialLikelihood;
use crate::inference::Estimates;
use crate::likelihood_ratio::LikelihoodRatios;
use crate::monotone;
use crate::objective::Objective;
use crate::prepared::PreparedCox;
use crate::proportionality::{Fitted, proportional_hazards};
use crate::risk_sets::RiskSets;
use crate::robust::{cluster_scores, sandwich};
use crate::{
    CoxError, CoxFit, CoxOptions, OnMonotone, PenalisedLikelihood, Penalty, ProfileLikelihood,
    ProfileLimits, ProportionalHazards, TestResult, Ties, TimeTransform,
};
use cohort::{
    Caveat, CaveatCode, Design, Endpoint, NotEstimable, RiskOrder, Term, WaldTable,
    chi_squared_test, finite, term_ratio_tests,
};
use nalgebra::DMatrix;
use numerics::cholesky::Cholesky;
use numerics::elementary::ln;
use numerics::likelihood_ratio::Summit;
use numerics::newton::{Maximum, NewtonOptions, maximise};
use numerics::tails::two_sided_multiplier;

/// The subjects of a model and its columns.
#[derive(Clone, Copy, Debug)]
pub struct CoxData<'a> {
    /// Follow-up of `n` subjects.
    pub endpoint: &'a Endpoint,
    /// Their order, which also holds the strata.
    pub order: &'a RiskOrder,
    /// The terms of which the design is made.
    pub terms: &'a [Term],
    /// `n` subjects by `p` columns.
    pub design: &'a Design,
    /// One cluster index per subject for the robust variance; absent = model variance only.
    pub clusters: Option<&'a [u32]>,
    /// One positive case weight per subject; absent = everyone counts once.
    pub weights: Option<&'a [f64]>,
    /// One number per subject that is added to the linear predictor; absent = 0.
    pub offset: Option<&'a [f64]>,
}

/// What to compute besides the model itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoxExtras {
    /// Scale of time for the test of proportional hazards; absent = no test.
    pub proportional_hazards: Option<TimeTransform>,
    /// Whether to compute the concordance.
    pub concordance: bool,
    /// Which coefficients have likelihood-ratio limits.
    pub profile_limits: ProfileLimits,
    /// Whether each term is tested by a likelihood ratio.
    pub term_likelihood_ratios: bool,
}

/// Fewer events per coefficient than this deserve a caveat.
///
/// Peduzzi et al. (1995), J. Clin. Epidemiol. 48:1503-1510.
const EVENTS_PER_COEFFICIENT: usize = 10;

/// Below this p-value proportional hazards are in doubt.
const DOUBT: f64 = 0.05;

/// Fits a Cox model.
///
/// ```text
/// h(t | x) = h0_stratum(t) exp(offset + x'beta)
/// ```
///
/// by maximum partial likelihood, in which a subject with the case weight `w` counts `w` times; tied
/// deaths take turns with their mean weight, so that Efron's likelihood of weights is not that of
/// repeated rows. A subject is at risk at `t` when `entry < t <= time`, so one
/// censored at `t` is at risk at `t`. Columns are centred and scaled within and reported on the
/// caller's scale. A column that depends on those before it has no coefficient (`Aliased`,
/// `EmptyLevel`, or `NoVariation` where those at risk at an event always share one value), one whose coefficient is infinite is `Monotone`; neither disturbs the others. The
/// likelihood-ratio test and the log-likelihoods exist in every case.
///
/// What is maximised is that likelihood with the penalty of the options (see [`Penalty`]). Without one, a model
/// with an infinite coefficient has the one with Firth's penalty and its profile limits beside it
/// ([`CoxFit::firth`]), unless [`OnMonotone::Report`] is asked for.
///
/// Cox (1972), J. R. Stat. Soc. B 34:187-220. Same as `coxph(Surv(entry, time, event) ~ x +
/// strata(s) + offset(o), weights = w, cluster = c)` in R, at the maximum itself and not where R happens to stop. Fails when
/// nobody has the event, when the exact likelihood of ties is asked for together with sampling weights,
/// clusters or Firth's penalty, and when it or Firth's penalty would take too long.
pub fn fit(data: &CoxData, options: &CoxOptions, extras: CoxExtras) -> Result<CoxFit, CoxError> {
    fit_and(data, options, extras, |_| ()).map(|(fit, ())| fit)
}

/// Fits as [`fit`] does, and lets `look` see the model at its maximum.
pub(crate) fn fit_and<T>(
    data: &CoxData,
    options: &CoxOptions,
    extras: CoxExtras,
    look: impl FnOnce(&Model) -> T,
) -> Result<(CoxFit, T), CoxError> {
    PreparedCox::new(*data)?.fit_and(options, extras, look)
}

/// The fit of prepared subjects.
pub(crate) fn fit_prepared<T>(
    prepared: &PreparedCox,
    options: &CoxOptions,
    extras: CoxExtras,
    look: impl FnOnce(&Model) -> T,
) -> Result<(CoxFit, T), CoxError> {
    let PreparedCox { data, sets, centres } = prepared;
    check_options(data, options)?;
    let mut objective = Objective::new(sets, options)?;
    let optimum = maximise(sets.p(), options.newton(), |beta| objective.evaluate(beta));
    let optimum = match options.penalty {
        Penalty::None => {
            monotone::settled(optimum, sets, options.ties, |beta| objective.plain(beta).information)
        }
        // A penalty holds back every coefficient.
        Penalty::Firth | Penalty::Ridge(_) => optimum,
    };
    let (maximum, penalised) = objective.settle(&optimum);
    let scores = data.clusters.map(|clusters| {
        let clusters = sets.in_risk_order(clusters);
        ScoresByCluster::new(&maximum, |beta| cluster_scores(sets, options.ties, beta, &clusters))
    });
    let model = Model {
        data,
        options,
        sets,
        centres,
        scales: sets.scales(),
        maximum: &maximum,
        penalised,
        scores,
    };
    let hazards = extras.proportional_hazards.map(|scale| model.proportional_hazards(scale));
    let concordance = extras.concordance.then(|| model.concordance());
    let mut fit = CoxFit { concordance, ..model.report(hazards) };
    model.add_likelihood_ratios(&mut fit, &mut objective, &optimum, &extras);
    model.add_firth(&mut fit, prepared, &extras)?;
    Ok((fit, look(&model)))
}

impl CoxData<'_> {
    /// Where each column is centred.
    pub(crate) fn centres(&self) -> Vec<f64> {
        let columns = self.design.columns.iter();
        columns.map(|column| centre(&column.values, self.endpoint, self.weights)).collect()
    }
}

impl CoxOptions {
    pub(crate) fn newton(&self) -> NewtonOptions {
        NewtonOptions { max_iterations: self.max_iterations, tolerance: self.tolerance }
    }
}

/// Whether there is one of everything for every subject.
pub(crate) fn check_lengths(data: &CoxData) -> Result<(), CoxError> {
    let subjects = data.endpoint.len();
    let same_length = |what, got| {
        if got == subjects { Ok(()) } else { Err(CoxError::LengthMismatch { what, got, subjects }) }
    };
    same_length("the rows of the risk order", data.order.order().len())?;
    for column in &data.design.columns {
        same_length("the columns of the design", column.values.len())?;
    }
    if let Some(clusters) = data.clusters {
        same_length("the clusters", clusters.len())?;
    }
    for (what, values) in [("the case weights", data.weights), ("the offsets", data.offset)] {
        same_length(what, values.map_or(subjects, <[f64]>::len))?;
    }
    Ok(())
}

/// Whether a model can be fitted.
pub(crate) fn check(data: &CoxData, options: &CoxOptions) -> Result<(), CoxError> {
    check_lengths(data)?;
    check_options(data, options)
}

fn check_options(data: &CoxData, options: &CoxOptions) -> Result<(), CoxError> {
    options.check()?;
    check_likelihood(data, options)?;
    let subjects = data.endpoint.len();
    if data.endpoint.n_events() == 0 { Err(CoxError::NoEvents { subjects }) } else { Ok(()) }
}

/// What goes with which likelihood.
fn check_likelihood(data: &CoxData, options: &CoxOptions) -> Result<(), CoxError> {
    if let Penalty::Ridge(lambda) = options.penalty
        && !(lambda > 0.0 && lambda.is_finite())
    {
        return Err(CoxError::InvalidRidge);
    }
    let refused = [
        (data.weights.is_some(), "sampling weights"),
        (data.clusters.is_some(), "a robust variance"),
        (options.penalty == Penalty::Firth, "Firth's penalty"),
    ];
    let found = refused.iter().find(|(is_asked, _)| options.ties == Ties::Exact && *is_asked);
    found.map_or(Ok(()), |&(_, with)| Err(CoxError::ExactTies { with }))
}

/// A model at its maximum.
pub(crate) struct Model<'a> {
    pub data: &'a CoxData<'a>,
    pub options: &'a CoxOptions,
    pub sets: &'a RiskSets<'a>,
    /// Where each column is centred.
    pub centres: &'a [f64],
    /// Standard deviation of each column in the caller's unit.
    pub scales: &'a [f64],
    /// Its values without penalty.
    pub maximum: &'a Maximum,
    pub penalised: Option<PenalisedLikelihood>,
    /// Absent without a robust variance.
    pub scores: Option<ScoresByCluster>,
}

/// Score residuals summed by cluster, clusters by columns.
pub(crate) struct ScoresByCluster {
    at_start: DMatrix<f64>,
    at_maximum: DMatrix<f64>,
}

impl ScoresByCluster {
    /// Evaluates them at 0 and at the maximum.
    pub fn new(maximum: &Maximum, mut at: impl FnMut(&[f64]) -> DMatrix<f64>) -> Self {
        let estimate = maximum.estimate.as_slice();
        Self { at_start: at(&vec![0.0; estimate.len()]), at_maximum: at(estimate) }
    }
}

impl Model<'_> {
    pub fn report(&self, proportional_hazards: Option<ProportionalHazards>) -> CoxFit {
        let (design, maximum) = (self.data.design, self.maximum);
        let reasons = self.reasons();
        let robust = self.robust_covariance();
        let table = WaldTable {
            estimate: &maximum.estimate,
            scales: self.scales,
            reasons: &reasons,
            multiplier: two_sided_multiplier(self.options.confidence),
        };
        let covariance = &maximum.covariance;
        let estimates = Estimates { table, covariance, robust_covariance: robust.as_ref() };
        let coefficient = |(j, column): (usize, &cohort::DesignColumn)| {
            estimates.coefficient(j, &column.name, &design.terms[column.term], self.centres[j])
        };
        let all: Vec<usize> = (0..design.p()).collect();
        let term_covariance = robust.as_ref().unwrap_or(covariance);
        let n_events = self.data.endpoint.n_events();
        let df = self.parameters();
        CoxFit {
            n: self.data.endpoint.len(),
            n_events,
            coefficients: design.columns.iter().enumerate().map(coefficient).collect(),
            covariance: table.in_callers_units(covariance),
            robust_covariance: robust.as_ref().map(|robust| table.in_callers_units(robust)),
            log_likelihood_null: maximum.start.value,
            log_likelihood: maximum.value,
            likelihood_ratio_test: self.likelihood_ratio_test(),
            wald_test: table.test(&all, covariance),
            score_test: self.score_test(),
            robust_wald_test: robust.as_ref().map(|robust| table.test(&all, robust)),
            robust_score_test: self.robust_score_test(),
            term_tests: table.term_tests(&design.columns_by_term(), term_covariance),
            aic: -2.0 * maximum.value + 2.0 * df,
            bic: -2.0 * maximum.value + df * ln(n_events as f64),
            iterations: maximum.iterations,
            concordance: None,
            events_per_parameter: finite(n_events as f64 / df),
            term_likelihood_ratio_tests: Vec::new(),
            penalised: self.penalised,
            firth: None,
            curve_tests: Vec::new(),
            caveats: self.caveats(&reasons, proportional_hazards.as_ref()),
            proportional_hazards,
        }
    }

    /// Why each column has no coefficient, or that it has one.
    pub fn reasons(&self) -> Vec<Option<NotEstimable>> {
        let constant_at_risk = self.constant_at_risk();
        let reason = |(j, column): (usize, &cohort::DesignColumn)| {
            if constant_at_risk.contains(&j) {
                Some(NotEstimable::NoVariation)
            } else if self.maximum.aliased[j] {
                Some(column.reason_without_coefficient(self.data.terms))
            } else if self.maximum.infinite[j] {
                Some(NotEstimable::Monotone)
            } else {
                // A point on the way says nothing of the maximum.
                (!self.maximum.converged).then_some(NotEstimable::NotConverged)
            }
        };
        self.data.design.columns.iter().enumerate().map(reason).collect()
    }

    /// Columns without a coefficient that vary, but among those at risk at no event.
    fn constant_at_risk(&self) -> Vec<usize> {
        let varies = |j: &usize| {
            let values = &self.data.design.columns[*j].values;
            self.maximum.aliased[*j] && values.iter().any(|value| *value != values[0])
        };
        let aliased: Vec<usize> = (0..self.maximum.aliased.len()).filter(varies).collect();
        let is_constant = match aliased.is_empty() {
            true => Vec::new(),
            false => monotone::constant_at_risk(self.sets, &aliased),
        };
        let constant = aliased.into_iter().zip(is_constant).filter(|(_, is_constant)| *is_constant);
        constant.map(|(j, _)| j).collect()
    }

    /// Why the fit has no residuals and no predictions: they are not defined for the exact
    /// likelihood of ties and under a penalty.
    pub fn no_diagnosis(&self) -> Option<NotEstimable> {
        let is_exact = self.options.ties == Ties::Exact;
        self.no_maximum().or(is_exact.then_some(NotEstimable::NotDefined))
    }

    /// Why the fit did not end at a maximum of the log-likelihood, if it did not.
    pub fn no_maximum(&self) -> Option<NotEstimable> {
        if !self.maximum.converged {
            Some(NotEstimable::NotConverged)
        } else if self.penalised.is_some() {
            Some(NotEstimable::NotDefined)
        } else {
            (!self.maximum.ascents.is_empty()).then_some(NotEstimable::Monotone)
        }
    }

    fn degrees_of_freedom(&self) -> usize {
        self.maximum.aliased.iter().filter(|&&aliased| !aliased).count()
    }

    /// Number of coefficients, of which those that a ridge holds back count for a part.
    fn parameters(&self) -> f64 {
        self.penalised.map_or(self.degrees_of_freedom() as f64, |part| part.degrees_of_freedom)
    }

    fn likelihood_ratio_test(&self) -> TestResult {
        let df = self.degrees_of_freedom();
        if !self.maximum.converged {
            return TestResult::none(NotEstimable::NotConverged, df);
        }
        match &self.penalised {
            // Its degrees of freedom need not be whole: they stand with the penalty.
            Some(part) if part.penalty != Penalty::Firth => {
                return TestResult::none(NotEstimable::NotDefined, df);
            }
            Some(part) => {
                return TestResult {
                    chi_squared: part.chi_squared,
                    degrees_of_freedom: df,
                    p_value: part.p_value,
                };
            }
            None => {}
        }
        chi_squared_test(2.0 * (self.maximum.value - self.maximum.start.value), df)
    }

    fn score_test(&self) -> TestResult {
        let start = &self.maximum.start;
        let factor = Cholesky::rank_revealing(&start.information);
        chi_squared_test(factor.quadratic_form(&start.gradient), factor.rank())
    }

    pub fn robust_covariance(&self) -> Option<DMatrix<f64>> {
        let scores = self.scores.as_ref()?;
        Some(sandwich(&self.maximum.covariance, &scores.at_maximum))
    }

    /// `(Σ u)' (Σ u u')⁻ (Σ u)` over the summed scores `u` of the clusters at 0, as `rscore` of
    /// `coxph` in R has it; R leaves an offset out of these scores, and of no other test. As many
    /// clusters as columns make it their number, whatever the data say.
    fn robust_score_test(&self) -> Option<TestResult> {
        let scores = &self.scores.as_ref()?.at_start;
        let factor = Cholesky::rank_revealing(&scores.tr_mul(scores));
        if factor.rank() == 0 && self.degrees_of_freedom() > 0 {
            let df = self.degrees_of_freedom();
            return Some(TestResult::none(NotEstimable::VarianceUndefined, df));
        }
        let total = scores.row_sum_tr();
        Some(chi_squared_test(factor.quadratic_form(&total), factor.rank()))
    }

    fn concordance(&self) -> crate::Concordance {
        let mut eta = vec![0.0; self.sets.n()];
        self.sets.linear_predictor(self.maximum.estimate.as_slice(), &mut eta);
        let clusters = self.data.clusters.map(|clusters| self.sets.in_risk_order(clusters));
        concordance(self.sets, &eta, clusters.as_deref())
    }

    /// With the exact likelihood of ties the test is that of Breslow's at the same coefficients, as
    /// `cox.zph` in R has it.
    fn proportional_hazards(&self, transform: TimeTransform) -> ProportionalHazards {
        let mut terms = self.data.design.columns_by_term();
        for (_, columns) in &mut terms {
            columns.retain(|&j| !self.maximum.aliased[j]);
        }
        let estimate = &self.maximum.estimate;
        let mut likelihood = PartialLikelihood::new(self.sets, self.options.ties);
        let exact = (self.options.ties == Ties::Exact).then(|| {
            let at = likelihood.derivatives(estimate.as_slice(), |_| 1.0);
            Cholesky::rank_revealing(&at.information).inverse()
        });
        let fitted = Fitted {
            sets: self.sets,
            estimate,
            covariance: exact.as_ref().unwrap_or(&self.maximum.covariance),
            no_maximum: self.no_maximum(),
            terms: &terms,
            design: self.data.design,
        };
        proportional_hazards(&fitted, &mut likelihood, self.data.endpoint, transform)
    }

    fn add_likelihood_ratios(
        &self,
        fit: &mut CoxFit,
        objective: &mut Objective,
        optimum: &Maximum,
        extras: &CoxExtras,
    ) {
        let reasons = self.reasons();
        let mut ratios = LikelihoodRatios {
            objective,
            summit: Summit {
                maximum: optimum,
                covariance: &self.maximum.covariance,
                multiplier: two_sided_multiplier(self.options.confidence),
                options: self.options.newton(),
            },
            scales: self.scales,
            reasons: &reasons,
        };
        // A ridge has no likelihood whose drop is chi-squared.
        let is_ridge = matches!(self.options.penalty, Penalty::Ridge(_));
        for (j, coefficient) in fit.coefficients.iter_mut().enumerate() {
            if extras.profile_limits.has(&coefficient.name) {
                coefficient.profile = Some(match is_ridge {
                    true => ProfileLikelihood::none(NotEstimable::NotDefined),
                    false => ratios.of_coefficient(j),
                });
            }
        }
        if extras.term_likelihood_ratios {
            let loss = (!is_ridge).then_some(|columns: &[usize]| ratios.loss(columns));
            fit.term_likelihood_ratio_tests =
                term_ratio_tests(self.data.terms, &self.data.design.columns_by_term(), loss);
        }
    }

    /// Puts the model with Firth's penalty beside one with an infinite coefficient.
    fn add_firth(
        &self,
        plain: &mut CoxFit,
        prepared: &PreparedCox,
        extras: &CoxExtras,
    ) -> Result<(), CoxError> {
        let CoxOptions { penalty, on_monotone, ties, .. } = *self.options;
        let is_wanted = penalty == Penalty::None && on_monotone == OnMonotone::Firth;
        let infinite = caveats::infinite(plain);
        if !is_wanted || infinite.is_empty() {
            return Ok(());
        }
        if ties == Ties::Exact {
            plain.caveats.push(caveats::no_firth("does not go with the exact likelihood of ties"));
            return Ok(());
        }
        let options = CoxOptions { penalty: Penalty::Firth, ..self.options.clone() };
        let extras = CoxExtras {
            profile_limits: ProfileLimits::All,
            term_likelihood_ratios: extras.term_likelihood_ratios,
            ..CoxExtras::default()
        };
        match prepared.fit(&options, extras) {
            Ok(firth) => {
                plain.caveats.push(caveats::firth_beside(&infinite));
                plain.firth = Some(Box::new(firth));
                Ok(())
            }
            Err(CoxError::TooLarge { .. }) => {
                plain.caveats.push(caveats::no_firth("would take too long"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl Model<'_> {
    fn caveats(
        &self,
        reasons: &[Option<NotEstimable>],
        hazards: Option<&ProportionalHazards>,
    ) -> Vec<Caveat> {
        let columns = self.data.design.columns.iter().zip(reasons);
        let mut caveats: Vec<Caveat> = columns
            .filter_map(|(column, reason)| match (*reason)? {
                NotEstimable::NoVariation => Some(Caveat::same_within_risk_sets(&column.name)),
                reason => Caveat::without_coefficient(&column.name, reason),
            })
            .collect();
        let (events, df) = (self.data.endpoint.n_events(), self.degrees_of_freedom());
        if events < EVENTS_PER_COEFFICIENT * df {
            let message = format!(
                "fewer than ten events per coefficient (events: {events}, coefficients: {df})"
            );
            caveats.push(Caveat::new(CaveatCode::FewEvents, message));
        }
        if !self.maximum.converged {
            let (end, most) = (self.maximum, self.options.max_iterations);
            caveats.push(Caveat::not_converged(end.iterations, most, end.last_step));
        }
        caveats.extend(self.penalised.as_ref().map(Caveat::penalised));
        caveats.extend(Caveat::few_clusters(self.data.clusters, df));
        let zeros = self.data.endpoint.time().iter().filter(|&&time| time == 0.0).count();
        if zeros > 0 {
            let message = format!("follow-up times of 0 are counted (subjects: {zeros})");
            caveats.push(Caveat::new(CaveatCode::ZeroTimes, message));
        }
        caveats.extend(hazards.and_then(doubt_about_proportionality));
        caveats
    }
}

fn doubt_about_proportionality(hazards: &ProportionalHazards) -> Option<Caveat> {
    let is_small = |test: &TestResult| test.p_value.is_ok_and(|p_value| p_value < DOUBT);
    let terms = hazards.terms.iter().filter(|tested| is_small(&tested.test));
    let mut names: Vec<&str> = terms.map(|tested| tested.term.as_str()).collect();
    if is_small(&hazards.global) {
        names.push("all terms together");
    }
    let message = || format!("the hazards may not be proportional: {}", names.join(", "));
    (!names.is_empty()).then(|| Caveat::new(CaveatCode::NonProportionalHazards, message()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ties;
    use cohort::{DesignColumn, Estimate};

    /// Six subjects and one covariate of Therneau and Grambsch (2000), appendix E.
    fn test_data_1() -> (Endpoint, Vec<f64>) {
        let event = [1, 0, 1, 1, 0, 1].map(|event| event == 1).to_vec();
        let endpoint = Endpoint::new(vec![1.0, 1.0, 6.0, 6.0, 8.0, 9.0], event).unwrap();
        (endpoint, vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    }

    fn fit_columns(endpoint: &Endpoint, columns: Vec<Vec<f64>>, options: &CoxOptions) -> CoxFit {
        let names: Vec<String> = (0..columns.len()).map(|j| format!("x{j}")).collect();
        let terms: Vec<Term> = names.iter().map(|name| Term::linear(name.as_str())).collect();
        let column = |(term, values): (usize, Vec<f64>)| DesignColumn {
            name: names[term].clone(),
            term,
            values,
        };
        let columns = columns.into_iter().enumerate().map(column).collect();
        let order = RiskOrder::new(endpoint, &vec![0; endpoint.len()]);
        let design = Design { terms: names.clone(), columns };
        let data = CoxData {
            endpoint,
            order: &order,
            terms: &terms,
            design: &design,
            clusters: None,
            weights: None,
            offset: None,
        };
        let hazards = Some(TimeTransform::Log);
        let extras = CoxExtras {
            proportional_hazards: hazards,
            concordance: true,
            profile_limits: ProfileLimits::All,
            term_likelihood_ratios: true,
        };
        fit(&data, options, extras).unwrap()
    }

    fn assert_close(got: Estimate, want: f64) {
        assert!(got.is_ok_and(|got| (got - want).abs() <= 1e-11), "{got:?} instead of {want}");
    }

    /// One step from 0 is not the maximum of the quadratic below: no number is printed for it.
    #[test]
    fn a_climb_cut_short_gives_the_reason_and_no_numbers() {
        let (endpoint, x) = test_data_1();
        let options = CoxOptions { max_iterations: 1, tolerance: 1e-15, ..CoxOptions::default() };
        let fit = fit_columns(&endpoint, vec![x], &options);
        let reason = NotEstimable::NotConverged;
        assert_eq!(fit.coefficients[0].estimate, Err(reason));
        assert_eq!(fit.coefficients[0].interval.upper, Err(reason));
        assert_eq!(fit.covariance, [[0.0]]);
        assert_eq!(fit.likelihood_ratio_test.p_value, Err(reason));
        assert_eq!(fit.proportional_hazards.unwrap().global.p_value, Err(reason));
        assert!(fit.caveats.iter().any(|caveat| caveat.code == CaveatCode::NotConverged));
        assert!(fit.score_test.p_value.is_ok(), "the score test needs no maximum");
    }

    /// The score equation is a quadratic in the hazard ratio `r`: with the log-likelihood
    /// `2 β - ln(3 r + 3) - 2 ln(r + 3)`, `r² - 3 r - 6 = 0`.
    #[test]
    fn breslow_fit_solves_the_quadratic() {
        let (endpoint, x) = test_data_1();
        let options = CoxOptions { ties: Ties::Breslow, ..CoxOptions::default() };
        let fit = fit_columns(&endpoint, vec![x], &options);
        let r = (3.0 + 33f64.sqrt()) / 2.0;
        assert_close(fit.coefficients[0].estimate, r.ln());
        assert_close(fit.coefficients[0].hazard_ratio, r);
        assert_close(Ok(fit.log_likelihood_null), -(6f64.ln() + 2.0 * 4f64.ln()));
        let log_likelihood = 2.0 * r.ln() - (3.0 * r + 3.0).ln() - 2.0 * (r + 3.0).ln();
        assert_close(Ok(fit.log_likelihood), log_likelihood);
        let information = r / ((r + 1.0) * (r + 1.0)) + 6.0 * r / ((r + 3.0) * (r + 3.0));
        assert_close(fit.coefficients[0].standard_error, information.sqrt().recip());
    }

    /// Efron's second death at 6 sees half of both deaths, `(r + 5) / 2` in place of `r + 3`. The
    /// score equation `r/(r+1) + r/(r+3) + r/(r+5) = 2` is the cubic `r³ - 23 r - 30 = 0`.
    #[test]
    fn efron_fit_solves_the_cubic() {
        let (endpoint, x) = test_data_1();
        let fit = fit_columns(&endpoint, vec![x], &CoxOptions::default());
        let r = bisect(|r| r * r * r - 23.0 * r - 30.0, 1.0, 10.0);
        assert_close(fit.coefficients[0].estimate, r.ln());
    }

    fn bisect(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if f(middle) < 0.0 { low = middle } else { high = middle }
        }
        low
    }

    #[test]
    fn a_constant_and_a_copy_are_aliased_and_disturb_nothing() {
        let (endpoint, x) = test_data_1();
        let alone = fit_columns(&endpoint, vec![x.clone()], &CoxOptions::default());
        let copy = x.iter().map(|x| 3.0 - 2.0 * x).collect();
        let fit = fit_columns(&endpoint, vec![vec![7.1; 6], x, copy], &CoxOptions::default());
        assert_eq!(fit.coefficients[0].estimate, Err(NotEstimable::Aliased));
        assert_close(fit.coefficients[1].estimate, alone.coefficients[0].estimate.unwrap());
        assert_eq!(fit.coefficients[2].hazard_ratio, Err(NotEstimable::Aliased));
        assert_eq!(fit.covariance[2], [0.0; 3]);
        assert_eq!(fit.likelihood_ratio_test.degrees_of_freedom, 1);
        let aliased = fit.caveats.iter().filter(|caveat| caveat.code == CaveatCode::Aliased);
        assert_eq!(aliased.count(), 2);
    }

    /// Everyone with the event has a higher value than everyone who outlives it.
    #[test]
    fn an_infinite_coefficient_is_told() {
        let event = vec![true, true, true, false];
        let endpoint = Endpoint::new(vec![1.0, 2.0, 3.0, 4.0], event).unwrap();
        let fit = fit_columns(&endpoint, vec![vec![9.0, 5.0, 4.0, 1.0]], &CoxOptions::default());
        let coefficient = &fit.coefficients[0];
        assert_eq!(coefficient.estimate, Err(NotEstimable::Monotone));
        assert_eq!(coefficient.interval.upper, Err(NotEstimable::Monotone));
        assert_eq!(fit.wald_test.chi_squared, Err(NotEstimable::Monotone));
        assert!(fit.caveats.iter().any(|caveat| caveat.code == CaveatCode::Monotone));
        // The likelihood tends to 1: twice its logarithm at 0 is the statistic.
        let statistic = fit.likelihood_ratio_test.chi_squared.unwrap();
        assert!((statistic - 2.0 * 24f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn an_event_at_time_zero_has_no_logarithm() {
        let endpoint = Endpoint::new(vec![0.0, 1.0, 2.0, 3.0], vec![true; 4]).unwrap();
        let fit = fit_columns(&endpoint, vec![vec![1.0, 0.0, 1.0, 0.5]], &CoxOptions::default());
        let global = fit.proportional_hazards.unwrap().global;
        assert_eq!(global.chi_squared, Err(NotEstimable::NotDefined));
        assert!(fit.caveats.iter().any(|caveat| caveat.code == CaveatCode::ZeroTimes));
    }

    /// One rule of ties after the other.
    #[test]
    fn prepared_subjects_have_the_same_fits() {
        let (endpoint, values) = test_data_1();
        let order = RiskOrder::new(&endpoint, &[0; 6]);
        let column = DesignColumn { name: "x".into(), term: 0, values };
        let design = Design { terms: vec!["x".into()], columns: vec![column] };
        let data = CoxData {
            endpoint: &endpoint,
            order: &order,
            terms: &[Term::linear("x")],
            design: &design,
            clusters: None,
            weights: None,
            offset: None,
        };
        let prepared = crate::PreparedCox::new(data).unwrap();
        for ties in [Ties::Efron, Ties::Breslow, Ties::Exact] {
            let options = CoxOptions { ties, ..CoxOptions::default() };
            let again = prepared.fit(&options, CoxExtras::default());
            assert_eq!(again, fit(&data, &options, CoxExtras::default()));
        }
        let few = CoxData { weights: Some(&[1.0; 5]), ..data };
        assert!(crate::PreparedCox::new(few).is_err());
    }

    #[test]
    fn nobody_with_the_event_is_an_error() {
        let endpoint = Endpoint::new(vec![1.0, 2.0], vec![false; 2]).unwrap();
        let order = RiskOrder::new(&endpoint, &[0; 2]);
        let design = Design { terms: Vec::new(), columns: Vec::new() };
        let data = CoxData {
            endpoint: &endpoint,
            order: &order,
            terms: &[],
            design: &design,
            clusters: None,
            weights: None,
            offset: None,
        };
        let error = fit(&data, &CoxOptions::default(), CoxExtras::default());
        assert_eq!(error, Err(CoxError::NoEvents { subjects: 2 }));
    }
}
