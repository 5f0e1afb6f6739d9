//! Connections opened before the run begins, one after another.
//!
//! Thousands that are opened at once find the server's accept queue full (4,096, where nobody raised `net.core.somaxconn`):
//! the kernel drops what does not fit and tries again 1 s, 3 s and 7 s later, in the middle of what is measured. One after
//! another, a connection that finds the queue full waits, and no others are behind it while the server empties it.
//!
//! The first that fails ends the opening: what it would have opened is opened by the run, which counts what fails.
//! Deliberately absent: connections that are to be placed, which [`placement`](crate::placement) opens.

use crate::Plan;
use std::io;
use std::net::TcpStream;

/// For each group, its connections, in the plan's order; fewer than it wants if one failed.
pub(crate) fn open(plan: &Plan) -> Vec<Vec<TcpStream>> {
    let wanted = plan.groups.iter().map(|group| match group.placement {
        Some(_) => 0,
        None => group.connections,
    });
    let open = |count: u32| (0..count).map_while(|_| connect(plan).ok()).collect();
    wanted.map(open).collect()
}

fn connect(plan: &Plan) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&plan.address, plan.timeout)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
