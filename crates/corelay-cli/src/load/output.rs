//! The files of a run: its figures as JSON, its distribution as `.hgrm`, both as a page.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use corelay_load::{Plan, Report};
use serde::Serialize;

use super::Run;
use super::condition::Held;
use super::page;

/// The file of `--json`.
#[derive(Serialize)]
struct Document<'r> {
    corelay: &'static str,
    url: &'r str,
    /// Whether the figures are of a part of the run only, and why.
    partial: bool,
    partial_because: Option<String>,
    /// The conditions of `--fail-on` that hold, with what was found.
    failed: Vec<String>,
    /// Where the load came from; a server on the same machine is among the other processes.
    machine: serde_json::Value,
    plan: &'r Plan,
    report: &'r Report,
}

pub(super) fn write(run: &Run<'_>, plan: &Plan, held: &[Held]) -> anyhow::Result<()> {
    if let Some(path) = &run.options.json {
        let partial_because = run.partial();
        let document = Document {
            corelay: env!("CARGO_PKG_VERSION"),
            url: &run.options.target.url,
            partial: partial_because.is_some(),
            partial_because,
            failed: held.iter().map(Held::to_string).collect(),
            machine: run.machine.json(),
            plan,
            report: run.report,
        };
        let write = |out: &mut BufWriter<File>| {
            serde_json::to_writer(&mut *out, &document)?;
            Ok(writeln!(out)?)
        };
        to_file(path, write).with_context(|| cannot("--json", path))?;
    }
    if let (Some(path), Some(group)) = (&run.options.hdr, run.report.groups.first()) {
        let write = |out: &mut BufWriter<File>| Ok(group.distribution.write_hgrm(out)?);
        to_file(path, write).with_context(|| cannot("--hdr", path))?;
    }
    if let Some(path) = &run.options.html {
        let write = |out: &mut BufWriter<File>| Ok(out.write_all(page::of(run).html().as_bytes())?);
        to_file(path, write).with_context(|| cannot("--html", path))?;
    }
    Ok(())
}

fn to_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out)?;
    out.flush()?;
    Ok(())
}

fn cannot(flag: &str, path: &Path) -> String {
    format!("cannot write the file of {flag}, {}", path.display())
}
