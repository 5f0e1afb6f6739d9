//! The command line of `corelay compare`, and what it asks for.
//!
//! clap refuses what is no number or no name and says what is allowed, with exit status 2; what clap cannot know (a URL) is refused
//! in the same form.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::contender::{Contender, ENGINES, Url};
use super::scenario::Scenario;

/// The name that stands for every scenario.
const ALL: &str = "all";

const AFTER_HELP: &str = "\
Scenarios:
  keepalive   64 connections, each asks again when it has its answer
  pipelined   the same with 16 requests out on each
  churn       a new connection for each request, and for every ten
  paced       10,000 connections, 5 requests a second each
  idle        memory with up to 10,000 connections that do nothing
  blocking    paced requests beside handlers that sleep
  skew        16 busy connections, all on one core
  mixed-cost  one request in twenty burns a millisecond
  all         each of them, in under 15 minutes

Exit status:
  0  measured
  1  a server could not be measured; what could be is shown and marked as partial
  2  a flag is wrong

Examples:
  corelay compare keepalive
  corelay compare paced --engines cores,threads --seconds 60 --html paced.html
  corelay compare paced --rpc --seconds 60 --html rpc.html
  corelay compare keepalive --against-cmd 'python3 -m http.server {port}' --path /
  corelay compare all --json all.json --html all.html";

const LONG_ABOUT: &str = "\
Measure the engines, and servers of others, under the same load: each run with a server of its own, on processors that the load does not \
use where there are two or more; servers take turns (A B C, C B A, …), and a figure is the median of the rounds with its bootstrap 95 % \
interval. Figures whose intervals overlap are not put in an order.";

const AGAINST: &str =
    "Also measure the server that runs there; a path in the URL is asked for in place of the scenario's own";
const AGAINST_CMD: &str =
    "Also measure the server that this command starts, on the port that stands for {port}";
const RPC: &str =
    "Call corelay.demo.v1.RandomService/Draw, by Connect in JSON, in place of the scenario's own path";
const ROUNDS: &str = "Runs of each server, interleaved [default: 5, of all 4]";
const CONNECTIONS: &str = "Connections in place of the scenario's number";

/// What is to be measured, and where the results go.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) scenarios: Vec<Scenario>,
    pub(super) contenders: Vec<Contender>,
    pub(super) rounds: usize,
    pub(super) duration: Duration,
    /// Of the group that matters; `None`: the scenario's own.
    pub(super) connections: Option<u32>,
    /// Whether plain requests are calls.
    pub(super) rpc: bool,
    pub(super) json: Option<PathBuf>,
    pub(super) html: Option<PathBuf>,
    /// The command line itself, for the reports.
    pub(super) asked: String,
}

/// `corelay compare`.
pub(crate) fn command() -> Command {
    let names = Scenario::ALL.iter().map(|scenario| scenario.name()).chain([ALL]);
    let scenario = Arg::new("scenario")
        .value_name("SCENARIO")
        .required(true)
        .value_parser(PossibleValuesParser::new(names))
        .hide_possible_values(true)
        .help("What is asked of the servers: see below");
    let engines = Arg::new("engines")
        .long("engines")
        .value_name("LIST")
        .value_delimiter(',')
        .default_values(ENGINES)
        .value_parser(PossibleValuesParser::new(ENGINES))
        .help("Engines of corelay, separated by commas");
    let file = |name, help| {
        Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
    };
    Command::new("compare")
        .about("Measure the engines, and servers of others, under the same load")
        .long_about(LONG_ABOUT)
        .after_help(AFTER_HELP)
        .arg(scenario)
        .arg(engines)
        .arg(server("against", "URL", AGAINST))
        .arg(server("against-cmd", "CMD", AGAINST_CMD))
        .arg(path())
        .arg(Arg::new("rpc").long("rpc").action(ArgAction::SetTrue).help(RPC))
        .arg(number("rounds", "N", ROUNDS).value_parser(value_parser!(u16).range(1..=1000)))
        .arg(number("seconds", "S", "How long each run is measured [default: 5]").value_parser(seconds))
        .arg(number("connections", "N", CONNECTIONS).value_parser(value_parser!(u32).range(1..=1_000_000)))
        .arg(file("json", "Write every sample there"))
        .arg(file("html", "Write a report with plots there: one file, to be opened in a browser"))
}

fn server(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).action(ArgAction::Append).help(help)
}

fn path() -> Arg {
    Arg::new("path")
        .long("path")
        .value_name("PATH")
        .requires("against-cmd")
        .value_parser(absolute_path)
        .help("What servers of --against-cmd are asked for in place of the scenario's own path")
}

fn absolute_path(text: &str) -> Result<String, String> {
    let is_one = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_one {
        Ok(text.to_owned())
    } else {
        Err("expected a path that begins with / and has no space".to_owned())
    }
}

fn number(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).allow_negative_numbers(true).help(help)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number of seconds from 0.05 to 3600".to_owned();
    let number: f64 = text.parse().map_err(|_| expected())?;
    if (0.05..=3600.0).contains(&number) { Ok(Duration::from_secs_f64(number)) } else { Err(expected()) }
}

