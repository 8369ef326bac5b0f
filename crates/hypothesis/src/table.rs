//! Tables of counts.

use cohort::{Estimate, NotEstimable};

/// Counts of two classifications: at least two rows and two columns, none of them empty.
#[derive(Clone, Debug, PartialEq)]
pub struct ContingencyTable {
    counts: Vec<Vec<usize>>,
}

impl ContingencyTable {
    /// Keeps the rows and columns that hold somebody, as `table` does in R with existing levels.
    ///
    /// `counts` lists rows of equal length. Fewer than two rows or columns that hold somebody
    /// leave nothing to compare: [`NotEstimable::EmptyMargin`].
    pub fn new(counts: &[Vec<usize>]) -> Estimate<Self> {
        let columns = counts.iter().map(Vec::len).max().unwrap_or(0);
        let occupied: Vec<usize> = (0..columns)
            .filter(|&column| counts.iter().any(|row| row.get(column).is_some_and(|&n| n > 0)))
            .collect();
        let keep = |row: &Vec<usize>| -> Vec<usize> {
            occupied.iter().map(|&column| row.get(column).copied().unwrap_or(0)).collect()
        };
        let is_occupied = |row: &&Vec<usize>| row.iter().any(|&n| n > 0);
        let counts: Vec<Vec<usize>> = counts.iter().filter(is_occupied).map(keep).collect();
        if counts.len() < 2 || occupied.len() < 2 {
            return Err(NotEstimable::EmptyMargin);
        }
        Ok(Self { counts })
    }

    /// The counts, row by row.
    #[must_use]
    pub fn counts(&self) -> &[Vec<usize>] {
        &self.counts
    }

    /// Sums of the rows.
    #[must_use]
    pub fn row_totals(&self) -> Vec<usize> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }

    /// Sums of the columns.
    #[must_use]
    pub fn column_totals(&self) -> Vec<usize> {
        let columns = 0..self.counts[0].len();
        columns.map(|column| self.counts.iter().map(|row| row[column]).sum()).collect()
    }

    /// Counts expected under independence, row by row: row total times column total over all.
    #[must_use]
    pub fn expected(&self) -> Vec<Vec<f64>> {
        let (rows, columns) = (self.row_totals(), self.column_totals());
        let n = rows.iter().sum::<usize>() as f64;
        let cell = |row: usize, column: usize| row as f64 * column as f64 / n;
        rows.iter().map(|&row| columns.iter().map(|&column| cell(row, column)).collect()).collect()
    }

    /// The smallest expected count; below 5 the chi-squared approximation is poor (Cochran 1954).
    #[must_use]
    pub fn smallest_expected(&self) -> f64 {
        self.expected().into_iter().flatten().fold(f64::INFINITY, f64::min)
    }

    /// Number of subjects.
    #[must_use]
    pub fn n(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// The four counts of a table of two by two, row by row; other tables have none.
    #[must_use]
    pub fn two_by_two(&self) -> Option<[[usize; 2]; 2]> {
        match &self.counts[..] {
            [first, second] => {
                Some([first.as_slice().try_into().ok()?, second.as_slice().try_into().ok()?])
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_levels_are_left_out() {
        let table = ContingencyTable::new(&[vec![3, 0, 1], vec![0, 0, 0], vec![1, 0, 3]]).unwrap();
        assert_eq!(table.two_by_two(), Some([[3, 1], [1, 3]]));
        assert_eq!((table.n(), table.smallest_expected()), (8, 2.0));
        assert_eq!(
            ContingencyTable::new(&[vec![1, 1, 1], vec![1, 1, 1]]).unwrap().two_by_two(),
            None
        );
    }

    #[test]
    fn an_empty_margin_leaves_nothing_to_compare() {
        for counts in [[vec![0, 0], vec![3, 5]], [vec![3, 0], vec![5, 0]], [vec![], vec![]]] {
            assert_eq!(ContingencyTable::new(&counts), Err(NotEstimable::EmptyMargin));
        }
    }
}
