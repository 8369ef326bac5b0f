//! Bootstrap of the quantities of a sample: several statistics on the same replicates, and their intervals.

mod design;
mod outcome;
mod redesigned;

pub(crate) use design::EFFECTIVE_SAMPLE_SIZES;
pub use design::{DesignQuery, RedesignQuery, ScoreQuery};

use ::bootstrap::{
    BootstrapError, BootstrapLimits, Method, Plan, Replicates, Summary, UnitColumns, Units,
    acceleration, influence, limits, replicate, summary, units, without_each,
};
use balance::{BalanceError, SmdQuery};
use cohort::{
    Cohort, Drawn, Estimate, NotEstimable, REPLICATES_AT_ONCE, Replicated, Selection, Statistic,
};
use cox::{CoxError, CoxQuery};
use matching::MatchingError;
use numerics::wanted;
use outcome::OutcomeQuantities;
use propensity::PropensityError;
use rayon::prelude::*;
use redesigned::Redesigned;
use std::ops::Range;
use survival::{SurvivalError, SurvivalStatisticQuery};
use thiserror::Error;
use weighting::WeightingError;

/// What is bootstrapped, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapQuery {
    /// Seed, number and kind of the replicates.
    pub plan: Plan,
    /// What is drawn.
    pub units: UnitColumns,
    /// Quantities of survival; absent = none.
    pub survival: Option<SurvivalStatisticQuery>,
    /// Models whose log hazard ratios are quantities.
    pub cox: Vec<CoxQuery>,
    /// Standardised differences of two arms; absent = none.
    pub smd: Option<SmdQuery>,
    /// Rows, which are not drawn, whose standard deviations are the units of these differences; absent = the
    /// sample itself, as often as each subject counts.
    pub smd_reference: Option<Selection>,
    /// Column of sampling weights, taken as known, that multiply what subjects count in quantities of survival
    /// and in differences; models name their own. Absent = everybody counts alike.
    pub weights: Option<String>,
    /// What is done again with the subjects of a replicate.
    pub scope: Scope,
}

/// How much of an analysis a replicate repeats.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Scope {
    /// The quantities alone: the sample is that of a finished design, such as matched pairs, which are drawn
    /// as they are.
    #[default]
    Outcome,
    /// Score, matching or weighting, and then the quantities of who takes part: the sample are all patients, of
    /// whom none has a weight before.
    Pipeline(Box<RedesignQuery>),
}

impl BootstrapQuery {
    /// A bootstrap of no quantities yet, of subjects, in scope [`Scope::Outcome`].
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            units: UnitColumns::default(),
            survival: None,
            cox: Vec::new(),
            smd: None,
            smd_reference: None,
            weights: None,
            scope: Scope::default(),
        }
    }
}

/// Which intervals are made of the replicates.
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalsQuery {
    /// In the order of the answers.
    pub methods: Vec<IntervalMethod>,
    /// Confidence of all intervals.
    pub confidence: f64,
}

/// A kind of interval; see [`Method`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IntervalMethod {
    /// Quantiles of the replicates.
    Percentile,
    /// The same, mirrored at the estimate.
    Basic,
    /// By bias and standard deviation of the replicates.
    Normal,
    /// By distances in the replicates' own standard errors.
    Studentized,
    /// Bias-corrected and accelerated; the acceleration is that of the jackknife over the units.
    Bca,
}

/// A quantity with what the bootstrap says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrappedQuantity {
    /// Its name, such as `median of b - a` or `arm=b`.
    pub name: String,
    /// Whether it is the logarithm of a ratio, of which limits are taken before the exponential.
    pub is_logarithm: bool,
    /// The quantity in the sample; a time that is not reached has none.
    pub estimate: Estimate,
    /// The distribution over the replicates.
    pub summary: Summary,
    /// Acceleration of corrected intervals, when they are asked for.
    pub acceleration: Option<Estimate>,
    /// One interval per method.
    pub limits: Vec<(IntervalMethod, BootstrapLimits)>,
}

