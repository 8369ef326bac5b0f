//! Scope pipeline: the patients of a replicate are scored, and matched or weighed, anew before anything is
//! computed of those who take part.

use super::design::{DesignQuery, Designed, RedesignQuery};
use super::outcome::{OutcomeQuantities, evaluate_part, models, names_of_models};
use super::{BootstrapQuery, BootstrapQueryError};
use ::bootstrap::BootstrapError;
use balance::{Members, SmdStatistic};
use cohort::{
    Cohort, Counting, Drawn, Estimate, NotEstimable, REPLICATES_AT_ONCE, Replicated, Selection,
    Statistic,
};
use cox::CoxStatistic;
use matching::MatchingError;
use propensity::{CountedScores, LogisticQuery, ScoreModel, propensity_in_support};
use survival::SurvivalStatistic;
use weighting::ScoreScale;

/// Patients of whom a design is made anew in every replicate, and the quantities of who takes part.
///
/// A patient who is drawn `m` times is `m` patients in the order of id and copy: the model of the score is
/// fitted to all of them; the standard deviation of a caliper, the shares that stabilise weights, the quantiles
/// at which these are cut and the means that they balance are theirs; and each may be matched. Quantities
/// are those of who takes part, weighted unless they are pairs; standardised differences come before and after
/// the design, in standard deviations of all patients of the replicate; last comes how large the design is.
/// Knots of splines are placed anew, and a replicate whose score is separated goes on with the scores of the
/// last point of the climb, both as a study has them. One in which nobody takes part, or which no weights
/// balance, has no quantities for that reason.
///
/// Everybody once is the sample itself: its answers are those of the analyses that know of no replicates, bit
/// for bit where the design is one of pairs, and but for rounding where patients have weights.
pub(super) struct Redesigned<'a> {
    cohort: &'a Cohort,
    selection: &'a Selection,
    design: DesignQuery,
    score: Option<(ScoreModel<'a>, ScoreScale)>,
    survival: Option<SurvivalStatistic>,
    cox: Vec<CoxStatistic<'a>>,
    smd: Option<SmdStatistic>,
    sample: Vec<Replicated>,
}

/// Memory of [`Redesigned`].
pub(super) struct RedesignedScratch<'a> {
    score: Option<CountedScores>,
    survival: Option<<SurvivalStatistic as Statistic>::Scratch>,
    cox: Vec<<CoxStatistic<'a> as Statistic>::Scratch>,
    counts: Vec<f64>,
    designed: Drawn,
    copies: Drawn,
    part: Vec<Replicated>,
}

/// Patients of one replicate, as subjects of the sample.
struct Redrawn {
    /// All of them, repeated as often as they count.
    everybody: Vec<u32>,
    designed: Estimate<Designed>,
}

impl<'a> Redesigned<'a> {
    /// Reads the columns for the selected rows.
    pub(super) fn read(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &BootstrapQuery,
        redesign: &RedesignQuery,
    ) -> Result<Self, BootstrapQueryError> {
        let score = redesign.score.as_ref().map(|score| {
            let model = ScoreModel::read(cohort, selection, &score.model, score.discard);
            model.map(|model| (model, redesign.scale_of(score)))
        });
        let score = score.transpose()?;
        let survival = query.survival.as_ref();
        let survival = survival.map(|query| SurvivalStatistic::read(cohort, selection, query));
        let smd = query.smd.as_ref();
        let smd = smd.map(|query| SmdStatistic::read(cohort, selection, None, query));
        let mut read = Self {
            cohort,
            selection,
            design: redesign.scored_design(),
            score,
            survival: survival.transpose()?,
            cox: models(cohort, selection, &query.cox, selection)?,
            smd: smd.transpose()?,
            sample: Vec::new(),
        };
        read.sample = read.of_sample(query, redesign)?;
        Ok(read)
    }

    /// Names of the quantities, and whether each is a logarithm.
    pub(super) fn names(&self) -> Vec<(String, bool)> {
        let survival = self.survival.iter().flat_map(|survival| survival.names());
        let mut names: Vec<(String, bool)> = survival.map(|name| (name.clone(), false)).collect();
        names.extend(names_of_models(&self.cox));
        for when in ["before", "after"] {
            let smd = self.smd.iter().flat_map(|smd| smd.names());
            let design = self.design.name();
            names.extend(smd.map(|name| (format!("{name} {when} {design}"), false)));
        }
        names.extend(self.design.sizes().iter().map(|&size| (size.to_owned(), false)));
        names
    }

