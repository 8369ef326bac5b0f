//! Survival curves, their comparison and what stands on them over gRPC: converts, asks `survival`, converts.

use cohort::{Cohort, CohortError};
use cohort_store::Desk;
use service_kit::{Failure, Services, Settings};
use survival::SurvivalError;
use tonic::{Request, Response, Status};
use wire::Asked;
use wire::failure::{cohort_failure, impossible, invalid};
use wire::pb::survival as pb;
use wire::pb::survival::survival_service_server::{self, SurvivalServiceServer};

/// Adds this service, whose questions go over the desk, to those of a server.
#[must_use]
pub fn add(services: Services, desk: &Desk, settings: &Settings) -> Services {
    let server = SurvivalServiceServer::new(SurvivalService { desk: desk.clone() })
        .max_decoding_message_size(settings.message_limit_bytes)
        .max_encoding_message_size(settings.message_limit_bytes);
    services.with_service(server)
}

#[derive(Debug)]
struct SurvivalService {
    desk: Desk,
}

#[tonic::async_trait]
impl survival_service_server::SurvivalService for SurvivalService {
    async fn estimate_curves(
        &self,
        request: Request<pb::EstimateCurvesRequest>,
    ) -> Result<Response<pb::EstimateCurvesResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let curves = survival::curves(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| failure(&asked.cohort, &error))?;
                Ok(wire::survival::curves_response(curves, &asked.query))
            })
            .await
    }

    async fn compare_curves(
        &self,
        request: Request<pb::CompareCurvesRequest>,
    ) -> Result<Response<pb::CompareCurvesResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let comparison = survival::compare(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| failure(&asked.cohort, &error))?;
                Ok(wire::survival::comparison_response(comparison, &asked.query))
            })
            .await
    }

    async fn estimate_incidence(
        &self,
        request: Request<pb::EstimateIncidenceRequest>,
    ) -> Result<Response<pb::EstimateIncidenceResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let incidences = survival::incidence(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| failure(&asked.cohort, &error))?;
                Ok(wire::incidence::incidence_response(incidences, &asked.query))
            })
            .await
    }

    async fn compare_incidence(
        &self,
        request: Request<pb::CompareIncidenceRequest>,
    ) -> Result<Response<pb::CompareIncidenceResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let Asked { cohort, selection, query } = asked;
                let comparison = survival::compare_incidence(cohort, selection, query)
                    .map_err(|error| failure(cohort, &error))?;
                let answer = wire::incidence::incidence_comparison_response(comparison, query);
                Ok(answer)
            })
            .await
    }

    async fn contrast_curves(
        &self,
        request: Request<pb::ContrastCurvesRequest>,
    ) -> Result<Response<pb::ContrastCurvesResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let contrasts = survival::contrasts(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| failure(&asked.cohort, &error))?;
                Ok(wire::survival::contrasts_response(contrasts, &asked.query))
            })
            .await
    }

    async fn summarise_follow_up(
        &self,
        request: Request<pb::SummariseFollowUpRequest>,
    ) -> Result<Response<pb::SummariseFollowUpResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let (cohort, selection) = (&asked.cohort, &asked.selection);
                let follow_up = survival::summarise_follow_up(cohort, selection, &asked.query)
                    .map_err(|error| failure(cohort, &error))?;
                Ok(wire::survival::follow_up_response(follow_up, &asked.query))
            })
            .await
    }

    async fn estimate_conditional_survival(
        &self,
        request: Request<pb::EstimateConditionalSurvivalRequest>,
    ) -> Result<Response<pb::EstimateConditionalSurvivalResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let groups = survival::conditional(&asked.cohort, &asked.selection, &asked.query)
                    .map_err(|error| failure(&asked.cohort, &error))?;
                Ok(wire::survival::conditional_response(groups, &asked.query))
            })
            .await
    }

    async fn analyse_landmark(
        &self,
        request: Request<pb::AnalyseLandmarkRequest>,
    ) -> Result<Response<pb::AnalyseLandmarkResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let (cohort, selection) = (&asked.cohort, &asked.selection);
                let analysis = survival::landmark_analysis(cohort, selection, &asked.query)
                    .map_err(|error| failure(cohort, &error))?;
                Ok(wire::survival::landmark_response(analysis, asked))
            })
            .await
    }

    async fn estimate_hazard(
        &self,
        request: Request<pb::EstimateHazardRequest>,
    ) -> Result<Response<pb::EstimateHazardResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let groups =
                    survival::smoothed_hazard(&asked.cohort, &asked.selection, &asked.query)
                        .map_err(|error| failure(&asked.cohort, &error))?;
                Ok(wire::survival::hazard_response(groups, &asked.query))
            })
            .await
    }
}

/// The status of each error.
fn failure(cohort: &Cohort, error: &SurvivalError) -> Failure {
    if let Some(reason) = error.impossibility() {
        return impossible(reason, error);
    }
    match error {
        SurvivalError::Cohort(CohortError::UnknownLevel { .. })
        | SurvivalError::EmptyReference { .. } => invalid("options.reference_level", error),
        SurvivalError::Cohort(error) => cohort_failure(cohort, error),
        SurvivalError::NoRows => invalid("selection", error),
        SurvivalError::TooFewGroups { .. }
        | SurvivalError::TooManyGroups { .. }
        | SurvivalError::UnknownGroup { .. } => invalid("group_column", error),
        SurvivalError::Confidence { .. } => invalid("options.confidence", error),
        SurvivalError::Probability { .. } => invalid("options.quantile_probabilities", error),
        SurvivalError::Time { .. } | SurvivalError::BeforeStart { .. } => {
            invalid("options.times", error)
        }
        SurvivalError::NobodyFollowed { .. } => invalid("options.start_time", error),
        SurvivalError::Bandwidth { .. } => invalid("options.bandwidth", error),
        SurvivalError::BandEnds { .. } => invalid("options.bands", error),
        SurvivalError::Exponents { .. } => invalid("options", error),
        SurvivalError::SizeWeights => invalid("options.weights", error),
        SurvivalError::ScoreCount { .. } | SurvivalError::Scores => {
            invalid("options.trend.scores", error)
        }
        SurvivalError::MaxComboGroups { .. } => invalid("options.max_combo", error),
        SurvivalError::MaxComboWeights { .. } => invalid("options.max_combo.weights", error),
        SurvivalError::Causes(_) => invalid("endpoint.causes", error),
        SurvivalError::Rho { .. } => invalid("options.rho", error),
        SurvivalError::LateEntry => invalid("endpoint.entry_column", error),
        SurvivalError::GreenwoodRefused => invalid("options.variance", error),
        SurvivalError::WeightedLandmark => invalid("options.curves", error),
        SurvivalError::RateUnit { .. } => invalid("options.rate_unit", error),
        SurvivalError::PotentialFollowUp { column, row } => {
            invalid(cell(cohort, column, *row), error)
        }
        SurvivalError::Landmark { .. } | SurvivalError::NobodyAtRisk { .. } => {
            invalid("options.landmark", error)
        }
    }
}

/// Path of a cell of a numeric column.
fn cell(cohort: &Cohort, column: &str, row: usize) -> String {
    let index = cohort.names().position(|name| name == column);
    index.map_or_else(
        || "cohort.columns".into(),
        |index| format!("cohort.columns[{index}].values[{row}]"),
    )
}