/// Why nothing could be bootstrapped.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum BootstrapQueryError {
    /// Plan, units or confidence.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The quantities of survival.
    #[error(transparent)]
    Survival(#[from] SurvivalError),
    /// A model, by its place among those asked for.
    #[error("{error}")]
    Cox {
        /// Its place, from 0.
        model: usize,
        /// What is wrong.
        error: CoxError,
    },
    /// Standardised differences.
    #[error(transparent)]
    Balance(#[from] BalanceError),
    /// The model of the score.
    #[error(transparent)]
    Propensity(#[from] PropensityError),
    /// Matching.
    #[error(transparent)]
    Matching(#[from] MatchingError),
    /// Weights.
    #[error(transparent)]
    Weighting(#[from] WeightingError),
}

impl BootstrapQueryError {
    /// Why the data cannot answer as a whole, when that is what the error says; other errors are
    /// faults of the question.
    #[must_use]
    pub fn impossibility(&self) -> Option<NotEstimable> {
        match self {
            Self::Bootstrap(error) => error.impossibility(),
            Self::Survival(error) => error.impossibility(),
            Self::Cox { error, .. } => error.impossibility(),
            Self::Balance(error) => error.impossibility(),
            Self::Propensity(error) => error.impossibility(),
            Self::Matching(error) => error.impossibility(),
            Self::Weighting(error) => error.impossibility(),
        }
    }
}

/// Most units without which, one by one, the design is made again for [`IntervalMethod::Bca`]: it takes as long
/// as so many replicates, on one machine.
pub const MOST_UNITS_LEFT_OUT: usize = 5000;

/// Units that a thread leaves out at a time: enough that its memory is worth having, and few enough that it is
/// soon known whether the answer is still wanted.
const UNITS_PER_PART: usize = 4 * REPLICATES_AT_ONCE;

/// A sample that is ready for replicates.
pub struct Bootstrap<'a> {
    plan: Plan,
    units: Units,
    statistic: Computed<'a>,
}

impl<'a> Bootstrap<'a> {
    /// Reads the columns for the selected rows.
    ///
    /// # Errors
    ///
    /// A column that cannot be read, nobody selected, what a statistic refuses, or more values than are kept
    /// ([`Plan::MOST_VALUES`]).
    pub fn read(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &BootstrapQuery,
    ) -> Result<Self, BootstrapQueryError> {
        let units = units(cohort, selection, &query.units)?;
        let statistic = match &query.scope {
            Scope::Outcome => {
                let outcome = OutcomeQuantities::read(cohort, selection, query, selection)?;
                Computed::Outcome(Box::new(outcome))
            }
            Scope::Pipeline(redesign) => {
                let redesigned = Redesigned::read(cohort, selection, query, redesign)?;
                Computed::Pipeline(Box::new(redesigned))
            }
        };
        query.plan.holds(statistic.n_quantities())?;
        Ok(Self { plan: query.plan, units, statistic })
    }

    /// Names of the quantities, in the order of the answers, and whether each is a logarithm.
    #[must_use]
    pub fn names(&self) -> Vec<(String, bool)> {
        match &self.statistic {
            Computed::Outcome(outcome) => outcome.names(),
            Computed::Pipeline(redesigned) => redesigned.names(),
        }
    }

    /// A range of replicates, on this thread; see [`replicate`].
    ///
    /// # Errors
    ///
    /// When the range is not within the plan.
    pub fn replicates(&self, range: Range<u64>) -> Result<Replicates, BootstrapError> {
        replicate(&self.statistic, &self.units, self.plan, range)
    }

    /// A range of replicates on all threads at hand; the same on any number of them.
    ///
    /// Other threads do not ask whether somebody waits: ask for ranges that take a short time.
    ///
    /// # Errors
    ///
    /// When the range is not within the plan.
    pub fn replicates_on_all_threads(
        &self,
        range: Range<u64>,
    ) -> Result<Replicates, BootstrapError> {
        let n_parts = rayon::current_num_threads() as u64;
        let size = range.end.saturating_sub(range.start).div_ceil(n_parts).max(1);
        let size = size.next_multiple_of(REPLICATES_AT_ONCE as u64);
        let (first, end) = (range.start, range.end);
        let firsts: Vec<u64> = range.step_by(size as usize).collect();
        let part = |first: &u64| self.replicates(*first..end.min(first + size));
        let parts: Result<Vec<Replicates>, _> = firsts.par_iter().map(part).collect();
        let answers = parts?.into_iter().flat_map(|part| part.answers).collect();
        Ok(Replicates { first, n_quantities: self.statistic.n_quantities(), answers })
    }

    /// Refuses intervals that would take an analysis for each of very many units.
    ///
    /// # Errors
    ///
    /// [`IntervalMethod::Bca`] in scope [`Scope::Pipeline`] of more than [`MOST_UNITS_LEFT_OUT`] units.
    pub fn check_intervals(&self, query: &IntervalsQuery) -> Result<(), BootstrapError> {
        let (n_units, most) = (self.units.n_units(), MOST_UNITS_LEFT_OUT);
        let is_long = matches!(self.statistic, Computed::Pipeline(_)) && n_units > most;
        match is_long && query.methods.contains(&IntervalMethod::Bca) {
            true => Err(BootstrapError::LongJackknife { n_units, most }),
            false => Ok(()),
        }
    }

    /// The quantities without each unit, on all threads at hand.
    fn without_each_unit(&self) -> Vec<Replicated> {
        let n_units = self.units.n_units();
        let (at_once, mut found) = (rayon::current_num_threads() * UNITS_PER_PART, Vec::new());
        for first in (0..n_units).step_by(at_once) {
            wanted::check();
            let end = n_units.min(first + at_once);
            let parts: Vec<usize> = (first..end).step_by(UNITS_PER_PART).collect();
            let part = |&first: &usize| {
                without_each(&self.statistic, &self.units, first..end.min(first + UNITS_PER_PART))
            };
            found.extend(parts.par_iter().flat_map_iter(part).collect::<Vec<_>>());
        }
        found
    }

    /// Intervals of every quantity from all replicates of the plan, which may come from elsewhere.
    ///
    /// # Errors
    ///
    /// A confidence that is not between 0 and 1, and what [`Self::check_intervals`] refuses.
    pub fn intervals(
        &self,
        replicates: &Replicates,
        query: &IntervalsQuery,
    ) -> Result<Vec<BootstrappedQuantity>, BootstrapError> {
        self.check_intervals(query)?;
        let n_quantities = self.statistic.n_quantities();
        let mut sample = vec![Replicated::value(Err(NotEstimable::NotDefined)); n_quantities];
        let everybody = Drawn::sample(self.units.n_subjects());
        self.statistic.evaluate(&everybody, &mut self.statistic.scratch(), &mut sample);
        let accelerations: Option<Vec<Estimate>> =
            query.methods.contains(&IntervalMethod::Bca).then(|| {
                let influences = influence(&sample, &self.without_each_unit(), &self.units);
                influences.into_iter().map(|influence| acceleration(&influence?)).collect()
            });
        let names = self.names().into_iter().zip(sample).enumerate();
        let quantity =
            |(at, ((name, is_logarithm), sample)): (usize, ((String, bool), Replicated))| {
                let replicates = replicates.of(at);
                let acceleration = accelerations.as_ref().map(|all| all[at]);
                let of_method = |&method: &IntervalMethod| {
                    let method_of = match method {
                        IntervalMethod::Percentile => Method::Percentile,
                        IntervalMethod::Basic => Method::Basic,
                        IntervalMethod::Normal => Method::Normal,
                        IntervalMethod::Studentized => Method::Studentized,
                        IntervalMethod::Bca => Method::Bca {
                            acceleration: acceleration.unwrap_or(Err(NotEstimable::NotDefined)),
                        },
                    };
                    let found = limits(sample, &replicates, method_of, query.confidence);
                    found.map(|found| (method, found))
                };
                let finite = |value: f64| {
                    if value.is_finite() { Ok(value) } else { Err(NotEstimable::NotReached) }
                };
                Ok(BootstrappedQuantity {
                    name,
                    is_logarithm,
                    estimate: sample.value.and_then(finite),
                    summary: summary(sample.value, &replicates),
                    acceleration,
                    limits: query.methods.iter().map(of_method).collect::<Result<_, _>>()?,
                })
            };
        names.map(quantity).collect()
    }
}

/// What is computed of a replicate.
enum Computed<'a> {
    Outcome(Box<OutcomeQuantities<'a>>),
    Pipeline(Box<Redesigned<'a>>),
}

/// Memory of [`Computed`].
enum Scratch<'a> {
    Outcome(Box<<OutcomeQuantities<'a> as Statistic>::Scratch>),
    Pipeline(Box<<Redesigned<'a> as Statistic>::Scratch>),
}

impl<'a> Statistic for Computed<'a> {
    type Scratch = Scratch<'a>;

    fn n_subjects(&self) -> usize {
        match self {
            Self::Outcome(outcome) => outcome.n_subjects(),
            Self::Pipeline(redesigned) => redesigned.n_subjects(),
        }
    }

    fn n_quantities(&self) -> usize {
        match self {
            Self::Outcome(outcome) => outcome.n_quantities(),
            Self::Pipeline(redesigned) => redesigned.n_quantities(),
        }
    }

    fn scratch(&self) -> Scratch<'a> {
        match self {
            Self::Outcome(outcome) => Scratch::Outcome(Box::new(outcome.scratch())),
            Self::Pipeline(redesigned) => Scratch::Pipeline(Box::new(redesigned.scratch())),
        }
    }

    fn evaluate(&self, drawn: &Drawn, scratch: &mut Scratch<'a>, answers: &mut [Replicated]) {
        match (self, scratch) {
            (Self::Outcome(outcome), Scratch::Outcome(scratch)) => {
                outcome.evaluate(drawn, scratch, answers);
            }
            (Self::Pipeline(redesigned), Scratch::Pipeline(scratch)) => {
                redesigned.evaluate(drawn, scratch, answers);
            }
            // Nobody hands in the memory of another statistic.
            _ => answers.fill(Replicated::value(Err(NotEstimable::NotDefined))),
        }
    }
}