    /// Number of quantities of who takes part, but for differences and sizes.
    fn n_outcome(&self) -> usize {
        self.survival.as_ref().map_or(0, Statistic::n_quantities)
            + self.cox.iter().map(Statistic::n_quantities).sum::<usize>()
    }

    /// Makes the design of the sample and analyses it, as a study does.
    fn of_sample(
        &self,
        query: &BootstrapQuery,
        redesign: &RedesignQuery,
    ) -> Result<Vec<Replicated>, BootstrapQueryError> {
        let everybody: Vec<u32> = (0..self.selection.len() as u32).collect();
        let designed = self.sample_designed(redesign)?;
        let redrawn = Redrawn { everybody, designed: Ok(designed) };
        let mut answers = vec![NOTHING; self.n_quantities()];
        self.answer(std::slice::from_ref(&redrawn), &mut self.scratch(), &mut answers);
        if self.design.has_weights() {
            // To the last digit those of the study.
            let mut first = self.survival.as_ref().map_or(0, Statistic::n_quantities);
            for statistic in &self.cox {
                let place = (first, self.n_quantities());
                self.weighted_model(statistic, std::slice::from_ref(&redrawn), place, &mut answers);
                first += statistic.n_quantities();
            }
        } else if let Ok(designed) = redrawn.taking_part() {
            let rows = designed.subjects.iter().map(|&subject| self.row(subject));
            let selection = Selection::of(self.cohort, rows).map_err(BootstrapError::from)?;
            // Differences are in the units of all patients, and have been found.
            let query = BootstrapQuery { smd: None, ..query.clone() };
            // What cannot be read of the matched ones alone has its reasons among the answers already.
            let outcome = OutcomeQuantities::read(self.cohort, &selection, &query, self.selection);
            if let Ok(outcome) = outcome {
                let outcome = outcome.of_sample();
                answers[..outcome.len()].copy_from_slice(&outcome);
            }
        }
        Ok(answers)
    }

    /// Who of the sample takes part, by the scores that a study has.
    fn sample_designed(&self, redesign: &RedesignQuery) -> Result<Designed, BootstrapQueryError> {
        let (cohort, selection) = (self.cohort, self.selection);
        if let (DesignQuery::Matching(_), Some(row)) =
            (&self.design, cohort.repeated_id(selection.rows()))
        {
            return Err(MatchingError::RepeatedId { row: cohort.caller_row(row) }.into());
        }
        let mut staying: Vec<u32> = (0..selection.len() as u32).collect();
        let mut values = Vec::new();
        if let Some(score) = &redesign.score {
            let model = LogisticQuery { weights: None, ..score.model.clone() };
            let scores = propensity_in_support(cohort, selection, &model, score.discard)?;
            staying.retain(|&k| scores.discarded.binary_search(&self.row(k)).is_err());
            values = match redesign.scale_of(score) {
                ScoreScale::Logit => scores.linear_predictor,
                ScoreScale::Probability => scores.probability,
            };
        }
        self.designed(&staying, values)
    }

    fn row(&self, subject: u32) -> usize {
        self.selection.row(subject as usize)
    }

    /// Who of some subjects takes part, repeated as often as they count, by a score of each.
    fn designed(&self, units: &[u32], score: Vec<f64>) -> Result<Designed, BootstrapQueryError> {
        let rows = units.iter().map(|&subject| self.row(subject));
        let rows = Selection::of(self.cohort, rows).map_err(BootstrapError::from)?;
        self.design.among(self.cohort, units, &rows, score)
    }

