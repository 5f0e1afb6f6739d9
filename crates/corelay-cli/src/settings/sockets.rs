//! Rows of the table about sockets.

use super::table::{Set, Setting, put};
use super::value::{self, Takes};

const SOCKETS: &str = "Sockets";
const INT_SIZE: Takes =
    Takes { name: "SIZE", expected: "a size in bytes up to 2147483647, such as 16384 or 128k; 0 is allowed" };

pub(super) const BACKLOG: Setting = Setting {
    name: "backlog",
    group: SOCKETS,
    takes: &value::BACKLOG,
    default: Some("4096"),
    excludes: None,
    help: "Length of the accept queue, in connections\n\n\
           The kernel caps it at net.core.somaxconn (listen(2)).",
    set: Set::One(|o, text| {
        let backlog = value::count(text, 1..).filter(|backlog| *backlog <= i32::MAX as u32);
        put(&mut o.config.sockets.backlog, backlog)
    }),
};

pub(super) const NOTSENT_LOWAT: Setting = Setting {
    name: "notsent-lowat",
    group: SOCKETS,
    takes: &INT_SIZE,
    default: Some("16k"),
    excludes: None,
    help: "TCP_NOTSENT_LOWAT: what the kernel takes of an answer before its peer has room for it, in bytes; Linux only\n\n\
           The rest waits in the server, where --max-buffered-bytes and --min-write-rate see it. Without such a bound the \
           kernel keeps megabytes for each peer that reads nothing, until it is out of memory for all connections of the \
           machine. 0: the kernel's own setting, net.ipv4.tcp_notsent_lowat (tcp(7)).",
    set: Set::One(|o, text| {
        let bytes = value::size(text).and_then(|bytes| i32::try_from(bytes).ok());
        put(&mut o.config.sockets.notsent_lowat, bytes.map(i32::cast_unsigned))
    }),
};

pub(super) const DEFER_ACCEPT: Setting = Setting {
    name: "defer-accept",
    group: SOCKETS,
    takes: &value::TIMEOUT_OR_OFF,
    default: Some("off"),
    excludes: None,
    help: "TCP_DEFER_ACCEPT: let the kernel keep a connection until its first bytes; Linux only\n\n\
           Saves one wake-up for each new connection. Its cost: a client that connects and is silent, \
           or waits for the server to speak first, is held back in the kernel for about this long, \
           unseen by every limit and deadline above. The kernel rounds up to its SYN-ACK \
           retransmissions (tcp(7)).",
    set: Set::One(|o, text| {
        put(&mut o.config.sockets.defer_accept, value::unless("off", text, value::timeout))
    }),
};

pub(super) const ABORTIVE_CLOSE: Setting = Setting {
    name: "abortive-close",
    group: SOCKETS,
    takes: &value::SWITCH,
    default: Some("false"),
    excludes: None,
    help: "SO_LINGER {1, 0}: close with a reset instead of a FIN\n\n\
           Saves TIME_WAIT sockets. Its cost: answers the peer has not read yet are truncated.",
    set: Set::Switch(|o, on| o.config.sockets.abortive_close = on),
};
