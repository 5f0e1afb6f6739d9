//! `examples/kv.rs` by redis's own programs, and beside redis itself: the same requests, the same answers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use crate::kv_server::{ALL, Client, Server, request};

/// What installs what is missing.
const INSTALL: &str = "apt-get install -y --no-install-recommends redis-server redis-tools";

fn redis_cli(server: &Server, arguments: &[&str]) -> String {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &server.address.port().to_string()]).args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("redis-cli: {error}; {INSTALL}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn redis_cli_is_answered() {
    for flags in ALL {
        let server = Server::start(flags);
        let cases: [(&[&str], &str); 8] = [
            (&["SET", "greeting", "Grüß Gott"], "OK\n"),
            (&["--no-raw", "GET", "absent"], "(nil)\n"),
            (&["GET", "greeting"], "Grüß Gott\n"),
            (&["MSET", "a", "1", "b", "2"], "OK\n"),
            (&["MGET", "a", "b", "c"], "1\n2\n\n"),
            (&["INCR", "a"], "2\n"),
            (&["DBSIZE"], "3\n"),
            (&["CONFIG", "GET", "maxmemory-policy"], "maxmemory-policy\nnoeviction\n"),
        ];
        for (arguments, expected) in cases {
            assert_eq!(redis_cli(&server, arguments), expected, "{flags:?} {arguments:?}");
        }
        assert!(redis_cli(&server, &["INFO"]).contains("db0:keys=3,"));
        server.end();
    }
}

