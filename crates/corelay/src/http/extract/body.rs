//! The body: as it arrives, or all of it.

use std::convert::Infallible;

use ::http::StatusCode;
use bytes::Bytes;

use super::{FromRequest, Rejection};
use crate::http::body::Body;
use crate::http::handler::BodyUse;
use crate::http::request::Request;

impl FromRequest for Body {
    type Rejection = Infallible;

    const BODY: BodyUse = BodyUse::Stream;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(request.take_body())
    }
}

/// The whole body. Where it was gathered this is what it was gathered in, and counts for `--max-buffered-bytes` until the last of it
/// is dropped.
impl FromRequest for Bytes {
    type Rejection = Rejection;

    const BODY: BodyUse = BodyUse::Whole { limit: None };

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        Ok(request.take_own()?)
    }
}

/// The whole body.
impl FromRequest for Vec<u8> {
    type Rejection = Rejection;

    const BODY: BodyUse = BodyUse::Whole { limit: None };

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        Ok(request.take_vec()?)
    }
}

/// The whole body, which must be UTF-8: 400 else. Its content type is not looked at.
impl FromRequest for String {
    type Rejection = Rejection;

    const BODY: BodyUse = BodyUse::Whole { limit: None };

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        Self::from_utf8(request.take_vec()?)
            .map_err(|_| Rejection::new(StatusCode::BAD_REQUEST, "the body is not UTF-8"))
    }
}
