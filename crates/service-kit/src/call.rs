//! How a client makes a call: with the time that is left, repeated where that can help, and
//! failing with the code that gRPC means for the case.
//!
//! All calls of ours are pure functions of their request, so repeating one is safe.

use std::{
    error::Error,
    hash::{BuildHasher, Hasher, RandomState},
    iter::successors,
    time::Duration,
};

use prost::Message;
use tonic::{Code, Request, Response, Status, TimeoutExpired};

use crate::{Deadline, Endpoint, Failure, Lease, MESSAGE_LIMIT, Pool};

/// How calls are repeated and what they may send; the defaults suit every service.
#[derive(Clone, Debug)]
pub struct CallPolicy {
    /// Times a call is made before its failure counts; 0 counts as 1.
    pub tries: u32,
    /// Longest wait before the second try; it doubles with each further one.
    pub first_delay: Duration,
    /// Longest wait before any try, unless the server asks for more.
    pub max_delay: Duration,
    /// Part of the remaining time that is kept back, so that the server gives up before us.
    pub margin: Duration,
    /// Largest request in bytes.
    pub message_limit_bytes: usize,
}

impl Default for CallPolicy {
    fn default() -> Self {
        Self {
            tries: 3,
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
            margin: Duration::from_millis(10),
            message_limit_bytes: MESSAGE_LIMIT,
        }
    }
}

/// Makes a call by `send`, once or several times, within one deadline over all tries.
///
/// Each try goes to the endpoint that the pool picks and that `send` is given; whatever else `send` does
/// over the channel of that endpoint reaches the same server. A call is repeated if the server is
/// unavailable, if the connection failed under it, or if the server is busy and says when to come
/// back. The waits between are drawn at random from zero to a bound that doubles, so that clients who
/// failed together do not return together; the delay that a busy server asks for is kept unless
/// another endpoint is ready. When the calls over a pool have been repeated ten times more often than a tenth of
/// its answers, they all wait for the second half of the longest delay, until answers have come again: so many
/// calls that fail at once do not fall upon a service together, and none is given up for that.
///
/// ```no_run
/// # use service_kit::{CallPolicy, Deadline, Pool, call};
/// # use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
/// # async fn check(pool: &Pool) -> Result<(), tonic::Status> {
/// let request = HealthCheckRequest { service: String::new() };
/// let answer = call(&CallPolicy::default(), Deadline::NONE, pool, &request, |endpoint, request| {
///     let mut client = HealthClient::new(endpoint.channel());
///     async move { client.check(request).await }
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The status of the last try; DEADLINE_EXCEEDED if time ran out, wherever that was noticed;
/// RESOURCE_EXHAUSTED (`MESSAGE_TOO_LARGE`) for a request over the limit, which is not sent.
pub async fn call<Q, A, F>(
    policy: &CallPolicy,
    deadline: Deadline,
    pool: &Pool,
    message: &Q,
    mut send: impl FnMut(Endpoint, Request<Q>) -> F,
) -> Result<A, Status>
where
    Q: Message + Clone,
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut tries = 1;
    loop {
        let status = match attempt(policy, deadline, pool, message, &mut send).await {
            Ok(answer) => {
                pool.budget().answered();
                return Ok(answer);
            }
            Err(status) => status,
        };
        match delay_before_repeat(policy, &status, tries, pool) {
            Some(delay) if deadline.remaining().is_none_or(|left| delay < left) => {
                tracing::debug!(code = ?status.code(), tries, ?delay, "call is repeated");
                tokio::time::sleep(delay).await;
            }
            _ => return Err(status),
        }
        tries += 1;
    }
}

async fn attempt<Q, A, F>(
    policy: &CallPolicy,
    deadline: Deadline,
    pool: &Pool,
    message: &Q,
    send: &mut impl FnMut(Endpoint, Request<Q>) -> F,
) -> Result<A, Status>
where
    Q: Message + Clone,
    F: Future<Output = Result<Response<A>, Status>>,
{
    let lease = pool.pick(deadline).await?;
    call_at(policy, deadline, &lease, message.clone(), send).await
}

/// Makes a call by `send` once, at a given endpoint, with the time that is left. The endpoint learns of
/// a failure.
///
/// # Errors
/// As [`call`].
pub async fn call_at<Q, A, F>(
    policy: &CallPolicy,
    deadline: Deadline,
    lease: &Lease,
    message: Q,
    send: impl FnOnce(Endpoint, Request<Q>) -> F,
) -> Result<A, Status>
where
    Q: Message,
    F: Future<Output = Result<Response<A>, Status>>,
{
    let bytes = message.encoded_len();
    if bytes > policy.message_limit_bytes {
        return Err(Failure::too_large(bytes, policy.message_limit_bytes).into());
    }
    let mut request = Request::new(message);
    if let Some(left) = deadline.remaining() {
        let granted = left.saturating_sub(policy.margin);
        if granted.is_zero() {
            return Err(Failure::deadline_exceeded().into());
        }
        request.set_timeout(granted);
    }
    match deadline.limit(send(lease.endpoint().clone(), request)).await? {
        Ok(response) => Ok(response.into_inner()),
        Err(status) if timed_out_locally(&status) => Err(Failure::deadline_exceeded().into()),
        Err(status) => {
            lease.failed(&status);
            Err(status)
        }
    }
}

