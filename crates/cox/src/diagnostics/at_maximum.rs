//! A model at its maximum with what its residuals are made of.

use crate::event_times::EventTimes;
use crate::fit::Model;
use crate::risks::Risks;
use cohort::Estimate;
use nalgebra::DMatrix;

/// Risks and event times at the maximum. Everything that is returned by subject stands in the order
/// of the follow-up, and columns are those that have a coefficient.
pub(crate) struct AtMaximum<'a> {
    pub model: &'a Model<'a>,
    pub times: EventTimes,
    risks: Risks,
    /// Cumulative hazard lived through by each position with a relative risk of 1.
    hazard: Vec<f64>,
    /// Indexes of the columns that are not aliased.
    columns: Vec<usize>,
}

impl<'a> AtMaximum<'a> {
    /// Evaluates the model; there is nothing to see without a maximum.
    pub fn new(model: &'a Model<'a>) -> Estimate<Self> {
        if let Some(reason) = model.no_diagnosis() {
            return Err(reason);
        }
        let sets = model.sets;
        let mut risks = Risks::new(sets);
        sets.evaluate(model.maximum.estimate.as_slice(), &mut risks);
        let times = EventTimes::collect(sets, model.options.ties, &risks);
        let hazard = times.experienced_hazard(sets, &risks);
        let columns = (0..sets.p()).filter(|&j| !model.maximum.aliased[j]).collect();
        Ok(Self { model, times, risks, hazard, columns })
    }

    /// Indexes of the columns that have a coefficient.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Name of a column.
    pub fn name(&self, column: usize) -> &str {
        &self.model.data.design.columns[column].name
    }

    /// Standard deviation of a column in the caller's unit.
    pub fn scale(&self, column: usize) -> f64 {
        self.model.sets.scales()[column]
    }

    /// Coefficient of a column in the caller's unit.
    pub fn coefficient(&self, column: usize) -> f64 {
        self.model.maximum.estimate[column] / self.scale(column)
    }

    /// Model covariance of the coefficients of standardised columns.
    pub fn covariance(&self) -> DMatrix<f64> {
        self.model.maximum.covariance.select_rows(&self.columns).select_columns(&self.columns)
    }

    /// Events less what the model expects, by subject.
    pub fn martingale(&self) -> Vec<f64> {
        let sets = self.model.sets;
        let unweighted = |position: usize| self.risks.risk[position] / sets.weight(position);
        let mut residuals: Vec<f64> =
            (0..sets.n()).map(|position| -unweighted(position) * self.hazard[position]).collect();
        for group in sets.groups() {
            for position in group.events.clone() {
                residuals[position] += 1.0;
            }
        }
        self.by_subject(&residuals)
    }

    /// Score residuals of standardised columns times the case weights, subjects by columns.
    pub fn weighted_scores(&self) -> DMatrix<f64> {
        let mut scores = DMatrix::zeros(self.model.sets.n(), self.columns.len());
        for (k, &j) in self.columns.iter().enumerate() {
            let by_position = self.times.scores(self.model.sets, &self.risks, &self.hazard, j);
            scores.column_mut(k).copy_from_slice(&self.by_subject(&by_position));
        }
        scores
    }

    /// Positions of the events: stratum by stratum, in time order, tied ones in the order of rows.
    pub fn event_positions(&self) -> impl Iterator<Item = (usize, usize)> {
        let groups = self.model.sets.groups().iter().enumerate();
        groups.flat_map(|(index, group)| group.events.clone().map(move |at| (index, at)))
    }

    /// Schoenfeld residuals of standardised columns, events by columns: the column of whoever dies
    /// less its mean over the risk set.
    pub fn schoenfeld(&self) -> DMatrix<f64> {
        let events: Vec<(usize, usize)> = self.event_positions().collect();
        DMatrix::from_fn(events.len(), self.columns.len(), |event, k| {
            let ((group, position), j) = (events[event], self.columns[k]);
            self.model.sets.column(j)[position] - self.times.mean(group, j)
        })
    }

    /// The subject at a position.
    pub fn subject(&self, position: usize) -> usize {
        self.model.data.order.order()[position] as usize
    }

    fn by_subject(&self, by_position: &[f64]) -> Vec<f64> {
        let mut values = vec![0.0; by_position.len()];
        for (position, &value) in by_position.iter().enumerate() {
            values[self.subject(position)] = value;
        }
        values
    }
}
