//! Infinite coefficients against the definition of a monotone likelihood.
//!
//! The columns hold small whole numbers, so that the directions in which the likelihood rises for
//! ever are found without rounding: each edge of their cone is orthogonal to all but one of the
//! differences between a death and somebody at risk.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{
    Cohort, Column, EndpointColumns, NotEstimable, Selection, Term, WeightColumn, WeightKind,
};
use cox::{CoxFit, CoxOptions, CoxQuery, OnMonotone, Ties, cox};
use proptest::prelude::*;

/// Entry, time, event, power of ten of the weight and columns of one subject.
#[derive(Clone, Debug)]
struct Subject {
    entry: i64,
    time: i64,
    event: bool,
    power: f64,
    x: Vec<i64>,
}

const NAMES: [&str; 3] = ["x", "y", "z"];

fn subjects(p: usize, latest: i64, power: f64) -> impl Strategy<Value = Vec<Subject>> {
    let x = proptest::collection::vec(0..4i64, p);
    let subject = (0..=latest, 1..8i64, any::<bool>(), -power..=power, x);
    let subject = subject.prop_map(|(entry, length, event, power, x)| Subject {
        entry,
        time: entry + length,
        event,
        power,
        x,
    });
    proptest::collection::vec(subject, 3..16)
        .prop_filter("an event is needed", |subjects| subjects.iter().any(|subject| subject.event))
}

fn fit(subjects: &[Subject], has_weights: bool, ties: Ties) -> CoxFit {
    let column = |name: &str, value: &dyn Fn(&Subject) -> f64| {
        Column::numeric(name, subjects.iter().map(value).collect())
    };
    let p = subjects[0].x.len();
    let mut columns = vec![
        column("entry", &|subject| subject.entry as f64),
        column("time", &|subject| subject.time as f64),
        column("event", &|subject| f64::from(u8::from(subject.event))),
        column("weight", &|subject| 10f64.powf(subject.power)),
    ];
    columns.extend((0..p).map(|j| column(NAMES[j], &|subject| subject.x[j] as f64)));
    let cohort = Cohort::new(None, columns).unwrap();
    let endpoint =
        EndpointColumns { entry: Some("entry".into()), ..EndpointColumns::new("time", "event") };
    let weights = WeightColumn { column: "weight".into(), kind: WeightKind::Sampling };
    let terms = NAMES[..p].iter().map(|name| Term::linear(*name)).collect();
    let query = CoxQuery {
        weights: has_weights.then_some(weights),
        options: CoxOptions { ties, on_monotone: OnMonotone::Report, ..CoxOptions::default() },
        ..CoxQuery::new(endpoint, terms)
    };
    cox(&cohort, &Selection::all(&cohort), &query).unwrap()
}

/// Every death less everyone at risk at its time; where time is discrete, less those who outlive it.
fn differences(subjects: &[Subject], ties: Ties) -> Vec<Vec<i64>> {
    let mut differences = Vec::new();
    for death in subjects.iter().filter(|subject| subject.event) {
        let is_rival = |subject: &&Subject| {
            let dies_too = subject.event && subject.time == death.time;
            subject.entry < death.time
                && subject.time >= death.time
                && !(ties == Ties::Exact && dies_too)
        };
        for rival in subjects.iter().filter(is_rival) {
            differences.push(death.x.iter().zip(&rival.x).map(|(a, b)| a - b).collect());
        }
    }
    differences.sort();
    differences.dedup();
    differences
}

