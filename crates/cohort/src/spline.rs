//! A number that enters a model as a natural cubic spline.

use crate::CohortError;
use numerics::spline::NaturalSpline;
use numerics::sum::quantile_type_7;
use serde::{Deserialize, Serialize};

/// The interior knots of a spline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SplineKnots {
    /// As many columns as this, at least 1: the knots stand at quantiles of the selected subjects. A
    /// quantile that is the smallest or largest value, as of heavily tied numbers, is refused with the
    /// number of columns that is possible: fewer without being asked would change every test.
    DegreesOfFreedom(usize),
    /// These knots in the unit of the column, strictly ascending; one column more than knots.
    At(Vec<f64>),
}

impl SplineKnots {
    /// Number of columns of the spline.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        match self {
            Self::DegreesOfFreedom(degrees_of_freedom) => *degrees_of_freedom,
            Self::At(knots) => knots.len() + 1,
        }
    }
}

/// The spline of a column, as a model sees it that is fitted to some subjects.
pub(crate) struct Curve {
    /// The basis of the share of the way between the boundary knots, so that no unit costs it its
    /// digits; none when all subjects have the same value.
    basis: Option<NaturalSpline>,
    boundary: [f64; 2],
    n_columns: usize,
}

/// Knots that are nearer to an end of the spline than this share of its length are at the end: a
/// quantile that is an extreme value is rounded to no more than the number of subjects allows.
const AT_AN_END: f64 = 1e-9;

impl Curve {
    /// The spline of a column with the values of the subjects of the model.
    ///
    /// Without boundary knots those are the smallest and largest value; with them, quantiles are
    /// those of the values between them, as in R. Every row counts once, a repeated one as often as
    /// it is repeated. Quantiles that coincide are a knot that is repeated, as in R.
    pub(crate) fn new(
        column: &str,
        values: &[f64],
        knots: &SplineKnots,
        boundary: Option<[f64; 2]>,
    ) -> Result<Self, CohortError> {
        let n_columns = knots.n_columns();
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let extremes = sorted.first().zip(sorted.last()).filter(|(first, last)| first < last);
        let extremes = extremes.map(|(&first, &last)| [first, last]);
        let Some(boundary) = boundary.or(extremes) else {
            is_possible(knots).then_some(()).ok_or_else(|| invalid(column))?;
            return Ok(Self { basis: None, boundary: [0.0, 1.0], n_columns });
        };
        let width = boundary[1] - boundary[0];
        if !(is_possible(knots) && 0.0 < width && width.is_finite()) {
            return Err(invalid(column));
        }
        let share = |knot: f64| (knot - boundary[0]) / width;
        sorted.retain(|value| (boundary[0]..=boundary[1]).contains(value));
        let quantiles = |steps: usize| -> Vec<f64> {
            let quantile = |step| quantile_type_7(&sorted, step as f64 / steps as f64);
            (1..steps).filter_map(quantile).map(share).collect()
        };
        let is_tied = |knots: &[f64]| knots.iter().any(|knot| knot.min(1.0 - knot) < AT_AN_END);
        let interior: Vec<f64> = match knots {
            SplineKnots::At(knots) => knots.iter().copied().map(share).collect(),
            SplineKnots::DegreesOfFreedom(steps) => quantiles(*steps),
        };
        if let SplineKnots::DegreesOfFreedom(degrees_of_freedom) = *knots
            && is_tied(&interior)
        {
            let possible = (1..degrees_of_freedom).rev().find(|&fewer| !is_tied(&quantiles(fewer)));
            let (column, possible) = (column.into(), possible.unwrap_or(1));
            return Err(CohortError::TiedKnots { column, degrees_of_freedom, possible });
        }
        // Quantiles of nobody are fewer than asked for.
        let basis = NaturalSpline::new(&interior, [0.0, 1.0], false)
            .filter(|basis| basis.dimension() == n_columns)
            .ok_or_else(|| invalid(column))?;
        Ok(Self { basis: Some(basis), boundary, n_columns })
    }

    /// The columns at some values, beyond the boundary knots on straight lines; zeros when the
    /// subjects of the model have one value, so that the model cannot tell a curve from a constant.
    pub(crate) fn columns(&self, values: &[f64]) -> Vec<Vec<f64>> {
        let Some(basis) = &self.basis else {
            return vec![vec![0.0; values.len()]; self.n_columns];
        };
        let [lower, upper] = self.boundary;
        let mut columns = vec![Vec::with_capacity(values.len()); self.n_columns];
        for value in values {
            let row = basis.basis((value - lower) / (upper - lower));
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        columns
    }
}

/// Whether there are columns, and named knots ascend.
fn is_possible(knots: &SplineKnots) -> bool {
    match knots {
        SplineKnots::DegreesOfFreedom(number) => *number > 0,
        SplineKnots::At(knots) => knots.is_sorted_by(|a, b| a < b),
    }
}

fn invalid(column: &str) -> CohortError {
    CohortError::InvalidKnots { column: column.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cohort, Column, Design, Selection, Term};

    fn design(values: Vec<f64>, term: Term) -> Result<Design, CohortError> {
        let cohort = Cohort::new(None, vec![Column::numeric("x", values)]).unwrap();
        Design::new(&cohort, &Selection::all(&cohort), &[term])
    }

    fn spline(knots: SplineKnots, boundary: Option<[f64; 2]>) -> Term {
        Term::Spline { column: "x".into(), knots, boundary }
    }

    /// Five values and two degrees of freedom: the one knot is their median.
    #[test]
    fn knots_stand_at_quantiles() {
        let values = vec![1.0, 2.0, 4.0, 8.0, 16.0];
        let by_df = spline(SplineKnots::DegreesOfFreedom(2), None);
        let at = spline(SplineKnots::At(vec![4.0]), Some([1.0, 16.0]));
        let expected = design(values.clone(), at).unwrap();
        let got = design(values, by_df).unwrap();
        assert_eq!(got, expected);
        let names: Vec<_> = got.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["ns(x)1", "ns(x)2"]);
        assert_eq!(got.terms, ["ns(x)"]);
    }

