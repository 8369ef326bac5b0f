//! Penalties and what is inferred from the likelihood itself.

use super::{test_from, test_to};
use crate::common::{enum_conversion, estimate_from, estimate_to, interval_from, interval_to};
use crate::pb::regression as pb;
use crate::violation::Violations;
use cohort::{PenalisedLikelihood, Penalty, ProfileLimits};
use cox::{OnMonotone, ProfileLikelihood};

enum_conversion!(
    on_monotone_to,
    on_monotone_from,
    OnMonotone,
    pb::OnMonotone,
    Some(OnMonotone::default()),
    [Report, Firth]
);

/// The penalty and the force of a ridge.
pub(super) fn penalty_to(penalty: Penalty) -> (i32, f64) {
    let (penalty, lambda) = match penalty {
        Penalty::None => (pb::Penalty::Unspecified, 0.0),
        Penalty::Firth => (pb::Penalty::Firth, 0.0),
        Penalty::Ridge(lambda) => (pb::Penalty::Ridge, lambda),
    };
    (penalty as i32, lambda)
}

/// Reads a penalty and the force of a ridge, which stand below `path`.
pub(super) fn penalty_from(
    violations: &mut Violations,
    path: &str,
    penalty: i32,
    lambda: f64,
) -> Option<Penalty> {
    let penalty = pb::Penalty::try_from(penalty).ok();
    match violations.require_known(format!("{path}.penalty"), penalty)? {
        pb::Penalty::Unspecified => Some(Penalty::None),
        pb::Penalty::Firth => Some(Penalty::Firth),
        pb::Penalty::Ridge => {
            let is_positive = lambda.is_finite() && lambda > 0.0;
            let lambda = is_positive.then_some(lambda).ok_or("must be above 0");
            violations.check(format!("{path}.ridge_lambda"), lambda).map(Penalty::Ridge)
        }
    }
}

/// Whether all coefficients have limits, and which have them otherwise.
pub(super) fn profile_limits_to(limits: &ProfileLimits) -> (bool, Vec<String>) {
    match limits {
        ProfileLimits::None => (false, Vec::new()),
        ProfileLimits::All => (true, Vec::new()),
        ProfileLimits::Of(names) => (false, names.clone()),
    }
}

pub(super) fn profile_limits_from(all: bool, names: Vec<String>) -> ProfileLimits {
    match (all, names.is_empty()) {
        (_, false) => ProfileLimits::Of(names),
        (true, true) => ProfileLimits::All,
        (false, true) => ProfileLimits::None,
    }
}

pub(super) fn penalised_to(penalised: PenalisedLikelihood) -> pb::PenalisedLikelihood {
    let (penalty, ridge_lambda) = penalty_to(penalised.penalty);
    pb::PenalisedLikelihood {
        penalty,
        ridge_lambda,
        log_likelihood_null: penalised.log_likelihood_null,
        log_likelihood: penalised.log_likelihood,
        chi_squared: Some(estimate_to(penalised.chi_squared)),
        degrees_of_freedom: penalised.degrees_of_freedom,
        p_value: Some(estimate_to(penalised.p_value)),
    }
}

pub(super) fn penalised_from(
    violations: &mut Violations,
    path: &str,
    penalised: pb::PenalisedLikelihood,
) -> Option<PenalisedLikelihood> {
    let pb::PenalisedLikelihood { penalty, ridge_lambda, .. } = penalised;
    Some(PenalisedLikelihood {
        penalty: penalty_from(violations, path, penalty, ridge_lambda)?,
        log_likelihood_null: penalised.log_likelihood_null,
        log_likelihood: penalised.log_likelihood,
        chi_squared: estimate_from(penalised.chi_squared),
        degrees_of_freedom: penalised.degrees_of_freedom,
        p_value: estimate_from(penalised.p_value),
    })
}

pub(super) fn profile_to(profile: ProfileLikelihood) -> pb::ProfileLikelihood {
    pb::ProfileLikelihood {
        interval: Some(interval_to(profile.interval)),
        test: Some(test_to(profile.test)),
    }
}

pub(super) fn profile_from(
    violations: &mut Violations,
    path: &str,
    profile: pb::ProfileLikelihood,
) -> Option<ProfileLikelihood> {
    Some(ProfileLikelihood {
        interval: interval_from(profile.interval),
        test: test_from(violations, path, profile.test)?,
    })
}
