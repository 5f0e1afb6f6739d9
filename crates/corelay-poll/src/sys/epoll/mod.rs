//! Linux: every handle is a descriptor that the kernel made for the purpose.
//!
//! System calls go through rustix, which makes them without libc and needs no `unsafe` from us.

mod event;
mod poller;
mod waker;

pub(crate) use event::{Event, Events};
pub(crate) use poller::Poller;
pub(crate) use waker::Waker;
