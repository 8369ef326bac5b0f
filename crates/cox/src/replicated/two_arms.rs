//! The hazard ratio of two arms in eight replicates at a time: numbers at risk and of events are all that it
//! needs.

use crate::Ties;
use cohort::{Counting, Drawn, Endpoint, Estimate, NotEstimable, Replicated, RiskOrder, TieGroup};
use numerics::elementary::exp;
use numerics::lanes::{Block, F64x8, Kernel, LANES, Lanes, run};
use survival::{Recount, Recounted};

/// Two arms in the order of time, with a row for each event time of each stratum.
pub struct TwoArms {
    /// In each stratum the arm of the lower value of the column, and the other one.
    strata: Vec<[Recount; 2]>,
    /// How many subjects have the event at each time, whatever they count.
    n_tied: Vec<f64>,
    ties: Ties,
    /// Distance of the two values of the column.
    distance: f64,
    /// The coefficient of the sample, as a difference of the arms.
    start: f64,
}

/// Memory of a [`TwoArms`].
pub struct Scratch {
    counted: Vec<[Recounted; 2]>,
    copies: Vec<[Recounted; 2]>,
    rows: Vec<Row>,
}

/// One event time.
#[derive(Clone, Copy)]
struct Row {
    at_risk: [Block; 2],
    events: [Block; 2],
    /// Number of terms of the likelihood.
    terms: Block,
    /// The share of the events in each term, which all have the same; 0 where there is none.
    weight: Block,
    /// One over the number of terms; 0 where there is none.
    part: Block,
    /// The largest of them.
    most_terms: usize,
}

/// The first derivative of the log-likelihood, the negated second one, and the derivative of that.
struct Derivatives {
    score: [f64; LANES],
    information: [f64; LANES],
    change: [f64; LANES],
}

/// Steps after which a replicate counts as not converged.
const MOST_STEPS: usize = 60;

/// The error after a step is of the order of its cube: after one below this, nothing is left.
const LAST_STEP: f64 = 1e-4;

/// A step below this is rounding.
const NO_STEP: f64 = 1e-13;

impl TwoArms {
    pub fn new(
        endpoint: &Endpoint,
        order: &RiskOrder,
        arm: Vec<u32>,
        ties: Ties,
        distance: f64,
        start: f64,
    ) -> Self {
        let (mut strata, mut n_tied) = (Vec::new(), Vec::new());
        // Arms are strata of an order of their own.
        let n_strata = order.strata().count();
        let mut part = vec![0; endpoint.len()];
        for (stratum, tied) in order.strata().enumerate() {
            for position in tied.iter().flat_map(TieGroup::all) {
                let subject = order.order()[position] as usize;
                part[subject] = 2 * stratum as u32 + arm[subject];
            }
        }
        let by_arm = RiskOrder::new(endpoint, &part);
        let mut of_part: Vec<&[TieGroup]> = vec![&[]; 2 * n_strata];
        by_arm.strata().for_each(|tied| of_part[tied[0].stratum as usize] = tied);
        for (tied, arms) in order.strata().zip(of_part.chunks(2)) {
            let with_events = tied.iter().filter(|tied| !tied.events.is_empty());
            let times: Vec<f64> = with_events.clone().map(|tied| tied.time).collect();
            n_tied.extend(with_events.map(|tied| tied.events.len() as f64));
            let recount = |stratum| Recount::new(&times, endpoint, &by_arm, stratum);
            strata.push([recount(arms[0]), recount(arms[1])]);
        }
        Self { strata, n_tied, ties, distance, start: start * distance }
    }

    pub fn scratch(&self) -> Scratch {
        let counted = || {
            let of_arms = |arms: &[Recount; 2]| [arms[0].scratch(), arms[1].scratch()];
            self.strata.iter().map(of_arms).collect()
        };
        let rows = Vec::with_capacity(self.n_tied.len());
        Scratch { counted: counted(), copies: counted(), rows }
    }

    /// The log hazard ratio of each replicate.
    ///
    /// Halley's method from the estimate of the sample. The log-likelihood is concave in one variable, so
    /// that the sign of its derivative says on which side the maximum lies: a step that leaves the
    /// interval known to hold it is replaced by its middle.
    pub fn evaluate(&self, drawn: &Drawn, scratch: &mut Scratch, answers: &mut [Replicated]) {
        self.count(drawn, scratch);
        self.search(scratch, answers);
    }

    /// The same where subjects are copies with a case weight: how many each has, and what they weigh together.
    /// Tied events are as many as their copies.
    pub fn evaluate_copies(
        &self,
        copies: &Drawn,
        weighted: &Drawn,
        scratch: &mut Scratch,
        answers: &mut [Replicated],
    ) {
        self.count_copies(copies, weighted, scratch);
        self.search(scratch, answers);
    }

