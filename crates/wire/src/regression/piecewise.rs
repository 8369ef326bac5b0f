//! Hazard ratios by intervals of time.

use super::{
    coefficient_from, coefficient_to, cox_fit_from, cox_fit_to, model_columns, model_from,
    model_options_to, model_to, term_test_to, term_tests_from, test_from, test_to,
};
use crate::common::{count, count_from, reason_from, reason_to};
use crate::pb::regression as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::{LARGEST_NUMBER, NotEstimable, Selection, Term};
use cox::{CoxQuery, Piecewise, PiecewiseInterval, PiecewiseQuery};

/// Asks for hazard ratios by intervals.
#[must_use]
pub fn piecewise_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &PiecewiseQuery,
) -> pb::FitPiecewiseCoxRequest {
    let (cohort, selection) = Asked::<()>::written(cohort, selection, model_columns(&query.model));
    pb::FitPiecewiseCoxRequest {
        cohort,
        selection,
        model: Some(model_to(&query.model)),
        cut_points: query.cuts.clone(),
        changing_terms: query.terms.clone(),
    }
}

impl CohortRequest for pb::FitPiecewiseCoxRequest {
    type Query = PiecewiseQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<PiecewiseQuery>, Unreadable> {
        let pb::FitPiecewiseCoxRequest { cohort, selection, model, cut_points, changing_terms } =
            self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            check_cuts(violations, &cut_points);
            let model = model_from(violations, model, cohort)?;
            check_terms(violations, &changing_terms, &model);
            Some(PiecewiseQuery { model, cuts: cut_points, terms: changing_terms })
        })
    }
}

fn check_cuts(violations: &mut Violations, cuts: &[f64]) {
    if cuts.is_empty() {
        violations.add("cut_points", "is required");
    }
    let is_time = |cut: f64| 0.0 < cut && cut <= LARGEST_NUMBER;
    violations.check_each("cut_points", cuts, is_time, "must be positive and not too large");
    let falls = cuts.windows(2).position(|pair| pair[0] >= pair[1]);
    if let Some(index) = falls {
        let message = "must be later than the cut point before it";
        violations.add(format!("cut_points[{}]", index + 1), message);
    }
}

fn check_terms(violations: &mut Violations, terms: &[String], model: &CoxQuery) {
    let names: Vec<String> = model.terms.iter().map(Term::name).collect();
    for (index, _) in terms.iter().enumerate().filter(|(_, term)| !names.contains(term)) {
        violations.add(format!("changing_terms[{index}]"), "is no term of the model");
    }
}

/// Answers with hazard ratios by intervals and the options in force.
#[must_use]
pub fn piecewise_response(found: Piecewise, query: &PiecewiseQuery) -> pb::FitPiecewiseCoxResponse {
    let changing_terms = match &query.terms[..] {
        [] => query.model.terms.iter().map(Term::name).collect(),
        terms => terms.to_vec(),
    };
    pb::FitPiecewiseCoxResponse {
        constant: Some(cox_fit_to(found.constant)),
        changing: Some(cox_fit_to(found.changing)),
        intervals: found.intervals.into_iter().map(interval_to).collect(),
        equality_tests: found.equality_tests.into_iter().map(term_test_to).collect(),
        likelihood_ratio_test: Some(test_to(found.likelihood_ratio_test)),
        options: Some(model_options_to(&query.model)),
        cut_points: query.cuts.clone(),
        changing_terms,
    }
}

impl TryFrom<pb::FitPiecewiseCoxResponse> for Piecewise {
    type Error = Malformed;

    fn try_from(response: pb::FitPiecewiseCoxResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let found = piecewise_from(&mut violations, response);
        violations.finish(found)
    }
}

