//! Pairs by score, by number of patients: greedy with a caliper and without, and optimal.
//!
//! Asked of a cohort as a service asks: scores are read, put in line, matched, weighed, and the pairs
//! are certified and digested. The matcher alone puts them in line, matches and weighs, as the matcher of
//! MatchIt does.

#[path = "cpu_time.rs"]
mod cpu_time;

use cpu_time::CpuTime;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise_bench::{MATCHING_SIZES, Scored, apart, scores};
use matching::{Method, NearestOptions, OptimalOptions};
use std::sync::Once;

criterion_group! {
    name = matching_by_score;
    config = cpu_time::settings();
    targets = by_score
}
criterion_main!(matching_by_score);

/// That of the programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn by_score(criterion: &mut Criterion<CpuTime>) {
    let nearest = || Method::Nearest(NearestOptions::default());
    let optimal = || Method::Optimal(OptimalOptions::default());
    let methods: [(&str, &dyn Fn() -> Method, bool); 4] = [
        ("nearest in a caliper", &nearest, true),
        ("nearest", &nearest, false),
        ("optimal in a caliper", &optimal, true),
        ("optimal", &optimal, false),
    ];
    let cohorts = MATCHING_SIZES.map(|n| (n, "", Scored::new(scores(n))));
    let lying_apart = (100_000, ", scores apart", Scored::new(apart(100_000)));
    for (n, kind, scored) in cohorts.iter().chain([&lying_apart]) {
        for (name, method, has_caliper) in &methods {
            let is_apart = !kind.is_empty();
            if is_apart && *name != "nearest" {
                continue;
            }
            let name = format!("{name}{kind}");
            let said = Once::new();
            let mut group = criterion.benchmark_group("matching by score");
            group.bench_function(BenchmarkId::new(&name, n), |bencher| {
                bencher.iter(|| scored.matched(method(), *has_caliper));
                // Other programs print the same: a bench of different answers would say nothing.
                said.call_once(|| {
                    let sample = scored.matched(method(), *has_caliper);
                    let total = sample.certificate.total_distance;
                    println!("{} pairs, total distance {total:?}", sample.pairs.len());
                });
            });
            group.bench_function(
                BenchmarkId::new(format!("{name}, matcher alone"), n),
                |bencher| {
                    bencher.iter(|| scored.matcher_alone(method(), *has_caliper));
                },
            );
            group.finish();
        }
    }
}
