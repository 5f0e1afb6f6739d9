//! A server and those that replace it: the first process is a child of the test, each other one a child of the one before.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use corelay_poll::{Events, Interest, Poller, Process as Exit, Token, Trigger};
use rustix::process::{Pid, Signal, kill_process};

use super::{Client, Engine, PATIENCE, Server};

/// All processes of one server. Dropping it kills those that live.
pub(crate) struct Generations {
    first: Server,
    address: std::net::SocketAddr,
    /// The processes after the first, each with what tells of its end.
    later: Vec<(u32, Exit)>,
    first_id: u32,
    exits: Vec<i32>,
}

impl Generations {
    /// Starts the first one, as [`Server::start`] does.
    pub(crate) fn start(engine: Engine, flags: &[&str]) -> Self {
        Self::of(Server::start(engine, flags))
    }

    /// With the first one started already.
    pub(crate) fn of(first: Server) -> Self {
        let (address, first_id) = (first.address(), first.id());
        Self { first, address, later: Vec::new(), first_id, exits: Vec::new() }
    }

    /// The process that serves.
    pub(crate) fn id(&self) -> u32 {
        self.later.last().map_or(self.first_id, |(id, _)| *id)
    }

    pub(crate) fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).expect("the server accepts"))
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.id(), signal);
    }

    /// Has it replaced, and waits until the process before has ended.
    pub(crate) fn upgrade(&mut self) {
        self.begin();
        self.wait_for_predecessor();
    }

    /// Has it replaced, and waits until the new process is there.
    pub(crate) fn begin(&mut self) {
        let old = self.id();
        kill(old, Signal::USR2);
        let new = until(|| child_of(old));
        self.later.push((new, Exit::watch(new).expect("a process can be watched")));
    }

    /// Waits until the process before the present one has ended.
    pub(crate) fn wait_for_predecessor(&mut self) {
        match self.later.len() {
            0 => panic!("there was none before"),
            1 => {
                wait_for(&Exit::watch(self.first_id).expect("a process can be watched"));
                self.exits.push(self.first.wait_for_exit());
            }
            many => wait_for(&self.later[many - 2].1),
        }
    }

    /// The exit status of the first process.
    pub(crate) fn predecessor_exit(&self) -> i32 {
        *self.exits.last().expect("it has ended")
    }
}

impl Drop for Generations {
    fn drop(&mut self) {
        for (id, exit) in &self.later {
            // As long as its handle says that it lives, the id is its own.
            if !has_ended(exit) {
                kill(*id, Signal::KILL);
            }
        }
    }
}

fn kill(id: u32, signal: Signal) {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw).expect("a process id");
    let _ = kill_process(id, signal);
}

/// A process that `id` has started, told by its variable: handlers may have started others.
fn child_of(id: u32) -> Option<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).ok()?;
    let children =
        tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<String> = children.collect();
    children.iter().flat_map(|children| children.split_whitespace()).find_map(|child| child.parse().ok())
}

fn wait_for(exit: &Exit) {
    let poller = watching(exit);
    let found = poller.wait(&mut Events::with_capacity(1), Some(PATIENCE)).expect("a poller works");
    assert!(found > 0, "a process did not end");
}

fn has_ended(exit: &Exit) -> bool {
    let poller = watching(exit);
    poller.wait(&mut Events::with_capacity(1), Some(Duration::ZERO)).expect("a poller works") > 0
}

fn watching(exit: &Exit) -> Poller {
    let poller = Poller::new().expect("a poller can be made");
    poller.add(exit, Token::new(0, 0), Interest::READ, Trigger::Level).expect("it is added once");
    poller
}

/// What there is to see, as soon as it is there.
pub(crate) fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::yield_now();
    }
}
