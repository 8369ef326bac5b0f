//! The sections that say what the data are: study, table, variables, time zero, exposure,
//! eligibility, endpoints and missing values.

use super::section::Section;
use super::value::{
    Parsed, cell, code, column, column_name, date, flag, id, not_negative, separator, text, word,
};
use crate::protocol::{
    Arm, CensoringColumn, Criterion, DataSection, EndpointSection, EventCode, Exposure,
    MissingSection, StudySection, TimeColumn, TimeUnit, TimeZero, Variable, VariableKind, Window,
};
use toml::de::DeValue;

pub(super) fn study(section: &Section, variables: &[Variable]) -> StudySection {
    StudySection {
        id: section.needed("id", id).unwrap_or_default(),
        title: section.needed("title", text).unwrap_or_default(),
        notice: section.optional("notice", text),
        synthetic: section.optional("synthetic", flag).unwrap_or(false),
        data_lock: section.optional("data_lock", date),
        site: section.optional("site", |value| site(value, variables)),
        start_year: section
            .optional("start_year", |value| Ok(declared(value, variables)?.name.clone())),
        time_unit: section.optional("time_unit", word).unwrap_or_default(),
        emulate: section.optional("emulate", word).unwrap_or_default(),
    }
}

pub(super) fn data(section: &Section) -> DataSection {
    let missing = section.list("missing", cell);
    DataSection {
        file: section.needed("file", text).unwrap_or_default(),
        id: section.needed("id", text).unwrap_or_default(),
        missing: missing.unwrap_or_else(|| vec![String::new(), "NA".into()]),
        separator: section.optional("separator", separator).unwrap_or_else(|| ",".into()),
    }
}

pub(super) fn variable(name: &str, section: &Section, data: &DataSection) -> Variable {
    if let Err(message) = column_name(name) {
        section.refuse_self(message);
    }
    let kind = section.needed("type", word::<VariableKind>);
    let missing = section.list("missing", cell).unwrap_or_default();
    let is_missing = |cell: &String| missing.contains(cell) || data.missing.contains(cell);
    let levels = section.list("levels", |value| present(value, is_missing));
    let labels = section.list("level_labels", code);
    let reference = section.optional("reference", code);
    if let Some(kind) = kind {
        check_levels(section, kind);
    }
    let levels = match kind {
        Some(VariableKind::Binary) => levels.unwrap_or_else(|| vec!["0".into(), "1".into()]),
        _ => levels.unwrap_or_default(),
    };
    if kind.is_some_and(has_levels) {
        check_labels_and_reference(section, &levels, reference.as_deref());
    }
    Variable {
        name: name.into(),
        kind: kind.unwrap_or(VariableKind::Categorical),
        label: section.optional("label", text).unwrap_or_else(|| name.into()),
        unit: section.optional("unit", text),
        reference: reference.or_else(|| levels.first().cloned()),
        level_labels: labels.unwrap_or_else(|| levels.clone()),
        levels,
        missing,
        among: section.optional("among", text),
        after_time_zero: section.optional("after_time_zero", flag).unwrap_or(false),
    }
}

pub(super) fn time_zero(section: &Section) -> TimeZero {
    TimeZero {
        date: section.needed("date", text).unwrap_or_default(),
        meaning: section.optional("meaning", text),
        window: section.table("window", window),
    }
}

/// `has_time_zero`: whether there is a date that the begin of exposure can be compared with.
pub(super) fn exposure(section: &Section, data: &DataSection, has_time_zero: bool) -> Exposure {
    let column = section.needed("column", column).unwrap_or_default();
    let arm = |section: &Section| arm(section, &column, data);
    let exposed = section.needed_table("exposed", arm);
    let comparator = section.needed_table("comparator", arm);
    if exposed.value == comparator.value && !exposed.value.is_empty() {
        section.refuse("comparator", "both arms have the same value: nobody could be compared");
    }
    let start_date = section.optional("start_date", text);
    if start_date.is_some() && !has_time_zero {
        section.refuse("start_date", "needs `[time_zero]`, the date it is compared with");
    }
    Exposure { column, exposed, comparator, start_date }
}

