//! The estimator: maximum likelihood, and what a reader must know about it.

use crate::likelihood::Likelihood;
use crate::{LogisticCoefficient, LogisticFit, LogisticOptions, PropensityError};
use cohort::{Caveat, CaveatCode, Design, Estimate, Interval, NotEstimable, Term};
use nalgebra::{DMatrix, DVector};
use numerics::elementary::{exp, ln};
use numerics::newton::{Maximum, NewtonOptions, maximise};
use numerics::tails::{normal_two_sided, two_sided_multiplier};

/// Name of the intercept and of its term.
const INTERCEPT: &str = "intercept";

/// The subjects of a model and its columns.
#[derive(Clone, Copy, Debug)]
pub struct LogisticData<'a> {
    /// Whether each of `n` subjects has the outcome; some have it and some do not.
    pub outcome: &'a [bool],
    /// The terms of which the design is made.
    pub terms: &'a [Term],
    /// `n` subjects by `p` columns, without the intercept.
    pub design: &'a Design,
}

/// A fitted model and the log odds of its subjects.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedLogistic {
    /// The model.
    pub fit: LogisticFit,
    /// Log odds of the outcome, one per subject; equal covariate rows have equal bits.
    pub linear_predictor: Vec<f64>,
}

/// Fits a logistic regression.
///
/// ```text
/// ln(π / (1 - π)) = intercept + x'beta
/// ```
///
/// by maximum likelihood. Columns are centred and scaled within and reported on the caller's scale.
/// A column that depends on those before it has no coefficient (`Aliased`, or `EmptyLevel`). When
/// the covariates separate the outcome, the coefficients that are infinite are `Separation` and the
/// others their limits; log odds are then those of the last point of the climb, near 0 or 1 in
/// probability for the subjects that are told apart.
///
/// McCullagh and Nelder (1989), Generalized Linear Models, chapter 4; Albert and Anderson (1984),
/// Biometrika 71:1-10 on separation. Same as `glm(y ~ x, family = binomial)` in R with standard
/// errors from the information at the maximum.
#[must_use]
pub fn fit(data: &LogisticData, options: &LogisticOptions) -> FittedLogistic {
    let likelihood = Likelihood::new(data.outcome, data.design);
    let newton =
        NewtonOptions { max_iterations: options.max_iterations, tolerance: options.tolerance };
    let maximum = maximise(likelihood.p(), newton, |beta| likelihood.derivatives(beta.as_slice()));
    let model = Model::new(data, &maximum, &likelihood.to_callers_units());
    FittedLogistic {
        fit: model.report(two_sided_multiplier(options.confidence)),
        linear_predictor: likelihood.linear_predictor(maximum.estimate.as_slice()),
    }
}

/// Refuses a confidence outside 0 to 1.
pub(crate) fn check(options: &LogisticOptions) -> Result<(), PropensityError> {
    let confidence = options.confidence;
    let is_valid = 0.0 < confidence && confidence < 1.0;
    if is_valid { Ok(()) } else { Err(PropensityError::InvalidConfidence { confidence }) }
}

/// A model at its maximum, in the caller's units.
struct Model<'a> {
    data: &'a LogisticData<'a>,
    maximum: &'a Maximum,
    beta: DVector<f64>,
    covariance: DMatrix<f64>,
    /// Why a coordinate has no estimate.
    reasons: Vec<Option<NotEstimable>>,
}

/// What an infinite intercept leaves over after the shift to the caller's origin is more than this
/// share of what went in; less is rounding error.
const CANCELLED: f64 = 1e-6;

impl<'a> Model<'a> {
    fn new(data: &'a LogisticData<'a>, maximum: &'a Maximum, units: &DMatrix<f64>) -> Self {
        let is_infinite = |coordinate: usize| {
            let leads_away = maximum.ascents.iter().any(|ascent| {
                let parts = units.row(coordinate).transpose().component_mul(ascent);
                parts.sum().abs() > CANCELLED * parts.abs().sum()
            });
            leads_away || (coordinate > 0 && maximum.infinite[coordinate])
        };
        let reason = |coordinate: usize| {
            if maximum.aliased[coordinate] {
                let column = &data.design.columns[coordinate - 1];
                Some(column.reason_without_coefficient(data.terms))
            } else if is_infinite(coordinate) {
                Some(NotEstimable::Separation)
            } else {
                // A point on the way says nothing of the maximum.
                (!maximum.converged).then_some(NotEstimable::NotConverged)
            }
        };
        let reasons: Vec<_> = (0..units.nrows()).map(reason).collect();
        let mut covariance = units * &maximum.covariance * units.transpose();
        for coordinate in (0..reasons.len()).filter(|&coordinate| reasons[coordinate].is_some()) {
            covariance.row_mut(coordinate).fill(0.0);
            covariance.column_mut(coordinate).fill(0.0);
        }
        Self { data, maximum, beta: units * &maximum.estimate, covariance, reasons }
    }

