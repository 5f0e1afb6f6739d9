//! The arguments every server of this crate takes, the same for all so that one command line starts any of them.
//!
//! By hand and not by a library: four options, and a peer's binary should hold the peer and nothing else.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail, ensure};

/// Where to listen and what to answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Addresses to listen on: `--listen ADDR`, repeatable, or `--port N` for 127.0.0.1. Never empty.
    pub listen: Vec<SocketAddr>,
    /// `--response-from URL`: the server whose response is to be sent, byte for byte. The floor's only.
    pub response_from: Option<String>,
    /// `--threads N`: threads that serve, at least 1, which is the default. Only `peer-hyper` and `peer-actix` heed it.
    pub threads: usize,
}

impl Arguments {
    /// Parses the arguments after the program's name.
    ///
    /// # Errors
    ///
    /// An unknown option, a value missing or malformed, or no address at all.
    ///
    /// ```
    /// let words = ["--port", "8080", "--listen", "127.0.0.2:8080"].map(String::from);
    /// let arguments = corelay_bench::arguments::Arguments::parse(words)?;
    /// assert_eq!(arguments.listen.len(), 2);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut arguments = Self { listen: Vec::new(), response_from: None, threads: 1 };
        let mut words = words.into_iter();
        while let Some(option) = words.next() {
            let value = words.next().with_context(|| format!("{option} wants a value"))?;
            let wrong = || format!("{option} {value}: not understood");
            match option.as_str() {
                "--listen" => arguments.listen.push(value.parse().with_context(wrong)?),
                "--port" => {
                    let port: u16 = value.parse().with_context(wrong)?;
                    arguments.listen.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
                }
                "--response-from" => arguments.response_from = Some(value),
                "--threads" => arguments.threads = value.parse().with_context(wrong)?,
                _ => bail!(
                    "unknown option {option}; known: --listen ADDR, --port N, --response-from URL, --threads N"
                ),
            }
        }
        ensure!(arguments.threads > 0, "--threads 0: nobody would serve");
        ensure!(!arguments.listen.is_empty(), "nowhere to listen: give --listen ADDR or --port N");
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn parse(line: &str) -> Result<Arguments> {
        Arguments::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn a_port_is_loopback_and_the_response_url_is_kept() {
        let arguments = parse("--port 80 --response-from http://127.0.0.1:1/plaintext").unwrap();
        assert_eq!(arguments.threads, 1);
        assert_eq!(arguments.listen, ["127.0.0.1:80".parse().unwrap()]);
        assert_eq!(arguments.response_from.as_deref(), Some("http://127.0.0.1:1/plaintext"));
    }

    #[test]
    fn a_wrong_line_names_the_option() {
        for (line, named) in [
            ("--port x", "--port x"),
            ("--listen", "--listen"),
            ("--p 1", "--p"),
            ("--port 1 --threads 0", "--threads"),
            ("", "--listen"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(named), "{line:?} gave {error:?}");
        }
    }
}
