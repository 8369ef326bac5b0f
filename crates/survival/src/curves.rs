//! One curve for each level of a column.

use crate::bands::band_limits;
use crate::caveats;
use crate::cumulative_hazard::{HazardRules, cumulative_hazard};
use crate::jackknife::Jackknife;
use crate::restricted_mean::restricted_mean_of;
use crate::sample::CurveSample;
use crate::start_time::{self, followed_to};
use crate::{
    Confidence, ConfidenceBand, Curves, CurvesQuery, GroupCurve, RiskTable, SurvivalCurve,
    SurvivalError, Variance, WeightedTable, kaplan_meier, quantile, survival_at,
    weighted_kaplan_meier,
};
use cohort::{Cohort, Groups, NotEstimable, Selection};

/// Estimates the curve of each group with all that is read off it.
///
/// A level without subjects has `n = 0`, an empty curve and the reason in every estimate. Ties in
/// time are settled over all groups together. Rows of the weight 0 are left out; frequencies are
/// repeated rows. With sampling weights sums are weighted and counts remain those of subjects.
/// With such weights, clusters or on request the variance is that of the infinitesimal jackknife, and
/// so are all standard errors and limits that are read off the curve. It is undefined for the curve of
/// a single cluster, and bands, which rest on Greenwood's, are not defined.
///
/// From a start time on a curve is that of those who are followed to it, and describes survival given
/// survival to it: quantiles and restricted means count from time 0 as always, so that a mean includes
/// the time to the start.
///
/// Fails when columns cannot be read, when no row is selected or followed to the start, on weights, a
/// confidence, a probability or a time that make no sense, such as one before the start, for which R
/// repeats the survival 1, and when Greenwood's variance is asked for with sampling weights or
/// clusters.
///
/// Same as `survfit(Surv(time, event) ~ group, start.time = start, weights = w, cluster = c, robust =
/// TRUE)` in R, which guesses from the numbers what weights mean; see [`kaplan_meier`],
/// [`weighted_kaplan_meier`], [`quantile`], [`survival_at`], [`crate::restricted_mean`] and
/// [`crate::confidence_band`] for formulas and edge cases. The robust standard error of a restricted mean is the derivative of the area under
/// the curve; R has none.
pub fn curves(
    cohort: &Cohort,
    selection: &Selection,
    query: &CurvesQuery,
) -> Result<Curves, SurvivalError> {
    let confidence = check(query)?;
    let selection = followed_to(cohort, selection, query)?;
    let mut sample = CurveSample::read(cohort, &selection, query.columns())?;
    if query.reverse {
        sample.endpoint = sample.endpoint.reversed();
    }
    let estimated = estimated(&sample, query, confidence);
    let groups = estimated.into_iter().map(|one| one.group).collect();
    Ok(Curves { groups, caveats: sample.caveats })
}

/// The curve of one group beside its subjects, if its variance needs them.
pub(crate) struct Estimated {
    pub(crate) group: GroupCurve,
    pub(crate) jackknife: Option<Jackknife>,
}

/// The curves of a sample, one per level.
pub(crate) fn estimated(
    sample: &CurveSample,
    query: &CurvesQuery,
    confidence: Confidence,
) -> Vec<Estimated> {
    let is_robust = sample.variance == Variance::InfinitesimalJackknife;
    let members = if is_robust { sample.members() } else { vec![Vec::new(); sample.levels.len()] };
    let tables = RiskTable::by_stratum(&sample.endpoint, &sample.groups, &Groups::one());
    let groups = sample.levels.iter().cloned().zip(tables).zip(members);
    let estimate = |((level, table), members): ((Option<String>, RiskTable), Vec<usize>)| {
        let (curve, jackknife) = if is_robust {
            let (curve, jackknife) = robust_curve(sample, &table, &members, query, confidence);
            (curve, Some(jackknife))
        } else {
            (kaplan_meier(&table, query.interval, confidence), None)
        };
        let group = group_curve(level, curve, (&table, jackknife.as_ref()), query, confidence);
        Estimated { group, jackknife }
    };
    groups.map(estimate).collect()
}

