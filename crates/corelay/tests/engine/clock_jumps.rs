//! The wall clock jumps, by ten years either way: the `Date` of answers follows it, and nothing else does. Deadlines are of
//! the monotonic clock.

use super::support::{Serving, one_core, until};
use corelay::{Clock, Router};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

const YEAR: u64 = 365 * 24 * 3600;
/// In 2001.
const START: u64 = 1_000_000_000;

/// The true time since, and a wall clock that somebody sets.
#[derive(Clone)]
struct SetByHand(Arc<AtomicU64>);

impl Clock for SetByHand {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

#[test]
fn a_jump_of_the_wall_clock_moves_the_date_and_no_deadline() {
    let wall = Arc::new(AtomicU64::new(START));
    let mut config = one_core();
    config.deadlines.head_timeout = Duration::from_millis(600);
    let serving =
        Serving::with_clock(config, SetByHand(wall.clone()), Router::new().get("/", || "Hello, World!"));
    let (mut idle, mut client) = (serving.client(), serving.client());
    assert_eq!(idle.get("/").text(), "Hello, World!");
    for (year, at) in [("2011", START + 10 * YEAR), ("1991", START - 10 * YEAR), ("2001", START)] {
        let mut late = serving.client();
        late.send("GET / HTTP/1.1\r\nHo");
        wall.store(at, Ordering::Relaxed);
        // It is looked at once a second.
        let mut date = String::new();
        while !date.contains(year) {
            date = client.get("/").field("date").expect("answers are dated").to_owned();
        }
        assert_eq!(late.answer().status, 408, "its deadline neither came early nor went away");
    }
    assert_eq!(idle.get("/").text(), "Hello, World!", "an idle connection outlives all of it");
    until("each of the late ones is counted", || serving.closes("head_timeout") == 3);
    serving.end().unwrap();
}
