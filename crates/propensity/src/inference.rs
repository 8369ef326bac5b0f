//! The coefficients of a table.

use crate::{Link, LogisticCoefficient, LogisticData};
use cohort::{Estimate, Interval, NotEstimable, WaldEstimate, WaldTable, ratio};
use nalgebra::DMatrix;

/// Name of the intercept and of its term.
pub(crate) const INTERCEPT: &str = "intercept";

/// Estimates of standardised slopes and of the intercept at the caller's origin.
pub(crate) struct Estimates<'a> {
    pub data: &'a LogisticData<'a>,
    pub link: Link,
    pub table: WaldTable<'a>,
    pub covariance: &'a DMatrix<f64>,
    /// Covariance with the weights that Firth's penalty adds.
    pub augmented: Option<&'a DMatrix<f64>>,
    pub robust: Option<&'a DMatrix<f64>>,
}

impl Estimates<'_> {
    /// Coefficient `j` as a line of a table.
    pub fn coefficient(&self, j: usize) -> LogisticCoefficient {
        let (name, term) = self.names(j);
        let wald = |covariance| self.table.coefficient(j, covariance);
        let model = wald(self.covariance);
        let robust = self.robust.map(wald);
        let odds_ratio_interval = |wald: &WaldEstimate| self.link.odds_ratios(wald.interval());
        LogisticCoefficient {
            name: name.into(),
            term: term.into(),
            estimate: model.estimate,
            standard_error: model.standard_error,
            augmented_standard_error: self.augmented.map(|matrix| wald(matrix).standard_error),
            robust_standard_error: robust.map(|robust| robust.standard_error),
            estimate_interval: model.interval(),
            odds_ratio: self.link.odds_ratio(model.estimate),
            interval: odds_ratio_interval(&model),
            z: model.z(),
            p_value: model.p_value(),
            robust_estimate_interval: robust.map(|robust| robust.interval()),
            robust_interval: robust.as_ref().map(odds_ratio_interval),
            robust_p_value: robust.map(|robust| robust.p_value()),
            profile: None,
        }
    }

    fn names(&self, j: usize) -> (&str, &str) {
        match j.checked_sub(1) {
            None => (INTERCEPT, INTERCEPT),
            Some(j) => {
                let column = &self.data.design.columns[j];
                (&column.name, &self.data.design.terms[column.term])
            }
        }
    }
}

impl Link {
    /// What a coefficient, or one of its limits, says of the odds: `exp` of it for the logit. A
    /// coefficient of the probit is a difference of normal deviates, whose `exp` is no ratio of odds.
    pub(crate) fn odds_ratio(self, coefficient: Estimate) -> Estimate {
        match self {
            Self::Logit => ratio(coefficient),
            Self::Probit => coefficient.and(Err(NotEstimable::NotDefined)),
        }
    }

    /// The same of both limits.
    pub(crate) fn odds_ratios(self, Interval { lower, upper }: Interval) -> Interval {
        Interval { lower: self.odds_ratio(lower), upper: self.odds_ratio(upper) }
    }
}
