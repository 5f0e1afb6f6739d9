//! A route that keeps its core waiting is learnt: its requests then go to service threads, and no core is taken for it.

use super::support::{Client, Gates, Serving, StillClock, one_core, until};
use corelay::http::{Path, endpoint};
use corelay::status::CoreStatus;
use corelay::{Config, Router};
use std::time::Duration;

/// Takes that teach a route (`habit.rs`).
const TAKES: usize = 3;
/// Quick answers in a row that unlearn it.
const QUICK: usize = 64;
/// Longer than what counts as back at once, or as quick: a millisecond.
const LONG: Duration = Duration::from_millis(2);

fn router(gates: &Gates) -> Router {
    let passing = gates.clone();
    let wait = move |Path(gate): Path<String>| passing.pass(&gate);
    Router::new()
        .get("/wait/{gate}", wait.clone())
        .get("/inline/{gate}", endpoint(wait.clone()).inline())
        .get("/blocking/{gate}", endpoint(wait).blocking())
        .get("/", || "served")
}

struct Scene {
    serving: Serving,
    gates: Gates,
    /// It stands still: a take is false, and a handler quick, unless the test says otherwise.
    clock: StillClock,
}

impl Scene {
    fn new(config: Config) -> Self {
        let (gates, clock) = (Gates::default(), StillClock::new());
        let serving = Serving::with_clock(config, clock.clone(), router(&gates));
        Self { serving, gates, clock }
    }

    /// Blocks a handler for `time`.
    fn block(&self, client: &mut Client, target: &str, time: Duration) {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let gate = target.rsplit('/').next().unwrap();
        self.gates.wait_for_take(gate, &self.serving);
        self.clock.advance(time);
        self.gates.open(gate);
        assert_eq!(client.answer().status, 200);
    }

    /// Has `/wait/{gate}` learnt.
    fn learn(&self, client: &mut Client) {
        for number in 0..TAKES {
            assert_eq!(self.learnt(), Vec::<String>::new(), "after {number} takes");
            self.block(client, &format!("/wait/lesson-{number}"), LONG);
        }
        until("the route is learnt", || self.learnt() == ["/wait/{gate}"]);
    }

    fn learnt(&self) -> Vec<String> {
        self.serving.status().learnt_routes
    }

    fn core(&self) -> CoreStatus {
        self.serving.status().cores[0].clone()
    }
}

#[test]
fn a_learnt_route_goes_to_a_service_thread_and_takes_no_core() {
    let scene = Scene::new(one_core());
    let mut client = scene.serving.client();
    scene.learn(&mut client);
    let before = scene.core();
    assert!(before.core_relays >= TAKES as u64 && before.connection_relays == 0, "{before:?}");
    for number in 0..10 {
        scene.block(&mut client, &format!("/wait/known-{number}"), LONG);
    }
    assert_eq!(scene.core().core_relays, before.core_relays, "no core is taken for it");
    until("all are counted", || scene.core().connection_relays == 10);
    scene.serving.end().unwrap();
}

#[test]
fn a_learnt_route_that_has_become_quick_is_unlearnt_and_one_slow_answer_begins_the_count_anew() {
    let scene = Scene::new(one_core());
    let mut client = scene.serving.client();
    scene.learn(&mut client);
    scene.gates.open("open");
    for _ in 0..QUICK - 1 {
        assert_eq!(client.get("/wait/open").status, 200);
    }
    scene.block(&mut client, "/wait/slow", LONG);
    for _ in 0..QUICK - 1 {
        assert_eq!(scene.learnt(), ["/wait/{gate}"]);
        assert_eq!(client.get("/wait/open").status, 200);
    }
    assert_eq!(client.get("/wait/open").status, 200);
    until("it is unlearnt", || scene.learnt().is_empty());
    let on_core = scene.core().requests;
    for _ in 0..10 {
        assert_eq!(client.get("/wait/open").status, 200);
    }
    until("it is on the core again", || scene.core().requests == on_core + 10);
    scene.serving.end().unwrap();
}

