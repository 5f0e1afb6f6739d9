//! A response: a status, header fields and one of a few kinds of body.
//!
//! It is one cache line, moves cheaply and holds no allocation for the common answers: static text, a bare
//! status, JSON in the thread's recycled buffer. Deliberately not an `http::Response`: that one always
//! carries a header map and has no room for a body that writes itself. Names and values go through the `http`
//! crate's types, so no text can smuggle a line break into the header.

use std::fmt;
use std::io::{self, Read, Write};

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;

use super::into_response::{IntoResponse, TEXT};
use super::upgrade::Upgraded;

/// How much [`Response::reader`] reads at a time, in bytes.
const READ_CHUNK_BYTES: usize = 32 * 1024;

/// An answer. Made from whatever a handler returns, see [`IntoResponse`], or piece by piece:
///
/// ```
/// use corelay::http::{IntoResponse, Response, StatusCode};
///
/// let response = Response::new("made").status(StatusCode::CREATED).header("location", "/things/7");
/// assert_eq!(response.status_code(), 201);
/// assert_eq!(response.field("location").unwrap(), "/things/7");
/// ```
///
/// The fields that frame a message (`Content-Length`, `Transfer-Encoding`, `Connection`) are the engine's:
/// given here, they are dropped, save that `Connection: close` closes.
pub struct Response {
    pub(crate) status: StatusCode,
    /// The usual field, without a map. Never here and in `headers` at once.
    pub(crate) content_type: Option<&'static HeaderValue>,
    pub(crate) headers: Option<Box<HeaderMap>>,
    pub(crate) body: ResponseBody,
}

/// The body of a response, by the way it is sent.
pub(crate) enum ResponseBody {
    Empty,
    Static(&'static [u8]),
    Bytes(Bytes),
    /// Given to [`buffer::recycle`](super::buffer::recycle) once sent.
    Owned(Vec<u8>),
    /// Pulled by the engine when the socket takes more.
    Chunks {
        chunks: Box<dyn Iterator<Item = io::Result<Bytes>> + Send>,
        length: Option<u64>,
    },
    /// Run on a service thread; its writes block.
    Writer {
        write: BodyWriter,
        length: Option<u64>,
    },
    /// Given the connection, once the head is sent.
    Upgrade {
        run: Box<dyn FnOnce(Upgraded) + Send>,
    },
}

/// What writes a response's body.
pub(crate) type BodyWriter = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

impl Response {
    /// The response that `content` makes.
    pub fn new(content: impl IntoResponse) -> Self {
        content.into_response()
    }

    /// A body in the thread's recycled buffer has been sent: gives the buffer back.
    #[inline(always)]
    pub(crate) fn recycle_body(&mut self) {
        if let ResponseBody::Owned(bytes) = &mut self.body {
            super::buffer::recycle(std::mem::take(bytes));
            self.body = ResponseBody::Empty;
        }
    }

    /// Drops it. Nearly always there is nothing in it any more to be dropped: then no drop glue is called.
    #[inline(always)]
    pub(crate) fn dispose(self) {
        if self.headers.is_none() && matches!(self.body, ResponseBody::Empty | ResponseBody::Static(_)) {
            std::mem::forget(self);
        }
    }

    /// A body that `encode` appends to the buffer which this thread uses again and again, of this content type.
    ///
    /// ```
    /// use corelay::http::{HeaderValue, Response};
    ///
    /// static CSV: HeaderValue = HeaderValue::from_static("text/csv");
    /// let response = Response::encoded(&CSV, |out| out.extend_from_slice(b"1,2\r\n"));
    /// assert_eq!(response.body_length(), Some(5));
    /// assert_eq!(response.field("content-type").unwrap(), "text/csv");
    /// ```
    pub fn encoded(content_type: &'static HeaderValue, encode: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut out = super::buffer::take();
        encode(&mut out);
        Self { content_type: Some(content_type), ..Self::of(ResponseBody::Owned(out)) }
    }

