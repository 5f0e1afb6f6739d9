//! Turns without sockets: what relayed cores answer is what one lock after the other answers, in the same order.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use proptest::prelude::*;

use super::*;
use crate::request;
use crate::store::Limits;

const LIMITS: Limits = Limits {
    request: request::Limits { bulk_bytes_max: 1000, arguments_max: 100 },
    request_bytes_max: 10_000,
    memory_bytes_max: 1_000_000,
    reply_bytes_max: 2000,
};

/// The answers to a pipeline, and whether the connection then ends. Batches are answered last to first.
fn ask(store: &Store, seat: Seat, requests: &[Vec<&[u8]>]) -> (String, Flow) {
    let mut out = Vec::new();
    let mut turn = Turn::new(store, seat, &mut out);
    let flow = requests
        .iter()
        .map(|request| turn.request(request))
        .find(|flow| *flow != Flow::Continue)
        .unwrap_or(Flow::Continue);
    if let (_, Some(mut assembly)) = turn.end() {
        let batches = assembly.batches();
        assert!(!batches.is_empty());
        let count = batches.len();
        for (taken, batch) in batches.into_iter().rev().enumerate() {
            assert!(batch.shard % seat.owners != seat.core, "what is here is not relayed");
            assert_eq!(assembly.take(batch.answer(store)), taken + 1 == count);
        }
        assembly.write_to(&mut out, store);
    }
    (String::from_utf8_lossy(&out).into_owned(), flow)
}

fn ask_lines(store: &Store, seat: Seat, lines: &[&str]) -> String {
    let requests: Vec<Vec<&[u8]>> =
        lines.iter().map(|line| line.split(' ').map(str::as_bytes).collect()).collect();
    ask(store, seat, &requests).0
}

const IN_PLACE: Seat = Seat { core: 3, owners: 1 };

#[test]
fn a_pipeline_is_answered_in_its_order() {
    let lines = [
        "MSET a 1 b 2 c 3 d 4",
        "GET a",
        "MGET a b c d e",
        "PING",
        "GET d",
        "DEL a b e",
        "DBSIZE",
        "FLUSHALL",
        "EXISTS c d",
    ];
    let expected = "+OK\r\n$1\r\n1\r\n*5\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$-1\r\n+PONG\r\n$1\r\n4\r\n:2\r\n:2\r\n+OK\r\n:0\r\n";
    for cores in 1..5 {
        let store = Store::new(cores, LIMITS);
        assert_eq!(
            ask_lines(&store, Seat { core: cores - 1, owners: cores }, &lines),
            expected,
            "{cores} cores"
        );
    }
}

#[test]
fn what_is_about_the_connection_needs_no_shard() {
    let store = Store::new(2, LIMITS);
    for (line, answer) in [
        ("PING", "+PONG"),
        ("ping hello", "$5\r\nhello"),
        ("PING a b", "-ERR wrong number of arguments for 'ping' command"),
        ("ECHO x", "$1\r\nx"),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"),
        ("foo a b", "-ERR unknown command 'foo', with args beginning with: 'a' 'b' "),
        ("SELECT 0", "+OK"),
        ("SELECT 16", "-ERR DB index is out of range"),
        ("SELECT 2147483648", "-ERR value is out of range, value must between -2147483648 and 2147483647"),
        ("SELECT x", "-ERR value is not an integer or out of range"),
        ("CONFIG GET appendonly sav?", "*4\r\n$10\r\nappendonly\r\n$2\r\nno\r\n$4\r\nsave\r\n$0\r\n"),
        ("CONFIG GET", "-ERR wrong number of arguments for 'config|get' command"),
        ("CONFIG foo", "-ERR unknown subcommand 'foo'. Try CONFIG HELP."),
        ("COMMAND COUNT", ":25"),
        ("COMMAND count x", "-ERR wrong number of arguments for 'command|count' command"),
        ("COMMAND foo", "-ERR unknown subcommand 'foo'. Try COMMAND HELP."),
        ("COMMAND INFO mset foo", "*2\r\n*6\r\n$4\r\nmset\r\n:-3\r\n*1\r\n+write\r\n:1\r\n:-1\r\n:2\r\n*-1"),
    ] {
        assert_eq!(
            ask_lines(&store, Seat { core: 0, owners: 2 }, &[line]),
            format!("{answer}\r\n"),
            "{line}"
        );
    }
    assert!(ask_lines(&store, IN_PLACE, &["COMMAND DOCS get"]).starts_with("*2\r\n$3\r\nget\r\n*4\r\n"));
    assert!(ask_lines(&store, IN_PLACE, &["COMMAND LIST"]).starts_with("*25\r\n$3\r\nget\r\n$3\r\nset\r\n"));
}

