//! Two machines and a link between them: network namespaces (network_namespaces(7)) joined by a veth pair.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, Type};

use crate::support::{Client, Server};

/// The server's machine and the client's. Dropping it removes both.
pub(crate) struct Link {
    server: String,
    client: String,
}

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

impl Link {
    /// Two machines that can reach each other, at 20 Mbit a second.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = |end: &str| format!("corelay-{}-{number}-{end}", std::process::id());
        let link = Self { server: name("server"), client: name("client") };
        for namespace in [&link.server, &link.client] {
            run("ip", &["netns", "add", namespace]);
            run("ip", &["-n", namespace, "link", "set", "lo", "up"]);
        }
        let peer = ["peer", "name", "wire", "netns", &link.client];
        run("ip", &[&["-n", &link.server, "link", "add", "wire", "type", "veth"][..], &peer].concat());
        for (namespace, address) in [(&link.server, "10.77.0.1/24"), (&link.client, "10.77.0.2/24")] {
            run("ip", &["-n", namespace, "address", "add", address, "dev", "wire"]);
            run("ip", &["-n", namespace, "link", "set", "wire", "up"]);
            let shape = ["root", "tbf", "rate", "20mbit", "burst", "32k", "latency", "100ms"];
            run("tc", &[&["-n", namespace, "qdisc", "add", "dev", "wire"][..], &shape].concat());
        }
        link
    }

    /// Starts a server on the one machine, listening on the link and on its own loopback alike.
    pub(crate) fn serve(&self, serve: &Command) -> Server {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.server]).arg(serve.get_program()).args(serve.get_args());
        command.args(["--listen", "0.0.0.0:0"]);
        Server::spawn(command)
    }

    /// Has each end lose this part of the packets that arrive.
    pub(crate) fn lose(&self, part: f64) {
        let part = part.to_string();
        for namespace in [&self.server, &self.client] {
            let which = ["-i", "wire", "-m", "statistic", "--mode", "random", "--probability", &part];
            let rule = [&["-I", "INPUT"][..], &which, &["-j", "DROP"]].concat();
            run("ip", &[&["netns", "exec", namespace, "iptables"][..], &rule].concat());
        }
    }

    /// Cuts it: from here on nothing arrives, and neither end is told.
    pub(crate) fn cut(&self) {
        self.lose(1.0);
    }

    /// A connection from the other machine.
    pub(crate) fn connect(&self, server: &Server, receive_buffer_bytes: Option<usize>) -> Client {
        let address = SocketAddr::from((SERVER, server.address().port()));
        within(&self.client, || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets can be made");
            if let Some(bytes) = receive_buffer_bytes {
                socket.set_recv_buffer_size(bytes).expect("SO_RCVBUF takes any size");
            }
            socket.connect(&address.into()).expect("the server accepts");
            Client::new(socket.into())
        })
    }

    /// A connection from the server's own machine.
    pub(crate) fn connect_beside(&self, server: &Server) -> Client {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.address().port()));
        within(&self.server, || Client::new(TcpStream::connect(address).expect("the server accepts")))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for namespace in [&self.server, &self.client] {
            let _ = Command::new("ip").args(["netns", "delete", namespace]).status();
        }
    }
}

/// Does it on a thread of that namespace: a socket stays where it was made.
fn within<R: Send>(namespace: &str, make: impl FnOnce() -> R + Send) -> R {
    let there = File::open(format!("/run/netns/{namespace}")).expect("ip netns has made it");
    let inside = || {
        move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("root may go there");
        make()
    };
    std::thread::scope(|scope| scope.spawn(inside).join().expect("it does not panic"))
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status();
    let status = status.unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    assert!(status.success(), "{program} {}: {status} (it needs root)", arguments.join(" "));
}
