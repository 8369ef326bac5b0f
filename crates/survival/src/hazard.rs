//! Smoothed hazard rates, for plots.

mod bandwidth;
mod caveats;
mod increments;
mod kernel;
mod range;

use crate::{Confidence, RiskTable, SurvivalError};
use bandwidth::cross_validated;
use cohort::{
    Caveat, Cells, Cohort, Endpoint, EndpointColumns, Estimate, Groups, Interval, LARGEST_NUMBER,
    NotEstimable, Selection,
};
use increments::Increments;
use numerics::elementary::exp;
use range::Range;

/// Whose hazard to estimate, and how smooth.
#[derive(Clone, Debug, PartialEq)]
pub struct HazardQuery {
    /// Follow-up.
    pub endpoint: EndpointColumns,
    /// Column whose levels have a hazard each; absent = one for all.
    pub group: Option<String>,
    /// Half the width of the window of events that an estimate rests on, in the unit of the
    /// endpoint; absent = chosen for each group by cross-validation.
    pub bandwidth: Option<f64>,
    /// Times at which the hazard is reported; none = 101 equally spaced ones over the range of each
    /// group.
    pub times: Vec<f64>,
    /// The range ends at the last time at which so many subjects are at risk, and with late entry
    /// begins at the first one; 10 as in `muhaz` of R.
    pub fewest_at_risk: usize,
    /// Confidence of every interval.
    pub confidence: f64,
}

impl HazardQuery {
    /// One hazard for all, with the settings left to the data.
    #[must_use]
    pub fn new(endpoint: EndpointColumns) -> Self {
        Self {
            endpoint,
            group: None,
            bandwidth: None,
            times: Vec::new(),
            fewest_at_risk: FEWEST_AT_RISK,
            confidence: 0.95,
        }
    }
}

/// Subjects at risk where the range ends, unless asked otherwise.
pub const FEWEST_AT_RISK: usize = 10;

/// Intervals between the times that are reported unless asked otherwise.
const INTERVALS: usize = 100;

/// The smoothed hazard of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupHazard {
    /// Level of the group column; absent without one.
    pub group: Option<String>,
    /// Number of subjects.
    pub n: usize,
    /// Number of events.
    pub n_events: usize,
    /// How the hazard was smoothed, or why there is none at any time.
    pub smoothing: Estimate<Smoothing>,
    /// The hazard at the times asked for, or over the range.
    pub at_times: Vec<HazardAt>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// Range and bandwidth of a smoothed hazard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothing {
    /// Where the range begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Number of events that count: those in the range.
    pub n_events: usize,
    /// Half the width of the window.
    pub bandwidth: f64,
    /// Where the bandwidth comes from.
    pub source: BandwidthSource,
}

/// Where a bandwidth comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BandwidthSource {
    /// It was asked for.
    Chosen,
    /// It is half of the range, since the one asked for is wider.
    HalfRange,
    /// It has the smallest criterion of cross-validation.
    CrossValidation,
}

/// The smoothed hazard at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HazardAt {
    /// The time.
    pub time: f64,
    /// Events per subject at risk and unit of time; outside the range there is none.
    pub hazard: Estimate,
    /// Its standard error.
    pub standard_error: Estimate,
    /// Its limits; there are none where the hazard is 0.
    pub interval: Interval,
}

