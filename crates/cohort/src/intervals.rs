//! How the rows of one patient fit together, when each of them is an interval of follow-up.

use crate::{Cohort, CohortError, EndpointColumns, Selection};

/// What was found between the rows of the same id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IntervalCheck {
    /// Number of rows.
    pub n_rows: usize,
    /// Number of ids.
    pub n_ids: usize,
    /// Rows that begin before the row before them has ended, as the caller counts them, from 0,
    /// ascending.
    pub overlapping_rows: Vec<usize>,
    /// Rows that begin later than the row before them has ended, likewise.
    pub rows_after_gap: Vec<usize>,
    /// Number of the overlapping rows whose interval is that of the row before them.
    pub n_duplicates: usize,
    /// Number of ids with the event in more than one row.
    pub n_ids_with_several_events: usize,
}

impl Cohort {
    /// Holds the rows of each id against each other, in the order of their ends, then of their
    /// starts.
    ///
    /// Each row is an interval from entry to time; without a column of entries it begins at time 0,
    /// so that two rows of one id always overlap. Intervals that touch are in order. A row that is
    /// selected more than once is looked at once. Times are compared after their ties are settled.
    /// Same as the flags `overlap` and `gap` of `survcheck` in R, whose jumps between states cannot
    /// occur where there is one kind of event. Fails as [`Cohort::endpoint`] does, on a missing
    /// id, and when nobody is selected.
    pub fn check_intervals(
        &self,
        columns: &EndpointColumns,
        id: &str,
        selection: &Selection,
    ) -> Result<IntervalCheck, CohortError> {
        if selection.is_empty() {
            return Err(CohortError::NoRows);
        }
        let mut rows = selection.rows().to_vec();
        rows.dedup();
        let selection = Selection::of(self, rows)?;
        let endpoint = self.endpoint(columns, &selection)?;
        let ids = self.strata(&[id.to_string()], &selection)?;
        let (start, end) =
            (|i: usize| endpoint.entry().map_or(0.0, |entry| entry[i]), endpoint.time());
        let mut order: Vec<usize> = (0..end.len()).collect();
        order.sort_by(|&a, &b| {
            let by_start = || start(a).total_cmp(&start(b));
            ids[a].cmp(&ids[b]).then(end[a].total_cmp(&end[b])).then_with(by_start)
        });
        let mut check = IntervalCheck {
            n_rows: end.len(),
            n_ids: 0,
            overlapping_rows: Vec::new(),
            rows_after_gap: Vec::new(),
            n_duplicates: 0,
            n_ids_with_several_events: 0,
        };
        for rows in order.chunk_by(|&a, &b| ids[a] == ids[b]) {
            check.n_ids += 1;
            let n_events = rows.iter().filter(|&&row| endpoint.event()[row]).count();
            check.n_ids_with_several_events += usize::from(n_events > 1);
            for pair in rows.windows(2) {
                let (before, after) = (pair[0], pair[1]);
                let caller_row = self.caller_row(selection.rows()[after]);
                // Equal times are equal bits once their ties are settled.
                if start(after) < end[before] {
                    check.overlapping_rows.push(caller_row);
                    let is_same = start(after) == start(before) && end[after] == end[before];
                    check.n_duplicates += usize::from(is_same);
                } else if start(after) > end[before] {
                    check.rows_after_gap.push(caller_row);
                }
            }
        }
        check.overlapping_rows.sort_unstable();
        check.rows_after_gap.sort_unstable();
        Ok(check)
    }

    /// [`Cohort::check_intervals`], which fails when intervals of one id overlap.
    pub fn refuse_overlaps(
        &self,
        columns: &EndpointColumns,
        id: &str,
        selection: &Selection,
    ) -> Result<IntervalCheck, CohortError> {
        let check = self.check_intervals(columns, id, selection)?;
        if check.overlapping_rows.is_empty() {
            return Ok(check);
        }
        Err(CohortError::OverlappingIntervals { column: id.into(), rows: check.overlapping_rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    const COLUMNS: [&str; 4] = ["id", "start", "time", "event"];

    fn cohort(rows: &[[f64; 4]]) -> Cohort {
        let column = |(index, name): (usize, &&str)| {
            Column::numeric(*name, rows.iter().map(|row| row[index]).collect())
        };
        Cohort::new(None, COLUMNS.iter().enumerate().map(column).collect()).unwrap()
    }

    fn columns() -> EndpointColumns {
        EndpointColumns { entry: Some("start".into()), ..EndpointColumns::new("time", "event") }
    }

    /// Id 1 overlaps by a year, id 2 is adjacent, id 3 has a gap, id 4 says the same twice.
    #[test]
    fn overlaps_gaps_and_duplicates_are_told_apart() {
        let cohort = cohort(&[
            [1.0, 4.0, 9.0, 1.0],
            [1.0, 0.0, 5.0, 1.0],
            [2.0, 0.0, 5.0, 0.0],
            [2.0, 5.0, 6.0, 1.0],
            [3.0, 0.0, 2.0, 1.0],
            [3.0, 4.0, 8.0, 0.0],
            [4.0, 0.0, 3.0, 0.0],
            [4.0, 0.0, 3.0, 0.0],
        ]);
        let all = Selection::all(&cohort);
        let check = cohort.check_intervals(&columns(), "id", &all).unwrap();
        assert_eq!((check.n_rows, check.n_ids), (8, 4));
        assert_eq!(check.overlapping_rows, [0, 7]);
        assert_eq!(check.rows_after_gap, [5]);
        assert_eq!((check.n_duplicates, check.n_ids_with_several_events), (1, 1));
        let refused = cohort.refuse_overlaps(&columns(), "id", &all).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "column id: intervals of one id overlap (overlaps: 2; later rows: 1, 8)"
        );
        let fine = all.filter(|row| (2..6).contains(&row));
        assert!(cohort.refuse_overlaps(&columns(), "id", &fine).is_ok());
    }

    #[test]
    fn a_row_that_counts_twice_does_not_overlap_itself() {
        let cohort = cohort(&[[1.0, 0.0, 5.0, 1.0], [2.0, 0.0, 4.0, 0.0]]);
        let twice = Selection::of(&cohort, [0, 0, 1]).unwrap();
        assert!(cohort.refuse_overlaps(&columns(), "id", &twice).is_ok());
    }

    #[test]
    fn without_entries_an_id_has_one_row() {
        let cohort = cohort(&[[1.0, 0.0, 5.0, 1.0], [1.0, 0.0, 7.0, 0.0]]);
        let columns = EndpointColumns::new("time", "event");
        let check = cohort.check_intervals(&columns, "id", &Selection::all(&cohort)).unwrap();
        assert_eq!(check.overlapping_rows, [1]);
    }
}
