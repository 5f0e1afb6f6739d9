//! Connections that one thread of the server serves, all of them: skew, made on purpose.
//!
//! A client cannot say which thread of a server accepts it: with SO_REUSEPORT the kernel draws it by a hash of the ports,
//! an accept thread deals connections out in turn, worker processes race for them. But on the machine of the server it
//! can be seen. A candidate is opened, asks a few times for something cheap, and the thread that used CPU time
//! meanwhile is the one that serves it. Candidates are opened one after another until one thread has as many as are wanted
//! (so never more than that many for each thread of the server); those of the other threads are closed, and the load begins.
//!
//! ```text
//! connect ─▶ one request, not counted ─▶ 25 requests ─▶ whose CPU time grew most? ─▶ its connections: enough? ─▶ load
//!                (the accept thread's)        ▲                 │ not clearly one's
//!                                             └─────────────────┘
//! ```
//!
//! The probing is light, tens of milliseconds of work spread over the server's threads: a server that watches the
//! balance of its threads must not see the skew before the load does.
//!
//! Deliberately absent: servers on another machine, and those whose connections have no thread of their own (tasks that any
//! worker steals), of which it says that their threads cannot be told apart.

use crate::plan::Group;
use crate::process::{self, ThreadTimes};
use crate::response::{Asked, ResponseReader};
use crate::{Error, Plan, Request};
use corelay_poll::thread;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Requests between two looks at the threads.
const REQUESTS: u32 = 25;
/// Looks at most: a thread that never slept in between has not been charged for its time yet.
const LOOKS: u32 = 20;
/// How many times the CPU time of any other the serving thread must have used.
const AHEAD: u32 = 2;
/// Enough for a server of that many threads, however it deals connections out.
const CANDIDATES_PER_CONNECTION: u32 = 64;

/// That one thread serve all connections of a group.
///
/// ```no_run
/// use corelay_load::{Group, Mix, Placement, Plan};
/// # let server = std::process::Command::new("true").spawn()?;
///
/// let mut hot = Group::closed("hot", 16, Mix::only("/spin/200"));
/// hot.placement = Some(Placement::new(server.id(), "/plaintext"));
/// let mut plan = Plan::new("127.0.0.1:8080".parse()?);
/// plan.groups.push(hot);
/// let report = corelay_load::run(&plan)?;
/// let placement = report.groups[0].placement.as_ref().expect("it was asked for");
/// println!("the busiest thread did {:.0?} of the work", placement.busiest_share());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Placement {
    /// The server's process. The processes that descend from it when the run begins belong to it; the driver's own thread
    /// never does.
    pub process: u32,
    /// What a candidate asks for: a path that is cheap, and served by the thread that serves the others.
    pub probe: String,
}

impl Placement {
    /// On one thread, no matter which, of this process or one that descends from it.
    pub fn new(process: u32, probe: &str) -> Self {
        Self { process, probe: probe.to_owned() }
    }
}

/// A group's connections, all served by one thread.
pub(crate) struct Placed {
    pub(crate) streams: Vec<TcpStream>,
    pub(crate) whence: Whence,
}

/// How they were found.
pub(crate) struct Whence {
    /// The processes of the server.
    pub(crate) family: Vec<u32>,
    pub(crate) thread: u32,
    pub(crate) candidates: u32,
}

/// The connections of each group that asks for it, in the plan's order.
///
/// # Errors
///
/// [`Error::Placement`], with what was seen.
pub(crate) fn place(plan: &Plan) -> Result<Vec<Option<Placed>>, Error> {
    let place = |group: &Group| {
        let Some(placement) = &group.placement else { return Ok(None) };
        let family = process::family(placement.process);
        let family = family.map_err(|error| Error::Placement(format!("/proc cannot be read: {error}")))?;
        let request = group.encode(&Request::of_path(&placement.probe), &plan.host, false);
        Search { plan, placement, request, family }.run(group.connections).map(Some)
    };
    plan.groups.iter().map(place).collect()
}

struct Search<'p> {
    plan: &'p Plan,
    placement: &'p Placement,
    request: Vec<u8>,
    family: Vec<u32>,
}

