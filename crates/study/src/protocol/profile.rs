//! The conventions of other programs, in one place: which defaults a study file has.

use super::{BalanceTest, IntervalRule, QuantileRule, Ties};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A program whose conventions are the defaults of a study. What the study file says itself goes
/// first; quartiles are of type 7 and tests of proportional hazards as the study file says in all of
/// them.
///
/// | choice | `r` | `spss` | `sas` |
/// |---|---|---|---|
/// | tied events | Efron | Breslow | Breslow |
/// | limits of survival at a time | log | plain | log-log |
/// | limits of a median | log | estimate ± z · SE | log-log |
/// | Mann-Whitney test | without continuity correction | without | with |
///
/// R: `coxph`, `survfit` (the rank test is that of `wilcox.test(correct = FALSE)`). SPSS: KM, COXREG
/// and NPAR TESTS. SAS: PHREG, LIFETEST and NPAR1WAY.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// R.
    #[default]
    R,
    /// SPSS.
    Spss,
    /// SAS.
    Sas,
}

impl Profile {
    /// What its readers call the program.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::R => "R",
            Self::Spss => "SPSS",
            Self::Sas => "SAS",
        }
    }

    /// How tied events are treated.
    #[must_use]
    pub fn ties(self) -> Ties {
        match self {
            Self::R => Ties::Efron,
            Self::Spss | Self::Sas => Ties::Breslow,
        }
    }

    /// The limits of survival at a time.
    #[must_use]
    pub fn interval(self) -> IntervalRule {
        match self {
            Self::R => IntervalRule::Log,
            Self::Spss => IntervalRule::Plain,
            Self::Sas => IntervalRule::LogLog,
        }
    }

    /// The limits of a median.
    #[must_use]
    pub fn median_ci(self) -> QuantileRule {
        match self {
            Self::R => QuantileRule::Log,
            Self::Spss => QuantileRule::Spss,
            Self::Sas => QuantileRule::LogLog,
        }
    }

    /// The tests of the baseline table.
    #[must_use]
    pub fn balance_tests(self) -> [BalanceTest; 2] {
        match self {
            Self::R | Self::Spss => [BalanceTest::ChiSquared, BalanceTest::MannWhitney],
            Self::Sas => [BalanceTest::ChiSquared, BalanceTest::MannWhitneyContinuity],
        }
    }
}