    fn search(&self, scratch: &mut Scratch, answers: &mut [Replicated]) {
        let mut searches: [Search; LANES] =
            std::array::from_fn(|lane| Search::new(self.start, self.reason(&scratch.rows, lane)));
        let mut derivatives = self.derivatives(&scratch.rows, &searches);
        for _ in 0..MOST_STEPS {
            for (lane, search) in searches.iter_mut().enumerate() {
                search.step(
                    derivatives.score[lane],
                    derivatives.information[lane],
                    derivatives.change[lane],
                );
            }
            if searches.iter().all(|search| search.is_over()) {
                break;
            }
            derivatives = self.derivatives(&scratch.rows, &searches);
        }
        for (search, answer) in searches.iter().zip(answers) {
            let value = search.value().map(|value| value / self.distance);
            let squared = self.distance * self.distance;
            let variance = value.ok().map(|_| 1.0 / (squared * search.information));
            *answer = Replicated { value, variance };
        }
    }

    /// Counts both arms of copies with weights and gathers the times at which a replicate has an event.
    fn count_copies(&self, copies: &Drawn, weighted: &Drawn, scratch: &mut Scratch) {
        let Scratch { counted, copies: counted_copies, rows } = scratch;
        rows.clear();
        for ((arms, counted), counted_copies) in self.strata.iter().zip(counted).zip(counted_copies)
        {
            for (arm, counted) in arms.iter().zip(&mut *counted) {
                arm.count(weighted, counted);
            }
            for (arm, counted) in arms.iter().zip(&mut *counted_copies) {
                arm.count(copies, counted);
            }
            let tied = Tied::Copies(counted_copies);
            run(Gather { counted, tied, ties: self.ties, rows });
        }
    }

    /// Counts both arms and gathers the times at which a replicate has an event.
    fn count(&self, drawn: &Drawn, scratch: &mut Scratch) {
        let Scratch { counted, rows, .. } = scratch;
        rows.clear();
        let mut n_tied = self.n_tied.as_slice();
        for (arms, counted) in self.strata.iter().zip(counted) {
            for (arm, counted) in arms.iter().zip(&mut *counted) {
                arm.count(drawn, counted);
            }
            let (own, rest) = n_tied.split_at(counted[0].events.len());
            n_tied = rest;
            let tied = match drawn.counting {
                Counting::Subjects => Tied::AsCounted,
                Counting::Weights => Tied::Subjects(own),
            };
            run(Gather { counted, tied, ties: self.ties, rows });
        }
    }

    /// Why a replicate has no maximum: it needs an event of each arm while the other one is at risk.
    fn reason(&self, rows: &[Row], lane: usize) -> Option<NotEstimable> {
        let holds = |of: fn(&Row, usize) -> bool| rows.iter().any(|row| of(row, lane));
        let falls = holds(|row, lane| row.events[0].0[lane] > 0.0 && row.at_risk[1].0[lane] > 0.0);
        let rises = holds(|row, lane| row.events[1].0[lane] > 0.0 && row.at_risk[0].0[lane] > 0.0);
        match (falls, rises) {
            (true, true) => None,
            (false, false) if holds(|row, lane| row.terms.0[lane] > 0.0) => {
                Some(NotEstimable::Aliased)
            }
            (false, false) => Some(NotEstimable::NoEvents),
            _ => Some(NotEstimable::Monotone),
        }
    }

    fn derivatives(&self, rows: &[Row], searches: &[Search; LANES]) -> Derivatives {
        let theta = std::array::from_fn(|lane| exp(searches[lane].at));
        run(Derive { rows, theta: &theta, is_efron: self.ties == Ties::Efron })
    }
}

/// The search for the maximum of one replicate.
#[derive(Clone, Copy)]
struct Search {
    at: f64,
    /// The maximum is known to lie between these.
    between: [f64; 2],
    /// The information at the end of the last step.
    information: f64,
    end: Option<Estimate<()>>,
}

impl Search {
    fn new(start: f64, reason: Option<NotEstimable>) -> Self {
        let between = [f64::NEG_INFINITY, f64::INFINITY];
        Self { at: start, between, information: 0.0, end: reason.map(Err) }
    }

    fn is_over(&self) -> bool {
        self.end.is_some()
    }

