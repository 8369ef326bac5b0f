//! Prints how much memory the tasks of the bench take beside the columns they begin with.

use anyhow::Context;
use equipoise_bench::{Columns, chi_squared, median};
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};
use std::alloc::System;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> anyhow::Result<()> {
    let n = std::env::args().nth(1).context("usage: bench-memory NUMBER_OF_PATIENTS")?;
    let n: usize = n.parse().context("the number of patients")?;
    let columns = Columns::of_patients(n);
    let (time, number, event, group) = (8 * n, 8 * n, n, 4 * n);
    print("kaplan-meier, cold", time + event, || median(&columns.table(false)));
    print("kaplan-meier, query", time + number, || columns.ask_median());
    print("log-rank, cold", time + event + group, || chi_squared(&columns.table(true)));
    print("log-rank, query", time + number + group, || columns.ask_chi_squared());
    Ok(())
}

fn print<R>(task: &str, columns: usize, work: impl FnOnce() -> R) {
    ALLOCATOR.reset_peak_memory();
    black_box(work());
    let peak = ALLOCATOR.get_peak_memory();
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    println!(
        "{task}: {:.1} MB beside {:.1} MB of columns, together {:.2} times the columns",
        megabytes(peak),
        megabytes(columns),
        (peak + columns) as f64 / columns as f64
    );
}
