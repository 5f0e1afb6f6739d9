//! Rows of the table about what is held in memory: of one connection, and of all.

use super::table::{LIMITS, Set, Setting, put};
use super::value::{self, Takes};

const SIZE_OR_AUTO: Takes =
    Takes { name: "SIZE", expected: "a size in bytes, such as 67108864, 64m or 1g, or `auto`" };

pub(super) const MAX_BUFFERED_BODY_BYTES: Setting = Setting {
    name: "max-buffered-body-bytes",
    group: LIMITS,
    takes: &value::SIZE,
    default: Some("16m"),
    excludes: None,
    help: "Body gathered in memory before its handler runs, in bytes; past it 413\n\n\
           What handlers that take a whole body (JSON, a form, /echo) can make one connection hold. What all \
           connections may hold together: --max-buffered-bytes.",
    set: Set::One(|o, text| put(&mut o.config.limits.max_buffered_body_bytes, value::size_in_memory(text))),
};

pub(super) const MAX_BUFFERED_BYTES: Setting = Setting {
    name: "max-buffered-bytes",
    group: LIMITS,
    takes: &SIZE_OR_AUTO,
    default: Some("auto"),
    excludes: None,
    help: "Gathered bodies, waiting input and unread answers of all connections together, in bytes; past it 503\n\n\
           With Retry-After. A quarter of it is left to answers: where that is used up too, an answer that its peer \
           does not take is cut off. What is below 4 KiB in one place is not counted. auto: a quarter of the memory \
           that the process may use (the machine's, or its control group's limit), at least 64 MiB. To be of use it \
           should be twice --max-buffered-body-bytes or more.",
    set: Set::One(|o, text| {
        put(&mut o.config.limits.max_buffered_bytes, value::unless("auto", text, value::size_in_memory))
    }),
};
