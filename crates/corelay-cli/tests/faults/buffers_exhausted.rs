//! Peers that together fill what all connections may keep: 503 for whoever wants more, and everything small goes on.

use crate::support::{Client, Engine, Server};
use crate::{Neighbour, start, twice};

crate::on_three_engines!(
    bodies_that_find_no_room_are_503,
    bodies_that_hold_the_room_end_at_their_deadline,
    answers_that_nobody_reads_leave_room_to_others,
);

const MIB: usize = 1 << 20;
const BOUND: usize = 8 * MIB;
/// More of them than there is room for.
const PEERS: usize = 40;

const FLAGS: [&str; 4] = ["--max-buffered-bytes", "8m", "--max-buffered-body-bytes", "4m"];

/// Half a body, beside so many others, and all of them are kept; or one was refused since there were so many refusals.
fn holding(server: &Server, others: usize, refused: u64, neighbour: &mut Neighbour<'_>) -> Client {
    let mut peer = server.connect();
    peer.send(format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", 2 * MIB));
    for piece in vec![b'x'; MIB].chunks(64 * 1024) {
        // A refusal may come in the middle of it.
        let _ = peer.try_send(piece);
    }
    crate::until("it is kept or refused", || {
        let now = neighbour.counters();
        now.buffered_bytes() >= ((others + 1) * MIB) as u64 || now.refused("buffered_bytes") > refused
    });
    peer
}

/// Opens peers that hold half a body until one is refused, which is taken away.
fn fill(server: &Server, neighbour: &mut Neighbour<'_>) -> Vec<Client> {
    let before = neighbour.counters().refused("buffered_bytes");
    let mut peers = Vec::new();
    while neighbour.counters().refused("buffered_bytes") == before {
        assert!(peers.len() < PEERS, "all of them were taken");
        peers.push(holding(server, peers.len(), before, neighbour));
    }
    let held = neighbour.counters().buffered_bytes();
    assert!(held >= BOUND as u64 / 4 && held <= BOUND as u64, "{held} bytes are held");
    for _ in before..neighbour.counters().refused("buffered_bytes") {
        // It is counted before it is sent, and a server with many threads may have refused another one than the last.
        let mut refused = None;
        crate::until("a refused peer is told so", || {
            refused = peers.iter().position(Client::has_answer);
            refused.is_some()
        });
        let answer = peers.remove(refused.unwrap_or_default()).response();
        assert_eq!((answer.status, answer.closes()), (503, true));
        assert_eq!(answer.field("retry-after"), Some("1"));
    }
    peers
}

/// Requests in two pieces, and bodies that are small.
fn small_requests_are_served(server: &Server) {
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 2000\r\n\r\n");
    client.send(vec![b'x'; 1000]);
    client.send(vec![b'y'; 1000]);
    assert_eq!(client.response().body.len(), 2000);
    assert_eq!(client.get("/plaintext").text(), "Hello, World!");
}

fn room_is_there_again(server: &Server, neighbour: &mut Neighbour<'_>) {
    crate::until("nothing is kept", || neighbour.counters().buffered_bytes() == 0);
    assert_eq!(server.connect().request("POST", "/echo", &vec![b'x'; MIB]).body.len(), MIB);
}

fn bodies_that_find_no_room_are_503(engine: Engine) {
    let server = start(engine, &FLAGS);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let peers = fill(&server, neighbour);
        small_requests_are_served(&server);
        neighbour.asks_twice();
        drop(peers);
        room_is_there_again(&server, neighbour);
    });
    assert!(neighbour.counters().closes("overload") >= 2);
}

fn bodies_that_hold_the_room_end_at_their_deadline(engine: Engine) {
    let server = start(engine, &[&FLAGS[..], &["--body-timeout", "1s"]].concat());
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let mut peers = fill(&server, neighbour);
        room_is_there_again(&server, neighbour);
        for peer in &mut peers {
            assert_eq!(peer.response().status, 408);
        }
    });
}

fn answers_that_nobody_reads_leave_room_to_others(engine: Engine) {
    let server = start(engine, &["--max-buffered-bytes", "2m"]);
    let mut neighbour = Neighbour::of(&server);
    twice(&mut neighbour, |neighbour| {
        let before = neighbour.counters().refused("buffered_bytes");
        let mut peers = Vec::new();
        while neighbour.counters().refused("buffered_bytes") == before {
            assert!(peers.len() < PEERS, "all of them were taken");
            let mut peer = server.connect_with_receive_buffer(4096);
            peer.send("GET /bytes/1000000000 HTTP/1.1\r\nHost: test\r\n\r\n");
            // Either its answer begins or it is cut off: then the next may come.
            let _ = peer.answers();
            peers.push(peer);
            neighbour.asks_twice();
        }
        let held = neighbour.counters().buffered_bytes();
        assert!(held >= MIB as u64 && held <= 2 * MIB as u64, "{held} bytes are held");
        small_requests_are_served(&server);
        drop(peers);
        crate::until("nothing is kept", || neighbour.counters().buffered_bytes() == 0);
    });
}
