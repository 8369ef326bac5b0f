//! Figures of coefficients over time.

use super::survival::{period, time_axis};
use super::{Drawing, Plot, Source, caption, number, words};
use crate::tables::{model_id, proportional_hazards_term};
use figures::{ResidualFigure, ResidualPanel, SmoothPoint};
use study::protocol::TimeTransform;
use study::result::{CoefficientOverTime, EndpointOutline, ModelOutline, TermOutline};

/// Most terms of a figure: three rows of two.
const MOST_TERMS: usize = 6;

/// Scaled Schoenfeld residuals of the exposure and of the terms of the main model, a figure for each
/// endpoint of which they are known.
pub(crate) fn residuals(source: &Source) -> Vec<Plot> {
    source.endpoints().iter().filter_map(|endpoint| figure(source, endpoint)).collect()
}

/// A term of a tested model.
struct Tested<'a> {
    model: &'a ModelOutline,
    term: &'a TermOutline,
    series: &'a CoefficientOverTime,
}

fn figure(source: &Source, endpoint: &EndpointOutline) -> Option<Plot> {
    let models = models(source, endpoint);
    let population = &models.first()?.population;
    let mut terms: Vec<Tested> = models.iter().flat_map(|model| tested(source, model)).collect();
    let exposed = source.arms().first().map_or("", |arm| arm.id.as_str());
    // The sort is stable: terms of one variable, which have one test, keep their order.
    terms.sort_by(|one, other| {
        let doubt = |one: &Tested| match one.term.id == exposed {
            true => f64::NEG_INFINITY,
            false => p_value(source, one).unwrap_or(f64::INFINITY),
        };
        doubt(one).total_cmp(&doubt(other))
    });
    let left_out = terms.split_off(terms.len().min(MOST_TERMS));
    let title = format!(
        "Coefficients over time, {}, {}",
        words::within(&endpoint.label),
        words::within(&source.population_label(population))
    );
    let figure = ResidualFigure {
        caption: caption(
            format!("residuals-{}-{population}", endpoint.id),
            title,
            description(&models, &terms, &left_out),
        ),
        time_axis: match terms.iter().all(|one| Axis::of(one.series).is_scaled) {
            true => format!("{}, scale of the test", time_axis(source)),
            false => time_axis(source),
        },
        period: period(source),
        panels: terms.iter().map(|one| panel(source, one)).collect(),
    };
    Some(Plot::new(Drawing::Residuals(figure)))
}

/// The model of the primary analysis, and the first of several terms beside it where that has the
/// exposure alone; both of one population, the primary one if it was tested.
fn models<'a>(source: &'a Source, endpoint: &EndpointOutline) -> Vec<&'a ModelOutline> {
    let primary = &source.result.protocol.report.primary;
    let known = source.result.outline.models.iter();
    let mut known: Vec<&ModelOutline> = known
        .filter(|model| model.endpoint == endpoint.id && tested(source, model).next().is_some())
        .collect();
    let analysis = primary.model.as_ref().map(|model| format!("cox_{model}"));
    known.sort_by_key(|model| {
        let is_primary = analysis.as_ref() == Some(&model.analysis);
        (model.population != primary.population.id(), !is_primary)
    });
    let Some(&first) = known.first() else { return known };
    let is_beside = |model: &&ModelOutline| {
        model.population == first.population && first.is_screen && !model.is_screen
    };
    let beside = known.iter().skip(1).copied().find(is_beside);
    [first].into_iter().chain(beside).collect()
}

/// The terms of a model of which the residuals are known, in its order.
fn tested<'a>(
    source: &'a Source,
    model: &'a ModelOutline,
) -> impl Iterator<Item = Tested<'a>> + use<'a> {
    let over_time = &source.result.over_time;
    model.terms.iter().filter_map(move |term| {
        let id = model_id(model, &term.id, "over_time");
        let series = over_time.iter().find(|series| series.id == id)?;
        Some(Tested { model, term, series })
    })
}

