//! Reads a protocol from TOML: every default filled in, every reference resolved, every mistake
//! collected.
//!
//! Conditions (`keep`, `among`) stay text here: their grammar and the types of their columns belong
//! to `eligibility`.

mod analyses;
mod bootstrap;
mod data;
mod matching;
mod place;
mod report;
mod roles;
mod section;
mod suggest;
mod value;
mod weighting;

pub use place::locate;

use super::{MatchingSection, Protocol, SCHEMA};
use analyses::Declared;
use section::Section;
use thiserror::Error;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong with a protocol.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{path}: {message}")]
pub struct Violation {
    /// Path of the field in the file, such as `endpoint[0].event.column`; empty for the file as a
    /// whole.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Reads a protocol, or says everything that is wrong with it, in the order of reading.
///
/// Codes may be written as numbers or text (`levels = [2, 3]`), dates as dates of TOML or text. A
/// text that is no TOML at all gives one violation with an empty path.
pub fn read(text: &str) -> Result<Protocol, Vec<Violation>> {
    let document = DeTable::parse(text).map_err(|error| vec![place::syntax(text, &error)])?;
    let (protocol, mut violations) = Section::read(document.get_ref(), protocol);
    violations.extend(roles::conflicts(&protocol));
    if violations.is_empty() { Ok(protocol) } else { Err(violations) }
}

fn protocol(file: &Section) -> Protocol {
    let schema = file.needed("schema", schema).unwrap_or_default();
    let source = file.needed_table("data", data::data);
    let variables =
        file.entries("variables", |name, section| data::variable(name, section, &source));
    let study = file.needed_table("study", |section| data::study(section, &variables));
    let time_zero = file.table("time_zero", data::time_zero);
    let exposure = file.needed_table("exposure", |section| {
        data::exposure(section, &source, file.has("time_zero"))
    });
    let declared = Declared {
        profile: study.emulate,
        variables: &variables,
        exposure: &exposure.column,
        has_matching: file.has("matching"),
        has_weighting: file.has("weighting"),
        has_pairs: false,
    };
    let propensity = file.table("propensity", |section| analyses::propensity(section, &declared));
    let matching = matching::matching(file, &declared);
    let weighting = weighting::weighting(file, &declared, propensity.as_ref());
    let has_pairs = matching.as_ref().is_some_and(MatchingSection::is_one_to_one);
    let declared = Declared { has_pairs, ..declared };
    let cox = file.table("cox", |section| analyses::cox(section, &declared));
    let ties = cox.as_ref().map_or(study.emulate.ties(), |cox| cox.ties);
    let survival =
        file.defaulted_table("survival", |section| analyses::survival(section, &declared));
    let endpoints = data::endpoints(file, &study, &source);
    let analysed = report::Analysed {
        endpoints: &endpoints,
        cox: cox.as_ref(),
        exposure: &exposure.column,
        main_population: declared.main_population(),
    };
    Protocol {
        report: file.defaulted_table("report", |section| report::report(section, &analysed)),
        eligibility: file.tables("eligibility", data::criterion),
        missing: file.defaulted_table("missing", data::missing),
        propensity,
        matching,
        weighting,
        balance: file.defaulted_table("balance", |section| analyses::balance(section, &declared)),
        subgroups: analyses::subgroups(file, &declared, ties),
        sensitivity: file.defaulted_table("sensitivity", |section| {
            analyses::sensitivity(section, &declared, cox.as_ref())
        }),
        bootstrap: file.table("bootstrap", |section| {
            bootstrap::bootstrap(section, &declared, survival.confidence)
        }),
        survival,
        endpoints,
        schema,
        study,
        data: source,
        time_zero,
        cox,
        exposure,
        variables,
    }
}

fn schema(value: &DeValue) -> Result<String, String> {
    let schema = value::text(value)?;
    if schema == SCHEMA {
        Ok(schema)
    } else {
        Err(format!("this program reads files of format `{SCHEMA}`, not `{schema}`"))
    }
}

#[cfg(test)]
mod tests;
