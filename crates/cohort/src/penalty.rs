//! What may be asked of a likelihood beside its maximum, and what a penalty has done to it.

use crate::Estimate;

/// What is added to the log-likelihood before it is maximised.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Penalty {
    /// Nothing.
    #[default]
    None,
    /// Half the logarithm of the determinant of the information, for a Cox model that of the rule of
    /// ties in force: estimates exist where the likelihood has no maximum, and are less biased where
    /// it has one. Firth (1993), Biometrika 80:27-38; Heinze and Schemper (2001), Biometrics
    /// 57:114-119, and (2002), Stat. Med. 21:2409-2419.
    Firth,
    /// Minus half this number times the sum of the squared coefficients, in the units in which the
    /// columns are given: `ridge(..., theta = , scale = FALSE)` of all columns in `coxph` in R. Columns
    /// are not scaled first, so a column in another unit is another model; an intercept is left alone.
    /// Above 0.
    Ridge(f64),
}

/// The likelihood that a penalised model maximises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PenalisedLikelihood {
    /// What is added.
    pub penalty: Penalty,
    /// Penalised log-likelihood without covariates.
    pub log_likelihood_null: f64,
    /// Penalised log-likelihood at the maximum.
    pub log_likelihood: f64,
    /// Twice the difference of the two with Firth's penalty; with a ridge, as in R, twice the
    /// difference of the log-likelihoods without penalty at the same places.
    pub chi_squared: Estimate,
    /// Number of coefficients with Firth's penalty; with a ridge the trace of the information times
    /// the covariance, which need not be whole. An intercept does not count.
    pub degrees_of_freedom: f64,
    /// Upper tail of the statistic.
    pub p_value: Estimate,
}

/// Which coefficients have likelihood-ratio limits.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ProfileLimits {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// Those of these names, such as `age` or `size=20-50`.
    Of(Vec<String>),
}

impl ProfileLimits {
    /// Whether the coefficient of this name has limits.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(names) => names.iter().any(|wanted| wanted == name),
        }
    }

    /// The first name that none of the coefficients has, and its place among those asked for.
    #[must_use]
    pub fn unknown<'a>(
        &self,
        coefficients: impl Iterator<Item = &'a str>,
    ) -> Option<(usize, &str)> {
        let Self::Of(names) = self else { return None };
        let known: Vec<&str> = coefficients.collect();
        names.iter().map(String::as_str).enumerate().find(|(_, name)| !known.contains(name))
    }

    /// The same limits for the parts of coefficients, as `parts` names them.
    #[must_use]
    pub fn of_parts(&self, parts: impl Fn(&str) -> Vec<String>) -> Self {
        match self {
            Self::None | Self::All => self.clone(),
            Self::Of(names) => Self::Of(names.iter().flat_map(|name| parts(name)).collect()),
        }
    }
}
