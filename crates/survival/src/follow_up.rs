//! How long subjects were followed, how completely, and at which rate they had the event.

use crate::reference::reference_level;
use crate::sample::counted_levels;
use crate::settle::settled;
use crate::weighted_rates::{WeightedRate, WeightedSubject};
use crate::{
    Confidence, CurvesQuery, PersonTime, Quantile, QuantileRule, Rate, RateContrast, SurvivalError,
    WeightedPersonTime, curves, rate, rate_contrast,
};
use cohort::{
    Caveat, Cohort, Endpoint, EndpointColumns, Estimate, Interval, LARGEST_NUMBER, NotEstimable,
    Selection, WeightColumn,
};
use numerics::sum::sum;

/// What to summarise.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowUpQuery {
    /// Follow-up.
    pub endpoint: EndpointColumns,
    /// Column whose levels are summarised each; absent = all together alone.
    pub group: Option<String>,
    /// Level whose rate every other is compared with; absent = the first that holds a subject.
    pub reference: Option<String>,
    /// Confidence of every interval.
    pub confidence: f64,
    /// Person-time for which rates are given, in the unit of the endpoint: 100 for events per 100
    /// person-months when times are months.
    pub rate_unit: f64,
    /// Rules for the limits of the median follow-up, which is reported once per rule.
    pub quantile_rules: Vec<QuantileRule>,
    /// How long each subject could have been followed; absent = completeness is not assessed.
    pub potential: Option<PotentialFollowUp>,
    /// Case weights, such as those of inverse probability; absent = everybody counts once.
    pub weights: Option<WeightColumn>,
    /// Column of clusters, such as matched sets, whose members are not independent, within a group or
    /// between groups.
    pub cluster: Option<String>,
}

/// How long each subject could have been followed, in the unit of the endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum PotentialFollowUp {
    /// The numbers of a column.
    Column(String),
    /// From the start of each subject, a date as a number in a column, to the lock of the data.
    DataLock {
        /// The lock, on the calendar of the starts.
        lock: f64,
        /// Column of the starts.
        start: String,
    },
}

/// A summary of follow-up.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowUp {
    /// Everybody.
    pub total: GroupFollowUp,
    /// One entry per level, in their order; none without a group column.
    pub groups: Vec<GroupFollowUp>,
    /// Level that the rates are compared with; absent unless two levels hold a subject.
    pub reference: Option<String>,
    /// One entry per other level that holds a subject.
    pub rate_contrasts: Vec<ComparedRate>,
}

/// The rate of one group against that of the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedRate {
    /// Level of the group column.
    pub group: String,
    /// How its rate differs.
    pub contrast: RateContrast,
}

/// Follow-up of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupFollowUp {
    /// Level of the group column; absent for everybody.
    pub group: Option<String>,
    /// Number of subjects.
    pub n: usize,
    /// Events and person-time, every subject once whatever its weight.
    pub observed: PersonTime,
    /// The same as sums of sampling weights; absent without such weights.
    pub weighted: Option<WeightedPersonTime>,
    /// Events per unit of person-time, of the sums of weights where there are any.
    pub rate: Rate,
    /// Median follow-up by the reverse Kaplan-Meier method, once per rule.
    pub median_follow_up: Vec<Quantile>,
    /// Completeness of follow-up, when the potential one is known.
    pub completeness: Option<Completeness>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// How much of the potential follow-up was observed, as sums of sampling weights where there are any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Completeness {
    /// Clark's index, between 0 and 1; there is none without potential follow-up.
    pub index: Estimate,
    /// Person-time observed within the potential follow-up.
    pub observed: f64,
    /// Person-time that could have been observed.
    pub potential: f64,
    /// Subjects followed beyond their potential follow-up, whose surplus does not count.
    pub n_beyond: usize,
}

