//! What is known of the subjects before they are matched.

use crate::query::{Caliper, CaliperScale, Estimand, MatchQuery, Method, SiteRule};
use crate::{MatchOption, MatchingError};
use cohort::{Arms, ArmsError, Cells, Cohort, Estimate, NotEstimable, Selection};
use numerics::elementary::{ln, ln_1p};
use numerics::sum::variance;
use propensity::{Discard, outside_support};

/// What a subject is in a match, in one byte: who looks at one side of it looks at the others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Role(u8);

impl Role {
    const EXPOSED: u8 = 1;
    const FOCAL: u8 = 2;
    const DISCARDED: u8 = 4;

    pub(crate) fn is_exposed(self) -> bool {
        self.0 & Self::EXPOSED != 0
    }

    /// Whether a subject is of the arm whose members are given partners.
    pub(crate) fn is_focal(self) -> bool {
        self.0 & Self::FOCAL != 0
    }

    /// Whether a subject was set aside.
    pub(crate) fn is_discarded(self) -> bool {
        self.0 & Self::DISCARDED != 0
    }

    /// Whether a subject is to be given partners.
    pub(crate) fn seeks(self) -> bool {
        self.0 & (Self::FOCAL | Self::DISCARDED) == Self::FOCAL
    }

    /// Whether a subject may be a partner.
    pub(crate) fn offers(self) -> bool {
        self.0 & (Self::FOCAL | Self::DISCARDED) == 0
    }

    /// Somebody of the focal arm, the exposed, or of the other.
    #[cfg(test)]
    pub(crate) fn of_focal_arm(is_focal: bool) -> Self {
        Self(u8::from(is_focal) * (Self::FOCAL | Self::EXPOSED))
    }
}

/// The selected subjects in id order, and which of them may be paired.
pub(crate) struct Subjects {
    pub roles: Vec<Role>,
    /// Score of each subject; empty without one.
    pub score: Cells<f64>,
    /// Logit of each score when the caliper is measured on it; else empty.
    logit: Vec<f64>,
    /// Largest difference allowed on the scale of the caliper; absent = any.
    pub caliper: Option<f64>,
    /// Standard deviation on the scale of the caliper.
    pub score_sd: Estimate,
    /// Class within which partners are sought; empty when all are of one.
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
        let arms = arms(cohort, selection, query)?;
        let score = match &query.score {
            Some(column) => cohort.numbers(column, selection)?,
            None => Cells::default(),
        };
        Self::of_arms(cohort, selection, query, &arms, score)
    }

    /// The same with scores from elsewhere; empty without a score.
    pub(crate) fn scored(
        cohort: &Cohort,
        selection: &Selection,
        query: &MatchQuery,
        score: Cells<f64>,
    ) -> Result<Self, MatchingError> {
        Self::of_arms(cohort, selection, query, &arms(cohort, selection, query)?, score)
    }

    fn of_arms(
        cohort: &Cohort,
        selection: &Selection,
        query: &MatchQuery,
        arms: &Arms,
        score: Cells<f64>,
    ) -> Result<Self, MatchingError> {
        let roles = roles(arms, &score, query);
        let logit = logits(query, &score)?;
        let score_sd = match query.score {
            Some(_) => {
                let scale: &[f64] = if logit.is_empty() { &score } else { &logit };
                spread(scale, &roles)
            }
            None => Err(NotEstimable::NotDefined),
        };
        let caliper = query.caliper.map(|caliper| width(caliper, score_sd)).transpose()?;
        Ok(Self {
            class: class(cohort, selection, query)?,
            site_class: site_class(cohort, selection, query)?,
            anti: anti_exact(cohort, selection, query)?,
            covariates: covariate_calipers(cohort, selection, query, &roles)?,
            roles,
            score,
            logit,
            caliper,
            score_sd,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.roles.len()
    }

    /// Those who were not set aside.
    pub(crate) fn staying(&self) -> Vec<usize> {
        (0..self.len()).filter(|&subject| !self.roles[subject].is_discarded()).collect()
    }

    /// Whether the exposed are given partners, not the comparators.
    pub(crate) fn are_exposed_focal(&self) -> bool {
        self.roles.iter().all(|role| role.is_focal() == role.is_exposed())
    }

    /// Class of a subject.
    pub(crate) fn class_of(&self, subject: usize) -> u32 {
        self.class.get(subject).copied().unwrap_or(0)
    }

    /// The classes of all subjects.
    pub(crate) fn classes(&self) -> Vec<u32> {
        if self.class.is_empty() { vec![0; self.len()] } else { self.class.clone() }
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

fn arms(cohort: &Cohort, selection: &Selection, query: &MatchQuery) -> Result<Arms, ArmsError> {
    Arms::new(cohort, selection, &query.exposure, &query.exposed)
}

/// What each subject is.
fn roles(arms: &Arms, score: &[f64], query: &MatchQuery) -> Vec<Role> {
    let are_exposed_focal = query.estimand != Estimand::Atc;
    let of_arm = |exposed: bool| {
        let focal = u8::from(exposed == are_exposed_focal) * Role::FOCAL;
        Role((u8::from(exposed) * Role::EXPOSED) | focal)
    };
    let mut roles: Vec<Role> = arms.is_exposed().iter().map(|&exposed| of_arm(exposed)).collect();
    if query.discard != Discard::None {
        for (role, out) in
            roles.iter_mut().zip(outside_support(arms.is_exposed(), score, query.discard))
        {
            role.0 |= u8::from(out) * Role::DISCARDED;
        }
    }
    roles
}

/// Classes of those who agree on the columns that both members of a pair share.
fn class(
    cohort: &Cohort,
    selection: &Selection,
    query: &MatchQuery,
) -> Result<Vec<u32>, MatchingError> {
    let site = query.site.iter().filter(|site| site.rule == SiteRule::Exact);
    let columns: Vec<String> =
        query.exact.iter().chain(site.map(|site| &site.column)).cloned().collect();
    match columns.as_slice() {
        [] => Ok(Vec::new()),
        columns => Ok(cohort.strata(columns, selection)?),
    }
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
    roles: &[Role],
) -> Result<Vec<(Vec<f64>, f64)>, MatchingError> {
    let read = |limit: &crate::CovariateCaliper| {
        let values = cohort.numeric(&limit.column, selection)?;
        let width = width(limit.caliper, spread(&values, roles))?;
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

/// Standard deviation over those who stay; no subjects when there are fewer than two.
fn spread(values: &[f64], roles: &[Role]) -> Estimate {
    let variance = if roles.iter().any(|role| role.is_discarded()) {
        let stay = values.iter().zip(roles).filter(|(_, role)| !role.is_discarded());
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
        Method::Full(options) => options.distance == Distance::Score,
        Method::Subclass(_) | Method::Spss(_) => true,
        Method::Coarsened(_) | Method::Exact => false,
    }
}
