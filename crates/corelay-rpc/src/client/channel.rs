//! Where calls go, and how they are made.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use corelay::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use super::answer::Answer;
use super::connection::{Address, Connection, Idle};
use super::incoming::Incoming;
use crate::compression::SUPPORTED;
use crate::content::{Shape, UNARY_JSON};
use crate::envelope::{self, COMPRESSED};
use crate::get::GetRequest;
use crate::{Code, Codec, Compression, Error, Limits, Message};

/// A GET whose target would be longer is sent as a POST.
const GET_TARGET_BYTES_MAX: usize = 4096;

/// A server, and how to call it: codec, compression, timeout, fields. A clone shares its connections.
///
/// ```no_run
/// use std::time::Duration;
/// use corelay_rpc::{Channel, Codec, Compression};
///
/// let channel = Channel::new("http://127.0.0.1:8080")?.codec(Codec::Json).timeout(Duration::from_secs(2));
/// let squeezed = channel.clone().compression(Compression::Gzip).header("x-tenant", "7")?;
/// # Ok::<(), corelay_rpc::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Channel {
    address: Arc<Address>,
    idle: Arc<Mutex<Idle>>,
    codec: Codec,
    compression: Compression,
    accepts: bool,
    timeout: Option<Duration>,
    uses_get: bool,
    fields: HeaderMap,
    limits: Limits,
}

/// The answer to a call with one.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply<M> {
    /// The message.
    pub message: M,
    /// The header fields that came with it.
    pub headers: HeaderMap,
    /// The trailers.
    pub trailers: HeaderMap,
}

