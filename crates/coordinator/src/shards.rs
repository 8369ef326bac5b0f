//! Spreads the replicates of a bootstrap over all workers that are ready.
//!
//! The first worker is asked for everything. Once its first pieces have shown how long a replicate
//! takes, it keeps what is short; otherwise all workers pull requests of some tens of milliseconds. What
//! a worker loses, or does not answer in good time, is computed elsewhere. Replicate `k` depends on seed
//! and `k` alone, so that the same replicates come back whoever computed them, and however often.

mod ledger;
mod ranges;

use crate::cohorts::{Cohorts, Named};
use crate::statistics::unreadable;
use bootstrap::Replicates;
use cohort::Selection;
use ledger::{FlightId, Ledger, Unexpected, Worker};
use pipeline::BootstrapQuery;
use service_kit::{
    CallPolicy, Deadline, Endpoint, Failure, Lease, PENALTY, Pool, call_at, is_lost,
};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt, StreamMap};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status, Streaming};
use wire::bootstrap::{ReplicatesQuery, replicates_from, replicates_request};
use wire::failure::COHORT_NOT_FOUND;
use wire::pb::bootstrap as pb;
use wire::pb::bootstrap::bootstrap_service_client::BootstrapServiceClient;

/// How often workers are looked after when nothing happens.
const TICK: Duration = Duration::from_millis(20);

/// Wait before a name without an address is looked at again.
const NO_WORKER_PAUSE: Duration = Duration::from_millis(500);

/// Most threads of a worker that are believed.
const MOST_THREADS: usize = 1024;

/// Pieces that may wait to be merged.
const BUFFERED_PIECES: usize = 4;

/// All replicates that are asked for, computed by the workers of a pool.
///
/// The same bytes for any number of workers, and when some of them are lost, slow or busy on the way.
/// Dropping the future ends the computations.
///
/// # Errors
/// What a worker says of the question; UNAVAILABLE if no worker could be reached for some seconds;
/// DEADLINE_EXCEEDED. A busy worker is waited for until the deadline.
pub(crate) async fn replicates(pool: &Pool, ask: Ask) -> Result<Replicates, Failure> {
    let deadline = ask.deadline;
    // Plans count their replicates in a type that the message holds.
    let ledger = Ledger::new(u64::try_from(ask.request.replicate_count).unwrap_or(0));
    let (ask, workers, flights) = (Arc::new(ask), Vec::new(), StreamMap::new());
    let run = Run { pool, ask, ledger, workers, flights, n_lost_in_row: 0 };
    deadline.limit(run.collect()).await?
}

/// What every worker is asked, but for the range.
pub(crate) struct Ask {
    policy: CallPolicy,
    deadline: Deadline,
    cohorts: Cohorts,
    cohort: Named,
    request: pb::RunReplicatesRequest,
}

/// What is heard of a request before it ends.
enum Step {
    /// The worker will compute it as soon as it can.
    Accepted,
    Piece(pb::RunReplicatesResponse),
}

/// Where what is heard of a request goes.
type Steps = mpsc::Sender<Result<Step, Status>>;

/// The first piece of an answer, and those after it.
type Pieces = (Option<pb::RunReplicatesResponse>, Streaming<pb::RunReplicatesResponse>);

impl Ask {
    /// Asks for all replicates of a bootstrap.
    pub(crate) fn new(
        policy: CallPolicy,
        deadline: Deadline,
        (cohorts, cohort): (Cohorts, Named),
        selection: &Selection,
        query: &BootstrapQuery,
    ) -> Self {
        let range = 0..query.plan.n_replicates();
        let asked = ReplicatesQuery { bootstrap: query.clone(), range };
        let request = replicates_request(cohort.reference(), selection, &asked);
        Self { policy, deadline, cohorts, cohort, request }
    }

    /// Asks a worker for a range and hands its pieces on.
    async fn pieces(&self, lease: &Lease, range: Range<u64>, steps: &Steps) -> Result<(), Status> {
        let request = pb::RunReplicatesRequest {
            first_replicate: range.start as i32,
            replicate_count: (range.end - range.start) as i32,
            ..self.request.clone()
        };
        let send = |endpoint: Endpoint, request| {
            let client = self.client(endpoint.channel());
            self.cohorts.call(endpoint, &self.cohort, request, move |request| {
                first_piece(client.clone(), request, steps.clone())
            })
        };
        let (mut next, mut rest) =
            call_at(&self.policy, self.deadline, lease, request, send).await?;
        while let Some(piece) = next {
            if steps.send(Ok(Step::Piece(piece))).await.is_err() {
                break;
            }
            next = rest.message().await?;
        }
        Ok(())
    }

