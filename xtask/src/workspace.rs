//! Where things are, and what cargo knows of the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The target directory that cargo builds into.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// `cargo` with these arguments, run at the root: the one that runs us, so that the toolchain is the same.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    command
}

/// What cargo knows of the workspace's own packages (`cargo metadata`, format version 1).
pub(crate) struct Metadata {
    packages: Vec<Value>,
}

impl Metadata {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// A manifest that cargo does not take.
    pub(crate) fn read() -> Result<Self> {
        let text = shell::output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: Value = serde_json::from_str(&text)?;
        let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?.clone();
        Ok(Self { packages })
    }

    /// The integration tests of all packages, by the names of their targets.
    pub(crate) fn integration_tests(&self) -> Vec<String> {
        let targets = self.packages.iter().flat_map(|package| list(&package["targets"]));
        let tests = targets.filter(|target| list(&target["kind"]).any(|kind| kind == "test"));
        let mut names: Vec<String> =
            tests.filter_map(|target| Some(target["name"].as_str()?.to_owned())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Every crate from elsewhere that a package of the workspace names, with the package that names it.
    pub(crate) fn dependencies(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for package in &self.packages {
            let outside = list(&package["dependencies"]).filter(|dependency| dependency["path"].is_null());
            let names = outside.filter_map(|dependency| dependency["name"].as_str());
            found.extend(
                names.map(|name| (name.to_owned(), package["name"].as_str().unwrap_or("?").to_owned())),
            );
        }
        found.sort_unstable();
        found.dedup_by(|one, other| one.0 == other.0);
        found
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
