//! What is refused, in redis's words, and what that costs: the request, or the connection.

use crate::server::{ALL, Server, request};

#[test]
fn what_is_no_request_is_refused_and_ends_the_connection() {
    let cases: [(&[u8], &str); 7] = [
        (b"*1\r\n$9999999\r\n", "Protocol error: invalid bulk length"),
        (b"*1048577\r\n", "Protocol error: invalid multibulk length"),
        (b"*1\r\nPING\r\n", "Protocol error: expected '$', got 'P'"),
        (b"*x\r\n", "Protocol error: invalid multibulk length"),
        (b"*1\r\n$4\r\nPINGxx", "Protocol error: invalid bulk length"),
        (b"GET \"a\r\n", "Protocol error: unbalanced quotes in request"),
        (&[b'a'; 64 * 1024 + 1], "Protocol error: too big inline request"),
    ];
    for flags in ALL {
        let server = Server::start(&[flags, &["--value-mib", "1"]].concat());
        for (octets, text) in cases {
            let mut client = server.connect();
            client.send(&[&request(&["SET", "a", "1"]), &request(&["SET", "b", "1"]), octets].concat());
            let expected = format!("+OK\r\n+OK\r\n-ERR {text}\r\n");
            assert_eq!(client.rest(), expected.as_bytes(), "{flags:?} {}", octets[..9].escape_ascii());
        }
        assert_eq!(server.connect().ask(&["PING"]), "+PONG\r\n");
        server.end();
    }
}

#[test]
fn a_request_has_no_more_octets_than_eight_of_the_longest_values() {
    let value = "x".repeat(1 << 20);
    let longest =
        ["MSET", "a", &value, "b", &value, "c", &value, "d", &value, "e", &value, "f", &value, "g", &value];
    for flags in ALL {
        let server = Server::start(&[flags, &["--value-mib", "1"]].concat());
        assert_eq!(server.connect().ask(&longest), "+OK\r\n", "{flags:?}");
        let mut client = server.connect();
        // One octet more than may be there of a request that is not whole.
        let mut octets = request(&[longest.as_slice(), &["h", &value]].concat());
        octets.truncate((8 << 20) + 1);
        client.send(&octets);
        assert_eq!(client.reply(), b"-ERR Protocol error: too big request\r\n", "{flags:?}");
        assert_eq!(client.rest(), b"", "{flags:?}");
        server.end();
    }
}

#[test]
fn a_client_too_many_is_told_so() {
    for flags in ALL {
        let server = Server::start(&[flags, &["--clients", "1"]].concat());
        let mut first = server.connect();
        assert_eq!(first.ask(&["PING"]), "+PONG\r\n");
        assert_eq!(server.connect().rest(), b"-ERR max number of clients reached\r\n", "{flags:?}");
        assert_eq!(first.ask(&["PING"]), "+PONG\r\n");
        server.end();
    }
}

#[test]
fn a_silent_client_is_let_go() {
    for flags in ALL {
        let server = Server::start(&[flags, &["--idle-seconds", "1"]].concat());
        let mut client = server.connect();
        assert_eq!(client.ask(&["PING"]), "+PONG\r\n");
        assert_eq!(client.rest(), b"", "{flags:?}");
        server.end();
    }
}

#[test]
fn a_browser_is_not_talked_to() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET a 1\r\n");
    assert_eq!(client.rest(), b"");
    assert_eq!(server.connect().ask(&["DBSIZE"]), ":0\r\n");
    server.end();
}

#[test]
fn the_longest_value_comes_back_and_longer_ones_are_refused() {
    for flags in ALL {
        let server = Server::start(&[flags, &["--value-mib", "1"]].concat());
        let mut client = server.connect();
        let longest = "x".repeat(1 << 20);
        for key in ["a", "b", "c", "d"] {
            assert_eq!(client.ask(&["SET", key, &longest]), "+OK\r\n");
            assert_eq!(client.ask(&["GET", key]), format!("$1048576\r\n{longest}\r\n"));
        }
        assert_eq!(client.ask(&["MGET", "a", "b", "c", "d"]).len(), 4 + 4 * ((1 << 20) + 12));
        server.end();
    }
}

#[test]
fn memory_is_limited_and_what_is_removed_makes_room() {
    for flags in ALL {
        let server = Server::start(&[flags, &["--memory-mib", "8"]].concat());
        let mut client = server.connect();
        let value = "x".repeat(10_000);
        let mut written = 0;
        loop {
            match client.ask(&["SET", &format!("key:{written}"), &value]).as_str() {
                "+OK\r\n" => written += 1,
                "-OOM command not allowed when used memory > 'maxmemory'.\r\n" => break,
                other => panic!("{flags:?}: {other}"),
            }
            assert!(written < 840, "{flags:?}: 8 MiB hold 838 of them");
        }
        assert!(written > 600, "{flags:?}: only {written}");
        assert_eq!(client.ask(&["GET", "key:0"]), format!("$10000\r\n{value}\r\n"));
        let keys: Vec<String> = (0..written).map(|key| format!("key:{key}")).collect();
        let mut removal = vec!["DEL"];
        removal.extend(keys.iter().map(String::as_str));
        assert_eq!(client.ask(&removal), format!(":{written}\r\n"));
        assert_eq!(client.ask(&["SET", "key", &value]), "+OK\r\n");
        server.end();
    }
}

#[test]
fn a_pipeline_of_long_answers_is_not_held_all_at_once() {
    for flags in ALL {
        let server = Server::start(flags);
        let mut client = server.connect();
        let value = "x".repeat(1 << 18);
        for key in 0..4 {
            client.ask(&["SET", &format!("{key}"), &value]);
        }
        // 250 MiB, if they were answered before any is read.
        let requests: Vec<u8> =
            (0..1000).flat_map(|key| request(&["GET", &format!("{}", key % 4)])).collect();
        client.send(&requests);
        for _ in 0..1000 {
            assert_eq!(client.reply().len(), value.len() + 11);
        }
        let peak = peak_mib(server.id());
        assert!(peak < 150, "{flags:?}: {peak} MiB");
        server.end();
    }
}

/// The most memory that a process ever had resident.
fn peak_mib(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}
