//! Holds slow streams: uploads that come, and downloads that are taken, a little at a time.
//!
//! `slow-client ADDRESS --uploads N --readers N --bytes-per-second B` opens them one after another, prints `holding N` when
//! all are under way, keeps each at B bytes a second until its standard input ends, and then prints what it moved as one
//! line of JSON. It fails if the server dropped any. A process of its own, so that its CPU time can be told from the
//! driver's.
//!
//! **Evenly spread.** Streams have their turns one after another, each for a piece of its [`Direction`], so that the load is
//! one of many slow peers and not of a burst.
//!
//! **Under way** means that the handler of an upload has asked for its body (`Expect: 100-continue`), and that a reader
//! has the head of its answer. A reader's window is far smaller than its answer, so the server fills what its kernel keeps
//! for it and then waits for room. On loopback the kernel would keep 2.8 MB, for the segments of 64 kB that it has there:
//! [`SEGMENT_BYTES`] makes it the 100 to 200 kB that it keeps for a peer across an Ethernet. It tells the server of room
//! when a third of that is free, about every [`ROOM_BYTES`]; readers begin with different parts of it taken, or
//! the server would hear of all of them at once, every twenty seconds.
//!
//! **Pieces and windows.** A receiver does not tell of every few bytes that it has room for (RFC 9293 section 3.8.6.2.2): it
//! opens its window by half of it, here 2 kB. So smaller pieces than that are not seen by the server, and a reader that
//! takes 500 bytes twice a second costs this program a fifth of one that takes 100 ten times. Each piece of an upload is
//! seen: it is a segment of its own, and wakes its handler.

#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use corelay_bench::open_files;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use socket2::{Domain, Socket, Type};

const USAGE: &str = "usage: slow-client ADDRESS --uploads N --readers N --bytes-per-second B";

/// The largest piece.
const PIECE_BYTES_MAX: usize = 500;

/// Of every body, and far more than is moved while anybody waits.
const BODY_BYTES: u64 = 1 << 30;

/// What a reader has its kernel keep, which makes twice as much of it and uses half of that as the window.
const RECEIVE_BUFFER_BYTES: usize = 4096;

/// The largest segment, as over an Ethernet.
const SEGMENT_BYTES: u32 = 1448;

/// What a reader takes, roughly, from one notice of room that the server gets to the next.
const ROOM_BYTES: usize = 24 * 1024;

/// How long a server may take over a step of the opening.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, PartialEq)]
struct Options {
    address: SocketAddr,
    uploads: usize,
    readers: usize,
    bytes_per_second: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    Upload,
    Read,
}

/// Streams of one direction, which take turns.
struct Lane {
    direction: Direction,
    streams: Vec<Stream>,
    turns_per_second: f64,
    turns: u32,
}

struct Stream {
    socket: TcpStream,
    moved_bytes: u64,
    /// Why it is over: no server ends these bodies.
    lost: Option<io::Error>,
}

fn main() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    open_files::raise_limit()?;
    let mut lanes = open_all(&options)?;
    println!("holding {}", options.uploads + options.readers);
    let (begun, cpu_before) = (Instant::now(), cpu_seconds());
    keep_pace(&mut lanes)?;
    let (seconds, cpu_seconds) = (begun.elapsed().as_secs_f64(), cpu_seconds() - cpu_before);
    let [sent, received] = lanes.each_ref().map(Lane::moved_bytes);
    println!(
        r#"{{"sent_bytes": {sent}, "received_bytes": {received}, "seconds": {seconds:.3}, "cpu_seconds": {cpu_seconds:.6}}}"#
    );
    let mut lost = lanes.iter().flat_map(|lane| &lane.streams).filter_map(|stream| stream.lost.as_ref());
    match lost.next() {
        None => Ok(()),
        Some(error) => bail!("the server dropped {} of the streams, the first: {error}", 1 + lost.count()),
    }
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let address = words.next().context(USAGE)?.parse().context(USAGE)?;
        let mut options = Self { address, uploads: 0, readers: 0, bytes_per_second: 1000 };
        while let Some(option) = words.next() {
            let wrong = || format!("{option} wants a number; {USAGE}");
            let value: u32 = words.next().with_context(wrong)?.parse().with_context(wrong)?;
            match option.as_str() {
                "--uploads" => options.uploads = value as usize,
                "--readers" => options.readers = value as usize,
                "--bytes-per-second" => options.bytes_per_second = value,
                _ => bail!("unknown option {option}; {USAGE}"),
            }
        }
        ensure!(options.uploads + options.readers > 0 && options.bytes_per_second > 0, USAGE);
        Ok(options)
    }
}

fn open_all(options: &Options) -> Result<[Lane; 2]> {
    let Options { address, uploads, readers, bytes_per_second } = *options;
    let at = |number| move || format!("stream {number} of its kind");
    let upload = |number| open_upload(address).with_context(at(number));
    let read = |number| open_reader(address, ROOM_BYTES * number / readers).with_context(at(number));
    Ok([
        Lane::new(Direction::Upload, (0..uploads).map(upload).collect::<Result<_>>()?, bytes_per_second),
        Lane::new(Direction::Read, (0..readers).map(read).collect::<Result<_>>()?, bytes_per_second),
    ])
}

