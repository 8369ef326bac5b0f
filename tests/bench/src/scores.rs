//! Patients with a propensity score, for benches of matching.

use cohort::{Cohort, Column, Selection};
use matching::{
    Caliper, CaliperScale, MatchQuery, MatchWeights, MatchedSample, Method, match_pairs,
    match_weights,
};
use numerics::elementary::exp;
use numerics::streams::Streams;

/// Numbers of patients.
pub const MATCHING_SIZES: [usize; 4] = [488, 10_000, 100_000, 1_000_000];

/// Logits of propensity scores and who is exposed, about a quarter: each with the probability that the
/// score says.
#[must_use]
pub fn scores(n: usize) -> (Vec<f64>, Vec<bool>) {
    let mut stream = Streams::new(20_261_123, "bench of matching").stream(0);
    let patient = |_| {
        let score = 0.9 * stream.normal() - 1.35;
        (score, stream.happens(1.0 / (1.0 + exp(-score))))
    };
    (0..n).map(patient).unzip()
}

/// Scores at which a walk over used neighbours is slow: all exposed above all comparators.
#[must_use]
pub fn apart(n: usize) -> (Vec<f64>, Vec<bool>) {
    (0..n).map(|k| (k as f64 / n as f64, k >= n / 2)).unzip()
}

/// Patients to be matched, as a service has them.
pub struct Scored {
    cohort: Cohort,
    score: Vec<f64>,
}

impl Scored {
    /// A cohort of these scores.
    ///
    /// # Panics
    ///
    /// Never: the columns are valid.
    #[must_use]
    pub fn new((score, exposed): (Vec<f64>, Vec<bool>)) -> Self {
        let levels = ["0", "1"].map(String::from).to_vec();
        let codes = exposed.into_iter().map(u32::from).collect();
        let columns = vec![
            Column::numeric("score", score.clone()),
            Column::categorical("exposed", levels, codes),
        ];
        Self { cohort: Cohort::new(None, columns).expect("the columns are valid"), score }
    }

    /// Matches by this method, within 0.2 standard deviations if asked for.
    ///
    /// # Panics
    ///
    /// Never: the question makes sense and both arms hold somebody.
    #[must_use]
    pub fn matched(&self, method: Method, has_caliper: bool) -> MatchedSample {
        let query = by_score(method, has_caliper);
        match_pairs(&self.cohort, &Selection::all(&self.cohort), &query)
            .expect("both arms hold somebody")
    }

    /// Who is in the sample of [`Scored::matched`], by the matcher alone: no ids, no certificate.
    ///
    /// # Panics
    ///
    /// Never: the question makes sense and both arms hold somebody.
    #[must_use]
    pub fn matcher_alone(&self, method: Method, has_caliper: bool) -> MatchWeights {
        let query = by_score(method, has_caliper);
        match_weights(&self.cohort, &Selection::all(&self.cohort), &query, self.score.clone())
            .expect("both arms hold somebody")
    }
}

fn by_score(method: Method, has_caliper: bool) -> MatchQuery {
    let caliper = Caliper { width: 0.2, scale: CaliperScale::StandardDeviations };
    MatchQuery {
        method,
        caliper: has_caliper.then_some(caliper),
        ..MatchQuery::nearest("exposed", "1", "score")
    }
}
