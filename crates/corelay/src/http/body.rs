//! The body of a request as a blocking [`Read`].
//!
//! Framing, limits and deadlines belong to whoever feeds the reader: this type only carries the bytes, and
//! with an error the status that explains it. Deliberately absent: frames, trailers, and any way to poll.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::time::Instant;

use ::http::StatusCode;
use bytes::{Buf, Bytes};

use super::app::App;
use super::gathering::Gathering;
use super::request::WholeBody;

/// The body of a request, read by a handler as it arrives.
///
/// As an extractor it never fails. Reading returns `Ok(0)` at the end of the body. An error that comes from
/// the peer or from a limit holds a [`BodyError`]; a handler that passes such an [`io::Error`] on with `?`
/// answers with its status.
///
/// ```
/// use std::io;
/// use corelay::Router;
/// use corelay::http::{Body, TestClient};
///
/// fn count(mut body: Body) -> io::Result<String> {
///     let bytes = io::copy(&mut body, &mut io::sink())?;
///     Ok(bytes.to_string())
/// }
///
/// let client = TestClient::new(Router::new().post("/upload", count))?;
/// assert_eq!(client.post("/upload").body(vec![b'x'; 100_000]).send().text(), "100000");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
pub struct Body {
    source: Source,
    length: Option<u64>,
    /// How many bytes may still be read; one more is an error.
    allowed: u64,
}

enum Source {
    Memory(Bytes),
    Reader(Box<dyn BodySource>),
}

/// Where a body that is not all here is read from.
pub(crate) trait BodySource: Read + Send {
    /// Reads wait until then at most, and never where all is here already.
    fn set_deadline(&mut self, _: Option<Instant>) {}

    /// The rest will not be read.
    fn abandon(&mut self) {}
}

/// A body that is streamed to a handler in a test.
impl BodySource for io::Cursor<Vec<u8>> {}

impl Body {
    /// A body that `reader` yields, `length` bytes long if its sender said so.
    pub(crate) fn from_reader(reader: Box<dyn BodySource>, length: Option<u64>) -> Self {
        Self { source: Source::Reader(reader), length, allowed: u64::MAX }
    }

    /// A body of `length` bytes that cannot be read, and says why.
    #[cold]
    pub(crate) fn failing(error: BodyError, length: usize) -> Self {
        struct Failing(BodyError);
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
        }
        impl BodySource for Failing {}
        Self::from_reader(Box::new(Failing(error)), Some(length as u64))
    }

    /// The same body, of which no more than `limit` bytes can be read: the byte after them is an error with
    /// 413.
    pub(crate) fn limited(mut self, limit: usize) -> Self {
        let hopeless = self.length.is_some_and(|length| length > limit as u64);
        self.allowed = if hopeless { 0 } else { self.allowed.min(limit as u64) };
        self
    }

    /// The length in bytes that was declared for the whole body; `None` when it is chunked (RFC 9112, section
    /// 6).
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Has reads wait until `deadline` at most, besides the server's own deadlines (`--body-timeout`). A read that would wait
    /// longer fails with [`io::ErrorKind::TimedOut`] and without a [`BodyError`]; nothing is lost by it, and with a
    /// later deadline the body can be read on.
    ///
    /// ```
    /// use std::io::Read;
    /// use std::time::{Duration, Instant};
    /// use corelay::http::Body;
    ///
    /// fn first_bytes(mut body: Body) -> std::io::Result<String> {
    ///     body.set_deadline(Some(Instant::now() + Duration::from_secs(2)));
    ///     let mut bytes = [0; 16];
    ///     let count = body.read(&mut bytes)?;
    ///     Ok(format!("{:?}", &bytes[..count]))
    /// }
    /// # let client = corelay::http::TestClient::new(corelay::Router::new().post("/", first_bytes))?;
    /// # assert_eq!(client.post("/").body("a").send().text(), "[97]");
    /// # Ok::<(), corelay::http::RouteError>(())
    /// ```
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        if let Source::Reader(reader) = &mut self.source {
            reader.set_deadline(deadline);
        }
    }

    /// Gives up what has not come yet, because it is too much or makes no sense: the answer says that the connection closes
    /// behind it, so that its client sends no other request on it. Otherwise what is left is read and dropped, and should
    /// that be more than `--max-unread-body-bytes`, the connection closes without having said so.
    ///
    /// Reading on is an error. A body that is here already is not affected.
    pub fn abandon(&mut self) {
        if let Source::Reader(reader) = &mut self.source {
            reader.abandon();
        }
    }

    /// Reads to the end, and refuses with 413 what is longer than `limit` bytes, with 503 what there is no room for.
    pub(crate) fn read_whole(self, limit: usize, app: &App) -> io::Result<WholeBody<'static>> {
        match self.source {
            Source::Memory(bytes) if bytes.len() <= limit => return Ok(WholeBody::Owned(bytes)),
            Source::Memory(_) => return Err(BodyError::too_large().into()),
            Source::Reader(_) => {}
        }
        let mut body = self.limited(limit);
        Gathering::new(body.length, limit, 0).read_whole(&mut body, app).map(WholeBody::Read)
    }

    /// All that is allowed has been read: this is the end of the body, or too much.
    #[cold]
    fn end_or_too_large(&mut self) -> io::Result<usize> {
        match self.source.read(&mut [0])? {
            0 => Ok(0),
            _ => Err(BodyError::too_large().into()),
        }
    }
}

