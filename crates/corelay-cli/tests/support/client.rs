//! A raw connection and a strict reader of HTTP/1.1 answers (RFC 9112).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::PATIENCE;

/// One connection to the server: `S` is a TCP or a Unix stream.
pub(crate) struct Client<S = TcpStream> {
    stream: BufReader<S>,
}

/// One answer, its body decoded.
#[derive(Debug)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// Header fields in order, names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    /// The body, without its framing.
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The one value of a field; a field that comes twice fails the test.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values =
            self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} comes twice in {:?}", self.fields);
        value
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// Whether the answer says that the connection ends after it.
    pub(crate) fn closes(&self) -> bool {
        self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Client<TcpStream> {
    /// Speaks over this connection. Small writes leave at once (TCP_NODELAY), so that a split request is a split request.
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a TCP socket has TCP_NODELAY");
        stream.set_read_timeout(Some(PATIENCE)).expect("PATIENCE is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("PATIENCE is not zero");
        Self::over(stream)
    }

    /// Sends FIN: nothing more will be sent, answers are still wanted.
    pub(crate) fn finish_sending(&mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Whether anything, an answer or the end, is there to be read, without waiting for it.
    pub(crate) fn has_answer(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).expect("a socket can be non-blocking");
        let there = !matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).expect("a socket can be blocking");
        there
    }

    /// Whether an answer begins, as opposed to the end of the connection.
    pub(crate) fn answers(&self) -> bool {
        matches!(self.stream.get_ref().peek(&mut [0]), Ok(1))
    }

    /// Whether an answer begins within this time.
    pub(crate) fn answers_within(&self, time: Duration) -> bool {
        let stream = self.stream.get_ref();
        stream.set_read_timeout(Some(time)).expect("the time is not zero");
        let answers = self.answers();
        stream.set_read_timeout(Some(PATIENCE)).expect("PATIENCE is not zero");
        answers
    }

    /// The stream alone, without the memory for reading answers.
    pub(crate) fn into_idle(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// The stream itself.
    pub(crate) fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }
}

impl<S: Read + Write> Client<S> {
    /// Speaks over any stream.
    pub(crate) fn over(stream: S) -> Self {
        Self { stream: BufReader::with_capacity(64 * 1024, stream) }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the server takes what is sent");
    }

    /// Sends bytes to a server that may have closed already.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// Sends a keep-alive `GET` and reads its answer.
    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        self.response()
    }

    /// Sends a request with a body of known length and reads its answer.
    pub(crate) fn request(&mut self, method: &str, target: &str, body: &[u8]) -> Response {
        self.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        self.send(body);
        self.response_to(method)
    }

    /// Reads the answer to anything but `HEAD`.
    pub(crate) fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// Reads the answer to a request of this method: the answer to `HEAD` has no body whatever its header says (RFC 9112 6.3).
    pub(crate) fn response_to(&mut self, method: &str) -> Response {
        let mut response = self.response_head();
        response.body = self.body_of(method, &response);
        response
    }

    /// Reads the head of an answer and leaves its body, which the test will read by itself.
    pub(crate) fn response_head(&mut self) -> Response {
        let status_line = self.line();
        let (version, rest) = status_line.split_once(' ').expect("a status line has a version");
        assert_eq!(version, "HTTP/1.1", "the version is the server's own (RFC 9110 2.5): {status_line}");
        let (code, _reason) =
            rest.split_once(' ').expect("a status line has a space after the code (RFC 9112 4)");
        let status = code.parse().expect("a status code is a number");
        let mut fields = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                return Response { status, fields, body: Vec::new() };
            }
            let (name, value) = line.split_once(':').expect("a field has a colon");
            assert!(!name.is_empty() && !name.contains(' '), "not a field name: {name:?}");
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads exactly this many bytes.
    pub(crate) fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).expect("the server sends it all");
        bytes
    }

    /// Reads to the end of the connection, which must be a clean one (FIN, not RST).
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).expect("the connection ends cleanly");
        bytes
    }

    /// Waits for the clean end of the connection; anything that comes before it fails the test.
    pub(crate) fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "more came: {:?}", String::from_utf8_lossy(&rest));
    }

    /// Waits for the end of the connection, a reset included; nothing may come before it.
    pub(crate) fn expect_any_end(&mut self) {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            other => panic!("the connection should have ended, got {other:?} {byte:?}"),
        }
    }

    /// Reads a line that ends in CRLF, and returns it without.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("the server sends a line");
        let text = String::from_utf8(line).expect("what the server sends here is ASCII");
        let Some(line) = text.strip_suffix("\r\n") else {
            panic!("the connection ended where a line should be; it began {text:?}")
        };
        line.to_owned()
    }

    /// The body by the rules of RFC 9112 6.3.
    fn body_of(&mut self, method: &str, response: &Response) -> Vec<u8> {
        let length =
            response.field("content-length").map(|value| value.parse().expect("Content-Length is a number"));
        let chunked = response.field("transfer-encoding").map(|value| assert_eq!(value, "chunked")).is_some();
        assert!(!(chunked && length.is_some()), "both framings: {:?}", response.fields);
        if matches!(response.status, 100..=199 | 204) {
            assert!(!chunked && length.is_none(), "no framing in {} (RFC 9110 8.6)", response.status);
            return Vec::new();
        }
        match length {
            _ if method == "HEAD" || response.status == 304 => Vec::new(),
            Some(length) => self.exactly(length),
            None if chunked => self.chunks(),
            None => self.rest(),
        }
    }

    /// A chunked body (RFC 9112 7.1) without trailers.
    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line(), 16).expect("a chunk begins with its size in hex");
            body.extend(self.exactly(size));
            assert_eq!(self.line(), "", "a chunk ends in CRLF");
            if size == 0 {
                return body;
            }
        }
    }
}
