//! A server and those that replace it: the first process is a child of the test, each other one a child of the one before.

use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use corelay_poll::{Events, Interest, Poller, Process as Exit, Token, Trigger};
use rustix::process::{Pid, Signal, kill_process};

use super::{Client, Engine, PATIENCE, Process, Server};

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

    /// The first one is started by this path, where another program can then take its place.
    pub(crate) fn start_at(engine: Engine, flags: &[&str], program: &Path) -> Self {
        symlink(env!("CARGO_BIN_EXE_corelay"), program).expect("the directory is writable");
        let mut command = Server::command_at(program, engine, flags);
        command.args(["--listen", "127.0.0.1:0"]);
        Self::of(Server::spawn(command))
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

    /// A connection that takes in only about this many bytes before the client reads them.
    pub(crate) fn connect_with_receive_buffer(&self, bytes: usize) -> Client {
        super::server::connect_with_receive_buffer(self.address, bytes)
    }

    /// Figures about the process that serves.
    pub(crate) fn process(&self) -> Process {
        Process::new(self.id())
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

    /// Somebody else has had it replaced.
    pub(crate) fn follow(&mut self) {
        let new = until(|| {
            let id =
                serde_json::from_slice::<serde_json::Value>(&self.connect().get("/status").body).ok()?["pid"]
                    .as_u64()?;
            u32::try_from(id).ok().filter(|id| *id != self.id())
        });
        self.later.push((new, Exit::watch(new).expect("a process can be watched")));
    }

    /// Waits until the process that serves has nothing to do with an upgrade any more.
    pub(crate) fn wait_until_alone(&self) {
        until(|| (!self.process().thread_names().contains(&"corelay-upgrade".to_owned())).then_some(()));
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

    /// Waits until the process that was to replace another one is gone; the one before is the one that serves again.
    pub(crate) fn wait_for_failure(&mut self) {
        self.wait_for_end();
        self.later.pop();
        let old = self.id();
        // Until it has taken back what it had passed on, it lets in nobody.
        until(|| child_of(old).is_none().then_some(()));
        self.wait_until_alone();
    }

    /// Waits until the last process has ended.
    pub(crate) fn wait_for_end(&self) {
        wait_for(&self.later.last().expect("there was an upgrade").1);
    }

    /// A signal to the process that is being replaced.
    pub(crate) fn signal_predecessor(&self, signal: Signal) {
        kill(self.later.iter().rev().nth(1).map_or(self.first_id, |(id, _)| *id), signal);
    }

    /// Kills the process that serves; what all of them wrote to standard output after the first had told where it listens.
    pub(crate) fn end(self) -> Vec<String> {
        self.kill();
        self.first.later_output()
    }

    /// Kills the process that serves, or is about to.
    pub(crate) fn kill(&self) {
        kill(self.id(), Signal::KILL);
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
pub(super) fn child_of(id: u32) -> Option<u32> {
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
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::yield_now();
    }
}
