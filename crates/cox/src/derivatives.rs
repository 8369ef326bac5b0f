//! The log partial likelihood and its derivatives, in time `O(n p²)` for both rules of ties.

use crate::Ties;
use crate::one_walk::OneWalk;
use crate::risks::Risks;
use crate::subjects::Subjects;
use crate::sweep::{Sweep, TimeSums};
use crate::ties::{Deaths, FEW_TURNS, TieSums, sums_of_eight};
use nalgebra::DMatrix;
use numerics::compact::Window;
use numerics::elementary::ln8;
use numerics::gram::Gram;
use numerics::lanes::{F64x8, Kernel, LANES, Lanes, run};
use numerics::newton::Derivatives;
use numerics::sum::Sum;
use std::ops::Range;

/// Evaluates the log partial likelihood; holds its scratch, so that an evaluation allocates nothing
/// that grows with the number of subjects.
///
/// ```text
/// log L = Σ_t g(t) [ Σ_deaths w η  -  w̄ Σ_{l<d} ln φ_l ]     φ_l = S0 - (l/d) D0   (Efron)
///                                                           φ_l = S0              (Breslow)
/// ```
///
/// `S0` and `D0` sum `r = w exp(η)` over the risk set and over the `d` deaths at `t`, whose weights
/// `w` have the mean `w̄`; without case weights all are 1. `S1`, `D1`, `S2` and `D2` carry a factor
/// `x` and `x x'`. Written out in powers of `1/φ` (see [`TieSums`]), the information is
///
/// ```text
/// Σ_t g(t) [ A S2 - B D2  -  (a S1 S1' - b (S1 D1' + D1 S1') + c D1 D1') ]
/// ```
///
/// The first two terms of all times together are one weighted Gram matrix `X' W X` of the subjects,
/// the others one of at most two vectors per event time, `S1 - (b/a) D1` and `D1`: no `p` by `p`
/// matrix is touched per subject or per death. The sums and the second matrix come from one walk
/// backwards in time, the first matrix from one forwards. The weight `w_i` is what subject `i` was
/// expected to contribute to the deaths, so that its case weight times `δ_i` less `w_i` is its
/// weighted martingale residual, and these times `X` the gradient.
///
/// The factor `g(t)` is 1 in a fit and a power of transformed time in the test of proportional
/// hazards. Cox (1972), J. R. Stat. Soc. B 34:187-220; Efron (1977), J. Am. Stat. Assoc. 72:557-565.
pub(crate) struct PartialLikelihood<'a> {
    subjects: &'a Subjects,
    sums: LikelihoodSums,
}

impl<'a> PartialLikelihood<'a> {
    pub fn new(subjects: &'a Subjects, ties: Ties) -> Self {
        Self { subjects, sums: LikelihoodSums::new(subjects, ties) }
    }

    /// Value, gradient and information at `beta`, each event time counted `g(group)` times.
    pub fn derivatives(&mut self, beta: &[f64], g: impl Fn(usize) -> f64) -> Derivatives {
        let mut derivatives = Derivatives::zeros(self.subjects.p());
        self.sums.derivatives(self.subjects, beta, g, &mut derivatives);
        derivatives
    }
}

/// The scratch of [`PartialLikelihood`], which serves any subjects that are no more than those it was
/// made for.
pub(crate) struct LikelihoodSums {
    risks: Risks,
    walk: Walk,
    /// What is taken from the first part of the information.
    products: DMatrix<f64>,
}

/// How the sums are made.
enum Walk {
    Once(Box<OneWalk>),
    Twice(Box<TwoWalks>),
}

/// Backwards for the sums over risk sets, then forwards for what each subject lives through.
struct TwoWalks {
    sweep: Sweep,
    backward: Backward,
    forward: Forward,
}

impl LikelihoodSums {
    pub fn new(subjects: &Subjects, ties: Ties) -> Self {
        match OneWalk::is_faster(subjects) {
            true => Self::once(subjects, ties),
            false => Self::twice(subjects, ties),
        }
    }

