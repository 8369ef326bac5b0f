//! Figures of survival curves.

use super::{
    Curve, Drawing, KaplanMeierFigure, KaplanMeierGroup, Label, LogLogCurve, LogLogFigure, Plot,
    Source, TimeUnit, caption, id, number, unadjusted, words,
};
use crate::tables::{WHOLE, is_unadjusted};

/// Curves of the arms, a figure for each endpoint and population.
pub(crate) fn all_main_curves(source: &Source) -> Vec<Plot> {
    let mut plots = Vec::new();
    for endpoint in source.endpoints() {
        for population in source.populations() {
            let title = format!("{}, {}", endpoint.label, words::within(&population.label));
            let is_unadjusted = population.id == WHOLE;
            plots.push(arms(source, &endpoint.id, &population.id, title, is_unadjusted));
        }
    }
    plots
}

/// Curves of the arms on the scale on which proportional hazards are parallel, a figure for each
/// endpoint and population.
pub(crate) fn log_log(source: &Source) -> Vec<Plot> {
    let mut plots = Vec::new();
    for endpoint in source.endpoints() {
        for population in source.populations() {
            let curve = |arm: &Label| {
                let curve = id::curve(&endpoint.id, &population.id, &arm.id);
                let (time, survival) = source.result.curve(&curve).map_or_else(
                    || (Vec::new(), Vec::new()),
                    |curve| (curve.time.clone(), curve.survival.clone()),
                );
                LogLogCurve { label: arm.label.clone(), time, survival }
            };
            let curves: Vec<LogLogCurve> = source.arms().iter().map(curve).collect();
            if curves.iter().all(|curve| curve.time.is_empty()) {
                continue;
            }
            let name = format!("log-log-{}-{}", endpoint.id, population.id);
            let title = format!(
                "Proportional hazards, {}, {}",
                words::within(&endpoint.label),
                words::within(&population.label)
            );
            let description = "Logarithm of the cumulative hazard, log(\u{2212}log S), by the \
                               logarithm of time. Under proportional hazards the curves are \
                               parallel, and their distance is the log hazard ratio.";
            plots.push(Plot::new(Drawing::LogLog(LogLogFigure {
                caption: caption(name, title, description),
                time_axis: format!("{}, logarithmic scale", time_axis(source)),
                axis: "log(\u{2212}log S)".into(),
                curves,
            })));
        }
    }
    plots
}

/// Curves of the arms within each level of the subgroup analyses.
pub(crate) fn subgroup_curves(source: &Source) -> Vec<Plot> {
    let mut plots = Vec::new();
    for subgroup in &source.result.outline.subgroups {
        for variable in &subgroup.variables {
            for level in &variable.levels {
                let endpoint = &subgroup.endpoint;
                let name =
                    format!("{}: {}", variable.label, source.level_label(&variable.id, level));
                let population = words::within(&source.population_label(&subgroup.population));
                let title = format!("{}, {population}, {name}", source.endpoint_label(endpoint));
                plots.push(arms(source, endpoint, &level.id, title, is_unadjusted(subgroup)));
            }
        }
    }
    plots
}

/// Curves of levels that are compared with each other.
pub(crate) fn compared_curves(source: &Source) -> Vec<Plot> {
    let mut plots = Vec::new();
    for subgroup in &source.result.outline.subgroups {
        let Some(variable) = &subgroup.compare else { continue };
        let named = |level: &Label| Label {
            id: level.id.clone(),
            label: source.level_label(&variable.id, level).to_owned(),
        };
        let groups: Vec<Label> = variable.levels.iter().map(named).collect();
        let place = Place {
            source,
            endpoint: &subgroup.endpoint,
            population: &subgroup.population,
            groups: &groups,
            column: &variable.id,
        };
        let population = words::within(&source.population_label(&subgroup.population));
        let label = source.endpoint_label(&subgroup.endpoint);
        let title = format!("{label}, {population}, by {}", words::within(&variable.label));
        let name = format!("km-{}-{}-{}", subgroup.endpoint, subgroup.population, variable.id);
        plots.push(place.plot(&name, title, Comparison { has_ratio: false, is_unadjusted: true }));
    }
    plots
}

fn arms(
    source: &Source,
    endpoint: &str,
    population: &str,
    title: String,
    is_unadjusted: bool,
) -> Plot {
    let column = id::part(&source.result.protocol.exposure.column);
    let place = Place { source, endpoint, population, groups: source.arms(), column: &column };
    let comparison = Comparison { has_ratio: true, is_unadjusted };
    place.plot(&format!("km-{endpoint}-{population}"), title, comparison)
}

/// How curves are compared.
#[derive(Clone, Copy)]
struct Comparison {
    /// Whether by a hazard ratio too, where the study has one.
    has_ratio: bool,
    /// Whether no design has made the groups comparable, which must be said.
    is_unadjusted: bool,
}

/// Whose curves are drawn.
struct Place<'a> {
    source: &'a Source<'a>,
    endpoint: &'a str,
    population: &'a str,
    groups: &'a [Label],
    /// Column of the comparison.
    column: &'a str,
}

