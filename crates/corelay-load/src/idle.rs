//! Connections that have had one answer each and are held: what a server's memory is measured with, and its limits.
//!
//! One after another and not at once: a burst would measure the buffers of the burst, which are not idle memory. Deliberately
//! absent: a load on them, and opening anew what was lost; [`run_and_hold`](crate::run_and_hold) has both.

use crate::plan::Group;
use crate::response::{Answer, Asked, ResponseReader};
use crate::{Mix, Request};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take over one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server says that has no room for one more (RFC 9110 section 15.6.4).
const UNAVAILABLE: u16 = 503;

/// Connections that are open. They close when it is dropped.
///
/// ```no_run
/// use corelay_load::idle::Connections;
///
/// let mut held = Connections::default();
/// while held.count() < 2_000 && held.add("127.0.0.1:8080".parse()?, "/plaintext")? {}
/// println!("{} connections are held", held.count());
/// // The server's memory can be read here.
/// assert_eq!(held.lost(), 0, "the server closed connections that were idle");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Connections(Vec<TcpStream>);

impl Connections {
    /// Opens one more, and has one request answered: whether it is served and held, or refused with 503.
    ///
    /// # Errors
    ///
    /// It could not be opened, had no answer within ten seconds, or one that is no success and no 503.
    pub fn add(&mut self, address: SocketAddr, path: &str) -> io::Result<bool> {
        let (connection, status) = open(address, path)?;
        match status {
            200..300 => self.0.push(connection),
            UNAVAILABLE => {}
            other => return Err(io::Error::other(format!("the answer is {other}"))),
        }
        Ok(status != UNAVAILABLE)
    }

    /// How many are held.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many of them the server has closed meanwhile.
    pub fn lost(&self) -> usize {
        self.0.iter().filter(|connection| !is_open(connection)).count()
    }
}

/// A connection after its first answer, and the status of that.
fn open(address: SocketAddr, path: &str) -> io::Result<(TcpStream, u16)> {
    let request = Group::closed("held", 1, Mix::only(path)).encode(
        &Request::of_path(path),
        &address.to_string(),
        false,
    );
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    // A server that refuses does so before it has read anything: what it said is read even if it has closed by now.
    let written = connection.write_all(&request);
    let answer = answer(&mut connection)?;
    if answer.is_success() {
        written?;
        connection.set_nonblocking(true)?;
    }
    Ok((connection, answer.status.unwrap_or_default()))
}

/// One whole answer.
fn answer(from: &mut impl Read) -> io::Result<Answer> {
    let (mut reader, mut buffer) = (ResponseReader::default(), [0; 4096]);
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "no HTTP/1.1 answer");
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return reader.end().ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        }
        match reader.feed(&buffer[..count], Asked::Plain).map_err(|_| malformed())? {
            (_, None) => {}
            (consumed, Some(answer)) if consumed == count => return Ok(answer),
            (_, Some(_)) => return Err(malformed()),
        }
    }
}

/// Whether the server still has its side open: there is nothing to read, not even an end.
fn is_open(connection: &TcpStream) -> bool {
    matches!(connection.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers a connection with each of these, and closes those that say so.
    fn answered(answers: &'static [&str]) -> (Connections, Vec<io::Result<bool>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (mut held, mut outcomes) = (Connections::default(), Vec::new());
        thread::scope(|scope| {
            let server = scope.spawn(|| {
                let mut open = Vec::new();
                for answer in answers {
                    let (mut connection, _) = listener.accept().unwrap();
                    let _ = connection.read(&mut [0; 1024]).unwrap();
                    connection.write_all(answer.as_bytes()).unwrap();
                    open.push(connection);
                }
                open
            });
            outcomes.extend(answers.iter().map(|_| held.add(address, "/")));
            assert_eq!(held.lost(), 0);
            drop(server.join().unwrap());
        });
        (held, outcomes)
    }

    #[test]
    fn those_that_are_served_are_held_until_the_server_closes() {
        const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        let (held, outcomes) = answered(&[
            OK,
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            OK,
        ]);
        let outcomes: Vec<_> = outcomes.into_iter().map(Result::ok).collect();
        assert_eq!(outcomes, [Some(true), Some(false), None, Some(true)]);
        // The server has dropped its side: its end is waited for.
        for connection in &held.0 {
            connection.set_nonblocking(false).unwrap();
            assert_eq!(connection.peek(&mut [0]).unwrap(), 0);
        }
        assert_eq!((held.count(), held.lost()), (2, 2));
    }
}
