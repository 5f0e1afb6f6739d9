//! `cargo xtask fuzz`: each fuzz target for a while, from its committed corpus.
//!
//! libFuzzer's instrumentation needs flags of the compiler that only a nightly one takes by itself; `RUSTC_BOOTSTRAP`
//! makes the stable one take them, so that one toolchain serves everything. No sanitizer: the parsers forbid `unsafe`,
//! so AddressSanitizer would find nothing and halve the speed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{find, output, run, shown};
use crate::workspace::{self, cargo};

/// Longest input, in bytes: two heads of the limits that the targets set, and more than any of their buffers.
const MAX_LEN: &str = "-max_len=4096";

struct Options {
    seconds: u32,
    target: Option<String>,
    jobs: usize,
    keep: bool,
}

/// Fuzzes every target, or the one that is named, and prints a line for each.
///
/// # Errors
///
/// A wrong argument, a target that does not build, and findings: the log that is named says where the input is.
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
    for target in &targets {
        run(&mut cargo_fuzz(&["build", "--sanitizer", "none", target]))?;
    }
    println!("each for {} s, {} at a time", options.seconds, options.jobs);
    let findings = fuzz_all(&targets, &options);
    if options.keep {
        for target in &targets {
            keep(target)?;
        }
    }
    ensure!(findings.is_empty(), "findings:\n{}", findings.join("\n"));
    Ok(())
}

/// Runs the targets, as many at a time as was asked for, and returns what went wrong.
fn fuzz_all(targets: &[&str], options: &Options) -> Vec<String> {
    let waiting = Mutex::new(targets.iter());
    let findings = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..options.jobs.min(targets.len()) {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no thread panics with it").next();
                    let Some(target) = next else { return };
                    match fuzz(target, options.seconds) {
                        Ok(figures) => println!("{target:<20} {figures}"),
                        Err(error) => {
                            findings.lock().expect("no thread panics with it").push(format!("{error:#}"))
                        }
                    }
                }
            });
        }
    });
    findings.into_inner().expect("no thread panics with it")
}

/// Fuzzes one target and returns its figures.
fn fuzz(target: &str, seconds: u32) -> Result<String> {
    let found = found(target);
    std::fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    let path = workspace::target().join(format!("fuzz-corpus/{target}.log"));
    let log = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    // New inputs go to the first corpus; the committed one is only read.
    let mut command = cargo_fuzz(&["run", "--sanitizer", "none", target]);
    command.arg(&found).arg(committed(target)).args(["--", MAX_LEN, "-print_final_stats=1"]);
    command.arg(format!("-max_total_time={seconds}"));
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let status = command.status().with_context(|| format!("cannot start {}", shown(&command)))?;
    ensure!(status.success(), "{target}: {status}, see {}", path.display());
    Ok(figures(&String::from_utf8_lossy(&std::fs::read(&path)?)))
}

/// What libFuzzer says at the end: how many inputs ran, and the edges of the code that they reached.
fn figures(log: &str) -> String {
    let after = |text: &str, label: &str| {
        let (_, rest) = text.rsplit_once(label)?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    let runs = after(log, "stat::number_of_executed_units:");
    let edges = after(log, " cov: ");
    format!("{} runs, {} edges", runs.as_deref().unwrap_or("?"), edges.as_deref().unwrap_or("?"))
}

/// Adds to the committed corpus what reaches code that it does not, as few inputs as that takes.
fn keep(target: &str) -> Result<()> {
    let mut command = cargo_fuzz(&["run", "--sanitizer", "none", target]);
    // By which edges are reached, and not how often: a tenth of the inputs.
    let merge = ["--", MAX_LEN, "-set_cover_merge=1", "-use_counters=0"];
    command.arg(committed(target)).arg(found(target)).args(merge);
    run(command.stdout(Stdio::null()).stderr(Stdio::null()))
}

fn committed(target: &str) -> PathBuf {
    workspace::root().join("fuzz/corpus").join(target)
}

/// Where inputs lie that the fuzzer found on this machine.
fn found(target: &str) -> PathBuf {
    workspace::target().join("fuzz-corpus").join(target)
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { seconds: 60, target: None, jobs: 1, keep: false };
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--seconds" => options.seconds = number(flag, value()?)?,
                "--jobs" => options.jobs = usize::try_from(number(flag, value()?)?.max(1))?,
                "--target" => options.target = Some(value()?.clone()),
                "--keep" => options.keep = true,
                _ => bail!("no flag {flag}: there are --seconds N, --target NAME, --jobs N and --keep"),
            }
        }
        Ok(options)
    }

    fn wants(&self, target: &str) -> bool {
        self.target.as_deref().is_none_or(|wanted| wanted == target)
    }
}

fn number(flag: &str, value: &str) -> Result<u32> {
    value.parse().with_context(|| format!("{flag} {value}: not a number"))
}

fn install() -> Result<()> {
    if find("cargo-fuzz").is_some() || binary().exists() {
        return Ok(());
    }
    let mut command = cargo(&["install", "cargo-fuzz", "--locked", "--root"]);
    run(command.arg(tools()))
}

fn tools() -> PathBuf {
    workspace::target().join("tools")
}

fn binary() -> PathBuf {
    tools().join(Path::new("bin/cargo-fuzz"))
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
        assert!(options.seconds == 60 && options.jobs == 1 && !options.keep && options.wants("any"));
    }

    #[test]
    fn flags_choose_target_time_and_how_many_at_once() {
        let options = parse(&["--target", "one", "--seconds", "5", "--jobs", "3", "--keep"]).unwrap();
        assert!(options.seconds == 5 && options.jobs == 3 && options.keep);
        assert!(options.wants("one") && !options.wants("other"));
        assert!(
            parse(&["--seconds"]).is_err()
                && parse(&["--seconds", "x"]).is_err()
                && parse(&["--jobs", "x"]).is_err()
                && parse(&["--time", "5"]).is_err()
        );
    }

    #[test]
    fn figures_are_those_of_the_end() {
        let log = "#2 INITED cov: 10 ft: 3\n#9 DONE   cov: 31 ft: 7 corp: 3/4b\nstat::number_of_executed_units: 9\n";
        assert_eq!(figures(log), "9 runs, 31 edges");
        assert_eq!(figures(""), "? runs, ? edges");
    }
}
