//! How replicates are drawn.

use crate::BootstrapError;

/// What a replicate gives each unit. The default is the bootstrap of Efron (1979), Ann. Stat. 7:1-26.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Resampling {
    /// As many units as there are, drawn with replacement; a unit drawn twice is two units.
    #[default]
    WithReplacement,
    /// Case weights: uniform on all that add up to the number of units. Rubin (1981), Ann. Stat.
    /// 9:130-134.
    Bayesian,
}

/// How many replicates there are and what they depend on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plan {
    seed: u64,
    n_replicates: u64,
    resampling: Resampling,
}

impl Plan {
    /// Most values of a bootstrap, replicates times quantities: all are kept until the limits are known.
    /// A value takes 32 bytes, and 48 more while the limits of its quantity are made: 160 megabytes of many
    /// quantities, 400 of a single one.
    pub const MOST_VALUES: u64 = 5_000_000;

    /// Most replicates of a plan: those of a single quantity.
    pub const MOST_REPLICATES: u64 = Self::MOST_VALUES;

    /// A plan.
    ///
    /// # Errors
    ///
    /// When there are no replicates, or more than [`Self::MOST_REPLICATES`].
    pub fn new(
        seed: u64,
        n_replicates: u64,
        resampling: Resampling,
    ) -> Result<Self, BootstrapError> {
        if (1..=Self::MOST_REPLICATES).contains(&n_replicates) {
            Ok(Self { seed, n_replicates, resampling })
        } else {
            Err(BootstrapError::InvalidReplicates { n_replicates })
        }
    }

    /// Checks that the values of so many quantities can be kept.
    ///
    /// # Errors
    ///
    /// When there are more than [`Self::MOST_VALUES`].
    pub fn holds(&self, n_quantities: usize) -> Result<(), BootstrapError> {
        let n_values = self.n_replicates.saturating_mul(n_quantities as u64);
        if n_values <= Self::MOST_VALUES {
            Ok(())
        } else {
            let n_replicates = self.n_replicates;
            Err(BootstrapError::TooManyValues { n_replicates, n_quantities, n_values })
        }
    }

    /// Seed of all streams.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of replicates.
    #[must_use]
    pub fn n_replicates(&self) -> u64 {
        self.n_replicates
    }

    /// What a replicate gives each unit.
    #[must_use]
    pub fn resampling(&self) -> Resampling {
        self.resampling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the documented limit rests on, and the first product beyond it.
    #[test]
    fn the_values_of_a_bootstrap_are_bounded() {
        assert_eq!(size_of::<cohort::Replicated>(), 32);
        let plan = Plan::new(1, 20_000, Resampling::default()).unwrap();
        assert_eq!(plan.holds(250), Ok(()));
        let error = plan.holds(251).unwrap_err();
        assert_eq!(
            error.to_string(),
            "20000 replicates of 251 quantities are 5020000 values, and at most 5000000 are kept: ask for at \
             most 19920 replicates, or for fewer quantities"
        );
        assert!(plan.holds(usize::MAX).is_err());
    }
}
