//! Coefficients over time, and hazard ratios by intervals where proportional hazards are in doubt.

use super::{Assembly, Place, WHOLE};
use crate::plan::key;
use crate::question::Answer;
use crate::terms::interval_label;
use ::cox::{Coefficient, Piecewise, TestResult};
use cohort::{Caveat, CaveatCode, Estimate, NotEstimable};
use study::protocol::{Population, Variance};
use study::result::{CoefficientOverTime, IntervalOutline, PiecewiseOutline, TermOutline, id};

/// Most residuals of a coefficient that the result holds.
const MOST_RESIDUALS: usize = 500;

pub(super) fn assemble(assembly: &mut Assembly) {
    let pipeline = assembly.pipeline;
    for tested in pipeline.tested() {
        let population = tested.population;
        let place =
            Place::new(&tested.endpoint.id, population.id(), format!("cox_{}", tested.name));
        let key = key::over_time(&place.endpoint, &place.population, &tested.name);
        if let Ok(Answer::OverTime(found)) = assembly.answer(&key) {
            let found = found.clone().unwrap_or_default();
            let series = found.iter().map(|one| series(assembly, &place, one));
            let series: Vec<CoefficientOverTime> = series.collect();
            assembly.over_time.extend(series);
        }
        let key = key::piecewise(&place.endpoint, &place.population, &tested.name);
        if let Ok(Answer::Piecewise(found)) = assembly.answer(&key) {
            let found = found.as_ref().clone();
            piecewise(assembly, &place, population, &tested.label, &found);
        }
    }
}

/// One of several events where there are many, so that their times stay spread as they are.
fn series(
    assembly: &Assembly,
    place: &Place,
    one: &::cox::CoefficientOverTime,
) -> CoefficientOverTime {
    let n_events = one.values.len();
    let every = n_events.div_ceil(MOST_RESIDUALS).max(1);
    let mut order: Vec<usize> = (0..n_events).collect();
    // Strata come one after the other.
    order.sort_by(|&a, &b| one.event_times[a].total_cmp(&one.event_times[b]));
    let kept: Vec<usize> = order.into_iter().step_by(every).collect();
    let protocol = assembly.pipeline.protocol();
    let smooth = one.smooth.as_ref().ok();
    let of_smooth =
        |read: fn(&::cox::Smooth) -> &Vec<f64>| smooth.map(read).cloned().unwrap_or_default();
    CoefficientOverTime {
        id: place.id(&id::part(&one.column), "over_time"),
        label: label(assembly, &one.column),
        transform: protocol.cox.as_ref().map(|section| section.ph_test).unwrap_or_default(),
        confidence: assembly.pipeline.confidence(),
        n_events,
        every,
        event_time: kept.iter().map(|&event| one.event_times[event]).collect(),
        event_scale: kept.iter().map(|&event| one.event_scale[event]).collect(),
        residual: kept.iter().map(|&event| one.values[event]).collect(),
        time: if smooth.is_some() { one.smooth_times.clone() } else { Vec::new() },
        scale: of_smooth(|smooth| &smooth.x),
        value: of_smooth(|smooth| &smooth.value),
        lower: of_smooth(|smooth| &smooth.lower),
        upper: of_smooth(|smooth| &smooth.upper),
        not_estimable: one.smooth.as_ref().err().copied(),
    }
}

/// What readers call a column of a model.
fn label(assembly: &Assembly, column: &str) -> String {
    term(assembly, column).map_or_else(|| column.to_owned(), |known| known.label)
}

fn term(assembly: &Assembly, column: &str) -> Option<TermOutline> {
    let models = assembly.outline.models.iter();
    let mut terms = models.flat_map(|model| &model.terms);
    terms.find(|known| known.id == id::part(column)).cloned()
}

