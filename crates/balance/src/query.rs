//! What may be asked of this crate, in terms of a cohort's columns.

use crate::BalanceTest;

/// Which variables to compare between two arms, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceQuery {
    /// Column that tells the arms apart; it has exactly two levels.
    pub exposure: String,
    /// Level of the exposed.
    pub exposed: String,
    /// Variables in the order of the table.
    pub variables: Vec<Variable>,
    /// Tests to report.
    pub tests: TestChoice,
    /// Settings of the tests.
    pub options: TestOptions,
    /// Column of case weights, from matching or inverse probabilities: not negative, and those of 0
    /// leave the sample. They act on means, shares and differences; counts stay unweighted, and a
    /// weighted sample is not tested.
    pub weights: Option<String>,
    /// Who is paired with whom, for pair distances and tests of pairs.
    pub pairing: Option<Pairing>,
    /// Columns whose crossing makes the strata of stratified tests; empty without them.
    pub strata: Vec<String>,
    /// Columns, such as sites and subgroups, within whose levels the comparison is repeated.
    pub within: Vec<String>,
    /// Whether the exposed of the sample are compared with those who are in the reference alone.
    pub compare_unmatched: bool,
}

impl BalanceQuery {
    /// A comparison by the default rule of choice, without weights, pairs and strata.
    #[must_use]
    pub fn new(exposure: &str, exposed: &str, variables: Vec<Variable>) -> Self {
        Self {
            exposure: exposure.into(),
            exposed: exposed.into(),
            variables,
            tests: TestChoice::Auto,
            options: TestOptions::default(),
            weights: None,
            pairing: None,
            strata: Vec::new(),
            within: Vec::new(),
            compare_unmatched: false,
        }
    }
}

/// Which variables to compare between any number of groups, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupsQuery {
    /// Column that tells the groups apart; at least two of its levels occur.
    pub group: String,
    /// Variables in the order of the table.
    pub variables: Vec<Variable>,
    /// Tests to report.
    pub tests: TestChoice,
    /// Settings of the tests.
    pub options: TestOptions,
    /// Who is paired with whom, for tests of pairs of two groups.
    pub pairing: Option<Pairing>,
    /// Columns whose crossing makes the strata of stratified tests; empty without them.
    pub strata: Vec<String>,
}

impl GroupsQuery {
    /// A comparison by the default rule of choice, without pairs and strata.
    #[must_use]
    pub fn new(group: &str, variables: Vec<Variable>) -> Self {
        Self {
            group: group.into(),
            variables,
            tests: TestChoice::Auto,
            options: TestOptions::default(),
            pairing: None,
            strata: Vec::new(),
        }
    }
}

/// A variable of the baseline table.
#[derive(Clone, Debug, PartialEq)]
pub enum Variable {
    /// A numeric column, summarised by mean, SD and quartiles.
    Numeric(String),
    /// A column of categories, summarised by counts.
    Categorical(String),
}

impl Variable {
    /// Name of its column.
    #[must_use]
    pub fn column(&self) -> &str {
        match self {
            Self::Numeric(column) | Self::Categorical(column) => column,
        }
    }
}

/// Which tests to report.
#[derive(Clone, Debug, PartialEq)]
pub enum TestChoice {
    /// One test per variable, by this rule, which looks at the data but not at the outcome of a test.
    ///
    /// | | counts | numbers |
    /// | --- | --- | --- |
    /// | strata given | general association | van Elteren for two groups, none for more |
    /// | pairs given | McNemar, exact below 25 pairs that differ | paired t where a mean speaks for the differences, else signed rank, exact below 50 pairs |
    /// | neither | Pearson's chi-squared where all expected counts are 5 or more, else Fisher | Welch's t (ANOVA for more groups) where a mean speaks for the groups, else Mann-Whitney, exact where both groups are below 50 (Kruskal-Wallis for more groups) |
    ///
    /// A mean speaks for groups of at least [`crate::SMALLEST_GROUP_FOR_MEANS`] values whose skewness
    /// is at most [`crate::MOST_SKEWED`] in each; see [`crate::Location`].
    Auto,
    /// These, each for the variables of its kind, in this order.
    Listed(Vec<BalanceTest>),
}

/// Settings of the tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestOptions {
    /// Confidence of all limits, strictly between 0 and 1; 0.95 by default.
    pub confidence: f64,
    /// Tables drawn for a Monte-Carlo p-value; 10,000 by default. With 0 an exact test that would
    /// take too long says so.
    pub replicates: usize,
    /// Seed of these draws; 1 by default.
    pub seed: u64,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self { confidence: 0.95, replicates: 10_000, seed: 1 }
    }
}

/// Who is paired with whom.
#[derive(Clone, Debug, PartialEq)]
pub enum Pairing {
    /// A column whose value the members of a matched set share; each exposed member is paired with
    /// each comparator of its set. Subjects without a value are in no set.
    Column(String),
    /// Rows of the cohort, exposed first; a comparator that is used again occurs again.
    Rows(Vec<(usize, usize)>),
}
