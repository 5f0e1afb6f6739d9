//! The two backends, and what both promise.

mod epoll;
pub(crate) use epoll::*;