fn piecewise(
    assembly: &mut Assembly,
    place: &Place,
    population: Population,
    label: &str,
    found: &Piecewise,
) {
    let place =
        Place::new(&place.endpoint, &place.population, format!("{}_piecewise", place.analysis));
    let changing: Vec<&Coefficient> = found
        .constant
        .coefficients
        .iter()
        .filter(|one| found.equality_tests.iter().any(|test| test.term == one.term))
        .collect();
    let intervals = found.intervals.iter();
    let outline = PiecewiseOutline {
        endpoint: place.endpoint.clone(),
        population: place.population.clone(),
        analysis: place.analysis.clone(),
        label: label.to_owned(),
        terms: changing.iter().filter_map(|one| term(assembly, &one.name)).collect(),
        intervals: intervals
            .map(|one| IntervalOutline {
                after: one.after,
                until: one.until,
                label: interval_label(one.after, one.until, assembly.time_unit()),
            })
            .collect(),
    };
    for interval in &found.intervals {
        let at = |term: &str, name: &str| place.id_at(term, name, interval.after);
        for (name, n) in [("n", interval.n), ("n_events", interval.n_events)] {
            assembly.push(study::result::Quantity::count(at(WHOLE, name), n));
        }
        for (index, one) in changing.iter().enumerate() {
            let found = interval.coefficients.as_ref().map_err(|&reason| reason);
            let found = found.and_then(|all| all.get(index).ok_or(NotEstimable::NotDefined));
            ratio(assembly, population, &at, &one.name, found);
        }
    }
    for test in &found.equality_tests {
        let method = "Wald test that the hazard ratio is the same in all intervals";
        push_test(assembly, &place, &id::part(&test.term), "equality", test.test, method);
    }
    if !assembly.has_weights(&place.population) {
        let method = "likelihood-ratio test against hazard ratios that do not change";
        let test = found.likelihood_ratio_test;
        push_test(assembly, &place, WHOLE, "likelihood_ratio", test, method);
    }
    assembly.outline.piecewise.push(outline);
}

/// The hazard ratio of a column in an interval.
fn ratio(
    assembly: &mut Assembly,
    population: Population,
    at: &dyn Fn(&str, &str) -> String,
    column: &str,
    found: Estimate<&Coefficient>,
) {
    let pipeline = assembly.pipeline;
    let asked = pipeline.protocol().cox.as_ref().map(|section| section.variance);
    let is_adjusted = pipeline.protocol().adjusted() == Some(population);
    let is_robust = is_adjusted && asked == Some(Variance::Robust);
    let robust = assembly.robust(population.id());
    let words = if is_robust { robust } else { "model-based" };
    let method =
        format!("Cox model whose hazard ratios change between intervals, {words} variance");
    let interval = found.map_or_else(cohort::Interval::none, |one| match one.robust_interval {
        Some(interval) if is_robust => interval,
        _ => one.interval,
    });
    let p_value = found.and_then(|one| match one.robust_p_value {
        Some(p_value) if is_robust => p_value,
        _ => one.p_value,
    });
    let term = id::part(column);
    let ratio = found.and_then(|one| one.hazard_ratio);
    let quantity = study::result::Quantity::new(at(&term, "hazard_ratio"), ratio, &method);
    let exploratory = Caveat::new(
        CaveatCode::NonProportionalHazards,
        "Hazard ratios by intervals were asked for because proportional hazards are in doubt; patients \
         of a later interval are those who have survived the earlier ones.",
    );
    let confidence = pipeline.confidence();
    assembly.push(quantity.with_interval(interval, confidence).with_caveats(vec![exploratory]));
    let id = at(&term, "p_value");
    assembly.push(study::result::Quantity::new(
        id,
        p_value,
        format!("Wald test, {words} variance"),
    ));
}

fn push_test(
    assembly: &mut Assembly,
    place: &Place,
    term: &str,
    name: &str,
    test: TestResult,
    method: &str,
) {
    let df = Ok(test.degrees_of_freedom as f64);
    for (part, value) in [("chi_squared", test.chi_squared), ("df", df), ("p_value", test.p_value)]
    {
        assembly.push(place.quantity(term, &format!("{name}_{part}"), value, method));
    }
}
