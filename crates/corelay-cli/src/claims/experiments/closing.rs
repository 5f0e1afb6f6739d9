//! Claim 9: what becomes of an answer that is not read yet when its server closes, and what stays behind of a connection.
//!
//! The answer is 2 MB, and its reader begins when the server has closed. Its connection buffers some of it; what is still in the
//! server's kernel at an abortive close is gone.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use socket2::{Domain, SockRef, Socket, Type};

use crate::claims::finding::{Check, Evidence, Outcome, Table};
use crate::claims::sampling::interleaved;
use crate::claims::setup::Setup;

const ANSWER_BYTES: usize = 2_000_000;
const ROUNDS: usize = 3;
const ANSWERS: usize = 10;
/// Connections whose rests are counted.
const SHORT_ANSWERS: usize = 500;
/// How many ways they are counted in.
const WAYS: usize = 3;
/// Of the server's socket: an answer that it takes whole is one whose server may close before it is read.
const SEND_BUFFER_BYTES: usize = 4 * ANSWER_BYTES;
/// Of the reader's: about what the network between has room for.
const RECEIVE_BUFFER_BYTES: usize = 32 * 1024;
/// A reader that hears nothing for so long gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Close {
    /// SO_LINGER {1, 0}, then close.
    Abortive,
    /// Shuts its own side, reads until the client's is shut, closes.
    Drained,
    /// Waits for the client to close first.
    AfterClient,
}

/// What became of one answer.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Received {
    bytes: usize,
    /// How it ended, if not in order.
    error: Option<io::ErrorKind>,
}

/// Sockets in TIME_WAIT, by whose end of the connection they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Left {
    server: usize,
    client: usize,
}

/// The kernel's table of sockets in TIME_WAIT, of the whole machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TimeWait {
    sockets: usize,
    /// Past it a closed socket is forgotten at once (`net.ipv4.tcp_max_tw_buckets`).
    most: usize,
}

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let closes = [Close::Abortive, Close::Drained];
    let answers = setup.count(ANSWERS, 2);
    let received = interleaved(&closes, ROUNDS, |&close| {
        (0..answers).map(|_| unread_answer(close)).collect::<Result<Vec<_>>>()
    })?;
    let received: Vec<Vec<Received>> = received.into_iter().map(|rounds| rounds.concat()).collect();
    let count = setup.count(SHORT_ANSWERS, 50);
    let room = TimeWait::read()?;
    let ways = [Close::Abortive, Close::Drained, Close::AfterClient];
    let left = ways.map(|close| left_behind(close, count));
    let left = left.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Evidence {
        conditions: format!(
            "A server in this process writes {:.0} MB and closes before its reader, whose socket buffers {} KB, reads the first \
             byte. Then {count} connections with a short answer each, and /proc/net/tcp is counted.",
            ANSWER_BYTES as f64 / 1e6,
            RECEIVE_BUFFER_BYTES / 1024
        ),
        checks: checks(&received[0], &received[1], left[0], left[1], (count, room)),
        tables: vec![answers_table(&closes, &received), left_table(&ways, &left, count)],
        ..Evidence::default()
    })
}

fn checks(
    abortive: &[Received],
    drained: &[Received],
    aborted: Left,
    kept: Left,
    (count, room): (usize, TimeWait),
) -> Vec<Check> {
    let whole = |received: &[Received]| received.iter().filter(|one| one.is_whole()).count();
    let told = |received: &[Received]| format!("{} of {} whole", whole(received), received.len());
    vec![
        Check::plain("SO_LINGER {1, 0} truncates", told(abortive), whole(abortive) < abortive.len()),
        Check::plain("shutdown, then drain, loses nothing", told(drained), whole(drained) == drained.len()),
        saving(aborted.all(), kept.all(), count, room),
    ]
}

/// Sockets in TIME_WAIT that an abortive close saves.
fn saving(aborted: usize, kept: usize, count: usize, room: TimeWait) -> Check {
    let saved = kept.saturating_sub(aborted);
    let found = format!("{saved} saved of {count} connections");
    let expected = "an abortive close saves a TIME_WAIT socket for each connection";
    match room.has_room_for(count * WAYS) {
        true => Check::plain(expected, found, saved >= count * 9 / 10),
        false => {
            let TimeWait { sockets, most } = room;
            let why = format!(
                "{found}, but {sockets} sockets were in TIME_WAIT before and the kernel keeps {most} at most"
            );
            Check::new(expected, why, Outcome::Unknown)
        }
    }
}

