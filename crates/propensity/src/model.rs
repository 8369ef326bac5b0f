//! A model at its maximum, and what a reader must know about it.

use crate::inference::Estimates;
use crate::likelihood::Likelihood;
use crate::objective::{Objective, firth_work, inverse};
use crate::origin::Origin;
use crate::profile::Profiles;
use crate::robust::{cluster_scores, sandwich};
use crate::subjects::fitted_subjects;
use crate::{
    FittedSubjects, Link, LogisticData, LogisticExtras, LogisticFit, LogisticOptions, OnSeparation,
    PropensityError, fit,
};
use cohort::{
    Caveat, CaveatCode, NotEstimable, PenalisedLikelihood, Penalty, ProfileLimits, TestResult,
    WaldTable, chi_squared_test, term_ratio_tests,
};
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::elementary::{exp_m1, ln};
use numerics::likelihood_ratio::Summit;
use numerics::newton::{Derivatives, Maximum, NewtonOptions, maximise};
use numerics::sum::sum;
use numerics::tails::{gamma_sf, two_sided_multiplier};

/// A model at its maximum.
pub(crate) struct Model<'a> {
    data: &'a LogisticData<'a>,
    options: &'a LogisticOptions,
    objective: &'a Objective<'a>,
    /// The maximum in the coordinates of the search.
    search: &'a Maximum,
    linear_predictor: &'a [f64],
    /// The log-likelihood without penalty at the maximum, in the coordinates of the search, with the
    /// expected information.
    plain: Derivatives,
    /// Model covariance in the coordinates of the search; 0 for aliased and infinite ones.
    search_covariance: DMatrix<f64>,
    origin: Origin,
    /// The maximum with the intercept at the caller's origin.
    maximum: Maximum,
    /// Model covariance in its coordinates.
    covariance: DMatrix<f64>,
    /// Why a coefficient has no estimate.
    reasons: Vec<Option<NotEstimable>>,
    null: Null,
}

/// The model with the intercept, and the offset, alone.
struct Null {
    deviance: f64,
    /// The score of all coordinates there, and its variance.
    score: DVector<f64>,
    information: DMatrix<f64>,
}

/// Most multiplications of one evaluation with Firth's penalty, times coefficients, for which the fit
/// beside a separated one has profile limits; each limit takes dozens of evaluations.
const MOST_WORK_OF_LIMITS: f64 = 1e8;

/// Its exponential is a number, even over the smallest share that there is to explain.
const LARGEST_EXPONENT: f64 = 300.0;

/// A search beside a held coefficient with Firth's penalty may take so many times as many steps.
const PATIENCE: usize = 8;

impl<'a> Model<'a> {
    pub fn new(
        data: &'a LogisticData<'a>,
        options: &'a LogisticOptions,
        objective: &'a Objective<'a>,
        search: &'a Maximum,
        linear_predictor: &'a [f64],
        plain: Derivatives,
    ) -> Self {
        let likelihood = objective.likelihood();
        let origin = Origin::of(likelihood);
        let maximum = origin.maximum(search, &plain.information);
        let (search_covariance, covariance) = match search.ascents.is_empty() {
            true => {
                let covariance = objective.covariance(&plain.information, search);
                let at_origin = origin.covariance(&covariance);
                (covariance, at_origin)
            }
            false => (search.covariance.clone(), maximum.covariance.clone()),
        };
        let reason = |j: usize| {
            if maximum.aliased[0] {
                Some(NotEstimable::NotConverged)
            } else if maximum.aliased[j] {
                let column = &data.design.columns[j - 1];
                Some(column.reason_without_coefficient(data.terms))
            } else if maximum.infinite[j] {
                Some(NotEstimable::Separation)
            } else {
                // A point on the way says nothing of the maximum.
                (!maximum.converged).then_some(NotEstimable::NotConverged)
            }
        };
        let reasons = (0..likelihood.p()).map(reason).collect();
        let null = Null::of(options, likelihood, &search.start);
        Self {
            data,
            options,
            objective,
            search,
            linear_predictor,
            plain,
            search_covariance,
            origin,
            maximum,
            covariance,
            reasons,
            null,
        }
    }