    /// Whether a failure says nothing of the question: another try may do better, or another worker.
    fn may_pass(&self, failure: &Failure) -> bool {
        match failure.code {
            Code::Cancelled | Code::Aborted | Code::Unknown => true,
            // A worker that stood still for a while has given an upload up; ours is the only deadline.
            Code::DeadlineExceeded => !self.deadline.has_passed(),
            // It lost its cohort as often as it was sent.
            Code::NotFound => failure.reason == COHORT_NOT_FOUND,
            _ => false,
        }
    }

    fn client(&self, channel: Channel) -> BootstrapServiceClient<Channel> {
        let limit = self.policy.message_limit_bytes;
        BootstrapServiceClient::new(channel)
            .max_encoding_message_size(limit)
            .max_decoding_message_size(limit)
    }
}

/// Makes the call and waits for its first piece, or for what is wrong with the request, which comes in its
/// place.
async fn first_piece(
    mut client: BootstrapServiceClient<Channel>,
    request: Request<pb::RunReplicatesRequest>,
    steps: Steps,
) -> Result<Response<Pieces>, Status> {
    let mut pieces = client.run_replicates(request).await?.into_inner();
    // An error means that nobody waits any more; whoever waited ends this.
    let _ = steps.send(Ok(Step::Accepted)).await;
    let first = pieces.message().await?;
    Ok(Response::new((first, pieces)))
}

/// A worker as this bootstrap knows it.
struct Known {
    endpoint: Endpoint,
    /// Threads on which it computes; 1 until it has said so.
    n_threads: usize,
    /// It turned a request away: until then it has no more than so many.
    full: Option<(Instant, usize)>,
    /// It lost a request: what else it loses until then is the same loss.
    lost_until: Option<Instant>,
}

impl Known {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, n_threads: 1, full: None, lost_until: None }
    }

    /// Leaves the worker alone for a while. All requests that it has under way are lost at once: whether
    /// this is the first of them.
    fn loses(&mut self, now: Instant) -> bool {
        self.endpoint.set_aside();
        self.full = None;
        let is_first = self.lost_until.is_none_or(|until| until <= now);
        if is_first {
            self.lost_until = Some(now + PENALTY);
        }
        is_first
    }

    /// Requests that it may have under way: one on each thread, and one that waits there so that no
    /// thread does.
    fn n_slots(&self, is_ready: bool, now: Instant) -> usize {
        match self.full {
            Some((until, n)) if now < until => n,
            _ if is_ready => self.n_threads + 1,
            _ => 0,
        }
    }
}

/// A step, a failure, or the end of a request.
type Event = Option<Result<Step, Status>>;

struct Run<'a> {
    pool: &'a Pool,
    ask: Arc<Ask>,
    ledger: Ledger,
    workers: Vec<Known>,
    flights: StreamMap<FlightId, Pin<Box<dyn Stream<Item = Event> + Send>>>,
    /// Times that a worker was lost, or that there was none, since anything arrived.
    n_lost_in_row: usize,
}

