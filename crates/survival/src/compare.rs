//! Comparison of the levels of a column.
//!
//! [`compare`] answers a query about the columns of a cohort: the weighted log-rank test of all
//! levels and, when asked for, trend, pairs and the largest of several tests. The sums of one stratum
//! are those of `log_rank`; tests under competing risks are left to `competing`.

mod design;
mod max_combo;
mod pairwise;
mod query;
mod score;
mod strata;
mod trend;
mod weighted_log_rank;

pub use max_combo::{Alternative, FlemingHarrington, MaxCombo, MaxComboComponent, MaxComboQuery};
pub use pairwise::{AdjustedPValue, PairTest, PairsWithin, PairwiseQuery};
pub use query::{
    ComparedGroup, Comparison, ComparisonOptions, ComparisonQuery, TestVariance, TestWeights,
};
pub use score::ScoreTest;
pub use trend::{Trend, TrendQuery};

use crate::sample::counted_levels;
use crate::{LogRank, SurvivalError, caveats};
use cohort::{Categories, Cohort, Endpoint, Groups, Selection};
use numerics::tails::{chi_squared_sf, ln_chi_squared_sf};
use strata::Strata;

/// Most groups that are compared. The table of risk sets holds a number per time and group: a column
/// of numbers read as categories would ask for the square of its rows.
pub(crate) const MOST_GROUPS: usize = 100;

/// Tests whether the selected subjects of each level have equal hazards; see [`crate::log_rank`] for
/// the formulas.
///
/// A level without subjects is shown with `n = 0` and left out of the tests. Without events there
/// is no statistic, which is part of the answer. Frequencies count as repeated rows. With sampling
/// weights the sums are weighted, the variance is that of Xie and Liu or of a design, and the events
/// are weighted alike or by Fleming and Harrington. Fails when columns cannot be read, when no row is
/// selected, when fewer than two levels hold a subject or there are more than 100 levels, on
/// exponents that give no weight, on scores that do not fit the levels, on weights of events that
/// sampling weights do not allow, and when the largest of several tests is asked for with more than
/// two groups.
///
/// Same as `survdiff(Surv(time, event) ~ group + strata(...))` in R, which has no late entry; with
/// late entry and the plain log-rank the statistic is the score test of `coxph` without ties. The
/// variance of a design is that of `svylogrank` of `survey` in R with the weights alone.
pub fn compare(
    cohort: &Cohort,
    selection: &Selection,
    query: &ComparisonQuery,
) -> Result<Comparison, SurvivalError> {
    let sample = Sample::read(cohort, selection, query)?;
    let options = &query.options;
    let strata = sample.strata(options.variance);
    let sums = strata.log_rank(options.weights);
    let groups = sample.groups(&sums);
    let (chi_squared, degrees_of_freedom) = sums.chi_squared();
    let p_value = chi_squared.map(|x| chi_squared_sf(x, degrees_of_freedom));
    let pairwise = options.pairwise.as_ref();
    let max_combo = options.max_combo.as_ref();
    Ok(Comparison {
        variance: sums.variance(),
        chi_squared,
        degrees_of_freedom,
        p_value,
        ln_p_value: chi_squared.map(|x| ln_chi_squared_sf(x, degrees_of_freedom)),
        trend: sample.scores.as_ref().map(|scores| trend::trend(&sums, scores)),
        pairwise: pairwise.map_or_else(Vec::new, |asked| {
            pairwise::pairwise(&strata, &sums, &groups, options.weights, asked)
        }),
        max_combo: max_combo.map(|asked| max_combo::max_combo(&strata, sample.last_two(), asked)),
        caveats: caveats::of_comparison(query, &groups, p_value, &sample),
        groups,
    })
}

/// The subjects of a comparison, which can be compared as asked.
pub(crate) struct Sample {
    pub endpoint: Endpoint,
    /// Number of selected rows, and how many of them have no weight.
    pub n_selected: usize,
    pub n_without_weight: usize,
    levels: Categories,
    counts: Vec<usize>,
    strata: Groups,
    weights: Option<Vec<f64>>,
    scores: Option<Vec<f64>>,
}

impl Sample {
    fn read(
        cohort: &Cohort,
        selection: &Selection,
        query: &ComparisonQuery,
    ) -> Result<Self, SurvivalError> {
        if selection.is_empty() {
            return Err(SurvivalError::NoRows);
        }
        // Without weights no row is copied.
        let weighted = query.weights.as_ref().map(|one| cohort.weighted(selection, Some(one)));
        let weighted = weighted.transpose()?;
        let counted = weighted.as_ref().map_or(selection, |weighted| &weighted.selection);
        let levels = counted_levels(cohort, selection, counted, &query.group)?;
        let counts = levels.counts();
        let endpoint = cohort.endpoint(&query.endpoint, counted)?;
        let strata = match query.strata.as_slice() {
            [] => Groups::one(),
            columns => Groups::numbered(cohort.strata(columns, counted)?),
        };
        let n_without_weight = weighted.as_ref().map_or(0, |weighted| weighted.n_without_weight);
        let weights = weighted.and_then(|weighted| weighted.weights);
        query.options.check(&query.group, &counts, weights.is_some())?;
        let trend = query.options.trend.as_ref().map(|trend| trend.scores(counts.len()));
        let n_selected = selection.len();
        Ok(Self {
            endpoint,
            n_selected,
            n_without_weight,
            levels,
            counts,
            strata,
            weights,
            scores: trend.transpose()?,
        })
    }

