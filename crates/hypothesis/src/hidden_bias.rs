//! Bounds under hidden bias from the matched pairs of a cohort.

use crate::{
    HiddenBias, largest_sign_bias, largest_signed_rank_bias, sign_bounds, signed_rank_bounds,
};
use cohort::{
    Arms, ArmsError, Cohort, CohortError, EndpointColumns, Estimate, NotEstimable, Selection,
};
use thiserror::Error;

/// What finding of which pairs is to be bounded.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenBiasQuery {
    /// Column that tells the arms apart; it has exactly two levels.
    pub exposure: String,
    /// Level of the exposed.
    pub exposed: String,
    /// Column whose value the two members of a pair share; subjects without a value, and sets that are
    /// no pairs of one exposed and one comparator, are left out.
    pub pair: String,
    /// What is compared within pairs.
    pub outcome: PairOutcome,
    /// Whether the finding is that the exposed have the smaller values, or fail later; else that they
    /// have the larger ones, or fail first.
    pub exposed_fare_less: bool,
    /// Factors of hidden bias, each at least 1.
    pub gammas: Vec<f64>,
    /// One-sided level whose largest bias is sought, strictly between 0 and 1.
    pub level: f64,
}

/// What is compared within pairs.
#[derive(Clone, Debug, PartialEq)]
pub enum PairOutcome {
    /// A numeric column: the signed rank test.
    Number(String),
    /// Follow-up: the sign test on the pairs of which one member is observed to fail while the other is
    /// still at risk. Its chi-squared statistic is that of the log-rank test stratified by pair.
    FollowUp(EndpointColumns),
}

/// How much hidden bias the finding withstands.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenBiasAnswer {
    /// Number of pairs.
    pub n_pairs: usize,
    /// Number of pairs that speak for the finding.
    pub n_positive: usize,
    /// Number of pairs that speak against it.
    pub n_negative: usize,
    /// One entry per factor, in the order asked for.
    pub bounds: Vec<Estimate<HiddenBias>>,
    /// Factor at which the largest p-value reaches the level; [`NotEstimable::NotReached`] where the
    /// finding is not significant even without hidden bias.
    pub largest_gamma: Estimate,
}

/// What is wrong with a request for bounds.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum HiddenBiasError {
    /// A column cannot be read, or a paired row lacks a value.
    #[error(transparent)]
    Cohort(#[from] CohortError),
    /// The exposure does not make two groups of the rows at hand.
    #[error(transparent)]
    Arms(ArmsError),
    /// No set holds one exposed subject and one comparator.
    #[error("column {column} makes no pair of one exposed subject and one comparator")]
    NoPairs {
        /// Column of the pairs.
        column: String,
    },
    /// A factor is below 1 or not finite.
    #[error("factor {} of hidden bias must be finite and at least 1", index + 1)]
    InvalidGamma {
        /// Position of the factor.
        index: usize,
    },
    /// The level is not strictly between 0 and 1.
    #[error("the level must lie between 0 and 1")]
    InvalidLevel,
}

impl HiddenBiasError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Cohort(CohortError::NoRows) => Some(NotEstimable::NoSubjects),
            Self::Arms(error) => error.impossibility(),
            Self::NoPairs { .. } => Some(NotEstimable::NoSubjects),
            _ => None,
        }
    }
}

impl From<ArmsError> for HiddenBiasError {
    fn from(error: ArmsError) -> Self {
        match error {
            ArmsError::Cohort(error) => Self::Cohort(error),
            error => Self::Arms(error),
        }
    }
}