fn product(a: &[i64], b: &[i64]) -> i64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Directions at right angles to all but one of `p` differences, for each choice of them.
fn normals(p: usize, differences: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let cross = |a: &[i64], b: &[i64]| {
        vec![a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    match p {
        1 => vec![vec![1]],
        2 => differences.iter().map(|d| vec![-d[1], d[0]]).collect(),
        _ => differences.iter().flat_map(|a| differences.iter().map(|b| cross(a, b))).collect(),
    }
}

/// Whether the differences lie in no plane.
fn spans(p: usize, differences: &[Vec<i64>]) -> bool {
    let is_left = |normal: &Vec<i64>| differences.iter().any(|d| product(d, normal) != 0);
    normals(p, differences).iter().any(is_left)
}

/// The edges of the cone of directions that no difference opposes.
fn edges(p: usize, differences: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let candidates = normals(p, differences);
    let both_ways = |edge: Vec<i64>| [edge.iter().map(|x| -x).collect(), edge];
    let is_edge = |edge: &Vec<i64>| {
        edge.iter().any(|&x| x != 0) && differences.iter().all(|d| product(d, edge) >= 0)
    };
    candidates.into_iter().flat_map(both_ways).filter(is_edge).collect()
}

/// The coefficients that are infinite are those that some direction moves. Beside them others may be
/// lost, of which nothing can be learnt then.
fn agrees(subjects: &[Subject], has_weights: bool, ties: Ties) -> Result<(), TestCaseError> {
    let fit = fit(subjects, has_weights, ties);
    let has = |j: usize, reason| fit.coefficients[j].estimate == Err(reason);
    let p = fit.coefficients.len();
    let differences = differences(subjects, ties);
    // Columns that depend on each other where it matters are another matter.
    let is_aliased =
        (0..p).any(|j| has(j, NotEstimable::Aliased) || has(j, NotEstimable::NoVariation));
    if is_aliased || !spans(p, &differences) {
        return Ok(());
    }
    let edges = edges(p, &differences);
    for j in 0..p {
        let moves = edges.iter().any(|edge| edge[j] != 0);
        if moves || edges.is_empty() {
            let is_infinite = has(j, NotEstimable::Monotone);
            prop_assert_eq!(is_infinite, moves, "{}: {:?}", NAMES[j], fit.coefficients);
        }
    }
    Ok(())
}

/// At 4 the one who dies has the value of the other at risk, and at 5 a lower one than both others.
/// Seen backwards from 6 those others come and go, and the information is a difference of sums that
/// are much larger.
#[test]
fn a_late_entry_hides_nothing() {
    let subject = |entry, time, event, x| Subject { entry, time, event, power: 0.0, x: vec![x] };
    let subjects = [
        subject(3, 4, true, 1),
        subject(5, 6, false, 1),
        subject(4, 5, false, 2),
        subject(4, 5, true, 0),
        subject(3, 5, false, 1),
    ];
    let fit = fit(&subjects, false, Ties::Efron);
    assert_eq!(fit.coefficients[0].estimate, Err(NotEstimable::Monotone));
    assert_eq!(fit.coefficients[0].interval.lower, Err(NotEstimable::Monotone));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 2000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn one_column(subjects in subjects(1, 7, 0.0), ties in 0..3u8) {
        agrees(&subjects, false, [Ties::Efron, Ties::Breslow, Ties::Exact][usize::from(ties)])?;
    }

    #[test]
    fn two_columns(subjects in subjects(2, 7, 0.0), ties in 0..3u8) {
        agrees(&subjects, false, [Ties::Efron, Ties::Breslow, Ties::Exact][usize::from(ties)])?;
    }

    #[test]
    fn three_columns(subjects in subjects(3, 7, 0.0), ties in 0..3u8) {
        agrees(&subjects, false, [Ties::Efron, Ties::Breslow, Ties::Exact][usize::from(ties)])?;
    }

    #[test]
    fn nobody_enters_late(subjects in subjects(3, 0, 0.0), ties in 0..3u8) {
        agrees(&subjects, false, [Ties::Efron, Ties::Breslow, Ties::Exact][usize::from(ties)])?;
    }

    /// Weights from a thousandth to a thousand.
    #[test]
    fn weights_of_any_size(subjects in subjects(3, 7, 3.0)) {
        agrees(&subjects, true, Ties::Efron)?;
    }
}
