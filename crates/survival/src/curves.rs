//! One curve for each level of a column.

use crate::bands::band_limits;
use crate::caveats;
use crate::start_time::{self, followed_to};
use crate::{
    Confidence, ConfidenceBand, Curves, CurvesQuery, GroupCurve, RiskTable, SurvivalCurve,
    SurvivalError, kaplan_meier, quantile, restricted_mean, survival_at,
};
use cohort::{Cohort, Endpoint, RiskOrder, Selection};

/// Estimates the curve of each group with all that is read off it.
///
/// A level without subjects has `n = 0`, an empty curve and the reason in every estimate. Ties in
/// time are settled over all groups together. From a start time on a curve is that of those who are
/// followed to it, and describes survival given survival to it: quantiles and restricted means count
/// from time 0 as always, so that a mean includes the time to the start.
///
/// Fails when columns cannot be read, when no row is selected or followed to the start, and on a
/// confidence, probability or time that makes no sense, such as one before the start, for which R
/// repeats the survival 1.
///
/// Same as `survfit(Surv(time, event) ~ group, start.time = start)` in R; see [`kaplan_meier`],
/// [`quantile`], [`survival_at`], [`restricted_mean`] and [`crate::confidence_band`] for formulas and
/// edge cases.
pub fn curves(
    cohort: &Cohort,
    selection: &Selection,
    query: &CurvesQuery,
) -> Result<Curves, SurvivalError> {
    let confidence = check(query)?;
    if selection.is_empty() {
        return Err(SurvivalError::NoRows);
    }
    let selection = &followed_to(cohort, selection, query)?;
    let endpoint = cohort.endpoint(&query.endpoint, selection)?;
    let endpoint = if query.reverse { endpoint.reversed() } else { endpoint };
    let (levels, codes) = match &query.group {
        Some(column) => {
            let categories = cohort.categories(column, selection)?;
            (categories.levels.into_iter().map(Some).collect(), categories.codes)
        }
        None => (vec![None], vec![0; selection.len()]),
    };
    let tables = tables(&endpoint, &codes, levels.len());
    let groups = levels
        .into_iter()
        .zip(tables)
        .map(|(group, table)| group_curve(group, &table, query, confidence))
        .collect();
    Ok(Curves { groups })
}

fn check(query: &CurvesQuery) -> Result<Confidence, SurvivalError> {
    let times = query.times.iter().chain(&query.restricted_mean_times);
    for &time in times {
        if !(time.is_finite() && time >= 0.0) {
            return Err(SurvivalError::Time { time });
        }
    }
    for &probability in &query.quantiles {
        if !(0.0 < probability && probability < 1.0) {
            return Err(SurvivalError::Probability { probability });
        }
    }
    query.bands.iter().try_for_each(|band| band.check())?;
    start_time::check(query)?;
    Confidence::new(query.confidence)
}

/// A table for each group; the groups are strata of one sort.
pub(crate) fn tables(endpoint: &Endpoint, codes: &[u32], n_groups: usize) -> Vec<RiskTable> {
    let order = RiskOrder::new(endpoint, codes);
    let everyone = vec![0; codes.len()];
    let mut tables = vec![RiskTable::default(); n_groups];
    for group in order.strata() {
        tables[group[0].stratum as usize] = RiskTable::tally(endpoint, &order, group, &everyone, 1);
    }
    tables
}

fn group_curve(
    group: Option<String>,
    table: &RiskTable,
    query: &CurvesQuery,
    confidence: Confidence,
) -> GroupCurve {
    let curve = kaplan_meier(table, query.interval, confidence);
    let quantiles = query.quantiles.iter().flat_map(|&probability| {
        let rules = query.quantile_rules.iter();
        let curve = &curve;
        rules.map(move |&rule| quantile(curve, probability, rule, confidence))
    });
    let band = |&band: &_| ConfidenceBand {
        band,
        limits: band_limits(&curve, band, query.interval, confidence),
    };
    let taus = query.restricted_mean_times.iter();
    let mut estimated = GroupCurve {
        group,
        n: n_subjects(&curve),
        n_events: curve.n_events.iter().sum(),
        quantiles: quantiles.collect(),
        at_times: query.times.iter().map(|&time| survival_at(&curve, time)).collect(),
        restricted_means: taus.map(|&tau| restricted_mean(&curve, tau, confidence)).collect(),
        bands: query.bands.iter().map(band).collect(),
        curve,
        caveats: Vec::new(),
    };
    estimated.caveats = caveats::of_curve(&estimated, table, query);
    estimated
}