fn answers_table(closes: &[Close], received: &[Vec<Received>]) -> Table {
    let rows = closes.iter().zip(received).map(|(close, all)| {
        let mut bytes: Vec<usize> = all.iter().map(|one| one.bytes).collect();
        bytes.sort_unstable();
        let errors = all.iter().filter(|one| one.error.is_some()).count();
        vec![
            close.name().to_owned(),
            format!("{} of {}", all.iter().filter(|one| one.is_whole()).count(), all.len()),
            format!("{} / {}", bytes.first().unwrap_or(&0), bytes.get(bytes.len() / 2).unwrap_or(&0)),
            errors.to_string(),
        ]
    });
    let heads =
        ["the server closes", "whole answers", "bytes received: fewest / median", "ended with an error"];
    Table::measured(format!("Answers of {ANSWER_BYTES} bytes that were not read yet"), &heads, rows.collect())
}

fn left_table(ways: &[Close], left: &[Left], count: usize) -> Table {
    let rows = ways
        .iter()
        .zip(left)
        .map(|(close, left)| vec![close.name().to_owned(), left.server.to_string(), left.client.to_string()]);
    let heads = ["the server closes", "TIME_WAIT of the server", "TIME_WAIT of the client"];
    Table::measured(format!("Sockets left by {count} connections"), &heads, rows.collect())
}

impl Close {
    fn name(self) -> &'static str {
        match self {
            Self::Abortive => "SO_LINGER {1, 0}, close",
            Self::Drained => "shutdown, drain, close",
            Self::AfterClient => "when the client has closed",
        }
    }

    /// Ends a connection whose answer is written.
    fn end(self, mut connection: TcpStream) -> io::Result<()> {
        match self {
            Self::Abortive => SockRef::from(&connection).set_linger(Some(Duration::ZERO)),
            Self::Drained => {
                connection.shutdown(Shutdown::Write)?;
                io::copy(&mut connection, &mut io::sink()).map(drop)
            }
            Self::AfterClient => io::copy(&mut connection, &mut io::sink()).map(drop),
        }
    }
}

impl Received {
    fn is_whole(&self) -> bool {
        self.bytes == ANSWER_BYTES && self.error.is_none()
    }

    /// Reads until the connection ends, one way or the other.
    fn read(connection: &mut TcpStream) -> Self {
        let (mut buffer, mut bytes) = (vec![0; 64 * 1024], 0);
        loop {
            match connection.read(&mut buffer) {
                Ok(0) => return Self { bytes, error: None },
                Ok(count) => bytes += count,
                Err(error) => return Self { bytes, error: Some(error.kind()) },
            }
        }
    }
}

/// One large answer, read when its server has written it all and, unless it waits for the client, closed.
fn unread_answer(close: Close) -> Result<Received> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    // Inherited by what is accepted (tcp(7)).
    SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER_BYTES)?;
    let address = listener.local_addr()?;
    let closed = Barrier::new(2);
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let written = answer_and_tell(&listener, close, &closed);
            written.context("the server's side")
        });
        let mut connection = slow_connection(address)?;
        closed.wait();
        let received = Received::read(&mut connection);
        drop(connection);
        server.join().map_err(|_| anyhow!("the server's thread panicked"))??;
        Ok(received)
    })
}

fn answer_and_tell(listener: &TcpListener, close: Close, told: &Barrier) -> io::Result<()> {
    let (connection, _) = listener.accept()?;
    let written = write_answer(&connection);
    if close == Close::Abortive {
        let ended = close.end(connection);
        told.wait();
        return written.and(ended);
    }
    // Draining ends when the reader has read.
    told.wait();
    written?;
    close.end(connection)
}

/// As much as the kernel takes at once, and the rest in a thread's time if that is not all.
fn write_answer(mut connection: &TcpStream) -> io::Result<()> {
    connection.write_all(&vec![b'x'; ANSWER_BYTES])
}

fn slow_connection(address: SocketAddr) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Before it connects: the window is agreed on in the handshake (tcp(7)).
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.connect(&address.into())?;
    let connection = TcpStream::from(socket);
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

/// A short connection, by its client.
fn visit(address: SocketAddr, close: Close) -> io::Result<()> {
    let mut connection = TcpStream::connect(address)?;
    match close {
        Close::AfterClient => connection.read_exact(&mut [0; 5]),
        // It may be reset: what is left is what is asked here.
        Close::Abortive | Close::Drained => {
            drop(connection.read_to_end(&mut Vec::new()));
            Ok(())
        }
    }
}