    /// Scores the patients of one replicate and makes their design.
    fn redraw(
        &self,
        drawn: &Drawn,
        replicate: usize,
        scratch: &mut RedesignedScratch<'a>,
    ) -> Redrawn {
        let RedesignedScratch { counts, score: memory, .. } = scratch;
        counts.clear();
        counts.extend(drawn.replicate(replicate));
        let everybody = repeated(counts);
        let scored = match (&self.score, memory) {
            (Some((model, scale)), Some(memory)) => {
                model.linear_predictor(counts, memory).map(|scores| {
                    let of = |score: f64| match scale {
                        ScoreScale::Logit => score,
                        ScoreScale::Probability => model.probability(score),
                    };
                    let units = repeated(counts);
                    let values = units.iter().map(|&unit| of(scores[unit as usize])).collect();
                    (units, values)
                })
            }
            _ => Ok((everybody.clone(), Vec::new())),
        };
        let designed = scored.and_then(|(units, values)| {
            let found = self.designed(&units, values);
            found.map_err(|error| error.impossibility().unwrap_or(NotEstimable::NotDefined))
        });
        Redrawn { everybody, designed }
    }

    /// The quantities of some replicates.
    fn answer(
        &self,
        redrawn: &[Redrawn],
        scratch: &mut RedesignedScratch<'a>,
        answers: &mut [Replicated],
    ) {
        let n_quantities = self.n_quantities();
        self.outcome(redrawn, scratch, answers);
        for (redrawn, answers) in redrawn.iter().zip(answers.chunks_mut(n_quantities)) {
            let (outcome, rest) = answers.split_at_mut(self.n_outcome());
            if let Err(reason) = redrawn.taking_part() {
                outcome.fill(Replicated::value(Err(reason)));
            }
            let differences = self.smd.iter().flat_map(|smd| redrawn.differences(smd));
            let sizes = (0..self.design.sizes().len()).map(|size| redrawn.size(size));
            let found = differences.chain(sizes);
            rest.iter_mut().zip(found).for_each(|(to, value)| *to = Replicated::value(value));
        }
    }

    /// Quantities of survival and of hazard models of who takes part.
    fn outcome(
        &self,
        redrawn: &[Redrawn],
        scratch: &mut RedesignedScratch<'a>,
        answers: &mut [Replicated],
    ) {
        let RedesignedScratch { survival, cox, designed, copies, part, .. } = scratch;
        let n_quantities = self.n_quantities();
        count(redrawn, designed, |weight| weight);
        if self.design.weighs_copies_alike() {
            count(redrawn, copies, |_| 1.0);
        }
        let mut first = 0;
        if let (Some(statistic), Some(scratch)) = (&self.survival, survival) {
            let place = (first, n_quantities);
            first += evaluate_part(statistic, designed, scratch, part, place, answers);
        }
        for (statistic, scratch) in self.cox.iter().zip(cox) {
            let place = (first, n_quantities);
            if !self.design.has_weights() {
                evaluate_part(statistic, designed, scratch, part, place, answers);
            } else if !self.two_arms(statistic, (copies, designed), scratch, part, place, answers) {
                self.weighted_model(statistic, redrawn, place, answers);
            }
            first += statistic.n_quantities();
        }
    }

    /// The log hazard ratio of two arms, where all copies of a patient have one weight; whether it is answered.
    fn two_arms(
        &self,
        statistic: &CoxStatistic<'a>,
        (copies, weighted): (&Drawn, &Drawn),
        scratch: &mut <CoxStatistic<'a> as Statistic>::Scratch,
        part: &mut Vec<Replicated>,
        (first, n_quantities): (usize, usize),
        answers: &mut [Replicated],
    ) -> bool {
        part.clear();
        part.resize(copies.n_replicates * statistic.n_quantities(), NOTHING);
        let is_answered = self.design.weighs_copies_alike()
            && statistic.evaluate_copies(copies, weighted, scratch, part);
        if is_answered {
            let replicates = answers.chunks_mut(n_quantities);
            replicates.zip(&*part).for_each(|(answers, &ratio)| answers[first] = ratio);
        }
        is_answered
    }

    /// Log hazard ratios of patients whose copies have a weight each.
    fn weighted_model(
        &self,
        statistic: &CoxStatistic,
        redrawn: &[Redrawn],
        (first, n_quantities): (usize, usize),
        answers: &mut [Replicated],
    ) {
        for (redrawn, answers) in redrawn.iter().zip(answers.chunks_mut(n_quantities)) {
            let Ok(designed) = redrawn.taking_part() else { continue };
            let rows = designed.subjects.iter().map(|&subject| self.row(subject));
            let Ok(rows) = Selection::of(self.cohort, rows) else { continue };
            let found = statistic.weighted(&rows, designed.weights.clone());
            for (answer, value) in answers[first..].iter_mut().zip(found) {
                *answer = Replicated::value(value);
            }
        }
    }
}

