//! A status as text: a line about the server, then a row for each core, one for the service threads and one
//! for all.
//!
//! Deliberately plain: columns under their names, right-aligned numbers, nothing that a log file or a narrow
//! terminal would garble. Whether a core is in a handler is left to the JSON: the one that answers is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use corelay::status::{CoreStatus, Phase, ServiceStatus, Status};

use crate::demo::status::DemoStatus;

/// The columns; the last is text and stands left-aligned.
const COLUMNS: [&str; 10] = [
    "core",
    "cpu",
    "connections",
    "accepted",
    "requests",
    "received",
    "sent",
    "handlers",
    "relays",
    "closes",
];

type Row = [String; COLUMNS.len()];

/// The whole text, ending in a line end.
pub(super) fn render(status: &DemoStatus) -> String {
    let DemoStatus { server: status, log_lines_lost } = status;
    let mut rows: Vec<Row> = vec![COLUMNS.map(str::to_owned)];
    rows.extend(status.cores.iter().map(core_row));
    rows.push(service_row(&status.service));
    rows.push(total_row(status));
    let mut text = headline(status);
    text.push_str("\n\n");
    align(&rows, &mut text);
    text.push_str(&footer(status));
    if *log_lines_lost > 0 {
        let _ = writeln!(text, "the log has lost {log_lines_lost} lines");
    }
    text
}

fn headline(status: &Status) -> String {
    let phase = match status.phase {
        Phase::Serving => "serving",
        Phase::Unready => "serving, unready: about to drain",
        Phase::Draining => "draining",
    };
    let (version, engine) = (status.version.escape_debug(), status.engine.escape_debug());
    format!("corelay {version}, engine {engine}: {phase}, up {}", seconds(status.uptime_s))
}

fn core_row(core: &CoreStatus) -> Row {
    [
        core.core.to_string(),
        core.cpu.map_or_else(|| "-".to_owned(), |cpu| cpu.to_string()),
        core.connections.to_string(),
        core.connections_accepted.to_string(),
        core.requests.to_string(),
        bytes(core.received_bytes),
        bytes(core.sent_bytes),
        seconds(core.handler_ms / 1e3),
        relays(core.connection_relays, core.core_relays),
        reasons(&core.closes),
    ]
}

/// Service threads have no connections of their own: they are counted where they came from.
fn service_row(service: &ServiceStatus) -> Row {
    let absent = || "-".to_owned();
    [
        "service".to_owned(),
        absent(),
        absent(),
        absent(),
        service.requests.to_string(),
        bytes(service.received_bytes),
        bytes(service.sent_bytes),
        seconds(service.handler_ms / 1e3),
        absent(),
        absent(),
    ]
}

fn total_row(status: &Status) -> Row {
    let (cores, service) = (&status.cores, &status.service);
    let sum = |count: fn(&CoreStatus) -> u64| cores.iter().map(count).fold(0, u64::saturating_add);
    let mut all = BTreeMap::new();
    for (reason, count) in cores.iter().flat_map(|core| &core.closes) {
        *all.entry(reason.clone()).or_insert(0) += count;
    }
    [
        "all".to_owned(),
        String::new(),
        status.connections.to_string(),
        sum(|core| core.connections_accepted).to_string(),
        sum(|core| core.requests).saturating_add(service.requests).to_string(),
        bytes(sum(|core| core.received_bytes).saturating_add(service.received_bytes)),
        bytes(sum(|core| core.sent_bytes).saturating_add(service.sent_bytes)),
        seconds((cores.iter().map(|core| core.handler_ms).sum::<f64>() + service.handler_ms) / 1e3),
        relays(sum(|core| core.connection_relays), sum(|core| core.core_relays)),
        reasons(&all),
    ]
}

fn footer(status: &Status) -> String {
    let ServiceStatus { threads, standby, threads_max, refused, .. } = status.service;
    let mut text =
        format!("\nservice threads: {threads} of at most {threads_max}, {standby} idle, {refused} refused\n");
    let (kept, most) = (bytes(status.buffered_bytes), bytes(status.buffered_bytes_max));
    let _ = writeln!(text, "buffered: {kept} of at most {most}");
    if status.refused.values().any(|count| *count > 0) {
        let _ = writeln!(text, "refused: {}", reasons(&status.refused));
    }
    if status.accept_pauses > 0 {
        let _ =
            writeln!(text, "accepting paused {} times for want of file descriptors", status.accept_pauses);
    }
    let panics = status.cores.iter().map(|core| core.handler_panics);
    let panics = panics.fold(status.service.handler_panics, u64::saturating_add);
    if panics > 0 {
        let _ = writeln!(text, "handlers panicked {panics} times");
    }
    text.push_str("relays: connections to service threads / the core itself\n");
    text
}

