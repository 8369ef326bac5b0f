//! From a cohort and a question to a matched sample.

use crate::certificate::{Promise, certify};
use crate::check::check;
use crate::greedy::{Greedy, quotas};
use crate::line::Line;
use crate::nearest::{OnLine, SiteFirst};
use crate::nearest_point::AmongPoints;
use crate::points::Points;
use crate::query::{Distance, Estimand, MatchQuery, Method, NearestOptions, Ratio};
use crate::sets::{Link, Links, numbered, renumbered};
use crate::subjects::{Role, Subjects};
use crate::{
    Certificate, MatchWeights, MatchedSample, MatchingError, Pair, caveats, full, optimal, spss,
    strata, weights,
};
use cohort::{Caveat, Cohort, Selection};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Forms matched sets of exposed subjects and comparators, weighs them, and proves what they promise.
///
/// The focal arm is the exposed, or for [`Estimand::Atc`] the comparators. A caliper's standard
/// deviation is that of all selected subjects that are not discarded. Partners share the exact keys,
/// differ on the anti-exact ones, and keep every caliper; the limit itself is allowed.
///
/// - **Nearest neighbours.** Focal subjects choose one after the other, in rounds of one partner
///   each, whoever is nearest and free. Equal scores choose in id order. Of two partners equally
///   near by score, one below and one above, the one below wins; on the same side the one nearer in
///   the order by score, then id. A partner with the very score of the focal subject counts as below
///   when its id comes first. Among points the first by id wins.
/// - **Optimal pairs.** As many pairs as there can be, with the smallest total distance.
/// - **Full matching.** Everybody with an allowed partner is in a set of one and many, with the
///   smallest total distance; with bounds on the sets ([`FullOptions`](crate::FullOptions)), as many
///   as they let in.
/// - **Subclasses, coarsened and exact matching** form classes without pairs.
///
/// A selected row that occurs twice is two subjects; two rows of one id are refused. When exposed subjects are left out, a caveat says
/// how many and for whom the result still speaks; no pair at all is an answer too. Rows in another
/// order give the same sets, since ids decide what scores do not.
///
/// Rubin (1973), Biometrics 29:159-183; Stuart (2010), Stat. Sci. 25:1-21; the caliper of 0.2 SD is
/// that of Austin (2011), Pharm. Stat. 10:150-161. Same sets and weights as `matchit` of MatchIt 4.7
/// in R with these settings, for rows in id order.
pub fn match_pairs(
    cohort: &Cohort,
    selection: &Selection,
    query: &MatchQuery,
) -> Result<MatchedSample, MatchingError> {
    check(query)?;
    if let Some(row) = cohort.repeated_id(selection.rows()) {
        return Err(MatchingError::RepeatedId { row: cohort.caller_row(row) });
    }
    let subjects = Subjects::read(cohort, selection, query)?;
    let formed = form(cohort, selection, query, &subjects)?;
    let n = subjects.len();
    let n_exposed = subjects.roles.iter().filter(|role| role.is_exposed()).count();
    let weights = formed.weights(&subjects, query.estimand);
    let findings = certify(&subjects, &formed.links.pairs, &formed.set, &weights, formed.promise)?;
    let row = |subject: usize| selection.row(subject);
    let pairs: Vec<Pair> =
        formed.links.pairs.iter().map(|link| pair(&subjects, selection, link)).collect();
    let certificate = Certificate {
        algorithm: formed.algorithm,
        estimand: String::new(),
        n_exposed,
        n_comparators: n - n_exposed,
        n_matched_exposed: findings.n_matched_exposed,
        n_matched_comparators: findings.n_matched_comparators,
        caliper: subjects.caliper,
        score_sd: subjects.score_sd,
        largest_distance: findings.largest_distance,
        total_distance: findings.total_distance,
        largest_over_caliper: findings.largest_over_caliper,
        n_ties: formed.links.n_ties,
        digest: digest(cohort, selection, &pairs, &formed.set),
    };
    let certificate =
        Certificate { estimand: in_words(&certificate, query.estimand), ..certificate };
    let caveats = caveats::unmatched(&certificate, query.estimand)
        .into_iter()
        .chain(caveats::ratio_above_supply(query, &subjects))
        .chain(formed.caveats)
        .collect();
    let members = subjects.roles.iter().zip(&weights).enumerate();
    let left_out =
        |&(_, (role, weight)): &(usize, (&Role, &f64))| role.is_exposed() & (*weight == 0.0);
    let unmatched_exposed = members.filter(left_out).map(|(subject, _)| row(subject)).collect();
    Ok(MatchedSample {
        caveats,
        unmatched_exposed,
        discarded: (0..n).filter(|&k| subjects.roles[k].is_discarded()).map(row).collect(),
        subclass: formed.set,
        pairs,
        weights,
        certificate,
    })
}

