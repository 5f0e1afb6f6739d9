//! What commands answer, in set time; the real redis is asked the same in `crates/corelay/tests/e2e/kv`.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::sync::Arc;

use foldhash::fast::RandomState;

use super::*;
use crate::budget::Budget;
use crate::shard::hash;

/// A shard, and the time.
struct Bench {
    shard: Shard,
    hashing: RandomState,
    now: Milliseconds,
}

impl Bench {
    fn new() -> Self {
        let hashing = RandomState::default();
        Self { shard: Shard::new(&hashing, Arc::new(Budget::new(100_000))), hashing, now: 0 }
    }

    /// The answer to a line of words.
    fn ask(&mut self, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let described = Described::named(words[0]).unwrap();
        assert!(described.takes(words.len()), "{line}");
        let mut out = Vec::new();
        execute(
            described,
            Execution {
                shard: &mut self.shard,
                arguments: &words[1..],
                hash: words.get(1).map_or(0, |key| hash(&self.hashing, key)),
                moment: &Moment::at(self.now),
                out: &mut out,
            },
        );
        String::from_utf8(out).unwrap()
    }

    fn answers(&mut self, cases: &[(&str, &str)]) {
        for (line, answer) in cases {
            assert_eq!(self.ask(line), format!("{answer}\r\n"), "{line}");
        }
    }
}

#[test]
fn set_has_conditions_and_lifetimes() {
    Bench::new().answers(&[
        ("GET a", "$-1"),
        ("SET a 1 XX", "$-1"),
        ("SET a 1 NX", "+OK"),
        ("SET a 2 nx", "$-1"),
        ("SET a 2 XX GET", "$1\r\n1"),
        ("SET b 1 GET", "$-1"),
        ("SET a 3 EX 10", "+OK"),
        ("TTL a", ":10"),
        ("SET a 4 KEEPTTL", "+OK"),
        ("PTTL a", ":10000"),
        ("SET a 5 PX 1500", "+OK"),
        ("TTL a", ":2"),
        ("SET a 6", "+OK"),
        ("TTL a", ":-1"),
        ("TTL c", ":-2"),
        ("SET a 1 NX XX", "-ERR syntax error"),
        ("SET a 1 EX 1 PX 1", "-ERR syntax error"),
        ("SET a 1 EX 1 KEEPTTL", "-ERR syntax error"),
        ("SET a 1 KEEPTTL EX 1", "-ERR syntax error"),
        ("SET a 1 EX", "-ERR syntax error"),
        ("SET a 1 EX x", "-ERR value is not an integer or out of range"),
        ("SET a 1 EX 0", "-ERR invalid expire time in 'set' command"),
        ("SET a 1 EX 9223372036854775807", "-ERR invalid expire time in 'set' command"),
        ("GET a", "$1\r\n6"),
    ]);
}

#[test]
fn integers_are_counted_and_do_not_overflow() {
    Bench::new().answers(&[
        ("INCR a", ":1"),
        ("INCRBY a 41", ":42"),
        ("DECR a", ":41"),
        ("DECRBY a -1", ":42"),
        ("GET a", "$2\r\n42"),
        ("SET a x", "+OK"),
        ("INCR a", "-ERR value is not an integer or out of range"),
        ("INCRBY a x", "-ERR value is not an integer or out of range"),
        ("SET a 9223372036854775807", "+OK"),
        ("INCR a", "-ERR increment or decrement would overflow"),
        ("DECRBY a -9223372036854775808", "-ERR decrement would overflow"),
        ("SET a 1 EX 10", "+OK"),
        ("INCR a", ":2"),
        ("TTL a", ":10"),
    ]);
}

#[test]
fn expire_has_conditions() {
    Bench::new().answers(&[
        ("EXPIRE a 10", ":0"),
        ("SET a 1", "+OK"),
        ("EXPIRE a 10 XX", ":0"),
        ("EXPIRE a 10 GT", ":0"),
        ("EXPIRE a 10 NX", ":1"),
        ("EXPIRE a 20 NX", ":0"),
        ("EXPIRE a 5 gt", ":0"),
        ("EXPIRE a 20 LT", ":0"),
        ("PEXPIRE a 20000 GT XX", ":1"),
        ("TTL a", ":20"),
        ("PERSIST a", ":1"),
        ("PERSIST a", ":0"),
        ("EXPIRE a 1 NX GT", "-ERR NX and XX, GT or LT options at the same time are not compatible"),
        ("EXPIRE a 1 LT GT", "-ERR GT and LT options at the same time are not compatible"),
        ("EXPIRE a 1 foo", "-ERR Unsupported option foo"),
        ("EXPIRE a x", "-ERR value is not an integer or out of range"),
        ("EXPIRE a 9223372036854775807", "-ERR invalid expire time in 'expire' command"),
        ("PEXPIRE a -1", ":1"),
        ("EXISTS a", ":0"),
    ]);
}

#[test]
fn what_has_expired_is_gone_for_every_command() {
    let asked =
        ["GET a", "EXISTS a", "TTL a", "DEL a", "INCR a", "SET a 1 XX", "SET a 2 KEEPTTL", "EXPIRE a 5"];
    let gone = ["$-1", ":0", ":-2", ":0", ":1", "$-1", "+OK", ":0"];
    for (line, answer) in asked.into_iter().zip(gone) {
        let mut bench = Bench::new();
        bench.answers(&[("SET a 41 PX 100", "+OK")]);
        bench.now = 99;
        bench.answers(&[("GET a", "$2\r\n41")]);
        bench.now = 100;
        bench.answers(&[(line, answer)]);
        assert!(!bench.ask("TTL a").starts_with(":0"), "{line}");
    }
}

#[test]
fn a_full_shard_refuses_what_grows_and_takes_what_does_not() {
    let mut bench = Bench::new();
    let large = "x".repeat(60_000);
    bench.answers(&[(&format!("SET a {large}"), "+OK")]);
    let refused = "-OOM command not allowed when used memory > 'maxmemory'.";
    bench.answers(&[
        (&format!("SET b {large}"), refused),
        (&format!("SET b {large} GET"), refused),
        ("SET b 1", "+OK"),
        ("INCR b", ":2"),
        ("DEL a", ":1"),
        (&format!("SET b {large}"), "+OK"),
    ]);
}

#[test]
fn the_whole_shard_is_counted_and_cleared() {
    let mut bench = Bench::new();
    bench.answers(&[("SET a 1", "+OK"), ("SET b 1 EX 5", "+OK"), ("GET a", "$1\r\n1"), ("GET c", "$-1")]);
    bench.answers(&[("DBSIZE", ":2")]);
    assert!(bench.ask("INFO").starts_with(":2\r\n:1\r\n:"));
    assert!(bench.ask("INFO").ends_with(":1\r\n:1\r\n:0\r\n"));
    bench.answers(&[
        ("FLUSHALL foo", "-ERR syntax error"),
        ("FLUSHALL ASYNC", "+OK"),
        ("DBSIZE", ":0"),
        ("GET a", "$-1"),
    ]);
}
