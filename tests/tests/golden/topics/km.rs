//! Survival curves.

use super::words;
use crate::case::Case;
use crate::json::{estimate, list, lower, numbers, upper, with_limits};
use crate::sample::Sample;
use cohort::{Cohort, Estimate, Interval, NotEstimable, Selection, WeightColumn, WeightKind};
use serde_json::{Map, Value, json};
use survival::{
    BeyondLastTime, Contrast, ContrastsQuery, CumulativeHazard, CurvesQuery, GroupCurve,
    HazardEstimator, IntervalRule, Quantile, QuantileRule, SurvivalAt, SurvivalCurve, Variance,
    contrasts, curves,
};

/// The rules of the golden files by their names there.
pub const RULES: [(&str, IntervalRule); 5] = [
    ("plain", IntervalRule::Plain),
    ("log", IntervalRule::Log),
    ("log-log", IntervalRule::LogLog),
    ("logit", IntervalRule::Logit),
    ("arcsin", IntervalRule::Arcsin),
];

pub fn answer(case: &Case) -> Result<Value, String> {
    let input = &case.input;
    let mut sample = Sample::new(case);
    let endpoint = sample.add_endpoint(input);
    let group = sample.add_group(input);
    let [weights, cluster] = ["weights", "cluster"].map(|name| sample.add_all(&input[name]).pop());
    let sampling = |column: String| WeightColumn { column, kind: WeightKind::Sampling };
    let selection = sample.complete();
    let quantile_rules = RULES
        .iter()
        .map(|(_, rule)| QuantileRule::Curve(*rule))
        .chain([QuantileRule::Spss])
        .collect();
    let query = CurvesQuery {
        group,
        start_time: input["start_time"].as_f64(),
        weights: weights.map(sampling),
        cluster,
        variance: (input["robust"] == true).then_some(Variance::InfinitesimalJackknife),
        hazards: vec![HazardEstimator::NelsonAalen, HazardEstimator::FlemingHarrington],
        reverse: input["reverse"] == true,
        confidence: input["conf_level"].as_f64().unwrap_or(0.95),
        quantiles: vec![0.25, 0.5, 0.75],
        quantile_rules,
        times: numbers(&input["at_times"]),
        restricted_mean_times: numbers(&input["tau"]),
        ..CurvesQuery::new(endpoint)
    };
    let by_rule = RULES
        .iter()
        .map(|(name, interval)| {
            let query = CurvesQuery { interval: *interval, ..query.clone() };
            Ok((*name, curves(&sample.cohort, &selection, &query).map_err(words)?.groups))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let n_groups = by_rule[0].1.len();
    let groups = (0..n_groups).map(|index| {
        let of_group = by_rule.iter().map(|(name, groups)| (*name, &groups[index]));
        group_answer(&of_group.collect::<Vec<_>>())
    });
    let mut answer = json!({
        "n_used": selection.len(),
        "n_dropped_missing": sample.table.len() - selection.len(),
        "groups": groups.collect::<Vec<_>>(),
    });
    if n_groups == 2 && !query.restricted_mean_times.is_empty() {
        answer["rmst_difference"] = mean_differences(&sample.cohort, &selection, &query)?;
    }
    Ok(answer)
}

/// Differences of the restricted means of two groups, the second less the first.
fn mean_differences(
    cohort: &Cohort,
    selection: &Selection,
    query: &CurvesQuery,
) -> Result<Value, String> {
    let query = ContrastsQuery {
        confidence: query.confidence,
        restricted_mean_times: query.restricted_mean_times.clone(),
        beyond_last_time: BeyondLastTime::CarryForward,
        ..ContrastsQuery::new(query.endpoint.clone(), query.group.as_deref().unwrap_or_default())
    };
    let answer = contrasts(cohort, selection, &query).map_err(words)?;
    Ok(list(&answer.contrasts[0].restricted_means, |mean| {
        let Contrast { estimate: difference, standard_error, interval, p_value } = mean.difference;
        let known = |part: Option<Estimate>| part.unwrap_or(Err(NotEstimable::NotDefined));
        let standard_error = known(standard_error);
        json!({
            "tau": mean.tau,
            "second_minus_first": estimate(&difference),
            "se": estimate(&standard_error),
            "lower": estimate(&interval.lower),
            "upper": estimate(&interval.upper),
            "z": estimate(&difference.and_then(|x| Ok(x / standard_error?))),
            "p": estimate(&known(p_value)),
        })
    }))
}

/// One group, whose curve was asked for once per interval rule.
pub fn group_answer(by_rule: &[(&str, &GroupCurve)]) -> Value {
    let group = by_rule[0].1;
    let curve = &group.curve;
    let [n_risk, n_event, n_censor] = sums(curve);
    let mut answer = json!({
        "label": group.group.as_deref().unwrap_or("all"),
        "n": group.n,
        "events": n_event.iter().sum::<f64>(),
        "time": curve.time,
        "n_risk": n_risk,
        "n_event": n_event,
        "n_censor": n_censor,
        "surv": curve.survival,
        "se": list(&curve.standard_error, estimate),
        "ci": limits(by_rule.iter().map(|(name, group)| (*name, group.curve.interval.clone()))),
        "quantiles": quantiles(group),
        "median_print": medians(group),
        "spss_quantiles": of_rule(group, QuantileRule::Spss).map(spss).collect::<Vec<_>>(),
        "at_times": at_times(by_rule),
        "rmst": list(&group.restricted_means, |mean| json!({
            "tau": mean.tau,
            "rmst": estimate(&mean.mean),
            "se": estimate(&mean.standard_error),
        })),
    });
    for hazard in &group.hazards {
        let (name, fields) = cumulative_hazard(hazard);
        answer[name] = fields;
    }
    answer
}

/// Those at risk, with an event and censored at each time: counts, or sums of weights.
fn sums(curve: &SurvivalCurve) -> [Vec<f64>; 3] {
    let numbers = |counts: &[usize]| counts.iter().map(|&count| count as f64).collect();
    match curve.weighted.clone() {
        Some(sums) => [sums.at_risk, sums.events, sums.censored],
        None => [&curve.n_at_risk, &curve.n_events, &curve.n_censored].map(|n| numbers(n)),
    }
}

fn cumulative_hazard(hazard: &CumulativeHazard) -> (&'static str, Value) {
    let name = match hazard.estimator {
        HazardEstimator::NelsonAalen => "nelson_aalen",
        HazardEstimator::FlemingHarrington => "fleming_harrington",
    };
    let fields = json!({
        "cumhaz": hazard.hazard,
        "se": list(&hazard.standard_error, estimate),
        "surv_exp": hazard.survival,
    });
    (name, fields)
}

fn limits<'a>(by_rule: impl Iterator<Item = (&'a str, Vec<Interval>)>) -> Value {
    let limits = |(name, intervals): (&str, Vec<Interval>)| {
        (name.to_string(), json!({"lower": lower(&intervals), "upper": upper(&intervals)}))
    };
    Value::Object(by_rule.map(limits).collect())
}

