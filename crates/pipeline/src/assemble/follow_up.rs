//! Events, person-time and rates of the arms, how complete their follow-up is, and why it ended.

use super::worded::{endpoint_label, population_label};
use super::{Assembly, Place, WHOLE};
use crate::plan::key;
use crate::question::Answer;
use crate::terms::{
    DAYS_PER_YEAR, POTENTIAL, censoring_name, endpoint_names, quantile_name, quantile_rule,
};
use ::survival::{FollowUp, GroupFollowUp};
use cohort::{Caveat, CaveatCode, Estimate, NotEstimable, Selection};
use study::protocol::{EndpointSection, Population};
use study::result::id;

pub(super) fn assemble(assembly: &mut Assembly) {
    let pipeline = assembly.pipeline;
    for endpoint in &pipeline.protocol().endpoints {
        for population in pipeline.main_populations() {
            let place = Place::new(&endpoint.id, population.id(), "followup");
            person_time(assembly, &place);
            censored(assembly, &place, endpoint, population);
            unequal(assembly, &place);
        }
    }
}

/// Events over person-time.
fn person_time(assembly: &mut Assembly, place: &Place) {
    let protocol = assembly.pipeline.protocol();
    let exposure = protocol.exposure.column.clone();
    let arms: Vec<(String, String)> = protocol
        .exposure
        .arms()
        .map(|arm| (arm.value.clone(), id::level(&exposure, &arm.value)))
        .to_vec();
    let answer: Estimate<FollowUp> =
        match assembly.answer(&key::person_time(&place.endpoint, &place.population)) {
            Ok(Answer::FollowUp(found)) => Ok(found.as_ref().clone()),
            Ok(_) => Err(NotEstimable::NotDefined),
            Err(reason) => Err(reason),
        };
    let found = match answer {
        Ok(found) => found,
        Err(reason) => {
            for term in arms.iter().map(|(_, term)| term.as_str()).chain([WHOLE]) {
                let (name, method) = rate_words(assembly, place);
                assembly.push(place.quantity(term, name, Err(reason), &method));
            }
            return;
        }
    };
    group(assembly, place, WHOLE, &found.total);
    for (level, term) in &arms {
        let of_level = |group: &&GroupFollowUp| group.group.as_ref() == Some(level);
        if let Some(known) = found.groups.iter().find(of_level) {
            group(assembly, place, term, known);
        }
    }
    if let Some(compared) = found.rate_contrasts.first() {
        let confidence = assembly.pipeline.confidence();
        let ratio = compared.contrast.ratio;
        let (name, method) = match assembly.has_weights(&place.population) {
            true => {
                let robust = assembly.robust(&place.population);
                let method = format!("ratio of the weighted event rates, Wald, {robust} variance");
                ("weighted_rate_ratio", method)
            }
            false => ("rate_ratio", EXACT_RATIO.to_owned()),
        };
        let term = id::level(&exposure, &compared.group);
        let quantity = place.quantity(&term, name, ratio.estimate, &method);
        assembly.push(quantity.with_interval(ratio.interval, confidence));
        let p_value = ratio.p_value.unwrap_or(Err(NotEstimable::NotDefined));
        assembly.push(place.quantity(&term, &format!("{name}_p_value"), p_value, &method));
    }
}

const EXACT_RATIO: &str =
    "ratio of the event rates, exact limits and test (binomial given all events)";

/// The name of a rate in ids, and how it is computed.
fn rate_words(assembly: &Assembly, place: &Place) -> (&'static str, String) {
    match assembly.has_weights(&place.population) {
        true => {
            let robust = assembly.robust(&place.population);
            let method = format!(
                "weighted events over weighted person-time, limits on the logarithm, {robust} variance"
            );
            ("weighted_event_rate", method)
        }
        false => ("event_rate", "events over person-time, exact Poisson limits".to_owned()),
    }
}

/// Unit of rates.
const PER_100_YEARS: &str = "per 100 person-years";

fn group(assembly: &mut Assembly, place: &Place, term: &str, group: &GroupFollowUp) {
    let confidence = assembly.pipeline.confidence();
    let years = assembly.pipeline.protocol().study.time_unit.days() / DAYS_PER_YEAR;
    assembly.push(place.count(term, "n", group.n));
    assembly.push(place.count(term, "n_events", group.observed.n_events));
    let time = Ok(group.observed.time * years);
    let person_time = place.quantity(term, "person_years", time, "sum of the times at risk");
    assembly.push(person_time.in_unit("person-years"));
    if let Some(sums) = &group.weighted {
        let method = "sum of the weights of the patients with the event";
        assembly.push(place.quantity(term, "weighted_n_events", Ok(sums.events), method));
        let method = "sum of the times at risk, each times the weight of the patient";
        let time = place.quantity(term, "weighted_person_years", Ok(sums.time * years), method);
        assembly.push(time.in_unit("person-years"));
    }
    let (name, method) = rate_words(assembly, place);
    let rate = place.quantity(term, name, group.rate.rate, &method);
    assembly.push(rate.with_interval(group.rate.interval, confidence).in_unit(PER_100_YEARS));
    if let Some(known) = &group.completeness {
        let (name, method) = match group.weighted {
            Some(_) => (
                "weighted_completeness",
                "weighted observed over weighted potential person-time to the data lock",
            ),
            None => (
                "completeness",
                "observed over potential person-time to the data lock (Clark's index)",
            ),
        };
        assembly.push(place.quantity(term, name, known.index, method));
        assembly.push(place.count(term, "n_beyond_lock", known.n_beyond));
    }
}