    /// Walks once over those who are all followed from the start.
    fn once(subjects: &Subjects, ties: Ties) -> Self {
        Self::of(subjects, Walk::Once(Box::new(OneWalk::new(subjects, ties))))
    }

    fn twice(subjects: &Subjects, ties: Ties) -> Self {
        Self::of(subjects, Walk::Twice(Box::new(TwoWalks::new(subjects, ties))))
    }

    fn of(subjects: &Subjects, walk: Walk) -> Self {
        let p = subjects.p();
        Self { risks: Risks::new(subjects), walk, products: DMatrix::zeros(p, p) }
    }

    /// Forgets the subjects it has served.
    pub fn forget(&mut self) {
        match &mut self.walk {
            Walk::Once(walk) => walk.forget(),
            Walk::Twice(walks) => walks.backward.terms.fill([0.0; 2]),
        }
    }

    /// The risks at the last evaluation.
    pub fn risks(&self) -> &Risks {
        &self.risks
    }

    /// Overwrites value, gradient and information by those at `beta`, each event time counted
    /// `g(group)` times.
    pub fn derivatives(
        &mut self,
        subjects: &Subjects,
        beta: &[f64],
        g: impl Fn(usize) -> f64,
        to: &mut Derivatives,
    ) {
        let Self { risks, walk, products } = self;
        risks.begin(beta);
        match walk {
            Walk::Once(walk) => {
                walk.begin(subjects, &g);
                let mut unit = 0.0;
                for batch in subjects.batches() {
                    unit = subjects.evaluate_batch(batch, unit, risks);
                    walk.advance(subjects, risks, batch.clone(), &g);
                }
                walk.end(to, products);
            }
            Walk::Twice(walks) => walks.derivatives(subjects, risks, &g, to, products),
        }
        subtract(&mut to.information, products);
    }
}

impl TwoWalks {
    fn new(subjects: &Subjects, ties: Ties) -> Self {
        Self {
            sweep: Sweep::new(subjects),
            backward: Backward::new(subjects, ties),
            forward: Forward::new(subjects),
        }
    }

    /// The derivatives with the first part of the information, and its second part.
    fn derivatives(
        &mut self,
        subjects: &Subjects,
        risks: &mut Risks,
        g: &impl Fn(usize) -> f64,
        to: &mut Derivatives,
        products: &mut DMatrix<f64>,
    ) {
        let Self { sweep, backward, forward } = self;
        backward.begin();
        let mut unit = 0.0;
        for batch in subjects.batches() {
            unit = subjects.evaluate_batch(batch, unit, risks);
            sweep.advance(subjects, risks, risks.window(), batch.clone());
            sweep.when_enough(|times| backward.see(times, g));
        }
        sweep.hand_on(|times| backward.see(times, g));
        forward.walk(subjects, risks, &backward.terms, g);
        to.value = backward.value.value();
        to.gradient.copy_from_slice(&forward.gradient);
        forward.gram.copy_to(&mut to.information);
        backward.products.copy_to(products);
    }
}

/// What is summed from the last event time to the first.
struct Backward {
    ties: Ties,
    /// `g A` and `g B` of each group, 0 where nobody dies.
    terms: Vec<[f64; 2]>,
    value: Sum,
    /// The Gram matrix of the vectors of all event times.
    products: Gram,
    /// The weights of the vectors of some event times, `S1 - (b/a) D1` of each and `D1` where several
    /// die.
    weights: Vec<f64>,
    tied_weights: Vec<f64>,
    /// How often each of these event times counts.
    factors: Vec<f64>,
}

impl Backward {
    fn new(sets: &Subjects, ties: Ties) -> Self {
        Self {
            ties,
            terms: vec![[0.0; 2]; sets.n_groups()],
            value: Sum::default(),
            products: Gram::new(sets.p()),
            weights: Vec::with_capacity(TimeSums::MOST + LANES),
            tied_weights: Vec::with_capacity(TimeSums::MOST),
            factors: Vec::with_capacity(TimeSums::MOST),
        }
    }

