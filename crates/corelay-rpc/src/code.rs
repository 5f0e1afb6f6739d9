//! The sixteen codes an RPC can fail with, and the HTTP statuses they travel under.
//!
//! <https://connectrpc.com/docs/protocol#error-codes>. Both directions are total: a client that meets a status without
//! a code of its own reads `unknown`.

use std::fmt;

use http::StatusCode;

/// Why an RPC failed. The names and numbers are those of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// The caller gave up.
    Canceled = 1,
    /// Of unknown kind: also what a status without a code of its own is read as.
    Unknown = 2,
    /// The request makes no sense, whatever the state of the server.
    InvalidArgument = 3,
    /// The deadline passed first.
    DeadlineExceeded = 4,
    /// There is no such thing.
    NotFound = 5,
    /// There is such a thing already.
    AlreadyExists = 6,
    /// The caller may not do this.
    PermissionDenied = 7,
    /// Something is used up, or a message is larger than a limit.
    ResourceExhausted = 8,
    /// The system is in another state than this needs.
    FailedPrecondition = 9,
    /// Something came in between; the whole sequence may be tried again.
    Aborted = 10,
    /// Past the valid range, in the present state.
    OutOfRange = 11,
    /// There is no such method, or not here.
    Unimplemented = 12,
    /// An invariant is broken.
    Internal = 13,
    /// Not at this moment: try again.
    Unavailable = 14,
    /// Data is lost for good.
    DataLoss = 15,
    /// Nobody knows who the caller is.
    Unauthenticated = 16,
}

/// Every code, its name on the wire and the status of a unary answer that carries it.
const CODES: [(Code, &str, u16); 16] = [
    (Code::Canceled, "canceled", 499),
    (Code::Unknown, "unknown", 500),
    (Code::InvalidArgument, "invalid_argument", 400),
    (Code::DeadlineExceeded, "deadline_exceeded", 504),
    (Code::NotFound, "not_found", 404),
    (Code::AlreadyExists, "already_exists", 409),
    (Code::PermissionDenied, "permission_denied", 403),
    (Code::ResourceExhausted, "resource_exhausted", 429),
    (Code::FailedPrecondition, "failed_precondition", 400),
    (Code::Aborted, "aborted", 409),
    (Code::OutOfRange, "out_of_range", 400),
    (Code::Unimplemented, "unimplemented", 501),
    (Code::Internal, "internal", 500),
    (Code::Unavailable, "unavailable", 503),
    (Code::DataLoss, "data_loss", 500),
    (Code::Unauthenticated, "unauthenticated", 401),
];

impl Code {
    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        CODES.iter().map(|(code, ..)| *code)
    }

    /// The name on the wire, such as `invalid_argument`.
    ///
    /// ```
    /// use corelay_rpc::Code;
    ///
    /// assert_eq!(Code::InvalidArgument.name(), "invalid_argument");
    /// assert_eq!(Code::from_name("invalid_argument"), Some(Code::InvalidArgument));
    /// assert_eq!(Code::InvalidArgument.http_status(), 400);
    /// ```
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The code of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        CODES.iter().find(|(_, known, _)| *known == name).map(|(code, ..)| *code)
    }

    /// The code of this number in gRPC and in `google.rpc.Code`; 0, which means no error, has none.
    pub fn from_number(number: i32) -> Option<Self> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        CODES.get(index).map(|(code, ..)| *code)
    }

    /// The status of a unary answer with this code.
    pub fn http_status(self) -> StatusCode {
        StatusCode::from_u16(self.row().2).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What a client makes of a status whose body names no code: a proxy answered, or no RPC server.
    pub fn from_http_status(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502..=504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }

    fn row(self) -> &'static (Self, &'static str, u16) {
        &CODES[self as usize - 1]
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_rows_agree() {
        for (index, code) in Code::all().enumerate() {
            assert_eq!(Code::from_name(code.name()), Some(code));
            assert_eq!(Code::from_number(index as i32 + 1), Some(code));
            assert_eq!(code.row().0, code);
        }
        assert_eq!(
            (Code::from_number(0), Code::from_number(17), Code::from_number(i32::MIN)),
            (None, None, None)
        );
        assert_eq!(Code::from_name("OK"), None);
    }
}
