//! The log: events of `tracing`, one line each, on standard error.
//!
//! A serving thread formats its line and puts it into a bounded queue; a thread of its own
//! (`tracing-appender`) writes. When standard error is slow the queue fills, and further lines are *dropped
//! and counted* rather than waited for: a stuck terminal must not stop the server. The writing thread reports
//! the count in the log itself, so a gap in the log always says that it is one.
//!
//! An event is one line whatever a peer put into it: text is escaped as a whole ([`OneLine`]), JSON by its
//! own rules.
//!
//! Deliberately absent: log files and their rotation (the service manager's job), levels by module, colours.

mod drops;
mod one_line;

use std::io;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use crate::settings::LogFormat;
use drops::ReportingDrops;
use one_line::OneLine;

/// Lines that wait for the writing thread; past it they are dropped. At some 200 bytes a line, a few
/// megabytes.
const QUEUED_LINES_MAX: usize = 16_384;

/// Starts the log of this process. Dropping what it returns writes out what is queued.
pub(crate) fn start(format: LogFormat) -> Option<WorkerGuard> {
    let (out, dropped) = match format {
        LogFormat::Off => return None,
        format => ReportingDrops::new(io::stderr(), format),
    };
    let (queue, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUED_LINES_MAX)
        .thread_name("corelay-log")
        .finish(out);
    // The queue is made around its writer, so the writer learns of the queue's counter last.
    let _ = dropped.set(queue.error_counter());
    let lines = tracing_subscriber::fmt().with_writer(queue).with_ansi(false);
    match format {
        // Not flattened: the access log has a field `target`, and every event has one too.
        LogFormat::Json => lines.json().init(),
        _ => lines.event_format(OneLine::default()).init(),
    }
    Some(guard)
}
