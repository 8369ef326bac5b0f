//! What may be asked of this crate and what it answers, in terms of a cohort's columns.

use cohort::{Caveat, Estimate};

/// Which variables to compare between two arms, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceQuery {
    /// Column that tells the arms apart; it has exactly two levels.
    pub exposure: String,
    /// Level of the exposed.
    pub exposed: String,
    /// Variables in the order of the table.
    pub variables: Vec<Variable>,
    /// Tests to report for each variable to which they apply.
    pub tests: Vec<BalanceTest>,
}

/// A variable of the baseline table.
#[derive(Clone, Debug, PartialEq)]
pub enum Variable {
    /// A numeric column, summarised by mean, SD and quartiles.
    Numeric(String),
    /// A column of categories, summarised by counts.
    Categorical(String),
}

/// A test of equality between the arms.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum BalanceTest {
    /// Pearson's chi-squared test without correction; categories.
    ChiSquared,
    /// The same with Yates's correction as R applies it; 2 by 2 tables.
    ChiSquaredYates,
    /// Fisher's exact test; categories.
    Fisher,
    /// Mann-Whitney U by the normal approximation without correction; numbers.
    MannWhitney,
    /// The same with a continuity correction of one half, the default of R; numbers.
    MannWhitneyContinuity,
    /// Welch's t test; numbers.
    WelchT,
}

/// A baseline table.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceTable {
    /// Number of exposed subjects.
    pub n_exposed: usize,
    /// Number of comparators.
    pub n_comparators: usize,
    /// One entry per variable, in the order asked for.
    pub rows: Vec<BalanceRow>,
    /// Largest absolute standardised difference, by the pooled SD of the reference rows.
    pub largest_smd: Estimate,
}

/// One variable of a baseline table.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceRow {
    /// Name of the column.
    pub variable: String,
    /// Its summary in the two arms.
    pub summary: Summary,
    /// The tests asked for that apply to its kind.
    pub tests: Vec<TestOutcome>,
    /// Standardised mean difference, exposed minus comparator, with the pooled SD of the reference
    /// rows (for the matched sample, the unmatched data).
    pub smd: Estimate,
    /// The same with the pooled SD of the rows at hand.
    pub smd_own_sample: Estimate,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// How a variable is distributed in the two arms.
#[derive(Clone, Debug, PartialEq)]
pub enum Summary {
    /// Numbers.
    Numeric {
        /// Among the exposed.
        exposed: NumericSummary,
        /// Among the comparators.
        comparators: NumericSummary,
    },
    /// Categories.
    Categorical {
        /// Labels in display order.
        levels: Vec<String>,
        /// Count of each level among the exposed.
        exposed: Vec<usize>,
        /// Count of each level among the comparators.
        comparators: Vec<usize>,
    },
}

/// Moments and quartiles of some numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct NumericSummary {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: Estimate,
    /// Standard deviation with denominator `n - 1`.
    pub sd: Estimate,
    /// Median.
    pub median: Estimate,
    /// First quartile, type 7.
    pub q1: Estimate,
    /// Third quartile, type 7.
    pub q3: Estimate,
}

/// The outcome of one test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestOutcome {
    /// Which test.
    pub test: BalanceTest,
    /// Its statistic; Fisher's test has none.
    pub statistic: Option<Estimate>,
    /// Degrees of freedom where the test has them.
    pub degrees_of_freedom: Option<f64>,
    /// The p-value.
    pub p_value: Estimate,
}