/// What many short connections leave.
fn left_behind(close: Close, count: usize) -> Result<Left> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            for _ in 0..count {
                let (mut connection, _) = listener.accept()?;
                connection.write_all(b"short")?;
                close.end(connection)?;
            }
            io::Result::Ok(())
        });
        let visited = (0..count).try_for_each(|_| visit(address, close));
        if visited.is_err() {
            // Nobody comes any more: accept(2) is not to wait for them.
            SockRef::from(&listener).shutdown(Shutdown::Both)?;
        }
        let served = server.join().map_err(|_| anyhow!("the server's thread panicked"))?;
        visited.context("a short connection")?;
        served?;
        Left::read(address.port())
    })
}

impl TimeWait {
    fn read() -> Result<Self> {
        let sockets = in_sockstat(&fs::read_to_string("/proc/net/sockstat")?)
            .context("no `tw` in /proc/net/sockstat")?;
        let most = fs::read_to_string("/proc/sys/net/ipv4/tcp_max_tw_buckets")?;
        Ok(Self { sockets, most: most.trim().parse()? })
    }

    fn has_room_for(self, more: usize) -> bool {
        self.sockets + more <= self.most
    }
}

/// The number behind `tw` in the line on TCP.
fn in_sockstat(text: &str) -> Option<usize> {
    let line = text.lines().find(|line| line.starts_with("TCP:"))?;
    line.split_whitespace().skip_while(|word| *word != "tw").nth(1)?.parse().ok()
}

impl Left {
    fn all(self) -> usize {
        self.server + self.client
    }

    fn read(port: u16) -> Result<Self> {
        let sockets = fs::read_to_string("/proc/net/tcp").context("cannot read /proc/net/tcp")?;
        Ok(Self::parse(&sockets, port))
    }

    /// Counts the lines in state 06 (TIME_WAIT, include/net/tcp_states.h) with the port on either side.
    fn parse(sockets: &str, port: u16) -> Self {
        let port = format!(":{port:04X}");
        let mut left = Self::default();
        for line in sockets.lines().skip(1) {
            let mut fields = line.split_whitespace().skip(1);
            let (Some(local), Some(remote), Some("06")) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            left.server += usize::from(local.ends_with(&port));
            left.client += usize::from(remote.ends_with(&port));
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::finding::Verdict;

    #[test]
    fn waiting_sockets_are_told_apart_by_side_and_state() {
        let sockets = "  sl  local_address rem_address   st\n   \
                       0: 0100007F:1F90 00000000:0000 0A 0\n   \
                       1: 0100007F:1F90 0100007F:A000 06 0\n   \
                       2: 0100007F:A001 0100007F:1F90 06 0\n   \
                       3: 0100007F:A002 0100007F:1F90 06 0\n   \
                       4: 0100007F:A003 0100007F:1F91 06 0\n";
        assert_eq!(Left::parse(sockets, 8080), Left { server: 1, client: 2 });
    }

    #[test]
    fn one_answer_lost_by_draining_refutes() {
        let whole = Received { bytes: ANSWER_BYTES, error: None };
        let cut = Received { bytes: 9, error: Some(io::ErrorKind::ConnectionReset) };
        let judge = |abortive: &[Received], drained: &[Received]| {
            let (left, room) = (Left { server: 50, client: 0 }, TimeWait { sockets: 0, most: 9_000 });
            Verdict::of(&checks(abortive, drained, Left::default(), left, (50, room)))
        };
        assert_eq!(judge(&[cut, whole], &[whole, whole]), Verdict::Reproduced);
        assert_eq!(judge(&[cut, cut], &[whole, cut]), Verdict::Refuted);
        assert_eq!(judge(&[whole, whole], &[whole, whole]), Verdict::Refuted);
    }

    #[test]
    fn a_full_table_of_waiting_sockets_says_nothing() {
        let outcome = |sockets, kept| saving(0, kept, 50, TimeWait { sockets, most: 1_000 }).outcome;
        assert_eq!(outcome(0, 50), Outcome::Holds);
        assert_eq!(outcome(0, 9), Outcome::Fails);
        assert_eq!(outcome(990, 9), Outcome::Unknown);
        assert_eq!(in_sockstat("UDP: inuse 1\nTCP: inuse 9 orphan 0 tw 77 alloc 12 mem 3\n"), Some(77));
    }
}
