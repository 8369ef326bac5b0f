//! Bootstrap replicates and their intervals over gRPC: converts, asks `pipeline`, converts.

use balance::BalanceError;
use bootstrap::{BootstrapError, Replicates};
use cohort::{Cohort, CohortError, REPLICATES_AT_ONCE};
use cohort_store::Desk;
use matching::MatchingError;
use numerics::wanted;
use pipeline::{Bootstrap, BootstrapQuery, BootstrapQueryError, DesignQuery, Scope};
use propensity::PropensityError;
use service_kit::{Failure, Pieces, Services, Settings};
use std::time::{Duration, Instant};
use survival::{SurvivalError, SurvivalQuantity};
use tonic::{Request, Response, Status};
use weighting::WeightingError;
use wire::Asked;
use wire::bootstrap::ReplicatesQuery;
use wire::failure::{cohort_failure, hazard_failure, impossible, invalid, weights_failure};
use wire::pb::bootstrap as pb;
use wire::pb::bootstrap::bootstrap_service_server::{self, BootstrapServiceServer};

/// Pieces of an answer that may wait for a slow reader.
const BUFFERED_PIECES: usize = 16;

/// How long the computation of a piece should take: long enough for the message not to count, short
/// enough to show progress.
const PIECE_TIME: Duration = Duration::from_millis(30);

/// Replicates of the first piece, from which the time of the next ones is estimated.
const FIRST_PIECE: u64 = 8;

/// How much larger a piece may be than the one before it.
const GROWTH: u64 = 8;

/// Most replicates of a piece: its message stays below a megabyte for ten quantities.
const MOST_PER_PIECE: u64 = 4096;

/// Adds this service, whose questions go over the desk, to those of a server.
#[must_use]
pub fn add(services: Services, desk: &Desk, settings: &Settings) -> Services {
    let server = BootstrapServiceServer::new(BootstrapService { desk: desk.clone() })
        .max_decoding_message_size(settings.message_limit_bytes)
        .max_encoding_message_size(settings.message_limit_bytes);
    services.with_service(server)
}

#[derive(Debug)]
struct BootstrapService {
    desk: Desk,
}

#[tonic::async_trait]
impl bootstrap_service_server::BootstrapService for BootstrapService {
    type RunReplicatesStream = Pieces<pb::RunReplicatesResponse>;

    async fn run_replicates(
        &self,
        request: Request<pb::RunReplicatesRequest>,
    ) -> Result<Response<Self::RunReplicatesStream>, Status> {
        let n_threads = self.desk.compute().n_threads();
        let answer = move |asked: &_, emit: &dyn Fn(_)| run_replicates(asked, n_threads, emit);
        self.desk.answer_in_pieces(
            request,
            |request| request.cohort.as_ref(),
            BUFFERED_PIECES,
            answer,
        )
    }

    async fn estimate_intervals(
        &self,
        request: Request<pb::EstimateIntervalsRequest>,
    ) -> Result<Response<pb::EstimateIntervalsResponse>, Status> {
        self.desk
            .answer(request, |asked| {
                let Asked { cohort, selection, query } = asked;
                let quantities = Bootstrap::read(cohort, selection, &query.bootstrap)
                    .and_then(|bootstrap| {
                        bootstrap.check_intervals(&query.intervals)?;
                        let replicates =
                            all_replicates(&bootstrap, query.bootstrap.plan.n_replicates())?;
                        Ok(bootstrap.intervals(&replicates, &query.intervals)?)
                    })
                    .map_err(|error| failure(cohort, &query.bootstrap, &error))?;
                Ok(wire::bootstrap::intervals_response(quantities, query))
            })
            .await
    }
}

/// All replicates on all threads, in pieces short enough to end soon after the caller has gone.
fn all_replicates(bootstrap: &Bootstrap, n_replicates: u64) -> Result<Replicates, BootstrapError> {
    let (mut answers, mut n_quantities) = (Vec::new(), 0);
    let (mut next, mut size) = (0, FIRST_PIECE);
    while next < n_replicates {
        wanted::check();
        let end = n_replicates.min(next + size);
        let begin = Instant::now();
        let piece = bootstrap.replicates_on_all_threads(next..end)?;
        n_quantities = piece.n_quantities;
        answers.reserve_exact(n_replicates as usize * n_quantities - answers.len());
        answers.extend(piece.answers);
        size = size_for(end - next, begin.elapsed());
        next = end;
    }
    Ok(Replicates { first: 0, n_quantities, answers })
}

