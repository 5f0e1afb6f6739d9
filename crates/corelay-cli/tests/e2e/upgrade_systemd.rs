//! Under systemd, whose part the test plays: sockets that it has bound, and what it is told.

use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;

use crate::support::{Client, Engine, Generations, PATIENCE, Scratch, Server};

const ENGINE: Engine = Engine::CORES_PER_CORE;

/// What a service manager hears.
struct Notices(UnixDatagram);

impl Notices {
    fn open(scratch: &Scratch) -> Self {
        let socket = UnixDatagram::bind(scratch.path("notify")).expect("the directory is writable");
        socket.set_read_timeout(Some(PATIENCE)).expect("PATIENCE is not zero");
        Self(socket)
    }

    /// Waits for a message with this line.
    fn wait_for(&self, line: &str) {
        self.wait_for_all(&[line]);
    }

    /// Waits for messages with these lines, in any order: two processes may send them.
    fn wait_for_all(&self, lines: &[&str]) {
        let (deadline, mut missing) = (Instant::now() + PATIENCE, lines.to_vec());
        let mut buffer = [0; 4096];
        while !missing.is_empty() {
            let count = self.0.recv(&mut buffer).unwrap_or_else(|error| panic!("no {missing:?}: {error}"));
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            missing.retain(|line| !text.lines().any(|found| found == *line));
            assert!(Instant::now() < deadline, "no {missing:?}");
        }
    }
}

/// `corelay serve`, told where to tell.
fn command(scratch: &Scratch) -> Command {
    let mut command = Server::command(ENGINE, &[]);
    command.env("NOTIFY_SOCKET", scratch.path("notify"));
    command
}

#[test]
fn it_says_when_it_is_ready_and_that_it_stops() {
    let scratch = Scratch::new();
    let notices = Notices::open(&scratch);
    let mut command = command(&scratch);
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Server::spawn(command);
    notices.wait_for("READY=1");
    server.signal(Signal::TERM);
    notices.wait_for("STOPPING=1");
    assert_eq!(server.wait().code, 0);
}

#[test]
fn after_an_upgrade_the_new_process_is_the_main_one_and_says_that_it_lives() {
    let scratch = Scratch::new();
    let notices = Notices::open(&scratch);
    let mut command = command(&scratch);
    command.args(["--listen", "127.0.0.1:0"]).env("WATCHDOG_USEC", "200000");
    let mut server = Generations::of(Server::spawn(command));
    notices.wait_for("READY=1");
    notices.wait_for("WATCHDOG=1");
    for _ in 0..2 {
        server.upgrade();
        notices.wait_for_all(&[&format!("MAINPID={}", server.id()), "READY=1"]);
        // The one before has ended: this is the new one's.
        notices.wait_for("WATCHDOG=1");
    }
}

/// Binds sockets as systemd does, and becomes the server.
const ACTIVATION: &str = "\
#!/usr/bin/python3
import fcntl, os, socket, sys
path, *command = sys.argv[1:]
tcp, unix = socket.create_server(('127.0.0.1', 0)), socket.socket(socket.AF_UNIX)
unix.bind(path)
unix.listen()
# First out of the way: the places from 3 on may be theirs.
handed = [fcntl.fcntl(sock, fcntl.F_DUPFD, 20) for sock in (tcp, unix)]
for place, descriptor in enumerate(handed, 3):
    os.dup2(descriptor, place)
    os.close(descriptor)
os.environ.update(LISTEN_FDS='2', LISTEN_PID=str(os.getpid()))
os.execv(command[0], command)
";

#[test]
fn sockets_that_are_handed_over_are_served_and_go_along_in_an_upgrade() {
    let scratch = Scratch::new();
    let path = scratch.path("socket");
    scratch.write_program("activate", ACTIVATION);
    let inner = Server::command(ENGINE, &[]);
    let mut command = Command::new(scratch.path("activate"));
    command.arg(&path).arg(inner.get_program()).args(inner.get_args());
    let mut server = Generations::of(Server::spawn_with_listeners(command, 2));
    let connect = || Client::over(UnixStream::connect(&path).expect("the path is there"));
    let mut clients = [server.connect(), server.connect()];
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
    for _ in 0..2 {
        assert_eq!(connect().get("/plaintext").status, 200);
        assert_eq!(server.connect().get("/plaintext").status, 200);
        server.upgrade();
    }
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
    assert_eq!(connect().get("/plaintext").status, 200);
    server.signal(Signal::TERM);
    server.wait_for_end();
    assert!(path.exists(), "it is the service manager's");
}

/// The units name where an administrator puts the binary; here it is elsewhere.
#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let units = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/systemd");
    let scratch = Scratch::new();
    let copies = ["corelay.service", "corelay.socket"].map(|name| {
        let text = std::fs::read_to_string(format!("{units}/{name}")).expect("the unit is there");
        scratch.write(name, &text.replace("/usr/local/bin/corelay", env!("CARGO_BIN_EXE_corelay")))
    });
    let checked = Command::new("systemd-analyze").arg("verify").args(&copies).output();
    let checked =
        checked.expect("systemd-analyze is installed by `cargo xtask install`, or by Debian's systemd");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && said.is_empty(), "{said}");
}
