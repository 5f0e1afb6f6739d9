//! Load from the clients' machine, for as long as a test needs it.

use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::balanced::{Balanced, FRONT};
use crate::support::{Scratch, Server};

/// `corelay load` at a fixed rate. Dropping it kills it.
pub(crate) struct Load {
    child: Child,
    scratch: Scratch,
}

/// What the clients got.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) answered: u64,
    /// Requests without an answer, by kind.
    pub(crate) errors: Value,
    /// Answers by status.
    pub(crate) statuses: Value,
}

impl Load {
    /// Begins to send these requests, in TOML, 300 a second over 40 connections.
    pub(crate) fn start(balanced: &Balanced, mix: &str) -> Self {
        let scratch = Scratch::new();
        let mix = scratch.write("mix.toml", mix);
        let mut load = Server::bare_command();
        load.arg("load").arg(format!("http://{FRONT}/")).arg("--mix").arg(mix);
        load.args(["--rate", "300", "--connections", "40", "--warm-up", "0", "--duration", "10m"]);
        load.args(["--timeout", "30s", "--processes", "1"]).arg("--json").arg(scratch.path("found.json"));
        let mut command = balanced.machines.command("client", &load);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { child: child.expect("ip can be started"), scratch }
    }

    /// Ends it when what is under way is answered; what it found.
    pub(crate) fn end(mut self) -> Found {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it is running");
        self.child.wait().expect("it ends");
        let text = std::fs::read_to_string(self.scratch.path("found.json")).expect("it writes its figures");
        let found: Value = serde_json::from_str(&text).expect("they are JSON");
        let group = &found["report"]["groups"][0];
        Found {
            answered: group["total"]["answered"].as_u64().expect("a number"),
            errors: group["total"]["errors"].clone(),
            statuses: group["statuses"].clone(),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Found {
    /// Every request had its answer, and that was 200.
    pub(crate) fn assert_nothing_failed(&self) {
        println!("{self:?}");
        let mut errors = self.errors.as_object().expect("errors by kind").values();
        assert!(errors.all(|count| count == 0), "{self:?}");
        assert_eq!(self.statuses["200"].as_u64(), Some(self.answered), "{self:?}");
        assert!(self.answered > 1000, "there was load: {self:?}");
    }
}