/// Computes the replicates in pieces that take about the same time.
fn run_replicates(
    asked: &Asked<ReplicatesQuery>,
    n_threads: usize,
    emit: &dyn Fn(pb::RunReplicatesResponse),
) -> Result<(), Failure> {
    let Asked { cohort, selection, query } = asked;
    let failed = |error| failure(cohort, &query.bootstrap, &error);
    let bootstrap = Bootstrap::read(cohort, selection, &query.bootstrap).map_err(failed)?;
    let names = bootstrap.names();
    let (mut next, mut size) = (query.range.start, FIRST_PIECE);
    while next < query.range.end {
        let end = query.range.end.min(next + size);
        let begin = Instant::now();
        let replicates = bootstrap.replicates(next..end).map_err(|error| failed(error.into()))?;
        emit(wire::bootstrap::replicates_response(&replicates, &names, query, n_threads));
        size = size_for(end - next, begin.elapsed());
        next = end;
    }
    Ok(())
}

/// How many replicates take as long as a piece should, when so many took that long; whole groups of
/// those that are computed together. After a few replicates, whose time says little, it grows in steps, so
/// that the first pieces show soon how long replicates take.
fn size_for(n: u64, took: Duration) -> u64 {
    let share = PIECE_TIME.as_secs_f64() / took.as_secs_f64().max(1e-9);
    let at_once = REPLICATES_AT_ONCE as u64;
    let size = ((n as f64 * share) as u64).min(n * GROWTH).next_multiple_of(at_once);
    size.clamp(at_once, MOST_PER_PIECE)
}

/// The status of each error.
fn failure(cohort: &Cohort, query: &BootstrapQuery, error: &BootstrapQueryError) -> Failure {
    if let Some(reason) = error.impossibility() {
        return impossible(reason, error);
    }
    let of_columns = |cohort_error: &CohortError| cohort_failure(cohort, cohort_error);
    match error {
        BootstrapQueryError::Bootstrap(error) => match error {
            BootstrapError::Cohort(error) => of_columns(error),
            BootstrapError::UnitAcrossStrata { .. } => invalid("plan.unit_column", error),
            BootstrapError::InvalidConfidence { .. } => invalid("options.confidence", error),
            BootstrapError::LongJackknife { .. } => invalid("options.methods", error),
            BootstrapError::InvalidReplicates { .. } | BootstrapError::TooManyValues { .. } => {
                invalid("plan.replicate_count", error)
            }
            BootstrapError::BeyondPlan { .. } => invalid("replicate_count", error),
        },
        BootstrapQueryError::Survival(error) => match error {
            SurvivalError::Cohort(error) => of_columns(error),
            SurvivalError::UnknownGroup { level, .. } => {
                invalid(format!("quantities.survival.{}", level_field(query, level)), error)
            }
            error => invalid("quantities.survival", error),
        },
        BootstrapQueryError::Cox { model, error } => {
            let path = format!("quantities.cox[{model}].");
            let terms = query.cox.get(*model).map_or(&[][..], |model| &model.terms);
            hazard_failure(cohort, &[(format!("{path}terms"), terms)], error, &path)
        }
        BootstrapQueryError::Balance(error) => match error {
            BalanceError::Cohort(error) => of_columns(error),
            error => invalid("quantities.smd", error),
        },
        BootstrapQueryError::Propensity(error) => match error {
            PropensityError::Cohort(error) => of_columns(error),
            error => invalid("quantities.pipeline.propensity", error),
        },
        BootstrapQueryError::Matching(error) => match error {
            MatchingError::Cohort(error) => of_columns(error),
            MatchingError::RepeatedId { row } => invalid(format!("cohort.ids[{row}]"), error),
            error => invalid("quantities.pipeline.matching", error),
        },
        BootstrapQueryError::Weighting(error) => weighting_failure(cohort, query, error),
    }
}

/// The status of an error of the weights of scope pipeline.
fn weighting_failure(cohort: &Cohort, query: &BootstrapQuery, error: &WeightingError) -> Failure {
    let path = "quantities.pipeline.weighting";
    if let Scope::Pipeline(redesign) = &query.scope
        && let DesignQuery::Weighting(weighting) = &redesign.design
    {
        return weights_failure(cohort, weighting, error, &format!("{path}."));
    }
    invalid(path, error)
}

/// The field of the quantity of survival that first asks for a level.
fn level_field(query: &BootstrapQuery, level: &str) -> String {
    let quantities = query.survival.iter().flat_map(|survival| &survival.quantities);
    let field = |(index, quantity): (usize, &SurvivalQuantity)| {
        let field = match quantity {
            SurvivalQuantity::Of { group, .. } if group.as_deref() == Some(level) => "group",
            SurvivalQuantity::Difference { group, .. } if group == level => "group",
            SurvivalQuantity::Difference { reference, .. } if reference == level => "reference",
            _ => return None,
        };
        Some(format!("quantities[{index}].{field}"))
    };
    quantities.enumerate().find_map(field).unwrap_or_else(|| "group_column".into())
}
