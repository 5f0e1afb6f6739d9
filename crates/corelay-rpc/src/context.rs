//! What a handler sees of its call besides the message, and what it may say besides the answer.
//!
//! A context borrows the request, and makes room for answering fields and trailers only when a handler sets one: a call
//! without either allocates nothing here. A stream goes on after its handler has returned and the context is gone;
//! [`Trailers`] is the part that can be taken along.

use std::cell::{OnceCell, RefCell};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use corelay::http::{Body, HeaderMap, HeaderName, HeaderValue, Request, Response, header};

use crate::Error;

const TRAILER_PREFIX: &str = "trailer-";
/// The most digits of a timeout: 115 days in milliseconds.
const TIMEOUT_DIGITS_MAX: usize = 10;

/// One call, as its handler sees it.
pub struct Context<'r> {
    request: &'r Request<'r>,
    fields: CallFields<'r>,
    timing: Option<Timing>,
    headers: RefCell<Option<Box<HeaderMap>>>,
    trailers: OnceCell<Trailers>,
}

/// The header fields that the protocol itself knows, each as it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallFields<'r> {
    pub(crate) content_type: Option<&'r [u8]>,
    pub(crate) content_encoding: Option<&'r [u8]>,
    pub(crate) accept_encoding: Option<&'r [u8]>,
    timeout: Option<&'r [u8]>,
    version: Option<&'r [u8]>,
}

/// What `connect-timeout-ms` asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    timeout: Duration,
    deadline: Instant,
}

/// The trailers of an answer, for whoever may still set them: the iterator of a stream, until its end.
#[derive(Debug, Clone, Default)]
pub struct Trailers(Arc<Mutex<HeaderMap>>);

impl<'r> Context<'r> {
    /// The call that `request` makes, and what is wrong with its own fields.
    pub(crate) fn new(
        request: &'r Request<'r>,
        fields: CallFields<'r>,
        timing: Result<Option<Timing>, Error>,
    ) -> (Self, Result<(), Error>) {
        let (timing, checked) = match timing {
            Ok(timing) => (timing, check_version(fields.version)),
            Err(error) => (None, Err(error)),
        };
        (Self { request, fields, timing, headers: RefCell::default(), trailers: OnceCell::new() }, checked)
    }

    /// The protocol's own fields.
    pub(crate) fn fields(&self) -> &CallFields<'r> {
        &self.fields
    }

    /// The request: path, query, peer, every field as it came.
    pub fn request(&self) -> &Request<'r> {
        self.request
    }

    /// The first header field of this name, in any case, if it is text.
    pub fn header(&self, name: &str) -> Option<&'r str> {
        text(self.request.field(name))
    }

    /// All header fields.
    pub fn headers(&self) -> HeaderMap {
        self.request.headers()
    }

    /// The address at the other end; `None` on a Unix socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.request.peer()
    }

    /// Whether the call came as a GET, and so its answer may be cached.
    pub fn is_get(&self) -> bool {
        self.request.query().is_some() && self.request.method() == corelay::http::Method::GET
    }

    /// When the caller no longer wants the answer. What takes long looks at it now and then; an answer that comes later is
    /// replaced by `deadline_exceeded`.
    pub fn deadline(&self) -> Option<Instant> {
        self.timing.map(|timing| timing.deadline)
    }

    /// What is left until the deadline; zero once it has passed.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The time that the caller allowed for the whole call.
    pub fn timeout(&self) -> Option<Duration> {
        self.timing.map(|timing| timing.timeout)
    }

    /// # Errors
    /// The deadline has passed.
    pub fn check_deadline(&self) -> Result<(), Error> {
        check(self.deadline())
    }

    /// Sets a header field of the answer, in place of all of that name. Those of the protocol itself (`content-type`,
    /// encodings) are set after the handler, so setting them has no effect.
    ///
    /// # Errors
    /// No header field can have this name or value: `internal`, to be passed on with `?`.
    pub fn set_header(&self, name: &str, value: &str) -> Result<(), Error> {
        let (name, value) = field(name, value)?;
        self.headers.borrow_mut().get_or_insert_default().insert(name, value);
        Ok(())
    }

    /// As [`Context::set_header`], beside those of that name.
    ///
    /// # Errors
    /// As there.
    pub fn append_header(&self, name: &str, value: &str) -> Result<(), Error> {
        let (name, value) = field(name, value)?;
        self.headers.borrow_mut().get_or_insert_default().append(name, value);
        Ok(())
    }

    /// Adds a trailer to the answer, an error's too.
    ///
    /// # Errors
    /// As [`Context::set_header`].
    pub fn append_trailer(&self, name: &str, value: &str) -> Result<(), Error> {
        self.trailers().append(name, value)
    }

    /// The trailers, to be set later by the iterator of a stream.
    pub fn trailers(&self) -> Trailers {
        self.trailers.get_or_init(Trailers::default).clone()
    }

    /// Puts the handler's header fields on the answer.
    pub(crate) fn put_headers(&self, response: &mut Response) {
        let Some(headers) = self.headers.borrow_mut().take() else { return };
        let own = response.headers_mut();
        for (name, value) in &*headers {
            if *name != header::CONTENT_TYPE && *name != header::CONTENT_ENCODING {
                own.append(name, value.clone());
            }
        }
    }

    /// Puts the trailers on a unary answer: as header fields with a prefix.
    pub(crate) fn put_trailers(&self, response: &mut Response) {
        let Some(trailers) = self.trailers.get() else { return };
        for (name, value) in &trailers.take() {
            if let Ok(name) = HeaderName::try_from(format!("{TRAILER_PREFIX}{name}")) {
                response.headers_mut().append(name, value.clone());
            }
        }
    }
}

