//! Bootstrap replicates, a thousand at a time: the hazard ratio of two arms, and the difference of their
//! medians, with matched pairs as units.

#[path = "cpu_time.rs"]
mod cpu_time;

use bootstrap::{Plan, Resampling, UnitColumns};
use cohort::{Cohort, Column, EndpointColumns, Selection, Term};
use cox::CoxQuery;
use cpu_time::CpuTime;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise_bench::patients;
use pipeline::{Bootstrap, BootstrapQuery};
use survival::{Measure, SurvivalQuantity, SurvivalStatisticQuery};

criterion_group! {
    name = replicates;
    config = cpu_time::settings();
    targets = of_pairs
}
criterion_main!(replicates);

/// That of the programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Replicates of one measurement.
const N_REPLICATES: u64 = 1000;

/// Exposed and comparators in pairs, in months with one decimal.
fn pairs(n_pairs: usize) -> Cohort {
    let sample = patients(8 * n_pairs);
    let exposed = &sample.exposed();
    let of = |arm: u32| (0..exposed.len()).filter(move |&k| exposed[k] == arm).take(n_pairs);
    let rows: Vec<usize> = of(0).chain(of(1)).collect();
    let months = |row: &usize| (sample.time[*row] / 3.043_75).round().max(1.0) / 10.0;
    let event = |row: &usize| f64::from(u8::from(sample.cause[*row] == 1));
    let levels = ["0", "1"].map(String::from).to_vec();
    let arms = (0..2 * n_pairs).map(|k| u32::from(k >= n_pairs)).collect();
    let columns = vec![
        Column::numeric("time", rows.iter().map(months).collect()),
        Column::numeric("event", rows.iter().map(event).collect()),
        Column::categorical("arm", levels, arms),
        Column::numeric("pair", (0..2 * n_pairs).map(|k| (k % n_pairs) as f64).collect()),
    ];
    Cohort::new(None, columns).expect("the columns are valid")
}

fn of_pairs(criterion: &mut Criterion<CpuTime>) {
    let endpoint = EndpointColumns::new("time", "event");
    let median = SurvivalStatisticQuery {
        endpoint: endpoint.clone(),
        group: Some("arm".into()),
        quantities: vec![SurvivalQuantity::Difference {
            measure: Measure::Quantile { probability: 0.5 },
            group: "1".into(),
            reference: "0".into(),
        }],
    };
    let ratio = CoxQuery::new(endpoint, vec![Term::factor("arm")]);
    let plan = Plan::new(1, N_REPLICATES, Resampling::WithReplacement).expect("a valid number");
    let units = UnitColumns { unit: Some("pair".into()), strata: Vec::new() };
    let query = |survival, cox: Option<CoxQuery>| BootstrapQuery {
        units: units.clone(),
        survival,
        cox: Vec::from_iter(cox),
        ..BootstrapQuery::new(plan)
    };
    let tasks = [
        ("hazard ratio", query(None, Some(ratio))),
        ("difference of medians", query(Some(median), None)),
    ];
    for n_pairs in [135, 5000] {
        let cohort = pairs(n_pairs);
        let everybody = Selection::all(&cohort);
        for (name, query) in &tasks {
            let bootstrap = Bootstrap::read(&cohort, &everybody, query).expect("a valid query");
            let mut group = criterion.benchmark_group("a thousand replicates");
            group.bench_function(BenchmarkId::new(*name, n_pairs), |bencher| {
                bencher.iter(|| bootstrap.replicates(0..N_REPLICATES).expect("within the plan"));
            });
            group.finish();
        }
    }
}
