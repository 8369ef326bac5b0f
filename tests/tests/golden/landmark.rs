//! Landmark analyses of the example cohort: who is at risk and exposed, and the hazard ratios, as
//! published.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use crate::sample::{Reading, Sample};
use crate::table::Table;
use cohort::{Column, EndpointColumns, Selection, Term};
use cox::{CoxQuery, cox};
use serde_json::{Value, json};
use survival::{EXPOSED_BY_LANDMARK, LandmarkSample, landmark_sample};

const DAYS_PER_MONTH: f64 = 30.4375;

/// The cohort with follow-up and delay of radiotherapy in months.
fn sample(filter: &Value) -> Sample {
    let mut sample = Sample::of(Table::read("seed_cohort").filtered(filter));
    sample.add("days", &Reading::Divided(DAYS_PER_MONTH));
    sample.add("death", &Reading::Plain);
    let (starts, treated) =
        (sample.table.column("start_date"), sample.table.column("rt_start_date"));
    let missing = (0..treated.len()).filter(|&row| treated[row].is_empty()).collect();
    let delays = starts.iter().zip(&treated).map(|(start, treated)| {
        if treated.is_empty() { 0.0 } else { (day(treated) - day(start)) as f64 / DAYS_PER_MONTH }
    });
    let delays = Column::numeric("delay", delays.collect()).with_missing(missing);
    sample.cohort.push(delays).unwrap();
    sample
}

/// Number of a day of the Gregorian calendar, written year-month-day: days since 1 March of the
/// year 0, so that a leap day ends its year.
fn day(date: &str) -> i64 {
    let mut parts = date.split('-').map(|part| part.parse::<i64>().unwrap());
    let (year, month, day) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day
}

/// Number at risk and number exposed.
fn sizes(landmark: &LandmarkSample) -> (usize, usize) {
    let exposed = landmark.cohort.categories(EXPOSED_BY_LANDMARK, &landmark.selection).unwrap();
    (landmark.selection.len(), exposed.counts()[1])
}

/// Hazard ratio of the exposed with its limits, Efron's ties.
fn hazard_ratio(landmark: &LandmarkSample) -> [f64; 3] {
    let query = CoxQuery::new(landmark.endpoint.clone(), vec![Term::factor(EXPOSED_BY_LANDMARK)]);
    let fit = cox(&landmark.cohort, &landmark.selection, &query).unwrap();
    let coefficient = &fit.coefficients[0];
    let interval = coefficient.interval;
    [coefficient.hazard_ratio, interval.lower, interval.upper].map(Result::unwrap)
}

fn check(filter: &Value, expected: [(f64, (usize, usize), &str); 3]) {
    let sample = sample(filter);
    let all = Selection::all(&sample.cohort);
    let endpoint = EndpointColumns::new("days", "death");
    for (months, expected_sizes, expected_ratio) in expected {
        let landmark =
            landmark_sample(&sample.cohort, &all, &endpoint, months, Some("delay")).unwrap();
        assert_eq!(sizes(&landmark), expected_sizes, "at {months} months");
        assert_eq!(landmark.n_ended, sample.cohort.len() - landmark.selection.len());
        let [ratio, lower, upper] = hazard_ratio(&landmark);
        let printed = format!("{ratio:.3} ({lower:.3}-{upper:.3})");
        assert_eq!(printed, expected_ratio, "at {months} months");
    }
}

#[test]
fn landmarks_of_the_whole_cohort() {
    check(
        &json!([]),
        [
            (3.0, (482, 72), "0.893 (0.656-1.215)"),
            (6.0, (464, 94), "0.767 (0.576-1.021)"),
            (12.0, (422, 110), "0.828 (0.631-1.087)"),
        ],
    );
}

/// The pairs came with the cohort and are broken here; those that the study finds are the same.
#[test]
fn landmarks_of_the_matched_patients() {
    check(
        &json!([{"column": "matched", "op": "==", "value": 1}]),
        [
            (3.0, (269, 48), "0.761 (0.514-1.127)"),
            (6.0, (259, 60), "0.622 (0.427-0.906)"),
            (12.0, (239, 68), "0.722 (0.506-1.030)"),
        ],
    );
}
