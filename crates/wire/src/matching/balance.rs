//! Baseline tables.

use crate::common::{
    caveats_from, caveats_to, count, count_from, counts, counts_from, enum_conversion,
    estimate_from, estimate_to, required_name, selection_from, selection_to,
};
use crate::pb::matching as pb;
use crate::violation::Violations;
use crate::{Asked, Malformed};
use balance::{
    BalanceQuery, BalanceRow, BalanceTable, BalanceTest, NumericSummary, Summary, TestOutcome,
    Variable,
};
use cohort::{Cohort, Selection, Values};

enum_conversion!(
    test_to,
    test_from,
    BalanceTest,
    pb::BalanceTest,
    None,
    [ChiSquared, ChiSquaredYates, Fisher, MannWhitney, MannWhitneyContinuity, WelchT]
);

/// A baseline table and the rows whose standard deviations its differences are measured in.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceQuestion {
    /// The unmatched rows.
    pub reference: Selection,
    /// The table.
    pub query: BalanceQuery,
}

/// Asks for a baseline table.
#[must_use]
pub fn balance_request(
    cohort: &Cohort,
    selection: &Selection,
    question: &BalanceQuestion,
) -> pb::AssessBalanceRequest {
    let query = &question.query;
    let variables = query.variables.iter().map(|variable| match variable {
        Variable::Numeric(name) | Variable::Categorical(name) => name.as_str(),
    });
    let columns = [query.exposure.as_str()].into_iter().chain(variables);
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::AssessBalanceRequest {
        cohort,
        selection,
        reference_selection: Some(selection_to(&question.reference)),
        exposure_column: query.exposure.clone(),
        exposed_level: query.exposed.clone(),
        variables: query.variables.iter().map(variable_to).collect(),
        options: Some(balance_options(query)),
    }
}

fn balance_options(query: &BalanceQuery) -> pb::BalanceOptions {
    pb::BalanceOptions { tests: query.tests.iter().copied().map(test_to).collect() }
}

fn variable_to(variable: &Variable) -> pb::BalanceVariable {
    let (column, kind) = match variable {
        Variable::Numeric(column) => (column, pb::VariableKind::Numeric),
        Variable::Categorical(column) => (column, pb::VariableKind::Categorical),
    };
    pb::BalanceVariable { column: column.clone(), kind: kind as i32 }
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

impl TryFrom<pb::AssessBalanceRequest> for Asked<BalanceQuestion> {
    type Error = Malformed;

    fn try_from(request: pb::AssessBalanceRequest) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let pb::AssessBalanceRequest { cohort, selection, reference_selection, .. } = request;
        let asked = Asked::read(&mut violations, cohort, selection, |violations, cohort| {
            let reference =
                selection_from(violations, "reference_selection", reference_selection, cohort);
            let exposure = required_name(violations, "exposure_column", request.exposure_column);
            let exposed = required_name(violations, "exposed_level", request.exposed_level);
            let mut variables = Vec::new();
            for (index, variable) in request.variables.into_iter().enumerate() {
                let path = format!("variables[{index}]");
                variables.extend(variable_from(violations, &path, variable, cohort));
            }
            let tests = tests_from(violations, request.options.unwrap_or_default());
            let query = BalanceQuery { exposure: exposure?, exposed: exposed?, variables, tests };
            Some(BalanceQuestion { reference: reference?, query })
        });
        violations.finish(asked)
    }
}

fn tests_from(violations: &mut Violations, options: pb::BalanceOptions) -> Vec<BalanceTest> {
    if options.tests.is_empty() {
        return vec![BalanceTest::ChiSquared, BalanceTest::MannWhitney];
    }
    let mut tests = Vec::new();
    for (index, number) in options.tests.into_iter().enumerate() {
        let path = format!("options.tests[{index}]");
        tests.extend(violations.require_known(path, test_from(number)));
    }
    tests
}

/// Answers with a baseline table and the options in force.
#[must_use]
pub fn balance_response(table: BalanceTable, query: &BalanceQuery) -> pb::AssessBalanceResponse {
    pb::AssessBalanceResponse {
        exposed_count: count(table.n_exposed),
        comparator_count: count(table.n_comparators),
        rows: table.rows.into_iter().map(row_to).collect(),
        largest_smd: Some(estimate_to(table.largest_smd)),
        options: Some(balance_options(query)),
    }
}