#[test]
fn redis_cli_inserts_in_mass() {
    for flags in ALL {
        let server = Server::start(flags);
        let requests: Vec<u8> =
            (0..20_000).flat_map(|key| request(&["SET", &format!("key:{key}"), "value"])).collect();
        let mut command = Command::new("redis-cli");
        command.args(["-p", &server.address.port().to_string(), "--pipe"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // A write that fails is told by what the program then says.
        let _ = child.stdin.take().unwrap().write_all(&requests);
        let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        assert!(said.ends_with("errors: 0, replies: 20000\n"), "{flags:?}: {said}");
        assert_eq!(server.connect().ask(&["DBSIZE"]), ":20000\r\n", "{flags:?}");
        server.end();
    }
}

#[test]
fn redis_cli_reads_commands_from_a_pipe_as_it_does_interactively() {
    let server = Server::start(&[]);
    let mut command = Command::new("redis-cli");
    command.args(["-p", &server.address.port().to_string()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"set a 1\nincrby a 41\nget a\nnothing\nquit\n").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("OK\n42\n42\nERR unknown command 'nothing', with args beginning with: \n"),
        "{said}"
    );
    server.end();
}

#[test]
fn redis_benchmark_drives_it() {
    for flags in ALL {
        let server = Server::start(flags);
        for pipeline in ["1", "16"] {
            let mut command = Command::new("redis-benchmark");
            command.args([
                "-p",
                &server.address.port().to_string(),
                "-P",
                pipeline,
                "-n",
                "4000",
                "-c",
                "50",
            ]);
            command.args(["-r", "1000", "--csv", "-t", "ping_inline,ping_mbulk,set,get,incr,mset"]);
            let output =
                command.output().unwrap_or_else(|error| panic!("redis-benchmark: {error}; {INSTALL}"));
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{flags:?}: {said}");
            for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"] {
                assert!(said.contains(&format!("\"{test}\",")), "{flags:?}, no {test}: {said}");
            }
        }
        // Of 1,000 counters some are left out by chance; of 1,000 keys, which MSET sets ten at a time, none.
        let keys: usize = server.connect().ask(&["DBSIZE"]).trim_matches([':', '\r', '\n']).parse().unwrap();
        assert!((1_900..=2_000).contains(&keys), "{flags:?}: {keys}");
        server.end();
    }
}

/// A redis of the test's own; killed when it is dropped.
struct Redis {
    child: Child,
    address: SocketAddr,
}

impl Redis {
    fn start() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        command
            .args(["--save", "", "--appendonly", "no", "--dir", "/", "--databases", "1"])
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("redis-server: {error}; {INSTALL}"));
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready =
            said.find(|line| line.as_ref().is_ok_and(|line| line.contains("eady to accept connections")));
        assert!(ready.is_some(), "redis-server ended");
        // It goes on talking.
        std::thread::spawn(move || said.for_each(drop));
        Self { child, address }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests of every kind, with few keys and values, so that they meet.
fn requests(random: &mut fastrand::Rng, count: usize) -> Vec<Vec<String>> {
    let words = [
        "GET", "SET", "SET", "INCR", "DECR", "INCRBY", "DECRBY", "MGET", "MSET", "DEL", "EXISTS", "EXPIRE",
        "PEXPIRE", "PERSIST", "TTL", "PING", "ECHO", "SELECT", "DBSIZE", "FLUSHALL", "FLUSHDB", "nothing",
        "CONFIG", "COMMAND",
    ];
    let values = ["0", "1", "-7", "007", "x", "", "9223372036854775807", "-9223372036854775808", "3.5", " 1"];
    let options = ["NX", "xx", "GET", "KEEPTTL", "EX", "px", "GT", "lt", "1000", "100000", "foo", "-5", "0"];
    let mut request = || {
        let word = words[random.usize(..words.len())];
        let mut request = vec![word.to_owned()];
        for _ in 0..random.usize(..5) {
            request.push(match random.u8(..10) {
                0..4 => format!("key{}", random.u8(..6)),
                4..8 => values[random.usize(..values.len())].to_owned(),
                _ => options[random.usize(..options.len())].to_owned(),
            });
        }
        if random.bool() {
            // As it is meant: a key, a value, options.
            request.truncate(1);
            request.push(format!("key{}", random.u8(..6)));
            match word {
                "SET" | "INCRBY" | "DECRBY" => request.push(values[random.usize(..values.len())].to_owned()),
                "EXPIRE" | "PEXPIRE" => request.push("1000000".to_owned()),
                _ => {}
            }
            if word == "SET" && random.bool() {
                request
                    .extend((0..random.u8(..3)).map(|_| options[random.usize(..options.len())].to_owned()));
            }
        }
        request
    };
    // These tell of the server, of which there are two kinds.
    let tells_of_itself =
        |request: &Vec<String>| matches!(request[0].as_str(), "CONFIG" | "COMMAND") && request.len() > 1;
    let shortest = |request: &Vec<String>| {
        request.iter().any(|word| word == "1" || word == "0")
            && request.iter().any(|word| word.eq_ignore_ascii_case("px"))
    };
    let mut all = Vec::new();
    while all.len() < count {
        let request = request();
        if !tells_of_itself(&request) && !shortest(&request) && request[0] != "COMMAND" {
            all.push(request);
        }
    }
    all
}

/// Whether two answers are the same; remaining times may differ by what passed between.
fn agree(request: &[String], ours: &[u8], theirs: &[u8]) -> bool {
    let seconds = |answer: &[u8]| -> Option<i64> {
        std::str::from_utf8(answer).ok()?.strip_prefix(':')?.trim_end().parse().ok()
    };
    match (request[0].as_str(), seconds(ours), seconds(theirs)) {
        ("TTL", Some(ours), Some(theirs)) if ours > 0 && theirs > 0 => (ours - theirs).abs() < 60,
        _ => ours == theirs,
    }
}

#[test]
fn the_same_requests_have_the_same_answers_as_from_redis() {
    let redis = Redis::start();
    for (seed, flags) in ALL.into_iter().enumerate() {
        let server = Server::start(flags);
        let mut random = fastrand::Rng::with_seed(seed as u64);
        let (mut ours, mut theirs) = (server.connect(), Client::connect(redis.address));
        theirs.ask(&["FLUSHALL"]);
        for turn in requests(&mut random, 6_000).chunks(20) {
            let octets: Vec<u8> = turn
                .iter()
                .flat_map(|words| request(&words.iter().map(String::as_str).collect::<Vec<_>>()))
                .collect();
            ours.send(&octets);
            theirs.send(&octets);
            for request in turn {
                let (ours, theirs) = (ours.reply(), theirs.reply());
                let said = || format!("{} and {}", ours.escape_ascii(), theirs.escape_ascii());
                assert!(agree(request, &ours, &theirs), "{flags:?} {request:?}: {}", said());
            }
        }
        server.end();
    }
}
