//! Queues before cores, simulated: what placing a request does to its latency, on more cores than a machine may have.
//!
//! Each core serves one request at a time, in the order in which they were placed; a request's cost is known to nobody
//! beforehand. Requests and their costs are drawn from the seed before anything is placed, so every placement has the same ones.
//!
//! Deliberately absent: what placing costs, caches, the kernel. It is arithmetic about waiting and nothing else.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use fastrand::Rng;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// A random core, whatever it has to do: SO_REUSEPORT's hash.
    Hash,
    RoundRobin,
    /// Of two random cores the one with fewer requests.
    PowerOfTwo,
    /// One queue that every core takes from when it is free: nothing is placed before it can be served.
    Shared,
}

/// When requests come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Arrivals {
    /// As a Poisson process, so many that cores are busy this share of the time.
    Open { utilisation: f64 },
    /// Each of so many clients asks again when it is answered.
    Closed { clients: usize },
}

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Workload {
    pub(super) cores: usize,
    pub(super) requests: usize,
    pub(super) arrivals: Arrivals,
    pub(super) costs: Costs,
}

/// Two kinds of requests, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Costs {
    pub(super) short_ns: u64,
    pub(super) long_ns: u64,
    /// Share of the long ones.
    pub(super) long_share: f64,
}

/// Latencies of a run, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Latencies {
    pub(super) mean: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Workload {
    /// Simulates it. The same seed gives the same requests, and with the same placement the same latencies.
    pub(super) fn run(&self, placement: Placement, seed: u64) -> Latencies {
        let mut random = Rng::with_seed(seed);
        let costs: Vec<u64> = (0..self.requests).map(|_| self.costs.draw(&mut random)).collect();
        let mut cores = Cores::new(self.cores, placement, random.fork());
        let latencies = match self.arrivals {
            Arrivals::Open { utilisation } => {
                let apart = self.costs.mean_ns() / (self.cores as f64 * utilisation);
                open(&costs, apart, &mut random, &mut cores)
            }
            Arrivals::Closed { clients } => closed(&costs, clients, &mut cores),
        };
        Latencies::of(latencies)
    }
}

/// Requests that come whatever becomes of those before them, on average so many nanoseconds apart.
fn open(costs: &[u64], apart: f64, random: &mut Rng, cores: &mut Cores) -> Vec<u64> {
    let mut now = 0.0;
    let mut serve = |&cost: &u64| {
        // 1 - f64() is above 0, and its logarithm a number.
        now -= (1.0 - random.f64()).ln() * apart;
        cores.serve(now as u64, cost) - now as u64
    };
    costs.iter().map(&mut serve).collect()
}

/// Requests of clients that wait for their answers.
fn closed(costs: &[u64], clients: usize, cores: &mut Cores) -> Vec<u64> {
    // When each client asks next.
    let mut asks: BinaryHeap<_> = (0..clients).map(|_| Reverse(0)).collect();
    let mut serve = |&cost: &u64| {
        let Reverse(now) = asks.pop()?;
        let answered = cores.serve(now, cost);
        asks.push(Reverse(answered));
        Some(answered - now)
    };
    costs.iter().filter_map(&mut serve).collect()
}

/// Cores and what waits for them.
struct Cores {
    placement: Placement,
    random: Rng,
    /// When each request of a core will be answered, in order; those that are answered are dropped when somebody looks.
    queues: Vec<VecDeque<u64>>,
    next: usize,
}

impl Cores {
    fn new(count: usize, placement: Placement, random: Rng) -> Self {
        Self { placement, random, queues: vec![VecDeque::new(); count], next: 0 }
    }

    /// Places a request, and tells when it will be answered.
    fn serve(&mut self, now: u64, cost: u64) -> u64 {
        for queue in &mut self.queues {
            while queue.front().is_some_and(|&answered| answered <= now) {
                queue.pop_front();
            }
        }
        let core = self.choose();
        let answered = self.free_at(core).max(now) + cost;
        self.queues[core].push_back(answered);
        answered
    }

