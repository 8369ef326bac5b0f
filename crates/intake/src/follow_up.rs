//! Follow-up times from what a table has: times in some unit, or dates.

use crate::IntakeError;
use crate::error::Lines;
use crate::table::{Table, numeric};
use cohort::Column;

/// Where follow-up times come from.
#[derive(Clone, Debug, PartialEq)]
pub enum FollowUp {
    /// A column of times.
    Time {
        /// Column of numbers.
        column: String,
        /// Days in a unit of the column, such as 30.4375 for months.
        days_per_unit: f64,
    },
    /// The days between two dates.
    Dates {
        /// Column of the date at which follow-up starts.
        start: String,
        /// Column of the date at which it ends.
        end: String,
    },
}

impl Table {
    /// The follow-up times of some rows as a column of this name, in a unit of `days_per_unit`
    /// days; 1 for days, 30.4375 for months, 365.25 for years.
    ///
    /// Days are divided once, so that the result is that of `days / 30.4375`; times that are
    /// already in the unit stay as they are. Where a value is missing, so is the time. Negative
    /// times, and ends before their starts, are an error that lists their lines; an end on the day
    /// of the start is a time of 0.
    pub fn follow_up(
        &self,
        name: &str,
        source: &FollowUp,
        days_per_unit: f64,
        rows: &[usize],
    ) -> Result<Column, IntakeError> {
        let times: Vec<Option<f64>> = match source {
            FollowUp::Time { column, days_per_unit: source_days } => {
                let convert = |time| in_unit(time, *source_days, days_per_unit);
                let times = self.number(column)?;
                rows.iter().map(|&row| times[row].map(convert)).collect()
            }
            FollowUp::Dates { start, end } => {
                let (starts, ends) = (self.date(start)?, self.date(end)?);
                let days = |row: usize| Some(f64::from(ends[row]? - starts[row]?));
                rows.iter().map(|&row| days(row).map(|days| days / days_per_unit)).collect()
            }
        };
        match self.lines_of_negative(&times, rows) {
            None => Ok(numeric(name, times)),
            Some(lines) => Err(source.refuse(lines)),
        }
    }

    fn lines_of_negative(&self, times: &[Option<f64>], rows: &[usize]) -> Option<Lines> {
        let is_negative = |time: &Option<f64>| time.is_some_and(|time| time < 0.0);
        let negative = times.iter().zip(rows).filter(|(time, _)| is_negative(time));
        Lines::of(negative.map(|(_, &row)| self.line(row)).collect())
    }
}

impl FollowUp {
    fn refuse(&self, lines: Lines) -> IntakeError {
        match self.clone() {
            Self::Time { column, .. } => IntakeError::NegativeTime { column, lines },
            Self::Dates { start, end } => IntakeError::EndBeforeStart { start, end, lines },
        }
    }
}

/// A time in another unit. Multiplying by one day is exact, so days are rounded once.
fn in_unit(time: f64, source_days: f64, target_days: f64) -> f64 {
    if source_days == target_days { time } else { time * source_days / target_days }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnKind, ColumnSpec, TableSpec, read};

    const MONTH: f64 = 30.4375;

    fn table(rows: &str) -> Table {
        let column = |name: &str, kind| ColumnSpec { name: name.into(), kind, missing: Vec::new() };
        let spec = TableSpec {
            id: "id".into(),
            separator: b',',
            missing: vec![String::new()],
            columns: vec![
                column("from", ColumnKind::Date),
                column("to", ColumnKind::Date),
                column("time", ColumnKind::Number),
            ],
        };
        read(format!("id,from,to,time\n{rows}").as_bytes(), &spec).unwrap()
    }

    fn time(days_per_unit: f64) -> FollowUp {
        FollowUp::Time { column: "time".into(), days_per_unit }
    }

    fn dates() -> FollowUp {
        FollowUp::Dates { start: "from".into(), end: "to".into() }
    }

    #[test]
    fn days_become_months_by_one_division() {
        let table =
            table("1,2020-01-31,2020-03-01,1799\n2,2020-01-31,2020-01-31,\n3,,2020-01-31,7\n");
        let rows = [0, 1, 2];
        let months = table.follow_up("os", &time(1.0), MONTH, &rows).unwrap();
        let expected = Column::numeric("os", vec![1799.0 / MONTH, 0.0, 7.0 / MONTH]);
        assert_eq!(months, expected.with_missing(vec![1]));
        let months = table.follow_up("os", &dates(), MONTH, &rows).unwrap();
        let expected = Column::numeric("os", vec![30.0 / MONTH, 0.0, 0.0]);
        assert_eq!(months, expected.with_missing(vec![2]));
        let same = table.follow_up("os", &time(MONTH), MONTH, &[2]).unwrap();
        assert_eq!(same, Column::numeric("os", vec![7.0]));
    }

    #[test]
    fn time_does_not_run_backwards() {
        let table = table(
            "2,2020-01-02,2020-01-01,-1\n1,2020-01-01,2020-01-02,1\n3,2020-01-01,2019-01-01,-2\n",
        );
        let message =
            |source| table.follow_up("os", &source, 1.0, &[0, 1, 2]).unwrap_err().to_string();
        assert_eq!(message(time(1.0)), "column time: lines 2 and 4 have a negative time");
        assert_eq!(
            message(dates()),
            "column to: lines 2 and 4 have a date before that of column from"
        );
        assert!(table.follow_up("os", &dates(), 1.0, &[0]).is_ok());
    }
}
