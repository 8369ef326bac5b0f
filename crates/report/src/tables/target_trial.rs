//! The study held against the randomised trial that it stands for.

use super::Source;
use crate::table::{Cell, Column, Row, Table};
use crate::words;
use cohort::CaveatCode;
use study::protocol::{EndpointSection, Protocol, TrialComponent, Variable};

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
            emulation.unwrap_or_else(|| emulated(protocol, component)),
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
fn emulated(protocol: &Protocol, component: TrialComponent) -> String {
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
            None => "Where the recorded follow-up times begin.".into(),
        },
        TrialComponent::Outcome => {
            let label = |endpoint: &EndpointSection| endpoint.label.clone();
            let labels: Vec<String> = protocol.endpoints.iter().map(label).collect();
            format!("{}.", labels.join("; "))
        }
        TrialComponent::Contrast => contrast(protocol),
        TrialComponent::Analysis => "As the methods say.".into(),
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
    let has_immortal_time =
        source.result.caveats.iter().any(|caveat| caveat.code == CaveatCode::ImmortalTime);
    match component {
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
        TrialComponent::TimeZero if protocol.exposure.start_date.is_none() => {
            "Whether exposure began at time zero cannot be checked: no date is given.".into()
        }
        _ => "None that the protocol shows.".into(),
    }
}

/// Covariates of the score that are known only after time zero.
pub(crate) fn late_confounders(protocol: &Protocol) -> impl Iterator<Item = &Variable> {
    let covariates = protocol.propensity.iter().flat_map(|section| &section.covariates);
    let known = covariates.filter_map(|name| protocol.variable(name));
    known.filter(|variable| variable.after_time_zero)
}
