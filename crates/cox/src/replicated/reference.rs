//! Levels with which coefficients compare, and who has them: without anybody there is nothing to compare with.

use cohort::{Cohort, CohortError, Design, Selection, Term};
use std::collections::BTreeSet;

/// The reference level of a factor.
pub struct Reference {
    /// Whether the subject of each row of the cohort has it.
    has_it: Vec<bool>,
    /// Columns of the design that mean a distance from it, ascending: those of terms with the factor, and
    /// those of terms that such a product bends, whose coefficients are slopes or distances at the reference.
    pub columns: Vec<usize>,
}

impl Reference {
    /// Whether one of these rows of the cohort has it.
    pub fn is_in(&self, mut rows: impl Iterator<Item = usize>) -> bool {
        rows.any(|row| self.has_it[row])
    }
}

/// The references of all factors among the terms, of which the design is made for a sample.
///
/// Where nobody of the sample has the reference itself, the last level with anybody takes its place: it is
/// the one whose column is aliased.
pub fn references(
    cohort: &Cohort,
    sample: &Selection,
    terms: &[Term],
    design: &Design,
) -> Result<Vec<Reference>, CohortError> {
    let mut known: BTreeSet<(&str, Option<&str>)> = BTreeSet::new();
    let mut found = Vec::new();
    for factor in terms.iter().flat_map(Term::factors) {
        let Term::Factor { column, reference } = factor else { continue };
        if known.insert((column, reference.as_deref())) {
            let has_it = who_has(cohort, sample, column, reference.as_deref())?;
            found.push(Reference { has_it, columns: compared(factor, terms, design) });
        }
    }
    Ok(found)
}

/// Whether the subject of each row has the level that a factor compares with.
fn who_has(
    cohort: &Cohort,
    sample: &Selection,
    column: &str,
    reference: Option<&str>,
) -> Result<Vec<bool>, CohortError> {
    let categories = cohort.categories(column, sample)?;
    let counts = categories.counts();
    let named = reference.and_then(|level| categories.position(level)).unwrap_or(0) as usize;
    let has_anybody = |level: &usize| counts.get(*level).is_some_and(|&count| count > 0);
    let level = Some(named).filter(has_anybody).or((0..counts.len()).rev().find(has_anybody));
    let mut has_it = vec![false; cohort.len()];
    for (subject, &code) in categories.codes.iter().enumerate() {
        has_it[sample.row(subject)] = Some(code as usize) == level;
    }
    Ok(has_it)
}

/// The columns whose coefficients mean something else without the reference of a factor.
fn compared(factor: &Term, terms: &[Term], design: &Design) -> Vec<usize> {
    let holds = |term: &Term| term.factors().contains(&factor);
    let is_compared = |term: &Term| {
        holds(term) || terms.iter().any(|product| holds(product) && product.has_part(term))
    };
    let columns = design.columns.iter().enumerate();
    columns.filter(|(_, column)| is_compared(&terms[column.term])).map(|(at, _)| at).collect()
}