/// Everyone leaves once, with or without the event.
fn n_subjects(curve: &SurvivalCurve) -> usize {
    curve.n_events.iter().chain(&curve.n_censored).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Band, BandKind, IntervalRule, QuantileRule};
    use cohort::{CaveatCode, Column, EndpointColumns, NotEstimable};

    fn query() -> CurvesQuery {
        CurvesQuery {
            group: Some("arm".into()),
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log), QuantileRule::Spss],
            times: vec![2.0, 9.0],
            restricted_mean_times: vec![2.0],
            ..CurvesQuery::new(EndpointColumns::new("time", "event"))
        }
    }

    fn estimated(query: &CurvesQuery) -> Result<Curves, SurvivalError> {
        let levels = ["A", "B"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![0.0, 3.0, 3.0, 4.0]),
            Column::numeric("event", vec![1.0, 0.0, 0.0, 0.0]),
            Column::categorical("arm", levels, vec![0; 4]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        curves(&cohort, &Selection::all(&cohort), query)
    }

    fn messages(group: &GroupCurve) -> Vec<(CaveatCode, &str)> {
        group.caveats.iter().map(|caveat| (caveat.code, caveat.message.as_str())).collect()
    }

    #[test]
    fn an_empty_level_has_no_estimates() {
        let curves = estimated(&query()).unwrap();
        let empty = &curves.groups[1];
        assert_eq!((empty.n, empty.curve.time.len()), (0, 0));
        assert_eq!(empty.quantiles[0].value, Err(NotEstimable::NoSubjects));
        assert_eq!(empty.quantiles[1].standard_error, Some(Err(NotEstimable::NoSubjects)));
        assert_eq!(empty.at_times[0].survival, Err(NotEstimable::NoSubjects));
        assert_eq!(empty.restricted_means[0].mean, Err(NotEstimable::NoSubjects));
        let caveat = (CaveatCode::EmptyLevel, "There are no selected subjects with arm = B.");
        assert_eq!(messages(empty), [caveat]);
    }

    #[test]
    fn doubts_name_group_and_time() {
        let curves = estimated(&query()).unwrap();
        let expected = [
            (CaveatCode::ZeroTimes, "1 of 4 subjects with arm = A is followed for no time at all."),
            (CaveatCode::FewAtRisk, "3 of 4 subjects with arm = A are at risk at time 2."),
            (
                CaveatCode::BeyondFollowUp,
                "Time 9 lies beyond the last observation with arm = A, at time 4.",
            ),
            (CaveatCode::MedianNotReached, "The median with arm = A is not reached."),
        ];
        assert_eq!(messages(&curves.groups[0]), expected);
    }

    /// Both at risk die at 2, when the third enters; the curve is 0 before the fourth enters at 5.
    #[test]
    fn late_entry_can_end_a_curve_early() {
        let columns = vec![
            Column::numeric("entry", vec![0.0, 1.0, 2.0, 5.0]),
            Column::numeric("time", vec![2.0, 2.0, 4.0, 6.0]),
            Column::numeric("event", vec![1.0; 4]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let endpoint = EndpointColumns {
            entry: Some("entry".into()),
            ..EndpointColumns::new("time", "event")
        };
        let query = CurvesQuery { endpoint, group: None, times: vec![], ..query() };
        let query = CurvesQuery { restricted_mean_times: vec![], ..query };
        let curves = curves(&cohort, &Selection::all(&cohort), &query).unwrap();
        let expected = [
            (
                CaveatCode::EmptyRiskSet,
                "The curve falls to 0 at time 2, where everybody at risk has the event, and stays \
                 there though others enter later.",
            ),
            (CaveatCode::EmptyRiskSet, "Nobody is at risk between times 4 and 5."),
        ];
        assert_eq!(messages(&curves.groups[0]), expected);
    }

    #[test]
    fn doubts_name_the_ends_of_bands() {
        let band = |kind| Band { kind, from: None, to: None };
        let bands = vec![band(BandKind::HallWellner), band(BandKind::EqualPrecision)];
        let query = CurvesQuery { bands, quantiles: vec![], times: vec![], ..query() };
        let query = CurvesQuery { restricted_mean_times: vec![], group: None, ..query };
        let curves = estimated(&query).unwrap();
        let group = &curves.groups[0];
        assert_eq!(group.bands[0].limits.as_ref().unwrap().time, [0.0]);
        let expected = [
            (CaveatCode::ZeroTimes, "1 of 4 subjects is followed for no time at all."),
            (CaveatCode::FewAtRisk, "4 of 4 subjects are at risk at time 0, where a band ends."),
            (
                CaveatCode::FewEvents,
                "1 event has happened by time 0, where the band of equal precision begins: it is \
                 too narrow there.",
            ),
        ];
        assert_eq!(messages(group), expected);
    }

    #[test]
    fn reversal_waits_for_censoring() {
        let curves = estimated(&CurvesQuery { reverse: true, ..query() }).unwrap();
        assert_eq!(curves.groups[0].n_events, 3);
        assert_eq!(curves.groups[0].quantiles[0].value, Ok(3.0));
    }

    #[test]
    fn senseless_questions_are_refused() {
        let refused = |query: CurvesQuery| estimated(&query).unwrap_err();
        let error = refused(CurvesQuery { confidence: 95.0, ..query() });
        assert_eq!(error, SurvivalError::Confidence { confidence: 95.0 });
        let error = refused(CurvesQuery { quantiles: vec![1.0], ..query() });
        assert_eq!(error, SurvivalError::Probability { probability: 1.0 });
        let error = refused(CurvesQuery { restricted_mean_times: vec![-1.0], ..query() });
        assert_eq!(error, SurvivalError::Time { time: -1.0 });
    }
}
