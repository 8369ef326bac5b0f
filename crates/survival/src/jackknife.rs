//! How much each subject moves an estimate, and the robust variances that follow.
//!
//! A subject's influence is the derivative of an estimate by the subject's weight; the variance of the
//! infinitesimal jackknife is the sum over the clusters of the squared sums of weight times influence.
//! The estimates here are sums over the times of a curve, or functions of such sums. So whoever is at
//! risk has the same influence as all others since the entry, and whoever has left keeps it.

use crate::SurvivalCurve;
use cohort::{Endpoint, Estimate, NotEstimable};
use numerics::sum::Sum;

/// How each time of a curve moves a sum over its times, as derivatives by the weight of a subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moves {
    /// Of somebody at risk who stays or is censored.
    of_staying: Vec<f64>,
    /// Of somebody with the event.
    of_event: Vec<f64>,
}

impl FromIterator<(f64, f64)> for Moves {
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(moves: I) -> Self {
        let (of_staying, of_event) = moves.into_iter().unzip();
        Self { of_staying, of_event }
    }
}

impl Moves {
    /// Of the logarithm of the survival.
    ///
    /// ```text
    /// e / (n (n - e)) of somebody at risk      -1 / n of somebody with the event
    /// ```
    ///
    /// Where the curve falls to 0, everybody at risk has the event and nobody moves it.
    pub(crate) fn of_log_survival(curve: &SurvivalCurve) -> Self {
        let moves = (0..curve.time.len()).map(|row| {
            let risk_set = curve.risk_set(row);
            if risk_set.n_events == 0 || risk_set.staying == 0.0 {
                return (0.0, 0.0);
            }
            let (n, e) = (risk_set.at_risk, risk_set.events);
            (e / (n * risk_set.staying), -1.0 / n)
        });
        moves.collect()
    }

    /// The moves of the first times, each times a factor.
    pub(crate) fn times(&self, factors: &[f64]) -> Self {
        let moves = self.of_staying.iter().zip(&self.of_event).zip(factors);
        moves.map(|((staying, event), factor)| (staying * factor, event * factor)).collect()
    }

    fn len(&self) -> usize {
        self.of_staying.len()
    }

    fn is_moved_at(&self, row: usize) -> bool {
        self.of_staying[row] != 0.0
    }
}

/// The subjects of one curve as its times see them.
#[derive(Clone, Debug)]
pub(crate) struct Jackknife {
    /// In ascending order of exit.
    stays: Vec<Stay>,
    /// Positions in `stays` of those who enter after the first time, in order of entry.
    late: Vec<u32>,
    /// What the caller calls each cluster, ascending.
    labels: Vec<u32>,
}

/// One subject.
#[derive(Clone, Copy, Debug)]
struct Stay {
    /// Number of times of the curve at or before the entry.
    entry_row: u32,
    /// Time of the curve at which follow-up ends.
    exit_row: u32,
    has_event: bool,
    /// Position of the cluster in `labels`.
    cluster: u32,
    weight: f64,
}

/// The influence of each cluster on one estimate, clusters ascending.
#[derive(Clone, Debug)]
pub(crate) struct Influence {
    by_cluster: Vec<(u32, f64)>,
    /// Whether there is any event that moves the estimate.
    is_moved: bool,
}

impl Influence {
    /// The same on an estimate that changes by `factor` when this one changes by 1.
    pub(crate) fn times(mut self, factor: f64) -> Self {
        self.by_cluster.iter_mut().for_each(|(_, influence)| *influence *= factor);
        self
    }

    /// Variance of the estimate. That of a single cluster, whose influence is always 0, is undefined
    /// unless nothing moves the estimate.
    pub(crate) fn variance(&self) -> Estimate {
        if self.by_cluster.len() < 2 && self.is_moved {
            return Err(NotEstimable::VarianceUndefined);
        }
        Ok(self.squares())
    }

    /// Correlation with an estimate from other subjects, some of whose clusters may be the same; 0
    /// with an estimate that nothing moves.
    pub(crate) fn correlation(&self, other: &Self) -> f64 {
        let mut others = other.by_cluster.iter().peekable();
        let products = self.by_cluster.iter().filter_map(|(label, influence)| {
            while others.next_if(|(other, _)| other < label).is_some() {}
            others.next_if(|(other, _)| other == label).map(|(_, other)| influence * other)
        });
        let covariance = products.collect::<Sum>().value();
        let scale = (self.squares() * other.squares()).sqrt();
        if scale > 0.0 { (covariance / scale).clamp(-1.0, 1.0) } else { 0.0 }
    }

    fn squares(&self) -> f64 {
        self.by_cluster.iter().map(|(_, influence)| influence * influence).collect::<Sum>().value()
    }
}

impl Jackknife {
    /// The subjects of a curve: indexes into the endpoint and, where there are such, into the
    /// weights and the clusters. Without clusters everybody is a cluster of one.
    pub(crate) fn new(
        curve: &SurvivalCurve,
        endpoint: &Endpoint,
        subjects: &[usize],
        weights: Option<&[f64]>,
        clusters: Option<&[u32]>,
    ) -> Self {
        let label = |subject: usize| clusters.map_or(subject as u32, |clusters| clusters[subject]);
        let mut labels: Vec<u32> = subjects.iter().map(|&subject| label(subject)).collect();
        labels.sort_unstable();
        labels.dedup();
        let rows_before = |time: f64| curve.time.partition_point(|&other| other < time) as u32;
        let rows_until = |time: f64| curve.time.partition_point(|&other| other <= time) as u32;
        let stay = |&subject: &usize| Stay {
            entry_row: endpoint.entry().map_or(0, |entry| rows_until(entry[subject])),
            exit_row: rows_before(endpoint.time()[subject]),
            has_event: endpoint.event()[subject],
            cluster: labels.partition_point(|&other| other < label(subject)) as u32,
            weight: weights.map_or(1.0, |weights| weights[subject]),
        };
        let mut stays: Vec<Stay> = subjects.iter().map(stay).collect();
        stays.sort_by_key(|stay| stay.exit_row);
        let mut late: Vec<u32> = (0..stays.len() as u32).collect();
        late.retain(|&position| stays[position as usize].entry_row > 0);
        late.sort_by_key(|&position| stays[position as usize].entry_row);
        Self { stays, late, labels }
    }

