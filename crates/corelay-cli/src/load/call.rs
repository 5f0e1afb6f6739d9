//! A call of `--rpc` or of a mix: its method, its message, and what can be wrong with them.

use std::fs;
use std::path::Path;

use corelay_load::Request;
use serde::de::IgnoredAny;

use super::error::LoadError;

pub(super) const METHOD: &str = "SERVICE/METHOD, such as corelay.demo.v1.RandomService/Draw";
pub(super) const CONTENT_TYPE: &str = "for a call a Content-Type of application/json or application/proto";
const MESSAGE: &str = "a message in JSON, such as {\"count\":5}, or @FILE";

const JSON: &str = "application/json";
const PROTO: &str = "application/proto";
/// The message in which no field is set.
const EMPTY: &str = "{}";

/// Header fields, names with values.
type Fields = Vec<(String, String)>;

/// Whether it names a method of a service, as in a path.
pub(super) fn is_method(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
    };
    text.split_once('/').is_some_and(|(service, method)| is_name(service) && is_name(method))
}

/// The call of a method below `prefix`, the path of a URL, and what is left of its header fields, which may name the content type.
///
/// # Errors
///
/// `Err(None)`: of the content type, which is none of a call. Else of the message.
pub(super) fn request(
    (prefix, method): (&str, &str),
    mut fields: Fields,
    message: Option<&str>,
    source: &Source<'_>,
) -> Result<(Request, Fields), Option<LoadError>> {
    let content_type = take_content_type(&mut fields).map_err(|()| None)?;
    let message = self::message(message, content_type, source).map_err(Some)?;
    let path = format!("{}/{method}", prefix.trim_end_matches('/'));
    Ok((Request::call(&path, content_type, &message), fields))
}

/// Where a message is given, and where its files are.
pub(super) struct Source<'s> {
    pub(super) flag: &'static str,
    pub(super) directory: &'s Path,
}

/// The content type of a call's messages, if it is one; without the field, JSON.
fn take_content_type(fields: &mut Fields) -> Result<&'static str, ()> {
    let Some(place) = fields.iter().position(|(name, _)| name.eq_ignore_ascii_case("content-type")) else {
        return Ok(JSON);
    };
    let (_, given) = fields.remove(place);
    let known = [JSON, PROTO].into_iter().find(|known| known.eq_ignore_ascii_case(&given));
    known.ok_or(())
}

/// What is sent. JSON that is none would be answered with an error each time: it is more likely a slip of the shell's quotes.
fn message(given: Option<&str>, content_type: &str, source: &Source<'_>) -> Result<Vec<u8>, LoadError> {
    let is_json = content_type == JSON;
    let Some(given) = given else {
        return Ok(if is_json { EMPTY.as_bytes().to_vec() } else { Vec::new() });
    };
    let check = |message: &[u8]| match serde_json::from_slice::<IgnoredAny>(message) {
        Err(error) if is_json => Err(error),
        _ => Ok(()),
    };
    let Some(path) = given.strip_prefix('@') else {
        return match check(given.as_bytes()) {
            Ok(()) => Ok(given.as_bytes().to_vec()),
            Err(_) => Err(LoadError::invalid(source.flag, given, MESSAGE)),
        };
    };
    let path = source.directory.join(path);
    let wrong = |reason: String| LoadError::File { flag: source.flag, path: path.clone(), reason };
    let message = fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    check(&message).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_named_with_its_service() {
        for method in ["a.b.v1.Service/Method", "Service/M_2"] {
            assert!(is_method(method), "{method}");
        }
        for other in ["", "Method", "a.B/", "/M", "/a.B/M", "a.B/M/N", "a.B/M?x", "a B/M"] {
            assert!(!is_method(other), "{other}");
        }
    }
}
