//! One event, one line: no byte of a peer can end a line, start another or move a terminal's cursor.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The text format of `tracing-subscriber` with every control character escaped, as Rust escapes it.
///
/// The format below it escapes only what it prints with `{:?}`; a field given as `%value` and the message
/// pass as they are. Here the whole line passes once, so nothing depends on how an event was written.
#[derive(Debug, Default)]
pub(super) struct OneLine(Format<Full>);

impl<S, N> FormatEvent<S, N> for OneLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::with_capacity(256);
        self.0.format_event(context, Writer::new(&mut line), event)?;
        write_escaped(&mut writer, line.trim_end_matches('\n'))?;
        writer.write_char('\n')
    }
}

fn write_escaped(writer: &mut Writer<'_>, line: &str) -> fmt::Result {
    let mut rest = line;
    while let Some(at) = rest.find(char::is_control) {
        let (plain, tail) = rest.split_at(at);
        writer.write_str(plain)?;
        let mut characters = tail.chars();
        if let Some(control) = characters.next() {
            write!(writer, "{}", control.escape_default())?;
        }
        rest = characters.as_str();
    }
    writer.write_str(rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_value_with_line_ends_and_escapes_stays_one_line() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .event_format(OneLine::default())
            .finish();
        let hostile = "/a\r\n2026-01-01T00:00:00Z  INFO forged\u{1b}[2J\u{9b}\u{85}é";
        tracing::subscriber::with_default(
            subscriber,
            || tracing::info!(target: "t", path = %hostile, "said {hostile}"),
        );
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(text.chars().filter(|c| c.is_control()).collect::<String>(), "\n");
        let escaped = r"path=/a\r\n2026-01-01T00:00:00Z  INFO forged\u{1b}[2J\u{9b}\u{85}é";
        assert!(text.contains(escaped), "{text}");
    }
}
