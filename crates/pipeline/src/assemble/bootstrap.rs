//! Headline numbers with limits from replicates.

use super::{Assembly, Place, WHOLE};
use crate::bootstrap::EFFECTIVE_SAMPLE_SIZES;
use crate::headline::{Headline, Headlines, interval_method};
use crate::plan::key;
use crate::question::Answer;
use crate::{BootstrappedQuantity, IntervalMethod};
use ::bootstrap::BootstrapLimits;
use ::cohort::{Caveat, CaveatCode, Estimate, Interval, NotEstimable};
use numerics::elementary::exp;
use study::protocol::{BootstrapMethod, BootstrapScope, BootstrapSection, EndpointSection};
use study::result::{BootstrapKind, BootstrapOutline, BootstrapRow, Quantity, ReplicateHistogram};

/// Above this share of their standard error the bias of replicates is more than noise.
const LARGE_BIAS: f64 = 0.25;

pub(super) fn assemble(assembly: &mut Assembly) {
    let Some(section) = assembly.pipeline.protocol().bootstrap.clone() else { return };
    let pipeline = assembly.pipeline;
    for endpoint in &pipeline.protocol().endpoints {
        for &scope in &section.scopes {
            of_scope(assembly, endpoint, &section, scope);
        }
    }
}

fn of_scope(
    assembly: &mut Assembly,
    endpoint: &EndpointSection,
    section: &BootstrapSection,
    scope: BootstrapScope,
) {
    let pipeline = assembly.pipeline;
    let Headlines { headlines, .. } = Headlines::of(pipeline, endpoint, scope);
    let answer = match assembly.answer(&key::bootstrap(&endpoint.id, scope.name())) {
        Ok(Answer::Bootstrap(answer)) => Ok(answer.clone()),
        Ok(_) => Err(NotEstimable::NotDefined),
        Err(reason) => Err(reason),
    };
    let unit = pipeline.unit(section, scope);
    let outline = BootstrapOutline {
        endpoint: endpoint.id.clone(),
        population: pipeline.main_population().id().into(),
        scope,
        unit: unit.words.into(),
        strata: unit.strata,
        rows: headlines.iter().map(|headline| headline.row.clone()).collect(),
        has_sets: scope == BootstrapScope::Pipeline && pipeline.protocol().matching.is_some(),
    };
    for headline in &headlines {
        let found = answer.as_ref().map_err(|&reason| reason).and_then(|answer| {
            let found = answer.iter().find(|known| known.name == headline.answer);
            found.ok_or(NotEstimable::NotDefined)
        });
        push_headline(assembly, &outline, section, headline, found);
    }
    if scope == BootstrapScope::Pipeline {
        push_sizes(assembly, &outline, answer.as_deref().map_err(|&reason| reason));
    }
    assembly.outline.bootstraps.push(outline);
}

/// A number with the limits of each method, and what the replicates say of it.
fn push_headline(
    assembly: &mut Assembly,
    outline: &BootstrapOutline,
    section: &BootstrapSection,
    headline: &Headline,
    found: Estimate<&BootstrappedQuantity>,
) {
    let row = &headline.row;
    let is_ratio = row.kind == BootstrapKind::HazardRatio;
    let unit = (row.kind == BootstrapKind::Time).then(|| assembly.time_unit());
    let number = Number { outline, section, row, is_ratio, found };
    if let Ok(found) = found {
        let scale = |value| number.scale(value);
        assembly.histograms.push(histogram(outline, headline, found, unit, scale));
    }
    let of_methods = row.methods.iter().flat_map(|&method| number.by_method(method));
    for quantity in of_methods.chain(number.spread()) {
        assembly.push(match unit {
            Some(unit) => quantity.in_unit(unit),
            None => quantity,
        });
    }
    for quantity in number.without_value() {
        assembly.push(quantity);
    }
}

/// A headline number with its answer.
struct Number<'a> {
    outline: &'a BootstrapOutline,
    section: &'a BootstrapSection,
    row: &'a BootstrapRow,
    is_ratio: bool,
    found: Estimate<&'a BootstrappedQuantity>,
}

