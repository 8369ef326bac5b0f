//! Gray's test: do groups have one cumulative incidence of a cause?

use super::table::{CauseRow, CauseTable};
use crate::LogRank;
use cohort::{Estimate, NotEstimable};
use numerics::elementary::pow;
use numerics::sum::Sum;

/// Sums Gray's test of `cause` over one stratum in which everybody is followed from time 0.
///
/// ```text
/// R_i = Y_i (1 - F_i(t-)) / S_i(t-)          at risk, and those gone by other causes as if they were
/// O_i = Σ w d_i      E_i = Σ w d R_i / R     w = (1 - F(t-))^rho
/// ```
///
/// over the event times of the cause, where `d` counts its events and `Y` the risk set, of group `i`
/// or of all; `S_i` is the event-free probability and `F_i` the incidence within the group, and `F`
/// the incidence under the hypothesis, whose steps are `d / Σ Y_i / S_i(t-)`. The covariance is that
/// of Gray with the incidence of the hypothesis, and with `(n - d) / (n - 1)` for ties.
///
/// With events of one cause alone it is not the log-rank test, since `S_i` differs from group to
/// group. When `F` comes to 1 while groups are still compared, as without competing causes and
/// without censoring it may, the covariance is undefined; `cmprsk` goes on with `1 - F` below 0.
///
/// Gray (1988), Ann. Stat. 16:1141-1154. Same statistic as `cuminc(..., strata, rho)` of
/// `cmprsk` in R.
#[must_use]
pub fn gray(table: &CauseTable, cause: usize, rho: f64) -> Gray {
    let n_groups = table.n_groups();
    let mut is_exhausted = false;
    let mut groups = vec![Group::default(); n_groups];
    let (mut observed, mut expected) =
        (vec![Sum::default(); n_groups], vec![Sum::default(); n_groups]);
    let mut is_compared = vec![false; n_groups];
    let mut covariance = Covariance::new(n_groups);
    let mut pooled = 0.0;
    for row in table.rows().filter(|row| row.n_events() > 0) {
        for (index, group) in groups.iter_mut().enumerate() {
            group.advance(&row, index, cause);
        }
        let n_events = row.events_of_cause(cause) as f64;
        let event_free: f64 = groups.iter().map(|group| group.scaled).sum();
        let subdistribution: f64 = groups.iter().map(Group::subdistribution).sum();
        let before = pooled;
        pooled += n_events / event_free;
        if n_events > 0.0 {
            let weight = pow((1.0 - before).max(0.0), rho);
            let at_risk = groups.iter().enumerate().filter(|(_, group)| group.n > 0.0);
            for (index, group) in at_risk.clone() {
                is_compared[index] = true;
                observed[index] += weight * group.own;
                expected[index] += weight * n_events * group.subdistribution() / subdistribution;
            }
            if before < 1.0 {
                covariance.weigh(&groups, weight, event_free, n_events / (1.0 - before));
                covariance.add_own(&groups, event_free, n_events, pooled);
            } else {
                is_exhausted |= at_risk.count() > 1;
            }
        }
        covariance.add_others(&groups, pooled);
    }
    let scores = LogRank::of_parts(observed, expected, covariance.finish(), is_compared);
    Gray { scores, is_exhausted }
}

/// What Gray's test sums up.
#[derive(Clone, Debug, Default)]
pub struct Gray {
    /// Observed and expected events with the covariance of their difference.
    scores: LogRank,
    /// Whether the incidence under the hypothesis came to 1 too early.
    is_exhausted: bool,
}

impl Gray {
    /// Observed and expected events with the covariance of their difference.
    #[must_use]
    pub fn scores(&self) -> &LogRank {
        &self.scores
    }

    /// The statistic and its degrees of freedom; see [`LogRank::chi_squared`].
    pub fn chi_squared(&self) -> (Estimate, usize) {
        match self.scores.chi_squared() {
            (Ok(_), rank) if self.is_exhausted => (Err(NotEstimable::VarianceUndefined), rank),
            known => known,
        }
    }
}

/// Adds strata.
impl std::iter::Sum for Gray {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        let (mut scores, mut is_exhausted) = (Vec::new(), false);
        for part in parts {
            scores.push(part.scores);
            is_exhausted |= part.is_exhausted;
        }
        Self { scores: scores.into_iter().sum(), is_exhausted }
    }
}

/// One group at one event time.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// Number at risk.
    n: f64,
    /// Events of the cause and of all others.
    own: f64,
    others: f64,
    /// Event-free probability before and after.
    before: f64,
    after: f64,
    /// Incidence of the cause before and after.
    incidence_before: f64,
    incidence: f64,
    /// Number at risk over the event-free probability: as many as without events.
    scaled: f64,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            n: 0.0,
            own: 0.0,
            others: 0.0,
            before: 1.0,
            after: 1.0,
            incidence_before: 0.0,
            incidence: 0.0,
            scaled: 0.0,
        }
    }
}

