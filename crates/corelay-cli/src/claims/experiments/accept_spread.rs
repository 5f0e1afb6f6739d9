//! Claim 4: who of four threads accepts, when connections come one after another.
//!
//! A client connects, waits until its connection was accepted and closed, and connects again: immediately, or after a pause in
//! which every thread has gone back to wait. Without the pause the thread that accepted last is often still on its way back,
//! and somebody else is woken: that is load, and not the order of waiting, that spreads.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use corelay_poll::{Events, Interest, Poller, Token, Trigger, socket};
use rustix::net::sockopt::set_socket_reuseport;
use socket2::{Domain, Socket, Type};

use crate::claims::finding::{Check, Evidence, Table};
use crate::claims::sampling::interleaved;
use crate::claims::setup::Setup;

const THREADS: usize = 4;
const ROUNDS: usize = 5;
const CONNECTIONS: usize = 500;
const BACKLOG: i32 = 128;

/// In which every thread goes back to wait.
const PAUSE: Duration = Duration::from_micros(300);
/// How often a thread in epoll_wait looks whether it is to end.
const LOOK_UP: Duration = Duration::from_millis(20);

/// Of one thread.
const SKEWED: f64 = 0.9;
/// The busiest of four has 0.25 if all have the same.
const NEAR_UNIFORM: f64 = 0.375;

/// How threads wait for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Exclusive,
    Blocking,
    ReusePort,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Subject {
    way: Way,
    pause: Option<Duration>,
}

/// Accepts of each thread, the busiest first.
type Accepts = [usize; THREADS];

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let count = setup.count(CONNECTIONS, 50);
    let subjects = subjects();
    let found = interleaved(&subjects, ROUNDS, |&subject| accepts(subject, count))?;
    let share_of = |way| {
        let subject = Subject { way, pause: Some(PAUSE) };
        let place = subjects.iter().position(|&other| other == subject);
        place.map_or(f64::NAN, |place| busiest_share(&found[place]))
    };
    let rows = subjects.iter().zip(&found).map(|(subject, rounds)| row(*subject, rounds)).collect();
    let heads = ["threads wait in", "next connection", "accepts by thread", "busiest thread"];
    let title = format!("{THREADS} threads, {ROUNDS} rounds of {count} connections");
    Ok(Evidence {
        conditions: format!(
            "{THREADS} threads of one process, not pinned, take connections of one client that come one after another; the \
             parts are judged where the client pauses {} µs, in which all threads go back to wait.",
            PAUSE.as_micros()
        ),
        checks: checks(share_of(Way::Exclusive), share_of(Way::Blocking)),
        tables: vec![Table::measured(title, &heads, rows)],
        ..Evidence::default()
    })
}

fn subjects() -> Vec<Subject> {
    let ways = [Way::Exclusive, Way::Blocking, Way::ReusePort].into_iter();
    ways.flat_map(|way| [Some(PAUSE), None].map(|pause| Subject { way, pause })).collect()
}

fn checks(exclusive: f64, blocking: f64) -> Vec<Check> {
    let percent = |share: f64| format!("{:.1} % go to the busiest", share * 100.0);
    vec![
        Check::plain(
            "EPOLLEXCLUSIVE: one thread accepts at least 90 %",
            percent(exclusive),
            exclusive >= SKEWED,
        ),
        Check::plain(
            format!(
                "a blocking accept: no thread accepts more than {:.1} %, half as many again as its part",
                NEAR_UNIFORM * 100.0
            ),
            percent(blocking),
            blocking <= NEAR_UNIFORM,
        ),
    ]
}

fn row(subject: Subject, rounds: &[Accepts]) -> Vec<String> {
    let sums: Vec<String> = (0..THREADS)
        .map(|place| rounds.iter().map(|round| round[place]).sum::<usize>().to_string())
        .collect();
    vec![
        subject.way.name().to_owned(),
        subject.pause.map_or_else(|| "at once".into(), |pause| format!("after {} µs", pause.as_micros())),
        sums.join(" / "),
        format!("{:.1} %", busiest_share(rounds) * 100.0),
    ]
}

