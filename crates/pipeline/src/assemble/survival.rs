//! Curves, medians, landmark rates, follow-up and the comparison of the arms.

use super::{Assembly, Place, WHOLE};
use crate::plan::{LOG_RANK, LOG_RANK_BY_PAIR, ROBUST_SCORE, key};
use crate::question::Answer;
use crate::terms::{interval_name, interval_rule, quantile_name, quantile_rule};
use ::survival::{
    Comparison, Curves, GroupCurve, IntervalRule, Quantile, QuantileRule, RestrictedMean,
    SurvivalAt,
};
use cohort::{Caveat, CaveatCode, Estimate, NotEstimable};
use numerics::sum::sum;
use numerics::tails::ln_chi_squared_sf;
use study::protocol::{self, ComparisonTest, Population};
use study::result::{Curve, Quantity, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    let arms = Groups::arms(assembly);
    let endpoints: Vec<String> =
        assembly.pipeline.protocol().endpoints.iter().map(|known| known.id.clone()).collect();
    for endpoint in &endpoints {
        for population in assembly.pipeline.main_populations() {
            let place = Place::new(endpoint, population.id(), "survival");
            curves(assembly, &place, population.id(), &arms);
            follow_up(assembly, endpoint, population, &arms);
            log_rank(assembly, endpoint, population.id(), population.id(), &arms);
            if population == Population::Matched {
                stratified_log_rank(assembly, endpoint, &arms);
            }
        }
    }
}

/// The levels by which curves are drawn, in the order of the report.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// Column of the levels.
    pub column: String,
    /// Level and what readers call it.
    pub levels: Vec<(String, String)>,
}

impl Groups {
    /// The two arms, the exposed first.
    pub(super) fn arms(assembly: &Assembly) -> Self {
        let exposure = &assembly.pipeline.protocol().exposure;
        Self {
            column: exposure.column.clone(),
            levels: exposure.arms().map(|arm| (arm.value.clone(), arm.label.clone())).to_vec(),
        }
    }

    fn term(&self, level: &str) -> String {
        id::level(&self.column, level)
    }
}

/// Numbers and curves of every group; `asked` is the population as the questions name it.
pub(super) fn curves(assembly: &mut Assembly, place: &Place, asked: &str, groups: &Groups) {
    let rules = assembly.pipeline.protocol().survival.interval.clone();
    for (index, &rule) in rules.iter().enumerate() {
        let key = key::curves(&place.endpoint, asked, interval_name(interval_rule(rule)));
        let answer = match assembly.answer(&key) {
            Ok(Answer::Curves(curves)) => Ok(curves.clone()),
            Ok(_) => Err(NotEstimable::NotDefined),
            Err(reason) => Err(reason),
        };
        for (level, label) in &groups.levels {
            let term = groups.term(level);
            match group(&answer, Some(level)) {
                Ok(found) if index == 0 => {
                    group_numbers(assembly, place, &term, found);
                    rates(assembly, place, &term, found, interval_rule(rule));
                    assembly.curves.push(curve(assembly, place, &term, label, found, rule));
                }
                Ok(found) => rates(assembly, place, &term, found, interval_rule(rule)),
                Err(reason) if index == 0 => {
                    assembly.push(place.quantity(&term, "n", Err(reason), "count"));
                }
                Err(_) => {}
            }
        }
    }
}

/// The group of a level, or of everyone.
fn group<'a>(answer: &'a Estimate<Curves>, level: Option<&str>) -> Estimate<&'a GroupCurve> {
    let curves = answer.as_ref().map_err(|reason| *reason)?;
    let found = curves.groups.iter().find(|group| group.group.as_deref() == level);
    found.ok_or(NotEstimable::NoSubjects)
}

/// The curve in words.
fn estimator(assembly: &Assembly, place: &Place) -> &'static str {
    match assembly.has_weights(&place.population) {
        true => "weighted Kaplan-Meier",
        false => "Kaplan-Meier",
    }
}

/// The standard error of a curve in words.
fn error_of_curve(assembly: &Assembly, place: &Place) -> &'static str {
    let population = &place.population;
    match (assembly.has_weights(population), assembly.robust(population)) {
        (true, "set-robust") => "standard error by the infinitesimal jackknife, sets as clusters",
        (true, _) => "standard error by the infinitesimal jackknife",
        (false, _) => "Greenwood's standard error",
    }
}