impl Group {
    fn advance(&mut self, row: &CauseRow, index: usize, cause: usize) {
        self.n = row.at_risk[index] as f64;
        self.own = row.events(index, cause) as f64;
        self.others = row.events_of_group(index) as f64 - self.own;
        self.before = self.after;
        self.incidence_before = self.incidence;
        // Without late entry somebody at risk proves that the event-free probability is not 0.
        self.scaled = if self.n > 0.0 { self.n / self.before } else { 0.0 };
        if self.n > 0.0 {
            self.after *= (self.n - self.own - self.others) / self.n;
            self.incidence += self.before * self.own / self.n;
        }
    }

    fn subdistribution(&self) -> f64 {
        self.scaled * (1.0 - self.incidence_before)
    }
}

/// Covariance of the scores.
///
/// To first order score `i` is `Σ_k ∫ a_ik dX_k + ∫ X_k dc_ik`, where `X_k` is the error of the
/// incidence of group `k` and
///
/// ```text
/// a_ik = w Y_i / S_i (δ_ik - (Y_k / S_k) / Σ Y / S)      dc_ik = a_ik dF / (1 - F)
/// ```
///
/// Integrated by parts, an error of the hazard of the cause at `s` moves it by `S_k(s-)` times
/// `a_ik(s) - g c_ik(s) + g c_ik(∞)` with `g = 1 - (1 - F(s)) / S_k(s)`, and one of the hazard of
/// the others by `S_k(s-) (1 - g) (c_ik(s) - c_ik(∞))`. As `c(∞)` is known only at the end, the
/// products are kept in three parts: free of it, linear and quadratic in it.
struct Covariance {
    n_groups: usize,
    /// These three hold a square of groups.
    a: Vec<f64>,
    c: Vec<f64>,
    linear: Vec<Sum>,
    quadratic: Vec<Sum>,
    free: Vec<Sum>,
}

impl Covariance {
    fn new(n_groups: usize) -> Self {
        let size = n_groups * n_groups;
        Self {
            n_groups,
            a: vec![0.0; size],
            c: vec![0.0; size],
            linear: vec![Sum::default(); size],
            quadratic: vec![Sum::default(); n_groups],
            free: vec![Sum::default(); size],
        }
    }

    /// Sets `a` and moves `c` on to the present time.
    fn weigh(&mut self, groups: &[Group], weight: f64, event_free: f64, odds: f64) {
        for (i, row) in groups.iter().enumerate() {
            for (k, column) in groups.iter().enumerate() {
                let share = column.scaled / event_free;
                let own = if i == k { 1.0 - share } else { -share };
                let cell = i * self.n_groups + k;
                self.a[cell] = weight * row.scaled * own;
                self.c[cell] += self.a[cell] * odds / event_free;
            }
        }
    }

    /// Adds the errors of the hazards of the cause.
    fn add_own(&mut self, groups: &[Group], event_free: f64, n_events: f64, pooled: f64) {
        for (k, group) in groups.iter().enumerate().filter(|(_, group)| group.n > 0.0) {
            let g = if group.after > 0.0 { 1.0 - (1.0 - pooled) / group.after } else { 1.0 };
            // The size of the pooled sample as group k sees it, as if it had been depleted alike.
            let size = event_free * group.before;
            let ties = if n_events > 1.0 { 1.0 - (n_events - 1.0) / (size - 1.0) } else { 1.0 };
            let variance = ties * group.before * n_events / (event_free * group.n);
            let fixed = |this: &Self, i: usize| {
                let cell = i * this.n_groups + k;
                this.a[cell] - g * this.c[cell]
            };
            self.add(k, variance, g, fixed);
        }
    }

    /// Adds the errors of the hazards of all other causes.
    fn add_others(&mut self, groups: &[Group], pooled: f64) {
        let with_events = |group: &Group| group.others > 0.0 && group.after > 0.0;
        for (k, group) in groups.iter().enumerate().filter(|(_, group)| with_events(group)) {
            let g = (1.0 - pooled) / group.after;
            let (n, d) = (group.n, group.others);
            let ties = if d > 1.0 { 1.0 - (d - 1.0) / (n - 1.0) } else { 1.0 };
            let variance = ties * group.before * group.before * d / (n * n);
            let fixed = |this: &Self, i: usize| g * this.c[i * this.n_groups + k];
            self.add(k, variance, -g, fixed);
        }
    }

    /// Adds an error of group `k` that moves score `i` by `fixed + slope c_ik(∞)`.
    fn add(&mut self, k: usize, variance: f64, slope: f64, fixed: impl Fn(&Self, usize) -> f64) {
        let fixed: Vec<f64> = (0..self.n_groups).map(|i| fixed(self, i)).collect();
        for i in 0..self.n_groups {
            self.linear[i * self.n_groups + k] += variance * fixed[i] * slope;
            for j in i..self.n_groups {
                self.free[i * self.n_groups + j] += variance * fixed[i] * fixed[j];
            }
        }
        self.quadratic[k] += variance * slope * slope;
    }

