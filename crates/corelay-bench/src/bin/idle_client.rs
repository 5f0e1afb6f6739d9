//! Holds idle keep-alive connections: each has made one request and had its answer.
//!
//! `idle-client ADDRESS COUNT` opens them one after another, prints `holding COUNT` when all are answered, and holds
//! them until its standard input ends. A second process, so that its descriptors count against a limit of its own.
//! One at a time and not at once: a burst would measure the buffers of the burst, which are not idle memory.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corelay_bench::{open_files, response};

/// How long a server may take over one answer.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    open_files::raise_limit()?;
    let mut words = std::env::args().skip(1);
    let address = words.next().context("usage: idle-client ADDRESS COUNT")?;
    let count: usize = words.next().context("usage: idle-client ADDRESS COUNT")?.parse()?;
    let request = format!("GET {} HTTP/1.1\r\nHost: {address}\r\n\r\n", response::PATH);

    let mut held = Vec::with_capacity(count);
    for number in 0..count {
        let connection =
            open(&address, &request).with_context(|| format!("connection {number} of {count}"))?;
        held.push(connection);
    }
    println!("holding {}", held.len());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let lost = held.iter().filter(|connection| !is_open(connection)).count();
    ensure!(lost == 0, "the server closed {lost} of the {count} idle connections: they were not held");
    Ok(())
}

fn open(address: &str, request: &str) -> Result<TcpStream> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(request.as_bytes())?;
    let answer = response::read_one(&mut connection)?;
    ensure!(answer.ends_with(response::BODY.as_bytes()), "an answer without the body {:?}", response::BODY);
    connection.set_nonblocking(true)?;
    Ok(connection)
}

/// Whether the server still has its side open: there is nothing to read, not even an end.
fn is_open(connection: &TcpStream) -> bool {
    matches!(connection.peek(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}
