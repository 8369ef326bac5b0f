//! Whether a model fits: residuals, smooths of them, influential rows and straight lines.
//!
//! [`diagnose`] fits the model of a query and looks at it; each part has a file of its own.

mod at_maximum;
mod influence;
mod linearity;
mod residuals;
mod rows;
mod scaled_schoenfeld;
mod smooth;

pub use influence::{Influence, InfluenceOnCoefficient, InfluenceOptions, InfluentialRow};
pub use linearity::{Linearity, LinearityOptions, TermResiduals};
pub use residuals::{ResidualKind, ResidualSeries, Residuals};
pub use scaled_schoenfeld::CoefficientOverTime;
pub use smooth::{Smooth, SmoothOptions};

use crate::cohort_fit::FollowUp;
use crate::fit::Model;
use crate::{CoxError, CoxFit, CoxQuery};
use at_maximum::AtMaximum;
use cohort::{Cohort, Estimate, Selection};
use rows::Rows;

/// What to look at in a fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct DiagnosticsQuery {
    /// The model. Its transform of time is that of the smooths; without one they have R's default.
    pub model: CoxQuery,
    /// Kinds of residuals to list; empty = none.
    pub residuals: Vec<ResidualKind>,
    /// Column whose levels belong to one patient each: residuals and influence are summed over the
    /// rows of a level. Absent = every row by itself.
    pub collapse: Option<String>,
    /// Coefficients over time from scaled Schoenfeld residuals; absent = none.
    pub over_time: Option<SmoothOptions>,
    /// The most influential rows; absent = none.
    pub influence: Option<InfluenceOptions>,
    /// Whether each numeric term enters linearly; absent = not asked.
    pub linearity: Option<LinearityOptions>,
}

impl DiagnosticsQuery {
    /// A look at nothing but the model.
    #[must_use]
    pub fn new(model: CoxQuery) -> Self {
        Self {
            model,
            residuals: Vec::new(),
            collapse: None,
            over_time: None,
            influence: None,
            linearity: None,
        }
    }
}

/// What was found; where the fit did not end at a maximum, the parts carry the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostics {
    /// The model.
    pub fit: CoxFit,
    /// Residuals, when asked for.
    pub residuals: Option<Estimate<Residuals>>,
    /// Each coefficient over time, when asked for.
    pub over_time: Option<Estimate<Vec<CoefficientOverTime>>>,
    /// The most influential rows, when asked for.
    pub influence: Option<Estimate<Influence>>,
    /// One entry per term that is a number, in the order of the model; empty when not asked for.
    pub linearity: Vec<Linearity>,
}

/// Fits the model of a query to the selected subjects and looks at it.
///
/// Rows of the answer are rows of the cohort, in the order of the selection; those without weight
/// are left out, and a row that counts twice occurs twice. Fails as [`crate::cox`] does, and when
/// the column to collapse by is missing or has missing cells.
pub fn diagnose(
    cohort: &Cohort,
    selection: &Selection,
    query: &DiagnosticsQuery,
) -> Result<Diagnostics, CoxError> {
    let follow_up = FollowUp::read(cohort, selection, &query.model)?;
    let rows = Rows::read(&follow_up, query.collapse.as_ref())?;
    let terms = &query.model.terms;
    let design = follow_up.model_design()?;
    let look = |model: &Model| Parts::look(model, &rows, query);
    let (fit, parts) = follow_up.fit_and(terms, &design, follow_up.extras(), look)?;
    let linearity = match &query.linearity {
        Some(options) => linearity::check(&follow_up, &design, &fit, options)?,
        None => Vec::new(),
    };
    let Parts { residuals, over_time, influence } = parts;
    Ok(Diagnostics { fit, residuals, over_time, influence, linearity })
}

/// What one fit can tell.
struct Parts {
    residuals: Option<Estimate<Residuals>>,
    over_time: Option<Estimate<Vec<CoefficientOverTime>>>,
    influence: Option<Estimate<Influence>>,
}

impl Parts {
    fn look(model: &Model, rows: &Rows, query: &DiagnosticsQuery) -> Self {
        let at = AtMaximum::new(model);
        let transform = query.model.proportional_hazards.unwrap_or_default();
        let residuals = (!query.residuals.is_empty())
            .then(|| Ok(residuals::list(at.as_ref().map_err(|&reason| reason)?, rows, query)));
        let over_time = query.over_time.as_ref().map(|options| {
            let at = at.as_ref().map_err(|&reason| reason)?;
            scaled_schoenfeld::over_time(at, rows, transform, options)
        });
        let influence = query.influence.as_ref().map(|options| {
            Ok(influence::list(at.as_ref().map_err(|&reason| reason)?, rows, options))
        });
        Self { residuals, over_time, influence }
    }
}
