//! Numbers of subjects by time, stratum, group and outcome, counted in one pass without an order.

use cohort::{Codes, Endpoint, Groups};
use numerics::parallel;
use std::ops::Range;

/// How many of the subjects with one time, stratum and group are censored, and how many have the
/// event.
pub(crate) type Cell = [u32; 2];

/// A cell for every time, also those at which nothing happens, in each stratum and group.
pub(crate) struct Counts<'a> {
    times: &'a [f64],
    n_strata: usize,
    n_groups: usize,
    /// Those who leave at each time: for each time all strata, for each of those all groups.
    exits: Vec<u32>,
    /// Those who enter at each time.
    entries: Option<Vec<u32>>,
}

/// With more cells than this to a subject, an order of the subjects takes less time and memory.
const MOST_CELLS_PER_SUBJECT: usize = 4;

impl<'a> Counts<'a> {
    /// Counts everybody; absent when there would be far more cells than subjects.
    pub(crate) fn of(endpoint: &'a Endpoint, strata: &Groups, groups: &Groups) -> Option<Self> {
        let codes = endpoint.time_codes();
        let (n_strata, n_groups) = (strata.n_groups(), groups.n_groups());
        let n_cells = 2 * codes.times().len() * n_strata * n_groups;
        if n_cells > MOST_CELLS_PER_SUBJECT * endpoint.len() {
            return None;
        }
        let subjects = Subjects { event: endpoint.event(), strata, groups };
        Some(Self {
            times: codes.times(),
            n_strata,
            n_groups,
            exits: subjects.count(codes.exits(), n_cells),
            entries: codes.entries().map(|entries| subjects.count(entries, n_cells)),
        })
    }

    pub(crate) fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// Those of a stratum who leave.
    pub(crate) fn exits(&self, stratum: usize) -> Rows<'_> {
        self.rows(&self.exits, stratum)
    }

    /// Those of a stratum who enter; nobody when everyone is followed from time 0.
    pub(crate) fn entries(&self, stratum: usize) -> Rows<'_> {
        self.rows(self.entries.as_deref().unwrap_or_default(), stratum)
    }

    fn rows<'b>(&'b self, counts: &'b [u32], stratum: usize) -> Rows<'b> {
        let (cells, _) = counts.as_chunks();
        let width = (self.n_strata * self.n_groups).max(1);
        let first = stratum * self.n_groups;
        let n_groups = self.n_groups;
        let is_filled = |row: &u32| {
            let groups = &cells[*row as usize * width + first..][..n_groups];
            groups.iter().any(|cell| *cell != [0; 2])
        };
        let filled = (0..(cells.len() / width) as u32).filter(is_filled).collect();
        Rows { times: self.times, cells, width, first, n_groups, filled }
    }
}

/// The times at which somebody of one stratum is counted.
pub(crate) struct Rows<'a> {
    times: &'a [f64],
    cells: &'a [Cell],
    width: usize,
    first: usize,
    n_groups: usize,
    filled: Vec<u32>,
}

impl Rows<'_> {
    pub(crate) fn times(&self) -> Vec<f64> {
        self.filled.iter().map(|&row| self.times[row as usize]).collect()
    }

    /// For each time the numbers with one outcome, of all groups.
    pub(crate) fn counts(&self, outcome: usize) -> Vec<usize> {
        let mut counts = Vec::with_capacity(self.filled.len() * self.n_groups);
        for &row in &self.filled {
            counts.extend(self.groups(row).iter().map(|cell| cell[outcome] as usize));
        }
        counts
    }

    /// Each time with the cells of its groups.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (f64, &[Cell])> {
        self.filled.iter().map(|&row| (self.times[row as usize], self.groups(row)))
    }

    fn groups(&self, row: u32) -> &[Cell] {
        &self.cells[row as usize * self.width + self.first..][..self.n_groups]
    }
}

/// What is counted of the subjects besides a time.
struct Subjects<'a> {
    event: &'a [bool],
    strata: &'a Groups,
    groups: &'a Groups,
}

impl Subjects<'_> {
    fn count(&self, times: &Codes, n_cells: usize) -> Vec<u32> {
        match times {
            Codes::Short(times) => self.count_codes(times, n_cells),
            Codes::Long(times) => self.count_codes(times, n_cells),
        }
    }

    fn count_codes<C: Copy + Into<u32> + Sync>(&self, times: &[C], n_cells: usize) -> Vec<u32> {
        let n_groups = self.groups.n_groups();
        let width = self.strata.n_groups() * n_groups;
        let outcomes = |range: Range<usize>| {
            let times = times[range.clone()].iter().map(move |&time| time.into() as usize * width);
            times.zip(self.event[range].iter().map(|&event| usize::from(event)))
        };
        match (self.strata.codes(), self.groups.codes()) {
            (None, None) => parallel::counted(times.len(), n_cells, |range| {
                outcomes(range).map(|(time, outcome)| 2 * time + outcome)
            }),
            (Some(codes), None) | (None, Some(codes)) => {
                parallel::counted(times.len(), n_cells, |range| {
                    let subjects = outcomes(range.clone()).zip(&codes[range]);
                    subjects.map(|((time, outcome), &code)| 2 * (time + code as usize) + outcome)
                })
            }
            (Some(strata), Some(groups)) => parallel::counted(times.len(), n_cells, |range| {
                let codes = strata[range.clone()].iter().zip(&groups[range.clone()]);
                outcomes(range).zip(codes).map(move |((time, outcome), (&stratum, &group))| {
                    2 * (time + stratum as usize * n_groups + group as usize) + outcome
                })
            }),
        }
    }
}
