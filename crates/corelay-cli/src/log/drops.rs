//! The writing end of the log, which says how many lines were dropped before the one it writes.

use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use tracing_appender::non_blocking::ErrorCounter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use crate::settings::LogFormat;

const TARGET: &str = "corelay::log";
const MESSAGE: &str = "log lines dropped because the queue was full";

/// The queue's count of dropped lines, known once the queue is made.
pub(super) type DropCounter = Arc<OnceLock<ErrorCounter>>;

/// A writer that, on the writing thread, puts a line about dropped lines before the next one.
#[derive(Debug)]
pub(super) struct ReportingDrops<W> {
    out: W,
    format: LogFormat,
    dropped: DropCounter,
    reported: usize,
}

impl<W: Write> ReportingDrops<W> {
    /// Around `out`; the second value takes the counter of the queue that feeds it.
    pub(super) fn new(out: W, format: LogFormat) -> (Self, DropCounter) {
        let dropped = DropCounter::default();
        (Self { out, format, dropped: Arc::clone(&dropped), reported: 0 }, dropped)
    }

    /// Writes the line itself, in the shape of the others: an event would go into the queue that is full.
    fn report(&mut self, dropped: usize) -> io::Result<()> {
        let lines = dropped - self.reported;
        self.reported = dropped;
        let mut time = String::new();
        // A clock that cannot be formatted leaves the line without a time, not the log without the line.
        let _ = SystemTime.format_time(&mut Writer::new(&mut time));
        let line = match self.format {
            LogFormat::Json => {
                let fields = format!(r#"{{"message":"{MESSAGE}","lines":{lines}}}"#);
                format!(r#"{{"timestamp":"{time}","level":"WARN","fields":{fields},"target":"{TARGET}"}}"#)
            }
            _ => format!("{time}  WARN {TARGET}: {MESSAGE} lines={lines}"),
        };
        writeln!(self.out, "{line}")
    }
}

impl<W: Write> Write for ReportingDrops<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    /// The queue hands over whole lines through here.
    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        let dropped = self.dropped.get().map_or(0, ErrorCounter::dropped_lines);
        if dropped > self.reported {
            self.report(dropped)?;
        }
        self.out.write_all(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use std::sync::mpsc;

    use tracing_appender::non_blocking::NonBlockingBuilder;

    use super::*;

    /// A terminal that takes a line only when it is allowed to.
    struct Stuck {
        writing: mpsc::Sender<String>,
        allowed: mpsc::Receiver<()>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.writing.send(String::from_utf8_lossy(bytes).into_owned());
            let _ = self.allowed.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_terminal_delays_nobody_and_the_gap_is_told() {
        let ((writing, written), (allow, allowed)) = (mpsc::channel(), mpsc::channel());
        let (out, counter) = ReportingDrops::new(Stuck { writing, allowed }, LogFormat::Json);
        let (mut queue, guard) =
            NonBlockingBuilder::default().lossy(true).buffered_lines_limit(1).finish(out);
        counter.set(queue.error_counter()).unwrap();
        queue.write_all(b"first\n").unwrap();
        assert_eq!(written.recv().unwrap(), "first\n");
        // The writing thread is stuck in `first`; the queue takes one line more, and the writes return all
        // the same.
        for line in ["second\n", "third\n", "fourth\n"] {
            queue.write_all(line.as_bytes()).unwrap();
        }
        drop(allow);
        let mut rest = String::new();
        while !rest.ends_with("second\n") {
            rest.push_str(&written.recv().unwrap());
        }
        let report: serde_json::Value = serde_json::from_str(rest.strip_suffix("second\n").unwrap()).unwrap();
        assert_eq!((&report["level"], &report["fields"]["lines"]), (&"WARN".into(), &2.into()));
        drop(guard);
    }
}
