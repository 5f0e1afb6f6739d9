//! One turn of a connection: its requests, one after another, and their replies in that order.
//!
//! A request for a shard of this core is executed at once. One for another core's goes into that core's [`Batch`], and from
//! then on the turn's replies are put together when all batches have been answered ([`Assembly`]). A request for several
//! keys is a request for each, whose replies become one.

use corelay::CloseReason;

use crate::about;
use crate::assembly::Assembly;
use crate::clock::Moment;
use crate::command::{Command, Described, Keys};
use crate::execute::{NOT_AN_INTEGER, SYNTAX};
use crate::line;
use crate::reply::{self, Fold};
use crate::request::{self, Arguments, Malformed, Parsed, Progress};
use crate::settings::{RELAYED_MAX, REPLIES_MAX};
use crate::store::{Held, Store};

/// How many arguments an error shows, in octets, as in redis.
const SHOWN_BYTES_MAX: usize = 128;

/// Where a turn is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) core: usize,
    /// Cores that the shards are divided among; with one, every shard is served wherever it is needed.
    pub(crate) owners: usize,
}

impl Seat {
    #[inline]
    fn has(self, shard: usize) -> bool {
        self.owners == 1 || shard % self.owners == self.core
    }
}

/// Whether there is a next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    /// The connection ends when this was answered.
    Close(CloseReason),
}

/// What a turn works with.
pub(crate) struct Turn<'a> {
    store: &'a Store,
    seat: Seat,
    held: Held<'a>,
    moment: Moment,
    out: &'a mut Vec<u8>,
    /// Since the first request that another core has to answer.
    assembly: Option<Box<Assembly>>,
    commands: usize,
}

impl<'a> Turn<'a> {
    /// A turn whose replies go to `out`.
    pub(crate) fn new(store: &'a Store, seat: Seat, out: &'a mut Vec<u8>) -> Self {
        let (held, moment) = (store.hold(), store.clock.moment());
        Self { store, seat, held, moment, out, assembly: None, commands: 0 }
    }

