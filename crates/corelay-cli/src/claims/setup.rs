//! What every experiment works with: processors for servers and for load, the scale of time, and this program.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use corelay_poll::limits;

use crate::compare::processors::Processors;

/// The same for all experiments of a run.
#[derive(Debug)]
pub(super) struct Setup {
    /// The first half of the processors, and the rest; the same one twice where there is but one.
    pub(super) server_cpus: Vec<usize>,
    pub(super) load_cpus: Vec<usize>,
    pub(super) scale: f64,
    program: PathBuf,
}

impl Setup {
    /// Looks at the machine, and raises this process's limit of open files.
    pub(super) fn new(scale: f64) -> Result<Self> {
        limits::raise_open_files().context("cannot raise the limit of open files")?;
        let Processors { server: server_cpus, load: load_cpus } =
            Processors::divide().context("cannot tell the processors")?;
        let program = std::env::current_exe().context("cannot find this program's file")?;
        Ok(Self { server_cpus, load_cpus, scale, program })
    }

    /// So much time, scaled.
    pub(super) fn time(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds * self.scale)
    }

    /// So many of something, scaled, and at least `least`.
    pub(super) fn count(&self, count: usize, least: usize) -> usize {
        ((count as f64 * self.scale) as usize).max(least)
    }

    /// All processors.
    pub(super) fn all_cpus(&self) -> Vec<usize> {
        let mut cpus = [&self.server_cpus[..], &self.load_cpus].concat();
        cpus.sort_unstable();
        cpus.dedup();
        cpus
    }

    /// This program, with arguments, and without the settings that this environment has for servers.
    pub(super) fn corelay(&self, words: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CORELAY_") {
                command.env_remove(name);
            }
        }
        command.args(words);
        command
    }
}

/// The same as it would be typed.
pub(super) fn shown_on(cpus: &[usize], words: &[String]) -> String {
    format!("taskset -c {} corelay {}", list(cpus), words.join(" "))
}

/// `0,1`.
pub(super) fn list(cpus: &[usize]) -> String {
    cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Words to be arguments.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
