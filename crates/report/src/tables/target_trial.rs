//! The study held against the randomised trial that it stands for.

use super::{STUDY, Source};
use crate::number;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use cohort::CaveatCode;
use study::protocol::{
    EndpointSection, MatchEstimand, MatchingSection, Protocol, TrialComponent, Variable, Variance,
};
use study::result::id;

/// One row per component of the protocol of a trial.
pub(crate) fn target_trial(source: &Source) -> Table {
    let columns = ["Component", "Target trial", "This study", "Gap"].map(Column::key).to_vec();
    let mut table = Table::new("target_trial", "The study as the emulation of a trial", columns);
    let protocol = &source.result.protocol;
    for component in TrialComponent::ALL {
        let given = protocol.report.target_trial.iter().find(|row| row.component == component);
        let target = given.and_then(|row| row.target.clone());
        let emulation = given.and_then(|row| row.emulation.clone());
        let gap = given.and_then(|row| row.gap.clone());
        let cells = [
            name(component).to_owned(),
            target.unwrap_or_else(|| trial(component).to_owned()),
            emulation.unwrap_or_else(|| emulated(source, component)),
            gap.unwrap_or_else(|| difference(source, component)),
        ];
        table.rows.push(Row::new(cells.iter().map(Cell::from).collect()));
    }
    table.note(
        "Components after Hernan and Robins (2016, Am. J. Epidemiol. 183:758-764). What the authors did \
         not write is generated from the protocol.",
    );
    table
}

fn name(component: TrialComponent) -> &'static str {
    match component {
        TrialComponent::Eligibility => "Eligibility",
        TrialComponent::Strategies => "Treatment strategies",
        TrialComponent::Assignment => "Assignment",
        TrialComponent::TimeZero => "Time zero",
        TrialComponent::Outcome => "Outcome",
        TrialComponent::Contrast => "Causal contrast",
        TrialComponent::Analysis => "Analysis",
    }
}

/// What a randomised trial does.
fn trial(component: TrialComponent) -> &'static str {
    match component {
        TrialComponent::Eligibility => "The same criteria, known at randomisation.",
        TrialComponent::Strategies => "The same two, fixed at randomisation.",
        TrialComponent::Assignment => "At random.",
        TrialComponent::TimeZero => "Randomisation.",
        TrialComponent::Outcome => "The same, assessed without knowledge of the arm.",
        TrialComponent::Contrast => "By intention to treat.",
        TrialComponent::Analysis => "Comparison of the arms as randomised.",
    }
}

/// What the protocol does.
fn emulated(source: &Source, component: TrialComponent) -> String {
    let protocol = &source.result.protocol;
    let exposure = &protocol.exposure;
    match component {
        TrialComponent::Eligibility => match protocol.eligibility.as_slice() {
            [] => "Every patient of the table.".into(),
            criteria => {
                let labels: Vec<&str> = criteria.iter().map(|one| one.label.as_str()).collect();
                format!("{}.", labels.join("; "))
            }
        },
        TrialComponent::Strategies => {
            format!("{}; {}.", exposure.exposed.label, exposure.comparator.label)
        }
        TrialComponent::Assignment => match (&protocol.matching, &protocol.weighting) {
            (Some(_), _) => "By patients and physicians; matching on measured covariates.".into(),
            (None, Some(_)) => {
                "By patients and physicians; weights from measured covariates.".into()
            }
            (None, None) => "By patients and physicians.".into(),
        },
        TrialComponent::TimeZero => match &protocol.time_zero {
            Some(zero) => {
                let meaning = zero.meaning.as_deref().unwrap_or(&zero.date);
                format!("{}.", words::capital(meaning))
            }
            None => "Where the recorded follow-up begins; the study file does not say when.".into(),
        },
        TrialComponent::Outcome => {
            let label = |endpoint: &EndpointSection| endpoint.label.clone();
            let labels: Vec<String> = protocol.endpoints.iter().map(label).collect();
            format!("{}.", labels.join("; "))
        }
        TrialComponent::Contrast => contrast(protocol),
        TrialComponent::Analysis => "As the methods say; arms by the treatment received.".into(),
    }
}