fn group_numbers(assembly: &mut Assembly, place: &Place, term: &str, group: &GroupCurve) {
    // How a curve ends is a doubt about what is read off it, not about the number of patients.
    let ends_on_event = |caveat: &Caveat| caveat.code == CaveatCode::CurveEndsOnEvent;
    let (of_end, of_group): (Vec<Caveat>, Vec<Caveat>) =
        of_group(group).into_iter().partition(ends_on_event);
    let (of_end, of_group) = match group.quantiles.is_empty() {
        true => (Vec::new(), [of_group, of_end].concat()),
        false => (of_end, of_group),
    };
    assembly.push(place.count(term, "n", group.n).with_caveats(of_group));
    assembly.push(place.count(term, "n_events", group.n_events));
    if let Some(weighted) = &group.curve.weighted {
        let everybody = weighted.events.iter().chain(&weighted.censored).copied();
        let sums = [
            ("weighted_n", sum(everybody)),
            ("weighted_n_events", sum(weighted.events.iter().copied())),
        ];
        for (name, value) in sums {
            assembly.push(place.quantity(term, name, Ok(value), "sum of the weights"));
        }
    }
    for quantile in &group.quantiles {
        let mut quantity = median(assembly, place, term, quantile, estimator(assembly, place));
        quantity.caveats.extend(of_end.iter().cloned());
        assembly.push(quantity);
        if let Some(error) = quantile.standard_error {
            let name = format!("median_{}_standard_error", quantile_name(quantile.rule));
            let method =
                format!("{} over the density at the median", error_of_curve(assembly, place));
            let quantity = place.quantity(term, &name, error, &method);
            let unit = assembly.time_unit();
            assembly.push(quantity.in_unit(unit));
        }
    }
    for mean in &group.restricted_means {
        restricted_mean(assembly, place, term, mean);
    }
}

/// The doubts about a group that are not those of one of its numbers, which carry their own.
fn of_group(group: &GroupCurve) -> Vec<Caveat> {
    let at_times = group.at_times.iter().flat_map(|at| &at.caveats);
    let means = group.restricted_means.iter().flat_map(|mean| &mean.caveats);
    let quantiles = group.quantiles.iter().flat_map(|quantile| &quantile.caveats);
    let of_numbers: Vec<&Caveat> = at_times.chain(means).chain(quantiles).collect();
    group.caveats.iter().filter(|caveat| !of_numbers.contains(caveat)).cloned().collect()
}

fn median(
    assembly: &Assembly,
    place: &Place,
    term: &str,
    quantile: &Quantile,
    estimator: &str,
) -> Quantity {
    let name = format!("median_{}", quantile_name(quantile.rule));
    let method = match quantile.rule {
        QuantileRule::Spss => {
            format!("{estimator} median, limits by the SPSS rule (median ± z SE)")
        }
        QuantileRule::Curve(rule) => format!(
            "{estimator} median, limits where the {} limits of the curve cross one half",
            interval_name(rule)
        ),
    };
    place
        .quantity(term, &name, quantile.value, &method)
        .with_interval(quantile.interval, assembly.pipeline.confidence())
        .in_unit(assembly.time_unit())
        .with_caveats(quantile.caveats.clone())
}

fn restricted_mean(assembly: &mut Assembly, place: &Place, term: &str, mean: &RestrictedMean) {
    let unit = assembly.time_unit();
    let id = place.id_at(term, "restricted_mean", mean.tau);
    let curve = estimator(assembly, place);
    let method = format!("area under the {curve} curve up to the horizon, mean ± z SE");
    let quantity = Quantity::new(id, mean.mean, method)
        .with_interval(mean.interval, assembly.pipeline.confidence());
    assembly.push(quantity.in_unit(unit).with_caveats(mean.caveats.clone()));
    let id = place.id_at(term, "restricted_mean_standard_error", mean.tau);
    let method = match assembly.has_weights(&place.population) {
        true => "robust standard error of the restricted mean",
        false => "standard error of the restricted mean",
    };
    assembly.push(Quantity::new(id, mean.standard_error, method).in_unit(unit));
}

