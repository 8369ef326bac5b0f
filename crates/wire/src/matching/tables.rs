//! What baseline tables of two arms and of several groups share: options, variables, summaries, tests.

use crate::common::{
    caveats_from, caveats_to, confidence_from, count, count_from, counts, counts_from,
    enum_conversion, estimate_from, estimate_to, interval_from, interval_to, required_name,
};
use crate::pb::matching as pb;
use crate::violation::Violations;
use balance::{
    BalanceTest, BaselineRow, Cells, Detail, Location, Measure, NumericSummary, Summary,
    TestChoice, TestOptions, TestOutcome, Variable,
};
use cohort::{Cohort, Estimate, NotEstimable, Values};
use hypothesis::{Residuals, ShapiroWilk};

enum_conversion!(
    test_to,
    test_from,
    BalanceTest,
    pb::BalanceTest,
    None,
    [
        ChiSquared,
        ChiSquaredYates,
        Fisher,
        MannWhitney,
        MannWhitneyContinuity,
        WelchT,
        LikelihoodRatio,
        FisherMonteCarlo,
        MannWhitneyExact,
        StudentT,
        VarianceRatio,
        KolmogorovSmirnov,
        KruskalWallis,
        Anova,
        WelchAnova,
        Bartlett,
        BrownForsythe,
        McNemar,
        McNemarContinuity,
        McNemarExact,
        PairedT,
        SignedRank,
        SignedRankContinuity,
        SignedRankExact,
        Sign,
        MantelHaenszel,
        MantelHaenszelContinuity,
        MantelHaenszelExact,
        GeneralAssociation,
        BreslowDay,
        VanElteren,
        StratifiedRankSum,
    ]
);

enum_conversion!(
    measure_to,
    measure_from,
    Measure,
    pb::TestMeasure,
    None,
    [
        OddsRatio,
        ConditionalOddsRatio,
        CommonOddsRatio,
        Phi,
        CramersV,
        MeanDifference,
        VarianceRatio,
        Z,
        U,
        RankSum,
        StatisticMean,
        StatisticSd,
        PLess,
        PGreater,
        MonteCarloError,
        Replicates,
        Pairs,
        EqualPairs,
        PositivePairs,
        NegativePairs,
    ]
);

enum_conversion!(location_to, location_from, Location, pb::SummaryLocation, None, [Mean, Median]);

pub(super) fn options_to(tests: &TestChoice, options: TestOptions) -> pb::BalanceOptions {
    let (choice, tests) = match tests {
        TestChoice::Auto => (pb::TestChoice::Auto, Vec::new()),
        TestChoice::Listed(tests) => {
            (pb::TestChoice::Listed, tests.iter().copied().map(test_to).collect())
        }
    };
    pb::BalanceOptions {
        tests,
        choice: choice as i32,
        confidence: Some(options.confidence),
        replicates: Some(count(options.replicates)),
        seed: Some(options.seed as i64),
    }
}

/// Tables that may be drawn: some minutes of work for a large table.
const MOST_REPLICATES: i32 = 10_000_000;

/// Seeds below this are whole numbers in every language.
const SEED_BOUND: i64 = 1 << 53;

pub(super) fn options_from(
    violations: &mut Violations,
    message: Option<pb::BalanceOptions>,
) -> Option<(TestChoice, TestOptions)> {
    let message = message.unwrap_or_default();
    let defaults = TestOptions::default();
    let confidence = confidence_from(violations, "options.confidence", message.confidence);
    let replicates = message.replicates.unwrap_or(count(defaults.replicates));
    let is_allowed = (0..=MOST_REPLICATES).contains(&replicates);
    let replicates = is_allowed.then_some(replicates as usize);
    let replicates = violations.check(
        "options.replicates",
        replicates.ok_or_else(|| format!("must lie between 0 and {MOST_REPLICATES}")),
    );
    let seed = message.seed.unwrap_or(defaults.seed as i64);
    let seed = (0..SEED_BOUND).contains(&seed).then_some(seed as u64);
    let seed = violations.check("options.seed", seed.ok_or("must lie between 0 and 2^53 - 1"));
    let choice = pb::TestChoice::try_from(message.choice).ok();
    let tests = match violations.require_known("options.choice", choice) {
        Some(pb::TestChoice::Auto) if !message.tests.is_empty() => {
            violations.add("options.tests", "must be empty where the choice is AUTO");
            None
        }
        Some(pb::TestChoice::Auto) => Some(TestChoice::Auto),
        Some(_) => listed(violations, message.tests),
        None => None,
    };
    let options = TestOptions { confidence: confidence?, replicates: replicates?, seed: seed? };
    Some((tests?, options))
}

