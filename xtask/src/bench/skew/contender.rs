//! The servers under skew: how each is started with two threads, and what each is asked for.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use corelay_bench::{response, spin};
use corelay_load::{Group, Mix, Pace, Placement, Plan};

use crate::bench::servers::{Server, configuration, words};
use crate::bench::tools::Tools;

/// The CPUs of every server, and how many threads that is.
const SERVER_CPUS: &str = "0,1";
const THREADS: &str = "2";
/// nginx's two workers, a CPU each; what it compresses, and how hard.
const WORKERS: &str = "worker_processes 2;\nworker_cpu_affinity 01 10;";
const COMPRESS: &str = "/compress";

/// CPU time a handler burns for one request, in microseconds.
pub(super) const WORK_US: u64 = 200;
/// Hot connections: few, as few make skew likely, and more than enough to keep two threads busy.
pub(super) const CONNECTIONS: u32 = 16;
/// The group of them.
const HOT: &str = "hot";

/// corelay looks for half a second, moves connections, rests for one, and may move more.
const WARM_UP_OF_CORELAY: Duration = Duration::from_millis(2_500);
/// The others move nothing.
const WARM_UP: Duration = Duration::from_millis(750);

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    RebalanceOn,
    RebalanceOff,
    Actix,
    Hyper,
    Nginx,
}

impl Contender {
    /// In the order of a round; the two whose ratio matters most are neighbours.
    pub(super) const ALL: [Self; 5] =
        [Self::RebalanceOn, Self::RebalanceOff, Self::Actix, Self::Hyper, Self::Nginx];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::RebalanceOn => "corelay --rebalance on",
            Self::RebalanceOff => "corelay --rebalance off",
            Self::Actix => "actix-web, two workers",
            Self::Hyper => "hyper, a runtime per core",
            Self::Nginx => "nginx, two workers (gzip)",
        }
    }

    pub(super) fn server(self) -> Server {
        match self {
            Self::RebalanceOn | Self::RebalanceOff => Server::Corelay,
            Self::Actix => Server::Actix,
            Self::Hyper => Server::Hyper,
            Self::Nginx => Server::Nginx,
        }
    }

    /// The command that starts it with two threads.
    pub(super) fn command(self, tools: &Tools, address: SocketAddr) -> Result<Vec<String>> {
        let corelay = |rebalance| {
            let program = tools.program("corelay")?;
            anyhow::Ok(words(&[
                &program,
                "serve",
                "--cpus",
                SERVER_CPUS,
                "--rebalance",
                rebalance,
                "--drain",
                "0s",
            ]))
        };
        let peer = |program| {
            let program = tools.program(program)?;
            anyhow::Ok(words(&["taskset", "-c", SERVER_CPUS, &program, "--threads", THREADS]))
        };
        let mut command: Vec<String> = match self {
            Self::RebalanceOn => corelay("on"),
            Self::RebalanceOff => corelay("off"),
            Self::Actix => peer("peer-actix"),
            Self::Hyper => peer("peer-hyper"),
            Self::Nginx => return nginx(tools, address),
        }?;
        command.extend(["--listen".into(), address.to_string()]);
        Ok(command)
    }

    /// The load on one of its threads.
    pub(super) fn plan(self, address: SocketAddr, process: u32, pace: Pace, duration: Duration) -> Plan {
        let spin = format!("{}{WORK_US}", spin::PREFIX);
        let path = if self == Self::Nginx { COMPRESS } else { &spin };
        let mut hot = Group::new(HOT, CONNECTIONS, pace, Mix::only(path));
        if self == Self::Nginx {
            hot.fields.push(("Accept-Encoding".into(), "gzip".into()));
        }
        hot.placement = Some(Placement::new(process, response::PATH));
        let mut plan = Plan::new(address);
        plan.duration = duration;
        plan.warm_up = self.warm_up();
        plan.groups.push(hot);
        plan
    }

    pub(super) fn warm_up(self) -> Duration {
        if self.server() == Server::Corelay { WARM_UP_OF_CORELAY } else { WARM_UP }
    }
}

/// nginx has no handler that spins; it compresses a file, anew for each request.
fn nginx(tools: &Tools, address: SocketAddr) -> Result<Vec<String>> {
    let compressed = compressed_file(tools)?;
    let location = format!(
        "    location = {COMPRESS} {{ alias {}; gzip on; gzip_types text/plain; gzip_min_length 0; \
         gzip_comp_level 6; }}\n",
        compressed.display()
    );
    let file = configuration::nginx(&tools.scratch("nginx-skew")?, &[address], WORKERS, &location)?;
    let nginx = tools.program("nginx")?;
    Ok(words(&["taskset", "-c", SERVER_CPUS, &nginx, "-c", &file, "-e", "stderr"]))
}

/// Has nginx compress that many bytes from the next request on.
pub(super) fn write_compressed_file(tools: &Tools, bytes: usize) -> Result<()> {
    let (file, new) = (compressed_file(tools)?, tools.scratch("nginx-skew")?.join("new.txt"));
    fs::write(&new, text(bytes))?;
    // In one step: no request finds half a file.
    Ok(fs::rename(new, file)?)
}

fn compressed_file(tools: &Tools) -> Result<PathBuf> {
    Ok(tools.scratch("nginx-skew")?.join("compressed.txt"))
}

/// Text that compresses about as prose does: words in an order that does not repeat, the same every time.
fn text(bytes: usize) -> String {
    const WORDS: [&str; 16] = [
        "connection",
        "the",
        "thread",
        "of",
        "a",
        "core",
        "is",
        "relayed",
        "to",
        "another",
        "and",
        "waits",
        "for",
        "its",
        "request",
        "in",
    ];
    let mut state = 1_u64;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        // Knuth's MMIX generator; the upper bits are the good ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(WORDS[(state >> 60) as usize]);
        text.push(if state >> 52 & 7 == 0 { '\n' } else { ' ' });
    }
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contender_has_a_plan_that_can_be_carried_out() {
        for contender in Contender::ALL {
            for pace in [Pace::Closed, Pace::Poisson { requests_per_second: 3000.0 }] {
                let plan = contender.plan(([127, 0, 0, 1], 80).into(), 1, pace, Duration::from_secs(1));
                assert!(plan.check().is_ok(), "{contender:?}");
            }
        }
    }

    #[test]
    fn the_text_is_as_long_as_asked_and_does_not_repeat() {
        let text = text(10_000);
        assert_eq!(text.len(), 10_000);
        assert_eq!(text.matches(&text[..60]).count(), 1);
    }
}
