//! Which CPUs the server has, and which the load.
//!
//! Both on the same CPUs, each would wait for the other, and a figure would tell of both. So the server has the first half of the
//! usable CPUs and the driver the others. On one CPU that cannot be, and it is said.

use std::io;
use std::thread;

use corelay_poll::affinity;

/// Two sets of CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Processors {
    pub(crate) server: Vec<usize>,
    pub(crate) load: Vec<usize>,
}

impl Processors {
    /// Divides what this process may use.
    pub(crate) fn divide() -> io::Result<Self> {
        Ok(Self::of(affinity::usable_cpus()?))
    }

    fn of(usable: Vec<usize>) -> Self {
        match usable.len() {
            0 | 1 => Self { server: usable.clone(), load: usable },
            count => {
                let (server, load) = usable.split_at(count / 2);
                Self { server: server.to_vec(), load: load.to_vec() }
            }
        }
    }

    /// The same for a server that is nothing with one CPU: if it has no two of its own, it shares all with the load.
    pub(crate) fn with_two_for_the_server(&self) -> Self {
        if self.server.len() >= 2 {
            return self.clone();
        }
        let all = self.all();
        Self { server: all.clone(), load: all }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.all().len()
    }

    fn all(&self) -> Vec<usize> {
        let mut all = [self.server.as_slice(), &self.load].concat();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether the server shares no CPU with the load.
    pub(crate) fn are_apart(&self) -> bool {
        !self.server.iter().any(|cpu| self.load.contains(cpu))
    }

    pub(crate) fn told(&self) -> String {
        let list = |cpus: &[usize]| cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        match self.are_apart() {
            true => format!("server on CPU {}, load on CPU {}", list(&self.server), list(&self.load)),
            false => format!("server and load share CPU {}: each figure tells of both", list(&self.server)),
        }
    }
}

/// Starts what `start` starts so that it may run on these CPUs alone: a process has those of the thread that started it. Where a
/// platform binds no thread, it runs anywhere.
pub(crate) fn started_on<T: Send>(cpus: &[usize], start: impl FnOnce() -> T + Send) -> io::Result<T> {
    let on_them = || {
        affinity::set_current_thread_cpus(cpus)?;
        Ok(start())
    };
    thread::scope(|scope| scope.spawn(on_them).join())
        .unwrap_or_else(|_| Err(io::Error::other("the thread that starts processes failed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_has_the_larger_half_and_shares_nothing_from_two_cpus_on() {
        for (count, server) in [(1_usize, 1), (2, 1), (3, 1), (4, 2), (9, 4)] {
            let processors = Processors::of((0..count).collect());
            assert_eq!((processors.server.len(), processors.are_apart()), (server, count > 1), "{count}");
        }
        let one = Processors::of(vec![3]);
        assert!(one.told().contains("share CPU 3") && one.count() == 1);
    }

    #[test]
    fn two_cores_are_worth_sharing_where_there_is_no_other_way() {
        let of = |count| Processors::of((0..count).collect()).with_two_for_the_server();
        assert_eq!((of(2).server.len(), of(2).are_apart()), (2, false));
        assert_eq!((of(4).server.len(), of(4).are_apart()), (2, true));
    }
}
