//! Analysis from a landmark: those still at risk there, grouped by what has happened to them until
//! then.

use crate::settle::settled;
use crate::{
    Comparison, ComparisonOptions, ComparisonQuery, Curves, CurvesQuery, SurvivalError, compare,
    curves,
};
use cohort::{Cohort, Column, EndpointColumns, Selection, Values};

/// What to analyse from a landmark.
#[derive(Clone, Debug, PartialEq)]
pub struct LandmarkQuery {
    /// The landmark, in the unit of the endpoint.
    pub landmark: f64,
    /// Numeric column of the times at which exposure begins, missing in those never exposed; the
    /// groups are then those exposed by the landmark and those not. Absent = the group of `curves`.
    pub exposure: Option<String>,
    /// The curves to estimate. Its times count from the landmark.
    pub curves: CurvesQuery,
    /// How the groups are compared.
    pub comparison: ComparisonOptions,
}

/// An analysis from a landmark.
#[derive(Clone, Debug, PartialEq)]
pub struct LandmarkAnalysis {
    /// The subjects at risk beyond the landmark.
    pub selection: Selection,
    /// Subjects left out because their follow-up ended by the landmark.
    pub n_ended: usize,
    /// Subjects left out because they enter only after the landmark.
    pub n_not_entered: usize,
    /// The curves from the landmark on.
    pub curves: Curves,
    /// The test between the groups; absent without groups.
    pub comparison: Option<Comparison>,
}

/// The subjects at risk beyond a landmark, with columns that count from it.
#[derive(Clone, Debug, PartialEq)]
pub struct LandmarkSample {
    /// The cohort with the columns [`TIME_FROM_LANDMARK`] and, when there are times of exposure,
    /// [`EXPOSED_BY_LANDMARK`]; both are missing in subjects who are not at risk.
    pub cohort: Cohort,
    /// The subjects at risk.
    pub selection: Selection,
    /// Follow-up from the landmark.
    pub endpoint: EndpointColumns,
    /// Subjects left out because their follow-up ended by the landmark.
    pub n_ended: usize,
    /// Subjects left out because they enter only after the landmark.
    pub n_not_entered: usize,
}

/// Column of the time from the landmark to event or censoring.
pub const TIME_FROM_LANDMARK: &str = "time from landmark";

/// Column that is `yes` in those exposed by the landmark and `no` in all others.
pub const EXPOSED_BY_LANDMARK: &str = "exposed by landmark";

/// Selects the subjects at risk beyond the landmark and adds columns that count from it, for any
/// analysis.
///
/// A subject is at risk when its follow-up ends after the landmark and, with late entry, begins by
/// then. Exposed is whoever has a time of exposure no later than the landmark; who is exposed later
/// stays with the unexposed, neither censored nor left out, since the groups must be known at the
/// landmark. Times that differ from it by rounding noise are the landmark.
///
/// Anderson, Cain and Gelber (1983), J. Clin. Oncol. 1:710-719. Fails when columns cannot be read
/// or have the names of those added, and when nobody is at risk.
pub fn landmark_sample(
    cohort: &Cohort,
    selection: &Selection,
    endpoint: &EndpointColumns,
    landmark: f64,
    exposure: Option<&str>,
) -> Result<LandmarkSample, SurvivalError> {
    if !(landmark.is_finite() && landmark >= 0.0) {
        return Err(SurvivalError::Landmark { time: landmark });
    }
    let follow_up = cohort.endpoint(endpoint, selection)?;
    let entries = follow_up.entry().map_or_else(|| vec![0.0; follow_up.len()], <[f64]>::to_vec);
    let [times, entries, at] = settled([follow_up.time(), &entries, &[landmark]]);
    let landmark = at[0];
    let n_ended = times.iter().filter(|&&time| time <= landmark).count();
    let n_not_entered = entries.iter().filter(|&&entry| entry > landmark).count();
    let mut from_landmark = vec![None; cohort.len()];
    for (index, &row) in selection.rows().iter().enumerate() {
        let is_at_risk = entries[index] <= landmark && landmark < times[index];
        from_landmark[row] = is_at_risk.then(|| times[index] - landmark);
    }
    let at_risk = selection.filter(|row| from_landmark[row].is_some());
    if at_risk.is_empty() {
        return Err(SurvivalError::NobodyAtRisk { time: landmark });
    }
    let mut cohort = cohort.clone();
    let exposed = exposure.map(|column| exposed_by(&cohort, column, landmark)).transpose()?;
    let time = from_landmark.iter().map(|time| time.unwrap_or(0.0)).collect();
    add(&mut cohort, TIME_FROM_LANDMARK, Values::Numeric(time), &from_landmark)?;
    if let Some(codes) = exposed {
        let levels = ["no", "yes"].map(String::from).to_vec();
        let values = Values::Categorical { levels, codes: codes.into() };
        add(&mut cohort, EXPOSED_BY_LANDMARK, values, &from_landmark)?;
    }
    let time = TIME_FROM_LANDMARK.to_string();
    let endpoint = EndpointColumns { entry: None, time, ..endpoint.clone() };
    Ok(LandmarkSample { cohort, selection: at_risk, endpoint, n_ended, n_not_entered })
}

