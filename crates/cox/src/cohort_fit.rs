//! From the columns of a cohort to fitted models.

use crate::curve_tests::curve_tests;
use crate::fit::{CoxData, CoxExtras, Model, fit_and};
use crate::screen::{Candidate, fit_alone};
use crate::{CoxError, CoxFit, CoxQuery, CoxScreenQuery, ProfileLimits, ScreenedTerm, Variance};
use cohort::{Caveat, Cohort, CohortError, Design, Endpoint, RiskOrder, Selection, Term, Weighted};
use numerics::lanes::LANES;

/// Fits the model of a query to the selected subjects; see [`crate::fit()`] for the estimator.
///
/// Fails when a column is missing or has missing cells, when no row is selected, when nobody has the
/// event, and when limits are asked for a coefficient that the model does not have.
pub fn cox(cohort: &Cohort, selection: &Selection, query: &CoxQuery) -> Result<CoxFit, CoxError> {
    let follow_up = FollowUp::read(cohort, selection, query)?;
    let design = follow_up.model_design()?;
    follow_up.fit_and(&query.terms, &design, follow_up.extras(), |_| ()).map(|(fit, ())| fit)
}

/// Fits one model per candidate: the terms of the model and that candidate.
///
/// A candidate whose model cannot be fitted is a line with its reason, in the place of its fit. Fails
/// only when a column is missing or has missing cells, when no row is selected, and when limits are
/// asked for a coefficient that none of the models has.
pub fn screen(
    cohort: &Cohort,
    selection: &Selection,
    query: &CoxScreenQuery,
) -> Result<Vec<ScreenedTerm>, CoxError> {
    let follow_up = FollowUp::read(cohort, selection, &query.model)?;
    follow_up.check_named(query.model.terms.iter().chain(&query.candidates))?;
    follow_up.screen(&query.model.terms, &query.candidates)
}

/// What all models of a query share.
pub(crate) struct FollowUp<'a> {
    pub cohort: &'a Cohort,
    pub query: &'a CoxQuery,
    pub weighted: Weighted,
    pub endpoint: Endpoint,
    pub order: RiskOrder,
    pub clusters: Option<Vec<u32>>,
    pub offset: Option<Vec<f64>>,
}

impl<'a> FollowUp<'a> {
    pub fn read(
        cohort: &'a Cohort,
        selection: &Selection,
        query: &'a CoxQuery,
    ) -> Result<Self, CoxError> {
        if selection.is_empty() {
            return Err(CohortError::NoRows.into());
        }
        let weighted = cohort.weighted(selection, query.weights.as_ref())?;
        let selection = &weighted.selection;
        let endpoint = cohort.endpoint(&query.endpoint, selection)?;
        let order = RiskOrder::new(&endpoint, &cohort.strata(&query.strata, selection)?);
        let is_robust = query.variance == Variance::Robust || weighted.weights.is_some();
        let clusters =
            match query.cluster.as_ref().or(dependent_id(cohort, selection, query, is_robust)?) {
                Some(column) => Some(cohort.strata(std::slice::from_ref(column), selection)?),
                None => is_robust.then(|| (0..selection.len() as u32).collect()),
            };
        let offset =
            query.offset.as_ref().map(|column| cohort.numeric(column, selection)).transpose()?;
        Ok(Self { cohort, query, endpoint, order, clusters, offset, weighted })
    }

    pub fn fit(&self, terms: &[Term]) -> Result<CoxFit, CoxError> {
        self.fit_and(terms, &self.design(terms)?, self.extras(), |_| ()).map(|(fit, ())| fit)
    }

    /// The columns of some terms.
    pub fn design(&self, terms: &[Term]) -> Result<Design, CoxError> {
        Ok(Design::new(self.cohort, &self.weighted.selection, terms)?)
    }

    /// The columns of the terms of the query. Refuses limits of a coefficient that is not among them.
    pub fn model_design(&self) -> Result<Design, CoxError> {
        let design = self.design(&self.query.terms)?;
        self.check_limits(design.columns.iter().map(|column| column.name.as_str()))?;
        Ok(design)
    }

