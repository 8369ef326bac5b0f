//! The order in which every survival estimator walks its subjects.

use crate::{Codes, Endpoint};
use numerics::{parallel, radix};
use std::ops::Range;

/// Subjects by stratum, then time ascending, events before censorings, then row.
///
/// At one time events come before censorings: a subject censored at `t` is at risk at `t`.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskOrder {
    order: Vec<u32>,
    groups: Vec<TieGroup>,
}

/// The subjects of one stratum whose follow-up ends at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct TieGroup {
    /// Stratum index.
    pub stratum: u32,
    /// The time.
    pub time: f64,
    /// Positions in [`RiskOrder::order`] of those with an event.
    pub events: Range<usize>,
    /// Positions of those censored; they follow the events.
    pub censored: Range<usize>,
}

/// With more possible ties than this to a subject, counting them takes longer than a sort.
const MOST_TIES_PER_SUBJECT: usize = 4;

impl RiskOrder {
    /// Sorts the subjects; `strata` holds one index per subject.
    ///
    /// # Panics
    ///
    /// When there are not as many strata as subjects.
    #[must_use]
    pub fn new(endpoint: &Endpoint, strata: &[u32]) -> Self {
        assert_eq!(strata.len(), endpoint.len(), "every subject has a stratum");
        match endpoint.time_codes().exits() {
            Codes::Short(exits) => Self::of_codes(endpoint, strata, exits),
            Codes::Long(exits) => Self::of_codes(endpoint, strata, exits),
        }
    }

    fn of_codes<C: Copy + Into<u32> + Sync>(
        endpoint: &Endpoint,
        strata: &[u32],
        exits: &[C],
    ) -> Self {
        let n_strata = strata.iter().fold(0, |n, &stratum| n.max(stratum as usize + 1));
        let n_ties = n_strata.saturating_mul(endpoint.time_codes().times().len());
        if n_ties <= MOST_TIES_PER_SUBJECT * endpoint.len() {
            Self::counted(endpoint, strata, exits, n_ties)
        } else {
            Self::sorted(endpoint, strata, exits)
        }
    }

    /// Every subject goes to the place that those before it in the order leave free.
    fn counted<C: Copy + Into<u32> + Sync>(
        endpoint: &Endpoint,
        strata: &[u32],
        exits: &[C],
        n_ties: usize,
    ) -> Self {
        let (times, event) = (endpoint.time_codes().times(), endpoint.event());
        let places = |range: Range<usize>| {
            let subjects = strata[range.clone()].iter().zip(&exits[range.clone()]);
            subjects.zip(&event[range]).map(|((&stratum, &exit), &event)| {
                let tie = stratum as usize * times.len() + exit.into() as usize;
                2 * tie + usize::from(!event)
            })
        };
        let mut next = parallel::counted(endpoint.len(), 2 * n_ties, places);
        let (mut groups, mut start) = (Vec::new(), 0);
        for (tie, counts) in next.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let middle = start + counts[0] as usize;
            let end = middle + counts[1] as usize;
            *counts = [start as u32, middle as u32];
            if start < end {
                let (stratum, time) = ((tie / times.len()) as u32, times[tie % times.len()]);
                groups.push(TieGroup {
                    stratum,
                    time,
                    events: start..middle,
                    censored: middle..end,
                });
            }
            start = end;
        }
        let mut order = vec![0; endpoint.len()];
        for (subject, place) in places(0..endpoint.len()).enumerate() {
            order[next[place] as usize] = subject as u32;
            next[place] += 1;
        }
        Self { order, groups }
    }

    /// The same where there would be far more places than subjects.
    fn sorted<C: Copy + Into<u32>>(endpoint: &Endpoint, strata: &[u32], exits: &[C]) -> Self {
        let (times, event) = (endpoint.time_codes().times(), endpoint.event());
        let code_bits = usize::BITS - times.len().leading_zeros();
        // The key of a tie, and in its last bit who comes first in it.
        let key = |subject: usize| {
            let tie = u64::from(strata[subject]) << code_bits | u64::from(exits[subject].into());
            tie << 1 | u64::from(!event[subject])
        };
        let order = radix::order_by_key(endpoint.len(), key);
        let tie = |&subject: &u32| key(subject as usize) >> 1;
        let mut groups = Vec::new();
        let mut start = 0;
        for tied in order.chunk_by(|a, b| tie(a) == tie(b)) {
            let n_events = tied.partition_point(|&subject| event[subject as usize]);
            let first = tied[0] as usize;
            let (middle, end) = (start + n_events, start + tied.len());
            groups.push(TieGroup {
                stratum: strata[first],
                time: times[exits[first].into() as usize],
                events: start..middle,
                censored: middle..end,
            });
            start = end;
        }
        Self { order, groups }
    }

    /// Subject indexes in risk order.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Groups of tied subjects, stratum by stratum, in ascending order of time.
    #[must_use]
    pub fn groups(&self) -> &[TieGroup] {
        &self.groups
    }

    /// The groups of each stratum.
    pub fn strata(&self) -> impl Iterator<Item = &[TieGroup]> {
        self.groups.chunk_by(|a, b| a.stratum == b.stratum)
    }
}

impl TieGroup {
    /// Positions of everyone whose follow-up ends here.
    #[must_use]
    pub fn all(&self) -> Range<usize> {
        self.events.start..self.censored.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_precede_censorings_at_one_time() {
        let event = vec![false, true, false, true];
        let endpoint = Endpoint::new(vec![5.0, 5.0, 1.0, 5.0], event).unwrap();
        let order = RiskOrder::new(&endpoint, &[0; 4]);
        assert_eq!(order.order(), [2, 1, 3, 0]);
        assert_eq!(order.groups()[1].events, 1..3);
        assert_eq!(order.groups()[1].censored, 3..4);
    }

    #[test]
    fn strata_come_one_after_the_other() {
        let endpoint = Endpoint::new(vec![5.0, 4.0, 3.0], vec![true; 3]).unwrap();
        let order = RiskOrder::new(&endpoint, &[0, 1, 0]);
        assert_eq!(order.order(), [2, 0, 1]);
        assert_eq!(order.strata().count(), 2);
    }
}
