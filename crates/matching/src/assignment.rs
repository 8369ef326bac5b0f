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

    /// The same pairs with columns for rows.
    pub(crate) fn transposed(&self, n_columns: usize) -> Self {
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); n_columns];
        for row in 0..self.n_rows() {
            for (column, distance) in self.of_row(row) {
                rows[column as usize].push((row as u32, distance));
            }
        }
        let mut transposed = Self::new();
        for row in rows {
            row.into_iter().for_each(|(column, distance)| transposed.push(column, distance));
            transposed.close_row();
        }
        transposed
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
/// `bidders` lists the row and the price of each; several may share a row.
pub(crate) fn assign(arcs: &Arcs, n_columns: usize, bidders: &[(u32, Cost)]) -> Vec<Option<u32>> {
    let mut assignment = Assignment::new(arcs, n_columns, Seats { n: 1, first: Cost::default() });
    for &(row, price) in bidders {
        assignment.enter(row, price);
    }
    (0..bidders.len()).map(|bidder| assignment.column_of(bidder)).collect()
}

/// How many bidders may take the same column, and what it costs to be its first, who may thus be paid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seats {
    pub n: u32,
    pub first: Cost,
}

/// An assignment under way.
///
/// Bidders enter one after the other, each along the shortest augmenting path under potentials that
/// keep every reduced cost non-negative, so the assignment is optimal for those who are in. Equal costs
/// are decided by the numbers of the columns.
///
/// Jonker and Volgenant (1987), Computing 38:325-340; Dijkstra (1959), Numer. Math. 1:269-271.
pub(crate) struct Assignment<'a> {
    arcs: &'a Arcs,
    seats: Seats,
    /// Row of each bidder and the price of going without.
    bidders: Vec<(u32, Cost)>,
    /// Potential of each bidder.
    bid: Vec<Cost>,
    /// Potential of each seat, those of a column next to each other.
    price: Vec<Cost>,
    seat_of: Vec<u32>,
    bidder_of: Vec<u32>,
    reached: Vec<Option<Reached>>,
    touched: Vec<u32>,
    settled: Vec<u32>,
    heap: BinaryHeap<Reverse<(Cost, u32)>>,
}

/// How a seat was reached: at which cost, from which bidder, and whether for good.
#[derive(Clone, Copy)]
struct Reached {
    cost: Cost,
    from: u32,
    is_settled: bool,
}

/// Where an augmenting path ends.
#[derive(Clone, Copy)]
enum End {
    /// At a seat that nobody has.
    Seat(u32),
    /// At a bidder who goes without.
    Bidder(u32),
}

impl<'a> Assignment<'a> {
    /// Nobody is in yet.
    pub(crate) fn new(arcs: &'a Arcs, n_columns: usize, seats: Seats) -> Self {
        let n_seats = n_columns * seats.n as usize;
        Self {
            arcs,
            seats,
            bidders: Vec::new(),
            bid: Vec::new(),
            price: vec![Cost::default(); n_seats],
            seat_of: Vec::new(),
            bidder_of: vec![NONE; n_seats],
            reached: vec![None; n_seats],
            touched: Vec::new(),
            settled: Vec::new(),
            heap: BinaryHeap::new(),
        }
    }

    /// Lets a bidder of a row in, who may go without at a price; answers whether its row takes one more
    /// column now.
    pub(crate) fn enter(&mut self, row: u32, price: Cost) -> bool {
        let newcomer = self.bidders.len() as u32;
        self.bidders.push((row, price));
        self.bid.push(Cost::default());
        self.seat_of.push(NONE);
        let (end, cost) = self.search(newcomer);
        self.reprice(newcomer, cost);
        self.augment(newcomer, end);
        for &seat in &self.touched {
            self.reached[seat as usize] = None;
        }
        self.touched.clear();
        self.settled.clear();
        self.heap.clear();
        // Equal bidders of a row may displace each other by a rounding error.
        !matches!(end, End::Bidder(without) if self.bidders[without as usize].0 == row)
    }

    /// The column of a bidder, counted in the order in which they entered.
    pub(crate) fn column_of(&self, bidder: usize) -> Option<u32> {
        let seat = self.seat_of[bidder];
        (seat != NONE).then(|| seat / self.seats.n)
    }

    /// Rows and columns of all bidders.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (u32, Option<u32>)> + '_ {
        let row = |bidder: usize| self.bidders[bidder].0;
        (0..self.bidders.len()).map(move |bidder| (row(bidder), self.column_of(bidder)))
    }

    /// The cheapest way to settle everybody once the newcomer is in.
    fn search(&mut self, newcomer: u32) -> (End, Cost) {
        let mut best = (End::Bidder(newcomer), self.look_around(newcomer, Cost::default()));
        while let Some(Reverse((cost, seat))) = self.heap.pop() {
            if cost >= best.1 {
                break;
            }
            match &mut self.reached[seat as usize] {
                Some(reached) if !reached.is_settled => reached.is_settled = true,
                _ => continue,
            }
            let holder = self.bidder_of[seat as usize];
            if holder == NONE {
                return (End::Seat(seat), cost);
            }
            self.settled.push(seat);
            let without = self.look_around(holder, cost);
            if without < best.1 {
                best = (End::Bidder(holder), without);
            }
        }
        best
    }

    /// Reaches the seats of a bidder, who is reached at a cost; answers with the cost of ending
    /// here, with this bidder going without.
    fn look_around(&mut self, bidder: u32, cost: Cost) -> Cost {
        let (row, price_of_none) = self.bidders[bidder as usize];
        let base = cost - self.bid[bidder as usize];
        let held = self.seat_of[bidder as usize];
        let Seats { n: n_seats, first } = self.seats;
        for (column, distance) in self.arcs.of_row(row as usize) {
            let first_seat = column * n_seats;
            for seat in (first_seat..first_seat + n_seats).filter(|&seat| seat != held) {
                let of_seat = if seat == first_seat { first } else { Cost::default() };
                let cost = base + Cost::of(distance) + of_seat - self.price[seat as usize];
                let reached = &mut self.reached[seat as usize];
                if reached.is_none() {
                    self.touched.push(seat);
                }
                if reached.is_none_or(|known| !known.is_settled && cost < known.cost) {
                    *reached = Some(Reached { cost, from: bidder, is_settled: false });
                    self.heap.push(Reverse((cost, seat)));
                }
            }
        }
        base + price_of_none
    }

    /// Moves the potentials of all that was settled nearer than the end of the path.
    fn reprice(&mut self, newcomer: u32, end: Cost) {
        for &seat in &self.settled {
            let Some(reached) = self.reached[seat as usize] else { continue };
            let ahead = end - reached.cost;
            let holder = self.bidder_of[seat as usize] as usize;
            self.price[seat as usize] = self.price[seat as usize] - ahead;
            self.bid[holder] = self.bid[holder] + ahead;
        }
        self.bid[newcomer as usize] = self.bid[newcomer as usize] + end;
    }

    /// Hands the seats along the path on.
    fn augment(&mut self, newcomer: u32, end: End) {
        let mut seat = match end {
            End::Seat(seat) => seat,
            End::Bidder(bidder) if bidder == newcomer => return,
            End::Bidder(bidder) => std::mem::replace(&mut self.seat_of[bidder as usize], NONE),
        };
        while let Some(reached) = self.reached[seat as usize] {
            let taker = reached.from;
            self.bidder_of[seat as usize] = taker;
            let given_up = std::mem::replace(&mut self.seat_of[taker as usize], seat);
            if taker == newcomer {
                return;
            }
            seat = given_up;
        }
    }
}
