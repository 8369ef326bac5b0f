//! Log hazard ratios of samples whose subjects count several times or not at all.

mod reference;
mod refit;
mod two_arms;

use crate::cohort_fit::FollowUp;
use crate::fit::{CoxExtras, Model};
use crate::{CoxError, CoxFit, CoxOptions, CoxQuery, OnMonotone, Penalty, Ties};
use cohort::{
    Cohort, Counting, Design, Drawn, Estimate, Frame, NotEstimable, Replicated, Selection,
    Statistic, Term, WeightKind,
};
use reference::Reference;
use refit::Refit;
use two_arms::TwoArms;

/// The log hazard ratios of a model, one per column of its design, prepared so that they are computed again
/// and again.
///
/// They are those of the same model on repeated rows, with the variance that the model gives them. A
/// coefficient that is infinite in a replicate is none, as is that of a column which is constant there.
///
/// A factor has the levels of the sample, be it read from numbers, and its reference: a level that nobody of
/// a replicate has is without coefficient there (`EmptyLevel`), and where it is the reference, so are all that
/// are compared with it. R gives explicit indicators of levels the same coefficients; `factor(x)` within the
/// statistic of `boot` would have the levels of the replicate. Knots of a spline that its term does not name
/// stand at the quantiles of the replicate, as those of `ns(x, df)` within that statistic.
///
/// A model of one column with two values, such as the exposure, is fitted to eight replicates at a time.
/// Another one without a penalty is sorted once, and each replicate begins near its maximum.
pub struct CoxStatistic<'a> {
    cohort: &'a Cohort,
    selection: &'a Selection,
    query: CoxQuery,
    names: Vec<String>,
    /// Subjects of the sample with a weight, whose numbers are the levels of factors.
    sample: Selection,
    references: Vec<Reference>,
    two_arms: Option<TwoArms>,
    refit: Option<Refit>,
}

/// Memory of a [`CoxStatistic`].
pub struct Scratch {
    two_arms: Option<two_arms::Scratch>,
    refit: Option<refit::Scratch>,
}

impl<'a> CoxStatistic<'a> {
    /// Prepares the model of a query; what the query asks for besides coefficients is left aside.
    ///
    /// # Errors
    ///
    /// Those of [`crate::cox`].
    pub fn read(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &CoxQuery,
    ) -> Result<Self, CoxError> {
        Self::read_within(cohort, selection, query, selection)
    }

    /// The same for some subjects of a larger sample, such as those who were matched: it is the sample that
    /// has the levels of factors.
    ///
    /// # Errors
    ///
    /// Those of [`crate::cox`], and a level that the sample does not know.
    pub fn read_within(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &CoxQuery,
        sample: &Selection,
    ) -> Result<Self, CoxError> {
        let mut query = query.clone();
        if query.options.penalty == Penalty::None {
            query.options.on_monotone = OnMonotone::Report;
        }
        let follow_up = FollowUp::read(cohort, selection, &query)?;
        let sample = cohort.weighted(sample, query.weights.as_ref())?.selection;
        let design = design(&follow_up, &sample)?;
        let names = design.columns.iter().map(|column| column.name.clone()).collect();
        let two_arms = if is_simple(&query) { two_arms(&follow_up, &design)? } else { None };
        let is_left = two_arms.is_none() && keeps_its_columns(&query);
        let refit = if is_left { refit(&follow_up, &design) } else { None };
        let references = reference::references(cohort, &sample, &query.terms, &design)?;
        Ok(Self { cohort, selection, query, names, sample, references, two_arms, refit })
    }

    /// Names of the coefficients, in the order of the answers.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The log hazard ratios of some rows, ascending and repeated as often as they count, with a positive
    /// case weight for each: what counts cannot say of subjects whose copies weigh differently.
    #[must_use]
    pub fn weighted(&self, rows: &Selection, weights: Vec<f64>) -> Vec<Estimate> {
        let fit = self.fit(rows, |follow_up| follow_up.weighted.weights = Some(weights));
        let mut answers = vec![Replicated::value(Err(NotEstimable::NotDefined)); self.names.len()];
        fill(&mut answers, fit.map_err(|error| reason_of(&error)));
        self.without_reference(|| rows.rows().iter().copied(), &mut answers);
        answers.into_iter().map(|answer| answer.value).collect()
    }

