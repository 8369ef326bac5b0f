//! Runs the tests of a variable.

use crate::choice;
use crate::pairing::MatchedSet;
use crate::sample::Group;
use crate::{
    BalanceTest, Cells, Design, Detail, Location, Measure, Measured, TestChoice, TestOptions,
    TestOutcome,
};
use cohort::{Estimate, Interval, NotEstimable};
use hypothesis::{
    ChiSquared, ContingencyTable, Continuity, FTest, MantelHaenszel, MeanDifference, MonteCarlo,
    RankSum, SignedRank, StandardNormal, StratumOfNumbers,
};

/// How the subjects of a sample belong together, and which tests are asked for.
pub(crate) struct Plan<'a> {
    pub tests: &'a TestChoice,
    pub options: TestOptions,
    pub sets: Option<Vec<MatchedSet>>,
    /// Stratum of each row of the cohort; absent without strata.
    pub strata: Option<Vec<u32>>,
    /// Weighted subjects are not tested.
    pub is_weighted: bool,
}

impl Plan<'_> {
    /// The tests of a variable: those listed that suit it, or the one that the rule chooses.
    fn tests(
        &self,
        measured: Measured,
        chosen: impl FnOnce() -> Option<BalanceTest>,
    ) -> Vec<BalanceTest> {
        match self.tests {
            TestChoice::Auto if self.is_weighted => Vec::new(),
            TestChoice::Auto => chosen().into_iter().collect(),
            TestChoice::Listed(tests) => {
                tests.iter().copied().filter(|test| test.measured() == measured).collect()
            }
        }
    }

    fn outcome(&self, test: BalanceTest, run: impl FnOnce() -> Estimate<Found>) -> TestOutcome {
        let found = if self.is_weighted { Err(NotEstimable::NotDefined) } else { run() };
        found.map_or_else(|reason| without_value(test, reason), |found| found.of(test))
    }

    /// Pairs of one with one; larger sets are no pairs.
    fn pairs(&self) -> Estimate<Vec<(usize, usize)>> {
        let sets = self.sets.as_ref().ok_or(NotEstimable::NotDefined)?;
        let pair = |set: &MatchedSet| match (&set.first[..], &set.second[..]) {
            ([first], [second]) => Ok((*first, *second)),
            _ => Err(NotEstimable::NotDefined),
        };
        sets.iter().map(pair).collect()
    }
}

/// What a test found.
struct Found {
    statistic: Option<f64>,
    df: Option<f64>,
    denominator_df: Option<f64>,
    p_value: f64,
    details: Vec<Detail>,
    cells: Option<Cells>,
}

impl Found {
    fn p(p_value: f64) -> Self {
        let (statistic, df, denominator_df) = (None, None, None);
        Self { statistic, df, denominator_df, p_value, details: Vec::new(), cells: None }
    }

    fn with(mut self, measure: Measure, value: Estimate) -> Self {
        self.details.push(Detail { measure, value, interval: None });
        self
    }

    fn with_limits(mut self, measure: Measure, value: Estimate, interval: Interval) -> Self {
        self.details.push(Detail { measure, value, interval: Some(interval) });
        self
    }

    fn of(self, test: BalanceTest) -> TestOutcome {
        TestOutcome {
            test,
            statistic: self.statistic.map(Ok),
            degrees_of_freedom: self.df,
            denominator_degrees_of_freedom: self.denominator_df,
            p_value: Ok(self.p_value),
            details: self.details,
            cells: self.cells,
        }
    }
}

impl From<ChiSquared> for Found {
    fn from(test: ChiSquared) -> Self {
        let (statistic, df) = (Some(test.statistic), Some(test.degrees_of_freedom as f64));
        Self { statistic, df, ..Self::p(test.p_value) }
    }
}

impl From<FTest> for Found {
    fn from(test: FTest) -> Self {
        let denominator_df = Some(test.df2);
        Self {
            statistic: Some(test.f),
            df: Some(test.df1),
            denominator_df,
            ..Self::p(test.p_value)
        }
    }
}

impl From<MeanDifference> for Found {
    fn from(test: MeanDifference) -> Self {
        let (statistic, df) = (Some(test.t), Some(test.degrees_of_freedom));
        Self { statistic, df, ..Self::p(test.p_value) }.with_limits(
            Measure::MeanDifference,
            Ok(test.difference),
            test.interval,
        )
    }
}

