//! How strong unmeasured confounding would have to be to explain a hazard ratio away.

use numerics::elementary::pow;

/// How many patients have the event by the end of follow-up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// More than about 15 %: the hazard ratio is brought to the scale of a risk ratio first.
    Common,
    /// Fewer: the hazard ratio is taken for a risk ratio.
    Rare,
}

impl Outcome {
    /// The risk ratio that a positive hazard ratio stands for.
    ///
    /// ```text
    /// RR = (1 − 0.5^√HR) / (1 − 0.5^√(1/HR))    for a common outcome, else RR = HR
    /// ```
    #[must_use]
    pub fn risk_ratio(self, hazard_ratio: f64) -> f64 {
        match self {
            Self::Common => {
                let inverse = (1.0 / hazard_ratio).sqrt();
                (1.0 - pow(0.5, hazard_ratio.sqrt())) / (1.0 - pow(0.5, inverse))
            }
            Self::Rare => hazard_ratio,
        }
    }
}

/// E-values of an estimate and of its interval, at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EValue {
    /// Of the estimate.
    pub estimate: f64,
    /// Of the confidence limit nearest to 1: 1 when the interval covers 1, `None` without limits.
    pub limit: Option<f64>,
}

/// The E-value of a hazard ratio: the least strength, on the risk-ratio scale, that an unmeasured
/// confounder must have with both exposure and outcome to explain the estimate away.
///
/// ```text
/// E = RR + √(RR (RR − 1))    after inverting an RR below 1
/// ```
///
/// `RR` is [`Outcome::risk_ratio`]. VanderWeele and Ding (2017), Ann. Intern. Med. 167:268-274. `hazard_ratio` and limits are
/// positive.
#[must_use]
pub fn e_value(
    hazard_ratio: f64,
    lower: Option<f64>,
    upper: Option<f64>,
    outcome: Outcome,
) -> EValue {
    let limit = lower.zip(upper).map(|(lower, upper)| {
        let nearest = if hazard_ratio >= 1.0 { lower } else { upper };
        let covers_one = lower <= 1.0 && 1.0 <= upper;
        if covers_one { 1.0 } else { of_risk_ratio(outcome.risk_ratio(nearest)) }
    });
    EValue { estimate: of_risk_ratio(outcome.risk_ratio(hazard_ratio)), limit }
}

fn of_risk_ratio(ratio: f64) -> f64 {
    let ratio = if ratio < 1.0 { 1.0 / ratio } else { ratio };
    ratio + (ratio * (ratio - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-12 * want, "{got} instead of {want}");
    }

    /// The example of VanderWeele and Ding: a risk ratio of 3.9 (1.8 to 8.7) gives 7.26 and 3.0.
    #[test]
    fn the_published_example() {
        let value = e_value(3.9, Some(1.8), Some(8.7), Outcome::Rare);
        assert_close(value.estimate, 7.263_034_344_160_047);
        assert_close(value.limit.unwrap(), 3.0);
    }

    #[test]
    fn a_common_outcome_brings_the_ratio_nearer_to_one() {
        let value = e_value(0.67, Some(0.52), Some(0.86), Outcome::Common);
        assert_close(value.estimate, 1.968_272_448_530_184_3);
        assert_close(value.limit.unwrap(), 1.459_900_727_562_030_6);
    }

    #[test]
    fn an_interval_that_covers_one_needs_no_confounding() {
        assert_eq!(e_value(1.56, Some(0.98), Some(2.48), Outcome::Common).limit, Some(1.0));
        assert_eq!(e_value(1.56, None, Some(2.48), Outcome::Common).limit, None);
    }
}
