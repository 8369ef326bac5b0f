//! Collects what is wrong while the patients are found.

use super::Attrition;
use crate::bootstrap::MOST_UNITS_LEFT_OUT;
use ::bootstrap::BootstrapError;
use intake::Table;
use std::fmt::Display;
use study::Protocol;
use study::protocol::{BootstrapMethod, BootstrapScope, Violation};

/// Violations so far.
#[derive(Default)]
pub(super) struct Checks(Vec<Violation>);

impl Checks {
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Display) {
        self.0.push(Violation { path: path.into(), message: message.to_string() });
    }

    /// The value, or a violation at the path.
    pub(super) fn take<T, E: Display>(&mut self, path: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.add(path, error)).ok()
    }

    /// The value, if nothing was wrong.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Violation>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }

    /// Refuses a study without patients, or with an empty arm, and says what emptied it.
    pub(super) fn not_empty(
        &mut self,
        protocol: &Protocol,
        table: &Table,
        rows: &[usize],
        attrition: &[Attrition],
    ) -> Option<()> {
        if rows.is_empty() {
            let emptied = attrition.iter().position(|step| step.n_left == 0);
            let (path, step) = match emptied {
                Some(index) if !attrition[index].is_missing_policy => (
                    format!("eligibility[{index}]"),
                    format!("the criterion \"{}\"", attrition[index].label),
                ),
                _ => ("missing.policy".into(), "the policy for missing values".into()),
            };
            let message = format!("{step} leaves no patients; there is nothing to analyse");
            self.add(path, message);
            return None;
        }
        let (levels, codes) = table.category(&protocol.exposure.column).ok()?;
        let mut is_complete = true;
        for (name, arm) in
            [("exposed", &protocol.exposure.exposed), ("comparator", &protocol.exposure.comparator)]
        {
            let code = levels.iter().position(|level| *level == arm.value);
            let is_member = |&&row: &&usize| codes[row].map(|code| code as usize) == code;
            if code.is_none() || !rows.iter().any(|row| is_member(&row)) {
                let message = format!(
                    "none of the {} analysed patients is in this arm ({} = {}); check the value, and \
                     the criteria that leave patients out",
                    rows.len(),
                    protocol.exposure.column,
                    arm.value
                );
                self.add(format!("exposure.{name}"), message);
                is_complete = false;
            }
        }
        is_complete.then_some(())
    }

    /// Refuses corrected intervals that would make the design again without each of very many patients in turn.
    pub(super) fn few_enough(&mut self, protocol: &Protocol, n_patients: usize) {
        let Some(section) = &protocol.bootstrap else { return };
        let is_asked = section.scopes.contains(&BootstrapScope::Pipeline)
            && section.pipeline_methods.contains(&BootstrapMethod::Bca);
        if is_asked && n_patients > MOST_UNITS_LEFT_OUT {
            let error =
                BootstrapError::LongJackknife { n_units: n_patients, most: MOST_UNITS_LEFT_OUT };
            self.add("bootstrap.pipeline_methods", error);
        }
    }
}
