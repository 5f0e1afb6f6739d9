//! Peers that vanish in the middle of anything leave nothing behind: no file, no connection, no thread that waits.

use std::time::{Duration, Instant};

use crate::on_every_engine;
use crate::support::{Client, Engine, PATIENCE, Server};

on_every_engine!(
    a_reset_at_any_point_leaves_nothing_behind,
    the_end_of_a_stream_at_any_point_leaves_nothing_behind
);

/// What a client had sent when it vanished; each leaves the server in another state.
const SENT: [&str; 9] = [
    "",
    "GET /plain",
    "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n",
    "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n",
    "POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello",
    "POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    "GET /bytes/100000000 HTTP/1.1\r\nHost: test\r\n\r\n",
    "GET /sleep/5 HTTP/1.1\r\nHost: test\r\n\r\n",
];

/// Lets `vanish` end fifty connections in each state, and waits until the server has no more files open than before.
fn leaves_nothing_behind(engine: Engine, vanish: impl Fn(Client)) {
    let server = Server::start(engine, &[]);
    let mut watcher = server.connect();
    assert_eq!(watcher.get("/plaintext").status, 200);
    let before = server.process().open_files();
    for sent in SENT {
        for _ in 0..50 {
            let mut client = server.connect();
            client.send(sent);
            vanish(client);
        }
    }
    let begun = Instant::now();
    while server.process().open_files() > before {
        assert!(begun.elapsed() < PATIENCE, "{} files open, {before} before", server.process().open_files());
        assert_eq!(watcher.get("/plaintext").status, 200);
    }
    while open_connections(&mut watcher) != 1 {
        assert!(
            begun.elapsed() < PATIENCE,
            "{} connections are still counted",
            open_connections(&mut watcher)
        );
    }
}

fn open_connections(client: &mut Client) -> u64 {
    let status: serde_json::Value = serde_json::from_slice(&client.get("/status").body).expect("JSON");
    status["connections"].as_u64().expect("a count")
}

fn a_reset_at_any_point_leaves_nothing_behind(engine: Engine) {
    leaves_nothing_behind(engine, |client| {
        let socket = socket2::Socket::from(client.into_idle());
        // Closing with a linger time of zero sends RST (tcp(7)).
        socket.set_linger(Some(Duration::ZERO)).expect("SO_LINGER takes any time");
    });
}

fn the_end_of_a_stream_at_any_point_leaves_nothing_behind(engine: Engine) {
    leaves_nothing_behind(engine, drop);
}