fn listed(violations: &mut Violations, numbers: Vec<i32>) -> Option<TestChoice> {
    if numbers.is_empty() {
        return Some(TestChoice::Listed(vec![BalanceTest::ChiSquared, BalanceTest::MannWhitney]));
    }
    let mut tests = Vec::new();
    let n = numbers.len();
    for (index, number) in numbers.into_iter().enumerate() {
        let path = format!("options.tests[{index}]");
        tests.extend(violations.require_known(path, test_from(number)));
    }
    (tests.len() == n).then_some(TestChoice::Listed(tests))
}

pub(crate) fn variable_to(variable: &Variable) -> pb::BalanceVariable {
    let (column, kind) = match variable {
        Variable::Numeric(column) => (column, pb::VariableKind::Numeric),
        Variable::Categorical(column) => (column, pb::VariableKind::Categorical),
    };
    pb::BalanceVariable { column: column.clone(), kind: kind as i32 }
}

pub(crate) fn variables_from(
    violations: &mut Violations,
    messages: Vec<pb::BalanceVariable>,
    cohort: &Cohort,
) -> Vec<Variable> {
    let mut variables = Vec::new();
    for (index, variable) in messages.into_iter().enumerate() {
        variables.extend(variable_from(
            violations,
            &format!("variables[{index}]"),
            variable,
            cohort,
        ));
    }
    variables
}

fn variable_from(
    violations: &mut Violations,
    path: &str,
    variable: pb::BalanceVariable,
    cohort: &Cohort,
) -> Option<Variable> {
    let column = required_name(violations, &format!("{path}.column"), variable.column)?;
    let values = violations.check(format!("{path}.column"), cohort.values(&column))?;
    let kind = pb::VariableKind::try_from(variable.kind).ok();
    let is_numeric = match violations.require_known(format!("{path}.kind"), kind)? {
        pb::VariableKind::Numeric => true,
        pb::VariableKind::Categorical => false,
        pb::VariableKind::Unspecified => matches!(values, Values::Numeric(_)),
    };
    Some(if is_numeric { Variable::Numeric(column) } else { Variable::Categorical(column) })
}

pub(super) fn outcome_to(outcome: TestOutcome) -> pb::BalanceTestResult {
    let detail = |detail: Detail| pb::TestDetail {
        measure: measure_to(detail.measure),
        value: Some(estimate_to(detail.value)),
        interval: detail.interval.map(interval_to),
    };
    pb::BalanceTestResult {
        test: test_to(outcome.test),
        statistic: outcome.statistic.map(estimate_to),
        degrees_of_freedom: outcome.degrees_of_freedom,
        p_value: Some(estimate_to(outcome.p_value)),
        denominator_degrees_of_freedom: outcome.denominator_degrees_of_freedom,
        details: outcome.details.into_iter().map(detail).collect(),
        cells: outcome.cells.map(cells_to),
    }
}

fn cells_to(cells: Cells) -> pb::TableCells {
    pb::TableCells {
        column_count: count(cells.expected.first().map_or(0, Vec::len)),
        expected: cells.expected.concat(),
        pearson_residuals: cells.residuals.pearson.concat(),
        standardised_residuals: cells.residuals.standardised.concat(),
    }
}

fn cells_from(violations: &mut Violations, path: &str, cells: pb::TableCells) -> Option<Cells> {
    let n_columns = count_from(violations, &format!("{path}.column_count"), cells.column_count)?;
    let rows = |values: Vec<f64>| values.chunks(n_columns.max(1)).map(<[f64]>::to_vec).collect();
    Some(Cells {
        expected: rows(cells.expected),
        residuals: Residuals {
            pearson: rows(cells.pearson_residuals),
            standardised: rows(cells.standardised_residuals),
        },
    })
}

pub(super) fn outcomes_from(
    violations: &mut Violations,
    path: &str,
    messages: Vec<pb::BalanceTestResult>,
) -> Option<Vec<TestOutcome>> {
    let mut outcomes = Vec::new();
    for (index, message) in messages.into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        let test = violations.require_known(format!("{path}.test"), test_from(message.test));
        let mut details = Vec::new();
        for (index, detail) in message.details.into_iter().enumerate() {
            let path = format!("{path}.details[{index}].measure");
            let measure = violations.require_known(path, measure_from(detail.measure))?;
            let interval = detail.interval.map(|interval| interval_from(Some(interval)));
            details.push(Detail { measure, value: estimate_from(detail.value), interval });
        }
        let cells = match message.cells {
            Some(cells) => Some(cells_from(violations, &format!("{path}.cells"), cells)?),
            None => None,
        };
        outcomes.push(TestOutcome {
            test: test?,
            statistic: message.statistic.map(|statistic| estimate_from(Some(statistic))),
            degrees_of_freedom: message.degrees_of_freedom,
            denominator_degrees_of_freedom: message.denominator_degrees_of_freedom,
            p_value: estimate_from(message.p_value),
            details,
            cells,
        });
    }
    Some(outcomes)
}

