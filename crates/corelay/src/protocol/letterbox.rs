//! Mail for connections: a bounded box each, made when the first [`Remote`] is asked for, and a call to whoever serves it.
//!
//! ```text
//!   sender                                   the connection's thread
//!   ------                                   -----------------------
//!   box locked: mail in, called := true      box locked: all mail out, called := false
//!     it was not called before? -- hails     hands it to the protocol, one by one
//!     the place where it is                  moves: box locked, the place is the new one; then looks for mail
//! ```
//!
//! A call to a place that the connection has left is lost, and need not arrive: who moves a connection looks into its box
//! behind the move, and a sender that found the old place had its mail in by then. loom checks that below.

use super::hosted::Place;
use crate::connection::CloseReason;
use crate::sync::modelled::{AtomicBool, Mutex, MutexGuard, Ordering, lock};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Room for mail that a box keeps while it is empty: an idle connection holds no more.
const KEPT_MAIL: usize = 16;

/// Sends mail to one connection, from any thread, as long as it is open. Cheap to clone.
///
/// Had from [`Peer::remote`](super::Peer::remote).
pub struct Remote<M>(Arc<Letterbox<M>>);

/// Why mail was not taken. Either gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError<M> {
    /// [`Terms::max_mail`](super::Terms::max_mail) wait already: the peer takes its output too slowly, or mail comes too fast.
    Full(M),
    /// The connection is closed.
    Gone(M),
}

pub(crate) struct Letterbox<M> {
    contents: Mutex<Contents<M>>,
    /// There is something in it: to be looked at without the lock.
    called: AtomicBool,
    max: usize,
}

struct Contents<M> {
    mail: VecDeque<M>,
    /// Where the connection is; `None`: closed.
    place: Option<Place>,
    /// It is to be closed, before any mail.
    close: Option<CloseReason>,
}

impl<M> Remote<M> {
    /// Has `mail` delivered to the connection. Never waits.
    ///
    /// # Errors
    /// [`SendError::Full`] and [`SendError::Gone`], with the mail.
    pub fn send(&self, mail: M) -> Result<(), SendError<M>> {
        let mut contents = lock(&self.0.contents);
        if contents.place.is_none() {
            return Err(SendError::Gone(mail));
        }
        if contents.mail.len() >= self.0.max {
            return Err(SendError::Full(mail));
        }
        contents.mail.push_back(mail);
        self.0.call(contents);
        Ok(())
    }

    /// Closes the connection at once, whatever is unsent. Without effect on one that is closed.
    pub fn close(&self, reason: CloseReason) {
        let mut contents = lock(&self.0.contents);
        if contents.place.is_some() {
            contents.close.get_or_insert(reason);
            // Also where mail has called that finds no room: this is not to wait for any.
            self.0.called.store(true, Ordering::Relaxed);
            Letterbox::hail(contents);
        }
    }

    /// Whether the connection is closed.
    pub fn is_gone(&self) -> bool {
        lock(&self.0.contents).place.is_none()
    }

    pub(super) fn of(letterbox: Arc<Letterbox<M>>) -> Self {
        Self(letterbox)
    }
}

impl<M> Letterbox<M> {
    pub(super) fn new(place: Place, max: usize) -> Self {
        let contents = Contents { mail: VecDeque::new(), place: Some(place), close: None };
        Self { contents: Mutex::new(contents), called: AtomicBool::new(false), max }
    }

    fn call(&self, contents: MutexGuard<'_, Contents<M>>) {
        if self.called.swap(true, Ordering::Relaxed) {
            return;
        }
        Self::hail(contents);
    }

    fn hail(contents: MutexGuard<'_, Contents<M>>) {
        let place = contents.place.clone();
        drop(contents);
        if let Some(Place { home, token }) = place {
            home.hail(token);
        }
    }

    #[inline]
    pub(super) fn is_called(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }

    /// Whether the connection is to be closed.
    pub(super) fn is_to_close(&self) -> bool {
        lock(&self.contents).close.is_some()
    }

    /// Empties it; what is left of that goes to [`Letterbox::put_back`]. `Err`: the connection is to be closed.
    pub(super) fn take(&self) -> Result<VecDeque<M>, CloseReason> {
        let mut contents = lock(&self.contents);
        self.called.store(false, Ordering::Relaxed);
        contents.close.map_or_else(|| Ok(std::mem::take(&mut contents.mail)), Err)
    }

    /// Mail for which there is no room yet goes in again before all other; of an empty queue only the memory.
    pub(super) fn put_back(&self, mut mail: VecDeque<M>) {
        if mail.is_empty() && mail.capacity() > KEPT_MAIL {
            return;
        }
        let mut contents = lock(&self.contents);
        if !mail.is_empty() {
            self.called.store(true, Ordering::Relaxed);
        } else if contents.mail.capacity() > 0 {
            return;
        }
        mail.extend(contents.mail.drain(..));
        contents.mail = mail;
    }

    pub(super) fn move_to(&self, place: Place) {
        lock(&self.contents).place = Some(place);
    }

    /// The connection is closed. Mail that is left belongs to the caller, to be dropped as user code.
    pub(super) fn shut(&self) -> VecDeque<M> {
        let mut contents = lock(&self.contents);
        contents.place = None;
        std::mem::take(&mut contents.mail)
    }
}

impl<M> Clone for Remote<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> fmt::Debug for Remote<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Remote").field("gone", &self.is_gone()).finish()
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => write!(formatter, "the connection has as much mail as it may have"),
            Self::Gone(_) => write!(formatter, "the connection is closed"),
        }
    }
}

impl<M: fmt::Debug> std::error::Error for SendError<M> {}

#[cfg(all(test, loom))]
mod model {
    #![allow(clippy::unwrap_used, reason = "in a model, a panic is a failure")]

    use super::*;
    use crate::protocol::Hail;
    use corelay_poll::Token;
    use loom::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Home {
        hails: AtomicUsize,
    }

    impl Hail for Home {
        fn hail(&self, _: Token) {
            self.hails.fetch_add(1, Ordering::SeqCst);
        }

        fn core(&self) -> usize {
            0
        }
    }

    fn place(home: &Arc<Home>) -> Place {
        Place { home: home.clone(), token: Token::new(0, 0) }
    }

    /// A connection moves while two send to it; what is there behind the move, and who is hailed at the new place.
    fn moves(move_and_look: fn(&Letterbox<u32>, Place) -> usize) {
        loom::model(move || {
            let (old, new) = (Arc::new(Home::default()), Arc::new(Home::default()));
            let letterbox = Arc::new(Letterbox::new(place(&old), 2));
            let threads: Vec<_> = (0..2)
                .map(|number| {
                    let remote = Remote::of(letterbox.clone());
                    loom::thread::spawn(move || remote.send(number).unwrap())
                })
                .collect();
            let seen = move_and_look(&letterbox, place(&new));
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            let left = letterbox.take().unwrap().len();
            assert_eq!(seen + left, 2, "mail was lost");
            let hailed = new.hails.load(Ordering::SeqCst) > 0;
            assert!(left == 0 || hailed, "mail that nobody looks for");
        });
    }

    fn look(letterbox: &Letterbox<u32>) -> usize {
        if letterbox.is_called() { letterbox.take().unwrap().len() } else { 0 }
    }

    #[test]
    fn no_mail_is_left_behind_a_move() {
        moves(|letterbox, place| {
            letterbox.move_to(place);
            look(letterbox)
        });
    }

    /// The test of the test.
    #[test]
    #[should_panic(expected = "mail that nobody looks for")]
    fn looking_before_the_move_is_noticed() {
        moves(|letterbox, place| {
            let seen = look(letterbox);
            letterbox.move_to(place);
            seen
        });
    }
}