#[test]
fn what_the_program_said_is_not_unsaid() {
    let scene = Scene::new(one_core());
    let mut client = scene.serving.client();
    for number in 0..2 * TAKES {
        scene.block(&mut client, &format!("/inline/{number}"), LONG);
    }
    let core = scene.core();
    assert!(core.core_relays >= 2 * TAKES as u64);
    assert_eq!((core.connection_relays, scene.learnt().len()), (0, 0));
    scene.gates.open("open");
    for _ in 0..2 * QUICK {
        assert_eq!(client.get("/blocking/open").status, 200);
    }
    until("all are counted", || scene.core().connection_relays == 2 * QUICK as u64);
    assert_eq!(scene.learnt().len(), 0);
    scene.serving.end().unwrap();
}

/// As long as it takes to see that a handler does not come back, it may be back: that says nothing about its route.
#[test]
fn takes_that_were_needless_are_counted_and_teach_nothing() {
    let scene = Scene::new(one_core());
    let mut client = scene.serving.client();
    for number in 0..4 * TAKES {
        scene.block(&mut client, &format!("/wait/{number}"), Duration::ZERO);
    }
    until("all are settled", || scene.core().false_core_relays >= 4 * TAKES as u64);
    let core = scene.core();
    assert_eq!((core.false_core_relays, core.connection_relays), (core.core_relays, 0), "{core:?}");
    assert_eq!(scene.learnt(), Vec::<String>::new());
    scene.serving.end().unwrap();
}

#[test]
fn past_the_limit_of_threads_a_learnt_route_is_503_and_others_are_served() {
    let mut config = one_core();
    config.limits.max_service_threads = 2;
    let scene = Scene::new(config);
    let Scene { serving, gates, .. } = &scene;
    let mut client = serving.client();
    scene.learn(&mut client);
    let mut held = [serving.client(), serving.client()];
    for (number, client) in held.iter_mut().enumerate() {
        client.send(format!("GET /wait/held-{number} HTTP/1.1\r\nHost: test\r\n\r\n"));
        gates.wait_for(&format!("held-{number}"));
    }
    for target in ["/wait/refused", "/blocking/refused"] {
        let refused = serving.client().get(target);
        assert_eq!((refused.status, refused.field("retry-after")), (503, Some("1")), "{target}");
    }
    for _ in 0..100 {
        assert_eq!(client.get("/").text(), "served");
    }
    // One more may block on the core itself: its standby is beyond the limit.
    let mut beyond = serving.client();
    beyond.send("GET /inline/beyond HTTP/1.1\r\nHost: test\r\n\r\n");
    gates.wait_for_take("beyond", serving);
    assert_eq!(client.get("/").text(), "served");
    gates.open("beyond");
    assert_eq!(beyond.answer().status, 200);
    for (number, client) in held.iter_mut().enumerate() {
        gates.open(&format!("held-{number}"));
        assert_eq!(client.answer().status, 200);
        assert_eq!(client.get("/").text(), "served");
    }
    gates.open("again");
    assert_eq!(client.get("/wait/again").status, 200);
    let status = serving.status();
    assert_eq!((status.service.refused, status.cores[0].closes["overload"]), (2, 2));
    scene.serving.end().unwrap();
}

/// Handlers that never come back teach all the same: else they would use up every thread there may be, and then the
/// cores, one after the other, before anything were known.
#[test]
fn a_route_is_learnt_while_its_handlers_are_still_away() {
    const THREADS: usize = 8;
    let mut config = one_core();
    config.limits.max_service_threads = THREADS;
    let gates = Gates::default();
    let serving = Serving::with(config, router(&gates));
    let mut stuck: Vec<Client> = (0..3 * THREADS).map(|_| serving.client()).collect();
    for client in &mut stuck {
        client.send("GET /wait/gate HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(serving.client().get("/").text(), "served");
    }
    assert_eq!(serving.status().learnt_routes, ["/wait/{gate}"]);
    gates.open("gate");
    let statuses: Vec<u16> = stuck.iter_mut().map(|client| client.answer().status).collect();
    let refused = statuses.iter().filter(|status| **status == 503).count();
    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(answered + refused, 3 * THREADS);
    assert!((THREADS..=THREADS + 1).contains(&answered), "{answered} were answered, {refused} refused");
    serving.end().unwrap();
}
