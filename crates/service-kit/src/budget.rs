//! How many quick repeats the calls to one service have left, so that they do not swamp a service in trouble.

use std::sync::atomic::{AtomicU32, Ordering};

/// Quick repeats in a row that are always left: one call with all its tries, and then some, so that a pod that
/// is replaced while it has a few calls makes nobody wait.
const QUICK: u32 = 10;

/// Answers that earn a quick repeat: in the long run a tenth of the calls.
const ANSWERS_PER_REPEAT: u32 = 10;

/// The bucket of tokens of gRFC A6, which ends repeats when it is half empty, with another end: lost work must
/// still be done, so repeats go on, each after the longest delay.
///
/// Bounded tries alone would let all calls of a run, each with its first short delays, fall at once upon a
/// service that is overloaded or just comes back.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Budget {
    /// A quick repeat, in answers that earn it.
    const REPEAT: u32 = ANSWERS_PER_REPEAT;
    const FULL: u32 = 2 * QUICK * Self::REPEAT;

    /// Counts an answer.
    pub(crate) fn answered(&self) {
        self.change(|left| (left + 1).min(Self::FULL));
    }

    /// Counts a call that is to be repeated; whether it must wait for the longest delay.
    pub(crate) fn is_spent_by_repeat(&self) -> bool {
        let before = self.change(|left| left.saturating_sub(Self::REPEAT));
        before <= Self::FULL / 2
    }

    fn change(&self, change: impl Fn(u32) -> u32) -> u32 {
        let changed = |left| Some(change(left));
        let found = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
        // Neither change is ever refused.
        found.unwrap_or_else(|left| left)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(Self::FULL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_repeats_are_quick_and_ten_answers_earn_another() {
        let budget = Budget::default();
        let quick = |n: usize| (0..n).filter(|_| !budget.is_spent_by_repeat()).count();
        assert_eq!(quick(15), 10);
        // Five slow ones have taken from the lower half.
        (0..60).for_each(|_| budget.answered());
        assert_eq!(quick(2), 1);
        (0..1000).for_each(|_| budget.answered());
        assert_eq!(quick(100), 10);
        // However long the trouble was, it is forgotten after twice as many answers.
        (0..200).for_each(|_| budget.answered());
        assert_eq!(quick(11), 10);
    }
}
