//! No thread can be started (RLIMIT_AS: root is bound by no other limit a test can set): 503 for what needs one, and all else
//! goes on.

use crate::support::{Client, Engine, Server};
use crate::{Neighbour, limits, start, twice};

crate::on_three_engines!(without_a_thread_what_needs_one_is_503);

const UPLOAD: &str =
    "POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

/// Answered by its thread, or refused for want of one.
fn upload(server: &Server) -> (Client, u16) {
    let mut peer = server.connect();
    // A refusal closes, and may do so before it has read this.
    let _ = peer.try_send(UPLOAD);
    let status = peer.response().status;
    (peer, status)
}

fn without_a_thread_what_needs_one_is_503(engine: Engine) {
    let stack = ["--service-stack-bytes", "64m", "--thread-stack-bytes", "64m"];
    let server = start(engine, &stack);
    let limit = if engine.name == "threads" { "no_thread" } else { "no_service_thread" };
    let mut neighbour = Neighbour::of(&server);
    let mut refused = 0;
    twice(&mut neighbour, |neighbour| {
        limits::leave_memory(&server, 16 << 20);
        // One that waits may be there.
        let peers: Vec<(Client, u16)> = (0..10).map(|_| upload(&server)).collect();
        let now = peers.iter().filter(|(_, status)| *status == 503).count() as u64;
        assert!(now >= 8, "{:?}", peers.iter().map(|(_, status)| status).collect::<Vec<_>>());
        refused += now;
        assert_eq!(neighbour.counters().refused(limit), refused);
        neighbour.asks();
        limits::lift_memory(&server);
        let (mut peer, status) = upload(&server);
        assert_eq!(status, 100, "threads can be had again");
        peer.send("12345");
        assert_eq!(peer.response().text(), "5");
    });
}