fn row_to(row: BalanceRow) -> pb::BalanceRow {
    let outcome = |outcome: TestOutcome| pb::BalanceTestResult {
        test: test_to(outcome.test),
        statistic: outcome.statistic.map(estimate_to),
        degrees_of_freedom: outcome.degrees_of_freedom,
        p_value: Some(estimate_to(outcome.p_value)),
    };
    let mut message = pb::BalanceRow {
        column: row.variable,
        tests: row.tests.into_iter().map(outcome).collect(),
        smd: Some(estimate_to(row.smd)),
        smd_own_sample: Some(estimate_to(row.smd_own_sample)),
        caveats: caveats_to(row.caveats),
        ..pb::BalanceRow::default()
    };
    match row.summary {
        Summary::Numeric { exposed, comparators } => {
            message.exposed_summary = Some(summary_to(&exposed));
            message.comparator_summary = Some(summary_to(&comparators));
        }
        Summary::Categorical { levels, exposed, comparators } => {
            message.levels = levels;
            message.exposed_counts = counts(&exposed);
            message.comparator_counts = counts(&comparators);
        }
    }
    message
}

fn summary_to(summary: &NumericSummary) -> pb::NumericSummary {
    pb::NumericSummary {
        value_count: count(summary.n),
        mean: Some(estimate_to(summary.mean)),
        sd: Some(estimate_to(summary.sd)),
        median: Some(estimate_to(summary.median)),
        first_quartile: Some(estimate_to(summary.q1)),
        third_quartile: Some(estimate_to(summary.q3)),
    }
}

impl TryFrom<pb::AssessBalanceResponse> for BalanceTable {
    type Error = Malformed;

    fn try_from(response: pb::AssessBalanceResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let table = table_from(&mut violations, response);
        violations.finish(table)
    }
}

fn table_from(
    violations: &mut Violations,
    response: pb::AssessBalanceResponse,
) -> Option<BalanceTable> {
    let mut rows = Vec::new();
    for (index, row) in response.rows.into_iter().enumerate() {
        rows.push(row_from(violations, &format!("rows[{index}]"), row)?);
    }
    Some(BalanceTable {
        n_exposed: count_from(violations, "exposed_count", response.exposed_count)?,
        n_comparators: count_from(violations, "comparator_count", response.comparator_count)?,
        rows,
        largest_smd: estimate_from(response.largest_smd),
    })
}

fn row_from(violations: &mut Violations, path: &str, row: pb::BalanceRow) -> Option<BalanceRow> {
    let summary = match (row.exposed_summary, row.comparator_summary) {
        (Some(exposed), Some(comparators)) => Summary::Numeric {
            exposed: summary_from(violations, path, exposed)?,
            comparators: summary_from(violations, path, comparators)?,
        },
        _ => Summary::Categorical {
            levels: row.levels,
            exposed: counts_from(violations, path, row.exposed_counts)?,
            comparators: counts_from(violations, path, row.comparator_counts)?,
        },
    };
    let mut tests = Vec::new();
    for outcome in row.tests {
        tests.push(TestOutcome {
            test: violations.require_known(format!("{path}.tests"), test_from(outcome.test))?,
            statistic: outcome.statistic.map(|statistic| estimate_from(Some(statistic))),
            degrees_of_freedom: outcome.degrees_of_freedom,
            p_value: estimate_from(outcome.p_value),
        });
    }
    Some(BalanceRow {
        variable: row.column,
        summary,
        tests,
        smd: estimate_from(row.smd),
        smd_own_sample: estimate_from(row.smd_own_sample),
        caveats: caveats_from(violations, &format!("{path}.caveats"), row.caveats),
    })
}

fn summary_from(
    violations: &mut Violations,
    path: &str,
    summary: pb::NumericSummary,
) -> Option<NumericSummary> {
    Some(NumericSummary {
        n: count_from(violations, path, summary.value_count)?,
        mean: estimate_from(summary.mean),
        sd: estimate_from(summary.sd),
        median: estimate_from(summary.median),
        q1: estimate_from(summary.first_quartile),
        q3: estimate_from(summary.third_quartile),
    })
}
