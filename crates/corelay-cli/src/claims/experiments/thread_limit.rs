//! Claim 7: the memory of 2,000 threads, and what keeps a server from more.
//!
//! Connections are opened one after another, each with a thread of the server, until one is refused. Two limits are lowered so
//! that they are met soon; the machine's own is looked for up to a bound.

use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corelay_load::idle::Connections;
use corelay_load::process::footprint::Footprint;
use rustix::process::{Resource, getrlimit, getuid};

use crate::claims::finding::{Check, Evidence, Outcome, Table};
use crate::claims::part;
use crate::claims::server::Server;
use crate::claims::setup::{Setup, words};

const PATH: &str = "/plaintext";
const THREADS: usize = 2_000;
const RESIDENT_BYTES_MAX: u64 = 90_000_000;

/// Connections at most where no limit is met.
const HELD_MAX: usize = 20_000;
const TIME_MAX: Duration = Duration::from_secs(40);
/// Descriptors that are no connection's.
const DESCRIPTORS_KEPT: u64 = 100;
/// Looked at beyond the limit: all of them are to be refused.
const BEYOND: usize = 20;

/// Bytes of address space; about half goes to the arenas of the allocator, of 64 MiB each.
const ADDRESS_SPACE: &str = "2000000000";
/// Threads of a user.
const PROCESSES: &str = "3000";
/// Nobody, by custom. Root is not bound by RLIMIT_NPROC, so root's server must be somebody else's.
const NOBODY: u32 = 65_534;

/// What keeps a server from more threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// Whatever comes first on this machine: usually `vm.max_map_count`.
    Machine,
    AddressSpace,
    Processes,
}

/// How far a server came.
#[derive(Debug)]
struct Swept {
    limit: Limit,
    command: String,
    held: usize,
    footprint: Footprint,
    /// The limit that its log names.
    named: Option<String>,
    /// Connections served beyond the first that was refused.
    served_beyond: usize,
    /// Connections that it had and dropped.
    lost: usize,
}

/// Tries the claim.
pub(super) fn evidence(setup: &Setup) -> Result<Evidence> {
    let server = start(setup, None)?;
    let mut held = Connections::default();
    fill(&mut held, &server, THREADS)?;
    ensure!(held.count() == THREADS, "{} of {THREADS} connections were served", held.count());
    let footprint = Footprint::read(server.id())?;
    let command = server.command.clone();
    drop((held, server));
    let mut checks = vec![resident(&footprint)];
    let mut swept = Vec::new();
    for limit in [Limit::Machine, Limit::AddressSpace, Limit::Processes] {
        match sweep(setup, limit) {
            Ok(found) => {
                checks.push(found.check());
                swept.push(found);
            }
            Err(error) => checks.push(Check::new(
                format!("{}: met and named", limit.name()),
                format!("it could not be tried: {error:#}"),
                Outcome::Unknown,
            )),
        }
    }
    let mut commands = vec![command];
    commands.extend(swept.iter().map(|found| found.command.clone()));
    commands.dedup();
    Ok(Evidence {
        conditions: format!(
            "--engine threads with a connection for each thread, each answered once and then held. The sweep opens connections until \
             one is refused, at most {HELD_MAX} and for at most {} s.",
            TIME_MAX.as_secs()
        ),
        commands,
        checks,
        tables: vec![memory_table(&footprint), sweep_table(&swept)],
        ..Evidence::default()
    })
}

fn resident(footprint: &Footprint) -> Check {
    Check::plain(
        format!("{THREADS} threads have at most {} MB of resident memory", RESIDENT_BYTES_MAX / 1_000_000),
        format!("{:.1} MB with {} threads", footprint.resident as f64 / 1e6, footprint.threads),
        footprint.resident <= RESIDENT_BYTES_MAX,
    )
}

fn memory_table(footprint: &Footprint) -> Table {
    let heads = ["threads", "resident + kernel stacks + page tables MB", "virtual GB"];
    let row = vec![footprint.threads.to_string(), memory(footprint), virtual_gb(footprint)];
    Table::measured(format!("{THREADS} connections held"), &heads, vec![row])
}

fn sweep_table(swept: &[Swept]) -> Table {
    let heads = [
        "limit",
        "held at most",
        "the log names",
        "resident + kernel stacks + page tables MB",
        "virtual GB",
        "lost",
    ];
    let row = |found: &Swept| {
        vec![
            found.limit.name().to_owned(),
            found.held.to_string(),
            found.named.clone().unwrap_or_else(|| "none".into()),
            memory(&found.footprint),
            virtual_gb(&found.footprint),
            found.lost.to_string(),
        ]
    };
    Table::measured("Threads until none can be created", &heads, swept.iter().map(row).collect())
}

fn memory(footprint: &Footprint) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    format!(
        "{:.1} + {:.1} + {:.1} = {:.1}",
        megabytes(footprint.resident),
        megabytes(footprint.kernel_stacks()),
        megabytes(footprint.page_tables),
        megabytes(footprint.sum())
    )
}

fn virtual_gb(footprint: &Footprint) -> String {
    format!("{:.2}", footprint.address_space as f64 / 1e9)
}

