//! Backward elimination.

use super::{model, test};
use crate::json::list;
use crate::sample::Sample;
use crate::topics::words;
use cox::{
    CoxQuery, CoxSelectionQuery, SelectionRule, SelectionStep, SelectionTest, TermTest, select,
};
use serde_json::{Value, json};

/// The candidates are the terms of the model; one whose p-value is above `alpha` leaves.
pub fn answer(sample: &Sample, query: CoxQuery, alpha: f64) -> Result<Value, String> {
    let candidates = query.terms.clone();
    let model_query = CoxQuery { terms: Vec::new(), ..query };
    let test = SelectionTest::LikelihoodRatio;
    let rule = SelectionRule::Backward { remove_above: alpha, test };
    let selection = sample.complete();
    let query = CoxSelectionQuery { model: model_query, candidates, rule };
    let chosen = select(&sample.cohort, &selection, &query).map_err(words)?;
    let mut last = model(&chosen.fit);
    last.insert("n_dropped_missing".into(), json!(sample.table.len() - selection.len()));
    Ok(json!({"steps": list(&chosen.steps, step), "final": last}))
}

fn step(step: &SelectionStep) -> Value {
    json!({
        "model": step.terms,
        "loglik": step.log_likelihood,
        "drop_tests": list(&step.removal_tests, drop_test),
        "removed": step.removed,
    })
}

fn drop_test(tested: &TermTest) -> Value {
    let mut fields = test(&tested.test);
    fields["column"] = json!(tested.term);
    fields
}
