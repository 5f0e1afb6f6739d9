//! The token that whoever changes something must show: `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
//!
//! It is read from a file, and from nowhere else: a flag is seen by every user of the machine, a variable by every child of the
//! process. systemd (`LoadCredential=`) and Kubernetes (secrets) hand over files.

use std::fs;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq as _;

/// The shortest token taken, in bytes: what is shorter can be tried out.
const BYTES_MIN: usize = 16;

/// A secret. It is not shown by `{:?}`, and compared in a time that does not tell how much of a guess is right.
pub(crate) struct Token(String);

/// Why a file gives no token.
#[derive(Debug)]
pub(crate) struct TokenError {
    path: PathBuf,
    reason: String,
}

impl Token {
    /// The first line of the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or its first line is too short or not printable ASCII without spaces.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenError> {
        let wrong = |reason: String| TokenError { path: path.into(), reason };
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let token = text.lines().next().unwrap_or_default().trim_end();
        if token.len() < BYTES_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let expected =
                format!("its first line is not {BYTES_MIN} or more printable characters, no spaces");
            return Err(wrong(expected));
        }
        Ok(Self(token.to_owned()))
    }

    /// Whether the value of `Authorization` shows this token.
    pub(crate) fn is_shown_by(&self, authorization: &[u8]) -> bool {
        let Some((scheme, rest)) = authorization.split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(rest.ct_eq(self.0.as_bytes()))
    }
}

impl std::fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "no admin token in {}: {}", self.path.display(), self.reason)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn the_scheme_is_of_any_case_and_the_token_exact() {
        let token = Token("0123456789abcdef".to_owned());
        for right in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef"] {
            assert!(token.is_shown_by(right.as_bytes()), "{right}");
        }
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Basic 0123456789abcdef",
            "Bearer 0123456789abcdeF",
            "Bearer 0123456789abcdef0",
        ] {
            assert!(!token.is_shown_by(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_file_without_a_token_is_refused() {
        let directory = std::env::temp_dir().join(format!("corelay-token-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("token");
        for (text, taken) in [
            ("0123456789abcdef\n", true),
            ("0123456789abcdef", true),
            ("", false),
            ("short\n", false),
            ("0123456789 abcdef", false),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(Token::read(&path).is_ok(), taken, "{text:?}");
        }
        fs::remove_dir_all(&directory).unwrap();
        assert!(Token::read(&path).err().unwrap().to_string().contains("token"), "names the file");
    }
}
