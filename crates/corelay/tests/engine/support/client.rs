//! A client that sends what it is told and reads answers to the byte.

use super::PATIENCE;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// One connection, and what was received on it and not read yet.
pub(crate) struct Client<S = TcpStream> {
    stream: S,
    received: Vec<u8>,
}

/// An answer with its body, unchunked.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// How a connection ended, and what came before that.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Clean(Vec<u8>),
    Reset(Vec<u8>),
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    /// Sends no more.
    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// A second hand on the connection, to write while this one reads.
    pub(crate) fn writer(&self) -> TcpStream {
        self.stream.try_clone().unwrap()
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a `GET` and reads the answer.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        self.answer()
    }

    /// The next answer, to a request that was not `HEAD`.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.head();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        let mut answer = Answer { status, head, body: Vec::new() };
        if answer.field("transfer-encoding") == Some("chunked") {
            while let Some(mut chunk) = self.chunk() {
                answer.body.append(&mut chunk);
            }
        } else if let Some(length) = answer.field("content-length") {
            answer.body = self.exactly(length.parse().unwrap());
        }
        answer
    }

    /// The next head, with the empty line behind it.
    pub(crate) fn head(&mut self) -> String {
        String::from_utf8(self.through(b"\r\n\r\n")).unwrap()
    }

    /// The next chunk of a chunked body; `None` is the last one.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = String::from_utf8(self.through(b"\r\n")).unwrap();
        let size =
            usize::from_str_radix(line.trim_end(), 16).unwrap_or_else(|_| panic!("chunk size {line:?}"));
        let data = self.exactly(size);
        assert_eq!(self.exactly(2), b"\r\n", "behind a chunk");
        (size > 0).then_some(data)
    }

    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            assert!(self.receive().unwrap() > 0, "the connection ended after {}", self.text());
        }
        self.received.drain(..count).collect()
    }

    /// Reads on until the connection ends.
    pub(crate) fn end(mut self) -> End {
        loop {
            match self.receive() {
                Ok(0) => return End::Clean(self.received),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return End::Reset(self.received);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn through(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.received.windows(end.len()).position(|window| window == end) {
                return self.received.drain(..at + end.len()).collect();
            }
            assert!(self.receive().unwrap() > 0, "the connection ended after {}", self.text());
        }
    }

    fn receive(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 64 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.received.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn text(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.received))
    }
}

impl Answer {
    /// The first field of this name, in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Whether it says that it is the connection's last.
    pub(crate) fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }
}

impl End {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Clean(bytes) | Self::Reset(bytes) => bytes,
        }
    }
}
