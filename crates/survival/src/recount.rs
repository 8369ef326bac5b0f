//! Who is at risk and has the event at each time, counted anew in each of eight replicates.

use cohort::{Drawn, Endpoint, RiskOrder, TieGroup};
use numerics::lanes::{Block, F64x8, Kernel, Lanes, run};
use std::ops::Range;

/// The subjects of a group in the order of time, so that a replicate sorts nothing.
#[derive(Clone, Debug)]
pub struct Recount {
    /// For each time the positions of its events, and of all others who leave before the next time.
    rows: Vec<(Range<usize>, Range<usize>)>,
    /// The subject at each position.
    subjects: Vec<u32>,
    /// For each time those who enter at it or later, but before the next one.
    entering: Vec<Vec<u32>>,
}

/// The counts of a group in eight replicates, a row for each time.
#[derive(Clone, Debug)]
pub struct Recounted {
    /// Number at risk just before the time.
    pub at_risk: Vec<Block>,
    /// Number of events at it.
    pub events: Vec<Block>,
}

impl Recount {
    /// The subjects of one stratum of `order`, which was made from `endpoint`.
    ///
    /// The times ascend. At each of them the counts are those of a [`crate::RiskTable`]; events at other
    /// times are not counted.
    #[must_use]
    pub fn new(
        times: &[f64],
        endpoint: &Endpoint,
        order: &RiskOrder,
        stratum: &[TieGroup],
    ) -> Self {
        let subjects: Vec<u32> = (stratum.iter().flat_map(TieGroup::all))
            .map(|position| order.order()[position])
            .collect();
        let first = stratum.first().map_or(0, |tied| tied.events.start);
        let position =
            |tied: Option<&TieGroup>| tied.map_or(subjects.len(), |tied| tied.events.start - first);
        let starts: Vec<usize> =
            times.iter().map(|&time| stratum.partition_point(|tied| tied.time < time)).collect();
        let rows = times.iter().enumerate().map(|(row, &time)| {
            let here = stratum.get(starts[row]);
            let next = starts.get(row + 1).and_then(|&start| stratum.get(start));
            let n_events =
                here.filter(|tied| tied.time == time).map_or(0, |tied| tied.events.len());
            let begin = position(here);
            (begin..begin + n_events, begin + n_events..position(next))
        });
        let rows = rows.collect();
        let mut entering = Vec::new();
        if let Some(entry) = endpoint.entry() {
            entering = vec![Vec::new(); times.len()];
            for &subject in &subjects {
                let n_before = times.partition_point(|&time| time <= entry[subject as usize]);
                // Who enters before the first time is at risk at all of them.
                if let Some(row) = n_before.checked_sub(1) {
                    entering[row].push(subject);
                }
            }
        }
        Self { rows, subjects, entering }
    }

    /// Number of times.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no times.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Memory for [`Self::count`].
    #[must_use]
    pub fn scratch(&self) -> Recounted {
        let rows = vec![Block::default(); self.len()];
        Recounted { at_risk: rows.clone(), events: rows }
    }

    /// Counts the subjects of all replicates.
    pub fn count(&self, drawn: &Drawn, into: &mut Recounted) {
        run(Count { recount: self, drawn, into });
    }
}

impl Recounted {
    /// Numbers at risk and of events at a time in one replicate.
    #[must_use]
    pub fn at(&self, row: usize, replicate: usize) -> (f64, f64) {
        (self.at_risk[row].0[replicate], self.events[row].0[replicate])
    }
}

struct Count<'a> {
    recount: &'a Recount,
    drawn: &'a Drawn,
    into: &'a mut Recounted,
}

impl Kernel for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { recount, drawn, into } = self;
        let zero = F64x8::splat(lanes, 0.0);
        let sum = |subjects: &[u32]| {
            let mut sum = zero;
            for &subject in subjects {
                sum += F64x8::from_array(lanes, &drawn.counts[subject as usize]);
            }
            sum
        };
        let mut at_risk = zero;
        for (row, (events, others)) in recount.rows.iter().enumerate().rev() {
            let died = sum(&recount.subjects[events.clone()]);
            at_risk += died + sum(&recount.subjects[others.clone()]);
            if let Some(entering) = recount.entering.get(row) {
                at_risk = at_risk - sum(entering);
            }
            into.events[row] = died.to_block();
            into.at_risk[row] = at_risk.to_block();
        }
    }
}
