//! Connections opened before the run begins, one after another.
//!
//! Thousands that are opened at once find the server's accept queue full (4,096, where nobody raised `net.core.somaxconn`):
//! the kernel drops what does not fit and tries again 1 s, 3 s and 7 s later, in the middle of what is measured. One after
//! another, a connection that finds the queue full waits, and no others are behind it while the server empties it.
//!
//! The first that fails ends the opening: what it would have opened is opened by the run, which counts what fails.
//! Deliberately absent: connections that are to be placed, which [`placement`](crate::placement) opens.

use crate::{Plan, link, source};
use std::io;
use std::net::TcpStream;

/// For each group, its connections, in the plan's order; fewer than it wants if one failed, or if `proceed`, told how many are open,
/// says no.
pub(crate) fn open(plan: &Plan, mut proceed: impl FnMut(u64) -> bool) -> Vec<Vec<TcpStream>> {
    let mut number = 0;
    let mut all = Vec::new();
    for group in &plan.groups {
        let mut streams = Vec::new();
        let wanted = if group.placement.is_some() { 0 } else { group.connections };
        for connection in 0..wanted {
            match connect(plan, number + u64::from(connection)) {
                Ok(stream) if proceed(number + u64::from(connection) + 1) => streams.push(stream),
                _ => break,
            }
        }
        number += u64::from(group.connections);
        all.push(streams);
    }
    all
}

fn connect(plan: &Plan, number: u64) -> io::Result<TcpStream> {
    let socket = link::unconnected(plan.address, source::of_connection(&plan.sources, number))?;
    socket.connect_timeout(&plan.address.into(), plan.timeout)?;
    Ok(socket.into())
}
