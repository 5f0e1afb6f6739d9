//! The mischief, each in a random dose. `Ok(Some(…))`: a request that was right had a wrong answer.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

use super::enemy::Enemy;

type Outcome = io::Result<Option<String>>;
type Mischief = fn(&mut Enemy) -> Outcome;

/// All of it, by name.
pub(super) const MISCHIEF: [(&str, Mischief); 15] = [
    ("slow heads", slow_heads),
    ("slow bodies", slow_bodies),
    ("answers not read", answers_not_read),
    ("connects", connects),
    ("resets", resets),
    ("garbage", garbage),
    ("endless heads", endless_heads),
    ("endless chunks", endless_chunks),
    ("pipelining, not read", pipelining_not_read),
    ("one-byte segments", one_byte_segments),
    ("panics", panics),
    ("handlers that wait", handlers_that_wait),
    ("handlers that allocate", handlers_that_allocate),
    ("stops", stops),
    ("few descriptors", few_descriptors),
];

const FRAGMENTS: [&str; 16] = [
    "GET ",
    "POST ",
    "/plaintext",
    "/echo",
    " HTTP/1.1",
    " HTTP/1.0",
    "\r\n",
    "\r\n\r\n",
    "Host: test\r\n",
    "Content-Length: 5",
    "Content-Length: 50000\r\n",
    "Transfer-Encoding: chunked\r\n",
    "5\r\nhello\r\n",
    "0\r\n",
    "\0",
    "\n",
];

/// Each connection gets a beginning, and then a byte now and then.
fn trickle(enemy: &mut Enemy, beginning: &str) -> Outcome {
    let mut peers = enemy.connect_many(150)?;
    peers.iter_mut().try_for_each(|peer| peer.write_all(beginning.as_bytes()))?;
    for _ in 0..enemy.random.usize(1..20) {
        enemy.rest(300);
        // Some are refused by now.
        peers.retain_mut(|peer| peer.write_all(b"x").is_ok());
    }
    Ok(None)
}

fn slow_heads(enemy: &mut Enemy) -> Outcome {
    trickle(enemy, "GET /plaintext HTTP/1.1\r\nHost: test\r\nX: ")
}

