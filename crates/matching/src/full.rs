//! Optimal full matching: everybody with an allowed partner is in a set.

use crate::assignment::{Arcs, Assignment, Cost, Seats, assign};
use crate::line::Line;
use crate::optimal::{arcs, between};
use crate::points::Points;
use crate::query::FullOptions;
use crate::sets::Link;
use crate::subjects::Subjects;
use crate::{MatchOption, MatchingError};

/// Sets of one focal subject and some partners, or of one partner and some focal subjects.
pub(crate) fn full(
    subjects: &Subjects,
    line: &Line,
    points: Option<&Points>,
    options: &FullOptions,
) -> Result<Vec<Link>, MatchingError> {
    let arcs = arcs(subjects, line, points)?;
    let pairs = match Bounds::new(options) {
        None => cover(&arcs, line),
        Some(bounds) => bounded(&arcs, line, &bounds)?,
    };
    Ok(links(subjects, line, points, &stars(pairs, line)))
}

/// Sets that hold everybody who is allowed a pair, with the smallest total distance.
///
/// Such sets are the stars of a cheapest edge cover of the allowed pairs. Let `m` be the distance
/// of everybody to the nearest other; a cover costs at least the sum of all `m`, and joining `a` and `b`
/// instead of letting both go to their nearest saves `m_a + m_b − d(a, b)`. The pairs that save most
/// without sharing anybody are an assignment; all others go to their nearest, ids first.
///
/// Rosenbaum (1991), J. R. Stat. Soc. B 53:597-610; Schrijver (2003), Combinatorial Optimization,
/// theorem 27.1. `matchit(method = "full")` in R without restrictions, which rounds distances.
fn cover(arcs: &Arcs, line: &Line) -> Vec<(usize, usize)> {
    let nearest = Nearest::new(arcs, line);
    let savings = savings(arcs, &nearest);
    let bidders: Vec<(u32, Cost)> =
        (0..arcs.n_rows() as u32).map(|seeker| (seeker, Cost::default())).collect();
    let assigned = assign(&savings, line.offers.len(), &bidders);
    let mut is_held = vec![false; line.offers.len()];
    let mut pairs = Vec::new();
    for (seeker, offer) in assigned.iter().enumerate() {
        match (offer, nearest.of_seekers[seeker]) {
            (&Some(offer), _) => {
                is_held[offer as usize] = true;
                pairs.push((seeker, offer as usize));
            }
            (None, Some((_, offer))) => pairs.push((seeker, offer)),
            (None, None) => {}
        }
    }
    for (offer, nearest) in nearest.of_offers.iter().enumerate() {
        if let (false, Some((_, seeker))) = (is_held[offer], nearest) {
            pairs.push((*seeker, offer));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// How many members of one kind share one of the other at a ratio: `k` partners a focal subject, or `k`
/// focal subjects a partner where the ratio is 1 over `k`. None when it is neither.
pub(crate) fn members(ratio: f64) -> Option<usize> {
    let whole = if ratio >= 1.0 { ratio } else { (1.0 / ratio).round() };
    let is_exact = whole.fract() == 0.0 && (ratio >= 1.0 || (whole * ratio - 1.0).abs() < 1e-9);
    (is_exact && whole <= f64::from(u32::MAX)).then_some(whole as usize)
}

/// Bounds on sets of one and many.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Least and largest number of partners of a focal subject.
    partners: (usize, usize),
    /// Least and largest number of focal subjects of a partner; absent = any.
    focal: (usize, Option<usize>),
    omitted_share: f64,
}

impl Bounds {
    /// None when the options bound nothing.
    fn new(options: &FullOptions) -> Option<Self> {
        let FullOptions { min_ratio, max_ratio, omitted_share, .. } = *options;
        if min_ratio == 0.0 && max_ratio.is_none() && omitted_share == 0.0 {
            return None;
        }
        let above = |ratio: f64| if ratio >= 1.0 { members(ratio) } else { None };
        let below = |ratio: f64| if ratio < 1.0 { members(ratio) } else { None };
        let most_partners = match max_ratio {
            Some(max) => above(max).unwrap_or(1),
            None => usize::MAX,
        };
        Some(Self {
            partners: (above(min_ratio).unwrap_or(1), most_partners),
            focal: (
                max_ratio.and_then(below).unwrap_or(1),
                if min_ratio == 0.0 { None } else { Some(below(min_ratio).unwrap_or(1)) },
            ),
            omitted_share,
        })
    }
}

/// Sets within bounds: as many focal subjects as there can be, then as many partners, but for a share
/// that may be left out, with the smallest total distance.
///
/// Every focal subject bids for as many partners as it may have; a partner has as many seats as focal
/// subjects may share it, the first of which pays. No optimum pairs two who both have others, so the
/// pairs form stars. Those left out are taken by bidders who stand for nobody.
///
/// The network is that of Hansen and Klopfer (2006), J. Comput. Graph. Stat. 15:609-627.
fn bounded(
    arcs: &Arcs,
    line: &Line,
    bounds: &Bounds,
) -> Result<Vec<(usize, usize)>, MatchingError> {
    let (n_focal, n_partners) = (line.seekers.len(), line.offers.len());
    let (least, most) = bounds.partners;
    let (least_focal, most_focal) = bounds.focal;
    // One focal subject more counts before all partners.
    let focal = Cost { lost: n_partners as i64 + 1, distance: 0.0 };
    let partner = Cost { lost: 1, distance: 0.0 };
    if least_focal > 1 {
        // Partners choose instead, each of them several focal subjects who share them.
        let most_focal = most_focal.unwrap_or(n_focal);
        let seats = Seats { n: 1, first: Cost::default() - focal };
        let turned = arcs.transposed(n_partners);
        let n_rows = n_partners;
        let bid =
            Bid { n_rows, least: least_focal, most: most_focal, price: partner, nearest: None };
        let pairs = bid.pairs(&turned, n_focal, seats, &[]);
        if !is_filled(&turned, &pairs, least_focal) {
            return Err(MatchOption::MaxSetRatio.refused(
                "no sets keep it: some partner would have fewer focal subjects than the largest \
                 ratio asks for",
            ));
        }
        return Ok(pairs.into_iter().map(|(offer, seeker)| (seeker, offer)).collect());
    }
    let nearest = most_focal.is_none().then(|| Nearest::new(arcs, line).of_seekers);
    let n_seats = most_focal.map_or(1, |most| most.min(n_focal.max(1))) as u32;
    let seats = Seats { n: n_seats, first: Cost::default() - partner };
    let (with_omitted, omitted) = omitted(arcs, line, bounds.omitted_share);
    let bid = Bid { n_rows: n_focal, least, most, price: focal, nearest };
    let pairs = bid.pairs(&with_omitted, n_partners, seats, &omitted);
    if least > 1 && !is_filled(arcs, &pairs, least) {
        return Err(MatchOption::MinSetRatio.refused(
            "no sets keep it: some focal subject would have fewer partners than the smallest ratio \
             asks for",
        ));
    }
    Ok(pairs)
}

/// How the rows of an assignment bid.
struct Bid {
    /// Number of rows; further ones stand for nobody.
    n_rows: usize,
    /// How many columns a row must have.
    least: usize,
    /// How many it may have.
    most: usize,
    /// What is lost with each that it must have.
    price: Cost,
    /// The nearest column of each row when it may share it with any number of others.
    nearest: Option<Vec<Option<(f64, usize)>>>,
}

impl Bid {
    /// Pairs of a row and a column, ascending; `omitted` lists rows that stand for nobody.
    fn pairs(
        &self,
        arcs: &Arcs,
        n_columns: usize,
        seats: Seats,
        omitted: &[u32],
    ) -> Vec<(usize, usize)> {
        let mut assignment = Assignment::new(arcs, n_columns, seats);
        let nearest = |row: u32| self.nearest.as_ref().and_then(|nearest| nearest[row as usize]);
        for row in 0..self.n_rows as u32 {
            let shared = nearest(row).map(|(distance, _)| Cost::of(distance));
            for _ in 0..self.least {
                assignment.enter(row, shared.unwrap_or(self.price));
            }
        }
        for &row in omitted {
            assignment.enter(row, Cost::default());
        }
        for row in 0..self.n_rows as u32 {
            // When one of the row goes without, another would as well; there are no more than pairs.
            let most = self.most.min(arcs.of_row(row as usize).count());
            let mut n = self.least;
            while n < most && assignment.enter(row, Cost::default()) {
                n += 1;
            }
        }
        let mut pairs = Vec::new();
        let n_required = self.n_rows * self.least;
        for (bidder, (row, column)) in assignment.taken().enumerate() {
            let column = match column {
                Some(column) => Some(column as usize),
                None if bidder < n_required => nearest(row).map(|(_, column)| column),
                None => None,
            };
            pairs.extend(column.map(|column| (row as usize, column)));
        }
        pairs.retain(|&(row, _)| row < self.n_rows);
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

/// Whether every row that has an arc is in as many pairs as it must be.
fn is_filled(arcs: &Arcs, pairs: &[(usize, usize)], least: usize) -> bool {
    let mut n = vec![0; arcs.n_rows()];
    pairs.iter().for_each(|&(row, _)| n[row] += 1);
    (0..arcs.n_rows()).all(|row| n[row] >= least || arcs.of_row(row).next().is_none())
}

/// The arcs with a row more per class, which reaches all its partners at no distance, and that row as
/// often as partners may be left out.
fn omitted(arcs: &Arcs, line: &Line, share: f64) -> (Arcs, Vec<u32>) {
    let (mut arcs, mut omitted) = (arcs.clone(), Vec::new());
    if share == 0.0 {
        return (arcs, omitted);
    }
    let mut is_allowed = vec![false; line.offers.len()];
    for row in 0..arcs.n_rows() {
        arcs.of_row(row).for_each(|(offer, _)| is_allowed[offer as usize] = true);
    }
    for class in &line.classes {
        let allowed: Vec<u32> =
            class.offers.clone().filter(|&offer| is_allowed[offer as usize]).collect();
        let kept = (allowed.len() as f64 * (1.0 - share)).round_ties_even() as usize;
        omitted.extend(vec![arcs.n_rows() as u32; allowed.len() - kept]);
        allowed.iter().for_each(|&offer| arcs.push(offer, 0.0));
        arcs.close_row();
    }
    (arcs, omitted)
}

/// The nearest allowed one of everybody: distance and place; of equally near ones the first by id.
struct Nearest {
    of_seekers: Vec<Option<(f64, usize)>>,
    of_offers: Vec<Option<(f64, usize)>>,
}

impl Nearest {
    fn new(arcs: &Arcs, line: &Line) -> Self {
        let mut nearest = Self {
            of_seekers: vec![None; line.seekers.len()],
            of_offers: vec![None; line.offers.len()],
        };
        for seeker in 0..arcs.n_rows() {
            for (offer, distance) in arcs.of_row(seeker) {
                let offer = offer as usize;
                improve(&mut nearest.of_seekers[seeker], distance, offer, &line.offers);
                improve(&mut nearest.of_offers[offer], distance, seeker, &line.seekers);
            }
        }
        nearest
    }
}

fn improve(best: &mut Option<(f64, usize)>, distance: f64, place: usize, subject: &[u32]) {
    let is_better = best.is_none_or(|(nearest, known)| {
        distance < nearest || distance == nearest && subject[place] < subject[known]
    });
    if is_better {
        *best = Some((distance, place));
    }
}

/// The pairs that save something, with what they save as a negative cost.
fn savings(arcs: &Arcs, nearest: &Nearest) -> Arcs {
    let mut savings = Arcs::new();
    let least = |best: Option<(f64, usize)>| best.map_or(0.0, |(distance, _)| distance);
    for seeker in 0..arcs.n_rows() {
        for (offer, distance) in arcs.of_row(seeker) {
            let apart =
                least(nearest.of_seekers[seeker]) + least(nearest.of_offers[offer as usize]);
            if distance < apart {
                savings.push(offer, distance - apart);
            }
        }
        savings.close_row();
    }
    savings
}

/// Leaves out pairs both of whose members have others, as can happen where a distance is 0.
fn stars(pairs: Vec<(usize, usize)>, line: &Line) -> Vec<(usize, usize)> {
    let mut of_seeker = vec![0; line.seekers.len()];
    let mut of_offer = vec![0; line.offers.len()];
    for &(seeker, offer) in &pairs {
        of_seeker[seeker] += 1;
        of_offer[offer] += 1;
    }
    let mut stars = pairs;
    stars.retain(|&(seeker, offer)| {
        let is_needless = of_seeker[seeker] > 1 && of_offer[offer] > 1;
        if is_needless {
            of_seeker[seeker] -= 1;
            of_offer[offer] -= 1;
        }
        !is_needless
    });
    stars
}

fn links(
    subjects: &Subjects,
    line: &Line,
    points: Option<&Points>,
    pairs: &[(usize, usize)],
) -> Vec<Link> {
    let link = |&(seeker, offer): &(usize, usize)| {
        let (focal, partner) = (line.seekers[seeker], line.offers[offer]);
        Link { focal, partner, distance: between(subjects, points, focal, partner) }
    };
    pairs.iter().map(link).collect()
}

/// The set of each subject, numbered by a member: sets are joined through shared members.
pub(crate) fn classes(links: &[Link], n: usize) -> Vec<u32> {
    let mut class = vec![0u32; n];
    // A star shares its centre, so one of the two has its number already, or neither has.
    for link in links {
        let (focal, partner) = (link.focal as usize, link.partner as usize);
        let number = match (class[focal], class[partner]) {
            (0, 0) => link.focal + 1,
            (known, 0) | (_, known) => known,
        };
        class[focal] = number;
        class[partner] = number;
    }
    class
}
