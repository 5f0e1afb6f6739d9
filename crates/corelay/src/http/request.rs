//! A request as handlers and middleware see it: a borrowed view over the connection's buffer.
//!
//! Nothing is copied or looked up until it is asked for; a handler without extractors pays for no field, no
//! parameter and no allocation. Deliberately not an `http::Request`: that one owns a header map which
//! somebody would have to fill. [`Request::headers`] builds one on demand.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use ::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Version};
use bytes::Bytes;
use corelay_http::Head;

use super::app::App;
use super::body::{Body, BodyError};
use super::endpoint::Endpoint;
use super::extract::FromRequest;
use super::gathering::Gathering;
use super::params::Params;

/// One request, borrowed from the connection that it came in on.
///
/// Handlers that want more than [extractors](super::FromRequest) give, and middleware, take it as `&mut
/// Request<'_>`:
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Request, TestClient};
///
/// fn inspect(request: &mut Request<'_>) -> String {
///     format!("{} {} {:?}", request.method(), request.path(), request.query())
/// }
///
/// let client = TestClient::new(Router::new().any("/{*path}", inspect))?;
/// assert_eq!(client.put("/a/b?c=d").send().text(), r#"PUT /a/b Some("c=d")"#);
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
pub struct Request<'a> {
    head: Head<'a>,
    endpoint: &'a Endpoint,
    params: &'a Params<'a>,
    body: RequestBody<'a>,
    app: &'a App,
    peer: &'a Option<SocketAddr>,
    extensions: Option<Box<Extensions>>,
}

/// The body as the engine has it when the handler is called.
pub(crate) enum RequestBody<'a> {
    /// There is none, or the handler does not look at it, or it has been taken.
    Empty,
    /// All of it, in the connection's input.
    Whole(&'a [u8]),
    /// All of it, gathered before the call.
    Gathered(&'a Bytes),
    /// Still coming in; reading it may block.
    Stream(Body),
}

impl RequestBody<'_> {
    /// Bytes of the input that the body takes up.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        if let RequestBody::Whole(bytes) = self { bytes.len() } else { 0 }
    }
}

