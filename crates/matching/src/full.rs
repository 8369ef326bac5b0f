//! Optimal full matching: everybody with an allowed partner is in a set.

use crate::MatchingError;
use crate::assignment::{Arcs, Cost, assign};
use crate::line::Line;
use crate::optimal::{arcs, between};
use crate::points::Points;
use crate::sets::Link;
use crate::subjects::Subjects;

/// Sets of one focal subject and some partners, or of one partner and some focal subjects, that hold
/// everybody who is allowed a pair, with the smallest total distance.
///
/// Such sets are the stars of a cheapest edge cover of the allowed pairs. Let `m` be the distance
/// of everybody to the nearest other; a cover costs at least the sum of all `m`, and joining `a` and `b`
/// instead of letting both go to their nearest saves `m_a + m_b − d(a, b)`. The pairs that save most
/// without sharing anybody are an assignment; all others go to their nearest, ids first.
///
/// Rosenbaum (1991), J. R. Stat. Soc. B 53:597-610; Schrijver (2003), Combinatorial Optimization,
/// theorem 27.1. `matchit(method = "full")` in R without restrictions, which rounds distances.
pub(crate) fn full(
    subjects: &Subjects,
    line: &Line,
    points: Option<&Points>,
) -> Result<Vec<Link>, MatchingError> {
    let arcs = arcs(subjects, line, points)?;
    let nearest = Nearest::new(&arcs, line);
    let savings = savings(&arcs, &nearest);
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
    Ok(links(subjects, line, points, &stars(pairs, line)))
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
