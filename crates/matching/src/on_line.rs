//! Optimal pairs along a line of scores.

use std::collections::VecDeque;

/// Who stands at each point of a line, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stand {
    /// Somebody who seeks a partner.
    Seeks,
    /// Somebody who offers to be one.
    Offers,
}

/// The best pairs: as many as there can be, with the smallest total distance, none of whose members
/// are further apart than `is_within` says of an earlier and a later point.
///
/// `score` ascends; points on either side of one within reach are within reach. Pairs need not cross:
/// uncrossing lengthens neither the longest of two pairs nor their sum. So those who wait for a
/// partner are served in the order of the line. Let `b` be the number of seekers taken up so far minus
/// that of offers, and `f(b)` the smallest cost up to here; every seeker left out costs `Λ`, more than
/// all distances. Whoever waits and is passed by an equal that is left out changes places with it
/// at a gain, so the `b > 0` who wait are the last `b` seekers, and they are within reach when no
/// more than `b` seekers are: reach only bounds `b`, from below by the offers within it.
///
/// Then `f` is convex. A step of length `h` adds `h |b|` to it, a seeker inserts the slope `−Λ` and an
/// offer the slope 0 into its sorted slopes, and a bound cuts slopes off at an end. Only the slopes
/// next to `b = 0` are ever looked at again, so two queues with shifts suffice, and the walk takes
/// linear time and memory. Where the slope of a point was inserted tells, walking back from `b = 0`,
/// whether it is taken up.
///
/// The cost of pairs along a line by a running balance is that of Karp and Li (1975), Discrete Math.
/// 13:129-142.
pub(crate) fn best_pairs(
    score: &[f64],
    stands: &[Stand],
    is_within: impl Fn(usize, usize) -> bool,
) -> Vec<PlacePair> {
    let turning = turning_points(score, stands, is_within);
    let mut balance = 0i64;
    let mut is_taken = vec![false; score.len()];
    for point in (0..score.len()).rev() {
        let change = match stands[point] {
            Stand::Seeks => -i64::from(balance > turning[point]),
            Stand::Offers => i64::from(balance < turning[point]),
        };
        is_taken[point] = change != 0;
        balance += change;
    }
    served_in_order(score, stands, &is_taken)
}

/// For each seeker the balance above which it is taken up, for each offer that below which it is.
fn turning_points(
    score: &[f64],
    stands: &[Stand],
    is_within: impl Fn(usize, usize) -> bool,
) -> Vec<i64> {
    let (Some(first), Some(last)) = (score.first(), score.last()) else { return Vec::new() };
    // A slope moves by the length of the line at most: those of seekers stay below those of offers.
    let price = 3.0 * (last - first) + f64::MIN_POSITIVE;
    let mut slopes = Slopes::default();
    let mut turning = Vec::with_capacity(score.len());
    let (mut in_reach, mut n_seekers, mut n_offers) = (0, 0, 0);
    for (point, stand) in stands.iter().enumerate() {
        while !is_within(in_reach, point) {
            match stands[in_reach] {
                Stand::Seeks => n_seekers -= 1,
                Stand::Offers => n_offers -= 1,
            }
            in_reach += 1;
        }
        slopes.step_to(score[point] - first, price);
        slopes.bound(n_seekers, n_offers);
        match stand {
            Stand::Seeks => {
                turning.push(slopes.seeker(price));
                n_seekers += 1;
            }
            Stand::Offers => {
                turning.push(slopes.offer());
                n_offers += 1;
            }
        }
    }
    turning
}

/// The slopes of the cost that can still matter, each stored less its shift.
#[derive(Default)]
struct Slopes {
    /// Slopes left of zero from `−Λ` on, ascending: the last is next to zero. They fall along the line.
    below: VecDeque<f64>,
    /// Slopes right of zero that are negative, descending: the last is next to zero. They rise.
    above: VecDeque<f64>,
    /// Number of slopes left of zero, the smaller ones included.
    n_below: usize,
    /// Number of slopes right of zero, those not negative included.
    n_above: usize,
    /// Length of the line so far.
    shift: f64,
}

impl Slopes {
    fn step_to(&mut self, length: f64, price: f64) {
        self.shift = length;
        while self.below.front().is_some_and(|&slope| slope - self.shift < -price) {
            self.below.pop_front();
        }
        while self.above.front().is_some_and(|&slope| slope + self.shift >= 0.0) {
            self.above.pop_front();
        }
    }

    /// Lets no more than these numbers wait.
    fn bound(&mut self, n_seekers: usize, n_offers: usize) {
        self.n_above = self.n_above.min(n_seekers);
        self.n_below = self.n_below.min(n_offers);
        while self.above.len() > self.n_above {
            self.above.pop_front();
        }
        while self.below.len() > self.n_below {
            self.below.pop_front();
        }
    }

