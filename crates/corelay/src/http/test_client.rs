//! Drives a router in-process: real request bytes in, a response out, no socket between.
//!
//! A request is written out as it would go over the wire and parsed by `corelay-http`, so that what the
//! parser refuses is refused here too. Absent is what only a connection has: deadlines, connection limits,
//! keep-alive.

use std::net::SocketAddr;

use ::http::{Method, StatusCode};
use corelay_http::RequestHead;
use serde::Serialize;

use super::app::App;
use super::buffer;
use super::response::ResponseBody;
use super::route_error::RouteError;
use super::router::Router;
use super::test_exchange::{Delivery, exchange};
use super::test_response::TestResponse;

/// A client for tests of handlers: no socket, no thread, no port.
///
/// ```
/// use corelay::Router;
/// use corelay::http::TestClient;
///
/// let client = TestClient::new(Router::new().post("/shout", |text: String| text.to_uppercase()))?;
/// let response = client.post("/shout").header("X-Mood", "good").body("hello").send();
/// assert_eq!((response.status().as_u16(), response.text()), (200, "HELLO".to_owned()));
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug)]
pub struct TestClient {
    app: App,
}

/// A request in the making; see [`TestClient`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct TestRequest<'c> {
    client: &'c TestClient,
    method: Method,
    target: String,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    delivery: Delivery,
}

impl TestClient {
    /// Finishes `router` and makes a client for it.
    ///
    /// # Errors
    /// Those of [`Router::finish`].
    pub fn new(router: Router) -> Result<Self, RouteError> {
        Ok(Self { app: router.finish()? })
    }

    /// A request of any method. `target` is sent as it is: percent-encode it.
    pub fn request(&self, method: Method, target: &str) -> TestRequest<'_> {
        TestRequest {
            client: self,
            method,
            target: target.to_owned(),
            fields: Vec::new(),
            body: Vec::new(),
            delivery: Delivery::default(),
        }
    }

    /// A `GET` request.
    pub fn get(&self, target: &str) -> TestRequest<'_> {
        self.request(Method::GET, target)
    }

    /// A `POST` request.
    pub fn post(&self, target: &str) -> TestRequest<'_> {
        self.request(Method::POST, target)
    }

    /// A `PUT` request.
    pub fn put(&self, target: &str) -> TestRequest<'_> {
        self.request(Method::PUT, target)
    }

    /// A `PATCH` request.
    pub fn patch(&self, target: &str) -> TestRequest<'_> {
        self.request(Method::PATCH, target)
    }

    /// A `DELETE` request.
    pub fn delete(&self, target: &str) -> TestRequest<'_> {
        self.request(Method::DELETE, target)
    }

    /// A `HEAD` request.
    pub fn head(&self, target: &str) -> TestRequest<'_> {
        self.request(Method::HEAD, target)
    }

    /// An `OPTIONS` request.
    pub fn options(&self, target: &str) -> TestRequest<'_> {
        self.request(Method::OPTIONS, target)
    }
}

impl<'c> TestRequest<'c> {
    /// Adds a header field, as it is. `Host` and `Content-Length` are added unless given here.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body. With a field `Transfer-Encoding` or `Content-Length` given, it is sent without more
    /// framing; behind an upgrade or `CONNECT`, it is what the new protocol reads.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self
    }

    /// Sets a body of JSON with its content type.
    ///
    /// # Panics
    /// If `value` does not serialise to JSON.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let body = serde_json::to_vec(value).expect("the test's value serialises to JSON");
        self.header("content-type", "application/json").body(body)
    }

    /// Sets a body of form data with its content type.
    ///
    /// # Panics
    /// If `value` does not serialise to a form.
    pub fn form<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let body = serde_html_form::to_string(value).expect("the test's value serialises to a form");
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// Sets the address that the request comes from; none by default.
    pub fn peer(mut self, peer: impl Into<SocketAddr>) -> Self {
        self.delivery.peer = Some(peer.into());
        self
    }

    /// Hands the body over as one that is still coming in, also to handlers that take it whole.
    pub fn streamed(mut self) -> Self {
        self.delivery.streamed = true;
        self
    }

    /// Sends it and waits for the whole response.
    pub fn send(self) -> TestResponse {
        let message = self.message();
        let mut head = RequestHead::new();
        let (response, leftover) = exchange(&self.client.app, &mut head, &message, self.delivery);
        let body_is_sent = self.method != Method::HEAD;
        TestResponse::collect(response, leftover, body_is_sent)
    }

    /// Prepares it to be sent many times.
    pub fn prepare(self) -> PreparedRequest<'c> {
        PreparedRequest {
            client: self.client,
            message: self.message(),
            head: RequestHead::new(),
            delivery: self.delivery,
        }
    }

    /// The bytes that would go over the wire.
    fn message(&self) -> Vec<u8> {
        let mut message = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        if !self.has_field("host") {
            message.extend_from_slice(b"Host: localhost\r\n");
        }
        for (name, value) in &self.fields {
            message.extend_from_slice(name.as_bytes());
            message.extend_from_slice(b": ");
            message.extend_from_slice(value);
            message.extend_from_slice(b"\r\n");
        }
        if self.needs_length() {
            message.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        message.extend_from_slice(b"\r\n");
        message.extend_from_slice(&self.body);
        message
    }

    /// Whether the body is one of HTTP's, and nothing else tells its length.
    fn needs_length(&self) -> bool {
        let framed =
            ["content-length", "transfer-encoding", "upgrade"].iter().any(|name| self.has_field(name));
        !framed && !self.body.is_empty() && self.method != Method::CONNECT
    }

    fn has_field(&self, name: &str) -> bool {
        self.fields.iter().any(|(given, _)| given.eq_ignore_ascii_case(name))
    }
}

/// A request that is sent again and again, to count what answering it costs.
///
/// Each call does what a server does between receiving and sending: parse, route, call, and recycle the
/// response's buffer. Once warm, it allocates nothing that the handler does not.
///
/// ```
/// use corelay::Router;
/// use corelay::http::TestClient;
///
/// let client = TestClient::new(Router::new().get("/plaintext", || "Hello, World!"))?;
/// let mut request = client.get("/plaintext").prepare();
/// for _ in 0..3 {
///     assert_eq!(request.call(), 200);
/// }
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug)]
pub struct PreparedRequest<'c> {
    client: &'c TestClient,
    message: Vec<u8>,
    head: RequestHead,
    delivery: Delivery,
}

impl PreparedRequest<'_> {
    /// Answers the request once more, and drops the answer.
    pub fn call(&mut self) -> StatusCode {
        let (response, _) = exchange(&self.client.app, &mut self.head, &self.message, self.delivery);
        if let ResponseBody::Owned(body) = response.body {
            buffer::recycle(body);
        }
        response.status
    }
}
