//! Propensity scores, weights, matching, baseline tables and bounds under hidden bias over gRPC:
//! converts, asks `propensity`, `weighting`, `matching`, `balance` and `hypothesis`, converts.

use balance::BalanceError;
use cohort::Cohort;
use cohort_store::Desk;
use hypothesis::HiddenBiasError;
use matching::MatchingError;
use service_kit::{Failure, Services, Settings};
use tonic::{Request, Response, Status};
use wire::failure::{cohort_failure, impossible, invalid, logistic_failure, weights_failure};
use wire::matching::{BalanceQuestion, PropensityQuestion, match_option_path};
use wire::pb::matching as pb;
use wire::pb::matching::matching_service_server::{self, MatchingServiceServer};

/// Adds this service, whose questions go over the desk, to those of a server.
#[must_use]
pub fn add(services: Services, desk: &Desk, settings: &Settings) -> Services {
    let server = MatchingServiceServer::new(MatchingService { desk: desk.clone() })
        .max_decoding_message_size(settings.message_limit_bytes)
        .max_encoding_message_size(settings.message_limit_bytes);
    services.with_service(server)
}

#[derive(Debug)]
struct MatchingService {
    desk: Desk,
}

#[tonic::async_trait]
impl matching_service_server::MatchingService for MatchingService {
    async fn estimate_propensity(
        &self,
        request: Request<pb::EstimatePropensityRequest>,
    ) -> Result<Response<pb::EstimatePropensityResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let PropensityQuestion { model, discard } = &asked.query;
                let (cohort, selection) = (&asked.cohort, &asked.selection);
                let scores = propensity::propensity_in_support(cohort, selection, model, *discard)
                    .map_err(|error| logistic_failure(cohort, model, &error))?;
                Ok(wire::matching::propensity_response(scores, asked))
            })
            .await
    }

    async fn estimate_weights(
        &self,
        request: Request<pb::EstimateWeightsRequest>,
    ) -> Result<Response<pb::EstimateWeightsResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let weights = weighting::weigh(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| weights_failure(&asked.cohort, &asked.query, &error, ""))?;
                Ok(wire::matching::weights_response(weights, asked))
            })
            .await
    }

    async fn match_pairs(
        &self,
        request: Request<pb::MatchPairsRequest>,
    ) -> Result<Response<pb::MatchPairsResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let sample = matching::match_pairs(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| matching_failure(&asked.cohort, &error))?;
                Ok(wire::matching::match_response(sample, asked))
            })
            .await
    }

    async fn assess_balance(
        &self,
        request: Request<pb::AssessBalanceRequest>,
    ) -> Result<Response<pb::AssessBalanceResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let BalanceQuestion { reference, query } = &asked.query;
                let answer = balance::assess(&asked.cohort, &asked.selection, reference, query)
                    .map_err(|error| balance_failure(&asked.cohort, "exposed_level", &error))?;
                Ok(wire::matching::balance_response(answer, query))
            })
            .await
    }

    async fn compare_groups(
        &self,
        request: Request<pb::CompareGroupsRequest>,
    ) -> Result<Response<pb::CompareGroupsResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let table = balance::compare_groups(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| balance_failure(&asked.cohort, "group_column", &error))?;
                Ok(wire::matching::groups_response(table, &asked.query))
            })
            .await
    }

    async fn bound_hidden_bias(
        &self,
        request: Request<pb::BoundHiddenBiasRequest>,
    ) -> Result<Response<pb::BoundHiddenBiasResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let answer = hypothesis::hidden_bias(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| hidden_bias_failure(&asked.cohort, &error))?;
                Ok(wire::matching::hidden_bias_response(answer, &asked.query))
            })
            .await
    }
}

/// The status of each error of matching.
fn matching_failure(cohort: &Cohort, error: &MatchingError) -> Failure {
    if let Some(reason) = error.impossibility() {
        return impossible(reason, error);
    }
    match error {
        MatchingError::Cohort(error) => cohort_failure(cohort, error),
        MatchingError::Arms(_) => invalid("exposed_level", error),
        MatchingError::Option { option, .. } => invalid(match_option_path(*option), error),
        MatchingError::RepeatedId { row } => invalid(format!("cohort.ids[{row}]"), error),
        MatchingError::NotProbabilities { .. } => invalid("distance_column", error),
        MatchingError::TooManyPairs { .. } => invalid("options.caliper", error),
        MatchingError::Broken(_) => Failure::internal("BROKEN_PROMISE", error.to_string()),
    }
}

/// The status of each error of a baseline table; `groups` is the field that tells groups apart.
fn balance_failure(cohort: &Cohort, groups: &str, error: &BalanceError) -> Failure {
    if let Some(reason) = error.impossibility() {
        return impossible(reason, error);
    }
    match error {
        BalanceError::Cohort(error) => cohort_failure(cohort, error),
        BalanceError::Arms(_) | BalanceError::TooFewGroups { .. } => invalid(groups, error),
        BalanceError::NegativeWeight { .. } => invalid("weights_column", error),
        BalanceError::PairOutOfRange { .. } => invalid("pair_exposed_rows", error),
        BalanceError::PairOfWrongArm { index, place, .. } => {
            invalid(format!("pair_{place}_rows[{index}]"), error)
        }
        BalanceError::InvalidConfidence => invalid("options.confidence", error),
    }
}

/// The status of each error of bounds under hidden bias.
fn hidden_bias_failure(cohort: &Cohort, error: &HiddenBiasError) -> Failure {
    if let Some(reason) = error.impossibility() {
        return impossible(reason, error);
    }
    match error {
        HiddenBiasError::Cohort(error) => cohort_failure(cohort, error),
        HiddenBiasError::Arms(_) => invalid("exposed_level", error),
        HiddenBiasError::NoPairs { .. } => invalid("pair_column", error),
        HiddenBiasError::InvalidGamma { index } => invalid(format!("gammas[{index}]"), error),
        HiddenBiasError::InvalidLevel => invalid("level", error),
    }
}
