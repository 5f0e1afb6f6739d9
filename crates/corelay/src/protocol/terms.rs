//! The limits of a protocol's connections that HTTP's do not have.

use std::time::Duration;

/// On what terms a protocol serves each connection; given to [`Server::serve_protocol_with`](crate::Server::serve_protocol_with).
///
/// These are in addition to [`Limits`](crate::config::Limits) and [`Deadlines`](crate::config::Deadlines), of which hold here:
/// `max_connections`, `max_connections_per_peer`, `max_service_threads`, the stacks of threads, `idle_timeout` (silence of a
/// connection that has no message in flight, also of a new one), `write_timeout`, `min_write_rate` and `linger_timeout`.
///
/// ```
/// use corelay::protocol::Terms;
/// use std::time::Duration;
///
/// let mut terms = Terms::default();
/// terms.max_input_bytes = 512 * 1024 * 1024;
/// terms.message_timeout = Duration::from_secs(300);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Terms {
    /// Input that a protocol may leave untaken, in bytes: part of a message that waits for its rest. Past it the connection is
    /// closed as [`TooLarge`](crate::CloseReason::TooLarge). Default: 1 MiB.
    pub max_input_bytes: usize,
    /// Output that may wait for the peer, in bytes, before no more mail is delivered to the connection and
    /// [`Peer::is_full`](super::Peer::is_full) says so. What one call writes may go beyond it. Input is not read as long as any
    /// output waits. Default: 256 KiB.
    pub max_unsent_bytes: usize,
    /// Mail that may wait to be delivered to one connection; past it [`Remote::send`](super::Remote::send) gives the mail back.
    /// Default: 1024.
    pub max_mail: usize,
    /// How long part of a message may wait for its rest. Past it the connection is closed as
    /// [`MessageTimeout`](crate::CloseReason::MessageTimeout). Default: 30 s.
    pub message_timeout: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            max_input_bytes: 1024 * 1024,
            max_unsent_bytes: 256 * 1024,
            max_mail: 1024,
            message_timeout: Duration::from_secs(30),
        }
    }
}
