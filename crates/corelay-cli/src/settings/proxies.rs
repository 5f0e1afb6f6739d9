//! Rows of the table for servers behind a balancer.

use super::table::{LIMITS, SERVING, Set, Setting, put};
use super::value::{self, Takes};

const NETWORKS: Takes = Takes {
    name: "CIDR",
    expected: "an address or a network with no bit set behind its prefix, such as 10.0.0.5, 10.0.0.0/24 or fd00::/8",
};
const HEADER_SIZE: Takes =
    Takes { name: "SIZE", expected: "a size in bytes from 232 to 64k, such as 4096 or 4k" };

pub(super) const LISTEN: Setting = Setting {
    name: "proxy-listen",
    group: SERVING,
    takes: &value::ADDRESS,
    default: None,
    excludes: None,
    help: "Where to listen for proxies that send PROXY protocol headers; as --listen, may be repeated\n\n\
           What nginx calls `listen ADDR proxy_protocol` and HAProxy `bind ADDR accept-proxy`: each connection begins with a \
           header of version 1 or 2 that names the client, whose address the log, the handlers and the limits per peer then \
           see. Without a header, and from an address that is not in --proxy-trusted, a connection is closed. Given \
           without --listen, there is no other listener.",
    set: Set::Many(|o, texts| put(&mut o.proxy_listen, value::addresses(texts))),
};

pub(super) const TRUSTED: Setting = Setting {
    name: "proxy-trusted",
    group: SERVING,
    takes: &NETWORKS,
    default: Some("127.0.0.0/8,::1"),
    excludes: None,
    help: "Networks whose proxies may connect to --proxy-listen; may be repeated\n\n\
           Whoever is in them can name any address as its client's. Peers of a unix: listener are trusted: who may connect \
           there is a matter of the path's permissions.",
    set: Set::Many(|o, texts| put(&mut o.config.proxies.trusted, value::networks(texts))),
};

pub(super) const MAX_HEADER_BYTES: Setting = Setting {
    name: "max-proxy-header-bytes",
    group: LIMITS,
    takes: &HEADER_SIZE,
    default: Some("4k"),
    excludes: None,
    help: "PROXY protocol header of version 2, in bytes; past it the connection closes\n\n\
           What follows the addresses (names, certificates: TLVs) is skipped, and is most of it. A header of version 1 has \
           107 bytes at most.",
    set: Set::One(|o, text| {
        let bytes = value::size_in_memory(text).filter(|bytes| (232..=64 << 10).contains(bytes));
        put(&mut o.config.limits.max_proxy_header_bytes, bytes)
    }),
};
