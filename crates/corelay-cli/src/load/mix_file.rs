//! The file of `--mix`: requests with weights, in TOML.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use corelay_load::{Mix, Request};
use serde::Deserialize;

use super::call::{self, Source};
use super::error::LoadError;
use super::requests::is_sendable;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    request: Vec<Entry>,
}

/// One `[[request]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    method: Option<String>,
    path: Option<String>,
    /// A call of this method, with this message.
    rpc: Option<String>,
    data: Option<String>,
    #[serde(default = "one")]
    weight: u32,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    /// Seen from the mix's own directory.
    body_file: Option<String>,
}

fn one() -> u32 {
    1
}

/// Reads a file of requests.
pub(super) fn read(path: &Path) -> Result<Mix, LoadError> {
    let wrong = |reason: String| LoadError::File { flag: "--mix", path: path.to_owned(), reason };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    parse(&text, path.parent().unwrap_or(Path::new(""))).map_err(wrong)
}

fn parse(text: &str, directory: &Path) -> Result<Mix, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    if file.request.iter().all(|entry| entry.weight == 0) {
        return Err("it has no [[request]] with a weight above 0".to_owned());
    }
    let entries = file.request.into_iter().enumerate();
    let requests = entries.map(|(index, entry)| {
        let weight = entry.weight;
        let request = entry.request(directory).map_err(|why| format!("[[request]] {}: {why}", index + 1))?;
        Ok((request, weight))
    });
    requests.collect::<Result<Vec<_>, String>>().map(Mix::of)
}

impl Entry {
    fn request(self, directory: &Path) -> Result<Request, String> {
        if let Some(method) = &self.rpc {
            return self.call(method, directory);
        }
        if self.data.is_some() {
            return Err("data means nothing without rpc".to_owned());
        }
        let path = self.path.ok_or("it has neither path nor rpc")?;
        let mut request = Request::new(self.method.as_deref().unwrap_or("GET"), &path);
        request.fields = self.headers.into_iter().collect();
        request.body = match (self.body, self.body_file) {
            (Some(_), Some(_)) => return Err("body cannot be used with body_file".to_owned()),
            (Some(body), None) => body.into_bytes(),
            (None, Some(file)) => {
                let path = directory.join(file);
                fs::read(&path).map_err(|error| format!("body_file {}: {error}", path.display()))?
            }
            (None, None) => Vec::new(),
        };
        is_sendable(&request).map(|()| request)
    }

    /// At the server's root, as other paths of a mix are.
    fn call(&self, method: &str, directory: &Path) -> Result<Request, String> {
        let excluded = [
            ("method", self.method.is_some()),
            ("path", self.path.is_some()),
            ("body", self.body.is_some()),
            ("body_file", self.body_file.is_some()),
        ];
        if let Some((name, _)) = excluded.into_iter().find(|(_, is_given)| *is_given) {
            return Err(format!("rpc cannot be used with {name}"));
        }
        if !call::is_method(method) {
            return Err(format!(
                "invalid value '{}' for rpc: expected {}",
                method.escape_debug(),
                call::METHOD
            ));
        }
        let source = Source { flag: "data", directory };
        let fields = self.headers.clone().into_iter().collect();
        let made = call::request(("", method), fields, self.data.as_deref(), &source);
        let (mut call, fields) = made.map_err(|wrong| {
            wrong.map_or_else(|| format!("expected {}", call::CONTENT_TYPE), |error| error.to_string())
        })?;
        call.fields.extend(fields);
        is_sendable(&call).map(|()| call)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn requests_have_defaults() {
        let text = "[[request]]\npath = '/a'\nweight = 9\n[[request]]\nmethod = 'POST'\npath = '/b'\nbody = 'x'\n\
                    headers = { Content-Type = 'text/plain' }";
        let mix = parse(text, Path::new("")).unwrap();
        let labels: Vec<_> = mix.requests().map(Request::label).collect();
        assert_eq!(labels, ["/a", "POST /b"]);
        assert_eq!(mix.requests().nth(1).unwrap().body, b"x");
    }

    #[test]
    fn calls_stand_beside_requests() {
        let text = "[[request]]\nrpc = 'a.B/C'\ndata = '{\"n\":1}'\nheaders = { X-Y = 'z' }\n[[request]]\npath = '/'";
        let mix = parse(text, Path::new("")).unwrap();
        let call = mix.requests().next().unwrap();
        assert!(call.is_call && call.fields.contains(&("X-Y".to_owned(), "z".to_owned())), "{call:?}");
        assert_eq!((call.path.as_str(), call.body.as_slice()), ("/a.B/C", &b"{\"n\":1}"[..]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("", "no [[request]]"),
            ("[[request]]\npath = '/a'\nweight = 0", "no [[request]]"),
            ("[[request]]\nweight = 1", "path"),
            ("[[request]]\npath = '/'\ndata = '{}'", "data means nothing without rpc"),
            ("[[request]]\nrpc = 'C'", "expected SERVICE/METHOD"),
            ("[[request]]\nrpc = 'a.B/C'\nbody = 'x'", "rpc cannot be used with body"),
            ("[[request]]\nrpc = 'a.B/C'\ndata = '{'", "'{' for data: expected a message in JSON"),
            ("[[request]]\nrpc = 'a.B/C'\ndata = '@absent'", "the file of data, /nowhere/absent"),
            ("[[request]]\nrpc = 'a.B/C'\nheaders = { Content-Type = 'text/plain' }", "application/proto"),
            ("[[request]]\npath = '/a'\nwait = 1", "wait"),
            ("[[request]]\npath = '/a'\n[[request]]\npath = 'b'", "[[request]] 2"),
            ("[[request]]\npath = '/a'\nbody = ''\nbody_file = ''", "body_file"),
            ("[[request]]\npath = '/a'\nbody_file = 'absent'", "absent"),
        ] {
            let error = parse(text, Path::new("/nowhere")).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_file_in_help_is_one_that_is_taken() {
        let help = super::super::command().render_long_help().to_string();
        let example = help.split("# mix.toml").nth(1).and_then(|rest| rest.split("Calls:").next()).unwrap();
        let text: Vec<_> = example.lines().skip(1).collect();
        assert_eq!(parse(&text.join("\n"), Path::new("")).unwrap().requests().len(), 2);
    }
}
