//! Residuals of Cox models and what they tell.

use super::{
    cox_fit_to, model_columns, model_from, model_options_to, model_to, test_to, transform_from,
    transform_to,
};
use crate::common::{count, counts_from, enum_conversion, optional_column, reason_from, reason_to};
use crate::pb::regression as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{Cohort, Estimate, NotEstimable, Selection};
use cox::{
    CoefficientOverTime, CoxQuery, Diagnostics, DiagnosticsQuery, Influence,
    InfluenceOnCoefficient, InfluenceOptions, Linearity, LinearityOptions, ResidualKind,
    ResidualSeries, Residuals, Smooth, SmoothOptions,
};
use std::ops::RangeInclusive;

enum_conversion!(
    kind_to,
    kind_from,
    ResidualKind,
    pb::CoxResidualKind,
    None,
    [LinearPredictor, Martingale, Deviance, Score, Dfbeta, Dfbetas, Schoenfeld, ScaledSchoenfeld,]
);

/// How many dimensions a curve may have.
const DIMENSIONS: RangeInclusive<usize> = 2..=50;

/// How many points a curve may be given at.
const POINTS: RangeInclusive<usize> = 2..=10_000;

/// Asks for a look at a Cox model.
#[must_use]
pub fn diagnostics_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &DiagnosticsQuery,
) -> pb::DiagnoseCoxRequest {
    let columns = model_columns(&query.model).chain(query.collapse.as_deref());
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::DiagnoseCoxRequest {
        cohort,
        selection,
        model: Some(model_to(&query.model)),
        diagnostics: Some(options_to(query)),
    }
}

impl CohortRequest for pb::DiagnoseCoxRequest {
    type Query = DiagnosticsQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<DiagnosticsQuery>, Unreadable> {
        let pb::DiagnoseCoxRequest { cohort, selection, model, diagnostics } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let model = model_from(violations, model, cohort);
            let options = diagnostics.unwrap_or_default();
            options_from(violations, options, model, cohort)
        })
    }
}

fn options_from(
    violations: &mut Violations,
    options: pb::CoxDiagnosticOptions,
    model: Option<CoxQuery>,
    cohort: &Cohort,
) -> Option<DiagnosticsQuery> {
    let collapse = options.collapse_column;
    let collapse = optional_column(violations, "diagnostics.collapse_column", collapse, cohort);
    let kind = |(index, &number): (usize, &i32)| {
        violations.require_known(format!("diagnostics.residuals[{index}]"), kind_from(number))
    };
    let residuals: Option<Vec<ResidualKind>> =
        options.residuals.iter().enumerate().map(kind).collect();
    let over_time =
        options.over_time.map(|smooth| smooth_from(violations, "diagnostics.over_time", smooth));
    let influence = options.influence.map(|influence| influence_from(violations, influence));
    let linearity = options.linearity.map(|linearity| linearity_from(violations, linearity));
    Some(DiagnosticsQuery {
        residuals: residuals?,
        collapse,
        over_time: given(over_time)?,
        influence: given(influence)?,
        linearity: given(linearity)?,
        ..DiagnosticsQuery::new(model?)
    })
}

/// Something that need not be given but must be right if it is.
fn given<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

fn smooth_from(
    violations: &mut Violations,
    path: &str,
    options: pb::CoxSmoothOptions,
) -> Option<SmoothOptions> {
    let defaults = SmoothOptions::default();
    let dimension = (options.dimension, defaults.dimension, DIMENSIONS);
    let dimension = within(violations, format!("{path}.dimension"), dimension);
    let points = (options.point_count, defaults.points, POINTS);
    let points = within(violations, format!("{path}.point_count"), points);
    Some(SmoothOptions { dimension: dimension?, points: points? })
}

/// A number, or its default, that must lie in a range.
fn within(
    violations: &mut Violations,
    path: String,
    (number, default, range): (Option<i32>, usize, RangeInclusive<usize>),
) -> Option<usize> {
    let Some(number) = number else { return Some(default) };
    let number = usize::try_from(number).ok().filter(|number| range.contains(number));
    let message = || format!("must lie between {} and {}", range.start(), range.end());
    violations.check(path, number.ok_or_else(message))
}

fn influence_from(
    violations: &mut Violations,
    options: pb::CoxInfluenceOptions,
) -> Option<InfluenceOptions> {
    let defaults = InfluenceOptions::default();
    let row_limit = (options.row_limit, defaults.most_rows, 0..=i32::MAX as usize);
    let most_rows = within(violations, "diagnostics.influence.row_limit".into(), row_limit);
    let is_positive = |threshold: f64| threshold.is_finite() && threshold > 0.0;
    if options.threshold.is_some_and(|threshold| !is_positive(threshold)) {
        violations.add("diagnostics.influence.threshold", "must be above 0");
    }
    Some(InfluenceOptions { most_rows: most_rows?, threshold: options.threshold })
}

