//! The pool on which computations run, apart from the threads that serve connections.
//!
//! Work is admitted or turned away at once, runs on as many threads as the container may use,
//! and is told to stop as soon as nobody waits for its answer.

use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread::available_parallelism,
    time::Duration,
};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_stream::Stream;
use tonic::Status;

use numerics::wanted::{self, NotWanted};

use crate::{Deadline, Failure, Settings, StartError};

/// How long a caller that was turned away is asked to wait. About the time of a few model fits.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// The pool for computations; clones share it.
///
/// At most `threads` computations run at a time and at most `queue` more wait. A computation may
/// use rayon inside: it then shares the threads of the pool.
#[derive(Clone, Debug)]
pub struct Compute {
    pool: Arc<ThreadPool>,
    /// A permit for each computation that runs or waits.
    admission: Arc<Semaphore>,
    /// A permit for each computation that runs.
    running: Arc<Semaphore>,
}

impl Compute {
    /// Starts the threads.
    ///
    /// Without a number of threads there is one for each CPU that the process may use, the quota
    /// of its control group included.
    ///
    /// # Errors
    /// [`StartError::Threads`] if the system refuses the threads.
    pub fn new(threads: Option<NonZeroUsize>, queue: usize) -> Result<Self, StartError> {
        let threads = threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("compute-{index}"))
            .build()
            .map_err(|error| StartError::Threads {
                what: "compute pool",
                message: error.to_string(),
            })?;
        let slots = threads.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Ok(Self {
            pool: Arc::new(pool),
            admission: Arc::new(Semaphore::new(slots)),
            running: Arc::new(Semaphore::new(threads)),
        })
    }

    /// Starts the threads that the settings ask for.
    ///
    /// # Errors
    /// As [`Compute::new`].
    pub fn with_settings(settings: &Settings) -> Result<Self, StartError> {
        Self::new(settings.threads, settings.queue)
    }

    /// Threads of the pool.
    pub fn n_threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs a computation and waits for its answer.
    ///
    /// When the deadline passes or the returned future is dropped, `Cancel` tells the computation
    /// so; its thread is free again once the computation returns.
    ///
    /// # Errors
    /// What the computation answers; RESOURCE_EXHAUSTED with a delay, at once, if too many wait;
    /// DEADLINE_EXCEEDED; INTERNAL, without the text of the panic, if the computation panicked.
    pub async fn run<T, E, F>(&self, deadline: Deadline, job: F) -> Result<T, Status>
    where
        F: FnOnce(&Cancel) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Into<Status>,
    {
        let admitted = Arc::clone(&self.admission)
            .try_acquire_owned()
            .map_err(|_| Failure::busy(RETRY_AFTER))?;
        let cancel = Cancel::new(deadline);
        let _guard = CancelOnDrop(cancel.clone());
        deadline.limit(self.answer(admitted, cancel, job)).await?
    }

    /// Runs a computation that answers in pieces, each of which `emit` hands to the caller.
    ///
    /// The computation waits while `pieces` of them have not been taken. It is told to stop, as in
    /// [`Compute::run`], when the deadline passes and when the stream is dropped; what it answers at
    /// last is the end of the stream.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with a delay, at once, if too many wait; everything else comes in the stream.
    pub fn stream<T, E, F>(
        &self,
        deadline: Deadline,
        pieces: usize,
        job: F,
    ) -> Result<Pieces<T>, Status>
    where
        F: FnOnce(&dyn Fn(T)) -> Result<(), E> + Send + 'static,
        T: Send + 'static,
        E: Into<Status> + Send + 'static,
    {
        let admitted = Arc::clone(&self.admission)
            .try_acquire_owned()
            .map_err(|_| Failure::busy(RETRY_AFTER))?;
        let cancel = Cancel::new(deadline);
        let guard = CancelOnDrop(cancel.clone());
        let (sender, receiver) = mpsc::channel(pieces);
        let (compute, caller) = (self.clone(), sender.clone());
        tokio::spawn(async move {
            let emit = move |piece| {
                // An error means that the caller has gone; the computation hears of it by itself.
                let _ = caller.blocking_send(Ok(piece));
            };
            let answer = compute.answer(admitted, cancel, move |_| job(&emit));
            if let Err(status) =
                deadline.limit(answer).await.unwrap_or_else(|failure| Err(failure.into()))
            {
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(Pieces { receiver, _guard: guard })
    }

    /// Waits for a free thread, hands it the job and waits for the answer.
    async fn answer<T, E, F>(
        &self,
        admitted: OwnedSemaphorePermit,
        cancel: Cancel,
        job: F,
    ) -> Result<T, Status>
    where
        F: FnOnce(&Cancel) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Into<Status>,
    {
        let running =
            Arc::clone(&self.running).acquire_owned().await.expect("the semaphore is never closed");
        let (sender, receiver) = oneshot::channel();
        let span = tracing::Span::current();
        self.pool.spawn(move || {
            let answer = span.in_scope(|| guarded(job, &cancel));
            // Before the answer, so that a caller who has it finds the thread free.
            drop((admitted, running));
            // An error means that the caller has gone.
            let _ = sender.send(answer);
        });
        receiver
            .await
            .unwrap_or_else(|_| Err(Failure::internal("LOST", "the computation was lost").into()))
    }
}

/// Runs the job if it is still wanted, and turns a panic into a failure of this call alone.
fn guarded<T, E: Into<Status>>(
    job: impl FnOnce(&Cancel) -> Result<T, E>,
    cancel: &Cancel,
) -> Result<T, Status> {
    cancel.check()?;
    let asked = cancel.clone();
    // The job is consumed, so nobody sees what it may have left half done.
    let job = AssertUnwindSafe(|| job(cancel));
    let compute = || wanted::compute_while(move || !asked.is_cancelled(), job);
    match catch_unwind(AssertUnwindSafe(compute)) {
        Ok(Ok(answer)) => answer.map_err(Into::into),
        Ok(Err(NotWanted)) => Err(cancel.check().err().unwrap_or_else(Failure::cancelled).into()),
        Err(_payload) => {
            Err(Failure::internal("PANIC", "the computation failed unexpectedly").into())
        }
    }
}

/// The pieces of an answer as they come; dropping it ends the computation.
#[derive(Debug)]
pub struct Pieces<T> {
    receiver: mpsc::Receiver<Result<T, Status>>,
    _guard: CancelOnDrop,
}

impl<T> Stream for Pieces<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context)
    }
}

