//! The estimator: maximum likelihood, with a penalty or without.

use crate::likelihood::Likelihood;
use crate::model::Model;
use crate::objective::Objective;
use crate::{
    LogisticExtras, LogisticFit, LogisticOptions, PerformanceOptions, Predictions, PropensityError,
    check, performance,
};
use cohort::{Design, Term};
use numerics::newton::{Maximum, maximise};

/// The subjects of a model and its columns.
#[derive(Clone, Copy, Debug)]
pub struct LogisticData<'a> {
    /// Whether each of `n` subjects has the outcome; some have it and some do not.
    pub outcome: &'a [bool],
    /// One positive case weight per subject; absent = everyone counts once.
    pub weights: Option<&'a [f64]>,
    /// One number per subject that is added to the linear predictor; absent = 0.
    pub offset: Option<&'a [f64]>,
    /// One cluster index per subject for the robust variance; absent = model variance alone.
    pub clusters: Option<&'a [u32]>,
    /// The terms of which the design is made.
    pub terms: &'a [Term],
    /// `n` subjects by `p` columns, without the intercept.
    pub design: &'a Design,
}

/// A fitted model and the linear predictor of its subjects.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedLogistic {
    /// The model; rows of its subjects count those of the data.
    pub fit: LogisticFit,
    /// Log odds of the outcome (normal deviates for the probit), one per subject; equal covariate
    /// rows have equal bits.
    pub linear_predictor: Vec<f64>,
}

