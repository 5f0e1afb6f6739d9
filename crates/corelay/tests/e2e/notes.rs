//! `examples/postgres.rs` as a user starts it: by its script, with a PostgreSQL of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// What installs what is missing.
const INSTALL: &str = "apt-get install -y --no-install-recommends postgresql";

/// The example, its database, and the directory that the script puts that into.
pub(crate) struct Notes {
    script: Child,
    address: SocketAddr,
    database: String,
    scratch: TempDir,
}

/// One answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Notes {
    /// Starts both and waits until they serve. `environment` is for the example.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        // Root's database runs as another user, who has to get in.
        std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut script = Command::new(root.join("examples/postgres.sh"))
            // The shell tells where the database is, and becomes the example.
            .args(["sh", "-c", "echo \"$DATABASE_URL\"; exec \"$@\"", "sh"])
            .arg(example())
            .arg("127.0.0.1:0")
            .env("TMPDIR", scratch.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(script.stdout.take().unwrap());
        let (database, listening) = (line(&mut said), line(&mut said));
        let Some(address) = listening.strip_prefix("listening on http://") else {
            let _ = script.wait();
            panic!("the script said '{database}' and '{listening}'; if PostgreSQL is missing: {INSTALL}");
        };
        Self { address: address.parse().unwrap(), script, database, scratch }
    }

    /// A connection of the test's own to the database.
    pub(crate) fn database(&self) -> postgres::Client {
        postgres::Client::connect(&self.database, postgres::NoTls).unwrap()
    }

    /// One request on a connection of its own, with JSON if there is a body. HTTP/1.0: the answer ends where that does.
    pub(crate) fn ask(&self, request: &str, body: &str) -> Answer {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        self.ask_with(request, kind, body)
    }

    /// The same with field lines of the test's choice.
    pub(crate) fn ask_with(&self, request: &str, fields: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let length = body.len();
        let head =
            format!("{request} HTTP/1.0\r\nHost: {}\r\n{fields}Content-Length: {length}\r\n", self.address);
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request}: {answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), text: text.to_owned() }
    }

    /// Drains the example as a service manager does; the database goes with it and leaves nothing behind.
    pub(crate) fn end(mut self) {
        kill_process(Pid::from_child(&self.script), Signal::TERM).unwrap();
        assert!(self.script.wait().unwrap().success());
        assert_eq!(std::fs::read_dir(self.scratch.path()).unwrap().count(), 0);
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        // Not killed: the script has to end what it started. After `end` it is gone, and that is fine.
        if let Ok(None) = self.script.try_wait() {
            let _ = kill_process(Pid::from_child(&self.script), Signal::TERM);
            let _ = self.script.wait();
        }
    }
}

fn line(said: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Where cargo puts examples: beside the directory this test runs from.
fn example() -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("examples/postgres");
    assert!(program.exists(), "{}: `cargo build --examples` makes it", program.display());
    program
}
