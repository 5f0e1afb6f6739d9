//! Carries out a plan: in this process, or in several that are together one load.

use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use corelay_load::{Plan, Progress, Report};
use corelay_poll::{Signal, Signals};

use super::line::Line;
use super::wire::{GO, STOP, Said};

/// How often signals are looked for while drivers say nothing.
const LOOK: Duration = Duration::from_millis(100);

/// What was found, and what was not.
pub(super) struct Driven {
    pub(super) report: Report,
    /// Drivers that ended without a report.
    pub(super) lost: Option<String>,
}

/// Carries it out. SIGINT and SIGTERM end it early, with what was found until then.
pub(super) fn drive(plan: &Plan, processes: u32) -> anyhow::Result<Driven> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let mut line = Line::begin(plan);
    let driven = match plan.split(processes) {
        parts if parts.len() > 1 => drive_all(&parts, &signals, &mut line),
        _ => drive_here(plan, &signals, &mut line),
    };
    line.end();
    driven
}

fn drive_here(plan: &Plan, signals: &Signals, line: &mut Line) -> anyhow::Result<Driven> {
    let watch = |so_far: &Progress| {
        line.show(so_far);
        if signals.next().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let report = corelay_load::run_watched(plan, || (), watch)?;
    Ok(Driven { report, lost: None })
}

fn drive_all(parts: &[Plan], signals: &Signals, line: &mut Line) -> anyhow::Result<Driven> {
    let (said, heard) = mpsc::channel();
    let mut drivers = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        drivers.push(Driver::start(index, part, said.clone()).context("cannot start a load driver")?);
    }
    drop(said);
    let mut waiting = drivers.len();
    loop {
        match heard.recv_timeout(LOOK) {
            Ok((index, said)) => {
                let driver: &mut Driver = &mut drivers[index];
                if matches!(said, Some(Said::Opened) | None) && !driver.is_ready {
                    driver.is_ready = true;
                    waiting -= 1;
                    if waiting == 0 {
                        drivers.iter_mut().for_each(|driver| driver.tell(GO));
                    }
                }
                drivers[index].hear(said);
                line.show(&together(&drivers));
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Every driver has ended.
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if signals.next().is_some() {
            drivers.iter_mut().for_each(|driver| driver.tell(STOP));
            // Those that wait for others begin, and end at once.
            drivers.iter_mut().for_each(|driver| driver.tell(GO));
        }
    }
    conclude(drivers)
}

fn together(drivers: &[Driver]) -> Progress {
    let mut all = drivers.iter().map(|driver| driver.so_far);
    let first = all.next().unwrap_or_default();
    all.fold(first, |mut sum, other| {
        sum.add(&other);
        sum
    })
}

fn conclude(drivers: Vec<Driver>) -> anyhow::Result<Driven> {
    let (all, mut reports, mut reasons) = (drivers.len(), Vec::new(), Vec::new());
    for mut driver in drivers {
        let status = driver.child.wait()?;
        match (driver.report, driver.failure) {
            (Some(report), _) => reports.push(report),
            (None, Some(reason)) => reasons.push(reason),
            (None, None) => reasons.push(format!("a load driver ended without a report: {status}")),
        }
    }
    if reports.is_empty() {
        bail!("{}", reasons.first().map_or("no load driver was started", String::as_str));
    }
    let lost =
        reasons.first().map(|reason| format!("{} of {all} processes failed ({reason})", reasons.len()));
    Ok(Driven { report: Report::merge(reports)?, lost })
}

/// One process, and what it has said.
struct Driver {
    child: Child,
    input: ChildStdin,
    so_far: Progress,
    /// Its connections are open, or it has ended.
    is_ready: bool,
    report: Option<Report>,
    failure: Option<String>,
}

impl Driver {
    fn start(index: usize, plan: &Plan, said: mpsc::Sender<(usize, Option<Said>)>) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(super::DRIVER).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C is for the terminal's foreground group: this process hears it, and tells the drivers.
        let mut child = command.process_group(0).spawn()?;
        let input = child.stdin.take().context("its input is piped")?;
        let output = child.stdout.take().context("its output is piped")?;
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let read = serde_json::from_str(&line);
                let read =
                    read.unwrap_or_else(|error| Said::Failed(format!("a driver said {line:?}: {error}")));
                if said.send((index, Some(read))).is_err() {
                    return;
                }
            }
            // Nobody listens any more.
            let _ = said.send((index, None));
        });
        let mut driver =
            Self { child, input, so_far: Progress::default(), is_ready: false, report: None, failure: None };
        driver.tell(&serde_json::to_string(plan)?);
        Ok(driver)
    }

    /// To one that has ended, nothing is told.
    fn tell(&mut self, line: &str) {
        let _ = writeln!(self.input, "{line}");
    }

    fn hear(&mut self, said: Option<Said>) {
        match said {
            Some(Said::Progress(so_far)) => self.so_far = so_far,
            Some(Said::Report(report)) => self.report = Some(*report),
            Some(Said::Failed(reason)) => self.failure = Some(reason),
            Some(Said::Opened) | None => {}
        }
    }
}