/// The weights of [`match_pairs`] with these scores in the place of the column of the query, one per subject:
/// who is in the matched sample, for those who match again and again.
///
/// The sets are those of [`match_pairs`]; they are not certified, and ids are not looked at. Without a score
/// in the query there are none to be given.
///
/// # Errors
///
/// Those of [`match_pairs`], but for repeated ids.
///
/// # Panics
///
/// When there is not one score per subject.
pub fn match_weights(
    cohort: &Cohort,
    selection: &Selection,
    query: &MatchQuery,
    score: Vec<f64>,
) -> Result<MatchWeights, MatchingError> {
    check(query)?;
    let n_scores = if query.score.is_some() { selection.len() } else { 0 };
    assert_eq!(score.len(), n_scores, "a score per subject");
    let subjects = Subjects::scored(cohort, selection, query, score.into())?;
    let formed = form(cohort, selection, query, &subjects)?;
    Ok(MatchWeights { weights: formed.weights(&subjects, query.estimand), n_sets: formed.n_sets() })
}

/// Sets before they are weighed and checked.
struct Formed {
    links: Links,
    /// Number of the set of each subject; empty where a subject may be in several.
    set: Vec<u32>,
    promise: Promise,
    algorithm: String,
    /// What came up while they were formed.
    caveats: Vec<Caveat>,
}

impl Formed {
    fn weights(&self, subjects: &Subjects, estimand: Estimand) -> Vec<f64> {
        let (pairs, n) = (&self.links.pairs, subjects.len());
        match self.promise.most_partners {
            Some(1) if !self.promise.reuse => weights::of_single_pairs(pairs, n),
            Some(_) => weights::of_pairs(pairs, n),
            None => weights::of_classes(&self.set, &subjects.roles, estimand),
        }
    }

    /// Number of sets; with replacement that of the subjects who have partners.
    fn n_sets(&self) -> usize {
        match self.promise.reuse {
            true => self.links.pairs.chunk_by(|a, b| a.focal == b.focal).count(),
            false => self.set.iter().max().map_or(0, |&last| last as usize),
        }
    }

    fn of_pairs(links: Links, n: usize, promise: Promise, algorithm: &str) -> Self {
        let links = links.by_focal(n);
        let set = if promise.reuse { Vec::new() } else { numbered(&links.pairs, n) };
        Self { links, set, promise, algorithm: algorithm.into(), caveats: Vec::new() }
    }

    fn of_classes(class: &[u32], algorithm: &str) -> Self {
        let promise = Promise { reuse: false, most_partners: None, is_paired: false };
        let set = renumbered(class);
        let links = Links::default();
        Self { links, set, promise, algorithm: algorithm.into(), caveats: Vec::new() }
    }
}

