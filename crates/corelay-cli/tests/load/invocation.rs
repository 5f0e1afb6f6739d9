//! Runs `corelay load`.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Finished, Scratch, Server};

/// A run that has ended, with its figures.
pub(crate) struct Loaded {
    pub(crate) finished: Finished,
    /// The file of `--json`; null if there is none.
    pub(crate) json: Value,
}

impl Loaded {
    /// The figures of all connections.
    pub(crate) fn group(&self) -> &Value {
        &self.json["report"]["groups"][0]
    }

    /// One of the counts.
    pub(crate) fn total(&self, name: &str) -> u64 {
        self.group()["total"][name].as_u64().expect("a count")
    }

    /// Failures of one kind.
    pub(crate) fn errors(&self, kind: &str) -> u64 {
        self.group()["total"]["errors"][kind].as_u64().expect("a count")
    }

    /// How many answers took longer than that.
    pub(crate) fn slower_than(&self, milliseconds: u64) -> u64 {
        let pairs = self.group()["distribution"].as_array().expect("pairs");
        let pairs =
            pairs.iter().map(|pair| (pair[0].as_u64().expect("ns"), pair[1].as_u64().expect("a count")));
        pairs.filter(|(time, _)| *time > milliseconds * 1_000_000).map(|(_, count)| count).sum()
    }
}

/// `corelay load` with these arguments.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Server::bare_command();
    command.arg("load").args(arguments);
    command
}

/// Runs it to its end.
pub(crate) fn load(arguments: &[&str]) -> Loaded {
    let scratch = Scratch::new();
    let json = scratch.path("found.json");
    let mut command = command(arguments);
    command.arg("--json").arg(&json);
    let finished = Server::run(command);
    let text = std::fs::read_to_string(json).unwrap_or_else(|_| "null".to_owned());
    Loaded { finished, json: serde_json::from_str(&text).expect("JSON") }
}

/// Starts it, to be interrupted.
pub(crate) fn start(arguments: &[&str]) -> Child {
    let mut command = command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}
