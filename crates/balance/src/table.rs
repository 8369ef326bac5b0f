//! The baseline table of two arms.

use crate::summary::summarise;
use crate::{
    BalanceError, BalanceQuery, BalanceRow, BalanceTable, BalanceTest, ContingencyTable,
    Continuity, Summary, TestOutcome, Variable, categorical_smd, chi_squared, chi_squared_yates,
    fisher_exact, mann_whitney, numeric_smd, welch_t,
};
use cohort::{Arms, Caveat, CaveatCode, Cohort, CohortError, Estimate, NotEstimable, Selection};

/// Compares two arms variable by variable: summaries, tests and standardised differences.
///
/// `reference` holds the rows whose pooled standard deviation is the denominator of `smd`: for a
/// matched sample the unmatched data, before matching the selection itself. Levels are those of
/// both together, so that a level lost by matching stays in the table with counts of 0; tests
/// leave it out, as R does on a table of existing levels. Tests for numbers are left out for
/// categories and the other way round; Yates's correction on a larger table is not defined.
///
/// Tests treat the rows as independent, pairs too, as published baseline tables do. A caveat tells
/// of expected counts below 5 and of levels that occur in nobody.
pub fn balance(
    cohort: &Cohort,
    selection: &Selection,
    reference: &Selection,
    query: &BalanceQuery,
) -> Result<BalanceTable, BalanceError> {
    let sample = Sample::new(cohort, selection, query)?;
    let reference = Sample::new(cohort, reference, query)?;
    let row = |variable: &Variable| match variable {
        Variable::Numeric(name) => numeric_row(name, &sample, &reference, &query.tests),
        Variable::Categorical(name) => categorical_row(name, &sample, &reference, &query.tests),
    };
    let rows = query.variables.iter().map(row).collect::<Result<Vec<_>, CohortError>>()?;
    Ok(BalanceTable {
        n_exposed: sample.arms.n_exposed(),
        n_comparators: sample.arms.n_comparators(),
        largest_smd: largest(&rows),
        rows,
    })
}

/// Some subjects and their arms.
struct Sample<'a> {
    cohort: &'a Cohort,
    selection: &'a Selection,
    arms: Arms,
}

impl<'a> Sample<'a> {
    fn new(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &BalanceQuery,
    ) -> Result<Self, BalanceError> {
        let arms = Arms::new(cohort, selection, &query.exposure, &query.exposed)?;
        Ok(Self { cohort, selection, arms })
    }

    /// The numbers of the exposed and of the comparators.
    fn numbers(&self, name: &str) -> Result<(Vec<f64>, Vec<f64>), CohortError> {
        Ok(self.arms.split(&self.cohort.numeric(name, self.selection)?))
    }

    /// How often the exposed and the comparators have each of `levels`.
    fn counts(
        &self,
        name: &str,
        levels: &[String],
    ) -> Result<(Vec<usize>, Vec<usize>), CohortError> {
        let categories = self.cohort.categories(name, self.selection)?;
        let (exposed, comparators) = self.arms.split(&categories.codes);
        // A numeric column has other codes in other selections; labels tell which is which.
        let count = |codes: Vec<u32>| {
            let mut own = vec![0; categories.levels.len()];
            codes.into_iter().for_each(|code| own[code as usize] += 1);
            let of = |level| categories.position(level).map_or(0, |code| own[code as usize]);
            levels.iter().map(|level| of(level)).collect()
        };
        Ok((count(exposed), count(comparators)))
    }
}

fn numeric_row(
    name: &str,
    sample: &Sample,
    reference: &Sample,
    tests: &[BalanceTest],
) -> Result<BalanceRow, CohortError> {
    let (exposed, comparators) = sample.numbers(name)?;
    let (reference_exposed, reference_comparators) = reference.numbers(name)?;
    let run = |&test: &BalanceTest| {
        let outcome = match test {
            BalanceTest::MannWhitney => {
                mann_whitney(&exposed, &comparators, Continuity::Uncorrected)
            }
            BalanceTest::MannWhitneyContinuity => {
                mann_whitney(&exposed, &comparators, Continuity::Corrected)
            }
            BalanceTest::WelchT => welch_t(&exposed, &comparators),
            BalanceTest::ChiSquared | BalanceTest::ChiSquaredYates | BalanceTest::Fisher => {
                return None;
            }
        };
        Some(outcome.unwrap_or_else(|reason| without_value(test, reason)))
    };
    Ok(BalanceRow {
        variable: name.into(),
        tests: tests.iter().filter_map(run).collect(),
        smd: numeric_smd(&exposed, &comparators, (&reference_exposed, &reference_comparators)),
        smd_own_sample: numeric_smd(&exposed, &comparators, (&exposed, &comparators)),
        summary: Summary::Numeric {
            exposed: summarise(&exposed),
            comparators: summarise(&comparators),
        },
        caveats: Vec::new(),
    })
}