    fn begin(&mut self) {
        self.value = Sum::default();
        self.products.clear();
    }

    fn see(&mut self, times: &mut TimeSums, g: &impl Fn(usize) -> f64) {
        self.weights.clear();
        self.tied_weights.clear();
        self.factors.clear();
        self.factors.extend((0..times.len()).map(|k| g(times.group(k))));
        let value = run(AddTimes { backward: self, times });
        self.value += value;
        self.products.add(&times.s1, 0..times.len(), &self.weights[..times.len()]);
        self.products.add(&times.d1, 0..self.tied_weights.len(), &self.tied_weights);
    }

    /// The terms of up to eight event times at which some die in turns; answers the sum of
    /// `g w̄ Σ ln (φ/S0)`.
    #[inline(always)]
    fn take_turns<L: Lanes>(
        &mut self,
        lanes: L,
        times: &mut TimeSums,
        eight: Range<usize>,
        most: usize,
    ) -> f64 {
        let mut value = 0.0;
        if most > FEW_TURNS {
            for k in eight {
                let (d, weight) = (times.d[k] as usize, times.weight[k]);
                if d > 1 {
                    let deaths = Deaths { d, weight, s0: times.s0[k], d0: times.d0[k] };
                    value += self.set_tied(times, k, &TieSums::of_turns(lanes, &deaths));
                }
            }
            return value;
        }
        let mut d = [0.0; LANES];
        d.iter_mut().zip(&times.d[eight.clone()]).for_each(|(to, &d)| *to = f64::from(d));
        let of_times = [
            F64x8::from_array(lanes, &d),
            F64x8::load_part(lanes, &times.weight[eight.clone()]),
            F64x8::load_part(lanes, &times.s0[eight.clone()]).max(F64x8::splat(lanes, 1e-300)),
            F64x8::load_part(lanes, &times.d0[eight.clone()]),
        ];
        let mut sums = [[0.0; LANES]; 6];
        for (to, sum) in sums.iter_mut().zip(&sums_of_eight(most, of_times)) {
            *to = sum.to_array();
        }
        let [ln_shares, one, share, square, share_square, square_square] = sums;
        for (lane, k) in eight.enumerate() {
            if times.d[k] > 1 {
                let tied = TieSums {
                    ln_shares: ln_shares[lane],
                    one: one[lane],
                    share: share[lane],
                    square: square[lane],
                    share_square: share_square[lane],
                    square_square: square_square[lane],
                };
                value += self.set_tied(times, k, &tied);
            }
        }
        value
    }

    /// Replaces the terms of an event time at which several die in turns; answers `g w̄ Σ ln (φ/S0)`.
    #[inline(always)]
    fn set_tied(&mut self, times: &mut TimeSums, k: usize, tied: &TieSums) -> f64 {
        let g = self.factors[k];
        self.terms[times.group(k)] = [g * tied.one, g * tied.share];
        // a S1 S1' - b (S1 D1' + D1 S1') + c D1 D1' as two squares.
        let ratio = tied.share_square / tied.square;
        let rest = tied.square_square - ratio * tied.share_square;
        let d1 = times.d1.row(self.tied_weights.len());
        for (s1, d1) in times.s1.row_mut(k).iter_mut().zip(d1) {
            *s1 -= ratio * d1;
        }
        self.weights[k] = g * tied.square;
        self.tied_weights.push(g * rest);
        g * tied.ln_shares
    }
}

/// Turns the sums at event times into terms, and `S1` into vectors; answers their part of the value.
struct AddTimes<'a> {
    backward: &'a mut Backward,
    times: &'a mut TimeSums,
}