/// Of all accepts, those of the thread that had the most in its round.
fn busiest_share(rounds: &[Accepts]) -> f64 {
    let busiest: usize = rounds.iter().map(|round| round[0]).sum();
    busiest as f64 / rounds.iter().flatten().sum::<usize>() as f64
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "epoll_wait, EPOLLEXCLUSIVE",
            Self::Blocking => "accept, one socket",
            Self::ReusePort => "accept, SO_REUSEPORT",
        }
    }

    /// A listener for each thread: the same one, or one of its own.
    fn listeners(self) -> Result<Vec<TcpListener>> {
        let first = listener((Ipv4Addr::LOCALHOST, 0).into(), self == Self::ReusePort)?;
        let address = first.local_addr()?;
        let mut listeners = vec![first];
        while listeners.len() < THREADS {
            listeners.push(match self {
                Self::ReusePort => listener(address, true)?,
                Self::Exclusive | Self::Blocking => listeners[0].try_clone()?,
            });
        }
        Ok(listeners)
    }
}

fn listener(address: SocketAddr, shares_port: bool) -> Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    set_socket_reuseport(&socket, shares_port)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Has `count` connections accepted, and counts whose they were.
fn accepts(subject: Subject, count: usize) -> Result<Accepts> {
    let listeners = subject.way.listeners()?;
    let address = listeners[0].local_addr()?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let spawn = |listener| scope.spawn(move || accept(subject.way, listener, is_over));
        let threads: Vec<_> = listeners.into_iter().map(spawn).collect();
        let connected = (0..count).try_for_each(|_| connect(address, subject.pause));
        is_over.store(true, Ordering::Release);
        while !threads.iter().all(|thread| thread.is_finished()) {
            // A thread in accept(2) hears of the end by a connection. Those that ended refuse theirs.
            let _ = TcpStream::connect(address);
        }
        connected?;
        let mut accepts = [0; THREADS];
        for (place, thread) in accepts.iter_mut().zip(threads) {
            *place = thread.join().map_err(|_| anyhow!("a thread that accepts panicked"))??;
        }
        ensure!(accepts.iter().sum::<usize>() == count, "{accepts:?} accepts for {count} connections");
        accepts.sort_unstable_by(|one, other| other.cmp(one));
        Ok(accepts)
    })
}

fn connect(address: SocketAddr, pause: Option<Duration>) -> Result<()> {
    let mut connection = TcpStream::connect(address)?;
    connection.read_to_end(&mut Vec::new())?;
    if let Some(pause) = pause {
        thread::sleep(pause);
    }
    Ok(())
}

fn accept(way: Way, listener: TcpListener, is_over: &AtomicBool) -> Result<usize> {
    match way {
        Way::Exclusive => accept_exclusively(&listener, is_over),
        Way::Blocking | Way::ReusePort => Ok(accept_blocking(&listener, is_over)),
    }
}

fn accept_blocking(listener: &TcpListener, is_over: &AtomicBool) -> usize {
    let mut count = 0;
    loop {
        let accepted = listener.accept();
        if is_over.load(Ordering::Acquire) {
            return count;
        }
        count += usize::from(accepted.is_ok());
    }
}

fn accept_exclusively(listener: &TcpListener, is_over: &AtomicBool) -> Result<usize> {
    listener.set_nonblocking(true)?;
    let poller = Poller::new()?;
    poller.add_exclusive(listener, Token::new(0, 0), Interest::READ, Trigger::Level)?;
    let (mut events, mut count) = (Events::with_capacity(1), 0);
    while !is_over.load(Ordering::Acquire) {
        if poller.wait(&mut events, Some(LOOK_UP))? == 0 {
            continue;
        }
        // Until nobody is in the queue, as servers do. Who is counted hears the end of its connection only then, so all are
        // counted before it is over; what connects later is to wake this thread and is not of the experiment.
        while let Ok(_accepted) = socket::accept(listener) {
            if is_over.load(Ordering::Acquire) {
                break;
            }
            count += 1;
        }
    }
    poller.delete(listener)?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;
    use crate::claims::finding::Verdict;

    #[test]
    fn the_claim_is_about_both_ways() {
        assert_eq!(Verdict::of(&checks(0.95, 0.26)), Verdict::Reproduced);
        assert_eq!(Verdict::of(&checks(0.60, 0.26)), Verdict::Refuted);
        assert_eq!(Verdict::of(&checks(0.95, 0.50)), Verdict::Refuted);
    }

    #[test]
    fn the_busiest_share_is_of_each_rounds_own_busiest() {
        assert_eq!(busiest_share(&[[6, 2, 2, 0], [10, 0, 0, 0]]), 0.8);
    }

    #[test]
    fn every_way_accepts_every_connection() {
        for way in [Way::Exclusive, Way::Blocking, Way::ReusePort] {
            let accepts = accepts(Subject { way, pause: None }, 20).unwrap();
            assert_eq!(accepts.iter().sum::<usize>(), 20);
        }
    }
}
