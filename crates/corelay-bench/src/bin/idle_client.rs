//! Holds idle keep-alive connections: each has made one request and had its answer.
//!
//! `idle-client ADDRESS COUNT` opens them one after another, prints `holding COUNT` when all are answered, and holds
//! them until its standard input ends. A second process, so that its descriptors count against a limit of its own.
//! One at a time and not at once (`corelay_load::idle`).
//!
//! `idle-client ADDRESS COUNT --unless-refused` goes on when the server answers with 503 or closes, and prints
//! `holding HELD, 503 REFUSED, failed FAILED`.

#![forbid(unsafe_code)]

use std::io::Read;

use anyhow::{Result, bail, ensure};
use corelay_bench::{open_files, response};
use corelay_load::idle::Connections;

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
    let address = address.parse()?;

    let mut held = Connections::default();
    let (mut refused, mut failed) = (0, 0);
    for number in 0..count {
        match held.add(address, response::PATH) {
            Ok(true) => {}
            Ok(false) if unless_refused => refused += 1,
            Err(_) if unless_refused => failed += 1,
            Ok(false) => bail!("connection {number} of {count} was refused with 503"),
            Err(error) => bail!("connection {number} of {count}: {error}"),
        }
    }
    match unless_refused {
        true => println!("holding {}, 503 {refused}, failed {failed}", held.count()),
        false => println!("holding {}", held.count()),
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let lost = held.lost();
    ensure!(
        lost == 0,
        "the server closed {lost} of the {} idle connections: they were not held",
        held.count()
    );
    Ok(())
}
