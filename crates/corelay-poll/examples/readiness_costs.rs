//! What readiness costs on this machine: the figures of `docs/readiness.md`.
//!
//! `cargo run --release -p corelay-poll --example readiness_costs` prints, in a few seconds and over loopback
//! only, the cost of each operation (median of batches) and how the kernel spreads connections over waiting
//! threads.

use corelay_poll::{Events, Interest, Poller, Timer, Token, Trigger, Waker, affinity, socket};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::hint::black_box;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const TOKEN: Token = Token::new(0, 0);
const BATCHES: usize = 101;
const BATCH: u32 = 1_000;
const ROUNDS: u32 = 100;
const ACCEPTORS: usize = 4;
const CONNECTIONS: u64 = 2_000;

fn main() -> io::Result<()> {
    let cpus = affinity::usable_cpus()?;
    affinity::pin_current_thread(cpus[0])?;
    single_calls()?;
    affinity::set_current_thread_cpus(&cpus)?;
    println!("\nhand-over to a sleeping thread and back, two wakes and two waits:");
    round_trips("  both threads on one CPU", cpus[0], cpus[0])?;
    if let Some(&other) = cpus.get(1) {
        round_trips("  on two CPUs", cpus[0], other)?;
    }
    println!("\n{CONNECTIONS} connections one after another, {ACCEPTORS} threads waiting for one listener:");
    spread("  add", |poller, listener| poller.add(listener, TOKEN, Interest::READ, Trigger::Level))?;
    spread("  add_exclusive", |poller, listener| {
        poller.add_exclusive(listener, TOKEN, Interest::READ, Trigger::Level)
    })
}

/// One thread, pinned: what each call costs when nobody sleeps.
fn single_calls() -> io::Result<()> {
    let (poller, waker, timer) = (Poller::new()?, Waker::new()?, Timer::new()?);
    let mut events = Events::with_capacity(256);
    poller.add(&waker, TOKEN, Interest::READ, Trigger::Level)?;

    measure("clock read (Instant::now), for scale", || {
        black_box(Instant::now());
        Ok(())
    })?;
    measure("wait, timeout 0, nothing ready", || poller.wait(&mut events, Some(Duration::ZERO)).map(drop))?;
    measure("wake + acknowledge, nobody waiting", || waker.wake().map(|()| waker.acknowledge()))?;
    measure("modify", || poller.modify(&waker, TOKEN, Interest::READ, Trigger::Level))?;
    measure("Timer::set_after", || timer.set_after(Duration::from_secs(3_600)))?;
    waker.wake()?;
    measure("wait, timeout 0, one ready", || poller.wait(&mut events, Some(Duration::ZERO)).map(drop))?;
    measure("wait, timeout 1 s, one ready", || {
        poller.wait(&mut events, Some(Duration::from_secs(1))).map(drop)
    })?;
    measure("wait, no timeout, one ready", || poller.wait(&mut events, None).map(drop))?;

    let mut outer = Poller::new()?;
    outer.add(&poller, TOKEN, Interest::READ, Trigger::Level)?;
    let mut inner = vec![poller];
    for levels in 2..=5 {
        measure(&format!("wait, timeout 0, one ready {levels} levels down"), || {
            outer.wait(&mut events, Some(Duration::ZERO)).map(drop)
        })?;
        if levels < 5 {
            let next = Poller::new()?;
            next.add(&outer, TOKEN, Interest::READ, Trigger::Level)?;
            inner.push(std::mem::replace(&mut outer, next));
        }
    }
    Ok(())
}

/// Prints the CPU time of one call, so that a busy machine disturbs little: the median over batches, and the
/// best.
fn measure(what: &str, mut call: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let start = cpu_time();
        for _ in 0..BATCH {
            call()?;
        }
        batches.push((cpu_time() - start).as_nanos() / u128::from(BATCH));
    }
    print_median(what, batches);
    Ok(())
}

fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32)
}

fn print_median(what: &str, mut batches: Vec<u128>) {
    batches.sort_unstable();
    println!("{what:<48} {:>7} ns   (best {})", batches[batches.len() / 2], batches[0]);
}

