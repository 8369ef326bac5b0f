//! How much each subject moves an estimate, and the robust variances that follow.
//!
//! A subject's influence is the derivative of an estimate by the subject's weight; the variance of the
//! infinitesimal jackknife is the sum over the clusters of the squared sums of weight times influence.
//! The estimates here are sums over the times of a curve, or functions of such sums. So whoever is at
//! risk has the same influence as all others since the entry, and whoever has left keeps it.

use crate::SurvivalCurve;
use cohort::{Endpoint, Estimate, NotEstimable};
use numerics::sum::Sum;

/// How one time of a curve moves a sum over its times, as derivatives by the weight of a subject.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Move {
    /// Of somebody at risk who stays or is censored.
    pub(crate) of_staying: f64,
    /// Of somebody with the event.
    pub(crate) of_event: f64,
    /// Whether there is any event.
    pub(crate) has_event: bool,
}

/// The moves of the logarithm of the survival.
///
/// ```text
/// e / (n (n - e)) of somebody at risk      -1 / n of somebody with the event
/// ```
///
/// Where the curve falls to 0, everybody at risk has the event and nobody moves it.
pub(crate) fn moves_of_log_survival(curve: &SurvivalCurve) -> Vec<Move> {
    let at = |row: usize| {
        let risk_set = curve.risk_set(row);
        let has_event = risk_set.n_events > 0;
        if !has_event || risk_set.staying == 0.0 {
            return Move { has_event, ..Move::default() };
        }
        let (n, e) = (risk_set.at_risk, risk_set.events);
        Move { of_staying: e / (n * risk_set.staying), of_event: -1.0 / n, has_event }
    };
    (0..curve.time.len()).map(at).collect()
}

impl Move {
    /// The move of a multiple of the sum.
    pub(crate) fn times(self, factor: f64) -> Self {
        let (of_staying, of_event) = (self.of_staying * factor, self.of_event * factor);
        Self { of_staying, of_event, ..self }
    }

