//! Connections that move to another process: what can, and what they are there.
//!
//! A connection moves between two messages: when no request of it is in a handler, none of its bodies is half read and no answer
//! is still being made. What is left then are bytes, a time, and what comes next:
//!
//! | kind | what goes along |
//! |---|---|
//! | `idle` | nothing |
//! | `again` | input with requests that wait for their turn |
//! | `introduction` | input that is part of a PROXY protocol header, and from where its proxy connects |
//! | `head` | input that is part of a head: the other process parses it from its start |
//! | `close` | why it closes once its output is taken |
//! | `linger` | why it closes, and until when its input is still read |
//!
//! A connection of a [protocol](crate::protocol) is `idle`, or has part of a message as `head`, or whole ones as `again`; what its
//! protocol packs goes along, and it moves only to a process that names the same form of that.
//!
//! Each of them may have output that the peer has not taken. Anything else finishes where it is, and the connection follows.
//! A process takes what it [says](Kinds) that it takes, so that releases can differ.

use super::uptake::{MovedUptake, Uptake};
use super::{CloseReason, Connection, Doing, Moves, Packed, Tail, Unfinished};
use crate::clock::Moment;
use crate::shared::Shared;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Bytes of output that move with their connection; with more the connection stays until the peer has taken some.
pub(crate) const MOVED_OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// A set of what can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u32);

impl Kinds {
    const NAMES: [&str; 7] = ["idle", "again", "head", "close", "linger", "output", "introduction"];
    const IDLE: Self = Self(1);
    const AGAIN: Self = Self(2);
    const HEAD: Self = Self(4);
    const CLOSE: Self = Self(8);
    const LINGER: Self = Self(16);
    const OUTPUT: Self = Self(32);
    const INTRODUCTION: Self = Self(64);
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self((1 << Self::NAMES.len()) - 1);

    /// Their names; what another process calls otherwise is not in the set.
    pub(crate) fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let bit = |name| Self::NAMES.iter().position(|known| *known == name).map_or(0, |index| 1 << index);
        Self(names.into_iter().map(bit).fold(0, |set, bit| set | bit))
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        (0..Self::NAMES.len()).filter(move |index| self.0 & (1 << index) != 0).map(|index| Self::NAMES[index])
    }

    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Whether connections that wait for a request can move at all.
    pub(crate) fn takes_idle(self) -> bool {
        self.contains(Self::IDLE)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A connection as another process can go on with it; its socket and its bytes go beside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    peer: Option<SocketAddr>,
    /// What is left of its deadline, in milliseconds.
    due_ms: u64,
    then: Then,
    pub(crate) input_bytes: usize,
    pub(crate) output_bytes: usize,
    /// Of a protocol's connection: so many bytes of what it packed go beside, after the others.
    #[serde(default)]
    pub(crate) packed_bytes: Option<usize>,
    /// What is left of the deadline that its protocol has set.
    #[serde(default)]
    own_due_ms: Option<u64>,
    /// Of output that waits: what its peer has not acknowledged of what was sent.
    #[serde(default)]
    unacknowledged: u64,
    /// For how long its peer has acknowledged nothing.
    #[serde(default)]
    silent_ms: u64,
    /// What its peer has earned by acknowledging; a process that does not say gives it all there can be.
    #[serde(default)]
    credit_ms: Option<u64>,
}

/// What a connection goes on with once its output is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Then {
    Idle,
    Again,
    Introduction { from: Option<SocketAddr> },
    Head,
    Close { reason: String, linger: bool },
    Linger { reason: String, until_ms: u64 },
}

impl Connection {
    /// Whether a process that takes `kinds` can go on with it now.
    pub(crate) fn is_movable(&self, kinds: Kinds) -> bool {
        let session = match &self.session {
            None => Moves::Idle,
            Some(session) => match session.moves_as() {
                Some(moves) => moves,
                None => return false,
            },
        };
        let Some(unfinished) = &self.unfinished else { return kinds.contains(Kinds::IDLE) };
        let kind = match unfinished.doing {
            // The protocol of a connection hears of its end in this process.
            Doing::Close { .. } | Doing::Linger { .. } if self.session.is_some() => return false,
            Doing::Idle => match session {
                Moves::Idle => Kinds::IDLE,
                Moves::Part => Kinds::HEAD,
                Moves::Full => Kinds::AGAIN,
            },
            Doing::Again => Kinds::AGAIN,
            Doing::Introduction { .. } => Kinds::INTRODUCTION,
            Doing::Head => Kinds::HEAD,
            Doing::Close { .. } => Kinds::CLOSE,
            Doing::Linger { .. } => Kinds::LINGER,
            Doing::Gather(_) | Doing::Discard(_) | Doing::Service(_) => return false,
        };
        if !unfinished.has_output() {
            return kinds.contains(kind);
        }
        !matches!(unfinished.tail, Tail::Chunks(_))
            && unfinished.output_bytes() <= MOVED_OUTPUT_BYTES_MAX
            && kinds.contains(kind.and(Kinds::OUTPUT))
    }

