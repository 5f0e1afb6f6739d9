//! `cargo xtask sanitize`: the engines' tests under ThreadSanitizer and AddressSanitizer.
//!
//! loom checks the protocols between threads in every order, as models; this checks the whole of it, in the orders that come up. The
//! standard library is built with the sanitizer too, else its synchronisation would not be seen (`-Zbuild-std`): by
//! the toolchain that [`xcheck`](crate::xcheck) uses, because it comes with the sources. It has no runtime of the sanitizers;
//! the one that runs us has, if it is rustup's (`-Zexternal-clangrt`).

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{gates, shell, tools, xcheck};

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

    /// How the file of its runtime ends, behind the name of a release channel.
    fn runtime(self) -> &'static str {
        match self {
            Self::Thread => "_rt.tsan.a",
            Self::Address => "_rt.asan.a",
        }
    }

    fn command(self) -> Result<Command> {
        let mut command = xcheck::cargo("sanitize");
        command.args(["test", "-Zbuild-std=std,panic_unwind", "--target", TARGET]);
        command.args(["--package", "corelay"]).args(TESTS);
        command.env("RUSTFLAGS", self.flags()?);
        // Reports name lines; unoptimised, the tests would take many times as long.
        command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1").env("CARGO_PROFILE_DEV_DEBUG", "1");
        // A report is not the end of a test, but of its process it is the exit status.
        command.env("TSAN_OPTIONS", "exitcode=66").env("ASAN_OPTIONS", "detect_leaks=0");
        Ok(command)
    }

    /// The runtime comes first, as the compiler itself would have it: it takes the place of functions of libc.
    fn flags(self) -> Result<String> {
        let directory = shell::output(Command::new("rustc").args(["--print", "target-libdir"]))?;
        let files = std::fs::read_dir(directory.trim()).context("the toolchain has libraries")?;
        let mut paths = files.flatten().map(|file| file.path().display().to_string());
        let runtime = paths.find(|path| path.ends_with(self.runtime()));
        let runtime = runtime.context("this toolchain has no sanitizer runtimes: rustup's have")?;
        let link = ["-Wl,--whole-archive", &runtime, "-Wl,--no-whole-archive"];
        let link: String = link.iter().map(|argument| format!(" -Zpre-link-arg={argument}")).collect();
        Ok(format!("-Zsanitizer={} -Zexternal-clangrt{link}", self.name()))
    }
}
