//! Linux: the handle-centric kernel. Every handle is a descriptor that the kernel makes for the purpose, and
//! any epoll, poll or select takes it.
//!
//! System calls go through rustix, which makes them without libc and needs no `unsafe` from us.

mod event;
mod exit;
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
