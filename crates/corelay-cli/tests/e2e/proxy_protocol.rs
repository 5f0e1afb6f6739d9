//! Behind a balancer: PROXY protocol headers on the listeners for them, from trusted proxies, and nowhere else.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;

use rustix::process::Signal;
use socket2::{Domain, Socket, Type};

use crate::on_every_engine;
use crate::support::{Client, Engine, Generations, Scratch, Server};

on_every_engine!(
    the_client_that_the_header_names_is_in_the_log,
    a_header_may_come_alone_byte_by_byte_or_with_pipelined_requests,
    a_connection_without_a_proper_header_is_closed_unanswered_and_counted,
    who_is_no_trusted_proxy_is_closed_unanswered_and_counted,
    trusted_networks_can_be_chosen,
    a_header_where_none_is_expected_is_a_malformed_request,
    an_unfinished_header_is_closed_after_head_timeout,
    connections_are_limited_by_the_client_that_the_header_names,
    requests_are_limited_by_the_client_that_the_header_names,
    a_unix_socket_takes_headers_too,
    a_drain_does_not_wait_for_connections_that_have_sent_no_header,
    thousands_of_proxied_connections_come_and_go,
    an_upgrade_moves_listeners_for_proxies_and_connections_within_their_headers,
);

const HEADER: &str = "PROXY TCP4 192.0.2.7 203.0.113.1 40000 443\r\n";
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x08\xcb\x00\x71\x01\x9c\x40\x01\xbb";
const REQUEST: &str = "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n";

/// A server with a listener for all, where its status can be read, and one for proxies.
struct Proxied {
    server: Server,
}

impl Proxied {
    fn start(engine: Engine, flags: &[&str]) -> Self {
        let listen = ["--listen", "127.0.0.1:0", "--proxy-listen", "127.0.0.1:0"];
        let command = Server::command(engine, &[&listen, flags].concat());
        Self { server: Server::spawn_with_listeners(command, 2) }
    }

    fn connect_from(&self, address: Ipv4Addr) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets can be made");
        socket.bind(&SocketAddr::from((address, 0)).into()).expect("all of 127.0.0.0/8 is this machine");
        socket.connect(&self.server.proxied_address().into()).expect("the server accepts");
        Client::new(socket.into())
    }

    fn connect(&self) -> Client {
        self.connect_from(Ipv4Addr::LOCALHOST)
    }

    fn status(&self) -> serde_json::Value {
        serde_json::from_str(self.server.connect().get("/status").text()).expect("the status is JSON")
    }

    fn refused(&self, name: &str) -> u64 {
        self.status()["refused"][name].as_u64().expect("every refusal has its count")
    }

    /// Connections closed for this reason, by all cores.
    fn closed(&self, reason: &str) -> u64 {
        let status = self.status();
        let cores = status["cores"].as_array().expect("there are cores");
        cores.iter().map(|core| core["closes"][reason].as_u64().unwrap_or(0)).sum()
    }

    /// Waits until so many are closed for this reason: it is counted after the peer hears of it.
    fn wait_until_closed(&self, reason: &str, count: u64) {
        while self.closed(reason) < count {
            std::thread::yield_now();
        }
        assert_eq!(self.closed(reason), count);
    }

    /// Ends it; what it has logged.
    fn end(self) -> String {
        self.server.signal(Signal::TERM);
        let finished = self.server.wait();
        assert_eq!(finished.code, 0, "{}", finished.stderr);
        finished.stderr
    }
}

fn the_client_that_the_header_names_is_in_the_log(engine: Engine) {
    let proxied = Proxied::start(engine, &["--access-log"]);
    for header in [HEADER.as_bytes(), BINARY, b"PROXY TCP6 2001:db8::9 ::1 40000 443\r\n"] {
        let mut client = proxied.connect();
        client.send([header, REQUEST.as_bytes()].concat());
        assert_eq!(client.response().text(), "Hello, World!");
        assert_eq!(client.get("/json").status, 200);
    }
    let mut check = proxied.connect();
    check.send(["PROXY UNKNOWN\r\n", REQUEST].concat());
    let own = check.stream().local_addr().expect("it is connected");
    assert_eq!(check.response().status, 200);
    let log = proxied.end();
    for peer in ["192.0.2.7:40000", "192.0.2.8:40000", "[2001:db8::9]:40000"] {
        assert_eq!(log.matches(&format!("peer={peer} ")).count(), 2, "{peer} in {log}");
    }
    assert_eq!(log.matches(&format!("peer={own} ")).count(), 1, "{own} in {log}");
}

