//! Which requests the flags ask for.

use std::fs;

use clap::ArgMatches;
use corelay_load::{Group, Mix, Plan, Request};

use super::error::LoadError;
use super::mix_file;
use super::options::{text, texts};
use super::target::Target;

const METHOD: &str = "a method, such as GET, HEAD, POST or DELETE";
const HEADER: &str = "NAME: VALUE of one line; not Content-Length, Expect, Transfer-Encoding or Upgrade";
const PATH: &str = "a path that begins with / and has no space, such as /users/1?full=yes";

/// What is sent, besides when.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) mix: Mix,
    /// Fields of every request.
    pub(super) fields: Vec<(String, String)>,
    /// The value of `Host`, if a flag sets it.
    pub(super) host: Option<String>,
}

impl Requests {
    pub(super) fn read(flags: &ArgMatches, target: &Target) -> Result<Self, LoadError> {
        if flags.get_flag("framed") {
            return Self::frames(flags);
        }
        let (fields, host) = fields(&texts(flags, "header"))?;
        if let Some(path) = text(flags, "mix") {
            let given = ["--path", "--method", "--body"].into_iter().find(|flag| is_given(flags, flag));
            return match given {
                Some(other) => Err(LoadError::Conflict { one: "--mix", other }),
                None => Ok(Self { mix: mix_file::read(path.as_ref())?, fields, host }),
            };
        }
        let body = body(flags)?.unwrap_or_default();
        let method = text(flags, "method").unwrap_or(if body.is_empty() { "GET" } else { "POST" });
        if is_sendable(&Request::new(method, "/")).is_err() {
            return Err(LoadError::invalid("--method", method, METHOD));
        }
        let paths = texts(flags, "path");
        if let Some(path) = paths.iter().find(|path| is_sendable(&Request::of_path(path)).is_err()) {
            return Err(LoadError::invalid("--path", path, PATH));
        }
        let paths = if paths.is_empty() { vec![target.path.as_str()] } else { paths };
        let request = |path: &str| {
            let mut request = Request::new(method, path);
            request.body.clone_from(&body);
            (request, 1)
        };
        Ok(Self { mix: Mix::of(paths.into_iter().map(request)), fields, host })
    }

    fn frames(flags: &ArgMatches) -> Result<Self, LoadError> {
        let of_http = ["--method", "--header", "--path", "--mix"];
        match of_http.into_iter().find(|flag| is_given(flags, flag)) {
            Some(other) => Err(LoadError::Conflict { one: "--framed", other }),
            None => {
                let payload = body(flags)?.unwrap_or_default();
                let mix = Mix::of([(Request::frame("frame", &payload), 1)]);
                Ok(Self { mix, fields: Vec::new(), host: None })
            }
        }
    }
}

/// Whether a request can be sent as it is; why not, if not.
pub(super) fn is_sendable(request: &Request) -> Result<(), String> {
    let mut plan = Plan::new(([127, 0, 0, 1], 80).into());
    plan.groups.push(Group::closed("load", 1, Mix::of([(request.clone(), 1)])));
    plan.check().map_err(|error| {
        let text = error.to_string();
        text.rsplit_once("group \"load\": ").map_or(text.clone(), |(_, why)| why.to_owned())
    })
}

fn is_given(flags: &ArgMatches, flag: &str) -> bool {
    flags.contains_id(flag.trim_start_matches('-'))
}

/// The fields, and of these the value of Host apart.
type Fields = (Vec<(String, String)>, Option<String>);

fn fields(given: &[&str]) -> Result<Fields, LoadError> {
    let (mut fields, mut host) = (Vec::new(), None);
    for text in given {
        let invalid = || LoadError::invalid("--header", text, HEADER);
        let (name, value) = text.split_once(':').ok_or_else(invalid)?;
        let (name, value) = (name.to_owned(), value.trim().to_owned());
        if name.eq_ignore_ascii_case("host") {
            if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(invalid());
            }
            host = Some(value);
            continue;
        }
        let mut request = Request::of_path("/");
        request.fields.push((name, value));
        is_sendable(&request).map_err(|_| invalid())?;
        fields.append(&mut request.fields);
    }
    Ok((fields, host))
}

fn body(flags: &ArgMatches) -> Result<Option<Vec<u8>>, LoadError> {
    let Some(given) = text(flags, "body") else { return Ok(None) };
    match given.strip_prefix('@') {
        None => Ok(Some(given.as_bytes().to_vec())),
        Some(path) => fs::read(path).map(Some).map_err(|error| LoadError::File {
            flag: "--body",
            path: path.into(),
            reason: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn read(words: &[&str]) -> Result<Requests, String> {
        let words = [&["load", "http://h:1/of-url"], words].concat();
        let flags = super::super::command().try_get_matches_from(words).unwrap();
        let target = Target::parse("http://h:1/of-url", false).unwrap();
        Requests::read(&flags, &target).map_err(|error| error.to_string())
    }

    fn labels(words: &[&str]) -> Vec<String> {
        read(words).unwrap().mix.requests().map(Request::label).collect()
    }

    #[test]
    fn the_urls_path_is_asked_for_unless_others_are_named() {
        assert_eq!(labels(&[]), ["/of-url"]);
        assert_eq!(labels(&["--path", "/a", "--path", "/b"]), ["/a", "/b"]);
        assert_eq!(labels(&["--body", "x"]), ["POST /of-url"]);
        assert_eq!(labels(&["--body", "x", "--method", "PUT"]), ["PUT /of-url"]);
        assert_eq!(labels(&["--framed", "--body", "x"]), ["frame"]);
    }

    #[test]
    fn host_is_a_header_like_others_for_the_user() {
        let requests = read(&["--header", "Host: a.example", "--header", "X-Y:  z "]).unwrap();
        assert_eq!(requests.host.as_deref(), Some("a.example"));
        assert_eq!(requests.fields, [("X-Y".to_owned(), "z".to_owned())]);
    }

    #[test]
    fn wrong_requests_are_refused_with_flag_value_and_what_is_allowed() {
        for (words, named) in [
            (&["--method", "G T"][..], "invalid value 'G T' for --method: expected a method"),
            (&["--path", "x"], "invalid value 'x' for --path: expected a path that begins with /"),
            (&["--header", "x"], "invalid value 'x' for --header: expected NAME: VALUE"),
            (&["--header", "Content-Length: 1"], "for --header"),
            (&["--header", "a: b\r\nc: d"], r"'a: b\r\nc: d' for --header"),
            (&["--header", "Host: "], "for --header"),
            (&["--body", "@/nowhere/x"], "the file of --body, /nowhere/x: "),
            (&["--mix", "/nowhere/x"], "the file of --mix, /nowhere/x: "),
            (&["--mix", "x", "--path", "/"], "--mix cannot be used with --path"),
            (&["--framed", "--method", "GET"], "--framed cannot be used with --method"),
        ] {
            let error = read(words).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
