//! The status line and the header section of a response (RFC 9112 sections 4 and 5).

use super::{Encoded, Persistence, ResponseFraming, ResponseHead};
use crate::Version;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};

/// Enough for the head of a small answer, so that encoding one grows the buffer at most once.
const HEAD_BYTES_TYPICAL: usize = 256;

impl ResponseHead<'_> {
    /// Appends the head to `output`: the status line, our fields, then `fields`, then the empty line.
    ///
    /// Of `fields` these are ours to decide and are left out: `Content-Length` and `Transfer-Encoding` (see
    /// [`ResponseHead::framing`]), `Connection`, `Date` where [`ResponseHead::date`] is given, `Content-Type` where
    /// [`ResponseHead::content_type`] is. `Connection: close` among them closes the connection, and
    /// `Upgrade` among them makes it `Connection: upgrade`.
    ///
    /// What is returned may differ from what was asked for: a chunked body to an HTTP/1.0 peer becomes one that
    /// ends with the connection, and such a body closes it.
    #[inline]
    pub fn encode<'f>(
        &self,
        fields: impl IntoIterator<Item = (&'f HeaderName, &'f HeaderValue)>,
        output: &mut Vec<u8>,
    ) -> Encoded {
        let framing = self.wire_framing();
        let mut connection = Connection { persistence: self.persistence, upgrade: false };
        if framing == ResponseFraming::UntilClose && !self.head_request {
            connection.persistence = Persistence::Close;
        }
        output.reserve(HEAD_BYTES_TYPICAL);
        status_line(self.status, output);
        if let Some(date) = self.date {
            output.extend_from_slice(date.as_bytes());
        }
        if let Some(content_type) = self.content_type {
            line(b"Content-Type: ", content_type.as_bytes(), output);
        }
        framing_field(framing, output);
        for (name, value) in fields {
            self.field(name, value, &mut connection, output);
        }
        self.connection_field(&connection, output);
        output.extend_from_slice(b"\r\n");
        let framing = if self.head_request { ResponseFraming::NoBody } else { framing };
        Encoded { framing, persistence: connection.persistence }
    }

    /// The framing that status and peer allow.
    #[inline(always)]
    fn wire_framing(&self) -> ResponseFraming {
        match Self::framing_of_status(self.status) {
            Some(framing) => framing,
            None if self.framing == ResponseFraming::Chunked && self.version == Version::Http10 => {
                ResponseFraming::UntilClose
            }
            None => self.framing,
        }
    }

    /// What a status alone decides (RFC 9112 section 6.3).
    #[inline(always)]
    pub(super) fn framing_of_status(status: StatusCode) -> Option<ResponseFraming> {
        let bodiless =
            status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        bodiless.then_some(ResponseFraming::NoBody)
    }

    fn field(
        &self,
        name: &HeaderName,
        value: &HeaderValue,
        connection: &mut Connection,
        output: &mut Vec<u8>,
    ) {
        match *name {
            header::CONNECTION => {
                if lists_close(value.as_bytes()) {
                    connection.persistence = Persistence::Close;
                }
                return;
            }
            header::CONTENT_LENGTH | header::TRANSFER_ENCODING => return,
            header::DATE if self.date.is_some() => return,
            header::CONTENT_TYPE if self.content_type.is_some() => return,
            header::UPGRADE => connection.upgrade = true,
            _ => {}
        }
        output.extend_from_slice(name.as_str().as_bytes());
        line(b": ", value.as_bytes(), output);
    }

    /// Says what is not the default of the peer's version, and always that an Upgrade field is for this connection
    /// only (RFC 9110 section 7.8).
    #[inline(always)]
    fn connection_field(&self, connection: &Connection, output: &mut Vec<u8>) {
        let persistence = match (connection.persistence, self.version) {
            _ if self.status == StatusCode::SWITCHING_PROTOCOLS => "",
            (Persistence::Close, _) => "close",
            (Persistence::KeepAlive, Version::Http10) => "keep-alive",
            (Persistence::KeepAlive, Version::Http11) => "",
        };
        match (connection.upgrade, persistence) {
            (false, "") => {}
            (true, "") => output.extend_from_slice(b"Connection: upgrade\r\n"),
            (false, option) => line(b"Connection: ", option.as_bytes(), output),
            (true, option) => line(b"Connection: upgrade, ", option.as_bytes(), output),
        }
    }
}

/// What the Connection field will say, gathered while the other fields are written.
struct Connection {
    persistence: Persistence,
    upgrade: bool,
}

#[inline(always)]
pub(super) fn status_line(status: StatusCode, output: &mut Vec<u8>) {
    if status == StatusCode::OK {
        output.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        other_status_line(status, output);
    }
}

/// The space after the code stays where there is no reason to give (RFC 9112 section 4).
fn other_status_line(status: StatusCode, output: &mut Vec<u8>) {
    output.extend_from_slice(b"HTTP/1.1 ");
    output.extend_from_slice(status.as_str().as_bytes());
    line(b" ", status.canonical_reason().unwrap_or_default().as_bytes(), output);
}

#[inline(always)]
fn framing_field(framing: ResponseFraming, output: &mut Vec<u8>) {
    match framing {
        ResponseFraming::Length(length) => {
            output.extend_from_slice(b"Content-Length: ");
            number_line(length, output);
        }
        ResponseFraming::Chunked => output.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        ResponseFraming::UntilClose | ResponseFraming::NoBody => {}
    }
}

/// `number` and CRLF. Up to six digits fit one word with it, written at once and cut to length: octets written one by
/// one and then copied as a whole would stall the processor on every answer.
#[inline(always)]
fn number_line(number: u64, output: &mut Vec<u8>) {
    if number >= 1_000_000 {
        return line(b"", itoa::Buffer::new().format(number).as_bytes(), output);
    }
    let (mut word, mut rest, mut len) = (u64::from(u16::from_le_bytes(*b"\r\n")), number as u32, 2);
    loop {
        word = word << 8 | u64::from(b'0' + (rest % 10) as u8);
        rest /= 10;
        len += 1;
        if rest == 0 {
            break;
        }
    }
    output.extend_from_slice(&word.to_le_bytes());
    output.truncate(output.len() - (8 - len));
}

#[inline(always)]
pub(super) fn line(before: &[u8], value: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(before);
    output.extend_from_slice(value);
    output.extend_from_slice(b"\r\n");
}

fn lists_close(value: &[u8]) -> bool {
    value.split(|&octet| octet == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}