/// The curve of some subjects, weighted if they have weights, with its robust variance.
fn robust_curve(
    sample: &CurveSample,
    table: &RiskTable,
    members: &[usize],
    query: &CurvesQuery,
    confidence: Confidence,
) -> (SurvivalCurve, Jackknife) {
    let (endpoint, weights) = (&sample.endpoint, sample.weights.as_deref());
    let curve = match weights {
        Some(weights) => {
            let table = WeightedTable::tally(table.clone(), endpoint, members, weights);
            weighted_kaplan_meier(&table)
        }
        None => kaplan_meier(table, query.interval, confidence),
    };
    let clusters = sample.clusters.as_deref();
    let jackknife = Jackknife::new(&curve, endpoint, members, weights, clusters);
    (curve.with_jackknife(&jackknife, query.interval, confidence), jackknife)
}

pub(crate) fn check(query: &CurvesQuery) -> Result<Confidence, SurvivalError> {
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

fn group_curve(
    group: Option<String>,
    curve: SurvivalCurve,
    (table, jackknife): (&RiskTable, Option<&Jackknife>),
    query: &CurvesQuery,
    confidence: Confidence,
) -> GroupCurve {
    let quantiles = query.quantiles.iter().flat_map(|&probability| {
        let rules = query.quantile_rules.iter();
        let curve = &curve;
        rules.map(move |&rule| quantile(curve, probability, rule, confidence))
    });
    let band = |&band: &_| ConfidenceBand {
        band,
        limits: match jackknife {
            None => band_limits(&curve, band, query.interval, confidence),
            Some(_) => Err(NotEstimable::NotDefined),
        },
    };
    let taus = query.restricted_mean_times.iter();
    let mean = |&tau: &f64| restricted_mean_of(&curve, jackknife, tau, confidence);
    let (rule, survival) = (query.hazard_interval, query.interval);
    let rules = HazardRules { hazard: rule, survival, confidence };
    let hazard = |&estimator: &_| cumulative_hazard(&curve, jackknife, estimator, rules);
    let mut estimated = GroupCurve {
        group,
        n: n_subjects(&curve),
        n_events: curve.n_events.iter().sum(),
        quantiles: quantiles.collect(),
        at_times: query.times.iter().map(|&time| survival_at(&curve, time)).collect(),
        bands: query.bands.iter().map(band).collect(),
        restricted_means: taus.map(mean).collect(),
        hazards: query.hazards.iter().map(hazard).collect(),
        curve,
        caveats: Vec::new(),
    };
    caveats::of_numbers(&mut estimated, query);
    estimated.caveats = caveats::of_curve(&estimated, table, query);
    estimated
        .caveats
        .extend(jackknife.and_then(|jackknife| {
            caveats::few_clusters(&estimated, jackknife.n_clusters(), query)
        }));
    estimated
}

/// Everyone leaves once, with or without the event.
fn n_subjects(curve: &SurvivalCurve) -> usize {
    curve.n_events.iter().chain(&curve.n_censored).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Band, BandKind, IntervalRule, QuantileRule, restricted_mean};
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
            Column::numeric("pair", vec![1.0, 1.0, 2.0, 2.0]),
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
            (CaveatCode::FewAtRisk, "2 of 4 subjects are at risk at the median, time 2."),
            (
                CaveatCode::EmptyRiskSet,
                "The curve falls to 0 at time 2, where everybody at risk has the event, and stays \
                 there though others enter later.",
            ),
            (CaveatCode::EmptyRiskSet, "Nobody is at risk between times 4 and 5."),
        ];
        assert_eq!(messages(&curves.groups[0]), expected);
    }

    /// Who has the event moves `S = 3/4` by -3/16, each other by 1/16: the clusters by -1/8 and 1/8.
    #[test]
    fn few_clusters_are_a_doubt() {
        let asked = CurvesQuery { cluster: Some("pair".into()), ..query() };
        let estimated = estimated(&asked).unwrap();
        let group = &estimated.groups[0];
        let error = group.curve.standard_error[0].unwrap();
        assert!((error - 2f64.sqrt() / 8.0).abs() < 1e-15, "{error}");
        assert_eq!(group.curve.variance, Variance::InfinitesimalJackknife);
        let caveat = (
            CaveatCode::FewClusters,
            "The robust variance with arm = A rests on 2 clusters of pair.",
        );
        assert_eq!(messages(group).last(), Some(&caveat));
        let mean = restricted_mean(&group.curve, 2.0, Confidence::new(0.95).unwrap());
        assert_eq!(mean.standard_error, Err(NotEstimable::VarianceUndefined));
        assert!((group.restricted_means[0].standard_error.unwrap() - 2.0 * error).abs() < 1e-15);
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