fn linearity_from(
    violations: &mut Violations,
    options: pb::CoxLinearityOptions,
) -> Option<LinearityOptions> {
    let defaults = LinearityOptions::default();
    let dimension = (options.dimension, defaults.dimension, DIMENSIONS);
    let dimension = within(violations, "diagnostics.linearity.dimension".into(), dimension);
    let smooth = options.smooth.unwrap_or_default();
    let smooth = smooth_from(violations, "diagnostics.linearity.smooth", smooth);
    Some(LinearityOptions { dimension: dimension?, smooth: smooth? })
}

fn options_to(query: &DiagnosticsQuery) -> pb::CoxDiagnosticOptions {
    let smooth = |options: &SmoothOptions| pb::CoxSmoothOptions {
        dimension: Some(count(options.dimension)),
        point_count: Some(count(options.points)),
    };
    pb::CoxDiagnosticOptions {
        residuals: query.residuals.iter().map(|&kind| kind_to(kind)).collect(),
        collapse_column: query.collapse.clone().unwrap_or_default(),
        over_time: query.over_time.as_ref().map(smooth),
        influence: query.influence.as_ref().map(|options| pb::CoxInfluenceOptions {
            row_limit: Some(count(options.most_rows)),
            threshold: options.threshold,
        }),
        linearity: query.linearity.as_ref().map(|options| pb::CoxLinearityOptions {
            dimension: Some(count(options.dimension)),
            smooth: Some(smooth(&options.smooth)),
        }),
    }
}

/// Answers with what was found, as rows of the caller, and the options in force.
#[must_use]
pub fn diagnostics_response(
    found: Diagnostics,
    asked: &Asked<DiagnosticsQuery>,
) -> pb::DiagnoseCoxResponse {
    let rows = Rows(&asked.cohort);
    let (residuals, residuals_reason) = part(found.residuals);
    let (over_time, over_time_reason) = part(found.over_time);
    let (influence, influence_reason) = part(found.influence);
    let over_time = over_time.unwrap_or_default().into_iter();
    pb::DiagnoseCoxResponse {
        fit: Some(cox_fit_to(found.fit)),
        residuals: residuals.map(|residuals| rows.residuals_to(residuals)),
        residuals_reason,
        over_time: over_time.map(|coefficient| rows.over_time_to(coefficient)).collect(),
        over_time_reason,
        influence: influence.map(|influence| rows.influence_to(influence)),
        influence_reason,
        linearity: found.linearity.into_iter().map(|line| rows.linearity_to(line)).collect(),
        options: Some(model_options_to(&asked.query.model)),
        diagnostics: Some(options_to(&asked.query)),
    }
}

/// Reads each coefficient over time.
///
/// # Errors
///
/// Lists of different lengths, or a negative row.
pub fn over_time_from(
    response: pb::DiagnoseCoxResponse,
) -> Result<Estimate<Vec<CoefficientOverTime>>, Malformed> {
    let mut violations = Violations::default();
    if response.over_time_reason != 0 {
        let reason = reason_from(response.over_time_reason).unwrap_or(NotEstimable::NotDefined);
        return violations.finish(Some(Err(reason)));
    }
    let read = |(index, one)| {
        coefficient_over_time_from(&mut violations, &format!("over_time[{index}]"), one)
    };
    let found: Option<Vec<_>> = response.over_time.into_iter().enumerate().map(read).collect();
    violations.finish(found.map(Ok))
}

fn coefficient_over_time_from(
    violations: &mut Violations,
    path: &str,
    one: pb::CoxCoefficientOverTime,
) -> Option<CoefficientOverTime> {
    let n = one.event_rows.len();
    let lengths = [one.event_times.len(), one.event_scale.len(), one.values.len()];
    if lengths.iter().any(|&length| length != n) {
        violations.add(path, "the lists of events have different lengths");
        return None;
    }
    let smooth = match one.smooth {
        None => Err(reason_from(one.smooth_reason).unwrap_or(NotEstimable::NotDefined)),
        Some(smooth) => Ok(Smooth {
            x: smooth.x,
            value: smooth.values,
            standard_error: smooth.standard_errors,
            lower: smooth.lower_limits,
            upper: smooth.upper_limits,
        }),
    };
    Some(CoefficientOverTime {
        column: one.column,
        transform: violations
            .require_known(format!("{path}.transform"), transform_from(one.transform))?,
        event_rows: counts_from(violations, path, one.event_rows)?,
        event_times: one.event_times,
        event_scale: one.event_scale,
        values: one.values,
        smooth,
        smooth_times: one.smooth_times,
    })
}