/// Rosenbaum's bounds of a one-sided finding of matched pairs.
///
/// Numbers are compared by the signed rank test, follow-up by the sign test on who fails first; two
/// failures at one time, and a pair whose first exit is censored, carry no information. Rosenbaum
/// (2002), Observational Studies, chapter 4. Same as `rbounds::psens` and `rbounds::binarysens` in R.
pub fn hidden_bias(
    cohort: &Cohort,
    selection: &Selection,
    query: &HiddenBiasQuery,
) -> Result<HiddenBiasAnswer, HiddenBiasError> {
    let is_invalid = |gamma: &f64| !(gamma.is_finite() && 1.0 <= *gamma);
    if let Some(index) = query.gammas.iter().position(is_invalid) {
        return Err(HiddenBiasError::InvalidGamma { index });
    }
    if !(query.level > 0.0 && query.level < 1.0) {
        return Err(HiddenBiasError::InvalidLevel);
    }
    let pairs = pairs(cohort, selection, query)?;
    match &query.outcome {
        PairOutcome::Number(column) => of_numbers(cohort, &pairs, column, query),
        PairOutcome::FollowUp(columns) => of_follow_up(cohort, &pairs, columns, query),
    }
}

/// Rows of the exposed and the comparator of each pair.
fn pairs(
    cohort: &Cohort,
    selection: &Selection,
    query: &HiddenBiasQuery,
) -> Result<Vec<(usize, usize)>, HiddenBiasError> {
    let is_missing = cohort.is_missing(&query.pair)?;
    let paired = selection.filter(|row| !is_missing[row]);
    let arms = Arms::new(cohort, &paired, &query.exposure, &query.exposed)?;
    let sets = cohort.strata(std::slice::from_ref(&query.pair), &paired)?;
    let n_sets = sets.iter().max().map_or(0, |&last| last as usize + 1);
    let mut members = vec![(Vec::new(), Vec::new()); n_sets];
    for ((&row, &set), &is_exposed) in paired.rows().iter().zip(&sets).zip(arms.is_exposed()) {
        let (exposed, comparators) = &mut members[set as usize];
        if is_exposed { exposed.push(row) } else { comparators.push(row) }
    }
    let pair = |(exposed, comparators): &(Vec<usize>, Vec<usize>)| match (
        &exposed[..],
        &comparators[..],
    ) {
        ([exposed], [comparator]) => Some((*exposed, *comparator)),
        _ => None,
    };
    let pairs: Vec<(usize, usize)> = members.iter().filter_map(pair).collect();
    if pairs.is_empty() {
        return Err(HiddenBiasError::NoPairs { column: query.pair.clone() });
    }
    Ok(pairs)
}

/// Values of both members of each pair, the one that the finding puts first before the other.
fn of_both<T: Copy>(
    pairs: &[(usize, usize)],
    selection: &Selection,
    values: &[T],
    is_turned: bool,
) -> Vec<(T, T)> {
    let value = |row: usize| {
        let position = selection.rows().partition_point(|&known| known < row);
        values[position]
    };
    let of_pair = |&(exposed, comparator): &(usize, usize)| {
        let (one, other) = (value(exposed), value(comparator));
        if is_turned { (other, one) } else { (one, other) }
    };
    pairs.iter().map(of_pair).collect()
}

fn members(cohort: &Cohort, pairs: &[(usize, usize)]) -> Result<Selection, CohortError> {
    Selection::of(cohort, pairs.iter().flat_map(|&(exposed, comparator)| [exposed, comparator]))
}

fn of_numbers(
    cohort: &Cohort,
    pairs: &[(usize, usize)],
    column: &str,
    query: &HiddenBiasQuery,
) -> Result<HiddenBiasAnswer, HiddenBiasError> {
    let members = members(cohort, pairs)?;
    let numbers = cohort.numeric(column, &members)?;
    let values = of_both(pairs, &members, &numbers, query.exposed_fare_less);
    let bounds = query.gammas.iter().map(|&gamma| signed_rank_bounds(&values, gamma));
    Ok(HiddenBiasAnswer {
        n_pairs: pairs.len(),
        n_positive: values.iter().filter(|(one, other)| one > other).count(),
        n_negative: values.iter().filter(|(one, other)| one < other).count(),
        bounds: bounds.collect(),
        largest_gamma: largest_signed_rank_bias(&values, query.level),
    })
}

