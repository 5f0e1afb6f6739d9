//! How many connections are open: in all, and by peer address where that is bounded.
//!
//! Both are shared by all cores: a count in all is one atomic; the table by address is behind a mutex and exists only
//! when a bound is configured. It holds an entry per address with an open connection, so it is bounded by them.

use crate::sync::lock;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why a new connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooMany,
    TooManyOfPeer,
}

/// The doors' count.
pub(crate) struct Occupancy {
    max: usize,
    open: AtomicUsize,
    per_peer: Option<PerPeer>,
}

struct PerPeer {
    max: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Occupancy {
    pub(crate) fn new(max: usize, max_per_peer: Option<usize>) -> Self {
        let per_peer = max_per_peer.map(|max| PerPeer { max, open: Mutex::default() });
        Self { max, open: AtomicUsize::new(0), per_peer }
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts a connection in. Each `Ok` is owed one [`leave`](Self::leave) with the same peer.
    pub(crate) fn enter(&self, peer: Option<SocketAddr>) -> Result<(), Refused> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::TooMany);
        }
        self.name(peer).inspect_err(|_| {
            self.open.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// Counts a connection that entered without a peer for the peer it turns out to have, with whom it is to leave from
    /// here on. If that one has too many it stays without.
    pub(crate) fn name(&self, peer: Option<SocketAddr>) -> Result<(), Refused> {
        if let (Some(per_peer), Some(peer)) = (&self.per_peer, peer) {
            let mut open = lock(&per_peer.open);
            let count = open.entry(network(peer)).or_insert(0);
            if *count >= per_peer.max {
                return Err(Refused::TooManyOfPeer);
            }
            *count += 1;
        }
        Ok(())
    }

    /// Counts in a connection that another process has let in: it is there, whatever the limits say.
    pub(crate) fn move_in(&self, peer: Option<SocketAddr>) {
        self.open.fetch_add(1, Ordering::Relaxed);
        if let (Some(per_peer), Some(peer)) = (&self.per_peer, peer) {
            *lock(&per_peer.open).entry(network(peer)).or_insert(0) += 1;
        }
    }

    pub(crate) fn leave(&self, peer: Option<SocketAddr>) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        if let (Some(per_peer), Some(peer)) = (&self.per_peer, peer) {
            let mut open = lock(&per_peer.open);
            if let Some(count) = open.get_mut(&network(peer)) {
                *count -= 1;
                if *count == 0 {
                    open.remove(&network(peer));
                }
            }
        }
    }
}

/// Whom an address counts for: itself, also when an IPv6 listener shows an IPv4 address mapped; of IPv6 all of its /64, for
/// that is what one customer is given at the least (RFC 6177).
pub(crate) fn network(peer: SocketAddr) -> IpAddr {
    match peer.ip().to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_moves_in_counts_and_is_not_refused() {
        let occupancy = Occupancy::new(1, Some(1));
        (0..2).for_each(|_| occupancy.move_in(peer("10.0.0.1:1")));
        assert_eq!(occupancy.open(), 2);
        occupancy.leave(peer("10.0.0.1:1"));
        occupancy.move_in(None);
        occupancy.leave(None);
        assert_eq!(occupancy.enter(peer("10.0.0.2:1")), Err(Refused::TooMany));
        occupancy.leave(peer("10.0.0.1:1"));
        assert_eq!(occupancy.enter(peer("10.0.0.1:2")), Ok(()));
    }

    fn peer(text: &str) -> Option<SocketAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn the_bound_in_all_counts_every_peer() {
        let occupancy = Occupancy::new(2, None);
        assert_eq!(occupancy.enter(peer("10.0.0.1:1")), Ok(()));
        assert_eq!(occupancy.enter(None), Ok(()));
        assert_eq!(occupancy.enter(peer("10.0.0.2:1")), Err(Refused::TooMany));
        occupancy.leave(None);
        assert_eq!(occupancy.enter(peer("10.0.0.2:1")), Ok(()));
    }

    #[test]
    fn a_connection_that_is_named_later_counts_for_that_peer_and_once_in_all() {
        let occupancy = Occupancy::new(10, Some(1));
        assert_eq!(occupancy.enter(None), Ok(()));
        assert_eq!(occupancy.name(peer("10.0.0.1:1")), Ok(()));
        assert_eq!(occupancy.enter(None), Ok(()));
        assert_eq!(occupancy.name(peer("10.0.0.1:2")), Err(Refused::TooManyOfPeer));
        occupancy.leave(None);
        assert_eq!(occupancy.open(), 1);
        occupancy.leave(peer("10.0.0.1:1"));
        assert_eq!((occupancy.open(), occupancy.name(peer("10.0.0.1:3"))), (0, Ok(())));
    }

    #[test]
    fn the_bound_per_peer_counts_an_address_once_however_it_is_written() {
        let occupancy = Occupancy::new(10, Some(1));
        assert_eq!(occupancy.enter(peer("10.0.0.1:1")), Ok(()));
        assert_eq!(occupancy.enter(peer("[::ffff:10.0.0.1]:2")), Err(Refused::TooManyOfPeer));
        assert_eq!(occupancy.enter(peer("10.0.0.2:1")), Ok(()));
        occupancy.leave(peer("10.0.0.1:1"));
        assert_eq!(occupancy.enter(peer("10.0.0.1:3")), Ok(()));
        assert_eq!(occupancy.open(), 2);
    }

    #[test]
    fn an_ipv6_peer_is_its_network() {
        let occupancy = Occupancy::new(10, Some(1));
        assert_eq!(occupancy.enter(peer("[2001:db8::1]:1")), Ok(()));
        assert_eq!(occupancy.enter(peer("[2001:db8::ffff:0:0:2]:1")), Err(Refused::TooManyOfPeer));
        assert_eq!(occupancy.enter(peer("[2001:db8:0:1::1]:1")), Ok(()));
        occupancy.leave(peer("[2001:db8::1]:1"));
        assert_eq!(occupancy.enter(peer("[2001:db8::3]:1")), Ok(()));
    }
}
