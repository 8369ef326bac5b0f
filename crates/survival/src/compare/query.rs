//! What may be asked of a comparison and what it answers, in terms of a cohort's columns.

use super::{MaxCombo, MaxComboQuery, PairTest, PairwiseQuery, Trend, TrendQuery};
use cohort::{Caveat, EndpointColumns, Estimate, WeightColumn};

/// Which differences between curves weigh most. The default is that of `survdiff` in R.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum TestWeights {
    /// All events equally.
    #[default]
    LogRank,
    /// By the number at risk (Gehan-Breslow, the generalised Wilcoxon test).
    GehanBreslow,
    /// By the square root of the number at risk.
    TaroneWare,
    /// By a survival estimate close to Kaplan and Meier's.
    PetoPeto,
    /// By that estimate times `n / (n + 1)`, which lets small risk sets weigh less.
    ModifiedPetoPeto,
    /// By `S(t-)^p (1 - S(t-))^q` of the pooled sample.
    FlemingHarrington {
        /// Weight of early differences.
        p: f64,
        /// Weight of late differences.
        q: f64,
    },
}

/// How the variance of observed minus expected events is estimated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TestVariance {
    /// By the distribution of the events over the risk set, given their number. With sampling
    /// weights that of Xie and Liu, which equals it for weights of 1.
    #[default]
    Hypergeometric,
    /// By the spread of what the subjects contribute, as in a survey whose weights are fixed. Events
    /// at one time are tied as Efron has it, so that expected events are others where there are ties.
    Design,
}

/// How to compare; the default is the log-rank test alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComparisonOptions {
    /// Weights of the events.
    pub weights: TestWeights,
    /// How variances are estimated.
    pub variance: TestVariance,
    /// A test for trend over the levels in their order.
    pub trend: Option<TrendQuery>,
    /// Tests of all pairs of levels.
    pub pairwise: Option<PairwiseQuery>,
    /// The largest of several Fleming-Harrington tests; for two groups alone.
    pub max_combo: Option<MaxComboQuery>,
}

/// Which groups to compare and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonQuery {
    /// Follow-up.
    pub endpoint: EndpointColumns,
    /// Column whose levels are compared.
    pub group: String,
    /// Columns whose crossing stratifies the tests; matched pairs are strata too.
    pub strata: Vec<String>,
    /// Case weights; absent = every subject counts once.
    pub weights: Option<WeightColumn>,
    /// How to compare.
    pub options: ComparisonOptions,
}

/// A comparison of curves.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// One entry per level, in their order.
    pub groups: Vec<ComparedGroup>,
    /// Covariance of observed minus expected over all levels, row by row.
    pub variance: Vec<Vec<f64>>,
    /// The statistic, or why there is none.
    pub chi_squared: Estimate,
    /// Number of compared groups with expected events, less one; fewer where groups share no risk
    /// set, so that their difference has no variance.
    pub degrees_of_freedom: usize,
    /// Upper tail of the statistic.
    pub p_value: Estimate,
    /// Natural logarithm of the p-value, finite where it underflows.
    pub ln_p_value: Estimate,
    /// The test for trend, when asked for.
    pub trend: Option<Trend>,
    /// The tests of all pairs of levels that hold subjects, first with second, first with third and
    /// so on; empty unless asked for.
    pub pairwise: Vec<PairTest>,
    /// The largest of several tests, when asked for.
    pub max_combo: Option<MaxCombo>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// One group of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedGroup {
    /// Level of the group column.
    pub group: String,
    /// Number of subjects.
    pub n: usize,
    /// Number of events, without any weights.
    pub n_events: usize,
    /// Observed events, by the weights of the test and the sampling weights.
    pub observed: f64,
    /// Expected events under equal hazards, by the same weights.
    pub expected: f64,
}
