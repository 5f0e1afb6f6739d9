//! An enemy: which mischief is next, and what it counted.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use super::mischief::MISCHIEF;
use super::timeline::Timeline;
use crate::bench::running::Running;

/// How long an enemy waits for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// One enemy, who draws everything from a seed.
pub(super) struct Enemy {
    number: u64,
    pub(super) server: SocketAddr,
    pub(super) process: u32,
    pub(super) random: fastrand::Rng,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How often, by name.
    pub(super) done: BTreeMap<&'static str, u64>,
    /// Of right requests among the mischief, what was wrong with their answers.
    pub(super) wrong: Vec<String>,
}

impl Tally {
    pub(super) fn plus(mut self, other: Self) -> Self {
        for (name, count) in other.done {
            *self.done.entry(name).or_default() += count;
        }
        self.wrong.extend(other.wrong);
        self
    }
}

impl Enemy {
    /// Each number draws something else from the same seed.
    pub(super) fn new(server: &Running, seed: u64, number: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed.wrapping_add(number));
        Self { number, server: server.address(0), process: server.id(), random }
    }

    /// At random, one after the other.
    pub(super) fn works_until(&mut self, timeline: &Timeline, is_over: &AtomicBool) -> Tally {
        let mut tally = Tally::default();
        while !is_over.load(Ordering::Relaxed) {
            let (name, mischief) = MISCHIEF[self.random.usize(..MISCHIEF.len())];
            let begun = Instant::now();
            // That connections break is what an enemy is used to.
            if let Ok(Some(wrong)) = mischief(self) {
                tally.wrong.push(format!("{name}: {wrong}"));
            }
            timeline.tell(begun, format_args!("enemy {}: {name}", self.number));
            *tally.done.entry(name).or_default() += 1;
        }
        tally
    }

    pub(super) fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Up to so many connections.
    pub(super) fn connect_many(&mut self, most: usize) -> io::Result<Vec<TcpStream>> {
        (0..self.random.usize(1..=most)).map(|_| self.connect()).collect()
    }

    /// Waits up to so long.
    pub(super) fn rest(&mut self, most_ms: u64) {
        thread::sleep(Duration::from_millis(self.random.u64(0..=most_ms)));
    }
}