#[test]
fn nothing_is_answered_after_quit_and_nothing_at_all_to_a_browser() {
    let store = Store::new(1, LIMITS);
    assert_eq!(
        ask(&store, IN_PLACE, &[vec![b"QUIT"], vec![b"PING"]]),
        ("+OK\r\n".into(), Flow::Close(CloseReason::PeerClosed))
    );
    assert_eq!(
        ask(&store, IN_PLACE, &[vec![b"POST", b"/"]]),
        (String::new(), Flow::Close(CloseReason::Malformed))
    );
    assert_eq!(
        ask(&store, IN_PLACE, &[vec![b"Host:", b"x"]]),
        (String::new(), Flow::Close(CloseReason::Malformed))
    );
}

#[test]
fn a_reply_has_no_more_octets_than_it_may_on_whatever_core() {
    let value = "x".repeat(900);
    let keys = ["a", "b", "c", "d"];
    for cores in [1, 2] {
        let (store, seat) = (Store::new(cores, LIMITS), Seat { core: 0, owners: cores });
        for key in keys {
            assert_eq!(ask_lines(&store, seat, &[&format!("SET {key} {value}")]), "+OK\r\n");
        }
        assert!(ask_lines(&store, seat, &["MGET a b c"]).starts_with("-ERR the reply would have 27"));
        let answer = ask_lines(&store, seat, &["MGET a b", "MGET a b c", "PING"]);
        let lines: Vec<&str> = answer.lines().collect();
        assert_eq!((lines[0], lines.len()), ("*2", 7), "{cores} cores");
        assert!(lines[5].starts_with("-ERR the repl"), "{}", lines[5]);
    }
}

#[test]
fn info_adds_up_what_the_shards_hold() {
    for cores in [1, 3] {
        let (store, seat) = (Store::new(cores, LIMITS), Seat { core: 0, owners: cores });
        ask_lines(&store, seat, &["MSET a 1 b 2 c 3 d 4", "EXPIRE b 100", "GET a", "GET x"]);
        let info = ask_lines(&store, seat, &["INFO"]);
        for line in
            ["db0:keys=4,expires=1,avg_ttl=0", "keyspace_hits:1", "keyspace_misses:1", "maxmemory:1000000"]
        {
            assert!(info.contains(&format!("{line}\r\n")), "{line}: {info}");
        }
    }
}

fn request() -> impl Strategy<Value = String> {
    let key = || "[a-h]";
    prop_oneof![
        4 => (key(), 0..100_u32).prop_map(|(key, value)| format!("SET {key} {value}")),
        4 => key().prop_map(|key| format!("GET {key}")),
        2 => key().prop_map(|key| format!("INCR {key}")),
        2 => proptest::collection::vec(key(), 1..6).prop_map(|keys| format!("MGET {}", keys.join(" "))),
        2 => proptest::collection::vec(key(), 1..6).prop_map(|keys| format!("DEL {}", keys.join(" "))),
        1 => proptest::collection::vec(key(), 1..6).prop_map(|keys| format!("EXISTS {}", keys.join(" "))),
        2 => proptest::collection::vec(key(), 1..6).prop_map(|keys| format!("MSET {}", keys.join(" 7 ") + " 8")),
        1 => Just("DBSIZE".to_owned()),
        1 => Just("FLUSHALL".to_owned()),
        1 => Just("PING".to_owned()),
        1 => Just("FLUSHALL foo".to_owned()),
        1 => Just("NOTHING".to_owned()),
    ]
}

proptest! {
    #[test]
    fn relayed_cores_answer_what_one_would(
        turns in proptest::collection::vec(proptest::collection::vec(request(), 1..12), 1..6),
        core in 0_usize..4,
    ) {
        let (one, four) = (Store::new(1, LIMITS), Store::new(4, LIMITS));
        let locked = Store::new(64, LIMITS);
        for requests in turns {
            let lines: Vec<&str> = requests.iter().map(String::as_str).collect();
            let expected = ask_lines(&one, IN_PLACE, &lines);
            prop_assert_eq!(&ask_lines(&four, Seat { core, owners: 4 }, &lines), &expected);
            prop_assert_eq!(&ask_lines(&locked, IN_PLACE, &lines), &expected);
        }
    }
}
