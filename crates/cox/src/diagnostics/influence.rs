//! Which rows move the coefficients most.

use super::at_maximum::AtMaximum;
use super::rows::Rows;
use nalgebra::DMatrix;

/// How many rows to list, and which of them stand out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InfluenceOptions {
    /// Most rows of a list.
    pub most_rows: usize,
    /// A `dfbetas` beyond this is counted as large, either way; absent = `2/√n` of `n` rows or
    /// patients.
    pub threshold: Option<f64>,
}

impl Default for InfluenceOptions {
    fn default() -> Self {
        Self { most_rows: 10, threshold: None }
    }
}

/// The most influential rows of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Influence {
    /// Beyond it a `dfbetas` counts as large.
    pub threshold: f64,
    /// One entry per coefficient that exists.
    pub coefficients: Vec<InfluenceOnCoefficient>,
    /// The rows with the largest likelihood displacement, and the displacement.
    pub displacement: Vec<(usize, f64)>,
}

/// The rows that move one coefficient most.
#[derive(Clone, Debug, PartialEq)]
pub struct InfluenceOnCoefficient {
    /// Name of the column.
    pub column: String,
    /// Number of rows beyond the threshold.
    pub n_large: usize,
    /// The rows with the largest changes, the largest first.
    pub rows: Vec<InfluentialRow>,
}

/// What one row does to a coefficient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InfluentialRow {
    /// The row; of collapsed ones the first of the patient.
    pub row: usize,
    /// About how much the coefficient is larger for this row.
    pub dfbeta: f64,
    /// The same in units of the model standard error.
    pub dfbetas: f64,
}

/// Lists the rows that move a coefficient most, and those that displace the likelihood most.
///
/// ```text
/// dfbeta = w u' V      dfbetas = dfbeta / SE      LD = w² u' V u
/// ```
///
/// with the score residual `u` of a row, its case weight `w` and the model covariance `V`. `LD` is
/// about twice the log-likelihood that is lost when the coefficients are those without the row. The
/// default threshold for `dfbetas` is that of linear regression, `2/√n`; `LD` has none.
///
/// Cain and Lange (1984), Biometrics 40:493-499; Pettitt and Bin Daud (1989), Appl. Stat. 38:51-67;
/// Belsley, Kuh and Welsch (1980), Regression Diagnostics, section 2.1. Same changes as
/// `residuals(fit, "dfbetas")` in R.
pub(crate) fn list(at: &AtMaximum, rows: &Rows, options: &InfluenceOptions) -> Influence {
    let scores = summed(at.weighted_scores(), rows);
    let covariance = at.covariance();
    let changes = &scores * &covariance;
    let listed = rows.listed();
    let threshold = options.threshold.unwrap_or(2.0 / (listed.len() as f64).sqrt());
    let coefficient = |(k, &j): (usize, &usize)| {
        let error = covariance[(k, k)].sqrt();
        let change = |index: usize| InfluentialRow {
            row: listed[index],
            dfbeta: changes[(index, k)] / at.scale(j),
            dfbetas: changes[(index, k)] / error,
        };
        let size = |index: usize| (changes[(index, k)] / error).abs();
        InfluenceOnCoefficient {
            column: at.name(j).to_string(),
            n_large: (0..listed.len()).filter(|&index| size(index) > threshold).count(),
            rows: largest(listed, options.most_rows, size).into_iter().map(change).collect(),
        }
    };
    let displacement = |index: usize| scores.row(index).dot(&changes.row(index));
    let displaced = largest(listed, options.most_rows, displacement);
    Influence {
        threshold,
        coefficients: at.columns().iter().enumerate().map(coefficient).collect(),
        displacement: displaced
            .into_iter()
            .map(|index| (listed[index], displacement(index)))
            .collect(),
    }
}

/// One line per listed row.
fn summed(by_subject: DMatrix<f64>, rows: &Rows) -> DMatrix<f64> {
    let columns = by_subject.column_iter();
    let columns: Vec<f64> =
        columns.flat_map(|column| rows.sums(column.iter().copied().collect())).collect();
    DMatrix::from_vec(rows.listed().len(), by_subject.ncols(), columns)
}

/// Indexes of the rows of the largest size, the largest first and of equal ones the lower row.
fn largest(listed: &[usize], most: usize, size: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut indexes: Vec<usize> = (0..listed.len()).collect();
    indexes.sort_by(|&a, &b| size(b).total_cmp(&size(a)).then(listed[a].cmp(&listed[b])));
    indexes.truncate(most);
    indexes
}