    /// Refuses limits of a coefficient that none of these terms has.
    pub fn check_named<'b>(&self, terms: impl Iterator<Item = &'b Term>) -> Result<(), CoxError> {
        if !matches!(self.query.profile_limits, ProfileLimits::Of(_)) {
            return Ok(());
        }
        let mut names = Vec::new();
        for term in terms {
            let design = self.design(std::slice::from_ref(term))?;
            names.extend(design.columns.into_iter().map(|column| column.name));
        }
        self.check_limits(names.iter().map(String::as_str))
    }

    fn check_limits<'b>(&self, names: impl Iterator<Item = &'b str>) -> Result<(), CoxError> {
        match self.query.profile_limits.unknown(names) {
            Some((index, name)) => Err(CoxError::UnknownCoefficient { index, name: name.into() }),
            None => Ok(()),
        }
    }

    /// What the query asks for besides the model.
    pub fn extras(&self) -> CoxExtras {
        CoxExtras {
            proportional_hazards: self.query.proportional_hazards,
            concordance: self.query.concordance,
            profile_limits: self.query.profile_limits.clone(),
            term_likelihood_ratios: self.query.term_likelihood_ratios,
        }
    }

    /// Fits the terms, of which `design` is made, and lets `look` see the model at its maximum.
    pub fn fit_and<T>(
        &self,
        terms: &[Term],
        design: &Design,
        extras: CoxExtras,
        look: impl FnOnce(&Model) -> T,
    ) -> Result<(CoxFit, T), CoxError> {
        let data = self.data(terms, design);
        let (mut fit, seen) = fit_and(&data, &self.query.options, extras, look)?;
        fit.caveats.extend(self.left_out());
        Ok((self.with_curve_tests(fit, terms, design)?, seen))
    }

    /// The fit with the tests of its splines.
    fn with_curve_tests(
        &self,
        fit: CoxFit,
        terms: &[Term],
        design: &Design,
    ) -> Result<CoxFit, CoxError> {
        let numbers = |column: &str| self.cohort.numeric(column, &self.weighted.selection);
        let curve_tests = curve_tests(&fit, terms, design, numbers)?;
        Ok(CoxFit { curve_tests, ..fit })
    }

    /// The subjects with the columns of some terms.
    pub fn data<'b>(&'b self, terms: &'b [Term], design: &'b Design) -> CoxData<'b> {
        CoxData {
            endpoint: &self.endpoint,
            order: &self.order,
            terms,
            design,
            clusters: self.clusters.as_deref(),
            weights: self.weighted.weights.as_deref(),
            offset: self.offset.as_deref(),
        }
    }

    /// One model per candidate: the common terms and that candidate.
    pub fn screen(
        &self,
        common: &[Term],
        candidates: &[Term],
    ) -> Result<Vec<ScreenedTerm>, CoxError> {
        let mut lines = Vec::with_capacity(candidates.len());
        for eight in candidates.chunks(LANES) {
            let model = |candidate: &Term| {
                let terms: Vec<Term> = common.iter().chain([candidate]).cloned().collect();
                Ok(Candidate { design: self.design(&terms)?, terms })
            };
            let models: Vec<Result<Candidate, CoxError>> = eight.iter().map(model).collect();
            let together = fit_alone(self, &models.iter().flatten().collect::<Vec<_>>());
            let mut together = together.into_iter();
            for (candidate, model) in eight.iter().zip(models) {
                let fit = model.and_then(|model| match together.next().flatten() {
                    Some(fit) => self.with_curve_tests(fit, &model.terms, &model.design),
                    None => self.fit_candidate(&model),
                });
                let fit = match fit {
                    Ok(fit) => Ok(fit),
                    Err(error) => Err(error.impossibility().ok_or(error)?),
                };
                lines.push(ScreenedTerm { term: candidate.name(), fit });
            }
        }
        Ok(lines)
    }

    fn fit_candidate(&self, model: &Candidate) -> Result<CoxFit, CoxError> {
        let fit = self.fit_and(&model.terms, &model.design, self.extras(), |_| ());
        fit.map(|(fit, ())| fit)
    }

    /// The subjects, without those that have no weight.
    pub fn selection(&self) -> &Selection {
        &self.weighted.selection
    }

    pub fn has_sampling_weights(&self) -> bool {
        self.weighted.weights.is_some()
    }

    pub fn left_out(&self) -> Option<Caveat> {
        self.weighted.caveat()
    }
}

/// The column of ids when it makes the clusters: an id has the event in several rows, or the variance
/// is to be robust. Refuses overlapping rows of one id.
fn dependent_id<'a>(
    cohort: &Cohort,
    selection: &Selection,
    query: &'a CoxQuery,
    is_robust: bool,
) -> Result<Option<&'a String>, CoxError> {
    let Some(id) = &query.id else { return Ok(None) };
    let check = cohort.refuse_overlaps(&query.endpoint, id, selection)?;
    Ok((check.n_ids_with_several_events > 0 || is_robust).then_some(id))
}
