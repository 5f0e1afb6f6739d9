//! A server of a protocol in this process, a client, and a protocol that does what its lines say.

use corelay::config::{Address, Cores, Engine};
use corelay::protocol::{Framed, FramedPeer, Lines, Messages, Protocol, Remote, Step, Terms};
use corelay::status::Status;
use corelay::{CloseReason, Config, Server, ServerHandle};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a machine may take over something that must happen. Only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const ENGINES: [Engine; 3] = [Engine::Cores, Engine::Threads, Engine::Pool];

pub(crate) fn on_every_engine(test: impl Fn(Engine)) {
    for engine in ENGINES {
        println!("on {}", engine.name());
        test(engine);
    }
}

pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "still not: {what}");
        thread::yield_now();
    }
}

pub(crate) fn config(engine: Engine, cores: usize) -> Config {
    let mut config = Config::default();
    (config.engine, config.cores) = (engine, Cores::Count(cores));
    config.drain.on_signals = false;
    config
}

/// A server that serves. Dropping it drains it.
pub(crate) struct Serving {
    address: SocketAddr,
    pub(crate) handle: ServerHandle,
    thread: Option<JoinHandle<corelay::Result<()>>>,
}

impl Serving {
    pub(crate) fn start(engine: Engine, protocol: impl Protocol) -> Self {
        Self::with(config(engine, 1), protocol, Terms::default())
    }

    pub(crate) fn with(config: Config, protocol: impl Protocol, terms: Terms) -> Self {
        Self::of(Server::new(config).listen("127.0.0.1:0".parse().unwrap()).unwrap(), protocol, terms)
    }

    /// A server whose clients come through proxies.
    pub(crate) fn proxied(config: Config, protocol: impl Protocol) -> Self {
        let server = Server::new(config).listen_proxied("127.0.0.1:0".parse().unwrap()).unwrap();
        Self::of(server, protocol, Terms::default())
    }

    fn of(server: Server, protocol: impl Protocol, terms: Terms) -> Self {
        let Address::Tcp(address) = server.addresses()[0].clone() else { panic!("not TCP") };
        let handle = server.handle();
        let thread = Some(thread::spawn(|| server.serve_protocol_with(protocol, terms)));
        Self { address, handle, thread }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn status(&self) -> Status {
        self.handle.status()
    }

    /// Closed connections by reason.
    pub(crate) fn closes(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (reason, count) in self.status().cores.into_iter().flat_map(|core| core.closes) {
            *all.entry(reason).or_default() += count;
        }
        all
    }

    /// Waits until this many connections were closed for this reason.
    pub(crate) fn wait_for_close(&self, reason: CloseReason, count: u64) {
        until(&format!("{count} closed as {}: {:?}", reason.name(), self.closes()), || {
            self.closes().get(reason.name()) == Some(&count)
        });
    }

    pub(crate) fn end(mut self) -> corelay::Result<()> {
        self.handle.drain();
        self.thread.take().unwrap().join().unwrap()
    }

    /// Waits for a drain that was begun.
    pub(crate) fn join(mut self) -> corelay::Result<()> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.handle.drain();
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            let _ = thread.join();
        }
    }
}

pub(crate) struct Client(pub(crate) BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the connection ended after {line:?}");
        line.pop();
        line
    }

    /// Sends a line, and reads one.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n"));
        self.line()
    }

    /// Sends no more.
    pub(crate) fn finish(&self) {
        self.0.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// What comes until the end, clean or reset.
    pub(crate) fn end(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A gate at which a protocol waits until its test opens it.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<(usize, bool)>, Condvar)>);

impl Gate {
    pub(crate) fn pass(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.0 += 1;
        changed.notify_all();
        let (_state, waited) = changed.wait_timeout_while(state, PATIENCE, |state| !state.1).unwrap();
        assert!(!waited.timed_out(), "nobody opens the gate");
    }

    /// Waits until so many have come to it.
    pub(crate) fn wait_for(&self, count: usize) {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap();
        let (_state, waited) = changed.wait_timeout_while(state, PATIENCE, |state| state.0 < count).unwrap();
        assert!(!waited.timed_out(), "nobody comes to the gate");
    }

    pub(crate) fn open(&self) {
        let (state, changed) = &*self.0;
        state.lock().unwrap().1 = true;
        changed.notify_all();
    }
}

/// Lines that say what is to be done; `hello` when it opens.
pub(crate) struct Script {
    lines: Lines,
    pub(crate) gate: Gate,
    remotes: Sender<Remote<String>>,
    closes: Sender<CloseReason>,
}

/// What a test has of a [`Script`].
pub(crate) struct Stage {
    pub(crate) gate: Gate,
    remotes: Receiver<Remote<String>>,
    closes: Receiver<CloseReason>,
}

impl Stage {
    /// The remote of the connection that was opened next.
    pub(crate) fn remote(&self) -> Remote<String> {
        self.remotes.recv_timeout(PATIENCE).unwrap()
    }

    /// What the protocol heard when the next connection was closed.
    pub(crate) fn closed(&self) -> CloseReason {
        self.closes.recv_timeout(PATIENCE).unwrap()
    }
}

pub(crate) fn script() -> (Framed<Script>, Stage) {
    let ((remotes, of_remotes), (closes, of_closes), gate) = (channel(), channel(), Gate::default());
    let script = Script { lines: Lines::new(1024), gate: gate.clone(), remotes, closes };
    (Framed::new(script), Stage { gate, remotes: of_remotes, closes: of_closes })
}

impl Messages for Script {
    type Codec = Lines;
    type State = ();
    type Mail = String;

    fn codec(&self) -> &Lines {
        &self.lines
    }

    fn opened(&self, peer: &mut FramedPeer<'_, '_, Self>) -> Result<(), CloseReason> {
        let _ = self.remotes.send(peer.remote());
        let _ = peer.send_message(b"hello");
        Ok(())
    }

    fn message(&self, _: &mut (), line: &[u8], peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        let text = String::from_utf8_lossy(line);
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        match word {
            "wait" => self.gate.pass(),
            "relay" if !peer.may_wait() => return Step::Relay,
            "relay" => self.gate.pass(),
            "pause" => {
                let _ = peer.send_message(b"paused");
                return Step::Pause;
            }
            "panic" => panic!("on purpose"),
            "bye" => {
                let _ = peer.send_message(b"bye");
                return Step::Close(CloseReason::Finished);
            }
            "who" => return peer.answer(format!("{:?}", peer.address()).as_bytes()),
            "abort" => return Step::Abort(CloseReason::Malformed),
            "deadline" => peer.set_deadline(Some(Duration::from_millis(rest.parse().unwrap()))),
            "large" => {
                let large = vec![b'x'; 1000];
                for _ in 0..rest.parse().unwrap() {
                    let _ = peer.send_message(&large);
                }
            }
            _ => {}
        }
        peer.answer(line)
    }

    fn delivered(&self, _: &mut (), mail: String, peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        match mail.as_str() {
            "panic" => panic!("on purpose"),
            "bye" => Step::Close(CloseReason::Finished),
            "pause" => Step::Pause,
            mail => peer.answer(mail.as_bytes()),
        }
    }

    fn closed(&self, (): (), reason: CloseReason) {
        let _ = self.closes.send(reason);
    }
}
