//! corelay-poll: readiness for blocking servers.
#![deny(unsafe_code)]

mod event;
mod interest;
mod poller;
#[allow(
    unsafe_code,
    reason = "the only folder that may talk to a kernel without a safe wrapper; each block says why"
)]
mod sys;
mod token;
mod waker;

pub use event::{Event, Events};
pub use interest::{Interest, Trigger};
pub use poller::Poller;
pub use token::Token;
pub use waker::Waker;
