//! `cargo xtask conformance RUNNER`: the Connect protocol's official conformance suite, against server and client.
//!
//! The runner is the suite's own program, `connectconformance`, in Go: no package registry has it, so it is built from
//! <https://github.com/connectrpc/conformance> and its path is given. No gate needs it: `crates/corelay-cli/tests/rpc` has this
//! adapter's own tests instead.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;
use crate::workspace::{self, cargo};

const ENGINES: [&str; 3] = ["cores", "threads", "pool"];
/// A call that blocks is given up by its deadline, or by who reads a stream, and not by another thread.
const SKIPPED: [&str; 2] = ["**/cancel-before-close-send", "**/cancel-after-close-send"];

/// Runs the suite: the server on each engine, then the client.
///
/// # Errors
///
/// The adapter does not build, or a case fails.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let [runner] = arguments else {
        bail!("usage: cargo xtask conformance RUNNER, the path of the suite's connectconformance");
    };
    let folder = workspace::root().join("examples/rpc-conformance");
    let manifest = folder.join("Cargo.toml");
    let mut build = cargo(&["build", "--manifest-path"]);
    shell::run(build.arg(&manifest).env("CARGO_TARGET_DIR", workspace::target()))?;
    let adapter = workspace::target().join("debug/rpc-conformance");
    for engine in ENGINES {
        println!("the server, --engine {engine}");
        let mut suite = suite(runner, "server", &folder);
        shell::run(suite.arg("--").arg(&adapter).args(["server", "--engine", engine]))?;
    }
    println!("the client");
    let mut suite = suite(runner, "client", &folder);
    suite.args(SKIPPED.iter().flat_map(|pattern| ["--skip", *pattern]));
    shell::run(suite.arg("--").arg(&adapter).arg("client"))
}

fn suite(runner: &str, mode: &str, folder: &Path) -> Command {
    let mut suite = Command::new(runner);
    suite.args(["--mode", mode, "--conf"]).arg(folder.join("config.yaml"));
    suite
}
