//! Neither FreeBSD nor macOS shows a thread's state through a file or a clock that safe Rust reaches: there is no probe.

use crate::thread::{Activity, Scheduled};
use std::io;
use std::time::Duration;

pub(crate) fn current() -> u32 {
    0
}

pub(crate) fn waits() -> u64 {
    0
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Probe {}

impl Probe {
    pub(crate) fn of(_thread: u32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn activity(&self) -> io::Result<Activity> {
        match *self {}
    }

    pub(crate) fn scheduled(&self) -> io::Result<Scheduled> {
        match *self {}
    }

    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        match *self {}
    }
}

pub(crate) fn raise_priority(_thread: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn raise_priority_alone(_thread: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn set_slice(_thread: u32, _slice: Option<Duration>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn lower_priority(_thread: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn expect_sleepers(_threads: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
