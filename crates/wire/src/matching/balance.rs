//! Baseline tables of two arms.

use super::tables::{
    location_from, location_to, options_from, options_to, outcome_to, outcomes_from, shares_from,
    shares_to, summary_from, summary_to, variable_to, variables_from,
};
use crate::common::{
    caveats_from, caveats_to, columns_from, count, count_from, counts, counts_from, estimate_from,
    estimate_to, optional_name, optional_number, reason_from, reason_to, required_column,
    required_name, selection_from, selection_to,
};
use crate::pb::matching as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use balance::{
    Assessment, BalanceQuery, BalanceRow, BalanceTable, BaselineRow, Differences, LevelDifference,
    Pairing, Standardised, Summary, Within,
};
use cohort::{Cohort, Estimate, NotEstimable, Selection};

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
pub fn balance_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    question: &BalanceQuestion,
) -> pb::AssessBalanceRequest {
    let query = &question.query;
    let (pair_column, pairs) = match &query.pairing {
        Some(Pairing::Column(column)) => (column.clone(), &[][..]),
        Some(Pairing::Rows(pairs)) => (String::new(), &pairs[..]),
        None => (String::new(), &[][..]),
    };
    let named = [&query.exposure]
        .into_iter()
        .chain(query.weights.as_ref())
        .chain(Some(&pair_column).filter(|column| !column.is_empty()))
        .chain(query.strata.iter().chain(&query.within));
    let columns = named.map(String::as_str).chain(query.variables.iter().map(|v| v.column()));
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::AssessBalanceRequest {
        cohort,
        selection,
        reference_selection: Some(selection_to(&question.reference)),
        exposure_column: query.exposure.clone(),
        exposed_level: query.exposed.clone(),
        variables: query.variables.iter().map(variable_to).collect(),
        options: Some(options_to(&query.tests, query.options)),
        weights_column: query.weights.clone().unwrap_or_default(),
        pair_column,
        pair_exposed_rows: pairs.iter().map(|&(exposed, _)| count(exposed)).collect(),
        pair_comparator_rows: pairs.iter().map(|&(_, comparator)| count(comparator)).collect(),
        strata_columns: query.strata.clone(),
        within_columns: query.within.clone(),
        compare_unmatched: query.compare_unmatched,
    }
}

impl CohortRequest for pb::AssessBalanceRequest {
    type Query = BalanceQuestion;

    fn asked(mut self, cohorts: &dyn Cohorts) -> Result<Asked<BalanceQuestion>, Unreadable> {
        let (cohort, selection) = (self.cohort.take(), self.selection.take());
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            question_from(violations, self, cohort)
        })
    }
}

fn question_from(
    violations: &mut Violations,
    request: pb::AssessBalanceRequest,
    cohort: &Cohort,
) -> Option<BalanceQuestion> {
    let path = "reference_selection";
    let reference = selection_from(violations, path, request.reference_selection, cohort);
    let exposure = request.exposure_column;
    let exposure = required_column(violations, "exposure_column", exposure, cohort);
    let exposed = required_name(violations, "exposed_level", request.exposed_level);
    let variables = variables_from(violations, request.variables, cohort);
    let options = options_from(violations, request.options);
    let weights = request.weights_column;
    let weights = optional_number(violations, "weights_column", weights, cohort);
    let pairs = (request.pair_exposed_rows, request.pair_comparator_rows);
    let pairing = pairing_from(violations, request.pair_column, pairs, cohort);
    let strata = columns_from(violations, "strata_columns", request.strata_columns, cohort);
    let within = columns_from(violations, "within_columns", request.within_columns, cohort);
    let (tests, options) = options?;
    let query = BalanceQuery {
        exposure: exposure?,
        exposed: exposed?,
        variables,
        tests,
        options,
        weights,
        pairing: pairing?,
        strata,
        within,
        compare_unmatched: request.compare_unmatched,
    };
    Some(BalanceQuestion { reference: reference?, query })
}

fn pairing_from(
    violations: &mut Violations,
    column: String,
    (exposed, comparators): (Vec<i32>, Vec<i32>),
    cohort: &Cohort,
) -> Option<Option<Pairing>> {
    if exposed.len() != comparators.len() {
        let message = format!("has {} rows for {} exposed", comparators.len(), exposed.len());
        violations.add("pair_comparator_rows", message);
        return None;
    }
    if let Some(column) = optional_name(column) {
        violations.check("pair_column", cohort.values(&column))?;
        if !exposed.is_empty() {
            violations.add("pair_column", "must be empty where pairs are listed");
            return None;
        }
        return Some(Some(Pairing::Column(column)));
    }
    if exposed.is_empty() {
        return Some(None);
    }
    let exposed = pair_rows_from(violations, "pair_exposed_rows", exposed, cohort);
    let comparators = pair_rows_from(violations, "pair_comparator_rows", comparators, cohort);
    Some(Some(Pairing::Rows(exposed?.into_iter().zip(comparators?).collect())))
}