pub(super) fn summary_to(summary: &NumericSummary) -> pb::NumericSummary {
    pb::NumericSummary {
        value_count: count(summary.n),
        mean: Some(estimate_to(summary.mean)),
        sd: Some(estimate_to(summary.sd)),
        median: Some(estimate_to(summary.median)),
        first_quartile: Some(estimate_to(summary.q1)),
        third_quartile: Some(estimate_to(summary.q3)),
        first_quartile_type_6: Some(estimate_to(summary.q1_type_6)),
        third_quartile_type_6: Some(estimate_to(summary.q3_type_6)),
        first_quartile_type_2: Some(estimate_to(summary.q1_type_2)),
        third_quartile_type_2: Some(estimate_to(summary.q3_type_2)),
        minimum: Some(estimate_to(summary.min)),
        maximum: Some(estimate_to(summary.max)),
        skewness: Some(estimate_to(summary.skewness)),
        shapiro_wilk: Some(estimate_to(summary.shapiro_wilk.map(|test| test.w))),
        shapiro_wilk_p_value: Some(estimate_to(summary.shapiro_wilk.map(|test| test.p_value))),
    }
}

pub(super) fn summary_from(
    violations: &mut Violations,
    path: &str,
    summary: pb::NumericSummary,
) -> Option<NumericSummary> {
    let shapiro =
        (estimate_from(summary.shapiro_wilk), estimate_from(summary.shapiro_wilk_p_value));
    Some(NumericSummary {
        n: count_from(violations, path, summary.value_count)?,
        mean: estimate_from(summary.mean),
        sd: estimate_from(summary.sd),
        median: estimate_from(summary.median),
        q1: estimate_from(summary.first_quartile),
        q3: estimate_from(summary.third_quartile),
        q1_type_6: estimate_from(summary.first_quartile_type_6),
        q3_type_6: estimate_from(summary.third_quartile_type_6),
        q1_type_2: estimate_from(summary.first_quartile_type_2),
        q3_type_2: estimate_from(summary.third_quartile_type_2),
        min: estimate_from(summary.minimum),
        max: estimate_from(summary.maximum),
        skewness: estimate_from(summary.skewness),
        shapiro_wilk: match shapiro {
            (Ok(w), Ok(p_value)) => Ok(ShapiroWilk { w, p_value }),
            (Err(reason), _) | (_, Err(reason)) => Err(reason),
        },
    })
}

/// Shares of levels; a group without values has none.
pub(super) fn shares_to(shares: &[Estimate]) -> Vec<f64> {
    shares.iter().filter_map(|share| share.ok()).collect()
}

pub(super) fn shares_from(shares: Vec<f64>, n_levels: usize) -> Vec<Estimate> {
    let share = |level| shares.get(level).copied().ok_or(NotEstimable::NoSubjects);
    (0..n_levels).map(share).collect()
}

pub(super) fn group_row_to(row: BaselineRow) -> pb::GroupRow {
    let mut message = pb::GroupRow {
        column: row.variable,
        missing_counts: counts(&row.n_missing),
        tests: row.tests.into_iter().map(outcome_to).collect(),
        caveats: caveats_to(row.caveats),
        ..pb::GroupRow::default()
    };
    match row.summary {
        Summary::Numeric { groups, location } => {
            message.summaries = groups.iter().map(summary_to).collect();
            message.location = location_to(location);
        }
        Summary::Categorical { levels, counts: of_groups, shares } => {
            let groups = of_groups.iter().zip(&shares).map(|(group, shares)| pb::LevelCounts {
                counts: counts(group),
                shares: shares_to(shares),
            });
            message.level_counts = groups.collect();
            message.levels = levels;
        }
    }
    message
}

pub(super) fn group_row_from(
    violations: &mut Violations,
    path: &str,
    row: pb::GroupRow,
) -> Option<BaselineRow> {
    let summary = match location_from(row.location) {
        Some(location) => {
            let mut groups = Vec::new();
            for summary in row.summaries {
                groups.push(summary_from(violations, path, summary)?);
            }
            Summary::Numeric { groups, location }
        }
        None => {
            let n_levels = row.levels.len();
            let (mut of_groups, mut shares) = (Vec::new(), Vec::new());
            for group in row.level_counts {
                of_groups.push(counts_from(violations, path, group.counts)?);
                shares.push(shares_from(group.shares, n_levels));
            }
            Summary::Categorical { levels: row.levels, counts: of_groups, shares }
        }
    };
    Some(BaselineRow {
        variable: row.column,
        summary,
        n_missing: counts_from(violations, path, row.missing_counts)?,
        tests: outcomes_from(violations, &format!("{path}.tests"), row.tests)?,
        caveats: caveats_from(violations, &format!("{path}.caveats"), row.caveats),
    })
}
