//! How a connection ends, and what the others notice of it.

use std::net::Shutdown;

use rustix::process::Signal;

use crate::server::{ALL, Server, request};

#[test]
fn quit_is_answered_and_nothing_after_it() {
    for flags in ALL {
        let server = Server::start(flags);
        let mut client = server.connect();
        let requests = [
            request(&["SET", "a", "1"]),
            request(&["SET", "b", "1"]),
            request(&["QUIT"]),
            request(&["PING"]),
        ];
        client.send(&requests.concat());
        assert_eq!(client.rest(), b"+OK\r\n+OK\r\n+OK\r\n", "{flags:?}");
        server.end();
    }
}

#[test]
fn a_client_that_sends_no_more_gets_its_answers() {
    for flags in ALL {
        let server = Server::start(flags);
        let mut client = server.connect();
        let requests: Vec<u8> = (0..20).flat_map(|key| request(&["INCR", &format!("{key}")])).collect();
        client.send(&requests);
        client.stream().shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.rest(), b":1\r\n".repeat(20), "{flags:?}");
        server.end();
    }
}

#[test]
fn a_server_that_ends_closes_idle_connections() {
    for flags in ALL {
        let server = Server::start(flags);
        let mut client = server.connect();
        assert_eq!(client.ask(&["SET", "a", "1"]), "+OK\r\n");
        server.signal(Signal::TERM);
        assert_eq!(client.rest(), b"", "{flags:?}");
        server.wait();
    }
}

#[test]
fn what_expired_is_gone_though_nobody_asks_for_it() {
    for flags in ALL {
        let server = Server::start(flags);
        let mut client = server.connect();
        for key in 0..100 {
            assert_eq!(client.ask(&["SET", &format!("key:{key}"), "1", "PX", "5"]), "+OK\r\n");
        }
        // Ends with the client's patience, if it does not.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while client.ask(&["DBSIZE"]) != ":0\r\n" {
            assert!(std::time::Instant::now() < deadline, "{flags:?}: {}", client.ask(&["INFO"]));
        }
        assert!(client.ask(&["INFO"]).contains("expired_keys:100\r\n"), "{flags:?}");
        server.end();
    }
}
