//! The tests that a baseline table may report, and what each of them needs.

/// A test of equality between groups.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum BalanceTest {
    /// Pearson's chi-squared test without correction.
    ChiSquared,
    /// The same with Yates's correction as R applies it; 2 by 2 tables.
    ChiSquaredYates,
    /// Likelihood-ratio test of independence (G).
    LikelihoodRatio,
    /// Fisher's exact test; where it would take too long, tables are drawn at random.
    Fisher,
    /// Fisher's test from tables drawn at random.
    FisherMonteCarlo,
    /// Mann-Whitney U by the normal approximation without correction; two groups.
    MannWhitney,
    /// The same with a continuity correction of one half, the default of R; two groups.
    MannWhitneyContinuity,
    /// Mann-Whitney U, exact with and without ties; two groups.
    MannWhitneyExact,
    /// Welch's t test; two groups.
    WelchT,
    /// Student's t test; two groups.
    StudentT,
    /// F test of two variances; two groups.
    VarianceRatio,
    /// Kolmogorov-Smirnov test; two groups.
    KolmogorovSmirnov,
    /// Kruskal-Wallis rank test.
    KruskalWallis,
    /// Analysis of variance.
    Anova,
    /// Analysis of variance with unequal variances.
    WelchAnova,
    /// Bartlett's test of equal variances.
    Bartlett,
    /// Brown and Forsythe's test of equal spread.
    BrownForsythe,
    /// McNemar's test without correction, Bowker's for more than two levels; pairs.
    McNemar,
    /// McNemar's test with a correction of one; pairs.
    McNemarContinuity,
    /// Exact McNemar test; pairs, two levels.
    McNemarExact,
    /// Student's t test of the differences; pairs.
    PairedT,
    /// Signed rank test by the normal approximation without correction; pairs.
    SignedRank,
    /// The same with a continuity correction of one half, the default of R; pairs.
    SignedRankContinuity,
    /// Signed rank test, exact with and without ties; pairs.
    SignedRankExact,
    /// Sign test; pairs.
    Sign,
    /// Cochran-Mantel-Haenszel test without correction; strata, 2 by 2 tables.
    MantelHaenszel,
    /// The same with a correction of one half, the default of R; strata, 2 by 2 tables.
    MantelHaenszelContinuity,
    /// Exact conditional test; strata, 2 by 2 tables.
    MantelHaenszelExact,
    /// Generalised Cochran-Mantel-Haenszel test of general association; strata.
    GeneralAssociation,
    /// Breslow and Day's test of a common odds ratio, with Tarone's correction; strata, 2 by 2 tables.
    BreslowDay,
    /// Van Elteren's rank sum test; strata, two groups.
    VanElteren,
    /// Rank sum test on ranks of the pooled sample, permuted within strata; strata, two groups.
    StratifiedRankSum,
}

/// What a test compares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measured {
    /// Categories.
    Counts,
    /// Numbers.
    Numbers,
}

/// How the subjects that a test compares belong together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Design {
    /// Not at all.
    Independent,
    /// In pairs.
    Pairs,
    /// In strata.
    Strata,
}

impl BalanceTest {
    /// Every test, for those who translate them.
    pub const ALL: [Self; 32] = [
        Self::ChiSquared,
        Self::ChiSquaredYates,
        Self::LikelihoodRatio,
        Self::Fisher,
        Self::FisherMonteCarlo,
        Self::MannWhitney,
        Self::MannWhitneyContinuity,
        Self::MannWhitneyExact,
        Self::WelchT,
        Self::StudentT,
        Self::VarianceRatio,
        Self::KolmogorovSmirnov,
        Self::KruskalWallis,
        Self::Anova,
        Self::WelchAnova,
        Self::Bartlett,
        Self::BrownForsythe,
        Self::McNemar,
        Self::McNemarContinuity,
        Self::McNemarExact,
        Self::PairedT,
        Self::SignedRank,
        Self::SignedRankContinuity,
        Self::SignedRankExact,
        Self::Sign,
        Self::MantelHaenszel,
        Self::MantelHaenszelContinuity,
        Self::MantelHaenszelExact,
        Self::GeneralAssociation,
        Self::BreslowDay,
        Self::VanElteren,
        Self::StratifiedRankSum,
    ];

    /// Whether the test is one of counts or of numbers.
    #[must_use]
    pub fn measured(self) -> Measured {
        match self {
            Self::ChiSquared
            | Self::ChiSquaredYates
            | Self::LikelihoodRatio
            | Self::Fisher
            | Self::FisherMonteCarlo
            | Self::McNemar
            | Self::McNemarContinuity
            | Self::McNemarExact
            | Self::MantelHaenszel
            | Self::MantelHaenszelContinuity
            | Self::MantelHaenszelExact
            | Self::GeneralAssociation
            | Self::BreslowDay => Measured::Counts,
            _ => Measured::Numbers,
        }
    }

    /// How the subjects that it compares belong together.
    #[must_use]
    pub fn design(self) -> Design {
        match self {
            Self::McNemar
            | Self::McNemarContinuity
            | Self::McNemarExact
            | Self::PairedT
            | Self::SignedRank
            | Self::SignedRankContinuity
            | Self::SignedRankExact
            | Self::Sign => Design::Pairs,
            Self::MantelHaenszel
            | Self::MantelHaenszelContinuity
            | Self::MantelHaenszelExact
            | Self::GeneralAssociation
            | Self::BreslowDay
            | Self::VanElteren
            | Self::StratifiedRankSum => Design::Strata,
            _ => Design::Independent,
        }
    }
}
