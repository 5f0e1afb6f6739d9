//! What every experiment works with: processors for servers and for load, the scale of time, and this program.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use corelay_poll::{affinity, limits};

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
        let cpus = affinity::usable_cpus().context("cannot tell the processors")?;
        let (server_cpus, load_cpus) = split(&cpus);
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

/// Does something on these processors: a process has those of the thread that starts it (sched_setaffinity(2)).
pub(super) fn on<T: Send>(cpus: &[usize], act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let act = || {
        affinity::set_current_thread_cpus(cpus)?;
        act()
    };
    thread::scope(|scope| scope.spawn(act).join())
        .map_err(|_| anyhow!("the thread that starts processes panicked"))?
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

/// The first half and the rest. One processor is both.
fn split(cpus: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let (first, rest) = cpus.split_at(cpus.len() / 2);
    if first.is_empty() { (rest.to_vec(), rest.to_vec()) } else { (first.to_vec(), rest.to_vec()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_the_first_half_and_one_processor_is_shared() {
        assert_eq!(split(&[0, 1, 2]), (vec![0], vec![1, 2]));
        assert_eq!(split(&[4, 6]), (vec![4], vec![6]));
        assert_eq!(split(&[3]), (vec![3], vec![3]));
    }
}
