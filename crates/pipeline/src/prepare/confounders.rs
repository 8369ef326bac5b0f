//! What the protocol alone tells of the covariates of the score: those that come too late, and what is
//! known to go with exposure and outcome but is not among them.

use cohort::{Caveat, CaveatCode};
use eligibility::Criterion;
use study::Protocol;
use study::protocol::SiteRule;

/// Doubts about the choice of covariates; without a score that of the years alone, which nobody knows.
pub(super) fn caveats(protocol: &Protocol) -> Vec<Caveat> {
    let Some(section) = &protocol.propensity else {
        return unknown_years(protocol).into_iter().collect();
    };
    let mut caveats = Vec::new();
    let late: Vec<&str> = protocol
        .variables
        .iter()
        .filter(|variable| variable.after_time_zero && section.covariates.contains(&variable.name))
        .map(|variable| variable.label.as_str())
        .collect();
    if !late.is_empty() {
        let message = format!(
            "Covariates of the score are known only after time zero: {}. Exposure may have changed \
             them, and what they carry of its effect is then taken away.",
            late.join(", ")
        );
        caveats.push(Caveat::new(CaveatCode::MeasuredAfterTimeZero, message));
    }
    let is_held = |name: &String| section.covariates.contains(name) || is_exact(protocol, name);
    if let Some(site) = protocol.site().filter(|site| !is_held(&site.name)) {
        let message = format!(
            "{} is neither in the score nor held equal within sets: sites that treat and fare \
             differently may confound the comparison.",
            site.label
        );
        caveats.push(Caveat::new(CaveatCode::UnadjustedConfounder, message));
    }
    caveats.extend(calendar_time(protocol, is_held));
    caveats
}

/// Criteria of eligibility that look at what is known only after time zero.
pub(super) fn future_criteria<'a>(
    protocol: &Protocol,
    criteria: impl Iterator<Item = (&'a str, &'a Criterion)>,
) -> Vec<Caveat> {
    let late = protocol.variables.iter().filter(|variable| variable.after_time_zero);
    let mut later: Vec<&str> = late.map(|variable| variable.name.as_str()).collect();
    later.extend(protocol.exposure.start_date.as_deref());
    for endpoint in &protocol.endpoints {
        later.push(&endpoint.event.column);
        later.extend(endpoint.time.as_ref().map(|time| time.column.as_str()));
        later.extend(endpoint.end.as_deref());
        later.extend(endpoint.censoring.as_ref().map(|one| one.column.as_str()));
    }
    let doubt = |(label, criterion): (&str, &Criterion)| {
        let columns = criterion.columns();
        let mut seen = columns.iter().map(|one| one.name.as_str());
        let column = seen.find(|name| later.contains(name))?;
        let message = format!(
            "The criterion \"{label}\" looks at {column}, which is known only after time zero: patients are \
             chosen by what became of them, and the arms may be chosen differently."
        );
        Some(Caveat::new(CaveatCode::MeasuredAfterTimeZero, message))
    };
    criteria.filter_map(doubt).collect()
}

/// Whether all members of a set agree on a variable.
fn is_exact(protocol: &Protocol, name: &String) -> bool {
    protocol.matching.as_ref().is_some_and(|section| {
        let is_site = section
            .site
            .as_ref()
            .is_some_and(|site| site.variable == *name && site.rule == SiteRule::Exact);
        is_site || section.exact.contains(name)
    })
}

/// Treatments and prognosis change over the years of a study.
fn calendar_time(protocol: &Protocol, is_held: impl Fn(&String) -> bool) -> Option<Caveat> {
    let what = match (&protocol.study.start_year, &protocol.time_zero) {
        (Some(year), _) if is_held(year) => return None,
        (Some(year), _) => {
            protocol.variable(year).map_or_else(|| year.clone(), |known| known.label.clone())
        }
        (None, Some(zero)) => format!("The year of time zero (column {})", zero.date),
        (None, None) => return unknown_years(protocol),
    };
    let message = format!(
        "{what} is not in the score: changes of treatment and prognosis over the years of the study \
         may confound the comparison."
    );
    Some(Caveat::new(CaveatCode::UnadjustedConfounder, message))
}

/// The study file does not say when follow-up began.
fn unknown_years(protocol: &Protocol) -> Option<Caveat> {
    if protocol.study.start_year.is_some() || protocol.time_zero.is_some() {
        return None;
    }
    let message = "The study names neither a date of time zero nor a year in which follow-up began: calendar \
                   time is not considered, and changes of treatment and prognosis over the years may \
                   confound the comparison.";
    Some(Caveat::new(CaveatCode::UnadjustedConfounder, message))
}
