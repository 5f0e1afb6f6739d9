//! Rows of the table about more work than can be done: what one peer may ask for, and what is refused when all is late.

use super::table::{LIMITS, Set, Setting, put};
use super::value;

pub(super) const MAX_REQUEST_RATE_PER_PEER: Setting = Setting {
    name: "max-request-rate-per-peer",
    group: LIMITS,
    takes: &value::COUNT_OR_OFF,
    default: Some("off"),
    excludes: None,
    help: "Requests a second of one peer address, of IPv6 of one /64; past it 429 with Retry-After\n\n\
           Counted over all its connections, which go on. Behind a proxy or a NAT all users share one address: off unless \
           you know your peers.",
    set: Set::One(|o, text| {
        let rate =
            value::unless("off", text, |text| value::count(text, 1..).and_then(std::num::NonZeroU32::new));
        put(&mut o.config.limits.max_request_rate_per_peer, rate)
    }),
};

pub(super) const REQUEST_BURST_PER_PEER: Setting = Setting {
    name: "request-burst-per-peer",
    group: LIMITS,
    takes: &value::COUNT,
    default: Some("100"),
    excludes: None,
    help: "Requests a peer may make at once after a while without, with --max-request-rate-per-peer",
    set: Set::One(|o, text| put(&mut o.config.limits.request_burst_per_peer, value::count(text, 1..))),
};

pub(super) const MAX_RATED_PEERS: Setting = Setting {
    name: "max-rated-peers",
    group: LIMITS,
    takes: &value::RATED_PEERS,
    default: Some("65536"),
    excludes: None,
    help: "Peers whose rate is known at a time, with --max-request-rate-per-peer\n\n\
           16 bytes each, allocated at the start. Past it peers take over what others owe: nobody gains by it.",
    set: Set::One(|o, text| put(&mut o.config.limits.max_rated_peers, value::rated_peers(text))),
};

const OVERLOAD: &str = "Overload";

pub(super) const SHED_TARGET: Setting = Setting {
    name: "shed-target",
    group: OVERLOAD,
    takes: &value::TIMEOUT_OR_OFF,
    default: Some("off"),
    excludes: None,
    help: "The longest that requests should wait to be served; past it, for --shed-interval, 503 with Retry-After\n\n\
           What has waited longer is refused at once until the wait is shorter again, so that what is served is \
           served in time. Fewer service threads run, if more would only wait for processors. 50ms suits \
           requests that people wait for. off: everybody waits, however long.",
    set: Set::One(|o, text| put(&mut o.config.shedding.target, value::unless("off", text, value::timeout))),
};

pub(super) const SHED_INTERVAL: Setting = Setting {
    name: "shed-interval",
    group: OVERLOAD,
    takes: &value::TIMEOUT,
    default: Some("100ms"),
    excludes: None,
    help: "For how long requests may wait longer than --shed-target: a burst",
    set: Set::One(|o, text| put(&mut o.config.shedding.interval, value::timeout(text))),
};
