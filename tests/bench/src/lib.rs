//! The cohort on which the benches run, here and elsewhere, and what is asked of it.

pub mod models;
mod scores;

pub use scores::{MATCHING_SIZES, Scored, apart, scores};

use cohort::{
    Cells, Cohort, Column, Endpoint, EndpointColumns, Estimate, Groups, Interval, Selection,
};
use simulate::{Baseline, Censoring, Sample, Scenario, Simulation, Steps};
use std::f64::consts::LN_2;
use survival::{
    ComparisonOptions, ComparisonQuery, Confidence, CurvesQuery, IntervalRule, QuantileRule,
    RiskTable, TestWeights, compare, curves, kaplan_meier, log_rank, quantile,
};

/// Numbers of patients.
pub const SIZES: [usize; 3] = [10_000, 1_000_000, 10_000_000];

/// Patients followed for up to twelve years, in days: a quarter exposed, with a hazard ratio of 0.8;
/// median survival of the others six years, a third censored.
///
/// # Panics
///
/// Never: the scenario is a valid one.
#[must_use]
pub fn patients(n: usize) -> Sample {
    let mut scenario =
        Scenario::of(Baseline::Exponential { rate: LN_2 / 2190.0 }).expect("1 is a hazard ratio");
    scenario.causes[0].hazard_ratio = Steps::constant(0.8).expect("0.8 is a hazard ratio");
    scenario.exposed_share = 0.25;
    scenario.censoring =
        Censoring { study_end: Some(4380.0), accrual: 1825.0, dropout_rate: 0.000_02 };
    scenario.time_grid = Some(1.0);
    Simulation::new(scenario, 20_261_123).expect("the scenario is a valid one").draw(n, 0)
}

/// The same patients as columns and as a cohort.
pub struct Columns {
    time: Cells<f64>,
    event: Cells<bool>,
    exposed: Groups,
    cohort: Cohort,
}

impl Columns {
    /// The columns of [`patients`].
    ///
    /// # Panics
    ///
    /// Never: what is simulated makes valid columns.
    #[must_use]
    pub fn of_patients(n: usize) -> Self {
        let sample = patients(n);
        let exposed = Cells::from(sample.exposed());
        let event = sample.cause.iter().map(|&cause| cause == 1).collect();
        let cause = sample.cause.iter().map(|&cause| f64::from(cause)).collect();
        let levels = ["0", "1"].map(String::from).to_vec();
        let columns = vec![
            Column::numeric("time", sample.time.clone()),
            Column::numeric("event", cause),
            Column::categorical("exposed", levels, exposed.to_vec()),
        ];
        Self {
            time: sample.time.into(),
            event,
            exposed: Groups::new(exposed, 2),
            cohort: Cohort::new(None, columns).expect("the columns are valid"),
        }
    }

    /// The table of those at risk, everybody in one group or by exposure; settles ties and counts.
    ///
    /// # Panics
    ///
    /// Never: simulated times are valid.
    #[must_use]
    pub fn table(&self, by_exposure: bool) -> RiskTable {
        let endpoint = Endpoint::of_cells(None, self.time.clone(), self.event.clone());
        let groups = if by_exposure { self.exposed.clone() } else { Groups::one() };
        RiskTable::of(&endpoint.expect("simulated times are valid"), &groups)
    }

    /// The median and its interval, asked of the cohort.
    ///
    /// # Panics
    ///
    /// Never: the query makes sense.
    pub fn ask_median(&self) -> (Estimate, Interval) {
        let query = CurvesQuery {
            quantiles: vec![0.5],
            quantile_rules: vec![QuantileRule::Curve(IntervalRule::Log)],
            ..CurvesQuery::new(EndpointColumns::new("time", "event"))
        };
        let curves = curves(&self.cohort, &Selection::all(&self.cohort), &query);
        let median = &curves.expect("the query makes sense").groups[0].quantiles[0];
        (median.value, median.interval)
    }

    /// The log-rank statistic, asked of the cohort.
    ///
    /// # Panics
    ///
    /// Never: the query makes sense.
    pub fn ask_chi_squared(&self) -> Estimate {
        let query = ComparisonQuery {
            endpoint: EndpointColumns::new("time", "event"),
            group: "exposed".into(),
            strata: Vec::new(),
            weights: None,
            options: ComparisonOptions::default(),
        };
        let comparison = compare(&self.cohort, &Selection::all(&self.cohort), &query);
        comparison.expect("the query makes sense").chi_squared
    }
}

/// The median and its interval from the curve of a table.
///
/// # Panics
///
/// Never: 0.95 is a confidence.
pub fn median(table: &RiskTable) -> (Estimate, Interval) {
    let confidence = Confidence::new(0.95).expect("0.95 is a confidence");
    let curve = kaplan_meier(table, IntervalRule::Log, confidence);
    let median = quantile(&curve, 0.5, QuantileRule::Curve(IntervalRule::Log), confidence);
    (median.value, median.interval)
}

/// The log-rank statistic of a table.
pub fn chi_squared(table: &RiskTable) -> Estimate {
    log_rank(table, TestWeights::LogRank).chi_squared().0
}
