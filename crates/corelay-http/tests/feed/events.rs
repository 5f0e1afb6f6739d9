//! Turns a stream of segments into the events a server acts on. Shared with the fuzz targets.

use corelay_http::{BodyDecoder, BodyErrorKind, Limits, Parsed, RequestErrorKind, RequestHead};

/// What a server learns from a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Head(String),
    /// All of the body so far: how it is cut into runs does depend on the segments, and says nothing.
    Body(Vec<u8>),
    End,
    BadHead(RequestErrorKind),
    BadBody(BodyErrorKind),
}

/// Drives the parsers as a connection does: a buffer that grows by segments and shrinks by what is done with.
#[derive(Default)]
struct Events {
    buffer: Vec<u8>,
    head: RequestHead,
    body: Option<BodyDecoder>,
    seen: Vec<Event>,
}

impl Events {
    fn receive(&mut self, segment: &[u8], limits: &Limits) {
        self.buffer.extend_from_slice(segment);
        while !self.failed() && self.step(limits) {}
    }

    fn failed(&self) -> bool {
        matches!(self.seen.last(), Some(Event::BadHead(_) | Event::BadBody(_)))
    }

    /// False when there is nothing more to do without more input.
    fn step(&mut self, limits: &Limits) -> bool {
        match self.body.take() {
            None => self.head_step(limits),
            Some(body) if body.is_complete() => {
                self.seen.push(Event::End);
                self.head.clear();
                true
            }
            Some(body) => self.body_step(body, limits),
        }
    }

    fn head_step(&mut self, limits: &Limits) -> bool {
        match self.head.parse(&self.buffer, limits) {
            Ok(Parsed::Partial) => return false,
            Ok(Parsed::Complete { head_len }) => {
                let head = self.head.view(&self.buffer);
                self.body = Some(BodyDecoder::new(head.framing()));
                self.seen.push(Event::Head(format!("{head:?}")));
                self.buffer.drain(..head_len);
            }
            Err(error) => self.seen.push(Event::BadHead(error.kind())),
        }
        true
    }

    fn body_step(&mut self, mut body: BodyDecoder, limits: &Limits) -> bool {
        match body.decode(&self.buffer, limits) {
            Ok(decoded) => {
                let data = &self.buffer[decoded.data];
                match self.seen.last_mut() {
                    Some(Event::Body(so_far)) => so_far.extend_from_slice(data),
                    _ if data.is_empty() => {}
                    _ => self.seen.push(Event::Body(data.to_vec())),
                }
                self.buffer.drain(..decoded.consumed);
                self.body = Some(body);
                decoded.consumed > 0
            }
            Err(error) => {
                self.seen.push(Event::BadBody(error.kind()));
                true
            }
        }
    }
}

pub(crate) fn events<'a>(segments: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> Vec<Event> {
    let mut events = Events::default();
    segments.into_iter().for_each(|segment| events.receive(segment, limits));
    events.seen
}