/// Rows of the cohort from those that the caller counts.
fn pair_rows_from(
    violations: &mut Violations,
    path: &str,
    rows: Vec<i32>,
    cohort: &Cohort,
) -> Option<Vec<usize>> {
    let rows = counts_from(violations, path, rows)?;
    let outside = |&(_, &row): &(usize, &usize)| row >= cohort.len();
    let entries: Vec<usize> = rows.iter().enumerate().filter(outside).map(|(i, _)| i).collect();
    if !entries.is_empty() {
        let message = format!("does not exist: the cohort has {} rows", cohort.len());
        violations.add_each(path, entries.into_iter(), message);
        return None;
    }
    let by_caller = cohort.rows_by_caller();
    Some(rows.into_iter().map(|row| by_caller[row]).collect())
}

/// Answers with a baseline table and the options in force.
#[must_use]
pub fn balance_response(answer: Assessment, query: &BalanceQuery) -> pb::AssessBalanceResponse {
    let table = table_to(answer.table);
    let within = |within: Within| pb::BalanceWithin {
        column: within.column,
        level: within.level,
        outcome: Some(outcome_of_table_to(within.table)),
    };
    pb::AssessBalanceResponse {
        exposed_count: table.exposed_count,
        comparator_count: table.comparator_count,
        rows: table.rows,
        largest_smd: table.largest_smd,
        options: Some(options_to(&query.tests, query.options)),
        effective_exposed_count: table.effective_exposed_count,
        effective_comparator_count: table.effective_comparator_count,
        within: answer.within.into_iter().map(within).collect(),
        unmatched: answer.unmatched.map(outcome_of_table_to),
    }
}

fn outcome_of_table_to(table: Estimate<BalanceTable>) -> pb::BalanceOutcome {
    match table {
        Ok(table) => pb::BalanceOutcome { table: Some(table_to(table)), reason: 0 },
        Err(reason) => pb::BalanceOutcome { table: None, reason: reason_to(reason) },
    }
}

fn table_to(table: BalanceTable) -> pb::BalanceTable {
    pb::BalanceTable {
        exposed_count: count(table.n_exposed),
        comparator_count: count(table.n_comparators),
        rows: table.rows.into_iter().map(row_to).collect(),
        largest_smd: Some(estimate_to(table.largest_smd)),
        effective_exposed_count: table.effective_exposed,
        effective_comparator_count: table.effective_comparators,
    }
}

fn row_to(row: BalanceRow) -> pb::BalanceRow {
    let BalanceRow { baseline, differences } = row;
    let missing = |arm: usize| baseline.n_missing.get(arm).copied().map_or(0, count);
    let by = differences.standardised;
    let mut message = pb::BalanceRow {
        exposed_missing_count: missing(0),
        comparator_missing_count: missing(1),
        column: baseline.variable,
        tests: baseline.tests.into_iter().map(outcome_to).collect(),
        caveats: caveats_to(baseline.caveats),
        smd: Some(estimate_to(by.pooled)),
        smd_own_sample: Some(estimate_to(by.own_pooled)),
        smd_exposed_sd: Some(estimate_to(by.exposed_sd)),
        smd_comparator_sd: Some(estimate_to(by.comparator_sd)),
        smd_own_exposed_sd: Some(estimate_to(by.own_exposed_sd)),
        smd_own_comparator_sd: Some(estimate_to(by.own_comparator_sd)),
        variance_ratio: Some(estimate_to(differences.variance_ratio)),
        ecdf_mean: Some(estimate_to(differences.ecdf_mean)),
        ecdf_max: Some(estimate_to(differences.ecdf_max)),
        pair_distance: Some(estimate_to(differences.pair_distance)),
        level_differences: differences.levels.into_iter().map(level_to).collect(),
        ..pb::BalanceRow::default()
    };
    match baseline.summary {
        Summary::Numeric { groups, location } => {
            message.exposed_summary = groups.first().map(summary_to);
            message.comparator_summary = groups.get(1).map(summary_to);
            message.location = location_to(location);
        }
        Summary::Categorical { levels, counts: of_arms, shares } => {
            message.levels = levels;
            message.exposed_counts = counts(&of_arms[0]);
            message.comparator_counts = counts(&of_arms[1]);
            message.exposed_shares = shares_to(&shares[0]);
            message.comparator_shares = shares_to(&shares[1]);
        }
    }
    message
}

fn level_to(level: LevelDifference) -> pb::LevelDifference {
    let by = level.standardised;
    pb::LevelDifference {
        level: level.level,
        difference: Some(estimate_to(level.difference)),
        smd: Some(estimate_to(by.pooled)),
        smd_own_sample: Some(estimate_to(by.own_pooled)),
        smd_exposed_sd: Some(estimate_to(by.exposed_sd)),
        smd_comparator_sd: Some(estimate_to(by.comparator_sd)),
        smd_own_exposed_sd: Some(estimate_to(by.own_exposed_sd)),
        smd_own_comparator_sd: Some(estimate_to(by.own_comparator_sd)),
        pair_distance: Some(estimate_to(level.pair_distance)),
    }
}

impl TryFrom<pb::AssessBalanceResponse> for Assessment {
    type Error = Malformed;