impl From<RankSum> for Found {
    fn from(test: RankSum) -> Self {
        Self { statistic: Some(test.w), ..Self::p(test.p_value) }
            .with(Measure::Z, Ok(test.z))
            .with(Measure::U, Ok(test.u))
            .with(Measure::RankSum, Ok(test.rank_sum))
            .with(Measure::StatisticMean, Ok(test.mean))
            .with(Measure::StatisticSd, Ok(test.sd))
    }
}

impl From<SignedRank> for Found {
    fn from(test: SignedRank) -> Self {
        Self { statistic: Some(test.v), ..Self::p(test.p_value) }
            .with(Measure::Z, Ok(test.z))
            .with(Measure::StatisticMean, Ok(test.mean))
            .with(Measure::StatisticSd, Ok(test.sd))
            .with(Measure::Pairs, Ok((test.n + test.n_zero) as f64))
            .with(Measure::EqualPairs, Ok(test.n_zero as f64))
    }
}

impl From<StandardNormal> for Found {
    fn from(test: StandardNormal) -> Self {
        Self { statistic: Some(test.z), ..Self::p(test.p_value) }
    }
}

impl From<MonteCarlo> for Found {
    fn from(test: MonteCarlo) -> Self {
        Self::p(test.p_value)
            .with(Measure::MonteCarloError, Ok(test.standard_error))
            .with(Measure::Replicates, Ok(test.n_replicates as f64))
    }
}

impl From<MantelHaenszel> for Found {
    fn from(test: MantelHaenszel) -> Self {
        Self::from(test.test).with_limits(Measure::CommonOddsRatio, test.odds_ratio, test.interval)
    }
}

fn without_value(test: BalanceTest, reason: NotEstimable) -> TestOutcome {
    let has_statistic = !matches!(
        test,
        BalanceTest::Fisher
            | BalanceTest::FisherMonteCarlo
            | BalanceTest::McNemarExact
            | BalanceTest::MannWhitneyExact
            | BalanceTest::SignedRankExact
            | BalanceTest::Sign
            | BalanceTest::MantelHaenszelExact
    );
    TestOutcome {
        test,
        statistic: has_statistic.then_some(Err(reason)),
        degrees_of_freedom: None,
        denominator_degrees_of_freedom: None,
        p_value: Err(reason),
        details: Vec::new(),
        cells: None,
    }
}

/// Tests of categories. `counts` are those of each group, over all `n_levels`.
pub(crate) fn of_categories(
    plan: &Plan,
    groups: &[Group<u32>],
    n_levels: usize,
    counts: &[Vec<usize>],
) -> Vec<TestOutcome> {
    let table = ContingencyTable::new(counts);
    let chosen = || match (&plan.strata, &plan.sets) {
        (Some(_), _) => Some(BalanceTest::GeneralAssociation),
        (None, Some(_)) => {
            // Without pairs the test says why there is none.
            let pairs = paired_counts(plan, groups, n_levels).unwrap_or_default();
            let on_the_diagonal: usize = (0..pairs.len()).map(|level| pairs[level][level]).sum();
            let all: usize = pairs.iter().flatten().sum();
            Some(choice::of_paired_counts(pairs.len(), all - on_the_diagonal))
        }
        (None, None) => Some(choice::of_counts(&table)),
    };
    let run = |test: BalanceTest| {
        plan.outcome(test, || match test.design() {
            Design::Independent => of_table(plan, test, table.as_ref().map_err(|&reason| reason)?),
            Design::Pairs => of_paired_counts(test, &paired_counts(plan, groups, n_levels)?),
            Design::Strata => of_strata_of_counts(plan, test, &stratified(plan, groups, n_levels)?),
        })
    };
    plan.tests(Measured::Counts, chosen).into_iter().map(run).collect()
}

fn of_table(plan: &Plan, test: BalanceTest, table: &ContingencyTable) -> Estimate<Found> {
    let options = plan.options;
    match test {
        BalanceTest::ChiSquared => {
            Ok(with_association(hypothesis::chi_squared(table).into(), table))
        }
        BalanceTest::ChiSquaredYates => hypothesis::chi_squared_yates(table).map(Found::from),
        BalanceTest::LikelihoodRatio => Ok(hypothesis::g_test(table).into()),
        BalanceTest::FisherMonteCarlo => drawn(table, options),
        BalanceTest::Fisher => match hypothesis::fisher_exact(table) {
            Ok(p_value) => Ok(with_odds_ratio(Found::p(p_value), table, options.confidence)),
            Err(NotEstimable::TooLarge) if options.replicates > 0 => drawn(table, options),
            Err(reason) => Err(reason),
        },
        _ => Err(NotEstimable::NotDefined),
    }
}

