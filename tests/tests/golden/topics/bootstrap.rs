//! Bootstrap replicates on the exported draws, and the intervals that they make.

use super::words;
use crate::case::Case;
use crate::json::{estimate, text};
use crate::sample::Sample;
use bootstrap::{
    BootstrapLimits, Method, UnitColumns, acceleration, influence, limits, summary, units,
    without_each,
};
use cohort::{
    Cohort, Counting, Drawn, EndpointColumns, Estimate, NotEstimable, REPLICATES_AT_ONCE,
    Replicated, Selection, Statistic, Term,
};
use cox::{CoxQuery, CoxStatistic};
use serde_json::{Value, json};
use survival::{Measure, SurvivalQuantity, SurvivalStatistic, SurvivalStatisticQuery};

pub fn answer(case: &Case) -> Result<Value, String> {
    let mut sample = Sample::new(case);
    let endpoint = sample.add_endpoint(&case.input);
    let group = sample.add_group(&case.input);
    let all = sample.complete();
    let cohort = &sample.cohort;
    let what = text(&case.input["statistic"]);
    if what.starts_with("log hazard ratio") {
        let term = Term::factor(group.ok_or("the case has no group")?);
        let query = CoxQuery::new(endpoint, vec![term]);
        let statistic = CoxStatistic::read(cohort, &all, &query).map_err(words)?;
        return of_statistic(case, cohort, &all, &statistic);
    }
    let statistic = survival(case, cohort, &all, endpoint, group)?;
    of_statistic(case, cohort, &all, &statistic)
}

fn survival(
    case: &Case,
    cohort: &Cohort,
    all: &Selection,
    endpoint: EndpointColumns,
    group: Option<String>,
) -> Result<SurvivalStatistic, String> {
    let quantity = match (&group, case.input["tau"].as_f64()) {
        (Some(column), Some(tau)) => {
            let levels = cohort.categories(column, all).map_err(words)?.levels;
            let [reference, group] = &levels[..] else { return Err("two groups differ".into()) };
            SurvivalQuantity::Difference {
                measure: Measure::RestrictedMean { tau },
                group: group.clone(),
                reference: reference.clone(),
            }
        }
        _ => {
            let measure = Measure::Quantile { probability: 0.5 };
            SurvivalQuantity::Of { measure, group: None }
        }
    };
    let query = SurvivalStatisticQuery { endpoint, group, quantities: vec![quantity] };
    SurvivalStatistic::read(cohort, all, &query).map_err(words)
}

fn of_statistic<S: Statistic>(
    case: &Case,
    cohort: &Cohort,
    all: &Selection,
    statistic: &S,
) -> Result<Value, String> {
    let strata = case.input["strata_of_resampling"].as_str().map(String::from);
    let columns = UnitColumns { unit: None, strata: strata.into_iter().collect() };
    let units = units(cohort, all, &columns).map_err(words)?;
    let as_r = |replicated: Replicated| match replicated.value {
        // The file puts 0 for a median that is not reached.
        Ok(value) if value.is_infinite() => Replicated::value(Ok(0.0)),
        _ => replicated,
    };
    let whole = evaluated(statistic, &Drawn::sample(all.len()));
    let sample = as_r(whole[0]);
    let replicates: Vec<Replicated> = (draws(case, all.len()).iter())
        .flat_map(|drawn| evaluated(statistic, drawn))
        .map(as_r)
        .collect();
    let without = without_each(statistic, &units, 0..units.n_units());
    let influence = influence(&whole, &without, &units).swap_remove(0);
    // Nor does a median without one of the subjects exist where R has put its 0.
    let influence = influence.or_else(|reason| jackknife_as_r(statistic, reason));
    let acceleration = influence.as_ref().map_err(|&reason| reason).and_then(|l| acceleration(l));
    let study = Study { sample, replicates: &replicates, acceleration };
    let values = |of: fn(&Replicated) -> Option<f64>| -> Vec<Option<f64>> {
        replicates.iter().map(of).collect()
    };
    let variances = values(|replicate| replicate.variance);
    Ok(json!({
        "n": all.len(),
        "t0": estimate(&sample.value),
        "t0_variance": sample.variance,
        "t": values(|replicate| replicate.value.ok()),
        "t_variance": variances.iter().all(Option::is_some).then_some(variances),
        "jackknife_influence": influence.ok(),
        "full": study.full()?,
        "first_199": study.first(199)?,
    }))
}

