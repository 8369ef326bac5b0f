//! The hazard ratio of the exposure at each site, what the sites say together, and the primary model
//! without each of them.

use super::{Assembly, Place, WHOLE, population_label};
use crate::plan::{SITE, key, population_of};
use crate::question::Answer;
use crate::terms::{exposure_term, level_label};
use ::cox::{Coefficient, CoxFit};
use cohort::{Caveat, CaveatCode, Estimate, Interval, NotEstimable};
use hypothesis::{PooledMean, PooledSites, SiteEstimate, pool_sites};
use numerics::elementary::exp;
use study::protocol::{Population, Variable, Variance};
use study::result::{Quantity, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    let pipeline = assembly.pipeline;
    let (Some(site), Some(_)) = (pipeline.protocol().site(), &pipeline.protocol().cox) else {
        return;
    };
    for endpoint in &pipeline.protocol().endpoints {
        of_endpoint(assembly, &endpoint.id, site);
    }
}

fn of_endpoint(assembly: &mut Assembly, endpoint: &str, site: &Variable) {
    let population = assembly.pipeline.main_population();
    let place = Place::new(endpoint, population.id(), "sites");
    let (mut known, mut estimates) = (Vec::new(), Vec::new());
    for level in &site.levels {
        let within = id::within(population.id(), &site.name, level);
        let fit: Estimate<CoxFit> = match assembly.answer(&key::cox(endpoint, &within, SITE)) {
            Ok(Answer::Cox(fit)) => Ok(fit.as_ref().clone()),
            Ok(_) => Err(NotEstimable::NotDefined),
            Err(reason) => Err(reason),
        };
        let term = id::level(&site.name, level);
        let method = "Cox proportional hazards model of the exposure within the site";
        if let Ok(estimate) = ratio(assembly, &place, &term, &fit, (method, is_robust(assembly))) {
            known.push(term);
            estimates.push(estimate);
        }
    }
    let pooled = pool_sites(&estimates, assembly.pipeline.confidence());
    let mut caveats = heterogeneous(assembly, endpoint, &pooled);
    for (index, term) in known.iter().enumerate() {
        let share = Ok(pooled.shares[index]);
        assembly.push(place.quantity(term, "share", share, "share in the pooled hazard ratio"));
        let words = "mean of the hazard ratios of the other sites, weighted by inverse variance";
        mean(assembly, &place, term, "left_out_", pooled.left_out[index], words);
    }
    caveats.extend(without_sites(assembly, endpoint, site));
    let n = place.count(WHOLE, "n_sites", known.len()).with_caveats(caveats.clone());
    assembly.push(n);
    whole(assembly, &place, &pooled);
    assembly.caveats.extend(caveats);
}

/// The primary model without each site, and which of them drives its result.
fn without_sites(assembly: &mut Assembly, endpoint: &str, site: &Variable) -> Vec<Caveat> {
    let primary = assembly.pipeline.protocol().report.primary.clone();
    let Some(model) = &primary.model else { return Vec::new() };
    let population = primary.population.id();
    let place = Place::new(endpoint, population, "without_site");
    let robust = primary.population != Population::All
        && (assembly.has_weights(population) || asks_robust(assembly));
    let whole = exposure_id(assembly);
    let whole = id::quantity(endpoint, population, &format!("cox_{model}"), &whole, "hazard_ratio");
    let mut caveats = Vec::new();
    for level in &site.levels {
        let fit = match assembly.answer(&key::without_site(endpoint, population, level)) {
            Ok(Answer::Cox(fit)) => Ok(fit.as_ref().clone()),
            Ok(_) => Err(NotEstimable::NotDefined),
            Err(reason) => Err(reason),
        };
        let term = id::level(&site.name, level);
        let method = "Cox proportional hazards model of the primary analysis on the other sites";
        let _ = ratio(assembly, &place, &term, &fit, (method, robust));
        let without = place.id(&term, "hazard_ratio");
        caveats.extend(driven(assembly, &place, (site, level), [&whole, &without]));
    }
    caveats
}

/// The part of ids that names the exposed arm.
fn exposure_id(assembly: &Assembly) -> String {
    let exposure = &assembly.pipeline.protocol().exposure;
    id::level(&exposure.column, &exposure.exposed.value)
}

