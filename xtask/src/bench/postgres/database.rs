//! The database and the servers in front of it: started, known to answer, stopped when they are dropped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use corelay_bench::response;
use rustix::process::{Pid, Signal, kill_process};

use crate::workspace::root;

/// The CPU of the servers.
pub(super) const SERVER_CPU: &str = "0";
/// The CPU of the database and of the load.
pub(super) const LOAD_CPU: &str = "1";

/// What the script runs beside the database: fills the table, says where it is, and stays until our end of its standard
/// input closes, which it does even if this process is killed.
const HOLD: &str = "\
    psql --quiet --no-psqlrc \"$DATABASE_URL\" --command \"insert into notes (title, text) \
    select 'Seed ' || n, repeat('x', 200) from generate_series(1, 1000) n\" --command 'vacuum analyze notes' \
    && echo \"$DATABASE_URL\" && exec cat >/dev/null";

/// A database with a thousand notes.
pub(super) struct Database {
    script: Child,
    url: String,
}

/// A server that has a database behind it.
pub(super) struct Serving {
    child: Child,
    /// Kept open: a server that writes a line into a closed pipe dies of it.
    _said: BufReader<ChildStdout>,
    pub(super) name: &'static str,
    pub(super) url: String,
}

impl Database {
    pub(super) fn start() -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", LOAD_CPU, "examples/postgres.sh", "sh", "-c", HOLD]).current_dir(root());
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let url = first_line(&mut script)?.0;
        ensure!(url.starts_with("postgres://"), "examples/postgres.sh started no database");
        Ok(Self { script, url })
    }
}

impl Serving {
    /// Starts a server on its CPU and waits for the line that tells where it listens.
    pub(super) fn start(
        name: &'static str,
        program: &Path,
        words: &[&str],
        database: &Database,
        pool: u32,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER_CPU]).arg(program).args(words).envs(environment.iter().copied());
        command.env("DATABASE_URL", &database.url).env("NOTES_POOL", pool.to_string());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let (line, said) = first_line(&mut child)?;
        let mut serving = Self { child, _said: said, name, url: String::new() };
        line.strip_prefix("listening on ")
            .with_context(|| format!("{name} said '{line}'"))?
            .clone_into(&mut serving.url);
        response::fetch(&format!("{}/notes/1", serving.url)).with_context(|| name)?;
        Ok(serving)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        if let Err(error) = self.script.wait() {
            eprintln!("cannot wait for the database's end: {error}");
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM);
        if let Err(error) = asked.map_err(Into::into).and_then(|()| self.child.wait()) {
            eprintln!("cannot stop {}: {error}", self.name);
        }
    }
}

fn first_line(child: &mut Child) -> Result<(String, BufReader<ChildStdout>)> {
    let mut said = BufReader::new(child.stdout.take().context("standard output is piped")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    Ok((line.trim_end().to_owned(), said))
}