/// The test of proportional hazards of the variable of a term.
fn p_value(source: &Source, one: &Tested) -> Option<f64> {
    let term = proportional_hazards_term(one.term);
    source.numbers.value(&model_id(one.model, &term, "proportional_hazards_p_value"))
}

fn panel(source: &Source, one: &Tested) -> ResidualPanel {
    let series = one.series;
    let test = match p_value(source, one) {
        Some(p_value) => format!(": {}", number::p_clause(&number::p_value(p_value))),
        None => String::new(),
    };
    let alone = if one.model.is_screen { " alone" } else { "" };
    let axis = Axis::of(series);
    let smooth = axis.smooth.iter().enumerate().filter_map(|(index, &at)| {
        let limits = series.lower.get(index).copied().zip(series.upper.get(index).copied());
        Some(SmoothPoint { at, fit: *series.value.get(index)?, limits })
    });
    ResidualPanel {
        title: format!("{}{alone}{test}", series.label),
        axis: "Log hazard ratio".into(),
        points: axis.events.iter().copied().zip(series.residual.iter().copied()).collect(),
        smooth: smooth.collect(),
        coefficient: source.numbers.value(&model_id(one.model, &one.term.id, "coefficient")),
        ticks: axis.ticks(period(source)),
    }
}

/// Where events and curve stand from left to right.
struct Axis<'a> {
    time: &'a [f64],
    events: &'a [f64],
    smooth: &'a [f64],
    /// Whether time is on a scale of its own, on which the curve is smooth.
    is_scaled: bool,
}

/// Parts into which ticks cut the scale of time at most.
const MOST_PARTS: f64 = 7.0;

impl<'a> Axis<'a> {
    /// Times on the scale of time where it is known and not time itself.
    fn of(series: &'a CoefficientOverTime) -> Self {
        let is_known = series.event_scale.len() == series.event_time.len()
            && series.scale.len() == series.time.len();
        let is_scaled = is_known && series.transform != TimeTransform::Identity;
        let (events, smooth) = match is_scaled {
            true => (&series.event_scale, &series.scale),
            false => (&series.event_time, &series.time),
        };
        Self { time: &series.event_time, events, smooth, is_scaled }
    }

    /// Round times where they stand on the scale, at some distance from each other; none on an axis of
    /// time itself.
    fn ticks(&self, period: Option<f64>) -> Vec<(f64, String)> {
        let (Some(first), Some(last)) = (self.events.first(), self.events.last()) else {
            return Vec::new();
        };
        let (apart, end) = ((last - first) / MOST_PARTS, self.time.last().copied().unwrap_or(0.0));
        let mut ticks: Vec<(f64, String)> = Vec::new();
        let times = round_times(end, period).into_iter().filter(|_| self.is_scaled && 0.0 < apart);
        for (time, name) in times {
            let Some(at) = self.at(time) else { continue };
            if ticks.last().is_none_or(|(before, _)| before + apart <= at) {
                ticks.push((at, name));
            }
        }
        ticks
    }

    /// Where a time stands, by the events around it; absent before the first event.
    fn at(&self, time: f64) -> Option<f64> {
        let after = self.time.partition_point(|&event| event <= time);
        let before = after.checked_sub(1)?;
        let (from, at) = (*self.time.get(before)?, *self.events.get(before)?);
        let (Some(to), Some(next)) = (self.time.get(after), self.events.get(after)) else {
            return (from == time).then_some(at);
        };
        Some(at + (time - from) / (to - from) * (next - at))
    }
}

/// Some four to forty times up to the last, with their names: periods where there are several, else
/// multiples of a power of ten.
fn round_times(end: f64, period: Option<f64>) -> Vec<(f64, String)> {
    if !(0.0 < end && end.is_finite()) {
        return Vec::new();
    }
    let (mut step, mut parts) = (1.0, 1.0);
    while step * 20.0 < end {
        step *= 10.0;
    }
    while end < step * 4.0 / parts {
        parts *= 10.0;
    }
    let at = |index: usize| match period.filter(|period| 4.0 * period < end) {
        Some(period) => index as f64 * period,
        None => index as f64 * step / parts,
    };
    let times = (1..).map(at).take_while(|time| *time <= end);
    times.map(|time| (time, words::plain(time))).collect()
}

