//! What system calls a process makes, counted by strace(1), which must be installed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

/// strace(1) at work on a process: its trace comes line by line.
pub(crate) struct Trace {
    strace: Child,
    pub(crate) lines: Receiver<String>,
}

impl Trace {
    /// Attaches to every thread of the process with this id, and returns when strace has said so.
    pub(crate) fn attach(process: u32) -> Self {
        let mut command = Command::new("strace");
        command.args(["-f", "-s", "0", "-p", &process.to_string()]).stderr(Stdio::piped());
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let mut strace = spawned.expect("strace is there (Debian: apt-get install -y strace)");
        let stderr = BufReader::new(strace.stderr.take().expect("standard error is piped"));
        let (line, lines) = mpsc::channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        let trace = Self { strace, lines };
        let attached = trace.lines.iter().any(|line| line.contains(" attached"));
        assert!(attached, "strace attaches to the server (it needs CAP_SYS_PTRACE or yama/ptrace_scope 0)");
        trace
    }

    /// The system calls completed since it was attached, by name. Stops strace.
    pub(crate) fn finish(mut self) -> BTreeMap<String, usize> {
        let id = i32::try_from(self.strace.id()).expect("a process id fits");
        kill_process(Pid::from_raw(id).expect("not 0"), Signal::INT).expect("strace is running");
        let mut calls = BTreeMap::new();
        for name in self.lines.iter().filter_map(|line| completed_call(&line)) {
            *calls.entry(name).or_default() += 1;
        }
        self.strace.wait().expect("a child can be waited for");
        calls
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// The name in a line of strace that tells a call's result, as in `[pid 7] recvfrom(5, ""..., 9) = 3` or
/// `[pid 7] <... recvfrom resumed>) = 3`. A call that has only begun has no result yet.
pub(crate) fn completed_call(line: &str) -> Option<String> {
    let (call, _result) = line.rsplit_once(" = ")?;
    let name = match call.split_once("<... ") {
        Some((_, resumed)) => resumed.split(' ').next()?,
        None => call.split_once('(')?.0.rsplit(' ').next()?,
    };
    Some(name.to_owned())
}
