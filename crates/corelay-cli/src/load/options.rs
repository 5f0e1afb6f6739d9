//! The flags as values: what to do, and where to put what was found.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use corelay_load::{Group, Pace, Plan, Protocol, Source};

use super::condition::Condition;
use super::error::LoadError;
use super::requests::Requests;
use super::target::Target;
use crate::settings::value;

const CONNECTIONS: u32 = 50;
const WARM_UP: Duration = Duration::from_secs(1);
const DURATION: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long nothing but failures is looked at before the server is taken for gone.
const GIVE_UP: Duration = Duration::from_secs(1);

const COUNT: &str = "a whole number from 1 to 4294967295";
const RATE: &str = "requests a second, a number above 0 and up to 1000000000, such as 5000 or 0.5";
const RATE_MAX: f64 = 1e9;
const PROCESSES: &str = "a whole number from 1 to 256, no more than there are connections";
const PROCESSES_MAX: u32 = 256;
const SOURCE: &str = "an address, FIRST-LAST or NETWORK/PREFIX, such as 127.0.0.2 or 127.0.0.0/8";

/// The command line, read.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) target: Target,
    pub(super) requests: Requests,
    pub(super) connections: u32,
    pub(super) pace: Pace,
    pub(super) pipeline: u32,
    pub(super) requests_per_connection: Option<u32>,
    pub(super) warm_up: Duration,
    pub(super) duration: Duration,
    pub(super) timeout: Duration,
    pub(super) framed: bool,
    pub(super) sources: Vec<Source>,
    /// `None`: as many as are needed.
    pub(super) processes: Option<u32>,
    pub(super) seed: u64,
    pub(super) fail_on: Vec<Condition>,
    pub(super) json: Option<PathBuf>,
    pub(super) hdr: Option<PathBuf>,
    pub(super) html: Option<PathBuf>,
}

impl Options {
    pub(super) fn read(flags: &ArgMatches) -> Result<Self, LoadError> {
        let framed = flags.get_flag("framed");
        let url = text(flags, "url").unwrap_or_default();
        let target =
            Target::parse(url, framed).ok_or_else(|| LoadError::invalid("URL", url, Target::EXPECTED))?;
        let connections = count(flags, "connections", "--connections")?.unwrap_or(CONNECTIONS);
        let processes = count(flags, "processes", "--processes")?;
        if let Some(wrong) = processes.filter(|&count| count > connections.min(PROCESSES_MAX)) {
            return Err(LoadError::invalid("--processes", &wrong.to_string(), PROCESSES));
        }
        let source = |text: &&str| text.parse().map_err(|_| LoadError::invalid("--source", text, SOURCE));
        let sources = texts(flags, "source").iter().map(source).collect::<Result<_, _>>()?;
        let fail_on = text(flags, "fail-on").map(Condition::read_all).transpose()?.unwrap_or_default();
        let file = |name| text(flags, name).map(PathBuf::from);
        let (requests, pace) = (Requests::read(flags, &target)?, pace(flags, connections)?);
        Ok(Self {
            target,
            requests,
            connections,
            pace,
            pipeline: count(flags, "pipeline", "--pipeline")?.unwrap_or(1),
            requests_per_connection: count(flags, "requests-per-connection", "--requests-per-connection")?,
            warm_up: duration(flags, "warm-up", "--warm-up", value::duration, &value::DURATION)?
                .unwrap_or(WARM_UP),
            duration: duration(flags, "duration", "--duration", value::timeout, &value::TIMEOUT)?
                .unwrap_or(DURATION),
            timeout: duration(flags, "timeout", "--timeout", value::timeout, &value::TIMEOUT)?
                .unwrap_or(TIMEOUT),
            framed,
            sources,
            processes,
            seed: seed(flags)?,
            fail_on,
            json: file("json"),
            hdr: file("hdr"),
            html: file("html"),
        })
    }

    /// What to do, once the server's address is known.
    pub(super) fn plan(&self, address: std::net::SocketAddr) -> Plan {
        let mut plan = Plan::new(address);
        plan.host = self.requests.host.clone().unwrap_or_else(|| self.target.host.clone());
        (plan.warm_up, plan.duration, plan.timeout) = (self.warm_up, self.duration, self.timeout);
        plan.give_up = Some(GIVE_UP);
        plan.seed = self.seed;
        plan.sources.clone_from(&self.sources);
        let mut group = Group::new(super::GROUP, self.connections, self.pace, self.requests.mix.clone());
        group.pipeline = self.pipeline;
        group.requests_per_connection = self.requests_per_connection;
        group.protocol = if self.framed { Protocol::Framed } else { Protocol::Http1 };
        group.fields.clone_from(&self.requests.fields);
        plan.groups.push(group);
        plan
    }
}

/// The value of a flag that is given once.
pub(super) fn text<'f>(flags: &'f ArgMatches, name: &str) -> Option<&'f str> {
    flags.get_one::<String>(name).map(String::as_str)
}

/// The values of a flag that may be repeated.
pub(super) fn texts<'f>(flags: &'f ArgMatches, name: &str) -> Vec<&'f str> {
    flags.get_many::<String>(name).into_iter().flatten().map(String::as_str).collect()
}

