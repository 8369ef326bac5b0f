//! The derivatives of a partial likelihood in one walk over the subjects, for data in which many share
//! a time.

use crate::Ties;
use crate::risks::Risks;
use crate::subjects::Subjects;
use crate::ties::{Deaths, TieSums};
use nalgebra::DMatrix;
use numerics::elementary::ln;
use numerics::gram::Gram;
use numerics::lanes::LANES;
use numerics::newton::Derivatives;
use numerics::rows::Rows;
use numerics::sum::{Sum, total};
use std::ops::Range;

/// With more subjects than this to an event time one walk is faster than two: what it does once per
/// event time, on whole matrices, is then little beside what it does per subject.
const SUBJECTS_PER_TIME: usize = 10;

/// Sums that grow backwards in time, `S0`, `S1` and the matrix `S2` of those at risk, and what they
/// add up to; see [`crate::derivatives::PartialLikelihood`] for the formulas.
///
/// Where everyone is followed from the start, the matrices of all event times are summed as they come,
/// `Σ g (A S2 - B D2)`, so that no subject is read a second time.
pub(crate) struct OneWalk {
    ties: Ties,
    s0: f64,
    s1: Vec<f64>,
    s2: Gram,
    d1: Vec<f64>,
    d2: Gram,
    value: Sum,
    /// What is expected of the deaths: `Σ g (A S1 - B D1)`.
    expected_sum: Vec<f64>,
    /// `Σ g w x` over the deaths so far.
    observed: Vec<f64>,
    observes: Observes,
    /// `g w` of some deaths.
    factors: Vec<f64>,
    /// `Σ g (A S2 - B D2)`.
    expected: Gram,
    /// What is taken from it: the Gram matrix of the vectors of all event times.
    products: Gram,
    /// Vectors that are not in it yet, and their weights.
    vectors: Rows,
    weights: Vec<f64>,
}

/// What the deaths themselves have, `Σ g w x`, is the same in all evaluations of a fit, in which `g` is
/// 1.
#[derive(Clone, Copy, PartialEq)]
enum Observes {
    /// It is not known.
    NotYet,
    /// This evaluation sums it for one with `g = 1`.
    Once,
    /// It is known for `g = 1`, and this evaluation is such a one.
    Known,
}

/// Number of vectors that are kept until they are added at once.
const VECTORS: usize = 128;

impl OneWalk {
    /// Whether one walk is possible and faster than two.
    pub fn is_faster(sets: &Subjects) -> bool {
        let has_events = |&group: &usize| !sets.span(group).events().is_empty();
        let n_times = (0..sets.n_groups()).filter(has_events).count();
        sets.is_closed() && sets.n() > SUBJECTS_PER_TIME * n_times
    }

    /// A walk over those who are all followed from the start.
    pub fn new(sets: &Subjects, ties: Ties) -> Self {
        let p = sets.p();
        // Whole blocks, of which what is beyond the columns means nothing.
        let padded = || vec![0.0; p.next_multiple_of(LANES)];
        Self {
            ties,
            s0: 0.0,
            s1: padded(),
            s2: Gram::new(p),
            d1: padded(),
            d2: Gram::new(p),
            value: Sum::default(),
            expected_sum: padded(),
            observed: padded(),
            observes: Observes::NotYet,
            factors: Vec::new(),
            expected: Gram::new(p),
            products: Gram::new(p),
            vectors: Rows::zeros(VECTORS, p),
            weights: Vec::with_capacity(VECTORS),
        }
    }

    /// Begins an evaluation in which each event time counts `g(group)` times.
    pub fn begin(&mut self, sets: &Subjects, g: impl Fn(usize) -> f64) {
        self.value = Sum::default();
        self.expected_sum.fill(0.0);
        self.observes = match (0..sets.n_groups()).all(|group| g(group) == 1.0) {
            true if self.observes != Observes::NotYet => Observes::Known,
            true => Observes::Once,
            false => Observes::NotYet,
        };
        if self.observes != Observes::Known {
            self.observed.fill(0.0);
        }
        self.expected.clear();
        self.products.clear();
        self.weights.clear();
    }

    /// Goes on over the groups of a batch, whose risks are evaluated; each event time counts
    /// `g(group)` times.
    pub fn advance(
        &mut self,
        sets: &Subjects,
        risks: &Risks,
        batch: Range<usize>,
        g: impl Fn(usize) -> f64,
    ) {
        let first_position = sets.positions(&batch).start;
        Batch { walk: self, sets, risks, g, first_position }.add(batch);
    }

    /// Keeps `u S1 + v D1` with a weight.
    fn take_vector(&mut self, weight: f64, [u, v]: [f64; 2]) {
        let row = self.vectors.row_mut(self.weights.len());
        for ((x, s1), d1) in row.iter_mut().zip(&self.s1).zip(&self.d1) {
            *x = u * s1 + v * d1;
        }
        self.weights.push(weight);
        if self.weights.len() == VECTORS {
            self.products.add(&self.vectors, 0..VECTORS, &self.weights);
            self.weights.clear();
        }
    }

    /// The derivatives with the first part of the information, and its second part.
    pub fn end(&mut self, to: &mut Derivatives, products: &mut DMatrix<f64>) {
        self.products.add(&self.vectors, 0..self.weights.len(), &self.weights);
        self.weights.clear();
        to.value = self.value.value();
        for (j, gradient) in to.gradient.iter_mut().enumerate() {
            *gradient = self.observed[j] - self.expected_sum[j];
        }
        self.expected.copy_to(&mut to.information);
        self.products.copy_to(products);
    }

