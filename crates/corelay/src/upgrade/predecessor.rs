//! The new process's side of an upgrade: hears from the old one where it listens, takes over its listeners, and then its
//! connections, a few at a time.

use super::channel::{Channel, Received};
use super::message::{Counts, FORMAT, Hello, Listened, Message, Moving, Ready};
use super::{Change, OnChange, VARIABLE};
use crate::connection::{Connection, Kinds};
use crate::error::{Error, Result};
use crate::handle::Running;
use crate::status::Counters;
use corelay_poll::{Events, Interest, Poller, Process, Token, Trigger};
use rustix::process::getppid;
use std::collections::HashMap;
use std::env;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The process that this one replaces.
pub(crate) struct Predecessor {
    channel: Channel,
    process: Process,
    id: u32,
    hello: Hello,
    /// Which of its listeners are this process's.
    claimed: Vec<usize>,
    /// Connections that are under way here, and not this process's yet.
    pending: HashMap<u64, Connection>,
    /// To be told that its listeners are this process's alone.
    pub(crate) listeners: Vec<Arc<AtomicBool>>,
}

impl Predecessor {
    /// The process that has started this one to be replaced by it, if that is so. It is met once.
    pub(crate) fn meet() -> Result<Option<Self>> {
        static MET: AtomicBool = AtomicBool::new(false);
        let Some(id) = named() else { return Ok(None) };
        if MET.swap(true, Ordering::Relaxed) {
            return Ok(None);
        }
        let meet = || -> io::Result<_> {
            let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
            // What reads standard input later must not read this.
            rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
            let mut channel = Channel::new(socket, None)?;
            match channel.receive()? {
                Some(Received { message: Message::Hello(hello), .. }) => {
                    Ok((channel, Process::parent()?, hello))
                }
                _ => Err(io::ErrorKind::InvalidData.into()),
            }
        };
        let (channel, process, hello) =
            meet().map_err(|error| Error::Upgrade { reason: error.to_string() })?;
        tracing::info!(pid = id, version = hello.version, "upgrade: replaces another process");
        Ok(Some(Self {
            channel,
            process,
            id,
            hello,
            claimed: Vec::new(),
            pending: HashMap::new(),
            listeners: Vec::new(),
        }))
    }

    /// The listener with this address in its configuration, if it has one that is not taken yet. The number stands for it.
    pub(crate) fn claim(&mut self, configured: &str, proxied: bool) -> Option<(usize, Listened)> {
        let wanted = |listened: &Listened| listened.configured == configured && listened.proxied == proxied;
        self.claim_one(|listened| !listened.given && wanted(listened))
    }

    /// A listener that it was given from outside.
    pub(crate) fn claim_given(&mut self) -> Option<(usize, Listened)> {
        self.claim_one(|listened| listened.given)
    }

    fn claim_one(&mut self, wanted: impl Fn(&Listened) -> bool) -> Option<(usize, Listened)> {
        let mut listeners = self.hello.listeners.iter().enumerate();
        let (number, listened) =
            listeners.find(|(number, listened)| !self.claimed.contains(number) && wanted(listened))?;
        let listened = listened.clone();
        self.claimed.push(number);
        Some((number, listened))
    }

    /// How many processes have served before this one.
    pub(crate) fn upgrades(&self) -> u64 {
        self.hello.upgrades
    }

    pub(crate) fn learnt_routes(&self) -> &[String] {
        &self.hello.learnt_routes
    }

    /// Says that nothing can go wrong any more here, and brings the sockets of the listeners that were claimed, and what the old
    /// process has counted.
    pub(crate) fn be_ready(&mut self, kinds: Kinds) -> Result<(HashMap<usize, Vec<OwnedFd>>, Counts)> {
        let ready = Ready {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            listeners: self.claimed.clone(),
            kinds: kinds.names().map(str::to_owned).collect(),
        };
        self.say(&Message::Ready(ready))?;
        let (mut sockets, mut counts) = (HashMap::<usize, Vec<OwnedFd>>::new(), Counts::default());
        loop {
            let received = self.channel.receive().map_err(|error| gone(&error.to_string()))?;
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
        self.say(&Message::Listening)?;
        crate::engine::spawn("corelay-upgrade".into(), move || {
            self.run(&running);
            self.listeners.iter().for_each(|listener| listener.store(false, Ordering::Relaxed));
            running.shared.upgrade.arrives(false);
            on_change(Change::TookOver { from: self.id });
        })?;
        Ok(())
    }

    fn run(&mut self, running: &Running) {
        loop {
            match self.channel.receive() {
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
            let parts = bytes.split_at_checked(state.input_bytes);
            let parts = parts.and_then(|(input, rest)| {
                rest.split_at_checked(state.output_bytes).map(|(output, rest)| (input, output, rest))
            });
            let Some((input, output, rest)) = parts else { break };
            bytes = rest;
            self.pending.insert(id, Connection::moved(socket, state, (input, output), now, shared));
            ids.push(id);
        }
        ids
    }

    /// The old process speaks no more, without a word of farewell. What is under way from it is nobody's but this process's once
    /// it is dead.
    fn survive(&mut self, running: &Running) {
        let wait = || -> io::Result<()> {
            let poller = Poller::new()?;
            poller.add(&self.process, Token::new(0, 0), Interest::READ, Trigger::Level)?;
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
        self.channel.say(message).map_err(|error| gone(&error.to_string()))
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
    shared.door.carry_over(&counts.door);
}
