//! Bootstrap of the quantities of a sample: several statistics on the same replicates, and their intervals.

use ::bootstrap::{
    BootstrapError, BootstrapLimits, Method, Plan, Replicates, Summary, UnitColumns, Units,
    acceleration, influence, limits, replicate, summary, units,
};
use cohort::{
    Cohort, Drawn, Estimate, NotEstimable, REPLICATES_AT_ONCE, Replicated, Selection, Statistic,
};
use cox::{CoxError, CoxQuery, CoxStatistic};
use rayon::prelude::*;
use std::ops::Range;
use survival::{SurvivalError, SurvivalStatistic, SurvivalStatisticQuery};
use thiserror::Error;

/// What is bootstrapped, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapQuery {
    /// Seed, number and kind of the replicates.
    pub plan: Plan,
    /// What is drawn.
    pub units: UnitColumns,
    /// Quantities of survival; absent = none.
    pub survival: Option<SurvivalStatisticQuery>,
    /// A model whose log hazard ratios are quantities; absent = none.
    pub cox: Option<CoxQuery>,
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
    /// The model.
    #[error(transparent)]
    Cox(#[from] CoxError),
}

/// A sample that is ready for replicates.
pub struct Bootstrap<'a> {
    plan: Plan,
    units: Units,
    statistic: Quantities<'a>,
}

impl<'a> Bootstrap<'a> {
    /// Reads the columns for the selected rows.
    ///
    /// # Errors
    ///
    /// A column that cannot be read, nobody selected, or what a statistic refuses.
    pub fn read(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &BootstrapQuery,
    ) -> Result<Self, BootstrapQueryError> {
        let survival = query.survival.as_ref();
        let survival = survival.map(|query| SurvivalStatistic::read(cohort, selection, query));
        let cox = query.cox.as_ref().map(|query| CoxStatistic::read(cohort, selection, query));
        Ok(Self {
            plan: query.plan,
            units: units(cohort, selection, &query.units)?,
            statistic: Quantities { survival: survival.transpose()?, cox: cox.transpose()? },
        })
    }

    /// Names of the quantities, in the order of the answers, and whether each is a logarithm.
    #[must_use]
    pub fn names(&self) -> Vec<(String, bool)> {
        let survival = self.statistic.survival.iter().flat_map(|survival| survival.names());
        let cox = self.statistic.cox.iter().flat_map(|cox| cox.names());
        survival
            .map(|name| (name.clone(), false))
            .chain(cox.map(|name| (name.clone(), true)))
            .collect()
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

    /// Intervals of every quantity from all replicates of the plan, which may come from elsewhere.
    ///
    /// # Errors
    ///
    /// A confidence that is not between 0 and 1.
    pub fn intervals(
        &self,
        replicates: &Replicates,
        query: &IntervalsQuery,
    ) -> Result<Vec<BootstrappedQuantity>, BootstrapError> {
        let n_quantities = self.statistic.n_quantities();
        let mut sample = vec![Replicated::value(Err(NotEstimable::NotDefined)); n_quantities];
        let everybody = Drawn::sample(self.units.n_subjects());
        self.statistic.evaluate(&everybody, &mut self.statistic.scratch(), &mut sample);
        let accelerations: Option<Vec<Estimate>> =
            query.methods.contains(&IntervalMethod::Bca).then(|| {
                let influences = influence(&self.statistic, &self.units);
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

/// Several statistics of one sample, one after the other.
struct Quantities<'a> {
    survival: Option<SurvivalStatistic>,
    cox: Option<CoxStatistic<'a>>,
}

/// Memory of [`Quantities`].
struct Scratch<'a> {
    survival: Option<<SurvivalStatistic as Statistic>::Scratch>,
    cox: Option<<CoxStatistic<'a> as Statistic>::Scratch>,
    answers: Vec<Replicated>,
}

impl<'a> Statistic for Quantities<'a> {
    type Scratch = Scratch<'a>;

    fn n_subjects(&self) -> usize {
        let survival = self.survival.as_ref().map(Statistic::n_subjects);
        survival.or(self.cox.as_ref().map(Statistic::n_subjects)).unwrap_or(0)
    }

    fn n_quantities(&self) -> usize {
        self.survival.as_ref().map_or(0, Statistic::n_quantities)
            + self.cox.as_ref().map_or(0, Statistic::n_quantities)
    }

    fn scratch(&self) -> Scratch<'a> {
        Scratch {
            survival: self.survival.as_ref().map(Statistic::scratch),
            cox: self.cox.as_ref().map(Statistic::scratch),
            answers: Vec::new(),
        }
    }

    fn evaluate(&self, drawn: &Drawn, scratch: &mut Scratch<'a>, answers: &mut [Replicated]) {
        let Scratch { survival, cox, answers: part } = scratch;
        let n_quantities = self.n_quantities();
        let mut first = 0;
        if let (Some(statistic), Some(scratch)) = (&self.survival, survival) {
            first += evaluate_part(statistic, drawn, scratch, part, (first, n_quantities), answers);
        }
        if let (Some(statistic), Some(scratch)) = (&self.cox, cox) {
            evaluate_part(statistic, drawn, scratch, part, (first, n_quantities), answers);
        }
    }
}

/// Evaluates one of several statistics, whose quantities begin at the `first` of `n_quantities`; says how
/// many it has.
fn evaluate_part<S: Statistic>(
    statistic: &S,
    drawn: &Drawn,
    scratch: &mut S::Scratch,
    part: &mut Vec<Replicated>,
    (first, n_quantities): (usize, usize),
    answers: &mut [Replicated],
) -> usize {
    let n_own = statistic.n_quantities();
    part.clear();
    part.resize(n_own * drawn.n_replicates, Replicated::value(Err(NotEstimable::NotDefined)));
    statistic.evaluate(drawn, scratch, part);
    for (own, all) in part.chunks(n_own).zip(answers.chunks_mut(n_quantities)) {
        all[first..first + n_own].copy_from_slice(own);
    }
    n_own
}
