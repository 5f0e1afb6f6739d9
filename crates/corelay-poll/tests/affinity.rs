//! A pinned thread stays on its CPU, and so does what it starts, until the pin is undone.

use corelay_poll::affinity::{cpu_quota, pin_current_thread, set_current_thread_cpus, usable_cpus};
use std::io;
use std::thread;

/// In a thread of its own, so that the test's thread is never pinned.
fn in_a_thread<T: Send>(body: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| scope.spawn(body).join().map_err(|_| io::ErrorKind::Other)?)
}

#[test]
fn a_pin_holds_for_the_thread_and_its_children_and_for_nobody_else() -> io::Result<()> {
    let all = usable_cpus()?;
    assert!(all.is_sorted() && !all.is_empty());
    for &cpu in &all {
        in_a_thread(|| {
            if pin_current_thread(cpu)? {
                assert_eq!(usable_cpus()?, [cpu]);
                assert_eq!(in_a_thread(usable_cpus)?, [cpu], "a new thread inherits the pin");
                assert!(set_current_thread_cpus(&all)?);
            }
            assert_eq!(usable_cpus()?, all);
            Ok(())
        })?;
        assert_eq!(usable_cpus()?, all);
    }
    Ok(())
}

#[test]
fn a_cpu_that_does_not_exist_is_refused_and_changes_nothing() -> io::Result<()> {
    in_a_thread(|| {
        let before = usable_cpus()?;
        for cpu in [1_023, 1_024, usize::MAX] {
            match pin_current_thread(cpu) {
                Ok(pinned) => assert!(!pinned),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidInput),
            }
        }
        assert_eq!(usable_cpus()?, before);
        Ok(())
    })
}

#[test]
fn a_quota_if_there_is_one_is_a_number_of_cpus() {
    if let Some(cpus) = cpu_quota() {
        assert!(cpus.is_finite() && cpus > 0.0, "{cpus}");
    }
}
