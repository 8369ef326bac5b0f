//! Cumulative incidence for each level of a column.

use super::at_times::incidence_at;
use super::caveats;
use super::endpoint::{self, CauseEndpoint};
use super::incidence::aalen_johansen;
use super::query::{CauseSummary, GroupIncidence, IncidenceQuery, Incidences};
use super::table::CauseTable;
use super::time_lost::time_lost;
use crate::{Confidence, RiskTable, SurvivalCurve, SurvivalError, kaplan_meier};
use cohort::{Cohort, RiskOrder, Selection};

/// Estimates the cumulative incidence of each cause for each group.
///
/// A level without subjects has `n = 0`, empty curves and the reason in every estimate. Ties in
/// time are settled over all groups together. Fails when columns cannot be read or hold a code that
/// is declared nowhere, when causes contradict each other, when no row is selected, and on a
/// confidence or time that makes no sense.
///
/// Same as `survfit(Surv(time, factor(cause)) ~ group)` in R; see [`aalen_johansen`] for formulas
/// and edge cases.
pub fn incidence(
    cohort: &Cohort,
    selection: &Selection,
    query: &IncidenceQuery,
) -> Result<Incidences, SurvivalError> {
    let confidence = check(query)?;
    let endpoint = endpoint::read(cohort, selection, &query.endpoint)?;
    let (levels, codes) = match &query.group {
        Some(column) => {
            let categories = cohort.categories(column, selection)?;
            (categories.levels.into_iter().map(Some).collect(), categories.codes)
        }
        None => (vec![None], vec![0; selection.len()].into()),
    };
    let tables = tables(&endpoint, &codes, levels.len(), query.endpoint.causes.len());
    let mut views = match query.cause_specific {
        true => cause_specific(cohort, selection, query, (&codes, levels.len()), confidence)?,
        false => vec![vec![None; query.endpoint.causes.len()]; levels.len()],
    };
    let groups = levels.into_iter().zip(&tables).zip(&mut views);
    let groups = groups.map(|((group, table), views)| {
        let views = std::mem::take(views);
        group_incidence(group, table, views, query, confidence)
    });
    Ok(Incidences { groups: groups.collect() })
}

fn check(query: &IncidenceQuery) -> Result<Confidence, SurvivalError> {
    for &time in query.times.iter().chain(&query.time_lost_horizons) {
        if !(time.is_finite() && time >= 0.0) {
            return Err(SurvivalError::Time { time });
        }
    }
    Confidence::new(query.confidence)
}

/// A table for each group; the groups are strata of one sort.
fn tables(
    endpoint: &CauseEndpoint,
    codes: &[u32],
    n_groups: usize,
    n_causes: usize,
) -> Vec<CauseTable> {
    let order = RiskOrder::new(&endpoint.endpoint, codes);
    let everyone = vec![0; codes.len()];
    let tally = |group| {
        let causes = (endpoint.causes.as_slice(), n_causes);
        CauseTable::tally(&endpoint.endpoint, &order, group, causes, (&everyone, 1))
    };
    let mut tables = vec![tally(&[]); n_groups];
    for group in order.strata() {
        tables[group[0].stratum as usize] = tally(group);
    }
    tables
}

/// For each group the Kaplan-Meier curve of each cause with the others censored.
fn cause_specific(
    cohort: &Cohort,
    selection: &Selection,
    query: &IncidenceQuery,
    (codes, n_groups): (&[u32], usize),
    confidence: Confidence,
) -> Result<Vec<Vec<Option<SurvivalCurve>>>, SurvivalError> {
    let mut views = vec![Vec::new(); n_groups];
    let everyone = vec![0; codes.len()];
    for cause in 0..query.endpoint.causes.len() {
        let endpoint = cohort.endpoint(&query.endpoint.cause_specific(cause), selection)?;
        let order = RiskOrder::new(&endpoint, codes);
        let mut curves = vec![Some(SurvivalCurve::default()); n_groups];
        for group in order.strata() {
            let table = RiskTable::tally(&endpoint, &order, group, &everyone, 1);
            let curve = kaplan_meier(&table, query.interval, confidence);
            curves[group[0].stratum as usize] = Some(curve);
        }
        views.iter_mut().zip(curves).for_each(|(views, curve)| views.push(curve));
    }
    Ok(views)
}