impl Kernel for AddTimes<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f64 {
        let Self { backward, times } = self;
        let mut value = F64x8::splat(lanes, 0.0);
        let mut of_turns = 0.0;
        for first in (0..times.len()).step_by(LANES) {
            let eight = first..times.len().min(first + LANES);
            let factors = F64x8::load_part(lanes, &backward.factors[eight.clone()]);
            let s0 = F64x8::load_part(lanes, &times.s0[eight.clone()]).max(value.like(1e-300));
            let weight = F64x8::load_part(lanes, &times.weight[eight.clone()]) * factors;
            let eta = F64x8::load_part(lanes, &times.eta[eight.clone()]);
            value += eta.mul_add(factors, -(weight * ln8(s0)));
            let one = weight / s0;
            backward.weights.extend_from_slice(&(one / s0).to_array());
            let mut most = 0;
            for (k, one) in eight.clone().zip(one.to_array()) {
                backward.terms[times.group(k)] = [one, 0.0];
                most = most.max(times.d[k] as usize);
            }
            if most > 1 && backward.ties == Ties::Efron {
                of_turns += backward.take_turns(lanes, times, eight, most);
            }
        }
        value.sum() - of_turns
    }
}

/// What is summed from the first event time to the last, and then over subjects.
struct Forward {
    /// `w_i` of each position.
    weights: Vec<f64>,
    /// Weighted martingale residuals, each event time counted `g` times.
    residuals: Vec<f64>,
    /// Sum of `g A` over the groups of the stratum before each group, where some enter late.
    before: Vec<f64>,
    gram: Gram,
    gradient: Vec<f64>,
    window: Window,
}

impl Forward {
    fn new(sets: &Subjects) -> Self {
        let before = if sets.is_closed() { 0 } else { sets.n_groups() };
        Self {
            weights: vec![0.0; sets.n()],
            residuals: vec![0.0; sets.n()],
            before: vec![0.0; before],
            gram: Gram::new(sets.p()),
            gradient: vec![0.0; sets.p()],
            window: sets.window(),
        }
    }

    fn walk(
        &mut self,
        sets: &Subjects,
        risks: &Risks,
        terms: &[[f64; 2]],
        g: &impl Fn(usize) -> f64,
    ) {
        let mut hazard = 0.0;
        for (index, [one, share]) in terms[..sets.n_groups()].iter().enumerate() {
            if index > 0 {
                // A hazard is in units of one over the unit of its group.
                let is_first = sets.span(index - 1).is_last;
                hazard = if is_first { 0.0 } else { hazard * risks.carry(index, index - 1) };
            }
            if let Some(before) = self.before.get_mut(index) {
                *before = hazard;
            }
            hazard += one;
            self.spread(sets, risks, index, [hazard, *share], g);
        }
        self.sum_rows(sets);
    }

    /// `w_i = r_i (Σ A over the times at which i is at risk  -  δ_i B(t_i))` of a group.
    #[inline(always)]
    fn spread(
        &mut self,
        sets: &Subjects,
        risks: &Risks,
        index: usize,
        [hazard, share]: [f64; 2],
        g: &impl Fn(usize) -> f64,
    ) {
        let span = sets.span(index);
        if let (Some((position, is_event)), true) = (span.single(), self.before.is_empty()) {
            let (known, died) = match is_event {
                true => (hazard - share, g(index) * sets.weight(position)),
                false => (hazard, 0.0),
            };
            let weight = risks.risk[position] * known;
            (self.weights[position], self.residuals[position]) = (weight, died - weight);
            return;
        }
        for position in span.events() {
            let known = hazard - share - self.before_entry(sets, risks, index, position);
            let weight = risks.risk[position] * known;
            let died = g(index) * sets.weight(position);
            (self.weights[position], self.residuals[position]) = (weight, died - weight);
        }
        for position in span.censored() {
            let weight =
                risks.risk[position] * (hazard - self.before_entry(sets, risks, index, position));
            (self.weights[position], self.residuals[position]) = (weight, -weight);
        }
    }

