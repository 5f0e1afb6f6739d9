//! Names are files on FreeBSD and macOS.

use rustix::net::SocketAddrUnix;
use std::io;

pub(crate) fn local_name(name: &str) -> io::Result<SocketAddrUnix> {
    Ok(SocketAddrUnix::new(format!("/tmp/{name}"))?)
}
