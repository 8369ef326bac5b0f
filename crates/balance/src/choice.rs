//! Which summary and which test suit a variable, by the rule of [`crate::TestChoice::Auto`].

use crate::{BalanceTest, NumericSummary};
use cohort::{Estimate, NotEstimable};
use hypothesis::ContingencyTable;
use numerics::sum::{mean, sum};

/// Which of mean and median speaks for some groups of numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Location {
    /// Mean with standard deviation.
    Mean,
    /// Median with quartiles.
    Median,
}

/// Smallest group whose mean is taken to be about normal.
pub const SMALLEST_GROUP_FOR_MEANS: usize = 30;

/// Largest absolute skewness with which a mean speaks for a group; beyond it a distribution counts as
/// highly skewed (Bulmer 1979, Principles of Statistics, chapter 4).
pub const MOST_SKEWED: f64 = 1.0;

/// Expected counts below this make the chi-squared approximation doubtful (Cochran 1954,
/// Biometrics 10:417-451).
pub(crate) const SMALL_EXPECTED_COUNT: f64 = 5.0;

/// Below this size of both groups, or number of pairs, ranks are counted exactly, as R does.
const SMALL_GROUP: usize = 50;

/// Below this number of pairs that differ McNemar's test is counted exactly.
const FEW_DISCORDANT: usize = 25;

/// Skewness of some numbers, `m₃ / m₂^(3/2)` with moments about the mean; undefined for fewer than
/// two values and when all are equal.
pub(crate) fn skewness(values: &[f64]) -> Estimate {
    if values.len() < 2 {
        return Err(NotEstimable::TooFewValues);
    }
    if values.iter().all(|&value| value == values[0]) {
        return Err(NotEstimable::AllValuesEqual);
    }
    let centre = mean(values).ok_or(NotEstimable::TooFewValues)?;
    let moment = |power: i32| {
        sum(values.iter().map(|value| (value - centre).powi(power))) / values.len() as f64
    };
    let (second, third) = (moment(2), moment(3));
    let skewness = third / (second * second.sqrt());
    if skewness.is_finite() { Ok(skewness) } else { Err(NotEstimable::VarianceUndefined) }
}

/// Whether means or medians speak for the groups.
pub(crate) fn location(groups: &[NumericSummary]) -> Location {
    let has_mean = |group: &NumericSummary| {
        group.n >= SMALLEST_GROUP_FOR_MEANS
            && group.skewness.is_ok_and(|skewness| skewness.abs() <= MOST_SKEWED)
    };
    if groups.iter().all(has_mean) { Location::Mean } else { Location::Median }
}

/// The test of a table of counts of independent subjects.
pub(crate) fn of_counts(table: &Estimate<ContingencyTable>) -> BalanceTest {
    match table {
        Ok(table) if table.smallest_expected() < SMALL_EXPECTED_COUNT => BalanceTest::Fisher,
        _ => BalanceTest::ChiSquared,
    }
}

/// The test of numbers of independent subjects.
pub(crate) fn of_numbers(sizes: &[usize], location: Location) -> BalanceTest {
    let are_two = sizes.len() == 2;
    let are_small = sizes.iter().all(|&n| n < SMALL_GROUP);
    match (location, are_two) {
        (Location::Mean, true) => BalanceTest::WelchT,
        (Location::Mean, false) => BalanceTest::WelchAnova,
        (Location::Median, true) if are_small => BalanceTest::MannWhitneyExact,
        (Location::Median, true) => BalanceTest::MannWhitneyContinuity,
        (Location::Median, false) => BalanceTest::KruskalWallis,
    }
}

/// The test of counts of pairs, of which `discordant` differ.
pub(crate) fn of_paired_counts(levels: usize, discordant: usize) -> BalanceTest {
    if levels == 2 && discordant < FEW_DISCORDANT {
        BalanceTest::McNemarExact
    } else {
        BalanceTest::McNemarContinuity
    }
}

/// The test of numbers of pairs with these differences.
pub(crate) fn of_paired_numbers(differences: &[f64]) -> BalanceTest {
    let is_skewed = skewness(differences).map_or(true, |skewness| skewness.abs() > MOST_SKEWED);
    if differences.len() >= SMALLEST_GROUP_FOR_MEANS && !is_skewed {
        BalanceTest::PairedT
    } else if differences.len() < SMALL_GROUP {
        BalanceTest::SignedRankExact
    } else {
        BalanceTest::SignedRankContinuity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// About their mean 2 the values lie -2, -1, -1, 4: m₂ = 22/4, m₃ = 54/4.
    #[test]
    fn a_long_right_tail_is_positive_skewness() {
        let got = skewness(&[0.0, 1.0, 1.0, 6.0]).unwrap();
        assert!((got - 13.5 / 5.5f64.powf(1.5)).abs() < 1e-14);
        assert_eq!(skewness(&[0.1; 5]), Err(NotEstimable::AllValuesEqual));
    }

    #[test]
    fn the_rule_looks_at_size_and_skewness() {
        assert_eq!(of_numbers(&[80, 90], Location::Mean), BalanceTest::WelchT);
        assert_eq!(of_numbers(&[80, 90, 70], Location::Mean), BalanceTest::WelchAnova);
        assert_eq!(of_numbers(&[8, 9], Location::Median), BalanceTest::MannWhitneyExact);
        assert_eq!(of_numbers(&[8, 90], Location::Median), BalanceTest::MannWhitneyContinuity);
        assert_eq!(of_numbers(&[8, 9, 7], Location::Median), BalanceTest::KruskalWallis);
        assert_eq!(of_paired_counts(2, 24), BalanceTest::McNemarExact);
        assert_eq!(of_paired_counts(3, 24), BalanceTest::McNemarContinuity);
        assert_eq!(of_paired_numbers(&[1.0, -1.0, 2.0]), BalanceTest::SignedRankExact);
    }
}
