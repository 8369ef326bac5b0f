//! How much memory curves and tests take beside the columns they are asked about.

use cohort::{Cohort, Column, EndpointColumns, Selection};
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};
use std::alloc::System;
use survival::{
    ComparisonOptions, ComparisonQuery, CurvesQuery, IntervalRule, QuantileRule, compare, curves,
};

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Subjects of the test: on one thread each count takes much less memory than a column.
const N: usize = 500_000;

/// Time and event as numbers of 8 bytes, group as a code of 4.
const COLUMNS: usize = N * (8 + 8 + 4);

/// A cohort without ids is its columns and a byte a row that says of all columns that nothing is
/// missing. The event of each subject and the code of its time are 3 bytes to 20 of the columns; what
/// is counted in days is small. One test, since others would allocate at the same time.
#[test]
fn days_take_a_fraction_of_the_columns() {
    let (cohort, built) = peak(|| cohort(|row| f64::from(1 + row * 7919 % 4000)));
    assert!(built < COLUMNS + 2 * N, "the cohort took {built} bytes for {COLUMNS} of columns");
    let ((), curves) = peak(|| estimated(&cohort));
    assert!(curves < COLUMNS / 2, "curves took {curves} bytes beside {COLUMNS} of columns");
    let ((), test) = peak(|| compared(&cohort));
    assert!(test < COLUMNS / 2, "the test took {test} bytes beside {COLUMNS} of columns");
}

/// What the work gives, and how many bytes it took at once beyond those taken before.
fn peak<R>(work: impl FnOnce() -> R) -> (R, usize) {
    ALLOCATOR.reset_peak_memory();
    (work(), ALLOCATOR.get_peak_memory())
}

/// Two thirds have the event, half are in each group.
fn cohort(time: impl Fn(u32) -> f64) -> Cohort {
    let rows = 0..N as u32;
    let group: Vec<u32> = rows.clone().map(|row| row % 2).collect();
    let columns = vec![
        Column::numeric("time", rows.clone().map(time).collect()),
        Column::numeric("event", rows.map(|row| f64::from(u8::from(row % 3 > 0))).collect()),
        Column::categorical("group", ["a", "b"].map(String::from).to_vec(), group),
    ];
    Cohort::new(None, columns).expect("the columns are valid")
}

fn estimated(cohort: &Cohort) {
    let query = CurvesQuery {
        group: Some("group".into()),
        quantiles: vec![0.5],
        quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
        ..CurvesQuery::new(EndpointColumns::new("time", "event"))
    };
    curves(cohort, &Selection::all(cohort), &query).expect("the query makes sense");
}

fn compared(cohort: &Cohort) {
    let query = ComparisonQuery {
        endpoint: EndpointColumns::new("time", "event"),
        group: "group".into(),
        strata: Vec::new(),
        weights: None,
        options: ComparisonOptions::default(),
    };
    compare(cohort, &Selection::all(cohort), &query).expect("the query makes sense");
}
