//! Builds corelay, the floor and the peers with the release profile they share.
//!
//! Two builds and not one: cargo unites the features of all packages of a build, and no peer's dependency may change what
//! corelay itself is compiled with.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::bench::servers::{Origin, Server};

/// Builds what the servers need and gives the programs by name.
pub(super) fn build(root: &Path, target: &Path, servers: &[Server]) -> Result<Vec<(String, PathBuf)>> {
    let mut binaries = vec!["idle-client"];
    let mut features = Vec::new();
    for server in servers {
        if let Origin::Bench { binary, feature, .. } = server.origin() {
            binaries.push(binary);
            features.extend(feature);
        }
    }
    let features = features.join(",");
    let mut words = vec!["--package", "corelay-bench", "--features", &features];
    words.extend(binaries.iter().flat_map(|binary| ["--bin", binary]));
    cargo_build(root, target, &words)?;
    if servers.contains(&Server::Corelay) {
        cargo_build(root, target, &["--package", "corelay-cli"])?;
        binaries.push("corelay");
    }
    let release = target.join("release");
    Ok(binaries.into_iter().map(|binary| (binary.to_owned(), release.join(binary))).collect())
}

/// Builds one program of the workspace and gives its path.
pub(super) fn program(root: &Path, target: &Path, package: &str, program: &str) -> Result<PathBuf> {
    cargo_build(root, target, &["--package", package, "--bin", program])?;
    Ok(target.join("release").join(program))
}

/// Builds one of the examples and gives its path.
pub(super) fn example(root: &Path, target: &Path, example: &str) -> Result<PathBuf> {
    cargo_build(root, target, &["--package", "corelay", "--example", example])?;
    Ok(target.join("release/examples").join(example))
}

/// Builds one of corelay-bench's peers, whose feature has its name, and gives its path.
pub(super) fn peer(root: &Path, target: &Path, peer: &str) -> Result<PathBuf> {
    cargo_build(root, target, &["--package", "corelay-bench", "--features", peer, "--bin", peer])?;
    Ok(target.join("release").join(peer))
}

/// The commit that is measured, with a `+` if files differ from it; empty outside a clone.
pub(super) fn commit(root: &Path) -> String {
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).current_dir(root).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return String::new() };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}+"),
    }
}

/// The version of a crate in Cargo.lock.
pub(super) fn locked_version(root: &Path, name: &str) -> Result<String> {
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("no Cargo.lock")?;
    let entry = format!("name = \"{name}\"\nversion = \"");
    let version = lock.split_once(&entry).with_context(|| format!("no {name} in Cargo.lock"))?.1;
    Ok(version.split('"').next().unwrap_or_default().to_owned())
}

fn cargo_build(root: &Path, target: &Path, words: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(["build", "--release"]).args(words).current_dir(root).env("CARGO_TARGET_DIR", target);
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo build --release {} failed", words.join(" "));
    Ok(())
}
