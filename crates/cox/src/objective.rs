//! The function that a fit maximises: the log-likelihood of a rule of ties, with its penalty.

use crate::derivatives::PartialLikelihood;
use crate::exact::ExactLikelihood;
use crate::moments::{self, information_derivatives};
use crate::risk_sets::RiskSets;
use crate::{CoxError, CoxOptions, PenalisedLikelihood, Penalty, Ties};
use cohort::NotEstimable;
use nalgebra::{DMatrix, DVector};
use numerics::cholesky::Cholesky;
use numerics::elementary::ln;
use numerics::firth::Firth;
use numerics::newton::{Derivatives, Maximum};
use numerics::tails::gamma_sf;

/// What is maximised. It holds the scratch of its sums.
pub(crate) struct Objective<'a> {
    sets: &'a RiskSets<'a>,
    rule: Rule<'a>,
    penalty: Penalty,
    term: PenaltyTerm,
}

enum Rule<'a> {
    Approximate(Ties, Box<PartialLikelihood<'a>>),
    Exact(Box<ExactLikelihood<'a>>),
}

/// A penalty in the units of the standardised columns.
enum PenaltyTerm {
    None,
    Firth(Firth),
    /// `λ / scale²` of each column.
    Ridge(DVector<f64>),
}

/// The penalty of a column whose unit is too small to compute with.
const LARGEST_PENALTY: f64 = 1e290;

impl<'a> Objective<'a> {
    /// Fails when one evaluation would take too long: [`ExactLikelihood::MOST_WORK`],
    /// [`moments::MOST_WORK`].
    pub fn new(sets: &'a RiskSets<'a>, options: &CoxOptions) -> Result<Self, CoxError> {
        let (ties, penalty) = (options.ties, options.penalty);
        let rule = match ties {
            Ties::Efron | Ties::Breslow => {
                Rule::Approximate(ties, Box::new(PartialLikelihood::new(sets, ties)))
            }
            Ties::Exact => Rule::Exact(Box::new(ExactLikelihood::new(sets)?)),
        };
        let mut objective = Self { sets, rule, penalty, term: PenaltyTerm::None };
        objective.term = match penalty {
            Penalty::None => PenaltyTerm::None,
            Penalty::Firth => {
                moments::check_work(sets)?;
                PenaltyTerm::Firth(Firth::new(objective.plain(&vec![0.0; sets.p()]).information))
            }
            Penalty::Ridge(lambda) => {
                let scaled = |scale: &f64| (lambda / scale / scale).min(LARGEST_PENALTY);
                let scaled = sets.scales().iter().map(scaled);
                PenaltyTerm::Ridge(DVector::from_iterator(sets.p(), scaled))
            }
        };
        Ok(objective)
    }

    /// Derivatives of the log-likelihood without penalty.
    pub fn plain(&mut self, beta: &[f64]) -> Derivatives {
        match &mut self.rule {
            Rule::Approximate(_, likelihood) => likelihood.derivatives(beta, |_| 1.0),
            Rule::Exact(likelihood) => likelihood.derivatives(beta),
        }
    }

    /// Derivatives of what is maximised.
    pub fn evaluate(&mut self, beta: &DVector<f64>) -> Derivatives {
        let mut plain = self.plain(beta.as_slice());
        match (&self.term, &self.rule) {
            (PenaltyTerm::Firth(firth), Rule::Approximate(ties, _)) => {
                let Some(variance) = firth.variance(&plain.information) else {
                    return Derivatives { value: f64::NEG_INFINITY, ..plain };
                };
                let change = information_derivatives(self.sets, *ties, beta.as_slice(), &variance);
                firth.penalised(plain, &variance, &change)
            }
            (PenaltyTerm::Ridge(lambda), _) => {
                let pull = lambda.component_mul(beta);
                plain.value -= 0.5 * pull.dot(beta);
                plain.gradient -= pull;
                plain.information += DMatrix::from_diagonal(lambda);
                plain
            }
            (PenaltyTerm::None | PenaltyTerm::Firth(_), _) => plain,
        }
    }

    /// The maximum as a model reports it: log-likelihoods without penalty, the covariance of the
    /// estimates, and beside them what the penalty has done.
    pub fn settle(&mut self, optimum: &Maximum) -> (Maximum, Option<PenalisedLikelihood>) {
        if self.penalty == Penalty::None {
            return (optimum.clone(), None);
        }
        let start = self.plain(&vec![0.0; self.sets.p()]);
        let end = self.plain(optimum.estimate.as_slice());
        let covariance = self.covariance(&end.information);
        let gain = match self.penalty {
            Penalty::Ridge(_) => end.value - start.value,
            _ => optimum.value - optimum.start.value,
        };
        let df = match self.penalty {
            Penalty::Ridge(_) => (&covariance * &end.information).trace(),
            _ => optimum.aliased.iter().filter(|&&aliased| !aliased).count() as f64,
        };
        let chi_squared = if optimum.converged {
            Ok(2.0 * gain.max(0.0))
        } else {
            Err(NotEstimable::NotConverged)
        };
        let tail = |statistic: f64| match df > 0.0 {
            true => Ok(gamma_sf(0.5 * statistic, 0.5 * df)),
            false => Err(NotEstimable::NotDefined),
        };
        let unit = self.ln_unit(&optimum.aliased);
        let penalised = PenalisedLikelihood {
            penalty: self.penalty,
            log_likelihood_null: optimum.start.value + unit,
            log_likelihood: optimum.value + unit,
            chi_squared,
            degrees_of_freedom: df,
            p_value: chi_squared.and_then(tail),
        };
        (Maximum { start, value: end.value, covariance, ..optimum.clone() }, Some(penalised))
    }

    /// What half the logarithm of the determinant has more in the caller's units, in which the
    /// information of a column is its square of the scale as large.
    fn ln_unit(&self, aliased: &[bool]) -> f64 {
        match self.term {
            PenaltyTerm::Firth(_) => {
                let kept = self.sets.scales().iter().zip(aliased).filter(|(_, aliased)| !**aliased);
                kept.map(|(&scale, _)| ln(scale)).sum()
            }
            PenaltyTerm::None | PenaltyTerm::Ridge(_) => 0.0,
        }
    }

    /// The covariance of estimates where the log-likelihood has this information: its inverse with
    /// Firth's penalty, and that of the penalised information with a ridge (`var` of `coxph` in R).
    fn covariance(&self, information: &DMatrix<f64>) -> DMatrix<f64> {
        match &self.term {
            PenaltyTerm::Firth(firth) => firth
                .variance(information)
                .unwrap_or_else(|| DMatrix::zeros(self.sets.p(), self.sets.p())),
            PenaltyTerm::Ridge(lambda) => {
                let penalised = information + DMatrix::from_diagonal(lambda);
                Cholesky::rank_revealing(&penalised).inverse()
            }
            PenaltyTerm::None => Cholesky::rank_revealing(information).inverse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Endpoint, RiskOrder};
    use numerics::newton::maximise;
    use numerics::streams::Streams;

    /// How often a fit of four columns looks at all subjects.
    fn evaluations(n: usize, late_entry: bool) -> usize {
        let mut stream = Streams::new(1, "evaluations").stream(0);
        let columns: Vec<Vec<f64>> =
            (0..4).map(|_| (0..n).map(|_| stream.normal()).collect()).collect();
        let mut death = |i: usize| {
            let score: f64 = columns.iter().map(|column| 0.4 * column[i]).sum();
            (1000.0 * stream.exponential() * (-score).exp()).ceil()
        };
        let time: Vec<f64> = (0..n).map(&mut death).collect();
        let event = time.iter().map(|&time| time < 1500.0).collect();
        let time: Vec<f64> = time.into_iter().map(|time| time.min(1500.0)).collect();
        let entry = time.iter().map(|time| (0.3 * time).floor()).collect();
        let endpoint = match late_entry {
            true => Endpoint::with_entry(entry, time, event),
            false => Endpoint::new(time, event),
        };
        let endpoint = endpoint.unwrap();
        let order = RiskOrder::new(&endpoint, &vec![0; n]);
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let sets = RiskSets::of_columns(&endpoint, &order, &columns);
        let options = CoxOptions::default();
        let mut objective = Objective::new(&sets, &options).unwrap();
        let mut evaluations = 0;
        let maximum = maximise(sets.p(), options.newton(), |beta| {
            evaluations += 1;
            objective.evaluate(beta)
        });
        assert!(maximum.converged);
        evaluations
    }

    /// Work is counted here, where time would depend on the machine.
    #[test]
    fn a_fit_looks_at_all_subjects_five_times_at_most() {
        for late_entry in [false, true] {
            assert!(evaluations(500, late_entry) <= 5);
            assert!(evaluations(20_000, late_entry) <= 5);
        }
    }
}