    /// `Σ A` over the times before a position enters.
    #[inline(always)]
    fn before_entry(&self, sets: &Subjects, risks: &Risks, index: usize, position: usize) -> f64 {
        sets.first_groups().map_or(0.0, |first| {
            let first = first[position] as usize;
            self.before[first] * risks.carry(index, first)
        })
    }

    fn sum_rows(&mut self, sets: &Subjects) {
        self.gram.clear();
        self.gradient.fill(0.0);
        for batch in sets.batches() {
            let positions = sets.positions(batch);
            sets.widen(&positions, &mut self.window);
            let (rows, start) = (sets.rows(&self.window), self.window.start());
            let range = start..start + positions.len();
            self.gram.add(rows, range.clone(), &self.weights[positions.clone()]);
            rows.add_sum(range, &self.residuals[positions], &mut self.gradient);
        }
    }
}

/// Below this share of the minuend a difference is nothing but rounding error: some hundred times the
/// machine epsilon.
const ROUNDING: f64 = 1e-13;

/// The information as the difference of its two parts; exactly 0 for a column that does not vary
/// within any risk set.
pub(crate) fn difference(mut gram: DMatrix<f64>, products: &DMatrix<f64>) -> DMatrix<f64> {
    subtract(&mut gram, products);
    gram
}

