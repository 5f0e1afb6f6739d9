//! The cores together, as the engine they are: started, drained, looked at.

use super::acceptor::{Acceptor, StopAccepting};
use super::monitor::Monitor;
use super::{Core, Ended, Message};
use crate::config::Accept;
use crate::connection::Connection;
use crate::door::Wake;
use crate::engine::{Engine, Parts, spawn};
use crate::error::{Error, Result};
use crate::farewell::Farewells;
use crate::protocol::RunErrands;
use crate::shared::Shared;
use crate::status::{CoreStatus, Row};
use crate::sync::lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::JoinHandle;

/// The engine `cores`.
pub(crate) struct Cores {
    cores: Vec<Arc<Core>>,
    /// Whose turn it is to adopt a connection of another process.
    next: AtomicUsize,
    /// The processors of threads that belong to no core.
    cpus: Vec<usize>,
    shared: Arc<Shared>,
    farewell: Arc<Farewells>,
    accepting: Mutex<Accepting>,
}

/// The accept thread, if there is one.
enum Accepting {
    /// Cores accept for themselves, or the accept thread has ended.
    Nobody,
    /// It is about to start.
    Ready(Acceptor, StopAccepting),
    Running(JoinHandle<()>, StopAccepting),
}

impl Cores {
    /// Cores with their listening sockets, and nobody who serves them yet.
    pub(crate) fn new(mut parts: Parts<'_>) -> Result<Self> {
        let count = parts.placement.cores.len();
        let per_core = parts.config.accept == Accept::PerCore;
        let mut doors = parts.doors(if per_core { count } else { 1 }, Wake::Owner)?;
        let central = if per_core { None } else { doors.pop() };
        doors.resize_with(count, Vec::new);
        let cores = parts.placement.cores.iter().zip(doors).enumerate();
        let cores: Vec<Arc<Core>> = cores
            .map(|(number, (cpu, doors))| Core::new(number, *cpu, doors, parts.farewell.clone()))
            .map(|core| core.map(Arc::new).map_err(Error::Poll))
            .collect::<Result<_>>()?;
        let acceptor = central
            .map(|doors| Acceptor::new(doors, cores.clone(), parts.config.accept).map_err(Error::Poll))
            .transpose()?;
        let accepting =
            acceptor.map_or(Accepting::Nobody, |(acceptor, stop)| Accepting::Ready(acceptor, stop));
        let Parts { placement, shared, farewell, .. } = parts;
        if let Some(hosted) = &shared.hosted {
            hosted.runs_on(cores.iter().map(|core| core.clone() as Arc<dyn RunErrands>).collect());
        }
        let next = AtomicUsize::new(0);
        Ok(Self { cores, next, cpus: placement.cpus, shared, farewell, accepting: Mutex::new(accepting) })
    }

    fn start_monitor(&self) -> Result<()> {
        let Some(bell) = &self.shared.monitor else { return Ok(()) };
        let monitor = Monitor::new(self.shared.clone(), bell.clone(), &self.cores).map_err(Error::Poll)?;
        let cpus = self.cpus.clone();
        spawn("corelay-monitor".into(), move || {
            let _ = corelay_poll::affinity::set_current_thread_cpus(&cpus);
            monitor.run();
        })?;
        Ok(())
    }

    fn start_accepting(&self, acceptor: Acceptor, barrier: &Arc<Barrier>) -> Result<JoinHandle<()>> {
        let (shared, barrier, cpus) = (self.shared.clone(), barrier.clone(), self.cpus.clone());
        let guard = self.farewell.guard();
        self.farewell.expect_one();
        spawn("corelay-accept".into(), move || {
            let _ = corelay_poll::affinity::set_current_thread_cpus(&cpus);
            barrier.wait();
            acceptor.run(&shared);
            guard.finished();
        })
    }
}

impl Engine for Cores {
    fn start(&self) -> Result<()> {
        let mut accepting = lock(&self.accepting);
        let acceptors = usize::from(!matches!(*accepting, Accepting::Nobody));
        let barrier = Arc::new(Barrier::new(self.cores.len() + acceptors + 1));
        for core in &self.cores {
            let (core, shared, barrier) = (core.clone(), self.shared.clone(), barrier.clone());
            let name = format!("corelay-core-{}", core.number);
            self.farewell.expect_one();
            spawn(name, move || {
                core.bind(&shared);
                barrier.wait();
                let first = core.first_tenure();
                if let Ended::Lost(duty, owed) = core.serve(&shared, first) {
                    shared.service.roam();
                    shared.service.join(duty, || owed.into_iter().for_each(|message| core.send(message)));
                }
            })?;
        }
        self.start_monitor()?;
        *accepting = match std::mem::replace(&mut *accepting, Accepting::Nobody) {
            Accepting::Ready(acceptor, stop) => {
                Accepting::Running(self.start_accepting(acceptor, &barrier)?, stop)
            }
            other => other,
        };
        barrier.wait();
        Ok(())
    }

    fn drain(&self) {
        // Before the cores are told: what the accept thread still lets in must not find them gone.
        let accepting = std::mem::replace(&mut *lock(&self.accepting), Accepting::Nobody);
        if let Accepting::Running(thread, stop) = accepting {
            stop.stop();
            let _ = thread.join();
        }
        for core in &self.cores {
            core.send(Message::Drain);
        }
    }

    fn open_doors(&self, open: bool) {
        if let Accepting::Running(_, accepting) = &*lock(&self.accepting) {
            return accepting.shut(!open);
        }
        for core in &self.cores {
            core.send(Message::Doors { open });
        }
    }

    fn let_go(&self, most: usize) {
        for core in &self.cores {
            core.ask_to_let_go(most.div_ceil(self.cores.len()));
        }
    }

    fn adopt(&self, connection: Connection) {
        let core = &self.cores[self.next.fetch_add(1, Ordering::Relaxed) % self.cores.len()];
        core.adopt(connection, &self.shared);
    }

    fn rows(&self) -> Vec<Row> {
        self.cores.iter().map(|core| core.row()).collect()
    }

    fn carry_over(&self, rows: &[Row]) {
        for (row, core) in rows.iter().zip(self.cores.iter().cycle()) {
            core.carry_over(row);
        }
    }

    fn cut_off(&self) {
        for core in &self.cores {
            core.send(Message::Stop);
        }
    }

    fn ended(&self) {
        if let Some(monitor) = &self.shared.monitor {
            monitor.stop();
        }
    }

    fn status(&self) -> Vec<CoreStatus> {
        self.cores.iter().map(|core| core.status()).collect()
    }

    #[cfg(test)]
    fn cores(&self) -> Vec<Arc<Core>> {
        self.cores.clone()
    }
}
