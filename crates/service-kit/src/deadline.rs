//! The moment after which nobody waits for an answer: how it is read from a call, kept by the
//! server and handed to the code that works for the call.
//!
//! tonic has a deadline of its own but answers CANCELLED when it passes; gRPC asks for
//! DEADLINE_EXCEEDED.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::{HeaderMap, Request, Response};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use crate::Failure;

/// The moment after which nobody waits for an answer, or none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// The caller waits for ever.
    pub const NONE: Self = Self(None);

    /// A deadline `duration` from now. A duration beyond what the clock can hold means none.
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now().checked_add(duration))
    }

    /// The deadline of a call that came through [`DeadlineLayer`]; none without that layer.
    pub fn of<T>(request: &tonic::Request<T>) -> Self {
        request.extensions().get().copied().unwrap_or(Self::NONE)
    }

    /// Time left: zero once the deadline has passed, `None` without a deadline.
    pub fn remaining(self) -> Option<Duration> {
        self.0.map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// Whether the deadline has passed.
    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|end| end <= Instant::now())
    }

    /// Waits for `work`, at most until the deadline; then the work is dropped.
    ///
    /// # Errors
    /// [`Failure::deadline_exceeded`] if the deadline passed first.
    pub async fn limit<F: Future>(self, work: F) -> Result<F::Output, Failure> {
        let Some(end) = self.0 else {
            return Ok(work.await);
        };
        tokio::time::timeout_at(end.into(), work).await.map_err(|_| Failure::deadline_exceeded())
    }

    /// The deadline in the `grpc-timeout` header. A header that cannot be read counts as absent.
    fn from_headers(headers: &HeaderMap) -> Self {
        headers
            .get("grpc-timeout")
            .and_then(|value| parse_timeout(value.to_str().ok()?))
            .map_or(Self::NONE, Self::after)
    }
}

/// Reads `grpc-timeout` into a [`Deadline`] among the request's extensions, and answers
/// DEADLINE_EXCEEDED itself when it passes before the response begins.
///
/// The body of a streamed response is not limited: its producer reads the deadline.
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer;

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService { inner }
    }
}

/// The service made by [`DeadlineLayer`].
#[derive(Clone, Debug)]
pub struct DeadlineService<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for DeadlineService<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let deadline = Deadline::from_headers(request.headers());
        request.extensions_mut().insert(deadline);
        let answer = self.inner.call(request);
        Box::pin(async move {
            deadline
                .limit(answer)
                .await
                .unwrap_or_else(|failure| Ok(Status::from(failure).into_http()))
        })
    }
}

/// Reads the value of `grpc-timeout`: one to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_in_every_unit() {
        assert_eq!(parse_timeout("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parse_timeout("3M"), Some(Duration::from_secs(180)));
        assert_eq!(parse_timeout("4S"), Some(Duration::from_secs(4)));
        assert_eq!(parse_timeout("5m"), Some(Duration::from_millis(5)));
        assert_eq!(parse_timeout("6u"), Some(Duration::from_micros(6)));
        assert_eq!(parse_timeout("7n"), Some(Duration::from_nanos(7)));
    }

    #[test]
    fn malformed_timeouts_count_as_absent() {
        for text in ["", "S", "+1S", "-1S", "1", "1s", "1.5S", "123456789S", "1µ"] {
            assert_eq!(parse_timeout(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_deadline_passes() {
        let passed = Deadline::after(Duration::ZERO);
        assert!(passed.has_passed());
        assert_eq!(passed.remaining(), Some(Duration::ZERO));
        assert!(!Deadline::after(Duration::from_secs(60)).has_passed());
        assert!(!Deadline::NONE.has_passed());
    }
}
