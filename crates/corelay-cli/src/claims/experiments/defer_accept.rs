//! Claim 8: what TCP_DEFER_ACCEPT saves for a new connection, and how long it hides a client that says nothing.
//!
//! The saving is the server's CPU time for a connection of one request. The hiding is the kernel's doing alone, so it is asked of
//! a listener in this process: when is a client that has connected, and is silent, accepted?

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use corelay_load::statistics::Estimate;
use corelay_poll::{Events, Interest, Poller, Token, Trigger, socket};

use crate::claims::finding::{Check, Evidence, Table, shown};
use crate::claims::load::{self, Run, estimate, ratio};
use crate::claims::sampling::interleaved;
use crate::claims::server::Server;
use crate::claims::setup::Setup;

const ROUNDS: usize = 8;
const SECONDS: f64 = 1.5;
const CONNECTIONS: u32 = 32;

/// The value that the claim is about, and one that a server could live with.
const SILENT_SECONDS: [u64; 3] = [0, 1, 5];
/// Silent clients for each value, at once.
const SILENT: usize = 4;
/// How long a silent client is waited for: past the kernel's last SYN-ACK for it.
const PATIENCE: Duration = Duration::from_secs(15);
/// What the claim says of value 5 is about 7 s.
const CLAIMED_STALL: std::ops::RangeInclusive<f64> = 5.0..=9.0;

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let modes = [&["--defer-accept", "5s"][..], &[]];
    let mut commands = Vec::new();
    let found = interleaved(&modes, ROUNDS, |flags| {
        let server = Server::serve(setup, &setup.server_cpus, flags)?.noted(&mut commands);
        let groups = vec![load::closed(CONNECTIONS, Some(1))];
        let plan = load::churning_plan(&server, setup.time(SECONDS), groups)?;
        load::run(setup, &setup.load_cpus, &server, &plan)
    })?;
    let stalls = stalls()?;
    let gain = ratio(&found[0], &found[1], |run| run.cpu_us);
    let longest = stalls.last().map_or(0.0, |stalled| stalled.median);
    let mut evidence = Evidence {
        conditions: format!(
            "{CONNECTIONS} connections in a closed loop, a new one for each request for /plaintext; {ROUNDS} rounds. {SILENT} silent \
             clients at once for each value, on a listener of this process."
        ),
        commands,
        checks: checks(gain, longest),
        tables: vec![gain_table(&found), stall_table(&stalls)],
        ..Evidence::default()
    };
    load::mind(&mut evidence, &[&found[0], &found[1]]);
    Ok(evidence)
}

fn checks(gain: Estimate, stall: f64) -> Vec<Check> {
    vec![
        Check::below("CPU time for a new connection, with over without, is below 1", gain, 1.0),
        Check::plain(
            "at value 5 a silent client is unknown to the server for about 7 s (5 to 9)",
            format!("{stall:.1} s"),
            CLAIMED_STALL.contains(&stall),
        ),
    ]
}

fn gain_table(found: &[Vec<Run>]) -> Table {
    let rows = ["5 s", "off"].iter().zip(found).map(|(name, runs)| {
        let cpu_us = shown(estimate(runs, |run| run.cpu_us));
        vec![(*name).to_owned(), cpu_us, format!("{:.0}", estimate(runs, Run::per_second).median)]
    });
    let heads = ["TCP_DEFER_ACCEPT", "CPU µs for a connection", "connections/s"];
    Table::measured("New connections, one request each", &heads, rows.collect())
}

fn stall_table(stalls: &[Estimate]) -> Table {
    let rows = SILENT_SECONDS.iter().zip(stalls).map(|(seconds, stalled)| {
        let value = if *seconds == 0 { "off".into() } else { format!("{seconds} s") };
        vec![value, format!("{:.3}", stalled.median)]
    });
    Table::measured("A silent client", &["TCP_DEFER_ACCEPT", "accepted after, s"], rows.collect())
}

/// For each value, how long silent clients are unknown; all values at once, for it is only waiting.
fn stalls() -> Result<Vec<Estimate>> {
    thread::scope(|scope| {
        let threads = SILENT_SECONDS.map(|seconds| scope.spawn(move || stall(seconds)));
        let joined =
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?);
        joined.collect()
    })
}

/// How long it takes until clients that have connected and say nothing are accepted.
fn stall(seconds: u64) -> Result<Estimate> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    if seconds > 0 {
        socket::set_defer_accept(&listener, Duration::from_secs(seconds)).context("TCP_DEFER_ACCEPT")?;
    }
    listener.set_nonblocking(true)?;
    let poller = Poller::new()?;
    poller.add(&listener, Token::new(0, 0), Interest::READ, Trigger::Level)?;
    let address = listener.local_addr()?;
    let clients: Vec<TcpStream> =
        (0..SILENT).map(|_| TcpStream::connect(address)).collect::<Result<_, _>>()?;
    let begun = Instant::now();
    let (mut events, mut accepted) = (Events::with_capacity(1), Vec::new());
    while accepted.len() < clients.len() {
        let Some(left) = PATIENCE.checked_sub(begun.elapsed()) else {
            bail!("{} of {SILENT} silent clients were not accepted in {PATIENCE:?}", SILENT - accepted.len());
        };
        if poller.wait(&mut events, Some(left))? > 0 && socket::accept(&listener).is_ok() {
            accepted.push(begun.elapsed().as_secs_f64());
        }
    }
    poller.delete(&listener)?;
    Ok(Estimate::of(&accepted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::finding::Verdict;

    #[test]
    fn the_gain_and_the_stall_both_count() {
        let gain = |low, high| Estimate { median: f64::midpoint(low, high), low, high };
        assert_eq!(Verdict::of(&checks(gain(0.90, 0.95), 7.1)), Verdict::Reproduced);
        assert_eq!(Verdict::of(&checks(gain(0.97, 1.02), 7.1)), Verdict::NotTestable);
        assert_eq!(Verdict::of(&checks(gain(1.01, 1.04), 7.1)), Verdict::Refuted);
        assert_eq!(Verdict::of(&checks(gain(0.90, 0.95), 0.1)), Verdict::Refuted);
    }
}
