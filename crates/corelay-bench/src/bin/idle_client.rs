//! Holds idle keep-alive connections: each has made one request and had its answer.
//!
//! `idle-client ADDRESS COUNT` opens them one after another, prints `holding COUNT` when all are answered, and holds
//! them until its standard input ends. A second process, so that its descriptors count against a limit of its own.
//! One at a time and not at once: a burst would measure the buffers of the burst, which are not idle memory.
//!
//! `idle-client ADDRESS COUNT --unless-refused` goes on when the server answers with 503 or closes, and prints
//! `holding HELD, 503 REFUSED, failed FAILED`.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use corelay_bench::{open_files, response};

/// How long a server may take over one answer.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    open_files::raise_limit()?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (address, count, unless_refused) = match words[..] {
        [address, count] => (address, count, false),
        [address, count, "--unless-refused"] => (address, count, true),
        _ => bail!("usage: idle-client ADDRESS COUNT [--unless-refused]"),
    };
    let count: usize = count.parse()?;
    let request = format!("GET {} HTTP/1.1\r\nHost: {address}\r\n\r\n", response::PATH);

    let mut held = Vec::with_capacity(count);
    let (mut refused, mut failed) = (0, 0);
    for number in 0..count {
        match open(address, &request) {
            Ok(Opened::Held(connection)) => held.push(connection),
            Ok(Opened::Refused) if unless_refused => refused += 1,
            Err(_) if unless_refused => failed += 1,
            Ok(Opened::Refused) => bail!("connection {number} of {count} was refused with 503"),
            Err(error) => return Err(error.context(format!("connection {number} of {count}"))),
        }
    }
    match unless_refused {
        true => println!("holding {}, 503 {refused}, failed {failed}", held.len()),
        false => println!("holding {}", held.len()),
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let lost = held.iter().filter(|connection| !is_open(connection)).count();
    ensure!(lost == 0, "the server closed {lost} of the {} idle connections: they were not held", held.len());
    Ok(())
}

/// A connection, and what became of it.
enum Opened {
    Held(TcpStream),
    Refused,
}

fn open(address: &str, request: &str) -> Result<Opened> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    // A server that refuses does so before it has read anything: what it said is read even if it has closed by now.
    let written = connection.write_all(request.as_bytes());
    let (status, answer) = response::read_any(&mut connection)?;
    if status == 503 {
        return Ok(Opened::Refused);
    }
    written?;
    ensure!(answer.ends_with(response::BODY.as_bytes()), "an answer without the body {:?}", response::BODY);
    connection.set_nonblocking(true)?;
    Ok(Opened::Held(connection))
}

/// Whether the server still has its side open: there is nothing to read, not even an end.
fn is_open(connection: &TcpStream) -> bool {
    matches!(connection.peek(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}
