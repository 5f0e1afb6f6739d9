//! Who is compared: engines of corelay, and servers of others.

use std::net::{SocketAddr, ToSocketAddrs as _};

use anyhow::{Context as _, Result};
use corelay::http::Uri;

/// The engines of `corelay serve`.
pub(super) const ENGINES: [&str; 3] = ["cores", "threads", "pool"];

/// One column of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    /// `corelay serve --engine` this.
    Engine(String),
    /// A server that runs already.
    Url(Url),
    /// A command that starts one at `{port}`.
    Command(String),
}

/// Where a server is, and what to ask it for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Host and port, as Host has it.
    pub(super) authority: String,
    /// Path and query of plain requests; `None` where the URL has none: the scenario's own.
    pub(super) path: Option<String>,
    port: u16,
}

impl Contender {
    /// What the tables call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Engine(engine) => engine.clone(),
            Self::Url(url) => url.authority.clone(),
            Self::Command(command) => {
                let program = command.split_whitespace().next().unwrap_or_default();
                program.rsplit('/').next().unwrap_or_default().to_owned()
            }
        }
    }

    /// How it is started, as a user would type it.
    pub(super) fn command(&self) -> String {
        match self {
            Self::Engine(engine) => format!("corelay {}", Self::serve_arguments(engine).join(" ")),
            Self::Url(url) => format!("http://{}, started by somebody else", url.authority),
            Self::Command(command) => command.clone(),
        }
    }

    /// A free port is the kernel's choice, and the server says which.
    pub(super) fn serve_arguments(engine: &str) -> [&str; 5] {
        ["serve", "--listen", "127.0.0.1:0", "--engine", engine]
    }

    /// Whether its connections have a thread each that is the same all the time, and which can be found out.
    pub(super) fn has_cores(&self) -> bool {
        matches!(self, Self::Engine(engine) if engine == "cores")
    }

    /// The path of plain requests, where it is not the scenario's.
    pub(super) fn path(&self) -> Option<String> {
        match self {
            Self::Url(url) => url.path.clone(),
            _ => None,
        }
    }
}

impl Url {
    /// A URL of a server that speaks plain HTTP; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        if uri.scheme_str() != Some("http") || authority.host().is_empty() {
            return None;
        }
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => 80,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        let path = uri.path_and_query().map(ToString::to_string).filter(|path| path != "/");
        Some(Self { authority: authority.to_string(), path, port })
    }

    /// The first address of its name.
    pub(super) fn resolve(&self) -> Result<SocketAddr> {
        let host = self.authority.strip_suffix(&format!(":{}", self.port)).unwrap_or(&self.authority);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let found = (host, self.port).to_socket_addrs().with_context(|| format!("{host} has no address"))?;
        found.into_iter().next().with_context(|| format!("{host} has no address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_port_and_may_have_a_path() {
        let parsed = |text: &str| Url::parse(text).map(|url| (url.authority, url.port, url.path));
        let some = |authority: &str, port, path: Option<&str>| {
            Some((authority.to_owned(), port, path.map(str::to_owned)))
        };
        assert_eq!(parsed("http://127.0.0.1:81/a?b=c"), some("127.0.0.1:81", 81, Some("/a?b=c")));
        assert_eq!(parsed("http://[::1]/"), some("[::1]", 80, None));
        for wrong in ["127.0.0.1:80", "https://a/", "http://", "http://a:99999/", "http://b@a/", "x y"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
        assert_eq!(Url::parse("http://[::1]:9/").and_then(|url| url.resolve().ok()), "[::1]:9".parse().ok());
    }

    #[test]
    fn a_command_is_called_by_its_program() {
        assert_eq!(Contender::Command("/usr/bin/python3 -m http.server {port}".into()).name(), "python3");
    }
}
