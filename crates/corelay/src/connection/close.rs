//! Why connections close: every close has a reason, counted by name.

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed between two requests or messages: the usual end.
    PeerClosed,
    /// The peer closed in the middle of a request or message.
    PeerClosedEarly,
    /// The peer's end was reset, or gone when an answer was sent.
    Reset,
    /// The answer was the last by HTTP's rules: `Connection: close`, or HTTP/1.0.
    LastAnswer,
    /// No request within `idle_timeout`, or none at all within `head_timeout`.
    IdleTimeout,
    /// A head was not complete within `head_timeout` (408).
    HeadTimeout,
    /// A body stood still for `body_timeout` (408).
    BodyTimeout,
    /// A body came slower than `min_body_rate` (408).
    BodyTooSlow,
    /// The peer took nothing of an answer for `write_timeout`.
    WriteTimeout,
    /// The peer took an answer more slowly than `min_write_rate`.
    WriteTooSlow,
    /// A proxy's connection began without a PROXY protocol header, or with a malformed one, one over its limit or one that was not
    /// complete within `head_timeout`.
    ProxyHeader,
    /// A malformed head or body was refused (400, 501, 505, 417).
    Malformed,
    /// A head, body or message larger than a limit was refused (413, 414, 431).
    TooLarge,
    /// More was left of an unread body than `max_unread_body_bytes`.
    BodyUnread,
    /// A streamed answer failed or was shorter than announced, so its end must not look like one.
    AnswerBroken,
    /// All service threads were busy, there was no memory for a body, or a client behind a proxy had too many connections (503).
    Overload,
    /// The connection became another protocol, and that has ended.
    Upgraded,
    /// The server is draining.
    Drain,
    /// The server ended with the connection still in flight.
    CutOff,
    /// A thread, poller or socket option was refused by the kernel.
    Internal,
    /// A protocol was done with the peer.
    Finished,
    /// A protocol did not let the peer in.
    Refused,
    /// The deadline that a protocol had set passed.
    Deadline,
    /// Part of a protocol's message waited for its rest for longer than `message_timeout`.
    MessageTimeout,
    /// Too much waited for the peer, and the protocol gave it up.
    TooSlow,
    /// A protocol's code panicked.
    Panicked,
}

impl CloseReason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 26] = [
        Self::PeerClosed,
        Self::PeerClosedEarly,
        Self::Reset,
        Self::LastAnswer,
        Self::IdleTimeout,
        Self::HeadTimeout,
        Self::BodyTimeout,
        Self::BodyTooSlow,
        Self::WriteTimeout,
        Self::WriteTooSlow,
        Self::ProxyHeader,
        Self::Malformed,
        Self::TooLarge,
        Self::BodyUnread,
        Self::AnswerBroken,
        Self::Overload,
        Self::Upgraded,
        Self::Drain,
        Self::CutOff,
        Self::Internal,
        Self::Finished,
        Self::Refused,
        Self::Deadline,
        Self::MessageTimeout,
        Self::TooSlow,
        Self::Panicked,
    ];

    /// The reason with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// The name it is counted by.
    ///
    /// ```
    /// assert_eq!(corelay::CloseReason::PeerClosed.name(), "peer_closed");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::PeerClosed => "peer_closed",
            Self::PeerClosedEarly => "peer_closed_early",
            Self::Reset => "reset",
            Self::LastAnswer => "last_answer",
            Self::IdleTimeout => "idle_timeout",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooSlow => "body_too_slow",
            Self::WriteTimeout => "write_timeout",
            Self::WriteTooSlow => "write_too_slow",
            Self::ProxyHeader => "proxy_header",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::BodyUnread => "body_unread",
            Self::AnswerBroken => "answer_broken",
            Self::Overload => "overload",
            Self::Upgraded => "upgraded",
            Self::Drain => "drain",
            Self::CutOff => "cut_off",
            Self::Internal => "internal",
            Self::Finished => "finished",
            Self::Refused => "refused",
            Self::Deadline => "deadline",
            Self::MessageTimeout => "message_timeout",
            Self::TooSlow => "too_slow",
            Self::Panicked => "panicked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CloseReason;

    #[test]
    fn a_reason_counts_where_its_number_says() {
        for (index, reason) in CloseReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
    }
}
