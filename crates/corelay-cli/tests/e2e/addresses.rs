//! Where a server listens: several places, Unix sockets, and never where another one already does.

use std::os::unix::net::UnixStream;

use rustix::process::Signal;

use crate::on_every_engine;
use crate::support::{Client, Engine, Scratch, Server};

on_every_engine!(
    a_second_server_on_an_address_in_use_fails,
    a_unix_socket_is_served,
    a_second_server_on_a_unix_socket_in_use_fails,
    a_unix_socket_left_by_a_killed_server_is_replaced_and_a_file_is_not,
    several_listeners_are_served_at_once,
    ipv6_is_served,
);

/// SO_REUSEPORT would let the second one steal a share of the first one's connections without a word.
fn a_second_server_on_an_address_in_use_fails(engine: Engine) {
    let server = Server::start(engine, &[]);
    let address = server.address().to_string();
    let finished = Server::run(Server::command(engine, &["--listen", &address]));
    assert_eq!(finished.code, 1, "{}", finished.stderr);
    assert!(finished.stderr.contains(&address) && finished.stderr.contains("in use"), "{}", finished.stderr);
    for _ in 0..20 {
        assert_eq!(server.connect().get("/plaintext").status, 200);
    }
}

fn a_unix_socket_is_served(engine: Engine) {
    let scratch = Scratch::new();
    let path = scratch.path("socket");
    let listen = format!("unix:{}", path.display());
    let server = Server::spawn(Server::command(engine, &["--listen", &listen]));
    assert_eq!(server.listeners(), [listen]);
    let mut clients: Vec<_> =
        (0..8).map(|_| Client::over(UnixStream::connect(&path).expect("the server accepts"))).collect();
    for client in &mut clients {
        assert_eq!(client.get("/plaintext").text(), "Hello, World!");
        assert_eq!(client.request("POST", "/echo", b"hello").text(), "hello");
    }
}

fn a_second_server_on_a_unix_socket_in_use_fails(engine: Engine) {
    let scratch = Scratch::new();
    let path = scratch.path("socket");
    let listen = format!("unix:{}", path.display());
    let _server = Server::spawn(Server::command(engine, &["--listen", &listen]));
    let finished = Server::run(Server::command(engine, &["--listen", &listen]));
    assert_eq!(finished.code, 1, "{}", finished.stderr);
    assert!(finished.stderr.contains("in use"), "{}", finished.stderr);
    let mut client = Client::over(UnixStream::connect(&path).expect("the first one still listens"));
    assert_eq!(client.get("/plaintext").status, 200);
}

fn a_unix_socket_left_by_a_killed_server_is_replaced_and_a_file_is_not(engine: Engine) {
    let scratch = Scratch::new();
    let path = scratch.path("socket");
    let listen = format!("unix:{}", path.display());
    drop(Server::spawn(Server::command(engine, &["--listen", &listen])));
    assert!(path.exists(), "a killed server removes nothing");
    let server = Server::spawn(Server::command(engine, &["--listen", &listen]));
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code, 0);
    assert!(!path.exists(), "a drained server removes its socket");
    scratch.write("socket", "somebody's file");
    assert_eq!(Server::run(Server::command(engine, &["--listen", &listen])).code, 1);
    assert_eq!(std::fs::read_to_string(&path).expect("the file is still there"), "somebody's file");
}

fn several_listeners_are_served_at_once(engine: Engine) {
    let scratch = Scratch::new();
    let path = scratch.path("socket");
    let unix = format!("unix:{}", path.display());
    let flags = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0", "--listen", &unix];
    let server = Server::spawn_with_listeners(Server::command(engine, &flags), 3);
    for listener in server.listeners() {
        let status = match listener.strip_prefix("http://") {
            Some(address) => {
                let stream = std::net::TcpStream::connect(address).expect("the server accepts");
                Client::new(stream).get("/plaintext").status
            }
            None => {
                Client::over(UnixStream::connect(&path).expect("the server accepts")).get("/plaintext").status
            }
        };
        assert_eq!(status, 200, "{listener}");
    }
}

fn ipv6_is_served(engine: Engine) {
    let server = Server::spawn(Server::command(engine, &["--listen", "[::1]:0"]));
    assert_eq!(server.connect().get("/plaintext").status, 200);
}