/// Summarises the follow-up of everybody and of each level of a group.
///
/// - Person-time is the sum of the times at risk, from entry to event or censoring. See [`rate`]
///   and [`rate_contrast`] for rates.
/// - With sampling weights `w` rates are `Σ w d / Σ w t` for event `d` and time at risk `t`. With such
///   weights or clusters the limits are robust, on the logarithm: the influence of a subject on it is
///   `w (d / Σ w d - t / Σ w t)`, added up over each cluster and then squared; weights are taken as
///   known. Without events, and for a single cluster, there are none. Same sums as
///   `pyears(Surv(time, event) ~ group, weights = w)` in R, and same standard error as `svyratio(~event,
///   ~time, svydesign(~cluster, weights = ~w))` but for its factor `√(c / (c - 1))` with `c` clusters.
///   Rows of the weight 0 are left out; frequencies are repeated rows.
/// - The median follow-up is that of the curve on which censoring is the event: Schemper and Smith
///   (1996), Control. Clin. Trials 17:343-346. Same as `survfit(Surv(time, 1 - event) ~ group)`.
/// - Completeness is Clark's index
///
/// ```text
/// C = Σ observed / Σ potential
/// ```
///
/// in which the potential follow-up of a subject with the event ends at the event; that of others
/// at the lock of the data. What is observed beyond the lock, events too, does not count.
/// Clark, Altman and De Stavola (2002), Lancet 359:1309-1310.
///
/// A level without subjects has `n = 0`. Fails when columns cannot be read, when no row is selected, on
/// weights that make no sense,
/// when a reference is asked for that is unknown or holds nobody, when a potential follow-up ends
/// before the subject enters, and on a confidence or unit that makes no sense.
pub fn summarise_follow_up(
    cohort: &Cohort,
    selection: &Selection,
    query: &FollowUpQuery,
) -> Result<FollowUp, SurvivalError> {
    let confidence = Confidence::new(query.confidence)?;
    if !(0.0 < query.rate_unit && query.rate_unit <= LARGEST_NUMBER) {
        return Err(SurvivalError::RateUnit { unit: query.rate_unit });
    }
    if selection.is_empty() {
        return Err(SurvivalError::NoRows);
    }
    let subjects = Subjects::read(cohort, selection, query)?;
    let (total, _) = subjects.by_group(cohort, selection, query, None)?.swap_remove(0);
    let groups = match &query.group {
        Some(column) => subjects.by_group(cohort, selection, query, Some(column))?,
        None => Vec::new(),
    };
    let reference = reference(query, &groups)?;
    let rate_contrasts = reference.map_or_else(Vec::new, |(reference, of_reference)| {
        let others =
            groups.iter().filter(|(group, _)| group.n > 0 && group.group != reference.group);
        let compared = |(group, rate): &(GroupFollowUp, Option<WeightedRate>)| ComparedRate {
            group: level(group).to_string(),
            contrast: match (rate, of_reference) {
                (Some(own), Some(other)) => own.contrast(other, query.rate_unit, confidence),
                _ => rate_contrast(group.observed, reference.observed, query.rate_unit, confidence),
            },
        };
        others.map(compared).collect()
    });
    let reference = reference.map(|(group, _)| level(group).to_string());
    let groups = groups.into_iter().map(|(group, _)| group).collect();
    Ok(FollowUp { total, reference, rate_contrasts, groups })
}

/// A group with its rate, if that has robust limits.
type Rated = (GroupFollowUp, Option<WeightedRate>);

fn level(group: &GroupFollowUp) -> &str {
    group.group.as_deref().unwrap_or_default()
}

/// The group that rates are compared with, if there is another.
fn reference<'a>(
    query: &FollowUpQuery,
    groups: &'a [Rated],
) -> Result<Option<&'a Rated>, SurvivalError> {
    let Some(column) = &query.group else {
        return Ok(None);
    };
    let sizes: Vec<(&str, usize)> =
        groups.iter().map(|(group, _)| (level(group), group.n)).collect();
    let reference = reference_level(column, &sizes, query.reference.as_deref())?;
    let is_compared = groups.iter().filter(|(group, _)| group.n > 0).count() > 1;
    Ok(is_compared.then(|| &groups[reference]))
}

/// What is known of each subject that counts.
struct Subjects {
    /// Those who count: rows of the weight 0 are left out, frequencies repeated.
    counted: Selection,
    endpoint: Endpoint,
    limits: Option<Limits>,
    weights: Option<Vec<f64>>,
    clusters: Option<Vec<u32>>,
}

/// Ends of the observed and of the potential follow-up of each subject, settled together.
struct Limits {
    observed: Vec<f64>,
    potential: Vec<f64>,
}