fn rates(
    assembly: &mut Assembly,
    place: &Place,
    term: &str,
    group: &GroupCurve,
    rule: IntervalRule,
) {
    let is_first = assembly
        .pipeline
        .protocol()
        .survival
        .interval
        .first()
        .is_some_and(|&first| interval_rule(first) == rule);
    for at in &group.at_times {
        rate(assembly, place, term, at, rule);
        if is_first {
            let n_at_risk = Quantity::count(place.id_at(term, "n_at_risk", at.time), at.n_at_risk);
            assembly.push(n_at_risk);
            let id = place.id_at(term, "survival_standard_error", at.time);
            let method = error_of_curve(assembly, place);
            assembly.push(Quantity::new(id, at.standard_error, method));
            if let Some(weighted) = at.weighted {
                let id = place.id_at(term, "weighted_n_at_risk", at.time);
                assembly.push(Quantity::new(
                    id,
                    Ok(weighted.at_risk),
                    "sum of the weights at risk",
                ));
            }
        }
    }
}

fn rate(assembly: &mut Assembly, place: &Place, term: &str, at: &SurvivalAt, rule: IntervalRule) {
    let name = interval_name(rule);
    let method = format!("{} survival, {name} limits", estimator(assembly, place));
    let id = place.id_at(term, &format!("survival_{name}"), at.time);
    let quantity = Quantity::new(id, at.survival, method);
    let confidence = assembly.pipeline.confidence();
    let quantity = quantity.with_interval(at.interval, confidence);
    assembly.push(quantity.with_caveats(at.caveats.clone()));
}

fn curve(
    assembly: &Assembly,
    place: &Place,
    term: &str,
    label: &str,
    group: &GroupCurve,
    rule: protocol::IntervalRule,
) -> Curve {
    let curve = &group.curve;
    Curve {
        id: id::curve(&place.endpoint, &place.population, term),
        label: label.into(),
        interval: rule,
        confidence: assembly.pipeline.confidence(),
        n: group.n,
        time: curve.time.clone(),
        n_at_risk: curve.n_at_risk.clone(),
        n_events: curve.n_events.clone(),
        n_censored: curve.n_censored.clone(),
        survival: curve.survival.clone(),
        lower: curve.interval.iter().map(|limits| limits.lower.ok()).collect(),
        upper: curve.interval.iter().map(|limits| limits.upper.ok()).collect(),
    }
}

const FOLLOW_UP: &str = "reverse Kaplan-Meier median";

fn follow_up(assembly: &mut Assembly, endpoint: &str, population: Population, arms: &Groups) {
    let place = Place::new(endpoint, population.id(), "followup");
    for by_arm in [false, true] {
        let key = key::follow_up(endpoint, population.id(), by_arm);
        let answer = match assembly.answer(&key) {
            Ok(Answer::Curves(curves)) => Ok(curves.clone()),
            Ok(_) => Err(NotEstimable::NotDefined),
            Err(reason) => Err(reason),
        };
        let everyone = [(None, WHOLE.to_string())];
        let levels: Vec<(Option<&str>, String)> = if by_arm {
            arms.levels.iter().map(|(level, _)| (Some(level.as_str()), arms.term(level))).collect()
        } else {
            everyone.to_vec()
        };
        for (level, term) in levels {
            match group(&answer, level) {
                Ok(group) => {
                    let estimator = match assembly.has_weights(population.id()) {
                        true => "weighted reverse Kaplan-Meier",
                        false => "reverse Kaplan-Meier",
                    };
                    for quantile in group.quantiles.iter().filter(|known| is_median(known)) {
                        let quantity = median(assembly, &place, &term, quantile, estimator);
                        assembly.push(quantity);
                    }
                    quartiles(assembly, &place, &term, group, estimator);
                }
                Err(reason) => {
                    let rules = assembly.pipeline.protocol().survival.followup_ci.clone();
                    for rule in rules.into_iter().map(quantile_rule) {
                        let name = format!("median_{}", quantile_name(rule));
                        assembly.push(place.quantity(&term, &name, Err(reason), FOLLOW_UP));
                    }
                }
            }
        }
    }
}

fn is_median(quantile: &Quantile) -> bool {
    quantile.probability == 0.5
}

/// Between which times half of the patients were followed, by the first rule of the protocol.
fn quartiles(
    assembly: &mut Assembly,
    place: &Place,
    term: &str,
    group: &GroupCurve,
    estimator: &str,
) {
    let unit = assembly.time_unit();
    for (name, probability) in [("q1", 0.25), ("q3", 0.75)] {
        let found = group.quantiles.iter().find(|known| known.probability == probability);
        let value = found.map_or(Err(NotEstimable::NotDefined), |known| known.value);
        let method = format!("{estimator} quartile");
        assembly.push(place.quantity(term, name, value, &method).in_unit(unit));
    }
}