    fn step(&mut self, score: f64, information: f64, change: f64) {
        if self.is_over() {
            return;
        }
        self.between[usize::from(score < 0.0)] = self.at;
        let [low, high] = self.between;
        self.information = information;
        let newton = score / information;
        // Newton's step, corrected for the change of the information on half of it; where that would be more
        // than twice the step, the information says too little from here.
        let bend = 1.0 + 0.5 * newton * change / information;
        let step = if bend > 0.5 { newton / bend } else { newton };
        if step.abs() <= NO_STEP {
            self.end = Some(Ok(()));
            return;
        }
        let to = self.at + step;
        let is_inside = low < to && to < high;
        self.at = match (is_inside, low.is_finite() && high.is_finite()) {
            (true, _) => to,
            (false, true) => 0.5 * (low + high),
            (false, false) => self.at + step.signum(),
        };
        if is_inside && step.abs() <= LAST_STEP {
            self.information += step * change;
            self.end = Some(Ok(()));
        }
    }

    fn value(&self) -> Estimate {
        match self.end {
            Some(Ok(())) => Ok(self.at),
            Some(Err(reason)) => Err(reason),
            None => Err(NotEstimable::NotConverged),
        }
    }
}

/// How many have the event at a time.
enum Tied<'a> {
    /// As many as are counted.
    AsCounted,
    /// So many, whatever they count.
    Subjects(&'a [f64]),
    /// As many as these count.
    Copies(&'a [Recounted; 2]),
}

/// Puts the times of one stratum at which some replicate has an event into rows.
struct Gather<'a> {
    counted: &'a [Recounted; 2],
    tied: Tied<'a>,
    ties: Ties,
    rows: &'a mut Vec<Row>,
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let zero = F64x8::splat(lanes, 0.0);
        let one = zero.like(1.0);
        let [low, high] = self.counted;
        let both = |low: &Block, high: &Block| {
            F64x8::from_block(lanes, low) + F64x8::from_block(lanes, high)
        };
        for row in 0..low.events.len() {
            let events = [low.events[row], high.events[row]];
            let n_events = both(&events[0], &events[1]);
            let where_some = |yes: F64x8<L>| zero.if_less(n_events, yes, zero);
            let of_weights = |terms: F64x8<L>| (where_some(terms), where_some(n_events / terms));
            // Subjects share no term of Efron's: there are as many as events.
            let (terms, weight) = match (self.ties, &self.tied) {
                (Ties::Efron, Tied::AsCounted) => (n_events, where_some(one)),
                (Ties::Efron, Tied::Subjects(n_tied)) => of_weights(zero.like(n_tied[row])),
                (Ties::Efron, Tied::Copies([low, high])) => {
                    of_weights(both(&low.events[row], &high.events[row]))
                }
                (Ties::Breslow | Ties::Exact, _) => (where_some(one), n_events),
            };
            let most = terms.to_array().into_iter().fold(0.0, f64::max);
            if most > 0.0 {
                self.rows.push(Row {
                    at_risk: [low.at_risk[row], high.at_risk[row]],
                    events,
                    terms: terms.to_block(),
                    weight: weight.to_block(),
                    part: where_some(one / terms).to_block(),
                    most_terms: most as usize,
                });
            }
        }
    }
}

struct Derive<'a> {
    rows: &'a [Row],
    theta: &'a [f64; LANES],
    is_efron: bool,
}

impl Kernel for Derive<'_> {
    type Output = Derivatives;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Derivatives {
        let zero = F64x8::splat(lanes, 0.0);
        let one = zero.like(1.0);
        let theta = F64x8::from_array(lanes, self.theta);
        let (mut score, mut information, mut change) = (zero, zero, zero);
        for row in self.rows {
            let [r0, r1] = row.at_risk.each_ref().map(|block| F64x8::from_block(lanes, block));
            let [d0, d1] = row.events.each_ref().map(|block| F64x8::from_block(lanes, block));
            let terms = F64x8::from_block(lanes, &row.terms);
            let weight = F64x8::from_block(lanes, &row.weight);
            let part = F64x8::from_block(lanes, &row.part);
            let (mut sum, mut spread, mut skew) = (zero, zero, zero);
            for term in 0..row.most_terms {
                let term = zero.like(term as f64);
                let taken = if self.is_efron { term * part } else { zero };
                let low = taken.neg_mul_add(d0, r0);
                let high = theta * taken.neg_mul_add(d1, r1);
                let p = term.if_less(terms, high / (low + high), zero);
                sum += p;
                let variance = p * (one - p);
                spread += variance;
                skew += variance * (one - p - p);
            }
            score += d1 - weight * sum;
            information += weight * spread;
            change += weight * skew;
        }
        Derivatives {
            score: score.to_array(),
            information: information.to_array(),
            change: change.to_array(),
        }
    }
}
