//! Names without files (unix(7), "Abstract").

use rustix::net::SocketAddrUnix;
use std::io;

pub(crate) fn local_name(name: &str) -> io::Result<SocketAddrUnix> {
    Ok(SocketAddrUnix::new_abstract_name(name.as_bytes())?)
}
