//! The servers that can be measured: who they are, what they can do, how each is started.
//!
//! All serve `/plaintext` with `Hello, World!` from one thread on CPU 0. To add one: a variant here, its program, its
//! command line and, if it is not to be everywhere, what it cannot take part in.

use std::net::SocketAddr;

use anyhow::Result;

use super::options::Section;
use super::tools::Tools;

/// The CPU the servers are pinned to.
pub(crate) const SERVER_CPU: &str = "0";

pub(crate) mod configuration;

/// A server that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Server {
    Corelay,
    Floor,
    Hyper,
    Actix,
    Nginx,
    May,
    H2o,
}

/// Where a server's program comes from.
pub(crate) enum Origin {
    /// The product itself.
    Workspace,
    /// A binary of corelay-bench, with the feature it needs and the crate whose version is shown.
    Bench { binary: &'static str, feature: Option<&'static str>, of: Option<&'static str> },
    /// A Debian package of this name, with a program of the same name.
    Debian(&'static str),
}

impl Server {
    const ALL: [Self; 7] =
        [Self::Corelay, Self::Floor, Self::Hyper, Self::Actix, Self::Nginx, Self::May, Self::H2o];

    /// The server of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Corelay => "corelay",
            Self::Floor => "floor",
            Self::Hyper => "hyper",
            Self::Actix => "actix",
            Self::Nginx => "nginx",
            Self::May => "may",
            Self::H2o => "h2o",
        }
    }

    pub(crate) fn origin(self) -> Origin {
        let peer = |binary, feature, of| Origin::Bench { binary, feature: Some(feature), of: Some(of) };
        match self {
            Self::Corelay => Origin::Workspace,
            Self::Floor => Origin::Bench { binary: "floor", feature: None, of: None },
            Self::Hyper => peer("peer-hyper", "peer-hyper", "hyper"),
            Self::Actix => peer("peer-actix", "peer-actix", "actix-web"),
            Self::May => peer("peer-may", "peer-may", "may_minihttp"),
            Self::Nginx => Origin::Debian("nginx"),
            Self::H2o => Origin::Debian("h2o"),
        }
    }

    /// The floor and may_minihttp never close, so they have no place where connections are to be closed; only corelay has
    /// accept modes.
    pub(crate) fn can_take_part_in(self, section: Section) -> bool {
        match section {
            Section::KeepAlive | Section::Pipelined | Section::Idle => true,
            Section::Close => !matches!(self, Self::Floor | Self::May),
            Section::AcceptKeepAlive | Section::AcceptClose => self == Self::Corelay,
        }
    }

    /// The command that starts this server on one CPU.
    ///
    /// `response_from` is the server whose response the floor is to repeat.
    pub(crate) fn command(
        self,
        tools: &Tools,
        addresses: &[SocketAddr],
        response_from: Option<SocketAddr>,
    ) -> Result<Vec<String>> {
        let mut words = match self {
            // corelay pins itself, as it does for its users.
            Self::Corelay => words(&[&tools.program("corelay")?, "serve", "--cpus", SERVER_CPU]),
            _ => words(&["taskset", "-c", SERVER_CPU]),
        };
        match self {
            Self::Corelay => {}
            Self::Nginx => {
                let file =
                    configuration::nginx(&tools.scratch("nginx")?, addresses, configuration::ONE_WORKER, "")?;
                words.extend([
                    tools.program("nginx")?,
                    "-c".into(),
                    file.clone(),
                    "-e".into(),
                    "stderr".into(),
                ]);
                return Ok(words);
            }
            Self::H2o => {
                let file = configuration::h2o(&tools.scratch("h2o")?, addresses)?;
                words.extend([tools.program("h2o")?, "-c".into(), file]);
                return Ok(words);
            }
            Self::Floor => {
                words.push(tools.program("floor")?);
                if let Some(address) = response_from {
                    words.extend(["--response-from".into(), url(address)]);
                }
            }
            Self::Hyper => words.push(tools.program("peer-hyper")?),
            Self::Actix => words.push(tools.program("peer-actix")?),
            Self::May => words.push(tools.program("peer-may")?),
        }
        words.extend(addresses.iter().flat_map(|address| ["--listen".into(), address.to_string()]));
        Ok(words)
    }
}

/// The URL every server answers.
pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}{}", corelay_bench::response::PATH)
}

/// Owned words of a command line.
pub(crate) fn words(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|&part| part.to_owned()).collect()
}
