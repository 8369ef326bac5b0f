//! Comparison of cumulative incidence between the levels of a column.

use super::caveats;
use super::endpoint::{self, CauseEndpoint};
use super::gray::{Gray, gray};
use super::query::{GrayGroup, GrayTest, IncidenceComparison, IncidenceComparisonQuery};
use super::table::CauseTable;
use crate::compare::MOST_GROUPS;
use crate::{SurvivalError, compare};
use cohort::{Categories, Cohort, RiskOrder, Selection};
use numerics::tails::{chi_squared_sf, ln_chi_squared_sf};

/// Tests for each cause whether the selected subjects of each level have one cumulative incidence;
/// see [`gray`] for the formulas.
///
/// A level without subjects is shown with `n = 0` and left out of the test. A cause without events
/// has no statistic, which is part of the answer, and neither has one whose pooled incidence comes
/// to 1 while groups are still compared. Fails when columns cannot be read, when causes
/// contradict each other, when no row is selected, when fewer than two levels hold a subject or there
/// are more than 100 levels, on a power that gives no weight, and with late entry.
///
/// Same as `cuminc(time, cause, group, strata, rho)$Tests` of `cmprsk` in R.
pub fn compare_incidence(
    cohort: &Cohort,
    selection: &Selection,
    query: &IncidenceComparisonQuery,
) -> Result<IncidenceComparison, SurvivalError> {
    if !(query.rho.is_finite() && query.rho >= 0.0) {
        return Err(SurvivalError::Rho { rho: query.rho });
    }
    if query.endpoint.entry.is_some() {
        return Err(SurvivalError::LateEntry);
    }
    let endpoint = endpoint::read(cohort, selection, &query.endpoint)?;
    let levels = cohort.categories(&query.group, selection)?;
    let n_levels = levels.counts().iter().filter(|&&count| count > 0).count();
    if n_levels < 2 {
        let column = query.group.clone();
        return Err(SurvivalError::TooFewGroups { column, levels: n_levels });
    }
    if levels.levels.len() > MOST_GROUPS {
        let (column, levels) = (query.group.clone(), levels.levels.len());
        return Err(SurvivalError::TooManyGroups { column, levels, most: MOST_GROUPS });
    }
    let strata = cohort.strata(&query.strata, selection)?;
    let tables = tables(&endpoint, &levels, &strata, query.endpoint.causes.len());
    let causes = query.endpoint.causes.iter().enumerate().map(|(index, cause)| {
        let log_rank =
            query.cause_specific.then(|| compare(cohort, selection, &query.log_rank(index)));
        Ok(GrayTest {
            cause: cause.label.clone(),
            cause_specific: log_rank.transpose()?,
            ..test(&tables, &levels, index, query.rho)
        })
    });
    let causes = causes.collect::<Result<Vec<_>, SurvivalError>>()?;
    let caveats = caveats::of_comparison(&query.group, &causes, &endpoint.endpoint);
    Ok(IncidenceComparison { causes, caveats })
}

/// A table for each stratum.
fn tables(
    endpoint: &CauseEndpoint,
    levels: &Categories,
    strata: &[u32],
    n_causes: usize,
) -> Vec<CauseTable> {
    let order = RiskOrder::new(&endpoint.endpoint, strata);
    let causes = (endpoint.causes.as_slice(), n_causes);
    let groups = (&*levels.codes, levels.levels.len());
    let strata = order.strata();
    strata
        .map(|stratum| CauseTable::tally(&endpoint.endpoint, &order, stratum, causes, groups))
        .collect()
}

