//! A bootstrap to be computed, and what it gives on one thread.

use bootstrap::{Plan, Replicates, Resampling};
use cohort::{Cohort, Column, EndpointColumns, Selection, Term};
use coordinator::Statistics;
use cox::CoxQuery;
use pipeline::{Bootstrap, BootstrapQuery};
use service_kit::{Compute, Deadline, Failure, Pool, Settings};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use survival::{Measure, SurvivalQuantity, SurvivalStatisticQuery};

/// No test waits for longer; reached only where one fails.
pub const FAR: Duration = Duration::from_secs(60);

/// A bootstrap of invented patients.
pub struct Question {
    pub cohort: Arc<Cohort>,
    pub everybody: Selection,
    pub query: BootstrapQuery,
}

impl Question {
    /// Medians of two arms, a difference that some replicates lack, and a model of `n_covariates`.
    pub fn new(n_patients: usize, n_covariates: usize, n_replicates: u64) -> Self {
        let mut state = 1u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut values = |most: f64| -> Vec<f64> {
            (0..n_patients).map(|_| (uniform() * most).floor()).collect()
        };
        let arm = values(2.0).into_iter().map(|arm| arm as u32).collect();
        let mut columns = vec![
            Column::numeric("time", values(300.0).into_iter().map(|time| time + 1.0).collect()),
            Column::numeric("event", values(2.0)),
            Column::categorical("arm", vec!["a".into(), "b".into()], arm),
        ];
        let names: Vec<String> = (0..n_covariates).map(|at| format!("x{at}")).collect();
        columns.extend(names.iter().map(|name| Column::numeric(name, values(10.0))));
        let cohort = Arc::new(Cohort::new(None, columns).unwrap());
        let endpoint = EndpointColumns::new("time", "event");
        let difference = |measure| SurvivalQuantity::Difference {
            measure,
            group: "b".into(),
            reference: "a".into(),
        };
        let survival = SurvivalStatisticQuery {
            endpoint: endpoint.clone(),
            group: Some("arm".into()),
            quantities: vec![
                difference(Measure::Quantile { probability: 0.5 }),
                difference(Measure::RestrictedMean { tau: 299.0 }),
            ],
        };
        let terms = names.iter().map(Term::linear).chain([Term::factor("arm")]).collect();
        let plan = Plan::new(7, n_replicates, Resampling::WithReplacement).unwrap();
        let query = BootstrapQuery {
            survival: Some(survival),
            cox: vec![CoxQuery::new(endpoint, terms)],
            ..BootstrapQuery::new(plan)
        };
        Self { everybody: Selection::all(&cohort), cohort, query }
    }

    /// The replicates, on this thread.
    pub fn expected(&self) -> Vec<Bits> {
        let bootstrap = Bootstrap::read(&self.cohort, &self.everybody, &self.query).unwrap();
        bits(&bootstrap.replicates(0..self.query.plan.n_replicates()).unwrap())
    }

    /// The replicates from the workers of a pool.
    pub async fn ask(&self, pool: &Pool, deadline: Deadline) -> Result<Vec<Bits>, Failure> {
        self.ask_with(pool, &Settings::default(), deadline).await
    }

    /// The same, by a coordinator with these settings.
    pub async fn ask_with(
        &self,
        pool: &Pool,
        settings: &Settings,
        deadline: Deadline,
    ) -> Result<Vec<Bits>, Failure> {
        let all = || pool.clone();
        let statistics = Statistics::new(all(), all(), all(), all(), settings);
        let compute = Compute::new(NonZeroUsize::new(1), 1).unwrap();
        let Self { cohort, everybody, query } = self;
        let answer = statistics.replicates(cohort, everybody, query, &compute, deadline);
        answer.await.map(|replicates| bits(&replicates))
    }
}

/// A quantity of a replicate, or why there is none, and its variance: to the bit.
pub type Bits = (Result<u64, cohort::NotEstimable>, Option<u64>);

fn bits(replicates: &Replicates) -> Vec<Bits> {
    assert_eq!(replicates.first, 0);
    let bits = |answer: &cohort::Replicated| {
        // A variance of 0 is none.
        let variance = answer.variance.filter(|&variance| variance != 0.0);
        (answer.value.map(f64::to_bits), variance.map(f64::to_bits))
    };
    replicates.answers.iter().map(bits).collect()
}