/// The same in place of the first part.
fn subtract(gram: &mut DMatrix<f64>, products: &DMatrix<f64>) {
    for j in 0..gram.ncols() {
        let whole = gram[(j, j)].abs();
        gram.column_mut(j).axpy(-1.0, &products.column(j), 1.0);
        if gram[(j, j)].abs() <= ROUNDING * whole {
            gram[(j, j)] = 0.0;
        }
    }
    for j in 0..gram.ncols() {
        if gram[(j, j)] == 0.0 {
            gram.row_mut(j).fill(0.0);
            gram.column_mut(j).fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_times::EventTimes;
    use crate::risk_sets::RiskSets;
    use crate::testing::{Sample, assert_near, sample};
    use cohort::{Endpoint, RiskOrder};
    use nalgebra::DVector;
    use numerics::elementary::{exp, ln};
    use numerics::standard::standardise;
    use numerics::streams::Streams;
    use proptest::prelude::*;

    /// The definition, row by row: every death has its own weighted mean and variance.
    fn by_definition(
        data: &Sample,
        ties: Ties,
        beta: &[f64],
        g: impl Fn(f64) -> f64,
    ) -> Derivatives {
        let columns: Vec<Vec<f64>> =
            data.design.columns.iter().map(|column| standardise(&column.values).values).collect();
        let row = |i: usize| DVector::from_fn(beta.len(), |j, _| columns[j][i]);
        let eta = |i: usize| row(i).dot(&DVector::from_column_slice(beta));
        let (time, event) = (data.endpoint.time(), data.endpoint.event());
        let mut total = Derivatives::zeros(beta.len());
        for death in (0..time.len()).filter(|&i| event[i]) {
            let dies_too = |i: usize| {
                event[i] && time[i] == time[death] && data.strata[i] == data.strata[death]
            };
            let tied: Vec<usize> = (0..time.len()).filter(|&i| dies_too(i)).collect();
            let rank = tied.iter().position(|&i| i == death).unwrap() as f64;
            let share = if ties == Ties::Efron { rank / tied.len() as f64 } else { 0.0 };
            let weight = |i: usize| {
                let own = if dies_too(i) { 1.0 - share } else { 1.0 };
                if data.is_at_risk(i, death) { own * exp(eta(i)) } else { 0.0 }
            };
            let s0: f64 = (0..time.len()).map(weight).sum();
            let mean = (0..time.len())
                .map(|i| row(i) * weight(i) / s0)
                .fold(DVector::zeros(beta.len()), |sum, part| sum + part);
            for i in 0..time.len() {
                let deviation = row(i) - &mean;
                total.information +=
                    &deviation * deviation.transpose() * (g(time[death]) * weight(i) / s0);
            }
            total.gradient += (row(death) - mean) * g(time[death]);
            total.value += (eta(death) - ln(s0)) * g(time[death]);
        }
        total
    }

    fn assert_same(data: &Sample, ties: Ties, beta: &[f64]) -> Result<(), TestCaseError> {
        let order = data.order();
        let sets = RiskSets::new(&data.endpoint, &order, &data.design);
        let time = |group: usize| sets.groups()[group].time;
        let want = by_definition(data, ties, beta, |time| time - 2.5);
        let twice = LikelihoodSums::twice(&sets, ties);
        let once = sets.is_closed().then(|| LikelihoodSums::once(&sets, ties));
        for sums in [twice].into_iter().chain(once) {
            let mut likelihood = PartialLikelihood { subjects: &sets, sums };
            assert_near(&likelihood.derivatives(beta, |group| time(group) - 2.5), &want)?;
        }
        Ok(())
    }

    /// Rows of many subjects are kept in bytes and widened batch by batch, those of few at once; a column
    /// without a coefficient changes nothing but their number.
    #[test]
    fn many_subjects_are_summed_as_few() {
        const N: usize = 70_000;
        let mut stream = Streams::new(1, "many").stream(0);
        let columns: Vec<Vec<f64>> = (0..4)
            .map(|j| {
                let mut one =
                    || if j % 2 == 0 { stream.normal() } else { stream.uniform().round() };
                (0..N).map(|_| one()).collect()
            })
            .collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let time: Vec<f64> = (0..N).map(|_| (1.0 + 300.0 * stream.uniform()).ceil()).collect();
        let event: Vec<bool> = (0..N).map(|_| stream.happens(0.6)).collect();
        let entry = time.iter().map(|time| (time * stream.uniform() - 20.0).max(0.0)).collect();
        let closed = Endpoint::new(time.clone(), event.clone()).unwrap();
        let late = Endpoint::with_entry(entry, time, event).unwrap();
        for endpoint in [closed, late] {
            let order = RiskOrder::new(&endpoint, &[0; N]);
            let many = RiskSets::of_columns(&endpoint, &order, &columns);
            let few = RiskSets::of_columns(&endpoint, &order, &columns[..2]);
            let derivatives = |subjects: &Subjects, sums: LikelihoodSums, beta: &[f64]| {
                let found = PartialLikelihood { subjects, sums }.derivatives(beta, |_| 1.0);
                let information = found.information.view((0, 0), (2, 2)).into_owned();
                (found.value, [found.gradient[0], found.gradient[1]], information)
            };
            let (wide, narrow) = ([0.3, -0.2, 0.0, 0.0], [0.3, -0.2]);
            let twice =
                |sets, beta| derivatives(sets, LikelihoodSums::twice(sets, Ties::Efron), beta);
            assert_eq!(twice(&many, &wide[..]), twice(&few, &narrow[..]));
            if few.is_closed() {
                let once =
                    |sets, beta| derivatives(sets, LikelihoodSums::once(sets, Ties::Efron), beta);
                assert_eq!(once(&many, &wide[..]), once(&few, &narrow[..]));
            }
            let scores = |sets: &RiskSets, beta: &[f64]| {
                let mut risks = Risks::new(sets);
                sets.evaluate(beta, &mut risks);
                let times = EventTimes::collect(sets, Ties::Efron, &risks);
                times.scores(sets, &risks, &times.experienced_hazard(sets, &risks), 1)
            };
            assert_eq!(scores(&many, &wide), scores(&few, &narrow));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_sweep_is_the_definition(data in sample(false), x in -1.0..1.0f64, z in -1.0..1.0f64) {
            assert_same(&data, Ties::Efron, &[x, z])?;
            assert_same(&data, Ties::Breslow, &[x, z])?;
        }

        #[test]
        fn so_it_is_with_late_entry(data in sample(true), x in -1.0..1.0f64, z in -1.0..1.0f64) {
            assert_same(&data, Ties::Efron, &[x, z])?;
            assert_same(&data, Ties::Breslow, &[x, z])?;
        }
    }
}
