//! The `Date` field, rendered once a second and copied into every answer.

use std::fmt;
use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

/// The last second that four digits of year can say: 9999-12-31T23:59:59Z.
const UNIX_SECONDS_MAX: u64 = 253_402_300_799;

/// A rendered `Date` field line with its CRLF: 37 bytes of IMF-fixdate (RFC 9110 sections 5.6.7 and 6.6.1).
///
/// It has no clock: a serving thread calls [`DateField::update`] with the second its own clock shows.
///
/// ```
/// let mut date = corelay_http::DateField::new(784_111_777);
/// assert_eq!(date.as_bytes(), b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
/// date.update(784_111_778);
/// assert_eq!(date.as_bytes(), b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DateField {
    unix_seconds: u64,
    line: [u8; 37],
}

impl DateField {
    /// The field for `unix_seconds` since 1970-01-01T00:00:00Z, leap seconds not counted. Seconds past the year 9999
    /// show as its last.
    pub fn new(unix_seconds: u64) -> Self {
        Self { unix_seconds, line: render(unix_seconds) }
    }

    /// Shows `unix_seconds` from now on; renders only when that is another second than before.
    #[inline]
    pub fn update(&mut self, unix_seconds: u64) {
        if self.unix_seconds != unix_seconds {
            *self = Self::new(unix_seconds);
        }
    }

    /// The whole line, `Date: ` and CRLF included.
    #[inline]
    pub const fn as_bytes(&self) -> &[u8; 37] {
        &self.line
    }
}

impl fmt::Debug for DateField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("DateField").field(&self.line.escape_ascii().to_string()).finish()
    }
}

fn render(unix_seconds: u64) -> [u8; 37] {
    let time = UNIX_EPOCH + Duration::from_secs(unix_seconds.min(UNIX_SECONDS_MAX));
    let mut line = [b' '; 37];
    write!(&mut line[..], "Date: {}\r\n", httpdate::HttpDate::from(time))
        .expect("an IMF-fixdate is always 29 bytes up to the year 9999");
    line
}