    /// The log hazard ratio of two arms in replicates whose subjects are copies with a positive case weight, all
    /// copies of a subject with the same: `copies` says how many each has, `weighted` what they weigh together.
    /// That of [`Self::weighted`], for eight replicates at a time and without variance. Other models are not
    /// answered; says whether this one is.
    pub fn evaluate_copies(
        &self,
        copies: &Drawn,
        weighted: &Drawn,
        scratch: &mut Scratch,
        answers: &mut [Replicated],
    ) -> bool {
        let (Some(two_arms), Some(scratch)) = (&self.two_arms, &mut scratch.two_arms) else {
            return false;
        };
        two_arms.evaluate_copies(copies, weighted, scratch, answers);
        answers.iter_mut().for_each(|answer| answer.variance = None);
        true
    }

    /// Takes the coefficients away that compare with a level which none of these rows has.
    fn without_reference<I: Iterator<Item = usize>>(
        &self,
        rows: impl Fn() -> I,
        answers: &mut [Replicated],
    ) {
        for reference in self.references.iter().filter(|reference| !reference.is_in(rows())) {
            for &column in &reference.columns {
                answers[column] = Replicated::value(Err(NotEstimable::EmptyLevel));
            }
        }
    }

    /// The model on the subjects of one replicate.
    fn fit_anew(&self, drawn: &Drawn, replicate: usize) -> Estimate<CoxFit> {
        let counts = drawn.replicate(replicate);
        let fit = match drawn.counting {
            Counting::Subjects => {
                let rows = counts.enumerate().flat_map(|(subject, count)| {
                    std::iter::repeat_n(self.selection.row(subject), count as usize)
                });
                let selection = Selection::of(self.cohort, rows).map_err(CoxError::from);
                selection.and_then(|selection| self.fit(&selection, |_| ()))
            }
            Counting::Weights => self.fit(self.selection, |follow_up| {
                follow_up.weighted.weights = Some(self.case_weights(counts));
            }),
        };
        fit.map_err(|error| reason_of(&error))
    }

    /// What the subjects with a weight count, times that weight; copies by frequency count alike.
    fn case_weights(&self, counts: impl Iterator<Item = f64>) -> Vec<f64> {
        let Some(column) = &self.query.weights else { return counts.collect() };
        // The model has been read with these weights before.
        let own = self.cohort.numeric(&column.column, self.selection).unwrap_or_default();
        let pairs = own.into_iter().zip(counts);
        match column.kind {
            WeightKind::Sampling => {
                let weighted = pairs.filter(|(own, _)| *own > 0.0);
                weighted.map(|(own, count)| own * count).collect()
            }
            WeightKind::Frequency => {
                let copies = |(own, count)| std::iter::repeat_n(count, own as usize);
                pairs.flat_map(copies).collect()
            }
        }
    }

    fn fit(
        &self,
        selection: &Selection,
        change: impl FnOnce(&mut FollowUp),
    ) -> Result<CoxFit, CoxError> {
        let mut follow_up = FollowUp::read(self.cohort, selection, &self.query)?;
        change(&mut follow_up);
        let design = design(&follow_up, &self.sample)?;
        let nothing_else = CoxExtras::default();
        follow_up.fit_and(&self.query.terms, &design, nothing_else, |_| ()).map(|(fit, ())| fit)
    }
}

/// The columns of a model with the levels of a sample, and the knots of its own subjects.
fn design(follow_up: &FollowUp, sample: &Selection) -> Result<Design, CoxError> {
    let rows = follow_up.selection();
    let frame = Frame { levels: sample, knots: rows };
    Ok(Design::within(follow_up.cohort, rows, &follow_up.query.terms, frame)?)
}

/// Why a replicate has no model.
fn reason_of(error: &CoxError) -> NotEstimable {
    match error {
        CoxError::NoEvents { .. } => NotEstimable::NoEvents,
        error => error.impossibility().unwrap_or(NotEstimable::NotDefined),
    }
}

/// Whether a model is one of hazards alone: without weights, offset or penalty, and with ties that are
/// summed.
fn is_simple(query: &CoxQuery) -> bool {
    query.weights.is_none()
        && query.offset.is_none()
        && query.options.penalty == Penalty::None
        && query.options.ties != Ties::Exact
}

