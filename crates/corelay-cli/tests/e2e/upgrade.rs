//! An upgrade: a new process takes the place of the old one, and no connection is closed for it.

use crate::on_every_engine;
use crate::support::{Client, Engine, Generations};

on_every_engine!(
    idle_connections_live_on_in_the_new_process,
    new_connections_are_let_in_by_the_new_process,
    where_it_listens_is_told_once,
);

/// Its process, by the connection that asks.
fn process_of(client: &mut Client) -> u64 {
    status(client)["pid"].as_u64().expect("a process id")
}

fn status(client: &mut Client) -> serde_json::Value {
    let response = client.get("/status");
    serde_json::from_slice(&response.body).expect("JSON")
}

fn idle_connections_live_on_in_the_new_process(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    let mut clients: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
    let silent = server.connect();
    server.upgrade();
    for client in &mut clients {
        assert_eq!(process_of(client), u64::from(server.id()));
    }
    assert_eq!(process_of(&mut { silent }), u64::from(server.id()), "it had said nothing yet");
    assert_eq!(server.predecessor_exit(), 0);
}

fn new_connections_are_let_in_by_the_new_process(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    server.upgrade();
    for _ in 0..50 {
        assert_eq!(process_of(&mut server.connect()), u64::from(server.id()));
    }
    server.upgrade();
    assert_eq!(process_of(&mut server.connect()), u64::from(server.id()));
    assert_eq!(status(&mut server.connect())["upgrades"], 2);
}

/// Nobody may be reading any more, and a full pipe would hold up the upgrade.
fn where_it_listens_is_told_once(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    server.upgrade();
    assert_eq!(server.connect().get("/plaintext").status, 200);
    let later = server.end();
    assert!(
        later.iter().any(|line| line.contains("Ctrl-C")),
        "the rest of the first announcement: {later:?}"
    );
    assert!(!later.iter().any(|line| line.contains("listening on")), "{later:?}");
}