impl Channel {
    /// Calls to the server at `url`: `http://HOST:PORT`, and a path below which the services are, if there is one.
    ///
    /// # Errors
    /// It is no such URL: `invalid_argument`.
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self {
            address: Arc::new(Address::parse(url)?),
            idle: Arc::default(),
            codec: Codec::default(),
            compression: Compression::default(),
            accepts: true,
            timeout: None,
            uses_get: false,
            fields: HeaderMap::new(),
            limits: Limits::default(),
        })
    }

    /// Sends messages in this codec.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Sends messages compressed, those of [`Limits::compress_bytes_min`] bytes and more.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Whether the server may compress; it may, by default.
    #[must_use]
    pub fn accepts_compression(mut self, accepts: bool) -> Self {
        self.accepts = accepts;
        self
    }

    /// Gives each call this time in all. The server is told, and the call ends with `deadline_exceeded` whatever it does.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Calls methods without side effects by GET.
    #[must_use]
    pub fn use_get(mut self, uses_get: bool) -> Self {
        self.uses_get = uses_get;
        self
    }

    /// Sends this header field with each call, besides those of that name.
    ///
    /// # Errors
    /// No header field can have this name or value: `invalid_argument`.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let field = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        let (name, value) = field
            .ok_or_else(|| Error::invalid_argument(format!("{name:?}: {value:?} is no header field")))?;
        self.fields.append(name, value);
        Ok(self)
    }

    /// Other limits than the usual.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Calls the unary method at `path`, such as `/corelay.demo.v1.RandomService/Draw`; `is_get`: it has no side effects.
    ///
    /// # Errors
    /// What the server says, or why it could not be asked.
    pub fn unary<Q: Message, R: Message>(
        &self,
        path: &str,
        is_get: bool,
        request: &Q,
    ) -> Result<Reply<R>, Error> {
        let deadline = self.deadline();
        let mut body = Vec::new();
        self.codec.encode(request, &mut body)?;
        let (body, compression) = self.compress(body)?;
        let query = (is_get && self.uses_get).then(|| {
            let get = GetRequest { codec: self.codec, compression, message: body.clone() };
            format!("{path}?{}", get.to_query())
        });
        let mut head = Vec::new();
        match query.filter(|target| target.len() <= GET_TARGET_BYTES_MAX) {
            Some(target) => {
                self.put_head("GET", &target, Shape::Unary, Compression::Identity, &mut head);
                head.extend_from_slice(b"\r\n");
            }
            None => {
                self.put_head("POST", path, Shape::Unary, compression, &mut head);
                head.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
                head.extend_from_slice(&body);
            }
        }
        let mut connection = self.connection(deadline)?;
        connection.write_all(&head).map_err(|error| connection.failed(&error))?;
        self.read_unary(connection.answer()?)
    }

    /// Calls the streaming method at `path`, sends all of `requests`, and returns what comes back.
    ///
    /// The requests are sent before an answer is read: half duplex, as HTTP/1.1 has it.
    ///
    /// # Errors
    /// The server could not be asked, or does not answer with a stream. What it says itself comes from the iterator.
    pub fn stream<Q: Message, R: Message>(
        &self,
        path: &str,
        requests: impl IntoIterator<Item = Q>,
    ) -> Result<Incoming<R>, Error> {
        let mut connection = self.connection(self.deadline())?;
        let mut out = Vec::new();
        self.put_head("POST", path, Shape::Stream, self.compression, &mut out);
        out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
        let mut frame = Vec::new();
        for request in requests {
            frame.clear();
            self.put_frame(&request, &mut frame)?;
            corelay_http::encode_chunk(&frame, &mut out);
            // A server that has heard enough answers and closes: what it says is to be read.
            if connection.write_all(&out).is_err() {
                break;
            }
            out.clear();
        }
        out.extend_from_slice(corelay_http::LAST_CHUNK);
        let sent = connection.write_all(&out);
        match (connection.answer(), sent) {
            (Ok(answer), _) => Incoming::new(answer, self.codec, self.limits),
            (Err(error), _) => Err(error),
        }
    }

    /// As [`Channel::stream`], for a method with one message in answer.
    ///
    /// # Errors
    /// What the server says, or why it could not be asked.
    pub fn client_stream<Q: Message, R: Message>(
        &self,
        path: &str,
        requests: impl IntoIterator<Item = Q>,
    ) -> Result<Reply<R>, Error> {
        let mut incoming = self.stream(path, requests)?;
        let message = incoming.next().transpose()?;
        let more = incoming.next().transpose()?;
        match (message, more) {
            (Some(message), None) => {
                let (headers, trailers) = incoming.into_metadata();
                Ok(Reply { message, headers, trailers })
            }
            (None, _) => Err(Error::unimplemented("the server sent no message, and this method has one")),
            (_, Some(_)) => {
                Err(Error::unimplemented("the server sent several messages, and this method has one"))
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.timeout.map(|timeout| Instant::now() + timeout)
    }

    fn connection(&self, deadline: Option<Instant>) -> Result<Connection, Error> {
        Connection::open(&self.address, &self.idle, deadline)
    }

    fn compress(&self, body: Vec<u8>) -> Result<(Vec<u8>, Compression), Error> {
        if self.compression == Compression::Identity || body.len() < self.limits.compress_bytes_min {
            return Ok((body, Compression::Identity));
        }
        Ok((self.compression.compress(body)?, self.compression))
    }

    fn put_frame<Q: Message>(&self, message: &Q, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut body = Vec::new();
        self.codec.encode(message, &mut body)?;
        let (body, compression) = self.compress(body)?;
        let flags = if compression == Compression::Identity { 0 } else { COMPRESSED };
        envelope::encode(flags, &body, out);
        Ok(())
    }

    /// The request line and every field but the framing.
    fn put_head(
        &self,
        method: &str,
        target: &str,
        shape: Shape,
        compression: Compression,
        out: &mut Vec<u8>,
    ) {
        let Address { authority, prefix, .. } = &*self.address;
        out.extend_from_slice(
            format!("{method} {prefix}{target} HTTP/1.1\r\nhost: {authority}\r\n").as_bytes(),
        );
        let mut put = |name: &str, value: &[u8]| {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        };
        let (prefix, is_get) = (if shape == Shape::Stream { "connect-" } else { "" }, method == "GET");
        if !is_get {
            put("content-type", shape.content_type(self.codec).as_bytes());
            put("connect-protocol-version", b"1");
        }
        if compression != Compression::Identity {
            put(&format!("{prefix}content-encoding"), compression.name().as_bytes());
        }
        if self.accepts {
            put(&format!("{prefix}accept-encoding"), SUPPORTED.as_bytes());
        }
        if let Some(timeout) = self.timeout {
            put("connect-timeout-ms", timeout.as_millis().min(9_999_999_999).to_string().as_bytes());
        }
        for (name, value) in &self.fields {
            put(name.as_str(), value.as_bytes());
        }
    }

    fn read_unary<R: Message>(&self, mut answer: Answer) -> Result<Reply<R>, Error> {
        let body = answer.read_whole(self.limits.message_bytes_max)?;
        let (headers, trailers) = split_trailers(std::mem::take(&mut answer.headers));
        let encoding = headers.get("content-encoding").and_then(|value| value.to_str().ok());
        let opened = Compression::declared(encoding).and_then(|compression| match body.is_empty() {
            true => Ok(Vec::new()),
            false => compression.decompress(&body, self.limits.message_bytes_max),
        });
        if answer.status != StatusCode::OK {
            return Err(refusal(answer.status, headers, trailers, &opened.unwrap_or_default()));
        }
        check_codec(Shape::Unary, self.codec, &headers)?;
        let opened = opened.and_then(|body| self.codec.decode_within(&body, &self.limits));
        let message = opened.map_err(from_server)?;
        Ok(Reply { message, headers, trailers })
    }
}

/// What is wrong with a request is the caller's fault; the same in an answer, the server's.
pub(super) fn from_server(error: Error) -> Error {
    match error.code() {
        Code::InvalidArgument | Code::Unimplemented => Error::internal(error.message()),
        _ => error,
    }
}

/// A message in the other codec breaks the protocol; whatever else is in place of one came from no server of it.
pub(super) fn check_codec(shape: Shape, codec: Codec, headers: &HeaderMap) -> Result<(), Error> {
    let content_type = headers.get("content-type").map(HeaderValue::as_bytes).unwrap_or_default();
    let code = match shape.codec(content_type) {
        Some(answered) if answered == codec => return Ok(()),
        Some(_) => Code::Internal,
        None => Code::Unknown,
    };
    let content_type = String::from_utf8_lossy(content_type);
    Err(Error::new(code, format!("the server answered with {content_type:?}")))
}

/// The error of an answer that is not 200.
pub(super) fn refusal(status: StatusCode, headers: HeaderMap, trailers: HeaderMap, body: &[u8]) -> Error {
    let otherwise = Code::from_http_status(status);
    let is_json =
        headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(UNARY_JSON.as_bytes()));
    let json = if is_json { serde_json::from_slice(body).unwrap_or(Value::Null) } else { Value::Null };
    let mut error = match json {
        Value::Object(_) => Error::from_json(&json, otherwise),
        _ => Error::new(otherwise, format!("the server answered {status}")),
    };
    let metadata = error.metadata_mut();
    for (name, value) in headers.iter().chain(&trailers) {
        metadata.append(name, value.clone());
    }
    error
}

/// Parts the trailers of a unary answer from its header fields.
fn split_trailers(fields: HeaderMap) -> (HeaderMap, HeaderMap) {
    let (mut headers, mut trailers) = (HeaderMap::new(), HeaderMap::new());
    for (name, value) in &fields {
        match name.as_str().strip_prefix("trailer-").map(HeaderName::try_from) {
            Some(Ok(name)) => trailers.append(name, value.clone()),
            _ => headers.append(name, value.clone()),
        };
    }
    (headers, trailers)
}
