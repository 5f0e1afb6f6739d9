//! Rows of the table that the operator of a running server is concerned with: the admin listener, the log's level.

use super::table::{LOGGING, Set, Setting, put};
use super::value::{self, Takes};
use crate::log::level_named;

const OPERATING: &str = "Operating";

const ADMIN_ADDRESS: Takes = Takes {
    name: "ADDR",
    expected: "`off`, a port (of 127.0.0.1), IP:PORT, [IPv6]:PORT, NAME:PORT or unix:PATH, such as 9901",
};
pub(super) const FILE: Takes = Takes { name: "FILE", expected: "a path, or `off`" };
const LEVEL: Takes = Takes { name: "LEVEL", expected: "`error`, `warn`, `info`, `debug` or `trace`" };

pub(super) const ADMIN: Setting = Setting {
    name: "admin",
    group: OPERATING,
    takes: &ADMIN_ADDRESS,
    default: Some("off"),
    excludes: None,
    help: "Where the admin listener is: /status, /metrics, /healthz, /readyz, /log-level, /drain\n\n\
           A port alone is one of 127.0.0.1. It answers from a thread of its own, also while every core is at its \
           limit. It is not encrypted, and whoever reaches it may read; what changes something needs the token of \
           --admin-token-file.",
    set: Set::One(|o, text| put(&mut o.admin, value::unless("off", text, value::admin_address))),
};

pub(super) const TOKEN_FILE: Setting = Setting {
    name: "admin-token-file",
    group: OPERATING,
    takes: &FILE,
    default: Some("off"),
    excludes: None,
    help: "File whose first line is the token that changes something at the admin listener\n\n\
           16 printable characters or more, sent as `Authorization: Bearer TOKEN`. off: nothing can be changed there. A \
           file, because flags are seen by every user of the machine and variables by every child.",
    set: Set::One(|o, text| put(&mut o.admin_token_file, value::unless("off", text, value::path))),
};

pub(super) const LOG_LEVEL: Setting = Setting {
    name: "log-level",
    group: LOGGING,
    takes: &LEVEL,
    default: Some("info"),
    excludes: None,
    help: "What is logged: error, warn, info, debug or trace, each with those before it\n\n\
           The admin listener changes it while the server runs. The access log is info.",
    set: Set::One(|o, text| put(&mut o.log_level, level_named(text))),
};
