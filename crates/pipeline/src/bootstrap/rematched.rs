//! Scope pipeline: the patients of a replicate are scored and matched anew before anything is computed of
//! those who are matched.

use super::outcome::{OutcomeQuantities, evaluate_part, models, names_of_models};
use super::{BootstrapQuery, BootstrapQueryError};
use ::bootstrap::BootstrapError;
use balance::{Members, SmdStatistic};
use cohort::{
    Cohort, Counting, Drawn, Estimate, NotEstimable, REPLICATES_AT_ONCE, Replicated, Selection,
    Statistic,
};
use cox::CoxStatistic;
use matching::{MatchQuery, MatchingError, match_weights};
use propensity::{CountedScores, Discard, LogisticQuery, ScoreModel, propensity_in_support};
use survival::SurvivalStatistic;
use weighting::ScoreScale;

/// What is done again with the patients of a replicate.
#[derive(Clone, Debug, PartialEq)]
pub struct RematchQuery {
    /// The score; absent = patients are matched without one.
    pub score: Option<ScoreQuery>,
    /// How they are matched; the column of its score is that of no patient, but what the model says.
    pub matching: MatchQuery,
}

/// A propensity score that is estimated in each replicate.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreQuery {
    /// The model, without case weights.
    pub model: LogisticQuery,
    /// Who is set aside before it is estimated again.
    pub discard: Discard,
    /// On which scale distances are measured.
    pub scale: ScoreScale,
}

/// Stands for the column of the score.
const SCORE: &str = "score of the replicate";

/// Patients who are scored and matched anew in every replicate, and the quantities of who is matched.
///
/// A patient who is drawn `m` times is `m` patients in the order of id and copy: the model of the score is
/// fitted to all of them, the standard deviation of a caliper is theirs, and each may be matched. Quantities
/// are those of the matched patients, weighted where the sets are no pairs; standardised differences come
/// before and after matching, in standard deviations of all patients of the replicate; last comes the number
/// of pairs or sets. Knots of splines are placed anew, and a replicate whose score is separated goes on with
/// the scores of the last point of the climb, both as a study has them. One in which nobody is matched has no
/// quantities for that reason.
///
/// Everybody once is the sample itself: its answers are those of the analyses that know of no replicates, bit
/// for bit where the sets are pairs, and but for rounding where patients have weights.
pub(super) struct Rematched<'a> {
    cohort: &'a Cohort,
    selection: &'a Selection,
    matching: MatchQuery,
    score: Option<(ScoreModel<'a>, ScoreScale)>,
    survival: Option<SurvivalStatistic>,
    cox: Vec<CoxStatistic<'a>>,
    smd: Option<SmdStatistic>,
    sample: Vec<Replicated>,
}

/// Memory of [`Rematched`].
pub(super) struct RematchedScratch<'a> {
    score: Option<CountedScores>,
    survival: Option<<SurvivalStatistic as Statistic>::Scratch>,
    cox: Vec<<CoxStatistic<'a> as Statistic>::Scratch>,
    counts: Vec<f64>,
    matched: Drawn,
    part: Vec<Replicated>,
}

/// Patients of one replicate, as subjects of the sample.
struct Redrawn {
    /// All of them, repeated as often as they count.
    everybody: Vec<u32>,
    matched: Estimate<Matched>,
}

/// The matched ones among them.
struct Matched {
    subjects: Vec<u32>,
    weights: Vec<f64>,
    n_sets: usize,
}

impl<'a> Rematched<'a> {
    /// Reads the columns for the selected rows.
    pub(super) fn read(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &BootstrapQuery,
        rematch: &RematchQuery,
    ) -> Result<Self, BootstrapQueryError> {
        let score = rematch.score.as_ref().map(|score| {
            let model = ScoreModel::read(cohort, selection, &score.model, score.discard);
            model.map(|model| (model, score.scale))
        });
        let score = score.transpose()?;
        let survival = query.survival.as_ref();
        let survival = survival.map(|query| SurvivalStatistic::read(cohort, selection, query));
        let smd = query.smd.as_ref();
        let smd = smd.map(|query| SmdStatistic::read(cohort, selection, None, query));
        let column = score.as_ref().map(|_| SCORE.to_string());
        let mut read = Self {
            cohort,
            selection,
            matching: MatchQuery { score: column, ..rematch.matching.clone() },
            score,
            survival: survival.transpose()?,
            cox: models(cohort, selection, &query.cox, selection)?,
            smd: smd.transpose()?,
            sample: Vec::new(),
        };
        read.sample = read.of_sample(query, rematch)?;
        Ok(read)
    }