impl Options {
    /// Reads them; the error is a sentence for the user.
    pub(super) fn gather(flags: &ArgMatches) -> Result<Self, String> {
        let scenario = flags.get_one::<String>("scenario").map_or("", String::as_str);
        let scenarios: Vec<_> =
            Scenario::ALL.into_iter().filter(|known| [ALL, known.name()].contains(&scenario)).collect();
        let rpc = flags.get_flag("rpc");
        if rpc && !scenarios.iter().all(|scenario| Scenario::WITH_RPC.contains(scenario)) {
            let allowed = Scenario::WITH_RPC.map(Scenario::name).join(", ");
            return Err(format!(
                "invalid value '{scenario}' for '<SCENARIO>' with '--rpc': expected one of {allowed}"
            ));
        }
        let default_rounds = if scenarios.len() > 1 { 4 } else { 5 };
        Ok(Self {
            scenarios,
            contenders: contenders(flags)?,
            rounds: flags.get_one::<u16>("rounds").map_or(default_rounds, |rounds| usize::from(*rounds)),
            duration: flags.get_one("seconds").copied().unwrap_or(Duration::from_secs(5)),
            connections: flags.get_one("connections").copied(),
            rpc,
            json: flags.get_one("json").cloned(),
            html: flags.get_one("html").cloned(),
            asked: asked(std::env::args().skip(1)),
        })
    }
}

/// The command line as a shell would take it.
fn asked(words: impl Iterator<Item = String>) -> String {
    let plain =
        |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:,=".contains(&byte));
    let quoted =
        |word: String| if plain(&word) { word } else { format!("'{}'", word.replace('\'', "'\\''")) };
    std::iter::once("corelay".to_owned()).chain(words.map(quoted)).collect::<Vec<_>>().join(" ")
}

/// Each once, in the order given.
fn contenders(flags: &ArgMatches) -> Result<Vec<Contender>, String> {
    let texts = |name| flags.get_many::<String>(name).into_iter().flatten();
    let mut found: Vec<_> = texts("engines").map(|engine| Contender::Engine(engine.clone())).collect();
    for text in texts("against") {
        let expected = "http://HOST:PORT, with or without a path";
        let url = Url::parse(text).ok_or_else(|| {
            format!("invalid value '{}' for '--against <URL>': expected {expected}", text.escape_debug())
        })?;
        found.push(Contender::Url(url));
    }
    let path = flags.get_one::<String>("path");
    for command in texts("against-cmd") {
        if !command.contains("{port}") {
            return Err(format!(
                "invalid value '{}' for '--against-cmd <CMD>': expected a command with {{port}} where the port is to stand",
                command.escape_debug()
            ));
        }
        found.push(Contender::Command { command: command.clone(), path: path.cloned() });
    }
    let mut each: Vec<Contender> = Vec::new();
    for contender in found {
        if !each.contains(&contender) {
            each.push(contender);
        }
    }
    Ok(each)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn gathered(words: &[&str]) -> Result<Options, String> {
        let matches = command().try_get_matches_from([&["compare"], words].concat());
        Options::gather(&matches.map_err(|error| error.to_string())?)
    }

    #[test]
    fn one_command_repeats_the_experiment() {
        let options =
            gathered(&["paced", "--engines", "cores,threads", "--seconds", "60", "--html", "a.html"])
                .unwrap();
        assert_eq!(options.scenarios, [Scenario::Paced]);
        assert_eq!(options.contenders.len(), 2);
        assert_eq!((options.rounds, options.duration, options.rpc), (5, Duration::from_secs(60), false));
        assert!(gathered(&["paced", "--rpc"]).unwrap().rpc);
    }

    #[test]
    fn the_command_line_can_be_pasted() {
        let words = ["compare", "paced", "--against-cmd", "x 'y' {port}"].map(String::from);
        assert_eq!(asked(words.into_iter()), r"corelay compare paced --against-cmd 'x '\''y'\'' {port}'");
    }

    #[test]
    fn all_is_every_scenario_and_fewer_rounds() {
        let options = gathered(&["all"]).unwrap();
        assert_eq!((options.scenarios.as_slice(), options.rounds), (&Scenario::ALL[..], 4));
    }

    #[test]
    fn a_wrong_argument_is_named_with_what_is_allowed() {
        for (words, told) in [
            (&["keepalives"][..], ["'keepalives'", "mixed-cost"]),
            (&["paced", "--engines", "cores,fast"], ["'fast'", "threads"]),
            (&["paced", "--rounds", "0"], ["--rounds", "1..=1000"]),
            (&["paced", "--seconds", "-1"], ["--seconds", "0.05 to 3600"]),
            (&["paced", "--connections", "x"], ["--connections", "'x'"]),
            (&["paced", "--against-cmd", "x {port}", "--path", "a b"], ["--path", "begins with /"]),
            (
                &["skew", "--rpc"],
                ["'skew' for '<SCENARIO>' with '--rpc'", "keepalive, pipelined, churn, paced"],
            ),
            (&["all", "--rpc"], ["'all'", "--rpc"]),
            (&["paced", "--against", "ftp://a"], ["--against", "http://HOST:PORT"]),
            (&["paced", "--against-cmd", "nginx"], ["--against-cmd", "{port}"]),
        ] {
            let error = gathered(words).unwrap_err();
            assert!(told.iter().all(|told| error.contains(told)), "{error}");
        }
    }
}
