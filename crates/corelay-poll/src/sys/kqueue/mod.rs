//! FreeBSD and macOS: the filter-centric kernel. A timer, a signal, a wake-up are not descriptors there but
//! filters in somebody's kqueue. Yet a kqueue *is* a descriptor, and readable while it has an event to give.
//! So each handle is a small kqueue of its own that holds one filter (`Signals`: one for each signal), and
//! any poller takes it.
//!
//! That costs a descriptor and a system call to read, as on Linux, and gives what the shared filters could
//! not: a handle that any multiplexer takes, this crate's or not.
//!
//! nix's `Kqueue` is the safe wrapper (rustix's `kevent` is unsafe). Type-checked for x86_64-unknown-freebsd
//! and aarch64-apple-darwin on every change; **not run** there yet.

mod event;
mod exit;
mod filter;
mod poller;
mod signals;
mod timer;
mod waker;

pub(crate) use event::{Event, Events};
pub(crate) use exit::Exit;
pub(crate) use poller::Poller;
pub(crate) use signals::Signals;
pub(crate) use timer::Timer;
pub(crate) use waker::Waker;
