//! What this crate answers.

use crate::{BalanceTest, Location};
use cohort::{Caveat, Estimate, Interval};
use hypothesis::{Residuals, ShapiroWilk};

/// A baseline table of two arms, and what else was asked with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The table of all selected subjects.
    pub table: BalanceTable,
    /// The same within each level of each column asked for.
    pub within: Vec<Within>,
    /// Whom the sample speaks for: its exposed, in the place of the exposed, against the exposed of the
    /// reference that it lacks, in the place of the comparators. Absent when it was not asked for.
    pub unmatched: Option<Estimate<BalanceTable>>,
}

/// A comparison within the subjects of one level.
#[derive(Clone, Debug, PartialEq)]
pub struct Within {
    /// Column of the level, such as a site.
    pub column: String,
    /// The level.
    pub level: String,
    /// The table, or why these subjects cannot be compared.
    pub table: Estimate<BalanceTable>,
}

/// A baseline table of two arms.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceTable {
    /// Number of exposed subjects.
    pub n_exposed: usize,
    /// Number of comparators.
    pub n_comparators: usize,
    /// Effective number of exposed subjects, `(Σ w)² / Σ w²`; their number without weights.
    pub effective_exposed: f64,
    /// Effective number of comparators.
    pub effective_comparators: f64,
    /// One entry per variable, in the order asked for.
    pub rows: Vec<BalanceRow>,
    /// Largest absolute standardised difference, by the pooled SD of the reference rows.
    pub largest_smd: Estimate,
}

/// One variable of a baseline table of two arms.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceRow {
    /// Summaries and tests; the exposed are the first group.
    pub baseline: BaselineRow,
    /// How far the arms are apart.
    pub differences: Differences,
}

/// A baseline table of any number of groups.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupTable {
    /// Labels of the groups that hold somebody, in the order of their levels.
    pub groups: Vec<String>,
    /// Number of subjects in each.
    pub n: Vec<usize>,
    /// One entry per variable, in the order asked for.
    pub rows: Vec<BaselineRow>,
}

/// One variable of a baseline table.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineRow {
    /// Name of the column.
    pub variable: String,
    /// Its summary in each group.
    pub summary: Summary,
    /// Number of subjects of each group without a value; they are in no other number of the row.
    pub n_missing: Vec<usize>,
    /// The tests that apply to its kind.
    pub tests: Vec<TestOutcome>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// How a variable is distributed in each group.
#[derive(Clone, Debug, PartialEq)]
pub enum Summary {
    /// Numbers.
    Numeric {
        /// One summary per group.
        groups: Vec<NumericSummary>,
        /// Which of mean and median speaks for the groups.
        location: Location,
    },
    /// Categories.
    Categorical {
        /// Labels in display order.
        levels: Vec<String>,
        /// Per group the unweighted count of each level.
        counts: Vec<Vec<usize>>,
        /// Per group the share of each level, weighted if weights are given.
        shares: Vec<Vec<Estimate>>,
    },
}

/// Moments and quartiles of some numbers.
///
/// With weights, mean, SD and quantiles are weighted: the SD with denominator `Σ w - Σ w² / Σ w`, a
/// quantile as the value at which the weighted distribution function passes the probability, the
/// midpoint where it rests on it.
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
    /// First quartile, type 6 as SPSS has it; not defined with weights.
    pub q1_type_6: Estimate,
    /// Third quartile, type 6; not defined with weights.
    pub q3_type_6: Estimate,
    /// First quartile, type 2 as SAS has it; not defined with weights.
    pub q1_type_2: Estimate,
    /// Third quartile, type 2; not defined with weights.
    pub q3_type_2: Estimate,
    /// Smallest value.
    pub min: Estimate,
    /// Largest value.
    pub max: Estimate,
    /// Skewness `m₃ / m₂^(3/2)`, unweighted.
    pub skewness: Estimate,
    /// Test of normality, unweighted.
    pub shapiro_wilk: Estimate<ShapiroWilk>,
}

/// The outcome of one test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestOutcome {
    /// Which test.
    pub test: BalanceTest,
    /// Its statistic; exact tests of counts have none.
    pub statistic: Option<Estimate>,
    /// Degrees of freedom where the test has them; of the numerator of an F.
    pub degrees_of_freedom: Option<f64>,
    /// Degrees of freedom of the denominator of an F.
    pub denominator_degrees_of_freedom: Option<f64>,
    /// The p-value, two-sided where there are sides.
    pub p_value: Estimate,
    /// What else the test says, each measure at most once.
    pub details: Vec<Detail>,
    /// Where the table departs from independence; of Pearson's test without correction alone.
    pub cells: Option<Cells>,
}