    fn likelihood(&self) -> &'a Likelihood {
        self.objective.likelihood()
    }

    pub fn report(&self) -> LogisticFit {
        let (data, n) = (self.data, self.data.outcome.len());
        let (augmented, robust) = (self.augmented_covariance(), self.robust_covariance());
        let p = self.likelihood().p();
        let scales: Vec<f64> = (0..p).map(|j| self.likelihood().scale(j)).collect();
        let table = WaldTable {
            estimate: &self.maximum.estimate,
            scales: &scales,
            reasons: &self.reasons,
            multiplier: two_sided_multiplier(self.options.confidence),
        };
        let estimates = Estimates {
            data,
            link: self.options.link,
            table,
            covariance: &self.covariance,
            augmented: augmented.as_ref(),
            robust: robust.as_ref(),
        };
        let slopes: Vec<usize> = (1..p).collect();
        let term_covariance = robust.as_ref().unwrap_or(&self.covariance);
        let (deviance, df) = (self.deviance(), self.degrees_of_freedom());
        let penalised = self.penalised(deviance);
        LogisticFit {
            n,
            n_outcomes: data.outcome.iter().filter(|&&outcome| outcome).count(),
            coefficients: (0..p).map(|j| estimates.coefficient(j)).collect(),
            covariance: table.in_callers_units(&self.covariance),
            robust_covariance: robust.as_ref().map(|robust| table.in_callers_units(robust)),
            null_deviance: self.null.deviance,
            deviance,
            degrees_of_freedom: df,
            aic: deviance + 2.0 * df,
            bic: deviance + df * ln(n as f64),
            mcfadden_r_squared: explained(self.null.deviance - deviance, self.null.deviance),
            nagelkerke_r_squared: self.nagelkerke_r_squared(deviance),
            likelihood_ratio_test: self.likelihood_ratio_test(deviance, penalised.as_ref()),
            wald_test: table.test(&slopes, &self.covariance),
            score_test: self.null.score_test(),
            robust_wald_test: robust.as_ref().map(|robust| table.test(&slopes, robust)),
            term_tests: table.term_tests(&self.coordinates_by_term(), term_covariance),
            term_likelihood_ratio_tests: Vec::new(),
            iterations: self.search.iterations,
            subjects: None,
            performance: None,
            firth: None,
            caveats: self.caveats(penalised.as_ref()),
            penalised,
        }
    }

    /// What the likelihood itself says of coefficients and terms, where it was asked for.
    pub fn add_likelihood_ratios(&self, fit: &mut LogisticFit, extras: &LogisticExtras) {
        // A ridge has no likelihood whose drop is chi-squared.
        let is_ridge = matches!(self.options.penalty, Penalty::Ridge(_));
        let profiles = self.profiles();
        for (j, coefficient) in fit.coefficients.iter_mut().enumerate() {
            if extras.profile_limits.has(&coefficient.name) {
                coefficient.profile = Some(match is_ridge {
                    true => crate::ProfiledCoefficient::none(NotEstimable::NotDefined),
                    false => profiles.coefficient(j),
                });
            }
        }
        if extras.term_likelihood_ratios {
            let loss = (!is_ridge).then_some(|columns: &[usize]| profiles.loss(columns));
            fit.term_likelihood_ratio_tests =
                term_ratio_tests(self.data.terms, &self.coordinates_by_term(), loss);
        }
    }

    /// Puts the fit with Firth's penalty beside a plain one that is infinite.
    pub fn add_firth(
        &self,
        plain: &mut LogisticFit,
        extras: &LogisticExtras,
    ) -> Result<(), PropensityError> {
        let LogisticOptions { penalty, on_separation, link, .. } = *self.options;
        let is_wanted = penalty == Penalty::None && on_separation == OnSeparation::Firth;
        let named = plain.coefficients.iter().zip(&self.reasons);
        let infinite: Vec<&str> = named
            .filter(|(_, reason)| **reason == Some(NotEstimable::Separation))
            .map(|(coefficient, _)| coefficient.name.as_str())
            .collect();
        if !is_wanted || infinite.is_empty() {
            return Ok(());
        }
        if link != Link::Logit {
            plain.caveats.push(no_firth("belongs to the logit link"));
            return Ok(());
        }
        let caveat = firth_beside(&infinite);
        let options = LogisticOptions { penalty: Penalty::Firth, ..self.options.clone() };
        let work = firth_work(self.likelihood()) * self.likelihood().p() as f64;
        let extras = LogisticExtras {
            profile_limits: match work <= MOST_WORK_OF_LIMITS {
                true => ProfileLimits::All,
                false => extras.profile_limits.clone(),
            },
            term_likelihood_ratios: extras.term_likelihood_ratios,
            ..LogisticExtras::default()
        };
        match fit(self.data, &options, &extras) {
            Ok(firth) => {
                plain.caveats.push(caveat);
                plain.firth = Some(Box::new(firth.fit));
                Ok(())
            }
            Err(PropensityError::TooLarge) => {
                plain.caveats.push(no_firth("would take too long"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub fn subjects(&self, fit: &LogisticFit) -> FittedSubjects {
        let has_maximum = self.search.converged && self.search.ascents.is_empty();
        let reason = match self.search.converged {
            true => NotEstimable::Separation,
            false => NotEstimable::NotConverged,
        };
        let covariance = if has_maximum { Ok(&self.search_covariance) } else { Err(reason) };
        fitted_subjects(
            self.data,
            self.likelihood(),
            self.linear_predictor,
            covariance,
            fit.degrees_of_freedom,
        )
    }

    fn profiles(&self) -> Profiles<'_> {
        let multiplier = two_sided_multiplier(self.options.confidence);
        // Firth's penalty has no positive information far from its maximum, where steps are short.
        let max_iterations = match self.options.penalty {
            Penalty::Firth => PATIENCE * self.options.max_iterations,
            Penalty::None | Penalty::Ridge(_) => self.options.max_iterations,
        };
        let newton = NewtonOptions { max_iterations, ..self.options.newton() };
        let summit =
            |maximum, covariance| Summit { maximum, covariance, multiplier, options: newton };
        Profiles {
            objective: self.objective,
            link: self.options.link,
            search: summit(self.search, &self.search_covariance),
            at_origin: summit(&self.maximum, &self.covariance),
            origin: &self.origin,
            reasons: &self.reasons,
        }
    }

    /// The coordinates of each term, by its name.
    fn coordinates_by_term(&self) -> Vec<(String, Vec<usize>)> {
        let mut terms = self.data.design.columns_by_term();
        terms.iter_mut().flat_map(|(_, columns)| columns).for_each(|column| *column += 1);
        terms
    }

    /// Coordinates that are estimated; with a ridge, what is left of them.
    fn degrees_of_freedom(&self) -> f64 {
        match self.options.penalty {
            Penalty::Ridge(_) => (&self.search_covariance * &self.plain.information).trace(),
            Penalty::None | Penalty::Firth => self.rank() as f64,
        }
    }

    fn rank(&self) -> usize {
        self.search.aliased.iter().filter(|&&aliased| !aliased).count()
    }

    /// Minus twice the log-likelihood; where the maximum lies at infinity that of the supremum.
    fn deviance(&self) -> f64 {
        match self.options.penalty {
            Penalty::None => -2.0 * self.search.value,
            Penalty::Firth | Penalty::Ridge(_) => -2.0 * self.plain.value,
        }
    }

    fn nagelkerke_r_squared(&self, deviance: f64) -> f64 {
        let n = match self.data.weights {
            Some(weights) => sum(weights.iter().copied()),
            None => self.data.outcome.len() as f64,
        };
        // A penalty can leave a model far worse than the intercept alone.
        let exponent = ((deviance - self.null.deviance) / n).min(LARGEST_EXPONENT);
        explained(-exp_m1(exponent), -exp_m1(-self.null.deviance / n))
    }

    fn penalised(&self, deviance: f64) -> Option<PenalisedLikelihood> {
        let penalty = self.options.penalty;
        let (statistic, null, df) = match penalty {
            Penalty::None => return None,
            Penalty::Ridge(_) => {
                let gain = self.null.deviance - deviance;
                (Some(gain), -0.5 * self.null.deviance, self.degrees_of_freedom() - 1.0)
            }
            Penalty::Firth => {
                let slopes: Vec<usize> = (1..self.likelihood().p()).collect();
                let statistic = self.profiles().loss(&slopes).statistic;
                let null = self.search.value - 0.5 * statistic.unwrap_or(0.0);
                (statistic, null, self.rank() as f64 - 1.0)
            }
        };
        let statistic = statistic.filter(|_| self.search.converged);
        let chi_squared =
            statistic.map(|statistic| statistic.max(0.0)).ok_or(NotEstimable::NotConverged);
        let tail = |statistic: f64| match df > 0.0 {
            true => Ok(gamma_sf(0.5 * statistic, 0.5 * df)),
            false => Err(NotEstimable::NotDefined),
        };
        let unit = self.objective.ln_unit(&self.search.aliased);
        Some(PenalisedLikelihood {
            penalty,
            log_likelihood_null: null + unit,
            log_likelihood: self.search.value + unit,
            chi_squared,
            degrees_of_freedom: df,
            p_value: chi_squared.and_then(tail),
        })
    }

    fn likelihood_ratio_test(
        &self,
        deviance: f64,
        penalised: Option<&PenalisedLikelihood>,
    ) -> TestResult {
        let df = self.rank().saturating_sub(1);
        if !self.search.converged {
            return TestResult::none(NotEstimable::NotConverged, df);
        }
        match penalised {
            None => chi_squared_test(self.null.deviance - deviance, df),
            Some(PenalisedLikelihood { penalty: Penalty::Firth, chi_squared, .. }) => {
                match *chi_squared {
                    Ok(statistic) => chi_squared_test(statistic, df),
                    Err(reason) => TestResult::none(reason, df),
                }
            }
            // Its degrees of freedom need not be whole: they stand with the penalty.
            Some(_) => TestResult::none(NotEstimable::NotDefined, df),
        }
    }

    fn robust_covariance(&self) -> Option<DMatrix<f64>> {
        let clusters = self.data.clusters?;
        let (residuals, _) = self.likelihood().terms(self.linear_predictor);
        let scores = cluster_scores(self.likelihood(), &residuals, clusters);
        Some(sandwich(&self.covariance, &self.origin.scores(&scores)))
    }

    /// The inverse information with the weights that Firth's penalty adds.
    fn augmented_covariance(&self) -> Option<DMatrix<f64>> {
        if self.options.penalty != Penalty::Firth {
            return None;
        }
        let weights = self.likelihood().expected_weights(self.linear_predictor);
        let forms = self.likelihood().quadratic_forms(&self.search_covariance);
        let augmented: Vec<f64> =
            weights.iter().zip(forms).map(|(w, q)| w * (1.0 + w * q)).collect();
        let information = self.likelihood().cross_product(&augmented);
        Some(self.origin.covariance(&inverse(&information, self.search)))
    }

    fn caveats(&self, penalised: Option<&PenalisedLikelihood>) -> Vec<Caveat> {
        let columns = self.data.design.columns.iter().zip(&self.reasons[1..]);
        let mut caveats: Vec<Caveat> = columns
            .filter_map(|(column, reason)| Caveat::without_coefficient(&column.name, (*reason)?))
            .collect();
        if !self.search.converged {
            let (search, most) = (self.search, self.options.max_iterations);
            caveats.push(Caveat::not_converged(search.iterations, most, search.last_step));
        }
        caveats.extend(penalised.map(Caveat::penalised));
        caveats.extend(Caveat::few_clusters(self.data.clusters, self.rank()));
        caveats
    }
}

impl Null {
    fn of(options: &LogisticOptions, likelihood: &Likelihood, start: &Derivatives) -> Self {
        let alone = likelihood.without_columns();
        let found = maximise(1, options.newton(), |beta| alone.derivatives(beta.as_slice()));
        let intercept = found.estimate[0];
        // The start of a search with a penalty has that as well.
        let known = match options.penalty {
            Penalty::None => likelihood.expected_from_start(intercept, start),
            Penalty::Firth | Penalty::Ridge(_) => None,
        };
        let Derivatives { gradient: score, information, .. } = known.unwrap_or_else(|| {
            let mut beta = vec![0.0; likelihood.p()];
            beta[0] = intercept;
            likelihood.expected(&beta).1
        });
        Self { deviance: -2.0 * found.value, score, information }
    }

    /// Rao's test of all slopes: the score of the intercept is 0.
    fn score_test(&self) -> TestResult {
        let factor = Cholesky::rank_revealing(&self.information);
        chi_squared_test(factor.quadratic_form(&self.score), factor.rank().saturating_sub(1))
    }
}

/// A share of what there is to explain; nothing where the offset alone has explained it all.
fn explained(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// That the fit with Firth's penalty stands beside this one.
fn firth_beside(infinite: &[&str]) -> Caveat {
    let message = format!(
        "the outcome is separated by {}: finite estimates are those with Firth's penalty, which are \
         given apart",
        infinite.join(", ")
    );
    Caveat::new(CaveatCode::PenalisedLikelihood, message)
}

/// That it does not, and why.
fn no_firth(why: &str) -> Caveat {
    let message = format!("finite estimates are missing: Firth's penalty {why}");
    Caveat::new(CaveatCode::Separation, message)
}
