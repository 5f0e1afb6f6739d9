//! One request on one connection, from due to ended.
//!
//! Each way a request can end leads to [`Driver::finish`] or [`Driver::fail`], and each of these to [`Driver::advance`]:
//! the next request begins at the moment the last one ends, or when it is due.

use super::Driver;
use super::connection::{Connection, Request};
use crate::ErrorKind;
use crate::link::Link;
use crate::response::{Answer, BadFraming};
use corelay_poll::{Event, Token};
use std::time::{Duration, Instant};

/// How long a connection that could not be opened rests: a closed loop against nobody must not spin.
const REST: Duration = Duration::from_millis(100);

impl Driver<'_> {
    /// Begins the connection's next request, if it is free and one is due.
    pub(super) fn advance(&mut self, slot: usize) {
        let now = self.now;
        let connection = &mut self.connections[slot];
        let running = &mut self.groups[connection.group];
        let due = match &running.schedule {
            _ if !connection.is_free(now) => None,
            None => Some(now).filter(|&now| now < self.window.end),
            Some(schedule) => schedule.due(connection.number, connection.turn).filter(|&due| due <= now),
        };
        let Some(due) = due else { return };
        let path = running.group.mix.draw(&mut connection.random);
        if running.schedule.is_some() && now >= self.window.begin {
            running.lateness.record(now.saturating_duration_since(due.max(connection.free_since)));
        }
        connection.current = Some(Request { path, due, begun: now });
        connection.last_path = path;
        connection.turn += 1;
        self.busy += 1;
        match &connection.link {
            None => self.open(slot),
            Some(link) if link.is_open() => self.send(slot),
            // It is sent when the connection has opened.
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
        match Link::open(self.plan.address, token, &self.poller) {
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
        } else if event.is_readable() {
            self.receive(slot);
        } else if event.is_writable() {
            self.send_on(slot);
        }
    }

    fn finish_opening(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        let Some(link) = &mut connection.link else { return };
        match link.finish_opening(&self.poller) {
            Err(_) => self.fail(slot, ErrorKind::Connect),
            Ok(()) if connection.current.is_some() => self.send(slot),
            Ok(()) => self.advance(slot),
        }
    }

    fn send(&mut self, slot: usize) {
        let Connection { link: Some(link), current: Some(request), group, .. } = &mut self.connections[slot]
        else {
            return;
        };
        if link.send(&self.groups[*group].requests[request.path], &self.poller).is_err() {
            self.fail(slot, ErrorKind::Reset);
        }
    }

    fn send_on(&mut self, slot: usize) {
        let Connection { link: Some(link), current: Some(request), group, .. } = &mut self.connections[slot]
        else {
            return;
        };
        if link.send_on(&self.groups[*group].requests[request.path], &self.poller).is_err() {
            self.fail(slot, ErrorKind::Reset);
        }
    }

    fn receive(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        let Some(link) = &mut connection.link else { return };
        let received = link.receive(&mut self.buffer);
        self.now = Instant::now();
        let answer = match received {
            Ok(None) => return,
            Ok(Some(0)) => connection.reader.end().ok_or(ErrorKind::Reset).map(Some),
            Ok(Some(count)) => match connection.reader.feed(&self.buffer[..count]) {
                // Bytes that no request asked for.
                Ok(_) if connection.current.is_none() => Err(ErrorKind::BadFraming),
                Ok(answer) => Ok(answer),
                Err(BadFraming) => Err(ErrorKind::BadFraming),
            },
            Err(_) => Err(ErrorKind::Reset),
        };
        match answer {
            Ok(None) => {}
            Ok(Some(answer)) => self.finish(slot, answer),
            Err(kind) => self.fail(slot, kind),
        }
    }

    /// The request has its answer.
    fn finish(&mut self, slot: usize, answer: Answer) {
        let now = self.now;
        if !answer.keeps_alive {
            self.close(slot);
        }
        let connection = &mut self.connections[slot];
        let Some(Request { path, due, .. }) = connection.current.take() else { return };
        connection.free_since = now;
        self.busy -= 1;
        if now >= self.window.begin {
            let tally = &mut self.groups[connection.group].tallies[path];
            if (200..300).contains(&answer.status) {
                tally.answered(due, now, answer, &self.window);
                connection.answers.count(now, &self.window);
            } else {
                tally.failed(due, now, ErrorKind::BadStatus);
            }
        }
        self.advance(slot);
    }

    /// The connection is of no more use, and its request, if it has one, failed.
    pub(super) fn fail(&mut self, slot: usize, kind: ErrorKind) {
        let now = self.now;
        self.close(slot);
        let connection = &mut self.connections[slot];
        connection.free_since = if kind == ErrorKind::Connect { now + REST } else { now };
        let counted = match connection.current.take() {
            Some(request) => {
                self.busy -= 1;
                Some((request.path, request.due))
            }
            // An idle connection may end; it may not speak.
            None => (kind == ErrorKind::BadFraming).then_some((connection.last_path, now)),
        };
        if let Some((path, due)) = counted.filter(|_| now >= self.window.begin) {
            self.groups[connection.group].tallies[path].failed(due, now, kind);
        }
        self.advance(slot);
    }

    fn close(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        connection.reader = Default::default();
        if let Some(link) = connection.link.take() {
            // The socket closes either way, and has no duplicate that the poller could go on reporting.
            let _ = link.close(&self.poller);
        }
    }
}