/// Influences with 0 for a median that is not reached.
fn jackknife_as_r<S: Statistic>(statistic: &S, reason: NotEstimable) -> Estimate<Vec<f64>> {
    let n = statistic.n_subjects();
    let median = |drawn: &Drawn| {
        evaluated(statistic, drawn)[0]
            .value
            .map(|value| if value.is_infinite() { 0.0 } else { value })
    };
    if reason != NotEstimable::NotReached {
        return Err(reason);
    }
    let whole = median(&Drawn::sample(n))?;
    let without = |subject: usize| {
        let mut drawn = Drawn::sample(n);
        drawn.counts[subject][0] = 0.0;
        Ok((n as f64 - 1.0) * (whole - median(&drawn)?))
    };
    (0..n).map(without).collect()
}

/// The exported draws, eight at a time.
fn draws(case: &Case, n_subjects: usize) -> Vec<Drawn> {
    let indices = case.expect["indices_1_based"].as_array().cloned().unwrap_or_default();
    let drawn = |replicates: &[Value]| {
        let mut counts = vec![[0.0; REPLICATES_AT_ONCE]; n_subjects];
        for (lane, replicate) in replicates.iter().enumerate() {
            for index in replicate.as_array().into_iter().flatten().filter_map(Value::as_u64) {
                counts[index as usize - 1][lane] += 1.0;
            }
        }
        Drawn { counts, n_replicates: replicates.len(), counting: Counting::Subjects }
    };
    indices.chunks(REPLICATES_AT_ONCE).map(drawn).collect()
}

fn evaluated<S: Statistic>(statistic: &S, drawn: &Drawn) -> Vec<Replicated> {
    let mut answers = vec![Replicated::value(Err(NotEstimable::NotDefined)); drawn.n_replicates];
    statistic.evaluate(drawn, &mut statistic.scratch(), &mut answers);
    answers
}

struct Study<'a> {
    sample: Replicated,
    replicates: &'a [Replicated],
    acceleration: Estimate,
}

impl Study<'_> {
    fn limits(&self, n: usize, method: Method, confidence: f64) -> Result<BootstrapLimits, String> {
        limits(self.sample, &self.replicates[..n], method, confidence).map_err(words)
    }

    fn bca(&self) -> Method {
        Method::Bca { acceleration: self.acceleration }
    }

    fn full(&self) -> Result<Value, String> {
        let n = self.replicates.len();
        let summary = summary(self.sample.value, self.replicates);
        Ok(json!({
            "R": n,
            "conf_0.95": self.intervals(n, 0.95)?,
            "conf_0.9": self.intervals(n, 0.9)?,
            "z0": estimate(&summary.bias_correction),
            "acceleration_jackknife": self.acceleration.ok(),
            "bias": estimate(&summary.bias),
            "sd": estimate(&summary.standard_error),
        }))
    }

    fn intervals(&self, n: usize, confidence: f64) -> Result<Value, String> {
        let percentile = self.limits(n, Method::Percentile, confidence)?;
        let bca = self.limits(n, self.bca(), confidence)?;
        let of = |method| self.limits(n, method, confidence).map(|found| pair(&found));
        let mut intervals = json!({
            "basic": of(Method::Basic)?,
            "percentile": pair(&percentile),
            "bca_jackknife": pair(&bca),
            "percentile_ranks": ranks(&percentile, n),
            "bca_jackknife_ranks": ranks(&bca, n),
            "normal_bootstrap_sd": of(Method::Normal)?,
        });
        if self.sample.variance.is_some() {
            intervals["studentized"] = of(Method::Studentized)?;
        }
        Ok(intervals)
    }

    fn first(&self, n: usize) -> Result<Value, String> {
        let of = |method| self.limits(n, method, 0.95).map(|found| pair(&found));
        Ok(json!({
            "R": n,
            "basic": of(Method::Basic)?,
            "percentile": of(Method::Percentile)?,
            "bca_jackknife": of(self.bca())?,
        }))
    }
}

fn pair(found: &BootstrapLimits) -> Value {
    match (found.interval.lower, found.interval.upper) {
        (Ok(lower), Ok(upper)) => json!([lower, upper]),
        _ => Value::Null,
    }
}

/// The ranks of the limits, which R rounds to two digits.
fn ranks(found: &BootstrapLimits, n: usize) -> Value {
    let rounded = |level: f64| ((n + 1) as f64 * level * 100.0).round_ties_even() / 100.0;
    found.levels.map_or(Value::Null, |levels| json!(levels.map(rounded)))
}
