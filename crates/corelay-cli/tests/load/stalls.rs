//! A server that stalls for a tenth of the time shows a tenth of the requests late: no coordinated omission.

use std::time::Duration;

use crate::invocation::load;
use crate::peer::{Habit, Peer};

const CONNECTIONS: u64 = 10;

/// 200 requests a second for 3 s, evenly spaced over ten connections; from the 300th on, nothing is answered for 300 ms. Sixty
/// requests are due meanwhile, of which one on each connection reaches the server: who counts from the moment of sending sees these ten.
#[test]
fn a_stall_of_a_tenth_of_the_time_shows_in_a_tenth_of_the_requests() {
    let peer = Peer::start(Habit::StallAt(300, Duration::from_millis(300)));
    let flags = ["--connections", "10", "--rate", "200", "--duration", "3s", "--warm-up", "0"];
    let loaded = load(&[&[&*peer.url()], &flags[..]].concat());
    assert_eq!((loaded.finished.code, loaded.total("requests")), (0, 600), "{}", loaded.finished.stderr);
    assert_eq!(peer.requests(), 600);
    // Of the sixty, those due in the first 100 ms waited for 200 ms and more, those in the first 250 ms for 50 ms and more: a slow
    // machine makes them more, never fewer.
    let (long, longer) = (loaded.slower_than(49), loaded.slower_than(199));
    assert!(long >= 5 * CONNECTIONS, "{long} above 50 ms:\n{}", loaded.finished.stdout);
    assert!(longer >= 2 * CONNECTIONS, "{longer} above 200 ms:\n{}", loaded.finished.stdout);
    // A stall of 1 s in 10 has its p99 at 900 ms, this one at 270: six in six hundred waited longer than that.
    let p99 = loaded.group()["total"]["latency"]["p99"].as_f64().expect("seconds");
    assert!(p99 >= 0.265, "p99 is {p99} s");
}

/// The same stall in a closed loop: the generator stopped asking, and sees one slow request on each connection.
#[test]
fn a_closed_loop_hides_it() {
    let peer = Peer::start(Habit::StallAt(20, Duration::from_millis(300)));
    let flags = ["--connections", "10", "--duration", "1s", "--warm-up", "0"];
    let loaded = load(&[&[&*peer.url()], &flags[..]].concat());
    assert_eq!(loaded.finished.code, 0, "{}", loaded.finished.stderr);
    assert!(loaded.slower_than(290) >= 1, "{}", loaded.finished.stdout);
    let p50 = loaded.group()["total"]["latency"]["p50"].as_f64().expect("seconds");
    let max = loaded.group()["total"]["latency"]["max"].as_f64().expect("seconds");
    assert!(max >= 0.3 && p50 < max, "p50 {p50} s, max {max} s");
}
