//! Sparse assignment: rows take columns, or stay without at a price, for the smallest total cost.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::{Add, Sub};

/// No row or no column.
const NONE: u32 = u32::MAX;

/// A cost in two parts: what is lost counts before any distance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    pub lost: i64,
    pub distance: f64,
}

impl Cost {
    pub(crate) fn of(distance: f64) -> Self {
        Self { lost: 0, distance }
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { lost: self.lost + other.lost, distance: self.distance + other.distance }
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { lost: self.lost - other.lost, distance: self.distance - other.distance }
    }
}

impl Eq for Cost {}

impl Ord for Cost {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_lost = self.lost.cmp(&other.lost);
        by_lost.then_with(|| self.distance.total_cmp(&other.distance))
    }
}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What each row may take, row after row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arcs {
    /// Where the arcs of each row begin, and where the last ones end.
    starts: Vec<usize>,
    columns: Vec<u32>,
    distances: Vec<f64>,
}

impl Arcs {
    pub(crate) fn new() -> Self {
        Self { starts: vec![0], ..Self::default() }
    }

    /// Adds an arc to the row that is open.
    pub(crate) fn push(&mut self, column: u32, distance: f64) {
        self.columns.push(column);
        self.distances.push(distance);
    }

    /// Closes a row; the next arcs belong to the next.
    pub(crate) fn close_row(&mut self) {
        self.starts.push(self.columns.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Columns and distances of a row.
    pub(crate) fn of_row(&self, row: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.starts[row]..self.starts[row + 1];
        let columns = self.columns[range.clone()].iter().copied();
        columns.zip(self.distances[range].iter().copied())
    }
}

/// Assigns each bidder a column of its row of `arcs`, or none at its price, so that no column is
/// assigned twice and the total cost is the smallest.
///
/// `bidders` lists the row and the price of each; several may share a row. Bidders enter one after
/// the other, each along the shortest augmenting path under potentials that keep every reduced cost
/// non-negative, so the assignment is optimal for those who are in. Equal costs are decided by the
/// numbers of the columns.
///
/// Jonker and Volgenant (1987), Computing 38:325-340; Dijkstra (1959), Numer. Math. 1:269-271.
pub(crate) fn assign(arcs: &Arcs, n_columns: usize, bidders: &[(u32, Cost)]) -> Vec<Option<u32>> {
    let mut state = State {
        arcs,
        bidders,
        bid: vec![Cost::default(); bidders.len()],
        price: vec![Cost::default(); n_columns],
        column_of: vec![NONE; bidders.len()],
        bidder_of: vec![NONE; n_columns],
        reached: vec![None; n_columns],
        touched: Vec::new(),
        settled: Vec::new(),
        heap: BinaryHeap::new(),
    };
    for bidder in 0..bidders.len() as u32 {
        state.enter(bidder);
    }
    state.column_of.into_iter().map(|column| (column != NONE).then_some(column)).collect()
}

/// How a column was reached: at which cost, from which bidder, and whether for good.
#[derive(Clone, Copy)]
struct Reached {
    cost: Cost,
    from: u32,
    is_settled: bool,
}

struct State<'a> {
    arcs: &'a Arcs,
    bidders: &'a [(u32, Cost)],
    /// Potential of each bidder.
    bid: Vec<Cost>,
    /// Potential of each column.
    price: Vec<Cost>,
    column_of: Vec<u32>,
    bidder_of: Vec<u32>,
    reached: Vec<Option<Reached>>,
    touched: Vec<u32>,
    settled: Vec<u32>,
    heap: BinaryHeap<Reverse<(Cost, u32)>>,
}

/// Where an augmenting path ends.
#[derive(Clone, Copy)]
enum End {
    /// At a column that nobody has.
    Column(u32),
    /// At a bidder who goes without.
    Bidder(u32),
}

impl State<'_> {
    fn enter(&mut self, newcomer: u32) {
        let (end, cost) = self.search(newcomer);
        self.reprice(newcomer, cost);
        self.augment(newcomer, end);
        for &column in &self.touched {
            self.reached[column as usize] = None;
        }
        self.touched.clear();
        self.settled.clear();
        self.heap.clear();
    }

    /// The cheapest way to settle everybody once the newcomer is in.
    fn search(&mut self, newcomer: u32) -> (End, Cost) {
        let mut best = (End::Bidder(newcomer), self.look_around(newcomer, Cost::default()));
        while let Some(Reverse((cost, column))) = self.heap.pop() {
            if cost >= best.1 {
                break;
            }
            match &mut self.reached[column as usize] {
                Some(reached) if !reached.is_settled => reached.is_settled = true,
                _ => continue,
            }
            let holder = self.bidder_of[column as usize];
            if holder == NONE {
                return (End::Column(column), cost);
            }
            self.settled.push(column);
            let without = self.look_around(holder, cost);
            if without < best.1 {
                best = (End::Bidder(holder), without);
            }
        }
        best
    }

    /// Reaches the columns of a bidder, who is reached at a cost; answers with the cost of ending
    /// here, with this bidder going without.
    fn look_around(&mut self, bidder: u32, cost: Cost) -> Cost {
        let (row, price_of_none) = self.bidders[bidder as usize];
        let base = cost - self.bid[bidder as usize];
        let held = self.column_of[bidder as usize];
        for (column, distance) in self.arcs.of_row(row as usize) {
            if column == held {
                continue;
            }
            let cost = base + Cost::of(distance) - self.price[column as usize];
            let reached = &mut self.reached[column as usize];
            if reached.is_none() {
                self.touched.push(column);
            }
            if reached.is_none_or(|known| !known.is_settled && cost < known.cost) {
                *reached = Some(Reached { cost, from: bidder, is_settled: false });
                self.heap.push(Reverse((cost, column)));
            }
        }
        base + price_of_none
    }

    /// Moves the potentials of all that was settled nearer than the end of the path.
    fn reprice(&mut self, newcomer: u32, end: Cost) {
        for &column in &self.settled {
            let Some(reached) = self.reached[column as usize] else { continue };
            let ahead = end - reached.cost;
            let holder = self.bidder_of[column as usize] as usize;
            self.price[column as usize] = self.price[column as usize] - ahead;
            self.bid[holder] = self.bid[holder] + ahead;
        }
        self.bid[newcomer as usize] = self.bid[newcomer as usize] + end;
    }

    /// Hands the columns along the path on.
    fn augment(&mut self, newcomer: u32, end: End) {
        let mut column = match end {
            End::Column(column) => column,
            End::Bidder(bidder) if bidder == newcomer => return,
            End::Bidder(bidder) => std::mem::replace(&mut self.column_of[bidder as usize], NONE),
        };
        while let Some(reached) = self.reached[column as usize] {
            let taker = reached.from;
            self.bidder_of[column as usize] = taker;
            let given_up = std::mem::replace(&mut self.column_of[taker as usize], column);
            if taker == newcomer {
                return;
            }
            column = given_up;
        }
    }
}
