//! How far two arms are apart in one variable.

use crate::distribution::distances;
use crate::pairing::{MatchedSet, mean_distance};
use crate::sample::Group;
use crate::smd::{Shares, Unit, smd_of_moments, smd_of_shares};
use crate::summary::Moments;
use crate::{Differences, LevelDifference, Standardised};
use cohort::{Estimate, NotEstimable};
use numerics::sum::sum;

/// The two arms of a sample, or of its reference.
pub(crate) struct Arms<'a, T> {
    pub exposed: &'a Group<T>,
    pub comparators: &'a Group<T>,
}

impl<'a, T> Arms<'a, T> {
    /// The first two groups.
    pub(crate) fn of(groups: &'a [Group<T>]) -> Self {
        Self { exposed: &groups[0], comparators: &groups[1] }
    }
}

/// Differences of a number.
pub(crate) fn of_numbers(
    sample: &Arms<f64>,
    reference: &Arms<f64>,
    sets: Option<&[MatchedSet]>,
) -> Differences {
    let moments =
        |arms: &Arms<f64>| (Moments::of_group(arms.exposed), Moments::of_group(arms.comparators));
    let (own, fixed) = (moments(sample), moments(reference));
    let grid: Vec<f64> = [sample, reference]
        .iter()
        .flat_map(|arms| arms.exposed.values.iter().chain(&arms.comparators.values).copied())
        .collect();
    let distances = distances(sample.exposed, sample.comparators, &grid);
    let value = values_by_row(sample);
    Differences {
        standardised: standardised(
            |unit| smd_of_moments(own, fixed, unit),
            |unit| smd_of_moments(own, own, unit),
        ),
        variance_ratio: variance_ratio(own),
        ecdf_mean: distances.mean,
        ecdf_max: distances.largest,
        pair_distance: pair_distance(sets, fixed.0, value),
        levels: Vec::new(),
    }
}

/// By every unit: in those of the reference, and in those of the sample itself.
fn standardised(
    by_reference: impl Fn(Unit) -> Estimate,
    by_own: impl Fn(Unit) -> Estimate,
) -> Standardised {
    Standardised {
        pooled: by_reference(Unit::Pooled),
        exposed_sd: by_reference(Unit::Exposed),
        comparator_sd: by_reference(Unit::Comparators),
        own_pooled: by_own(Unit::Pooled),
        own_exposed_sd: by_own(Unit::Exposed),
        own_comparator_sd: by_own(Unit::Comparators),
    }
}

fn variance_ratio((exposed, comparators): (Option<Moments>, Option<Moments>)) -> Estimate {
    let variance =
        |moments: Option<Moments>| moments.map_or(Err(NotEstimable::NoSubjects), |m| m.variance);
    let ratio = variance(exposed)? / variance(comparators)?;
    if ratio.is_finite() { Ok(ratio) } else { Err(NotEstimable::NoVariation) }
}

/// The value of each row of the sample.
fn values_by_row<T: Copy>(sample: &Arms<T>) -> impl Fn(usize) -> Option<T> + use<T> {
    let n_rows = [sample.exposed, sample.comparators]
        .iter()
        .filter_map(|group| group.rows.last())
        .max()
        .map_or(0, |last| last + 1);
    let mut values = vec![None; n_rows];
    for group in [sample.exposed, sample.comparators] {
        for (&row, &value) in group.rows.iter().zip(&group.values) {
            values[row] = Some(value);
        }
    }
    move |row| values.get(row).copied().flatten()
}

/// Mean distance of the pairs in standard deviations of the exposed reference rows.
fn pair_distance(
    sets: Option<&[MatchedSet]>,
    exposed: Option<Moments>,
    value: impl Fn(usize) -> Option<f64>,
) -> Estimate {
    let distance =
        sets.and_then(|sets| mean_distance(sets, value)).ok_or(NotEstimable::NotDefined)?;
    let variance = exposed.map_or(Err(NotEstimable::TooFewValues), |moments| moments.variance)?;
    in_units(distance, variance)
}

fn in_units(distance: f64, variance: f64) -> Estimate {
    match (distance, distance / variance.sqrt()) {
        (0.0, _) => Ok(0.0),
        (_, ratio) if ratio.is_finite() => Ok(ratio),
        _ => Err(NotEstimable::NoVariation),
    }
}

/// Shares of each level in both arms.
struct SharesOfArms {
    exposed: Shares,
    comparators: Shares,
}

impl SharesOfArms {
    fn of(arms: &Arms<u32>, n_levels: usize) -> Self {
        Self {
            exposed: shares(arms.exposed, n_levels),
            comparators: shares(arms.comparators, n_levels),
        }
    }

    fn both(&self) -> (&Shares, &Shares) {
        (&self.exposed, &self.comparators)
    }

    fn only(&self, level: usize) -> Self {
        Self { exposed: self.exposed.only(level), comparators: self.comparators.only(level) }
    }
}

/// Share of each level in a group, by its weights if it has any.
pub(crate) fn shares(group: &Group<u32>, n_levels: usize) -> Shares {
    let mut totals = vec![numerics::sum::Sum::default(); n_levels];
    for (index, &code) in group.values.iter().enumerate() {
        totals[code as usize] += group.weights.as_ref().map_or(1.0, |weights| weights[index]);
    }
    Shares::of(&totals.into_iter().map(numerics::sum::Sum::value).collect::<Vec<_>>())
}

/// Differences of a category.
pub(crate) fn of_categories(
    labels: &[String],
    sample: &Arms<u32>,
    reference: &Arms<u32>,
    sets: Option<&[MatchedSet]>,
) -> Differences {
    let n_levels = labels.len();
    let own = SharesOfArms::of(sample, n_levels);
    let fixed = SharesOfArms::of(reference, n_levels);
    let code = values_by_row(sample);
    let level = |(index, label): (usize, &String)| {
        let (own, fixed) = (own.only(index), fixed.only(index));
        let has_level =
            |row: usize| code(row).map(|code| f64::from(u8::from(code as usize == index)));
        let share = |shares: &Shares| shares.0.last().copied().ok_or(NotEstimable::NoSubjects);
        LevelDifference {
            level: label.clone(),
            difference: share(&own.exposed).and_then(|p1| Ok(p1 - share(&own.comparators)?)),
            standardised: of_shares(&own, &fixed),
            pair_distance: sets
                .and_then(|sets| mean_distance(sets, has_level))
                .ok_or(NotEstimable::NotDefined)
                .and_then(|distance| {
                    let share = share(&fixed.exposed)?;
                    in_units(distance, share * (1.0 - share))
                }),
        }
    };
    let levels: Vec<LevelDifference> = labels.iter().enumerate().map(level).collect();
    let apart: Estimate<Vec<f64>> =
        levels.iter().map(|level| level.difference.map(f64::abs)).collect();
    Differences {
        standardised: of_shares(&own, &fixed),
        variance_ratio: Err(NotEstimable::NotDefined),
        ecdf_mean: apart.as_ref().map(|apart| sum(apart.iter().copied()) / 2.0).map_err(|&r| r),
        ecdf_max: apart.map(|apart| apart.into_iter().fold(0.0, f64::max)),
        pair_distance: match &levels[..] {
            [_, second] => second.pair_distance,
            _ => Err(NotEstimable::NotDefined),
        },
        levels,
    }
}

fn of_shares(own: &SharesOfArms, fixed: &SharesOfArms) -> Standardised {
    standardised(
        |unit| smd_of_shares(own.both(), fixed.both(), unit),
        |unit| smd_of_shares(own.both(), own.both(), unit),
    )
}
