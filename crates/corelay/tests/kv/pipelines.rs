//! Requests one behind the other: answered in their order, whatever the cores they are for and however they arrive.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::server::{ALL, Client, Server, request};

/// Requests for many keys, and so for all cores, and what is to be answered.
fn pipeline(keys: usize) -> (Vec<u8>, String) {
    let (mut requests, mut expected) = (Vec::new(), String::new());
    for key in 0..keys {
        requests.extend(request(&["SET", &format!("key:{key}"), &format!("value {key}")]));
        requests.extend(request(&["GET", &format!("key:{key}")]));
        let value = format!("value {key}");
        write!(expected, "+OK\r\n${}\r\n{value}\r\n", value.len()).unwrap();
        if key % 7 == 0 {
            requests.extend(request(&["MGET", "key:0", "absent", &format!("key:{key}")]));
            write!(expected, "*3\r\n$7\r\nvalue 0\r\n$-1\r\n${}\r\n{value}\r\n", value.len()).unwrap();
            requests.extend_from_slice(b"ECHO \"a line\"\r\n");
            expected += "$6\r\na line\r\n";
        }
    }
    requests.extend(request(&["DBSIZE"]));
    write!(expected, ":{keys}\r\n").unwrap();
    (requests, expected)
}

fn expect(client: &mut Client, expected: &str) {
    let mut read = String::new();
    while read.len() < expected.len() {
        read += &String::from_utf8(client.reply()).unwrap();
    }
    assert_eq!(read, expected);
}

#[test]
fn a_long_pipeline_is_answered_in_its_order() {
    for flags in ALL {
        let server = Server::start(flags);
        let mut client = server.connect();
        let (requests, expected) = pipeline(2_000);
        let stream = client.stream().try_clone().unwrap();
        // Both at once: neither side's buffers hold all of it.
        let writer = std::thread::spawn(move || (&stream).write_all(&requests).unwrap());
        expect(&mut client, &expected);
        writer.join().unwrap();
        server.end();
    }
}

#[test]
fn a_request_may_arrive_in_two_pieces_cut_anywhere() {
    for flags in ALL {
        let server = Server::start(flags);
        let mut client = server.connect();
        let requests =
            [request(&["MSET", "a", "1\r\n", "b", "2", "c", ""]), request(&["MGET", "a", "b", "c"])].concat();
        let expected = "+OK\r\n*3\r\n$3\r\n1\r\n\r\n$1\r\n2\r\n$0\r\n\r\n";
        for cut in 1..requests.len() {
            client.send(&requests[..cut]);
            // The first piece has arrived when a later connection's request is answered: both go the same way.
            assert_eq!(server.connect().ask(&["PING"]), "+PONG\r\n");
            client.send(&requests[cut..]);
            expect(&mut client, expected);
        }
        server.end();
    }
}

#[test]
fn many_clients_that_count_lose_nothing() {
    const CLIENTS: usize = 8;
    const ROUNDS: usize = 100;
    for flags in ALL {
        let server = Server::start(flags);
        let address = server.address;
        let clients = (0..CLIENTS).map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                let turn: Vec<u8> =
                    (0..16).flat_map(|key| request(&["INCR", &format!("counter:{key}")])).collect();
                for _ in 0..ROUNDS {
                    client.send(&turn);
                    (0..16).for_each(|_| assert_eq!(client.reply()[0], b':'));
                }
            })
        });
        clients.collect::<Vec<_>>().into_iter().for_each(|client| client.join().unwrap());
        let mut client = server.connect();
        for key in 0..16 {
            let count = format!("{}", CLIENTS * ROUNDS);
            let expected = format!("${}\r\n{count}\r\n", count.len());
            assert_eq!(client.ask(&["GET", &format!("counter:{key}")]), expected, "{flags:?}");
        }
        server.end();
    }
}
