//! corelay-poll.