    /// A body of chunks, sent as fast as the peer takes them: the iterator is asked for one when there is
    /// room.
    ///
    /// It is meant not to block; use [`Response::writer`] for what does. An `Err` ends the body badly, by
    /// closing the connection, so that the peer cannot mistake it for whole. Empty chunks are skipped.
    ///
    /// ```
    /// use corelay::Router;
    /// use corelay::http::{Response, TestClient};
    ///
    /// let count = || Response::chunks((1..=3).map(|n| Ok(format!("{n}\n").into())));
    /// let router = Router::new().get("/count", count);
    /// assert_eq!(TestClient::new(router)?.get("/count").send().text(), "1\n2\n3\n");
    /// # Ok::<(), corelay::http::RouteError>(())
    /// ```
    pub fn chunks<I>(chunks: I) -> Self
    where
        I: IntoIterator<Item = io::Result<Bytes>>,
        I::IntoIter: Send + 'static,
    {
        Self::of(ResponseBody::Chunks { chunks: Box::new(chunks.into_iter()), length: None })
    }

    /// As [`Response::chunks`], for chunks that add up to `length` bytes: the peer is told so in advance.
    ///
    /// Chunks that add up to another length end the body badly.
    ///
    /// ```
    /// use corelay::http::Response;
    ///
    /// let zeros = Response::sized_chunks(3 * 4096, (0..3).map(|_| Ok(vec![0; 4096].into())));
    /// assert_eq!(zeros.body_length(), Some(12_288));
    /// ```
    pub fn sized_chunks<I>(length: u64, chunks: I) -> Self
    where
        I: IntoIterator<Item = io::Result<Bytes>>,
        I::IntoIter: Send + 'static,
    {
        Self::of(ResponseBody::Chunks { chunks: Box::new(chunks.into_iter()), length: Some(length) })
    }

    /// A body that `write` writes from a service thread; each write blocks until the peer has taken it.
    ///
    /// An `Err` ends the body badly, as with [`Response::chunks`].
    ///
    /// ```
    /// use corelay::Router;
    /// use corelay::http::{Response, TestClient};
    ///
    /// let router = Router::new().get("/report", || Response::writer(|out| writeln!(out, "line {}", 1)));
    /// assert_eq!(TestClient::new(router)?.get("/report").send().text(), "line 1\n");
    /// # Ok::<(), corelay::http::RouteError>(())
    /// ```
    pub fn writer(write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> Self {
        Self::of(ResponseBody::Writer { write: Box::new(write), length: None })
    }

    /// A body copied from `reader`: `length` bytes of it if that is known, else all it has.
    ///
    /// Read on a service thread, as it may block. A reader that ends before `length` bytes ends the body
    /// badly.
    ///
    /// ```no_run
    /// use std::{fs::File, io};
    /// use corelay::http::Response;
    ///
    /// fn download() -> io::Result<Response> {
    ///     let file = File::open("report.pdf")?;
    ///     let length = file.metadata()?.len();
    ///     Ok(Response::reader(file, Some(length)).header("content-type", "application/pdf"))
    /// }
    /// ```
    pub fn reader(reader: impl Read + Send + 'static, length: Option<u64>) -> Self {
        let write: BodyWriter =
            Box::new(move |out| copy(reader.take(length.unwrap_or(u64::MAX)), length, out));
        Self::of(ResponseBody::Writer { write, length })
    }

    /// Accepts the peer's wish to go on in `protocol` (101, RFC 9110, section 7.8); `run` gets the
    /// connection.
    ///
    /// Whether the peer asked for that protocol is for the handler to check, in the field `upgrade`. `run` may block;
    /// the connection closes when it returns.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use corelay::Router;
    /// use corelay::http::{Request, Response, StatusCode, TestClient};
    ///
    /// fn echo(request: &mut Request<'_>) -> Result<Response, StatusCode> {
    ///     if request.field("upgrade") != Some(b"echo") {
    ///         return Err(StatusCode::UPGRADE_REQUIRED);
    ///     }
    ///     Ok(Response::upgrade("echo", |mut connection| {
    ///         let mut bytes = [0; 1024];
    ///         while let Ok(count @ 1..) = connection.read(&mut bytes) {
    ///             if connection.write_all(&bytes[..count]).is_err() {
    ///                 return;
    ///             }
    ///         }
    ///     }))
    /// }
    ///
    /// let client = TestClient::new(Router::new().get("/", echo))?;
    /// let request = client.get("/").header("Connection", "upgrade").header("Upgrade", "echo");
    /// assert_eq!(request.body("behind the request").send().text(), "behind the request");
    /// # Ok::<(), corelay::http::RouteError>(())
    /// ```
    pub fn upgrade<V>(protocol: V, run: impl FnOnce(Upgraded) + Send + 'static) -> Self
    where
        V: TryInto<HeaderValue>,
    {
        Self::of(ResponseBody::Upgrade { run: Box::new(run) })
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::UPGRADE, protocol)
    }

    /// Accepts a `CONNECT` (200, RFC 9110, section 9.3.6); `run` gets the connection as a tunnel.
    pub fn tunnel(run: impl FnOnce(Upgraded) + Send + 'static) -> Self {
        Self::of(ResponseBody::Upgrade { run: Box::new(run) })
    }

    /// 500 with its own name as text: what is sent when the reason is nobody else's business.
    #[cold]
    pub(crate) fn internal_error() -> Self {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }

    /// What is there before a handler has answered.
    #[inline]
    pub(crate) fn empty() -> Self {
        Self::of(ResponseBody::Empty)
    }

    #[inline]
    pub(crate) fn of(body: ResponseBody) -> Self {
        Self { status: StatusCode::OK, content_type: None, headers: None, body }
    }

    #[inline]
    pub(crate) fn text(body: ResponseBody) -> Self {
        Self { content_type: Some(&TEXT), ..Self::of(body) }
    }

    /// The same response with this status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same response with this field in place of all of that name.
    ///
    /// A name or value that no header can hold (a line break in it, say) is the program's mistake: it is
    /// logged and the response becomes a 500 (so set a status before, not after).
    #[must_use]
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.with_field(name, value, |headers, name, value| {
            headers.insert(name, value);
        })
    }

