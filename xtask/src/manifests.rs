//! `deploy/kubernetes`, validated by Kubernetes's own schemas, which the package kubernetes-validate (PyPI) brings along. Strictly: a
//! field that the schema does not know is a mistake.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell::run;
use crate::workspace;

/// The oldest release whose fields are all there, and a recent one.
const RELEASES: [&str; 2] = ["1.30", "1.37"];

/// Validates every manifest.
///
/// # Errors
///
/// One is not valid, or there is none.
pub(crate) fn validate() -> Result<()> {
    let directory = workspace::root().join("deploy/kubernetes");
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    ensure!(!files.is_empty(), "no manifest in {}", directory.display());
    for release in RELEASES {
        let validate = workspace::target().join("clients/venv/bin/kubernetes-validate");
        run(Command::new(validate).args(["--strict", "-k", release]).args(&files))?;
    }
    Ok(())
}
