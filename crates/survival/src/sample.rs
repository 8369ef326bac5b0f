//! The subjects that some curves are estimated from.

use crate::{CurvesQuery, SurvivalError, Variance};
use cohort::{
    Categories, Caveat, CaveatCode, Cohort, CohortError, Endpoint, EndpointColumns, Groups,
    Selection, WeightColumn, WeightKind,
};

/// Selected subjects by group, those without weight left out and frequencies repeated.
pub(crate) struct CurveSample {
    /// Follow-up; ties are settled over all groups together.
    pub(crate) endpoint: Endpoint,
    /// Levels of the group; a single one without name when there are no groups.
    pub(crate) levels: Vec<Option<String>>,
    /// The level of each subject.
    pub(crate) groups: Groups,
    /// Sampling weights, if there are any.
    pub(crate) weights: Option<Vec<f64>>,
    /// Clusters, if there are any.
    pub(crate) clusters: Option<Vec<u32>>,
    /// The variance in force.
    pub(crate) variance: Variance,
    /// What a reader must know of the weights.
    pub(crate) caveats: Vec<Caveat>,
}

/// The columns that a sample is read from.
#[derive(Clone, Copy)]
pub(crate) struct SampleColumns<'a> {
    pub(crate) endpoint: &'a EndpointColumns,
    pub(crate) group: Option<&'a str>,
    pub(crate) weights: Option<&'a WeightColumn>,
    pub(crate) cluster: Option<&'a String>,
    pub(crate) variance: Option<Variance>,
}

impl CurvesQuery {
    /// The variance in force: the one asked for, else the one that weights and clusters call for.
    #[must_use]
    pub fn variance_in_force(&self) -> Variance {
        self.columns().variance_in_force()
    }

    pub(crate) fn columns(&self) -> SampleColumns<'_> {
        SampleColumns {
            endpoint: &self.endpoint,
            group: self.group.as_deref(),
            weights: self.weights.as_ref(),
            cluster: self.cluster.as_ref(),
            variance: self.variance,
        }
    }
}

impl SampleColumns<'_> {
    fn needs_jackknife(&self) -> bool {
        let is_sampling = |weights: &WeightColumn| weights.kind == WeightKind::Sampling;
        self.cluster.is_some() || self.weights.is_some_and(is_sampling)
    }

    pub(crate) fn variance_in_force(&self) -> Variance {
        self.variance.unwrap_or(if self.needs_jackknife() {
            Variance::InfinitesimalJackknife
        } else {
            Variance::Greenwood
        })
    }
}

impl CurveSample {
    /// Reads the columns for the selected rows.
    ///
    /// Fails when a column cannot be read, when no row is selected, when weights make no sense, and
    /// when Greenwood's variance is asked for with sampling weights or clusters.
    pub(crate) fn read(
        cohort: &Cohort,
        selection: &Selection,
        columns: SampleColumns,
    ) -> Result<Self, SurvivalError> {
        let variance = columns.variance_in_force();
        if variance == Variance::Greenwood && columns.needs_jackknife() {
            return Err(SurvivalError::GreenwoodRefused);
        }
        if selection.is_empty() {
            return Err(SurvivalError::NoRows);
        }
        let weighted = columns.weights.map(|weights| cohort.weighted(selection, Some(weights)));
        let weighted = weighted.transpose()?;
        let counted = weighted.as_ref().map_or(selection, |weighted| &weighted.selection);
        let (levels, groups) = groups(cohort, selection, counted, columns.group)?;
        let cluster = columns.cluster.map(std::slice::from_ref);
        let clusters = cluster.map(|names| cohort.strata(names, counted)).transpose()?;
        let without = columns.weights.zip(weighted.as_ref());
        let without = without.and_then(|(column, weighted)| {
            without_weight(&column.column, weighted.n_without_weight, selection.len())
        });
        Ok(Self {
            endpoint: cohort.endpoint(columns.endpoint, counted)?,
            levels,
            groups,
            clusters,
            variance,
            caveats: without.into_iter().collect(),
            weights: weighted.and_then(|weighted| weighted.weights),
        })
    }

    /// The subjects of each group, as indexes into the sample.
    pub(crate) fn members(&self) -> Vec<Vec<usize>> {
        let Some(codes) = self.groups.codes() else {
            return vec![(0..self.endpoint.len()).collect()];
        };
        let mut members = vec![Vec::new(); self.levels.len()];
        for (subject, &code) in codes.iter().enumerate() {
            members[code as usize].push(subject);
        }
        members
    }
}