    /// Number of clusters.
    pub(crate) fn n_clusters(&self) -> usize {
        self.labels.len()
    }

    /// Influence of each cluster on the sum of all moves; those of the times left out count as 0.
    pub(crate) fn influence(&self, moves: &Moves) -> Influence {
        let mut until = vec![0.0];
        let mut sum = Sum::default();
        for &staying in &moves.of_staying {
            sum += staying;
            until.push(sum.value());
        }
        let n_rows = moves.len();
        let mut sums = vec![Sum::default(); self.labels.len()];
        for stay in &self.stays {
            let (entry, exit) = (stay.entry_row as usize, stay.exit_row as usize);
            let before = until[exit.min(n_rows)] - until[entry.min(n_rows)];
            let at_exit = if stay.has_event { &moves.of_event } else { &moves.of_staying };
            let moved = before + at_exit.get(exit).copied().unwrap_or(0.0);
            sums[stay.cluster as usize] += stay.weight * moved;
        }
        let by_cluster = self.labels.iter().copied().zip(sums.into_iter().map(Sum::value));
        let is_moved = (0..n_rows).any(|row| moves.is_moved_at(row));
        Influence { by_cluster: by_cluster.collect(), is_moved }
    }

    /// Variance of the sum of the moves up to and including each time; for a single cluster it is
    /// undefined from the first event on.
    ///
    /// One walk over times and subjects, however many clusters there are.
    pub(crate) fn variances(&self, moves: &Moves) -> Vec<Estimate> {
        if self.labels.len() < 2 {
            let first = (0..moves.len()).find(|&row| moves.is_moved_at(row));
            let first = first.unwrap_or(moves.len());
            let known =
                |row| if row < first { Ok(0.0) } else { Err(NotEstimable::VarianceUndefined) };
            return (0..moves.len()).map(known).collect();
        }
        let mut walk = Walk::new(self.labels.len());
        for stay in self.stays.iter().filter(|stay| stay.entry_row == 0) {
            walk.enter(stay);
        }
        let (mut leaving, mut entering) =
            (self.stays.iter().peekable(), self.late.iter().peekable());
        let late = |position: &u32| &self.stays[*position as usize];
        let variance = |row: usize| {
            while let Some(position) =
                entering.next_if(|&next| late(next).entry_row as usize <= row)
            {
                walk.enter(late(position));
            }
            let (of_staying, of_event) = (moves.of_staying[row], moves.of_event[row]);
            while let Some(stay) = leaving.next_if(|stay| stay.exit_row as usize == row) {
                walk.leave(stay, if stay.has_event { of_event } else { of_staying });
            }
            walk.moved += of_staying;
            Ok(walk.variance())
        };
        (0..moves.len()).map(variance).collect()
    }
}

/// The squared influences of the clusters while time goes on: with those at risk of the weight `m`,
/// who have moved by `a` since the sums were made, and the rest `b`, a cluster has the influence
/// `b + m a`.
struct Walk {
    /// `a`, the same for all.
    moved: f64,
    /// `b` and `m` of each cluster.
    clusters: Vec<(f64, f64)>,
    /// Sums over the clusters of `b²`, `b m` and `m²`.
    squares: [Sum; 3],
}

/// How much larger than their sum the terms of a variance may be before the sums are made anew: it
/// costs four bits at most.
const CANCELLATION: f64 = 16.0;

impl Walk {
    fn new(n_clusters: usize) -> Self {
        Self { moved: 0.0, clusters: vec![(0.0, 0.0); n_clusters], squares: Default::default() }
    }

    fn enter(&mut self, stay: &Stay) {
        self.change(stay, -stay.weight * self.moved, stay.weight);
    }

    fn leave(&mut self, stay: &Stay, last_move: f64) {
        self.change(stay, stay.weight * (self.moved + last_move), -stay.weight);
    }

    fn change(&mut self, stay: &Stay, rest: f64, at_risk: f64) {
        let (b, m) = self.clusters[stay.cluster as usize];
        self.add(-1.0, (b, m));
        let changed = (b + rest, m + at_risk);
        self.add(1.0, changed);
        self.clusters[stay.cluster as usize] = changed;
    }

    fn add(&mut self, sign: f64, (b, m): (f64, f64)) {
        let [bb, bm, mm] = &mut self.squares;
        *bb += sign * (b * b);
        *bm += sign * (b * m);
        *mm += sign * (m * m);
    }

    /// The sum of squared influences.
    fn variance(&mut self) -> f64 {
        let [bb, bm, mm] = self.squares.map(Sum::value);
        let (first, last) = (bb, self.moved * self.moved * mm);
        let variance = first + 2.0 * self.moved * bm + last;
        if first + last <= CANCELLATION * variance {
            return variance;
        }
        self.start_anew();
        self.squares[0].value()
    }

    /// Makes the sums anew from the influences as they are now, with `a` = 0.
    fn start_anew(&mut self) {
        let moved = std::mem::take(&mut self.moved);
        self.squares = Default::default();
        for cluster in 0..self.clusters.len() {
            let (b, m) = self.clusters[cluster];
            self.clusters[cluster] = (b + m * moved, m);
            self.add(1.0, self.clusters[cluster]);
        }
    }
}
