//! Starts `corelay serve`, knows where it listens, and ends it.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};

use super::{Client, Engine, PATIENCE, Process};

/// A running server. Dropping it kills it, by its process id; a failing test then shows what it had logged.
pub(crate) struct Server {
    child: Child,
    listeners: Vec<String>,
    /// Where its admin listener is, if it has one.
    admin: Option<String>,
    /// Those for proxies.
    proxied: Vec<String>,
    /// Yields nothing and hangs up when the server's standard output closes, which is when it has ended.
    /// What else it writes to standard output.
    lines: Receiver<String>,
    ended: Receiver<()>,
    stderr: Option<JoinHandle<String>>,
}

/// How a server, or a command that should not have become one, ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its exit code; 128 and the signal's number for a death by signal, as shells have it.
    pub(crate) code: i32,
    /// All it wrote to standard output, when it was run by [`Server::run`].
    pub(crate) stdout: String,
    /// All it wrote to standard error.
    pub(crate) stderr: String,
}

impl Server {
    /// Starts the server on a free port of 127.0.0.1, on this engine, with these flags besides.
    pub(crate) fn start(engine: Engine, flags: &[&str]) -> Self {
        let mut command = Self::command(engine, flags);
        command.args(["--listen", "127.0.0.1:0"]);
        Self::spawn(command)
    }

    /// `corelay serve` on this engine. No listener is named yet. Two cores unless a flag says else, so that moving a
    /// connection between cores is part of each test.
    pub(crate) fn command(engine: Engine, flags: &[&str]) -> Command {
        Self::command_at(Path::new(env!("CARGO_BIN_EXE_corelay")), engine, flags)
    }

    /// The same with a program at this path, which is to be the binary.
    pub(crate) fn command_at(program: &Path, engine: Engine, flags: &[&str]) -> Command {
        let mut command = Self::bare_command_at(program);
        command.arg("serve").args(engine.flags).args(flags);
        if !flags.contains(&"--cores") {
            command.args(["--cores", "2"]);
        }
        command
    }

    /// The binary without any argument, and with no `CORELAY_*` variable of this environment.
    pub(crate) fn bare_command() -> Command {
        Self::bare_command_at(Path::new(env!("CARGO_BIN_EXE_corelay")))
    }

    fn bare_command_at(program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CORELAY_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Starts a command that will have one listener.
    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_with_listeners(command, 1)
    }

    /// Starts a command and waits until it has named this many listeners.
    pub(crate) fn spawn_with_listeners(mut command: Command, count: usize) -> Self {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the server's binary starts");
        let mut stderr = child.stderr.take().expect("standard error is piped");
        let stderr = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let (lines, ended) = follow(child.stdout.take().expect("standard output is piped"));
        let (listeners, proxied) = (Vec::new(), Vec::new());
        let stderr = Some(stderr);
        let mut server = Self { child, listeners, proxied, admin: None, lines, ended, stderr };
        while server.listeners.len() + server.proxied.len() < count {
            let line = server.lines.recv_timeout(PATIENCE).expect("the server says where it listens");
            if let Some(admin) = line.strip_prefix("admin on ") {
                server.admin = Some(admin.to_owned());
            }
            server.proxied.extend(line.strip_prefix("proxies on ").map(str::to_owned));
            server.listeners.extend(line.strip_prefix("listening on ").map(str::to_owned));
        }
        server
    }

    /// What it and those that replaced it have written since it told where it listens. They must have ended.
    pub(crate) fn later_output(&self) -> Vec<String> {
        self.lines.iter().collect()
    }