fn drawn(table: &ContingencyTable, options: TestOptions) -> Estimate<Found> {
    hypothesis::fisher_monte_carlo(table, options.replicates, options.seed).map(Found::from)
}

fn with_association(mut found: Found, table: &ContingencyTable) -> Found {
    let residuals = hypothesis::residuals(table);
    found.cells = Some(Cells { expected: table.expected(), residuals });
    let found = found.with(Measure::CramersV, Ok(hypothesis::cramers_v(table)));
    if table.two_by_two().is_none() {
        return found;
    }
    found
        .with(Measure::Phi, hypothesis::phi(table))
        .with(Measure::OddsRatio, hypothesis::sample_odds_ratio(table))
}

fn with_odds_ratio(found: Found, table: &ContingencyTable, confidence: f64) -> Found {
    match hypothesis::fisher_two_by_two(table, confidence) {
        Ok(test) => found
            .with_limits(Measure::ConditionalOddsRatio, test.odds_ratio, test.interval)
            .with(Measure::PLess, Ok(test.p_less))
            .with(Measure::PGreater, Ok(test.p_greater)),
        Err(_) => found,
    }
}

/// How often each level of the first member of a pair meets each of the second.
///
/// Levels that occur in no pair do not count, as in other tests; fewer than two leave nothing that
/// could differ.
fn paired_counts(plan: &Plan, groups: &[Group<u32>], n_levels: usize) -> Estimate<Vec<Vec<usize>>> {
    let pairs = paired_values(plan, groups)?;
    let mut occurs = vec![false; n_levels];
    for &(first, second) in &pairs {
        occurs[first as usize] = true;
        occurs[second as usize] = true;
    }
    let kept: Vec<usize> = (0..n_levels).filter(|&level| occurs[level]).collect();
    if kept.len() < 2 {
        return Err(NotEstimable::AllValuesEqual);
    }
    let place = |level: u32| kept.partition_point(|&kept| kept < level as usize);
    let mut table = vec![vec![0; kept.len()]; kept.len()];
    for (first, second) in pairs {
        table[place(first)][place(second)] += 1;
    }
    Ok(table)
}

/// Values of both members of each pair that has both.
fn paired_values<T: Copy>(plan: &Plan, groups: &[Group<T>]) -> Estimate<Vec<(T, T)>> {
    let [first, second] = groups else { return Err(NotEstimable::NotDefined) };
    let value = |group: &Group<T>, row: usize| {
        group.rows.binary_search(&row).ok().map(|index| group.values[index])
    };
    let both = |(one, other): (usize, usize)| Some((value(first, one)?, value(second, other)?));
    Ok(plan.pairs()?.into_iter().filter_map(both).collect())
}

/// Sizes of the differences within pairs that differ, which a signed rank test ranks.
pub(crate) fn absolute_differences(plan: &Plan, groups: &[Group<f64>]) -> Estimate<Vec<f64>> {
    let sizes = paired_values(plan, groups)?.into_iter().map(|(one, other)| (one - other).abs());
    Ok(sizes.filter(|&size| size > 0.0).collect())
}

fn of_paired_counts(test: BalanceTest, table: &[Vec<usize>]) -> Estimate<Found> {
    let discordant = || match table {
        [first, second] => Ok((first[1], second[0])),
        _ => Err(NotEstimable::NotDefined),
    };
    let found = match test {
        BalanceTest::McNemar => hypothesis::mcnemar(table, Continuity::Uncorrected)?.into(),
        BalanceTest::McNemarContinuity => hypothesis::mcnemar(table, Continuity::Corrected)?.into(),
        BalanceTest::McNemarExact => {
            let (one, other) = discordant()?;
            Found::p(hypothesis::mcnemar_exact(one, other))
        }
        _ => return Err(NotEstimable::NotDefined),
    };
    let n: usize = table.iter().flatten().sum();
    let found = found.with(Measure::Pairs, Ok(n as f64));
    Ok(match discordant() {
        // The second level alone in the first member is the lower left count.
        Ok((second_only, first_only)) => found
            .with(Measure::PositivePairs, Ok(first_only as f64))
            .with(Measure::NegativePairs, Ok(second_only as f64)),
        Err(_) => found,
    })
}

