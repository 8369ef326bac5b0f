//! From the columns of a cohort to fitted models.

use crate::fit::{CoxData, CoxExtras, fit};
use crate::{CoxError, CoxFit, CoxQuery, CoxScreenQuery, ScreenedTerm};
use cohort::{Cohort, CohortError, Design, Endpoint, NotEstimable, RiskOrder, Selection, Term};

/// Fits the model of a query to the selected subjects; see [`fit()`] for the estimator.
///
/// Fails when a column is missing or has missing cells, when no row is selected and when nobody has
/// the event.
pub fn cox(cohort: &Cohort, selection: &Selection, query: &CoxQuery) -> Result<CoxFit, CoxError> {
    FollowUp::read(cohort, selection, query)?.fit(&query.terms)
}

/// Fits one model per candidate: the terms of the model and that candidate.
///
/// A candidate whose model cannot be fitted is a line with its reason, in the place of its fit. Fails
/// only when a column is missing or has missing cells and when no row is selected.
pub fn screen(
    cohort: &Cohort,
    selection: &Selection,
    query: &CoxScreenQuery,
) -> Result<Vec<ScreenedTerm>, CoxError> {
    let follow_up = FollowUp::read(cohort, selection, &query.model)?;
    let line = |candidate: &Term| {
        let terms: Vec<Term> = query.model.terms.iter().chain([candidate]).cloned().collect();
        let fit = match follow_up.fit(&terms) {
            Ok(fit) => Ok(fit),
            Err(CoxError::NoEvents { .. }) => Err(NotEstimable::NoEvents),
            Err(error) => return Err(error),
        };
        Ok(ScreenedTerm { term: candidate.name(), fit })
    };
    query.candidates.iter().map(line).collect()
}

/// What all models of a query share.
struct FollowUp<'a> {
    cohort: &'a Cohort,
    selection: &'a Selection,
    query: &'a CoxQuery,
    endpoint: Endpoint,
    order: RiskOrder,
    clusters: Option<Vec<u32>>,
}

impl<'a> FollowUp<'a> {
    fn read(
        cohort: &'a Cohort,
        selection: &'a Selection,
        query: &'a CoxQuery,
    ) -> Result<Self, CoxError> {
        if selection.is_empty() {
            return Err(CohortError::NoRows.into());
        }
        let endpoint = cohort.endpoint(&query.endpoint, selection)?;
        let order = RiskOrder::new(&endpoint, &cohort.strata(&query.strata, selection)?);
        let clusters = match &query.cluster {
            Some(column) => Some(cohort.strata(std::slice::from_ref(column), selection)?),
            None => None,
        };
        Ok(Self { cohort, selection, query, endpoint, order, clusters })
    }

    fn fit(&self, terms: &[Term]) -> Result<CoxFit, CoxError> {
        let data = CoxData {
            endpoint: &self.endpoint,
            order: &self.order,
            terms,
            design: &Design::new(self.cohort, self.selection, terms)?,
            clusters: self.clusters.as_deref(),
        };
        let extras = CoxExtras {
            proportional_hazards: self.query.proportional_hazards,
            concordance: self.query.concordance,
        };
        fit(&data, &self.query.options, extras)
    }
}