/// A part of an answer, and why it is not there although it was asked for.
fn part<T>(part: Option<Estimate<T>>) -> (Option<T>, i32) {
    match part {
        None => (None, 0),
        Some(Ok(part)) => (Some(part), 0),
        Some(Err(reason)) => (None, reason_to(reason)),
    }
}

fn smooth_to(smooth: Smooth) -> pb::CoxSmooth {
    pb::CoxSmooth {
        x: smooth.x,
        values: smooth.value,
        standard_errors: smooth.standard_error,
        lower_limits: smooth.lower,
        upper_limits: smooth.upper,
    }
}

fn series_to(series: ResidualSeries) -> pb::CoxResidualSeries {
    pb::CoxResidualSeries {
        kind: kind_to(series.kind),
        column: series.column.unwrap_or_default(),
        values: series.values,
    }
}

/// The rows of an answer as the caller counts them.
struct Rows<'a>(&'a Cohort);

impl Rows<'_> {
    fn to(&self, rows: &[usize]) -> Vec<i32> {
        rows.iter().map(|&row| count(self.0.caller_row(row))).collect()
    }

    fn residuals_to(&self, residuals: Residuals) -> pb::CoxResiduals {
        pb::CoxResiduals {
            rows: self.to(&residuals.rows),
            by_subject: residuals.by_subject.into_iter().map(series_to).collect(),
            event_rows: self.to(&residuals.event_rows),
            event_times: residuals.event_times,
            by_event: residuals.by_event.into_iter().map(series_to).collect(),
        }
    }

    fn over_time_to(&self, coefficient: CoefficientOverTime) -> pb::CoxCoefficientOverTime {
        let (smooth, smooth_reason) = part(Some(coefficient.smooth));
        pb::CoxCoefficientOverTime {
            column: coefficient.column,
            transform: transform_to(coefficient.transform),
            event_rows: self.to(&coefficient.event_rows),
            event_times: coefficient.event_times,
            event_scale: coefficient.event_scale,
            values: coefficient.values,
            smooth: smooth.map(smooth_to),
            smooth_reason,
            smooth_times: coefficient.smooth_times,
        }
    }

    fn influence_to(&self, influence: Influence) -> pb::CoxInfluence {
        let coefficient = |coefficient: InfluenceOnCoefficient| {
            let rows: Vec<usize> = coefficient.rows.iter().map(|row| row.row).collect();
            pb::CoxInfluenceOnCoefficient {
                column: coefficient.column,
                large_count: count(coefficient.n_large),
                rows: self.to(&rows),
                dfbeta: coefficient.rows.iter().map(|row| row.dfbeta).collect(),
                dfbetas: coefficient.rows.iter().map(|row| row.dfbetas).collect(),
            }
        };
        let (rows, displacements): (Vec<usize>, Vec<f64>) =
            influence.displacement.into_iter().unzip();
        pb::CoxInfluence {
            threshold: influence.threshold,
            coefficients: influence.coefficients.into_iter().map(coefficient).collect(),
            displacement_rows: self.to(&rows),
            displacements,
        }
    }

    fn linearity_to(&self, line: Linearity) -> pb::CoxLinearity {
        let mut message = pb::CoxLinearity {
            term: line.term,
            likelihood_ratio_test: Some(test_to(line.likelihood_ratio_test)),
            robust_test: line.robust_test.map(test_to),
            ..pb::CoxLinearity::default()
        };
        match line.residuals {
            Err(reason) => {
                message.residuals_reason = reason_to(reason);
                message.smooth_reason = reason_to(reason);
            }
            Ok(residuals) => {
                let (smooth, smooth_reason) = part(Some(residuals.smooth));
                message.rows = self.to(&residuals.rows);
                message.term_values = residuals.x;
                message.martingale = residuals.martingale;
                message.smooth = smooth.map(smooth_to);
                message.smooth_reason = smooth_reason;
            }
        }
        message
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use cohort::{Column, EndpointColumns, Term, WeightColumn, WeightKind};
    use cox::{CoxOptions, CoxQuery, Ties, TimeTransform, Variance};

    /// Two patients with every column that the model below reads.
    pub fn cohort() -> Cohort {
        let names =
            ["entry", "time", "event", "x", "g", "stratum", "pair", "w", "known", "patient"];
        let columns = names.map(|name| Column::numeric(name, vec![1.0, 2.0])).to_vec();
        Cohort::new(None, columns).unwrap()
    }

    /// A model with everything that it may have.
    pub fn model() -> CoxQuery {
        let endpoint = EndpointColumns {
            entry: Some("entry".into()),
            ..EndpointColumns::new("time", "event")
        };
        CoxQuery {
            strata: vec!["stratum".into()],
            cluster: Some("pair".into()),
            id: Some("patient".into()),
            weights: Some(WeightColumn { column: "w".into(), kind: WeightKind::Sampling }),
            offset: Some("known".into()),
            variance: Variance::Robust,
            options: CoxOptions {
                ties: Ties::Breslow,
                max_iterations: 7,
                tolerance: 1e-7,
                confidence: 0.9,
                ..CoxOptions::default()
            },
            proportional_hazards: Some(TimeTransform::Log),
            concordance: true,
            ..CoxQuery::new(endpoint, vec![Term::linear("x"), Term::factor("g")])
        }
    }

    /// The question that arrives is the one that was asked.
    #[test]
    fn the_question_comes_back() {
        let cohort = cohort();
        let query = DiagnosticsQuery {
            model: model(),
            residuals: vec![ResidualKind::Score, ResidualKind::ScaledSchoenfeld],
            collapse: Some("patient".into()),
            over_time: Some(SmoothOptions { dimension: 5, points: 30 }),
            influence: Some(InfluenceOptions { most_rows: 3, threshold: Some(0.5) }),
            linearity: Some(LinearityOptions { dimension: 4, smooth: SmoothOptions::default() }),
        };
        let request = diagnostics_request(&cohort, &Selection::all(&cohort), &query);
        let asked = request.asked(&()).unwrap();
        assert_eq!(asked.query, query);
        assert!(asked.cohort.values("patient").is_ok());
    }

    /// Twelve patients, all of whom have the event, in two groups that take turns.
    pub fn turns() -> Cohort {
        let column =
            |name: &str, value: fn(u8) -> f64| Column::numeric(name, (0..12).map(value).collect());
        let columns = vec![
            column("time", |patient| f64::from(patient + 1)),
            column("event", |_| 1.0),
            column("x", |patient| f64::from(patient * 5 % 7)),
            column("g", |patient| f64::from(patient % 2)),
        ];
        Cohort::new(None, columns).unwrap()
    }

    /// A curve through the many values of each coefficient, none through the few; rows are the caller's.
    #[test]
    fn coefficients_over_time_come_back() {
        let cohort = turns();
        let terms = vec![Term::linear("x"), Term::factor("g")];
        let model = CoxQuery::new(EndpointColumns::new("time", "event"), terms);
        let query = DiagnosticsQuery {
            over_time: Some(SmoothOptions { dimension: 4, points: 9 }),
            ..DiagnosticsQuery::new(model)
        };
        for (first, has_curve) in [(0, true), (9, false)] {
            let selection = Selection::of(&cohort, first..12).unwrap();
            let found = cox::diagnose(&cohort, &selection, &query).unwrap();
            let over_time = found.over_time.clone().unwrap();
            let has_values = over_time.as_ref().is_ok_and(|all| all[0].smooth.is_ok());
            assert_eq!(has_values, has_curve);
            let request = diagnostics_request(&cohort, &selection, &query);
            let answer = diagnostics_response(found, &request.asked(&()).unwrap());
            assert_eq!(over_time_from(answer), Ok(over_time));
        }
    }

    #[test]
    fn events_without_a_value_are_refused() {
        let one = pb::CoxCoefficientOverTime {
            event_rows: vec![0, 1],
            event_times: vec![1.0, 2.0],
            event_scale: vec![1.0, 2.0],
            values: vec![0.5],
            ..pb::CoxCoefficientOverTime::default()
        };
        let answer = pb::DiagnoseCoxResponse { over_time: vec![one], ..Default::default() };
        assert_eq!(over_time_from(answer).unwrap_err().0[0].path, "over_time[0]");
        let reason = reason_to(NotEstimable::NotConverged);
        let answer = pb::DiagnoseCoxResponse { over_time_reason: reason, ..Default::default() };
        assert_eq!(over_time_from(answer), Ok(Err(NotEstimable::NotConverged)));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let cohort = cohort();
        let query = DiagnosticsQuery::new(model());
        let mut request = diagnostics_request(&cohort, &Selection::all(&cohort), &query);
        request.diagnostics = Some(pb::CoxDiagnosticOptions {
            residuals: vec![pb::CoxResidualKind::Score as i32, 0],
            over_time: Some(pb::CoxSmoothOptions { dimension: Some(1), point_count: None }),
            influence: Some(pb::CoxInfluenceOptions { row_limit: Some(-1), threshold: Some(0.0) }),
            ..Default::default()
        });
        let Err(Unreadable::Malformed(malformed)) = request.asked(&()) else { panic!() };
        let paths: Vec<_> = malformed.0.iter().map(|field| field.path.as_str()).collect();
        let expected = [
            "diagnostics.residuals[1]",
            "diagnostics.over_time.dimension",
            "diagnostics.influence.row_limit",
            "diagnostics.influence.threshold",
        ];
        assert_eq!(paths, expected);
    }
}