fn description(models: &[&ModelOutline], drawn: &[Tested], left_out: &[Tested]) -> String {
    let Some(first) = drawn.first() else { return String::new() };
    let scale = words::transform(first.series.transform);
    let mut sentences = vec![
        format!(
            "Circles: scaled Schoenfeld residuals of the events, each about the log hazard ratio at \
             its time; line: the curve through them, a natural spline over {scale}, with its \
             pointwise {} band. Dashed: the coefficient of the model; dotted: 0. A flat curve \
             speaks for proportional hazards. P: test of the variable, against a change with {scale}.",
            words::share_of(first.series.confidence)
        ),
        of_models(models),
    ];
    if models.iter().any(|model| 1 < model.terms.len()) {
        sentences.push("The exposure stands first, then the other terms by ascending P.".into());
    }
    if 1 < first.series.every {
        sentences.push(format!(
            "Of the {} events one in {} has its circle.",
            first.series.n_events, first.series.every
        ));
    }
    let without: Vec<&str> = drawn
        .iter()
        .filter(|one| one.series.not_estimable.is_some())
        .map(|one| one.series.label.as_str())
        .collect();
    if !without.is_empty() {
        sentences.push(format!(
            "Without a curve, since it is not estimable: {}.",
            words::list(&without)
        ));
    }
    if !left_out.is_empty() {
        let labels: Vec<&str> = left_out.iter().map(|one| one.series.label.as_str()).collect();
        sentences.push(format!("Not drawn, but part of report.json: {}.", words::list(&labels)));
    }
    sentences.join(" ")
}

/// Which models the terms belong to.
fn of_models(models: &[&ModelOutline]) -> String {
    let several = models.iter().find(|model| !model.is_screen);
    let several = several.map(|model| format!("the model \"{}\"", model.label));
    match (models.iter().any(|model| model.is_screen), several) {
        (true, Some(model)) => {
            format!("\"Alone\": univariable Cox model; the other terms: {model}.")
        }
        (true, None) => "\"Alone\": univariable Cox model.".into(),
        (false, model) => format!("Terms of {}.", model.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events at 6, 12, 24 and 60 months stand at equal distances: 36 lies a third of the way from 24
    /// to 60, and 48 two thirds.
    #[test]
    fn round_times_stand_where_the_scale_has_them() {
        let axis = Axis {
            time: &[6.0, 12.0, 24.0, 60.0],
            events: &[0.0, 0.3, 0.6, 0.9],
            smooth: &[],
            is_scaled: true,
        };
        let [third, two_thirds] = [36.0, 48.0].map(|time| axis.at(time).unwrap());
        assert!((third - 0.7).abs() < 1e-12 && (two_thirds - 0.8).abs() < 1e-12);
        assert_eq!((axis.at(5.0), axis.at(60.0), axis.at(61.0)), (None, Some(0.9), None));
        let ticks = axis.ticks(Some(12.0));
        let names: Vec<&str> = ticks.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["12", "24", "48"], "36 is nearer to 24 than 0.9 / 7");
        assert!(Axis { is_scaled: false, ..axis }.ticks(Some(12.0)).is_empty());
    }

    #[test]
    fn times_are_round_however_long_follow_up_is() {
        let names = |end: f64, period: Option<f64>| -> Vec<String> {
            round_times(end, period).into_iter().map(|(_, name)| name).collect()
        };
        assert_eq!(names(61.0, Some(12.0)), ["12", "24", "36", "48", "60"]);
        assert_eq!(names(5100.0, None), ["1000", "2000", "3000", "4000", "5000"]);
        assert_eq!(names(0.45, None), ["0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(names(6.5, Some(12.0)), ["1", "2", "3", "4", "5", "6"]);
        assert!(names(0.0, None).is_empty());
    }
}
