//! Floor servers and peers.