/// `12/0`: connections relayed to a service thread, and times the core was relayed.
fn relays(connections: u64, core: u64) -> String {
    format!("{connections}/{core}")
}

/// `idle 3, peer 12`: reasons that did happen, escaped because the names came over the network.
fn reasons(counts: &BTreeMap<String, u64>) -> String {
    let happened = counts.iter().filter(|(_, count)| **count > 0);
    let each: Vec<_> = happened.map(|(reason, count)| format!("{} {count}", reason.escape_debug())).collect();
    if each.is_empty() { "-".to_owned() } else { each.join(", ") }
}

/// Three digits and a binary unit: `999 B`, `1.50 KiB`, `12.0 GiB`.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    // 999.5 would be printed as 1000, four digits.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// The two largest units that matter: `12.3 ms`, `45.6 s`, `3m 20s`, `2h 5m`, `12d 3h`.
fn seconds(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        _ if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{}m {}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h {}m", whole / 3600, whole / 60 % 60),
        _ => format!("{}d {}h", whole / 86_400, whole / 3600 % 24),
    }
}

/// Writes the rows with each column as wide as its widest cell.
fn align(rows: &[Row], text: &mut String) {
    let last = COLUMNS.len() - 1;
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..last).map(width).collect();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "{cell:>width$}  ");
        }
        text.push_str(&row[last]);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use serde_json::json;

    use super::*;

    fn core(number: usize, requests: u64) -> serde_json::Value {
        json!({
            "core": number, "cpu": number + 2, "connections": 3, "connections_accepted": 10,
            "requests": requests,
            "received_bytes": 2048, "sent_bytes": 3 << 20, "handler_ms": 12.34, "in_handler": number == 1,
            "wake_ups": 5,
            "connection_relays": 4, "core_relays": 1, "closes": {"idle": 2, "peer\u{1b}[2J": 5},
        })
    }

    fn status() -> DemoStatus {
        serde_json::from_value(json!({
            "version": "0.1.0", "engine": "cores", "phase": "serving", "ready": true, "uptime_s": 200.0,
            "connections": 6, "buffered_bytes": 3 << 20, "buffered_bytes_max": 1 << 30, "accept_pauses": 1, "log_lines_lost": 3,
            "refused": {"no_service_thread": 0, "too_many_connections": 7},
            "cores": [core(0, 1_000_000), core(1, 7)],
            "service": {
                "threads": 2, "standby": 1, "threads_max": 2048, "requests": 9, "received_bytes": 0,
                "sent_bytes": 10,
                "handler_ms": 61000.0, "refused": 0, "handler_panics": 2,
            },
        }))
        .unwrap()
    }

    #[test]
    fn each_core_has_a_row_and_the_last_row_sums_up() {
        let text = render(&status());
        let expected = "\
corelay 0.1.0, engine cores: serving, up 3m 20s

   core  cpu  connections  accepted  requests  received      sent  handlers  relays  closes
      0    2            3        10   1000000  2.00 KiB  3.00 MiB   12.3 ms     4/1  idle 2, peer\\u{1b}[2J 5
      1    3            3        10         7  2.00 KiB  3.00 MiB   12.3 ms     4/1  idle 2, peer\\u{1b}[2J 5
service    -            -         -         9       0 B      10 B     1m 1s       -  -
    all                 6        20   1000016  4.00 KiB  6.00 MiB     1m 1s     8/2  idle 4, peer\\u{1b}[2J 10

service threads: 2 of at most 2048, 1 idle, 0 refused
buffered: 3.00 MiB of at most 1.00 GiB
refused: too_many_connections 7
accepting paused 1 times for want of file descriptors
handlers panicked 2 times
relays: connections to service threads / the core itself
the log has lost 3 lines
";
        assert_eq!(text, expected);
    }

    #[test]
    fn amounts_have_three_digits_and_a_unit() {
        let shown = [0, 1023, 1024, 10 << 10, 1023 << 10, 1 << 20, 12 << 30, u64::MAX].map(bytes);
        assert_eq!(
            shown,
            ["0 B", "1023 B", "1.00 KiB", "10.0 KiB", "1.00 MiB", "1.00 MiB", "12.0 GiB", "16.0 EiB"]
        );
        let shown = [0.0, 0.0123, 45.61, 200.0, 7500.0, 1_047_600.0].map(seconds);
        assert_eq!(shown, ["0.0 ms", "12.3 ms", "45.6 s", "3m 20s", "2h 5m", "12d 3h"]);
    }
}