fn contrast(protocol: &Protocol) -> String {
    use study::protocol::MatchEstimand::{Atc, Ate, Att};
    match (&protocol.matching, &protocol.weighting) {
        (Some(section), _) => match section.estimand {
            Att => "The effect in the exposed who found a partner.".into(),
            Atc => "The effect in the comparators who found a partner.".into(),
            Ate => "The effect in all matched patients.".into(),
        },
        (None, Some(section)) => {
            format!("{}.", words::capital(words::weight_estimand(section.estimand)))
        }
        (None, None) => "The difference of the arms given the terms of the models.".into(),
    }
}

/// What the protocol itself makes plain; the rest is for the authors.
fn difference(source: &Source, component: TrialComponent) -> String {
    let protocol = &source.result.protocol;
    let has_immortal_time = has_immortal_time(source);
    match component {
        TrialComponent::Eligibility if has_immortal_time => {
            "The exposed had to live, and to stay under observation, until exposure began; the comparators \
             had not."
                .into()
        }
        TrialComponent::Contrast => contrast_gap(source),
        TrialComponent::Analysis => analysis_gap(source),
        TrialComponent::Assignment => {
            let mut text = "Confounding by whatever is not among the covariates.".to_owned();
            let late: Vec<String> =
                late_confounders(protocol).map(|variable| words::within(&variable.label)).collect();
            if !late.is_empty() {
                text.push_str(&format!(" Known only after time zero: {}.", words::list(&late)));
            }
            text
        }
        TrialComponent::TimeZero if has_immortal_time => {
            "Exposure begins after time zero: whoever was exposed had to live until then.".into()
        }
        TrialComponent::TimeZero if protocol.time_zero.is_none() => {
            "What happens at time zero is not stated, so that neither its being the same in both arms nor \
             exposure beginning at it can be checked."
                .into()
        }
        TrialComponent::TimeZero if protocol.exposure.start_date.is_none() => {
            "Whether exposure began at time zero cannot be checked: no date is given.".into()
        }
        _ => "None that the protocol shows.".into(),
    }
}

fn has_immortal_time(source: &Source) -> bool {
    source.result.caveats.iter().any(|caveat| caveat.code == CaveatCode::ImmortalTime)
}

/// Arms are those of the treatment received, of the patients whom the design has kept.
fn contrast_gap(source: &Source) -> String {
    let protocol = &source.result.protocol;
    let mut text =
        "Arms are defined by the treatment received, not by the one intended.".to_owned();
    let Some(adjusted) = protocol.adjusted() else { return text };
    let spoken_for = protocol.matching.as_ref().map(|section| section.estimand);
    let is_asked = |index: usize| match spoken_for {
        Some(MatchEstimand::Att) => index == 0,
        Some(MatchEstimand::Atc) => index == 1,
        _ => true,
    };
    let arms = source.arms().iter().enumerate().filter(|(index, _)| is_asked(*index));
    for (_, arm) in arms {
        let number = |name: &str| {
            let id = id::quantity(STUDY, adjusted.id(), "flow", &arm.id, name);
            source.numbers.value(&id)
        };
        let left_out = number("n_excluded").zip(number("n")).filter(|&(n, _)| n > 0.0);
        if let Some((n, kept)) = left_out {
            text.push_str(&format!(
                " Of the {} patients of the arm {}, {} are left out.",
                number::count(n + kept),
                arm.label,
                number::count(n)
            ));
        }
    }
    text
}

/// What the models take for granted that randomisation and the design do not give.
fn analysis_gap(source: &Source) -> String {
    let protocol = &source.result.protocol;
    let mut gaps = Vec::new();
    let is_paired = protocol.matching.as_ref().is_some_and(MatchingSection::is_one_to_one);
    let by_model = protocol.cox.as_ref().is_some_and(|cox| cox.variance == Variance::Model);
    if is_paired && by_model {
        gaps.push("The variance of the hazard models ignores the matched pairs.");
    }
    if has_immortal_time(source) {
        gaps.push("Time before exposure began is counted as exposed.");
    }
    match gaps.is_empty() {
        true => "None that the protocol shows.".into(),
        false => gaps.join(" "),
    }
}

/// Covariates of the score that are known only after time zero.
pub(crate) fn late_confounders(protocol: &Protocol) -> impl Iterator<Item = &Variable> {
    let covariates = protocol.propensity.iter().flat_map(|section| &section.covariates);
    let known = covariates.filter_map(|name| protocol.variable(name));
    known.filter(|variable| variable.after_time_zero)
}