fn a_header_may_come_alone_byte_by_byte_or_with_pipelined_requests(engine: Engine) {
    let proxied = Proxied::start(engine, &[]);
    for header in [HEADER.as_bytes(), BINARY] {
        let mut client = proxied.connect();
        client.send(header);
        assert_eq!(client.get("/plaintext").text(), "Hello, World!");
        let mut client = proxied.connect();
        for byte in [header, REQUEST.as_bytes()].concat() {
            client.send([byte]);
        }
        assert_eq!(client.response().text(), "Hello, World!");
        let mut client = proxied.connect();
        client.send([header, REQUEST.repeat(100).as_bytes()].concat());
        for _ in 0..100 {
            assert_eq!(client.response().text(), "Hello, World!");
        }
        let mut client = proxied.connect();
        client.send([header, b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhel"].concat());
        client.send("lo");
        assert_eq!(client.response().text(), "hello");
    }
}

fn a_connection_without_a_proper_header_is_closed_unanswered_and_counted(engine: Engine) {
    let proxied = Proxied::start(engine, &["--max-proxy-header-bytes", "300"]);
    let long_line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(200));
    let large = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x01\x1d";
    let malformed = [
        REQUEST.as_bytes(),
        b"PROXY TCP4 192.0.2.7 203.0.113.1 40000\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\x00\x0c",
        long_line.as_bytes(),
        large,
    ];
    for input in malformed {
        let mut client = proxied.connect();
        client.send(input);
        client.expect_any_end();
    }
    proxied.wait_until_closed("proxy_header", malformed.len() as u64);
    let mut client = proxied.connect();
    client.send([b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x01\x1c".as_slice(), &[1; 284], REQUEST.as_bytes()].concat());
    assert_eq!(client.response().text(), "Hello, World!", "300 bytes are within the limit");
    let log = proxied.end();
    assert_eq!(log.matches("must begin with a PROXY protocol header").count(), 1, "once a minute: {log}");
}

fn who_is_no_trusted_proxy_is_closed_unanswered_and_counted(engine: Engine) {
    let proxied = Proxied::start(engine, &["--proxy-trusted", "127.0.0.1"]);
    for count in 1..=3 {
        let mut client = proxied.connect_from(Ipv4Addr::new(127, 0, 0, 2));
        let _ = client.try_send([HEADER, REQUEST].concat());
        client.expect_any_end();
        assert_eq!(proxied.refused("untrusted_proxy"), count);
    }
    let mut client = proxied.connect();
    client.send([HEADER, REQUEST].concat());
    assert_eq!(client.response().status, 200);
    let log = proxied.end();
    assert_eq!(log.matches("not among the trusted proxies").count(), 1, "once a minute: {log}");
    assert!(log.contains("peer=127.0.0.2:"), "{log}");
}

fn trusted_networks_can_be_chosen(engine: Engine) {
    let proxied = Proxied::start(engine, &["--proxy-trusted", "127.0.1.0/24,127.0.2.2"]);
    for (address, trusted) in [([127, 0, 1, 9], true), ([127, 0, 2, 2], true), ([127, 0, 2, 3], false)] {
        let mut client = proxied.connect_from(Ipv4Addr::from(address));
        let _ = client.try_send([HEADER, REQUEST].concat());
        assert_eq!(client.answers(), trusted, "{address:?}");
    }
}

fn a_header_where_none_is_expected_is_a_malformed_request(engine: Engine) {
    let proxied = Proxied::start(engine, &[]);
    for header in [HEADER.as_bytes(), BINARY] {
        let mut client = proxied.server.connect();
        client.send([header, REQUEST.as_bytes()].concat());
        assert_eq!(client.response().status, 400);
        client.expect_any_end();
    }
}

fn an_unfinished_header_is_closed_after_head_timeout(engine: Engine) {
    let proxied = Proxied::start(engine, &["--head-timeout", "300ms"]);
    let (mut silent, mut slow) = (proxied.connect(), proxied.connect());
    slow.send("PROXY TCP4 192.0.2.7 ");
    silent.expect_any_end();
    slow.expect_any_end();
    proxied.wait_until_closed("proxy_header", 2);
}

fn connections_are_limited_by_the_client_that_the_header_names(engine: Engine) {
    let proxied = Proxied::start(engine, &["--max-connections-per-peer", "2"]);
    let introduced = |client: &str| {
        let mut connection = proxied.connect();
        connection.send(format!("PROXY TCP4 {client} 203.0.113.1 40000 443\r\n{REQUEST}"));
        let status = connection.response().status;
        (connection, status)
    };
    let kept: Vec<_> = (0..2).map(|_| introduced("192.0.2.7")).collect();
    let others: Vec<_> = (8..12).map(|last| introduced(&format!("192.0.2.{last}"))).collect();
    assert!(kept.iter().chain(&others).all(|(_, status)| *status == 200));
    assert_eq!(introduced("192.0.2.7").1, 503);
    assert_eq!(proxied.refused("too_many_connections_of_peer"), 1);
    drop(kept);
    // The server hears of the end of a connection after the client has closed it.
    while introduced("192.0.2.7").1 == 503 {}
}

fn requests_are_limited_by_the_client_that_the_header_names(engine: Engine) {
    let flags = ["--max-request-rate-per-peer", "1", "--request-burst-per-peer", "1"];
    let proxied = Proxied::start(engine, &flags);
    for (last, expected) in [(7, 200), (7, 429), (8, 200), (9, 200)] {
        let mut connection = proxied.connect();
        connection.send(format!("PROXY TCP4 192.0.2.{last} 203.0.113.1 40000 443\r\n{REQUEST}"));
        assert_eq!(connection.response().status, expected, "192.0.2.{last}");
    }
}

fn a_unix_socket_takes_headers_too(engine: Engine) {
    let scratch = Scratch::new();
    let path = scratch.path("socket");
    let listen = format!("unix:{}", path.display());
    let flags = ["--proxy-listen", &listen, "--proxy-trusted", "10.0.0.0/8", "--access-log"];
    let server = Server::spawn(Server::command(engine, &flags));
    let mut client = Client::over(UnixStream::connect(&path).expect("the server accepts"));
    client.send([HEADER, REQUEST].concat());
    assert_eq!(client.response().text(), "Hello, World!");
    server.signal(Signal::TERM);
    let finished = server.wait();
    assert!(finished.stderr.contains("peer=192.0.2.7:40000 "), "{}", finished.stderr);
}

fn a_drain_does_not_wait_for_connections_that_have_sent_no_header(engine: Engine) {
    let proxied = Proxied::start(engine, &["--head-timeout", "1h", "--drain", "1h"]);
    let silent: Vec<_> = (0..4).map(|_| proxied.connect()).collect();
    let mut last = proxied.connect();
    last.send([HEADER, REQUEST].concat());
    assert_eq!(last.response().status, 200);
    proxied.end();
    for mut client in silent {
        client.expect_any_end();
    }
}

/// Nothing is left of any of them, whichever way it ended.
fn thousands_of_proxied_connections_come_and_go(engine: Engine) {
    let proxied = Proxied::start(engine, &["--max-connections-per-peer", "5000"]);
    for round in 0..2000_u16 {
        let mut client = proxied.connect();
        match round % 4 {
            0 => client.send([HEADER, REQUEST].concat()),
            1 => client.send([BINARY, REQUEST.as_bytes()].concat()),
            2 => client.send("PROXY TCP4 192"),
            _ => client.send("GET / HTTP/1.1\r\n"),
        }
        if round % 4 < 2 {
            assert_eq!(client.response().status, 200);
        }
    }
    proxied.wait_until_closed("proxy_header", 500);
    // Its own connection.
    while proxied.status()["connections"] != 1 {
        std::thread::yield_now();
    }
    let mut client = proxied.connect();
    client.send([HEADER, REQUEST].concat());
    assert_eq!(client.response().status, 200);
}

fn an_upgrade_moves_listeners_for_proxies_and_connections_within_their_headers(engine: Engine) {
    let proxied = Proxied::start(engine, &["--max-connections-per-peer", "1"]);
    let (mut silent, mut within, mut introduced) = (proxied.connect(), proxied.connect(), proxied.connect());
    within.send("PROXY TCP4 192.0.2.8 203.0.1");
    introduced.send([HEADER, REQUEST].concat());
    assert_eq!(introduced.response().status, 200);
    let address = proxied.server.proxied_address();
    let connect = || Client::new(TcpStream::connect(address).expect("the server accepts"));
    let mut server = Generations::of(proxied.server);
    server.upgrade();
    // The old process has ended when it has said of the last connection that it is the new one's; that may be still to be heard.
    server.wait_until_alone();
    let mut other = connect();
    other.send([HEADER, REQUEST].concat());
    assert_eq!(other.response().status, 503, "the one that was introduced to the old process counts on");
    silent.send(["PROXY TCP4 192.0.2.9 203.0.113.1 40000 443\r\n", REQUEST].concat());
    within.send(["13.1 40000 443\r\n", REQUEST].concat());
    assert_eq!((silent.response().status, within.response().status), (200, 200));
    assert_eq!(introduced.get("/plaintext").status, 200);
    let mut unintroduced = connect();
    unintroduced.send(REQUEST);
    unintroduced.expect_any_end();
    assert_eq!(server.predecessor_exit(), 0);
}