/// Fits a logistic regression.
///
/// ```text
/// ln(π / (1 - π)) = offset + intercept + x'beta
/// ```
///
/// by maximum likelihood, or the same with a normal quantile in place of the log odds. A subject with
/// the case weight `w` counts `w` times in every sum. Columns are centred and scaled within and
/// reported on the caller's scale. A column that depends on those before it has no coefficient
/// (`Aliased`, or `EmptyLevel`). When the covariates separate the outcome, the coefficients that are
/// infinite are `Separation` and the others their limits; log odds are then those of the last point
/// of the climb, near 0 or 1 in probability for the subjects that are told apart, and the fit with
/// Firth's penalty and its profile limits stands beside, if the options do not say otherwise. A robust
/// variance is `V (Σ u u') V`, with `V` the model covariance and `u` the summed scores of a cluster,
/// without a factor for small samples. Offsets so far apart that they alone decide every outcome leave
/// nothing to be estimated (`NotConverged`).
///
/// McCullagh and Nelder (1989), Generalized Linear Models, chapter 4; Albert and Anderson (1984),
/// Biometrika 71:1-10 on separation; White (1982), Econometrica 50:1-25 on the robust variance. Same
/// as `glm(y ~ x + offset(o), family = binomial, weights = w)` in R with standard errors from the
/// expected information at the maximum, `sandwich::sandwich` and `sandwich::vcovCL(type = "HC0",
/// cadjust = FALSE)`; with Firth's penalty as `logistf`. Fails on options that make no sense, on data
/// of unequal length, and when Firth's penalty would take too long.
pub fn fit(
    data: &LogisticData,
    options: &LogisticOptions,
    extras: &LogisticExtras,
) -> Result<FittedLogistic, PropensityError> {
    check::data(data)?;
    check::options(options)?;
    let likelihood = Likelihood::new(data, options.link);
    let objective = Objective::new(&likelihood, options.penalty)?;
    let newton = options.newton();
    let search = maximise(likelihood.p(), newton, |beta| objective.derivatives(beta));
    // Offsets that leave every probability at 0 or 1 say nothing of the coefficients beside them: the
    // intercept is no alias of anything.
    let search = Maximum { converged: search.converged && !search.aliased[0], ..search };
    let (linear_predictor, plain) = likelihood.expected(search.estimate.as_slice());
    let model = Model::new(data, options, &objective, &search, &linear_predictor, plain);
    let mut fit = model.report();
    model.add_likelihood_ratios(&mut fit, extras);
    model.add_firth(&mut fit, extras)?;
    if extras.subjects {
        fit.subjects = Some(model.subjects(&fit));
    }
    if let Some(groups) = extras.performance_groups {
        let (confidence, predictions) = (options.confidence, Predictions::Fitted);
        let settings = PerformanceOptions { groups, confidence, predictions };
        let probability = |&eta: &f64| options.link.probability(eta);
        let probability: Vec<f64> = linear_predictor.iter().map(probability).collect();
        fit.performance = Some(performance(data.outcome, &probability, &settings)?);
    }
    Ok(FittedLogistic { fit, linear_predictor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Link, OnSeparation, Penalty, ProfileLimits};
    use cohort::{CaveatCode, DesignColumn, Estimate, NotEstimable};
    use numerics::tails::normal_quantile;

    /// Fits outcomes on one indicator from the four counts of their table, each subject with a weight.
    fn fit_with(
        with: [usize; 2],
        without: [usize; 2],
        options: &LogisticOptions,
        weight: Option<f64>,
    ) -> FittedLogistic {
        let cells = [(true, 0.0, with[0]), (true, 1.0, with[1])].into_iter();
        let cells = cells.chain([(false, 0.0, without[0]), (false, 1.0, without[1])]);
        let subjects: Vec<(bool, f64)> =
            cells.flat_map(|(outcome, x, count)| vec![(outcome, x); count]).collect();
        let outcome: Vec<bool> = subjects.iter().map(|subject| subject.0).collect();
        let values = subjects.iter().map(|subject| subject.1).collect();
        let design = Design {
            terms: vec!["x".into()],
            columns: vec![DesignColumn { name: "x".into(), term: 0, values }],
        };
        let terms = [Term::linear("x")];
        let weights = weight.map(|weight| vec![weight; outcome.len()]);
        let clusters: Vec<u32> = (0..outcome.len() as u32).collect();
        let data = LogisticData {
            outcome: &outcome,
            weights: weights.as_deref(),
            offset: None,
            clusters: Some(&clusters),
            terms: &terms,
            design: &design,
        };
        let extras = LogisticExtras {
            profile_limits: ProfileLimits::All,
            term_likelihood_ratios: true,
            subjects: true,
            performance_groups: Some(10),
        };
        fit(&data, options, &extras).unwrap()
    }

    fn fit_table(with: [usize; 2], without: [usize; 2]) -> FittedLogistic {
        fit_with(with, without, &LogisticOptions::default(), None)
    }

    fn assert_close(got: Estimate, want: f64) {
        assert!(got.is_ok_and(|got| (got - want).abs() <= 1e-10), "{got:?} instead of {want}");
    }

    /// A two by two table: the coefficient is the log odds ratio with Woolf's variance, the sum of
    /// the reciprocal counts.
    #[test]
    fn a_table_has_its_closed_form() {
        let fit = fit_table([3, 8], [9, 4]).fit;
        let [intercept, x] = &fit.coefficients[..] else { panic!("two coefficients") };
        assert_close(intercept.estimate, (3f64 / 9.0).ln());
        assert_close(intercept.standard_error, (1f64 / 3.0 + 1.0 / 9.0).sqrt());
        assert_close(x.estimate, 6f64.ln());
        assert_close(x.odds_ratio, 6.0);
        let variance: f64 = 1.0 / 3.0 + 1.0 / 9.0 + 1.0 / 8.0 + 1.0 / 4.0;
        assert_close(x.standard_error, variance.sqrt());
        assert_close(
            Ok(fit.null_deviance),
            -2.0 * (11.0 * (11f64 / 24.0).ln() + 13.0 * (13f64 / 24.0).ln()),
        );
    }

    /// Nobody without the outcome has `x`: its odds are infinite, those of the others are not.
    #[test]
    fn an_empty_cell_separates() {
        let fitted = fit_table([3, 8], [9, 0]);
        let [intercept, x] = &fitted.fit.coefficients[..] else { panic!("two coefficients") };
        assert_eq!(x.estimate, Err(NotEstimable::Separation));
        assert!(intercept.estimate.is_ok_and(|beta| (beta - (3f64 / 9.0).ln()).abs() < 1e-6));
        assert_eq!(fitted.fit.caveats[0].code, CaveatCode::Separation);
        assert!(fitted.linear_predictor.iter().all(|eta| eta.is_finite() && *eta < 50.0));
    }

    /// Nobody with the outcome lacks `x`: both odds are infinite.
    #[test]
    fn an_intercept_can_be_infinite_too() {
        let fit = fit_table([0, 8], [9, 4]).fit;
        assert_eq!(fit.coefficients[0].estimate, Err(NotEstimable::Separation));
        assert_eq!(fit.coefficients[1].estimate, Err(NotEstimable::Separation));
        assert_eq!(fit.covariance, vec![vec![0.0; 2]; 2]);
    }

    #[test]
    fn offsets_that_decide_every_outcome_leave_nothing_to_estimate() {
        for offset in [[800.0, -800.0], [-800.0, 800.0], [1e60, -1e60]] {
            let (outcome, values) = ([true, false, true, false], vec![1.0, 2.0, 4.0, 3.0]);
            let offset = [offset[0], offset[1], offset[0], offset[1]];
            let column = DesignColumn { name: "x".into(), term: 0, values };
            let data = LogisticData {
                outcome: &outcome,
                weights: Some(&[4.0; 4]),
                offset: Some(&offset),
                clusters: Some(&[0, 1, 2, 3]),
                terms: &[Term::linear("x")],
                design: &Design { terms: vec!["x".into()], columns: vec![column] },
            };
            let extras = LogisticExtras {
                profile_limits: ProfileLimits::All,
                term_likelihood_ratios: true,
                subjects: true,
                performance_groups: Some(10),
            };
            let ridges = [Penalty::Ridge(1.0), Penalty::Ridge(1e300)];
            for penalty in [Penalty::None, Penalty::Firth].into_iter().chain(ridges) {
                let options = LogisticOptions { penalty, ..LogisticOptions::default() };
                let fit = fit(&data, &options, &extras).unwrap().fit;
                for coefficient in &fit.coefficients {
                    assert_eq!(
                        coefficient.estimate,
                        Err(NotEstimable::NotConverged),
                        "{penalty:?}"
                    );
                }
                assert_eq!(fit.likelihood_ratio_test.p_value, Err(NotEstimable::NotConverged));
                assert!(fit.caveats.iter().any(|one| one.code == CaveatCode::NotConverged));
                assert!(fit.mcfadden_r_squared.is_finite());
                assert!(fit.nagelkerke_r_squared.is_finite());
                let residuals = fit.subjects.unwrap().pearson_residual;
                assert!(residuals.iter().all(|residual| residual.is_finite()));
            }
        }
    }

    /// Of a saturated model every cluster of one subject says what the information says, and Rao's
    /// test is Pearson's chi-squared, `n (ad - bc)² / (row and column sums)`.
    #[test]
    fn of_a_table_robust_errors_and_the_score_test_have_closed_forms() {
        let fit = fit_table([3, 8], [9, 4]).fit;
        for coefficient in &fit.coefficients {
            let error = coefficient.standard_error.unwrap();
            assert_close(coefficient.robust_standard_error.unwrap(), error);
        }
        let difference: f64 = 3.0 * 4.0 - 8.0 * 9.0;
        let pearson = 24.0 * difference * difference / (11.0 * 13.0 * 12.0 * 12.0);
        assert_close(fit.score_test.chi_squared, pearson);
        let ratio = fit.likelihood_ratio_test.chi_squared;
        assert_close(ratio, fit.null_deviance - fit.deviance);
        assert_close(fit.term_likelihood_ratio_tests[0].test.chi_squared, ratio.unwrap());
        assert_close(fit.coefficients[1].profile.unwrap().test.chi_squared, ratio.unwrap());
    }

    /// The intercept is the logit of 3 of 12, and its profile that of these twelve alone.
    #[test]
    fn the_limits_of_an_intercept_are_those_of_its_group() {
        let fit = fit_table([3, 8], [9, 4]).fit;
        let fall = |logit: f64| {
            let of = |logit: f64| -3.0 * (-logit).exp().ln_1p() - 9.0 * logit.exp().ln_1p();
            2.0 * (of((3f64 / 9.0).ln()) - of(logit))
        };
        let interval = fit.coefficients[0].profile.unwrap().interval;
        for limit in [interval.lower, interval.upper] {
            assert_close(limit.map(fall), 1.959_963_984_540_054f64.powi(2));
        }
    }

    /// In a table every subject of a column has the leverage 1 over their number; Cook's distance of
    /// one with the outcome among 3 of 12 is `(r / (1 - h))² h / 2` with `r² = 9 / 3`.
    #[test]
    fn influence_in_a_table_is_that_of_shares() {
        let subjects = fit_table([3, 8], [9, 4]).fit.subjects.unwrap();
        let influence = subjects.influence.unwrap();
        assert_close(Ok(influence.leverage[0]), 1.0 / 12.0);
        let rest: f64 = 11.0 / 12.0;
        assert_close(influence.cooks_distance[0], 3.0 / rest / rest / 24.0);
        assert_close(Ok(subjects.pearson_residual[0]), 3f64.sqrt());
        assert_close(Ok(subjects.deviance_residual[0]), (2.0 * 4f64.ln()).sqrt());
    }

    /// Firth's penalty adds half a count to every cell of a table.
    #[test]
    fn firth_adds_half_a_count_to_every_cell() {
        let options = LogisticOptions { penalty: Penalty::Firth, ..LogisticOptions::default() };
        let fit = fit_with([3, 8], [9, 0], &options, None).fit;
        assert_close(fit.coefficients[0].estimate, (3.5f64 / 9.5).ln());
        assert_close(fit.coefficients[1].estimate, ((8.5 / 0.5) / (3.5 / 9.5f64)).ln());
        // The information at the estimate is n p q of each column.
        let (a, b): (f64, f64) = (12.0 * 3.5 * 9.5 / 169.0, 8.0 * 8.5 * 0.5 / 81.0);
        assert_close(fit.coefficients[1].standard_error, (1.0 / a + 1.0 / b).sqrt());
        // Two of the leverages add up to 1 in each column, so weights grow by 1 + 1/n.
        let (a, b) = (a * 13.0 / 12.0, b * 9.0 / 8.0);
        let augmented = fit.coefficients[1].augmented_standard_error.unwrap();
        assert_close(augmented, (1.0 / a + 1.0 / b).sqrt());
        let interval = fit.coefficients[1].profile.unwrap().interval;
        assert!(interval.lower.unwrap() > 0.0 && interval.upper.is_ok());
    }

    #[test]
    fn a_separated_fit_has_that_with_firths_penalty_beside_it() {
        let plain = fit_table([3, 8], [9, 0]).fit;
        let options = LogisticOptions { penalty: Penalty::Firth, ..LogisticOptions::default() };
        let firth = fit_with([3, 8], [9, 0], &options, None).fit;
        assert_eq!(plain.firth.unwrap().coefficients, firth.coefficients);
        let options =
            LogisticOptions { on_separation: OnSeparation::Report, ..LogisticOptions::default() };
        assert_eq!(fit_with([3, 8], [9, 0], &options, None).fit.firth, None);
        let options = LogisticOptions { link: Link::Probit, ..LogisticOptions::default() };
        let probit = fit_with([3, 8], [9, 0], &options, None).fit;
        assert_eq!((probit.firth, probit.caveats.len()), (None, 2));
    }

    /// Beside the infinite coefficient of `x` the intercept is that of the subjects without `x`, with
    /// its error and limits, and the infinite one has a limit on one side.
    #[test]
    fn what_is_finite_beside_separation_keeps_its_error_and_limits() {
        let fit = fit_table([3, 8], [9, 0]).fit;
        let [intercept, x] = &fit.coefficients[..] else { panic!("two coefficients") };
        let error = (1f64 / 3.0 + 1.0 / 9.0).sqrt();
        assert!((intercept.standard_error.unwrap() - error).abs() < 1e-8);
        let whole = fit_table([3, 8], [9, 4]).fit.coefficients[0].profile.unwrap().interval;
        let beside = intercept.profile.unwrap().interval;
        assert!((beside.lower.unwrap() - whole.lower.unwrap()).abs() < 1e-6);
        assert!((beside.upper.unwrap() - whole.upper.unwrap()).abs() < 1e-6);
        let interval = x.profile.unwrap().interval;
        assert!(interval.lower.unwrap() > 0.0);
        assert_eq!(interval.upper, Err(NotEstimable::Separation));
    }

    /// Of a table a probit is the difference of normal quantiles; its variance is the sum of
    /// `p q / (n φ(z)²)`.
    #[test]
    fn a_table_has_its_probit() {
        let options = LogisticOptions { link: Link::Probit, ..LogisticOptions::default() };
        let fit = fit_with([3, 8], [9, 4], &options, None).fit;
        let (low, high) = (normal_quantile(0.25), normal_quantile(2.0 / 3.0));
        assert_close(fit.coefficients[0].estimate, low);
        assert_close(fit.coefficients[1].estimate, high - low);
        let variance = |share: f64, z: f64| {
            share * (1.0 - share) / 12.0 * std::f64::consts::TAU * (z * z).exp()
        };
        let error = (variance(0.25, low) + variance(2.0 / 3.0, high)).sqrt();
        assert_close(fit.coefficients[1].standard_error, error);
        let limits = fit.coefficients[1].estimate_interval;
        assert_close(limits.upper, high - low + normal_quantile(0.975) * error);
        // Its exponential is no ratio of odds.
        let coefficient = &fit.coefficients[1];
        assert_eq!(coefficient.odds_ratio, Err(NotEstimable::NotDefined));
        assert_eq!(coefficient.interval, cohort::Interval::none(NotEstimable::NotDefined));
    }

    /// A ridge of the log odds ratio: as much is pulled as the outcomes resist,
    /// `8 - 12 expit(a + b) = λ b`, while the intercept is free.
    #[test]
    fn a_ridge_pulls_as_much_as_the_outcomes_resist() {
        let options =
            LogisticOptions { penalty: Penalty::Ridge(2.0), ..LogisticOptions::default() };
        let fit = fit_with([3, 8], [9, 4], &options, None).fit;
        let (a, b) = (fit.coefficients[0].estimate.unwrap(), fit.coefficients[1].estimate.unwrap());
        let expit = |eta: f64| 1.0 / (1.0 + (-eta).exp());
        assert_close(Ok(8.0 - 12.0 * expit(a + b)), 2.0 * b);
        assert_close(Ok(11.0 - 12.0 * expit(a) - 12.0 * expit(a + b)), 0.0);
        assert!(fit.degrees_of_freedom > 1.0 && fit.degrees_of_freedom < 2.0);
        let reason = Err(NotEstimable::NotDefined);
        assert_eq!(fit.likelihood_ratio_test.chi_squared, reason);
        assert_eq!(fit.coefficients[1].profile.unwrap().interval.lower, reason);
    }

    /// A weight of 2 for all halves the model variance and leaves the robust one alone.
    #[test]
    fn weights_count_in_the_model_and_cancel_in_the_robust_variance() {
        let plain = fit_table([3, 8], [9, 4]).fit;
        let doubled = fit_with([3, 8], [9, 4], &LogisticOptions::default(), Some(2.0)).fit;
        let (one, two) = (&plain.coefficients[1], &doubled.coefficients[1]);
        assert_close(two.estimate, one.estimate.unwrap());
        assert_close(two.standard_error, one.standard_error.unwrap() / 2f64.sqrt());
        let robust = one.robust_standard_error.unwrap().unwrap();
        assert_close(two.robust_standard_error.unwrap(), robust);
        assert_close(Ok(doubled.deviance), 2.0 * plain.deviance);
    }

    #[test]
    fn a_climb_cut_short_gives_the_reason_and_no_numbers() {
        let options =
            LogisticOptions { max_iterations: 1, tolerance: 1e-15, ..LogisticOptions::default() };
        let fit = fit_with([3, 8], [9, 4], &options, None).fit;
        let reason = NotEstimable::NotConverged;
        assert_eq!(fit.coefficients[1].estimate, Err(reason));
        assert_eq!(fit.likelihood_ratio_test.p_value, Err(reason));
        assert_eq!(fit.coefficients[1].profile.unwrap().interval.lower, Err(reason));
        assert_eq!(fit.subjects.unwrap().influence, Err(reason));
        let caveat = fit.caveats.iter().find(|caveat| caveat.code == CaveatCode::NotConverged);
        assert!(caveat.unwrap().message.contains("standard errors long"));
    }

    #[test]
    fn options_and_data_that_make_no_sense_are_refused() {
        let design = Design { terms: Vec::new(), columns: Vec::new() };
        let (outcome, short) = ([true, false], [1.0]);
        let data = LogisticData {
            outcome: &outcome,
            weights: Some(&short),
            offset: None,
            clusters: None,
            terms: &[],
            design: &design,
        };
        let refused = |data: &LogisticData, options: LogisticOptions| {
            fit(data, &options, &LogisticExtras::default()).unwrap_err()
        };
        let (what, got, subjects) = ("the case weights", 1, 2);
        let error = refused(&data, LogisticOptions::default());
        assert_eq!(error, PropensityError::LengthMismatch { what, got, subjects });
        let data = LogisticData { weights: None, ..data };
        let ridge = LogisticOptions { penalty: Penalty::Ridge(0.0), ..LogisticOptions::default() };
        assert_eq!(refused(&data, ridge), PropensityError::InvalidRidge);
        let probit = LogisticOptions {
            penalty: Penalty::Firth,
            link: Link::Probit,
            ..LogisticOptions::default()
        };
        assert_eq!(refused(&data, probit), PropensityError::FirthWithoutLogit);
    }
}