fn form(
    cohort: &Cohort,
    selection: &Selection,
    query: &MatchQuery,
    subjects: &Subjects,
) -> Result<Formed, MatchingError> {
    let points = match distance(&query.method) {
        Distance::Score => None,
        distance => Some(Points::new(cohort, selection, &query.covariates, distance, subjects)?),
    };
    let points = points.as_ref();
    let mut formed = match &query.method {
        Method::Subclass(options) => {
            let (class, n_classes) = strata::subclasses(subjects, *options, query.estimand);
            let formed = Formed::of_classes(&class, "subclassification, version 1");
            let caveats = caveats::thin_classes(*options, n_classes, subjects);
            Formed { caveats, ..formed }
        }
        Method::Coarsened(rules) => Formed::of_classes(
            &strata::coarsened(cohort, selection, &query.covariates, rules, subjects)?,
            "coarsened exact matching, version 1",
        ),
        Method::Exact => Formed::of_classes(&strata::exact(subjects), "exact matching, version 1"),
        method => form_pairs(method, points, subjects)?,
    };
    formed.caveats.extend(points.into_iter().flat_map(caveats::constant_covariates));
    Ok(formed)
}

/// How a method measures how far apart two subjects are; by score where it measures nothing.
fn distance(method: &Method) -> Distance {
    match method {
        Method::Nearest(options) => options.distance,
        Method::Optimal(options) => options.distance,
        Method::Full(options) => options.distance,
        Method::Subclass(_) | Method::Coarsened(_) | Method::Exact | Method::Spss(_) => {
            Distance::Score
        }
    }
}

/// Sets of the methods that join subjects one by one.
fn form_pairs(
    method: &Method,
    points: Option<&Points>,
    subjects: &Subjects,
) -> Result<Formed, MatchingError> {
    let paired =
        |reuse: bool, most: usize| Promise { reuse, most_partners: Some(most), is_paired: true };
    let n = subjects.len();
    let line = || Line::new(subjects, &subjects.class);
    Ok(match method {
        Method::Nearest(options) => {
            let links = nearest(subjects, points, options);
            let promise = paired(options.replacement, largest(options.ratio));
            Formed::of_pairs(links, n, promise, "greedy nearest neighbour matching, version 1")
        }
        Method::Optimal(options) => {
            let line = line();
            let links = match points {
                None if !subjects.has_rules() => optimal::by_score(subjects, &line, options.ratio)?,
                points => optimal::by_rules(subjects, &line, points, options.ratio)?,
            };
            let promise = paired(false, options.ratio);
            Formed::of_pairs(links, n, promise, "optimal pair matching, version 2")
        }
        Method::Full(options) => {
            let pairs = full::full(subjects, &line(), points, options)?;
            let formed =
                Formed::of_classes(&full::classes(&pairs, n), "optimal full matching, version 1");
            let promise = Promise { is_paired: true, ..formed.promise };
            Formed { links: Links { pairs, n_ties: 0 }.by_focal(n), promise, ..formed }
        }
        Method::Spss(options) => {
            let links = spss::spss(subjects, &line(), options);
            let promise = paired(options.replacement, 1);
            Formed::of_pairs(links, n, promise, "random matching as in SPSS, version 1")
        }
        Method::Subclass(_) | Method::Coarsened(_) | Method::Exact => {
            let promise = Promise { reuse: false, most_partners: None, is_paired: false };
            Formed::of_pairs(Links::default(), n, promise, "no pairs")
        }
    })
}

fn largest(ratio: Ratio) -> usize {
    match ratio {
        Ratio::Fixed(ratio) => ratio,
        Ratio::Variable { max, .. } => max,
    }
}

