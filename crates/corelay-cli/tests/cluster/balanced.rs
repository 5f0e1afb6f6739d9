//! HAProxy with the file of `deploy/haproxy`, the nodes behind it, and what HAProxy thinks of them.

use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};

use crate::machines::{BALANCER, Machines, node_address};
use crate::support::{Client, Engine, PATIENCE, Server};

pub(crate) const NODES: usize = 3;

/// Where clients go, and where its statistics are, on its own machine.
pub(crate) const FRONT: SocketAddr = SocketAddr::new(IpAddr::V4(BALANCER), 8000);
const STATISTICS: (&str, u16) = ("127.0.0.1", 8404);

/// Nodes behind a balancer. Dropping it kills all.
pub(crate) struct Balanced {
    engine: Engine,
    nodes: [Option<Server>; NODES],
    haproxy: Child,
    /// What HAProxy logs.
    log: Receiver<String>,
    // Last: what runs on them ends first.
    pub(crate) machines: Machines,
}

impl Balanced {
    /// All of it, and HAProxy takes every node for ready.
    pub(crate) fn start(engine: Engine) -> Self {
        let machines = Machines::new(NODES);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/haproxy/haproxy.cfg");
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file);
        let mut command = machines.command("balancer", &command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut haproxy = command.spawn().expect("ip can be started");
        let (line, log) = mpsc::channel();
        follow(haproxy.stdout.take().expect("it is piped"), Some(line));
        follow(haproxy.stderr.take().expect("it is piped"), None);
        let mut balanced = Self { engine, nodes: [const { None }; NODES], haproxy, log, machines };
        // So HAProxy begins; then it says of each node when that is ready.
        balanced.wait_for_all("DOWN");
        (1..=NODES).for_each(|number| balanced.start_node(number));
        balanced.wait_for_all("UP");
        balanced
    }

    /// Starts the node with this number again.
    pub(crate) fn start_node(&mut self, number: usize) {
        self.nodes[number - 1] = Some(start_node(&self.machines, self.engine, number));
    }

    /// The node with this number, to be ended.
    pub(crate) fn take_node(&mut self, number: usize) -> Server {
        self.nodes[number - 1].take().expect("it was started")
    }

    /// A connection of a client's to the balancer.
    pub(crate) fn connect(&self) -> Client {
        let connect = || TcpStream::connect(FRONT).expect("HAProxy accepts");
        Client::new(self.machines.within("client", connect))
    }

    /// What the node with this number says of itself.
    pub(crate) fn status(&self, number: usize) -> serde_json::Value {
        let admin = SocketAddr::from((node_address(number), 9901));
        let connect = || TcpStream::connect(admin).expect("its admin listener accepts");
        let mut client = Client::new(self.machines.within("balancer", connect));
        serde_json::from_slice(&client.get("/status").body).expect("the status is JSON")
    }

    /// Waits until HAProxy has found that the node with this number is `UP` or `DOWN`.
    pub(crate) fn wait_until(&self, number: usize, state: &str) {
        self.wait_for(vec![format!("Server corelay/node{number} is {state}")]);
    }

    fn wait_for_all(&self, state: &str) {
        self.wait_for((1..=NODES).map(|number| format!("Server corelay/node{number} is {state}")).collect());
    }

    /// Waits until HAProxy has logged all of these, in whatever order.
    fn wait_for(&self, mut texts: Vec<String>) {
        while !texts.is_empty() {
            let line = self.log.recv_timeout(PATIENCE);
            let line =
                line.unwrap_or_else(|_| panic!("HAProxy (apt-get install haproxy) has not said: {texts:?}"));
            texts.retain(|text| !line.contains(text));
        }
    }

    /// Times that HAProxy tried a request once more.
    pub(crate) fn retries(&self) -> u64 {
        self.figure("BACKEND", "wretr").expect("it serves").parse().expect("a number")
    }

    /// A figure of HAProxy's on one of its servers, or on all.
    fn figure(&self, server: &str, name: &str) -> Option<String> {
        let stream = self.machines.within("balancer", || TcpStream::connect(STATISTICS)).ok()?;
        let mut client = Client::new(stream);
        client.send("GET /;csv HTTP/1.0\r\n\r\n");
        let text = String::from_utf8(client.rest()).expect("it is text");
        let mut rows = text.lines().skip_while(|line| !line.starts_with("# ")).map(|line| line.split(','));
        let column = rows.next()?.position(|title| title == name)?;
        let mut row = rows.find_map(|mut row| {
            (row.next() == Some("corelay") && row.next() == Some(server)).then_some(row)
        })?;
        row.nth(column - 2).map(str::to_owned)
    }
}

impl Drop for Balanced {
    fn drop(&mut self) {
        let _ = self.haproxy.kill();
        let _ = self.haproxy.wait();
    }
}

/// Starts the node with this number, from 1, as `deploy/haproxy/README.md` has it.
fn start_node(machines: &Machines, engine: Engine, number: usize) -> Server {
    let address = node_address(number);
    let (listen, admin) = (format!("{address}:8080"), format!("{address}:9901"));
    let trusted = BALANCER.to_string();
    let places = ["--proxy-listen", &listen, "--proxy-trusted", &trusted, "--admin", &admin];
    let others = ["--drain-delay", "3s", "--drain", "30s", "--access-log", "--cores", "1"];
    let serve = Server::command(engine, &[&places[..], &others].concat());
    Server::spawn(machines.command(&format!("node{number}"), &serve))
}

/// Passes on the lines as they come. They are shown where a test fails.
fn follow(out: impl Read + Send + 'static, line: Option<Sender<String>>) {
    std::thread::spawn(move || {
        for text in BufReader::new(out).lines().map_while(Result::ok) {
            println!("HAProxy: {text}");
            let _ = line.as_ref().map(|line| line.send(text));
        }
    });
}
