//! `corelay upgrade`: has a running server replaced by a new process, and tells how that went.
//!
//! It sends SIGUSR2 and waits for what the server says to that: the server sends each change as a note ([`notes`]) to whoever
//! listens. That the old process has ended it asks the kernel.

pub(crate) mod notes;
pub(crate) mod pid_file;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Arg, ArgMatches, Command, value_parser};
use corelay_poll::{Events, Interest, NoteBox, Poller, Process, Token, Trigger};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::settings::value;
use crate::{FAILURE, SUCCESS, USAGE, complain};
use notes::Note;

const EXIT_STATUS: &str = "\
Exit status:
  0  the new process serves
  1  it does not, and the old one goes on; or there is no telling
  2  a flag is wrong";

/// How long a server may take to answer the signal at all.
const FIRST_WORD: Duration = Duration::from_secs(5);

const NOTES: Token = Token::new(0, 0);
const PROCESS: Token = Token::new(1, 0);

/// `corelay upgrade`.
pub(crate) fn command() -> Command {
    Command::new("upgrade")
        .about("Replace a running server by a new process; connections move there")
        .long_about(
            "Replace a running server by a new process, and tell how that went: a new release of the binary, or new \
             settings in the file.\n\nThe server starts the new process itself, from the path it was started by. \
             Connections move there as soon as they are between two messages; if the new process fails, the old one \
             goes on. To be run on the same machine, and in the same container, as the server.",
        )
        .after_help(EXIT_STATUS)
        .arg(
            Arg::new("pid")
                .value_name("PID")
                .value_parser(value_parser!(u32).range(1..))
                .required_unless_present("pid-file")
                .conflicts_with("pid-file")
                .help("The server's process"),
        )
        .arg(
            Arg::new("pid-file")
                .long("pid-file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Read the process's id from this file, which `corelay serve --pid-file` writes"),
        )
        .arg(
            Arg::new("wait")
                .long("wait")
                .value_name("DURATION")
                .default_value("1m")
                .help("How long to wait until the old process has handed over all it has"),
        )
}

/// Exit status.
pub(crate) fn run(flags: &ArgMatches) -> u8 {
    let wait = flags.get_one::<String>("wait").map_or("", String::as_str);
    let Some(wait) = value::duration(wait) else {
        complain(format_args!("invalid value '{}' for --wait: expected a duration", wait.escape_debug()));
        return USAGE;
    };
    let id = match (flags.get_one::<u32>("pid"), flags.get_one::<PathBuf>("pid-file")) {
        (Some(id), _) => Ok(*id),
        (None, Some(path)) => read(path),
        (None, None) => Err(anyhow::anyhow!("no process was named")),
    };
    match id.and_then(|id| upgrade(id, wait)) {
        Ok(text) => {
            println!("{text}");
            SUCCESS
        }
        Err(error) => {
            complain(format_args!("{error:#}"));
            FAILURE
        }
    }
}

fn read(path: &Path) -> Result<u32> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let id = text.trim().parse().ok().filter(|id| *id > 0);
    id.with_context(|| format!("{} holds no process id", path.display()))
}

fn upgrade(id: u32, wait: Duration) -> Result<String> {
    ensure!(
        catches_signal(id) != Some(false),
        "process {id} does not wait for SIGUSR2, which would end it: it is no server of corelay, or of a release without upgrades"
    );
    let notes = NoteBox::open(&notes::name(id)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!("another corelay upgrade of process {id} is running"),
        _ => anyhow::Error::new(error).context("cannot hear the server"),
    })?;
    let process = Process::watch(id).context("cannot watch the server")?;
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("no process has this id")?;
    match kill_process(pid, Signal::USR2) {
        Ok(()) => Hearing::new(id, notes, process)?.outcome(wait),
        Err(Errno::SRCH) => bail!("there is no process {id}"),
        Err(error) => Err(error).with_context(|| format!("cannot send process {id} a signal")),
    }
}

/// Whether the process has a handler for SIGUSR2, where the kernel tells (proc(5), `SigCgt`).
fn catches_signal(id: u32) -> Option<bool> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask & (1 << (Signal::USR2.as_raw() - 1)) != 0)
}

/// What comes from the server, and from the kernel about it.
struct Hearing {
    id: u32,
    notes: NoteBox,
    poller: Poller,
    /// In the poller as long as it is open.
    _process: Process,
    /// The server has answered.
    answered: bool,
    /// The new process serves.
    to: Option<u32>,
}

impl Hearing {
    fn new(id: u32, notes: NoteBox, process: Process) -> Result<Self> {
        let poller = Poller::new()?;
        poller.add(&notes, NOTES, Interest::READ, Trigger::Level)?;
        poller.add(&process, PROCESS, Interest::READ, Trigger::Level)?;
        Ok(Self { id, notes, poller, _process: process, answered: false, to: None })
    }

    fn outcome(mut self, wait: Duration) -> Result<String> {
        let began = Instant::now();
        let mut events = Events::with_capacity(2);
        loop {
            let patience = if self.answered { wait } else { wait.min(FIRST_WORD) };
            let left = patience.saturating_sub(began.elapsed());
            let found = self.poller.wait(&mut events, Some(left))?;
            while let Some(note) = self.notes.take()? {
                if let Some(text) = self.hear(&note)? {
                    return Ok(text);
                }
            }
            if events.iter().any(|event| event.token() == PROCESS) {
                bail!("process {} has ended without a word of its upgrade; its log says why", self.id);
            }
            if found == 0 && began.elapsed() >= patience {
                return self.run_out_of_patience(patience);
            }
        }
    }

    /// The text to end with, if that was the last word.
    fn hear(&mut self, note: &[u8]) -> Result<Option<String>> {
        let Ok(note) = serde_json::from_slice(note) else { return Ok(None) };
        self.answered = true;
        match note {
            Note::Upgrading | Note::Other => Ok(None),
            Note::Moving { to } => {
                self.to = Some(to);
                Ok(None)
            }
            Note::Upgraded { by } => Ok(Some(format!("process {} is replaced by {by}", self.id))),
            Note::NotUpgraded { reason } => bail!("process {} goes on as it was: {reason}", self.id),
        }
    }

    fn run_out_of_patience(self, patience: Duration) -> Result<String> {
        let id = self.id;
        match self.to {
            Some(to) => Ok(format!("process {to} serves; {id} still finishes what could not move")),
            None if self.answered => bail!("process {id} has not come to an end of it within {patience:?}"),
            None => bail!(
                "process {id} does not answer: it is no server of corelay, or in another container, or still taking \
                 over from the process before it"
            ),
        }
    }
}
