//! Figures of coefficients over time.

use super::survival::{period, time_axis};
use super::{Drawing, Plot, Source, caption, number, words};
use crate::tables::{model_id, proportional_hazards_term};
use figures::{ResidualFigure, ResidualPanel, SmoothPoint};
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
    terms.sort_by_key(|one| one.term.id != exposed);
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
        time_axis: time_axis(source),
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

fn panel(source: &Source, one: &Tested) -> ResidualPanel {
    let series = one.series;
    let term = proportional_hazards_term(one.term);
    let p_value = model_id(one.model, &term, "proportional_hazards_p_value");
    let test = match source.numbers.value(&p_value) {
        Some(p_value) => format!(": {}", number::p_clause(&number::p_value(p_value))),
        None => String::new(),
    };
    let alone = if one.model.is_screen { " alone" } else { "" };
    let smooth = series.time.iter().enumerate().filter_map(|(index, &at)| {
        let limits = series.lower.get(index).copied().zip(series.upper.get(index).copied());
        Some(SmoothPoint { at, fit: *series.value.get(index)?, limits })
    });
    ResidualPanel {
        title: format!("{}{alone}{test}", series.label),
        axis: "Log hazard ratio".into(),
        points: series.event_time.iter().copied().zip(series.residual.iter().copied()).collect(),
        smooth: smooth.collect(),
        coefficient: source.numbers.value(&model_id(one.model, &one.term.id, "coefficient")),
        ticks: Vec::new(),
    }
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
