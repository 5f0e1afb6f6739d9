//! A status as Prometheus reads it: the text format, version 0.0.4.
//!
//! Written by hand, for there is a snapshot to write and nothing to register: a family is a name, a kind, a line of help and
//! its samples. The naming follows <https://prometheus.io/docs/practices/naming/>: base units, `_total` for what only grows.
//! `promtool check metrics` is run over it in the tests.

use crate::status::{CoreStatus, Phase, Status};
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

/// The value of `Content-Type` for [`Status::to_prometheus`].
pub const PROMETHEUS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Status {
    /// The counters as a page that Prometheus scrapes; its content type is [`PROMETHEUS_CONTENT_TYPE`].
    ///
    /// What each metric means, and what to alert on, is in `docs/operations.md`.
    ///
    /// ```
    /// use corelay::{Config, Server};
    ///
    /// let page = Server::new(Config::default()).handle().status().to_prometheus();
    /// assert!(page.contains("# TYPE corelay_connections gauge\ncorelay_connections 0\n"));
    /// ```
    pub fn to_prometheus(&self) -> String {
        let mut page = Page::default();
        self.write_server(&mut page);
        self.write_connections(&mut page);
        self.write_work(&mut page);
        self.write_cores(&mut page);
        self.write_service(&mut page);
        page.0
    }

    fn write_server(&self, page: &mut Page) {
        page.family("corelay_build_info", GAUGE, "Which release and engine this is; always 1.")
            .sample(&[("version", &self.version), ("engine", &self.engine)], 1);
        page.one("corelay_uptime_seconds", GAUGE, "Time since the server started.", self.uptime_s);
        page.one("corelay_upgrades", GAUGE, "Processes that have served before this one.", self.upgrades);
        let ready = u8::from(self.ready);
        page.one("corelay_ready", GAUGE, "1 while a balancer should send new work.", ready);
        let mut phases = page.family("corelay_phase", GAUGE, "1 for the phase the server is in.");
        for (name, phase) in
            [("serving", Phase::Serving), ("unready", Phase::Unready), ("draining", Phase::Draining)]
        {
            phases.sample(&[("phase", name)], u8::from(self.phase == phase));
        }
    }

    fn write_connections(&self, page: &mut Page) {
        page.one("corelay_connections", GAUGE, "Open connections.", self.connections);
        let kept = "Bytes that connections keep: gathered bodies, input that waits, unread answers.";
        page.one("corelay_buffered_bytes", GAUGE, kept, self.buffered_bytes);
        page.one("corelay_buffered_bytes_max", GAUGE, "The most that they may be.", self.buffered_bytes_max);
        let given_back = "Times that memory was given back after connections had kept much of it.";
        page.one("corelay_memory_given_back_total", COUNTER, given_back, self.memory_given_back);
        page.each(
            "corelay_connections_accepted_total",
            COUNTER,
            "Connections given to each core.",
            &self.cores,
            |core| core.connections_accepted,
        );
        let mut closes = BTreeMap::<&str, u64>::new();
        for (reason, count) in self.cores.iter().flat_map(|core| &core.closes) {
            *closes.entry(reason).or_default() += count;
        }
        page.family("corelay_connections_closed_total", COUNTER, "Closed connections by reason.")
            .samples("reason", closes);
        page.family("corelay_refused_total", COUNTER, "Connections and requests refused by each limit.")
            .samples("limit", self.refused.iter().map(|(limit, count)| (limit.as_str(), *count)));
        page.family("corelay_shed_total", COUNTER, "Requests refused under overload by cause.")
            .samples("cause", self.shed.iter().map(|(cause, count)| (cause.as_str(), *count)));
        page.one(
            "corelay_accept_pauses_total",
            COUNTER,
            "Times accepting paused for want of file descriptors.",
            self.accept_pauses,
        );
    }

    /// What cores and service threads both do, under one name, so that a sum over it is the server's.
    fn write_work(&self, page: &mut Page) {
        let service = &self.service;
        page.family("corelay_requests_total", COUNTER, "Answered requests by who answered them.")
            .of_cores(&self.cores, |core| core.requests)
            .sample(&[("core", "service")], service.requests);
        page.family("corelay_received_bytes_total", COUNTER, "Bytes received.")
            .of_cores(&self.cores, |core| core.received_bytes)
            .sample(&[("core", "service")], service.received_bytes);
        page.family("corelay_sent_bytes_total", COUNTER, "Bytes sent.")
            .of_cores(&self.cores, |core| core.sent_bytes)
            .sample(&[("core", "service")], service.sent_bytes);
        page.family("corelay_handler_seconds_total", COUNTER, "Time in handlers; sampled under load.")
            .of_cores(&self.cores, |core| core.handler_ms / 1e3)
            .sample(&[("core", "service")], service.handler_ms / 1e3);
        page.family("corelay_handler_panics_total", COUNTER, "Panics of handlers and other user code.")
            .of_cores(&self.cores, |core| core.handler_panics)
            .sample(&[("core", "service")], service.handler_panics);
    }

    fn write_cores(&self, page: &mut Page) {
        let cores = &self.cores;
        page.each("corelay_core_connections", GAUGE, "Open connections of each core.", cores, |core| {
            core.connections
        });
        page.each(
            "corelay_core_busy_ratio",
            GAUGE,
            "Part of the last 0.1 s it wanted to run.",
            cores,
            |core| core.busy,
        );
        page.each("corelay_core_wake_ups_total", COUNTER, "Times its poller returned.", cores, |core| {
            core.wake_ups
        });
        page.each("corelay_core_relays_total", COUNTER, "Times it was relayed.", cores, |core| {
            core.core_relays
        });
        page.each(
            "corelay_core_relays_false_total",
            COUNTER,
            "Of its relays, those that were needless.",
            cores,
            |core| core.false_core_relays,
        );
        page.each(
            "corelay_core_stalled_seconds_total",
            COUNTER,
            "Time it stood still for want of a thread.",
            cores,
            |core| core.core_stalled_ms as f64 / 1e3,
        );
        page.each(
            "corelay_connection_relays_total",
            COUNTER,
            "Connections it relayed to a service thread.",
            cores,
            |core| core.connection_relays,
        );
        page.each(
            "corelay_connections_passed_in_total",
            COUNTER,
            "Connections busier cores passed to it.",
            cores,
            |core| core.connections_passed_in,
        );
        page.each(
            "corelay_connections_passed_on_total",
            COUNTER,
            "Connections it passed to less busy cores.",
            cores,
            |core| core.connections_passed_on,
        );
        page.each(
            "corelay_connections_moved_in_total",
            COUNTER,
            "Connections it took over from the process before, in an upgrade.",
            cores,
            |core| core.connections_moved_in,
        );
        page.each(
            "corelay_connections_moved_away_total",
            COUNTER,
            "Connections it gave to the process after, in an upgrade.",
            cores,
            |core| core.connections_moved_away,
        );
    }

    fn write_service(&self, page: &mut Page) {
        let service = &self.service;
        page.family("corelay_service_threads", GAUGE, "Service threads by what they do.")
            .sample(&[("state", "busy")], service.threads.saturating_sub(service.standby))
            .sample(&[("state", "standby")], service.standby);
        page.one(
            "corelay_service_threads_limit",
            GAUGE,
            "The most that may be busy at present.",
            service.threads_limit,
        );
        page.one("corelay_service_threads_max", GAUGE, "The most there may be.", service.threads_max);
        page.one(
            "corelay_learnt_routes",
            GAUGE,
            "Routes that were learnt to wait.",
            self.learnt_routes.len() as u64,
        );
    }
}