    fn try_from(response: pb::AssessBalanceResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let answer = assessment_from(&mut violations, response);
        violations.finish(answer)
    }
}

fn assessment_from(
    violations: &mut Violations,
    response: pb::AssessBalanceResponse,
) -> Option<Assessment> {
    let mut within = Vec::new();
    for (index, message) in response.within.into_iter().enumerate() {
        let path = format!("within[{index}].outcome");
        let outcome = violations.require(path.clone(), message.outcome)?;
        let table = outcome_of_table_from(violations, &path, outcome)?;
        within.push(Within { column: message.column, level: message.level, table });
    }
    let unmatched = match response.unmatched {
        Some(outcome) => Some(outcome_of_table_from(violations, "unmatched", outcome)?),
        None => None,
    };
    let table = pb::BalanceTable {
        exposed_count: response.exposed_count,
        comparator_count: response.comparator_count,
        rows: response.rows,
        largest_smd: response.largest_smd,
        effective_exposed_count: response.effective_exposed_count,
        effective_comparator_count: response.effective_comparator_count,
    };
    Some(Assessment { table: table_from(violations, "", table)?, within, unmatched })
}

fn outcome_of_table_from(
    violations: &mut Violations,
    path: &str,
    outcome: pb::BalanceOutcome,
) -> Option<Estimate<BalanceTable>> {
    match outcome.table {
        Some(table) => table_from(violations, &format!("{path}.table."), table).map(Ok),
        None => Some(Err(reason_from(outcome.reason).unwrap_or(NotEstimable::NotDefined))),
    }
}

fn table_from(
    violations: &mut Violations,
    prefix: &str,
    table: pb::BalanceTable,
) -> Option<BalanceTable> {
    let mut rows = Vec::new();
    for (index, row) in table.rows.into_iter().enumerate() {
        rows.push(row_from(violations, &format!("{prefix}rows[{index}]"), row)?);
    }
    let (exposed, comparators) = (table.exposed_count, table.comparator_count);
    Some(BalanceTable {
        n_exposed: count_from(violations, &format!("{prefix}exposed_count"), exposed)?,
        n_comparators: count_from(violations, &format!("{prefix}comparator_count"), comparators)?,
        effective_exposed: table.effective_exposed_count,
        effective_comparators: table.effective_comparator_count,
        rows,
        largest_smd: estimate_from(table.largest_smd),
    })
}

fn row_from(violations: &mut Violations, path: &str, row: pb::BalanceRow) -> Option<BalanceRow> {
    let differences = Differences {
        standardised: Standardised {
            pooled: estimate_from(row.smd),
            exposed_sd: estimate_from(row.smd_exposed_sd),
            comparator_sd: estimate_from(row.smd_comparator_sd),
            own_pooled: estimate_from(row.smd_own_sample),
            own_exposed_sd: estimate_from(row.smd_own_exposed_sd),
            own_comparator_sd: estimate_from(row.smd_own_comparator_sd),
        },
        variance_ratio: estimate_from(row.variance_ratio),
        ecdf_mean: estimate_from(row.ecdf_mean),
        ecdf_max: estimate_from(row.ecdf_max),
        pair_distance: estimate_from(row.pair_distance),
        levels: row.level_differences.into_iter().map(level_from).collect(),
    };
    let summary = match (row.exposed_summary, row.comparator_summary) {
        (Some(exposed), Some(comparators)) => Summary::Numeric {
            groups: vec![
                summary_from(violations, path, exposed)?,
                summary_from(violations, path, comparators)?,
            ],
            location: violations
                .require_known(format!("{path}.location"), location_from(row.location))?,
        },
        _ => Summary::Categorical {
            counts: vec![
                counts_from(violations, path, row.exposed_counts)?,
                counts_from(violations, path, row.comparator_counts)?,
            ],
            shares: vec![
                shares_from(row.exposed_shares, row.levels.len()),
                shares_from(row.comparator_shares, row.levels.len()),
            ],
            levels: row.levels,
        },
    };
    let missing = vec![row.exposed_missing_count, row.comparator_missing_count];
    let baseline = BaselineRow {
        variable: row.column,
        summary,
        n_missing: counts_from(violations, path, missing)?,
        tests: outcomes_from(violations, &format!("{path}.tests"), row.tests)?,
        caveats: caveats_from(violations, &format!("{path}.caveats"), row.caveats),
    };
    Some(BalanceRow { baseline, differences })
}

fn level_from(level: pb::LevelDifference) -> LevelDifference {
    LevelDifference {
        level: level.level,
        difference: estimate_from(level.difference),
        standardised: Standardised {
            pooled: estimate_from(level.smd),
            exposed_sd: estimate_from(level.smd_exposed_sd),
            comparator_sd: estimate_from(level.smd_comparator_sd),
            own_pooled: estimate_from(level.smd_own_sample),
            own_exposed_sd: estimate_from(level.smd_own_exposed_sd),
            own_comparator_sd: estimate_from(level.smd_own_comparator_sd),
        },
        pair_distance: estimate_from(level.pair_distance),
    }
}
