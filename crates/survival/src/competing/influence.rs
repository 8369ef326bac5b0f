//! How much each subject moves the probabilities, and the variances that follow.
//!
//! A subject's influence is the derivative of an estimate by the subject's weight. Once a subject
//! has left, its influence on `S` is `v S(t)` and that on `F` is `z - v (F(∞) - F(t))`, with `v` and
//! `z` that no longer change: two numbers per subject, whose squares are summed as subjects leave.
//! Those still at risk who entered together share theirs. So the variances of a whole curve take
//! one walk over its times, however many subjects there are. Reckoning from `F(∞)` rather than
//! from 0 keeps the digits of a curve whose end is all but reached.

use super::table::CauseTable;
use numerics::sum::Sum;

/// The probabilities after each row of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    /// Probability of no event before each row; the last entry is that after the last row.
    pub(super) event_free: Vec<f64>,
    /// Incidence of each cause after each row.
    pub(super) incidence: Vec<Vec<f64>>,
}

impl Steps {
    pub(super) fn of(table: &CauseTable) -> Self {
        let mut survival = 1.0;
        let mut steps = Self { event_free: vec![survival], incidence: Vec::new() };
        let mut totals = vec![Sum::default(); table.n_causes()];
        steps.incidence.resize_with(table.n_causes(), || Vec::with_capacity(table.times().len()));
        for row in table.rows() {
            let (n, d) = (row.n_at_risk() as f64, row.n_events() as f64);
            for (cause, curve) in steps.incidence.iter_mut().enumerate() {
                totals[cause] += survival * row.events_of_cause(cause) as f64 / n;
                curve.push(totals[cause].value().min(1.0));
            }
            survival *= (n - d) / n;
            steps.event_free.push(survival);
        }
        steps
    }
}

/// What fixes the influence of a subject.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// Influence on the event-free probability, as a share of it.
    v: f64,
    /// Influence on the incidence at the end of the curve.
    z: f64,
}

impl Mark {
    fn less(self, other: Self) -> Self {
        Self { v: self.v - other.v, z: self.z - other.z }
    }
}

/// Influence on the event-free probability and on the incidence of one cause.
pub(super) struct Influence<'a> {
    table: &'a CauseTable,
    steps: &'a Steps,
    cause: usize,
    /// Marks of those still at risk who were there from the beginning, before each row; the last
    /// entry is that after the last row.
    staying: Vec<Mark>,
}

/// Sums of products of marks.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    zz: Sum,
    vz: Sum,
    vv: Sum,
}

impl Moments {
    fn add(&mut self, count: f64, mark: Mark) {
        self.zz += count * mark.z * mark.z;
        self.vz += count * mark.v * mark.z;
        self.vv += count * mark.v * mark.v;
    }

    /// Sum of squares of `z - v rest`, to be completed by the other moments of the same kind.
    fn squares(&self, rest: f64) -> f64 {
        self.zz.value() - 2.0 * rest * self.vz.value() + rest * rest * self.vv.value()
    }
}

/// Those at risk: their number, and sums over the marks from which their own are reckoned.
#[derive(Clone, Copy, Debug, Default)]
struct AtRisk {
    count: f64,
    v: Sum,
    z: Sum,
    moments: Moments,
}

impl AtRisk {
    fn add(&mut self, count: f64, offset: Mark) {
        self.count += count;
        self.v += count * offset.v;
        self.z += count * offset.z;
        self.moments.add(count, offset);
    }

    /// Sums of products of `mark` less each offset.
    fn moments_from(&self, mark: Mark) -> Moments {
        let Moments { mut zz, mut vz, mut vv } = self.moments;
        zz += mark.z * (self.count * mark.z - 2.0 * self.z.value());
        vz += self.count * mark.v * mark.z - mark.v * self.z.value() - mark.z * self.v.value();
        vv += mark.v * (self.count * mark.v - 2.0 * self.v.value());
        Moments { zz, vz, vv }
    }
}

impl<'a> Influence<'a> {
    /// With `d` of `n` at risk having an event, `d_k` of cause `k`, a row adds to the marks
    ///
    /// ```text
    /// v:  d / (n (n - d))                for those who stay, -1/n for those with an event
    /// z:  Δv (F(∞) - F(t)) + S(t-) ([event of cause k] - d_k / n) / n
    /// ```
    pub(super) fn new(table: &'a CauseTable, steps: &'a Steps, cause: usize) -> Self {
        let mut influence = Self { table, steps, cause, staying: vec![Mark::default()] };
        for (row, counts) in table.rows().enumerate() {
            let (n, d) = (counts.n_at_risk() as f64, counts.n_events() as f64);
            let dv = if d < n { d / (n * (n - d)) } else { 0.0 };
            let jump = -steps.event_free[row] * counts.events_of_cause(cause) as f64 / (n * n);
            let before = influence.staying[row];
            let dz = dv * influence.rest(row) + jump;
            influence.staying.push(Mark { v: before.v + dv, z: before.z + dz });
        }
        influence
    }

    /// What is still to come of the incidence after a row.
    fn rest(&self, row: usize) -> f64 {
        let curve = &self.steps.incidence[self.cause];
        curve.last().copied().unwrap_or(0.0) - curve[row]
    }

    /// The marks with which somebody leaves at a row who was there from the beginning; who entered
    /// late has these less those of the others at the entry.
    fn leaving(&self, row: usize, n: f64, outcome: Option<usize>) -> Mark {
        match outcome {
            None => self.staying[row + 1],
            Some(cause) => {
                let before = self.staying[row];
                let own = if cause == self.cause { 1.0 } else { 0.0 };
                let curve = &self.steps.incidence[self.cause];
                let step = curve[row] - if row == 0 { 0.0 } else { curve[row - 1] };
                let jump = (self.steps.event_free[row] * own - step) / n;
                Mark { v: before.v - 1.0 / n, z: before.z - self.rest(row) / n + jump }
            }
        }
    }