    /// Forgets the deaths of the subjects so far.
    pub fn forget(&mut self) {
        self.observes = Observes::NotYet;
    }

    /// Brings the sums from the group after this one to this one.
    fn carry(&mut self, sets: &Subjects, risks: &Risks, index: usize) {
        if sets.span(index).is_last {
            self.s0 = 0.0;
            self.s1.fill(0.0);
            self.s2.clear();
            return;
        }
        let carry = risks.carry(index + 1, index);
        if carry != 1.0 {
            self.s0 *= carry;
            self.s1.iter_mut().for_each(|s1| *s1 *= carry);
            self.s2.scale(carry);
        }
    }
}

/// What a batch adds.
struct Batch<'a, G> {
    walk: &'a mut OneWalk,
    sets: &'a Subjects,
    risks: &'a Risks,
    g: G,
    /// The position of the first row in the window.
    first_position: usize,
}

impl<G: Fn(usize) -> f64> Batch<'_, G> {
    fn add(mut self, groups: Range<usize>) {
        for index in groups.rev() {
            self.walk.carry(self.sets, self.risks, index);
            let span = self.sets.span(index);
            let d = self.sets.n_events(span.events());
            if d == 0 {
                self.join(span.censored());
            } else if d == 1 || self.walk.ties != Ties::Efron {
                self.join(span.all());
                self.add_deaths(index);
            } else {
                self.join(span.censored());
                self.add_tied_deaths(index);
            }
        }
    }

    /// Which rows some positions of the batch have.
    fn rows_of(&self, positions: &Range<usize>) -> Range<usize> {
        let start = self.risks.window().start() + (positions.start - self.first_position);
        start..start + positions.len()
    }

    /// Some are at risk from here on.
    fn join(&mut self, positions: Range<usize>) {
        if positions.is_empty() {
            return;
        }
        let (rows, of) = (self.sets.rows(self.risks.window()), self.rows_of(&positions));
        let risk = &self.risks.risk[positions];
        self.walk.s0 += total(risk);
        let OneWalk { s1, s2, .. } = &mut *self.walk;
        s2.add_with_sum(rows, of, risk, s1);
    }

    /// Deaths that all see the whole risk set, which they have joined.
    fn add_deaths(&mut self, index: usize) {
        let deaths = self.deaths(index, 0.0);
        let tied = TieSums::of_deaths(self.walk.ties, deaths);
        let g = self.settle(index, &deaths, &tied);
        let walk = &mut *self.walk;
        walk.s2.add_to(g * tied.one, &mut walk.expected);
        walk.take_vector(g * tied.square, [1.0, 0.0]);
    }

    /// Deaths that take turns; those before have left.
    fn add_tied_deaths(&mut self, index: usize) {
        let rows = self.sets.rows(self.risks.window());
        let events = self.sets.span(index).events();
        let of = self.rows_of(&events);
        let risk = &self.risks.risk[events];
        let walk = &mut *self.walk;
        walk.d1.fill(0.0);
        walk.d2.clear();
        walk.d2.add_with_sum(rows, of, risk, &mut walk.d1);
        let d0 = total(risk);
        walk.s0 += d0;
        walk.s1.iter_mut().zip(&walk.d1).for_each(|(s1, d1)| *s1 += d1);
        let deaths = self.deaths(index, d0);
        let tied = TieSums::of_deaths(Ties::Efron, deaths);
        let g = self.settle(index, &deaths, &tied);
        let walk = &mut *self.walk;
        walk.s2.take_in(&walk.d2, [g * tied.one, g * tied.share], &mut walk.expected);
        // a S1 S1' - b (S1 D1' + D1 S1') + c D1 D1' as two squares.
        let ratio = tied.share_square / tied.square;
        let rest = tied.square_square - ratio * tied.share_square;
        walk.take_vector(g * tied.square, [1.0, -ratio]);
        walk.take_vector(g * rest, [0.0, 1.0]);
    }

    fn deaths(&self, index: usize, d0: f64) -> Deaths {
        let events = self.sets.span(index).events();
        let d = self.sets.n_events(events.clone());
        Deaths { d, weight: self.sets.total_weight(events), s0: self.walk.s0, d0 }
    }

    /// Adds the deaths of a group to value and gradient; answers how often its time counts.
    fn settle(&mut self, index: usize, deaths: &Deaths, tied: &TieSums) -> f64 {
        let events = self.sets.span(index).events();
        let g = (self.g)(index);
        let eta = self.sets.weighted_total(&self.risks.eta, events.clone());
        let of = self.rows_of(&events);
        let walk = &mut *self.walk;
        walk.value += g * (eta - deaths.weight * ln(deaths.s0) - tied.ln_shares);
        let (one, share) = (g * tied.one, g * tied.share);
        for ((total, s1), d1) in walk.expected_sum.iter_mut().zip(&walk.s1).zip(&walk.d1) {
            *total += one * s1 - share * d1;
        }
        if walk.observes != Observes::Known {
            walk.factors.clear();
            walk.factors.extend(events.clone().map(|position| g * self.sets.weight(position)));
            let rows = self.sets.rows(self.risks.window());
            rows.add_sum(of, &walk.factors, &mut walk.observed);
        }
        g
    }
}
