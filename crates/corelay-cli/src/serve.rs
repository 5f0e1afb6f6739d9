//! `corelay serve`: settings, log, listeners, the demo, and an exit status at the end.

use std::io;
use std::sync::Arc;

use clap::ArgMatches;
use corelay::config::{Address, Cores};
use corelay::{Change, Error, Server};

use crate::admin::{self, Admin, Token};
use crate::log::{self, Log, LogLevel};
use crate::settings::Options;
use crate::systemd::{self, Service};
use crate::upgrade::notes;
use crate::upgrade::pid_file::PidFile;
use crate::{FAILURE, SUCCESS, USAGE, complain, demo};

/// Serves until drained; the exit status.
pub(crate) fn run(flags: &ArgMatches) -> u8 {
    let options = match Options::gather(flags) {
        Ok(options) => options,
        Err(error) => {
            complain(format_args!("{error}\n\nFor more information, try 'corelay serve --help'."));
            return USAGE;
        }
    };
    // Held until the end: dropping it writes out what is queued.
    let log = log::start(options.log, options.log_level);
    let placed_by = match options.config.cores {
        Cores::Cpus(_) => "--cpus",
        _ => "--cores",
    };
    let token = match options.admin_token_file.as_deref().map(Token::read).transpose() {
        Ok(token) => token,
        Err(error) => {
            complain(error);
            return USAGE;
        }
    };
    let pid_file = match options.pid_file.as_deref().map(PidFile::prepare).transpose() {
        Ok(file) => file.map(Arc::new),
        Err(error) => {
            complain(format_args!("cannot write the file of --pid-file: {error}"));
            return FAILURE;
        }
    };
    let served = serve(options, token, log.as_ref().map(Log::level), pid_file.clone());
    // Whoever else has it may be a thread that outlives this one.
    if let Some(file) = pid_file {
        file.remove();
    }
    match served {
        Ok(()) => SUCCESS,
        // Only the machine knows which processors there are, so this one bad value is found late.
        Err(error @ Error::Cores { .. }) => {
            complain(format_args!("invalid value for {placed_by}: {error}"));
            USAGE
        }
        Err(error) => {
            complain(error);
            FAILURE
        }
    }
}

fn serve(
    options: Options,
    token: Option<Token>,
    level: Option<Arc<LogLevel>>,
    pid_file: Option<Arc<PidFile>>,
) -> corelay::Result<()> {
    let mut server = Server::new(options.config).listen_on_inherited()?;
    for socket in systemd::sockets().map_err(|source| Error::Socket { source })? {
        server = server.listen_on(socket)?;
    }
    if options.is_told_to_listen || server.addresses().is_empty() {
        for address in options.listen {
            server = server.listen(address)?;
        }
    }
    let plain = server.addresses().len();
    for address in options.proxy_listen {
        server = server.listen_proxied(address)?;
    }
    let admin = options.admin.map(Admin::bind).transpose()?;
    let service = Service::of(server.handle());
    let server = server.on_change(move |change| {
        match (&change, &pid_file) {
            (Change::Serving | Change::TookOver { .. }, Some(file)) => file.publish(),
            (Change::Upgraded { by }, Some(file)) => file.hand_over(*by),
            _ => {}
        }
        service.hear(&change);
        notes::tell(&change);
    });
    let places = Places {
        plain: &server.addresses()[..plain],
        proxied: &server.addresses()[plain..],
        admin: admin.as_ref().and_then(Admin::address),
    };
    // Bound, so connections queue from here on: whoever waits for the line may connect when it appears. Once is enough: whoever
    // read it from the first process of many need not read on, and a pipe that is full must not hold up an upgrade.
    if !server.takes_over() {
        announce(&mut io::stdout().lock(), places);
    }
    let started = admin.map(|admin| admin.serve(server.handle(), token, level)).transpose();
    let admin = started.map_err(|source| Error::Thread { name: "corelay-admin".into(), source })?;
    let ended = server.serve(demo::router(options.fault_routes));
    // Last: it tells of the drain while there is one.
    admin.into_iter().for_each(admin::Serving::end);
    ended
}

/// Where a server listens.
struct Places<'a> {
    plain: &'a [Address],
    /// For proxies.
    proxied: &'a [Address],
    admin: Option<&'a Address>,
}

/// Tells where the server listens, a line for each address, and what to try. A closed standard output is no
/// reason not to serve.
fn announce(out: &mut impl io::Write, places: Places<'_>) {
    let _ = write_announcement(out, places);
}

fn write_announcement(out: &mut impl io::Write, places: Places<'_>) -> io::Result<()> {
    if let Some(admin) = places.admin {
        writeln!(out, "admin on {}", url(admin))?;
    }
    for address in places.proxied {
        writeln!(out, "proxies on {}", url(address))?;
    }
    for address in places.plain {
        writeln!(out, "listening on {}", url(address))?;
    }
    let Some(first) = places.plain.first() else { return out.flush() };
    let curl = match first {
        Address::Unix(path) => format!("curl --unix-socket {} http://localhost", path.display()),
        _ => format!("curl {}", url(first)),
    };
    writeln!(out, "\ntry")?;
    for (path, options) in demo::TRY {
        writeln!(out, "  {}{}", quoted(&curl, path), options)?;
    }
    writeln!(
        out,
        "  corelay status {}\n\nCtrl-C drains and ends it; `corelay serve --help` tells the rest",
        url(first)
    )?;
    out.flush()
}

/// A shell takes `?` and `&` for itself, so a URL with a query stands in quotes.
fn quoted(curl: &str, path: &str) -> String {
    match curl.rsplit_once(' ') {
        Some((command, origin)) if path.contains('?') => format!("{command} '{origin}{path}'"),
        _ => format!("{curl}{path}"),
    }
}

fn url(address: &Address) -> String {
    match address {
        Address::Tcp(address) => format!("http://{address}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn announcement(addresses: &[Address]) -> String {
        let mut out = Vec::new();
        announce(&mut out, Places { plain: addresses, proxied: &[], admin: None });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_address_has_a_line_and_the_first_is_used_to_try() {
        let text = announcement(&[
            Address::Tcp("127.0.0.1:8080".parse().unwrap()),
            Address::Tcp("[::1]:9090".parse().unwrap()),
            Address::Unix("/run/corelay.sock".into()),
        ]);
        let expected = "\
listening on http://127.0.0.1:8080
listening on http://[::1]:9090
listening on unix:/run/corelay.sock
";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("curl http://127.0.0.1:8080/json\n"), "{text}");
        assert!(text.contains("curl 'http://127.0.0.1:8080/random?n=5&max=6'\n"), "{text}");
    }

    #[test]
    fn where_proxies_connect_is_told_apart() {
        let mut out = Vec::new();
        let proxied = [Address::Tcp("10.0.0.5:8080".parse().unwrap())];
        announce(&mut out, Places { plain: &[], proxied: &proxied, admin: None });
        assert_eq!(String::from_utf8(out).unwrap(), "proxies on http://10.0.0.5:8080\n");
    }

    #[test]
    fn a_unix_socket_is_tried_with_curls_option_for_it() {
        let text = announcement(&[Address::Unix("/run/corelay.sock".into())]);
        assert!(text.contains("curl --unix-socket /run/corelay.sock http://localhost/json\n"), "{text}");
        assert!(text.contains("corelay status unix:/run/corelay.sock\n"), "{text}");
    }
}