/// Tells a computation whether its answer is still wanted; clones share the message.
#[derive(Clone, Debug)]
pub struct Cancel {
    gone: Arc<AtomicBool>,
    deadline: Deadline,
}

impl Cancel {
    /// A message that says "wanted" until the deadline or until [`Cancel::cancel`].
    pub fn new(deadline: Deadline) -> Self {
        Self { gone: Arc::default(), deadline }
    }

    /// Says that the answer is no longer wanted.
    pub fn cancel(&self) {
        // Nothing else is published with the flag, so no ordering is needed.
        self.gone.store(true, Ordering::Relaxed);
    }

    /// Whether the computation should stop. Takes about as long as reading the clock, so a
    /// computation may ask every few microseconds.
    pub fn is_cancelled(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || self.deadline.has_passed()
    }

    /// Nothing, while the answer is wanted.
    ///
    /// # Errors
    /// [`Failure::deadline_exceeded`] or [`Failure::cancelled`].
    pub fn check(&self) -> Result<(), Failure> {
        if self.deadline.has_passed() {
            Err(Failure::deadline_exceeded())
        } else if self.is_cancelled() {
            Err(Failure::cancelled())
        } else {
            Ok(())
        }
    }
}

/// Lives in the future of a call, or in its stream: when that is dropped, nobody waits any more.
#[derive(Debug)]
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