impl Place<'_> {
    fn plot(&self, name: &str, title: String, comparison: Comparison) -> Plot {
        let figure = KaplanMeierFigure {
            caption: caption(name, title, self.description(comparison)),
            time_axis: time_axis(self.source),
            survival_axis: format!("{} (%)", self.source.endpoint_label(self.endpoint)),
            period: period(self.source),
            groups: self.groups.iter().map(|group| self.group(group)).collect(),
            text: self.text(comparison),
        };
        Plot::new(Drawing::KaplanMeier(figure))
    }

    fn id(&self, analysis: &str, term: &str, name: &str) -> String {
        id::quantity(self.endpoint, self.population, analysis, term, name)
    }

    fn group(&self, group: &Label) -> KaplanMeierGroup {
        let median = self.source.result.protocol.survival.median_ci.first().map(|rule| {
            let name = format!("median_{}", words::quantile_id(*rule));
            self.id("survival", &group.id, &name)
        });
        let median = median.unwrap_or_default();
        let drawn = KaplanMeierGroup {
            label: group.label.clone(),
            detail: self.detail(group, &median),
            median: self.source.numbers.value(&median),
            median_text: self.source.numbers.value(&median).map_or(String::new(), number::time),
            ..KaplanMeierGroup::default()
        };
        let curve = id::curve(self.endpoint, self.population, &group.id);
        match self.source.result.curve(&curve) {
            Some(curve) => with_curve(drawn, curve),
            None => drawn,
        }
    }

    fn detail(&self, group: &Label, median: &str) -> String {
        let numbers = &self.source.numbers;
        let count = |name| numbers.cell(&self.id("survival", &group.id, name), number::count).text;
        let n = count("n");
        if n == "0" {
            return "no patients".into();
        }
        let median = match numbers.value(median) {
            Some(value) => format!("median {} {}", number::time(value), self.source.unit()),
            None => format!("median {}", numbers.cell(median, number::time).text),
        };
        format!("n = {n}, {} events, {median}", count("n_events"))
    }

    /// The hazard ratio where the study has one, and the log-rank test.
    fn text(&self, comparison: Comparison) -> Vec<String> {
        let numbers = &self.source.numbers;
        let mut text = Vec::new();
        let ratio = self.ratio();
        if comparison.has_ratio && numbers.has(&ratio) {
            let words = numbers.ratio(&ratio).text;
            let ci = words::confidence_interval(&self.source.result.protocol);
            text.push(match words.split_once(" (") {
                Some((value, limits)) => format!("HR {value} ({ci} {limits}"),
                None => format!("HR {words}"),
            });
        }
        let p_value = self.id(self.source.comparison(self.population), self.column, "p_value");
        if numbers.has(&p_value) {
            let words = numbers.cell(&p_value, number::p_value).text;
            let has_weights = self.source.has_weights(self.population);
            let test = if has_weights { "Robust score" } else { "Log-rank" };
            text.push(match numbers.value(&p_value) {
                Some(_) => format!("{test} {}", number::p_clause(&words)),
                None => format!("{test} test: {words}"),
            });
        }
        text.extend(comparison.is_unadjusted.then(|| "Unadjusted".to_owned()));
        text
    }

    /// Id of the hazard ratio of the first group.
    fn ratio(&self) -> String {
        let exposed = self.groups.first().map_or("", |group| group.id.as_str());
        self.id("cox_univariable", exposed, "hazard_ratio")
    }

    fn description(&self, comparison: Comparison) -> String {
        let rule = self.source.result.protocol.survival.interval.first();
        let confidence = words::confidence(&self.source.result.protocol);
        let band = rule.map_or(String::new(), |rule| {
            format!(" Bands: {confidence} limits, {} rule.", words::interval(*rule))
        });
        let ratio = match comparison.has_ratio && self.source.numbers.has(&self.ratio()) {
            true if self.source.has_weights(self.population) => {
                " HR: weighted univariable Cox model, robust limits."
            }
            true => " HR: univariable Cox model.",
            false => "",
        };
        let curves = match self.source.has_weights(self.population) {
            true => "Weighted Kaplan-Meier curves; patients are counted without weights.",
            false => "Kaplan-Meier curves.",
        };
        format!(
            "{curves} {}.{band}{ratio}{} Small vertical marks: censored patients. Dotted lines: \
             medians. Grey and thin, with a lighter band: fewer than 10 at risk. Below: patients at risk, those followed to the \
             time or beyond, and those censored and with an event before it.",
            self.counted(),
            unadjusted(comparison.is_unadjusted)
        )
    }

    /// Patients, events and median of each group.
    fn counted(&self) -> String {
        let group = |group: &Label| {
            let one = self.group(group);
            format!("{}: {}", one.label, one.detail)
        };
        self.groups.iter().map(group).collect::<Vec<_>>().join("; ")
    }
}

fn with_curve(drawn: KaplanMeierGroup, curve: &Curve) -> KaplanMeierGroup {
    KaplanMeierGroup {
        time: curve.time.clone(),
        n_at_risk: curve.n_at_risk.clone(),
        n_events: curve.n_events.clone(),
        n_censored: curve.n_censored.clone(),
        survival: curve.survival.clone(),
        lower: curve.lower.clone(),
        upper: curve.upper.clone(),
        ..drawn
    }
}

/// Length of a natural period of the time axis.
pub(super) fn period(source: &Source) -> Option<f64> {
    match source.result.protocol.study.time_unit {
        TimeUnit::Months => Some(12.0),
        TimeUnit::Days | TimeUnit::Years => None,
    }
}

/// Name of the axis: what is counted, and from when.
pub(super) fn time_axis(source: &Source) -> String {
    let unit = source.unit();
    let meaning =
        source.result.protocol.time_zero.as_ref().and_then(|zero| zero.meaning.as_deref());
    match meaning {
        Some(meaning) => {
            let (first, rest) = unit.split_at(1);
            format!("{}{rest} since {meaning}", first.to_uppercase())
        }
        None => format!("Time ({unit})"),
    }
}
