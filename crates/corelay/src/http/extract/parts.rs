//! What the head says, and who sent it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Deref;

use ::http::{HeaderMap, Method, StatusCode, Uri, Version};

use super::{FromRequest, Rejection};
use crate::http::request::Request;

/// All header fields, copied into a map. For one or two, [`Request::field`] copies nothing.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Headers, TestClient};
///
/// let router = Router::new().get("/", |headers: Headers| headers.get_all("x-tag").iter().count().to_string());
/// let client = TestClient::new(router)?;
/// assert_eq!(client.get("/").header("X-Tag", "a").header("x-tag", "b").send().text(), "2");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers(pub HeaderMap);

impl Deref for Headers {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        &self.0
    }
}

/// The address at the other end of the connection; `None` on a Unix socket.
///
/// Behind a proxy it is the proxy's.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Peer, TestClient};
///
/// let address = |Peer(peer): Peer| peer.map_or("unknown".to_owned(), |peer| peer.ip().to_string());
/// let router = Router::new().get("/ip", address);
/// let client = TestClient::new(router)?;
/// assert_eq!(client.get("/ip").peer(([192, 0, 2, 7], 4000)).send().text(), "192.0.2.7");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub Option<SocketAddr>);

/// The pattern of the route that matched, such as `/users/{id}`: what metrics and logs group by.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{MatchedPattern, TestClient};
///
/// let router = Router::new().get("/users/{id}", |pattern: MatchedPattern| pattern.0);
/// assert_eq!(TestClient::new(router)?.get("/users/7").send().text(), "/users/{id}");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedPattern(pub String);

impl FromRequest for Headers {
    type Rejection = Infallible;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(Self(request.headers()))
    }
}

impl FromRequest for Peer {
    type Rejection = Infallible;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(Self(request.peer()))
    }
}

impl FromRequest for MatchedPattern {
    type Rejection = Infallible;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(Self(request.pattern().to_owned()))
    }
}

/// As [`Headers`].
impl FromRequest for HeaderMap {
    type Rejection = Infallible;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(request.headers())
    }
}

impl FromRequest for Method {
    type Rejection = Infallible;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(request.method())
    }
}

impl FromRequest for Version {
    type Rejection = Infallible;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Infallible> {
        Ok(request.version())
    }
}

/// The request target, in whichever of its forms it came.
///
/// Refused with 400 where `http::Uri` is stricter than the server's own parser.
impl FromRequest for Uri {
    type Rejection = Rejection;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        let target = request.target();
        target
            .parse()
            .map_err(|_| Rejection::new(StatusCode::BAD_REQUEST, "the request target is not a valid URI"))
    }
}
