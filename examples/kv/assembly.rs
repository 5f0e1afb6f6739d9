//! The replies of a turn that other cores have a part in, put together in the order of the requests.
//!
//! ```text
//!   requests    GET a   MGET b c d           PING        a, c are of this core, b and d of core 1
//!   batches             GET b, GET d ──▶ core 1
//!   order       here    ( here there here there Array )  here
//! ```
//!
//! A connection has one assembly at most: while it waits for others it takes no more requests.

use crate::about;
use crate::command::Described;
use crate::reply::{self, Fold};
use crate::request::{self, Arguments, Parsed, Progress};
use crate::store::Store;

/// Requests for one shard of another core, to be sent there.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) shard: usize,
    /// One behind the other, as RESP frames them.
    pub(crate) requests: Vec<u8>,
    pub(crate) count: usize,
}

/// A shard's replies to a batch.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) shard: usize,
    pub(crate) replies: Vec<u8>,
    /// Where each ends.
    pub(crate) ends: Vec<usize>,
}

/// Where the next octets of the turn's replies come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// From what this core has written, up to that place.
    Here(usize),
    /// The next reply of that shard.
    There(usize),
    /// A request of several parts begins.
    Begin,
    /// It ends, and its replies become one.
    Finish(Fold),
}

/// What is known of a turn's replies so far.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    here: Vec<u8>,
    order: Vec<Piece>,
    batches: Vec<Batch>,
    /// One for each batch, once it has come.
    answers: Vec<Answers>,
    relayed: usize,
    waits_for: usize,
}

impl Assembly {
    /// Where this core's next reply goes.
    pub(crate) fn here(&mut self) -> &mut Vec<u8> {
        self.close_here();
        self.order.push(Piece::Here(usize::MAX));
        &mut self.here
    }

    /// Leaves a request to a shard of another core.
    pub(crate) fn relay(&mut self, shard: usize, arguments: &[&[u8]]) {
        self.close_here();
        self.order.push(Piece::There(shard));
        self.relayed += 1;
        let place = self.batches.iter().position(|batch| batch.shard == shard).unwrap_or_else(|| {
            self.batches.push(Batch { shard, ..Batch::default() });
            self.batches.len() - 1
        });
        let batch = &mut self.batches[place];
        batch.count += 1;
        reply::array(&mut batch.requests, arguments.len());
        arguments.iter().for_each(|argument| reply::bulk(&mut batch.requests, argument));
    }

    /// A request of several parts begins. The place is for who has no assembly.
    pub(crate) fn begin(&mut self) -> usize {
        self.close_here();
        self.order.push(Piece::Begin);
        self.here.len()
    }

    pub(crate) fn finish(&mut self, fold: Fold) {
        self.close_here();
        self.order.push(Piece::Finish(fold));
    }

    /// Octets that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.here.len()
    }

    /// Requests that were left to others.
    pub(crate) fn relayed(&self) -> usize {
        self.relayed
    }

    /// What is to be sent to others.
    pub(crate) fn batches(&mut self) -> Vec<Batch> {
        self.close_here();
        self.waits_for = self.batches.len();
        std::mem::take(&mut self.batches)
    }

    /// Takes a shard's answers. Whether there are all now.
    pub(crate) fn take(&mut self, answers: Answers) -> bool {
        self.answers.push(answers);
        self.waits_for = self.waits_for.saturating_sub(1);
        self.waits_for == 0
    }

    /// Writes all replies in their order.
    pub(crate) fn write_to(self, out: &mut Vec<u8>, store: &Store) {
        let mut next = vec![0; self.answers.len()];
        let (mut written, mut start, mut failed) = (0, out.len(), None);
        for piece in self.order {
            match piece {
                Piece::Here(end) => {
                    out.extend_from_slice(self.here.get(written..end).unwrap_or_default());
                    written = end;
                }
                Piece::There(shard) => {
                    let Some(place) = self.answers.iter().position(|answers| answers.shard == shard) else {
                        continue;
                    };
                    let reply = self.answers[place].reply(next[place]);
                    out.extend_from_slice(reply);
                    failed = failed.or(reply.starts_with(b"-").then_some(reply));
                    next[place] += 1;
                }
                Piece::Begin => (start, failed) = (out.len(), None),
                Piece::Finish(fold) => {
                    about::fold(out, start, fold, store);
                    // Not as an element of an array.
                    if let Some(error) = failed.take() {
                        out.truncate(start);
                        out.extend_from_slice(error);
                    }
                }
            }
        }
    }

    /// Notes how far this core has written.
    fn close_here(&mut self) {
        if let Some(Piece::Here(end)) = self.order.last_mut() {
            *end = self.here.len();
        }
    }
}

impl Batch {
    /// Answers the requests, on the core that owns their shard.
    pub(crate) fn answer(self, store: &Store) -> Answers {
        let mut answers = Answers { shard: self.shard, ..Answers::default() };
        let (mut held, moment) = (store.hold(), store.clock.moment());
        let (mut at, mut arguments) = (0, Arguments::default());
        let limits = &store.limits;
        while let Some(rest) = self.requests.get(at..) {
            let parsed = request::parse(rest, &mut Progress::default(), &limits.request, &mut arguments);
            let (Parsed::Array(length), [name, given @ ..]) = (parsed, arguments.as_slice()) else { break };
            at += length;
            let Some(described) = Described::named(name) else { break };
            let hash = given.first().map_or(0, |key| store.locate(key).0);
            if answers.replies.len() > limits.reply_bytes_max {
                reply::error(&mut answers.replies, b"ERR the replies of one turn are too long");
            } else {
                held.execute(self.shard, described, given, hash, &moment, &mut answers.replies);
            }
            answers.ends.push(answers.replies.len());
        }
        answers
    }
}

impl Answers {
    fn reply(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends.get(before).copied().unwrap_or(0));
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.replies.get(start..end).unwrap_or_default()
    }
}
