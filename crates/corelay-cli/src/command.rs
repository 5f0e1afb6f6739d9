//! The command line as clap sees it, made from the table of settings.
//!
//! clap finds the flags, suggests the one that was meant and lays out the help. It does not read values:
//! texts go to the table unread, so that a bad value is refused in the same words whichever source it came
//! from.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::claims;
use crate::compare;
use crate::settings::sources::CONFIG;
use crate::settings::table::{SETTINGS, Set, Setting};

const ABOUT: &str = "An HTTP server in plain blocking Rust, on one pinned thread per core";

const EXIT_STATUS: &str = "\
Exit status:
  0  drained: every request in flight was answered
  1  could not start, or requests were cut off when the drain ended
  2  a flag, a variable or the file is wrong";

const STATUS_EXIT_STATUS: &str = "\
Exit status:
  0  shown
  1  no answer, or not one of corelay
  2  a flag or the URL is wrong";

const SOURCES: &str = "\
Sources:
  Each setting can be given as a flag, as a variable (CORELAY_ and the name in
  capitals with underscores) or as a key of the TOML file that --config names
  (the name, with dashes or underscores). A flag wins over a variable, a variable
  over the file, the file over the default. An empty variable counts as absent.
  An unknown key in the file is an error.

    # corelay.toml
    listen = [\"127.0.0.1:8080\", \"unix:/run/corelay.sock\"]
    cpus = \"0,2-3\"
    idle_timeout = \"30s\"
    access_log = true

Values:
  SIZE      bytes; k, m, g and t multiply by 1024 each: 16k is 16384
  DURATION  500ms, 10s, 2m, 1h; a plain number is seconds. Deadlines are kept with
            a resolution of about a tenth of a second, and never fire early

Signals:
  SIGTERM, SIGINT  drain: stop accepting, answer what is in flight, close idle
                   connections. A second one ends the process at once
  SIGUSR2          upgrade: a new process takes over the listeners and the connections;
                   `corelay upgrade` sends it and tells what came of it";

const EXAMPLES: &str = "\
Examples:
  corelay serve                                    the demo on 127.0.0.1:8080
  corelay serve --listen 0.0.0.0:80 --cpus 0-3     four chosen processors
  corelay serve --listen unix:/run/corelay.sock --log json --access-log
  CORELAY_IDLE_TIMEOUT=15s corelay serve --config corelay.toml";

/// What this program is when it drives the load that `compare` measures by, and holds the connections: a command for itself, in no help.
pub(crate) const LOAD_DRIVER: &str = "load-and-hold";

/// `corelay`.
pub(crate) fn corelay() -> Command {
    Command::new("corelay")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .long_about(format!("{ABOUT}.\n\nWithout a command it does what `corelay serve` does."))
        .after_help("Without a command: corelay serve.")
        .subcommand(serve())
        .subcommand(status())
        .subcommand(crate::upgrade::command())
        .subcommand(crate::load::command())
        .subcommand(crate::load::driver_command())
        .subcommand(compare())
        .subcommand(
            Command::new(LOAD_DRIVER).hide(true).about("Carry out the load on standard input, for compare"),
        )
}

/// `corelay serve`.
pub(crate) fn serve() -> Command {
    let config = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help_heading("Serving")
        .help("Read settings from this TOML file [env: CORELAY_CONFIG]");
    Command::new("serve")
        .about("Serve the demo over HTTP/1.1")
        .long_about(
            "Serve the demo over HTTP/1.1: small routes to look at, to measure and to attack.\n\n\
             It prints where it listens on standard output, one line for each address, and logs to standard \
             error.",
        )
        .after_help("`--help` tells more than `-h`: units, costs, the file, examples.")
        .after_long_help(format!("{SOURCES}\n\n{EXIT_STATUS}\n\n{EXAMPLES}"))
        .args(SETTINGS.iter().map(argument))
        .arg(config)
}

/// `corelay status`.
fn status() -> Command {
    let url = Arg::new("url")
        .value_name("URL")
        .default_value("http://127.0.0.1:8080/status")
        .help("The server: http://HOST:PORT, HOST:PORT or unix:PATH; its path is /status unless given");
    let json =
        Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print the JSON as the server sent it");
    Command::new("status")
        .about("Show what a running server does: a table with a row for each core")
        .after_help(STATUS_EXIT_STATUS)
        .arg(url)
        .arg(json)
}

/// `corelay compare`: of scenarios, or of claims.
fn compare() -> Command {
    compare::command()
        .subcommand_negates_reqs(true)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommand(claims::command())
        .subcommand(claims::part_command())
}

fn argument(setting: &'static Setting) -> Arg {
    let (first, rest) = setting.help.split_once("\n\n").unwrap_or((setting.help, ""));
    let facts = facts(setting);
    let long =
        [first, rest, &facts].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.takes.name)
        .help_heading(setting.group)
        .help(match setting.default {
            Some(default) => format!("{first} [default: {default}]"),
            None => first.to_owned(),
        })
        .long_help(long)
        // So that `--max-headers -5` is a bad value of that flag, not an unknown flag.
        .allow_negative_numbers(true);
    match setting.set {
        Set::One(_) => argument,
        Set::Many(_) => argument.action(ArgAction::Append),
        Set::Switch(_) => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
    }
}

/// The last line of a setting's long help: `[default: 10s] [env: CORELAY_HEAD_TIMEOUT]`.
fn facts(setting: &Setting) -> String {
    let default = setting.default.map(|default| format!("[default: {default}] ")).unwrap_or_default();
    format!("{default}[env: {}]", setting.variable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_nothing_wrong_with_the_commands() {
        corelay().debug_assert();
    }

    #[test]
    fn help_names_each_setting_with_its_variable_and_default() {
        let help = serve().render_long_help().to_string();
        for setting in SETTINGS {
            assert!(help.contains(&setting.flag()), "{}", setting.name);
            assert!(help.contains(&facts(setting)), "{}", setting.name);
        }
    }

    #[test]
    fn the_file_in_help_is_one_that_is_taken() {
        let example = SOURCES.split("# corelay.toml").nth(1).and_then(|rest| rest.split("\n\n").next());
        let text = example.expect("help shows a file").to_owned();
        let given = crate::settings::sources::from_file(std::path::Path::new("corelay.toml"), &text);
        let given = given.expect("every key is a setting");
        let mut options = crate::settings::Options::default();
        assert_eq!(given.len(), 4);
        for setting in given {
            setting.apply(&mut options).expect("every value is taken");
        }
    }
}