fn group_incidence(
    group: Option<String>,
    table: &CauseTable,
    views: Vec<Option<SurvivalCurve>>,
    query: &IncidenceQuery,
    confidence: Confidence,
) -> GroupIncidence {
    let rule = query.interval;
    let curve = aalen_johansen(table, rule, confidence);
    let summary = |((index, cause), cause_specific): ((usize, &cohort::Cause), _)| CauseSummary {
        cause: cause.label.clone(),
        n_events: curve.causes[index].n_events.iter().sum(),
        time_lost: time_lost(table, index, &query.time_lost_horizons, confidence),
        cause_specific,
    };
    let read = |&time: &f64| incidence_at(&curve, time, rule, confidence);
    let mut estimated = GroupIncidence {
        group,
        n: table.n_subjects(),
        at_times: query.times.iter().map(read).collect(),
        causes: query.endpoint.causes.iter().enumerate().zip(views).map(summary).collect(),
        curve,
        caveats: Vec::new(),
    };
    estimated.caveats = caveats::of_incidence(&estimated, query);
    estimated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IntervalRule;
    use cohort::{Cause, CauseColumns, CaveatCode, Column, NotEstimable};

    fn query() -> IncidenceQuery {
        let cause =
            |label: &str, code: &str| Cause { label: label.into(), codes: vec![code.into()] };
        IncidenceQuery {
            endpoint: CauseColumns {
                entry: None,
                time: "time".into(),
                cause: "cause".into(),
                causes: vec![cause("relapse", "1"), cause("death", "2")],
                censored_codes: vec!["0".into()],
            },
            group: Some("arm".into()),
            interval: IntervalRule::Log,
            confidence: 0.95,
            times: vec![3.0, 9.0],
            time_lost_horizons: vec![3.0],
            cause_specific: true,
        }
    }

    fn estimated(query: &IncidenceQuery) -> Result<Incidences, SurvivalError> {
        let levels = ["A", "B"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![0.0, 2.0, 3.0, 4.0]),
            Column::numeric("cause", vec![2.0, 1.0, 1.0, 0.0]),
            Column::categorical("arm", levels, vec![0; 4]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        incidence(&cohort, &Selection::all(&cohort), query)
    }

    #[test]
    fn an_empty_level_has_no_estimates() {
        let incidences = estimated(&query()).unwrap();
        let empty = &incidences.groups[1];
        assert_eq!((empty.n, empty.curve.time.len(), empty.curve.causes.len()), (0, 0, 2));
        assert_eq!(
            empty.at_times[0].causes[1].incidence.probability,
            Err(NotEstimable::NoSubjects)
        );
        assert_eq!(empty.causes[0].time_lost[0].mean, Err(NotEstimable::NoSubjects));
        assert_eq!(empty.caveats.len(), 1);
        assert_eq!(empty.caveats[0].code, CaveatCode::EmptyLevel);
    }

    /// F of relapse is 3/4 · (1/3 + 1/3) = 1/2 at 3; 1 - KM is 1 - 2/3 · 1/2 = 2/3.
    #[test]
    fn doubts_name_group_time_and_cause() {
        let incidences = estimated(&query()).unwrap();
        let messages: Vec<&str> =
            incidences.groups[0].caveats.iter().map(|caveat| caveat.message.as_str()).collect();
        let expected = [
            "1 of 4 subjects with arm = A is followed for no time at all.",
            "2 of 4 subjects with arm = A are at risk at time 3.",
            "Time 9 lies beyond the last observation with arm = A, at time 4.",
            "One minus the Kaplan-Meier curve of relapse with arm = A counts other causes as \
             censored and overstates the incidence: 0.667 against 0.500 at time 3.",
            "One minus the Kaplan-Meier curve of death with arm = A counts other causes as \
             censored and overstates the incidence where they come first.",
        ];
        assert_eq!(messages, expected);
    }

    #[test]
    fn questions_that_make_no_sense_are_refused() {
        let refused = |query: IncidenceQuery| estimated(&query).unwrap_err();
        let time = refused(IncidenceQuery { times: vec![-1.0], ..query() });
        assert_eq!(time, SurvivalError::Time { time: -1.0 });
        let confidence = refused(IncidenceQuery { confidence: 1.0, ..query() });
        assert_eq!(confidence, SurvivalError::Confidence { confidence: 1.0 });
        let mut undeclared = query();
        undeclared.endpoint.causes.pop();
        let message = refused(undeclared).to_string();
        assert!(message.contains("neither an event code nor a censoring code"), "{message}");
    }
}
