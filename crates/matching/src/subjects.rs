//! What is known of the subjects before they are matched.

use crate::query::{Caliper, CaliperScale, Discard, Estimand, MatchQuery, Method, SiteRule};
use crate::{MatchOption, MatchingError};
use cohort::{Arms, Cohort, Estimate, NotEstimable, Selection};
use numerics::elementary::{ln, ln_1p};
use numerics::sum::variance;

/// The selected subjects in id order, and which of them may be paired.
pub(crate) struct Subjects {
    pub is_exposed: Vec<bool>,
    /// Whether a subject is of the arm whose members are given partners.
    pub is_focal: Vec<bool>,
    /// Whether a subject was set aside.
    pub is_discarded: Vec<bool>,
    /// Score of each subject; empty without one.
    pub score: Vec<f64>,
    /// Logit of each score when the caliper is measured on it; else empty.
    logit: Vec<f64>,
    /// Largest difference allowed on the scale of the caliper; absent = any.
    pub caliper: Option<f64>,
    /// Standard deviation on the scale of the caliper.
    pub score_sd: Estimate,
    /// Class within which partners are sought.
    pub class: Vec<u32>,
    /// Class that is searched first when a site is preferred; else empty.
    pub site_class: Vec<u32>,
    /// Codes of the anti-exact keys.
    anti: Vec<Vec<u32>>,
    /// Covariates with the largest difference allowed.
    covariates: Vec<(Vec<f64>, f64)>,
}

