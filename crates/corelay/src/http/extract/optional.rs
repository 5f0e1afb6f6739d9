//! Extractors that may fail without the request failing.

use std::convert::Infallible;

use super::FromRequest;
use crate::http::handler::{BodyUse, Profile};
use crate::http::request::Request;

/// `None` where `T` would have refused, whatever the reason; take a `Result` to learn it.
impl<T: FromRequest> FromRequest for Option<T> {
    type Rejection = Infallible;

    const BODY: BodyUse = T::BODY;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(T::from_request(request).ok())
    }

    fn describe(profile: &mut Profile) {
        T::describe(profile);
    }
}

/// The value or the refusal, for the handler to decide.
impl<T: FromRequest> FromRequest for Result<T, T::Rejection> {
    type Rejection = Infallible;

    const BODY: BodyUse = T::BODY;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(T::from_request(request))
    }

    fn describe(profile: &mut Profile) {
        T::describe(profile);
    }
}