    fn strata(&self, variance: TestVariance) -> Strata<'_> {
        Strata::new(&self.endpoint, &self.strata, &self.levels, self.weights.as_deref(), variance)
    }

    /// The groups with their events, observed and expected.
    fn groups(&self, sums: &LogRank) -> Vec<ComparedGroup> {
        let (observed, expected) = (sums.observed(), sums.expected());
        let mut n_events = vec![0; self.counts.len()];
        for (&group, &event) in self.levels.codes.iter().zip(self.endpoint.event()) {
            n_events[group as usize] += usize::from(event);
        }
        let group = |(i, level): (usize, &String)| ComparedGroup {
            group: level.clone(),
            n: self.counts[i],
            n_events: n_events[i],
            observed: observed[i],
            expected: expected[i],
        };
        self.levels.levels.iter().enumerate().map(group).collect()
    }

    /// The last two levels that hold subjects.
    fn last_two(&self) -> [usize; 2] {
        let mut last = [0; 2];
        let occupied = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        occupied.for_each(|(level, _)| last = [last[1], level]);
        last
    }
}

impl ComparisonOptions {
    /// Whether levels with these numbers of subjects can be compared so.
    fn check(&self, column: &str, counts: &[usize], is_sampled: bool) -> Result<(), SurvivalError> {
        let levels = counts.iter().filter(|&&count| count > 0).count();
        let column = || column.to_string();
        if levels < 2 {
            return Err(SurvivalError::TooFewGroups { column: column(), levels });
        }
        if counts.len() > MOST_GROUPS {
            let (column, levels) = (column(), counts.len());
            return Err(SurvivalError::TooManyGroups { column, levels, most: MOST_GROUPS });
        }
        self.weights.check(is_sampled)?;
        let Some(max_combo) = &self.max_combo else { return Ok(()) };
        if levels > 2 {
            return Err(SurvivalError::MaxComboGroups { column: column(), levels });
        }
        max_combo.check()
    }
}

