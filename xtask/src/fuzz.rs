//! `cargo xtask fuzz`: each fuzz target for a while, from its committed corpus.
//!
//! libFuzzer's instrumentation needs flags of the compiler that only a nightly one takes by itself; `RUSTC_BOOTSTRAP`
//! makes the stable one take them, so that one toolchain serves everything. No sanitizer: the parsers forbid `unsafe`,
//! so AddressSanitizer would find nothing and halve the speed.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{find, output, run};
use crate::workspace::{self, cargo};

const SECONDS: u32 = 60;

struct Options {
    seconds: u32,
    target: Option<String>,
}

/// Fuzzes every target, or the one that is named.
///
/// # Errors
///
/// A wrong argument, a target that does not build, and a finding: libFuzzer then has printed where it wrote the input.
pub(crate) fn run_targets(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    install()?;
    let listed = output(&mut cargo_fuzz(&["list"]))?;
    let targets: Vec<&str> = listed.lines().map(str::trim).filter(|name| options.wants(name)).collect();
    ensure!(
        !targets.is_empty(),
        "no such target; there are: {}",
        listed.lines().collect::<Vec<_>>().join(", ")
    );
    for target in targets {
        println!("==== {target}, {} s", options.seconds);
        let seconds = format!("-max_total_time={}", options.seconds);
        // New inputs go to the first corpus; the committed one is only read.
        let found = workspace::target().join("fuzz-corpus").join(target);
        std::fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
        let mut command = cargo_fuzz(&["run", "--sanitizer", "none", target]);
        command.arg(found).arg(workspace::root().join("fuzz/corpus").join(target));
        run(command.args(["--", &seconds, "-max_len=4096"]))?;
    }
    Ok(())
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { seconds: SECONDS, target: None };
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{flag} needs a value"))?;
            match flag.as_str() {
                "--seconds" => {
                    options.seconds =
                        value.parse().with_context(|| format!("--seconds {value}: not a number"))?
                }
                "--target" => options.target = Some(value.clone()),
                _ => bail!("no flag {flag}: there are --seconds N and --target NAME"),
            }
        }
        Ok(options)
    }

    fn wants(&self, target: &str) -> bool {
        self.target.as_deref().is_none_or(|wanted| wanted == target)
    }
}

fn install() -> Result<()> {
    if find("cargo-fuzz").is_some() || binary().exists() {
        return Ok(());
    }
    let mut command = cargo(&["install", "cargo-fuzz", "--locked", "--root"]);
    run(command.arg(workspace::target().join("tools")))
}

fn binary() -> std::path::PathBuf {
    workspace::target().join("tools/bin/cargo-fuzz")
}

/// `cargo fuzz` with these arguments, in the workspace of the fuzz targets.
fn cargo_fuzz(arguments: &[&str]) -> Command {
    let mut command = Command::new(find("cargo-fuzz").unwrap_or_else(binary));
    command.arg("fuzz").args(arguments).current_dir(workspace::root()).env("RUSTC_BOOTSTRAP", "1");
    command
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        Options::parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn without_flags_every_target_runs_a_minute() {
        let options = parse(&[]).unwrap();
        assert!(options.seconds == 60 && options.wants("any"));
    }

    #[test]
    fn flags_choose_target_and_time() {
        let options = parse(&["--target", "one", "--seconds", "5"]).unwrap();
        assert!(options.seconds == 5 && options.wants("one") && !options.wants("other"));
        assert!(
            parse(&["--seconds"]).is_err()
                && parse(&["--seconds", "x"]).is_err()
                && parse(&["--time", "5"]).is_err()
        );
    }
}
