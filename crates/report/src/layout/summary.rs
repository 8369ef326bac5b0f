//! The structured abstract, from the same numbers as everything else.

use super::primary::{Primary, p_clause};
use crate::document::{Block, Definition, Text};
use crate::number;
use crate::tables::{self, Source, WHOLE};
use crate::words;
use cohort::CaveatCode;
use study::result::{Label, ModelOutline, id};

/// What stands where only the authors know the words.
pub(super) const AUTHORS: &str = "To be written by the authors";

/// Background, methods, results and conclusion.
pub(super) fn structured_abstract(source: &Source) -> Block {
    let primary = Primary::of(source);
    let background = source.result.protocol.report.background.clone();
    let background = background.unwrap_or_else(|| format!("{AUTHORS}: why the study was done."));
    let entries = vec![
        Definition::new("Background", background),
        Definition::new("Methods", methods(source, &primary)),
        Definition::new("Results", results(source, &primary)),
        Definition::new("Conclusion", conclusion(source, &primary)),
    ];
    Block::Definitions { entries }
}

fn methods(source: &Source, primary: &Primary) -> Text {
    let protocol = &source.result.protocol;
    let mut text = Text::default();
    let exposure = &protocol.exposure;
    let zero = protocol.time_zero.as_ref();
    let meaning = zero.and_then(|zero| zero.meaning.as_ref());
    let period = zero.and_then(|zero| zero.window.as_ref());
    let period =
        period.map_or(String::new(), |window| format!("between {} and {}", window.from, window.to));
    let zero = match meaning {
        Some(meaning) if period.is_empty() => format!(" Time zero was the {meaning}."),
        Some(meaning) => format!(" Time zero was the {meaning}, {period}."),
        None if period.is_empty() => String::new(),
        None => format!(" Time zero lay {period}."),
    };
    let lock = protocol.study.data_lock.as_ref();
    let lock = lock.map_or(String::new(), |date| format!(" The data were closed on {date}."));
    let sites = source.result.outline.site.as_ref();
    let sites = sites.map_or(String::new(), |site| format!(" at {} sites", site.levels.len()));
    text.say(format!(
        "Cohort study of {} against {}{sites}.{zero}{lock}",
        exposure.exposed.label, exposure.comparator.label
    ));
    text.say(match (&protocol.matching, &protocol.weighting) {
        (Some(section), _) if section.is_one_to_one() => {
            "The arms were made comparable by matching one to one on the propensity score."
        }
        (Some(_), _) => "The arms were made comparable by matching, with weights.",
        (None, Some(_)) => "The arms were made comparable by weights.",
        (None, None) => "",
    });
    text.say(format!("The primary analysis is {}.", primary.name()));
    text
}

fn results(source: &Source, primary: &Primary) -> Text {
    let mut text = Text::default();
    for sentence in tables::sentences(source) {
        text.say(sentence);
    }
    text.say(follow_up(source, primary));
    text.say(medians(source, primary));
    text.say(rates(source, primary));
    text.say(comparison(source, primary));
    text.say(adjusted(source, primary));
    text
}

/// `Median follow-up was 72.1 (67.7-76.6) months.`
fn follow_up(source: &Source, primary: &Primary) -> Text {
    let Some(rule) = source.result.protocol.survival.followup_ci.first() else {
        return Text::default();
    };
    let name = format!("median_{}", words::quantile_id(*rule));
    let id = id::quantity(primary.endpoint, primary.population, "followup", WHOLE, &name);
    if !source.numbers.has(&id) {
        return Text::default();
    }
    let median = source.numbers.with_limits(&id, number::time).into();
    let (population, unit) = (primary.population_label().into(), source.unit().into());
    let ci = words::confidence_interval(&source.result.protocol).into();
    Text::fill("Median follow-up of {} was {} {} ({}).", [population, median, unit, ci])
}

/// The median of each arm.
fn medians(source: &Source, primary: &Primary) -> Text {
    let Some(rule) = source.result.protocol.survival.median_ci.first() else {
        return Text::default();
    };
    let name = format!("median_{}", words::quantile_id(*rule));
    let subject = format!("Median {} in {}", primary.endpoint_label(), source.unit());
    per_arm(source, primary, &subject, (&name, None), number::time)
}

/// Survival of each arm at the last time of the protocol.
fn rates(source: &Source, primary: &Primary) -> Text {
    let Some(rule) = source.result.protocol.survival.interval.first() else {
        return Text::default();
    };
    let endpoint = source.endpoints().iter().find(|known| known.id == primary.endpoint);
    let Some(&time) = endpoint.and_then(|endpoint| endpoint.times.last()) else {
        return Text::default();
    };
    let name = format!("survival_{}", words::interval_id(*rule));
    let unit = words::unit_of(&source.result.protocol, time);
    let label = words::capital(&primary.endpoint_label());
    let subject = format!("{label} at {} {unit} in per cent", words::plain(time));
    per_arm(source, primary, &subject, (&name, Some(time)), number::percent)
}