fn of_rule(group: &GroupCurve, rule: QuantileRule) -> impl Iterator<Item = &Quantile> {
    group.quantiles.iter().filter(move |quantile| quantile.rule == rule)
}

fn quantiles(group: &GroupCurve) -> Value {
    let mut fields = Map::new();
    fields.insert("p".into(), json!([0.25, 0.5, 0.75]));
    for (name, rule) in RULES {
        let quantiles: Vec<&Quantile> = of_rule(group, QuantileRule::Curve(rule)).collect();
        let entry = json!({
            "estimate": list(&quantiles, |quantile| estimate(&quantile.value)),
            "lower": list(&quantiles, |quantile| estimate(&quantile.interval.lower)),
            "upper": list(&quantiles, |quantile| estimate(&quantile.interval.upper)),
        });
        fields.insert(name.into(), entry);
    }
    Value::Object(fields)
}

/// The medians with their limits, by rule.
pub fn medians(group: &GroupCurve) -> Value {
    let median = |(name, rule): (&str, IntervalRule)| {
        let median = of_rule(group, QuantileRule::Curve(rule)).find(|q| q.probability == 0.5)?;
        Some((name.to_string(), with_limits(&median.value, &median.interval)))
    };
    Value::Object(RULES.into_iter().filter_map(median).collect())
}

fn spss(quantile: &Quantile) -> Value {
    let undefined = Err(NotEstimable::NotDefined);
    json!({
        "p": quantile.probability,
        "estimate": estimate(&quantile.value),
        "se": estimate(&quantile.standard_error.unwrap_or(undefined)),
        "lower": estimate(&quantile.interval.lower),
        "upper": estimate(&quantile.interval.upper),
    })
}

