//! Curves conditional on surviving to a time.

use crate::settle::settled;
use crate::{CurvesQuery, SurvivalError};
use cohort::{Cohort, Selection};

/// The subjects whose follow-up ends at `start` or later, among them those who enter after it.
///
/// The curve of these subjects begins at 1 at that time and describes those who survive to it: who
/// has the event at the start itself counts. With late entry a subject is at risk at `t` when
/// `entry < t <= time`, as always. A time that differs from the start by rounding noise is the
/// start; R compares them to the last bit.
///
/// Fails when the columns cannot be read, and when nobody is followed to the start. Same as
/// `survfit(..., start.time = start)` in R.
pub(crate) fn followed_to(
    cohort: &Cohort,
    selection: &Selection,
    query: &CurvesQuery,
) -> Result<Selection, SurvivalError> {
    let Some(start) = query.start_time else { return Ok(selection.clone()) };
    let endpoint = cohort.endpoint(&query.endpoint, selection)?;
    let [times, at] = settled([endpoint.time(), &[start]]);
    let mut is_followed = vec![false; cohort.len()];
    for (&row, time) in selection.rows().iter().zip(times) {
        is_followed[row] = time >= at[0];
    }
    let followed = selection.filter(|row| is_followed[row]);
    if followed.is_empty() && !selection.is_empty() {
        return Err(SurvivalError::NobodyFollowed { time: start });
    }
    Ok(followed)
}

/// Whether the curve begins by every time at which something is read off it.
pub(crate) fn check(query: &CurvesQuery) -> Result<(), SurvivalError> {
    let Some(start) = query.start_time else { return Ok(()) };
    if !(start.is_finite() && start >= 0.0) {
        return Err(SurvivalError::Time { time: start });
    }
    let bands = query.bands.iter().flat_map(|band| band.from.into_iter().chain(band.to));
    let times = query.times.iter().chain(&query.restricted_mean_times).copied().chain(bands);
    let early = times.into_iter().find(|&time| time < start);
    early.map_or(Ok(()), |time| Err(SurvivalError::BeforeStart { time, start }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupCurve, QuantileRule, curves};
    use cohort::{Column, EndpointColumns, NotEstimable};

    /// Deaths at 1, 3, 3, 6; censored at 2, 4, 5. Entries at 0 but for two: at 4 and at 3.
    fn cohort() -> Cohort {
        let arms = ["early", "late"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0]),
            Column::numeric("event", vec![1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
            Column::numeric("entry", vec![0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 3.0]),
            Column::categorical("arm", arms, vec![0, 0, 0, 1, 1, 1, 1]),
        ];
        Cohort::new(None, columns).unwrap()
    }

    fn query(start: f64) -> CurvesQuery {
        CurvesQuery {
            start_time: Some(start),
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Spss],
            times: vec![3.0, 5.0],
            restricted_mean_times: vec![5.0],
            ..CurvesQuery::new(EndpointColumns::new("time", "event"))
        }
    }

    fn estimated(query: &CurvesQuery) -> Result<Vec<GroupCurve>, SurvivalError> {
        let cohort = cohort();
        Ok(curves(&cohort, &Selection::all(&cohort), query)?.groups)
    }

    /// Five are followed to 3, where two die: S = 3/5. The mean is 3, then two units at 3/5.
    #[test]
    fn who_dies_at_the_start_counts() {
        for start in [3.0, 3.0 + 1e-12] {
            let group =
                &estimated(&CurvesQuery { times: vec![3.5, 5.0], ..query(start) }).unwrap()[0];
            assert_eq!((group.n, group.n_events), (5, 3));
            assert_eq!(group.curve.time, [3.0, 4.0, 5.0, 6.0]);
            assert_eq!(group.curve.survival, [0.6, 0.6, 0.6, 0.0]);
            assert_eq!(group.at_times[1].survival, Ok(0.6));
            assert_eq!(group.at_times[1].n_events, 2);
            assert_eq!(group.quantiles[0].value, Ok(6.0));
            assert!((group.restricted_means[0].mean.unwrap() - 4.2).abs() < 1e-15);
        }
    }

    /// At 3 three are at risk, since one enters there and one later; two of them die.
    #[test]
    fn late_entry_counts_as_always() {
        let mut query = query(3.0);
        query.endpoint.entry = Some("entry".into());
        let group = &estimated(&query).unwrap()[0];
        assert_eq!((group.n, group.curve.n_at_risk.as_slice()), (5, &[3, 2, 2, 1][..]));
        assert_eq!(group.curve.survival[0], 1.0 / 3.0);
    }

    #[test]
    fn a_level_may_be_left_without_subjects() {
        let query = CurvesQuery { group: Some("arm".into()), times: vec![], ..query(3.5) };
        let groups = estimated(&CurvesQuery { restricted_mean_times: vec![], ..query }).unwrap();
        assert_eq!((groups[0].n, groups[1].n), (0, 3));
        assert_eq!(groups[0].quantiles[0].value, Err(NotEstimable::NoSubjects));
    }

    #[test]
    fn nothing_is_known_before_the_start() {
        let early = SurvivalError::BeforeStart { time: 3.0, start: 3.5 };
        assert_eq!(estimated(&query(3.5)).unwrap_err(), early);
        let query = CurvesQuery { times: vec![], restricted_mean_times: vec![], ..query(7.0) };
        let error = estimated(&query).unwrap_err();
        assert_eq!(error, SurvivalError::NobodyFollowed { time: 7.0 });
        assert_eq!(error.impossibility(), Some(NotEstimable::NoSubjects));
    }

    #[test]
    fn from_time_0_on_it_is_the_whole_curve() {
        let whole = estimated(&CurvesQuery { start_time: None, ..query(0.0) }).unwrap();
        assert_eq!(estimated(&query(0.0)).unwrap(), whole);
    }
}
