//! The servers of `cargo xtask bench blocking`, and the ways in which their handlers block.

use std::time::Duration;

use anyhow::Result;

use crate::bench::beside::{Load, Scenario};
use crate::bench::servers::{SERVER_CPU, Server, words};
use crate::bench::tools::Tools;

/// How many scenarios there are, the plain connections alone among them.
pub(super) const SCENARIOS: usize = 4;

/// A server that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    Corelay,
    Axum,
    Actix,
    Go,
    Java,
}

/// One way to block in a handler.
pub(super) struct Way {
    pub(super) title: &'static str,
    /// The path that blocks for 100 ms.
    sleep: &'static str,
    /// The path that burns 5 ms of CPU time; none where it is the one of the way before.
    spin: Option<&'static str>,
}

impl Contender {
    pub(super) const ALL: [Self; 5] = [Self::Corelay, Self::Axum, Self::Actix, Self::Go, Self::Java];

    /// The contender of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|contender| contender.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Corelay => "corelay",
            Self::Axum => "axum",
            Self::Actix => "actix",
            Self::Go => "go",
            Self::Java => "java",
        }
    }

    /// Its ways, the one that comes first to mind first.
    pub(super) fn ways(self) -> &'static [Way] {
        const HERE: Way = Way { title: "in the handler", sleep: "/sleep/100", spin: Some("/spin/5000") };
        const OFFLOADED: Way =
            Way { title: "", sleep: "/offload/sleep/100", spin: Some("/offload/spin/5000") };
        const BLOCK: Way = Way { title: "", sleep: "/block/100", spin: None };
        match self {
            Self::Corelay => &[HERE],
            Self::Axum => &[HERE, Way { title: "spawn_blocking", ..OFFLOADED }],
            Self::Actix => &[HERE, Way { title: "web::block", ..OFFLOADED }],
            Self::Go => {
                &[Way { title: "time.Sleep", ..HERE }, Way { title: "system call (nanosleep)", ..BLOCK }]
            }
            Self::Java => {
                &[Way { title: "Thread.sleep", ..HERE }, Way { title: "call into C (usleep)", ..BLOCK }]
            }
        }
    }

    /// Builds, finds or fetches it, and gives its version.
    pub(super) fn prepare(self, tools: &mut Tools) -> Result<String> {
        match self {
            Self::Corelay => Ok(tools.version(Server::Corelay).to_owned()),
            Self::Axum => tools.add_peer("peer-axum", "axum"),
            Self::Actix => tools.add_peer("peer-actix", "actix-web"),
            Self::Go => tools.add_go(),
            Self::Java => tools.add_java(),
        }
    }

    /// Whether the bench does without it where it cannot be had: its tools are not cargo's.
    pub(super) fn may_be_missing(self) -> bool {
        matches!(self, Self::Go | Self::Java)
    }

    /// The command that starts it on one CPU, without an address.
    pub(super) fn command(self, tools: &Tools) -> Result<Vec<String>> {
        let mut command = words(&["taskset", "-c", SERVER_CPU]);
        match self {
            // It pins itself. What still sleeps when it ends is waited for by nobody.
            Self::Corelay => {
                command =
                    words(&[&tools.program("corelay")?, "serve", "--cpus", SERVER_CPU, "--drain", "0s"]);
            }
            Self::Axum => command.push(tools.program("peer-axum")?),
            Self::Actix => command.push(tools.program("peer-actix")?),
            Self::Go => command.push(tools.program("peer-go")?),
            Self::Java => {
                let (java, classes) = (tools.program("java")?, tools.program("java-classes")?);
                let flags = ["--enable-native-access=ALL-UNNAMED", "-cp", &classes, "VirtualThreads"];
                command.extend(words(&[&[&*java], &flags[..]].concat()));
            }
        }
        Ok(command)
    }

    /// Java compiles what is hot while it runs, on the CPU that it serves from.
    pub(super) fn heat(self) -> Duration {
        match self {
            Self::Java => Duration::from_secs(4),
            _ => Duration::ZERO,
        }
    }
}

impl Way {
    /// What is measured: at first the plain connections alone, which is the same for every way.
    pub(super) fn scenarios(&self) -> [Option<Scenario>; SCENARIOS] {
        let beside = |letter, title, connections, path| Scenario {
            letter,
            title,
            load: Load::Beside(connections, path),
        };
        [
            Some(Scenario::ALONE),
            Some(beside('b', "+ 8 that block for 100 ms", 8, self.sleep)),
            Some(beside('c', "+ 200 that block for 100 ms", 200, self.sleep)),
            self.spin.map(|path| beside('d', "+ 8 that burn 5 ms of CPU", 8, path)),
        ]
    }

    /// Its paths, which must answer.
    pub(super) fn paths(&self) -> impl Iterator<Item = &'static str> {
        [Some(self.sleep), self.spin].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_every_way_is_a_plan_that_can_be_carried_out() {
        for way in Contender::ALL.iter().flat_map(|contender| contender.ways()) {
            assert!(!way.title.is_empty());
            for scenario in way.scenarios().into_iter().flatten() {
                let plan = scenario.plan(([127, 0, 0, 1], 80).into(), Duration::from_secs(1));
                assert!(plan.check().is_ok(), "{}, {}", way.title, scenario.letter);
            }
        }
    }
}