pub(super) fn criterion(section: &Section) -> Criterion {
    Criterion {
        label: section.needed("label", text).unwrap_or_default(),
        keep: section.needed("keep", text).unwrap_or_default(),
    }
}

pub(super) fn endpoints(
    file: &Section,
    study: &StudySection,
    data: &DataSection,
) -> Vec<EndpointSection> {
    if !file.has("endpoint") {
        file.refuse("endpoint", "a study needs at least one `[[endpoint]]`");
    }
    let ids = Ids::new(&["study"]);
    let has_time_zero = file.has("time_zero");
    file.tables("endpoint", |section| {
        let id = ids.needed(section);
        let event = section.needed_table("event", |section| event(section, data));
        let time = section.table("time", |section| time_column(section, study.time_unit));
        let end = section.optional("end", text);
        check_follow_up(section, has_time_zero);
        EndpointSection {
            label: section.optional("label", text).unwrap_or_else(|| id.clone()),
            times: section.list("times", not_negative).unwrap_or_default(),
            censoring: section.table("censoring", censoring),
            id,
            event,
            time,
            end,
        }
    })
}

pub(super) fn missing(section: &Section) -> MissingSection {
    MissingSection { policy: section.optional("policy", word).unwrap_or_default() }
}

/// The ids of one kind of table: none may occur twice, and some are taken by the program.
pub(super) struct Ids {
    taken: std::cell::RefCell<Vec<String>>,
}

impl Ids {
    pub(super) fn new(taken: &[&str]) -> Self {
        Self { taken: taken.iter().map(ToString::to_string).collect::<Vec<_>>().into() }
    }

    /// The `id` of a table; empty when it has been reported.
    pub(super) fn needed(&self, section: &Section) -> String {
        let id = section.needed("id", id).unwrap_or_default();
        if self.taken.borrow().contains(&id) {
            section.refuse("id", format!("the id `{id}` is taken: choose another"));
        } else if !id.is_empty() {
            self.taken.borrow_mut().push(id.clone());
        }
        id
    }
}

/// A variable by its name.
fn declared<'a>(value: &DeValue, variables: &'a [Variable]) -> Parsed<&'a Variable> {
    let name = text(value)?;
    variables.iter().find(|known| known.name == name).ok_or_else(|| {
        let known: Vec<&str> = variables.iter().map(|known| known.name.as_str()).collect();
        let known = super::suggest::known_names(&name, &known);
        format!("there is no variable `{name}`; declared are {known}")
    })
}

/// A variable with levels that every patient can have.
fn site(value: &DeValue, variables: &[Variable]) -> Parsed<String> {
    let variable = declared(value, variables)?;
    match (has_levels(variable.kind), &variable.among) {
        (false, _) => Err(format!("`{}` has no levels, and sites are levels", variable.name)),
        (true, Some(_)) => Err(format!("not every patient has a value of `{}`", variable.name)),
        (true, None) => Ok(variable.name.clone()),
    }
}

fn censoring(section: &Section) -> CensoringColumn {
    let levels = section.filled_list("levels", code).unwrap_or_default();
    if !section.has("levels") {
        section.refuse("levels", "`levels` is missing: list the codes of the reasons");
    }
    let n_levels = section.list_len("levels").unwrap_or(levels.len());
    let labels = section.list("labels", code);
    if let Some(n) = section.list_len("labels").filter(|&n| n != n_levels) {
        section.refuse("labels", format!("{n} labels for {n_levels} codes: give one each"));
    }
    CensoringColumn {
        column: section.needed("column", column).unwrap_or_default(),
        labels: labels.unwrap_or_else(|| levels.clone()),
        levels,
    }
}

