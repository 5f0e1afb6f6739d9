//! A core whose processor others use is let off it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;

use crate::support::{Engine, PATIENCE, Server};

fn usable_cpus() -> usize {
    let usable = sched_getaffinity(None).expect("threads have a mask");
    (0..CpuSet::MAX_CPU).filter(|&cpu| usable.is_set(cpu)).count()
}

/// The processors that the cores are bound to at present.
fn bound_to(server: &Server) -> Vec<Option<u64>> {
    let status: Value = serde_json::from_slice(&server.connect().get("/status").body).expect("JSON");
    let cores = status["cores"].as_array().expect("a list of cores");
    cores.iter().map(|core| core["cpu"].as_u64()).collect()
}

fn burn(cpu: u64, until: &AtomicBool) {
    let mut one = CpuSet::new();
    one.set(usize::try_from(cpu).expect("a processor's number"));
    sched_setaffinity(None, &one).expect("the server may use it, and so may we");
    while !until.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

#[test]
fn a_core_beside_a_busy_process_is_not_bound_to_its_processor() {
    if usable_cpus() < 2 {
        // There is nowhere to go.
        return;
    }
    let server = Server::start(Engine::CORES_ROUND_ROBIN, &["--cores", "2"]);
    let first = bound_to(&server);
    let cpu = first[0].unwrap_or_else(|| panic!("cores are bound when they start: {first:?}"));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| burn(cpu, &done));
        for mut client in [(); 4].map(|()| server.connect()) {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(client.get("/plaintext").status, 200);
                }
            });
        }
        let begun = Instant::now();
        let roams = || bound_to(&server)[0].is_none();
        while !roams() && begun.elapsed() < PATIENCE {}
        let roamed = roams();
        done.store(true, Ordering::Relaxed);
        assert!(roamed, "it waits for a processor that somebody else has");
    });
}