impl Subjects {
    fn read(
        cohort: &Cohort,
        selection: &Selection,
        query: &FollowUpQuery,
    ) -> Result<Self, SurvivalError> {
        let weighted = cohort.weighted(selection, query.weights.as_ref())?;
        let counted = weighted.selection;
        let endpoint = cohort.endpoint(&query.endpoint, &counted)?;
        let cluster = query.cluster.as_ref().map(std::slice::from_ref);
        let clusters = cluster.map(|names| cohort.strata(names, &counted)).transpose()?;
        let limits = limits(cohort, &counted, query, &endpoint)?;
        Ok(Self { counted, endpoint, limits, weights: weighted.weights, clusters })
    }

    /// Everybody, or each level of a column.
    fn by_group(
        &self,
        cohort: &Cohort,
        selection: &Selection,
        query: &FollowUpQuery,
        column: Option<&String>,
    ) -> Result<Vec<Rated>, SurvivalError> {
        let reverse = reverse_query(query, column.cloned());
        let confidence = Confidence::new(query.confidence)?;
        let codes = match column {
            Some(column) => counted_levels(cohort, selection, &self.counted, column)?.codes,
            None => vec![0; self.counted.len()].into(),
        };
        let curves = curves(cohort, selection, &reverse)?;
        let mut members = vec![Vec::new(); curves.groups.len()];
        for (index, &code) in codes.iter().enumerate() {
            members[code as usize].push(index);
        }
        let of_all = curves.caveats.iter().filter(|_| column.is_none());
        let of_all: Vec<Caveat> = of_all.cloned().collect();
        let summarised = curves.groups.into_iter().zip(members).map(|(curve, members)| {
            let observed = self.person_time(&members);
            let robust = self.weighted_rate(&members);
            let group = GroupFollowUp {
                group: curve.group,
                n: members.len(),
                observed,
                weighted: self.weights.as_ref().and(robust.as_ref()).map(|one| one.person_time),
                rate: match &robust {
                    Some(robust) => robust.rate(query.rate_unit, confidence),
                    None if members.is_empty() => Rate {
                        rate: Err(NotEstimable::NoSubjects),
                        interval: Interval::none(NotEstimable::NoSubjects),
                    },
                    None => rate(observed, query.rate_unit, confidence),
                },
                median_follow_up: curve.quantiles,
                completeness: self.completeness(&members),
                caveats: curve.caveats.into_iter().chain(of_all.iter().cloned()).collect(),
            };
            (group, robust)
        });
        Ok(summarised.collect())
    }

    fn person_time(&self, members: &[usize]) -> PersonTime {
        PersonTime {
            n_events: members.iter().filter(|&&index| self.endpoint.event()[index]).count(),
            time: sum(members.iter().map(|&index| self.time_at_risk(index))),
        }
    }

    fn time_at_risk(&self, index: usize) -> f64 {
        self.endpoint.time()[index] - entry(&self.endpoint, index)
    }

    /// The rate with robust limits, for subjects with weights or in clusters.
    fn weighted_rate(&self, members: &[usize]) -> Option<WeightedRate> {
        if self.weights.is_none() && self.clusters.is_none() {
            return None;
        }
        let n_clusters = match &self.clusters {
            Some(clusters) => clusters.iter().max().map_or(0, |&last| last as usize + 1),
            None => self.counted.len(),
        };
        let subject = |&index: &usize| WeightedSubject {
            weight: self.weight(index),
            event: self.endpoint.event()[index],
            time: self.time_at_risk(index),
            cluster: self.clusters.as_ref().map_or(index, |clusters| clusters[index] as usize),
        };
        let subjects: Vec<WeightedSubject> = members.iter().map(subject).collect();
        Some(WeightedRate::of(&subjects, n_clusters))
    }