    fn of(self, stay: &Stay) -> f64 {
        if stay.has_event { self.of_event } else { self.of_staying }
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
        let of = |subject: usize| clusters.map_or(subject as u32, |clusters| clusters[subject]);
        let mut labels: Vec<u32> = subjects.iter().map(|&subject| of(subject)).collect();
        labels.sort_unstable();
        labels.dedup();
        let is_alone = labels.len() == subjects.len() && clusters.is_none();
        let cluster_of = |position: usize, subject: usize| match is_alone {
            true => position,
            false => labels.partition_point(|&other| other < of(subject)),
        };
        let rows_before = |time: f64| curve.time.partition_point(|&other| other < time) as u32;
        let rows_until = |time: f64| curve.time.partition_point(|&other| other <= time) as u32;
        let stay = |(position, &subject): (usize, &usize)| Stay {
            entry_row: endpoint.entry().map_or(0, |entry| rows_until(entry[subject])),
            exit_row: rows_before(endpoint.time()[subject]),
            has_event: endpoint.event()[subject],
            cluster: cluster_of(position, subject) as u32,
            weight: weights.map_or(1.0, |weights| weights[subject]),
        };
        let mut stays: Vec<Stay> = subjects.iter().enumerate().map(stay).collect();
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
    pub(crate) fn influence(&self, moves: &[Move]) -> Influence {
        let mut until = vec![0.0];
        let mut sum = Sum::default();
        for one in moves {
            sum += one.of_staying;
            until.push(sum.value());
        }
        let n_rows = moves.len();
        let mut sums = vec![Sum::default(); self.labels.len()];
        for stay in &self.stays {
            let (entry, exit) = (stay.entry_row as usize, stay.exit_row as usize);
            let before = until[exit.min(n_rows)] - until[entry.min(n_rows)];
            let moved = before + moves.get(exit).map_or(0.0, |at_exit| at_exit.of(stay));
            sums[stay.cluster as usize] += stay.weight * moved;
        }
        let by_cluster = self.labels.iter().copied().zip(sums.into_iter().map(Sum::value));
        let is_moved = moves.iter().any(|one| one.has_event);
        Influence { by_cluster: by_cluster.collect(), is_moved }
    }

    /// Variance of the sum of the moves up to and including each time; for a single cluster it is
    /// undefined from the first event on.
    ///
    /// One walk over times and subjects, however many clusters there are.
    pub(crate) fn variances(&self, moves: &[Move]) -> Vec<Estimate> {
        if self.labels.len() < 2 {
            let n_certain = moves.iter().take_while(|one| !one.has_event).count();
            let undefined = vec![Err(NotEstimable::VarianceUndefined); moves.len() - n_certain];
            return vec![Ok(0.0); n_certain].into_iter().chain(undefined).collect();
        }
        let mut walk = Walk::new(self.labels.len());
        for stay in self.stays.iter().filter(|stay| stay.entry_row == 0) {
            walk.enter(stay);
        }
        let (mut leaving, mut entering) =
            (self.stays.iter().peekable(), self.late.iter().peekable());
        let late = |position: &u32| &self.stays[*position as usize];
        let variance = |(row, one): (usize, &Move)| {
            while let Some(next) = entering.next_if(|&next| late(next).entry_row as usize <= row) {
                walk.enter(late(next));
            }
            while let Some(stay) = leaving.next_if(|stay| stay.exit_row as usize == row) {
                walk.leave(stay, one.of(stay));
            }
            walk.moved += one.of_staying;
            Ok(walk.variance())
        };
        moves.iter().enumerate().map(variance).collect()
    }
}

/// The squared influences of the clusters while time goes on: with those at risk of the weight `m`,
/// who have moved by `a` since the sums were made, and the rest `b`, a cluster has the influence
/// `b + m a`.
struct Walk {
    /// `a`, the same for all.
    moved: f64,
    /// `b` and `m` of each cluster. Who has left leaves the rounding of a large sum behind in a
    /// small one unless it is carried along.
    clusters: Vec<[Sum; 2]>,
    /// Sums over the clusters of `b²`, `b m` and `m²`.
    squares: [Sum; 3],
}

/// How much larger than their sum the terms of a variance may be before the sums are made anew: it
/// costs four bits at most.
const CANCELLATION: f64 = 16.0;

impl Walk {
    fn new(n_clusters: usize) -> Self {
        Self {
            moved: 0.0,
            clusters: vec![[Sum::default(); 2]; n_clusters],
            squares: Default::default(),
        }
    }

    fn enter(&mut self, stay: &Stay) {
        self.change(stay, -stay.weight * self.moved, stay.weight);
    }

    fn leave(&mut self, stay: &Stay, last_move: f64) {
        self.change(stay, stay.weight * (self.moved + last_move), -stay.weight);
    }

    fn change(&mut self, stay: &Stay, rest: f64, at_risk: f64) {
        let cluster = stay.cluster as usize;
        self.add(-1.0, cluster);
        let [b, m] = &mut self.clusters[cluster];
        *b += rest;
        *m += at_risk;
        self.add(1.0, cluster);
    }