    /// Runs a command that is expected to end by itself, and returns how it did.
    pub(crate) fn run(mut command: Command) -> Finished {
        let output = command.stdin(Stdio::null()).output().expect("the binary starts");
        Finished {
            code: exit_code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Sends the server a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id fits");
        kill_process(Pid::from_raw(id).expect("a process id is not 0"), signal)
            .expect("the server is running");
    }

    /// Waits until the server has ended.
    pub(crate) fn wait(mut self) -> Finished {
        let hung_up = self.ended.recv_timeout(PATIENCE);
        assert_eq!(hung_up, Err(mpsc::RecvTimeoutError::Disconnected), "the server did not end");
        let status = self.child.wait().expect("a child can be waited for");
        let stderr = self.stderr.take().expect("taken only here").join().expect("the reader does not panic");
        Finished { code: exit_code(status), stdout: String::new(), stderr }
    }

    /// The process that this one, which is no server itself, has started.
    pub(crate) fn first_child(&self) -> u32 {
        super::until(|| super::generations::child_of(self.id()))
    }

    /// Ends a process that it has started, and gives what was logged.
    pub(crate) fn end_and_read_log(mut self, child: u32) -> String {
        let id = i32::try_from(child).expect("a process id fits");
        kill_process(Pid::from_raw(id).expect("a process id is not 0"), Signal::TERM).expect("it is running");
        let _ = self.child.wait();
        self.stderr.take().expect("taken only here").join().expect("the reader does not panic")
    }

    /// Waits until its process has ended, whoever else still has its standard output: the exit code.
    pub(crate) fn wait_for_exit(&mut self) -> i32 {
        exit_code(self.child.wait().expect("a child can be waited for"))
    }

    /// Where the first TCP listener is.
    pub(crate) fn address(&self) -> SocketAddr {
        let url = self.listeners.iter().find_map(|listener| listener.strip_prefix("http://"));
        url.expect("the server listens on TCP").parse().expect("the line names an address and a port")
    }

    /// Where the first listener for proxies is.
    pub(crate) fn proxied_address(&self) -> SocketAddr {
        let url = self.proxied.first().and_then(|listener| listener.strip_prefix("http://"));
        url.expect("proxies may connect by TCP").parse().expect("the line names an address and a port")
    }

    /// Every listener as the server named it: `http://ADDRESS` or `unix:PATH`.
    pub(crate) fn listeners(&self) -> &[String] {
        &self.listeners
    }

    /// Its admin listener as the server named it: `http://ADDRESS` or `unix:PATH`.
    pub(crate) fn admin(&self) -> &str {
        self.admin.as_deref().expect("the server was started with --admin")
    }

    /// A new connection to its admin listener, which is one of TCP.
    pub(crate) fn connect_to_admin(&self) -> Client {
        let address = self.admin().strip_prefix("http://").expect("a URL");
        Client::new(TcpStream::connect(address).expect("the admin listener accepts"))
    }

    /// A new connection to the first TCP listener.
    pub(crate) fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address()).expect("the server accepts"))
    }

    /// A connection from another address of this machine.
    pub(crate) fn connect_from(&self, address: Ipv4Addr) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets can be made");
        socket.bind(&SocketAddr::from((address, 0)).into()).expect("all of 127.0.0.0/8 is this machine");
        socket.connect(&self.address().into()).expect("the server accepts");
        Client::new(socket.into())
    }

    /// A connection that takes in only about this many bytes before the client reads them.
    pub(crate) fn connect_with_receive_buffer(&self, bytes: usize) -> Client {
        connect_with_receive_buffer(self.address(), bytes)
    }

    /// Figures about the server's process.
    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// The server's process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

/// A connection that takes in only about this many bytes before the client reads them.
pub(super) fn connect_with_receive_buffer(address: SocketAddr, bytes: usize) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets can be made");
    // Before it connects: the window is agreed on in the handshake (tcp(7)).
    socket.set_recv_buffer_size(bytes).expect("SO_RCVBUF takes any size");
    socket.connect(&address.into()).expect("the server accepts");
    Client::new(socket.into())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let logged = self.stderr.take().and_then(|reader| reader.join().ok());
        if let (true, Some(logged)) = (thread::panicking(), logged) {
            eprintln!("---- the server logged:\n{logged}----");
        }
    }
}

/// The lines of a server's standard output, and a channel that hangs up at its end.
fn follow(stdout: ChildStdout) -> (Receiver<String>, Receiver<()>) {
    let (line, lines) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    thread::spawn(move || {
        for text in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = line.send(text);
        }
        drop(end);
    });
    (lines, ended)
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().or(status.signal().map(|number| 128 + number)).expect("a process exits or is killed")
}