/// The model as one of two arms, if it is one.
fn two_arms(follow_up: &FollowUp, design: &Design) -> Result<Option<TwoArms>, CoxError> {
    let [column] = design.columns.as_slice() else { return Ok(None) };
    let mut values = column.values.clone();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let [low, high] = values[..] else { return Ok(None) };
    let fit = follow_up.fit_and(&follow_up.query.terms, design, CoxExtras::default(), |_| ())?.0;
    let start = fit.coefficients[0].estimate.unwrap_or(0.0);
    let arm = column.values.iter().map(|&value| u32::from(value == high)).collect();
    let CoxOptions { ties, .. } = follow_up.query.options;
    Ok(Some(TwoArms::new(&follow_up.endpoint, &follow_up.order, arm, ties, high - low, start)))
}

/// Whether the model of a replicate has the columns of the sample, and its subjects their weights, so that
/// both need not be made anew.
fn keeps_its_columns(query: &CoxQuery) -> bool {
    // Knots are where the subjects of the replicate have their quantiles.
    let keeps = |part: &&Term| matches!(part, Term::Linear { .. } | Term::Factor { .. });
    query.options.penalty == Penalty::None
        && query.options.ties != Ties::Exact
        && query.options.max_iterations >= ENOUGH_ITERATIONS
        && query.id.is_none()
        && query.weights.as_ref().is_none_or(|weights| weights.kind == WeightKind::Sampling)
        && query.terms.iter().flat_map(Term::factors).all(|part| keeps(&part))
}

/// No search for a maximum that is beyond doubt takes as many steps.
const ENOUGH_ITERATIONS: usize = 15;

/// The model with its maximum, if it has one and everybody has a weight.
fn refit(follow_up: &FollowUp, design: &Design) -> Option<Refit> {
    if follow_up.left_out().is_some() {
        return None;
    }
    let look = |model: &Model| {
        let fit = model.report(None);
        Refit::new(model, follow_up.order.order(), estimates(&fit).collect())
    };
    follow_up.fit_and(&follow_up.query.terms, design, CoxExtras::default(), look).ok()?.1
}

/// Answers of a replicate: what its model has, or why there is none.
fn fill(answers: &mut [Replicated], fit: Estimate<CoxFit>) {
    match fit {
        Ok(fit) => answers.iter_mut().zip(estimates(&fit)).for_each(|(to, found)| *to = found),
        Err(reason) => answers.fill(Replicated::value(Err(reason))),
    }
}

/// The coefficients of a fit.
fn estimates(fit: &CoxFit) -> impl Iterator<Item = Replicated> {
    fit.coefficients.iter().map(|coefficient| {
        let squared = coefficient.standard_error.ok().map(|error| error * error);
        Replicated { value: coefficient.estimate, variance: squared }
    })
}

impl Statistic for CoxStatistic<'_> {
    type Scratch = Scratch;

    fn n_subjects(&self) -> usize {
        self.selection.len()
    }

    fn n_quantities(&self) -> usize {
        self.names.len()
    }

    fn scratch(&self) -> Self::Scratch {
        Scratch {
            two_arms: self.two_arms.as_ref().map(TwoArms::scratch),
            refit: self.refit.as_ref().map(Refit::scratch),
        }
    }

    fn evaluate(&self, drawn: &Drawn, scratch: &mut Self::Scratch, answers: &mut [Replicated]) {
        if let (Some(two_arms), Some(scratch)) = (&self.two_arms, &mut scratch.two_arms) {
            return two_arms.evaluate(drawn, scratch, answers);
        }
        for (replicate, answers) in answers.chunks_mut(self.names.len()).enumerate() {
            let is_found = match (&self.refit, &mut scratch.refit) {
                (Some(refit), Some(scratch)) => refit.evaluate(drawn, replicate, scratch, answers),
                _ => false,
            };
            if !is_found {
                fill(answers, self.fit_anew(drawn, replicate));
            }
            let drawn_rows = || {
                let counts = drawn.replicate(replicate).enumerate();
                counts.filter(|(_, count)| *count > 0.0).map(|(at, _)| self.selection.row(at))
            };
            self.without_reference(drawn_rows, answers);
        }
    }
}
