//! Small random cohorts for the tests: tied times, late entries, strata and two columns.

use cohort::{Design, DesignColumn, Endpoint, RiskOrder};
use numerics::newton::Derivatives;
use proptest::prelude::*;

/// A cohort with its strata and columns.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub endpoint: Endpoint,
    pub strata: Vec<u32>,
    pub design: Design,
}

impl Sample {
    pub fn order(&self) -> RiskOrder {
        RiskOrder::new(&self.endpoint, &self.strata)
    }

    /// Whether a subject is in the risk set of another's exit.
    pub fn is_at_risk(&self, subject: usize, at_exit_of: usize) -> bool {
        let t = self.endpoint.time()[at_exit_of];
        let entered = self.endpoint.entry().is_none_or(|entry| entry[subject] < t);
        self.strata[subject] == self.strata[at_exit_of]
            && entered
            && t <= self.endpoint.time()[subject]
    }
}

/// Up to 25 subjects on a grid of times, so that most of them are tied.
pub(crate) fn sample(with_entry: bool) -> impl Strategy<Value = Sample> {
    let subject = (0..4u8, 1..5u8, any::<bool>(), 0..2u32, -2.0..2.0f64, 0..2u8);
    proptest::collection::vec(subject, 2..25).prop_map(move |subjects| {
        let entry: Vec<f64> =
            subjects.iter().map(|s| if with_entry { f64::from(s.0) } else { 0.0 }).collect();
        let time = entry.iter().zip(&subjects).map(|(entry, s)| entry + f64::from(s.1)).collect();
        let event = subjects.iter().map(|s| s.2).collect();
        let endpoint = match with_entry {
            true => Endpoint::with_entry(entry, time, event),
            false => Endpoint::new(time, event),
        };
        let column = |name: &str, term, values| DesignColumn { name: name.into(), term, values };
        Sample {
            endpoint: endpoint.expect("times ascend within every subject"),
            strata: subjects.iter().map(|s| s.3).collect(),
            design: Design {
                terms: vec!["x".into(), "z".into()],
                columns: vec![
                    column("x", 0, subjects.iter().map(|s| s.4).collect()),
                    column("z", 1, subjects.iter().map(|s| f64::from(s.5)).collect()),
                ],
            },
        }
    })
}

/// Derivatives that are the same but for rounding.
pub(crate) fn assert_near(got: &Derivatives, want: &Derivatives) -> Result<(), TestCaseError> {
    let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-10 * (1.0 + b.abs());
    prop_assert!(is_close(got.value, want.value), "{} {}", got.value, want.value);
    for (a, b) in got.gradient.iter().zip(&want.gradient) {
        prop_assert!(is_close(*a, *b), "{a} {b}");
    }
    for (a, b) in got.information.iter().zip(&want.information) {
        prop_assert!(is_close(*a, *b), "{a} {b}");
    }
    Ok(())
}