/// The hazard ratio of the exposure in a model, and its logarithm with the standard error in force.
fn ratio(
    assembly: &mut Assembly,
    place: &Place,
    term: &str,
    fit: &Estimate<CoxFit>,
    (model, robust): (&str, bool),
) -> Estimate<SiteEstimate> {
    let confidence = assembly.pipeline.confidence();
    let counts = fit.as_ref().map(|fit| (fit.n as f64, fit.n_events as f64)).map_err(|e| *e);
    assembly.push(place.quantity(term, "n", counts.map(|(n, _)| n), "count"));
    assembly.push(place.quantity(term, "n_events", counts.map(|(_, n)| n), "count"));
    let name = exposure_term(&assembly.pipeline.protocol().exposure).name();
    let of_exposure = |fit: &'_ CoxFit| fit.coefficients.iter().position(|one| one.term == name);
    let found = fit.as_ref().map_err(|reason| *reason).and_then(|fit| {
        let index = of_exposure(fit).ok_or(NotEstimable::NotDefined)?;
        Ok(&fit.coefficients[index])
    });
    let chosen = |one: &Coefficient| match (robust, one.robust_standard_error) {
        (true, Some(error)) => (
            error,
            one.robust_interval.unwrap_or(one.interval),
            one.robust_p_value.unwrap_or(one.p_value),
        ),
        _ => (one.standard_error, one.interval, one.p_value),
    };
    let variance = if robust { "robust" } else { "model-based" };
    let method = format!("{model}, Wald, {variance} variance");
    let none = Interval::none(found.err().unwrap_or(NotEstimable::NotDefined));
    let parts = found.map(chosen);
    let ratio =
        place.quantity(term, "hazard_ratio", found.and_then(|one| one.hazard_ratio), &method);
    let interval = parts.map_or(none, |(_, interval, _)| interval);
    let (error, p_value) = (parts.and_then(|part| part.0), parts.and_then(|part| part.2));
    let coefficient = found.and_then(|one| one.estimate);
    assembly.push(ratio.with_interval(interval, confidence));
    assembly.push(place.quantity(term, "p_value", p_value, &method));
    assembly.push(place.quantity(term, "coefficient", coefficient, "log hazard ratio"));
    let words = format!("{variance} standard error of the log hazard ratio");
    assembly.push(place.quantity(term, "standard_error", error, &words));
    let (value, standard_error) = (coefficient?, error?);
    if standard_error > 0.0 {
        Ok(SiteEstimate { value, standard_error })
    } else {
        Err(NotEstimable::VarianceUndefined)
    }
}

fn is_robust(assembly: &Assembly) -> bool {
    let protocol = assembly.pipeline.protocol();
    let has_weights = protocol.has_weights(assembly.pipeline.main_population());
    assembly.pipeline.has_robust_sites() && (asks_robust(assembly) || has_weights)
}

/// Whether the protocol asks for the robust variance.
fn asks_robust(assembly: &Assembly) -> bool {
    let section = assembly.pipeline.protocol().cox.as_ref();
    section.is_some_and(|cox| cox.variance == Variance::Robust)
}

fn whole(assembly: &mut Assembly, place: &Place, pooled: &PooledSites) {
    mean(assembly, place, WHOLE, "pooled_", pooled.common, "pooled by inverse variance");
    let random = "random-effects mean of the sites (DerSimonian and Laird)";
    mean(assembly, place, WHOLE, "random_", pooled.random, random);
    let df = pooled.q.map(|_| pooled.degrees_of_freedom as f64);
    let measures = [
        ("q", pooled.q, "Cochran's Q"),
        ("q_df", df, "Cochran's Q"),
        ("q_p_value", pooled.p_value, "Cochran's Q"),
        ("i_squared", pooled.i_squared, "share of the variation between sites that is not chance"),
        ("tau_squared", pooled.tau_squared, "variance between sites (DerSimonian and Laird)"),
    ];
    for (name, value, method) in measures {
        assembly.push(place.quantity(WHOLE, name, value, method));
    }
}

/// A mean of logarithms as a hazard ratio, with its p-value.
fn mean(
    assembly: &mut Assembly,
    place: &Place,
    term: &str,
    begin: &str,
    found: Estimate<PooledMean>,
    method: &str,
) {
    let confidence = assembly.pipeline.confidence();
    let interval = found.map_or_else(Interval::none, |found| Interval {
        lower: found.interval.lower.map(exp),
        upper: found.interval.upper.map(exp),
    });
    let ratio = found.map(|found| exp(found.value));
    let quantity: Quantity = place.quantity(term, &format!("{begin}hazard_ratio"), ratio, method);
    assembly.push(quantity.with_interval(interval, confidence));
    let p_value = found.map(|found| found.p_value);
    assembly.push(place.quantity(term, &format!("{begin}p_value"), p_value, method));
}

/// The p-value of Cochran's Q below which sites differ; it has little power with few of them.
const HETEROGENEOUS_BELOW: f64 = 0.1;

fn heterogeneous(assembly: &Assembly, endpoint: &str, pooled: &PooledSites) -> Vec<Caveat> {
    let differs = pooled.p_value.is_ok_and(|p| p < HETEROGENEOUS_BELOW);
    let message = format!(
        "{endpoint}, {}: the hazard ratios of the sites differ by more than chance explains (Cochran's \
         Q, P below {HETEROGENEOUS_BELOW}).",
        population_label(assembly.pipeline.main_population()).to_lowercase()
    );
    differs.then(|| Caveat::new(CaveatCode::Heterogeneity, message)).into_iter().collect()
}

/// That the limits of the primary ratio exclude 1 and those without one site do not, or the other way
/// round.
fn driven(
    assembly: &Assembly,
    place: &Place,
    (site, level): (&Variable, &str),
    ids: [&String; 2],
) -> Option<Caveat> {
    let excludes = |id: &String| {
        let known = assembly.quantities.iter().find(|quantity| quantity.id == *id)?;
        let limits = known.interval?;
        Some(limits.lower? > 1.0 || limits.upper? < 1.0)
    };
    let [all, others] = [excludes(ids[0])?, excludes(ids[1])?];
    let message = format!(
        "{}, {}: {} {} drives the result: the limits of the hazard ratio of the primary model {} 1, \
         those of the same model without this site {}.",
        place.endpoint,
        population_label(population_of(&place.population)).to_lowercase(),
        site.label,
        level_label(site, level),
        if all { "exclude" } else { "include" },
        if all { "include it" } else { "exclude it" },
    );
    (all != others).then(|| Caveat::new(CaveatCode::Heterogeneity, message))
}