/// Wall time, for a hand-over is mostly waiting.
fn round_trips(what: &str, here: usize, there: usize) -> io::Result<()> {
    let (ping, pong) = (Waker::new()?, Waker::new()?);
    thread::scope(|scope| {
        let answering = scope.spawn(|| {
            affinity::pin_current_thread(there)?;
            let poller = watching(&ping)?;
            (0..BATCHES as u32 * ROUNDS).try_for_each(|_| {
                heard(&poller, &ping)?;
                pong.wake()
            })
        });
        let asking = scope.spawn(|| {
            affinity::pin_current_thread(here)?;
            let poller = watching(&pong)?;
            let batches =
                (0..BATCHES).map(|_| round_trip(&poller, &ping, &pong)).collect::<io::Result<_>>()?;
            print_median(what, batches);
            Ok(())
        });
        answering
            .join()
            .map_err(|_| io::ErrorKind::Other)?
            .and(asking.join().map_err(|_| io::ErrorKind::Other)?)
    })
}

fn round_trip(poller: &Poller, ping: &Waker, pong: &Waker) -> io::Result<u128> {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        ping.wake()?;
        heard(poller, pong)?;
    }
    Ok(start.elapsed().as_nanos() / u128::from(ROUNDS))
}

fn watching(bell: &Waker) -> io::Result<Poller> {
    let poller = Poller::new()?;
    poller.add(bell, TOKEN, Interest::READ, Trigger::Level)?;
    Ok(poller)
}

fn heard(poller: &Poller, bell: &Waker) -> io::Result<()> {
    while poller.wait(&mut Events::with_capacity(1), None)? == 0 {}
    bell.acknowledge();
    Ok(())
}

/// What one accepting thread counted.
#[derive(Default)]
struct Acceptor {
    accepted: AtomicU64,
    /// How often the thread went to sleep: a wake-up for nothing shows here and nowhere else, for epoll looks
    /// again before it returns, finds the connection gone, and goes back to sleep inside the system call.
    slept: AtomicU64,
}

fn spread(what: &str, add: impl Fn(&Poller, &TcpListener) -> io::Result<()> + Sync) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let acceptors: [Acceptor; ACCEPTORS] = Default::default();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = acceptors
            .iter()
            .map(|acceptor| scope.spawn(|| accept_until(&over, &listener, acceptor, &add)))
            .collect();
        let outcome = (0..CONNECTIONS).try_for_each(|_| connect_and_wait(address));
        over.store(true, SeqCst);
        for thread in threads {
            thread.join().map_err(|_| io::ErrorKind::Other)??;
        }
        outcome
    })?;
    let mut accepted: Vec<_> = acceptors.iter().map(|acceptor| acceptor.accepted.load(SeqCst)).collect();
    accepted.sort_unstable_by(|a, b| b.cmp(a));
    let slept: u64 = acceptors.iter().map(|acceptor| acceptor.slept.load(SeqCst)).sum();
    println!("{what:<16} accepted by each: {accepted:?}, sleeps of all: {slept}");
    Ok(())
}

/// Accepts and closes. The timeout is for the end, which no connection announces.
fn accept_until(
    over: &AtomicBool,
    listener: &TcpListener,
    acceptor: &Acceptor,
    add: impl Fn(&Poller, &TcpListener) -> io::Result<()>,
) -> io::Result<()> {
    let poller = Poller::new()?;
    add(&poller, listener)?;
    let mut events = Events::with_capacity(4);
    while !over.load(SeqCst) {
        if poller.wait(&mut events, Some(Duration::from_millis(50)))? == 0 {
            continue;
        }
        match socket::accept(listener) {
            Ok(_) => acceptor.accepted.fetch_add(1, SeqCst),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
    }
    acceptor.slept.store(sleeps_of_this_thread().unwrap_or(0), SeqCst);
    Ok(())
}

/// Voluntary context switches, where /proc tells them (proc_pid_status(5)).
fn sleeps_of_this_thread() -> Option<u64> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The next connection comes when this one was accepted and closed: the threads are asleep again, or nearly.
fn connect_and_wait(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.read(&mut [0]).map(drop)
}