impl Number<'_> {
    /// Replicates of a ratio are logarithms.
    fn scale(&self, value: f64) -> f64 {
        if self.is_ratio { exp(value) } else { value }
    }

    fn quantity(&self, ending: &str, value: Estimate, method: impl Into<String>) -> Quantity {
        Quantity::new(self.row.id(self.outline, ending), value, method)
    }

    /// The number with the limits of a method, and the Monte-Carlo error of each.
    fn by_method(&self, method: BootstrapMethod) -> [Quantity; 3] {
        let limits = self.found.and_then(|found| limits_of(found, interval_method(method)));
        let (interval, error_of) = match limits {
            Ok(limits) => (limits.interval, limits.monte_carlo_error),
            Err(reason) => (Interval::none(reason), Interval::none(reason)),
        };
        let scaled = |limit: Estimate| limit.map(|limit| self.scale(limit));
        let on_scale = Interval { lower: scaled(interval.lower), upper: scaled(interval.upper) };
        let caveats = limits.map_or_else(|_| Vec::new(), |limits| limits.caveats.clone());
        let caveats = caveats.into_iter().chain(self.off_centre()).collect();
        let estimate = self.found.and_then(|found| scaled(found.estimate));
        let words = words(self.outline, self.section, method);
        let number = self.quantity(method.name(), estimate, words);
        let error = |end: &str, limit: Estimate, error: Estimate| {
            // A small change of a logarithm changes the ratio in proportion.
            let on_scale =
                |error: f64| limit.map(|limit| if self.is_ratio { limit * error } else { error });
            let ending = format!("{}_{end}_error", method.name());
            let words = "standard error of the limit, by the number of replicates";
            self.quantity(&ending, error.and_then(on_scale), words)
        };
        [
            number.with_interval(on_scale, self.section.confidence).with_caveats(caveats),
            error("lower", on_scale.lower, error_of.lower),
            error("upper", on_scale.upper, error_of.upper),
        ]
    }

    /// What a reader must know of replicates whose bias exceeds a quarter of their standard error: limits
    /// that follow the replicates, such as percentiles, are then off centre too. Efron and Tibshirani
    /// (1993), An Introduction to the Bootstrap, section 10.3.
    fn off_centre(&self) -> Option<Caveat> {
        let summary = &self.found.ok()?.summary;
        let is_large = is_off_centre(summary.bias, summary.standard_error);
        let message = "the mean of the replicates differs from the estimate by more than a quarter of their \
                       standard error: they are off centre, and so are limits that follow them, such as \
                       percentiles (Efron and Tibshirani 1993, section 10.3)";
        is_large.then(|| Caveat::new(CaveatCode::BiasedReplicates, message))
    }

    /// Bias and standard error.
    fn spread(&self) -> [Quantity; 2] {
        let of_what = if self.is_ratio { " of the logarithm" } else { "" };
        let summary = self.found.map(|found| &found.summary);
        let bias = format!("mean of the replicates less the estimate{of_what}");
        let error = format!("standard deviation of the replicates{of_what}");
        [
            self.quantity("bias", summary.and_then(|summary| summary.bias), bias),
            self.quantity(
                "standard_error",
                summary.and_then(|summary| summary.standard_error),
                error,
            ),
        ]
    }

    /// How many replicates have no number, and how many an infinite one.
    fn without_value(&self) -> [Quantity; 2] {
        let summary = self.found.map(|found| &found.summary);
        let counted = |ending: &str, n: Estimate<usize>| {
            self.quantity(ending, n.map(|n| n as f64), "count of replicates")
        };
        [
            counted("n_failed", summary.map(|summary| summary.n_failed())),
            counted("n_infinite", summary.map(|summary| summary.n_infinite)),
        ]
    }
}

/// Whether a bias is large beside the standard error of its replicates.
fn is_off_centre(bias: Estimate, error: Estimate) -> bool {
    matches!((bias, error), (Ok(bias), Ok(error)) if LARGE_BIAS * error < bias.abs())
}

