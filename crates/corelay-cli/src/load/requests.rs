//! Which requests the flags ask for.

use std::fs;
use std::path::Path;

use clap::ArgMatches;
use corelay_load::{Group, Mix, Plan, Request};

use super::call::{self, Source};
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
        if let Some(method) = text(flags, "rpc") {
            return Self::calls(flags, target, method, (fields, host));
        }
        if is_given(flags, "--data") {
            return Err(LoadError::Lacks { flag: "--data", needed: "--rpc" });
        }
        if let Some(path) = text(flags, "mix") {
            refuse_with("--mix", &["--path", "--method", "--body"], flags)?;
            return Ok(Self { mix: mix_file::read(path.as_ref())?, fields, host });
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

    fn calls(flags: &ArgMatches, target: &Target, method: &str, fields: Fields) -> Result<Self, LoadError> {
        refuse_with("--rpc", &["--mix", "--method", "--path", "--body"], flags)?;
        if !call::is_method(method) {
            return Err(LoadError::invalid("--rpc", method, call::METHOD));
        }
        if target.path.contains('?') {
            return Err(LoadError::invalid("URL", &target.url, "with --rpc no query"));
        }
        let (fields, host) = fields;
        let source = Source { flag: "--data", directory: Path::new("") };
        let made = call::request((&target.path, method), fields, text(flags, "data"), &source);
        let (call, fields) = made.map_err(|wrong| {
            let given = texts(flags, "header").into_iter().find(|field| is_content_type(field));
            wrong.unwrap_or_else(|| {
                LoadError::invalid("--header", given.unwrap_or_default(), call::CONTENT_TYPE)
            })
        })?;
        Ok(Self { mix: Mix::of([(call, 1)]), fields, host })
    }

    fn frames(flags: &ArgMatches) -> Result<Self, LoadError> {
        refuse_with("--framed", &["--method", "--header", "--path", "--mix", "--rpc", "--data"], flags)?;
        let payload = body(flags)?.unwrap_or_default();
        let mix = Mix::of([(Request::frame("frame", &payload), 1)]);
        Ok(Self { mix, fields: Vec::new(), host: None })
    }
}

/// Refuses the first of these flags that is given beside one that excludes them.
fn refuse_with(one: &'static str, others: &[&'static str], flags: &ArgMatches) -> Result<(), LoadError> {
    match others.iter().find(|flag| is_given(flags, flag)) {
        Some(other) => Err(LoadError::Conflict { one, other }),
        None => Ok(()),
    }
}

fn is_content_type(field: &str) -> bool {
    field.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("content-type"))
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
    fn a_call_is_below_the_urls_path_and_its_content_type_is_a_header_like_others() {
        let call = |words: &[&str]| {
            let requests = read(&[&["--rpc", "a.B/C"], words].concat()).unwrap();
            let call = requests.mix.requests().next().unwrap().clone();
            (call, requests.fields)
        };
        let json = Request::call("/of-url/a.B/C", "application/json", b"{}");
        assert_eq!(call(&[]), (json, vec![]));
        assert_eq!(call(&["--data", "{\"x\":1}"]).0.body, b"{\"x\":1}");
        let proto = Request::call("/of-url/a.B/C", "application/proto", b"\x08\x01");
        let headers = ["--header", "content-type: application/proto", "--header", "X-Y: z"];
        let fields = vec![("X-Y".to_owned(), "z".to_owned())];
        assert_eq!(call(&[&headers[..], &["--data", "\x08\x01"]].concat()), (proto, fields));
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
            (&["--framed", "--rpc", "a.B/C"], "--framed cannot be used with --rpc"),
            (&["--rpc", "/a.B/C"], "invalid value '/a.B/C' for --rpc: expected SERVICE/METHOD"),
            (&["--rpc", "a.B/C", "--body", "x"], "--rpc cannot be used with --body"),
            (&["--rpc", "a.B/C", "--mix", "x"], "--rpc cannot be used with --mix"),
            (
                &["--rpc", "a.B/C", "--data", "{a"],
                "invalid value '{a' for --data: expected a message in JSON",
            ),
            (&["--rpc", "a.B/C", "--data", "@/nowhere/x"], "the file of --data, /nowhere/x: "),
            (
                &["--rpc", "a.B/C", "--header", "Content-Type: text/plain"],
                "'Content-Type: text/plain' for --header: expected for a call a Content-Type of application/json",
            ),
            (&["--data", "{}"], "--data means nothing without --rpc"),
        ] {
            let error = read(words).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
