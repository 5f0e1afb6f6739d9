//! The new process's side of an upgrade: hears from the old one where it listens, takes over its listeners, and then its
//! connections, a few at a time.

use super::channel::{Channel, Received};
use super::message::{Counts, FORMAT, Hello, Listened, Message, Moving, Ready};
use super::{Change, OnChange, VARIABLE};
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::handle::Running;
use crate::shared::Shared;
use crate::status::Counters;
use crate::sync::lock;
use corelay_poll::{Events, Interest, Poller, Process, Token, Trigger};
use rustix::process::getppid;
use std::collections::HashMap;
use std::env;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

/// The process that this one replaces, as all servers of this process know it.
pub(crate) struct Predecessor {
    id: u32,
    hello: Hello,
    state: Mutex<State>,
    /// The listeners have come, or will not.
    handed: Condvar,
}

struct State {
    /// Until the server that leads has it.
    line: Option<Line>,
    /// Which of its listeners are this process's.
    claimed: Vec<usize>,
    /// To be told that they are this process's alone.
    shared: Vec<Arc<AtomicBool>>,
    sockets: Sockets,
}

/// The way to the other process, and what tells of its end.
struct Line {
    channel: Channel,
    process: Process,
}

/// Of the listeners that were claimed.
enum Sockets {
    NotYet,
    Here(HashMap<usize, Vec<OwnedFd>>),
    Never,
}

impl Predecessor {
    /// The process that has started this one to be replaced by it, if that is so.
    pub(crate) fn meet() -> Result<Option<Arc<Self>>> {
        static MET: OnceLock<std::result::Result<Option<Arc<Predecessor>>, String>> = OnceLock::new();
        let met = MET.get_or_init(|| {
            let Some(id) = named() else { return Ok(None) };
            Self::hear_first(id).map(|met| Some(Arc::new(met))).map_err(|error| error.to_string())
        });
        met.clone().map_err(|reason| Error::Upgrade { reason })
    }

    fn hear_first(id: u32) -> io::Result<Self> {
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        // What reads standard input later must not read this.
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        let mut channel = Channel::new(socket, None)?;
        let Some(Received { message: Message::Hello(hello), .. }) = channel.receive()? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        tracing::info!(pid = id, version = hello.version, "upgrade: replaces another process");
        let line = Some(Line { channel, process: Process::parent()? });
        let state = State { line, claimed: Vec::new(), shared: Vec::new(), sockets: Sockets::NotYet };
        Ok(Self { id, hello, state: Mutex::new(state), handed: Condvar::new() })
    }

    /// The listener with this address in its configuration, if it has one that is not taken yet. The number stands for it.
    pub(crate) fn claim(&self, configured: &str, proxied: bool, follows: bool) -> Option<(usize, Listened)> {
        self.claim_one(|listened| {
            listened.configured == configured
                && (listened.given, listened.proxied, listened.follows) == (false, proxied, follows)
        })
    }

    /// A listener that it was given from outside.
    pub(crate) fn claim_given(&self) -> Option<(usize, Listened)> {
        self.claim_one(|listened| listened.given)
    }

    fn claim_one(&self, wanted: impl Fn(&Listened) -> bool) -> Option<(usize, Listened)> {
        let claimed = &mut lock(&self.state).claimed;
        let mut listeners = self.hello.listeners.iter().enumerate();
        let (number, listened) =
            listeners.find(|(number, listened)| !claimed.contains(number) && wanted(listened))?;
        claimed.push(number);
        Some((number, listened.clone()))
    }

    /// Has `flag` cleared when what is shared with the old process is this one's alone.
    pub(crate) fn share(&self, flag: Arc<AtomicBool>) {
        lock(&self.state).shared.push(flag);
    }

    /// How many processes have served before this one.
    pub(crate) fn upgrades(&self) -> u64 {
        self.hello.upgrades
    }

    pub(crate) fn learnt_routes(&self) -> &[String] {
        &self.hello.learnt_routes
    }