fn nearest(subjects: &Subjects, points: Option<&Points>, options: &NearestOptions) -> Links {
    let line = Line::new(subjects, &subjects.class);
    let quota = quotas(&line, subjects, options.ratio);
    let replacement = options.replacement;
    if subjects.site_class.is_empty() {
        return match points {
            None => Greedy::new(&line, OnLine::new(subjects, &line), replacement, quota)
                .run(subjects, options),
            Some(points) => {
                let finder = AmongPoints::new(subjects, &line, points);
                Greedy::new(&line, finder, replacement, quota).run(subjects, options)
            }
        };
    }
    let (sites, n) = (Line::new(subjects, &subjects.site_class), subjects.len());
    match points {
        None => {
            let on = |line| (line, OnLine::new(subjects, line));
            let finder = SiteFirst::new(n, on(&sites), on(&line));
            Greedy::new(&line, finder, replacement, quota).run(subjects, options)
        }
        Some(points) => {
            let among = |line| (line, AmongPoints::new(subjects, line, points));
            let finder = SiteFirst::new(n, among(&sites), among(&line));
            Greedy::new(&line, finder, replacement, quota).run(subjects, options)
        }
    }
}

fn pair(subjects: &Subjects, selection: &Selection, link: &Link) -> Pair {
    let (focal, partner) = (link.focal as usize, link.partner as usize);
    let (exposed, comparator) =
        if subjects.roles[focal].is_exposed() { (focal, partner) } else { (partner, focal) };
    Pair {
        exposed: selection.row(exposed),
        comparator: selection.row(comparator),
        distance: link.distance,
    }
}

/// SHA-256 of sets, as [`Certificate::digest`] says.
fn digest(cohort: &Cohort, selection: &Selection, pairs: &[Pair], set: &[u32]) -> String {
    let mut lines = Lines::default();
    for pair in pairs {
        lines.add(|text| {
            cohort.write_id(pair.exposed, text);
            text.push(b',');
            cohort.write_id(pair.comparator, text);
        });
    }
    if pairs.is_empty() {
        for (subject, set) in set.iter().enumerate().filter(|&(_, &set)| set > 0) {
            lines.add(|text| {
                cohort.write_id(selection.row(subject), text);
                text.push(b',');
                text.extend_from_slice(set.to_string().as_bytes());
            });
        }
    }
    lines.digest()
}

/// SHA-256, in hexadecimal digits, of lines of two cells with a comma between them.
///
/// A digest of pairs of ids is that of the lines `exposed id,comparator id`.
pub fn digest_of_lines<A: AsRef<str>, B: AsRef<str>>(
    lines: impl IntoIterator<Item = (A, B)>,
) -> String {
    let mut digested = Lines::default();
    for (first, second) in lines {
        digested.add(|text| {
            text.extend_from_slice(first.as_ref().as_bytes());
            text.push(b',');
            text.extend_from_slice(second.as_ref().as_bytes());
        });
    }
    digested.digest()
}

/// Lines on their way to a digest.
#[derive(Default)]
struct Lines {
    hasher: Sha256,
    /// What was not hashed yet: short pieces cost more than their bytes.
    text: Vec<u8>,
}

impl Lines {
    const ENOUGH: usize = 1 << 13;

    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.text);
        self.text.push(b'\n');
        if self.text.len() >= Self::ENOUGH {
            self.hasher.update(&self.text);
            self.text.clear();
        }
    }

    fn digest(mut self) -> String {
        self.hasher.update(&self.text);
        self.hasher.finalize().iter().fold(String::new(), |mut digits, byte| {
            // Writing to a string does not fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
    }
}

/// For whom a matched sample speaks.
fn in_words(certificate: &Certificate, estimand: Estimand) -> String {
    let exposed = (certificate.n_matched_exposed, certificate.n_exposed);
    let comparators = (certificate.n_matched_comparators, certificate.n_comparators);
    let both = (exposed.0 + comparators.0, exposed.1 + comparators.1);
    let ((kept, all), who, name) = match estimand {
        Estimand::Att => (exposed, "exposed patients", "ATT"),
        Estimand::Atc => (comparators, "comparators", "ATC"),
        Estimand::Ate => (both, "patients", "ATE"),
    };
    if kept == all {
        format!("average effect in all {all} {who} ({name})")
    } else {
        format!(
            "average effect in the {kept} of {all} {who} who have comparable partners, not in all \
             of them ({name})"
        )
    }
}