/// Estimates the curves from a landmark on and tests whether they are one.
///
/// See [`landmark_sample`] for who is at risk and exposed, [`curves`] and [`compare`] for the rest;
/// all times, also those asked for, count from the landmark. Fails where any of these does, so also
/// when all at risk are of one group, and on case weights and clusters, which the test does not know.
pub fn landmark_analysis(
    cohort: &Cohort,
    selection: &Selection,
    query: &LandmarkQuery,
) -> Result<LandmarkAnalysis, SurvivalError> {
    if query.curves.weights.is_some() || query.curves.cluster.is_some() {
        return Err(SurvivalError::WeightedLandmark);
    }
    let exposure = query.exposure.as_deref();
    let sample =
        landmark_sample(cohort, selection, &query.curves.endpoint, query.landmark, exposure)?;
    let group = match exposure {
        Some(_) => Some(EXPOSED_BY_LANDMARK.to_string()),
        None => query.curves.group.clone(),
    };
    let comparison = group.clone().map(|group| {
        let query = ComparisonQuery {
            endpoint: sample.endpoint.clone(),
            group,
            strata: Vec::new(),
            weights: None,
            options: query.comparison.clone(),
        };
        compare(&sample.cohort, &sample.selection, &query)
    });
    let comparison = comparison.transpose()?;
    let asked = CurvesQuery { endpoint: sample.endpoint, group, ..query.curves.clone() };
    Ok(LandmarkAnalysis {
        curves: curves(&sample.cohort, &sample.selection, &asked)?,
        comparison,
        selection: sample.selection,
        n_ended: sample.n_ended,
        n_not_entered: sample.n_not_entered,
    })
}

/// Whether each row of the cohort is exposed by the landmark, 1 if so.
fn exposed_by(cohort: &Cohort, column: &str, landmark: f64) -> Result<Vec<u32>, SurvivalError> {
    let is_missing = cohort.is_missing(column)?;
    let known = Selection::all(cohort).filter(|row| !is_missing[row]);
    // Exposure before time 0 is exposure from the beginning.
    let begins: Vec<f64> =
        cohort.numeric(column, &known)?.into_iter().map(|time| time.max(0.0)).collect();
    let [begins, at] = settled([&begins, &[landmark]]);
    let mut exposed = vec![0; cohort.len()];
    for (&row, begin) in known.rows().iter().zip(begins) {
        exposed[row] = u32::from(begin <= at[0]);
    }
    Ok(exposed)
}