    /// Puts in what `c` has come to.
    fn finish(mut self) -> Vec<Sum> {
        let n_groups = self.n_groups;
        for i in 0..n_groups {
            for j in i..n_groups {
                for k in 0..n_groups {
                    let (ik, jk) = (i * n_groups + k, j * n_groups + k);
                    let (ci, cj) = (self.c[ik], self.c[jk]);
                    self.free[i * n_groups + j] += ci * cj * self.quadratic[k].value()
                        + ci * self.linear[jk].value()
                        + cj * self.linear[ik].value();
                }
            }
        }
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cohort::{Endpoint, RiskOrder};

    /// Code 0 is censored, the others are causes from 1.
    fn table(time: &[f64], codes: &[u32], groups: &[u32], n_groups: usize) -> CauseTable {
        let event = codes.iter().map(|&code| code > 0).collect();
        let endpoint = Endpoint::new(time.to_vec(), event).unwrap();
        let order = RiskOrder::new(&endpoint, &vec![0; time.len()]);
        let causes: Vec<u32> = codes.iter().map(|code| code.saturating_sub(1)).collect();
        let groups = (groups, n_groups);
        CauseTable::tally(&endpoint, &order, order.groups(), (&causes, 2), groups)
    }

    /// One group loses a subject to the other cause at 1. At the event at 2 that subject still
    /// counts: R = 1 / (1/2) = 2 against 2, so that half an event is expected in either group.
    #[test]
    fn those_gone_by_other_causes_count_on() {
        let table = table(&[1.0, 2.0, 3.0, 4.0], &[2, 1, 0, 0], &[0, 0, 1, 1], 2);
        let gray = gray(&table, 0, 0.0);
        assert_eq!(gray.scores().observed(), [1.0, 0.0]);
        assert_eq!(gray.scores().expected(), [0.5, 0.5]);
    }

    const TIMES: [f64; 16] =
        [1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 5.0, 5.0, 6.0, 6.0, 7.0, 8.0, 8.0, 9.0, 10.0];
    const CODES: [u32; 16] = [1, 2, 1, 0, 1, 1, 2, 1, 2, 0, 1, 2, 1, 1, 0, 1];
    const GROUPS: [u32; 16] = [0, 1, 2, 0, 1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 2, 0];

    /// `cuminc(time, code, group, rho = 0)$Tests` of `cmprsk`, then with `rho = 1`.
    #[test]
    fn three_groups_with_ties_agree_with_r() {
        let table = table(&TIMES, &CODES, &GROUPS, 3);
        for (cause, rho, want) in [
            (0, 0.0, 1.364_893_617_477_196),
            (1, 0.0, 0.367_004_036_142_111),
            (0, 1.0, 0.754_046_713_816_755),
            (1, 1.0, 0.203_288_442_348_079),
        ] {
            let (chi_squared, degrees_of_freedom) = gray(&table, cause, rho).chi_squared();
            assert!((chi_squared.unwrap() - want).abs() < 1e-13);
            assert_eq!(degrees_of_freedom, 2);
        }
    }

    /// The same with `strata`: two strata whose members take turns in pairs and one by one.
    #[test]
    fn strata_agree_with_r() {
        let strata = [0, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1];
        for (cause, want) in [(0, 1.469_098_992_421_327), (1, 0.254_164_540_303_819)] {
            let of = |stratum: usize| {
                let members: Vec<usize> = (0..16).filter(|&at| strata[at] == stratum).collect();
                let times: Vec<f64> = members.iter().map(|&at| TIMES[at]).collect();
                let codes: Vec<u32> = members.iter().map(|&at| CODES[at]).collect();
                let groups: Vec<u32> = members.iter().map(|&at| GROUPS[at]).collect();
                gray(&table(&times, &codes, &groups, 3), cause, 0.0)
            };
            let both: Gray = [of(0), of(1)].into_iter().sum();
            assert!((both.chi_squared().0.unwrap() - want).abs() < 1e-13);
        }
    }

    #[test]
    fn an_incidence_that_comes_to_1_too_early_has_no_statistic() {
        // The first group is gone when F is 6/12; each of the others then adds 1/6 up to the last.
        let time: Vec<f64> = (1..=12).map(f64::from).collect();
        let groups = [0, 0, 0, 0, 0, 0, 1, 2, 1, 2, 1, 2];
        let table = table(&time, &[1; 12], &groups, 3);
        let gray = gray(&table, 0, 0.0);
        assert_eq!(gray.chi_squared().0, Err(NotEstimable::VarianceUndefined));
        assert!(gray.scores().variance().concat().iter().all(|cell| cell.is_finite()));
    }
}
