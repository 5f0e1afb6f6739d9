//! oha: from the system if it is installed, else built from crates.io beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The path of the program, and its version.
pub(super) fn find_or_install(scratch: &Path) -> Result<(PathBuf, String)> {
    let ours = scratch.join("bin/oha");
    let mut candidates: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|paths| std::env::split_paths(&paths).map(|path| path.join("oha")).collect())
        .unwrap_or_default();
    candidates.push(ours.clone());
    let path = match candidates.into_iter().find(|path| path.is_file()) {
        Some(path) => path,
        None => {
            install(scratch)?;
            ours
        }
    };
    let said = Command::new(&path).arg("--version").output().context("oha does not run")?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.split_whitespace().nth(1).with_context(|| format!("oha --version said {said:?}"))?;
    Ok((path, version.to_owned()))
}

/// A few minutes, once.
fn install(scratch: &Path) -> Result<()> {
    eprintln!("installing oha into {}", scratch.display());
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["install", "oha", "--version", "^1", "--locked", "--root"]).arg(scratch);
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo install oha failed");
    Ok(())
}
