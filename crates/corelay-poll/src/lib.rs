//! corelay-poll: readiness for blocking servers.
#![deny(unsafe_code)]

pub mod affinity;
mod child;
mod event;
mod interest;
pub mod limits;
mod poller;
mod signals;
pub mod socket;
#[allow(
    unsafe_code,
    reason = "the only folder that may talk to a kernel without a safe wrapper; each block says why"
)]
mod sys;
mod timer;
mod token;
mod waker;

pub use child::Child;
pub use event::{Event, Events};
pub use interest::{Interest, Trigger};
pub use poller::Poller;
pub use signals::{Signal, Signals};
pub use timer::Timer;
pub use token::Token;
pub use waker::Waker;
