//! Requests on one connection, from due to ended.
//!
//! Each way a request can end leads to [`Driver::finish`] or [`Driver::fail`], and each of these to [`Driver::advance`]:
//! the next request begins at the moment one makes room for it, or when it is due. All that begin at one moment leave in one `send`.

use super::Driver;
use super::connection::Connection;
use crate::link::Link;
use crate::reader::Reader;
use crate::response::{Answer, BadFraming};
use crate::{ErrorKind, source};
use corelay_poll::{Event, Token};
use std::time::{Duration, Instant};

/// How long a connection that could not be opened rests: a closed loop against nobody must not spin.
const REST: Duration = Duration::from_millis(100);

/// Bytes of garbage that are shown.
const GARBAGE_BYTES: usize = 60;

impl Driver<'_> {
    /// Begins the connection's next requests, as many as there is room for and are due.
    pub(super) fn advance(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        let begun = self.groups[connection.group].begin(connection, self.now, &self.window);
        if begun == 0 {
            return;
        }
        self.busy += begun;
        match &connection.link {
            None => self.open(slot),
            Some(link) if link.is_open() => self.send(slot, begun),
            // They are sent when the connection has opened.
            Some(_) => {}
        }
    }

    /// Begins to connect, if there is no socket and the connection is not at rest.
    pub(super) fn open(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        if connection.link.is_some() || connection.free_since > self.now {
            return;
        }
        connection.generation = connection.generation.wrapping_add(1);
        let token = Token::new(slot as u32, connection.generation);
        let source = source::of_connection(&self.plan.sources, slot as u64);
        match Link::open(self.plan.address, source, token, &self.poller) {
            Ok(link) => connection.link = Some(link),
            Err(_) => self.fail(slot, ErrorKind::Connect),
        }
    }

    /// Does what an event makes possible.
    pub(super) fn ready(&mut self, event: Event) {
        let slot = event.token().slot() as usize;
        let Some(connection) = self.connections.get_mut(slot) else { return };
        // An event of a socket that an earlier event of the batch has closed is nobody's.
        let Some(link) = connection.link.as_mut().filter(|link| link.token() == event.token()) else {
            return;
        };
        if !link.is_open() {
            self.finish_opening(slot);
        } else if event.is_writable() && link.send_on(&self.poller).is_err() {
            self.fail(slot, ErrorKind::Reset);
        } else if event.is_readable() {
            self.receive(slot);
        }
    }

    fn finish_opening(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        let Some(link) = &mut connection.link else { return };
        let waiting = connection.flight.len();
        match link.finish_opening(&self.poller) {
            Err(_) => self.fail(slot, ErrorKind::Connect),
            Ok(()) if waiting > 0 => self.send(slot, waiting),
            Ok(()) => self.advance(slot),
        }
    }

    /// Sends the last `count` requests that have begun.
    fn send(&mut self, slot: usize, count: usize) {
        let Self { connections, groups, output, poller, .. } = self;
        let Connection { link: Some(link), flight, group, .. } = &mut connections[slot] else { return };
        let prepared = &groups[*group].prepared;
        let begun = flight.range(flight.len() - count..);
        let sent = match (count, flight.back()) {
            (1, Some(request)) => link.send(prepared[request.drawn].bytes(request), poller),
            _ => {
                output.clear();
                begun.for_each(|request| output.extend_from_slice(prepared[request.drawn].bytes(request)));
                link.send(output, poller)
            }
        };
        if sent.is_err() {
            self.fail(slot, ErrorKind::Reset);
        }
    }

    fn receive(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        let Some(link) = &mut connection.link else { return };
        let received = link.receive(&mut self.buffer);
        self.now = Instant::now();
        match received {
            Ok(None) => {}
            Ok(Some(0)) => match connection.reader.end() {
                Some(answer) => drop(self.finish(slot, answer)),
                None => self.fail(slot, ErrorKind::Reset),
            },
            Ok(Some(count)) => self.take_answers(slot, count),
            Err(_) => self.fail(slot, ErrorKind::Reset),
        }
    }

    /// Reads what was received, which may be the end of one answer and some others.
    fn take_answers(&mut self, slot: usize, count: usize) {
        let group = self.connections[slot].group;
        if self.window.contains(self.now) {
            self.groups[group].received_bytes += count as u64;
        }
        let mut taken = 0;
        while taken < count {
            let connection = &mut self.connections[slot];
            let asked = connection.flight.front();
            let fed = match asked.map(|request| self.groups[group].prepared[request.drawn].asked) {
                Some(asked) => connection.reader.feed(&self.buffer[taken..count], asked),
                // Bytes that no request asked for.
                None => Err(BadFraming),
            };
            match fed {
                Ok((_, None)) => break,
                // One byte behind the last answer spoils that too: who knows which of them was the answer.
                Ok((consumed, Some(answer))) if taken + consumed == count || connection.flight.len() > 1 => {
                    taken += consumed;
                    if !self.finish(slot, answer) {
                        return;
                    }
                }
                Ok((_, Some(_))) | Err(BadFraming) => {
                    self.note_garbage(taken, count);
                    return self.fail(slot, ErrorKind::BadFraming);
                }
            }
        }
        self.advance(slot);
    }

    /// A request has its answer; whether its connection goes on.
    fn finish(&mut self, slot: usize, answer: Answer) -> bool {
        let now = self.now;
        let connection = &mut self.connections[slot];
        let running = &mut self.groups[connection.group];
        let was_full = connection.flight.len() >= running.group.pipeline as usize;
        let Some(request) = connection.flight.pop_front() else { return true };
        if was_full {
            connection.free_since = now;
        }
        self.busy -= 1;
        self.failing.answered();
        if now >= self.window.begin {
            let tally = &mut running.tallies[request.drawn];
            if answer.is_success() {
                tally.answered(request.due, now, answer, &self.window);
                connection.answers.count(now, &self.window);
            } else {
                tally.refused(answer);
            }
        }
        let goes_on = answer.keeps_alive && !request.closes;
        if !goes_on {
            // What was sent after a last request had its answer from nobody.
            self.fail(slot, ErrorKind::Reset);
        }
        goes_on
    }

    /// The connection is of no more use, and its requests, if it has any, failed.
    pub(super) fn fail(&mut self, slot: usize, kind: ErrorKind) {
        let now = self.now;
        self.close(slot);
        let connection = &mut self.connections[slot];
        connection.free_since = if kind == ErrorKind::Connect { now + REST } else { now };
        let running = &mut self.groups[connection.group];
        self.busy -= connection.flight.len();
        let is_counted = now >= self.window.begin;
        if connection.flight.is_empty() && kind == ErrorKind::BadFraming && is_counted {
            // An idle connection may end; it may not speak.
            running.tallies[connection.last_drawn].failed(now, now, kind);
        }
        let mut kind = kind;
        for request in connection.flight.drain(..) {
            self.failing.failed(now, kind);
            if is_counted {
                running.tallies[request.drawn].failed(request.due, now, kind);
            }
            // Those behind garbage had none themselves: their connection ended.
            kind = if kind == ErrorKind::BadFraming { ErrorKind::Reset } else { kind };
        }
        self.advance(slot);
    }

    fn close(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        let running = &self.groups[connection.group];
        connection.reader = Reader::new(running.group.protocol);
        connection.requests_left = running.requests_per_connection();
        if let Some(link) = connection.link.take() {
            // The socket closes either way, and has no duplicate that the poller could go on reporting.
            let _ = link.close(&self.poller);
        }
    }

    fn note_garbage(&mut self, begin: usize, end: usize) {
        if self.first_garbage.is_none() {
            let shown = &self.buffer[begin..end.min(begin + GARBAGE_BYTES)];
            self.first_garbage = Some(shown.escape_ascii().to_string());
        }
    }
}