/// The levels and who belongs to which; one without name when there are no groups.
fn groups(
    cohort: &Cohort,
    selection: &Selection,
    counted: &Selection,
    column: Option<&str>,
) -> Result<(Vec<Option<String>>, Groups), CohortError> {
    let Some(column) = column else { return Ok((vec![None], Groups::one())) };
    let categories = counted_levels(cohort, selection, counted, column)?;
    let groups = Groups::from(&categories);
    Ok((categories.levels.into_iter().map(Some).collect(), groups))
}

/// The levels of all selected rows with the codes of those that count: a level remains when its rows
/// have no weight.
pub(crate) fn counted_levels(
    cohort: &Cohort,
    selection: &Selection,
    counted: &Selection,
    column: &str,
) -> Result<Categories, CohortError> {
    let all = cohort.categories(column, selection)?;
    if std::ptr::eq(selection, counted) {
        return Ok(all);
    }
    let mut by_row = vec![0; cohort.len()];
    for (&row, &code) in selection.rows().iter().zip(&all.codes) {
        by_row[row] = code;
    }
    let codes = counted.rows().iter().map(|&row| by_row[row]).collect();
    Ok(Categories { levels: all.levels, codes })
}

fn without_weight(column: &str, n_without_weight: usize, n: usize) -> Option<Caveat> {
    let (has, is) = if n_without_weight == 1 { ("has", "is") } else { ("have", "are") };
    let message = format!(
        "{n_without_weight} of {n} selected rows {has} the weight 0 in {column} and {is} left out."
    );
    (n_without_weight > 0).then(|| Caveat::new(CaveatCode::ZeroWeights, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::Column;

    fn cohort() -> Cohort {
        let columns = vec![
            Column::numeric("time", vec![1.0, 2.0, 3.0]),
            Column::numeric("event", vec![1.0, 1.0, 0.0]),
            Column::numeric("arm", vec![0.0, 1.0, 1.0]),
            Column::numeric("w", vec![0.0, 2.0, 1.0]),
        ];
        Cohort::new(None, columns).unwrap()
    }

    fn query(kind: WeightKind) -> CurvesQuery {
        CurvesQuery {
            group: Some("arm".into()),
            weights: Some(WeightColumn { column: "w".into(), kind }),
            ..CurvesQuery::new(EndpointColumns::new("time", "event"))
        }
    }

    fn read(query: &CurvesQuery) -> Result<CurveSample, SurvivalError> {
        let cohort = cohort();
        CurveSample::read(&cohort, &Selection::all(&cohort), query.columns())
    }

    #[test]
    fn a_level_without_weight_remains() {
        let sample = read(&query(WeightKind::Sampling)).unwrap();
        assert_eq!(sample.levels, [Some("0".to_string()), Some("1".to_string())]);
        assert_eq!(sample.groups.codes(), Some(&[1, 1][..]));
        assert_eq!(sample.weights, Some(vec![2.0, 1.0]));
        assert_eq!(sample.variance, Variance::InfinitesimalJackknife);
        assert_eq!(sample.caveats[0].code, CaveatCode::ZeroWeights);
        let message = "1 of 3 selected rows has the weight 0 in w and is left out.";
        assert_eq!(sample.caveats[0].message, message);
    }

    #[test]
    fn frequencies_are_repeated_rows() {
        let sample = read(&query(WeightKind::Frequency)).unwrap();
        assert_eq!((sample.groups.codes(), sample.weights), (Some(&[1, 1, 1][..]), None));
        assert_eq!(sample.endpoint.time(), [2.0, 2.0, 3.0]);
        assert_eq!(sample.variance, Variance::Greenwood);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let greenwood =
            CurvesQuery { variance: Some(Variance::Greenwood), ..query(WeightKind::Sampling) };
        assert_eq!(read(&greenwood).err(), Some(SurvivalError::GreenwoodRefused));
        let unknown = CurvesQuery { cluster: Some("x".into()), ..query(WeightKind::Sampling) };
        let error = CohortError::UnknownColumn { column: "x".into() };
        assert_eq!(read(&unknown).err(), Some(SurvivalError::Cohort(error)));
    }
}