/// The replicates in classes, on the scale of the number.
fn histogram(
    outline: &BootstrapOutline,
    headline: &Headline,
    found: &BootstrappedQuantity,
    unit: Option<&str>,
    scale: impl Fn(f64) -> f64,
) -> ReplicateHistogram {
    let (row, summary) = (&headline.row, &found.summary);
    let (edges, counts) = summary.histogram.as_ref().map_or_else(Default::default, |known| {
        (known.edges.iter().copied().map(scale).collect(), known.counts.clone())
    });
    ReplicateHistogram {
        id: row.id(outline, "replicates"),
        label: row.label.clone(),
        kind: row.kind,
        unit: unit.map(str::to_owned),
        n_replicates: summary.n_replicates,
        n_failed: summary.n_failed(),
        n_infinite: summary.n_infinite,
        edges,
        counts,
    }
}

fn limits_of(found: &BootstrappedQuantity, method: IntervalMethod) -> Estimate<&BootstrapLimits> {
    let limits = found.limits.iter().find(|(known, _)| *known == method);
    limits.map(|(_, limits)| limits).ok_or(NotEstimable::NotDefined)
}

/// How an interval was made.
fn words(
    outline: &BootstrapOutline,
    section: &BootstrapSection,
    method: BootstrapMethod,
) -> String {
    format!(
        "bootstrap, scope {}, {} limits of {} replicates, {} drawn",
        outline.scope.name(),
        method.name(),
        section.replicates,
        outline.unit
    )
}

/// How large the designs of the replicates are: their pairs or sets, or what weights leave of each arm.
fn push_sizes(
    assembly: &mut Assembly,
    outline: &BootstrapOutline,
    answer: Estimate<&[BootstrappedQuantity]>,
) {
    if outline.has_sets {
        let found = answer.and_then(|answer| answer.last().ok_or(NotEstimable::NotDefined));
        push_size(assembly, outline, (WHOLE, "n_sets"), "pairs or sets of the replicates", found);
        return;
    }
    let arms: Vec<String> = assembly.outline.arms.iter().map(|arm| arm.id.clone()).collect();
    for (arm, size) in arms.iter().zip(EFFECTIVE_SAMPLE_SIZES) {
        let found = answer.and_then(|answer| {
            let found = answer.iter().find(|known| known.name == size);
            found.ok_or(NotEstimable::NotDefined)
        });
        push_size(assembly, outline, (arm, "effective_n"), "effective sample size", found);
    }
}

/// A size of the design in the study, and its distribution over the replicates.
fn push_size(
    assembly: &mut Assembly,
    outline: &BootstrapOutline,
    (term, name): (&str, &str),
    method: &str,
    found: Estimate<&BootstrappedQuantity>,
) {
    let analysis = format!("bootstrap_{}", outline.scope.name());
    let place = Place::new(&outline.endpoint, &outline.population, analysis);
    let summary = found.map(|found| &found.summary);
    let mean = found.and_then(|found| Ok(found.estimate? + found.summary.bias?));
    let five = summary.and_then(|summary| summary.five_numbers.ok_or(NotEstimable::TooFewValues));
    let at = |index: usize| five.map(|five| five[index]);
    let numbers = [
        ("", found.and_then(|found| found.estimate)),
        ("_mean", mean),
        ("_sd", summary.and_then(|summary| summary.standard_error)),
        ("_min", at(0)),
        ("_q1", at(1)),
        ("_median", at(2)),
        ("_q3", at(3)),
        ("_max", at(4)),
        ("_n_failed", summary.map(|summary| summary.n_failed() as f64)),
    ];
    for (ending, value) in numbers {
        assembly.push(place.quantity(term, &format!("{name}{ending}"), value, method));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 5.5 points beside a standard error of 4.0.
    #[test]
    fn a_bias_is_large_above_a_quarter_of_the_standard_error() {
        assert!(is_off_centre(Ok(0.055), Ok(0.04)) && is_off_centre(Ok(-0.055), Ok(0.04)));
        assert!(!is_off_centre(Ok(0.01), Ok(0.04)), "a quarter");
        assert!(!is_off_centre(Ok(0.0), Ok(0.0)));
        assert!(!is_off_centre(Err(NotEstimable::TooFewValues), Ok(0.04)));
    }
}