/// The test of one cause; its name and its other view are still to be filled in.
fn test(tables: &[CauseTable], levels: &Categories, cause: usize, rho: f64) -> GrayTest {
    let sums: Gray = tables.iter().map(|table| gray(table, cause, rho)).sum();
    let (chi_squared, degrees_of_freedom) = sums.chi_squared();
    let scores = sums.scores();
    let (observed, expected) = (scores.observed(), scores.expected());
    let n_events = |group: usize| -> usize {
        let rows = tables.iter().flat_map(CauseTable::rows);
        rows.map(|row| row.events(group, cause)).sum()
    };
    let labelled = levels.levels.iter().zip(levels.counts()).enumerate();
    let groups = labelled.map(|(index, (level, n))| GrayGroup {
        group: level.clone(),
        n,
        n_events: n_events(index),
        observed: observed[index],
        expected: expected[index],
    });
    GrayTest {
        cause: String::new(),
        groups: groups.collect(),
        variance: scores.variance(),
        chi_squared,
        degrees_of_freedom,
        p_value: chi_squared.map(|x| chi_squared_sf(x, degrees_of_freedom)),
        ln_p_value: chi_squared.map(|x| ln_chi_squared_sf(x, degrees_of_freedom)),
        cause_specific: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Cause, CauseColumns, CausesError, CaveatCode, Column, NotEstimable};

    fn query() -> IncidenceComparisonQuery {
        let cause =
            |label: &str, code: &str| Cause { label: label.into(), codes: vec![code.into()] };
        IncidenceComparisonQuery {
            endpoint: CauseColumns {
                entry: None,
                time: "time".into(),
                cause: "cause".into(),
                causes: vec![cause("relapse", "1"), cause("death", "2")],
                censored_codes: vec!["0".into()],
            },
            group: "arm".into(),
            strata: Vec::new(),
            rho: 0.0,
            cause_specific: true,
        }
    }

    fn compared(
        codes: [f64; 6],
        query: &IncidenceComparisonQuery,
    ) -> Result<IncidenceComparison, SurvivalError> {
        let levels = ["A", "B", "C"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            Column::numeric("cause", codes.to_vec()),
            Column::categorical("arm", levels, vec![0, 1, 0, 1, 0, 1]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        compare_incidence(&cohort, &Selection::all(&cohort), query)
    }

    #[test]
    fn each_cause_has_its_test_and_its_other_view() {
        let comparison = compared([1.0, 2.0, 1.0, 0.0, 0.0, 1.0], &query()).unwrap();
        let [relapse, death] = &comparison.causes[..] else { panic!("two causes") };
        assert_eq!((relapse.cause.as_str(), relapse.degrees_of_freedom), ("relapse", 1));
        let n_events: Vec<usize> = relapse.groups.iter().map(|group| group.n_events).collect();
        assert_eq!(n_events, [2, 1, 0]);
        assert!(relapse.chi_squared.is_ok() && death.chi_squared.is_ok());
        let log_rank = relapse.cause_specific.as_ref().unwrap();
        assert_eq!(log_rank.groups[1].observed, 1.0);
        assert_eq!(comparison.caveats[0].code, CaveatCode::EmptyLevel);
    }

    #[test]
    fn a_cause_of_nobody_is_not_tested() {
        let comparison = compared([1.0, 0.0, 1.0, 0.0, 0.0, 1.0], &query()).unwrap();
        assert_eq!(comparison.causes[1].p_value, Err(NotEstimable::NoEvents));
        assert_eq!(comparison.caveats[1].message, "Cause death occurs in no selected subject.");
    }

    #[test]
    fn impossible_questions_are_refused() {
        let codes = [1.0, 2.0, 1.0, 0.0, 0.0, 1.0];
        let refused = |query: IncidenceComparisonQuery| compared(codes, &query).unwrap_err();
        let rho = refused(IncidenceComparisonQuery { rho: f64::NAN, ..query() });
        assert!(matches!(rho, SurvivalError::Rho { .. }));
        let mut late = query();
        late.endpoint.entry = Some("time".into());
        assert_eq!(refused(late), SurvivalError::LateEntry);
        let mut none = query();
        none.endpoint.causes.clear();
        assert_eq!(refused(none), CausesError::NoCauses.into());
        let mut undeclared = query();
        undeclared.endpoint.causes.pop();
        assert!(matches!(refused(undeclared), SurvivalError::Cohort(_)));
    }
}
