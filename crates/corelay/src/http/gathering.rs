//! A body that is put together in memory, as far as there is room for it among all that connections keep.

use super::app::App;
use super::body::{Body, BodyError};
use crate::buffers::{Room, Share};
use bytes::Bytes;
use std::io::{self, Read};

/// What a peer claims is reserved only up to this, in bytes, and the rest as it comes: a claim costs it nothing.
const BELIEVED_BYTES_MAX: usize = 64 * 1024;
/// What is reserved for a body of unknown length that is read.
const READ_BYTES: usize = 16 * 1024;

/// So much of a body as is here.
pub(crate) struct Gathering {
    bytes: Vec<u8>,
    /// What it will not be longer than.
    bytes_max: usize,
    /// What to begin with.
    first_bytes: usize,
    /// What is kept beside it, and counted with it.
    beside_bytes: usize,
    room: Room,
}

/// It, whole, and its room, for as long as anybody has a part of it.
struct Gathered {
    bytes: Vec<u8>,
    _room: Room,
}

impl AsRef<[u8]> for Gathered {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Gathering {
    /// Of a body of this length, if its sender said one, and at most so long; with so many bytes of its head beside it.
    pub(crate) fn new(length: Option<u64>, bytes_max: usize, beside_bytes: usize) -> Self {
        let declared = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX).min(bytes_max));
        let bytes_max = declared.unwrap_or(bytes_max);
        let first_bytes = declared.unwrap_or(0).min(BELIEVED_BYTES_MAX);
        Self { bytes: Vec::new(), bytes_max, first_bytes, beside_bytes, room: Room::default() }
    }

    /// How many bytes may still come.
    pub(crate) fn bytes_left(&self) -> usize {
        self.bytes_max - self.bytes.len()
    }

    /// Appends bytes, no more than are [left](Self::bytes_left).
    ///
    /// # Errors
    /// There is no room, or no memory: counted.
    pub(crate) fn append(&mut self, data: &[u8], app: &App) -> Result<(), BodyError> {
        self.reserve(data.len(), app)?;
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Reads what is left: all of it is here then.
    ///
    /// # Errors
    /// Of the body; 413 if there is more of it; and as [`Gathering::append`].
    pub(crate) fn read_whole(mut self, body: &mut Body, app: &App) -> io::Result<Self> {
        while self.bytes_left() > 0 {
            if self.bytes.len() == self.bytes.capacity() {
                self.reserve(self.bytes_left().min(READ_BYTES), app)?;
            }
            let spare = self.bytes_left().min(self.bytes.capacity() - self.bytes.len());
            // As much as there is memory for: it does not grow by this.
            if body.by_ref().take(spare as u64).read_to_end(&mut self.bytes)? < spare {
                return Ok(self);
            }
        }
        match body.read(&mut [0])? {
            0 => Ok(self),
            _ => Err(BodyError::too_large().into()),
        }
    }

    /// What is here.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// What is here, as somebody else's memory.
    pub(crate) fn into_vec(self) -> Vec<u8> {
        self.bytes
    }

    /// What is here. Its room is given back when the last of it is dropped.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self.room.bytes() {
            0 => Bytes::from(self.bytes),
            _ => Bytes::from_owner(Gathered { bytes: self.bytes, _room: self.room }),
        }
    }

    /// Memory for so many bytes more. It doubles; while it is copied there is room for both.
    fn reserve(&mut self, more: usize, app: &App) -> Result<(), BodyError> {
        let (needed, has) = (self.bytes.len().saturating_add(more), self.bytes.capacity());
        let capacity = if needed <= has && has > 0 {
            has
        } else {
            has.saturating_mul(2).max(self.first_bytes).min(self.bytes_max).max(needed)
        };
        let bytes = self.beside_bytes.saturating_add(capacity);
        if capacity == has && bytes == self.room.bytes() {
            return Ok(());
        }
        let room = Room::of(&app.buffers, bytes, Share::Requests).map_err(|_| BodyError::no_room())?;
        if self.bytes.try_reserve_exact(capacity - self.bytes.len()).is_err() {
            app.no_memory.add_shared(1);
            return Err(BodyError::no_memory());
        }
        self.room = room;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]
    use super::*;
    use crate::buffers::Buffers;
    use crate::http::Router;
    use std::io::Cursor;

    const KIB: usize = 1024;
    const MIB: usize = 1024 * KIB;

    fn app(bytes_max: usize) -> App {
        let mut app = Router::new().finish().unwrap();
        app.buffers = Buffers::new(bytes_max);
        app
    }

    #[test]
    fn room_follows_memory_as_it_doubles_and_both_end_with_the_last_of_the_body() {
        let app = app(64 * MIB);
        let mut gathering = Gathering::new(Some(MIB as u64), 16 * MIB, 0);
        gathering.append(b"x", &app).unwrap();
        assert_eq!(app.buffers.in_use(), 64 * KIB, "what was claimed is believed up to a point");
        gathering.append(&vec![b'x'; 64 * KIB], &app).unwrap();
        assert_eq!(app.buffers.in_use(), 128 * KIB);
        gathering.append(&vec![b'x'; gathering.bytes_left()], &app).unwrap();
        assert_eq!(app.buffers.in_use(), MIB, "no more than the body is long");
        let body = gathering.into_bytes();
        let part = body.slice(..10);
        drop(body);
        assert_eq!(app.buffers.in_use(), MIB);
        drop(part);
        assert_eq!(app.buffers.in_use(), 0);
    }

    #[test]
    fn without_room_it_is_503_and_what_was_gathered_comes_back() {
        let app = app(MIB);
        let mut gathering = Gathering::new(None, 16 * MIB, 0);
        let refused = (0..16).find_map(|_| gathering.append(&[b'x'; 64 * KIB], &app).err()).unwrap();
        assert_eq!(refused, BodyError::no_room());
        assert_eq!((app.buffers.refused.read(), app.no_memory.read()), (1, 0));
        drop(gathering);
        assert_eq!(app.buffers.in_use(), 0);
    }

    #[test]
    fn a_head_counts_with_its_body_and_both_are_free_while_they_are_small() {
        let app = app(MIB);
        let mut gathering = Gathering::new(Some(100), MIB, 3 * KIB);
        gathering.append(b"", &app).unwrap();
        assert_eq!(app.buffers.in_use(), 0);
        let mut gathering = Gathering::new(Some(100), MIB, 8 * KIB);
        gathering.append(b"", &app).unwrap();
        assert_eq!(app.buffers.in_use(), 8 * KIB + 100);
    }

    #[test]
    fn a_body_is_read_to_its_end_or_to_its_limit() {
        let app = app(64 * MIB);
        for (length, declared) in
            [(0_usize, true), (1, false), (100, true), (200_000, true), (200_000, false)]
        {
            let sent: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let declared = declared.then_some(length as u64);
            let stream = |bytes: &[u8]| Body::from_reader(Box::new(Cursor::new(bytes.to_vec())), declared);
            let gathering = Gathering::new(declared, 200_000, 0);
            assert_eq!(gathering.read_whole(&mut stream(&sent), &app).unwrap().as_slice(), sent);
            let less = Gathering::new(None, length.saturating_sub(1), 0);
            let outcome = less.read_whole(&mut stream(&sent), &app);
            let status = outcome.map_err(|error| BodyError::of(&error).unwrap().status().as_u16());
            assert_eq!(status.is_err_and(|status| status == 413), length > 0);
        }
        assert_eq!(app.buffers.in_use(), 0);
    }
}
