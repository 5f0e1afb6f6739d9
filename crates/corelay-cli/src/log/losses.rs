//! The writing end of the log, which says how many lines were lost before the one it writes.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tracing_appender::non_blocking::ErrorCounter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use crate::settings::LogFormat;

const TARGET: &str = "corelay::log";
const MESSAGE: &str = "log lines lost: the queue was full, or they could not be written";

/// The lines of one log that nobody will read.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// The queue's count of dropped lines, known once the queue is made.
    dropped: OnceLock<ErrorCounter>,
    /// Lines that could not be written, or not all of them.
    unwritten: AtomicU64,
}

impl Losses {
    /// The queue is made, and counts what it drops.
    pub(super) fn count_drops_of(&self, queue: ErrorCounter) {
        let _ = self.dropped.set(queue);
    }

    /// All of them so far.
    pub(super) fn lines(&self) -> u64 {
        let dropped = self.dropped.get().map_or(0, |counter| counter.dropped_lines() as u64);
        dropped + self.unwritten.load(Ordering::Relaxed)
    }
}

/// A writer that, on the writing thread, puts a line about lost lines before the next one.
#[derive(Debug)]
pub(super) struct ReportingLosses<W> {
    out: W,
    format: LogFormat,
    losses: Arc<Losses>,
    reported: u64,
    /// The last line was written in part: what follows must not be taken for the rest of it.
    torn: bool,
}

impl<W: Write> ReportingLosses<W> {
    /// Around `out`; the second value counts.
    pub(super) fn new(out: W, format: LogFormat) -> (Self, Arc<Losses>) {
        let losses = Arc::<Losses>::default();
        (Self { out, format, losses: losses.clone(), reported: 0, torn: false }, losses)
    }

    /// Writes the line itself, in the shape of the others: an event would go into the queue that is full.
    fn report(&mut self, lost: u64) -> io::Result<()> {
        let lines = lost - self.reported;
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
        self.put(format!("{line}\n").as_bytes())?;
        self.reported = lost;
        Ok(())
    }

    /// Writes a line whole, or notes that a part of it stands there.
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.out.write_all(b"\n")?;
            self.torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.torn = rest.len() < line.len();
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

impl<W: Write> Write for ReportingLosses<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    /// The queue hands over whole lines through here.
    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        let lost = self.losses.lines();
        let reported = if lost > self.reported { self.report(lost) } else { Ok(()) };
        let written = reported.and_then(|()| self.put(line));
        if written.is_err() {
            self.losses.unwritten.fetch_add(1, Ordering::Relaxed);
        }
        written
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
        let (out, losses) = ReportingLosses::new(Stuck { writing, allowed }, LogFormat::Json);
        let (mut queue, guard) =
            NonBlockingBuilder::default().lossy(true).buffered_lines_limit(1).finish(out);
        losses.count_drops_of(queue.error_counter());
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

    /// A disk with room for this many bytes, until there is more.
    #[derive(Default)]
    struct Disk {
        room: usize,
        text: String,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.text.push_str(std::str::from_utf8(&bytes[..taken]).unwrap());
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_counted_and_told_when_there_is_room() {
        let (mut out, losses) = ReportingLosses::new(Disk { room: 9, ..Disk::default() }, LogFormat::Text);
        out.write_all(b"first\n").unwrap();
        for _ in 0..3 {
            out.write_all(b"next\n").unwrap_err();
        }
        assert_eq!(losses.lines(), 3);
        out.out.room = 1000;
        out.write_all(b"last\n").unwrap();
        let lines: Vec<&str> = out.out.text.lines().collect();
        assert_eq!((lines[0], lines[1], lines[3]), ("first", "nex", "last"), "{lines:?}");
        assert!(lines[2].ends_with(&format!("{MESSAGE} lines=3")), "{}", lines[2]);
    }
}