    /// By a server that does not lead: waits for the sockets of all listeners, which the one that leads asks for.
    pub(crate) fn wait_for_listeners(&self) -> Result<()> {
        let state = lock(&self.state);
        let waits = |state: &mut State| matches!(state.sockets, Sockets::NotYet);
        let state = self.handed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        match state.sockets {
            Sockets::Here(_) => Ok(()),
            Sockets::NotYet | Sockets::Never => {
                Err(gone("the server that leads did not come to its listeners"))
            }
        }
    }

    /// The sockets of the listener with this number, once.
    pub(crate) fn sockets_of(&self, number: usize) -> Vec<OwnedFd> {
        match &mut lock(&self.state).sockets {
            Sockets::Here(sockets) => sockets.remove(&number).unwrap_or_default(),
            Sockets::NotYet | Sockets::Never => Vec::new(),
        }
    }
}

/// Of the servers of this process, the one that speaks with the process before. Dropping it tells the others that nothing will
/// come of it, unless that has come already.
pub(crate) struct Lead(Arc<Predecessor>);

impl Drop for Lead {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        if matches!(state.sockets, Sockets::NotYet) {
            state.sockets = Sockets::Never;
        }
        drop(state);
        self.0.handed.notify_all();
    }
}

impl Lead {
    pub(crate) fn of(predecessor: &Arc<Predecessor>) -> Self {
        Self(predecessor.clone())
    }

    /// Says that nothing can go wrong any more here, and brings the sockets of the listeners that were claimed, and what the old
    /// process has counted.
    pub(crate) fn be_ready(&self, shared: &Shared) -> Result<(Arrivals, Counts)> {
        let (line, claimed) = {
            let mut state = lock(&self.0.state);
            (state.line.take().ok_or_else(|| gone("another server leads"))?, state.claimed.clone())
        };
        let mut arrivals = Arrivals { line, predecessor: self.0.clone(), pending: HashMap::new() };
        let ready = Ready {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            listeners: claimed,
            kinds: shared.movable_kinds().names().map(str::to_owned).collect(),
            packed_form: shared.packed_form().map(str::to_owned),
        };
        arrivals.say(&Message::Ready(ready))?;
        let (sockets, counts) = arrivals.listeners()?;
        lock(&self.0.state).sockets = Sockets::Here(sockets);
        self.0.handed.notify_all();
        Ok((arrivals, counts))
    }
}

/// What comes from the old process: listeners, then connections.
pub(crate) struct Arrivals {
    line: Line,
    predecessor: Arc<Predecessor>,
    /// Connections that are under way here, and not this process's yet.
    pending: HashMap<u64, Connection>,
}

impl Arrivals {
    fn listeners(&mut self) -> Result<(HashMap<usize, Vec<OwnedFd>>, Counts)> {
        let (mut sockets, mut counts) = (HashMap::<usize, Vec<OwnedFd>>::new(), Counts::default());
        loop {
            let received = self.line.channel.receive().map_err(|error| gone(&error.to_string()))?;
            let Some(Received { message, descriptors, .. }) = received else {
                return Err(gone("it has ended before this one had its listeners"));
            };
            match message {
                Message::Listener { number } => sockets.entry(number).or_default().extend(descriptors),
                Message::Counts(counted) => counts = counted,
                Message::Go => return Ok((sockets, counts)),
                _ => {}
            }
        }
    }

    /// Says that this process lets in who comes, and takes over the connections: on a thread of its own.
    pub(crate) fn take_over(mut self, running: Arc<Running>, on_change: OnChange) -> Result<()> {
        running.shared.upgrade.arrives(true);
        crate::engine::spawn("corelay-upgrade".into(), move || {
            crate::engine::come_last();
            match self.say(&Message::Listening) {
                Ok(()) => self.run(&running),
                Err(_) => self.survive(&running),
            }
            let shared = std::mem::take(&mut lock(&self.predecessor.state).shared);
            shared.iter().for_each(|flag| flag.store(false, Ordering::Relaxed));
            running.shared.upgrade.arrives(false);
            // An upgrade of this process may wait for that.
            let _ = running.control.waker.wake();
            on_change(Change::TookOver { from: self.predecessor.id });
        })?;
        Ok(())
    }

