//! A simulated cohort.

use crate::Arm;
use crate::scenario::RESERVED;
use cohort::{Column, Endpoint};

/// Simulated patients with what was observed of them and what only a simulation knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Time of the first event or of censoring.
    pub time: Vec<f64>,
    /// Which cause ended follow-up: 1 for the event of interest, 2 and up for those that compete, 0
    /// for censoring.
    pub cause: Vec<u32>,
    /// Arm of each patient.
    pub arm: Vec<Arm>,
    /// Probability of exposure given covariates and site: the true propensity score.
    pub propensity: Vec<f64>,
    /// Covariates, in the order of the scenario.
    pub covariates: Vec<Column>,
    /// Site, if the scenario has sites.
    pub site: Option<Column>,
}

impl Sample {
    /// Number of patients.
    #[must_use]
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there are no patients.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Follow-up for the event of interest; competing events count as censoring.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let event = self.cause.iter().map(|&cause| cause == 1).collect();
        Endpoint::new(self.time.clone(), event).expect(
            "as many events as times, and the simulation draws no time below 0 or without end",
        )
    }

    /// 1 for the exposed and 0 for the comparators, as a group column has it.
    #[must_use]
    pub fn exposed(&self) -> Vec<u32> {
        self.arm.iter().map(|&arm| u32::from(arm == Arm::Exposed)).collect()
    }

    /// The columns that a study would see: `time`, `event` (the code of the cause), `exposed` with
    /// the levels 0 and 1, the covariates, and `site` if there are sites.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let [time, event, exposed, _site] = RESERVED;
        let causes = self.cause.iter().map(|&cause| f64::from(cause)).collect();
        let mut columns = vec![
            Column::numeric(time, self.time.clone()),
            Column::numeric(event, causes),
            Column::categorical(exposed, vec!["0".into(), "1".into()], self.exposed()),
        ];
        columns.extend(self.covariates.iter().chain(&self.site).cloned());
        columns
    }
}