/// A body that was gathered, wherever it was gathered.
pub(crate) enum WholeBody<'a> {
    Borrowed(&'a [u8]),
    Gathered(&'a Bytes),
    Owned(Bytes),
    Read(Gathering),
}

impl<'a> Request<'a> {
    /// What the engine hands to [`Endpoint::call`](super::endpoint::Endpoint::call).
    #[inline]
    pub(crate) fn new(
        head: Head<'a>,
        (endpoint, params): (&'a Endpoint, &'a Params<'a>),
        body: RequestBody<'a>,
        app: &'a App,
        peer: &'a Option<SocketAddr>,
    ) -> Self {
        Self { head, endpoint, params, body, app, peer, extensions: None }
    }

    /// Takes the body, to be read as it arrives. A second call, or one after a body extractor, finds it
    /// empty.
    ///
    /// A handler or middleware whose route takes no body by its signature (see
    /// [`FromRequest::BODY`]) finds it empty too; handlers of `&mut Request<'_>`
    /// always get it.
    pub fn take_body(&mut self) -> Body {
        let body = match std::mem::replace(&mut self.body, RequestBody::Empty) {
            RequestBody::Empty => Body::default(),
            RequestBody::Whole(bytes) => self.copied(bytes).map_or_else(
                |refused| Body::failing(refused, bytes.len()),
                |copy| Body::from(Bytes::from(copy)),
            ),
            RequestBody::Gathered(bytes) => bytes.clone().into(),
            RequestBody::Stream(body) => body,
        };
        match self.endpoint.body_limit() {
            Some(limit) => body.limited(limit),
            None => body,
        }
    }

    /// The whole body, where it is here and nobody has taken it; `None` while it is still to be read.
    ///
    /// It lies in a buffer of the connection's: nothing is copied. See
    /// [`EndpointBuilder::gathered`](super::EndpointBuilder::gathered).
    #[inline]
    pub fn whole_body(&self) -> Option<&'a [u8]> {
        match self.body {
            RequestBody::Empty => Some(&[]),
            RequestBody::Whole(bytes) => Some(bytes),
            RequestBody::Gathered(bytes) => Some(bytes),
            RequestBody::Stream(_) => None,
        }
    }

    /// Puts a body where the next reader finds it: what a middleware that had to read it gives on.
    pub fn set_body(&mut self, bytes: impl Into<Bytes>) {
        self.body = RequestBody::Stream(Body::from(bytes.into()));
    }

    /// Runs an extractor: how middleware and handlers of `&mut Request<'_>` use them.
    ///
    /// # Errors
    /// The extractor's own rejection.
    pub fn extract<T: FromRequest>(&mut self) -> Result<T, T::Rejection> {
        T::from_request(self)
    }

    /// Values that middleware leaves for handlers. Made at the first call.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        self.extensions.get_or_insert_default()
    }

    /// The whole body, up to the route's limit; blocks if it is still coming in.
    pub(crate) fn take_whole(&mut self) -> io::Result<WholeBody<'a>> {
        let limit = self.endpoint.body_limit().unwrap_or(self.app.whole_body_bytes_max);
        match std::mem::replace(&mut self.body, RequestBody::Empty) {
            RequestBody::Empty => Ok(WholeBody::Borrowed(&[])),
            RequestBody::Whole(bytes) if bytes.len() > limit => Err(BodyError::too_large().into()),
            RequestBody::Whole(bytes) => Ok(WholeBody::Borrowed(bytes)),
            RequestBody::Gathered(bytes) if bytes.len() > limit => Err(BodyError::too_large().into()),
            RequestBody::Gathered(bytes) => Ok(WholeBody::Gathered(bytes)),
            RequestBody::Stream(body) => body.read_whole(limit, self.app),
        }
    }

    /// As [`Request::take_whole`], in memory that can be kept.
    pub(crate) fn take_own(&mut self) -> io::Result<Bytes> {
        match self.take_whole()? {
            WholeBody::Borrowed(bytes) => Ok(self.copied(bytes)?.into()),
            WholeBody::Gathered(bytes) => Ok(bytes.clone()),
            WholeBody::Owned(bytes) => Ok(bytes),
            WholeBody::Read(gathering) => Ok(gathering.into_bytes()),
        }
    }

    /// As [`Request::take_whole`], in memory of its own.
    pub(crate) fn take_vec(&mut self) -> io::Result<Vec<u8>> {
        match self.take_whole()? {
            WholeBody::Read(gathering) => Ok(gathering.into_vec()),
            whole => Ok(self.copied(whole.as_slice())?),
        }
    }

    /// A copy, for which there may be no memory: a body is the one thing a peer makes large.
    fn copied(&self, bytes: &[u8]) -> Result<Vec<u8>, BodyError> {
        let mut copy = Vec::new();
        if copy.try_reserve_exact(bytes.len()).is_err() {
            self.app.no_memory.add_shared(1);
            return Err(BodyError::no_memory());
        }
        copy.extend_from_slice(bytes);
        Ok(copy)
    }

    /// Drops what user code left in here, while the fence around user code still stands.
    #[inline]
    pub(crate) fn drop_user_values(&mut self) {
        // Nearly always there are none: two comparisons, and no call of drop glue.
        if self.extensions.is_some() {
            self.extensions = None;
        }
        if matches!(self.body, RequestBody::Stream(_)) {
            self.body = RequestBody::Empty;
        }
    }

    /// Drops it, user values and all, as [`Response::dispose`](super::Response::dispose) does.
    #[inline(always)]
    pub(crate) fn dispose(self) {
        if self.extensions.is_none() && !matches!(self.body, RequestBody::Stream(_)) {
            std::mem::forget(self);
        }
    }

    /// The values that middleware left, if any.
    pub fn extensions(&self) -> Option<&Extensions> {
        self.extensions.as_deref()
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.head.method().to_http()
    }

    /// The request target as it came (RFC 9112, section 3.2).
    pub fn target(&self) -> &'a str {
        self.head.target()
    }

    /// The path, percent-encoded as it came. Nested routers do not shorten it.
    pub fn path(&self) -> &'a str {
        self.head.path()
    }

    /// What follows the first `?` of the target, percent-encoded as it came.
    pub fn query(&self) -> Option<&'a str> {
        self.head.query()
    }

    /// `HTTP/1.1` or `HTTP/1.0`.
    pub fn version(&self) -> Version {
        match self.head.version() {
            corelay_http::Version::Http10 => Version::HTTP_10,
            corelay_http::Version::Http11 => Version::HTTP_11,
        }
    }

    /// The host that was asked for: the target's if it has one, else that of `Host` (RFC 9112, section
    /// 3.2.2).
    pub fn host(&self) -> Option<&'a str> {
        self.head.host()
    }

    /// The first header field of this name, in any case, without the white space around its value.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.head.field(name)
    }

    /// The first header field of each of these names, as [`Request::field`] finds them, in one pass over all fields: for who
    /// looks at several in every request.
    pub fn fields_named<const COUNT: usize>(&self, names: [&str; COUNT]) -> [Option<&'a [u8]>; COUNT] {
        self.head.fields_named(names)
    }

    /// All header fields in the order they came, names as they came.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + '_ {
        self.head.fields().map(|field| (field.name, field.value))
    }

    /// All header fields as a map. Built anew at each call: for one field, [`Request::field`] is cheaper.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in self.fields() {
            // The parser is at least as strict as these conversions: nothing is lost here.
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
            {
                headers.append(name, value);
            }
        }
        headers
    }

    /// The parameters of the matched path.
    pub fn params(&self) -> &'a Params<'a> {
        self.params
    }

    /// The pattern of the matched route, such as `/users/{id}`; empty where nothing matched.
    pub fn pattern(&self) -> &'a str {
        self.endpoint.pattern()
    }

    /// The address at the other end; `None` on a Unix socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        *self.peer
    }

    /// The router's state of type `T`, if it was [given](super::Router::state).
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.app.states().find::<T>().map(AsRef::as_ref)
    }

    pub(crate) fn head(&self) -> Head<'a> {
        self.head
    }

    #[inline]
    pub(crate) fn endpoint(&self) -> &'a Endpoint {
        self.endpoint
    }

    pub(crate) fn app(&self) -> &'a App {
        self.app
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Request");
        debug.field("method", &self.method()).field("target", &self.target()).finish_non_exhaustive()
    }
}

impl WholeBody<'_> {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            WholeBody::Borrowed(bytes) => bytes,
            WholeBody::Gathered(bytes) => bytes,
            WholeBody::Owned(bytes) => bytes,
            WholeBody::Read(gathering) => gathering.as_slice(),
        }
    }
}
