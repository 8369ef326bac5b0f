//! Where the questions of a statistical service come in.

use crate::CohortStore;
use service_kit::{Cancel, Compute, Deadline, Failure, Pieces, Settings};
use tonic::{Request, Response, Status};
use wire::pb::common as pb;
use wire::{Asked, CohortRequest, Cohorts, Unreadable};

/// Reads a question, finds its cohort, has the answer computed; clones share pool and cohorts.
///
/// Services that run in one process share a desk, so that a cohort is held once.
#[derive(Clone, Debug)]
pub struct Desk {
    compute: Compute,
    cohorts: CohortStore,
}

impl Desk {
    /// A desk that computes on this pool and holds no cohort yet.
    #[must_use]
    pub fn new(compute: &Compute, settings: &Settings) -> Self {
        Self { compute: compute.clone(), cohorts: CohortStore::new(settings.cohort_bytes) }
    }

    /// The pool on which answers are computed.
    #[must_use]
    pub fn compute(&self) -> &Compute {
        &self.compute
    }

    /// The cohorts that requests may name by digest.
    #[must_use]
    pub fn cohorts(&self) -> &CohortStore {
        &self.cohorts
    }

    /// Answers a question; `answer` runs on the pool, and so does the reading of the request.
    ///
    /// # Errors
    /// What is wrong with the request, or that its cohort is not held; what `answer` answers; and as
    /// [`Compute::run`].
    pub async fn answer<R, A, F>(
        &self,
        request: Request<R>,
        answer: F,
    ) -> Result<Response<A>, Status>
    where
        R: CohortRequest + Send + 'static,
        A: Send + 'static,
        F: FnOnce(&Asked<R::Query>) -> Result<A, Failure> + Send + 'static,
    {
        let deadline = Deadline::of(&request);
        let (request, cohorts) = (request.into_inner(), self.cohorts.clone());
        let job = move |_: &Cancel| -> Result<_, Failure> {
            let asked = request.asked(&cohorts)?;
            Ok(Response::new(answer(&asked)?))
        };
        self.compute.run(deadline, job).await
    }

    /// Answers a question in pieces, as [`Compute::stream`] does. `cohort` is that of the request.
    ///
    /// # Errors
    /// As [`Compute::stream`], or that the cohort is not held; what is wrong with the request comes in
    /// the stream.
    pub fn answer_in_pieces<R, A, F>(
        &self,
        request: Request<R>,
        cohort: impl FnOnce(&R) -> Option<&pb::Cohort>,
        pieces: usize,
        answer: F,
    ) -> Result<Response<Pieces<A>>, Status>
    where
        R: CohortRequest + Send + 'static,
        A: Send + 'static,
        F: FnOnce(&Asked<R::Query>, &dyn Fn(A)) -> Result<(), Failure> + Send + 'static,
    {
        let deadline = Deadline::of(&request);
        let (request, cohorts) = (request.into_inner(), self.cohorts.clone());
        // Before the stream, where callers look for it who make the call again.
        let digest = cohort(&request).and_then(|cohort| cohort.digest.parse().ok());
        if let Some(digest) = digest
            && cohorts.held(digest).is_none()
        {
            return Err(Failure::from(Unreadable::NotHeld(digest)).into());
        }
        let job = move |emit: &dyn Fn(A)| -> Result<(), Failure> {
            let asked = request.asked(&cohorts)?;
            answer(&asked, emit)
        };
        self.compute.stream(deadline, pieces, job).map(Response::new)
    }
}