fn categorical_row(
    name: &str,
    sample: &Sample,
    reference: &Sample,
    tests: &[BalanceTest],
) -> Result<BalanceRow, CohortError> {
    let both = sample.selection.rows().iter().chain(reference.selection.rows()).copied();
    let both = Selection::of(sample.cohort, both)?;
    let levels = sample.cohort.categories(name, &both)?.levels;
    let (exposed, comparators) = sample.counts(name, &levels)?;
    let (reference_exposed, reference_comparators) = reference.counts(name, &levels)?;
    let table = ContingencyTable::new(&[exposed.clone(), comparators.clone()]);
    let run = |&test: &BalanceTest| {
        let outcome = match test {
            BalanceTest::ChiSquared => as_estimate(&table).map(chi_squared),
            BalanceTest::ChiSquaredYates => as_estimate(&table).and_then(chi_squared_yates),
            BalanceTest::Fisher => as_estimate(&table).and_then(fisher_exact).map(fisher_outcome),
            BalanceTest::MannWhitney | BalanceTest::MannWhitneyContinuity | BalanceTest::WelchT => {
                return None;
            }
        };
        Some(outcome.unwrap_or_else(|reason| without_value(test, reason)))
    };
    Ok(BalanceRow {
        variable: name.into(),
        tests: tests.iter().filter_map(run).collect(),
        smd: categorical_smd(&exposed, &comparators, (&reference_exposed, &reference_comparators)),
        smd_own_sample: categorical_smd(&exposed, &comparators, (&exposed, &comparators)),
        caveats: caveats(name, &levels, &exposed, &comparators, &table),
        summary: Summary::Categorical { levels, exposed, comparators },
    })
}

fn as_estimate(table: &Estimate<ContingencyTable>) -> Estimate<&ContingencyTable> {
    table.as_ref().map_err(|&reason| reason)
}

fn fisher_outcome(p_value: f64) -> TestOutcome {
    let test = BalanceTest::Fisher;
    TestOutcome { test, statistic: None, degrees_of_freedom: None, p_value: Ok(p_value) }
}

fn without_value(test: BalanceTest, reason: NotEstimable) -> TestOutcome {
    TestOutcome {
        test,
        statistic: (test != BalanceTest::Fisher).then_some(Err(reason)),
        degrees_of_freedom: None,
        p_value: Err(reason),
    }
}

/// Expected counts below this make the chi-squared approximation doubtful (Cochran 1954,
/// Biometrics 10:417-451).
const SMALL_EXPECTED_COUNT: f64 = 5.0;

fn caveats(
    name: &str,
    levels: &[String],
    exposed: &[usize],
    comparators: &[usize],
    table: &Estimate<ContingencyTable>,
) -> Vec<Caveat> {
    let is_empty = |&level: &usize| exposed[level] + comparators[level] == 0;
    let empty = (0..levels.len()).filter(is_empty).map(|level| {
        let message = format!("{name}: level {} occurs in nobody", levels[level]);
        Caveat::new(CaveatCode::EmptyLevel, message)
    });
    let smallest = table.as_ref().ok().map(ContingencyTable::smallest_expected);
    let sparse = smallest.filter(|&smallest| smallest < SMALL_EXPECTED_COUNT).map(|smallest| {
        let message = format!(
            "{name}: the smallest expected count is {smallest:.1}, below 5; the p-value of a \
             chi-squared test is approximate"
        );
        Caveat::new(CaveatCode::SparseTable, message)
    });
    empty.chain(sparse).collect()
}