    fn weight(&self, index: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[index])
    }

    fn completeness(&self, members: &[usize]) -> Option<Completeness> {
        let Limits { observed: times, potential: ends } = self.limits.as_ref()?;
        let followed_to = |index: usize| times[index].min(ends[index]);
        let could_be_followed_to = |index: usize| {
            let has_event = self.endpoint.event()[index] && times[index] <= ends[index];
            if has_event { times[index] } else { ends[index] }
        };
        let total = |end: &dyn Fn(usize) -> f64| {
            let time = |index: usize| end(index) - entry(&self.endpoint, index);
            sum(members.iter().map(|&index| self.weight(index) * time(index)))
        };
        let (observed, potential) = (total(&followed_to), total(&could_be_followed_to));
        let reason =
            if members.is_empty() { NotEstimable::NoSubjects } else { NotEstimable::NotDefined };
        let index = (potential > 0.0).then(|| (observed / potential).clamp(0.0, 1.0));
        let n_beyond = members.iter().filter(|&&index| times[index] > ends[index]).count();
        Some(Completeness { index: index.ok_or(reason), observed, potential, n_beyond })
    }
}

/// Ends of the potential follow-up, if it is known.
fn limits(
    cohort: &Cohort,
    counted: &Selection,
    query: &FollowUpQuery,
    endpoint: &Endpoint,
) -> Result<Option<Limits>, SurvivalError> {
    let Some(potential) = &query.potential else {
        return Ok(None);
    };
    let (column, ends) = match potential {
        PotentialFollowUp::Column(column) => (column, cohort.numeric(column, counted)?),
        PotentialFollowUp::DataLock { lock, start } => {
            let starts = cohort.numeric(start, counted)?;
            (start, starts.into_iter().map(|start| lock - start).collect())
        }
    };
    let is_possible =
        |index: usize| entry(endpoint, index) <= ends[index] && ends[index] <= 2.0 * LARGEST_NUMBER;
    match (0..ends.len()).find(|&index| !is_possible(index)) {
        Some(index) => {
            let row = cohort.caller_row(counted.rows()[index]);
            Err(SurvivalError::PotentialFollowUp { column: column.clone(), row })
        }
        None => {
            let [observed, potential] = settled([endpoint.time(), &ends]);
            Ok(Some(Limits { observed, potential }))
        }
    }
}

fn entry(endpoint: &Endpoint, index: usize) -> f64 {
    endpoint.entry().map_or(0.0, |entry| entry[index])
}

