//! What one thread can do, and how much nginx has to compress for a request to cost it as much as it costs the others.
//!
//! Both are found on the machine and at the time of the run. A skewed server has its queues at a rate that one thread can
//! just bear, and that rate depends on the machine; and a comparison in which one server's requests are cheaper would say
//! that it bears skew better.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use corelay_load::Pace;

use super::contender::{Contender, write_compressed_file};
use super::{Measuring, Sample};
use crate::bench::running::Running;

/// Of what one thread can do in a closed loop, the share that the open loop asks for.
const SHARE: f64 = 0.7;
/// The first guess at what nginx compresses, and how far it may go.
const BYTES: usize = 8 * 1024;
const BYTES_MIN: usize = 512;
const BYTES_MAX: usize = 1024 * 1024;
/// Guesses at most, and how near is near enough.
const GUESSES: usize = 8;
const TOLERANCE: f64 = 0.03;
/// Runs of a server, and their length. The best of them counts: what disturbs one makes it slower and dearer, never better.
const RUNS: usize = 3;
const DURATION: Duration = Duration::from_millis(500);

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calibration {
    /// Answers a second of corelay with one of its two cores at work.
    pub(super) one_thread_per_second: f64,
    /// Requests a second of the open loop.
    pub(super) rate: f64,
    /// What nginx compresses for a request.
    pub(super) compressed_bytes: usize,
}

/// The best of a few runs.
struct Best {
    per_second: f64,
    cpu_us: f64,
}

impl Calibration {
    /// Finds it, with a rate that may be given.
    pub(super) fn find(measuring: &Measuring<'_>, rate: Option<f64>) -> Result<Self> {
        eprintln!("skew: finding what one thread can do");
        let (server, address) = measuring.start(Contender::RebalanceOff)?;
        let Best { per_second, cpu_us } = best(measuring, Contender::RebalanceOff, &server, address)?;
        drop(server);
        // To the ten, so that two runs of this bench are more likely to be comparable.
        let found = (per_second * SHARE / 10.0).round() * 10.0;
        let compressed_bytes = find_bytes(measuring, cpu_us)?;
        Ok(Self { one_thread_per_second: per_second, rate: rate.unwrap_or(found), compressed_bytes })
    }
}

/// How many bytes cost nginx `wanted_us` of CPU time a request: the nearest guess of a few.
fn find_bytes(measuring: &Measuring<'_>, wanted_us: f64) -> Result<usize> {
    let mut bytes = BYTES;
    let (mut nearest, mut nearest_off) = (bytes, f64::INFINITY);
    write_compressed_file(measuring.tools, bytes)?;
    let (server, address) = measuring.start(Contender::Nginx)?;
    for _ in 0..GUESSES {
        let found_us = best(measuring, Contender::Nginx, &server, address)?.cpu_us;
        eprintln!("skew: nginx compresses {bytes} bytes in {found_us:.0} µs of CPU, of {wanted_us:.0} µs");
        let off = (found_us / wanted_us - 1.0).abs();
        if off < nearest_off {
            (nearest, nearest_off) = (bytes, off);
        }
        if off < TOLERANCE {
            break;
        }
        bytes = next_guess(bytes, found_us, wanted_us);
        write_compressed_file(measuring.tools, bytes)?;
    }
    write_compressed_file(measuring.tools, nearest)?;
    Ok(nearest)
}

fn best(
    measuring: &Measuring<'_>,
    contender: Contender,
    server: &Running,
    address: SocketAddr,
) -> Result<Best> {
    let mut plan = contender.plan(address, server.id(), Pace::Closed, DURATION);
    plan.warm_up = DURATION / 2;
    let mut best = Best { per_second: 0.0, cpu_us: f64::INFINITY };
    for _ in 0..RUNS {
        let sample = Sample::of(&measuring.drive(&plan)?, DURATION)?;
        best.per_second = best.per_second.max(sample.per_second);
        best.cpu_us = best.cpu_us.min(sample.cpu_us);
    }
    Ok(best)
}

/// By the root of the proportion. The more text there is to search for repetitions, the more a byte costs: in proportion
/// itself guesses would swing about the right one and not come near.
fn next_guess(bytes: usize, found_us: f64, wanted_us: f64) -> usize {
    ((bytes as f64 * (wanted_us / found_us).sqrt()) as usize).clamp(BYTES_MIN, BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_come_near() {
        // 20 µs for the request, and 40 ns a byte, or as much more with every byte before it.
        let costs: [fn(f64) -> f64; 2] = [|bytes| 20.0 + bytes * 0.04, |bytes| 20.0 + bytes * bytes * 2e-6];
        for cost in costs {
            let mut bytes = BYTES;
            for _ in 1..GUESSES {
                bytes = next_guess(bytes, cost(bytes as f64), 215.0);
            }
            assert!((cost(bytes as f64) / 215.0 - 1.0).abs() < TOLERANCE, "{bytes}");
        }
    }

    #[test]
    fn a_guess_has_bounds() {
        assert_eq!(next_guess(1_000, 1e9, 1.0), BYTES_MIN);
        assert_eq!(next_guess(1_000, 0.0, 1.0), BYTES_MAX);
    }
}
