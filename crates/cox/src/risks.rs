//! How large the risk of each subject is.

use crate::subjects::Subjects;
use numerics::compact::Window;
use numerics::elementary::{exp, exp8, ln};
use numerics::lanes::{F64x8, Kernel, LANES, Lanes, run};
use numerics::rows::Padded;
use std::ops::Range;

/// `w exp(x'beta)` of everyone, in units that never leave the range of a number; `w` is the case
/// weight.
///
/// The unit of a group cancels from every quotient. Seen backwards it changes only where the largest
/// `exp(x'beta)` of those at risk comes too far from it, so that one unit serves nearly every model,
/// while a coefficient on its way to infinity underflows where it must: in the subjects that no
/// longer count.
#[derive(Clone, Debug)]
pub(crate) struct Risks {
    /// `x'beta` of each position, less the logarithm of the unit of its group.
    pub eta: Vec<f64>,
    /// `w exp` of that.
    pub risk: Vec<f64>,
    /// Logarithm of the unit of each group, within a stratum never rising with time; unless all are 0.
    unit: Vec<f64>,
    is_uniform: bool,
    beta: Padded,
    window: Window,
}

/// A unit serves as long as the logarithms of the largest risks are no further from it; then the
/// squares of all sums of risks are well within the range of a number.
pub(crate) const NEAR: f64 = 64.0;

impl Risks {
    pub fn new(sets: &Subjects) -> Self {
        Self {
            eta: vec![0.0; sets.n()],
            risk: vec![0.0; sets.n()],
            unit: vec![0.0; sets.n_groups()],
            is_uniform: true,
            beta: Padded::zeros(sets.p()),
            window: sets.window(),
        }
    }

    /// The window with the batch that was evaluated last.
    #[inline]
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Begins an evaluation by [`Subjects::evaluate_batch`] with these coefficients.
    pub fn begin(&mut self, beta: &[f64]) {
        self.beta.set(beta);
        self.is_uniform = true;
    }

    /// Whether one unit serves all groups.
    #[inline]
    pub fn is_uniform(&self) -> bool {
        self.is_uniform
    }

    /// How far apart the logarithms of the risks of the first `n` positions are, where one unit serves all
    /// groups.
    pub fn range(&self, n: usize) -> f64 {
        let widen = |(low, high): (f64, f64), risk: &f64| (low.min(*risk), high.max(*risk));
        let (low, high) = self.risk[..n].iter().fold((f64::INFINITY, 0.0), widen);
        ln(high) - ln(low)
    }

    /// The unit of one group in units of another.
    #[inline]
    pub fn carry(&self, from: usize, to: usize) -> f64 {
        if self.is_uniform {
            return 1.0;
        }
        let difference = self.unit[from] - self.unit[to];
        if difference == 0.0 { 1.0 } else { exp(difference) }
    }
}

impl Subjects {
    /// `x'beta` and the offset of each position. Equal rows have equal bits.
    pub fn linear_predictor(&self, beta: &[f64], eta: &mut [f64]) {
        let mut padded = Padded::zeros(self.p());
        padded.set(beta);
        let mut window = self.window();
        for batch in self.batches() {
            let positions = self.positions(batch);
            self.predict(positions.clone(), &padded, &mut window, &mut eta[positions]);
        }
    }

    /// The same for positions within a batch, whose rows are then in the window.
    fn predict(
        &self,
        positions: Range<usize>,
        beta: &Padded,
        window: &mut Window,
        eta: &mut [f64],
    ) {
        self.widen(&positions, window);
        match self.offsets() {
            Some(offset) => eta.copy_from_slice(&offset[positions.clone()]),
            None => eta.fill(0.0),
        }
        let rows = window.start()..window.start() + positions.len();
        self.rows(window).add_products(rows, beta, eta);
    }

    /// Evaluates `w exp(x'beta)` of everyone.
    pub fn evaluate(&self, beta: &[f64], risks: &mut Risks) {
        risks.begin(beta);
        let mut unit = 0.0;
        for batch in self.batches() {
            unit = self.evaluate_batch(batch, unit, risks);
        }
    }

    /// Evaluates the groups of a batch and says which unit the first of them has; `unit` is that of
    /// the group after the last of them.
    pub fn evaluate_batch(&self, batch: &Range<usize>, mut unit: f64, risks: &mut Risks) -> f64 {
        let positions = self.positions(batch);
        let eta = &mut risks.eta[positions.clone()];
        self.predict(positions.clone(), &risks.beta, &mut risks.window, eta);
        let is_near = run(AllNear { values: &risks.eta[positions.clone()], unit });
        if !(is_near && risks.is_uniform) {
            unit = self.change_unit(batch, unit, risks);
        }
        run(Exponentials {
            eta: &risks.eta[positions.clone()],
            weights: self.weights().map(|weights| &weights[positions.clone()]),
            risk: &mut risks.risk[positions],
        });
        unit
    }

    /// Gives each group of a batch the unit that it needs.
    fn change_unit(&self, batch: &Range<usize>, mut unit: f64, risks: &mut Risks) -> f64 {
        if risks.is_uniform {
            risks.unit[batch.end..].fill(0.0);
            risks.is_uniform = false;
        }
        for index in batch.clone().rev() {
            let eta = &mut risks.eta[self.span(index).all()];
            let highest = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let is_too_far = self.span(index).is_last && highest < unit - NEAR;
            if highest > unit + NEAR || is_too_far {
                unit = highest;
            }
            risks.unit[index] = unit;
            eta.iter_mut().for_each(|eta| *eta -= unit);
        }
        unit
    }
}

/// Whether all values are [`NEAR`] a unit.
struct AllNear<'a> {
    values: &'a [f64],
    unit: f64,
}

impl Kernel for AllNear<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> bool {
        let (blocks, rest) = self.values.as_chunks::<LANES>();
        let mut furthest = F64x8::splat(lanes, 0.0);
        for block in blocks {
            let distance = F64x8::from_array(lanes, block) - furthest.like(self.unit);
            furthest = furthest.max(distance.abs());
        }
        let is_near = |distance: f64| distance <= NEAR;
        furthest.to_array().into_iter().all(is_near)
            && rest.iter().all(|value| is_near((value - self.unit).abs()))
    }
}

/// `w exp(eta)`.
struct Exponentials<'a> {
    eta: &'a [f64],
    weights: Option<&'a [f64]>,
    risk: &'a mut [f64],
}

impl Kernel for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (eta, risk) in self.eta.chunks(LANES).zip(self.risk.chunks_mut(LANES)) {
            exp8(F64x8::load_part(lanes, eta)).store(risk);
        }
        for (risk, weight) in self.risk.iter_mut().zip(self.weights.into_iter().flatten()) {
            *risk *= weight;
        }
    }
}
