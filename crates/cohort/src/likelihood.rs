//! What the likelihood itself says of coefficients and terms, as tables print it.

use crate::{
    Estimate, Interval, NotEstimable, Term, TermTest, TestResult, chi_squared_test, finite,
};
use numerics::likelihood_ratio::{CoordinateProfile, Loss};
use numerics::profile::NoLimit;

/// The likelihood-ratio test of what is lost.
#[must_use]
pub fn loss_test(loss: Loss) -> TestResult {
    match loss.statistic {
        Some(statistic) => chi_squared_test(statistic, loss.rank),
        None => TestResult::none(NotEstimable::NotConverged, loss.rank),
    }
}

/// The limits of a coefficient whose column has this scale; `infinite` is the reason of a limit that
/// the likelihood never falls to.
#[must_use]
pub fn profile_interval(
    profile: &CoordinateProfile,
    scale: f64,
    infinite: NotEstimable,
) -> Interval {
    let limit = |limit: Result<f64, NoLimit>| -> Estimate {
        match limit {
            Ok(limit) => finite(limit / scale),
            Err(NoLimit::Infinite) => Err(infinite),
            Err(NoLimit::NotConverged) => Err(NotEstimable::NotConverged),
        }
    };
    Interval { lower: limit(profile.lower), upper: limit(profile.upper) }
}

/// Likelihood-ratio test of each term, given with its columns, in the presence of the others, as
/// `drop1` in R makes it; `loss` is what the likelihood loses without some columns, and absent where
/// its drop is not chi-squared.
///
/// A term that is part of a product in the model has none: without it the product would mean
/// something else.
pub fn term_ratio_tests(
    terms: &[Term],
    columns: &[(String, Vec<usize>)],
    mut loss: Option<impl FnMut(&[usize]) -> Loss>,
) -> Vec<TermTest> {
    let test = |(term, (name, columns)): (&Term, &(String, Vec<usize>))| {
        let is_part = terms.iter().any(|other| other.has_part(term));
        let test = match &mut loss {
            Some(loss) if !is_part => loss_test(loss(columns)),
            _ => TestResult::none(NotEstimable::NotDefined, columns.len()),
        };
        TermTest { term: name.clone(), test }
    };
    terms.iter().zip(columns).map(test).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_product_has_no_test_of_its_own() {
        let [a, b] = ["a", "b"].map(Term::linear);
        let terms = [a.clone(), b.clone(), Term::interaction(a, b)];
        let columns: Vec<(String, Vec<usize>)> =
            terms.iter().enumerate().map(|(j, term)| (term.name(), vec![j])).collect();
        let loss = |columns: &[usize]| Loss { statistic: Some(3.0), rank: columns.len() };
        let tests = term_ratio_tests(&terms, &columns, Some(loss));
        assert_eq!(tests[1].test, TestResult::none(NotEstimable::NotDefined, 1));
        assert_eq!(tests[2].test, chi_squared_test(3.0, 1));
        let none = term_ratio_tests(&terms, &columns, None::<fn(&[usize]) -> Loss>);
        assert_eq!(none[2].test, TestResult::none(NotEstimable::NotDefined, 1));
    }

    #[test]
    fn limits_are_in_the_unit_of_the_column() {
        let at_0 = Loss { statistic: Some(1.0), rank: 1 };
        let profile = CoordinateProfile { lower: Ok(3.0), upper: Err(NoLimit::Infinite), at_0 };
        let interval = profile_interval(&profile, 2.0, NotEstimable::Separation);
        assert_eq!(interval.lower, Ok(1.5));
        assert_eq!(interval.upper, Err(NotEstimable::Separation));
    }
}