fn window(section: &Section) -> Window {
    let from = section.needed("from", date).unwrap_or_default();
    let to = section.needed("to", date).unwrap_or_default();
    if !from.is_empty() && !to.is_empty() && to < from {
        section.refuse("to", "the period ends before it begins");
    }
    Window { from, to }
}

fn arm(section: &Section, column: &str, data: &DataSection) -> Arm {
    let value = section.needed("value", |value| present(value, |cell| data.missing.contains(cell)));
    let value = value.unwrap_or_default();
    let label = section.optional("label", text).unwrap_or_else(|| format!("{column} = {value}"));
    Arm { value, label }
}

fn event(section: &Section, data: &DataSection) -> EventCode {
    let present = |value: &DeValue| present(value, |cell| data.missing.contains(cell));
    let event = EventCode {
        column: section.needed("column", text).unwrap_or_default(),
        value: section.optional("value", present).unwrap_or_else(|| "1".into()),
        censored: section.optional("censored", present).unwrap_or_else(|| "0".into()),
    };
    if event.value == event.censored {
        let key = if section.has("censored") { "censored" } else { "value" };
        section.refuse(
            key,
            format!(
                "`{}` is the code of the event and of censoring (by default `1` and `0`); give both",
                event.value
            ),
        );
    }
    event
}

fn time_column(section: &Section, default: TimeUnit) -> TimeColumn {
    TimeColumn {
        column: section.needed("column", text).unwrap_or_default(),
        unit: section.optional("unit", word).unwrap_or(default),
    }
}

/// Follow-up is a time or the date of its end.
fn check_follow_up(section: &Section, has_time_zero: bool) {
    match (section.has("time"), section.has("end")) {
        (true, true) => section.refuse("end", "an endpoint has either `time` or `end`, not both"),
        (false, false) => section.refuse_self(
            "the follow-up is missing: give `time` (a column of times) or `end` (a column of dates)",
        ),
        (false, true) if !has_time_zero => {
            section.refuse("end", "needs `[time_zero]`, the date at which follow-up begins");
        }
        _ => {}
    }
}

/// A code that does not also mean "missing".
fn present(value: &DeValue, is_missing: impl Fn(&String) -> bool) -> Parsed<String> {
    let code = code(value)?;
    if is_missing(&code) {
        Err(format!("`{code}` is also a cell that means \"missing\": it would never occur"))
    } else {
        Ok(code)
    }
}

fn has_levels(kind: VariableKind) -> bool {
    kind != VariableKind::Continuous
}

fn check_levels(section: &Section, kind: VariableKind) {
    let n_levels = section.list_len("levels");
    match (kind, n_levels) {
        (VariableKind::Continuous, _) => {
            for key in ["levels", "level_labels", "reference"] {
                if section.has(key) {
                    section.refuse(key, "a continuous variable has no levels");
                }
            }
        }
        (VariableKind::Binary, Some(n)) if n != 2 => {
            section.refuse("levels", format!("a binary variable has two levels, not {n}"));
        }
        (VariableKind::Categorical | VariableKind::Ordinal, None) if !section.has("levels") => {
            section.refuse("levels", "`levels` is missing: list the levels in display order");
        }
        (VariableKind::Categorical | VariableKind::Ordinal, Some(n)) if n < 2 => {
            section.refuse("levels", "a variable needs at least two levels");
        }
        _ => {}
    }
}

fn check_labels_and_reference(section: &Section, levels: &[String], reference: Option<&str>) {
    let n_levels = section.list_len("levels").unwrap_or(levels.len());
    if let Some(n) = section.list_len("level_labels").filter(|&n| n != n_levels) {
        section.refuse("level_labels", format!("{n} labels for {n_levels} levels: give one each"));
    }
    if let Some(level) = reference.filter(|&level| !levels.iter().any(|known| known == level)) {
        let known: Vec<&str> = levels.iter().map(String::as_str).collect();
        let known = super::suggest::known_names(level, &known);
        section
            .refuse("reference", format!("`{level}` is no level of the variable; it has {known}"));
    }
}