impl Default for Body {
    /// An empty body.
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { length: Some(bytes.len() as u64), source: Source::Memory(bytes), allowed: u64::MAX }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.allowed == 0 && !buffer.is_empty() {
            return self.end_or_too_large();
        }
        let most = usize::try_from(self.allowed).map_or(buffer.len(), |allowed| allowed.min(buffer.len()));
        let count = self.source.read(&mut buffer[..most])?;
        self.allowed = self.allowed.saturating_sub(count as u64);
        Ok(count)
    }
}

impl Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Reader(reader) => reader.read(buffer),
            Source::Memory(bytes) => {
                let count = bytes.len().min(buffer.len());
                bytes.copy_to_slice(&mut buffer[..count]);
                Ok(count)
            }
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Body").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Why a body could not be read, and the status that says so to the peer.
///
/// Travels inside an [`io::Error`]: find it with [`BodyError::of`].
///
/// ```
/// use std::io;
/// use corelay::Router;
/// use corelay::http::{Body, BodyError, TestClient, endpoint};
///
/// fn count(mut body: Body) -> String {
///     match io::copy(&mut body, &mut io::sink()) {
///         Ok(bytes) => format!("{bytes} bytes"),
///         Err(error) => format!("no: {:?}", BodyError::of(&error).map(|error| error.status().as_u16())),
///     }
/// }
///
/// let client = TestClient::new(Router::new().post("/", endpoint(count).body_limit(4)))?;
/// assert_eq!(client.post("/").body("1234").send().text(), "4 bytes");
/// assert_eq!(client.post("/").body("12345").send().text(), "no: Some(413)");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyError {
    status: StatusCode,
    reason: &'static str,
}

impl BodyError {
    /// `reason` is sent to the peer as the answer's text.
    pub(crate) const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason }
    }

    /// The body is longer than the route or the server allows: 413 (RFC 9110, section 15.5.14).
    pub(crate) const fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than this server accepts here")
    }

    /// The machine has no memory for the body at present: 503 (RFC 9110, section 15.6.4).
    pub(crate) const fn no_memory() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "there is no memory for the body at present")
    }

    /// All connections together keep as much as they may: 503 (RFC 9110, section 15.6.4).
    pub(crate) const fn no_room() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "there is no room for the body at present")
    }

    /// The one inside `error`, if it came from reading a request's body.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The status to answer with: 413 too large, 408 too slow, 400 badly framed or cut off, 503 no memory for it, or no room
    /// within `--max-buffered-bytes`.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What went wrong, in a sentence that is safe to send.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason)
    }
}

impl Error for BodyError {}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        let kind = match error.status {
            StatusCode::REQUEST_TIMEOUT => io::ErrorKind::TimedOut,
            StatusCode::PAYLOAD_TOO_LARGE => io::ErrorKind::FileTooLarge,
            StatusCode::SERVICE_UNAVAILABLE => io::ErrorKind::OutOfMemory,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