fn slow_bodies(enemy: &mut Enemy) -> Outcome {
    let path = if enemy.random.bool() { "/echo" } else { "/upload" };
    trickle(enemy, &format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n"))
}

fn answers_not_read(enemy: &mut Enemy) -> Outcome {
    let mut peers = enemy.connect_many(30)?;
    for peer in &mut peers {
        peer.write_all(b"GET /bytes/100000000 HTTP/1.1\r\nHost: test\r\n\r\n")?;
    }
    enemy.rest(5000);
    Ok(None)
}

/// Connections that are closed in the middle of something.
fn connects(enemy: &mut Enemy) -> Outcome {
    for mut peer in enemy.connect_many(200)? {
        let length = enemy.random.usize(0..40);
        peer.write_all(&b"GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n"[..length])?;
    }
    Ok(None)
}

fn resets(enemy: &mut Enemy) -> Outcome {
    for mut peer in enemy.connect_many(200)? {
        set_socket_linger(&peer, Some(Duration::ZERO))?;
        peer.write_all(b"POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nx")?;
    }
    Ok(None)
}

fn garbage(enemy: &mut Enemy) -> Outcome {
    for mut peer in enemy.connect_many(30)? {
        for _ in 0..enemy.random.usize(1..30) {
            if enemy.random.u8(..) < 20 {
                peer.write_all(&[enemy.random.u8(..)])?;
            } else {
                peer.write_all(FRAGMENTS[enemy.random.usize(..FRAGMENTS.len())].as_bytes())?;
            }
        }
        peer.shutdown(Shutdown::Write)?;
        // Until the server has said all it has to say.
        io::copy(&mut peer, &mut io::sink())?;
    }
    Ok(None)
}

/// A beginning, and megabytes of the same behind it, as far as they are taken.
fn endless(enemy: &mut Enemy, beginning: &str, repeated: &str) -> Outcome {
    let mut peer = enemy.connect()?;
    peer.write_all(beginning.as_bytes())?;
    let piece = repeated.repeat(65_536 / repeated.len());
    for _ in 0..enemy.random.usize(1..500) {
        peer.write_all(piece.as_bytes())?;
    }
    Ok(None)
}

fn endless_heads(enemy: &mut Enemy) -> Outcome {
    let repeated = if enemy.random.bool() { "x" } else { "A: b\r\n" };
    endless(enemy, "GET / HTTP/1.1\r\nHost: test\r\n", repeated)
}

fn endless_chunks(enemy: &mut Enemy) -> Outcome {
    let path = if enemy.random.bool() { "/echo" } else { "/upload" };
    let beginning = format!("POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    let repeated = if enemy.random.bool() { "1;a=bcdefgh\r\nx\r\n" } else { "0" };
    endless(enemy, &beginning, repeated)
}

/// The peer sends for as long as the server takes it, and goes away.
fn pipelining_not_read(enemy: &mut Enemy) -> Outcome {
    let mut peer = enemy.connect()?;
    peer.set_write_timeout(Some(Duration::from_millis(300)))?;
    let piece = "GET /json HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000);
    while peer.write_all(piece.as_bytes()).is_ok() {}
    Ok(None)
}

fn one_byte_segments(enemy: &mut Enemy) -> Outcome {
    let mut peer = enemy.connect()?;
    for byte in b"POST /echo HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" {
        peer.write_all(&[*byte])?;
    }
    let answer = rest_of(&mut peer)?;
    let is_right = answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello");
    Ok((!is_right).then_some(answer))
}

fn panics(enemy: &mut Enemy) -> Outcome {
    let mut peer = enemy.connect()?;
    let count = enemy.random.usize(1..300);
    peer.write_all("GET /fault/panic HTTP/1.1\r\nHost: test\r\n\r\n".repeat(count).as_bytes())?;
    peer.write_all(b"GET /plaintext HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")?;
    let answers = rest_of(&mut peer)?;
    let refused = answers.matches("HTTP/1.1 500 ").count();
    let is_right = refused == count && answers.ends_with("Hello, World!");
    Ok((!is_right).then(|| format!("{refused} answers to {count} panics")))
}

fn handlers_that_wait(enemy: &mut Enemy) -> Outcome {
    let mut peers = enemy.connect_many(60)?;
    for peer in &mut peers {
        let (sleep, spin) = (enemy.random.u64(..200), enemy.random.u64(..5000));
        let path = if enemy.random.bool() { format!("/sleep/{sleep}") } else { format!("/spin/{spin}") };
        peer.write_all(format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").as_bytes())?;
    }
    for peer in &mut peers {
        let answer = rest_of(peer)?;
        if !answer.starts_with("HTTP/1.1 200 ") {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

fn handlers_that_allocate(enemy: &mut Enemy) -> Outcome {
    let mut peer = enemy.connect()?;
    let bytes = enemy.random.usize(..300_000_000);
    let request = format!("GET /fault/allocate/{bytes} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    peer.write_all(request.as_bytes())?;
    let answer = rest_of(&mut peer)?;
    Ok((!answer.ends_with(&format!("{bytes} bytes"))).then_some(answer))
}

/// SIGSTOP, and SIGCONT after a while.
fn stops(enemy: &mut Enemy) -> Outcome {
    let process = i32::try_from(enemy.process).ok().and_then(Pid::from_raw);
    let process = process.ok_or(io::ErrorKind::NotFound)?;
    kill_process(process, Signal::STOP)?;
    enemy.rest(500);
    kill_process(process, Signal::CONT)?;
    Ok(None)
}

/// The server has next to no descriptors left, for a while.
fn few_descriptors(enemy: &mut Enemy) -> Outcome {
    let process = i32::try_from(enemy.process).ok().and_then(Pid::from_raw);
    let open = std::fs::read_dir(format!("/proc/{}/fd", enemy.process))?.count() as u64;
    // Its own limits are those of this process, which started it.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    prlimit(process, Resource::Nofile, Rlimit { current: Some(open + enemy.random.u64(..5)), maximum })?;
    enemy.rest(500);
    prlimit(process, Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(None)
}

/// All that comes until the server closes.
fn rest_of(peer: &mut TcpStream) -> io::Result<String> {
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
