//! Covariates as points whose Euclidean distance is a Mahalanobis distance.

use crate::MatchingError;
use crate::query::Distance;
use crate::subjects::{Role, Subjects};
use cohort::{Cohort, Selection, Values};
use nalgebra::{DMatrix, SymmetricEigen};
use numerics::rank::midranks;
use numerics::sum::{mean, sum, variance};

/// Below this determinant a covariance counts as singular, as in MatchIt.
const SMALLEST_DETERMINANT: f64 = 1e-8;

/// Of a singular covariance the directions count whose eigenvalue is above this share of the
/// largest, as in MatchIt.
const SMALLEST_EIGENVALUE: f64 = 1e-8;

/// One point per subject.
pub(crate) struct Points {
    n_coordinates: usize,
    /// The coordinates, subject after subject.
    coordinates: Vec<f64>,
    /// Columns in which nobody who stays differs, and which therefore do not count.
    pub constant: Vec<String>,
}

impl Points {
    /// Points of the selected subjects.
    ///
    /// ```text
    /// d(a, b)² = (x_a − x_b)' S⁻ (x_a − x_b)
    /// ```
    ///
    /// `x` holds the numbers, and an indicator over √2 for every level of a category. Over the
    /// subjects that are not discarded, `S` is the covariance within the arms, with denominator
    /// n - 2, of the standardised columns; for the robust distance it is that of the ranks, rescaled
    /// to the variance of 1 to n, so that ties give a column no weight. `S⁻` is the inverse or, of a
    /// singular matrix, the generalised one. Columns that do not vary do not count.
    ///
    /// Rosenbaum (2010), Design of Observational Studies, chapter 8. `distance = "mahalanobis"` and
    /// `"robust_mahalanobis"` of `matchit` in R.
    pub(crate) fn new(
        cohort: &Cohort,
        selection: &Selection,
        columns: &[String],
        distance: Distance,
        subjects: &Subjects,
    ) -> Result<Self, MatchingError> {
        let stay = subjects.staying();
        let (mut scaled, mut constant) = (Vec::new(), Vec::new());
        for column in columns {
            let n_before = scaled.len();
            for values in numbers_of(cohort, selection, column)? {
                let scaled_column = match distance {
                    Distance::RobustMahalanobis => ranked(&values, &stay),
                    _ => standardised(&values, &stay),
                };
                scaled.extend(scaled_column);
            }
            if scaled.len() == n_before {
                constant.push(column.clone());
            }
        }
        let covariance = match distance {
            Distance::RobustMahalanobis => rank_covariance(&scaled, &stay),
            _ => covariance_within(&scaled, &stay, &subjects.roles),
        };
        Ok(Self { constant, ..Self::whitened(&scaled, subjects.len(), covariance) })
    }

    /// Turns the columns so that the covariance becomes the identity.
    fn whitened(columns: &[Vec<f64>], n: usize, covariance: DMatrix<f64>) -> Self {
        if columns.is_empty() {
            return Self { n_coordinates: 0, coordinates: Vec::new(), constant: Vec::new() };
        }
        let eigen = SymmetricEigen::new(covariance);
        let values = eigen.eigenvalues.as_slice();
        let largest = values.iter().copied().fold(0.0, f64::max);
        let is_regular = values.iter().product::<f64>() > SMALLEST_DETERMINANT;
        let counts =
            |value: f64| value > 0.0 && (is_regular || value > SMALLEST_EIGENVALUE * largest);
        let kept: Vec<usize> = (0..values.len()).filter(|&k| counts(values[k])).collect();
        let mut coordinates = Vec::with_capacity(n * kept.len());
        for subject in 0..n {
            for &k in &kept {
                let along = columns
                    .iter()
                    .enumerate()
                    .map(|(j, column)| column[subject] * eigen.eigenvectors[(j, k)])
                    .sum::<f64>();
                coordinates.push(along / values[k].sqrt());
            }
        }
        Self { n_coordinates: kept.len(), coordinates, constant: Vec::new() }
    }

    /// Squared distance of two subjects.
    pub(crate) fn squared_distance(&self, a: usize, b: usize) -> f64 {
        let point = |subject: usize| {
            &self.coordinates[subject * self.n_coordinates..][..self.n_coordinates]
        };
        let squares = point(a).iter().zip(point(b)).map(|(x, y)| (x - y) * (x - y));
        squares.sum()
    }

    /// Distance of two subjects.
    pub(crate) fn distance(&self, a: usize, b: usize) -> f64 {
        self.squared_distance(a, b).sqrt()
    }
}

/// A number as it is, a category as the indicators of its levels.
fn numbers_of(
    cohort: &Cohort,
    selection: &Selection,
    column: &str,
) -> Result<Vec<Vec<f64>>, MatchingError> {
    if let Values::Numeric(_) = cohort.values(column)? {
        return Ok(vec![cohort.numeric(column, selection)?]);
    }
    let categories = cohort.categories(column, selection)?;
    let indicator = |level: usize| {
        let is_level = |&code: &u32| if code as usize == level { 0.5f64.sqrt() } else { 0.0 };
        categories.codes.iter().map(is_level).collect()
    };
    Ok((0..categories.levels.len()).map(indicator).collect())
}

fn chosen(values: &[f64], stay: &[usize]) -> Vec<f64> {
    stay.iter().map(|&subject| values[subject]).collect()
}

/// The column with mean 0 and standard deviation 1; none when it does not vary.
fn standardised(values: &[f64], stay: &[usize]) -> Option<Vec<f64>> {
    let of_stay = chosen(values, stay);
    let (centre, sd) = (mean(&of_stay)?, variance(&of_stay)?.sqrt());
    (sd > 0.0).then(|| values.iter().map(|&value| (value - centre) / sd).collect())
}

/// Midranks among those who stay; the others, who are never asked for, get 0.
fn ranked(values: &[f64], stay: &[usize]) -> Option<Vec<f64>> {
    let ranks = midranks(&chosen(values, stay)).ranks;
    let mut column = vec![0.0; values.len()];
    for (&subject, rank) in stay.iter().zip(&ranks) {
        column[subject] = *rank;
    }
    variance(&ranks).is_some_and(|variance| variance > 0.0).then_some(column)
}

/// Sum of products of deviations from the means, over some subjects.
fn cross_products(columns: &[Vec<f64>], of: &[usize]) -> DMatrix<f64> {
    let centred: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| {
            let values = chosen(column, of);
            let centre = mean(&values).unwrap_or(0.0);
            values.into_iter().map(|value| value - centre).collect()
        })
        .collect();
    DMatrix::from_fn(columns.len(), columns.len(), |i, j| {
        sum(centred[i].iter().zip(&centred[j]).map(|(x, y)| x * y))
    })
}

fn covariance_within(columns: &[Vec<f64>], stay: &[usize], roles: &[Role]) -> DMatrix<f64> {
    let arm = |exposed: bool| -> Vec<usize> {
        stay.iter().copied().filter(|&subject| roles[subject].is_exposed() == exposed).collect()
    };
    let products = cross_products(columns, &arm(true)) + cross_products(columns, &arm(false));
    products / stay.len().saturating_sub(2).max(1) as f64
}

/// Covariance of the ranks with the variance that untied ranks have.
fn rank_covariance(columns: &[Vec<f64>], stay: &[usize]) -> DMatrix<f64> {
    let products = cross_products(columns, stay);
    let n = stay.len() as f64;
    let untied = n * (n + 1.0) / 12.0;
    DMatrix::from_fn(columns.len(), columns.len(), |i, j| {
        products[(i, j)] * untied / (products[(i, i)] * products[(j, j)]).sqrt()
    })
}
