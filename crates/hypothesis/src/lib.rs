//! Tests of equality, and what belongs to them: measures of association, exact p-values, bounds
//! under hidden bias.
//!
//! Every test takes plain numbers or counts; [`hidden_bias`] alone reads a cohort. Which test suits
//! which variable is the caller's choice; a test that the data do not allow says why. Numbers are
//! finite.

mod association;
mod chi_squared;
mod conditional;
mod fisher;
mod groups;
mod heterogeneity;
mod hidden_bias;
mod monte_carlo;
mod pairs;
mod rank_sum;
mod root;
mod sensitivity;
mod shapiro_wilk;
mod smirnov;
mod strata;
mod strata_of_numbers;
mod table;
mod two_by_two;
mod two_means;

pub use association::{Residuals, cramers_v, g_test, phi, residuals, sample_odds_ratio};
pub use chi_squared::{ChiSquared, chi_squared, chi_squared_yates};
pub use fisher::fisher_exact;
pub use groups::{FTest, anova, bartlett, brown_forsythe, kruskal_wallis, welch_anova};
pub use heterogeneity::{PooledMean, PooledSites, SiteEstimate, pool_sites};
pub use hidden_bias::{
    HiddenBiasAnswer, HiddenBiasError, HiddenBiasQuery, PairOutcome, hidden_bias,
};
pub use monte_carlo::{MonteCarlo, fisher_monte_carlo};
pub use pairs::{
    SignTest, SignedRank, mcnemar, mcnemar_exact, paired_t, sign_test, signed_rank,
    signed_rank_exact,
};
pub use rank_sum::{Continuity, RankSum, mann_whitney, mann_whitney_exact};
pub use sensitivity::{
    HiddenBias, largest_sign_bias, largest_signed_rank_bias, sign_bounds, signed_rank_bounds,
};
pub use shapiro_wilk::{ShapiroWilk, shapiro_wilk};
pub use smirnov::{Smirnov, kolmogorov_smirnov};
pub use strata::{
    ExactMantelHaenszel, MantelHaenszel, breslow_day, cochran_mantel_haenszel, mantel_haenszel,
    mantel_haenszel_exact,
};
pub use strata_of_numbers::{StandardNormal, StratumOfNumbers, stratified_rank_sum, van_elteren};
pub use table::ContingencyTable;
pub use two_by_two::{FisherTwoByTwo, fisher_two_by_two};
pub use two_means::{MeanDifference, VarianceRatio, student_t, variance_ratio, welch_t};