/// How long to wait before the call is made again; `None` if that would not help. A delay that the
/// server asks for counts unless somebody else is ready.
fn delay_before_repeat(
    policy: &CallPolicy,
    status: &Status,
    tries: u32,
    pool: &Pool,
) -> Option<Duration> {
    let is_busy = status.code() == Code::ResourceExhausted;
    let asked = is_busy.then(|| Failure::from(status).retry_after).flatten();
    if tries >= policy.tries || !(is_lost(status) || asked.is_some()) {
        return None;
    }
    let jitter = if pool.budget().is_spent_by_repeat() {
        policy.max_delay.mul_f64(0.5 + 0.5 * random_fraction())
    } else {
        let bound = policy.first_delay.saturating_mul(1 << (tries - 1).min(16));
        bound.min(policy.max_delay).mul_f64(random_fraction())
    };
    let asked = asked.filter(|_| !is_lost(status) && !pool.has_ready()).unwrap_or_default();
    Some(asked.saturating_add(jitter))
}

/// Whether the call never had an answer from the server: it is unavailable, or the connection failed.
///
/// A source means that the status was made here, by the transport, whatever its code: a server that goes
/// away in good order makes it CANCELLED. A clock of our own that ended the call is no failure of the
/// server.
pub fn is_lost(status: &Status) -> bool {
    status.code() == Code::Unavailable || (status.source().is_some() && !timed_out_locally(status))
}

/// Whether tonic's own clock ended the call, which it reports as CANCELLED.
fn timed_out_locally(status: &Status) -> bool {
    successors(status.source(), |&error| error.source()).any(|error| error.is::<TimeoutExpired>())
}

/// A number in [0, 1) that differs between calls and processes: a fresh hasher of the standard
/// library has random keys. It moves waiting times only, never a result.
pub(crate) fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::time::Instant;
    use tonic::transport::Channel;

    use super::*;

    /// A pool of one endpoint, to which nothing is sent.
    fn pool() -> Pool {
        Pool::new([Channel::from_static("http://127.0.0.1:1").connect_lazy()])
    }

    /// The same while its endpoint is left alone.
    async fn away() -> Pool {
        let pool = pool();
        pool.ready(Deadline::NONE).await.unwrap()[0].set_aside();
        pool
    }

    #[tokio::test]
    async fn only_failures_that_may_pass_are_repeated() {
        let pool = pool();
        let repeats = |status: &Status| {
            delay_before_repeat(&CallPolicy::default(), status, 1, &pool).is_some()
        };
        assert!(repeats(&Status::unavailable("")));
        assert!(repeats(&Failure::busy(Duration::ZERO).into()));
        assert!(!repeats(&Failure::too_large(2, 1).into()));
        assert!(!repeats(&Status::internal("")));
        assert!(!repeats(&Status::cancelled("")), "the server's own");
        let mut local = Status::cancelled("operation was canceled");
        local.set_source(Arc::new(std::fmt::Error));
        assert!(repeats(&local));
    }

    #[tokio::test]
    async fn the_wait_is_bounded_and_keeps_the_servers_delay() {
        let policy = CallPolicy { tries: 100, ..CallPolicy::default() };
        let (ready, lost) = (pool(), Status::unavailable(""));
        for tries in 1..100 {
            let wait = delay_before_repeat(&policy, &lost, tries, &ready).unwrap();
            assert!(wait <= policy.max_delay);
            // Ten quick repeats are spent.
            assert!(tries <= 10 || policy.max_delay / 2 <= wait);
        }
        assert_eq!(delay_before_repeat(&policy, &lost, 100, &ready), None);
        let asked = Duration::from_secs(7);
        let busy = Status::from(Failure::busy(asked));
        let wait = delay_before_repeat(&policy, &busy, 1, &away().await).unwrap();
        assert!(asked <= wait && wait <= asked + policy.first_delay);
        let elsewhere = delay_before_repeat(&policy, &busy, 1, &pool()).unwrap();
        assert!(elsewhere <= policy.first_delay);
    }

    /// Forty calls at once find a service that is away for six seconds. Ten of the first failures are repeated
    /// at once; then each call comes about every second and a half, where forty on their own would come three
    /// times each in the first second, and all are answered in the end.
    #[tokio::test(start_paused = true)]
    async fn many_calls_that_fail_together_do_not_swamp_the_service() {
        let (pool, begin) = (pool(), Instant::now());
        let arrivals: Arc<[AtomicUsize]> = (0..10).map(|_| AtomicUsize::new(0)).collect();
        let one = || {
            let (pool, arrivals) = (pool.clone(), Arc::clone(&arrivals));
            async move {
                let policy = CallPolicy { tries: 10, ..CallPolicy::default() };
                call(&policy, Deadline::NONE, &pool, &(), |_, _: Request<()>| {
                    let at = begin.elapsed().as_secs() as usize;
                    arrivals[at].fetch_add(1, Ordering::Relaxed);
                    async move {
                        if at < 6 { Err(Status::unavailable("")) } else { Ok(Response::new(())) }
                    }
                })
                .await
            }
        };
        let calls: Vec<_> = (0..40).map(|_| tokio::spawn(one())).collect();
        for call in calls {
            assert!(call.await.unwrap().is_ok());
        }
        let arrivals: Vec<usize> =
            arrivals.iter().map(|second| second.load(Ordering::Relaxed)).collect();
        assert_eq!(arrivals[0], 50, "{arrivals:?}");
        assert!(arrivals[1..].iter().all(|&second| second <= 40), "{arrivals:?}");
        assert_eq!(arrivals[6..].iter().sum::<usize>(), 40, "{arrivals:?}");
    }

    #[test]
    fn a_local_time_out_is_told_from_other_local_failures() {
        let mut status = Status::cancelled("Timeout expired");
        assert!(!timed_out_locally(&status));
        status.set_source(Arc::new(TimeoutExpired(())));
        assert!(timed_out_locally(&status));
    }
}
