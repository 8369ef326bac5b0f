//! Standardised differences of samples whose subjects count several times or not at all.

use crate::differences::shares;
use crate::sample::Group;
use crate::smd::{Unit, smd_of_moments, smd_of_shares};
use crate::summary::Moments;
use crate::{BalanceError, Variable};
use cohort::{
    Arms, Cohort, CohortError, Counting, Drawn, Estimate, Replicated, Selection, Statistic, Values,
};

/// Whose differences are computed again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct SmdQuery {
    /// Column that tells the arms apart; it has exactly two levels.
    pub exposure: String,
    /// Level of the exposed.
    pub exposed: String,
    /// The variables, in the order of the answers.
    pub variables: Vec<Variable>,
}

/// Standardised differences of the arms, one per variable, prepared so that they are computed again and
/// again.
///
/// They are those of [`crate::balance`] on repeated rows, in pooled standard deviations: of the reference
/// rows, which stay as they are, or without such rows of the sample itself, as often as each subject counts.
/// Subjects without a value are left out of their variable.
pub struct SmdStatistic {
    /// Whether each subject of the sample is exposed.
    is_exposed: Vec<bool>,
    variables: Vec<Measured>,
    names: Vec<String>,
    /// The moments or shares of the reference rows.
    reference: Option<Vec<Described>>,
}

/// The values of the subjects of the sample.
struct Measured {
    values: Known,
    is_missing: Vec<bool>,
}

enum Known {
    Numbers(Vec<f64>),
    Codes { codes: Vec<u32>, n_levels: usize },
}

/// What a difference needs to know of the exposed and of the comparators.
enum Described {
    Numbers([Option<Moments>; 2]),
    Categories([crate::smd::Shares; 2]),
}

/// Subjects who make up a sample.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    /// Subjects in order, repeated as often as they count.
    pub subjects: &'a [u32],
    /// A positive weight for each of them; absent = all count alike.
    pub weights: Option<&'a [f64]>,
}

impl SmdStatistic {
    /// Reads the columns for the selected rows and, where there are some, for the reference rows.
    ///
    /// # Errors
    ///
    /// A column that cannot be read, or an exposure that does not make two arms of the rows.
    pub fn read(
        cohort: &Cohort,
        selection: &Selection,
        reference: Option<&Selection>,
        query: &SmdQuery,
    ) -> Result<Self, BalanceError> {
        let sample = Sample::read(cohort, selection, query)?;
        let reference = reference.map(|rows| {
            let reference = Sample::read(cohort, rows, query)?;
            let everybody: Vec<u32> = (0..rows.len() as u32).collect();
            let members = Members { subjects: &everybody, weights: None };
            Ok::<_, BalanceError>(described(&reference.is_exposed, &reference.variables, members))
        });
        Ok(Self {
            is_exposed: sample.is_exposed,
            variables: sample.variables,
            names: query
                .variables
                .iter()
                .map(|known| format!("SMD of {}", known.column()))
                .collect(),
            reference: reference.transpose()?,
        })
    }

    /// Names of the differences, in the order of the answers.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The differences of some members of the sample in the units of others: of the reference rows, if there
    /// are some, else of `units`.
    #[must_use]
    pub fn differences(&self, members: Members, units: Members) -> Vec<Estimate> {
        let own = described(&self.is_exposed, &self.variables, members);
        let of_units;
        let fixed = match &self.reference {
            Some(reference) => reference,
            None => {
                of_units = described(&self.is_exposed, &self.variables, units);
                &of_units
            }
        };
        own.iter().zip(fixed).map(|(own, fixed)| difference(own, fixed)).collect()
    }
}

fn difference(own: &Described, fixed: &Described) -> Estimate {
    match (own, fixed) {
        (Described::Numbers([m1, m0]), Described::Numbers([r1, r0])) => {
            smd_of_moments((*m1, *m0), (*r1, *r0), Unit::Pooled)
        }
        (Described::Categories([p1, p0]), Described::Categories([q1, q0])) => {
            smd_of_shares((p1, p0), (q1, q0), Unit::Pooled)
        }
        // Both were read from the same columns.
        _ => Err(cohort::NotEstimable::NotDefined),
    }
}

struct Sample {
    is_exposed: Vec<bool>,
    variables: Vec<Measured>,
}