    /// A seeker; taken up where the balance is above the number returned.
    fn seeker(&mut self, price: f64) -> i64 {
        let turning = -(self.below.len() as i64);
        self.n_above += 1;
        match self.below.pop_back() {
            None => self.above.push_back(-price - self.shift),
            Some(slope) => {
                let slope = slope - self.shift;
                if slope < 0.0 {
                    self.above.push_back(slope - self.shift);
                }
                self.below.push_front(-price + self.shift);
            }
        }
        turning
    }

    /// An offer; taken up where the balance is below the number returned.
    fn offer(&mut self) -> i64 {
        self.n_below += 1;
        match self.above.pop_back() {
            None => {
                self.below.push_back(self.shift);
                0
            }
            Some(slope) => {
                self.below.push_back(slope + self.shift + self.shift);
                self.above.len() as i64 + 1
            }
        }
    }
}

/// Pairs those taken up, whoever has waited longest first; each pair is a seeker and an offer.
///
/// Where rounding hides what it costs to wait, an equal that is left out takes the place of whoever has
/// waited longest.
fn served_in_order(score: &[f64], stands: &[Stand], is_taken: &[bool]) -> Vec<PlacePair> {
    let mut pairs = Vec::with_capacity(is_taken.iter().filter(|&&taken| taken).count() / 2);
    let mut waiting: VecDeque<usize> = VecDeque::new();
    for (point, &stand) in stands.iter().enumerate() {
        let longest = waiting.front().copied();
        match (is_taken[point], longest) {
            (true, Some(other)) if stands[other] != stand => {
                waiting.pop_front();
                pairs.push(if stand == Stand::Seeks { (point, other) } else { (other, point) });
            }
            (true, _) => waiting.push_back(point),
            (false, Some(other)) if stands[other] == stand && score[other] < score[point] => {
                waiting.pop_front();
                waiting.push_back(point);
            }
            (false, _) => {}
        }
    }
    pairs
}

/// One pair of a band: places of a seeker and of an offer.
pub(crate) type PlacePair = (usize, usize);

/// The best pairs when seeker `i` may take only the offers of `window(i)`; both ends of the windows
/// ascend.
///
/// Pairs need not cross, so the first `i` seekers and the first `j` offers make a table whose cells
/// follow from their neighbours; only cells within the windows differ from the one before. More
/// `worth` counts before less distance. Time and memory are the sum of the lengths of the windows.
pub(crate) fn in_band(
    windows: &[std::ops::Range<usize>],
    worth: &[i64],
    distance: impl Fn(usize, usize) -> f64,
) -> Vec<PlacePair> {
    let n_offers = windows.iter().map(|window| window.end).max().unwrap_or(0);
    let mut best = vec![Value::default(); n_offers + 1];
    let mut filled = 0;
    let mut steps: Vec<Step> = Vec::new();
    for (seeker, window) in windows.iter().enumerate() {
        for end in filled + 1..=window.end {
            best[end] = best[filled];
        }
        filled = filled.max(window.end);
        let mut diagonal = best[window.start];
        for offer in window.clone() {
            let without_seeker = best[offer + 1];
            let pair = diagonal.with(worth[seeker], distance(seeker, offer));
            let (value, step) = if pair.is_better(&without_seeker) && pair.is_better(&best[offer]) {
                (pair, Step::Pair)
            } else if best[offer].is_better(&without_seeker) {
                (best[offer], Step::SkipOffer)
            } else {
                (without_seeker, Step::SkipSeeker)
            };
            diagonal = without_seeker;
            best[offer + 1] = value;
            steps.push(step);
        }
    }
    walk_back(windows, &steps)
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Pair,
    SkipOffer,
    SkipSeeker,
}

#[derive(Clone, Copy, Default)]
struct Value {
    worth: i64,
    distance: f64,
}

impl Value {
    fn with(self, worth: i64, distance: f64) -> Self {
        Self { worth: self.worth + worth, distance: self.distance + distance }
    }

    fn is_better(&self, other: &Self) -> bool {
        self.worth > other.worth || self.worth == other.worth && self.distance < other.distance
    }
}

fn walk_back(windows: &[std::ops::Range<usize>], steps: &[Step]) -> Vec<PlacePair> {
    let mut pairs = Vec::new();
    let mut row_end = steps.len();
    let mut end = usize::MAX;
    for (seeker, window) in windows.iter().enumerate().rev() {
        let row = &steps[row_end - window.len()..row_end];
        row_end -= window.len();
        end = end.min(window.end);
        while end > window.start {
            match row[end - 1 - window.start] {
                Step::SkipOffer => end -= 1,
                Step::SkipSeeker => break,
                Step::Pair => {
                    pairs.push((seeker, end - 1));
                    end -= 1;
                    break;
                }
            }
        }
    }
    pairs.reverse();
    pairs
}