fn piecewise_from(
    violations: &mut Violations,
    response: pb::FitPiecewiseCoxResponse,
) -> Option<Piecewise> {
    let constant = violations.require("constant", response.constant)?;
    let changing = violations.require("changing", response.changing)?;
    let intervals = response.intervals.into_iter().enumerate();
    let intervals: Option<Vec<_>> = intervals
        .map(|(index, one)| interval_from(violations, &format!("intervals[{index}]"), one))
        .collect();
    Some(Piecewise {
        constant: cox_fit_from(violations, "constant", constant)?,
        changing: cox_fit_from(violations, "changing", changing)?,
        intervals: intervals?,
        equality_tests: term_tests_from(violations, "equality_tests", response.equality_tests)?,
        likelihood_ratio_test: test_from(
            violations,
            "likelihood_ratio_test",
            response.likelihood_ratio_test,
        )?,
    })
}

fn interval_from(
    violations: &mut Violations,
    path: &str,
    interval: pb::CoxInterval,
) -> Option<PiecewiseInterval> {
    let coefficients = interval.coefficients.into_iter();
    let coefficients: Option<Vec<_>> =
        coefficients.map(|one| coefficient_from(violations, path, one)).collect();
    Some(PiecewiseInterval {
        after: interval.after,
        until: interval.until,
        n: count_from(violations, path, interval.subject_count)?,
        n_events: count_from(violations, path, interval.event_count)?,
        coefficients: match interval.reason {
            0 => Ok(coefficients?),
            reason => Err(reason_from(reason).unwrap_or(NotEstimable::NotDefined)),
        },
    })
}

fn interval_to(interval: PiecewiseInterval) -> pb::CoxInterval {
    let (coefficients, reason) = match interval.coefficients {
        Ok(coefficients) => (coefficients, 0),
        Err(reason) => (Vec::new(), reason_to(reason)),
    };
    pb::CoxInterval {
        after: interval.after,
        until: interval.until,
        subject_count: count(interval.n),
        event_count: count(interval.n_events),
        coefficients: coefficients.into_iter().map(coefficient_to).collect(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::super::diagnostics::tests::{cohort, model, turns};
    use super::*;
    use ::cohort::{EndpointColumns, Term};
    use cox::CoxQuery;

    /// The question that arrives is the one that was asked.
    #[test]
    fn the_question_comes_back() {
        let cohort = cohort();
        let query =
            PiecewiseQuery { model: model(), cuts: vec![1.0, 2.5], terms: vec!["g".into()] };
        let request = piecewise_request(&cohort, &Selection::all(&cohort), &query);
        let asked = request.asked(&()).unwrap();
        assert_eq!(asked.query, query);
    }

    /// Nobody has the event in the last interval, and it has no ratios.
    #[test]
    fn ratios_by_intervals_come_back() {
        let cohort = turns();
        let terms = vec![Term::linear("x"), Term::factor("g")];
        let model = CoxQuery::new(EndpointColumns::new("time", "event"), terms);
        let query = PiecewiseQuery { model, cuts: vec![6.0, 12.0], terms: vec!["g".into()] };
        let found = cox::piecewise(&cohort, &Selection::all(&cohort), &query).unwrap();
        let known: Vec<bool> = found.intervals.iter().map(|one| one.coefficients.is_ok()).collect();
        assert_eq!(known, [true, true, false]);
        let answer = piecewise_response(found.clone(), &query);
        assert_eq!(answer.changing_terms, ["g"]);
        assert_eq!(Piecewise::try_from(answer.clone()), Ok(found));
        let lacking = pb::FitPiecewiseCoxResponse { changing: None, ..answer };
        assert_eq!(Piecewise::try_from(lacking).unwrap_err().0[0].path, "changing");
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let cohort = cohort();
        let cuts = vec![0.0, 3.0, 2.0];
        let query = PiecewiseQuery { model: model(), cuts, terms: vec!["z".into()] };
        let request = piecewise_request(&cohort, &Selection::all(&cohort), &query);
        let Err(Unreadable::Malformed(malformed)) = request.asked(&()) else { panic!() };
        let paths: Vec<_> = malformed.0.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["cut_points[0]", "cut_points[2]", "changing_terms[0]"]);
    }
}