fn pace(flags: &ArgMatches, connections: u32) -> Result<Pace, LoadError> {
    let all = rate(flags, "rate", "--rate")?;
    let each = rate(flags, "rate-per-connection", "--rate-per-connection")?;
    let poisson = flags.get_flag("poisson");
    let (requests_per_second, flag) = match (all, each) {
        (Some(_), Some(_)) => {
            return Err(LoadError::Conflict { one: "--rate", other: "--rate-per-connection" });
        }
        (Some(rate), None) => (rate, "--rate"),
        (None, Some(rate)) => (rate * f64::from(connections), "--rate-per-connection"),
        (None, None) if poisson => {
            return Err(LoadError::Lacks { flag: "--poisson", needed: "--rate or --rate-per-connection" });
        }
        (None, None) => return Ok(Pace::Closed),
    };
    if flags.get_flag("closed") {
        return Err(LoadError::Conflict { one: "--closed", other: flag });
    }
    Ok(match poisson {
        true => Pace::Poisson { requests_per_second },
        false => Pace::Open { requests_per_second },
    })
}

fn rate(flags: &ArgMatches, name: &str, flag: &'static str) -> Result<Option<f64>, LoadError> {
    let read = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let rate = text.parse().ok().filter(|rate: &f64| plain && *rate > 0.0 && *rate <= RATE_MAX);
        rate.ok_or_else(|| LoadError::invalid(flag, text, RATE))
    };
    text(flags, name).map(read).transpose()
}

fn count(flags: &ArgMatches, name: &str, flag: &'static str) -> Result<Option<u32>, LoadError> {
    let read = |text: &str| value::count(text, 1..).ok_or_else(|| LoadError::invalid(flag, text, COUNT));
    text(flags, name).map(read).transpose()
}

fn seed(flags: &ArgMatches) -> Result<u64, LoadError> {
    let read = |text: &str| {
        value::count(text, 0..).ok_or_else(|| LoadError::invalid("--seed", text, "a whole number, 0 or more"))
    };
    text(flags, "seed").map_or(Ok(0), read)
}

fn duration(
    flags: &ArgMatches,
    name: &str,
    flag: &'static str,
    read: fn(&str) -> Option<Duration>,
    takes: &value::Takes,
) -> Result<Option<Duration>, LoadError> {
    let read = |text: &str| read(text).ok_or_else(|| LoadError::invalid(flag, text, takes.expected));
    text(flags, name).map(read).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn read(words: &[&str]) -> Result<Options, String> {
        let words = [&["load", "127.0.0.1:1"], words].concat();
        let flags = super::super::command().try_get_matches_from(words).unwrap();
        Options::read(&flags).map_err(|error| error.to_string())
    }

    #[test]
    fn a_rate_is_of_all_connections_or_of_each() {
        let pace = |words: &[&str]| read(words).unwrap().pace;
        assert_eq!(pace(&[]), Pace::Closed);
        assert_eq!(pace(&["--rate", "0.5"]), Pace::Open { requests_per_second: 0.5 });
        let each = ["--connections", "10000", "--rate-per-connection", "5"];
        assert_eq!(pace(&each), Pace::Open { requests_per_second: 50_000.0 });
        assert_eq!(pace(&["--rate", "7", "--poisson"]), Pace::Poisson { requests_per_second: 7.0 });
    }

    #[test]
    fn flags_reach_the_plan() {
        let words =
            ["--pipeline", "4", "--requests-per-connection", "10", "--framed", "--source", "127.0.0.0/30"];
        let plan = read(&words).unwrap().plan(([127, 0, 0, 1], 1).into());
        plan.check().unwrap();
        let group = &plan.groups[0];
        assert_eq!((group.pipeline, group.requests_per_connection), (4, Some(10)));
        assert_eq!((group.protocol, plan.sources.len()), (Protocol::Framed, 1));
    }

    #[test]
    fn wrong_values_are_refused_with_flag_value_and_what_is_allowed() {
        for (words, named) in [
            (
                &["--connections", "0"][..],
                "invalid value '0' for --connections: expected a whole number from 1",
            ),
            (&["--connections", "-5"], "invalid value '-5' for --connections"),
            (&["--rate", "0"], "invalid value '0' for --rate: expected requests a second"),
            (&["--rate", "1e9"], "for --rate"),
            (&["--rate", "inf"], "for --rate"),
            (&["--duration", "0s"], "invalid value '0s' for --duration: expected a duration above zero"),
            (&["--warm-up", "1d"], "invalid value '1d' for --warm-up: expected a duration"),
            (&["--timeout", "x"], "for --timeout"),
            (&["--source", "x"], "invalid value 'x' for --source: expected an address"),
            (
                &["--processes", "51"],
                "invalid value '51' for --processes: expected a whole number from 1 to 256",
            ),
            (&["--seed", "x"], "for --seed"),
            (&["--fail-on", "p98>1ms"], "invalid value 'p98>1ms' for --fail-on"),
            (
                &["--rate", "1", "--rate-per-connection", "1"],
                "--rate cannot be used with --rate-per-connection",
            ),
            (&["--closed", "--rate", "1"], "--closed cannot be used with --rate"),
            (&["--poisson"], "--poisson means nothing without --rate"),
        ] {
            let error = read(words).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
