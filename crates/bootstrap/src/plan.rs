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
    /// Most replicates of a plan: their answers have to be kept until the limits are known.
    pub const MOST_REPLICATES: u64 = 10_000_000;

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
