//! Machines on one network: network namespaces (network_namespaces(7)) on a bridge.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The balancer's machine, the clients' and the nodes'. Dropping it removes them.
pub(crate) struct Machines {
    prefix: String,
    names: Vec<String>,
}

/// As in `deploy/haproxy/haproxy.cfg`.
pub(crate) const BALANCER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);

/// The address of the node with this number, from 1.
pub(crate) fn node_address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, u8::try_from(10 + number).expect("a few nodes"))
}

impl Machines {
    /// The balancer, on whose machine the bridge is, the clients' machine, and so many nodes.
    pub(crate) fn new(nodes: usize) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("corelay-{}-c{number}", std::process::id());
        let mut machines = Self { prefix, names: Vec::new() };
        let balancer = machines.add("balancer");
        ip(&["-n", &balancer, "link", "add", "lan", "type", "bridge"]);
        ip(&["-n", &balancer, "address", "add", &format!("{BALANCER}/24"), "dev", "lan"]);
        ip(&["-n", &balancer, "link", "set", "lan", "up"]);
        machines.plug_in("client", CLIENT);
        for number in 1..=nodes {
            machines.plug_in(&format!("node{number}"), node_address(number));
        }
        machines
    }

    fn add(&mut self, machine: &str) -> String {
        let name = self.name(machine);
        self.names.push(name.clone());
        ip(&["netns", "add", &name]);
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        name
    }

    /// One more machine, with a wire to the bridge.
    fn plug_in(&mut self, machine: &str, address: Ipv4Addr) {
        let (name, balancer) = (self.add(machine), self.name("balancer"));
        let peer = ["peer", "name", machine, "netns", &balancer];
        ip(&[&["-n", &name, "link", "add", "wire", "type", "veth"][..], &peer].concat());
        ip(&["-n", &balancer, "link", "set", machine, "master", "lan"]);
        ip(&["-n", &balancer, "link", "set", machine, "up"]);
        ip(&["-n", &name, "address", "add", &format!("{address}/24"), "dev", "wire"]);
        ip(&["-n", &name, "link", "set", "wire", "up"]);
    }

    fn name(&self, machine: &str) -> String {
        format!("{}-{machine}", self.prefix)
    }

    /// The same command on this machine. It keeps its process id.
    pub(crate) fn command(&self, machine: &str, command: &Command) -> Command {
        let mut there = Command::new("ip");
        there
            .args(["netns", "exec", &self.name(machine)])
            .arg(command.get_program())
            .args(command.get_args());
        there
    }

    /// Does it on a thread of this machine: a socket stays where it was made.
    pub(crate) fn within<R: Send>(&self, machine: &str, make: impl FnOnce() -> R + Send) -> R {
        let there = File::open(format!("/run/netns/{}", self.name(machine))).expect("ip netns has made it");
        let inside = || {
            move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may go there");
            make()
        };
        std::thread::scope(|scope| scope.spawn(inside).join().expect("it does not panic"))
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "delete", name]).stderr(Stdio::null()).status();
        }
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("ip is needed (apt-get install iproute2): {error}"));
    assert!(
        output.status.success(),
        "ip {}: {}: these tests need network namespaces, which only root may make, and not in every container",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim(),
    );
}
