//! What h2load reports of one run.

use anyhow::{Context, Result};

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Run {
    pub(crate) requests: u64,
    pub(crate) requests_per_second: f64,
    pub(crate) errors: u64,
    /// Of the answers, without heads and framing.
    pub(crate) body_bytes: u64,
}

/// What one run did, from what h2load said.
pub(crate) fn parse(output: &str) -> Result<Run> {
    let mut run = Run::default();
    for line in output.lines() {
        if let Some(rest) = line.strip_prefix("finished in ") {
            let rate = rest.split(", ").nth(1).and_then(|part| part.strip_suffix(" req/s"));
            run.requests_per_second = rate.context("no req/s")?.parse()?;
        } else if let Some(rest) = line.strip_prefix("requests: ") {
            let count = |what: &str| -> Option<u64> {
                rest.split(", ").find_map(|part| part.strip_suffix(what)?.trim().parse().ok())
            };
            run.requests = count("succeeded").context("no succeeded")?;
            // Those that failed are the errored and the timed out ones again.
            run.errors = count("failed").unwrap_or(0);
        } else if let Some(rest) = line.strip_prefix("traffic: ") {
            // `1.50KB (1536) data`, behind the total and the heads.
            let bytes = rest.rsplit_once('(').and_then(|(_, last)| last.strip_suffix(") data"));
            run.body_bytes = bytes.context("no bytes of data")?.parse()?;
        }
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn a_summary_is_read() {
        let output = "starting benchmark...\n\nfinished in 2.00s, 1999.50 req/s, 280.00KB/s\n\
            requests: 3999 total, 4063 started, 3999 done, 3998 succeeded, 1 failed, 1 errored, 0 timeout\n\
            status codes: 3998 2xx, 0 3xx, 0 4xx, 0 5xx\n\
            traffic: 562.21KB (575704) total, 304.51KB (311818) headers (space savings 0.00%), 124.97KB (127968) data\n";
        let run = Run { requests: 3998, requests_per_second: 1999.5, errors: 1, body_bytes: 127_968 };
        assert_eq!(parse(output).unwrap(), run);
    }

    #[test]
    fn another_format_is_an_error() {
        assert!(parse("finished in 2.00s\n").is_err());
        assert!(parse("traffic: 1KB\n").is_err());
    }
}
