//! Cox and logistic models over gRPC: converts, asks `cox` and `propensity`, converts.

use cohort::{Cohort, Term};
use cox::{
    CoxError, CoxQuery, CoxScreenQuery, CoxSelectionQuery, DiagnosticsQuery, FineGrayQuery,
    PiecewiseQuery, PredictionQuery,
};
use propensity::{LogisticQuery, ValidationQuery};
use service_kit::{Compute, Deadline, Failure, Services, Settings};
use tonic::{Request, Response, Status};
use wire::Asked;
use wire::failure::{
    cohort_failure, impossible, invalid, logistic_failure, profiles_failure, terms_failure,
    validation_failure,
};
use wire::pb::regression as pb;
use wire::pb::regression::regression_service_server::{self, RegressionServiceServer};
use wire::regression::{IntervalsQuery, WithProfiles};

/// Adds this service to those of a server.
#[must_use]
pub fn add(services: Services, compute: &Compute, settings: &Settings) -> Services {
    let server = RegressionServiceServer::new(RegressionService { compute: compute.clone() })
        .max_decoding_message_size(settings.message_limit_bytes)
        .max_encoding_message_size(settings.message_limit_bytes);
    services.with_service(server)
}

#[derive(Debug)]
struct RegressionService {
    compute: Compute,
}

#[tonic::async_trait]
impl regression_service_server::RegressionService for RegressionService {
    async fn fit_cox(
        &self,
        request: Request<pb::FitCoxRequest>,
    ) -> Result<Response<pb::FitCoxResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<CoxQuery> = request.try_into()?;
            let fit = cox::cox(&asked.cohort, &asked.selection, &asked.query)
                .map_err(|error| cox_failure(&asked, &asked.query, &[], &error))?;
            Ok(Response::new(wire::regression::cox_response(fit, &asked.query)))
        };
        self.compute.run(deadline, move |_| answer()).await
    }

    async fn screen_cox(
        &self,
        request: Request<pb::ScreenCoxRequest>,
    ) -> Result<Response<pb::ScreenCoxResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<CoxScreenQuery> = request.try_into()?;
            let terms =
                cox::screen(&asked.cohort, &asked.selection, &asked.query).map_err(|error| {
                    cox_failure(&asked, &asked.query.model, &asked.query.candidates, &error)
                })?;
            Ok(Response::new(wire::regression::screen_response(terms, &asked.query)))
        };
        self.compute.run(deadline, move |_| answer()).await
    }

    async fn fit_fine_gray(
        &self,
        request: Request<pb::FitFineGrayRequest>,
    ) -> Result<Response<pb::FitFineGrayResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<FineGrayQuery> = request.try_into()?;
            let fit = cox::fine_gray(&asked.cohort, &asked.selection, &asked.query)
                .map_err(|error| fine_gray_failure(&asked, &error))?;
            Ok(Response::new(wire::regression::fine_gray_response(fit, &asked.query)))
        };
        self.compute.run(deadline, move |_| answer()).await
    }

    async fn select_cox(
        &self,
        request: Request<pb::SelectCoxRequest>,
    ) -> Result<Response<pb::SelectCoxResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<CoxSelectionQuery> = request.try_into()?;
            let chosen =
                cox::select(&asked.cohort, &asked.selection, &asked.query).map_err(|error| {
                    cox_failure(&asked, &asked.query.model, &asked.query.candidates, &error)
                })?;
            Ok(Response::new(wire::regression::selection_response(chosen, &asked.query)))
        };
        self.compute.run(deadline, move |_| answer()).await
    }

    async fn diagnose_cox(
        &self,
        request: Request<pb::DiagnoseCoxRequest>,
    ) -> Result<Response<pb::DiagnoseCoxResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<DiagnosticsQuery> = request.try_into()?;
            let found = cox::diagnose(&asked.cohort, &asked.selection, &asked.query)
                .map_err(|error| cox_failure(&asked, &asked.query.model, &[], &error))?;
            Ok(Response::new(wire::regression::diagnostics_response(found, &asked)))
        };
        self.compute.run(deadline, move |_| answer()).await
    }

    async fn predict_cox(
        &self,
        request: Request<pb::PredictCoxRequest>,
    ) -> Result<Response<pb::PredictCoxResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<WithProfiles<PredictionQuery>> = request.try_into()?;
            let WithProfiles { query, profiles } = &asked.query;
            let found = cox::predict(&asked.cohort, &asked.selection, profiles, query).map_err(
                |error| match error {
                    CoxError::Profiles(error) => profiles_failure(profiles, &error),
                    error => cox_failure(&asked, &query.model, &[], &error),
                },
            )?;
            Ok(Response::new(wire::regression::prediction_response(found, &asked)))
        };
        self.compute.run(deadline, move |_| answer()).await
    }

    async fn fit_piecewise_cox(
        &self,
        request: Request<pb::FitPiecewiseCoxRequest>,
    ) -> Result<Response<pb::FitPiecewiseCoxResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<PiecewiseQuery> = request.try_into()?;
            let found = cox::piecewise(&asked.cohort, &asked.selection, &asked.query)
                .map_err(|error| cox_failure(&asked, &asked.query.model, &[], &error))?;
            Ok(Response::new(wire::regression::piecewise_response(found, &asked.query)))
        };
        self.compute.run(deadline, move |_| answer()).await
    }

    async fn check_intervals(
        &self,
        request: Request<pb::CheckIntervalsRequest>,
    ) -> Result<Response<pb::CheckIntervalsResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<IntervalsQuery> = request.try_into()?;
            let (endpoint, id) = &asked.query;
            let check = asked
                .cohort
                .check_intervals(endpoint, id, &asked.selection)
                .map_err(|error| cohort_failure(&asked.cohort, &error))?;
            Ok(Response::new(wire::regression::intervals_response(&check)))
        };
        self.compute.run(deadline, move |_| answer()).await
    }

    async fn fit_logistic(
        &self,
        request: Request<pb::FitLogisticRequest>,
    ) -> Result<Response<pb::FitLogisticResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<LogisticQuery> = request.try_into()?;
            let fit = propensity::logistic(&asked.cohort, &asked.selection, &asked.query)
                .map_err(|error| logistic_failure(&asked.cohort, &asked.query, &error))?;
            Ok(Response::new(wire::regression::logistic_response(fit, &asked)))
        };
        self.compute.run(deadline, move |_| answer()).await
    }

    async fn validate_predictions(
        &self,
        request: Request<pb::ValidatePredictionsRequest>,
    ) -> Result<Response<pb::ValidatePredictionsResponse>, Status> {
        let deadline = Deadline::of(&request);
        let request = request.into_inner();
        let answer = move || -> Result<_, Failure> {
            let asked: Asked<ValidationQuery> = request.try_into()?;
            let found = propensity::validate(&asked.cohort, &asked.selection, &asked.query)
                .map_err(|error| validation_failure(&asked.cohort, &asked.query, &error))?;
            Ok(Response::new(wire::regression::validation_response(found, &asked.query)))
        };
        self.compute.run(deadline, move |_| answer()).await
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
    model_failure(&asked.cohort, &terms, error, "model.")
}