const GAUGE: &str = "gauge";
const COUNTER: &str = "counter";

#[derive(Default)]
struct Page(String);

/// A metric, and the page its samples are written to.
struct Family<'a> {
    page: &'a mut String,
    name: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { page: &mut self.0, name }
    }

    fn one(&mut self, name: &'static str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help).sample(&[], value);
    }

    fn each<T: Display>(
        &mut self,
        name: &'static str,
        kind: &str,
        help: &str,
        cores: &[CoreStatus],
        value: impl Fn(&CoreStatus) -> T,
    ) {
        self.family(name, kind, help).of_cores(cores, value);
    }
}

impl Family<'_> {
    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.page.push_str(self.name);
        for (index, (name, text)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.page, "{open}{name}=\"{}\"", escaped(text));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.page, "{close} {value}");
        self
    }

    fn samples<'a>(&mut self, label: &str, counts: impl IntoIterator<Item = (&'a str, u64)>) {
        for (text, count) in counts {
            self.sample(&[(label, text)], count);
        }
    }

    fn of_cores<T: Display>(&mut self, cores: &[CoreStatus], value: impl Fn(&CoreStatus) -> T) -> &mut Self {
        for core in cores {
            self.sample(&[("core", &core.core.to_string())], value(core));
        }
        self
    }
}

/// A label's value: backslash, quote and line feed are all that the format escapes.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_its_line() {
        let mut page = Page::default();
        page.family("f", GAUGE, "h").sample(&[("a", "x\"\n\\"), ("b", "")], 1.5);
        assert_eq!(page.0, "# HELP f h\n# TYPE f gauge\nf{a=\"x\\\"\\n\\\\\",b=\"\"} 1.5\n");
    }

    #[test]
    fn every_family_is_written_once_and_counters_are_totals() {
        let page = Status::not_serving().to_prometheus();
        let types: Vec<&str> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let mut names: Vec<&str> = types.iter().filter_map(|line| line.split(' ').nth(2)).collect();
        for line in &types {
            assert_eq!(line.ends_with(COUNTER), line.contains("_total "), "{line}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), types.len());
    }
}
