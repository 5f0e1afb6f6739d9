//! A chat: the server speaks first, every line goes to everybody, and whoever reads too slowly is dropped, by name.
//!
//! ```text
//! cargo run --release --example chat -- 127.0.0.1:7008 cores
//! nc 127.0.0.1 7008
//! ```
//!
//! The first line of a peer is its name. From then on what others say comes as mail: one allocation a line, however many hear
//! it. A peer whose box is full keeps nobody waiting: it is taken out of the room, its connection is closed, and the others are
//! told that it was too slow. Try it: `(echo sloth; sleep 1000) | nc 127.0.0.1 7008 | sleep 1000`, and say a lot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use corelay::config::Engine;
use corelay::protocol::{Framed, FramedPeer, Lines, Messages, Remote, SendError, Step, Terms};
use corelay::{CloseReason, Config, Server};

const LINE_BYTES_MAX: usize = 4096;
const NAME_BYTES_MAX: usize = 32;
/// Lines that may wait for a peer before it is dropped, beside what its sockets hold.
const MAIL_MAX: usize = 256;

/// What goes to everybody.
type Line = Arc<str>;

/// Who is here, by name.
#[derive(Default)]
struct Room(Mutex<BTreeMap<String, Remote<Line>>>);

impl Room {
    fn members(&self) -> MutexGuard<'_, BTreeMap<String, Remote<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a peer in under this name, and tells everybody. `false`: somebody is called so already.
    fn enter(&self, name: &str, remote: Remote<Line>) -> bool {
        let mut members = self.members();
        if members.contains_key(name) {
            return false;
        }
        members.insert(name.to_owned(), remote);
        tell(&mut members, format!("* {name} is here").into());
        true
    }

    fn say(&self, name: &str, text: &str) {
        tell(&mut self.members(), format!("{name}: {text}").into());
    }

    /// `why` it goes, unless it was dropped and everybody knows.
    fn leave(&self, name: &str, why: &str) {
        let mut members = self.members();
        if members.remove(name).is_some() {
            tell(&mut members, format!("* {name} {why}").into());
        }
    }

    fn names(&self) -> String {
        self.members().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// Sends a line to everybody. The room is locked meanwhile, so all hear all lines in the same order; sending never waits.
/// Who has no room for it is dropped, and the others hear of that, which in turn may be too much for one of them.
fn tell(members: &mut BTreeMap<String, Remote<Line>>, line: Line) {
    let mut lines = vec![line];
    while let Some(line) = lines.pop() {
        members.retain(|name, remote| match remote.send(line.clone()) {
            // One that is gone is about to leave the room by itself.
            Ok(()) | Err(SendError::Gone(_)) => true,
            Err(SendError::Full(_)) => {
                remote.close(CloseReason::TooSlow);
                lines.push(format!("* {name} was too slow").into());
                false
            }
        });
    }
}

struct Chat {
    lines: Lines,
    room: Room,
}

/// A peer's name, once it has said it.
type Name = Option<String>;

impl Chat {
    fn introduce(&self, name: &mut Name, said: &str, peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        let said = said.trim();
        if said.is_empty() || said.len() > NAME_BYTES_MAX || said.contains(char::is_whitespace) {
            return peer.answer(b"* a name is one word of at most 32 bytes. And yours?");
        }
        if !self.room.enter(said, peer.remote()) {
            return peer.answer(b"* somebody is called so already. And you?");
        }
        *name = Some(said.to_owned());
        Step::Continue
    }
}

impl Messages for Chat {
    type Codec = Lines;
    type State = Name;
    type Mail = Line;

    fn codec(&self) -> &Lines {
        &self.lines
    }

    fn opened(&self, peer: &mut FramedPeer<'_, '_, Self>) -> Result<Name, CloseReason> {
        let _ = peer.send_message(b"* welcome. What is your name?");
        Ok(None)
    }

    fn message(&self, name: &mut Name, line: &[u8], peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        let said = String::from_utf8_lossy(line);
        let Some(own) = name else { return self.introduce(name, &said, peer) };
        match &*said {
            "/who" => peer.answer(self.room.names().as_bytes()),
            "/quit" => {
                let _ = peer.send_message(b"* goodbye");
                Step::Close(CloseReason::Finished)
            }
            text => {
                self.room.say(own, text);
                Step::Continue
            }
        }
    }

    fn delivered(&self, _: &mut Name, line: Line, peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        // With a name before it a line can be longer than what one may say.
        peer.send(line.as_bytes());
        peer.send(b"\n");
        Step::Continue
    }

    fn draining(&self, _: &mut Name, peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        let _ = peer.send_message(b"* the server stops. Goodbye");
        Step::Close(CloseReason::Drain)
    }

    fn closed(&self, name: Name, reason: CloseReason) {
        if let Some(name) = name {
            let why = if reason == CloseReason::WriteTimeout { "was too slow" } else { "is gone" };
            self.room.leave(&name, why);
        }
    }
}

fn main() -> corelay::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:7008".to_owned());
    let mut config = Config::default();
    if let Some(name) = arguments.next() {
        let engines = [Engine::Cores, Engine::Threads, Engine::Pool];
        let named = engines.into_iter().find(|engine| engine.name() == name);
        config.engine = named.unwrap_or_else(|| panic!("{name} is no engine"));
    }
    let mut terms = Terms::default();
    terms.max_mail = MAIL_MAX;
    let server = Server::new(config).listen(address.parse()?)?;
    println!("listening on {}", server.addresses()[0]);
    let chat = Chat { lines: Lines::new(LINE_BYTES_MAX), room: Room::default() };
    server.serve_protocol_with(Framed::new(chat), terms)
}