fn sweep(setup: &Setup, limit: Limit) -> Result<Swept> {
    let server = start(setup, Some(limit))?;
    let mut held = Connections::default();
    let descriptors =
        getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX).saturating_sub(DESCRIPTORS_KEPT);
    let most = HELD_MAX.min(usize::try_from(descriptors).unwrap_or(usize::MAX));
    let is_refused = !fill(&mut held, &server, most)?;
    let footprint = Footprint::read(server.id()).context("the server that met its limit")?;
    let most = held.count();
    if is_refused {
        for _ in 0..BEYOND {
            held.add(server.address, PATH).context("a connection beyond the limit")?;
        }
    }
    let (lost, command) = (held.lost(), server.command.clone());
    let served_beyond = held.count() - most;
    drop(held);
    let named = named_limit(&server.finish()?);
    Ok(Swept { limit, command, held: most, footprint, named, served_beyond, lost })
}

/// Opens connections until there are `count`, one is refused, or it takes too long; false if one was refused.
fn fill(held: &mut Connections, server: &Server, count: usize) -> Result<bool> {
    let deadline = Instant::now() + TIME_MAX;
    while held.count() < count && Instant::now() < deadline {
        if !held.add(server.address, PATH).with_context(|| format!("connection {}", held.count()))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn start(setup: &Setup, limit: Option<Limit>) -> Result<Server> {
    let serve = ["serve", "--listen", "127.0.0.1:0", "--drain", "0s", "--engine", "threads"];
    let lowered = match limit {
        None | Some(Limit::Machine) => return Server::start(setup, &setup.server_cpus, &words(&serve)),
        Some(Limit::AddressSpace) => ["as", ADDRESS_SPACE],
        Some(Limit::Processes) => ["nproc", PROCESSES],
    };
    let mut command = setup.corelay(&part::words(part::LIMITED, &[&lowered[..], &serve[..]].concat()));
    let mut shown = format!("prlimit --{}={} corelay {}", lowered[0], lowered[1], serve.join(" "));
    if limit == Some(Limit::Processes) && getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
        shown.push_str("  # as nobody");
    }
    Server::launch(command, &setup.server_cpus, shown)
}

impl Limit {
    fn name(self) -> &'static str {
        match self {
            Self::Machine => "the machine's own",
            Self::AddressSpace => "RLIMIT_AS 2 GB",
            Self::Processes => "RLIMIT_NPROC 3,000",
        }
    }

    /// What the log must say; of the machine's own, anything is right.
    fn expected(self) -> Option<&'static str> {
        match self {
            Self::Machine => None,
            Self::AddressSpace => Some("RLIMIT_AS"),
            Self::Processes => Some("RLIMIT_NPROC"),
        }
    }
}

impl Swept {
    fn check(&self) -> Check {
        let outcome = match (&self.named, self.limit.expected()) {
            (None, None) => Outcome::Unknown,
            (Some(_), None) if self.is_orderly() => Outcome::Holds,
            (Some(named), Some(expected)) if named == expected && self.is_orderly() => Outcome::Holds,
            _ => Outcome::Fails,
        };
        let named = self.named.as_deref().unwrap_or("no limit was met");
        Check::new(
            format!("{}: met, named, and nobody who was served is lost", self.limit.name()),
            format!("{named}; {} held, {} lost", self.held, self.lost),
            outcome,
        )
    }

    fn is_orderly(&self) -> bool {
        self.served_beyond == 0 && self.lost == 0
    }
}

/// What stands behind `limit=` in the line that the server writes when it has no thread for a connection.
fn named_limit(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("no thread for a new connection"))?;
    let (_, named) = line.split_once("limit=")?;
    let end = named.find(" threads=").unwrap_or(named.len());
    Some(named[..end].trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(limit: Limit, named: Option<&str>, lost: usize) -> Outcome {
        let (command, named) = (String::new(), named.map(str::to_owned));
        let footprint = Footprint::default();
        Swept { limit, command, held: 9, footprint, named, served_beyond: 0, lost }.check().outcome
    }

    #[test]
    fn the_limit_must_be_the_one_that_was_lowered_and_nobody_is_lost() {
        assert_eq!(outcome(Limit::AddressSpace, Some("RLIMIT_AS"), 0), Outcome::Holds);
        assert_eq!(outcome(Limit::AddressSpace, Some("RLIMIT_AS"), 1), Outcome::Fails);
        assert_eq!(outcome(Limit::AddressSpace, Some("vm.max_map_count"), 0), Outcome::Fails);
        assert_eq!(outcome(Limit::Processes, None, 0), Outcome::Fails);
        assert_eq!(outcome(Limit::Machine, Some("vm.max_map_count"), 0), Outcome::Holds);
        assert_eq!(outcome(Limit::Machine, None, 0), Outcome::Unknown);
    }

    #[test]
    fn the_limit_is_found_in_the_log() {
        let log = "INFO listening\nWARN no thread for a new connection: it gets a 503, as do others until threads end \
                   limit=vm.max_map_count threads=15870\n";
        assert_eq!(named_limit(log).as_deref(), Some("vm.max_map_count"));
        assert_eq!(named_limit("INFO listening\n"), None);
    }
}
