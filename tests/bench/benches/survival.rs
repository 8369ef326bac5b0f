//! Kaplan-Meier with the interval of the median, and the log-rank test, by number of patients.
//!
//! "Cold" begins with columns as R does: it settles ties and counts. "Query" asks the same of a cohort
//! with its columns, as a service does. "Prepared" begins with the table of those at risk, which
//! curves and tests of one cohort share.

#[path = "cpu_time.rs"]
mod cpu_time;

use cohort::Estimate;
use cpu_time::CpuTime;
use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise_bench::{Columns, SIZES, chi_squared, median};
use rayon::ThreadPool;

criterion_group! {
    name = one_thread;
    config = cpu_time::settings();
    targets = on_one_thread
}
criterion_group! {
    name = all_cores;
    config = cpu_time::timed(WallTime);
    targets = on_all_cores
}
criterion_main!(one_thread, all_cores);

/// CPU time of one thread.
fn on_one_thread(criterion: &mut Criterion<CpuTime>) {
    survival(criterion, "one thread", &pool(1));
}

/// Time by the clock: what is won with more threads, if nothing else runs.
fn on_all_cores(criterion: &mut Criterion<WallTime>) {
    survival(criterion, "all cores", &pool(0));
}

/// Threads to work on; 0 stands for as many as there are cores.
fn pool(n_threads: usize) -> ThreadPool {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build();
    pool.expect("threads can be started")
}

fn survival<M: Measurement + Sync>(criterion: &mut Criterion<M>, threads: &str, pool: &ThreadPool)
where
    M::Value: Send,
{
    for n in SIZES {
        let columns = Columns::of_patients(n);
        let mut bench = |task: &str, name: &str, work: &(dyn Fn() -> Estimate + Sync)| {
            let mut group = criterion.benchmark_group(format!("{task}, {threads}"));
            group.bench_function(BenchmarkId::new(name, n), |bencher| {
                pool.install(|| bencher.iter(work));
            });
            group.finish();
        };
        let (everyone, groups) = (columns.table(false), columns.table(true));
        let (km, test) = ("kaplan-meier with median", "log-rank");
        bench(km, "cold", &|| median(&columns.table(false)).0);
        bench(km, "query", &|| columns.ask_median().0);
        bench(km, "prepared", &|| median(&everyone).0);
        bench(test, "cold", &|| chi_squared(&columns.table(true)));
        bench(test, "query", &|| columns.ask_chi_squared());
        bench(test, "prepared", &|| chi_squared(&groups));
        // R prints the same numbers: a bench of different answers would say nothing.
        let (value, interval) = median(&everyone);
        println!("median {value:?}, interval {interval:?}");
        println!("chi-squared {:?}", chi_squared(&groups));
        assert_eq!(columns.ask_median(), (value, interval));
        assert_eq!(columns.ask_chi_squared(), chi_squared(&groups));
    }
}