/// `Median overall survival in months was 57.2 (48.6-65.4) with RT and ...`: a number of each arm, by
/// its name in the ids and its time.
fn per_arm(
    source: &Source,
    primary: &Primary,
    subject: &str,
    (name, time): (&str, Option<f64>),
    write: number::Write,
) -> Text {
    let id = |arm: &Label| {
        let (endpoint, population) = (primary.endpoint, primary.population);
        match time {
            None => id::quantity(endpoint, population, "survival", &arm.id, name),
            Some(time) => id::quantity_at(endpoint, population, "survival", &arm.id, name, time),
        }
    };
    if source.arms().is_empty() || !source.arms().iter().all(|arm| source.numbers.has(&id(arm))) {
        return Text::default();
    }
    let one = |arm: &Label| {
        let number = source.numbers.with_limits(&id(arm), write).into();
        Text::fill("{} with {}", [number, arm.label.as_str().into()])
    };
    let arms = Text::list(source.arms().iter().map(one));
    Text::fill("{} was {}.", [subject.into(), arms])
}

/// The primary result, and the comparison of the curves beside it.
fn comparison(source: &Source, primary: &Primary) -> Text {
    let id = primary.comparison_id();
    let curves = match source.numbers.has(&id) {
        true => p_clause(source.numbers.cell(&id, number::p_value)),
        false => Text::default(),
    };
    let test = match source.comparison(primary.population) {
        "log_rank" => "log-rank",
        _ => "robust score test",
    };
    let curves = match curves.is_empty() {
        true => Text::default(),
        false => Text::fill("; {} {}", [test.into(), curves]),
    };
    match primary.ratio() {
        Some(ratio) => Text::fill(
            "The hazard ratio ({}) was {}, {}{}.",
            [
                words::confidence_interval(&source.result.protocol).into(),
                ratio.into(),
                primary.p_clause(),
                curves,
            ],
        ),
        None if curves.is_empty() => Text::default(),
        None => Text::fill("The curves were compared{}.", [curves]),
    }
}

/// `Adjusted, it was 0.825 (0.676-1.006) in the model "All variables".`: the exposure among other terms,
/// in the population of the primary analysis.
fn adjusted(source: &Source, primary: &Primary) -> Text {
    let of_primary = |model: &&ModelOutline| {
        model.endpoint == primary.endpoint
            && model.population == primary.population
            && !model.is_screen
            && !primary.is_model(&model.analysis)
    };
    let Some(exposed) = source.arms().first() else { return Text::default() };
    let models = source.result.outline.models.iter().filter(of_primary);
    let one = |model: &ModelOutline| {
        let id = id::quantity(
            primary.endpoint,
            primary.population,
            &model.analysis,
            &exposed.id,
            "hazard_ratio",
        );
        source.numbers.has(&id).then(|| {
            let label = format!("\"{}\"", model.label);
            Text::fill("{} in the model {}", [source.numbers.ratio(&id).into(), label.into()])
        })
    };
    let ratios: Vec<Text> = models.filter_map(one).collect();
    if ratios.is_empty() || primary.ratio().is_none() {
        return Text::default();
    }
    Text::fill("Adjusted, it was {}.", [Text::list(ratios)])
}

fn conclusion(source: &Source, primary: &Primary) -> Text {
    let protocol = &source.result.protocol;
    let (exposed, comparator) =
        (&protocol.exposure.exposed.label, &protocol.exposure.comparator.label);
    let direction = match (primary.is_significant(), primary.ratio_value()) {
        (Some(true), Some(ratio)) if ratio < 1.0 => {
            "was associated with a lower hazard in the analysis of"
        }
        (Some(true), Some(_)) => "was associated with a higher hazard in the analysis of",
        (Some(true), None) => "was associated with",
        (Some(false), _) => "was not shown to be associated with",
        (None, _) => "could not be compared with the other arm in",
    };
    let mut text = Text::from(format!(
        "In {} {exposed}, compared with {comparator}, {direction} {}.",
        primary.population_label(),
        primary.endpoint_label()
    ));
    text.say(
        "An association in observational data is an effect only if no confounding and no bias of \
         selection, of immortal time or of measurement is left.",
    );
    let mut caveats = source.result.caveats.iter();
    if caveats.any(|caveat| caveat.code == CaveatCode::ImmortalTime) {
        text.say(format!(
            "Exposure began after time zero, for which this analysis makes no allowance: that favours \
             {exposed}."
        ));
    }
    if let Some(notice) = super::notice(source) {
        text.say(notice);
    }
    text
}
