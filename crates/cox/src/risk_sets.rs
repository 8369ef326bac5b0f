//! Who is at risk when: the subjects of a model with their strata, and the walk over event times.

use crate::risks::Risks;
use crate::subjects::Subjects;
use cohort::{Design, Endpoint, RiskOrder, TieGroup};
use std::ops::{Deref, Range};
use std::sync::OnceLock;

/// The subjects of a model with the order that they come in.
#[derive(Clone, Debug)]
pub(crate) struct RiskSets<'a> {
    order: &'a RiskOrder,
    subjects: Subjects,
    /// Ranges of `order.groups()`, one per stratum.
    strata: Vec<Range<usize>>,
    /// Column after column, each in risk order; made when first asked for.
    columns: OnceLock<Vec<f64>>,
    /// Positions that are at risk for ever; absent = none.
    stays: Option<Vec<bool>>,
}

impl Deref for RiskSets<'_> {
    type Target = Subjects;

    fn deref(&self) -> &Subjects {
        &self.subjects
    }
}

/// Sums over a risk set that grows backwards in time, and over the deaths in it.
pub(crate) trait RunningSums {
    /// Nobody is at risk.
    fn clear(&mut self);
    /// Everything in another unit.
    fn scale(&mut self, factor: f64);
    /// Nobody dies.
    fn clear_deaths(&mut self);
    /// A subject with the risk `r` is at risk from here on.
    fn join(&mut self, sets: &RiskSets, position: usize, r: f64);
    /// It is not any more.
    fn leave(&mut self, sets: &RiskSets, position: usize, r: f64) {
        self.join(sets, position, -r);
    }
    /// It dies here.
    fn die(&mut self, sets: &RiskSets, position: usize, r: f64);
    /// Those who die are at risk from here on.
    fn add_deaths(&mut self);
}

impl<'a> RiskSets<'a> {
    /// Standardises the columns and puts them in risk order.
    pub fn new(endpoint: &Endpoint, order: &'a RiskOrder, design: &Design) -> Self {
        let columns = design.columns.iter().map(|column| column.values.as_slice());
        Self::of_columns(endpoint, order, &columns.collect::<Vec<_>>())
    }

    /// The same for columns that make no design.
    pub fn of_columns(endpoint: &Endpoint, order: &'a RiskOrder, columns: &[&[f64]]) -> Self {
        Self {
            order,
            subjects: Subjects::new(endpoint, order, columns),
            strata: strata(order),
            columns: OnceLock::new(),
            stays: None,
        }
    }

    /// The same subjects with these case weights and offsets, one per subject in the caller's order.
    pub fn with(self, weights: Option<&[f64]>, offset: Option<&[f64]>) -> Self {
        let weights = weights.map(|weights| self.in_risk_order(weights));
        let offset = offset.map(|offset| self.in_risk_order(offset));
        Self { subjects: self.subjects.with(weights, offset), ..self }
    }

    /// The same, where these positions are at risk for ever, as after an event of a competing cause.
    pub fn staying(self, stays: Vec<bool>) -> Self {
        Self { stays: Some(stays), ..self }
    }

    /// Whether a position is at risk for ever, as far as order matters.
    #[inline]
    pub fn stays(&self, position: usize) -> bool {
        self.stays.as_ref().is_some_and(|stays| stays[position])
    }

    #[inline]
    pub fn groups(&self) -> &[TieGroup] {
        self.order.groups()
    }

    /// Ranges of [`RiskSets::groups`], one per stratum.
    pub fn strata(&self) -> &[Range<usize>] {
        &self.strata
    }

    /// Column `j` in risk order.
    pub fn column(&self, j: usize) -> &[f64] {
        let n = self.n();
        let columns = self.columns.get_or_init(|| {
            let (mut columns, mut window) = (vec![0.0; n * self.p()], self.window());
            for batch in self.batches() {
                let positions = self.positions(batch);
                self.widen(&positions, &mut window);
                for (row, position) in (window.start()..).zip(positions) {
                    for (j, x) in self.rows(&window).row(row).iter().enumerate() {
                        columns[j * n + position] = *x;
                    }
                }
            }
            columns
        });
        &columns[j * n..(j + 1) * n]
    }

    /// One value per position of those in the caller's order of subjects.
    pub fn in_risk_order<T: Copy>(&self, by_subject: &[T]) -> Vec<T> {
        self.order.order().iter().map(|&subject| by_subject[subject as usize]).collect()
    }

    /// Walks the event times of every stratum backwards with sums of any kind; see
    /// [`RiskSets::sweep`].
    pub fn walk<S: RunningSums>(
        &self,
        risks: &Risks,
        sums: &mut S,
        mut see: impl FnMut(usize, &S),
    ) {
        let mut at_risk = 0;
        for index in (0..self.groups().len()).rev() {
            let span = self.span(index);
            let leaving = self.not_yet_entered(index);
            at_risk = if span.is_last { 0 } else { at_risk - leaving.len() };
            if at_risk == 0 {
                // What subtraction would leave behind is rounding error.
                sums.clear();
            } else {
                sums.scale(risks.carry(index + 1, index));
                for (position, own) in leaving {
                    sums.leave(self, position, risks.risk[position] * risks.carry(own, index));
                }
            }
            sums.clear_deaths();
            for position in span.censored() {
                sums.join(self, position, risks.risk[position]);
            }
            for position in span.events() {
                sums.die(self, position, risks.risk[position]);
            }
            sums.add_deaths();
            at_risk += span.all().len();
            if !span.events().is_empty() {
                see(index, sums);
            }
        }
    }
}

fn strata(order: &RiskOrder) -> Vec<Range<usize>> {
    let mut start = 0;
    let range = |groups: &[TieGroup]| {
        start += groups.len();
        start - groups.len()..start
    };
    order.strata().map(range).collect()
}
