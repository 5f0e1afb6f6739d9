//! Asks an admin listener for its metrics, again and again, on a new connection each time: as a scraper and a probe do.
//!
//! Who asks from the server's processor waits there as one of its thousands of threads, and tells of that. So the thread that
//! asks is on the driver's, comes before the driver if it may, and tells for how long it was kept waiting itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corelay_poll::{affinity, thread as scheduling};

/// From one question to the next.
const EVERY: Duration = Duration::from_millis(20);
/// How long an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(10);
const QUESTION: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n";

/// A thread that asks.
pub(super) struct Probe(JoinHandle<Result<Vec<Asked>>>);

/// One question.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// Until its answer was there.
    took: Duration,
    /// Of that, for how long the probe waited for its processor.
    own_wait: Duration,
}

/// What it found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latencies {
    pub(super) questions: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    /// The 99th percentile of what the probe itself waited for its processor in a question.
    pub(super) own_wait_p99_ms: f64,
}

impl Probe {
    /// Asks for `duration` from a processor, beginning after `warm_up`.
    pub(super) fn start(address: SocketAddr, cpu: usize, warm_up: Duration, duration: Duration) -> Self {
        let begins = Instant::now() + warm_up;
        Self(thread::spawn(move || {
            affinity::pin_current_thread(cpu).context("the probe's processor")?;
            scheduling::raise_priority(scheduling::current()).context("the probe's priority")?;
            let own = scheduling::Probe::of(scheduling::current())?;
            thread::sleep(begins.saturating_duration_since(Instant::now()));
            let mut found = Vec::new();
            while begins.elapsed() < duration {
                let (asked, waited) = (Instant::now(), own.scheduled()?.waited);
                ask(address)?;
                let took = asked.elapsed();
                found.push(Asked { took, own_wait: own.scheduled()?.waited.saturating_sub(waited) });
                thread::sleep(EVERY.saturating_sub(took));
            }
            Ok(found)
        }))
    }

    pub(super) fn end(self) -> Result<Latencies> {
        let found = self.0.join().map_err(|_| anyhow::anyhow!("the probe of the admin listener panicked"))?;
        Latencies::of(&found.context("the admin listener")?)
    }
}

impl Latencies {
    fn of(found: &[Asked]) -> Result<Self> {
        ensure!(!found.is_empty(), "the admin listener was never asked");
        let took = sorted_ms(found.iter().map(|asked| asked.took));
        let own_wait = sorted_ms(found.iter().map(|asked| asked.own_wait));
        Ok(Self {
            questions: found.len(),
            p50_ms: percentile(&took, 0.5),
            p99_ms: percentile(&took, 0.99),
            max_ms: percentile(&took, 1.0),
            own_wait_p99_ms: percentile(&own_wait, 0.99),
        })
    }
}

fn sorted_ms(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut ms: Vec<f64> = times.map(|time| time.as_secs_f64() * 1e3).collect();
    ms.sort_by(f64::total_cmp);
    ms
}

/// Of at least one value, the one below or at which that share lies.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    sorted[index.clamp(1, sorted.len()) - 1]
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
        let asked = |ms| Asked { took: Duration::from_millis(ms), own_wait: Duration::from_millis(ms / 2) };
        let found = Latencies::of(&(1..=200).rev().map(asked).collect::<Vec<_>>()).unwrap();
        assert_eq!((found.questions, found.p50_ms, found.p99_ms, found.max_ms), (200, 100.0, 198.0, 200.0));
        assert!((found.own_wait_p99_ms - 99.0).abs() < f64::EPSILON);
        assert!(Latencies::of(&[]).is_err());
    }
}
