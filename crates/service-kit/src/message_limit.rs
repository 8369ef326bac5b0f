//! What a caller hears whose request, or its answer, is over the message limit.
//!
//! tonic refuses a request by its length, before it reads it, with OUT_OF_RANGE and a sentence in the
//! headers, and an answer once it is written, with another one in the trailers. To a caller the first
//! is a request that cannot be used, INVALID_ARGUMENT, and the second asks for too much,
//! RESOURCE_EXHAUSTED; both say the limit and what to do.

use http_body_util::BodyExt;
use hyper::{HeaderMap, Response, body::Frame};
use tonic::{Code, Status, body::Body};

use crate::Failure;

/// The response, with [`Failure::request_too_large`] or [`Failure::answer_too_large`] in the place of
/// tonic's refusal.
pub(crate) fn explained(response: Response<Body>) -> Response<Body> {
    match refused(response.headers(), REQUEST) {
        Some((bytes, limit)) => Status::from(Failure::request_too_large(bytes, limit)).into_http(),
        None => response.map(|body| Body::new(body.map_frame(explained_end))),
    }
}

/// A part of the answer; trailers that refuse it explain why.
fn explained_end<T>(frame: Frame<T>) -> Frame<T> {
    let refusal = frame.trailers_ref().and_then(|trailers| refused(trailers, ANSWER));
    let Some((bytes, limit)) = refusal else { return frame };
    let mut trailers = HeaderMap::new();
    match Status::from(Failure::answer_too_large(bytes, limit)).add_header(&mut trailers) {
        Ok(()) => Frame::trailers(trailers),
        Err(_) => frame,
    }
}

/// The size of the message and the limit, if these headers are those of this refusal of tonic.
fn refused(headers: &HeaderMap, refusal: &str) -> Option<(usize, usize)> {
    let status = Status::from_header_map(headers)?;
    if status.code() != Code::OutOfRange {
        return None;
    }
    let sizes = status.message().strip_prefix(refusal)?.strip_suffix(" bytes")?;
    let (bytes, limit) = sizes.split_once(" bytes, the limit is: ")?;
    Some((bytes.parse().ok()?, limit.parse().ok()?))
}

/// How tonic's sentence on a request begins.
const REQUEST: &str = "Error, decoded message length too large: found ";

/// How tonic's sentence on an answer begins.
const ANSWER: &str = "Error, encoded message length too large: found ";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(code: Code, message: &str) -> HeaderMap {
        Status::new(code, message).into_http::<Body>().headers().clone()
    }

    #[test]
    fn only_the_refusal_is_turned() {
        let read = |code, message: &str| refused(&headers(code, message), REQUEST);
        let sentence = format!("{REQUEST}9 bytes, the limit is: 8 bytes");
        assert_eq!(read(Code::OutOfRange, &sentence), Some((9, 8)));
        assert_eq!(read(Code::Internal, &sentence), None);
        assert_eq!(read(Code::OutOfRange, "the study is out of range"), None);
        assert_eq!(refused(&HeaderMap::new(), REQUEST), None);
    }

    #[test]
    fn trailers_of_another_kind_stay() {
        let end = |message: &str| {
            let frame: Frame<()> = Frame::trailers(headers(Code::OutOfRange, message));
            let trailers = explained_end(frame).into_trailers().ok().unwrap();
            Failure::from(&Status::from_header_map(&trailers).unwrap())
        };
        let sentence = format!("{ANSWER}9 bytes, the limit is: 8 bytes");
        assert_eq!(end(&sentence), Failure::answer_too_large(9, 8));
        assert_eq!(end("elsewhere"), Failure::new(Code::OutOfRange, "", "elsewhere"));
    }
}