/// How many of each arm are censored, when and why.
fn censored(
    assembly: &mut Assembly,
    place: &Place,
    endpoint: &EndpointSection,
    population: Population,
) {
    let pipeline = assembly.pipeline;
    let exposure = &pipeline.protocol().exposure;
    let arms = exposure.arms().map(|arm| {
        let rows = pipeline.rows_at(population, &exposure.column, &arm.value);
        (id::level(&exposure.column, &arm.value), rows)
    });
    for (term, rows) in [(WHOLE.to_owned(), pipeline.rows(population))].into_iter().chain(arms) {
        let (time, event) = endpoint_names(&endpoint.id);
        let cohort = pipeline.cohort();
        let Ok(events) = cohort.numeric(&event, &rows) else { continue };
        let mut events = events.into_iter();
        let rows = rows.filter(|_| events.next() == Some(0.0));
        assembly.push(place.count(&term, "n_censored", rows.len()));
        let lock = cohort.numeric(&time, &rows).ok().zip(cohort.numeric(POTENTIAL, &rows).ok());
        if let Some((times, ends)) = lock {
            let n = times.iter().zip(&ends).filter(|(time, end)| time >= end).count();
            assembly.push(place.count(&term, "n_censored_at_lock", n));
            assembly.push(place.count(&term, "n_censored_before_lock", rows.len() - n));
        }
        reasons(assembly, place, endpoint, &term, &rows);
    }
}

/// The reasons of those who are censored.
fn reasons(
    assembly: &mut Assembly,
    place: &Place,
    endpoint: &EndpointSection,
    term: &str,
    rows: &Selection,
) {
    let Some(censoring) = &endpoint.censoring else { return };
    let (cohort, name) = (assembly.pipeline.cohort(), censoring_name(&endpoint.id));
    let Ok(is_missing) = cohort.is_missing(&name) else { return };
    let known = rows.filter(|row| !is_missing[row]);
    let Ok(categories) = cohort.categories(&name, &known) else { return };
    let n_unknown = rows.len() - known.len();
    for level in &censoring.levels {
        let code = categories.position(level);
        let n = categories.codes.iter().filter(|&&known| Some(known) == code).count();
        let term = format!("{term}/{}", id::level(&censoring.column, level));
        assembly.push(place.count(&term, "n_censored", n));
    }
    assembly.push(place.count(term, "n_censored_unknown", n_unknown));
}

/// The doubt that one arm was followed for longer: the limits of the median follow-up of the arms do
/// not overlap.
fn unequal(assembly: &mut Assembly, place: &Place) {
    let protocol = assembly.pipeline.protocol();
    let Some(&rule) = protocol.survival.followup_ci.first() else { return };
    let name = format!("median_{}", quantile_name(quantile_rule(rule)));
    let exposure = &protocol.exposure;
    let ids = exposure.arms().map(|arm| place.id(&id::level(&exposure.column, &arm.value), &name));
    let limits = |id: &String| {
        let known = assembly.quantities.iter().find(|quantity| quantity.id == *id)?;
        let limits = known.interval?;
        Some((limits.lower?, limits.upper?))
    };
    let [Some(exposed), Some(comparator)] = [limits(&ids[0]), limits(&ids[1])] else { return };
    if exposed.1 >= comparator.0 && comparator.1 >= exposed.0 {
        return;
    }
    let longer = if exposed.0 > comparator.1 { &exposure.exposed } else { &exposure.comparator };
    let message = format!(
        "{}, {}: the arm \"{}\" was followed for longer than the other (the limits of the median \
         follow-up do not overlap). Where follow-up differs, censoring and calendar time may differ too.",
        endpoint_label(protocol, &place.endpoint),
        population_label(&place.population),
        longer.label
    );
    let caveat = Caveat::new(CaveatCode::UnequalFollowUp, message);
    let is_median = |quantity: &&mut study::result::Quantity| ids.contains(&quantity.id);
    for quantity in assembly.quantities.iter_mut().filter(is_median) {
        quantity.caveats.push(caveat.clone());
    }
    assembly.caveats.push(caveat);
}
