//! The log: events of `tracing`, one line each, on standard error.
//!
//! A serving thread formats its line and puts it into a bounded queue; a thread of its own
//! (`tracing-appender`) writes. When standard error is slow the queue fills, and further lines are *dropped
//! and counted* rather than waited for: a stuck terminal must not stop the server. The writing thread reports
//! the count in the log itself, so a gap in the log always says that it is one. Lines that cannot be written, to a disk that
//! is full for one, are counted with them ([`lines_lost`]), and the server goes on.
//!
//! An event is one line whatever a peer put into it: text is escaped as a whole ([`OneLine`]), JSON by its
//! own rules.
//!
//! Deliberately absent: log files and their rotation (the service manager's job), levels by module, colours.

mod level;
mod losses;
mod one_line;

use std::io;
use std::sync::{Arc, OnceLock};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, reload};

use crate::settings::LogFormat;
pub(crate) use level::{LogLevel, level_named};
use losses::{Losses, ReportingLosses};
use one_line::OneLine;

/// Lines that wait for the writing thread; past it they are dropped. At some 200 bytes a line, a few
/// megabytes.
const QUEUED_LINES_MAX: usize = 16_384;

/// What this process's log has lost, once there is one.
static LOSSES: OnceLock<Arc<Losses>> = OnceLock::new();

/// Lines that the log has lost so far: dropped because its queue was full, or not written because that failed.
pub(crate) fn lines_lost() -> u64 {
    LOSSES.get().map_or(0, |losses| losses.lines())
}

/// A log that runs. Dropping it writes out what is queued.
pub(crate) struct Log {
    _guard: WorkerGuard,
    level: Arc<LogLevel>,
}

impl Log {
    /// What changes its level.
    pub(crate) fn level(&self) -> Arc<LogLevel> {
        self.level.clone()
    }
}

/// Starts the log of this process.
pub(crate) fn start(format: LogFormat, level: LevelFilter) -> Option<Log> {
    let (out, losses) = match format {
        LogFormat::Off => return None,
        format => ReportingLosses::new(io::stderr(), format),
    };
    let (queue, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUED_LINES_MAX)
        .thread_name("corelay-log")
        .finish(out);
    // The queue is made around its writer, so the writer learns of the queue's counter last.
    losses.count_drops_of(queue.error_counter());
    let _ = LOSSES.set(losses);
    let (filter, handle) = reload::Layer::new(level);
    let (filtered, lines) = (tracing_subscriber::registry().with(filter), fmt::layer());
    let lines = lines.with_writer(queue).with_ansi(false);
    match format {
        // Not flattened: the access log has a field `target`, and every event has one too.
        LogFormat::Json => filtered.with(lines.json()).init(),
        _ => filtered.with(lines.event_format(OneLine::default())).init(),
    }
    let level = LogLevel::new(level, handle);
    Some(Log { _guard: guard, level })
}