/// Estimates the hazard rate of each group by smoothing the steps of its cumulative hazard.
///
/// ```text
/// h(t)  = 1/b  Σ K((t - t_i) / b) d_i / n_i
/// SE²   = 1/b² Σ K((t - t_i) / b)² d_i / n_i²
/// limits  h exp(∓ z SE / h)
/// ```
///
/// over the event times `t_i` of the range, at which `d_i` of `n_i` at risk have the event. `K` is
/// Epanechnikov's kernel `3/4 (1 - x²)` on [-1, 1]; within a bandwidth `b` of either end of the
/// range it is replaced by the boundary kernel of Müller and Wang, which sees no events beyond the
/// range. A negative sum counts as 0.
///
/// The range ends at the last time at which `fewest_at_risk` are at risk and, with late entry, begins
/// at the first one, since a step of one event among a handful would dominate all around it; a group
/// that is never so large is estimated over all of its follow-up, with a caveat. The bandwidth is at
/// most half of the range. Unless the caller has one it is chosen by cross-validation in each group:
/// of 20 bandwidths, from half of the range to its fortieth part by equal factors, the one with the
/// smallest estimate of the integrated squared error, `∫ h² dt - 2 Σ h_(-i)(t_i) d_i / n_i` with
/// `h_(-i)` the smooth of all steps but that at `t_i`.
///
/// The limits are pointwise and hold for the smoothed hazard; peaks are flatter than they truly are,
/// and the more so the wider the bandwidth. There is no estimate without subjects (`NoSubjects`),
/// without an event in the range (`NoEvents`), when nobody is followed for any time (`NotDefined`),
/// beyond the range (`BeyondFollowUp`), and before it (`NoSubjects`). Where the risk set is empty in
/// between, as late entry allows, the hazard is underestimated, which a caveat says.
///
/// A level without subjects has `n = 0`. Ties in time are settled over all groups together. Fails
/// when columns cannot be read, when no row is selected, and on a confidence, bandwidth or time
/// that makes no sense.
///
/// Ramlau-Hansen (1983), Ann. Stat. 11:453-466; Müller and Wang (1994), Biometrics 50:61-76; Klein
/// and Moeschberger (2003), Survival Analysis, section 6.2. Kernels and default range are those that
/// `muhaz` of R documents, which counts tied events one after another.
pub fn smoothed_hazard(
    cohort: &Cohort,
    selection: &Selection,
    query: &HazardQuery,
) -> Result<Vec<GroupHazard>, SurvivalError> {
    let confidence = check(query)?;
    if selection.is_empty() {
        return Err(SurvivalError::NoRows);
    }
    let endpoint = cohort.endpoint(&query.endpoint, selection)?;
    let (levels, codes): (Vec<_>, Cells<u32>) = match &query.group {
        Some(column) => {
            let categories = cohort.categories(column, selection)?;
            (categories.levels.into_iter().map(Some).collect(), categories.codes)
        }
        None => (vec![None], vec![0; selection.len()].into()),
    };
    let groups = Groups::new(codes.clone(), levels.len());
    let tables = RiskTable::by_stratum(&endpoint, &groups, &Groups::one());
    let mut members = vec![Vec::new(); levels.len()];
    for (member, &code) in codes.iter().enumerate() {
        members[code as usize].push(member);
    }
    let groups = levels.into_iter().zip(tables.iter().zip(&members));
    Ok(groups
        .map(|(group, (table, members))| {
            group_hazard(group, table, (&endpoint, members), query, confidence)
        })
        .collect())
}

fn check(query: &HazardQuery) -> Result<Confidence, SurvivalError> {
    if let Some(&time) = query.times.iter().find(|time| !(0.0..=LARGEST_NUMBER).contains(*time)) {
        return Err(SurvivalError::Time { time });
    }
    match query.bandwidth {
        Some(bandwidth) if !(1.0 / LARGEST_NUMBER..=LARGEST_NUMBER).contains(&bandwidth) => {
            Err(SurvivalError::Bandwidth { bandwidth })
        }
        _ => Confidence::new(query.confidence),
    }
}

fn group_hazard(
    group: Option<String>,
    table: &RiskTable,
    (endpoint, members): (&Endpoint, &[usize]),
    query: &HazardQuery,
    confidence: Confidence,
) -> GroupHazard {
    let enough = Range::of(endpoint, members, query.fewest_at_risk);
    let smooth = smooth(table, enough.or_else(|| Range::of(endpoint, members, 1)), query);
    let times = match (&smooth, query.times.as_slice()) {
        (Ok((smoothing, _)), []) => equally_spaced(smoothing),
        (_, times) => times.to_vec(),
    };
    let at = |&time: &f64| match &smooth {
        Ok((smoothing, increments)) => hazard_at(time, smoothing, increments, confidence),
        Err(reason) => none(time, *reason),
    };
    let mut estimated = GroupHazard {
        n: members.len(),
        n_events: members.iter().filter(|&&member| endpoint.event()[member]).count(),
        at_times: times.iter().map(at).collect(),
        smoothing: smooth.map(|(smoothing, _)| smoothing),
        caveats: Vec::new(),
        group,
    };
    estimated.caveats = caveats::of_hazard(&estimated, table, query, enough.is_some());
    estimated
}

/// Range, bandwidth and steps of one group.
fn smooth(
    table: &RiskTable,
    range: Option<Range>,
    query: &HazardQuery,
) -> Estimate<(Smoothing, Increments)> {
    let range = range.ok_or(NotEstimable::NoSubjects)?;
    if range.length() <= 0.0 {
        return Err(NotEstimable::NotDefined);
    }
    let increments = Increments::of(table, range);
    if increments.n_events == 0 {
        return Err(NotEstimable::NoEvents);
    }
    let widest = 0.5 * range.length();
    let (bandwidth, source) = match query.bandwidth {
        Some(bandwidth) if bandwidth > widest => (widest, BandwidthSource::HalfRange),
        Some(bandwidth) => (bandwidth, BandwidthSource::Chosen),
        None => (cross_validated(&increments, range), BandwidthSource::CrossValidation),
    };
    let Range { from, to } = range;
    let n_events = increments.n_events;
    Ok((Smoothing { from, to, n_events, bandwidth, source }, increments))
}

