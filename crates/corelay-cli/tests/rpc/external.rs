//! Crates outside the workspace, which know it by path only. `examples/rpc-external` defines, serves and calls a service of
//! its own; `examples/rpc-conformance` stands between `corelay-rpc` and the protocol's conformance suite.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The running example; killed when the test ends.
struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_crate_elsewhere_serves_and_calls_a_service_of_its_own() {
    cargo("build", "rpc-external");
    let program = target().join("debug/rpc-external");

    let server = Command::new(&program).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut server = Example(server);
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("listening on ").unwrap();

    let called = Command::new(&program).args(["call", url, "Ada", "Grace"]).output().unwrap();
    let said = String::from_utf8(called.stdout).unwrap();
    assert_eq!(said, "Hello, Ada! Some(\"3\")\nHello, Grace! Some(\"5\")\nHello, Ada!\nHello, Grace!\n");

    let address = url.strip_prefix("http://").unwrap();
    canonical_json(address);
    recursion(address);
}

#[test]
fn the_client_and_the_server_of_the_conformance_suite_agree() {
    cargo("test", "rpc-conformance");
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// Runs cargo in a crate outside the workspace; what it builds lands beside everything else.
fn cargo(command: &str, example: &str) {
    let manifest =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example).join("Cargo.toml");
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args([command, "--quiet", "--manifest-path"]).arg(manifest);
    let done = cargo.env("CARGO_TARGET_DIR", target()).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// Enums by name or number, times and durations as text, bytes as base64, and a message inside an `Any`, there and back.
fn canonical_json(address: &str) {
    let body = r#"{"name":"Ada","mood":1,"born":"1815-12-10T00:00:00Z","patience":"1.5s","token":"_-8","attachment":{"@type":"type.googleapis.com/greet.v1.GreetRequest","name":"inside","mood":"MOOD_GLAD"}}"#;
    let (head, body) = greet(address, "application/json", body.as_bytes());
    assert!(head.to_ascii_lowercase().contains("trailer-x-letters: 3"), "{head}");
    for part in [
        r#""greeting":"Hello, Ada!""#,
        r#""mood":"MOOD_GLAD""#,
        r#""born":"1815-12-10T00:00:00Z""#,
        r#""patience":"1.500s""#,
        r#""token":"/+8=""#,
        r#""@type":"type.googleapis.com/greet.v1.GreetRequest""#,
        r#""name":"inside""#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
}

/// A message of a type that holds itself, in itself: as deep as is allowed, and deeper than any stack.
fn recursion(address: &str) {
    let json = |levels: usize| {
        let open = r#"{"name":"Ada","introducedBy":"#.repeat(levels);
        format!("{open}{{\"name\":\"Eve\"}}{}", "}".repeat(levels))
    };
    let (head, body) = greet(address, "application/json", json(99).as_bytes());
    assert!(head.starts_with("HTTP/1.1 200 ") && body.matches("introducedBy").count() == 99, "{head}{body}");
    for levels in [101, 100_000] {
        let (head, body) = greet(address, "application/json", json(levels).as_bytes());
        assert!(head.starts_with("HTTP/1.1 400 ") && body.contains("invalid_argument"), "{head}{body}");
    }
    // A length-delimited field 7, and in it nothing but the next: lengths are told from the innermost on.
    let mut lengths = vec![0_usize];
    for level in 0..100_000 {
        lengths.push(1 + varint(lengths[level]).len() + lengths[level]);
    }
    let field = |length: &usize| [vec![0x3a], varint(*length)].concat();
    let message: Vec<u8> = lengths[..100_000].iter().rev().flat_map(field).collect();
    let (head, body) = greet(address, "application/proto", &message);
    assert!(head.starts_with("HTTP/1.1 400 ") && body.contains("invalid_argument"), "{head}{body}");
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Calls `Greet`; the head of the answer, and its body.
fn greet(address: &str, content_type: &str, body: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /greet.v1.GreetService/Greet HTTP/1.0\r\nHost: test\r\nContent-Type: {content_type}\r\n"
    );
    let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}
