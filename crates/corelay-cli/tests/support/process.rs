//! Figures about a running process, read from procfs (proc(5)).

use std::fs;

/// A process, by its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    id: u32,
}

impl Process {
    /// The process with this id.
    pub(crate) fn new(id: u32) -> Self {
        Self { id }
    }

    /// CPU time used so far by all its threads, user and system, in clock ticks (100 a second on Linux).
    pub(crate) fn cpu_ticks(self) -> u64 {
        let stat = self.read("stat");
        // The second field is the command's name and may hold anything, so count from behind its closing parenthesis.
        let (_, rest) = stat.rsplit_once(')').expect("stat has a command name");
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let ticks = |field: usize| fields[field - 3].parse::<u64>().expect("a time in stat is a number");
        ticks(14) + ticks(15)
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(self) -> u64 {
        let status = self.read("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("status has VmRSS");
        let kib = line.split_ascii_whitespace().nth(1).expect("VmRSS has a value");
        kib.parse::<u64>().expect("VmRSS is a number") * 1024
    }

    /// How many file descriptors are open.
    pub(crate) fn open_files(self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id)).expect("the process is running").count()
    }

    /// How many threads there are.
    pub(crate) fn threads(self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.id)).expect("the process is running").count()
    }

    /// The names of its threads.
    pub(crate) fn thread_names(self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id)).expect("the process is running");
        let names = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        names.map(|name| name.trim_end().to_owned()).collect()
    }

    /// The processors that its first thread may run on, as text.
    pub(crate) fn processors(self) -> String {
        let status = self.read("status");
        let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list:"));
        line.expect("status has the processors").to_owned()
    }

    /// Whether every one of its threads sleeps at this moment, with nothing left to do before it waits.
    pub(crate) fn sleeps(self) -> bool {
        self.threads_are_all('S')
    }

    /// Whether every one of its threads is in this state, by its letter in proc_pid_stat(5).
    pub(crate) fn threads_are_all(self, state: char) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id)).expect("the process is running");
        tasks.flatten().all(|task| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(state))
        })
    }

    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.id)).expect("the process is running")
    }
}
