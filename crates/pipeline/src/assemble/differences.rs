//! By how much the arms differ in time and in probability, beside the ratio of their hazards.

use super::{Assembly, Place};
use crate::plan::key;
use crate::question::Answer;
use crate::terms::quantile_name;
use ::survival::{Contrast, GroupContrasts, QuantileRule};
use cohort::{Estimate, NotEstimable};
use study::protocol::Population;
use study::result::{Quantity, id};

pub(super) fn assemble(assembly: &mut Assembly) {
    let pipeline = assembly.pipeline;
    for endpoint in &pipeline.protocol().endpoints {
        for population in pipeline.main_populations() {
            let place = Place::new(&endpoint.id, population.id(), "differences");
            of_population(assembly, &place, population);
        }
    }
}

fn of_population(assembly: &mut Assembly, place: &Place, population: Population) {
    let term = id::part(&assembly.pipeline.protocol().exposure.column);
    let answer: Estimate<GroupContrasts> =
        match assembly.answer(&key::differences(&place.endpoint, &place.population)) {
            Ok(Answer::Contrast(found)) => {
                found.contrasts.first().cloned().ok_or(NotEstimable::NotDefined)
            }
            Ok(_) => Err(NotEstimable::NotDefined),
            Err(reason) => Err(reason),
        };
    let writer = Writer { place, term, variance: variance(assembly, population) };
    match answer {
        Ok(found) => writer.all(assembly, &found),
        Err(reason) => {
            assembly.push(place.quantity(&writer.term, "median_difference", Err(reason), MEDIAN));
        }
    }
}

const MEDIAN: &str = "difference of the medians, exposed minus comparator";

/// The variance of survival and restricted means in words: pairs, sets and weights have a robust one.
fn variance(assembly: &Assembly, population: Population) -> String {
    match assembly.pipeline.protocol().adjusted() == Some(population) {
        true => format!("{} variance", assembly.robust(population.id())),
        false => "Greenwood's variance".into(),
    }
}

/// Writes differences and ratios into the result.
struct Writer<'a> {
    place: &'a Place,
    term: String,
    variance: String,
}

impl Writer<'_> {
    fn all(&self, assembly: &mut Assembly, found: &GroupContrasts) {
        for median in &found.quantiles {
            let rule = quantile_name(median.rule);
            let method = match median.rule {
                QuantileRule::Spss => "Wald with the standard errors of the SPSS rule",
                QuantileRule::Curve(_) => "limits recovered from those of both medians",
            };
            self.pair(
                assembly,
                ("median", Some(rule)),
                None,
                method,
                [median.difference, median.ratio],
            );
        }
        let method = format!("Wald, {}", self.variance);
        for at in &found.at_times {
            let contrasts = [at.difference, at.ratio];
            self.pair(assembly, ("survival", None), Some(at.time), &method, contrasts);
            let id = self.id(("survival", None), "difference_log_log_p_value", Some(at.time));
            let method = format!("Wald on the scale of log(-log S), {}", self.variance);
            assembly.push(Quantity::new(id, at.log_log_p_value, method));
        }
        for mean in &found.restricted_means {
            // Without horizons in the protocol there is one of the data's own, which nobody asked for.
            if assembly.pipeline.protocol().survival.restricted_mean.contains(&mean.tau) {
                let contrasts = [mean.difference, mean.ratio];
                let name = ("restricted_mean", None);
                self.pair(assembly, name, Some(mean.tau), &method, contrasts);
            }
        }
    }

    /// A difference and a ratio with their p-values.
    fn pair(
        &self,
        assembly: &mut Assembly,
        name: (&str, Option<&str>),
        time: Option<f64>,
        method: &str,
        contrasts: [Contrast; 2],
    ) {
        let confidence = assembly.pipeline.confidence();
        for (contrast, kind) in contrasts.into_iter().zip(["difference", "ratio"]) {
            let method = format!("{kind} of exposed and comparator, {method}");
            let id = self.id(name, kind, time);
            let mut quantity = Quantity::new(id, contrast.estimate, &method)
                .with_interval(contrast.interval, confidence);
            if kind == "difference" && name.0 != "survival" {
                quantity = quantity.in_unit(assembly.time_unit());
            }
            assembly.push(quantity);
            if let Some(p_value) = contrast.p_value {
                let id = self.id(name, &format!("{kind}_p_value"), time);
                assembly.push(Quantity::new(id, p_value, &method));
            }
        }
    }

    /// `survival_difference@12`, `median_difference_p_value_log`.
    fn id(&self, (measure, rule): (&str, Option<&str>), kind: &str, time: Option<f64>) -> String {
        let rule = rule.map_or(String::new(), |rule| format!("_{rule}"));
        let name = format!("{measure}_{kind}{rule}");
        match time {
            Some(time) => self.place.id_at(&self.term, &name, time),
            None => self.place.id(&self.term, &name),
        }
    }
}
