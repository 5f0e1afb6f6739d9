//! How many requests each peer may make: a bucket of tokens by address, in a table of fixed size that all threads share.
//!
//! A bucket is one number, the time at which it will be full again ("theoretical arrival time" in the generic cell rate
//! algorithm, ITU-T I.371): a request puts it off by one period, and is refused where it would lie further ahead than a
//! burst. So a request costs a look-up and one atomic exchange; there is no lock, and nothing is ever swept.
//!
//! The table does not grow, whatever peers there are. An address has its place in one set of [`WAYS`] buckets, chosen by a
//! hash with a secret key. A newcomer takes a bucket that is full: forgetting that one changes nothing. Where none is, it
//! takes the fullest one **with what it owes**: so nobody gets tokens by having others, or itself, pushed out, and a flood of
//! addresses can slow down only those that happen to share its sets, to the rate and no lower.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::peers::network;

/// Buckets of one set: two cache lines.
const WAYS: usize = 8;
/// Attempts at a bucket that other threads want too, before the request is let through uncounted.
const ATTEMPTS: usize = 8;

/// The buckets of all peers.
pub(crate) struct PeerRates {
    sets: Box<[[Bucket; WAYS]]>,
    key: RandomState,
    /// Nanoseconds for which one request fills its bucket.
    period: u64,
    /// How far ahead a bucket may be full: a burst, less the one request.
    tolerance: u64,
}

#[derive(Default)]
struct Bucket {
    /// Whose it is: a hash of the address. 0: nobody's.
    owner: AtomicU64,
    /// When it is full again, in nanoseconds since the server started.
    full_at: AtomicU64,
}

impl PeerRates {
    /// `rate` requests a second, `burst` at once, for at least `peers_max` peers at a time.
    pub(crate) fn new(rate: u32, burst: u32, peers_max: usize) -> Self {
        let period = 1_000_000_000 / u64::from(rate.max(1));
        let tolerance = period.saturating_mul(u64::from(burst.saturating_sub(1)));
        let sets = peers_max.div_ceil(WAYS).max(1);
        let sets = std::iter::repeat_with(Default::default).take(sets).collect();
        Self { sets, key: RandomState::new(), period, tolerance }
    }

    /// Takes a token of the peer's. `false`: it has none left at this time.
    pub(crate) fn take(&self, peer: SocketAddr, now_nanos: u64) -> bool {
        let hash = self.key.hash_one(network(peer));
        let set = &self.sets[(hash >> 32) as usize % self.sets.len()];
        // Whose it is may not be nobody's.
        self.bucket(set, hash | 1, now_nanos).is_none_or(|bucket| self.take_from(bucket, now_nanos))
    }

    fn take_from(&self, bucket: &Bucket, now: u64) -> bool {
        let put_off = |full_at: u64| {
            let full_at = full_at.max(now);
            (full_at - now <= self.tolerance).then(|| full_at.saturating_add(self.period))
        };
        bucket.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, put_off).is_ok()
    }

    /// The owner's bucket, which it may only now have got.
    fn bucket<'a>(&self, set: &'a [Bucket; WAYS], owner: u64, now: u64) -> Option<&'a Bucket> {
        for _ in 0..ATTEMPTS {
            if let Some(own) = set.iter().find(|bucket| bucket.owner.load(Ordering::Relaxed) == owner) {
                return Some(own);
            }
            // Full ones are equal: any will do.
            let fullest = set.iter().min_by_key(|bucket| bucket.full_at.load(Ordering::Relaxed).max(now))?;
            let before = fullest.owner.load(Ordering::Relaxed);
            let taken =
                fullest.owner.compare_exchange(before, owner, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            if taken {
                return Some(fullest);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const SECOND: u64 = 1_000_000_000;

    fn peer(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse::<IpAddr>().expect("an address"), 1)
    }

    /// How many of `requests` at this time are let through.
    fn taken(rates: &PeerRates, peer: SocketAddr, requests: usize, now: u64) -> usize {
        (0..requests).filter(|_| rates.take(peer, now)).count()
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let rates = PeerRates::new(10, 5, 1000);
        let one = peer("10.0.0.1");
        assert_eq!(taken(&rates, one, 20, SECOND), 5);
        assert_eq!(taken(&rates, one, 20, SECOND + SECOND / 10), 1, "one token a tenth of a second");
        assert_eq!(taken(&rates, one, 20, 2 * SECOND + SECOND / 10), 5, "no more than a burst is saved up");
        assert_eq!(taken(&rates, peer("10.0.0.2"), 20, SECOND), 5, "others have buckets of their own");
    }

    #[test]
    fn what_is_refused_costs_no_token() {
        let rates = PeerRates::new(1, 1, 8);
        let one = peer("10.0.0.1");
        assert_eq!(taken(&rates, one, 1000, SECOND), 1);
        assert_eq!(taken(&rates, one, 1, 2 * SECOND), 1);
    }

    #[test]
    fn an_ipv6_peer_is_its_network_and_a_mapped_address_is_what_it_maps() {
        let rates = PeerRates::new(1, 1, 1000);
        assert!(rates.take(peer("2001:db8:0:1::1"), SECOND));
        assert!(!rates.take(peer("2001:db8:0:1:ffff::2"), SECOND), "of the same /64");
        assert!(rates.take(peer("2001:db8:0:2::1"), SECOND));
        assert!(rates.take(peer("10.0.0.1"), SECOND));
        assert!(!rates.take(peer("::ffff:10.0.0.1"), SECOND));
    }

    /// A table of one set, and an attacker who has many addresses.
    #[test]
    fn nobody_gains_by_pushing_others_out() {
        let rates = PeerRates::new(1, 4, WAYS);
        let one = peer("10.0.0.1");
        assert_eq!(taken(&rates, one, 10, SECOND), 4);
        let mut let_through = 0;
        for number in 0..10_000_u32 {
            let other = SocketAddr::new(Ipv4Addr::from(0x0b00_0000 + number).into(), 1);
            let_through += taken(&rates, other, 1, SECOND);
        }
        // One may have been let through for each token there was: 8 buckets of 4, less those already taken.
        assert_eq!(let_through, WAYS * 4 - 4);
        assert_eq!(taken(&rates, one, 10, SECOND), 0, "what it owed was not forgotten");
        assert_eq!(taken(&rates, one, 10, 2 * SECOND), 1, "and it gets its rate, as does everybody else");
    }

    #[test]
    fn threads_together_get_no_more_than_one_alone() {
        let rates = PeerRates::new(1, 1000, 1000);
        let one = peer("10.0.0.1");
        let together: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| taken(&rates, one, 1000, SECOND))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        // Two threads may each have seen no bucket of the peer's yet, and have taken one.
        assert!((1000..=2000).contains(&together), "{together}");
        assert_eq!(taken(&rates, one, 1000, SECOND), 0);
    }
}
