//! The quantities of a finished design: several statistics of one sample, one after the other.

use super::{BootstrapQuery, BootstrapQueryError};
use balance::SmdStatistic;
use cohort::{Cohort, Counting, Drawn, NotEstimable, Replicated, Selection, Statistic};
use cox::{CoxQuery, CoxStatistic};
use survival::SurvivalStatistic;

/// Quantities of survival, log hazard ratios and standardised differences of one sample.
pub(super) struct OutcomeQuantities<'a> {
    n_subjects: usize,
    survival: Option<SurvivalStatistic>,
    cox: Vec<CoxStatistic<'a>>,
    smd: Option<SmdStatistic>,
    /// Sampling weights of the subjects.
    weights: Option<Vec<f64>>,
}

/// Memory of [`OutcomeQuantities`].
pub(super) struct OutcomeScratch<'a> {
    survival: Option<<SurvivalStatistic as Statistic>::Scratch>,
    cox: Vec<<CoxStatistic<'a> as Statistic>::Scratch>,
    smd: Option<<SmdStatistic as Statistic>::Scratch>,
    weighted: Drawn,
    part: Vec<Replicated>,
}

impl<'a> OutcomeQuantities<'a> {
    /// Reads the columns for the selected rows of a sample, which has the levels of factors.
    pub(super) fn read(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &BootstrapQuery,
        sample: &Selection,
    ) -> Result<Self, BootstrapQueryError> {
        let survival = query.survival.as_ref();
        let survival = survival.map(|query| SurvivalStatistic::read(cohort, selection, query));
        let reference = query.smd_reference.as_ref();
        let smd = query.smd.as_ref();
        let smd = smd.map(|query| SmdStatistic::read(cohort, selection, reference, query));
        let weights = query.weights.as_ref();
        let weights = weights.map(|column| cohort.numeric(column, selection)).transpose();
        Ok(Self {
            n_subjects: selection.len(),
            survival: survival.transpose()?,
            cox: models(cohort, selection, &query.cox, sample)?,
            smd: smd.transpose()?,
            weights: weights.map_err(::bootstrap::BootstrapError::from)?,
        })
    }

    /// Names of the quantities, and whether each is a logarithm.
    pub(super) fn names(&self) -> Vec<(String, bool)> {
        let plain = |names: &[String]| -> Vec<(String, bool)> {
            names.iter().map(|name| (name.clone(), false)).collect()
        };
        let mut names = self.survival.as_ref().map_or_else(Vec::new, |part| plain(part.names()));
        names.extend(names_of_models(&self.cox));
        names.extend(self.smd.iter().flat_map(|part| plain(part.names())));
        names
    }

    /// Everybody once.
    pub(super) fn of_sample(&self) -> Vec<Replicated> {
        let mut answers =
            vec![Replicated::value(Err(NotEstimable::NotDefined)); self.n_quantities()];
        self.evaluate(&Drawn::sample(self.n_subjects), &mut self.scratch(), &mut answers);
        answers
    }
}

/// Models on the selected rows of a sample.
pub(super) fn models<'a>(
    cohort: &'a Cohort,
    selection: &'a Selection,
    queries: &[CoxQuery],
    sample: &Selection,
) -> Result<Vec<CoxStatistic<'a>>, BootstrapQueryError> {
    let read = |(model, query): (usize, &CoxQuery)| {
        CoxStatistic::read_within(cohort, selection, query, sample)
            .map_err(|error| BootstrapQueryError::Cox { model, error })
    };
    queries.iter().enumerate().map(read).collect()
}

/// Names of coefficients; of several models with the number of the model.
pub(super) fn names_of_models(models: &[CoxStatistic]) -> Vec<(String, bool)> {
    let of_model = |(index, model): (usize, &CoxStatistic)| -> Vec<(String, bool)> {
        let name = |name: &String| match models.len() {
            1 => name.clone(),
            _ => format!("{name} in model {}", index + 1),
        };
        model.names().iter().map(|own| (name(own), true)).collect()
    };
    models.iter().enumerate().flat_map(of_model).collect()
}

impl<'a> Statistic for OutcomeQuantities<'a> {
    type Scratch = OutcomeScratch<'a>;

    fn n_subjects(&self) -> usize {
        self.n_subjects
    }

    fn n_quantities(&self) -> usize {
        self.survival.as_ref().map_or(0, Statistic::n_quantities)
            + self.cox.iter().map(Statistic::n_quantities).sum::<usize>()
            + self.smd.as_ref().map_or(0, Statistic::n_quantities)
    }

    fn scratch(&self) -> OutcomeScratch<'a> {
        OutcomeScratch {
            survival: self.survival.as_ref().map(Statistic::scratch),
            cox: self.cox.iter().map(Statistic::scratch).collect(),
            smd: self.smd.as_ref().map(Statistic::scratch),
            weighted: Drawn { counts: Vec::new(), n_replicates: 0, counting: Counting::Weights },
            part: Vec::new(),
        }
    }

    fn evaluate(&self, drawn: &Drawn, scratch: &mut Self::Scratch, answers: &mut [Replicated]) {
        let OutcomeScratch { survival, cox, smd, weighted, part } = scratch;
        let n_quantities = self.n_quantities();
        let counted = match &self.weights {
            None => drawn,
            Some(weights) => {
                multiply(drawn, weights, weighted);
                weighted
            }
        };
        let mut first = 0;
        if let (Some(statistic), Some(scratch)) = (&self.survival, survival) {
            let place = (first, n_quantities);
            first += evaluate_part(statistic, counted, scratch, part, place, answers);
        }
        for (statistic, scratch) in self.cox.iter().zip(cox) {
            let place = (first, n_quantities);
            first += evaluate_part(statistic, drawn, scratch, part, place, answers);
        }
        if let (Some(statistic), Some(scratch)) = (&self.smd, smd) {
            evaluate_part(statistic, counted, scratch, part, (first, n_quantities), answers);
        }
    }
}

/// What subjects count, times their weights.
fn multiply(drawn: &Drawn, weights: &[f64], into: &mut Drawn) {
    into.n_replicates = drawn.n_replicates;
    into.counts.clear();
    let product = drawn.counts.iter().zip(weights);
    into.counts.extend(product.map(|(counts, &weight)| counts.map(|count| count * weight)));
}

/// Evaluates one of several statistics, whose quantities begin at the `first` of `n_quantities`; says how
/// many it has.
pub(super) fn evaluate_part<S: Statistic>(
    statistic: &S,
    drawn: &Drawn,
    scratch: &mut S::Scratch,
    part: &mut Vec<Replicated>,
    (first, n_quantities): (usize, usize),
    answers: &mut [Replicated],
) -> usize {
    let n_own = statistic.n_quantities();
    if n_own == 0 {
        return 0;
    }
    part.clear();
    part.resize(n_own * drawn.n_replicates, Replicated::value(Err(NotEstimable::NotDefined)));
    statistic.evaluate(drawn, scratch, part);
    for (own, all) in part.chunks(n_own).zip(answers.chunks_mut(n_quantities)) {
        all[first..first + n_own].copy_from_slice(own);
    }
    n_own
}
