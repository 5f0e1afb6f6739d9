//! What large bodies needed goes back to the operating system once nobody sends any.

use std::time::Instant;

use serde_json::Value;

use crate::on_every_engine;
use crate::support::{Client, Engine, PATIENCE, Server};

on_every_engine!(after_a_flood_of_bodies_memory_goes_back);

/// Bodies at the same time.
const BODIES: usize = 6;
const BODY_BYTES: usize = 12 << 20;
/// What may be left of them, in bytes.
const LEFT_BYTES_MAX: u64 = 16 << 20;

fn after_a_flood_of_bodies_memory_goes_back(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut asking = server.connect();
    let before = server.process().resident_bytes();
    let (head, body) = (
        format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {BODY_BYTES}\r\n\r\n"),
        vec![b'x'; BODY_BYTES],
    );
    let mut peers: Vec<Client> = (0..BODIES).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.send(&head);
        peer.send(&body[1..]);
    }
    // All but the last byte of each is there, or on its way.
    let held = (BODIES * (BODY_BYTES - 1)) as u64;
    wait_until(&mut asking, |status| status["buffered_bytes"].as_u64() >= Some(held));
    assert!(server.process().resident_bytes() >= before + held / 2);
    for peer in &mut peers {
        peer.send(&body[..1]);
        assert_eq!(peer.response().body.len(), BODY_BYTES);
    }
    wait_until(&mut asking, |status| status["memory_given_back"].as_u64() > Some(0));
    let after = server.process().resident_bytes();
    assert!(after <= before + LEFT_BYTES_MAX, "{before} bytes before, {after} after");
}

fn wait_until(client: &mut Client, is_so: impl Fn(&Value) -> bool) {
    let begun = Instant::now();
    loop {
        let status = serde_json::from_slice(&client.get("/status").body).expect("JSON");
        if is_so(&status) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{status}");
    }
}