/// The status of each error of a model of the incidence, whose fields are those of the request.
fn fine_gray_failure(asked: &Asked<FineGrayQuery>, error: &CoxError) -> Failure {
    let terms = [("terms".to_string(), asked.query.terms.as_slice())];
    model_failure(&asked.cohort, &terms, error, "")
}

/// The status of each error of a model whose fields have paths that begin so.
fn model_failure(
    cohort: &Cohort,
    terms: &[(String, &[Term])],
    error: &CoxError,
    model: &str,
) -> Failure {
    if let Some(reason) = error.impossibility() {
        return impossible(reason, error);
    }
    let of_model = |field: &str| invalid(format!("{model}{field}"), error);
    match error {
        CoxError::Cohort(error) => terms_failure(cohort, terms, error),
        CoxError::Profiles(_) => invalid("profiles", error),
        CoxError::UnknownTerm { .. } => invalid("changing_terms", error),
        CoxError::InvalidCuts => invalid("cut_points", error),
        CoxError::NoFactor { .. } => invalid("prediction.average_over", error),
        CoxError::InvalidTime { .. } => invalid("prediction.times", error),
        CoxError::InvalidProbability { .. } => invalid("prediction.quantile_probabilities", error),
        CoxError::NoEvents { .. } => of_model("endpoint"),
        CoxError::Causes(_) => invalid("endpoint.causes", error),
        CoxError::UnknownCause { .. } => invalid("cause", error),
        CoxError::LateEntry => of_model("endpoint.entry_column"),
        CoxError::InvalidConfidence { .. } => of_model("options.confidence"),
        CoxError::ExactTies { .. } | CoxError::TooLarge { .. } => of_model("options.ties"),
        CoxError::InvalidRidge => of_model("options.ridge_lambda"),
        CoxError::UnknownCoefficient { index, .. } => {
            of_model(&format!("options.profile_columns[{index}]"))
        }
        CoxError::PenalisedSelection | CoxError::PenalisedIncidence => of_model("options.penalty"),
        CoxError::InvalidLimit => invalid("rule", error),
        CoxError::LikelihoodRatioOfWeights => invalid("rule.test", error),
        CoxError::DuplicateTerm { term }
        | CoxError::MissingPart { term, .. }
        | CoxError::ScreenedProduct { term } => {
            let of_name = |(path, terms): &(String, &[Term])| {
                let index = terms.iter().rposition(|known| known.name() == *term)?;
                Some(format!("{path}[{index}]"))
            };
            // Candidates come last, and of a name that occurs twice the second is at fault.
            let field = terms.iter().rev().find_map(of_name);
            invalid(field.unwrap_or_else(|| "candidates".into()), error)
        }
        CoxError::LengthMismatch { .. } => Failure::internal("LENGTH_MISMATCH", error.to_string()),
    }
}
