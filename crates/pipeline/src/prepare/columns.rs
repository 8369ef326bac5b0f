//! Which columns a protocol needs, and which of its fields asks for each.

use super::checks::Checks;
use super::{Conditions, at_character};
use cohort::{Column, Values};
use eligibility::Window;
use intake::{ColumnKind, ColumnSpec, IntakeError, TableSpec};
use study::Protocol;
use study::protocol::{VariableKind, Violation};

/// What the table must have.
pub(super) fn table_spec(
    protocol: &Protocol,
    conditions: &Conditions,
) -> Result<TableSpec, Vec<Violation>> {
    let mut needed = Needed { columns: Vec::new(), checks: Checks::default() };
    for variable in &protocol.variables {
        let kind = match variable.kind {
            VariableKind::Continuous => ColumnKind::Number,
            _ => ColumnKind::Category { levels: variable.levels.clone() },
        };
        needed.declare(
            &variable.name,
            kind,
            variable.missing.clone(),
            &format!("variables.{}", variable.name),
        );
    }
    let exposure = &protocol.exposure;
    // The comparator first: it is the reference of every model.
    let levels = vec![exposure.comparator.value.clone(), exposure.exposed.value.clone()];
    needed.column(&exposure.column, ColumnKind::Category { levels }, "exposure.column");
    if let Some(date) = &exposure.start_date {
        needed.column(date, ColumnKind::Date, "exposure.start_date");
    }
    if let Some(zero) = &protocol.time_zero {
        needed.column(&zero.date, ColumnKind::Date, "time_zero.date");
    }
    for (index, endpoint) in protocol.endpoints.iter().enumerate() {
        let path = format!("endpoint[{index}]");
        let levels = event_codes(protocol, &endpoint.event.column);
        let kind = ColumnKind::Category { levels };
        needed.column(&endpoint.event.column, kind, &format!("{path}.event.column"));
        if let Some(time) = &endpoint.time {
            needed.column(&time.column, ColumnKind::Number, &format!("{path}.time.column"));
        }
        if let Some(end) = &endpoint.end {
            needed.column(end, ColumnKind::Date, &format!("{path}.end"));
        }
        if let Some(censoring) = &endpoint.censoring {
            let kind = ColumnKind::Category { levels: censoring.levels.clone() };
            needed.column(&censoring.column, kind, &format!("{path}.censoring.column"));
        }
    }
    needed.conditions(protocol, conditions);
    needed.checks.finish(Some(TableSpec {
        id: protocol.data.id.clone(),
        separator: protocol.data.separator.bytes().next().unwrap_or(b','),
        missing: protocol.data.missing.clone(),
        columns: needed.columns,
    }))
}

/// All codes that some endpoint declares on a column, censoring first.
fn event_codes(protocol: &Protocol, column: &str) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for endpoint in protocol.endpoints.iter().filter(|known| known.event.column == column) {
        for code in [&endpoint.event.censored, &endpoint.event.value] {
            if !codes.contains(code) {
                codes.push(code.clone());
            }
        }
    }
    codes
}

struct Needed {
    columns: Vec<ColumnSpec>,
    checks: Checks,
}

impl Needed {
    /// A column that has to hold a kind of values; one that is there already must hold the same.
    fn column(&mut self, name: &str, kind: ColumnKind, path: &str) {
        self.declare(name, kind, Vec::new(), path);
    }

    fn declare(&mut self, name: &str, kind: ColumnKind, missing: Vec<String>, path: &str) {
        match self.columns.iter().find(|known| known.name == name) {
            None => self.columns.push(ColumnSpec { name: name.into(), kind, missing }),
            Some(known) if known.kind == kind => {}
            Some(known) => {
                let message = format!(
                    "column {name} is declared as {} elsewhere and needed as {} here; give it one \
                     meaning, with the same levels",
                    known.kind.name(),
                    kind.name()
                );
                self.checks.add(path, message);
            }
        }
    }

    /// Columns that only conditions name are read as what the comparisons imply; then every
    /// condition is held against the kinds of its columns.
    fn conditions(&mut self, protocol: &Protocol, conditions: &Conditions) {
        let all: Vec<_> = conditions.with_paths(protocol).collect();
        for used in eligibility::columns_of(all.iter().map(|(_, criterion)| *criterion)) {
            if !self.columns.iter().any(|known| known.name == used.name) {
                let kind = used.implied.unwrap_or(ColumnKind::Text);
                self.columns.push(ColumnSpec { name: used.name, kind, missing: Vec::new() });
            }
        }
        let kind_of = |name: &str| {
            self.columns.iter().find(|known| known.name == name).map(|known| &known.kind)
        };
        for (path, criterion) in all {
            for error in
                criterion.check(kind_of, window(protocol).is_some()).err().unwrap_or_default()
            {
                self.checks.add(&path, at_character(&error));
            }
        }
    }
}

/// What is wrong with the table, at the field that asks for the column.
pub(super) fn violation(protocol: &Protocol, error: &IntakeError) -> Violation {
    let path = error.column().and_then(|column| path_of(protocol, column));
    Violation { path: path.unwrap_or_else(|| "data.file".into()), message: error.to_string() }
}

fn path_of(protocol: &Protocol, column: &str) -> Option<String> {
    if protocol.data.id == column {
        return Some("data.id".into());
    }
    if protocol.variable(column).is_some() {
        return Some(format!("variables.{column}"));
    }
    if protocol.exposure.column == column {
        return Some("exposure.column".into());
    }
    if protocol.exposure.start_date.as_deref() == Some(column) {
        return Some("exposure.start_date".into());
    }
    if protocol.time_zero.as_ref().is_some_and(|zero| zero.date == column) {
        return Some("time_zero.date".into());
    }
    protocol.endpoints.iter().enumerate().find_map(|(index, endpoint)| {
        let path = format!("endpoint[{index}]");
        if endpoint.event.column == column {
            Some(format!("{path}.event.column"))
        } else if endpoint.end.as_deref() == Some(column) {
            Some(format!("{path}.end"))
        } else if endpoint.censoring.as_ref().is_some_and(|known| known.column == column) {
            Some(format!("{path}.censoring.column"))
        } else {
            let is_time = endpoint.time.as_ref().is_some_and(|time| time.column == column);
            is_time.then(|| format!("{path}.time.column"))
        }
    })
}

/// The study period.
pub(super) fn window(protocol: &Protocol) -> Option<Window> {
    let window = protocol.time_zero.as_ref()?.window.as_ref()?;
    Window::parse(&window.from, &window.to)
}

/// Some positions of a column.
pub(super) fn picked(column: &Column, positions: &[usize]) -> Column {
    let values = match &column.values {
        Values::Numeric(values) => {
            Values::Numeric(positions.iter().map(|&position| values[position]).collect())
        }
        Values::Categorical { levels, codes } => Values::Categorical {
            levels: levels.clone(),
            codes: positions.iter().map(|&position| codes[position]).collect(),
        },
    };
    let mut is_missing = vec![false; column.values.len()];
    for &position in &column.missing {
        is_missing[position] = true;
    }
    let missing = (0..positions.len()).filter(|&index| is_missing[positions[index]]).collect();
    Column { name: column.name.clone(), values, missing }
}
