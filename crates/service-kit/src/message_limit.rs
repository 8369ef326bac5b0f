//! What a caller hears whose request is over the message limit.
//!
//! tonic refuses such a request by its length, before it reads it, with OUT_OF_RANGE and a sentence.
//! To a caller it is a request that cannot be used, so it becomes INVALID_ARGUMENT, which says the
//! limit and what to do.

use hyper::{HeaderMap, Response};
use tonic::{Code, Status, body::Body};

use crate::Failure;

/// The response, or [`Failure::request_too_large`] in the place of tonic's refusal.
pub(crate) fn explained(response: Response<Body>) -> Response<Body> {
    match refused(response.headers()) {
        Some(failure) => Status::from(failure).into_http(),
        None => response,
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