impl<'r> CallFields<'r> {
    /// Of a unary call: its messages are coded as HTTP's contents are.
    pub(crate) fn of_unary(request: &Request<'r>) -> Self {
        Self::of(request, ["content-encoding", "accept-encoding"])
    }

    /// Of a stream, whose messages are coded one by one.
    pub(crate) fn of_stream(request: &Request<'r>) -> Self {
        Self::of(request, ["connect-content-encoding", "connect-accept-encoding"])
    }

    fn of(request: &Request<'r>, [content_encoding, accept_encoding]: [&str; 2]) -> Self {
        let names = [
            "content-type",
            content_encoding,
            accept_encoding,
            "connect-timeout-ms",
            "connect-protocol-version",
        ];
        let [content_type, content_encoding, accept_encoding, timeout, version] = request.fields_named(names);
        Self { content_type, content_encoding, accept_encoding, timeout, version }
    }
}

impl Trailers {
    /// Adds a trailer.
    ///
    /// # Errors
    /// As [`Context::set_header`].
    pub fn append(&self, name: &str, value: &str) -> Result<(), Error> {
        let (name, value) = field(name, value)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(name, value);
        Ok(())
    }

    pub(crate) fn take(&self) -> HeaderMap {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Timing {
    /// That of a request, from now on.
    pub(crate) fn of(fields: &CallFields<'_>) -> Result<Option<Self>, Error> {
        fields.timeout.map(Self::parse).transpose()
    }

    /// No call waits for its body any longer.
    pub(crate) fn limit(timing: &Result<Option<Self>, Error>, body: &mut Body) {
        if let Ok(Some(timing)) = timing {
            body.set_deadline(Some(timing.deadline));
        }
    }

    /// At most ten digits, of milliseconds.
    fn parse(value: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(value).unwrap_or_default();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || text.len() > TIMEOUT_DIGITS_MAX {
            return Err(Error::invalid_argument(format!(
                "connect-timeout-ms must be a number of at most {TIMEOUT_DIGITS_MAX} digits, not {text:?}"
            )));
        }
        let timeout = Duration::from_millis(text.parse().unwrap_or(u64::MAX));
        Ok(Self { timeout, deadline: Instant::now() + timeout })
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Context");
        debug.field("request", self.request).field("timing", &self.timing).finish_non_exhaustive()
    }
}

/// A field's value, if it is text.
pub(crate) fn text(value: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(value?).ok()
}

/// # Errors
/// The deadline has passed.
pub(crate) fn check(deadline: Option<Instant>) -> Result<(), Error> {
    match deadline {
        Some(deadline) if Instant::now() >= deadline => Err(Error::deadline_exceeded()),
        _ => Ok(()),
    }
}

/// A version of the protocol that is not this one is refused; none is fine, so that curl need not name it.
fn check_version(version: Option<&[u8]>) -> Result<(), Error> {
    match version {
        None | Some(b"1") => Ok(()),
        Some(other) => Err(Error::invalid_argument(format!(
            "connect-protocol-version must be \"1\", not {:?}",
            String::from_utf8_lossy(other)
        ))),
    }
}

fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let fields = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
    fields.ok_or_else(|| Error::internal(format!("{name:?}: {value:?} is no header field")))
}
