//! Which server to ask: a URL, a bare `HOST:PORT`, or `unix:PATH` as `corelay serve` prints it.

use std::path::PathBuf;

use corelay::http::Uri;

/// The path that is asked for where the URL has none.
const STATUS_PATH: &str = "/status";

/// A server and the path of its status.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) endpoint: Endpoint,
    /// The value of `Host`.
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
}

/// What to connect to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A name or an address without brackets, and a port.
    Tcp {
        host: String,
        port: u16,
    },
    Unix(PathBuf),
}

impl Server {
    /// `None` where the text names no server, or one that cannot be asked in plain HTTP.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some("") => None,
            Some(path) => Some(Self {
                endpoint: Endpoint::Unix(path.into()),
                host: "localhost".to_owned(),
                target: STATUS_PATH.to_owned(),
            }),
            None if text.contains("://") => Self::from_uri(&text.parse().ok()?),
            None => Self::from_uri(&format!("http://{text}").parse().ok()?),
        }
    }

    fn from_uri(uri: &Uri) -> Option<Self> {
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        if uri.scheme_str() != Some("http") || authority.host().is_empty() {
            return None;
        }
        // Not `Authority::port`: it takes a port that is out of range for none.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => 80,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let target = match uri.path_and_query().map_or("/", |target| target.as_str()) {
            "/" => STATUS_PATH,
            target => target,
        };
        let target = target.to_owned();
        Some(Self { endpoint: Endpoint::Tcp { host, port }, host: authority.to_string(), target })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn a_server_is_named_by_url_address_or_socket() {
        let tcp = |host: &str, port| Endpoint::Tcp { host: host.to_owned(), port };
        for (text, endpoint, host, target) in [
            ("http://127.0.0.1:8080", tcp("127.0.0.1", 8080), "127.0.0.1:8080", "/status"),
            ("http://127.0.0.1:8080/", tcp("127.0.0.1", 8080), "127.0.0.1:8080", "/status"),
            ("127.0.0.1:8080", tcp("127.0.0.1", 8080), "127.0.0.1:8080", "/status"),
            ("localhost", tcp("localhost", 80), "localhost", "/status"),
            ("http://[::1]:9090/admin/status?a=b", tcp("::1", 9090), "[::1]:9090", "/admin/status?a=b"),
            ("unix:/run/corelay.sock", Endpoint::Unix("/run/corelay.sock".into()), "localhost", "/status"),
        ] {
            let server = Server::parse(text).unwrap();
            assert_eq!((server.endpoint, &*server.host, &*server.target), (endpoint, host, target), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let refused = [
            "",
            "unix:",
            "https://localhost",
            "http://",
            "http://:80",
            "http://a:99999",
            "ftp://a",
            "http://me@a/",
            "a b",
            "http://a/\r\nx: y",
        ];
        for text in refused {
            assert_eq!(Server::parse(text), None, "{text}");
        }
    }
}
