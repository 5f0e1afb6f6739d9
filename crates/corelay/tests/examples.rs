//! Each program in `examples/` is started as a user would start it, asked for what its page says it does, and
//! told to end. `cargo test` builds the examples before it runs this.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A running example; killed if its test fails before it ended by itself.
struct Example {
    child: Child,
    address: SocketAddr,
}

impl Example {
    /// Starts it on a port of the kernel's choice and waits for the line that tells which.
    fn start(name: &str, arguments: &[&Path]) -> Self {
        let program = directory().join(name);
        let mut child = Command::new(&program)
            .arg("127.0.0.1:0")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; `cargo build --examples` makes it", program.display())
            });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim_end().strip_prefix("listening on http://").map(|address| address.parse().unwrap());
        let Some(address) = address else {
            let _ = child.kill();
            panic!("{name} printed '{line}'");
        };
        Self { child, address }
    }

    /// One request; the head and the body of its answer. HTTP/1.0: the answer ends where the connection does.
    fn ask(&self, request: &str, body: &[u8]) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!("{request}\r\nHost: {}\r\nContent-Length: {}\r\n\r\n", self.address, body.len());
        let line_end = head.find("\r\n").unwrap();
        let (line, fields) = head.split_at(line_end);
        stream.write_all(format!("{line} HTTP/1.0{fields}").as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let body = answer.split_off(end + 4);
        (String::from_utf8(answer).unwrap().to_ascii_lowercase(), body)
    }

    /// One request; status and text of its answer.
    fn text(&self, request: &str, body: &str) -> (u16, String) {
        let (head, body) = self.ask(request, body.as_bytes());
        (head.split(' ').nth(1).unwrap().parse().unwrap(), String::from_utf8(body).unwrap())
    }

    /// Drains it, as a service manager does.
    fn end(mut self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // Already gone after `end`: then both say so, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where cargo puts examples: beside the directory this test runs from.
fn directory() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples")
}

#[test]
fn hello_greets() {
    let hello = Example::start("hello", &[]);
    assert_eq!(hello.text("GET /", ""), (200, "Hello, World!".to_owned()));
    assert_eq!(hello.text("GET /hello/Ada%20L", ""), (200, "Hello, Ada L!".to_owned()));
    assert_eq!(hello.text("GET /nowhere", "").0, 404);
    hello.end();
}

#[test]
fn json_api_creates_reads_replaces_and_deletes() {
    let api = Example::start("json_api", &[]);
    let json = "\r\nContent-Type: application/json";
    let milk = r#"{"title":"Milk","done":false}"#;
    let (head, body) = api.ask(&format!("POST /notes{json}"), milk.as_bytes());
    assert!(head.contains(" 201 ") && head.contains("\r\nlocation: /notes/1\r\n"), "{head}");
    assert_eq!(body, br#"{"id":1,"title":"Milk","done":false}"#);
    assert_eq!(api.text("GET /notes/1", ""), (200, milk.to_owned()));
    let bread = r#"{"title":"Bread","done":true}"#;
    assert_eq!(api.text(&format!("PUT /notes/1{json}"), bread), (200, bread.to_owned()));
    assert_eq!(api.text("GET /notes", ""), (200, r#"[{"id":1,"title":"Bread","done":true}]"#.to_owned()));
    assert_eq!(api.text("DELETE /notes/1", "").0, 204);
    assert_eq!(api.text("GET /notes/1", ""), (404, "there is no note 1\n".to_owned()));
    assert_eq!(api.text("POST /notes", milk).0, 415);
    assert_eq!(api.text(&format!("POST /notes{json}"), "{").0, 400);
    assert_eq!(api.text("GET /notes/one", "").0, 400);
    api.end();
}

#[test]
fn upload_stores_and_fetches_what_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let upload = Example::start("upload", &[folder.path()]);
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    let (head, body) = upload.ask("PUT /files/numbers.bin", &sent);
    assert!(head.contains(" 201 "), "{head}");
    assert_eq!(body, b"1000000 bytes\n");
    let (head, fetched) = upload.ask("GET /files/numbers.bin", b"");
    assert!(head.contains("\r\ncontent-length: 1000000\r\n"), "{head}");
    assert!(fetched == sent, "the file differs from what was sent");
    assert_eq!(upload.text("GET /files/absent", "").0, 404);
    assert_eq!(upload.text("PUT /files/..%2fescaped", "x").0, 400);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing but the one file");
    upload.end();
}

#[test]
fn middleware_guards_times_and_passes_values_on() {
    let middleware = Example::start("middleware", &[]);
    let (head, body) = middleware.ask("GET /", b"");
    assert!(
        head.contains("\r\nserver-timing: handler;dur=") && head.contains("\r\nx-served-by: corelay\r\n"),
        "{head}"
    );
    assert_eq!(body, b"Open to all.\n");
    let (head, _) = middleware.ask("GET /me", b"");
    assert!(head.contains(" 401 ") && head.contains("\r\nwww-authenticate: bearer\r\n"), "{head}");
    assert!(head.contains("\r\nserver-timing: "), "a refusal is timed too: {head}");
    let known = middleware.text("GET /me\r\nAuthorization: Bearer sesame", "");
    assert_eq!(known, (200, "You are Ali Baba.\n".to_owned()));
    middleware.end();
}
