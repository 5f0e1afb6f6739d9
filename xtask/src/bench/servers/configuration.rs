//! The configuration files of nginx and h2o: the fastest honest way each has to answer `Hello, World!`.
//!
//! One worker (unless a bench asks for more), no access log, nothing closed for being idle or old. nginx answers from its configuration (`return`); h2o
//! has no such thing without mruby and serves a file of those thirteen bytes, whose descriptor it keeps open.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use corelay_bench::response;
use rustix::process::{Resource, geteuid, getrlimit};

/// Connections a server may hold: more than the idle ones that are opened.
const CONNECTIONS_MAX: u32 = 16_384;

/// What nginx is told of its processes, when there is to be one.
pub(crate) const ONE_WORKER: &str = "worker_processes 1;";

/// Writes nginx's configuration into a directory and gives the file's path.
///
/// `workers` is what it says of its processes, `locations` what is served besides the fixed text.
pub(crate) fn nginx(
    directory: &Path,
    addresses: &[SocketAddr],
    workers: &str,
    locations: &str,
) -> Result<String> {
    let here = directory.display();
    // Else the worker would give up root for a user who may not enter the directory.
    let user = if geteuid().is_root() { "user root;\n" } else { "" };
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::from(CONNECTIONS_MAX) * 2);
    let mut text = format!(
        "{user}daemon off;\n{workers}\nworker_rlimit_nofile {files};\npid {here}/pid;\n\
         error_log stderr crit;\n\
         events {{ worker_connections {CONNECTIONS_MAX}; }}\n\
         http {{\n  access_log off;\n  default_type text/plain;\n\
         \x20 keepalive_timeout 600s;\n  keepalive_requests 1000000000;\n"
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(text, "  {kind}_temp_path {here}/{kind};")?;
    }
    writeln!(text, "  server {{")?;
    for address in addresses {
        writeln!(text, "    listen {address} backlog=4096;")?;
    }
    writeln!(text, "    location = {} {{ return 200 \"{}\"; }}", response::PATH, response::BODY)?;
    writeln!(text, "{locations}  }}\n}}")?;
    write(directory, "nginx.conf", &text)
}

/// Writes h2o's configuration, and the file it serves, into a directory and gives the configuration's path.
pub(super) fn h2o(directory: &Path, addresses: &[SocketAddr]) -> Result<String> {
    let served = write(directory, "plaintext.txt", response::BODY)?;
    let user = if geteuid().is_root() { "user: root\n" } else { "" };
    let mut text =
        format!("{user}num-threads: 1\nmax-connections: {CONNECTIONS_MAX}\nhttp1-request-timeout: 600\n");
    for address in addresses {
        // The key once an address: h2o takes no sequence here.
        writeln!(text, "listen: {{ host: {}, port: {} }}", address.ip(), address.port())?;
    }
    writeln!(text, "hosts:\n  default:\n    paths:\n      {}:\n        file.file: {served}", response::PATH)?;
    write(directory, "h2o.conf", &text)
}

fn write(directory: &Path, name: &str, text: &str) -> Result<String> {
    let path = directory.join(name);
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}