impl Subjects {
    pub(crate) fn read(
        cohort: &Cohort,
        selection: &Selection,
        query: &MatchQuery,
    ) -> Result<Self, MatchingError> {
        let arms = Arms::new(cohort, selection, &query.exposure, &query.exposed)?;
        let score = match &query.score {
            Some(column) => without_signed_zeros(cohort.numeric(column, selection)?),
            None => Vec::new(),
        };
        let is_exposed = arms.is_exposed().to_vec();
        let is_focal = match query.estimand {
            Estimand::Att | Estimand::Ate => is_exposed.clone(),
            Estimand::Atc => is_exposed.iter().map(|&exposed| !exposed).collect(),
        };
        let is_discarded = discarded(&is_exposed, &score, query.discard);
        let logit = logits(query, &score)?;
        let score_sd = match query.score {
            Some(_) => {
                let scale = if logit.is_empty() { &score } else { &logit };
                spread(scale, &is_discarded)
            }
            None => Err(NotEstimable::NotDefined),
        };
        let caliper = query.caliper.map(|caliper| width(caliper, score_sd)).transpose()?;
        Ok(Self {
            class: cohort.strata(&class_columns(query), selection)?,
            site_class: site_class(cohort, selection, query)?,
            anti: anti_exact(cohort, selection, query)?,
            covariates: covariate_calipers(cohort, selection, query, &is_discarded)?,
            is_exposed,
            is_focal,
            is_discarded,
            score,
            logit,
            caliper,
            score_sd,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.is_exposed.len()
    }

    /// Whether a subject is to be given partners.
    pub(crate) fn seeks(&self, subject: usize) -> bool {
        self.is_focal[subject] & !self.is_discarded[subject]
    }

    /// Whether a subject may be a partner.
    pub(crate) fn offers(&self, subject: usize) -> bool {
        !self.is_focal[subject] & !self.is_discarded[subject]
    }

    /// The scale on which the caliper is measured; in the order of the scores.
    pub(crate) fn scale(&self) -> &[f64] {
        if self.logit.is_empty() { &self.score } else { &self.logit }
    }

    /// Whether the caliper is measured on the logit of the score.
    pub(crate) fn is_on_logit(&self) -> bool {
        !self.logit.is_empty()
    }

    /// Difference of two subjects on the scale of the caliper; 0 without a score.
    pub(crate) fn difference(&self, a: usize, b: usize) -> f64 {
        match self.scale() {
            [] => 0.0,
            scale => (scale[a] - scale[b]).abs(),
        }
    }

    /// Whether two subjects are no further apart than the caliper.
    pub(crate) fn is_within_caliper(&self, a: usize, b: usize) -> bool {
        self.caliper.is_none_or(|caliper| self.difference(a, b) <= caliper)
    }

    /// Whether pairs are restricted by more than class and caliper.
    pub(crate) fn has_rules(&self) -> bool {
        !self.anti.is_empty() || !self.covariates.is_empty()
    }

    /// Whether the anti-exact keys of two subjects differ.
    pub(crate) fn differ_on_keys(&self, a: usize, b: usize) -> bool {
        self.anti.iter().all(|codes| codes[a] != codes[b])
    }

    /// Whether two subjects are within the calipers of the covariates.
    pub(crate) fn is_within_covariates(&self, a: usize, b: usize) -> bool {
        self.covariates.iter().all(|(values, limit)| (values[a] - values[b]).abs() <= *limit)
    }

    /// Whether nothing but class and caliper keeps two subjects from being a pair.
    pub(crate) fn meet_rules(&self, a: usize, b: usize) -> bool {
        self.differ_on_keys(a, b) && self.is_within_covariates(a, b)
    }
}

/// Zero and minus zero are one value.
fn without_signed_zeros(values: Vec<f64>) -> Vec<f64> {
    values.into_iter().map(|value| value + 0.0).collect()
}

/// Columns that both members of a pair share.
fn class_columns(query: &MatchQuery) -> Vec<String> {
    let site = query.site.iter().filter(|site| site.rule == SiteRule::Exact);
    query.exact.iter().chain(site.map(|site| &site.column)).cloned().collect()
}

fn site_class(
    cohort: &Cohort,
    selection: &Selection,
    query: &MatchQuery,
) -> Result<Vec<u32>, MatchingError> {
    match &query.site {
        Some(site) if site.rule == SiteRule::Prefer => {
            let columns: Vec<String> = query.exact.iter().chain([&site.column]).cloned().collect();
            Ok(cohort.strata(&columns, selection)?)
        }
        _ => Ok(Vec::new()),
    }
}

fn anti_exact(
    cohort: &Cohort,
    selection: &Selection,
    query: &MatchQuery,
) -> Result<Vec<Vec<u32>>, MatchingError> {
    let codes = |column: &String| cohort.strata(std::slice::from_ref(column), selection);
    Ok(query.anti_exact.iter().map(codes).collect::<Result<_, _>>()?)
}

fn covariate_calipers(
    cohort: &Cohort,
    selection: &Selection,
    query: &MatchQuery,
    is_discarded: &[bool],
) -> Result<Vec<(Vec<f64>, f64)>, MatchingError> {
    let read = |limit: &crate::CovariateCaliper| {
        let values = cohort.numeric(&limit.column, selection)?;
        let width = width(limit.caliper, spread(&values, is_discarded))?;
        Ok((values, width))
    };
    query.covariate_calipers.iter().map(read).collect()
}

/// Logits of the scores, when the caliper is measured on them.
fn logits(query: &MatchQuery, score: &[f64]) -> Result<Vec<f64>, MatchingError> {
    let on_logit = |caliper: Caliper| caliper.scale == CaliperScale::LogitStandardDeviations;
    if !query.caliper.is_some_and(on_logit) {
        return Ok(Vec::new());
    }
    if !score.iter().all(|&p| 0.0 < p && p < 1.0) {
        let column = query.score.clone().unwrap_or_default();
        return Err(MatchingError::NotProbabilities { column });
    }
    Ok(score.iter().map(|&p| ln(p) - ln_1p(-p)).collect())
}

/// Who lies outside the range of the other arm.
fn discarded(is_exposed: &[bool], score: &[f64], rule: Discard) -> Vec<bool> {
    let range = |arm: bool| {
        let of_arm = is_exposed.iter().zip(score).filter(move |&(&exposed, _)| exposed == arm);
        of_arm.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, &score)| {
            (low.min(score), high.max(score))
        })
    };
    let (of_exposed, of_comparators) = (range(true), range(false));
    let is_outside = |score: f64, (low, high): (f64, f64)| score < low || high < score;
    let shared = (of_exposed.0.max(of_comparators.0), of_exposed.1.min(of_comparators.1));
    let is_discarded = |(&exposed, &score): (&bool, &f64)| match rule {
        Discard::None => false,
        Discard::Both => is_outside(score, shared),
        Discard::Comparators => !exposed && is_outside(score, of_exposed),
        Discard::Exposed => exposed && is_outside(score, of_comparators),
    };
    if rule == Discard::None {
        return vec![false; is_exposed.len()];
    }
    is_exposed.iter().zip(score).map(is_discarded).collect()
}

/// Standard deviation over those who stay; no subjects when there are fewer than two.
fn spread(values: &[f64], is_discarded: &[bool]) -> Estimate {
    let variance = if is_discarded.contains(&true) {
        let stay = values.iter().zip(is_discarded).filter(|&(_, &out)| !out);
        variance(&stay.map(|(&value, _)| value).collect::<Vec<_>>())
    } else {
        variance(values)
    };
    variance.map(f64::sqrt).ok_or(NotEstimable::NoSubjects)
}

/// Width of a caliper in the units of what it limits; nobody differs where nobody is left.
fn width(caliper: Caliper, sd: Estimate) -> Result<f64, MatchingError> {
    let width = match caliper.scale {
        CaliperScale::Raw => caliper.width,
        _ => caliper.width * sd.unwrap_or(0.0),
    };
    if width.is_finite() {
        Ok(width)
    } else {
        Err(MatchOption::Caliper.refused("the caliper is too wide to be a number"))
    }
}

/// Whether a method measures distances on the score.
pub(crate) fn is_on_score(method: &Method) -> bool {
    use crate::query::Distance;
    match method {
        Method::Nearest(options) => options.distance == Distance::Score,
        Method::Optimal(options) => options.distance == Distance::Score,
        Method::Full(distance) => *distance == Distance::Score,
        Method::Subclass(_) | Method::Spss(_) => true,
        Method::Coarsened(_) | Method::Exact => false,
    }
}
