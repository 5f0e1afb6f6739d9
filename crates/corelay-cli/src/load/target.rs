//! What the load goes to: a URL or a bare `HOST:PORT`, and the address that its name has.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use corelay::http::Uri;

/// A server, and the path of its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// As it was given.
    pub(super) url: String,
    /// A name or an address without brackets.
    name: String,
    port: u16,
    /// The value of `Host`.
    pub(super) host: String,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    pub(super) const EXPECTED: &'static str =
        "http://HOST:PORT/PATH or HOST:PORT, such as http://127.0.0.1:8080/plaintext";

    /// `None` where the text names no server that plain HTTP, or with `framed` plain TCP, can be spoken to.
    pub(super) fn parse(text: &str, framed: bool) -> Option<Self> {
        let uri: Uri = match text.split_once("://") {
            Some(("tcp", rest)) if framed => format!("http://{rest}").parse().ok()?,
            Some(_) => text.parse().ok()?,
            None => format!("http://{text}").parse().ok()?,
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        if uri.scheme_str() != Some("http") || authority.host().is_empty() {
            return None;
        }
        // Not `Authority::port`: it takes a port that is out of range for none.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => 80,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Some(Self { url: text.to_owned(), name, port, host: authority.to_string(), path })
    }

    /// The first address of the name that takes a connection.
    ///
    /// # Errors
    ///
    /// The name has no address, or none of them takes one.
    pub(super) fn find(&self, timeout: Duration) -> io::Result<SocketAddr> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in (self.name.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(_) => return Ok(address),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn a_server_is_named_by_url_or_address() {
        for (text, name, port, host, path) in [
            ("http://127.0.0.1:8080/plaintext", "127.0.0.1", 8080, "127.0.0.1:8080", "/plaintext"),
            ("127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080", "/"),
            ("localhost", "localhost", 80, "localhost", "/"),
            ("http://[::1]:9090/a?b=c", "::1", 9090, "[::1]:9090", "/a?b=c"),
        ] {
            let target = Target::parse(text, false).unwrap();
            assert_eq!((&*target.name, target.port, &*target.host, &*target.path), (name, port, host, path));
        }
        assert_eq!(Target::parse("tcp://127.0.0.1:7", true).unwrap().port, 7);
    }

    #[test]
    fn what_cannot_be_loaded_is_refused() {
        let refused = [
            "",
            "https://localhost",
            "http://",
            "http://:80",
            "http://a:99999",
            "tcp://a:1",
            "http://me@a/",
            "a b",
        ];
        for text in refused {
            assert_eq!(Target::parse(text, false), None, "{text}");
        }
    }
}
