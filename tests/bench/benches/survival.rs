//! Kaplan-Meier with the interval of the median, and the log-rank test, by number of patients.
//!
//! "Cold" begins with columns as R does: it settles ties and sorts. "Prepared" begins with the table
//! of those at risk, which curves and tests of one cohort share.

use cohort::{Endpoint, RiskOrder};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise_bench::{SIZES, patients};
use std::time::Duration;
use survival::{
    Confidence, IntervalRule, LogRank, Quantile, QuantileRule, RiskTable, TestWeights,
    kaplan_meier, log_rank, quantile,
};

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime(WallTime))
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = survival
}
criterion_main!(benches);

fn survival(criterion: &mut Criterion<CpuTime>) {
    for n in SIZES {
        let sample = patients(n);
        let event: Vec<bool> = sample.cause.iter().map(|&cause| cause == 1).collect();
        let (time, exposed, everyone) = (sample.time.clone(), sample.exposed(), vec![0; n]);
        drop(sample);
        let endpoint =
            || Endpoint::new(time.clone(), event.clone()).expect("simulated times are valid");
        let mut group = criterion.benchmark_group("kaplan-meier with median");
        group.bench_function(BenchmarkId::new("cold", n), |bencher| {
            bencher.iter(|| median(&table(&endpoint(), &everyone, 1)));
        });
        let prepared = table(&endpoint(), &everyone, 1);
        group.bench_function(BenchmarkId::new("prepared", n), |bencher| {
            bencher.iter(|| median(&prepared));
        });
        group.finish();
        let mut group = criterion.benchmark_group("log-rank");
        group.bench_function(BenchmarkId::new("cold", n), |bencher| {
            bencher.iter(|| tested(&table(&endpoint(), &exposed, 2)));
        });
        let prepared = table(&endpoint(), &exposed, 2);
        group.bench_function(BenchmarkId::new("prepared", n), |bencher| {
            bencher.iter(|| tested(&prepared));
        });
        group.finish();
        print_answers(&table(&endpoint(), &everyone, 1), &prepared);
    }
}

fn table(endpoint: &Endpoint, groups: &[u32], n_groups: usize) -> RiskTable {
    let order = RiskOrder::new(endpoint, &vec![0; groups.len()]);
    RiskTable::tally(endpoint, &order, order.groups(), groups, n_groups)
}

fn median(table: &RiskTable) -> Quantile {
    let confidence = Confidence::new(0.95).expect("0.95 is a confidence");
    let curve = kaplan_meier(table, IntervalRule::Log, confidence);
    quantile(&curve, 0.5, QuantileRule::Curve(IntervalRule::Log), confidence)
}

fn tested(table: &RiskTable) -> LogRank {
    log_rank(table, TestWeights::LogRank)
}

/// R prints the same numbers: a bench of different answers would say nothing.
fn print_answers(everyone: &RiskTable, groups: &RiskTable) {
    let median = median(everyone);
    println!("median {:?}, interval {:?}", median.value, median.interval);
    println!("chi-squared {:?}", tested(groups).chi_squared().0);
}

/// Time that the thread spent on a processor, so that other work on the machine counts little.
struct CpuTime(WallTime);

impl CpuTime {
    /// The kernel gives nanoseconds as the first of three numbers.
    fn now() -> Duration {
        let line = std::fs::read_to_string("/proc/thread-self/schedstat")
            .expect("the benches need Linux with scheduler statistics");
        let nanoseconds = line.split(' ').next().and_then(|number| number.parse().ok());
        Duration::from_nanos(nanoseconds.expect("the first number counts nanoseconds"))
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, start: Duration) -> Duration {
        Self::now().saturating_sub(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}
