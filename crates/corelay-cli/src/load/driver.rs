//! `corelay load-driver`: one of the processes of a load. It carries out its part of the plan and does as it is told meanwhile.

use std::cell::RefCell;
use std::io::{self, BufRead as _, Write as _};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use anyhow::Context as _;
use corelay_load::{Plan, Progress, Report};

use super::wire::{GO, STOP, Said};
use crate::{FAILURE, SUCCESS, complain};

/// Drives the plan that standard input begins with; the exit status.
pub(crate) fn run() -> u8 {
    let outcome = drive();
    let said = match &outcome {
        Ok(report) => Said::Report(report.clone()),
        Err(error) => Said::Failed(format!("{error:#}")),
    };
    match (say(&said), outcome) {
        (Ok(()), Ok(_)) => SUCCESS,
        (Err(error), _) => {
            complain(format_args!("cannot write to standard output: {error}"));
            FAILURE
        }
        (Ok(()), Err(_)) => FAILURE,
    }
}

fn drive() -> anyhow::Result<Box<Report>> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let plan: Plan = serde_json::from_str(&line).context("standard input is no plan in JSON")?;
    corelay_poll::limits::raise_open_files().context("cannot raise the limit of open files")?;
    let (begin, told) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&stop);
    thread::spawn(move || listen(&begin, &stops));
    let unsaid = RefCell::new(None);
    let tell = |said: &Said| {
        if let Err(error) = say(said) {
            unsaid.replace(Some(error));
        }
    };
    let opened = || {
        tell(&Said::Opened);
        // An input that has ended begins it too, and stops it at once.
        let _ = told.recv();
    };
    let watch = |so_far: &Progress| {
        tell(&Said::Progress(*so_far));
        let is_stopped = stop.swap(false, Ordering::Relaxed) || unsaid.borrow().is_some();
        if is_stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    Ok(Box::new(corelay_load::run_watched(&plan, opened, watch)?))
}

/// Hears what it is told, until nobody is left to tell it.
fn listen(begin: &mpsc::Sender<()>, stop: &AtomicBool) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match line.as_str() {
            // Who waits for it may have ended.
            GO => drop(begin.send(())),
            STOP => stop.store(true, Ordering::Relaxed),
            _ => {}
        }
    }
    stop.store(true, Ordering::Relaxed);
}

fn say(said: &Said) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, said)?;
    writeln!(out)?;
    out.flush()
}