    /// Of 1, 2, 3 and 100 the values up to 10 have the median 2.
    #[test]
    fn quantiles_are_those_within_the_boundary() {
        let values = vec![1.0, 2.0, 3.0, 100.0];
        let by_df = spline(SplineKnots::DegreesOfFreedom(2), Some([0.0, 10.0]));
        let at = spline(SplineKnots::At(vec![2.0]), Some([0.0, 10.0]));
        assert_eq!(design(values.clone(), by_df), design(values, at));
    }

    /// Of 0, 1, 1, 1 and 3 the tertiles are 1 and 1.
    #[test]
    fn quantiles_may_coincide_within_the_boundary() {
        let got = design(vec![0.0, 1.0, 1.0, 1.0, 3.0], Term::spline("x", 3)).unwrap();
        let twice = NaturalSpline::new(&[1.0 / 3.0; 2], [0.0, 1.0], false).unwrap();
        let row: Vec<f64> = got.columns.iter().map(|column| column.values[1]).collect();
        assert_eq!(row, twice.basis(1.0 / 3.0));
    }

    /// A repeated row moves the quantiles as the same row of another subject would.
    #[test]
    fn repeated_rows_count_as_often() {
        let cohort = |values| Cohort::new(None, vec![Column::numeric("x", values)]).unwrap();
        let terms = [Term::spline("x", 2)];
        let few = cohort(vec![1.0, 2.0, 4.0]);
        let repeated = Selection::of(&few, [0, 1, 1, 1, 2, 2]).unwrap();
        let many = cohort(vec![1.0, 2.0, 2.0, 2.0, 4.0, 4.0]);
        assert_eq!(
            Design::new(&few, &repeated, &terms),
            Design::new(&many, &Selection::all(&many), &terms)
        );
    }

    /// The knots are those of the model, wherever the profiles are; beyond the ends 1 and 16 equal
    /// steps make equal differences.
    #[test]
    fn profiles_are_seen_with_the_knots_of_the_model() {
        let cohort = |values| Cohort::new(None, vec![Column::numeric("x", values)]).unwrap();
        let model = cohort(vec![1.0, 2.0, 4.0, 8.0, 16.0]);
        let terms = [Term::spline("x", 3)];
        let all = Selection::all(&model);
        let own = Design::new(&model, &all, &terms).unwrap();
        let profiles = cohort(vec![8.0, 16.0, 20.0, 24.0, 28.0]);
        let seen = Design::of_profiles(&model, &all, &terms, &profiles).unwrap();
        for (own, seen) in own.columns.iter().zip(&seen.columns) {
            assert_eq!(own.name, seen.name);
            assert_eq!(own.values[3..], seen.values[..2]);
            let [_, .., a, b, c] = seen.values[..] else { unreachable!("five profiles") };
            assert!((c - 2.0 * b + a).abs() < 1e-14);
        }
    }

    /// Without boundary knots a constant has no length to bend over, and its knots no place.
    #[test]
    fn a_constant_has_zeros() {
        let terms = |values, term| design(values, term).map(|design| design.columns);
        let columns = terms(vec![3.0; 4], Term::spline("x", 2)).unwrap();
        assert_eq!(columns.len(), 2);
        assert!(columns.iter().all(|column| column.values == [0.0; 4]));
        let at = spline(SplineKnots::At(vec![4.0]), None);
        assert_eq!(terms(vec![3.0], at).unwrap()[1].values, [0.0]);
    }

    #[test]
    fn what_is_no_spline_says_why() {
        let df = |df| spline(SplineKnots::DegreesOfFreedom(df), None);
        let column = || "x".to_string();
        let tied = design(vec![0.0, 0.0, 0.0, 1.0], df(3));
        let (degrees_of_freedom, possible) = (3, 1);
        let refused = CohortError::TiedKnots { column: column(), degrees_of_freedom, possible };
        assert_eq!(tied, Err(refused));
        // Of 0, 0, 1, 2 and 3 the lower tertile is 1/3, the lower quartile 0.
        let tied = design(vec![0.0, 0.0, 1.0, 2.0, 3.0], df(5));
        let (degrees_of_freedom, possible) = (5, 3);
        let refused = CohortError::TiedKnots { column: column(), degrees_of_freedom, possible };
        assert_eq!(tied, Err(refused));
        let invalid = Err(CohortError::InvalidKnots { column: column() });
        assert_eq!(design(vec![0.0, 1.0], df(0)), invalid);
        assert_eq!(design(vec![0.0, 1.0], spline(SplineKnots::At(vec![2.0]), None)), invalid);
        let reversed = |df| spline(SplineKnots::DegreesOfFreedom(df), Some([1.0, 0.0]));
        assert_eq!(design(vec![0.0, 1.0], reversed(1)), invalid);
        assert_eq!(design(vec![0.0, 1.0], reversed(2)), invalid);
        let outside = spline(SplineKnots::DegreesOfFreedom(2), Some([5.0, 6.0]));
        assert_eq!(design(vec![0.0, 1.0], outside), invalid);
        let twice = spline(SplineKnots::At(vec![0.5, 0.5]), None);
        assert_eq!(design(vec![0.0, 1.0], twice), invalid);
        assert_eq!(design(vec![3.0; 4], df(0)), invalid);
        let endless = design(vec![0.0, 1.0], df(usize::MAX));
        assert!(matches!(endless, Err(CohortError::TooManyColumns { .. })));
    }
}
