//! The store as a protocol: octets in, octets and a step out.
//!
//! ```text
//!             requests ─▶ Turn ─▶ replies                        all of them here: Continue
//!   received                └──▶ Batch ──▶ core of the shard     some elsewhere: Pause
//!   delivered   Answers ◀──────────────────────┘ mail            the last of them: replies, Continue
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use corelay::CloseReason;
use corelay::protocol::{Input, Peer, Protocol, Step, Terms};

use crate::assembly::{Answers, Assembly};
use crate::request::{self, Arguments, Malformed, Parsed, Progress};
use crate::settings::{REPLIES_MAX, Reach};
use crate::store::Store;
use crate::turn::{Flow, Seat, Turn};

/// A key-value server's part in its connections.
pub(crate) struct KeyValue {
    store: Arc<Store>,
    reach: Reach,
}

/// What a connection keeps between its turns.
#[derive(Default)]
pub(crate) struct Conversation {
    progress: Progress,
    pending: Option<Pending>,
}

/// A turn that waits for other cores.
struct Pending {
    assembly: Box<Assembly>,
    /// Closes the connection behind it.
    end: Option<CloseReason>,
}

impl KeyValue {
    pub(crate) fn new(store: Arc<Store>, reach: Reach) -> Self {
        Self { store, reach }
    }

    /// The terms on which it serves.
    pub(crate) fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        // Requests that are too long are refused here, with a word.
        terms.max_input_bytes += self.store.limits.request_bytes_max;
        terms.max_unsent_bytes = REPLIES_MAX;
        // Each shard answers a connection once at a time.
        terms.max_mail = terms.max_mail.max(self.store.shards());
        terms
    }

    fn seat(&self, peer: &Peer<'_, Self>) -> Seat {
        let owners = if self.reach == Reach::Relayed { peer.cores().max(1) } else { 1 };
        Seat { core: peer.core(), owners }
    }

    /// Takes the requests from the front of the input, as many as one turn has room for. How much they were, and whether the
    /// connection ends.
    #[inline]
    fn take(
        &self,
        input: &[u8],
        progress: &mut Progress,
        turn: &mut Turn<'_>,
    ) -> (usize, Option<CloseReason>) {
        let (mut at, mut arguments) = (0, Arguments::default());
        let limits = &self.store.limits;
        while let Some(rest) = input.get(at..).filter(|rest| !rest.is_empty())
            && turn.has_room()
        {
            let flow = match request::parse(rest, progress, &limits.request, &mut arguments) {
                Parsed::Array(length) => {
                    at += length;
                    turn.request(arguments.as_slice())
                }
                Parsed::Line(length) => {
                    at += length;
                    turn.line(&rest[..length])
                }
                Parsed::Partial if rest.len() <= limits.request_bytes_max => break,
                Parsed::Partial => turn.malformed(Malformed::Size),
                Parsed::Malformed(why) => turn.malformed(why),
            };
            if let Flow::Close(reason) = flow {
                return (input.len(), Some(reason));
            }
        }
        (at, None)
    }

    /// Sends each batch to the core of its shard.
    fn relay(
        &self,
        mut assembly: Box<Assembly>,
        end: Option<CloseReason>,
        peer: &mut Peer<'_, Self>,
    ) -> Pending {
        for batch in assembly.batches() {
            let home = peer.remote();
            peer.post(batch.shard, move |server| {
                // A connection that is gone wants no answer, and its letterbox has room for each shard's.
                let _ = home.send(batch.answer(&server.store));
            });
        }
        Pending { assembly, end }
    }
}

impl Protocol for KeyValue {
    type State = Conversation;
    type Mail = Answers;

    fn opened(&self, _: &mut Peer<'_, Self>) -> Result<Conversation, CloseReason> {
        self.store.seen.connections.fetch_add(1, Relaxed);
        Ok(Conversation::default())
    }

    fn received(&self, state: &mut Conversation, input: &mut Input<'_>, peer: &mut Peer<'_, Self>) -> Step {
        let mut turn = Turn::new(&self.store, self.seat(peer), peer.out());
        let (taken, end) = self.take(input.bytes(), &mut state.progress, &mut turn);
        input.consume(taken);
        let (commands, assembly) = turn.end();
        peer.count_messages(commands);
        if let Some(assembly) = assembly {
            state.pending = Some(self.relay(assembly, end, peer));
            return Step::Pause;
        }
        end.map_or(Step::Continue, Step::Close)
    }

    fn delivered(&self, state: &mut Conversation, answers: Answers, peer: &mut Peer<'_, Self>) -> Step {
        let Some(mut pending) = state.pending.take() else { return Step::Continue };
        if !pending.assembly.take(answers) {
            state.pending = Some(pending);
            return Step::Pause;
        }
        pending.assembly.write_to(peer.out(), &self.store);
        pending.end.map_or(Step::Continue, Step::Close)
    }

    fn ended(&self, state: &mut Conversation, _: &mut Peer<'_, Self>) -> Step {
        let reason = CloseReason::PeerClosed;
        match &mut state.pending {
            Some(pending) => {
                pending.end.get_or_insert(reason);
                Step::Pause
            }
            None => Step::Close(reason),
        }
    }

    fn closed(&self, _: Conversation, _: CloseReason) {
        self.store.seen.closed.fetch_add(1, Relaxed);
    }

    fn no_room(&self) -> &[u8] {
        b"-ERR max number of clients reached\r\n"
    }
}
