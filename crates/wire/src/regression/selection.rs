//! The choice of terms.

use super::{
    cox_fit_from, cox_fit_to, model_columns, model_from, model_options_to, model_to, term_test_to,
    term_tests_from,
};
use crate::common::{enum_conversion, optional_name, term_to, terms_from};
use crate::pb::regression as pb;
use crate::violation::Violations;
use crate::{Asked, CohortRef, CohortRequest, Cohorts, Malformed, Unreadable};
use cohort::Selection;
use cox::{CoxSelection, CoxSelectionQuery, SelectionRule, SelectionStep, SelectionTest};

enum_conversion!(
    test_kind_to,
    test_kind_from,
    SelectionTest,
    pb::SelectionTest,
    Some(SelectionTest::default()),
    [LikelihoodRatio, Wald]
);

/// Entry and removal where the message leaves them open.
const ENTER_BELOW: f64 = 0.05;
const REMOVE_ABOVE: f64 = 0.1;

/// Asks for a choice of terms.
#[must_use]
pub fn selection_request<'a>(
    cohort: impl Into<CohortRef<'a>>,
    selection: &Selection,
    query: &CoxSelectionQuery,
) -> pb::SelectCoxRequest {
    let candidates = query.candidates.iter().flat_map(|term| term.columns());
    let columns = model_columns(&query.model).chain(candidates);
    let (cohort, selection) = Asked::<()>::written(cohort, selection, columns);
    pb::SelectCoxRequest {
        cohort,
        selection,
        model: Some(model_to(&query.model)),
        candidates: query.candidates.iter().map(term_to).collect(),
        rule: Some(rule_to(query.rule)),
    }
}

fn rule_to(rule: SelectionRule) -> pb::SelectionRule {
    let (method, enter_below, remove_above, test) = match rule {
        SelectionRule::Listed => (pb::SelectionMethod::Listed, None, None, None),
        SelectionRule::PThreshold { enter_below, test } => {
            (pb::SelectionMethod::PThreshold, Some(enter_below), None, Some(test))
        }
        SelectionRule::Backward { remove_above, test } => {
            (pb::SelectionMethod::Backward, None, Some(remove_above), Some(test))
        }
        SelectionRule::Forward { enter_below, remove_above, test } => {
            (pb::SelectionMethod::Forward, Some(enter_below), Some(remove_above), Some(test))
        }
    };
    let test = test.map_or(0, test_kind_to);
    pb::SelectionRule { method: method as i32, enter_below, remove_above, test }
}

fn rule_from(violations: &mut Violations, rule: pb::SelectionRule) -> Option<SelectionRule> {
    let method = pb::SelectionMethod::try_from(rule.method).ok();
    let method = violations.require_known("rule.method", method)?;
    let test = violations.require_known("rule.test", test_kind_from(rule.test));
    let mut limit = |name: &str, value: Option<f64>, default: f64| {
        let value = value.unwrap_or(default);
        let is_probability = (0.0..=1.0).contains(&value);
        let value = is_probability.then_some(value).ok_or("must lie between 0 and 1");
        violations.check(format!("rule.{name}"), value)
    };
    let enter_below = limit("enter_below", rule.enter_below, ENTER_BELOW);
    let remove_above = limit("remove_above", rule.remove_above, REMOVE_ABOVE);
    let (test, enter_below, remove_above) = (test?, enter_below?, remove_above?);
    match method {
        pb::SelectionMethod::Unspecified => {
            violations.require::<SelectionRule>("rule.method", None)
        }
        pb::SelectionMethod::Listed => Some(SelectionRule::Listed),
        pb::SelectionMethod::PThreshold => Some(SelectionRule::PThreshold { enter_below, test }),
        pb::SelectionMethod::Backward => Some(SelectionRule::Backward { remove_above, test }),
        pb::SelectionMethod::Forward if enter_below > remove_above => {
            violations.add("rule.enter_below", "must not be above `remove_above`");
            None
        }
        pb::SelectionMethod::Forward => {
            Some(SelectionRule::Forward { enter_below, remove_above, test })
        }
    }
}

impl CohortRequest for pb::SelectCoxRequest {
    type Query = CoxSelectionQuery;

    fn asked(self, cohorts: &dyn Cohorts) -> Result<Asked<CoxSelectionQuery>, Unreadable> {
        let pb::SelectCoxRequest { cohort, selection, model, candidates, rule } = self;
        Asked::read(cohorts, cohort, selection, |violations, cohort| {
            let model = model_from(violations, model, cohort);
            let candidates = terms_from(violations, "candidates", candidates, cohort);
            let rule = violations.require("rule", rule);
            let rule = rule.and_then(|rule| rule_from(violations, rule));
            Some(CoxSelectionQuery { model: model?, candidates: candidates?, rule: rule? })
        })
    }
}

/// Answers with the way to the chosen model, the model, and rule and options in force.
#[must_use]
pub fn selection_response(
    chosen: CoxSelection,
    query: &CoxSelectionQuery,
) -> pb::SelectCoxResponse {
    let step = |step: SelectionStep| pb::SelectionStep {
        terms: step.terms,
        log_likelihood: step.log_likelihood,
        removal_tests: step.removal_tests.into_iter().map(term_test_to).collect(),
        entry_tests: step.entry_tests.into_iter().map(term_test_to).collect(),
        removed: step.removed.unwrap_or_default(),
        entered: step.entered,
    };
    pb::SelectCoxResponse {
        steps: chosen.steps.into_iter().map(step).collect(),
        fit: Some(cox_fit_to(chosen.fit)),
        rule: Some(rule_to(query.rule)),
        options: Some(model_options_to(&query.model)),
    }
}

impl TryFrom<pb::SelectCoxResponse> for CoxSelection {
    type Error = Malformed;

    fn try_from(response: pb::SelectCoxResponse) -> Result<Self, Malformed> {
        let mut violations = Violations::default();
        let fit = violations.require("fit", response.fit);
        let fit = fit.and_then(|fit| cox_fit_from(&mut violations, "fit", fit));
        let step = |(index, step): (usize, pb::SelectionStep)| {
            let path = format!("steps[{index}]");
            Some(SelectionStep {
                terms: step.terms,
                log_likelihood: step.log_likelihood,
                removal_tests: term_tests_from(&mut violations, &path, step.removal_tests)?,
                entry_tests: term_tests_from(&mut violations, &path, step.entry_tests)?,
                removed: optional_name(step.removed),
                entered: step.entered,
            })
        };
        let steps: Option<Vec<_>> = response.steps.into_iter().enumerate().map(step).collect();
        let chosen = fit.zip(steps).map(|(fit, steps)| CoxSelection { steps, fit });
        violations.finish(chosen)
    }
}
