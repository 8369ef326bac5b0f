//! Cox and logistic models over gRPC: converts, asks `cox` and `propensity`, converts.

use cohort::Term;
use cohort_store::Desk;
use cox::{CoxError, CoxQuery, FineGrayQuery};
use service_kit::{Failure, Services, Settings};
use tonic::{Request, Response, Status};
use wire::Asked;
use wire::failure::{
    cohort_failure, hazard_failure, logistic_failure, profiles_failure, validation_failure,
};
use wire::pb::regression as pb;
use wire::pb::regression::regression_service_server::{self, RegressionServiceServer};
use wire::regression::WithProfiles;

/// Adds this service, whose questions go over the desk, to those of a server.
#[must_use]
pub fn add(services: Services, desk: &Desk, settings: &Settings) -> Services {
    let server = RegressionServiceServer::new(RegressionService { desk: desk.clone() })
        .max_decoding_message_size(settings.message_limit_bytes)
        .max_encoding_message_size(settings.message_limit_bytes);
    services.with_service(server)
}

#[derive(Debug)]
struct RegressionService {
    desk: Desk,
}

#[tonic::async_trait]
impl regression_service_server::RegressionService for RegressionService {
    async fn fit_cox(
        &self,
        request: Request<pb::FitCoxRequest>,
    ) -> Result<Response<pb::FitCoxResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let fit = cox::cox(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| cox_failure(asked, &asked.query, &[], &error))?;
                Ok(wire::regression::cox_response(fit, &asked.query))
            })
            .await
    }

    async fn screen_cox(
        &self,
        request: Request<pb::ScreenCoxRequest>,
    ) -> Result<Response<pb::ScreenCoxResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let terms = cox::screen(&asked.cohort, &asked.selection, &asked.query).map_err(
                    |error| cox_failure(asked, &asked.query.model, &asked.query.candidates, &error),
                )?;
                Ok(wire::regression::screen_response(terms, &asked.query))
            })
            .await
    }

    async fn fit_fine_gray(
        &self,
        request: Request<pb::FitFineGrayRequest>,
    ) -> Result<Response<pb::FitFineGrayResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let fit = cox::fine_gray(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| fine_gray_failure(asked, &error))?;
                Ok(wire::regression::fine_gray_response(fit, &asked.query))
            })
            .await
    }

    async fn select_cox(
        &self,
        request: Request<pb::SelectCoxRequest>,
    ) -> Result<Response<pb::SelectCoxResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let chosen = cox::select(&asked.cohort, &asked.selection, &asked.query).map_err(
                    |error| cox_failure(asked, &asked.query.model, &asked.query.candidates, &error),
                )?;
                Ok(wire::regression::selection_response(chosen, &asked.query))
            })
            .await
    }

    async fn diagnose_cox(
        &self,
        request: Request<pb::DiagnoseCoxRequest>,
    ) -> Result<Response<pb::DiagnoseCoxResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let found = cox::diagnose(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| cox_failure(asked, &asked.query.model, &[], &error))?;
                Ok(wire::regression::diagnostics_response(found, asked))
            })
            .await
    }

    async fn predict_cox(
        &self,
        request: Request<pb::PredictCoxRequest>,
    ) -> Result<Response<pb::PredictCoxResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let WithProfiles { query, profiles } = &asked.query;
                let found = cox::predict(&asked.cohort, &asked.selection, profiles, query)
                    .map_err(|error| match error {
                        CoxError::Profiles(error) => profiles_failure(profiles, &error),
                        error => cox_failure(asked, &query.model, &[], &error),
                    })?;
                Ok(wire::regression::prediction_response(found, asked))
            })
            .await
    }

    async fn fit_piecewise_cox(
        &self,
        request: Request<pb::FitPiecewiseCoxRequest>,
    ) -> Result<Response<pb::FitPiecewiseCoxResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let found = cox::piecewise(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| cox_failure(asked, &asked.query.model, &[], &error))?;
                Ok(wire::regression::piecewise_response(found, &asked.query))
            })
            .await
    }

    async fn check_intervals(
        &self,
        request: Request<pb::CheckIntervalsRequest>,
    ) -> Result<Response<pb::CheckIntervalsResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let (endpoint, id) = &asked.query;
                let check = asked
                    .cohort
                    .check_intervals(endpoint, id, &asked.selection)
                    .map_err(|error| cohort_failure(&asked.cohort, &error))?;
                Ok(wire::regression::intervals_response(&check))
            })
            .await
    }

    async fn fit_logistic(
        &self,
        request: Request<pb::FitLogisticRequest>,
    ) -> Result<Response<pb::FitLogisticResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let fit = propensity::logistic(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| logistic_failure(&asked.cohort, &asked.query, &error))?;
                Ok(wire::regression::logistic_response(fit, asked))
            })
            .await
    }

    async fn validate_predictions(
        &self,
        request: Request<pb::ValidatePredictionsRequest>,
    ) -> Result<Response<pb::ValidatePredictionsResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let found = propensity::validate(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| validation_failure(&asked.cohort, &asked.query, &error))?;
                Ok(wire::regression::validation_response(found, &asked.query))
            })
            .await
    }
}

/// The status of each error of a call on a Cox model, which is in the field `model`; terms beside it
/// are candidates.
fn cox_failure<Q>(
    asked: &Asked<Q>,
    model: &CoxQuery,
    candidates: &[Term],
    error: &CoxError,
) -> Failure {
    let candidates = ("candidates".to_string(), candidates);
    let terms = [("model.terms".to_string(), model.terms.as_slice()), candidates];
    hazard_failure(&asked.cohort, &terms, error, "model.")
}

/// The status of each error of a model of the incidence, whose fields are those of the request.
fn fine_gray_failure(asked: &Asked<FineGrayQuery>, error: &CoxError) -> Failure {
    let terms = [("terms".to_string(), asked.query.terms.as_slice())];
    hazard_failure(&asked.cohort, &terms, error, "")
}
