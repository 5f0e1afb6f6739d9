//! One run of wrk: its command line and what it reports.

use anyhow::{Context, Result, ensure};

use super::options::Section;
use super::servers::words;
use super::tools::Tools;

/// The CPU the load is pinned to when servers have CPU 0.
const LOAD_CPU: &str = "1";

/// wrk's connections, as in the acceptance.
const CONNECTIONS: &str = "-c64";

/// What one run did.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) requests: u64,
    pub(crate) requests_per_second: f64,
    /// Socket errors, timeouts and answers other than 2xx or 3xx. Not requests: these are counted besides.
    pub(crate) errors: u64,
}

/// The command for a section's load.
pub(crate) fn command(section: Section, seconds: u32, url: &str, tools: &Tools) -> Result<Vec<String>> {
    let duration = format!("-d{seconds}s");
    let wrk = tools.program("wrk")?;
    let mut words = match section {
        // The server has two CPUs here: the load has the others, or shares where there are none.
        Section::AcceptKeepAlive | Section::AcceptClose if tools.cpus < 4 => words(&[&wrk, "-t1"]),
        Section::AcceptKeepAlive | Section::AcceptClose => {
            words(&["taskset", "-c", &format!("2-{}", tools.cpus - 1), &wrk, "-t2"])
        }
        _ => words(&["taskset", "-c", LOAD_CPU, &wrk, "-t1"]),
    };
    words.extend([CONNECTIONS.into(), duration]);
    if section == Section::Pipelined {
        words.extend(["-s".into(), "crates/corelay-bench/wrk/pipeline.lua".into()]);
    }
    if section.closes() {
        words.extend(["-H".into(), "Connection: close".into()]);
    }
    words.push(url.into());
    Ok(words)
}

/// Runs a command made by [`command`].
pub(crate) fn run(words: &[String], tools: &Tools) -> Result<Run> {
    let output = tools.command(words).output().context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    parse(&text).with_context(|| format!("wrk said: {text}"))
}

/// What one run did, from what wrk said.
pub(crate) fn parse(text: &str) -> Result<Run> {
    let mut run = Run { requests: 0, requests_per_second: 0.0, errors: 0 };
    for line in text.lines().map(str::trim) {
        if let Some((requests, _)) = line.split_once(" requests in ") {
            run.requests = requests.parse()?;
        } else if let Some(rate) = line.strip_prefix("Requests/sec:") {
            run.requests_per_second = rate.trim().parse()?;
        } else if line.starts_with("Socket errors:") || line.starts_with("Non-2xx") {
            run.errors += line.split([' ', ',']).filter_map(|word| word.parse::<u64>().ok()).sum::<u64>();
        }
    }
    ensure!(run.requests > 0 && run.requests_per_second > 0.0, "no request was answered");
    Ok(run)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    const REPORT: &str = "Running 2s test @ http://127.0.0.1:8080/plaintext\n\
        \x20 1 threads and 64 connections\n\
        \x20 Thread Stats   Avg      Stdev     Max   +/- Stdev\n\
        \x20   Latency   637.32us   96.32us   2.21ms   81.29%\n\
        \x20 210303 requests in 2.10s, 26.07MB read\n";

    #[test]
    fn a_clean_report_gives_requests_and_rate() {
        let run = parse(&format!("{REPORT}Requests/sec: 100135.52\nTransfer/sec:     12.41MB\n")).unwrap();
        assert_eq!(run, Run { requests: 210_303, requests_per_second: 100_135.52, errors: 0 });
    }

    #[test]
    fn every_kind_of_error_is_counted() {
        let errors =
            "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n";
        let run = parse(&format!("{REPORT}{errors}Requests/sec: 1.00\n")).unwrap();
        assert_eq!(run.errors, 15);
    }

    #[test]
    fn a_run_without_an_answer_is_no_measurement() {
        assert!(parse("  0 requests in 2.10s, 0.00B read\nRequests/sec:      0.00\n").is_err());
        assert!(parse("").is_err());
    }
}
