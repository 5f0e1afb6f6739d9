//! A process between the two of an upgrade: it passes on what they say to each other, and kills the new one where it was told to.
//!
//! ```text
//!   old process ─▶ this one, which the old one takes for the new one ─▶ the new process
//! ```
//!
//! So the process that dies is a real one, under load, and the moment is exact. To the old process both are one: this one dies of the
//! same signal, when the other is dead. The frames are those of `crates/corelay/src/upgrade/channel.rs`.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use corelay_poll::socket::{receive_with_descriptors, send_with_descriptors};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::Value;

use super::options::Point;

const HEADER_BYTES: usize = 12;

struct Between {
    point: Point,
    /// Half-way: when so many connections are the new one's.
    half: u64,
    /// Where to write how many were the new one's when it was killed.
    told: String,
    new: Mutex<Child>,
    committed: AtomicU64,
}

/// Does it: `POINT HALF FILE PROGRAM ARGUMENTS…`.
pub(super) fn run(words: &[String]) -> Result<()> {
    let [point, half, told, program, arguments @ ..] = words else { bail!("too few words") };
    let old = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    old.set_nonblocking(false)?;
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(program);
    command.args(arguments).env("CORELAY_PREDECESSOR", std::process::id().to_string());
    let new =
        command.stdin(Stdio::from(OwnedFd::from(theirs))).spawn().context("cannot start the new process")?;
    drop(command);
    let between = Between {
        point: Point::named(point).context("no such point")?,
        half: half.parse()?,
        told: told.clone(),
        new: Mutex::new(new),
        committed: AtomicU64::new(0),
    };
    thread::scope(|scope| {
        let back = scope.spawn(|| between.pass_on(&ours, &old, Between::is_last_from_new));
        between.pass_on(&old, &ours, Between::is_last_from_old)?;
        back.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?
    })?;
    bail!("both have ended before the new process was to be killed")
}

impl Between {
    /// Passes on messages until one comes at which the new process is to be killed; that one is not passed on.
    fn pass_on(&self, from: &UnixStream, to: &UnixStream, is_last: fn(&Self, &Value) -> bool) -> Result<()> {
        while let Some((frame, descriptors)) = receive(from)? {
            let json = u32::from_le_bytes([frame[4], frame[5], frame[6], frame[7]]) as usize;
            if is_last(self, &serde_json::from_slice(&frame[HEADER_BYTES..HEADER_BYTES + json])?) {
                return self.kill();
            }
            let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(OwnedFd::as_fd).collect();
            let mut at = send_with_descriptors(to, &frame, &descriptors)?;
            while at < frame.len() {
                at += send_with_descriptors(to, &frame[at..], &[])?;
            }
        }
        to.shutdown(std::net::Shutdown::Write).or(Ok(()))
    }

    fn is_last_from_new(&self, message: &Value) -> bool {
        match self.point {
            Point::BeforeReady => message["message"] == "ready",
            // It has the listeners and lets in who comes, and has its first connections, which are not its own yet.
            Point::Listening => message["message"] == "have",
            Point::HalfWay => false,
        }
    }

    fn is_last_from_old(&self, message: &Value) -> bool {
        if message["message"] == "commit" {
            let count = message["ids"].as_array().map_or(0, Vec::len);
            self.committed.fetch_add(count as u64, Ordering::SeqCst);
        }
        let is_half = self.committed.load(Ordering::SeqCst) >= self.half;
        self.point == Point::HalfWay && is_half && message["message"] == "move"
    }

    /// The new process, and then this one, which holds nothing more of it.
    fn kill(&self) -> Result<()> {
        let mut new = self.new.lock().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
        new.kill()?;
        new.wait()?;
        let mut told = OpenOptions::new().create(true).append(true).open(&self.told)?;
        writeln!(told, "{}", self.committed.load(Ordering::SeqCst))?;
        Ok(kill_process(getpid(), Signal::KILL)?)
    }
}

/// A whole frame, and the descriptors beside it; `None` at the end.
fn receive(from: &UnixStream) -> Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let (mut frame, mut descriptors) = (vec![0; HEADER_BYTES], Vec::new());
    let mut at = 0;
    while at < frame.len() {
        match receive_with_descriptors(from, &mut frame[at..], &mut descriptors) {
            Ok(0) if at == 0 => return Ok(None),
            Ok(0) => bail!("a message that ends too early"),
            Ok(count) => at += count,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        if at == HEADER_BYTES {
            let number =
                |at: usize| u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
            let rest = number(4) as usize + number(8) as usize;
            frame.resize(HEADER_BYTES + rest, 0);
        }
    }
    Ok(Some((frame, descriptors)))
}
