//! A Unix socket is an address like any other: its peers have none, and its path ends with the server.

use super::support::{Client, PATIENCE, Serving, one_core};
use corelay::config::Address;
use corelay::http::Request;
use corelay::{Router, Server};
use std::os::unix::net::UnixStream;
use std::path::Path;

fn peer(request: &mut Request<'_>) -> String {
    format!("{:?}", request.peer())
}

fn client(path: &Path) -> Client<UnixStream> {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Client::over(stream)
}

#[test]
fn its_peers_have_no_address_and_its_path_is_removed_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let server = Server::new(one_core()).listen(Address::Unix(path.clone())).unwrap();
    assert_eq!(server.addresses(), [Address::Unix(path.clone())]);
    let serving = Serving::of(server, Router::new().get("/", peer));
    let mut client = client(&path);
    assert_eq!(client.get("/").text(), "None");
    assert_eq!(client.get("/").text(), "None", "the connection is kept");
    assert_eq!(serving.status().connections, 1);
    serving.end().unwrap();
    assert!(!path.exists());
}

#[test]
fn it_is_served_beside_tcp_whose_peers_do_have_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let server = Server::new(one_core()).listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let serving =
        Serving::of(server.listen(Address::Unix(path.clone())).unwrap(), Router::new().get("/", peer));
    assert!(serving.client().get("/").text().starts_with("Some(127.0.0.1:"));
    assert_eq!(client(&path).get("/").text(), "None");
    serving.end().unwrap();
}

#[test]
fn a_server_that_never_serves_removes_its_path_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let server = Server::new(one_core()).listen(Address::Unix(path.clone())).unwrap();
    assert!(path.exists());
    drop(server);
    assert!(!path.exists());
}