/// The table of each stratum, in the order of the strata.
fn stratified(
    plan: &Plan,
    groups: &[Group<u32>],
    n_levels: usize,
) -> Estimate<Vec<Vec<Vec<usize>>>> {
    let strata = plan.strata.as_ref().ok_or(NotEstimable::NotDefined)?;
    let n_strata = n_strata(strata, groups);
    let mut tables = vec![vec![vec![0; n_levels]; groups.len()]; n_strata];
    for (index, group) in groups.iter().enumerate() {
        for (&row, &code) in group.rows.iter().zip(&group.values) {
            tables[strata[row] as usize][index][code as usize] += 1;
        }
    }
    Ok(tables)
}

fn n_strata<T>(strata: &[u32], groups: &[Group<T>]) -> usize {
    let of_rows = groups.iter().flat_map(|group| &group.rows).map(|&row| strata[row] as usize + 1);
    of_rows.max().unwrap_or(0)
}

fn of_strata_of_counts(
    plan: &Plan,
    test: BalanceTest,
    tables: &[Vec<Vec<usize>>],
) -> Estimate<Found> {
    let confidence = plan.options.confidence;
    match test {
        BalanceTest::MantelHaenszel => {
            let tables = two_by_two(tables)?;
            hypothesis::mantel_haenszel(&tables, Continuity::Uncorrected, confidence)
                .map(Found::from)
        }
        BalanceTest::MantelHaenszelContinuity => {
            let tables = two_by_two(tables)?;
            hypothesis::mantel_haenszel(&tables, Continuity::Corrected, confidence).map(Found::from)
        }
        BalanceTest::MantelHaenszelExact => {
            let exact = hypothesis::mantel_haenszel_exact(&two_by_two(tables)?, confidence)?;
            Ok(Found::p(exact.p_value).with_limits(
                Measure::ConditionalOddsRatio,
                exact.odds_ratio,
                exact.interval,
            ))
        }
        BalanceTest::GeneralAssociation => {
            hypothesis::cochran_mantel_haenszel(tables).map(Found::from)
        }
        BalanceTest::BreslowDay => hypothesis::breslow_day(&two_by_two(tables)?).map(Found::from),
        _ => Err(NotEstimable::NotDefined),
    }
}

/// Two groups and the two levels that occur in some stratum.
fn two_by_two(tables: &[Vec<Vec<usize>>]) -> Estimate<Vec<[[usize; 2]; 2]>> {
    let n_levels = tables.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let occurs = |&level: &usize| tables.iter().flatten().any(|group| group[level] > 0);
    let levels: Vec<usize> = (0..n_levels).filter(occurs).collect();
    let [first, second] = levels[..] else { return Err(NotEstimable::NotDefined) };
    let table = |table: &Vec<Vec<usize>>| match &table[..] {
        [one, other] => Ok([[one[first], one[second]], [other[first], other[second]]]),
        _ => Err(NotEstimable::NotDefined),
    };
    tables.iter().map(table).collect()
}

/// Tests of numbers.
pub(crate) fn of_numbers(
    plan: &Plan,
    groups: &[Group<f64>],
    location: Location,
) -> Vec<TestOutcome> {
    let sizes: Vec<usize> = groups.iter().map(|group| group.values.len()).collect();
    let chosen = || match (&plan.strata, &plan.sets) {
        (Some(_), _) => (groups.len() == 2).then_some(BalanceTest::VanElteren),
        (None, Some(_)) => {
            // Without pairs the test says why there is none.
            let pairs = paired_values(plan, groups).unwrap_or_default();
            let differences: Vec<f64> =
                pairs.iter().map(|(first, second)| first - second).collect();
            Some(choice::of_paired_numbers(&differences))
        }
        (None, None) => Some(choice::of_numbers(&sizes, location)),
    };
    let run = |test: BalanceTest| {
        plan.outcome(test, || match (test.design(), groups) {
            (Design::Independent, _) => of_independent_numbers(plan, test, groups),
            (Design::Pairs, _) => of_pairs(plan, test, &paired_values(plan, groups)?),
            (Design::Strata, [first, second]) => {
                let strata = plan.strata.as_ref().ok_or(NotEstimable::NotDefined)?;
                let n_strata = n_strata(strata, groups);
                of_strata_of_numbers(test, &strata_of_numbers(strata, n_strata, first, second))
            }
            (Design::Strata, _) => Err(NotEstimable::NotDefined),
        })
    };
    plan.tests(Measured::Numbers, chosen).into_iter().map(run).collect()
}