    /// Variances after each row: of the event-free probability and of the incidence.
    pub(super) fn variances(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut event_free, mut incidence) = (Vec::new(), Vec::new());
        let entering = self.table.entering_after_rows();
        let mut gone = Moments::default();
        let mut at_risk = AtRisk::default();
        let n_late: usize = entering.iter().sum();
        at_risk.add((self.table.n_subjects() - n_late) as f64, Mark::default());
        for ((row, counts), departures) in
            self.table.rows().enumerate().zip(self.table.departures())
        {
            let n = counts.n_at_risk() as f64;
            for departure in &departures {
                let count = departure.count as f64;
                let at_entry = self.staying[departure.entry_row];
                gone.add(count, self.leaving(row, n, departure.outcome).less(at_entry));
                at_risk.add(-count, at_entry);
            }
            let staying = at_risk.moments_from(self.staying[row + 1]);
            let survival = self.steps.event_free[row + 1];
            let rest = self.rest(row);
            event_free.push(survival * survival * (gone.vv.value() + staying.vv.value()).max(0.0));
            incidence.push(self.settled(row, gone.squares(rest) + staying.squares(rest)));
            at_risk.add(entering[row] as f64, self.staying[row + 1]);
        }
        (event_free, incidence)
    }

    /// A variance of the incidence after a row without what rounding leaves where there is none:
    /// before the first event of the cause nobody moves its incidence.
    fn settled(&self, row: usize, variance: f64) -> f64 {
        if self.steps.incidence[self.cause][row] > 0.0 { variance.max(0.0) } else { 0.0 }
    }

    /// Aalen's variance of the incidence after each row.
    ///
    /// ```text
    /// Σ_s S(s-)² {(1 - (F(t) - F(s)) / S(s))² h(d_k) + ((F(t) - F(s)) / S(s))² h(d - d_k)}
    /// h(d) = d (n - d) / (n² (n - 1))
    /// ```
    ///
    /// over the event times `s <= t`; the variance `h` of a hazard is `1 / n²` for a single event.
    pub(super) fn aalen_variances(&self) -> Vec<f64> {
        let mut sums = Moments::default();
        let walk = self.table.rows().enumerate().map(|(row, counts)| {
            let (n, d) = (counts.n_at_risk() as f64, counts.n_events() as f64);
            let own = counts.events_of_cause(self.cause) as f64;
            let hazard_variance =
                |d: f64| if d > 1.0 { d * (n - d) / (n * n * (n - 1.0)) } else { d / (n * n) };
            let (before, after) = (self.steps.event_free[row], self.steps.event_free[row + 1]);
            let rest = self.rest(row);
            // Where nobody is left event-free, nothing is to come and there is nothing to divide.
            let v = if after > 0.0 { -before / after } else { 0.0 };
            sums.add(hazard_variance(own), Mark { v, z: before + v * rest });
            sums.add(hazard_variance(d - own), Mark { v, z: v * rest });
            self.settled(row, sums.squares(rest))
        });
        walk.collect()
    }
}

/// Influence on the area under an incidence up to a horizon.
pub(super) struct AreaInfluence<'a> {
    influence: &'a Influence<'a>,
    tau: f64,
    /// Number of rows up to the horizon; the others play no part.
    n_rows: usize,
    /// Influence on the area up to each row, of those at risk from the beginning.
    so_far: Vec<f64>,
    /// Area from each row to the horizon under what is still to come of the incidence.
    to_come: Vec<f64>,
}

impl<'a> AreaInfluence<'a> {
    pub(super) fn new(influence: &'a Influence<'a>, tau: f64) -> Self {
        let times = influence.table.times();
        let n_rows = times.partition_point(|&time| time <= tau);
        let (mut so_far, mut to_come) = (vec![0.0; n_rows], vec![0.0; n_rows]);
        for row in 1..n_rows {
            let mark = influence.staying[row];
            let height = mark.z - mark.v * influence.rest(row - 1);
            so_far[row] = so_far[row - 1] + height * (times[row] - times[row - 1]);
        }
        let (mut area, mut end) = (0.0, tau);
        for row in (0..n_rows).rev() {
            area += influence.rest(row) * (end - times[row]);
            to_come[row] = area;
            end = times[row];
        }
        Self { influence, tau, n_rows, so_far, to_come }
    }

    /// Variance of the area: the sum of squares over all subjects.
    pub(super) fn variance(&self) -> f64 {
        let mut total = Sum::default();
        let table = self.influence.table;
        for ((row, counts), departures) in table.rows().enumerate().zip(table.departures()) {
            let n = counts.n_at_risk() as f64;
            for departure in departures {
                let own = if row < self.n_rows {
                    self.from(row, self.influence.leaving(row, n, departure.outcome))
                } else {
                    self.of_staying(self.n_rows)
                };
                let own = own - self.of_staying(departure.entry_row.min(self.n_rows));
                total += departure.count as f64 * own * own;
            }
        }
        total.value()
    }

    /// Influence of those whose marks have been those of the others up to a row and then are fixed.
    fn from(&self, row: usize, mark: Mark) -> f64 {
        let left = self.tau - self.influence.table.times()[row];
        self.so_far[row] + mark.z * left - mark.v * self.to_come[row]
    }

    /// The same of those whose marks are fixed after this number of rows.
    fn of_staying(&self, n_rows: usize) -> f64 {
        let last = n_rows.checked_sub(1);
        last.map_or(0.0, |row| self.from(row, self.influence.staying[n_rows]))
    }
}
