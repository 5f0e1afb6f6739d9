//! The project's own commands, `cargo xtask …`: the gates that every change passes, the fuzz targets, the benchmarks.
//!
//! Rust and not shell, so that the gates are read, linted and tested like the rest. They run on a machine that has
//! nothing but the Rust toolchain and, where a step needs more, install it or say in one line how to ([`tools`]).
#![forbid(unsafe_code)]

mod bench;
mod conformance;
mod fuzz;
mod gates;
mod manifests;
mod report;
mod sanitize;
mod shell;
mod tidy;
mod tools;
mod workspace;
mod xcheck;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  test [--advisories]                  every gate in order, stopping at the first that fails;
                                       with --advisories also the advisory database, which is fetched
  tidy                                 the rules of the house that no other tool checks
  fuzz [--seconds N] [--target T]      each fuzz target, or one, for N seconds (60)
  bench [--help]                       figures beside the floor and other servers
  conformance RUNNER                   the Connect protocol's own suite, given its runner, against server and client
  slow [--help]                        a client's latency beside 10,000 slow connections
  soak [--minutes N] [--seed S]        all faults at random beside users who notice nothing
  sanitize [thread|address]            the engines' tests under ThreadSanitizer and AddressSanitizer, or one
  install                              what the gates need and this machine lacks
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = arguments.split_first() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let result = match command.as_str() {
        "test" => return gates::run(rest),
        "tidy" => tidy::run(),
        "fuzz" => fuzz::run_targets(rest),
        "bench" => bench::run(rest),
        "slow" => bench::slow::run(rest),
        "soak" => bench::soak::run(rest),
        "sanitize" => sanitize::run(rest),
        "conformance" => conformance::run(rest),
        "install" => tools::install_all(),
        _ => {
            eprint!("no command {command}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