fn equally_spaced(smoothing: &Smoothing) -> Vec<f64> {
    let width = (smoothing.to - smoothing.from) / INTERVALS as f64;
    let inner = (0..INTERVALS).map(|point| smoothing.from + point as f64 * width);
    inner.chain([smoothing.to]).collect()
}

fn hazard_at(
    time: f64,
    smoothing: &Smoothing,
    increments: &Increments,
    confidence: Confidence,
) -> HazardAt {
    if time > smoothing.to {
        return none(time, NotEstimable::BeyondFollowUp);
    }
    if time < smoothing.from {
        return none(time, NotEstimable::NoSubjects);
    }
    let (hazard, variance) = increments.smooth(time, smoothing.bandwidth);
    let standard_error = variance.sqrt();
    let limit = |side: f64| {
        if hazard <= 0.0 {
            return Err(NotEstimable::NoEvents);
        }
        // The sum of a boundary kernel can come so near to 0 that the limit is beyond all numbers.
        let limit = hazard * exp(side * confidence.multiplier() * standard_error / hazard);
        limit.is_finite().then_some(limit).ok_or(NotEstimable::VarianceUndefined)
    };
    HazardAt {
        time,
        hazard: Ok(hazard),
        standard_error: Ok(standard_error),
        interval: Interval { lower: limit(-1.0), upper: limit(1.0) },
    }
}

