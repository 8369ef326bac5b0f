//! Comparison of the levels of a column.

use crate::caveats;
use crate::{
    ComparedGroup, Comparison, ComparisonQuery, LogRank, RiskTable, SurvivalError, TestWeights,
    log_rank,
};
use cohort::{Cohort, RiskOrder, Selection};
use numerics::tails::{chi_squared_sf, ln_chi_squared_sf};

/// Most groups that are compared. The table of risk sets holds a number per time and group: a column
/// of numbers read as categories would ask for the square of its rows.
pub(crate) const MOST_GROUPS: usize = 100;

/// Tests whether the selected subjects of each level have equal hazards; see [`log_rank`] for the
/// formulas.
///
/// A level without subjects is shown with `n = 0` and left out of the test. Without events there
/// is no statistic, which is part of the answer. Fails when columns cannot be read, when no row is
/// selected, when fewer than two levels hold a subject or there are more than 100 levels, and on
/// exponents that give no weight.
///
/// Same as `survdiff(Surv(time, event) ~ group + strata(...))` in R, which has no late entry; with
/// late entry and the plain log-rank the statistic is the score test of `coxph` without ties.
pub fn compare(
    cohort: &Cohort,
    selection: &Selection,
    query: &ComparisonQuery,
) -> Result<Comparison, SurvivalError> {
    check_weights(query.weights)?;
    if selection.is_empty() {
        return Err(SurvivalError::NoRows);
    }
    let endpoint = cohort.endpoint(&query.endpoint, selection)?;
    let categories = cohort.categories(&query.group, selection)?;
    let strata = cohort.strata(&query.strata, selection)?;
    let counts = categories.counts();
    let levels = counts.iter().filter(|&&count| count > 0).count();
    if levels < 2 {
        return Err(SurvivalError::TooFewGroups { column: query.group.clone(), levels });
    }
    if counts.len() > MOST_GROUPS {
        let (column, levels) = (query.group.clone(), counts.len());
        return Err(SurvivalError::TooManyGroups { column, levels, most: MOST_GROUPS });
    }
    let order = RiskOrder::new(&endpoint, &strata);
    let sums: LogRank = order
        .strata()
        .map(|stratum| {
            RiskTable::tally(&endpoint, &order, stratum, &categories.codes, counts.len())
        })
        .map(|table| log_rank(&table, query.weights))
        .sum();
    let (chi_squared, degrees_of_freedom) = sums.chi_squared();
    let (observed, expected) = (sums.observed(), sums.expected());
    let labelled = categories.levels.into_iter().zip(counts).enumerate();
    let groups: Vec<ComparedGroup> = labelled
        .map(|(i, (group, n))| ComparedGroup {
            group,
            n,
            observed: observed[i],
            expected: expected[i],
        })
        .collect();
    Ok(Comparison {
        caveats: caveats::of_comparison(&query.group, &groups, &endpoint),
        groups,
        variance: sums.variance(),
        chi_squared,
        degrees_of_freedom,
        p_value: chi_squared.map(|x| chi_squared_sf(x, degrees_of_freedom)),
        ln_p_value: chi_squared.map(|x| ln_chi_squared_sf(x, degrees_of_freedom)),
    })
}

fn check_weights(weights: TestWeights) -> Result<(), SurvivalError> {
    match weights {
        TestWeights::FlemingHarrington { p, q }
            if ![p, q].iter().all(|power| power.is_finite() && *power >= 0.0) =>
        {
            Err(SurvivalError::Exponents { p, q })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{CaveatCode, Column, EndpointColumns, NotEstimable};

    fn compared(event: Vec<f64>, weights: TestWeights) -> Result<Comparison, SurvivalError> {
        let levels = ["A", "B", "C"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![1.0, 3.0, 2.0, 4.0]),
            Column::numeric("event", event),
            Column::categorical("arm", levels, vec![0, 0, 1, 1]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let query = ComparisonQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: "arm".into(),
            strata: Vec::new(),
            weights,
        };
        compare(&cohort, &Selection::all(&cohort), &query)
    }

    #[test]
    fn an_empty_level_is_shown_and_not_tested() {
        let comparison = compared(vec![1.0; 4], TestWeights::LogRank).unwrap();
        assert_eq!(comparison.degrees_of_freedom, 1);
        assert_eq!((comparison.groups[2].n, comparison.groups[2].expected), (0, 0.0));
        assert_eq!(comparison.caveats[0].code, CaveatCode::EmptyLevel);
        let ln_p_value = comparison.p_value.unwrap().ln();
        assert!((comparison.ln_p_value.unwrap() - ln_p_value).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_tested_without_events() {
        let comparison = compared(vec![0.0; 4], TestWeights::LogRank).unwrap();
        assert_eq!(comparison.chi_squared, Err(NotEstimable::NoEvents));
        assert_eq!(comparison.p_value, Err(NotEstimable::NoEvents));
    }

    /// A continuous variable is no group.
    #[test]
    fn a_group_for_each_subject_is_refused() {
        let values: Vec<f64> = (0..101).map(f64::from).collect();
        let columns = ["time", "age"].map(|name| Column::numeric(name, values.clone()));
        let mut cohort = Cohort::new(None, columns.to_vec()).unwrap();
        cohort.push(Column::numeric("event", vec![1.0; 101])).unwrap();
        let query = ComparisonQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: "age".into(),
            strata: Vec::new(),
            weights: TestWeights::LogRank,
        };
        let error = compare(&cohort, &Selection::all(&cohort), &query);
        let column = "age".into();
        assert_eq!(error, Err(SurvivalError::TooManyGroups { column, levels: 101, most: 100 }));
    }

    #[test]
    fn impossible_exponents_are_refused() {
        let weights = TestWeights::FlemingHarrington { p: 0.0, q: -1.0 };
        let error = SurvivalError::Exponents { p: 0.0, q: -1.0 };
        assert_eq!(compared(vec![1.0; 4], weights), Err(error));
    }
}