impl TestWeights {
    /// Whether they give weights, with sampling weights too if there are any.
    fn check(self, is_sampled: bool) -> Result<(), SurvivalError> {
        match self {
            Self::FlemingHarrington { p, q } => {
                let is_power = |power: &f64| power.is_finite() && *power >= 0.0;
                let are_powers = [p, q].iter().all(is_power);
                if are_powers { Ok(()) } else { Err(SurvivalError::Exponents { p, q }) }
            }
            Self::LogRank => Ok(()),
            Self::GehanBreslow | Self::TaroneWare | Self::PetoPeto | Self::ModifiedPetoPeto => {
                if is_sampled {
                    Err(SurvivalError::SizeWeights)
                } else {
                    Ok(())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{CaveatCode, Column, EndpointColumns, NotEstimable, WeightColumn, WeightKind};

    fn query(options: ComparisonOptions) -> ComparisonQuery {
        ComparisonQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: "arm".into(),
            strata: Vec::new(),
            weights: None,
            options,
        }
    }

    fn sampled(options: ComparisonOptions) -> ComparisonQuery {
        let weights = WeightColumn { column: "weight".into(), kind: WeightKind::Sampling };
        ComparisonQuery { weights: Some(weights), ..query(options) }
    }

    fn answer(
        event: Vec<f64>,
        arms: Vec<u32>,
        query: &ComparisonQuery,
    ) -> Result<Comparison, SurvivalError> {
        let levels = ["A", "B", "C"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", vec![1.0, 3.0, 2.0, 4.0]),
            Column::numeric("event", event),
            Column::categorical("arm", levels, arms),
            Column::numeric("weight", vec![1.0, 0.5, 2.0, 0.0]),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        compare(&cohort, &Selection::all(&cohort), query)
    }

    fn two_arms(options: ComparisonOptions) -> Result<Comparison, SurvivalError> {
        answer(vec![1.0; 4], vec![0, 0, 1, 1], &query(options))
    }

    #[test]
    fn an_empty_level_is_shown_and_not_tested() {
        let comparison = two_arms(ComparisonOptions::default()).unwrap();
        assert_eq!(comparison.degrees_of_freedom, 1);
        assert_eq!((comparison.groups[2].n, comparison.groups[2].expected), (0, 0.0));
        assert_eq!(comparison.caveats[0].code, CaveatCode::EmptyLevel);
        let ln_p_value = comparison.p_value.unwrap().ln();
        assert!((comparison.ln_p_value.unwrap() - ln_p_value).abs() < 1e-12);
    }

    #[test]
    fn few_events_are_told() {
        let comparison = two_arms(ComparisonOptions::default()).unwrap();
        let few = |caveat: &&cohort::Caveat| caveat.code == CaveatCode::FewEvents;
        let messages: Vec<_> =
            comparison.caveats.iter().filter(few).map(|caveat| caveat.message.as_str()).collect();
        assert_eq!(messages.len(), 2);
        let message = "2 of 2 subjects with arm = A have an event: below 5 the p-value is a rough \
                       approximation.";
        assert_eq!(messages[0], message);
    }

    #[test]
    fn nothing_is_tested_without_events() {
        let options = ComparisonOptions {
            trend: Some(TrendQuery::default()),
            max_combo: Some(MaxComboQuery::default()),
            ..ComparisonOptions::default()
        };
        let comparison = answer(vec![0.0; 4], vec![0, 0, 1, 1], &query(options)).unwrap();
        assert_eq!(comparison.chi_squared, Err(NotEstimable::NoEvents));
        assert_eq!(comparison.p_value, Err(NotEstimable::NoEvents));
        assert_eq!(comparison.trend.unwrap().test.z, Err(NotEstimable::NoEvents));
        assert_eq!(comparison.max_combo.unwrap().p_value, Err(NotEstimable::NoEvents));
        assert!(comparison.caveats.iter().all(|caveat| caveat.code != CaveatCode::FewEvents));
    }

    /// The last subject has no weight: the sums are those of the others.
    #[test]
    fn subjects_without_weight_are_left_out() {
        let comparison =
            answer(vec![1.0; 4], vec![0, 0, 1, 1], &sampled(ComparisonOptions::default())).unwrap();
        let counts: Vec<_> =
            comparison.groups.iter().map(|group| (group.n, group.n_events)).collect();
        assert_eq!(counts, [(2, 2), (1, 1), (0, 0)]);
        // Expected of A are 1.5/3.5 at 1, 2 · 0.5/2.5 at 2 and 0.5 at 3.
        let (a, expected) = (&comparison.groups[0], 1.5 / 3.5 + 0.4 + 0.5);
        assert_eq!(a.observed, 1.5);
        assert!((a.expected - expected).abs() < 1e-15);
        let told = comparison.caveats.last().unwrap();
        assert_eq!(told.code, CaveatCode::ZeroWeights);
        assert_eq!(
            told.message,
            "1 of 4 selected rows has the weight 0 in weight and is left out."
        );
    }

    /// A continuous variable is no group.
    #[test]
    fn a_group_for_each_subject_is_refused() {
        let values: Vec<f64> = (0..101).map(f64::from).collect();
        let columns = ["time", "age"].map(|name| Column::numeric(name, values.clone()));
        let mut cohort = Cohort::new(None, columns.to_vec()).unwrap();
        cohort.push(Column::numeric("event", vec![1.0; 101])).unwrap();
        let query = ComparisonQuery { group: "age".into(), ..query(ComparisonOptions::default()) };
        let error = compare(&cohort, &Selection::all(&cohort), &query);
        let column = "age".into();
        assert_eq!(error, Err(SurvivalError::TooManyGroups { column, levels: 101, most: 100 }));
    }

    #[test]
    fn questions_without_sense_are_refused() {
        let weights = TestWeights::FlemingHarrington { p: 0.0, q: -1.0 };
        let options = ComparisonOptions { weights, ..ComparisonOptions::default() };
        assert_eq!(two_arms(options), Err(SurvivalError::Exponents { p: 0.0, q: -1.0 }));
        let trend = |scores: &[f64]| {
            let trend = Some(TrendQuery { scores: scores.to_vec() });
            two_arms(ComparisonOptions { trend, ..ComparisonOptions::default() })
        };
        assert_eq!(trend(&[1.0, 2.0]), Err(SurvivalError::ScoreCount { scores: 2, levels: 3 }));
        assert_eq!(trend(&[1.0, f64::NAN, 2.0]), Err(SurvivalError::Scores));
        assert_eq!(trend(&[1.0; 3]), Err(SurvivalError::Scores));
        let max_combo = |query: MaxComboQuery| ComparisonOptions {
            max_combo: Some(query),
            ..ComparisonOptions::default()
        };
        let three =
            answer(vec![1.0; 4], vec![0, 1, 2, 0], &query(max_combo(MaxComboQuery::default())));
        let column = "arm".to_string();
        assert_eq!(three, Err(SurvivalError::MaxComboGroups { column, levels: 3 }));
        let none = MaxComboQuery { weights: Vec::new(), ..MaxComboQuery::default() };
        let count = 0;
        assert_eq!(
            two_arms(max_combo(none)),
            Err(SurvivalError::MaxComboWeights { count, most: 5 })
        );
        let weights = TestWeights::PetoPeto;
        let options = ComparisonOptions { weights, ..ComparisonOptions::default() };
        let sized = answer(vec![1.0; 4], vec![0, 0, 1, 1], &sampled(options));
        assert_eq!(sized, Err(SurvivalError::SizeWeights));
    }
}