/// Adds a column whose cells stand in the cohort's order of rows and are missing where there is no
/// time from the landmark.
fn add(
    cohort: &mut Cohort,
    name: &str,
    values: Values,
    from_landmark: &[Option<f64>],
) -> Result<(), SurvivalError> {
    let rows = cohort.rows_by_caller();
    let values = match values {
        Values::Numeric(values) => Values::Numeric(rows.iter().map(|&row| values[row]).collect()),
        Values::Categorical { levels, codes } => {
            Values::Categorical { levels, codes: rows.iter().map(|&row| codes[row]).collect() }
        }
    };
    let missing = (0..rows.len()).filter(|&caller| from_landmark[rows[caller]].is_none()).collect();
    Ok(cohort.push(Column { name: name.into(), values, missing })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{CohortError, NotEstimable};

    /// Ids turn the rows round. At 3: the first has died, the second leaves at that very time, the
    /// third was exposed before, the fourth is exposed later, the fifth never.
    fn cohort() -> Cohort {
        let ids = ["5", "4", "3", "2", "1"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![2.0, 3.0, 7.0, 5.0, 6.0]),
            Column::numeric("event", vec![1.0, 0.0, 1.0, 1.0, 0.0]),
            Column::numeric("exposure", vec![1.0, 1.0, 3.0, 4.0, 0.0]).with_missing(vec![4]),
            Column::numeric("entry", vec![0.0, 0.0, 0.0, 4.0, 3.0]),
        ];
        Cohort::new(Some(ids), columns).unwrap()
    }

    fn query(landmark: f64) -> LandmarkQuery {
        let curves = CurvesQuery::new(EndpointColumns::new("time", "event"));
        let exposure = Some("exposure".into());
        LandmarkQuery { landmark, exposure, curves, comparison: ComparisonOptions::default() }
    }

    fn analysed(query: &LandmarkQuery) -> Result<LandmarkAnalysis, SurvivalError> {
        let cohort = cohort();
        landmark_analysis(&cohort, &Selection::all(&cohort), query)
    }

    #[test]
    fn five_subjects_by_hand() {
        let analysis = analysed(&query(3.0)).unwrap();
        assert_eq!((analysis.n_ended, analysis.n_not_entered), (2, 0));
        assert_eq!(analysis.selection.rows(), [0, 1, 2]);
        let [no, yes] = &analysis.curves.groups[..] else { panic!("there are two groups") };
        assert_eq!((no.group.as_deref(), no.curve.time.as_slice()), (Some("no"), &[2.0, 3.0][..]));
        assert_eq!((yes.group.as_deref(), yes.curve.time.as_slice()), (Some("yes"), &[4.0][..]));
        assert_eq!(no.curve.survival, [0.5, 0.5]);
        // Of three at risk two are unexposed when the first dies; nobody but the exposed is left
        // at the second death.
        let comparison = analysis.comparison.unwrap();
        assert!((comparison.groups[0].expected - 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn who_enters_later_is_not_there_yet() {
        let mut late = query(3.0);
        late.curves.endpoint.entry = Some("entry".into());
        let analysis = analysed(&late).unwrap();
        assert_eq!((analysis.n_ended, analysis.n_not_entered), (2, 1));
        assert_eq!(analysis.selection.rows(), [0, 2]);
    }

    #[test]
    fn noise_does_not_move_anybody_beyond_the_landmark() {
        assert_eq!(analysed(&query(3.0 - 1e-12)).unwrap().n_ended, 2);
    }

    #[test]
    fn nobody_at_risk_is_refused() {
        let error = analysed(&query(7.0)).unwrap_err();
        assert_eq!(error.impossibility(), Some(NotEstimable::NoSubjects));
        let one_group = analysed(&query(6.0)).unwrap_err();
        assert_eq!(one_group.impossibility(), Some(NotEstimable::TooFewGroups));
        assert!(matches!(analysed(&query(-1.0)), Err(SurvivalError::Landmark { .. })));
    }

    #[test]
    fn a_column_is_not_hidden_by_one_of_ours() {
        let mut cohort = cohort();
        cohort.push(Column::numeric(TIME_FROM_LANDMARK, vec![0.0; 5])).unwrap();
        let all = Selection::all(&cohort);
        let error = landmark_analysis(&cohort, &all, &query(3.0)).unwrap_err();
        let column = TIME_FROM_LANDMARK.to_string();
        assert_eq!(error, SurvivalError::Cohort(CohortError::DuplicateColumn { column }));
    }
}
