//! One column has one role: an exposure, an outcome or an id is no baseline characteristic.

use super::{Violation, place};
use crate::protocol::Protocol;

/// What a column is used as.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Id,
    Exposure,
    Variable,
    Date,
    Time,
    Event,
    Censoring,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Id => "the id of the patients",
            Self::Exposure => "the exposure",
            Self::Variable => "a variable",
            Self::Date => "a date",
            Self::Time => "a follow-up time",
            Self::Event => "an event",
            Self::Censoring => "a reason for censoring",
        }
    }
}

/// Columns that are used as two different things, reported at the second use.
pub(super) fn conflicts(protocol: &Protocol) -> Vec<Violation> {
    let uses = uses(protocol);
    let conflict = |(index, (path, column, role)): (usize, &(String, &str, Role))| {
        let is_other = |(_, name, first): &&(String, &str, Role)| name == column && first != role;
        let (_, _, first) = uses[..index].iter().find(is_other)?;
        let message = format!(
            "column `{column}` is {} already and cannot also be {}",
            first.name(),
            role.name()
        );
        Some(Violation { path: path.clone(), message })
    };
    uses.iter()
        .enumerate()
        .filter(|(_, (_, column, _))| !column.is_empty())
        .filter_map(conflict)
        .collect()
}

/// Every use of a column with its path, outcomes before variables.
fn uses(protocol: &Protocol) -> Vec<(String, &str, Role)> {
    let mut uses = vec![
        ("data.id".to_string(), protocol.data.id.as_str(), Role::Id),
        ("exposure.column".into(), &protocol.exposure.column, Role::Exposure),
    ];
    if let Some(time_zero) = &protocol.time_zero {
        uses.push(("time_zero.date".into(), &time_zero.date, Role::Date));
    }
    if let Some(date) = &protocol.exposure.start_date {
        uses.push(("exposure.start_date".into(), date, Role::Date));
    }
    for (index, endpoint) in protocol.endpoints.iter().enumerate() {
        let path = |field: &str| format!("endpoint[{index}].{field}");
        uses.push((path("event.column"), &endpoint.event.column, Role::Event));
        if let Some(time) = &endpoint.time {
            uses.push((path("time.column"), &time.column, Role::Time));
        }
        if let Some(end) = &endpoint.end {
            uses.push((path("end"), end, Role::Date));
        }
        if let Some(censoring) = &endpoint.censoring {
            uses.push((path("censoring.column"), &censoring.column, Role::Censoring));
        }
    }
    for variable in &protocol.variables {
        uses.push((place::join("variables", &variable.name), &variable.name, Role::Variable));
    }
    uses
}