/// Cells of a table of counts: rows are the groups that have a value, columns the levels that occur.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// Counts expected under independence.
    pub expected: Vec<Vec<f64>>,
    /// Pearson's and standardised residuals.
    pub residuals: Residuals,
}

/// A number that belongs to a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// What it measures.
    pub measure: Measure,
    /// Its value.
    pub value: Estimate,
    /// Its confidence limits, where it has them.
    pub interval: Option<Interval>,
}

/// What a number that belongs to a test measures.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Measure {
    /// Odds ratio of a 2 by 2 table, `ad / bc`.
    OddsRatio,
    /// Odds ratio by conditional maximum likelihood, with exact limits.
    ConditionalOddsRatio,
    /// Odds ratio common to all strata.
    CommonOddsRatio,
    /// Phi of a 2 by 2 table.
    Phi,
    /// Cramér's V.
    CramersV,
    /// First mean minus second, or mean of the differences within pairs.
    MeanDifference,
    /// First variance over second.
    VarianceRatio,
    /// Standard normal statistic.
    Z,
    /// The smaller rank statistic, as SPSS prints it.
    U,
    /// Rank sum of the first group.
    RankSum,
    /// Mean of the rank statistic when nothing differs.
    StatisticMean,
    /// Its standard deviation.
    StatisticSd,
    /// One-sided p-value against an odds ratio below 1.
    PLess,
    /// One-sided p-value against an odds ratio above 1.
    PGreater,
    /// Standard error of a p-value from random tables.
    MonteCarloError,
    /// Number of random tables.
    Replicates,
    /// Number of pairs.
    Pairs,
    /// Number of pairs without a difference.
    EqualPairs,
    /// Number of pairs whose first member has the larger value, or the second level alone.
    PositivePairs,
    /// Number of pairs whose second member has it.
    NegativePairs,
}

impl Measure {
    /// Every measure, for those who translate them.
    pub const ALL: [Self; 20] = [
        Self::OddsRatio,
        Self::ConditionalOddsRatio,
        Self::CommonOddsRatio,
        Self::Phi,
        Self::CramersV,
        Self::MeanDifference,
        Self::VarianceRatio,
        Self::Z,
        Self::U,
        Self::RankSum,
        Self::StatisticMean,
        Self::StatisticSd,
        Self::PLess,
        Self::PGreater,
        Self::MonteCarloError,
        Self::Replicates,
        Self::Pairs,
        Self::EqualPairs,
        Self::PositivePairs,
        Self::NegativePairs,
    ];
}

/// How far two arms are apart in one variable, exposed minus comparators.
#[derive(Clone, Debug, PartialEq)]
pub struct Differences {
    /// Standardised differences of the variable as a whole.
    pub standardised: Standardised,
    /// Variance of the exposed over that of the comparators, in the rows at hand; numbers alone.
    pub variance_ratio: Estimate,
    /// Mean distance of the distribution functions over the distinct values of sample and reference;
    /// for categories half the sum of the differences of the shares.
    pub ecdf_mean: Estimate,
    /// Largest distance of the distribution functions, the Kolmogorov-Smirnov statistic; for
    /// categories that of the shares.
    pub ecdf_max: Estimate,
    /// Mean absolute difference within pairs, in standard deviations of the exposed reference rows;
    /// not defined for categories of more than two levels, nor without pairs.
    pub pair_distance: Estimate,
    /// One entry per level of a category, as if it were a variable of its own.
    pub levels: Vec<LevelDifference>,
}

/// How far two arms are apart in the share of one level.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelDifference {
    /// The level.
    pub level: String,
    /// Difference of the shares.
    pub difference: Estimate,
    /// The same, standardised.
    pub standardised: Standardised,
    /// Share of pairs that differ in the level, in standard deviations of the exposed reference rows.
    pub pair_distance: Estimate,
}

/// A standardised difference by each of the standard deviations in use.
///
/// Those of the reference rows are unweighted and stay where matching moves the sample; those of the
/// rows at hand are weighted if weights are given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standardised {
    /// By the root of the mean of both variances of the reference rows: that of the love plot.
    pub pooled: Estimate,
    /// By the SD of the exposed reference rows, as MatchIt has it for the effect on the treated.
    pub exposed_sd: Estimate,
    /// By the SD of the comparators among the reference rows.
    pub comparator_sd: Estimate,
    /// By the root of the mean of both variances of the rows at hand.
    pub own_pooled: Estimate,
    /// By the SD of the exposed rows at hand.
    pub own_exposed_sd: Estimate,
    /// By the SD of the comparators at hand.
    pub own_comparator_sd: Estimate,
}