    /// What it is in another process, beside what its protocol has `packed`. It must be movable.
    pub(crate) fn state(&self, packed: &[u8], now: Moment, server: &Shared) -> State {
        let left_ms =
            |tick| u64::try_from(server.epoch.until(tick, now.instant).as_millis()).unwrap_or(u64::MAX);
        let named = |reason: &CloseReason| reason.name().to_owned();
        let unfinished = self.unfinished.as_deref();
        let session = self.session.as_deref();
        let (due, own_due) = session.map_or((self.deadline, None), |session| session.deadlines());
        let waiting = unfinished.filter(|unfinished| unfinished.has_output());
        let uptake = waiting.map(|unfinished| unfinished.uptake.leaves(now.tick)).unwrap_or_default();
        State {
            peer: self.peer,
            due_ms: left_ms(due),
            packed_bytes: session.map(|_| packed.len()),
            own_due_ms: own_due.map(left_ms),
            then: match unfinished.map(|unfinished| &unfinished.doing) {
                Some(Doing::Again) => Then::Again,
                Some(Doing::Introduction { from }) => Then::Introduction { from: *from },
                Some(Doing::Head) => Then::Head,
                Some(Doing::Close { reason, linger }) => {
                    Then::Close { reason: named(reason), linger: *linger }
                }
                Some(Doing::Linger { reason, until }) => {
                    Then::Linger { reason: named(reason), until_ms: left_ms(*until) }
                }
                _ => match session.and_then(|session| session.moves_as()) {
                    Some(Moves::Part) => Then::Head,
                    Some(Moves::Full) => Then::Again,
                    Some(Moves::Idle) | None => Then::Idle,
                },
            },
            input_bytes: self.input().len(),
            output_bytes: unfinished.map_or(0, Unfinished::output_bytes),
            unacknowledged: uptake.owed,
            silent_ms: uptake.silent_ms,
            credit_ms: uptake.credit_ms,
        }
    }

    /// What it has received and not consumed.
    pub(crate) fn input(&self) -> &[u8] {
        self.unfinished.as_ref().map_or(&[], |unfinished| &unfinished.input)
    }

    /// What its peer is still to get, in two pieces.
    pub(crate) fn output(&self) -> [&[u8]; 2] {
        self.unfinished.as_ref().map_or([&[], &[]], |unfinished| {
            let tail: &[u8] = if let Tail::Bytes(bytes) = &unfinished.tail { bytes } else { &[] };
            [&unfinished.output[unfinished.sent..], tail]
        })
    }

    /// The connection with this state in another process, here.
    pub(crate) fn moved(
        socket: OwnedFd,
        state: State,
        (input, output, packed): (&[u8], &[u8], &[u8]),
        now: Moment,
        server: &Shared,
    ) -> Self {
        // At most a tick later than it was there.
        let due = |ms| server.epoch.moment(now.instant + Duration::from_millis(ms)).tick.after(1);
        let reason = |name: &str| CloseReason::named(name).unwrap_or(CloseReason::Internal);
        let doing = match &state.then {
            Then::Idle => Doing::Idle,
            Then::Again => Doing::Again,
            Then::Introduction { from } => Doing::Introduction { from: *from },
            Then::Head => Doing::Head,
            Then::Close { reason: name, linger } => Doing::Close { reason: reason(name), linger: *linger },
            Then::Linger { reason: name, until_ms } => {
                Doing::Linger { reason: reason(name), until: due(*until_ms) }
            }
        };
        let packed = state
            .packed_bytes
            .map(|_| Box::new(Packed { bytes: packed.to_vec(), own_due: state.own_due_ms.map(due) }));
        let State { unacknowledged: owed, silent_ms, credit_ms, .. } = state;
        let uptake = MovedUptake { owed, silent_ms, credit_ms };
        let is_bare = packed.is_none() && input.is_empty() && output.is_empty();
        let is_idle = is_bare && matches!(doing, Doing::Idle);
        let unfinished = (!is_idle).then(|| {
            let mut unfinished = Unfinished {
                input: input.to_vec(),
                uptake: Uptake::arrived(uptake, now.tick, server.ticks.write),
                doing,
                ..Unfinished::default()
            };
            match output {
                [] => {}
                // A protocol's next output is appended.
                output if packed.is_some() => unfinished.output = output.to_vec(),
                // As large as it may be, it is sent from where it is.
                output => unfinished.tail = Tail::Bytes(Bytes::copy_from_slice(output)),
            }
            unfinished.packed = packed;
            Box::new(unfinished.held_anyway(server))
        });
        let (peer, deadline) = (state.peer, due(state.due_ms));
        Self { unfinished, ..Self::new(socket, peer, deadline) }
    }
}

impl Unfinished {
    fn output_bytes(&self) -> usize {
        let tail = if let Tail::Bytes(bytes) = &self.tail { bytes.len() } else { 0 };
        self.output.len() - self.sent + tail
    }
}
