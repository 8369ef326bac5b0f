//! Counts of yes and no over cohorts.

use crate::validate::Settings;
use numerics::sum;
use rayon::prelude::*;
use std::iter::Sum;
use std::ops::Add;

/// How often a question was answered with yes, and how often at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    yes: u32,
    answered: u32,
    asked: u32,
}

/// Mean and standard deviation of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moments {
    pub(crate) n: usize,
    pub(crate) mean: f64,
    pub(crate) standard_deviation: f64,
}

/// The answer of each cohort, in their order; the cohorts are asked in parallel.
pub(crate) fn ask<A: Send>(settings: &Settings, answer: impl Fn(u32) -> A + Sync + Send) -> Vec<A> {
    (0..settings.cohorts).into_par_iter().map(answer).collect()
}

/// Asks each cohort the same questions, in parallel. Counts add up to the same in any order.
pub(crate) fn tally<const N: usize>(
    settings: &Settings,
    answer: impl Fn(u32) -> [Option<bool>; N] + Sync,
) -> [Tally; N] {
    let none = || [Tally::default(); N];
    let add = |totals: [Tally; N], others: [Tally; N]| {
        std::array::from_fn(|question| totals[question] + others[question])
    };
    let cohorts = (0..settings.cohorts).into_par_iter();
    cohorts.map(|cohort| answer(cohort).map(Tally::of)).reduce(none, add)
}

impl Tally {
    pub(crate) fn of(answer: Option<bool>) -> Self {
        let count = |is: bool| u32::from(is);
        Self { yes: count(answer == Some(true)), answered: count(answer.is_some()), asked: 1 }
    }

    /// Percentage of yes ± its standard error, with the percentage that gave no answer.
    ///
    /// ```text
    /// SE = √(p (1 - p) / n)
    /// ```
    pub(crate) fn cell(self) -> String {
        if 2 * self.answered < self.asked || self.answered == 0 {
            return "–".into();
        }
        let answered = f64::from(self.answered);
        let share = f64::from(self.yes) / answered;
        let error = (share * (1.0 - share) / answered).sqrt();
        let cell = format!("{:.1} ± {:.1}", 100.0 * share, 100.0 * error);
        match 100.0 * f64::from(self.asked - self.answered) / f64::from(self.asked) {
            0.0 => cell,
            silent if silent < 0.05 => format!("{cell} (<0.1)"),
            silent => format!("{cell} ({silent:.1})"),
        }
    }
}

impl Moments {
    /// Those of at least two numbers; undefined ones are NaN, which a reader sees.
    pub(crate) fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let numbers: Vec<f64> = numbers.collect();
        Self {
            n: numbers.len(),
            mean: sum::mean(&numbers).unwrap_or(f64::NAN),
            standard_deviation: sum::variance(&numbers).map_or(f64::NAN, f64::sqrt),
        }
    }

    /// Mean less the truth ± its Monte-Carlo standard error.
    pub(crate) fn cell(self, truth: f64) -> String {
        let error = self.standard_deviation / (self.n as f64).sqrt();
        format!("{:.3} ± {error:.3}", self.mean - truth)
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            yes: self.yes + other.yes,
            answered: self.answered + other.answered,
            asked: self.asked + other.asked,
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Self::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(answers: &[Option<bool>]) -> String {
        answers.iter().map(|&answer| Tally::of(answer)).sum::<Tally>().cell()
    }

    /// Three of four: the standard error is √(3/64).
    #[test]
    fn a_cell_by_hand() {
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(cell(&[yes, yes, no, yes]), "75.0 ± 21.7");
        assert_eq!(cell(&[yes, yes, no, yes, None]), "75.0 ± 21.7 (20.0)");
        assert_eq!(cell(&[yes, None, None]), "–");
        assert_eq!(cell(&[]), "–");
    }
}