fn of_independent_numbers(
    plan: &Plan,
    test: BalanceTest,
    groups: &[Group<f64>],
) -> Estimate<Found> {
    let all = || groups.iter().map(|group| group.values.clone()).collect::<Vec<Vec<f64>>>();
    match test {
        BalanceTest::KruskalWallis => hypothesis::kruskal_wallis(&all()).map(Found::from),
        BalanceTest::Anova => hypothesis::anova(&all()).map(Found::from),
        BalanceTest::WelchAnova => hypothesis::welch_anova(&all()).map(Found::from),
        BalanceTest::Bartlett => hypothesis::bartlett(&all()).map(Found::from),
        BalanceTest::BrownForsythe => hypothesis::brown_forsythe(&all()).map(Found::from),
        _ => match groups {
            [first, second] => of_two(plan.options, test, &first.values, &second.values),
            _ => Err(NotEstimable::NotDefined),
        },
    }
}

fn of_two(
    options: TestOptions,
    test: BalanceTest,
    first: &[f64],
    second: &[f64],
) -> Estimate<Found> {
    let confidence = options.confidence;
    match test {
        BalanceTest::MannWhitney => {
            hypothesis::mann_whitney(first, second, Continuity::Uncorrected).map(Found::from)
        }
        BalanceTest::MannWhitneyContinuity => {
            hypothesis::mann_whitney(first, second, Continuity::Corrected).map(Found::from)
        }
        BalanceTest::MannWhitneyExact => {
            let p_value = hypothesis::mann_whitney_exact(first, second)?;
            let ranks = hypothesis::mann_whitney(first, second, Continuity::Uncorrected)?;
            Ok(Found { p_value, ..Found::from(ranks) })
        }
        BalanceTest::WelchT => hypothesis::welch_t(first, second, confidence).map(Found::from),
        BalanceTest::StudentT => hypothesis::student_t(first, second, confidence).map(Found::from),
        BalanceTest::VarianceRatio => {
            let test = hypothesis::variance_ratio(first, second, confidence)?;
            let (statistic, df) = (Some(test.ratio), Some(test.df1));
            let found =
                Found { statistic, df, denominator_df: Some(test.df2), ..Found::p(test.p_value) };
            Ok(found.with_limits(Measure::VarianceRatio, Ok(test.ratio), test.interval))
        }
        BalanceTest::KolmogorovSmirnov => {
            let test = hypothesis::kolmogorov_smirnov(first, second)?;
            Ok(Found { statistic: Some(test.d), ..Found::p(test.p_value) })
        }
        _ => Err(NotEstimable::NotDefined),
    }
}

fn of_pairs(plan: &Plan, test: BalanceTest, pairs: &[(f64, f64)]) -> Estimate<Found> {
    let n = Ok(pairs.len() as f64);
    match test {
        BalanceTest::PairedT => {
            let found = Found::from(hypothesis::paired_t(pairs, plan.options.confidence)?);
            Ok(found.with(Measure::Pairs, n))
        }
        BalanceTest::SignedRank => {
            hypothesis::signed_rank(pairs, Continuity::Uncorrected).map(Found::from)
        }
        BalanceTest::SignedRankContinuity => {
            hypothesis::signed_rank(pairs, Continuity::Corrected).map(Found::from)
        }
        BalanceTest::SignedRankExact => {
            let p_value = hypothesis::signed_rank_exact(pairs)?;
            let ranks = hypothesis::signed_rank(pairs, Continuity::Uncorrected)?;
            Ok(Found { p_value, ..Found::from(ranks) })
        }
        BalanceTest::Sign => {
            let test = hypothesis::sign_test(pairs)?;
            Ok(Found::p(test.p_value)
                .with(Measure::Pairs, n)
                .with(Measure::PositivePairs, Ok(test.n_positive as f64))
                .with(Measure::NegativePairs, Ok(test.n_negative as f64)))
        }
        _ => Err(NotEstimable::NotDefined),
    }
}

fn strata_of_numbers(
    strata: &[u32],
    n_strata: usize,
    first: &Group<f64>,
    second: &Group<f64>,
) -> Vec<StratumOfNumbers> {
    let mut of_strata = vec![StratumOfNumbers::default(); n_strata];
    for (&row, &value) in first.rows.iter().zip(&first.values) {
        of_strata[strata[row] as usize].first.push(value);
    }
    for (&row, &value) in second.rows.iter().zip(&second.values) {
        of_strata[strata[row] as usize].second.push(value);
    }
    of_strata
}

fn of_strata_of_numbers(test: BalanceTest, strata: &[StratumOfNumbers]) -> Estimate<Found> {
    match test {
        BalanceTest::VanElteren => hypothesis::van_elteren(strata).map(Found::from),
        BalanceTest::StratifiedRankSum => hypothesis::stratified_rank_sum(strata).map(Found::from),
        _ => Err(NotEstimable::NotDefined),
    }
}
