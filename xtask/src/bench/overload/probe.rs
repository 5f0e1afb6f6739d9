//! Asks an admin listener for its metrics, again and again, on a new connection each time: as a scraper and a probe do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// From one question to the next.
const EVERY: Duration = Duration::from_millis(20);
/// How long an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(10);
const QUESTION: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n";

/// A thread that asks.
pub(super) struct Probe(JoinHandle<Result<Vec<Duration>>>);

/// What it found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latencies {
    pub(super) questions: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
}

impl Probe {
    /// Asks for `duration`, beginning after `warm_up`.
    pub(super) fn start(address: SocketAddr, warm_up: Duration, duration: Duration) -> Self {
        let begins = Instant::now() + warm_up;
        Self(thread::spawn(move || {
            thread::sleep(begins.saturating_duration_since(Instant::now()));
            let mut found = Vec::new();
            while begins.elapsed() < duration {
                let asked = Instant::now();
                ask(address)?;
                found.push(asked.elapsed());
                thread::sleep(EVERY.saturating_sub(asked.elapsed()));
            }
            Ok(found)
        }))
    }

    pub(super) fn end(self) -> Result<Latencies> {
        let found = self.0.join().map_err(|_| anyhow::anyhow!("the probe of the admin listener panicked"))?;
        Latencies::of(found.context("the admin listener")?)
    }
}

impl Latencies {
    fn of(mut found: Vec<Duration>) -> Result<Self> {
        ensure!(!found.is_empty(), "the admin listener was never asked");
        found.sort_unstable();
        let at = |share: f64| {
            let index = (found.len() as f64 * share).ceil() as usize;
            found[index.clamp(1, found.len()) - 1].as_secs_f64() * 1e3
        };
        Ok(Self { questions: found.len(), p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1.0) })
    }
}

/// One question, from the connect to the end of the answer.
fn ask(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(QUESTION)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(answer.starts_with(b"HTTP/1.1 200 "), "it does not answer 200");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn a_percentile_is_the_value_below_or_at_which_that_share_lies() {
        let found = Latencies::of((1..=200).rev().map(Duration::from_millis).collect()).unwrap();
        assert_eq!((found.questions, found.p50_ms, found.p99_ms, found.max_ms), (200, 100.0, 198.0, 200.0));
        assert!(Latencies::of(Vec::new()).is_err());
    }
}