fn none(time: f64, reason: NotEstimable) -> HazardAt {
    HazardAt {
        time,
        hazard: Err(reason),
        standard_error: Err(reason),
        interval: Interval::none(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{CaveatCode, Column};

    /// Deaths at 1, 2 and 4, censored at 3 and 6: steps of 1/5, 1/4 and 1/2.
    fn query() -> HazardQuery {
        HazardQuery {
            bandwidth: Some(2.0),
            times: vec![3.0, 1.0, 5.0, 0.0, 7.0],
            fewest_at_risk: 1,
            ..HazardQuery::new(EndpointColumns::new("time", "event"))
        }
    }

    fn estimated(query: &HazardQuery) -> Result<Vec<GroupHazard>, SurvivalError> {
        let arms = ["A", "B"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![1.0, 2.0, 3.0, 4.0, 6.0]),
            Column::numeric("event", vec![1.0, 1.0, 0.0, 1.0, 0.0]),
            Column::categorical("arm", arms, vec![0; 5]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        smoothed_hazard(&cohort, &Selection::all(&cohort), query)
    }

    fn assert_close(got: Estimate, want: f64) {
        let got = got.unwrap();
        assert!((got - want).abs() < 1e-14, "{got} instead of {want}");
    }

    /// At 3 the deaths at 2 and 4 are half a bandwidth away, with weight 3/4 · 3/4 each, that at 1 a
    /// whole one, with weight 0. At 1 and 5, half a bandwidth from the ends, the kernel is
    /// `64/27 (1 + z) · 3/8` with z = 0, -1/2 and, at 5, 1/2 turned round; at 0 it is
    /// `6 (1 + z) (1 + 2z)` with z = -1/2 and -1, which is 0 for both.
    #[test]
    fn five_subjects_by_hand() {
        let group = &estimated(&query()).unwrap()[0];
        let expected = Smoothing {
            from: 0.0,
            to: 6.0,
            n_events: 3,
            bandwidth: 2.0,
            source: BandwidthSource::Chosen,
        };
        assert_eq!(group.smoothing, Ok(expected));
        let [inside, early, late, start, beyond] = &group.at_times[..] else {
            panic!("five times")
        };
        assert_close(inside.hazard, 0.5 * (9.0 / 16.0) * (1.0 / 4.0 + 1.0 / 2.0));
        let error = 0.5 * (9.0 / 16.0) * (1.0f64 / 16.0 + 1.0 / 4.0).sqrt();
        assert_close(inside.standard_error, error);
        let factor = (1.959_963_984_540_054 * error / inside.hazard.unwrap()).exp();
        assert_close(inside.interval.upper, inside.hazard.unwrap() * factor);
        assert_close(inside.interval.lower, inside.hazard.unwrap() / factor);
        let weight = |z: f64| 64.0 / 27.0 * (1.0 + z) * 3.0 / 8.0;
        assert_close(early.hazard, 0.5 * (weight(0.0) / 5.0 + weight(-0.5) / 4.0));
        assert_close(late.hazard, 0.5 * weight(-0.5) / 2.0);
        assert_eq!(
            (start.hazard, start.interval),
            (Ok(0.0), Interval::none(NotEstimable::NoEvents))
        );
        assert_eq!(beyond.hazard, Err(NotEstimable::BeyondFollowUp));
    }

    #[test]
    fn the_range_and_its_times_are_the_default() {
        let query = HazardQuery { times: vec![], fewest_at_risk: 2, bandwidth: None, ..query() };
        let group = &estimated(&query).unwrap()[0];
        let smoothing = group.smoothing.unwrap();
        assert_eq!((smoothing.to, smoothing.source), (4.0, BandwidthSource::CrossValidation));
        assert_eq!(group.at_times.len(), 101);
        assert_eq!((group.at_times[0].time, group.at_times[100].time), (0.0, 4.0));
        let wide = HazardQuery { bandwidth: Some(2.5), ..query };
        let smoothing = estimated(&wide).unwrap()[0].smoothing.unwrap();
        assert_eq!((smoothing.bandwidth, smoothing.source), (2.0, BandwidthSource::HalfRange));
    }

    #[test]
    fn doubts_name_group_and_reason() {
        let group = Some("arm".into());
        let query = HazardQuery { group, fewest_at_risk: 10, ..query() };
        let groups = estimated(&query).unwrap();
        let expected = [
            (CaveatCode::FewAtRisk, "There are never 10 subjects with arm = A at risk."),
            (
                CaveatCode::BeyondFollowUp,
                "Time 7 lies beyond the range in which the hazard with arm = A is estimated, which \
                 ends at time 6.",
            ),
            (CaveatCode::FewEvents, "The hazard with arm = A rests on 3 events."),
        ];
        let found: Vec<_> =
            groups[0].caveats.iter().map(|one| (one.code, one.message.as_str())).collect();
        assert_eq!(found, expected);
        let empty = &groups[1];
        assert_eq!((empty.n, empty.smoothing), (0, Err(NotEstimable::NoSubjects)));
        assert_eq!(empty.at_times[0].hazard, Err(NotEstimable::NoSubjects));
        assert_eq!(empty.caveats[0].code, CaveatCode::EmptyLevel);
    }

    /// Two at risk up to 2, one from there on, and again two from 3 to 4.
    #[test]
    fn a_small_risk_set_within_the_range_is_a_doubt() {
        let columns = vec![
            Column::numeric("entry", vec![0.0, 0.0, 3.0, 3.0]),
            Column::numeric("time", vec![2.0, 3.0, 4.0, 5.0]),
            Column::numeric("event", vec![1.0; 4]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let entry = Some("entry".into());
        let endpoint = EndpointColumns { entry, ..EndpointColumns::new("time", "event") };
        let query = HazardQuery { endpoint, fewest_at_risk: 2, times: vec![], ..query() };
        let groups = smoothed_hazard(&cohort, &Selection::all(&cohort), &query).unwrap();
        let thin = "1 of 4 subjects is at risk at time 3, within the range of the hazard.";
        assert_eq!(groups[0].caveats[0].message, thin);
    }

    #[test]
    fn nobody_has_the_event_or_is_followed() {
        let of = |time: f64, event: f64| {
            let columns = vec![
                Column::numeric("time", vec![time; 2]),
                Column::numeric("event", vec![event; 2]),
            ];
            let cohort = Cohort::new(None, columns).unwrap();
            let group =
                smoothed_hazard(&cohort, &Selection::all(&cohort), &query()).unwrap().remove(0);
            group.smoothing.unwrap_err()
        };
        assert_eq!(of(3.0, 0.0), NotEstimable::NoEvents);
        assert_eq!(of(0.0, 1.0), NotEstimable::NotDefined);
    }

    #[test]
    fn senseless_questions_are_refused() {
        let refused = |query: HazardQuery| estimated(&query).unwrap_err();
        let error = refused(HazardQuery { bandwidth: Some(0.0), ..query() });
        assert_eq!(error, SurvivalError::Bandwidth { bandwidth: 0.0 });
        let error = refused(HazardQuery { times: vec![-1.0], ..query() });
        assert_eq!(error, SurvivalError::Time { time: -1.0 });
        let error = refused(HazardQuery { confidence: 1.0, ..query() });
        assert_eq!(error, SurvivalError::Confidence { confidence: 1.0 });
    }
}