/// Curves on which censoring is waited for, for the median follow-up.
fn reverse_query(query: &FollowUpQuery, group: Option<String>) -> CurvesQuery {
    CurvesQuery {
        group,
        weights: query.weights.clone(),
        cluster: query.cluster.clone(),
        reverse: true,
        confidence: query.confidence,
        quantiles: vec![0.5],
        quantile_rules: query.quantile_rules.clone(),
        ..CurvesQuery::new(query.endpoint.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IntervalRule;
    use cohort::{CaveatCode, CohortError, Column};

    /// Starts 0, 2, 4, 6 on a calendar that is locked at 10: potentials 10, 8, 6, 4.
    fn cohort() -> Cohort {
        let levels = ["none", "A", "B"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![5.0, 8.0, 3.0, 4.0]),
            Column::numeric("event", vec![1.0, 0.0, 0.0, 1.0]),
            Column::numeric("start", vec![0.0, 2.0, 4.0, 6.0]),
            Column::categorical("arm", levels, vec![1, 1, 2, 2]),
        ];
        Cohort::new(None, columns).unwrap()
    }

    fn query() -> FollowUpQuery {
        FollowUpQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: Some("arm".into()),
            reference: None,
            confidence: 0.95,
            rate_unit: 10.0,
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
            potential: Some(PotentialFollowUp::DataLock { lock: 10.0, start: "start".into() }),
            weights: None,
            cluster: None,
        }
    }

    fn summarised(query: &FollowUpQuery) -> Result<FollowUp, SurvivalError> {
        let cohort = cohort();
        summarise_follow_up(&cohort, &Selection::all(&cohort), query)
    }

    /// 2 events in 20 units; the third is followed for 3 of the 6 units that were possible, the
    /// others to their event or to the lock.
    #[test]
    fn four_subjects_by_hand() {
        let follow_up = summarised(&query()).unwrap();
        let total = &follow_up.total;
        assert_eq!((total.n, total.observed), (4, PersonTime { n_events: 2, time: 20.0 }));
        assert_eq!(total.rate.rate, Ok(1.0));
        let completeness = total.completeness.unwrap();
        assert_eq!((completeness.observed, completeness.potential), (20.0, 23.0));
        assert_eq!((completeness.index, completeness.n_beyond), (Ok(20.0 / 23.0), 0));
        // Censored at 3 of 4 and at 8 of 1: the reverse curve is 3/4, then 0.
        assert_eq!(total.median_follow_up[0].value, Ok(8.0));
    }

    /// Weights 1, 2, 1, 0 leave out the last: D = 1 in T = 5 + 2 · 8 + 3 = 24, of 5 + 2 · 8 + 6 = 27 that
    /// were possible. In A the event is one in T = 21: influences 1 - 5/21 and
    /// -16/21 on the logarithm of the rate.
    #[test]
    fn weighted_subjects_by_hand() {
        let mut cohort = cohort();
        cohort.push(Column::numeric("w", vec![1.0, 2.0, 1.0, 0.0])).unwrap();
        let weights = Some(WeightColumn { column: "w".into(), kind: cohort::WeightKind::Sampling });
        let query = FollowUpQuery { weights, ..query() };
        let found = summarise_follow_up(&cohort, &Selection::all(&cohort), &query).unwrap();
        let total = &found.total;
        assert_eq!((total.n, total.observed), (3, PersonTime { n_events: 1, time: 16.0 }));
        let sums = WeightedPersonTime { subjects: 4.0, events: 1.0, time: 24.0 };
        assert_eq!(total.weighted, Some(sums));
        assert!((total.rate.rate.unwrap() - 10.0 / 24.0).abs() < 1e-15);
        assert_eq!(total.completeness.unwrap().index, Ok(24.0 / 27.0));
        assert!(total.caveats.iter().any(|one| one.code == CaveatCode::ZeroWeights));
        let of_a = &found.groups[1];
        let distance = 1.959_963_984_540_054 * 2f64.sqrt() * 16.0 / 21.0;
        let upper = 10.0 / 21.0 * distance.exp();
        assert!((of_a.rate.interval.upper.unwrap() - upper).abs() < 1e-12);
        // Nobody of B has an event.
        let compared = found.rate_contrasts[0].contrast.ratio;
        assert_eq!((compared.estimate, found.groups[2].rate.rate), (Ok(0.0), Ok(0.0)));
    }

    #[test]
    fn groups_are_compared_with_the_first_that_holds_somebody() {
        let follow_up = summarised(&query()).unwrap();
        assert_eq!(follow_up.reference.as_deref(), Some("A"));
        let empty = &follow_up.groups[0];
        assert_eq!((empty.n, empty.rate.rate), (0, Err(NotEstimable::NoSubjects)));
        assert_eq!(empty.caveats[0].code, CaveatCode::EmptyLevel);
        let compared = &follow_up.rate_contrasts[0];
        assert_eq!((compared.group.as_str(), follow_up.rate_contrasts.len()), ("B", 1));
        // 1 event in 7 units against 1 in 13.
        assert!((compared.contrast.ratio.estimate.unwrap() - 13.0 / 7.0).abs() < 1e-14);
    }

    #[test]
    fn what_lies_beyond_the_lock_does_not_count() {
        let potential = Some(PotentialFollowUp::DataLock { lock: 8.0, start: "start".into() });
        let follow_up = summarised(&FollowUpQuery { potential, ..query() }).unwrap();
        // Potentials 8, 6, 4, 2: the second and fourth are followed beyond them, the fourth to its
        // event.
        let completeness = follow_up.total.completeness.unwrap();
        assert_eq!((completeness.observed, completeness.potential), (16.0, 17.0));
        assert_eq!(completeness.n_beyond, 2);
    }

    #[test]
    fn senseless_questions_are_refused() {
        let unit = FollowUpQuery { rate_unit: 0.0, ..query() };
        assert_eq!(summarised(&unit), Err(SurvivalError::RateUnit { unit: 0.0 }));
        let potential = Some(PotentialFollowUp::DataLock { lock: 5.0, start: "start".into() });
        let early = FollowUpQuery { potential, ..query() };
        let error = SurvivalError::PotentialFollowUp { column: "start".into(), row: 3 };
        assert_eq!(summarised(&early), Err(error));
        let unknown = FollowUpQuery { reference: Some("C".into()), ..query() };
        let error = CohortError::UnknownLevel { column: "arm".into(), level: "C".into() };
        assert_eq!(summarised(&unknown), Err(SurvivalError::Cohort(error)));
    }
}