    fn run(&mut self, running: &Running) {
        loop {
            match self.line.channel.receive() {
                Ok(Some(received)) => match self.hear(received, running) {
                    Ok(true) => {}
                    Ok(false) => return tracing::info!("upgrade: over, this process serves alone"),
                    Err(error) => tracing::error!(%error, "upgrade: the old process hears nothing"),
                },
                Ok(None) => return self.survive(running),
                Err(error) => {
                    tracing::error!(%error, "upgrade: the old process is not understood");
                    return self.survive(running);
                }
            }
        }
    }

    /// `false`: that was its last word.
    fn hear(&mut self, received: Received, running: &Running) -> Result<bool> {
        match received.message {
            Message::Move { connections } => {
                let ids = self.keep(connections, received.descriptors, &received.bytes, running);
                self.say(&Message::Have { ids })?;
            }
            Message::Commit { ids } => {
                for connection in ids.into_iter().filter_map(|id| self.pending.remove(&id)) {
                    adopt(connection, running);
                }
            }
            Message::Counts(counts) => carry_over(&counts, running),
            Message::Goodbye => return Ok(false),
            _ => {}
        }
        Ok(true)
    }

    /// Keeps what came whole: which these are.
    fn keep(
        &mut self,
        moving: Vec<Moving>,
        descriptors: Vec<OwnedFd>,
        mut bytes: &[u8],
        running: &Running,
    ) -> Vec<u64> {
        let shared = &running.shared;
        let now = shared.epoch.moment(shared.clock.now());
        let mut ids = Vec::with_capacity(moving.len());
        for (Moving { id, state }, socket) in moving.into_iter().zip(descriptors) {
            let lengths = [state.input_bytes, state.output_bytes, state.packed_bytes.unwrap_or(0)];
            let Some((parts, rest)) = split(bytes, lengths) else { break };
            bytes = rest;
            self.pending.insert(id, Connection::moved(socket, state, parts, now, shared));
            ids.push(id);
        }
        ids
    }

    /// The old process speaks no more, without a word of farewell. What is under way from it is nobody's but this process's once
    /// it is dead.
    fn survive(&mut self, running: &Running) {
        let wait = || -> io::Result<()> {
            let poller = Poller::new()?;
            poller.add(&self.line.process, Token::new(0, 0), Interest::READ, Trigger::Level)?;
            while poller.wait(&mut Events::with_capacity(1), None)? == 0 {}
            Ok(())
        };
        if let Err(error) = wait() {
            return tracing::error!(%error, "upgrade: the old process cannot be watched");
        }
        let connections = self.pending.len();
        tracing::warn!(connections, "upgrade: the old process has died; what it had not passed on is lost");
        for (_, connection) in self.pending.drain() {
            adopt(connection, running);
        }
    }

    fn say(&self, message: &Message) -> Result<()> {
        self.line.channel.say(message).map_err(|error| gone(&error.to_string()))
    }
}

/// The id of the parent process, if that has said that it is to be replaced. Children of ours inherit the variable, and have
/// another parent.
fn named() -> Option<u32> {
    let id = env::var(VARIABLE).ok()?.parse().ok()?;
    let parent = getppid()?.as_raw_nonzero().get();
    (u32::try_from(parent) == Ok(id)).then_some(id)
}

fn gone(reason: &str) -> Error {
    Error::Upgrade { reason: reason.to_owned() }
}

fn adopt(connection: Connection, running: &Running) {
    running.shared.occupancy.move_in(connection.peer);
    running.engine.adopt(connection);
}

/// Counts on from what the old process has counted.
pub(crate) fn carry_over(counts: &Counts, running: &Running) {
    let Running { shared, engine, .. } = running;
    engine.carry_over(&counts.cores);
    Counters::of_row(&counts.service).add_to(&shared.service_counters);
    shared.carry_over_door(&counts.door);
}

/// The first bytes, in parts of these lengths, and the rest.
fn split(bytes: &[u8], lengths: [usize; 3]) -> Option<(Parts<'_>, &[u8])> {
    let (first, rest) = bytes.split_at_checked(lengths[0])?;
    let (second, rest) = rest.split_at_checked(lengths[1])?;
    let (third, rest) = rest.split_at_checked(lengths[2])?;
    Some(((first, second, third), rest))
}

/// What goes beside a connection: its input, its output, and what its protocol packed.
type Parts<'a> = (&'a [u8], &'a [u8], &'a [u8]);
