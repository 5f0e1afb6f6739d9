//! `cargo xtask sanitize`: the engines' tests under ThreadSanitizer and AddressSanitizer.
//!
//! loom checks the protocols between threads in every order, as models; this checks the whole of it, in the orders that come up. The
//! standard library is built with the sanitizer too, else its synchronisation would not be seen (`-Zbuild-std`): by
//! the toolchain that [`xcheck`](crate::xcheck) uses, because it comes with the sources. It has no runtime of the sanitizers; clang's
//! is the same (`-Zexternal-clangrt`).

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{gates, tools, xcheck};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The library's own tests, and those of it as a whole on each engine.
const TESTS: [&str; 7] = ["--lib", "--test", "engine", "--test", "engine_pool", "--test", "engine_threads"];

#[derive(Clone, Copy)]
enum Sanitizer {
    Thread,
    Address,
}

/// Runs the tests under the sanitizer that is named, or under one after the other.
///
/// # Errors
///
/// A wrong argument, tools that cannot be had, a test that fails, and any report of a sanitizer.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let sanitizers = match arguments[..] {
        [] => vec![Sanitizer::Thread, Sanitizer::Address],
        ["thread"] => vec![Sanitizer::Thread],
        ["address"] => vec![Sanitizer::Address],
        _ => bail!("cargo xtask sanitize takes thread, address or nothing, not {}", arguments.join(" ")),
    };
    tools::install_cross_check()?;
    for sanitizer in sanitizers {
        println!("==== {} sanitizer", sanitizer.name());
        let count = gates::tests(&mut sanitizer.command()?)?;
        ensure!(count.failed == 0, "{} tests failed under the {} sanitizer", count.failed, sanitizer.name());
        println!("{} sanitizer: {} tests passed, no report", sanitizer.name(), count.passed);
    }
    Ok(())
}

impl Sanitizer {
    fn name(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Address => "address",
        }
    }

    /// What clang calls its runtime.
    fn runtime(self) -> &'static str {
        match self {
            Self::Thread => "libclang_rt.tsan-x86_64.a",
            Self::Address => "libclang_rt.asan-x86_64.a",
        }
    }

    fn command(self) -> Result<Command> {
        let mut command = xcheck::cargo("sanitize");
        command.args(["test", "-Zbuild-std=std,panic_unwind", "--target", TARGET]);
        command.args(["--package", "corelay"]).args(TESTS);
        command.env("RUSTFLAGS", self.flags()?);
        // A report is not the end of a test, but of its process it is the exit status.
        command.env("TSAN_OPTIONS", "exitcode=66").env("ASAN_OPTIONS", "detect_leaks=0");
        Ok(command)
    }

    fn flags(self) -> Result<String> {
        let runtime = tools::sanitizer_runtime(self.runtime())?;
        let runtime = runtime.to_str().context("Debian's paths are text")?;
        let link =
            ["-Wl,--whole-archive", runtime, "-Wl,--no-whole-archive", "-lrt", "-ldl", "-lresolv", "-lm"];
        let link: String = link.iter().map(|argument| format!(" -Clink-arg={argument}")).collect();
        Ok(format!("-Zsanitizer={} -Zexternal-clangrt{link}", self.name()))
    }
}
