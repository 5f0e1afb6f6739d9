//! A load driver for HTTP/1.1, calls of the Connect protocol and frames: open or closed loop, several groups of connections at once, and figures for each request.
//!
//! ```no_run
//! use corelay_load::{Group, Mix, Plan};
//!
//! // Does /plaintext stay fast while 8 connections block the server's handlers?
//! let mut plan = Plan::new("127.0.0.1:8080".parse()?);
//! plan.groups.push(Group::open("plain", 32, 10_000.0, Mix::only("/plaintext")));
//! plan.groups.push(Group::closed("sleepers", 8, Mix::only("/sleep/100")));
//! let report = corelay_load::run(&plan)?;
//! for group in &report.groups {
//!     println!("{}: {:.0}/s, p99 {:?}", group.name, group.total.per_second, group.total.latency.p99);
//! }
//! for limit in &report.driver.limits {
//!     println!("mind: {limit}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is counted
//!
//! - **Latency runs from the moment a request was due** to the last byte of its answer. In an open loop ([`Pace::Open`]) that
//!   moment is fixed beforehand; a request whose connection still waits for an earlier answer is late, and its lateness
//!   counts. A server that stalls for 200 ms shows 200 ms of late requests, not one slow one: there is no coordinated
//!   omission. In a closed loop ([`Pace::Closed`]) a request is due when it is sent.
//! - **A request belongs to the measurement if it ended in it**: its answer or error came after the warm-up, in the measured
//!   time or in the drain that follows. What is still out after the drain counts as unanswered, with the time it waited so far.
//! - **A rate counts the answers that came within the measured time**, and no drain.
//! - **Every answer is parsed**: status, Content-Length or chunked framing, body to its last byte. Anything else is an
//!   error of one [`ErrorKind`], and its connection is opened anew. Errors of calls ([`Request::call`]) are counted by their code.
//! - **The driver counts itself**: how late it sent what it could have sent ([`DriverReport::schedule_error`]), and how
//!   much of its CPU it used. When it was the limit and not the server, [`DriverReport::limits`] says so.
//!
//! # Skew
//!
//! A group may ask that one thread of the server serve all its connections ([`Placement`]): what happens to a server whose
//! hot connections were all accepted by one of its threads. The driver opens connections until enough are on one.
//!
//! # How it works
//!
//! One thread, one poller, non-blocking sockets. The connections are opened one after another before the warm-up. A loop turn tells
//! connections of due requests, waits for readiness, and reads answers: one `send` and one `recv` a request, or for all that a pipelined
//! connection sends and receives at once, and `epoll_wait` shared by the batch. The clock is read once for each wait and each receive.
//!
//! ```text
//!  Plan ─▶ schedule (when) ┐                                     ┌▶ tally ─▶ Report
//!          mix (what)      ├─▶ driver ─▶ link (socket) ─▶ reader ┘
//! ```
//!
//! More than one CPU, or more connections than a process has descriptors: [`Plan::split`], a process for each part, and
//! [`Report::merge`].
//!
//! # What is absent
//!
//! TLS, HTTP/2; names (give an address); more than one thread.
#![forbid(unsafe_code)]

mod call;
mod distribution;
mod driver;
pub mod driving;
mod error;
mod frame;
pub mod html;
pub mod idle;
mod link;
pub mod machine;
mod mix;
mod opening;
mod placement;
mod plan;
pub mod process;
mod progress;
mod reader;
mod report;
mod response;
mod schedule;
mod seconds;
mod source;
mod split;
pub mod statistics;
mod tally;

pub use distribution::Distribution;
pub use driver::{Held, run, run_and_hold, run_watched};
pub use error::{Error, ErrorCounts, ErrorKind};
pub use mix::{Mix, Request};
pub use placement::Placement;
pub use plan::{Group, Pace, Plan, Protocol};
pub use progress::{Progress, Stage};
pub use report::{
    DriverLimit, DriverReport, Ending, GroupReport, Latency, PathReport, PlacementReport, Report,
    ThreadReport, Total,
};
pub use source::{NoSource, Source};