impl Run<'_> {
    async fn collect(mut self) -> Result<Replicates, Failure> {
        // Small bootstraps that run at the same time begin at different workers.
        if let Ok(first) = self.pool.pick(self.ask.deadline).await {
            self.meet(first.endpoint());
        }
        loop {
            match self.pool.ready(self.ask.deadline).await {
                Ok(ready) => self.hand_out(ready),
                Err(failure) => {
                    self.count_lost(failure)?;
                    tokio::time::sleep(NO_WORKER_PAUSE).await;
                }
            }
            tokio::select! {
                Some((id, event)) = self.flights.next() => self.take(id, event)?,
                () = tokio::time::sleep(TICK) => {}
            }
            if self.ledger.is_complete() {
                return Ok(self.ledger.finish());
            }
            self.ledger.notice_silence(Instant::now());
            self.drop_needless();
        }
    }

    /// Gives every worker that has room a request, and then a second, until all have enough.
    fn hand_out(&mut self, ready: Vec<Endpoint>) {
        let now = Instant::now();
        for endpoint in &ready {
            self.meet(endpoint);
        }
        let is_ready = |worker: &Known| ready.contains(&worker.endpoint);
        let slots: Vec<usize> =
            self.workers.iter().map(|worker| worker.n_slots(is_ready(worker), now)).collect();
        let n_slots = slots.iter().sum();
        let mut n_flights: Vec<usize> =
            (0..slots.len()).map(|worker| self.ledger.n_flights_of(worker)).collect();
        let is_silent: Vec<bool> =
            (0..slots.len()).map(|worker| self.ledger.is_silent(worker)).collect();
        for n_each in 0..slots.iter().copied().max().unwrap_or(0) {
            for (worker, &n_slots_of) in slots.iter().enumerate() {
                let has_room =
                    n_each < n_slots_of && n_flights[worker] <= n_each && !is_silent[worker];
                if has_room && let Some((id, range)) = self.ledger.hand_out(worker, n_slots, now) {
                    n_flights[worker] += 1;
                    self.send(id, worker, range);
                }
            }
        }
    }

    fn meet(&mut self, endpoint: &Endpoint) {
        if self.workers.iter().all(|worker| worker.endpoint != *endpoint) {
            self.workers.push(Known::new(endpoint.clone()));
        }
    }

    fn send(&mut self, id: FlightId, worker: Worker, range: Range<u64>) {
        let endpoint = &self.workers[worker].endpoint;
        tracing::trace!(address = endpoint.address(), ?range, "replicates are asked for");
        let (ask, lease) = (Arc::clone(&self.ask), endpoint.lease());
        let (sender, receiver) = mpsc::channel(BUFFERED_PIECES);
        tokio::spawn(async move {
            let answered = tokio::select! {
                answered = ask.pieces(&lease, range, &sender) => answered,
                // Nobody waits for it any more.
                () = sender.closed() => return,
            };
            if let Err(status) = answered {
                lease.failed(&status);
                let _ = sender.send(Err(status)).await;
            }
        });
        let events = ReceiverStream::new(receiver).map(Some).chain(tokio_stream::once(None));
        self.flights.insert(id, Box::pin(events));
    }

    fn take(&mut self, id: FlightId, event: Event) -> Result<(), Failure> {
        let Some(worker) = self.ledger.worker_of(id) else { return Ok(()) };
        match event {
            Some(Ok(Step::Accepted)) => {
                self.ledger.accepted(id, Instant::now());
                Ok(())
            }
            Some(Ok(Step::Piece(piece))) => self.merge(id, worker, piece),
            Some(Err(status)) => {
                self.flights.remove(&id);
                self.ledger.ended(id);
                self.failed(worker, &status)
            }
            None if self.ledger.ended(id) => Ok(()),
            None => self.lost(worker, Failure::internal("LOST", "an answer of a service was lost")),
        }
    }

    fn merge(
        &mut self,
        id: FlightId,
        worker: Worker,
        piece: pb::RunReplicatesResponse,
    ) -> Result<(), Failure> {
        self.n_lost_in_row = 0;
        let n_threads = usize::try_from(piece.thread_count).unwrap_or(0);
        self.workers[worker].n_threads = n_threads.clamp(1, MOST_THREADS);
        let n_slots = self.workers.iter().map(|worker| worker.n_threads + 1).sum();
        let piece = replicates_from(piece).map_err(unreadable)?;
        self.ledger.arrived(id, &piece, n_slots, Instant::now()).map_err(|Unexpected| {
            Failure::internal("UNREADABLE_ANSWER", "replicates came that were not asked for")
        })
    }

    /// Learns from a request that failed: what another worker may do is tried there.
    fn failed(&mut self, worker: Worker, status: &Status) -> Result<(), Failure> {
        let failure = Failure::from(status);
        let known = &mut self.workers[worker];
        tracing::debug!(address = known.endpoint.address(), code = ?failure.code, "request failed");
        if failure.code == Code::ResourceExhausted
            && let Some(delay) = failure.retry_after
        {
            let until = Instant::now().checked_add(delay);
            known.full = until.map(|until| (until, self.ledger.n_flights_of(worker)));
            return Ok(());
        }
        if !is_lost(status) && !self.ask.may_pass(&failure) {
            return Err(failure);
        }
        self.lost(worker, failure)
    }

    /// A worker counts once for all that it loses at a time, however many requests it had.
    fn lost(&mut self, worker: Worker, failure: Failure) -> Result<(), Failure> {
        let is_first = self.workers[worker].loses(Instant::now());
        if is_first { self.count_lost(failure) } else { Ok(()) }
    }

    /// Gives up when nothing has arrived for too many failures.
    fn count_lost(&mut self, failure: Failure) -> Result<(), Failure> {
        self.n_lost_in_row += 1;
        let most = self.ask.policy.tries as usize * self.workers.len().max(1);
        if self.n_lost_in_row < most { Ok(()) } else { Err(failure) }
    }

    /// Ends the requests of which everything has come from elsewhere; who had begun and fell silent is left
    /// alone for a while.
    fn drop_needless(&mut self) {
        for (id, worker, is_silent) in self.ledger.drop_needless() {
            self.flights.remove(&id);
            if is_silent {
                self.workers[worker].endpoint.set_aside();
            }
        }
    }
}