fn at_times(by_rule: &[(&str, &GroupCurve)]) -> Value {
    let at_times = &by_rule[0].1.at_times;
    let is_beyond = |at: &SurvivalAt| at.survival == Err(NotEstimable::BeyondFollowUp);
    let intervals = |group: &GroupCurve| group.at_times.iter().map(|at| at.interval).collect();
    json!({
        "times": list(at_times, |at| json!(at.time)),
        "n_risk": list(at_times, |at| match at.weighted {
            Some(sums) => json!(sums.at_risk),
            None => json!(at.n_at_risk),
        }),
        "cum_event": list(at_times, |at| match at.weighted {
            Some(sums) => json!(sums.events),
            None => json!(at.n_events),
        }),
        "surv": list(at_times, |at| estimate(&at.survival)),
        "se": list(at_times, |at| estimate(&at.standard_error)),
        "beyond_last_time": list(at_times, |at| json!(is_beyond(at))),
        "ci": limits(by_rule.iter().map(|(name, group)| (*name, intervals(group)))),
    })
}

/// The golden values as our rules read them, where R disagrees with itself or repeats itself:
/// survival beyond the last time is not available, and a quantile is the one that it prints. A curve
/// from a start time on counts those who are followed to it, where the file counts all rows.
pub fn by_our_rules(case: &Case) -> Value {
    let mut expect = case.expect.clone();
    for group in expect["groups"].as_array_mut().into_iter().flatten() {
        if let Some(at_times) = group.get_mut("at_times") {
            forget_beyond_last_time(at_times);
        }
        settle_quantiles(group);
        if case.has("start_time") {
            let counts = |name: &str| numbers(&group[name]).iter().sum::<f64>();
            group["n"] = json!(counts("n_event") + counts("n_censor"));
        }
    }
    expect
}

fn forget_beyond_last_time(at_times: &mut Value) {
    let beyond: Vec<usize> = match at_times.get("beyond_last_time").and_then(Value::as_array) {
        Some(flags) => (0..flags.len()).filter(|&index| flags[index] == true).collect(),
        None => return,
    };
    let mut forget = |path: &str| {
        if let Some(values) = at_times.pointer_mut(path) {
            for &index in &beyond {
                values[index] = Value::Null;
            }
        }
    };
    forget("/surv");
    forget("/se");
    for (rule, _) in RULES {
        forget(&format!("/ci/{rule}/lower"));
        forget(&format!("/ci/{rule}/upper"));
    }
}

/// Where a curve stays at a level to its end, `quantile()` in R gives the midpoint to the last time;
/// where a limit rises again, because late entry widens the risk set, it finds a later time. Ours is
/// the first time at or below the level, which `print()` in R gives too.
fn settle_quantiles(group: &mut Value) {
    let levels: Vec<f64> = numbers(&group["quantiles"]["p"]).iter().map(|p| 1.0 - p).collect();
    let times = numbers(group.get("time").unwrap_or(&Value::Null));
    for (rule, _) in RULES {
        for (part, curve) in [
            ("estimate", "/surv".to_string()),
            ("lower", format!("/ci/{rule}/lower")),
            ("upper", format!("/ci/{rule}/upper")),
        ] {
            let curve: Vec<Option<f64>> = match group.pointer(&curve).and_then(Value::as_array) {
                Some(values) => values.iter().map(Value::as_f64).collect(),
                None => continue,
            };
            for (index, &level) in levels.iter().enumerate() {
                if (rises(&curve) || ends_at(&curve, level))
                    && let Some(first) = first_at_or_below(&curve, level)
                {
                    group["quantiles"][rule][part][index] = json!(times[first]);
                }
            }
        }
    }
}

/// Values of a curve nearer than this are on one level, as in R.
const LEVEL_TOLERANCE: f64 = 1.5e-8;

fn rises(curve: &[Option<f64>]) -> bool {
    let known: Vec<f64> = curve.iter().copied().flatten().collect();
    known.windows(2).any(|pair| pair[1] > pair[0])
}

fn ends_at(curve: &[Option<f64>], level: f64) -> bool {
    curve.last().copied().flatten().is_some_and(|last| (last - level).abs() < LEVEL_TOLERANCE)
}

fn first_at_or_below(curve: &[Option<f64>], level: f64) -> Option<usize> {
    curve.iter().position(|value| value.is_some_and(|value| value < level + LEVEL_TOLERANCE))
}