/// The largest absolute difference; an infinite one is the largest, those undefined do not count.
fn largest(rows: &[BalanceRow]) -> Estimate {
    if rows.iter().any(|row| row.smd == Err(NotEstimable::NoVariation)) {
        return Err(NotEstimable::NoVariation);
    }
    let defined = rows.iter().filter_map(|row| row.smd.ok());
    defined.map(f64::abs).reduce(f64::max).ok_or(NotEstimable::NotDefined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::Column;

    fn cohort() -> Cohort {
        let levels = ["I", "II", "III"].map(String::from).to_vec();
        Cohort::new(
            None,
            vec![
                Column::numeric("rt", vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
                Column::numeric("age", vec![50.0, 60.0, 70.0, 40.0, 60.0, 80.0]),
                Column::numeric("bone", vec![0.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
                Column::categorical("stage", levels, vec![0, 1, 1, 0, 0, 2]),
            ],
        )
        .unwrap()
    }

    fn query() -> BalanceQuery {
        BalanceQuery {
            exposure: "rt".into(),
            exposed: "1".into(),
            variables: vec![
                Variable::Numeric("age".into()),
                Variable::Categorical("bone".into()),
                Variable::Categorical("stage".into()),
            ],
            tests: vec![BalanceTest::Fisher, BalanceTest::WelchT, BalanceTest::ChiSquaredYates],
        }
    }

    #[test]
    fn each_variable_gets_the_tests_of_its_kind_in_the_order_asked_for() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let table = balance(&cohort, &all, &all, &query()).unwrap();
        assert_eq!((table.n_exposed, table.n_comparators), (3, 3));
        let tests = |row: usize| -> Vec<BalanceTest> {
            table.rows[row].tests.iter().map(|outcome| outcome.test).collect()
        };
        assert_eq!(tests(0), [BalanceTest::WelchT]);
        assert_eq!(tests(1), [BalanceTest::Fisher, BalanceTest::ChiSquaredYates]);
        let yates = &table.rows[2].tests[1];
        assert_eq!(yates.p_value, Err(NotEstimable::NotDefined));
        assert_eq!(table.rows[1].caveats[0].code, CaveatCode::SparseTable);
    }

    /// Without the last pair stage III is lost, bone has one subject in each arm left.
    #[test]
    fn a_matched_sample_keeps_levels_and_scale_of_the_reference() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let matched = all.filter(|row| row != 2 && row != 5);
        let table = balance(&cohort, &matched, &all, &query()).unwrap();
        let age = &table.rows[0];
        // Means 55 and 50; variances 100 and 400 in all, 50 and 200 in the matched.
        assert_eq!(age.smd, Ok(5.0 / 250f64.sqrt()));
        assert_eq!(age.smd_own_sample, Ok(5.0 / 125f64.sqrt()));
        let Summary::Categorical { levels, exposed, comparators } = &table.rows[2].summary else {
            panic!("stage is categorical");
        };
        assert_eq!(levels, &["I", "II", "III"]);
        assert_eq!((exposed, comparators), (&vec![1, 1, 0], &vec![2, 0, 0]));
        let codes: Vec<_> = table.rows[2].caveats.iter().map(|caveat| caveat.code).collect();
        assert_eq!(codes, [CaveatCode::EmptyLevel, CaveatCode::SparseTable]);
    }

    #[test]
    fn what_cannot_be_tested_says_why_and_the_table_goes_on() {
        let cohort = cohort();
        let few = Selection::all(&cohort).filter(|row| row == 0 || row == 3);
        let table = balance(&cohort, &few, &few, &query()).unwrap();
        assert_eq!(table.rows[0].tests[0].p_value, Err(NotEstimable::TooFewValues));
        assert_eq!(table.rows[0].smd, Err(NotEstimable::TooFewValues));
        assert_eq!(table.rows[1].tests[0].p_value, Err(NotEstimable::EmptyMargin));
        assert_eq!(table.largest_smd, Ok(0.0));
    }

    #[test]
    fn one_arm_is_refused() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let exposed = all.filter(|row| row < 3);
        let error = balance(&cohort, &exposed, &all, &query()).unwrap_err();
        assert!(error.to_string().contains("needs two non-empty groups"));
    }
}