    /// Names of the quantities, and whether each is a logarithm.
    pub(super) fn names(&self) -> Vec<(String, bool)> {
        let survival = self.survival.iter().flat_map(|survival| survival.names());
        let mut names: Vec<(String, bool)> = survival.map(|name| (name.clone(), false)).collect();
        names.extend(names_of_models(&self.cox));
        for when in ["before", "after"] {
            let smd = self.smd.iter().flat_map(|smd| smd.names());
            names.extend(smd.map(|name| (format!("{name} {when} matching"), false)));
        }
        let sets = if self.matching.is_one_to_one() { "pairs" } else { "sets" };
        names.push((format!("number of {sets}"), false));
        names
    }

    /// Number of quantities of those who are matched, but for differences and sets.
    fn n_outcome(&self) -> usize {
        self.survival.as_ref().map_or(0, Statistic::n_quantities)
            + self.cox.iter().map(Statistic::n_quantities).sum::<usize>()
    }

    /// Scores, matches and analyses the sample as a study does.
    fn of_sample(
        &self,
        query: &BootstrapQuery,
        rematch: &RematchQuery,
    ) -> Result<Vec<Replicated>, BootstrapQueryError> {
        let everybody: Vec<u32> = (0..self.selection.len() as u32).collect();
        let matched = self.sample_matched(rematch)?;
        let redrawn = Redrawn { everybody, matched: Ok(matched) };
        let mut answers = vec![NOTHING; self.n_quantities()];
        self.answer(std::slice::from_ref(&redrawn), &mut self.scratch(), &mut answers);
        if let (true, Ok(matched)) = (self.matching.is_one_to_one(), redrawn.in_sets()) {
            let rows = matched.subjects.iter().map(|&subject| self.row(subject));
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

    /// Who of the sample is matched, by the scores that a study has.
    fn sample_matched(&self, rematch: &RematchQuery) -> Result<Matched, BootstrapQueryError> {
        let (cohort, selection) = (self.cohort, self.selection);
        if let Some(row) = cohort.repeated_id(selection.rows()) {
            return Err(MatchingError::RepeatedId { row: cohort.caller_row(row) }.into());
        }
        let mut staying: Vec<u32> = (0..selection.len() as u32).collect();
        let mut values = Vec::new();
        if let Some(score) = &rematch.score {
            let model = LogisticQuery { weights: None, ..score.model.clone() };
            let scores = propensity_in_support(cohort, selection, &model, score.discard)?;
            staying.retain(|&k| scores.discarded.binary_search(&self.row(k)).is_err());
            values = match score.scale {
                ScoreScale::Logit => scores.linear_predictor,
                ScoreScale::Probability => scores.probability,
            };
        }
        Ok(self.matched(&staying, values)?)
    }

    fn row(&self, subject: u32) -> usize {
        self.selection.row(subject as usize)
    }

    /// Matches some subjects, repeated as often as they count, by a score of each.
    fn matched(&self, units: &[u32], score: Vec<f64>) -> Result<Matched, MatchingError> {
        let rows = units.iter().map(|&subject| self.row(subject));
        let rows = Selection::of(self.cohort, rows)?;
        let found = match_weights(self.cohort, &rows, &self.matching, score)?;
        let members = units.iter().zip(found.weights).filter(|(_, weight)| *weight > 0.0);
        let (subjects, weights) = members.unzip();
        Ok(Matched { subjects, weights, n_sets: found.n_sets })
    }

    /// Scores and matches the patients of one replicate.
    fn redraw(
        &self,
        drawn: &Drawn,
        replicate: usize,
        scratch: &mut RematchedScratch<'a>,
    ) -> Redrawn {
        let RematchedScratch { counts, score: memory, .. } = scratch;
        counts.clear();
        counts.extend(drawn.replicate(replicate));
        let everybody = repeated(counts);
        let matched = match (&self.score, memory) {
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
        let matched = matched.and_then(|(units, values)| {
            let reason = |error: MatchingError| error.impossibility();
            let found = self.matched(&units, values);
            found.map_err(|error| reason(error).unwrap_or(NotEstimable::NotDefined))
        });
        Redrawn { everybody, matched }
    }

    /// The quantities of some replicates.
    fn answer(
        &self,
        redrawn: &[Redrawn],
        scratch: &mut RematchedScratch<'a>,
        answers: &mut [Replicated],
    ) {
        let n_quantities = self.n_quantities();
        self.outcome(redrawn, scratch, answers);
        for (redrawn, answers) in redrawn.iter().zip(answers.chunks_mut(n_quantities)) {
            let (outcome, rest) = answers.split_at_mut(self.n_outcome());
            if let Err(reason) = redrawn.in_sets() {
                outcome.fill(Replicated::value(Err(reason)));
            }
            let differences = self.smd.iter().flat_map(|smd| redrawn.differences(smd));
            let n_sets = redrawn.matched.as_ref().map(|matched| matched.n_sets as f64);
            let found = differences.chain([n_sets.map_err(|&reason| reason)]);
            rest.iter_mut().zip(found).for_each(|(to, value)| *to = Replicated::value(value));
        }
    }

    /// Quantities of survival and of hazard models of those who are matched.
    fn outcome(
        &self,
        redrawn: &[Redrawn],
        scratch: &mut RematchedScratch<'a>,
        answers: &mut [Replicated],
    ) {
        let RematchedScratch { survival, cox, matched, part, .. } = scratch;
        let n_quantities = self.n_quantities();
        let is_one_to_one = self.matching.is_one_to_one();
        count(redrawn, matched);
        let mut first = 0;
        if let (Some(statistic), Some(scratch)) = (&self.survival, survival) {
            let place = (first, n_quantities);
            first += evaluate_part(statistic, matched, scratch, part, place, answers);
        }
        for (statistic, scratch) in self.cox.iter().zip(cox) {
            let place = (first, n_quantities);
            if is_one_to_one {
                evaluate_part(statistic, matched, scratch, part, place, answers);
            } else {
                self.weighted_model(statistic, redrawn, place, answers);
            }
            first += statistic.n_quantities();
        }
    }

    /// Log hazard ratios of matched patients whose copies may have different weights.
    fn weighted_model(
        &self,
        statistic: &CoxStatistic,
        redrawn: &[Redrawn],
        (first, n_quantities): (usize, usize),
        answers: &mut [Replicated],
    ) {
        for (redrawn, answers) in redrawn.iter().zip(answers.chunks_mut(n_quantities)) {
            let Ok(matched) = redrawn.in_sets() else { continue };
            let rows = matched.subjects.iter().map(|&subject| self.row(subject));
            let Ok(rows) = Selection::of(self.cohort, rows) else { continue };
            let found = statistic.weighted(&rows, matched.weights.clone());
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
    /// Who is matched, or why nobody is.
    fn in_sets(&self) -> Estimate<&Matched> {
        match &self.matched {
            Ok(matched) if matched.subjects.is_empty() => Err(NotEstimable::NoSubjects),
            Ok(matched) => Ok(matched),
            Err(reason) => Err(*reason),
        }
    }

    /// Differences before and after matching.
    fn differences(&self, smd: &SmdStatistic) -> Vec<Estimate> {
        let everybody = Members { subjects: &self.everybody, weights: None };
        let mut found = smd.differences(everybody, everybody);
        match self.in_sets() {
            Ok(Matched { subjects, weights, .. }) => {
                let matched = Members { subjects, weights: Some(weights) };
                found.extend(smd.differences(matched, everybody));
            }
            Err(reason) => found.extend(vec![Err(reason); smd.n_quantities()]),
        }
        found
    }
}

/// How much each subject counts among the matched of each replicate.
fn count(redrawn: &[Redrawn], into: &mut Drawn) {
    into.n_replicates = redrawn.len();
    into.counts.fill([0.0; REPLICATES_AT_ONCE]);
    for (lane, redrawn) in redrawn.iter().enumerate() {
        let Ok(matched) = &redrawn.matched else { continue };
        for (&subject, weight) in matched.subjects.iter().zip(&matched.weights) {
            into.counts[subject as usize][lane] += weight;
        }
    }
}

impl<'a> Statistic for Rematched<'a> {
    type Scratch = RematchedScratch<'a>;

    fn n_subjects(&self) -> usize {
        self.selection.len()
    }

    fn n_quantities(&self) -> usize {
        let n_differences = self.smd.as_ref().map_or(0, Statistic::n_quantities);
        self.n_outcome() + 2 * n_differences + 1
    }

    fn scratch(&self) -> RematchedScratch<'a> {
        let counts = vec![[0.0; REPLICATES_AT_ONCE]; self.selection.len()];
        let counting = match self.matching.is_one_to_one() {
            true => Counting::Subjects,
            false => Counting::Weights,
        };
        RematchedScratch {
            score: self.score.as_ref().map(|(model, _)| model.scratch()),
            survival: self.survival.as_ref().map(Statistic::scratch),
            cox: self.cox.iter().map(Statistic::scratch).collect(),
            counts: Vec::with_capacity(self.selection.len()),
            matched: Drawn { counts, n_replicates: 0, counting },
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
