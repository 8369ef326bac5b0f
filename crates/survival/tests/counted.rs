//! Tables counted in one pass against tables counted along an order of risk.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Endpoint, Groups, RiskOrder};
use proptest::collection::vec;
use proptest::prelude::*;
use survival::RiskTable;

/// Entry, follow-up after entry, event, stratum, group.
type Subject = (u16, u16, bool, u32, u32);

const N_STRATA: usize = 3;
const N_GROUPS: usize = 2;

fn subjects() -> impl Strategy<Value = Vec<Subject>> {
    // Few times, so that most cells hold several subjects and some strata nobody.
    vec((0..9u16, 1..30u16, any::<bool>(), 0..2u32, 0..N_GROUPS as u32), 0..400)
}

/// The tables of all strata along an order; times are steps of `unit`.
fn along_an_order(endpoint: &Endpoint, strata: &[u32], groups: &[u32]) -> Vec<RiskTable> {
    let order = RiskOrder::new(endpoint, strata);
    let of_stratum = |stratum: u32| {
        let ties: Vec<_> = order.strata().filter(|ties| ties[0].stratum == stratum).collect();
        RiskTable::tally(endpoint, &order, &ties.concat(), groups, N_GROUPS)
    };
    (0..N_STRATA as u32).map(of_stratum).collect()
}

fn endpoint(subjects: &[Subject], unit: f64, has_entry: bool) -> Endpoint {
    let time = |steps: u16| f64::from(steps) * unit;
    let entry = subjects.iter().map(|subject| time(subject.0)).collect();
    let exit = subjects.iter().map(|subject| time(subject.0 + subject.1)).collect();
    let event = subjects.iter().map(|subject| subject.2).collect();
    match has_entry {
        true => Endpoint::with_entry(entry, exit, event).unwrap(),
        false => Endpoint::new(exit, event).unwrap(),
    }
}

proptest! {
    /// Whole days, and multiples of a number that is no lattice.
    #[test]
    fn both_ways_give_the_same_tables(
        subjects in subjects(), has_entry: bool, unit in prop_oneof![Just(1.0), Just(0.123_456_789)],
    ) {
        let strata: Vec<u32> = subjects.iter().map(|subject| subject.3).collect();
        let groups: Vec<u32> = subjects.iter().map(|subject| subject.4).collect();
        let endpoint = endpoint(&subjects, unit, has_entry);
        let expected = along_an_order(&endpoint, &strata, &groups);
        let strata = Groups::new(strata, N_STRATA);
        let groups = Groups::new(groups, N_GROUPS);
        prop_assert_eq!(RiskTable::by_stratum(&endpoint, &strata, &groups), expected);
    }
}

/// Half a million subjects are counted on several threads, and in one stratum for every two of them
/// along an order.
#[test]
fn many_subjects_and_many_strata() {
    let n = 500_000u32;
    let time: Vec<f64> = (0..n).map(|index| f64::from(1 + index * 7919 % 3000)).collect();
    let event: Vec<bool> = (0..n).map(|index| index % 3 > 0).collect();
    let groups: Vec<u32> = (0..n).map(|index| index % 2).collect();
    let endpoint = Endpoint::new(time, event).unwrap();
    let everybody = vec![0; n as usize];
    let order = RiskOrder::new(&endpoint, &everybody);
    let expected = RiskTable::tally(&endpoint, &order, order.groups(), &groups, 2);
    let groups = Groups::new(groups, 2);
    for n_threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| assert_eq!(RiskTable::of(&endpoint, &groups), expected));
    }
    let pairs = Groups::numbered((0..n).map(|index| index / 2).collect::<Vec<_>>());
    let tables = RiskTable::by_stratum(&endpoint, &pairs, &groups);
    assert_eq!(tables.len(), n as usize / 2);
    assert_eq!(tables.into_iter().sum::<RiskTable>(), expected);
}

#[test]
fn nobody_and_no_group_make_an_empty_table() {
    let nobody = Endpoint::new(Vec::new(), Vec::new()).unwrap();
    for n_groups in [0, 2] {
        let table = RiskTable::of(&nobody, &Groups::new(Vec::new(), n_groups));
        assert_eq!((table.n_groups(), table.len()), (n_groups, 0));
    }
}
