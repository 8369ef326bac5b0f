//! Codes of times and orders of risk against their naive versions: a sort by comparison for the ties
//! and another for the order.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Endpoint, EndpointError, RiskOrder, TieGroup};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::cmp::Ordering;

const TIE_TOLERANCE: f64 = 1.490_116_119_384_765_6e-8;

/// Times that are closer than the tolerance become one, a chain of them its smallest member.
fn settled(entry: &[f64], time: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut distinct: Vec<f64> = entry.iter().chain(time).map(|time| time + 0.0).collect();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    let mean = numerics::sum::mean(&distinct).unwrap_or(0.0);
    let firsts: Vec<f64> = distinct
        .chunk_by(|a, b| b - a <= TIE_TOLERANCE || (b - a) / mean <= TIE_TOLERANCE)
        .map(|chain| chain[0])
        .collect();
    let settle = |times: &[f64]| {
        let first = |time: &f64| firsts[firsts.partition_point(|first| first <= time) - 1];
        times.iter().map(first).collect()
    };
    (settle(entry), settle(time))
}

/// Order and groups by stratum, time, events before censorings, and row.
fn ordered(time: &[f64], event: &[bool], strata: &[u32]) -> (Vec<u32>, Vec<TieGroup>) {
    let mut order: Vec<u32> = (0..time.len() as u32).collect();
    let tie = |a: &u32, b: &u32| -> Ordering {
        let (a, b) = (*a as usize, *b as usize);
        strata[a].cmp(&strata[b]).then(time[a].total_cmp(&time[b]))
    };
    order.sort_by(|a, b| tie(a, b).then(event[*b as usize].cmp(&event[*a as usize])));
    let (mut groups, mut start) = (Vec::new(), 0);
    for tied in order.chunk_by(|a, b| tie(a, b).is_eq()) {
        let n_events = tied.iter().filter(|&&subject| event[subject as usize]).count();
        let (middle, end) = (start + n_events, start + tied.len());
        let (stratum, time) = (strata[tied[0] as usize], time[tied[0] as usize]);
        groups.push(TieGroup { stratum, time, events: start..middle, censored: middle..end });
        start = end;
    }
    (order, groups)
}

/// One subject: entry, time, event, stratum.
type Subject = (f64, f64, bool, u32);

/// Days, tenths, months and years from days, which need no settling, and times that do: with noise,
/// of any size, and one after the other in steps around the tolerance.
fn time() -> impl Strategy<Value = f64> {
    let lattice = (0..400u32, select(vec![1.0, 10.0, 100.0, 7.0, 30.4375, 365.25]));
    let noisy = (0..20u32, -3..4i32)
        .prop_map(|(step, noise)| (f64::from(step) / 10.0 + f64::from(noise) * 4e-9).max(0.0));
    let extreme = select(vec![0.0, -0.0, f64::MIN_POSITIVE, 5e-324, 1.0, 1e70, f64::MAX / 1e9]);
    prop_oneof![
        lattice.prop_map(|(step, per_unit)| f64::from(step) / per_unit),
        noisy,
        (0..60u32).prop_map(|step| 5.0 + f64::from(step) * 1.490_116e-8),
        0.0..5000.0f64,
        extreme,
    ]
}

fn on_one_lattice() -> impl Strategy<Value = Vec<Subject>> {
    select(vec![1.0, 10.0, 100.0, 1000.0, 7.0, 12.0, 30.4375, 365.25]).prop_flat_map(|per_unit| {
        let step = move |steps: u32| f64::from(steps) / per_unit;
        let subject = (1..300u32, 1..300u32, any::<bool>(), 0..4u32);
        let subject = subject.prop_map(move |(time, earlier, event, stratum)| {
            (step(time.saturating_sub(earlier)), step(time), event, stratum)
        });
        vec(subject, 0..600)
    })
}

fn of_any_kind() -> impl Strategy<Value = Vec<Subject>> {
    let subject = (time(), time(), any::<bool>(), 0..4u32);
    vec(subject.prop_map(in_order), 0..600)
}

fn continuous() -> impl Strategy<Value = Vec<Subject>> {
    let strata = select(vec![0, 7, u32::MAX]);
    let subject = (0.0..4000.0f64, 0.0..4000.0f64, any::<bool>(), strata);
    vec(subject.prop_map(in_order), 0..600)
}

fn in_order((a, b, event, stratum): Subject) -> Subject {
    (a.min(b), a.max(b), event, stratum)
}

fn agrees(subjects: &[Subject], has_entry: bool) -> Result<(), TestCaseError> {
    let entry = subjects.iter().filter(|_| has_entry).map(|subject| subject.0);
    let (entry, time): (Vec<f64>, Vec<f64>) =
        (entry.collect(), subjects.iter().map(|subject| subject.1).collect());
    let event: Vec<bool> = subjects.iter().map(|subject| subject.2).collect();
    let strata: Vec<u32> = subjects.iter().map(|subject| subject.3).collect();
    let endpoint = match has_entry {
        true => Endpoint::with_entry(entry.clone(), time.clone(), event.clone()),
        false => Endpoint::new(time.clone(), event.clone()),
    };
    let (entry, time) = settled(&entry, &time);
    if let Some(row) = entry.iter().zip(&time).position(|(entry, time)| entry >= time) {
        prop_assert_eq!(endpoint, Err(EndpointError::EmptyInterval { row }));
        return Ok(());
    }
    let endpoint = endpoint.unwrap();
    let bits = |times: &[f64]| times.iter().map(|time| time.to_bits()).collect::<Vec<_>>();
    prop_assert_eq!(bits(endpoint.time()), bits(&time));
    prop_assert_eq!(bits(endpoint.entry().unwrap_or_default()), bits(&entry));
    let codes = endpoint.time_codes();
    let coded = |subject: usize| codes.times()[codes.exits().at(subject) as usize].to_bits();
    prop_assert!((0..time.len()).all(|subject| coded(subject) == time[subject].to_bits()));
    prop_assert!(codes.times().is_sorted_by(|a, b| a < b));
    let order = RiskOrder::new(&endpoint, &strata);
    prop_assert_eq!(
        (order.order().to_vec(), order.groups().to_vec()),
        ordered(&time, &event, &strata)
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn on_one_lattice_agrees(subjects in on_one_lattice(), has_entry: bool) {
        agrees(&subjects, has_entry)?;
    }

    #[test]
    fn of_any_kind_agrees(subjects in of_any_kind(), has_entry: bool) {
        agrees(&subjects, has_entry)?;
    }

    #[test]
    fn continuous_agrees(subjects in continuous(), has_entry: bool) {
        agrees(&subjects, has_entry)?;
    }
}

/// Enough subjects for several threads, with one time off the lattice at the very end.
#[test]
fn one_time_off_the_lattice_is_found() {
    let mut time: Vec<f64> = (0..200_000u32).map(|index| f64::from(index * 7919 % 4000)).collect();
    *time.last_mut().unwrap() += 1e-9;
    let endpoint = Endpoint::new(time.clone(), vec![true; time.len()]).unwrap();
    assert_eq!(endpoint.time(), settled(&[], &time).1);
    assert_eq!(endpoint.time_codes().times().len(), 4000);
}