fn open_upload(address: SocketAddr) -> Result<Stream> {
    let fields = format!("Content-Length: {BODY_BYTES}\r\nExpect: 100-continue\r\n");
    let (socket, _) =
        open(address, &format!("POST /upload HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n"), "100")?;
    Stream::new(socket)
}

fn open_reader(address: SocketAddr, taken: usize) -> Result<Stream> {
    let request = format!("GET /bytes/{BODY_BYTES} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let (mut socket, body_bytes) = open(address, &request, "200")?;
    let mut rest = vec![0; taken.saturating_sub(body_bytes)];
    socket.read_exact(&mut rest).context("the body does not go on")?;
    Stream::new(socket)
}

/// Connects, asks, and waits for a head with this status; the number is that of the body's bytes behind it.
fn open(address: SocketAddr, request: &str, status: &str) -> Result<(TcpStream, usize)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.set_tcp_mss(SEGMENT_BYTES)?;
    // A piece goes out when its turn is, and not when the one before it is acknowledged.
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(&address.into())?;
    let mut socket = TcpStream::from(socket);
    socket.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    loop {
        let mut piece = [0; 512];
        let count = socket.read(&mut piece).context("no head")?;
        ensure!(count > 0, "the server closed within a head");
        head.extend_from_slice(&piece[..count]);
        if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
            let expected = format!("HTTP/1.1 {status} ");
            ensure!(
                head.starts_with(expected.as_bytes()),
                "not {status}: {}",
                String::from_utf8_lossy(&head)
            );
            return Ok((socket, head.len() - end - 4));
        }
    }
}

impl Direction {
    fn piece_bytes(self) -> usize {
        match self {
            Self::Upload => 100,
            Self::Read => PIECE_BYTES_MAX,
        }
    }
}

impl Lane {
    fn new(direction: Direction, streams: Vec<Stream>, bytes_per_second: u32) -> Self {
        let turns_per_second =
            streams.len() as f64 * f64::from(bytes_per_second) / direction.piece_bytes() as f64;
        Self { direction, streams, turns_per_second, turns: 0 }
    }

    /// When the next turn is, counted from the beginning; never where there is no stream.
    fn due(&self) -> Duration {
        Duration::try_from_secs_f64(f64::from(self.turns) / self.turns_per_second).unwrap_or(Duration::MAX)
    }

    fn take_turn(&mut self) {
        let next = self.turns as usize % self.streams.len();
        self.streams[next].advance(self.direction);
        self.turns += 1;
    }

    fn moved_bytes(&self) -> u64 {
        self.streams.iter().map(|stream| stream.moved_bytes).sum()
    }
}

impl Stream {
    fn new(socket: TcpStream) -> Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, moved_bytes: 0, lost: None })
    }

    /// One turn. Where there is nothing to read or no room to write, the turn passes, and shows in what was moved.
    fn advance(&mut self, direction: Direction) {
        if self.lost.is_some() {
            return;
        }
        let mut piece = [0; PIECE_BYTES_MAX];
        let piece = &mut piece[..direction.piece_bytes()];
        let moved = match direction {
            Direction::Upload => self.socket.write(piece),
            Direction::Read => self.socket.read(piece),
        };
        match moved {
            Ok(0) => self.lost = Some(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.moved_bytes += count as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.lost = Some(error),
        }
    }

    /// Notes what the server has sent to an upload, which can only be an end or an early answer.
    fn look_for_an_end(&mut self) {
        if self.lost.is_none() {
            self.lost = match self.socket.peek(&mut [0]) {
                Ok(_) => Some(io::ErrorKind::ConnectionAborted.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                Err(error) => Some(error),
            };
        }
    }
}

/// Gives each stream its turns until the standard input ends.
fn keep_pace(lanes: &mut [Lane; 2]) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        let [uploads, readers] = &mut *lanes;
        let lane = if uploads.due() <= readers.due() { uploads } else { readers };
        if input_ends_before(begun + lane.due())? {
            break;
        }
        lane.take_turn();
    }
    lanes[0].streams.iter_mut().for_each(Stream::look_for_an_end);
    Ok(())
}

/// Waits until then; `true`: the standard input has ended meanwhile, which is looked for even when it is late already.
fn input_ends_before(due: Instant) -> io::Result<bool> {
    let left = due.saturating_duration_since(Instant::now());
    let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
    let input = io::stdin();
    match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&timeout)) {
        Ok(0) => Ok(false),
        Ok(_) => Ok(input.lock().read(&mut [0; 64])? == 0),
        Err(rustix::io::Errno::INTR) => input_ends_before(due),
        Err(error) => Err(error.into()),
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn a_wrong_line_is_told_the_usage() {
        let options = parse("127.0.0.1:80 --uploads 2").unwrap();
        assert_eq!((options.uploads, options.readers, options.bytes_per_second), (2, 0, 1000));
        for line in ["", "localhost", "127.0.0.1:80", "127.0.0.1:80 --uploads x", "127.0.0.1:80 --fast 1"] {
            assert!(parse(line).unwrap_err().to_string().contains(USAGE), "{line:?}");
        }
    }
}
