//! The Go peer: its compiler from the system if it is there, else Debian's, extracted beside it.
//!
//! A compiler and the library's sources are all that Go needs to build a program without C. The build knows neither modules
//! nor a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::debian;
use crate::shell;

const SOURCE: &str = "crates/corelay-bench/peers/peer_go.go";

/// Builds the peer under `scratch`; gives its path and the compiler's version.
pub(super) fn build(root: &Path, scratch: &Path) -> Result<(PathBuf, String)> {
    let compiler = compiler(&scratch.join("debian"))
        .context("no go: try apt-get install -y --no-install-recommends golang-go")?;
    let go = |words: &[&str]| {
        let mut command = Command::new(&compiler);
        command.args(words).current_dir(root).env("CGO_ENABLED", "0").env("GO111MODULE", "off");
        command.env("GOCACHE", scratch.join("cache")).env("GOPATH", scratch).env("GOTOOLCHAIN", "local");
        if compiler.starts_with(scratch) {
            // It was built to look for its library elsewhere.
            command.env("GOROOT", compiler.ancestors().nth(2).unwrap_or(root));
        }
        command
    };
    let program = scratch.join("peer-go");
    shell::run(go(&["build", "-o"]).arg(&program).arg(SOURCE))?;
    Ok((program, version(&shell::output(&mut go(&["version"]))?)?))
}

fn compiler(extracted: &Path) -> Result<PathBuf> {
    if let Some(path) = shell::find("go").or_else(|| find(extracted)) {
        return Ok(path);
    }
    // golang-go and golang-src hold nothing: they depend on the packages of one version, which hold the compiler and
    // the library.
    let said = shell::output(Command::new("apt-cache").args(["depends", "golang-go", "golang-src"]))?;
    let packages = versioned(&said);
    ensure!(packages.len() == 2, "apt-cache names {packages:?}, not one compiler and one library");
    debian::extract(&packages, extracted)?;
    find(extracted).context("the package has no go")
}

/// Debian has it where several versions can be side by side.
fn find(extracted: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(extracted.join("usr/lib")).ok()?.flatten();
    versions.map(|version| version.path().join("bin/go")).find(|path| path.is_file())
}

/// The packages with a number in their names that others depend on.
fn versioned(said: &str) -> Vec<&str> {
    let depended = said.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    depended.filter(|package| package.contains(|letter: char| letter.is_ascii_digit())).collect()
}

/// The number in `go version go1.19.8 linux/amd64`.
fn version(said: &str) -> Result<String> {
    let number =
        said.split_whitespace().find_map(|word| word.strip_prefix("go1").map(|rest| format!("1{rest}")));
    number.with_context(|| format!("go version said {said:?}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn the_version_and_the_packages_are_found_in_what_is_said() {
        assert_eq!(version("go version go1.19.8 linux/amd64\n").unwrap(), "1.19.8");
        let said = "golang-go\n  Depends: golang-1.19-go\n  Depends: golang-src\n  Breaks: <gccgo-5>\n\
                    golang-src\n  Depends: golang-1.19-src\n";
        assert_eq!(versioned(said), ["golang-1.19-go", "golang-1.19-src"]);
    }
}
