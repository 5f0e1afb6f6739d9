//! Readiness for servers that block: one [`Poller`] over epoll (Linux) and kqueue (FreeBSD, macOS), and
//! handles for everything else that a thread may have to wait for.
//!
//! A thread that serves many connections must wait for whichever is ready *first*, and not for connections
//! alone: also for another thread's call, a deadline, a signal, a child. Here each of those is a **handle**,
//! a value with a file descriptor, and one [`Poller::wait`] waits for them all.
//!
//! | to wait for | handle | Linux | FreeBSD, macOS |
//! |---|---|---|---|
//! | bytes, room, a connection | any socket or pipe | itself | itself |
//! | another thread | [`Waker`] | eventfd | kqueue with `EVFILT_USER` |
//! | a deadline | [`Timer`] | timerfd | kqueue with `EVFILT_TIMER` |
//! | a signal | [`Signals`] | pipe written by a handler | kqueue with `EVFILT_SIGNAL` |
//! | a child's exit, or another process's | [`Child`], [`Process`] | pidfd | kqueue with `EVFILT_PROC` |
//! | a note of another process | [`NoteBox`] | a datagram socket | the same |
//! | any of a set of handles | [`Poller`] | epoll | kqueue |
//!
//! The last line means that pollers nest: a set of handles is a handle. A whole server can sit in somebody
//! else's event loop, and an urgent group of connections can be a poller of its own inside a thread's poller.
//! `docs/readiness.md` tells what the two kernels make of that, with figures.
//!
//! # An event loop
//!
//! An echo server, a deadline and a thread that ends it, whole:
//!
//! ```
//! use corelay_poll::{Events, Interest, Poller, Timer, Token, Trigger, Waker, socket};
//! use std::collections::HashMap;
//! use std::io::{self, Read, Write};
//! use std::net::{Shutdown, TcpListener, TcpStream};
//! use std::time::Duration;
//!
//! const LISTENER: Token = Token::new(0, 0);
//! const STOP: Token = Token::new(1, 0);
//! const DEADLINE: Token = Token::new(2, 0);
//!
//! /// Answers what has arrived; false when the peer is done. (A server would keep what does not fit.)
//! fn echo(mut stream: &TcpStream) -> io::Result<bool> {
//!     let mut bytes = [0; 4096];
//!     match stream.read(&mut bytes) {
//!         Ok(0) => Ok(false),
//!         Ok(count) => stream.write_all(&bytes[..count]).map(|()| true),
//!         Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
//!         Err(error) => Err(error),
//!     }
//! }
//!
//! fn serve(listener: &TcpListener, stop: &Waker) -> io::Result<()> {
//!     let poller = Poller::new()?;
//!     let deadline = Timer::new()?;
//!     deadline.set_after(Duration::from_secs(30))?;
//!     poller.add(listener, LISTENER, Interest::READ, Trigger::Level)?;
//!     poller.add(stop, STOP, Interest::READ, Trigger::Level)?;
//!     poller.add(&deadline, DEADLINE, Interest::READ, Trigger::Level)?;
//!
//!     let mut connections = HashMap::new();
//!     let mut events = Events::with_capacity(256);
//!     for generation in 1.. {
//!         poller.wait(&mut events, None)?;
//!         for event in events.iter() {
//!             match event.token() {
//!                 STOP => return Ok(()),
//!                 DEADLINE => return Err(io::ErrorKind::TimedOut.into()),
//!                 LISTENER => {
//!                     let (accepted, _peer) = socket::accept(listener)?; // non-blocking, one system call
//!                     let stream = TcpStream::from(accepted);
//!                     let token = Token::new(3, generation);             // never used before
//!                     poller.add(&stream, token, Interest::READ, Trigger::Level)?;
//!                     connections.insert(token, stream);
//!                 }
//!                 token => {
//!                     let Some(stream) = connections.get(&token) else { continue };
//!                     if !echo(stream)? {
//!                         poller.delete(stream)?;                        // before it is closed
//!                         connections.remove(&token);
//!                     }
//!                 }
//!             }
//!         }
//!     }
//!     Ok(())
//! }
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let stop = Waker::new()?;
//! std::thread::scope(|scope| {
//!     let server = scope.spawn(|| serve(&listener, &stop));
//!
//!     let mut client = TcpStream::connect(listener.local_addr()?)?;
//!     client.write_all(b"hello")?;
//!     client.shutdown(Shutdown::Write)?;
//!     let mut answer = String::new();
//!     client.read_to_string(&mut answer)?;
//!     assert_eq!(answer, "hello");
//!
//!     stop.wake()?;
//!     server.join().expect("the server does not panic")
//! })?;
//! # Ok::<(), io::Error>(())
//! ```
//!
//! # What to know
//!
//! - **Level-triggered unless asked.** A loop may leave work for its next turn, and a thread may leave its
//!   whole poller to another, without losing a byte. [`Trigger::Edge`] and [`Trigger::OneShot`] are there for
//!   those who need them.
//! - **Readiness is a hint.** Keep descriptors non-blocking and take `WouldBlock` for an answer.
//! - **Delete before close**, and own descriptors uniquely: epoll goes on reporting a closed descriptor that
//!   has a living duplicate, under a token that nobody answers to.
//! - **Tokens carry generations**, so the event of a connection that an earlier event of the same batch has
//!   closed is recognised. See [`Token`].
//! - [`Poller::wait`] is one system call and allocates nothing; register a connection once and leave it so.
//!
//! Beside readiness the crate holds the few other things that only the operating system can say or do for a
//! server: [`affinity`] (which CPUs, how much of them, pinning), [`limits`] (open files), [`memory`] (giving it back) and [`socket`]
//! (accept in one call).
//!
//! # What is absent
//!
//! Reading and writing (that is `std::io`), buffers, timers by the thousand (that is a timer wheel), Windows,
//! and `io_uring`, which is about completion and not readiness.
//!
//! The kqueue backend is type-checked on every change and has not run on a machine yet.
#![deny(unsafe_code)]

pub mod affinity;
mod child;
mod descriptors;
mod event;
mod interest;
pub mod limits;
pub mod memory;
mod note;
mod poller;
mod process;
mod signals;
pub mod socket;
#[allow(
    unsafe_code,
    reason = "the only folder that may talk to a kernel without a safe wrapper; each block says why"
)]
mod sys;
pub mod thread;
mod timer;
mod token;
mod waker;

pub use child::Child;
pub use event::{Event, Events};
pub use interest::{Interest, Trigger};
pub use note::NoteBox;
pub use poller::Poller;
pub use process::Process;
pub use signals::{Signal, Signals};
pub use timer::Timer;
pub use token::Token;
pub use waker::Waker;
