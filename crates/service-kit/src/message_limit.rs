//! What a caller hears whose request is over the message limit.
//!
//! tonic refuses such a request by its length, before it reads it, with OUT_OF_RANGE and a sentence.
//! To a caller it is a request that cannot be used, so it becomes INVALID_ARGUMENT, which says the
//! limit and what to do.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{HeaderMap, Request, Response};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use crate::Failure;

/// Turns tonic's refusal of a request over the limit into [`Failure::request_too_large`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageLimitLayer;

impl<S> Layer<S> for MessageLimitLayer {
    type Service = MessageLimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MessageLimitService { inner }
    }
}

/// The service made by [`MessageLimitLayer`].
#[derive(Clone, Debug)]
pub(crate) struct MessageLimitService<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for MessageLimitService<S>
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            Ok(match refused(response.headers()) {
                Some(failure) => Status::from(failure).into_http(),
                None => response,
            })
        })
    }
}

/// The failure to report if these headers are those of tonic's refusal.
fn refused(headers: &HeaderMap) -> Option<Failure> {
    let status = Status::from_header_map(headers)?;
    if status.code() != Code::OutOfRange {
        return None;
    }
    let sizes = status.message().strip_prefix(REFUSAL)?.strip_suffix(" bytes")?;
    let (bytes, limit) = sizes.split_once(" bytes, the limit is: ")?;
    Some(Failure::request_too_large(bytes.parse().ok()?, limit.parse().ok()?))
}

/// How tonic's sentence begins.
const REFUSAL: &str = "Error, decoded message length too large: found ";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: Code, message: &str) -> Option<Failure> {
        refused(Status::new(code, message).into_http::<Body>().headers())
    }

    #[test]
    fn only_the_refusal_is_turned() {
        let sentence = format!("{REFUSAL}9 bytes, the limit is: 8 bytes");
        assert_eq!(read(Code::OutOfRange, &sentence), Some(Failure::request_too_large(9, 8)));
        assert_eq!(read(Code::Internal, &sentence), None);
        assert_eq!(read(Code::OutOfRange, "the study is out of range"), None);
        assert_eq!(refused(&HeaderMap::new()), None);
    }
}