    fn choose(&mut self) -> usize {
        let count = self.queues.len();
        match self.placement {
            Placement::Hash => self.random.usize(..count),
            Placement::RoundRobin => {
                self.next = (self.next + 1) % count;
                self.next
            }
            Placement::PowerOfTwo => {
                let (one, other) = (self.random.usize(..count), self.random.usize(..count));
                if self.queues[other].len() < self.queues[one].len() { other } else { one }
            }
            // The core that will be free first takes the request that came first.
            Placement::Shared => (0..count).min_by_key(|&core| self.free_at(core)).unwrap_or(0),
        }
    }

    fn free_at(&self, core: usize) -> u64 {
        self.queues[core].back().copied().unwrap_or(0)
    }
}

impl Placement {
    pub(super) const ALL: [Self; 4] = [Self::Hash, Self::RoundRobin, Self::PowerOfTwo, Self::Shared];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hash => "random core (SO_REUSEPORT)",
            Self::RoundRobin => "cores in turn",
            Self::PowerOfTwo => "the less loaded of two",
            Self::Shared => "one queue for all cores",
        }
    }
}

impl Costs {
    fn draw(&self, random: &mut Rng) -> u64 {
        if random.f64() < self.long_share { self.long_ns } else { self.short_ns }
    }

    fn mean_ns(&self) -> f64 {
        self.long_ns as f64 * self.long_share + self.short_ns as f64 * (1.0 - self.long_share)
    }
}

impl Latencies {
    fn of(mut nanoseconds: Vec<u64>) -> Self {
        nanoseconds.sort_unstable();
        let ms = |ns: u64| ns as f64 / 1e6;
        let count = nanoseconds.len();
        let at = |place: usize| nanoseconds.get(place).copied().map_or(0.0, ms);
        Self {
            mean: nanoseconds.iter().copied().map(ms).sum::<f64>() / count.max(1) as f64,
            p99: at(count * 99 / 100),
            max: at(count.saturating_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs { short_ns: 200_000, long_ns: 20_000_000, long_share: 0.01 };

    fn workload(cores: usize, utilisation: f64) -> Workload {
        Workload { cores, requests: 20_000, arrivals: Arrivals::Open { utilisation }, costs: COSTS }
    }

    #[test]
    fn a_seed_repeats_a_run_and_another_does_not() {
        let run = |seed| workload(8, 0.5).run(Placement::PowerOfTwo, seed);
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn one_core_is_one_queue_whatever_the_placement() {
        let run = |placement| workload(1, 0.5).run(placement, 7);
        assert!(Placement::ALL.iter().all(|&placement| run(placement) == run(Placement::Shared)));
    }

    #[test]
    fn one_queue_waits_as_queueing_theory_says() {
        // M/D/1 at half load: the mean wait is half a service time (Pollaczek–Khinchine), 0.1 ms here.
        let costs = Costs { long_share: 0.0, ..COSTS };
        let workload = Workload { requests: 200_000, costs, ..workload(1, 0.5) };
        let mean = workload.run(Placement::Shared, 7).mean;
        assert!((0.29..0.31).contains(&mean), "{mean}");
    }

    #[test]
    fn one_queue_for_all_is_never_longer_than_random_ones() {
        let run = |placement| workload(8, 0.5).run(placement, 7);
        let (hash, two, shared) = (run(Placement::Hash), run(Placement::PowerOfTwo), run(Placement::Shared));
        assert!(hash.mean > two.mean && two.mean > shared.mean, "{hash:?} {two:?} {shared:?}");
    }

    #[test]
    fn a_closed_loop_of_one_client_never_waits() {
        let workload = Workload { arrivals: Arrivals::Closed { clients: 1 }, ..workload(8, 0.5) };
        assert_eq!(workload.run(Placement::Hash, 7).max, 20.0);
    }
}