const NOTHING: Replicated = Replicated { value: Err(NotEstimable::NotDefined), variance: None };

/// Subjects as often as they count.
fn repeated(counts: &[f64]) -> Vec<u32> {
    let subjects = counts.iter().enumerate();
    subjects
        .flat_map(|(subject, &count)| std::iter::repeat_n(subject as u32, count as usize))
        .collect()
}

impl Redrawn {
    /// Who takes part, or why nobody does.
    fn taking_part(&self) -> Estimate<&Designed> {
        match &self.designed {
            Ok(designed) if designed.subjects.is_empty() => Err(NotEstimable::NoSubjects),
            Ok(designed) => Ok(designed),
            Err(reason) => Err(*reason),
        }
    }

    /// Differences before and after the design.
    fn differences(&self, smd: &SmdStatistic) -> Vec<Estimate> {
        let everybody = Members { subjects: &self.everybody, weights: None };
        let mut found = smd.differences(everybody, everybody);
        match self.taking_part() {
            Ok(Designed { subjects, weights, .. }) => {
                let members = Members { subjects, weights: Some(weights) };
                found.extend(smd.differences(members, everybody));
            }
            Err(reason) => found.extend(vec![Err(reason); smd.n_quantities()]),
        }
        found
    }

    /// One of the numbers that say how large the design is.
    fn size(&self, size: usize) -> Estimate {
        let designed = self.designed.as_ref().map_err(|&reason| reason)?;
        designed.sizes.get(size).copied().ok_or(NotEstimable::NotDefined)
    }
}

/// How much each subject counts among those who take part in each replicate, by what each copy counts.
fn count(redrawn: &[Redrawn], into: &mut Drawn, of_copy: impl Fn(f64) -> f64) {
    into.n_replicates = redrawn.len();
    into.counts.fill([0.0; REPLICATES_AT_ONCE]);
    for (lane, redrawn) in redrawn.iter().enumerate() {
        let Ok(designed) = &redrawn.designed else { continue };
        for (&subject, weight) in designed.subjects.iter().zip(&designed.weights) {
            into.counts[subject as usize][lane] += of_copy(*weight);
        }
    }
}

impl<'a> Statistic for Redesigned<'a> {
    type Scratch = RedesignedScratch<'a>;

    fn n_subjects(&self) -> usize {
        self.selection.len()
    }

    fn n_quantities(&self) -> usize {
        let n_differences = self.smd.as_ref().map_or(0, Statistic::n_quantities);
        self.n_outcome() + 2 * n_differences + self.design.sizes().len()
    }

    fn scratch(&self) -> RedesignedScratch<'a> {
        let counts = || vec![[0.0; REPLICATES_AT_ONCE]; self.selection.len()];
        let counting = match self.design.has_weights() {
            true => Counting::Weights,
            false => Counting::Subjects,
        };
        RedesignedScratch {
            score: self.score.as_ref().map(|(model, _)| model.scratch()),
            survival: self.survival.as_ref().map(Statistic::scratch),
            cox: self.cox.iter().map(Statistic::scratch).collect(),
            counts: Vec::with_capacity(self.selection.len()),
            designed: Drawn { counts: counts(), n_replicates: 0, counting },
            copies: Drawn { counts: counts(), n_replicates: 0, counting: Counting::Subjects },
            part: Vec::new(),
        }
    }

    fn evaluate(&self, drawn: &Drawn, scratch: &mut Self::Scratch, answers: &mut [Replicated]) {
        let redrawn: Vec<Redrawn> =
            (0..drawn.n_replicates).map(|lane| self.redraw(drawn, lane, scratch)).collect();
        self.answer(&redrawn, scratch, answers);
        for (lane, answers) in answers.chunks_mut(self.n_quantities()).enumerate() {
            if drawn.replicate(lane).all(|count| count == 1.0) {
                answers.copy_from_slice(&self.sample);
            }
        }
    }
}