    /// Adds a cluster to the sums of squares, or takes it out.
    fn add(&mut self, sign: f64, cluster: usize) {
        let [b, m] = self.clusters[cluster].map(Sum::value);
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
            let [b, m] = &mut self.clusters[cluster];
            *b += m.value() * moved;
            self.add(1.0, cluster);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kaplan_meier::tests::curve_of;

    /// Times 1 to 4 with events at 1 and 3.
    fn four() -> (SurvivalCurve, Endpoint) {
        let event = vec![true, false, true, false];
        let endpoint = Endpoint::new(vec![1.0, 2.0, 3.0, 4.0], event).unwrap();
        (curve_of(&endpoint), endpoint)
    }

    fn jackknife(clusters: Option<&[u32]>) -> (Jackknife, Vec<Move>) {
        let (curve, endpoint) = four();
        let jackknife = Jackknife::new(&curve, &endpoint, &[0, 1, 2, 3], None, clusters);
        (jackknife, moves_of_log_survival(&curve))
    }

    fn assert_close(got: &[Estimate], want: &[f64]) {
        for (got, want) in got.iter().zip(want) {
            assert!((got.unwrap() - want).abs() < 1e-15, "{got:?} instead of {want}");
        }
    }

    /// Those at risk move ln S by 1/12 at 1 and by 1/2 at 3, those with the event by -1/4 and -1/2:
    /// in all -1/4, 1/12, 1/12 - 1/2 and 1/12 + 1/2. The squares add up to Greenwood's 1/12 + 1/2.
    #[test]
    fn four_subjects_by_hand() {
        let (jackknife, moves) = jackknife(None);
        let (at_1, at_3) = (1.0 / 12.0, 1.0 / 12.0 + 0.5);
        assert_close(&jackknife.variances(&moves), &[at_1, at_1, at_3, at_3]);
        assert_close(&[jackknife.influence(&moves).variance()], &[at_3]);
        assert_eq!(jackknife.n_clusters(), 4);
    }

    /// The first with the third, the second with the last: ∓(1/4 + 5/12) at the end.
    #[test]
    fn clusters_add_their_influences() {
        let (jackknife, moves) = jackknife(Some(&[7, 3, 7, 3]));
        // At 1 the first and third have -1/4 + 1/12.
        let (at_1, at_3) = (2.0 / 36.0, 2.0 * 4.0 / 9.0);
        assert_close(&jackknife.variances(&moves), &[at_1, at_1, at_3, at_3]);
        assert_eq!(jackknife.labels, [3, 7]);
    }

    #[test]
    fn one_cluster_has_no_variance_after_the_first_event() {
        let (jackknife, moves) = jackknife(Some(&[5; 4]));
        assert_eq!(jackknife.variances(&moves), [Err(NotEstimable::VarianceUndefined); 4]);
        assert_eq!(jackknife.influence(&moves).variance(), Err(NotEstimable::VarianceUndefined));
        assert_eq!(jackknife.influence(&[]).variance(), Ok(0.0));
    }

    /// The walk against the sums by cluster after each time, where entries are late, weights unequal
    /// and the terms cancel: two clusters have opposite influences.
    #[test]
    fn the_walk_agrees_with_sums_by_cluster() {
        let n = 400u32;
        let pseudo = |i: u32, salt: u32| f64::from((i * 7919 + salt * 104_729) % 1009) / 1009.0;
        let entry: Vec<f64> = (0..n).map(|i| (pseudo(i, 1) * 20.0).floor()).collect();
        let time = (0..n).zip(&entry).map(|(i, entry)| entry + 1.0 + (pseudo(i, 2) * 60.0).floor());
        let event = (0..n).map(|i| pseudo(i, 3) < 0.6).collect();
        let endpoint = Endpoint::with_entry(entry.clone(), time.collect(), event).unwrap();
        let weights: Vec<f64> = (0..n).map(|i| 0.1 + pseudo(i, 4)).collect();
        let curve = curve_of(&endpoint);
        let moves = moves_of_log_survival(&curve);
        let subjects: Vec<usize> = (0..n as usize).collect();
        for n_clusters in [2, 7, 100] {
            let clusters: Vec<u32> = (0..n).map(|i| i % n_clusters).collect();
            let jackknife =
                Jackknife::new(&curve, &endpoint, &subjects, Some(&weights), Some(&clusters));
            for (row, variance) in jackknife.variances(&moves).into_iter().enumerate() {
                let sum = jackknife.influence(&moves[..=row]).variance();
                let (error, want) = (variance.unwrap().sqrt(), sum.unwrap().sqrt());
                assert!((error - want).abs() <= 1e-15, "{error} instead of {want}");
            }
        }
    }

    /// The same clusters moved alike are one thing, and others have nothing in common.
    #[test]
    fn correlations_come_from_common_clusters() {
        let (common, moves) = jackknife(Some(&[1, 2, 3, 4]));
        let influence = common.influence(&moves);
        assert!((influence.correlation(&influence) - 1.0).abs() < 1e-15);
        let (apart, moves) = jackknife(Some(&[5, 6, 7, 8]));
        assert_eq!(influence.correlation(&apart.influence(&moves)), 0.0);
        let (unmoved, _) = jackknife(Some(&[1, 2, 3, 4]));
        let unmoved = unmoved.influence(&[]);
        assert_eq!(influence.correlation(&unmoved), 0.0);
    }
}