impl Search<'_> {
    fn run(self, wanted: u32) -> Result<Placed, Error> {
        let mut found: BTreeMap<u32, Vec<TcpStream>> = BTreeMap::new();
        for candidates in 1..=wanted.saturating_mul(CANDIDATES_PER_CONNECTION) {
            let mut stream = self.open().map_err(|error| self.failed(&error))?;
            let thread = self.serving_thread(&mut stream)?;
            let streams = found.entry(thread).or_default();
            streams.push(stream);
            if streams.len() == wanted as usize {
                let streams = std::mem::take(streams);
                return Ok(Placed { streams, whence: Whence { family: self.family, thread, candidates } });
            }
        }
        let threads = found.len();
        Err(Error::Placement(format!("no thread of {threads} got {wanted} connections of those opened")))
    }

    /// A connection that has had one answer: whatever accepts it and deals it out has done so.
    fn open(&self) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&self.plan.address, self.plan.timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.plan.timeout))?;
        self.ask(&mut stream)?;
        Ok(stream)
    }

    /// The thread that serves this connection: the one whose CPU time grows while it asks.
    fn serving_thread(&self, stream: &mut TcpStream) -> Result<u32, Error> {
        let before = self.times()?;
        let mut used = Vec::new();
        for _ in 0..LOOKS {
            for _ in 0..REQUESTS {
                self.ask(stream).map_err(|error| self.failed(&error))?;
            }
            used = self.times()?.since(&before).filter(|(thread, _)| *thread != thread::current()).collect();
            if let Some(thread) = clearly_ahead(&mut used) {
                return Ok(thread);
            }
        }
        let seen = used.iter().take(3).map(|(thread, time)| format!("thread {thread} used {time:.0?}"));
        Err(Error::Placement(format!(
            "who serves a connection cannot be told from the threads of process {} and its children ({}): is that the \
             server, and does a connection stay on one thread?",
            self.placement.process,
            seen.collect::<Vec<_>>().join(", "),
        )))
    }

    fn times(&self) -> Result<ThreadTimes, Error> {
        let process = self.placement.process;
        ThreadTimes::read(&self.family).map_err(|error| {
            Error::Placement(format!("the threads of process {process} cannot be seen: {error}"))
        })
    }

    /// One request, and its whole answer.
    fn ask(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&self.request)?;
        let (mut reader, mut buffer) = (ResponseReader::default(), [0; 16 * 1024]);
        loop {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let no_answer = || io::Error::new(io::ErrorKind::InvalidData, "no HTTP/1.1 answer");
            match reader.feed(&buffer[..count], Asked::Plain).map_err(|_| no_answer())? {
                (_, None) => {}
                (consumed, Some(_)) if consumed < count => return Err(no_answer()),
                (_, Some(answer)) if answer.keeps_alive && answer.is_success() => return Ok(()),
                (_, Some(answer)) => {
                    let said = if answer.keeps_alive { "" } else { " and closes" };
                    let status = answer.status.unwrap_or_default();
                    return Err(io::Error::other(format!("the answer is {status}{said}")));
                }
            }
        }
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::Placement(format!("the probe {} failed: {error}", self.placement.probe))
    }
}

/// The thread that used clearly more than any other, if one did. Leaves the busiest first.
fn clearly_ahead(used: &mut [(u32, Duration)]) -> Option<u32> {
    used.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    let (thread, time) = *used.first()?;
    let next = used.get(1).map_or(Duration::ZERO, |(_, time)| *time);
    (!time.is_zero() && time >= next * AHEAD).then_some(thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serving_thread_is_the_one_that_is_clearly_ahead() {
        let of = |times: &[u64]| {
            let mut used: Vec<_> = (1..).zip(times.iter().map(|&time| Duration::from_micros(time))).collect();
            clearly_ahead(&mut used)
        };
        assert_eq!(of(&[10, 300, 20]), Some(2));
        assert_eq!(of(&[7]), Some(1));
        assert_eq!(of(&[200, 300]), None);
        assert_eq!(of(&[0, 0]), None);
        assert_eq!(of(&[]), None);
    }
}
