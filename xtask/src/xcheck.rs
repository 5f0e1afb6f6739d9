//! Type-checks the kqueue code for FreeBSD and macOS.
//!
//! `rustup target add` would do where a distribution server of Rust can be reached. This does with Debian alone: its
//! rustc-web comes with the standard library's sources, which cargo then checks for the other system first
//! (`-Zbuild-std`, hence `RUSTC_BOOTSTRAP`). Nothing is linked, so neither system's linker or libraries are needed.

use std::process::Command;

use anyhow::Result;

use crate::{shell, tools, workspace};

const TARGETS: [&str; 2] = ["x86_64-unknown-freebsd", "aarch64-apple-darwin"];
/// The packages with code for other systems, and the server on top of them.
const PACKAGES: [&str; 4] = ["corelay-poll", "corelay-http", "corelay", "corelay-rpc"];

/// Checks the portable packages for each system that has kqueue.
///
/// # Errors
///
/// The tools cannot be had, or the code does not check.
pub(crate) fn run() -> Result<()> {
    tools::install_cross_check()?;
    for target in TARGETS {
        let mut command = cargo("xcheck");
        command.args(["check", "-Zbuild-std=std,panic_abort", "--target", target]);
        command.args(PACKAGES.iter().flat_map(|package| ["-p", package]));
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        shell::run(&mut command)?;
    }
    Ok(())
}

/// The second toolchain's cargo, with unstable options allowed. It builds into a directory of its own under the target directory,
/// for the compiler is another one than that of all other steps.
pub(crate) fn cargo(directory: &str) -> Command {
    let mut command = Command::new(tools::CROSS_CARGO);
    command.current_dir(workspace::root());
    command.env("RUSTC", tools::CROSS_RUSTC).env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_TARGET_DIR", workspace::target().join(directory));
    // cargo sets these for what it runs, and they mean the toolchain that runs us.
    for variable in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "LD_LIBRARY_PATH"] {
        command.env_remove(variable);
    }
    command
}