    /// Whether another request may be taken before what was answered is sent, or heard from other cores.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        match &self.assembly {
            None => self.out.len() < REPLIES_MAX,
            Some(assembly) => {
                self.out.len() + assembly.bytes() < REPLIES_MAX && assembly.relayed() < RELAYED_MAX
            }
        }
    }

    /// Lets the shard go. How many commands there were, and what others have to answer, if there is any.
    #[inline]
    pub(crate) fn end(self) -> (u64, Option<Box<Assembly>>) {
        self.store.seen.count_commands(self.seat.core, self.commands);
        (self.commands as u64, self.assembly)
    }

    /// Answers a request, or notes who has to.
    #[inline]
    pub(crate) fn request(&mut self, arguments: &[&[u8]]) -> Flow {
        let Some(name) = arguments.first() else { return Flow::Continue };
        self.commands += 1;
        let Some(described) = Described::named(name) else { return self.unknown(name, &arguments[1..]) };
        if !described.takes(arguments.len()) {
            self.refuse(format!("ERR wrong number of arguments for '{}' command", described.name).as_bytes());
            return Flow::Continue;
        }
        match (described.keys, arguments) {
            (Keys::First, [_, key, ..]) => {
                let (hash, shard) = self.store.locate(key);
                self.part(described, arguments, hash, shard);
            }
            (Keys::None, _) => return self.own(described.command, &arguments[1..]),
            _ => self.several(described, arguments),
        }
        Flow::Continue
    }

    /// A request in the form of a line.
    #[inline(never)]
    pub(crate) fn line(&mut self, line: &[u8]) -> Flow {
        let Ok(array) = line::as_array(line) else { return self.malformed(Malformed::Quotes) };
        let (limits, mut arguments) = (&self.store.limits.request, Arguments::default());
        match request::parse(&array, &mut Progress::default(), limits, &mut arguments) {
            Parsed::Array(_) => self.request(arguments.as_slice()),
            Parsed::Malformed(why) => self.malformed(why),
            // A line's array is whole.
            Parsed::Partial | Parsed::Line(_) => Flow::Continue,
        }
    }

    /// What cannot be read, and what is behind it neither.
    #[cold]
    pub(crate) fn malformed(&mut self, why: Malformed) -> Flow {
        self.refuse(format!("ERR {}", why.text()).as_bytes());
        Flow::Close(if why == Malformed::Size { CloseReason::TooLarge } else { CloseReason::Malformed })
    }

    /// Replies with an error.
    #[cold]
    pub(crate) fn refuse(&mut self, text: &[u8]) {
        self.reply(|out, _| reply::error(out, text));
    }

    /// A request that one shard answers.
    #[inline]
    fn part(&mut self, described: &Described, arguments: &[&[u8]], hash: u64, shard: usize) {
        if !self.seat.has(shard) {
            return self.assembly.get_or_insert_default().relay(shard, arguments);
        }
        let out = self.assembly.as_mut().map_or(&mut *self.out, |assembly| assembly.here());
        self.held.execute(shard, described, &arguments[1..], hash, &self.moment, out);
    }

    /// A request for several keys, or for all.
    #[inline(never)]
    fn several(&mut self, described: &'static Described, arguments: &[&[u8]]) {
        let (fold, start) = match described.keys {
            Keys::Each { fold, arguments: width, .. } => {
                let count = (arguments.len() - 1) / width;
                let start = self.begin(|turn| {
                    let mut keys = arguments[1..].chunks(width).filter_map(<[_]>::first);
                    keys.any(|key| !turn.seat.has(turn.store.locate(key).1))
                });
                if fold == Fold::Array {
                    self.reply(|out, _| reply::array(out, count));
                }
                (fold, start)
            }
            Keys::Everywhere(fold) => (fold, self.begin(|_| true)),
            Keys::None | Keys::First => return,
        };
        self.parts(described, arguments);
        self.finish(fold, start);
    }

    /// Begins a request of several parts, with an assembly if one of them is not for this core.
    fn begin(&mut self, needs_others: impl FnOnce(&Self) -> bool) -> usize {
        if self.assembly.is_none() && self.seat.owners > 1 && needs_others(self) {
            self.assembly = Some(Box::default());
        }
        match &mut self.assembly {
            Some(assembly) => assembly.begin(),
            None => self.out.len(),
        }
    }

    fn parts(&mut self, described: &'static Described, arguments: &[&[u8]]) {
        let Keys::Each { part, arguments: width, .. } = described.keys else {
            (0..self.store.shards()).for_each(|shard| self.part(described, arguments, 0, shard));
            return;
        };
        let part = part.described();
        let mut words = [part.name.as_bytes(); 3];
        for given in arguments[1..].chunks_exact(width) {
            words[1..=width].copy_from_slice(given);
            let (hash, shard) = self.store.locate(given[0]);
            self.part(part, &words[..=width], hash, shard);
        }
    }

    fn finish(&mut self, fold: Fold, start: usize) {
        match &mut self.assembly {
            Some(assembly) => assembly.finish(fold),
            None => about::fold(self.out, start, fold, self.store),
        }
    }

    /// A command about the connection or the server.
    #[inline(never)]
    fn own(&mut self, command: Command, arguments: &[&[u8]]) -> Flow {
        match (command, arguments) {
            (Command::Ping, []) => self.reply(|out, _| out.extend_from_slice(b"+PONG\r\n")),
            (Command::Ping | Command::Echo, [text]) => self.reply(|out, _| reply::bulk(out, text)),
            (Command::Ping, _) => self.refuse(b"ERR wrong number of arguments for 'ping' command"),
            (Command::Select, [b"0"]) => self.reply(|out, _| out.extend_from_slice(reply::OK)),
            (Command::Select, [database]) => {
                self.refuse(match request::integer(database).map(i32::try_from) {
                    Some(Ok(_)) => b"ERR DB index is out of range",
                    Some(Err(_)) => {
                        b"ERR value is out of range, value must between -2147483648 and 2147483647"
                    }
                    None => NOT_AN_INTEGER,
                });
            }
            (Command::Config, _) => self.reply(|out, store| about::config(out, arguments, store)),
            (Command::Commands, _) => self.reply(|out, _| about::commands(out, arguments)),
            (Command::Quit, _) => {
                self.reply(|out, _| out.extend_from_slice(reply::OK));
                return Flow::Close(CloseReason::PeerClosed);
            }
            _ => self.refuse(SYNTAX),
        }
        Flow::Continue
    }

    /// As redis says it. Browsers that were made to send a request here by some page are not talked to.
    #[cold]
    fn unknown(&mut self, name: &[u8], arguments: &[&[u8]]) -> Flow {
        if name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:") {
            return Flow::Close(CloseReason::Malformed);
        }
        let mut shown = Vec::new();
        for argument in arguments {
            if shown.len() >= SHOWN_BYTES_MAX {
                break;
            }
            let length = argument.len().min(SHOWN_BYTES_MAX - shown.len());
            shown.extend_from_slice(&[b"'", &argument[..length], b"' "].concat());
        }
        let name = &name[..name.len().min(SHOWN_BYTES_MAX)];
        let text = [b"ERR unknown command '", name, b"', with args beginning with: ", &shown].concat();
        self.refuse(&text);
        Flow::Continue
    }

    /// A reply of this core's, at its place.
    fn reply(&mut self, write: impl FnOnce(&mut Vec<u8>, &Store)) {
        write(self.assembly.as_mut().map_or(&mut *self.out, |assembly| assembly.here()), self.store);
    }
}

#[cfg(test)]
#[path = "turn/tests.rs"]
mod tests;
