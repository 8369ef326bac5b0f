//! Long computations ask whether their answer is still wanted, and end where it is not.
//!
//! Who starts a computation knows whether somebody waits for it; the computation deep below does not.
//! So the question is kept with the thread: iterations ask it at every step, and a computation that is
//! not wanted is unwound to where it was started. It leaves nothing behind, since it shares nothing.

use std::cell::RefCell;
use std::panic::{UnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// A computation was given up, since nobody waits for its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotWanted;

type Question = Rc<dyn Fn() -> bool>;

thread_local! {
    static QUESTION: RefCell<Option<Question>> = const { RefCell::new(None) };
}

/// Computes as long as `is_wanted`, which [`check`] asks on this thread.
///
/// Work that is handed to other threads asks nothing there: who hands it out asks between its parts.
///
/// # Errors
/// [`NotWanted`] when the computation was given up.
///
/// # Panics
/// When the computation does.
pub fn compute_while<T>(
    is_wanted: impl Fn() -> bool + 'static,
    compute: impl FnOnce() -> T + UnwindSafe,
) -> Result<T, NotWanted> {
    let outer = QUESTION.replace(Some(Rc::new(is_wanted)));
    let answer = catch_unwind(compute);
    QUESTION.set(outer);
    answer.or_else(|payload| match payload.downcast::<NotWanted>() {
        Ok(not_wanted) => Err(*not_wanted),
        Err(payload) => resume_unwind(payload),
    })
}

/// Goes on if the answer is wanted, as it is when nobody has said otherwise; else ends the computation
/// that [`compute_while`] began. To be asked every few milliseconds.
pub fn check() {
    // The question may itself compute, so it is not asked under the borrow.
    let question = QUESTION.with_borrow(Clone::clone);
    if question.is_some_and(|is_wanted| !is_wanted()) {
        resume_unwind(Box::new(NotWanted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_is_wanted_is_computed() {
        check();
        let answer = compute_while(
            || true,
            || {
                check();
                7
            },
        );
        assert_eq!(answer, Ok(7));
    }

    #[test]
    fn what_is_not_wanted_ends_at_the_next_check() {
        let left = Rc::new(Cell::new(3));
        let steps = Rc::clone(&left);
        let is_wanted = move || steps.replace(steps.get() - 1) > 1;
        let answer: Result<(), NotWanted> = compute_while(is_wanted, || {
            loop {
                check();
            }
        });
        assert_eq!((answer, left.get()), (Err(NotWanted), 0));
        check();
    }

    #[test]
    fn a_computation_within_another_has_its_own_question() {
        let answer = compute_while(
            || true,
            || {
                let inner = compute_while(|| false, check);
                check();
                inner
            },
        );
        assert_eq!(answer, Ok(Err(NotWanted)));
    }

    #[test]
    #[should_panic(expected = "a fault")]
    fn a_fault_stays_a_fault() {
        let _ = compute_while(|| true, || panic!("a fault"));
    }
}