fn of_follow_up(
    cohort: &Cohort,
    pairs: &[(usize, usize)],
    columns: &EndpointColumns,
    query: &HiddenBiasQuery,
) -> Result<HiddenBiasAnswer, HiddenBiasError> {
    let members = members(cohort, pairs)?;
    let endpoint = cohort.endpoint(columns, &members)?;
    let exits: Vec<(f64, bool)> =
        endpoint.time().iter().copied().zip(endpoint.event().iter().copied()).collect();
    let values = of_both(pairs, &members, &exits, query.exposed_fare_less);
    // A subject censored at a time is still at risk at it.
    let fails_first = |&(time, event): &(f64, bool), &(other, other_event): &(f64, bool)| {
        event && (time < other || (time == other && !other_event))
    };
    let n_positive = values.iter().filter(|(one, other)| fails_first(one, other)).count();
    let n_negative = values.iter().filter(|(one, other)| fails_first(other, one)).count();
    let discordant = n_positive + n_negative;
    let bounds = query.gammas.iter().map(|&gamma| sign_bounds(n_positive, discordant, gamma));
    Ok(HiddenBiasAnswer {
        n_pairs: pairs.len(),
        n_positive,
        n_negative,
        bounds: bounds.collect(),
        largest_gamma: largest_sign_bias(n_positive, discordant, query.level),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::Column;

    /// Four pairs: the exposed fails first, the comparator fails at the time at which the exposed is
    /// censored, both fail at once, the first exit is censored. A ninth subject has no pair.
    fn cohort() -> Cohort {
        let column = |name: &str, values: &[f64]| Column::numeric(name, values.to_vec());
        let columns = vec![
            column("rt", &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]),
            column("pair", &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 0.0]).with_missing(vec![8]),
            column("time", &[1.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 6.0, 7.0]),
            column("death", &[1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0]),
        ];
        Cohort::new(None, columns).unwrap()
    }

    fn query(outcome: PairOutcome) -> HiddenBiasQuery {
        HiddenBiasQuery {
            exposure: "rt".into(),
            exposed: "1".into(),
            pair: "pair".into(),
            outcome,
            exposed_fare_less: false,
            gammas: vec![1.0, 2.0],
            level: 0.025,
        }
    }

    #[test]
    fn who_fails_first_is_counted() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let follow_up = PairOutcome::FollowUp(EndpointColumns::new("time", "death"));
        let answer = hidden_bias(&cohort, &all, &query(follow_up)).unwrap();
        assert_eq!((answer.n_pairs, answer.n_positive, answer.n_negative), (4, 1, 1));
        // One of two or more: 1 - (1/2)², 1 - (1/3)².
        assert!((answer.bounds[0].unwrap().p_upper - 0.75).abs() < 1e-15);
        assert!((answer.bounds[1].unwrap().p_upper - 8.0 / 9.0).abs() < 1e-15);
        assert_eq!(answer.largest_gamma, Err(NotEstimable::NotReached));
    }

    #[test]
    fn the_direction_of_the_finding_turns_the_pairs() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let number = query(PairOutcome::Number("time".into()));
        let turned = HiddenBiasQuery { exposed_fare_less: true, ..number.clone() };
        let count = |query| {
            let answer = hidden_bias(&cohort, &all, query).unwrap();
            (answer.n_positive, answer.n_negative)
        };
        assert_eq!((count(&number), count(&turned)), ((0, 2), (2, 0)));
    }

    #[test]
    fn faults_are_named() {
        let cohort = cohort();
        let all = Selection::all(&cohort);
        let number = query(PairOutcome::Number("time".into()));
        let fault = |query: HiddenBiasQuery| hidden_bias(&cohort, &all, &query).unwrap_err();
        let gammas = HiddenBiasQuery { gammas: vec![1.0, 0.5], ..number.clone() };
        assert_eq!(fault(gammas), HiddenBiasError::InvalidGamma { index: 1 });
        assert_eq!(
            fault(HiddenBiasQuery { level: 1.0, ..number.clone() }),
            HiddenBiasError::InvalidLevel
        );
        let alone = all.filter(|row| row == 0 || row == 3);
        let error = hidden_bias(&cohort, &alone, &number).unwrap_err();
        assert_eq!(error.impossibility(), Some(NotEstimable::NoSubjects));
    }
}