/// The log-rank test of the groups of a population; `asked` is its name in the questions.
pub(super) fn log_rank(
    assembly: &mut Assembly,
    endpoint: &str,
    population: &str,
    asked: &str,
    groups: &Groups,
) {
    if assembly.has_weights(population) {
        return robust_score(assembly, endpoint, population, asked, groups);
    }
    let key = key::comparison(endpoint, asked, LOG_RANK);
    let place = Place::new(endpoint, population, LOG_RANK);
    comparison(assembly, &place, &key, groups, "log-rank test");
}

/// What stands in the place of the log-rank test where patients have weights.
fn robust_score(
    assembly: &mut Assembly,
    endpoint: &str,
    population: &str,
    asked: &str,
    groups: &Groups,
) {
    let place = Place::new(endpoint, population, ROBUST_SCORE);
    let answer = match assembly.answer(&key::comparison(endpoint, asked, ROBUST_SCORE)) {
        Ok(Answer::Cox(fit)) => fit.robust_score_test.ok_or(NotEstimable::NotDefined),
        Ok(_) => Err(NotEstimable::NotDefined),
        Err(reason) => Err(reason),
    };
    let method = format!(
        "score test of the weighted Cox model of the groups alone, {} variance",
        assembly.robust(population)
    );
    let term = id::part(&groups.column);
    let chi_squared = answer.and_then(|test| test.chi_squared);
    let df = answer.map(|test| test.degrees_of_freedom);
    let ln_p_value = chi_squared.and_then(|statistic| Ok(ln_chi_squared_sf(statistic, df?)));
    let quantities = [
        ("chi_squared", chi_squared),
        ("df", df.map(|df| df as f64)),
        ("p_value", answer.and_then(|test| test.p_value)),
        ("ln_p_value", ln_p_value),
    ];
    for (name, estimate) in quantities {
        assembly.push(place.quantity(&term, name, estimate, &method));
    }
}

fn stratified_log_rank(assembly: &mut Assembly, endpoint: &str, arms: &Groups) {
    let tests = &assembly.pipeline.protocol().survival.tests;
    if !tests.contains(&ComparisonTest::LogRankStratifiedByPair) {
        return;
    }
    let population = Population::Matched.id();
    let key = key::comparison(endpoint, population, LOG_RANK_BY_PAIR);
    let place = Place::new(endpoint, population, LOG_RANK_BY_PAIR);
    let method = "log-rank test stratified by matched pair (conditional on the pairs)";
    comparison(assembly, &place, &key, arms, method);
}

fn comparison(assembly: &mut Assembly, place: &Place, key: &str, groups: &Groups, method: &str) {
    let answer: Estimate<Comparison> = match assembly.answer(key) {
        Ok(Answer::Compare(comparison)) => Ok(comparison.clone()),
        Ok(_) => Err(NotEstimable::NotDefined),
        Err(reason) => Err(reason),
    };
    let term = id::part(&groups.column);
    let of = |read: fn(&Comparison) -> Estimate| answer.as_ref().map_or_else(|e| Err(*e), read);
    let chi_squared = place.quantity(&term, "chi_squared", of(|test| test.chi_squared), method);
    assembly.push(chi_squared);
    let df = of(|test| Ok(test.degrees_of_freedom as f64));
    assembly.push(place.quantity(&term, "df", df, method));
    let caveats = answer.as_ref().map_or_else(|_| Vec::new(), |test| test.caveats.clone());
    let p_value = place.quantity(&term, "p_value", of(|test| test.p_value), method);
    assembly.push(p_value.with_caveats(caveats));
    assembly.push(place.quantity(&term, "ln_p_value", of(|test| test.ln_p_value), method));
    let is_compared = |level: &String| groups.levels.iter().any(|(compared, _)| compared == level);
    let compared = answer.iter().flat_map(|test| &test.groups);
    for group in compared.filter(|group| is_compared(&group.group)) {
        let term = groups.term(&group.group);
        assembly.push(place.quantity(&term, "observed", Ok(group.observed), "observed events"));
        let method = "events expected under equal hazards";
        assembly.push(place.quantity(&term, "expected", Ok(group.expected), method));
    }
}