    fn report(&self, multiplier: f64) -> LogisticFit {
        let n = self.data.outcome.len();
        let n_outcomes = self.data.outcome.iter().filter(|&&outcome| outcome).count();
        let p = self.beta.len();
        LogisticFit {
            n,
            n_outcomes,
            coefficients: (0..p).map(|j| self.coefficient(j, multiplier)).collect(),
            covariance: (0..p).map(|j| self.covariance.row(j).iter().copied().collect()).collect(),
            null_deviance: null_deviance(n_outcomes as f64, n as f64),
            deviance: -2.0 * self.maximum.value,
            iterations: self.maximum.iterations,
            caveats: self.caveats(),
        }
    }

    fn coefficient(&self, coordinate: usize, multiplier: f64) -> LogisticCoefficient {
        let (name, term) = self.names(coordinate);
        let estimate = match self.reasons[coordinate] {
            Some(reason) => Err(reason),
            None => finite(self.beta[coordinate]),
        };
        let standard_error = estimate.and_then(|_| self.standard_error(coordinate));
        let ratio = |multiplier: f64| finite(exp(estimate? + multiplier * standard_error?));
        let z = estimate.and_then(|estimate| finite(estimate / standard_error?));
        LogisticCoefficient {
            name: name.into(),
            term: term.into(),
            estimate,
            standard_error,
            odds_ratio: estimate.and_then(|estimate| finite(exp(estimate))),
            interval: Interval { lower: ratio(-multiplier), upper: ratio(multiplier) },
            z,
            p_value: z.map(normal_two_sided),
        }
    }

    fn standard_error(&self, coordinate: usize) -> Estimate {
        // Where columns with infinite coefficients are taken out of the intercept, what remains of
        // it is finite, but the information about it is not separated from theirs.
        let is_entangled = coordinate == 0 && !self.maximum.ascents.is_empty();
        if is_entangled {
            return Err(NotEstimable::Separation);
        }
        finite(self.covariance[(coordinate, coordinate)].sqrt())
    }

    fn names(&self, coordinate: usize) -> (&str, &str) {
        match coordinate.checked_sub(1) {
            None => (INTERCEPT, INTERCEPT),
            Some(j) => {
                let column = &self.data.design.columns[j];
                (&column.name, &self.data.design.terms[column.term])
            }
        }
    }

    fn caveats(&self) -> Vec<Caveat> {
        let mut caveats: Vec<Caveat> = (1..self.reasons.len())
            .filter_map(|coordinate| {
                without_coefficient(self.names(coordinate).0, self.reasons[coordinate]?)
            })
            .collect();
        if !self.maximum.converged {
            let steps = self.maximum.iterations;
            let message = format!("the fit has not converged after {steps} iterations");
            caveats.push(Caveat::new(CaveatCode::NotConverged, message));
        }
        caveats
    }
}

fn without_coefficient(column: &str, reason: NotEstimable) -> Option<Caveat> {
    let (code, why) = match reason {
        NotEstimable::Aliased => (
            CaveatCode::Aliased,
            "is constant or a combination of the columns before it and has no coefficient",
        ),
        NotEstimable::EmptyLevel => (CaveatCode::EmptyLevel, "occurs in no subject"),
        NotEstimable::Separation => (
            CaveatCode::Separation,
            "separates the outcome: its coefficient is infinite and scores come near 0 or 1",
        ),
        _ => return None,
    };
    Some(Caveat::new(code, format!("{column} {why}")))
}

/// Minus twice the log-likelihood of one probability for all.
fn null_deviance(n_outcomes: f64, n: f64) -> f64 {
    let n_without = n - n_outcomes;
    -2.0 * (n_outcomes * ln(n_outcomes / n) + n_without * ln(n_without / n))
}

/// A number, unless the unit of its column puts it out of range.
fn finite(value: f64) -> Estimate {
    if value.is_finite() { Ok(value) } else { Err(NotEstimable::NotDefined) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::DesignColumn;

    /// Fits outcomes on one indicator from the four counts of their table.
    fn fit_table(with: [usize; 2], without: [usize; 2]) -> FittedLogistic {
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
        let data = LogisticData { outcome: &outcome, terms: &terms, design: &design };
        fit(&data, &LogisticOptions::default())
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
}
