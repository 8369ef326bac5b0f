//! The conventions of other programs, in one place: which defaults a study file has.

use super::{BalanceTest, IntervalRule, QuantileRule, QuartileType, Ties};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A program whose conventions are the defaults of a study. What the study file says itself goes
/// first.
///
/// | choice | `r` | `spss` | `sas` |
/// |---|---|---|---|
/// | tied events | Efron | Breslow | Breslow |
/// | limits of survival at a time | log | plain | log-log |
/// | limits of a median | log | estimate ± z · SE | log-log |
/// | median where the curve rests on one half | midpoint of the step | its beginning | midpoint of the step |
/// | quartiles of the baseline table | type 7 | type 6 | type 2 |
/// | Mann-Whitney test | without continuity correction | without | with |
///
/// R: `coxph`, `survfit` (the rank test is that of `wilcox.test(correct = FALSE)`), `quantile`. SPSS: KM,
/// COXREG, NPAR TESTS, and EXAMINE, whose percentiles are the weighted average at `p (n + 1)`
/// (HAVERAGE). SAS: PHREG, LIFETEST, NPAR1WAY, and UNIVARIATE with its default PCTLDEF = 5. For the types
/// see Hyndman and Fan (1996), Am. Stat. 50:361-365, and `help(quantile)` in R, which names SPSS and SAS.
/// The median goes with the rule of its limits: that of SPSS has the beginning of the step.
///
/// Not part of a profile is the test of proportional hazards, which is that of `cox.zph` in R for all of
/// them: COXREG of SPSS has none, and the ZPH option of PHREG is a test of another kind (on scaled
/// residuals), so that a scale of time alone would not reproduce it. Weighted quartiles have one
/// definition.
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

    /// The quartiles of the baseline table.
    #[must_use]
    pub fn quartiles(self) -> QuartileType {
        match self {
            Self::R => QuartileType::Type7,
            Self::Spss => QuartileType::Type6,
            Self::Sas => QuartileType::Type2,
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