impl Sample {
    fn read(
        cohort: &Cohort,
        selection: &Selection,
        query: &SmdQuery,
    ) -> Result<Self, BalanceError> {
        let arms = Arms::new(cohort, selection, &query.exposure, &query.exposed)?;
        let measured = |variable: &Variable| measured(cohort, selection, variable);
        let variables = query.variables.iter().map(measured).collect::<Result<_, _>>()?;
        Ok(Self { is_exposed: arms.is_exposed().to_vec(), variables })
    }
}

/// Codes are those of all rows of the cohort that have a value, so that samples share them.
fn measured(
    cohort: &Cohort,
    selection: &Selection,
    variable: &Variable,
) -> Result<Measured, CohortError> {
    let name = variable.column();
    let missing = cohort.is_missing(name)?;
    let rows = selection.rows();
    let values = match variable {
        Variable::Numeric(name) => match cohort.values(name)? {
            Values::Numeric(values) => {
                Known::Numbers(rows.iter().map(|&row| values[row]).collect())
            }
            Values::Categorical { .. } => {
                return Err(CohortError::NotNumeric { column: name.clone() });
            }
        },
        Variable::Categorical(name) => {
            let present = Selection::all(cohort).filter(|row| !missing[row]);
            let categories = cohort.categories(name, &present)?;
            let mut codes = vec![0; cohort.len()];
            for (&row, &code) in present.rows().iter().zip(categories.codes.iter()) {
                codes[row] = code;
            }
            let codes = rows.iter().map(|&row| codes[row]).collect();
            Known::Codes { codes, n_levels: categories.levels.len() }
        }
    };
    Ok(Measured { values, is_missing: rows.iter().map(|&row| missing[row]).collect() })
}

fn described(is_exposed: &[bool], variables: &[Measured], members: Members) -> Vec<Described> {
    // Equal weights are none.
    let differ = |weights: &&[f64]| weights.iter().any(|weight| *weight != weights[0]);
    let members = Members { weights: members.weights.filter(differ), ..members };
    let describe = |variable: &Measured| match &variable.values {
        Known::Numbers(values) => {
            let moments =
                |arm| Moments::of_group(&group(values, variable, is_exposed, members, arm));
            Described::Numbers([moments(true), moments(false)])
        }
        Known::Codes { codes, n_levels } => {
            let shares = |arm| shares(&group(codes, variable, is_exposed, members, arm), *n_levels);
            Described::Categories([shares(true), shares(false)])
        }
    };
    variables.iter().map(describe).collect()
}

/// The members of an arm who have a value.
fn group<T: Copy>(
    values: &[T],
    variable: &Measured,
    is_exposed: &[bool],
    members: Members,
    arm: bool,
) -> Group<T> {
    let counted = |&(_, &subject): &(usize, &u32)| {
        is_exposed[subject as usize] == arm && !variable.is_missing[subject as usize]
    };
    let present = || members.subjects.iter().enumerate().filter(counted);
    Group {
        rows: Vec::new(),
        values: present().map(|(_, &subject)| values[subject as usize]).collect(),
        weights: members.weights.map(|weights| present().map(|(at, _)| weights[at]).collect()),
        n_missing: 0,
    }
}

/// The members of one replicate.
fn members_of(drawn: &Drawn, replicate: usize, subjects: &mut Vec<u32>, weights: &mut Vec<f64>) {
    subjects.clear();
    weights.clear();
    for (subject, count) in drawn.replicate(replicate).enumerate() {
        let subject = subject as u32;
        match drawn.counting {
            Counting::Subjects => {
                subjects.extend(std::iter::repeat_n(subject, count as usize));
            }
            Counting::Weights if count > 0.0 => {
                subjects.push(subject);
                weights.push(count);
            }
            Counting::Weights => {}
        }
    }
}

impl Statistic for SmdStatistic {
    type Scratch = (Vec<u32>, Vec<f64>);

    fn n_subjects(&self) -> usize {
        self.is_exposed.len()
    }

    fn n_quantities(&self) -> usize {
        self.variables.len()
    }

    fn scratch(&self) -> Self::Scratch {
        Self::Scratch::default()
    }

    fn evaluate(&self, drawn: &Drawn, scratch: &mut Self::Scratch, answers: &mut [Replicated]) {
        let (subjects, weights) = scratch;
        for (replicate, answers) in answers.chunks_mut(self.variables.len().max(1)).enumerate() {
            members_of(drawn, replicate, subjects, weights);
            let are_weighted = drawn.counting == Counting::Weights;
            let members = Members { subjects, weights: are_weighted.then_some(weights.as_slice()) };
            let found = self.differences(members, members);
            for (answer, value) in answers.iter_mut().zip(found) {
                *answer = Replicated::value(value);
            }
        }
    }
}
