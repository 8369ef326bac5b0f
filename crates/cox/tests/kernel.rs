//! What a fit must not depend on: the instructions of the processor. And that it ends when nobody
//! waits for it.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use cohort::{Cohort, Column, EndpointColumns, Selection, Term};
use cox::{CoxQuery, CoxScreenQuery, TimeTransform, Variance};
use numerics::lanes::{Instructions, restricted_to};
use numerics::wanted::{NotWanted, compute_while};
use std::cell::Cell;
use std::rc::Rc;

/// Patients followed to one of so many times, some of them late.
fn patients(n: usize, n_times: usize) -> Cohort {
    let share = |i: usize, k: u32| (i as f64 * 0.618_033_988_749_894_9 * f64::from(k)).fract();
    let column = |name: &str, value: &dyn Fn(usize) -> f64| {
        Column::numeric(name, (0..n).map(value).collect::<Vec<f64>>())
    };
    let time = |i: usize| (share(i, 3) * n_times as f64).ceil() + 2.0;
    let columns = vec![
        column("entry", &|i| (share(i, 5) * time(i) * 0.5).floor()),
        column("time", &time),
        column("event", &|i| f64::from(u8::from(share(i, 7) + 0.2 * share(i, 11) < 0.6))),
        column("age", &|i| (40.0 + 30.0 * share(i, 11)).round()),
        column("dose", &|i| share(i, 13).powi(3)),
        column("smoker", &|i| f64::from(u8::from(share(i, 17) < 0.3))),
    ];
    Cohort::new(None, columns).expect("the columns are valid")
}

fn query(is_late: bool) -> CoxQuery {
    let mut endpoint = EndpointColumns::new("time", "event");
    endpoint.entry = is_late.then(|| "entry".into());
    let terms = ["age", "dose", "smoker"].map(Term::linear).to_vec();
    CoxQuery {
        proportional_hazards: Some(TimeTransform::KaplanMeier),
        concordance: true,
        variance: Variance::Robust,
        ..CoxQuery::new(endpoint, terms)
    }
}

/// Everything in the answers to a model and to a screen, with all digits.
fn answers(cohort: &Cohort, is_late: bool) -> String {
    let everyone = Selection::all(cohort);
    let model = query(is_late);
    let fit = cox::cox(cohort, &everyone, &model).expect("the query makes sense");
    let plain = CoxQuery::new(model.endpoint.clone(), Vec::new());
    let screen = CoxScreenQuery { model: plain, candidates: model.terms };
    let screened = cox::screen(cohort, &everyone, &screen).expect("the query makes sense");
    format!("{fit:?}{screened:?}")
}

#[test]
fn all_instructions_give_the_same_bits() {
    // Many to a time, and hardly any.
    for n_times in [40, 2000] {
        let cohort = patients(1500, n_times);
        for is_late in [false, true] {
            let want = answers(&cohort, is_late);
            for set in [Instructions::Avx512, Instructions::Avx2, Instructions::Portable] {
                let got = restricted_to(set, || answers(&cohort, is_late));
                assert!(got == want, "{set:?} differs with {n_times} times");
            }
        }
    }
}

#[test]
fn models_of_a_screen_are_those_fitted_alone() {
    let cohort = patients(1500, 40);
    let everyone = Selection::all(&cohort);
    let plain = |terms| CoxQuery::new(EndpointColumns::new("time", "event"), terms);
    let candidates = query(false).terms;
    let screen = CoxScreenQuery { model: plain(Vec::new()), candidates: candidates.clone() };
    let screened = cox::screen(&cohort, &everyone, &screen).unwrap();
    for (line, term) in screened.into_iter().zip(candidates) {
        let alone = cox::cox(&cohort, &everyone, &plain(vec![term])).unwrap();
        let together = line.fit.unwrap();
        let (got, want) = (&together.coefficients[0], &alone.coefficients[0]);
        let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-11 * (1.0 + b.abs());
        assert!(is_close(got.estimate.unwrap(), want.estimate.unwrap()));
        assert!(is_close(got.standard_error.unwrap(), want.standard_error.unwrap()));
        assert!(is_close(together.log_likelihood, alone.log_likelihood));
        assert_eq!(got.centre, want.centre);
        assert_eq!(together.caveats, alone.caveats);
    }
}

#[test]
fn a_fit_that_nobody_waits_for_ends_between_its_steps() {
    for n_answers in [1, 2, 3] {
        let left = Rc::new(Cell::new(n_answers));
        let steps = Rc::clone(&left);
        let is_wanted = move || steps.replace(steps.get() - 1) > 1;
        let fit = move || {
            cox::cox(&patients(200, 40), &Selection::all(&patients(200, 40)), &query(false))
        };
        let ended = compute_while(is_wanted, fit).map(|_| ());
        assert_eq!((ended, left.get()), (Err(NotWanted), 0));
    }
}