    /// The same response with this field added to those of that name, as `Set-Cookie` needs. Else as
    /// [`header`](Self::header).
    #[must_use]
    pub fn append_header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.with_field(name, value, |headers, name, value| {
            headers.append(name, value);
        })
    }

    fn with_field<K, V>(mut self, name: K, value: V, put: fn(&mut HeaderMap, HeaderName, HeaderValue)) -> Self
    where
        K: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let Ok(name) = name.try_into() else {
            tracing::error!("a handler gave a header name that is not a token");
            return Self::internal_error();
        };
        let Ok(value) = value.try_into() else {
            tracing::error!(%name, "a handler gave a header value with characters that no header may hold");
            return Self::internal_error();
        };
        put(self.headers_mut(), name, value);
        self
    }

    /// The header fields, to be changed. `Content-Type` is among them.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        let headers = self.headers.get_or_insert_default();
        if let Some(value) = self.content_type.take() {
            headers.entry(header::CONTENT_TYPE).or_insert_with(|| value.clone());
        }
        headers
    }

    /// The status.
    pub fn status_code(&self) -> StatusCode {
        self.status
    }

    /// The first field of this name, in any case.
    pub fn field(&self, name: &str) -> Option<&HeaderValue> {
        if self.content_type.is_some() && name.eq_ignore_ascii_case("content-type") {
            return self.content_type;
        }
        self.headers.as_ref()?.get(name)
    }

    /// The length of the body in bytes, where it is known before it is sent.
    pub fn body_length(&self) -> Option<u64> {
        match &self.body {
            ResponseBody::Empty => Some(0),
            ResponseBody::Static(bytes) => Some(bytes.len() as u64),
            ResponseBody::Bytes(bytes) => Some(bytes.len() as u64),
            ResponseBody::Owned(bytes) => Some(bytes.len() as u64),
            ResponseBody::Chunks { length, .. } | ResponseBody::Writer { length, .. } => *length,
            ResponseBody::Upgrade { .. } => None,
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Response");
        debug.field("status", &self.status).field("body_length", &self.body_length()).finish_non_exhaustive()
    }
}

/// Copies all of `reader`, which must be `length` bytes if that was promised.
fn copy(mut reader: impl Read, length: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
    let mut chunk = vec![0; READ_CHUNK_BYTES];
    let mut copied = 0;
    loop {
        let count = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        out.write_all(&chunk[..count])?;
        copied += count as u64;
    }
    if length.is_some_and(|length| copied < length) {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the reader ended before its promised length",
        ));
    }
    Ok(())
}
