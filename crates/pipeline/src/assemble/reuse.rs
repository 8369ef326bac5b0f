//! The hazard ratio after matching with replacement by a variance that counts pairs and patients.

use super::{Assembly, Place};
use crate::plan::{UNIVARIABLE, key};
use crate::question::Answer;
use crate::reuse::{PATIENT, SET};
use cohort::{Estimate, Interval, NotEstimable};
use numerics::elementary::exp;
use numerics::tails::{normal_two_sided, two_sided_multiplier};
use study::protocol::Population;
use study::result::id;

pub(super) fn assemble(assembly: &mut Assembly) {
    if !assembly.pipeline.counts_reuse() {
        return;
    }
    let endpoints = assembly.pipeline.protocol().endpoints.clone();
    for endpoint in &endpoints {
        let found = variance(assembly, &endpoint.id);
        hazard_ratio(assembly, &endpoint.id, found);
    }
}

/// The coefficient and its variance,
///
/// ```text
/// V = s / (s - 1) V_sets + p / (p - 1) V_patients - r / (r - 1) V_rows
/// ```
///
/// of `s` sets, `p` patients and `r` rows. Austin and Cafri (2020), Stat. Med. 39:1623-1640, as the
/// vignette of MatchIt on the estimation of effects has it.
fn variance(assembly: &Assembly, endpoint: &str) -> Estimate<(f64, f64)> {
    let uses = assembly.pipeline.uses().ok_or(NotEstimable::NotDefined)?;
    let of = |unit: Option<&str>, n: usize| -> Estimate<(f64, f64)> {
        let Answer::Cox(fit) = assembly.answer(&key::reuse(endpoint, unit))? else {
            return Err(NotEstimable::NotDefined);
        };
        let coefficient = fit.coefficients.first().ok_or(NotEstimable::NotDefined)?;
        let error = coefficient.robust_standard_error.ok_or(NotEstimable::NotDefined)??;
        let factor = if n > 1 { n as f64 / (n - 1) as f64 } else { return few() };
        Ok((coefficient.estimate?, factor * error * error))
    };
    let (estimate, by_set) = of(Some(SET), uses.n_sets)?;
    let (_, by_patient) = of(Some(PATIENT), uses.n_patients)?;
    let (_, by_row) = of(None, uses.n_rows)?;
    let variance = by_set + by_patient - by_row;
    // A difference of matrices need not be one of a variance.
    if variance > 0.0 { Ok((estimate, variance)) } else { few() }
}

fn few<T>() -> Estimate<T> {
    Err(NotEstimable::VarianceUndefined)
}

fn hazard_ratio(assembly: &mut Assembly, endpoint: &str, found: Estimate<(f64, f64)>) {
    let population = Population::Matched.id();
    let place = Place::new(endpoint, population, format!("cox_{UNIVARIABLE}"));
    let exposure = &assembly.pipeline.protocol().exposure;
    let term = id::level(&exposure.column, &exposure.exposed.value);
    let confidence = assembly.pipeline.confidence();
    let method = "Cox proportional hazards model, Wald limits, variance by pairs and by patients \
                  (Austin and Cafri 2020)";
    let error = found.map(|(_, variance)| variance.sqrt());
    let limit = |sign: f64| {
        found.map(|(estimate, variance)| {
            exp(estimate + sign * two_sided_multiplier(confidence) * variance.sqrt())
        })
    };
    let interval = Interval { lower: limit(-1.0), upper: limit(1.0) };
    let ratio = found.map(|(estimate, _)| exp(estimate));
    let p_value = found.map(|(estimate, variance)| normal_two_sided(estimate / variance.sqrt()));
    assembly.push(
        place
            .quantity(&term, "hazard_ratio_reuse", ratio, method)
            .with_interval(interval, confidence),
    );
    assembly.push(place.quantity(&term, "p_value_reuse", p_value, "Wald test, the same variance"));
    let method = "standard error by pairs and by patients (Austin and Cafri 2020)";
    assembly.push(place.quantity(&term, "standard_error_reuse", error, method));
}
